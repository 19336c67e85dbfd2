/* The controller with up to 50 simulated skalds: who gets what, and that all of it ends once. */
#include "core/base/clock.h"
#include "test/unit/control_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LEASE_MS 300

static struct control_rig g;

static int
teardown(void **state)
{
	(void)state;
	control_rig_close(&g);
	return 0;
}

static void
open_with(enum sk_strategy strategy, int skalds, int64_t slots)
{
	control_rig_open(&g, strategy, LEASE_MS);
	for (int i = 0; i < skalds; i++)
		control_rig_skald(&g, slots);
	control_rig_start(&g);
}

static void
expect_counts(int64_t finished, int64_t failed, int64_t cancelled)
{
	int64_t n[SK_N_PHASE];

	control_rig_count(&g, n);
	assert_int_equal(n[SK_FINISHED], finished);
	assert_int_equal(n[SK_FAILED], failed);
	assert_int_equal(n[SK_CANCELLED], cancelled);
	assert_int_equal(control_rig_overlaps(&g), 0);
}

/* ---- strategies ---- */

static void
fifty_skalds_share_the_work(void **state)
{
	(void)state;
	open_with(SK_LEAST_TASKS, 50, 2);
	control_rig_add_many(&g, "t", 1000);
	assert_true(control_rig_until(&g, 20000, control_rig_all_ended));
	expect_counts(1000, 0, 0);
	assert_int_equal(g.n_truth, 1000);
	for (int i = 0; i < 50; i++) {
		assert_true(g.sims[i].most <= 2);
		assert_true(g.sims[i].started >= 10);
	}
}

static void
round_robin_takes_turns(void **state)
{
	(void)state;
	open_with(SK_ROUND_ROBIN, 10, 4);
	control_rig_add_many(&g, "t", 40);
	assert_true(control_rig_until(&g, 10000, control_rig_all_ended));
	for (int i = 0; i < 10; i++)
		assert_int_equal(g.sims[i].started, 4);
}

static void
random_reaches_everybody(void **state)
{
	(void)state;
	open_with(SK_RANDOM, 5, 100);
	control_rig_add_many(&g, "t", 300);
	assert_true(control_rig_until(&g, 10000, control_rig_all_ended));
	for (int i = 0; i < 5; i++)
		assert_in_range(g.sims[i].started, 30, 90);
}

static void
best_fit_fills_one_skald_before_the_next(void **state)
{
	const char *two_cpus[] = { "cpus", "2", NULL };

	(void)state;
	open_with(SK_BEST_FIT, 4, 8);
	g.run_ms = 300;
	for (int i = 0; i < 4; i++) {
		char id[8];

		snprintf(id, sizeof(id), "t%d", i);
		assert_int_equal(control_rig_add(&g, id, 0, two_cpus), SK_OK);
	}
	assert_true(control_rig_until(&g, 10000, control_rig_all_ended));
	for (int i = 0; i < 4; i++)
		assert_int_equal(g.sims[i].started, i == 0 ? 4 : 0);
}

/* ---- filters ---- */

