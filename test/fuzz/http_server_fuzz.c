/* http_server_fuzz.c - any bytes on a connection of the real server: filter and evhttp agree about
 * every request, each was judged once and only those that may be asked come through, streams are fed
 * until they end or are forgotten, and nothing is left of the connection. */
#include "adapters/http/filter.h"
#include "adapters/http/server.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MAX_ROUNDS 10000
#define MAX_PIECES 5 /* of a stream, then it ends */

static struct {
	struct sk_host *host;
	struct sk_http_server *server;
	struct sockaddr_un un;
	uint64_t calls, bytes;
	char judged[SK_HTTP_MAX_HEAD]; /* the path of the request that was judged last */
	enum sk_role role;
	/* The stream under way: one connection has one. */
	bool (*more)(void *arg, const char *bytes, size_t n);
	void *stream; /* NULL = none */
	int pieces;
} rig; /* made once: a fuzz target is a program of its own */

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Some paths are for those who say who they are. */
static int
judge(void *arg, const struct sk_http_head *head, struct sk_http_who *who)
{
	(void)arg;
	must(strlen(head->path) < sizeof(rig.judged) && strchr(head->path, '?') == NULL);
	must(head->method[0] != '\0' && head->peer[0] == '\0');
	rig.bytes += strlen(head->authorization) + strlen(head->origin) + strlen(head->host);
	strcpy(rig.judged, head->path);
	rig.role = head->authorization[0] == '\0' ? SK_ROLE_READ : SK_ROLE_ADMIN;
	who->role = rig.role;
	who->name = "somebody";
	who->why = "no";
	if (strcmp(head->method, "OPTIONS") != 0 && head->path[1] == 'p' && rig.role == SK_ROLE_READ)
		return strlen(head->path) % 2 == 0 ? 401 : 403;
	return 0;
}

static void
on_call(void *arg, const struct sk_api_request *req)
{
	struct sk_api_response a = {
		.status = 200, .content_type = "text/plain", .body = req->path, .len = strlen(req->path)
	};

	(void)arg;
	must(req->path[0] == '/' && strchr(req->path, '?') == NULL && strchr(req->query, '#') == NULL);
	must(strcmp(req->path, rig.judged) == 0 && req->role == rig.role);
	must(req->path[1] != 'p' || req->role == SK_ROLE_ADMIN);
	must(strcmp(req->who, "somebody") == 0);
	rig.calls++;
	for (size_t i = 0; i < req->len; i++)
		rig.bytes += (unsigned char)req->body[i]; /* each of them may be read */
	a.stream = req->path[1] == 's';
	if (a.stream) {
		must(rig.stream == NULL); /* nothing follows a stream */
		rig.more = req->more;
		rig.stream = req->arg;
		rig.pieces = 0;
	}
	req->respond(req->arg, &a);
}

static void
on_forget(void *arg, void *req_arg)
{
	(void)arg;
	must(req_arg == rig.stream); /* all else is answered at once */
	rig.stream = NULL;
}

static void
feed_stream(void)
{
	if (rig.stream == NULL)
		return;
	if (!rig.more(rig.stream, "piece", rig.pieces < MAX_PIECES ? 5 : 0) ||
		rig.pieces++ == MAX_PIECES)
		rig.stream = NULL;
}

static void
clean_up(void)
{
	sk_http_server_close(rig.server);
	rig.server = NULL;
}

static void
start(void)
{
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);

	rig.un.sun_family = AF_UNIX;
	snprintf(rig.un.sun_path, sizeof(rig.un.sun_path), "/tmp/skalds-fuzz-%d.sock", (int)getpid());
	must(loop != NULL && (rig.host = sk_host_open(loop, &err)) != NULL);
	rig.server = sk_http_server_open(&(struct sk_http_server_config){ .host = rig.host,
										 .path = rig.un.sun_path,
										 .replace = true,
										 .group = (gid_t)-1,
										 .call = on_call,
										 .authorize = judge,
										 .forget = on_forget },
		&err);
	must(rig.server != NULL);
	must(atexit(clean_up) == 0);
}

/* Sends, reads answers away, runs the server until the connection is gone. */
static void
converse(int fd, const char *p, size_t n)
{
	char buf[4096];

	for (int i = 0; i < MAX_ROUNDS; i++) {
		ssize_t sent = n > 0 ? send(fd, p, n < 1500 ? n : 1500, MSG_NOSIGNAL) : -1;

		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
		if (n == 0)
			shutdown(fd, SHUT_WR);
		sk_host_once(rig.host, 0);
		if (i % 2 == 0)
			feed_stream();
		if (recv(fd, buf, sizeof(buf), 0) == 0) {
			close(fd);
			for (int k = 0; k < 10 && sk_http_server_stats(rig.server).connections > 0; k++)
				sk_host_once(rig.host, 0);
			must(sk_http_server_stats(rig.server).connections == 0 && rig.stream == NULL);
			return;
		}
	}
	abort(); /* it hangs */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd;

	if (rig.host == NULL)
		start();
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(fd != -1 && connect(fd, (struct sockaddr *)&rig.un, sizeof(rig.un)) == 0);
	converse(fd, (const char *)data, n);
	must(sk_http_server_stats(rig.server).disputed == 0);
	return 0;
}
