/* http_bodies_test.c - large and small, whole and in pieces, to the server and back. */
#include "core/base/mem.h"
#include "http_rig.h"
#include "proc_rig.h"

#include <errno.h>
#include <inttypes.h>
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

static struct web w;

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	web_open(&w, (struct sk_http_server_config){ 0 });
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	web_close(&w);
	proc_scratch_remove();
	return 0;
}

static void
large_answers_arrive_whole(void **state)
{
	enum { SIZE = 8000000 };
	int fd = web_connect(&w);
	struct reply r;

	(void)state;
	for (int round = 0; round < 2; round++) {
		web_says(&w, fd, GET("/size/8000000"));
		web_reply(&w, fd, &r, false);
		assert_int_equal(r.body.len, SIZE);
		for (size_t i = 0; i < SIZE; i += 997)
			assert_int_equal(r.body.p[i], 'a' + i % 26);
		reply_release(&r);
	}
	close(fd);
}

static char *
some_bytes(size_t n)
{
	char *p = sk_xmalloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 31 + i / 1000);
	return p;
}

static void
expect_hash(int fd, const char *p, size_t n)
{
	struct reply r;
	char expect[64];

	web_reply(&w, fd, &r, false);
	snprintf(expect, sizeof(expect), "|%zu|%016" PRIx64 "\n", n, web_hash(p, n));
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body.p, expect));
	reply_release(&r);
}

static void
the_largest_body_arrives_whole(void **state)
{
	const size_t n = SK_API_MAX_BODY;
	char *body = some_bytes(n), head[128];
	int fd = web_connect(&w);

	(void)state;
	snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n", n);
	for (int round = 0; round < 2; round++) {
		web_says(&w, fd, head);
		assert_true(web_send(&w, fd, body, n));
		expect_hash(fd, body, n);
	}
	free(body);
	close(fd);
}

static void
chunks_are_put_together(void **state)
{
	const size_t n = 1000000;
	char *body = some_bytes(n);
	int fd = web_connect(&w);

	(void)state;
	srand(7);
	for (int round = 0; round < 3; round++) {
		web_says(&w, fd, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
		for (size_t at = 0; at < n;) {
			size_t len = (size_t)rand() % 9000 + 1;
			char size[32];

			len = len < n - at ? len : n - at;
			snprintf(size, sizeof(size), "%zx\r\n", len);
			web_says(&w, fd, size);
			assert_true(web_send(&w, fd, body + at, len));
			web_says(&w, fd, "\r\n");
			at += len;
		}
		web_says(&w, fd, "0\r\n\r\n");
		expect_hash(fd, body, n);
	}
	free(body);
	close(fd);
}

static void
requests_may_come_in_any_pieces(void **state)
{
	int fd = web_connect(&w);
	struct sk_str all = SK_STR_INIT;

	(void)state;
	srand(9);
	for (int round = 0; round < 100; round++) {
		char body[300];
		int n = rand() % 300;

		memset(body, 'b', sizeof(body));
		sk_str_clear(&all);
		sk_str_addf(&all, "POST /echo HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n%.*s", n, n, body);
		for (size_t at = 0; at < all.len;) {
			size_t len = (size_t)rand() % 40 + 1;

			len = len < all.len - at ? len : all.len - at;
			assert_true(web_send(&w, fd, all.p + at, len));
			sk_host_once(w.host, 0);
			at += len;
		}
		expect_hash(fd, body, (size_t)n);
	}
	sk_str_release(&all);
	close(fd);
}

static void
who_asks_for_leave_gets_it(void **state)
{
	int fd = web_connect(&w);
	struct reply r;

	(void)state;
	web_says(
		&w, fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.status, 100);
	assert_string_equal(r.head.p, "HTTP/1.1 100 Continue\r\n\r\n");
	reply_release(&r);
	web_silent(&w, fd); /* once */
	web_says(&w, fd, "hello");
	expect_hash(fd, "hello", 5);
	/* nobody is told who has sent already */
	web_says(&w, fd,
		"POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
	expect_hash(fd, "hello", 5);
	close(fd);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(large_answers_arrive_whole),
		T(the_largest_body_arrives_whole),
		T(chunks_are_put_together),
		T(requests_may_come_in_any_pieces),
		T(who_asks_for_leave_gets_it),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
