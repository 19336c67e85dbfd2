/* api_original_test.c - the original's routes: its field names, its order, its errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_rig.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAMERA \
	"{\"id\":\"c\",\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"u\",\"password\":" \
	"\"secret\"},\"priority\":3}"

static void
body_is(const struct answer *a, const char *want)
{
	assert_string_equal(a->body.p, want);
}

static void
add(struct api_rig *r, const char *body)
{
	api_ok(r, 201, "POST", "/v1/tasks", body);
}

/* ---- general ---- */

static void
roots(void **state)
{
	struct api_rig *r = *state;

	api_is(api_ok(r, 200, "GET", "/", NULL), "name", "Skalds SystemController");
	api_is(api_ok(r, 200, "GET", "/api", NULL), "endpoints.tasks", "/api/tasks");
}

static void
lists_have_a_slash_and_the_others_none(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ok(r, 307, "GET", "/api/tasks?page=2", NULL);

	assert_true(api_header(a, "Location: /api/tasks/?page=2"));
	a = api_ok(r, 307, "GET", "/api/skalds", NULL);
	assert_true(api_header(a, "Location: /api/skalds/"));
	a = api_ok(r, 307, "GET", "/api/tasks/classnames/", NULL);
	assert_true(api_header(a, "Location: /api/tasks/classnames"));
	a = api_ok(r, 307, "PUT", "/api/tasks/x/status/", "{}");
	assert_true(api_header(a, "Location: /api/tasks/x/status"));
	a = api_ok(r, 307, "GET", "/api/", NULL);
	assert_true(api_header(a, "Location: /api"));
}

static void
errors_look_as_there(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ok(r, 404, "GET", "/api/tasks/none", NULL);

	body_is(a,
		"{\"error\":\"Not Found\",\"message\":\"The requested resource '/api/tasks/none' was not "
		"found\",\"suggestion\":\"Check the API documentation at "
		"/api/docs\",\"detail\":\"there is no task \\\"none\\\"\"}");
	api_ok(r, 404, "GET", "/api/nothing", NULL);
	a = api_ok(r, 405, "POST", "/api/tasks/x/status", NULL);
	body_is(a, "{\"detail\":\"Method Not Allowed\"}");
	a = api_ok(r, 405, "HEAD", "/api/tasks/", NULL);
	assert_true(api_header(a, "Allow: GET, POST"));
	a = api_ok(r, 422, "GET", "/api/tasks/?page=0", NULL);
	body_is(a,
		"{\"detail\":[{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"page\"],\"msg\":"
		"\"Input should be greater than or equal to 1\",\"input\":\"0\",\"ctx\":{\"ge\":1}}]}");
	a = api_ok(r, 422, "GET", "/api/tasks/?pageSize=101", NULL);
	api_is(a, "detail.0.type", "less_than_equal");
	api_is(a, "detail.0.ctx.le", "100");
	a = api_ok(r, 422, "GET", "/api/tasks/?page=abc", NULL);
	api_is(a, "detail.0.type", "int_parsing");
	api_ok(r, 200, "GET", "/api/tasks/?unknown=1&page=7&page=1", NULL);
}

/* ---- tasks ---- */

static void
a_task_item(void **state)
{
	struct api_rig *r = *state;

	add(r, CAMERA);
	body_is(api_ok(r, 200, "GET", "/api/tasks/c", NULL),
		"{\"id\":\"c\",\"className\":\"Camera\",\"lifecycleStatus\":\"Created\",\"executor\":null,"
		"\"createDateTime\":1700000000000,\"updateDateTime\":1700000000000,\"mode\":\"Passive\","
		"\"attachments\":{\"rtspUrl\":\"u\",\"password\":\"***\"},\"heartbeat\":0,\"error\":null,"
		"\"exception\":null,\"priority\":3}");
	add(r, "{\"id\":\"n\",\"className\":\"Noop\"}");
	api_is(api_ok(r, 200, "GET", "/api/tasks/n", NULL), "attachments", "{}");
}

