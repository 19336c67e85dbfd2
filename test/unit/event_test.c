/* event_test.c - the words of events, and their JSON. */
#include "core/model/event.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
json_is(const struct sk_event *e, uint64_t seq, const char *want)
{
	struct sk_str out = SK_STR_INIT;

	sk_event_json(&out, e, seq);
	assert_string_equal(sk_str_text(&out), want);
	sk_str_release(&out);
}

static void
every_kind_has_its_word(void **state)
{
	static const char *const words[SK_N_EVENT] = { "created", "assigned", "started", "progress",
		"paused", "resumed", "updated", "retrying", "interrupted", "finished", "failed",
		"cancelled", "lost", "skald", "alert", "ping" };

	(void)state;
	for (unsigned k = 0; k < SK_N_EVENT; k++)
		assert_string_equal(sk_event_name((enum sk_event_kind)k), words[k]);
	assert_string_equal(sk_event_name(SK_N_EVENT), "unknown");
}

static void
an_event_of_a_task(void **state)
{
	struct sk_event e = { .kind = SK_EVENT_FAILED,
		.time_ms = 5,
		.task = "a\n",
		.class_name = "Exec",
		.attempt = 2,
		.skald = "n1",
		.stage = "",
		.message = "exit code 3" };

	(void)state;
	json_is(&e, 9,
		"{\"seq\":9,\"time\":5,\"event\":\"failed\",\"taskId\":\"a\\n\",\"className\":\"Exec\","
		"\"attempt\":2,\"skald\":\"n1\",\"message\":\"exit code 3\"}");
	e = (struct sk_event){ .kind = SK_EVENT_CREATED, .task = "a", .class_name = "", .skald = "" };
	json_is(
		&e, 0, "{\"time\":0,\"event\":\"created\",\"taskId\":\"a\",\"attempt\":0,\"skald\":null}");
	e.skald = "hub1"; /* the controller that accepted it: nothing to show */
	json_is(
		&e, 0, "{\"time\":0,\"event\":\"created\",\"taskId\":\"a\",\"attempt\":0,\"skald\":null}");
}

static void
progress_is_told_with_progress_alone(void **state)
{
	struct sk_event e = { .kind = SK_EVENT_PROGRESS, .task = "a", .progress = 0.25, .stage = "s" };

	(void)state;
	json_is(&e, 0,
		"{\"time\":0,\"event\":\"progress\",\"taskId\":\"a\",\"attempt\":0,\"skald\":null,"
		"\"progress\":{\"value\":0.25,\"stage\":\"s\"}}");
	e.kind = SK_EVENT_STARTED;
	json_is(
		&e, 0, "{\"time\":0,\"event\":\"started\",\"taskId\":\"a\",\"attempt\":0,\"skald\":null}");
}

static void
an_event_of_a_skald_has_no_task(void **state)
{
	struct sk_event e = { .kind = SK_EVENT_SKALD, .task = "", .skald = "n1", .message = "online" };

	(void)state;
	json_is(&e, 1,
		"{\"seq\":1,\"time\":0,\"event\":\"skald\",\"skald\":\"n1\",\"message\":\"online\"}");
}

static void
an_event_of_an_alert_has_its_rule_and_state(void **state)
{
	struct sk_event e = { .kind = SK_EVENT_ALERT,
		.time_ms = 7,
		.task = "01a",
		.class_name = "disk-full",
		.skald = "n1",
		.stage = "firing",
		.message = "95% used" };

	(void)state;
	json_is(&e, 0,
		"{\"time\":7,\"event\":\"alert\",\"alertId\":\"01a\",\"rule\":\"disk-full\","
		"\"state\":\"firing\",\"skald\":\"n1\",\"message\":\"95% used\"}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_its_word),
		cmocka_unit_test(an_event_of_a_task),
		cmocka_unit_test(progress_is_told_with_progress_alone),
		cmocka_unit_test(an_event_of_a_skald_has_no_task),
		cmocka_unit_test(an_event_of_an_alert_has_its_rule_and_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
