/* history_test.c - what is measured, and how it was in the last day: over restarts, gaps, the turn
 * of the day, with many skalds. */
#include "gauge_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/control/parts.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The values of one series since `ago` ms, as text: "[1,null,2]". */
static const char *
series_step(struct gauge_rig *g, const char *name, int64_t ago, int64_t step)
{
	const char *query = sk_arena_printf(g->arena, "series=%s&since=%lld&step=%lld", name,
		(long long)(g->wall - ago), (long long)step);
	const char *body = gauge_ask(g, "GET", "/v1/history", query, 200);
	const char *at = strchr(strstr(body, "\"series\":"), '[');

	return sk_arena_strndup(g->arena, at, (size_t)(strchr(at, ']') - at) + 1);
}

static const char *
series(struct gauge_rig *g, const char *name, int64_t ago)
{
	return series_step(g, name, ago, SK_GAUGES_MS);
}

static void
tasks_are_counted_and_the_queue_has_an_age(void **state)
{
	struct gauge_rig *g = *state;

	gauge_pass(g, 10000);
	assert_string_equal(series(g, "tasks.created", 0), "[0]");
	assert_string_equal(series(g, "queue.ageSeconds", 0), "[0]");
	gauge_task(g, "a", 60000, NULL);
	gauge_task(g, "b", 30000, NULL);
	gauge_pass(g, 10000);
	assert_string_equal(series(g, "tasks.created", 10000), "[0,2]");
	assert_string_equal(series(g, "tasks.running", 10000), "[0,0]");
	assert_string_equal(series(g, "queue.ageSeconds", 0), "[70]");
}

static void
what_ends_is_a_rate_a_minute(void **state)
{
	struct gauge_rig *g = *state;

	gauge_pass(g, 10000);
	gauge_event(g, SK_EVENT_FINISHED, "");
	gauge_event(g, SK_EVENT_FINISHED, "");
	gauge_event(g, SK_EVENT_FAILED, "exit code 1");
	gauge_event(g, SK_EVENT_RETRYING, "exit code 1");
	gauge_pass(g, 20000);
	assert_string_equal(series(g, "throughput.finished", 20000), "[0,12,0]");
	assert_string_equal(series(g, "throughput.failed", 20000), "[0,6,0]");
}

static void
services_are_timed(void **state)
{
	struct gauge_rig *g = *state;

	gauge_pass(g, 10000);
	for (int s = SK_SERIES_STORE_MS; s < SK_N_SERIES; s++) {
		double ms = sk_gauges_value(g->c, (enum sk_series)s);

		assert_true(ms > 0 && ms < 1000);
	}
	/* nobody but us has heard that we listened */
	assert_null(strstr(gauge_ask(g, "GET", "/v1/events", "", 200), "ping"));
}

static void
skalds_have_their_own(void **state)
{
	struct gauge_rig *g = *state;

	gauge_skald(g, "s 1", 12.25);
	gauge_skald(g, "s 1", 12.25);
	gauge_pass(g, 10000);
	assert_string_equal(series(g, "cpu.percent.s%201", 10000), "[null,12.5]");
	assert_string_equal(series(g, "memory.percent.s%201", 10000), "[null,25]");
	assert_string_equal(series(g, "cpu.percent.nobody", 0), "[null]");
	assert_string_equal(series(g, "skalds.online", 0), "[1]");
	gauge_skald(g, "s 1", -1);
	gauge_pass(g, 10000);
	assert_string_equal(series(g, "cpu.percent.s%201", 10000), "[12.5,null]");
}

static void
steps_are_means_and_gaps_are_null(void **state)
{
	struct gauge_rig *g = *state;

	g->wall += 40000; /* a multiple of 60 s */
	for (int i = 0; i < 6; i++) {
		gauge_pass(g, 10000);
		gauge_task(g, sk_arena_printf(g->arena, "t%d", i), 0, NULL);
	}
	assert_string_equal(series(g, "tasks.created", 50000), "[0,1,2,3,4,5]");
	assert_string_equal(series_step(g, "tasks.created", 60000, 60000), "[2,5]");
	g->wall += 120000;
	g->boot += 120000;
	gauge_pass(g, 10000);
	assert_string_equal(series_step(g, "tasks.created", 180000, 60000), "[2,5,null,6]");
}

static void
it_survives_a_restart(void **state)
{
	struct gauge_rig *g = *state;
	const char *before;

	gauge_task(g, "a", 60000, NULL);
	gauge_skald(g, "s%1", 50);
	gauge_skald(g, "s%1", 50);
	gauge_pass(g, 1000000);
	before = gauge_ask(g, "GET", "/v1/history", "since=0&step=600000", 200);
	gauge_restart(g, false);
	assert_string_equal(before, gauge_ask(g, "GET", "/v1/history", "since=0&step=600000", 200));
	gauge_pass(g, 20000);
	assert_string_equal(series(g, "cpu.percent.s%251", 40000) + 1, "50,50,50,null,null]");
	assert_string_equal(series(g, "tasks.created", 40000), "[1,1,1,1,1]");
}

