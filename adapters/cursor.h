/* cursor.h - where a page of tasks ended, as text that goes out to callers and comes back. */
#ifndef SK_ADAPTERS_CURSOR_H
#define SK_ADAPTERS_CURSOR_H

#include "core/ports.h"

/* The last task of a page: what it is sorted by, and its seq. key is 0 where the order is that of
 * acceptance. */
struct sk_cursor {
	int64_t key;
	uint64_t seq;
};

/* What a record is sorted by in this order. */
int64_t sk_cursor_key(enum sk_order order, const struct sk_record *r);
/* < 0 when a comes before b in this order. */
int sk_cursor_compare(enum sk_order order, const struct sk_cursor *a, const struct sk_cursor *b);
/* Lives in the arena. */
const char *sk_cursor_text(struct sk_arena *a, enum sk_order order, const struct sk_cursor *c);
/* False when it is none, or one of another order. */
bool sk_cursor_parse(const char *text, enum sk_order order, struct sk_cursor *c) SK_CHECKED;
/* Where the page that is asked for begins; *given false = at the front. */
bool sk_cursor_start(const struct sk_op_find *op, struct sk_cursor *from, bool *given) SK_CHECKED;

/* Only in order of acceptance may tasks be skipped (sk_op_find); the sentence for who tries. */
bool sk_cursor_may_skip(const struct sk_op_find *op) SK_CHECKED;
#define SK_CURSOR_NO_SKIP "tasks are skipped in order of acceptance alone"

#endif
