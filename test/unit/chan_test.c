/* chan_test.c - channels: frames in order, in pieces, malformed, and peers that are gone. */
#include "core/run/frames.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- channels ---- */

struct pair {
	struct sk_chan a, b;
};

static void
pair_open(struct pair *p)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	sk_chan_init(&p->a, ends[0]);
	sk_chan_init(&p->b, ends[1]);
}

static void
pair_close(struct pair *p)
{
	sk_chan_release(&p->a);
	sk_chan_release(&p->b);
}

static void
frames_arrive_in_order_and_numbered(void **state)
{
	struct sk_str payload = SK_STR_INIT;
	struct sk_frame f;
	struct sk_err err;
	struct pair p;

	(void)state;
	pair_open(&p);
	sk_put_text(&payload, "hello");
	sk_chan_queue(&p.a, SK_F_LINE, 77, 3, &payload);
	sk_chan_queue(&p.a, SK_F_ACK, UINT64_MAX, UINT32_MAX, NULL);
	assert_int_equal(sk_chan_fill(&p.b, &err), SK_EAGAIN);
	assert_int_equal(sk_chan_next(&p.b, &f, &err), SK_EAGAIN);
	assert_int_equal(sk_chan_flush(&p.a, &err), SK_OK);
	assert_int_equal(sk_chan_fill(&p.b, &err), SK_OK);
	assert_int_equal(sk_chan_next(&p.b, &f, &err), SK_OK);
	assert_int_equal(f.type, SK_F_LINE);
	assert_int_equal(f.sequence, 1);
	assert_int_equal(f.key, 77);
	assert_int_equal(f.attempt, 3);
	assert_int_equal(f.len, 9);
	assert_memory_equal(f.data, "\5\0\0\0hello", 9);
	assert_int_equal(sk_chan_next(&p.b, &f, &err), SK_OK);
	assert_int_equal(f.sequence, 2);
	assert_true(f.key == UINT64_MAX && f.attempt == UINT32_MAX);
	assert_int_equal(f.len, 0);
	assert_int_equal(sk_chan_next(&p.b, &f, &err), SK_EAGAIN);
	sk_str_release(&payload);
	pair_close(&p);
}

static void
a_frame_that_comes_byte_by_byte_is_whole_at_the_last_one(void **state)
{
	struct sk_chan writer;
	struct sk_frame f;
	struct sk_err err;
	struct pair p;

	(void)state;
	pair_open(&p);
	sk_chan_init(&writer, 99); /* only to build the bytes */
	sk_chan_queue(&writer, SK_F_PING, 1, 2, &(struct sk_str){ (char[]){ "abc" }, 3, 4 });
	for (size_t i = 0; i < writer.out.len; i++) {
		assert_int_equal(sk_chan_next(&p.b, &f, &err), SK_EAGAIN);
		assert_int_equal(write(p.a.fd, writer.out.p + i, 1), 1);
		assert_int_equal(sk_chan_fill(&p.b, &err), SK_OK);
	}
	assert_int_equal(sk_chan_next(&p.b, &f, &err), SK_OK);
	assert_memory_equal(f.data, "abc", 3);
	writer.fd = -1;
	sk_chan_release(&writer);
	pair_close(&p);
}

/* Fills the socket, drains it, again and again: nothing is lost, changed or twice. */
static void
a_full_socket_says_later_and_loses_nothing(void **state)
{
	enum { FRAMES = 300 };
	struct sk_str payload = SK_STR_INIT;
	struct sk_frame f;
	struct sk_err err;
	struct pair p;
	enum sk_code code;
	uint32_t got = 0;
	int later = 0;

	(void)state;
	pair_open(&p);
	for (uint32_t i = 0; i < FRAMES; i++) {
		sk_str_clear(&payload);
		for (uint32_t k = 0; k < i * 37 % 20000; k++)
			sk_str_addc(&payload, (char)(i + k));
		sk_chan_queue(&p.a, SK_F_PRINT, i, i, &payload);
	}
	do {
		code = sk_chan_flush(&p.a, &err);
		later += code == SK_EAGAIN;
		while (sk_chan_fill(&p.b, &err) == SK_OK)
			while (sk_chan_next(&p.b, &f, &err) == SK_OK) {
				assert_int_equal(f.key, got);
				assert_int_equal(f.sequence, got + 1);
				assert_int_equal(f.len, got * 37 % 20000);
				for (uint32_t k = 0; k < f.len; k++)
					assert_int_equal(f.data[k], (got + k) & 0xff);
				got++;
			}
	} while (code == SK_EAGAIN);
	assert_int_equal(code, SK_OK);
	assert_int_equal(got, FRAMES);
	assert_true(later > 1);
	sk_str_release(&payload);
	pair_close(&p);
}

