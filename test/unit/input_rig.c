#include "input_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

void
input_open(struct input *in, parse_fn *parse, const char *text, size_t n)
{
	char *copy = sk_xmalloc(n);

	memcpy(copy, text, n);
	in->arena = sk_arena_new();
	sk_problems_init(&in->problems, in->arena, "f");
	in->value = parse(copy, n, in->arena, &in->problems);
	free(copy);
}

void
input_close(struct input *in)
{
	sk_arena_free(in->arena);
}

void
input_problems_are(const struct input *in, const char *want)
{
	struct sk_problems sorted = in->problems;
	struct sk_str s = SK_STR_INIT;

	sk_problems_sort(&sorted);
	sk_problems_text(&sorted, &s);
	assert_string_equal(sk_str_text(&s), want);
	sk_str_release(&s);
}

void
problems_are(parse_fn *parse, const char *text, const char *want)
{
	struct input in;

	input_open(&in, parse, text, strlen(text));
	input_problems_are(&in, want);
	input_close(&in);
}

void
json_is(parse_fn *parse, const char *text, const char *want)
{
	struct sk_str s = SK_STR_INIT;
	struct input in;

	input_open(&in, parse, text, strlen(text));
	input_problems_are(&in, "");
	assert_non_null(in.value);
	sk_value_json(&s, in.value);
	assert_string_equal(sk_str_text(&s), want);
	sk_str_release(&s);
	input_close(&in);
}

char *
repeated(const char *before, const char *text, size_t n, const char *behind)
{
	struct sk_str s = SK_STR_INIT;

	sk_str_adds(&s, before);
	while (n-- > 0)
		sk_str_adds(&s, text);
	sk_str_adds(&s, behind);
	return s.p;
}
