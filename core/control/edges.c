/* edges.c - tasks of the original's edges: documents of mode Active that nobody adopted. Nobody
 * dispatches them and nobody runs them again; all that is written of them is their status, as their
 * keys tell. What has ended stays so until it shows life again (D13). */
#include "core/base/log.h"
#include "core/control/mixed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct edge {
	struct edge *next; /* same hash */
	struct sk_pulse pulse;
	enum sk_phase phase; /* its status, as last read or written */
	uint64_t seq, round;
	bool old, writing;
	char executor[sizeof(((struct sk_life *)0)->executor)];
	char *class_name;
	char id[];
};

struct sk_edges {
	struct sk_map by_id;
	uint64_t round;
	bool looking;
};

static struct edge *
find(const struct sk_edges *all, const char *id)
{
	struct edge *e = sk_map_find(&all->by_id, sk_id_hash(id));

	while (e != NULL && strcmp(e->id, id) != 0)
		e = e->next;
	return e;
}

static struct edge *
get(struct sk_edges *all, const struct sk_record *r)
{
	struct edge *e = find(all, r->id);
	size_t n = strlen(r->id) + 1;

	if (e != NULL)
		return e;
	e = sk_xcalloc(1, sizeof(*e) + n);
	memcpy(e->id, r->id, n);
	e->class_name = sk_xstrdup(r->class_name);
	e->next = sk_map_find(&all->by_id, sk_id_hash(e->id));
	sk_map_put(&all->by_id, sk_id_hash(e->id), e);
	return e;
}

static void
edge_free(struct edge *e)
{
	free(e->class_name);
	free(e);
}

/* ---- the round ---- */

void
sk_edges_begin(struct sk_control *c)
{
	c->edges->round++;
}

void
sk_edges_see(struct sk_control *c, const struct sk_record *r)
{
	struct edge *e = get(c->edges, r);

	if (!e->writing)
		e->phase = r->life.phase;
	e->seq = r->seq;
	e->round = c->edges->round;
	e->old = sk_control_wall_ms(c) - r->update_ms > SK_MIXED_END_TTL_MS;
	snprintf(e->executor, sizeof(e->executor), "%s", r->life.executor);
}

void
sk_edges_end(struct sk_control *c)
{
	struct sk_edges *all = c->edges;
	struct edge *head;
	size_t at = 0;

	while ((head = sk_map_each(&all->by_id, &at)) != NULL) {
		uint64_t hash = sk_id_hash(head->id);
		struct edge *first = head, **p = &first;

		while (*p != NULL) {
			struct edge *e = *p;

			if (e->round == all->round) {
				p = &e->next;
				continue;
			}
			*p = e->next;
			edge_free(e);
		}
		if (first == NULL)
			sk_map_remove(&all->by_id, hash);
		else if (first != head)
			sk_map_put(&all->by_id, hash, first);
	}
}

/* ---- writing its status ---- */

struct writing {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_move op;
	struct sk_move move;
	struct sk_record to;
	struct sk_value nothing;
};

static void
tell(struct sk_control *c, const struct sk_record *r)
{
	sk_control_tell(c,
		r->status == SK_RUNNING		   ? SK_EVENT_STARTED
			: r->status == SK_FAILED   ? SK_EVENT_FAILED
			: r->status == SK_FINISHED ? SK_EVENT_FINISHED
									   : SK_EVENT_CANCELLED,
		r, NULL);
}

static void
written(struct sk_op *op)
{
	struct writing *w = op->arg;
	struct edge *e = find(w->c->edges, w->to.id);
	bool ok = op->code == SK_OK && w->move.code == SK_OK;

	if (e != NULL) {
		e->writing = false;
		e->phase = ok ? w->to.status : e->phase;
	}
	if (ok)
		tell(w->c, &w->to);
	sk_arena_free(w->arena);
	free(w);
}

