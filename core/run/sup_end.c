/* sup_end.c - the end of an attempt: its tree, its reason, its report. */
#include "core/base/clock.h"
#include "core/run/sup.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_CHECK_MS 1
#define SHARED_CHECK_MS 5
#define MAX_CHECK_MS 50
#define UNKILLABLE_SWEEPS (SUP_UNKILLABLE_MS / MAX_CHECK_MS)

/* ---- why ---- */

/* One kill by the kernel explains one death: never a guess. With a memory group of its own the
 * counter is the task's; without, it is the container's, and each count is used up once. */
static bool
killed_for_memory(struct sup_task *t)
{
	struct sup *s = t->sup;
	int64_t own, counted = t->cg != NULL ? sk_cgroup_oom_kills(t->cg) : -1;

	if (t->killed)
		return false;
	own = sk_cgroups_own_oom_kills(s->cgs);
	if (counted >= 0) { /* the count above it in the hierarchy may hold it as well */
		s->oom_seen = s->oom_seen + counted < own ? s->oom_seen + counted : own;
		return counted > 0;
	}
	if (own <= s->oom_seen)
		return false;
	s->oom_seen++;
	return true;
}

/* A kill explains a death of the same moment. One that hit a process deep in a tree, whose death
 * nobody reported, must not explain another task's death later. */
void
sup_age_memory_kills(struct sup *s)
{
	int64_t now = sk_cgroups_own_oom_kills(s->cgs);

	if (s->oom_seen < s->oom_last)
		s->oom_seen = s->oom_last;
	s->oom_last = now;
}

static void
name_limit(const struct sup_task *t, const char *before, char *text, size_t n)
{
	if (t->start.memory_mb > 0 && sk_cgroups_memory(t->sup->cgs))
		snprintf(text, n, "%sthe limit is %lld MiB", before, (long long)t->start.memory_mb);
	else
		snprintf(text, n, "%sthe limit is the one of skalds' own cgroup", before);
}

static void
judge_status(struct sup_task *t, int status)
{
	struct sk_task_report *r = &t->report;

	if (WIFEXITED(status)) {
		r->code = WEXITSTATUS(status);
		if (t->message[0] == '\0' && t->cg != NULL && sk_cgroup_oom_kills(t->cg) > 0)
			name_limit(t, "a process of the task was killed for want of memory: ", t->message,
				sizeof(t->message));
		return;
	}
	r->signal = WTERMSIG(status);
	r->code = 128 + r->signal;
	if (r->reason != SK_REASON_EXITED)
		return;
	r->reason = SK_REASON_SIGNALED;
	snprintf(t->message, sizeof(t->message), "%s%s", strsignal(r->signal),
		WCOREDUMP(status) ? " (core dumped)" : "");
	if (r->signal != SIGKILL || !killed_for_memory(t))
		return;
	r->reason = SK_REASON_OOM;
	name_limit(t, "", t->message, sizeof(t->message));
}

void
sup_judge(struct sup_task *t)
{
	struct sk_task_report *r = &t->report;

	r->reason = t->stop_reason;
	if (t->start_failed) {
		r->reason = SK_REASON_START_FAILED;
		r->code = t->start_code;
		return;
	}
	if (t->session == 0)
		return; /* stopped before it was started */
	judge_status(t,
		t->isolated_end && WIFEXITED(t->status) && WEXITSTATUS(t->status) == 0 ? t->isolated_status
																			   : t->status);
	if (r->reason == SK_REASON_TIMEOUT && t->message[0] == '\0')
		snprintf(t->message, sizeof(t->message), "ran longer than %.3g s",
			(double)t->start.timeout_ms / 1000);
}

/* ---- the tree ---- */

/* The number of its session and group. The first process is reaped: whoever lives under its pid is
 * a stranger who got the number since, which the kernel gives away only when nobody of ours is left
 * under it. 0 then. */
static pid_t
own_session(const struct sup_task *t)
{
	return kill(t->session, 0) == 0 || errno == EPERM ? 0 : t->session;
}

static bool
group_left(struct sup_task *t, int sig)
{
	if (!t->group_gone)
		t->group_gone = own_session(t) == 0 || kill(-t->session, sig) != 0;
	return !t->group_gone;
}

bool
sup_in_grace(struct sup_task *t)
{
	return t->stop_reason != SK_REASON_EXITED && !t->hurry && sk_boot_ms() < t->grace_until_ms &&
		group_left(t, 0);
}

/* Is anything of the tree left? It gets SIGKILL. thorough: look beyond its group as well. */
static bool
tree_left(struct sup_task *t, bool thorough)
{
	if (t->cg == NULL)
		return group_left(t, SIGKILL) || (thorough && sup_strays_left(t));
	if (!sk_cgroup_populated(t->cg))
		return false;
	sk_cgroup_kill(t->cg);
	return true;
}

