#include "core/run/spawn.h"
#include "core/base/hooks.h"
#include "core/base/mem.h"
#include "core/run/clone.h"
#include "core/run/fds.h"
#include "core/run/worker_runtime.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_STACK ((size_t)64 << 10)
/* The child of a vfork shares our memory: sanitizers must not follow it there. */
#define SHARED_CHILD __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

struct child_arg {
	const struct sk_spawn *s;
	pid_t parent;
	bool born; /* into its cgroup */
	volatile enum sk_spawn_step step;
	volatile int err;
};

/* Dispositions and mask as a program expects them; SIGKILL when the parent dies. PDEATHSIG is a
 * bonus: it is lost on a set-uid exec and follows the thread, but we have only one. */
SHARED_CHILD static int
reset_process(const struct sk_spawn *s, pid_t parent)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP &&
			(s->changed == NULL || sigismember(s->changed, sig)))
			sigaction(sig, &sa, NULL); /* the two reserved by glibc refuse: fine */
	sigemptyset(&none);
	if (setsid() == -1 || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return errno;
	/* our own need for descriptors is no task's: select() and close loops suffer from it */
	if (s->nofile->rlim_max != 0 && setrlimit(RLIMIT_NOFILE, s->nofile) != 0)
		return errno;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return parent != 0 && getppid() != parent ? ESRCH : 0;
}

SHARED_CHILD static void
raise_oom_score(const struct sk_spawn *s)
{
	int fd = s->oom_score[0] != '\0' ? open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC) : -1;

	if (fd == -1)
		return;
	if (write(fd, s->oom_score, strlen(s->oom_score)) < 0)
		(void)0; /* no matter: the kernel then picks by size alone */
	close(fd);
}

SHARED_CHILD static int
place_fds(const struct sk_spawn *s)
{
	const int from[3] = { s->in, s->out, s->err };

	for (int i = 0; i < 3; i++)
		if (from[i] != -1 && dup2(from[i], i) == -1)
			return errno;
	return 0;
}

/* Last of what needs root. The kernel forgets PDEATHSIG when the user changes. */
SHARED_CHILD static int
become_user(const struct sk_spawn *s, pid_t parent)
{
	const struct sk_user *u = s->user;

	if (u == NULL)
		return 0;
	if (setgroups(u->n_groups, u->groups) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
		setresuid(u->uid, u->uid, u->uid) != 0)
		return errno;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return parent != 0 && getppid() != parent ? ESRCH : 0;
}

SHARED_CHILD static int
exec_child(void *arg)
{
	struct child_arg *c = arg;
	const struct sk_spawn *s = c->s;

	c->step = SK_SPAWN_SESSION;
	if ((c->err = reset_process(s, c->parent)) != 0)
		_exit(127);
	c->step = SK_SPAWN_CGROUP;
	if (s->cg != NULL && (c->err = sk_cgroup_enter(s->cg, c->born)) != 0)
		_exit(127);
	raise_oom_score(s);
	c->step = SK_SPAWN_FDS;
	if ((c->err = place_fds(s)) != 0)
		_exit(127);
	c->step = SK_SPAWN_USER;
	if ((c->err = become_user(s, c->parent)) != 0)
		_exit(127);
	c->step = SK_SPAWN_CWD; /* a directory that the user may enter */
	if (s->start->cwd[0] != '\0' && chdir(s->start->cwd) != 0) {
		c->err = errno;
		_exit(127);
	}
	c->step = SK_SPAWN_EXEC;
	/* argv is const in our struct; execve does not change it */
	execve(s->path, (char *const *)(uintptr_t)s->start->argv, s->env);
	c->err = errno;
	_exit(127);
}

/* A copy of this process, born into its cgroup where the kernel can (Linux 5.7, and no seccomp
 * filter against clone3). *born tells parent and child. flags: CLONE_NEWPID and the like.
 * glibc's fork would do nothing more for a process of one thread. */