static void
classes_labels_and_cards_decide(void **state)
{
	const char *card[] = { "gpus", "1", NULL }, *zone[] = { "zone", "b", NULL };
	const char *rare[] = { "className", "Special", NULL };

	(void)state;
	control_rig_open(&g, SK_LEAST_TASKS, LEASE_MS);
	control_rig_skald(&g, 4);
	control_rig_skald(&g, 4)->gpus = 2;
	control_rig_skald(&g, 4)->label = "zone=b";
	control_rig_skald(&g, 4)->classes[2] = "Special";
	control_rig_start(&g);
	control_rig_run(&g, LEASE_MS); /* the rows as they are now */
	assert_int_equal(control_rig_add(&g, "card", 0, card), SK_OK);
	assert_int_equal(control_rig_add(&g, "zone", 0, zone), SK_OK);
	assert_int_equal(control_rig_add(&g, "rare", 0, rare), SK_OK);
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
	assert_int_equal(g.n_truth, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(g.truth[i].sim,
			strcmp(g.truth[i].id, "card") == 0		 ? 1
				: strcmp(g.truth[i].id, "zone") == 0 ? 2
													 : 3);
}

static void
what_nobody_can_run_waits_and_holds_nobody_up(void **state)
{
	const char *rare[] = { "className", "Special", NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 2, 2);
	assert_int_equal(control_rig_add(&g, "rare", 10, rare), SK_OK);
	control_rig_add_many(&g, "t", 20);
	control_rig_run(&g, 400);
	assert_int_equal(control_rig_phase(&g, "rare"), SK_CREATED);
	assert_int_equal(control_rig_phase(&g, "t19"), SK_FINISHED);
	g.sims[0].classes[2] = "Special"; /* with its next renewal */
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
}

static void
cpus_are_never_overbooked(void **state)
{
	const char *three[] = { "cpus", "3", NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 2, 16);
	for (int i = 0; i < 40; i++) {
		char id[8];

		snprintf(id, sizeof(id), "t%d", i);
		assert_int_equal(control_rig_add(&g, id, 0, three), SK_OK);
	}
	assert_true(control_rig_until(&g, 20000, control_rig_all_ended));
	for (int i = 0; i < 2; i++)
		assert_true(g.sims[i].cpus_most <= 8.0);
	expect_counts(40, 0, 0);
}

/* ---- order ---- */

static void
priority_goes_first_and_age_after_it(void **state)
{
	static const char *const want[] = { "first", "urgent", "old", "middle", "low" };

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 1);
	g.run_ms = 60;
	assert_int_equal(control_rig_add(&g, "first", 0, NULL), SK_OK);
	assert_int_equal(control_rig_add(&g, "low", 0, NULL), SK_OK);
	assert_int_equal(control_rig_add(&g, "middle", 3, NULL), SK_OK);
	assert_int_equal(control_rig_add(&g, "urgent", 10, NULL), SK_OK);
	g.now_ms = sk_wall_ms() - 5 * SK_PRIORITY_MS; /* it has waited so long */
	assert_int_equal(control_rig_add(&g, "old", 0, NULL), SK_OK);
	g.now_ms = 0;
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
	assert_int_equal(g.n_truth, 5);
	for (int i = 0; i < 5; i++)
		assert_string_equal(g.truth[i].id, want[i]);
}

static void
more_tasks_than_the_window_holds(void **state)
{
	(void)state;
	control_rig_open(&g, SK_LEAST_TASKS, 60000); /* one slow loop for all of them */
	for (int i = 0; i < 50; i++)
		control_rig_skald(&g, 200);
	control_rig_start(&g);
	g.run_ms = 1;
	control_rig_add_many(&g, "t", 20000);
	assert_true(control_rig_until(&g, 60000, control_rig_all_ended));
	int64_t n[SK_N_PHASE];

	control_rig_count(&g, n);
	assert_int_equal(n[SK_FINISHED], 20000);
	assert_int_equal(g.n_truth, 20000);
}

/* Another kind of task lies behind more than the window holds of one that nobody can run. */
static void
a_full_lane_hides_no_other(void **state)
{
	(void)state;
	control_rig_open(&g, SK_LEAST_TASKS, 60000);
	control_rig_skald(&g, 4);
	control_rig_start(&g);
	control_rig_add_class(&g, "s", 12000, "Special");
	control_rig_add_many(&g, "t", 50);
	for (int i = 0; i < 100 && control_rig_phase(&g, "t49") != SK_FINISHED; i++)
		control_rig_run(&g, 100);
	assert_int_equal(control_rig_phase(&g, "t49"), SK_FINISHED);
	g.sims[0].classes[2] = "Special";
	g.sims[0].slots = 500;
	g.run_ms = 1;
	sim_returns(&g.sims[0]);
	assert_true(control_rig_until(&g, 60000, control_rig_all_ended));
}

static void
small_tasks_do_not_starve_a_large_one(void **state)
{
	const char *all[] = { "cpus", "8", NULL }, *one[] = { "cpus", "1", NULL };
	int i = 0;

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 8);
	g.run_ms = 40;
	for (; i < 8; i++) {
		char id[16];

		snprintf(id, sizeof(id), "small%d", i);
		assert_int_equal(control_rig_add(&g, id, 0, one), SK_OK);
	}
	g.now_ms = sk_wall_ms() - SK_PRIORITY_MS - 120000; /* so long that it goes before the others */
	assert_int_equal(control_rig_add(&g, "large", 0, all), SK_OK);
	g.now_ms = 0;
	for (; i < 400 && control_rig_phase(&g, "large") != SK_FINISHED; i++) {
		char id[16];

		snprintf(id, sizeof(id), "small%d", i);
		assert_int_equal(control_rig_add(&g, id, 1, one), SK_OK);
		control_rig_run(&g, 5);
	}
	assert_int_equal(control_rig_phase(&g, "large"), SK_FINISHED);
}

