/* plan_reload_test.c - the file is read again: added, removed, changed, changed back, drained.
 * Dependencies that change are in plan_deps_test.c. */
#include "test/unit/plan_rig.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A file of one task a of the class with attachment n. */
static void
load_a(struct plan_rig *r, const struct sk_worker *worker, int64_t n)
{
	struct plan_file f;
	struct sk_task_spec *t;

	file_begin(&f, 1);
	t = file_task(&f, "a");
	file_class(t, worker);
	file_set(&f, t, n);
	rig_load(r, &f);
	rig_tick(r);
}

static void
running_a(struct plan_rig *r, const struct sk_worker *worker)
{
	rig_new(r, NULL);
	load_a(r, worker, 1);
	rig_started(r, "a");
	sk_str_clear(&r->did);
	sk_str_clear(&r->told);
}

/* ---- attachments from elsewhere ---- */

static bool
update_a(struct plan_rig *r, int64_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *att = sk_value_new(a, SK_MAP);
	bool changed;

	sk_map_set(a, att, "n", sk_value_int(a, n));
	changed = sk_plan_update(r->plan, "a", att);
	sk_arena_free(a);
	return changed;
}

static int64_t
n_of(const struct plan_rig *r)
{
	return sk_map_get(rig_find(r, "a")->spec.attachments, "n")->u.i;
}

static void
a_running_task_hears_of_attachments_from_elsewhere(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_live);
	assert_true(update_a(&r, 7));
	rig_did(&r, "update a/1 n=7");
	assert_int_equal(n_of(&r), 7);
	assert_false(update_a(&r, 7));
	rig_did(&r, "");
	assert_false(sk_plan_update(r.plan, "b", rig_find(&r, "a")->spec.attachments));
	load_a(&r, &plan_live, 7); /* the file says the same now */
	rig_did(&r, "");
	rig_free(&r);
}

static void
one_that_cannot_be_updated_goes_on_with_what_it_has(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	assert_true(update_a(&r, 7));
	rig_tick(&r);
	rig_did(&r, "");
	rig_is(&r, "a", "running");
	assert_int_equal(n_of(&r), 7); /* of its next attempt */
	rig_free(&r);
}

static void
one_that_is_starting_hears_of_it_once_it_runs(void **state)
{
	struct plan_rig r;

	(void)state;
	rig_new(&r, NULL);
	load_a(&r, &plan_live, 1);
	rig_did(&r, "start a/1");
	assert_true(update_a(&r, 7));
	rig_did(&r, "");
	rig_started(&r, "a");
	rig_did(&r, "update a/1 n=7");
	rig_free(&r);
}

/* ---- added and removed ---- */

static void
the_same_file_changes_nothing(void **state)
{
	struct plan_rig r;

	(void)state;
	rig_new(&r, NULL);
	for (int i = 0; i < 3; i++) {
		rig_load_ids(&r, "a b c d");
		if (i == 0) {
			rig_runs(&r, "a", 1, 0);
			rig_runs(&r, "b", 1, 1);
			rig_started(&r, "c");
			sk_str_clear(&r.told);
		}
	}
	rig_did(&r, "start a/1, start b/1, start c/1, start d/1");
	rig_told(&r, "");
	rig_is(&r, "a", "finished");
	rig_is(&r, "b", "failed");
	rig_is(&r, "c", "running");
	rig_is(&r, "d", "starting");
	/* the texts of the first file are gone */
	assert_string_equal(rig_find(&r, "b")->report.id, "b");
	assert_string_equal(rig_find(&r, "b")->report.class_name, "Plain");
	assert_string_equal(rig_find(&r, "b")->report.message, "why");
	rig_free(&r);
}

static void
an_added_task_starts(void **state)
{
	struct plan_rig r;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "a");
	rig_load_ids(&r, "b a c");
	rig_did(&r, "start a/1, start b/1, start c/1");
	rig_free(&r);
}

