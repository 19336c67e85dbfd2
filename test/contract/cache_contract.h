/* cache_contract.h - what every state cache must do (core/ports.h), wherever it keeps things. */
#ifndef SK_TEST_CONTRACT_CACHE_CONTRACT_H
#define SK_TEST_CONTRACT_CACHE_CONTRACT_H

#include "core/ports.h"

struct cache_contract {
	const char *name;
	/* An empty cache on this loop. */
	struct sk_cache *(*open)(struct sk_loop *loop);
	int64_t patience_ms; /* how long an answer may take */
};

/* Runs all tests; the number of those that failed. */
int cache_contract_run(const struct cache_contract *c);

#endif
