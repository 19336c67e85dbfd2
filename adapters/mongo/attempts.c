/* attempts.c - attempts that were kept: in a collection of their own, and for the moment between
 * two writes in the task itself (move.c). */
#include "adapters/mongo/move.h"
#include "core/base/log.h"
#include <stdlib.h>
#include <string.h>

/* ---- keeping ---- */

static void
put_key(bson_t *b, const char *task, uint32_t attempt)
{
	sk_mg_put_text(b, "task", task);
	sk_mg_put_i64(b, "attempt", attempt);
}

static void
add_copy(mongoc_bulk_operation_t *bulk, const struct sk_mg_stmt *m)
{
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, set, opts = BSON_INITIALIZER;
	bson_error_t e;

	put_key(&which, m->v->id, m->v->ended->attempt);
	BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &set);
	sk_mg_put_text(&set, "task", m->v->id);
	sk_mg_put_attempt(&set, m->v->ended);
	if (m->v->ended->tail == NULL)
		sk_mg_put_null(&set, "tail");
	bson_append_document_end(&change, &set);
	BSON_APPEND_BOOL(&opts, "upsert", true);
	BSON_APPEND_BOOL(&opts, "validate", false);
	if (!mongoc_bulk_operation_update_one_with_opts(bulk, &which, &change, &opts, &e))
		sk_log(SK_ERROR, "store", "an attempt of %s: %s", m->v->id, e.message);
	bson_destroy(&which);
	bson_destroy(&change);
	bson_destroy(&opts);
}

/* Only what this move has left: it may have been told again. */
static void
add_removal(mongoc_bulk_operation_t *bulk, const struct sk_mg_stmt *m)
{
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, unset;
	bson_error_t e;
	char key[32];

	snprintf(key, sizeof(key), "ended.%u", (unsigned)m->v->ended->attempt);
	sk_mg_put_text(&which, "id", m->v->id);
	BSON_APPEND_DOCUMENT_BEGIN(&change, "$unset", &unset);
	sk_mg_put_text(&unset, key, "");
	bson_append_document_end(&change, &unset);
	(void)mongoc_bulk_operation_update_one_with_opts(bulk, &which, &change, NULL, &e);
	bson_destroy(&which);
	bson_destroy(&change);
}

typedef void add_fn(mongoc_bulk_operation_t *bulk, const struct sk_mg_stmt *m);

static bool
run(struct sk_mg_conn *c, enum sk_mg_coll coll, add_fn *add, struct sk_mg_stmt **list, size_t n)
{
	bson_t opts = BSON_INITIALIZER, reply;
	mongoc_bulk_operation_t *bulk;
	bson_error_t e = { 0 };
	struct sk_err err = { SK_OK, "" };

	BSON_APPEND_BOOL(&opts, "ordered", false);
	bulk = mongoc_collection_create_bulk_operation_with_opts(c->coll[coll], &opts);
	for (size_t i = 0; i < n; i++)
		if (list[i]->done && list[i]->v->ended != NULL)
			add(bulk, list[i]);
	if (mongoc_bulk_operation_execute(bulk, &reply, &e) == 0) {
		(void)sk_mg_code(c, &e, &reply, &err);
		sk_log(SK_WARNING, c->s->component, "attempts stay with their tasks for now: %s", err.msg);
	}
	bson_destroy(&reply);
	mongoc_bulk_operation_destroy(bulk);
	bson_destroy(&opts);
	return err.code == SK_OK;
}

void
sk_mg_keep_attempts(struct sk_mg_conn *c, struct sk_mg_stmt **list, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += list[i]->done && list[i]->v->ended != NULL;
	if (count == 0 || c->lost)
		return;
	if (run(c, SK_MG_ATTEMPTS, add_copy, list, n))
		(void)run(c, SK_MG_TASKS, add_removal, list, n);
}

/* ---- reading ---- */

