/* monitor.c - what the store says is live, and whether it is: leases, lost skalds, repairs. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/gauges.h"
#include "core/control/mixed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 1000
#define SELDOM_MS 60000
#define FEW ((size_t)SK_LANE_MAX / 2) /* ready tasks */

struct sk_monitor {
	struct sk_timer leases, looks, seldom;
	uint64_t mark; /* of the look that goes on */
	int64_t look_ms; /* boot clock: when it began */
	bool looking;
	void (*fn)(struct sk_control *c, enum sk_code code);
	void (*next_fn)(struct sk_control *c, enum sk_code code); /* of the look after this one */
};

/* ---- attempts of the lost ---- */

struct loss {
	struct sk_control *c;
	bool silent; /* it may come back: onDisconnect: continue keeps its task */
	uint32_t attempt;
	char skald[64];
};

static bool
is_kept(void *arg, struct sk_record *r, unsigned *set)
{
	const struct loss *l = arg;
	const struct sk_value *v = sk_map_get(r->spec, "onDisconnect");

	(void)set;
	return !(l->silent && v != NULL && v->kind == SK_STRING && strcmp(v->u.str.s, "continue") == 0);
}

static void
told_lost(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	struct loss *l = arg;

	(void)err;
	if (code == SK_OK) {
		sk_log_task(SK_WARNING, "monitor", r->id, l->attempt, "lost with skald %s", l->skald);
		sk_control_tell(l->c, SK_EVENT_LOST, r, l->skald);
		sk_control_tell(l->c,
			r->life.phase == SK_FAILED			? SK_EVENT_FAILED
				: r->life.phase == SK_CANCELLED ? SK_EVENT_CANCELLED
												: SK_EVENT_RETRYING,
			r, "its skald is lost");
	} else if (code == SK_ECONFLICT || code == SK_EINVAL)
		l->c->stale++;
	free(l);
}

static void
expire(struct sk_control *c, const char *id, uint32_t attempt, const char *skald, bool silent)
{
	struct loss *l = sk_xcalloc(1, sizeof(*l));
	const struct sk_step step = { .id = id,
		.event = { .kind = SK_LIFE_EXPIRE, .attempt = attempt },
		.exit = { .known = true,
			.reason = SK_REASON_LOST,
			.message = silent ? "the lease of its skald ran out" : "its skald was started anew" },
		.lead = true,
		.before = is_kept,
		.fn = told_lost,
		.arg = l };

	l->c = c;
	l->silent = silent;
	l->attempt = attempt;
	snprintf(l->skald, sizeof(l->skald), "%s", skald);
	sk_control_step(c, &step);
}

void
sk_monitor_lost(struct sk_control *c, const char *skald, uint64_t incarnation)
{
	struct sk_live *l;
	size_t i = 0;

	if (!sk_control_leads(c))
		return;
	while ((l = sk_map_each(sk_dispatch_live(c), &i)) != NULL)
		for (; l != NULL; l = l->next)
			if (l->beat == NULL && strcmp(l->executor, skald) == 0 &&
				(incarnation == 0 || l->incarnation == incarnation))
				expire(c, l->id, l->attempt, skald, incarnation == 0);
}

/* ---- the look at all live tasks ---- */

struct looking {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_find find;
};

static void look_page(struct sk_control *c, const char *after);

/* What the store no longer has as live: an event was lost. */
static void
drop_unseen(struct sk_control *c)
{
	struct sk_monitor *m = c->monitor;
	struct sk_str ended = SK_STR_INIT;
	struct sk_live *l;
	size_t i = 0;

	while ((l = sk_map_each(sk_dispatch_live(c), &i)) != NULL)
		for (; l != NULL; l = l->next)
			if (l->seen != m->mark && l->since_ms < m->look_ms)
				sk_str_add(&ended, l->id, strlen(l->id) + 1);
	for (const char *p = ended.p; p != NULL && p < ended.p + ended.len; p += strlen(p) + 1) {
		sk_live_end(c, p, 0);
		sk_waits_ended(c, p);
		sk_arrays_event(c, p);
		sk_reads_fetch(c, p);
	}
	if (ended.len > 0)
		sk_dispatch_wake(c);
	sk_str_release(&ended);
}

/* Its skald's row tells of another start. Where others assign too that start may be the later one,
 * of which they knew and we do not: not before the rows were read after we saw the attempt. */
static bool
is_outlived(struct sk_control *c, const struct sk_agent *a, const struct sk_live *l,
	const struct sk_record *r)
{
	if (a == NULL || a->row->incarnation == r->life.incarnation)
		return false;
	if (c->leader == NULL || sk_skalds_read_since(c, l->since_ms))
		return true;
	sk_skalds_read(c, NULL); /* the next look knows */
	return false;
}

static void
see(struct sk_control *c, const struct sk_record *r)
{
	const struct sk_need none = { .class_name = NULL };
	struct sk_agent *a = sk_skalds_find(c, r->life.executor);
	bool leads = sk_control_leads(c);
	struct sk_live *l;

	sk_late_see(c, SK_LATE_LIVE, r);
	if (r->array_size > 0 || (c->beats != NULL && sk_strangers_own(r)))
		return;
	sk_live_add(c, r->id, &r->life, leads ? &sk_window_lane(c, r)->need : &none);
	l = sk_live_find(c, r->id);
	l->seen = c->monitor->mark;
	if (!leads)
		return;
	if (l->beat != NULL)
		sk_beats_see(c, r); /* its keys tell */
	else if (is_outlived(c, a, l, r))
		expire(c, r->id, r->life.attempt, r->life.executor, false);
	else if (a == NULL && sk_control_boot_ms(c) - l->since_ms > sk_skalds_patience_ms(c, NULL))
		expire(c, r->id, r->life.attempt, r->life.executor, true);
}

