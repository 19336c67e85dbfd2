/* check.c - is the file sound? SQLite's own look at its pages, then our promises about the rows. */
#include "adapters/sqlite/sqlite.h"
#include <string.h>

#define MAX_PROBLEMS 100

struct checking {
	struct sk_sq_db *db;
	struct sk_str text;
	int n;
};

static void
problem(struct checking *c, const char *what, const char *which)
{
	if (c->n++ < MAX_PROBLEMS)
		sk_str_addf(&c->text, "%s%s%s%s", c->text.len > 0 ? "\n" : "", what,
			which[0] != '\0' ? ": " : "", which);
}

static enum sk_code
pages(struct checking *c, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(c->db, "PRAGMA integrity_check(100)");
	enum sk_code code;
	bool row;

	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row) {
		const char *text = (const char *)sqlite3_column_text(u.st, 0);

		if (text != NULL && strcmp(text, "ok") != 0)
			problem(c, "damaged", text);
	}
	return code;
}

/* What must never be there: a query for it, and how it is called. */
static const struct rule {
	const char *what, *sql;
} rules[] = {
	{ "a task with a state that is none",
		"SELECT id FROM task WHERE phase NOT BETWEEN 0 AND 6 OR wanted NOT BETWEEN 0 AND 2"
		" OR gate NOT BETWEEN 0 AND 2 OR (exit_reason IS NOT NULL AND exit_reason NOT BETWEEN 0 "
		"AND 8)"
		" LIMIT 20" },
	{ "a task in a wrong place of the index",
		"SELECT id FROM task WHERE place <> CASE WHEN phase > 0 THEN phase + 2 WHEN gate = 1 THEN 1"
		" WHEN gate = 0 AND wanted = 0 THEN 0 ELSE 2 END + CASE WHEN parent IS NULL THEN 0 ELSE 9 "
		"END"
		" OR (phase = 0 AND key <> CASE WHEN gate = 1 THEN due_ms WHEN gate = 0 AND wanted = 0"
		" THEN rank_ms ELSE create_ms END) OR (phase > 3 AND key <> update_ms) LIMIT 20" },
	{ "an element of an array whose number is none's",
		"SELECT id FROM task WHERE (parent IS NOT NULL) <> (seq & 1) LIMIT 20" },
	{ "a task without its spec",
		"SELECT id FROM task WHERE spec IS NULL AND seq NOT IN (SELECT seq FROM spec) LIMIT 20" },
	{ "a spec without its task",
		"SELECT seq FROM spec WHERE seq NOT IN (SELECT seq FROM task WHERE spec IS NULL) LIMIT "
		"20" },
	{ "a task without its result",
		"SELECT id FROM task WHERE has_result <> 0 AND seq NOT IN (SELECT seq FROM result) LIMIT "
		"20" },
	{ "a result without its task",
		"SELECT seq FROM result WHERE seq NOT IN (SELECT seq FROM task WHERE has_result = 1)"
		" LIMIT 20" },
	{ "an attempt without its task",
		"SELECT seq FROM attempt WHERE seq NOT IN (SELECT seq FROM task) LIMIT 20" },
	{ "a label without its task",
		"SELECT label FROM label WHERE seq NOT IN (SELECT seq FROM task) LIMIT 20" },
	{ "a dependency without its task",
		"SELECT depends_on FROM dependency WHERE seq NOT IN (SELECT seq FROM task) LIMIT 20" },
	{ "a unique key that is not its task's",
		"SELECT key FROM unique_key AS u WHERE NOT EXISTS(SELECT 1 FROM task AS t WHERE t.seq = "
		"u.seq"
		" AND t.unique_key = u.key AND t.phase < 4) LIMIT 20" },
	{ "a task without its unique key",
		"SELECT id FROM task AS t WHERE unique_key IS NOT NULL AND phase < 4 AND NOT EXISTS("
		"SELECT 1 FROM unique_key AS u WHERE u.key = t.unique_key AND u.seq = t.seq) LIMIT 20" },
};

static enum sk_code
check_rule(struct checking *c, const struct rule *rule, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(c->db, rule->sql);
	enum sk_code code;
	bool row;

	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row) {
		const char *text = (const char *)sqlite3_column_text(u.st, 0);

		problem(c, rule->what, text != NULL ? text : "");
	}
	return code;
}

/* Can every spec be read? */
static enum sk_code
check_specs(struct checking *c, const char *literal, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(c->db, literal);
	enum sk_code code;
	bool row;

	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row) {
		struct sk_arena *a = sk_arena_new();
		struct sk_err why;
		const void *data = sqlite3_column_blob(u.st, 1); /* NULL where there are no bytes */
		const struct sk_value *v = sk_value_decode(
			a, data != NULL ? data : "", (size_t)sqlite3_column_bytes(u.st, 1), &why);

		if (v == NULL || v->kind != SK_MAP)
			problem(c, "a spec that cannot be read", (const char *)sqlite3_column_text(u.st, 0));
		sk_arena_free(a);
	}
	return code;
}

static enum sk_code
check_all(struct checking *c, struct sk_err *err)
{
	enum sk_code code = pages(c, err);

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && code == SK_OK; i++)
		code = check_rule(c, &rules[i], err);
	if (code == SK_OK)
		code = check_specs(c, "SELECT id, spec FROM task WHERE spec IS NOT NULL", err);
	if (code == SK_OK)
		code = check_specs(c, "SELECT seq, data FROM spec", err);
	return code;
}

enum sk_code
sk_sq_check(struct sk_sq_db *db, struct sk_op_check *op, struct sk_err *err)
{
	struct checking c = { db, SK_STR_INIT, 0 };
	enum sk_code code = check_all(&c, err);

	if (c.n > MAX_PROBLEMS)
		sk_str_addf(&c.text, "\n%d more", c.n - MAX_PROBLEMS);
	/* Pages that cannot be read are an answer here, not an end. */
	if (code == SK_EIO && (db->last_rc & 0xff) == SQLITE_CORRUPT) {
		problem(&c, "damaged", err->msg);
		code = SK_OK;
	}
	op->problems = sk_arena_strdup(op->op.arena, sk_str_text(&c.text));
	sk_str_release(&c.text);
	return code;
}
