/* api_original.c - the original's routes below /api/tasks. */
#include "core/control/api_original.h"
#include "core/control/changes.h"
#include "core/control/parts.h"
#include <string.h>
#include <strings.h>

/* With a dashboard it is the way there (8.2, 8.3). */
void
sk_org_root(struct sk_call *call)
{
	struct sk_str *out = &call->out;

	if (call->c->cfg.dashboard) {
		sk_call_header(call, "Location", "/dashboard");
		sk_call_answer(call, 302, "text/plain");
		return;
	}
	sk_str_adds(out, "{\"name\":\"Skalds SystemController\"");
	sk_json_kstr(out, "version", call->c->cfg.version);
	sk_json_kstr(out, "mode", sk_control_mode(call->c));
	sk_str_adds(out,
		",\"status\":\"running\",\"endpoints\":{\"api\":\"/api\",\"docs\":\"/api/docs\","
		"\"dashboard\":null}}");
	sk_call_json(call, 200);
}

void
sk_org_api(struct sk_call *call)
{
	sk_str_adds(&call->out, "{\"name\":\"SystemController API\"");
	sk_json_kstr(&call->out, "version", call->c->cfg.version);
	sk_str_adds(&call->out,
		",\"endpoints\":{\"tasks\":\"/api/tasks\",\"skalds\":\"/api/skalds\",\"events\":"
		"\"/api/events\",\"system\":\"/api/system\"}}");
	sk_call_json(call, 200);
}

/* ---- a task ---- */

int64_t
sk_org_beat(struct sk_control *c, const char *id, enum sk_phase phase, const char *executor)
{
	const struct sk_agent *a;
	const char *error;
	int64_t beat;

	switch (phase) {
	case SK_FINISHED:
		return 200;
	case SK_FAILED:
		return -1;
	case SK_CANCELLED:
		return -2;
	case SK_CREATED:
	case SK_ASSIGNING:
	case SK_RUNNING:
	case SK_PAUSED:
	case SK_N_PHASE:
		break;
	}
	if (sk_beats_shown(c, id, &beat, &error))
		return beat;
	a = sk_phase_live(phase) ? sk_skalds_find(c, executor) : NULL;
	return a != NULL ? (int64_t)(a->row->renewals % 200) : 0;
}

int64_t
sk_org_heartbeat_of(struct sk_call *call, const struct sk_record *r)
{
	return sk_org_beat(call->c, r->id, r->life.phase, r->life.executor);
}

/* What a program of the original wrote beside its heartbeat. */
static const char *
error_of(struct sk_call *call, const struct sk_record *r)
{
	const char *error = NULL;
	int64_t beat;

	(void)sk_beats_shown(call->c, r->id, &beat, &error);
	return error;
}

bool
sk_org_exception(const struct sk_record *r, struct sk_str *out)
{
	if (r->life.phase != SK_FAILED || !r->exit.known)
		return false;
	if (r->exit.message[0] != '\0')
		sk_str_adds(out, r->exit.message);
	else
		sk_reason_text(out, r->exit.reason, r->exit.code, r->exit.signal);
	return true;
}

static void
put_exception(struct sk_str *out, const struct sk_record *r)
{
	struct sk_str text = SK_STR_INIT;
	bool failed = sk_org_exception(r, &text);

	sk_json_kstr(out, "exception", failed ? sk_str_text(&text) : NULL);
	sk_str_release(&text);
}

static const char *
mode_of(const struct sk_record *r)
{
	const struct sk_value *v = sk_map_get(r->spec, "mode");

	return v != NULL && v->kind == SK_STRING ? v->u.str.s : "Passive";
}

static void
put_task(struct sk_call *call, const struct sk_record *r)
{
	struct sk_str *out = &call->out;

	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "id", r->id);
	sk_json_kstr(out, "className", r->class_name);
	sk_json_kstr(out, "lifecycleStatus", sk_phase_name(r->life.phase));
	sk_json_kstr(out, "executor", r->life.executor[0] != '\0' ? r->life.executor : NULL);
	sk_json_kint(out, "createDateTime", r->create_ms);
	sk_json_kint(out, "updateDateTime", r->update_ms);
	sk_json_kstr(out, "mode", mode_of(r));
	sk_json_key(out, "attachments");
	sk_record_attachments_json(out, r, call->c->cfg.workers);
	sk_json_kint(out, "heartbeat", sk_org_heartbeat_of(call, r));
	sk_json_kstr(out, "error", error_of(call, r));
	put_exception(out, r);
	sk_json_kint(out, "priority", r->priority);
	sk_str_addc(out, '}');
}

static void
answer_one(struct sk_call *call, struct sk_record *r)
{
	put_task(call, r);
	sk_call_json(call, 200);
}

void
sk_org_task(struct sk_call *call)
{
	sk_call_get(call, answer_one);
}

/* Its last heartbeats: of its program, or of its skald since it has the task; the one that is shown
 * is the last of them. Of one that has ended nothing else is known. */
