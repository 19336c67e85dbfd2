#include "adapters/http/host.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

struct sk_host {
	struct sk_loop *loop;
	struct event_base *base;
	struct event ready, due, limit; /* the loop's descriptor, its next timer, sk_host_once */
	int64_t armed_ms; /* what `due` is set for; -1 = not set */
	struct sk_host_hook *hooks, *next_hook; /* next_hook: where the walk goes on */
	bool stop;
};

static void
log_line(int severity, const char *msg)
{
	static const enum sk_level levels[] = { SK_DEBUG, SK_INFO, SK_WARNING, SK_ERROR };

	sk_log(severity >= 0 && severity < 4 ? levels[severity] : SK_ERROR, "libevent", "%s", msg);
}

/* libevent would end the process by exit(), quietly. */
static void
on_fatal(int code)
{
	sk_log(SK_CRITICAL, "libevent", "fatal error %d", code);
	abort();
}

static void
run_loop(evutil_socket_t fd, short what, void *arg)
{
	struct sk_host *h = arg;

	(void)fd;
	if (what & EV_TIMEOUT)
		h->armed_ms = -1;
	sk_loop_once(h->loop, 0);
}

static void
do_nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static struct timeval
in_ms(int64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

/* Registering and removing the same event within a round costs no system call with a change list;
 * it is safe because no descriptor here is ever duplicated. */
static struct event_base *
make_base(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (cfg == NULL)
		return NULL;
	if (event_config_avoid_method(cfg, "poll") == 0 &&
		event_config_avoid_method(cfg, "select") == 0 &&
		event_config_set_flag(cfg,
			EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
				EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
		base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	return base;
}

struct sk_host *
sk_host_open(struct sk_loop *loop, struct sk_err *err)
{
	struct sk_host *h;
	struct event_base *base;

	event_set_mem_functions(sk_xmalloc, sk_xrealloc, free); /* out of memory: as everywhere */
	event_set_log_callback(log_line);
	event_set_fatal_callback(on_fatal);
	base = make_base();
	if (base == NULL) {
		sk_fail_errno(err, "libevent gives no event base");
		return NULL;
	}
	h = sk_xcalloc(1, sizeof(*h));
	*h = (struct sk_host){ .loop = loop, .base = base, .armed_ms = -1 };
	if (event_assign(&h->ready, base, sk_loop_fd(loop), EV_READ | EV_PERSIST, run_loop, h) != 0 ||
		event_assign(&h->due, base, -1, 0, run_loop, h) != 0 ||
		event_assign(&h->limit, base, -1, 0, do_nothing, NULL) != 0 ||
		event_add(&h->ready, NULL) != 0) {
		sk_fail_errno(err, "libevent does not take the loop's descriptor");
		event_base_free(base);
		free(h);
		return NULL;
	}
	return h;
}

void
sk_host_close(struct sk_host *h)
{
	if (h == NULL)
		return;
	event_del(&h->ready);
	event_del(&h->due);
	event_del(&h->limit);
	event_base_free(h->base); /* runs what libevent has put off: frees, closes */
	free(h);
}

struct event_base *
sk_host_base(const struct sk_host *h)
{
	return h->base;
}

struct sk_loop *
sk_host_loop(const struct sk_host *h)
{
	return h->loop;
}

void
sk_host_hook_add(struct sk_host *h, struct sk_host_hook *hook)
{
	struct sk_host_hook **at = &h->hooks;

	while (*at != NULL)
		at = &(*at)->next;
	hook->next = NULL;
	*at = hook;
}

void
sk_host_hook_remove(struct sk_host *h, struct sk_host_hook *hook)
{
	struct sk_host_hook **at = &h->hooks;

	while (*at != NULL && *at != hook)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = hook->next;
	if (h->next_hook == hook)
		h->next_hook = hook->next;
}

static void
run_hooks(struct sk_host *h)
{
	struct sk_host_hook *hook;

	for (h->next_hook = h->hooks; (hook = h->next_hook) != NULL;) {
		h->next_hook = hook->next;
		hook->fn(hook->arg);
	}
}

/* Any callback, libevent's too, may have armed or cleared timers of the loop. */
static void
arm(struct sk_host *h)
{
	int64_t next = sk_loop_next_ms(h->loop), left;
	struct timeval tv;

	if (next == -1) {
		if (h->armed_ms != -1)
			event_del(&h->due);
		h->armed_ms = -1;
		return;
	}
	left = next - sk_boot_ms();
	if (left <= 0) {
		event_active(&h->due, EV_TIMEOUT, 0);
		return;
	}
	if (next == h->armed_ms)
		return;
	h->armed_ms = next;
	tv = in_ms(left > INT_MAX ? INT_MAX : left);
	if (event_add(&h->due, &tv) != 0)
		abort(); /* a timer of ours: only a bug gets here */
}

static void
round_once(struct sk_host *h, int flags)
{
	arm(h);
	if (event_base_loop(h->base, EVLOOP_ONCE | flags) == -1)
		abort(); /* epoll_wait refuses what is ours: only a bug gets here */
	run_hooks(h);
}

void
sk_host_once(struct sk_host *h, int64_t max_ms)
{
	if (max_ms > 0) {
		struct timeval tv = in_ms(max_ms > INT_MAX ? INT_MAX : max_ms);

		if (event_add(&h->limit, &tv) != 0)
			abort(); /* a timer of ours: only a bug gets here */
	}
	round_once(h, max_ms == 0 ? EVLOOP_NONBLOCK : 0);
	event_del(&h->limit);
}

void
sk_host_run(struct sk_host *h)
{
	while (!h->stop)
		round_once(h, 0);
	h->stop = false;
}

void
sk_host_stop(struct sk_host *h)
{
	h->stop = true;
}
