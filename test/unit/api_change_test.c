/* api_change_test.c - cancel, pause, resume, retry, delete, update: of one, of many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_rig.h"
#include "core/run/output.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
add(struct api_rig *r, const char *id)
{
	char body[120];

	snprintf(body, sizeof(body), "{\"id\":\"%s\",\"className\":\"Noop\"}", id);
	api_ok(r, 201, "POST", "/v1/tasks", body);
	sk_str_clear(&r->heard);
}

static void
heard(struct api_rig *r, const char *want)
{
	api_pump(r);
	assert_string_equal(sk_str_text(&r->heard), want);
	sk_str_clear(&r->heard);
}

static enum sk_phase
phase(struct api_rig *r, const char *id)
{
	return api_stored(r, id)->life.phase;
}

static enum sk_wanted
wanted(struct api_rig *r, const char *id)
{
	return api_stored(r, id)->life.wanted;
}

/* ---- cancel ---- */

static void
what_waits_is_cancelled_at_once(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "t");
	r->wall += 3000;
	a = api_ok(r, 200, "POST", "/v1/tasks/t/cancel", NULL);
	api_is(a, "phase", "Cancelled");
	api_is(a, "exit.reason", "cancelled");
	api_is(a, "finishDateTime", "1700000003000");
	heard(r, "cancelled t\n");
	api_ok(r, 200, "POST", "/v1/tasks/t/cancel", NULL);
	heard(r, "");
	api_wrong(r, 404, "POST", "/v1/tasks/none/cancel", NULL, "there is no task \\\"none\\\"");
}

static void
what_runs_is_asked_to_end(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "t");
	api_run(r, "t", "n1");
	a = api_ok(r, 200, "POST", "/v1/tasks/t/cancel", NULL);
	api_is(a, "phase", "Running");
	api_is(a, "wanted", "cancel");
	assert_int_equal(wanted(r, "t"), SK_WANT_CANCEL);
	heard(r, "CANCEL t\n");
	api_ok(r, 200, "POST", "/v1/tasks/t/cancel", NULL);
	heard(r, "CANCEL t\n"); /* the first may be lost */
	api_wrong(r, 409, "POST", "/v1/tasks/t/pause", NULL, "is being cancelled");
	api_end(r, "t", SK_LIFE_GONE);
	api_is(api_ok(r, 200, "GET", "/v1/tasks/t", NULL), "phase", "Cancelled");
}

static void
what_has_ended_cannot_be_cancelled(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "t");
	api_run(r, "t", "n1");
	api_end(r, "t", SK_LIFE_FINISH);
	a = api_ok(r, 409, "POST", "/v1/tasks/t/cancel", NULL);
	api_is(a, "error.code", "conflict");
	api_is(a, "error.message", "cannot cancel a task that is Finished");
	api_wrong(r, 409, "POST", "/v1/tasks/t/pause", NULL, "cannot pause a task that is Finished");
	api_wrong(r, 409, "POST", "/v1/tasks/t/resume", NULL, "cannot resume");
	heard(r, "");
}

/* ---- pause, resume ---- */

static void
what_waits_is_held_and_let_go(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "t");
	a = api_ok(r, 200, "POST", "/v1/tasks/t/pause", NULL);
	api_is(a, "phase", "Created");
	api_is(a, "wanted", "pause");
	heard(r, "paused t\n");
	api_is(api_ok(r, 200, "POST", "/v1/tasks/t/resume", NULL), "wanted", "run");
	heard(r, "resumed t\n");
}

static void
what_runs_is_asked_to_stand_still(void **state)
{
	struct api_rig *r = *state;

	add(r, "t");
	api_run(r, "t", "n1");
	api_is(api_ok(r, 200, "POST", "/v1/tasks/t/pause", NULL), "wanted", "pause");
	heard(r, "CANCEL t\n");
	api_is(api_ok(r, 200, "POST", "/v1/tasks/t/resume", NULL), "wanted", "run");
	heard(r, "CANCEL t\n");
}

/* ---- retry ---- */

