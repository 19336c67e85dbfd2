/* hooks_bus.h - only in a build of FLAVOR=hooks: an event bus whose messages are lost, come twice,
 * late or in the wrong order, as SKALDS_HOOKS_BUS says (percents):
 * "drop=10,double=10,delay=10,swap=10,delay-ms=30000,seed=1".
 *
 * Each subscriber has its own luck. What is late comes after a random time up to delay-ms, what is
 * swapped after the next one (or a second later, when there is none). How many met what is logged
 * when the bus is closed. */
#ifndef SK_CORE_HOOKS_BUS_H
#define SK_CORE_HOOKS_BUS_H

#include "core/ports.h"

#ifdef SKALDS_TEST_HOOKS
/* Its table of operations is replaced; the bus stays the adapter's in all else. One bus a process;
 * nothing happens without the variable, or with NULL. */
void sk_hooks_bus(struct sk_bus *b, struct sk_loop *loop, const char *component);
#else
#define sk_hooks_bus(b, loop, component) ((void)0)
#endif
#endif