static void
add_old(const char *id, int64_t priority, const char *const *spec)
{
	g.now_ms = sk_wall_ms() - 120000;
	assert_int_equal(control_rig_add(&g, id, priority, spec), SK_OK);
	g.now_ms = 0;
}

/* Whoever is cancelled while a skald is kept for it keeps it no longer. */
static void
a_skald_is_kept_for_nobody_in_vain(void **state)
{
	const char *all[] = { "cpus", "8", NULL }, *one[] = { "cpus", "1", NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 8);
	g.run_ms = 300;
	assert_int_equal(control_rig_add(&g, "runs", 0, one), SK_OK);
	add_old("large", 0, all);
	sk_dispatch_wake(g.control);
	control_rig_run(&g, 20);
	assert_int_equal(control_rig_add(&g, "small", 0, one), SK_OK);
	control_rig_run(&g, 50);
	assert_int_equal(control_rig_runs(&g, "small"), 0);
	assert_int_equal(control_rig_change(&g, "large", SK_LIFE_CANCEL), SK_OK);
	control_rig_run(&g, 100);
	assert_int_equal(control_rig_runs(&g, "small"), 1);
	assert_true(control_rig_until(&g, 10000, control_rig_all_ended));
}

/* The order of tasks is the order, also for those that have waited for long. */
static void
who_waits_for_long_does_not_hold_up_who_goes_before_it(void **state)
{
	const char *quick[] = { "className", "Quick", NULL };
	size_t before = 0;

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 1);
	g.run_ms = 10;
	for (int i = 0; i < 50; i++) {
		char id[16];

		snprintf(id, sizeof(id), "old%d", i);
		add_old(id, 0, NULL);
	}
	control_rig_run(&g, 30);
	assert_int_equal(control_rig_add(&g, "urgent", 5, quick), SK_OK);
	assert_true(control_rig_until(&g, 20000, control_rig_all_ended));
	while (before < g.n_truth && strcmp(g.truth[before].id, "urgent") != 0)
		before++;
	assert_in_range(before, 1, 30);
}

/* ---- losses ---- */

static void
a_lost_skald_gives_its_tasks_back(void **state)
{
	int64_t died;

	(void)state;
	open_with(SK_LEAST_TASKS, 2, 4);
	g.run_ms = 150;
	control_rig_add_many(&g, "t", 8);
	control_rig_run(&g, 50);
	died = sk_boot_ms();
	sim_dies(&g.sims[0]);
	assert_true(control_rig_until(&g, 10000, control_rig_all_ended));
	expect_counts(8, 0, 0);
	assert_int_equal(g.n_truth, 12);
	for (size_t i = 8; i < 12; i++) {
		assert_int_equal(g.truth[i].attempt, 2);
		assert_int_equal(g.truth[i].sim, 1);
		/* not before nobody can run it any more */
		assert_true(g.truth[i].start_ms - died >= LEASE_MS * 2 / 3);
	}
}

/* It trusts itself for longer than the controller would: until then it may still run them. */
static void
a_skald_is_judged_by_its_own_lease(void **state)
{
	int64_t died;

	(void)state;
	open_with(SK_LEAST_TASKS, 2, 4);
	g.sims[0].lease_ms = 4 * LEASE_MS;
	control_rig_run(&g, LEASE_MS);
	g.run_ms = 150;
	control_rig_add_many(&g, "t", 8);
	control_rig_run(&g, 50);
	died = sk_boot_ms();
	sim_dies(&g.sims[0]);
	assert_true(control_rig_until(&g, 20000, control_rig_all_ended));
	expect_counts(8, 0, 0);
	assert_int_equal(g.n_truth, 12);
	for (size_t i = 8; i < 12; i++)
		assert_true(g.truth[i].start_ms - died >= 4 * LEASE_MS * 2 / 3);
}

static bool
first_is_offline(struct control_rig *r)
{
	return !sk_skalds_find(r->control, r->sims[0].id)->view.online;
}

