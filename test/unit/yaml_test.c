/* yaml_test.c - YAML as a tree, and every error at its exact place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/yaml.h"
#include "input_rig.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
is(const char *text, const char *json)
{
	json_is(sk_yaml_parse, text, json);
}

static void
wrong(const char *text, const char *problems)
{
	problems_are(sk_yaml_parse, text, problems);
}

static void
scalars_follow_the_core_schema(void **state)
{
	(void)state;
	is("[null, Null, NULL, ~, '~', \"null\", nULL]",
		"[null,null,null,null,\"~\",\"null\",\"nULL\"]");
	is("[true, True, TRUE, false, yes, no, on, 'true', y]",
		"[true,true,true,false,\"yes\",\"no\",\"on\",\"true\",\"y\"]");
	is("[0, -1, +7, 012, 0o17, 0xFf, 0b1, 1_000, 12:30]",
		"[0,-1,7,12,15,255,\"0b1\",\"1_000\",\"12:30\"]");
	is("[1.5, -.5, 1., 1e3, 1E-2, .5e+1, 1.2.3, e3, .]",
		"[1.5,-0.5,1.0,1000.0,0.01,5.0,\"1.2.3\",\"e3\",\".\"]");
	is("[9223372036854775807, -9223372036854775808, 9223372036854775808]",
		"[9223372036854775807,-9223372036854775808,9.223372036854776e+18]");
	is("[0x7fffffffffffffff, 0x8000000000000000, 0x, 0xg, 0o8, -0x1]",
		"[9223372036854775807,9.223372036854776e+18,\"0x\",\"0xg\",\"0o8\",\"-0x1\"]");
	is("[.inf, -.INF, .nan, -.nan, inf]", "[null,null,null,\"-.nan\",\"inf\"]");
	is("[!!str 5, !!str , !!int '5', !!float 5, !!null '', ! 5]", "[\"5\",\"\",5,5.0,null,\"5\"]");
}

static void
collections_keep_their_order(void **state)
{
	(void)state;
	is("b: 1\na: [x, {y: z, 1: 2, true: 3}]\n'': 4\n",
		"{\"b\":1,\"a\":[\"x\",{\"y\":\"z\",\"1\":2,\"true\":3}],\"\":4}");
	is("- a: 1\n  b: 2\n- - c\n- \n- ? k\n  : v\n",
		"[{\"a\":1,\"b\":2},[\"c\"],null,{\"k\":\"v\"}]");
	is("a: |\n  x\n   y\n\nb: >-\n  x\n  y\nc: \"\\x41\\u00e9\\n\"\nd: 'it''s'\n",
		"{\"a\":\"x\\n y\\n\",\"b\":\"x y\",\"c\":\"A\xc3\xa9\\n\",\"d\":\"it's\"}");
	is("['', '''', 'it''s', '''''''''', ' a # b: ', '\\n\tÃ©', 'a''\n  ''b', 'x\n\n y ']",
		"[\"\",\"'\",\"it's\",\"''''\",\" a # b: \",\"\\\\n\\tÃ©\",\"a' 'b\",\"x\\ny \"]");
	is("'a''b': 'c'\n? 'd'\n: e\n", "{\"a'b\":\"c\",\"d\":\"e\"}");
	is("{a: {b: [], c: {}}, d: }", "{\"a\":{\"b\":[],\"c\":{}},\"d\":null}");
}

static void
encodings_and_line_ends(void **state)
{
	(void)state;
	is("\xef\xbb\xbf"
	   "a: 1\r\nb:\r\n  - \xc3\xa9\r\n",
		"{\"a\":1,\"b\":[\"\xc3\xa9\"]}");
	is("a: 1\rb: 2\r", "{\"a\":1,\"b\":2}");
	is("%YAML 1.2\n---\na: 1\n...\n", "{\"a\":1}");
	is("# nothing\n\n---\na: 1 # one\n", "{\"a\":1}");
	wrong("\xff\xfe"
		  "a\0",
		"f:1:1: the file is UTF-16; save it as UTF-8\n");
	wrong("a: 1\nb: \xc3\xa9\xff\n", "f:2:5: the file is not valid UTF-8 from here on\n");
	wrong("%\xff", "f:1:2: the file is not valid UTF-8 from here on\n");
	wrong("a: \xed\xa0\x80", "f:1:4: the file is not valid UTF-8 from here on\n");
	wrong("a: b\r\nc: \x01\r\n", "f:2:4: the control character 0x01 is not allowed\n");
}

static void
bytes_are(const char *text, size_t n, const char *problems)
{
	struct input in;

	input_open(&in, sk_yaml_parse, text, n);
	input_problems_are(&in, problems);
	assert_null(in.value);
	input_close(&in);
}

static void
nul_bytes_are_refused(void **state)
{
	(void)state;
	bytes_are("a: 1\nb: x\0y\n", 12, "f:2:5: a NUL byte is not allowed\n");
	bytes_are("a\0:\0 \0", 6,
		"f:1:1: the file has a NUL byte at its start (is it UTF-16?); save it as UTF-8\n");
	bytes_are("\0", 1, "f:1:1: a NUL byte is not allowed\n");
	bytes_are("", 0, "f:1:1: the file is empty\n");
}

static void
an_empty_document_is_an_error(void **state)
{
	(void)state;
	wrong("\n", "f:1:1: the file is empty\n");
	wrong("# only a comment\n", "f:1:1: the file is empty\n");
	wrong("---\n...\n", "f:1:1: the file is empty\n");
	wrong("~\n", "f:1:1: the file is empty\n");
}

static void
keys_stand_once(void **state)
{
	(void)state;
	wrong("a: 1\nb:\n  c: 1\n  'c': 2\n\na: 3\na: 4\n",
		"f:4:3: b.c: duplicate key, first given in line 3\n"
		"f:6:1: a: duplicate key, first given in line 1\n"
		"f:7:1: a: duplicate key, first given in line 1\n");
	wrong("- {x: 1, \xc3\xa9: 2, x: 3}\n", "f:1:16: [0].x: duplicate key, first given in line 1\n");
}

static void
the_first_of_two_equal_keys_counts(void **state)
{
	struct sk_str s = SK_STR_INIT;
	struct input in;

	(void)state;
	input_open(&in, sk_yaml_parse, "a: 1\nb: 2\na: 3\n", 15);
	sk_value_json(&s, in.value);
	assert_string_equal(sk_str_text(&s), "{\"a\":1,\"b\":2}");
	assert_int_equal(in.problems.n_errors, 1);
	sk_str_release(&s);
	input_close(&in);
}

static void
keys_are_scalars(void **state)
{
	(void)state;
	wrong("? [a, b]\n: x\nc: 1\n", "f:1:3: a list or map cannot be a key\n");
	wrong("? {a: b}\n: {c: d}\n? - x\n: y\n",
		"f:1:3: a list or map cannot be a key\nf:3:3: a list or map cannot be a key\n");
	wrong("a: &x 1\nb:\n  *x : 2\n", "f:3:3: b: an alias cannot be a key\n");
	wrong("a: &x {y: 1}\nb:\n  <<: *x\n  z: 2\n",
		"f:3:3: b: merge keys (<<) are not supported; write the keys out\n");
	is("'<<': 1\n", "{\"<<\":1}");
}

static void
aliases_are_resolved(void **state)
{
	(void)state;
	is("a: &x [1, 2]\nb: *x\nc: {d: *x}\n", "{\"a\":[1,2],\"b\":[1,2],\"c\":{\"d\":[1,2]}}");
	is("&k key: &k 5\nb: *k\n", "{\"key\":5,\"b\":5}");
	is("&k key: 1\nb: *k\n", "{\"key\":1,\"b\":\"key\"}");
	wrong("a: *x\n", "f:1:4: a: there is no anchor &x before this alias\n");
	wrong("a: &x\n  b: *x\n", "f:2:6: a.b: the alias *x stands inside its own anchor\n");
}

static void
alias_bombs_are_refused(void **state)
{
	struct sk_str s = SK_STR_INIT;
	char *text;

	(void)state;
	wrong("a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		  "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n",
		"f:4:8: d[0]: the aliases up to here stand for more than 1024 values\n");
	text = repeated("x: &x 1\ny: [", "*x,", 1024, "]\n");
	problems_are(sk_yaml_parse, text, "");
	free(text);
	text = repeated("x: &x 1\ny: [", "*x,", 1025, "]\n");
	problems_are(sk_yaml_parse, text,
		"f:2:3077: y[1024]: the aliases up to here stand for more than 1024 values\n");
	free(text);
	for (int i = 0; i < 65; i++)
		sk_str_addf(&s, "- &a%d x\n", i);
	problems_are(sk_yaml_parse, sk_str_text(&s), "f:65:8: [64]: more than 64 anchors\n");
	sk_str_release(&s);
}

static void
depth_is_limited(void **state)
{
	struct sk_str s = SK_STR_INIT;
	char *text = repeated("", "[", 64, "");
	char *closed = repeated(text, "]", 64, "\n");
	struct input in;

	(void)state;
	problems_are(sk_yaml_parse, closed, "");
	free(text);
	free(closed);
	text = repeated("", "[", 65, "");
	closed = repeated(text, "]", 65, "\n");
	input_open(&in, sk_yaml_parse, closed, strlen(closed));
	assert_int_equal(in.problems.n_errors, 1);
	assert_int_equal(in.problems.list[0].line, 1);
	assert_int_equal(in.problems.list[0].column, 65);
	assert_string_equal(in.problems.list[0].text, "nested deeper than 64 levels");
	input_close(&in);
	free(text);
	free(closed);
	/* 40 levels in an anchor, used 30 levels down. */
	text = repeated("a: &a ", "[", 39, "");
	closed = repeated(text, "]", 39, "\nb: ");
	sk_str_adds(&s, closed);
	free(text);
	free(closed);
	text = repeated("", "[", 30, "*a");
	closed = repeated(text, "]", 30, "\n");
	sk_str_adds(&s, closed);
	input_open(&in, sk_yaml_parse, s.p, s.len);
	assert_int_equal(in.problems.n_errors, 1);
	assert_int_equal(in.problems.list[0].line, 2);
	assert_int_equal(in.problems.list[0].column, 34);
	assert_string_equal(in.problems.list[0].text, "nested deeper than 64 levels by an alias");
	input_close(&in);
	free(text);
	free(closed);
	sk_str_release(&s);
}

