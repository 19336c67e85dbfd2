/* api_active.c - what edges and single processes tell of themselves and of the tasks of their
 * files: recorded, never dispatched. */
#include "core/control/active.h"
#include "core/control/api_priv.h"
#include "core/model/task.h"
#include <stdio.h>
#include <string.h>

#define MAX_TRIES 8

/* ---- tasks ---- */

static const char *const states[] = { [SK_ACTIVE_WAITING] = "waiting",
	[SK_ACTIVE_RUNNING] = "running",
	[SK_ACTIVE_FINISHED] = "finished",
	[SK_ACTIVE_FAILED] = "failed",
	[SK_ACTIVE_CANCELLED] = "cancelled",
	NULL };
static const char *const reasons[] = { [SK_REASON_EXITED] = "exited",
	[SK_REASON_SIGNALED] = "signaled",
	[SK_REASON_OOM] = "oom",
	[SK_REASON_TIMEOUT] = "timeout",
	[SK_REASON_CANCELLED] = "cancelled",
	[SK_REASON_LOST] = "lost",
	[SK_REASON_START_FAILED] = "start-failed",
	[SK_REASON_INTERRUPTED] = "interrupted",
	[SK_REASON_SKIPPED] = "skipped",
	NULL };

struct told_exit {
	int reason;
	int64_t code, signal;
	const char *message;
};
static const struct sk_field exit_fields[] = { SK_FIELD(struct told_exit, reason, .def = "exited",
												   .choices = reasons, .doc = "why it ended"),
	SK_FIELD(struct told_exit, code, .def = "0", .bounded = true, .min = -1, .max = 1000,
		.doc = "exit code"),
	SK_FIELD(struct told_exit, signal, .def = "0", .bounded = true, .min = 0, .max = 64,
		.doc = "the signal that ended it, 0 = none"),
	SK_FIELD(struct told_exit, message, .bounded = true, .min = 0, .max = 4096, .nullable = true,
		.doc = "more of it, for people"),
	SK_FIELDS_END };

struct told {
	const char *class_name;
	const struct sk_value *attachments;
	const char *name, *source, *executor;
	int64_t incarnation;
	int state;
	int64_t start_ms, finish_ms;
	struct told_exit exit;
	double progress;
	const char *stage;
};
const struct sk_field sk_api_active_fields[] = {
	SK_FIELD(struct told, class_name, .key = "className", .required = true, .bounded = true,
		.min = 1, .max = 255, .doc = "worker class"),
	SK_FIELD(
		struct told, attachments, .item = SK_FIELD_ANY, .nullable = true, .doc = "its parameters"),
	SK_FIELD(struct told, name, .bounded = true, .min = 0, .max = 255, .nullable = true,
		.doc = "a name for people"),
	SK_FIELD(struct told, source, .bounded = true, .min = 0, .max = 255, .nullable = true,
		.doc = "where it comes from, for people"),
	SK_FIELD(struct told, executor, .required = true, .bounded = true, .min = 1, .max = 63,
		.doc = "the skald that executes it"),
	SK_FIELD(struct told, incarnation, .required = true, .bounded = true, .min = 1, .max = 9.2e18,
		.doc = "of that skald's start"),
	SK_FIELD(struct told, state, .required = true, .choices = states, .doc = "how it stands"),
	SK_FIELD(struct told, start_ms, .key = "startDateTime", .def = "0", .bounded = true, .min = 0,
		.max = SK_LAST_MS, .doc = "start of the last attempt (ms); 0 = it never ran"),
	SK_FIELD(struct told, finish_ms, .key = "finishDateTime", .def = "0", .bounded = true, .min = 0,
		.max = SK_LAST_MS, .doc = "its end (ms); 0 = not yet"),
	SK_FIELD(struct told, exit, .sub = exit_fields, .doc = "how it ended"),
	SK_FIELD(struct told, progress, .def = "0", .bounded = true, .min = 0, .max = 1,
		.doc = "how far it is"),
	SK_FIELD(struct told, stage, .bounded = true, .min = 0, .max = 255, .nullable = true,
		.doc = "and where"),
	SK_FIELDS_END
};

struct telling {
	struct sk_active active;
	int tries;
	struct sk_life before;
	struct sk_record *to;
	struct sk_op_get get;
	struct sk_op_insert insert;
	struct sk_op_move op;
	struct sk_move move;
	struct sk_attempt ended;
	const struct sk_record *list[1];
	const char *ids[1];
};

static void look(struct sk_call *call);

