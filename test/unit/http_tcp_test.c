/* http_tcp_test.c - the server at TCP addresses, and who may ask it what. */
#include "adapters/http/sockaddr.h"
#include "http_rig.h"
#include "proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
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
refuses(int status, const char *text)
{
	web_refuses(&w, status, text, strlen(text));
}

/* ---- addresses ---- */

static void
addresses_are_read(void **state)
{
	static const struct {
		const char *text;
		int family;
		bool loopback;
	} good[] = {
		{ "127.0.0.1:8000", AF_INET, true },
		{ "127.9.9.9:0", AF_INET, true },
		{ "10.0.0.1:65535", AF_INET, false },
		{ "[::1]:8000", AF_INET6, true },
		{ "[::ffff:127.0.0.1]:80", AF_INET6, true },
		{ "[::ffff:10.0.0.1]:80", AF_INET6, false },
		{ "[2001:db8::1]:80", AF_INET6, false },
		{ "localhost:8000", AF_INET, true },
		{ "*:8000", AF_INET6, false },
		{ ":8000", AF_INET6, false },
		{ "0.0.0.0:1", AF_INET, false },
		{ "[::]:1", AF_INET6, false },
	};
	static const char *const bad[] = { "", "8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
		"127.0.0.1:80x", "127.0.0.1:-1", "::1:8000", "[::1]8000", "[::1]", "[]:80", "[::1:80",
		"127.0.0.1:000080", "http://127.0.0.1:80" };
	struct sk_tcpaddr a;
	struct sk_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (sk_tcpaddr(good[i].text, &a, &err) != SK_OK)
			fail_msg("%s: %s", good[i].text, err.msg);
		assert_int_equal(a.ss.ss_family, good[i].family);
		assert_int_equal(sk_tcpaddr_is_loopback(&a), good[i].loopback);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sk_tcpaddr(bad[i], &a, &err) == SK_OK)
			fail_msg("%s is taken for an address", bad[i]);
		assert_int_equal(err.code, SK_EINVAL);
	}
	assert_int_equal(sk_tcpaddr("no.such.name.invalid:80", &a, &err), SK_ENOENT);
}

static void
it_serves_at_a_port_that_was_free(void **state)
{
	int fd, on = 0;
	socklen_t len = sizeof(on);

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .address = "127.0.0.1:0" });
	assert_in_range(w.port, 1, 65535);
	fd = web_connect(&w);
	web_answers(&w, fd, GET("/echo"), 200);
	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
	assert_int_equal(getsockopt(fd = web_connect(&w), IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	close(fd);
}

/* "*" is every address, of both kinds. */
static void
every_address_is_both_kinds(void **state)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int fd;

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .address = "*:0" });
	fd = web_connect(&w); /* of IPv4 */
	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return; /* a kernel without IPv6 */
	in6.sin6_port = htons((uint16_t)w.port);
	if (connect(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0) {
		assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
		web_answers(&w, fd, GET("/echo"), 200);
	} else {
		assert_int_equal(errno, EADDRNOTAVAIL); /* IPv6 is switched off */
	}
	close(fd);
}

static void
a_port_that_is_taken_is_told(void **state)
{
	struct sk_http_server_config cfg = { .group = (gid_t)-1 };
	struct sk_err err;
	char address[32];

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .address = "127.0.0.1:0" });
	snprintf(address, sizeof(address), "127.0.0.1:%d", w.port);
	cfg.host = w.host;
	cfg.address = address;
	assert_null(sk_http_server_open(&cfg, &err));
	assert_int_equal(err.code, SK_ECONFLICT);
	assert_non_null(strstr(err.msg, address));
	cfg.address = "192.0.2.1:0";
	assert_null(sk_http_server_open(&cfg, &err));
	assert_int_equal(err.code, SK_EINVAL);
	assert_non_null(strstr(err.msg, "not an address of this machine"));
}

/* A server that was stopped with connections open starts again at once. */
static void
it_comes_back_at_its_port(void **state)
{
	char address[32];
	int fd, port;

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .address = "127.0.0.1:0" });
	port = w.port;
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	fd = web_connect(&w);
	web_answers(&w, fd, GET("/echo"), 200);
	web_close(&w);
	web_open(&w, (struct sk_http_server_config){ .address = address });
	assert_int_equal(w.port, port);
	close(fd);
	fd = web_connect(&w);
	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
}