static void
one_document_is_allowed(void **state)
{
	(void)state;
	wrong("a: 1\n---\nb: 2\n",
		"f:2:1: a second document starts here; only one is allowed in a file\n");
	wrong("a: 1\n...\n---\nb: [\n",
		"f:3:1: a second document starts here; only one is allowed in a file\n");
}

static void
tags_are_those_of_the_core_schema(void **state)
{
	(void)state;
	wrong("a: !python/object:os.system ls\n",
		"f:1:29: a: the tag \"!python/object:os.system\" is not supported here\n");
	wrong("a: !!int ten\n", "f:1:10: a: \"ten\" does not fit its tag !!int\n");
	wrong("a: !!binary aGk=\n",
		"f:1:13: a: the tag \"tag:yaml.org,2002:binary\" is not supported here\n");
	wrong("a: !!seq {b: c}\n",
		"f:1:10: a: the tag \"tag:yaml.org,2002:seq\" is not supported here\n");
	is("a: !!map {b: !!seq [c]}\n", "{\"a\":{\"b\":[\"c\"]}}");
	wrong(
		"%TAG ! tag:x,1:\n---\na: 1\n", "f:1:1: a line cannot start with % (but for %YAML 1.2)\n");
}

static void
syntax_errors_have_a_place(void **state)
{
	(void)state;
	wrong("a: 1\n b: 2\n",
		"f:2: wrong indentation: this line belongs to the value above it and cannot be a key\n");
	wrong(
		"a:\n  b: 1\n c: 2\n", "f:3:2: wrong indentation: no key above it starts in this column\n");
	wrong("a:\n\tb: 1\n", "f:2:1: a tab cannot indent; use spaces\n");
	wrong("a: b: c\n", "f:1:5: \": \" inside a value; put the value in quotes\n");
	wrong("a: [1, 2\nb: 3\n", "f:1:4: this [ is never closed\n");
	wrong("a: 1\nb: {c: d\n", "f:2:4: this { is never closed\n");
	wrong("a: 1\nb: \"x\nc: 3\n", "f:2:4: wrongly indented double-quoted scalar\n");
	wrong("a: 1\nb: 'x", "f:2:4: this ' is never closed\n");
	wrong("a: @x\n", "f:1:4: plain scalar cannot start with '@'\n");
	wrong("a: \"\\q\"\n", "f:1:5: invalid escape 'q' in double-quoted string\n");
	wrong("a: 1\nb\nc: 2\n", "f:2:1: expected \": \" behind the key\n");
	wrong("- a\nb: 1\n", "f:2:1: expected \"- \" as before it; is the indentation right?\n");
	wrong("a: \"x\\0y\"\n", "f:1:4: a: a string cannot contain a NUL character\n");
}

