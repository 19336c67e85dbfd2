/* clock_test.c - the clocks, and times as text. */
#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void
the_boot_clock_goes_on_and_never_back(void **state)
{
	const struct timespec pause = { 0, 3000000 };
	int64_t before = sk_boot_ns(), ms = sk_boot_ms(), last = before;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t now = sk_boot_ns();

		assert_true(now >= last);
		last = now;
	}
	nanosleep(&pause, NULL);
	assert_true(sk_boot_ns() - before >= 3000000);
	assert_true(sk_boot_ms() - ms >= 2);
	assert_true(sk_boot_ms() - sk_boot_ns() / 1000000 <= 0);
}

static void
the_wall_clock_is_the_systems(void **state)
{
	int64_t now = (int64_t)time(NULL) * 1000, wall = sk_wall_ms();

	(void)state;
	assert_true(wall >= now - 1000 && wall <= now + 2000);
}

static void
times_are_written_in_utc_with_milliseconds(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1, "1970-01-01T00:00:00.001Z" },
		{ 999, "1970-01-01T00:00:00.999Z" },
		{ 951782400123, "2000-02-29T00:00:00.123Z" },
		{ 1787393472123, "2026-08-22T10:11:12.123Z" },
		{ 4102444800000, "2100-01-01T00:00:00.000Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		/* what cannot be: the nearest that can be written */
		{ 253402300800000, "9999-12-31T23:59:59.999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ -1, "1970-01-01T00:00:00.000Z" },
		{ INT64_MIN, "1970-01-01T00:00:00.000Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[SK_TIME_LEN];

		memset(buf, 'x', sizeof(buf));
		assert_ptr_equal(sk_time_text(rows[i].ms, buf), buf);
		assert_string_equal(buf, rows[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_boot_clock_goes_on_and_never_back),
		cmocka_unit_test(the_wall_clock_is_the_systems),
		cmocka_unit_test(times_are_written_in_utc_with_milliseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
