/* field_test.c - field tables: decoding, every error at its place, schema and description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/yaml.h"
#include "core/model/field.h"
#include "input_rig.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct part {
	const char *name;
	double share;
};

struct limits {
	int64_t low;
	int64_t high;
};

struct thing {
	bool flag;
	int64_t count;
	double ratio;
	const char *title;
	const char *token;
	int mode;
	struct sk_list words, numbers, parts, modes, anything;
	struct limits limits;
	const struct sk_value *raw;
	int64_t open_end;
};

static const char *const modes[] = { "slow", "fast", "turbo", NULL };

static const struct sk_field part_fields[] = { SK_FIELD(struct part, name, .required = true,
												   .doc = "its name"),
	SK_FIELD(struct part, share, .def = "0.5", .bounded = true, .min = 0, .max = 1, .doc = "share"),
	SK_FIELDS_END };

static const struct sk_field limit_fields[] = { SK_FIELD(
													struct limits, low, .def = "1", .doc = "from"),
	SK_FIELD(struct limits, high, .key = "upTo", .def = "9", .doc = "to"), SK_FIELDS_END };

static const struct sk_field fields[] = { SK_FIELD(
											  struct thing, flag, .def = "true", .doc = "a flag"),
	SK_FIELD(struct thing, count, .key = "howMany", .required = true, .bounded = true, .min = 1,
		.max = 10, .doc = "a number"),
	SK_FIELD(struct thing, ratio, .def = "1.5", .nullable = true, .bounded = true, .min = -1,
		.max = 2.5, .doc = "a ratio"),
	SK_FIELD(
		struct thing, title, .def = "none", .bounded = true, .min = 1, .max = 8, .doc = "a title"),
	SK_FIELD(struct thing, token, .secret = true, .def = "changeme", .doc = "a secret"),
	SK_FIELD(struct thing, mode, .def = "fast", .choices = modes, .doc = "a mode"),
	SK_FIELD(struct thing, words, .item = SK_FIELD_STRING, .bounded = true, .min = 0, .max = 3,
		.doc = "some words"),
	SK_FIELD(struct thing, numbers, .item = SK_FIELD_FLOAT, .doc = "some numbers"),
	SK_FIELD(struct thing, parts, .item = SK_FIELD_OBJECT, .sub = part_fields,
		.sub_size = sizeof(struct part), .doc = "some parts"),
	SK_FIELD(struct thing, modes, .item = SK_FIELD_ENUM, .choices = modes, .doc = "some modes"),
	SK_FIELD(struct thing, anything, .item = SK_FIELD_ANY, .doc = "anything"),
	SK_FIELD(struct thing, limits, .sub = limit_fields, .doc = "limits"),
	SK_FIELD(struct thing, raw, .doc = "taken as it is"),
	SK_FIELD(struct thing, open_end, .def = "0", .bounded = true, .min = 0, .max = INFINITY,
		.doc = "not negative"),
	SK_FIELDS_END };

static bool
decode(struct input *in, const char *text, bool lenient, struct thing *t)
{
	bool ok;

	input_open(in, sk_yaml_parse, text, strlen(text));
	assert_non_null(in->value);
	ok = sk_fields_decode(
		fields, in->value, t, sizeof(*t), in->arena, "att", lenient, &in->problems);
	assert_int_equal(ok, in->problems.n_errors == 0);
	return ok;
}

/* howMany is given, so that only what the test is about is wrong. */
static void
wrong(const char *text, const char *problems)
{
	struct sk_str s = SK_STR_INIT;
	struct input in;
	struct thing t;

	sk_str_addf(&s, "howMany: 1\n%s", text);
	decode(&in, s.p, false, &t);
	input_problems_are(&in, problems);
	input_close(&in);
	sk_str_release(&s);
}

static void
defaults_fill_what_is_absent(void **state)
{
	struct input in;
	struct thing t;

	(void)state;
	memset(&t, 0xaa, sizeof(t));
	assert_true(decode(&in, "{howMany: 10, ratio: ~}", false, &t));
	assert_true(t.flag);
	assert_int_equal(t.count, 10);
	assert_true(t.ratio == 1.5);
	assert_string_equal(t.title, "none");
	assert_string_equal(t.token, "changeme");
	assert_int_equal(t.mode, 1);
	assert_int_equal(t.words.n, 0);
	assert_null(t.words.items);
	assert_int_equal(t.limits.low, 1);
	assert_int_equal(t.limits.high, 9);
	assert_null(t.raw);
	input_close(&in);
}

