/* api_original_system.c - the original's routes below /api/system. Its numbers come from one
 * source, the store (A12). */
#include "core/control/api_original.h"
#include "core/base/log.h"
#include "core/control/parts.h"
#include <stdlib.h>
#include <string.h>

static const struct sk_filter everything = { .phases = 0 };

static int64_t
sum(const int64_t *n)
{
	int64_t total = 0;

	for (int i = 0; i < SK_N_PHASE; i++)
		total += n[i];
	return total;
}

/* ---- health, version, config ---- */

static void
health_known(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct sk_str *out = &call->out;
	const char *word = op->code == SK_OK ? "healthy" : "unhealthy";

	sk_str_addc(out, '{');
	sk_json_kstr(out, "status", word);
	sk_json_kint(out, "timestamp", sk_control_wall_ms(call->c));
	sk_json_key(out, "services");
	sk_str_addc(out, '{');
	sk_json_kstr(out, "skald_store", word);
	sk_json_kstr(out, "task_store", word);
	sk_str_adds(out, "}}");
	sk_call_json(call, op->code == SK_OK ? 200 : 503);
}

void
sk_org_health(struct sk_call *call)
{
	struct sk_op_setting *op = sk_arena_alloc(call->arena, sizeof(*op));

	op->name = "ready";
	sk_call_submit(call, &op->op, SK_OP_SETTING_GET, health_known);
}

void
sk_org_version(struct sk_call *call)
{
	struct sk_str *out = &call->out;

	sk_str_addc(out, '{');
	sk_json_kstr(out, "version", call->c->cfg.version);
	sk_json_kstr(out, "buildDate", NULL);
	sk_json_kstr(out, "gitCommit", call->c->cfg.version);
	sk_json_kstr(out, "pythonVersion", NULL);
	sk_str_adds(out, ",\"dependencies\":{}}");
	sk_call_json(call, 200);
}

void
sk_org_config(struct sk_call *call)
{
	const struct sk_control_config *cfg = &call->c->cfg;
	struct sk_str *out = &call->out;

	sk_str_addc(out, '{');
	sk_json_kstr(out, "mode", sk_control_mode(call->c));
	sk_json_kstr(out, "host", NULL);
	sk_json_kstr(out, "port", NULL);
	sk_json_key(out, "monitoring");
	sk_str_addc(out, '{');
	sk_json_kint(out, "skaldInterval", cfg->reconcile_ms / 1000);
	sk_json_kint(out, "taskInterval", cfg->reconcile_ms / 1000);
	sk_json_kint(out, "heartbeatTimeout", cfg->lease_ms / 1000);
	sk_str_addc(out, '}');
	sk_json_key(out, "dispatcher");
	sk_str_addc(out, '{');
	sk_json_kint(out, "interval", cfg->reconcile_ms / 1000);
	sk_json_kstr(out, "strategy", sk_strategy_name(cfg->strategy));
	sk_str_addc(out, '}');
	sk_json_kstr(out, "environment", NULL);
	sk_json_kstr(out, "logLevel", sk_level_name(sk_log_settings()->level));
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}

/* ---- numbers of tasks ---- */

static void
begin_component(struct sk_str *out, const char *name, bool running)
{
	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "name", name);
	sk_json_kbool(out, "running", running);
	sk_json_key(out, "details");
	sk_str_addc(out, '{');
}

static void
put_monitors(struct sk_call *call, const struct sk_org_skald_numbers *s, int64_t live)
{
	const struct sk_control_config *cfg = &call->c->cfg;
	bool running = cfg->dispatch && !call->c->stopped;
	struct sk_str *out = &call->out;

	begin_component(out, "SkaldMonitor", running);
	sk_json_kbool(out, "running", running);
	sk_json_kint(out, "interval", cfg->reconcile_ms / 1000);
	sk_json_kbool(out, "thread_alive", running);
	sk_json_kint(out, "monitored_skalds", s->total);
	sk_str_adds(out, "}}");
	begin_component(out, "TaskMonitor", running);
	sk_json_kbool(out, "running", running);
	sk_json_kint(out, "interval", cfg->reconcile_ms / 1000);
	sk_json_kbool(out, "thread_alive", running);
	sk_json_kint(out, "monitored_tasks", live);
	sk_str_adds(out, "}}");
	running = running && !cfg->hold;
	begin_component(out, "Dispatcher", running);
	sk_json_kbool(out, "running", running);
	sk_json_kint(out, "interval", cfg->reconcile_ms / 1000);
	sk_json_kstr(out, "strategy", sk_strategy_name(cfg->strategy));
	sk_json_kbool(out, "thread_alive", running);
	sk_json_kint(out, "available_skalds", s->available);
	sk_json_kint(out, "total_skald_tasks", s->tasks);
	sk_str_adds(out, "}}");
}

