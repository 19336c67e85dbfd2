/* http_bench.c - small POSTs a second through the server, answered at once, over connections that
 * are kept: what HTTP alone costs. Server and client share one core.
 *	make build/release/test/bench/http_bench && build/release/test/bench/http_bench
 * http_bench [CONNECTIONS [SECONDS [PIPELINE]]] prints requests a second and the server's cpu time
 * for each. */
#include "adapters/http/server.h"
#include "core/base/clock.h"
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4000

static const char body[] =
	"{\"className\":\"Noop\",\"attachments\":{\"seconds\":1},\"priority\":5,\"name\":\"a name\"}";
static const char answer[] =
	"{\"items\":[{\"id\":\"01j9z3k4m5n6p7q8r9s0t1v2w3\",\"created\":true}]}";

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
on_call(void *arg, const struct sk_api_request *req)
{
	const struct sk_api_response a = {
		.status = 201, .content_type = "application/json", .body = answer, .len = sizeof(answer) - 1
	};

	(void)arg;
	req->respond(req->arg, &a);
}

static void
on_forget(void *arg, void *req_arg)
{
	(void)arg;
	(void)req_arg;
}

static void
serve(const char *path)
{
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);
	struct sk_host *host = loop != NULL ? sk_host_open(loop, &err) : NULL;
	const struct sk_http_server_config cfg = { .host = host,
		.path = path,
		.replace = true,
		.group = (gid_t)-1,
		.max_connections = MAX_CONNECTIONS,
		.call = on_call,
		.forget = on_forget };

	if (host == NULL || sk_http_server_open(&cfg, &err) == NULL) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	sk_host_run(host);
}

static int
connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	for (int i = 0; connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0; i++) {
		if (i == 100)
			die("connect");
		usleep(10000);
	}
	return fd;
}

/* Every answer has the same length: bytes count answers. */
static double
load(const char *path, int n, double seconds, int pipeline)
{
	struct epoll_event ev[256];
	char one[1024], *all, buf[65536];
	int len = snprintf(one, sizeof(one),
		"POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		"Accept: */*\r\nIdempotency-Key: 01j9z3k4m5n6p7q8r9s0t1v2w3\r\nContent-Length: "
		"%zu\r\n\r\n%s",
		sizeof(body) - 1, body);
	int ep = epoll_create1(EPOLL_CLOEXEC);
	size_t size = 0, *got = calloc(MAX_CONNECTIONS * 10, sizeof(*got));
	int64_t done = 0, began, end;

	all = malloc((size_t)(len * pipeline) + 1);
	if (ep == -1 || got == NULL || all == NULL)
		die("load");
	for (int i = 0; i < pipeline; i++)
		memcpy(all + i * len, one, (size_t)len);
	for (int i = 0; i < n; i++) {
		struct epoll_event add = { .events = EPOLLIN, .data.fd = connect_to(path) };

		if (write(add.data.fd, one, (size_t)len) != len ||
			(size = (size_t)read(add.data.fd, buf, sizeof(buf))) < 100 ||
			epoll_ctl(ep, EPOLL_CTL_ADD, add.data.fd, &add) != 0 ||
			write(add.data.fd, all, (size_t)(len * pipeline)) != len * pipeline)
			die("first request");
	}
	began = sk_boot_ns();
	end = began + (int64_t)(seconds * 1e9);
	while (sk_boot_ns() < end) {
		int ready = epoll_wait(ep, ev, 256, 1000);

		for (int i = 0; i < ready; i++) {
			int fd = ev[i].data.fd;
			ssize_t r = read(fd, buf, sizeof(buf));

			if (r <= 0)
				die("the connection ended");
			got[fd] += (size_t)r;
			if (got[fd] < size * (size_t)pipeline)
				continue;
			got[fd] = 0;
			done += pipeline;
			if (write(fd, all, (size_t)(len * pipeline)) != len * pipeline)
				die("write");
		}
	}
	printf("%d connections, %d at a time: %.0f requests/s", n, pipeline,
		(double)done / ((double)(sk_boot_ns() - began) / 1e9));
	return (double)done;
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 64, pipeline = argc > 3 ? atoi(argv[3]) : 1;
	double seconds = argc > 2 ? atof(argv[2]) : 3, done, cpu;
	char path[64];
	struct rusage used;
	cpu_set_t one;
	pid_t pid;

	if (n < 1 || n > MAX_CONNECTIONS || pipeline < 1 || pipeline > 100) {
		fprintf(stderr, "usage: http_bench [CONNECTIONS [SECONDS [PIPELINE]]]\n");
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		perror("one core"); /* then the figure is of more than one */
	snprintf(path, sizeof(path), "/tmp/skalds-http-bench-%d.sock", (int)getpid());
	pid = fork();
	if (pid == 0)
		serve(path);
	done = load(path, n, seconds, pipeline);
	kill(pid, SIGKILL);
	if (wait4(pid, NULL, 0, &used) != pid)
		die("wait");
	unlink(path);
	cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	printf(", %.1f us of the server's cpu each\n", cpu / done * 1e6);
	return 0;
}
