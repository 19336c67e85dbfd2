/* api_test.c - what can be read, and how requests are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_rig.h"
#include "core/base/clock.h"
#include "core/run/output.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
add(struct api_rig *r, const char *body)
{
	api_ok(r, 201, "POST", "/v1/tasks", body);
}

/* ---- routes ---- */

static void
unknown_routes_and_methods(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_wrong(r, 404, "GET", "/v1/nothing", NULL, "there is no /v1/nothing");
	api_wrong(r, 404, "GET", "/v1/tasks/", NULL, "not-found");
	api_wrong(r, 404, "GET", "/v1/tasks/a/b/c", NULL, "not-found");
	api_wrong(r, 404, "GET", "/v1/tasks//log", NULL, "not-found");
	a = api_ok(r, 405, "PUT", "/v1/tasks", NULL);
	api_is(a, "error.code", "method");
	assert_true(api_header(a, "Allow: POST, GET"));
	a = api_ok(r, 405, "HEAD", "/v1/tasks/x", NULL);
	assert_true(api_header(a, "Allow: GET, PATCH, DELETE"));
}

static void
parameters_are_taken_strictly(void **state)
{
	struct api_rig *r = *state;

	api_wrong(r, 400, "GET", "/v1/tasks?stat=Running", NULL,
		"unknown parameter \\\"stat\\\", did you mean \\\"state\\\"?");
	api_wrong(r, 400, "GET", "/v1/status?x=1", NULL, "unknown parameter \\\"x\\\"");
	api_wrong(r, 400, "GET", "/v1/tasks?limit=1&limit=2", NULL, "limit is given twice");
	api_wrong(r, 400, "GET", "/v1/tasks?limit=ten", NULL, "limit: expected integer, got");
	api_wrong(r, 400, "GET", "/v1/tasks?limit=", NULL, "limit: expected integer, got");
	api_wrong(r, 400, "GET", "/v1/tasks?limit=0", NULL, "limit: must be at least 1, got 0");
	api_wrong(r, 400, "GET", "/v1/tasks?limit=1001", NULL, "must be at most 1000");
	api_wrong(r, 400, "GET", "/v1/tasks?limit=99999999999999999999", NULL, "at most 1000");
	api_wrong(r, 400, "GET", "/v1/tasks?state=Runing", NULL, "did you mean \\\"Running\\\"?");
	api_wrong(r, 400, "GET", "/v1/tasks?sort=age", NULL, "expected one of created");
	api_wrong(r, 400, "GET", "/v1/tasks?older=x", NULL, "older: expected seconds");
	api_wrong(r, 400, "GET", "/v1/tasks?older=-1", NULL, "older: expected seconds");
	api_wrong(r, 400, "GET", "/v1/tasks?older=nan", NULL, "older: expected seconds");
	api_wrong(r, 400, "GET", "/v1/tasks?elements=yes", NULL, "expected 1 or 0");
	api_wrong(r, 400, "GET", "/v1/tasks?cursor=zzz", NULL, "bad-request");
	api_wrong(r, 400, "GET", "/v1/tasks?id=%zz", NULL, "percent-encoded");
	api_wrong(r, 400, "GET", "/v1/tasks?id=%00", NULL, "percent-encoded");
	api_wrong(r, 400, "GET", "/v1/tasks?id=%ff", NULL, "percent-encoded");
	api_wrong(r, 404, "GET", "/v1/tasks/%zz", NULL, "not-found");
	api_ok(r, 200, "GET", "/v1/tasks?&&", NULL);
}

static void
ids_are_percent_decoded(void **state)
{
	struct api_rig *r = *state;

	add(r, "{\"id\":\"a b+ü\",\"className\":\"Noop\"}");
	api_is(api_ok(r, 200, "GET", "/v1/tasks/a%20b+%C3%BC", NULL), "id", "a b+ü");
	api_wrong(r, 404, "GET", "/v1/tasks/x%2Fy", NULL, "there is no task \\\"x/y\\\"");
}

