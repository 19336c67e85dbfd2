/* insert.c - new tasks: one, each on its own, or all or none. */
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include <stdlib.h>
#include <string.h>

#define TRIES 4

/* ---- what is in the way ---- */

static bool
takes_key(const struct sk_record *r)
{
	return r->unique_key[0] != '\0' && !sk_phase_final(r->life.phase);
}

enum sk_code
sk_mg_obstacle(struct sk_mg_conn *c, const struct sk_record *r, struct sk_arena *a,
	struct sk_record **found, struct sk_err *err)
{
	enum sk_code code = sk_mg_read_id(c, r->id, a, found, err);

	if (code == SK_OK && *found == NULL && takes_key(r))
		code = sk_mg_key_owner(c, r->unique_key, a, found, err);
	return code;
}

/* ---- one task ---- */

static enum sk_code
write_one(struct sk_mg_conn *c, const struct sk_record *r, int64_t claim, uint64_t *seq,
	struct sk_err *err)
{
	const struct sk_mg_stamp stamp = { .seq = sk_mg_seq(c->s), .claim = claim };
	bson_t doc = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_record(&doc, r, &stamp);
	code = sk_mg_insert_one(c, SK_MG_TASKS, &doc, err);
	bson_destroy(&doc);
	*seq = code == SK_OK ? stamp.seq : 0;
	return code;
}

struct alone {
	struct sk_mg_conn *c;
	const struct sk_record *r;
	struct sk_arena *a;
	enum sk_code code;
	struct sk_record *found;
	uint64_t seq;
	bool again; /* what was in the way is gone */
};

/* Its id is there: as a task, or as the draft of an insert that may be dead. */
static enum sk_code
look_why(struct alone *g, struct sk_err *err)
{
	bool busy = false;
	enum sk_code code = sk_mg_read_id(g->c, g->r->id, g->a, &g->found, err);

	g->code = SK_ECONFLICT;
	if (code != SK_OK || g->found != NULL)
		return code;
	code = sk_mg_clear_way(g->c, g->r->id, &busy, err);
	if (code == SK_OK && busy)
		return sk_fail(
			err, SK_EUNAVAIL, "task %s is being stored by another at this moment", g->r->id);
	g->again = true;
	return code;
}

static enum sk_code
try_keyed(struct alone *g, struct sk_err *err)
{
	int64_t token = sk_mg_token(g->c->s);
	enum sk_mg_claim how = SK_MG_CLAIMED;
	struct sk_err later;
	enum sk_code code = sk_mg_read_id(g->c, g->r->id, g->a, &g->found, err);

	if (code == SK_OK && g->found != NULL) { /* its own id counts first */
		g->code = SK_ECONFLICT;
		return SK_OK;
	}
	if (code == SK_OK)
		code = sk_mg_claim_key(g->c, g->r->unique_key, g->r->id, token, g->a, &how, &g->found, err);
	if (code != SK_OK)
		return code;
	if (how == SK_MG_BUSY)
		return sk_fail(
			err, SK_EUNAVAIL, "the unique key %s is being taken by another", g->r->unique_key);
	if (how == SK_MG_TAKEN) {
		g->code = SK_ECONFLICT;
		return SK_OK;
	}
	g->found = NULL; /* whose it was */
	code = write_one(g->c, g->r, token, &g->seq, err);
	if (code != SK_ECONFLICT)
		return code;
	(void)sk_mg_release_key(g->c, g->r->unique_key, token, &later);
	return look_why(g, err);
}

static enum sk_code
try_plain(struct alone *g, struct sk_err *err)
{
	enum sk_code code = write_one(g->c, g->r, 0, &g->seq, err);

	return code == SK_ECONFLICT ? look_why(g, err) : code;
}

