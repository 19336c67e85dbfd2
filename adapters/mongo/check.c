/* check.c - is the store sound? Its indexes, its documents, a server whose updates are atomic. */
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include <string.h>

#define LINES 20

struct checking {
	struct sk_str problems;
	size_t bad;
};

static bool
look(void *arg, const bson_t *doc)
{
	struct checking *g = arg;
	struct sk_arena *a = sk_arena_new();
	const char *why = NULL;
	bson_iter_t it;
	bson_t id = BSON_INITIALIZER;
	char *text;

	if (sk_mg_take_record(doc, SK_MG_WHOLE, a, &why) == NULL && why[0] != '\0' &&
		g->bad++ < LINES) {
		if (bson_iter_init_find(&it, doc, "_id"))
			(void)bson_append_iter(&id, NULL, 0, &it);
		text = bson_as_relaxed_extended_json(&id, NULL);
		sk_str_addf(
			&g->problems, "task %.200s cannot be read: %s\n", text != NULL ? text : "", why);
		bson_free(text);
	}
	bson_destroy(&id);
	sk_arena_free(a);
	return true;
}

static enum sk_code
check_race(struct sk_mg_conn *c, struct checking *g, struct sk_err *err)
{
	bool atomic = true;
	enum sk_code code = sk_mg_race(c->s->parsed, c->s->db, 4, sk_boot_ms() + 1000, &atomic, err);

	if (code == SK_OK && !atomic)
		sk_str_adds(&g->problems,
			"updates of this server are not atomic: two that compare and set may both succeed\n");
	return code;
}

enum sk_code
sk_mg_check(struct sk_mg_conn *c, struct sk_op_check *op, struct sk_err *err)
{
	struct checking g = { .problems = SK_STR_INIT };
	bson_t which = BSON_INITIALIZER;
	enum sk_code code = SK_OK;

	if (!c->s->indexed)
		c->s->indexed = sk_mg_index_rest(c, err) == SK_OK;
	if (c->lost)
		code = err->code;
	if (code == SK_OK)
		code = sk_mg_index_check(c, &g.problems, err);
	if (code == SK_OK)
		code = sk_mg_find(c, SK_MG_TASKS, &which, NULL, look, &g, err);
	if (code == SK_OK && g.bad > LINES)
		sk_str_addf(&g.problems, "and %zu more\n", g.bad - LINES);
	if (code == SK_OK)
		code = check_race(c, &g, err);
	op->problems = sk_arena_strdup(op->op.arena, sk_str_text(&g.problems));
	bson_destroy(&which);
	sk_str_release(&g.problems);
	return code;
}
