/* mongo_test.c - the store over MongoDB beside its contract: its documents, those of the original and of
 * others, writers that died, servers that go away. */
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "mongo_relay.h"
#include "mongo_rig.h"
#include "store_contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *server; /* of this round; NULL = none is given */
static const char *through; /* or of a relay in front of it */
static int64_t stale_ms;

static struct sk_store *
open_it(const char *dir, struct sk_loop *loop, struct sk_err *err)
{
	char db[64];

	mongo_db_name(dir, db);
	return sk_store_mongo_open(
		&(struct sk_store_mongo_config){ .uri = through != NULL ? through : server,
			.db = db,
			.foreign_ms = 1,
			.stale_ms = stale_ms },
		loop, err);
}

static void
drop_it(const char *dir)
{
	mongo_drop(server, dir);
}

static const struct store_kind kind = {
	.name = "mongo", .open = open_it, .remove = drop_it, .lasts = true
};

/* A store, and a connection beside it that does as others do. */
struct rig {
	struct store_rig g;
	mongoc_client_t *client;
	mongoc_collection_t *tasks, *batches;
};

#define RIG(x) \
	struct rig rig, *x = &rig; \
	(void)state; \
	if (server == NULL) \
		skip(); \
	rig_open(x)

static void
rig_open(struct rig *x)
{
	char db[64];

	store_rig_open(&x->g, &kind);
	mongo_db_name(x->g.dir, db);
	x->client = mongoc_client_new(server);
	x->tasks = mongoc_client_get_collection(x->client, db, SK_COLL_TASKS);
	x->batches = mongoc_client_get_collection(x->client, db, SK_COLL_BATCHES);
	/* Answered when the indexes are there: mongo-java-server errs in what is inserted meanwhile. */
	if (through == NULL)
		store_must(&x->g, SK_OP_COUNT, &(struct sk_op_count){ .filter = { 0 } }.op);
}

static void
rig_close(struct rig *x)
{
	mongoc_collection_destroy(x->tasks);
	mongoc_collection_destroy(x->batches);
	mongoc_client_destroy(x->client);
	store_rig_close(&x->g);
}

static void
put_json(mongoc_collection_t *coll, const char *json)
{
	bson_error_t e = { 0 };
	bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &e);

	if (doc == NULL || !mongoc_collection_insert_one(coll, doc, NULL, NULL, &e))
		fail_msg("%s: %s", json, e.message);
	bson_destroy(doc);
}

static void
set_json(mongoc_collection_t *coll, const char *id, const char *json)
{
	bson_error_t e = { 0 };
	bson_t *change = bson_new_from_json((const uint8_t *)json, -1, &e);
	bson_t which = BSON_INITIALIZER;

	assert_non_null(change);
	BSON_APPEND_UTF8(&which, "id", id);
	if (!mongoc_collection_update_one(coll, &which, change, NULL, NULL, &e))
		fail_msg("%s: %s", json, e.message);
	bson_destroy(&which);
	bson_destroy(change);
}

/* The document as it stands; the caller destroys it. NULL = none. */
static bson_t *
raw(struct rig *x, const char *id)
{
	bson_t which = BSON_INITIALIZER, *copy = NULL;
	mongoc_cursor_t *cursor;
	const bson_t *doc;

	BSON_APPEND_UTF8(&which, "id", id);
	cursor = mongoc_collection_find_with_opts(x->tasks, &which, NULL, NULL);
	if (mongoc_cursor_next(cursor, &doc))
		copy = bson_copy(doc);
	mongoc_cursor_destroy(cursor);
	bson_destroy(&which);
	return copy;
}

static void
is_type(const bson_t *doc, const char *member, bson_type_t type)
{
	bson_iter_t it;

	if (!bson_iter_init_find(&it, doc, member))
		fail_msg("there is no %s", member);
	if (bson_iter_type(&it) != type)
		fail_msg("%s is of type %d", member, (int)bson_iter_type(&it));
}

static void
is_text(const bson_t *doc, const char *member, const char *text)
{
	bson_iter_t it;

	is_type(doc, member, BSON_TYPE_UTF8);
	(void)bson_iter_init_find(&it, doc, member);
	assert_string_equal(bson_iter_utf8(&it, NULL), text);
}

