/* api_original_stream_test.c - the original's event streams: its lines to the byte, told when
 * something happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_rig.h"
#include "core/base/clock.h"
#include "core/control/api_stream.h"
#include "core/control/parts.h"
#include <string.h>

static void
add(struct api_rig *r, const char *id)
{
	const char *body =
		sk_arena_printf(r->arena, "{\"id\":\"%s\",\"className\":\"Noop\",\"maxAttempts\":1}", id);

	api_ok(r, 201, "POST", "/v1/tasks", body);
}

static void
tell(struct api_rig *r, enum sk_event_kind kind, const char *task, const char *skald)
{
	const struct sk_event e = { .kind = kind,
		.time_ms = RIG_NOW,
		.task = task,
		.class_name = "Noop",
		.attempt = 1,
		.skald = skald,
		.stage = "",
		.message = "for people" };

	assert_int_equal(sk_bus_publish(r->bus, SK_TOPIC_EVENT, &e), SK_OK);
}

static void
renew(struct api_rig *r, const char *id, uint64_t renewals)
{
	struct sk_skald row = *sk_skalds_find(r->c, id)->row;
	struct sk_op_skald_put op = { .skald = &row,
		.op = { .arena = r->arena, .kind = SK_OP_SKALD_PUT } };

	row.renewals = renewals;
	assert_int_equal(sk_store_wait(r->failing.real, r->loop, &op.op), SK_OK);
	sk_skalds_read(r->c, NULL);
	api_pump(r);
}

static void
the_first_line_has_blanks(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_stream(r, "/api/events/skalds", NULL);

	assert_string_equal(a->body.p,
		"retry: 1000\nid: 1700000000000000-0\ndata: {\"type\": \"connection\", \"message\": "
		"\"Connected to Skalds events\"}\n\n");
	a = api_stream(r, "/api/events/tasks", NULL);
	assert_non_null(strstr(a->body.p,
		"\ndata: {\"type\": \"connection\", \"message\": \"Connected to Task events\"}\n\n"));
	a = api_stream(r, "/api/events/test", NULL);
	assert_non_null(strstr(a->body.p,
		"\ndata: {\"type\": \"test\", \"message\": \"Test message 1\", \"timestamp\": "
		"1700000000000}\n\n"));
	api_is(api_ok(r, 200, "GET", "/api/events/status", NULL), "connectedClients", "3");
	assert_string_equal(api_ok(r, 200, "GET", "/api/events/status", NULL)->body.p,
		"{\"connectedClients\":3,\"timestamp\":1700000000000,\"status\":\"active\"}");
}

static void
skalds_are_told(void **state)
{
	struct api_rig *r = *state;
	const struct sk_need need = { .class_name = "Noop" };
	const struct sk_life life = {
		.phase = SK_RUNNING, .attempt = 1, .incarnation = 7, .executor = "n1"
	};
	struct answer *a, *b, *other;

	api_skald(r, "n1", SK_MODE_NODE, 4);
	sk_live_add(r->c, "t1", &life, &need);
	a = api_stream(r, "/api/events/skalds", NULL);
	api_streamed(a,
		"data: {\"type\":\"skald_status\",\"skaldId\":\"n1\",\"data\":{\"status\":\"online\","
		"\"taskCount\":1},\"timestamp\":1700000000000}\n\n");
	api_streamed(a,
		"data: {\"type\":\"skald_heartbeat\",\"skaldId\":\"n1\",\"data\":{\"heartbeat\":42,"
		"\"status\":\"online\",\"tasks\":[\"t1\"]},\"timestamp\":1700000000000}\n\n");
	other = api_stream(r, "/api/events/skalds?skald_id=n2", NULL);
	api_skald(r, "n2", SK_MODE_EDGE, 1);
	b = api_stream(r, "/api/events/skalds?skald_id=n1", NULL);
	api_streamed(a, "\"skaldId\":\"n2\",\"data\":{\"status\":\"online\"");
	api_streamed(other, "\"skaldId\":\"n2\",\"data\":{\"heartbeat\":42");
	api_streamed(b, "\"skaldId\":\"n1\",\"data\":{\"heartbeat\":42");
	assert_null(strstr(b->stream.p, "n2"));
	assert_null(strstr(other->stream.p, "n1"));
	/* a renewal is a heartbeat, at most one a second */
	sk_str_clear(&a->stream);
	renew(r, "n1", 42 + 200 + 1);
	api_streamed(a, "\"skaldId\":\"n1\",\"data\":{\"heartbeat\":43,");
	renew(r, "n1", 44);
	renew(r, "n1", 45);
	api_streamed(a, "\"heartbeat\":45,");
	assert_null(strstr(a->stream.p, "\"heartbeat\":44,"));
	assert_null(strstr(a->stream.p, "skald_status"));
	sk_live_end(r->c, "t1", 0);
}

static void
a_skald_that_goes_is_offline(void **state)
{
	struct api_rig *r = *state;
	struct sk_op_skald_remove op = { .id = "n1",
		.op = { .arena = r->arena, .kind = SK_OP_SKALD_REMOVE } };
	struct answer *a;

	api_skald(r, "n1", SK_MODE_NODE, 4);
	a = api_stream(r, "/api/events/skalds", NULL);
	api_streamed(a, "skald_heartbeat");
	assert_int_equal(sk_store_wait(r->failing.real, r->loop, &op.op), SK_OK);
	sk_skalds_read(r->c, NULL);
	api_streamed(a,
		"data: {\"type\":\"skald_status\",\"skaldId\":\"n1\",\"data\":{\"status\":\"offline\","
		"\"taskCount\":0}");
}

