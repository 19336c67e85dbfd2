/* feed.c - the clients of a fault test: adds witness tasks by `skalds task add` at a steady rate,
 * cancels some, and writes down what it was told. What it does depends on the seed alone.
 *
 *	feed -b SKALDS -d DATA -w WITNESS -t TRUTH -o RECORD -p PREFIX [-r RATE] [-n COUNT] [-m MAX]
 *		[-x KINDS] [-s SEED]
 *
 * RATE tasks a second (50) until COUNT (0 = no end) or SIGTERM, at most MAX commands at once (12).
 * Then it waits for the commands that still run, for at most 90 s, and ends with 0. KINDS is a string
 * of letters, each as probable as it is frequent:
 *
 *	p	ends well after at most 0.2 s
 *	f	fails each time
 *	g	fails once or twice, then ends well
 *	a	starts after the last one that was accepted
 *	t	has a child that must be cleared away
 *	c	runs for 20 s and is cancelled within a second
 *	i	the same, and does not listen to SIGTERM
 *	l	runs for 2 to 3 s
 *	b	ten of p at once, from a file
 *
 * RECORD gets one line of JSON for each answer, see oracle.py. Each line is one write. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RUNNING = 64, MAX_CANCELS = 4096, BULK = 10, LAST_WAIT_S = 90, GAVE_UP = 255 };

struct plan {
	char id[64], after[64]; /* after: "" = nothing */
	int ms, code, good, retries;
	bool tree, stubborn, cancel;
};

/* A command that runs. */
struct command {
	pid_t pid; /* 0 = free */
	bool is_cancel;
	int n;
	struct plan plans[BULK]; /* a cancel has one, with the id */
	int64_t begin;
	char file[64]; /* of a bulk; "" = none */
};

struct cancel {
	char id[64];
	int64_t due;
};

struct feed {
	const char *skalds, *data, *witness, *truth, *prefix, *kinds;
	double rate;
	long count, made;
	int max, record;
	uint64_t random;
	char last[64]; /* the last one that was accepted */
	struct command running[MAX_RUNNING];
	struct cancel cancels[MAX_CANCELS];
	int n_cancels;
};

static volatile sig_atomic_t stopped;

static void
on_stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static int64_t
clock_ns(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t
now_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

/* 0..n-1 */
static int
dice(struct feed *f, int n)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return (int)((f->random >> 20) % (uint64_t)n);
}

static void __attribute__((format(printf, 2, 3))) record(struct feed *f, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (n <= 0 || n >= (int)sizeof line || write(f->record, line, (size_t)n) != n) {
		perror("feed: the record");
		exit(2);
	}
}

/* Before it is asked for: what is never answered may have been stored all the same. */
static void
record_try(struct feed *f, const struct plan *p)
{
	record(f,
		"{\"op\":\"try\",\"id\":\"%s\",\"ms\":%d,\"code\":%d,\"good\":%d,\"retries\":%d,"
		"\"after\":%s%s%s}\n",
		p->id, p->ms, p->code, p->good, p->retries, *p->after ? "\"" : "",
		*p->after ? p->after : "null", *p->after ? "\"" : "");
}

static void
record_answer(struct feed *f, const struct command *c, int status)
{
	int64_t end = now_ns();
	for (int i = 0; i < c->n; i++)
		record(f,
			"{\"op\":\"%s\",\"id\":\"%s\",\"status\":%d,\"begin\":%" PRId64 ",\"end\":%" PRId64
			"}\n",
			c->is_cancel ? "cancel" : "add", c->plans[i].id, status, c->begin, end);
}

/* ---- what a task shall do ---- */

static void
make_plan(struct feed *f, struct plan *p, char kind)
{
	*p = (struct plan){ .ms = dice(f, 200), .retries = 2 };
	snprintf(p->id, sizeof p->id, "%s-%ld", f->prefix, ++f->made);
	switch (kind) {
	case 'f':
		p->code = 3 + dice(f, 40);
		p->retries = dice(f, 2);
		break;
	case 'g':
		p->code = 3 + dice(f, 40);
		p->good = 2 + dice(f, 2);
		break;
	case 'a':
		snprintf(p->after, sizeof p->after, "%s", f->last);
		break;
	case 't':
		p->tree = true;
		break;
	case 'i':
		p->stubborn = true;
		/* fall through */
	case 'c':
		p->cancel = true;
		p->ms = 20000;
		break;
	case 'l':
		p->ms = 2000 + dice(f, 1000);
		break;
	default:
		break;
	}
}

