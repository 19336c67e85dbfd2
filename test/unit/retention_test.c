/* retention_test.c - what is removed for its age, while clocks do what they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/memory/store.h"
#include "core/control/control_priv.h"
#include "core/control/parts.h"
#include "core/run/worker.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND ((int64_t)1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)
#define KEEP (30 * DAY)
#define WALL 1700000000000
#define BOOT (5 * HOUR)

static const struct sk_worker *const no_workers[] = { NULL };

static struct rig {
	struct sk_control *c;
	struct sk_control_config cfg;
	int64_t wall, boot;
} rig;

static int64_t
wall(void *arg)
{
	(void)arg;
	return rig.wall;
}

static int64_t
boot(void *arg)
{
	(void)arg;
	return rig.boot;
}

static void
turn(void)
{
	for (int i = 0; i < 20; i++)
		sk_loop_once(rig.cfg.loop, 0);
}

static void
begin(void)
{
	rig.c = sk_control_new(&rig.cfg);
	sk_control_start(rig.c);
	turn();
	assert_true(sk_control_ready(rig.c));
}

static void
end(void)
{
	sk_control_stop(rig.c);
	turn();
	sk_control_free(rig.c);
}

static int
setup(void **state)
{
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);

	(void)state;
	rig = (struct rig){ .wall = WALL,
		.boot = BOOT,
		.cfg = { .loop = loop,
			.store = sk_store_memory_open(loop),
			.bus = sk_bus_local_open(&(struct sk_bus_local_config){ .loop = loop }),
			.cache = sk_cache_local_open(&(struct sk_cache_local_config){ .loop = loop }),
			.workers = no_workers,
			.name = "test",
			.dispatch = true,
			.lease_ms = 10 * SECOND,
			.reconcile_ms = 5 * SECOND,
			.keep_ms = KEEP,
			.data_dir = "",
			.boot_ms = boot,
			.wall_ms = wall } };
	begin();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	end();
	rig.cfg.store->ops->close(rig.cfg.store);
	rig.cfg.bus->ops->close(rig.cfg.bus);
	rig.cfg.cache->ops->close(rig.cfg.cache);
	sk_loop_free(rig.cfg.loop);
	return 0;
}

/* Time passes as it should, the clock is set by jump besides, and somebody looks every minute. */
static void
pass(int64_t ms, int64_t jump)
{
	rig.wall += jump;
	do {
		int64_t step = ms < 60 * SECOND ? ms : 60 * SECOND;

		sk_skalds_read(rig.c, NULL);
		turn();
		sk_retention_look(rig.c);
		turn();
		rig.wall += step;
		rig.boot += step;
		ms -= step;
	} while (ms > 0);
	sk_skalds_read(rig.c, NULL);
	turn();
	sk_retention_look(rig.c);
	turn();
}

static void
insert(const char *id, enum sk_phase phase, int64_t finish_ms, const char *executor)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record r;
	const struct sk_record *list[1] = { &r };
	struct sk_op_insert op = {
		.op = { .kind = SK_OP_INSERT, .arena = a }, .records = list, .n = 1
	};

	sk_record_init(&r, a);
	r.id = id;
	r.class_name = "Job";
	r.life.phase = phase;
	r.life.attempt = 1;
	r.life.max_attempts = 1;
	r.life.incarnation = 1;
	snprintf(r.life.executor, sizeof(r.life.executor), "%s", executor);
	r.create_ms = r.update_ms = r.rank_ms = r.finish_ms = finish_ms;
	assert_int_equal(sk_store_wait(rig.cfg.store, rig.cfg.loop, &op.op), SK_OK);
	sk_arena_free(a);
}

/* A task that has ended so long ago. */
static void
ended(const char *id, int64_t ago)
{
	insert(id, SK_FINISHED, rig.wall - ago, "");
}

