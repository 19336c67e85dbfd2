/* bus.h - the event bus of one process: what is published waits in a queue of bounded size and is
 * handed out on the loop, in order. Costs no system call and, once the queue has grown, no
 * allocation. */
#ifndef SK_ADAPTERS_LOCAL_BUS_H
#define SK_ADAPTERS_LOCAL_BUS_H

#include "core/ports.h"

struct sk_bus_local_config {
	struct sk_loop *loop;
	size_t max_events; /* waiting at once; 0 = 65,536 */
	size_t max_bytes; /* likewise, with their texts; 0 = 16 MiB */
};

/* Never NULL. Closing drops what waits; not from within a callback of a subscriber. */
struct sk_bus *sk_bus_local_open(const struct sk_bus_local_config *cfg);

/* Messages that were dropped because the queue was full. */
uint64_t sk_bus_local_dropped(const struct sk_bus *b);

#endif
