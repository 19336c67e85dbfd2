/* cache_rig.h - a state cache that a test can take away, and that notes what is written to it. */
#ifndef SK_TEST_UNIT_CACHE_RIG_H
#define SK_TEST_UNIT_CACHE_RIG_H

#include "core/ports.h"

struct cr {
	struct sk_cache cache; /* for whoever is tested */
	struct sk_cache *inner; /* what is there */
	struct sk_loop *loop;
	bool away; /* writes are dropped, gets answered SK_EUNAVAIL */
	bool quiet; /* note nothing */
	struct sk_str log; /* a line each: "put KEY VALUE TTL", "field …", "list …", "remove KEY" … */
	size_t n_gets;
};

void cr_open(struct cr *c, struct sk_loop *loop);
void cr_close(struct cr *c);
/* The value of a key, "" when there is none; in a buffer that the next calls use again. Runs the
 * loop. */
const char *cr_get(struct cr *c, const char *key);
/* The key of a task: "task:ID:WHAT". */
const char *cr_task(struct cr *c, const char *id, const char *what);
void cr_put(struct cr *c, const char *key, const char *value);
/* Where the text begins in the log, -1 = nowhere. */
long cr_at(const struct cr *c, const char *text);

#endif
