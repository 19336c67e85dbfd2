/* beat_test.c - what others write into the cache is read as the original reads it, and what we write
 * is what it writes. */
#include "core/model/beat.h"
#include "adapters/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Each line was given to int() of Python 3.11. */
static void
numbers_are_read_as_python_reads_them(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		bool is;
		int64_t v;
	} cases[] = {
#define YES(s, v) { s, sizeof(s) - 1, true, v }
#define NO(s) \
	{ \
		s, sizeof(s) - 1, false, 0 \
	}
		YES("0", 0),
		YES("199", 199),
		YES("200", 200),
		YES("-1", -1),
		YES("-2", -2),
		YES("+5", 5),
		YES("-0", 0),
		YES("007", 7),
		YES(" \t\n\v\f\r5 \n", 5),
		YES("1_0", 10),
		YES("1_2_3", 123),
		YES("1795240643673", 1795240643673),
		YES("9223372036854775807", INT64_MAX),
		YES("9223372036854775808", INT64_MAX),
		YES("99999999999999999999999", INT64_MAX),
		YES("-9223372036854775808", INT64_MIN),
		YES("-9223372036854775809", INT64_MIN),
		YES("-99999999999999999999999", INT64_MIN),
		NO(""),
		NO(" "),
		NO("+"),
		NO("-"),
		NO("- 5"),
		NO("+-5"),
		NO("_5"),
		NO("5_"),
		NO("-_5"),
		NO("5__5"),
		NO("5 5"),
		NO("1.5"),
		NO("1e3"),
		NO("0x5"),
		NO("five"),
		NO("5\0"),
		NO("\0"),
		NO("\x1c"
		   "5"),
		NO("\xc3"),
#undef YES
#undef NO
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *exact = malloc(cases[i].n + 1); /* a copy without a NUL behind it, for ASan */
		int64_t v = 4711;

		assert_non_null(exact);
		exact = realloc(memcpy(exact, cases[i].text, cases[i].n), cases[i].n > 0 ? cases[i].n : 1);
		assert_non_null(exact);
		if (sk_beat_number(exact, cases[i].n, &v) != cases[i].is)
			fail_msg("\"%s\": %s", cases[i].text, cases[i].is ? "is one" : "is none");
		assert_int_equal(v, cases[i].is ? cases[i].v : 4711);
		free(exact);
	}
}

static void
a_beat_says_alive_or_how_it_ended(void **state)
{
	int64_t v;

	(void)state;
	assert_int_equal(sk_beat_read("0", 1, &v), SK_BEAT_IS_LIVE);
	assert_int_equal(v, 0);
	assert_int_equal(sk_beat_read("199", 3, &v), SK_BEAT_IS_LIVE);
	assert_int_equal(v, 199);
	assert_int_equal(sk_beat_read("200", 3, &v), SK_BEAT_IS_FINISHED);
	assert_int_equal(sk_beat_read(" -1\n", 4, &v), SK_BEAT_IS_FAILED);
	assert_int_equal(v, -1);
	assert_int_equal(sk_beat_read("-2", 2, NULL), SK_BEAT_IS_CANCELLED);
	assert_int_equal(sk_beat_read("201", 3, NULL), SK_BEAT_IS_LIVE);
	assert_int_equal(sk_beat_read("-3", 2, NULL), SK_BEAT_IS_LIVE);
	assert_int_equal(sk_beat_read("2 00", 4, &v), SK_BEAT_IS_NONE);
	assert_int_equal(v, 0);
	assert_int_equal(sk_beat_read(NULL, 0, NULL), SK_BEAT_IS_NONE);
}

static void
an_activity_is_a_time(void **state)
{
	int64_t ms = 0;

	(void)state;
	assert_true(sk_beat_activity("1795240643673", 13, &ms));
	assert_int_equal(ms, 1795240643673);
	assert_true(sk_beat_activity("0", 1, &ms));
	assert_false(sk_beat_activity("-1", 2, &ms));
	assert_false(sk_beat_activity("now", 3, &ms));
	assert_int_equal(ms, 0);
}

/* 1.6: no value twice within five samples, and none that means an end. */
static void
beats_do_not_repeat(void **state)
{
	int last[5] = { -1, -1, -1, -1, -1 }, beat = 197;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		beat = sk_beat_next(beat);
		assert_in_range(beat, 0, 199);
		for (int k = 0; k < 5; k++)
			assert_int_not_equal(beat, last[k]);
		last[i % 5] = beat;
	}
	assert_int_equal(sk_beat_next(199), 0);
	assert_int_equal(sk_beat_next(-1), 0);
	assert_int_equal(sk_beat_next(200), 0);
}

