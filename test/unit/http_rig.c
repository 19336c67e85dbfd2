#include "http_rig.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 20000
#define SILENCE_MS 30

/* ---- the operations behind the server ---- */

uint64_t
web_hash(const void *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const unsigned char *)p)[i]) * 0x100000001b3u;
	return h;
}

static void
give(const struct sk_api_request *req, struct sk_api_response a, const char *text)
{
	a.body = text;
	a.len = strlen(text);
	if (a.content_type == NULL)
		a.content_type = "text/plain";
	req->respond(req->arg, &a);
}

static void
echo(const struct sk_api_request *req)
{
	struct sk_str s = SK_STR_INIT;

	sk_str_addf(&s, "%s %s|%s|%s|%s|%zu|%016" PRIx64 "\n", req->method, req->path, req->query,
		req->content_type, req->idempotency_key, req->len, web_hash(req->body, req->len));
	give(req, (struct sk_api_response){ .status = 200, .headers = { "X-One", "1", "X-Two", "2" } },
		s.p);
	sk_str_release(&s);
}

static void
who(const struct sk_api_request *req)
{
	struct sk_str s = SK_STR_INIT;

	sk_str_addf(&s, "%d|%s", (int)req->role, req->who);
	give(req, (struct sk_api_response){ .status = 200 }, s.p);
	sk_str_release(&s);
}

static void
sized(const struct sk_api_request *req, size_t n)
{
	char *p = sk_xmalloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + i % 26);
	req->respond(req->arg,
		&(struct sk_api_response){
			.status = 200, .content_type = "text/plain", .body = p, .len = n });
	free(p);
}

static bool
starts(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

static void
stream(struct web *w, const struct sk_api_request *req)
{
	struct sk_str s = SK_STR_INIT;

	assert_true(w->n_streams < sizeof(w->streams) / sizeof(w->streams[0]));
	w->streams[w->n_streams].more = req->more;
	w->streams[w->n_streams++].arg = req->arg;
	sk_str_adds(&s, "begin\n");
	for (size_t i = 0; i < w->first; i++)
		sk_str_addc(&s, 'b');
	req->respond(req->arg,
		&(struct sk_api_response){ .status = 200,
			.content_type = "text/event-stream",
			.headers = { "X-One", "1" },
			.body = s.p,
			.len = s.len,
			.stream = true });
	sk_str_release(&s);
}

bool
web_more(struct web *w, size_t i, const char *bytes, size_t n)
{
	bool ok;

	assert_true(i < w->n_streams);
	assert_non_null(w->streams[i].arg);
	ok = w->streams[i].more(w->streams[i].arg, bytes, n);
	if (!ok || n == 0)
		w->streams[i].arg = NULL;
	return ok;
}

static void
on_call(void *arg, const struct sk_api_request *req)
{
	struct web *w = arg;

	w->calls++;
	if (starts(req->path, "/echo")) {
		echo(req);
	} else if (starts(req->path, "/who")) {
		who(req);
	} else if (starts(req->path, "/stream")) {
		stream(w, req);
	} else if (starts(req->path, "/later")) {
		assert_true(w->n_later < sizeof(w->later) / sizeof(w->later[0]));
		w->later[w->n_later++] = req;
	} else if (starts(req->path, "/code/")) {
		give(req, (struct sk_api_response){ .status = atoi(req->path + 6) }, "some text");
	} else if (starts(req->path, "/size/")) {
		sized(req, (size_t)atoll(req->path + 6));
	} else if (starts(req->path, "/cached")) {
		give(req,
			(struct sk_api_response){ .status = 200, .headers = { "Cache-Control", "max-age=60" } },
			"x");
	} else if (starts(req->path, "/bad")) {
		give(req,
			(struct sk_api_response){
				.status = 200, .headers = { "X-Bad", "a\r\nX-Evil: b", "X-Good", "g" } },
			"x");
	} else {
		give(req, (struct sk_api_response){ .status = 404 }, "nothing");
	}
}

static void
on_forget(void *arg, void *req_arg)
{
	struct web *w = arg;

	w->forgotten++;
	for (size_t i = 0; i < w->n_later; i++)
		if (w->later[i] != NULL && w->later[i]->arg == req_arg) {
			w->later[i] = NULL;
			return;
		}
	for (size_t i = 0; i < w->n_streams; i++)
		if (w->streams[i].arg == req_arg) {
			w->streams[i].arg = NULL;
			return;
		}
	fail_msg("somebody who did not ask was forgotten");
}

void
web_answer(struct web *w, const char *text)
{
	const struct sk_api_request *req = NULL;
	size_t i = 0;

	while (i < w->n_later && req == NULL)
		req = w->later[i++];
	assert_non_null(req);
	memmove(w->later, w->later + i, (w->n_later - i) * sizeof(w->later[0]));
	w->n_later -= i;
	give(req, (struct sk_api_response){ .status = 200 }, text);
}

/* ---- the server ---- */

void
web_open(struct web *w, struct sk_http_server_config cfg)
{
	struct sk_err err = { SK_OK, "" };

	memset(w, 0, sizeof(*w));
	if (cfg.address == NULL)
		snprintf(
			w->path, sizeof(w->path), "%s", cfg.path != NULL ? cfg.path : proc_path("web.sock"));
	w->loop = sk_loop_new(&err);
	assert_non_null(w->loop);
	w->host = sk_host_open(w->loop, &err);
	assert_non_null(w->host);
	cfg.host = w->host;
	cfg.path = w->path;
	cfg.call = on_call;
	cfg.forget = on_forget;
	cfg.arg = w;
	if (cfg.group == 0)
		cfg.group = (gid_t)-1;
	w->server = sk_http_server_open(&cfg, &err);
	if (w->server == NULL)
		print_message("# %s\n", err.msg);
	assert_non_null(w->server);
	w->port = sk_http_server_port(w->server);
}

void
web_close(struct web *w)
{
	sk_http_server_close(w->server);
	sk_host_close(w->host);
	sk_loop_free(w->loop);
}

void
web_run(struct web *w, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;

	do
		sk_host_once(w->host, 1);
	while (sk_boot_ms() < end);
}

/* ---- clients ---- */

static int
connect_to(int family, const void *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(connect(fd, address, len), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

int
web_connect(struct web *w)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)w->port) };

	if (w->path[0] == '\0') {
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return connect_to(AF_INET, &in, sizeof(in));
	}
	assert_true(strlen(w->path) < sizeof(un.sun_path));
	strcpy(un.sun_path, w->path);
	return connect_to(AF_UNIX, &un, sizeof(un));
}