#define FOREIGN(id, more) \
	"{\"id\":\"" id "\",\"className\":\"MyWorker\",\"source\":\"Test\",\"name\":null," \
	"\"description\":null,\"dependencies\":[\"x\"],\"isPersistent\":true," \
	"\"createDateTime\":{\"$numberLong\":\"1700000000000\"}," \
	"\"updateDateTime\":{\"$numberLong\":\"1700000000000\"}," \
	"\"deadlineDateTime\":{\"$numberLong\":\"1700604800000\"}," \
	"\"attachments\":{\"rtspUrl\":\"rtsp://a\",\"fixFrame\":5}" more "}"
#define WAITS \
	",\"mode\":\"Passive\",\"executor\":null,\"lifecycleStatus\":\"Created\",\"priority\":2"

/* ---- our documents ---- */

/* Member by member what skalds-protocol.md 3.3 has. */
static void
documents_have_the_types_of_the_original(void **state)
{
	static const struct {
		const char *name;
		bson_type_t type;
	} members[] = { { "id", BSON_TYPE_UTF8 }, { "className", BSON_TYPE_UTF8 },
		{ "source", BSON_TYPE_UTF8 }, { "executor", BSON_TYPE_NULL },
		{ "dependencies", BSON_TYPE_NULL }, { "mode", BSON_TYPE_UTF8 },
		{ "isPersistent", BSON_TYPE_BOOL }, { "createDateTime", BSON_TYPE_INT64 },
		{ "updateDateTime", BSON_TYPE_INT64 }, { "deadlineDateTime", BSON_TYPE_INT64 },
		{ "lifecycleStatus", BSON_TYPE_UTF8 }, { "priority", BSON_TYPE_INT32 },
		{ "attachments", BSON_TYPE_DOCUMENT }, { "phase", BSON_TYPE_UTF8 },
		{ "attempt", BSON_TYPE_INT64 }, { "seq", BSON_TYPE_INT64 } };
	RIG(x);
	struct sk_record *r = store_task(&x->g, "a"), to;
	bson_t *doc;

	store_put(&x->g, r);
	to = *r;
	to.life.phase = SK_RUNNING;
	to.life.attempt = 1;
	strcpy(to.life.executor, "n1");
	assert_int_equal(
		store_move(&x->g, r, SK_SET_LIFE | SK_SET_START | SK_SET_ATTACHMENTS, &to), SK_OK);
	doc = raw(x, "a");
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(members[i].name, "executor") != 0)
			is_type(doc, members[i].name, members[i].type);
	is_text(doc, "executor", "n1");
	is_text(doc, "phase", "Running");
	is_text(doc, "lifecycleStatus", "Running");
	bson_destroy(doc);
	rig_close(x);
}

static void
odd_keys_and_types_come_back(void **state)
{
	RIG(x);
	struct sk_record *r = store_task(&x->g, "a");
	bson_t *doc;

	r->spec = store_json(x->g.arena,
		"{\"labels\":{\"app.kubernetes.io/name\":\"v\",\"$x\":\"1\",\"\":\"e\"},\"name\":5,"
		"\"attachments\":{\"a.b\":{\"$c\":1}},\"seq\":\"not mine\",\"more\":[1]}");
	store_put(&x->g, r);
	doc = raw(x, "a");
	is_type(doc, "attachments", BSON_TYPE_DOCUMENT);
	is_type(doc, "seq", BSON_TYPE_INT64);
	bson_destroy(doc);
	r->spec = store_json(x->g.arena,
		"{\"labels\":{\"app.kubernetes.io/name\":\"v\",\"$x\":\"1\",\"\":\"e\"},\"name\":5,"
		"\"attachments\":{\"a.b\":{\"$c\":1}},\"more\":[1]}");
	store_same(store_get(&x->g, "a"), r);
	assert_string_equal(store_ids(&x->g, &(struct sk_filter){ .label = "app.kubernetes.io/name=v" },
							SK_OLDEST_FIRST),
		"a");
	rig_close(x);
}

