/* ulid_test.c - ids: their form, their order, no two alike. */
#include "core/model/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
the_time_stands_in_front(void **state)
{
	struct sk_ulid u = { 0, { 0 } };
	char id[SK_ULID_LEN];

	(void)state;
	/* The example of the ULID specification. */
	sk_ulid_make(&u, INT64_C(1469918176385), id);
	assert_memory_equal(id, "01aryz6s41", 10);
	assert_int_equal(strlen(id), 26);
	assert_int_equal(strspn(id, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
}

static void
ids_grow_whatever_the_clock_does(void **state)
{
	static const int step[] = { 0, 0, 1, -5, 0, 3, 0, -1000, 1000 };
	struct sk_ulid u = { 0, { 0 } };
	char id[SK_ULID_LEN], last[SK_ULID_LEN] = "";
	int64_t now = 1000000;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		now += step[i % (sizeof(step) / sizeof(step[0]))];
		sk_ulid_make(&u, now, id);
		if (strcmp(last, id) >= 0)
			fail_msg("%s after %s", id, last);
		memcpy(last, id, sizeof(last));
	}
}

static void
a_full_millisecond_runs_over_into_the_next(void **state)
{
	struct sk_ulid u = { .last_ms = 31 };
	char id[SK_ULID_LEN];

	(void)state;
	memset(u.random, 0xff, sizeof(u.random));
	u.random[9] = 0xfe;
	sk_ulid_make(&u, 31, id);
	assert_string_equal(id, "000000000zzzzzzzzzzzzzzzzz");
	sk_ulid_make(&u, 31, id);
	assert_memory_equal(id, "0000000010", 10);
	assert_int_equal(u.last_ms, 32);
}

static void
two_makers_do_not_meet(void **state)
{
	struct sk_ulid u = { 0, { 0 } }, v = { 0, { 0 } };
	char a[SK_ULID_LEN], b[SK_ULID_LEN];

	(void)state;
	sk_ulid_make(&u, 5, a);
	sk_ulid_make(&v, 5, b);
	assert_memory_equal(a, b, 10);
	assert_string_not_equal(a, b);
	/* A clock that stands at the epoch makes random ones all the same. */
	u = v = (struct sk_ulid){ 0, { 0 } };
	sk_ulid_make(&u, 0, a);
	sk_ulid_make(&v, 0, b);
	assert_string_not_equal(a, b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_stands_in_front),
		cmocka_unit_test(ids_grow_whatever_the_clock_does),
		cmocka_unit_test(a_full_millisecond_runs_over_into_the_next),
		cmocka_unit_test(two_makers_do_not_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