bool
web_send(struct web *w, int fd, const void *p, size_t n)
{
	const int64_t end = sk_boot_ms() + PATIENCE_MS;

	while (n > 0) {
		ssize_t sent = w->transmit != NULL ? w->transmit(fd, p, n) : send(fd, p, n, MSG_NOSIGNAL);

		if (sent > 0) {
			p = (const char *)p + sent;
			n -= (size_t)sent;
			continue;
		}
		if (errno != EAGAIN)
			return false;
		assert_true(sk_boot_ms() < end);
		sk_host_once(w->host, 1);
	}
	return true;
}

void
web_says(struct web *w, int fd, const char *text)
{
	assert_true(web_send(w, fd, text, strlen(text)));
}

/* Some bytes, at most n; 0 at the end. */
static size_t
receive(struct web *w, int fd, char *p, size_t n)
{
	const int64_t end = sk_boot_ms() + PATIENCE_MS;

	while (sk_boot_ms() < end) {
		ssize_t got = w->receive != NULL ? w->receive(fd, p, n) : recv(fd, p, n, 0);

		if (got >= 0)
			return (size_t)got;
		if (errno != EAGAIN)
			return 0;
		sk_host_once(w->host, 1);
	}
	fail_msg("no answer came");
	return 0;
}

/* By the byte: what follows is the next answer's. */
static void
receive_head(struct web *w, int fd, struct reply *r)
{
	char c;

	while (r->head.len < 4 || memcmp(r->head.p + r->head.len - 4, "\r\n\r\n", 4) != 0) {
		if (receive(w, fd, &c, 1) == 0)
			fail_msg("the connection ended after \"%s\"", sk_str_text(&r->head));
		sk_str_addc(&r->head, c);
	}
	if (sscanf(r->head.p, "HTTP/1.%*1[01] %d ", &r->status) != 1)
		fail_msg("this is no answer: \"%s\"", r->head.p);
}

