/* strangers.c - what programs and scripts of the original wrote into the store, and say on the
 * bus.
 *
 * Once a round: tasks of theirs that are ready, tasks of ours whose status they wrote, documents
 * of their edges. In between their events make us look at the tasks they name: soon, together,
 * and so many at a time that a flood costs a bounded number of reads; what is beyond waits for
 * the round. One alone is looked at at once: a controller of the original may write Running over a
 * cancel that it took itself a moment ago. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/active.h"
#include "core/control/changes.h"
#include "core/control/mixed.h"
#include <stdlib.h>
#include <string.h>

#define PAGE 1000
#define MAX_NAMED 256 /* tasks of one look */
#define SOON_MS 20
#define EACH_MS 2 /* so much later comes the next look for each task of the last */

struct sk_strangers {
	struct sk_timer soon;
	struct sk_map named; /* hashes of what is in names */
	struct sk_str names; /* ids, NUL-terminated one after another */
	size_t n, looked_n;
	bool listening, reading, round;
	int64_t looked_ms; /* real boot clock */
};

bool
sk_strangers_own(const struct sk_record *r)
{
	const struct sk_value *mode = sk_map_get(r->spec, "mode");

	return r->foreign && mode != NULL && mode->kind == SK_STRING &&
		strcmp(mode->u.str.s, "Passive") != 0;
}

/* ---- disputes ---- */

/* What is done about a page of tasks. */
struct settling {
	struct sk_control *c;
	struct sk_arena *arena;
	const char **ids;
	struct sk_op_move op;
};

static enum sk_change
wish_of(const struct sk_record *r)
{
	bool ours = !sk_record_active(r); /* what an edge executes it decides about itself */

	if (ours && r->status == SK_CREATED && sk_phase_final(r->life.phase))
		return SK_CHANGE_RETRY;
	if (ours && r->status == SK_CANCELLED && !sk_phase_final(r->life.phase))
		return SK_CHANGE_CANCEL;
	return SK_CHANGE_DELETE; /* none */
}

static void
settled_page(void *arg, const struct sk_changed *results, size_t n, size_t n_ok)
{
	(void)arg;
	(void)n_ok;
	for (size_t i = 0; i < n; i++)
		if (results[i].code != SK_OK)
			sk_log(SK_INFO, "monitor", "task %s: what others wrote cannot be done: %s",
				results[i].id, results[i].error);
}

static void
settled(void *arg, enum sk_code code, const struct sk_err *err)
{
	struct settling *s = arg;

	if (code != SK_OK && code != SK_ECANCELED) /* which is: we do not lead any more */
		sk_log(SK_WARNING, "monitor", "cannot do what others wrote: %s", err->msg);
	sk_arena_free(s->arena);
	free(s);
}

static struct settling *
settling_new(struct sk_control *c)
{
	struct settling *s = sk_xcalloc(1, sizeof(*s));

	s->c = c;
	s->arena = sk_arena_new();
	return s;
}

/* A wish of people that they told a program of the original, as if they had told it us. */
static void
fulfil(struct sk_control *c, struct sk_record *const *records, size_t n, enum sk_change wish)
{
	struct settling *s = settling_new(c);
	struct sk_changes changes = {
		.kind = wish, .disputed = true, .page = settled_page, .done = settled, .arg = s
	};

	s->ids = sk_arena_alloc(s->arena, (n + 1) * sizeof(*s->ids));
	for (size_t i = 0; i < n; i++)
		if (records[i] != NULL && records[i]->disputed && wish_of(records[i]) == wish)
			s->ids[changes.n++] = sk_arena_strdup(s->arena, records[i]->id);
	changes.ids = s->ids;
	sk_changes_run(c, &changes);
}

static void
rewritten(struct sk_op *op)
{
	settled(op->arg, op->code, &op->err);
}