static void
before_it_is_ready_it_says_so(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ok(r, 503, "GET", "/v1/tasks", NULL);

	api_is(a, "error.code", "unavailable");
	assert_true(api_header(a, "Retry-After: 1"));
	api_ok(r, 200, "GET", "/livez", NULL);
	api_ok(r, 503, "GET", "/readyz", NULL);
	sk_control_start(r->c);
	api_pump(r);
	api_ok(r, 200, "GET", "/readyz", NULL);
	api_ok(r, 200, "GET", "/v1/tasks", NULL);
}

/* Every route, with a store that answers so. */
static void
all_routes_with(struct api_rig *r, enum sk_code code, int status, const char *word)
{
	static const struct {
		const char *method, *path, *body;
	} rows[] = {
		{ "POST", "/v1/tasks", "{\"className\":\"Noop\"}" },
		{ "POST", "/v1/tasks", "{\"className\":\"Noop\",\"dependencies\":[\"x\"]}" },
		{ "GET", "/v1/tasks", NULL },
		{ "GET", "/v1/tasks/x", NULL },
		{ "GET", "/v1/tasks/x/wait?ms=1", NULL },
		{ "GET", "/v1/tasks/x/wait?ms=60000", NULL },
		{ "GET", "/v1/tasks/x/log", NULL },
		{ "GET", "/v1/tasks/x/log?wait=60000", NULL },
		{ "GET", "/v1/tasks/x/attempts", NULL },
		{ "POST", "/v1/tasks/x/cancel", NULL },
		{ "POST", "/v1/tasks/x/pause", NULL },
		{ "POST", "/v1/tasks/x/resume", NULL },
		{ "POST", "/v1/tasks/x/retry", NULL },
		{ "POST", "/v1/tasks/cancel", "{\"ids\":[\"x\"]}" },
		{ "POST", "/v1/tasks/delete", "{\"filter\":{}}" },
		{ "PATCH", "/v1/tasks/x", "{\"attachments\":{}}" },
		{ "DELETE", "/v1/tasks/x", NULL },
		{ "GET", "/v1/status", NULL },
		{ "POST", "/v1/backup", "{\"path\":\"/x\"}" },
		{ "GET", "/api/tasks/", NULL },
		{ "GET", "/api/tasks/classnames", NULL },
		{ "GET", "/api/tasks/x", NULL },
		{ "PUT", "/api/tasks/x/status", "{\"lifecycleStatus\":\"Cancelled\"}" },
		{ "PUT", "/api/tasks/x/attachments", "{\"attachments\":{}}" },
		{ "DELETE", "/api/tasks/x", NULL },
		{ "GET", "/api/tasks/x/heartbeat", NULL },
		{ "GET", "/api/skalds/", NULL },
		{ "GET", "/api/system/status", NULL },
		{ "GET", "/api/system/dashboard/summary", NULL },
		{ "GET", "/api/system/metrics", NULL },
		{ "GET", "/api/system/analytics/task-distribution", NULL },
		{ "GET", "/api/system/analytics/recent-activity", NULL },
	};

	r->failing.code = code;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer *a = api_ok(r, status, rows[i].method, rows[i].path, rows[i].body);

		if (strncmp(rows[i].path, "/v1", 3) == 0) {
			api_is(a, "error.code", word);
			api_is(a, "error.message", "the store says no");
		} else
			api_is(a, "error", "the store says no");
	}
	r->failing.code = SK_OK;
	assert_int_equal(api_count(r), 0);
}

static void
a_store_that_fails_is_told_as_what_it_is(void **state)
{
	struct api_rig *r = *state;

	all_routes_with(r, SK_EUNAVAIL, 503, "unavailable");
	all_routes_with(r, SK_ENOSPC, 507, "no-space");
	all_routes_with(r, SK_EIO, 500, "failed");
}

static void
readiness_is_the_stores(void **state)
{
	struct api_rig *r = *state;

	api_ok(r, 200, "GET", "/readyz", NULL);
	r->failing.code = SK_EUNAVAIL;
	api_ok(r, 503, "GET", "/readyz", NULL);
	api_ok(r, 503, "GET", "/api/system/health", NULL);
	api_ok(r, 200, "GET", "/livez", NULL);
}

