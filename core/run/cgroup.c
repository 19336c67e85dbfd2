#include "core/run/cgroup.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REMOVE_TRIES 100
#define REMOVE_PAUSE_NS 5000000L

/* One hierarchy in use. own is skalds' own group, dir is the run's directory below it. */
struct tree {
	char own[1100];
	char dir[1200];	/* "" = not usable */
};

struct sk_cgroups {
	struct tree v2, v1;
	bool v2_kill;		/* cgroup.kill is there (Linux 5.14) */
	bool v2_memory;		/* the run's directory hands memory on to its groups */
	unsigned next;
	struct sk_cgroup *idle;	/* pooled, without a limit */
	char describe[160];
};

struct sk_cgroup {
	struct sk_cgroup *next;
	char v2[1220], v1[1220];	/* directories; "" = none */
	int v2_dir;		/* of v2, for clone3; -1 = none */
	int v2_procs, v1_procs;	/* cgroup.procs, -1 = none */
	int events;		/* v2 cgroup.events, -1 = none */
	bool kill, limited;
	bool killed;		/* cgroup.kill was written: never handed out again */
	bool memory_v2;
};

static bool
write_file(const char *dir, const char *file, const char *text)
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

static ssize_t
read_file(const char *dir, const char *file, char *buf, size_t size)
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

/* The number behind "name " in a flat keyed file, -1 when it is not there. */
static int64_t
keyed(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = text; p != NULL && *p != '\0'; p = strchr(p, '\n')) {
		if (*p == '\n')
			p++;
		if (strncmp(p, name, len) == 0 && p[len] == ' ')
			return strtoll(p + len + 1, NULL, 10);
	}
	return -1;
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
static bool
find_own(struct tree *t, const char *type, const char *controller)
{
	char mount[512], path[512];
	struct stat st;

	if (!find_mount(type, controller, mount, sizeof(mount)) ||
	    !find_path(controller, path, sizeof(path)))
		return false;
	snprintf(t->own, sizeof(t->own), "%s%s", mount, path);
	if (stat(t->own, &st) != 0)
		snprintf(t->own, sizeof(t->own), "%s", mount);
	return true;
}

static void
make_dir(struct tree *t, const char *run_id)
{
	snprintf(t->dir, sizeof(t->dir), "%s/skalds-%s", t->own, run_id);
	if (mkdir(t->dir, 0755) != 0)
		t->dir[0] = '\0';
}

/* v2 hands a controller only to groups whose parent holds no process: step aside if need be. */
static bool
delegate_memory(const struct sk_cgroups *cgs)
{
	char buf[512], aside[1200];

	if (read_file(cgs->v2.own, "cgroup.controllers", buf, sizeof(buf)) <= 0 ||
	    strstr(buf, "memory") == NULL)
		return false;
	if (!write_file(cgs->v2.own, "cgroup.subtree_control", "+memory")) {
		snprintf(aside, sizeof(aside), "%s/skalds", cgs->v2.own);
		if ((mkdir(aside, 0755) != 0 && errno != EEXIST) || !write_file(aside, "cgroup.procs", "0") ||
		    !write_file(cgs->v2.own, "cgroup.subtree_control", "+memory"))
			return false;
	}
	return write_file(cgs->v2.dir, "cgroup.subtree_control", "+memory");
}

static void
describe(struct sk_cgroups *cgs)
{
	const char *track = cgs->v2.dir[0] != '\0'
		? (cgs->v2_kill ? "v2 (cgroup.kill)" : "v2 (kill by list)")
		: cgs->v1.dir[0] != '\0' ? "v1 (kill by list)" : "none: process groups and marks";
	const char *memory = cgs->v2_memory ? "memory limits by v2"
		: cgs->v1.dir[0] != '\0' ? "memory limits by v1" : "no memory limits";

	snprintf(cgs->describe, sizeof(cgs->describe), "%s, %s", track, memory);
}

struct sk_cgroups *
sk_cgroups_new(const char *run_id, bool enable)
{
	struct sk_cgroups *cgs = sk_xcalloc(1, sizeof(*cgs));
	bool has_v2 = find_own(&cgs->v2, "cgroup2", NULL);
	bool has_v1 = find_own(&cgs->v1, "cgroup", "memory");

	if (enable && has_v2)
		make_dir(&cgs->v2, run_id);
	if (cgs->v2.dir[0] != '\0') {
		char path[1300];

		snprintf(path, sizeof(path), "%s/cgroup.kill", cgs->v2.dir);
		cgs->v2_kill = access(path, W_OK) == 0;
		cgs->v2_memory = delegate_memory(cgs);
	}
	if (enable && has_v1 && !cgs->v2_memory)
		make_dir(&cgs->v1, run_id);
	describe(cgs);
	return cgs;
}

