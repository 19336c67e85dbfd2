/* yaml_scalar.c - what a plain scalar is, by the core schema of YAML 1.2 (section 10.3.2):
 *
 *	null | Null | NULL | ~ | nothing		null
 *	true | True | TRUE | false | …			boolean
 *	[-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+		integer
 *	[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?	number
 *	[-+]?\.(inf|Inf|INF) | \.(nan|NaN|NAN)		number
 *
 * Everything else is a string: yes, no, 12:30 and 1_000 too.
 */
#include "adapters/yaml_priv.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool
is_word(const char *text, const char *lower, const char *title, const char *upper)
{
	return strcmp(text, lower) == 0 || strcmp(text, title) == 0 || strcmp(text, upper) == 0;
}

static size_t
digits(const char *p)
{
	return strspn(p, "0123456789");
}

static bool
parse_digits(const char *p, unsigned base, uint64_t *out)
{
	uint64_t v = 0;

	for (; *p != '\0'; p++) {
		unsigned c = (unsigned char)*p;
		unsigned d = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v))
			return false;
	}
	*out = v;
	return true;
}

/* An integer that does not fit 64 bits becomes a number: where an integer is wanted the message
 * says so, where a number is wanted it is one. */
static struct sk_value *
large(struct sk_arena *a, const char *text)
{
	struct sk_value *v = sk_value_new(a, SK_FLOAT);

	v->u.f = strtod(text, NULL);
	return v;
}

static struct sk_value *
integer(struct sk_arena *a, const char *text)
{
	const char *p = text + (*text == '-' || *text == '+');
	bool negative = *text == '-';
	uint64_t u;

	if (digits(p) == 0 || p[digits(p)] != '\0')
		return NULL;
	if (!parse_digits(p, 10, &u) || u > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return large(a, text);
	return sk_value_int(a, negative ? (int64_t)(0 - u) : (int64_t)u);
}

static struct sk_value *
based_integer(struct sk_arena *a, const char *text)
{
	bool hex = text[0] == '0' && text[1] == 'x', octal = text[0] == '0' && text[1] == 'o';
	const char *p = text + 2;
	struct sk_value *v;
	uint64_t u;

	if ((!hex && !octal) || *p == '\0' ||
		p[strspn(p, hex ? "0123456789abcdefABCDEF" : "01234567")] != '\0')
		return NULL;
	if (parse_digits(p, hex ? 16 : 8, &u) && u <= (uint64_t)INT64_MAX)
		return sk_value_int(a, (int64_t)u);
	v = sk_value_new(a, SK_FLOAT);
	for (; *p != '\0'; p++)
		v->u.f = v->u.f * (hex ? 16 : 8) + (*p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10);
	return v;
}

static bool
is_decimal(const char *p)
{
	size_t whole, fraction = 0;

	p += *p == '-' || *p == '+';
	whole = digits(p);
	p += whole;
	if (*p == '.') {
		fraction = digits(p + 1);
		p += 1 + fraction;
	}
	if (whole == 0 && fraction == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '-' || p[1] == '+');
		if (digits(p) == 0)
			return false;
		p += digits(p);
	}
	return *p == '\0';
}

static struct sk_value *
number(struct sk_arena *a, const char *text)
{
	const char *p = text + (*text == '-' || *text == '+');
	struct sk_value *v;

	if (is_word(p, ".inf", ".Inf", ".INF")) {
		v = sk_value_new(a, SK_FLOAT);
		v->u.f = *text == '-' ? -INFINITY : INFINITY;
		return v;
	}
	if (is_word(text, ".nan", ".NaN", ".NAN")) {
		v = sk_value_new(a, SK_FLOAT);
		v->u.f = NAN;
		return v;
	}
	return is_decimal(text) ? large(a, text) : NULL;
}

static struct sk_value *
word(struct sk_arena *a, const char *text)
{
	struct sk_value *v;
	bool yes = is_word(text, "true", "True", "TRUE");

	if (*text == '\0' || strcmp(text, "~") == 0 || is_word(text, "null", "Null", "NULL"))
		return sk_value_new(a, SK_NULL);
	if (!yes && !is_word(text, "false", "False", "FALSE"))
		return NULL;
	v = sk_value_new(a, SK_BOOL);
	v->u.b = yes;
	return v;
}

static bool
fits(enum sk_yaml_tag tag, enum sk_kind kind)
{
	switch (tag) {
	case SK_YAML_NO_TAG:
		return true;
	case SK_YAML_TAG_STR:
		return kind == SK_STRING;
	case SK_YAML_TAG_NULL:
		return kind == SK_NULL;
	case SK_YAML_TAG_BOOL:
		return kind == SK_BOOL;
	case SK_YAML_TAG_INT:
		return kind == SK_INT;
	case SK_YAML_TAG_FLOAT:
		return kind == SK_FLOAT;
	}
	return false;
}

struct sk_value *
sk_yaml_scalar(struct sk_arena *a, const char *text, enum sk_yaml_tag tag)
{
	struct sk_value *v = NULL;

	if (tag != SK_YAML_TAG_STR)
		v = word(a, text);
	if (v == NULL && tag != SK_YAML_TAG_STR)
		v = integer(a, text);
	if (v == NULL && tag != SK_YAML_TAG_STR)
		v = based_integer(a, text);
	if (v == NULL && tag != SK_YAML_TAG_STR)
		v = number(a, text);
	if (v == NULL)
		v = sk_value_string(a, text, strlen(text));
	if (tag == SK_YAML_TAG_FLOAT && v->kind == SK_INT) {
		double f = (double)v->u.i;

		v->kind = SK_FLOAT;
		v->u.f = f;
	}
	return fits(tag, v->kind) ? v : NULL;
}
