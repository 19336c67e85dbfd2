/* plan_strangers_test.c - the link died: tasks that are not in the file, keys of before, two of one id,
 * and the rest of the rules when a plan was reborn. */
#include "test/unit/plan_rig.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The reborn plan reads the file; then the supervisor's tasks are adopted, then comes the tick. */
static void
reborn(struct plan_rig *r, struct plan_file *f)
{
	rig_new(r, NULL);
	rig_load(r, f);
}

static void
file_of(struct plan_file *f, const char *a, const char *b)
{
	file_begin(f, 4);
	file_task(f, a);
	if (b != NULL)
		file_task(f, b);
}

/* ---- what is not in the file ---- */

static void
an_unknown_running_task_is_stopped_and_forgotten(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "a", NULL);
	reborn(&r, &f);
	rig_adopt(
		&r, &(struct rig_known){ .key = 1, .id = "ghost", .attempt = 2, .state = SK_T_RUNNING });
	rig_did(&r, "stop ghost/2 cancelled");
	rig_tick(&r);
	rig_did(&r, "start a/1");
	assert_false(sk_plan_over(r.plan));
	rig_ends(&r, "ghost", SK_REASON_CANCELLED, 143);
	rig_did(&r, "forget ghost");
	assert_null(rig_find(&r, "ghost"));
	rig_free(&r);
}

static void
an_unknown_task_is_forgotten_whatever_became_of_it(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "a", NULL);
	reborn(&r, &f);
	rig_adopt(&r,
		&(struct rig_known){
			.key = 5, .id = "old", .attempt = 2, .state = SK_T_ENDED, .settled = true });
	rig_did(&r, "forget old");
	rig_told(&r, "");
	rig_adopt(&r,
		&(struct rig_known){ .key = 6, .id = "new", .attempt = 2, .state = SK_T_ENDED, .code = 1 });
	rig_did(&r, "forget new");
	rig_told(&r, "new/2 failed");
	rig_adopt(
		&r, &(struct rig_known){ .key = 7, .id = "going", .attempt = 2, .state = SK_T_STOPPING });
	rig_did(&r, ""); /* it was told already */
	rig_adopt(
		&r, &(struct rig_known){ .key = 8, .id = "queued", .attempt = 2, .state = SK_T_QUEUED });
	rig_did(&r, "stop queued/2 cancelled");
	rig_ends(&r, "going", SK_REASON_CANCELLED, 143);
	rig_ends(&r, "queued", SK_REASON_CANCELLED, 0);
	rig_did(&r, "forget going, forget queued");
	rig_free(&r);
}

static void
an_unknown_task_that_comes_into_the_file_starts_anew(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "a", NULL);
	reborn(&r, &f);
	rig_adopt(
		&r, &(struct rig_known){ .key = 1, .id = "ghost", .attempt = 2, .state = SK_T_RUNNING });
	rig_load_ids(&r, "a ghost");
	rig_ends(&r, "ghost", SK_REASON_CANCELLED, 143);
	rig_tick(&r);
	rig_did(&r, "stop ghost/2 cancelled, start a/1, start ghost/3");
	rig_free(&r);
}

/* ---- keys ---- */

/* The keys of the reborn plan are 1, 2, … in file order; the supervisor's are from before. */
static void
keys_of_the_supervisor_win_over_those_of_the_reborn_plan(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_begin(&f, 4);
	file_task(&f, "b");
	file_task(&f, "c");
	file_task(&f, "d");
	reborn(&r, &f);
	/* the file once was a b c d, a is gone */
	rig_adopt(&r, &(struct rig_known){ .key = 2, .id = "b", .attempt = 1, .state = SK_T_RUNNING });
	rig_adopt(&r, &(struct rig_known){ .key = 3, .id = "c", .attempt = 1, .state = SK_T_RUNNING });
	rig_adopt(&r, &(struct rig_known){ .key = 4, .id = "d", .attempt = 1, .state = SK_T_RUNNING });
	assert_string_equal(sk_plan_find(r.plan, 2)->spec.id, "b");
	assert_string_equal(sk_plan_find(r.plan, 3)->spec.id, "c");
	assert_string_equal(sk_plan_find(r.plan, 4)->spec.id, "d");
	rig_exits(&r, "b", 0);
	rig_exits(&r, "c", 0);
	rig_exits(&r, "d", 0);
	assert_true(sk_plan_all_finished(r.plan));
	rig_free(&r);
}