static void
remove_dir(const char *dir)
{
	const struct timespec pause = { 0, REMOVE_PAUSE_NS };

	/* a group stays busy for a moment after its last process was reaped */
	for (int i = 0; i < REMOVE_TRIES && rmdir(dir) != 0 && errno == EBUSY; i++)
		nanosleep(&pause, NULL);
}

static void
destroy(struct sk_cgroup *cg)
{
	if (cg->v2_dir != -1)
		close(cg->v2_dir);
	if (cg->v2_procs != -1)
		close(cg->v2_procs);
	if (cg->v1_procs != -1)
		close(cg->v1_procs);
	if (cg->events != -1)
		close(cg->events);
	if (cg->v2[0] != '\0')
		remove_dir(cg->v2);
	if (cg->v1[0] != '\0')
		remove_dir(cg->v1);
	free(cg);
}

void
sk_cgroups_free(struct sk_cgroups *cgs)
{
	if (cgs == NULL)
		return;
	while (cgs->idle != NULL) {
		struct sk_cgroup *cg = cgs->idle;

		cgs->idle = cg->next;
		destroy(cg);
	}
	if (cgs->v2.dir[0] != '\0')
		remove_dir(cgs->v2.dir);
	if (cgs->v1.dir[0] != '\0')
		remove_dir(cgs->v1.dir);
	free(cgs);
}

const char *
sk_cgroups_v2_dir(const struct sk_cgroups *cgs)
{
	return cgs->v2.dir;
}

const char *
sk_cgroups_v1_dir(const struct sk_cgroups *cgs)
{
	return cgs->v1.dir;
}

bool
sk_cgroups_track(const struct sk_cgroups *cgs)
{
	return cgs->v2.dir[0] != '\0' || cgs->v1.dir[0] != '\0';
}

bool
sk_cgroups_memory(const struct sk_cgroups *cgs)
{
	return cgs->v2_memory || cgs->v1.dir[0] != '\0';
}

const char *
sk_cgroups_describe(const struct sk_cgroups *cgs)
{
	return cgs->describe;
}

/* Make <parent>/<n> and open its cgroup.procs. */
static bool
make_group(const char *parent, unsigned n, char *dir, size_t size, int *procs, struct sk_err *err)
{
	char path[1300];

	snprintf(dir, size, "%s/%u", parent, n);
	if (mkdir(dir, 0755) != 0) {
		sk_fail_errno(err, "mkdir %s", dir);
		dir[0] = '\0';
		return false;
	}
	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	*procs = open(path, O_RDWR | O_CLOEXEC);
	if (*procs == -1)
		sk_fail_errno(err, "open %s", path);
	return *procs != -1;
}

static bool
set_limit(struct sk_cgroup *cg, int64_t memory_mb, struct sk_err *err)
{
	char bytes[32];
	const char *dir = cg->memory_v2 ? cg->v2 : cg->v1;
	const char *file = cg->memory_v2 ? "memory.max" : "memory.limit_in_bytes";

	snprintf(bytes, sizeof(bytes), "%lld", (long long)memory_mb * 1024 * 1024);
	if (!write_file(dir, file, bytes)) {
		sk_fail_errno(err, "write %s to %s/%s", bytes, dir, file);
		return false;
	}
	/* swap would let the task outgrow its limit unseen; the files are absent without swap accounting */
	if (cg->memory_v2)
		write_file(dir, "memory.swap.max", "0");
	else
		write_file(dir, "memory.memsw.limit_in_bytes", bytes);
	return true;
}

static int64_t
oom_count(const char *v2, const char *v1)
{
	char buf[512];

	if (v2 != NULL && read_file(v2, "memory.events", buf, sizeof(buf)) > 0)
		return keyed(buf, "oom_kill");
	if (v1 != NULL && read_file(v1, "memory.oom_control", buf, sizeof(buf)) > 0)
		return keyed(buf, "oom_kill");
	return -1;
}