static void
a_removed_task_is_stopped_and_forgotten_once_it_has_ended(void **state)
{
	struct plan_rig r;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "a b");
	rig_started(&r, "a");
	sk_str_clear(&r.told);
	rig_load_ids(&r, "b");
	rig_did(&r, "start a/1, start b/1, stop a/1 cancelled");
	rig_is(&r, "a", "stopping");
	rig_load_ids(&r, "b"); /* once is enough */
	rig_did(&r, "");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_told(&r, "a/1 cancelled");
	rig_did(&r, "forget a");
	assert_null(rig_find(&r, "a"));
	rig_free(&r);
}

static void
a_removed_task_that_was_only_handed_over_is_stopped_too(void **state)
{
	struct plan_rig r;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "a");
	rig_load_ids(&r, "");
	rig_did(&r, "start a/1, stop a/1 cancelled");
	rig_started(&r, "a"); /* the supervisor was faster */
	rig_is(&r, "a", "stopping");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_did(&r, "forget a");
	assert_true(sk_plan_over(r.plan));
	rig_free(&r);
}

static void
a_removed_service_that_ends_by_itself_does_not_come_back(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	file_begin(&f, 2);
	file_task(&f, "a")->restart = SK_RESTART_ALWAYS;
	file_task(&f, "b")->retry.max_attempts = 5;
	rig_load(&r, &f);
	rig_tick(&r);
	rig_started(&r, "a");
	rig_load_ids(&r, "");
	sk_str_clear(&r.told);
	rig_exits(&r, "a", 0);
	rig_exits(&r, "b", 1);
	rig_told(&r, "a/1 finished, b/1 failed");
	rig_did(&r, "start a/1, start b/1, stop b/1 cancelled, stop a/1 cancelled, forget a, forget b");
	rig_later(&r, 1000000);
	rig_did(&r, "");
	rig_free(&r);
}

static void
a_removed_task_that_does_not_run_is_forgotten_at_once(void **state)
{
	const struct sk_plan_limits one = { .cpus = 1 };
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, &one);
	file_begin(&f, 8);
	file_task(&f, "keeps")->resources.cpus = 1;
	file_task(&f, "ready")->resources.cpus = 1;
	file_task(&f, "second")->resources.cpus = 1;
	file_depends(&f, file_task(&f, "waits"), "ready");
	file_task(&f, "backs off")->retry.max_attempts = 2;
	file_task(&f, "done");
	rig_load(&r, &f);
	rig_tick(&r);
	rig_runs(&r, "done", 1, 0);
	rig_runs(&r, "backs off", 1, 1);
	rig_is(&r, "ready", "ready");
	sk_str_clear(&r.did);
	rig_load_ids(&r, "keeps");
	rig_did(&r, "forget done, forget backs off, forget waits, forget second, forget ready");
	rig_later(&r, 100000);
	rig_exits(&r, "keeps", 0);
	rig_tick(&r);
	rig_did(&r, "");
	rig_free(&r);
}

static void
a_task_that_comes_back_after_it_was_forgotten_is_new(void **state)
{
	struct plan_rig r;
	uint64_t key;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "a");
	key = rig_find(&r, "a")->key;
	rig_runs(&r, "a", 1, 1);
	rig_load_ids(&r, "");
	rig_load_ids(&r, "a");
	rig_did(&r, "start a/1, forget a, start a/1");
	assert_true(rig_find(&r, "a")->key > key); /* what is still said of the old one is not its */
	rig_free(&r);
}

static void
a_task_that_comes_back_while_it_is_stopped_starts_anew(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	rig_load_ids(&r, "");
	rig_did(&r, "stop a/1 cancelled");
	rig_load_ids(&r, "a");
	rig_did(&r, "");
	rig_is(&r, "a", "stopping");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_told(&r, "a/1 restarting");
	rig_tick(&r);
	rig_did(&r, "start a/2");
	rig_free(&r);
}

static void
removed_again_after_it_came_back_it_is_gone(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	rig_load_ids(&r, "");
	rig_load_ids(&r, "a");
	rig_load_ids(&r, "");
	rig_did(&r, "stop a/1 cancelled");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_did(&r, "forget a");
	assert_true(sk_plan_over(r.plan));
	rig_free(&r);
}

