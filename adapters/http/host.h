/* host.h - libevent drives a loop (core/base/loop.h): one thread, two kinds of callbacks.
 *
 * What core and the adapters register with the sk_loop and what libraries register with the
 * event_base run in the same rounds. After each round the hooks are called, so that what was
 * gathered in it (frames, answers) leaves at once.
 */
#ifndef SK_ADAPTERS_HTTP_HOST_H
#define SK_ADAPTERS_HTTP_HOST_H

#include "core/base/err.h"
#include "core/base/loop.h"
#include <stdint.h>

struct sk_host;
struct event_base;

/* The caller's storage, while it is registered. */
struct sk_host_hook {
	void (*fn)(void *arg);
	void *arg;
	struct sk_host_hook *next;
};

/* The loop is borrowed until sk_host_close. Nobody else may run it meanwhile, except with
 * sk_loop_once from outside a round (sk_store_wait at the start). NULL and err when the system
 * refuses. */
struct sk_host *sk_host_open(struct sk_loop *loop, struct sk_err *err);
/* Whatever is registered with the base must be gone. Not from within a round. NULL is allowed. */
void sk_host_close(struct sk_host *h);

struct event_base *sk_host_base(const struct sk_host *h);
struct sk_loop *sk_host_loop(const struct sk_host *h);

/* fn is called after every round, in the order of adding; what it starts (timers, writes) is looked
 * after before the host waits again. A hook may remove itself and others. */
void sk_host_hook_add(struct sk_host *h, struct sk_host_hook *hook);
/* Nothing happens when it is not registered. */
void sk_host_hook_remove(struct sk_host *h, struct sk_host_hook *hook);

/* Rounds until sk_host_stop, which may be called by any callback; the round is finished. A stop
 * before the run ends it at once. */
void sk_host_run(struct sk_host *h);
void sk_host_stop(struct sk_host *h);
/* One round: waits for at most max_ms (-1 = until something happens). */
void sk_host_once(struct sk_host *h, int64_t max_ms);

#endif
