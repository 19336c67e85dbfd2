/* http_stream_test.c - answers that go on: pieces, ends from either side, readers that are slow. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "http_rig.h"
#include "proc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define H "Host: x\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"
#define KIB ((size_t)1024)
#define BEHIND (256 * KIB)
#define READERS 1000

static struct web w;
static struct sk_str chunk;

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (w.server != NULL)
		web_close(&w);
	w.server = NULL;
	sk_str_release(&chunk);
	proc_scratch_remove();
	return 0;
}

static void
open_tcp(struct sk_http_server_config cfg)
{
	cfg.address = "127.0.0.1:0";
	web_open(&w, cfg);
}

/* A reader that has read the beginning. */
static int
reader(void)
{
	int fd = web_connect(&w);
	struct reply r;

	web_says(&w, fd, GET("/stream"));
	web_reply(&w, fd, &r, true);
	assert_int_equal(r.status, 200);
	reply_release(&r);
	assert_true(web_chunk(&w, fd, &chunk));
	return fd;
}

static bool
more(size_t i, const char *text)
{
	return web_more(&w, i, text, strlen(text));
}

static bool
more_of(size_t i, size_t n)
{
	char *p = sk_xcalloc(1, n);
	bool ok;

	memset(p, 'x', n);
	ok = web_more(&w, i, p, n);
	free(p);
	return ok;
}

/* ---- what a reader sees ---- */

static void
it_comes_in_chunks_and_ends(void **state)
{
	struct reply r;
	char buf[64];
	int fd;

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	fd = web_connect(&w);
	web_says(&w, fd, GET("/stream"));
	web_reply(&w, fd, &r, true);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_header(&r, "Content-Type", buf, sizeof(buf)), "text/event-stream");
	assert_string_equal(reply_header(&r, "Transfer-Encoding", buf, sizeof(buf)), "chunked");
	assert_string_equal(reply_header(&r, "Connection", buf, sizeof(buf)), "close");
	assert_string_equal(reply_header(&r, "Cache-Control", buf, sizeof(buf)), "no-store");
	assert_string_equal(reply_header(&r, "X-One", buf, sizeof(buf)), "1");
	assert_string_equal(reply_header(&r, "Content-Length", buf, sizeof(buf)), "");
	reply_release(&r);
	assert_true(web_chunk(&w, fd, &chunk));
	assert_string_equal(chunk.p, "begin\n");
	web_silent(&w, fd);
	assert_true(more(0, "one"));
	assert_true(more(0, "two"));
	assert_true(web_chunk(&w, fd, &chunk));
	assert_string_equal(chunk.p, "one");
	assert_true(web_chunk(&w, fd, &chunk));
	assert_string_equal(chunk.p, "two");
	assert_true(more(0, ""));
	assert_false(web_chunk(&w, fd, &chunk));
	web_ends(&w, fd);
	close(fd);
	web_run(&w, 20);
	assert_int_equal(w.forgotten, 0);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

/* Pieces of one round, and an end in the same round as the beginning. */
static void
all_of_a_round_is_one_write(void **state)
{
	int fd;

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	fd = reader();
	for (int i = 0; i < 50; i++)
		assert_true(more(0, "x"));
	assert_true(more(0, ""));
	sk_host_once(w.host, 0);
	for (int i = 0; i < 50; i++)
		assert_true(web_chunk(&w, fd, &chunk));
	assert_false(web_chunk(&w, fd, &chunk));
	web_ends(&w, fd);
	close(fd);
}

static void
http_1_0_reads_until_the_end(void **state)
{
	char buf[64], text[] = "begin\nmore";
	struct reply r;
	int fd;

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	fd = web_connect(&w);
	web_says(&w, fd, "GET /stream HTTP/1.0\r\n\r\n");
	web_reply(&w, fd, &r, true);
	assert_string_equal(reply_header(&r, "Transfer-Encoding", buf, sizeof(buf)), "");
	reply_release(&r);
	assert_true(more(0, "more"));
	assert_true(more(0, ""));
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char c = 0;

		while (recv(fd, &c, 1, 0) != 1)
			sk_host_once(w.host, 1);
		assert_int_equal(c, text[i]);
	}
	web_ends(&w, fd);
	close(fd);
}

