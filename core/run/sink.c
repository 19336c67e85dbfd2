#include "core/run/sink.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define STALL_BYTES ((size_t)1 << 20)
#define DROP_BYTES (4 * STALL_BYTES) /* held for a console that takes nothing; then it is lost */
#define EARLY_BYTES ((size_t)64 << 10) /* written at once, not only at the round's end */
#define CLEAN_MS 3600000

/* A write to a terminal or pipe that nobody reads must never stop us. O_NONBLOCK belongs to the
 * open file, which others share (our tasks, the shell), so it is opened anew. Where that is not
 * possible the shared one is used with care (see write_some). */
static void
open_console(struct console *c, int fd)
{
	char path[32];
	struct stat st;

	c->fd = fd;
	if (fstat(fd, &st) != 0)
		return; /* every write will say what is wrong */
	c->kind = S_ISFIFO(st.st_mode) ? CONSOLE_PIPE
		: S_ISSOCK(st.st_mode)	   ? CONSOLE_SOCKET
		: isatty(fd)			   ? CONSOLE_TTY
								   : CONSOLE_FILE;
	if (c->kind != CONSOLE_PIPE && c->kind != CONSOLE_TTY)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	c->fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (c->fd == -1)
		c->fd = fd;
}

struct sk_sink *
sk_sink_new(
	const struct sk_sink_config *cfg, struct sk_loop *loop, void (*on_drain)(void *arg), void *arg)
{
	struct sk_sink *s = sk_xcalloc(1, sizeof(*s));

	s->cfg = *cfg;
	if (s->cfg.total_limit <= 0)
		s->cfg.total_limit = SK_OUTPUT_TOTAL;
	s->loop = loop;
	s->on_drain = on_drain;
	s->arg = arg;
	s->file.fd = -1;
	for (int i = 0; i < 2; i++)
		open_console(&s->console[i], i + 1);
	s->began_ms = sk_wall_ms();
	sk_steady_begin(&s->clock, s->began_ms - sk_boot_ms());
	if (s->cfg.log_path[0] != '\0')
		sk_logfile_clean(s);
	s->clean_ms = sk_boot_ms() + CLEAN_MS;
	return s;
}

void
sk_sink_console(struct sk_sink *s, int stream, const char *p, size_t n)
{
	struct console *c = &s->console[stream - 1];

	if (c->gone)
		return;
	if (c->blocked && c->pending.len > DROP_BYTES) {
		c->dropped++;
		return;
	}
	sk_str_add(&c->pending, p, n);
}

static bool
writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) > 0;
}

/* As much as fits one atomic pipe write, ending at a line's end if there is one. */
static size_t
piece(enum console_kind kind, const char *p, size_t n)
{
	if ((kind != CONSOLE_PIPE && kind != CONSOLE_SOCKET) || n <= PIPE_BUF)
		return n;
	for (n = PIPE_BUF; n > 0; n--)
		if (p[n - 1] == '\n')
			return n;
	return PIPE_BUF;
}

/* A shared terminal: it is ours without blocking only for the moment of the write. */
static ssize_t
write_tty(int fd, const char *p, size_t n)
{
	int flags = fcntl(fd, F_GETFL), saved;
	ssize_t done;

	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	done = write(fd, p, n);
	saved = errno;
	if (fcntl(fd, F_SETFL, flags) == -1)
		return -1;
	errno = saved;
	return done;
}

static ssize_t
write_some(const struct console *c, const char *p, size_t n)
{
	n = piece(c->kind, p, n);
	if (c->kind == CONSOLE_SOCKET)
		return send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (c->kind == CONSOLE_TTY && c->fd <= 2)
		return write_tty(c->fd, p, n);
	return write(c->fd, p, n); /* a shared pipe with room for PIPE_BUF does not block either */
}

static void
console_ready(uint32_t events, void *arg)
{
	struct sk_sink *s = arg;

	(void)events;
	sk_sink_flush(s);
}

static void
block_console(struct sk_sink *s, struct console *c)
{
	c->blocked = true;
	if (c->watch == NULL)
		c->watch = sk_watch_add(s->loop, c->fd, EPOLLOUT, console_ready, s, NULL);
}