static void
put_history(struct sk_call *call, const struct sk_record *r, int64_t heartbeat)
{
	const struct sk_agent *a = sk_skalds_find(call->c, r->life.executor);
	const struct sk_trail *h = sk_beats_trail(call->c, r->id);
	int64_t values[SK_TRAIL + 1] = { 0 };
	size_t n = 0;

	if (h != NULL)
		n = sk_trail_since(h, 0, values);
	else if (a != NULL && r->start_ms > 0 && sk_phase_live(r->life.phase))
		n = sk_trail_since(&a->beats, r->start_ms, values);
	if (n == 0 || values[n - 1] != heartbeat)
		values[n++] = heartbeat;
	sk_json_key(&call->out, "heartbeatHistory");
	sk_str_addc(&call->out, '[');
	for (size_t i = n > SK_TRAIL ? n - SK_TRAIL : 0; i < n; i++) {
		sk_json_next(&call->out);
		sk_json_int(&call->out, values[i]);
	}
	sk_str_addc(&call->out, ']');
}

static void
answer_heartbeat(struct sk_call *call, struct sk_record *r)
{
	struct sk_str *out = &call->out;
	int64_t heartbeat = sk_org_heartbeat_of(call, r);

	sk_str_addc(out, '{');
	sk_json_kstr(out, "taskId", r->id);
	sk_json_kint(out, "heartbeat", heartbeat);
	sk_json_kstr(out, "status", sk_phase_name(r->life.phase));
	sk_json_kbool(out, "isAlive", sk_phase_live(r->life.phase));
	sk_json_kbool(out, "isAssigning", r->life.phase == SK_ASSIGNING);
	sk_json_kstr(out, "error", error_of(call, r));
	put_exception(out, r);
	sk_json_kint(out, "lastUpdate", r->update_ms);
	put_history(call, r, heartbeat);
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}

void
sk_org_heartbeat(struct sk_call *call)
{
	sk_call_get(call, answer_heartbeat);
}

/* ---- the list ---- */

struct list {
	struct sk_op_find op;
	struct sk_filter filter;
	int64_t page, size, skip, total;
};

static void
answer_list(struct sk_call *call, struct sk_record *const *records, size_t n)
{
	const struct list *l = call->state;

	sk_str_adds(&call->out, "{\"items\":[");
	for (size_t i = 0; i < n; i++)
		put_task(call, records[i]);
	sk_str_addc(&call->out, ']');
	sk_json_kint(&call->out, "total", l->total);
	sk_json_kint(&call->out, "page", l->page);
	sk_json_kint(&call->out, "pageSize", l->size);
	sk_str_addc(&call->out, '}');
	sk_call_json(call, 200);
}

static void
found(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	const struct list *l = call->state;

	if (op->code != SK_OK)
		sk_call_failed(call, op->code, &op->err);
	else
		answer_list(call, l->op.records, l->op.n);
}

static void
list_counted(struct sk_call *call, const struct sk_op_count *counted)
{
	struct list *l = call->state;

	for (int i = 0; i < SK_N_PHASE; i++)
		l->total += counted->by_phase[i];
	if (l->skip >= l->total) {
		answer_list(call, NULL, 0);
		return;
	}
	l->op = (struct sk_op_find){ .filter = l->filter,
		.order = SK_NEWEST_FIRST,
		.skip = (size_t)l->skip,
		.limit = (size_t)l->size };
	sk_call_submit(call, &l->op.op, SK_OP_FIND, found);
}

/* The original takes regular expressions; here a part of the word is enough (A7). */
static unsigned
phases_like(const char *part)
{
	unsigned phases = 0;

	for (int i = 0; i < SK_N_PHASE; i++)
		if (strcasestr(sk_phase_name((enum sk_phase)i), part) != NULL)
			phases |= 1u << i;
	return phases;
}

void
sk_org_tasks(struct sk_call *call)
{
	struct list *l = sk_arena_alloc(call->arena, sizeof(*l));

	call->state = l;
	if (!sk_call_number(call, "page", &l->page) || !sk_call_number(call, "pageSize", &l->size))
		return;
	l->skip = (l->page - 1) * l->size;
	l->filter = (struct sk_filter){ .class_part = sk_call_param(call, "className"),
		.id_part = sk_call_param(call, "id"),
		.executor = sk_call_param(call, "executor"),
		.phases = phases_like(sk_call_param(call, "lifecycleStatus")) };
	if (l->filter.phases == 0)
		answer_list(call, NULL, 0);
	else
		sk_call_count(call, &l->filter, list_counted);
}

static void
classes_read(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	const struct sk_op_classes *classes = (const struct sk_op_classes *)op;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	sk_str_addc(&call->out, '[');
	for (size_t i = 0; i < classes->n; i++) {
		if (classes->names[i][0] == '\0')
			continue;
		sk_json_next(&call->out);
		sk_json_string(&call->out, classes->names[i]);
	}
	sk_str_addc(&call->out, ']');
	sk_call_json(call, 200);
}

