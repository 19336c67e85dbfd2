/* skalds.c - rows of skalds, the leader's row, settings. */
#include "adapters/sqlite/sqlite.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- skalds ---- */

struct stored {
	bool there, draining;
	uint64_t incarnation;
	int64_t start_ms;
};

static enum sk_code
look_up(struct sk_sq *q, const char *id, struct stored *s, struct sk_err *err)
{
	struct sk_sq_use u =
		sk_sq_fixed(&q->db, "SELECT incarnation, start_ms, draining FROM skald WHERE id = ?");
	enum sk_code code;

	*s = (struct stored){ false };
	sk_sq_text(&u, id);
	code = sk_sq_row(&u, &s->there, err);
	if (code == SK_OK && s->there) {
		s->incarnation = (uint64_t)sqlite3_column_int64(u.st, 0);
		s->start_ms = sqlite3_column_int64(u.st, 1);
		s->draining = sqlite3_column_int(u.st, 2) != 0;
	}
	sk_sq_done(&u);
	return code;
}

/* The class names as one list of values, labels and load as maps; an unknown load is empty. */
static void
encode(const struct sk_skald *s, struct sk_str *classes, struct sk_str *labels, struct sk_str *load)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *list = sk_value_new(a, SK_LIST);

	for (size_t i = 0; s->classes != NULL && s->classes[i] != NULL; i++)
		sk_list_add(a, list, sk_value_string(a, s->classes[i], strlen(s->classes[i])));
	sk_value_encode(classes, list);
	sk_value_encode(labels, s->labels != NULL ? s->labels : sk_value_new(a, SK_MAP));
	if (s->load.known)
		sk_value_encode(load, sk_load_value(a, &s->load));
	sk_arena_free(a);
}

