/* store.h - the task store in memory: for tests. Nothing outlives it; nothing is fast. */
#ifndef SK_ADAPTERS_MEMORY_STORE_H
#define SK_ADAPTERS_MEMORY_STORE_H

#include "core/ports.h"

/* Never NULL. Operations complete on the loop. */
struct sk_store *sk_store_memory_open(struct sk_loop *loop);

#endif
