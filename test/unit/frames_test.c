/* frames_test.c - what travels between our processes: payloads that come back whole, malformed ones.
 * The channels are in chan_test.c. */
#include "core/run/frames.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A reader on memory of exactly its size, so that a sanitizer sees a step too far. */
struct bytes {
	unsigned char *p;
	struct sk_reader reader;
};

static struct bytes
bytes_of(const void *p, size_t n)
{
	struct bytes b = { .p = malloc(n > 0 ? n : 1) };
	struct sk_frame f = { .data = b.p, .len = n };

	assert_non_null(b.p);
	if (n > 0)
		memcpy(b.p, p, n);
	b.reader = sk_reader_of(&f);
	return b;
}

/* ---- numbers, bytes, texts ---- */

static void
numbers_come_back_and_are_little_endian(void **state)
{
	static const double doubles[] = { 0.0, -0.0, 1.5, -1e308, 5e-324, INFINITY, -INFINITY };
	struct sk_str s = SK_STR_INIT;
	struct bytes b;

	(void)state;
	sk_put_u32(&s, 0x01020304);
	sk_put_u64(&s, 0x1122334455667788u);
	assert_memory_equal(s.p, "\4\3\2\1\x88\x77\x66\x55\x44\x33\x22\x11", 12);
	sk_put_u32(&s, UINT32_MAX);
	sk_put_u64(&s, UINT64_MAX);
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++)
		sk_put_f64(&s, doubles[i]);
	sk_put_f64(&s, NAN);
	b = bytes_of(s.p, s.len);
	assert_int_equal(sk_get_u32(&b.reader), 0x01020304);
	assert_int_equal(sk_get_u64(&b.reader), 0x1122334455667788u);
	assert_int_equal(sk_get_u32(&b.reader), UINT32_MAX);
	assert_int_equal(sk_get_u64(&b.reader), UINT64_MAX);
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
		double d = sk_get_f64(&b.reader);

		assert_memory_equal(&d, &doubles[i], sizeof(d));
	}
	assert_true(isnan(sk_get_f64(&b.reader)));
	assert_int_equal(b.reader.left, 0);
	assert_false(b.reader.bad);
	free(b.p);
	sk_str_release(&s);
}

static void
reading_past_the_end_is_bad_and_stays_bad(void **state)
{
	struct bytes b = bytes_of("\1\0\0\0\2\0", 6);
	struct sk_arena *a = sk_arena_new();
	size_t n = 99;

	(void)state;
	assert_int_equal(sk_get_u32(&b.reader), 1);
	assert_int_equal(sk_get_u32(&b.reader), 0);
	assert_true(b.reader.bad);
	b.reader.left = 2; /* even where bytes are left */
	assert_int_equal(sk_get_u32(&b.reader), 0);
	assert_int_equal(sk_get_u64(&b.reader), 0);
	assert_true(sk_get_f64(&b.reader) == 0);
	assert_non_null(sk_get_bytes(&b.reader, &n));
	assert_int_equal(n, 0);
	assert_string_equal(sk_get_text(&b.reader, a), "");
	assert_true(b.reader.bad);
	sk_arena_free(a);
	free(b.p);
}

static void
texts_come_back_and_hold_no_nul(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str s = SK_STR_INIT;
	struct bytes b;
	const void *p;
	size_t n;

	(void)state;
	sk_put_text(&s, "grün");
	sk_put_text(&s, "");
	sk_put_text(&s, NULL);
	sk_put_bytes(&s, "a\0b", 3);
	sk_put_bytes(&s, NULL, 0);
	sk_put_bytes(&s, "a\0b", 3);
	b = bytes_of(s.p, s.len);
	assert_string_equal(sk_get_text(&b.reader, a), "grün");
	assert_string_equal(sk_get_text(&b.reader, a), "");
	assert_string_equal(sk_get_text(&b.reader, a), "");
	p = sk_get_bytes(&b.reader, &n);
	assert_int_equal(n, 3);
	assert_memory_equal(p, "a\0b", 3);
	sk_get_bytes(&b.reader, &n);
	assert_int_equal(n, 0);
	assert_false(b.reader.bad);
	assert_string_equal(sk_get_text(&b.reader, a), "");
	assert_true(b.reader.bad);
	free(b.p);
	sk_str_release(&s);
	sk_arena_free(a);
}

