/* sup_task.c - attempts: queued, stopped, told of. Their starts are in sup_start.c, their ends in
 * sup_end.c. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/run/sup.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTES_MS 100
#define PATIENCE_MS 1000 /* of what may be handed back: much longer than a commit takes */
#define NOTES_BACKLOG ((size_t)1 << 20)

/* ---- reports ---- */

void
sup_report(const struct sup_task *t, struct sk_str *payload)
{
	struct sk_task_report rep = t->report;

	rep.id = t->start.id;
	rep.class_name = t->start.class_name;
	rep.state = t->state;
	rep.failures = t->start.failures;
	rep.spec_hash = t->start.spec_hash;
	rep.by_keys = t->start.by_keys;
	rep.message = t->message;
	sk_put_report(payload, &rep);
}

void
sup_send_line(struct sup_task *t, struct sk_str *payload)
{
	t->line_dirty = false;
	sk_str_clear(payload);
	sk_put_text(payload, t->out.last);
	sup_tell(t->sup, SK_F_LINE, t, payload, false);
}

void
sup_send_progress(struct sup_task *t, struct sk_str *payload)
{
	t->progress_dirty = false;
	sk_str_clear(payload);
	sk_put_f64(payload, t->progress);
	sk_put_text(payload, t->stage);
	sup_tell(t->sup, SK_F_PROGRESS, t, payload, false);
}

void
sup_send_notes(void *arg)
{
	struct sup *s = arg;
	struct sk_str payload = SK_STR_INIT;
	struct sup_task *t;
	size_t i = 0;

	/* a link that does not read now gets the latest state when it does, not all of them */
	while (s->link.chan.out.len < NOTES_BACKLOG && (t = sk_map_each(&s->by_key, &i)) != NULL) {
		if (t->progress_dirty)
			sup_send_progress(t, &payload);
		if (t->line_dirty && s->cfg->lines)
			sup_send_line(t, &payload);
	}
	sk_str_release(&payload);
	if ((s->cfg->lines && s->n_running > 0) || s->link.chan.out.len >= NOTES_BACKLOG)
		sup_notes_soon(s);
}

void
sup_notes_soon(struct sup *s)
{
	if (s->notes.pos == 0)
		sk_timer_set(s->loop, &s->notes, sk_boot_ms() + NOTES_MS);
}

/* ---- starting ---- */

static void
lost_patience(void *arg)
{
	struct sup_task *t = arg;

	if (t->state != SK_T_QUEUED)
		return;
	snprintf(t->message, sizeof(t->message), "handed back: no slot came free for it");
	sup_task_stop(t, SK_REASON_INTERRUPTED, SIGTERM, 0);
}

static void
be_patient(struct sup_task *t)
{
	if (!t->start.returnable)
		return;
	t->timer.fn = lost_patience;
	sk_timer_set(t->sup->loop, &t->timer, sk_boot_ms() + PATIENCE_MS);
}

static void
enqueue(struct sup_task *t)
{
	struct sup *s = t->sup;

	t->state = SK_T_QUEUED;
	t->prev = s->queue_tail;
	if (s->queue_tail != NULL)
		s->queue_tail->next = t;
	else
		s->queue_head = t;
	s->queue_tail = t;
	s->n_queued++;
	be_patient(t);
}

void
sup_queue_again(struct sup_task *t)
{
	struct sup *s = t->sup;

	t->state = SK_T_QUEUED;
	t->next = s->queue_head;
	if (s->queue_head != NULL)
		s->queue_head->prev = t;
	else
		s->queue_tail = t;
	s->queue_head = t;
	s->n_queued++;
	be_patient(t);
}

void
sup_dequeue(struct sup_task *t)
{
	struct sup *s = t->sup;

	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		s->queue_head = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	else
		s->queue_tail = t->prev;
	t->prev = t->next = NULL;
	s->n_queued--;
	sk_timer_clear(s->loop, &t->timer);
}

