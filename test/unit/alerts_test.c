/* alerts_test.c - rules: what fires and when, what is over, what survives; how files of rules are
 * read. */
#include "gauge_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/yaml.h"
#include "core/control/parts.h"
#include <stdio.h>
#include <string.h>

/* "rule subject state" of all, latest first, one a line. */
static const char *
alerts(struct gauge_rig *g)
{
	const char *body = gauge_ask(g, "GET", "/v1/alerts", "", 200), *p = body;
	struct sk_str out = SK_STR_INIT;
	const char *text;

	while ((p = strstr(p, "\"rule\":\"")) != NULL) {
		const char *subject = strstr(p, "\"subject\":"), *state = strstr(p, "\"state\":\"");

		p += strlen("\"rule\":\"");
		subject += strlen("\"subject\":");
		state += strlen("\"state\":\"");
		sk_str_addf(&out, "%.*s %.*s %.*s\n", (int)strcspn(p, "\""), p, (int)strcspn(subject, ","),
			subject, (int)strcspn(state, "\""), state);
	}
	text = sk_arena_strdup(g->arena, sk_str_text(&out));
	sk_str_release(&out);
	return text;
}

static const char *
first_id(struct gauge_rig *g)
{
	const char *body = gauge_ask(g, "GET", "/v1/alerts", "", 200);

	return sk_arena_strndup(g->arena, strstr(body, "\"id\":\"") + 6, SK_ULID_LEN - 1);
}

static void
acknowledge(struct gauge_rig *g, const char *id, int status, const char *part)
{
	const char *path = sk_arena_printf(g->arena, "/v1/alerts/%s/acknowledge", id);

	assert_non_null(strstr(gauge_ask(g, "POST", path, "", status), part));
}

static void
with_rules(struct gauge_rig *g, const char *yaml)
{
	gauge_rules(g, yaml);
	gauge_restart(g, true);
	gauge_pass(g, 10000);
}

#define CPU_RULE \
	"alerts:\n" \
	"  - {name: hot, metric: skald.cpu, threshold: 90, clear: 70, for: 20s, severity: critical}\n"

static void
cpu(struct gauge_rig *g, double percent, int64_t ms)
{
	for (; ms > 0; ms -= 2000) {
		gauge_skald(g, "s1", percent);
		gauge_pass(g, 2000);
	}
}

/* ---- rules at work ---- */

static void
it_fires_after_for_and_is_over_at_clear(void **state)
{
	struct gauge_rig *g = *state;

	with_rules(g, CPU_RULE);
	cpu(g, 95, 18000);
	assert_string_equal(alerts(g), "");
	cpu(g, 95, 8000);
	assert_string_equal(alerts(g), "hot \"s1\" firing\n");
	cpu(g, 80, 20000); /* below the threshold, above clear */
	assert_string_equal(alerts(g), "hot \"s1\" firing\n");
	cpu(g, 95, 30000);
	assert_string_equal(alerts(g), "hot \"s1\" firing\n");
	cpu(g, 70, 4000);
	assert_string_equal(alerts(g), "hot \"s1\" resolved\n");
	cpu(g, 95, 30000); /* that is another one */
	assert_string_equal(alerts(g), "hot \"s1\" firing\nhot \"s1\" resolved\n");
}

static void
a_break_begins_the_wait_anew(void **state)
{
	struct gauge_rig *g = *state;

	with_rules(g, CPU_RULE);
	for (int i = 0; i < 5; i++) {
		cpu(g, 95, 16000);
		cpu(g, 90, 2000); /* not above */
	}
	assert_string_equal(alerts(g), "");
}

