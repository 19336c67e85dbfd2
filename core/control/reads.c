/* reads.c - ready tasks come from the store into the window.
 *
 * Most come without a read: whoever makes a task ready offers it to its lane. A lane that is full
 * leaves what is behind it to the store and notes from which place on; when it runs low, it is read
 * for it from there, by its class: what other lanes have in front of that is not looked at again.
 *
 * A sweep goes through all ready tasks, page by page: at the start, when it is not known which
 * lanes there are; after a failure; and now and then for what was forgotten. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/parts.h"
#include <stdlib.h>
#include <string.h>

#define FETCH_MAX 1000 /* tasks of one read by ids */
#define FETCHES 2 /* such reads under way: the store has others to serve */
#define PAGE (SK_LANE_MAX / 2)
#define RETRY_MS 1000
#define REST_MS 100 /* between pages of a sweep that brought nothing: at the start, */
#define LONG_REST_MS 500 /* later */

struct sk_reads {
	struct sk_timer again, fetch, rest;
	uint64_t since; /* grows when all is forgotten */
	bool reading;
	struct sk_lane *lane; /* that is read for; NULL = the sweep */
	uint64_t n; /* reads so far */
	bool sweeping, anew; /* anew: it was called for while a page was on its way */
	struct sk_place at; /* where the sweep is */
	bool failed_said; /* once, until a read comes through */
	bool lanes_turn; /* before the next page of the sweep */
	int64_t rest_ms, pause_ms; /* boot clock: no page of the sweep, no read at all before */
	struct sk_str wanted; /* ids to fetch, NUL-terminated one after another */
	size_t fetched; /* bytes of these whose reads have begun */
	unsigned fetches;
};

struct reading {
	struct sk_control *c;
	struct sk_arena *arena;
	uint64_t since;
	struct sk_record from;
	union {
		struct sk_op op;
		struct sk_op_find find;
		struct sk_op_get get;
	} u;
};

size_t
sk_reads_take(struct sk_control *c, struct sk_record *const *records, size_t n)
{
	size_t taken = 0;

	for (size_t i = 0; i < n; i++)
		if (records[i] != NULL && sk_record_ready(records[i]) &&
			!sk_live_known(c, records[i]->id, 0))
			taken += sk_window_add(c, sk_window_lane(c, records[i]), records[i]);
	return taken;
}

static void
failed_to_read(struct sk_control *c, const struct sk_op *op)
{
	if (!sk_control_leads(c))
		return;
	sk_log(c->reads->failed_said ? SK_DEBUG : SK_WARNING, "dispatcher",
		"cannot read ready tasks: %s; trying again", op->err.msg);
	c->reads->failed_said = true;
	sk_reads_again(c);
}

/* ---- lanes and the sweep ---- */

/* What left the window while the page was read is not ready any more, or was told since. */
static void
leave_out(struct sk_control *c, struct sk_op_find *find)
{
	for (size_t i = 0; i < find->n; i++)
		if (sk_window_left(c, find->records[i]->id))
			find->records[i] = NULL;
}

static void
swept(struct sk_control *c, const struct sk_place *end, size_t taken)
{
	struct sk_reads *d = c->reads;

	d->sweeping = end != NULL || d->anew;
	if (end == NULL || d->anew)
		return;
	d->at = *end;
	if (taken > 0)
		return;
	d->rest_ms = sk_boot_ms() + (sk_window_all_known(c) ? LONG_REST_MS : REST_MS);
	sk_timer_set(c->cfg.loop, &d->rest, d->rest_ms);
}