struct sup_task *
sup_task_blank(struct sup *s)
{
	static const char *none[] = { NULL };
	struct sup_task *t = sk_xcalloc(1, sizeof(*t));

	t->sup = s;
	t->arena = sk_arena_new();
	t->chan.fd = -1;
	t->timer = (struct sk_timer){ .arg = t };
	t->report.reason = SK_REASON_EXITED;
	t->start = (struct sk_start){
		.argv = none, .env = none, .cwd = "", .input = "", .user = "", .refusal = ""
	};
	return t;
}

void
sup_task_new(struct sup *s, const struct sk_frame *f)
{
	struct sup_task *t;
	struct sk_reader r = sk_reader_of(f);

	if (f->key == 0 || f->key == UINT64_MAX || sk_map_find(&s->by_key, f->key) != NULL)
		return; /* said twice: the link was restarted in between */
	sup_settled_forget(s, f->key);
	t = sup_task_blank(s);
	t->key = f->key;
	t->attempt = f->attempt;
	if (!sk_get_start(&r, t->arena, &t->start)) {
		sk_sink_log(s->sink, SK_ERROR, NULL, 0, "link: malformed start of task %llu",
			(unsigned long long)f->key);
		sk_arena_free(t->arena);
		free(t);
		return;
	}
	sk_out_init(&t->out, t->start.id, t->attempt, t->start.output_limit);
	t->out.levels = !t->start.program;
	t->class = sup_warm_class(t);
	sk_map_put(&s->by_key, t->key, t);
	enqueue(t);
	if (s->draining)
		sup_task_stop(t, SK_REASON_INTERRUPTED, SIGTERM, 0);
}

static void
timed_out(void *arg)
{
	struct sup_task *t = arg;

	sup_task_stop(t, SK_REASON_TIMEOUT, SIGTERM, t->start.grace_ms);
}

void
sup_time_out_in(struct sup_task *t, int64_t left_ms)
{
	if (t->start.timeout_ms <= 0)
		return;
	t->timer.fn = timed_out;
	sk_timer_set(t->sup->loop, &t->timer, sk_boot_ms() + left_ms);
}

void
sup_tell_started(struct sup_task *t)
{
	struct sup *s = t->sup;
	struct sk_str payload = SK_STR_INIT;

	t->state = SK_T_RUNNING;
	t->start_told = true;
	sup_time_out_in(t, t->report.start_boot_ms + t->start.timeout_ms - sk_boot_ms());
	sup_report(t, &payload);
	sup_tell(s, SK_F_STARTED, t, &payload, false);
	sk_str_release(&payload);
	if (s->cfg->lines)
		sup_notes_soon(s);
}

/* ---- stopping ---- */

void
sup_task_signal(const struct sup_task *t, int sig)
{
	/* a worker that was forked this moment has no group of its own yet */
	if (t->pid > 0 && kill(-t->session, sig) != 0 && errno == ESRCH)
		kill(t->pid, sig); /* gone already: its end is on the way */
}