static void
every_change_is_told(void **state)
{
	struct gauge_rig *g = *state;
	const char *p;

	with_rules(g, CPU_RULE);
	cpu(g, 95, 30000);
	acknowledge(g, first_id(g), 200, "\"acknowledgedBy\":\"ann\"");
	cpu(g, 10, 4000);
	p = strstr(g->handed.p, "{\"event\":\"firing\",\"controller\":\"c1\",\"alert\":{\"id\":");
	assert_ptr_equal(p, g->handed.p);
	assert_non_null(strstr(p,
		"\"severity\":\"critical\",\"state\":\"firing\",\"value\":95.0,"
		"\"threshold\":90.0,\"message\":\"the processors of skald s1"));
	assert_non_null(p = strstr(p, "\n{\"event\":\"acknowledged\""));
	assert_non_null(strstr(p, "\"acknowledgedBy\":\"ann\",\"acknowledgedAt\":17"));
	assert_non_null(p = strstr(p, "\n{\"event\":\"resolved\""));
	assert_null(strstr(p + 2, "\n{"));
	p = gauge_ask(g, "GET", "/v1/events", "", 200);
	assert_non_null(p = strstr(p, "\"event\":\"alert\",\"alertId\":"));
	assert_non_null(p = strstr(p, "\"rule\":\"hot\",\"state\":\"firing\",\"skald\":\"s1\""));
	assert_non_null(p = strstr(p, "\"state\":\"acknowledged\""));
	assert_non_null(strstr(p, "\"state\":\"resolved\""));
}

static void
acknowledging(void **state)
{
	struct gauge_rig *g = *state;
	int64_t n[2][SK_N_ALERT_STATE];
	const char *id;

	with_rules(g, CPU_RULE);
	acknowledge(g, "nothing", 404, "there is no alert");
	cpu(g, 95, 30000);
	id = first_id(g);
	acknowledge(g, id, 200, "\"state\":\"acknowledged\"");
	acknowledge(g, id, 200, "\"state\":\"acknowledged\""); /* twice is once */
	assert_true(sk_alerts_count(g->c, n));
	assert_int_equal(n[SK_ALERT_CRITICAL][SK_ALERT_ACKNOWLEDGED], 1);
	assert_int_equal(n[SK_ALERT_CRITICAL][SK_ALERT_FIRING], 0);
	cpu(g, 99, 4000);
	assert_string_equal(alerts(g), "hot \"s1\" acknowledged\n"); /* no new one */
	assert_non_null(
		strstr(gauge_ask(g, "GET", "/v1/alerts", "state=firing", 200), "{\"items\":[],"));
	assert_non_null(
		strstr(gauge_ask(g, "GET", "/v1/alerts", "state=firing,acknowledged", 200), id));
	gauge_ask(g, "GET", "/v1/alerts", "state=fire", 400);
	cpu(g, 0, 4000);
	assert_string_equal(alerts(g), "hot \"s1\" resolved\n");
	acknowledge(g, id, 409, "resolved");
}

static void
all_states_survive_a_restart(void **state)
{
	struct gauge_rig *g = *state;
	const char *id;

	with_rules(g, CPU_RULE);
	cpu(g, 95, 30000);
	id = first_id(g);
	gauge_restart(g, true);
	cpu(g, 80, 10000); /* it would not fire now, and is not over */
	assert_string_equal(alerts(g), "hot \"s1\" firing\n");
	assert_string_equal(first_id(g), id);
	acknowledge(g, id, 200, "acknowledged");
	gauge_restart(g, true);
	cpu(g, 80, 10000);
	assert_string_equal(alerts(g), "hot \"s1\" acknowledged\n");
	assert_non_null(
		strstr(gauge_ask(g, "GET", "/v1/alerts", "", 200), "\"acknowledgedBy\":\"ann\""));
	cpu(g, 10, 4000);
	gauge_restart(g, true);
	cpu(g, 10, 4000);
	assert_string_equal(alerts(g), "hot \"s1\" resolved\n");
}

/* Another controller wrote it while nobody led. */
static void
what_others_acknowledged_is_found(void **state)
{
	struct gauge_rig *g = *state;
	struct sk_op_setting op = { .op = { .kind = SK_OP_SETTING_PUT, .arena = g->arena },
		.name = sk_alert_ack_name(g->arena, 0) };

	with_rules(g, CPU_RULE);
	cpu(g, 95, 30000);
	op.value = sk_alert_ack_text(g->arena, first_id(g), "bob", 5);
	assert_int_equal(sk_store_wait(g->store, g->loop, &op.op), SK_OK);
	gauge_restart(g, true);
	cpu(g, 95, 4000);
	assert_string_equal(alerts(g), "hot \"s1\" acknowledged\n");
	assert_non_null(strstr(g->handed.p, "\"acknowledgedBy\":\"bob\",\"acknowledgedAt\":5,"));
	/* what was acknowledged at this place before does not count for the next there */
	cpu(g, 10, 4000);
	cpu(g, 95, 30000);
	gauge_restart(g, true);
	cpu(g, 95, 4000);
	assert_non_null(strstr(alerts(g), "hot \"s1\" firing\n"));
}

