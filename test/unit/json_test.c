/* json_test.c - strict JSON as a tree, and every error at its exact place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/json.h"
#include "input_rig.h"
#include <stdlib.h>
#include <string.h>

static void
is(const char *text, const char *json)
{
	json_is(sk_json_parse, text, json);
}

static void
wrong(const char *text, const char *problems)
{
	problems_are(sk_json_parse, text, problems);
}

static void
every_kind_of_value(void **state)
{
	(void)state;
	is("null", "null");
	is(" [true, false, null, 0, -1, 1.5, 1e3, \"\\u00e9\\n\", \"\"] ",
		"[true,false,null,0,-1,1.5,1000.0,\"\xc3\xa9\\n\",\"\"]");
	is("{\"b\": {}, \"a\": [], \"\": {\"x\": [[]]}}", "{\"b\":{},\"a\":[],\"\":{\"x\":[[]]}}");
	is("9223372036854775807", "9223372036854775807");
	is("-9223372036854775808", "-9223372036854775808");
	is("\xef\xbb\xbf{\"a\":1}", "{\"a\":1}");
	is("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
}

static void
what_is_no_json_is_refused_at_its_place(void **state)
{
	(void)state;
	wrong("", "f:1:1: there is nothing in it\n");
	wrong(" \n\t", "f:1:1: there is nothing in it\n");
	wrong("{\"a\": 1,}", "f:1:9: not valid JSON: string or '}' expected\n");
	wrong("{\n  \"a\": 1\n  \"b\": 2\n}", "f:3:5: not valid JSON: '}' expected\n");
	wrong("[1, 2", "f:1:5: not valid JSON: ']' expected\n");
	wrong("{a: 1}", "f:1:2: not valid JSON: string or '}' expected\n");
	wrong("[01]", "f:1:2: not valid JSON: invalid token\n");
	wrong("[1] x", "f:1:5: not valid JSON: end of file expected\n");
	wrong("{\"a\": 'b'}", "f:1:7: not valid JSON: invalid token\n");
	wrong("[NaN]", "f:1:4: not valid JSON: invalid token\n");
	wrong("{\n\"a\": 1,\n\"a\": 2}", "f:3:3: not valid JSON: duplicate object key near '\"a\"'\n");
	wrong("[9223372036854775808]", "f:1:20: not valid JSON: too big integer\n");
	wrong("[1e999]", "f:1:6: not valid JSON: real number overflow\n");
	wrong("\"a\\u0000b\"", "f:1:10: not valid JSON: \\u0000 is not allowed\n");
	wrong("\"\\ud800\"", "f:1:8: not valid JSON: invalid Unicode '\\uD800'\n");
	wrong("\"\xff\"", "f:1:1: not valid JSON: unable to decode byte 0xff\n");
	wrong("\"a\nb\"", "f:1:2: not valid JSON: unexpected newline\n");
}

static void
the_text_never_stands_in_the_sentence(void **state)
{
	struct sk_str s = SK_STR_INIT;
	struct input in;

	(void)state;
	input_open(&in, sk_json_parse, "{\"password\": hunter2}", 21);
	sk_problems_text(&in.problems, &s);
	assert_int_equal(in.problems.n_errors, 1);
	assert_null(strstr(sk_str_text(&s), "hunter"));
	sk_str_release(&s);
	input_close(&in);
}

static void
nul_bytes_are_refused(void **state)
{
	struct input in;

	(void)state;
	input_open(&in, sk_json_parse, "[1,\n3\0]", 8);
	input_problems_are(&in, "f:2:2: a NUL byte is not allowed\n");
	input_close(&in);
	input_open(&in, sk_json_parse, "\"a\0b\"", 5);
	assert_int_equal(in.problems.n_errors, 1);
	input_close(&in);
}

static void
limits(void **state)
{
	char *text = repeated("", "[", 64, ""), *more = repeated(text, "]", 64, "");

	(void)state;
	problems_are(sk_json_parse, more, "");
	free(text);
	free(more);
	text = repeated("\n", "[", 65, "");
	problems_are(sk_json_parse, text, "f:2:65: nested deeper than 64 levels\n");
	free(text);
	text = repeated("", "{\"a\":", 100000, "");
	problems_are(sk_json_parse, text, "f:1:321: nested deeper than 64 levels\n");
	free(text);
	text = repeated("\"", "[{,", 100000, "\"");
	problems_are(sk_json_parse, text, "");
	free(text);
	text = repeated("[", "1,", 1100000, "1]");
	problems_are(sk_json_parse, text, "f:1:2097151: more than 1048576 values\n");
	free(text);
	text = repeated("", " ", SK_JSON_MAX_BYTES + 1, "");
	problems_are(sk_json_parse, text, "f: larger than 4 MiB\n");
	free(text);
}

static int
place(const struct sk_value *v)
{
	return v->line * 100 + v->column;
}

static void
values_know_their_place(void **state)
{
	static const char text[] =
		"{ \"a\\\"\" : [1,\n  \"x,]\", {}],\n\"\xc3\xa9\":{\"k\":null} , \"z\" : -1.5e3}";
	const struct sk_value *v;
	struct input in;

	(void)state;
	input_open(&in, sk_json_parse, text, strlen(text));
	assert_int_equal(place(in.value), 101);
	v = sk_map_get(in.value, "a\"");
	assert_int_equal(place(v), 111);
	assert_int_equal(place(v->u.list.items[0]), 112);
	assert_int_equal(place(v->u.list.items[1]), 203);
	assert_int_equal(place(v->u.list.items[2]), 210);
	v = sk_map_get(in.value, "\xc3\xa9");
	assert_int_equal(place(v), 305);
	assert_int_equal(place(sk_map_get(v, "k")), 310);
	assert_int_equal(place(sk_map_get(in.value, "z")), 324);
	assert_int_equal(in.value->u.map.pairs[2].line * 100 + in.value->u.map.pairs[2].column, 318);
	input_close(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value),
		cmocka_unit_test(what_is_no_json_is_refused_at_its_place),
		cmocka_unit_test(the_text_never_stands_in_the_sentence),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(values_know_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
