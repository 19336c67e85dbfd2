#include "http_client_rig.h"
#include "http_rig.h"
#include "proc_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static pid_t server; /* of the test; 0 = none */

int
client_rig_setup(void **state)
{
	(void)state;
	proc_scratch();
	server = 0;
	return 0;
}

int
client_rig_teardown(void **state)
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

void
start_real_at(const char *path)
{
	server = proc_fork(serve, (void *)(uintptr_t)path);
	wait_for_socket(path);
}

const char *
start_real(void)
{
	const char *path = proc_path("web.sock");

	start_real_at(path);
	return path;
}

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

void
start_script_on(int listener, const char *script)
{
	struct script s = { listener, script };

	server = proc_fork(play, &s);
	close(listener);
}

int
server_ends(void)
{
	int code = proc_wait(server);

	server = 0;
	return code;
}

const char *
start_script(const char *script)
{
	const char *path = proc_path("script.sock");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 10), 0);
	start_script_on(fd, script);
	return path;
}

/* ---- clients ---- */

struct sk_http_client *
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

void
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

void
answer_release(struct sk_http_answer *a)
{
	sk_str_release(&a->body);
	sk_str_release(&a->headers);
}

void
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

void
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
