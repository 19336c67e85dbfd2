/* typed_test.c - key=value by a class's field table; durations and moments of the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/typed.h"
#include "cmd/when.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const sizes[] = { "small", "large", NULL };

struct inner {
	int64_t depth;
	const char *tag;
};

struct outer {
	bool on;
	int64_t count;
	double ratio;
	const char *text;
	int size;
	struct sk_list words, numbers;
	struct inner sub;
	const struct sk_value *env;
	int64_t maybe;
};

static const struct sk_field inner_fields[] = {
	SK_FIELD(struct inner, depth, .doc = "d"),
	SK_FIELD(struct inner, tag, .doc = "t"),
	SK_FIELDS_END,
};

static const struct sk_field fields[] = {
	SK_FIELD(struct outer, on, .doc = "o"),
	SK_FIELD(struct outer, count, .doc = "c"),
	SK_FIELD(struct outer, ratio, .key = "theRatio", .doc = "r"),
	SK_FIELD(struct outer, text, .doc = "t"),
	SK_FIELD(struct outer, size, .choices = sizes, .doc = "s"),
	SK_FIELD(struct outer, words, .item = SK_FIELD_STRING, .doc = "w"),
	SK_FIELD(struct outer, numbers, .item = SK_FIELD_INT, .doc = "n"),
	SK_FIELD(struct outer, sub, .sub = inner_fields, .sub_size = sizeof(struct inner), .doc = "s"),
	SK_FIELD(struct outer, env, .doc = "e"),
	SK_FIELD(struct outer, maybe, .nullable = true, .doc = "m"),
	SK_FIELDS_END,
};

struct rig {
	struct sk_arena *arena;
	struct sk_problems problems;
	struct sk_value *map;
};

static void
rig_open(struct rig *r)
{
	r->arena = sk_arena_new();
	sk_problems_init(&r->problems, r->arena, "");
	r->map = sk_value_new(r->arena, SK_MAP);
}

/* The words as JSON by the table of f, or the first problem. */
static void
gives(const struct sk_field *f, const char *const *words, const char *want)
{
	struct rig r;
	struct sk_str got = SK_STR_INIT;
	size_t n = 0;

	rig_open(&r);
	while (words[n] != NULL)
		n++;
	if (sk_typed_words(f, r.map, words, n, r.arena, &r.problems))
		sk_value_json(&got, r.map);
	else
		sk_problems_text(&r.problems, &got);
	assert_string_equal(sk_str_text(&got), want);
	sk_str_release(&got);
	sk_arena_free(r.arena);
}

#define W(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
scalars_follow_the_table(void **state)
{
	(void)state;
	gives(fields, W("on=true"), "{\"on\":true}");
	gives(fields, W("on=Yes"), "{\"on\":true}");
	gives(fields, W("on=0"), "{\"on\":false}");
	gives(fields, W("count=-12"), "{\"count\":-12}");
	gives(fields, W("count=9223372036854775807"), "{\"count\":9223372036854775807}");
	gives(fields, W("theRatio=3"), "{\"theRatio\":3.0}");
	gives(fields, W("ratio=1e-3"), "{\"ratio\":0.001}");
	gives(fields, W("text=12"), "{\"text\":\"12\"}");
	gives(fields, W("text="), "{\"text\":\"\"}");
	gives(fields, W("text=a=b"), "{\"text\":\"a=b\"}");
	gives(fields, W("size=large"), "{\"size\":\"large\"}");
	gives(fields, W("maybe=null", "count=1"), "{\"maybe\":null,\"count\":1}");
	gives(fields, W("text=null"), "{\"text\":\"null\"}");
}

