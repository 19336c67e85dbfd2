/* http_server_test.c - what the server makes of requests and answers: raw clients on a socket. */
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

/* One request on a connection of its own. */
static void
ask(const char *text, struct reply *r)
{
	int fd = web_connect(&w);

	web_says(&w, fd, text);
	web_reply(&w, fd, r, strncmp(text, "HEAD ", 5) == 0);
	close(fd);
}

/* ---- a request and its answer ---- */

static void
a_request_arrives_as_it_was(void **state)
{
	struct reply r;
	char expect[200], buf[64];

	(void)state;
	ask("POST /echo/a%20b?x=%C3%A4&y=? HTTP/1.1\r\n" H "Content-Type: application/json; a=b\r\n"
		"Idempotency-Key: k 1\r\nContent-Length: 5\r\n\r\nhello",
		&r);
	assert_int_equal(r.status, 200);
	snprintf(expect, sizeof(expect),
		"POST /echo/a%%20b|x=%%C3%%A4&y=?|application/json; a=b|k 1|5|%016" PRIx64 "\n",
		web_hash("hello", 5));
	assert_string_equal(r.body.p, expect);
	assert_true(strncmp(r.head.p, "HTTP/1.1 200 OK\r\n", 17) == 0);
	assert_string_equal(reply_header(&r, "Content-Type", buf, sizeof(buf)), "text/plain");
	assert_string_equal(reply_header(&r, "X-One", buf, sizeof(buf)), "1");
	assert_string_equal(reply_header(&r, "X-Two", buf, sizeof(buf)), "2");
	assert_int_equal(strlen(reply_header(&r, "Date", buf, sizeof(buf))),
		strlen("Thu, 26 Nov 2026 02:46:07 GMT"));
	assert_string_equal(reply_header(&r, "Connection", buf, sizeof(buf)), "");
	reply_release(&r);
	ask("DELETE /echo HTTP/1.1\r\n" H "\r\n", &r);
	assert_non_null(strstr(r.body.p, "DELETE /echo||||0|"));
	reply_release(&r);
	assert_int_equal(w.calls, 2);
}

static void
head_is_get_without_the_body(void **state)
{
	int fd = web_connect(&w);
	struct reply r;
	char buf[64];

	(void)state;
	web_says(&w, fd, "HEAD /size/1234 HTTP/1.1\r\n" H "\r\n");
	web_reply(&w, fd, &r, true);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_header(&r, "Content-Length", buf, sizeof(buf)), "1234");
	reply_release(&r);
	web_answers(&w, fd, GET("/echo"), 200); /* nothing of a body stands between */
	web_answers(&w, fd, "HEAD /nothing HTTP/1.1\r\n" H "\r\n", 404);
	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
}

static void
some_answers_have_no_body(void **state)
{
	static const int codes[] = { 204, 304 };
	int fd = web_connect(&w);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct reply r;
		char text[100], buf[64];

		snprintf(text, sizeof(text), "GET /code/%d HTTP/1.1\r\n" H "\r\n", codes[i]);
		web_says(&w, fd, text);
		web_reply(&w, fd, &r, false);
		assert_int_equal(r.status, codes[i]);
		assert_string_equal(reply_header(&r, "Content-Length", buf, sizeof(buf)), "");
		assert_string_equal(reply_header(&r, "Content-Type", buf, sizeof(buf)), "");
		reply_release(&r);
		web_answers(&w, fd, GET("/echo"), 200);
	}
	close(fd);
}

