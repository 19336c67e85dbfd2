/* aside.c - the second thread: reads that look at much of the file, and most of the work of writing
 * the log back. It sees what was committed when it begins, and holds nobody up. */
#include "adapters/sqlite/driver.h"
#include <stdlib.h>

static void
answer(struct sk_sqlite *s, struct sk_op *op, enum sk_code code, const struct sk_err *err)
{
	op->code = code == SK_EAGAIN ? SK_EUNAVAIL : code;
	op->err = *err;
	op->err.code = op->code;
	if (code == SK_EAGAIN)
		sk_fail(&op->err, SK_EUNAVAIL, "the store is closed");
	else
		sk_sq_broken(s, code, err);
}

static void
do_one(struct sk_sqlite *s, struct sk_op *op, const struct sk_sq_counts *counts)
{
	struct sk_op_list done = { NULL, NULL };
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = sk_sq_apply_aside(&s->reader, counts, op, &err);

	if (code != SK_OK)
		answer(s, op, code, &err);
	sk_op_push(&done, op);
	sk_store_threads_deliver(&s->t, &done);
}

static void
refuse(struct sk_sqlite *s, struct sk_op *op)
{
	struct sk_op_list done = { NULL, NULL };

	sk_op_answer(op, SK_EIO, &s->failure);
	sk_op_push(&done, op);
	sk_store_threads_deliver(&s->t, &done);
}

static void
write_back(struct sk_sqlite *s)
{
	struct sk_err err = { SK_OK, "" };
	bool whole;
	enum sk_code code = sk_sq_checkpoint(&s->reader, SQLITE_CHECKPOINT_PASSIVE, &whole, &err);

	if (code != SK_OK && code != SK_EAGAIN && code != SK_ENOSPC)
		sk_sq_broken(s, code, &err);
	pthread_mutex_lock(&s->t.lock);
	s->checkpoint_wanted = false;
	s->checkpoint_made = code == SK_OK;
	pthread_mutex_unlock(&s->t.lock);
}

void *
sk_sq_aside(void *arg)
{
	struct sk_sqlite *s = arg;

	for (;;) {
		struct sk_sq_counts counts;
		struct sk_op *op;
		bool failed, checkpoint;

		pthread_mutex_lock(&s->t.lock);
		while (s->t.aside.head == NULL && !s->checkpoint_wanted && !s->t.aside_stop)
			pthread_cond_wait(&s->t.aside_work, &s->t.lock);
		op = sk_op_pop(&s->t.aside);
		checkpoint = s->checkpoint_wanted && !s->t.aside_stop;
		failed = s->failed;
		counts = s->counts;
		pthread_mutex_unlock(&s->t.lock);
		if (op == NULL && !checkpoint)
			return NULL;
		if (checkpoint && !failed)
			write_back(s);
		if (op != NULL && failed)
			refuse(s, op);
		else if (op != NULL)
			do_one(s, op, &counts);
	}
}
