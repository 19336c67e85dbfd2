/* The window of ready tasks and the reads that fill it: nothing is forgotten, nothing comes back,
 * all of it in order; and which tasks are given to a skald ahead of its free slots. */
#include "core/base/clock.h"
#include "test/unit/control_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct control_rig g;

/* Between the controller and the store: reads of ready tasks are counted, and kept when told so. */
static struct {
	struct sk_store_ops ops;
	const struct sk_store_ops *inner;
	size_t of_lanes, sweeps; /* such reads */
	bool keep;
	struct sk_op *kept;
} tap;

static bool
is_read(const struct sk_op *op)
{
	return op->kind == SK_OP_FIND && ((const struct sk_op_find *)op)->order == SK_BY_RANK;
}

static void
tap_submit(struct sk_store *s, struct sk_op *op)
{
	if (is_read(op))
		++*(((struct sk_op_find *)op)->filter.class_name != NULL ? &tap.of_lanes : &tap.sweeps);
	tap.inner->submit(s, op);
}

/* Keep what a read has found, as if it took long. */
static void (*kept_done)(struct sk_op *op);

static void
read_done(struct sk_op *op)
{
	tap.kept = op;
}

static void
tap_and_keep(struct sk_store *s, struct sk_op *op)
{
	if (tap.keep && is_read(op) && tap.kept == NULL) {
		kept_done = op->done;
		op->done = read_done;
		tap.keep = false;
	}
	tap_submit(s, op);
}

static void
tap_open(void)
{
	memset(&tap, 0, sizeof(tap));
	tap.inner = g.store->ops;
	tap.ops = *g.store->ops;
	tap.ops.submit = tap_and_keep;
	g.store->ops = &tap.ops;
}

static void
tap_let_go(void)
{
	struct sk_op *op = tap.kept;

	assert_non_null(op);
	tap.kept = NULL;
	op->done = kept_done;
	kept_done(op);
}

static bool
read_is_kept(struct control_rig *r)
{
	(void)r;
	return tap.kept != NULL;
}

static int
teardown(void **state)
{
	(void)state;
	if (tap.kept != NULL)
		tap_let_go();
	control_rig_close(&g);
	return 0;
}

static struct sk_lane *
lane_of(const char *class_name)
{
	for (struct sk_lane *l = sk_window_lanes(g.control); l != NULL; l = l->next)
		if (strcmp(l->class_name, class_name) == 0)
			return l;
	return NULL;
}

static void
open_tapped(void)
{
	control_rig_open(&g, SK_LEAST_TASKS, 60000);
	tap_open();
}

/* ---- reads ---- */

/* A read that takes long finds a task that meanwhile was run to its end: it does not come back, and
 * one that was paused and resumed meanwhile does. */
static void
who_left_during_a_read_comes_back_only_by_name(void **state)
{
	(void)state;
	open_tapped();
	control_rig_start(&g);
	control_rig_add_many(&g, "t", 2);
	tap.keep = true;
	sk_reads_refill(g.control);
	assert_true(control_rig_until(&g, 5000, read_is_kept));
	assert_int_equal(control_rig_change(&g, "t0", SK_LIFE_CANCEL), SK_OK);
	assert_int_equal(control_rig_change(&g, "t1", SK_LIFE_PAUSE), SK_OK);
	control_rig_run(&g, 20);
	assert_int_equal(sk_window_count(g.control), 0);
	assert_true(sk_window_left(g.control, "t0"));
	assert_int_equal(control_rig_change(&g, "t1", SK_LIFE_RESUME), SK_OK);
	control_rig_run(&g, 20);
	assert_non_null(sk_window_find(g.control, "t1"));
	tap_let_go();
	assert_null(sk_window_find(g.control, "t0"));
	assert_non_null(sk_window_find(g.control, "t1"));
	assert_false(sk_window_left(g.control, "t0"));
}

/* As many reads as there are pages, however often the skalds come and go with small portions. */
static void
tasks_are_read_once(void **state)
{
	const int n = 20000;

	(void)state;
	open_tapped();
	for (int i = 0; i < 10; i++)
		control_rig_skald(&g, 100);
	control_rig_start(&g);
	g.run_ms = 1;
	control_rig_add_many(&g, "t", n);
	assert_true(control_rig_until(&g, 120000, control_rig_all_ended));
	assert_int_equal(g.n_truth, n);
	assert_in_range(tap.of_lanes, 1, 2 * n / (SK_LANE_MAX / 2));
}

