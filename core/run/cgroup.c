#include "core/run/cgroup.h"
#include "core/base/mem.h"
#include "core/run/cgroup_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct sk_cgroups {
	struct sk_cg_tree v2, v1;
	bool v2_kill; /* cgroup.kill is there (Linux 5.14) */
	bool v2_memory; /* the run's directory hands memory on to its groups */
	char aside[1120]; /* where we went for that; "" = nowhere */
	unsigned next;
	struct sk_cgroup *idle; /* pooled, without a limit */
	char describe[160];
};

struct sk_cgroup {
	struct sk_cgroup *next;
	char v2[1220], v1[1220]; /* directories; "" = none */
	int v2_dir; /* of v2, for clone3; -1 = none */
	int v2_procs, v1_procs; /* cgroup.procs, -1 = none */
	int events; /* v2 cgroup.events, -1 = none */
	int oom; /* the file that counts kills for want of memory, -1 = none */
	int64_t oom_before; /* its count when the task came */
	bool kill, limited;
	bool frozen; /* cgroup.freeze was written */
	bool killed; /* cgroup.kill was written: never handed out again */
	bool memory_v2;
};

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

static void
make_dir(struct sk_cg_tree *t, const char *run_id)
{
	snprintf(t->dir, sizeof(t->dir), "%s/skalds-%s", t->own, run_id);
	if (mkdir(t->dir, 0755) != 0)
		t->dir[0] = '\0';
}

/* Back to where we were started, so that nothing of ours stays behind. */
static void
step_back(struct sk_cgroups *cgs)
{
	if (cgs->aside[0] == '\0')
		return;
	/* refused while another run still needs it: then that run removes it, or the next one */
	sk_cg_write(cgs->v2.own, "cgroup.subtree_control", "-memory");
	if (sk_cg_write(cgs->v2.own, "cgroup.procs", "0"))
		rmdir(cgs->aside);
	cgs->aside[0] = '\0';
}

/* v2 hands a controller only to groups whose parent holds no process: step aside if need be. */
static bool
delegate_memory(struct sk_cgroups *cgs)
{
	char buf[512];

	if (sk_cg_read(cgs->v2.own, "cgroup.controllers", buf, sizeof(buf)) <= 0 ||
		strstr(buf, "memory") == NULL)
		return false;
	if (!sk_cg_write(cgs->v2.own, "cgroup.subtree_control", "+memory")) {
		snprintf(cgs->aside, sizeof(cgs->aside), "%s/skalds", cgs->v2.own);
		if ((mkdir(cgs->aside, 0755) != 0 && errno != EEXIST) ||
			!sk_cg_write(cgs->aside, "cgroup.procs", "0") ||
			!sk_cg_write(cgs->v2.own, "cgroup.subtree_control", "+memory")) {
			step_back(cgs); /* others live in our group: they were not asked */
			return false;
		}
	}
	return sk_cg_write(cgs->v2.dir, "cgroup.subtree_control", "+memory");
}

static void
describe(struct sk_cgroups *cgs)
{
	const char *track = cgs->v2.dir[0] != '\0'
		? (cgs->v2_kill ? "v2 (cgroup.kill)" : "v2 (kill by list)")
		: cgs->v1.dir[0] != '\0' ? "v1 (kill by list)"
								 : "none: process groups and marks";
	const char *memory = cgs->v2_memory ? "memory limits by v2"
		: cgs->v1.dir[0] != '\0'		? "memory limits by v1"
										: "no memory limits";

	snprintf(cgs->describe, sizeof(cgs->describe), "%s, %s", track, memory);
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
	if (cg->oom != -1)
		close(cg->oom);
	if (cg->v2[0] != '\0')
		sk_cg_remove(cg->v2);
	if (cg->v1[0] != '\0')
		sk_cg_remove(cg->v1);
	free(cg);
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
	if (!sk_cg_write(dir, file, bytes)) {
		sk_fail_errno(err, "write %s to %s/%s", bytes, dir, file);
		return false;
	}
	/* swap would let the task outgrow its limit unseen; without swap accounting there are none */
	if (cg->memory_v2)
		sk_cg_write(dir, "memory.swap.max", "0");
	else
		sk_cg_write(dir, "memory.memsw.limit_in_bytes", bytes);
	return true;
}

