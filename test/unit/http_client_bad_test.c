/* http_client_bad_test.c - the client against servers that are not there, not willing or broken. */
#include "core/base/clock.h"
#include "http_client_rig.h"
#include "http_rig.h"
#include "proc_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
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

static const struct sk_http_call get = { .method = "GET", .path = "/echo" };
static const struct sk_http_call post = {
	.method = "POST", .path = "/echo", .body = "{}", .len = 2
};

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
	assert_int_equal(server_ends(), 0); /* it has played to the end */
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
	struct sk_http_client *c;
	struct sk_err err;
	uint16_t port;
	char url[100];
	int fd = tcp_listener(&port);

	(void)state;
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
	assert_int_equal(listen(fd, 5), 0);
	start_script_on(fd, "aac");
	is_answered(c, "POST", "{}");
	is_answered(c, "GET", "");
	fails(c, &post, SK_EUNAVAIL, true, "was cut after");
	sk_http_client_close(c);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, client_rig_setup, client_rig_teardown)
	const struct CMUnitTest tests[] = {
		T(nobody_listens),
		T(a_socket_of_somebody_else_is_denied),
		T(a_cut_connection_tells_whether_the_request_was_sent),
		T(a_connection_cut_while_sending_is_cut_before),
		T(a_request_is_not_sent_twice),
		T(a_connection_that_ended_meanwhile_is_made_anew),
		T(an_interim_answer_is_passed_over),
		T(who_does_not_answer_is_given_up_in_time),
		T(a_full_queue_is_waited_for_and_given_up),
		T(a_controller_is_reached_over_tcp_and_no_secret_is_told),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
