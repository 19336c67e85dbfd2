/* retention.c - ended tasks are removed after a time, in small steps, so that nothing waits. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/changes.h"
#include "core/control/parts.h"
#include <stdlib.h>

#define STEP 500
#define ENDED (1u << SK_FINISHED | 1u << SK_FAILED | 1u << SK_CANCELLED)

struct removing {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_count count;
	struct sk_op_find find;
	struct sk_op_remove op;
	const struct sk_record **records; /* those of op.ids */
	int64_t surplus; /* to remove whatever their age */
};

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

	if (op->code != SK_OK)
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
	const struct sk_control *c = r->c;
	int64_t before = sk_control_wall_ms(c) - c->cfg.keep_ms;
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
		bool old = c->cfg.keep_ms > 0 && t->finish_ms > 0 && t->finish_ms < before;

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
	sk_store_submit(c->cfg.store, &r->op.op);
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
	r->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = found, .arg = r, .arena = r->arena },
		.filter = { .phases = ENDED,
			.no_elements = true,
			.finished_before =
				r->surplus > 0 ? INT64_MAX : sk_control_wall_ms(c) - c->cfg.keep_ms },
		.order = SK_OLDEST_FIRST,
		.limit = STEP,
		.thin = true,
	};
	sk_store_submit(c->cfg.store, &r->find.op);
}

void
sk_retention_look(struct sk_control *c)
{
	struct removing *r;

	if (c->stopped || (c->cfg.keep_ms <= 0 && c->cfg.keep_tasks <= 0))
		return;
	r = sk_xcalloc(1, sizeof(*r));
	r->c = c;
	r->arena = sk_arena_new();
	r->count = (struct sk_op_count){
		.op = { .kind = SK_OP_COUNT, .done = counted, .arg = r, .arena = r->arena },
		.filter = { .phases = ENDED, .no_elements = true },
	};
	sk_store_submit(c->cfg.store, &r->count.op);
}