/* What nobody can run fills its lane, and is not read again for the others behind it. */
static void
a_blocked_lane_is_not_passed_again(void **state)
{
	size_t sweeps, of_lanes;

	(void)state;
	open_tapped();
	control_rig_skald(&g, 50);
	control_rig_start(&g);
	g.run_ms = 1;
	control_rig_add_class(&g, "s", 30000, "Special");
	control_rig_run(&g, 50);
	sweeps = tap.sweeps;
	of_lanes = tap.of_lanes;
	control_rig_add_many(&g, "t", 12000);
	for (int i = 0; i < 600 && control_rig_phase(&g, "t11999") != SK_FINISHED; i++)
		control_rig_run(&g, 100);
	assert_int_equal(control_rig_phase(&g, "t11999"), SK_FINISHED);
	assert_in_range(tap.of_lanes - of_lanes, 1, 8);
	assert_in_range(tap.sweeps - sweeps, 0, 20); /* one of 8 pages may have come by the clock */
}

/* Many that are asked for by name all come, without a look through the whole store. */
static void
as_many_as_are_asked_for_are_fetched(void **state)
{
	const int n = 4500;
	size_t sweeps;

	(void)state;
	open_tapped();
	control_rig_start(&g);
	control_rig_add_many(&g, "t", n);
	control_rig_run(&g, 300);
	for (int i = 0; i < n; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%d", i);
		sk_window_drop(g.control, id);
	}
	assert_int_equal(sk_window_count(g.control), 0);
	sweeps = tap.sweeps;
	for (int i = 0; i < n; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%d", i);
		sk_reads_fetch(g.control, id);
	}
	for (int i = 0; i < 100 && sk_window_count(g.control) < (size_t)n; i++)
		control_rig_run(&g, 10);
	assert_int_equal(sk_window_count(g.control), n);
	assert_int_equal(tap.sweeps, sweeps);
}

/* ---- order ---- */

#define EARLY 30000
#define LATE 4000

struct item {
	struct sk_place place;
	size_t since; /* how many had been taken when it was stored */
	size_t taken; /* the place in the order of taking; SIZE_MAX = not yet */
};

static struct item items[EARLY + LATE];
static struct sk_place order[EARLY + LATE];

static uint64_t
next_random(void)
{
	g.random = g.random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return g.random >> 33;
}

static void
add_item(size_t i, size_t since)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record r;

	sk_record_init(&r, a);
	r.id = sk_arena_printf(a, "i%zu", i);
	r.class_name = "Job";
	r.life.max_attempts = 1;
	r.create_ms = r.update_ms = 1000000;
	r.rank_ms = (int64_t)(1000000 - next_random() % 5000); /* many stand at the same */
	assert_int_equal(control_rig_add_record(&g, &r), SK_OK);
	items[i] = (struct item){ { r.rank_ms, r.seq }, since, SIZE_MAX };
	sk_arena_free(a);
}

/* The first of the lane, when nothing that the store alone has goes before it. */
static struct sk_cand *
take_first(void)
{
	for (int64_t until = sk_boot_ms() + 20000; sk_boot_ms() < until;) {
		struct sk_lane *l = lane_of("Job");

		if (l->n > 0 && (!l->more || !sk_place_before(&l->from, &l->heap[0]->place)))
			return sk_window_pop(g.control, l);
		if (l->n == 0 && !l->more)
			return NULL;
		sk_reads_look(g.control);
		sk_loop_once(g.loop, 5);
	}
	return NULL;
}

static void
check_order(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_int_not_equal(items[i].taken, SIZE_MAX);
		for (size_t k = items[i].since; k < items[i].taken; k++)
			if (!sk_place_before(&order[k], &items[i].place))
				fail_msg("i%zu was there when a later one was taken", i);
	}
}

static void
nobody_is_behind_what_the_store_has(void)
{
	const struct sk_lane *l = lane_of("Job");

	for (size_t i = 0; l->more && i < l->n; i++)
		assert_false(sk_place_before(&l->from, &l->heap[i]->place));
}

/* There is no skald: the test takes tasks as the dispatcher would, while others are stored before
 * and behind all that is in memory, also while reads are under way. */
