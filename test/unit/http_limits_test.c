/* http_limits_test.c - what the server refuses, how long it waits, how much it takes: raw clients
 * that mean no good. */
#include "core/base/clock.h"
#include "http_rig.h"
#include "proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define H "Host: x\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"
#define MANY 1000

static struct web w;

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
	proc_scratch_remove();
	return 0;
}

static void
open_plain(void)
{
	web_open(&w, (struct sk_http_server_config){ 0 });
}

static void
refuses(int status, const char *text)
{
	web_refuses(&w, status, text, strlen(text));
}

static void
still_serves(void)
{
	int fd = web_connect(&w);

	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
}

/* ---- what is refused ---- */

static void
requests_that_are_none_never_reach_the_operations(void **state)
{
	(void)state;
	open_plain();
	refuses(400,
		"POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
		"\r\n0\r\n\r\nGET /echo HTTP/1.1\r\n" H "\r\n");
	refuses(
		400, "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!");
	refuses(400,
		"POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"
		"\r\n0\r\n\r\n");
	refuses(501, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n");
	refuses(400, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n");
	refuses(400,
		"POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\n\r\n");
	refuses(400, "GET /echo HTTP/1.1\r\n\r\n");
	refuses(400, "GET /echo HTTP/1.1\nHost: x\n\n");
	refuses(400, "GET http://x/echo HTTP/1.1\r\n" H "\r\n");
	refuses(400, "GET //echo HTTP/1.1\r\n" H "\r\n");
	refuses(400, "GET /echo%zz HTTP/1.1\r\n" H "\r\n");
	refuses(400, "HEAD /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
	refuses(417, "POST /echo HTTP/1.1\r\n" H "Expect: 200\r\n\r\n");
	refuses(501, "TRACE /echo HTTP/1.1\r\n" H "\r\n");
	refuses(501, "CONNECT x:80 HTTP/1.1\r\n" H "\r\n");
	refuses(501, "NONSENSE /echo HTTP/1.1\r\n" H "\r\n");
	refuses(505, "GET /echo HTTP/2.0\r\n" H "\r\n");
	assert_int_equal(w.calls, 0);
	assert_int_equal(sk_http_server_stats(w.server).refused, 17);
	still_serves();
}

/* What came before is answered, what comes after a refusal is not looked at. */
static void
a_bad_request_in_a_row_ends_the_row(void **state)
{
	int fd;
	struct reply r;

	(void)state;
	open_plain();
	fd = web_connect(&w);
	web_says(&w, fd, GET("/echo") "GET /echo HTTP/1.1\r\n\r\n" GET("/echo"));
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.status, 200);
	reply_release(&r);
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.status, 400);
	reply_release(&r);
	web_ends(&w, fd);
	assert_int_equal(w.calls, 1);
	close(fd);
}

static void
heads_beyond_the_limit_are_refused(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	open_plain();
	sk_str_adds(&s, "GET /echo HTTP/1.1\r\n" H);
	for (int i = 0; i < 500; i++)
		sk_str_addf(&s, "X-%d: y\r\n", i);
	sk_str_adds(&s, "\r\n");
	web_refuses(&w, 431, s.p, s.len);
	sk_str_clear(&s);
	sk_str_adds(&s, "GET /echo HTTP/1.1\r\n" H "X: ");
	for (int i = 0; i < 1000000; i++)
		sk_str_addc(&s, 'x');
	web_refuses(&w, 431, s.p, s.len);
	web_refuses(&w, 414, s.p + s.len - 100000, 100000);
	assert_int_equal(w.calls, 0);
	sk_str_release(&s);
	still_serves();
}

/* The client sends all of it before it looks: it must not find its connection reset. */
static void
bodies_beyond_the_limit_are_refused_so_that_it_can_be_read(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	open_plain();
	sk_str_addf(&s, "POST /echo HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n", SK_API_MAX_BODY + 1);
	for (size_t i = 0; i <= SK_API_MAX_BODY; i++)
		sk_str_addc(&s, 'x');
	web_refuses(&w, 413, s.p, s.len);
	sk_str_clear(&s);
	sk_str_adds(&s, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 6; i++) {
		sk_str_adds(&s, "100000\r\n");
		for (int k = 0; k < 0x100000; k++)
			sk_str_addc(&s, 'x');
		sk_str_adds(&s, "\r\n");
	}
	web_refuses(&w, 413, s.p, s.len);
	sk_str_clear(&s);
	sk_str_adds(&s, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 200000; i++)
		sk_str_adds(&s, "1\r\nx\r\n");
	web_refuses(&w, 413, s.p, s.len);
	refuses(413, "POST /echo HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n");
	assert_int_equal(w.calls, 0);
	sk_str_release(&s);
	still_serves();
}

static void
garbage_does_no_harm(void **state)
{
	static const char *const words[] = { "GET ", "POST ", "/echo", " HTTP/1.1", "\r\n",
		"Host: x\r\n", "Content-Length: ", "5", "\r\n\r\n", "hello",
		"Transfer-Encoding: chunked\r\n", "\n", " ", "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n",
		"0\r\n\r\n" };

	(void)state;
	open_plain();
	srand(13);
	for (int i = 0; i < 1500; i++) {
		int fd = web_connect(&w);
		char raw[200];

		if (i % 3 == 0) {
			for (size_t k = 0; k < sizeof(raw); k++)
				raw[k] = (char)rand();
			web_send(&w, fd, raw, sizeof(raw));
		} else {
			for (int k = rand() % 12; k >= 0; k--) {
				const char *word = words[(size_t)rand() % (sizeof(words) / sizeof(words[0]))];

				if (!web_send(&w, fd, word, strlen(word)))
					break;
			}
		}
		sk_host_once(w.host, 0);
		close(fd);
	}
	assert_true(w.calls > 50);
	assert_true(sk_http_server_stats(w.server).refused > 500);
	still_serves();
}

/* ---- deadlines ---- */

static void
open_hasty(void)
{
	web_open(&w,
		(struct sk_http_server_config){
			.header_ms = 150, .body_ms = 300, .idle_ms = 400, .write_ms = 200 });
}

/* Sends a byte every few milliseconds until the server has had enough; how long that took. */
static int64_t
trickle(const char *first, int *fd)
{
	const int64_t began = sk_boot_ms();
	char c;

	*fd = web_connect(&w);
	web_says(&w, *fd, first);
	while (recv(*fd, &c, 1, MSG_PEEK) == -1) {
		assert_true(sk_boot_ms() - began < 20000);
		send(*fd, "x", 1, MSG_NOSIGNAL);
		web_run(&w, 5);
	}
	return sk_boot_ms() - began;
}

static void
the_deadline_of_a_request_is_absolute(void **state)
{
	static const struct {
		const char *first;
		int64_t ms;
	} cases[] = {
		{ "G", 150 },
		{ "GET /echo HTTP/1.1\r\nX: ", 150 },
		{ "POST /echo HTTP/1.1\r\n" H "Content-Length: 1000000\r\n\r\n", 300 },
	};

	(void)state;
	open_hasty();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;
		int fd;
		int64_t took = trickle(cases[i].first, &fd);

		assert_in_range(took, cases[i].ms - 10, cases[i].ms + 3000);
		web_reply(&w, fd, &r, false);
		assert_int_equal(r.status, 408);
		reply_release(&r);
		web_ends(&w, fd);
		close(fd);
	}
	assert_int_equal(w.calls, 0);
}

