#include "test/unit/leader_rig.h"
#include "adapters/json.h"
#include "adapters/local/cache.h"
#include "adapters/memory/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct sk_field no_fields[] = { SK_FIELDS_END };
static const struct sk_worker job = { .name = "Job", .doc = "A job.", .fields = no_fields };
static const struct sk_worker *const workers[] = { &job, NULL };

/* ---- lines ---- */

static struct line_item *
add(struct line *l)
{
	struct line_item *i = sk_xcalloc(1, sizeof(*i));

	if (l->last == NULL)
		l->last = &l->first;
	*l->last = i;
	l->last = &i->next;
	l->n++;
	return i;
}

static struct line_item *
take(struct line *l)
{
	struct line_item *i = l->first;

	if (i == NULL)
		return NULL;
	l->first = i->next;
	if (l->first == NULL)
		l->last = &l->first;
	l->n--;
	return i;
}

/* ---- the store ---- */

static void
submit(struct sk_store *s, struct sk_op *op)
{
	struct peer *p = (struct peer *)s;
	struct line_item *i = add(&p->out);

	assert_false(p->closed);
	*i = (struct line_item){ .op = op, .done = op->done, .arg = op->arg, .from = p };
}

static void
close_line(struct sk_store *s)
{
	(void)s;
}
static const struct sk_store_ops store_ops = { "line", submit, close_line };

static void
count_assigned(struct peer *p, const struct sk_op *op)
{
	const struct sk_op_move *m = (const struct sk_op_move *)op;

	for (size_t i = 0; i < m->n; i++)
		p->assigned += m->moves[i].code == SK_OK && m->moves[i].to->life.phase == SK_ASSIGNING;
}

/* The store has done it: its maker hears of it when it listens. */
static void
answered(struct sk_op *op)
{
	struct line_item *i = op->arg;
	struct peer *p = i->from;

	op->done = i->done;
	op->arg = i->arg;
	if (p->lies && op->code == SK_OK)
		op->code = sk_fail(&op->err, SK_EUNAVAIL, "the answer is lost");
	p->lies = false;
	if (op->kind == SK_OP_MOVE && op->code == SK_OK)
		count_assigned(p, op);
	if (op->kind == SK_OP_LEAD && op->code == SK_OK)
		p->g->renewed_ms = p->g->now;
	add(&p->back)->op = op;
	free(i);
}

static void
refuse(struct line_item *i, enum sk_code code)
{
	i->op->code = sk_fail(&i->op->err, code, "the line says no");
	i->op->arg = i;
	answered(i->op);
}

/* Only a leader may have it done, or who left the lead behind it on the same line. */
static void
check_fence(const struct peer *p)
{
	for (int k = 0; k < p->g->n; k++)
		assert_true(&p->g->peers[k] == p || !sk_leader_holds(p->g->peers[k].c->leader));
}

void
peer_send(struct peer *p, bool fail)
{
	struct line_item *i = take(&p->out);

	if (i == NULL)
		return;
	i->next = NULL;
	if (fail || p->cut) {
		refuse(i, SK_EUNAVAIL);
		return;
	}
	if (i->op->until_ms != 0 && p->g->now >= i->op->until_ms) {
		p->canceled++;
		refuse(i, SK_ECANCELED);
		return;
	}
	if (i->op->until_ms != 0)
		check_fence(p);
	i->op->until_ms = 0; /* it means another clock */
	i->op->done = answered;
	i->op->arg = i;
	sk_store_submit(p->g->real, i->op);
	sk_loop_once(p->g->loop, 0);
}

/* ---- the bus ---- */

static void
copy_event(struct line_item *i, enum sk_topic topic, const struct sk_event *e)
{
	i->arena = sk_arena_new();
	i->topic = topic;
	i->event = *e;
	i->event.task = sk_arena_strdup(i->arena, e->task);
	i->event.class_name = sk_arena_strdup(i->arena, e->class_name);
	i->event.skald = sk_arena_strdup(i->arena, e->skald);
	i->event.stage = sk_arena_strdup(i->arena, e->stage);
	i->event.message = sk_arena_strdup(i->arena, e->message);
}

