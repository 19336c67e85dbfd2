/* plan_test.c - what starts and when: limits, order, ends, the drain. Beside it: plan_restart_test.c,
 * plan_deps_test.c, plan_reload_test.c (the file's changes), plan_adopt_test.c and
 * plan_strangers_test.c (the link's death), plan_random_test.c (everything, by chance). */
#include "test/unit/plan_rig.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PREFETCH 32 /* handed over ahead of free slots (plan.c) */

/* ---- starting ---- */

static void
all_tasks_start_at_once_in_file_order(void **state)
{
	struct plan_rig r;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "c a b");
	rig_did(&r, "start c/1, start a/1, start b/1");
	rig_told(&r, "");
	assert_int_equal(rig_tick(&r), -1);
	rig_did(&r, "");
	rig_is(&r, "a", "starting");
	rig_started(&r, "a");
	rig_is(&r, "a", "running");
	rig_told(&r, "a/1 started");
	rig_free(&r);
}

static void
a_new_attempt_shows_nothing_of_the_last_one(void **state)
{
	struct plan_rig r;
	struct plan_file f;
	struct sk_plan_task *t;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 1);
	file_task(&f, "a")->retry.max_attempts = 2;
	rig_load(&r, &f);
	rig_tick(&r);
	rig_started(&r, "a");
	t = rig_find(&r, "a");
	assert_int_equal(t->pid, 4711);
	t->progress = 0.5;
	strcpy(t->stage, "half");
	rig_exits(&r, "a", 1);
	assert_int_equal(t->pid, 0);
	assert_string_equal(t->message, "why");
	rig_later(&r, 1000);
	assert_true(t->progress == 0);
	assert_string_equal(t->stage, "");
	assert_string_equal(t->message, "");
	rig_free(&r);
}

static void
ten_thousand_tasks_start_at_once(void **state)
{
	struct plan_rig r;
	struct plan_file f;
	char id[16];

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 10000);
	for (int i = 0; i < 10000; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		file_task(&f, id);
	}
	rig_load(&r, &f);
	rig_tick(&r);
	assert_int_equal(sk_plan_count(r.plan, SK_P_STARTING), 10000);
	rig_free(&r);
}

static void
nothing_is_over_before_all_have_ended(void **state)
{
	struct plan_rig r;

	(void)state;
	rig_new(&r, NULL);
	assert_true(sk_plan_over(r.plan));
	rig_load_ids(&r, "a b");
	assert_false(sk_plan_over(r.plan));
	rig_runs(&r, "a", 5, 0);
	assert_false(sk_plan_over(r.plan));
	rig_runs(&r, "b", 5, 0);
	assert_true(sk_plan_over(r.plan));
	assert_true(sk_plan_all_finished(r.plan));
	rig_told(&r, "a/1 started, a/1 finished, b/1 started, b/1 finished");
	rig_free(&r);
}

static void
a_failure_is_no_finish(void **state)
{
	struct plan_rig r;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "a b");
	rig_runs(&r, "a", 5, 0);
	rig_runs(&r, "b", 5, 3);
	assert_true(sk_plan_over(r.plan));
	assert_false(sk_plan_all_finished(r.plan));
	rig_is(&r, "b", "failed");
	assert_int_equal(rig_find(&r, "b")->report.code, 3);
	assert_string_equal(rig_find(&r, "b")->report.message, "why");
	assert_string_equal(rig_find(&r, "b")->report.id, "b");
	rig_free(&r);
}

