/* foreign.c - documents that the original made get a place among ours: seq, rank, due. Nothing else
 * of them is touched, and the original does not look at members that it does not know. */
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"

struct tagging {
	struct sk_mongo *s;
	mongoc_bulk_operation_t *bulk;
	uint64_t n;
};

static int64_t
number(const bson_t *doc, const char *name, int64_t otherwise)
{
	bson_iter_t it;
	int64_t v = otherwise;

	if (bson_iter_init_find(&it, doc, name) && !sk_mg_take_i64(&it, &v))
		v = otherwise;
	return v;
}

static bool
tag(void *arg, const bson_t *doc)
{
	struct tagging *t = arg;
	int64_t priority = number(doc, "priority", 0), made = number(doc, "createDateTime", 0);
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, set, opts = BSON_INITIALIZER;
	bson_error_t e;
	bson_iter_t it;

	if (priority < -1000 || priority > 1000)
		priority = 0;
	if (made < 0 || made > INT64_C(1) << 50)
		made = 0;
	if (bson_iter_init_find(&it, doc, "_id")) {
		(void)bson_append_iter(&which, "_id", -1, &it);
		sk_mg_put_null(&which, "seq"); /* somebody else may be at it */
		BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &set);
		sk_mg_put_u64(&set, "seq", sk_mg_seq(t->s));
		sk_mg_put_i64(&set, "rank", made - priority * SK_PRIORITY_MS);
		sk_mg_put_i64(&set, "due", 0);
		bson_append_document_end(&change, &set);
		BSON_APPEND_BOOL(&opts, "validate", false);
		t->n += mongoc_bulk_operation_update_one_with_opts(t->bulk, &which, &change, &opts, &e);
	}
	bson_destroy(&which);
	bson_destroy(&change);
	bson_destroy(&opts);
	return true;
}

static mongoc_bulk_operation_t *
new_bulk(struct sk_mg_conn *c)
{
	bson_t opts = BSON_INITIALIZER;
	mongoc_bulk_operation_t *bulk;

	BSON_APPEND_BOOL(&opts, "ordered", false);
	bulk = mongoc_collection_create_bulk_operation_with_opts(c->coll[SK_MG_TASKS], &opts);
	bson_destroy(&opts);
	return bulk;
}

static enum sk_code
write_tags(struct sk_mg_conn *c, struct tagging *t, struct sk_err *err)
{
	bson_t reply = BSON_INITIALIZER;
	bson_error_t e = { 0 };
	enum sk_code code = SK_OK;

	if (t->n > 0) {
		bson_destroy(&reply);
		if (mongoc_bulk_operation_execute(t->bulk, &reply, &e) == 0)
			code = sk_mg_code(c, &e, &reply, err);
	}
	bson_destroy(&reply);
	return code;
}

/* The oldest first, so that their order among ours is that of their making. */
static enum sk_code
tag_some(struct sk_mg_conn *c, uint64_t *n, struct sk_err *err)
{
	struct tagging t = { .s = c->s, .bulk = new_bulk(c) };
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER, child;
	enum sk_code code;

	sk_mg_put_null(&which, "seq");
	BSON_APPEND_INT64(&opts, "limit", SK_MG_CHUNK);
	BSON_APPEND_DOCUMENT_BEGIN(&opts, "sort", &child);
	BSON_APPEND_INT32(&child, "createDateTime", 1);
	bson_append_document_end(&opts, &child);
	BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &child);
	BSON_APPEND_INT32(&child, "createDateTime", 1);
	BSON_APPEND_INT32(&child, "priority", 1);
	bson_append_document_end(&opts, &child);
	code = sk_mg_find(c, SK_MG_TASKS, &which, &opts, tag, &t, err);
	if (code == SK_OK)
		code = write_tags(c, &t, err);
	mongoc_bulk_operation_destroy(t.bulk);
	bson_destroy(&which);
	bson_destroy(&opts);
	*n = t.n;
	return code;
}

enum sk_code
sk_mg_tag_foreign(struct sk_mg_conn *c, struct sk_err *err)
{
	enum sk_code code = SK_OK;
	uint64_t n = SK_MG_CHUNK;

	if (c->tagged_ms != INT64_MIN && sk_boot_ms() - c->tagged_ms < c->s->cfg.foreign_ms)
		return SK_OK;
	for (int i = 0; i < 100 && n == SK_MG_CHUNK && code == SK_OK; i++) {
		code = tag_some(c, &n, err);
		if (code == SK_OK && n > 0) {
			pthread_mutex_lock(&c->s->t.lock);
			c->s->state.foreign += n;
			pthread_mutex_unlock(&c->s->t.lock);
		}
	}
	if (code == SK_OK)
		c->tagged_ms = sk_boot_ms();
	return code;
}