static void
a_rule_or_a_skald_that_is_gone_ends_its_alerts(void **state)
{
	struct gauge_rig *g = *state;

	with_rules(g, CPU_RULE);
	cpu(g, 95, 30000);
	gauge_rules(g, "alerts:\n- {name: other, metric: skald.memory, threshold: 99}\n");
	gauge_restart(g, true);
	cpu(g, 95, 4000);
	assert_string_equal(alerts(g), "hot \"s1\" resolved\n");
	assert_non_null(strstr(gauge_ask(g, "GET", "/v1/alerts", "", 200), "is gone"));
}

static void
a_lost_skald(void **state)
{
	struct gauge_rig *g = *state;

	cpu(g, 10, 10000);
	assert_string_equal(alerts(g), "");
	for (int i = 0; i < 10; i++) { /* it is silent, and looked for */
		sk_skalds_read(g->c, NULL);
		gauge_pass(g, 2000);
	}
	assert_string_equal(alerts(g), "skald-lost \"s1\" firing\n");
	gauge_restart(g, true); /* nobody is judged before he had time to speak */
	gauge_pass(g, 10000);
	assert_string_equal(alerts(g), "skald-lost \"s1\" firing\n");
	cpu(g, 10, 4000);
	assert_string_equal(alerts(g), "skald-lost \"s1\" resolved\n");
}

static void
nobody_is_lost_to_a_new_controller(void **state)
{
	struct gauge_rig *g = *state;

	cpu(g, 10, 4000);
	gauge_restart(g, true);
	gauge_pass(g, 20000);
	assert_string_equal(alerts(g), "");
	for (int i = 0; i < 10; i++) {
		sk_skalds_read(g->c, NULL);
		gauge_pass(g, 2000);
	}
	assert_string_equal(alerts(g), "skald-lost \"s1\" firing\n");
}

static void
services_that_are_away(void **state)
{
	struct gauge_rig *g = *state;

	g->service = (struct sk_control_service){ .name = "redis", .since_ms = g->wall, .text = "no" };
	gauge_pass(g, 20000);
	assert_string_equal(alerts(g), "");
	gauge_pass(g, 20000);
	assert_string_equal(alerts(g), "service-down \"redis\" firing\n");
	assert_non_null(strstr(
		gauge_ask(g, "GET", "/v1/alerts", "", 200), "\"message\":\"redis does not answer: no\""));
	g->service.ok = true;
	gauge_pass(g, 2000);
	assert_string_equal(alerts(g), "service-down \"redis\" resolved\n");
}

static void
the_queue_and_failures(void **state)
{
	struct gauge_rig *g = *state;

	with_rules(g,
		"alerts:\n"
		"- {name: old, metric: queue.ageSeconds, threshold: 600}\n"
		"- {name: bad, metric: failure.rate, threshold: 50, minCount: 4}\n");
	gauge_task(g, "a", 580000, NULL);
	gauge_event(g, SK_EVENT_FINISHED, "");
	gauge_event(g, SK_EVENT_FAILED, "");
	gauge_event(g, SK_EVENT_FAILED, "");
	gauge_pass(g, 10000);
	assert_string_equal(alerts(g), ""); /* three are too few */
	gauge_event(g, SK_EVENT_FAILED, "");
	gauge_pass(g, 20000);
	assert_non_null(strstr(alerts(g), "bad null firing\n"));
	assert_non_null(strstr(alerts(g), "old null firing\n"));
	gauge_pass(g, 300000); /* five minutes later they are history */
	assert_non_null(strstr(alerts(g), "bad null resolved\n"));
}

