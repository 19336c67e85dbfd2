/* suggest_test.c - "did you mean …?". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/str.h"
#include <string.h>

static const char *const words[] = { "edge", "run-one", "task", "check", "worker", "MyWorker",
	"config", NULL };

static void
near_words_are_found(void **state)
{
	static const char *const pairs[][2] = { { "egde", "edge" }, { "edg", "edge" },
		{ "edgee", "edge" }, { "EDGE", "edge" }, { "runone", "run-one" }, { "run-oen", "run-one" },
		{ "workr", "worker" }, { "myworker", "MyWorker" }, { "cofnig", "config" },
		{ "chekc", "check" }, { "tsk", "task" } };

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *found = sk_suggest(pairs[i][0], words);

		assert_non_null(found);
		assert_string_equal(found, pairs[i][1]);
	}
}

static void
far_words_are_not(void **state)
{
	char longest[200];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(sk_suggest("xyzzy", words));
	assert_null(sk_suggest("", words));
	assert_null(sk_suggest("dispatch", words));
	assert_null(sk_suggest(longest, words));
	assert_null(sk_suggest("edge", (const char *const[]){ NULL }));
}

static void
the_nearest_wins_and_the_first_of_equals(void **state)
{
	static const char *const list[] = { "abcdefgh", "abcdefg", "abcdefx", NULL };

	(void)state;
	assert_string_equal(sk_suggest("abcdefg", list), "abcdefg");
	assert_string_equal(sk_suggest("abcdefy", list), "abcdefg");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_words_are_found),
		cmocka_unit_test(far_words_are_not),
		cmocka_unit_test(the_nearest_wins_and_the_first_of_equals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
