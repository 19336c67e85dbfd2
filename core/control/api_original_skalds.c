/* api_original_skalds.c - the original's routes below /api/skalds. */
#include "core/control/api_original.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define LIVE (1u << SK_ASSIGNING | 1u << SK_RUNNING | 1u << SK_PAUSED)

/* ---- what a skald does ---- */

struct living {
	struct sk_op_find op;
	void (*fn)(struct sk_call *call, struct sk_record *const *records, size_t n);
};

static void
live_found(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct living *l = (struct living *)op;

	if (op->code != SK_OK)
		sk_call_failed(call, op->code, &op->err);
	else
		l->fn(call, l->op.records, l->op.n);
}

void
sk_org_live(struct sk_call *call, const char *skald,
	void (*fn)(struct sk_call *call, struct sk_record *const *records, size_t n))
{
	struct living *l = sk_arena_alloc(call->arena, sizeof(*l));

	l->fn = fn;
	l->op.filter = (struct sk_filter){ .phases = LIVE, .executor = skald };
	l->op.order = SK_OLDEST_FIRST;
	l->op.limit = 10000;
	l->op.thin = true;
	sk_call_submit(call, &l->op.op, SK_OP_FIND, live_found);
}

static const char *
status_of(const struct sk_skald_view *v)
{
	return v->online ? "online" : "offline";
}

static void
put_classes(struct sk_str *out, const struct sk_skald *row)
{
	sk_json_key(out, "supportedTasks");
	sk_str_addc(out, '[');
	for (const char *const *name = row->classes; name != NULL && *name != NULL; name++) {
		sk_json_next(out);
		sk_json_string(out, *name);
	}
	sk_str_addc(out, ']');
}

static void
put_skald(
	struct sk_call *call, const struct sk_skald_view *v, struct sk_record *const *records, size_t n)
{
	struct sk_str *out = &call->out;
	const char *const *its = sk_originals_tasks(call->c, v->row->id); /* as it says itself */
	int64_t listed = 0;

	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "id", v->row->id);
	sk_json_kstr(out, "type", sk_skald_mode_name(v->row->mode));
	sk_json_kstr(out, "status", status_of(v));
	sk_json_kstr(out, "lastHeartbeat", sk_arena_printf(call->arena, "%" PRId64, v->row->seen_ms));
	put_classes(out, v->row);
	sk_json_key(out, "currentTasks");
	sk_str_addc(out, '[');
	for (size_t i = 0; i < n; i++)
		if (its == NULL && strcmp(records[i]->life.executor, v->row->id) == 0) {
			sk_json_next(out);
			sk_json_string(out, records[i]->id);
		}
	for (; its != NULL && *its != NULL; its++, listed++) {
		sk_json_next(out);
		sk_json_string(out, *its);
	}
	sk_str_addc(out, ']');
	sk_json_kint(out, "heartbeat", (int64_t)(v->row->renewals % 200));
	sk_json_kint(out, "taskCount", listed > 0 ? listed : v->tasks);
	sk_str_addc(out, '}');
}

/* "" restricts nothing. */
static bool
is_asked_for(const struct sk_call *call, const struct sk_skald_view *v)
{
	const char *type = sk_call_param(call, "type"), *status = sk_call_param(call, "status");

	return (type[0] == '\0' || strcmp(type, sk_skald_mode_name(v->row->mode)) == 0) &&
		(status[0] == '\0' || strcmp(status, status_of(v)) == 0);
}

static void
put_list(struct sk_call *call, struct sk_record *const *records, size_t n)
{
	const struct sk_skald_view *views;
	size_t n_views = sk_skalds_view(call->c, &views);
	int64_t total = 0;

	sk_str_adds(&call->out, "{\"items\":[");
	for (size_t i = 0; i < n_views; i++)
		if (is_asked_for(call, &views[i])) {
			put_skald(call, &views[i], records, n);
			total++;
		}
	sk_str_addc(&call->out, ']');
	sk_json_kint(&call->out, "total", total);
	sk_str_addc(&call->out, '}');
	sk_call_json(call, 200);
}

void
sk_org_skalds(struct sk_call *call)
{
	sk_org_live(call, "", put_list);
}

/* ---- one ---- */

/* The skald of the route; NULL: 404 was answered. */
static const struct sk_skald_view *
skald_of(struct sk_call *call)
{
	const struct sk_skald_view *v = sk_call_skald(call, call->id);

	if (v == NULL)
		sk_call_error(call, 404, "Skalds not found");
	return v;
}

static void
put_one(struct sk_call *call, struct sk_record *const *records, size_t n)
{
	const struct sk_skald_view *v = skald_of(call);

	if (v == NULL)
		return;
	put_skald(call, v, records, n);
	sk_call_json(call, 200);
}

void
sk_org_skald(struct sk_call *call)
{
	sk_org_live(call, call->id, put_one);
}

static void
put_its_tasks(struct sk_str *out, struct sk_record *const *records, size_t n, bool with_assignment)
{
	sk_json_key(out, "tasks");
	sk_str_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kstr(out, "id", records[i]->id);
		sk_json_kstr(out, "className", records[i]->class_name);
		if (with_assignment)
			sk_json_kint(out, "assignedAt",
				records[i]->start_ms > 0 ? records[i]->start_ms : records[i]->update_ms);
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, ']');
}

static void
put_part_tasks(struct sk_call *call, struct sk_record *const *records, size_t n)
{
	sk_json_kstr(&call->out, "skaldId", call->id);
	put_its_tasks(&call->out, records, n, true);
	sk_json_kint(&call->out, "totalTasks", (int64_t)n);
}

