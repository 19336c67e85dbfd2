/* input_rig.h - a text goes in, the tree or the problems come out. */
#ifndef SK_TEST_UNIT_INPUT_RIG_H
#define SK_TEST_UNIT_INPUT_RIG_H

#include "core/base/problem.h"
#include "core/base/value.h"

struct input {
	struct sk_arena *arena;
	struct sk_problems problems;
	const struct sk_value *value;
};

typedef struct sk_value *
parse_fn(const char *text, size_t n, struct sk_arena *a, struct sk_problems *p);

/* The file is called "f". The text stands in a block of exactly n bytes, so that a sanitizer sees
 * every read behind it. */
void input_open(struct input *in, parse_fn *parse, const char *text, size_t n);
void input_close(struct input *in);

/* The text has these problems, as sk_problems_text writes them, sorted. */
void input_problems_are(const struct input *in, const char *want);
/* Parse, compare the problems, close. */
void problems_are(parse_fn *parse, const char *text, const char *want);
/* Parse without a problem, compare the tree as JSON, close. */
void json_is(parse_fn *parse, const char *text, const char *want);

/* n times the text; the caller frees it. */
char *repeated(const char *before, const char *text, size_t n, const char *behind);

#endif