static void
a_lost_skald_is_said_to_be_lost_once(void **state)
{
	FILE *f = tmpfile();
	int before = dup(STDERR_FILENO), said = 0;
	char line[1024];

	(void)state;
	assert_true(f != NULL && before != -1);
	open_with(SK_LEAST_TASKS, 1, 1);
	assert_false(first_is_offline(&g));
	sim_dies(&g.sims[0]);
	assert_int_equal(dup2(fileno(f), STDERR_FILENO), STDERR_FILENO);
	control_rig_until(&g, 10000, first_is_offline);
	control_rig_run(&g, LEASE_MS); /* further looks */
	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	assert_true(first_is_offline(&g));
	close(before);
	rewind(f);
	while (fgets(line, sizeof(line), f) != NULL)
		said += strstr(line, "skald s00 is lost: its lease has run out") != NULL;
	fclose(f);
	assert_int_equal(said, 1);
}

static bool
all_have_started(struct control_rig *r)
{
	return r->n_truth >= 4;
}

/* All of this process stood still, as on a suspended machine: the first look after it comes before
 * the renewal that is as late as the look. */
static void
who_slept_as_long_as_the_controller_is_not_lost(void **state)
{
	(void)state;
	open_with(SK_LEAST_TASKS, 2, 2);
	g.run_ms = 6 * LEASE_MS;
	control_rig_add_many(&g, "t", 4);
	assert_true(control_rig_until(&g, 5000, all_have_started));
	sim_dies(&g.sims[0]); /* its silence counts all the same, from then on */
	usleep(4 * LEASE_MS * 1000);
	sk_skalds_read(g.control, NULL);
	assert_true(control_rig_until(&g, 20000, control_rig_all_ended));
	expect_counts(4, 0, 0);
	assert_int_equal(g.n_truth, 6);
	for (size_t i = 4; i < 6; i++) {
		assert_int_equal(g.truth[i].sim, 1);
		assert_int_equal(g.truth[i].attempt, 2);
	}
}

static void
a_new_incarnation_frees_the_old_ones_tasks_at_once(void **state)
{
	int64_t died;

	(void)state;
	control_rig_open(&g, SK_LEAST_TASKS, 60000);
	control_rig_skald(&g, 4);
	control_rig_start(&g);
	g.run_ms = 200;
	control_rig_add_many(&g, "t", 4);
	control_rig_run(&g, 50);
	died = sk_boot_ms();
	sim_dies(&g.sims[0]);
	sim_returns(&g.sims[0]);
	assert_true(control_rig_until(&g, 10000, control_rig_all_ended));
	expect_counts(4, 0, 0);
	assert_true(g.truth[4].start_ms - died < 3000);
	/* a lost attempt counts: 1 s of back-off lies between */
	assert_int_equal(g.truth[4].attempt, 2);
}

static void
a_poison_task_ends(void **state)
{
	const char *once[] = { "maxAttempts", "3", "backoffSeconds", "0", NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 1);
	g.run_ms = 100000;
	assert_int_equal(control_rig_add(&g, "poison", 0, once), SK_OK);
	for (int i = 0; i < 3; i++) {
		control_rig_run(&g, 100);
		assert_int_equal(control_rig_runs(&g, "poison"), i + 1);
		sim_dies(&g.sims[0]);
		sim_returns(&g.sims[0]);
	}
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
	expect_counts(0, 1, 0);
	assert_int_equal(control_rig_runs(&g, "poison"), 3);
}

static void
all_messages_lost_all_tasks_end(void **state)
{
	(void)state;
	control_rig_open(&g, SK_LEAST_TASKS, LEASE_MS);
	g.mute = true;
	for (int i = 0; i < 5; i++)
		control_rig_skald(&g, 10)->deaf = true;
	control_rig_run(&g, 50); /* their own word gets through before */
	control_rig_start(&g);
	control_rig_add_many(&g, "t", 100);
	assert_true(control_rig_until(&g, 20000, control_rig_all_ended));
	expect_counts(100, 0, 0);
	assert_int_equal(g.n_truth, 100);
}