void
sk_org_classes(struct sk_call *call)
{
	struct sk_op_classes *op = sk_arena_alloc(call->arena, sizeof(*op));

	sk_call_submit(call, &op->op, SK_OP_CLASSES, classes_read);
}

/* ---- changes ---- */

struct change {
	struct sk_changes run;
	const char *ids[1];
	const char *status; /* what is wanted */
	const char *done, *not_done; /* sentences */
	enum sk_code code;
	enum sk_phase phase; /* as it is */
	const char *why;
};

static void
page_changed(void *arg, const struct sk_changed *results, size_t n, size_t n_ok)
{
	struct sk_call *call = arg;
	struct change *change = call->state;

	(void)n;
	(void)n_ok;
	change->code = results[0].code;
	change->why = sk_arena_strdup(call->arena, results[0].error);
	if (results[0].record != NULL)
		change->phase = results[0].record->life.phase;
	/* Wanted to be Created and is: nothing was to be done. */
	if (change->run.kind == SK_CHANGE_RETRY && change->code == SK_ECONFLICT &&
		change->phase == SK_CREATED)
		change->code = SK_OK;
}

static void
answer_changed(struct sk_call *call, const struct change *change)
{
	struct sk_str *out = &call->out;

	sk_str_adds(out, "{\"success\":true");
	sk_json_kstr(out, "message", change->done);
	sk_json_key(out, "data");
	sk_str_addc(out, '{');
	sk_json_kstr(out, "taskId", call->id);
	sk_json_kstr(out, "status", change->status);
	sk_str_adds(out, "}}");
	sk_call_json(call, 200);
}

static void
change_done(void *arg, enum sk_code code, const struct sk_err *err)
{
	struct sk_call *call = arg;
	const struct change *change = call->state;

	if (code != SK_OK)
		sk_call_failed(call, code, err);
	else if (change->code == SK_ENOENT)
		sk_call_error(call, 404, "Task not found");
	else if (change->code != SK_OK)
		sk_call_error(call, 400, "%s: %s", change->not_done, change->why);
	else
		answer_changed(call, change);
}

static void
run_change(struct sk_call *call, enum sk_change kind, const char *status, const char *done,
	const char *not_done)
{
	struct change *change = sk_arena_alloc(call->arena, sizeof(*change));

	change->ids[0] = call->id;
	change->status = status;
	change->done = done;
	change->not_done = not_done;
	change->run = (struct sk_changes){ .kind = kind,
		.ids = change->ids,
		.n = 1,
		.page = page_changed,
		.done = change_done,
		.arg = call };
	call->state = change;
	sk_changes_run(call->c, &change->run);
}

/* The member of the body under either spelling. NULL: answered. */
static const struct sk_value *
body_member(struct sk_call *call, const char *key, const char *name)
{
	const struct sk_value *body = sk_call_body(call), *v;

	if (body == NULL)
		return NULL;
	if (body->kind != SK_MAP) {
		sk_org_invalid(call, "model_attributes_type", NULL,
			"Input should be a valid dictionary or object to extract fields from");
		return NULL;
	}
	v = sk_map_get(body, key);
	if (v == NULL)
		v = sk_map_get(body, name);
	if (v == NULL)
		sk_org_invalid(call, "missing", key, "Field required");
	return v;
}

void
sk_org_set_status(struct sk_call *call)
{
	const struct sk_value *v = body_member(call, "lifecycleStatus", "lifecycle_status");
	const char *status;

	if (v == NULL)
		return;
	status = v->kind == SK_STRING ? v->u.str.s : "";
	if (strcmp(status, "Cancelled") == 0)
		run_change(call, SK_CHANGE_CANCEL, "Cancelled", "Task status updated to Cancelled",
			"Task status not updated");
	else if (strcmp(status, "Created") == 0)
		run_change(call, SK_CHANGE_RETRY, "Created", "Task status updated to Created",
			"Task status not updated");
	else
		sk_org_invalid(call, "value_error", NULL,
			"Value error, LifecycleStatus must be one of: ['Created', 'Cancelled']");
}

void
sk_org_delete(struct sk_call *call)
{
	run_change(
		call, SK_CHANGE_CANCEL, "Cancelled", "Task cancelled successfully", "Task not cancelled");
}

void
sk_org_set_attachments(struct sk_call *call)
{
	sk_call_update(call, true);
}

void
sk_org_updated(struct sk_call *call, const struct sk_record *r)
{
	struct sk_str *out = &call->out;

	sk_str_adds(
		out, "{\"success\":true,\"message\":\"Task attachments updated successfully\",\"data\":{");
	sk_json_kstr(out, "taskId", r->id);
	sk_json_key(out, "attachments");
	sk_record_attachments_json(out, r, call->c->cfg.workers);
	sk_str_adds(out, "}}");
	sk_call_json(call, 200);
}
