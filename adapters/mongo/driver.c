/* driver.c - the thread that writes: what has queued up is done together.
 *
 *	take what is there
 *	neighbours of one kind become one command: moves, gets, inserts of one task
 *	what may take long goes to the second thread, behind what was before it
 *	a connection that is lost: what is left is refused at once, until a try succeeds
 */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "adapters/mongo/mongo.h"
#include <stdlib.h>
#include <string.h>

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 3000
#define FIND_MS 100 /* a find on this thread; longer ones are done again by the second */
#define FIND_MANY 64 /* rows of a find, ids of a get */

/* ---- away and back ---- */

static void
note(struct sk_mongo *s, bool connected, const struct sk_err *err)
{
	bool changed;

	pthread_mutex_lock(&s->t.lock);
	changed = s->state.connected != connected || (!connected && !s->down);
	s->state.connects += connected;
	s->down = !connected;
	s->state.connected = connected;
	if (changed)
		s->state.since_ms = sk_boot_ms();
	if (!connected)
		snprintf(s->state.error, sizeof(s->state.error), "%s", err->msg);
	pthread_mutex_unlock(&s->t.lock);
	if (changed && connected)
		sk_log(SK_INFO, s->component, "connected to MongoDB");
	else if (changed)
		sk_log(SK_WARNING, s->component, "%s", err->msg);
}

/* 0.75..1.25 of it, so that a fleet does not come back all at once. */
static int64_t
jittered(struct sk_mongo *s, int64_t ms)
{
	uint64_t chance = (uint64_t)sk_mg_token(s) * UINT64_C(6364136223846793005) >> 55;

	return ms * 3 / 4 + ms * (int64_t)chance / 1024; /* 0..511 */
}

static void
away(struct sk_mongo *s, const struct sk_err *err)
{
	sk_mg_disconnect(&s->driver);
	s->retry_ms = sk_boot_ms() + jittered(s, s->pause_ms);
	s->pause_ms = s->pause_ms * 2 < PAUSE_MIN_MS ? PAUSE_MIN_MS
		: s->pause_ms * 2 > PAUSE_MAX_MS		 ? PAUSE_MAX_MS
												 : s->pause_ms * 2;
	note(s, false, err);
}

static bool
try(struct sk_mongo *s)
{
	struct sk_err err = { SK_OK, "" };

	if (sk_mg_connect(&s->driver, &err) == SK_OK && sk_mg_index_ids(&s->driver, &err) != SK_OK &&
		!s->driver.lost) {
		/* the collection is as it is: whatever is wrong with it, check tells */
		sk_log(SK_WARNING, s->component, "the unique index of ids: %s", err.msg);
		err.code = SK_OK;
	}
	if (s->driver.client == NULL || s->driver.lost) {
		away(s, &err);
		return false;
	}
	s->pause_ms = 0;
	note(s, true, NULL);
	return true;
}

/* ---- runs ---- */

static bool
takes_long(const struct sk_op *op)
{
	switch (op->kind) {
	case SK_OP_COUNT:
	case SK_OP_CLASSES:
	case SK_OP_CHECK:
		return true;
	case SK_OP_GET:
		return ((const struct sk_op_get *)op)->n > FIND_MANY;
	case SK_OP_FIND: {
		const struct sk_op_find *find = (const struct sk_op_find *)op;

		return find->limit > FIND_MANY && find->limit <= SK_FIND_MAX;
	}
	default:
		return false;
	}
}

static bool
is_alone(const struct sk_op *op)
{
	return op->kind == SK_OP_INSERT && ((const struct sk_op_insert *)op)->n == 1 &&
		!((const struct sk_op_insert *)op)->dry;
}

/* How many from here on go together. */
static size_t
run_length(const struct sk_mongo *s, size_t from)
{
	const struct sk_op *first = s->batch[from];
	size_t n = from + 1;

	if (first->kind != SK_OP_MOVE && first->kind != SK_OP_GET && !is_alone(first))
		return 1;
	while (n < s->n && s->batch[n]->kind == first->kind && !takes_long(s->batch[n]) &&
		!sk_op_late(s->batch[n]) && (first->kind != SK_OP_INSERT || is_alone(s->batch[n])))
		n++;
	return n - from;
}

static enum sk_code
do_one(struct sk_mg_conn *c, struct sk_op *op, struct sk_err *err)
{
	switch (op->kind) {
	case SK_OP_INSERT:
		return sk_mg_insert(c, (struct sk_op_insert *)op, err);
	case SK_OP_FIND:
		return sk_mg_find_op(c, (struct sk_op_find *)op, FIND_MS, err);
	case SK_OP_REMOVE:
		return sk_mg_remove(c, (struct sk_op_remove *)op, err);
	case SK_OP_ATTEMPTS:
		return sk_mg_attempts(c, (struct sk_op_attempts *)op, err);
	case SK_OP_SKALD_PUT:
		return sk_mg_skald_put(c, (struct sk_op_skald_put *)op, err);
	case SK_OP_SKALD_LIST:
		return sk_mg_skald_list(c, (struct sk_op_skald_list *)op, err);
	case SK_OP_SKALD_REMOVE:
		return sk_mg_skald_remove(c, (struct sk_op_skald_remove *)op, err);
	case SK_OP_LEAD:
		return sk_mg_lead(c, (struct sk_op_lead *)op, err);
	case SK_OP_SETTING_GET:
	case SK_OP_SETTING_PUT:
		return sk_mg_setting(c, (struct sk_op_setting *)op, err);
	case SK_OP_BACKUP:
		return sk_fail(err, SK_EINVAL,
			"a store in MongoDB is not backed up from here: use mongodump, or the snapshots of "
			"its disks");
	default:
		return sk_fail(err, SK_EINVAL, "the store knows no operation %d", (int)op->kind);
	}
}