static void
deadlines_that_passed(void **state)
{
	struct gauge_rig *g = *state;
	const char *spec = sk_arena_printf(g->arena,
		"{\"dependencies\":[\"x\"],\"deadlineDateTime\":%lld}", (long long)g->wall + 5000);

	assert_int_equal(sk_gauges_late(g->c), 0);
	gauge_event(g, SK_EVENT_FAILED, "exit code 1");
	assert_int_equal(sk_gauges_late(g->c), 0);
	gauge_event(g, SK_EVENT_FAILED, "timed out: " SK_DEADLINE_PASSED " while it ran");
	assert_int_equal(sk_gauges_late(g->c), 1);
	gauge_task(g, "a", 0, spec); /* ready: nobody is there to run it */
	sk_reads_fetch(g->c, "a");
	gauge_pass(g, 2000);
	assert_int_equal(sk_gauges_late(g->c), 1);
	gauge_pass(g, 4000);
	assert_string_equal(alerts(g), "task-overdue null firing\n");
	gauge_pass(g, 310000);
	assert_in_range(sk_gauges_late(g->c), 0, 1);
}

static void
there_is_room_for_so_many(void **state)
{
	struct gauge_rig *g = *state;
	struct sk_op_setting op = { .op = { .kind = SK_OP_SETTING_GET, .arena = g->arena },
		.name = SK_ALERTS_SETTING };
	char id[32];
	size_t n = 0;

	with_rules(g, "alerts:\n- {name: hot, metric: skald.cpu, threshold: 90}\n");
	for (int i = 0; i < SK_ALERTS_MAX + 20; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		gauge_skald(g, id, 99);
		gauge_skald(g, id, 99);
	}
	gauge_pass(g, 2000);
	for (const char *p = alerts(g); (p = strstr(p, "firing\n")) != NULL; p++)
		n++;
	assert_int_equal(n, SK_ALERTS_MAX);
	gauge_skald(g, "s0", 10);
	gauge_pass(g, 2000);
	gauge_pass(g, 2000);
	n = 0; /* who was left out has the place of the one that is over */
	for (const char *p = alerts(g); (p = strstr(p, "firing\n")) != NULL; p++)
		n++;
	assert_int_equal(n, SK_ALERTS_MAX);
	assert_int_equal(sk_store_wait(g->store, g->loop, &op.op), SK_OK);
	assert_in_range(strlen(op.value), 100000, 1000000);
}

static void
what_is_stored_may_be_anything(void **state)
{
	struct gauge_rig *g = *state;
	static const char *const texts[] = { "x", "[]", "{\"items\":3}", "{\"items\":[1,{}]}",
		"{\"items\":[{\"id\":\"a\",\"state\":\"firing\",\"place\":-1},"
		"{\"id\":\"b\",\"state\":\"firing\",\"place\":500},"
		"{\"id\":\"c\",\"state\":\"burning\",\"place\":1},"
		"{\"id\":\"ddddddddddddddddddddddddddddd\",\"state\":\"firing\",\"place\":2},"
		"{\"id\":5,\"state\":\"firing\",\"place\":2}]}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sk_op_setting op = { .op = { .kind = SK_OP_SETTING_PUT, .arena = g->arena },
			.name = SK_ALERTS_SETTING,
			.value = texts[i] };

		assert_int_equal(sk_store_wait(g->store, g->loop, &op.op), SK_OK);
		gauge_restart(g, true);
		gauge_pass(g, 4000);
		assert_string_equal(alerts(g), "");
	}
}

/* ---- files ---- */

static void
wrong(const char *yaml, const char *want)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_alert_rules rules;
	struct sk_str text = SK_STR_INIT;
	struct sk_problems p;

	sk_problems_init(&p, a, "f");
	assert_false(sk_alert_rules_read(sk_yaml_parse(yaml, strlen(yaml), a, &p), a, &rules, &p));
	sk_problems_text(&p, &text);
	if (strstr(sk_str_text(&text), want) == NULL)
		fail_msg("%s\nno \"%s\" in: %s", yaml, want, sk_str_text(&text));
	sk_str_release(&text);
	sk_arena_free(a);
}

#define RULE(rest) "alerts:\n  - name: a\n    metric: skald.cpu\n" rest