static void
what_has_failed_begins_anew(void **state)
{
	struct api_rig *r = *state;
	struct sk_record *rec;
	struct answer *a;

	add(r, "t");
	api_run(r, "t", "n1");
	rec = api_stored(r, "t");
	rec->life.phase = SK_FAILED;
	rec->life.failures = 3;
	rec->life.executor[0] = '\0';
	rec->gate = SK_GATE_TIME;
	rec->due_ms = RIG_NOW + 99999;
	api_store(r, rec, SK_SET_LIFE | SK_SET_GATE, NULL);
	r->wall += 7000;
	a = api_ok(r, 200, "POST", "/v1/tasks/t/retry", NULL);
	api_is(a, "phase", "Created");
	api_is(a, "failures", "0");
	api_is(a, "attempt", "1");
	rec = api_stored(r, "t");
	assert_int_equal(rec->gate, SK_GATE_OPEN);
	assert_int_equal(rec->due_ms, 0);
	assert_int_equal(rec->create_ms, RIG_NOW + 7000);
	assert_int_equal(rec->rank_ms, RIG_NOW + 7000);
	heard(r, "created t\n");
	api_wrong(r, 409, "POST", "/v1/tasks/t/retry", NULL, "cannot retry a task that is Created");
}

static void
a_forced_retry_gives_the_attempt_up(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "t");
	api_run(r, "t", "n1");
	api_wrong(r, 409, "POST", "/v1/tasks/t/retry", NULL, "cannot retry a task that is Running");
	assert_int_equal(phase(r, "t"), SK_RUNNING);
	a = api_ok(r, 200, "POST", "/v1/tasks/t/retry?force=1", NULL);
	api_is(a, "phase", "Created");
	api_is(a, "failures", "0");
	api_is(a, "executor", "null");
	heard(r, "CANCEL t\ncreated t\n");
	a = api_ok(r, 200, "GET", "/v1/tasks/t/attempts", NULL);
	api_is(a, "items.0.exit.reason", "lost");
	api_is(a, "items.0.executor", "n1");
	/* one that is being cancelled, and the last of its budget */
	api_run(r, "t", "n1");
	api_ok(r, 200, "POST", "/v1/tasks/t/cancel", NULL);
	api_is(api_ok(r, 200, "POST", "/v1/tasks/t/retry?force=1", NULL), "phase", "Created");
	api_is(api_ok(r, 200, "GET", "/v1/tasks/t", NULL), "wanted", "run");
	api_wrong(r, 400, "POST", "/v1/tasks/t/retry?force=x", NULL, "expected 1 or 0");
}

/* ---- delete ---- */

static void
only_what_has_ended_is_deleted(void **state)
{
	struct api_rig *r = *state;

	add(r, "t");
	api_wrong(r, 409, "DELETE", "/v1/tasks/t", NULL, "cannot delete a task that is Created");
	api_run(r, "t", "n1");
	api_wrong(r, 409, "DELETE", "/v1/tasks/t", NULL, "cannot delete a task that is Running");
	api_end(r, "t", SK_LIFE_FINISH);
	api_is(api_ok(r, 200, "DELETE", "/v1/tasks/t", NULL), "deleted", "true");
	assert_null(api_stored(r, "t"));
	api_wrong(r, 404, "DELETE", "/v1/tasks/t", NULL, "there is no task");
}

static bool
is_there(const char *dir, const char *id, uint32_t attempt, bool make)
{
	struct sk_str path = SK_STR_INIT;
	bool there;
	char *slash;

	sk_out_path(&path, dir, id, attempt);
	slash = strrchr(path.p, '/');
	if (make) {
		*slash = '\0';
		assert_true(mkdir(path.p, 0700) == 0 || access(path.p, F_OK) == 0);
		*slash = '/';
		close(open(path.p, O_CREAT | O_WRONLY, 0600));
	}
	there = access(path.p, F_OK) == 0;
	sk_str_release(&path);
	return there;
}

