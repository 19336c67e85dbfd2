/* presence_test.c - what a skald writes of itself and its tasks into the cache: names, forms, order,
 * lifetimes, as programs of the original read them (skalds-protocol.md 13.1). */
#include "core/run/presence.h"
#include "core/base/clock.h"
#include "test/unit/cache_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char *const classes[] = { "Job", "Plain", NULL };

struct rig {
	struct sk_loop *loop;
	struct cr c;
	struct sk_presence *p;
};
static struct rig rig;

static void
open_as(struct rig *r, enum sk_skald_mode mode)
{
	const struct sk_presence_config cfg = {
		.loop = r->loop, .cache = &r->c.cache, .id = "n1", .mode = mode, .classes = classes
	};

	r->p = sk_presence_open(&cfg);
}

static int
set_up(void **state)
{
	struct sk_err err;

	rig.loop = sk_loop_new(&err);
	assert_non_null(rig.loop);
	cr_open(&rig.c, rig.loop);
	open_as(&rig, SK_MODE_NODE);
	*state = &rig;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *r = *state;

	sk_loop_once(r->loop, 1);
	cr_close(&r->c);
	sk_presence_close(r->p);
	sk_loop_free(r->loop);
	return 0;
}

static void
run(struct rig *r, int64_t ms)
{
	int64_t until = sk_boot_ms() + ms;

	do
		sk_loop_once(r->loop, 2);
	while (sk_boot_ms() < until);
}

static bool
is_beat(const char *text)
{
	return text[0] != '\0' && strspn(text, "0123456789") == strlen(text) && atoi(text) < 200;
}

/* 13.1, 1 and 7: all at once at the start, the mode first; integers as plain digits. */
static void
a_skald_is_seen_at_once_its_mode_before_its_activity(void **state)
{
	struct rig *r = *state;
	char now[40];

	snprintf(now, sizeof(now), "field skalds:hash n1 %lld", (long long)(sk_wall_ms() / 100000));
	assert_true(cr_at(&r->c, "field skalds:mode:hash n1 node 3600000\n") == 0);
	assert_true(cr_at(&r->c, now) > 0);
	assert_true(cr_at(&r->c, " 3600000\nput skalds:n1:heartbeat ") > 0);
	assert_true(is_beat(cr_get(&r->c, "skalds:n1:heartbeat")));
	assert_true(cr_at(&r->c, " 8000\nput skalds:n1:all-task ") > 0);
	assert_true(cr_at(&r->c, "{\"tasks\":[],\"existed_task_ids\":[],\"timestamp\":") > 0);
	assert_true(cr_at(&r->c, "list skalds:n1:allow-task-class-name Job,Plain 3600000\n") > 0);
}

static void
an_edge_says_that_it_is_one(void **state)
{
	struct rig *r = *state;

	sk_presence_close(r->p);
	open_as(r, SK_MODE_EDGE);
	assert_true(cr_at(&r->c, "field skalds:mode:hash n1 edge 3600000\n") > 0);
}

