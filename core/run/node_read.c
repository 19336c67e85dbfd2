/* node_read.c - what the store has: tasks by id, as events name them, and now and then all that it
 * has for this skald. Every read has a number: what it says of a task that changed here since it
 * began is old. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/node_priv.h"
#include <stdlib.h>
#include <string.h>

#define PAGE 1000

static struct node_read *
read_begin(struct sk_node *n, enum sk_op_kind kind, void (*done)(struct sk_op *op))
{
	struct node_read *r = sk_xcalloc(1, sizeof(*r));

	r->n = n;
	r->arena = sk_arena_new();
	r->number = ++n->reads;
	r->u.op = (struct sk_op){ .kind = kind, .done = done, .arg = r, .arena = r->arena };
	r->prev = n->last_read;
	*(r->prev != NULL ? &r->prev->next : &n->first_read) = r;
	n->last_read = r;
	return r;
}

static void
read_end(struct node_read *r)
{
	struct sk_node *n = r->n;

	*(r->prev != NULL ? &r->prev->next : &n->first_read) = r->next;
	*(r->next != NULL ? &r->next->prev : &n->last_read) = r->prev;
	sk_arena_free(r->arena);
	free(r);
	node_bury(n);
}

/* ---- ids to read ---- */

/* Whoever sends events without end makes us look through the store instead of growing. */
#define QUEUE_MAX ((size_t)1 << 18)

/* What stands in the map of queued ids. */
static char plainly, by_assignment;

static void
queue(struct sk_node *n, const char *id, bool assigned)
{
	uint64_t key = sk_map_key(id);
	void *old = sk_map_find(&n->queued, key);

	if (old == NULL && n->n_ids >= QUEUE_MAX) {
		node_look(n);
		return;
	}
	if (old == NULL) {
		sk_str_add(&n->ids, id, strlen(id) + 1);
		n->n_ids++;
	}
	if (old == NULL || assigned)
		sk_map_put(&n->queued, key, assigned ? &by_assignment : &plainly);
}

void
node_read(struct sk_node *n, const char *id)
{
	queue(n, id, false);
}

void
node_read_assigned(struct sk_node *n, const char *id)
{
	queue(n, id, true);
}

/* ---- one task, as it was when the read began ---- */

static bool
is_ours(const struct sk_node *n, const struct sk_record *r)
{
	return r != NULL && sk_phase_live(r->life.phase) && r->life.incarnation == n->incarnation &&
		strcmp(r->life.executor, n->cfg.id) == 0;
}

static void
take(struct node_read *read, const char *id, const struct sk_record *r, bool assigned)
{
	struct sk_node *n = read->n;
	struct node_task *t = node_find(n, id);
	bool ours = is_ours(n, r), by_keys = node_by_keys(n, r);

	if (t != NULL && t->gone) {
		if (t->kept ? node_foreign_kept(n, t, r, read->number, assigned)
					: (!ours && !by_keys) || r->life.attempt <= t->attempt)
			return; /* what we have settled since it was read */
		node_drop(n, t);
		t = NULL;
	}
	if (t == NULL) {
		if (ours)
			node_begin(n, r);
		else if (by_keys)
			node_foreign_begin(n, r, assigned);
		return;
	}
	t->seen = n->look_mark;
	if (t->fenced || (t->ended && t->moving))
		return;
	if (t->moving)
		t->reread = true; /* when it has come back */
	else if (read->number <= t->changed)
		queue(n, id, assigned); /* that was before */
	else if (t->foreign)
		node_foreign_agree(n, t, r, assigned, read->arena);
	else if (ours && r->life.attempt == t->attempt)
		node_agree(n, t, r, read->arena);
	else
		node_fence(n, t, r);
}

/* ---- by id ---- */

static void
got(struct sk_op *op)
{
	struct node_read *r = op->arg;
	struct sk_node *n = r->n;

	n->n_gets--;
	if (op->code == SK_OK)
		node_unhold(n, op);
	else
		node_hold(n, op, "read its tasks");
	for (size_t i = 0; i < r->u.get.n; i++)
		if (op->code == SK_OK)
			take(r, r->u.get.ids[i], r->u.get.records[i], r->assigned[i]);
		else
			queue(n, r->u.get.ids[i], r->assigned[i]);
	read_end(r);
}