/* ---- one task ---- */

static void
a_task_is_shown(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r,
		"{\"id\":\"t\",\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"u\",\"password\":"
		"\"hunter2\"},\"labels\":{\"k\":\"v\"}}");
	a = api_ok(r, 200, "GET", "/v1/tasks/t", NULL);
	api_is(a, "id", "t");
	api_is(a, "className", "Camera");
	api_is(a, "phase", "Created");
	api_is(a, "attachments.rtspUrl", "u");
	api_is(a, "attachments.password", "***");
	api_is(a, "source", "API");
	assert_null(strstr(a->body.p, "hunter2"));
	api_wrong(r, 404, "GET", "/v1/tasks/none", NULL, "there is no task \\\"none\\\"");
}

static void
an_array_has_counts(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "{\"id\":\"p\",\"className\":\"Noop\",\"array\":\"0-9,20\"}");
	a = api_ok(r, 200, "GET", "/v1/tasks/p", NULL);
	api_is(a, "arraySize", "11");
	api_is(a, "array", "0-9,20");
	api_is(a, "counts.notStarted", "11");
	api_is(a, "counts.Running", "0");
	a = api_ok(r, 200, "GET", "/v1/tasks", NULL);
	api_is(a, "items.0.counts.notStarted", "11");
}

/* ---- lists ---- */

static void
ids_are(struct answer *a, const char *want)
{
	struct sk_str ids = SK_STR_INIT;
	char path[40];

	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "items.%d.id", i);
		if (api_member(a, path)[0] == '\0')
			break;
		sk_str_addf(&ids, "%s%s", i > 0 ? " " : "", api_member(a, path));
	}
	assert_string_equal(sk_str_text(&ids), want);
	sk_str_release(&ids);
}

static void
list_is(struct api_rig *r, const char *query, const char *want)
{
	char path[300];

	snprintf(path, sizeof(path), "/v1/tasks?%s", query);
	ids_are(api_ok(r, 200, "GET", path, NULL), want);
}

static void
lists_are_filtered_and_sorted(void **state)
{
	struct api_rig *r = *state;

	add(r, "{\"id\":\"a1\",\"className\":\"Noop\",\"labels\":{\"k\":\"v\",\"x\":\"1\"}}");
	r->wall += 10000;
	add(r, "{\"id\":\"b2\",\"className\":\"Noop\",\"priority\":5,\"labels\":{\"k\":\"w\"}}");
	r->wall += 10000;
	add(r, "{\"id\":\"c3\",\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"u\"}}");
	r->wall += 1000;
	api_run(r, "a1", "n1");
	list_is(r, "", "c3 b2 a1");
	list_is(r, "sort=created", "a1 b2 c3");
	list_is(r, "sort=-created", "c3 b2 a1");
	list_is(r, "sort=rank", "b2 a1 c3");
	list_is(r, "sort=updated&limit=2", "a1 c3");
	list_is(r, "state=Running", "a1");
	list_is(r, "state=Running,Created", "c3 b2 a1");
	list_is(r, "state=Finished", "");
	list_is(r, "class=Noop", "b2 a1");
	list_is(r, "executor=n1", "a1");
	list_is(r, "label=k", "b2 a1");
	list_is(r, "label=k%3Dv", "a1");
	list_is(r, "label=k=w", "b2");
	list_is(r, "older=15", "a1");
	list_is(r, "newer=15", "c3 b2");
	list_is(r, "id=B", "b2");
	list_is(r, "class=Noop&state=Created", "b2");
}

static void
elements_are_shown_when_asked_for(void **state)
{
	struct api_rig *r = *state;
	struct sk_record *e;
	struct sk_op_insert op = { .n = 1 };

	add(r, "{\"id\":\"p\",\"className\":\"Noop\",\"array\":\"1-2\"}");
	e = api_stored(r, "p");
	e->id = "p.1";
	e->array = NULL;
	e->array_size = 0;
	e->array_parent = "p";
	e->array_index = 1;
	op.records = (const struct sk_record *const *)&e;
	op.op = (struct sk_op){ .kind = SK_OP_INSERT, .arena = r->arena };
	assert_int_equal(sk_store_wait(r->failing.real, r->loop, &op.op), SK_OK);
	list_is(r, "", "p");
	list_is(r, "elements=1", "p.1 p");
	list_is(r, "parent=p", "p.1");
	api_is(api_ok(r, 200, "GET", "/v1/tasks/p", NULL), "counts.Created", "1");
}

