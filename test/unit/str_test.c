/* str_test.c - growing strings, JSON writing, UTF-8. Suggestions: suggest_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/str.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
strings_grow_and_shrink(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	assert_string_equal(sk_str_text(&s), "");
	sk_str_clear(&s);
	for (int i = 0; i < 1000; i++)
		sk_str_addf(&s, "%03d,", i);
	assert_int_equal(s.len, 4000);
	assert_memory_equal(s.p + 3996, "999,", 5);
	sk_str_consume(&s, 3996);
	assert_string_equal(s.p, "999,");
	sk_str_add(&s, "a\0b", 3);
	assert_int_equal(s.len, 7);
	sk_str_consume(&s, 100);
	assert_int_equal(s.len, 0);
	assert_string_equal(sk_str_text(&s), "");
	sk_str_addf(&s, "%s", "");
	assert_int_equal(s.len, 0);
	sk_str_release(&s);
	assert_null(s.p);
}

static void
what_is_not_plain_is_percent_encoded(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	sk_str_add_percent(&s, "aZ09-./?%\n\xfc", "-.");
	assert_string_equal(s.p, "aZ09-.%2F%3F%25%0A%FC");
	sk_str_release(&s);
}

static void
json_is_valid_whatever_the_text(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	sk_str_addc(&s, '{');
	sk_json_kstr(&s, "a\"", "x\\\n\t\r\x01\x7f");
	sk_json_kstr(&s, "n", NULL);
	sk_json_kint(&s, "i", INT64_MIN);
	sk_json_kbool(&s, "b", true);
	sk_json_key(&s, "l");
	sk_str_addc(&s, '[');
	sk_json_next(&s);
	sk_json_double(&s, 0.1);
	sk_json_next(&s);
	sk_json_double(&s, 3);
	sk_json_next(&s);
	sk_json_double(&s, 1e300);
	sk_json_next(&s);
	sk_json_double(&s, NAN);
	sk_json_next(&s);
	sk_json_string_n(&s, "\xc3\xa9\xc3\xff\0x", 6);
	sk_str_adds(&s, "]}");
	assert_string_equal(sk_str_text(&s),
		"{\"a\\\"\":\"x\\\\\\n\\t\\r\\u0001\\u007f\",\"n\":null,"
		"\"i\":-9223372036854775808,\"b\":true,\"l\":[0.1,3.0,1e+300,null,"
		"\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\\u0000x\"]}");
	sk_str_release(&s);
}

static void
doubles_read_back_the_same(void **state)
{
	static const double rows[] = { 0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1e15,
		123456.789 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sk_str s = SK_STR_INIT;
		double back;

		sk_json_double(&s, rows[i]);
		back = strtod(sk_str_text(&s), NULL);
		assert_memory_equal(&back, &rows[i], sizeof(back));
		sk_str_release(&s);
	}
}

static void
utf8_is_that_of_rfc_3629(void **state)
{
	static const struct {
		const char *text;
		size_t bad;
	} rows[] = {
		{ "abc", 3 },
		{ "\xc3\xa9", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xef\xbf\xbf", 3 },
		{ "a\x80", 1 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x80\xaf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf0\x80\x80\x80", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
		{ "x\xe2\x82", 1 },
		{ "\xe2\x82x", 0 },
		{ "\xc3", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(sk_utf8_bad(rows[i].text, strlen(rows[i].text)), rows[i].bad);
	assert_int_equal(sk_utf8_bad("", 0), 0);
	assert_int_equal(sk_utf8_bad("a\0b", 3), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_grow_and_shrink),
		cmocka_unit_test(what_is_not_plain_is_percent_encoded),
		cmocka_unit_test(json_is_valid_whatever_the_text),
		cmocka_unit_test(doubles_read_back_the_same),
		cmocka_unit_test(utf8_is_that_of_rfc_3629),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
