/* columns_find.c - which tasks pass, and in which order, by the columns alone.
 *
 * Every row is looked at unless the order is that of acceptance and the page is full before. What a
 * byte decides comes first; parts of ids and labels are marked beforehand, each in one go. */
#include "adapters/sqlite/columns.h"
#include "adapters/sqlite/query.h"
#include "adapters/sqlite/sqlite.h"
#include <stdlib.h>
#include <string.h>

struct test {
	const struct sk_sq_columns *c;
	bool state_passes[128];
	uint8_t kind_mask, kind;
	bool *class_passes; /* by number; NULL = all */
	bool by_executor, by_parent, by_time;
	size_t executor, parent; /* numbers; SIZE_MAX = nobody has it */
	int64_t created_after, created_before, updated_after;
	uint8_t *marks; /* by row, how many of these it has; NULL = there are none */
	uint8_t n_marks;
};

bool
sk_sq_columns_know(const struct sk_filter *f, enum sk_order order)
{
	return order != SK_BY_DUE && !sk_sq_given(f->depends_on) && !f->foreign && !f->foreign_active &&
		!f->disputed && f->due_before == 0 && f->finished_before == 0;
}

/* What the file is good at: tasks that are ready by rank, those that have ended by update; all of
 * them, those of a label or the elements of an array in order of acceptance; the live ones of a
 * skald. */
bool
sk_sq_columns_better(const struct sk_filter *f, enum sk_order order)
{
	bool more = sk_sq_given(f->class_name) || sk_sq_given(f->executor) || sk_sq_given(f->id_part) ||
		sk_sq_given(f->class_part) || f->created_after != 0 || f->created_before != 0 ||
		f->updated_after != 0 || f->arrays;
	bool linked = sk_sq_given(f->label) || sk_sq_given(f->parent);

	if (!sk_sq_columns_know(f, order) || sk_sq_one_executor(f))
		return false;
	if (order == SK_BY_RANK || order == SK_BY_UPDATE)
		return more || linked || (sk_sq_places(f) & ~sk_sq_sorted_places(order)) != 0;
	return more || f->phases != 0;
}

/* ---- the test ---- */

static void
test_states(struct test *t, const struct sk_filter *f)
{
	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		for (unsigned gate = 0; gate < SK_N_GATE; gate++)
			for (unsigned wanted = 0; wanted <= SK_WANT_CANCEL; wanted++)
				t->state_passes[sk_sq_state(phase, gate, wanted)] =
					(f->phases == 0 || (f->phases >> phase & 1u) != 0) &&
					(f->gates == 0 || (f->gates >> gate & 1u) != 0) &&
					(!f->wanted_run || wanted == SK_WANT_RUN);
	t->kind_mask = (uint8_t)((f->no_elements ? SK_SQ_ELEMENT : 0) | (f->arrays ? SK_SQ_ARRAY : 0));
	t->kind = f->arrays ? SK_SQ_ARRAY : 0;
}

static char *
lower(const char *text)
{
	char *copy = sk_xstrdup(text);

	for (char *p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 'a' - 'A');
	return copy;
}

static bool
has_part(const char *text, const char *lower_part)
{
	char *copy = lower(text);
	bool has = strstr(copy, lower_part) != NULL;

	free(copy);
	return has;
}

static void
test_classes(struct test *t, const struct sk_filter *f)
{
	const struct sk_sq_names *names = &t->c->classes;
	char *part;

	if (!sk_sq_given(f->class_name) && !sk_sq_given(f->class_part))
		return;
	part = lower(sk_sq_given(f->class_part) ? f->class_part : "");
	t->class_passes = sk_xcalloc(names->n + 1, sizeof(bool));
	for (size_t i = 0; i < names->n; i++)
		t->class_passes[i] = has_part(names->texts[i], part) &&
			(!sk_sq_given(f->class_name) || strcmp(names->texts[i], f->class_name) == 0);
	free(part);
}

static inline bool
passes(const struct test *t, size_t i)
{
	const struct sk_sq_columns *c = t->c;

	if (!t->state_passes[c->state[i]] || (c->kind[i] & t->kind_mask) != t->kind)
		return false;
	if (t->marks != NULL && t->marks[i] != t->n_marks)
		return false;
	if (t->class_passes != NULL && !t->class_passes[c->class_name[i]])
		return false;
	if (t->by_executor && c->executor[i] != t->executor)
		return false;
	if (t->by_parent && c->parent[i] != t->parent)
		return false;
	return !t->by_time ||
		(c->create_ms[i] > t->created_after && c->create_ms[i] < t->created_before &&
			c->update_ms[i] >= t->updated_after);
}

