/* aside.c - the threads beside the driver: reads that look at much, several side by side; and, on
 * the first of them, what has to be looked after. */
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <string.h>

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

/* ---- who asks the same ---- */

static bool
same_count(const struct sk_op_count *one, const struct sk_op_count *other)
{
	return (other->numbers_only || !one->numbers_only) &&
		sk_filter_same(&one->filter, &other->filter);
}

static bool
same_find(const struct sk_op_find *one, const struct sk_op_find *other)
{
	const char *a = one->after != NULL ? one->after : "",
			   *b = other->after != NULL ? other->after : "";

	return one->order == other->order && one->limit == other->limit && one->skip == other->skip &&
		one->thin == other->thin && one->behind == NULL && other->behind == NULL &&
		strcmp(a, b) == 0 && sk_filter_same(&one->filter, &other->filter);
}

static bool
same(const struct sk_op *one, const struct sk_op *other)
{
	if (one->kind != other->kind)
		return false;
	if (one->kind == SK_OP_COUNT)
		return same_count((const struct sk_op_count *)one, (const struct sk_op_count *)other);
	return one->kind == SK_OP_FIND &&
		same_find((const struct sk_op_find *)one, (const struct sk_op_find *)other);
}

/* Those that wait and ask the same are answered by the one that is read now, which sees all that
 * was submitted before any of them: many people look at the same numbers and lists. */
static void
take_same(struct sk_mongo *s, const struct sk_op *op, struct sk_op_list *alike)
{
	struct sk_op_list rest = { NULL, NULL };
	struct sk_op *next;

	pthread_mutex_lock(&s->t.lock);
	while ((next = sk_op_pop(&s->t.aside)) != NULL)
		sk_op_push(same(op, next) ? alike : &rest, next);
	s->t.aside = rest;
	pthread_mutex_unlock(&s->t.lock);
}

static void
share_page(const struct sk_op_find *one, struct sk_op_find *other)
{
	struct sk_arena *a = other->op.arena;

	other->records = sk_arena_alloc(a, (one->n + 1) * sizeof(struct sk_record *));
	for (size_t i = 0; i < one->n; i++)
		other->records[i] = sk_record_copy(a, one->records[i]);
	other->n = one->n;
	other->next = one->next != NULL ? sk_arena_strdup(a, one->next) : NULL;
}

static void
share(const struct sk_op *one, struct sk_op *other)
{
	if (one->code != SK_OK)
		sk_op_answer(other, one->code, &one->err);
	else if (one->kind == SK_OP_FIND)
		share_page((const struct sk_op_find *)one, (struct sk_op_find *)other);
	else {
		const struct sk_op_count *counted = (const struct sk_op_count *)one;
		struct sk_op_count *count = (struct sk_op_count *)other;

		memcpy(count->by_phase, counted->by_phase, sizeof(count->by_phase));
		count->oldest_waiting_ms = counted->oldest_waiting_ms;
	}
}

/* ---- answers ---- */

static void
answer(struct sk_mongo *s, struct sk_op *op, enum sk_code code, struct sk_err *err,
	struct sk_op_list *alike)
{
	struct sk_op_list done = { NULL, NULL };

	if (code == SK_EAGAIN) /* its own limit of time */
		code = SK_EUNAVAIL;
	if (code != SK_OK)
		sk_op_answer(op, code, err);
	for (struct sk_op *other = alike->head; other != NULL; other = other->next)
		share(op, other);
	sk_op_push(&done, op);
	sk_op_append(&done, alike);
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
work(struct sk_mg_conn *c, struct sk_op *op)
{
	struct sk_mongo *s = c->s;
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = sk_mg_connect(c, &err);
	struct sk_op_list alike = { NULL, NULL };
	bool lost = code != SK_OK;

	if (code == SK_OK)
		take_same(s, op, &alike);
	if (code == SK_OK)
		code = do_one(c, op, &err);
	answer(s, op, code, &err, &alike);
	if (c->lost)
		sk_mg_disconnect(c);
	if (lost)
		refuse_all(s, &err);
}

static void
look_after(struct sk_mg_conn *c)
{
	struct sk_mongo *s = c->s;
	struct sk_err err = { SK_OK, "" };

	if (sk_mg_connect(c, &err) != SK_OK)
		return;
	if (!s->indexed && sk_mg_index_rest(c, &err) == SK_OK)
		s->indexed = true;
	else if (!s->indexed && !c->lost && !s->index_told) {
		sk_log(SK_WARNING, s->component, "an index cannot be made: %s", err.msg);
		s->index_told = true;
	}
	if (!c->lost && sk_mg_sweep(c, &err) != SK_OK && !c->lost)
		sk_log(SK_WARNING, s->component, "what was left unfinished: %s", err.msg);
	if (c->lost)
		sk_mg_disconnect(c);
}

/* With the lock held. Only the first thread has something to look after. */
static void
wait_for_work(struct sk_mongo *s, int64_t look_ms)
{
	int64_t left = look_ms - sk_boot_ms();

	if (s->t.aside.head == NULL && !s->t.aside_stop && left > 0)
		sk_store_threads_wait(&s->t, &s->t.aside_work, look_ms < INT64_MAX ? left : -1);
}

void *
sk_mg_aside(void *arg)
{
	struct sk_mongo *s = arg;
	struct sk_mg_conn *c;
	int64_t look_ms;

	pthread_mutex_lock(&s->t.lock);
	c = &s->readers[s->t.n_began++];
	pthread_mutex_unlock(&s->t.lock);
	look_ms = c == s->readers ? 0 : INT64_MAX;
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
			work(c, op);
		if (!stop && sk_boot_ms() >= look_ms) {
			look_ms = sk_boot_ms() + (connected ? LOOK_MS : 500);
			if (connected)
				look_after(c);
		}
	}
}