static void
every_kind_is_decoded(void **state)
{
	struct input in;
	struct thing t;

	(void)state;
	assert_true(decode(&in,
		"flag: false\ncount: 3\nratio: -1\ntitle: '12'\nmode: turbo\n"
		"words: [a, b]\nnumbers: [1, 2.5]\nparts: [{name: x}, {name: y, share: 1}]\n"
		"modes: [turbo, slow]\nanything: [1, x]\nlimits: {upTo: 4}\nraw: [1]\n",
		false, &t));
	assert_false(t.flag);
	assert_int_equal(t.count, 3);
	assert_true(t.ratio == -1);
	assert_string_equal(t.title, "12");
	assert_int_equal(t.mode, 2);
	assert_string_equal(((const char **)t.words.items)[1], "b");
	assert_true(((double *)t.numbers.items)[0] == 1 && ((double *)t.numbers.items)[1] == 2.5);
	assert_int_equal(t.parts.n, 2);
	assert_string_equal(((struct part *)t.parts.items)[0].name, "x");
	assert_true(((struct part *)t.parts.items)[0].share == 0.5);
	assert_true(((struct part *)t.parts.items)[1].share == 1);
	assert_int_equal(((int *)t.modes.items)[0], 2);
	assert_int_equal(((const struct sk_value **)t.anything.items)[0]->u.i, 1);
	assert_int_equal(t.limits.low, 1);
	assert_int_equal(t.limits.high, 4);
	assert_int_equal(t.raw->kind, SK_LIST);
	input_close(&in);
}

static void
wrong_types_say_what_was_expected_and_found(void **state)
{
	(void)state;
	wrong("flag: yes\n", "f:2:7: att.flag: expected boolean, got \"yes\" (write true or false)\n");
	wrong("flag: 1\n", "f:2:7: att.flag: expected boolean, got 1\n");
	wrong("open_end: \"10\"\n",
		"f:2:11: att.open_end: expected integer, got \"10\" (write it without quotes)\n");
	wrong("open_end: ten\n", "f:2:11: att.open_end: expected integer, got \"ten\"\n");
	wrong("open_end: 1.0\n", "f:2:11: att.open_end: expected integer, got 1.0\n");
	wrong("open_end: 0x10000000000000000\n",
		"f:2:11: att.open_end: expected integer, got 0x10000000000000000 (it does not fit 64 "
		"bits)\n");
	wrong("open_end:\n", "f:2:1: att.open_end: expected integer, got nothing\n");
	wrong("open_end: ~\n", "f:2:11: att.open_end: expected integer, got null\n");
	wrong("ratio: .nan\n", "f:2:8: att.ratio: expected number, got .nan (it must be finite)\n");
	wrong("ratio: x\n", "f:2:8: att.ratio: expected number, got \"x\"\n");
	wrong("title: 12\n", "f:2:8: att.title: expected string, got 12 (write it in quotes)\n");
	wrong("title: true\n", "f:2:8: att.title: expected string, got true (write it in quotes)\n");
	wrong("title: [a]\n", "f:2:8: att.title: expected string, got a list\n");
	wrong("words: a\n", "f:2:8: att.words: expected list of strings, got \"a\"\n");
	wrong("words: [a, {b: c}, 3]\n",
		"f:2:12: att.words[1]: expected string, got a map\n"
		"f:2:20: att.words[2]: expected string, got 3 (write it in quotes)\n");
	wrong("parts: [x]\n", "f:2:9: att.parts[0]: expected map, got \"x\"\n");
	wrong("limits: []\n", "f:2:9: att.limits: expected map, got a list\n");
	wrong("mode: turob\n",
		"f:2:7: att.mode: expected one of slow, fast, turbo, got \"turob\" "
		"(did you mean \"turbo\"?)\n");
	wrong("mode: 1\n", "f:2:7: att.mode: expected one of slow, fast, turbo, got 1\n");
	wrong("modes: [slow, x]\n",
		"f:2:15: att.modes[1]: expected one of slow, fast, turbo, got \"x\"\n");
}