/* ---- documents of the original ---- */

static void
a_task_of_the_original_is_found_and_adopted_once(void **state)
{
	RIG(x);
	struct sk_record *r, to;
	struct sk_filter ready = {
		.phases = 1u << SK_CREATED, .gates = 1u << SK_GATE_OPEN, .wanted_run = true
	};
	struct sk_op_count count = { .filter = ready };
	bson_t *doc;

	put_json(x->tasks, FOREIGN("f", WAITS));
	assert_string_equal(store_ids(&x->g, &ready, SK_BY_RANK), "f");
	store_must(&x->g, SK_OP_COUNT, &count.op);
	assert_int_equal(count.by_phase[SK_CREATED], 1);
	assert_int_equal(count.oldest_waiting_ms, INT64_C(1700000000000));
	r = store_get(&x->g, "f");
	assert_true(r->foreign && r->seq != 0 && r->life.phase == SK_CREATED);
	assert_int_equal(r->life.max_attempts, 3);
	assert_int_equal(r->rank_ms, INT64_C(1700000000000) - 2 * SK_PRIORITY_MS);
	assert_null(sk_map_get(r->spec, "deadlineDateTime"));
	assert_null(sk_map_get(r->spec, "dependencies"));
	assert_non_null(sk_map_get(sk_map_get(r->spec, "attachments"), "fixFrame"));
	to = *r;
	to.life.phase = SK_ASSIGNING;
	to.life.attempt = 1;
	strcpy(to.life.executor, "n1");
	assert_int_equal(store_move(&x->g, r, SK_SET_LIFE, &to), SK_OK);
	assert_int_equal(store_move(&x->g, r, SK_SET_LIFE, &to), SK_ECONFLICT);
	doc = raw(x, "f");
	is_text(doc, "lifecycleStatus", "Assigning");
	is_type(doc, "adopted", BSON_TYPE_BOOL);
	is_type(doc, "deadlineDateTime", BSON_TYPE_INT64);
	bson_destroy(doc);
	r = store_get(&x->g, "f");
	assert_false(r->foreign || r->disputed);
	assert_int_equal(r->life.attempt, 1);
	assert_null(sk_map_get(r->spec, "dependencies"));
	assert_string_equal(store_ids(&x->g, &ready, SK_BY_RANK), "");
	rig_close(x);
}

/* The same through a batch, and when the record does not say that it is foreign. */
static void
a_move_adopts_whoever_made_it(void **state)
{
	RIG(x);
	struct sk_record *f, ours = *store_task(&x->g, "o"), to_f, to_o;
	struct sk_move moves[2];
	struct sk_op_move op = { .moves = moves, .n = 2 };

	put_json(x->tasks, FOREIGN("f", WAITS));
	store_put(&x->g, &ours);
	f = store_get(&x->g, "f");
	to_f = *f;
	to_f.foreign = false;
	to_f.life.phase = SK_CANCELLED;
	to_o = ours;
	to_o.life.phase = SK_ASSIGNING;
	moves[0] = (struct sk_move){ .id = "f", .set = SK_SET_LIFE, .to = &to_f };
	moves[1] = (struct sk_move){ .id = "o", .set = SK_SET_LIFE, .to = &to_o };
	store_must(&x->g, SK_OP_MOVE, &op.op);
	assert_int_equal(moves[0].code, SK_OK);
	assert_int_equal(moves[1].code, SK_OK);
	assert_int_equal(store_get(&x->g, "f")->life.phase, SK_CANCELLED);
	rig_close(x);
}