/* The words of the witness, in `words` with their text in `text`; returns how many. */
static int
witness_words(const struct feed *f, const struct plan *p, const char **words, char text[3][16])
{
	int n = 0;
	snprintf(text[0], 16, "%d", p->ms);
	snprintf(text[1], 16, "%d", p->code);
	snprintf(text[2], 16, "%d", p->good);
	words[n++] = f->witness;
	words[n++] = "-o";
	words[n++] = f->truth;
	words[n++] = "-s";
	words[n++] = text[0];
	words[n++] = "-c";
	words[n++] = text[1];
	words[n++] = "-g";
	words[n++] = text[2];
	if (p->tree)
		words[n++] = "-t";
	if (p->stubborn)
		words[n++] = "-i";
	words[n] = NULL;
	return n;
}

/* ---- commands ---- */

extern char **environ;

static struct command *
free_command(struct feed *f)
{
	int n = 0;
	struct command *c = NULL;
	for (int i = 0; i < f->max; i++)
		if (f->running[i].pid)
			n++;
		else if (!c)
			c = &f->running[i];
	return c;
}

static void
run(struct command *c, const char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	c->begin = now_ns();
	int e = posix_spawn(&c->pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (e != 0) {
		fprintf(stderr, "feed: %s: %s\n", argv[0], strerror(e));
		exit(2);
	}
}

static void
add_one(struct feed *f, struct command *c)
{
	const struct plan *p = &c->plans[0];
	const char *argv[64] = { f->skalds, "task", "add", "--quiet", "--data", f->data, "--id", p->id,
		"--backoff", "200ms", "--max-backoff", "1s", "--grace", "500ms" };
	int n = 14;
	char retries[16], text[3][16];
	snprintf(retries, sizeof retries, "%d", p->retries);
	argv[n++] = "--retries";
	argv[n++] = retries;
	if (*p->after) {
		argv[n++] = "--after";
		argv[n++] = p->after;
	}
	argv[n++] = "--";
	witness_words(f, p, argv + n, text);
	run(c, argv);
}

static void
write_task(struct feed *f, const struct plan *p, FILE *to)
{
	const char *words[32];
	char text[3][16];
	int n = witness_words(f, p, words, text);
	fprintf(to,
		"{\"id\":\"%s\",\"className\":\"Exec\",\"maxAttempts\":%d,\"backoffSeconds\":0.2,"
		"\"maxBackoffSeconds\":1,\"graceSeconds\":0.5,\"attachments\":{\"command\":[",
		p->id, p->retries + 1);
	for (int i = 0; i < n; i++)
		fprintf(to, "%s\"%s\"", i ? "," : "", words[i]);
	fputs("]}}\n", to);
}

static void
add_bulk(struct feed *f, struct command *c)
{
	snprintf(c->file, sizeof c->file, "feed.%d.%ld", (int)getpid(), f->made);
	FILE *to = fopen(c->file, "w");
	if (!to) {
		perror("feed: the file");
		exit(2);
	}
	for (int i = 0; i < c->n; i++)
		write_task(f, &c->plans[i], to);
	fclose(to);
	const char *argv[] = { f->skalds, "task", "add", "--quiet", "--data", f->data, "--file",
		c->file, NULL };
	run(c, argv);
}

static bool
add(struct feed *f)
{
	struct command *c = free_command(f);
	if (!c)
		return false;
	char kind = f->kinds[dice(f, (int)strlen(f->kinds))];
	*c = (struct command){ .n = kind == 'b' ? BULK : 1 };
	for (int i = 0; i < c->n; i++) {
		make_plan(f, &c->plans[i], kind);
		record_try(f, &c->plans[i]);
	}
	if (kind == 'b')
		add_bulk(f, c);
	else
		add_one(f, c);
	return true;
}

/* ---- cancels ---- */

static void
plan_cancel(struct feed *f, const char *id)
{
	if (f->n_cancels == MAX_CANCELS)
		return;
	struct cancel *c = &f->cancels[f->n_cancels++];
	snprintf(c->id, sizeof c->id, "%s", id);
	c->due = now_ns() + (int64_t)dice(f, 1000) * 1000000;
}

static void
cancel_due(struct feed *f)
{
	for (int i = 0; i < f->n_cancels; i++) {
		struct command *c = f->cancels[i].due <= now_ns() ? free_command(f) : NULL;
		if (!c)
			continue;
		*c = (struct command){ .n = 1, .is_cancel = true };
		snprintf(c->plans[0].id, sizeof c->plans[0].id, "%s", f->cancels[i].id);
		const char *argv[] = { f->skalds, "task", "cancel", "--quiet", "--data", f->data,
			c->plans[0].id, NULL };
		run(c, argv);
		f->cancels[i--] = f->cancels[--f->n_cancels];
	}
}

/* ---- answers ---- */

/* What was not answered may have happened: then it is cancelled again, as a user would. */
static void
answered(struct feed *f, struct command *c, int status)
{
	record_answer(f, c, status);
	if (status == 0 && !c->is_cancel)
		snprintf(f->last, sizeof f->last, "%s", c->plans[c->n - 1].id);
	if (*c->file)
		unlink(c->file);
	if (c->is_cancel ? status == 69 || status == GAVE_UP : c->plans[0].cancel)
		plan_cancel(f, c->plans[0].id);
	c->pid = 0;
}

static int
reap(struct feed *f)
{
	int left = 0;
	for (int i = 0; i < MAX_RUNNING; i++) {
		struct command *c = &f->running[i];
		int status;
		if (!c->pid)
			continue;
		if (waitpid(c->pid, &status, WNOHANG) == c->pid)
			answered(f, c, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		else
			left++;
	}
	return left;
}

static void
rest(void)
{
	const struct timespec t = { .tv_nsec = 3000000 };
	nanosleep(&t, NULL);
}

static void
feed(struct feed *f)
{
	int64_t next = now_ns(), step = (int64_t)(1e9 / f->rate);
	while (!stopped && (f->count == 0 || f->made < f->count)) {
		long before = f->made;
		reap(f);
		cancel_due(f);
		if (now_ns() < next || !add(f))
			rest();
		next += (f->made - before) * step;
		/* what was missed because all hands were full is not made up for */
		if (now_ns() - next > 500000000)
			next = now_ns();
	}
}

static void
finish(struct feed *f)
{
	int64_t end = now_ns() + (int64_t)LAST_WAIT_S * 1000000000;
	while ((reap(f) > 0 || f->n_cancels > 0) && now_ns() < end) {
		cancel_due(f);
		rest();
	}
	for (int i = 0; i < MAX_RUNNING; i++)
		if (f->running[i].pid) {
			kill(f->running[i].pid, SIGKILL);
			waitpid(f->running[i].pid, NULL, 0);
			record_answer(f, &f->running[i], GAVE_UP);
		}
}

static void
take_arguments(struct feed *f, int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "b:d:w:t:o:p:r:n:m:x:s:")) != -1;)
		switch (c) {
		case 'b':
			f->skalds = optarg;
			break;
		case 'd':
			f->data = optarg;
			break;
		case 'w':
			f->witness = optarg;
			break;
		case 't':
			f->truth = optarg;
			break;
		case 'o':
			f->record = open(optarg, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
			break;
		case 'p':
			f->prefix = optarg;
			break;
		case 'r':
			f->rate = atof(optarg);
			break;
		case 'n':
			f->count = atol(optarg);
			break;
		case 'm':
			f->max = atoi(optarg);
			break;
		case 'x':
			f->kinds = optarg;
			break;
		case 's':
			f->random ^= (uint64_t)atoll(optarg) * 0x2545f4914f6cdd1du;
			break;
		default:
			exit(2);
		}
	if (!f->skalds || !f->data || !f->witness || !f->truth || f->record < 0 || !f->prefix ||
		f->rate <= 0 || f->max < 1 || f->max > MAX_RUNNING || !*f->kinds) {
		fputs("feed: see the head of feed.c\n", stderr);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	static struct feed f = { .rate = 50,
		.max = 12,
		.record = -1,
		.random = 88172645463325252u,
		.kinds = "ppppppppppffggatcilb" };
	struct sigaction sa = { .sa_handler = on_stop };
	take_arguments(&f, argc, argv);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	record(&f, "{\"op\":\"clock\",\"boot_ns\":%" PRId64 ",\"wall_ms\":%.3f}\n", now_ns(),
		(double)clock_ns(CLOCK_REALTIME) / 1e6);
	feed(&f);
	finish(&f);
	return 0;
}
