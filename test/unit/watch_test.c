/* watch_test.c - the ring of recent events and who waits for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "core/base/clock.h"
#include "core/control/control_priv.h"
#include "core/control/watch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL 1700000000000

/* Only what the watchers need of a controller. */
struct rig {
	struct sk_control c;
	int64_t start; /* the number before the first event */
};

static int64_t
wall(void *arg)
{
	(void)arg;
	return WALL;
}

static int
setup(void **state)
{
	struct rig *r = sk_xcalloc(1, sizeof(*r));
	struct sk_err err;

	r->c.cfg.loop = sk_loop_new(&err);
	r->c.cfg.bus = sk_bus_local_open(&(struct sk_bus_local_config){ .loop = r->c.cfg.loop });
	r->c.cfg.wall_ms = wall;
	r->c.watchers = sk_watchers_new(&r->c);
	r->start = WALL * 1000;
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;

	sk_watchers_free(r->c.watchers);
	r->c.cfg.bus->ops->close(r->c.cfg.bus);
	sk_loop_free(r->c.cfg.loop);
	free(r);
	return 0;
}

static void
tell(struct rig *r, enum sk_event_kind kind, const char *task, const char *message)
{
	const struct sk_event e = { .kind = kind,
		.time_ms = WALL,
		.task = task,
		.class_name = "Noop",
		.attempt = 1,
		.skald = "n1",
		.stage = "",
		.message = message };

	assert_int_equal(sk_bus_publish(r->c.cfg.bus, SK_TOPIC_EVENT, &e), SK_OK);
}

static void
deliver(struct rig *r)
{
	for (int i = 0; i < 4; i++)
		sk_loop_once(r->c.cfg.loop, 0);
}

static void
reads(struct rig *r, int64_t after, const char *task, size_t max, const char *want, int64_t next)
{
	struct sk_event_read read = { .after = after, .task = task, .max = max };
	struct sk_str out = SK_STR_INIT;

	sk_events_read(&r->c, &read, &out);
	assert_string_equal(sk_str_text(&out), want);
	assert_int_equal(read.next - r->start, next);
	sk_str_release(&out);
}

#define LINE(n, kind, task) \
	"{\"seq\":1700000000000" n ",\"time\":1700000000000,\"event\":\"" kind "\",\"taskId\":\"" task \
	"\",\"className\":\"Noop\",\"attempt\":1,\"skald\":\"n1\"}\n"

/* ---- the ring ---- */

static void
events_are_read_after_a_number(void **state)
{
	struct rig *r = *state;

	reads(r, 0, "", 100, "", 0);
	reads(r, -1, "", 100, "", 0);
	tell(r, SK_EVENT_ASSIGNED, "a", "");
	tell(r, SK_EVENT_STARTED, "b", "");
	tell(r, SK_EVENT_FINISHED, "a", "");
	deliver(r);
	reads(r, 0, "", 100,
		LINE("001", "assigned", "a") LINE("002", "started", "b") LINE("003", "finished", "a"), 3);
	reads(r, r->start + 1, "", 100, LINE("002", "started", "b") LINE("003", "finished", "a"), 3);
	reads(r, r->start + 1, "", 1, LINE("002", "started", "b"), 2);
	reads(r, r->start + 3, "", 100, "", 3);
	reads(r, -1, "", 100, "", 3);
}

static void
events_of_one_task(void **state)
{
	struct rig *r = *state;

	tell(r, SK_EVENT_ASSIGNED, "a", "");
	tell(r, SK_EVENT_STARTED, "b", "");
	tell(r, SK_EVENT_FINISHED, "a", "");
	tell(r, SK_EVENT_FINISHED, "aa", "");
	deliver(r);
	reads(r, 0, "a", 100, LINE("001", "assigned", "a") LINE("003", "finished", "a"), 4);
	reads(r, 0, "a", 1, LINE("001", "assigned", "a"), 1);
	reads(r, 0, "c", 100, "", 4);
}

