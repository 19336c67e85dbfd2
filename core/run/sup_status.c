/* sup_status.c - what probes and systemd are told. */
#include "core/base/clock.h"
#include "core/run/sup.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINK_SILENT_MS 5000

/* live: both halves make progress; that this is answered at all shows the supervisor's half. */
static void
status_line(const struct sup *s, struct sk_str *out)
{
	int64_t silent = sk_boot_ms() - s->link.heard_ms;
	bool live = s->stalled || (s->link.pid != 0 && silent < LINK_SILENT_MS) || s->draining;

	sk_str_addc(out, '{');
	sk_json_kbool(out, "live", live);
	sk_json_kbool(out, "ready", live && s->link.ready && !s->draining);
	sk_json_kstr(out, "mode", s->cfg->mode);
	sk_json_kint(out, "pid", getpid());
	sk_json_kint(out, "running", s->n_running);
	sk_json_kint(out, "queued", s->n_queued);
	sk_json_kbool(out, "draining", s->draining);
	sk_json_kint(out, "linkSilentMs", silent);
	sk_json_kint(out, "linkRestarts", s->link.restarts);
	sk_str_adds(out, "}\n");
}

static void
answer(uint32_t events, void *arg)
{
	struct sup *s = arg;
	struct sk_str line = SK_STR_INIT;
	int fd = accept4(s->status_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
		sk_watch_set(s->status_watch, 0); /* it waits; asking at once again would be all we do */
	if (fd == -1)
		return; /* or it went away again */
	status_line(s, &line);
	if (send(fd, line.p, line.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)line.len)
		sk_sink_log(s->sink, SK_DEBUG, NULL, 0, "probe: %s", strerror(errno));
	sk_str_release(&line);
	close(fd);
}

void
sup_status_open(struct sup *s)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct sk_err err = { SK_OK, "" };

	if (s->run.dir[0] == '\0')
		return;
	snprintf(s->status_path, sizeof(s->status_path), "%s/%d.sock", s->run.dir, (int)getpid());
	if (strlen(s->status_path) >= sizeof(sa.sun_path)) {
		sk_sink_log(
			s->sink, SK_WARNING, NULL, 0, "no probes: %s is too long for a socket", s->status_path);
		s->status_path[0] = '\0';
		return;
	}
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", s->status_path);
	unlink(s->status_path); /* of a dead process with our pid */
	s->status_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->status_fd == -1 || bind(s->status_fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
		listen(s->status_fd, 16) != 0)
		sk_fail_errno(&err, "%s", s->status_path);
	else
		s->status_watch = sk_watch_add(s->loop, s->status_fd, EPOLLIN, answer, s, &err);
	if (s->status_watch == NULL)
		sk_sink_log(s->sink, SK_WARNING, NULL, 0, "no probes: %s", err.msg);
}

void
sup_status_tick(struct sup *s)
{
	if (s->status_watch != NULL)
		sk_watch_set(s->status_watch, EPOLLIN);
}

void
sup_status_close(struct sup *s)
{
	sk_watch_remove(s->status_watch);
	if (s->status_fd != -1)
		close(s->status_fd);
	s->status_fd = -1;
	if (s->status_path[0] != '\0')
		unlink(s->status_path);
}

void
sup_notify(const char *state)
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