/* Each of these made the library slow or large before there was a guard. */
static void
what_the_library_cannot_bear_is_refused(void **state)
{
	static const struct {
		const char *before, *text;
		size_t n;
		const char *want;
	} rows[] = {
		{ "", "[", 100000, "f:1: nested deeper than 64 levels\n" },
		{ "- [", "a,", 100000,
			"f:1: too long a list or map in brackets; write it one item a line\n" },
		{ "", "{", 100000, "f:1: nested deeper than 64 levels\n" },
		{ "", "&a ", 100000,
			"f:1: too many values side by side; is a comma or a line break missing?\n" },
		{ "[", "\"a\" ", 100000,
			"f:1: too many values side by side; is a comma or a line break missing?\n" },
		{ "", "\"a\"\n", 100000,
			"f:1025: too many values side by side; is a comma or a line break missing?\n" },
		{ "a: |\n", "\n", 100000, "f:515:1: more than 512 blank lines in a row\n" },
		{ "? ? ", " ", 100000, "f:1:1: more than 1024 blanks in a row\n" },
		{ "%", "a", 100000, "f:1:1: a line cannot start with % (but for %YAML 1.2)\n" },
		{ "", "%TAG !a! tag:b\n", 2, "f:1:1: a line cannot start with % (but for %YAML 1.2)\n" },
		{ "\xef\xbb\xbf", "%a", 2, "f:1:1: a line cannot start with % (but for %YAML 1.2)\n" },
		{ "", "x", SK_YAML_MAX_BYTES + 1, "f: larger than 1 MiB\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = repeated(rows[i].before, rows[i].text, rows[i].n, "");

		problems_are(sk_yaml_parse, text, rows[i].want);
		free(text);
	}
}

/* What looks like the above and is right. */
static void
the_guard_refuses_nothing_right(void **state)
{
	static const struct {
		const char *before, *text;
		size_t n;
		const char *behind;
	} rows[] = {
		{ "a: [", "1,", 100000, "]\n" },
		{ "a: |\n", " [[{{,,\n", 30000, "b: 1\n" },
		{ "a: >-\n", "  \"'\n", 30000, "b: [1]\n" },
		{ "a: '", "[,", 30000, "'\n" },
		{ "a: \"", "\\\"[", 30000, "\"\n" },
		{ "", "- {a: [b, c], d: {e: f}}\n", 20000, "" },
		{ "", "- [[1, 2], [3, \"4\"]]\n", 20000, "" },
		{ "", "- \"a\": 'b'\n", 20000, "" },
		{ "a: don't\nb: it's \"\nc:\n", "  - say \"x\" 'y\n", 3000, "" },
		{ "a: text\n", "  * item [1]\n", 2000, "" },
		{ "", "- \"a\"\n- 'b'\n", 20000, "" },
		{ "a: x\n", "  \"y\" and \"z\"\n  w\n", 3000, "" },
		{ "", "# [ { \" '\n", 20000, "a: 1\n" },
		{ "", "- !!str &a \"x\"\n", 60, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = repeated(rows[i].before, rows[i].text, rows[i].n, rows[i].behind);

		problems_are(sk_yaml_parse, text, "");
		free(text);
	}
}

static void
values_know_their_place(void **state)
{
	static const char text[] = "a: 1\nb:\n  - x\n  - {y: z}\nc:\nd: |\n  text\n\xc3\xa9: 'q'\n";
	const struct sk_value *v;
	struct input in;

	(void)state;
	input_open(&in, sk_yaml_parse, text, strlen(text));
	v = sk_map_get(in.value, "a");
	assert_int_equal(v->line * 100 + v->column, 104);
	assert_string_equal(v->raw, "1");
	v = sk_map_get(in.value, "b");
	assert_int_equal(v->line * 100 + v->column, 201);
	assert_int_equal(v->u.list.items[0]->line * 100 + v->u.list.items[0]->column, 305);
	assert_int_equal(v->u.list.items[1]->line * 100 + v->u.list.items[1]->column, 405);
	v = sk_map_get(in.value, "c");
	assert_int_equal(v->kind, SK_NULL);
	assert_int_equal(v->line * 100 + v->column, 501);
	v = sk_map_get(in.value, "d");
	assert_int_equal(v->line * 100 + v->column, 601);
	v = sk_map_get(in.value, "\xc3\xa9");
	assert_int_equal(v->line * 100 + v->column, 804);
	assert_null(v->raw);
	assert_int_equal(in.value->u.map.pairs[4].line, 8);
	input_close(&in);
}

static void
file_problem_is(const char *path, const char *want)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str s = SK_STR_INIT;
	struct sk_problems p;

	sk_problems_init(&p, a, path);
	assert_null(sk_yaml_file(path, a, &p));
	sk_problems_text(&p, &s);
	assert_string_equal(sk_str_text(&s), want);
	sk_str_release(&s);
	sk_arena_free(a);
}

static void
files_that_cannot_be_read(void **state)
{
	(void)state;
	file_problem_is(
		"/nonexistent/x.yml", "/nonexistent/x.yml: cannot be opened: No such file or directory\n");
	file_problem_is("/", "/: cannot be read: Is a directory\n");
	file_problem_is("/dev/zero", "/dev/zero: larger than 1 MiB\n");
	file_problem_is("/dev/null", "/dev/null:1:1: the file is empty\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_follow_the_core_schema),
		cmocka_unit_test(collections_keep_their_order),
		cmocka_unit_test(encodings_and_line_ends),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(an_empty_document_is_an_error),
		cmocka_unit_test(keys_stand_once),
		cmocka_unit_test(the_first_of_two_equal_keys_counts),
		cmocka_unit_test(keys_are_scalars),
		cmocka_unit_test(aliases_are_resolved),
		cmocka_unit_test(alias_bombs_are_refused),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(one_document_is_allowed),
		cmocka_unit_test(tags_are_those_of_the_core_schema),
		cmocka_unit_test(syntax_errors_have_a_place),
		cmocka_unit_test(what_the_library_cannot_bear_is_refused),
		cmocka_unit_test(the_guard_refuses_nothing_right),
		cmocka_unit_test(values_know_their_place),
		cmocka_unit_test(files_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