static void
say(struct leader_rig *g, enum sk_topic topic, const struct sk_event *e)
{
	for (int k = 0; k < g->n; k++)
		if (!g->peers[k].deaf)
			copy_event(add(&g->peers[k].heard), topic, e);
}

static enum sk_code
publish(struct sk_bus *b, enum sk_topic topic, const struct sk_event *e)
{
	struct peer *p = (struct peer *)(void *)((char *)b - offsetof(struct peer, bus));

	if (!p->mute)
		say(p->g, topic, e);
	return SK_OK;
}

static enum sk_code
subscribe(struct sk_bus *b, unsigned topics, sk_bus_fn *fn, void *arg, struct sk_err *err)
{
	struct peer *p = (struct peer *)(void *)((char *)b - offsetof(struct peer, bus));
	struct line_sub *s = sk_xcalloc(1, sizeof(*s));

	(void)err;
	*s = (struct line_sub){ p->subs, topics, fn, arg };
	p->subs = s;
	return SK_OK;
}

static void
unsubscribe(struct sk_bus *b, sk_bus_fn *fn, void *arg)
{
	struct peer *p = (struct peer *)(void *)((char *)b - offsetof(struct peer, bus));
	struct line_sub **at = &p->subs, *s;

	while ((s = *at) != NULL && (s->fn != fn || s->arg != arg))
		at = &s->next;
	if (s != NULL) {
		*at = s->next;
		free(s);
	}
}
static const struct sk_bus_ops bus_ops = { "line", publish, subscribe, unsubscribe, NULL };

void
peer_hear(struct peer *p)
{
	struct line_item *i;

	while ((i = take(&p->heard)) != NULL) {
		for (struct line_sub *s = p->subs; s != NULL; s = s->next)
			if ((s->topics & 1u << i->topic) != 0)
				s->fn(s->arg, i->topic, &i->event);
		sk_arena_free(i->arena);
		free(i);
	}
	while ((i = take(&p->back)) != NULL) {
		struct sk_op *op = i->op;

		free(i);
		op->done(op);
	}
}

/* ---- time ---- */

static int64_t
boot(void *arg)
{
	return ((struct leader_rig *)arg)->now;
}

static int64_t
wall(void *arg)
{
	return ((struct leader_rig *)arg)->now + 1700000000000;
}

void
peer_loop(struct peer *p)
{
	sk_loop_once(p->loop, 0);
}

void
peer_tick(struct peer *p)
{
	if (sk_control_ready(p->c) && sk_leader_next_ms(p->c->leader) <= p->g->now)
		sk_leader_tick(p->c->leader);
}

void
peer_look(struct peer *p)
{
	sk_skalds_read(p->c, NULL);
	sk_monitor_look(p->c, NULL);
	sk_reads_sweep(p->c);
	sk_waits_look(p->c);
}

int
lead_leader(const struct leader_rig *g)
{
	for (int k = 0; k < g->n; k++)
		if (sk_control_leads(g->peers[k].c))
			return k;
	return -1;
}

void
lead_check(struct leader_rig *g)
{
	int leaders = 0;

	for (int k = 0; k < g->n; k++) {
		struct peer *p = &g->peers[k];
		bool leads = sk_leader_holds(p->c->leader);
		char name[SK_LEADER_TEXT];
		uint64_t term;

		leaders += leads;
		sk_leader_seen(p->c->leader, name, &term);
		if (leads && (!p->led || term != p->term)) {
			/* terms grow, and one belongs to one holder, who may find it still his */
			assert_true(term > g->term || (term == g->term && k == g->holder));
			g->term = term;
			g->holder = k;
			g->taken_ms = g->now;
		}
		if (leads)
			p->term = term;
		p->led = leads || (p->led && p->term == term && p->still);
	}
	assert_true(leaders <= 1);
}

