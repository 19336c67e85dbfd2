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
	static const struct { enum sk_reason reason; int32_t code; const char *state; } rows[] = {
		{ SK_REASON_TIMEOUT, 143, "failed" }, { SK_REASON_EXITED, 0, "finished" },
		{ SK_REASON_EXITED, 9, "failed" }, { SK_REASON_INTERRUPTED, 143, "interrupted" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct plan_rig r;
		struct plan_file f;

		file_of(&f, "a", NULL);
		reborn(&r, &f);
		rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 1, .state = SK_T_STOPPING });
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
	rig_adopt(&r, &(struct rig_known){ .key = 2, .id = "bad", .attempt = 1, .state = SK_T_ENDED,
		.code = 5 });
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
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "good", .attempt = 2, .state = SK_T_ENDED,
		.settled = true });
	rig_adopt(&r, &(struct rig_known){ .key = 2, .id = "bad", .attempt = 1, .state = SK_T_ENDED,
		.code = 5, .settled = true });
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
		rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 3, .state = SK_T_ENDED,
			.reason = SK_REASON_CANCELLED, .code = 143, .settled = settled != 0 });
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
		rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "service", .attempt = 9, .failures = 3,
			.state = SK_T_ENDED, .code = 1, .start_ms = r.now_ms - 3010, .end_ms = r.now_ms - 3000,
			.settled = settled != 0 });
		rig_adopt(&r, &(struct rig_known){ .key = 2, .id = "retried", .attempt = 2, .failures = 1,
			.state = SK_T_ENDED, .code = 1, .start_ms = r.now_ms - 510, .end_ms = r.now_ms - 500,
			.settled = settled != 0 });
		assert_int_equal(rig_tick(&r), r.now_ms + 1500);	/* the second failure: 2 s */
		rig_later(&r, 1499);
		rig_did(&r, "");
		assert_int_equal(rig_later(&r, 1), 1000000 + 5000);	/* the fourth: 8 s */
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
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 3, .failures = 2,
		.state = SK_T_RUNNING, .start_ms = 1 });
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
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "a", .attempt = 1, .state = SK_T_ENDED,
		.start_ms = r.now_ms - 60000, .end_ms = r.now_ms - 50000, .settled = true });
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
	static const struct { const struct sk_worker *worker; enum sk_task_state state; } rows[] = {
		{ &plan_plain, SK_T_RUNNING }, { &plan_plain, SK_T_QUEUED }, { &plan_live, SK_T_QUEUED },
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

/* ---- what is not in the file ---- */

static void
an_unknown_running_task_is_stopped_and_forgotten(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	file_of(&f, "a", NULL);
	reborn(&r, &f);
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "ghost", .attempt = 2, .state = SK_T_RUNNING });
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
	rig_adopt(&r, &(struct rig_known){ .key = 5, .id = "old", .attempt = 2, .state = SK_T_ENDED,
		.settled = true });
	rig_did(&r, "forget old");
	rig_told(&r, "");
	rig_adopt(&r, &(struct rig_known){ .key = 6, .id = "new", .attempt = 2, .state = SK_T_ENDED,
		.code = 1 });
	rig_did(&r, "forget new");
	rig_told(&r, "new/2 failed");
	rig_adopt(&r, &(struct rig_known){ .key = 7, .id = "going", .attempt = 2, .state = SK_T_STOPPING });
	rig_did(&r, ""); /* it was told already */
	rig_adopt(&r, &(struct rig_known){ .key = 8, .id = "queued", .attempt = 2, .state = SK_T_QUEUED });
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
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "ghost", .attempt = 2, .state = SK_T_RUNNING });
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
	rig_adopt(&r, &(struct rig_known){ .key = 3, .id = "gone", .attempt = 1, .state = SK_T_RUNNING });
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
		const struct rig_known stale = { .key = 1, .id = "a", .attempt = 5, .state = SK_T_ENDED,
			.reason = SK_REASON_CANCELLED, .settled = true };
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
	rig_adopt(&r, &(struct rig_known){ .key = 2, .id = "a", .attempt = 1, .state = SK_T_ENDED,
		.settled = true });
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
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "base", .attempt = 2, .state = SK_T_ENDED,
		.code = 1, .settled = true });
	rig_adopt(&r, &(struct rig_known){ .key = 2, .id = "middle", .attempt = 1, .state = SK_T_RUNNING });
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
	rig_adopt(&r, &(struct rig_known){ .key = 2, .id = "bad", .attempt = 1, .state = SK_T_ENDED,
		.reason = SK_REASON_OOM });
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
			rig_adopt(&r, &(struct rig_known){ .key = 9, .id = "a", .attempt = 4,
				.state = SK_T_RUNNING });
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
	rig_adopt(&r, &(struct rig_known){ .key = 1, .id = "runs", .attempt = 1, .state = SK_T_STOPPING });
	rig_adopt(&r, &(struct rig_known){ .key = 2, .id = "ended", .attempt = 1, .state = SK_T_ENDED,
		.reason = SK_REASON_INTERRUPTED, .code = 143 });
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
