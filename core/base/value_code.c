/* value_code.c - a value as bytes, between our own processes.
 *
 *	value  = tag byte, then: nothing | zigzag varint | 8 bytes, low one first | text | items
 *	text   = varint length, bytes (UTF-8, no NUL)
 *	list   = varint count, values;  map = varint count, (text, value) pairs
 *
 * There is one way to write a value, and everything else is refused: a varint longer than needed,
 * a key twice, bytes behind the end. A count is compared with the bytes that are left before
 * anything is allocated for it.
 */
#include "core/base/value.h"
#include <stdlib.h>
#include <string.h>

enum tag { TAG_NULL, TAG_FALSE, TAG_TRUE, TAG_INT, TAG_FLOAT, TAG_STRING, TAG_LIST, TAG_MAP };

static void
put_varint(struct sk_str *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		sk_str_addc(out, (char)((v & 0x7f) | 0x80));
	sk_str_addc(out, (char)v);
}

static void
put_text(struct sk_str *out, const char *s, size_t len)
{
	put_varint(out, len);
	sk_str_add(out, s, len);
}

static void
put_int(struct sk_str *out, int64_t i)
{
	uint64_t u = (uint64_t)i;

	sk_str_addc(out, TAG_INT);
	put_varint(out, i < 0 ? ~(u << 1) : u << 1);
}

static void
put_float(struct sk_str *out, double f)
{
	uint64_t bits;

	memcpy(&bits, &f, sizeof(bits));
	sk_str_addc(out, TAG_FLOAT);
	for (int i = 0; i < 8; i++)
		sk_str_addc(out, (char)(bits >> (8 * i) & 0xff));
}

void
sk_value_encode(struct sk_str *out, const struct sk_value *v)
{
	switch (v->kind) {
	case SK_NULL:
		sk_str_addc(out, TAG_NULL);
		break;
	case SK_BOOL:
		sk_str_addc(out, v->u.b ? TAG_TRUE : TAG_FALSE);
		break;
	case SK_INT:
		put_int(out, v->u.i);
		break;
	case SK_FLOAT:
		put_float(out, v->u.f);
		break;
	case SK_STRING:
		sk_str_addc(out, TAG_STRING);
		put_text(out, v->u.str.s, v->u.str.len);
		break;
	case SK_LIST:
		sk_str_addc(out, TAG_LIST);
		put_varint(out, v->u.list.n);
		for (size_t i = 0; i < v->u.list.n; i++)
			sk_value_encode(out, v->u.list.items[i]);
		break;
	case SK_MAP:
		sk_str_addc(out, TAG_MAP);
		put_varint(out, v->u.map.n);
		for (size_t i = 0; i < v->u.map.n; i++) {
			const struct sk_pair *pair = &v->u.map.pairs[i];

			put_text(out, pair->key, strlen(pair->key));
			sk_value_encode(out, pair->value);
		}
		break;
	}
}

struct reader {
	struct sk_arena *arena;
	const unsigned char *p, *end;
	const char *wrong; /* what was found, once something is wrong */
};

static size_t
left(const struct reader *r)
{
	return (size_t)(r->end - r->p);
}

static bool
bad(struct reader *r, const char *wrong)
{
	r->wrong = wrong;
	return false;
}

static bool
get_varint(struct reader *r, uint64_t *v)
{
	*v = 0;
	for (int shift = 0; shift < 64; shift += 7) {
		unsigned char c;

		if (left(r) == 0)
			return bad(r, "it ends too early");
		c = *r->p++;
		if (shift == 63 && c > 1)
			break;
		*v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return c != 0 || shift == 0 ? true : bad(r, "a number is padded");
	}
	return bad(r, "a number has more than 64 bits");
}

/* A count of things that take at least `each` bytes. */
static bool
get_count(struct reader *r, size_t each, size_t *n)
{
	uint64_t v;

	if (!get_varint(r, &v))
		return false;
	if (v > left(r) / each)
		return bad(r, "a count is larger than the bytes that follow");
	*n = (size_t)v;
	return true;
}