static void
heartbeats_tell_how_it_stands(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_skald(r, "n1", SK_MODE_NODE, 4);
	add(r,
		"[{\"id\":\"a\",\"className\":\"Noop\"},{\"id\":\"b\",\"className\":\"Noop\",\"maxAttempts"
		"\":1},{\"id\":\"c\",\"className\":\"Noop\"}]");
	api_run(r, "a", "n1");
	api_is(api_ok(r, 200, "GET", "/api/tasks/a", NULL), "heartbeat", "42");
	body_is(api_ok(r, 200, "GET", "/api/tasks/a/heartbeat", NULL),
		"{\"taskId\":\"a\",\"heartbeat\":42,\"status\":\"Running\",\"isAlive\":true,"
		"\"isAssigning\":"
		"false,\"error\":null,\"exception\":null,\"lastUpdate\":1700000000000,"
		"\"heartbeatHistory\":[42]}");
	api_end(r, "a", SK_LIFE_FINISH);
	api_is(api_ok(r, 200, "GET", "/api/tasks/a", NULL), "heartbeat", "200");
	api_run(r, "b", "gone");
	api_is(api_ok(r, 200, "GET", "/api/tasks/b", NULL), "heartbeat", "0");
	api_end(r, "b", SK_LIFE_FAIL);
	a = api_ok(r, 200, "GET", "/api/tasks/b", NULL);
	api_is(a, "heartbeat", "-1");
	api_is(a, "exception", "it broke");
	api_ok(r, 200, "DELETE", "/api/tasks/c", NULL);
	api_is(api_ok(r, 200, "GET", "/api/tasks/c/heartbeat", NULL), "heartbeat", "-2");
	api_ok(r, 404, "GET", "/api/tasks/none/heartbeat", NULL);
}

static void
a_heartbeat_has_a_history(void **state)
{
	struct api_rig *r = *state;

	r->wall = RIG_NOW;
	api_skald(r, "n1", SK_MODE_NODE, 4); /* 41, 42: before it began */
	add(r, "{\"id\":\"a\",\"className\":\"Noop\"}");
	api_run(r, "a", "n1");
	r->wall++;
	api_skald(r, "n1", SK_MODE_NODE, 4);
	api_is(api_ok(r, 200, "GET", "/api/tasks/a/heartbeat", NULL), "heartbeatHistory", "[41,42]");
	for (int i = 0; i < 3; i++)
		api_skald(r, "n1", SK_MODE_NODE, 4);
	api_is(api_ok(r, 200, "GET", "/api/tasks/a/heartbeat", NULL), "heartbeatHistory",
		"[42,41,42,41,42]");
	api_end(r, "a", SK_LIFE_FINISH);
	api_is(api_ok(r, 200, "GET", "/api/tasks/a/heartbeat", NULL), "heartbeatHistory", "[200]");
	add(r, "{\"id\":\"b\",\"className\":\"Noop\"}");
	api_is(api_ok(r, 200, "GET", "/api/tasks/b/heartbeat", NULL), "heartbeatHistory", "[0]");
}

static void
pages_by_number(void **state)
{
	struct api_rig *r = *state;
	char body[100];
	struct answer *a;

	for (int i = 0; i < 7; i++) {
		snprintf(body, sizeof(body), "{\"id\":\"Task%d\",\"className\":\"Noop\"}", i);
		add(r, body);
	}
	add(r, CAMERA);
	a = api_ok(r, 200, "GET", "/api/tasks/", NULL);
	api_is(a, "total", "8");
	api_is(a, "page", "1");
	api_is(a, "pageSize", "20");
	api_is(a, "items.0.id", "c");
	api_is(a, "items.7.id", "Task0");
	a = api_ok(r, 200, "GET", "/api/tasks/?page=3&pageSize=3", NULL);
	api_is(a, "items.0.id", "Task1");
	api_is(a, "items.0.attachments", "{}");
	api_is(a, "items.1.id", "Task0");
	api_is(a, "items.2", "");
	api_is(api_ok(r, 200, "GET", "/api/tasks/?page=4&pageSize=3", NULL), "items", "[]");
	api_is(api_ok(r, 200, "GET", "/api/tasks/?page=9000000000000000", NULL), "items", "[]");
	a = api_ok(r, 200, "GET", "/api/tasks/?id=sK3", NULL);
	api_is(a, "total", "1");
	api_is(a, "items.0.id", "Task3");
	api_is(api_ok(r, 200, "GET", "/api/tasks/?className=cam", NULL), "total", "1");
	api_is(api_ok(r, 200, "GET", "/api/tasks/?lifecycleStatus=created", NULL), "total", "8");
	api_is(api_ok(r, 200, "GET", "/api/tasks/?lifecycleStatus=zzz", NULL), "total", "0");
	api_is(api_ok(r, 200, "GET", "/api/tasks/?className=%5B", NULL), "total", "0");
	api_is(api_ok(r, 200, "GET", "/api/tasks/?executor=n1", NULL), "total", "0");
	body_is(api_ok(r, 200, "GET", "/api/tasks/classnames", NULL), "[\"Camera\",\"Noop\"]");
}