static void
each_status_has_its_phrase(void **state)
{
	static const struct {
		int status;
		const char *line;
	} cases[] = { { 201, "HTTP/1.1 201 Created\r\n" },
		{ 422, "HTTP/1.1 422 Unprocessable Content\r\n" },
		{ 507, "HTTP/1.1 507 Insufficient Storage\r\n" },
		{ 599, "HTTP/1.1 599 Server Error\r\n" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;
		char text[100];

		snprintf(text, sizeof(text), "GET /code/%d HTTP/1.1\r\n" H "\r\n", cases[i].status);
		ask(text, &r);
		assert_true(strncmp(r.head.p, cases[i].line, strlen(cases[i].line)) == 0);
		assert_string_equal(r.body.p, "some text");
		reply_release(&r);
	}
}

static void
options_are_answered_without_asking(void **state)
{
	int fd = web_connect(&w);
	struct reply r;
	char buf[100];

	(void)state;
	for (int i = 0; i < 2; i++) {
		web_says(&w, fd,
			i == 0 ? "OPTIONS * HTTP/1.1\r\n" H "\r\n" : "OPTIONS /echo HTTP/1.1\r\n" H "\r\n");
		web_reply(&w, fd, &r, false);
		assert_int_equal(r.status, 204);
		assert_non_null(strstr(reply_header(&r, "Allow", buf, sizeof(buf)), "PATCH"));
		reply_release(&r);
	}
	assert_int_equal(w.calls, 0);
	close(fd);
}

static void
headers_that_would_end_early_do_not_go_out(void **state)
{
	struct reply r;
	char buf[64];

	(void)state;
	ask(GET("/bad"), &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_header(&r, "X-Evil", buf, sizeof(buf)), "");
	assert_string_equal(reply_header(&r, "X-Good", buf, sizeof(buf)), "g");
	reply_release(&r);
}

/* ---- connections ---- */

static void
a_connection_is_used_again(void **state)
{
	int fd = web_connect(&w);

	(void)state;
	for (int i = 0; i < 500; i++)
		web_answers(&w, fd,
			i % 2 == 0 ? GET("/echo") : "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc",
			200);
	assert_int_equal(sk_http_server_stats(w.server).accepted, 1);
	assert_int_equal(sk_http_server_stats(w.server).requests, 500);
	assert_int_equal(sk_http_server_stats(w.server).connections, 1);
	close(fd);
	web_run(&w, 20);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

static void
who_asks_for_the_end_gets_it_after_the_answer(void **state)
{
	static const char *const requests[] = { "GET /size/300000 HTTP/1.1\r\n" H
											"Connection: close\r\n\r\n",
		"GET /size/300000 HTTP/1.1\r\n" H "Connection: x, Close\r\n\r\n",
		"GET /size/300000 HTTP/1.0\r\n\r\n",
		"GET /size/300000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = web_connect(&w);
		struct reply r;
		char buf[64];

		web_says(&w, fd, requests[i]);
		web_reply(&w, fd, &r, false);
		assert_int_equal(r.body.len, 300000);
		assert_string_equal(reply_header(&r, "Connection", buf, sizeof(buf)), "close");
		web_ends(&w, fd);
		reply_release(&r);
		close(fd);
	}
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
	enum { N = 300 };
	int fd = web_connect(&w);
	struct sk_str all = SK_STR_INIT;

	(void)state;
	for (int i = 0; i < N; i++)
		sk_str_addf(&all, "POST /echo/%d HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n%0*d", i, i + 1,
			i + 1, 0);
	assert_true(web_send(&w, fd, all.p, all.len));
	for (int i = 0; i < N; i++) {
		struct reply r;
		char expect[64];

		web_reply(&w, fd, &r, false);
		snprintf(expect, sizeof(expect), "POST /echo/%d||||%d|", i, i + 1);
		assert_true(strncmp(r.body.p, expect, strlen(expect)) == 0);
		reply_release(&r);
	}
	web_silent(&w, fd);
	sk_str_release(&all);
	close(fd);
}

static void
the_next_request_waits_for_the_answer(void **state)
{
	int fd = web_connect(&w);
	struct reply r;

	(void)state;
	web_says(&w, fd, GET("/later/1") GET("/later/2") GET("/echo"));
	web_silent(&w, fd);
	assert_int_equal(w.calls, 1);
	web_answer(&w, "one");
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "one");
	reply_release(&r);
	web_silent(&w, fd);
	assert_int_equal(w.calls, 2);
	web_answer(&w, "two");
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "two");
	reply_release(&r);
	web_reply(&w, fd, &r, false);
	assert_non_null(strstr(r.body.p, "GET /echo"));
	reply_release(&r);
	close(fd);
}

