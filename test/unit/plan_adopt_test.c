/* plan_adopt_test.c - the link died: a plan that knows nothing is told what the supervisor knows. */
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

/* ---- every state a task can be in ---- */

static void
a_running_task_goes_on_and_its_end_counts(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "a", "b");
	reborn(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 7, .state = SK_T_RUNNING });
	rig_tick(&r);
	rig_did(&r, "start b/1");
	rig_is(&r, "a", "running");
	assert_int_equal(rig_find(&r, "a")->attempt, 7);
	assert_int_equal(rig_find(&r, "a")->pid, 4711);
	rig_exits(&r, "a", 0);
	rig_is(&r, "a", "finished");
	rig_told(&r, "a/7 finished");
	rig_free(&r);
}

static void
a_queued_task_is_not_handed_over_twice(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "a", NULL);
	reborn(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 1, .state = SK_T_QUEUED });
	rig_tick(&r);
	rig_did(&r, "");
	rig_is(&r, "a", "starting");
	rig_started(&r, "a");
	rig_is(&r, "a", "running");
	rig_exits(&r, "a", 0);
	assert_true(sk_plan_all_finished(r.plan));
	rig_free(&r);
}

static void
what_was_being_stopped_for_a_change_starts_anew(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "a", NULL);
	reborn(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 3, .state = SK_T_STOPPING });
	rig_tick(&r);
	rig_is(&r, "a", "stopping");
	rig_did(&r, "");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_tick(&r);
	rig_did(&r, "start a/4");
	rig_free(&r);
}

static void
what_is_stopping_for_another_reason_ends_for_that_reason(void **state)
{
	static const struct {
		enum sk_reason reason;
		int32_t code;
		const char *state;
	} rows[] = {
		{ SK_REASON_TIMEOUT, 143, "failed" },
		{ SK_REASON_EXITED, 0, "finished" },
		{ SK_REASON_EXITED, 9, "failed" },
		{ SK_REASON_INTERRUPTED, 143, "interrupted" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct plan_rig r;
		struct plan_file f;

		file_of(&f, "a", NULL);
		reborn(&r, &f);
		rig_adopt(
			&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 1, .state = SK_T_STOPPING });
		rig_ends(&r, "a", rows[i].reason, rows[i].code);
		rig_tick(&r);
		rig_is(&r, "a", rows[i].state);
		rig_did(&r, "");
		rig_free(&r);
	}
}

static void
an_end_that_nobody_was_told_of_is_told(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "good", "bad");
	reborn(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "good", .attempt = 2, .state = SK_T_ENDED });
	rig_adopt(&r,
		&(struct rig_known){ .key = 2, .id = "bad", .attempt = 1, .state = SK_T_ENDED, .code = 5 });
	rig_told(&r, "good/2 finished, bad/1 failed");
	rig_tick(&r);
	rig_did(&r, "");
	assert_true(sk_plan_over(r.plan));
	assert_int_equal(rig_find(&r, "bad")->report.code, 5);
	rig_free(&r);
}

static void
a_settled_end_is_not_told_again_and_does_not_run_again(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "good", "bad");
	reborn(&r, &f);
	rig_adopt(&r,
		&(struct rig_known){
			.key = 1, .id = "good", .attempt = 2, .state = SK_T_ENDED, .settled = true });
	rig_adopt(&r,
		&(struct rig_known){
			.key = 2, .id = "bad", .attempt = 1, .state = SK_T_ENDED, .code = 5, .settled = true });
	rig_tick(&r);
	rig_told(&r, "");
	rig_did(&r, "");
	rig_is(&r, "good", "finished");
	rig_is(&r, "bad", "failed");
	rig_free(&r);
}

static void
what_was_cancelled_for_a_change_when_the_link_died_starts_anew(void **state)
{
	for (int settled = 0; settled < 2; settled++) {
		struct plan_rig r;
		struct plan_file f;

		(void)state;
		file_of(&f, "a", NULL);
		reborn(&r, &f);
		rig_adopt(&r,
			&(struct rig_known){ .key = 1,
				.id = "a",
				.attempt = 3,
				.state = SK_T_ENDED,
				.reason = SK_REASON_CANCELLED,
				.code = 143,
				.settled = settled != 0 });
		rig_told(&r, settled ? "" : "a/3 restarting");
		rig_tick(&r);
		rig_did(&r, "start a/4");
		rig_free(&r);
	}
}