static void
a_new_controller_goes_on_where_the_old_one_stood(void **state)
{
	(void)state;
	open_with(SK_LEAST_TASKS, 4, 2);
	g.run_ms = 30;
	control_rig_add_many(&g, "t", 200);
	for (int i = 0; i < 4; i++) {
		control_rig_run(&g, 60);
		control_rig_restart(&g, SK_LEAST_TASKS, LEASE_MS);
	}
	assert_true(control_rig_until(&g, 20000, control_rig_all_ended));
	expect_counts(200, 0, 0);
	assert_int_equal(g.n_truth, 200);
}

/* ---- waiting ---- */

static void
dependencies_are_waited_for(void **state)
{
	const char *a[] = { "dependencies", "a", NULL }, *bc[] = { "dependencies", "b c", NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 2, 4);
	g.run_ms = 40;
	assert_int_equal(control_rig_add(&g, "d", 10, bc), SK_OK);
	control_rig_run(&g, 20);
	assert_int_equal(control_rig_phase(&g, "d"), SK_CANCELLED); /* there are none such */
	assert_int_equal(control_rig_add(&g, "a", 0, NULL), SK_OK);
	assert_int_equal(control_rig_add(&g, "b", 0, a), SK_OK);
	assert_int_equal(control_rig_add(&g, "c", 0, a), SK_OK);
	assert_int_equal(control_rig_add(&g, "e", 0, bc), SK_OK);
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
	expect_counts(4, 0, 1);
	assert_string_equal(g.truth[0].id, "a");
	assert_string_equal(g.truth[3].id, "e");
	assert_true(
		g.truth[3].start_ms >= g.truth[1].end_ms && g.truth[3].start_ms >= g.truth[2].end_ms);
}

static void
a_failed_dependency_cancels_or_not(void **state)
{
	const char *fail[] = { "maxAttempts", "1", NULL };
	const char *strict[] = { "dependencies", "fail1", NULL };
	const char *chain[] = { "dependencies", "strict", NULL };
	const char *any[] = { "dependencies", "fail1", "dependencyPolicy", "run", NULL };
	struct sk_arena *a = sk_arena_new();
	const struct sk_record *r;

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 4);
	assert_int_equal(control_rig_add(&g, "fail1", 0, fail), SK_OK);
	assert_int_equal(control_rig_add(&g, "strict", 0, strict), SK_OK);
	assert_int_equal(control_rig_add(&g, "chain", 0, chain), SK_OK);
	assert_int_equal(control_rig_add(&g, "any", 0, any), SK_OK);
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
	expect_counts(1, 1, 2);
	r = control_rig_get(&g, a, "strict");
	assert_int_equal(r->exit.reason, SK_REASON_SKIPPED);
	assert_string_equal(r->exit.message, "dependency fail1 failed");
	assert_int_equal(control_rig_runs(&g, "strict"), 0);
	sk_arena_free(a);
}

static void
a_failure_is_tried_again_after_its_time(void **state)
{
	const char *pairs[] = { "maxAttempts", "2", "backoffSeconds", "1", NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 4);
	assert_int_equal(control_rig_add(&g, "fail", 0, pairs), SK_OK);
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
	expect_counts(0, 1, 0);
	assert_int_equal(control_rig_runs(&g, "fail"), 2);
	assert_in_range(g.truth[1].start_ms - g.truth[0].end_ms, 700, 1700);
}

static void
a_clock_that_is_set_back_makes_no_pause_longer(void **state)
{
	const char *pairs[] = { "maxAttempts", "2", "backoffSeconds", "1", NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 4);
	assert_int_equal(control_rig_add(&g, "fail", 0, pairs), SK_OK);
	control_rig_run(&g, 300);
	assert_int_equal(control_rig_runs(&g, "fail"), 1);
	g.now_ms = sk_wall_ms() - 3600000;
	control_rig_run(&g, 1700);
	assert_int_equal(control_rig_runs(&g, "fail"), 1); /* the pause has begun anew */
	g.now_ms += 1700;
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
	assert_int_equal(control_rig_runs(&g, "fail"), 2);
}

static void
times_are_kept(void **state)
{
	char at[32], past[32];
	const char *later[] = { "notBefore", at, NULL }, *late[] = { "deadlineDateTime", past, NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 1);
	snprintf(at, sizeof(at), "%lld", (long long)sk_wall_ms() + 300);
	snprintf(past, sizeof(past), "%lld", (long long)sk_wall_ms() + 60);
	g.run_ms = 120;
	assert_int_equal(control_rig_add(&g, "busy", 0, NULL), SK_OK);
	assert_int_equal(control_rig_add(&g, "late", 0, late), SK_OK);
	assert_int_equal(control_rig_add(&g, "later", 0, later), SK_OK);
	control_rig_run(&g, 200);
	assert_int_equal(control_rig_phase(&g, "late"), SK_FAILED);
	assert_int_equal(control_rig_phase(&g, "later"), SK_CREATED);
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
	assert_int_equal(control_rig_runs(&g, "late"), 0);
	expect_counts(2, 1, 0);
}

