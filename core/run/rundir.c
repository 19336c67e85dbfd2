#include "core/run/rundir.h"
#include "core/base/str.h"
#include "core/run/cgroup.h"
#include "core/run/tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CLEAR_ROUNDS 50
#define LOCK_ROUNDS 50
#define CLEAR_PAUSE_NS 10000000L

/* Ours or root's: a directory somebody else made under /tmp is not trusted. Root's is, when we may
 * write there: that is how Kubernetes hands a volume to a pod. */
static bool
usable(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return false;
	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && access(dir, W_OK | X_OK) == 0 &&
		(st.st_uid == geteuid() || st.st_uid == 0 || geteuid() == 0);
}

/* Below /tmp anybody could have been first, also for root: what a run file there says must not make
 * us kill others' processes. */
static bool
usable_in_tmp(const char *dir)
{
	struct stat st;

	return usable(dir) && lstat(dir, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

const char *
sk_rundir(char *buf, size_t n)
{
	const char *own = getenv("SKALDS_RUN_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");

	if (own != NULL && own[0] != '\0') {
		if ((size_t)snprintf(buf, n, "%s", own) >= n || !usable(buf))
			buf[0] = '\0';
		return buf;
	}
	snprintf(buf, n, "/run/skalds");
	if (usable(buf))
		return buf;
	if (xdg != NULL && xdg[0] == '/') {
		if ((size_t)snprintf(buf, n, "%s/skalds", xdg) < n && usable(buf))
			return buf;
	}
	snprintf(buf, n, "/tmp/skalds-%u", (unsigned)geteuid());
	if (!usable_in_tmp(buf))
		buf[0] = '\0';
	return buf;
}

static enum sk_code
make_run_id(char id[SK_RUN_ID_LEN], struct sk_err *err)
{
	unsigned char raw[16];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return sk_fail_errno(err, "getrandom");
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(id + 2 * i, 3, "%02x", raw[i]);
	return SK_OK;
}

static bool
same_file(int fd, int dir, const char *name)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Between our open and our lock another start may take the file for a dead run's, hold it for a
 * moment and remove it: then we begin again. Who holds it for long lives, in another PID namespace
 * that shares the directory. */
static int
open_locked(const char *path, struct sk_err *err)
{
	const struct timespec pause = { 0, CLEAR_PAUSE_NS };

	for (int i = 0; i < LOCK_ROUNDS; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		bool locked = fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == 0;

		if (fd == -1) {
			sk_fail_errno(err, "open %s", path);
			return -1;
		}
		if (locked && same_file(fd, AT_FDCWD, path))
			return fd;
		close(fd);
		if (!locked)
			nanosleep(&pause, NULL);
	}
	sk_fail(err, SK_ECONFLICT, "%s belongs to another supervisor", path);
	return -1;
}

enum sk_code
sk_run_file_open(struct sk_run_file *rf, struct sk_err *err)
{
	char path[320];

	*rf = (struct sk_run_file){ .fd = -1 };
	if (make_run_id(rf->run_id, err) != SK_OK)
		return err->code;
	if (sk_rundir(rf->dir, sizeof(rf->dir))[0] == '\0')
		return SK_OK;
	snprintf(path, sizeof(path), "%s/%d.run", rf->dir, (int)getpid());
	rf->fd = open_locked(path, err);
	if (rf->fd == -1) {
		rf->dir[0] = '\0'; /* its socket and results would be another's as well */
		return err->code;
	}
	if (ftruncate(rf->fd, 0) != 0)
		return sk_fail_errno(err, "truncate %s", path);
	return sk_run_file_note(rf, NULL, NULL, err);
}

enum sk_code
sk_run_file_note(
	struct sk_run_file *rf, const char *cgroup_v2, const char *cgroup_v1, struct sk_err *err)
{
	struct sk_str text = SK_STR_INIT;
	bool complete;
	ssize_t n;

	if (rf->fd == -1)
		return SK_OK;
	sk_str_addf(&text, "%s\n%s\n%s\n", rf->run_id, cgroup_v2 != NULL ? cgroup_v2 : "",
		cgroup_v1 != NULL ? cgroup_v1 : "");
	n = pwrite(rf->fd, text.p, text.len, 0);
	complete = n == (ssize_t)text.len && ftruncate(rf->fd, n) == 0;
	if (n >= 0 && n < (ssize_t)text.len)
		errno = ENOSPC; /* a short write says no more */
	if (!complete)
		sk_fail_errno(err, "write %s/%d.run", rf->dir, (int)getpid());
	sk_str_release(&text);
	return complete ? SK_OK : err != NULL ? err->code : SK_EIO;
}

void
sk_run_file_abandon(struct sk_run_file *rf)
{
	if (rf->fd != -1)
		close(rf->fd);
	rf->fd = -1;
}

/* Results of tasks that nobody took: "<pid>.<n>.result". */
static void
remove_results(int dir, const char *pid, size_t pid_len)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd != -1 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		const char *dot = strrchr(e->d_name, '.');

		if (dot != NULL && strcmp(dot, ".result") == 0 && strncmp(e->d_name, pid, pid_len) == 0 &&
			e->d_name[pid_len] == '.')
			unlinkat(dir, e->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
	else if (fd != -1)
		close(fd);
}

void
sk_run_file_close(struct sk_run_file *rf)
{
	char path[320], pid[16];
	int dir;

	if (rf->fd == -1)
		return;
	snprintf(path, sizeof(path), "%s/%d.run", rf->dir, (int)getpid());
	unlink(path); /* if it stays, the next start finds nothing behind it */
	dir = open(rf->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir != -1) {
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		remove_results(dir, pid, strlen(pid));
		close(dir);
	}
	close(rf->fd);
	rf->fd = -1;
}

/* The n-th line of text, cut at its end. text is changed. */
static const char *
next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (end != NULL) {
		*end = '\0';
		*text = end + 1;
	} else
		*text = line + strlen(line);
	return line;
}

/* Kill what carries the run's mark until nothing is left; killed processes need a moment to go. */
static size_t
kill_marked(const char *run_id)
{
	const struct sk_tree tree = { .run_id = run_id };
	const struct timespec pause = { 0, CLEAR_PAUSE_NS };
	size_t killed = 0;

	for (int i = 0; i < CLEAR_ROUNDS; i++) {
		size_t n = sk_tree_signal(&tree, SIGKILL);

		if (n > killed)
			killed = n;
		if (n == 0)
			break;
		nanosleep(&pause, NULL);
	}
	return killed;
}

static size_t
clear_run(int fd)
{
	char text[2048];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	char *at = text;
	const char *run_id, *v2, *v1;
	size_t killed;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	run_id = next_line(&at);
	v2 = next_line(&at);
	v1 = next_line(&at);
	if (strlen(run_id) != SK_RUN_ID_LEN - 1)
		return 0;
	killed = sk_cgroup_clear(v2, run_id) + sk_cgroup_clear(v1, run_id);
	return killed + kill_marked(run_id);
}

/* A process that its supervisor was about to start when it was killed shares the lock until it
 * execs or sees that it is an orphan: then no process has the pid in the name any more. */
static bool
lock_dead(int fd, const char *name)
{
	const struct timespec pause = { 0, CLEAR_PAUSE_NS };
	pid_t pid = (pid_t)strtol(name, NULL, 10);

	for (int i = 0; i < LOCK_ROUNDS; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (pid <= 0 || !sk_tree_gone(pid))
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* One run file. True when its run is dead; then everything of it is gone now. */
static bool
clear_file(int dir, const char *name, size_t *killed)
{
	size_t pid_len = strlen(name) - strlen(".run");
	char sock[320];
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	/* a run that closed its file meanwhile may have a successor of the same pid and name */
	bool dead = fd != -1 && lock_dead(fd, name) && same_file(fd, dir, name);

	if (dead) {
		*killed += clear_run(fd);
		remove_results(dir, name, pid_len);
		snprintf(sock, sizeof(sock), "%.*s.sock", (int)pid_len, name);
		unlinkat(dir, sock, 0); /* may be gone already */
		unlinkat(dir, name, 0);
	}
	if (fd != -1) /* else another user's, or just gone */
		close(fd);
	return dead;
}

size_t
sk_rundir_clear(const char *dir, char *note, size_t note_len)
{
	DIR *d = dir[0] != '\0' ? opendir(dir) : NULL;
	const struct dirent *e;
	size_t killed = 0, runs = 0;

	if (note != NULL && note_len > 0)
		note[0] = '\0';
	while (d != NULL && (e = readdir(d)) != NULL) {
		const char *dot = strrchr(e->d_name, '.');

		if (dot != NULL && strcmp(dot, ".run") == 0 && clear_file(dirfd(d), e->d_name, &killed))
			runs++;
	}
	if (d != NULL)
		closedir(d);
	if (note != NULL && killed > 0)
		snprintf(note, note_len, "cleared what %zu dead run(s) left: %zu process(es) killed", runs,
			killed);
	return killed;
}