static void
bounds_are_kept(void **state)
{
	(void)state;
	wrong("open_end: -1\n", "f:2:11: att.open_end: must be at least 0, got -1\n");
	wrong("ratio: 2.6\n", "f:2:8: att.ratio: must be -1 to 2.5, got 2.6\n");
	wrong("title: ''\n", "f:2:8: att.title: must not be empty\n");
	wrong("title: 123456789x\n", "f:2:8: att.title: must be 1 to 8 bytes long, got 10\n");
	wrong("words: [a, b, c, d]\n", "f:2:8: att.words: must have at most 3 items, got 4\n");
	wrong("parts:\n  - name: x\n    share: 3\n  - name: y\n    share: -1\n",
		"f:4:12: att.parts[0].share: must be 0 to 1, got 3\n"
		"f:6:12: att.parts[1].share: must be 0 to 1, got -1\n");
}

static void
keys_are_known_and_given_once(void **state)
{
	struct input in;
	struct thing t;

	(void)state;
	wrong("tilte: x\n", "f:2:1: att.tilte: unknown key, did you mean \"title\"?\n");
	wrong("zzzzz: x\n",
		"f:2:1: att.zzzzz: unknown key, known are: flag, howMany, ratio, title, "
		"token, mode, words, numbers, parts, modes, anything, limits, raw, open_end\n");
	wrong("limits:\n  low: 1\n  uptwo: 3\n",
		"f:4:3: att.limits.uptwo: unknown key, did you mean \"upTo\"?\n");
	wrong("count: 2\n", "f:2:1: att.count: given twice: \"howMany\" in line 1 is the same\n");
	decode(&in, "\nparts:\n- share: 1\n", false, &t);
	input_problems_are(&in,
		"f:2:1: att: missing key \"howMany\" (integer)\n"
		"f:3:3: att.parts[0]: missing key \"name\" (string)\n");
	input_close(&in);
	assert_true(decode(&in, "howMany: 1\ntilte: x\nzz: [1]\nlimits: {z: 1}", true, &t));
	assert_int_equal(in.problems.n_warnings, 3);
	assert_string_equal(in.problems.list[0].text, "unknown key, ignored, did you mean \"title\"?");
	input_close(&in);
}

static void
nothing_counts_as_an_empty_map(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_problems p;
	struct limits l;

	(void)state;
	sk_problems_init(&p, a, "");
	assert_true(sk_fields_decode(limit_fields, NULL, &l, sizeof(l), a, "", false, &p));
	assert_int_equal(l.high, 9);
	assert_true(
		sk_fields_decode(limit_fields, sk_value_new(a, SK_NULL), &l, sizeof(l), a, "", false, &p));
	assert_false(sk_fields_decode(part_fields, NULL, &l, sizeof(l), a, "", false, &p));
	assert_string_equal(p.list[0].text, "missing key \"name\" (string)");
	assert_string_equal(p.list[0].path, "");
	sk_arena_free(a);
}

static void
a_secret_is_never_shown(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	wrong(
		"token: 1234\n", "f:2:8: att.token: expected string, got a number (write it in quotes)\n");
	sk_fields_describe(fields, &s);
	sk_fields_schema(fields, &s);
	assert_null(strstr(sk_str_text(&s), "changeme"));
	sk_str_release(&s);
}

static void
thousands_of_problems_are_counted(void **state)
{
	struct input in;
	struct thing t;
	char *text = repeated("howMany: 1\nnumbers: [", "x,", 50000, "]\n");

	(void)state;
	decode(&in, text, false, &t);
	assert_int_equal(in.problems.n, 100);
	assert_int_equal(in.problems.n_errors, 50000);
	input_close(&in);
	free(text);
}

