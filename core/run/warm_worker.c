/* warm_worker.c - the process of a warm worker: task after task out of the ring (warm.h). */
#include "core/base/clock.h"
#include "core/run/warm.h"
#include "core/run/worker_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TELL_TASKS 64 /* ended, not yet told of */
#define TELL_NS 500000
#define MEASURE_NS 1000000 /* a task of at least this long is worth asking the kernel about */
#define TURNS 100 /* looks at a counter that the supervisor is just changing */

struct warm_run {
	struct sk_run run;
	struct sk_warm *warm;
	uint64_t ticket; /* the next one */
	uint64_t gate; /* where `open` must be before it begins: behind the last task that wrote */
	uint64_t written; /* bytes in the pipe so far, when no task runs */
	unsigned untold;
	int64_t untold_ns; /* boot clock: end of the first of them */
	int64_t now_ns; /* boot clock: when the last task ended; 0 = not known any more */
	int64_t cpu_ns; /* of this process, as far as told of tasks or guessed */
};

/* ---- output ---- */

/* All that was ever written into the pipe: what is still in it and what has been read. False when
 * the supervisor is in the midst of reading, or stdout is no pipe any more. */
static bool
count_written(const struct warm_run *w, uint64_t *bytes)
{
	for (int i = 0; i < TURNS; i++) {
		uint32_t turn = atomic_load(&w->warm->read_turn);
		int in_pipe;

		if (ioctl(STDOUT_FILENO, FIONREAD, &in_pipe) != 0)
			return false;
		*bytes = atomic_load(&w->warm->read_bytes) + (uint64_t)in_pipe;
		if ((turn & 1) == 0 && atomic_load(&w->warm->read_turn) == turn)
			return true;
	}
	return false;
}

/* Did the task write? In doubt yes: that costs time, nothing else. */
static bool
wrote(const struct warm_run *w)
{
	uint64_t bytes;

	if (__fpending(stdout) > 0)
		fflush(stdout);
	if (__fpending(stderr) > 0)
		fflush(stderr);
	return !count_written(w, &bytes) || bytes != w->written;
}

/* ---- waiting ---- */

/* The supervisor looks at the ring some time after this. */
static void
tell(struct warm_run *w)
{
	w->untold = 0;
	if (atomic_exchange(&w->warm->told, 1) != 0)
		return; /* it has not looked since the last time */
	w->run.frame_key = 0;
	w->run.frame_attempt = 0;
	worker_send(&w->run, SK_F_DONE, NULL, true);
}

static bool
ready(const struct warm_run *w)
{
	return atomic_load(&w->warm->tail) > w->ticket && atomic_load(&w->warm->open) >= w->gate;
}

/* Nobody writes now. */
static void
count_anew(struct warm_run *w)
{
	if (!count_written(w, &w->written))
		w->written = UINT64_MAX; /* no pipe: every task is taken for one that wrote */
}

static void
sleep_until_ready(struct warm_run *w)
{
	if (w->untold > 0)
		tell(w);
	while (!ready(w)) {
		atomic_store(&w->warm->waiting, 1);
		if (!ready(w))
			worker_wait(&w->run);
		atomic_store(&w->warm->waiting, 0);
		if (worker_stopped() != 0)
			_exit(128 + worker_stopped()); /* somebody ended it between two tasks */
	}
	count_anew(w);
	w->now_ns = 0;
}

/* The slot of the next task, begun. */
static struct sk_warm_slot *
take(struct warm_run *w)
{
	for (;; w->ticket++) {
		struct sk_warm_slot *slot = &w->warm->slots[w->ticket % SK_WARM_SLOTS];
		uint32_t queued = SK_WARM_QUEUED;

		atomic_store(&w->warm->head, w->ticket);
		if (!ready(w))
			sleep_until_ready(w);
		else if (worker_stopped() != 0)
			_exit(128 + worker_stopped());
		if (w->now_ns == 0)
			w->now_ns = sk_boot_ns();
		slot->start_ns = w->now_ns;
		slot->flags = 0;
		if (atomic_compare_exchange_strong(&slot->state, &queued, SK_WARM_TAKEN))
			return slot;
		/* else it was taken back */
	}
}