static void
files_that_are_wrong(void **state)
{
	(void)state;
	wrong("", "f:1:1: ");
	wrong("3\n", "map");
	wrong("rules: []\n", "rules");
	wrong(RULE(""), "f:2:5: alerts[0].threshold: is missing");
	wrong(RULE("    threshold: 100\n"), "f:4:16: alerts[0].threshold: is a percentage");
	wrong(RULE("    threshold: -1\n"), "f:4:16: ");
	wrong(RULE("    threshold: 50\n    clear: 60\n"), "f:5:12: alerts[0].clear: must not be above");
	wrong(
		RULE("    threshold: 50\n    clear: low\n"), "f:5:12: alerts[0].clear: expected a number");
	wrong(RULE("    threshold: 50\n    for: 30\n"), "f:5:10: ");
	wrong(RULE("    threshold: 50\n    for: 30 s\n"), "f:5:10: alerts[0].for: expected a time");
	wrong(RULE("    threshold: 50\n    for: 8d\n"), "of at most 7d");
	wrong(RULE("    threshold: 50\n    severity: bad\n"), "severity");
	wrong(RULE("    threshold: 50\n    thresold: 50\n"), "did you mean \"threshold\"?");
	wrong(RULE("    threshold: 50\n    minCount: 5\n"), "only failure.rate has it");
	wrong("alerts:\n- {name: a, metric: queue.ageSeconds, threshold: 1, subject: x}\n",
		"this metric is of the whole");
	wrong("alerts:\n- {name: a b, metric: task.overdue}\n", "no blanks");
	wrong("alerts:\n- {name: a, metric: task.overdue}\n- {name: a, metric: task.overdue}\n",
		"f:3:10: alerts[1].name: another rule");
	wrong("alerts:\n- {name: a, metric: task.overdu}\n", "task.overdue");
}

static void
a_file_that_is_right(void **state)
{
	struct gauge_rig *g = *state;

	gauge_rules(g,
		"alerts:\n"
		"  - name: lost\n"
		"    metric: skalds.lost\n"
		"    subject: cam-*\n"
		"  - name: slow\n"
		"    metric: store.latency\n"
		"    threshold: 250.5\n"
		"    for: 2m\n"
		"    severity: critical\n");
	assert_int_equal(g->rules.n, 2);
	assert_string_equal(g->rules.list[0].subject, "cam-*");
	assert_true(g->rules.list[1].threshold == 250.5 && g->rules.list[1].clear == 250.5);
	assert_int_equal(g->rules.list[1].for_ms, 120000);
	assert_int_equal(g->rules.list[1].severity, SK_ALERT_CRITICAL);
}

static void
patterns_choose_skalds(void **state)
{
	struct gauge_rig *g = *state;

	with_rules(g, "alerts:\n- {name: hot, metric: skald.cpu, threshold: 90, subject: cam-*}\n");
	for (int i = 0; i < 2; i++) {
		gauge_skald(g, "cam-1", 99);
		gauge_skald(g, "db-1", 99);
	}
	gauge_pass(g, 2000);
	assert_string_equal(alerts(g), "hot \"cam-1\" firing\n");
}

static void
the_built_in_rules_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < sk_alert_default_rules.n; i++) {
		const struct sk_alert_rule *r = &sk_alert_default_rules.list[i];

		assert_true(r->clear <= r->threshold && r->for_ms >= 0 && r->subject != NULL);
		assert_in_range(strlen(r->name), 1, SK_ALERT_NAME_MAX);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(r->name, sk_alert_default_rules.list[k].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, gauge_setup, gauge_teardown)
		T(it_fires_after_for_and_is_over_at_clear),
		T(a_break_begins_the_wait_anew),
		T(every_change_is_told),
		T(acknowledging),
		T(all_states_survive_a_restart),
		T(what_others_acknowledged_is_found),
		T(a_rule_or_a_skald_that_is_gone_ends_its_alerts),
		T(a_lost_skald),
		T(nobody_is_lost_to_a_new_controller),
		T(services_that_are_away),
		T(the_queue_and_failures),
		T(deadlines_that_passed),
		T(there_is_room_for_so_many),
		T(what_is_stored_may_be_anything),
		T(a_file_that_is_right),
		T(patterns_choose_skalds),
		cmocka_unit_test(files_that_are_wrong),
		cmocka_unit_test(the_built_in_rules_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