/* A document that cannot be read is in the way as well: there is nothing to show for it. */
enum sk_code
sk_mg_insert_alone(struct sk_mg_conn *c, const struct sk_record *r, struct sk_arena *a,
	enum sk_code *code, struct sk_record **found, uint64_t *seq, struct sk_err *err)
{
	struct alone g = { .c = c, .r = r, .a = a };
	enum sk_code rc = SK_OK;

	for (int i = 0; i < TRIES && rc == SK_OK; i++) {
		g.code = SK_OK;
		g.again = false;
		rc = takes_key(r) ? try_keyed(&g, err) : try_plain(&g, err);
		if (!g.again)
			break;
	}
	*code = g.code;
	*found = g.code == SK_ECONFLICT ? g.found : NULL;
	*seq = g.code == SK_OK && rc == SK_OK ? g.seq : 0;
	return rc;
}

/* ---- many, each on its own: one command for those that need nothing else ---- */

struct slot {
	struct sk_op_insert *op;
	size_t i;
};

static void
start_op(struct sk_op_insert *op)
{
	op->codes = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->codes));
	op->found = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->found));
	op->seqs = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->seqs));
}

static void
slot_alone(struct sk_mg_conn *c, struct slot *s)
{
	struct sk_op_insert *op = s->op;
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = SK_EUNAVAIL;

	if (op->op.code != SK_OK)
		return;
	if (c->lost)
		sk_fail(&err, SK_EUNAVAIL, "MongoDB: the connection was lost");
	else
		code = sk_mg_insert_alone(c, op->records[s->i], op->op.arena, &op->codes[s->i],
			&op->found[s->i], &op->seqs[s->i], &err);
	if (code != SK_OK)
		sk_op_answer(&op->op, code, &err);
}

/* Which of the documents the server refused because their id is there; anything else is about all
 * of them. */
static bool
only_clashes(const bson_t *reply, bool *clash, size_t n)
{
	bson_iter_t it, list, one;
	size_t count = 0;

	if (!bson_iter_init_find(&it, reply, "writeErrors") || !bson_iter_recurse(&it, &list))
		return false;
	while (bson_iter_next(&list)) {
		int64_t index = -1, code = 0;

		if (!bson_iter_recurse(&list, &one))
			return false;
		while (bson_iter_next(&one))
			if (strcmp(bson_iter_key(&one), "index") == 0)
				(void)sk_mg_take_i64(&one, &index);
			else if (strcmp(bson_iter_key(&one), "code") == 0)
				(void)sk_mg_take_i64(&one, &code);
		if (code != 11000 || index < 0 || (size_t)index >= n)
			return false;
		clash[index] = true;
		count++;
	}
	return count > 0 && !bson_has_field(reply, "writeConcernErrors.0");
}

static void
fail_slots(struct slot *slots, size_t n, enum sk_code code, const struct sk_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (slots[i].op->op.code == SK_OK)
			sk_op_answer(&slots[i].op->op, code, err);
}

static void
encode(struct sk_mg_conn *c, struct slot *s, bson_t *doc)
{
	const struct sk_mg_stamp stamp = { .seq = sk_mg_seq(c->s) };

	bson_init(doc);
	sk_mg_put_record(doc, s->op->records[s->i], &stamp);
	s->op->seqs[s->i] = stamp.seq;
}

static void
insert_chunk(struct sk_mg_conn *c, struct slot *slots, size_t n)
{
	bson_t docs[SK_MG_CHUNK], opts = BSON_INITIALIZER, reply;
	const bson_t *list[SK_MG_CHUNK];
	bool clash[SK_MG_CHUNK] = { false };
	bson_error_t e = { 0 };
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = SK_OK;

	for (size_t i = 0; i < n; i++) {
		encode(c, &slots[i], &docs[i]);
		list[i] = &docs[i];
	}
	BSON_APPEND_BOOL(&opts, "ordered", false);
	BSON_APPEND_BOOL(&opts, "validate", false);
	if (!mongoc_collection_insert_many(c->coll[SK_MG_TASKS], list, n, &opts, &reply, &e)) {
		code = sk_mg_code(c, &e, &reply, &err);
		if (code != SK_EUNAVAIL && only_clashes(&reply, clash, n))
			code = SK_OK;
	}
	if (code != SK_OK)
		fail_slots(slots, n, code, &err);
	for (size_t i = 0; i < n; i++) {
		if (code == SK_OK && clash[i])
			slot_alone(c, &slots[i]);
		bson_destroy(&docs[i]);
	}
	bson_destroy(&reply);
	bson_destroy(&opts);
}

