/* drain.c - a skald gets no more tasks, or does again: stored in its row. */
#include "core/base/log.h"
#include "core/control/parts.h"
#include <stdlib.h>

struct drain {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_skald_put op;
	struct sk_skald row;
	void (*fn)(void *arg, enum sk_code code, const struct sk_err *err);
	void *arg;
};

static void
drained(struct sk_op *op)
{
	struct drain *d = op->arg;

	if (op->code == SK_OK) {
		/* other controllers look at the rows now and then only: it would get tasks until then */
		if (!sk_control_tell_skald(d->c, d->row.id, d->row.draining ? "drain" : "undrain"))
			sk_log(SK_DEBUG, "controller", "the bus is full");
		sk_skalds_read(d->c, NULL);
	}
	d->fn(d->arg, op->code, &op->err);
	sk_arena_free(d->arena);
	free(d);
}

void
sk_skalds_drain(struct sk_control *c, const char *id, bool drain,
	void (*fn)(void *arg, enum sk_code code, const struct sk_err *err), void *arg)
{
	const struct sk_agent *a = sk_skalds_find(c, id);
	struct sk_err err;
	struct drain *d;

	if (a == NULL) {
		sk_fail(&err, SK_ENOENT, "there is no skald %s", id);
		fn(arg, SK_ENOENT, &err);
		return;
	}
	if (a->row->original) {
		sk_fail(&err, SK_ECONFLICT,
			"skald %s runs the original program, which cannot be drained: stop it", id);
		fn(arg, SK_ECONFLICT, &err);
		return;
	}
	d = sk_xcalloc(1, sizeof(*d));
	d->c = c;
	d->fn = fn;
	d->arg = arg;
	d->arena = sk_arena_new();
	d->row = *sk_skald_copy(d->arena, a->row);
	d->row.draining = drain;
	d->op = (struct sk_op_skald_put){
		.op = { .kind = SK_OP_SKALD_PUT, .done = drained, .arg = d, .arena = d->arena },
		.skald = &d->row
	};
	sk_store_submit(c->cfg.store, &d->op.op);
}
