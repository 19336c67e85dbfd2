/* parts.c - what few tasks have and therefore stands in tables of its own: long specs, results,
 * labels, dependencies, attempts, unique keys. */
#include "adapters/sqlite/sqlite.h"
#include <stdlib.h>
#include <string.h>

/* ---- bytes ---- */

enum sk_code
sk_sq_read_blob(struct sk_sq_db *db, const char *literal, uint64_t seq, struct sk_arena *a,
	const char **data, size_t *n, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(db, literal);
	enum sk_code code;
	bool row;

	sk_sq_int(&u, sk_sq_seq(seq));
	code = sk_sq_row(&u, &row, err);
	*data = NULL;
	*n = 0;
	if (code == SK_OK && row)
		*data = sk_sq_column_blob(&u, 0, a, n);
	sk_sq_done(&u);
	return code;
}

enum sk_code
sk_sq_put_spec(struct sk_sq *q, uint64_t seq, struct sk_err *err)
{
	struct sk_sq_use u;

	if (q->spec.len <= SK_SQ_SPEC_INLINE && !q->has_specs)
		return SK_OK;
	if (q->spec.len <= SK_SQ_SPEC_INLINE) {
		u = sk_sq_fixed(&q->db, "DELETE FROM spec WHERE seq = ?");
		sk_sq_int(&u, sk_sq_seq(seq));
		return sk_sq_run(&u, err);
	}
	q->has_specs = true;
	u = sk_sq_fixed(&q->db, "INSERT OR REPLACE INTO spec(seq, data) VALUES(?, ?)");
	sk_sq_int(&u, sk_sq_seq(seq));
	sk_sq_blob(&u, q->spec.p, q->spec.len);
	return sk_sq_run(&u, err);
}

enum sk_code
sk_sq_put_result(struct sk_sq *q, uint64_t seq, const void *data, size_t n, struct sk_err *err)
{
	struct sk_sq_use u;

	if (data == NULL && !q->has_results)
		return SK_OK;
	if (data == NULL) {
		u = sk_sq_fixed(&q->db, "DELETE FROM result WHERE seq = ?");
		sk_sq_int(&u, sk_sq_seq(seq));
		return sk_sq_run(&u, err);
	}
	q->has_results = true;
	u = sk_sq_fixed(&q->db, "INSERT OR REPLACE INTO result(seq, data) VALUES(?, ?)");
	sk_sq_int(&u, sk_sq_seq(seq));
	sk_sq_blob(&u, data, n);
	return sk_sq_run(&u, err);
}

/* ---- labels and dependencies ---- */

static enum sk_code
link_row(struct sk_sq *q, const char *literal, const char *text, uint64_t seq, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(&q->db, literal);

	sk_sq_text(&u, text);
	sk_sq_int(&u, sk_sq_seq(seq));
	return sk_sq_run(&u, err);
}

/* A name with = in it cannot be asked for. */
static enum sk_code
label_rows(struct sk_sq *q, const char *literal, const struct sk_pair *pair, uint64_t seq,
	struct sk_err *err)
{
	struct sk_str both = SK_STR_INIT;
	enum sk_code code;

	if (strchr(pair->key, '=') != NULL)
		return SK_OK;
	code = link_row(q, literal, pair->key, seq, err);
	if (code == SK_OK && pair->value->kind == SK_STRING) {
		sk_str_addf(&both, "%s=%s", pair->key, pair->value->u.str.s);
		code = link_row(q, literal, both.p, seq, err);
		sk_str_release(&both);
	}
	return code;
}

static enum sk_code
links(struct sk_sq *q, uint64_t seq, const struct sk_value *spec, const char *label,
	const char *dependency, struct sk_err *err)
{
	const struct sk_value *labels = sk_map_get(spec, "labels");
	const struct sk_value *list = sk_map_get(spec, "dependencies");
	enum sk_code code = SK_OK;

	if (labels != NULL && labels->kind == SK_MAP)
		for (size_t i = 0; i < labels->u.map.n && code == SK_OK; i++)
			code = label_rows(q, label, &labels->u.map.pairs[i], seq, err);
	if (list != NULL && list->kind == SK_LIST)
		for (size_t i = 0; i < list->u.list.n && code == SK_OK; i++)
			if (list->u.list.items[i]->kind == SK_STRING)
				code = link_row(q, dependency, list->u.list.items[i]->u.str.s, seq, err);
	return code;
}

enum sk_code
sk_sq_put_links(struct sk_sq *q, uint64_t seq, const struct sk_value *spec, struct sk_err *err)
{
	return links(q, seq, spec, "INSERT OR IGNORE INTO label(label, seq) VALUES(?, ?)",
		"INSERT OR IGNORE INTO dependency(depends_on, seq) VALUES(?, ?)", err);
}

enum sk_code
sk_sq_drop_links(struct sk_sq *q, uint64_t seq, const struct sk_value *spec, struct sk_err *err)
{
	return links(q, seq, spec, "DELETE FROM label WHERE label = ? AND seq = ?",
		"DELETE FROM dependency WHERE depends_on = ? AND seq = ?", err);
}

/* ---- attempts ---- */

