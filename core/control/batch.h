/* batch.h - the tasks of one submission together: nothing is stored unless all are right, or the
 * good ones are wanted alone. Pure: what the store has to say comes in from outside. */
#ifndef SK_CORE_CONTROL_BATCH_H
#define SK_CORE_CONTROL_BATCH_H

#include "core/control/submit.h"

struct sk_batch_item {
	struct sk_record r; /* when it is bad, only its id is known, or "" */
	int line; /* of NDJSON or of the list, from 1; 0 = there is one task */
	bool own_id; /* the client gave the id; else it is new, or derived from the key */
	bool derived;
	bool bad; /* reported, left out */
	bool exists; /* the same task is stored already */
};

/* A dependency that is not in the batch. */
struct sk_batch_need {
	const char *id;
	size_t item; /* who needs it */
};

struct sk_batch {
	struct sk_arena *arena;
	struct sk_batch_item *items;
	size_t n;
	bool skip_invalid;
	struct sk_problems problems;
	struct sk_batch_need *needs; /* result of sk_batch_check: by id */
	size_t n_needs;
	bool conflict; /* something that is stored stands in the way */
};

/* An item is wrong. */
void sk_batch_wrong(struct sk_batch *b, struct sk_batch_item *item, const char *path,
	const char *fmt, ...) SK_PRINTF(4, 5);

/* Ids and unique keys given twice, dependencies in a circle or on what is wrong. Fills needs. */
void sk_batch_check(struct sk_batch *b);

/* The id of a task whose client gave none, but a key for the whole request: a ULID by its shape,
 * the same for the same key and place. */
const char *sk_batch_id(struct sk_arena *a, const char *key, size_t place);

#endif
