/* output.c - the output of attempts: lines, tags, caps, attempt files. See sink.c for the rest. */
#include "core/run/output.h"
#include "core/base/clock.h"
#include "core/run/sink.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Longer lines are cut into pieces: a log line with its tags must fit PIPE_BUF to stay whole. */
#define MAX_LINE ((size_t)2048)
#define OPEN_TRIES 20

void
sk_out_init(struct sk_out *o, const char *id, uint32_t attempt, int64_t limit)
{
	*o = (struct sk_out){
		.id = id,
		.attempt = attempt,
		.limit = limit > 0 ? limit : SK_OUTPUT_LIMIT,
		.fd = -1,
	};
}

void
sk_out_path(struct sk_str *path, const char *data_dir, const char *id, uint32_t attempt)
{
	sk_str_clear(path);
	sk_str_addf(path, "%s/logs/", data_dir);
	if (*id == '.') { /* no hidden directory, and no way up */
		sk_str_adds(path, "%2E");
		id++;
	}
	sk_str_add_percent(path, id, "-_.");
	sk_str_addf(path, "/%u.log", attempt);
}

/* What fails here fails again at open, with its errno. */
static void
make_dirs(char *path)
{
	char *slash = strrchr(path, '/'), *upper;

	*slash = '\0';
	upper = strrchr(path, '/');
	*upper = '\0';
	mkdir(path, 0700);
	*upper = '/';
	mkdir(path, 0700);
	*slash = '/';
}

/* Whoever removes old output locks the file for that, so that none goes that is open here. Locked
 * by them, or removed by now: theirs; elsewhere a lock is a help, not a need. */
static bool
is_ours(int fd)
{
	const struct timespec unlink_takes = { .tv_nsec = 50000 };
	struct stat st;

	if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		nanosleep(&unlink_takes, NULL);
		return false;
	}
	return fstat(fd, &st) != 0 || st.st_nlink > 0;
}