static void
its_output_goes_with_it(void **state)
{
	struct api_rig *r = *state;
	char dir[] = "/tmp/skalds-api-XXXXXX", path[100];
	struct sk_record *rec;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/logs", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	r->c->cfg.data_dir = dir;
	assert_true(is_there(dir, "t", 1, true) && is_there(dir, "t", 2, true));
	assert_true(is_there(dir, "t.1", 1, true) && is_there(dir, "tt", 1, true));
	add(r, "t");
	api_ok(r, 200, "POST", "/v1/tasks/t/cancel", NULL);
	api_ok(r, 200, "DELETE", "/v1/tasks/t", NULL);
	assert_false(is_there(dir, "t", 1, false) || is_there(dir, "t", 2, false));
	assert_true(is_there(dir, "t.1", 1, false) && is_there(dir, "tt", 1, false));
	/* an array takes the output of its elements with it */
	api_ok(r, 201, "POST", "/v1/tasks", "{\"id\":\"t\",\"className\":\"Noop\",\"array\":\"1-2\"}");
	rec = api_stored(r, "t");
	rec->life.phase = SK_FINISHED;
	api_store(r, rec, SK_SET_LIFE, NULL);
	api_ok(r, 200, "DELETE", "/v1/tasks/t", NULL);
	assert_false(is_there(dir, "t.1", 1, false));
	assert_true(is_there(dir, "tt", 1, false));
	r->c->cfg.data_dir = "";
	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

/* ---- many ---- */

static void
ids_in_a_body(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "a");
	add(r, "b");
	add(r, "c");
	api_run(r, "b", "n1");
	api_end(r, "b", SK_LIFE_FINISH);
	a = api_ok(r, 200, "POST", "/v1/tasks/cancel", "{\"ids\":[\"a\",\"none\",\"b\",\"c\",\"a\"]}");
	api_is(a, "done", "3");
	api_is(a, "failed", "2");
	api_is(a, "items.0.id", "a");
	api_is(a, "items.0.ok", "true");
	api_is(a, "items.0.error", "null");
	api_is(a, "items.1.ok", "false");
	api_is(a, "items.1.error", "there is no such task");
	api_is(a, "items.2.error", "cannot cancel a task that is Finished");
	api_is(a, "items.4.ok", "true");
	a = api_ok(r, 200, "POST", "/v1/tasks/delete", "{\"ids\":[\"a\",\"b\",\"c\"]}");
	api_is(a, "done", "3");
	assert_int_equal(api_count(r), 0);
	api_is(api_ok(r, 200, "POST", "/v1/tasks/pause", "{\"ids\":[]}"), "done", "0");
}

static void
bodies_that_are_wrong(void **state)
{
	struct api_rig *r = *state;

	api_wrong(r, 422, "POST", "/v1/tasks/cancel", "{}", "one of ids and filter is needed");
	api_wrong(
		r, 422, "POST", "/v1/tasks/cancel", "{\"ids\":[],\"filter\":{}}", "exclude each other");
	api_wrong(r, 422, "POST", "/v1/tasks/cancel", "{\"ids\":\"a\"}", "expected list of strings");
	api_wrong(r, 422, "POST", "/v1/tasks/cancel", "{\"ids\":[\"a\",1]}", "ids[1]");
	api_wrong(r, 422, "POST", "/v1/tasks/cancel", "{\"filter\":{\"stat\":\"x\"}}",
		"filter.stat: unknown key, did you mean \\\"state\\\"?");
	api_wrong(
		r, 422, "POST", "/v1/tasks/cancel", "{\"filter\":{\"state\":\"x\"}}", "there is no state");
	api_wrong(r, 422, "POST", "/v1/tasks/cancel", "{\"filter\":{\"older\":-3}}", "must be 0 to");
	api_wrong(r, 422, "POST", "/v1/tasks/cancel", "{\"filter\":5}", "expected map");
	api_wrong(r, 422, "POST", "/v1/tasks/cancel", "[1]", "expected map");
	api_wrong(r, 422, "POST", "/v1/tasks/cancel", "nonsense", "not valid JSON");
	api_wrong(r, 400, "POST", "/v1/tasks/pause?force=1", "{\"ids\":[]}", "unknown parameter");
}