/* What the value is not stays text: the check of the attachments then says what was expected. */
static void
what_does_not_fit_stays_text(void **state)
{
	(void)state;
	gives(fields, W("count=ten"), "{\"count\":\"ten\"}");
	gives(fields, W("count=1.5"), "{\"count\":\"1.5\"}");
	gives(fields, W("count="), "{\"count\":\"\"}");
	gives(fields, W("count=9223372036854775808"), "{\"count\":\"9223372036854775808\"}");
	gives(fields, W("count= 1"), "{\"count\":\" 1\"}");
	gives(fields, W("ratio=nan"), "{\"ratio\":\"nan\"}");
	gives(fields, W("ratio=0x10"), "{\"ratio\":\"0x10\"}");
	gives(fields, W("ratio=1e999"), "{\"ratio\":\"1e999\"}");
	gives(fields, W("on=maybe"), "{\"on\":\"maybe\"}");
	gives(fields, W("sub=5"), "{\"sub\":\"5\"}");
	gives(
		fields, W("nope=5", "no.such.key=6"), "{\"nope\":\"5\",\"no\":{\"such\":{\"key\":\"6\"}}}");
}

static void
lists_are_commas_or_json(void **state)
{
	(void)state;
	gives(fields, W("words=a,b,c"), "{\"words\":[\"a\",\"b\",\"c\"]}");
	gives(fields, W("words=one two"), "{\"words\":[\"one two\"]}");
	gives(fields, W("words="), "{\"words\":[]}");
	gives(fields, W("words=a,,b,"), "{\"words\":[\"a\",\"\",\"b\",\"\"]}");
	gives(fields, W("words=[\"a,b\", \"c\"]"), "{\"words\":[\"a,b\",\"c\"]}");
	gives(fields, W("numbers=1,2,x"), "{\"numbers\":[1,2,\"x\"]}");
	gives(fields, W("words=[\"a\""), "attachments.words: not valid JSON: ']' expected\n");
}

static void
members_are_reached_by_dots(void **state)
{
	(void)state;
	gives(fields, W("sub.depth=3", "sub.tag=4"), "{\"sub\":{\"depth\":3,\"tag\":\"4\"}}");
	gives(fields, W("sub={\"depth\":1}", "sub.depth=2"), "{\"sub\":{\"depth\":2}}");
	gives(fields, W("env.PORT=80", "env.A.B=true"),
		"{\"env\":{\"PORT\":\"80\",\"A\":{\"B\":\"true\"}}}");
	gives(fields, W("env={\"PORT\":\"80\"}"), "{\"env\":{\"PORT\":\"80\"}}");
	gives(fields, W("env=80"), "{\"env\":80}");
	gives(fields, W("env=word"), "{\"env\":\"word\"}");
	gives(fields, W("count.x=1"), "attachments.count.x: count is a integer and has no members\n");
	gives(fields, W("words.0=1"),
		"attachments.words.0: words is a list of strings: give it as a,b,c or as JSON\n");
}

static void
words_that_say_nothing_are_problems(void **state)
{
	(void)state;
	gives(fields, W("count"), "expected key=value, got \"count\"\n");
	gives(fields, W("=1"), "\"=1\" names no attachment\n");
	gives(fields, W(".a=1"), "\".a=1\" names no attachment\n");
	gives(fields, W("a..b=1"), "\"a..b=1\" names no attachment\n");
	gives(fields, W("a.=1"), "\"a.=1\" names no attachment\n");
	gives(fields, W("\xff=1"), "an argument is not valid UTF-8\n");
	gives(fields, W("text=\xff"), "attachments.text: this is not valid UTF-8\n");
	gives(fields, W("count=1", "text=x", "count=2"), "attachments.count: it is given twice\n");
	gives(fields, W("count", "text"),
		"expected key=value, got \"count\"\nexpected key=value, got \"text\"\n");
}

static void
of_an_unknown_class_values_are_json_or_text(void **state)
{
	(void)state;
	gives(NULL, W("a=1", "b=1.5", "c=true", "d=word", "e=[1]", "f.g=null", "h=\"12\"", "i=1e5"),
		"{\"a\":1,\"b\":1.5,\"c\":true,\"d\":\"word\",\"e\":[1],\"f\":{\"g\":null},"
		"\"h\":\"12\",\"i\":100000.0}");
}