/* ---- marks ---- */

/* Where the rarest byte of the part stands in it: there are the fewest places to look at. */
static size_t
rarest(const struct sk_sq_columns *c, const char *part)
{
	size_t best = 0;

	for (size_t i = 1; part[i] != '\0'; i++)
		if (c->letters[(unsigned char)part[i]] < c->letters[(unsigned char)part[best]])
			best = i;
	return best;
}

/* The row, from `row` on, whose id reaches over this offset: most often it is near. */
static size_t
row_over(const struct sk_sq_columns *c, size_t row, size_t at)
{
	size_t low = row, step = 1, high;

	while (low + step < c->n && c->id_at[low + step] <= at) {
		low += step;
		step *= 2;
	}
	high = low + step < c->n ? low + step : c->n;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (c->id_at[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void
mark_ids(struct test *t, const char *part)
{
	const struct sk_sq_columns *c = t->c;
	size_t len = strlen(part), k = rarest(c, part), row = 0;
	const char *ids = sk_str_text(&c->ids), *end = ids + c->ids.len, *p = ids + k;

	while (p < end && (p = memchr(p, part[k], (size_t)(end - p))) != NULL) {
		const char *start = p - k;

		if ((size_t)(end - start) < len || memcmp(start, part, len) != 0) {
			p++;
			continue;
		}
		row = row_over(c, row, (size_t)(start - ids));
		t->marks[row]++;
		p = row + 1 < c->n ? ids + c->id_at[row + 1] + k : end;
	}
}

static void
test_ids(struct test *t, const char *id_part)
{
	char *part;

	if (!sk_sq_given(id_part))
		return;
	part = lower(id_part);
	t->n_marks++;
	if (strchr(part, '\n') == NULL)
		mark_ids(t, part);
	free(part);
}

/* The row of a seq that is not smaller than that of row i: most often it is near. */
static size_t
row_from(const struct sk_sq_columns *c, size_t i, uint64_t seq)
{
	size_t low = i, step = 1;

	while (i < c->n && c->seq[i] < seq) {
		low = i + 1;
		i += step;
		step *= 2;
	}
	for (size_t high = i < c->n ? i : c->n; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (c->seq[middle] < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum sk_code
test_label(struct test *t, struct sk_sq_db *db, const char *label, struct sk_err *err)
{
	const struct sk_sq_columns *c = t->c;
	struct sk_sq_use u;
	enum sk_code code;
	size_t i = 0;
	bool row;

	if (!sk_sq_given(label))
		return SK_OK;
	t->n_marks++;
	u = sk_sq_fixed(db, "SELECT seq FROM label WHERE label = ? ORDER BY seq");
	sk_sq_text(&u, label);
	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row) {
		uint64_t seq = (uint64_t)sqlite3_column_int64(u.st, 0);

		i = row_from(c, i, seq);
		if (i < c->n && c->seq[i] == seq)
			t->marks[i]++;
	}
	sk_sq_done(&u);
	return code;
}

static enum sk_code
test_make(struct test *t, const struct sk_sq_columns *c, struct sk_sq_db *db,
	const struct sk_filter *f, struct sk_err *err)
{
	*t = (struct test){ .c = c,
		.by_executor = sk_sq_given(f->executor),
		.by_parent = sk_sq_given(f->parent),
		.by_time = f->created_after != 0 || f->created_before != 0 || f->updated_after != 0,
		.created_after = f->created_after != 0 ? f->created_after : INT64_MIN,
		.created_before = f->created_before != 0 ? f->created_before : INT64_MAX,
		.updated_after = f->updated_after != 0 ? f->updated_after : INT64_MIN };
	test_states(t, f);
	test_classes(t, f);
	if (t->by_executor)
		t->executor = sk_sq_names_find(&c->executors, f->executor);
	if (t->by_parent)
		t->parent = sk_sq_names_find(&c->parents, f->parent);
	if (sk_sq_given(f->id_part) || sk_sq_given(f->label))
		t->marks = sk_xcalloc(c->n + 1, 1);
	test_ids(t, f->id_part);
	return test_label(t, db, f->label, err);
}

static void
test_release(struct test *t)
{
	free(t->class_passes);
	free(t->marks);
}

/* ---- in order of acceptance ---- */

struct choice {
	const struct test *t;
	const struct sk_op_find *op;
	const struct sk_cursor *from; /* NULL = at the front */
	size_t max, n;
	struct sk_cursor *out;
};

/* Descending: the loop ends when i wraps around below 0. */
static void
by_acceptance(struct choice *h)
{
	const struct sk_sq_columns *c = h->t->c;
	bool down = h->op->order == SK_NEWEST_FIRST;
	size_t skip = h->op->skip, i = down ? c->n - 1 : 0;

	if (h->from != NULL && down)
		i = sk_sq_columns_row(c, h->from->seq) - 1;
	else if (h->from != NULL)
		i = sk_sq_columns_row(c, h->from->seq + 1);
	for (; i < c->n && h->n < h->max; i += down ? SIZE_MAX : 1) {
		if (!passes(h->t, i))
			continue;
		if (skip > 0)
			skip--;
		else
			h->out[h->n++] = (struct sk_cursor){ 0, c->seq[i] };
	}
}

/* ---- by a key: the best so far are a heap, the worst of them on top ---- */

static bool
before(const struct choice *h, const struct sk_cursor *a, const struct sk_cursor *b)
{
	return sk_cursor_compare(h->op->order, a, b) < 0;
}

static void
sink(struct choice *h, size_t i)
{
	for (;;) {
		size_t worst = i, left = 2 * i + 1;
		struct sk_cursor swap;

		for (size_t child = left; child < left + 2 && child < h->n; child++)
			if (before(h, &h->out[worst], &h->out[child]))
				worst = child;
		if (worst == i)
			return;
		swap = h->out[i];
		h->out[i] = h->out[worst];
		h->out[worst] = swap;
		i = worst;
	}
}

static void
offer(struct choice *h, const struct sk_cursor *at)
{
	if (h->n == h->max) {
		if (before(h, at, &h->out[0])) {
			h->out[0] = *at;
			sink(h, 0);
		}
		return;
	}
	h->out[h->n++] = *at;
	if (h->n == h->max)
		for (size_t i = h->n / 2; i-- > 0;)
			sink(h, i);
}

static void
sort(struct choice *h)
{
	size_t n = h->n;

	for (size_t i = h->n / 2; i-- > 0;)
		sink(h, i);
	while (h->n > 1) {
		struct sk_cursor last = h->out[0];

		h->out[0] = h->out[--h->n];
		h->out[h->n] = last;
		sink(h, 0);
	}
	h->n = n;
}

static void
by_key(struct choice *h)
{
	const struct sk_sq_columns *c = h->t->c;
	const int64_t *keys = h->op->order == SK_BY_RANK ? c->rank_ms : c->update_ms;
	bool down = h->op->order == SK_BY_UPDATE;

	/* From the end where the best are likely: else each row would be better than all before. */
	for (size_t left = c->n; left-- > 0;) {
		size_t i = down ? left : c->n - 1 - left;
		struct sk_cursor at = { keys[i], c->seq[i] };

		/* Most rows are no better than the worst of a page that is full: seen without a call. */
		if (h->n == h->max && (down ? at.key < h->out[0].key : at.key > h->out[0].key))
			continue;
		if (passes(h->t, i) && (h->from == NULL || before(h, h->from, &at)))
			offer(h, &at);
	}
	sort(h);
}

/* ---- a label that many have, by a key ---- */

/* Looking through all tasks of a label takes 0.5 us each, looking whether one has it 2 us. */
#define MANY_OF_LABEL 5000

static enum sk_code
many_have(struct sk_sq_db *db, const char *label, bool *many, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(db, "SELECT seq FROM label WHERE label = ? LIMIT 1 OFFSET ?");
	enum sk_code code;

	sk_sq_text(&u, label);
	sk_sq_int(&u, MANY_OF_LABEL);
	code = sk_sq_row(&u, many, err);
	sk_sq_done(&u);
	return code;
}

static enum sk_code
has_label(struct sk_sq_db *db, const char *label, uint64_t seq, bool *has, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(db, "SELECT 1 FROM label WHERE label = ? AND seq = ?");
	enum sk_code code;

	sk_sq_text(&u, label);
	sk_sq_int(&u, sk_sq_seq(seq));
	code = sk_sq_row(&u, has, err);
	sk_sq_done(&u);
	return code;
}

/* Of these, in order, the first `max` that have it; the others are left out. */
static enum sk_code
leave_labelled(
	struct sk_sq_db *db, const char *label, struct choice *h, size_t max, struct sk_err *err)
{
	size_t n = h->n;
	enum sk_code code = SK_OK;

	h->n = 0;
	for (size_t i = 0; i < n && h->n < max && code == SK_OK; i++) {
		bool has = false;

		code = has_label(db, label, h->out[i].seq, &has, err);
		if (has)
			h->out[h->n++] = h->out[i];
	}
	return code;
}

/* ---- the questions ---- */

static enum sk_code
choose(struct choice *h, const struct sk_sq_columns *c, struct sk_sq_db *db,
	const struct sk_filter *f, size_t max, struct sk_err *err)
{
	struct test t;
	enum sk_code code = test_make(&t, c, db, f, err);

	h->t = &t;
	h->max = max;
	h->n = 0;
	h->out = sk_xreallocarray(h->out, max, sizeof(*h->out));
	if (code == SK_OK && (h->op->order == SK_NEWEST_FIRST || h->op->order == SK_OLDEST_FIRST))
		by_acceptance(h);
	else if (code == SK_OK)
		by_key(h);
	test_release(&t);
	h->t = NULL;
	return code;
}

/* The first ones without the label are likely to hold a page of those that have it. *whole false:
 * they did not. */
static enum sk_code
choose_labelled(struct choice *h, const struct sk_sq_columns *c, struct sk_sq_db *db, size_t max,
	bool *whole, struct sk_err *err)
{
	const char *label = h->op->filter.label;
	struct sk_filter others = h->op->filter;
	enum sk_code code = SK_OK;

	others.label = NULL;
	*whole = false;
	for (size_t tries = max * 10; tries <= max * 160 && !*whole && code == SK_OK; tries *= 16) {
		code = choose(h, c, db, &others, tries, err);
		*whole = h->n < tries;
		if (code == SK_OK)
			code = leave_labelled(db, label, h, max, err);
		*whole = *whole || h->n == max;
	}
	return code;
}

enum sk_code
sk_sq_columns_find(const struct sk_sq_columns *c, struct sk_sq_db *db, const struct sk_op_find *op,
	const struct sk_cursor *from, size_t max, struct sk_cursor **out, size_t *n, struct sk_err *err)
{
	struct choice h = { .op = op, .from = from };
	bool by_label = sk_sq_given(op->filter.label) && op->skip == 0, whole = false;
	enum sk_code code = SK_OK;

	if (by_label)
		code = many_have(db, op->filter.label, &by_label, err);
	if (code == SK_OK && by_label)
		code = choose_labelled(&h, c, db, max, &whole, err);
	if (code == SK_OK && !whole)
		code = choose(&h, c, db, &op->filter, max, err);
	*out = h.out;
	*n = h.n;
	return code;
}

enum sk_code
sk_sq_columns_count(
	const struct sk_sq_columns *c, struct sk_sq_db *db, struct sk_op_count *op, struct sk_err *err)
{
	struct test t;
	enum sk_code code = test_make(&t, c, db, &op->filter, err);

	for (size_t i = 0; i < c->n && code == SK_OK; i++) {
		unsigned phase = (c->state[i] - 1u) % SK_N_PHASE;

		if (!passes(&t, i))
			continue;
		op->by_phase[phase]++;
		if (phase == SK_CREATED &&
			(op->oldest_waiting_ms == 0 || c->create_ms[i] < op->oldest_waiting_ms))
			op->oldest_waiting_ms = c->create_ms[i];
	}
	test_release(&t);
	return code;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
sk_sq_columns_classes(const struct sk_sq_columns *c, struct sk_op_classes *op)
{
	bool *used = sk_xcalloc(c->classes.n + 1, sizeof(bool));

	for (size_t i = 0; i < c->n; i++)
		if (c->state[i] != 0)
			used[c->class_name[i]] = true;
	op->names = sk_arena_alloc(op->op.arena, (c->classes.n + 1) * sizeof(*op->names));
	op->n = 0;
	for (size_t i = 0; i < c->classes.n; i++)
		if (used[i])
			op->names[op->n++] = sk_arena_strdup(op->op.arena, c->classes.texts[i]);
	qsort(op->names, op->n, sizeof(*op->names), by_text);
	free(used);
}
