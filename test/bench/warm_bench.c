/* warm_bench.c - what the supervisor and its warm workers make of tasks that do nothing:
 * tasks a second, cpu time of each process for a task, and the time from START to user code.
 *
 *	warm_bench [TASKS [SLOTS [WINDOW]]]
 *
 * Not durable, not authenticated, no process per task. The link here does what a link must: it
 * sends START, keeps at most WINDOW tasks in flight and says FORGET after each end. One figure a
 * line: its name, a blank, the number. */
#include "core/base/clock.h"
#include "core/run/worker.h"
#include "test/unit/sup_rig.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SINGLES 2000

static _Atomic int64_t
	*stamp; /* boot clock, ns: when user code ran last; shared by all processes */

struct bench {
	uint64_t tasks, done, started_frames;
	uint32_t slots, window;
};

static enum sk_code
stamp_run(struct sk_run *run, void *att, struct sk_err *err)
{
	(void)run;
	(void)att;
	(void)err;
	atomic_store(stamp, sk_boot_ns());
	return SK_OK;
}

static const struct sk_field no_fields[] = { SK_FIELDS_END };
static const struct sk_worker stamp_worker = {
	.name = "Stamp", .doc = "says when", .fields = no_fields, .reusable = true, .run = stamp_run
};
extern const struct sk_worker sk_worker_noop;
static const struct sk_worker *const workers_here[] = { &sk_worker_noop, &stamp_worker, NULL };

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
	printf("rate %.0f\n", (double)b->tasks * 1e9 / (double)ns);
	printf("supervisor_us %.2f\n", us_each(cpu_of(l->supervisor).own - sup, b->tasks));
	printf("link_us %.2f\n", us_each(cpu_of(getpid()).own - own, b->tasks));
	printf("workers_us %.2f\n", us_each(cpu_of_workers(l) - workers, b->tasks));
	printf("started_frames %llu\n", (unsigned long long)b->started_frames);
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
print_spread(const char *name, double *us)
{
	qsort(us, SINGLES, sizeof(us[0]), by_size);
	printf("%s_p50_us %.1f\n%s_p99_us %.1f\n", name, us[SINGLES / 2], name, us[SINGLES * 99 / 100]);
}

/* One after another on an idle supervisor: START sent -> user code, and -> EXITED here. reusable:
 * in a warm worker; else each in a process of its own. */
static void
singles(struct lk *l, struct bench *b, bool reusable)
{
	const struct sk_start st = { .class_name = "Stamp", .reusable = reusable };
	static double to_code[SINGLES], to_end[SINGLES];
	uint64_t first = reusable ? 10 : 100000;

	for (uint64_t i = 0; i < SINGLES; i++) {
		uint64_t before = b->done;
		int64_t from = sk_boot_ns();

		lk_start(l, first + i, 1, &st);
		while (b->done == before && !l->gone)
			lk_take(l, 1000);
		to_end[i] = (double)(sk_boot_ns() - from) / 1000;
		to_code[i] = (double)(atomic_load(stamp) - from) / 1000;
	}
	print_spread(reusable ? "warm_code" : "process_code", to_code);
	print_spread(reusable ? "warm_end" : "process_end", to_end);
}

static void
script(struct lk *l, void *arg)
{
	struct bench *b = arg;

	l->arg = b;
	l->on_frame = count;
	l->forget = true;
	lk_number(l, SK_F_CONFIG, 0, 0, b->slots);
	singles(l, b, true);
	singles(l, b, false);
	flood(l, b);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct bench b = { .tasks = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000,
		.slots = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2,
		.window = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 4096 };
	struct sk_supervisor_config cfg = { .workers = workers_here, .cgroups = true };
	int code;

	stamp = mmap(NULL, sizeof(*stamp), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stamp == MAP_FAILED)
		return 99;
	code = lk_run(&cfg, script, &b);
	fputs(lk_stderr(), stderr);
	return code;
}
