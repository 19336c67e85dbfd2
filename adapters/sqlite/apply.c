/* apply.c - transactions, and which function does an operation. */
#include "adapters/sqlite/sqlite.h"
#include "core/base/log.h"
#include <string.h>

/* ---- what is kept in memory ---- */

static enum sk_code
load_counts(struct sk_sq *q, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(
		&q->db, "SELECT place, count(*) FROM task INDEXED BY task_place GROUP BY place");
	enum sk_code code;
	bool row;

	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row) {
		int64_t place = sqlite3_column_int64(u.st, 0), n = sqlite3_column_int64(u.st, 1);
		bool element = place >= SK_SQ_N_PLACE;
		int64_t phase = place - (element ? SK_SQ_N_PLACE : 0) - SK_SQ_PHASE_PLACE;

		if (phase < SK_N_PHASE)
			q->total.n[phase > 0 ? phase : SK_CREATED][element] += n;
	}
	return code;
}

static enum sk_code
load_number(struct sk_sq *q, const char *literal, uint64_t *n, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(&q->db, literal);
	enum sk_code code;
	bool row;

	code = sk_sq_row(&u, &row, err);
	if (code == SK_OK && row && (uint64_t)sqlite3_column_int64(u.st, 0) > *n)
		*n = (uint64_t)sqlite3_column_int64(u.st, 0);
	sk_sq_done(&u);
	return code;
}

static enum sk_code
load_has(struct sk_sq *q, const char *literal, bool *has, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(&q->db, literal);
	enum sk_code code = sk_sq_row(&u, has, err);

	sk_sq_done(&u);
	return code;
}

enum sk_code
sk_sq_load(struct sk_sq *q, struct sk_err *err)
{
	memset(&q->total, 0, sizeof(q->total));
	if (load_counts(q, err) != SK_OK ||
		load_number(q, "SELECT value FROM counter WHERE name = 'accepted'", &q->accepted, err) !=
			SK_OK ||
		load_number(q, "SELECT max(seq) >> 1 FROM task", &q->accepted, err) != SK_OK ||
		load_has(q, "SELECT 1 FROM unique_key LIMIT 1", &q->has_keys, err) != SK_OK ||
		load_has(q, "SELECT 1 FROM result LIMIT 1", &q->has_results, err) != SK_OK ||
		load_has(q, "SELECT 1 FROM spec LIMIT 1", &q->has_specs, err) != SK_OK)
		return err->code;
	return SK_OK;
}

void
sk_sq_release(struct sk_sq *q)
{
	sk_sq_db_close(&q->db);
	sk_str_release(&q->spec);
	sk_str_release(&q->changes.bytes);
}

/* ---- transactions ---- */

static enum sk_code
begin(struct sk_sq *q, const char *literal, struct sk_err *err)
{
	struct sk_sq_use u;
	enum sk_code code;

	if (q->in_tx)
		return SK_OK;
	u = sk_sq_fixed(&q->db, literal);
	code = sk_sq_run(&u, err);
	q->in_tx = code == SK_OK;
	return code;
}

enum sk_code
sk_sq_begin(struct sk_sq *q, struct sk_err *err)
{
	return begin(q, "BEGIN IMMEDIATE", err);
}

enum sk_code
sk_sq_begin_reading(struct sk_sq *q, struct sk_err *err)
{
	return begin(q, "BEGIN", err);
}

static void
add_delta(struct sk_sq *q)
{
	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		for (unsigned element = 0; element < 2; element++)
			q->total.n[phase][element] += q->delta.n[phase][element];
	memset(&q->delta, 0, sizeof(q->delta));
}

enum sk_code
sk_sq_commit(struct sk_sq *q, struct sk_err *err)
{
	struct sk_sq_use u;
	enum sk_code code;

	if (!q->in_tx)
		return SK_OK;
	u = sk_sq_fixed(&q->db, "COMMIT");
	code = sk_sq_run(&u, err);
	if (code != SK_OK)
		return code;
	q->in_tx = false;
	q->changes.committed = q->changes.bytes.len;
	add_delta(q);
	return SK_OK;
}