static void
a_status_is_put(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, CAMERA);
	a = api_ok(r, 200, "PUT", "/api/tasks/c/status", "{\"lifecycleStatus\":\"Created\"}");
	api_is(a, "message", "Task status updated to Created");
	a = api_ok(r, 200, "PUT", "/api/tasks/c/status", "{\"lifecycle_status\":\"Cancelled\"}");
	body_is(a,
		"{\"success\":true,\"message\":\"Task status updated to "
		"Cancelled\",\"data\":{\"taskId\":\"c\",\"status\":\"Cancelled\"}}");
	assert_int_equal(api_stored(r, "c")->life.phase, SK_CANCELLED);
	api_ok(r, 200, "PUT", "/api/tasks/c/status", "{\"lifecycleStatus\":\"Created\"}");
	assert_int_equal(api_stored(r, "c")->life.phase, SK_CREATED);
	api_run(r, "c", "n1");
	a = api_ok(r, 400, "PUT", "/api/tasks/c/status", "{\"lifecycleStatus\":\"Created\"}");
	body_is(a,
		"{\"error\":\"Task status not updated: cannot retry a task that is "
		"Running\",\"status_code\":400,\"path\":\"/api/tasks/c/status\",\"detail\":"
		"\"Task status not updated: cannot retry a task that is Running\"}");
	api_ok(r, 200, "PUT", "/api/tasks/c/status", "{\"lifecycleStatus\":\"Cancelled\"}");
	assert_int_equal(api_stored(r, "c")->life.wanted, SK_WANT_CANCEL);
	a = api_ok(r, 422, "PUT", "/api/tasks/c/status", "{\"lifecycleStatus\":\"Running\"}");
	api_is(
		a, "detail.0.msg", "Value error, LifecycleStatus must be one of: ['Created', 'Cancelled']");
	api_is(a, "detail.0.loc", "[\"body\"]");
	a = api_ok(r, 422, "PUT", "/api/tasks/c/status", "{\"status\":\"Cancelled\"}");
	api_is(a, "detail.0.type", "missing");
	api_is(a, "detail.0.loc", "[\"body\",\"lifecycleStatus\"]");
	api_is(api_ok(r, 422, "PUT", "/api/tasks/c/status", "{"), "detail.0.type", "json_invalid");
	api_is(api_ok(r, 422, "PUT", "/api/tasks/c/status", "[]"), "detail.0.type",
		"model_attributes_type");
	api_ok(r, 422, "PUT", "/api/tasks/c/status", "{\"lifecycleStatus\":5}");
	api_ok(r, 404, "PUT", "/api/tasks/no/status", "{\"lifecycleStatus\":\"Cancelled\"}");
}

static void
attachments_are_put_as_a_whole(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, CAMERA);
	a = api_ok(r, 200, "PUT", "/api/tasks/c/attachments",
		"{\"attachments\":{\"rtspUrl\":\"v\",\"password\":\"***\"}}");
	body_is(a,
		"{\"success\":true,\"message\":\"Task attachments updated "
		"successfully\",\"data\":{\"taskId\":\"c\",\"attachments\":{\"rtspUrl\":\"v\",\"password\":"
		"\"***\"}}}");
	assert_string_equal(
		sk_map_get(sk_map_get(api_stored(r, "c")->spec, "attachments"), "password")->u.str.s,
		"secret");
	api_ok(r, 200, "PUT", "/api/tasks/c/attachments", "{\"attachments\":{\"rtspUrl\":\"w\"}}");
	assert_null(sk_map_get(sk_map_get(api_stored(r, "c")->spec, "attachments"), "password"));
	a = api_ok(r, 422, "PUT", "/api/tasks/c/attachments", "{\"attachments\":{}}");
	api_is(a, "detail.0.loc", "[\"body\",\"attachments\"]");
	api_ok(r, 422, "PUT", "/api/tasks/c/attachments", "{}");
	api_ok(r, 422, "PUT", "/api/tasks/c/attachments", "{\"attachments\":[]}");
	api_ok(r, 404, "PUT", "/api/tasks/no/attachments", "{\"attachments\":{}}");
}