static pid_t
clone_copy(const struct sk_cgroup *cg, uint64_t flags, bool *born)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	pid_t pid = -1;

	*born = cg != NULL && sk_cgroup_fd(cg) != -1;
	if (*born) {
		args.flags |= (uint64_t)CLONE_INTO_CGROUP;
		args.cgroup = (__u64)(unsigned)sk_cgroup_fd(cg);
		pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	}
	if (pid != -1)
		return pid;
	*born = false;
	return (pid_t)syscall(SYS_clone, (unsigned long)flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* The child shares our memory until it execs: the cheapest start there is. -1 where it cannot be
 * born into its cgroup like that. */
static pid_t
clone_sharing(struct child_arg *c)
{
	static char stack[CHILD_STACK] __attribute__((aligned(16)));
	const struct sk_cgroup *cg = c->s->cg;

	if (cg == NULL)
		return clone(exec_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, c);
	c->born = true;
	return sk_cgroup_fd(cg) == -1
		? -1
		: sk_clone_into(sk_cgroup_fd(cg), stack, sizeof(stack), exec_child, c);
}

/* The child is a copy of us; c lies in shared memory for its sake. */
static pid_t
clone_copied(struct child_arg *c)
{
	bool born;
	pid_t pid = clone_copy(c->s->cg, CLONE_VFORK, &born);

	if (pid == 0) {
		c->born = born;
		exec_child(c);
	}
	return pid;
}

static pid_t
clone_program(struct child_arg *c)
{
	pid_t pid = clone_sharing(c);
	struct child_arg *shared;

	if (pid != -1 || c->s->cg == NULL)
		return pid;
	shared = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -1;
	*shared = *c;
	pid = clone_copied(shared);
	c->err = pid == -1 ? errno : shared->err;
	c->step = shared->step;
	munmap(shared, sizeof(*shared));
	errno = c->err;
	return pid;
}

pid_t
sk_spawn_program(const struct sk_spawn *s, struct sk_spawn_failure *failure)
{
	struct child_arg c = { .s = s, .parent = getpid() };
	sigset_t all, before;
	pid_t pid;

	/* a handler must not run in the child while it shares our memory */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone_program(&c);
	*failure = (struct sk_spawn_failure){ SK_SPAWN_FORK, errno };
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid <= 0 || c.err == 0)
		return pid;
	waitpid(pid, NULL, 0);
	*failure = (struct sk_spawn_failure){ c.step, c.err };
	return -1;
}

/* Everything above keep is closed; keep moves to 3, and no program that is executed inherits it. */
static int
close_others(int *keep)
{
	if (*keep != -1 && *keep != 3) {
		if (dup3(*keep, 3, O_CLOEXEC) == -1)
			return errno;
		*keep = 3;
	}
	return sk_fds_close_from(*keep == -1 ? 3 : 4, false) ? 0 : errno;
}

/* In the child: what failed before it became the task; the supervisor reports it. */
static _Noreturn void
cannot_start(int channel, enum sk_spawn_step step, int err)
{
	struct sk_chan chan;
	struct sk_str payload = SK_STR_INIT;

	sk_chan_init(&chan, channel);
	sk_put_u32(&payload, (uint32_t)step);
	sk_put_u32(&payload, (uint32_t)err);
	sk_chan_queue(&chan, SK_F_UNSTARTED, 0, 0, &payload);
	_exit(sk_chan_flush(&chan, NULL) == SK_OK ? 127 : 125);
}

/* The marks of a program come with exec; a worker's are written where /proc shows them. The
 * environment moves out of that memory first. */
static char **
take_identity(const struct sk_spawn *s)
{
	const char *marks[8] = { NULL };
	char **env, *text;
	size_t n = 0, n_marks = 0;

	while (s->env[n] != NULL)
		n++;
	env = sk_xcalloc(n + 1, sizeof(*env));
	for (size_t i = 0; i < n; i++) {
		env[i] = sk_xstrdup(s->env[i]);
		if (strncmp(env[i], "SKALDS_", 7) == 0 && n_marks < 7)
			marks[n_marks++] = env[i];
	}
	text = sk_xasprintf("skalds: worker %s", s->start->id);
	sk_title_set(s->title, text);
	sk_title_marks(
		s->title, marks); /* no room: its parent and its session still tell whose it is */
	free(text);
	return env;
}