static void
an_idle_connection_ends_without_a_word(void **state)
{
	int64_t began;
	int used, unused;

	(void)state;
	open_hasty();
	began = sk_boot_ms();
	unused = web_connect(&w);
	web_ends(&w, unused);
	assert_in_range(sk_boot_ms() - began, 390, 5000);
	used = web_connect(&w);
	web_answers(&w, used, GET("/echo"), 200);
	began = sk_boot_ms();
	web_run(&w, 200); /* longer than a header may take */
	web_answers(&w, used, GET("/echo"), 200); /* it counts anew */
	web_ends(&w, used);
	assert_in_range(sk_boot_ms() - began, 590, 5000);
	close(used);
	close(unused);
}

static void
an_answer_may_take_its_time_but_must_be_read(void **state)
{
	int fd;
	struct reply r;

	(void)state;
	open_hasty();
	fd = web_connect(&w);
	web_says(&w, fd, GET("/later"));
	web_run(&w, 600);
	assert_int_equal(w.forgotten, 0);
	web_answer(&w, "late");
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "late");
	reply_release(&r);
	web_says(&w, fd, GET("/size/20000000"));
	web_run(&w, 100);
	assert_int_equal(sk_http_server_stats(w.server).connections, 1);
	web_run(&w, 400);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
	close(fd);
}

/* ---- how many ---- */

static void
a_thousand_connections_are_served(void **state)
{
	static int fds[MANY];

	(void)state;
	web_allow_descriptors(4096);
	web_open(&w, (struct sk_http_server_config){ .max_connections = MANY });
	for (int i = 0; i < MANY; i++)
		fds[i] = web_connect(&w);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++)
			web_says(&w, fds[i], GET("/echo"));
		for (int i = 0; i < MANY; i++) {
			struct reply r;

			web_reply(&w, fds[i], &r, false);
			assert_int_equal(r.status, 200);
			reply_release(&r);
		}
	}
	assert_int_equal(sk_http_server_stats(w.server).connections, MANY);
	assert_int_equal(w.calls, 3 * MANY);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	web_run(&w, 50);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