static bool
is_there(const char *id)
{
	const char *ids[1] = { id };
	struct sk_op_get op = {
		.op = { .kind = SK_OP_GET, .arena = sk_arena_new() }, .ids = ids, .n = 1
	};
	bool there;

	assert_int_equal(sk_store_wait(rig.cfg.store, rig.cfg.loop, &op.op), SK_OK);
	there = op.records[0] != NULL;
	sk_arena_free(op.op.arena);
	return there;
}

/* ---- tasks ---- */

static void
what_is_old_is_removed_and_nothing_else(void **state)
{
	(void)state;
	ended("old", KEEP + HOUR);
	ended("young", KEEP - HOUR);
	insert("live", SK_CREATED, rig.wall - YEAR, "");
	pass(0, 0);
	assert_false(is_there("old"));
	assert_true(is_there("young"));
	assert_true(is_there("live"));
	pass(2 * HOUR, 0);
	assert_false(is_there("young"));
}

static void
a_clock_that_jumps_ahead_and_back_removes_nothing(void **state)
{
	(void)state;
	ended("t", SECOND);
	pass(59 * 60 * SECOND, YEAR);
	assert_true(is_there("t"));
	pass(3 * HOUR, -YEAR);
	assert_true(is_there("t"));
	/* what is old by the right clock goes again */
	ended("old", KEEP + HOUR);
	pass(0, 0);
	assert_false(is_there("old"));
}

static void
a_clock_that_jumps_about_is_not_believed(void **state)
{
	(void)state;
	ended("t", SECOND);
	for (int i = 1; i < 10; i++)
		pass(50 * 60 * SECOND, i % 3 == 0 ? -YEAR : YEAR);
	assert_true(is_there("t"));
}

static void
a_new_time_that_stands_for_an_hour_is_believed(void **state)
{
	(void)state;
	ended("t", SECOND);
	pass(59 * 60 * SECOND, YEAR);
	assert_true(is_there("t"));
	pass(2 * 60 * SECOND, 0);
	assert_false(is_there("t"));
	/* and it is the one that counts from there on */
	ended("old", KEEP + HOUR);
	pass(0, 0);
	assert_false(is_there("old"));
}

static void
a_clock_that_is_set_by_minutes_is_followed(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		pass(60 * SECOND, 50 * 60 * SECOND);
	ended("old", KEEP + HOUR);
	pass(0, 0);
	assert_false(is_there("old"));
}

static void
a_controller_that_starts_after_the_jump_knows_of_it(void **state)
{
	(void)state;
	ended("t", SECOND);
	end();
	rig.cfg.clock_ms = rig.wall - rig.boot;
	rig.wall += YEAR;
	begin();
	pass(10 * 60 * SECOND, 0);
	assert_true(is_there("t"));
	pass(51 * 60 * SECOND, 0);
	assert_false(is_there("t"));
}

static void
the_number_that_is_kept_needs_no_clock(void **state)
{
	(void)state;
	end();
	rig.cfg.keep_tasks = 2;
	begin();
	ended("a", 3 * SECOND);
	ended("b", 2 * SECOND);
	ended("c", SECOND);
	pass(0, YEAR);
	assert_false(is_there("a"));
	assert_true(is_there("b"));
	assert_true(is_there("c"));
}

/* ---- skalds ---- */

static void
store_row(const char *id, enum sk_skald_mode mode)
{
	static const char *const none[] = { NULL };
	struct sk_skald row = { .id = id,
		.incarnation = 1,
		.renewals = (uint64_t)rig.boot,
		.mode = mode,
		.version = "",
		.host = "",
		.classes = none,
		.seen_ms = rig.wall };
	struct sk_op_skald_put op = { .op = { .kind = SK_OP_SKALD_PUT, .arena = sk_arena_new() },
		.skald = &row };

	assert_int_equal(sk_store_wait(rig.cfg.store, rig.cfg.loop, &op.op), SK_OK);
	sk_arena_free(op.op.arena);
}

static void
put_row(const char *id, enum sk_skald_mode mode)
{
	store_row(id, mode);
	sk_skalds_read(rig.c, NULL);
	turn();
}

