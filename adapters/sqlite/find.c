/* find.c - a page of tasks.
 *
 * First the seqs of the page, from one or more legs, each of which an index or the table itself
 * yields in the order that is wanted; then the rows one by one. Which legs:
 *	label, dependency, parent	their own indexes are in order of seq
 *	by rank, due, update		the places whose key that is are in order; what passes in other
 *					places is sorted
 *	by acceptance			the table is in order; but where few of its tasks pass, their
 *					places are read and sorted instead
 * What takes longer than the budget of the driver's connection is done again beside it, by the
 * columns (columns.h) if they know what it goes by; so is a large page. */
#include "adapters/sqlite/query.h"
#include <stdlib.h>
#include <string.h>

struct hit {
	enum sk_order order;
	struct sk_cursor at;
};

struct finding {
	struct sk_sq_db *db;
	const struct sk_sq_help *help;
	struct sk_op_find *op;
	struct sk_cursor from; /* behind this one; if given */
	bool given;
	struct sk_sq_query q;
	const char *seq; /* of the leg's source, which is in its order without sorting */
	struct hit *hits;
	size_t n, cap;
	unsigned legs;
};

/* ---- legs ---- */

static const char *
column_of(enum sk_order order)
{
	return order == SK_BY_RANK	? "t.rank_ms"
		: order == SK_BY_UPDATE ? "t.update_ms"
		: order == SK_BY_DUE	? "t.due_ms"
								: "0";
}

static bool
by_acceptance(enum sk_order order)
{
	return order == SK_OLDEST_FIRST || order == SK_NEWEST_FIRST;
}

static bool
descends(enum sk_order order)
{
	return order == SK_NEWEST_FIRST || order == SK_BY_UPDATE;
}

static void
behind_the_cursor(struct finding *f, const char *column)
{
	const char *than = descends(f->op->order) ? "<" : ">";

	if (!f->given)
		return;
	if (by_acceptance(f->op->order))
		sk_sq_query_add(&f->q, " AND %s %s ", f->seq, than);
	else {
		sk_sq_query_add(&f->q, " AND (%s, %s) %s (", column, f->seq, than);
		sk_sq_query_int(&f->q, f->from.key);
		sk_sq_query_add(&f->q, ", ");
	}
	sk_sq_query_int(&f->q, (int64_t)f->from.seq);
	if (!by_acceptance(f->op->order))
		sk_sq_query_add(&f->q, ")");
}

static void
in_order(struct finding *f, const char *column)
{
	const char *down = descends(f->op->order) ? " DESC" : "";

	if (by_acceptance(f->op->order))
		sk_sq_query_add(&f->q, " ORDER BY %s%s LIMIT ", f->seq, down);
	else
		sk_sq_query_add(&f->q, " ORDER BY %s%s, %s%s LIMIT ", column, down, f->seq, down);
	sk_sq_query_int(&f->q, (int64_t)(f->op->skip + f->op->limit) + 1);
}

static void
add_hit(struct finding *f, int64_t key, uint64_t seq)
{
	if (f->n == f->cap) {
		f->cap = f->cap > 0 ? f->cap * 2 : 128;
		f->hits = sk_xreallocarray(f->hits, f->cap, sizeof(*f->hits));
	}
	f->hits[f->n++] = (struct hit){ f->op->order, { key, seq } };
}

/* phase: for PARENT, whose index goes by it; SK_N_PHASE = any. */
static enum sk_code
leg(struct finding *f, enum sk_sq_source source, uint32_t places, enum sk_phase phase,
	const char *column, struct sk_err *err)
{
	struct sk_sq_use u;
	enum sk_code code;
	bool row = true;

	f->seq = source == SK_SQ_FROM_LABEL || source == SK_SQ_FROM_DEPENDENCY ? "x.seq" : "t.seq";
	sk_sq_query_clear(&f->q);
	sk_sq_query_add(&f->q, "SELECT %s, t.seq", column);
	sk_sq_query_from(&f->q, source, &f->op->filter, places);
	if (phase != SK_N_PHASE)
		sk_sq_query_add(&f->q, " AND t.phase = %d", (int)phase);
	behind_the_cursor(f, column);
	sk_sq_query_conditions(&f->q, source, &f->op->filter, places);
	in_order(f, column);
	u = sk_sq_query_use(&f->q, f->db);
	f->legs++;
	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row)
		add_hit(f, sqlite3_column_int64(u.st, 0), (uint64_t)sqlite3_column_int64(u.st, 1));
	return code;
}