/* ---- arrays ---- */

static void
an_array_runs_all_its_elements(void **state)
{
	const char *pairs[] = { "array", "0-999", NULL };
	int64_t n[SK_N_PHASE];

	(void)state;
	open_with(SK_LEAST_TASKS, 10, 5);
	g.run_ms = 1;
	assert_int_equal(control_rig_add(&g, "arr", 0, pairs), SK_OK);
	control_rig_run(&g, 30);
	assert_int_equal(control_rig_phase(&g, "arr"), SK_RUNNING);
	assert_true(control_rig_until(&g, 30000, control_rig_all_ended));
	control_rig_count(&g, n);
	assert_int_equal(n[SK_FINISHED], 1001);
	assert_int_equal(g.n_truth, 1000);
	assert_int_equal(control_rig_runs(&g, "arr.999"), 1);
	assert_int_equal(control_rig_phase(&g, "arr"), SK_FINISHED);
}

static void
a_new_controller_goes_on_with_an_array(void **state)
{
	const char *pairs[] = { "array", "0-299", NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 4, 5);
	g.run_ms = 10;
	assert_int_equal(control_rig_add(&g, "arr", 0, pairs), SK_OK);
	for (int i = 0; i < 3; i++) {
		control_rig_run(&g, 40);
		control_rig_restart(&g, SK_LEAST_TASKS, LEASE_MS);
	}
	assert_true(control_rig_until(&g, 30000, control_rig_all_ended));
	assert_int_equal(g.n_truth, 300);
	assert_int_equal(control_rig_phase(&g, "arr"), SK_FINISHED);
	assert_int_equal(control_rig_overlaps(&g), 0);
}

static void
cancelling_an_array_ends_all_of_it(void **state)
{
	const char *pairs[] = { "array", "0-999", NULL };
	int64_t n[SK_N_PHASE];

	(void)state;
	open_with(SK_LEAST_TASKS, 2, 5);
	g.run_ms = 30;
	assert_int_equal(control_rig_add(&g, "arr", 0, pairs), SK_OK);
	control_rig_run(&g, 100);
	assert_int_equal(control_rig_change(&g, "arr", SK_LIFE_CANCEL), SK_OK);
	assert_true(control_rig_until(&g, 5000, control_rig_all_ended));
	control_rig_count(&g, n);
	assert_int_equal(control_rig_phase(&g, "arr"), SK_CANCELLED);
	assert_true(n[SK_CANCELLED] >= 2);
	assert_true(g.n_truth < 200);
}

/* ---- intents ---- */

static void
a_cancel_before_and_during_the_run(void **state)
{
	(void)state;
	open_with(SK_LEAST_TASKS, 1, 1);
	g.run_ms = 200;
	assert_int_equal(control_rig_add(&g, "runs", 0, NULL), SK_OK);
	assert_int_equal(control_rig_add(&g, "waits", 0, NULL), SK_OK);
	control_rig_run(&g, 40);
	assert_int_equal(control_rig_change(&g, "waits", SK_LIFE_CANCEL), SK_OK);
	assert_int_equal(control_rig_phase(&g, "waits"), SK_CANCELLED);
	assert_int_equal(control_rig_change(&g, "runs", SK_LIFE_CANCEL), SK_OK);
	assert_true(control_rig_until(&g, 3000, control_rig_all_ended));
	expect_counts(0, 0, 2);
	assert_int_equal(g.n_truth, 1);
}

