/* keys.c - unique keys: {_id: key, task, claim, at} says whose a key is.
 *
 * A key is claimed before its task is stored or comes back to life; the task then carries the
 * number of the claim. So a claim is seen to be
 *	held		its task is not final
 *	over		its task is final and carries the number: anybody may take the key over
 *	being made	its task is missing, or carries another number: for stale_ms nobody touches it
 * Taking over is a compare-and-set on the number. Nothing is written when a task becomes final. */
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include <string.h>

struct key {
	bool there;
	const char *task;
	int64_t claim, at_ms;
};

struct reading {
	struct sk_arena *a;
	struct key k;
	int64_t claim; /* of a task */
};

static bool
read_key(void *arg, const bson_t *doc)
{
	struct reading *g = arg;
	bson_iter_t it;

	g->k = (struct key){ .there = true, .task = "" };
	if (!bson_iter_init(&it, doc))
		return false;
	while (bson_iter_next(&it)) {
		if (strcmp(bson_iter_key(&it), "task") == 0)
			(void)sk_mg_take_text(&it, g->a, &g->k.task);
		else if (strcmp(bson_iter_key(&it), "claim") == 0)
			(void)sk_mg_take_i64(&it, &g->k.claim);
		else if (strcmp(bson_iter_key(&it), "at") == 0)
			(void)sk_mg_take_i64(&it, &g->k.at_ms);
	}
	return false;
}

static enum sk_code
look_up(
	struct sk_mg_conn *c, const char *key, struct sk_arena *a, struct key *k, struct sk_err *err)
{
	struct reading g = { .a = a };
	bson_t which = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_text(&which, "_id", key);
	code = sk_mg_find(c, SK_MG_KEYS, &which, NULL, read_key, &g, err);
	bson_destroy(&which);
	*k = g.k;
	return code;
}

static bool
read_claim(void *arg, const bson_t *doc)
{
	struct reading *g = arg;
	bson_iter_t it;

	if (bson_iter_init_find(&it, doc, "keyClaim"))
		(void)sk_mg_take_i64(&it, &g->claim);
	return false;
}

static enum sk_code
claim_of(struct sk_mg_conn *c, const char *task, int64_t *claim, struct sk_err *err)
{
	struct reading g = { .claim = 0 };
	bson_t which = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_text(&which, "id", task);
	code = sk_mg_find(c, SK_MG_TASKS, &which, NULL, read_claim, &g, err);
	bson_destroy(&which);
	*claim = g.claim;
	return code;
}

/* ---- the state of a claim ---- */

enum state { FREE, HELD, OVER, MAKING };

static enum sk_code
state_of(struct sk_mg_conn *c, const struct key *k, struct sk_arena *a, enum state *state,
	struct sk_record **owner, struct sk_err *err)
{
	bool old = sk_wall_ms() - k->at_ms > c->s->cfg.stale_ms;
	enum sk_code code;
	int64_t claim = 0;

	*state = FREE;
	*owner = NULL;
	if (!k->there)
		return SK_OK;
	code = sk_mg_read_id(c, k->task, a, owner, err);
	*state = HELD;
	if (code != SK_OK || (*owner != NULL && !sk_phase_final((*owner)->life.phase)))
		return code;
	if (*owner != NULL)
		code = claim_of(c, k->task, &claim, err);
	*state = old || (*owner != NULL && claim == k->claim) ? OVER : MAKING;
	return code;
}

enum sk_code
sk_mg_key_owner(struct sk_mg_conn *c, const char *key, struct sk_arena *a, struct sk_record **owner,
	struct sk_err *err)
{
	struct key k;
	enum state state = FREE;
	enum sk_code code = look_up(c, key, a, &k, err);

	*owner = NULL;
	if (code == SK_OK)
		code = state_of(c, &k, a, &state, owner, err);
	if (state != HELD)
		*owner = NULL;
	return code;
}

/* ---- claiming ---- */

static void
put_claim(bson_t *b, const char *task, int64_t token)
{
	sk_mg_put_text(b, "task", task);
	sk_mg_put_i64(b, "claim", token);
	sk_mg_put_i64(b, "at", sk_wall_ms());
}

static enum sk_code
make(struct sk_mg_conn *c, const char *key, const char *task, int64_t token, struct sk_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_text(&doc, "_id", key);
	put_claim(&doc, task, token);
	code = sk_mg_insert_one(c, SK_MG_KEYS, &doc, err);
	bson_destroy(&doc);
	return code;
}

static enum sk_code
take_over(struct sk_mg_conn *c, const char *key, const struct key *k, const char *task,
	int64_t token, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, set;
	int64_t n;

	sk_mg_put_text(&which, "_id", key);
	sk_mg_put_i64(&which, "claim", k->claim);
	BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &set);
	put_claim(&set, task, token);
	bson_append_document_end(&change, &set);
	n = sk_mg_update(c, SK_MG_KEYS, &which, &change, false, false, err);
	bson_destroy(&which);
	bson_destroy(&change);
	return n < 0 ? err->code : n > 0 ? SK_OK : SK_ECONFLICT;
}

/* SK_ECONFLICT: somebody was quicker, look again. */
static enum sk_code
try(struct sk_mg_conn *c, const char *key, const char *task, int64_t token, struct sk_arena *a,
	enum sk_mg_claim *how, struct sk_record **found, struct sk_err *err)
{
	struct key k;
	enum state state = FREE;
	enum sk_code code = look_up(c, key, a, &k, err);

	if (code == SK_OK)
		code = state_of(c, &k, a, &state, found, err);
	if (code != SK_OK)
		return code;
	*how = SK_MG_CLAIMED;
	switch (state) {
	case FREE:
		return make(c, key, task, token, err);
	case OVER:
		return take_over(c, key, &k, task, token, err);
	case HELD:
		*how = SK_MG_TAKEN;
		return SK_OK;
	case MAKING:
		*how = SK_MG_BUSY;
		return SK_OK;
	}
	return SK_OK;
}

enum sk_code
sk_mg_claim_key(struct sk_mg_conn *c, const char *key, const char *task, int64_t token,
	struct sk_arena *a, enum sk_mg_claim *how, struct sk_record **found, struct sk_err *err)
{
	enum sk_code code = SK_ECONFLICT;

	for (int i = 0; i < 8 && code == SK_ECONFLICT; i++)
		code = try(c, key, task, token, a, how, found, err);
	if (code != SK_ECONFLICT)
		return code;
	*how = SK_MG_BUSY;
	return SK_OK;
}

enum sk_code
sk_mg_release_key(struct sk_mg_conn *c, const char *key, int64_t token, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;
	int64_t n;

	sk_mg_put_text(&which, "_id", key);
	sk_mg_put_i64(&which, "claim", token);
	n = sk_mg_delete(c, SK_MG_KEYS, &which, err);
	bson_destroy(&which);
	return n < 0 ? err->code : SK_OK;
}
