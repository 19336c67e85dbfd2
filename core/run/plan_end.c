/* plan_end.c - what the end of an attempt means: dependants, restarts, retries. */
#include "core/run/plan_priv.h"
#include "core/run/worker.h"
#include <stdio.h>
#include <string.h>

#define RESTART_FLOOR_MS 1000
#define HEALTHY_MS 10000 /* a run this long starts the back-off of `restart` anew */

/* ---- dependencies ---- */

enum deps { DEPS_MET, DEPS_OPEN, DEPS_BROKEN };

static enum deps
dependencies(const struct sk_plan *p, const struct sk_plan_task *t)
{
	const char *const *ids = t->spec.dependencies.items;
	enum deps result = DEPS_MET;

	for (size_t i = 0; i < t->spec.dependencies.n; i++) {
		const struct sk_plan_task *d = plan_find_id(p, ids[i]);

		if (d == NULL || (plan_is_final(d->state) && d->state != SK_P_FINISHED))
			return DEPS_BROKEN;
		if (d->state != SK_P_FINISHED)
			result = DEPS_OPEN;
	}
	return result;
}

static void
end_task(struct sk_plan *p, struct sk_plan_task *t, enum sk_plan_state s, const char *event);

static void
skip(struct sk_plan *p, struct sk_plan_task *t)
{
	t->report.reason = SK_REASON_SKIPPED;
	snprintf(t->message, sizeof(t->message), "a task it depends on did not finish");
	t->report.message = t->message;
	end_task(p, t, SK_P_SKIPPED, "skipped");
}

static void
look_at_dependencies(struct sk_plan *p, struct sk_plan_task *t)
{
	if (p->look)
		return;
	switch (dependencies(p, t)) {
	case DEPS_MET:
		plan_make_ready(p, t);
		break;
	case DEPS_BROKEN:
		skip(p, t);
		break;
	case DEPS_OPEN:
		break;
	}
}

/* After the file or what became of its tasks was learned: what was skipped for a task that will
 * run again waits for it again, and so does what was skipped for that. */
void
plan_look_at_all(struct sk_plan *p)
{
	bool more = p->count[SK_P_SKIPPED] > 0;

	p->look = false;
	while (more) {
		more = false;
		for (size_t i = 0; i < p->n; i++) {
			struct sk_plan_task *t = p->tasks[i];

			if (t->state != SK_P_SKIPPED || dependencies(p, t) == DEPS_BROKEN)
				continue;
			plan_set_state(p, t, SK_P_WAITING);
			more = true;
		}
	}
	for (size_t i = 0; i < p->n; i++)
		if (p->tasks[i]->state == SK_P_WAITING)
			look_at_dependencies(p, p->tasks[i]);
}

static void
wake_dependants(struct sk_plan *p, const char *id)
{
	if (p->count[SK_P_WAITING] == 0)
		return;
	for (size_t i = 0; i < p->n; i++) {
		struct sk_plan_task *t = p->tasks[i];
		const char *const *ids = t->spec.dependencies.items;

		for (size_t k = 0; t->state == SK_P_WAITING && k < t->spec.dependencies.n; k++)
			if (strcmp(ids[k], id) == 0)
				look_at_dependencies(p, t);
	}
}

/* ---- ends ---- */

/* Whoever waits for it looks again. A chain of skipped tasks may be as long as the file: a list,
 * no recursion. */
static void
end_task(struct sk_plan *p, struct sk_plan_task *t, enum sk_plan_state s, const char *event)
{
	plan_set_state(p, t, s);
	if (event != NULL)
		p->ops->event(p->arg, t, event);
	if (p->look)
		return;
	t->queue_next = p->ended;
	p->ended = t;
	if (p->waking)
		return;
	p->waking = true;
	while (p->ended != NULL) {
		struct sk_plan_task *first = p->ended;

		p->ended = first->queue_next;
		first->queue_next = NULL;
		wake_dependants(p, first->spec.id);
	}
	p->waking = false;
}

static void
back_off(struct sk_plan *p, struct sk_plan_task *t, int64_t delay_ms)
{
	t->next_ms = t->end_boot_ms + delay_ms;
	plan_set_state(p, t, SK_P_BACKOFF);
}

void
plan_start_over(struct sk_plan *p, struct sk_plan_task *t)
{
	t->again = false;
	t->failures = 0;
	t->progress = 0;
	plan_set_state(p, t, SK_P_WAITING);
	look_at_dependencies(p, t);
}

/* restart: the task is a service; maxAttempts does not count, the back-off is never below 1 s. */
static bool
restart(struct sk_plan *p, struct sk_plan_task *t, bool good)
{
	/* what never started has no run time: its start_boot_ms is 0 */
	bool healthy = t->start_boot_ms > 0 && t->end_boot_ms - t->start_boot_ms >= HEALTHY_MS;

	if (t->spec.restart != SK_RESTART_ALWAYS && (t->spec.restart != SK_RESTART_ON_FAILURE || good))
		return false;
	if (!good && healthy)
		t->failures = 1;
	back_off(
		p, t, sk_backoff_ms(&t->spec.retry, t->failures > 0 ? t->failures : 1, RESTART_FLOOR_MS));
	return true;
}

