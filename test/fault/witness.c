/* witness.c - a task that tells the truth: what ran when, written where skalds has no hand in it.
 *
 *	witness -o TRUTH [-s MS] [-c CODE] [-g ATTEMPT] [-t] [-i]
 *
 * Appends to TRUTH, one write and one fsync a line, and does nothing before its first line is safe:
 *
 *	ID ATTEMPT start BOOTTIME_NS PID NODE
 *	ID ATTEMPT end BOOTTIME_NS PID NODE CODE
 *	ID ATTEMPT overlap BOOTTIME_NS PID NODE HOLDER
 *
 * ID and ATTEMPT are SKALDS_TASK_ID and SKALDS_ATTEMPT, NODE is the run of the supervisor
 * (SKALDS_RUN). Blanks and control characters in an id are written as %XX.
 *
 *	-s MS		work so long
 *	-c CODE		end with this code
 *	-g ATTEMPT	but with 0 from this attempt on
 *	-t		have a child in a session of its own that never ends by itself
 *	-i		do not listen to SIGTERM
 *
 * SIGTERM ends it with an end line of code 143. Killed at any time it leaves whole lines only.
 *
 * Two of one id at once are found by the kernel, whatever the clocks say: each holds a lock on a
 * byte of TRUTH that belongs to its id, its child on the byte beside it, from before its first line
 * to its death. Whoever finds it locked writes an overlap line with the pid that has it.
 *
 * When it cannot do its duty it ends with 99: the checker calls such a run worthless.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BROKEN = 99, TERMINATED = 143, MAX_LINE = 2048 };

struct witness {
	int fd;
	char id[1024];
	const char *attempt, *node;
	int64_t work_ms;
	int code, good_from;
	bool tree, stubborn;
};

static _Noreturn void
broken(const char *what)
{
	fprintf(stderr, "witness: %s: %s\n", what, strerror(errno));
	_exit(BROKEN);
}

static int64_t
boot_ns(void)
{
	struct timespec t;
	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		broken("CLOCK_BOOTTIME");
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the truth ---- */

/* One write: with O_APPEND lines of several witnesses do not mix. */
static void
tell(const struct witness *w, const char *what, int number)
{
	char line[MAX_LINE], tail[16] = "";
	if (number >= 0)
		snprintf(tail, sizeof tail, " %d", number);
	int n = snprintf(line, sizeof line, "%s %s %s %" PRId64 " %d %s%s\n", w->id, w->attempt, what,
		boot_ns(), (int)getpid(), w->node, tail);
	if (n <= 0 || n >= (int)sizeof line) {
		errno = ENAMETOOLONG;
		broken("the line");
	}
	if (write(w->fd, line, (size_t)n) != n)
		broken("write");
	if (fsync(w->fd) != 0)
		broken("fsync");
}

/* The byte of an id; its child has the next one. */
static off_t
place(const char *id, bool child)
{
	uint64_t h = 14695981039346656037u;
	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 1099511628211u;
	h ^= h >> 29;
	return (off_t)(h >> 2 << 1) | (child ? 1 : 0);
}

static bool
lock(const struct witness *w, bool child)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = place(w->id, child), .l_len = 1 };
	if (fcntl(w->fd, F_SETLK, &l) == 0)
		return true;
	if (errno != EAGAIN && errno != EACCES)
		broken("lock");
	return false;
}

/* 0 = nobody. */
static int
holder(const struct witness *w, bool child)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = place(w->id, child), .l_len = 1 };
	if (fcntl(w->fd, F_GETLK, &l) != 0)
		broken("lock");
	return l.l_type == F_UNLCK ? 0 : l.l_pid;
}

static void
look_for_others(const struct witness *w)
{
	bool alone = lock(w, false);
	if (!alone)
		tell(w, "overlap", holder(w, false));
	int child = holder(w, true);
	if (child != 0)
		tell(w, "overlap", child);
}