static void
tasks_stand_in_the_order_of_the_file_and_leaving_ones_last(void **state)
{
	struct sk_plan_task *const *tasks;
	struct plan_rig r;
	char order[64] = "";
	size_t n;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "a b c d");
	rig_runs(&r, "d", 1, 0);
	rig_load_ids(&r, "new d c");
	tasks = sk_plan_tasks(r.plan, &n);
	for (size_t i = 0; i < n; i++)
		snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s ", tasks[i]->spec.id);
	assert_string_equal(order, "new d c a b ");
	rig_free(&r);
}

/* ---- changed attachments ---- */

static void
changed_attachments_go_to_the_update_hook(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_live);
	load_a(&r, &plan_live, 2);
	rig_did(&r, "update a/1 n=2");
	rig_is(&r, "a", "running");
	load_a(&r, &plan_live, 2);
	rig_did(&r, "");
	load_a(&r, &plan_live, 1); /* changed back */
	rig_did(&r, "update a/1 n=1");
	rig_exits(&r, "a", 0);
	rig_is(&r, "a", "finished");
	rig_free(&r);
}

static void
a_class_without_the_hook_is_started_anew(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	load_a(&r, &plan_plain, 2);
	rig_did(&r, "stop a/1 cancelled");
	rig_is(&r, "a", "stopping");
	rig_later(&r, 100);
	rig_did(&r, "");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_told(&r, "a/1 restarting");
	rig_tick(&r);
	rig_did(&r, "start a/2");
	assert_int_equal(rig_find(&r, "a")->failures, 0);
	rig_free(&r);
}

static void
it_starts_anew_also_when_it_ends_before_the_stop_arrives(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	load_a(&r, &plan_plain, 2);
	rig_exits(&r, "a", 0);
	rig_told(&r, "a/1 restarting");
	rig_tick(&r);
	rig_did(&r, "stop a/1 cancelled, start a/2");
	rig_exits(&r, "a", 0);
	rig_is(&r, "a", "finished"); /* once */
	rig_free(&r);
}

static void
what_was_only_handed_over_is_started_anew_with_or_without_a_hook(void **state)
{
	const struct sk_worker *const classes[] = { &plan_plain, &plan_live };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct plan_rig r;

		rig_new(&r, NULL);
		load_a(&r, classes[i], 1);
		load_a(&r, classes[i], 2);
		rig_did(&r, "start a/1, stop a/1 cancelled");
		rig_ends(&r, "a", SK_REASON_CANCELLED, 0);
		rig_tick(&r);
		rig_did(&r, "start a/2");
		rig_free(&r);
	}
}

static void
changed_while_it_is_stopped_it_is_stopped_once_and_starts_once(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	load_a(&r, &plan_plain, 2);
	load_a(&r, &plan_plain, 3);
	load_a(&r, &plan_plain, 3);
	rig_did(&r, "stop a/1 cancelled");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_tick(&r);
	rig_did(&r, "start a/2");
	assert_int_equal(sk_map_get(rig_find(&r, "a")->spec.attachments, "n")->u.i, 3);
	rig_free(&r);
}

static void
changed_back_while_it_is_stopped_it_still_comes_back(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	load_a(&r, &plan_plain, 2);
	load_a(&r, &plan_plain, 1);
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_tick(&r);
	rig_did(&r, "stop a/1 cancelled, start a/2");
	rig_free(&r);
}

static void
a_changed_class_is_started_anew_even_when_the_new_one_has_a_hook(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	load_a(&r, &plan_live, 1);
	rig_did(&r, "stop a/1 cancelled");
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_tick(&r);
	rig_did(&r, "start a/2");
	assert_string_equal(rig_find(&r, "a")->spec.class_name, "Live");
	rig_free(&r);
}

static void
what_has_ended_runs_again_when_its_attachments_change(void **state)
{
	struct plan_rig r;

	(void)state;
	rig_new(&r, NULL);
	load_a(&r, &plan_live, 1);
	rig_runs(&r, "a", 1, 1);
	rig_is(&r, "a", "failed");
	load_a(&r, &plan_live, 2);
	rig_did(&r, "start a/1, start a/2");
	rig_runs(&r, "a", 1, 0);
	load_a(&r, &plan_live, 3);
	rig_did(&r, "start a/3");
	rig_free(&r);
}

