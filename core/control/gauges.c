#include "core/control/gauges.h"
#include "core/control/history.h"
#include "core/control/parts.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 30 /* intervals whose ends are remembered: five minutes */
#define SHARE 10 /* the store works for us at most one part of so many */
#define PROBE "skalds.ping" /* a key of the cache that nobody writes */

/* A question to the cache: it may come back when we are gone. */
struct asking {
	struct sk_gauges *g; /* NULL: gone */
	int64_t sent_ns;
};

struct sk_gauges {
	struct sk_control *c;
	struct sk_timer timer;
	bool started;
	double now[SK_N_SERIES]; /* as last measured */
	/* the measurement that goes on */
	bool open;
	int64_t number; /* its place in time: wall clock / SK_GAUGES_MS */
	double next[SK_N_SERIES];
	bool asking; /* the store */
	int64_t asked_ms, rest_ms; /* boot clock: since when; not before then again */
	int64_t sent_ns; /* of the operation under way */
	struct sk_arena *arena;
	struct sk_op_setting ping;
	struct sk_op_count count;
	struct sk_op_find find;
	struct asking *cache; /* NULL: answered */
	int64_t bus_ns; /* when our word was said; 0 = it was heard, or none was said */
	/* ends of tasks, by interval */
	struct {
		int64_t finished, failed, late;
	} ended[KEPT], ending; /* ending: of this interval */
	int at;
	int64_t late[SK_N_LATE], late_seen[SK_N_LATE];
};

const char *
sk_series_name(enum sk_series s)
{
	static const char *const names[SK_N_SERIES] = {
		[SK_SERIES_CREATED] = "tasks.created",
		[SK_SERIES_WAITING] = "tasks.waiting",
		[SK_SERIES_RUNNING] = "tasks.running",
		[SK_SERIES_PAUSED] = "tasks.paused",
		[SK_SERIES_FINISHED] = "tasks.finished",
		[SK_SERIES_FAILED] = "tasks.failed",
		[SK_SERIES_CANCELLED] = "tasks.cancelled",
		[SK_SERIES_RATE_FINISHED] = "throughput.finished",
		[SK_SERIES_RATE_FAILED] = "throughput.failed",
		[SK_SERIES_QUEUE_AGE] = "queue.ageSeconds",
		[SK_SERIES_ONLINE] = "skalds.online",
		[SK_SERIES_SKALDS] = "skalds.total",
		[SK_SERIES_STORE_MS] = "latency.store_ms",
		[SK_SERIES_BUS_MS] = "latency.bus_ms",
		[SK_SERIES_CACHE_MS] = "latency.cache_ms",
	};

	return names[s];
}

static double
ms_since(int64_t ns)
{
	return (double)(sk_boot_ns() - ns) / 1e6;
}

static void
clear(double v[SK_N_SERIES])
{
	for (int i = 0; i < SK_N_SERIES; i++)
		v[i] = NAN;
}

/* ---- what ended ---- */

void
sk_gauges_hear(struct sk_control *c, const struct sk_event *e)
{
	struct sk_gauges *g = c->gauges;

	if (e->kind == SK_EVENT_FINISHED)
		g->ending.finished++;
	else if (e->kind == SK_EVENT_FAILED) {
		g->ending.failed++;
		g->ending.late += e->message != NULL && strstr(e->message, SK_DEADLINE_PASSED) != NULL;
	} else if (e->kind == SK_EVENT_PING && g->bus_ns != 0 && strcmp(e->skald, c->self) == 0) {
		g->next[SK_SERIES_BUS_MS] = ms_since(g->bus_ns);
		g->bus_ns = 0;
	}
}

void
sk_gauges_ended(const struct sk_control *c, int64_t *finished, int64_t *failed)
{
	const struct sk_gauges *g = c->gauges;

	*finished = g->ending.finished;
	*failed = g->ending.failed;
	for (int i = 0; i < KEPT; i++) {
		*finished += g->ended[i].finished;
		*failed += g->ended[i].failed;
	}
}

static void
turn_interval(struct sk_gauges *g)
{
	const double per_minute = 60000.0 / SK_GAUGES_MS;

	g->next[SK_SERIES_RATE_FINISHED] = (double)g->ending.finished * per_minute;
	g->next[SK_SERIES_RATE_FAILED] = (double)g->ending.failed * per_minute;
	g->ended[g->at].finished = g->ending.finished;
	g->ended[g->at].failed = g->ending.failed;
	g->ended[g->at].late = g->ending.late;
	g->at = (g->at + 1) % KEPT;
	memset(&g->ending, 0, sizeof(g->ending));
}

