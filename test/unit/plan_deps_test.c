/* plan_deps_test.c - dependencies: waited for, broken, changed in the file. */
#include "test/unit/plan_rig.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- dependencies ---- */

static void
a_task_waits_until_all_it_depends_on_have_finished(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 8);
	file_depends(&f, file_task(&f, "d"), "b c");
	file_depends(&f, file_task(&f, "b"), "a");
	file_depends(&f, file_task(&f, "c"), "a");
	file_task(&f, "a");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "start a/1");
	rig_is(&r, "d", "waiting");
	rig_runs(&r, "a", 5, 0);
	rig_tick(&r);
	rig_did(&r, "start b/1, start c/1");
	rig_runs(&r, "c", 5, 0);
	rig_tick(&r);
	rig_did(&r, "");
	rig_runs(&r, "b", 5, 0);
	rig_tick(&r);
	rig_did(&r, "start d/1");
	rig_free(&r);
}

static void
a_failed_dependency_skips_all_that_stand_on_it(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 8);
	file_task(&f, "a");
	file_depends(&f, file_task(&f, "b"), "a");
	file_depends(&f, file_task(&f, "c"), "b");
	file_depends(&f, file_task(&f, "e"), "other");
	file_task(&f, "other");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "start a/1, start other/1");
	rig_runs(&r, "a", 5, 1);
	rig_told(&r, "a/1 started, a/1 failed, b/0 skipped, c/0 skipped");
	rig_is(&r, "b", "skipped");
	assert_int_equal(rig_find(&r, "c")->report.reason, SK_REASON_SKIPPED);
	rig_is(&r, "e", "waiting");
	rig_runs(&r, "other", 5, 0);
	rig_tick(&r);
	rig_did(&r, "start e/1");
	rig_runs(&r, "e", 1, 0);
	assert_true(sk_plan_over(r.plan));
	assert_false(sk_plan_all_finished(r.plan));
	rig_free(&r);
}

static void
all_branches_of_a_failed_dependency_are_skipped(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 8);
	file_depends(&f, file_task(&f, "e"), "c d");
	file_depends(&f, file_task(&f, "c"), "a");
	file_depends(&f, file_task(&f, "d"), "b");
	file_depends(&f, file_task(&f, "a"), "root");
	file_depends(&f, file_task(&f, "b"), "root");
	file_task(&f, "root");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_exits(&r, "root", 1);
	assert_int_equal(sk_plan_count(r.plan, SK_P_SKIPPED), 5);
	assert_true(sk_plan_over(r.plan));
	rig_free(&r);
}

/* Files are checked before; nobody may wait for ever if one was not. */
static void
what_depends_on_nobody_is_skipped(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 1);
	file_depends(&f, file_task(&f, "a"), "missing");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_is(&r, "a", "skipped");
	rig_free(&r);
}

static void
a_dependency_that_is_tried_again_is_waited_for(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 8);
	file_task(&f, "a")->retry.max_attempts = 2;
	file_depends(&f, file_task(&f, "b"), "a");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_runs(&r, "a", 5, 1);
	rig_is(&r, "b", "waiting");
	rig_later(&r, 1000);
	rig_did(&r, "start a/1, start a/2");
	rig_runs(&r, "a", 5, 0);
	rig_tick(&r);
	rig_did(&r, "start b/1");
	rig_free(&r);
}

static void *
fail_first(void *arg)
{
	struct plan_rig *r = arg;

	rig_exits(r, "t0", 1);
	return NULL;
}

static void
a_chain_as_long_as_a_file_is_skipped_on_a_small_stack(void **state)
{
	enum { N = 3000 };
	pthread_attr_t attr;
	pthread_t thread;
	struct plan_rig r;
	struct plan_file f;
	char id[16];

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, N);
	file_task(&f, "t0");
	for (int i = 1; i < N; i++) {
		struct sk_task_spec *t;

		snprintf(id, sizeof(id), "t%d", i);
		t = file_task(&f, id);
		snprintf(id, sizeof(id), "t%d", i - 1);
		file_depends(&f, t, id);
	}
	rig_load(&r, &f);
	rig_tick(&r);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, (size_t)256 << 10), 0);
	assert_int_equal(pthread_create(&thread, &attr, fail_first, &r), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attr), 0);
	assert_int_equal(sk_plan_count(r.plan, SK_P_SKIPPED), N - 1);
	assert_true(sk_plan_over(r.plan));
	rig_free(&r);
}

/* Both have the same 64-bit FNV-1a hash. */
static void
two_ids_of_one_hash_are_two_tasks(void **state)
{
	static const char one[] = "8yn0iYCKYHlIj4-BwPqk", two[] = "GReLUrM4wMqfg9yzV3KQ";
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 4);
	file_task(&f, one);
	file_depends(&f, file_task(&f, two), one);
	file_depends(&f, file_task(&f, "last"), two);
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "start 8yn0iYCKYHlIj4-BwPqk/1");
	rig_runs(&r, one, 5, 0);
	rig_tick(&r);
	rig_did(&r, "start GReLUrM4wMqfg9yzV3KQ/1");
	rig_load_ids(&r, two); /* the first of the two goes, the other one stays known */
	rig_runs(&r, two, 5, 0);
	rig_is(&r, two, "finished");
	rig_load_ids(&r, "GReLUrM4wMqfg9yzV3KQ 8yn0iYCKYHlIj4-BwPqk");
	rig_did(&r, "forget last, forget 8yn0iYCKYHlIj4-BwPqk, start 8yn0iYCKYHlIj4-BwPqk/1");
	rig_free(&r);
}

