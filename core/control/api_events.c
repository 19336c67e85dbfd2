/* api_events.c - GET /v1/events: what has happened since a number, or the first that will. */
#include "core/control/api_priv.h"
#include "core/base/clock.h"
#include <inttypes.h>

struct following {
	struct sk_waiter waiter;
	struct sk_event_read read;
	int64_t until_ms;
};

static void
stop_following(struct sk_call *call)
{
	struct following *f = call->state;

	sk_waiter_stop(&f->waiter);
}

static void
follow(void *arg)
{
	struct sk_call *call = arg;
	struct following *f = call->state;

	sk_events_read(call->c, &f->read, &call->out);
	f->read.after = f->read.next; /* what was of other tasks is not read again */
	if (f->read.n == 0 && sk_boot_ms() < f->until_ms) {
		f->waiter.deadline_ms = f->until_ms;
		sk_waiter_start(call->c, &f->waiter);
		call->idle = true;
		return;
	}
	sk_call_header(call, "Skalds-Next", sk_arena_printf(call->arena, "%" PRId64, f->read.next));
	sk_call_answer(call, 200, "application/x-ndjson");
}

void
sk_api_events(struct sk_call *call)
{
	struct following *f = sk_arena_alloc(call->arena, sizeof(*f));
	int64_t wait, limit;

	if (!sk_call_number(call, "after", &f->read.after) || !sk_call_number(call, "wait", &wait) ||
		!sk_call_number(call, "limit", &limit))
		return;
	f->read.max = (size_t)limit;
	f->read.task = sk_call_param(call, "task");
	f->until_ms = sk_boot_ms() + wait;
	f->waiter.fn = follow;
	f->waiter.arg = call;
	call->state = f;
	call->release = stop_following;
	follow(call);
}