/* ---- deadlines ---- */

static bool
is_late(const struct sk_control *c, int64_t deadline_ms)
{
	return deadline_ms > 0 && deadline_ms <= sk_control_wall_ms(c);
}

void
sk_late_see(struct sk_control *c, enum sk_late who, const struct sk_record *r)
{
	c->gauges->late_seen[who] += is_late(c, sk_record_deadline(r));
}

void
sk_late_done(struct sk_control *c, enum sk_late who, bool all)
{
	if (all)
		c->gauges->late[who] = c->gauges->late_seen[who];
	c->gauges->late_seen[who] = 0;
}

int64_t
sk_gauges_late(struct sk_control *c)
{
	const struct sk_gauges *g = c->gauges;
	int64_t n = g->ending.late + g->late[SK_LATE_LIVE] + g->late[SK_LATE_WAITING];

	for (int i = 0; i < KEPT; i++)
		n += g->ended[i].late;
	for (const struct sk_lane *l = sk_window_lanes(c); l != NULL; l = l->next)
		for (size_t i = 0; i < l->n; i++)
			n += is_late(c, l->heap[i]->deadline_ms);
	return n;
}

/* ---- a measurement ---- */

double
sk_gauges_value(const struct sk_control *c, enum sk_series s)
{
	return c->gauges->now[s];
}

static void
count_skalds(struct sk_gauges *g)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(g->c, &views), online = 0;

	for (size_t i = 0; i < n; i++)
		online += views[i].online;
	g->next[SK_SERIES_ONLINE] = (double)online;
	g->next[SK_SERIES_SKALDS] = (double)n;
}

static void
finish(struct sk_gauges *g)
{
	g->open = false;
	memcpy(g->now, g->next, sizeof(g->now));
	sk_history_add(g->c, g->number, g->now);
}

static void
finish_when_all_is_there(struct sk_gauges *g)
{
	if (g->open && !g->asking && g->cache == NULL && g->bus_ns == 0)
		finish(g);
}

/* The store: a ping, the numbers, the first of the queue, one after another. */

static void
store_done(struct sk_gauges *g)
{
	int64_t now = sk_control_boot_ms(g->c), took = now - g->asked_ms;

	g->asking = false;
	g->rest_ms = now + took * (SHARE - 1);
	sk_arena_free(g->arena);
	g->arena = NULL;
	finish_when_all_is_there(g);
}

static void
submit(struct sk_gauges *g, struct sk_op *op, enum sk_op_kind kind, void (*done)(struct sk_op *op))
{
	op->kind = kind;
	op->done = done;
	op->arg = g;
	op->arena = g->arena;
	g->sent_ns = sk_boot_ns();
	sk_store_submit(g->c->cfg.store, op);
}

/* One that was given back may have been there for long: what counts is since when it can start. */
static void
found(struct sk_op *op)
{
	struct sk_gauges *g = op->arg;
	const struct sk_record *r = op->code == SK_OK && g->find.n > 0 ? g->find.records[0] : NULL;
	int64_t now = sk_control_wall_ms(g->c), since = r != NULL ? r->create_ms : now;

	if (r != NULL && r->finish_ms > since)
		since = r->finish_ms;
	if (r != NULL && r->due_ms > since && r->due_ms < now)
		since = r->due_ms;
	if (op->code == SK_OK)
		g->next[SK_SERIES_QUEUE_AGE] = now > since ? (double)(now - since) / 1000 : 0;
	store_done(g);
}

static void
counted(struct sk_op *op)
{
	struct sk_gauges *g = op->arg;

	if (op->code != SK_OK) {
		store_done(g);
		return;
	}
	for (int i = 0; i < SK_N_PHASE; i++)
		g->next[SK_SERIES_CREATED + i] = (double)g->count.by_phase[i];
	g->find = (struct sk_op_find){ .filter = { .phases = 1u << SK_CREATED,
									   .gates = 1u << SK_GATE_OPEN,
									   .wanted_run = true,
									   .no_elements = true },
		.order = SK_BY_RANK,
		.limit = 1,
		.thin = true };
	submit(g, &g->find.op, SK_OP_FIND, found);
}

