/* submit_priv.h - what the files of submit.h share; nobody else includes it. */
#ifndef SK_CORE_CONTROL_SUBMIT_PRIV_H
#define SK_CORE_CONTROL_SUBMIT_PRIV_H

#include "core/control/submit.h"

/* What sk_submit_fields describes. */
struct sk_submission {
	struct sk_spec spec; /* first: the rows of the stored spec are used for it */
	const char *id, *class_name;
	int64_t priority, not_before_ms, max_attempts;
	double delay_s;
	const char *unique_key, *array;
};

/* One submission on its way. */
struct sk_submit {
	const struct sk_submit_context *ctx;
	const struct sk_value *map;
	struct sk_submission in;
	struct sk_arena *arena;
	struct sk_problems *problems;
};

/* The value under the key or the member's name, NULL when it is absent or null. */
const struct sk_value *sk_submit_given(const struct sk_submit *s, const char *key);

/* What the table cannot say: ids, maps of strings, times, what excludes each other. False after
 * problems. *array_size: of the array, 0 when it is none. */
bool sk_submit_check(struct sk_submit *s, int64_t *array_size);

#endif