static void
the_largest_frame_passes_and_one_byte_more_is_malformed(void **state)
{
	static const size_t sizes[] = { SK_FRAME_MAX, SK_FRAME_MAX + 1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sk_str payload = SK_STR_INIT;
		struct sk_frame f;
		struct sk_err err = { SK_OK, "" };
		struct pair p;
		enum sk_code code = SK_EAGAIN;

		pair_open(&p);
		for (size_t k = 0; k < sizes[i]; k++)
			sk_str_addc(&payload, 'x');
		sk_chan_queue(&p.a, SK_F_UPDATE, 1, 1, &payload);
		while (code == SK_EAGAIN && p.b.in.len < sizes[i] + SK_FRAME_HEAD) {
			(void)!sk_chan_flush(&p.a, &err);
			assert_int_equal(sk_chan_fill(&p.b, &err), SK_OK);
			code = sk_chan_next(&p.b, &f, &err);
		}
		assert_int_equal(code, i == 0 ? SK_OK : SK_EINVAL);
		if (i == 0)
			assert_int_equal(f.len, SK_FRAME_MAX);
		sk_str_release(&payload);
		pair_close(&p);
	}
}

static void
other_versions_and_sizes_that_cannot_be_are_malformed_for_good(void **state)
{
	static const struct {
		size_t at;
		unsigned char byte;
	} rows[] = {
		{ 6, 0 },
		{ 6, 1 },
		{ 6, 3 },
		{ 7, 1 },
		{ 2, 5 },
		{ 3, 0x80 },
		{ 3, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sk_frame f;
		struct sk_err err = { SK_OK, "" };
		struct pair p;

		pair_open(&p);
		sk_chan_queue(&p.a, SK_F_PING, 1, 1, NULL);
		p.a.out.p[rows[i].at] = (char)rows[i].byte;
		assert_int_equal(sk_chan_flush(&p.a, &err), SK_OK);
		assert_int_equal(sk_chan_fill(&p.b, &err), SK_OK);
		assert_int_equal(sk_chan_next(&p.b, &f, &err), SK_EINVAL);
		assert_int_equal(err.code, SK_EINVAL);
		assert_int_equal(sk_chan_next(&p.b, &f, &err), SK_EINVAL);
		pair_close(&p);
	}
}

static void
a_peer_that_is_gone_is_told_apart_from_one_that_is_silent(void **state)
{
	struct sk_frame f;
	struct sk_err err = { SK_OK, "" };
	struct pair p;

	(void)state;
	signal(SIGPIPE, SIG_DFL); /* sending must not raise it */
	pair_open(&p);
	sk_chan_queue(&p.a, SK_F_PING, 1, 1, NULL);
	assert_int_equal(sk_chan_flush(&p.a, &err), SK_OK);
	sk_chan_release(&p.a);
	assert_int_equal(p.a.fd, -1);
	assert_int_equal(sk_chan_fill(&p.b, &err), SK_OK); /* its last words */
	assert_int_equal(sk_chan_next(&p.b, &f, &err), SK_OK);
	assert_int_equal(sk_chan_fill(&p.b, &err), SK_ENOENT);
	sk_chan_queue(&p.b, SK_F_PONG, 1, 1, NULL);
	assert_int_equal(sk_chan_flush(&p.b, &err), SK_EIO);
	pair_close(&p);
}

static void
a_closed_channel_takes_and_gives_nothing(void **state)
{
	struct sk_frame f;
	struct sk_err err = { SK_OK, "" };
	struct sk_chan c;

	(void)state;
	sk_chan_init(&c, -1);
	sk_chan_queue(&c, SK_F_PING, 1, 1, NULL);
	assert_int_equal(c.out.len, 0);
	assert_int_equal(sk_chan_flush(&c, &err), SK_OK);
	assert_int_equal(sk_chan_fill(&c, &err), SK_ENOENT);
	assert_int_equal(sk_chan_next(&c, &f, &err), SK_EAGAIN);
	sk_chan_release(&c);
	sk_chan_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_in_order_and_numbered),
		cmocka_unit_test(a_frame_that_comes_byte_by_byte_is_whole_at_the_last_one),
		cmocka_unit_test(a_full_socket_says_later_and_loses_nothing),
		cmocka_unit_test(the_largest_frame_passes_and_one_byte_more_is_malformed),
		cmocka_unit_test(other_versions_and_sizes_that_cannot_be_are_malformed_for_good),
		cmocka_unit_test(a_peer_that_is_gone_is_told_apart_from_one_that_is_silent),
		cmocka_unit_test(a_closed_channel_takes_and_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