static void
a_change_ends_the_back_off_and_its_count(void **state)
{
	struct plan_rig r;
	struct plan_file f;
	struct sk_task_spec *t;

	(void)state;
	rig_new(&r, NULL);
	for (int i = 0; i < 3; i++) {
		file_begin(&f, 1);
		t = file_task(&f, "a");
		t->restart = SK_RESTART_ALWAYS;
		file_set(&f, t, i == 2 ? 2 : 1);
		rig_load(&r, &f);
		rig_tick(&r);
		rig_did(&r, i == 1 ? "" : i == 0 ? "start a/1" : "start a/3");
		if (i == 0) {
			rig_runs(&r, "a", 1, 1);
			rig_later(&r, 1000);
			rig_did(&r, "start a/2");
			rig_runs(&r, "a", 1, 1);
			rig_is(&r, "a", "backoff");
		}
	}
	assert_int_equal(rig_find(&r, "a")->failures, 0);
	rig_free(&r);
}

static void
other_fields_wait_for_the_next_start(void **state)
{
	struct plan_rig r;
	struct plan_file f;
	struct sk_task_spec *t;

	(void)state;
	running_a(&r, &plan_plain);
	file_begin(&f, 1);
	t = file_task(&f, "a");
	t->restart = SK_RESTART_ALWAYS;
	t->timeout_s = 5;
	t->grace_s = 1;
	t->priority = 9;
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "");
	rig_exits(&r, "a", 0);
	rig_is(&r, "a", "backoff");
	rig_free(&r);
}

static void
an_attempt_gives_back_what_it_took_whatever_the_file_says_then(void **state)
{
	const struct sk_plan_limits limits = { .cpus = 2, .memory_mb = 100 };
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, &limits);
	for (int i = 0; i < 2; i++) {
		file_begin(&f, 3);
		file_task(&f, "a")->resources =
			(struct sk_task_resources){ i == 0 ? 1 : 2, i == 0 ? 50 : 100 };
		file_task(&f, "b")->resources =
			(struct sk_task_resources){ i == 0 ? 1 : 0, i == 0 ? 50 : 0 };
		file_task(&f, "c")->resources = (struct sk_task_resources){ 1, 50 };
		rig_load(&r, &f);
		rig_tick(&r);
	}
	rig_did(&r, "start a/1, start b/1");
	rig_exits(&r, "b", 0); /* gives back 1 and 50, not 0 */
	rig_tick(&r);
	rig_did(&r, "start c/1");
	rig_exits(&r, "a", 0);
	rig_exits(&r, "c", 0);
	rig_load_ids(&r, "");
	file_begin(&f, 2);
	file_task(&f, "d")->resources = (struct sk_task_resources){ 2, 100 };
	file_task(&f, "e")->resources = (struct sk_task_resources){ 0.000001, 1 };
	sk_str_clear(&r.did);
	rig_load(&r, &f);
	rig_tick(&r);
	rig_did(&r, "start d/1");
	rig_free(&r);
}

static void
a_changed_priority_moves_a_ready_task(void **state)
{
	const struct sk_plan_limits one = { .cpus = 1 };
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, &one);
	for (int i = 0; i < 2; i++) {
		file_begin(&f, 4);
		file_task(&f, "runs")->resources.cpus = 1;
		for (const char *id = "xyz"; *id != '\0'; id++) {
			const char name[2] = { *id, '\0' };
			struct sk_task_spec *t = file_task(&f, name);

			t->resources.cpus = 1;
			t->priority = i == 1 && *id == 'y' ? 7 : 0;
		}
		rig_load(&r, &f);
		rig_tick(&r);
	}
	for (const char *id = "yxz"; *id != '\0'; id++) {
		const char name[2] = { *id, '\0' };

		rig_exits(&r, *id == 'y' ? "runs" : *id == 'x' ? "y" : "x", 0);
		rig_tick(&r);
		rig_is(&r, name, "starting");
	}
	rig_free(&r);
}

/* ---- draining ---- */