static void
put_part_status(
	struct sk_call *call, const struct sk_skald_view *v, struct sk_record *const *records, size_t n)
{
	struct sk_str *out = &call->out;
	int64_t now = sk_control_wall_ms(call->c);

	sk_json_kstr(out, "skaldId", call->id);
	sk_json_kstr(out, "status", status_of(v));
	sk_json_kstr(out, "type", sk_skald_mode_name(v->row->mode));
	sk_json_kint(out, "heartbeat", (int64_t)(v->row->renewals % 200));
	sk_json_kint(out, "lastUpdate", v->row->seen_ms);
	sk_json_kint(out, "taskCount", v->tasks);
	sk_json_kbool(out, "isOnline", v->online);
	sk_json_kint(out, "uptime", v->online ? (now - v->row->start_ms) / 1000 : 0);
	sk_json_key(out, "details");
	sk_str_addc(out, '{');
	sk_json_kbool(out, "canAcceptTasks",
		v->online && !v->row->draining && v->row->mode == SK_MODE_NODE && v->tasks < v->row->slots);
	sk_json_kint(out, "lastHeartbeatAge", now - v->row->seen_ms);
	put_its_tasks(out, records, n, false);
	sk_str_addc(out, '}');
}

static void
put_part_heartbeat(struct sk_call *call, const struct sk_skald_view *v)
{
	struct sk_str *out = &call->out;
	int64_t now = sk_control_wall_ms(call->c);

	sk_json_kstr(out, "skaldId", call->id);
	sk_json_kint(out, "heartbeat", (int64_t)(v->row->renewals % 200));
	sk_json_kint(out, "lastUpdate", v->row->seen_ms);
	sk_json_kint(out, "heartbeatAge", now - v->row->seen_ms);
	sk_json_kbool(out, "isOnline", v->online);
	sk_json_kint(out, "timestamp", now);
}

/* /tasks, /status, /heartbeat */
static void
put_part(struct sk_call *call, struct sk_record *const *records, size_t n)
{
	const char *part = strrchr(call->path, '/');
	const struct sk_skald_view *v = skald_of(call);

	if (v == NULL)
		return;
	sk_str_addc(&call->out, '{');
	if (strcmp(part, "/tasks") == 0)
		put_part_tasks(call, records, n);
	else if (strcmp(part, "/status") == 0)
		put_part_status(call, v, records, n);
	else
		put_part_heartbeat(call, v);
	sk_str_addc(&call->out, '}');
	sk_call_json(call, 200);
}

void
sk_org_skald_part(struct sk_call *call)
{
	sk_org_live(call, call->id, put_part);
}

void
sk_org_ping(struct sk_call *call)
{
	struct sk_str *out = &call->out;
	const struct sk_skald_view *v = skald_of(call);

	if (v == NULL)
		return;
	sk_str_addc(out, '{');
	sk_json_kbool(out, "success", v->online);
	sk_json_kstr(
		out, "message", sk_arena_printf(call->arena, "Skalds %s is %s", v->row->id, status_of(v)));
	sk_json_key(out, "data");
	sk_str_addc(out, '{');
	sk_json_kstr(out, "skaldId", v->row->id);
	sk_json_kbool(out, "online", v->online);
	sk_json_kint(out, "lastHeartbeat", v->row->seen_ms);
	sk_str_adds(out, "}}");
	sk_call_json(call, 200);
}

/* ---- all together ---- */

void
sk_org_count_skalds(struct sk_call *call, struct sk_org_skald_numbers *n)
{
	const struct sk_skald_view *views;
	size_t n_views = sk_skalds_view(call->c, &views);

	*n = (struct sk_org_skald_numbers){ .total = (int64_t)n_views };
	for (size_t i = 0; i < n_views; i++) {
		const struct sk_skald_view *v = &views[i];
		bool edge = v->row->mode == SK_MODE_EDGE, node = v->row->mode == SK_MODE_NODE;

		n->online += v->online;
		n->nodes += node;
		n->edges += edge;
		n->online_nodes += node && v->online;
		n->online_edges += edge && v->online;
		n->available += node && v->online && !v->row->draining && v->tasks < v->row->slots;
		n->busy += node && v->online && v->tasks > 0;
		n->idle += node && v->online && v->tasks == 0;
		n->tasks += v->tasks;
	}
}

double
sk_org_percent(int64_t part, int64_t whole)
{
	return whole > 0 ? round((double)part * 10000 / (double)whole) / 100 : 0;
}

void
sk_org_statistics(struct sk_call *call)
{
	struct sk_str *out = &call->out;
	struct sk_org_skald_numbers n;

	sk_org_count_skalds(call, &n);
	sk_str_addc(out, '{');
	sk_json_kint(out, "totalSkalds", n.total);
	sk_json_kint(out, "onlineSkalds", n.online);
	sk_json_kint(out, "offlineSkalds", n.total - n.online);
	sk_json_kint(out, "nodeSkalds", n.nodes);
	sk_json_kint(out, "edgeSkalds", n.edges);
	sk_json_kint(out, "availableNodes", n.available);
	sk_json_kint(out, "totalRunningTasks", n.tasks);
	sk_json_key(out, "averageTasksPerSkald");
	if (n.online > 0)
		sk_json_double(out, (double)n.tasks / (double)n.online);
	else
		sk_json_int(out, 0);
	sk_json_key(out, "details");
	sk_str_addc(out, '{');
	sk_json_kint(out, "onlineNodes", n.online_nodes);
	sk_json_kint(out, "onlineEdges", n.online_edges);
	sk_json_kint(out, "busyNodes", n.busy);
	sk_json_kint(out, "idleNodes", n.idle);
	sk_str_adds(out, "}}");
	sk_call_json(call, 200);
}
