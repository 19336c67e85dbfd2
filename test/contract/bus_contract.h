/* bus_contract.h - what every event bus must do (core/ports.h), whatever carries it. */
#ifndef SK_TEST_CONTRACT_BUS_CONTRACT_H
#define SK_TEST_CONTRACT_BUS_CONTRACT_H

#include "core/ports.h"

struct bus_contract {
	const char *name;
	/* A bus on this loop. */
	struct sk_bus *(*open)(struct sk_loop *loop);
	/* One that takes few messages, so that the queue fills up; NULL = not to be had. */
	struct sk_bus *(*open_small)(struct sk_loop *loop);
	/* Has all that was published arrived where it is handed out from, and is everybody who has
	 * subscribed heard for? NULL: at once, as within one process; then it is also exact who hears
	 * what was published around his coming. */
	bool (*ready)(struct sk_bus *b);
	int64_t patience_ms; /* how long a message may take */
	int64_t quiet_ms; /* after so long nothing more is expected to come; 0 = 20 */
};

/* Runs all tests; the number of those that failed. What others publish on the same bus does no harm:
 * events carry a skald of this run. */
int bus_contract_run(const struct bus_contract *c);

#endif