static void
every_reason_but_exit_0_is_a_failure(void **state)
{
	static const struct {
		enum sk_reason reason;
		int32_t code;
		const char *state;
	} rows[] = {
		{ SK_REASON_EXITED, 0, "finished" },
		{ SK_REASON_EXITED, 1, "failed" },
		{ SK_REASON_EXITED, 75, "failed" },
		{ SK_REASON_SIGNALED, 0, "failed" },
		{ SK_REASON_OOM, 0, "failed" },
		{ SK_REASON_TIMEOUT, 0, "failed" },
		{ SK_REASON_LOST, 0, "failed" },
		{ SK_REASON_START_FAILED, 127, "failed" },
		{ SK_REASON_INTERRUPTED, 0, "interrupted" },
		{ SK_REASON_CANCELLED, 0, "cancelled" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct plan_rig r;

		rig_new(&r, NULL);
		rig_load_ids(&r, "a");
		rig_ends(&r, "a", rows[i].reason, rows[i].code);
		rig_is(&r, "a", rows[i].state);
		assert_true(sk_plan_over(r.plan));
		rig_free(&r);
	}
}

static void
a_report_of_another_attempt_or_key_is_ignored(void **state)
{
	struct plan_rig r;
	const struct sk_task_report rep = { .id = "a", .class_name = "", .state = SK_T_ENDED };
	const struct sk_plan_task *t;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "a");
	t = rig_find(&r, "a");
	sk_plan_exited(r.plan, t->key, 2, &rep, r.now_ms);
	sk_plan_exited(r.plan, t->key, 0, &rep, r.now_ms);
	sk_plan_exited(r.plan, t->key + 1, 1, &rep, r.now_ms);
	sk_plan_exited(r.plan, 0, 1, &rep, r.now_ms);
	sk_plan_exited(r.plan, UINT64_MAX, 1, &rep, r.now_ms);
	sk_plan_started(r.plan, t->key, 2, &rep);
	rig_is(&r, "a", "starting");
	rig_exits(&r, "a", 0);
	sk_plan_exited(r.plan, t->key, 1, &rep, r.now_ms); /* said twice */
	sk_plan_started(r.plan, t->key, 1, &rep);
	rig_is(&r, "a", "finished");
	rig_told(&r, "a/1 finished");
	rig_free(&r);
}

/* A task that was over before the supervisor told of its start. */
static void
an_end_without_a_start_before_it_is_both(void **state)
{
	static const struct {
		enum sk_reason reason;
		int64_t start_boot_ms;
		const char *told;
	} rows[] = {
		{ SK_REASON_EXITED, 5, "a/1 started, a/1 finished" },
		{ SK_REASON_SIGNALED, 5, "a/1 started, a/1 failed" },
		{ SK_REASON_START_FAILED, 5, "a/1 failed" },
		{ SK_REASON_INTERRUPTED, 0, "a/1 interrupted" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sk_task_report rep = { .id = "a", .class_name = "", .state = SK_T_ENDED };
		struct plan_rig r;

		rig_new(&r, NULL);
		rig_load_ids(&r, "a");
		rep.reason = rows[i].reason;
		rep.start_boot_ms = rows[i].start_boot_ms;
		sk_plan_exited(r.plan, rig_find(&r, "a")->key, 1, &rep, r.now_ms);
		rig_told(&r, rows[i].told);
		rig_free(&r);
	}
}

/* ---- limits ---- */

static void
slots_hold_back_all_but_a_few_that_wait_at_the_supervisor(void **state)
{
	const struct sk_plan_limits two = { .slots = 2 };
	struct plan_rig r;
	struct plan_file f;
	char id[16];

	(void)state;
	rig_new(&r, &two);
	file_begin(&f, 100);
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "t%02d", i);
		file_task(&f, id);
	}
	rig_load(&r, &f);
	rig_tick(&r);
	assert_int_equal(sk_plan_count(r.plan, SK_P_STARTING), 2 + PREFETCH);
	assert_int_equal(sk_plan_count(r.plan, SK_P_READY), 100 - 2 - PREFETCH);
	sk_str_clear(&r.did);
	rig_runs(&r, "t00", 1, 0);
	rig_tick(&r);
	rig_did(&r, "start t34/1");
	rig_tick(&r);
	rig_did(&r, "");
	rig_free(&r);
}