void
lead_turn(struct leader_rig *g)
{
	for (int round = 0; round < 12; round++)
		for (int k = 0; k < g->n; k++) {
			struct peer *p = &g->peers[k];

			if (p->still)
				continue;
			peer_loop(p);
			peer_tick(p);
			while (p->out.n > 0 && !p->slow)
				peer_send(p, false);
			peer_hear(p);
			lead_check(g);
		}
}

static bool
never(struct leader_rig *g)
{
	(void)g;
	return false;
}

bool
lead_until(struct leader_rig *g, int64_t ms, bool (*fn)(struct leader_rig *g))
{
	int64_t end = g->now + ms;

	for (;; g->now += 10) {
		bool look = g->now % 3000 == 0;

		for (int k = 0; k < g->n && look; k++)
			if (!g->peers[k].still)
				peer_look(&g->peers[k]);
		lead_turn(g);
		if (fn(g))
			return true;
		if (g->now >= end)
			return false;
	}
}

void
lead_run(struct leader_rig *g, int64_t ms)
{
	(void)lead_until(g, ms, never);
}

/* ---- the whole ---- */

static void
open_peer(struct leader_rig *g, int k)
{
	struct peer *p = &g->peers[k];
	struct sk_err err;
	struct sk_control_config cfg = { .store = &p->store,
		.cache = g->cache,
		.bus = &p->bus,
		.workers = workers,
		.parse_json = sk_json_parse,
		.name = p->name,
		.version = "1",
		.dispatch = true,
		.lead = true,
		.lease_ms = LEASE_MS,
		.reconcile_ms = 5000,
		.data_dir = "",
		.seed = (uint64_t)k + 1,
		.boot_ms = boot,
		.wall_ms = wall,
		.clock_arg = g };

	p->g = g;
	p->store.ops = &store_ops;
	p->bus.ops = &bus_ops;
	snprintf(p->name, sizeof(p->name), "c%d", k);
	p->loop = sk_loop_new(&err);
	assert_non_null(p->loop);
	cfg.loop = p->loop;
	p->c = sk_control_new(&cfg);
	sk_control_start(p->c);
}

void
lead_open(struct leader_rig *g, int n)
{
	struct sk_err err;

	memset(g, 0, sizeof(*g));
	g->n = n;
	g->now = 1000000;
	g->arena = sk_arena_new();
	g->loop = sk_loop_new(&err);
	assert_non_null(g->loop);
	g->real = sk_store_memory_open(g->loop);
	g->cache = sk_cache_local_open(&(struct sk_cache_local_config){ .loop = g->loop });
	for (int k = 0; k < n; k++)
		open_peer(g, k);
}

void
lead_close(struct leader_rig *g)
{
	for (int k = 0; k < g->n; k++) {
		struct peer *p = &g->peers[k];

		p->still = false;
		p->cut = true;
		sk_control_stop(p->c);
		for (int i = 0; i < 20; i++) {
			while (p->out.n > 0)
				peer_send(p, true);
			peer_hear(p);
		}
	}
	for (int k = 0; k < g->n; k++) {
		struct peer *p = &g->peers[k];

		peer_hear(p);
		assert_int_equal(p->out.n, 0);
		p->closed = true;
		sk_control_free(p->c);
		assert_null(p->subs);
		sk_loop_free(p->loop);
	}
	sk_store_close(g->real);
	g->cache->ops->close(g->cache);
	sk_loop_free(g->loop);
	sk_arena_free(g->arena);
}

/* ---- skalds and tasks ---- */

void
lead_wait(struct leader_rig *g, struct sk_op *op, enum sk_op_kind kind)
{
	op->kind = kind;
	op->arena = g->arena;
	assert_int_equal(sk_store_wait(g->real, g->loop, op), SK_OK);
}

