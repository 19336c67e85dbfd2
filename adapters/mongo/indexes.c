/* indexes.c - what the statements here are found by. Partial and sparse indexes, and anything else
 * that some servers lack, are not used. Where a server does not look at them (scans) only the
 * unique ones are made. */
#include "adapters/mongo/mongo.h"
#include <string.h>

/* A name and its members; "-" in front = descending. */
struct index {
	enum sk_mg_coll coll;
	bool unique;
	const char *name;
	const char *keys[6];
};

/* The first is the original's, letter by letter. */
static const struct index indexes[] = {
	{ SK_MG_TASKS, true, "id_1", { "id" } },
	{ SK_MG_TASKS, false, "skalds_seq", { "seq" } }, /* lists; documents without one */
	{ SK_MG_TASKS, false, "skalds_ready", { "phase", "gate", "wanted", "rank", "seq" } },
	{ SK_MG_TASKS, false, "skalds_due", { "phase", "gate", "due", "seq" } },
	{ SK_MG_TASKS, false, "skalds_phase", { "phase", "seq" } }, /* live and ended, in order */
	{ SK_MG_TASKS, false, "skalds_waiting", { "phase", "createDateTime" } },
	{ SK_MG_TASKS, false, "skalds_executor", { "executor", "phase", "seq" } },
	{ SK_MG_TASKS, false, "skalds_update", { "updateDateTime", "seq" } },
	{ SK_MG_TASKS, false, "skalds_finish", { "phase", "finishDateTime" } },
	{ SK_MG_TASKS, false, "skalds_parent", { "arrayParent", "seq" } },
	{ SK_MG_TASKS, false, "skalds_class", { "className", "seq" } },
	{ SK_MG_TASKS, false, "skalds_labels", { "labelIndex", "seq" } },
	{ SK_MG_TASKS, false, "skalds_needs", { "needs" } },
	{ SK_MG_TASKS, false, "skalds_batch", { "batch" } },
	{ SK_MG_ATTEMPTS, true, "skalds_attempt", { "task", "attempt" } },
	{ SK_MG_KEYS, false, "skalds_task", { "task" } },
};
#define N_INDEXES (sizeof(indexes) / sizeof(indexes[0]))

static void
put_index(bson_t *list, const struct index *x)
{
	bson_t one, key;

	BSON_APPEND_DOCUMENT_BEGIN(list, "0", &one);
	BSON_APPEND_DOCUMENT_BEGIN(&one, "key", &key);
	for (const char *const *k = x->keys; *k != NULL; k++)
		BSON_APPEND_INT32(&key, *k, 1);
	bson_append_document_end(&one, &key);
	BSON_APPEND_UTF8(&one, "name", x->name);
	if (x->unique)
		BSON_APPEND_BOOL(&one, "unique", true);
	bson_append_document_end(list, &one);
}

/* One that is there already is fine. */
static enum sk_code
make(struct sk_mg_conn *c, const struct index *x, struct sk_err *err)
{
	bson_t cmd = BSON_INITIALIZER, list, reply;
	bson_error_t e = { 0 };
	enum sk_code code = SK_OK;

	BSON_APPEND_UTF8(&cmd, "createIndexes", mongoc_collection_get_name(c->coll[x->coll]));
	BSON_APPEND_ARRAY_BEGIN(&cmd, "indexes", &list);
	put_index(&list, x);
	bson_append_array_end(&cmd, &list);
	if (!mongoc_client_command_simple(c->client, c->s->db, &cmd, NULL, &reply, &e)) {
		code = sk_mg_code(c, &e, &reply, err);
		(void)sk_wrap(err, x->name);
	}
	bson_destroy(&reply);
	bson_destroy(&cmd);
	return code;
}

/* One that cannot be made does not keep the others from being made. */
static enum sk_code
make_rest(struct sk_mg_conn *c, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	for (size_t i = 1; i < N_INDEXES && !c->lost; i++)
		if ((indexes[i].unique || !c->s->scans) && make(c, &indexes[i], err) != SK_OK)
			code = err->code;
	return code;
}

static bool
found_one(void *arg, const bson_t *doc)
{
	(void)doc;
	*(bool *)arg = true;
	return false;
}

/* A new store has its indexes before its first task. One that has tasks already gets the others
 * from the second thread: that may take long. */
enum sk_code
sk_mg_index_ids(struct sk_mg_conn *c, struct sk_err *err)
{
	bson_t all = BSON_INITIALIZER, opts = BSON_INITIALIZER;
	bool used = false;
	enum sk_code code = make(c, &indexes[0], err);

	BSON_APPEND_INT64(&opts, "limit", 1);
	if (code == SK_OK)
		code = sk_mg_find(c, SK_MG_TASKS, &all, &opts, found_one, &used, err);
	if (code == SK_OK && !used)
		code = make_rest(c, err);
	bson_destroy(&all);
	bson_destroy(&opts);
	return code;
}

/* ---- are they there? ---- */

static bool
same_keys(const bson_t *doc, const struct index *x)
{
	bson_iter_t it, key;
	const char *const *k = x->keys;

	if (!bson_iter_init_find(&it, doc, "key") || bson_iter_type(&it) != BSON_TYPE_DOCUMENT ||
		!bson_iter_recurse(&it, &key))
		return false;
	for (; bson_iter_next(&key); k++)
		if (*k == NULL || strcmp(*k, bson_iter_key(&key)) != 0)
			return false;
	return *k == NULL;
}

static bool
is_unique(const bson_t *doc)
{
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, "unique") && bson_iter_as_bool(&it);
}

static void
seen(bool there[N_INDEXES], enum sk_mg_coll coll, const bson_t *doc)
{
	for (size_t i = 0; i < N_INDEXES; i++)
		if (indexes[i].coll == coll && same_keys(doc, &indexes[i]) &&
			(!indexes[i].unique || is_unique(doc)))
			there[i] = true;
}

enum sk_code
sk_mg_index_check(struct sk_mg_conn *c, struct sk_str *problems, struct sk_err *err)
{
	static const enum sk_mg_coll colls[] = { SK_MG_TASKS, SK_MG_ATTEMPTS, SK_MG_KEYS };
	bool there[N_INDEXES] = { false };
	enum sk_code code = SK_OK;

	for (size_t i = 0; i < 3 && code == SK_OK; i++) {
		mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts(c->coll[colls[i]], NULL);
		const bson_t *doc, *reply;
		bson_error_t e = { 0 };

		while (mongoc_cursor_next(cursor, &doc))
			seen(there, colls[i], doc);
		if (mongoc_cursor_error_document(cursor, &e, &reply) && e.code != 26)
			code = sk_mg_code(c, &e, reply, err);
		mongoc_cursor_destroy(cursor);
	}
	for (size_t i = 0; i < N_INDEXES && code == SK_OK; i++)
		if (!there[i] && (indexes[i].unique || !c->s->scans))
			sk_str_addf(problems, "%s has no %sindex %s\n",
				mongoc_collection_get_name(c->coll[indexes[i].coll]),
				indexes[i].unique ? "unique " : "", indexes[i].name);
	return code;
}

enum sk_code
sk_mg_index_rest(struct sk_mg_conn *c, struct sk_err *err)
{
	struct sk_str missing = SK_STR_INIT;
	enum sk_code code = sk_mg_index_check(c, &missing, err);

	if (code == SK_OK && missing.len > 0)
		code = make_rest(c, err);
	sk_str_release(&missing);
	return code;
}
