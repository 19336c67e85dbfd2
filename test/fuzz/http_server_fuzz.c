/* http_server_fuzz.c - any bytes on a connection of the real server: filter and evhttp agree about
 * every request, and nothing is left of the connection. */
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

static struct {
	struct sk_host *host;
	struct sk_http_server *server;
	struct sockaddr_un un;
	uint64_t calls, bytes;
} rig; /* made once: a fuzz target is a program of its own */

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
on_call(void *arg, const struct sk_api_request *req)
{
	const struct sk_api_response a = {
		.status = 200, .content_type = "text/plain", .body = req->path, .len = strlen(req->path)
	};

	(void)arg;
	must(req->path[0] == '/' && strchr(req->path, '?') == NULL && strchr(req->query, '#') == NULL);
	rig.calls++;
	for (size_t i = 0; i < req->len; i++)
		rig.bytes += (unsigned char)req->body[i]; /* each of them may be read */
	req->respond(req->arg, &a);
}

static void
on_forget(void *arg, void *req_arg)
{
	(void)arg;
	(void)req_arg;
	abort(); /* all is answered at once */
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
		if (recv(fd, buf, sizeof(buf), 0) == 0) {
			close(fd);
			for (int k = 0; k < 10 && sk_http_server_stats(rig.server).connections > 0; k++)
				sk_host_once(rig.host, 0);
			must(sk_http_server_stats(rig.server).connections == 0);
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