static void
a_task_in_back_off_takes_no_slot(void **state)
{
	const struct sk_plan_limits one = { .slots = 1 };
	struct plan_rig r;
	struct plan_file f;
	char id[16];

	(void)state;
	rig_new(&r, &one);
	file_begin(&f, 2 + PREFETCH);
	for (int i = 0; i < 2 + PREFETCH; i++) {
		snprintf(id, sizeof(id), "t%02d", i);
		file_task(&f, id)->retry.max_attempts = 2;
	}
	rig_load(&r, &f);
	rig_tick(&r);
	assert_int_equal(sk_plan_count(r.plan, SK_P_READY), 1);
	rig_runs(&r, "t00", 1, 1);
	rig_is(&r, "t00", "backoff");
	rig_tick(&r);
	assert_int_equal(sk_plan_count(r.plan, SK_P_READY), 0);
	rig_free(&r);
}

static void
cpus_are_shared_among_those_who_ask(void **state)
{
	const struct sk_plan_limits two = { .cpus = 2 };
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, &two);
	file_begin(&f, 8);
	file_task(&f, "a")->resources.cpus = 1.5;
	file_task(&f, "b")->resources.cpus = 1;
	file_task(&f, "none");
	file_task(&f, "c")->resources.cpus = 0.5;
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "start a/1, start none/1, start c/1"); /* b is passed by, not waited for */
	rig_runs(&r, "c", 1, 0);
	rig_tick(&r);
	rig_did(&r, "");
	rig_runs(&r, "a", 1, 1);
	rig_tick(&r);
	rig_did(&r, "start b/1");
	rig_free(&r);
}

static void
memory_is_shared_among_those_who_ask(void **state)
{
	const struct sk_plan_limits limits = { .memory_mb = 1000 };
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, &limits);
	file_begin(&f, 8);
	file_task(&f, "a")->resources.memory_mb = 600;
	file_task(&f, "b")->resources.memory_mb = 400;
	file_task(&f, "c")->resources.memory_mb = 1;
	file_task(&f, "none");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "start a/1, start b/1, start none/1");
	rig_exits(&r, "b", 0);
	rig_tick(&r);
	rig_did(&r, "start c/1");
	rig_free(&r);
}

static void
what_asks_for_more_memory_than_there_is_runs_alone(void **state)
{
	const struct sk_plan_limits limits = { .memory_mb = 100 };
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, &limits);
	file_begin(&f, 8);
	file_task(&f, "huge")->resources.memory_mb = 101;
	file_task(&f, "small")->resources.memory_mb = 1;
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "start huge/1");
	rig_exits(&r, "huge", 0);
	rig_tick(&r);
	rig_did(&r, "start small/1");
	rig_free(&r);
}

static void
what_asks_for_more_than_there_is_runs_alone(void **state)
{
	const struct sk_plan_limits limits = { .cpus = 0.7 };
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, &limits);
	file_begin(&f, 8);
	file_task(&f, "small")->resources.cpus = 0.1;
	file_task(&f, "other")->resources.cpus = 0.2;
	file_task(&f, "huge")->resources.cpus = 64;
	file_task(&f, "last")->resources.cpus = 0.3;
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "start small/1, start other/1, start last/1");
	rig_exits(&r, "last", 0);
	rig_exits(&r, "small", 0); /* 0.1 + 0.2 + 0.3 - 0.3 - 0.1 - 0.2 is not 0 in doubles */
	rig_tick(&r);
	rig_did(&r, "");
	rig_exits(&r, "other", 0);
	rig_tick(&r);
	rig_did(&r, "start huge/1");
	rig_free(&r);
}

static void
ten_tenths_of_a_cpu_are_one(void **state)
{
	const struct sk_plan_limits one = { .cpus = 1 };
	struct plan_rig r;
	struct plan_file f;
	char id[8];

	(void)state;
	rig_new(&r, &one);
	file_begin(&f, 11);
	for (int i = 0; i < 11; i++) {
		snprintf(id, sizeof(id), "t%02d", i);
		file_task(&f, id)->resources.cpus = 0.1;
	}
	rig_load(&r, &f);
	rig_tick(&r);
	assert_int_equal(sk_plan_count(r.plan, SK_P_STARTING), 10);
	rig_is(&r, "t10", "ready");
	rig_free(&r);
}