static void
put_aside(struct sk_mongo *s, struct sk_op *op)
{
	struct sk_op_list one = { NULL, NULL };

	sk_op_push(&one, op);
	sk_store_threads_put_aside(&s->t, &one);
}

static void
run_single(struct sk_mongo *s, struct sk_op *op, struct sk_op_list *done)
{
	struct sk_err err = { SK_OK, "" };
	enum sk_code code;

	if (takes_long(op)) {
		put_aside(s, op);
		return;
	}
	code = do_one(&s->driver, op, &err);
	if (code == SK_EAGAIN) {
		put_aside(s, op);
		return;
	}
	if (code != SK_OK)
		sk_op_answer(op, code, &err);
	sk_op_push(done, op);
}

static void
run_some(struct sk_mongo *s, size_t from, size_t n, struct sk_op_list *done)
{
	struct sk_op *first = s->batch[from];

	if (takes_long(first) ||
		(first->kind != SK_OP_MOVE && first->kind != SK_OP_GET && !is_alone(first))) {
		run_single(s, first, done);
		return;
	}
	if (first->kind == SK_OP_MOVE)
		sk_mg_move_run(&s->driver, &s->batch[from], n);
	else if (first->kind == SK_OP_GET)
		sk_mg_get_run(&s->driver, &s->batch[from], n);
	else
		sk_mg_insert_run(&s->driver, &s->batch[from], n);
	for (size_t i = from; i < from + n; i++)
		sk_op_push(done, s->batch[i]);
}

static void
refuse_from(struct sk_mongo *s, size_t from, struct sk_op_list *done)
{
	struct sk_err err;

	sk_fail(&err, SK_EUNAVAIL, "%s", s->state.error);
	for (; from < s->n; from++) {
		sk_op_answer(s->batch[from], SK_EUNAVAIL, &err);
		sk_op_push(done, s->batch[from]);
	}
}

static void
refuse_late(struct sk_op *op, struct sk_op_list *done)
{
	struct sk_err err;

	sk_fail(&err, SK_ECANCELED, "its time was over before it began");
	sk_op_answer(op, SK_ECANCELED, &err);
	sk_op_push(done, op);
}

/* What was lost may be a single connection: the next try is made at once. */
static void
run_batch(struct sk_mongo *s, struct sk_op_list *done)
{
	size_t at = 0;

	while (at < s->n) {
		size_t n;

		if (s->driver.client == NULL && !try(s)) {
			refuse_from(s, at, done);
			return;
		}
		if (sk_op_late(s->batch[at])) {
			refuse_late(s->batch[at++], done);
			continue;
		}
		n = run_length(s, at);
		run_some(s, at, n, done);
		at += n;
		if (s->driver.lost)
			sk_mg_disconnect(&s->driver);
		sk_mg_deliver(s, done);
	}
}

/* ---- the thread ---- */

/* With the lock held. */
static void
take(struct sk_mongo *s)
{
	struct sk_op *op;

	s->n = 0;
	while (s->n < SK_MG_BATCH_OPS && (op = sk_op_pop(&s->t.queue)) != NULL)
		s->batch[s->n++] = op;
}

/* With the lock held. */
static void
wait_for_work(struct sk_mongo *s)
{
	while (s->t.queue.head == NULL && !s->t.stop) {
		int64_t left = s->retry_ms - sk_boot_ms();

		if (s->down && left <= 0)
			return;
		sk_store_threads_wait(&s->t, &s->t.work, s->down ? left : -1);
	}
}

void *
sk_mg_driver(void *arg)
{
	struct sk_mongo *s = arg;
	struct sk_op_list done = { NULL, NULL };
	bool stop = false;

	(void)try(s);
	while (!stop) {
		bool down;

		pthread_mutex_lock(&s->t.lock);
		wait_for_work(s);
		take(s);
		down = s->down;
		stop = s->t.stop && s->t.queue.head == NULL && s->n == 0;
		pthread_mutex_unlock(&s->t.lock);
		if (down)
			refuse_from(s, 0, &done);
		else
			run_batch(s, &done);
		sk_mg_deliver(s, &done);
		if (down && !stop && sk_boot_ms() >= s->retry_ms)
			(void)try(s);
	}
	return NULL;
}
