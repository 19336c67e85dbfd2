/* bad_run.c - runs "SKALDS check -f FILE" on every file of a list that bad_files wrote.
 *
 *	bad_run SKALDS DIR MILLISECONDS KIB
 *
 * For each: it ends in time by itself, within the memory, with 0 or 2; a bad one with 2, its
 * mistake named in exactly its line; every place that is named lies in the file. What fails is
 * printed and its file kept; the others are removed. The last line has the figures.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_OUTPUT ((size_t)1 << 20)

struct result {
	int status;
	long ms, kib;
	bool late;
	char *output; /* stderr, NUL-terminated */
	size_t n;
};

static struct {
	const char *skalds, *dir;
	long max_ms, max_kib;
	long slowest_ms, largest_kib;
	unsigned files, failed, refused, placed;
} g;

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
die(const char *what)
{
	fprintf(stderr, "bad_run: %s: %s\n", what, strerror(errno));
	exit(2);
}

static pid_t
start(const char *path, int *from)
{
	int fds[2], nothing;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		nothing = open("/dev/null", O_RDWR);
		if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(fds[1], 2) < 0)
			_exit(99);
		execl(g.skalds, g.skalds, "check", "-f", path, (char *)NULL);
		_exit(98);
	}
	close(fds[1]);
	*from = fds[0];
	return pid;
}

/* Reads until the other side has ended; kills it when it is late. */
static void
collect(pid_t pid, int from, struct result *r)
{
	long began = now_ms();
	struct pollfd p = { .fd = from, .events = POLLIN };

	for (;;) {
		long left = began + g.max_ms - now_ms();
		ssize_t n = 1;

		if (left <= 0 || (n = poll(&p, 1, (int)left)) == 0) {
			r->late = true;
			kill(pid, SIGKILL);
			break;
		}
		if (n > 0)
			n = read(from, r->output + r->n, MAX_OUTPUT - 1 - r->n);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			die("read");
		if (n > 0)
			r->n += (size_t)n;
	}
	r->output[r->n] = '\0';
}

static void
run(const char *path, struct result *r)
{
	struct rusage usage;
	long began = now_ms();
	int from;
	pid_t pid = start(path, &from);

	r->n = 0;
	r->late = false;
	collect(pid, from, r);
	while (wait4(pid, &r->status, 0, &usage) < 0)
		if (errno != EINTR)
			die("wait4");
	close(from);
	r->ms = now_ms() - began;
	r->kib = usage.ru_maxrss;
	if (r->ms > g.slowest_ms)
		g.slowest_ms = r->ms;
	if (r->kib > g.largest_kib)
		g.largest_kib = r->kib;
}

/* ---- what must hold ---- */

static int
lines_of(const char *path)
{
	FILE *f = fopen(path, "rb");
	int n = 1, c, last = 0;

	if (f == NULL)
		die(path);
	while ((c = getc(f)) != EOF) {
		n += c == '\r' || (c == '\n' && last != '\r');
		last = c;
	}
	fclose(f);
	return n;
}

/* The line a message names; 0: none ("FILE: 3 more" too); -1: it does not start with the file. */
static int
place_of(const char *message, const char *path)
{
	size_t n = strlen(path);

	if (strncmp(message, path, n) != 0 || message[n] != ':')
		return -1;
	if (message[n + 1] == ' ')
		return 0;
	return (int)strtol(message + n + 1, NULL, 10);
}

/* Goes through the messages: are all of them well-formed, and is the expected one there? */
static const char *
messages_problem(const struct result *r, const char *path, int line, const char *words)
{
	int lines = lines_of(path);
	bool named = false;
	char *save = NULL;
	char *copy = strdup(r->output);
	const char *problem = NULL;

	for (char *m = strtok_r(copy, "\n", &save); m != NULL; m = strtok_r(NULL, "\n", &save)) {
		int at = place_of(m, path);

		if (at < 0 || at > lines)
			problem = "a message without a place in the file";
		if ((line == 0 || at == line) && strstr(m, words) != NULL &&
			strstr(m, ": warning: ") == NULL)
			named = true;
		for (const char *p = m; *p != '\0'; p++)
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				problem = "a control character in a message";
	}
	free(copy);
	if (problem == NULL && !named)
		problem = line > 0 ? "the mistake is not named in its line" : "the mistake is not named";
	return problem;
}

static const char *
problem_of(const struct result *r, const char *path, bool bad, int line, const char *words)
{
	if (r->late)
		return "not ended in time";
	if (!WIFEXITED(r->status))
		return "ended by a signal";
	if (r->kib > g.max_kib)
		return "too much memory";
	if (WEXITSTATUS(r->status) == 0)
		return bad ? "accepted" : NULL;
	if (WEXITSTATUS(r->status) != 2)
		return "ended with another code than 0 and 2";
	g.refused++;
	return messages_problem(r, path, bad ? line : 0, bad ? words : "");
}

static void
check_one(char *entry, struct result *r)
{
	char *save = NULL, path[4096];
	const char *name = strtok_r(entry, "\t", &save), *kind = strtok_r(NULL, "\t", &save);
	const char *at = strtok_r(NULL, "\t", &save), *words = strtok_r(NULL, "\n", &save), *problem;
	int line;

	if (name == NULL || kind == NULL || at == NULL)
		die("list");
	line = atoi(at);
	if (words == NULL)
		words = "";
	snprintf(path, sizeof(path), "%s/%s", g.dir, name);
	run(path, r);
	g.files++;
	g.placed += line > 0;
	problem = problem_of(r, path, strcmp(kind, "bad") == 0, line, words);
	if (problem == NULL) {
		unlink(path);
		return;
	}
	g.failed++;
	printf("%s: %s (line %d \"%s\", status 0x%x, %ld ms, %ld KiB)\n  %.600s\n", path, problem, line,
		words, (unsigned)r->status, r->ms, r->kib, r->output);
}

int
main(int argc, char **argv)
{
	struct result r = { .output = malloc(MAX_OUTPUT) };
	char path[4096], entry[4096];
	FILE *list;

	if (argc != 5) {
		fputs("bad_run SKALDS DIR MILLISECONDS KIB\n", stderr);
		return 2;
	}
	g.skalds = argv[1];
	g.dir = argv[2];
	g.max_ms = atol(argv[3]);
	g.max_kib = atol(argv[4]);
	snprintf(path, sizeof(path), "%s/list", g.dir);
	list = fopen(path, "r");
	if (list == NULL || r.output == NULL)
		die(path);
	while (fgets(entry, sizeof(entry), list) != NULL)
		check_one(entry, &r);
	fclose(list);
	free(r.output);
	printf("files=%u failed=%u refused=%u placed=%u slowest_ms=%ld largest_kib=%ld\n", g.files,
		g.failed, g.refused, g.placed, g.slowest_ms, g.largest_kib);
	return g.failed > 0;
}