static void
an_executor_that_a_script_has_named_counts_as_assigned(void **state)
{
	RIG(x);
	struct sk_record *r, to;

	put_json(x->tasks,
		FOREIGN("a",
			",\"mode\":\"Passive\",\"executor\":\"py\",\"lifecycleStatus\":\"Created\","
			"\"priority\":0"));
	put_json(x->tasks,
		FOREIGN("b",
			",\"mode\":\"Active\",\"executor\":\"py\",\"lifecycleStatus\":\"Created\",\"priority\":"
			"0"));
	put_json(x->tasks, FOREIGN("c", ",\"executor\":\"\"")); /* defaults */
	put_json(x->tasks,
		FOREIGN("d",
			",\"mode\":\"Passive\",\"executor\":\"py\",\"lifecycleStatus\":\"Running\","
			"\"priority\":0"));
	assert_string_equal(
		store_ids(&x->g, &(struct sk_filter){ .phases = 1u << SK_ASSIGNING }, SK_OLDEST_FIRST),
		"a");
	assert_string_equal(
		store_ids(&x->g, &(struct sk_filter){ .phases = 1u << SK_CREATED }, SK_OLDEST_FIRST),
		"b c");
	assert_string_equal(
		store_ids(&x->g, &(struct sk_filter){ .executor = "py" }, SK_OLDEST_FIRST), "a b d");
	r = store_get(&x->g, "a");
	assert_int_equal(r->life.phase, SK_ASSIGNING);
	to = *r;
	to.life.phase = SK_RUNNING;
	set_json(x->tasks, "a", "{\"$set\":{\"executor\":null}}"); /* and now it is not */
	assert_int_equal(store_move(&x->g, r, SK_SET_LIFE, &to), SK_ECONFLICT);
	rig_close(x);
}

static void
a_status_alone_is_set_on_documents_of_the_original_only(void **state)
{
	RIG(x);
	struct sk_record *r, *ours = store_task(&x->g, "o"), to;
	bson_t *doc;

	put_json(x->tasks,
		FOREIGN("f",
			",\"mode\":\"Active\",\"executor\":\"py\",\"lifecycleStatus\":\"Running\",\"priority\":"
			"0"));
	r = store_get(&x->g, "f");
	to = *r;
	to.status = SK_FAILED;
	to.update_ms = 1800000000000;
	assert_int_equal(store_move(&x->g, r, SK_SET_STATUS, &to), SK_OK);
	doc = raw(x, "f");
	is_text(doc, "lifecycleStatus", "Failed");
	assert_false(bson_has_field(doc, "phase"));
	bson_destroy(doc);
	assert_int_equal(store_move(&x->g, r, SK_SET_STATUS, &to), SK_ECONFLICT); /* it has changed */
	store_put(&x->g, ours);
	to = *ours;
	to.status = SK_FAILED;
	assert_int_equal(store_move(&x->g, ours, SK_SET_STATUS, &to), SK_ECONFLICT);
	rig_close(x);
}

static void
what_others_write_over_our_phase_is_told(void **state)
{
	RIG(x);
	struct sk_record *r = store_task(&x->g, "a"), to;

	store_put(&x->g, r);
	set_json(x->tasks, "a", "{\"$set\":{\"lifecycleStatus\":\"Cancelled\"}}");
	r = store_get(&x->g, "a");
	assert_true(r->disputed);
	assert_int_equal(r->life.phase, SK_CREATED);
	assert_int_equal(r->status, SK_CANCELLED);
	to = *r;
	to.life.phase = SK_CANCELLED;
	assert_int_equal(store_move(&x->g, r, SK_SET_LIFE, &to), SK_OK);
	assert_false(store_get(&x->g, "a")->disputed);
	r = store_put_phase(&x->g, "b", SK_ASSIGNING);
	set_json(x->tasks, "b", "{\"$set\":{\"lifecycleStatus\":\"Cancelled\"}}");
	to = *r;
	to.life.phase = SK_RUNNING; /* would write over it before anybody has heard */
	assert_int_equal(store_move(&x->g, r, SK_SET_LIFE, &to), SK_ECONFLICT);
	assert_true(store_get(&x->g, "b")->disputed);
	to.life.phase = SK_FINISHED;
	assert_int_equal(store_move(&x->g, r, SK_SET_LIFE, &to), SK_OK);
	set_json(x->tasks, "a", "{\"$set\":{\"attachments\":{\"k\":1}}}");
	assert_non_null(sk_map_get(store_get(&x->g, "a")->spec, "attachments"));
	rig_close(x);
}

/* ---- garbage ---- */

