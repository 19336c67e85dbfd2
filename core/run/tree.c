#include "core/run/tree.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH 4096 /* a parent chain cannot be longer than the table of a sane host */
#define EXEC_LOOKS 40
#define EXEC_PAUSE_NS 500000
/* in stat, see proc(5) */
#define STAT_FLAGS 9
#define STAT_ENV_START 50
#define STAT_ENV_END 51
#define KERNEL_THREAD 0x00200000u

struct proc {
	pid_t pid, parent, session;
	unsigned long long start; /* clock ticks since boot: tells a recycled pid */
	char state; /* as in stat */
	bool mine;
};

struct proc_list {
	struct proc *list;
	size_t n, cap;
};

static bool
slurp(pid_t pid, const char *file, struct sk_str *out)
{
	char path[64], buf[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	sk_str_clear(out);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false; /* gone, or not ours to look at */
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sk_str_add(out, buf, (size_t)n);
	close(fd);
	return n == 0 && out->len > 0;
}

/* "pid (comm) state ppid pgrp session …": comm may hold anything, so look behind the last ')',
 * where this points; NULL = gone. */
static const char *
read_behind_name(pid_t pid, struct sk_str *text)
{
	return slurp(pid, "stat", text) ? strrchr(text->p, ')') : NULL;
}

static bool
read_stat(pid_t pid, struct proc *p)
{
	struct sk_str text = SK_STR_INIT;
	const char *at = read_behind_name(pid, &text);
	char state = 'Z';
	int parent = 0, session = 0, threads = 0, got = 0;
	unsigned long long start = 0;

	if (at != NULL)
		got = sscanf(at + 1,
			" %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
			" %d %*d %llu",
			&state, &parent, &session, &threads, &start);
	sk_str_release(&text);
	/* a first thread that has ended looks like a zombie while others run on */
	if (got != 5 || state == 'X' || (state == 'Z' && threads <= 1))
		return false;
	*p = (struct proc){
		.pid = pid, .parent = parent, .session = session, .start = start, .state = state
	};
	return true;
}

static void
read_all(struct proc_list *all)
{
	DIR *dir = opendir("/proc");
	const struct dirent *e;

	*all = (struct proc_list){ NULL, 0, 0 };
	if (dir == NULL)
		return; /* no /proc: cgroups and process groups must do */
	while ((e = readdir(dir)) != NULL) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);
		struct proc p;

		if (*end != '\0' || pid <= 0 || !read_stat((pid_t)pid, &p))
			continue;
		if (all->n == all->cap) {
			all->cap = all->cap > 0 ? all->cap * 2 : 128;
			all->list = sk_xreallocarray(all->list, all->cap, sizeof(*all->list));
		}
		all->list[all->n++] = p;
	}
	closedir(dir);
}

/* The value of NAME= in an environment block, or NULL. */
static const char *
entry_value(const struct sk_str *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i + len < env->len; i += strlen(env->p + i) + 1)
		if (strncmp(env->p + i, name, len) == 0 && env->p[i + len] == '=')
			return env->p + i + len + 1;
	return NULL;
}

