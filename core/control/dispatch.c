/* dispatch.c - which ready task goes to which skald.
 *
 * A round looks at the lanes of the window; the task with the lowest rank whose lane is not blocked
 * is next. Assignments are compare-and-sets in batches; only what the store has taken is told to a
 * skald. Whatever goes wrong on the way, the store still has the task as it was: it is read again
 * (reads.c). */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/mixed.h"
#include <stdlib.h>
#include <string.h>

#define BATCH 1000 /* assignments of one operation */
#define MAX_IN_FLIGHT 8 /* such operations */
#define STARVING_MS 60000 /* waiting so long, a task gets a skald reserved */

struct sk_dispatch {
	struct sk_window *window;
	struct sk_map live;
	struct sk_timer round;
	unsigned in_flight;
	bool failing; /* it was said that nothing can be assigned */
};

struct sk_window *
sk_dispatch_window(struct sk_control *c)
{
	return c->dispatch->window;
}

struct sk_map *
sk_dispatch_live(struct sk_control *c)
{
	return &c->dispatch->live;
}

bool
sk_record_ready(const struct sk_record *r)
{
	const struct sk_value *mode = sk_map_get(r->spec, "mode");

	return r->life.phase == SK_CREATED && r->life.wanted == SK_WANT_RUN &&
		r->gate == SK_GATE_OPEN &&
		(mode == NULL || mode->kind != SK_STRING || strcmp(mode->u.str.s, "Passive") == 0);
}

/* ---- assigning ---- */

struct assigning {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_move op;
	struct sk_move moves[BATCH];
	struct sk_record records[BATCH];
	struct sk_cand *cands[BATCH];
	const struct sk_lane *lane; /* of the last one; its class's name, which outlives it here */
	const char *class_name;
	struct sk_value empty;
};

/* Each round fails while the store takes nothing: said once. */
static void
tell_outcome(struct sk_control *c, const struct sk_op *op)
{
	struct sk_dispatch *d = c->dispatch;
	bool failed = op->code != SK_OK;

	if (op->code == SK_ECANCELED) /* we do not lead any more */
		return;
	if (failed && !d->failing)
		sk_log(SK_ERROR, "dispatcher", "cannot assign: %s", op->err.msg);
	else if (!failed && d->failing)
		sk_log(SK_INFO, "dispatcher", "assigns again");
	d->failing = failed;
}

static void
assign_done(struct sk_op *op)
{
	struct assigning *a = op->arg;
	struct sk_control *c = a->c;

	c->dispatch->in_flight--;
	for (size_t i = 0; i < a->op.n; i++) {
		const struct sk_record *r = &a->records[i];

		if (op->code == SK_OK && a->moves[i].code == SK_OK) {
			sk_control_nudge(c, SK_TOPIC_ASSIGN, r);
			sk_control_tell(c, SK_EVENT_ASSIGNED, r, NULL);
		} else {
			/* somebody was quicker, or nobody knows: the store tells what it is now */
			sk_live_end(c, r->id, r->life.attempt);
			if (op->code == SK_OK)
				sk_reads_fetch(c, r->id);
		}
		free(a->cands[i]);
	}
	tell_outcome(c, op);
	if (op->code != SK_OK && op->code != SK_ECANCELED)
		sk_reads_again(c);
	sk_arena_free(a->arena);
	free(a);
	sk_dispatch_wake(c);
}

static struct assigning *
assigning_new(struct sk_control *c)
{
	struct assigning *a = sk_xmalloc(sizeof(*a));

	a->c = c;
	a->arena = sk_arena_new();
	a->lane = NULL;
	a->empty = (struct sk_value){ .kind = SK_MAP };
	a->op = (struct sk_op_move){
		.op = { .kind = SK_OP_MOVE, .done = assign_done, .arg = a, .arena = a->arena },
		.moves = a->moves
	};
	return a;
}

/* The life of a task that was given to a skald. */
static bool
step_assign(struct sk_life *life, const struct sk_agent *to)
{
	const struct sk_life_event ev = {
		.kind = SK_LIFE_ASSIGN, .executor = to->row->id, .incarnation = to->row->incarnation
	};
	struct sk_err err;

	return sk_life_step(life, &ev, &err) == SK_OK;
}

