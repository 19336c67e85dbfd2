/* coldstart.c - how long it takes from exec to the first line of user code.
 *
 *	coldstart ROUNDS SKALDS STAMP
 *
 * Three ways, one after the other in each round, so that a noisy moment hits all alike:
 *	bare	STAMP itself, a static program
 *	program	SKALDS run-one -- STAMP
 *	worker	SKALDS run-one --class MyWorker: until its first line of log arrives here, which is
 *		later than the line of code that wrote it
 * Prints "bare MEDIAN P90", … in microseconds.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t
now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* Starts argv with its output in a pipe; returns the reading end. */
static int
spawn(char *const *argv, pid_t *pid)
{
	int fd[2];
	if (pipe2(fd, O_CLOEXEC) != 0)
		die("coldstart: pipe");
	posix_spawn_file_actions_t a;
	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&a, fd[1], 1);
	posix_spawn_file_actions_adddup2(&a, fd[1], 2);
	if (posix_spawn(pid, argv[0], &a, NULL, argv, environ) != 0)
		die(argv[0]);
	posix_spawn_file_actions_destroy(&a);
	close(fd[1]);
	return fd[0];
}

/* Reads to the end of the output and waits. found is when word was first seen, 0 when never. */
static void
run(char *const *argv, const char *word, char *text, size_t cap, int64_t *found)
{
	pid_t pid;
	int status, fd = spawn(argv, &pid);
	size_t n = 0;
	ssize_t r;

	*found = 0;
	while (n < cap - 1 && (r = read(fd, text + n, cap - 1 - n)) > 0) {
		n += (size_t)r;
		text[n] = 0;
		if (!*found && strstr(text, word))
			*found = now_ns();
	}
	close(fd);
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "coldstart: %s %s failed: %s\n", argv[0], argv[1] ? argv[1] : "", text);
		exit(1);
	}
}

/* The number that STAMP printed, minus the start. */
static int64_t
stamped(char *const *argv)
{
	char text[65536] = "";
	int64_t found, start = now_ns();
	run(argv, "\n", text, sizeof text, &found);
	for (const char *p = text; *p; p += strcspn(p, "\n") + 1) {
		int64_t v = strtoll(p, NULL, 10);
		if (v > start)
			return v - start;
		if (!strchr(p, '\n'))
			break;
	}
	fprintf(stderr, "coldstart: no time in the output of %s: %s\n", argv[0], text);
	exit(1);
}

static int64_t
logged(char *const *argv, const char *word)
{
	char text[65536] = "";
	int64_t found, start = now_ns();
	run(argv, word, text, sizeof text, &found);
	if (!found) {
		fprintf(stderr, "coldstart: \"%s\" was not printed: %s\n", word, text);
		exit(1);
	}
	return found - start;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void
print(const char *name, int64_t *v, size_t n)
{
	qsort(v, n, sizeof *v, compare);
	printf("%s %" PRId64 " %" PRId64 "\n", name, v[n / 2] / 1000, v[n * 9 / 10] / 1000);
}

int
main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	size_t n = (size_t)atol(argv[1]);
	int64_t *bare = calloc(n, sizeof *bare), *program = calloc(n, sizeof *program),
			*worker = calloc(n, sizeof *worker);
	char *run_bare[] = { argv[3], NULL };
	char run_one[] = "run-one", dashes[] = "--", class[] = "--class", my[] = "MyWorker",
		 att[] = "--attachments",
		 json[] = "{\"rtspUrl\":\"rtsp://x\",\"fixFrame\":1,\"steps\":0,\"intervalSeconds\":0}";
	char *run_program[] = { argv[2], run_one, dashes, argv[3], NULL };
	char *run_worker[] = { argv[2], run_one, class, my, att, json, NULL };

	if (n == 0 || !bare || !program || !worker)
		die("coldstart");
	for (size_t i = 0; i < n; i++) {
		bare[i] = stamped(run_bare);
		program[i] = stamped(run_program);
		worker[i] = logged(run_worker, "starting MyWorker");
	}
	print("bare", bare, n);
	print("program", program, n);
	print("worker", worker, n);
	free(bare);
	free(program);
	free(worker);
	return 0;
}