static void
a_paused_task_waits_until_it_is_resumed(void **state)
{
	(void)state;
	open_with(SK_LEAST_TASKS, 1, 1);
	g.run_ms = 50;
	assert_int_equal(control_rig_add(&g, "one", 0, NULL), SK_OK);
	assert_int_equal(control_rig_add(&g, "two", 0, NULL), SK_OK);
	assert_int_equal(control_rig_change(&g, "two", SK_LIFE_PAUSE), SK_OK);
	control_rig_run(&g, 200);
	assert_int_equal(control_rig_runs(&g, "two"), 0);
	assert_int_equal(control_rig_change(&g, "two", SK_LIFE_RESUME), SK_OK);
	assert_true(control_rig_until(&g, 3000, control_rig_all_ended));
	expect_counts(2, 0, 0);
}

static void
a_retry_begins_anew(void **state)
{
	const char *once[] = { "maxAttempts", "1", NULL };

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 1);
	assert_int_equal(control_rig_add(&g, "fail", 0, once), SK_OK);
	assert_true(control_rig_until(&g, 3000, control_rig_all_ended));
	assert_int_equal(control_rig_change(&g, "fail", SK_LIFE_RETRY), SK_OK);
	control_rig_run(&g, 50);
	assert_true(control_rig_until(&g, 3000, control_rig_all_ended));
	expect_counts(0, 1, 0);
	assert_int_equal(control_rig_runs(&g, "fail"), 2);
	assert_int_equal(g.truth[1].attempt, 2);
}

/* ---- rows that somebody broke ---- */

static void
broken_rows_are_repaired(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record r;
	const struct {
		const char *id, *executor;
		enum sk_phase phase;
		uint32_t attempt;
		uint64_t incarnation;
	} broken[] = {
		{ "nobody", "", SK_ASSIGNING, 1, 0 },
		{ "stranger", "who", SK_RUNNING, 1, 5 },
		{ "older", "s00", SK_RUNNING, 2, 99 },
		{ "created", "s00", SK_CREATED, 4, 1 },
	};

	(void)state;
	open_with(SK_LEAST_TASKS, 1, 4);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		sk_record_init(&r, a);
		r.id = broken[i].id;
		r.class_name = "Job";
		r.life.max_attempts = 5;
		r.life.phase = broken[i].phase;
		r.life.attempt = broken[i].attempt;
		r.life.incarnation = broken[i].incarnation;
		snprintf(r.life.executor, sizeof(r.life.executor), "%s", broken[i].executor);
		r.create_ms = r.update_ms = r.rank_ms = sk_wall_ms();
		assert_int_equal(control_rig_add_record(&g, &r), SK_OK);
	}
	assert_true(control_rig_until(&g, 10000, control_rig_all_ended));
	expect_counts(4, 0, 0);
	sk_arena_free(a);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fifty_skalds_share_the_work),
		TEST(round_robin_takes_turns),
		TEST(random_reaches_everybody),
		TEST(best_fit_fills_one_skald_before_the_next),
		TEST(classes_labels_and_cards_decide),
		TEST(what_nobody_can_run_waits_and_holds_nobody_up),
		TEST(cpus_are_never_overbooked),
		TEST(priority_goes_first_and_age_after_it),
		TEST(more_tasks_than_the_window_holds),
		TEST(a_full_lane_hides_no_other),
		TEST(small_tasks_do_not_starve_a_large_one),
		TEST(a_skald_is_kept_for_nobody_in_vain),
		TEST(who_waits_for_long_does_not_hold_up_who_goes_before_it),
		TEST(a_lost_skald_gives_its_tasks_back),
		TEST(a_skald_is_judged_by_its_own_lease),
		TEST(a_lost_skald_is_said_to_be_lost_once),
		TEST(who_slept_as_long_as_the_controller_is_not_lost),
		TEST(a_new_incarnation_frees_the_old_ones_tasks_at_once),
		TEST(a_poison_task_ends),
		TEST(all_messages_lost_all_tasks_end),
		TEST(a_new_controller_goes_on_where_the_old_one_stood),
		TEST(dependencies_are_waited_for),
		TEST(a_failed_dependency_cancels_or_not),
		TEST(a_failure_is_tried_again_after_its_time),
		TEST(a_clock_that_is_set_back_makes_no_pause_longer),
		TEST(times_are_kept),
		TEST(an_array_runs_all_its_elements),
		TEST(a_new_controller_goes_on_with_an_array),
		TEST(cancelling_an_array_ends_all_of_it),
		TEST(a_cancel_before_and_during_the_run),
		TEST(a_paused_task_waits_until_it_is_resumed),
		TEST(a_retry_begins_anew),
		TEST(broken_rows_are_repaired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
