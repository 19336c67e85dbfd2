/* load.h - how the machine of a skald is doing, as it says in its row. */
#ifndef SK_CORE_MODEL_LOAD_H
#define SK_CORE_MODEL_LOAD_H

#include "core/base/value.h"
#include <stdbool.h>
#include <stdint.h>

/* What is not known is negative. */
struct sk_load {
	bool known; /* false: it tells nothing, and the rest does not count */
	double cpu_percent; /* of all its processors together, 0..100 */
	double load1; /* processes that ran or wanted to, mean of a minute */
	int64_t memory_used_mb, memory_total_mb; /* 2^20 bytes; of its control group where that has
											  * less than the machine */
	int64_t disk_used_mb, disk_total_mb; /* of the file system of its data directory */
};

/* As a map in the arena, without what is not known; NULL when nothing is. For stores. */
struct sk_value *sk_load_value(struct sk_arena *a, const struct sk_load *load);
/* And back. Whatever is no number, or no such map, counts as not known. */
void sk_load_take(struct sk_load *load, const struct sk_value *v);
/* An object with all members, null for what is not known; null when nothing is. For the API. */
void sk_load_json(struct sk_str *out, const struct sk_load *load);

#endif
