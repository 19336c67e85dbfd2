/* watch.h - what has happened lately, for those who ask, and who waits for it.
 *
 * A ring of the events on the bus: bounded in number and in bytes, each with a number that only
 * grows, also over a restart (it begins at the wall clock in microseconds). Cheap when nobody
 * looks: an event is copied into the ring, JSON is written for readers only. Waiters are hints to
 * look again: the bus may lose what would have woken them, so they have a deadline. */
#ifndef SK_CORE_CONTROL_WATCH_H
#define SK_CORE_CONTROL_WATCH_H

#include "core/base/loop.h"
#include "core/base/str.h"
#include "core/model/event.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_control;

/* Read events after a number as JSON Lines. */
struct sk_event_read {
	int64_t after; /* 0 = all there are; -1 = nothing, only *next */
	const char *task; /* "" = of all */
	size_t max; /* lines at most */
	int64_t next; /* result: the number to go on with */
	size_t n; /* result: lines, a gap included */
};
void sk_events_read(struct sk_control *c, struct sk_event_read *r, struct sk_str *out);

/* The ring as it is, by numbers. */
struct sk_event_ring {
	uint64_t start; /* before the first event that it ever had: which ring it is */
	uint64_t first, last; /* the oldest and the latest event; last < first: none */
};
struct sk_event_ring sk_events_ring(const struct sk_control *c);
/* An event that the ring has. Its texts are borrowed until the loop goes on. */
struct sk_event sk_events_at(const struct sk_control *c, uint64_t number);

/* Somebody who waits; the owner's storage, zeroed first. fn is called once, on the loop, when
 * something happened or the deadline (sk_boot_ms) has passed; it is no waiter any more then. */
struct sk_waiter {
	void (*fn)(void *arg);
	void *arg;
	int64_t deadline_ms;
	const char *task; /* until an attempt of this task ends; NULL: until there is any event */
	bool all; /* with a task: until anything happens to it */
	/* watch.c's */
	struct sk_control *c;
	struct sk_waiter *prev, *next;
	struct sk_waiter **list; /* NULL = does not wait */
	struct sk_timer timer;
};
void sk_waiter_start(struct sk_control *c, struct sk_waiter *w);
/* Nothing happens when it does not wait. */
void sk_waiter_stop(struct sk_waiter *w);

#endif