/* The status is written again as the phase says: by a move that changes nothing. */
static void
rewrite(struct sk_control *c, struct sk_record *const *records, size_t n)
{
	struct settling *s = settling_new(c);

	s->op = (struct sk_op_move){
		.op = { .kind = SK_OP_MOVE, .done = rewritten, .arg = s, .arena = s->arena },
		.moves = sk_arena_alloc(s->arena, (n + 1) * sizeof(*s->op.moves))
	};
	for (size_t i = 0; i < n; i++) {
		struct sk_record *r;

		if (!records[i]->disputed || wish_of(records[i]) != SK_CHANGE_DELETE)
			continue;
		r = sk_record_copy(s->arena, records[i]);
		r->update_ms = sk_control_wall_ms(c);
		s->op.moves[s->op.n++] = (struct sk_move){ .id = r->id,
			.seq = r->seq,
			.expect_attempt = r->life.attempt,
			.expect_phase = r->life.phase,
			.expect_wanted = true,
			.wanted = r->life.wanted,
			.set = SK_SET_LIFE,
			.to = r };
	}
	if (s->op.n > 0)
		sk_control_lead_submit(c, &s->op.op);
	else
		settled(s, SK_OK, NULL);
}

/* ---- the round ---- */

enum part { DISPUTED, READY, EDGES, N_PART };

struct reading {
	struct sk_control *c;
	struct sk_arena *arena;
	enum part part;
	struct sk_op_find find;
	struct sk_op_get get;
};

static void read_part(struct sk_control *c, enum part part, const char *after);

static void
reading_free(struct reading *g)
{
	sk_arena_free(g->arena);
	free(g);
}

static void
take_page(struct sk_control *c, enum part part, struct sk_record *const *records, size_t n)
{
	switch (part) {
	case DISPUTED:
		fulfil(c, records, n, SK_CHANGE_CANCEL);
		fulfil(c, records, n, SK_CHANGE_RETRY);
		rewrite(c, records, n);
		break;
	case READY:
		if (sk_reads_take(c, records, n) > 0)
			sk_dispatch_wake(c);
		break;
	case EDGES:
		for (size_t i = 0; i < n; i++)
			sk_edges_see(c, records[i]);
		break;
	case N_PART:
		break;
	}
}

static void
page_read(struct sk_op *op)
{
	struct reading *g = op->arg;
	struct sk_control *c = g->c;
	bool more = g->find.next != NULL;

	if (op->code != SK_OK ||
		!sk_control_leads(c)) { /* nothing is known, so nothing is missing (D10) */
		c->strangers->round = false;
		reading_free(g);
		return;
	}
	take_page(c, g->part, g->find.records, g->find.n);
	if (more)
		read_part(c, g->part, g->find.next);
	else if (g->part + 1 < N_PART)
		read_part(c, (enum part)(g->part + 1), NULL);
	else {
		sk_edges_end(c);
		c->strangers->round = false;
	}
	reading_free(g);
}

static void
read_part(struct sk_control *c, enum part part, const char *after)
{
	static const struct sk_filter filters[N_PART] = {
		[DISPUTED] = { .disputed = true },
		[READY] = { .foreign = true,
			.phases = 1u << SK_CREATED,
			.gates = 1u << SK_GATE_OPEN,
			.wanted_run = true },
		[EDGES] = { .foreign_active = true },
	};
	struct reading *g = sk_xcalloc(1, sizeof(*g));

	g->c = c;
	g->arena = sk_arena_new();
	g->part = part;
	g->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = page_read, .arg = g, .arena = g->arena },
		.filter = filters[part],
		.order = part == READY ? SK_BY_RANK : SK_OLDEST_FIRST,
		.limit = PAGE,
		.after = after != NULL ? sk_arena_strdup(g->arena, after) : NULL,
	};
	sk_store_submit(c->cfg.store, &g->find.op);
}

void
sk_strangers_look(struct sk_control *c)
{
	if (c->strangers->round || !sk_control_leads(c))
		return;
	c->strangers->round = true;
	sk_edges_begin(c);
	read_part(c, DISPUTED, NULL);
}

/* ---- events ---- */

/* The status is left to the round: it is written again at most once in each. */
static void
see_one(struct sk_control *c, struct sk_record *r)
{
	bool known = sk_live_known(c, r->id, 0);
	const struct sk_lane *lane;

	if (sk_strangers_own(r)) {
		if (sk_record_active(r))
			sk_edges_see(c, r);
		return;
	}
	if (!sk_phase_live(r->life.phase) || r->array_size > 0 || !sk_record_by_original(r))
		return;
	lane = sk_window_lane(c, r);
	sk_live_add(c, r->id, &r->life, &lane->need);
	sk_beats_see(c, r);
	if (!known)
		sk_beats_sample(c, r->id);
}

static void look_later(struct sk_control *c);

