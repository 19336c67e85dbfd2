/* stage.c - all or none without transactions: tasks are written as drafts that nobody sees, one
 * update of one document decides, and then they are made what they are.
 *
 *	skalds.batches {_id: batch, state: "open", writer, at}
 *	tasks: each with phase Staged and the number of the batch
 *	the batch: open -> committed		here it is decided
 *	tasks: phase and lifecycleStatus as they were meant; the batch is removed
 *
 * What a writer has left is finished by whoever finds it: committed goes forward, open goes back
 * when it is older than stale_ms or its own writer has given it up. Going back begins with open ->
 * aborted, so that a slow writer learns of it when it wants to commit.
 *
 * Where an update looks at every document for each one that it changes (scans) this would take
 * minutes. There one insert is one transaction: the tasks are written as they are, all or none but
 * for a clash, and then what went in before is taken back by its mark (`move`). More than a
 * thousand are several inserts, and a crash between them leaves some.
 */
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <stdlib.h>
#include <string.h>

#define RENEW_MS 5000
#define PART 1000 /* tasks that one update unstages */

/* ---- the batch's own document ---- */

static enum sk_code
open_batch(struct sk_mg_conn *c, const char *batch, struct sk_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_text(&doc, "_id", batch);
	sk_mg_put_text(&doc, "state", "open");
	sk_mg_put_i64(&doc, "writer", c->s->writer);
	sk_mg_put_i64(&doc, "at", sk_wall_ms());
	code = sk_mg_insert_one(c, SK_MG_BATCHES, &doc, err);
	bson_destroy(&doc);
	return code;
}

/* From open; SK_ECONFLICT: it is not open any more. */
static enum sk_code
turn(struct sk_mg_conn *c, const char *batch, const char *state, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, set;
	int64_t n;

	sk_mg_put_text(&which, "_id", batch);
	sk_mg_put_text(&which, "state", "open");
	BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &set);
	sk_mg_put_text(&set, "state", state);
	sk_mg_put_i64(&set, "at", sk_wall_ms());
	bson_append_document_end(&change, &set);
	n = sk_mg_update(c, SK_MG_BATCHES, &which, &change, false, false, err);
	bson_destroy(&which);
	bson_destroy(&change);
	if (n == 0)
		return sk_fail(err, SK_ECONFLICT, "the batch was given up by somebody else");
	return n < 0 ? err->code : SK_OK;
}

static enum sk_code
close_batch(struct sk_mg_conn *c, const char *batch, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;
	int64_t n;

	sk_mg_put_text(&which, "_id", batch);
	n = sk_mg_delete(c, SK_MG_BATCHES, &which, err);
	bson_destroy(&which);
	return n < 0 ? err->code : SK_OK;
}

struct batch {
	bool there, ours;
	char state[16];
	int64_t at_ms;
	int64_t writer;
};

static bool
read_batch(void *arg, const bson_t *doc)
{
	struct batch *b = arg;
	bson_iter_t it;

	b->there = true;
	if (bson_iter_init_find(&it, doc, "state") && bson_iter_type(&it) == BSON_TYPE_UTF8)
		snprintf(b->state, sizeof(b->state), "%s", bson_iter_utf8(&it, NULL));
	if (bson_iter_init_find(&it, doc, "at"))
		(void)sk_mg_take_i64(&it, &b->at_ms);
	if (bson_iter_init_find(&it, doc, "writer"))
		(void)sk_mg_take_i64(&it, &b->writer);
	return false;
}

static enum sk_code
look_up(struct sk_mg_conn *c, const char *batch, struct batch *b, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;
	enum sk_code code;

	*b = (struct batch){ .there = false };
	sk_mg_put_text(&which, "_id", batch);
	code = sk_mg_find(c, SK_MG_BATCHES, &which, NULL, read_batch, b, err);
	b->ours = b->there && b->writer == c->s->writer;
	bson_destroy(&which);
	return code;
}

/* ---- forward, back ---- */

#define EVERY_PART (-1)

/* Those of a part that are meant to be in this phase. */
static enum sk_code
unstage_some(
	struct sk_mg_conn *c, const char *batch, int64_t part, enum sk_phase phase, struct sk_err *err)
{
	static const char *const draft[] = { "batch", "batchPart", "stagedPhase", "stagedAt" };
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, child;
	int64_t n;