enum sk_code
sk_sq_put_attempt(struct sk_sq *q, uint64_t seq, const struct sk_attempt *a, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(&q->db,
		"INSERT OR REPLACE INTO attempt(seq, attempt, executor, start_ms, finish_ms, exit_reason,"
		" exit_code, exit_signal, exit_message, max_rss_kb, cpu_ms, tail)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	sk_sq_int(&u, sk_sq_seq(seq));
	sk_sq_int(&u, a->attempt);
	sk_sq_text(&u, a->executor != NULL ? a->executor : "");
	sk_sq_int(&u, a->start_ms);
	sk_sq_int(&u, a->finish_ms);
	if (a->exit.known)
		sk_sq_int(&u, a->exit.reason);
	else
		sk_sq_null(&u);
	sk_sq_int(&u, a->exit.code);
	sk_sq_int(&u, a->exit.signal);
	sk_sq_text(&u, a->exit.message != NULL ? a->exit.message : "");
	sk_sq_int(&u, a->max_rss_kb);
	sk_sq_int(&u, a->cpu_ms);
	if (a->tail != NULL)
		sk_sq_blob(&u, a->tail, a->tail_len);
	else
		sk_sq_null(&u);
	return sk_sq_run(&u, err);
}

static enum sk_code
read_attempt(struct sk_sq_use *u, struct sk_arena *a, struct sk_attempt *to)
{
	*to = (struct sk_attempt){
		.attempt = (uint32_t)sqlite3_column_int64(u->st, 0),
		.executor = sk_sq_column_text(u, 1, a),
		.start_ms = sqlite3_column_int64(u->st, 2),
		.finish_ms = sqlite3_column_int64(u->st, 3),
		.exit = { .known = sqlite3_column_type(u->st, 4) != SQLITE_NULL,
			.code = sqlite3_column_int(u->st, 5),
			.signal = sqlite3_column_int(u->st, 6),
			.message = sk_sq_column_text(u, 7, a) },
		.max_rss_kb = sqlite3_column_int64(u->st, 8),
		.cpu_ms = sqlite3_column_int64(u->st, 9),
	};
	if (to->exit.known)
		to->exit.reason = (enum sk_reason)sqlite3_column_int(u->st, 4);
	to->tail = sk_sq_column_blob(u, 10, a, &to->tail_len);
	return SK_OK;
}

enum sk_code
sk_sq_attempts(struct sk_sq_db *db, struct sk_op_attempts *op, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(db,
		"SELECT attempt, executor, start_ms, finish_ms, exit_reason, exit_code, exit_signal,"
		" exit_message, max_rss_kb, cpu_ms, tail FROM attempt WHERE seq = ? ORDER BY attempt");
	struct sk_attempt *all = NULL;
	enum sk_code code;
	uint64_t seq;
	size_t cap = 0;
	bool row = true;

	op->n = 0;
	code = sk_sq_find_id(db, op->id, &seq, err);
	if (code != SK_OK || seq == 0) {
		op->op.code = sk_fail(&op->op.err, SK_ENOENT, "there is no task %s", op->id);
		return code;
	}
	sk_sq_int(&u, sk_sq_seq(seq));
	while (code == SK_OK && (code = sk_sq_row(&u, &row, err)) == SK_OK && row) {
		if (op->n == cap) {
			cap = cap > 0 ? cap * 2 : 4;
			all = sk_xreallocarray(all, cap, sizeof(*all));
		}
		code = read_attempt(&u, op->op.arena, &all[op->n++]);
	}
	op->attempts = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*all));
	if (op->n > 0)
		memcpy(op->attempts, all, op->n * sizeof(*all));
	free(all);
	return code;
}

/* ---- unique keys ---- */

enum sk_code
sk_sq_find_key(struct sk_sq *q, const char *key, uint64_t *seq, struct sk_err *err)
{
	struct sk_sq_use u;
	enum sk_code code;
	bool row;

	*seq = 0;
	if (!q->has_keys)
		return SK_OK;
	u = sk_sq_fixed(&q->db, "SELECT seq FROM unique_key WHERE key = ?");
	sk_sq_text(&u, key);
	code = sk_sq_row(&u, &row, err);
	if (code == SK_OK && row)
		*seq = (uint64_t)sqlite3_column_int64(u.st, 0);
	sk_sq_done(&u);
	return code;
}

enum sk_code
sk_sq_put_key(struct sk_sq *q, uint64_t seq, const char *key, struct sk_err *err)
{
	q->has_keys = true;
	return link_row(q, "INSERT INTO unique_key(key, seq) VALUES(?, ?)", key, seq, err);
}

enum sk_code
sk_sq_drop_key(struct sk_sq *q, uint64_t seq, struct sk_err *err)
{
	struct sk_sq_use u;

	if (!q->has_keys)
		return SK_OK;
	u = sk_sq_fixed(&q->db,
		"DELETE FROM unique_key WHERE key = (SELECT unique_key FROM task WHERE seq = ?1)"
		" AND seq = ?1");
	sk_sq_int(&u, sk_sq_seq(seq));
	return sk_sq_run(&u, err);
}
