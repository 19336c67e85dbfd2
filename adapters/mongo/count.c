/* count.c - how many tasks, by phase; the classes in use. */
#include "adapters/mongo/filter.h"
#include "adapters/mongo/mongo.h"
#include <stdlib.h>
#include <string.h>

/* ---- by phase ---- */

static void
add_group(struct sk_op_count *op, const bson_t *doc)
{
	bson_iter_t it;
	enum sk_phase phase;
	int64_t n;

	if (!bson_iter_init_find(&it, doc, "_id") || bson_iter_type(&it) != BSON_TYPE_UTF8 ||
		!sk_phase_parse(bson_iter_utf8(&it, NULL), &phase) || !bson_iter_init_find(&it, doc, "n") ||
		!sk_mg_take_i64(&it, &n))
		return;
	op->by_phase[phase] += n;
}

/* [{$match: …}, {$group: {_id: "$phase", n: {$sum: 1}}}] */
static void
put_pipeline(bson_t *pipeline, const struct sk_filter *f)
{
	bson_t list, stage, group, sum;

	BSON_APPEND_ARRAY_BEGIN(pipeline, "pipeline", &list);
	BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &stage);
	BSON_APPEND_DOCUMENT_BEGIN(&stage, "$match", &group);
	sk_mg_put_native_filter(&group, f);
	bson_append_document_end(&stage, &group);
	bson_append_document_end(&list, &stage);
	BSON_APPEND_DOCUMENT_BEGIN(&list, "1", &stage);
	BSON_APPEND_DOCUMENT_BEGIN(&stage, "$group", &group);
	BSON_APPEND_UTF8(&group, "_id", "$phase");
	BSON_APPEND_DOCUMENT_BEGIN(&group, "n", &sum);
	BSON_APPEND_INT32(&sum, "$sum", 1);
	bson_append_document_end(&group, &sum);
	bson_append_document_end(&stage, &group);
	bson_append_document_end(&list, &stage);
	bson_append_array_end(pipeline, &list);
}

static enum sk_code
count_ours(struct sk_mg_conn *c, struct sk_op_count *op, struct sk_err *err)
{
	bson_t pipeline = BSON_INITIALIZER;
	mongoc_cursor_t *cursor;
	const bson_t *doc, *reply;
	bson_error_t e = { 0 };
	enum sk_code code = SK_OK;

	put_pipeline(&pipeline, &op->filter);
	cursor =
		mongoc_collection_aggregate(c->coll[SK_MG_TASKS], MONGOC_QUERY_NONE, &pipeline, NULL, NULL);
	while (mongoc_cursor_next(cursor, &doc))
		add_group(op, doc);
	if (mongoc_cursor_error_document(cursor, &e, &reply))
		code = sk_mg_code(c, &e, reply, err);
	mongoc_cursor_destroy(cursor);
	bson_destroy(&pipeline);
	return code;
}

static enum sk_code
count_some(struct sk_mg_conn *c, const bson_t *which, int64_t *n, struct sk_err *err)
{
	bson_error_t e = { 0 };
	bson_t reply;

	*n = mongoc_collection_count_documents(c->coll[SK_MG_TASKS], which, NULL, NULL, &reply, &e);
	if (*n < 0)
		(void)sk_mg_code(c, &e, &reply, err);
	bson_destroy(&reply);
	return *n < 0 ? err->code : SK_OK;
}

/* Mostly there are none: one look tells. */
static enum sk_code
count_foreign(struct sk_mg_conn *c, struct sk_op_count *op, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;
	int64_t n;
	enum sk_code code;

	sk_mg_put_null(&which, "phase");
	code = count_some(c, &which, &n, err);
	bson_destroy(&which);
	for (int i = 0; i < SK_N_PHASE && n > 0 && code == SK_OK; i++) {
		int64_t of_phase = 0;

		bson_init(&which);
		if (sk_mg_put_foreign_filter(&which, &op->filter, (enum sk_phase)i))
			code = count_some(c, &which, &of_phase, err);
		bson_destroy(&which);
		op->by_phase[i] += of_phase;
	}
	return code;
}