/* ---- a task ---- */

static void
begin(struct warm_run *w, const struct sk_warm_slot *slot)
{
	struct sk_run *run = &w->run;
	struct sk_err err = { SK_OK, "" };

	sk_arena_reset(run->arena);
	memset(run->state, 0, run->worker->state_size);
	run->task_id = (const char *)w->warm->data + slot->id;
	run->attempt = slot->attempt;
	run->frame_key = slot->key;
	run->frame_attempt = slot->attempt;
	run->spoke = false;
	run->progress_ms = 0;
	run->progress = 0;
	run->stage[0] = '\0';
	run->progress_held = false;
	if (!worker_decode(run, w->warm->data + slot->att, slot->att_len, &err))
		worker_refuse(run, &err);
}

/* CPU time since the last task that was measured, less what the short ones since then can have
 * taken at most. */
static void
measure(struct warm_run *w, struct sk_warm_slot *slot)
{
	int64_t wall = slot->end_ns - slot->start_ns, cpu, used;
	struct rusage ru;

	slot->cpu_ms = slot->rss_kb = 0;
	if (wall < MEASURE_NS) {
		w->cpu_ns += wall;
		return;
	}
	if (getrusage(RUSAGE_SELF, &ru) != 0)
		return;
	cpu = (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000LL +
		(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000LL;
	used = cpu > w->cpu_ns ? cpu - w->cpu_ns : 0;
	slot->cpu_ms = (uint32_t)((used < wall ? used : wall) / 1000000);
	slot->rss_kb = (uint32_t)ru.ru_maxrss;
	w->cpu_ns = cpu;
}

/* Whatever a task leaves behind must end with it: a process is not cheap any more then. */
static bool
has_children(void)
{
	siginfo_t si;

	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 || errno != ECHILD;
}

/* The process is this task's alone, or what the supervisor reads was overwritten. */
static _Noreturn void
last_end(struct warm_run *w, uint32_t state)
{
	struct sk_err err;

	if (state == SK_WARM_OWN)
		worker_exit(SK_OK);
	sk_fail(&err, SK_EIO, "the memory shared with skalds was destroyed");
	worker_refuse(&w->run, &err);
}

static void
end(struct warm_run *w, struct sk_warm_slot *slot)
{
	uint32_t taken = SK_WARM_TAKEN;
	bool silent = !wrote(w);

	if (w->run.chan.out.len > 0)
		worker_flush(&w->run);
	if (has_children())
		worker_exit(SK_OK);
	slot->flags = (silent ? 0 : SK_WARM_WROTE) | (w->run.spoke ? SK_WARM_SPOKE : 0);
	slot->end_ns = w->now_ns = sk_boot_ns();
	measure(w, slot);
	if (!silent)
		w->gate = w->ticket + 1;
	if (!atomic_compare_exchange_strong(&slot->state, &taken, SK_WARM_DONE))
		last_end(w, taken);
	if (w->untold++ == 0)
		w->untold_ns = w->now_ns;
	if (w->untold >= TELL_TASKS || w->now_ns - w->untold_ns >= TELL_NS)
		tell(w);
}

_Noreturn void
sk_warm_main(const struct sk_worker *class, struct sk_warm *warm, char **env, int channel)
{
	struct warm_run w = { .warm = warm };

	worker_init(&w.run, class, env, channel);
	worker_name(class->name);
	count_anew(&w);
	for (;; w.ticket++) {
		struct sk_warm_slot *slot = take(&w);
		enum sk_code code;

		begin(&w, slot);
		code = worker_run(&w.run);
		if (code != SK_OK)
			worker_exit(code);
		end(&w, slot);
	}
}
