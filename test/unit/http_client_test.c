/* http_client_test.c - the client against the real server, and against others that behave badly;
 * each server is a process of its own. */
#include "adapters/http/client.h"
#include "core/base/clock.h"
#include "http_rig.h"
#include "proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static pid_t server; /* of the test; 0 = none */

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	server = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (server != 0)
		proc_end(server);
	proc_scratch_remove();
	return 0;
}

static void
wait_for_socket(const char *path)
{
	for (int i = 0; i < 1000 && !proc_exists(path); i++)
		usleep(5000);
	assert_true(proc_exists(path));
}

/* ---- servers ---- */

static int
serve(void *arg)
{
	static struct web w;

	web_open(&w, (struct sk_http_server_config){ .path = arg });
	for (;;)
		sk_host_once(w.host, 1000);
	return 0;
}

static const char *
start_real(void)
{
	const char *path = proc_path("web.sock");

	server = proc_fork(serve, (void *)(uintptr_t)path);
	wait_for_socket(path);
	return path;
}

/* A server of one connection after the other: what it does with each request is in `script`, one
 * letter a request:
 *	a  answers	c  closes without a word	h  answers a half of it and closes
 *	n  never answers	g  answers garbage	i  an interim answer, then the answer
 *	x  closes before it has read anything	k  answers, then closes the connection */
struct script {
	int listener;
	const char *script;
};

static bool
read_request(int fd)
{
	struct sk_str s = SK_STR_INIT;
	char buf[65536];
	const char *end = NULL, *length;
	size_t want = SIZE_MAX;

	while (s.len < want) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n <= 0)
			break;
		sk_str_add(&s, buf, (size_t)n);
		if (end == NULL && (end = strstr(s.p, "\r\n\r\n")) != NULL) {
			length = strstr(s.p, "Content-Length: ");
			want = (size_t)(end - s.p) + 4 + (length != NULL ? (size_t)atoll(length + 16) : 0);
		}
	}
	sk_str_release(&s);
	return s.len == 0 && want != SIZE_MAX;
}

static void
say(int fd, const char *text)
{
	proc_must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* True when the connection goes on. */
static bool
act(int fd, char what)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

	if (what == 'x' || !read_request(fd))
		return false;
	switch (what) {
	case 'a':
		say(fd, answer);
		return true;
	case 'i':
		say(fd, "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n");
		say(fd, answer);
		return true;
	case 'k':
		say(fd, answer);
		return false;
	case 'h':
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
		return false;
	case 'g':
		say(fd, "SSH-2.0-OpenSSH_9.2\r\n");
		return false;
	case 'n':
		pause();
		return false;
	}
	return false;
}

static int
play(void *arg)
{
	const struct script *s = arg;
	const char *p = s->script;

	signal(SIGPIPE, SIG_IGN);
	while (*p != '\0') {
		int fd = accept(s->listener, NULL, NULL);
		bool open = fd != -1;

		while (open && *p != '\0')
			open = act(fd, *p++);
		close(fd);
	}
	return 0;
}

static const char *
start_script(const char *script)
{
	const char *path = proc_path("script.sock");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct script s = { socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), script };

	strcpy(un.sun_path, path);
	assert_int_equal(bind(s.listener, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(s.listener, 10), 0);
	server = proc_fork(play, &s);
	close(s.listener);
	return path;
}

/* ---- clients ---- */

static struct sk_http_client *
client_of(const char *path, int64_t call_ms)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_http_client *c = sk_http_client_open(
		&(struct sk_http_client_config){ .socket = path, .connect_ms = 2000, .call_ms = call_ms },
		&err);

	if (c == NULL)
		print_message("# %s\n", err.msg);
	assert_non_null(c);
	return c;
}

/* A call that is answered. */
static void
calls(struct sk_http_client *c, const struct sk_http_call *call, struct sk_http_answer *a)
{
	struct sk_err err = { SK_OK, "" };
	bool sent = false;
	enum sk_code code = sk_http_call(c, call, a, &sent, &err);

	if (code != SK_OK)
		print_message("# %s\n", err.msg);
	assert_int_equal(code, SK_OK);
	assert_true(sent);
}

