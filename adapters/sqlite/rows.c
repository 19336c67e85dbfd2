/* rows.c - a record as a row of table task. */
#include "adapters/sqlite/sqlite.h"
#include "core/base/log.h"
#include <string.h>

/* ---- where a task stands ---- */

int64_t
sk_sq_place(enum sk_phase phase, enum sk_gate gate, enum sk_wanted wanted, bool element)
{
	int64_t place = (int64_t)phase + SK_SQ_PHASE_PLACE;

	if (phase == SK_CREATED)
		place = gate == SK_GATE_TIME						? SK_SQ_TIMED
			: gate == SK_GATE_OPEN && wanted == SK_WANT_RUN ? SK_SQ_READY
															: SK_SQ_HELD;
	return place + (element ? SK_SQ_N_PLACE : 0);
}

int64_t
sk_sq_executor_key(const char *executor)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *executor != '\0'; executor++)
		h = (h ^ (unsigned char)*executor) * UINT64_C(1099511628211);
	return (int64_t)(h >> 32); /* short in the row */
}

static int64_t
key_of(const struct sk_record *r)
{
	int64_t place = sk_sq_place(r->life.phase, r->gate, r->life.wanted, false);

	return place == SK_SQ_READY		   ? r->rank_ms
		: place == SK_SQ_TIMED		   ? r->due_ms
		: place == SK_SQ_HELD		   ? r->create_ms
		: sk_phase_live(r->life.phase) ? sk_sq_executor_key(r->life.executor)
									   : r->update_ms;
}

/* ---- write ---- */

static void
bind_life(struct sk_sq_use *u, const struct sk_record *r)
{
	sk_sq_int(u, r->life.phase);
	sk_sq_int(u, r->life.wanted);
	sk_sq_int(u, r->gate);
	sk_sq_int(u, r->life.attempt);
	sk_sq_int(u, r->life.failures);
	sk_sq_int(u, r->life.max_attempts);
	sk_sq_text(u, r->life.executor);
	sk_sq_int(u, (int64_t)r->life.incarnation);
}

static void
bind_times(struct sk_sq_use *u, const struct sk_record *r)
{
	sk_sq_int(u, r->priority);
	sk_sq_int(u, r->rank_ms);
	sk_sq_int(u, r->due_ms);
	sk_sq_int(u, r->create_ms);
	sk_sq_int(u, r->update_ms);
	sk_sq_int(u, r->start_ms);
	sk_sq_int(u, r->finish_ms);
}

static void
bind_end(struct sk_sq_use *u, const struct sk_record *r)
{
	if (r->exit.known)
		sk_sq_int(u, r->exit.reason);
	else
		sk_sq_null(u);
	sk_sq_int(u, r->exit.code);
	sk_sq_int(u, r->exit.signal);
	sk_sq_text_or_null(u, r->exit.message);
	sk_sq_real(u, r->progress);
	sk_sq_text_or_null(u, r->stage);
	sk_sq_int(u, r->result != NULL);
}

static void
bind_rest(struct sk_sq_use *u, const struct sk_record *r, const struct sk_str *spec)
{
	sk_sq_text_or_null(u, r->unique_key);
	sk_sq_text(u, r->array);
	sk_sq_int(u, r->array_size);
	sk_sq_text_or_null(u, r->array_parent);
	sk_sq_int(u, r->array_index);
	if (spec->len <= SK_SQ_SPEC_INLINE)
		sk_sq_blob(u, spec->p, spec->len);
	else
		sk_sq_null(u);
}

static enum sk_code
insert_row(struct sk_sq *q, uint64_t seq, const struct sk_record *r, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(&q->db,
		"INSERT INTO task(seq, id, class, place, key, phase, wanted, gate, attempt, failures,"
		" max_attempts, executor, incarnation, priority, rank_ms, due_ms, create_ms, update_ms,"
		" start_ms, finish_ms, exit_reason, exit_code, exit_signal, exit_message, progress, stage,"
		" has_result, unique_key, array, array_size, parent, array_index, spec)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?)");

	sk_sq_int(&u, sk_sq_seq(seq));
	sk_sq_text(&u, r->id);
	sk_sq_text(&u, r->class_name);
	sk_sq_int(&u, sk_sq_place(r->life.phase, r->gate, r->life.wanted, sk_sq_is_element(seq)));
	sk_sq_int(&u, key_of(r));
	bind_life(&u, r);
	bind_times(&u, r);
	bind_end(&u, r);
	bind_rest(&u, r, &q->spec);
	return sk_sq_run(&u, err);
}