static void
page_read(struct sk_op *op)
{
	struct reading *r = op->arg;
	struct sk_control *c = r->c;
	struct sk_op_find *find = &r->u.find;
	struct sk_place end = { r->from.rank_ms, r->from.seq };
	bool of_lane = c->reads->lane != NULL, last = find->next == NULL;
	size_t taken;

	c->reads->reading = false;
	if (r->since != c->reads->since) {
		sk_reads_look(c); /* it was begun for what is forgotten */
	} else if (op->code != SK_OK) {
		sk_window_read_ends(c);
		failed_to_read(c, op);
	} else {
		c->reads->failed_said = false;
		if (find->n > 0)
			end = (struct sk_place){ find->records[find->n - 1]->rank_ms,
				find->records[find->n - 1]->seq };
		sk_window_read_reached(c, last ? NULL : &end);
		leave_out(c, find);
		taken = sk_reads_take(c, find->records, find->n);
		sk_window_read_ends(c);
		if (!of_lane)
			swept(c, last ? NULL : &end, taken);
		sk_dispatch_wake(c);
	}
	sk_arena_free(r->arena);
	free(r);
}

static void
read_page(struct sk_control *c, struct sk_lane *lane)
{
	struct sk_reads *d = c->reads;
	const struct sk_place *from = lane != NULL ? &lane->from : &d->at;
	struct reading *r = sk_xcalloc(1, sizeof(*r));

	d->reading = true;
	d->lane = lane;
	d->lanes_turn = lane == NULL;
	d->anew = d->anew && lane != NULL;
	d->n++;
	if (lane != NULL)
		lane->read = d->n;
	sk_window_read_begins(c, lane, from);
	r->c = c;
	r->since = d->since;
	r->arena = sk_arena_new();
	r->from = (struct sk_record){ .rank_ms = from->rank_ms, .seq = from->seq };
	r->u.find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = page_read, .arg = r, .arena = r->arena },
		.filter = { .phases = 1u << SK_CREATED,
			.gates = 1u << SK_GATE_OPEN,
			.wanted_run = true,
			.class_name = lane != NULL ? sk_arena_strdup(r->arena, lane->class_name) : NULL },
		.order = SK_BY_RANK,
		.limit = PAGE,
		.behind = &r->from,
	};
	sk_store_submit(c->cfg.store, &r->u.op);
}

/* The one that was read for least lately among those that run low. */
static struct sk_lane *
hungry_lane(struct sk_control *c)
{
	struct sk_lane *best = NULL;

	for (struct sk_lane *l = sk_window_lanes(c); l != NULL; l = l->next)
		if (l->more && l->n < SK_LANE_MAX / 2 && (best == NULL || l->read < best->read))
			best = l;
	return best;
}

void
sk_reads_look(struct sk_control *c)
{
	struct sk_reads *d = c->reads;
	int64_t now = sk_boot_ms();
	struct sk_lane *lane;

	if (d->reading || now < d->pause_ms || !sk_control_leads(c))
		return;
	lane = hungry_lane(c);
	if (d->sweeping && now >= d->rest_ms && (lane == NULL || !d->lanes_turn))
		read_page(c, NULL);
	else if (lane != NULL)
		read_page(c, lane);
}

static void
rested(void *arg)
{
	sk_reads_look(arg);
}

void
sk_reads_refill(struct sk_control *c)
{
	struct sk_reads *d = c->reads;

	if (!sk_control_leads(c))
		return;
	d->sweeping = d->anew = true;
	d->at = (struct sk_place){ INT64_MIN, 0 };
	d->rest_ms = 0;
	sk_reads_look(c);
}

void
sk_reads_sweep(struct sk_control *c)
{
	if (!c->reads->sweeping)
		sk_reads_refill(c);
}

static void
try_again(void *arg)
{
	sk_reads_refill(arg);
	sk_dispatch_wake(arg);
}

void
sk_reads_again(struct sk_control *c)
{
	c->reads->pause_ms = sk_boot_ms() + RETRY_MS;
	sk_timer_set(c->cfg.loop, &c->reads->again, c->reads->pause_ms);
}

/* ---- tasks by their ids ---- */

static void
fetch_soon(struct sk_control *c)
{
	struct sk_reads *d = c->reads;

	if (d->fetched < d->wanted.len && d->fetches < FETCHES && d->fetch.pos == 0)
		sk_timer_set(c->cfg.loop, &d->fetch, 0);
}

