/* waits.c - tasks that wait: for a time, for other tasks. The store has what they wait for; here is
 * only when to look. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/gauges.h"
#include "core/control/parts.h"
#include <stdlib.h>
#include <string.h>

#define PAGE 1000
#define SOON_MS 5 /* what comes together is looked at together */
#define LONGEST_MS 5000 /* the wall clock may be set: never sleep longer */

struct sk_waits {
	struct sk_timer look;
	bool looking, again;
	struct sk_map awaited; /* hashes of ids that somebody waits for; may have too many */
};

struct sk_waits *
sk_waits_new(struct sk_control *c)
{
	struct sk_waits *w = sk_xcalloc(1, sizeof(*w));

	w->look.arg = c;
	return w;
}

void
sk_waits_free(struct sk_waits *w)
{
	struct sk_control *c;

	if (w == NULL)
		return;
	c = w->look.arg;
	sk_timer_clear(c->cfg.loop, &w->look);
	sk_map_release(&w->awaited);
	free(w);
}

void
sk_waits_reset(struct sk_control *c)
{
	sk_map_release(&c->waits->awaited);
	c->waits->awaited = (struct sk_map)SK_MAP_INIT;
}

/* ---- opening gates ---- */

struct opening {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_find find;
	struct sk_op_move op;
	struct sk_move *moves;
};

static void
opening_free(struct opening *o)
{
	sk_arena_free(o->arena);
	free(o);
}

static struct opening *
opening_new(struct sk_control *c)
{
	struct opening *o = sk_xcalloc(1, sizeof(*o));

	o->c = c;
	o->arena = sk_arena_new();
	return o;
}

static void
opened(struct sk_op *op)
{
	struct opening *o = op->arg;
	struct sk_control *c = o->c;

	for (size_t i = 0; i < o->op.n && op->code == SK_OK; i++) {
		const struct sk_record *r = o->moves[i].to;

		if (o->moves[i].code == SK_OK && sk_record_ready(r) && sk_control_leads(c))
			sk_window_add(c, sk_window_lane(c, r), r);
	}
	if (op->code != SK_OK && op->code != SK_ECANCELED)
		sk_log(SK_WARNING, "dispatcher", "cannot release waiting tasks: %s", op->err.msg);
	sk_dispatch_wake(c);
	opening_free(o);
}

static void
add_move(struct opening *o, struct sk_record *r, enum sk_gate gate)
{
	r->gate = gate;
	r->update_ms = sk_control_wall_ms(o->c);
	o->moves[o->op.n++] = (struct sk_move){ .id = r->id,
		.seq = r->seq,
		.expect_attempt = r->life.attempt,
		.expect_phase = SK_CREATED,
		.set = SK_SET_GATE,
		.to = r };
}

static void
send_moves(struct opening *o)
{
	o->op.op = (struct sk_op){ .kind = SK_OP_MOVE, .done = opened, .arg = o, .arena = o->arena };
	o->op.moves = o->moves;
	sk_control_lead_submit(o->c, &o->op.op);
}

/* ---- times ---- */

static void look_now(void *arg);

static void
look_at(struct sk_control *c, int64_t boot_ms)
{
	struct sk_waits *w = c->waits;

	w->look.fn = look_now;
	if (w->look.pos == 0 || boot_ms < w->look.due_ms)
		sk_timer_set(c->cfg.loop, &w->look, boot_ms);
}

static void
plan_next(struct sk_control *c, int64_t wait_ms)
{
	if (wait_ms > LONGEST_MS)
		wait_ms = LONGEST_MS;
	look_at(c, sk_boot_ms() + (wait_ms > 0 ? wait_ms : 0));
}

/* It was told to wait when it was later than now: the clock was set back. A pause before the next
 * try is a duration, not a moment of the day: it begins anew. */
static bool
is_stranded(const struct sk_record *r, int64_t now)
{
	return r->life.attempt > 0 && r->update_ms > now;
}

static void
begin_anew(struct opening *o, struct sk_record *r, int64_t now)
{
	int64_t pause = r->due_ms - r->update_ms;

	r->due_ms = now + (pause > 0 ? pause : 0);
	add_move(o, r, SK_GATE_TIME);
}

static void
due_found(struct sk_op *base)
{
	struct opening *o = base->arg;
	struct sk_control *c = o->c;
	int64_t now = sk_control_wall_ms(c);

	c->waits->looking = false;
	if (base->code != SK_OK) {
		plan_next(c, LONGEST_MS);
		opening_free(o);
		return;
	}
	o->moves = sk_arena_alloc(o->arena, (o->find.n + 1) * sizeof(*o->moves));
	for (size_t i = 0; i < o->find.n; i++) {
		struct sk_record *r = o->find.records[i];

		if (r->due_ms <= now)
			add_move(o, r, SK_GATE_OPEN);
		else if (is_stranded(r, now))
			begin_anew(o, r, now);
		if (r->gate == SK_GATE_TIME)
			plan_next(c, r->due_ms - now);
	}
	if (o->op.n == PAGE || c->waits->again)
		plan_next(c, 0);
	c->waits->again = false;
	if (o->op.n > 0)
		send_moves(o);
	else
		opening_free(o);
}

static void
look_now(void *arg)
{
	struct sk_control *c = arg;
	struct opening *o;

	if (!sk_control_leads(c))
		return;
	if (c->waits->looking) {
		c->waits->again = true;
		return;
	}
	c->waits->looking = true;
	o = opening_new(c);
	o->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = due_found, .arg = o, .arena = o->arena },
		.filter = { .phases = 1u << SK_CREATED, .gates = 1u << SK_GATE_TIME },
		.order = SK_BY_DUE,
		.limit = PAGE,
	};
	sk_store_submit(c->cfg.store, &o->find.op);
}