struct sk_cgroup *
sk_cgroup_take(struct sk_cgroups *cgs, int64_t memory_mb, struct sk_err *err)
{
	bool memory_v1 = memory_mb > 0 && !cgs->v2_memory && cgs->v1.dir[0] != '\0';
	bool track_v1 = cgs->v2.dir[0] == '\0' && cgs->v1.dir[0] != '\0';
	struct sk_cgroup *cg = cgs->idle;
	char path[1300];

	if (!sk_cgroups_track(cgs))
		return NULL;
	if (memory_mb <= 0 && cg != NULL) {
		cgs->idle = cg->next;
		return cg;
	}
	cg = sk_xcalloc(1, sizeof(*cg));
	cg->v2_dir = cg->v2_procs = cg->v1_procs = cg->events = -1;
	cg->kill = cgs->v2_kill;
	cg->limited = memory_mb > 0 && sk_cgroups_memory(cgs);
	cg->memory_v2 = cgs->v2_memory;
	cgs->next++;
	if (cgs->v2.dir[0] != '\0') {
		if (!make_group(cgs->v2.dir, cgs->next, cg->v2, sizeof(cg->v2), &cg->v2_procs, err))
			goto fail;
		cg->v2_dir = open(cg->v2, O_PATH | O_DIRECTORY | O_CLOEXEC); /* -1: children are moved in */
		snprintf(path, sizeof(path), "%s/cgroup.events", cg->v2);
		cg->events = open(path, O_RDONLY | O_CLOEXEC);
		if (cg->events == -1) {
			sk_fail_errno(err, "open %s", path);
			goto fail;
		}
	}
	if ((memory_v1 || track_v1) &&
	    !make_group(cgs->v1.dir, cgs->next, cg->v1, sizeof(cg->v1), &cg->v1_procs, err))
		goto fail;
	if (cg->limited && !set_limit(cg, memory_mb, err))
		goto fail;
	return cg;
fail:
	destroy(cg);
	return NULL;
}

void
sk_cgroup_give(struct sk_cgroups *cgs, struct sk_cgroup *cg)
{
	if (cg == NULL)
		return;
	/* A limited one has counters and a limit of one task's. Into one that was killed Linux 6.14
	 * and later lets nobody be born: it compares the group's count of kills with the one of the
	 * parent's group and sends SIGKILL to the child. */
	if (cg->limited || cg->killed) {
		destroy(cg);
		return;
	}
	cg->next = cgs->idle;
	cgs->idle = cg;
}

int
sk_cgroup_fd(const struct sk_cgroup *cg)
{
	return cg->v2_dir;
}

int
sk_cgroup_enter(const struct sk_cgroup *cg, bool born)
{
	if (!born && cg->v2_procs != -1 && write(cg->v2_procs, "0", 1) != 1)
		return errno;
	if (cg->v1_procs != -1 && write(cg->v1_procs, "0", 1) != 1)
		return errno;
	return 0;
}

bool
sk_cgroup_populated(const struct sk_cgroup *cg)
{
	char buf[256];
	ssize_t n;

	if (cg->events != -1) {
		n = pread(cg->events, buf, sizeof(buf) - 1, 0);
		buf[n > 0 ? n : 0] = '\0';
		return keyed(buf, "populated") != 0;
	}
	n = pread(cg->v1_procs, buf, sizeof(buf), 0);
	return n != 0;
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

void
sk_cgroup_signal(const struct sk_cgroup *cg, int sig)
{
	signal_list(cg->v2[0] != '\0' ? cg->v2 : cg->v1, sig);
}

void
sk_cgroup_kill(struct sk_cgroup *cg)
{
	cg->killed = true;
	if (cg->v2[0] == '\0' || !cg->kill || !write_file(cg->v2, "cgroup.kill", "1"))
		sk_cgroup_signal(cg, SIGKILL);
}

int64_t
sk_cgroup_oom_kills(const struct sk_cgroup *cg)
{
	int64_t n;

	if (!cg->limited)
		return 0;
	n = cg->memory_v2 ? oom_count(cg->v2, NULL) : oom_count(NULL, cg->v1);
	return n > 0 ? n : 0;
}

int64_t
sk_cgroups_own_oom_kills(const struct sk_cgroups *cgs)
{
	return oom_count(cgs->v2.own[0] != '\0' ? cgs->v2.own : NULL,
		cgs->v1.own[0] != '\0' ? cgs->v1.own : NULL);
}

size_t
sk_cgroup_clear(const char *dir, const char *run_id)
{
	char tail[80];
	size_t killed = 0, len = strlen(dir), tail_len;
	struct sk_str path = SK_STR_INIT;
	const struct dirent *e;
	DIR *d;

	snprintf(tail, sizeof(tail), "/skalds-%s", run_id);
	tail_len = strlen(tail);
	if (len <= tail_len || strcmp(dir + len - tail_len, tail) != 0 || (d = opendir(dir)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		const struct timespec pause = { 0, REMOVE_PAUSE_NS };
		size_t n;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		sk_str_clear(&path);
		sk_str_addf(&path, "%s/%s", dir, e->d_name);
		for (int i = 0; i < REMOVE_TRIES && (n = signal_list(path.p, SIGKILL)) > 0; i++) {
			if (n > killed)
				killed = n;
			nanosleep(&pause, NULL);
		}
		remove_dir(path.p);
	}
	closedir(d);
	remove_dir(dir);
	sk_str_release(&path);
	return killed;
}
