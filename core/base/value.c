#include "core/base/value.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *
sk_kind_name(enum sk_kind kind)
{
	switch (kind) {
	case SK_NULL:
		return "null";
	case SK_BOOL:
		return "boolean";
	case SK_INT:
		return "integer";
	case SK_FLOAT:
		return "number";
	case SK_STRING:
		return "string";
	case SK_LIST:
		return "list";
	case SK_MAP:
		return "map";
	}
	return "unknown";
}

const struct sk_value *
sk_map_get(const struct sk_value *v, const char *key)
{
	if (v == NULL || v->kind != SK_MAP)
		return NULL;
	for (size_t i = 0; i < v->u.map.n; i++)
		if (strcmp(v->u.map.pairs[i].key, key) == 0)
			return v->u.map.pairs[i].value;
	return NULL;
}

struct sk_value *
sk_value_new(struct sk_arena *a, enum sk_kind kind)
{
	struct sk_value *v = sk_arena_alloc(a, sizeof(*v));

	v->kind = kind;
	if (kind == SK_STRING)
		v->u.str.s = "";
	return v;
}

struct sk_value *
sk_value_string(struct sk_arena *a, const char *s, size_t len)
{
	struct sk_value *v = sk_value_new(a, SK_STRING);

	v->u.str.s = sk_arena_strndup(a, s, len);
	v->u.str.len = strlen(v->u.str.s);
	return v;
}

struct sk_value *
sk_value_int(struct sk_arena *a, int64_t i)
{
	struct sk_value *v = sk_value_new(a, SK_INT);

	v->u.i = i;
	return v;
}

/* Containers hold room for the next power of two (at least 4), so the count alone says when an
 * array is full. The old one stays behind in the arena: at most as much again. */
static void *
grown(struct sk_arena *a, void *old, size_t n, size_t size)
{
	void *p;

	if (n > 0 && (n < 4 || (n & (n - 1)) != 0))
		return old;
	p = sk_arena_alloc(a, (n > 0 ? n * 2 : 4) * size);
	if (n > 0)
		memcpy(p, old, n * size);
	return p;
}

void
sk_list_add(struct sk_arena *a, struct sk_value *list, struct sk_value *item)
{
	list->u.list.items = grown(a, list->u.list.items, list->u.list.n, sizeof(item));
	list->u.list.items[list->u.list.n++] = item;
}

struct sk_pair *
sk_map_add(struct sk_arena *a, struct sk_value *map, const char *key, struct sk_value *value)
{
	struct sk_pair *pair;

	map->u.map.pairs = grown(a, map->u.map.pairs, map->u.map.n, sizeof(*pair));
	pair = &map->u.map.pairs[map->u.map.n++];
	pair->key = sk_arena_strdup(a, key);
	pair->value = value;
	return pair;
}

void
sk_map_set(struct sk_arena *a, struct sk_value *map, const char *key, struct sk_value *value)
{
	for (size_t i = 0; i < map->u.map.n; i++)
		if (strcmp(map->u.map.pairs[i].key, key) == 0) {
			map->u.map.pairs[i].value = value;
			return;
		}
	sk_map_add(a, map, key, value);
}

static void
copy_list(struct sk_arena *a, struct sk_value *to, const struct sk_value *v)
{
	to->u.list.items = NULL;
	to->u.list.n = 0;
	for (size_t i = 0; i < v->u.list.n; i++)
		sk_list_add(a, to, sk_value_copy(a, v->u.list.items[i]));
}

static void
copy_map(struct sk_arena *a, struct sk_value *to, const struct sk_value *v)
{
	to->u.map.pairs = NULL;
	to->u.map.n = 0;
	for (size_t i = 0; i < v->u.map.n; i++)
		sk_map_add(a, to, v->u.map.pairs[i].key, sk_value_copy(a, v->u.map.pairs[i].value));
}

struct sk_value *
sk_value_copy(struct sk_arena *a, const struct sk_value *v)
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

static int
by_key(const void *a, const void *b)
{
	const struct sk_pair *x = *(const struct sk_pair *const *)a;
	const struct sk_pair *y = *(const struct sk_pair *const *)b;
	int order = strcmp(x->key, y->key);

	return order != 0 ? order : (x > y) - (x < y);
}

