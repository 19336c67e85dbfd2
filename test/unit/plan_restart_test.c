/* plan_restart_test.c - restart, retry and their pauses. */
#include "test/unit/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- restart and retry ---- */

static void
load_one(struct plan_rig *r, int restart, int64_t max_attempts, double backoff_s, double cap_s)
{
	struct plan_file f;
	struct sk_task_spec *t;

	rig_new(r, NULL);
	file_begin(&f, 1);
	t = file_task(&f, "a");
	t->restart = restart;
	t->retry = (struct sk_retry){ max_attempts, backoff_s, cap_s };
	rig_load(r, &f);
	rig_tick(r);
}

/* After the end of the attempt: nothing for wait_ms - 1, then the next one. */
static void
starts_again_after(struct plan_rig *r, int64_t wait_ms, const char *start)
{
	rig_is(r, "a", "backoff");
	sk_str_clear(&r->did);
	if (wait_ms > 0) {
		int64_t due_ms = r->now_ms + wait_ms;

		assert_int_equal(rig_tick(r), due_ms);
		assert_int_equal(rig_later(r, wait_ms - 1), due_ms);
		rig_did(r, "");
		r->now_ms = due_ms;
	}
	rig_tick(r);
	rig_did(r, start);
}

static void
never_restarts_unless_told(void **state)
{
	struct plan_rig r;

	(void)state;
	load_one(&r, SK_RESTART_NEVER, 1, 1, 300);
	rig_runs(&r, "a", 5, 1);
	rig_is(&r, "a", "failed");
	rig_later(&r, 1000000);
	rig_did(&r, "start a/1");
	rig_free(&r);
}

static void
retry_starts_at_most_so_often_with_a_doubled_pause(void **state)
{
	struct plan_rig r;

	(void)state;
	load_one(&r, SK_RESTART_NEVER, 5, 0.5, 3);
	rig_runs(&r, "a", 5, 1);
	rig_told(&r, "a/1 started, a/1 retrying");
	starts_again_after(&r, 500, "start a/2");
	rig_runs(&r, "a", 5, 1);
	starts_again_after(&r, 1000, "start a/3");
	rig_runs(&r, "a", 60000, 1); /* a long run does not give the budget back */
	starts_again_after(&r, 2000, "start a/4");
	rig_runs(&r, "a", 5, 1);
	starts_again_after(&r, 3000, "start a/5"); /* the cap */
	sk_str_clear(&r.told);
	rig_runs(&r, "a", 5, 1);
	rig_is(&r, "a", "failed");
	rig_told(&r, "a/5 started, a/5 failed");
	assert_int_equal(rig_find(&r, "a")->failures, 5);
	rig_free(&r);
}

static void
retry_without_a_pause_starts_at_once(void **state)
{
	struct plan_rig r;

	(void)state;
	load_one(&r, SK_RESTART_NEVER, 3, 0, 0);
	rig_runs(&r, "a", 5, 1);
	starts_again_after(&r, 0, "start a/2");
	rig_runs(&r, "a", 5, 0);
	rig_is(&r, "a", "finished");
	rig_later(&r, 1000000);
	rig_did(&r, "");
	rig_free(&r);
}

static void
on_failure_restarts_failures_for_ever_and_nothing_else(void **state)
{
	struct plan_rig r;

	(void)state;
	load_one(&r, SK_RESTART_ON_FAILURE, 1, 1, 4);
	rig_runs(&r, "a", 5, 1);
	starts_again_after(&r, 1000, "start a/2");
	rig_started(&r, "a");
	rig_ends(&r, "a", SK_REASON_SIGNALED, 139);
	starts_again_after(&r, 2000, "start a/3");
	rig_started(&r, "a");
	rig_ends(&r, "a", SK_REASON_TIMEOUT, 143);
	starts_again_after(&r, 4000, "start a/4");
	rig_runs(&r, "a", 5, 1);
	starts_again_after(&r, 4000, "start a/5");
	rig_runs(&r, "a", 5, 0);
	rig_is(&r, "a", "finished");
	rig_free(&r);
}

static void
always_restarts_what_finished_too(void **state)
{
	struct plan_rig r;

	(void)state;
	load_one(&r, SK_RESTART_ALWAYS, 1, 2, 300);
	rig_runs(&r, "a", 5, 0);
	rig_told(&r, "a/1 started, a/1 restarting");
	starts_again_after(&r, 2000, "start a/2");
	rig_runs(&r, "a", 5, 0);
	starts_again_after(&r, 2000, "start a/3"); /* success never doubles */
	rig_runs(&r, "a", 5, 1);
	starts_again_after(&r, 2000, "start a/4");
	rig_runs(&r, "a", 5, 1);
	starts_again_after(&r, 4000, "start a/5");
	rig_runs(&r, "a", 5, 0);
	starts_again_after(&r, 2000, "start a/6");
	rig_free(&r);
}

