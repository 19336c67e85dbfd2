/* event.c - the words of events, and events as JSON Lines. */
#include "core/model/event.h"

const char *const sk_event_names[SK_N_EVENT + 1] = {
	[SK_EVENT_CREATED] = "created",
	[SK_EVENT_ASSIGNED] = "assigned",
	[SK_EVENT_STARTED] = "started",
	[SK_EVENT_PROGRESS] = "progress",
	[SK_EVENT_PAUSED] = "paused",
	[SK_EVENT_RESUMED] = "resumed",
	[SK_EVENT_UPDATED] = "updated",
	[SK_EVENT_RETRYING] = "retrying",
	[SK_EVENT_INTERRUPTED] = "interrupted",
	[SK_EVENT_FINISHED] = "finished",
	[SK_EVENT_FAILED] = "failed",
	[SK_EVENT_CANCELLED] = "cancelled",
	[SK_EVENT_LOST] = "lost",
	[SK_EVENT_SKALD] = "skald",
	[SK_EVENT_ALERT] = "alert",
	[SK_EVENT_PING] = "ping",
	NULL,
};

const char *
sk_event_name(enum sk_event_kind k)
{
	return k < SK_N_EVENT ? sk_event_names[k] : "unknown";
}

static const char *
or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static void
put_progress(struct sk_str *out, const struct sk_event *e)
{
	sk_json_key(out, "progress");
	sk_str_addc(out, '{');
	sk_json_key(out, "value");
	sk_json_double(out, e->progress);
	sk_json_kstr(out, "stage", e->stage != NULL ? e->stage : "");
	sk_str_addc(out, '}');
}

static void
put_task(struct sk_str *out, const struct sk_event *e)
{
	sk_json_kstr(out, "taskId", or_null(e->task));
	if (or_null(e->class_name) != NULL)
		sk_json_kstr(out, "className", e->class_name);
	sk_json_kint(out, "attempt", e->attempt);
}

static void
put_alert(struct sk_str *out, const struct sk_event *e)
{
	sk_json_kstr(out, "alertId", or_null(e->task));
	sk_json_kstr(out, "rule", or_null(e->class_name));
	sk_json_kstr(out, "state", or_null(e->stage));
}

void
sk_event_json(struct sk_str *out, const struct sk_event *e, uint64_t seq)
{
	sk_str_addc(out, '{');
	if (seq != 0)
		sk_json_kint(out, "seq", (int64_t)seq);
	sk_json_kint(out, "time", e->time_ms);
	sk_json_kstr(out, "event", sk_event_name(e->kind));
	if (e->kind == SK_EVENT_ALERT)
		put_alert(out, e);
	else if (e->kind != SK_EVENT_SKALD && e->kind != SK_EVENT_PING)
		put_task(out, e);
	/* who accepted a task is no skald: controllers tell each other */
	sk_json_kstr(out, "skald", e->kind != SK_EVENT_CREATED ? or_null(e->skald) : NULL);
	if (e->kind == SK_EVENT_PROGRESS)
		put_progress(out, e);
	if (or_null(e->message) != NULL)
		sk_json_kstr(out, "message", e->message);
	sk_str_addc(out, '}');
}