static void
add_many(struct api_rig *r, int n)
{
	struct sk_str body = SK_STR_INIT;
	struct answer *a;

	for (int i = 0; i < n; i++)
		sk_str_addf(&body, "{\"id\":\"t%d\",\"className\":\"Noop\",\"labels\":{\"odd\":\"%d\"}}\n",
			i, i % 2);
	a = api_post(r, "/v1/tasks", "application/x-ndjson", "", body.p);
	assert_int_equal(a->status, 201);
	sk_str_release(&body);
	sk_str_clear(&r->heard);
}

static void
a_filter_goes_through_all_pages(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add_many(r, 2500);
	api_run(r, "t1", "n1");
	api_run(r, "t3", "n1");
	api_end(r, "t3", SK_LIFE_FINISH);
	a = api_ok(r, 200, "POST", "/v1/tasks/pause", "{\"filter\":{\"label\":\"odd=0\"}}");
	api_is(a, "done", "1250");
	api_is(a, "items", "[]");
	assert_int_equal(wanted(r, "t2498"), SK_WANT_PAUSE);
	assert_int_equal(wanted(r, "t2499"), SK_WANT_RUN);
	a = api_ok(r, 200, "POST", "/v1/tasks/cancel", "{\"filter\":{}}");
	api_is(a, "done", "2499"); /* not the one that has ended */
	api_is(a, "failed", "0");
	assert_int_equal(phase(r, "t0"), SK_CANCELLED);
	assert_int_equal(wanted(r, "t1"), SK_WANT_CANCEL);
	a = api_ok(r, 200, "POST", "/v1/tasks/retry", "{\"filter\":{\"state\":\"Finished\"}}");
	api_is(a, "done", "1");
	a = api_ok(r, 200, "POST", "/v1/tasks/delete", "{\"filter\":{\"state\":\"Running\"}}");
	api_is(a, "done", "0"); /* what runs cannot be deleted: it is not meant */
	a = api_ok(r, 200, "POST", "/v1/tasks/delete", "{\"filter\":{\"class\":\"Noop\"}}");
	api_is(a, "done", "2498");
	assert_int_equal(api_count(r), 2);
}

static void
what_cannot_be_is_told_of_a_filter_too(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add_many(r, 3);
	api_run(r, "t1", "n1");
	api_ok(r, 200, "POST", "/v1/tasks/t1/cancel", NULL);
	a = api_ok(r, 200, "POST", "/v1/tasks/pause", "{\"filter\":{\"id\":\"T\",\"newer\":60}}");
	api_is(a, "done", "2");
	api_is(a, "failed", "1");
	api_is(a, "items.0.id", "t1");
	api_is(a, "items.0.error", "cannot pause a task that is being cancelled");
	api_is(a, "items.1", "");
}

static void
a_store_that_fails_on_the_way(void **state)
{
	struct api_rig *r = *state;

	add_many(r, 5);
	r->failing.only = SK_OP_MOVE;
	r->failing.code = SK_ENOSPC;
	api_ok(r, 507, "POST", "/v1/tasks/cancel", "{\"filter\":{}}");
	api_ok(r, 507, "POST", "/v1/tasks/t0/cancel", NULL);
	r->failing.code = SK_OK;
	assert_int_equal(phase(r, "t0"), SK_CREATED);
	r->failing.only = SK_OP_REMOVE;
	r->failing.code = SK_EIO;
	api_ok(r, 200, "POST", "/v1/tasks/t0/cancel", NULL);
	api_ok(r, 500, "DELETE", "/v1/tasks/t0", NULL);
}

/* ---- somebody else changes it at the same time ---- */

static void
a_conflict_is_looked_at_again(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "t");
	r->failing.hold = true;
	a = api_begin(r, "POST", "/v1/tasks/t/cancel", "", NULL);
	api_pump(r); /* it was read as Created */
	api_run(r, "t", "n1");
	api_release(r);
	api_pump(r);
	assert_int_equal(a->calls, 1);
	assert_int_equal(a->status, 200);
	api_is(a, "phase", "Running");
	api_is(a, "wanted", "cancel");
	heard(r, "CANCEL t\n");
}