static void
pages_follow_each_other(void **state)
{
	struct api_rig *r = *state;
	struct sk_str path = SK_STR_INIT;
	struct answer *a;
	char body[80];
	int seen = 0;

	for (int i = 0; i < 25; i++) {
		snprintf(body, sizeof(body), "{\"id\":\"t%d\",\"className\":\"Noop\"}", i);
		add(r, body);
	}
	sk_str_adds(&path, "/v1/tasks?limit=10&sort=created");
	for (;;) {
		a = api_ok(r, 200, "GET", path.p, NULL);
		seen += (int)sk_map_get(a->json, "items")->u.list.n;
		if (strcmp(api_member(a, "next"), "null") == 0)
			break;
		assert_int_equal(seen % 10, 0);
		sk_str_clear(&path);
		sk_str_addf(&path, "/v1/tasks?limit=10&sort=created&cursor=%s", api_member(a, "next"));
	}
	assert_int_equal(seen, 25);
	sk_str_release(&path);
}

/* ---- attempts ---- */

static void
attempts_are_those_that_failed_and_the_last(void **state)
{
	struct api_rig *r = *state;
	struct sk_attempt ended = { .attempt = 1,
		.executor = "n1",
		.start_ms = 5,
		.finish_ms = 9,
		.max_rss_kb = 77,
		.exit = { .known = true, .reason = SK_REASON_SIGNALED, .signal = 9, .message = "m" } };
	struct sk_record *rec;
	struct answer *a;

	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	a = api_ok(r, 200, "GET", "/v1/tasks/t/attempts", NULL);
	api_is(a, "items", "[]");
	api_run(r, "t", "n1");
	a = api_ok(r, 200, "GET", "/v1/tasks/t/attempts", NULL);
	api_is(a, "items.0.attempt", "1");
	api_is(a, "items.0.exit", "null");
	api_is(a, "items.0.finishDateTime", "null");
	rec = api_stored(r, "t");
	rec->life.phase = SK_CREATED;
	rec->life.executor[0] = '\0';
	api_store(r, rec, SK_SET_LIFE, &ended);
	api_run(r, "t", "n2");
	a = api_ok(r, 200, "GET", "/v1/tasks/t/attempts", NULL);
	api_is(a, "items.0.exit.reason", "signaled");
	api_is(a, "items.0.exit.signal", "9");
	api_is(a, "items.0.maxRssKb", "77");
	api_is(a, "items.0.cpuMs", "null");
	api_is(a, "items.1.attempt", "2");
	api_is(a, "items.1.executor", "n2");
	api_is(a, "next", "null");
	api_ok(r, 404, "GET", "/v1/tasks/none/attempts", NULL);
}

/* ---- waiting ---- */

static void
waiting_for_what_has_ended_ends_at_once(void **state)
{
	struct api_rig *r = *state;

	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	api_is(api_ok(r, 200, "GET", "/v1/tasks/t/wait?ms=0", NULL), "phase", "Created");
	api_run(r, "t", "n1");
	api_end(r, "t", SK_LIFE_FINISH);
	api_is(api_ok(r, 200, "GET", "/v1/tasks/t/wait", NULL), "phase", "Finished");
	api_ok(r, 404, "GET", "/v1/tasks/none/wait", NULL);
	api_wrong(r, 400, "GET", "/v1/tasks/t/wait?ms=60001", NULL, "at most 60000");
}