static void
tasks_are_told_as_they_change(void **state)
{
	struct api_rig *r = *state;
	struct answer *a, *b;

	api_skald(r, "n1", SK_MODE_NODE, 4);
	add(r, "a");
	add(r, "b");
	api_run(r, "a", "n1");
	a = api_stream(r, "/api/events/tasks", NULL);
	api_streamed(a,
		"data: {\"type\":\"task_heartbeat\",\"taskId\":\"a\",\"data\":{\"heartbeat\":42,"
		"\"lifecycleStatus\":\"Running\"},\"timestamp\":1700000000000}\n\n");
	assert_null(strstr(a->stream.p, "\"b\"")); /* nobody has it */
	tell(r, SK_EVENT_ASSIGNED, "b", "n1");
	api_streamed(
		a, "\"taskId\":\"b\",\"data\":{\"heartbeat\":42,\"lifecycleStatus\":\"Assigning\"}");
	tell(r, SK_EVENT_STARTED, "b", "n1");
	api_streamed(a, "\"taskId\":\"b\",\"data\":{\"heartbeat\":42,\"lifecycleStatus\":\"Running\"}");
	b = api_stream(r, "/api/events/tasks?task_id=b", NULL);
	api_streamed(b, "\"taskId\":\"b\",\"data\":{\"heartbeat\":42");
	api_run(r, "b", "n1");
	api_end(r, "b", SK_LIFE_FAIL);
	tell(r, SK_EVENT_FAILED, "b", "n1");
	api_streamed(a, "\"taskId\":\"b\",\"data\":{\"heartbeat\":-1,\"lifecycleStatus\":\"Failed\"}");
	api_streamed(a,
		"data: {\"type\":\"task_exception\",\"taskId\":\"b\",\"data\":{\"exception\":\"it broke\","
		"\"lifecycleStatus\":\"Failed\"},\"timestamp\":1700000000000}\n\n");
	api_streamed(b, "it broke");
	assert_null(strstr(b->stream.p, "\"a\""));
	api_end(r, "a", SK_LIFE_FINISH);
	tell(r, SK_EVENT_FINISHED, "a", "n1");
	api_streamed(
		a, "\"taskId\":\"a\",\"data\":{\"heartbeat\":200,\"lifecycleStatus\":\"Finished\"}");
	tell(r, SK_EVENT_CANCELLED, "unknown", "");
	api_streamed(a, "\"taskId\":\"unknown\",\"data\":{\"heartbeat\":-2");
}

/* The bus may lose an event: the store tells. */
static void
a_lost_end_is_found(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "a");
	api_run(r, "a", "n1");
	a = api_stream(r, "/api/events/tasks", NULL);
	api_streamed(a, "Running");
	api_end(r, "a", SK_LIFE_FAIL);
	for (int i = 0; i < 3 && strstr(a->stream.p, "it broke") == NULL; i++)
		api_run_ms(r, 5000);
	api_streamed(a, "\"heartbeat\":-1,\"lifecycleStatus\":\"Failed\"");
	api_streamed(a, "it broke");
}

static void
one_that_has_ended_is_told_to_who_asks_for_it(void **state)
{
	struct api_rig *r = *state;
	struct answer *a, *all;

	add(r, "a");
	api_run(r, "a", "n1");
	api_end(r, "a", SK_LIFE_FAIL);
	all = api_stream(r, "/api/events/tasks", NULL);
	a = api_stream(r, "/api/events/tasks?task_id=a", NULL);
	assert_non_null(strstr(a->body.p, "\"heartbeat\":-1,\"lifecycleStatus\":\"Failed\""));
	assert_non_null(strstr(a->body.p, "it broke"));
	a = api_stream(r, "/api/events/tasks?task_id=none", NULL);
	api_run_ms(r, 100);
	assert_string_equal(sk_str_text(&a->stream), "");
	assert_string_equal(sk_str_text(&all->stream), "");
}

static void
who_goes_is_forgotten(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_stream(r, "/api/events/tasks", NULL),
				  *b = api_stream(r, "/api/events/skalds", NULL),
				  *c = api_stream(r, "/api/events/test", NULL);

	api_run_ms(r, 20);
	a->slow = true;
	api_forget(b);
	api_forget(c);
	tell(r, SK_EVENT_STARTED, "a", "n1");
	api_run_ms(r, 800);
	assert_int_equal(sk_streams_count(r->c->api->streams), 0);
	assert_null(r->c->api->streams->board);
}

static void
the_root_leads_to_the_dashboard(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ok(r, 200, "GET", "/", NULL);

	api_is(a, "endpoints.dashboard", "null");
	r->c->cfg.dashboard = true;
	a = api_ok(r, 302, "GET", "/", NULL);
	assert_true(api_header(a, "Location: /dashboard"));
}

int
main(void)
{
#define RIGGED(t) cmocka_unit_test_setup_teardown(t, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
		RIGGED(the_first_line_has_blanks),
		RIGGED(skalds_are_told),
		RIGGED(a_skald_that_goes_is_offline),
		RIGGED(tasks_are_told_as_they_change),
		RIGGED(a_lost_end_is_found),
		RIGGED(one_that_has_ended_is_told_to_who_asks_for_it),
		RIGGED(who_goes_is_forgotten),
		RIGGED(the_root_leads_to_the_dashboard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
