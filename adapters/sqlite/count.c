/* count.c - how many tasks, and the class names. */
#include "adapters/sqlite/query.h"
#include <stdlib.h>
#include <string.h>

/* Rows that are looked at to find the oldest task that waits. */
#define LOOK 2000

struct counting {
	struct sk_sq_db *db;
	const struct sk_filter *f;
	struct sk_sq_query q;
};

static bool
created_passes(const struct sk_filter *f)
{
	return f->phases == 0 || (f->phases & 1u << SK_CREATED) != 0;
}

/* ---- by phase and element alone: the counts are kept ---- */

bool
sk_sq_counts_know(const struct sk_filter *f)
{
	return f->gates == 0 && !f->wanted_run && !sk_sq_given(f->class_name) &&
		!sk_sq_given(f->executor) && !sk_sq_given(f->label) && !sk_sq_given(f->id_part) &&
		!sk_sq_given(f->class_part) && !sk_sq_given(f->parent) && !sk_sq_given(f->depends_on) &&
		!f->arrays && f->created_after == 0 && f->created_before == 0 && f->updated_after == 0 &&
		f->due_before == 0 && f->finished_before == 0;
}

static void
from_counts(const struct sk_sq_counts *counts, struct sk_op_count *op)
{
	const struct sk_filter *f = &op->filter;

	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		if (f->phases == 0 || (f->phases >> phase & 1u) != 0)
			op->by_phase[phase] = counts->n[phase][0] + (f->no_elements ? 0 : counts->n[phase][1]);
}

static enum sk_code
older(struct sk_sq_use *u, int64_t *oldest, bool stop_at_rank, struct sk_err *err)
{
	enum sk_code code = SK_OK;
	bool row = true;

	while (code == SK_OK && (code = sk_sq_row(u, &row, err)) == SK_OK && row) {
		int64_t created = sqlite3_column_int64(u->st, 0);

		if (stop_at_rank && *oldest != 0 && sqlite3_column_int64(u->st, 1) >= *oldest)
			break;
		if (*oldest == 0 || created < *oldest)
			*oldest = created;
	}
	sk_sq_done(u);
	return code;
}

/* No task was created after its rank says: behind a rank above the oldest there is no older one.
 * The first of them are looked at; among very many tasks of mixed priorities or with a time to
 * wait for, an older one may be missed. */
static enum sk_code
oldest_in(struct sk_sq_db *db, unsigned element, int64_t *oldest, struct sk_err *err)
{
	int64_t first = element ? SK_SQ_N_PLACE : 0;
	struct sk_sq_use u =
		sk_sq_fixed(db, "SELECT key FROM task WHERE place = ? ORDER BY key LIMIT 1");
	enum sk_code code;

	sk_sq_int(&u, first + SK_SQ_HELD);
	code = older(&u, oldest, false, err);
	if (code != SK_OK)
		return code;
	u = sk_sq_fixed(db, "SELECT create_ms, key FROM task WHERE place = ? ORDER BY key LIMIT ?");
	sk_sq_int(&u, first + SK_SQ_READY);
	sk_sq_int(&u, LOOK);
	code = older(&u, oldest, true, err);
	if (code != SK_OK)
		return code;
	u = sk_sq_fixed(db, "SELECT create_ms, key FROM task WHERE place = ? ORDER BY key LIMIT ?");
	sk_sq_int(&u, first + SK_SQ_TIMED);
	sk_sq_int(&u, LOOK);
	return older(&u, oldest, false, err);
}

static enum sk_code
count_simply(struct sk_sq_db *db, const struct sk_sq_counts *counts, struct sk_op_count *op,
	struct sk_err *err)
{
	unsigned kinds = op->filter.no_elements ? 1 : 2;
	enum sk_code code = SK_OK;

	from_counts(counts, op);
	if (op->numbers_only || !created_passes(&op->filter))
		return SK_OK;
	for (unsigned element = 0; element < kinds && code == SK_OK; element++)
		if (counts->n[SK_CREATED][element] > 0)
			code = oldest_in(db, element, &op->oldest_waiting_ms, err);
	return code;
}

/* ---- anything else ---- */

#define FINAL (1u << SK_SQ_FINISHED | 1u << SK_SQ_FAILED | 1u << SK_SQ_CANCELLED)