static int64_t
live_of(const int64_t *n)
{
	return n[SK_ASSIGNING] + n[SK_RUNNING] + n[SK_PAUSED];
}

static void
put_status(struct sk_call *call, const struct sk_op_count *counted)
{
	const int64_t *n = counted->by_phase;
	struct sk_org_skald_numbers s;
	struct sk_str *out = &call->out;

	sk_org_count_skalds(call, &s);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "mode", sk_control_mode(call->c));
	sk_json_key(out, "components");
	sk_str_addc(out, '[');
	put_monitors(call, &s, live_of(n));
	begin_component(out, "SkaldStore", true);
	sk_json_kint(out, "totalSkalds", s.total);
	sk_json_kint(out, "onlineSkalds", s.online);
	sk_str_adds(out, "}}");
	begin_component(out, "TaskStore", true);
	sk_json_kint(out, "monitoredTasks", live_of(n));
	sk_json_kint(out, "runningTasks", n[SK_RUNNING]);
	sk_json_kint(out, "failedTasks", n[SK_FAILED]);
	sk_str_adds(out, "}}]");
	sk_json_kint(out, "uptime", (sk_control_wall_ms(call->c) - call->c->start_ms) / 1000);
	sk_json_kstr(out, "version", call->c->cfg.version);
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}

void
sk_org_status(struct sk_call *call)
{
	sk_call_count(call, &everything, put_status);
}

static void
put_summary(struct sk_call *call, const struct sk_op_count *counted)
{
	const int64_t *n = counted->by_phase;
	struct sk_org_skald_numbers s;
	struct sk_str *out = &call->out;

	sk_org_count_skalds(call, &s);
	sk_str_addc(out, '{');
	sk_json_kint(out, "totalSkalds", s.total);
	sk_json_kint(out, "onlineSkalds", s.online);
	sk_json_kint(out, "totalTasks", sum(n));
	sk_json_kint(out, "runningTasks", n[SK_RUNNING]);
	sk_json_kint(out, "finishedTasks", n[SK_FINISHED]);
	sk_json_kint(out, "failedTasks", n[SK_FAILED]);
	sk_json_kint(out, "assigningTasks", n[SK_ASSIGNING]);
	sk_json_kint(out, "cancelledTasks", n[SK_CANCELLED]);
	sk_json_kint(out, "nodeSkalds", s.nodes);
	sk_json_kint(out, "edgeSkalds", s.edges);
	sk_json_kint(out, "createdTasks", n[SK_CREATED]);
	sk_json_kint(out, "pausedTasks", n[SK_PAUSED]);
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}

void
sk_org_summary(struct sk_call *call)
{
	sk_call_count(call, &everything, put_summary);
}

static void
put_metrics_tasks(struct sk_str *out, const int64_t *n, int64_t assigned)
{
	sk_json_key(out, "tasks");
	sk_str_addc(out, '{');
	sk_json_kint(out, "monitored", live_of(n));
	sk_json_kint(out, "running", n[SK_RUNNING]);
	sk_json_kint(out, "failed", n[SK_FAILED]);
	sk_json_kint(out, "finished", n[SK_FINISHED]);
	sk_json_kint(out, "cancelled", n[SK_CANCELLED]);
	sk_json_kint(out, "assigning", n[SK_ASSIGNING]);
	sk_json_kint(out, "total", sum(n));
	sk_json_kint(out, "totalAssigned", assigned);
	sk_str_addc(out, '}');
}

static void
put_metrics_skalds(struct sk_str *out, const struct sk_org_skald_numbers *s)
{
	sk_json_key(out, "skalds");
	sk_str_addc(out, '{');
	sk_json_kint(out, "total", s->total);
	sk_json_kint(out, "online", s->online);
	sk_json_kint(out, "offline", s->total - s->online);
	sk_json_kint(out, "nodes", s->nodes);
	sk_json_kint(out, "edges", s->edges);
	sk_json_kint(out, "availableNodes", s->available);
	sk_json_kint(out, "busyNodes", s->busy);
	sk_json_kint(out, "idleNodes", s->idle);
	sk_str_addc(out, '}');
}