static bool
oldest(void *arg, const bson_t *doc)
{
	bson_iter_t it;

	return !(bson_iter_init_find(&it, doc, "createDateTime") && sk_mg_take_i64(&it, arg));
}

static enum sk_code
find_oldest(struct sk_mg_conn *c, struct sk_op_count *op, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER, child;
	struct sk_filter f = op->filter;
	enum sk_code code;

	f.phases = 1u << SK_CREATED;
	sk_mg_put_filter(&which, &f, SK_OLDEST_FIRST, NULL);
	BSON_APPEND_INT64(&opts, "limit", 1);
	BSON_APPEND_DOCUMENT_BEGIN(&opts, "sort", &child);
	BSON_APPEND_INT32(&child, "createDateTime", 1);
	bson_append_document_end(&opts, &child);
	BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &child);
	BSON_APPEND_INT32(&child, "createDateTime", 1);
	bson_append_document_end(&opts, &child);
	code = sk_mg_find(c, SK_MG_TASKS, &which, &opts, oldest, &op->oldest_waiting_ms, err);
	bson_destroy(&which);
	bson_destroy(&opts);
	return code;
}

enum sk_code
sk_mg_count(struct sk_mg_conn *c, struct sk_op_count *op, struct sk_err *err)
{
	enum sk_code code;

	memset(op->by_phase, 0, sizeof(op->by_phase));
	op->oldest_waiting_ms = 0;
	code = count_ours(c, op, err);
	if (code == SK_OK)
		code = count_foreign(c, op, err);
	if (code == SK_OK && op->by_phase[SK_CREATED] > 0 && !op->numbers_only)
		code = find_oldest(c, op, err);
	return code;
}

/* ---- classes ---- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
take_names(struct sk_op_classes *op, const bson_t *reply)
{
	bson_iter_t it, child;
	size_t max = 0;

	if (!bson_iter_init_find(&it, reply, "values") || bson_iter_type(&it) != BSON_TYPE_ARRAY ||
		!bson_iter_recurse(&it, &child))
		return;
	while (bson_iter_next(&child))
		max++;
	op->names = sk_arena_alloc(op->op.arena, (max + 1) * sizeof(*op->names));
	(void)bson_iter_recurse(&it, &child);
	while (bson_iter_next(&child) && op->n < max)
		op->n += sk_mg_take_text(&child, op->op.arena, &op->names[op->n]);
	qsort(op->names, op->n, sizeof(*op->names), by_text);
}

enum sk_code
sk_mg_classes(struct sk_mg_conn *c, struct sk_op_classes *op, struct sk_err *err)
{
	bson_t cmd = BSON_INITIALIZER, query, ne, reply;
	bson_error_t e = { 0 };
	enum sk_code code = SK_OK;

	op->n = 0;
	op->names = sk_arena_alloc(op->op.arena, sizeof(*op->names));
	BSON_APPEND_UTF8(&cmd, "distinct", SK_COLL_TASKS);
	BSON_APPEND_UTF8(&cmd, "key", "className");
	BSON_APPEND_DOCUMENT_BEGIN(&cmd, "query", &query);
	BSON_APPEND_DOCUMENT_BEGIN(&query, "phase", &ne);
	BSON_APPEND_UTF8(&ne, "$ne", SK_MG_STAGED);
	bson_append_document_end(&query, &ne);
	bson_append_document_end(&cmd, &query);
	if (mongoc_client_read_command_with_opts(c->client, c->s->db, &cmd, NULL, NULL, &reply, &e))
		take_names(op, &reply);
	else
		code = sk_mg_code(c, &e, &reply, err);
	bson_destroy(&reply);
	bson_destroy(&cmd);
	return code;
}