/* In order: an id that comes twice begins a new command, a unique key is done alone. */
static void
insert_slots(struct sk_mg_conn *c, struct slot *slots, size_t n)
{
	size_t at = 0;

	while (at < n && !c->lost) {
		struct sk_map ids = SK_MAP_INIT;
		size_t end = at;

		while (end < n && end - at < SK_MG_CHUNK) {
			const struct sk_record *r = slots[end].op->records[slots[end].i];

			if (takes_key(r) || sk_map_find(&ids, sk_map_key(r->id)) != NULL)
				break;
			sk_map_put(&ids, sk_map_key(r->id), &slots[end++]);
		}
		sk_map_release(&ids);
		if (end > at + 1)
			insert_chunk(c, &slots[at], end - at);
		else {
			slot_alone(c, &slots[at]);
			end = at + 1;
		}
		at = end;
	}
	for (; at < n; at++)
		slot_alone(c, &slots[at]); /* refused */
}

void
sk_mg_insert_run(struct sk_mg_conn *c, struct sk_op **ops, size_t n)
{
	struct slot *slots = sk_xreallocarray(NULL, n, sizeof(*slots));

	for (size_t i = 0; i < n; i++) {
		struct sk_op_insert *op = (struct sk_op_insert *)ops[i];

		start_op(op);
		slots[i] = (struct slot){ op, 0 };
	}
	insert_slots(c, slots, n);
	for (size_t i = 0; i < n; i++) {
		struct sk_op_insert *op = (struct sk_op_insert *)ops[i];

		if (op->op.code == SK_OK && op->codes[0] == SK_ECONFLICT && !op->each)
			op->op.code = sk_fail(&op->op.err, SK_ECONFLICT, "task %s: there is already a task %s",
				op->records[0]->id, op->found[0] != NULL ? op->found[0]->id : "like it");
	}
	free(slots);
}

static enum sk_code
insert_each(struct sk_mg_conn *c, struct sk_op_insert *op)
{
	struct slot *slots = sk_xreallocarray(NULL, op->n + 1, sizeof(*slots));

	for (size_t i = 0; i < op->n; i++)
		slots[i] = (struct slot){ op, i };
	insert_slots(c, slots, op->n);
	free(slots);
	return SK_OK;
}

/* ---- all or none ---- */

/* The one before it in the batch that stands in its way. */
static const struct sk_record *
twin(const struct sk_op_insert *op, size_t i, const struct sk_map *seen)
{
	const struct sk_record *r = op->records[i], *other = sk_map_find(seen, sk_map_key(r->id));

	if (other != NULL && strcmp(other->id, r->id) == 0)
		return other;
	if (!takes_key(r))
		return NULL;
	other = sk_map_find(seen, sk_map_key(r->unique_key) ^ 2);
	return other != NULL && strcmp(other->unique_key, r->unique_key) == 0 ? other : NULL;
}

/* The first that another in the batch keeps out; n = none. */
static size_t
first_twin(const struct sk_op_insert *op, const struct sk_record **other)
{
	struct sk_map seen = SK_MAP_INIT;
	size_t i = 0;

	for (; i < op->n; i++) {
		const struct sk_record *r = op->records[i];

		*other = twin(op, i, &seen);
		if (*other != NULL)
			break;
		sk_map_put(&seen, sk_map_key(r->id), (void *)(uintptr_t)r);
		if (takes_key(r))
			sk_map_put(&seen, sk_map_key(r->unique_key) ^ 2, (void *)(uintptr_t)r);
	}
	sk_map_release(&seen);
	return i;
}