static void
a_task_without_a_past_never_shares_a_key(void **state)
{
	struct plan_rig r;
	struct plan_file f;
	uint64_t a, b;

	(void)state;
	file_of(&f, "a", "b");
	reborn(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 2, .id = "a", .attempt = 1, .state = SK_T_RUNNING });
	rig_adopt(
		&r, &(struct rig_known){ .key = 3, .id = "gone", .attempt = 1, .state = SK_T_RUNNING });
	rig_tick(&r);
	rig_did(&r, "stop gone/1 cancelled, start b/1");
	a = rig_find(&r, "a")->key;
	b = rig_find(&r, "b")->key;
	assert_int_equal(a, 2);
	assert_true(b > 3);
	rig_load_ids(&r, "a b c");
	assert_true(rig_find(&r, "c")->key > b);
	rig_free(&r);
}

/* Removed, ended, added again: the supervisor may still hold the outcome of the first. */
static void
a_stale_outcome_does_not_hide_the_task_that_has_its_id_now(void **state)
{
	for (int order = 0; order < 2; order++) {
		const struct rig_known stale = { .key = 1,
			.id = "a",
			.attempt = 5,
			.state = SK_T_ENDED,
			.reason = SK_REASON_CANCELLED,
			.settled = true };
		const struct rig_known live = { .key = 2, .id = "a", .attempt = 1, .state = SK_T_RUNNING };
		struct plan_rig r;
		struct plan_file f;
		size_t n;

		(void)state;
		file_of(&f, "a", NULL);
		reborn(&r, &f);
		rig_adopt(&r, order == 0 ? &stale : &live);
		rig_adopt(&r, order == 0 ? &live : &stale);
		rig_tick(&r);
		rig_did(&r, "forget a");
		rig_is(&r, "a", "running");
		assert_int_equal(rig_find(&r, "a")->attempt, 1);
		assert_int_equal(rig_find(&r, "a")->key, 2);
		assert_non_null(sk_plan_tasks(r.plan, &n));
		assert_int_equal(n, 1);
		rig_exits(&r, "a", 0);
		assert_true(sk_plan_all_finished(r.plan));
		rig_free(&r);
	}
}

/* It should never come to this; then what runs must not run twice. */
static void
of_two_with_one_id_the_living_one_stays(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "a", NULL);
	reborn(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 5, .state = SK_T_RUNNING });
	rig_adopt(&r,
		&(struct rig_known){
			.key = 2, .id = "a", .attempt = 1, .state = SK_T_ENDED, .settled = true });
	rig_did(&r, "forget a");
	rig_adopt(&r, &(struct rig_known){ .key = 3, .id = "a", .attempt = 1, .state = SK_T_RUNNING });
	rig_tick(&r);
	rig_did(&r, "stop a/1 cancelled");
	rig_is(&r, "a", "running");
	assert_int_equal(rig_find(&r, "a")->attempt, 5);
	rig_free(&r);
}

static void
only_the_attempt_of_the_link_before_can_have_been_stopped_by_it(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_begin(&f, 1);
	file_task(&f, "a")->retry = (struct sk_retry){ 5, 0, 0 };
	reborn(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 1, .state = SK_T_RUNNING });
	rig_exits(&r, "a", 1);
	rig_tick(&r);
	rig_did(&r, "start a/2");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_is(&r, "a", "cancelled");
	rig_free(&r);
}

/* ---- with the rest of the rules ---- */

static void
dependencies_are_judged_when_all_is_known(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_begin(&f, 4);
	file_task(&f, "base");
	file_depends(&f, file_task(&f, "middle"), "base");
	file_depends(&f, file_task(&f, "top"), "middle");
	reborn(&r, &f);
	/* base was changed and failed while middle, of before the change, still ran */
	rig_adopt(&r,
		&(struct rig_known){ .key = 1,
			.id = "base",
			.attempt = 2,
			.state = SK_T_ENDED,
			.code = 1,
			.settled = true });
	rig_adopt(
		&r, &(struct rig_known){ .key = 2, .id = "middle", .attempt = 1, .state = SK_T_RUNNING });
	rig_tick(&r);
	rig_is(&r, "top", "waiting");
	rig_told(&r, "");
	rig_exits(&r, "middle", 0);
	rig_tick(&r);
	rig_did(&r, "start top/1");
	rig_free(&r);
}