static void
an_event_ends_the_waiting(void **state)
{
	struct api_rig *r = *state;
	struct answer *a, *b;

	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	api_run(r, "t", "n1");
	a = api_begin(r, "GET", "/v1/tasks/t/wait?ms=60000", "", NULL);
	b = api_begin(r, "GET", "/v1/tasks/t/wait?ms=60000", "", NULL);
	api_pump(r);
	assert_false(a->done);
	sk_control_tell(r->c, SK_EVENT_RETRYING, api_stored(r, "t"), NULL);
	api_pump(r);
	assert_false(a->done); /* it only looked */
	api_end(r, "t", SK_LIFE_FINISH);
	sk_control_tell(r->c, SK_EVENT_FINISHED, api_stored(r, "t"), NULL);
	api_pump(r);
	assert_int_equal(a->calls, 1);
	assert_int_equal(b->calls, 1);
	api_is(a, "phase", "Finished");
}

static void
nothing_is_missed_between_looking_and_waiting(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	api_run(r, "t", "n1");
	r->failing.hold = true;
	a = api_begin(r, "GET", "/v1/tasks/t/wait?ms=60000", "", NULL);
	api_pump(r); /* it was read as Running, but the answer is on its way */
	api_end(r, "t", SK_LIFE_FINISH);
	sk_control_tell(r->c, SK_EVENT_FINISHED, api_stored(r, "t"), NULL);
	api_pump(r);
	assert_false(a->done);
	api_release(r);
	api_pump(r);
	assert_int_equal(a->calls, 1);
	api_is(a, "phase", "Finished");
}

static void
waiting_ends_with_its_time(void **state)
{
	struct api_rig *r = *state;
	int64_t start = sk_boot_ms();
	struct answer *a;

	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	a = api_begin(r, "GET", "/v1/tasks/t/wait?ms=30", "", NULL);
	while (!a->done)
		sk_loop_once(r->loop, 100);
	assert_true(sk_boot_ms() - start >= 30);
	assert_int_equal(a->status, 200);
	api_is(a, "phase", "Created");
}

static void
whoever_is_forgotten_is_not_answered(void **state)
{
	static const char *const paths[] = { "/v1/tasks/t/wait?ms=60000", "/v1/tasks/t/log?wait=60000",
		"/v1/events?after=-1&wait=60000", "/v1/tasks" };
	struct api_rig *r = *state;

	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		for (int rounds = 0; rounds < 3; rounds++) {
			struct answer *a = api_begin(r, "GET", paths[i], "", NULL);

			for (int k = 0; k < rounds; k++)
				sk_loop_once(r->loop, 0);
			if (a->done)
				continue;
			sk_api_forget(r->c, a);
			sk_api_forget(r->c, a);
			sk_control_tell(r->c, SK_EVENT_FINISHED, api_stored(r, "t"), NULL);
			api_pump(r);
			assert_int_equal(a->calls, 0);
		}
	sk_api_forget(r->c, r);
}

/* What it asked for happens all the same. */
static void
a_forgotten_submission_is_stored(void **state)
{
	struct api_rig *r = *state;
	struct answer *a =
		api_begin(r, "POST", "/v1/tasks", "", "{\"id\":\"t\",\"className\":\"Noop\"}");

	sk_api_forget(r->c, a);
	api_pump(r);
	assert_int_equal(a->calls, 0);
	assert_non_null(api_stored(r, "t"));
}

/* The teardown frees the controller with requests that wait. */
static void
who_waits_at_the_end_is_answered(void **state)
{
	struct api_rig *r = *state;

	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	api_begin(r, "GET", "/v1/tasks/t/wait?ms=60000", "", NULL);
	api_begin(r, "GET", "/v1/tasks/t/log?wait=60000", "", NULL);
	api_begin(r, "GET", "/v1/events?after=-1&wait=60000", "", NULL);
	api_pump(r);
	api_begin(r, "GET", "/v1/tasks/t", "", NULL);
}

/* ---- events ---- */