/* Some errors have rolled back already. If this fails, the next BEGIN does too: that is the end. */
void
sk_sq_rollback(struct sk_sq *q)
{
	struct sk_err err;

	if (!sqlite3_get_autocommit(q->db.h) && sk_sq_script(&q->db, "ROLLBACK", &err) != SK_OK)
		sk_log(SK_ERROR, "store", "rolling back: %s", err.msg);
	q->in_tx = false;
	sk_sq_changes_take_back(&q->changes, q->changes.committed);
	memset(&q->delta, 0, sizeof(q->delta));
}

/* ---- operations ---- */

/* The open transaction counts too. */
static struct sk_sq_counts
counts_now(const struct sk_sq *q)
{
	struct sk_sq_counts c = q->total;

	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		for (unsigned element = 0; element < 2; element++)
			c.n[phase][element] += q->delta.n[phase][element];
	return c;
}

static enum sk_code
query(struct sk_sq_db *db, const struct sk_sq_help *help, struct sk_op *op, struct sk_err *err)
{
	if (op->kind == SK_OP_GET)
		return sk_sq_get(db, (struct sk_op_get *)op, err);
	if (op->kind == SK_OP_FIND)
		return sk_sq_find(db, help, (struct sk_op_find *)op, err);
	if (op->kind == SK_OP_COUNT)
		return sk_sq_count(db, help, (struct sk_op_count *)op, err);
	if (op->kind == SK_OP_CLASSES)
		return sk_sq_classes(db, help, (struct sk_op_classes *)op, err);
	return sk_sq_check(db, (struct sk_op_check *)op, err);
}

static bool
columns_know(const struct sk_op *op)
{
	if (op->kind == SK_OP_FIND) {
		const struct sk_op_find *find = (const struct sk_op_find *)op;

		return sk_sq_columns_know(&find->filter, find->order);
	}
	if (op->kind == SK_OP_COUNT)
		return sk_sq_columns_know(&((const struct sk_op_count *)op)->filter, SK_NEWEST_FIRST);
	return op->kind == SK_OP_CLASSES;
}

/* So few tasks are in these states that they can all be looked at. */
static bool
few(const struct sk_filter *f, const struct sk_sq_counts *counts)
{
	int64_t n = 0;

	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		if (f->phases == 0 || (f->phases >> phase & 1u) != 0)
			n += counts->n[phase][0] + (f->no_elements ? 0 : counts->n[phase][1]);
	return n <= SK_SQ_MANY;
}

/* They are kept, and it is known that the file's indexes are no good for this one. */
static bool
columns_at_once(const struct sk_sq *q, const struct sk_sq_counts *counts, const struct sk_op *op)
{
	const struct sk_op_find *find = (const struct sk_op_find *)op;
	const struct sk_op_count *count = (const struct sk_op_count *)op;

	if (q->by_columns)
		return columns_know(op);
	if (!q->changes.on)
		return false;
	if (op->kind == SK_OP_FIND)
		return (find->skip > 0 || sk_sq_columns_better(&find->filter, find->order)) &&
			!few(&find->filter, counts);
	if (op->kind == SK_OP_COUNT)
		return columns_know(op) && !sk_sq_counts_know(&count->filter) &&
			!few(&count->filter, counts);
	return op->kind == SK_OP_CLASSES;
}

/* What may take long is tried for a short time. */
static enum sk_code
query_briefly(struct sk_sq *q, struct sk_op *op, enum sk_sq_route *route, struct sk_err *err)
{
	struct sk_sq_counts counts = counts_now(q);
	const struct sk_sq_help help = { .counts = &counts };
	enum sk_code code = SK_EAGAIN;

	q->db.limited = true;
	q->db.budget = columns_at_once(q, &counts, op) ? -1 : SK_SQ_BUDGET;
	if (q->db.budget > 0)
		code = query(&q->db, &help, op, err);
	q->db.limited = false;
	if (code != SK_EAGAIN)
		return code;
	*route = q->db.budget < 0 && columns_know(op) ? SK_SQ_BY_COLUMNS : SK_SQ_ASIDE;
	return SK_OK;
}