static void
head_is_answered_without_a_stream(void **state)
{
	struct reply r;
	int fd;

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	fd = web_connect(&w);
	web_says(&w, fd, "HEAD /stream HTTP/1.1\r\n" H "\r\n");
	web_reply(&w, fd, &r, true);
	assert_int_equal(r.status, 200);
	reply_release(&r);
	web_ends(&w, fd);
	assert_int_equal(w.forgotten, 1);
	close(fd);
}

/* What a client sends after it asked for a stream is never taken for a request. */
static void
nothing_follows_a_stream(void **state)
{
	int fd;

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	fd = web_connect(&w);
	web_says(&w, fd, GET("/stream") GET("/echo") GET("/echo"));
	web_run(&w, 20);
	web_says(&w, fd, GET("/echo"));
	web_run(&w, 20);
	assert_int_equal(w.calls, 1);
	assert_true(more(0, "still"));
	assert_true(more(0, ""));
	web_run(&w, 20);
	assert_int_equal(w.calls, 1);
	close(fd);
	web_run(&w, 20);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

/* ---- ends ---- */

static void
a_reader_that_goes_away_is_forgotten(void **state)
{
	int fd;

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	fd = reader();
	close(fd);
	web_run(&w, 50);
	assert_int_equal(w.forgotten, 1);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

static void
draining_ends_streams(void **state)
{
	int fds[3];

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	for (int i = 0; i < 3; i++)
		fds[i] = reader();
	assert_true(more(0, "last"));
	sk_http_server_drain(w.server);
	assert_false(more(1, "too late")); /* told so: it is not told again */
	web_run(&w, 20);
	assert_int_equal(w.forgotten, 2);
	assert_true(web_chunk(&w, fds[0], &chunk));
	assert_string_equal(chunk.p, "last");
	for (int i = 0; i < 3; i++) {
		assert_false(web_chunk(&w, fds[i], &chunk));
		web_ends(&w, fds[i]);
		close(fds[i]);
	}
	web_run(&w, 20);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

static void
closing_the_server_ends_streams(void **state)
{
	int fd;

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	fd = reader();
	assert_true(more(0, "unsent"));
	sk_http_server_close(w.server);
	assert_int_equal(w.forgotten, 1);
	w.server = NULL;
	assert_true(web_chunk(&w, fd, &chunk));
	assert_string_equal(chunk.p, "unsent");
	assert_false(web_chunk(&w, fd, &chunk)); /* an end, not a cut */
	web_ends(&w, fd);
	sk_host_close(w.host);
	sk_loop_free(w.loop);
	close(fd);
}

/* ---- slow readers ---- */

/* How much `more` took until it cut the reader off. */
static size_t
until_cut_off(size_t i, size_t piece)
{
	size_t n = 0;

	while (more_of(i, piece)) {
		n += piece;
		sk_host_once(w.host, 0);
		assert_true(n < 64 * 1024 * KIB);
	}
	return n;
}

static void
a_reader_that_does_not_read_is_cut_off(void **state)
{
	int slow, quick;
	size_t took;

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	quick = reader();
	slow = reader();
	took = until_cut_off(1, 8 * KIB);
	assert_true(took > BEHIND); /* ... and what the kernel holds */
	assert_int_equal(w.forgotten, 0); /* `more` has said so */
	assert_int_equal(sk_http_server_stats(w.server).connections, 1);
	assert_true(more(0, "on"));
	assert_true(web_chunk(&w, quick, &chunk));
	assert_string_equal(chunk.p, "on");
	close(slow);
	close(quick);
}

/* One that reads gets everything, however much comes in one round. */
static void
a_reader_that_reads_gets_all(void **state)
{
	size_t total = 0;
	int fd;

	(void)state;
	open_tcp((struct sk_http_server_config){ 0 });
	fd = reader();
	for (int i = 0; i < 200; i++) {
		assert_true(more_of(0, 200 * KIB));
		assert_true(web_chunk(&w, fd, &chunk));
		total += chunk.len;
	}
	assert_int_equal(total, 200 * 200 * KIB);
	close(fd);
}

/* A long beginning (events that were missed) is not held against the reader. */
static void
a_long_beginning_may_take_its_time(void **state)
{
	int fd;

	(void)state;
	web_open(&w, (struct sk_http_server_config){ 0 });
	w.first = 8 * 1024 * KIB;
	fd = web_connect(&w);
	web_says(&w, fd, GET("/stream"));
	web_run(&w, 20);
	for (int i = 0; i < 10; i++) {
		assert_true(more_of(0, KIB));
		sk_host_once(w.host, 0);
	}
	close(fd);
	web_run(&w, 20);
	assert_int_equal(w.forgotten, 1);
}

static void
a_reader_that_takes_nothing_for_long_is_forgotten(void **state)
{
	int idle, stalled;

	(void)state;
	open_tcp((struct sk_http_server_config){ .write_ms = 200, .idle_ms = 50, .header_ms = 50 });
	idle = reader();
	w.first = 16 * 1024 * KIB; /* more than any socket holds */
	stalled = web_connect(&w);
	web_says(&w, stalled, GET("/stream"));
	web_run(&w, 100);
	assert_int_equal(sk_http_server_stats(w.server).connections, 2);
	web_run(&w, 300);
	assert_int_equal(w.forgotten, 1);
	assert_int_equal(sk_http_server_stats(w.server).connections, 1);
	web_silent(&w, idle); /* nothing to read is no reason */
	close(idle);
	close(stalled);
}

/* ---- how many ---- */

static void
a_thousand_readers_cost_little(void **state)
{
	static int fds[READERS];
	size_t before, each;

	(void)state;
	web_allow_descriptors(4096);
	open_tcp((struct sk_http_server_config){ 0 });
	before = web_in_use();
	for (int i = 0; i < READERS; i++)
		fds[i] = reader();
	assert_int_equal(sk_http_server_stats(w.server).streams, READERS);
	each = (web_in_use() - before) / READERS;
	print_message("# a reader: %zu bytes\n", each);
	assert_true(each < 8 * KIB);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < READERS; i++)
			assert_true(more(i, "event: x\ndata: {}\n\n"));
		for (int i = 0; i < READERS; i++)
			assert_true(web_chunk(&w, fds[i], &chunk));
	}
	assert_true((web_in_use() - before) / READERS < 8 * KIB); /* nothing is kept of what was sent */
	for (int i = 0; i < READERS; i++)
		close(fds[i]);
	for (int i = 0; i < 1000 && sk_http_server_stats(w.server).connections > 0; i++)
		web_run(&w, 10);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
	assert_int_equal(sk_http_server_stats(w.server).streams, 0);
	assert_int_equal(w.forgotten, READERS);
}

static void
streams_leave_room_for_questions(void **state)
{
	int fds[7], fd;
	struct reply r;

	(void)state;
	open_tcp((struct sk_http_server_config){ .max_connections = 8 });
	for (int i = 0; i < 7; i++)
		fds[i] = reader();
	fd = web_connect(&w);
	web_says(&w, fd, GET("/stream"));
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.status, 503);
	assert_non_null(strstr(r.body.p, "too many streams"));
	reply_release(&r);
	web_ends(&w, fd);
	close(fd);
	assert_int_equal(w.forgotten, 1);
	web_run(&w, 20);
	fd = web_connect(&w);
	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
	for (int i = 0; i < 7; i++)
		close(fds[i]);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(it_comes_in_chunks_and_ends),
		T(all_of_a_round_is_one_write),
		T(http_1_0_reads_until_the_end),
		T(head_is_answered_without_a_stream),
		T(nothing_follows_a_stream),
		T(a_reader_that_goes_away_is_forgotten),
		T(draining_ends_streams),
		T(closing_the_server_ends_streams),
		T(a_reader_that_does_not_read_is_cut_off),
		T(a_reader_that_reads_gets_all),
		T(a_long_beginning_may_take_its_time),
		T(a_reader_that_takes_nothing_for_long_is_forgotten),
		T(a_thousand_readers_cost_little),
		T(streams_leave_room_for_questions),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
