/* api_system.c - how it stands: status, probes; a backup. */
#include "core/control/api_priv.h"
#include <stdio.h>
#include <string.h>

/* ---- who asks ---- */

void
sk_api_me(struct sk_call *call)
{
	sk_str_addc(&call->out, '{');
	sk_json_kstr(&call->out, "name", call->who[0] != '\0' ? call->who : NULL);
	sk_json_kstr(&call->out, "role", sk_role_name(call->role));
	sk_str_addc(&call->out, '}');
	sk_call_json(call, 200);
}

/* ---- status ---- */

static void
put_tasks(struct sk_str *out, const int64_t *n)
{
	int64_t total = 0;

	sk_json_key(out, "tasks");
	sk_str_addc(out, '{');
	for (int i = 0; i < SK_N_PHASE; i++) {
		sk_json_kint(out, sk_phase_name((enum sk_phase)i), n[i]);
		total += n[i];
	}
	sk_json_kint(out, "total", total);
	sk_str_addc(out, '}');
}

static void
put_queue(struct sk_call *call, const struct sk_op_count *counted)
{
	struct sk_str *out = &call->out;
	int64_t oldest = counted->oldest_waiting_ms, now = sk_control_wall_ms(call->c);
	struct sk_control_numbers n;

	sk_control_numbers(call->c, &n);
	sk_json_kint(out, "live", n.live);
	sk_json_kint(out, "window", n.window);
	sk_json_key(out, "endedLastMinute");
	if (call->c->cfg.dispatch)
		sk_json_int(out, n.ended_1m);
	else
		sk_str_adds(out, "null"); /* nobody has counted */
	sk_json_key(out, "oldestWaitingMs");
	if (oldest > 0)
		sk_json_int(out, now > oldest ? now - oldest : 0);
	else
		sk_str_adds(out, "null");
	sk_json_kint(out, "refusedReports", (int64_t)call->c->stale);
}

static void
put_skalds(struct sk_call *call)
{
	struct sk_str *out = &call->out;
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(call->c, &views);
	int64_t online = 0, draining = 0, slots = 0, tasks = 0;

	for (size_t i = 0; i < n; i++) {
		online += views[i].online;
		draining += views[i].online && views[i].row->draining;
		slots += views[i].online ? views[i].row->slots : 0;
		tasks += views[i].tasks;
	}
	sk_json_key(out, "skalds");
	sk_str_addc(out, '{');
	sk_json_kint(out, "total", (int64_t)n);
	sk_json_kint(out, "online", online);
	sk_json_kint(out, "draining", draining);
	sk_json_kint(out, "slots", slots);
	sk_json_kint(out, "tasks", tasks);
	sk_str_addc(out, '}');
}

/* Who dispatches: nobody when it is not known. row: as a command has read it, or NULL. */
static void
put_leader(struct sk_str *out, const struct sk_control *c, const struct sk_op_lead *row)
{
	char name[SK_LEADER_TEXT] = "";
	uint64_t term = 0;
	bool self = sk_control_leads(c);

	if (c->leader != NULL)
		sk_leader_seen(c->leader, name, &term);
	else if (row != NULL && row->now_holder != NULL) {
		sk_leader_name(row->now_holder, name);
		term = row->now_term;
	} else if (self)
		snprintf(name, sizeof(name), "%s", c->cfg.name);
	sk_json_key(out, "leader");
	sk_str_addc(out, '{');
	sk_json_kstr(out, "name", name[0] != '\0' ? name : NULL);
	sk_json_kint(out, "term", (int64_t)term);
	sk_json_kbool(out, "self", self);
	sk_str_addc(out, '}');
}

static void
put_services(struct sk_call *call)
{
	const struct sk_control_config *cfg = &call->c->cfg;
	struct sk_control_service services[SK_CONTROL_SERVICES];
	size_t n = cfg->services != NULL ? cfg->services(cfg->services_arg, services) : 0;
	struct sk_str *out = &call->out;

	sk_json_key(out, "services");
	sk_str_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kstr(out, "name", services[i].name);
		sk_json_kbool(out, "ok", services[i].ok);
		sk_json_kint(out, "since", services[i].since_ms);
		sk_json_kstr(out, "detail", services[i].text[0] != '\0' ? services[i].text : NULL);
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, ']');
}