/* Nothing was stored: what is in the way of each. */
static enum sk_code
look_at_all(struct sk_mg_conn *c, struct sk_op_insert *op, struct sk_err *err)
{
	struct sk_op_get get = { .op = { .arena = op->op.arena }, .n = op->n };
	struct sk_op *one = &get.op;
	const char **ids = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*ids));
	enum sk_code code = SK_OK;

	for (size_t i = 0; i < op->n; i++)
		ids[i] = op->records[i]->id;
	get.ids = ids;
	sk_mg_get_run(c, &one, 1);
	if (get.op.code != SK_OK) {
		*err = get.op.err;
		return get.op.code;
	}
	for (size_t i = 0; i < op->n && code == SK_OK; i++) {
		op->found[i] = get.records[i];
		if (op->found[i] == NULL && takes_key(op->records[i]))
			code = sk_mg_key_owner(c, op->records[i]->unique_key, op->op.arena, &op->found[i], err);
		op->codes[i] = op->found[i] != NULL ? SK_ECONFLICT : SK_OK;
	}
	return code;
}

/* false: nothing is in the way any more. */
static bool
explain(struct sk_op_insert *op, size_t twin_at, const struct sk_record *other)
{
	size_t bad = 0;

	while (bad < op->n && op->codes[bad] == SK_OK && bad != twin_at)
		bad++;
	if (bad == op->n)
		return false;
	if (op->codes[bad] == SK_OK) {
		op->codes[bad] = SK_ECONFLICT;
		op->found[bad] = sk_record_copy(op->op.arena, other);
	}
	for (size_t i = 0; i < op->n; i++)
		if (op->codes[i] == SK_OK)
			op->codes[i] = SK_ECANCELED;
	op->op.code = sk_fail(&op->op.err, SK_ECONFLICT, "task %s: there is already a task %s",
		op->records[bad]->id, op->found[bad]->id);
	return true;
}

/* An id among them is that of a draft. */
static enum sk_code
clear_drafts(struct sk_mg_conn *c, struct sk_op_insert *op, struct sk_err *err)
{
	enum sk_code code = SK_OK;
	bool busy = false;

	for (size_t i = 0; i < op->n && code == SK_OK && !busy; i++)
		code = sk_mg_clear_way(c, op->records[i]->id, &busy, err);
	if (code == SK_OK && busy)
		return sk_fail(err, SK_EUNAVAIL, "one of the tasks is being stored by another");
	return code;
}

static enum sk_code
insert_all(struct sk_mg_conn *c, struct sk_op_insert *op, struct sk_err *err)
{
	const struct sk_record *other = NULL;
	size_t twin_at = first_twin(op, &other);
	enum sk_code code = SK_OK;

	for (int i = 0; i < TRIES && code == SK_OK; i++) {
		bool clash = twin_at < op->n;

		if (!clash)
			code = sk_mg_insert_staged(c, op, &clash, err);
		if (code != SK_OK || !clash)
			return code;
		code = look_at_all(c, op, err);
		if (code == SK_OK && explain(op, twin_at, other))
			return SK_OK;
		if (code == SK_OK)
			code = clear_drafts(c, op, err);
	}
	return code != SK_OK ? code
						 : sk_fail(err, SK_EUNAVAIL, "something was in the way of the tasks");
}

enum sk_code
sk_mg_insert(struct sk_mg_conn *c, struct sk_op_insert *op, struct sk_err *err)
{
	start_op(op);
	if (op->n == 0)
		return SK_OK;
	if (op->dry)
		return look_at_all(c, op, err);
	return op->each ? insert_each(c, op) : insert_all(c, op, err);
}
