/* loop.h - one thread, one epoll: descriptors, timers, nothing else.
 *
 * Callbacks run on the loop and must not block. A callback may add and remove anything, itself
 * included. Times are sk_boot_ms().
 */
#ifndef SK_CORE_BASE_LOOP_H
#define SK_CORE_BASE_LOOP_H

#include "core/base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct sk_loop;
struct sk_watch; /* one descriptor */

typedef void sk_watch_fn(uint32_t events, void *arg);
typedef void sk_timer_fn(void *arg);

/* The caller's storage; zero it first. */
struct sk_timer {
	sk_timer_fn *fn;
	void *arg;
	int64_t due_ms;
	uint32_t pos; /* 1-based place in the heap; 0 = not armed */
};

/* NULL and err when the system refuses. */
struct sk_loop *sk_loop_new(struct sk_err *err);
void sk_loop_free(struct sk_loop *loop);

/* Watch fd for EPOLLIN / EPOLLOUT (level-triggered). NULL and err on failure. */
struct sk_watch *sk_watch_add(
	struct sk_loop *loop, int fd, uint32_t events, sk_watch_fn *fn, void *arg, struct sk_err *err);
/* Change the events. */
void sk_watch_set(struct sk_watch *w, uint32_t events);
/* NULL is allowed. Does not close the descriptor. */
void sk_watch_remove(struct sk_watch *w);

/* Arm or re-arm: fn is called once at or after due_ms. */
void sk_timer_set(struct sk_loop *loop, struct sk_timer *t, int64_t due_ms);
/* Nothing happens when it is not armed. */
void sk_timer_clear(struct sk_loop *loop, struct sk_timer *t);

/* Wait for at most max_ms (-1 = until something happens) and run what is due. */
void sk_loop_once(struct sk_loop *loop, int64_t max_ms);

/* For another loop that drives this one with sk_loop_once(loop, 0): readable when a descriptor has
 * something (level-triggered; never to be read or closed), and when the next timer is due, -1 when
 * none is armed. */
int sk_loop_fd(const struct sk_loop *loop);
int64_t sk_loop_next_ms(const struct sk_loop *loop);

#endif