static void
deleting_is_cancelling(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, CAMERA);
	a = api_ok(r, 200, "DELETE", "/api/tasks/c", NULL);
	body_is(a,
		"{\"success\":true,\"message\":\"Task cancelled "
		"successfully\",\"data\":{\"taskId\":\"c\",\"status\":\"Cancelled\"}}");
	assert_non_null(api_stored(r, "c"));
	add(r, "{\"id\":\"d\",\"className\":\"Noop\"}");
	api_run(r, "d", "n1");
	api_end(r, "d", SK_LIFE_FINISH);
	a = api_ok(r, 400, "DELETE", "/api/tasks/d", NULL);
	api_has(a, "Task not cancelled");
	api_ok(r, 404, "DELETE", "/api/tasks/no", NULL);
}

static void
a_task_is_posted_there_too(void **state)
{
	struct api_rig *r = *state;

	api_ok(r, 201, "POST", "/api/tasks/", CAMERA);
	assert_non_null(api_stored(r, "c"));
	api_is(api_ok(r, 422, "POST", "/api/tasks/", "{\"className\":\"Nop\"}"), "detail.0.loc",
		"[\"body\",\"className\"]");
	api_is(api_ok(r, 409, "POST", "/api/tasks/", "{\"id\":\"c\",\"className\":\"Noop\"}"), "error",
		"id: there is a task \"c\" with other content");
}

/* ---- skalds ---- */

static void
skalds(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_skald(r, "n1", SK_MODE_NODE, 4);
	api_skald(r, "e1", SK_MODE_EDGE, 2);
	add(r, "{\"id\":\"a\",\"className\":\"Noop\"}");
	api_run(r, "a", "n1");
	a = api_ok(r, 200, "GET", "/api/skalds/", NULL);
	api_is(a, "total", "2");
	api_is(a, "items.0.id", "e1");
	api_is(a, "items.0.currentTasks", "[]");
	api_is(a, "items.1.currentTasks", "[\"a\"]");
	api_is(api_ok(r, 200, "GET", "/api/skalds/?type=edge", NULL), "total", "1");
	api_is(api_ok(r, 200, "GET", "/api/skalds/?status=offline", NULL), "total", "0");
	body_is(api_ok(r, 200, "GET", "/api/skalds/e1", NULL),
		"{\"id\":\"e1\",\"type\":\"edge\",\"status\":\"online\",\"lastHeartbeat\":"
		"\"1700000000000\","
		"\"supportedTasks\":[\"Camera\",\"Noop\"],\"currentTasks\":[],\"heartbeat\":42,"
		"\"taskCount\":0}");
	a = api_ok(r, 200, "GET", "/api/skalds/n1/tasks", NULL);
	api_is(a, "totalTasks", "1");
	api_is(a, "tasks.0.id", "a");
	api_is(a, "tasks.0.assignedAt", "1700000000000");
	a = api_ok(r, 200, "GET", "/api/skalds/n1/status", NULL);
	api_is(a, "skaldId", "n1");
	api_is(a, "uptime", "60");
	api_is(a, "details.canAcceptTasks", "true");
	api_is(a, "details.tasks.0.className", "Noop");
	a = api_ok(r, 200, "GET", "/api/skalds/n1/heartbeat", NULL);
	api_is(a, "heartbeat", "42");
	api_is(a, "isOnline", "true");
	a = api_ok(r, 200, "POST", "/api/skalds/n1/ping", NULL);
	api_is(a, "message", "Skalds n1 is online");
	a = api_ok(r, 200, "GET", "/api/skalds/summary/statistics", NULL);
	api_is(a, "totalSkalds", "2");
	api_is(a, "nodeSkalds", "1");
	api_is(a, "availableNodes", "1");
	api_ok(r, 404, "GET", "/api/skalds/no", NULL);
	api_ok(r, 404, "GET", "/api/skalds/no/tasks", NULL);
	api_ok(r, 404, "GET", "/api/skalds/no/status", NULL);
	api_ok(r, 404, "GET", "/api/skalds/no/heartbeat", NULL);
	api_ok(r, 404, "POST", "/api/skalds/no/ping", NULL);
}

