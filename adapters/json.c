/* json.c - jansson parses; its values carry no places, so a second walk over the text, in step
 * with the tree, finds where each value stands. */
#include "adapters/json.h"
#include "core/base/mem.h"
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Out of memory: as everywhere. The library would call the text bad JSON. */
static void
set_memory(void)
{
	json_set_alloc_funcs(sk_xmalloc, free);
}

/* Where we are in a text that is known to be good JSON. */
struct cursor {
	const char *p, *end;
	int line, column;
	struct sk_arena *arena;
};

static void
advance(struct cursor *c)
{
	unsigned char ch;

	if (c->p == c->end)
		return;
	ch = (unsigned char)*c->p++;
	if (ch == '\n') {
		c->line++;
		c->column = 1;
	} else if ((ch & 0xc0) != 0x80) {
		c->column++;
	}
}

/* To the first byte of the next value or key. */
static void
next_token(struct cursor *c)
{
	while (c->p < c->end && strchr(" \t\r\n,:", *c->p) != NULL && *c->p != '\0')
		advance(c);
}

static void
skip_string(struct cursor *c)
{
	advance(c);
	while (c->p < c->end && *c->p != '"') {
		if (*c->p == '\\')
			advance(c);
		advance(c);
	}
	advance(c);
}

static void
skip_scalar(struct cursor *c)
{
	if (c->p < c->end && *c->p == '"') {
		skip_string(c);
		return;
	}
	while (c->p < c->end && strchr(" \t\r\n,:]}", *c->p) == NULL)
		advance(c);
}

/* ---- before the library: what it would take too long or too deep, and NUL, which it takes for
 * the end of a number ---- */

static bool
complain(const struct cursor *c, struct sk_problems *p, const char *sentence)
{
	sk_problem(p, c->line, c->column, "", "%s", sentence);
	return false;
}

static bool
shape_is_good(struct cursor c, struct sk_problems *p)
{
	size_t depth = 0, values = 1;

	while (c.p < c.end) {
		if (*c.p == '"') {
			skip_string(&c);
			continue;
		}
		if (*c.p == '[' || *c.p == '{')
			depth++;
		if ((*c.p == ']' || *c.p == '}') && depth > 0)
			depth--;
		if (*c.p == ',' || *c.p == '[' || *c.p == '{')
			values++;
		if (*c.p == '\0')
			return complain(&c, p, "a NUL byte is not allowed");
		if (depth > SK_MAX_DEPTH)
			return complain(&c, p, "nested deeper than 64 levels");
		if (values > SK_JSON_MAX_VALUES)
			return complain(&c, p, "more than 1048576 values");
		advance(&c);
	}
	return true;
}

/* ---- from the library's tree to ours ---- */

static struct sk_value *convert(struct cursor *c, json_t *j);

static void
convert_list(struct cursor *c, const json_t *j, struct sk_value *list)
{
	advance(c);
	for (size_t i = 0; i < json_array_size(j); i++)
		sk_list_add(c->arena, list, convert(c, json_array_get(j, i)));
	next_token(c);
	advance(c);
}

/* jansson keeps the order of the text, and no key stands twice. */
static void
convert_map(struct cursor *c, json_t *j, struct sk_value *map)
{
	advance(c);
	for (void *it = json_object_iter(j); it != NULL; it = json_object_iter_next(j, it)) {
		struct sk_pair *pair;
		int line, column;

		next_token(c);
		line = c->line;
		column = c->column;
		skip_string(c);
		pair = sk_map_add(
			c->arena, map, json_object_iter_key(it), convert(c, json_object_iter_value(it)));
		pair->line = line;
		pair->column = column;
	}
	next_token(c);
	advance(c);
}

static struct sk_value *
scalar(struct sk_arena *a, const json_t *j)
{
	struct sk_value *v;

	if (json_is_string(j))
		return sk_value_string(a, json_string_value(j), json_string_length(j));
	if (json_is_integer(j))
		return sk_value_int(a, json_integer_value(j));
	v = sk_value_new(a, json_is_real(j) ? SK_FLOAT : json_is_boolean(j) ? SK_BOOL : SK_NULL);
	if (json_is_real(j))
		v->u.f = json_real_value(j);
	else if (json_is_boolean(j))
		v->u.b = json_is_true(j);
	return v;
}

static struct sk_value *
convert(struct cursor *c, json_t *j)
{
	struct sk_value *v;
	int line, column;

	next_token(c);
	line = c->line;
	column = c->column;
	if (json_is_array(j)) {
		v = sk_value_new(c->arena, SK_LIST);
		convert_list(c, j, v);
	} else if (json_is_object(j)) {
		v = sk_value_new(c->arena, SK_MAP);
		convert_map(c, j, v);
	} else {
		v = scalar(c->arena, j);
		skip_scalar(c);
	}
	v->line = line;
	v->column = column;
	return v;
}

/* The library quotes what it found: that may be a part of a password. */
static void
report(struct sk_problems *p, const json_error_t *e)
{
	const char *near = strstr(e->text, " near "), *flag = strstr(e->text, " without JSON_");
	const char *end = flag != NULL ? flag : near;
	size_t n = end != NULL ? (size_t)(end - e->text) : strlen(e->text);
	int line = e->line > 0 ? e->line : 1, column = e->column > 0 ? e->column : 1;

	if (json_error_code(e) == json_error_duplicate_key)
		n = strlen(e->text);
	sk_problem(p, line, column, "", "not valid JSON: %.*s", (int)n, e->text);
}

static bool
is_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p == end;
}

struct sk_value *
sk_json_parse(const char *text, size_t n, struct sk_arena *a, struct sk_problems *p)
{
	bool mark = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
	struct cursor c = {
		.p = text + (mark ? 3 : 0), .end = text + n, .line = 1, .column = 1, .arena = a
	};
	struct sk_value *v;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	json_error_t error;
	json_t *root;

	pthread_once(&once, set_memory);
	if (n > SK_JSON_MAX_BYTES) {
		sk_problem(p, 0, 0, "", "larger than 4 MiB");
		return NULL;
	}
	if (is_blank(c.p, c.end)) {
		sk_problem(p, 1, 1, "", "there is nothing in it");
		return NULL;
	}
	if (!shape_is_good(c, p))
		return NULL;
	root = json_loadb(c.p, (size_t)(c.end - c.p), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (root == NULL) {
		report(p, &error);
		return NULL;
	}
	v = convert(&c, root);
	json_decref(root);
	return v;
}
