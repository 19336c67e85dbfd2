/* loop_test.c - descriptors and timers on one thread. */
#include "core/base/loop.h"
#include "core/base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct sk_loop *
new_loop(void)
{
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);

	assert_non_null(loop);
	return loop;
}

/* ---- timers ---- */

struct ticks {
	struct sk_loop *loop;
	struct sk_timer timer;
	int n, limit;
	int64_t pause_ms; /* arm again so much later; -1 = not */
	int64_t at_ms;
	struct ticks *victim; /* disarm this one */
};

static void
tick(void *arg)
{
	struct ticks *t = arg;

	t->n++;
	t->at_ms = sk_boot_ms();
	if (t->victim != NULL)
		sk_timer_clear(t->loop, &t->victim->timer);
	if (t->pause_ms != -1 && t->n < t->limit)
		sk_timer_set(t->loop, &t->timer, sk_boot_ms() + t->pause_ms);
}

static void
ticks_init(struct ticks *t, struct sk_loop *loop)
{
	*t = (struct ticks){ .loop = loop, .pause_ms = -1, .limit = 1000000 };
	t->timer = (struct sk_timer){ .fn = tick, .arg = t };
}

static void
a_timer_fires_once_and_not_before_its_time(void **state)
{
	struct sk_loop *loop = new_loop();
	struct ticks t;
	int64_t due_ms = sk_boot_ms() + 15;

	(void)state;
	ticks_init(&t, loop);
	sk_timer_set(loop, &t.timer, due_ms);
	assert_int_not_equal(t.timer.pos, 0);
	while (t.n == 0)
		sk_loop_once(loop, -1);
	assert_true(t.at_ms >= due_ms);
	assert_int_equal(t.timer.pos, 0);
	sk_loop_once(loop, 5);
	assert_int_equal(t.n, 1);
	sk_loop_free(loop);
}

