#include "cmd/told.h"
#include <string.h>

static int
state_of(const struct sk_plan_task *t, const char *event)
{
	if (strcmp(event, "retrying") == 0)
		return SK_ACTIVE_FAILED;
	if (strcmp(event, "restarting") == 0)
		return t->report.reason == SK_REASON_EXITED && t->report.code == 0 ? SK_ACTIVE_FINISHED
																		   : SK_ACTIVE_FAILED;
	switch (t->state) {
	case SK_P_WAITING:
	case SK_P_READY:
	case SK_P_BACKOFF:
	case SK_P_STARTING:
		return SK_ACTIVE_WAITING;
	case SK_P_RUNNING:
	case SK_P_STOPPING:
		return SK_ACTIVE_RUNNING;
	case SK_P_FINISHED:
		return SK_ACTIVE_FINISHED;
	case SK_P_FAILED:
		return SK_ACTIVE_FAILED;
	case SK_P_CANCELLED:
	case SK_P_INTERRUPTED:
	case SK_P_SKIPPED:
		break;
	}
	return SK_ACTIVE_CANCELLED;
}

static enum sk_reason
reason_of(const struct sk_plan_task *t)
{
	if (t->state == SK_P_SKIPPED)
		return SK_REASON_SKIPPED;
	if (t->report.end_ms != 0)
		return t->report.reason;
	return t->state == SK_P_INTERRUPTED ? SK_REASON_INTERRUPTED : SK_REASON_CANCELLED;
}

void
sk_told(const struct sk_plan_task *t, const char *event, struct sk_active *a)
{
	const struct sk_task_report *rep = &t->report;
	/* a report of a start that failed says when it was tried: it never ran */
	bool ran = rep->start_boot_ms > 0 && rep->reason != SK_REASON_START_FAILED;
	int state = state_of(t, event);

	*a = (struct sk_active){ .class_name = t->spec.class_name,
		.attachments = t->spec.attachments,
		.state = state,
		.progress = t->progress >= 0 && t->progress <= 1 ? t->progress : 0,
		.stage = t->stage };
	if (state == SK_ACTIVE_RUNNING || (state != SK_ACTIVE_WAITING && ran))
		a->start_ms = rep->start_ms;
	if (state <= SK_ACTIVE_RUNNING)
		return;
	a->finish_ms = rep->end_ms;
	a->exit = (struct sk_exit){ .known = true,
		.reason = reason_of(t),
		.code = rep->code,
		.signal = rep->signal,
		.message = t->message };
}
