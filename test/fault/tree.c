/* tree.c - process trees that are hard to stop. Every process carries MARK as an argument.
 *
 *	tree KIND MARK
 *
 * stubborn	one process that ignores SIGTERM, SIGINT, SIGHUP
 * family	three generations, all stubborn
 * daemon	leaves a stubborn double-forked daemon in a session of its own; the first one waits
 * escaped	the same, but the first one ends at once with 0
 * fork50	50 stubborn children, each in a process group of its own
 * stopped	stops itself, with a stopped child
 * hopping	a chain: each process forks its successor and ends, every 2 ms, for ever
 * naked	a stubborn daemon that was executed with an empty environment
 * quiet	all descriptors closed, then stubborn
 * traced	a child that its parent stopped with ptrace
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

static void
die(const char *what)
{
	perror(what);
	exit(99);
}

static void
be_stubborn(void)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static void
wait_for_ever(void)
{
	for (;;)
		pause();
}

static void
pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

static pid_t
fork_or_die(void)
{
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	return pid;
}

static void
say_ready(void)
{
	puts("ready");
	fflush(stdout);
}

/* Returns in the parent at once, and in the daemon when it is one. */
static int
become_daemon(void)
{
	if (fork_or_die() != 0)
		return 0;
	setsid();
	if (fork_or_die() != 0)
		_exit(0);
	setsid();
	be_stubborn();
	return 1;
}

static void
run_daemon(char **argv, int keep_parent, int empty_environment)
{
	static char *no_env[] = { NULL };
	if (become_daemon()) {
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		if (empty_environment) {
			char *args[] = { argv[0], (char[]){ "stubborn" }, argv[2], NULL };
			execve("/proc/self/exe", args, no_env);
			_exit(98);
		}
		wait_for_ever();
	}
	pause_ms(100);
	say_ready();
	if (keep_parent)
		wait_for_ever();
}

static void
run_family(void)
{
	be_stubborn();
	if (fork_or_die() == 0 && fork_or_die() == 0)
		wait_for_ever();
	pause_ms(50);
	say_ready();
	wait_for_ever();
}

static void
run_fork50(void)
{
	be_stubborn();
	for (int i = 0; i < 50; i++)
		if (fork_or_die() == 0) {
			setpgid(0, 0);
			wait_for_ever();
		}
	say_ready();
	wait_for_ever();
}

static void
run_stopped(void)
{
	be_stubborn();
	if (fork_or_die() == 0) {
		raise(SIGSTOP);
		wait_for_ever();
	}
	say_ready();
	raise(SIGSTOP);
	wait_for_ever();
}

static void
run_hopping(void)
{
	be_stubborn();
	say_ready();
	if (fork_or_die() != 0)
		wait_for_ever();
	for (;;) {
		pause_ms(2);
		pid_t pid = fork();
		if (pid > 0)
			_exit(0);
	}
}

static void
run_quiet(void)
{
	be_stubborn();
	say_ready();
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
	wait_for_ever();
}

static void
run_traced(void)
{
	be_stubborn();
	if (fork_or_die() == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		wait_for_ever();
	}
	pause_ms(50);
	say_ready();
	wait_for_ever();
}

int
main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: tree KIND MARK\n", stderr);
		return 99;
	}
	const char *kind = argv[1];
	if (strcmp(kind, "stubborn") == 0) {
		be_stubborn();
		say_ready();
		wait_for_ever();
	} else if (strcmp(kind, "family") == 0)
		run_family();
	else if (strcmp(kind, "daemon") == 0)
		run_daemon(argv, 1, 0);
	else if (strcmp(kind, "escaped") == 0)
		run_daemon(argv, 0, 0);
	else if (strcmp(kind, "naked") == 0)
		run_daemon(argv, 1, 1);
	else if (strcmp(kind, "fork50") == 0)
		run_fork50();
	else if (strcmp(kind, "stopped") == 0)
		run_stopped();
	else if (strcmp(kind, "hopping") == 0)
		run_hopping();
	else if (strcmp(kind, "quiet") == 0)
		run_quiet();
	else if (strcmp(kind, "traced") == 0)
		run_traced();
	else {
		fprintf(stderr, "tree: no kind %s\n", kind);
		return 99;
	}
	return 0;
}