static void
add_assignment(struct sk_control *c, struct assigning *a, struct sk_cand *k, struct sk_agent *to)
{
	struct sk_record *r = &a->records[a->op.n];
	const struct sk_life before = k->life;

	if (!step_assign(&k->life, to)) { /* not Created any more: the store has it right */
		free(k);
		return;
	}
	if (a->lane != k->lane)
		a->class_name = sk_arena_strdup(a->arena, k->lane->class_name);
	a->lane = k->lane;
	*r = (struct sk_record){ .seq = k->place.seq,
		.id = k->id,
		.class_name = a->class_name,
		.life = k->life,
		.create_ms = k->create_ms,
		.update_ms = sk_control_wall_ms(c),
		.spec = &a->empty };
	a->cands[a->op.n] = k;
	a->moves[a->op.n] = (struct sk_move){ .id = k->id,
		.seq = k->place.seq,
		.expect_attempt = before.attempt,
		.expect_phase = SK_CREATED,
		.expect_wanted = true,
		.wanted = SK_WANT_RUN,
		.set = SK_SET_LIFE,
		.to = r };
	a->op.n++;
	if (to->row->original)
		sk_beats_clear(c, k->id);
	sk_live_add(c, k->id, &k->life, &k->lane->need);
}

/* The lane whose first task is next, NULL when none can start. */
static struct sk_lane *
next_lane(struct sk_control *c)
{
	struct sk_lane *best = NULL;

	for (struct sk_lane *l = sk_window_lanes(c); l != NULL; l = l->next)
		if (l->n > 0 && !l->blocked &&
			(best == NULL || sk_place_before(&l->heap[0]->place, &best->heap[0]->place)))
			best = l;
	return best;
}

static void
block(struct sk_control *c, struct sk_lane *l, const struct sk_need *need)
{
	l->blocked = true;
	if (need->prompt || need->reusable)
		sk_skalds_hold(c, need);
	if (sk_control_wall_ms(c) - l->heap[0]->create_ms > STARVING_MS)
		sk_skalds_reserve(c, &l->need, l);
}

/* What waits for a slot at a skald holds its resources, and its clock runs: those that need any or
 * have a deadline do not wait there. */
struct sk_need
sk_dispatch_need(const struct sk_lane *l, int64_t deadline_ms)
{
	struct sk_need need = l->need;

	need.prompt = deadline_ms > 0 || need.cpus > 0 || need.memory_mb > 0 || need.gpus > 0;
	return need;
}

/* One task of the lane. */
static void
start_one(struct sk_control *c, struct sk_lane *l, struct assigning *a)
{
	struct sk_cand *k = l->heap[0];
	struct sk_need need = sk_dispatch_need(l, k->deadline_ms);
	struct sk_agent *to;

	if (k->deadline_ms > 0 && k->deadline_ms <= sk_control_wall_ms(c)) {
		k = sk_window_pop(c, l);
		sk_control_skip(c, k->id, SK_LIFE_REFUSE, SK_DEADLINE_PASSED " before it could start");
		free(k);
		return;
	}
	if (k->array_size > 0) {
		if (sk_arrays_start(c, k))
			free(sk_window_pop(c, l));
		else
			block(c, l, &need);
		return;
	}
	to = sk_skalds_pick(c, &need, l);
	if (to == NULL) {
		block(c, l, &need);
		return;
	}
	add_assignment(c, a, sk_window_pop(c, l), to);
}

static void
round_now(void *arg)
{
	struct sk_control *c = arg;
	struct assigning *a;
	struct sk_lane *l;

	if (!c->rebuilt || c->cfg.hold || !sk_control_leads(c) ||
		c->dispatch->in_flight >= MAX_IN_FLIGHT)
		return;
	a = assigning_new(c);
	for (l = sk_window_lanes(c); l != NULL; l = l->next)
		l->blocked = false;
	sk_skalds_begin_round(c);
	while (a->op.n < BATCH && (l = next_lane(c)) != NULL)
		start_one(c, l, a);
	if (a->op.n == BATCH)
		sk_dispatch_wake(c);
	if (a->op.n > 0) {
		c->dispatch->in_flight++;
		sk_control_lead_submit(c, &a->op.op);
	} else {
		sk_arena_free(a->arena);
		free(a);
	}
	sk_reads_look(c);
}

void
sk_dispatch_wake(struct sk_control *c)
{
	if (c->dispatch->round.pos == 0 && sk_control_leads(c))
		sk_timer_set(c->cfg.loop, &c->dispatch->round, 0);
}

/* ---- new tasks ---- */

struct inserting {
	struct sk_control *c;
	struct sk_op_insert *op;
	void (*done)(struct sk_op *op);
	void *arg;
	struct sk_life *plain; /* of the records, before any was assigned; NULL = none was */
};

/* Can it start at once? Only when none of its kind waits already. */
static bool
offer(struct sk_control *c, struct sk_record *r)
{
	struct sk_lane *l;
	struct sk_need need;
	struct sk_agent *to;

	if (c->cfg.hold || !sk_record_ready(r) || r->array_size > 0)
		return false;
	l = sk_window_lane(c, r);
	if (l->n > 0 || l->more)
		return false;
	need = sk_dispatch_need(l, sk_record_deadline(r));
	to = sk_skalds_pick(c, &need, l);
	if (to == NULL || !step_assign(&r->life, to))
		return false;
	if (to->row->original)
		sk_beats_clear(c, r->id);
	sk_live_add(c, r->id, &r->life, &l->need);
	return true;
}