static enum sk_code
write_skald(struct sk_sq *q, const struct sk_skald *s, bool draining, struct sk_err *err)
{
	struct sk_str classes = SK_STR_INIT, labels = SK_STR_INIT, load = SK_STR_INIT;
	struct sk_sq_use u = sk_sq_fixed(&q->db,
		"INSERT OR REPLACE INTO skald(id, incarnation, renewals, mode, version, host, slots, cpus,"
		" memory_mb, gpus, classes, labels, draining, start_ms, seen_ms, lease_ms, load)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	enum sk_code code;

	encode(s, &classes, &labels, &load);
	sk_sq_text(&u, s->id);
	sk_sq_int(&u, (int64_t)s->incarnation);
	sk_sq_int(&u, (int64_t)s->renewals);
	sk_sq_int(&u, s->mode);
	sk_sq_text(&u, s->version != NULL ? s->version : "");
	sk_sq_text(&u, s->host != NULL ? s->host : "");
	sk_sq_int(&u, s->slots);
	sk_sq_real(&u, s->cpus);
	sk_sq_int(&u, s->memory_mb);
	sk_sq_int(&u, s->gpus);
	sk_sq_blob(&u, classes.p, classes.len);
	sk_sq_blob(&u, labels.p, labels.len);
	sk_sq_int(&u, draining);
	sk_sq_int(&u, s->start_ms);
	sk_sq_int(&u, s->seen_ms);
	sk_sq_int(&u, s->lease_ms);
	sk_sq_blob(&u, sk_str_text(&load), load.len);
	code = sk_sq_run(&u, err);
	sk_str_release(&load);
	sk_str_release(&classes);
	sk_str_release(&labels);
	return code;
}

enum sk_code
sk_sq_skald_put(struct sk_sq *q, struct sk_op_skald_put *op, struct sk_err *err)
{
	const struct sk_skald *s = op->skald;
	struct stored old;
	enum sk_code code = sk_sq_begin(q, err);

	if (code == SK_OK)
		code = look_up(q, s->id, &old, err);
	if (code != SK_OK)
		return code;
	if (old.there && !op->take && old.incarnation != s->incarnation &&
		old.start_ms >= s->start_ms) {
		op->op.code = sk_fail(&op->op.err, SK_ECONFLICT, "another skald %s is running", s->id);
		return SK_OK;
	}
	return write_skald(q, s, old.there && op->keep_draining ? old.draining : s->draining, err);
}

static const char *const *
read_classes(struct sk_sq_use *u, int i, struct sk_arena *a)
{
	struct sk_err err;
	size_t n, count;
	const char *data = sk_sq_column_blob(u, i, a, &n);
	const struct sk_value *list = data != NULL ? sk_value_decode(a, data, n, &err) : NULL;
	const char **names;

	count = list != NULL && list->kind == SK_LIST ? list->u.list.n : 0;
	names = sk_arena_alloc(a, (count + 1) * sizeof(*names));
	for (size_t k = 0; k < count; k++)
		names[k] = list->u.list.items[k]->kind == SK_STRING ? list->u.list.items[k]->u.str.s : "";
	return (const char *const *)names;
}

static const struct sk_value *
read_labels(struct sk_sq_use *u, int i, struct sk_arena *a)
{
	struct sk_err err;
	size_t n;
	const char *data = sk_sq_column_blob(u, i, a, &n);
	const struct sk_value *map = data != NULL ? sk_value_decode(a, data, n, &err) : NULL;

	return map != NULL && map->kind == SK_MAP ? map : sk_value_new(a, SK_MAP);
}

static void
read_load(struct sk_sq_use *u, int i, struct sk_arena *a, struct sk_load *load)
{
	struct sk_err err;
	size_t n;
	const char *data = sk_sq_column_blob(u, i, a, &n);

	sk_load_take(load, data != NULL && n > 0 ? sk_value_decode(a, data, n, &err) : NULL);
}

static struct sk_skald *
read_skald(struct sk_sq_use *u, struct sk_arena *a)
{
	struct sk_skald *s = sk_arena_alloc(a, sizeof(*s));

	*s = (struct sk_skald){
		.id = sk_sq_column_text(u, 0, a),
		.incarnation = (uint64_t)sqlite3_column_int64(u->st, 1),
		.renewals = (uint64_t)sqlite3_column_int64(u->st, 2),
		.mode = (enum sk_skald_mode)sqlite3_column_int(u->st, 3),
		.version = sk_sq_column_text(u, 4, a),
		.host = sk_sq_column_text(u, 5, a),
		.slots = sqlite3_column_int64(u->st, 6),
		.cpus = sqlite3_column_double(u->st, 7),
		.memory_mb = sqlite3_column_int64(u->st, 8),
		.gpus = sqlite3_column_int64(u->st, 9),
		.classes = read_classes(u, 10, a),
		.labels = read_labels(u, 11, a),
		.draining = sqlite3_column_int(u->st, 12) != 0,
		.start_ms = sqlite3_column_int64(u->st, 13),
		.seen_ms = sqlite3_column_int64(u->st, 14),
		.lease_ms = sqlite3_column_int64(u->st, 15),
	};
	read_load(u, 16, a, &s->load);
	return s;
}

enum sk_code
sk_sq_skald_list(struct sk_sq_db *db, struct sk_op_skald_list *op, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(db,
		"SELECT id, incarnation, renewals, mode, version, host, slots, cpus, memory_mb, gpus,"
		" classes, labels, draining, start_ms, seen_ms, lease_ms, load FROM skald ORDER BY id");
	struct sk_skald **all = NULL;
	size_t cap = 0;
	enum sk_code code;
	bool row;

	op->n = 0;
	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row) {
		if (op->n == cap) {
			cap = cap > 0 ? cap * 2 : 16;
			all = sk_xreallocarray(all, cap, sizeof(struct sk_skald *));
		}
		all[op->n++] = read_skald(&u, op->op.arena);
	}
	op->skalds = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(struct sk_skald *));
	if (op->n > 0)
		memcpy(op->skalds, all, op->n * sizeof(struct sk_skald *));
	free(all);
	return code;
}

