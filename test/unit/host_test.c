/* host_test.c - libevent drives a loop: timers and descriptors of both, hooks, stopping. */
#include "adapters/http/host.h"
#include "core/base/clock.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

struct rig {
	struct sk_loop *loop;
	struct sk_host *host;
	struct sk_timer timer;
	struct sk_host_hook hook;
	int ticks, hooks, events;
	int64_t at_ms, pause_ms; /* of the last tick; arm again so much later */
	int stop_after; /* ticks */
	struct event *ev; /* one of libevent's */
};

static void
tick(void *arg)
{
	struct rig *r = arg;

	r->at_ms = sk_boot_ms();
	if (++r->ticks == r->stop_after)
		sk_host_stop(r->host);
	else if (r->pause_ms > 0)
		sk_timer_set(r->loop, &r->timer, r->at_ms + r->pause_ms);
}

static void
on_hook(void *arg)
{
	((struct rig *)arg)->hooks++;
}

static void
open_rig(struct rig *r)
{
	struct sk_err err;

	*r = (struct rig){ .loop = sk_loop_new(&err), .stop_after = 1 };
	assert_non_null(r->loop);
	r->host = sk_host_open(r->loop, &err);
	assert_non_null(r->host);
	assert_ptr_equal(sk_host_loop(r->host), r->loop);
	r->timer = (struct sk_timer){ .fn = tick, .arg = r };
	r->hook = (struct sk_host_hook){ .fn = on_hook, .arg = r };
	sk_host_hook_add(r->host, &r->hook);
}

static void
close_rig(struct rig *r)
{
	sk_host_close(r->host);
	sk_loop_free(r->loop);
}

static void
a_timer_of_the_loop_fires_in_time(void **state)
{
	struct rig r;
	int64_t due = sk_boot_ms() + 30;

	(void)state;
	open_rig(&r);
	sk_timer_set(r.loop, &r.timer, due);
	sk_host_run(r.host);
	assert_int_equal(r.ticks, 1);
	assert_in_range(r.at_ms, due, due + 500);
	close_rig(&r);
}

static void
timers_are_armed_again_and_again(void **state)
{
	struct rig r;
	int64_t began = sk_boot_ms();

	(void)state;
	open_rig(&r);
	r.pause_ms = 5;
	r.stop_after = 10;
	sk_timer_set(r.loop, &r.timer, 0); /* due long ago */
	sk_host_run(r.host);
	assert_int_equal(r.ticks, 10);
	assert_true(sk_boot_ms() - began >= 45);
	/* a round wakes up for a reason: a clock of coarse steps may add some */
	assert_in_range(r.hooks, 10, 100);
	close_rig(&r);
}

static void
on_pipe(uint32_t events, void *arg)
{
	struct rig *r = arg;

	assert_true(events & EPOLLIN);
	r->events++;
	sk_host_stop(r->host);
}

static void
a_descriptor_of_the_loop_is_served(void **state)
{
	struct rig r;
	struct sk_err err;
	struct sk_watch *w;
	int ends[2];

	(void)state;
	open_rig(&r);
	assert_int_equal(pipe(ends), 0);
	w = sk_watch_add(r.loop, ends[0], EPOLLIN, on_pipe, &r, &err);
	assert_non_null(w);
	sk_host_once(r.host, 0);
	assert_int_equal(r.events, 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	sk_host_run(r.host);
	assert_int_equal(r.events, 1);
	sk_watch_remove(w);
	close_rig(&r);
	close(ends[0]);
	close(ends[1]);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct rig *r = arg;

	(void)fd;
	(void)what;
	r->events++;
	sk_timer_set(r->loop, &r->timer, sk_boot_ms() + 10);
}

/* The host waits for ever when libevent's callback arms the loop's first timer. */
static void
a_callback_of_libevent_may_arm_a_timer_of_the_loop(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r);
	r.ev = event_new(sk_host_base(r.host), -1, 0, on_event, &r);
	assert_non_null(r.ev);
	event_active(r.ev, EV_TIMEOUT, 0);
	sk_host_run(r.host);
	assert_int_equal(r.events, 1);
	assert_int_equal(r.ticks, 1);
	event_free(r.ev);
	close_rig(&r);
}

static void
arm_once(void *arg)
{
	struct rig *r = arg;

	if (r->hooks++ == 0)
		sk_timer_set(r->loop, &r->timer, sk_boot_ms() + 10);
}