/* ---- system ---- */

static void
the_system(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_skald(r, "n1", SK_MODE_NODE, 4);
	add(r,
		"[{\"id\":\"a\",\"className\":\"Noop\"},{\"id\":\"b\",\"className\":\"Noop\"},{\"id\":"
		"\"c\",\"className\":\"Noop\"}]");
	api_run(r, "a", "n1");
	api_run(r, "b", "n1");
	api_end(r, "b", SK_LIFE_FINISH);
	r->wall += 90000;
	body_is(api_ok(r, 200, "GET", "/api/system/health", NULL),
		"{\"status\":\"healthy\",\"timestamp\":1700000090000,\"services\":{\"skald_store\":"
		"\"healthy\",\"task_store\":\"healthy\"}}");
	a = api_ok(r, 200, "GET", "/api/system/status", NULL);
	api_is(a, "mode", "CONTROLLER");
	api_is(a, "uptime", "90");
	api_is(a, "version", "1.2.3");
	api_is(a, "components.0.name", "SkaldMonitor");
	api_is(a, "components.3.details.totalSkalds", "1");
	api_is(a, "components.4.details.runningTasks", "1");
	body_is(api_ok(r, 200, "GET", "/api/system/dashboard/summary", NULL),
		"{\"totalSkalds\":1,\"onlineSkalds\":1,\"totalTasks\":3,\"runningTasks\":1,"
		"\"finishedTasks\":"
		"1,\"failedTasks\":0,\"assigningTasks\":0,\"cancelledTasks\":0,\"nodeSkalds\":1,"
		"\"edgeSkalds\":0,\"createdTasks\":1,\"pausedTasks\":0}");
	a = api_ok(r, 200, "GET", "/api/system/config", NULL);
	api_is(a, "dispatcher.strategy", "LEAST_TASKS");
	api_is(a, "monitoring.heartbeatTimeout", "10");
	a = api_ok(r, 200, "GET", "/api/system/metrics", NULL);
	api_is(a, "tasks.total", "3");
	api_is(a, "skalds.nodes", "1");
	api_is(a, "performance.taskDistribution.n1", "0");
	api_is(a, "performance.systemLoad.skaldUtilization", "100.0");
	api_is(api_ok(r, 200, "POST", "/api/system/cleanup", NULL), "data.operations",
		"[\"task_store_cleanup\"]");
	a = api_ok(r, 200, "GET", "/api/system/analytics/task-distribution", NULL);
	api_is(a, "distribution.0.status", "Created");
	api_is(a, "distribution.0.percentage", "33.33");
	api_is(a, "distribution.3", "");
	a = api_ok(r, 200, "GET", "/api/system/analytics/recent-activity?hours=1", NULL);
	api_is(a, "timeframe", "Last 1 hours");
	api_is(a, "tasksCreated", "3");
	api_is(a, "tasksFinished", "1");
	api_is(a, "successRate", "100.0");
	r->wall += 7200000;
	a = api_ok(r, 200, "GET", "/api/system/analytics/recent-activity?hours=1", NULL);
	api_is(a, "tasksCreated", "0");
	api_is(a, "successRate", "0.0");
	a = api_ok(r, 400, "GET", "/api/system/analytics/recent-activity?hours=169", NULL);
	api_is(a, "error", "Hours must be between 1 and 168");
	api_ok(r, 422, "GET", "/api/system/analytics/recent-activity?hours=x", NULL);
	api_is(api_ok(r, 200, "GET", "/api/system/version", NULL), "version", "1.2.3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(roots),
		TEST(lists_have_a_slash_and_the_others_none),
		TEST(errors_look_as_there),
		TEST(a_task_item),
		TEST(heartbeats_tell_how_it_stands),
		TEST(a_heartbeat_has_a_history),
		TEST(pages_by_number),
		TEST(a_status_is_put),
		TEST(attachments_are_put_as_a_whole),
		TEST(deleting_is_cancelling),
		TEST(a_task_is_posted_there_too),
		TEST(skalds),
		TEST(the_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