/* Ended, but not reaped yet: its end is its own, whoever wants to stop it now. */
static bool
has_ended(const struct sup_task *t)
{
	siginfo_t si = { .si_pid = 0 };

	return t->reaped ||
		(waitid(P_PID, (id_t)t->pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == t->pid);
}

static void
grace_over(void *arg)
{
	sup_task_kill(arg);
}

static void
say_unkillable(void *arg)
{
	const struct sup_task *t = arg;

	sk_sink_log(t->sup->sink, SK_ERROR, t->start.id, t->attempt, SUP_UNKILLABLE);
}

void
sup_task_stop(struct sup_task *t, enum sk_reason reason, int sig, int64_t grace_ms)
{
	struct sup *s = t->sup;

	if (t->state == SK_T_ENDED || (t->warm != NULL && !sup_warm_claim(t)))
		return;
	if (t->state == SK_T_QUEUED || t->session == 0) {
		if (t->state == SK_T_QUEUED)
			sup_dequeue(t); /* else it was paused before it was started */
		s->n_running++; /* finish takes it off again */
		t->stop_reason = reason;
		sup_finish(t);
		return;
	}
	if (t->state == SK_T_STOPPING && t->stop_reason != SK_REASON_EXITED)
		return; /* the first reason stands */
	if (has_ended(t))
		return;
	sup_thaw(t);
	t->state = SK_T_STOPPING;
	t->stop_reason = reason;
	t->grace_until_ms = sk_boot_ms() + (grace_ms > 0 ? grace_ms : 0);
	sup_task_signal(t, sig);
	sup_task_signal(t, SIGCONT); /* a stopped process must be able to obey */
	t->timer.fn = grace_over;
	sk_timer_set(s->loop, &t->timer, t->grace_until_ms);
}

void
sup_task_kill(struct sup_task *t)
{
	if (t->warm != NULL && !sup_warm_claim(t))
		return;
	if (t->state == SK_T_ENDED || t->state == SK_T_QUEUED || t->session == 0)
		return;
	t->hurry = true;
	if (has_ended(t)) {
		if (t->reaped) /* what is left of its tree waits for this timer */
			sk_timer_set(t->sup->loop, &t->timer, sk_boot_ms());
		return;
	}
	t->timer.fn = say_unkillable;
	sk_timer_set(t->sup->loop, &t->timer, sk_boot_ms() + SUP_UNKILLABLE_MS);
	if (t->state != SK_T_STOPPING)
		t->stop_reason = SK_REASON_INTERRUPTED;
	t->state = SK_T_STOPPING;
	t->killed = true;
	if (t->cg != NULL)
		sk_cgroup_kill(t->cg);
	kill(-t->session, SIGKILL);
	kill(t->pid, SIGKILL); /* it may have left its group */
}

void
sup_task_update(struct sup_task *t, const struct sk_frame *f)
{
	struct sk_str payload = SK_STR_INIT;

	if ((t->warm != NULL && !sup_warm_claim(t)) || t->state != SK_T_RUNNING || t->start.program ||
		t->chan.fd == -1) {
		sk_put_u32(&payload, 0);
		sk_put_text(&payload, "the task is not running");
		sup_tell(t->sup, SK_F_UPDATED, t, &payload, true);
	} else {
		struct sk_reader r = sk_reader_of(f);
		size_t n;

		sk_get_bytes(&r, &n);
		t->start.spec_hash = sk_get_u64(&r);
		sk_str_add(&payload, f->data, f->len);
		sk_chan_queue(&t->chan, SK_F_UPDATE, t->key, t->attempt, &payload);
		if (sk_chan_flush(&t->chan, NULL) == SK_EAGAIN)
			sk_watch_set(t->chan_watch, EPOLLIN | EPOLLOUT);
	}
	sk_str_release(&payload);
}

void
sup_settled_forget(struct sup *s, uint64_t key)
{
	struct sup_settled *old = sk_map_find(&s->settled, key);

	sk_map_remove(&s->settled, key);
	free(old);
}

void
sup_task_settle(struct sup_task *t)
{
	size_t len = strlen(t->start.id) + 1;
	struct sup_settled *done = sk_xmalloc(sizeof(*done) + len);
	struct sup *s = t->sup;

	*done = (struct sup_settled){ .key = t->key, .attempt = t->attempt, .report = t->report };
	memcpy(done->id, t->start.id, len);
	done->report.id = done->id;
	done->report.class_name = done->report.message = "";
	done->report.result = NULL;
	done->report.result_len = 0;
	done->report.state = SK_T_ENDED;
	done->report.failures = t->start.failures;
	done->report.spec_hash = t->start.spec_hash;
	done->report.by_keys = t->start.by_keys;
	sup_task_free(t);
	sk_map_put(&s->settled, done->key, done);
}

void
sup_task_free(struct sup_task *t)
{
	struct sup *s = t->sup;

	if (t->state == SK_T_QUEUED)
		sup_dequeue(t);
	sk_timer_clear(s->loop, &t->timer);
	sk_timer_clear(s->loop, &t->freeze);
	sk_watch_remove(t->chan_watch);
	sk_chan_release(&t->chan);
	sup_slot_give(t);
	if (t->pid > 0)
		sk_map_remove(&s->by_pid, (uint64_t)t->pid);
	sk_map_remove(&s->by_key, t->key);
	sk_str_release(&t->result);
	sk_str_release(&t->out.line[0]);
	sk_str_release(&t->out.line[1]);
	sk_arena_free(t->arena);
	free(t);
}
