/* http_socket_test.c - the server's socket, and how it ends. */
#include "adapters/http/sockaddr.h"
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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
open_plain(void)
{
	web_open(&w, (struct sk_http_server_config){ 0 });
}

static void
still_serves(void)
{
	int fd = web_connect(&w);

	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
}

/* ---- the end ---- */

static void
a_drain_answers_what_is_asked_and_takes_nothing_new(void **state)
{
	int idle, asked, late;
	struct reply r;
	char buf[32];

	(void)state;
	open_plain();
	idle = web_connect(&w);
	asked = web_connect(&w);
	web_answers(&w, idle, GET("/echo"), 200);
	web_says(&w, asked, GET("/later") GET("/echo"));
	web_run(&w, 10);
	sk_http_server_drain(w.server);
	web_ends(&w, idle);
	late = web_connect(&w);
	web_says(&w, late, GET("/echo"));
	web_silent(&w, late);
	web_answer(&w, "last");
	web_reply(&w, asked, &r, false);
	assert_string_equal(r.body.p, "last");
	assert_string_equal(reply_header(&r, "Connection", buf, sizeof(buf)), "close");
	reply_release(&r);
	web_ends(&w, asked);
	assert_int_equal(w.calls, 2);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
	close(idle);
	close(asked);
	close(late);
}

static void
closing_forgets_what_is_not_answered(void **state)
{
	size_t fds_before = proc_open_fds();
	int fds[3];

	(void)state;
	open_plain();
	for (int i = 0; i < 3; i++)
		fds[i] = web_connect(&w);
	web_says(&w, fds[0], GET("/later"));
	web_says(&w, fds[1], "GET /");
	web_run(&w, 10);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	fds[0] = web_connect(&w); /* not accepted yet */
	web_close(&w);
	w.server = NULL;
	assert_int_equal(w.forgotten, 1);
	assert_false(proc_exists(w.path));
	close(fds[0]);
	assert_int_equal(proc_open_fds(), fds_before);
}

/* ---- the socket ---- */

static struct sk_http_server *
try_open(struct sk_host *host, const char *path, bool replace, struct sk_err *err)
{
	return sk_http_server_open(
		&(struct sk_http_server_config){
			.host = host, .path = path, .replace = replace, .group = (gid_t)-1 },
		err);
}

static void
is_not_opened(const char *path, bool replace, enum sk_code code, const char *words)
{
	struct sk_err err = { SK_OK, "" };

	assert_null(try_open(w.host, path, replace, &err));
	if (err.code != code || strstr(err.msg, words) == NULL)
		print_message("# %d %s\n", (int)err.code, err.msg);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.msg, words));
}

static void
a_socket_that_is_there_is_only_replaced_when_told_so(void **state)
{
	struct sk_err err;
	struct sk_http_server *second;

	(void)state;
	open_plain();
	is_not_opened(w.path, false, SK_ECONFLICT, "is there already");
	still_serves();
	second = try_open(w.host, w.path, true, &err);
	assert_non_null(second);
	sk_http_server_close(w.server); /* the socket is not its own any more */
	assert_true(proc_exists(w.path));
	w.server = second;
}

static void
what_is_no_socket_is_left_alone(void **state)
{
	struct sk_str text;

	(void)state;
	open_plain();
	proc_write(proc_path("file"), "precious\n");
	is_not_opened(proc_path("file"), true, SK_ECONFLICT, "is there already");
	text = proc_read(proc_path("file"));
	assert_string_equal(text.p, "precious\n");
	sk_str_release(&text);
	is_not_opened(proc_path("no/such/dir"), true, SK_EIO, "No such file or directory");
	is_not_opened("", true, SK_EINVAL, "needs a path");
}

static void
the_socket_is_for_its_owner_or_a_group(void **state)
{
	struct stat st;
	mode_t mask = umask(0);

	(void)state;
	open_plain();
	assert_int_equal(stat(w.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	web_close(&w);
	umask(077);
	web_open(&w, (struct sk_http_server_config){ .group = getegid() != 0 ? getegid() : 4242 });
	assert_int_equal(stat(w.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, getegid() != 0 ? getegid() : 4242);
	umask(mask);
	still_serves();
}

/* Longer than the address of a socket can be, for the server and for a client alike. */
static void
a_path_may_be_long(void **state)
{
	struct sk_str dir = SK_STR_INIT;
	struct sk_sockaddr a;
	struct sk_err err;
	size_t fds;
	int fd;

	(void)state;
	sk_str_adds(&dir, proc_path("d"));
	while (dir.len < 250) {
		assert_int_equal(mkdir(dir.p, 0700), 0);
		sk_str_adds(&dir, "/a-directory-with-a-long-name");
	}
	assert_int_equal(mkdir(dir.p, 0700), 0);
	sk_str_adds(&dir, "/skalds.sock");
	fds = proc_open_fds();
	web_open(&w, (struct sk_http_server_config){ .path = dir.p });
	assert_true(proc_exists(dir.p));
	assert_int_equal(sk_sockaddr(dir.p, &a, &err), SK_OK);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a.un, a.len), 0);
	sk_sockaddr_release(&a);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	web_answers(&w, fd, GET("/echo"), 200);
	close(fd);
	web_close(&w);
	w.server = NULL;
	assert_false(proc_exists(dir.p));
	assert_int_equal(proc_open_fds(), fds);
	sk_str_release(&dir);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_drain_answers_what_is_asked_and_takes_nothing_new),
		T(closing_forgets_what_is_not_answered),
		T(a_socket_that_is_there_is_only_replaced_when_told_so),
		T(what_is_no_socket_is_left_alone),
		T(the_socket_is_for_its_owner_or_a_group),
		T(a_path_may_be_long),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