static void
events_are_json_lines(void **state)
{
	struct api_rig *r = *state;
	struct answer *a, *b;
	char path[100], next[80];

	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	a = api_ok(r, 200, "GET", "/v1/events", NULL);
	api_has(a, "\"event\":\"created\",\"taskId\":\"t\"");
	assert_int_equal(a->body.p[a->body.len - 1], '\n');
	assert_int_equal(sscanf(a->headers.p, "Skalds-Next: %79s", next), 1);
	snprintf(path, sizeof(path), "/v1/events?after=%s&wait=60000&task=t", next);
	a = api_begin(r, "GET", path, "", NULL);
	b = api_begin(r, "GET", "/v1/events?after=-1&wait=60000", "", NULL);
	add(r, "{\"id\":\"u\",\"className\":\"Noop\"}");
	assert_false(a->done); /* of another task */
	assert_int_equal(b->calls, 1);
	api_has(b, "\"taskId\":\"u\"");
	api_ok(r, 200, "POST", "/v1/tasks/t/cancel", NULL);
	assert_int_equal(a->calls, 1);
	api_has(a, "\"event\":\"cancelled\",\"taskId\":\"t\"");
	assert_null(strstr(a->body.p, "\"u\""));
	a = api_ok(r, 200, "GET", "/v1/events?limit=1", NULL);
	assert_ptr_equal(strchr(a->body.p, '\n'), a->body.p + a->body.len - 1);
	api_wrong(r, 400, "GET", "/v1/events?after=-2", NULL, "at least -1");
	api_wrong(r, 400, "GET", "/v1/events?limit=1001", NULL, "at most 1000");
}

/* ---- logs ---- */

