/* move.c - one task changes, if it still is as expected.
 *
 * The statement depends on what is set; it is made once for each such shape and found again by its
 * number. Only what is set is written, and the index only where the task's place changes: progress
 * costs nothing there. */
#include "adapters/sqlite/sqlite.h"
#include <string.h>

/* What becomes of place and key. */
enum replace {
	KEEP, /* they stay */
	GIVEN, /* we know them */
	WORKED_OUT /* for a task that is Created: they depend on columns that are not set */
};

struct shape {
	unsigned set;
	bool expect_wanted;
	enum replace replace;
};

static enum sk_phase
next_phase(const struct sk_move *v)
{
	return v->set & SK_SET_LIFE ? v->to->life.phase : v->expect_phase;
}

static struct shape
shape_of(const struct sk_move *v)
{
	struct shape s = { .set = v->set, .expect_wanted = v->expect_wanted };
	enum sk_phase phase = next_phase(v);

	if (sk_phase_final(phase))
		s.replace = GIVEN; /* update_ms */
	else if (phase != SK_CREATED)
		s.replace = v->set & SK_SET_LIFE ? GIVEN : KEEP;
	else if (v->set & (SK_SET_LIFE | SK_SET_GATE | SK_SET_RANK | SK_SET_CREATED))
		s.replace = WORKED_OUT;
	return s;
}

/* Never 0. */
static uint64_t
number_of(const struct shape *s)
{
	return (uint64_t)s->set << 3 | (uint64_t)s->replace << 1 | s->expect_wanted | 1u << 19;
}

/* ---- the text ---- */

/* Numbers of the parameters. */
enum param {
	P_SEQ = 1,
	P_ID,
	P_ATTEMPT,
	P_PHASE,
	P_UPDATE,
	P_WANTED, /* if expected */
	P_PLACE,
	P_KEY,
	P_LIFE, /* six */
	P_GATE = P_LIFE + 6, /* two */
	P_START = P_GATE + 2,
	P_EXIT, /* five */
	P_RESULT = P_EXIT + 5,
	P_PROGRESS, /* two */
	P_SPEC = P_PROGRESS + 2,
	P_ARRAY,
	P_RANK, /* two */
	P_CREATED = P_RANK + 2
};

/* Place and key of a task that is Created, from parameters where they are set, else from
 * columns. */
static void
worked_out(struct sk_str *sql, unsigned set)
{
	char gate[24], wanted[24], rank[24], due[24], created[24];

	snprintf(gate, sizeof(gate), set & SK_SET_GATE ? "?%d" : "gate", P_GATE);
	snprintf(wanted, sizeof(wanted), set & SK_SET_LIFE ? "?%d" : "wanted", P_LIFE + 1);
	snprintf(rank, sizeof(rank), set & SK_SET_RANK ? "?%d" : "rank_ms", P_RANK + 1);
	snprintf(due, sizeof(due), set & SK_SET_GATE ? "?%d" : "due_ms", P_GATE + 1);
	snprintf(created, sizeof(created), set & SK_SET_CREATED ? "?%d" : "create_ms", P_CREATED);
	sk_str_addf(sql,
		", place = CASE WHEN %s = %d THEN %d WHEN %s = %d AND %s = %d THEN %d ELSE %d END"
		" + CASE WHEN parent IS NULL THEN 0 ELSE %d END",
		gate, SK_GATE_TIME, SK_SQ_TIMED, gate, SK_GATE_OPEN, wanted, SK_WANT_RUN, SK_SQ_READY,
		SK_SQ_HELD, SK_SQ_N_PLACE);
	sk_str_addf(sql,
		", key = CASE WHEN %s = %d THEN %s WHEN %s = %d AND %s = %d THEN %s ELSE %s END", gate,
		SK_GATE_TIME, due, gate, SK_GATE_OPEN, wanted, SK_WANT_RUN, rank, created);
}