pid_t
sk_spawn_worker(const struct sk_spawn *s, struct sk_spawn_failure *failure)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;
	int channel = s->channel, err;
	char **env;
	bool born;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone_copy(s->cg, 0, &born);
	if (pid != 0) {
		if (pid == -1)
			*failure = (struct sk_spawn_failure){ SK_SPAWN_FORK, errno };
		sigprocmask(SIG_SETMASK, &before, NULL);
		return pid;
	}
	sk_hooks_be(SK_HOOKS_WORKER);
	if ((err = reset_process(s, parent)) != 0)
		cannot_start(channel, SK_SPAWN_SESSION, err);
	if (s->cg != NULL && (err = sk_cgroup_enter(s->cg, born)) != 0)
		cannot_start(channel, SK_SPAWN_CGROUP, err);
	raise_oom_score(s);
	if ((err = place_fds(s)) != 0 || (err = close_others(&channel)) != 0)
		cannot_start(channel, SK_SPAWN_FDS, err);
	if ((err = become_user(s, parent)) != 0)
		cannot_start(channel, SK_SPAWN_USER, err);
	if (s->start->cwd[0] != '\0' && chdir(s->start->cwd) != 0)
		cannot_start(channel, SK_SPAWN_CWD, errno);
	env = s->title != NULL ? take_identity(s) : s->env;
	if (s->warm != NULL)
		sk_warm_main(s->worker, s->warm, env, channel);
	sk_worker_main(s->worker, s->start, s->attempt, env, channel);
}

/* PID 1 of the namespace: start the program, reap, hand signals on, report the program's end. */
static _Noreturn void
isolated_init(const struct sk_spawn *s, int channel)
{
	struct sk_spawn inner = *s;
	struct sk_spawn_failure failure = { 0, 0 };
	struct sk_chan chan;
	struct sk_str payload = SK_STR_INIT;
	sigset_t set;
	pid_t child;

	sk_chan_init(&chan, channel);
	sigfillset(&set);
	inner.in = inner.out = inner.err = -1;
	inner.cg = NULL; /* entered already */
	child = sk_spawn_program(&inner, &failure);
	if (child == -1)
		cannot_start(channel, failure.step, failure.err);
	for (;;) {
		siginfo_t si;
		int status, sig = sigwaitinfo(&set, &si);
		pid_t pid;

		if (sig > 0 && sig != SIGCHLD)
			kill(-child, sig); /* gone already: SIGCHLD is next */
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != child)
				continue;
			sk_put_u32(&payload, (uint32_t)status);
			sk_chan_queue(&chan, SK_F_RESULT, 0, 0, &payload);
			_exit(sk_chan_flush(&chan, NULL) == SK_OK ? 0 : 125);
		}
	}
}

static int
own_proc(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		/* in a chroot the root is no mount: then a /proc of ours could show up on the host */
		return errno == EINVAL ? 0 : errno;
	/* ps and friends must see the namespace; without the right to mount they see the host's */
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
		(void)0;
	return 0;
}

/* In the child of the clone. The supervisor is not in our namespace, so getppid() says nothing of
 * it: its end of the channel does. Signals stay blocked, init waits for them. */
static _Noreturn void
become_init(const struct sk_spawn *s, bool born)
{
	struct pollfd p = { .fd = s->channel };
	int channel = s->channel, err;

	prctl(PR_SET_NAME, "skalds-init");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&p, 1, 0) != 0)
		_exit(125); /* it died before the line above */
	if (setsid() == -1)
		cannot_start(channel, SK_SPAWN_SESSION, errno);
	if (s->cg != NULL && (err = sk_cgroup_enter(s->cg, born)) != 0)
		cannot_start(channel, SK_SPAWN_CGROUP, err);
	raise_oom_score(s);
	if ((err = own_proc()) != 0)
		cannot_start(channel, SK_SPAWN_NAMESPACE, err);
	if ((err = place_fds(s)) != 0 || (err = close_others(&channel)) != 0)
		cannot_start(channel, SK_SPAWN_FDS, err);
	isolated_init(s, channel);
}