static void
a_number_that_is_gone_or_of_another_time_is_a_gap(void **state)
{
	struct rig *r = *state;

	tell(r, SK_EVENT_ASSIGNED, "a", "");
	deliver(r);
	reads(r, 17, "", 100,
		"{\"seq\":1700000000000000,\"time\":1700000000000,\"event\":\"gap\"}\n" LINE(
			"001", "assigned", "a"),
		1);
	reads(r, r->start + 9, "", 100,
		"{\"seq\":1700000000000000,\"time\":1700000000000,\"event\":\"gap\"}\n" LINE(
			"001", "assigned", "a"),
		1);
}

/* The lines that are there are whole, numbers have no hole, the latest is the last. */
static void
check_ring(struct rig *r, int64_t last)
{
	struct sk_event_read read = { .after = 0, .task = "", .max = 1000000 };
	struct sk_str out = SK_STR_INIT;
	int64_t before = 0, seq = 0;
	char *line;

	sk_events_read(&r->c, &read, &out);
	assert_int_equal(read.next - r->start, last);
	for (line = strtok(out.p, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		struct sk_arena *a = sk_arena_new();
		struct sk_problems p;
		const struct sk_value *v;

		sk_problems_init(&p, a, "");
		v = sk_json_parse(line, strlen(line), a, &p);
		assert_non_null(v);
		seq = sk_map_get(v, "seq")->u.i;
		assert_true(before == 0 || seq == before + 1);
		before = seq;
		assert_int_equal(atoll(sk_map_get(v, "taskId")->u.str.s), seq - r->start);
		sk_arena_free(a);
	}
	assert_int_equal(seq - r->start, last);
	sk_str_release(&out);
}

static void
the_ring_forgets_the_oldest(void **state)
{
	struct rig *r = *state;
	struct sk_event_read read = { .after = 1, .task = "", .max = 1 };
	struct sk_str out = SK_STR_INIT;
	char id[32];

	for (int i = 1; i <= 100000; i++) {
		snprintf(id, sizeof(id), "%d", i);
		tell(r, SK_EVENT_CREATED, id, "");
		if (i % 1000 == 0)
			deliver(r);
	}
	check_ring(r, 100000);
	read.after = r->start + 5;
	sk_events_read(&r->c, &read, &out);
	assert_non_null(strstr(sk_str_text(&out), "\"event\":\"gap\""));
	sk_str_release(&out);
}

/* Long texts push out more than their own place: what is left is still whole. */
static void
long_texts_are_cut_and_push_others_out(void **state)
{
	struct rig *r = *state;
	char *text = sk_xmalloc(5001), id[32];
	uint32_t random = 1;

	for (int i = 1; i <= 30000; i++) {
		size_t n = (random = random * 1103515245u + 12345u) >> 16;

		n = i % 3 == 0 ? n % 5000 : n % 40;
		memset(text, '"', n);
		text[n] = '\0';
		snprintf(id, sizeof(id), "%d", i);
		tell(r, SK_EVENT_FAILED, id, text);
		if (i % 100 == 0)
			deliver(r);
		if (i % 7500 == 0)
			check_ring(r, i);
	}
	free(text);
}

static void
an_event_without_texts_is_one(void **state)
{
	struct rig *r = *state;
	const struct sk_event e = { .kind = SK_EVENT_SKALD, .time_ms = 5, .task = "", .skald = "n1" };

	assert_int_equal(sk_bus_publish(r->c.cfg.bus, SK_TOPIC_EVENT, &e), SK_OK);
	deliver(r);
	reads(r, 0, "", 10,
		"{\"seq\":1700000000000001,\"time\":5,\"event\":\"skald\",\"skald\":\"n1\"}\n", 1);
}

/* ---- waiters ---- */

struct waiting {
	struct sk_waiter w;
	struct sk_control *c;
	int called;
	struct sk_waiter *stops; /* another one that is stopped when this is called */
	bool again;
};

static void
called(void *arg)
{
	struct waiting *w = arg;

	w->called++;
	if (w->stops != NULL)
		sk_waiter_stop(w->stops);
	if (w->again)
		sk_waiter_start(w->c, &w->w);
}

static void
wait_for(struct rig *r, struct waiting *w, const char *task, bool all)
{
	w->c = &r->c;
	w->w.fn = called;
	w->w.arg = w;
	w->w.task = task;
	w->w.all = all;
	w->w.deadline_ms = sk_boot_ms() + 60000;
	sk_waiter_start(&r->c, &w->w);
}

static void
a_waiter_is_called_once(void **state)
{
	struct rig *r = *state;
	struct waiting any = { 0 }, a = { 0 }, every_a = { 0 }, b = { 0 };

	wait_for(r, &any, NULL, false);
	wait_for(r, &a, "a", false);
	wait_for(r, &every_a, "a", true);
	wait_for(r, &b, "b", false);
	tell(r, SK_EVENT_STARTED, "a", "");
	deliver(r);
	assert_int_equal(any.called, 1);
	assert_int_equal(a.called, 0);
	assert_int_equal(every_a.called, 1);
	tell(r, SK_EVENT_FINISHED, "a", "");
	tell(r, SK_EVENT_FINISHED, "a", "");
	deliver(r);
	assert_int_equal(any.called, 1);
	assert_int_equal(a.called, 1);
	assert_int_equal(every_a.called, 1);
	assert_int_equal(b.called, 0);
	sk_waiter_stop(&b.w);
	sk_waiter_stop(&b.w);
	tell(r, SK_EVENT_FINISHED, "b", "");
	deliver(r);
	assert_int_equal(b.called, 0);
}

static void
every_end_of_an_attempt_wakes(void **state)
{
	static const enum sk_event_kind ends[] = { SK_EVENT_FINISHED, SK_EVENT_FAILED,
		SK_EVENT_CANCELLED, SK_EVENT_RETRYING, SK_EVENT_INTERRUPTED };
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct waiting w = { 0 };

		wait_for(r, &w, "t", false);
		tell(r, ends[i], "t", "");
		deliver(r);
		assert_int_equal(w.called, 1);
	}
}

