/* map_test.c - the hash table from numbers to pointers. */
#include "core/base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int values[2048];

static void
an_empty_map_has_nothing(void **state)
{
	struct sk_map m = SK_MAP_INIT;
	size_t i = 0;

	(void)state;
	assert_null(sk_map_find(&m, 1));
	assert_null(sk_map_each(&m, &i));
	sk_map_remove(&m, 1);
	assert_int_equal(m.n, 0);
	sk_map_release(&m);
	sk_map_release(&m);
}

static void
a_text_has_one_key_which_a_map_can_have(void **state)
{
	(void)state;
	assert_true(sk_map_key("a") == UINT64_C(0xaf63dc4c8601ec8c)); /* FNV-1a of its authors */
	assert_true(sk_map_key("") != 0 && sk_map_key("") != UINT64_MAX);
	assert_true(sk_map_key("ab") != sk_map_key("ba"));
}

static void
what_is_put_is_found_replaced_and_removed(void **state)
{
	struct sk_map m = SK_MAP_INIT;

	(void)state;
	sk_map_put(&m, 7, &values[0]);
	assert_ptr_equal(sk_map_find(&m, 7), &values[0]);
	sk_map_put(&m, 7, &values[1]);
	assert_ptr_equal(sk_map_find(&m, 7), &values[1]);
	assert_int_equal(m.n, 1);
	sk_map_remove(&m, 8);
	assert_int_equal(m.n, 1);
	sk_map_remove(&m, 7);
	sk_map_remove(&m, 7);
	assert_null(sk_map_find(&m, 7));
	assert_int_equal(m.n, 0);
	sk_map_release(&m);
	assert_null(sk_map_find(&m, 7));
}

static void
the_two_reserved_keys_are_never_found_and_remove_nothing(void **state)
{
	struct sk_map m = SK_MAP_INIT;

	(void)state;
	for (uint64_t k = 1; k <= 12; k++)
		sk_map_put(&m, k, &values[k]);
	for (uint64_t k = 1; k < 12; k++) { /* whatever slot they hash to: most have been deleted */
		sk_map_remove(&m, k);
		sk_map_remove(&m, 0);
		sk_map_remove(&m, UINT64_MAX);
	}
	assert_null(sk_map_find(&m, 0));
	assert_null(sk_map_find(&m, UINT64_MAX));
	assert_int_equal(m.n, 1);
	assert_ptr_equal(sk_map_find(&m, 12), &values[12]);
	sk_map_release(&m);
}

/* Against a plain array, with keys that are near each other, far apart and colliding. */
static void
chance_agrees_with_an_array(void **state)
{
	enum { N = 2048 };
	static uint64_t keys[N];
	static bool in[N];
	struct sk_map m = SK_MAP_INIT;
	size_t n = 0;

	(void)state;
	srand(42);
	for (size_t i = 0; i < N; i++)
		keys[i] = i < N / 3 ? i + 1 : i < 2 * N / 3 ? (uint64_t)i << 40 : UINT64_MAX - i;
	for (int step = 0; step < 400000; step++) {
		size_t i = (size_t)rand() % (step % 40000 < 20000 ? N : 40); /* grows, shrinks */

		if (rand() % 5 < (step % 20000 < 10000 ? 3 : 1)) {
			sk_map_put(&m, keys[i], &values[i]);
			n += !in[i];
			in[i] = true;
		} else {
			sk_map_remove(&m, keys[i]);
			n -= in[i];
			in[i] = false;
		}
		assert_int_equal(m.n, n);
		i = (size_t)rand() % N;
		assert_ptr_equal(sk_map_find(&m, keys[i]), in[i] ? &values[i] : NULL);
	}
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(sk_map_find(&m, keys[i]), in[i] ? &values[i] : NULL);
	assert_true(m.cap <= 4 * N * 2);
	sk_map_release(&m);
}

static void
a_map_that_only_turns_over_does_not_grow(void **state)
{
	struct sk_map m = SK_MAP_INIT;

	(void)state;
	for (uint64_t k = 1; k < 1000000; k++) { /* as pids do: ever new keys, a few at a time */
		sk_map_put(&m, k, &values[0]);
		if (k > 8)
			sk_map_remove(&m, k - 8);
	}
	assert_int_equal(m.n, 8);
	assert_true(m.cap <= 64);
	sk_map_release(&m);
}

static void
a_walk_sees_each_once_and_may_remove_what_it_sees(void **state)
{
	struct sk_map m = SK_MAP_INIT;
	int seen[1001] = { 0 };
	const int *v;
	size_t i = 0, n = 0;

	(void)state;
	for (uint64_t k = 1; k <= 1000; k++)
		sk_map_put(&m, k, &values[k]);
	while ((v = sk_map_each(&m, &i)) != NULL) {
		size_t k = (size_t)(v - values);

		assert_int_equal(seen[k]++, 0);
		if (k % 3 == 0)
			sk_map_remove(&m, k);
		n++;
	}
	assert_int_equal(n, 1000);
	assert_int_equal(m.n, 667);
	for (uint64_t k = 1; k <= 1000; k++)
		assert_int_equal(sk_map_find(&m, k) == NULL, k % 3 == 0);
	sk_map_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(a_text_has_one_key_which_a_map_can_have),
		cmocka_unit_test(what_is_put_is_found_replaced_and_removed),
		cmocka_unit_test(the_two_reserved_keys_are_never_found_and_remove_nothing),
		cmocka_unit_test(chance_agrees_with_an_array),
		cmocka_unit_test(a_map_that_only_turns_over_does_not_grow),
		cmocka_unit_test(a_walk_sees_each_once_and_may_remove_what_it_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
