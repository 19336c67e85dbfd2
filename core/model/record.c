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

static struct sk_value *copy_value(struct sk_arena *a, const struct sk_value *v);

static void
copy_list(struct sk_arena *a, struct sk_value *to, const struct sk_value *v)
{
	to->u.list.items = NULL;
	to->u.list.n = 0;
	for (size_t i = 0; i < v->u.list.n; i++)
		sk_list_add(a, to, copy_value(a, v->u.list.items[i]));
}

static void
copy_map(struct sk_arena *a, struct sk_value *to, const struct sk_value *v)
{
	to->u.map.pairs = NULL;
	to->u.map.n = 0;
	for (size_t i = 0; i < v->u.map.n; i++)
		sk_map_add(a, to, v->u.map.pairs[i].key, copy_value(a, v->u.map.pairs[i].value));
}

/* Places and the way it was written are not stored: a copy has none either. */
static struct sk_value *
copy_value(struct sk_arena *a, const struct sk_value *v)
{
	struct sk_value *to = sk_value_new(a, v->kind);

	to->u = v->u;
	if (v->kind == SK_STRING)
		to->u.str.s = sk_arena_strndup(a, v->u.str.s, v->u.str.len);
	else if (v->kind == SK_LIST)
		copy_list(a, to, v);
	else if (v->kind == SK_MAP)
		copy_map(a, to, v);
	return to;
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
	to->spec = copy_value(a, r->spec);
	return to;
}