/* Once, and not to the console that it is about. */
static void
say_lost(struct sk_sink *s, struct console *c, int error)
{
	if (!c->lost_said && c == &s->console[0])
		sk_sink_log(s, SK_WARNING, NULL, 0, "standard output: %s: what does not fit is lost",
			strerror(error));
	c->lost_said = true;
}

static void
flush_console(struct sk_sink *s, struct console *c)
{
	size_t done = 0;

	while (done < c->pending.len) {
		bool ready = c->kind == CONSOLE_FILE || writable(c->fd);
		ssize_t n = ready ? write_some(c, c->pending.p + done, c->pending.len - done) : -1;

		if (n == -1 && ready && errno == EINTR)
			continue;
		if (n == -1 && (!ready || errno == EAGAIN)) {
			sk_str_consume(&c->pending, done);
			block_console(s, c);
			return;
		}
		if (n == -1) { /* nobody reads (EPIPE), or the disk behind is full: tasks go on */
			c->gone = errno == EPIPE || errno == EBADF;
			if (!c->gone)
				say_lost(s, c, errno);
			done = c->pending.len;
			break;
		}
		done += (size_t)n;
	}
	sk_str_consume(&c->pending, done);
	sk_watch_remove(c->watch);
	c->watch = NULL;
	if (c->blocked) {
		c->blocked = false;
		s->on_drain(s->arg);
	}
}

void
sk_sink_flush(struct sk_sink *s)
{
	flush_console(s, &s->console[0]);
	flush_console(s, &s->console[1]);
}

void
sk_sink_flush_early(struct sk_sink *s)
{
	for (int i = 0; i < 2; i++)
		if (!s->console[i].blocked && s->console[i].pending.len > EARLY_BYTES)
			flush_console(s, &s->console[i]);
}

bool
sk_sink_stalled(const struct sk_sink *s)
{
	for (int i = 0; i < 2; i++)
		if (s->console[i].blocked && s->console[i].pending.len > STALL_BYTES)
			return true;
	return false;
}

/* By the level of a line that sk_log_format made: the first that stands there, right behind the
 * time. What somebody wrote freely is loud. */
static bool
is_loud(const char *p, size_t n)
{
	static const char *const quiet[] = { "trace", "debug", "info", "success" };
	const char *name = p[0] == '{' ? "\"level\":\"" : "level=";
	const char *at = memmem(p, n < 120 ? n : 120, name, strlen(name));

	for (size_t i = 0; at != NULL && i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		size_t len = strlen(quiet[i]), left = n - (size_t)(at - p) - strlen(name);

		if (left > len && memcmp(at + strlen(name), quiet[i], len) == 0)
			return false;
	}
	return true;
}

/* Wipe the table, print the loud lines; the next drawing puts the table below them. */
static void
above_table(struct sk_sink *s, const char *p, size_t n)
{
	while (n > 0) {
		const char *nl = memchr(p, '\n', n);
		size_t len = nl != NULL ? (size_t)(nl - p) + 1 : n;

		if (is_loud(p, len)) {
			sk_sink_console(s, 1, "\r\033[J", 4);
			sk_sink_console(s, 1, p, len);
		}
		p += len;
		n -= len;
	}
}

void
sk_sink_print(struct sk_sink *s, int stream, const char *text, size_t n)
{
	struct console *c = &s->console[stream - 1];

	if (stream == 2) {
		sk_sink_file(s, NULL, text, n);
		/* log lines may be lost on a console that nobody reads; results may not */
		if (c->blocked && c->pending.len > STALL_BYTES) {
			c->dropped++;
			return;
		}
		if (c->dropped > 0) {
			int64_t lines = c->dropped;

			c->dropped = 0;
			sk_sink_log(s, SK_WARNING, NULL, 0, "the console was blocked: %lld lines dropped",
				(long long)lines);
		}
	}
	if (stream == 2 && s->cfg.console == SK_CONSOLE_TABLE)
		above_table(s, text, n);
	else
		sk_sink_console(s, stream, text, n);
}

void
sk_sink_log(
	struct sk_sink *s, enum sk_level level, const char *task, int64_t attempt, const char *fmt, ...)
{
	struct sk_str line = SK_STR_INIT;
	char msg[1024];
	va_list ap;
	int n;