static void
documents_that_cannot_be_read_are_left_out(void **state)
{
	static const char *const bad[] = { "{\"x\":1}", "{\"id\":5,\"className\":\"A\",\"seq\":\"x\"}",
		"{\"id\":\"n\",\"className\":7}", "{\"id\":\"p\",\"className\":\"A\",\"phase\":\"Odd\"}",
		"{\"id\":\"q\",\"className\":\"A\",\"createDateTime\":1.5}",
		"{\"id\":\"r\",\"className\":\"A\",\"lifecycleStatus\":\"Sleeping\"}",
		"{\"id\":\"s\",\"className\":\"A\",\"attachments\":[1]}",
		"{\"id\":\"u\",\"className\":\"A\",\"phase\":\"Created\",\"seq\":1,\"exit\":3}" };
	RIG(x);
	struct sk_op_find page = { .limit = 2, .order = SK_OLDEST_FIRST };
	struct sk_op_check check = { .problems = NULL };
	struct sk_store_mongo_state st;

	store_put(&x->g, store_task(&x->g, "a"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		put_json(x->tasks, bad[i]);
	for (int i = 0; i < 60; i++) {
		char json[128];

		snprintf(
			json, sizeof(json), "{\"id\":\"z%d\",\"className\":\"A\",\"priority\":\"high\"}", i);
		put_json(x->tasks, json);
	}
	store_put(&x->g, store_task(&x->g, "b"));
	store_put(&x->g, store_task(&x->g, "c"));
	assert_string_equal(store_ids(&x->g, &(struct sk_filter){ 0 }, SK_OLDEST_FIRST), "a b c");
	store_must(&x->g, SK_OP_FIND, &page.op);
	assert_int_equal(page.n, 2);
	assert_string_equal(page.records[1]->id, "b");
	assert_non_null(page.next);
	assert_null(store_get(&x->g, "r"));
	assert_null(store_get(&x->g, "z7"));
	sk_store_mongo_state(x->g.store, &st);
	assert_true(st.skipped > 60);
	store_must(&x->g, SK_OP_CHECK, &check.op);
	assert_non_null(strstr(check.problems, "lifecycleStatus"));
	rig_close(x);
}

/* ---- writers that died ---- */

#define DRAFT(id, batch, at) \
	"{\"id\":\"" id \
	"\",\"className\":\"A\",\"phase\":\"Staged\",\"lifecycleStatus\":\"Cancelled\"," \
	"\"stagedPhase\":\"Created\",\"batch\":\"" batch "\",\"seq\":{\"$numberLong\":\"5\"}," \
	"\"wanted\":\"run\",\"gate\":\"open\",\"attempt\":0,\"stagedAt\":{\"$numberLong\":\"" at \
	"\"}}"

static bool
is_there(struct rig *x, const char *id)
{
	bson_t *doc = raw(x, id);

	if (doc != NULL)
		bson_destroy(doc);
	return doc != NULL;
}

static void
what_dead_writers_left_goes_forward_or_back(void **state)
{
	RIG(x);

	put_json(x->batches, "{\"_id\":\"done\",\"state\":\"committed\",\"writer\":1,\"at\":1}");
	put_json(x->tasks, DRAFT("d1", "done", "1"));
	put_json(x->tasks, DRAFT("d2", "done", "1"));
	put_json(x->batches, "{\"_id\":\"open\",\"state\":\"open\",\"writer\":1,\"at\":1}");
	put_json(x->tasks, DRAFT("o1", "open", "1"));
	put_json(x->tasks, DRAFT("n1", "none", "1"));
	store_rig_reopen(&x->g);
	for (int i = 0; i < 200 && (is_there(x, "n1") || is_there(x, "o1")); i++)
		usleep(50000);
	assert_false(is_there(x, "n1") || is_there(x, "o1"));
	assert_non_null(store_get(&x->g, "d1"));
	assert_int_equal(store_get(&x->g, "d2")->life.phase, SK_CREATED);
	rig_close(x);
}

static void
a_draft_of_another_is_waited_for(void **state)
{
	RIG(x);
	const struct sk_record *r = store_task(&x->g, "a"), *two[] = { r, store_task(&x->g, "b") };
	struct sk_op_insert op = { .records = &r, .n = 1 }, both = { .records = two, .n = 2 };
	char json[512];

	snprintf(json, sizeof(json),
		"{\"_id\":\"young\",\"state\":\"open\",\"writer\":1,\"at\":{\"$numberLong\":"
		"\"%lld\"}}",
		(long long)sk_wall_ms());
	put_json(x->batches, json);
	put_json(x->tasks, DRAFT("a", "young", "1"));
	assert_null(store_get(&x->g, "a"));
	assert_string_equal(store_ids(&x->g, &(struct sk_filter){ 0 }, SK_OLDEST_FIRST), "");
	assert_int_equal(store_do(&x->g, SK_OP_INSERT, &op.op), SK_EUNAVAIL);
	assert_int_equal(store_do(&x->g, SK_OP_INSERT, &both.op), SK_EUNAVAIL);
	assert_null(store_get(&x->g, "b"));
	rig_close(x);
}

static void
many_at_once_go_in_all_or_none(void **state)
{
	enum { N = 300 };
	RIG(x);
	const struct sk_record *list[N];
	struct sk_op_insert op = { .records = list, .n = N };
	struct sk_op_count count = { .filter = { 0 } };

	for (int i = 0; i < N; i++) {
		struct sk_record *r = store_task(&x->g, sk_arena_printf(x->g.arena, "t%d", i));

		if (i == 7)
			r->unique_key = "k";
		list[i] = r;
	}
	store_put(&x->g, store_task(&x->g, "t250"));
	assert_int_equal(store_do(&x->g, SK_OP_INSERT, &op.op), SK_ECONFLICT);
	store_must(&x->g, SK_OP_COUNT, &count.op);
	assert_int_equal(count.by_phase[SK_CREATED], 1);
	list[250] = store_task(&x->g, "other");
	store_must(&x->g, SK_OP_INSERT, &op.op);
	store_must(&x->g, SK_OP_COUNT, &count.op);
	assert_int_equal(count.by_phase[SK_CREATED], N + 1);
	rig_close(x);
}

/* ---- connections ---- */

static void
a_server_that_is_away_is_told_at_once(void **state)
{
	struct relay *relay;
	struct sk_op_setting put = { .name = "n", .value = "v" };
	struct sk_store_mongo_state st;
	int64_t began;
	int i = 0;

	(void)state;
	if (server == NULL)
		skip();
	relay = relay_open(server);
	through = relay_uri(relay);
	relay_cut(relay, true);
	{
		RIG(x);

		assert_int_equal(store_do(&x->g, SK_OP_SETTING_PUT, &put.op), SK_EUNAVAIL);
		began = sk_boot_ms();
		for (int k = 0; k < 100; k++)
			assert_int_equal(store_do(&x->g, SK_OP_SETTING_PUT, &put.op), SK_EUNAVAIL);
		assert_true(sk_boot_ms() - began < 1000);
		sk_store_mongo_state(x->g.store, &st);
		assert_false(st.connected);
		assert_true(st.error[0] != '\0' && st.unavailable > 100);
		relay_cut(relay, false);
		while (store_do(&x->g, SK_OP_SETTING_PUT, &put.op) != SK_OK && i++ < 600)
			usleep(10000);
		assert_true(i < 600);
		relay_cut(relay, true);
		assert_int_equal(store_do(&x->g, SK_OP_SETTING_PUT, &put.op), SK_EUNAVAIL);
		relay_cut(relay, false);
		for (i = 0; store_do(&x->g, SK_OP_SETTING_PUT, &put.op) != SK_OK && i < 600; i++)
			usleep(10000);
		sk_store_mongo_state(x->g.store, &st);
		assert_true(st.connected && st.connects >= 2);
		rig_close(x);
	}
	through = NULL;
	relay_close(relay);
}

/* The server has done it, and nobody heard. */
static void
an_answer_that_is_lost_is_no_conflict(void **state)
{
	struct relay *relay;
	int i;

	(void)state;
	if (server == NULL)
		skip();
	relay = relay_open(server);
	through = relay_uri(relay);
	{
		RIG(x);
		struct sk_record *r = store_task(&x->g, "a"), to;
		struct sk_move move = { .id = "a", .set = SK_SET_LIFE, .to = &to };
		struct sk_op_move op = { .moves = &move, .n = 1 };
		struct sk_op_get get;
		const char *id = "a";

		store_put(&x->g, r);
		to = *r;
		to.life.phase = SK_ASSIGNING;
		to.life.attempt = 1;
		relay_swallow(relay, true);
		assert_int_equal(store_do(&x->g, SK_OP_MOVE, &op.op), SK_EUNAVAIL);
		relay_swallow(relay, false);
		for (i = 0; i < 600; i++) {
			get = (struct sk_op_get){ .ids = &id, .n = 1 };
			if (store_do(&x->g, SK_OP_GET, &get.op) == SK_OK)
				break;
			usleep(10000);
		}
		assert_true(i < 600);
		assert_int_equal(get.records[0]->life.attempt, 1);
		rig_close(x);
	}
	through = NULL;
	relay_close(relay);
}

/* ---- a race: each with connections of its own ---- */

enum { STORES = 8, ROUNDS = 40 };

static void
answered(struct sk_op *op)
{
	--*(int *)op->arg;
}

/* All want the next attempt; who won is counted. */
static void
race_once(struct rig *x, struct sk_store **stores, int *won, int *lost)
{
	struct sk_record *r = store_get(&x->g, "a"), to = *r;
	struct sk_move moves[STORES];
	struct sk_op_move ops[STORES];
	struct sk_arena *a[STORES];
	int left = STORES;

	to.life.attempt++;
	for (int i = 0; i < STORES; i++) {
		a[i] = sk_arena_new();
		moves[i] = (struct sk_move){
			.id = "a", .expect_attempt = r->life.attempt, .set = SK_SET_LIFE, .to = &to
		};
		ops[i] = (struct sk_op_move){
			.op = { .kind = SK_OP_MOVE, .arena = a[i], .done = answered, .arg = &left },
			.moves = &moves[i],
			.n = 1
		};
		sk_store_submit(stores[i], &ops[i].op);
	}
	while (left > 0)
		sk_loop_once(x->g.loop, -1);
	for (int i = 0; i < STORES; i++) {
		assert_int_equal(ops[i].op.code, SK_OK);
		*won += moves[i].code == SK_OK;
		*lost += moves[i].code == SK_ECONFLICT;
		sk_arena_free(a[i]);
	}
}

static void
of_eight_stores_one_wins_each_time(void **state)
{
	RIG(x);
	struct sk_store *stores[STORES];
	struct sk_err err;
	int won = 0, lost = 0;

	store_put(&x->g, store_task(&x->g, "a"));
	for (int i = 0; i < STORES; i++)
		assert_non_null(stores[i] = open_it(x->g.dir, x->g.loop, &err));
	for (int round = 0; round < ROUNDS; round++)
		race_once(x, stores, &won, &lost);
	assert_int_equal(won, ROUNDS);
	assert_int_equal(lost, ROUNDS * (STORES - 1));
	assert_int_equal(store_get(&x->g, "a")->life.attempt, ROUNDS);
	for (int i = 0; i < STORES; i++)
		sk_store_close(stores[i]);
	rig_close(x);
}

/* ---- URIs, a look ---- */

static void
a_uri_that_is_none_is_refused_without_its_password(void **state)
{
	static const char *const bad[] = { "", "mongo://u:secret@h/", "mongodb://u:sec%ret@h/",
		"mongodb://u:secret@h:99999/", "mongodb://u:secret@/x" };
	struct sk_err err = { SK_OK, "" };
	struct sk_loop *loop = sk_loop_new(&err);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(
			sk_store_mongo_open(&(struct sk_store_mongo_config){ .uri = bad[i] }, loop, &err));
		assert_int_equal(err.code, SK_EINVAL);
		assert_null(strstr(err.msg, "secret"));
	}
	sk_loop_free(loop);
}

static void
what_a_uri_says_counts_before_our_defaults(void **state)
{
	struct sk_err err;
	mongoc_uri_t *uri = sk_mg_uri(
		&(struct sk_store_mongo_config){
			.uri = "mongodb://u:p@a.example:1,b.example:2/?replicaSet=r&tls=true&tlsCAFile=/ca&"
				   "authSource=admin&socketTimeoutMS=77&retryWrites=true" },
		&err);

	(void)state;
	assert_non_null(uri);
	assert_true(mongoc_uri_get_tls(uri));
	assert_string_equal(mongoc_uri_get_replica_set(uri), "r");
	assert_int_equal(mongoc_uri_get_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, 0), 77);
	assert_int_equal(mongoc_uri_get_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, 0), 3000);
	assert_true(mongoc_uri_get_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false));
	assert_string_equal(mongoc_uri_get_appname(uri), "skalds");
	mongoc_uri_destroy(uri);
}

