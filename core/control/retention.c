/* retention.c - ended tasks are removed after a time, in small steps, so that nothing waits; skalds
 * that were killed are forgotten after a day. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/changes.h"
#include "core/control/parts.h"
#include <stdlib.h>

#define STEP 500
#define GONE_MS ((int64_t)24 * 3600000)
#define ENDED (1u << SK_FINISHED | 1u << SK_FAILED | 1u << SK_CANCELLED)

struct removing {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_count count;
	struct sk_op_find find;
	struct sk_op_remove op;
	const struct sk_record **records; /* those of op.ids */
	int64_t surplus; /* to remove whatever their age */
	int64_t before_ms; /* who ended before is old; 0 = nobody is */
};

/* A clock that jumped ahead, for a moment or for good, must not make everything old at once. */
static int64_t
old_before(struct sk_control *c)
{
	int64_t wall = sk_control_wall_ms(c), ahead = wall - sk_control_boot_ms(c) - c->clock.offset_ms;
	bool doubted = c->clock.doubt;

	if (sk_steady_look(&c->clock, wall, sk_control_boot_ms(c))) {
		if (doubted)
			sk_log(SK_INFO, "retention", "the clock is believed: ended tasks are removed again");
		return c->cfg.keep_ms > 0 ? wall - c->cfg.keep_ms : 0;
	}
	if (!doubted)
		sk_log(SK_WARNING, "retention",
			"the clock has jumped %s by %lld s: no ended task is removed for its age until the "
			"new time has stood for an hour",
			ahead > 0 ? "ahead" : "back", llabs(ahead) / 1000);
	return 0;
}

static void
removing_free(struct removing *r)
{
	sk_arena_free(r->arena);
	free(r);
}

static void
removed(struct sk_op *op)
{
	struct removing *r = op->arg;
	struct sk_control *c = r->c;
	bool more = op->code == SK_OK && r->op.n == STEP;

	if (op->code != SK_OK && op->code != SK_ECANCELED)
		sk_log(SK_WARNING, "retention", "cannot remove ended tasks: %s", op->err.msg);
	for (size_t i = 0; op->code == SK_OK && i < r->op.n; i++)
		if (r->op.codes[i] == SK_OK)
			sk_logs_remove(c->cfg.data_dir, r->op.ids[i], r->records[i]->array_size > 0);
	removing_free(r);
	if (more)
		sk_retention_look(c);
}

/* Oldest first: beyond the number that is kept, or beyond the age. */
static void
found(struct sk_op *op)
{
	struct removing *r = op->arg;
	const char **ids;
	size_t n = 0;

	if (op->code != SK_OK) {
		removing_free(r);
		return;
	}
	ids = sk_arena_alloc(r->arena, (r->find.n + 1) * sizeof(*ids));
	r->records = sk_arena_alloc(r->arena, (r->find.n + 1) * sizeof(*r->records));
	for (size_t i = 0; i < r->find.n; i++) {
		const struct sk_record *t = r->find.records[i];
		bool old = t->finish_ms > 0 && t->finish_ms < r->before_ms;

		if (old || (int64_t)n < r->surplus) {
			r->records[n] = t;
			ids[n++] = t->id;
		}
	}
	if (n == 0) {
		removing_free(r);
		return;
	}
	r->op = (struct sk_op_remove){
		.op = { .kind = SK_OP_REMOVE, .done = removed, .arg = r, .arena = r->arena },
		.ids = ids,
		.n = n
	};
	sk_control_lead_submit(r->c, &r->op.op);
}

static void
counted(struct sk_op *op)
{
	struct removing *r = op->arg;
	const struct sk_control *c = r->c;
	int64_t ended;

	if (op->code != SK_OK) {
		removing_free(r);
		return;
	}
	ended = r->count.by_phase[SK_FINISHED] + r->count.by_phase[SK_FAILED] +
		r->count.by_phase[SK_CANCELLED];
	r->surplus = c->cfg.keep_tasks > 0 && ended > c->cfg.keep_tasks ? ended - c->cfg.keep_tasks : 0;
	if (r->surplus == 0 && r->before_ms <= 0) {
		removing_free(r);
		return;
	}
	r->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = found, .arg = r, .arena = r->arena },
		.filter = { .phases = ENDED,
			.no_elements = true,
			.finished_before = r->surplus > 0 ? INT64_MAX : r->before_ms },
		.order = SK_OLDEST_FIRST,
		.limit = STEP,
		.thin = true,
	};
	sk_store_submit(c->cfg.store, &r->find.op);
}

static void
look_for_tasks(struct sk_control *c, int64_t before_ms)
{
	struct removing *r = sk_xcalloc(1, sizeof(*r));

	r->c = c;
	r->before_ms = before_ms;
	r->arena = sk_arena_new();
	r->count = (struct sk_op_count){
		.op = { .kind = SK_OP_COUNT, .done = counted, .arg = r, .arena = r->arena },
		.filter = { .phases = ENDED, .no_elements = true },
	};
	sk_store_submit(c->cfg.store, &r->count.op);
}

/* ---- skalds ---- */

struct forgetting {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_skald_remove op;
};

static void
forgotten(struct sk_op *op)
{
	struct forgetting *f = op->arg;

	if (op->code == SK_OK) {
		sk_log(SK_INFO, "retention", "skald %s has not been heard of for a day: it is forgotten",
			f->op.id);
		sk_skalds_read(f->c, NULL);
	} else if (op->code != SK_ENOENT && op->code != SK_ECANCELED)
		sk_log(SK_WARNING, "retention", "cannot forget skald %s: %s", f->op.id, op->err.msg);
	sk_arena_free(f->arena);
	free(f);
}

/* Edges and single processes take their row with them, unless they are killed. Nodes stay: people
 * count them, and drain them. The wall clock tells how long ago one was seen before our start. */
static bool
is_long_gone(const struct sk_control *c, const struct sk_agent *a)
{
	int64_t silent = sk_control_boot_ms(c) - a->changed_ms;
	int64_t unseen = c->clock.doubt ? 0 : sk_control_wall_ms(c) - a->row->seen_ms;

	return !a->row->original && a->row->mode != SK_MODE_NODE && !a->view.online && a->n_live == 0 &&
		silent > sk_skalds_patience_ms(c, a->row) && (silent > GONE_MS || unseen > GONE_MS);
}

/* One that comes back at this very moment says so again in a third of a lease. */
static void
look_for_skalds(struct sk_control *c)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(c, &views);

	for (size_t i = 0; i < n; i++) {
		struct forgetting *f;

		if (!is_long_gone(c, sk_skalds_find(c, views[i].row->id)))
			continue;
		f = sk_xcalloc(1, sizeof(*f));
		f->c = c;
		f->arena = sk_arena_new();
		f->op = (struct sk_op_skald_remove){
			.op = { .kind = SK_OP_SKALD_REMOVE, .done = forgotten, .arg = f, .arena = f->arena },
			.id = sk_arena_strdup(f->arena, views[i].row->id)
		};
		sk_control_lead_submit(c, &f->op.op);
	}
}

void
sk_retention_look(struct sk_control *c)
{
	int64_t before_ms;

	if (!sk_control_leads(c))
		return;
	before_ms = old_before(c);
	if (before_ms > 0 || c->cfg.keep_tasks > 0)
		look_for_tasks(c, before_ms);
	look_for_skalds(c);
}