static void
named_read(struct sk_op *op)
{
	struct reading *g = op->arg;
	struct sk_control *c = g->c;

	c->strangers->reading = false;
	if (op->code == SK_OK && sk_control_leads(c)) {
		for (size_t i = 0; i < g->get.n; i++)
			if (g->get.records[i] != NULL)
				see_one(c, g->get.records[i]);
		fulfil(c, g->get.records, g->get.n, SK_CHANGE_CANCEL);
		fulfil(c, g->get.records, g->get.n, SK_CHANGE_RETRY);
		if (sk_reads_take(c, g->get.records, g->get.n) > 0)
			sk_dispatch_wake(c);
	}
	reading_free(g);
	if (!c->stopped)
		look_later(c);
}

static void
read_named(void *arg)
{
	struct sk_control *c = arg;
	struct sk_strangers *s = c->strangers;
	struct reading *g;
	const char **ids;
	size_t n = 0;

	if (s->reading || s->n == 0)
		return;
	g = sk_xcalloc(1, sizeof(*g));
	g->c = c;
	g->arena = sk_arena_new();
	ids = sk_arena_alloc(g->arena, s->n * sizeof(*ids));
	for (const char *p = s->names.p; n < s->n; p += strlen(p) + 1)
		ids[n++] = sk_arena_strdup(g->arena, p);
	sk_str_clear(&s->names);
	sk_map_release(&s->named);
	s->n = 0;
	s->looked_n = n;
	s->reading = true;
	s->looked_ms = sk_boot_ms();
	g->get = (struct sk_op_get){
		.op = { .kind = SK_OP_GET, .done = named_read, .arg = g, .arena = g->arena },
		.ids = ids,
		.n = n
	};
	sk_store_submit(c->cfg.store, &g->get.op);
}

static void
look_later(struct sk_control *c)
{
	struct sk_strangers *s = c->strangers;
	int64_t soon = sk_boot_ms() + SOON_MS, next = s->looked_ms + (int64_t)s->looked_n * EACH_MS;

	if (s->n > 0 && !s->reading && s->soon.pos == 0)
		sk_timer_set(c->cfg.loop, &s->soon, soon > next ? soon : next);
}

/* Another controller of ours tells the skald by its name; a stranger names none. */
static bool
is_news(struct sk_control *c, enum sk_topic topic, const struct sk_event *e)
{
	const struct sk_live *l;

	if (e->skald == NULL || e->skald[0] == '\0')
		return true;
	l = sk_live_find(c, e->task);
	return topic == SK_TOPIC_CANCEL && l != NULL && l->beat != NULL;
}

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct sk_control *c = arg;
	struct sk_strangers *s = c->strangers;
	uint64_t hash;

	if (!sk_control_leads(c) || !c->rebuilt || e->task == NULL || e->task[0] == '\0' ||
		s->n >= MAX_NAMED || !is_news(c, topic, e))
		return;
	hash = sk_id_hash(e->task);
	if (sk_map_find(&s->named, hash) != NULL)
		return;
	sk_map_put(&s->named, hash, s);
	sk_str_add(&s->names, e->task, strlen(e->task) + 1);
	s->n++;
	look_later(c);
}

/* ---- the whole ---- */

void
sk_strangers_start(struct sk_control *c)
{
	struct sk_strangers *s = c->strangers;
	struct sk_err err;

	if (s->listening)
		return;
	s->looked_n = 0;
	s->listening = c->cfg.bus->ops->subscribe(c->cfg.bus,
					   1u << SK_TOPIC_ASSIGN | 1u << SK_TOPIC_CANCEL | 1u << SK_TOPIC_UPDATE, heard,
					   c, &err) == SK_OK;
	if (!s->listening)
		sk_log(SK_WARNING, "monitor", "events of others are not heard: %s", err.msg);
}

void
sk_strangers_stop(struct sk_control *c)
{
	struct sk_strangers *s = c->strangers;

	if (s->listening)
		c->cfg.bus->ops->unsubscribe(c->cfg.bus, heard, c);
	s->listening = false;
	sk_timer_clear(c->cfg.loop, &s->soon);
}

struct sk_strangers *
sk_strangers_new(struct sk_control *c)
{
	struct sk_strangers *s = sk_xcalloc(1, sizeof(*s));

	s->soon = (struct sk_timer){ .fn = read_named, .arg = c };
	return s;
}

void
sk_strangers_free(struct sk_strangers *s)
{
	if (s == NULL)
		return;
	sk_map_release(&s->named);
	sk_str_release(&s->names);
	free(s);
}