/* What its step means to those who listen. */
static void
tell(struct sk_call *call, const struct sk_life *before)
{
	const struct telling *t = call->state;
	const struct sk_record *r = t->to;
	struct sk_record by = *r;
	enum sk_event_kind kinds[SK_ACTIVE_NEWS];
	size_t n = sk_active_news(before, r, &t->active, kinds);

	/* the end has taken the executor off, and it is his word */
	snprintf(by.life.executor, sizeof(by.life.executor), "%s", t->active.executor);
	for (size_t i = 0; i < n; i++)
		sk_control_tell(call->c, kinds[i], &by,
			kinds[i] == SK_EVENT_CREATED || kinds[i] == SK_EVENT_STARTED ? NULL : r->exit.message);
}

static void
answer(struct sk_call *call)
{
	const struct telling *t = call->state;

	sk_str_addc(&call->out, '{');
	sk_json_kstr(&call->out, "id", call->id);
	sk_json_kstr(&call->out, "phase", sk_phase_name(t->to->life.phase));
	sk_json_kint(&call->out, "attempt", t->to->life.attempt);
	sk_json_kstr(&call->out, "wanted", sk_wanted_name(t->to->life.wanted));
	sk_str_addc(&call->out, '}');
	sk_call_json(call, 200);
}

/* Somebody else was quicker: what is there now? */
static void
again(struct sk_call *call)
{
	struct telling *t = call->state;

	if (++t->tries < MAX_TRIES)
		look(call);
	else
		sk_call_error(call, 409, "the task is changed by others all the time");
}

static void
inserted(struct sk_op *op)
{
	struct sk_call *call = op->arg;

	if (op->code == SK_ECONFLICT)
		again(call);
	else if (op->code != SK_OK)
		sk_call_failed(call, op->code, &op->err);
	else {
		tell(call, NULL);
		answer(call);
	}
}

static void
insert(struct sk_call *call)
{
	struct telling *t = call->state;
	const char *wrong = sk_task_id_problem(call->id);

	if (wrong != NULL) {
		sk_call_wrong(call, "id", wrong);
		return;
	}
	t->to = sk_arena_alloc(call->arena, sizeof(*t->to));
	sk_active_record(t->to, call->id, &t->active, call->arena, sk_control_wall_ms(call->c));
	t->list[0] = t->to;
	t->insert = (struct sk_op_insert){ .records = t->list, .n = 1 };
	sk_call_submit(call, &t->insert.op, SK_OP_INSERT, inserted);
}

static void
moved(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct telling *t = call->state;

	if (op->code != SK_OK)
		sk_call_failed(call, op->code, &op->err);
	else if (t->move.code != SK_OK)
		again(call);
	else {
		tell(call, &t->before);
		answer(call);
	}
}

static void
change(struct sk_call *call, struct sk_record *r)
{
	struct telling *t = call->state;
	const struct sk_skald_view *other = sk_call_skald(call, r->life.executor);
	struct sk_err err;
	unsigned set;

	t->before = r->life;
	if (sk_phase_live(r->life.phase) && strcmp(r->life.executor, t->active.executor) != 0 &&
		other != NULL && other->online) {
		sk_call_error(call, 409, "skald %s executes it", r->life.executor);
		return;
	}
	if (!sk_active_apply(r, &t->active, call->arena, sk_control_wall_ms(call->c), &set, &err)) {
		sk_call_error(call, 409, "%s", err.msg);
		return;
	}
	t->to = r;
	if (set == 0) {
		answer(call);
		return;
	}
	t->move = (struct sk_move){ .id = r->id,
		.seq = r->seq,
		.expect_attempt = t->before.attempt,
		.expect_phase = t->before.phase,
		.expect_wanted = true,
		.wanted = t->before.wanted,
		.set = set,
		.to = r };
	if (sk_active_ended(r, &t->active, set, &t->ended))
		t->move.ended = &t->ended;
	t->op = (struct sk_op_move){ .moves = &t->move, .n = 1 };
	sk_call_submit(call, &t->op.op, SK_OP_MOVE, moved);
}

static void
looked(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct telling *t = call->state;

	if (op->code != SK_OK)
		sk_call_failed(call, op->code, &op->err);
	else if (t->get.records[0] == NULL)
		insert(call);
	else
		change(call, t->get.records[0]);
}

static void
look(struct sk_call *call)
{
	struct telling *t = call->state;

	t->ids[0] = call->id;
	t->get = (struct sk_op_get){ .ids = t->ids, .n = 1 };
	sk_call_submit(call, &t->get.op, SK_OP_GET, looked);
}