static void
pinged(struct sk_op *op)
{
	struct sk_gauges *g = op->arg;

	if (op->code != SK_OK) {
		store_done(g);
		return;
	}
	g->next[SK_SERIES_STORE_MS] = ms_since(g->sent_ns);
	g->count = (struct sk_op_count){ .filter = { .phases = 0 } };
	submit(g, &g->count.op, SK_OP_COUNT, counted);
}

static void
ask_store(struct sk_gauges *g)
{
	g->asking = true;
	g->asked_ms = sk_control_boot_ms(g->c);
	g->arena = sk_arena_new();
	g->ping = (struct sk_op_setting){ .name = "ready" };
	submit(g, &g->ping.op, SK_OP_SETTING_GET, pinged);
}

static void
cached(void *arg, enum sk_code code, bool there, const void *value, size_t n)
{
	struct asking *a = arg;
	struct sk_gauges *g = a->g;

	(void)there;
	(void)value;
	(void)n;
	if (g != NULL) {
		if (code == SK_OK)
			g->next[SK_SERIES_CACHE_MS] = ms_since(a->sent_ns);
		g->cache = NULL;
		finish_when_all_is_there(g);
	}
	free(a);
}

static void
ask_cache(struct sk_gauges *g)
{
	g->cache = sk_xcalloc(1, sizeof(*g->cache));
	*g->cache = (struct asking){ g, sk_boot_ns() };
	g->c->cfg.cache->ops->get(g->c->cfg.cache, PROBE, cached, g->cache);
}

/* We hear our own word, as others hear it. */
static void
say_ping(struct sk_gauges *g)
{
	const struct sk_event e = { .kind = SK_EVENT_PING,
		.time_ms = sk_control_wall_ms(g->c),
		.task = "",
		.class_name = "",
		.skald = g->c->self,
		.stage = "",
		.message = "" };

	g->bus_ns = sk_boot_ns();
	if (sk_bus_publish(g->c->cfg.bus, SK_TOPIC_EVENT, &e) != SK_OK)
		g->bus_ns = 0;
}

/* What has not answered until now was not known at its time, but that it takes so long. */
static void
give_up_waiting(struct sk_gauges *g)
{
	if (g->asking && isnan(g->next[SK_SERIES_STORE_MS]))
		g->next[SK_SERIES_STORE_MS] = (double)(sk_control_boot_ms(g->c) - g->asked_ms);
	g->bus_ns = 0;
	finish(g);
}

void
sk_gauges_tick(struct sk_control *c)
{
	struct sk_gauges *g = c->gauges;
	int64_t number = sk_control_wall_ms(c) / SK_GAUGES_MS;

	if (g->open)
		give_up_waiting(g);
	clear(g->next);
	turn_interval(g);
	count_skalds(g);
	g->open = true;
	g->number = number;
	say_ping(g);
	if (g->cache == NULL)
		ask_cache(g);
	if (!g->asking && sk_control_boot_ms(c) >= g->rest_ms)
		ask_store(g);
	finish_when_all_is_there(g);
}

static void
arm(struct sk_gauges *g)
{
	sk_timer_set(g->c->cfg.loop, &g->timer,
		sk_boot_ms() + SK_GAUGES_MS - sk_control_wall_ms(g->c) % SK_GAUGES_MS);
}

static void
tick(void *arg)
{
	struct sk_gauges *g = arg;

	sk_gauges_tick(g->c);
	arm(g);
}

void
sk_gauges_start(struct sk_control *c)
{
	struct sk_gauges *g = c->gauges;

	if (g->started)
		return;
	g->started = true;
	memset(&g->ending, 0, sizeof(g->ending));
	arm(g);
}

void
sk_gauges_stop(struct sk_control *c)
{
	c->gauges->started = false;
	sk_timer_clear(c->cfg.loop, &c->gauges->timer);
}

struct sk_gauges *
sk_gauges_new(struct sk_control *c)
{
	struct sk_gauges *g = sk_xcalloc(1, sizeof(*g));

	g->c = c;
	g->timer = (struct sk_timer){ .fn = tick, .arg = g };
	clear(g->now);
	clear(g->next);
	return g;
}

void
sk_gauges_free(struct sk_gauges *g)
{
	if (g == NULL)
		return;
	if (g->cache != NULL)
		g->cache->g = NULL;
	sk_arena_free(g->arena);
	free(g);
}