	sk_mg_put_text(&which, "batch", batch);
	if (part != EVERY_PART)
		sk_mg_put_i64(&which, "batchPart", part);
	sk_mg_put_text(&which, "phase", SK_MG_STAGED);
	sk_mg_put_text(&which, "stagedPhase", sk_phase_name(phase));
	BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &child);
	sk_mg_put_text(&child, "phase", sk_phase_name(phase));
	sk_mg_put_text(&child, "lifecycleStatus", sk_phase_name(phase));
	bson_append_document_end(&change, &child);
	BSON_APPEND_DOCUMENT_BEGIN(&change, "$unset", &child);
	for (size_t i = 0; i < sizeof(draft) / sizeof(draft[0]); i++)
		sk_mg_put_text(&child, draft[i], "");
	bson_append_document_end(&change, &child);
	n = sk_mg_update(c, SK_MG_TASKS, &which, &change, true, false, err);
	bson_destroy(&which);
	bson_destroy(&change);
	return n < 0 ? err->code : SK_OK;
}

static enum sk_code
unstage(struct sk_mg_conn *c, const char *batch, int64_t part, unsigned phases, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	for (int i = 0; i < SK_N_PHASE && code == SK_OK; i++)
		if (phases >> i & 1u)
			code = unstage_some(c, batch, part, (enum sk_phase)i, err);
	return code;
}

static enum sk_code
go_forward(struct sk_mg_conn *c, const char *batch, struct sk_err *err)
{
	enum sk_code code = unstage(c, batch, EVERY_PART, (1u << SK_N_PHASE) - 1, err);

	return code == SK_OK ? close_batch(c, batch, err) : code;
}

struct releasing {
	struct sk_mg_conn *c;
	struct keys {
		char *key;
		int64_t claim;
	} * list;
	size_t n;
};

static bool
note_key(void *arg, const bson_t *doc)
{
	struct releasing *g = arg;
	bson_iter_t it;
	int64_t claim = 0;

	if (bson_iter_init_find(&it, doc, "keyClaim") && sk_mg_take_i64(&it, &claim) &&
		bson_iter_init_find(&it, doc, "uniqueKey") && bson_iter_type(&it) == BSON_TYPE_UTF8) {
		g->list = sk_xreallocarray(g->list, g->n + 1, sizeof(*g->list));
		g->list[g->n++] = (struct keys){ sk_xstrdup(bson_iter_utf8(&it, NULL)), claim };
	}
	return true;
}

/* Of drafts whose writer is gone; a claim without a draft becomes stale. */
static enum sk_code
release_keys(struct sk_mg_conn *c, const char *batch, struct sk_err *err)
{
	struct releasing g = { .c = c };
	bson_t which = BSON_INITIALIZER, not_null;
	enum sk_code code;

	sk_mg_put_text(&which, "batch", batch);
	BSON_APPEND_DOCUMENT_BEGIN(&which, "uniqueKey", &not_null);
	sk_mg_put_null(&not_null, "$ne");
	bson_append_document_end(&which, &not_null);
	code = sk_mg_find(c, SK_MG_TASKS, &which, NULL, note_key, &g, err);
	for (size_t i = 0; i < g.n; i++) {
		if (code == SK_OK)
			code = sk_mg_release_key(c, g.list[i].key, g.list[i].claim, err);
		free(g.list[i].key);
	}
	free(g.list);
	bson_destroy(&which);
	return code;
}

static enum sk_code
go_back(struct sk_mg_conn *c, const char *batch, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;
	enum sk_code code = release_keys(c, batch, err);

	sk_mg_put_text(&which, "batch", batch);
	sk_mg_put_text(&which, "phase", SK_MG_STAGED);
	if (code == SK_OK && sk_mg_delete(c, SK_MG_TASKS, &which, err) < 0)
		code = err->code;
	bson_destroy(&which);
	return code == SK_OK ? close_batch(c, batch, err) : code;
}

/* *busy: it is neither old nor ours. since_ms: of a draft without its batch. */
static enum sk_code
finish(struct sk_mg_conn *c, const char *batch, int64_t since_ms, bool mine, bool *busy,
	struct sk_err *err)
{
	struct batch b;
	enum sk_code code = look_up(c, batch, &b, err);
	int64_t at_ms = b.there ? b.at_ms : since_ms;

	*busy = false;
	if (code != SK_OK)
		return code;
	if (b.there && strcmp(b.state, "committed") == 0)
		return go_forward(c, batch, err);
	if (sk_wall_ms() - at_ms <= c->s->cfg.stale_ms && !(mine && b.ours)) {
		*busy = true;
		return SK_OK;
	}
	if (b.there && strcmp(b.state, "open") == 0)
		code = turn(c, batch, "aborted", err);
	if (code == SK_ECONFLICT) { /* somebody is at it */
		*busy = true;
		return SK_OK;
	}
	if (code == SK_OK)
		sk_log(SK_INFO, c->s->component, "an insert that was not finished is taken back");
	return code == SK_OK ? go_back(c, batch, err) : code;
}

/* ---- what is left of others ---- */

struct draft {
	char batch[64];
	int64_t at_ms;
};

