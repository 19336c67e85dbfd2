/* die.c - ends in the way it is told.
 *
 *	die exit N | signal N | segv | fpe | ill | stack | abort | pipe | xcpu | xfsz
 *	die oom MIB		touches that much memory, then ends with 0
 *	die oom-child MIB	a child touches it; ends with 0 whatever became of the child
 *	die stubborn		ignores SIGTERM and waits
 *	die polite N		ends with code N when SIGTERM comes
 *	die obey		waits until SIGTERM kills it
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t polite_code;

static void
check_limit(int result)
{
	if (result != 0) {
		perror("die: setrlimit");
		exit(99);
	}
}

static void
on_term(int sig)
{
	(void)sig;
	_exit(polite_code);
}

static void
die_signal(int sig)
{
	signal(sig, SIG_DFL);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}

/* volatile: the compiler must neither see the endless recursion nor make a loop of it. */
static int
eat_stack(volatile int depth)
{
	volatile char page[4096];
	page[0] = (char)depth;
	return depth < 0 ? 0 : eat_stack(depth + 1) + page[0];
}

static void
eat_memory(size_t mib)
{
	for (size_t i = 0; i < mib; i++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			exit(98);
		memset(p, 1, 1 << 20);
	}
}

static void
eat_memory_in_child(size_t mib)
{
	pid_t pid = fork();
	if (pid == 0) {
		eat_memory(mib);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		exit(97);
}

static void
die_pipe(void)
{
	int fd[2];
	if (pipe(fd) != 0)
		exit(97);
	signal(SIGPIPE, SIG_DFL);
	close(fd[0]);
	if (write(fd[1], "x", 1) < 0)
		exit(96);
}

static void
die_xcpu(void)
{
	/* The hard limit is SIGKILL and must not come first. */
	check_limit(setrlimit(RLIMIT_CPU, &(struct rlimit){ 1, 10 }));
	signal(SIGXCPU, SIG_DFL);
	for (volatile unsigned i = 0;; i++)
		;
}

static void
die_xfsz(void)
{
	char name[] = "/tmp/die.XXXXXX";
	int fd = mkstemp(name);
	if (fd < 0)
		exit(97);
	unlink(name);
	check_limit(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 10, 10 }));
	signal(SIGXFSZ, SIG_DFL);
	for (int i = 0; i < 3; i++)
		if (write(fd, "1234567890", 10) < 0)
			exit(95);
}

static void
die_by_name(const char *how)
{
	volatile int zero = 0;
	volatile int *volatile nowhere = NULL;

	if (strcmp(how, "segv") == 0)
		*nowhere = 1;
	else if (strcmp(how, "fpe") == 0)
		exit(7 / zero);
	else if (strcmp(how, "ill") == 0)
		__builtin_trap();
	else if (strcmp(how, "stack") == 0)
		exit(eat_stack(0));
	else if (strcmp(how, "abort") == 0)
		abort();
	else if (strcmp(how, "pipe") == 0)
		die_pipe();
	else if (strcmp(how, "xcpu") == 0)
		die_xcpu();
	else if (strcmp(how, "xfsz") == 0)
		die_xfsz();
}

static void
wait_for_signals(void)
{
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return 99;
	const char *how = argv[1];
	int n = argc > 2 ? atoi(argv[2]) : 0;

	/* No test needs a core, and the last one may fill the disk. */
	check_limit(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }));
	if (strcmp(how, "exit") == 0)
		return n;
	if (strcmp(how, "signal") == 0)
		die_signal(n);
	else if (strcmp(how, "oom") == 0) {
		eat_memory((size_t)n);
		return 0;
	} else if (strcmp(how, "oom-child") == 0) {
		eat_memory_in_child((size_t)n);
		return 0;
	} else if (strcmp(how, "stubborn") == 0) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		wait_for_signals();
	} else if (strcmp(how, "polite") == 0) {
		polite_code = n;
		signal(SIGTERM, on_term);
		wait_for_signals();
	} else if (strcmp(how, "obey") == 0) {
		signal(SIGTERM, SIG_DFL);
		wait_for_signals();
	}
	die_by_name(how);
	fprintf(stderr, "die: still alive after %s\n", how);
	return 99;
}