enum sk_code
sk_sq_write_row(struct sk_sq *q, uint64_t seq, const struct sk_record *r, enum sk_code *clash,
	struct sk_err *err)
{
	enum sk_code code;

	sk_str_clear(&q->spec);
	sk_value_encode(&q->spec, r->spec);
	code = insert_row(q, seq, r, err);
	*clash = code == SK_ECONFLICT ? SK_ECONFLICT : SK_OK;
	if (code != SK_OK)
		return code == SK_ECONFLICT ? SK_OK : code;
	if (q->spec.len > SK_SQ_SPEC_INLINE)
		code = sk_sq_put_spec(q, seq, err);
	if (code == SK_OK && r->result != NULL)
		code = sk_sq_put_result(q, seq, r->result, r->result_len, err);
	if (code == SK_OK)
		code = sk_sq_put_links(q, seq, r->spec, err);
	if (code == SK_OK && r->unique_key[0] != '\0' && !sk_phase_final(r->life.phase))
		code = sk_sq_put_key(q, seq, r->unique_key, err);
	return code;
}

/* ---- read ---- */

#define COLUMNS \
	"seq, id, class, phase, wanted, gate, attempt, failures, max_attempts, executor, incarnation," \
	" priority, rank_ms, due_ms, create_ms, update_ms, start_ms, finish_ms, exit_reason," \
	" exit_code, exit_signal, progress, stage, unique_key, array, array_size, parent," \
	" array_index, has_result"

/* The next column, and whether one was not what it must be. */
struct reading {
	struct sk_sq_use *u;
	struct sk_arena *arena;
	int i;
	bool bad;
};

static int64_t
number(struct reading *g, int64_t min, int64_t max)
{
	int i = g->i++;
	int64_t n = sqlite3_column_int64(g->u->st, i);

	if (sqlite3_column_type(g->u->st, i) != SQLITE_INTEGER || n < min || n > max)
		g->bad = true;
	return n;
}

static const char *
text(struct reading *g)
{
	return sk_sq_column_text(g->u, g->i++, g->arena);
}

static bool
is_null(const struct reading *g)
{
	return sqlite3_column_type(g->u->st, g->i) == SQLITE_NULL;
}

static void
read_life(struct reading *g, struct sk_record *r)
{
	const char *executor;

	r->life.phase = (enum sk_phase)number(g, 0, SK_N_PHASE - 1);
	r->life.wanted = (enum sk_wanted)number(g, 0, SK_WANT_CANCEL);
	r->gate = (enum sk_gate)number(g, 0, SK_N_GATE - 1);
	r->life.attempt = (uint32_t)number(g, 0, UINT32_MAX);
	r->life.failures = (uint32_t)number(g, 0, UINT32_MAX);
	r->life.max_attempts = (uint32_t)number(g, 0, UINT32_MAX);
	executor = (const char *)sqlite3_column_text(g->u->st, g->i++);
	if (executor == NULL || strlen(executor) >= sizeof(r->life.executor))
		g->bad = true;
	else
		memcpy(r->life.executor, executor, strlen(executor) + 1);
	r->life.incarnation = (uint64_t)number(g, INT64_MIN, INT64_MAX);
}

static void
read_times(struct reading *g, struct sk_record *r)
{
	r->priority = number(g, INT64_MIN, INT64_MAX);
	r->rank_ms = number(g, INT64_MIN, INT64_MAX);
	r->due_ms = number(g, INT64_MIN, INT64_MAX);
	r->create_ms = number(g, INT64_MIN, INT64_MAX);
	r->update_ms = number(g, INT64_MIN, INT64_MAX);
	r->start_ms = number(g, INT64_MIN, INT64_MAX);
	r->finish_ms = number(g, INT64_MIN, INT64_MAX);
}

static void
read_exit(struct reading *g, struct sk_exit *e)
{
	e->known = !is_null(g);
	if (e->known)
		e->reason = (enum sk_reason)number(g, 0, SK_REASON_SKIPPED);
	else
		g->i++;
	e->code = (int32_t)number(g, INT32_MIN, INT32_MAX);
	e->signal = (int32_t)number(g, INT32_MIN, INT32_MAX);
}