static void
a_timer_moves_and_can_be_taken_back(void **state)
{
	struct sk_loop *loop = new_loop();
	struct ticks t, never;

	(void)state;
	ticks_init(&t, loop);
	ticks_init(&never, loop);
	sk_timer_clear(loop, &never.timer); /* not armed */
	sk_timer_set(loop, &t.timer, sk_boot_ms() + 3600000);
	sk_timer_set(loop, &never.timer, sk_boot_ms());
	sk_timer_set(loop, &t.timer, sk_boot_ms()); /* earlier */
	sk_timer_clear(loop, &never.timer);
	sk_timer_clear(loop, &never.timer);
	sk_loop_once(loop, 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(never.n, 0);
	sk_timer_set(loop, &t.timer, sk_boot_ms());
	sk_timer_set(loop, &t.timer, sk_boot_ms() + 3600000); /* later */
	sk_loop_once(loop, 2);
	assert_int_equal(t.n, 1);
	sk_loop_free(loop);
}

static void
the_wait_ends_at_the_limit_or_at_a_timer(void **state)
{
	struct sk_loop *loop = new_loop();
	struct ticks t;
	int64_t begin = sk_boot_ms();

	(void)state;
	sk_loop_once(loop, 0);
	sk_loop_once(loop, 10);
	assert_true(sk_boot_ms() - begin >= 10);
	ticks_init(&t, loop);
	sk_timer_set(loop, &t.timer, INT64_MAX); /* no overflow */
	sk_loop_once(loop, 1);
	sk_timer_set(loop, &t.timer, -5); /* long ago */
	sk_loop_once(loop, -1);
	assert_int_equal(t.n, 1);
	assert_true(sk_boot_ms() - begin < 5000);
	sk_loop_free(loop);
}

struct order {
	struct sk_timer timer;
	int64_t *last;
	size_t *n;
};

static void
in_order(void *arg)
{
	struct order *o = arg;

	assert_true(o->timer.due_ms >= *o->last);
	*o->last = o->timer.due_ms;
	++*o->n;
}

/* The heap against chance: set, move, clear; what is left fires in order. */
static void
many_timers_fire_in_the_order_of_their_times(void **state)
{
	enum { N = 3000 };
	static struct order all[N];
	struct sk_loop *loop = new_loop();
	int64_t last = 0;
	size_t n = 0, armed = 0;

	(void)state;
	srand(3);
	for (size_t i = 0; i < N; i++)
		all[i] = (struct order){ { .fn = in_order, .arg = &all[i] }, &last, &n };
	for (int step = 0; step < 30000; step++) {
		struct order *o = &all[rand() % N];

		if (rand() % 3 == 0)
			sk_timer_clear(loop, &o->timer);
		else
			sk_timer_set(loop, &o->timer, 1 + rand() % 1000); /* all in the past */
	}
	for (size_t i = 0; i < N; i++)
		armed += all[i].timer.pos != 0;
	for (size_t i = 0; i < N && n < armed; i++)
		sk_loop_once(loop, 0);
	assert_int_equal(n, armed);
	sk_loop_free(loop);
}

static void
a_timer_may_arm_itself_and_disarm_others(void **state)
{
	struct sk_loop *loop = new_loop();
	struct ticks a, b;
	int64_t now = sk_boot_ms();

	(void)state;
	ticks_init(&a, loop);
	ticks_init(&b, loop);
	a.victim = &b;
	a.pause_ms = 1;
	a.limit = 3;
	sk_timer_set(loop, &a.timer, now - 2);
	sk_timer_set(loop, &b.timer, now - 1);
	for (int i = 0; i < 50 && a.n < 3; i++)
		sk_loop_once(loop, 20);
	assert_int_equal(a.n, 3);
	assert_int_equal(b.n, 0);
	sk_loop_free(loop);
}

static void
a_timer_that_is_always_due_does_not_starve_the_rest(void **state)
{
	struct sk_loop *loop = new_loop();
	struct ticks t;

	(void)state;
	ticks_init(&t, loop);
	t.pause_ms = -1000; /* due in the past, again and again */
	t.limit = 100000;
	sk_timer_set(loop, &t.timer, sk_boot_ms() - 1000);
	sk_loop_once(loop, -1);
	assert_true(t.n < 10); /* a round ended */
	sk_timer_clear(loop, &t.timer);
	sk_loop_free(loop);
}

static void
the_next_timer_is_known_to_who_drives_the_loop(void **state)
{
	struct sk_loop *loop = new_loop();
	struct ticks a, b;

	(void)state;
	ticks_init(&a, loop);
	ticks_init(&b, loop);
	assert_int_equal(sk_loop_next_ms(loop), -1);
	sk_timer_set(loop, &a.timer, 2000);
	sk_timer_set(loop, &b.timer, 1000);
	assert_int_equal(sk_loop_next_ms(loop), 1000);
	sk_timer_clear(loop, &b.timer);
	assert_int_equal(sk_loop_next_ms(loop), 2000);
	sk_timer_set(loop, &b.timer, -1); /* long ago, and not "none" */
	assert_int_equal(sk_loop_next_ms(loop), 0);
	sk_loop_once(loop, 0);
	assert_int_equal(sk_loop_next_ms(loop), -1);
	sk_loop_free(loop);
}

/* ---- descriptors ---- */

struct port {
	struct sk_loop *loop;
	struct sk_watch *watch;
	int fd, n;
	uint32_t events;
	bool remove_self, drain;
	struct port *victim;
};

static void
ready(uint32_t events, void *arg)
{
	struct port *p = arg;
	char buf[64];

	p->n++;
	p->events = events;
	if (p->drain)
		assert_true(read(p->fd, buf, sizeof(buf)) >= 0);
	if (p->remove_self) {
		sk_watch_remove(p->watch);
		p->watch = NULL;
	}
	if (p->victim != NULL && p->victim->watch != NULL) {
		sk_watch_remove(p->victim->watch);
		p->victim->watch = NULL;
		close(p->victim->fd);
	}
}

static void
port_open(struct port *p, struct sk_loop *loop, int fd, uint32_t events)
{
	struct sk_err err;

	*p = (struct port){ .loop = loop, .fd = fd };
	p->watch = sk_watch_add(loop, fd, events, ready, p, &err);
	assert_non_null(p->watch);
}

static void
a_readable_descriptor_is_called_until_it_is_read(void **state)
{
	struct sk_loop *loop = new_loop();
	struct port p;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	port_open(&p, loop, ends[0], EPOLLIN);
	sk_loop_once(loop, 0);
	assert_int_equal(p.n, 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	sk_loop_once(loop, 0);
	sk_loop_once(loop, 0);
	assert_int_equal(p.n, 2);
	assert_true(p.events & EPOLLIN);
	p.drain = true;
	sk_loop_once(loop, 0);
	sk_loop_once(loop, 0);
	assert_int_equal(p.n, 3);
	close(ends[1]);
	sk_loop_once(loop, 0);
	assert_true(p.events & EPOLLHUP);
	sk_watch_remove(p.watch);
	sk_loop_once(loop, 0);
	assert_int_equal(p.n, 4);
	close(ends[0]);
	sk_loop_free(loop);
}

static void
what_is_watched_can_change(void **state)
{
	struct sk_loop *loop = new_loop();
	struct port p;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	port_open(&p, loop, ends[0], EPOLLIN | EPOLLOUT);
	sk_loop_once(loop, 0);
	assert_int_equal(p.events, EPOLLOUT);
	sk_watch_set(p.watch, EPOLLIN);
	sk_watch_set(p.watch, EPOLLIN);
	sk_loop_once(loop, 0);
	assert_int_equal(p.n, 1);
	sk_watch_set(p.watch, 0); /* pause */
	assert_int_equal(write(ends[1], "x", 1), 1);
	sk_loop_once(loop, 0);
	assert_int_equal(p.n, 1);
	sk_watch_set(p.watch, EPOLLIN);
	sk_loop_once(loop, 0);
	assert_int_equal(p.n, 2);
	sk_watch_remove(p.watch);
	sk_loop_free(loop);
	close(ends[0]);
	close(ends[1]);
}

/* Both are ready in one round; whoever comes first removes and closes the other. */
static void
a_callback_may_remove_itself_and_others_that_are_ready_too(void **state)
{
	struct sk_loop *loop = new_loop();
	struct port p[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], "x", 1), 1);
		close(ends[1]);
		port_open(&p[i], loop, ends[0], EPOLLIN);
		p[i].remove_self = true;
	}
	p[0].victim = &p[1];
	p[1].victim = &p[0];
	sk_loop_once(loop, 0);
	assert_int_equal(p[0].n + p[1].n, 1);
	sk_loop_once(loop, 0);
	assert_int_equal(p[0].n + p[1].n, 1);
	close(p[0].n == 1 ? p[0].fd : p[1].fd);
	sk_watch_remove(NULL);
	sk_loop_free(loop);
}

