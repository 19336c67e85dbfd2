/* store.c - the queue of the store in memory. */
#include "adapters/memory/store.h"
#include "adapters/memory/memory.h"
#include <stdlib.h>

static enum sk_code
perform(struct sk_memory *m, struct sk_op *op)
{
	switch (op->kind) {
	case SK_OP_INSERT:
		return sk_memory_insert(m, (struct sk_op_insert *)op);
	case SK_OP_GET:
		return sk_memory_get(m, (struct sk_op_get *)op);
	case SK_OP_FIND:
		return sk_memory_find(m, (struct sk_op_find *)op);
	case SK_OP_COUNT:
		return sk_memory_count(m, (struct sk_op_count *)op);
	case SK_OP_MOVE:
		return sk_memory_move(m, (struct sk_op_move *)op);
	case SK_OP_REMOVE:
		return sk_memory_remove(m, (struct sk_op_remove *)op);
	case SK_OP_ATTEMPTS:
		return sk_memory_attempts(m, (struct sk_op_attempts *)op);
	case SK_OP_CLASSES:
		return sk_memory_classes(m, (struct sk_op_classes *)op);
	case SK_OP_SKALD_PUT:
		return sk_memory_skald_put(m, (struct sk_op_skald_put *)op);
	case SK_OP_SKALD_LIST:
		return sk_memory_skald_list(m, (struct sk_op_skald_list *)op);
	case SK_OP_SKALD_REMOVE:
		return sk_memory_skald_remove(m, (struct sk_op_skald_remove *)op);
	case SK_OP_LEAD:
		return sk_memory_lead(m, (struct sk_op_lead *)op);
	case SK_OP_SETTING_GET:
	case SK_OP_SETTING_PUT:
		return sk_memory_setting(m, (struct sk_op_setting *)op);
	case SK_OP_BACKUP:
		return sk_fail(&op->err, SK_EINVAL, "a store in memory has no backup");
	case SK_OP_CHECK:
		((struct sk_op_check *)op)->problems = "";
		return SK_OK;
	}
	return sk_fail(&op->err, SK_EINVAL, "the store knows no operation %d", (int)op->kind);
}

static void
run_queue(void *arg)
{
	struct sk_memory *m = arg;
	struct sk_op_list list = m->queue;
	struct sk_op *op;

	m->queue = (struct sk_op_list){ NULL, NULL };
	while ((op = sk_op_pop(&list)) != NULL) {
		op->err = (struct sk_err){ SK_OK, "" };
		if (m->closing)
			op->code = sk_fail(&op->err, SK_EUNAVAIL, "the store is closed");
		else if (sk_op_late(op))
			op->code = sk_fail(&op->err, SK_ECANCELED, "its time was over before it began");
		else
			op->code = perform(m, op);
		op->done(op);
	}
}

static void
memory_submit(struct sk_store *s, struct sk_op *op)
{
	struct sk_memory *m = (struct sk_memory *)s;

	sk_op_push(&m->queue, op);
	if (m->timer.pos == 0)
		sk_timer_set(m->loop, &m->timer, 0);
}

/* What is submitted by those that are called back is refused. */
static void
memory_close(struct sk_store *s)
{
	struct sk_memory *m = (struct sk_memory *)s;

	run_queue(m);
	m->closing = true;
	while (m->queue.head != NULL)
		run_queue(m);
	sk_timer_clear(m->loop, &m->timer);
	sk_memory_release_rows(m);
	sk_memory_release_skalds(m);
	free(m);
}

struct sk_store *
sk_store_memory_open(struct sk_loop *loop)
{
	static const struct sk_store_ops ops = {
		.name = "memory", .submit = memory_submit, .close = memory_close
	};
	struct sk_memory *m = sk_xcalloc(1, sizeof(*m));

	m->store.ops = &ops;
	m->loop = loop;
	m->timer = (struct sk_timer){ .fn = run_queue, .arg = m };
	return &m->store;
}
