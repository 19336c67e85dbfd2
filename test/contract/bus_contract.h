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
	int64_t patience_ms; /* how long a message may take */
};

/* Runs all tests; the number of those that failed. */
int bus_contract_run(const struct bus_contract *c);

#endif