static void
a_file_read_while_draining_starts_nothing_and_keeps_nothing_waiting(void **state)
{
	struct plan_rig r;
	struct plan_file f;

	(void)state;
	rig_new(&r, NULL);
	rig_load_ids(&r, "a b done");
	rig_exits(&r, "done", 0);
	sk_plan_drain(r.plan);
	sk_str_clear(&r.did);
	file_begin(&f, 3);
	file_task(&f, "new");
	file_task(&f, "a");
	file_set(&f, file_task(&f, "done"), 2);
	rig_load(&r, &f);
	rig_later(&r, 100000);
	rig_did(&r, "stop b/1 cancelled");
	rig_is(&r, "new", "interrupted");
	rig_is(&r, "done", "interrupted");
	rig_ends(&r, "a", SK_REASON_INTERRUPTED, 143);
	rig_ends(&r, "b", SK_REASON_CANCELLED, 143);
	assert_null(rig_find(&r, "b"));
	assert_true(sk_plan_over(r.plan));
	rig_free(&r);
}

static void
what_is_stopped_for_a_change_when_the_drain_comes_is_interrupted(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	load_a(&r, &plan_plain, 2);
	sk_plan_drain(r.plan);
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_is(&r, "a", "interrupted");
	rig_told(&r, "a/1 interrupted");
	assert_true(sk_plan_over(r.plan));
	rig_free(&r);
}

static void
what_is_being_removed_when_the_drain_comes_is_cancelled_and_forgotten(void **state)
{
	struct plan_rig r;

	(void)state;
	running_a(&r, &plan_plain);
	rig_load_ids(&r, "");
	sk_plan_drain(r.plan);
	assert_false(sk_plan_over(r.plan));
	rig_ends(&r, "a", SK_REASON_CANCELLED, 143);
	rig_told(&r, "a/1 cancelled");
	rig_did(&r, "stop a/1 cancelled, forget a");
	assert_true(sk_plan_over(r.plan));
	rig_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_running_task_hears_of_attachments_from_elsewhere),
		cmocka_unit_test(one_that_cannot_be_updated_goes_on_with_what_it_has),
		cmocka_unit_test(one_that_is_starting_hears_of_it_once_it_runs),
		cmocka_unit_test(the_same_file_changes_nothing),
		cmocka_unit_test(an_added_task_starts),
		cmocka_unit_test(a_removed_task_is_stopped_and_forgotten_once_it_has_ended),
		cmocka_unit_test(a_removed_task_that_was_only_handed_over_is_stopped_too),
		cmocka_unit_test(a_removed_service_that_ends_by_itself_does_not_come_back),
		cmocka_unit_test(a_removed_task_that_does_not_run_is_forgotten_at_once),
		cmocka_unit_test(a_task_that_comes_back_after_it_was_forgotten_is_new),
		cmocka_unit_test(a_task_that_comes_back_while_it_is_stopped_starts_anew),
		cmocka_unit_test(removed_again_after_it_came_back_it_is_gone),
		cmocka_unit_test(tasks_stand_in_the_order_of_the_file_and_leaving_ones_last),
		cmocka_unit_test(changed_attachments_go_to_the_update_hook),
		cmocka_unit_test(a_class_without_the_hook_is_started_anew),
		cmocka_unit_test(it_starts_anew_also_when_it_ends_before_the_stop_arrives),
		cmocka_unit_test(what_was_only_handed_over_is_started_anew_with_or_without_a_hook),
		cmocka_unit_test(changed_while_it_is_stopped_it_is_stopped_once_and_starts_once),
		cmocka_unit_test(changed_back_while_it_is_stopped_it_still_comes_back),
		cmocka_unit_test(a_changed_class_is_started_anew_even_when_the_new_one_has_a_hook),
		cmocka_unit_test(what_has_ended_runs_again_when_its_attachments_change),
		cmocka_unit_test(a_change_ends_the_back_off_and_its_count),
		cmocka_unit_test(other_fields_wait_for_the_next_start),
		cmocka_unit_test(an_attempt_gives_back_what_it_took_whatever_the_file_says_then),
		cmocka_unit_test(a_changed_priority_moves_a_ready_task),
		cmocka_unit_test(a_file_read_while_draining_starts_nothing_and_keeps_nothing_waiting),
		cmocka_unit_test(what_is_stopped_for_a_change_when_the_drain_comes_is_interrupted),
		cmocka_unit_test(what_is_being_removed_when_the_drain_comes_is_cancelled_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