/* ---- work ---- */

static _Noreturn void
child(const struct witness *w, int ready)
{
	if (setsid() < 0 || !lock(w, true))
		broken("the child");
	close(ready);
	for (;;)
		pause();
}

/* Locks are not inherited: the child takes its own, and only then the work begins. */
static void
have_child(const struct witness *w)
{
	int p[2];
	char c;
	if (pipe2(p, O_CLOEXEC) != 0)
		broken("pipe");
	pid_t pid = fork();
	if (pid < 0)
		broken("fork");
	if (pid == 0) {
		close(p[0]);
		child(w, p[1]);
	}
	close(p[1]);
	while (read(p[0], &c, 1) < 0 && errno == EINTR)
		;
	close(p[0]);
}

static _Noreturn void
terminated(const struct witness *w)
{
	sigset_t set;
	tell(w, "end", TERMINATED);
	signal(SIGTERM, SIG_DFL);
	raise(SIGTERM);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(TERMINATED);
}

/* Until the time is over or SIGTERM came. */
static void
work(const struct witness *w, const sigset_t *term)
{
	int64_t end = boot_ns() + w->work_ms * 1000000;
	for (int64_t left; (left = end - boot_ns()) > 0;) {
		struct timespec t = { (time_t)(left / 1000000000), (long)(left % 1000000000) };
		if (sigtimedwait(term, NULL, &t) == SIGTERM && !w->stubborn)
			terminated(w);
	}
}

/* ---- what is asked for ---- */

static void
take_id(struct witness *w, const char *id)
{
	size_t n = 0;
	for (; *id && n + 4 < sizeof w->id; id++)
		if ((unsigned char)*id <= ' ' || *id == '%' || *id == 127)
			n += (size_t)snprintf(w->id + n, sizeof w->id - n, "%%%02X", (unsigned char)*id);
		else
			w->id[n++] = *id;
	w->id[n] = 0;
}

static void
take_environment(struct witness *w)
{
	const char *id = getenv("SKALDS_TASK_ID"), *attempt = getenv("SKALDS_ATTEMPT");
	const char *node = getenv("SKALDS_RUN");
	if (!id || !*id || !attempt || !*attempt) {
		fputs("witness: SKALDS_TASK_ID and SKALDS_ATTEMPT must be set\n", stderr);
		exit(BROKEN);
	}
	take_id(w, id);
	w->attempt = attempt;
	w->node = node && *node ? node : "-";
}

static void
take_arguments(struct witness *w, int argc, char **argv)
{
	const char *path = NULL;
	for (int c; (c = getopt(argc, argv, "o:s:c:g:ti")) != -1;)
		switch (c) {
		case 'o':
			path = optarg;
			break;
		case 's':
			w->work_ms = atoll(optarg);
			break;
		case 'c':
			w->code = atoi(optarg);
			break;
		case 'g':
			w->good_from = atoi(optarg);
			break;
		case 't':
			w->tree = true;
			break;
		case 'i':
			w->stubborn = true;
			break;
		default:
			exit(BROKEN);
		}
	if (!path || optind != argc) {
		fputs("usage: witness -o TRUTH [-s MS] [-c CODE] [-g ATTEMPT] [-t] [-i]\n", stderr);
		exit(BROKEN);
	}
	w->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (w->fd < 0)
		broken(path);
}

int
main(int argc, char **argv)
{
	struct witness w = { .fd = -1 };
	sigset_t term;
	/* blocked from the first moment: a SIGTERM before the first line still gets its end line */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	take_arguments(&w, argc, argv);
	take_environment(&w);
	look_for_others(&w);
	tell(&w, "start", -1);
	if (w.tree)
		have_child(&w);
	work(&w, &term);
	int code = w.good_from > 0 && atoi(w.attempt) >= w.good_from ? 0 : w.code;
	tell(&w, "end", code);
	return code;
}