static void
a_length_beyond_the_end_is_bad(void **state)
{
	static const uint32_t lengths[] = { 5, 0x7fffffff, 0x80000000, UINT32_MAX - 3, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct sk_arena *a = sk_arena_new();
		struct sk_str s = SK_STR_INIT;
		struct bytes b;

		sk_put_u32(&s, lengths[i]);
		sk_str_add(&s, "four", 4);
		b = bytes_of(s.p, s.len);
		assert_string_equal(sk_get_text(&b.reader, a), "");
		assert_true(b.reader.bad);
		free(b.p);
		sk_str_release(&s);
		sk_arena_free(a);
	}
}

/* ---- what to start ---- */

static const char *argv_full[] = { "/bin/sh", "-c", "", "echo \xff", NULL };
static const char *env_full[] = { "A=1", "LONG==x", NULL };
static const struct sk_start full_start = {
	.id = "t1",
	.class_name = "Exec",
	.program = true,
	.timeout_ms = INT64_MAX,
	.grace_ms = 1,
	.memory_mb = 3,
	.output_limit = INT64_MIN,
	.failures = UINT32_MAX,
	.spec_hash = UINT64_MAX - 5,
	.by_keys = true,
	.attachments = "\0\1\2",
	.attachments_len = 3,
	.argv = argv_full,
	.env = env_full,
	.cwd = "/tmp",
	.input = "in\nput",
	.isolate = true,
	.reusable = true,
	.user = "nobody",
	.refusal = "no",
};

static void
assert_lists_equal(const char **a, const char **b)
{
	size_t i;

	for (i = 0; a[i] != NULL && b[i] != NULL; i++)
		assert_string_equal(a[i], b[i]);
	assert_null(a[i]);
	assert_null(b[i]);
}

static void
a_start_comes_back_whole(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str s = SK_STR_INIT;
	struct sk_start st;
	struct bytes b;

	(void)state;
	sk_put_start(&s, &full_start);
	b = bytes_of(s.p, s.len);
	assert_true(sk_get_start(&b.reader, a, &st));
	free(b.p); /* all of it was copied */
	sk_str_release(&s);
	assert_string_equal(st.id, "t1");
	assert_string_equal(st.class_name, "Exec");
	assert_true(st.program);
	assert_true(st.isolate);
	assert_true(st.reusable);
	assert_string_equal(st.user, "nobody");
	assert_true(st.timeout_ms == INT64_MAX && st.output_limit == INT64_MIN);
	assert_int_equal(st.grace_ms, 1);
	assert_int_equal(st.memory_mb, 3);
	assert_int_equal(st.failures, UINT32_MAX);
	assert_true(st.spec_hash == UINT64_MAX - 5);
	assert_true(st.by_keys);
	assert_int_equal(st.attachments_len, 3);
	assert_memory_equal(st.attachments, "\0\1\2", 3);
	assert_lists_equal(st.argv, argv_full);
	assert_lists_equal(st.env, env_full);
	assert_string_equal(st.cwd, "/tmp");
	assert_string_equal(st.input, "in\nput");
	assert_string_equal(st.refusal, "no");
	sk_arena_free(a);
}