static void
a_service_never_comes_back_in_less_than_a_second(void **state)
{
	static const int kinds[] = { SK_RESTART_ALWAYS, SK_RESTART_ON_FAILURE };
	struct plan_rig r;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		load_one(&r, kinds[i], 1, 0, 0);
		rig_runs(&r, "a", 0, 1);
		starts_again_after(&r, 1000, "start a/2");
		rig_runs(&r, "a", 0, 1);
		starts_again_after(&r, 1000, "start a/3");
		rig_free(&r);
	}
	load_one(&r, SK_RESTART_ALWAYS, 1, 0.3, 300); /* doubling goes on below the floor */
	rig_runs(&r, "a", 0, 1);
	starts_again_after(&r, 1000, "start a/2");
	rig_runs(&r, "a", 0, 1);
	starts_again_after(&r, 1000, "start a/3");
	rig_runs(&r, "a", 0, 1);
	starts_again_after(&r, 1200, "start a/4");
	rig_free(&r);
}

static void
a_healthy_run_starts_the_back_off_anew(void **state)
{
	struct plan_rig r;

	(void)state;
	load_one(&r, SK_RESTART_ALWAYS, 1, 1, 300);
	for (int i = 0; i < 4; i++) {
		rig_runs(&r, "a", 9999, 1);
		rig_later(&r, 1000 << i);
	}
	rig_runs(&r, "a", 9999, 1);
	starts_again_after(&r, 16000, "start a/6");
	rig_runs(&r, "a", 10000, 1);
	starts_again_after(&r, 1000, "start a/7");
	rig_runs(&r, "a", 5, 1);
	starts_again_after(&r, 2000, "start a/8");
	rig_free(&r);
}

static void
what_cannot_be_started_is_no_healthy_run(void **state)
{
	struct plan_rig r;

	(void)state;
	load_one(&r, SK_RESTART_ALWAYS, 1, 1, 300);
	rig_ends(&r, "a", SK_REASON_START_FAILED, 127);
	starts_again_after(&r, 1000, "start a/2");
	rig_ends(&r, "a", SK_REASON_START_FAILED, 127);
	starts_again_after(&r, 2000, "start a/3");
	rig_ends(&r, "a", SK_REASON_START_FAILED, 127);
	starts_again_after(&r, 4000, "start a/4");
	rig_free(&r);
}

static void
the_pause_counts_from_the_end_and_not_from_its_report(void **state)
{
	struct plan_rig r;

	(void)state;
	load_one(&r, SK_RESTART_ALWAYS, 1, 5, 300);
	rig_runs(&r, "a", 5, 1);
	r.now_ms += 4000; /* the loop was busy */
	starts_again_after(&r, 1000, "start a/2");
	rig_free(&r);
}

static void
back_off_doubles_up_to_the_cap_and_never_overflows(void **state)
{
	static const struct {
		struct sk_retry r;
		uint32_t failures;
		int64_t floor, expected;
	} rows[] = {
		{ { 1, 1, 300 }, 1, 0, 1000 },
		{ { 1, 1, 300 }, 2, 0, 2000 },
		{ { 1, 1, 300 }, 9, 0, 256000 },
		{ { 1, 1, 300 }, 10, 0, 300000 },
		{ { 1, 1, 300 }, UINT32_MAX, 0, 300000 },
		{ { 1, 0, 300 }, 50, 0, 0 },
		{ { 1, 0, 300 }, 50, 1000, 1000 },
		{ { 1, 0.001, 315360000.0 }, UINT32_MAX, 0, 315360000000 },
		{ { 1, 315360000.0, 315360000.0 }, 1, 1000, 315360000000 },
		{ { 1, 5, 2 }, 1, 0, 2000 },
		{ { 1, 1.5, 300 }, 3, 1000, 6000 },
		{ { 1, 1, 300 }, 0, 0, 1000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
			sk_backoff_ms(&rows[i].r, rows[i].failures, rows[i].floor), rows[i].expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_restarts_unless_told),
		cmocka_unit_test(retry_starts_at_most_so_often_with_a_doubled_pause),
		cmocka_unit_test(retry_without_a_pause_starts_at_once),
		cmocka_unit_test(on_failure_restarts_failures_for_ever_and_nothing_else),
		cmocka_unit_test(always_restarts_what_finished_too),
		cmocka_unit_test(a_service_never_comes_back_in_less_than_a_second),
		cmocka_unit_test(a_healthy_run_starts_the_back_off_anew),
		cmocka_unit_test(what_cannot_be_started_is_no_healthy_run),
		cmocka_unit_test(the_pause_counts_from_the_end_and_not_from_its_report),
		cmocka_unit_test(back_off_doubles_up_to_the_cap_and_never_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
