/* sup_freeze.c - pause and resume: the whole tree of an attempt stands still.
 *
 * By the v2 freezer where the attempt has a group there. Elsewhere by SIGSTOP to every process of
 * the tree, again and again until none is found running; SIGCONT lets it go on. (The v1 freezer is
 * not used: whom it holds no signal can kill.) SIGKILL works on both kinds.
 *
 * The clock of the timeout stands still from the request until it runs again. An attempt that was
 * not started yet is taken out of the queue and comes back to its front. */
#include "core/base/clock.h"
#include "core/run/sup.h"
#include "core/run/tree.h"
#include <signal.h>

#define FIRST_LOOK_MS 1
#define MAX_LOOK_MS 50
#define STUBBORN_MS 10000

static void
answer(const struct sup_task *t, enum sk_frame_type type, const char *why_not)
{
	struct sk_str payload = SK_STR_INIT;

	sk_put_u32(&payload, why_not == NULL);
	sk_put_text(&payload, why_not != NULL ? why_not : "");
	sup_tell(t->sup, type, t, &payload, true);
	sk_str_release(&payload);
}

static struct sk_tree
tree_of(const struct sup_task *t)
{
	return (struct sk_tree){ .run_id = t->sup->run.run_id,
		.task_id = t->start.id,
		.attempt = t->attempt,
		.session = t->session,
		.spare = t->sup->link.pid };
}

/* True when nothing of it runs. */
static bool
halt(struct sup_task *t)
{
	struct sk_tree tree = tree_of(t);

	if (t->cg != NULL && sk_cgroup_freeze(t->cg, true))
		return sk_cgroup_frozen(t->cg);
	if (t->cg != NULL)
		sk_cgroup_signal(t->cg, SIGSTOP); /* its list knows also who hides from a walk */
	return sk_tree_halt(&tree) == 0;
}

void
sup_thaw(struct sup_task *t)
{
	struct sk_tree tree = tree_of(t);

	if (t->frozen == SUP_RUNS)
		return;
	t->frozen = SUP_RUNS;
	sk_timer_clear(t->sup->loop, &t->freeze);
	if (t->session == 0 || t->reaped || (t->cg != NULL && sk_cgroup_freeze(t->cg, false)))
		return;
	if (t->cg != NULL)
		sk_cgroup_signal(t->cg, SIGCONT);
	sk_tree_signal(&tree, SIGCONT);
}

static void
look(void *arg)
{
	struct sup_task *t = arg;
	int64_t gone = sk_boot_ms() - t->freeze_ms, pause = gone < MAX_LOOK_MS ? gone : MAX_LOOK_MS;

	if (halt(t)) {
		t->frozen = SUP_FROZEN;
		t->state = SK_T_PAUSED;
		answer(t, SK_F_PAUSED, NULL);
		return;
	}
	if (gone >= STUBBORN_MS && !t->freeze_said)
		sk_sink_log(t->sup->sink, SK_WARNING, t->start.id, t->attempt,
			"not paused yet: a process of it cannot be stopped (uninterruptible sleep?)");
	t->freeze_said = gone >= STUBBORN_MS;
	sk_timer_set(
		t->sup->loop, &t->freeze, sk_boot_ms() + (pause > FIRST_LOOK_MS ? pause : FIRST_LOOK_MS));
}

static void
stop_clock(struct sup_task *t)
{
	if (t->start.timeout_ms <= 0)
		return;
	t->timeout_left_ms = t->timer.due_ms - t->freeze_ms;
	sk_timer_clear(t->sup->loop, &t->timer);
}

void
sup_task_pause(struct sup_task *t)
{
	if (t->state == SK_T_ENDED || (t->warm != NULL && !sup_warm_claim(t)))
		return; /* that it has ended is told */
	if (t->state == SK_T_STOPPING || t->reaped) {
		answer(t, SK_F_PAUSED, "the task is being stopped");
		return;
	}
	if (t->state == SK_T_QUEUED) {
		sup_dequeue(t);
		t->state = SK_T_PAUSED;
		t->frozen = SUP_FROZEN;
	}
	if (t->frozen == SUP_FROZEN) {
		answer(t, SK_F_PAUSED, NULL);
		return;
	}
	if (t->frozen == SUP_FREEZING)
		return; /* it will be told */
	t->frozen = SUP_FREEZING;
	t->freeze = (struct sk_timer){ .fn = look, .arg = t };
	t->freeze_ms = sk_boot_ms();
	t->freeze_said = false;
	stop_clock(t);
	look(t);
}

void
sup_task_resume(struct sup_task *t)
{
	if (t->state == SK_T_ENDED)
		return;
	if (t->state == SK_T_STOPPING) {
		answer(t, SK_F_RESUMED, "the task is being stopped");
		return;
	}
	if (t->frozen != SUP_RUNS) {
		sup_thaw(t);
		if (t->session == 0)
			sup_queue_again(t);
		else {
			t->state = SK_T_RUNNING;
			sup_time_out_in(t, t->timeout_left_ms);
		}
	}
	answer(t, SK_F_RESUMED, NULL);
}
