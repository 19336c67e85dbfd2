/* peeks.c - values of the cache, read together: whoever asks gets all of them, or that the cache is
 * away. */
#include "core/control/mixed.h"
#include <stdlib.h>
#include <string.h>

struct sk_peeks *
sk_peeks_new(struct sk_control *c, void (*fn)(struct sk_control *, struct sk_peeks *))
{
	struct sk_peeks *p = sk_xcalloc(1, sizeof(*p));

	p->c = c;
	p->fn = fn;
	p->arena = sk_arena_new();
	p->open = 1; /* until all was asked */
	p->next = c->peeks;
	if (p->next != NULL)
		p->next->prev = p;
	c->peeks = p;
	return p;
}

static void
leave(struct sk_peeks *p)
{
	if (p->c == NULL)
		return;
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		p->c->peeks = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
}

static void
answered(struct sk_peeks *p, enum sk_code code)
{
	if (code != SK_OK && p->code == SK_OK)
		p->code = code;
	if (--p->open > 0)
		return;
	leave(p);
	if (p->c != NULL)
		p->fn(p->c, p);
	sk_arena_free(p->arena);
	free(p->list);
	free(p);
}

void
sk_peeks_go(struct sk_peeks *p)
{
	answered(p, SK_OK);
}

void
sk_peeks_forget(struct sk_control *c)
{
	for (struct sk_peeks *p = c->peeks, *next; p != NULL; p = next) {
		next = p->next;
		p->c = NULL;
		p->next = p->prev = NULL;
	}
	c->peeks = NULL;
}

static struct sk_peek *
add(struct sk_peeks *p, const char *id)
{
	struct sk_peek *k = sk_arena_alloc(p->arena, sizeof(*k));

	*k = (struct sk_peek){ .of = p, .id = sk_arena_strdup(p->arena, id) };
	if (p->n == p->cap) {
		p->cap = p->cap > 0 ? p->cap * 2 : 16;
		p->list = sk_xreallocarray(p->list, p->cap, sizeof(*p->list));
	}
	p->list[p->n++] = k;
	p->open++;
	return k;
}

static const char *
copied(struct sk_arena *a, const void *value, size_t n)
{
	char *to = sk_arena_alloc(a, n + 1);

	if (n > 0)
		memcpy(to, value, n);
	to[n] = '\0';
	return to;
}

static void
value_came(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct sk_peek *k = arg;

	k->found = found;
	if (found) {
		k->value = copied(k->of->arena, value, n);
		k->n = n;
	}
	answered(k->of, code);
}

struct sk_peek *
sk_peek_value(struct sk_peeks *p, const char *key, const char *id)
{
	struct sk_peek *k = add(p, id);

	p->c->cfg.cache->ops->get(p->c->cfg.cache, key, value_came, k);
	return k;
}

static void
list_came(void *arg, enum sk_code code, const char *const *items, size_t n)
{
	struct sk_peek *k = arg;
	struct sk_arena *a = k->of->arena;

	k->found = code == SK_OK && n > 0;
	if (k->found) {
		k->items = sk_arena_alloc(a, n * sizeof(*k->items));
		for (size_t i = 0; i < n; i++)
			k->items[i] = sk_arena_strdup(a, items[i]);
		k->n_items = n;
	}
	answered(k->of, code);
}

struct sk_peek *
sk_peek_list(struct sk_peeks *p, const char *key, const char *id)
{
	struct sk_peek *k = add(p, id);

	p->c->cfg.cache->ops->get_list(p->c->cfg.cache, key, list_came, k);
	return k;
}

static void *
wider(struct sk_arena *a, const void *old, size_t n, size_t cap, size_t size)
{
	void *to = sk_arena_alloc(a, cap * size);

	if (n > 0)
		memcpy(to, old, n * size);
	return to;
}

static void
field_came(void *arg, enum sk_code code, const char *field, const void *value, size_t n)
{
	struct sk_peek *k = arg;
	struct sk_arena *a = k->of->arena;

	if (field == NULL) {
		answered(k->of, code);
		return;
	}
	if (k->n_items == k->cap) {
		k->cap = k->cap > 0 ? k->cap * 2 : 16;
		k->items = wider(a, k->items, k->n_items, k->cap, sizeof(*k->items));
		k->values = wider(a, k->values, k->n_items, k->cap, sizeof(*k->values));
		k->sizes = wider(a, k->sizes, k->n_items, k->cap, sizeof(*k->sizes));
	}
	k->items[k->n_items] = sk_arena_strdup(a, field);
	k->values[k->n_items] = copied(a, value, n);
	k->sizes[k->n_items++] = n;
}

struct sk_peek *
sk_peek_fields(struct sk_peeks *p, const char *key)
{
	struct sk_peek *k = add(p, "");

	p->c->cfg.cache->ops->get_fields(p->c->cfg.cache, key, field_came, k);
	return k;
}