static void
schema_is_draft_2020_12(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	sk_fields_schema(fields, &s);
	assert_string_equal(sk_str_text(&s),
		"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
		"\"properties\":{"
		"\"flag\":{\"type\":\"boolean\",\"description\":\"a flag\",\"default\":true},"
		"\"howMany\":{\"type\":\"integer\",\"description\":\"a "
		"number\",\"minimum\":1,\"maximum\":10},"
		"\"ratio\":{\"type\":[\"number\",\"null\"],\"description\":\"a ratio\",\"minimum\":-1,"
		"\"maximum\":2.5,\"default\":1.5},"
		"\"title\":{\"type\":\"string\",\"description\":\"a "
		"title\",\"minLength\":1,\"maxLength\":8,"
		"\"default\":\"none\"},"
		"\"token\":{\"type\":\"string\",\"description\":\"a secret\",\"writeOnly\":true},"
		"\"mode\":{\"type\":\"string\",\"description\":\"a mode\",\"default\":\"fast\","
		"\"enum\":[\"slow\",\"fast\",\"turbo\"]},"
		"\"words\":{\"type\":\"array\",\"description\":\"some "
		"words\",\"minItems\":0,\"maxItems\":3,"
		"\"items\":{\"type\":\"string\"}},"
		"\"numbers\":{\"type\":\"array\",\"description\":\"some "
		"numbers\",\"items\":{\"type\":\"number\"}},"
		"\"parts\":{\"type\":\"array\",\"description\":\"some "
		"parts\",\"items\":{\"type\":\"object\","
		"\"properties\":{\"name\":{\"type\":\"string\",\"description\":\"its name\"},"
		"\"share\":{\"type\":\"number\",\"description\":\"share\",\"minimum\":0,\"maximum\":1,"
		"\"default\":0.5}},\"required\":[\"name\"],\"additionalProperties\":false}},"
		"\"modes\":{\"type\":\"array\",\"description\":\"some "
		"modes\",\"items\":{\"type\":\"string\","
		"\"enum\":[\"slow\",\"fast\",\"turbo\"]}},"
		"\"anything\":{\"type\":\"array\",\"description\":\"anything\",\"items\":{}},"
		"\"limits\":{\"type\":\"object\",\"description\":\"limits\",\"properties\":{"
		"\"low\":{\"type\":\"integer\",\"description\":\"from\",\"default\":1},"
		"\"upTo\":{\"type\":\"integer\",\"description\":\"to\",\"default\":9}},\"required\":[],"
		"\"additionalProperties\":false},"
		"\"raw\":{\"description\":\"taken as it is\"},"
		"\"open_end\":{\"type\":\"integer\",\"description\":\"not negative\",\"minimum\":0,"
		"\"default\":0}},\"required\":[\"howMany\"],\"additionalProperties\":false}");
	sk_str_release(&s);
}

static void
description_is_aligned(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	sk_fields_describe(part_fields, &s);
	sk_fields_describe(limit_fields, &s);
	assert_string_equal(sk_str_text(&s),
		"KEY    TYPE    REQUIRED  DEFAULT  BOUNDS  DOC\n"
		"name   string  yes                        its name\n"
		"share  number  no        0.5      0 to 1  share\n"
		"KEY   TYPE     REQUIRED  DEFAULT  BOUNDS  DOC\n"
		"low   integer  no        1                from\n"
		"upTo  integer  no        9                to\n");
	sk_str_clear(&s);
	sk_fields_describe(fields, &s);
	assert_non_null(strstr(sk_str_text(&s), "\n  parts[].share  number           no        0.5"));
	assert_non_null(strstr(sk_str_text(&s), "\n  limits.upTo    integer          no        9"));
	assert_non_null(strstr(sk_str_text(&s), "fast     slow|fast|turbo  a mode\n"));
	assert_non_null(strstr(sk_str_text(&s), "no        ***"));
	sk_str_release(&s);
}

struct one {
	int64_t x;
	double y;
	const char *z;
	int e;
	struct sk_list l;
};