static void
what_was_not_set_comes_back_empty_and_never_null(void **state)
{
	const struct sk_start bare = { .id = "x" };
	struct sk_arena *a = sk_arena_new();
	struct sk_str s = SK_STR_INIT;
	struct sk_start st;
	struct bytes b;

	(void)state;
	sk_put_start(&s, &bare);
	b = bytes_of(s.p, s.len);
	assert_true(sk_get_start(&b.reader, a, &st));
	assert_string_equal(st.class_name, "");
	assert_false(st.program || st.isolate || st.reusable || st.by_keys);
	assert_string_equal(st.user, "");
	assert_non_null(st.attachments);
	assert_null(st.argv[0]);
	assert_null(st.env[0]);
	assert_string_equal(st.cwd, "");
	assert_string_equal(st.input, "");
	assert_string_equal(st.refusal, "");
	free(b.p);
	sk_str_release(&s);
	sk_arena_free(a);
}

static void
a_start_without_an_id_or_a_program_without_a_name_is_refused(void **state)
{
	static const struct sk_start bad[] = { { .id = "" }, { .id = "x", .program = true } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sk_arena *a = sk_arena_new();
		struct sk_str s = SK_STR_INIT;
		struct sk_start st;
		struct bytes b;

		sk_put_start(&s, &bad[i]);
		b = bytes_of(s.p, s.len);
		assert_false(sk_get_start(&b.reader, a, &st));
		free(b.p);
		sk_str_release(&s);
		sk_arena_free(a);
	}
}

/* ---- what is known of an attempt ---- */

static const struct sk_task_report full_report = {
	.id = "t1",
	.class_name = "Fail",
	.state = SK_T_ENDED,
	.failures = 7,
	.spec_hash = 1ull << 63,
	.pid = 123456,
	.by_keys = true,
	.start_ms = 1787393472123,
	.end_ms = 1787393472999,
	.start_boot_ms = -1,
	.end_boot_ms = 99,
	.reason = SK_REASON_SKIPPED,
	.code = -5,
	.signal = 64,
	.max_rss_kb = 1 << 30,
	.cpu_ms = 12,
	.message = "why: \"so\"",
	.result = "{\0}",
	.result_len = 3,
};

static void
a_report_comes_back_whole(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str s = SK_STR_INIT;
	struct sk_task_report rep;
	struct bytes b;

	(void)state;
	sk_put_report(&s, &full_report);
	b = bytes_of(s.p, s.len);
	assert_true(sk_get_report(&b.reader, a, &rep));
	free(b.p);
	sk_str_release(&s);
	assert_string_equal(rep.id, "t1");
	assert_string_equal(rep.class_name, "Fail");
	assert_int_equal(rep.state, SK_T_ENDED);
	assert_int_equal(rep.failures, 7);
	assert_true(rep.spec_hash == 1ull << 63);
	assert_true(rep.by_keys);
	assert_int_equal(rep.pid, 123456);
	assert_int_equal(rep.start_ms, 1787393472123);
	assert_int_equal(rep.end_ms, 1787393472999);
	assert_int_equal(rep.start_boot_ms, -1);
	assert_int_equal(rep.end_boot_ms, 99);
	assert_int_equal(rep.reason, SK_REASON_SKIPPED);
	assert_int_equal(rep.code, -5);
	assert_int_equal(rep.signal, 64);
	assert_int_equal(rep.max_rss_kb, 1 << 30);
	assert_int_equal(rep.cpu_ms, 12);
	assert_string_equal(rep.message, "why: \"so\"");
	assert_int_equal(rep.result_len, 3);
	assert_memory_equal(rep.result, "{\0}", 3);
	sk_arena_free(a);
}

static void
states_and_reasons_that_do_not_exist_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		for (uint32_t v = 0; v < 400; v++) {
			struct sk_task_report rep = full_report;
			struct sk_arena *a = sk_arena_new();
			struct sk_str s = SK_STR_INIT;
			struct bytes b;
			uint32_t value = v < 300 ? v : v < 350 ? UINT32_MAX - v : v << 24;

			if (i == 0)
				rep.state = (enum sk_task_state)value;
			else
				rep.reason = (enum sk_reason)value;
			sk_put_report(&s, &rep);
			b = bytes_of(s.p, s.len);
			assert_int_equal(sk_get_report(&b.reader, a, &rep),
				value <= (i == 0 ? (uint32_t)SK_T_ENDED : (uint32_t)SK_REASON_SKIPPED));
			free(b.p);
			sk_str_release(&s);
			sk_arena_free(a);
		}
}