static void
set_state(struct sk_str *sql, unsigned set)
{
	if (set & SK_SET_LIFE)
		sk_str_addf(sql,
			", phase = ?%d, wanted = ?%d, attempt = ?%d, failures = ?%d, executor = ?%d,"
			" incarnation = ?%d",
			P_LIFE, P_LIFE + 1, P_LIFE + 2, P_LIFE + 3, P_LIFE + 4, P_LIFE + 5);
	if (set & SK_SET_GATE)
		sk_str_addf(sql, ", gate = ?%d, due_ms = ?%d", P_GATE, P_GATE + 1);
	if (set & SK_SET_RANK)
		sk_str_addf(sql, ", priority = ?%d, rank_ms = ?%d", P_RANK, P_RANK + 1);
	if (set & SK_SET_CREATED)
		sk_str_addf(sql, ", create_ms = ?%d", P_CREATED);
}

static void
set_course(struct sk_str *sql, unsigned set)
{
	if (set & SK_SET_START)
		sk_str_addf(sql, ", start_ms = ?%d", P_START);
	if (set & SK_SET_PROGRESS)
		sk_str_addf(sql, ", progress = ?%d, stage = ?%d", P_PROGRESS, P_PROGRESS + 1);
	else if (set & SK_SET_START)
		sk_str_adds(sql, ", progress = 0.0, stage = NULL");
	if (set & SK_SET_EXIT)
		sk_str_addf(sql,
			", finish_ms = ?%d, exit_reason = ?%d, exit_code = ?%d, exit_signal = ?%d,"
			" exit_message = ?%d",
			P_EXIT, P_EXIT + 1, P_EXIT + 2, P_EXIT + 3, P_EXIT + 4);
	if (set & SK_SET_RESULT)
		sk_str_addf(sql, ", has_result = ?%d", P_RESULT);
	if (set & SK_SET_ATTACHMENTS)
		sk_str_addf(sql, ", spec = ?%d", P_SPEC);
	if (set & SK_SET_ARRAY)
		sk_str_addf(sql, ", array = ?%d", P_ARRAY);
}

static struct sk_sq_use
statement(struct sk_sq *q, const struct shape *s)
{
	struct sk_str sql = SK_STR_INIT;
	struct sk_sq_use u;

	if (sk_sq_kept(&q->db, number_of(s), &u))
		return u;
	sk_str_addf(&sql, "UPDATE task SET update_ms = ?%d", P_UPDATE);
	if (s->replace == GIVEN)
		sk_str_addf(&sql, ", place = ?%d, key = ?%d", P_PLACE, P_KEY);
	else if (s->replace == WORKED_OUT)
		worked_out(&sql, s->set);
	set_state(&sql, s->set);
	set_course(&sql, s->set);
	sk_str_addf(&sql, " WHERE seq = ?%d AND id = ?%d AND attempt = ?%d AND phase = ?%d", P_SEQ,
		P_ID, P_ATTEMPT, P_PHASE);
	if (s->expect_wanted)
		sk_str_addf(&sql, " AND wanted = ?%d", P_WANTED);
	u = sk_sq_keep(&q->db, number_of(s), sk_str_text(&sql));
	sk_str_release(&sql);
	return u;
}

/* ---- the values ---- */

static void
at(struct sk_sq_use *u, enum param p)
{
	u->n = (int)p - 1;
}

static void
bind_life(struct sk_sq_use *u, const struct sk_life *l)
{
	at(u, P_LIFE);
	sk_sq_int(u, l->phase);
	sk_sq_int(u, l->wanted);
	sk_sq_int(u, l->attempt);
	sk_sq_int(u, l->failures);
	sk_sq_text(u, l->executor);
	sk_sq_int(u, (int64_t)l->incarnation);
}

static void
bind_exit(struct sk_sq_use *u, const struct sk_record *to)
{
	at(u, P_EXIT);
	sk_sq_int(u, to->finish_ms);
	if (to->exit.known)
		sk_sq_int(u, to->exit.reason);
	else
		sk_sq_null(u);
	sk_sq_int(u, to->exit.code);
	sk_sq_int(u, to->exit.signal);
	sk_sq_text_or_null(u, to->exit.message);
}

