/* warm_bench.c - what the supervisor and its warm workers make of tasks that do nothing:
 * tasks a second, cpu time of each process for a task, and the time from START to user code.
 *
 *	warm_bench [TASKS [SLOTS [WINDOW]]]
 *
 * Not durable, not authenticated, no process per task. The link here does what a link must: it
 * sends START, keeps at most WINDOW tasks in flight and acknowledges each end. */
#include "core/base/clock.h"
#include "test/unit/sup_rig.h"
#include "workers/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SINGLES 2000

struct bench {
	uint64_t tasks, done, started_frames;
	uint32_t slots, window;
};

static void
count(struct lk *l, const struct lk_frame *f)
{
	struct bench *b = l->arg;

	if (f->type == SK_F_STARTED)
		b->started_frames++;
	if (f->type != SK_F_EXITED)
		return;
	if (f->rep.reason != SK_REASON_EXITED || f->rep.code != 0)
		lk_must(l, false);
	b->done++;
}

struct cpu {
	int64_t own,
		reaped; /* ns: of the process; of its children that have ended and were waited for */
};

static struct cpu
cpu_of(int pid)
{
	int64_t tick = 1000000000 / sysconf(_SC_CLK_TCK);
	unsigned long user = 0, system = 0;
	long child_user = 0, child_system = 0;
	char path[64], text[512];
	const char *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return (struct cpu){ 0, 0 };
	at = fgets(text, sizeof(text), f) != NULL ? strrchr(text, ')') : NULL;
	fclose(f);
	if (at != NULL)
		sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &user,
			&system, &child_user, &child_system);
	return (
		struct cpu){ (int64_t)(user + system) * tick, (int64_t)(child_user + child_system) * tick };
}

/* All children of the supervisor but us, the living and the dead. */
static int64_t
cpu_of_workers(const struct lk *l)
{
	int64_t ns = cpu_of(l->supervisor).reaped;
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", l->supervisor, l->supervisor);
	f = fopen(path, "r");
	while (f != NULL && fscanf(f, "%d", &pid) == 1)
		if (pid != getpid())
			ns += cpu_of(pid).own;
	if (f != NULL)
		fclose(f);
	return ns;
}

static double
us_each(int64_t ns, uint64_t n)
{
	return (double)ns / 1e3 / (double)n;
}

static void
flood(struct lk *l, struct bench *b)
{
	const struct sk_start st = { .class_name = "Noop", .reusable = true };
	int64_t from = sk_boot_ns(), sup = cpu_of(l->supervisor).own, own = cpu_of(getpid()).own;
	int64_t workers = cpu_of_workers(l), ns;
	uint64_t sent = 0;

	b->done = b->started_frames = 0;
	while (b->done < b->tasks && !l->gone) {
		while (sent < b->tasks && sent - b->done < b->window)
			lk_start(l, 1000000 + ++sent, 1, &st);
		lk_take(l, 1000);
	}
	ns = sk_boot_ns() - from;
	printf("%llu no-op tasks, %u slots, %u in flight: %.0f/s\n", (unsigned long long)b->tasks,
		b->slots, b->window, (double)b->tasks * 1e9 / (double)ns);
	printf("cpu for a task, us: supervisor %.2f, link %.2f, workers %.2f; STARTED sent: %llu\n",
		us_each(cpu_of(l->supervisor).own - sup, b->tasks),
		us_each(cpu_of(getpid()).own - own, b->tasks),
		us_each(cpu_of_workers(l) - workers, b->tasks), (unsigned long long)b->started_frames);
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* One after another on an idle supervisor: START sent -> user code -> EXITED here. The way there
 * and back is what is measured; user code begins somewhere in between. */
static void
singles(struct lk *l, struct bench *b)
{
	const struct sk_start st = { .class_name = "Noop", .reusable = true };
	static double us[SINGLES];

	for (int i = 0; i < SINGLES; i++) {
		uint64_t before = b->done;
		int64_t from = sk_boot_ns();

		lk_start(l, 10 + (uint64_t)i, 1, &st);
		while (b->done == before && !l->gone)
			lk_take(l, 1000);
		us[i] = (double)(sk_boot_ns() - from) / 1000;
	}
	qsort(us, SINGLES, sizeof(us[0]), by_size);
	printf("one at a time, START -> user code -> EXITED, us: p50 %.1f, p99 %.1f\n", us[SINGLES / 2],
		us[SINGLES * 99 / 100]);
}

static void
script(struct lk *l, void *arg)
{
	struct bench *b = arg;

	l->arg = b;
	l->on_frame = count;
	l->forget = true;
	lk_number(l, SK_F_CONFIG, 0, 0, b->slots);
	singles(l, b);
	flood(l, b);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct bench b = { .tasks = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000,
		.slots = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2,
		.window = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 4096 };
	struct sk_supervisor_config cfg = { .workers = sk_workers, .cgroups = true };
	int code = lk_run(&cfg, script, &b);

	fputs(lk_stderr(), stderr);
	return code;
}