/* ---- malformed ---- */

typedef bool decode_fn(struct sk_reader *r, struct sk_arena *a);

static bool
decode_start(struct sk_reader *r, struct sk_arena *a)
{
	struct sk_start st;

	return sk_get_start(r, a, &st);
}

static bool
decode_report(struct sk_reader *r, struct sk_arena *a)
{
	struct sk_task_report rep;

	return sk_get_report(r, a, &rep);
}

/* The other payloads, as their readers read them. */
static bool
decode_number(struct sk_reader *r, struct sk_arena *a)
{
	(void)a;
	sk_get_u32(r);
	return !r->bad && r->left == 0;
}

static bool
decode_stop(struct sk_reader *r, struct sk_arena *a)
{
	(void)a;
	sk_get_u32(r);
	sk_get_u64(r);
	return !r->bad && r->left == 0;
}

static bool
decode_text(struct sk_reader *r, struct sk_arena *a)
{
	sk_get_text(r, a);
	return !r->bad && r->left == 0;
}

static bool
decode_progress(struct sk_reader *r, struct sk_arena *a)
{
	sk_get_f64(r);
	return decode_text(r, a);
}

static bool
decode_updated(struct sk_reader *r, struct sk_arena *a)
{
	sk_get_u32(r);
	return decode_text(r, a);
}

static bool
decode_task(struct sk_reader *r, struct sk_arena *a)
{
	sk_get_u32(r);
	return decode_report(r, a);
}

static bool
decode_hello(struct sk_reader *r, struct sk_arena *a)
{
	sk_get_u32(r);
	sk_get_text(r, a);
	sk_get_u32(r);
	return decode_text(r, a);
}

/* One good payload of each shape. */
static size_t
samples(struct sk_str out[9], decode_fn *decode[9])
{
	sk_put_start(&out[0], &full_start);
	decode[0] = decode_start;
	sk_put_report(&out[1], &full_report);
	decode[1] = decode_report;
	sk_put_u32(&out[2], 5); /* CONFIG, READY, QUIT, SIGNAL */
	decode[2] = decode_number;
	sk_put_u32(&out[3], 4); /* STOP */
	sk_put_u64(&out[3], 10000);
	decode[3] = decode_stop;
	sk_put_text(&out[4], "a line"); /* LINE, FAILURE */
	decode[4] = decode_text;
	sk_put_f64(&out[5], 0.5); /* PROGRESS */
	sk_put_text(&out[5], "stage");
	decode[5] = decode_progress;
	sk_put_u32(&out[6], 1); /* UPDATED, PRINT */
	sk_put_text(&out[6], "message");
	decode[6] = decode_updated;
	sk_put_u32(&out[7], 0); /* TASK */
	sk_put_report(&out[7], &full_report);
	decode[7] = decode_task;
	sk_put_u32(&out[8], 4711); /* HELLO */
	sk_put_text(&out[8], "00112233445566778899aabbccddeeff");
	sk_put_u32(&out[8], 2);
	sk_put_text(&out[8], "/run/skalds");
	decode[8] = decode_hello;
	return 9;
}

static bool
decodes(decode_fn *decode, const void *p, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct bytes b = bytes_of(p, n);
	bool good = decode(&b.reader, a);

	assert_true(b.reader.p <= b.p + n && b.reader.left <= n);
	free(b.p);
	sk_arena_free(a);
	return good;
}

