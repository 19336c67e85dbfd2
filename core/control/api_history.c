/* api_history.c - GET /v1/history: how it was in the last day. */
#include "core/control/api_priv.h"
#include "core/control/history.h"

#define HOUR_MS 3600000

static void
answer(struct sk_call *call)
{
	struct sk_err err;

	if (sk_history_json(call->c, call->state, &call->out, &err) != SK_OK)
		sk_call_error(call, 400, "%s", err.msg);
	else
		sk_call_json(call, 200);
}

static void
known(void *arg, enum sk_code code)
{
	struct sk_call *call = arg;
	struct sk_err err;

	call->idle = false;
	if (code == SK_OK)
		answer(call);
	else
		sk_call_failed(call, code, (sk_fail(&err, code, "the store does not answer"), &err));
}

static void
forget(struct sk_call *call)
{
	sk_history_forget(call->c, call);
}

void
sk_api_history(struct sk_call *call)
{
	struct sk_history_query *q = sk_arena_alloc(call->arena, sizeof(*q));

	if (!sk_call_number(call, "since", &q->since_ms) || !sk_call_number(call, "step", &q->step_ms))
		return;
	if (!sk_call_has(call, "since"))
		q->since_ms = sk_control_wall_ms(call->c) - HOUR_MS;
	if (q->step_ms % SK_GAUGES_MS != 0) {
		sk_call_error(call, 400, "step: must be a multiple of %d ms", SK_GAUGES_MS);
		return;
	}
	q->names = sk_call_param(call, "series");
	call->state = q;
	/* who measures knows all there is in a moment; a command has only the store */
	if (call->c->cfg.dispatch || sk_history_known(call->c)) {
		answer(call);
		return;
	}
	call->release = forget;
	call->idle = true;
	sk_history_when_known(call->c, known, call);
}
