/* trail.h - the last values of a heartbeat, as many as the original keeps (skalds-protocol.md
 * 4.4). One for each skald: a task's heartbeat is that of its skald while it has the task. */
#ifndef SK_CORE_CONTROL_TRAIL_H
#define SK_CORE_CONTROL_TRAIL_H

#include <stddef.h>
#include <stdint.h>

#define SK_TRAIL 5

/* Zeroed is empty. */
struct sk_trail {
	int64_t values[SK_TRAIL], times[SK_TRAIL]; /* wall clock, ms */
	size_t n; /* how many there ever were */
};

void sk_trail_add(struct sk_trail *h, int64_t value, int64_t wall_ms);
/* Those that were seen after `from`, oldest first. Returns how many. */
size_t sk_trail_since(const struct sk_trail *h, int64_t from, int64_t out[SK_TRAIL]);

#endif