/* ---- when the file changes ---- */

static void
a_new_dependency_may_stand_further_down_in_the_file(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 2);
	file_depends(&f, file_task(&f, "a"), "slow");
	file_task(&f, "slow");
	rig_load(&r, &f);
	rig_tick(&r);
	file_begin(&f, 3);
	file_depends(&f, file_task(&f, "a"), "slow new");
	file_task(&f, "slow");
	file_task(&f, "new");
	rig_load(&r, &f);
	rig_told(&r, "");
	rig_is(&r, "a", "waiting");
	rig_tick(&r);
	rig_did(&r, "start slow/1, start new/1");
	rig_exits(&r, "slow", 0);
	rig_exits(&r, "new", 0);
	rig_tick(&r);
	rig_did(&r, "start a/1");
	rig_free(&r);
}

static void
a_dropped_dependency_frees_who_waits_for_it(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 2);
	file_depends(&f, file_task(&f, "a"), "b");
	file_task(&f, "b");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_load_ids(&r, "a"); /* b and the dependency on it went together */
	rig_did(&r, "start b/1, stop b/1 cancelled, start a/1");
	rig_free(&r);
}

static void
a_dependency_that_runs_again_is_waited_for_by_who_has_not_started(void **state)
{
	const struct sk_plan_limits one = { .cpus = 1 };
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, &one);
	for (int i = 0; i < 2; i++) {
		struct sk_task_spec *t;

		file_begin(&f, 3);
		t = file_task(&f, "user");
		file_depends(&f, t, "base");
		t->resources.cpus = 1;
		file_task(&f, "busy")->resources.cpus = 1;
		file_set(&f, file_task(&f, "base"), i);
		rig_load(&r, &f);
		rig_tick(&r);
		rig_exits(&r, "base", i);
		rig_is(&r, "user", i == 0 ? "ready" : "skipped");
	}
	rig_did(&r, "start busy/1, start base/1, start base/2");
	rig_free(&r);
}

static void
what_was_skipped_waits_again_when_its_dependency_is_repaired(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	for (int i = 0; i < 2; i++) {
		file_begin(&f, 3);
		file_depends(&f, file_task(&f, "last"), "middle");
		file_depends(&f, file_task(&f, "middle"), "base");
		file_set(&f, file_task(&f, "base"), i);
		rig_load(&r, &f);
		rig_tick(&r);
		if (i == 1)
			break;
		rig_exits(&r, "base", 1);
		rig_is(&r, "last", "skipped");
		rig_told(&r, "base/1 failed, middle/0 skipped, last/0 skipped");
	}
	rig_is(&r, "last", "waiting");
	rig_did(&r, "start base/1, start base/2");
	rig_exits(&r, "base", 0);
	rig_tick(&r);
	rig_exits(&r, "middle", 0);
	rig_tick(&r);
	rig_did(&r, "start middle/1, start last/1");
	rig_told(&r, "base/2 finished, middle/1 finished");
	rig_free(&r);
}

static void
what_was_skipped_runs_when_it_depends_on_nothing_any_more(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 2);
	file_task(&f, "a");
	file_depends(&f, file_task(&f, "b"), "a");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_exits(&r, "a", 1);
	rig_is(&r, "b", "skipped");
	rig_load_ids(&r, "a b");
	rig_did(&r, "start a/1, start b/1");
	rig_free(&r);
}

static void
what_runs_is_not_touched_by_a_changed_dependency(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "a b c");
	rig_exits(&r, "c", 0);
	file_begin(&f, 3);
	file_depends(&f, file_task(&f, "a"), "b");
	file_task(&f, "b");
	file_depends(&f, file_task(&f, "c"), "b");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_is(&r, "a", "starting");
	rig_is(&r, "c", "finished");
	rig_did(&r, "start a/1, start b/1, start c/1");
	rig_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_waits_until_all_it_depends_on_have_finished),
		cmocka_unit_test(a_failed_dependency_skips_all_that_stand_on_it),
		cmocka_unit_test(all_branches_of_a_failed_dependency_are_skipped),
		cmocka_unit_test(what_depends_on_nobody_is_skipped),
		cmocka_unit_test(a_dependency_that_is_tried_again_is_waited_for),
		cmocka_unit_test(a_chain_as_long_as_a_file_is_skipped_on_a_small_stack),
		cmocka_unit_test(two_ids_of_one_hash_are_two_tasks),
		cmocka_unit_test(a_new_dependency_may_stand_further_down_in_the_file),
		cmocka_unit_test(a_dropped_dependency_frees_who_waits_for_it),
		cmocka_unit_test(a_dependency_that_runs_again_is_waited_for_by_who_has_not_started),
		cmocka_unit_test(what_was_skipped_waits_again_when_its_dependency_is_repaired),
		cmocka_unit_test(what_was_skipped_runs_when_it_depends_on_nothing_any_more),
		cmocka_unit_test(what_runs_is_not_touched_by_a_changed_dependency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