enum sk_code
sk_sq_skald_remove(struct sk_sq *q, struct sk_op_skald_remove *op, struct sk_err *err)
{
	enum sk_code code = sk_sq_begin(q, err);
	struct sk_sq_use u;

	if (code != SK_OK)
		return code;
	u = sk_sq_fixed(&q->db, "DELETE FROM skald WHERE id = ?");
	sk_sq_text(&u, op->id);
	code = sk_sq_run(&u, err);
	if (code == SK_OK && sqlite3_changes(q->db.h) == 0)
		op->op.code = sk_fail(&op->op.err, SK_ENOENT, "there is no skald %s", op->id);
	return code;
}

/* ---- the leader ---- */

static enum sk_code
read_lead(struct sk_sq *q, struct sk_op_lead *op, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(&q->db, "SELECT holder, term, renewals FROM lead");
	enum sk_code code;
	bool row;

	op->now_holder = "";
	op->now_term = op->now_renewals = 0;
	code = sk_sq_row(&u, &row, err);
	if (code == SK_OK && row) {
		op->now_holder = sk_sq_column_text(&u, 0, op->op.arena);
		op->now_term = (uint64_t)sqlite3_column_int64(u.st, 1);
		op->now_renewals = (uint64_t)sqlite3_column_int64(u.st, 2);
	}
	sk_sq_done(&u);
	return code;
}

enum sk_code
sk_sq_lead(struct sk_sq *q, struct sk_op_lead *op, struct sk_err *err)
{
	enum sk_code code = sk_sq_begin(q, err);
	struct sk_sq_use u;
	bool mine;

	if (code == SK_OK)
		code = read_lead(q, op, err);
	if (code != SK_OK)
		return code;
	mine = op->now_term > 0 && strcmp(op->now_holder, op->holder) == 0;
	if (op->term != op->now_term || (!mine && (!op->take || op->renewals != op->now_renewals))) {
		op->op.code = sk_fail(&op->op.err, SK_ECONFLICT, "the leader is %s, term %" PRIu64,
			op->now_term > 0 ? op->now_holder : "nobody", op->now_term);
		return SK_OK;
	}
	op->now_term += mine ? 0 : 1;
	op->now_renewals++;
	op->now_holder = sk_arena_strdup(op->op.arena, op->holder);
	u = sk_sq_fixed(
		&q->db, "INSERT OR REPLACE INTO lead(one, holder, term, renewals) VALUES(1, ?, ?, ?)");
	sk_sq_text(&u, op->holder);
	sk_sq_int(&u, (int64_t)op->now_term);
	sk_sq_int(&u, (int64_t)op->now_renewals);
	return sk_sq_run(&u, err);
}

/* ---- settings ---- */

static enum sk_code
get_setting(struct sk_sq *q, struct sk_op_setting *op, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(&q->db, "SELECT value FROM setting WHERE name = ?");
	enum sk_code code;
	bool row;

	sk_sq_text(&u, op->name);
	code = sk_sq_row(&u, &row, err);
	op->value = code == SK_OK && row ? sk_sq_column_text(&u, 0, op->op.arena) : "";
	sk_sq_done(&u);
	return code;
}

enum sk_code
sk_sq_setting(struct sk_sq *q, struct sk_op_setting *op, struct sk_err *err)
{
	struct sk_sq_use u;

	if (op->op.kind == SK_OP_SETTING_GET)
		return get_setting(q, op, err);
	if (sk_sq_begin(q, err) != SK_OK)
		return err->code;
	u = sk_sq_fixed(&q->db, "INSERT OR REPLACE INTO setting(name, value) VALUES(?, ?)");
	sk_sq_text(&u, op->name);
	sk_sq_text(&u, op->value);
	return sk_sq_run(&u, err);
}
