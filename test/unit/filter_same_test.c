/* filter_same_test.c - two filters that say the same, and each way in which they may differ. */
#include "core/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void
the_same_is_the_same_whoever_says_it(void **state)
{
	char name[] = "Exec";
	const struct sk_filter none = { .phases = 0 }, blank = { .class_name = "", .label = "" };
	const struct sk_filter a = { .class_name = "Exec", .phases = 6, .created_after = 5 };
	const struct sk_filter b = { .class_name = name, .phases = 6, .created_after = 5 };

	(void)state;
	assert_true(sk_filter_same(&none, &none));
	assert_true(sk_filter_same(&none, &blank));
	assert_true(sk_filter_same(&a, &b));
}

static void
whatever_differs_is_seen(void **state)
{
	const struct sk_filter none = { .phases = 0 };
	const struct sk_filter each[] = { { .phases = 1 }, { .gates = 1 }, { .wanted_run = true },
		{ .class_name = "x" }, { .executor = "x" }, { .label = "x" }, { .id_part = "x" },
		{ .class_part = "x" }, { .parent = "x" }, { .depends_on = "x" }, { .no_elements = true },
		{ .arrays = true }, { .foreign = true }, { .foreign_active = true }, { .disputed = true },
		{ .created_after = 1 }, { .created_before = 1 }, { .updated_after = 1 },
		{ .due_before = 1 }, { .finished_before = 1 } };
	const size_t n = sizeof(each) / sizeof(each[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_false(sk_filter_same(&none, &each[i]));
		for (size_t k = 0; k < n; k++)
			assert_int_equal(sk_filter_same(&each[i], &each[k]), i == k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_the_same_whoever_says_it),
		cmocka_unit_test(whatever_differs_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