/* What is sent meanwhile stays in the kernel, which takes some hundred kilobytes of it. */
static void
a_flood_behind_a_request_is_not_read(void **state)
{
	enum { MEGA = 1 << 20 };
	static char block[MEGA];
	int fd = web_connect(&w);
	size_t taken = 0;
	ssize_t n;

	(void)state;
	web_says(&w, fd, GET("/later"));
	web_run(&w, 10);
	memset(block, 'G', sizeof(block));
	for (int i = 0; i < 50; i++) {
		while (taken < 64u * MEGA && (n = send(fd, block, sizeof(block), MSG_NOSIGNAL)) > 0)
			taken += (size_t)n;
		sk_host_once(w.host, 1);
	}
	assert_true(taken < 4 * MEGA);
	web_answer(&w, "x");
	close(fd);
	fd = web_connect(&w);
	web_answers(&w, fd, GET("/echo"), 200); /* the server lives */
	close(fd);
}

static void
many_answers_are_awaited_at_once(void **state)
{
	enum { N = 300 };
	static int fds[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		fds[i] = web_connect(&w);
		web_says(&w, fds[i], GET("/later"));
	}
	while (w.n_later < N)
		web_run(&w, 1);
	for (int i = 0; i < N; i++)
		web_answer(&w, "yes");
	for (int i = 0; i < N; i++) {
		struct reply r;

		web_reply(&w, fds[i], &r, false);
		assert_string_equal(r.body.p, "yes");
		reply_release(&r);
		close(fds[i]);
	}
	assert_int_equal(w.forgotten, 0);
}

/* ---- clients that go ---- */

static void
a_client_that_is_gone_is_forgotten(void **state)
{
	int fd = web_connect(&w);

	(void)state;
	web_says(&w, fd, GET("/later"));
	web_run(&w, 10);
	assert_int_equal(w.n_later, 1);
	close(fd);
	web_run(&w, 20);
	assert_int_equal(w.forgotten, 1);
	assert_null(w.later[0]);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

static void
a_client_that_only_stops_sending_gets_its_answer(void **state)
{
	int fd = web_connect(&w);
	struct reply r;

	(void)state;
	web_says(&w, fd, GET("/later") GET("/echo"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	web_silent(&w, fd);
	assert_int_equal(w.forgotten, 0);
	web_answer(&w, "still");
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "still");
	reply_release(&r);
	web_reply(&w, fd, &r, false); /* the one behind it too */
	assert_int_equal(r.status, 200);
	reply_release(&r);
	web_ends(&w, fd);
	close(fd);
}

static void
a_client_that_goes_in_the_middle_is_let_go(void **state)
{
	static const char *const parts[] = { "", "GET / HT", "GET / HTTP/1.1\r\n" H,
		"POST /echo HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\nabc" };

	(void)state;
	for (int half = 0; half < 2; half++)
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			int fd = web_connect(&w);

			web_says(&w, fd, parts[i]);
			web_run(&w, 5);
			if (half == 0) {
				close(fd);
				continue;
			}
			assert_int_equal(shutdown(fd, SHUT_WR), 0);
			web_ends(&w, fd);
			close(fd);
		}
	web_run(&w, 20);
	assert_int_equal(w.calls, 0);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

static void
a_client_that_goes_while_it_is_answered_does_no_harm(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		int fd = web_connect(&w);

		web_says(&w, fd, GET("/size/5000000"));
		web_run(&w, i % 3);
		close(fd);
	}
	web_run(&w, 20);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_request_arrives_as_it_was),
		T(head_is_get_without_the_body),
		T(some_answers_have_no_body),
		T(each_status_has_its_phrase),
		T(options_are_answered_without_asking),
		T(headers_that_would_end_early_do_not_go_out),
		T(a_connection_is_used_again),
		T(who_asks_for_the_end_gets_it_after_the_answer),
		T(pipelined_requests_are_answered_in_order),
		T(the_next_request_waits_for_the_answer),
		T(a_flood_behind_a_request_is_not_read),
		T(many_answers_are_awaited_at_once),
		T(a_client_that_is_gone_is_forgotten),
		T(a_client_that_only_stops_sending_gets_its_answer),
		T(a_client_that_goes_in_the_middle_is_let_go),
		T(a_client_that_goes_while_it_is_answered_does_no_harm),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
