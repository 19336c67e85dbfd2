/* value_test.c - trees: building, comparing, and the bytes that travel between processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/value.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sk_value *
number(struct sk_arena *a, double f)
{
	struct sk_value *v = sk_value_new(a, SK_FLOAT);

	v->u.f = f;
	return v;
}

static struct sk_value *
boolean(struct sk_arena *a, bool b)
{
	struct sk_value *v = sk_value_new(a, SK_BOOL);

	v->u.b = b;
	return v;
}

/* Something of every kind. */
static struct sk_value *
sample(struct sk_arena *a)
{
	struct sk_value *map = sk_value_new(a, SK_MAP), *list = sk_value_new(a, SK_LIST);

	sk_list_add(a, list, sk_value_new(a, SK_NULL));
	sk_list_add(a, list, boolean(a, true));
	sk_list_add(a, list, boolean(a, false));
	sk_list_add(a, list, sk_value_int(a, -3));
	sk_list_add(a, list, number(a, 0.5));
	sk_list_add(a, list, sk_value_string(a, "\xc3\xa9", 2));
	sk_map_set(a, map, "list", list);
	sk_map_set(a, map, "", sk_value_new(a, SK_MAP));
	sk_map_set(a, map, "int", sk_value_int(a, INT64_MAX));
	return map;
}

static void
maps_keep_their_order_and_replace(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *map = sk_value_new(a, SK_MAP);
	struct sk_str s = SK_STR_INIT;
	char key[8];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		sk_map_set(a, map, key, sk_value_int(a, i));
	}
	strcpy(key, "k7");
	sk_map_set(a, map, key, sk_value_int(a, 70));
	key[0] = 'x';
	assert_int_equal(map->u.map.n, 100);
	assert_int_equal(sk_map_get(map, "k7")->u.i, 70);
	assert_int_equal(sk_map_get(map, "k99")->u.i, 99);
	assert_null(sk_map_get(map, "k100"));
	assert_null(sk_map_get(NULL, "k"));
	assert_null(sk_map_get(sk_value_int(a, 1), "k"));
	for (size_t i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%zu", i);
		assert_string_equal(map->u.map.pairs[i].key, key);
	}
	sk_value_json(&s, sample(a));
	assert_string_equal(sk_str_text(&s),
		"{\"list\":[null,true,false,-3,0.5,\"\xc3\xa9\"],\"\":{},"
		"\"int\":9223372036854775807}");
	sk_str_release(&s);
	sk_arena_free(a);
}

static void
sorted_pairs_are_found(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *map = sk_value_new(a, SK_MAP);
	const struct sk_pair **sorted;

	(void)state;
	sk_map_add(a, map, "b", sk_value_int(a, 1));
	sk_map_add(a, map, "a", sk_value_int(a, 2));
	sk_map_add(a, map, "b", sk_value_int(a, 3));
	sorted = sk_map_sorted(a, map);
	assert_string_equal(sorted[0]->key, "a");
	assert_int_equal(sorted[1]->value->u.i, 1);
	assert_int_equal(sorted[2]->value->u.i, 3);
	assert_ptr_equal(sk_map_search(sorted, 3, "b"), sorted[1]);
	assert_null(sk_map_search(sorted, 3, "c"));
	assert_null(sk_map_search(sorted, 0, "a"));
	sk_arena_free(a);
}

static void
equality_is_that_of_json(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *x = sample(a), *y = sample(a), *turned = sk_value_new(a, SK_MAP);

	(void)state;
	y->line = 7;
	assert_true(sk_value_equal(x, y));
	for (size_t i = 3; i-- > 0;)
		sk_map_set(a, turned, x->u.map.pairs[i].key, x->u.map.pairs[i].value);
	assert_true(sk_value_equal(x, turned));
	assert_false(sk_value_equal(sk_value_int(a, 1), number(a, 1)));
	assert_true(sk_value_equal(number(a, NAN), number(a, NAN)));
	assert_false(sk_value_equal(sk_value_string(a, "a", 1), sk_value_string(a, "b", 1)));
	sk_list_add(a, y->u.map.pairs[0].value, sk_value_new(a, SK_NULL));
	assert_false(sk_value_equal(x, y));
	sk_map_set(a, turned, "int", sk_value_int(a, 1));
	assert_false(sk_value_equal(x, turned));
	sk_arena_free(a);
}

