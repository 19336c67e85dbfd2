/* tasks.c - the operations on tasks, by looking at every one of them. */
#include "adapters/cursor.h"
#include "adapters/memory/memory.h"
#include <stdlib.h>
#include <string.h>

/* ---- insert ---- */

static enum sk_code
obstacle(struct sk_memory *m, struct sk_op_insert *op, size_t i)
{
	const struct sk_record *r = op->records[i];
	struct sk_memory_row *w = sk_memory_row(m, r->id);

	if (w == NULL && !sk_phase_final(r->life.phase))
		w = sk_memory_key(m, r->unique_key);
	if (w == NULL)
		return SK_OK;
	op->found[i] = sk_record_copy(op->op.arena, w->r);
	return SK_ECONFLICT;
}

/* None of them: what was made is undone; of each that comes later it is told what is in its way. */
static enum sk_code
take_back(struct sk_memory *m, struct sk_op_insert *op, size_t bad)
{
	for (size_t i = 0; i < bad; i++) {
		sk_memory_drop(m, sk_memory_row(m, op->records[i]->id));
		op->seqs[i] = 0;
		op->codes[i] = SK_ECANCELED;
	}
	for (size_t i = bad + 1; i < op->n; i++)
		op->codes[i] = obstacle(m, op, i) == SK_OK ? SK_ECANCELED : SK_ECONFLICT;
	return sk_fail(&op->op.err, SK_ECONFLICT, "task %s: there is already a task %s",
		op->records[bad]->id, op->found[bad]->id);
}

enum sk_code
sk_memory_insert(struct sk_memory *m, struct sk_op_insert *op)
{
	op->codes = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->codes));
	op->found = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->found));
	op->seqs = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->seqs));
	for (size_t i = 0; i < op->n; i++) {
		op->codes[i] = obstacle(m, op, i);
		if (op->dry)
			continue;
		if (op->codes[i] == SK_OK)
			op->seqs[i] = sk_memory_add(m, op->records[i])->r->seq;
		else if (!op->each)
			return take_back(m, op, i);
	}
	return SK_OK;
}

/* ---- read ---- */

enum sk_code
sk_memory_get(struct sk_memory *m, struct sk_op_get *op)
{
	op->records = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->records));
	for (size_t i = 0; i < op->n; i++) {
		struct sk_memory_row *w = sk_memory_row(m, op->ids[i]);

		op->records[i] = w != NULL ? sk_record_copy(op->op.arena, w->r) : NULL;
	}
	return SK_OK;
}

struct hit {
	enum sk_order order;
	struct sk_cursor at;
	const struct sk_record *r;
};

static int
by_order(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return sk_cursor_compare(x->order, &x->at, &y->at);
}

static struct sk_record *
copied(const struct sk_op_find *op, const struct sk_record *r)
{
	struct sk_arena *spare = op->thin ? sk_arena_new() : NULL;
	struct sk_record narrow = *r, *copy;

	if (op->thin) {
		narrow.spec = sk_value_new(spare, SK_MAP);
		narrow.result = NULL;
		narrow.result_len = 0;
		narrow.exit.message = "";
	}
	copy = sk_record_copy(op->op.arena, &narrow);
	sk_arena_free(spare);
	return copy;
}

static void
fill_page(struct sk_op_find *op, const struct hit *hits, size_t n)
{
	op->n = n < op->limit ? n : op->limit;
	op->records = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->records));
	for (size_t i = 0; i < op->n; i++)
		op->records[i] = copied(op, hits[i].r);
	op->next = n > op->n ? sk_cursor_text(op->op.arena, op->order, &hits[op->n - 1].at) : NULL;
}

enum sk_code
sk_memory_find(struct sk_memory *m, struct sk_op_find *op)
{
	struct sk_cursor from;
	struct hit *hits;
	size_t n = 0, skip;
	bool given;

	if (op->limit < 1 || op->limit > SK_FIND_MAX)
		return sk_fail(&op->op.err, SK_EINVAL, "a page has 1 to %d tasks", SK_FIND_MAX);
	if (!sk_cursor_start(op, &from, &given))
		return sk_fail(&op->op.err, SK_EINVAL, "the cursor is none of this order");
	if (!sk_cursor_may_skip(op))
		return sk_fail(&op->op.err, SK_EINVAL, SK_CURSOR_NO_SKIP);
	hits = sk_xreallocarray(NULL, m->n + 1, sizeof(*hits));
	for (size_t i = 0; i < m->n; i++) {
		const struct sk_record *r = m->rows[i]->r;

		if (r == NULL || !sk_filter_match(&op->filter, r))
			continue;
		hits[n] = (struct hit){ op->order, { sk_cursor_key(op->order, r), r->seq }, r };
		if (!given || sk_cursor_compare(op->order, &hits[n].at, &from) > 0)
			n++;
	}
	qsort(hits, n, sizeof(*hits), by_order);
	skip = op->skip < n ? op->skip : n;
	fill_page(op, hits + skip, n - skip);
	free(hits);
	return SK_OK;
}