/* The number in that field of stat, counted as proc(5) does; behind the name alone. */
static unsigned long long
stat_field(const char *behind_name, int field)
{
	const char *at = behind_name;

	for (int i = 2; at != NULL && i < field; i++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoull(at, NULL, 10) : 0;
}

/* Between its old memory and the new one, which has no environment yet? Else what is empty stays
 * empty. */
static bool
in_exec(pid_t pid)
{
	struct sk_str text = SK_STR_INIT;
	const char *at = read_behind_name(pid, &text);
	bool in = at != NULL && at[1] == ' ' && at[2] != 'Z' &&
		(stat_field(at, STAT_FLAGS) & KERNEL_THREAD) == 0 &&
		(stat_field(at, STAT_ENV_END) == 0 ||
			stat_field(at, STAT_ENV_END) != stat_field(at, STAT_ENV_START));

	sk_str_release(&text);
	return in;
}

/* Who is in the midst of an exec has its environment again some microseconds later. Whoever looks
 * once would miss it, so it is waited for, but not for long: it may stand still there. */
static bool
read_environ(pid_t pid, struct sk_str *env)
{
	const struct timespec pause = { 0, EXEC_PAUSE_NS };

	for (int i = 0; i < EXEC_LOOKS; i++) {
		errno = 0;
		if (slurp(pid, "environ", env))
			return true;
		if (errno != 0 || !in_exec(pid))
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool
sk_tree_marks(pid_t pid, const char *run_id, char *task, size_t n, unsigned *attempt)
{
	struct sk_str env = SK_STR_INIT;
	const char *run, *id, *number;
	bool found = false;

	if (read_environ(pid, &env) && (run = entry_value(&env, "SKALDS_RUN")) != NULL &&
		strcmp(run, run_id) == 0 && (id = entry_value(&env, "SKALDS_TASK_ID")) != NULL &&
		(number = entry_value(&env, "SKALDS_ATTEMPT")) != NULL) {
		snprintf(task, n, "%s", id);
		*attempt = (unsigned)strtoul(number, NULL, 10);
		found = true;
	}
	sk_str_release(&env);
	return found;
}

bool
sk_tree_gone(pid_t pid)
{
	struct sk_str text = SK_STR_INIT;
	struct proc p;
	bool gone = kill(pid, 0) != 0 && errno == ESRCH;

	if (!gone) /* without /proc it counts as alive */
		gone = slurp(pid, "stat", &text) && !read_stat(pid, &p);
	sk_str_release(&text);
	return gone;
}

bool
sk_tree_oom_score(pid_t pid, int *score)
{
	struct sk_str text = SK_STR_INIT;
	bool found = slurp(pid, "oom_score_adj", &text);

	if (found)
		*score = atoi(text.p);
	sk_str_release(&text);
	return found;
}

static bool
has_marks(pid_t pid, const struct sk_tree *t)
{
	char task[256];
	unsigned attempt;

	return sk_tree_marks(pid, t->run_id, task, sizeof(task), &attempt) &&
		(t->task_id == NULL || (strcmp(task, t->task_id) == 0 && attempt == t->attempt));
}

static int
by_pid(const void *a, const void *b)
{
	const struct proc *p = a, *q = b;

	return p->pid < q->pid ? -1 : p->pid > q->pid;
}

static struct proc *
find(const struct proc_list *all, pid_t pid)
{
	const struct proc key = { .pid = pid };

	return all->n > 0 ? bsearch(&key, all->list, all->n, sizeof(key), by_pid) : NULL;
}

/* Everything below something that is mine is mine. */
static void
spread(struct proc_list *all, pid_t spare)
{
	if (all->n > 0)
		qsort(all->list, all->n, sizeof(*all->list), by_pid);
	for (size_t i = 0; i < all->n; i++) {
		const struct proc *up = &all->list[i];
		int depth = 0;

		while (up != NULL && !up->mine && up->pid != spare && depth++ < MAX_DEPTH)
			up = find(all, up->parent);
		if (up != NULL && up->mine)
			all->list[i].mine = true;
	}
}

static void
send_signal(const struct proc *p, int sig)
{
	int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	struct proc again;

	if (fd == -1) {
		if (errno == ENOSYS && read_stat(p->pid, &again) && again.start == p->start)
			kill(p->pid, sig); /* a kernel before 5.3: the window is a few microseconds */
		return;
	}
	if (read_stat(p->pid, &again) && again.start == p->start)
		syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0); /* ESRCH: it went by itself */
	close(fd);
}

static size_t
signal_mine(struct proc_list *all, int sig)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (!all->list[i].mine || all->list[i].pid == getpid())
			continue;
		n++;
		if (sig != 0)
			send_signal(&all->list[i], sig);
	}
	free(all->list);
	return n;
}

static void
find_tree(const struct sk_tree *t, struct proc_list *all)
{
	pid_t self = getpid();

	read_all(all);
	for (size_t i = 0; i < all->n; i++) {
		struct proc *p = &all->list[i];

		if (p->pid == self || p->pid == t->spare)
			continue;
		p->mine = (t->session != 0 && p->session == t->session) ||
			(t->run_id != NULL && has_marks(p->pid, t));
	}
	spread(all, t->spare);
}

size_t
sk_tree_signal(const struct sk_tree *t, int sig)
{
	struct proc_list all;

	find_tree(t, &all);
	return signal_mine(&all, sig);
}

/* A child of ours that is no zombie. */
static bool
living_child(pid_t pid)
{
	siginfo_t si = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
		si.si_pid == 0;
}

/* Asking the kernel for each pid whether it is a child costs a fraction of reading its stat. */
static bool
has_strays(bool (*known)(pid_t pid, void *arg), void *arg)
{
	DIR *dir = opendir("/proc");
	const struct dirent *e;
	bool found = false;

	while (dir != NULL && !found && (e = readdir(dir)) != NULL) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);

		found = *end == '\0' && pid > 0 && living_child((pid_t)pid) && !known((pid_t)pid, arg);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* Uninterruptible, with SIGSTOP waiting for it: it executes nothing of its own before it stops. Who
 * waits in vfork for a child that was stopped before its exec is in this state for ever. */
static bool
about_to_stop(const struct proc *p)
{
	struct sk_str text = SK_STR_INIT;
	unsigned long long pending = 0;
	const char *at;

	if (p->state != 'D')
		return false;
	if (slurp(p->pid, "status", &text) && (at = strstr(text.p, "\nShdPnd:")) != NULL)
		pending = strtoull(at + strlen("\nShdPnd:"), NULL, 16);
	sk_str_release(&text);
	return (pending >> (SIGSTOP - 1) & 1) != 0;
}

size_t
sk_tree_halt(const struct sk_tree *t)
{
	struct proc_list all;

	find_tree(t, &all);
	for (size_t i = 0; i < all.n; i++)
		if (strchr("TtZ", all.list[i].state) != NULL || about_to_stop(&all.list[i]))
			all.list[i].mine = false;
	return signal_mine(&all, SIGSTOP);
}

size_t
sk_tree_strays(bool (*known)(pid_t pid, void *arg), void *arg, int sig)
{
	struct proc_list all;
	pid_t self = getpid();

	if (!has_strays(known, arg)) /* nearly always */
		return 0;
	read_all(&all);
	for (size_t i = 0; i < all.n; i++)
		all.list[i].mine = all.list[i].parent == self && !known(all.list[i].pid, arg);
	spread(&all, 0);
	return signal_mine(&all, sig);
}
