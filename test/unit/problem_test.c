/* problem_test.c - the form of messages, their order and their number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/problem.h"
#include <string.h>

static void
text_is(const struct sk_problems *p, const char *want)
{
	struct sk_str s = SK_STR_INIT;

	sk_problems_text(p, &s);
	assert_string_equal(sk_str_text(&s), want);
	sk_str_release(&s);
}

static void
what_is_empty_is_left_out(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_problems p;

	(void)state;
	sk_problems_init(&p, a, "all_workers.yml");
	text_is(&p, "");
	sk_problem(
		&p, 7, 5, "TaskWorkers.T1.attachments.fixFrame", "expected integer, got \"%s\"", "ten");
	sk_problem(&p, 8, 0, "", "a line");
	sk_problem(&p, 0, 0, "", "the file");
	sk_problem_warning(&p, 9, 1, "x", "unknown");
	text_is(&p,
		"all_workers.yml:7:5: TaskWorkers.T1.attachments.fixFrame: expected integer, got \"ten\"\n"
		"all_workers.yml:8: a line\nall_workers.yml: the file\n"
		"all_workers.yml:9:1: warning: x: unknown\n");
	p.file = "";
	text_is(&p,
		"7:5: TaskWorkers.T1.attachments.fixFrame: expected integer, got \"ten\"\n"
		"8: a line\nthe file\n9:1: warning: x: unknown\n");
	sk_arena_free(a);
}

static void
they_are_sorted_by_place_and_stay_in_order(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_problems p;

	(void)state;
	sk_problems_init(&p, a, "f");
	sk_problem(&p, 10, 2, "", "e");
	sk_problem(&p, 2, 9, "", "b");
	sk_problem(&p, 10, 1, "", "c");
	sk_problem(&p, 10, 1, "", "d");
	sk_problem(&p, 0, 0, "", "a");
	sk_problems_sort(&p);
	text_is(&p, "f: a\nf:2:9: b\nf:10:1: c\nf:10:1: d\nf:10:2: e\n");
	sk_arena_free(a);
}

static void
one_hundred_are_kept_and_all_are_counted(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str s = SK_STR_INIT;
	struct sk_problems p;

	(void)state;
	sk_problems_init(&p, a, "f");
	for (int i = 1; i <= 150; i++)
		sk_problem(&p, i, 1, "", "x");
	sk_problem_warning(&p, 1, 1, "", "y");
	assert_int_equal(p.n, 100);
	assert_int_equal(p.n_errors, 150);
	assert_int_equal(p.n_warnings, 1);
	sk_problems_text(&p, &s);
	assert_non_null(strstr(sk_str_text(&s), "f:100:1: x\nf: 51 more\n"));
	sk_str_release(&s);
	sk_arena_free(a);
}

static void
control_characters_never_reach_a_terminal(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_problems p;

	(void)state;
	sk_problems_init(&p, a, "f\x1b[2J");
	sk_problem(&p, 1, 1, "a\nb", "%s", "x\x1b[31m\t\x7f\xc2\x9b\xe2\x80\xaegit\xc3\xa9\r");
	text_is(
		&p, "f\\x1b[2J:1:1: a\\nb: x\\x1b[31m\\t\\x7f\\xc2\\x9b\\xe2\\x80\\xaegit\xc3\xa9\\x0d\n");
	sk_arena_free(a);
}

static void
as_json(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str s = SK_STR_INIT;
	struct sk_problems p;

	(void)state;
	sk_problems_init(&p, a, "f\"");
	sk_problem(&p, 1, 2, "a.b", "x");
	sk_problem_warning(&p, 0, 0, "", "y");
	sk_problems_json(&p, &s);
	assert_string_equal(sk_str_text(&s),
		"{\"file\":\"f\\\"\",\"errors\":1,\"warnings\":1,\"problems\":["
		"{\"line\":1,\"column\":2,\"path\":\"a.b\",\"severity\":\"error\",\"message\":\"x\"},"
		"{\"line\":0,\"column\":0,\"path\":\"\",\"severity\":\"warning\",\"message\":\"y\"}]}");
	sk_str_release(&s);
	sk_arena_free(a);
}

static void
quotes_are_short(void **state)
{
	struct sk_arena *a = sk_arena_new();
	char text[200];

	(void)state;
	assert_string_equal(sk_quote(a, ""), "\"\"");
	assert_string_equal(sk_quote(a, "a\"b\\"), "\"a\\\"b\\\\\"");
	memset(text, 'x', 60);
	text[60] = '\0';
	assert_int_equal(strlen(sk_quote(a, text)), 62);
	strcpy(text + 60, "\xc3\xa9");
	assert_int_equal(strlen(sk_quote(a, text)), 65);
	/* Never a half character. */
	strcpy(text + 59, "\xc3\xa9\xc3\xa9");
	assert_string_equal(sk_quote(a, text) + 60, "\xc3\xa9\"\xe2\x80\xa6");
	sk_arena_free(a);
}

static void
paths_quote_what_is_no_word(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str s = SK_STR_INIT;

	(void)state;
	sk_path_key(a, &s, "TaskWorkers");
	sk_path_key(a, &s, "a.b c");
	sk_path_key(a, &s, "");
	sk_path_key(a, &s, "x_1-2");
	assert_string_equal(sk_str_text(&s), "TaskWorkers.\"a.b c\".\"\".x_1-2");
	sk_str_release(&s);
	sk_arena_free(a);
}

static void
what_fails_is_the_first_error_and_no_warning(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_problems p;
	struct sk_err err;

	(void)state;
	sk_problems_init(&p, a, "");
	sk_problem_warning(&p, 0, 0, "x", "unknown key, ignored");
	sk_problem(&p, 0, 0, "seconds", "is missing");
	sk_problem(&p, 0, 0, "y", "is wrong");
	sk_problems_fail(&p, &err);
	assert_int_equal(err.code, SK_EINVAL);
	assert_string_equal(err.msg, "seconds: is missing");
	sk_arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_empty_is_left_out),
		cmocka_unit_test(they_are_sorted_by_place_and_stay_in_order),
		cmocka_unit_test(one_hundred_are_kept_and_all_are_counted),
		cmocka_unit_test(what_fails_is_the_first_error_and_no_warning),
		cmocka_unit_test(control_characters_never_reach_a_terminal),
		cmocka_unit_test(as_json),
		cmocka_unit_test(quotes_are_short),
		cmocka_unit_test(paths_quote_what_is_no_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
