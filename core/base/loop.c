#include "core/base/loop.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_EVENTS 128

struct sk_watch {
	struct sk_loop *loop;
	int fd;
	uint32_t events;
	sk_watch_fn *fn; /* NULL once removed */
	void *arg;
	struct sk_watch *next_dead;
};

struct sk_loop {
	int epfd;
	struct sk_timer **heap; /* by due_ms, 0-based */
	uint32_t n_timers, cap_timers;
	struct sk_watch *dead; /* removed while events may still point at them */
};

struct sk_loop *
sk_loop_new(struct sk_err *err)
{
	struct sk_loop *loop = sk_xcalloc(1, sizeof(*loop));

	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd == -1) {
		sk_fail_errno(err, "epoll_create1");
		free(loop);
		return NULL;
	}
	return loop;
}

static void
bury_dead(struct sk_loop *loop)
{
	while (loop->dead != NULL) {
		struct sk_watch *w = loop->dead;

		loop->dead = w->next_dead;
		free(w);
	}
}

void
sk_loop_free(struct sk_loop *loop)
{
	if (loop == NULL)
		return;
	bury_dead(loop);
	close(loop->epfd);
	free(loop->heap);
	free(loop);
}

struct sk_watch *
sk_watch_add(
	struct sk_loop *loop, int fd, uint32_t events, sk_watch_fn *fn, void *arg, struct sk_err *err)
{
	struct sk_watch *w = sk_xcalloc(1, sizeof(*w));
	struct epoll_event ev = { .events = events, .data.ptr = w };

	*w = (struct sk_watch){ .loop = loop, .fd = fd, .events = events, .fn = fn, .arg = arg };
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) != 0) {
		sk_fail_errno(err, "epoll_ctl for descriptor %d", fd);
		free(w);
		return NULL;
	}
	return w;
}

void
sk_watch_set(struct sk_watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (w->events == events)
		return;
	w->events = events;
	if (epoll_ctl(w->loop->epfd, EPOLL_CTL_MOD, w->fd, &ev) != 0)
		abort(); /* the descriptor is ours and registered: only a bug gets here */
}

void
sk_watch_remove(struct sk_watch *w)
{
	if (w == NULL || w->fn == NULL)
		return;
	epoll_ctl(w->loop->epfd, EPOLL_CTL_DEL, w->fd, NULL); /* closed already: gone already */
	w->fn = NULL;
	w->next_dead = w->loop->dead;
	w->loop->dead = w;
}

static void
heap_put(struct sk_loop *loop, uint32_t i, struct sk_timer *t)
{
	loop->heap[i] = t;
	t->pos = i + 1;
}

static void
heap_up(struct sk_loop *loop, uint32_t i)
{
	struct sk_timer *t = loop->heap[i];

	while (i > 0 && loop->heap[(i - 1) / 2]->due_ms > t->due_ms) {
		heap_put(loop, i, loop->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(loop, i, t);
}

static void
heap_down(struct sk_loop *loop, uint32_t i)
{
	struct sk_timer *t = loop->heap[i];

	for (;;) {
		uint32_t c = 2 * i + 1;

		if (c >= loop->n_timers)
			break;
		if (c + 1 < loop->n_timers && loop->heap[c + 1]->due_ms < loop->heap[c]->due_ms)
			c++;
		if (loop->heap[c]->due_ms >= t->due_ms)
			break;
		heap_put(loop, i, loop->heap[c]);
		i = c;
	}
	heap_put(loop, i, t);
}

void
sk_timer_clear(struct sk_loop *loop, struct sk_timer *t)
{
	uint32_t i;

	if (t->pos == 0)
		return;
	i = t->pos - 1;
	t->pos = 0;
	loop->n_timers--;
	if (i == loop->n_timers)
		return;
	heap_put(loop, i, loop->heap[loop->n_timers]);
	heap_up(loop, i);
	heap_down(loop, loop->heap[i]->pos - 1);
}

void
sk_timer_set(struct sk_loop *loop, struct sk_timer *t, int64_t due_ms)
{
	sk_timer_clear(loop, t);
	t->due_ms = due_ms;
	if (loop->n_timers == loop->cap_timers) {
		loop->cap_timers = loop->cap_timers > 0 ? loop->cap_timers * 2 : 16;
		loop->heap = sk_xreallocarray(loop->heap, loop->cap_timers, sizeof(struct sk_timer *));
	}
	heap_put(loop, loop->n_timers++, t);
	heap_up(loop, loop->n_timers - 1);
}

static int
wait_ms(const struct sk_loop *loop, int64_t max_ms)
{
	int64_t left;

	if (loop->n_timers == 0)
		return max_ms > INT32_MAX ? INT32_MAX : (int)max_ms;
	left = loop->heap[0]->due_ms - sk_boot_ms();
	if (left < 0)
		left = 0;
	if (max_ms >= 0 && max_ms < left)
		left = max_ms;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void
run_timers(struct sk_loop *loop)
{
	int64_t now = sk_boot_ms();

	/* not more than were armed before: one that is always due must not make descriptors wait */
	for (uint32_t n = loop->n_timers; n > 0 && loop->n_timers > 0; n--) {
		struct sk_timer *t = loop->heap[0];

		if (t->due_ms > now)
			break;
		sk_timer_clear(loop, t);
		t->fn(t->arg);
	}
}

void
sk_loop_once(struct sk_loop *loop, int64_t max_ms)
{
	struct epoll_event events[MAX_EVENTS];
	int n = epoll_wait(loop->epfd, events, MAX_EVENTS, wait_ms(loop, max_ms));

	if (n == -1 && errno != EINTR)
		abort(); /* EBADF, EINVAL: only a bug gets here */
	for (int i = 0; i < n; i++) {
		struct sk_watch *w = events[i].data.ptr;

		if (w->fn != NULL)
			w->fn(events[i].events, w->arg);
	}
	run_timers(loop);
	bury_dead(loop);
}

int
sk_loop_fd(const struct sk_loop *loop)
{
	return loop->epfd;
}

int64_t
sk_loop_next_ms(const struct sk_loop *loop)
{
	if (loop->n_timers == 0)
		return -1;
	return loop->heap[0]->due_ms > 0 ? loop->heap[0]->due_ms : 0;
}
