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

void
sk_op_push(struct sk_op_list *l, struct sk_op *op)
{
	op->next = NULL;
	if (l->tail != NULL)
		l->tail->next = op;
	else
		l->head = op;
	l->tail = op;
}

struct sk_op *
sk_op_pop(struct sk_op_list *l)
{
	struct sk_op *op = l->head;

	if (op == NULL)
		return NULL;
	l->head = op->next;
	if (l->head == NULL)
		l->tail = NULL;
	return op;
}

void
sk_op_append(struct sk_op_list *a, struct sk_op_list *b)
{
	if (b->head == NULL)
		return;
	if (a->tail != NULL)
		a->tail->next = b->head;
	else
		a->head = b->head;
	a->tail = b->tail;
	*b = (struct sk_op_list){ NULL, NULL };
}

void
sk_op_answer(struct sk_op *op, enum sk_code code, const struct sk_err *err)
{
	op->code = code;
	op->err = *err;
	op->err.code = code;
}

static const char *const *
copied_names(struct sk_arena *a, const char *const *from)
{
	const char **to;
	size_t n = 0;

	while (from != NULL && from[n] != NULL)
		n++;
	to = sk_arena_alloc(a, (n + 1) * sizeof(*to));
	for (size_t i = 0; i < n; i++)
		to[i] = sk_arena_strdup(a, from[i]);
	return (const char *const *)to;
}

struct sk_skald *
sk_skald_copy(struct sk_arena *a, const struct sk_skald *s)
{
	struct sk_skald *c = sk_arena_alloc(a, sizeof(*c));

	*c = *s;
	c->id = sk_arena_strdup(a, s->id);
	c->version = sk_arena_strdup(a, s->version != NULL ? s->version : "");
	c->host = sk_arena_strdup(a, s->host != NULL ? s->host : "");
	c->classes = copied_names(a, s->classes);
	c->labels = s->labels != NULL ? sk_value_copy(a, s->labels) : sk_value_new(a, SK_MAP);
	return c;
}
