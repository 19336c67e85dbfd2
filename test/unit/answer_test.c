/* answer_test.c - what commands make of the door's answers: exit codes, states, numbers, URLs; ids
 * that are made from a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/answer.h"
#include "cmd/task_add.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct sk_value *
parse(struct sk_arena *a, const char *json)
{
	const struct sk_str text = { .p = sk_arena_strdup(a, json), .len = strlen(json) };
	struct sk_value *v = sk_answer_parse("test", &text, a);

	assert_non_null(v);
	return v;
}

static void
a_task_gives_its_own_code(void **state)
{
	static const struct {
		const char *phase, *exit;
		int code;
	} rows[] = {
		{ "Finished", "{\"reason\":\"exited\",\"code\":0}", 0 },
		{ "Failed", "{\"reason\":\"exited\",\"code\":7}", 7 },
		{ "Failed", "{\"reason\":\"exited\",\"code\":75}", 75 },
		{ "Failed", "{\"reason\":\"exited\",\"code\":255}", 255 },
		{ "Failed", "{\"reason\":\"signaled\",\"code\":137,\"signal\":9}", 137 },
		{ "Failed", "{\"reason\":\"signaled\",\"code\":0,\"signal\":15}", 143 },
		{ "Failed", "{\"reason\":\"oom\",\"code\":137,\"signal\":9}", 137 },
		{ "Failed", "{\"reason\":\"timeout\",\"code\":143,\"signal\":15}", 124 },
		{ "Failed", "{\"reason\":\"start-failed\",\"code\":127}", 127 },
		{ "Failed", "{\"reason\":\"start-failed\",\"code\":126}", 126 },
		{ "Failed", "{\"reason\":\"lost\",\"code\":0}", 125 },
		{ "Failed", "{\"reason\":\"skipped\"}", 125 },
		{ "Cancelled", "{\"reason\":\"cancelled\",\"code\":143,\"signal\":15}", 125 },
		{ "Cancelled", "{\"reason\":\"exited\",\"code\":0}", 125 },
		{ "Cancelled", "null", 125 },
		{ "Failed", "null", 125 },
		{ "Failed", "{\"reason\":\"exited\",\"code\":0}", 1 }, /* never 0 for a failure */
		{ "Failed", "{\"reason\":\"exited\",\"code\":512}", 1 },
	};
	struct sk_arena *a = sk_arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sk_value *task = parse(
			a, sk_arena_printf(a, "{\"phase\":\"%s\",\"exit\":%s}", rows[i].phase, rows[i].exit));

		assert_true(sk_task_final(task));
		if (sk_task_code(task) != rows[i].code)
			fail_msg("%s %s: %d", rows[i].phase, rows[i].exit, sk_task_code(task));
	}
	sk_arena_free(a);
}

static void
the_state_tells_what_was_asked_for(void **state)
{
	static const struct {
		const char *phase, *wanted, *shown;
	} rows[] = {
		{ "Created", "run", "Created" },
		{ "Created", "pause", "Held" },
		{ "Assigning", "run", "Assigning" },
		{ "Running", "run", "Running" },
		{ "Running", "cancel", "Cancelling" },
		{ "Running", "pause", "Pausing" },
		{ "Paused", "pause", "Paused" },
		{ "Paused", "run", "Resuming" },
		{ "Paused", "cancel", "Cancelling" },
		{ "Finished", "cancel", "Finished" },
		{ "Cancelled", "cancel", "Cancelled" },
	};
	struct sk_arena *a = sk_arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(rows[i].shown,
			sk_task_state(parse(a,
				sk_arena_printf(
					a, "{\"phase\":\"%s\",\"wanted\":\"%s\"}", rows[i].phase, rows[i].wanted))));
	/* the original's tasks have no phase */
	assert_string_equal(sk_task_state(parse(a, "{\"lifecycleStatus\":\"Running\"}")), "Running");
	assert_string_equal(sk_task_state(parse(a, "{}")), "");
	sk_arena_free(a);
}