/* Another controller has stored it, or given it to a skald. */
static void
take_other(struct sk_control *c, const struct sk_record *r)
{
	if (r == NULL || r->array_size > 0)
		return;
	if (sk_phase_live(r->life.phase))
		sk_live_add(c, r->id, &r->life, &sk_window_lane(c, r)->need);
	else if (r->life.phase == SK_CREATED && r->gate == SK_GATE_DEPENDENCY)
		sk_waits_added(c, r);
	else if (r->life.phase == SK_CREATED && r->gate == SK_GATE_TIME)
		sk_waits_look(c);
}

static void
fetched(struct sk_op *op)
{
	struct reading *r = op->arg;
	struct sk_control *c = r->c;

	c->reads->fetches--;
	if (op->code != SK_OK)
		failed_to_read(c, op);
	else if (sk_control_leads(c)) {
		c->reads->failed_said = false;
		sk_reads_take(c, r->u.get.records, r->u.get.n);
		for (size_t i = 0; c->leader != NULL && i < r->u.get.n; i++)
			take_other(c, r->u.get.records[i]);
		sk_dispatch_wake(c);
	}
	sk_arena_free(r->arena);
	free(r);
	if (sk_control_leads(c))
		fetch_soon(c);
}

static void
fetch_now(void *arg)
{
	struct sk_control *c = arg;
	struct sk_reads *d = c->reads;
	struct reading *r = sk_xcalloc(1, sizeof(*r));
	const char **ids;
	size_t n = 0;

	r->c = c;
	r->arena = sk_arena_new();
	ids = sk_arena_alloc(r->arena, FETCH_MAX * sizeof(*ids));
	while (n < FETCH_MAX && d->fetched < d->wanted.len) {
		ids[n] = sk_arena_strdup(r->arena, d->wanted.p + d->fetched);
		d->fetched += strlen(ids[n++]) + 1;
	}
	r->u.get = (struct sk_op_get){
		.op = { .kind = SK_OP_GET, .done = fetched, .arg = r, .arena = r->arena },
		.ids = ids,
		.n = n
	};
	if (d->fetched == d->wanted.len) {
		sk_str_release(&d->wanted); /* it may have been long */
		d->fetched = 0;
	}
	d->fetches++;
	sk_store_submit(c->cfg.store, &r->u.op);
	fetch_soon(c);
}

void
sk_reads_fetch(struct sk_control *c, const char *id)
{
	struct sk_reads *d = c->reads;

	if (!sk_control_leads(c))
		return;
	sk_str_add(&d->wanted, id, strlen(id) + 1);
	fetch_soon(c);
}

/* ---- the whole ---- */

struct sk_reads *
sk_reads_new(struct sk_control *c)
{
	struct sk_reads *d = sk_xcalloc(1, sizeof(*d));

	d->again = (struct sk_timer){ .fn = try_again, .arg = c };
	d->fetch = (struct sk_timer){ .fn = fetch_now, .arg = c };
	d->rest = (struct sk_timer){ .fn = rested, .arg = c };
	return d;
}

void
sk_reads_reset(struct sk_control *c)
{
	struct sk_reads *d = c->reads;

	d->since++;
	d->sweeping = d->anew = false;
	d->rest_ms = d->pause_ms = 0;
	sk_str_release(&d->wanted);
	d->fetched = 0;
	sk_timer_clear(c->cfg.loop, &d->again);
	sk_timer_clear(c->cfg.loop, &d->fetch);
	sk_timer_clear(c->cfg.loop, &d->rest);
}

void
sk_reads_free(struct sk_reads *d)
{
	struct sk_control *c;

	if (d == NULL)
		return;
	c = d->again.arg;
	sk_timer_clear(c->cfg.loop, &d->again);
	sk_timer_clear(c->cfg.loop, &d->fetch);
	sk_timer_clear(c->cfg.loop, &d->rest);
	sk_str_release(&d->wanted);
	free(d);
}