static bool
is_known(const char *id)
{
	return sk_skalds_find(rig.c, id) != NULL;
}

static void
a_killed_edge_is_forgotten_after_a_day(void **state)
{
	(void)state;
	put_row("edge", SK_MODE_EDGE);
	put_row("single", SK_MODE_SINGLE);
	put_row("node", SK_MODE_NODE);
	pass(23 * HOUR, 0);
	assert_true(is_known("edge") && is_known("single") && is_known("node"));
	put_row("single", SK_MODE_SINGLE); /* it was only slow */
	pass(2 * HOUR, 0);
	assert_false(is_known("edge"));
	assert_true(is_known("single") && is_known("node"));
	pass(23 * HOUR, 0);
	assert_false(is_known("single"));
	assert_true(is_known("node"));
	put_row("edge", SK_MODE_EDGE);
	assert_true(is_known("edge")); /* it may come back */
}

static void
a_new_controller_knows_how_long_one_is_gone(void **state)
{
	(void)state;
	put_row("edge", SK_MODE_EDGE);
	for (int i = 0; i < 5; i++) {
		assert_true(is_known("edge"));
		pass(6 * HOUR, 0);
		end();
		begin();
	}
	pass(60 * SECOND, 0);
	assert_false(is_known("edge"));
}

static void
no_jump_of_the_clock_makes_one_gone(void **state)
{
	(void)state;
	put_row("edge", SK_MODE_EDGE);
	pass(30 * 60 * SECOND, YEAR);
	assert_true(is_known("edge"));
	pass(60 * SECOND, -YEAR);
	assert_true(is_known("edge"));
}

static void
one_that_has_an_attempt_stays(void **state)
{
	(void)state;
	put_row("edge", SK_MODE_EDGE);
	insert("t", SK_RUNNING, 0, "edge");
	{
		struct sk_life life = { .phase = SK_RUNNING, .attempt = 1, .executor = "edge" };
		struct sk_need need = { .class_name = "Job" };

		sk_live_add(rig.c, "t", &life, &need);
		rig.boot += 2 * DAY;
		rig.wall += 2 * DAY;
		sk_retention_look(rig.c);
		turn();
		assert_true(is_known("edge"));
		sk_live_end(rig.c, "t", 0);
	}
	pass(DAY, 0);
	assert_false(is_known("edge"));
}

/* Looking for each among all of them took seconds. */
static void
many_are_read_and_looked_through_in_a_moment(void **state)
{
	enum { N = 20000 };
	char id[16];
	clock_t start;

	(void)state;
	for (int i = N; i-- > 0;) {
		snprintf(id, sizeof(id), "s%05d", i);
		store_row(id, i % 2 == 0 ? SK_MODE_EDGE : SK_MODE_NODE);
	}
	start = clock();
	sk_skalds_read(rig.c, NULL);
	turn();
	sk_retention_look(rig.c);
	assert_true(clock() - start < CLOCKS_PER_SEC);
	assert_true(is_known("s00000") && is_known("s19999") && is_known("s04567"));
	assert_false(is_known("s") || is_known("s04567x") || is_known("t"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_old_is_removed_and_nothing_else),
		TEST(a_clock_that_jumps_ahead_and_back_removes_nothing),
		TEST(a_clock_that_jumps_about_is_not_believed),
		TEST(a_new_time_that_stands_for_an_hour_is_believed),
		TEST(a_clock_that_is_set_by_minutes_is_followed),
		TEST(a_controller_that_starts_after_the_jump_knows_of_it),
		TEST(the_number_that_is_kept_needs_no_clock),
		TEST(a_killed_edge_is_forgotten_after_a_day),
		TEST(a_new_controller_knows_how_long_one_is_gone),
		TEST(no_jump_of_the_clock_makes_one_gone),
		TEST(one_that_has_an_attempt_stays),
		TEST(many_are_read_and_looked_through_in_a_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