static void
read_rest(struct reading *g, struct sk_record *r)
{
	read_exit(g, &r->exit);
	r->progress = sqlite3_column_double(g->u->st, g->i++);
	r->stage = text(g);
	r->unique_key = text(g);
	r->array = is_null(g) ? NULL : text(g);
	g->i += r->array == NULL;
	r->array_size = number(g, 0, INT64_MAX);
	r->array_parent = text(g);
	r->array_index = number(g, 0, INT64_MAX);
}

static bool
decode_spec(struct sk_record *r, struct sk_arena *a, const char *data, size_t n)
{
	struct sk_err err;

	r->spec = sk_value_decode(a, data, n, &err);
	return r->spec != NULL && r->spec->kind == SK_MAP;
}

/* What stands behind the columns that all rows are read with. */
static enum sk_code
read_wide(struct reading *g, struct sk_record *r, bool has_result, struct sk_err *err)
{
	const char *data;
	size_t n;
	enum sk_code code = SK_OK;

	r->exit.message = text(g);
	data = sk_sq_column_blob(g->u, g->i++, g->arena, &n);
	if (data == NULL)
		code = sk_sq_read_blob(
			g->u->db, "SELECT data FROM spec WHERE seq = ?", r->seq, g->arena, &data, &n, err);
	if (code == SK_OK && (data == NULL || !decode_spec(r, g->arena, data, n)))
		g->bad = true;
	if (code == SK_OK && has_result)
		code = sk_sq_read_blob(g->u->db, "SELECT data FROM result WHERE seq = ?", r->seq, g->arena,
			&r->result, &r->result_len, err);
	return code;
}

static enum sk_code
read_record(struct sk_sq_use *u, enum sk_sq_width width, struct sk_arena *a, struct sk_record **out,
	struct sk_err *err)
{
	struct sk_record *r = sk_arena_alloc(a, sizeof(*r));
	struct reading g = { u, a, 0, false };
	enum sk_code code = SK_OK;
	bool has_result;

	sk_record_init(r, a);
	r->seq = (uint64_t)number(&g, 0, INT64_MAX);
	r->id = text(&g);
	r->class_name = text(&g);
	read_life(&g, r);
	read_times(&g, r);
	read_rest(&g, r);
	has_result = number(&g, 0, 1) != 0;
	if (width == SK_SQ_WHOLE)
		code = read_wide(&g, r, has_result, err);
	if (g.bad)
		sk_log_task(SK_ERROR, "store", r->id, 0, "what is stored of the task cannot be read");
	*out = g.bad ? NULL : r;
	return code;
}

static enum sk_code
read_one(struct sk_sq_use *u, enum sk_sq_width width, struct sk_arena *a, struct sk_record **r,
	struct sk_err *err)
{
	bool row;
	enum sk_code code = sk_sq_row(u, &row, err);

	*r = NULL;
	if (code == SK_OK && row)
		code = read_record(u, width, a, r, err);
	sk_sq_done(u);
	return code;
}

enum sk_code
sk_sq_read_id(struct sk_sq_db *db, const char *id, struct sk_arena *a, struct sk_record **r,
	struct sk_err *err)
{
	struct sk_sq_use u =
		sk_sq_fixed(db, "SELECT " COLUMNS ", exit_message, spec FROM task WHERE id = ?");

	sk_sq_text(&u, id);
	return read_one(&u, SK_SQ_WHOLE, a, r, err);
}

enum sk_code
sk_sq_read_seq(struct sk_sq_db *db, uint64_t seq, enum sk_sq_width width, struct sk_arena *a,
	struct sk_record **r, struct sk_err *err)
{
	struct sk_sq_use u = width == SK_SQ_WHOLE
		? sk_sq_fixed(db, "SELECT " COLUMNS ", exit_message, spec FROM task WHERE seq = ?")
		: sk_sq_fixed(db, "SELECT " COLUMNS " FROM task WHERE seq = ?");

	sk_sq_int(&u, sk_sq_seq(seq));
	return read_one(&u, width, a, r, err);
}

enum sk_code
sk_sq_find_id(struct sk_sq_db *db, const char *id, uint64_t *seq, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(db, "SELECT seq FROM task WHERE id = ?");
	enum sk_code code;
	bool row;

	sk_sq_text(&u, id);
	code = sk_sq_row(&u, &row, err);
	*seq = code == SK_OK && row ? (uint64_t)sqlite3_column_int64(u.st, 0) : 0;
	sk_sq_done(&u);
	return code;
}