/* ---- times ---- */

static void
seconds(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} right[] = { { "90", 90 }, { "0", 0 }, { "0.25", 0.25 }, { ".5", 0.5 }, { "5.", 5 },
		{ "90s", 90 }, { "500ms", 0.5 }, { "5m", 300 }, { "1h30min", 5400 }, { "2 h", 7200 },
		{ "3 days", 259200 } };
	static const char *const wrong[] = { "", " ", "-1", "-5m", "ten", "1e3", "0x10", "nan", "inf",
		"5 parsecs", "ms", ".", "1.2.3", "99999999999999999999", "+5", NULL };
	double s;

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		if (!sk_seconds_parse(right[i].text, &s) || s != right[i].seconds)
			fail_msg("\"%s\"", right[i].text);
	for (size_t i = 0; wrong[i] != NULL; i++)
		if (sk_seconds_parse(wrong[i], &s))
			fail_msg("\"%s\" was taken for %g s", wrong[i], s);
}

/* 2026-08-22T10:11:12Z, a Saturday. */
#define NOW INT64_C(1787393472000)

static void
moments(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} right[] = {
		{ "2026-08-22T10:11:12Z", NOW },
		{ "2026-08-22 10:11:12Z", NOW },
		{ "2026-08-22T12:11:12+02:00", NOW },
		{ "2026-08-22T12:11:12+0200", NOW },
		{ "2026-08-22T05:11:12.25-05:00", NOW + 250 },
		{ "2026-08-22T10:11:12", NOW - 2 * 3600000 }, /* local time is two hours ahead */
		{ "2026-08-22T12:11", NOW - 12000 },
		{ "2026-08-23", NOW + 42528000 },
		{ "2024-02-29Z", INT64_C(1709164800000) },
		{ "12:11:13", NOW + 1000 },
		{ "12:11:12", NOW + 86400000 }, /* not now: tomorrow */
		{ "12:12", NOW + 48000 },
		{ "+90m", NOW + 5400000 },
		{ "+1.5", NOW + 1500 },
		{ "@1787393472", NOW },
		{ "@1787393472.5", NOW + 500 },
		{ "1787393472000", NOW },
	};
	static const char *const wrong[] = { "", "now", "tomorrow", "2026-13-01", "2026-02-29",
		"2026-00-10", "2026-8-22", "2026-08-22T", "2026-08-22T24:00", "2026-08-22T10:60",
		"2026-08-22T10:11:12.", "2026-08-22T10:11:12+2", "2026-08-22T10:11:12+25:00",
		"2026-08-22T10:11:12 Z", "10:11:12:13", "25:00", "+", "+-5m", "-5m", "@", "@x", "@-1",
		"@253402300800", "1787393472", "20260822", "9999999999999999999", NULL };
	int64_t ms;

	(void)state;
	setenv("TZ", "XST-2", 1);
	tzset();
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		if (!sk_moment_parse(right[i].text, NOW, &ms) || ms != right[i].ms)
			fail_msg("\"%s\"", right[i].text);
	for (size_t i = 0; wrong[i] != NULL; i++)
		if (sk_moment_parse(wrong[i], NOW, &ms))
			fail_msg("\"%s\" was taken for %lld", wrong[i], (long long)ms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_follow_the_table),
		cmocka_unit_test(what_does_not_fit_stays_text),
		cmocka_unit_test(lists_are_commas_or_json),
		cmocka_unit_test(members_are_reached_by_dots),
		cmocka_unit_test(words_that_say_nothing_are_problems),
		cmocka_unit_test(of_an_unknown_class_values_are_json_or_text),
		cmocka_unit_test(seconds),
		cmocka_unit_test(moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