static void
every_truncation_and_every_tail_is_refused(void **state)
{
	struct sk_str payload[9] = { SK_STR_INIT };
	decode_fn *decode[9];
	size_t n = samples(payload, decode);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		size_t whole = payload[i].len;

		assert_true(decodes(decode[i], payload[i].p, whole));
		for (size_t len = 0; len < whole; len++)
			if (decodes(decode[i], payload[i].p, len))
				fail_msg("sample %zu is taken with %zu of %zu bytes", i, len, whole);
		sk_str_addc(&payload[i], '\0');
		assert_false(decodes(decode[i], payload[i].p, whole + 1));
		sk_str_release(&payload[i]);
	}
}

/* Each byte set to each value, and each four bytes to hostile counts: accepted or refused, but
 * nothing is read or written where it should not be, and nothing large is allocated. */
static void
no_changed_byte_or_count_does_harm(void **state)
{
	static const uint32_t counts[] = { 0x7fffffff, 0x80000000, UINT32_MAX, 0x40000000, 65536, 65537,
		0x20000000 };
	struct sk_str payload[9] = { SK_STR_INIT };
	decode_fn *decode[9];
	size_t n = samples(payload, decode);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char *p = payload[i].p;

		for (size_t at = 0; at < payload[i].len; at++) {
			char keep = p[at];

			for (int v = 0; v < 256; v += 5) {
				p[at] = (char)v;
				(void)decodes(decode[i], p, payload[i].len);
			}
			p[at] = keep;
		}
		for (size_t at = 0; at + 4 <= payload[i].len; at++)
			for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
				char keep[4];

				memcpy(keep, p + at, 4);
				memcpy(p + at, &counts[k], 4);
				(void)decodes(decode[i], p, payload[i].len);
				memcpy(p + at, keep, 4);
			}
		sk_str_release(&payload[i]);
	}
}

static void
a_hostile_count_of_arguments_is_refused_before_anything_is_allocated(void **state)
{
	static const uint32_t counts[] = { 2, 65536, 65537, 0x10000000, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct sk_str s = SK_STR_INIT;

		sk_put_text(&s, "id");
		sk_put_text(&s, "Exec");
		sk_put_u32(&s, 1);
		for (int k = 0; k < 4; k++)
			sk_put_u64(&s, 0);
		sk_put_u32(&s, 0);
		sk_put_u64(&s, 0);
		sk_put_text(&s, "");
		sk_put_u32(&s, counts[i]);
		assert_false(decodes(decode_start, s.p, s.len));
		sk_str_release(&s);
	}
}

static void
every_reason_has_the_name_of_the_contract(void **state)
{
	static const char *const names[] = { "exited", "signaled", "oom", "timeout", "cancelled",
		"lost", "start-failed", "interrupted", "skipped" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(sk_reason_name((enum sk_reason)i), names[i]);
	assert_string_equal(sk_reason_name((enum sk_reason)9), "unknown");
	assert_string_equal(sk_reason_name((enum sk_reason)UINT32_MAX), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_back_and_are_little_endian),
		cmocka_unit_test(reading_past_the_end_is_bad_and_stays_bad),
		cmocka_unit_test(texts_come_back_and_hold_no_nul),
		cmocka_unit_test(a_length_beyond_the_end_is_bad),
		cmocka_unit_test(a_start_comes_back_whole),
		cmocka_unit_test(what_was_not_set_comes_back_empty_and_never_null),
		cmocka_unit_test(a_start_without_an_id_or_a_program_without_a_name_is_refused),
		cmocka_unit_test(a_report_comes_back_whole),
		cmocka_unit_test(states_and_reasons_that_do_not_exist_are_refused),
		cmocka_unit_test(every_truncation_and_every_tail_is_refused),
		cmocka_unit_test(no_changed_byte_or_count_does_harm),
		cmocka_unit_test(a_hostile_count_of_arguments_is_refused_before_anything_is_allocated),
		cmocka_unit_test(every_reason_has_the_name_of_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
