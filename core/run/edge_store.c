/* edge_store.c - rounds through the store: read the documents of all tasks that have something to
 * be told or looked at, take stored attachments, write what is told by compare-and-set. What did
 * not work is done again in the next round, from what is there then. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/submit.h"
#include "core/run/edge_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_MAX 500
#define PAUSE_MS 1000 /* of a store that is away */
#define MAX_TRIES 16

struct edge_round {
	struct sk_edge *e;
	struct sk_arena *arena;
	struct sk_op_get get;
	const char **ids;
	size_t n;
	struct sk_op_insert insert;
	const struct sk_record **records; /* to be inserted */
	size_t n_insert;
	struct sk_op_move move;
	struct sk_move *moves;
	struct sk_life *before; /* of each move */
	size_t n_move;
	int waits; /* operations that are under way */
	bool failed; /* the store is away, or full */
};

void
edge_round_free(struct edge_round *r)
{
	if (r != NULL)
		sk_arena_free(r->arena);
	free(r);
}

void
edge_step_soon(struct sk_edge *e)
{
	if (e->cfg.store != NULL && e->round == NULL && e->step.pos == 0)
		sk_timer_set(e->cfg.loop, &e->step, 0);
}

/* ---- attachments ---- */

static const char *
text_of(const struct sk_record *r, const char *key)
{
	const struct sk_value *v = sk_map_get(r->spec, key);

	return v != NULL && v->kind == SK_STRING ? v->u.str.s : "";
}

/* Has the file been changed since it was last seen here? */
static bool
file_wins(const struct edge_task *t, const struct sk_record *r)
{
	const char *stored = text_of(r, "yamlHash");

	return stored[0] != '\0' && strcmp(stored, t->hash) != 0;
}

static void
use(struct sk_edge *e, struct edge_task *t, const struct sk_value *v)
{
	struct sk_arena *a;

	if (sk_value_equal(t->used, v))
		return;
	a = sk_arena_new();
	v = sk_value_copy(a, v);
	sk_arena_free(t->used_arena);
	t->used_arena = a;
	t->used = v;
	if (e->cfg.attachments != NULL)
		e->cfg.attachments(e->cfg.arg, t->id, t->hash, v);
}

/* What the class does not take is told once; what the task has stays in force. */
static void
refuse(
	struct sk_edge *e, struct edge_task *t, const struct sk_value *v, const struct sk_problems *p)
{
	char hash[SK_ACTIVE_HASH_LEN];

	sk_active_hash(t->class_name, v, hash);
	if (strcmp(hash, t->refused) == 0)
		return;
	memcpy(t->refused, hash, sizeof(hash));
	sk_log_task(SK_ERROR, e->cfg.component, t->id, 0,
		"the stored attachments are not used, the old ones stay in force: %s%s%s",
		p->n > 0 ? p->list[0].path : "", p->n > 0 && p->list[0].path[0] != '\0' ? ": " : "",
		p->n > 0 ? p->list[0].text : "they are too large");
}

static void
take_attachments(struct edge_round *r, struct edge_task *t, const struct sk_record *rec)
{
	const struct sk_value *v = sk_map_get(rec->spec, "attachments"), *good = NULL;
	struct sk_problems p;

	if (v == NULL || v->kind != SK_MAP)
		return;
	sk_problems_init(&p, r->arena, "");
	if (sk_submit_size(v) <= SK_SUBMIT_MAX_BYTES)
		good = sk_submit_attachments(t->worker, v, "attachments", r->arena, &p);
	if (good != NULL)
		use(r->e, t, good);
	else
		refuse(r->e, t, v, &p);
}

/* ---- whose is it? ---- */

static bool
is_ours(const struct sk_edge *e, const struct sk_record *r)
{
	return sk_phase_live(r->life.phase) && strcmp(r->life.executor, e->cfg.id) == 0 &&
		r->life.incarnation == e->cfg.incarnation;
}

/* NULL: ours. */
static const char *
not_ours(struct edge_round *r, const struct edge_task *t, const struct sk_record *rec)
{
	if (strcmp(rec->class_name, t->class_name) != 0)
		return sk_arena_printf(
			r->arena, "the store has a task of class %.100s with this id", rec->class_name);
	if (!sk_record_active(rec))
		return "the store has a task with this id that controllers dispatch";
	if (t->last != NULL && sk_phase_live(rec->life.phase) && !is_ours(r->e, rec))
		return sk_arena_printf(
			r->arena, "skald %.63s has taken over the task in the store", rec->life.executor);
	return NULL;
}