static void
put_status(struct sk_call *call, const struct sk_op_count *counted)
{
	const struct sk_control *c = call->c;
	struct sk_str *out = &call->out;

	sk_str_addc(out, '{');
	sk_json_kstr(out, "version", c->cfg.version);
	sk_json_kstr(out, "name", c->cfg.name);
	sk_json_kint(out, "uptimeMs", sk_control_wall_ms(c) - c->start_ms);
	sk_json_kbool(out, "dispatching", sk_control_leads(c) && !c->cfg.hold);
	put_leader(out, c, call->state);
	put_tasks(out, counted->by_phase);
	put_queue(call, counted);
	put_skalds(call);
	put_services(call);
	sk_json_key(out, "store");
	sk_str_addc(out, '{');
	sk_json_kstr(out, "name", c->cfg.store->ops->name);
	sk_str_adds(out, "}}");
	sk_call_json(call, 200);
}

static void
count_all(struct sk_call *call)
{
	const struct sk_filter all = { .phases = 0 };

	sk_call_count_oldest(call, &all, put_status);
}

/* A look is always refused, with the row as it is. */
static void
row_seen(struct sk_op *op)
{
	struct sk_call *call = op->arg;

	if (op->code != SK_OK && op->code != SK_ECONFLICT)
		sk_call_failed(call, op->code, &op->err);
	else
		count_all(call);
}

void
sk_api_status(struct sk_call *call)
{
	struct sk_op_lead *look;

	/* who has the directory of one machine leads, and may be unable to write */
	if (call->c->leader != NULL || !call->c->cfg.by_clock) {
		count_all(call);
		return;
	}
	look = sk_arena_alloc(call->arena, sizeof(*look));
	look->holder = call->c->cfg.name;
	call->state = look;
	sk_call_submit(call, &look->op, SK_OP_LEAD, row_seen);
}

/* ---- probes ---- */

static void
answer_ok(struct sk_call *call)
{
	sk_str_adds(&call->out, "{\"status\":\"ok\"}");
	sk_call_json(call, 200);
}

void
sk_api_livez(struct sk_call *call)
{
	answer_ok(call);
}

static void
store_answers(struct sk_op *op)
{
	if (op->code == SK_OK)
		answer_ok(op->arg);
	else
		sk_call_error(op->arg, 503, "%s", op->err.msg);
}

void
sk_api_readyz(struct sk_call *call)
{
	struct sk_op_setting *op = sk_arena_alloc(call->arena, sizeof(*op));

	if (!call->c->ready) {
		sk_call_error(call, 503, "starting");
		return;
	}
	op->name = "ready";
	sk_call_submit(call, &op->op, SK_OP_SETTING_GET, store_answers);
}

/* ---- backup ---- */

struct backup_body {
	const char *path;
};
const struct sk_field sk_api_backup_fields[] = {
	SK_FIELD(struct backup_body, path, .required = true, .bounded = true, .min = 1, .max = 4095,
		.doc = "absolute path of a file that does not exist yet"),
	SK_FIELDS_END
};

static void
backed_up(struct sk_op *op)
{
	struct sk_call *call = op->arg;

	if (op->code == SK_EINVAL) {
		sk_call_wrong(call, "path", op->err.msg);
	} else if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
	} else {
		sk_str_addc(&call->out, '{');
		sk_json_kstr(&call->out, "path", ((const struct sk_op_backup *)op)->path);
		sk_str_addc(&call->out, '}');
		sk_call_json(call, 201);
	}
}

void
sk_api_backup(struct sk_call *call)
{
	struct sk_op_backup *op = sk_arena_alloc(call->arena, sizeof(*op));
	struct backup_body b;

	if (!sk_call_decode(call, sk_api_backup_fields, &b, sizeof(b)))
		return;
	if (b.path[0] != '/') {
		sk_call_wrong(call, "path", "must be an absolute path");
		return;
	}
	op->path = b.path;
	sk_call_submit(call, &op->op, SK_OP_BACKUP, backed_up);
}