/* Each table has one mistake. */
static void
mistakes_in_a_table_are_found(void **state)
{
#define TABLE(...) \
	(const struct sk_field[]) \
	{ \
		__VA_ARGS__, SK_FIELDS_END \
	}
	const struct {
		const struct sk_field *table;
		const char *why;
	} rows[] = {
		{ TABLE(SK_FIELD(struct one, x, .def = "1")), "field x has no doc" },
		{ TABLE(SK_FIELD(struct one, x, .def = "one", .doc = "d")),
			"field x has a default that does not fit its type" },
		{ TABLE(
			  SK_FIELD(struct one, x, .def = "0", .bounded = true, .min = 1, .max = 2, .doc = "d")),
			"field x has a default outside its bounds" },
		{ TABLE(SK_FIELD(struct one, x, .bounded = true, .min = 3, .max = 2, .doc = "d")),
			"field x has .min above .max" },
		{ TABLE(SK_FIELD(struct one, x, .required = true, .def = "1", .doc = "d")),
			"field x is required and has a default" },
		{ TABLE(
			  SK_FIELD(struct one, x, .doc = "d"), SK_FIELD(struct one, y, .key = "x", .doc = "d")),
			"field y has the key of another field" },
		{ TABLE(SK_FIELD(struct one, e, .doc = "d")), "field e needs .choices" },
		{ TABLE(SK_FIELD(struct one, e, .choices = modes, .def = "x", .doc = "d")),
			"field e has a default that does not fit its type" },
		{ TABLE(SK_FIELD(struct one, l, .doc = "d")), "field l needs an .item that is no list" },
		{ TABLE(SK_FIELD(struct one, l, .item = SK_FIELD_OBJECT, .doc = "d")),
			"field l needs .sub exactly when it holds records" },
		{ TABLE(SK_FIELD(struct one, l, .item = SK_FIELD_OBJECT, .sub = part_fields, .doc = "d")),
			"field l needs .sub_size" },
	};
	struct sk_err err;

	(void)state;
	assert_int_equal(sk_fields_check(fields, &err), SK_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(sk_fields_check(rows[i].table, &err), SK_EINVAL);
		assert_string_equal(err.msg, rows[i].why);
	}
}

struct large {
	int64_t n;
};

/* 9.2e18 as a double is 9200000000000000000, and so is its neighbour. */
static void
bounds_of_large_integers_are_exact(void **state)
{
	static const struct sk_field rows[] = { SK_FIELD(struct large, n, .bounded = true,
												.min = -9.2e18, .max = 9.2e18, .doc = "a number"),
		SK_FIELDS_END };
	static const struct {
		int64_t n;
		bool ok;
	} cases[] = { { 9200000000000000000, true }, { 9200000000000000001, false },
		{ -9200000000000000000, true }, { -9200000000000000001, false }, { INT64_MAX, false },
		{ INT64_MIN, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sk_arena *a = sk_arena_new();
		struct sk_value *map = sk_value_new(a, SK_MAP), *n = sk_value_new(a, SK_INT);
		struct sk_problems p;
		struct large out;

		n->u.i = cases[i].n;
		sk_map_add(a, map, "n", n);
		sk_problems_init(&p, a, "");
		assert_int_equal(
			sk_fields_decode(rows, map, &out, sizeof(out), a, "", false, &p), cases[i].ok);
		sk_arena_free(a);
	}
}

/* What only the schema tells: a pattern, a map of texts, no default that nobody may give. */
static void
the_schema_tells_more_than_the_kind(void **state)
{
	static const struct sk_field rows[] = {
		{ .kind = SK_FIELD_STRING, .name = "a", .pattern = "^x$" },
		{ .kind = SK_FIELD_ANY, .name = "b", .item = SK_FIELD_STRING },
		{ .kind = SK_FIELD_ANY, .name = "c", .item = SK_FIELD_ANY },
		{ .kind = SK_FIELD_INT, .name = "d", .def = "-1", .bounded = true, .min = 0, .max = 3 }
	};
	static const char *const want[] = { "{\"type\":\"string\",\"pattern\":\"^x$\"}",
		"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}",
		"{\"type\":\"object\"}", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":3}" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct sk_str out = SK_STR_INIT;

		sk_field_schema(&rows[i], &out);
		assert_string_equal(sk_str_text(&out), want[i]);
		sk_str_release(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_fill_what_is_absent),
		cmocka_unit_test(every_kind_is_decoded),
		cmocka_unit_test(wrong_types_say_what_was_expected_and_found),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(bounds_of_large_integers_are_exact),
		cmocka_unit_test(the_schema_tells_more_than_the_kind),
		cmocka_unit_test(keys_are_known_and_given_once),
		cmocka_unit_test(nothing_counts_as_an_empty_map),
		cmocka_unit_test(a_secret_is_never_shown),
		cmocka_unit_test(thousands_of_problems_are_counted),
		cmocka_unit_test(schema_is_draft_2020_12),
		cmocka_unit_test(description_is_aligned),
		cmocka_unit_test(mistakes_in_a_table_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