void
sk_waits_look(struct sk_control *c)
{
	if (sk_control_leads(c))
		look_at(c, sk_boot_ms() + SOON_MS);
}

/* ---- dependencies ---- */

static void
remember(struct sk_control *c, const struct sk_value *ids)
{
	for (size_t i = 0; ids != NULL && ids->kind == SK_LIST && i < ids->u.list.n; i++)
		if (ids->u.list.items[i]->kind == SK_STRING)
			sk_map_put(&c->waits->awaited, sk_id_hash(ids->u.list.items[i]->u.str.s), c);
}

/* One task whose dependencies are looked at. */
struct judging {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_record *r;
	struct sk_spec spec;
	struct sk_op_get get;
};

static void
judging_free(struct judging *j)
{
	sk_arena_free(j->arena);
	free(j);
}

static void
skip(struct judging *j, const char *dependency, const struct sk_record *d)
{
	const char *what = d == NULL	 ? "does not exist"
		: d->life.phase == SK_FAILED ? "failed"
									 : "was cancelled";

	sk_control_skip(j->c, j->r->id, SK_LIFE_CANCEL,
		sk_arena_printf(j->arena, "dependency %s %s", dependency, what));
}

static void
release(struct judging *j)
{
	struct opening *o = opening_new(j->c);
	struct sk_record *r = sk_record_copy(o->arena, j->r);
	bool early = r->due_ms > sk_control_wall_ms(j->c);

	o->moves = sk_arena_alloc(o->arena, sizeof(*o->moves));
	add_move(o, r, early ? SK_GATE_TIME : SK_GATE_OPEN);
	send_moves(o);
	if (early)
		sk_waits_look(j->c);
}

static void
judged(struct sk_op *op)
{
	struct judging *j = op->arg;
	bool waits = op->code != SK_OK;

	for (size_t i = 0; op->code == SK_OK && i < j->get.n; i++) {
		const struct sk_record *d = j->get.records[i];

		if (d != NULL && !sk_phase_final(d->life.phase))
			waits = true;
		else if ((d == NULL || d->life.phase != SK_FINISHED) &&
			j->spec.dependency_policy == SK_DEP_CANCEL) {
			skip(j, j->get.ids[i], d);
			judging_free(j);
			return;
		}
	}
	if (!waits)
		release(j);
	judging_free(j);
}

static void
judge(struct sk_control *c, const struct sk_record *r)
{
	struct judging *j = sk_xcalloc(1, sizeof(*j));
	struct sk_err err;

	j->c = c;
	j->arena = sk_arena_new();
	j->r = sk_record_copy(j->arena, r);
	if (!sk_spec_decode(j->r->spec, j->arena, &j->spec, &err)) {
		sk_log_task(SK_ERROR, "dispatcher", r->id, 0, "%s", err.msg);
		judging_free(j);
		return;
	}
	j->get = (struct sk_op_get){
		.op = { .kind = SK_OP_GET, .done = judged, .arg = j, .arena = j->arena },
		.ids = j->spec.dependencies.items,
		.n = j->spec.dependencies.n,
	};
	sk_store_submit(c->cfg.store, &j->get.op);
}

void
sk_waits_added(struct sk_control *c, const struct sk_record *r)
{
	if (!sk_control_leads(c))
		return; /* who does hears of it */
	remember(c, sk_map_get(r->spec, "dependencies"));
	judge(c, r); /* they may have ended long ago */
}

/* A page of tasks that wait for others. */
struct asking {
	struct sk_control *c;
	struct sk_arena *arena;
	char *on; /* wait for this one; NULL = for anything */
	struct sk_op_find find;
};

static void ask(struct sk_control *c, const char *on, const char *after);

static void
asked(struct sk_op *op)
{
	struct asking *a = op->arg;

	if (op->code != SK_OK)
		sk_log(SK_WARNING, "dispatcher", "cannot read waiting tasks: %s", op->err.msg);
	for (size_t i = 0; op->code == SK_OK && i < a->find.n && sk_control_leads(a->c); i++) {
		remember(a->c, sk_map_get(a->find.records[i]->spec, "dependencies"));
		judge(a->c, a->find.records[i]);
		if (a->on == NULL)
			sk_late_see(a->c, SK_LATE_WAITING, a->find.records[i]);
	}
	if (op->code == SK_OK && a->find.next != NULL && sk_control_leads(a->c))
		ask(a->c, a->on, a->find.next);
	else if (a->on == NULL)
		sk_late_done(a->c, SK_LATE_WAITING, op->code == SK_OK);
	free(a->on);
	sk_arena_free(a->arena);
	free(a);
}

static void
ask(struct sk_control *c, const char *on, const char *after)
{
	struct asking *a = sk_xcalloc(1, sizeof(*a));

	a->c = c;
	a->arena = sk_arena_new();
	a->on = on != NULL ? sk_xstrdup(on) : NULL;
	a->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = asked, .arg = a, .arena = a->arena },
		.filter = { .phases = 1u << SK_CREATED,
			.gates = 1u << SK_GATE_DEPENDENCY,
			.depends_on = a->on },
		.order = SK_OLDEST_FIRST,
		.limit = PAGE,
		.after = after != NULL ? sk_arena_strdup(a->arena, after) : NULL,
	};
	sk_store_submit(c->cfg.store, &a->find.op);
}

void
sk_waits_ended(struct sk_control *c, const char *id)
{
	if (sk_control_leads(c) && sk_map_find(&c->waits->awaited, sk_id_hash(id)) != NULL)
		ask(c, id, NULL);
}

void
sk_waits_all(struct sk_control *c)
{
	if (!sk_control_leads(c))
		return;
	sk_waits_reset(c);
	ask(c, NULL, NULL);
}