static void
a_crash_loses_less_than_a_minute(void **state)
{
	struct gauge_rig *g = *state;
	const char *after;
	int lost = 0;

	gauge_pass(g, 1150000);
	gauge_restart(g, true);
	after = series(g, "skalds.total", 1140000);
	for (const char *p = after; (p = strstr(p, "null")) != NULL; p++)
		lost++;
	assert_in_range(lost, 0, 5);
	/* and what was lost is the end */
	assert_null(strstr(after, "null,0"));
}

static void
a_day_is_kept_and_no_more(void **state)
{
	struct gauge_rig *g = *state;
	struct sk_history_query q = { .names = "skalds.total", .since_ms = 0, .step_ms = SK_GAUGES_MS };
	struct sk_str out = SK_STR_INIT;
	struct sk_err err;
	int64_t first;
	int n = 1;

	for (int i = 0; i < SK_HISTORY_POINTS + 100; i++) {
		g->wall += SK_GAUGES_MS;
		g->boot += SK_GAUGES_MS;
		sk_gauges_tick(g->c);
		gauge_pump(g);
	}
	gauge_restart(g, false);
	assert_int_equal(sk_history_json(g->c, &q, &out, &err), SK_OK);
	first = g->wall - (int64_t)(SK_HISTORY_POINTS - 1) * SK_GAUGES_MS;
	assert_non_null(strstr(out.p, sk_arena_printf(g->arena, "\"start\":%lld", (long long)first)));
	for (const char *p = out.p; (p = strstr(p, "0,")) != NULL; p++)
		n++;
	assert_int_equal(n, SK_HISTORY_POINTS + 2); /* with those behind "step" and "start" */
	assert_null(strstr(out.p, "null"));
	sk_str_release(&out);
}

static void
many_skalds_are_bounded(void **state)
{
	struct gauge_rig *g = *state;
	struct sk_op_setting op = { .op = { .kind = SK_OP_SETTING_GET, .arena = g->arena } };
	size_t most = 0;
	char id[32];

	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 500; i++) {
			snprintf(id, sizeof(id), "skald-%04d", i);
			gauge_skald(g, id, 99);
		}
	gauge_pass(g, 700000);
	for (int i = 0; i < SK_HISTORY_BLOCKS; i++) {
		op.name = sk_arena_printf(g->arena, "history.%d", i);
		assert_int_equal(sk_store_wait(g->store, g->loop, &op.op), SK_OK);
		most = strlen(op.value) > most ? strlen(op.value) : most;
	}
	assert_in_range(most, 100000, 160000); /* a document of MongoDB may have 16 MiB */
}

static void
questions_that_are_none_are_refused(void **state)
{
	struct gauge_rig *g = *state;
	static const struct {
		const char *query, *part;
	} wrong[] = { { "step=15000", "multiple of 10000" }, { "step=0", "step" },
		{ "series=tasks.eaten", "there is no series" }, { "series=cpu.percent.", "no series" },
		{ "series=,", "no series" }, { "since=-1", "since" }, { "since=0", "more than 20000" },
		{ "sinze=0", "sinze" } };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(
			strstr(gauge_ask(g, "GET", "/v1/history", wrong[i].query, 400), wrong[i].part));
	/* from the future there is nothing */
	assert_non_null(
		strstr(gauge_ask(g, "GET", "/v1/history", "series=skalds.total&since=1800000000000", 200),
			"\"skalds.total\":[]"));
}

static void
what_is_stored_may_be_anything(void **state)
{
	struct gauge_rig *g = *state;
	int64_t block = g->wall / SK_GAUGES_MS / SK_HISTORY_BLOCK;
	static const char *const texts[] = { "", "x", "1", "2 %lld\n", "1 %lld", "1 %lld\nv",
		"1 %lld\nv \n", "1 %lld\nv skalds.total 1,2,x,,inf,nan,,,\ns a zz\ns\ns %%00 ff\n",
		"1 7\nv skalds.total 1\n", "1 %lld\ns a%%2 ff ff ff\nv unknown 1,2\nq\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sk_op_setting op = { .op = { .kind = SK_OP_SETTING_PUT, .arena = g->arena } };

		op.name = sk_arena_printf(g->arena, "history.%lld", (long long)(block % SK_HISTORY_BLOCKS));
		op.value = sk_arena_printf(g->arena, texts[i], (long long)block);
		assert_int_equal(sk_store_wait(g->store, g->loop, &op.op), SK_OK);
		gauge_restart(g, true);
		(void)gauge_ask(g, "GET", "/v1/history", "", 200);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, gauge_setup, gauge_teardown)
		T(tasks_are_counted_and_the_queue_has_an_age),
		T(what_ends_is_a_rate_a_minute),
		T(services_are_timed),
		T(skalds_have_their_own),
		T(steps_are_means_and_gaps_are_null),
		T(it_survives_a_restart),
		T(a_crash_loses_less_than_a_minute),
		T(a_day_is_kept_and_no_more),
		T(many_skalds_are_bounded),
		T(questions_that_are_none_are_refused),
		T(what_is_stored_may_be_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
