/* event.h - what happened to a task or a skald: the words on the bus, in `task watch` and in
 * `edge --json` (cli.md, "An event"). An event is a hint and never a command: whoever acts on it
 * reads the store first (reliability.md P24). */
#ifndef SK_CORE_MODEL_EVENT_H
#define SK_CORE_MODEL_EVENT_H

#include "core/base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum sk_event_kind {
	SK_EVENT_CREATED,
	SK_EVENT_ASSIGNED,
	SK_EVENT_STARTED,
	SK_EVENT_PROGRESS,
	SK_EVENT_PAUSED,
	SK_EVENT_RESUMED,
	SK_EVENT_UPDATED,
	SK_EVENT_RETRYING, /* the attempt failed, another will follow */
	SK_EVENT_INTERRUPTED, /* the attempt was handed back, another will follow */
	SK_EVENT_FINISHED,
	SK_EVENT_FAILED,
	SK_EVENT_CANCELLED,
	SK_EVENT_LOST, /* the skald is gone with the attempt; RETRYING or FAILED follows */
	SK_EVENT_SKALD, /* a skald says that it lives; with a message: its row has changed; no task */
	/* An alert began, was acknowledged or is over; no task. `task` is the alert's id, class_name
	 * its rule, skald the skald that it is about, stage "firing", "acknowledged", "resolved". */
	SK_EVENT_ALERT,
	SK_EVENT_PING, /* a controller (skald) listens how long its own word takes; no task */
	SK_N_EVENT
};

/* How the message of a failure begins, or goes on, when a deadline was its reason. */
#define SK_DEADLINE_PASSED "its deadline passed"

struct sk_event {
	enum sk_event_kind kind;
	int64_t time_ms; /* wall clock */
	const char *task; /* "" for SK_EVENT_SKALD and SK_EVENT_PING */
	const char *class_name; /* "" = unknown */
	uint32_t attempt;
	const char *skald; /* "" = none */
	double progress;
	const char *stage; /* "" = none */
	const char *message; /* "" = none */
};

/* By number, NULL at the end. */
extern const char *const sk_event_names[];
const char *sk_event_name(enum sk_event_kind k);
/* One JSON object without a newline. seq 0 = left out. */
void sk_event_json(struct sk_str *out, const struct sk_event *e, uint64_t seq);

#endif