	if (level < sk_log_settings()->level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	sk_log_format(&line, sk_log_settings()->json, sk_wall_ms(), level, "supervisor", task, attempt,
		msg, (size_t)n < sizeof(msg) ? (size_t)n : sizeof(msg) - 1);
	sk_sink_print(s, 2, line.p, line.len);
	sk_str_release(&line);
}

bool
sk_file_write(struct sk_sink *s, int fd, const char *p, size_t n)
{
	if (s->full)
		return true;
	if (s->written + (int64_t)n > s->cfg.total_limit) {
		if (!s->total_said) {
			s->total_said = true;
			sk_sink_log(s, SK_WARNING, NULL, 0,
				"the output of all tasks reached %lld bytes: "
				"no more is kept",
				(long long)s->cfg.total_limit);
		}
		return true;
	}
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return false;
		s->written += done;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static struct split *
split_of(struct sk_sink *s, const struct sk_out *o)
{
	struct split *sp;

	for (sp = s->splits; sp != NULL; sp = sp->next)
		if (sp->out == o)
			return sp;
	sp = sk_xcalloc(1, sizeof(*sp));
	*sp = (struct split){ .next = s->splits, .out = o, .file = { .fd = -1 } };
	s->splits = sp;
	return sp;
}

void
sk_sink_file(struct sk_sink *s, const struct sk_out *o, const char *p, size_t n)
{
	char name[600];

	if (s->cfg.log_path[0] == '\0')
		return;
	if (o == NULL) {
		sk_logfile_write(s, &s->file, s->cfg.skald_id, p, n);
		return;
	}
	snprintf(name, sizeof(name), "%s_%s", s->cfg.skald_id, o->id);
	sk_logfile_write(s, &split_of(s, o)->file, name, p, n);
}

void
sk_sink_split_end(struct sk_sink *s, const struct sk_out *o)
{
	for (struct split **at = &s->splits; *at != NULL; at = &(*at)->next) {
		struct split *sp = *at;

		if (sp->out != o)
			continue;
		*at = sp->next;
		sk_logfile_close(&sp->file);
		free(sp);
		return;
	}
}

/* The store beside the output must find room when the output has eaten what there was. */
static void
look_at_reserve(struct sk_sink *s)
{
	struct statvfs v;
	int64_t least;
	bool full, mega;

	if (s->cfg.reserve == 0 || s->cfg.data_dir[0] == '\0' || statvfs(s->cfg.data_dir, &v) != 0)
		return;
	least = (int64_t)v.f_blocks * (int64_t)v.f_frsize / 16;
	if (least > s->cfg.reserve)
		least = s->cfg.reserve;
	full = (int64_t)v.f_bavail * (int64_t)v.f_frsize < least;
	mega = least >= 1 << 20;
	if (full != s->full)
		sk_sink_log(s, full ? SK_WARNING : SK_INFO, NULL, 0,
			full ? "%s: less than %lld %s free: output of tasks is not kept"
				 : "%s: more than %lld %s free again: output of tasks is kept",
			s->cfg.data_dir, (long long)(least >> (mega ? 20 : 10)), mega ? "MiB" : "KiB");
	s->full = full;
}

void
sk_sink_tick(struct sk_sink *s)
{
	look_at_reserve(s);
	if (s->cfg.log_path[0] == '\0' || sk_boot_ms() < s->clean_ms)
		return;
	s->clean_ms = sk_boot_ms() + CLEAN_MS;
	sk_logfile_clean(s);
}

void
sk_sink_free(struct sk_sink *s, int64_t wait_ms)
{
	int64_t until = sk_boot_ms() + wait_ms;

	if (s == NULL)
		return;
	for (;;) {
		struct pollfd p[2] = { { .fd = -1, .events = POLLOUT }, { .fd = -1, .events = POLLOUT } };
		int64_t left = until - sk_boot_ms();

		sk_sink_flush(s);
		for (int i = 0; i < 2; i++)
			if (s->console[i].pending.len > 0)
				p[i].fd = s->console[i].fd;
		if ((p[0].fd == -1 && p[1].fd == -1) || left <= 0)
			break;
		if (poll(p, 2, (int)left) <= 0)
			break;
	}
	while (s->splits != NULL)
		sk_sink_split_end(s, s->splits->out);
	sk_logfile_close(&s->file);
	for (int i = 0; i < 2; i++) {
		sk_watch_remove(s->console[i].watch);
		sk_str_release(&s->console[i].pending);
		if (s->console[i].fd > 2)
			close(s->console[i].fd);
	}
	free(s);
}