static void
bind_pair(struct sk_sq_use *u, enum param p, int64_t a, int64_t b)
{
	at(u, p);
	sk_sq_int(u, a);
	sk_sq_int(u, b);
}

static void
bind_one(struct sk_sq_use *u, enum param p, int64_t v)
{
	at(u, p);
	sk_sq_int(u, v);
}

static void
bind_spec(struct sk_sq_use *u, const struct sk_str *spec)
{
	at(u, P_SPEC);
	if (spec->len <= SK_SQ_SPEC_INLINE)
		sk_sq_blob(u, spec->p, spec->len);
	else
		sk_sq_null(u);
}

static void
bind_state(struct sk_sq_use *u, const struct sk_move *v)
{
	const struct sk_record *to = v->to;

	if (v->set & SK_SET_LIFE)
		bind_life(u, &to->life);
	if (v->set & SK_SET_GATE)
		bind_pair(u, P_GATE, to->gate, to->due_ms);
	if (v->set & SK_SET_RANK)
		bind_pair(u, P_RANK, to->priority, to->rank_ms);
	if (v->set & SK_SET_CREATED)
		bind_one(u, P_CREATED, to->create_ms);
}

static void
bind_course(struct sk_sq_use *u, const struct sk_move *v, const struct sk_str *spec)
{
	const struct sk_record *to = v->to;

	if (v->set & SK_SET_START)
		bind_one(u, P_START, to->start_ms);
	if (v->set & SK_SET_PROGRESS) {
		at(u, P_PROGRESS);
		sk_sq_real(u, to->progress);
		sk_sq_text_or_null(u, to->stage);
	}
	if (v->set & SK_SET_EXIT)
		bind_exit(u, to);
	if (v->set & SK_SET_RESULT)
		bind_one(u, P_RESULT, to->result != NULL);
	if (v->set & SK_SET_ATTACHMENTS)
		bind_spec(u, spec);
	if (v->set & SK_SET_ARRAY) {
		at(u, P_ARRAY);
		sk_sq_text(u, to->array);
	}
}

static void
bind_place(struct sk_sq_use *u, const struct sk_move *v, uint64_t seq)
{
	enum sk_phase phase = next_phase(v);
	int64_t key =
		sk_phase_final(phase) ? v->to->update_ms : sk_sq_executor_key(v->to->life.executor);

	bind_pair(
		u, P_PLACE, sk_sq_place(phase, SK_GATE_OPEN, SK_WANT_RUN, sk_sq_is_element(seq)), key);
}

/* ---- one move ---- */

static enum sk_code
update(struct sk_sq *q, const struct sk_move *v, uint64_t seq, bool *changed, struct sk_err *err)
{
	struct shape s = shape_of(v);
	struct sk_sq_use u = statement(q, &s);
	enum sk_code code;

	sk_sq_int(&u, sk_sq_seq(seq));
	sk_sq_text(&u, v->id);
	sk_sq_int(&u, v->expect_attempt);
	sk_sq_int(&u, v->expect_phase);
	sk_sq_int(&u, v->to->update_ms);
	if (s.expect_wanted)
		sk_sq_int(&u, v->wanted);
	if (s.replace == GIVEN)
		bind_place(&u, v, seq);
	bind_state(&u, v);
	bind_course(&u, v, &q->spec);
	code = sk_sq_run(&u, err);
	*changed = code == SK_OK && sqlite3_changes(q->db.h) == 1;
	return code;
}

/* Attachments are replaced with the whole spec: its labels and dependencies may be others. */
static enum sk_code
replace_links(struct sk_sq *q, const struct sk_move *v, uint64_t seq, const struct sk_record *old,
	struct sk_err *err)
{
	enum sk_code code = sk_sq_put_spec(q, seq, err);

