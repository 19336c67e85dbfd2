/* sse.h - server-sent events (the HTML standard, 9.2) one behind the other, formatted once and cut
 * out for many readers. */
#ifndef SK_CORE_CONTROL_SSE_H
#define SK_CORE_CONTROL_SSE_H

#include "core/base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_sse_frame {
	uint32_t end; /* in text: where the next one begins */
	uint32_t name; /* in names */
	uint64_t key; /* sk_map_key of the name */
	uint8_t kind;
};

/* Zeroed is empty. */
struct sk_sse {
	struct sk_str text; /* what is sent */
	struct sk_str names; /* of whom each tells, each with its NUL */
	struct sk_sse_frame *frames;
	size_t n, cap;
};

/* What somebody wants of them. */
struct sk_sse_filter {
	const char *name; /* "" = of everybody */
	uint64_t key; /* sk_map_key(name) */
	unsigned kinds; /* bits 1u << kind; 0 = all */
};

void sk_sse_release(struct sk_sse *s);
/* Empty it, keep the memory. */
void sk_sse_clear(struct sk_sse *s);
/* What was added to text since the last frame is one: of whom it tells, and its kind (< 32). */
void sk_sse_frame(struct sk_sse *s, const char *name, unsigned kind);
/* Frames `from` and later that pass. Returns the bytes, borrowed from s or from scratch (cleared
 * before), and how many in *n. */
const char *sk_sse_pick(const struct sk_sse *s, size_t from, const struct sk_sse_filter *f,
	struct sk_str *scratch, size_t *n);

#endif