static void
the_back_off_goes_on_where_it_was(void **state)
{
	for (int settled = 0; settled < 2; settled++) {
		struct plan_rig r;
		struct plan_file f;
		struct sk_task_spec *t;

		(void)state;
		file_begin(&f, 2);
		t = file_task(&f, "service");
		t->restart = SK_RESTART_ALWAYS;
		t = file_task(&f, "retried");
		t->retry = (struct sk_retry){ 4, 1, 300 };
		reborn(&r, &f);
		rig_adopt(&r,
			&(struct rig_known){ .key = 1,
				.id = "service",
				.attempt = 9,
				.failures = 3,
				.state = SK_T_ENDED,
				.code = 1,
				.start_ms = r.now_ms - 3010,
				.end_ms = r.now_ms - 3000,
				.settled = settled != 0 });
		rig_adopt(&r,
			&(struct rig_known){ .key = 2,
				.id = "retried",
				.attempt = 2,
				.failures = 1,
				.state = SK_T_ENDED,
				.code = 1,
				.start_ms = r.now_ms - 510,
				.end_ms = r.now_ms - 500,
				.settled = settled != 0 });
		assert_int_equal(rig_tick(&r), r.now_ms + 1500); /* the second failure: 2 s */
		rig_later(&r, 1499);
		rig_did(&r, "");
		assert_int_equal(rig_later(&r, 1), 1000000 + 5000); /* the fourth: 8 s */
		rig_did(&r, "start retried/3");
		assert_int_equal(rig_find(&r, "retried")->failures, 2);
		rig_later(&r, 3500);
		rig_did(&r, "start service/10");
		assert_int_equal(rig_find(&r, "service")->failures, 4);
		rig_told(&r, settled ? "" : "service/9 retrying, retried/2 retrying");
		rig_free(&r);
	}
}

static void
the_retry_budget_is_not_given_back(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_begin(&f, 1);
	file_task(&f, "a")->retry.max_attempts = 3;
	reborn(&r, &f);
	rig_adopt(&r,
		&(struct rig_known){ .key = 1,
			.id = "a",
			.attempt = 3,
			.failures = 2,
			.state = SK_T_RUNNING,
			.start_ms = 1 });
	rig_exits(&r, "a", 1);
	rig_is(&r, "a", "failed");
	rig_free(&r);
}

static void
a_long_due_back_off_starts_at_once(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_begin(&f, 1);
	file_task(&f, "a")->restart = SK_RESTART_ALWAYS;
	reborn(&r, &f);
	rig_adopt(&r,
		&(struct rig_known){ .key = 1,
			.id = "a",
			.attempt = 1,
			.state = SK_T_ENDED,
			.start_ms = r.now_ms - 60000,
			.end_ms = r.now_ms - 50000,
			.settled = true });
	rig_tick(&r);
	rig_did(&r, "start a/2");
	rig_free(&r);
}

/* ---- the file changed while no link looked ---- */

/* A reborn plan whose file has task a with n = 2, and what a was started with: n = then. */
static struct rig_known
changed_meanwhile(struct plan_rig *r, const struct sk_worker *worker, int64_t then)
{
	struct rig_known k = { .key = 1, .id = "a", .attempt = 4, .class_name = worker->name };
	struct plan_file f;

	file_begin(&f, 1);
	file_class(file_task(&f, "a"), worker);
	file_set(&f, &f.list.items[0], then);
	k.spec_hash = sk_plan_spec_hash(&f.list.items[0]);
	file_set(&f, &f.list.items[0], 2);
	reborn(r, &f);
	return k;
}

static void
what_changed_while_no_link_looked_reaches_the_update_hook(void **state)
{
	struct plan_rig r;
	struct rig_known k = changed_meanwhile(&r, &plan_live, 1);

	(void)state;
	k.state = SK_T_RUNNING;
	rig_adopt(&r, &k);
	rig_tick(&r);
	rig_did(&r, "update a/4 n=2");
	rig_is(&r, "a", "running");
	rig_free(&r);
}

