/* logfile.c - LOG_PATH: "[<name>]_<YYYYMMDD-HHMMSS>.log", rotated by size, removed by age. */
#include "core/base/clock.h"
#include "core/run/sink.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 10000

static void
stamp(char out[20], const char *format)
{
	time_t now = (time_t)(sk_wall_ms() / 1000);
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL || strftime(out, 20, format, &tm) == 0)
		out[0] = '\0';
}

static bool
open_file(const struct sk_sink *s, struct sk_logfile *f, const char *name)
{
	char clean[200], when[20]; /* with the stamps of a rotated file it fits a name's 255 bytes */
	struct stat st;

	snprintf(clean, sizeof(clean), "%s", name);
	for (char *p = clean; *p != '\0'; p++)
		if (strchr("/:*?\"<>|", *p) != NULL || (unsigned char)*p < 0x20)
			*p = '_';
	stamp(when, "%Y%m%d-%H%M%S");
	if (mkdir(s->cfg.log_path, 0750) != 0 && errno != EEXIST)
		return false;
	snprintf(f->path, sizeof(f->path), "%s/[%s]_%s.log", s->cfg.log_path, clean, when);
	f->fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (f->fd == -1)
		return false;
	f->size = fstat(f->fd, &st) == 0 ? st.st_size : 0;
	return true;
}

/* The full file gets the time before its extension, as the original's library does. */
static void
rotate(const struct sk_sink *s, struct sk_logfile *f, const char *name)
{
	char old[1100], when[20];
	size_t len = strlen(f->path);

	stamp(when, "%Y%m%d-%H%M%S");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(old, sizeof(old), "%.*s.%s_%03u.log", (int)(len - 4), f->path, when, i);
		if (access(old, F_OK) != 0)
			break;
	}
	sk_logfile_close(f);
	if (rename(f->path, old) == 0)
		open_file(s, f, name); /* a failure shows at the next write */
}

void
sk_logfile_close(struct sk_logfile *f)
{
	if (f->fd != -1)
		close(f->fd);
	f->fd = -1;
	f->size = 0;
}

/* A full disk must not stop anything: say it once on the console, count, try again later. */
static void
lost(struct sk_sink *s, const char *what, size_t n)
{
	int saved = errno;
	bool first = s->file_lost == 0;

	s->file_lost += (int64_t)n;
	s->retry_ms = sk_boot_ms() + RETRY_MS;
	if (first) {
		struct sk_str line = SK_STR_INIT;
		char msg[1200];
		int len = snprintf(msg, sizeof(msg), "log file %s: %s; lines go to the console only", what,
			strerror(saved));

		sk_log_format(&line, sk_log_settings()->json, sk_wall_ms(), SK_WARNING, "supervisor", NULL,
			0, msg, (size_t)len < sizeof(msg) ? (size_t)len : sizeof(msg) - 1);
		sk_sink_console(s, 2, line.p, line.len);
		sk_str_release(&line);
	}
}

void
sk_logfile_write(struct sk_sink *s, struct sk_logfile *f, const char *name, const char *p, size_t n)
{
	int64_t before = s->written;

	if (s->retry_ms > sk_boot_ms()) {
		s->file_lost += (int64_t)n;
		return;
	}
	if (f->fd == -1 && !open_file(s, f, name)) {
		lost(s, s->cfg.log_path, n);
		return;
	}
	if (s->cfg.rotation_bytes > 0 && f->size > 0 && f->size + (int64_t)n > s->cfg.rotation_bytes)
		rotate(s, f, name);
	if (f->fd == -1 || !sk_file_write(s, f->fd, p, n)) {
		lost(s, f->path, n);
		sk_logfile_close(f);
		return;
	}
	f->size += s->written - before; /* nothing, beyond the total */
	if (s->file_lost > 0) {
		int64_t bytes = s->file_lost;

		s->file_lost = 0;
		sk_sink_log(s, SK_WARNING, NULL, 0, "log file is written again; %lld bytes were lost",
			(long long)bytes);
	}
}

/* Behind "YYYYMMDD-HHMMSS", or NULL. */
static const char *
skip_stamp(const char *p)
{
	for (int i = 0; i < 15; i++, p++)
		if (i == 8 ? *p != '-' : *p < '0' || *p > '9')
			return NULL;
	return p;
}

/* "[<name>]_<stamp>.log" or, rotated, "[<name>]_<stamp>.<stamp>_<nnn>.log". */
static bool
is_ours(const char *name)
{
	const char *p = strrchr(name, ']');

	if (name[0] != '[' || p == NULL || p[1] != '_' || (p = skip_stamp(p + 2)) == NULL)
		return false;
	if (p[0] == '.' && p[1] >= '0' && p[1] <= '9') {
		if ((p = skip_stamp(p + 1)) == NULL || p[0] != '_' || strspn(p + 1, "0123456789") != 3)
			return false;
		p += 4;
	}
	return strcmp(p, ".log") == 0;
}

static bool
is_open(const struct sk_sink *s, const char *name)
{
	size_t n = strlen(s->cfg.log_path) + 1; /* of what stands before the name in a path */

	if (s->file.fd != -1 && strcmp(s->file.path + n, name) == 0)
		return true;
	for (const struct split *sp = s->splits; sp != NULL; sp = sp->next)
		if (sp->file.fd != -1 && strcmp(sp->file.path + n, name) == 0)
			return true;
	return false;
}

void
sk_logfile_clean(struct sk_sink *s)
{
	int64_t now = sk_wall_ms(), oldest = now / 1000 - s->cfg.retention_s;
	bool steady = sk_steady_look(&s->clock, now, sk_boot_ms()); /* else everything may look old */
	DIR *d = s->cfg.retention_s > 0 && steady ? opendir(s->cfg.log_path) : NULL;
	const struct dirent *e;
	struct stat st;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!is_ours(e->d_name) || is_open(s, e->d_name) ||
			fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
			st.st_mtime >= oldest || unlinkat(dirfd(d), e->d_name, 0) != 0)
			continue; /* what could not be removed is tried again in an hour */
		if (st.st_ctime >= s->began_ms / 1000) { /* of this run: there is room again */
			s->written -= st.st_size < s->written ? st.st_size : s->written;
			s->total_said = false;
		}
	}
	if (d != NULL)
		closedir(d);
}
