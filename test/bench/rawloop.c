/* rawloop.c - the fastest plain loop: N times the same program, two at a time, exit codes checked,
 * output not captured. The yardstick for a task with a process of its own.
 *
 *	rawloop N PROGRAM
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	long left = atol(argv[1]), running = 0, failed = 0;
	char *args[] = { argv[2], NULL };

	while (left > 0 || running > 0) {
		while (left > 0 && running < 2) {
			pid_t pid;
			int e = posix_spawn(&pid, argv[2], NULL, NULL, args, environ);
			if (e != 0) {
				fprintf(stderr, "rawloop: %s: %s\n", argv[2], strerror(e));
				return 1;
			}
			left--;
			running++;
		}
		int status;
		if (wait(&status) < 0)
			return 1;
		running--;
		failed += status != 0;
	}
	return failed > 0;
}