/* It is said to run here, and the store does not know (any more): a lease that was lost, a document
 * that was removed. */
static void
tell_again(struct sk_edge *e, struct edge_task *t, const struct sk_record *rec)
{
	struct edge_word *w = t->last;

	bool stale = rec != NULL && file_wins(t, rec); /* attachments and hash are to be written */

	if (t->first != NULL || w == NULL)
		return;
	if (!stale && (w->end || (rec != NULL && is_ours(e, rec))))
		return;
	t->last = NULL;
	t->first = w;
	t->last_at = &w->next;
	t->n_words = 1;
}

/* ---- writing ---- */

/* A copy: the file may be read again while the store has it. */
static void
say_file(struct edge_round *r, const struct edge_task *t, struct sk_active *a)
{
	a->attachments = sk_value_copy(r->arena, t->file);
	a->yaml_hash = sk_arena_strdup(r->arena, t->hash);
}

static void
insert(struct edge_round *r, struct edge_task *t)
{
	struct sk_record *rec = sk_arena_alloc(r->arena, sizeof(*rec));
	struct sk_active a = t->first->a;

	say_file(r, t, &a);
	sk_active_record(rec, t->id, &a, r->arena, sk_wall_ms());
	t->sent = t->first;
	r->records[r->n_insert++] = rec;
}

/* False: it is so already. */
static bool
change(struct edge_round *r, struct edge_task *t, struct sk_record *rec)
{
	struct sk_move *m = &r->moves[r->n_move];
	struct sk_active a = t->first->a;
	struct sk_attempt *ended = sk_arena_alloc(r->arena, sizeof(*ended));
	struct sk_life before = rec->life;
	struct sk_err err;
	unsigned set;

	say_file(r, t, &a);
	a.keep = !file_wins(t, rec);
	if (!sk_active_apply(rec, &a, r->arena, sk_wall_ms(), &set, &err) || set == 0)
		return false;
	r->before[r->n_move] = before;
	*m = (struct sk_move){ .id = t->id,
		.seq = rec->seq,
		.expect_attempt = before.attempt,
		.expect_phase = before.phase,
		.expect_wanted = true,
		.wanted = before.wanted,
		.set = set,
		.to = rec };
	if (sk_active_ended(rec, &a, set, ended))
		m->ended = ended;
	t->sent = t->first;
	r->n_move++;
	return true;
}

/* A single process was told that somebody changed the attachments of its task. */
static void
take_update(struct edge_round *r, struct edge_task *t, const struct sk_record *rec)
{
	if (rec != NULL && strcmp(rec->class_name, t->class_name) == 0)
		take_attachments(r, t, rec);
	else
		sk_log_task(SK_WARNING, r->e->cfg.component, t->id, 0,
			"told of new attachments, but the store has no such task of class %s", t->class_name);
}

static void
consider(struct edge_round *r, struct edge_task *t, struct sk_record *rec)
{
	struct sk_edge *e = r->e;
	const char *why;

	t->look = false;
	t->looked = true;
	if (!e->stores) {
		take_update(r, t, rec);
		return;
	}
	why = rec != NULL ? not_ours(r, t, rec) : NULL;
	if (why != NULL) {
		edge_leave_alone(e, t, why);
		return;
	}
	if (rec != NULL && !t->removed && !file_wins(t, rec))
		take_attachments(r, t, rec);
	tell_again(e, t, rec);
	if (t->first == NULL)
		return;
	if (rec == NULL)
		insert(r, t);
	else if (!change(r, t, rec))
		edge_told(t);
}

/* ---- what became of it ---- */

static void
publish(struct sk_edge *e, const struct sk_life *before, const struct sk_record *r,
	const struct sk_active *a)
{
	enum sk_event_kind kinds[SK_ACTIVE_NEWS];
	size_t n = e->cfg.bus != NULL ? sk_active_news(before, r, a, kinds) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct sk_event ev = { .kind = kinds[i],
			.time_ms = sk_wall_ms(),
			.task = r->id,
			.class_name = r->class_name,
			.attempt = kinds[i] == SK_EVENT_CREATED ? 0 : r->life.attempt,
			.skald = e->cfg.id,
			.stage = "",
			.message = kinds[i] == SK_EVENT_CREATED || kinds[i] == SK_EVENT_STARTED
				? ""
				: r->exit.message };

		/* one that is lost is found by whoever looks at the store */
		(void)sk_bus_publish(e->cfg.bus, SK_TOPIC_EVENT, &ev);
	}
}

