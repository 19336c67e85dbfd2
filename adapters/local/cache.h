/* cache.h - the state cache of one process: values, hashes and lists in memory, of bounded size,
 * each with a lifetime on the boot clock. What has outlived it is not seen any more, and its memory
 * is taken back at the next look or sweep. */
#ifndef SK_ADAPTERS_LOCAL_CACHE_H
#define SK_ADAPTERS_LOCAL_CACHE_H

#include "core/ports.h"

struct sk_cache_local_config {
	struct sk_loop *loop;
	size_t max_bytes; /* with what the bookkeeping takes; 0 = 64 MiB */
	/* The clock, for tests; NULL = the boot clock. */
	int64_t (*boot_ms)(void *arg);
	void *clock_arg;
};

/* Never NULL. Closing drops what is asked for and not yet answered: its fn is not called. */
struct sk_cache *sk_cache_local_open(const struct sk_cache_local_config *cfg);

/* What is there now. dropped: puts that found no room; the value before them is gone too, because
 * an old one would be worse than none. */
struct sk_cache_local_stats {
	size_t entries, bytes;
	uint64_t dropped;
};
struct sk_cache_local_stats sk_cache_local_stats(const struct sk_cache *c);

#endif