static void
all_come_once_and_in_order(void **state)
{
	size_t n = 0, taken = 0;
	struct sk_cand *k;

	(void)state;
	open_tapped();
	control_rig_start(&g);
	g.random = 4711;
	while (n < EARLY)
		add_item(n++, 0);
	while ((k = take_first()) != NULL) {
		struct item *item = &items[strtoul(k->id + 1, NULL, 10)];

		assert_int_equal(item->taken, SIZE_MAX);
		order[taken] = k->place;
		item->taken = taken++;
		free(k);
		if (n < EARLY + LATE && next_random() % (tap.kept != NULL ? 2 : 16) == 0)
			add_item(n++, taken);
		tap.keep = tap.kept == NULL;
		if (tap.kept != NULL && next_random() % 400 == 0) {
			tap_let_go();
			nobody_is_behind_what_the_store_has();
		}
	}
	assert_int_equal(taken, n);
	check_order(n);
}

/* A task finds its lane full while the end of the store is read, which does not know it yet. */
static void
who_is_left_to_the_store_during_a_read_is_read_later(void **state)
{
	const size_t n = SK_LANE_MAX;
	size_t sweeps, taken = 0;
	struct sk_cand *k;

	(void)state;
	open_tapped();
	control_rig_start(&g);
	control_rig_add_many(&g, "i", (int)n);
	sweeps = tap.sweeps;
	sk_reads_refill(g.control);
	while (tap.sweeps == sweeps)
		sk_loop_once(g.loop, 5);
	tap.keep = true; /* the second and last page */
	assert_true(control_rig_until(&g, 20000, read_is_kept));
	control_rig_add_many(&g, "late", 1);
	assert_null(sk_window_find(g.control, "late0"));
	free(sk_window_pop(g.control, lane_of("Job")));
	tap_let_go();
	while ((k = take_first()) != NULL) {
		taken++;
		free(k);
	}
	assert_int_equal(taken, n);
}

/* Each goes before all others: the window keeps the first of them and not all. */
static void
the_window_stays_small(void **state)
{
	(void)state;
	open_tapped();
	control_rig_start(&g);
	for (int i = 0; i < 3 * SK_LANE_MAX; i++) {
		struct sk_arena *a = sk_arena_new();
		struct sk_record r;

		sk_record_init(&r, a);
		r.id = sk_arena_printf(a, "t%d", i);
		r.class_name = "Job";
		r.seq = (uint64_t)i + 1;
		r.rank_ms = -i;
		sk_window_add(g.control, sk_window_lane(g.control, &r), &r);
		sk_arena_free(a);
	}
	assert_in_range(sk_window_count(g.control), SK_LANE_MAX, 2 * SK_LANE_MAX);
	assert_true(lane_of("Job")->more);
	assert_int_equal(lane_of("Job")->heap[0]->place.rank_ms, 1 - 3 * SK_LANE_MAX);
}

/* ---- ahead of free slots ---- */

static struct sk_agent *
agent(void)
{
	return sk_skalds_find(g.control, "s00");
}

static void
short_tasks_are_given_ahead_and_long_ones_are_not(void **state)
{
	struct sk_need need = { .class_name = "Job" };

	(void)state;
	open_tapped();
	control_rig_skald(&g, 2);
	control_rig_start(&g);
	for (int i = 0; i < 100; i++)
		sk_agent_adapt(agent(), false, 3, false);
	assert_int_equal(agent()->ahead, 32);
	sk_agent_adapt(agent(), false, 60, false); /* neither */
	assert_int_equal(agent()->ahead, 32);
	for (int i = 0; i < 34; i++) {
		need.prompt = true;
		assert_true((sk_skalds_pick(g.control, &need, NULL) != NULL) == (i < 2));
		need.prompt = false;
		assert_non_null(sk_skalds_pick(g.control, &need, NULL));
		sk_agent_take(agent(), &need);
	}
	assert_null(sk_skalds_pick(g.control, &need, NULL));
	sk_agent_give(agent(), &need);
	assert_non_null(sk_skalds_pick(g.control, &need, NULL));
	sk_agent_adapt(agent(), false, 101, true); /* between machines that is short */
	assert_int_equal(agent()->ahead, 32);
	sk_agent_adapt(agent(), false, 101, false);
	assert_int_equal(agent()->ahead, 0);
	assert_null(sk_skalds_pick(g.control, &need, NULL));
	for (int i = 0; i < 33; i++)
		sk_agent_give(agent(), &need);
}

/* They could wait behind the reusable ones for ever. */
static void
none_waits_ahead_beside_reusable_ones(void **state)
{
	const struct sk_need need = { .class_name = "Job" };
	const struct sk_need quick = { .class_name = "Quick", .reusable = true };

	(void)state;
	open_tapped();
	control_rig_skald(&g, 2);
	control_rig_start(&g);
	agent()->ahead = 32;
	sk_agent_take(agent(), &quick);
	sk_agent_take(agent(), &need);
	assert_null(sk_skalds_pick(g.control, &need, NULL));
	sk_agent_give(agent(), &quick);
	sk_agent_take(agent(), &need);
	assert_non_null(sk_skalds_pick(g.control, &need, NULL));
	sk_agent_give(agent(), &need);
	sk_agent_give(agent(), &need);
}

