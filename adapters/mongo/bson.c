#include "adapters/mongo/bson.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A document never grows to 2 GiB here: what comes in is bounded long before. */
static void
appended(bool done)
{
	if (!done)
		abort();
}

/* ---- to BSON ---- */

static void
put_mended(bson_t *b, const char *key, const char *s, size_t n)
{
	struct sk_str t = SK_STR_INIT;

	while (n > 0) {
		size_t good = sk_utf8_bad(s, n);

		sk_str_add(&t, s, good);
		if (good < n) {
			sk_str_adds(&t, "\xef\xbf\xbd");
			good++;
		}
		s += good;
		n -= good;
	}
	appended(bson_append_utf8(b, key, -1, sk_str_text(&t), (int)t.len));
	sk_str_release(&t);
}

static void
put_string(bson_t *b, const char *key, const char *s, size_t n)
{
	if (sk_utf8_bad(s, n) == n)
		appended(bson_append_utf8(b, key, -1, s, (int)n));
	else
		put_mended(b, key, s, n);
}

void
sk_mg_put_text(bson_t *b, const char *key, const char *text)
{
	put_string(b, key, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

void
sk_mg_put_text_or_null(bson_t *b, const char *key, const char *text)
{
	if (text == NULL || text[0] == '\0')
		sk_mg_put_null(b, key);
	else
		sk_mg_put_text(b, key, text);
}

void
sk_mg_put_binary(bson_t *b, const char *key, const void *data, size_t n)
{
	appended(bson_append_binary(b, key, -1, BSON_SUBTYPE_BINARY, data, (uint32_t)n));
}

void
sk_mg_put_bytes(bson_t *b, const char *key, const void *data, size_t n)
{
	if (memchr(data, '\0', n) == NULL && sk_utf8_bad(data, n) == n)
		appended(bson_append_utf8(b, key, -1, data, (int)n));
	else
		sk_mg_put_binary(b, key, data, n);
}

void
sk_mg_put_i64(bson_t *b, const char *key, int64_t v)
{
	appended(bson_append_int64(b, key, -1, v));
}

void
sk_mg_put_u64(bson_t *b, const char *key, uint64_t v)
{
	appended(bson_append_int64(b, key, -1, (int64_t)v));
}

void
sk_mg_put_null(bson_t *b, const char *key)
{
	appended(bson_append_null(b, key, -1));
}

void
sk_mg_put_bool(bson_t *b, const char *key, bool v)
{
	appended(bson_append_bool(b, key, -1, v));
}

void
sk_mg_put_double(bson_t *b, const char *key, double v)
{
	appended(bson_append_double(b, key, -1, v));
}

void
sk_mg_put_doc(bson_t *b, const char *key, const bson_t *doc)
{
	appended(bson_append_document(b, key, -1, doc));
}

static void
put_int(bson_t *b, const char *key, int64_t v)
{
	if (v >= INT32_MIN && v <= INT32_MAX)
		appended(bson_append_int32(b, key, -1, (int32_t)v));
	else
		sk_mg_put_i64(b, key, v);
}

static void
put_map(bson_t *b, const char *key, const struct sk_value *v)
{
	bson_t child;

	appended(bson_append_document_begin(b, key, -1, &child));
	for (size_t i = 0; i < v->u.map.n; i++)
		sk_mg_put_value(&child, v->u.map.pairs[i].key, v->u.map.pairs[i].value);
	appended(bson_append_document_end(b, &child));
}

static void
put_list(bson_t *b, const char *key, const struct sk_value *v)
{
	bson_t child;
	struct sk_mg_list l = { .b = &child };

	appended(bson_append_array_begin(b, key, -1, &child));
	for (size_t i = 0; i < v->u.list.n; i++)
		sk_mg_put_value(&child, sk_mg_next_key(&l), v->u.list.items[i]);
	appended(bson_append_array_end(b, &child));
}

void
sk_mg_put_value(bson_t *b, const char *key, const struct sk_value *v)
{
	switch (v->kind) {
	case SK_NULL:
		sk_mg_put_null(b, key);
		break;
	case SK_BOOL:
		sk_mg_put_bool(b, key, v->u.b);
		break;
	case SK_INT:
		put_int(b, key, v->u.i);
		break;
	case SK_FLOAT:
		sk_mg_put_double(b, key, v->u.f);
		break;
	case SK_STRING:
		put_string(b, key, v->u.str.s, v->u.str.len);
		break;
	case SK_LIST:
		put_list(b, key, v);
		break;
	case SK_MAP:
		put_map(b, key, v);
		break;
	}
}

bool
sk_mg_plain_keys(const struct sk_value *v)
{
	if (v->kind == SK_LIST)
		for (size_t i = 0; i < v->u.list.n; i++)
			if (!sk_mg_plain_keys(v->u.list.items[i]))
				return false;
	if (v->kind == SK_MAP)
		for (size_t i = 0; i < v->u.map.n; i++) {
			const char *key = v->u.map.pairs[i].key;

			if (key[0] == '\0' || key[0] == '$' || strchr(key, '.') != NULL ||
				sk_utf8_bad(key, strlen(key)) != strlen(key) ||
				!sk_mg_plain_keys(v->u.map.pairs[i].value))
				return false;
		}
	return true;
}

const char *
sk_mg_next_key(struct sk_mg_list *l)
{
	const char *key;

	(void)bson_uint32_to_string(l->n++, &key, l->key, sizeof(l->key));
	return key;
}

/* ---- from BSON ---- */

bool
sk_mg_take_i64(const bson_iter_t *it, int64_t *v)
{
	double d;

	switch (bson_iter_type(it)) {
	case BSON_TYPE_INT32:
		*v = bson_iter_int32(it);
		return true;
	case BSON_TYPE_INT64:
		*v = bson_iter_int64(it);
		return true;
	case BSON_TYPE_DOUBLE:
		d = bson_iter_double(it);
		if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != trunc(d))
			return false;
		*v = (int64_t)d;
		return true;
	default:
		return false;
	}
}

bool
sk_mg_take_double(const bson_iter_t *it, double *v)
{
	switch (bson_iter_type(it)) {
	case BSON_TYPE_INT32:
		*v = bson_iter_int32(it);
		return true;
	case BSON_TYPE_INT64:
		*v = (double)bson_iter_int64(it);
		return true;
	case BSON_TYPE_DOUBLE:
		*v = bson_iter_double(it);
		return isfinite(*v);
	default:
		return false;
	}
}

bool
sk_mg_take_text(const bson_iter_t *it, struct sk_arena *a, const char **text)
{
	uint32_t len;
	const char *s;

	if (bson_iter_type(it) != BSON_TYPE_UTF8)
		return false;
	s = bson_iter_utf8(it, &len);
	if (memchr(s, '\0', len) != NULL || sk_utf8_bad(s, len) != len)
		return false;
	*text = sk_arena_strndup(a, s, len);
	return true;
}

bool
sk_mg_take_bytes(const bson_iter_t *it, struct sk_arena *a, const char **data, size_t *n)
{
	const uint8_t *p = NULL;
	uint32_t len = 0;
	char *copy;

	if (bson_iter_type(it) == BSON_TYPE_UTF8)
		p = (const uint8_t *)bson_iter_utf8(it, &len);
	else if (bson_iter_type(it) == BSON_TYPE_BINARY)
		bson_iter_binary(it, NULL, &len, &p);
	else
		return false;
	copy = sk_arena_alloc(a, (size_t)len + 1);
	if (len > 0)
		memcpy(copy, p, len);
	*data = copy;
	*n = len;
	return true;
}

static struct sk_value *take(const bson_iter_t *it, struct sk_arena *a, int depth);

static struct sk_value *
take_list(const bson_iter_t *it, struct sk_arena *a, int depth)
{
	struct sk_value *list = sk_value_new(a, SK_LIST), *item;
	bson_iter_t child;

	if (depth >= SK_MAX_DEPTH || !bson_iter_recurse(it, &child))
		return NULL;
	while (bson_iter_next(&child)) {
		item = take(&child, a, depth + 1);
		if (item == NULL)
			return NULL;
		sk_list_add(a, list, item);
	}
	return child.err_off == 0 ? list : NULL;
}

/* A key that is there twice: the last one counts, as with the original. */
static struct sk_value *
take_map(const bson_iter_t *it, struct sk_arena *a, int depth)
{
	struct sk_value *map = sk_value_new(a, SK_MAP), *item;
	const struct sk_pair **sorted;
	bson_iter_t child;

	if (depth >= SK_MAX_DEPTH || !bson_iter_recurse(it, &child))
		return NULL;
	while (bson_iter_next(&child)) {
		const char *key = bson_iter_key(&child);

		item = take(&child, a, depth + 1);
		if (item == NULL || sk_utf8_bad(key, strlen(key)) != strlen(key))
			return NULL;
		(void)sk_map_add(a, map, key, item);
	}
	sorted = sk_map_sorted(a, map);
	for (size_t i = 1; i < map->u.map.n; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			return NULL;
	return child.err_off == 0 ? map : NULL;
}

static struct sk_value *
take_string(const bson_iter_t *it, struct sk_arena *a)
{
	const char *text;

	return sk_mg_take_text(it, a, &text) ? sk_value_string(a, text, strlen(text)) : NULL;
}

static struct sk_value *
take_float(const bson_iter_t *it, struct sk_arena *a)
{
	struct sk_value *v = sk_value_new(a, SK_FLOAT);

	v->u.f = bson_iter_double(it);
	return isfinite(v->u.f) ? v : NULL;
}

static struct sk_value *
take_bool(const bson_iter_t *it, struct sk_arena *a)
{
	struct sk_value *v = sk_value_new(a, SK_BOOL);

	v->u.b = bson_iter_bool(it);
	return v;
}

static struct sk_value *
take_oid(const bson_iter_t *it, struct sk_arena *a)
{
	char text[25];

	bson_oid_to_string(bson_iter_oid(it), text);
	return sk_value_string(a, text, 24);
}

static struct sk_value *
take(const bson_iter_t *it, struct sk_arena *a, int depth)
{
	switch (bson_iter_type(it)) {
	case BSON_TYPE_NULL:
	case BSON_TYPE_UNDEFINED:
		return sk_value_new(a, SK_NULL);
	case BSON_TYPE_BOOL:
		return take_bool(it, a);
	case BSON_TYPE_INT32:
		return sk_value_int(a, bson_iter_int32(it));
	case BSON_TYPE_INT64:
		return sk_value_int(a, bson_iter_int64(it));
	case BSON_TYPE_DATE_TIME:
		return sk_value_int(a, bson_iter_date_time(it));
	case BSON_TYPE_DOUBLE:
		return take_float(it, a);
	case BSON_TYPE_UTF8:
		return take_string(it, a);
	case BSON_TYPE_OID:
		return take_oid(it, a);
	case BSON_TYPE_ARRAY:
		return take_list(it, a, depth);
	case BSON_TYPE_DOCUMENT:
		return take_map(it, a, depth);
	default:
		return NULL;
	}
}

struct sk_value *
sk_mg_take_value(const bson_iter_t *it, struct sk_arena *a)
{
	return take(it, a, 0);
}