static enum sk_code
remove_some(struct sk_sq *q, struct sk_op_remove *op, enum sk_sq_route *route, struct sk_err *err)
{
	bool left;
	enum sk_code code;

	sk_sq_remove_init(op);
	code = sk_sq_remove(q, op, SK_SQ_REMOVE_ROWS, &left, err);

	if (code == SK_OK && left)
		*route = SK_SQ_STEPS;
	return code;
}

static enum sk_code
apply(struct sk_sq *q, struct sk_op *op, enum sk_sq_route *route, struct sk_err *err)
{
	switch (op->kind) {
	case SK_OP_INSERT:
		return sk_sq_insert(q, (struct sk_op_insert *)op, err);
	case SK_OP_GET:
		if (((struct sk_op_get *)op)->n <= SK_SQ_MANY)
			return sk_sq_get(&q->db, (struct sk_op_get *)op, err);
		*route = SK_SQ_ASIDE;
		return SK_OK;
	case SK_OP_FIND:
	case SK_OP_COUNT:
	case SK_OP_CLASSES:
		return query_briefly(q, op, route, err);
	case SK_OP_CHECK:
		*route = SK_SQ_ASIDE;
		return SK_OK;
	case SK_OP_MOVE:
		return sk_sq_move(q, (struct sk_op_move *)op, err);
	case SK_OP_REMOVE:
		return remove_some(q, (struct sk_op_remove *)op, route, err);
	case SK_OP_ATTEMPTS:
		return sk_sq_attempts(&q->db, (struct sk_op_attempts *)op, err);
	case SK_OP_SKALD_PUT:
		return sk_sq_skald_put(q, (struct sk_op_skald_put *)op, err);
	case SK_OP_SKALD_LIST:
		return sk_sq_skald_list(&q->db, (struct sk_op_skald_list *)op, err);
	case SK_OP_SKALD_REMOVE:
		return sk_sq_skald_remove(q, (struct sk_op_skald_remove *)op, err);
	case SK_OP_LEAD:
		return sk_sq_lead(q, (struct sk_op_lead *)op, err);
	case SK_OP_SETTING_GET:
	case SK_OP_SETTING_PUT:
		return sk_sq_setting(q, (struct sk_op_setting *)op, err);
	case SK_OP_BACKUP:
		*route = SK_SQ_STEPS;
		return SK_OK;
	}
	op->code = sk_fail(&op->err, SK_EINVAL, "the store knows no operation %d", (int)op->kind);
	return SK_OK;
}

enum sk_code
sk_sq_apply(struct sk_sq *q, struct sk_op *op, enum sk_sq_route *route, struct sk_err *err)
{
	op->code = SK_OK;
	op->err.code = SK_OK;
	op->err.msg[0] = '\0';
	*route = SK_SQ_DONE;
	if (sk_op_late(op)) {
		op->code = sk_fail(&op->err, SK_ECANCELED, "its time was over before it began");
		return SK_OK;
	}
	return apply(q, op, route, err);
}

enum sk_code
sk_sq_apply_aside(struct sk_sq_db *db, const struct sk_sq_counts *counts,
	const struct sk_sq_columns *columns, struct sk_op *op, struct sk_err *err)
{
	const struct sk_sq_help help = { .counts = counts, .columns = columns, .patient = true };
	struct sk_sq_use u = sk_sq_fixed(db, "BEGIN");
	struct sk_err ignored;
	enum sk_code code = sk_sq_run(&u, err);

	if (code == SK_OK)
		code = query(db, &help, op, err);
	u = sk_sq_fixed(db, "COMMIT"); /* nothing was written: its failure tells nothing */
	if (!sqlite3_get_autocommit(db->h) && sk_sq_run(&u, &ignored) != SK_OK)
		return code;
	return code;
}

enum sk_code
sk_sq_get(struct sk_sq_db *db, struct sk_op_get *op, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	op->records = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->records));
	for (size_t i = 0; i < op->n && code == SK_OK; i++)
		code = sk_sq_read_id(db, op->ids[i], op->op.arena, &op->records[i], err);
	return code;
}
