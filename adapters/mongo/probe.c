/* probe.c - a look at a server, for people: is it there, may we, is it one to rely on? */
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PROBE "skalds.probe"
#define WRITERS_MAX 16

/* ---- a race ---- */

struct race {
	const mongoc_uri_t *uri;
	const char *db;
	int64_t until_ms, id;
	_Atomic int64_t won;
	_Atomic bool failed;
	struct sk_err err; /* the first failure's, by who sets failed */
};

static int64_t
read_n(mongoc_collection_t *coll, int64_t id)
{
	bson_t which = BSON_INITIALIZER;
	mongoc_cursor_t *cursor;
	const bson_t *doc;
	bson_iter_t it;
	int64_t n = -1;

	BSON_APPEND_INT64(&which, "_id", id);
	cursor = mongoc_collection_find_with_opts(coll, &which, NULL, NULL);
	if (mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&it, doc, "n"))
		(void)sk_mg_take_i64(&it, &n);
	mongoc_cursor_destroy(cursor);
	bson_destroy(&which);
	return n;
}

/* n -> n + 1, if it still is n. */
static bool
step(mongoc_collection_t *coll, int64_t id, int64_t n, bool *won, bson_error_t *e)
{
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, set, reply;
	bson_iter_t it;
	int64_t matched = 0;
	bool done;

	BSON_APPEND_INT64(&which, "_id", id);
	BSON_APPEND_INT64(&which, "n", n);
	BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &set);
	BSON_APPEND_INT64(&set, "n", n + 1);
	bson_append_document_end(&change, &set);
	done = mongoc_collection_update_one(coll, &which, &change, NULL, &reply, e);
	if (done && bson_iter_init_find(&it, &reply, "matchedCount"))
		(void)sk_mg_take_i64(&it, &matched);
	*won = matched == 1;
	bson_destroy(&reply);
	bson_destroy(&which);
	bson_destroy(&change);
	return done;
}

static void
failed(struct race *r, const char *text)
{
	if (!atomic_exchange(&r->failed, true))
		sk_fail(&r->err, SK_EUNAVAIL, "MongoDB: %s", text);
}

static void *
run(void *arg)
{
	struct race *r = arg;
	struct sk_err err = { SK_OK, "" };
	mongoc_client_t *client = sk_mg_client(r->uri, &err);
	mongoc_collection_t *coll;
	bson_error_t e = { 0 };

	if (client == NULL) {
		failed(r, err.msg);
		return NULL;
	}
	coll = mongoc_client_get_collection(client, r->db, PROBE);
	while (sk_boot_ms() < r->until_ms && !atomic_load(&r->failed)) {
		int64_t n = read_n(coll, r->id);
		bool won = false;

		if (n < 0)
			failed(r, "the document of the race is gone");
		else if (!step(coll, r->id, n, &won, &e))
			failed(r, e.message);
		if (won)
			atomic_fetch_add(&r->won, 1);
	}
	mongoc_collection_destroy(coll);
	mongoc_client_destroy(client);
	return NULL;
}

static bool
begin(mongoc_collection_t *coll, int64_t id, bson_error_t *e)
{
	bson_t doc = BSON_INITIALIZER;
	bool done;

	BSON_APPEND_INT64(&doc, "_id", id);
	BSON_APPEND_INT64(&doc, "n", 0);
	done = mongoc_collection_insert_one(coll, &doc, NULL, NULL, e);
	bson_destroy(&doc);
	return done;
}

static void
end(mongoc_collection_t *coll, int64_t id)
{
	bson_t which = BSON_INITIALIZER;

	BSON_APPEND_INT64(&which, "_id", id);
	(void)mongoc_collection_delete_one(coll, &which, NULL, NULL, NULL);
	bson_destroy(&which);
}

static enum sk_code
race_in(struct race *r, mongoc_collection_t *coll, int writers, bool *atomic, struct sk_err *err)
{
	pthread_t threads[WRITERS_MAX];
	bson_error_t e = { 0 };
	int started = 0;

	if (!begin(coll, r->id, &e))
		return sk_fail(err, SK_EUNAVAIL, "MongoDB: %s", e.message);
	while (started < writers && pthread_create(&threads[started], NULL, run, r) == 0)
		started++;
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	*atomic = read_n(coll, r->id) == atomic_load(&r->won);
	end(coll, r->id);
	if (atomic_load(&r->failed)) {
		*err = r->err;
		return err->code;
	}
	return started == writers ? SK_OK : sk_fail(err, SK_EAGAIN, "no thread can be started");
}

