#include "test/unit/proc_rig.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 5000

static char scratch[64];

static void
pause_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* ---- files ---- */

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

const char *
proc_scratch(void)
{
	snprintf(scratch, sizeof(scratch), "/tmp/skalds-unit-XXXXXX");
	assert_non_null(mkdtemp(scratch));
	return scratch;
}

void
proc_scratch_remove(void)
{
	assert_int_equal(nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	scratch[0] = '\0';
}

const char *
proc_path(const char *fmt, ...)
{
	static char paths[16][512];
	static unsigned next;
	char *path = paths[next++ % 16];
	int n = snprintf(path, sizeof(paths[0]), "%s/", scratch);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(paths[0]) - (size_t)n, fmt, ap);
	va_end(ap);
	return path;
}

void
proc_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

struct sk_str
proc_read(const char *path)
{
	struct sk_str text = SK_STR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n;

	sk_str_add(&text, "", 0);
	while (fd != -1 && (n = read(fd, buf, sizeof(buf))) > 0)
		sk_str_add(&text, buf, (size_t)n);
	if (fd != -1)
		close(fd);
	return text;
}

bool
proc_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

size_t
proc_entries(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (d != NULL)
		closedir(d);
	return n;
}

size_t
proc_open_fds(void)
{
	return proc_entries("/proc/self/fd");
}

/* ---- processes ---- */

pid_t
proc_sh(const char *script, const char *const *env)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid != 0)
		return pid;
	for (; env != NULL && *env != NULL; env++)
		putenv((char *)(uintptr_t)*env);
	execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	_exit(127);
}

pid_t
proc_fork(int (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		int code = fn(arg);

		fflush(NULL);
		_exit(code);
	}
	return pid;
}

bool
proc_alive(pid_t pid)
{
	char path[32], state = 'X';
	struct sk_str text;
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	text = proc_read(path);
	at = strrchr(text.p, ')');
	if (at != NULL && at[1] == ' ')
		state = at[2];
	sk_str_release(&text);
	return state != 'X' && state != 'Z';
}

bool
proc_gone(pid_t pid)
{
	int64_t until = sk_boot_ms() + PATIENCE_MS;

	while (proc_alive(pid)) {
		if (sk_boot_ms() > until)
			return false;
		pause_ms(1);
	}
	return true;
}

pid_t
proc_pid_from(const char *path)
{
	int64_t until = sk_boot_ms() + PATIENCE_MS;
	pid_t pid = 0;

	while (pid == 0 && sk_boot_ms() < until) {
		struct sk_str text = proc_read(path);

		if (strchr(text.p, '\n') != NULL)
			pid = atoi(text.p);
		sk_str_release(&text);
		if (pid == 0)
			pause_ms(1);
	}
	assert_int_not_equal(pid, 0);
	return pid;
}

int
proc_wait(pid_t pid)
{
	int64_t until = sk_boot_ms() + 2 * PATIENCE_MS;
	int status;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
		if (sk_boot_ms() > until) {
			proc_end(pid);
			fail_msg("process %d does not end", (int)pid);
		}
		pause_ms(1);
	}
	assert_int_equal(got, pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void
proc_end(pid_t pid)
{
	int status;

	assert_true(pid > 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* The next test shall not suffer for this one. */
static void
end_all_children(void)
{
	char path[64];
	struct sk_str pids;
	char *p;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	pids = proc_read(path);
	for (p = strtok(pids.p, " "); p != NULL; p = strtok(NULL, " "))
		kill(atoi(p), SIGKILL);
	sk_str_release(&pids);
	while (waitpid(-1, NULL, WNOHANG) != -1)
		pause_ms(1);
}

void
proc_no_children(void)
{
	pid_t pid = waitpid(-1, NULL, WNOHANG);

	assert_true(pid != -1 || errno == ECHILD);
	if (pid == -1)
		return;
	end_all_children();
	fail_msg("%s", pid == 0 ? "a child is still alive" : "a child was not reaped");
}

size_t
proc_reap_all(void)
{
	int64_t until = sk_boot_ms() + PATIENCE_MS;
	size_t n = 0;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) != -1) {
		n += pid > 0;
		if (pid > 0)
			continue;
		if (sk_boot_ms() > until)
			fail_msg("after %zu children one is still alive", n);
		pause_ms(1);
	}
	return n;
}

void
proc_must_at(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "# %s:%d: %s (errno: %s)\n", file, line, what, strerror(errno));
	_exit(1);
}