static int64_t
oom_count(const char *v2, const char *v1)
{
	char buf[512];

	if (v2 != NULL && sk_cg_read(v2, "memory.events", buf, sizeof(buf)) > 0)
		return keyed(buf, "oom_kill");
	if (v1 != NULL && sk_cg_read(v1, "memory.oom_control", buf, sizeof(buf)) > 0)
		return keyed(buf, "oom_kill");
	return -1;
}

static int
open_in(const char *dir, const char *file)
{
	char path[1300];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool
make_v2(const struct sk_cgroups *cgs, struct sk_cgroup *cg, struct sk_err *err)
{
	if (!make_group(cgs->v2.dir, cgs->next, cg->v2, sizeof(cg->v2), &cg->v2_procs, err))
		return false;
	cg->v2_dir = open(cg->v2, O_PATH | O_DIRECTORY | O_CLOEXEC); /* -1: children are moved in */
	cg->events = open_in(cg->v2, "cgroup.events");
	if (cg->events == -1)
		sk_fail_errno(err, "open %s/cgroup.events", cg->v2);
	return cg->events != -1;
}

static struct sk_cgroup *
new_group(struct sk_cgroups *cgs, int64_t memory_mb, struct sk_err *err)
{
	struct sk_cgroup *cg = sk_xcalloc(1, sizeof(*cg));
	bool memory = memory_mb > 0 && sk_cgroups_memory(cgs);
	bool v2 = cgs->v2.dir[0] != '\0', v1 = !v2 || (memory && !cgs->v2_memory);

	cg->v2_dir = cg->v2_procs = cg->v1_procs = cg->events = cg->oom = -1;
	cg->kill = cgs->v2_kill;
	cg->limited = memory;
	cg->memory_v2 = cgs->v2_memory;
	cgs->next++;
	if ((v2 && !make_v2(cgs, cg, err)) ||
		(v1 && !make_group(cgs->v1.dir, cgs->next, cg->v1, sizeof(cg->v1), &cg->v1_procs, err)) ||
		(memory && !set_limit(cg, memory_mb, err))) {
		destroy(cg);
		return NULL;
	}
	cg->oom = cg->memory_v2 ? open_in(cg->v2, "memory.events")
		: v1				? open_in(cg->v1, "memory.oom_control")
							: -1;
	return cg;
}

/* -1 = nobody counts. */
static int64_t
oom_now(const struct sk_cgroup *cg)
{
	char buf[512];
	ssize_t n = cg->oom != -1 ? pread(cg->oom, buf, sizeof(buf) - 1, 0) : -1;

	if (n <= 0)
		return -1;
	buf[n] = '\0';
	return keyed(buf, "oom_kill");
}

struct sk_cgroup *
sk_cgroup_take(struct sk_cgroups *cgs, int64_t memory_mb, struct sk_err *err)
{
	struct sk_cgroup *cg = memory_mb <= 0 ? cgs->idle : NULL;

	if (!sk_cgroups_track(cgs))
		return NULL;
	if (cg != NULL)
		cgs->idle = cg->next;
	else if ((cg = new_group(cgs, memory_mb, err)) == NULL)
		return NULL;
	cg->oom_before = oom_now(cg);
	return cg;
}

void
sk_cgroup_give(struct sk_cgroups *cgs, struct sk_cgroup *cg)
{
	if (cg == NULL)
		return;
	/* A limited one has counters and a limit of one task's. Into one that was killed Linux 6.14
	 * and later lets nobody be born: it compares the group's count of kills with the one of the
	 * parent's group and sends SIGKILL to the child. */
	if (cg->frozen)
		sk_cgroup_freeze(cg, false);
	if (cg->limited || cg->killed || cg->frozen) {
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

/* A group that can be made is not always one that can be entered (a threaded or foreign subtree, a
 * filter): try it once, before tasks depend on it. The group is the first task's. */
static bool
enterable(struct sk_cgroups *cgs)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_cgroup *cg = sk_cgroup_take(cgs, 0, &err);
	int status = -1;
	pid_t pid;

	if (cg == NULL)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(sk_cgroup_enter(cg, false) != 0);
	if (pid == -1) /* no process to be had now; the first task will tell */
		status = 0;
	else
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			;
	if (status == 0)
		sk_cgroup_give(cgs, cg);
	else
		destroy(cg);
	return status == 0;
}

static void
find_v2(struct sk_cgroups *cgs, const char *run_id)
{
	char path[1300];

	make_dir(&cgs->v2, run_id);
	if (cgs->v2.dir[0] == '\0')
		return;
	snprintf(path, sizeof(path), "%s/cgroup.kill", cgs->v2.dir);
	cgs->v2_kill = access(path, W_OK) == 0;
	cgs->v2_memory = delegate_memory(cgs);
	if (enterable(cgs))
		return;
	sk_cg_remove(cgs->v2.dir);
	step_back(cgs);
	cgs->v2.dir[0] = '\0';
	cgs->v2_memory = false;
}

static void
find_v1(struct sk_cgroups *cgs, const char *run_id)
{
	make_dir(&cgs->v1, run_id);
	if (cgs->v1.dir[0] == '\0' || cgs->v2.dir[0] != '\0' || enterable(cgs))
		return;
	sk_cg_remove(cgs->v1.dir);
	cgs->v1.dir[0] = '\0';
}

struct sk_cgroups *
sk_cgroups_new(const char *run_id, bool enable)
{
	struct sk_cgroups *cgs = sk_xcalloc(1, sizeof(*cgs));
	bool has_v2 = sk_cg_find_own(&cgs->v2, "cgroup2", NULL);
	bool has_v1 = sk_cg_find_own(&cgs->v1, "cgroup", "memory");

	if (enable && has_v2)
		find_v2(cgs, run_id);
	if (enable && has_v1 && !cgs->v2_memory)
		find_v1(cgs, run_id);
	describe(cgs);
	return cgs;
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
		sk_cg_remove(cgs->v2.dir);
	if (cgs->v1.dir[0] != '\0')
		sk_cg_remove(cgs->v1.dir);
	step_back(cgs);
	free(cgs);
}

/* A group that somebody removed (ENODEV) was empty. */
bool
sk_cgroup_populated(const struct sk_cgroup *cg)
{
	struct stat st;
	char buf[256];
	ssize_t n;

	if (cg->events != -1) {
		n = pread(cg->events, buf, sizeof(buf) - 1, 0);
		buf[n > 0 ? n : 0] = '\0';
		return n >= 0 ? keyed(buf, "populated") != 0 : errno != ENODEV;
	}
	/* opened anew: on a descriptor that stays open v1 may show what it has shown before */
	n = sk_cg_read(cg->v1, "cgroup.procs", buf, sizeof(buf));
	if (n != 0)
		return n > 0 || (errno != ENODEV && errno != ENOENT);
	/* v1 lists a group without those below it */
	return stat(cg->v1, &st) == 0 && st.st_nlink > 2 && sk_cg_signal(cg->v1, 0) > 0;
}

void
sk_cgroup_signal(const struct sk_cgroup *cg, int sig)
{
	sk_cg_signal(cg->v2[0] != '\0' ? cg->v2 : cg->v1, sig);
}

void
sk_cgroup_kill(struct sk_cgroup *cg)
{
	cg->killed = true;
	if (cg->v2[0] == '\0' || !cg->kill || !sk_cg_write(cg->v2, "cgroup.kill", "1"))
		sk_cgroup_signal(cg, SIGKILL);
}

bool
sk_cgroup_freeze(struct sk_cgroup *cg, bool freeze)
{
	if (cg->v2[0] == '\0' || !sk_cg_write(cg->v2, "cgroup.freeze", freeze ? "1" : "0"))
		return false;
	cg->frozen = freeze;
	return true;
}

bool
sk_cgroup_frozen(const struct sk_cgroup *cg)
{
	char buf[256];
	ssize_t n = pread(cg->events, buf, sizeof(buf) - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	return keyed(buf, "frozen") == 1;
}

int64_t
sk_cgroup_oom_kills(const struct sk_cgroup *cg)
{
	int64_t now = oom_now(cg);

	return now < 0 || cg->oom_before < 0 ? -1 : now - cg->oom_before;
}

int64_t
sk_cgroups_own_oom_kills(const struct sk_cgroups *cgs)
{
	return oom_count(
		cgs->v2.own[0] != '\0' ? cgs->v2.own : NULL, cgs->v1.own[0] != '\0' ? cgs->v1.own : NULL);
}