	if (code == SK_OK && old != NULL)
		code = sk_sq_drop_links(q, seq, old->spec, err);
	if (code == SK_OK)
		code = sk_sq_put_links(q, seq, v->to->spec, err);
	return code;
}

static enum sk_code
follow(struct sk_sq *q, const struct sk_move *v, uint64_t seq, struct sk_err *err)
{
	enum sk_phase phase = next_phase(v);
	bool element = sk_sq_is_element(seq);
	enum sk_code code = SK_OK;

	q->delta.n[v->expect_phase][element]--;
	q->delta.n[phase][element]++;
	sk_sq_changes_move(&q->changes, seq, v);
	if (v->set & SK_SET_RESULT)
		code = sk_sq_put_result(q, seq, v->to->result, v->to->result_len, err);
	if (code == SK_OK && v->ended != NULL)
		code = sk_sq_put_attempt(q, seq, v->ended, err);
	if (code == SK_OK && sk_phase_final(phase) && !sk_phase_final(v->expect_phase))
		code = sk_sq_drop_key(q, seq, err);
	return code;
}

/* What needs the row as it was: a new spec, a task that comes back to life. */
static enum sk_code
move_read(struct sk_sq *q, struct sk_move *v, uint64_t seq, struct sk_arena *a, bool *changed,
	struct sk_err *err)
{
	bool revived = sk_phase_final(v->expect_phase) && !sk_phase_final(next_phase(v));
	struct sk_record *old;
	uint64_t other = 0;
	enum sk_code code = sk_sq_read_seq(&q->db, seq, SK_SQ_WHOLE, a, &old, err);
	bool keyed = old != NULL && revived && old->unique_key[0] != '\0';

	if (code == SK_OK && keyed)
		code = sk_sq_find_key(q, old->unique_key, &other, err);
	*changed = false;
	if (code != SK_OK || other != 0)
		return code;
	if (v->set & SK_SET_ATTACHMENTS) {
		sk_str_clear(&q->spec);
		sk_value_encode(&q->spec, v->to->spec);
	}
	code = update(q, v, seq, changed, err);
	if (code == SK_OK && *changed && (v->set & SK_SET_ATTACHMENTS))
		code = replace_links(q, v, seq, old, err);
	if (code == SK_OK && *changed && keyed)
		code = sk_sq_put_key(q, seq, old->unique_key, err);
	return code;
}

static enum sk_code
move_seq(struct sk_sq *q, struct sk_move *v, uint64_t seq, bool *changed, struct sk_err *err)
{
	bool revived = sk_phase_final(v->expect_phase) && !sk_phase_final(next_phase(v));
	struct sk_arena *a;
	enum sk_code code;

	if (!(v->set & SK_SET_ATTACHMENTS) && !revived)
		return update(q, v, seq, changed, err);
	a = sk_arena_new();
	code = move_read(q, v, seq, a, changed, err);
	sk_arena_free(a);
	return code;
}

static enum sk_code
move_one(struct sk_sq *q, struct sk_move *v, struct sk_err *err)
{
	uint64_t seq = v->seq;
	bool changed = false;
	enum sk_code code = SK_OK;

	if (seq == 0)
		code = sk_sq_find_id(&q->db, v->id, &seq, err);
	if (code == SK_OK && seq != 0)
		code = move_seq(q, v, seq, &changed, err);
	if (code != SK_OK)
		return code;
	v->code = SK_OK;
	if (changed)
		return follow(q, v, seq, err);
	if (seq != 0)
		code = sk_sq_find_id(&q->db, v->id, &seq, err);
	v->code = seq != 0 ? SK_ECONFLICT : SK_ENOENT;
	return code;
}

enum sk_code
sk_sq_move(struct sk_sq *q, struct sk_op_move *op, struct sk_err *err)
{
	enum sk_code code = sk_sq_begin(q, err);

	for (size_t i = 0; i < op->n && code == SK_OK; i++)
		code = move_one(q, &op->moves[i], err);
	return code;
}