static enum sk_sq_source
source_of(const struct sk_filter *f)
{
	enum sk_sq_source source = sk_sq_source_of(f);

	return source == SK_SQ_FROM_ALL &&
			(f->phases != 0 || f->gates != 0 || f->no_elements || f->updated_after != 0)
		? SK_SQ_FROM_PLACES
		: source;
}

/* since: of tasks that are final the index knows when they were updated. */
static struct sk_sq_use
query(struct counting *c, uint32_t places, const char *select, const char *more, bool since,
	const char *last)
{
	enum sk_sq_source source = source_of(c->f);

	sk_sq_query_clear(&c->q);
	sk_sq_query_add(&c->q, "%s", select);
	sk_sq_query_from(&c->q, source, c->f, places);
	sk_sq_query_add(&c->q, "%s", more);
	if (since) {
		sk_sq_query_add(&c->q, " AND t.key >= ");
		sk_sq_query_int(&c->q, c->f->updated_after);
	}
	sk_sq_query_conditions(&c->q, source, c->f, places);
	sk_sq_query_add(&c->q, "%s", last);
	return sk_sq_query_use(&c->q, c->db);
}

static enum sk_code
count_places(
	struct counting *c, uint32_t places, bool since, struct sk_op_count *op, struct sk_err *err)
{
	struct sk_sq_use u =
		query(c, places, "SELECT t.phase, count(*)", "", since, " GROUP BY t.phase");
	enum sk_code code;
	bool row;

	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row) {
		int phase = sqlite3_column_int(u.st, 0);

		if (phase >= 0 && phase < SK_N_PHASE)
			op->by_phase[phase] += sqlite3_column_int64(u.st, 1);
	}
	return code;
}

static enum sk_code
count_rows(struct counting *c, struct sk_op_count *op, struct sk_err *err)
{
	uint32_t places = sk_sq_places(c->f), final = places & (FINAL | FINAL << SK_SQ_N_PLACE);
	bool split = source_of(c->f) == SK_SQ_FROM_PLACES && c->f->updated_after != 0 && final != 0;
	enum sk_code code = SK_OK;
	struct sk_sq_use u;
	bool row;

	if (split)
		code = count_places(c, final, true, op, err);
	if (split)
		places &= ~final;
	if (code == SK_OK && (places != 0 || !split))
		code = count_places(c, places, false, op, err);
	if (code != SK_OK || op->by_phase[SK_CREATED] == 0 || op->numbers_only)
		return code;
	u = query(c, places, "SELECT min(t.create_ms)", " AND t.phase = 0", false, "");
	code = sk_sq_row(&u, &row, err);
	if (code == SK_OK && row)
		op->oldest_waiting_ms = sqlite3_column_int64(u.st, 0);
	sk_sq_done(&u);
	return code;
}

enum sk_code
sk_sq_count(
	struct sk_sq_db *db, const struct sk_sq_help *help, struct sk_op_count *op, struct sk_err *err)
{
	struct counting c = { .db = db, .f = &op->filter };
	enum sk_code code;

	memset(op->by_phase, 0, sizeof(op->by_phase));
	op->oldest_waiting_ms = 0;
	if (sk_sq_counts_know(c.f))
		return count_simply(db, help->counts, op, err);
	if (help->columns != NULL)
		return sk_sq_columns_count(help->columns, db, op, err);
	code = count_rows(&c, op, err);
	sk_sq_query_release(&c.q);
	return code;
}

enum sk_code
sk_sq_classes(struct sk_sq_db *db, const struct sk_sq_help *help, struct sk_op_classes *op,
	struct sk_err *err)
{
	struct sk_sq_use u;
	const char **names = NULL;
	size_t cap = 0;
	enum sk_code code;
	bool row;

	op->n = 0;
	if (help->columns != NULL) {
		sk_sq_columns_classes(help->columns, op);
		return SK_OK;
	}
	u = sk_sq_fixed(db, "SELECT DISTINCT class FROM task ORDER BY class");
	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row) {
		if (op->n == cap) {
			cap = cap > 0 ? cap * 2 : 16;
			names = sk_xreallocarray(names, cap, sizeof(*names));
		}
		names[op->n++] = sk_sq_column_text(&u, 0, op->op.arena);
	}
	op->names = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*names));
	if (op->n > 0)
		memcpy(op->names, names, op->n * sizeof(*names));
	free(names);
	return code;
}