static void
write_status(struct sk_control *c, struct edge *e, enum sk_phase status)
{
	struct writing *w = sk_xcalloc(1, sizeof(*w));

	e->writing = true;
	w->c = c;
	w->arena = sk_arena_new();
	w->nothing.kind = SK_MAP;
	w->to = (struct sk_record){ .seq = e->seq,
		.id = sk_arena_strdup(w->arena, e->id),
		.class_name = sk_arena_strdup(w->arena, e->class_name),
		.life = { .phase = status },
		.update_ms = sk_control_wall_ms(c),
		.foreign = true,
		.status = status,
		.spec = &w->nothing };
	memcpy(w->to.life.executor, e->executor, sizeof(e->executor));
	w->move = (struct sk_move){
		.id = w->to.id, .seq = e->seq, .expect_phase = e->phase, .set = SK_SET_STATUS, .to = &w->to
	};
	w->op = (struct sk_op_move){
		.op = { .kind = SK_OP_MOVE, .done = written, .arg = w, .arena = w->arena },
		.moves = &w->move,
		.n = 1
	};
	sk_control_lead_submit(c, &w->op.op);
}

/* ---- looking ---- */

static enum sk_phase
status_of(const struct edge *e, bool life)
{
	const struct sk_pulse *p = &e->pulse;
	bool counts = p->seen || p->changed || e->old || e->phase == SK_RUNNING;

	if (life)
		return SK_RUNNING;
	if (sk_phase_final(e->phase) || e->phase == SK_PAUSED)
		return e->phase;
	if (p->kind == SK_BEAT_IS_FINISHED && counts)
		return SK_FINISHED;
	if (p->kind == SK_BEAT_IS_FAILED && counts)
		return SK_FAILED;
	if (p->kind == SK_BEAT_IS_CANCELLED && counts)
		return SK_CANCELLED;
	return sk_pulse_dead(p) ? SK_FAILED : e->phase;
}

static void
looked(struct sk_control *c, struct sk_peeks *p)
{
	c->edges->looking = false;
	for (size_t i = 0; p->code == SK_OK && sk_control_leads(c) && i < p->n; i++) {
		const struct sk_peek *k = p->list[i];
		struct edge *e = find(c->edges, k->id);
		enum sk_beat kind = SK_BEAT_IS_NONE;
		enum sk_phase status;
		int64_t value = 0;

		if (e == NULL || e->writing)
			continue;
		if (k->found)
			kind = sk_beat_read(k->value, k->n, &value);
		status = status_of(e, sk_pulse_take(&e->pulse, kind, value, p->passed_ms, false));
		if (status != e->phase)
			write_status(c, e, status);
	}
}

void
sk_edges_look(struct sk_control *c, int64_t passed_ms)
{
	struct sk_peeks *p;
	const struct edge *e;
	size_t at = 0;

	if (c->edges->looking)
		return;
	c->edges->looking = true;
	p = sk_peeks_new(c, looked);
	p->passed_ms = passed_ms;
	while ((e = sk_map_each(&c->edges->by_id, &at)) != NULL)
		for (; e != NULL; e = e->next)
			sk_peek_value(p, SK_MIXED_KEY(p, SK_KEY_TASK_HEARTBEAT, e->id), e->id);
	sk_peeks_go(p);
}

/* ---- the whole ---- */

struct sk_edges *
sk_edges_new(struct sk_control *c)
{
	(void)c;
	return sk_xcalloc(1, sizeof(struct sk_edges));
}

static void
forget_all(struct sk_edges *all)
{
	struct edge *e, *next;
	size_t at = 0;

	while ((e = sk_map_each(&all->by_id, &at)) != NULL)
		for (; e != NULL; e = next) {
			next = e->next;
			edge_free(e);
		}
	sk_map_release(&all->by_id);
	all->by_id = (struct sk_map)SK_MAP_INIT;
}

void
sk_edges_reset(struct sk_control *c)
{
	forget_all(c->edges);
}

void
sk_edges_free(struct sk_edges *all)
{
	if (all == NULL)
		return;
	forget_all(all);
	free(all);
}
