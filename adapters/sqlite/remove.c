/* remove.c - tasks that are final leave, with all that belongs to them. */
#include "adapters/sqlite/sqlite.h"
#include <string.h>

#define UNDONE SK_EAGAIN /* in codes, until a task's turn has come */

void
sk_sq_remove_init(struct sk_op_remove *op)
{
	op->codes = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->codes));
	for (size_t i = 0; i < op->n; i++)
		op->codes[i] = UNDONE;
}

static enum sk_code
run_for(struct sk_sq *q, const char *literal, uint64_t seq, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(&q->db, literal);

	sk_sq_int(&u, sk_sq_seq(seq));
	return sk_sq_run(&u, err);
}

/* Its labels and dependencies are found by its spec. */
static enum sk_code
remove_links(struct sk_sq *q, uint64_t seq, struct sk_err *err)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record *r;
	enum sk_code code = sk_sq_read_seq(&q->db, seq, SK_SQ_WHOLE, a, &r, err);

	if (code == SK_OK && r != NULL)
		code = sk_sq_drop_links(q, seq, r->spec, err);
	sk_arena_free(a);
	return code;
}

static enum sk_code
remove_row(struct sk_sq *q, uint64_t seq, enum sk_phase phase, struct sk_err *err)
{
	enum sk_code code = remove_links(q, seq, err);

	if (code == SK_OK && !sk_phase_final(phase))
		code = sk_sq_drop_key(q, seq, err); /* elements of a parent that is final */
	if (code == SK_OK)
		code = run_for(q, "DELETE FROM attempt WHERE seq = ?", seq, err);
	if (code == SK_OK && q->has_results)
		code = run_for(q, "DELETE FROM result WHERE seq = ?", seq, err);
	if (code == SK_OK && q->has_specs)
		code = run_for(q, "DELETE FROM spec WHERE seq = ?", seq, err);
	if (code == SK_OK)
		code = run_for(q, "DELETE FROM task WHERE seq = ?", seq, err);
	if (code == SK_OK) {
		q->delta.n[phase][sk_sq_is_element(seq)]--;
		sk_sq_changes_remove(&q->changes, seq);
	}
	return code;
}

static enum sk_code
next_element(
	struct sk_sq *q, const char *parent, uint64_t *seq, enum sk_phase *phase, struct sk_err *err)
{
	struct sk_sq_use u =
		sk_sq_fixed(&q->db, "SELECT seq, phase FROM task WHERE parent = ? LIMIT 1");
	enum sk_code code;
	bool row;

	sk_sq_text(&u, parent);
	code = sk_sq_row(&u, &row, err);
	*seq = 0;
	if (code == SK_OK && row) {
		*seq = (uint64_t)sqlite3_column_int64(u.st, 0);
		*phase = (enum sk_phase)(sqlite3_column_int(u.st, 1) % SK_N_PHASE);
	}
	sk_sq_done(&u);
	return code;
}

/* The elements first: a crash in between leaves the parent, and removing it again does the rest. */
static enum sk_code
remove_elements(struct sk_sq *q, const char *parent, size_t *room, bool *left, struct sk_err *err)
{
	enum sk_phase phase = SK_CREATED;
	enum sk_code code = SK_OK;
	uint64_t seq = 0;

	do {
		if (*room == 0) {
			*left = true;
			return SK_OK;
		}
		code = next_element(q, parent, &seq, &phase, err);
		if (code == SK_OK && seq != 0)
			code = remove_row(q, seq, phase, err);
		--*room;
	} while (code == SK_OK && seq != 0);
	return code;
}

struct target {
	uint64_t seq;
	enum sk_phase phase;
	bool is_array;
};

static enum sk_code
look_up(struct sk_sq *q, const char *id, struct target *t, struct sk_err *err)
{
	struct sk_sq_use u =
		sk_sq_fixed(&q->db, "SELECT seq, phase, array_size > 0 FROM task WHERE id = ?");
	enum sk_code code;
	bool row;

	sk_sq_text(&u, id);
	code = sk_sq_row(&u, &row, err);
	*t = (struct target){ 0, SK_CREATED, false };
	if (code == SK_OK && row)
		*t = (struct target){ (uint64_t)sqlite3_column_int64(u.st, 0),
			(enum sk_phase)(sqlite3_column_int(u.st, 1) % SK_N_PHASE),
			sqlite3_column_int(u.st, 2) != 0 };
	sk_sq_done(&u);
	return code;
}

static enum sk_code
remove_one(struct sk_sq *q, struct sk_op_remove *op, size_t i, size_t *room, bool *left,
	struct sk_err *err)
{
	struct target t;
	enum sk_code code = look_up(q, op->ids[i], &t, err);

	if (code != SK_OK)
		return code;
	if (t.seq == 0 || !sk_phase_final(t.phase)) {
		op->codes[i] = t.seq == 0 ? SK_ENOENT : SK_ECONFLICT;
		return SK_OK;
	}
	if (t.is_array)
		code = remove_elements(q, op->ids[i], room, left, err);
	if (code != SK_OK || *left)
		return code;
	code = remove_row(q, t.seq, t.phase, err);
	*room -= *room > 0;
	op->codes[i] = SK_OK;
	return code;
}

/* A seq that was the highest is not given again. */
static enum sk_code
keep_count(struct sk_sq *q, struct sk_err *err)
{
	struct sk_sq_use u =
		sk_sq_fixed(&q->db, "UPDATE counter SET value = ? WHERE name = 'accepted'");

	sk_sq_int(&u, (int64_t)q->accepted);
	return sk_sq_run(&u, err);
}

enum sk_code
sk_sq_remove(struct sk_sq *q, struct sk_op_remove *op, size_t max, bool *left, struct sk_err *err)
{
	enum sk_code code = sk_sq_begin(q, err);
	size_t room = max;

	*left = false;
	if (code == SK_OK)
		code = keep_count(q, err);
	for (size_t i = 0; i < op->n && code == SK_OK && !*left; i++) {
		if (op->codes[i] != UNDONE)
			continue;
		*left = room == 0;
		if (!*left)
			code = remove_one(q, op, i, &room, left, err);
	}
	return code;
}
