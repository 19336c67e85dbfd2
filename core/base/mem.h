/* mem.h - allocation that never returns NULL, and arenas.
 *
 * Every size that comes from outside is bounded before it is allocated; what then still does not
 * fit ends the process cleanly with exit 71 (architecture.md 8).
 */
#ifndef SK_CORE_BASE_MEM_H
#define SK_CORE_BASE_MEM_H

#include "core/base/err.h"
#include <stddef.h>

void *sk_xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *sk_xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *sk_xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
/* n * size with an overflow check. */
void *sk_xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *sk_xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *sk_xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *sk_xasprintf(const char *fmt, ...) SK_PRINTF(1, 2) __attribute__((malloc, returns_nonnull));

/* An arena: everything allocated from it lives until sk_arena_free; nobody frees a part. */
struct sk_arena;
struct sk_arena *sk_arena_new(void);
/* Everything allocated from it is gone; it keeps its first block, for what is done again and
 * again. */
void sk_arena_reset(struct sk_arena *a);
/* NULL is allowed. */
void sk_arena_free(struct sk_arena *a);
/* Zeroed, aligned for any type. */
void *sk_arena_alloc(struct sk_arena *a, size_t n) __attribute__((returns_nonnull));
char *sk_arena_strdup(struct sk_arena *a, const char *s) __attribute__((returns_nonnull));
char *
sk_arena_strndup(struct sk_arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *sk_arena_printf(struct sk_arena *a, const char *fmt, ...) SK_PRINTF(2, 3)
	__attribute__((returns_nonnull));

#endif