static const char *
get_text(struct reader *r, size_t *len)
{
	const char *p;

	if (!get_count(r, 1, len))
		return NULL;
	p = (const char *)r->p;
	r->p += *len;
	if (memchr(p, '\0', *len) != NULL || sk_utf8_bad(p, *len) != *len) {
		r->wrong = "a text is not valid UTF-8";
		return NULL;
	}
	return sk_arena_strndup(r->arena, p, *len);
}

static bool get_value(struct reader *r, int depth, struct sk_value **v);

static bool
get_list(struct reader *r, int depth, struct sk_value *list)
{
	size_t n;

	if (depth >= SK_MAX_DEPTH)
		return bad(r, "it is nested too deep");
	if (!get_count(r, 1, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct sk_value *item;

		if (!get_value(r, depth + 1, &item))
			return false;
		sk_list_add(r->arena, list, item);
	}
	return true;
}

static bool
get_map(struct reader *r, int depth, struct sk_value *map)
{
	const struct sk_pair **sorted;
	size_t n, len;

	if (depth >= SK_MAX_DEPTH)
		return bad(r, "it is nested too deep");
	if (!get_count(r, 2, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct sk_value *value;
		const char *key = get_text(r, &len);

		if (key == NULL || !get_value(r, depth + 1, &value))
			return false;
		sk_map_add(r->arena, map, key, value);
	}
	sorted = sk_map_sorted(r->arena, map);
	for (size_t i = 1; i < n; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			return bad(r, "a key stands twice in one map");
	return true;
}

static bool
get_int(struct reader *r, struct sk_value *v)
{
	uint64_t u;

	if (!get_varint(r, &u))
		return false;
	v->u.i = (int64_t)((u & 1) != 0 ? ~(u >> 1) : u >> 1);
	return true;
}

static bool
get_float(struct reader *r, struct sk_value *v)
{
	uint64_t bits = 0;

	if (left(r) < 8)
		return bad(r, "it ends too early");
	for (int i = 0; i < 8; i++)
		bits |= (uint64_t)*r->p++ << (8 * i);
	memcpy(&v->u.f, &bits, sizeof(bits));
	return true;
}

static bool
get_string(struct reader *r, struct sk_value *v)
{
	size_t len = 0;

	v->u.str.s = get_text(r, &len);
	v->u.str.len = len;
	return v->u.str.s != NULL;
}

static bool
get_value(struct reader *r, int depth, struct sk_value **out)
{
	static const enum sk_kind kinds[] = {
		[TAG_NULL] = SK_NULL,
		[TAG_FALSE] = SK_BOOL,
		[TAG_TRUE] = SK_BOOL,
		[TAG_INT] = SK_INT,
		[TAG_FLOAT] = SK_FLOAT,
		[TAG_STRING] = SK_STRING,
		[TAG_LIST] = SK_LIST,
		[TAG_MAP] = SK_MAP,
	};
	unsigned char tag;

	if (left(r) == 0)
		return bad(r, "it ends too early");
	tag = *r->p++;
	if (tag > TAG_MAP)
		return bad(r, "it has an unknown tag");
	*out = sk_value_new(r->arena, kinds[tag]);
	switch ((enum tag)tag) {
	case TAG_NULL:
	case TAG_FALSE:
		return true;
	case TAG_TRUE:
		(*out)->u.b = true;
		return true;
	case TAG_INT:
		return get_int(r, *out);
	case TAG_FLOAT:
		return get_float(r, *out);
	case TAG_STRING:
		return get_string(r, *out);
	case TAG_LIST:
		return get_list(r, depth, *out);
	case TAG_MAP:
		return get_map(r, depth, *out);
	}
	return false;
}

struct sk_value *
sk_value_decode(struct sk_arena *a, const void *data, size_t n, struct sk_err *err)
{
	struct reader r = { .arena = a, .p = data, .end = (const unsigned char *)data + n };
	struct sk_value *v = NULL;

	if (get_value(&r, 0, &v) && left(&r) > 0)
		r.wrong = "bytes stand behind its end";
	if (r.wrong == NULL)
		return v;
	sk_fail(err, SK_EINVAL, "an encoded value is malformed: %s", r.wrong);
	return NULL;
}