void
lead_skald(struct leader_rig *g, struct leader_sim *s, bool announce)
{
	static const char *const classes[] = { "Job", NULL };
	const struct sk_skald row = { .id = s->id,
		.incarnation = s->incarnation,
		.renewals = ++s->renewals,
		.mode = SK_MODE_NODE,
		.version = "1",
		.host = "h",
		.slots = 4,
		.cpus = 4,
		.memory_mb = 1000,
		.classes = classes };
	struct sk_op_skald_put put = { .skald = &row, .take = true };

	s->sent_ms = g->now;
	lead_wait(g, &put.op, SK_OP_SKALD_PUT);
	if (announce)
		lead_say(g, SK_EVENT_SKALD, "", 0, s->id);
}

void
lead_say(struct leader_rig *g, enum sk_event_kind kind, const char *id, uint32_t attempt,
	const char *skald)
{
	const struct sk_event e = { .kind = kind,
		.time_ms = wall(g),
		.task = id,
		.class_name = "Job",
		.attempt = attempt,
		.skald = skald,
		.stage = "",
		.message = "" };

	say(g, SK_TOPIC_EVENT, &e);
}

static void
added(struct sk_op *op)
{
	((struct lead_adding *)op->arg)->done = true;
}

struct lead_adding *
lead_add_begin(struct leader_rig *g, int peer, const char *id, const struct sk_value *spec)
{
	struct lead_adding *a = sk_arena_alloc(g->arena, sizeof(*a));

	memset(a, 0, sizeof(*a));
	sk_record_init(&a->r, g->arena);
	a->r.id = sk_arena_strdup(g->arena, id);
	a->r.class_name = "Job";
	a->r.life.max_attempts = 1000;
	a->r.create_ms = a->r.update_ms = a->r.rank_ms = wall(g);
	if (spec != NULL) {
		a->r.spec = spec;
		if (sk_map_get(spec, "dependencies") != NULL)
			a->r.gate = SK_GATE_DEPENDENCY;
		if (sk_map_get(spec, "array") != NULL) {
			a->r.array = "0-7";
			a->r.array_size = 8;
		}
	}
	a->records[0] = &a->r;
	a->op = (struct sk_op_insert){
		.op = { .kind = SK_OP_INSERT, .done = added, .arg = a, .arena = g->arena },
		.records = a->records,
		.n = 1
	};
	sk_control_insert(g->peers[peer].c, &a->op);
	return a;
}

bool
lead_add(struct leader_rig *g, int peer, const char *id, const struct sk_value *spec)
{
	struct lead_adding *a = lead_add_begin(g, peer, id, spec);

	for (int i = 0; i < 100 && !a->done; i++) {
		while (g->peers[peer].out.n > 0)
			peer_send(&g->peers[peer], false);
		peer_hear(&g->peers[peer]);
	}
	assert_true(a->done);
	return a->op.op.code == SK_OK;
}

struct sk_record *
lead_get(struct leader_rig *g, const char *id)
{
	struct sk_op_get get = { .ids = &id, .n = 1 };

	lead_wait(g, &get.op, SK_OP_GET);
	return get.records[0];
}

enum sk_phase
lead_phase(struct leader_rig *g, const char *id)
{
	const struct sk_record *r = lead_get(g, id);

	return r != NULL ? r->life.phase : SK_N_PHASE;
}

bool
lead_step(struct leader_rig *g, const char *id, enum sk_life_kind kind)
{
	struct sk_record *r = lead_get(g, id);
	struct sk_life before = r->life;
	const struct sk_life_event ev = { .kind = kind,
		.attempt = before.attempt,
		.executor = before.executor,
		.incarnation = before.incarnation };
	struct sk_move move = { .id = id,
		.expect_attempt = before.attempt,
		.expect_phase = before.phase,
		.set = SK_SET_LIFE | SK_SET_EXIT,
		.to = r };
	struct sk_op_move op = { .moves = &move, .n = 1 };
	struct sk_err err;

	if (sk_life_step(&r->life, &ev, &err) != SK_OK)
		return false;
	r->exit = (struct sk_exit){ .known = true, .reason = SK_REASON_EXITED, .message = "" };
	r->finish_ms = r->update_ms = wall(g);
	lead_wait(g, &op.op, SK_OP_MOVE);
	return move.code == SK_OK;
}