static void
sort_pairs(const struct sk_pair **sorted, const struct sk_value *map)
{
	for (size_t i = 0; i < map->u.map.n; i++)
		sorted[i] = &map->u.map.pairs[i];
	if (map->u.map.n > 1)
		qsort(sorted, map->u.map.n, sizeof(*sorted), by_key);
}

const struct sk_pair **
sk_map_sorted(struct sk_arena *a, const struct sk_value *map)
{
	const struct sk_pair **sorted = sk_arena_alloc(a, map->u.map.n * sizeof(*sorted));

	sort_pairs(sorted, map);
	return sorted;
}

const struct sk_pair *
sk_map_search(const struct sk_pair *const *sorted, size_t n, const char *key)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(sorted[mid]->key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && strcmp(sorted[lo]->key, key) == 0 ? sorted[lo] : NULL;
}

static void
list_json(struct sk_str *out, const struct sk_value *v)
{
	sk_str_addc(out, '[');
	for (size_t i = 0; i < v->u.list.n; i++) {
		if (i > 0)
			sk_str_addc(out, ',');
		sk_value_json(out, v->u.list.items[i]);
	}
	sk_str_addc(out, ']');
}

static void
map_json(struct sk_str *out, const struct sk_value *v)
{
	sk_str_addc(out, '{');
	for (size_t i = 0; i < v->u.map.n; i++) {
		if (i > 0)
			sk_str_addc(out, ',');
		sk_json_string(out, v->u.map.pairs[i].key);
		sk_str_addc(out, ':');
		sk_value_json(out, v->u.map.pairs[i].value);
	}
	sk_str_addc(out, '}');
}

void
sk_value_json(struct sk_str *out, const struct sk_value *v)
{
	switch (v->kind) {
	case SK_NULL:
		sk_str_adds(out, "null");
		break;
	case SK_BOOL:
		sk_json_bool(out, v->u.b);
		break;
	case SK_INT:
		sk_json_int(out, v->u.i);
		break;
	case SK_FLOAT:
		sk_json_double(out, v->u.f);
		break;
	case SK_STRING:
		sk_json_string_n(out, v->u.str.s, v->u.str.len);
		break;
	case SK_LIST:
		list_json(out, v);
		break;
	case SK_MAP:
		map_json(out, v);
		break;
	}
}

static bool
lists_equal(const struct sk_value *a, const struct sk_value *b)
{
	if (a->u.list.n != b->u.list.n)
		return false;
	for (size_t i = 0; i < a->u.list.n; i++)
		if (!sk_value_equal(a->u.list.items[i], b->u.list.items[i]))
			return false;
	return true;
}

static bool
maps_equal(const struct sk_value *a, const struct sk_value *b)
{
	const struct sk_pair **x, **y;
	bool equal = true;

	if (a->u.map.n != b->u.map.n)
		return false;
	x = sk_xcalloc(a->u.map.n, sizeof(*x));
	y = sk_xcalloc(b->u.map.n, sizeof(*y));
	sort_pairs(x, a);
	sort_pairs(y, b);
	for (size_t i = 0; equal && i < a->u.map.n; i++)
		equal = strcmp(x[i]->key, y[i]->key) == 0 && sk_value_equal(x[i]->value, y[i]->value);
	free(x);
	free(y);
	return equal;
}

bool
sk_value_equal(const struct sk_value *a, const struct sk_value *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case SK_NULL:
		return true;
	case SK_BOOL:
		return a->u.b == b->u.b;
	case SK_INT:
		return a->u.i == b->u.i;
	case SK_FLOAT:
		return a->u.f == b->u.f || (isnan(a->u.f) && isnan(b->u.f));
	case SK_STRING:
		return a->u.str.len == b->u.str.len && memcmp(a->u.str.s, b->u.str.s, a->u.str.len) == 0;
	case SK_LIST:
		return lists_equal(a, b);
	case SK_MAP:
		return maps_equal(a, b);
	}
	return false;
}
