#include "core/control/batch.h"
#include "core/control/parts.h"
#include <stdlib.h>
#include <string.h>

void
sk_batch_wrong(
	struct sk_batch *b, struct sk_batch_item *item, const char *path, const char *fmt, ...)
{
	struct sk_str text = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&text, fmt, ap);
	va_end(ap);
	sk_problem(&b->problems, item->line, 0, path, "%s", sk_str_text(&text));
	sk_str_release(&text);
	item->bad = true;
}

/* ---- items by a text ---- */

/* Open addressing: numbers of items + 1, 0 = free. */
struct table {
	const struct sk_batch *b;
	const char *(*text)(const struct sk_batch_item *item);
	uint32_t *slots;
	size_t mask;
};

static void
table_init(struct table *t, const struct sk_batch *b,
	const char *(*text)(const struct sk_batch_item *item))
{
	size_t cap = 16;

	while (cap < b->n * 2)
		cap *= 2;
	*t = (struct table){
		.b = b, .text = text, .slots = sk_xcalloc(cap, sizeof(*t->slots)), .mask = cap - 1
	};
}

/* The item with that text, or where it belongs. */
static uint32_t *
table_place(const struct table *t, const char *text)
{
	size_t i = sk_id_hash(text) & t->mask;

	while (t->slots[i] != 0 && strcmp(t->text(&t->b->items[t->slots[i] - 1]), text) != 0)
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

static const char *
id_of(const struct sk_batch_item *item)
{
	return item->r.id;
}

static const char *
key_of(const struct sk_batch_item *item)
{
	return item->r.unique_key;
}

/* ---- given twice ---- */

static void
check_twice(struct sk_batch *b, struct table *t, const char *path)
{
	for (size_t i = 0; i < b->n; i++) {
		struct sk_batch_item *item = &b->items[i];
		const char *text = t->text(item);
		uint32_t *place;

		if (text[0] == '\0')
			continue;
		place = table_place(t, text);
		if (*place == 0)
			*place = (uint32_t)i + 1; /* a wrong one too: others may depend on it */
		else if (!item->bad)
			sk_batch_wrong(b, item, path, "%s is given in line %d too", sk_quote(b->arena, text),
				b->items[*place - 1].line);
	}
}

/* ---- dependencies ---- */

static const struct sk_value *
dependencies(const struct sk_batch_item *item)
{
	const struct sk_value *v = item->bad ? NULL : sk_map_get(item->r.spec, "dependencies");

	return v != NULL && v->kind == SK_LIST ? v : NULL;
}

/* Depth first, without recursion: each item is entered once. */
struct walk {
	struct sk_batch *b;
	const struct table *ids;
	unsigned char *state; /* of each item */
	struct step {
		uint32_t item;
		uint32_t next; /* which of its dependencies comes next */
	} * stack;
	size_t depth;
};
enum { NEW, OPEN, DONE };

/* "a -> b -> a" */
static void
circle(struct walk *w, struct sk_batch_item *item, uint32_t back)
{
	struct sk_str path = SK_STR_INIT;
	size_t at = w->depth;

	while (at > 0 && w->stack[at - 1].item != back)
		at--;
	for (size_t i = at > 0 ? at - 1 : 0; i < w->depth && i < at + 8; i++)
		sk_str_addf(&path, "%s -> ", w->b->items[w->stack[i].item].r.id);
	sk_str_addf(&path, "%s%s", w->depth > at + 8 ? "… -> " : "", w->b->items[back].r.id);
	sk_batch_wrong(w->b, item, "dependencies", "in a circle: %s", sk_str_text(&path));
	sk_str_release(&path);
}

static void
depends_on(struct walk *w, struct sk_batch_item *item, uint32_t other)
{
	if (w->state[other] == OPEN)
		circle(w, item, other);
	else if (w->b->items[other].bad && w->b->skip_invalid && !item->bad)
		sk_batch_wrong(w->b, item, "dependencies", "%s in line %d is wrong",
			sk_quote(w->b->arena, w->b->items[other].r.id), w->b->items[other].line);
}

static void
enter(struct walk *w, uint32_t item)
{
	w->state[item] = OPEN;
	w->stack[w->depth++] = (struct step){ item, 0 };
}

/* The next dependency of the item on top; true when there is none left. */
static bool
go_on(struct walk *w)
{
	struct step *top = &w->stack[w->depth - 1];
	struct sk_batch_item *item = &w->b->items[top->item];
	const struct sk_value *list = dependencies(item);
	const char *id;
	uint32_t place;

	if (list == NULL || top->next == list->u.list.n)
		return true;
	id = list->u.list.items[top->next]->u.str.s;
	place = *table_place(w->ids, id);
	if (place != 0 && w->state[place - 1] == NEW) {
		enter(w, place - 1);
		return false; /* and this one again afterwards */
	}
	if (place != 0)
		depends_on(w, item, place - 1);
	else
		w->b->needs[w->b->n_needs++] = (struct sk_batch_need){ id, (size_t)(item - w->b->items) };
	top->next++;
	return false;
}

static void
check_circles(struct sk_batch *b, const struct table *ids)
{
	struct walk w = { .b = b,
		.ids = ids,
		.state = sk_xcalloc(b->n, 1),
		.stack = sk_xcalloc(b->n, sizeof(*w.stack)) };

	for (size_t i = 0; i < b->n; i++) {
		if (w.state[i] != NEW)
			continue;
		enter(&w, (uint32_t)i);
		while (w.depth > 0)
			if (go_on(&w))
				w.state[w.stack[--w.depth].item] = DONE;
	}
	free(w.state);
	free(w.stack);
}

static int
by_id(const void *a, const void *b)
{
	const struct sk_batch_need *x = a, *y = b;
	int order = strcmp(x->id, y->id);

	return order != 0 ? order : (x->item > y->item) - (x->item < y->item);
}

void
sk_batch_check(struct sk_batch *b)
{
	struct table ids, keys;
	size_t deps = 0, n_own = 0, n_keys = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct sk_value *list = dependencies(&b->items[i]);

		deps += list != NULL ? list->u.list.n : 0;
		n_own += !b->items[i].bad && b->items[i].own_id;
		n_keys += !b->items[i].bad && b->items[i].r.unique_key[0] != '\0';
	}
	if (n_keys > 1) {
		table_init(&keys, b, key_of);
		check_twice(b, &keys, "uniqueKey");
		free(keys.slots);
	}
	if (n_own < 2 && deps == 0)
		return;
	table_init(&ids, b, id_of);
	check_twice(b, &ids, "id");
	if (deps > 0) {
		b->needs = sk_arena_alloc(b->arena, deps * sizeof(*b->needs));
		check_circles(b, &ids);
		qsort(b->needs, b->n_needs, sizeof(*b->needs), by_id);
	}
	free(ids.slots);
}

/* ---- ids from a key ---- */

static uint64_t
mix(uint64_t h)
{
	h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
	h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53u;
	return h ^ (h >> 33);
}

static uint64_t
hash(const char *key, size_t place, uint64_t h)
{
	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211u;
	return mix(mix(h) + (place + 1) * 0x9e3779b97f4a7c15u);
}

const char *
sk_batch_id(struct sk_arena *a, const char *key, size_t place)
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t high = hash(key, place, 14695981039346656037u);
	uint64_t low = hash(key, place, 0x9e3779b97f4a7c15u);
	char *id = sk_arena_alloc(a, SK_ULID_LEN);

	for (int i = SK_ULID_LEN - 2; i >= 0; i--) {
		id[i] = letters[low & 31];
		low = low >> 5 | high << 59;
		high >>= 5;
	}
	return id;
}