static void
dependants_of_what_ended_meanwhile_start_or_are_skipped(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_begin(&f, 4);
	file_task(&f, "good");
	file_task(&f, "bad");
	file_depends(&f, file_task(&f, "after good"), "good");
	file_depends(&f, file_task(&f, "after bad"), "bad");
	reborn(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "good", .attempt = 1, .state = SK_T_ENDED });
	rig_adopt(&r,
		&(struct rig_known){
			.key = 2, .id = "bad", .attempt = 1, .state = SK_T_ENDED, .reason = SK_REASON_OOM });
	rig_tick(&r);
	rig_did(&r, "start after good/1");
	rig_is(&r, "after bad", "skipped");
	rig_free(&r);
}

static void
what_was_adopted_takes_slots_and_resources(void **state)
{
	const struct sk_plan_limits limits = { .slots = 1, .cpus = 1 };
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, &limits);
	file_begin(&f, 2);
	file_task(&f, "a")->resources.cpus = 1;
	file_task(&f, "b")->resources.cpus = 1;
	rig_load(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 1, .state = SK_T_RUNNING });
	rig_tick(&r);
	rig_did(&r, "");
	rig_exits(&r, "a", 0);
	rig_tick(&r);
	rig_did(&r, "start b/1");
	rig_free(&r);
}

static void
an_adopted_task_is_updated_and_removed_like_any_other(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		file_begin(&f, 1);
		file_class(file_task(&f, "a"), &plan_live);
		file_set(&f, &f.list.items[0], i);
		if (i == 0) {
			reborn(&r, &f);
			rig_adopt(&r,
				&(struct rig_known){ .key = 9, .id = "a", .attempt = 4, .state = SK_T_RUNNING });
		} else
			rig_load(&r, &f);
		rig_tick(&r);
	}
	rig_load_ids(&r, "");
	rig_did(&r, "update a/4 n=1, stop a/4 cancelled");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_did(&r, "forget a");
	rig_free(&r);
}

static void
a_link_that_dies_in_a_drain_starts_nothing_in_its_next_life(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_begin(&f, 4);
	file_task(&f, "runs")->restart = SK_RESTART_ALWAYS;
	file_task(&f, "ended")->restart = SK_RESTART_ALWAYS;
	file_task(&f, "never");
	reborn(&r, &f);
	rig_adopt(
		&r, &(struct rig_known){ .key = 1, .id = "runs", .attempt = 1, .state = SK_T_STOPPING });
	rig_adopt(&r,
		&(struct rig_known){ .key = 2,
			.id = "ended",
			.attempt = 1,
			.state = SK_T_ENDED,
			.reason = SK_REASON_INTERRUPTED,
			.code = 143 });
	sk_plan_drain(r.plan);
	rig_tick(&r);
	assert_false(sk_plan_over(r.plan));
	rig_ends(&r, "runs", SK_REASON_INTERRUPTED, 143);
	assert_true(sk_plan_over(r.plan));
	rig_later(&r, 100000);
	rig_did(&r, "");
	rig_told(&r, "ended/1 interrupted, runs/1 interrupted");
	rig_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_running_task_is_stopped_and_forgotten),
		cmocka_unit_test(an_unknown_task_is_forgotten_whatever_became_of_it),
		cmocka_unit_test(an_unknown_task_that_comes_into_the_file_starts_anew),
		cmocka_unit_test(keys_of_the_supervisor_win_over_those_of_the_reborn_plan),
		cmocka_unit_test(a_task_without_a_past_never_shares_a_key),
		cmocka_unit_test(a_stale_outcome_does_not_hide_the_task_that_has_its_id_now),
		cmocka_unit_test(of_two_with_one_id_the_living_one_stays),
		cmocka_unit_test(only_the_attempt_of_the_link_before_can_have_been_stopped_by_it),
		cmocka_unit_test(dependencies_are_judged_when_all_is_known),
		cmocka_unit_test(dependants_of_what_ended_meanwhile_start_or_are_skipped),
		cmocka_unit_test(what_was_adopted_takes_slots_and_resources),
		cmocka_unit_test(an_adopted_task_is_updated_and_removed_like_any_other),
		cmocka_unit_test(a_link_that_dies_in_a_drain_starts_nothing_in_its_next_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