static void
who_ends_meanwhile_is_a_conflict_or_gone(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "t");
	r->failing.hold = true;
	a = api_begin(r, "POST", "/v1/tasks/t/cancel", "", NULL);
	api_pump(r);
	api_run(r, "t", "n1");
	api_end(r, "t", SK_LIFE_FINISH);
	api_release(r);
	api_pump(r);
	assert_int_equal(a->status, 409);
	assert_int_equal(phase(r, "t"), SK_FINISHED);
}

/* ---- arrays ---- */

static void
an_array_that_has_not_begun_is_cancelled(void **state)
{
	struct api_rig *r = *state;

	api_ok(r, 201, "POST", "/v1/tasks", "{\"id\":\"p\",\"className\":\"Noop\",\"array\":\"1-9\"}");
	api_is(api_ok(r, 200, "POST", "/v1/tasks/p/cancel", NULL), "phase", "Cancelled");
	api_is(api_ok(r, 200, "POST", "/v1/tasks/p/retry", NULL), "phase", "Created");
}

static void
elements_go_with_their_array(void **state)
{
	struct api_rig *r = *state;
	struct sk_record *e;
	struct sk_op_insert op = { .n = 1 };

	api_ok(r, 201, "POST", "/v1/tasks", "{\"id\":\"p\",\"className\":\"Noop\",\"array\":\"1-9\"}");
	e = api_stored(r, "p");
	e->id = "p.1";
	e->array = NULL;
	e->array_size = 0;
	e->array_parent = "p";
	e->life.phase = SK_FINISHED;
	op.records = (const struct sk_record *const *)&e;
	op.op = (struct sk_op){ .kind = SK_OP_INSERT, .arena = r->arena };
	assert_int_equal(sk_store_wait(r->failing.real, r->loop, &op.op), SK_OK);
	api_wrong(r, 409, "DELETE", "/v1/tasks/p.1", NULL, "it belongs to the array p");
	api_ok(r, 200, "POST", "/v1/tasks/p/cancel", NULL);
	api_ok(r, 200, "DELETE", "/v1/tasks/p", NULL);
	assert_int_equal(api_count(r), 0);
}

/* ---- update ---- */

#define CAMERA \
	"{\"id\":\"c\",\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"u\",\"password\":" \
	"\"secret\",\"fixFrame\":7}}"

static const char *
attachment(struct api_rig *r, const char *key)
{
	const struct sk_value *v = sk_map_get(sk_map_get(api_stored(r, "c")->spec, "attachments"), key);

	return v == NULL ? "" : v->kind == SK_STRING ? v->u.str.s : "a number";
}

static void
members_are_merged(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_ok(r, 201, "POST", "/v1/tasks", CAMERA);
	api_run(r, "c", "n1");
	sk_str_clear(&r->heard);
	a = api_ok(r, 200, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"fixFrame\":9}}");
	api_is(a, "attachments.fixFrame", "9");
	api_is(a, "attachments.rtspUrl", "u");
	api_is(a, "attachments.password", "***");
	heard(r, "UPDATE c\nupdated c\n");
	assert_string_equal(attachment(r, "password"), "secret");
	/* the member's name, and the mask that was shown */
	a = api_ok(
		r, 200, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"url\":\"w\",\"password\":\"***\"}}");
	api_is(a, "attachments.rtspUrl", "w");
	api_is(a, "attachments.url", "");
	assert_string_equal(attachment(r, "password"), "secret");
	api_ok(r, 200, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"password\":\"new\"}}");
	assert_string_equal(attachment(r, "password"), "new");
	api_is(api_ok(r, 200, "GET", "/v1/tasks/c", NULL), "source", "API");
}