static void
numbers_are_written_plainly(void **state)
{
	char buf[SK_BEAT_LEN];

	(void)state;
	assert_int_equal(sk_beat_text(buf, -2), 2);
	assert_string_equal(buf, "-2");
	assert_int_equal(sk_beat_text(buf, 1795240643673), 13);
	assert_string_equal(buf, "1795240643673");
	assert_int_equal(sk_beat_text(buf, INT64_MIN), 20);
}

static void
the_list_is_written_as_the_original_writes_it(void **state)
{
	const struct sk_beat_task tasks[] = { { "T3", "W" }, { "a\"b/\xc3\xa9", "Z" } };
	struct sk_str out = SK_STR_INIT;

	(void)state;
	sk_beat_tasks_json(&out, tasks, 1, 1795240643673);
	assert_string_equal(out.p,
		"{\"tasks\":[{\"id\":\"T3\",\"class_name\":\"W\"}],"
		"\"existed_task_ids\":[\"T3\"],\"timestamp\":1795240643673}");
	sk_str_clear(&out);
	sk_beat_tasks_json(&out, NULL, 0, 7);
	assert_string_equal(out.p, "{\"tasks\":[],\"existed_task_ids\":[],\"timestamp\":7}");
	sk_str_clear(&out);
	sk_beat_tasks_json(&out, tasks, 2, 7);
	assert_string_equal(out.p,
		"{\"tasks\":[{\"id\":\"T3\",\"class_name\":\"W\"},"
		"{\"id\":\"a\\\"b/\xc3\xa9\",\"class_name\":\"Z\"}],"
		"\"existed_task_ids\":[\"T3\",\"a\\\"b/\xc3\xa9\"],\"timestamp\":7}");
	sk_str_release(&out);
}

/* "id:class id:class" of what is read. */
static void
reads(const char *json, const char *expected)
{
	struct sk_arena *a = sk_arena_new();
	const struct sk_beat_task *tasks;
	struct sk_str got = SK_STR_INIT;
	struct sk_problems p;
	size_t n;

	sk_problems_init(&p, a, "");
	n = sk_beat_tasks_read(a, sk_json_parse(json, strlen(json), a, &p), &tasks);
	for (size_t i = 0; i < n; i++)
		sk_str_addf(&got, "%s%s:%s", i > 0 ? " " : "", tasks[i].id, tasks[i].class_name);
	assert_string_equal(sk_str_text(&got), expected);
	sk_str_release(&got);
	sk_arena_free(a);
}

static void
lists_of_others_are_read(void **state)
{
	(void)state;
	reads("{\"tasks\":[{\"id\":\"T3\",\"class_name\":\"W\"}],\"existed_task_ids\":[\"T3\"],"
		  "\"timestamp\":1}",
		"T3:W");
	reads("{\"tasks\":[{\"id\":\"a\",\"className\":\"W\"},{\"class_name\":\"V\",\"id\":\"b\","
		  "\"className\":\"W\",\"more\":[1]}]}",
		"a:W b:V");
	reads("{\"tasks\":[{\"id\":\"a\"},{\"class_name\":\"W\"},{},1,null,[],{\"id\":1,"
		  "\"class_name\":\"W\"},{\"id\":\"\",\"class_name\":\"W\"},{\"id\":\"z\","
		  "\"class_name\":null,\"className\":\"Z\"}]}",
		"z:Z");
	reads("{\"tasks\":[]}", "");
	reads("{\"tasks\":{\"id\":\"a\",\"class_name\":\"W\"}}", "");
	reads("{}", "");
	reads("[]", "");
	reads("\"tasks\"", "");
	reads("{\"tasks\":[{\"id\":\"a\",\"class_name\":\"W\"}", "");
	reads("", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_as_python_reads_them),
		cmocka_unit_test(a_beat_says_alive_or_how_it_ended),
		cmocka_unit_test(an_activity_is_a_time),
		cmocka_unit_test(beats_do_not_repeat),
		cmocka_unit_test(numbers_are_written_plainly),
		cmocka_unit_test(the_list_is_written_as_the_original_writes_it),
		cmocka_unit_test(lists_of_others_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