void
sk_api_active(struct sk_call *call)
{
	struct telling *t = sk_arena_alloc(call->arena, sizeof(*t));
	struct told b;

	if (!sk_call_decode(call, sk_api_active_fields, &b, sizeof(b)))
		return;
	if (b.attachments != NULL && b.attachments->kind != SK_MAP) {
		sk_call_wrong(call, "attachments", "expected map");
		return;
	}
	t->active = (struct sk_active){ .class_name = b.class_name,
		.attachments = b.attachments,
		.name = b.name,
		.source = b.source,
		.executor = b.executor,
		.incarnation = b.incarnation,
		.state = b.state,
		.start_ms = b.start_ms,
		.finish_ms = b.finish_ms,
		.exit = { .known = b.state > SK_ACTIVE_RUNNING,
			.reason = (enum sk_reason)b.exit.reason,
			.code = (int32_t)b.exit.code,
			.signal = (int32_t)b.exit.signal,
			.message = b.exit.message },
		.progress = b.progress,
		.stage = b.stage };
	if (b.state == SK_ACTIVE_RUNNING && b.start_ms == 0)
		sk_call_wrong(call, "startDateTime", "what runs has a start");
	else {
		call->state = t;
		look(call);
	}
}

/* ---- skalds ---- */

static const char *const modes[] = { "edge", "single_process", NULL };

struct presence {
	int mode;
	int64_t incarnation;
	const char *version, *host;
	int64_t slots, started;
};
const struct sk_field sk_api_skald_fields[] = { SK_FIELD(struct presence, mode, .required = true,
													.choices = modes,
													.doc = "nodes speak for themselves"),
	SK_FIELD(struct presence, incarnation, .required = true, .bounded = true, .min = 1,
		.max = 9.2e18, .doc = "of its start"),
	SK_FIELD(struct presence, version, .bounded = true, .min = 0, .max = 255, .nullable = true,
		.doc = "of the program"),
	SK_FIELD(struct presence, host, .bounded = true, .min = 0, .max = 255, .nullable = true,
		.doc = "where it runs"),
	SK_FIELD(struct presence, slots, .def = "0", .bounded = true, .min = 0, .max = 1e6,
		.doc = "how many tasks it runs at once; 0 = no limit"),
	SK_FIELD(struct presence, started, .def = "0", .bounded = true, .min = 0, .max = SK_LAST_MS,
		.doc = "when it was started (ms)"),
	SK_FIELDS_END };

struct attending {
	struct sk_skald row;
	struct sk_op_skald_put put;
	struct sk_op_skald_remove remove;
};

/* A node's row is its own. False: answered. */
static bool
may_speak(struct sk_call *call)
{
	const struct sk_skald_view *v = sk_call_skald(call, call->id);

	if (strlen(call->id) > 63) {
		sk_call_wrong(call, "id", "at most 63 bytes");
		return false;
	}
	if (v == NULL || v->row->mode != SK_MODE_NODE)
		return true;
	sk_call_error(call, 409, "skald %s is a node", sk_quote(call->arena, call->id));
	return false;
}

static void
attended(struct sk_op *op)
{
	struct sk_call *call = op->arg;

	if (op->code == SK_ECONFLICT) {
		sk_call_error(call, 409, "another one of this name was started later");
		return;
	}
	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	if (!sk_control_tell_skald(call->c, call->id, ""))
		call->c->stale++; /* the row is read now and then anyway */
	sk_str_addc(&call->out, '{');
	sk_json_kstr(&call->out, "id", call->id);
	sk_json_kint(&call->out, "renewMs", call->c->cfg.lease_ms / 3);
	sk_str_addc(&call->out, '}');
	sk_call_json(call, 200);
}

void
sk_api_skald_put(struct sk_call *call)
{
	static const char *const none[] = { NULL };
	struct attending *at = sk_arena_alloc(call->arena, sizeof(*at));
	struct presence p;

	if (!may_speak(call) || !sk_call_decode(call, sk_api_skald_fields, &p, sizeof(p)))
		return;
	at->row = (struct sk_skald){ .id = call->id,
		.incarnation = (uint64_t)p.incarnation,
		.renewals = (uint64_t)sk_control_boot_ms(call->c),
		.mode = p.mode == 0 ? SK_MODE_EDGE : SK_MODE_SINGLE,
		.version = p.version,
		.host = p.host,
		.slots = p.slots,
		.classes = none,
		.start_ms = p.started,
		.seen_ms = sk_control_wall_ms(call->c) };
	at->put = (struct sk_op_skald_put){ .skald = &at->row, .keep_draining = true };
	sk_call_submit(call, &at->put.op, SK_OP_SKALD_PUT, attended);
}

void
sk_api_skald_delete(struct sk_call *call)
{
	struct attending *at = sk_arena_alloc(call->arena, sizeof(*at));

	if (!may_speak(call))
		return;
	at->remove = (struct sk_op_skald_remove){ .id = call->id };
	sk_call_submit(call, &at->remove.op, SK_OP_SKALD_REMOVE, attended);
}