/* One loop, a socket of the machine's own people and a port of everybody's. */
static void
a_socket_and_a_port_in_one_process(void **state)
{
	struct sk_http_server_config cfg = { .address = "127.0.0.1:0", .group = (gid_t)-1 };
	struct web tcp;
	struct sk_err err;
	int fd;

	(void)state;
	web_open(&w, (struct sk_http_server_config){ 0 });
	tcp = w;
	cfg.host = w.host;
	cfg.authorize = NULL;
	tcp.server = sk_http_server_open(&cfg, &err);
	assert_non_null(tcp.server);
	assert_int_not_equal(sk_http_server_port(tcp.server), 0);
	fd = web_connect(&w);
	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
	sk_http_server_close(tcp.server);
	fd = web_connect(&w);
	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
}

/* ---- who asks ---- */

static struct {
	size_t asked;
	char method[16], path[64], origin[64], host[64];
} seen;

/* "Bearer read" may look, "Bearer write" may change; "/open" is everybody's. */
static int
judge(void *arg, const struct sk_http_head *head, struct sk_http_who *who)
{
	assert_ptr_equal(arg, &w);
	seen.asked++;
	snprintf(seen.method, sizeof(seen.method), "%s", head->method);
	snprintf(seen.path, sizeof(seen.path), "%s", head->path);
	snprintf(seen.origin, sizeof(seen.origin), "%s", head->origin);
	snprintf(seen.host, sizeof(seen.host), "%s", head->host);
	assert_string_equal(head->peer, "");
	if (strcmp(head->path, "/open") == 0)
		return 0;
	if (strcmp(head->authorization, "Bearer read") == 0) {
		who->role = SK_ROLE_READ;
		who->name = "reader";
	} else if (strcmp(head->authorization, "Bearer write") == 0) {
		who->role = SK_ROLE_WRITE;
		who->name = "writer";
	} else {
		who->why = "this needs a token";
		return 401;
	}
	if (strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0)
		return 0;
	who->why = "this token may only look";
	return who->role < SK_ROLE_WRITE ? 403 : 0;
}

static void
open_guarded(void)
{
	memset(&seen, 0, sizeof(seen));
	web_open(&w, (struct sk_http_server_config){ .address = "127.0.0.1:0", .authorize = judge });
}

static void
whoever_asks_is_known_to_the_operations(void **state)
{
	struct reply r;
	int fd;

	(void)state;
	open_guarded();
	fd = web_connect(&w);
	web_says(&w, fd,
		"GET /who?x=1 HTTP/1.1\r\nHost: h:1\r\nOrigin:  http://o \r\n"
		"Authorization: Bearer read\r\n\r\n");
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "1|reader");
	reply_release(&r);
	assert_string_equal(seen.method, "GET");
	assert_string_equal(seen.path, "/who");
	assert_string_equal(seen.origin, "http://o");
	assert_string_equal(seen.host, "h:1");
	web_says(&w, fd,
		"POST /who HTTP/1.1\r\n" H "Authorization: Bearer write\r\nContent-Length: 2\r\n\r\n{}");
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "2|writer");
	reply_release(&r);
	web_says(&w, fd, "GET /open HTTP/1.1\r\n" H "\r\n"); /* nothing of the one before is left */
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.status, 404);
	reply_release(&r);
	assert_int_equal(seen.asked, 3);
	close(fd);
}