static void
answer_release(struct sk_http_answer *a)
{
	sk_str_release(&a->body);
	sk_str_release(&a->headers);
}

static void
is_answered(struct sk_http_client *c, const char *method, const char *body)
{
	struct sk_http_answer a;

	calls(c,
		&(struct sk_http_call){
			.method = method, .path = "/echo", .body = body, .len = strlen(body) },
		&a);
	assert_int_equal(a.status, 200);
	answer_release(&a);
}

/* A call that fails. */
static void
fails(struct sk_http_client *c, const struct sk_http_call *call, enum sk_code code, bool sent,
	const char *words)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_http_answer a;
	bool was_sent = !sent;
	enum sk_code got = sk_http_call(c, call, &a, &was_sent, &err);

	if (got != code || strstr(err.msg, words) == NULL || was_sent != sent)
		print_message("# %d %s (%s)\n", (int)got, err.msg, was_sent ? "sent" : "not sent");
	assert_int_equal(got, code);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.msg, words));
	assert_int_equal(was_sent, sent);
	answer_release(&a);
}

static const struct sk_http_call get = { .method = "GET", .path = "/echo" };
static const struct sk_http_call post = {
	.method = "POST", .path = "/echo", .body = "{}", .len = 2
};

/* ---- with the real server ---- */

static void
a_call_goes_there_and_back(void **state)
{
	struct sk_http_client *c = client_of(start_real(), 0);
	struct sk_str value = SK_STR_INIT;
	struct sk_http_answer a;
	char expect[200];

	(void)state;
	calls(c,
		&(struct sk_http_call){ .method = "POST",
			.path = "/echo/a%20b/../c?x=y&z=%C3%A4",
			.content_type = "application/x-ndjson",
			.idempotency_key = "key-1",
			.body = "a\0b",
			.len = 3 },
		&a);
	snprintf(expect, sizeof(expect),
		"POST /echo/a%%20b/../c|x=y&z=%%C3%%A4|application/x-ndjson|key-1|3|%016" PRIx64 "\n",
		web_hash("a\0b", 3));
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body.p, expect);
	assert_true(sk_http_header(&a, "x-TWO", &value));
	assert_string_equal(value.p, "2");
	assert_true(sk_http_header(&a, "Content-Type", &value));
	assert_string_equal(value.p, "text/plain");
	assert_false(sk_http_header(&a, "X-Tw", &value));
	assert_false(sk_http_header(&a, "X-Two2", &value));
	assert_non_null(strstr(a.headers.p, "X-One: 1\n"));
	answer_release(&a);
	sk_str_release(&value);
	sk_http_client_close(c);
}

static void
all_methods_go_with_and_without_a_body(void **state)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
	struct sk_http_client *c = client_of(start_real(), 0);
	struct sk_http_answer a;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(methods) / sizeof(methods[0]); i++) {
		char expect[100];
		bool body = i % 2 == 1;

		calls(c,
			&(struct sk_http_call){ .method = methods[i / 2],
				.path = "/echo",
				.body = body ? "{}" : NULL,
				.len = body ? 2 : 0 },
			&a);
		snprintf(expect, sizeof(expect), "%s /echo||%s||%d|", methods[i / 2],
			body ? "application/json" : "", body ? 2 : 0);
		assert_true(strncmp(a.body.p, expect, strlen(expect)) == 0);
		answer_release(&a);
	}
	calls(c, &(struct sk_http_call){ .method = "HEAD", .path = "/size/100" }, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, 0);
	answer_release(&a);
	calls(c, &(struct sk_http_call){ .method = "GET", .path = "/nothing" }, &a);
	assert_int_equal(a.status, 404);
	assert_string_equal(a.body.p, "nothing");
	answer_release(&a);
	calls(c, &(struct sk_http_call){ .method = "GET", .path = "/code/204" }, &a);
	assert_int_equal(a.status, 204);
	answer_release(&a);
	sk_http_client_close(c);
}