static void
without_a_hook_or_before_it_runs_it_is_started_anew(void **state)
{
	static const struct {
		const struct sk_worker *worker;
		enum sk_task_state state;
	} rows[] = {
		{ &plan_plain, SK_T_RUNNING },
		{ &plan_plain, SK_T_QUEUED },
		{ &plan_live, SK_T_QUEUED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct plan_rig r;
		struct rig_known k = changed_meanwhile(&r, rows[i].worker, 1);

		k.state = rows[i].state;
		rig_adopt(&r, &k);
		rig_tick(&r);
		rig_did(&r, "stop a/4 cancelled");
		rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
		rig_tick(&r);
		rig_did(&r, "start a/5");
		rig_free(&r);
	}
}

static void
a_class_that_changed_while_no_link_looked_is_started_anew(void **state)
{
	struct plan_rig r;
	struct rig_known k = changed_meanwhile(&r, &plan_live, 1);

	(void)state;
	k.state = SK_T_RUNNING;
	k.class_name = "Plain";
	rig_adopt(&r, &k);
	rig_did(&r, "stop a/4 cancelled");
	rig_free(&r);
}

static void
what_has_ended_runs_again_when_it_changed_while_no_link_looked(void **state)
{
	for (int settled = 0; settled < 2; settled++) {
		struct plan_rig r;
		struct rig_known k = changed_meanwhile(&r, &plan_live, 1);

		(void)state;
		k.state = SK_T_ENDED;
		k.settled = settled != 0;
		rig_adopt(&r, &k);
		rig_tick(&r);
		rig_did(&r, "start a/5");
		assert_int_equal(rig_find(&r, "a")->failures, 0);
		rig_free(&r);
	}
}

static void
what_did_not_change_or_is_not_known_is_left_alone(void **state)
{
	for (int known = 0; known < 2; known++)
		for (int ended = 0; ended < 2; ended++) {
			struct plan_rig r;
			struct rig_known k = changed_meanwhile(&r, &plan_live, 2);

			(void)state;
			if (known == 0)
				k.spec_hash = 0;
			k.state = ended ? SK_T_ENDED : SK_T_RUNNING;
			k.settled = true;
			rig_adopt(&r, &k);
			rig_tick(&r);
			rig_did(&r, "");
			rig_is(&r, "a", ended ? "finished" : "running");
			rig_free(&r);
		}
}

static void
a_change_counts_for_class_and_attachments_alone(void **state)
{
	struct sk_task_spec *a, *b;
	struct plan_file f;

	(void)state;
	file_begin(&f, 2);
	a = file_task(&f, "a");
	b = file_task(&f, "b");
	b->restart = SK_RESTART_ALWAYS;
	b->priority = 5;
	assert_true(sk_plan_spec_hash(a) == sk_plan_spec_hash(b));
	assert_true(sk_plan_spec_hash(a) != 0);
	file_set(&f, b, 2);
	assert_true(sk_plan_spec_hash(a) != sk_plan_spec_hash(b));
	file_set(&f, b, 1);
	file_class(b, &plan_live);
	assert_true(sk_plan_spec_hash(a) != sk_plan_spec_hash(b));
	sk_arena_free(f.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_running_task_goes_on_and_its_end_counts),
		cmocka_unit_test(a_queued_task_is_not_handed_over_twice),
		cmocka_unit_test(what_was_being_stopped_for_a_change_starts_anew),
		cmocka_unit_test(what_is_stopping_for_another_reason_ends_for_that_reason),
		cmocka_unit_test(an_end_that_nobody_was_told_of_is_told),
		cmocka_unit_test(a_settled_end_is_not_told_again_and_does_not_run_again),
		cmocka_unit_test(what_was_cancelled_for_a_change_when_the_link_died_starts_anew),
		cmocka_unit_test(the_back_off_goes_on_where_it_was),
		cmocka_unit_test(the_retry_budget_is_not_given_back),
		cmocka_unit_test(a_long_due_back_off_starts_at_once),
		cmocka_unit_test(what_changed_while_no_link_looked_reaches_the_update_hook),
		cmocka_unit_test(without_a_hook_or_before_it_runs_it_is_started_anew),
		cmocka_unit_test(a_class_that_changed_while_no_link_looked_is_started_anew),
		cmocka_unit_test(what_has_ended_runs_again_when_it_changed_while_no_link_looked),
		cmocka_unit_test(what_did_not_change_or_is_not_known_is_left_alone),
		cmocka_unit_test(a_change_counts_for_class_and_attachments_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
