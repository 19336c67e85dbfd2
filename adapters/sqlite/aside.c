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

/* ---- the columns ---- */

/* What was written down is followed before the rows are read: what was committed before the
 * operation was submitted is seen, and the columns are never newer than the rows. *kept false: they
 * are not to be had. */
static enum sk_code
follow(struct sk_sqlite *s, bool *kept, struct sk_err *err)
{
	enum sk_sq_keeping keeping;
	struct sk_str changes;
	enum sk_code code = SK_OK;

	pthread_mutex_lock(&s->t.lock);
	keeping = s->keeping;
	changes = s->changes;
	s->changes = (struct sk_str)SK_STR_INIT;
	if (keeping == SK_SQ_KEEP_ANEW)
		s->keeping = SK_SQ_KEPT; /* a failure of this is the end of the store */
	pthread_mutex_unlock(&s->t.lock);
	*kept = keeping != SK_SQ_KEEP_NONE;
	if (keeping == SK_SQ_KEEP_ANEW || (*kept && sk_sq_columns_worn(&s->columns)))
		code = sk_sq_columns_make(&s->columns, &s->reader, err);
	if (*kept && code == SK_OK)
		sk_sq_columns_follow(&s->columns, sk_str_text(&changes), changes.len);
	sk_str_release(&changes);
	return code;
}

/* ---- operations ---- */

static void
do_one(struct sk_sqlite *s, struct sk_op *op, const struct sk_sq_counts *counts)
{
	struct sk_op_list done = { NULL, NULL };
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = SK_OK;
	bool kept = false;

	if (op->code == SK_SQ_WANTS_COLUMNS)
		code = follow(s, &kept, &err);
	op->code = SK_OK;
	if (code == SK_OK)
		code = sk_sq_apply_aside(&s->reader, counts, kept ? &s->columns : NULL, op, &err);
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

/* With the lock held: nobody has asked by them for a long time. */
static bool
unused(const struct sk_sqlite *s)
{
	return s->keeping == SK_SQ_KEEP_NONE && s->columns.made;
}

void *
sk_sq_aside(void *arg)
{
	struct sk_sqlite *s = arg;

	for (;;) {
		struct sk_sq_counts counts;
		struct sk_op *op;
		bool failed, checkpoint, stop, drop;

		pthread_mutex_lock(&s->t.lock);
		while (s->t.aside.head == NULL && !s->checkpoint_wanted && !s->t.aside_stop && !unused(s))
			pthread_cond_wait(&s->t.aside_work, &s->t.lock);
		drop = unused(s);
		op = sk_op_pop(&s->t.aside);
		stop = s->t.aside_stop;
		checkpoint = s->checkpoint_wanted && !stop;
		failed = s->failed;
		counts = s->counts;
		pthread_mutex_unlock(&s->t.lock);
		if (drop)
			sk_sq_columns_release(&s->columns);
		if (op == NULL && !checkpoint && stop)
			return NULL;
		if (checkpoint && !failed)
			write_back(s);
		if (op != NULL && failed)
			refuse(s, op);
		else if (op != NULL)
			do_one(s, op, &counts);
	}
}