static void
passwords_are_masked(void **state)
{
	char absent[] =
		"x: No suitable servers found (`serverSelectionTryOnce` set): [connection refused]";
	char text[] = "at mongodb://user:p@ss@host/?x and mongodb://host:1/ and x://a:b@c";

	(void)state;
	sk_mg_mask(text);
	assert_string_equal(text, "at mongodb://user:****@host/?x and mongodb://host:1/ and x://a:*@c");
	sk_mg_mask(absent);
	assert_string_equal(absent, "x: no server answers: [connection refused]");
}

static void
a_look_tells_what_the_server_is(void **state)
{
	struct sk_mongo_probe p;
	struct sk_err err = { SK_OK, "" };

	(void)state;
	if (server == NULL)
		skip();
	if (sk_mongo_probe(&(struct sk_store_mongo_config){ .uri = server, .db = "skt_probe" }, 5000,
			&p, &err) != SK_OK)
		fail_msg("%s", err.msg);
	assert_string_equal(p.problem, "");
	assert_true(p.reached && p.allowed && p.indexed && p.atomic);
	assert_true(p.version[0] != '\0' && p.skew_ms > -60000 && p.skew_ms < 60000);
	assert_int_equal(
		sk_mongo_probe(
			&(struct sk_store_mongo_config){ .uri = "mongodb://127.0.0.1:1/" }, 500, &p, &err),
		SK_EUNAVAIL);
	assert_false(p.reached);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_have_the_types_of_the_original),
		cmocka_unit_test(odd_keys_and_types_come_back),
		cmocka_unit_test(a_task_of_the_original_is_found_and_adopted_once),
		cmocka_unit_test(a_move_adopts_whoever_made_it),
		cmocka_unit_test(an_executor_that_a_script_has_named_counts_as_assigned),
		cmocka_unit_test(a_status_alone_is_set_on_documents_of_the_original_only),
		cmocka_unit_test(what_others_write_over_our_phase_is_told),
		cmocka_unit_test(documents_that_cannot_be_read_are_left_out),
		cmocka_unit_test(what_dead_writers_left_goes_forward_or_back),
		cmocka_unit_test(a_draft_of_another_is_waited_for),
		cmocka_unit_test(many_at_once_go_in_all_or_none),
		cmocka_unit_test(a_server_that_is_away_is_told_at_once),
		cmocka_unit_test(an_answer_that_is_lost_is_no_conflict),
		cmocka_unit_test(of_eight_stores_one_wins_each_time),
		cmocka_unit_test(a_look_tells_what_the_server_is),
	};
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(a_uri_that_is_none_is_refused_without_its_password),
		cmocka_unit_test(what_a_uri_says_counts_before_our_defaults),
		cmocka_unit_test(passwords_are_masked),
	};
	int failed;

	sk_mg_init();
	sk_log_setup(&(struct sk_log_config){ .level = SK_CRITICAL });
	failed = cmocka_run_group_tests_name("without a server", alone, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		server = mongo_uri(i);
		if (server == NULL)
			printf("# SKIP SKALDS_TEST_MONGO%s is not set\n", i == 1 ? "2" : "");
		else
			failed += cmocka_run_group_tests_name(i == 0 ? "mongo" : "mongo2", tests, NULL, NULL);
	}
	return failed;
}