static int
open_attempt(const struct sk_sink *s, const struct sk_out *o)
{
	struct sk_str path = SK_STR_INIT;
	int fd;

	sk_out_path(&path, s->cfg.data_dir, o->id, o->attempt);
	for (int left = OPEN_TRIES;; left--) {
		fd = open(path.p, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (left == 0 || (fd != -1 ? is_ours(fd) : errno != ENOENT))
			break;
		if (fd != -1)
			close(fd);
		else
			make_dirs(path.p);
	}
	sk_str_release(&path);
	return fd;
}

/* Bytes into the attempt's own file, opened at the first one. */
static void
write_attempt(struct sk_sink *s, struct sk_out *o, const char *p, size_t n)
{
	if (s->cfg.data_dir[0] == '\0' || o->failed || n == 0)
		return;
	if (o->fd == -1)
		o->fd = open_attempt(s, o);
	if (o->fd != -1 && sk_file_write(s, o->fd, p, n))
		return;
	o->failed = true;
	sk_sink_log(s, SK_WARNING, o->id, o->attempt, "output is not kept: %s", strerror(errno));
}

/* Would c be the next byte of "<6>", of which n are there? */
static bool
marks_on(unsigned n, char c)
{
	return n == 0 ? c == '<' : n == 1 ? c >= '0' && c <= '7' : n == 2 && c == '>';
}

/* The level marks at the head of lines are left out; one may come in pieces. */
static void
write_unmarked(struct sk_sink *s, struct sk_out *o, int stream, const char *p, size_t n)
{
	struct sk_str kept = SK_STR_INIT;
	unsigned *have = &o->mark[stream].n;
	char *text = o->mark[stream].text;

	while (n > 0) {
		const char *nl;
		size_t len;

		if (marks_on(*have, *p)) {
			if (*have < sizeof(o->mark[stream].text))
				text[*have] = *p;
			++*have; /* the third makes it SK_MARK_NONE: another mark behind it is text */
			p++;
			n--;
			continue;
		}
		if (*have < SK_MARK_NONE)
			sk_str_add(&kept, text, *have);
		nl = memchr(p, '\n', n);
		len = nl != NULL ? (size_t)(nl - p) + 1 : n;
		sk_str_add(&kept, p, len);
		*have = nl != NULL ? 0 : SK_MARK_NONE;
		p += len;
		n -= len;
	}
	write_attempt(s, o, kept.p, kept.len);
	sk_str_release(&kept);
}

/* What began like a mark and did not become one is text. */
static void
end_marks(struct sk_sink *s, struct sk_out *o)
{
	for (int i = 0; i < 2; i++) {
		if (o->mark[i].n < SK_MARK_NONE)
			write_attempt(s, o, o->mark[i].text, o->mark[i].n);
		o->mark[i].n = 0;
	}
}

void
sk_out_event(
	struct sk_str *out, int64_t time_ms, const char *id, int64_t attempt, const char *p, size_t n)
{
	sk_str_addc(out, '{');
	if (time_ms > 0)
		sk_json_kint(out, "time", time_ms);
	sk_json_kstr(out, "event", "log");
	sk_json_kstr(out, "taskId", id);
	sk_json_kint(out, "attempt", attempt);
	sk_json_key(out, "line");
	sk_json_string_n(out, p, n);
	sk_str_adds(out, "}\n");
}

static void
event_line(struct sk_sink *s, const struct sk_out *o, const char *p, size_t n)
{
	struct sk_str line = SK_STR_INIT;

	sk_out_event(&line, sk_wall_ms(), o->id, o->attempt, p, n);
	sk_sink_print(s, 1, line.p, line.len);
	sk_str_release(&line);
}

/* "<4>text": the prefix of sd-daemon(3) names the level. */
static enum sk_level
line_level(const char **p, size_t *n)
{
	static const enum sk_level levels[8] = { SK_CRITICAL, SK_CRITICAL, SK_CRITICAL, SK_ERROR,
		SK_WARNING, SK_INFO, SK_INFO, SK_DEBUG };
	const char *t = *p;

	if (*n < 3 || t[0] != '<' || t[1] < '0' || t[1] > '7' || t[2] != '>')
		return SK_INFO;
	*p += 3;
	*n -= 3;
	return levels[t[1] - '0'];
}

/* For the live table: nothing in it may steer the terminal, no byte may break its columns. */
static void
make_printable(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = ' ';
	for (size_t bad; (bad = sk_utf8_bad(p, n)) < n;)
		p[bad] = '?';
	for (size_t i = 0; i + 1 < n; i++)
		if ((unsigned char)p[i] == 0xc2 && (unsigned char)p[i + 1] < 0xa0) /* C1 controls */
			p[i] = p[i + 1] = ' ';
}

static void
remember(struct sk_out *o, const char *p, size_t n)
{
	size_t room = sizeof(o->last) - 1, len = n <= room ? n : sk_utf8_whole(p, room);

	memcpy(o->last, p, len);
	o->last[len] = '\0';
	make_printable(o->last, len);
}

static void
put_line(struct sk_sink *s, struct sk_out *o, const char *p, size_t n)
{
	enum sk_level level = line_level(&p, &n);
	struct sk_str line = SK_STR_INIT;

	if (n > 0 && p[n - 1] == '\r')
		n--;
	remember(o, p, n);
	if (level < sk_log_settings()->level ||
		(s->cfg.console == SK_CONSOLE_QUIET && s->cfg.log_path[0] == '\0'))
		return; /* nobody reads it but in the attempt's file */
	if (s->cfg.console == SK_CONSOLE_EVENTS)
		event_line(s, o, p, n);
	sk_log_format(
		&line, sk_log_settings()->json, sk_wall_ms(), level, "task", o->id, o->attempt, p, n);
	if (s->cfg.console == SK_CONSOLE_TAGGED || s->cfg.console == SK_CONSOLE_RAW)
		sk_sink_console(s, 2, line.p, line.len);
	sk_sink_file(s, s->cfg.split ? o : NULL, line.p, line.len);
	sk_str_release(&line);
}

/* held is as long as a line may be: show what it has. */
static void
cut_line(struct sk_sink *s, struct sk_out *o, struct sk_str *held)
{
	size_t len = sk_utf8_whole(held->p, held->len);

	put_line(s, o, held->p, len);
	sk_str_consume(held, len);
}

static void
split_lines(struct sk_sink *s, struct sk_out *o, struct sk_str *held, const char *p, size_t n)
{
	while (n > 0) {
		const char *nl = memchr(p, '\n', n);
		size_t len = nl != NULL ? (size_t)(nl - p) : n, room = MAX_LINE - held->len;

		if (len > room) {
			sk_str_add(held, p, room);
			cut_line(s, o, held);
			p += room;
			n -= room;
			continue;
		}
		if (nl != NULL && held->len == 0)
			put_line(s, o, p, len);
		else
			sk_str_add(held, p, len);
		if (nl != NULL && held->len > 0) {
			put_line(s, o, held->p, held->len);
			sk_str_clear(held);
		}
		p += len + (nl != NULL ? 1 : 0);
		n -= len + (nl != NULL ? 1 : 0);
	}
}

void
sk_out_feed(struct sk_sink *s, struct sk_out *o, int stream, const char *p, size_t n, bool raw)
{
	int64_t room = o->limit - o->bytes;
	size_t keep = room <= 0 ? 0 : (int64_t)n < room ? n : (size_t)room;

	if (raw)
		sk_sink_console(s, stream, p, n); /* a pipe-through has no cap: the reader decides */
	o->bytes += (int64_t)n;
	o->dropped += (int64_t)(n - keep);
	if (o->levels)
		write_unmarked(s, o, stream - 1, p, keep);
	else
		write_attempt(s, o, p, keep);
	if (raw)
		sk_sink_file(s, s->cfg.split ? o : NULL, p, keep);
	else
		split_lines(s, o, &o->line[stream - 1], p, keep);
}

void
sk_out_end(struct sk_sink *s, struct sk_out *o, bool raw)
{
	for (int i = 0; i < 2; i++) {
		if (o->line[i].len > 0)
			put_line(s, o, o->line[i].p, o->line[i].len);
		sk_str_release(&o->line[i]);
	}
	end_marks(s, o);
	if (o->dropped > 0 && (!raw || s->cfg.data_dir[0] != '\0'))
		sk_sink_log(s, SK_WARNING, o->id, o->attempt,
			"output beyond %lld bytes is not kept: %lld bytes dropped", (long long)o->limit,
			(long long)o->dropped);
	if (o->fd != -1)
		close(o->fd);
	o->fd = -1;
	sk_sink_split_end(s, o);
}