enum sk_code
sk_mg_race(const mongoc_uri_t *uri, const char *db, int writers, int64_t until_ms, bool *atomic,
	struct sk_err *err)
{
	struct race r = { .uri = uri, .db = db, .until_ms = until_ms };
	mongoc_client_t *client = sk_mg_client(uri, err);
	mongoc_collection_t *coll;
	enum sk_code code;

	*atomic = false;
	if (client == NULL)
		return err->code;
	if (getrandom(&r.id, sizeof(r.id), 0) != (ssize_t)sizeof(r.id))
		r.id = sk_boot_ns();
	coll = mongoc_client_get_collection(client, db, PROBE);
	code = race_in(&r, coll, writers < WRITERS_MAX ? writers : WRITERS_MAX, atomic, err);
	mongoc_collection_destroy(coll);
	mongoc_client_destroy(client);
	return code;
}

/* ---- what it is ---- */

static void
problem(struct sk_mongo_probe *p, const char *what, const char *text)
{
	if (p->problem[0] != '\0')
		return;
	snprintf(p->problem, sizeof(p->problem), "%s: %s", what, text);
	sk_mg_mask(p->problem);
}

static void
take_hello(struct sk_mongo_probe *p, const bson_t *reply, int64_t wall_ms)
{
	bson_iter_t it;
	int64_t v = 0;

	if (bson_iter_init_find(&it, reply, "maxWireVersion") && sk_mg_take_i64(&it, &v))
		p->wire_version = (int)v;
	if (bson_iter_init_find(&it, reply, "localTime") && bson_iter_type(&it) == BSON_TYPE_DATE_TIME)
		p->skew_ms = bson_iter_date_time(&it) - wall_ms;
	p->replicated = bson_has_field(reply, "setName") || bson_has_field(reply, "msg");
}

static void
take_version(struct sk_mongo_probe *p, mongoc_client_t *client)
{
	bson_t cmd = BSON_INITIALIZER, reply;
	bson_iter_t it;
	uint32_t n;

	BSON_APPEND_INT32(&cmd, "buildInfo", 1);
	if (mongoc_client_command_simple(client, "admin", &cmd, NULL, &reply, NULL) &&
		bson_iter_init_find(&it, &reply, "version") && bson_iter_type(&it) == BSON_TYPE_UTF8)
		snprintf(p->version, sizeof(p->version), "%s", bson_iter_utf8(&it, &n));
	bson_destroy(&reply);
	bson_destroy(&cmd);
}

static bool
say_hello(struct sk_mongo_probe *p, mongoc_client_t *client, struct sk_err *err)
{
	bson_t cmd = BSON_INITIALIZER, reply;
	bson_error_t e = { 0 };
	int64_t began;

	BSON_APPEND_INT32(&cmd, "isMaster", 1);
	/* the first connects; the second is measured */
	p->reached = mongoc_client_command_simple(client, "admin", &cmd, NULL, &reply, &e);
	if (p->reached) {
		bson_destroy(&reply);
		began = sk_boot_ms();
		p->reached = mongoc_client_command_simple(client, "admin", &cmd, NULL, &reply, &e);
		p->round_trip_ms = sk_boot_ms() - began;
		take_hello(p, &reply, sk_wall_ms() - p->round_trip_ms / 2);
	}
	bson_destroy(&reply);
	bson_destroy(&cmd);
	if (!p->reached) {
		sk_mg_mask(e.message);
		sk_fail(err, SK_EUNAVAIL, "MongoDB: %s", e.message);
		problem(p, "it does not answer", e.message);
	}
	return p->reached;
}

/* ---- may we? ---- */