static void
what_was_encoded_is_decoded(void **state)
{
	static const int64_t ints[] = { 0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN };
	static const double floats[] = { 0.0, -0.0, 1.5, INFINITY, -INFINITY, 5e-324 };
	struct sk_arena *a = sk_arena_new();
	struct sk_value *v = sample(a), *back;
	struct sk_str s = SK_STR_INIT;
	struct sk_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++)
		sk_list_add(a, v->u.map.pairs[0].value, sk_value_int(a, ints[i]));
	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++)
		sk_list_add(a, v->u.map.pairs[0].value, number(a, floats[i]));
	sk_value_encode(&s, v);
	back = sk_value_decode(a, s.p, s.len, &err);
	assert_non_null(back);
	assert_true(sk_value_equal(v, back));
	/* A decoded tree can be built on. */
	sk_map_set(a, back, "more", sk_value_int(a, 1));
	sk_list_add(a, back->u.map.pairs[0].value, sk_value_int(a, 1));
	assert_int_equal(back->u.map.n, 4);
	/* Every beginning of it is refused, none is read past its end. */
	for (size_t n = 0; n < s.len; n++) {
		char *cut = sk_xmalloc(n);

		memcpy(cut, s.p, n);
		assert_null(sk_value_decode(a, cut, n, &err));
		free(cut);
	}
	sk_str_release(&s);
	sk_arena_free(a);
}

static void
malformed_bytes_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *why;
	} rows[] = {
		{ "", 0, "it ends too early" },
		{ "\x08", 1, "it has an unknown tag" },
		{ "\x00\x00", 2, "bytes stand behind its end" },
		{ "\x03", 1, "it ends too early" },
		{ "\x03\x80\x00", 3, "a number is padded" },
		{ "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, "a number has more than 64 bits" },
		{ "\x04\0\0\0", 4, "it ends too early" },
		{ "\x05\x05"
		  "abc",
			5, "a count is larger than the bytes that follow" },
		{ "\x05\x03"
		  "a\0b",
			5, "a text is not valid UTF-8" },
		{ "\x05\x01\xff", 3, "a text is not valid UTF-8" },
		{ "\x06\xff\xff\xff\xff\x0f", 6, "a count is larger than the bytes that follow" },
		{ "\x06\x02\x00", 3, "a count is larger than the bytes that follow" },
		{ "\x07\x02\x01"
		  "a\x00",
			5, "a count is larger than the bytes that follow" },
		{ "\x07\x02\x01"
		  "a\x00\x01"
		  "a\x00",
			8, "a key stands twice in one map" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sk_arena *a = sk_arena_new();
		struct sk_err err = { .code = SK_OK };
		char want[128];

		snprintf(want, sizeof(want), "an encoded value is malformed: %s", rows[i].why);
		assert_null(sk_value_decode(a, rows[i].bytes, rows[i].n, &err));
		assert_int_equal(err.code, SK_EINVAL);
		assert_string_equal(err.msg, want);
		assert_null(sk_value_decode(a, rows[i].bytes, rows[i].n, NULL));
		sk_arena_free(a);
	}
}

static void
depth_is_bounded(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str s = SK_STR_INIT;
	struct sk_err err;

	(void)state;
	for (int i = 0; i < 64; i++)
		sk_str_add(&s, "\x06\x01", 2);
	sk_str_addc(&s, 0);
	assert_non_null(sk_value_decode(a, s.p, s.len, &err));
	sk_str_clear(&s);
	for (int i = 0; i < 65; i++)
		sk_str_add(&s, "\x06\x01", 2);
	sk_str_addc(&s, 0);
	assert_null(sk_value_decode(a, s.p, s.len, &err));
	assert_string_equal(err.msg, "an encoded value is malformed: it is nested too deep");
	sk_str_release(&s);
	sk_arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_keep_their_order_and_replace),
		cmocka_unit_test(sorted_pairs_are_found),
		cmocka_unit_test(equality_is_that_of_json),
		cmocka_unit_test(what_was_encoded_is_decoded),
		cmocka_unit_test(malformed_bytes_are_refused),
		cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