static size_t
count(const struct rig *r, const char *text)
{
	size_t n = 0;

	for (const char *at = sk_str_text(&r->c.log); (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static void
it_is_said_again_every_second(void **state)
{
	struct rig *r = *state;

	run(r, 2500);
	assert_int_equal(count(r, "field skalds:hash n1 "), 3);
	assert_int_equal(count(r, "put skalds:n1:heartbeat "), 3);
	assert_int_equal(count(r, "list skalds:n1:allow-task-class-name "), 3);
}

/* 13.1, 4: the first at once, then once a second, each another than those before. */
static void
a_task_beats_at_once_and_never_says_the_same_twice(void **state)
{
	struct rig *r = *state;
	int seen[8] = { 0 };
	size_t n = 0;

	sk_presence_begin(r->p, 1, "t1", "Job");
	assert_true(is_beat(cr_task(&r->c, "t1", "heartbeat")));
	run(r, 4500);
	for (const char *at = r->c.log.p; (at = strstr(at, "put task:t1:heartbeat ")) != NULL; at++) {
		assert_true(n < 8);
		seen[n++] = atoi(at + strlen("put task:t1:heartbeat "));
	}
	assert_in_range(n, 4, 6);
	for (size_t i = 1; i < n; i++) {
		assert_int_equal(seen[i], (seen[i - 1] + 1) % 200);
		assert_in_range(seen[i], 0, 199);
	}
	assert_true(cr_at(&r->c, " 8000\n") > 0);
	assert_int_equal(count(r, "put task:t1:heartbeat "), n);
}

static void
its_exception_is_cleared_when_it_begins(void **state)
{
	struct rig *r = *state;

	cr_put(&r->c, "task:t1:exception", "of last time");
	sk_presence_begin(r->p, 1, "t1", "Job");
	assert_string_equal(cr_task(&r->c, "t1", "exception"), "");
	sk_presence_begin(r->p, 1, "t1", "Job"); /* twice is once */
	assert_int_equal(count(r, "put task:t1:heartbeat "), 1);
}

/* After our own restart: it goes on, and what is there stays. */
static void
an_adopted_task_keeps_what_is_there(void **state)
{
	struct rig *r = *state;

	cr_put(&r->c, "task:t1:exception", "x");
	sk_presence_adopt(r->p, 1, "t1", "Job");
	assert_string_equal(cr_task(&r->c, "t1", "exception"), "x");
	assert_true(is_beat(cr_task(&r->c, "t1", "heartbeat")));
}

static void
the_list_of_tasks_is_as_the_original_writes_it(void **state)
{
	struct rig *r = *state;
	const char *text;

	sk_presence_begin(r->p, 1, "t\"1", "Job");
	run(r, 2200); /* the second time is the first with another timestamp */
	text = cr_get(&r->c, "skalds:n1:all-task");
	assert_memory_equal(text,
		"{\"tasks\":[{\"id\":\"t\\\"1\",\"class_name\":\"Job\"}],\"existed_task_ids\":[\"t\\\"1\"],"
		"\"timestamp\":1",
		strlen("{\"tasks\":[{\"id\":\"t\\\"1\",\"class_name\":\"Job\"}],\"existed_task_ids\":"
			   "[\"t\\\"1\"],\"timestamp\":1"));
	assert_true(sk_wall_ms() - atoll(strrchr(text, ':') + 1) < 2000);
	assert_string_equal(strrchr(text, ':') + 14, "}");
	sk_presence_drop(r->p, 1);
	run(r, 1100);
	text = cr_get(&r->c, "skalds:n1:all-task");
	assert_memory_equal(text, "{\"tasks\":[],\"existed_task_ids\":[],", 33);
}

static void
ends_are_final_and_a_failure_says_why_before(void **state)
{
	struct rig *r = *state;

	sk_presence_begin(r->p, 1, "good", "Job");
	sk_presence_begin(r->p, 2, "bad", "Job");
	sk_presence_begin(r->p, 3, "gone", "Job");
	sk_presence_end(r->p, 1, "good", SK_BEAT_FINISHED, "", 0);
	sk_presence_end(r->p, 2, "bad", SK_BEAT_FAILED, "two\nlines", 0);
	sk_presence_end(r->p, 3, "gone", SK_BEAT_CANCELLED, "", 0);
	assert_true(cr_at(&r->c, "put task:good:heartbeat 200 3600000\n") > 0);
	assert_true(
		cr_at(&r->c,
			"put task:bad:exception two\nlines 3600000\nput task:bad:heartbeat -1 3600000\n") > 0);
	assert_true(cr_at(&r->c, "put task:gone:heartbeat -2 3600000\n") > 0);
	run(r, 1200); /* no beat comes after an end */
	assert_string_equal(cr_task(&r->c, "good", "heartbeat"), "200");
	assert_string_equal(cr_task(&r->c, "bad", "heartbeat"), "-1");
	assert_string_equal(cr_task(&r->c, "gone", "heartbeat"), "-2");
}

static void
what_is_handed_back_leaves_nothing_and_what_others_have_is_left(void **state)
{
	struct rig *r = *state;

	sk_presence_begin(r->p, 1, "a", "Job");
	sk_presence_begin(r->p, 2, "b", "Job");
	sk_presence_drop(r->p, 1);
	sk_presence_forget(r->p, 2);
	assert_string_equal(cr_task(&r->c, "a", "heartbeat"), "");
	cr_put(&r->c, "task:b:heartbeat", "200");
	run(r, 1200);
	assert_string_equal(cr_task(&r->c, "a", "heartbeat"), "");
	assert_string_equal(cr_task(&r->c, "b", "heartbeat"), "200");
}

/* Nothing else tells of it: a cache that is away for a while must get it. */
static void
an_end_that_only_keys_tell_of_is_written_until_it_is_there(void **state)
{
	struct rig *r = *state;

	sk_presence_begin(r->p, 1, "t1", "Job");
	r->c.away = true;
	sk_presence_end(r->p, 1, "t1", SK_BEAT_FAILED, "why", 1795240643673);
	run(r, 1200);
	r->c.away = false;
	run(r, 1200);
	assert_string_equal(cr_task(&r->c, "t1", "heartbeat"), "-1");
	assert_string_equal(cr_task(&r->c, "t1", "exception"), "why");
	assert_string_equal(cr_get(&r->c, "skalds.ended:t1"), "1795240643673");
	sk_str_clear(&r->c.log);
	run(r, 1200);
	assert_int_equal(cr_at(&r->c, "task:t1:heartbeat"), -1); /* and not for ever */
}

static void
an_end_is_not_written_over_the_next_run(void **state)
{
	struct rig *r = *state;

	sk_presence_begin(r->p, 1, "t1", "Job");
	r->c.away = true;
	sk_presence_end(r->p, 1, "t1", SK_BEAT_FINISHED, "", sk_wall_ms());
	run(r, 20);
	sk_presence_begin(r->p, 1, "t1", "Job");
	r->c.away = false;
	run(r, 1300);
	assert_true(is_beat(cr_task(&r->c, "t1", "heartbeat")));
}

static void
who_leaves_is_not_seen_any_more(void **state)
{
	struct rig *r = *state;

	sk_presence_leave(r->p);
	assert_false(sk_presence_gone(r->p));
	run(r, 1200);
	assert_true(sk_presence_gone(r->p));
	assert_string_equal(cr_get(&r->c, "skalds:n1:heartbeat"), "");
	assert_string_equal(cr_get(&r->c, "skalds:n1:all-task"), "");
	assert_true(cr_at(&r->c, "unfield skalds:hash n1") > 0);
	assert_true(cr_at(&r->c, "unfield skalds:mode:hash n1") > 0);
	assert_true(cr_at(&r->c, "remove skalds:n1:allow-task-class-name") > 0);
	assert_int_equal(count(r, "field skalds:mode:hash n1 node"), 1);
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* With the cache's own cost, which is in this process here. */
static void
a_thousand_tasks_cost_little(void **state)
{
	struct rig *r = *state;
	double before;

	r->c.quiet = true;
	for (uint64_t i = 1; i <= 1000; i++) {
		char id[40];

		snprintf(id, sizeof(id), "01jabcdefghjkmnpqrstvw%04u", (unsigned)i);
		sk_presence_begin(r->p, i, id, "Job");
	}
	run(r, 1100);
	before = cpu_ms();
	{
		int64_t until = sk_boot_ms() + 1000;

		while (sk_boot_ms() < until)
			sk_loop_once(r->loop, 50);
	}
	print_message("# presence of 1,000 tasks for 1 s: %.2f ms of cpu\n", cpu_ms() - before);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(cpu_ms() - before < 5);
#endif
}

/* Those of many tasks are spread over the period. */
static void
beats_do_not_come_all_at_once(void **state)
{
	struct rig *r = *state;
	size_t most = 0, all = 0;

	for (uint64_t i = 1; i <= 200; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%u", (unsigned)i);
		sk_presence_begin(r->p, i, id, "Job");
	}
	run(r, 1050);
	for (int i = 0; i < 20; i++) {
		size_t n;

		sk_str_clear(&r->c.log);
		run(r, 50);
		n = count(r, "put task:");
		most = n > most ? n : most;
		all += n;
	}
	assert_in_range(all, 160, 240);
	assert_in_range(most, 1, 80);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_skald_is_seen_at_once_its_mode_before_its_activity),
		T(an_edge_says_that_it_is_one),
		T(it_is_said_again_every_second),
		T(a_task_beats_at_once_and_never_says_the_same_twice),
		T(its_exception_is_cleared_when_it_begins),
		T(an_adopted_task_keeps_what_is_there),
		T(the_list_of_tasks_is_as_the_original_writes_it),
		T(ends_are_final_and_a_failure_says_why_before),
		T(what_is_handed_back_leaves_nothing_and_what_others_have_is_left),
		T(an_end_that_only_keys_tell_of_is_written_until_it_is_there),
		T(an_end_is_not_written_over_the_next_run),
		T(who_leaves_is_not_seen_any_more),
		T(a_thousand_tasks_cost_little),
		T(beats_do_not_come_all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