static void
settle(struct sk_edge *e, const struct sk_record *rec, const struct sk_life *before,
	enum sk_code code, bool *failed)
{
	struct edge_task *t = edge_find(e, rec->id);
	bool went = code == SK_OK;

	if (t == NULL || t->sent == NULL) /* left alone meanwhile */
		return;
	t->sent = NULL;
	if (went) {
		publish(e, before, rec, &t->first->a);
		edge_told(t);
		t->tries = 0;
	} else if (code != SK_ECONFLICT && code != SK_ENOENT)
		*failed = true;
	else if (++t->tries >= MAX_TRIES)
		edge_leave_alone(
			e, t, "the store has something under this id that cannot be read or changed");
}

static bool
any_left(const struct sk_edge *e)
{
	const struct edge_task *t;
	size_t i = 0;

	while ((t = sk_map_each(&e->tasks, &i)) != NULL)
		if (t->look || t->first != NULL)
			return true;
	return false;
}

static void
tell_answered(struct sk_edge *e)
{
	const struct edge_task *t;
	size_t i = 0;

	if (e->answered || !e->asked)
		return;
	while ((t = sk_map_each(&e->tasks, &i)) != NULL)
		if (!t->looked && !t->removed)
			return;
	e->answered = true;
	if (e->cfg.answered != NULL)
		e->cfg.answered(e->cfg.arg);
}

static void
round_over(struct edge_round *r)
{
	struct sk_edge *e = r->e;
	bool failed = r->failed;

	e->round = NULL;
	edge_round_free(r);
	if (!failed)
		tell_answered(e);
	if (failed && e->leaving)
		e->store_done = true; /* nobody is there to hear it */
	else if (failed)
		sk_timer_set(e->cfg.loop, &e->step, sk_boot_ms() + PAUSE_MS);
	else if (e->leaving || any_left(e))
		edge_step_soon(e);
}

static void
written(struct edge_round *r)
{
	struct sk_edge *e = r->e;
	const struct sk_op *op = &r->insert.op;

	if (--r->waits > 0)
		return;
	for (size_t i = 0; i < r->n_insert; i++)
		settle(e, r->records[i], NULL, r->insert.codes != NULL ? r->insert.codes[i] : op->code,
			&r->failed);
	for (size_t i = 0; i < r->n_move; i++)
		settle(e, r->moves[i].to, &r->before[i],
			r->move.op.code == SK_OK ? r->moves[i].code : r->move.op.code, &r->failed);
	round_over(r);
}

static void
wrote(struct sk_op *op)
{
	struct edge_round *r = op->arg;

	if (op->code != SK_OK && op->code != SK_ECONFLICT)
		r->failed = true;
	written(r);
}

static void
write_all(struct edge_round *r)
{
	struct sk_store *s = r->e->cfg.store;

	r->waits = (r->n_insert > 0) + (r->n_move > 0);
	if (r->waits == 0) {
		round_over(r);
		return;
	}
	if (r->n_insert > 0) {
		r->insert = (struct sk_op_insert){
			.op = { .kind = SK_OP_INSERT, .done = wrote, .arg = r, .arena = r->arena },
			.records = r->records,
			.n = r->n_insert,
			.each = true
		};
		sk_store_submit(s, &r->insert.op);
	}
	if (r->n_move > 0) {
		r->move = (struct sk_op_move){
			.op = { .kind = SK_OP_MOVE, .done = wrote, .arg = r, .arena = r->arena },
			.moves = r->moves,
			.n = r->n_move
		};
		sk_store_submit(s, &r->move.op);
	}
}

/* ---- a round ---- */