static void
a_hook_may_arm_a_timer_of_the_loop(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r);
	r.hook.fn = arm_once;
	sk_host_once(r.host, 0);
	assert_int_equal(r.hooks, 1);
	sk_host_run(r.host);
	assert_int_equal(r.ticks, 1);
	close_rig(&r);
}

static void
a_timer_may_be_taken_back_or_moved(void **state)
{
	struct rig r;
	int64_t began = sk_boot_ms();

	(void)state;
	open_rig(&r);
	sk_timer_set(r.loop, &r.timer, sk_boot_ms() + 20);
	sk_host_once(r.host, 0);
	sk_timer_clear(r.loop, &r.timer);
	sk_host_once(r.host, 40);
	assert_int_equal(r.ticks, 0);
	sk_timer_set(r.loop, &r.timer, sk_boot_ms() + 60000);
	sk_host_once(r.host, 0);
	sk_timer_set(r.loop, &r.timer, sk_boot_ms() + 5); /* earlier */
	sk_host_run(r.host);
	assert_int_equal(r.ticks, 1);
	assert_true(sk_boot_ms() - began < 10000);
	close_rig(&r);
}

static void
one_round_waits_as_long_as_it_may(void **state)
{
	struct rig r;
	int64_t began = sk_boot_ms();

	(void)state;
	open_rig(&r);
	sk_host_once(r.host, 0);
	assert_true(sk_boot_ms() - began < 5000);
	began = sk_boot_ms();
	sk_host_once(r.host, 30);
	assert_in_range(sk_boot_ms() - began, 25, 5000); /* libevent's clock has steps of 4 ms */
	assert_int_equal(r.hooks, 2);
	close_rig(&r);
}

static void
an_idle_host_does_nothing(void **state)
{
	struct rig r;
	struct rusage before, after;

	(void)state;
	open_rig(&r);
	sk_timer_set(r.loop, &r.timer, sk_boot_ms() + 200);
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	sk_host_run(r.host);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_true(r.hooks < 10);
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);
	close_rig(&r);
}

struct chain {
	struct sk_host_hook hook;
	struct sk_host *host;
	struct chain *victim;
	int n, *order, place;
};

static void
link_of_chain(void *arg)
{
	struct chain *c = arg;

	c->n++;
	c->place = ++*c->order;
	if (c->victim != NULL)
		sk_host_hook_remove(c->host, &c->victim->hook);
}

static void
hooks_run_in_order_and_may_remove_each_other(void **state)
{
	struct rig r;
	struct chain c[4];
	int order = 0;

	(void)state;
	open_rig(&r);
	for (int i = 0; i < 4; i++) {
		c[i] = (struct chain){
			.hook = { .fn = link_of_chain, .arg = &c[i] }, .host = r.host, .order = &order
		};
		sk_host_hook_add(r.host, &c[i].hook);
	}
	sk_host_once(r.host, 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(c[i].place, i + 1);
	c[0].victim = &c[1]; /* the next one */
	c[2].victim = &c[2]; /* itself */
	c[3].victim = &c[0]; /* one that was called */
	sk_host_once(r.host, 0);
	sk_host_once(r.host, 0);
	assert_int_equal(c[0].n, 2);
	assert_int_equal(c[1].n, 1);
	assert_int_equal(c[2].n, 2);
	assert_int_equal(c[3].n, 3);
	sk_host_hook_remove(r.host, &c[1].hook); /* gone already */
	close_rig(&r);
}

static void
a_stop_before_the_run_ends_it_at_once(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r);
	sk_host_stop(r.host);
	sk_host_run(r.host);
	assert_int_equal(r.hooks, 0);
	sk_timer_set(r.loop, &r.timer, 0); /* the next run is a new one */
	sk_host_run(r.host);
	assert_int_equal(r.ticks, 1);
	sk_host_close(NULL);
	close_rig(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_of_the_loop_fires_in_time),
		cmocka_unit_test(timers_are_armed_again_and_again),
		cmocka_unit_test(a_descriptor_of_the_loop_is_served),
		cmocka_unit_test(a_callback_of_libevent_may_arm_a_timer_of_the_loop),
		cmocka_unit_test(a_hook_may_arm_a_timer_of_the_loop),
		cmocka_unit_test(a_timer_may_be_taken_back_or_moved),
		cmocka_unit_test(one_round_waits_as_long_as_it_may),
		cmocka_unit_test(an_idle_host_does_nothing),
		cmocka_unit_test(hooks_run_in_order_and_may_remove_each_other),
		cmocka_unit_test(a_stop_before_the_run_ends_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