const char *
reply_header(const struct reply *r, const char *name, char *buf, size_t n)
{
	const size_t len = strlen(name);

	buf[0] = '\0';
	for (const char *p = strstr(r->head.p, "\r\n"); p != NULL; p = strstr(p, "\r\n")) {
		p += 2;
		if (strncasecmp(p, name, len) == 0 && p[len] == ':') {
			p += len + 1 + strspn(p + len + 1, " ");
			snprintf(buf, n, "%.*s", (int)strcspn(p, "\r"), p);
			return buf;
		}
	}
	return buf;
}

void
web_reply(struct web *w, int fd, struct reply *r, bool head)
{
	char buf[65536], length[32];
	size_t left;

	*r = (struct reply){ 0 };
	receive_head(w, fd, r);
	left = head ? 0 : (size_t)atoll(reply_header(r, "Content-Length", length, sizeof(length)));
	while (left > 0) {
		size_t n = receive(w, fd, buf, left < sizeof(buf) ? left : sizeof(buf));

		assert_int_not_equal(n, 0);
		sk_str_add(&r->body, buf, n);
		left -= n;
	}
}

bool
web_chunk(struct web *w, int fd, struct sk_str *out)
{
	char line[32], c = 0;
	size_t n = 0, left;

	for (sk_str_clear(out); n < sizeof(line) - 1 && c != '\n'; line[n++] = c)
		if (receive(w, fd, &c, 1) == 0)
			fail_msg("the stream ended within a chunk's size");
	line[n] = '\0';
	left = strtoul(line, NULL, 16);
	n = left;
	while (left > 0) {
		char buf[4096];
		size_t got = receive(w, fd, buf, left < sizeof(buf) ? left : sizeof(buf));

		assert_int_not_equal(got, 0);
		sk_str_add(out, buf, got);
		left -= got;
	}
	assert_int_equal(receive(w, fd, &c, 1), 1);
	assert_int_equal(c, '\r');
	assert_int_equal(receive(w, fd, &c, 1), 1);
	assert_int_equal(c, '\n');
	return n > 0;
}

void
reply_release(struct reply *r)
{
	sk_str_release(&r->head);
	sk_str_release(&r->body);
}

void
web_ends(struct web *w, int fd)
{
	char c;

	if (receive(w, fd, &c, 1) != 0)
		fail_msg("a byte came instead of the end: %d", c);
}

void
web_silent(struct web *w, int fd)
{
	char c;

	web_run(w, SILENCE_MS);
	assert_int_equal(recv(fd, &c, 1, MSG_PEEK), -1);
	assert_int_equal(errno, EAGAIN);
}

void
web_refuses(struct web *w, int status, const void *p, size_t n)
{
	int fd = web_connect(w);
	struct reply r;
	char buf[64];

	web_send(w, fd, p, n); /* it may be cut off */
	web_reply(w, fd, &r, false);
	if (r.status != status)
		print_message("# to \"%.100s\": %s\n", (const char *)p, r.body.p);
	assert_int_equal(r.status, status);
	assert_string_equal(reply_header(&r, "Connection", buf, sizeof(buf)), "close");
	assert_string_equal(reply_header(&r, "Content-Type", buf, sizeof(buf)), "application/json");
	assert_true(starts(r.body.p, "{\"error\":{\"code\":\""));
	web_ends(w, fd);
	reply_release(&r);
	close(fd);
}

void
web_answers(struct web *w, int fd, const char *text, int status)
{
	struct reply r;

	web_says(w, fd, text);
	web_reply(w, fd, &r, starts(text, "HEAD "));
	if (r.status != status)
		print_message("# to \"%.100s\": %s\n", text, sk_str_text(&r.body));
	assert_int_equal(r.status, status);
	reply_release(&r);
}

void
web_allow_descriptors(rlim_t n)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	if (r.rlim_cur < n) {
		r.rlim_cur = n;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	}
}

size_t
web_in_use(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return 0; /* its malloc does not tell */
#else
	return mallinfo2().uordblks;
#endif
}
