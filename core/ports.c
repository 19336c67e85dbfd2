#include "core/ports.h"

struct waiting {
	bool done;
};

static void
waited(struct sk_op *op)
{
	struct waiting *w = op->arg;

	w->done = true;
}

enum sk_code
sk_store_wait(struct sk_store *s, struct sk_loop *loop, struct sk_op *op)
{
	void (*done)(struct sk_op *) = op->done;
	void *arg = op->arg;
	struct waiting w = { false };

	op->done = waited;
	op->arg = &w;
	sk_store_submit(s, op);
	while (!w.done)
		sk_loop_once(loop, -1);
	op->done = done;
	op->arg = arg;
	return op->code;
}