static void
a_waiter_may_stop_others_and_wait_again(void **state)
{
	struct rig *r = *state;
	struct waiting a = { 0 }, b = { 0 };

	wait_for(r, &a, NULL, false);
	wait_for(r, &b, NULL, false);
	a.stops = &b.w;
	b.stops = &a.w;
	tell(r, SK_EVENT_STARTED, "x", "");
	deliver(r);
	assert_int_equal(a.called + b.called, 1);
	a = b = (struct waiting){ 0 };
	wait_for(r, &a, NULL, false);
	a.again = true;
	tell(r, SK_EVENT_STARTED, "x", "");
	deliver(r);
	tell(r, SK_EVENT_STARTED, "x", "");
	deliver(r);
	assert_int_equal(a.called, 2);
	sk_waiter_stop(&a.w);
}

static void
a_deadline_wakes_too(void **state)
{
	struct rig *r = *state;
	struct waiting w = { 0 };

	wait_for(r, &w, "t", false);
	sk_waiter_stop(&w.w);
	w.w.deadline_ms = sk_boot_ms() + 5;
	sk_waiter_start(&r->c, &w.w);
	while (w.called == 0)
		sk_loop_once(r->c.cfg.loop, 100);
	assert_true(sk_boot_ms() >= w.w.deadline_ms);
	assert_int_equal(w.called, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events_are_read_after_a_number, setup, teardown),
		cmocka_unit_test_setup_teardown(events_of_one_task, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_number_that_is_gone_or_of_another_time_is_a_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(the_ring_forgets_the_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(long_texts_are_cut_and_push_others_out, setup, teardown),
		cmocka_unit_test_setup_teardown(an_event_without_texts_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(a_waiter_is_called_once, setup, teardown),
		cmocka_unit_test_setup_teardown(every_end_of_an_attempt_wakes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_waiter_may_stop_others_and_wait_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_deadline_wakes_too, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