static void
stored(struct sk_control *c, struct sk_record *r, uint64_t seq)
{
	r->seq = seq;
	sk_control_tell(c, SK_EVENT_CREATED, r, NULL);
	if (r->life.phase == SK_ASSIGNING) {
		sk_control_nudge(c, SK_TOPIC_ASSIGN, r);
		sk_control_tell(c, SK_EVENT_ASSIGNED, r, NULL);
	} else if (r->gate == SK_GATE_DEPENDENCY)
		sk_waits_added(c, r);
	else if (r->gate == SK_GATE_TIME)
		sk_waits_look(c);
	else if (sk_control_leads(c) && sk_record_ready(r) && !sk_live_known(c, r->id, 0))
		sk_window_add(c, sk_window_lane(c, r), r);
}

/* We lead no more, and what was assigned is a leader's word: they are stored as they came. */
static void
insert_plainly(struct inserting *i)
{
	struct sk_op_insert *op = i->op;

	for (size_t k = 0; k < op->n; k++) {
		struct sk_record *r = (struct sk_record *)(uintptr_t)op->records[k];

		if (r->life.phase == SK_ASSIGNING)
			sk_live_end(i->c, r->id, r->life.attempt);
		r->life = i->plain[k];
	}
	free(i->plain);
	i->plain = NULL;
	op->op.until_ms = 0;
	sk_store_submit(i->c->cfg.store, &op->op);
}

static void
insert_done(struct sk_op *base)
{
	struct inserting *i = base->arg;
	struct sk_op_insert *op = i->op;
	struct sk_control *c = i->c;

	if (base->code == SK_ECANCELED && i->plain != NULL) {
		insert_plainly(i);
		return;
	}
	for (size_t k = 0; k < op->n; k++) {
		struct sk_record *r = (struct sk_record *)(uintptr_t)op->records[k];

		if (op->seqs != NULL && op->seqs[k] != 0)
			stored(c, r, op->seqs[k]);
		else if (r->life.phase == SK_ASSIGNING)
			sk_live_end(c, r->id, r->life.attempt);
	}
	base->done = i->done;
	base->arg = i->arg;
	free(i->plain);
	free(i);
	sk_dispatch_wake(c);
	base->done(base);
}

/* True when some are assigned now. What they were before is kept where the lead may be lost. */
static bool
offer_all(struct inserting *i)
{
	struct sk_op_insert *op = i->op;
	struct sk_control *c = i->c;
	bool some = false;

	if (c->leader != NULL)
		i->plain = sk_xcalloc(op->n + 1, sizeof(*i->plain));
	for (size_t k = 0; k < op->n; k++) {
		struct sk_record *r = (struct sk_record *)(uintptr_t)op->records[k];

		if (i->plain != NULL)
			i->plain[k] = r->life;
		some = offer(c, r) || some;
	}
	return some;
}

void
sk_control_insert(struct sk_control *c, struct sk_op_insert *op)
{
	struct inserting *i = sk_xmalloc(sizeof(*i));

	*i = (struct inserting){ c, op, op->op.done, op->op.arg, NULL };
	op->op.done = insert_done;
	op->op.arg = i;
	if (c->rebuilt && sk_control_leads(c) && offer_all(i))
		sk_control_lead_submit(c, &op->op);
	else
		sk_store_submit(c->cfg.store, &op->op);
}

/* ---- the whole ---- */

struct sk_dispatch *
sk_dispatch_new(struct sk_control *c)
{
	struct sk_dispatch *d = sk_xcalloc(1, sizeof(*d));

	d->window = sk_window_new(c);
	d->round = (struct sk_timer){ .fn = round_now, .arg = c };
	return d;
}

void
sk_dispatch_reset(struct sk_control *c)
{
	sk_window_reset(c);
	sk_live_reset(c);
}

void
sk_dispatch_free(struct sk_dispatch *d)
{
	struct sk_live *l, *next;
	struct sk_control *c;
	size_t i = 0;

	if (d == NULL)
		return;
	c = d->round.arg;
	sk_timer_clear(c->cfg.loop, &d->round);
	while ((l = sk_map_each(&d->live, &i)) != NULL)
		for (; l != NULL; l = next) {
			next = l->next;
			free(l->beat);
			free(l);
		}
	sk_map_release(&d->live);
	sk_window_free(d->window);
	free(d);
}