static void
put_performance(struct sk_call *call, const struct sk_org_skald_numbers *s)
{
	struct sk_str *out = &call->out;
	const struct sk_skald_view *views;
	size_t n_views = sk_skalds_view(call->c, &views);

	sk_json_key(out, "performance");
	sk_str_addc(out, '{');
	sk_json_key(out, "averageTasksPerSkald");
	sk_json_double(out, sk_org_percent(s->tasks, s->online) / 100);
	sk_json_key(out, "taskDistribution");
	sk_str_addc(out, '{');
	for (size_t i = 0; i < n_views; i++)
		sk_json_kint(out, views[i].row->id, views[i].tasks);
	sk_str_addc(out, '}');
	sk_json_key(out, "systemLoad");
	sk_str_addc(out, '{');
	sk_json_key(out, "skaldUtilization");
	sk_json_double(out, sk_org_percent(s->online, s->total));
	sk_json_key(out, "nodeUtilization");
	sk_json_double(out, sk_org_percent(s->busy, s->online_nodes));
	sk_str_adds(out, "}}");
}

static void
put_metrics(struct sk_call *call, const struct sk_op_count *counted)
{
	struct sk_org_skald_numbers s;
	struct sk_str *out = &call->out;

	sk_org_count_skalds(call, &s);
	sk_str_addc(out, '{');
	sk_json_kint(out, "timestamp", sk_control_wall_ms(call->c));
	put_metrics_skalds(out, &s);
	put_metrics_tasks(out, counted->by_phase, s.tasks);
	put_performance(call, &s);
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}

void
sk_org_metrics(struct sk_call *call)
{
	sk_call_count(call, &everything, put_metrics);
}

void
sk_org_cleanup(struct sk_call *call)
{
	struct sk_str *out = &call->out;

	sk_retention_look(call->c);
	sk_str_adds(out,
		"{\"success\":true,\"message\":\"System cleanup finished successfully\","
		"\"data\":{");
	sk_json_kint(out, "timestamp", sk_control_wall_ms(call->c));
	sk_str_adds(out, ",\"operations\":[\"task_store_cleanup\"]}}");
	sk_call_json(call, 200);
}

/* ---- analytics ---- */

struct share {
	int phase;
	int64_t n;
};

static int
by_number(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : x->phase - y->phase;
}

static void
put_distribution(struct sk_call *call, const struct sk_op_count *counted)
{
	struct share shares[SK_N_PHASE];
	int64_t total = sum(counted->by_phase);
	struct sk_str *out = &call->out;

	for (int i = 0; i < SK_N_PHASE; i++)
		shares[i] = (struct share){ i, counted->by_phase[i] };
	qsort(shares, SK_N_PHASE, sizeof(shares[0]), by_number);
	sk_str_adds(out, "{\"distribution\":[");
	for (int i = 0; i < SK_N_PHASE && shares[i].n > 0; i++) {
		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kstr(out, "status", sk_phase_name((enum sk_phase)shares[i].phase));
		sk_json_kint(out, "count", shares[i].n);
		sk_json_key(out, "percentage");
		sk_json_double(out, sk_org_percent(shares[i].n, total));
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, ']');
	sk_json_kint(out, "timestamp", sk_control_wall_ms(call->c));
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}

void
sk_org_distribution(struct sk_call *call)
{
	sk_call_count(call, &everything, put_distribution);
}

struct activity {
	int64_t hours, since_ms, created;
};

static void
put_activity(struct sk_call *call, const struct sk_op_count *counted)
{
	const struct activity *a = call->state;
	const int64_t *n = counted->by_phase;
	struct sk_str *out = &call->out;

	sk_str_addc(out, '{');
	sk_json_kstr(
		out, "timeframe", sk_arena_printf(call->arena, "Last %lld hours", (long long)a->hours));
	sk_json_kint(out, "tasksCreated", a->created);
	sk_json_kint(out, "tasksUpdated", sum(n));
	sk_json_kint(out, "tasksFinished", n[SK_FINISHED]);
	sk_json_kint(out, "tasksFailed", n[SK_FAILED]);
	sk_json_key(out, "successRate");
	sk_json_double(out, sk_org_percent(n[SK_FINISHED], n[SK_FINISHED] + n[SK_FAILED]));
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}

static void
created_counted(struct sk_call *call, const struct sk_op_count *counted)
{
	struct activity *a = call->state;
	const struct sk_filter updated = { .updated_after = a->since_ms };

	a->created = sum(counted->by_phase);
	sk_call_count(call, &updated, put_activity);
}

void
sk_org_activity(struct sk_call *call)
{
	struct activity *a = sk_arena_alloc(call->arena, sizeof(*a));
	struct sk_filter created = { .phases = 0 };

	/* the original has its own answer for what is out of bounds */
	if (!sk_call_int(call, "hours", INT64_MIN, INT64_MAX, 24, &a->hours))
		return;
	if (a->hours < 1 || a->hours > 168) {
		sk_call_error(call, 400, "Hours must be between 1 and 168");
		return;
	}
	a->since_ms = sk_control_wall_ms(call->c) - a->hours * 3600000;
	created.created_after = a->since_ms - 1;
	call->state = a;
	sk_call_count(call, &created, created_counted);
}
