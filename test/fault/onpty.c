/* onpty.c - runs a command with a terminal of its own and copies what it prints to stdout.
 *
 *	onpty COLSxROWS SECONDS[:BYTE[,BYTE]] COMMAND…
 *
 * After SECONDS the BYTEs (numbers, 3 = Ctrl-C) are typed; without one the terminal is hung up.
 * Ends as the command ended (128 + n for a signal), 124 when it still ran 10 s later.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* False when the terminal is at its end. */
static int
copy_some(int fd, int wait_ms)
{
	char buf[4096];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, wait_ms) <= 0)
		return 1;
	ssize_t n = read(fd, buf, sizeof buf);
	if (n <= 0)
		return 0;
	return fwrite(buf, 1, (size_t)n, stdout) == (size_t)n;
}

static void
act(int *fd, const char *what)
{
	const char *colon = strchr(what, ':');
	for (const char *p = colon; p; p = strchr(p + 1, ',')) {
		char key = (char)atoi(p + 1);
		if (write(*fd, &key, 1) != 1)
			perror("onpty: write");
	}
	if (colon)
		return;
	close(*fd);
	*fd = -1;
}

static int
exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
main(int argc, char **argv)
{
	struct winsize size = { 0 };
	if (argc < 4 || sscanf(argv[1], "%hux%hu", &size.ws_col, &size.ws_row) != 2)
		return 99;
	int fd, status;
	pid_t pid = forkpty(&fd, NULL, NULL, &size);
	if (pid < 0) {
		perror("onpty: forkpty");
		return 99;
	}
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}

	int64_t start = now_ms(), when = start + (int64_t)(atof(argv[2]) * 1000);
	int done = 0, open = 1;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (!done && now_ms() >= when) {
			act(&fd, argv[2]);
			done = 1;
			open = fd >= 0;
		}
		if (now_ms() > when + 10000) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return 124;
		}
		if (open)
			open = copy_some(fd, 50);
		else
			usleep(50000);
	}
	while (open && fd >= 0 && copy_some(fd, 100) && now_ms() < when + 12000) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		open = poll(&p, 1, 200) > 0;
	}
	fflush(stdout);
	return exit_code(status);
}