static void
large_bodies_go_both_ways(void **state)
{
	struct sk_http_client *c = client_of(start_real(), 0);
	const size_t n = SK_API_MAX_BODY;
	char *body = malloc(n + 1), expect[64];
	struct sk_http_answer a;

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i <= n; i++)
		body[i] = (char)(i * 7);
	calls(
		c, &(struct sk_http_call){ .method = "POST", .path = "/echo", .body = body, .len = n }, &a);
	snprintf(expect, sizeof(expect), "|%zu|%016" PRIx64 "\n", n, web_hash(body, n));
	assert_non_null(strstr(a.body.p, expect));
	answer_release(&a);
	calls(c, &(struct sk_http_call){ .method = "GET", .path = "/size/20000000" }, &a);
	assert_int_equal(a.body.len, 20000000);
	answer_release(&a);
	free(body);
	sk_http_client_close(c);
}

static void
a_path_may_be_long(void **state)
{
	struct sk_str dir = SK_STR_INIT;
	struct sk_http_client *c;

	(void)state;
	sk_str_adds(&dir, proc_path("d"));
	while (dir.len < 200) {
		assert_int_equal(mkdir(dir.p, 0700), 0);
		sk_str_adds(&dir, "/a-directory-with-a-long-name");
	}
	assert_int_equal(mkdir(dir.p, 0700), 0);
	sk_str_adds(&dir, "/skalds.sock");
	server = proc_fork(serve, dir.p);
	wait_for_socket(dir.p);
	c = client_of(dir.p, 0);
	for (int i = 0; i < 3; i++)
		is_answered(c, "POST", "{}");
	sk_http_client_close(c);
	sk_str_release(&dir);
}

/* ---- with bad ones ---- */

static void
nobody_listens(void **state)
{
	const char *path = proc_path("none.sock");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sk_http_client *c = client_of(path, 0);
	struct sk_err err = { SK_OK, "" };
	int fd;

	(void)state;
	fails(c, &post, SK_EUNAVAIL, false, "nobody listens at /");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); /* left by a dead one */
	strcpy(un.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
	fails(c, &post, SK_EUNAVAIL, false, "nobody listens at /");
	sk_http_client_close(c);
	/* a directory that is not there, of a path that needs it */
	c = sk_http_client_open(
		&(struct sk_http_client_config){
			.socket =
				"/nowhere/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/skalds.sock" },
		&err);
	assert_null(c);
	assert_int_equal(err.code, SK_EUNAVAIL);
	assert_non_null(strstr(err.msg, "no such directory"));
}

static int
call_as_nobody(void *arg)
{
	struct sk_http_client *c = client_of(arg, 0);
	struct sk_http_answer a;
	struct sk_err err = { SK_OK, "" };
	bool sent;

	proc_must(setgid(65534) == 0 && setuid(65534) == 0);
	proc_must(sk_http_call(c, &get, &a, &sent, &err) == SK_EUNAVAIL);
	proc_must(strstr(err.msg, "Permission denied") != NULL);
	sk_http_client_close(c);
	return 0;
}

static void
a_socket_of_somebody_else_is_denied(void **state)
{
	char path[256];

	(void)state;
	PROC_ROOT_ONLY();
	assert_int_equal(chmod(proc_path("."), 0755), 0);
	snprintf(path, sizeof(path), "%s", start_real());
	assert_int_equal(proc_wait(proc_fork(call_as_nobody, path)), 0);
}

static void
a_cut_connection_tells_whether_the_request_was_sent(void **state)
{
	struct sk_http_client *c = client_of(start_script("chhg"), 0);

	(void)state;
	fails(c, &post, SK_EUNAVAIL, true, "was cut after the request was sent");
	fails(c, &post, SK_EUNAVAIL, true, "was cut after");
	fails(c, &get, SK_EUNAVAIL, true, "was cut after");
	fails(c, &post, SK_EUNAVAIL, true, "script.sock does not answer in HTTP");
	sk_http_client_close(c);
}