static enum sk_code
plain_leg(struct finding *f, enum sk_sq_source source, uint32_t places, struct sk_err *err)
{
	return leg(f, source, places, SK_N_PHASE, column_of(f->op->order), err);
}

/* ---- plans ---- */

uint32_t
sk_sq_sorted_places(enum sk_order order)
{
	uint32_t places = order == SK_BY_RANK ? 1u << SK_SQ_READY
		: order == SK_BY_DUE			  ? 1u << SK_SQ_TIMED
		: order == SK_BY_UPDATE ? 1u << SK_SQ_FINISHED | 1u << SK_SQ_FAILED | 1u << SK_SQ_CANCELLED
								: 0;

	return places | places << SK_SQ_N_PLACE;
}

static enum sk_code
find_by_key(struct finding *f, struct sk_err *err)
{
	uint32_t places = sk_sq_places(&f->op->filter), sorted = sk_sq_sorted_places(f->op->order);
	enum sk_code code = SK_OK;

	for (unsigned p = 0; p < 2 * SK_SQ_N_PLACE && code == SK_OK; p++)
		if (places & sorted & 1u << p)
			code = leg(f, SK_SQ_FROM_PLACES, 1u << p, SK_N_PHASE, "t.key", err);
	if (code == SK_OK && (places & ~sorted) != 0)
		code = plain_leg(f, SK_SQ_FROM_PLACES, places & ~sorted, err);
	return code;
}

static enum sk_code
find_elements(struct finding *f, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	if (!by_acceptance(f->op->order))
		return plain_leg(f, SK_SQ_FROM_PARENT, 0, err);
	for (unsigned phase = 0; phase < SK_N_PHASE && code == SK_OK; phase++)
		if (f->op->filter.phases == 0 || (f->op->filter.phases >> phase & 1u) != 0)
			code = leg(f, SK_SQ_FROM_PARENT, 0, (enum sk_phase)phase, "0", err);
	return code;
}

/* How many tasks stand where those that pass may stand; how many there are. */
static int64_t
how_many(const struct finding *f, int64_t *all)
{
	const struct sk_filter *filter = &f->op->filter;
	int64_t n = 0;

	*all = 0;
	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		for (unsigned element = 0; element < 2; element++) {
			*all += f->help->counts->n[phase][element];
			if ((filter->phases == 0 || (filter->phases >> phase & 1u) != 0) &&
				!(element && filter->no_elements))
				n += f->help->counts->n[phase][element];
		}
	return n;
}

/* Sorting n seqs out of an index against reading the table until the page is full, if those that
 * pass are spread evenly. When that was tried and took too long, whatever restricts. */
static bool
better_by_place(const struct finding *f)
{
	int64_t all, n = how_many(f, &all), limit = (int64_t)(f->op->skip + f->op->limit);

	if (n == 0)
		return true;
	return f->help->patient ? n <= all / 2 : n < all && n <= limit * (all / n);
}

static enum sk_code
find_by_acceptance(struct finding *f, struct sk_err *err)
{
	if (sk_sq_one_executor(&f->op->filter) || better_by_place(f))
		return plain_leg(f, SK_SQ_FROM_PLACES, sk_sq_places(&f->op->filter), err);
	return plain_leg(f, SK_SQ_FROM_ALL, 0, err);
}