struct reading {
	struct sk_mongo *s;
	struct sk_op_attempts *op;
	struct sk_attempt *all;
	size_t n, cap;
	bool there;
};

/* Sorted; the later one of the same number counts. */
static void
add(struct reading *g, const struct sk_attempt *k)
{
	size_t i = g->n;

	while (i > 0 && g->all[i - 1].attempt > k->attempt)
		i--;
	if (i > 0 && g->all[i - 1].attempt == k->attempt) {
		g->all[i - 1] = *k;
		return;
	}
	if (g->n == g->cap) {
		g->cap = g->cap > 0 ? g->cap * 2 : 8;
		g->all = sk_xreallocarray(g->all, g->cap, sizeof(*g->all));
	}
	memmove(&g->all[i + 1], &g->all[i], (g->n++ - i) * sizeof(*g->all));
	g->all[i] = *k;
}

static bool
add_stored(void *arg, const bson_t *doc)
{
	struct reading *g = arg;
	const struct sk_attempt *k = sk_mg_take_attempt(doc, g->op->op.arena);

	if (k != NULL)
		add(g, k);
	else
		sk_mg_skipped(g->s, doc, SK_COLL_ATTEMPTS, "not an attempt of ours");
	return true;
}

static bool
add_left(void *arg, const bson_t *doc)
{
	struct reading *g = arg;
	bson_iter_t it, child;
	const uint8_t *data;
	uint32_t len;
	bson_t one;

	g->there = !(bson_iter_init_find(&it, doc, "phase") && bson_iter_type(&it) == BSON_TYPE_UTF8 &&
		strcmp(bson_iter_utf8(&it, NULL), SK_MG_STAGED) == 0);
	if (!bson_iter_init_find(&it, doc, "ended") || bson_iter_type(&it) != BSON_TYPE_DOCUMENT ||
		!bson_iter_recurse(&it, &child))
		return false;
	while (bson_iter_next(&child)) {
		const struct sk_attempt *k;

		if (bson_iter_type(&child) != BSON_TYPE_DOCUMENT)
			continue;
		bson_iter_document(&child, &len, &data);
		k = bson_init_static(&one, data, len) ? sk_mg_take_attempt(&one, g->op->op.arena) : NULL;
		if (k != NULL)
			add(g, k);
	}
	return false;
}

static enum sk_code
read_left(struct sk_mg_conn *c, struct reading *g, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER, child;
	enum sk_code code;

	sk_mg_put_text(&which, "id", g->op->id);
	BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &child);
	BSON_APPEND_INT32(&child, "phase", 1);
	BSON_APPEND_INT32(&child, "ended", 1);
	bson_append_document_end(&opts, &child);
	code = sk_mg_find(c, SK_MG_TASKS, &which, &opts, add_left, g, err);
	bson_destroy(&which);
	bson_destroy(&opts);
	return code;
}

/* The task first: what is taken over meanwhile is then found in one of both. Of what is in both
 * the one in the task is the later. */
enum sk_code
sk_mg_attempts(struct sk_mg_conn *c, struct sk_op_attempts *op, struct sk_err *err)
{
	struct reading left = { .s = c->s, .op = op }, all = left;
	bson_t which = BSON_INITIALIZER;
	enum sk_code code = read_left(c, &left, err);

	sk_mg_put_text(&which, "task", op->id);
	if (code == SK_OK && !left.there)
		code = sk_fail(err, SK_ENOENT, "there is no task %s", op->id);
	if (code == SK_OK)
		code = sk_mg_find(c, SK_MG_ATTEMPTS, &which, NULL, add_stored, &all, err);
	for (size_t i = 0; i < left.n; i++)
		add(&all, &left.all[i]);
	op->n = code == SK_OK ? all.n : 0;
	op->attempts = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->attempts));
	if (op->n > 0)
		memcpy(op->attempts, all.all, op->n * sizeof(*op->attempts));
	free(left.all);
	free(all.all);
	bson_destroy(&which);
	return code;
}