static void
a_watch_that_was_removed_and_added_again_is_called_for_the_new_one_only(void **state)
{
	struct sk_loop *loop = new_loop();
	struct port old, new;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	port_open(&old, loop, ends[0], EPOLLIN);
	sk_watch_remove(old.watch);
	port_open(&new, loop, ends[0], EPOLLIN);
	sk_loop_once(loop, 0);
	assert_int_equal(old.n, 0);
	assert_int_equal(new.n, 1);
	sk_watch_remove(new.watch);
	sk_loop_free(loop);
	close(ends[0]);
	close(ends[1]);
}

static void
what_cannot_be_watched_is_an_error_with_its_reason(void **state)
{
	struct sk_loop *loop = new_loop();
	struct sk_err err = { SK_OK, "" };

	(void)state;
	assert_null(sk_watch_add(loop, 1 << 20, EPOLLIN, ready, NULL, &err));
	assert_int_equal(err.code, SK_EIO);
	assert_non_null(strstr(err.msg, "Bad file descriptor"));
	assert_null(sk_watch_add(loop, 1 << 20, EPOLLIN, ready, NULL, NULL));
	sk_loop_free(loop);
	sk_loop_free(NULL);
}

static void
hundreds_of_ready_descriptors_are_all_served(void **state)
{
	enum { N = 300 };
	static struct port p[N];
	struct sk_loop *loop = new_loop();
	int total = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], "x", 1), 1);
		close(ends[1]);
		port_open(&p[i], loop, ends[0], EPOLLIN);
		p[i].remove_self = true;
	}
	for (int i = 0; i < 10; i++)
		sk_loop_once(loop, 0);
	for (int i = 0; i < N; i++) {
		total += p[i].n;
		close(p[i].fd);
	}
	assert_int_equal(total, N);
	sk_loop_free(loop);
}

static bool
readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_true(poll(&p, 1, 0) >= 0);
	return p.revents & POLLIN;
}

static void
the_loop_is_a_descriptor_that_is_readable_when_one_of_its_is(void **state)
{
	struct sk_loop *loop = new_loop();
	struct port p;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	port_open(&p, loop, ends[0], EPOLLIN);
	p.drain = true;
	assert_false(readable(sk_loop_fd(loop)));
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_true(readable(sk_loop_fd(loop)));
	sk_loop_once(loop, 0);
	assert_int_equal(p.n, 1);
	assert_false(readable(sk_loop_fd(loop)));
	sk_watch_remove(p.watch);
	sk_loop_free(loop);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_fires_once_and_not_before_its_time),
		cmocka_unit_test(a_timer_moves_and_can_be_taken_back),
		cmocka_unit_test(the_wait_ends_at_the_limit_or_at_a_timer),
		cmocka_unit_test(many_timers_fire_in_the_order_of_their_times),
		cmocka_unit_test(a_timer_may_arm_itself_and_disarm_others),
		cmocka_unit_test(a_timer_that_is_always_due_does_not_starve_the_rest),
		cmocka_unit_test(the_next_timer_is_known_to_who_drives_the_loop),
		cmocka_unit_test(a_readable_descriptor_is_called_until_it_is_read),
		cmocka_unit_test(what_is_watched_can_change),
		cmocka_unit_test(a_callback_may_remove_itself_and_others_that_are_ready_too),
		cmocka_unit_test(a_watch_that_was_removed_and_added_again_is_called_for_the_new_one_only),
		cmocka_unit_test(what_cannot_be_watched_is_an_error_with_its_reason),
		cmocka_unit_test(hundreds_of_ready_descriptors_are_all_served),
		cmocka_unit_test(the_loop_is_a_descriptor_that_is_readable_when_one_of_its_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
