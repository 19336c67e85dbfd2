/* hooks.h - what a test may break in a build of FLAVOR=hooks: the wall clock and the allocator.
 *
 * A release has none of it: there hooks.c is not compiled and what stands below is empty. In a
 * build with hooks SKALDS_HOOKS names a file that every process of skalds maps and a test writes
 * to (test/fault/hooks.c), at any time.
 *
 * Allocation: malloc, calloc and realloc of the whole binary go through here (--wrap), those of the
 * libraries and of libc as well. The fault belongs to one process: the first one of `kind` that
 * makes its `at`-th call since `generation` became what it is. That call fails, and with `forever`
 * all later ones of that process; whoever is started in its place is well.
 */
#ifndef SK_CORE_BASE_HOOKS_H
#define SK_CORE_BASE_HOOKS_H

#include <stdint.h>

#ifdef SKALDS_TEST_HOOKS

#include <stdatomic.h>
#include <stddef.h>

enum sk_hooks_kind {
	SK_HOOKS_CLI, /* any command but those below */
	SK_HOOKS_SUPERVISOR, /* up, edge, run-one */
	SK_HOOKS_HUB, /* hub and link */
	SK_HOOKS_WORKER, /* of a class, before it is one too */
	SK_HOOKS_KINDS
};

/* Whose calls count: of our own functions, which end the process with 71; of everybody else. */
#define SK_HOOKS_OURS 1u
#define SK_HOOKS_OTHERS 2u

/* The file. All zero: nothing is broken. */
struct sk_hooks_page {
	_Atomic uint32_t generation, kind, who, forever;
	_Atomic uint64_t at; /* 1 = the next call; 0 = never */
	_Atomic int32_t victim; /* the process whose call has failed; 0 = none yet */
	_Atomic uint32_t failed; /* how many calls have */
	_Atomic uint64_t
		calls[SK_HOOKS_KINDS]; /* since the generation, of the process that counts last */
	_Atomic int64_t clock_ms[SK_HOOKS_KINDS]; /* the wall clock goes ahead by so much */
};

/* After a fork: what this process is from now on. */
void sk_hooks_be(enum sk_hooks_kind kind);
int64_t sk_hooks_clock_ms(void);
/* What mem.c uses in place of the C library's. */
void *sk_hooks_malloc(size_t n);
void *sk_hooks_calloc(size_t n, size_t size);
void *sk_hooks_realloc(void *p, size_t n);

#else

#define sk_hooks_be(kind) ((void)0)
#define sk_hooks_clock_ms() ((int64_t)0)

#endif
#endif