/* What was never run tells nothing of how long tasks take. */
static void
only_who_ran_to_its_end_counts(void **state)
{
	const struct sk_need need = { .class_name = "Job" };
	const struct sk_life life = { .attempt = 1, .executor = "s00" };

	(void)state;
	open_tapped();
	control_rig_skald(&g, 2);
	control_rig_start(&g);
	for (int i = 0; i < 4; i++) {
		sk_live_add(g.control, "t", &life, &need);
		assert_true(i < 2 ? sk_live_end(g.control, "t", 1) : sk_live_over(g.control, "t", 1));
		assert_int_equal(agent()->ahead, i < 2 ? 0 : i - 1);
	}
	assert_false(sk_live_over(g.control, "t", 1));
}

static void
what_has_a_deadline_or_needs_room_does_not_wait_there(void **state)
{
	struct sk_lane plain = { .need = { .class_name = "Job" } };
	struct sk_lane large = { .need = { .class_name = "Job", .memory_mb = 1 } };

	(void)state;
	open_tapped();
	control_rig_start(&g);
	assert_false(sk_dispatch_need(&plain, 0).prompt);
	assert_true(sk_dispatch_need(&plain, 1).prompt);
	assert_true(sk_dispatch_need(&large, 0).prompt);
}

static void
a_free_slot_goes_before_a_place_ahead(void **state)
{
	const struct sk_need need = { .class_name = "Job" };

	(void)state;
	control_rig_open(&g, SK_BEST_FIT, 60000);
	tap_open();
	control_rig_skald(&g, 1);
	control_rig_skald(&g, 1);
	control_rig_start(&g);
	agent()->ahead = 16;
	sk_agent_take(agent(), &need);
	assert_string_equal(sk_skalds_pick(g.control, &need, NULL)->row->id, "s01");
	sk_agent_give(agent(), &need);
}

/* Short ones are given ahead all the time; whoever cannot wait there gets the next free slot. */
static void
short_tasks_do_not_starve_who_needs_a_slot(void **state)
{
	const char *cpus[] = { "cpus", "8", NULL }, *quick[] = { "className", "Quick", NULL };
	size_t before = 0;

	(void)state;
	open_tapped();
	control_rig_skald(&g, 2);
	control_rig_start(&g);
	g.run_ms = 1;
	control_rig_add_many(&g, "t", 3000);
	control_rig_run(&g, 200);
	agent()->ahead = 32; /* whatever this machine does now */
	assert_int_equal(control_rig_add(&g, "large", 5, cpus), SK_OK);
	assert_int_equal(control_rig_add(&g, "quick", 5, quick), SK_OK);
	assert_true(control_rig_until(&g, 60000, control_rig_all_ended));
	for (size_t i = g.n_truth; i-- > 0 && before == 0;)
		before = strcmp(g.truth[i].id, "large") == 0 || strcmp(g.truth[i].id, "quick") == 0 ? i : 0;
	assert_in_range(before, 1, 2500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(who_left_during_a_read_comes_back_only_by_name, teardown),
		cmocka_unit_test_teardown(tasks_are_read_once, teardown),
		cmocka_unit_test_teardown(a_blocked_lane_is_not_passed_again, teardown),
		cmocka_unit_test_teardown(as_many_as_are_asked_for_are_fetched, teardown),
		cmocka_unit_test_teardown(all_come_once_and_in_order, teardown),
		cmocka_unit_test_teardown(who_is_left_to_the_store_during_a_read_is_read_later, teardown),
		cmocka_unit_test_teardown(the_window_stays_small, teardown),
		cmocka_unit_test_teardown(short_tasks_are_given_ahead_and_long_ones_are_not, teardown),
		cmocka_unit_test_teardown(none_waits_ahead_beside_reusable_ones, teardown),
		cmocka_unit_test_teardown(only_who_ran_to_its_end_counts, teardown),
		cmocka_unit_test_teardown(what_has_a_deadline_or_needs_room_does_not_wait_there, teardown),
		cmocka_unit_test_teardown(a_free_slot_goes_before_a_place_ahead, teardown),
		cmocka_unit_test_teardown(short_tasks_do_not_starve_who_needs_a_slot, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