static void
the_longest_idle_makes_room(void **state)
{
	int fds[5];

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .max_connections = 4 });
	for (int i = 0; i < 4; i++) {
		fds[i] = web_connect(&w);
		web_answers(&w, fds[i], GET("/echo"), 200);
	}
	web_answers(&w, fds[0], GET("/echo"), 200); /* now the second is */
	fds[4] = web_connect(&w);
	web_answers(&w, fds[4], GET("/echo"), 200);
	web_ends(&w, fds[1]);
	web_answers(&w, fds[0], GET("/echo"), 200);
	web_answers(&w, fds[2], GET("/echo"), 200);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}

static void
when_all_are_busy_a_new_one_is_told(void **state)
{
	int fds[4];
	struct reply r;

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .max_connections = 4 });
	for (int i = 0; i < 4; i++) {
		fds[i] = web_connect(&w);
		web_says(&w, fds[i], GET("/later"));
	}
	web_run(&w, 20);
	assert_int_equal(w.n_later, 4);
	for (int i = 0; i < 10; i++)
		refuses(503, GET("/echo"));
	assert_int_equal(w.calls, 4);
	web_answer(&w, "done");
	web_reply(&w, fds[0], &r, false);
	reply_release(&r);
	still_serves();
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	web_run(&w, 20);
	assert_int_equal(w.forgotten, 3);
}

/* Thousands that wait to be accepted: no more than the limit and some are taken at a time. */
static void
a_storm_of_connections_is_taken_in_parts(void **state)
{
	enum { STORM = 1000 };
	static int fds[STORM];

	(void)state;
	web_allow_descriptors(4096);
	web_open(&w, (struct sk_http_server_config){ .max_connections = 10 });
	for (int i = 0; i < 10; i++)
		web_says(&w, fds[i] = web_connect(&w), GET("/later"));
	web_run(&w, 20);
	for (int i = 10; i < STORM; i++)
		fds[i] = web_connect(&w);
	for (int i = 0; i < 20; i++) {
		sk_host_once(w.host, 1);
		assert_in_range(sk_http_server_stats(w.server).connections, 10, 10 + 64);
	}
	for (int i = 10; i < STORM; i++)
		close(fds[i]);
	web_run(&w, 100);
	for (int i = 0; i < 10; i++)
		close(fds[i]);
	web_run(&w, 200);
	assert_int_equal(w.forgotten, 10);
	still_serves();
}

/* In a child: no descriptor is left for a while. */
static int
run_out_of_descriptors(void *arg)
{
	struct rlimit r = { 64, 64 };
	int clients[8], eaten[64], n_eaten = 0, served = 0, rounds = 0;
	struct reply reply;
	int64_t end;

	(void)arg;
	/* connect first: the server has not accepted them when the descriptors end */
	open_plain();
	for (int i = 0; i < 8; i++)
		clients[i] = web_connect(&w);
	proc_must(setrlimit(RLIMIT_NOFILE, &r) == 0);
	while (n_eaten < 64 && (eaten[n_eaten] = open("/dev/null", O_RDONLY)) != -1)
		n_eaten++;
	proc_must(errno == EMFILE);
	for (end = sk_boot_ms() + 300; sk_boot_ms() < end; rounds++)
		sk_host_once(w.host, 50);
	proc_must(sk_http_server_stats(w.server).accepted == 0);
	proc_must(rounds < 50); /* it does not spin */
	while (n_eaten > 0)
		close(eaten[--n_eaten]);
	for (int i = 0; i < 8; i++) {
		web_says(&w, clients[i], GET("/echo"));
		web_reply(&w, clients[i], &reply, false);
		served += reply.status == 200;
		reply_release(&reply);
	}
	proc_must(served == 8);
	web_close(&w);
	return 0;
}

static void
without_descriptors_accepting_pauses(void **state)
{
	(void)state;
	assert_int_equal(proc_wait(proc_fork(run_out_of_descriptors, NULL)), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(requests_that_are_none_never_reach_the_operations),
		T(a_bad_request_in_a_row_ends_the_row),
		T(heads_beyond_the_limit_are_refused),
		T(bodies_beyond_the_limit_are_refused_so_that_it_can_be_read),
		T(garbage_does_no_harm),
		T(the_deadline_of_a_request_is_absolute),
		T(an_idle_connection_ends_without_a_word),
		T(an_answer_may_take_its_time_but_must_be_read),
		T(a_thousand_connections_are_served),
		T(the_longest_idle_makes_room),
		T(when_all_are_busy_a_new_one_is_told),
		T(a_storm_of_connections_is_taken_in_parts),
		T(without_descriptors_accepting_pauses),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
