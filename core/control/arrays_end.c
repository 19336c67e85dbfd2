/* arrays_end.c - a parent is read, its elements are counted; with the last of them it ends. */
#include "core/control/arrays.h"
#include "core/base/log.h"
#include <stdlib.h>
#include <string.h>

/* ---- the end of a parent ---- */

struct ending {
	struct sk_array *a;
	struct sk_arena *arena;
	struct sk_op_get get;
	struct sk_op_count count;
	struct sk_op_find find;
	const char *ids[1];
};

static void
ending_free(struct ending *e)
{
	sk_arena_free(e->arena);
	free(e);
}

static void
parent_ended(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	struct sk_array *a = arg;

	sk_array_not_busy(a);
	if (code != SK_OK) {
		if (code != SK_ECANCELED)
			sk_log_task(SK_WARNING, "dispatcher", a->id, 0, "array: %s", err->msg);
		sk_array_drop_record(a);
		return; /* the next look tries again */
	}
	sk_control_tell(a->c,
		r->life.phase == SK_FINISHED	 ? SK_EVENT_FINISHED
			: r->life.phase == SK_FAILED ? SK_EVENT_FAILED
										 : SK_EVENT_CANCELLED,
		r, NULL);
	sk_array_forget(a);
}

/* An array is not tried again as a whole: its failure is final whatever its elements may do. */
static bool
spend_budget(void *arg, struct sk_record *r, unsigned *set)
{
	(void)arg;
	(void)set;
	if (r->life.phase == SK_CREATED) {
		r->life.phase = SK_FAILED;
		r->life.backing_off = false;
		*set &= ~(unsigned)SK_SET_GATE;
	}
	return true;
}

static void
end_parent(struct ending *e)
{
	struct sk_array *a = e->a;
	const int64_t *n = e->count.by_phase;
	const int64_t unfinished = n[SK_FAILED] + n[SK_CANCELLED];
	const struct sk_record *bad = e->find.n > 0 ? e->find.records[0] : NULL;
	struct sk_step step = { .id = a->id,
		.event = { .attempt = a->r->life.attempt, .executor = "" },
		.exit = { .known = true, .reason = SK_REASON_EXITED },
		.lead = true,
		.fn = parent_ended,
		.arg = a };

	if (a->r->life.wanted == SK_WANT_CANCEL) {
		step.event.kind = SK_LIFE_GONE;
		step.exit.reason = SK_REASON_CANCELLED;
	} else if (unfinished == 0)
		step.event.kind = SK_LIFE_FINISH;
	else {
		step.event.kind = SK_LIFE_FAIL;
		step.before = spend_budget;
		if (bad != NULL)
			step.exit = bad->exit;
		step.exit.known = true;
		step.exit.message = sk_arena_printf(e->arena, "%lld of %lld elements did not finish",
			(long long)unfinished, (long long)a->r->array_size);
	}
	sk_control_step(a->c, &step);
}

static void
bad_found(struct sk_op *op)
{
	struct ending *e = op->arg;

	end_parent(e);
	ending_free(e);
}

static void
find_bad(struct ending *e)
{
	e->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = bad_found, .arg = e, .arena = e->arena },
		.filter = { .parent = e->a->id, .phases = 1u << SK_FAILED },
		.order = SK_OLDEST_FIRST,
		.limit = 1,
	};
	sk_store_submit(e->a->c->cfg.store, &e->find.op);
}

static void
counted(struct sk_op *op)
{
	struct ending *e = op->arg;
	struct sk_array *a = e->a;
	const int64_t *n = e->count.by_phase;
	bool none_left;

	if (op->code == SK_OK) {
		a->open = n[SK_CREATED] + n[SK_ASSIGNING] + n[SK_RUNNING] + n[SK_PAUSED];
		a->counted = true;
	}
	none_left = a->r->array[0] == '\0' || a->r->life.wanted == SK_WANT_CANCEL;
	if (op->code == SK_OK && a->open == 0 && none_left && a->r->life.phase == SK_RUNNING) {
		find_bad(e);
		return;
	}
	if (op->code == SK_OK && a->open > 0 && a->c->leader != NULL)
		sk_arrays_follow(a->c, a->r); /* who changed it may have died half-way, or raced with us */
	sk_array_not_busy(a);
	sk_array_offer(a);
	ending_free(e);
}

static void
count(struct ending *e)
{
	e->count = (struct sk_op_count){
		.op = { .kind = SK_OP_COUNT, .done = counted, .arg = e, .arena = e->arena },
		.filter = { .parent = e->a->id },
	};
	sk_store_submit(e->a->c->cfg.store, &e->count.op);
}

static void
parent_read(struct sk_op *op)
{
	struct ending *e = op->arg;
	struct sk_array *a = e->a;
	const struct sk_record *r = op->code == SK_OK ? e->get.records[0] : NULL;

	if (r == NULL || r->array_size == 0 || sk_phase_final(r->life.phase)) {
		a->busy = false;
		if (op->code == SK_OK)
			sk_array_forget(a); /* removed, or it ended */
		ending_free(e);
		return;
	}
	sk_array_set_record(a, r);
	count(e);
}

void
sk_array_read(struct sk_array *a)
{
	struct ending *e = sk_xcalloc(1, sizeof(*e));

	if (a->busy) {
		free(e);
		a->again = true;
		return;
	}
	a->busy = true;
	e->a = a;
	e->arena = sk_arena_new();
	e->ids[0] = a->id;
	e->get = (struct sk_op_get){
		.op = { .kind = SK_OP_GET, .done = parent_read, .arg = e, .arena = e->arena },
		.ids = e->ids,
		.n = 1
	};
	sk_store_submit(a->c->cfg.store, &e->get.op);
}
