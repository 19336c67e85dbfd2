/* cgroup_dir.c - directories of control groups: which are ours, who lives there, their removal. */
#include "core/run/cgroup.h"
#include "core/run/cgroup_priv.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#define REMOVE_TRIES 100
#define REMOVE_PAUSE_NS 5000000L

bool
sk_cg_write(const char *dir, const char *file, const char *text)
{
	char path[1300];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}

ssize_t
sk_cg_read(const char *dir, const char *file, char *buf, size_t size)
{
	char path[1300];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] != '\0' ? "/" : "", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

/* Does a comma-separated list hold the word? */
static bool
listed(const char *list, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++)
		if ((i == 0 || list[i - 1] == ',') && strncmp(list + i, word, n) == 0 &&
			(i + n == len || list[i + n] == ','))
			return true;
	return false;
}

/* Where a hierarchy is mounted: type "cgroup2", or "cgroup" with the controller in its options.
 * Lines of mountinfo: id parent dev root mountpoint options … - type source superoptions. */
static bool
find_mount(const char *type, const char *controller, char *out, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		char point[512], fs[32], super[512];
		const char *tail = strstr(line, " - ");

		if (tail == NULL || sscanf(line, "%*s %*s %*s %*s %511s", point) != 1 ||
			sscanf(tail, " - %31s %*s %511s", fs, super) != 2 || strcmp(fs, type) != 0)
			continue;
		if (controller != NULL && !listed(super, strlen(super), controller))
			continue;
		snprintf(out, size, "%s", point);
		found = true;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* Our own path in a hierarchy, from /proc/self/cgroup ("4:memory:/x", "0::/y"). */
static bool
find_path(const char *controller, char *out, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[2048];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		char *first = strchr(line, ':'), *second = first != NULL ? strchr(first + 1, ':') : NULL;
		size_t len;

		if (second == NULL)
			continue;
		line[strcspn(line, "\n")] = '\0';
		len = (size_t)(second - first - 1);
		if (controller == NULL ? len != 0 : !listed(first + 1, len, controller))
			continue;
		snprintf(out, size, "%s", strcmp(second + 1, "/") == 0 ? "" : second + 1);
		found = true;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* Our own group's directory. In a container the path may be the host's: then the mount is it. */
bool
sk_cg_find_own(struct sk_cg_tree *t, const char *type, const char *controller)
{
	char mount[512], path[512];
	struct stat st;

	if (!find_mount(type, controller, mount, sizeof(mount)) ||
		!find_path(controller, path, sizeof(path)))
		return false;
	if (strncmp(path, "/..", 3) == 0)
		return false; /* outside of our cgroup namespace: moved in after it was made */
	snprintf(t->own, sizeof(t->own), "%s%s", mount, path);
	if (stat(t->own, &st) != 0)
		snprintf(t->own, sizeof(t->own), "%s", mount);
	return true;
}

/* Signal what the list names. A list read twice may name a process that is gone: its pid cannot be
 * another's yet, because whoever is in the group is ours or below us, and we are its reaper. */
static size_t
signal_list(const char *dir, int sig)
{
	char path[1300];
	FILE *f;
	long pid;
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f != NULL && fscanf(f, "%ld", &pid) == 1)
		if (pid > 1 && pid != getpid() && kill((pid_t)pid, sig) == 0)
			n++;
	if (f != NULL)
		fclose(f);
	return n;
}

/* The group and those that the task made below it. */
size_t
sk_cg_signal(const char *dir, int sig)
{
	size_t n = signal_list(dir, sig);
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[1300];

		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		n += sk_cg_signal(path, sig);
	}
	if (d != NULL)
		closedir(d);
	return n;
}

/* Groups that a task made below its own. */
static void
remove_below(const char *dir)
{
	struct stat st;
	const struct dirent *e;
	DIR *d = stat(dir, &st) == 0 && st.st_nlink > 2 ? opendir(dir) : NULL;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[1300];

		if (e->d_type == DT_DIR && e->d_name[0] != '.' &&
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) < (int)sizeof(path))
			sk_cg_remove(path);
	}
	if (d != NULL)
		closedir(d);
}

void
sk_cg_remove(const char *dir)
{
	const struct timespec pause = { 0, REMOVE_PAUSE_NS };

	remove_below(dir);
	/* a group stays busy for a moment after its last process was reaped */
	for (int i = 0; i < REMOVE_TRIES && rmdir(dir) != 0 && errno == EBUSY; i++)
		nanosleep(&pause, NULL);
}

/* Only what a kernel shows as a control group: a run file may have been written by anybody. */
static bool
is_run_dir(const char *dir, const char *run_id)
{
	char tail[80];
	size_t len = strlen(dir), tail_len;
	struct statfs fs;

	snprintf(tail, sizeof(tail), "/skalds-%s", run_id);
	tail_len = strlen(tail);
	return len > tail_len && strcmp(dir + len - tail_len, tail) == 0 && statfs(dir, &fs) == 0 &&
		(fs.f_type == CGROUP2_SUPER_MAGIC || fs.f_type == CGROUP_SUPER_MAGIC);
}

size_t
sk_cgroup_clear(const char *dir, const char *run_id)
{
	const struct timespec pause = { 0, REMOVE_PAUSE_NS };
	size_t killed = 0, n;

	if (!is_run_dir(dir, run_id))
		return 0;
	for (int i = 0; i < REMOVE_TRIES && (n = sk_cg_signal(dir, SIGKILL)) > 0; i++) {
		if (n > killed)
			killed = n;
		nanosleep(&pause, NULL);
	}
	sk_cg_remove(dir);
	return killed;
}