/* The body does not fit into the socket: it cannot have been carried out. */
static void
a_connection_cut_while_sending_is_cut_before(void **state)
{
	static char body[4000000];
	const struct sk_http_call big = {
		.method = "POST", .path = "/echo", .body = body, .len = sizeof(body)
	};
	struct sk_http_client *c = client_of(start_script("xxxxxxxxxxxxxxxxxxxx"), 0);

	(void)state;
	fails(c, &big, SK_EUNAVAIL, false, "script.sock");
	sk_http_client_close(c);
}

/* A kept connection breaks under a request: nothing is sent a second time by itself, but a GET. */
static void
a_request_is_not_sent_twice(void **state)
{
	struct sk_http_client *c = client_of(start_script("acaaca"), 0);

	(void)state;
	is_answered(c, "POST", "{}");
	fails(c, &post, SK_EUNAVAIL, true, "was cut after"); /* the second time would be answered */
	is_answered(c, "POST", "{}");
	is_answered(c, "GET", "");
	is_answered(c, "GET", ""); /* cut, and sent again */
	sk_http_client_close(c);
	assert_int_equal(proc_wait(server), 0); /* it has played to the end */
	server = 0;
}

/* A connection that ended between two calls is no failure. */
static void
a_connection_that_ended_meanwhile_is_made_anew(void **state)
{
	struct sk_http_client *c = client_of(start_script("kkk"), 0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		is_answered(c, "POST", "{}");
		usleep(50000);
	}
	sk_http_client_close(c);
}

static void
an_interim_answer_is_passed_over(void **state)
{
	struct sk_http_client *c = client_of(start_script("i"), 0);
	struct sk_http_answer a;

	(void)state;
	calls(c, &post, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body.p, "hello");
	assert_string_equal(a.headers.p, "Content-Length: 5\n");
	answer_release(&a);
	sk_http_client_close(c);
}

static void
who_does_not_answer_is_given_up_in_time(void **state)
{
	struct sk_http_client *c = client_of(start_script("n"), 200);
	int64_t began = sk_boot_ms();
	struct sk_http_call longer = post;

	(void)state;
	fails(c, &post, SK_EAGAIN, true, "did not answer in time");
	assert_in_range(sk_boot_ms() - began, 190, 5000);
	began = sk_boot_ms();
	longer.call_ms = 400; /* accepted by nobody, but by the kernel */
	fails(c, &longer, SK_EAGAIN, true, "did not answer in time");
	assert_in_range(sk_boot_ms() - began, 390, 5000);
	sk_http_client_close(c);
}

/* Nobody accepts and the kernel's queue is full. */
static void
a_full_queue_is_waited_for_and_given_up(void **state)
{
	const char *path = proc_path("full.sock");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[16], n = 0;
	struct sk_http_client *c;
	struct sk_err err;
	int64_t began = sk_boot_ms();

	(void)state;
	strcpy(un.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 1), 0);
	for (; n < 16; n++) {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fds[n], (struct sockaddr *)&un, sizeof(un)) != 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	c = sk_http_client_open(
		&(struct sk_http_client_config){ .socket = path, .connect_ms = 200 }, &err);
	assert_non_null(c);
	fails(c, &post, SK_EAGAIN, false, "does not take connections");
	assert_in_range(sk_boot_ms() - began, 190, 5000);
	sk_http_client_close(c);
	for (; n >= 0; n--)
		close(fds[n]);
	close(fd);
}

/* ---- wrong input ---- */

