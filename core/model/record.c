/* record.c - stored tasks in memory: made, copied. */
#include "core/model/record.h"
#include <string.h>

const char *
sk_gate_name(enum sk_gate g)
{
	static const char *const names[SK_N_GATE] = {
		[SK_GATE_OPEN] = "open",
		[SK_GATE_TIME] = "time",
		[SK_GATE_DEPENDENCY] = "dependency",
	};

	return g < SK_N_GATE ? names[g] : "unknown";
}

void
sk_record_init(struct sk_record *r, struct sk_arena *a)
{
	*r = (struct sk_record){
		.id = "",
		.class_name = "",
		.stage = "",
		.exit = { .message = "" },
		.unique_key = "",
		.array_parent = "",
		.life = { .max_attempts = 1 },
		.spec = sk_value_new(a, SK_MAP),
	};
}

struct sk_record *
sk_record_copy(struct sk_arena *a, const struct sk_record *r)
{
	struct sk_record *to = sk_arena_alloc(a, sizeof(*to));

	*to = *r;
	to->id = sk_arena_strdup(a, r->id);
	to->class_name = sk_arena_strdup(a, r->class_name);
	to->stage = sk_arena_strdup(a, r->stage);
	to->exit.message = sk_arena_strdup(a, r->exit.message);
	to->unique_key = sk_arena_strdup(a, r->unique_key);
	to->array_parent = sk_arena_strdup(a, r->array_parent);
	to->array = r->array != NULL ? sk_arena_strdup(a, r->array) : NULL;
	if (r->result != NULL) {
		char *bytes = sk_arena_alloc(a, r->result_len + 1);

		memcpy(bytes, r->result, r->result_len);
		to->result = bytes;
	}
	to->spec = sk_value_copy(a, r->spec);
	return to;
}
