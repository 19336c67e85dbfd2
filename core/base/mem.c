#include "core/base/mem.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef SKALDS_TEST_HOOKS
#include "core/base/hooks.h"
#define malloc sk_hooks_malloc
#define calloc sk_hooks_calloc
#define realloc sk_hooks_realloc
#endif

#define FIRST_BLOCK ((size_t)960) /* with its head still what malloc keeps at hand per thread */
#define MAX_BLOCK ((size_t)1 << 20)
#define MAX_KEPT ((size_t)64 << 10) /* by a reset */

static _Noreturn void
out_of_memory(void)
{
	static const char msg[] = "skalds: out of memory\n";
	ssize_t n = write(STDERR_FILENO, msg, sizeof(msg) - 1);

	(void)n; /* nothing is left to be done about it */
	_exit(71);
}

void *
sk_xmalloc(size_t n)
{
	void *p = malloc(n > 0 ? n : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
sk_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
sk_xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n > 0 ? n : 1);

	if (q == NULL)
		out_of_memory();
	return q;
}

void *
sk_xreallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		out_of_memory();
	return sk_xrealloc(p, bytes);
}

char *
sk_xstrdup(const char *s)
{
	return sk_xstrndup(s, strlen(s));
}

char *
sk_xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = sk_xmalloc(len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *
sk_xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return p;
}

/* Blocks double in size; a request larger than the next block gets one of its own. */
struct block {
	struct block *next;
	size_t used, size;
	max_align_t data[];
};

struct sk_arena {
	struct block *head;
	size_t next_size;
};

struct sk_arena *
sk_arena_new(void)
{
	struct sk_arena *a = sk_xcalloc(1, sizeof(*a));

	a->next_size = FIRST_BLOCK;
	return a;
}

static void
drop_blocks(struct sk_arena *a, const struct block *last)
{
	while (a->head != last) {
		struct block *b = a->head;

		a->head = b->next;
		free(b);
	}
}

void
sk_arena_reset(struct sk_arena *a)
{
	struct block *first = a->head;

	if (first == NULL)
		return;
	while (first->next != NULL)
		first = first->next;
	if (first->size > MAX_KEPT)
		first = NULL;
	drop_blocks(a, first);
	a->next_size = FIRST_BLOCK;
	if (first != NULL)
		first->used = 0;
}

void
sk_arena_free(struct sk_arena *a)
{
	if (a == NULL)
		return;
	drop_blocks(a, NULL);
	free(a);
}

void *
sk_arena_alloc(struct sk_arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	struct block *b = a->head;
	char *p;

	if (n > SIZE_MAX / 2)
		out_of_memory();
	n = (n + align - 1) / align * align;
	if (b == NULL || b->size - b->used < n) {
		size_t size = n > a->next_size ? n : a->next_size;

		b = sk_xmalloc(sizeof(*b) + size);
		b->next = a->head;
		b->used = 0;
		b->size = size;
		a->head = b;
		if (a->next_size < MAX_BLOCK)
			a->next_size *= 2;
	}
	p = (char *)b->data + b->used;
	b->used += n;
	return memset(p, 0, n);
}

char *
sk_arena_strdup(struct sk_arena *a, const char *s)
{
	return sk_arena_strndup(a, s, strlen(s));
}

char *
sk_arena_strndup(struct sk_arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = sk_arena_alloc(a, len + 1);

	memcpy(p, s, len);
	return p;
}

char *
sk_arena_printf(struct sk_arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	p = sk_arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
