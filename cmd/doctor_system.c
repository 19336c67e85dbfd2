/* doctor_system.c - what the kernel lets us do. */
#include "cmd/doctor.h"
#include "core/base/clock.h"
#include "core/run/cgroup.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A supervisor, its link and 100 tasks with their pipes. */
#define WANTED_FILES 1024
#define WANTED_PROCESSES 512
#define BUILD_YEAR 2024

static void
check_kernel(struct sk_checkup *c)
{
	struct utsname u;

	if (uname(&u) == -1)
		sk_checkup(c, SK_BROKEN, "uname: %s", strerror(errno));
	else
		sk_checkup(c, SK_FINE, "%s %s on %s", u.sysname, u.release, u.machine);
}

/* The real thing is tried, under a run id of its own; sk_cgroups_free removes it. */
static struct sk_cgroups *
try_cgroups(void)
{
	unsigned long long raw[2];
	char id[33];

	if (getrandom(raw, sizeof(raw), GRND_NONBLOCK) != (ssize_t)sizeof(raw))
		raw[0] = raw[1] = (unsigned long long)getpid();
	snprintf(id, sizeof(id), "%016llx%016llx", raw[0], raw[1]);
	return sk_cgroups_new(id, true);
}

static void
check_cgroups(struct sk_checkup *c)
{
	struct sk_cgroups *cgs = try_cgroups();

	if (sk_cgroups_track(cgs))
		sk_checkup(
			c, SK_FINE, "%s: all processes of a task are killed at once", sk_cgroups_describe(cgs));
	else
		sk_checkup(c, SK_LIMITED,
			"%s: a process that clears its environment and leaves its "
			"session is found only as an adopted orphan",
			sk_cgroups_describe(cgs));
	sk_cgroups_free(cgs);
}

static void
check_memory_limit(struct sk_checkup *c)
{
	struct sk_cgroups *cgs = try_cgroups();

	if (sk_cgroups_memory(cgs))
		sk_checkup(
			c, SK_FINE, "resources.memoryMb is enforced and \"oom\" is told from other kills");
	else if (sk_cgroups_own_oom_kills(cgs) >= 0)
		sk_checkup(c, SK_LIMITED,
			"resources.memoryMb is not enforced; \"oom\" is told by the "
			"counter of the group that skalds itself is in");
	else
		sk_checkup(c, SK_LIMITED,
			"resources.memoryMb is not enforced; an out-of-memory kill shows "
			"as signal 9");
	sk_cgroups_free(cgs);
}

static void
check_subreaper(struct sk_checkup *c)
{
	int before = 0;

	if (getpid() == 1) {
		sk_checkup(c, SK_FINE, "PID 1 adopts orphans");
		return;
	}
	if (prctl(PR_GET_CHILD_SUBREAPER, &before) == -1 || prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		sk_checkup(c, SK_BROKEN, "orphans of tasks cannot be adopted: %s", strerror(errno));
	else {
		prctl(PR_SET_CHILD_SUBREAPER, before);
		sk_checkup(c, SK_FINE, "orphans of tasks are adopted");
	}
}

static void
check_pidfd(struct sk_checkup *c)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd == -1) {
		sk_checkup(c, SK_BROKEN, "pidfd_open: %s (Linux 5.3 or later is needed)", strerror(errno));
		return;
	}
	close(fd);
	sk_checkup(c, SK_FINE, "a signal never hits a process that took over a task's number");
}

/* In a child: unshare cannot be undone. Returns an errno, 0 when it works, -1 without an answer. */
static int
try_unshare(int flags)
{
	pid_t pid = fork();
	int status;

	if (pid == -1)
		return errno;
	if (pid == 0)
		_exit(unshare(flags) == 0 ? 0 : errno & 0xff);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
check_namespaces(struct sk_checkup *c)
{
	int e = try_unshare(CLONE_NEWPID | CLONE_NEWNS);

	if (e == 0)
		sk_checkup(c, SK_FINE, "Exec's isolate works");
	else
		sk_checkup(c, SK_LIMITED, "Exec's isolate does not work here: %s",
			e > 0 ? strerror(e) : "the attempt was killed");
}

/* Tasks are found by their environment: ours must be readable, and with hidepid strangers are not,
 * which does no harm. */
static void
check_proc(struct sk_checkup *c)
{
	int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);

	if (fd == -1) {
		sk_checkup(c, SK_LIMITED,
			"/proc/self/environ: %s: processes that left their task's session "
			"cannot be found",
			strerror(errno));
		return;
	}
	close(fd);
	sk_checkup(c, SK_FINE, "/proc shows the processes of tasks");
}

static void
check_clock(struct sk_checkup *c)
{
	struct timespec res;
	time_t now = (time_t)(sk_wall_ms() / 1000);
	struct tm tm;
	char text[SK_TIME_LEN];

	if (clock_getres(CLOCK_BOOTTIME, &res) == -1) {
		sk_checkup(c, SK_BROKEN, "CLOCK_BOOTTIME: %s", strerror(errno));
		return;
	}
	if (gmtime_r(&now, &tm) == NULL || tm.tm_year + 1900 < BUILD_YEAR)
		sk_checkup(c, SK_LIMITED,
			"the wall clock says %s: times in logs are wrong, durations and "
			"timeouts are right",
			sk_time_text(sk_wall_ms(), text));
	else
		sk_checkup(
			c, SK_FINE, "%s; durations go by the boot clock", sk_time_text(sk_wall_ms(), text));
}

static void
limit_text(struct sk_str *s, const char *name, rlim_t value)
{
	sk_str_addf(s, "%s%s ", s->len > 0 ? ", " : "", name);
	if (value == RLIM_INFINITY)
		sk_str_adds(s, "unlimited");
	else
		sk_str_addf(s, "%llu", (unsigned long long)value);
}

static void
check_limits(struct sk_checkup *c)
{
	struct rlimit files, processes;
	struct sk_str text = SK_STR_INIT;
	bool low;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1 || getrlimit(RLIMIT_NPROC, &processes) == -1) {
		sk_checkup(c, SK_BROKEN, "getrlimit: %s", strerror(errno));
		return;
	}
	limit_text(&text, "open files", files.rlim_max);
	limit_text(&text, "processes", processes.rlim_cur);
	/* The limit of processes does not bind root. */
	low =
		files.rlim_max < WANTED_FILES || (geteuid() != 0 && processes.rlim_cur < WANTED_PROCESSES);
	sk_checkup(c, low ? SK_LIMITED : SK_FINE, "%s%s", sk_str_text(&text),
		low ? ": a hundred tasks at once may not fit" : "");
	sk_str_release(&text);
}

const struct sk_check sk_system_checks[] = {
	{ "kernel", check_kernel },
	{ "process trees", check_cgroups },
	{ "memory limits", check_memory_limit },
	{ "orphans", check_subreaper },
	{ "pidfd", check_pidfd },
	{ "PID namespaces", check_namespaces },
	{ "/proc", check_proc },
	{ "clock", check_clock },
	{ "limits", check_limits },
	{ NULL, NULL },
};