static void
an_update_is_checked(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_ok(r, 201, "POST", "/v1/tasks", CAMERA);
	a = api_ok(r, 422, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"fixFrame\":\"ten\"}}");
	api_is(a, "error.problems.0.path", "attachments.fixFrame");
	api_wrong(r, 422, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"fixFrame\":101}}", "1 to 100");
	api_wrong(r, 422, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"fixFrane\":1}}",
		"did you mean \\\"fixFrame\\\"?");
	api_wrong(r, 422, "PATCH", "/v1/tasks/c", "{\"attachments\":[]}", "expected map");
	api_wrong(r, 422, "PATCH", "/v1/tasks/c", "{\"attachments\":null}", "expected map");
	api_wrong(r, 422, "PATCH", "/v1/tasks/c", "{}", "missing key \\\"attachments\\\"");
	api_wrong(r, 422, "PATCH", "/v1/tasks/c", "{\"priority\":1,\"attachments\":{}}",
		"priority: unknown key");
	api_wrong(r, 404, "PATCH", "/v1/tasks/no", "{\"attachments\":{}}", "there is no task");
	r->failing.only = SK_OP_MOVE;
	r->failing.code = SK_ENOSPC;
	api_ok(r, 507, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"fixFrame\":8}}");
	assert_string_equal(attachment(r, "rtspUrl"), "u");
}

/* Read, read, write, write: the second would lose what the first has changed. */
static void
two_updates_at_a_time_lose_nothing(void **state)
{
	struct api_rig *r = *state;
	struct answer *a, *b, *c;

	api_ok(r, 201, "POST", "/v1/tasks", CAMERA);
	a = api_begin(r, "PATCH", "/v1/tasks/c", "", "{\"attachments\":{\"rtspUrl\":\"v\"}}");
	b = api_begin(r, "PATCH", "/v1/tasks/c", "", "{\"attachments\":{\"fixFrame\":\"x\"}}");
	c = api_begin(r, "PATCH", "/v1/tasks/c", "", "{\"attachments\":{\"password\":\"p2\"}}");
	api_pump(r);
	assert_int_equal(a->status, 200);
	assert_int_equal(b->status, 422);
	assert_int_equal(c->status, 200);
	assert_string_equal(attachment(r, "rtspUrl"), "v");
	assert_string_equal(attachment(r, "password"), "p2");
}

static void
an_array_that_has_begun_keeps_its_attachments(void **state)
{
	struct api_rig *r = *state;
	struct sk_record *rec;

	api_ok(r, 201, "POST", "/v1/tasks",
		"{\"id\":\"c\",\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"u\"},\"array\":\"1-"
		"3\"}");
	api_ok(r, 200, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"rtspUrl\":\"v\"}}");
	rec = api_stored(r, "c");
	rec->life.phase = SK_RUNNING;
	rec->life.attempt = 1;
	api_store(r, rec, SK_SET_LIFE, NULL);
	api_wrong(r, 409, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"rtspUrl\":\"w\"}}",
		"elements of the array have started");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_waits_is_cancelled_at_once),
		TEST(what_runs_is_asked_to_end),
		TEST(what_has_ended_cannot_be_cancelled),
		TEST(what_waits_is_held_and_let_go),
		TEST(what_runs_is_asked_to_stand_still),
		TEST(what_has_failed_begins_anew),
		TEST(a_forced_retry_gives_the_attempt_up),
		TEST(only_what_has_ended_is_deleted),
		TEST(its_output_goes_with_it),
		TEST(ids_in_a_body),
		TEST(bodies_that_are_wrong),
		TEST(a_filter_goes_through_all_pages),
		TEST(what_cannot_be_is_told_of_a_filter_too),
		TEST(a_store_that_fails_on_the_way),
		TEST(a_conflict_is_looked_at_again),
		TEST(who_ends_meanwhile_is_a_conflict_or_gone),
		TEST(an_array_that_has_not_begun_is_cancelled),
		TEST(elements_go_with_their_array),
		TEST(members_are_merged),
		TEST(an_update_is_checked),
		TEST(two_updates_at_a_time_lose_nothing),
		TEST(an_array_that_has_begun_keeps_its_attachments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