static void
members_are_what_they_are_or_nothing(void **state)
{
	struct sk_arena *a = sk_arena_new();
	const struct sk_value *v = parse(
		a, "{\"a\":{\"b\":{\"c\":\"x\"}},\"n\":3,\"f\":2.5,\"t\":true,\"z\":null,\"l\":[1,2]}");
	size_t n;

	(void)state;
	assert_string_equal(sk_member_text(v, "a.b.c"), "x");
	assert_string_equal(sk_member_text(v, "a.b"), "");
	assert_string_equal(sk_member_text(v, "a.b.c.d"), "");
	assert_string_equal(sk_member_text(v, "n"), "");
	assert_string_equal(sk_member_text(NULL, "a"), "");
	assert_int_equal(sk_member_int(v, "n", -1), 3);
	assert_int_equal(sk_member_int(v, "f", -1), 2);
	assert_int_equal(sk_member_int(v, "z", -1), -1);
	assert_true(sk_member_num(v, "f") == 2.5);
	assert_true(sk_member_bool(v, "t"));
	assert_false(sk_member_bool(v, "n"));
	assert_non_null(sk_member_list(v, "l", &n));
	assert_int_equal(n, 2);
	assert_null(sk_member_list(v, "a", &n));
	assert_int_equal(n, 0);
	sk_arena_free(a);
}

static void
ids_are_encoded_in_paths(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	sk_url_task(&s, "a/b ?&%\xc3\xa4.~-_Z9", "/log");
	assert_string_equal(s.p, "/v1/tasks/a%2Fb%20%3F%26%25%C3%A4.~-_Z9/log");
	sk_str_release(&s);
}

static void
numbers_and_times(void **state)
{
	static const struct {
		int64_t n;
		const char *text;
	} rows[] = { { 0, "0" }, { 7, "7" }, { 999, "999" }, { 1000, "1,000" },
		{ 1234567, "1,234,567" }, { -1234, "-1,234" }, { 100000, "100,000" } };
	char count[SK_COUNT_LEN], when[SK_LOCAL_LEN], age[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(sk_count_text(rows[i].n, count), rows[i].text);
	setenv("TZ", "XST-2", 1);
	tzset();
	sk_local_text(INT64_C(1787393472000), when);
	assert_string_equal(when, "2026-08-22 12:11:12");
	sk_local_text(0, when);
	assert_string_equal(when, "");
	sk_local_text(INT64_MAX, when);
	sk_age_text(-1, age);
	assert_string_equal(age, "");
}

static void
worse_codes(void **state)
{
	(void)state;
	assert_int_equal(sk_worse(0, 0), 0);
	assert_int_equal(sk_worse(0, 1), 1);
	assert_int_equal(sk_worse(3, 1), 3);
	assert_int_equal(sk_worse(2, 3), 2);
	assert_int_equal(sk_worse(69, 2), 69);
	assert_int_equal(sk_worse(3, 69), 69);
	assert_int_equal(sk_worse(74, 69), 74);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The same for the same key and number, for nothing else. */
static void
ids_of_a_key_are_its_own(void **state)
{
	static char ids[20000][SK_ADD_ID_LEN];
	char again[SK_ADD_ID_LEN];

	(void)state;
	for (uint64_t i = 0; i < 20000; i++)
		sk_add_derived_id(i & 1 ? "nightly" : "nightlz", i / 2, ids[i]);
	sk_add_derived_id("nightly", 5000, again);
	assert_string_equal(again, ids[10001]);
	assert_int_equal(strlen(again), 26);
	assert_int_equal(strspn(again, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
	assert_true(again[0] <= '7'); /* a ULID has 128 bits */
	qsort(ids, 20000, SK_ADD_ID_LEN, by_text);
	for (size_t i = 1; i < 20000; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_gives_its_own_code),
		cmocka_unit_test(the_state_tells_what_was_asked_for),
		cmocka_unit_test(members_are_what_they_are_or_nothing),
		cmocka_unit_test(ids_are_encoded_in_paths),
		cmocka_unit_test(numbers_and_times),
		cmocka_unit_test(worse_codes),
		cmocka_unit_test(ids_of_a_key_are_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