static void
read_all(struct sk_op *op)
{
	struct edge_round *r = op->arg;

	if (op->code != SK_OK) {
		r->failed = true;
		round_over(r);
		return;
	}
	r->records = sk_arena_alloc(r->arena, r->n * sizeof(struct sk_record *));
	r->moves = sk_arena_alloc(r->arena, r->n * sizeof(*r->moves));
	r->before = sk_arena_alloc(r->arena, r->n * sizeof(*r->before));
	for (size_t i = 0; i < r->n; i++) {
		struct edge_task *t = edge_find(r->e, r->ids[i]);

		if (t != NULL && !t->alone)
			consider(r, t, r->get.records[i]);
	}
	write_all(r);
}

/* Ids outlive what happens to the table meanwhile. */
static size_t
choose(struct sk_edge *e, struct edge_round *r)
{
	const struct edge_task *t;
	size_t i = 0;

	r->ids = sk_arena_alloc(r->arena, ROUND_MAX * sizeof(*r->ids));
	while (r->n < ROUND_MAX && (t = sk_map_each(&e->tasks, &i)) != NULL)
		if ((t->look && !e->leaving) || t->first != NULL)
			r->ids[r->n++] = sk_arena_strdup(r->arena, t->id);
	return r->n;
}

static void
removed(struct sk_op *op)
{
	struct sk_edge *e = op->arg;

	e->store_done = true;
}

/* All is told: the skald is gone. */
static void
say_goodbye(struct sk_edge *e)
{
	if (!e->leaving || e->removing || e->putting || e->store_done)
		return;
	if (!e->there || e->displaced) {
		e->store_done = true;
		return;
	}
	e->removing = true;
	if (e->row_arena == NULL)
		e->row_arena = sk_arena_new();
	e->remove = (struct sk_op_skald_remove){
		.op = { .kind = SK_OP_SKALD_REMOVE, .done = removed, .arg = e, .arena = e->row_arena },
		.id = e->cfg.id
	};
	sk_store_submit(e->cfg.store, &e->remove.op);
}

void
edge_step(void *arg)
{
	struct sk_edge *e = arg;
	struct edge_round *r;

	if (e->round != NULL || (e->leaving && e->store_done))
		return;
	r = sk_xcalloc(1, sizeof(*r));
	*r = (struct edge_round){ .e = e, .arena = sk_arena_new() };
	if (choose(e, r) == 0) {
		edge_round_free(r);
		say_goodbye(e);
		return;
	}
	e->round = r;
	r->get = (struct sk_op_get){
		.op = { .kind = SK_OP_GET, .done = read_all, .arg = r, .arena = r->arena },
		.ids = r->ids,
		.n = r->n
	};
	sk_store_submit(e->cfg.store, &r->get.op);
}

/* ---- the row of the skald ---- */

static void
renewed(struct sk_op *op)
{
	struct sk_edge *e = op->arg;

	e->putting = false;
	if (op->code == SK_OK)
		e->there = true;
	if (op->code == SK_ECONFLICT) {
		e->displaced = true;
		sk_log(SK_WARNING, e->cfg.component,
			"another skald called %s was started later: it is the one that the store knows",
			e->cfg.id);
	}
	if (e->leaving)
		edge_step_soon(e);
	else if (!e->displaced)
		sk_timer_set(e->cfg.loop, &e->renew,
			sk_boot_ms() + (op->code == SK_OK ? e->cfg.lease_ms / 3 : PAUSE_MS));
}

void
edge_renew(void *arg)
{
	static const char *const none[] = { NULL };
	struct sk_edge *e = arg;
	const struct sk_edge_config *c = &e->cfg;

	if (e->row_arena == NULL)
		e->row_arena = sk_arena_new();
	else
		sk_arena_reset(e->row_arena);
	e->row = (struct sk_skald){ .id = c->id,
		.incarnation = c->incarnation,
		.renewals = (uint64_t)sk_boot_ms(),
		.mode = c->mode,
		.version = c->version,
		.host = c->host,
		.slots = c->slots,
		.classes = none, /* nothing is dispatched to it */
		.lease_ms = c->lease_ms,
		.start_ms = c->start_ms,
		.seen_ms = sk_wall_ms() };
	e->put = (struct sk_op_skald_put){
		.op = { .kind = SK_OP_SKALD_PUT, .done = renewed, .arg = e, .arena = e->row_arena },
		.skald = &e->row,
		.keep_draining = true
	};
	e->putting = true;
	sk_store_submit(c->store, &e->put.op);
}