static void
try_rights(struct sk_mongo_probe *p, mongoc_client_t *client, const char *db)
{
	mongoc_collection_t *coll = mongoc_client_get_collection(client, db, PROBE);
	bson_t cmd = BSON_INITIALIZER, list, one, key, doc = BSON_INITIALIZER;
	bson_error_t e = { 0 };
	int64_t n;

	BSON_APPEND_UTF8(&cmd, "createIndexes", PROBE);
	BSON_APPEND_ARRAY_BEGIN(&cmd, "indexes", &list);
	BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &one);
	BSON_APPEND_DOCUMENT_BEGIN(&one, "key", &key);
	BSON_APPEND_INT32(&key, "n", 1);
	bson_append_document_end(&one, &key);
	BSON_APPEND_UTF8(&one, "name", "n_1");
	bson_append_document_end(&list, &one);
	bson_append_array_end(&cmd, &list);
	if (!mongoc_client_command_simple(client, db, &cmd, NULL, NULL, &e))
		problem(p, "an index cannot be made", e.message);
	else if (!mongoc_collection_insert_one(coll, &doc, NULL, NULL, &e))
		problem(p, "nothing can be written", e.message);
	else if (n = mongoc_collection_count_documents(coll, &doc, NULL, NULL, NULL, &e), n < 0)
		problem(p, "nothing can be read", e.message);
	else
		p->allowed = true;
	bson_destroy(&cmd);
	bson_destroy(&doc);
	mongoc_collection_destroy(coll);
}

static void
drop(mongoc_client_t *client, const char *db)
{
	mongoc_collection_t *coll = mongoc_client_get_collection(client, db, PROBE);

	(void)mongoc_collection_drop(coll, NULL);
	mongoc_collection_destroy(coll);
}

/* Of a collection that is not there yet the first store makes it. */
static void
look_for_index(struct sk_mongo_probe *p, mongoc_client_t *client, const char *db)
{
	mongoc_collection_t *coll = mongoc_client_get_collection(client, db, SK_COLL_TASKS);
	mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts(coll, NULL);
	const bson_t *doc;
	bson_iter_t it, key;
	bson_error_t e = { 0 };
	int count = 0;

	for (; mongoc_cursor_next(cursor, &doc); count++)
		if (bson_iter_init_find(&it, doc, "unique") && bson_iter_as_bool(&it) &&
			bson_iter_init_find(&it, doc, "key") && bson_iter_recurse(&it, &key) &&
			bson_iter_next(&key) && strcmp(bson_iter_key(&key), "id") == 0)
			p->indexed = true;
	if (mongoc_cursor_error(cursor, &e) ? e.code == 26 : count == 0)
		p->indexed = true;
	if (!p->indexed)
		problem(p, "the collection tasks", "it has no unique index on id");
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(coll);
}

static enum sk_code
probe(mongoc_client_t *client, const mongoc_uri_t *uri, const char *db, int64_t until_ms,
	struct sk_mongo_probe *p, struct sk_err *err)
{
	struct sk_err race = { SK_OK, "" };
	int64_t left;

	if (!say_hello(p, client, err))
		return err->code;
	take_version(p, client);
	look_for_index(p, client, db);
	try_rights(p, client, db);
	left = until_ms - sk_boot_ms();
	if (p->allowed &&
		sk_mg_race(uri, db, 8, sk_boot_ms() + (left < 1000 ? left : 1000), &p->atomic, &race) !=
			SK_OK)
		problem(p, "the race", race.msg);
	else if (p->allowed && !p->atomic)
		problem(p, "its updates are not atomic",
			"two that compare and set may both succeed; tasks may run twice");
	drop(client, db);
	return SK_OK;
}

enum sk_code
sk_mongo_probe(const struct sk_store_mongo_config *cfg, int64_t timeout_ms,
	struct sk_mongo_probe *out, struct sk_err *err)
{
	struct sk_store_mongo_config quick = *cfg;
	mongoc_client_t *client;
	mongoc_uri_t *uri;
	enum sk_code code;

	*out = (struct sk_mongo_probe){ .reached = false };
	quick.select_ms = quick.connect_ms = timeout_ms;
	quick.socket_ms = timeout_ms;
	uri = sk_mg_uri(&quick, err);
	if (uri == NULL)
		return err->code;
	client = sk_mg_client(uri, err);
	code = client == NULL
		? err->code
		: probe(client, uri, cfg->db != NULL && cfg->db[0] != '\0' ? cfg->db : "skalds",
			  sk_boot_ms() + timeout_ms, out, err);
	if (client != NULL)
		mongoc_client_destroy(client);
	mongoc_uri_destroy(uri);
	return code;
}
