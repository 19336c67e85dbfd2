/* json_fuzz.c - any bytes as JSON: what is accepted is written and read back the same, and the
 * places that were found lie in the text. */
#include "adapters/json.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The byte at a place. */
static char
at(const char *text, size_t n, int line, int column)
{
	size_t i = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	for (; i < n && line > 1; i++)
		line -= text[i] == '\n';
	for (; i < n && column > 1; i++)
		column -= i + 1 < n && ((unsigned char)text[i + 1] & 0xc0) != 0x80;
	return i < n ? text[i] : '\0';
}

static void
check_place(const char *text, size_t n, const struct sk_value *v)
{
	char c = at(text, n, v->line, v->column);
	const char *starts[] = {
		[SK_NULL] = "n",
		[SK_BOOL] = "tf",
		[SK_INT] = "-0123456789",
		[SK_FLOAT] = "-0123456789",
		[SK_STRING] = "\"",
		[SK_LIST] = "[",
		[SK_MAP] = "{",
	};

	if (c == '\0' || strchr(starts[v->kind], c) == NULL)
		abort();
	if (v->kind == SK_LIST)
		for (size_t i = 0; i < v->u.list.n; i++)
			check_place(text, n, v->u.list.items[i]);
	if (v->kind == SK_MAP)
		for (size_t i = 0; i < v->u.map.n; i++)
			check_place(text, n, v->u.map.pairs[i].value);
}

static void
check_again(struct sk_arena *a, const struct sk_value *v)
{
	struct sk_str text = SK_STR_INIT;
	const struct sk_value *back;
	struct sk_problems p;

	sk_problems_init(&p, a, "f");
	sk_value_json(&text, v);
	back = sk_json_parse(text.p, text.len, a, &p);
	if (back == NULL || !sk_value_equal(v, back))
		abort();
	sk_str_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_problems p;
	struct sk_value *v;

	sk_problems_init(&p, a, "f");
	v = sk_json_parse((const char *)data, n, a, &p);
	if ((v == NULL) != (p.n_errors == 1))
		abort();
	if (v != NULL && n < 4096)
		check_place((const char *)data, n, v);
	if (v != NULL)
		check_again(a, v);
	sk_arena_free(a);
	return 0;
}