enum sk_code
sk_memory_count(struct sk_memory *m, struct sk_op_count *op)
{
	memset(op->by_phase, 0, sizeof(op->by_phase));
	op->oldest_waiting_ms = 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct sk_record *r = m->rows[i]->r;

		if (r == NULL || !sk_filter_match(&op->filter, r))
			continue;
		op->by_phase[r->life.phase]++;
		if (r->life.phase == SK_CREATED &&
			(op->oldest_waiting_ms == 0 || r->create_ms < op->oldest_waiting_ms))
			op->oldest_waiting_ms = r->create_ms;
	}
	return SK_OK;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum sk_code
sk_memory_classes(struct sk_memory *m, struct sk_op_classes *op)
{
	op->names = sk_arena_alloc(op->op.arena, (m->n + 1) * sizeof(*op->names));
	op->n = 0;
	for (size_t i = 0; i < m->n; i++) {
		size_t k = 0;

		if (m->rows[i]->r == NULL)
			continue;
		while (k < op->n && strcmp(op->names[k], m->rows[i]->r->class_name) != 0)
			k++;
		if (k == op->n)
			op->names[op->n++] = sk_arena_strdup(op->op.arena, m->rows[i]->r->class_name);
	}
	qsort(op->names, op->n, sizeof(*op->names), by_text);
	return SK_OK;
}

/* ---- change ---- */

static bool
as_expected(const struct sk_record *r, const struct sk_move *v)
{
	return (v->seq == 0 || v->seq == r->seq) && r->life.attempt == v->expect_attempt &&
		r->life.phase == v->expect_phase && (!v->expect_wanted || r->life.wanted == v->wanted) &&
		!(r->disputed && r->status == SK_CANCELLED && sk_move_runs(v));
}

/* Does it come back to life while another has its key? */
static bool
key_taken(struct sk_memory *m, const struct sk_record *r, const struct sk_move *v)
{
	return sk_phase_final(r->life.phase) && (v->set & SK_SET_LIFE) &&
		!sk_phase_final(v->to->life.phase) && sk_memory_key(m, r->unique_key) != NULL;
}

static enum sk_code
move_one(struct sk_memory *m, const struct sk_move *v)
{
	struct sk_memory_row *w = sk_memory_row(m, v->id);

	if (w == NULL)
		return SK_ENOENT;
	if (!as_expected(w->r, v) || key_taken(m, w->r, v))
		return SK_ECONFLICT;
	sk_patch_apply(w->r, v->set, v->to);
	sk_memory_settle(w, v->ended);
	return SK_OK;
}

enum sk_code
sk_memory_move(struct sk_memory *m, struct sk_op_move *op)
{
	for (size_t i = 0; i < op->n; i++)
		op->moves[i].code = move_one(m, &op->moves[i]);
	return SK_OK;
}

enum sk_code
sk_memory_remove(struct sk_memory *m, struct sk_op_remove *op)
{
	op->codes = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->codes));
	for (size_t i = 0; i < op->n; i++) {
		struct sk_memory_row *w = sk_memory_row(m, op->ids[i]);

		op->codes[i] = w == NULL				? SK_ENOENT
			: !sk_phase_final(w->r->life.phase) ? SK_ECONFLICT
												: SK_OK;
		if (op->codes[i] != SK_OK)
			continue;
		for (size_t k = 0; w->r->array_size > 0 && k < m->n; k++)
			if (m->rows[k]->r != NULL && strcmp(m->rows[k]->r->array_parent, op->ids[i]) == 0)
				sk_memory_drop(m, m->rows[k]);
		sk_memory_drop(m, w);
	}
	return SK_OK;
}

static struct sk_attempt
copied_attempt(struct sk_arena *a, const struct sk_attempt *from)
{
	struct sk_attempt to = *from;

	to.executor = sk_arena_strdup(a, from->executor);
	to.exit.message = sk_arena_strdup(a, from->exit.message);
	if (from->tail != NULL) {
		char *tail = sk_arena_alloc(a, from->tail_len + 1);

		memcpy(tail, from->tail, from->tail_len);
		to.tail = tail;
	}
	return to;
}

enum sk_code
sk_memory_attempts(struct sk_memory *m, struct sk_op_attempts *op)
{
	struct sk_memory_row *w = sk_memory_row(m, op->id);
	size_t n = 0;

	if (w == NULL)
		return sk_fail(&op->op.err, SK_ENOENT, "there is no task %s", op->id);
	for (struct sk_memory_attempt *k = w->attempts; k != NULL; k = k->next)
		n++;
	op->attempts = sk_arena_alloc(op->op.arena, (n + 1) * sizeof(*op->attempts));
	op->n = 0;
	for (struct sk_memory_attempt *k = w->attempts; k != NULL; k = k->next)
		op->attempts[op->n++] = copied_attempt(op->op.arena, &k->a);
	return SK_OK;
}
