#include "mongo_relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 64 };

struct relay {
	pthread_t thread;
	int listener, port, to_port;
	char uri[64];
	atomic_bool cut, swallow, stop;
	struct {
		int client, server;
	} pairs[PAIRS];
	int n;
};

static int
connect_to(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		abort();
	return fd;
}

static int
listen_at(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port) };
	socklen_t len = sizeof(a);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 64) != 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

static void
drop(struct relay *r, int i)
{
	close(r->pairs[i].client);
	close(r->pairs[i].server);
	r->pairs[i] = r->pairs[--r->n];
}

/* False: the pair is to be dropped. */
static bool
pass(int from, int to, bool swallow)
{
	char buf[65536];
	ssize_t n = recv(from, buf, sizeof(buf), 0), at = 0;

	if (n <= 0 || swallow)
		return false;
	while (at < n) {
		ssize_t k = send(to, buf + at, (size_t)(n - at), MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		at += k;
	}
	return true;
}

static void
obey(struct relay *r)
{
	bool cut = atomic_load(&r->cut);

	if (cut && r->listener != -1) {
		close(r->listener);
		r->listener = -1;
		while (r->n > 0)
			drop(r, 0);
	} else if (!cut && r->listener == -1)
		r->listener = listen_at(&r->port);
}

static void *
run(void *arg)
{
	struct relay *r = arg;

	while (!atomic_load(&r->stop)) {
		struct pollfd p[1 + 2 * PAIRS];
		int n = r->n;

		obey(r);
		n = r->n;
		p[0] = (struct pollfd){ .fd = r->listener, .events = POLLIN };
		for (int i = 0; i < n; i++) {
			p[1 + 2 * i] = (struct pollfd){ .fd = r->pairs[i].client, .events = POLLIN };
			p[2 + 2 * i] = (struct pollfd){ .fd = r->pairs[i].server, .events = POLLIN };
		}
		if (poll(p, (nfds_t)(1 + 2 * n), 2) <= 0)
			continue;
		for (int i = n - 1; i >= 0; i--) {
			bool good = true;

			if (p[1 + 2 * i].revents != 0)
				good = pass(r->pairs[i].client, r->pairs[i].server, false);
			if (good && p[2 + 2 * i].revents != 0)
				good = pass(r->pairs[i].server, r->pairs[i].client, atomic_load(&r->swallow));
			if (!good)
				drop(r, i);
		}
		if (p[0].revents != 0 && r->n < PAIRS) {
			r->pairs[r->n].client = accept(r->listener, NULL, NULL);
			r->pairs[r->n].server = connect_to(r->to_port);
			r->n++;
		}
	}
	return NULL;
}

struct relay *
relay_open(const char *uri)
{
	struct relay *r = calloc(1, sizeof(*r));
	const char *colon = strrchr(uri, ':');

	if (r == NULL || colon == NULL)
		abort();
	r->to_port = atoi(colon + 1);
	r->listener = listen_at(&r->port);
	snprintf(r->uri, sizeof(r->uri), "mongodb://127.0.0.1:%d/", r->port);
	if (pthread_create(&r->thread, NULL, run, r) != 0)
		abort();
	return r;
}

const char *
relay_uri(const struct relay *r)
{
	return r->uri;
}

void
relay_cut(struct relay *r, bool cut)
{
	atomic_store(&r->cut, cut);
	usleep(20000);
}

void
relay_swallow(struct relay *r, bool swallow)
{
	atomic_store(&r->swallow, swallow);
}

void
relay_close(struct relay *r)
{
	atomic_store(&r->stop, true);
	pthread_join(r->thread, NULL);
	while (r->n > 0)
		drop(r, 0);
	if (r->listener != -1)
		close(r->listener);
	free(r);
}