static bool
read_draft(void *arg, const bson_t *doc)
{
	struct draft *d = arg;
	bson_iter_t it;

	if (bson_iter_init_find(&it, doc, "batch") && bson_iter_type(&it) == BSON_TYPE_UTF8)
		snprintf(d->batch, sizeof(d->batch), "%s", bson_iter_utf8(&it, NULL));
	if (bson_iter_init_find(&it, doc, "stagedAt"))
		(void)sk_mg_take_i64(&it, &d->at_ms);
	return false;
}

/* The oldest draft; its batch "" when there is none. */
static enum sk_code
next_draft(struct sk_mg_conn *c, const char *id, struct draft *d, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER, child;
	enum sk_code code;

	*d = (struct draft){ .at_ms = 0 };
	if (id != NULL)
		sk_mg_put_text(&which, "id", id);
	sk_mg_put_text(&which, "phase", SK_MG_STAGED);
	BSON_APPEND_INT64(&opts, "limit", 1);
	BSON_APPEND_DOCUMENT_BEGIN(&opts, "sort", &child);
	BSON_APPEND_INT32(&child, "seq", 1);
	bson_append_document_end(&opts, &child);
	code = sk_mg_find(c, SK_MG_TASKS, &which, &opts, read_draft, d, err);
	bson_destroy(&which);
	bson_destroy(&opts);
	return code;
}

enum sk_code
sk_mg_clear_way(struct sk_mg_conn *c, const char *id, bool *busy, struct sk_err *err)
{
	struct draft d;
	enum sk_code code = next_draft(c, id, &d, err);

	*busy = false;
	if (code != SK_OK || d.batch[0] == '\0')
		return code;
	return finish(c, d.batch, d.at_ms, true, busy, err);
}

/* Batches whose writer ended before a draft was there, or after the last was unstaged. */
static enum sk_code
sweep_batches(struct sk_mg_conn *c, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, older;
	int64_t n;

	BSON_APPEND_DOCUMENT_BEGIN(&which, "at", &older);
	sk_mg_put_i64(&older, "$lt", sk_wall_ms() - 10 * c->s->cfg.stale_ms);
	bson_append_document_end(&which, &older);
	n = sk_mg_delete(c, SK_MG_BATCHES, &which, err);
	bson_destroy(&which);
	return n < 0 ? err->code : SK_OK;
}

enum sk_code
sk_mg_sweep(struct sk_mg_conn *c, struct sk_err *err)
{
	enum sk_code code = SK_OK;
	bool busy = false, left = true;

	for (int i = 0; i < 100 && code == SK_OK && left && !busy; i++) {
		struct draft d;

		code = next_draft(c, NULL, &d, err);
		left = d.batch[0] != '\0';
		if (code == SK_OK && left)
			code = finish(c, d.batch, d.at_ms, false, &busy, err);
	}
	return code == SK_OK && !left ? sweep_batches(c, err) : code;
}

/* ---- writing ---- */

struct staging {
	struct sk_mg_conn *c;
	struct sk_op_insert *op;
	char batch[64];
	int64_t *claims;
	int64_t renewed_ms;
	unsigned phases;
	int64_t mark; /* written as they are, with this; 0 = as drafts */
};

/* *clash: another task has one of the keys. */
static enum sk_code
claim_keys(struct staging *g, bool *clash, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	for (size_t i = 0; i < g->op->n && code == SK_OK && !*clash; i++) {
		const struct sk_record *r = g->op->records[i];
		enum sk_mg_claim how = SK_MG_CLAIMED;
		struct sk_record *owner;
		int64_t token;

		if (r->unique_key[0] == '\0' || sk_phase_final(r->life.phase))
			continue;
		token = sk_mg_token(g->c->s);
		code =
			sk_mg_claim_key(g->c, r->unique_key, r->id, token, g->op->op.arena, &how, &owner, err);
		if (code == SK_OK && how == SK_MG_CLAIMED)
			g->claims[i] = token;
		else if (code == SK_OK && how == SK_MG_TAKEN)
			*clash = true;
		else if (code == SK_OK)
			code = sk_fail(err, SK_EUNAVAIL,
				"the unique key %s is being taken by another at this moment", r->unique_key);
	}
	return code;
}