static bool
retry(struct sk_plan *p, struct sk_plan_task *t, bool good)
{
	if (good || t->spec.restart != SK_RESTART_NEVER ||
		t->failures >= (uint32_t)t->spec.retry.max_attempts)
		return false;
	back_off(p, t, sk_backoff_ms(&t->spec.retry, t->failures, 0));
	return true;
}

/* An end for good. */
static void
finish(struct sk_plan *p, struct sk_plan_task *t, bool loud)
{
	enum sk_reason reason = t->report.reason;
	enum sk_plan_state s = SK_P_FAILED;

	if (reason == SK_REASON_EXITED && t->report.code == 0)
		s = SK_P_FINISHED;
	else if (reason == SK_REASON_INTERRUPTED || (reason == SK_REASON_CANCELLED && t->again))
		s = SK_P_INTERRUPTED; /* it would have run again */
	else if (reason == SK_REASON_CANCELLED)
		s = SK_P_CANCELLED;
	end_task(p, t, s, loud ? sk_plan_state_name(s) : NULL);
}

/* loud: tell of it; a settled end was told by the link before us. */
void
plan_settle(struct sk_plan *p, struct sk_plan_task *t, bool loud)
{
	enum sk_reason reason = t->report.reason;
	bool good = reason == SK_REASON_EXITED && t->report.code == 0;
	bool over;

	if (t->inherited && reason == SK_REASON_CANCELLED)
		t->again = true; /* the link before us stopped it because it had changed */
	t->pid = 0;
	t->failures = good ? 0 : t->failures + 1;
	over = t->removed || p->draining || reason == SK_REASON_INTERRUPTED ||
		(reason == SK_REASON_CANCELLED && !t->again);
	if (!over && t->again) {
		if (loud)
			p->ops->event(p->arg, t, "restarting");
		plan_start_over(p, t);
	} else if (!over && (restart(p, t, good) || retry(p, t, good))) {
		if (loud)
			p->ops->event(p->arg, t, good ? "restarting" : "retrying");
	} else
		finish(p, t, loud);
}

void
plan_remove_task(struct sk_plan *p, struct sk_plan_task *t)
{
	size_t i = 0;

	p->ops->forget(p->arg, t);
	sk_map_remove(&p->by_key, t->key);
	if (sk_map_find(&p->by_id, plan_hash_id(t->spec.id)) == t)
		sk_map_remove(&p->by_id, plan_hash_id(t->spec.id));
	p->count[t->state]--;
	while (i < p->n && p->tasks[i] != t)
		i++;
	memmove(&p->tasks[i], &p->tasks[i + 1], (p->n - i - 1) * sizeof(*p->tasks));
	p->n--;
	plan_free_task(t);
}

void
plan_copy_report(struct sk_plan_task *t, const struct sk_task_report *rep)
{
	t->report = *rep;
	snprintf(t->message, sizeof(t->message), "%s", rep->message != NULL ? rep->message : "");
	t->report.message = t->message;
	t->report.id = t->spec.id;
	t->report.class_name = t->spec.class_name;
	t->pid = rep->pid;
	t->start_boot_ms = rep->start_boot_ms;
	t->end_boot_ms = rep->end_boot_ms;
}

void
sk_plan_started(struct sk_plan *p, uint64_t key, uint32_t attempt, const struct sk_task_report *rep)
{
	struct sk_plan_task *t = sk_plan_find(p, key);

	if (t == NULL || t->attempt != attempt ||
		(t->state != SK_P_STARTING && t->state != SK_P_STOPPING))
		return;
	plan_copy_report(t, rep);
	if (t->state == SK_P_STARTING)
		plan_set_state(p, t, SK_P_RUNNING);
	p->ops->event(p->arg, t, "started");
	if (t->late && t->state == SK_P_RUNNING && t->spec.worker->update != NULL)
		p->ops->update(p->arg, t);
	t->late = false;
}

void
sk_plan_exited(struct sk_plan *p, uint64_t key, uint32_t attempt, const struct sk_task_report *rep,
	int64_t now_ms)
{
	struct sk_plan_task *t = sk_plan_find(p, key);

	(void)now_ms;
	if (t == NULL || t->attempt != attempt || !plan_is_active(t))
		return; /* fenced */
	plan_copy_report(t, rep);
	/* over before the supervisor told of its start */
	if (t->state == SK_P_STARTING && rep->start_boot_ms > 0 &&
		rep->reason != SK_REASON_START_FAILED)
		p->ops->event(p->arg, t, "started");
	plan_let_go(p, t);
	plan_settle(p, t, true);
	t->report.result = NULL; /* the caller's, gone when we return */
	t->report.result_len = 0;
	if (t->removed)
		plan_remove_task(p, t);
}