static void
check_again(void *arg)
{
	sup_end_tree(arg);
}

void
sup_end_tree(struct sup_task *t)
{
	struct sup *s = t->sup;
	/* a stop must be complete before it is reported; an end by itself may be swept up after */
	bool thorough = t->stop_reason != SK_REASON_EXITED || t->sweeps > 0;
	int64_t pause = FIRST_CHECK_MS + t->sweeps * 2, now = sk_boot_ms();

	if (sup_in_grace(t)) {
		/* its children got the signal too, and have the same time to obey */
		t->timer.fn = check_again;
		sk_timer_set(s->loop, &t->timer,
			now + MAX_CHECK_MS < t->grace_until_ms ? now + MAX_CHECK_MS : t->grace_until_ms);
		return;
	}
	if (!tree_left(t, thorough)) {
		sup_finish(t);
		return;
	}
	t->slot->dirty = true;
	if (++t->sweeps == UNKILLABLE_SWEEPS)
		sk_sink_log(s->sink, SK_ERROR, t->start.id, t->attempt, SUP_UNKILLABLE);
	t->state = SK_T_STOPPING;
	t->timer.fn = check_again;
	sk_timer_set(s->loop, &t->timer, sk_boot_ms() + (pause < MAX_CHECK_MS ? pause : MAX_CHECK_MS));
}

void
sup_let_go(struct sup_task *t)
{
	struct sup *s = t->sup;

	sup_thaw(t);
	sk_watch_remove(t->chan_watch);
	t->chan_watch = NULL;
	sk_chan_release(&t->chan);
	sup_slot_give(t);
	sk_cgroup_give(s->cgs, t->cg);
	if (t->cg == NULL && t->session != 0 && s->sweep.pos == 0)
		sk_timer_set(s->loop, &s->sweep, sk_boot_ms() + SUP_SWEEP_MS);
	t->cg = NULL;
}

void
sup_tell_end(struct sup_task *t)
{
	struct sup *s = t->sup;
	struct sk_str payload = SK_STR_INIT;

	t->state = SK_T_ENDED;
	if (t->progress_dirty)
		sup_send_progress(t, &payload);
	if (t->line_dirty && s->cfg->lines)
		sup_send_line(t, &payload);
	sk_str_clear(&payload);
	sup_report(t, &payload);
	/* the link must hear of it at once only where it has to send the next task */
	sup_tell(s, SK_F_EXITED, t, &payload, s->n_queued <= s->n_slots);
	sk_str_release(&payload);
}

/* From the start on, by the clock that never jumps: else an attempt could end before it began. */
void
sup_note_end(struct sup_task *t)
{
	struct sk_task_report *r = &t->report;

	r->end_boot_ms = sk_boot_ms();
	r->end_ms = r->start_ms != 0 ? r->start_ms + (r->end_boot_ms - r->start_boot_ms) : sk_wall_ms();
}

void
sup_finish(struct sup_task *t)
{
	struct sup *s = t->sup;

	sk_timer_clear(s->loop, &t->timer);
	sup_read_worker(t);
	if (t->session != 0)
		sup_read_rest(t);
	if (t->hosting) {
		sup_let_go(t);
		sup_warm_bury(t);
		return;
	}
	sk_out_end(s->sink, &t->out, sup_raw(t));
	sup_judge(t);
	sup_take_result(t);
	sup_note_end(t);
	sup_let_go(t);
	s->n_running--;
	sup_tell_end(t);
	sup_check_done(s);
}

void
sup_reaped(struct sup *s, pid_t pid, int status, int64_t max_rss_kb, int64_t cpu_ms)
{
	struct sup_task *t = sk_map_find(&s->by_pid, (uint64_t)pid);

	if (t == NULL)
		return; /* an orphan that we adopted */
	if (t->hosting)
		t = sup_warm_died(t);
	sk_map_remove(&s->by_pid, (uint64_t)pid);
	sk_timer_clear(s->loop, &t->timer);
	t->pid = 0;
	t->reaped = true;
	sup_thaw(t); /* it will not be paused any more */
	t->status = status;
	t->reaped_ns = sk_boot_ns();
	t->report.max_rss_kb = max_rss_kb;
	t->report.cpu_ms = cpu_ms > t->cpu_before_ms ? cpu_ms - t->cpu_before_ms : 0;
	if (t->cg != NULL || t->stop_reason == SK_REASON_EXITED) {
		sup_end_tree(t);
		return;
	}
	/* many may be stopped at once: let them share one walk through /proc */
	t->timer.fn = check_again;
	sk_timer_set(s->loop, &t->timer, sk_boot_ms() + SHARED_CHECK_MS);
}
