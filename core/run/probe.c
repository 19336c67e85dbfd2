#include "core/run/probe.h"
#include "core/base/mem.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct sk_probe {
	struct sk_probe_config cfg;
	int fd;
	struct sk_watch *watch;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

/* The line is shorter than what any socket takes at once; who does not read it gets none. */
static void
answer(uint32_t events, void *arg)
{
	struct sk_probe *p = arg;
	struct sk_str line = SK_STR_INIT;
	int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ssize_t n;

	(void)events;
	if (fd == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
		sk_watch_set(p->watch, 0); /* it waits; asking at once again would be all we do */
	if (fd == -1)
		return; /* or it went away again */
	p->cfg.line(p->cfg.arg, &line);
	n = send(fd, line.p, line.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)n;
	sk_str_release(&line);
	close(fd);
}

static enum sk_code
listen_at(struct sk_probe *p, struct sk_err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memcpy(sa.sun_path, p->path, sizeof(sa.sun_path));
	unlink(p->path); /* of a dead process with our pid */
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd == -1 || bind(p->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
		listen(p->fd, 16) != 0)
		return sk_fail_errno(err, "%s", p->path);
	p->watch = sk_watch_add(p->cfg.loop, p->fd, EPOLLIN, answer, p, err);
	return p->watch != NULL ? SK_OK : err->code;
}

struct sk_probe *
sk_probe_open(const struct sk_probe_config *cfg, struct sk_err *err)
{
	struct sk_probe *p = sk_xcalloc(1, sizeof(*p));
	int n = snprintf(p->path, sizeof(p->path), "%s/%d.sock", cfg->dir, (int)getpid());
	enum sk_code code = SK_OK;

	p->cfg = *cfg;
	p->fd = -1;
	if (n < 0 || (size_t)n >= sizeof(p->path)) {
		code = sk_fail(err, SK_EINVAL, "%s is too long for a socket in it", cfg->dir);
		p->path[0] = '\0';
	}
	if (code == SK_OK)
		code = listen_at(p, err);
	if (code == SK_OK)
		return p;
	sk_probe_close(p);
	return NULL;
}

void
sk_probe_tick(struct sk_probe *p)
{
	if (p != NULL)
		sk_watch_set(p->watch, EPOLLIN);
}

void
sk_probe_close(struct sk_probe *p)
{
	if (p == NULL)
		return;
	sk_watch_remove(p->watch);
	if (p->fd != -1)
		close(p->fd);
	if (p->path[0] != '\0')
		unlink(p->path);
	free(p);
}

void
sk_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(sa.sun_path))
		return;
	len = strlen(path);
	memcpy(sa.sun_path, path, len);
	if (path[0] == '@')
		sa.sun_path[0] = '\0'; /* the abstract namespace */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&sa,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == -1)
		(void)0; /* systemd notices a missing notification by itself */
	close(fd);
}