/* ... nothing of its body was taken, and 100 was not said. */
static void
strangers_are_refused_before_their_body(void **state)
{
	static const char *const requests[] = {
		"POST /who HTTP/1.1\r\n" H "Content-Length: 4000000\r\n\r\n",
		"POST /who HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
		"POST /who HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
		"POST /who HTTP/1.1\r\n" H "Authorization: Bearer Read\r\nContent-Length: 5\r\n\r\nhello",
		"OPTIONS /who HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n",
		GET("/who"),
	};

	(void)state;
	open_guarded();
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = web_connect(&w);
		struct reply r;
		char buf[64];

		web_says(&w, fd, requests[i]);
		web_reply(&w, fd, &r, false);
		assert_int_equal(r.status, 401);
		assert_string_equal(reply_header(&r, "WWW-Authenticate", buf, sizeof(buf)), "Bearer");
		assert_non_null(strstr(r.body.p, "\"code\":\"unauthorized\""));
		assert_non_null(strstr(r.body.p, "\"detail\":\"this needs a token\""));
		reply_release(&r);
		web_ends(&w, fd);
		close(fd);
	}
	assert_int_equal(seen.asked, sizeof(requests) / sizeof(requests[0]));
	assert_int_equal(w.calls, 0);
	refuses(
		403, "POST /who HTTP/1.1\r\n" H "Authorization: Bearer read\r\nContent-Length: 9\r\n\r\n");
	assert_int_equal(w.calls, 0);
}

static void
options_without_a_body_is_everybodys(void **state)
{
	int fd;

	(void)state;
	open_guarded();
	fd = web_connect(&w);
	web_answers(&w, fd, "OPTIONS /who HTTP/1.1\r\n" H "\r\n", 204);
	assert_int_equal(seen.asked, 0);
	close(fd);
}

/* A row of requests: each is judged for itself, and a refusal ends the row. */
static void
each_of_a_row_is_judged(void **state)
{
	struct reply r;
	int fd;

	(void)state;
	open_guarded();
	fd = web_connect(&w);
	web_says(&w, fd,
		"GET /who HTTP/1.1\r\n" H "Authorization: Bearer write\r\n\r\n" GET("/who") GET("/open"));
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "2|writer");
	reply_release(&r);
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.status, 401);
	reply_release(&r);
	web_ends(&w, fd);
	close(fd);
	assert_int_equal(w.calls, 1);
	refuses(400,
		"GET /who HTTP/1.1\r\n" H "Authorization: Bearer write\r\nAuthorization: Bearer read\r\n"
		"\r\n");
}

/* The head comes by the byte: it is judged once, when it is whole. */
static void
a_slow_head_is_judged_once(void **state)
{
	static const char text[] = "POST /who HTTP/1.1\r\n" H "Authorization: Bearer write\r\n"
							   "Content-Length: 5\r\n\r\nhello";
	struct reply r;
	int fd;

	(void)state;
	open_guarded();
	fd = web_connect(&w);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_true(web_send(&w, fd, text + i, 1));
		web_run(&w, 0);
	}
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "2|writer");
	reply_release(&r);
	assert_int_equal(seen.asked, 1);
	close(fd);
}

/* A head that is cut anywhere is never judged, and nobody is taken for somebody. */
static void
truncated_heads_are_nobodys(void **state)
{
	static const char text[] = "GET /who HTTP/1.1\r\n" H "Authorization: Bearer write\r\n\r\n";

	(void)state;
	open_guarded();
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		int fd = web_connect(&w);

		assert_true(web_send(&w, fd, text, n));
		sk_host_once(w.host, 1);
		if (n % 2 != 0) {
			assert_int_equal(shutdown(fd, SHUT_WR), 0);
			web_ends(&w, fd);
		}
		close(fd);
	}
	web_run(&w, 20);
	assert_int_equal(seen.asked, 0);
	assert_int_equal(w.calls, 0);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

static void
tls_on_the_plain_port_is_told(void **state)
{
	static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
	struct reply r;
	int fd;

	(void)state;
	open_guarded();
	fd = web_connect(&w);
	assert_true(web_send(&w, fd, hello, sizeof(hello) - 1));
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.status, 400);
	assert_non_null(strstr(r.body.p, "this port speaks HTTP, not HTTPS"));
	reply_release(&r);
	web_ends(&w, fd);
	close(fd);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		T(it_serves_at_a_port_that_was_free),
		T(every_address_is_both_kinds),
		T(a_port_that_is_taken_is_told),
		T(it_comes_back_at_its_port),
		T(a_socket_and_a_port_in_one_process),
		T(whoever_asks_is_known_to_the_operations),
		T(strangers_are_refused_before_their_body),
		T(options_without_a_body_is_everybodys),
		T(each_of_a_row_is_judged),
		T(a_slow_head_is_judged_once),
		T(truncated_heads_are_nobodys),
		T(tls_on_the_plain_port_is_told),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