static enum sk_code
find_seqs(struct finding *f, struct sk_err *err)
{
	enum sk_sq_source source = sk_sq_source_of(&f->op->filter);

	if (source == SK_SQ_FROM_PARENT)
		return find_elements(f, err);
	if (source != SK_SQ_FROM_ALL)
		return plain_leg(f, source, 0, err);
	return by_acceptance(f->op->order) ? find_by_acceptance(f, err) : find_by_key(f, err);
}

/* ---- the page ---- */

static int
by_order(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return sk_cursor_compare(x->order, &x->at, &y->at);
}

static enum sk_code
find_by_columns(struct finding *f, struct sk_err *err)
{
	struct sk_cursor *found;
	size_t n;
	enum sk_code code = sk_sq_columns_find(f->help->columns, f->db, f->op,
		f->given ? &f->from : NULL, f->op->limit + 1, &found, &n, err);

	for (size_t i = 0; i < n && code == SK_OK; i++)
		add_hit(f, found[i].key, found[i].seq);
	free(found);
	return code;
}

/* In order, what is to be skipped left out. */
static enum sk_code
find_by_file(struct finding *f, struct sk_err *err)
{
	enum sk_code code = find_seqs(f, err);
	size_t skip = f->op->skip < f->n ? f->op->skip : f->n;

	if (code == SK_OK && f->legs > 1 && f->n > 1)
		qsort(f->hits, f->n, sizeof(*f->hits), by_order);
	if (skip > 0) {
		f->n -= skip;
		memmove(f->hits, f->hits + skip, f->n * sizeof(*f->hits));
	}
	return code;
}

/* The columns may be older than the rows. Labels stand in the spec, which may be left out here. */
static bool
still_passes(const struct finding *f, const struct sk_record *r)
{
	struct sk_filter filter = f->op->filter;

	filter.label = NULL;
	return r != NULL && (f->help->columns == NULL || sk_filter_match(&filter, r));
}

static enum sk_code
read_page(struct finding *f, struct sk_err *err)
{
	struct sk_op_find *op = f->op;
	size_t n = f->n < op->limit ? f->n : op->limit;
	enum sk_code code = SK_OK;

	f->db->limited = false;
	op->n = 0;
	op->records = sk_arena_alloc(op->op.arena, (n + 1) * sizeof(*op->records));
	for (size_t i = 0; i < n && code == SK_OK; i++) {
		code = sk_sq_read_seq(f->db, f->hits[i].at.seq, op->thin ? SK_SQ_THIN : SK_SQ_WHOLE,
			op->op.arena, &op->records[op->n], err);
		op->n += code == SK_OK && still_passes(f, op->records[op->n]);
	}
	op->next = f->n > n ? sk_cursor_text(op->op.arena, op->order, &f->hits[n - 1].at) : NULL;
	return code;
}

static enum sk_code
refuse(struct sk_op_find *op, const char *sentence)
{
	op->op.code = sk_fail(&op->op.err, SK_EINVAL, "%s", sentence);
	return SK_OK;
}

enum sk_code
sk_sq_find(
	struct sk_sq_db *db, const struct sk_sq_help *help, struct sk_op_find *op, struct sk_err *err)
{
	struct finding f = { .db = db, .help = help, .op = op };
	enum sk_code code;

	if (op->limit < 1 || op->limit > SK_FIND_MAX)
		return refuse(op, "a page has 1 to 10000 tasks");
	if (!sk_cursor_start(op, &f.from, &f.given))
		return refuse(op, "the cursor is none of this order");
	if (!sk_cursor_may_skip(op))
		return refuse(op, SK_CURSOR_NO_SKIP);
	code = help->columns != NULL ? find_by_columns(&f, err) : find_by_file(&f, err);
	if (code == SK_OK)
		code = !help->patient && f.n > SK_SQ_MANY ? SK_EAGAIN : read_page(&f, err);
	sk_sq_query_release(&f.q);
	free(f.hits);
	return code;
}
