/* exectime.c - how long a command takes from exec to its end.
 *
 *	exectime ROUNDS COMMAND…
 *
 * Runs it ROUNDS times, one after the other, with its output thrown away, and prints
 * "P50 P90 P99 MAX" in microseconds. A run that does not end with 0 is an error.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int64_t
now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[1]) : 0;
	int64_t *took = calloc((size_t)(rounds > 0 ? rounds : 1), sizeof *took);
	posix_spawn_file_actions_t a;

	if (rounds < 1 || !took)
		return 99;
	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&a, 1, "/dev/null", O_WRONLY, 0);
	for (int i = 0; i < rounds; i++) {
		int64_t start = now_us();
		int status;
		pid_t pid;
		if (posix_spawn(&pid, argv[2], &a, NULL, argv + 2, environ) != 0 ||
			waitpid(pid, &status, 0) != pid || status != 0) {
			fprintf(stderr, "exectime: %s does not end well\n", argv[2]);
			return 1;
		}
		took[i] = now_us() - start;
	}
	qsort(took, (size_t)rounds, sizeof *took, by_size);
	printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", took[rounds / 2],
		took[(int64_t)rounds * 90 / 100], took[(int64_t)rounds * 99 / 100], took[rounds - 1]);
	free(took);
	return 0;
}