static void
higher_priority_starts_first_then_the_file_s_order(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 8);
	file_task(&f, "a");
	file_task(&f, "b")->priority = 5;
	file_task(&f, "c")->priority = 10;
	file_task(&f, "d")->priority = 5;
	file_task(&f, "e")->priority = 4;
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "start c/1, start b/1, start d/1, start e/1, start a/1");
	rig_free(&r);
}

/* ---- draining ---- */

static void
after_a_drain_nothing_starts_and_all_that_waits_is_interrupted(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 8);
	file_task(&f, "runs")->restart = SK_RESTART_ALWAYS;
	file_depends(&f, file_task(&f, "waits"), "runs");
	file_task(&f, "backs off")->retry.max_attempts = 9;
	file_task(&f, "done");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_runs(&r, "done", 1, 0);
	rig_runs(&r, "backs off", 1, 1);
	rig_started(&r, "runs");
	sk_str_clear(&r.did);
	sk_plan_drain(r.plan);
	rig_is(&r, "waits", "interrupted");
	rig_is(&r, "backs off", "interrupted");
	rig_is(&r, "runs", "running");
	rig_is(&r, "done", "finished");
	assert_false(sk_plan_over(r.plan));
	assert_int_equal(rig_later(&r, 1000000), -1);
	rig_ends(&r, "runs", SK_REASON_INTERRUPTED, 143);
	rig_is(&r, "runs", "interrupted");
	assert_true(sk_plan_over(r.plan));
	rig_later(&r, 1000000);
	rig_did(&r, "");
	rig_free(&r);
}

static void
what_ends_by_itself_in_a_drain_keeps_its_own_end(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 3);
	file_task(&f, "good")->restart = SK_RESTART_ALWAYS;
	file_task(&f, "bad")->retry.max_attempts = 5;
	file_task(&f, "late");
	rig_load(&r, &f);
	rig_tick(&r);
	sk_plan_drain(r.plan);
	rig_runs(&r, "good", 1, 0);
	rig_runs(&r, "bad", 1, 7);
	rig_started(&r, "late");
	rig_ends(&r, "late", SK_REASON_TIMEOUT, 143);
	rig_is(&r, "good", "finished");
	rig_is(&r, "bad", "failed");
	rig_is(&r, "late", "failed");
	assert_true(sk_plan_over(r.plan));
	rig_free(&r);
}

static void
every_state_has_a_name(void **state)
{
	(void)state;
	for (enum sk_plan_state s = SK_P_WAITING; s <= SK_P_SKIPPED; s++)
		for (enum sk_plan_state other = SK_P_WAITING; other < s; other++)
			assert_string_not_equal(sk_plan_state_name(s), sk_plan_state_name(other));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_tasks_start_at_once_in_file_order),
		cmocka_unit_test(a_new_attempt_shows_nothing_of_the_last_one),
		cmocka_unit_test(ten_thousand_tasks_start_at_once),
		cmocka_unit_test(nothing_is_over_before_all_have_ended),
		cmocka_unit_test(a_failure_is_no_finish),
		cmocka_unit_test(every_reason_but_exit_0_is_a_failure),
		cmocka_unit_test(a_report_of_another_attempt_or_key_is_ignored),
		cmocka_unit_test(an_end_without_a_start_before_it_is_both),
		cmocka_unit_test(slots_hold_back_all_but_a_few_that_wait_at_the_supervisor),
		cmocka_unit_test(a_task_in_back_off_takes_no_slot),
		cmocka_unit_test(cpus_are_shared_among_those_who_ask),
		cmocka_unit_test(memory_is_shared_among_those_who_ask),
		cmocka_unit_test(what_asks_for_more_memory_than_there_is_runs_alone),
		cmocka_unit_test(what_asks_for_more_than_there_is_runs_alone),
		cmocka_unit_test(ten_tenths_of_a_cpu_are_one),
		cmocka_unit_test(higher_priority_starts_first_then_the_file_s_order),
		cmocka_unit_test(after_a_drain_nothing_starts_and_all_that_waits_is_interrupted),
		cmocka_unit_test(what_ends_by_itself_in_a_drain_keeps_its_own_end),
		cmocka_unit_test(every_state_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