static void
write_log(const char *dir, const char *id, uint32_t attempt, const char *text)
{
	struct sk_str path = SK_STR_INIT;
	int fd;

	sk_out_path(&path, dir, id, attempt);
	fd = open(path.p, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	sk_str_release(&path);
}

static void
log_is(
	struct api_rig *r, const char *query, const char *text, const char *offset, const char *ended)
{
	char path[200], line[80];
	struct answer *a;

	snprintf(path, sizeof(path), "/v1/tasks/t/log?%s", query);
	a = api_ok(r, 200, "GET", path, NULL);
	assert_string_equal(sk_str_text(&a->body), text);
	snprintf(line, sizeof(line), "Skalds-Offset: %s", offset);
	assert_true(api_header(a, line));
	snprintf(line, sizeof(line), "Skalds-Ended: %s", ended);
	assert_true(api_header(a, line));
}

struct logs {
	char dir[64];
};

static void
logs_open(struct api_rig *r, struct logs *l)
{
	char path[100];

	snprintf(l->dir, sizeof(l->dir), "/tmp/skalds-api-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	snprintf(path, sizeof(path), "%s/logs", l->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/logs/t", l->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	r->c->cfg.data_dir = l->dir;
}

static void
logs_close(struct api_rig *r, struct logs *l)
{
	char command[100];

	r->c->cfg.data_dir = "";
	snprintf(command, sizeof(command), "rm -r %s", l->dir);
	assert_int_equal(system(command), 0);
}

static void
a_log_is_read_in_pieces(void **state)
{
	struct api_rig *r = *state;
	struct logs l;

	logs_open(r, &l);
	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	log_is(r, "", "", "0", "false"); /* it has not begun */
	api_run(r, "t", "n1");
	log_is(r, "", "", "0", "false");
	write_log(l.dir, "t", 1, "0123456789");
	log_is(r, "", "0123456789", "10", "false");
	log_is(r, "offset=3&limit=4", "3456", "7", "false");
	log_is(r, "offset=-3", "789", "10", "false");
	log_is(r, "offset=-300", "0123456789", "10", "false");
	log_is(r, "offset=10", "", "10", "false");
	log_is(r, "offset=12", "", "12", "false");
	api_end(r, "t", SK_LIFE_FINISH);
	log_is(r, "", "0123456789", "10", "true");
	log_is(r, "limit=4", "0123", "4", "false");
	log_is(r, "attempt=1&offset=4", "456789", "10", "true");
	log_is(r, "offset=10&wait=60000", "", "10", "true"); /* nothing is waited for */
	api_wrong(r, 404, "GET", "/v1/tasks/t/log?attempt=2", NULL, "no attempt 2 yet");
	api_ok(r, 404, "GET", "/v1/tasks/none/log", NULL);
	api_wrong(r, 400, "GET", "/v1/tasks/t/log?limit=0", NULL, "at least 1");
	logs_close(r, &l);
}

static void
a_log_is_followed(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;
	struct logs l;

	logs_open(r, &l);
	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	a = api_begin(r, "GET", "/v1/tasks/t/log?wait=60000", "", NULL);
	api_pump(r);
	assert_false(a->done);
	api_run(r, "t", "n1");
	write_log(l.dir, "t", 1, "abc");
	sk_control_tell(r->c, SK_EVENT_STARTED, api_stored(r, "t"), NULL);
	api_pump(r);
	assert_int_equal(a->calls, 1);
	assert_string_equal(a->body.p, "abc");
	assert_true(api_header(a, "Skalds-Attempt: 1"));
	a = api_begin(r, "GET", "/v1/tasks/t/log?offset=3&wait=60000", "", NULL);
	api_pump(r);
	assert_false(a->done);
	write_log(l.dir, "t", 1, "def"); /* nobody tells of it */
	while (!a->done)
		sk_loop_once(r->loop, 100);
	assert_string_equal(a->body.p, "def");
	a = api_begin(r, "GET", "/v1/tasks/t/log?offset=6&wait=60000", "", NULL);
	api_pump(r);
	api_end(r, "t", SK_LIFE_FINISH);
	sk_control_tell(r->c, SK_EVENT_FINISHED, api_stored(r, "t"), NULL);
	api_pump(r);
	assert_int_equal(a->calls, 1);
	assert_true(api_header(a, "Skalds-Ended: true"));
	a = api_begin(r, "GET", "/v1/tasks/t/log?offset=6&wait=20", "", NULL);
	api_pump(r);
	assert_int_equal(a->calls, 1);
	logs_close(r, &l);
}

static void
without_a_file_the_end_that_was_kept_is_shown(void **state)
{
	struct api_rig *r = *state;
	struct sk_attempt ended = { .attempt = 1,
		.executor = "n1",
		.tail = "the end\n",
		.tail_len = 8,
		.exit = { .known = true, .reason = SK_REASON_EXITED, .code = 1, .message = "" } };
	struct sk_record *rec;

	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	api_run(r, "t", "n1");
	log_is(r, "", "", "0", "false");
	rec = api_stored(r, "t");
	rec->life.phase = SK_FAILED;
	rec->life.executor[0] = '\0';
	api_store(r, rec, SK_SET_LIFE, &ended);
	log_is(r, "", "the end\n", "8", "true");
	log_is(r, "offset=-4", "end\n", "8", "true");
	log_is(r, "offset=4&limit=2", "en", "6", "false");
	log_is(r, "attempt=1&wait=60000", "the end\n", "8", "true");
}

static void
only_a_plain_file_is_a_log(void **state)
{
	struct api_rig *r = *state;
	char path[120];
	struct logs l;

	logs_open(r, &l);
	add(r, "{\"id\":\"t\",\"className\":\"Noop\"}");
	api_run(r, "t", "n1");
	snprintf(path, sizeof(path), "%s/logs/t/1.log", l.dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	api_wrong(r, 500, "GET", "/v1/tasks/t/log", NULL, "cannot read the log");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	api_wrong(r, 500, "GET", "/v1/tasks/t/log", NULL, "cannot read the log");
	logs_close(r, &l);
}

/* ---- skalds, status, backup ---- */

static void
skalds_are_shown_and_drained(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_is(api_ok(r, 200, "GET", "/v1/skalds", NULL), "items", "[]");
	api_skald(r, "n1", SK_MODE_NODE, 4);
	a = api_ok(r, 200, "GET", "/v1/skalds", NULL);
	api_is(a, "items.0.id", "n1");
	api_is(a, "items.0.state", "online");
	api_is(a, "items.0.classes", "[\"Camera\",\"Noop\"]");
	a = api_ok(r, 200, "GET", "/v1/skalds/n1", NULL);
	api_is(a, "mode", "node");
	api_is(a, "slots", "4");
	api_is(a, "cpus", "2.0");
	api_is(a, "labels", "{}");
	api_is(api_ok(r, 200, "POST", "/v1/skalds/n1/drain", NULL), "state", "draining");
	api_is(api_ok(r, 200, "GET", "/v1/skalds/n1", NULL), "state", "draining");
	api_is(api_ok(r, 200, "POST", "/v1/skalds/n1/undrain", NULL), "state", "online");
	api_wrong(r, 404, "GET", "/v1/skalds/no", NULL, "there is no skald \\\"no\\\"");
	api_wrong(r, 404, "POST", "/v1/skalds/no/drain", NULL, "there is no skald");
	r->failing.code = SK_EUNAVAIL;
	api_ok(r, 503, "POST", "/v1/skalds/n1/drain", NULL);
}

static void
status_counts(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_skald(r, "n1", SK_MODE_NODE, 4);
	api_is(api_ok(r, 200, "GET", "/v1/status", NULL), "oldestWaitingMs", "null");
	add(r, "[{\"id\":\"a\",\"className\":\"Noop\"},{\"id\":\"b\",\"className\":\"Noop\"}]");
	api_run(r, "b", "n1");
	r->wall += 5000;
	a = api_ok(r, 200, "GET", "/v1/status", NULL);
	api_is(a, "version", "1.2.3");
	api_is(a, "tasks.Created", "1");
	api_is(a, "tasks.Running", "1");
	api_is(a, "tasks.total", "2");
	api_is(a, "oldestWaitingMs", "5000");
	api_is(a, "uptimeMs", "5000");
	api_is(a, "skalds.online", "1");
	api_is(a, "skalds.slots", "4");
	api_is(a, "store.name", "failing");
	api_is(a, "dispatching", "false");
	api_is(a, "leader.name", "null");
	api_is(a, "leader.self", "false");
}

static void
a_backup_has_an_absolute_path(void **state)
{
	struct api_rig *r = *state;

	api_wrong(r, 422, "POST", "/v1/backup", "{\"path\":\"x\"}", "must be an absolute path");
	api_wrong(r, 422, "POST", "/v1/backup", "{}", "missing key");
	api_wrong(r, 422, "POST", "/v1/backup", "{\"path\":1}", "expected string");
	api_wrong(r, 422, "POST", "/v1/backup", "{\"pat\":\"/x\"}", "did you mean \\\"path\\\"?");
	api_wrong(r, 422, "POST", "/v1/backup", "{\"path\":", "not valid JSON");
	api_wrong(r, 422, "POST", "/v1/backup", NULL, "there is nothing in it");
	api_wrong(r, 422, "POST", "/v1/backup", "{\"path\":\"/x\"}", "path"); /* not in memory */
	r->failing.only = SK_OP_BACKUP;
	r->failing.code = SK_ECONFLICT;
	api_wrong(r, 409, "POST", "/v1/backup", "{\"path\":\"/x\"}", "conflict");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_routes_and_methods),
		TEST(parameters_are_taken_strictly),
		TEST(ids_are_percent_decoded),
		cmocka_unit_test_setup_teardown(
			before_it_is_ready_it_says_so, api_setup_cold, api_teardown),
		TEST(a_store_that_fails_is_told_as_what_it_is),
		TEST(readiness_is_the_stores),
		TEST(a_task_is_shown),
		TEST(an_array_has_counts),
		TEST(lists_are_filtered_and_sorted),
		TEST(elements_are_shown_when_asked_for),
		TEST(pages_follow_each_other),
		TEST(attempts_are_those_that_failed_and_the_last),
		TEST(waiting_for_what_has_ended_ends_at_once),
		TEST(an_event_ends_the_waiting),
		TEST(nothing_is_missed_between_looking_and_waiting),
		TEST(waiting_ends_with_its_time),
		TEST(whoever_is_forgotten_is_not_answered),
		TEST(a_forgotten_submission_is_stored),
		TEST(who_waits_at_the_end_is_answered),
		TEST(events_are_json_lines),
		TEST(a_log_is_read_in_pieces),
		TEST(a_log_is_followed),
		TEST(without_a_file_the_end_that_was_kept_is_shown),
		TEST(only_a_plain_file_is_a_log),
		TEST(skalds_are_shown_and_drained),
		TEST(status_counts),
		TEST(a_backup_has_an_absolute_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
