/* control.c - the controller as a whole: its parts, its start, what it hears on the bus. */
#include "core/control/control.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/alerts.h"
#include "core/control/history.h"
#include "core/control/mixed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000

int64_t
sk_control_boot_ms(const struct sk_control *c)
{
	return c->cfg.boot_ms != NULL ? c->cfg.boot_ms(c->cfg.clock_arg) : sk_boot_ms();
}

int64_t
sk_control_wall_ms(const struct sk_control *c)
{
	return c->cfg.wall_ms != NULL ? c->cfg.wall_ms(c->cfg.clock_arg) : sk_wall_ms();
}

double
sk_control_random(struct sk_control *c)
{
	/* xorshift64* */
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (double)((c->random * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

const char *
sk_strategy_name(enum sk_strategy s)
{
	static const char *const names[] = { "LEAST_TASKS", "ROUND_ROBIN", "RANDOM", "BEST_FIT" };

	return names[s];
}

const char *
sk_control_mode(const struct sk_control *c)
{
	return !c->cfg.dispatch || c->cfg.abstain ? "CONTROLLER"
		: c->cfg.hold						  ? "MONITOR"
											  : "DISPATCHER";
}

/* ---- telling ---- */

void
sk_control_tell(
	struct sk_control *c, enum sk_event_kind kind, const struct sk_record *r, const char *message)
{
	const struct sk_event e = { .kind = kind,
		.time_ms = sk_control_wall_ms(c),
		.task = r->id,
		.class_name = r->class_name,
		.attempt = kind == SK_EVENT_CREATED ? 0 : r->life.attempt, /* it may be assigned already */
		/* who accepted it: so that we know our own word again */
		.skald = kind == SK_EVENT_CREATED ? c->self : r->life.executor,
		.stage = "",
		.message = message != NULL ? message : "" };

	sk_metrics_told(c, kind, r);
	if (sk_bus_publish(c->cfg.bus, SK_TOPIC_EVENT, &e) != SK_OK)
		sk_log_task(SK_DEBUG, "dispatcher", r->id, r->life.attempt, "the bus is full");
}

bool
sk_control_tell_skald(struct sk_control *c, const char *id, const char *message)
{
	const struct sk_event e = { .kind = SK_EVENT_SKALD,
		.time_ms = sk_control_wall_ms(c),
		.task = "",
		.class_name = "",
		.skald = id,
		.stage = "",
		.message = message };

	return sk_bus_publish(c->cfg.bus, SK_TOPIC_EVENT, &e) == SK_OK;
}

static void
publish(struct sk_control *c, enum sk_topic topic, const char *id, const char *class_name,
	uint32_t attempt, const char *skald)
{
	const struct sk_event e = { .kind = SK_EVENT_ASSIGNED,
		.time_ms = sk_control_wall_ms(c),
		.task = id,
		.class_name = class_name,
		.attempt = attempt,
		.skald = skald,
		.stage = "",
		.message = "" };

	/* what is dropped here the skald finds in the store when it reconciles */
	if (sk_bus_publish(c->cfg.bus, topic, &e) != SK_OK)
		sk_log_task(SK_DEBUG, "dispatcher", id, attempt, "the bus is full");
}

void
sk_control_nudge(struct sk_control *c, enum sk_topic topic, const struct sk_record *r)
{
	if (c->beats == NULL || !sk_record_by_original(r) || sk_beats_nudged(c, topic, r))
		publish(c, topic, r->id, r->class_name, r->life.attempt, r->life.executor);
}

void
sk_control_publish(
	struct sk_control *c, enum sk_topic topic, const char *id, uint32_t attempt, const char *skald)
{
	publish(c, topic, id, "", attempt, skald);
}

/* ---- leading ---- */

bool
sk_control_leads(const struct sk_control *c)
{
	return c->cfg.dispatch && !c->stopped && (c->leader == NULL || sk_leader_holds(c->leader));
}

void
sk_control_lead_submit(struct sk_control *c, struct sk_op *op)
{
	if (c->leader != NULL)
		op->until_ms = sk_control_leads(c) ? sk_leader_until_ms(c->leader) : 1;
	sk_store_submit(c->cfg.store, op);
}

/* ---- hearing ---- */

static void
count_end(struct sk_control *c)
{
	int64_t second = sk_control_boot_ms(c) / 1000;

	if (c->ended[second % 64].second != second) {
		c->ended[second % 64].second = second;
		c->ended[second % 64].n = 0;
	}
	c->ended[second % 64].n++;
}

static void
attempt_over(struct sk_control *c, const struct sk_event *e, bool final)
{
	const struct sk_live *l = sk_live_find(c, e->task);

	/* attempt 0 was not one of ours: it is not whichever runs now */
	if ((e->attempt > 0 || l == NULL || l->attempt == 0) && sk_live_over(c, e->task, e->attempt))
		count_end(c);
	sk_window_drop(c, e->task);
	if (final) {
		sk_waits_ended(c, e->task);
		sk_arrays_event(c, e->task);
	}
	sk_dispatch_wake(c);
}

/* Another controller has assigned it, before us or in our place: the store tells what it needs. Who
 * does not lead only counts it. */
static void
assigned(struct sk_control *c, const struct sk_event *e)
{
	const struct sk_need none = { .class_name = NULL };
	struct sk_life life = { .phase = SK_ASSIGNING, .attempt = e->attempt };

	if (c->leader == NULL || e->attempt == 0 || sk_live_known(c, e->task, e->attempt))
		return;
	if (sk_control_leads(c)) {
		sk_reads_fetch(c, e->task);
		return;
	}
	snprintf(life.executor, sizeof(life.executor), "%s", e->skald);
	sk_live_add(c, e->task, &life, &none);
}

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct sk_control *c = arg;

	if (topic == SK_TOPIC_CANCEL) {
		sk_arrays_told(c, e->task);
		return;
	}
	sk_gauges_hear(c, e);
	sk_metrics_heard(c, e);
	switch (e->kind) {
	case SK_EVENT_FINISHED:
	case SK_EVENT_FAILED:
	case SK_EVENT_CANCELLED:
		attempt_over(c, e, true);
		break;
	case SK_EVENT_RETRYING:
		attempt_over(c, e, false);
		sk_waits_look(c);
		break;
	case SK_EVENT_INTERRUPTED:
		attempt_over(c, e, false);
		sk_reads_fetch(c, e->task);
		break;
	case SK_EVENT_CREATED:
		if (strcmp(e->skald, c->self) != 0)
			sk_reads_fetch(c, e->task);
		break;
	case SK_EVENT_PAUSED:
	case SK_EVENT_RESUMED:
		sk_window_drop(c, e->task);
		sk_reads_fetch(c, e->task);
		break;
	case SK_EVENT_SKALD:
		/* with a message it is about the skald, and no sign of its life */
		if (e->message[0] != '\0')
			sk_skalds_read(c, NULL);
		else
			sk_skalds_announced(c, e->skald);
		break;
	case SK_EVENT_ASSIGNED:
		assigned(c, e);
		break;
	case SK_EVENT_ALERT:
		sk_alerts_hear(c, e);
		break;
	case SK_EVENT_STARTED:
	case SK_EVENT_PROGRESS:
	case SK_EVENT_UPDATED:
	case SK_EVENT_LOST:
	case SK_EVENT_PING:
	case SK_N_EVENT:
		break;
	}
}

/* ---- start ---- */

static void read_skalds(struct sk_control *c);

/* Also when a new leader could not read what there is. */
static void
start_again(void *arg)
{
	struct sk_control *c = arg;

	if (!c->ready || (sk_control_leads(c) && !c->rebuilt))
		read_skalds(c);
}

/* What waits and what is ready is read now; what happens from here on is heard. */
static void
begin(struct sk_control *c)
{
	c->rebuilt = true;
	sk_monitor_start(c);
	sk_waits_look(c);
	sk_reads_refill(c);
	sk_dispatch_wake(c);
}

/* Said once. A command, which does not dispatch, says itself what is wrong. */
static void
not_yet(struct sk_control *c, const char *what, enum sk_code code)
{
	if (c->start_code == SK_OK)
		sk_log(c->cfg.dispatch ? SK_WARNING : SK_DEBUG, "dispatcher",
			"cannot read %s: trying again", what);
	c->start_code = code;
	sk_timer_set(c->cfg.loop, &c->retry, sk_boot_ms() + RETRY_MS);
}

static void
live_read(struct sk_control *c, enum sk_code code)
{
	if (code != SK_OK) {
		not_yet(c, "the live tasks", code);
		return;
	}
	c->start_code = SK_OK;
	if (!c->stopped) {
		sk_gauges_start(c);
		sk_alerts_start(c);
	}
	if (c->leader == NULL || c->ready) {
		sk_history_read(c); /* others have measured while they led */
		c->ready = true;
		begin(c);
		return;
	}
	c->ready = true;
	sk_history_read(c);
	sk_monitor_start(c);
	if (!c->stopped)
		sk_leader_start(c->leader);
}

void
sk_control_surveyed(struct sk_control *c)
{
	c->ready = c->ready || !c->cfg.dispatch;
}

static void
surveyed(struct sk_control *c, enum sk_code code)
{
	if (code != SK_OK)
		not_yet(c, "the live tasks", code);
	else if (c->originals != NULL)
		sk_originals_start(c);
	else
		sk_control_surveyed(c);
}

static void
skalds_read(struct sk_control *c, enum sk_code code)
{
	if (code != SK_OK)
		not_yet(c, "the skalds", code);
	else if (c->cfg.dispatch)
		sk_monitor_look(c, live_read);
	else if (c->cfg.survey)
		sk_monitor_look(c, surveyed);
	else
		c->ready = true;
}

static void
read_skalds(struct sk_control *c)
{
	sk_skalds_read(c, skalds_read);
}

static void
forget(struct sk_control *c)
{
	c->rebuilt = false;
	sk_reads_reset(c);
	sk_waits_reset(c);
	sk_arrays_reset(c);
	sk_dispatch_reset(c);
	if (c->edges != NULL)
		sk_edges_reset(c);
}

/* Nothing that was known before counts; nobody is judged by a silence that others have watched. */
void
sk_control_gained(struct sk_control *c)
{
	forget(c);
	sk_skalds_anew(c);
	read_skalds(c);
}

void
sk_control_lost(struct sk_control *c)
{
	sk_timer_clear(c->cfg.loop, &c->retry);
	sk_skalds_answer_nobody(c);
	sk_monitor_answer_nobody(c);
	sk_alerts_drop(c);
	forget(c);
	if (!c->stopped)
		sk_monitor_look(c, NULL); /* counted again, as those do who do not lead */
}

void
sk_control_start(struct sk_control *c)
{
	const unsigned topics = 1u << SK_TOPIC_EVENT | (c->leader != NULL ? 1u << SK_TOPIC_CANCEL : 0);
	struct sk_err err;

	c->started = true;
	c->start_ms = sk_control_wall_ms(c);
	if (c->cfg.bus->ops->subscribe(c->cfg.bus, topics, heard, c, &err) != SK_OK)
		sk_log(SK_ERROR, "dispatcher", "no events: %s", err.msg);
	if (c->originals != NULL && c->cfg.dispatch)
		sk_originals_start(c);
	read_skalds(c);
}

bool
sk_control_ready(const struct sk_control *c)
{
	return c->ready;
}

enum sk_code
sk_control_trouble(const struct sk_control *c)
{
	return c->ready ? SK_OK : c->start_code;
}

void
sk_control_stop(struct sk_control *c)
{
	sk_history_flush(c);
	sk_gauges_stop(c);
	sk_alerts_stop(c);
	c->stopped = true;
	sk_monitor_stop(c);
	if (c->originals != NULL)
		sk_originals_stop(c);
	if (c->leader != NULL)
		sk_leader_leave(c->leader);
}

bool
sk_control_left(const struct sk_control *c)
{
	return c->leader == NULL || sk_leader_left(c->leader);
}

struct sk_control *
sk_control_new(const struct sk_control_config *cfg)
{
	struct sk_control *c = sk_xcalloc(1, sizeof(*c));

	c->cfg = *cfg;
	c->random = cfg->seed != 0 ? cfg->seed : 88172645463325252u;
	c->retry = (struct sk_timer){ .fn = start_again, .arg = c };
	sk_steady_begin(&c->clock,
		cfg->clock_ms != 0 ? cfg->clock_ms : sk_control_wall_ms(c) - sk_control_boot_ms(c));
	c->self = c->cfg.name;
	if (cfg->lead && cfg->dispatch) {
		c->leader = sk_leader_new(c);
		c->self = sk_leader_self(c->leader);
	}
	c->skalds = sk_skalds_new(c);
	c->dispatch = sk_dispatch_new(c);
	c->reads = sk_reads_new(c);
	c->waits = sk_waits_new(c);
	c->arrays = sk_arrays_new(c);
	c->monitor = sk_monitor_new(c);
	c->gauges = sk_gauges_new(c);
	c->history = sk_history_new(c);
	c->alerts = sk_alerts_new(c);
	if (cfg->mixed && (cfg->dispatch || cfg->survey))
		c->originals = sk_originals_new(c);
	if (cfg->mixed && cfg->dispatch) {
		c->beats = sk_beats_new(c);
		c->strangers = sk_strangers_new(c);
		c->edges = sk_edges_new(c);
	}
	c->metrics = sk_metrics_new();
	c->watchers = sk_watchers_new(c);
	c->api = sk_api_new(c);
	return c;
}

void
sk_control_free(struct sk_control *c)
{
	if (c == NULL)
		return;
	c->stopped = true; /* the store is closed: there is nobody to leave the lead to */
	sk_gauges_stop(c);
	sk_alerts_stop(c);
	sk_monitor_stop(c);
	if (c->originals != NULL)
		sk_originals_stop(c);
	if (c->started)
		c->cfg.bus->ops->unsubscribe(c->cfg.bus, heard, c);
	sk_timer_clear(c->cfg.loop, &c->retry);
	sk_api_free(c->api);
	sk_watchers_free(c->watchers);
	sk_alerts_free(c->alerts);
	sk_history_free(c->history);
	sk_gauges_free(c->gauges);
	sk_metrics_free(c->metrics);
	sk_peeks_forget(c);
	sk_edges_free(c->edges);
	sk_strangers_free(c->strangers);
	sk_beats_free(c->beats);
	sk_originals_free(c->originals);
	sk_reads_free(c->reads);
	sk_dispatch_free(c->dispatch);
	sk_arrays_free(c->arrays);
	sk_waits_free(c->waits);
	sk_monitor_free(c->monitor);
	sk_skalds_free(c->skalds);
	sk_leader_free(c->leader);
	free(c);
}

/* ---- idle? ---- */

struct idle {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_count op;
	void (*fn)(void *arg, bool idle);
	void *arg;
};

static void
counted(struct sk_op *op)
{
	struct idle *i = op->arg;
	const int64_t *n = i->op.by_phase;

	i->fn(i->arg,
		op->code == SK_OK && n[SK_CREATED] + n[SK_ASSIGNING] + n[SK_RUNNING] + n[SK_PAUSED] == 0);
	sk_arena_free(i->arena);
	free(i);
}

void
sk_control_idle(struct sk_control *c, void (*fn)(void *arg, bool idle), void *arg)
{
	struct idle *i = sk_xcalloc(1, sizeof(*i));

	*i = (struct idle){ .c = c, .arena = sk_arena_new(), .fn = fn, .arg = arg };
	i->op = (struct sk_op_count){
		.op = { .kind = SK_OP_COUNT, .done = counted, .arg = i, .arena = i->arena },
		.filter = { .phases =
						1u << SK_CREATED | 1u << SK_ASSIGNING | 1u << SK_RUNNING | 1u << SK_PAUSED }
	};
	sk_store_submit(c->cfg.store, &i->op.op);
}

void
sk_control_numbers(const struct sk_control *c, struct sk_control_numbers *n)
{
	int64_t second = sk_control_boot_ms(c) / 1000;

	*n = (struct sk_control_numbers){ .window = (int64_t)sk_window_count(c),
		.live = (int64_t)sk_live_count(c) };
	for (int64_t s = second - 60; s < second; s++)
		if (s >= 0 && c->ended[s % 64].second == s)
			n->ended_1m += c->ended[s % 64].n;
}
