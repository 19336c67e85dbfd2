/* aside.c - the second thread: reads that look at much, and what has to be looked after. */
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#define LOOK_MS 10000

static enum sk_code
do_one(struct sk_mg_conn *c, struct sk_op *op, struct sk_err *err)
{
	switch (op->kind) {
	case SK_OP_GET:
		sk_mg_get_run(c, &op, 1);
		return SK_OK;
	case SK_OP_FIND:
		return sk_mg_find_op(c, (struct sk_op_find *)op, 0, err);
	case SK_OP_COUNT:
		return sk_mg_count(c, (struct sk_op_count *)op, err);
	case SK_OP_CLASSES:
		return sk_mg_classes(c, (struct sk_op_classes *)op, err);
	case SK_OP_CHECK:
		return sk_mg_check(c, (struct sk_op_check *)op, err);
	default:
		return sk_fail(err, SK_EINVAL, "the store knows no operation %d", (int)op->kind);
	}
}

static void
answer(struct sk_mongo *s, struct sk_op *op, enum sk_code code, struct sk_err *err)
{
	struct sk_op_list done = { NULL, NULL };

	if (code == SK_EAGAIN) /* its own limit of time */
		code = SK_EUNAVAIL;
	if (code != SK_OK)
		sk_op_answer(op, code, err);
	sk_op_push(&done, op);
	sk_mg_deliver(s, &done);
}

static void
refuse_all(struct sk_mongo *s, const struct sk_err *err)
{
	struct sk_op_list refused;

	pthread_mutex_lock(&s->t.lock);
	refused = s->t.aside;
	s->t.aside = (struct sk_op_list){ NULL, NULL };
	pthread_mutex_unlock(&s->t.lock);
	for (struct sk_op *op = refused.head; op != NULL; op = op->next)
		sk_op_answer(op, SK_EUNAVAIL, err);
	sk_mg_deliver(s, &refused);
}

/* Those behind it are not kept waiting for a server that did not answer now. */
static void
work(struct sk_mongo *s, struct sk_op *op)
{
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = sk_mg_connect(&s->reader, &err);
	bool lost = code != SK_OK;

	if (code == SK_OK)
		code = do_one(&s->reader, op, &err);
	answer(s, op, code, &err);
	if (s->reader.lost)
		sk_mg_disconnect(&s->reader);
	if (lost)
		refuse_all(s, &err);
}

static void
look_after(struct sk_mongo *s)
{
	struct sk_err err = { SK_OK, "" };

	if (sk_mg_connect(&s->reader, &err) != SK_OK)
		return;
	if (!s->indexed && sk_mg_index_rest(&s->reader, &err) == SK_OK)
		s->indexed = true;
	else if (!s->indexed && !s->reader.lost && !s->index_told) {
		sk_log(SK_WARNING, s->component, "an index cannot be made: %s", err.msg);
		s->index_told = true;
	}
	if (!s->reader.lost && sk_mg_sweep(&s->reader, &err) != SK_OK && !s->reader.lost)
		sk_log(SK_WARNING, s->component, "what was left unfinished: %s", err.msg);
	if (s->reader.lost)
		sk_mg_disconnect(&s->reader);
}

/* With the lock held. */
static void
wait_for_work(struct sk_mongo *s, int64_t look_ms)
{
	int64_t left = look_ms - sk_boot_ms();

	if (s->t.aside.head == NULL && !s->t.aside_stop && left > 0)
		sk_store_threads_wait(&s->t, &s->t.aside_work, left);
}

void *
sk_mg_aside(void *arg)
{
	struct sk_mongo *s = arg;
	int64_t look_ms = 0;

	for (;;) {
		struct sk_op *op;
		bool stop, connected;

		pthread_mutex_lock(&s->t.lock);
		wait_for_work(s, look_ms);
		op = sk_op_pop(&s->t.aside);
		stop = s->t.aside_stop;
		connected = s->state.connected;
		pthread_mutex_unlock(&s->t.lock);
		if (op == NULL && stop)
			return NULL;
		if (op != NULL)
			work(s, op);
		if (!stop && sk_boot_ms() >= look_ms) {
			look_ms = sk_boot_ms() + (connected ? LOOK_MS : 500);
			if (connected)
				look_after(s);
		}
	}
}