pid_t
sk_spawn_isolated(const struct sk_spawn *s, struct sk_spawn_failure *failure)
{
	sigset_t all, before;
	pid_t pid;
	bool born;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone_copy(s->cg, CLONE_NEWPID | CLONE_NEWNS, &born);
	if (pid == 0)
		become_init(s, born);
	if (pid == -1)
		*failure =
			(struct sk_spawn_failure){ errno == EPERM ? SK_SPAWN_NAMESPACE : SK_SPAWN_FORK, errno };
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

bool
sk_find_program(const char *argv0, char *const *env, char *path, size_t n)
{
	const char *dirs = "/usr/local/bin:/usr/bin:/bin";
	bool denied = false;

	if (strlen(argv0) >= n) { /* cut, it would be another file */
		snprintf(path, n, "%s", argv0);
		errno = ENAMETOOLONG;
		return false;
	}
	if (strchr(argv0, '/') != NULL) {
		snprintf(path, n, "%s", argv0);
		return true; /* exec says what is wrong with it */
	}
	for (; *env != NULL; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			dirs = *env + 5;
	while (*dirs != '\0' && argv0[0] != '\0') {
		size_t len = strcspn(dirs, ":");
		struct stat st;
		int whole =
			snprintf(path, n, "%.*s/%s", len > 0 ? (int)len : 1, len > 0 ? dirs : ".", argv0);

		if (whole > 0 && (size_t)whole < n && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			if (access(path, X_OK) == 0)
				return true;
			denied = true;
		}
		dirs += len + (dirs[len] == ':' ? 1 : 0);
	}
	snprintf(path, n, "%s", argv0);
	errno = denied ? EACCES : ENOENT;
	return false;
}

/* Is the file itself there? A relative path counts from the task's directory. */
static bool
exists(const struct sk_spawn *s)
{
	int dir = AT_FDCWD;
	bool found;

	if (s->path[0] != '/' && s->start->cwd[0] != '\0') {
		dir = open(s->start->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir == -1)
			return false;
	}
	found = faccessat(dir, s->path, F_OK, 0) == 0;
	if (dir != AT_FDCWD)
		close(dir);
	return found;
}

static int
exec_message(const struct sk_spawn *s, int err, char *msg, size_t n)
{
	bool found = err != ENOENT || exists(s);

	if (err == ENOENT && found)
		snprintf(msg, n, "exec %s: its interpreter does not exist", s->path);
	else
		snprintf(msg, n, "exec %s: %s", s->path, strerror(err));
	return found ? 126 : 127;
}

int
sk_spawn_message(const struct sk_spawn *s, const struct sk_spawn_failure *f, char *msg, size_t n)
{
	const char *reason = strerror(f->err);

	switch (f->step) {
	case SK_SPAWN_FORK:
		snprintf(msg, n, "fork: %s", reason);
		break;
	case SK_SPAWN_SESSION:
		snprintf(msg, n, "new session: %s", reason);
		break;
	case SK_SPAWN_CGROUP:
		snprintf(msg, n, "enter the cgroup: %s", reason);
		break;
	case SK_SPAWN_NAMESPACE:
		snprintf(msg, n, "isolate: new PID namespace: %s", reason);
		break;
	case SK_SPAWN_USER:
		snprintf(msg, n, "become user %s: %s%s", s->start->user, reason,
			f->err == EPERM ? " (skalds does not run as root)" : "");
		break;
	case SK_SPAWN_CWD:
		snprintf(msg, n, "chdir %s: %s", s->start->cwd, reason);
		break;
	case SK_SPAWN_FDS:
		snprintf(msg, n, "standard input, output and error: %s", reason);
		break;
	case SK_SPAWN_EXEC:
		return exec_message(s, f->err, msg, n);
	}
	return 126;
}