static void
looked(struct sk_op *op)
{
	struct looking *k = op->arg;
	struct sk_control *c = k->c;
	void (*fn)(struct sk_control *, enum sk_code) = c->monitor->fn;

	for (size_t i = 0; op->code == SK_OK && i < k->find.n; i++)
		see(c, k->find.records[i]);
	if (op->code == SK_OK && k->find.next != NULL) {
		look_page(c, k->find.next);
		fn = NULL;
	} else {
		if (op->code == SK_OK)
			drop_unseen(c);
		sk_late_done(c, SK_LATE_LIVE, op->code == SK_OK);
		c->monitor->looking = false;
		c->monitor->fn = NULL;
	}
	if (fn != NULL)
		fn(c, op->code);
	sk_arena_free(k->arena);
	free(k);
	fn = c->monitor->next_fn;
	if (fn != NULL && !c->monitor->looking) {
		c->monitor->next_fn = NULL;
		sk_monitor_look(c, fn);
	}
}

static void
look_page(struct sk_control *c, const char *after)
{
	struct looking *k = sk_xcalloc(1, sizeof(*k));

	k->c = c;
	k->arena = sk_arena_new();
	k->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = looked, .arg = k, .arena = k->arena },
		.filter = { .phases = 1u << SK_ASSIGNING | 1u << SK_RUNNING | 1u << SK_PAUSED },
		.order = SK_OLDEST_FIRST,
		.limit = PAGE,
		.after = after != NULL ? sk_arena_strdup(k->arena, after) : NULL,
	};
	sk_store_submit(c->cfg.store, &k->find.op);
}

void
sk_monitor_look(struct sk_control *c, void (*fn)(struct sk_control *c, enum sk_code code))
{
	struct sk_monitor *m = c->monitor;

	if (m->looking) {
		m->next_fn = fn != NULL ? fn : m->next_fn;
		return;
	}
	m->looking = true;
	m->fn = fn;
	m->mark++;
	m->look_ms = sk_control_boot_ms(c);
	look_page(c, NULL);
}

void
sk_monitor_answer_nobody(struct sk_control *c)
{
	c->monitor->fn = c->monitor->next_fn = NULL;
}

/* ---- timers ---- */

/* What others have stored and told nobody that we hear. Where others store all the time it is
 * looked for as long as that is a page or two. */
static void
look_for_more(struct sk_control *c)
{
	if (sk_window_count(c) < (c->leader != NULL ? FEW : 1))
		sk_reads_sweep(c);
}

static void
leases(void *arg)
{
	struct sk_control *c = arg;

	sk_skalds_read(c, NULL);
	sk_timer_set(c->cfg.loop, &c->monitor->leases, sk_boot_ms() + c->cfg.lease_ms / 3);
}

static void
looks(void *arg)
{
	struct sk_control *c = arg;

	sk_monitor_look(c, NULL);
	if (c->strangers != NULL)
		sk_strangers_look(c);
	sk_waits_look(c);
	look_for_more(c);
	sk_dispatch_wake(c);
	sk_timer_set(c->cfg.loop, &c->monitor->looks, sk_boot_ms() + c->cfg.reconcile_ms);
}

static void
seldom(void *arg)
{
	struct sk_control *c = arg;

	sk_waits_all(c);
	sk_arrays_all(c);
	sk_reads_sweep(c);
	sk_retention_look(c);
	sk_timer_set(c->cfg.loop, &c->monitor->seldom, sk_boot_ms() + SELDOM_MS);
}

void
sk_monitor_start(struct sk_control *c)
{
	struct sk_monitor *m = c->monitor;
	int64_t now = sk_boot_ms();

	sk_timer_set(c->cfg.loop, &m->leases, now + c->cfg.lease_ms / 3);
	sk_timer_set(c->cfg.loop, &m->looks, now + c->cfg.reconcile_ms);
	sk_timer_set(c->cfg.loop, &m->seldom, now);
	if (c->beats != NULL) {
		sk_beats_start(c);
		sk_strangers_start(c);
	}
}

void
sk_monitor_stop(struct sk_control *c)
{
	struct sk_monitor *m = c->monitor;

	sk_timer_clear(c->cfg.loop, &m->leases);
	sk_timer_clear(c->cfg.loop, &m->looks);
	sk_timer_clear(c->cfg.loop, &m->seldom);
	if (c->beats != NULL) {
		sk_beats_stop(c);
		sk_strangers_stop(c);
	}
}

struct sk_monitor *
sk_monitor_new(struct sk_control *c)
{
	struct sk_monitor *m = sk_xcalloc(1, sizeof(*m));

	m->leases = (struct sk_timer){ .fn = leases, .arg = c };
	m->looks = (struct sk_timer){ .fn = looks, .arg = c };
	m->seldom = (struct sk_timer){ .fn = seldom, .arg = c };
	return m;
}

void
sk_monitor_free(struct sk_monitor *m)
{
	free(m);
}