static enum sk_code
write_chunk(struct staging *g, size_t from, size_t n, bool *clash, struct sk_err *err)
{
	bson_t docs[SK_MG_CHUNK], opts = BSON_INITIALIZER, reply;
	const bson_t *list[SK_MG_CHUNK];
	bson_error_t e = { 0 };
	enum sk_code code = SK_OK;

	for (size_t i = 0; i < n; i++) {
		const struct sk_record *r = g->op->records[from + i];
		const struct sk_mg_stamp stamp = { .seq = sk_mg_seq(g->c->s),
			.claim = g->claims[from + i],
			.batch = g->mark != 0 ? NULL : g->batch,
			.part = (int64_t)((from + i) / PART),
			.now_ms = sk_wall_ms() };

		bson_init(&docs[i]);
		sk_mg_put_record(&docs[i], r, &stamp);
		if (g->mark != 0)
			sk_mg_put_i64(&docs[i], "move", g->mark);
		g->op->seqs[from + i] = stamp.seq;
		g->phases |= 1u << r->life.phase;
		list[i] = &docs[i];
	}
	BSON_APPEND_BOOL(&opts, "ordered", true);
	BSON_APPEND_BOOL(&opts, "validate", false);
	if (!mongoc_collection_insert_many(g->c->coll[SK_MG_TASKS], list, n, &opts, &reply, &e)) {
		code = sk_mg_code(g->c, &e, &reply, err);
		*clash = code == SK_ECONFLICT;
	}
	for (size_t i = 0; i < n; i++)
		bson_destroy(&docs[i]);
	bson_destroy(&reply);
	bson_destroy(&opts);
	return *clash ? SK_OK : code;
}

static enum sk_code
write_drafts(struct staging *g, bool *clash, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	for (size_t at = 0; at < g->op->n && code == SK_OK && !*clash; at += SK_MG_CHUNK) {
		size_t left = g->op->n - at;

		code = write_chunk(g, at, left < SK_MG_CHUNK ? left : SK_MG_CHUNK, clash, err);
		if (code == SK_OK && g->mark == 0 && sk_boot_ms() - g->renewed_ms > RENEW_MS) {
			code = turn(g->c, g->batch, "open", err);
			g->renewed_ms = sk_boot_ms();
		}
	}
	return code;
}

static void
remove_marked(struct staging *g, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;

	sk_mg_put_i64(&which, "move", g->mark);
	if (sk_mg_delete(g->c, SK_MG_TASKS, &which, err) < 0)
		sk_log(SK_WARNING, g->c->s->component,
			"some of the tasks of an insert that failed stay: %s", err->msg);
	bson_destroy(&which);
}

/* What cannot be taken back now is taken back by a sweep. */
static void
take_back(struct staging *g)
{
	struct sk_err err = { SK_OK, "" };

	for (size_t i = 0; i < g->op->n && !g->c->lost; i++)
		if (g->claims[i] != 0)
			(void)sk_mg_release_key(g->c, g->op->records[i]->unique_key, g->claims[i], &err);
	if (!g->c->lost && g->mark != 0)
		remove_marked(g, &err);
	else if (!g->c->lost && turn(g->c, g->batch, "aborted", &err) == SK_OK)
		(void)go_back(g->c, g->batch, &err);
}

static enum sk_code
commit(struct staging *g, struct sk_err *err)
{
	enum sk_code code;

	if (g->mark != 0)
		return SK_OK;
	code = turn(g->c, g->batch, "committed", err);
	if (code == SK_ECONFLICT)
		return sk_fail(err, SK_EUNAVAIL, "the tasks were not stored in time");
	/* From here on they are stored, whoever makes them seen. Part by part: one update of a hundred
	 * thousand would take longer than an answer is waited for. */
	for (size_t at = 0; at < g->op->n && code == SK_OK; at += PART)
		code = unstage(g->c, g->batch, (int64_t)(at / PART), g->phases, err);
	if (code == SK_OK)
		code = close_batch(g->c, g->batch, err);
	return code == SK_OK ? code : sk_wrap(err, "stored, but not all are seen yet");
}

enum sk_code
sk_mg_insert_staged(struct sk_mg_conn *c, struct sk_op_insert *op, bool *clash, struct sk_err *err)
{
	struct staging g = { .c = c, .op = op, .renewed_ms = sk_boot_ms() };
	enum sk_code code;

	*clash = false;
	g.mark = c->s->scans ? sk_mg_token(c->s) : 0;
	snprintf(g.batch, sizeof(g.batch), "%016llx-%016llx", (unsigned long long)c->s->writer,
		(unsigned long long)sk_mg_token(c->s));
	g.claims = sk_xcalloc(op->n, sizeof(*g.claims));
	code = g.mark != 0 ? SK_OK : open_batch(c, g.batch, err);
	if (code == SK_OK)
		code = claim_keys(&g, clash, err);
	if (code == SK_OK && !*clash)
		code = write_drafts(&g, clash, err);
	if (code == SK_OK && !*clash)
		code = commit(&g, err);
	else
		take_back(&g);
	if (code != SK_OK || *clash)
		memset(op->seqs, 0, op->n * sizeof(*op->seqs));
	free(g.claims);
	return code;
}