/* The first ids that wait, in the arena. */
static const char *const *
take_ids(struct sk_node *n, struct node_read *r, size_t *count)
{
	size_t max = n->n_ids < NODE_BATCH ? n->n_ids : NODE_BATCH, used = 0;
	const char **ids = sk_arena_alloc(r->arena, (max + 1) * sizeof(*ids));
	bool *assigned = sk_arena_alloc(r->arena, max + 1);

	for (*count = 0; *count < max; (*count)++) {
		uint64_t key = sk_map_key(n->ids.p + used);

		ids[*count] = sk_arena_strdup(r->arena, n->ids.p + used);
		assigned[*count] = sk_map_find(&n->queued, key) == &by_assignment;
		sk_map_remove(&n->queued, key);
		used += strlen(n->ids.p + used) + 1;
	}
	sk_str_consume(&n->ids, used);
	n->n_ids -= max;
	r->assigned = assigned;
	return ids;
}

void
node_read_flush(struct sk_node *n)
{
	while (n->told && !n->held && n->n_ids > 0 && n->n_gets < NODE_IN_FLIGHT) {
		struct node_read *r = read_begin(n, SK_OP_GET, got);

		r->u.get.ids = take_ids(n, r, &r->u.get.n);
		n->n_gets++;
		sk_store_submit(n->cfg.store, &r->u.op);
	}
}

/* ---- all of them ---- */

static void look_page(struct sk_node *n, const char *after);

static void
look_later(struct sk_node *n, int64_t ms)
{
	sk_timer_set(n->cfg.loop, &n->look, sk_boot_ms() + ms);
}

/* What the store does not have as ours: it may have changed since, the task alone tells. */
static void
ask_for_unseen(struct sk_node *n)
{
	struct node_task *t;
	size_t i = 0;

	while ((t = sk_map_each(&n->tasks, &i)) != NULL) {
		if (t->moving || t->seen == n->look_mark || t->changed >= n->look_began)
			continue;
		if (!t->gone)
			node_read(n, t->id);
		else if (t->kept)
			node_drop(n, t); /* nothing in the store would start it again */
	}
}

static void
look_over(struct sk_node *n, bool whole)
{
	n->looking = false;
	if (whole) {
		ask_for_unseen(n);
		n->looked = true;
		n->looked_at = n->look_began;
	}
	if (n->over)
		return;
	if (n->look_again)
		node_look(n);
	else
		look_later(n, n->cfg.reconcile_ms);
	n->look_again = false;
}

static void
looked(struct sk_op *op)
{
	struct node_read *r = op->arg;
	struct sk_node *n = r->n;

	if (op->code == SK_OK)
		node_unhold(n, op);
	else
		node_hold(n, op, "look for its tasks");
	for (size_t i = 0; op->code == SK_OK && i < r->u.find.n; i++)
		take(r, r->u.find.records[i]->id, r->u.find.records[i], false);
	if (op->code == SK_OK && r->u.find.next != NULL)
		look_page(n, r->u.find.next);
	else if (op->code == SK_OK)
		look_over(n, true);
	else {
		n->look_again = false;
		look_over(n, false);
		look_later(n, n->backoff_ms);
	}
	read_end(r);
}

static void
look_page(struct sk_node *n, const char *after)
{
	struct node_read *r = read_begin(n, SK_OP_FIND, looked);

	if (after == NULL)
		n->look_began = r->number;
	r->u.find.filter =
		(struct sk_filter){ .phases = 1u << SK_ASSIGNING | 1u << SK_RUNNING | 1u << SK_PAUSED,
			.executor = n->cfg.id };
	r->u.find.order = SK_OLDEST_FIRST;
	r->u.find.limit = PAGE;
	r->u.find.after = after != NULL ? sk_arena_strdup(r->arena, after) : NULL;
	sk_store_submit(n->cfg.store, &r->u.op);
}

void
node_look(struct sk_node *n)
{
	if (n->looking) {
		n->look_again = true;
		return;
	}
	n->looking = true;
	n->look_mark++;
	look_page(n, NULL);
}