static void
wrong_calls_are_refused_before_anything_is_sent(void **state)
{
	static const struct sk_http_call wrong[] = {
		{ .method = "GET", .path = "" },
		{ .method = "GET", .path = "echo" },
		{ .method = "GET", .path = "/a b" },
		{ .method = "GET", .path = "/a#b" },
		{ .method = "GET", .path = "/a\r\nX: y" },
		{ .method = "", .path = "/" },
		{ .method = "GET / HTTP/1.1\r\nX:", .path = "/" },
		{ .method = "POST", .path = "/", .idempotency_key = "a\r\nX: y" },
		{ .method = "POST", .path = "/", .content_type = "a\nb", .body = "x", .len = 1 },
	};
	struct sk_http_client *c = client_of(start_real(), 0);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		fails(c, &wrong[i], SK_EINVAL, false, "");
	is_answered(c, "POST", "{}");
	sk_http_client_close(c);
}

static void
wrong_urls_are_refused(void **state)
{
	static const char *const urls[] = { "", "host:80", "ftp://host/", "file:///etc/passwd",
		"/path" };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct sk_err err = { SK_OK, "" };

		assert_null(sk_http_client_open(&(struct sk_http_client_config){ .url = urls[i] }, &err));
		assert_int_equal(err.code, SK_EINVAL);
	}
	sk_http_client_close(NULL);
}

/* ---- TCP ---- */

static int
tcp_listener(uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static void
a_controller_is_reached_over_tcp_and_no_secret_is_told(void **state)
{
	struct script s = { .script = "aac" };
	struct sk_http_client *c;
	struct sk_err err;
	uint16_t port;
	char url[100];

	(void)state;
	s.listener = tcp_listener(&port);
	snprintf(url, sizeof(url), "http://me:geheim@127.0.0.1:%u/", port);
	c = sk_http_client_open(
		&(struct sk_http_client_config){ .url = url, .token = "s3cret", .connect_ms = 2000 }, &err);
	assert_non_null(c);
	memset(&err, 0, sizeof(err));
	{
		struct sk_http_answer a;
		bool sent;

		assert_int_equal(sk_http_call(c, &post, &a, &sent, &err), SK_EUNAVAIL);
		assert_null(strstr(err.msg, "geheim"));
		assert_null(strstr(err.msg, "s3cret"));
		assert_non_null(strstr(err.msg, "http://127.0.0.1"));
	}
	assert_int_equal(listen(s.listener, 5), 0);
	server = proc_fork(play, &s);
	close(s.listener);
	is_answered(c, "POST", "{}");
	is_answered(c, "GET", "");
	fails(c, &post, SK_EUNAVAIL, true, "was cut after");
	sk_http_client_close(c);
}

/* The environment names a proxy: it is not asked. */
static void
no_proxy_is_asked(void **state)
{
	struct sk_http_client *c;

	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "socks5://127.0.0.1:1", 1), 0);
	c = client_of(start_real(), 0);
	is_answered(c, "POST", "{}");
	sk_http_client_close(c);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void
nothing_stays_open(void **state)
{
	const char *path = start_real();
	size_t before;

	(void)state;
	sk_http_client_close(client_of(path, 0)); /* what libraries keep for ever */
	before = proc_open_fds();
	for (int i = 0; i < 20; i++) {
		struct sk_http_client *c = client_of(path, 0);

		is_answered(c, "POST", "{}");
		sk_http_client_close(c);
	}
	assert_int_equal(proc_open_fds(), before);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_call_goes_there_and_back),
		T(all_methods_go_with_and_without_a_body),
		T(large_bodies_go_both_ways),
		T(a_path_may_be_long),
		T(nobody_listens),
		T(a_socket_of_somebody_else_is_denied),
		T(a_cut_connection_tells_whether_the_request_was_sent),
		T(a_connection_cut_while_sending_is_cut_before),
		T(a_request_is_not_sent_twice),
		T(a_connection_that_ended_meanwhile_is_made_anew),
		T(an_interim_answer_is_passed_over),
		T(who_does_not_answer_is_given_up_in_time),
		T(a_full_queue_is_waited_for_and_given_up),
		T(wrong_calls_are_refused_before_anything_is_sent),
		T(wrong_urls_are_refused),
		T(a_controller_is_reached_over_tcp_and_no_secret_is_told),
		T(no_proxy_is_asked),
		T(nothing_stays_open),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
