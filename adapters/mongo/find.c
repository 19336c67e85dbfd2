/* find.c - tasks read: by id, in pages. */
#include "adapters/mongo/filter.h"
#include "adapters/mongo/mongo.h"
#include <stdlib.h>
#include <string.h>

/* Room for documents that cannot be read among those of a page. */
#define SPARE 32
/* ids in one query */
#define IDS 1000

/* What a list does not need, and what nobody needs. */
static void
put_projection(bson_t *opts, bool thin)
{
	static const char *const wide[] = { "attachments", "result", "stdin", "env", "odd",
		"description", "labels", "dependencies" };
	static const char *const never[] = { "ended", "labelIndex", "needs" };
	bson_t child;

	BSON_APPEND_DOCUMENT_BEGIN(opts, "projection", &child);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		BSON_APPEND_INT32(&child, never[i], 0);
	for (size_t i = 0; thin && i < sizeof(wide) / sizeof(wide[0]); i++)
		BSON_APPEND_INT32(&child, wide[i], 0);
	bson_append_document_end(opts, &child);
}

/* ---- by id ---- */

struct reading {
	struct sk_mongo *s;
	struct sk_arena *a;
	struct sk_record *r;
};

static bool
read_one(void *arg, const bson_t *doc)
{
	struct reading *g = arg;
	const char *why;

	g->r = sk_mg_take_record(doc, SK_MG_WHOLE, g->a, &why);
	if (g->r == NULL && why[0] != '\0')
		sk_mg_skipped(g->s, doc, SK_COLL_TASKS, why);
	return false;
}

enum sk_code
sk_mg_read_id(struct sk_mg_conn *c, const char *id, struct sk_arena *a, struct sk_record **r,
	struct sk_err *err)
{
	struct reading g = { .s = c->s, .a = a };
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_text(&which, "id", id);
	BSON_APPEND_INT64(&opts, "limit", 1);
	put_projection(&opts, false);
	code = sk_mg_find(c, SK_MG_TASKS, &which, &opts, read_one, &g, err);
	bson_destroy(&which);
	bson_destroy(&opts);
	*r = code == SK_OK ? g.r : NULL;
	return code;
}

/* ---- several gets in one ---- */

struct want {
	const char *id;
	struct sk_op_get *op;
	size_t i;
};

struct getting {
	struct sk_mongo *s;
	struct want *wants;
	size_t n;
};

static int
by_id(const void *a, const void *b)
{
	const struct want *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static const char *
id_of(const bson_t *doc)
{
	bson_iter_t it;

	if (!bson_iter_init_find(&it, doc, "id") || bson_iter_type(&it) != BSON_TYPE_UTF8)
		return NULL;
	return bson_iter_utf8(&it, NULL);
}

/* The first with this id. */
static size_t
place_of(const struct getting *g, const char *id)
{
	size_t low = 0, high = g->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(g->wants[mid].id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
got(void *arg, const bson_t *doc)
{
	struct getting *g = arg;
	const char *id = id_of(doc), *why;

	for (size_t i = id != NULL ? place_of(g, id) : g->n;
		 i < g->n && strcmp(g->wants[i].id, id) == 0; i++) {
		struct want *w = &g->wants[i];
		struct sk_record *r = sk_mg_take_record(doc, SK_MG_WHOLE, w->op->op.arena, &why);

		w->op->records[w->i] = r;
		if (r == NULL && why[0] != '\0')
			sk_mg_skipped(g->s, doc, SK_COLL_TASKS, why);
	}
	return true;
}

static enum sk_code
get_some(struct sk_mg_conn *c, const struct getting *all, size_t from, size_t n, struct sk_err *err)
{
	struct getting g = { all->s, all->wants + from, n };
	const char **ids = sk_xreallocarray(NULL, n, sizeof(*ids));
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER;
	enum sk_code code;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(g.wants[i].id, g.wants[i - 1].id) != 0)
			ids[count++] = g.wants[i].id;
	if (count == 1)
		sk_mg_put_text(&which, "id", ids[0]);
	else
		sk_mg_put_in(&which, "id", ids, count);
	put_projection(&opts, false);
	code = sk_mg_find(c, SK_MG_TASKS, &which, &opts, got, &g, err);
	bson_destroy(&which);
	bson_destroy(&opts);
	free(ids);
	return code;
}

static void
collect(struct getting *g, struct sk_op_get *op)
{
	op->records = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(struct sk_record *));
	for (size_t i = 0; i < op->n; i++)
		g->wants[g->n++] = (struct want){ op->ids[i], op, i };
}

void
sk_mg_get_run(struct sk_mg_conn *c, struct sk_op **ops, size_t n)
{
	struct getting g = { .s = c->s };
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = SK_OK;
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += ((struct sk_op_get *)ops[i])->n;
	g.wants = sk_xreallocarray(NULL, total + 1, sizeof(*g.wants));
	for (size_t i = 0; i < n; i++)
		collect(&g, (struct sk_op_get *)ops[i]);
	qsort(g.wants, g.n, sizeof(*g.wants), by_id);
	for (size_t at = 0; at < g.n && code == SK_OK;) {
		size_t end = at + IDS < g.n ? at + IDS : g.n;

		/* the same id stays together */
		while (end < g.n && strcmp(g.wants[end].id, g.wants[end - 1].id) == 0)
			end++;
		code = get_some(c, &g, at, end - at, &err);
		at = end;
	}
	for (size_t i = 0; i < n && code != SK_OK; i++)
		sk_op_answer(ops[i], code, &err);
	free(g.wants);
}

/* ---- pages ---- */

struct paging {
	struct sk_mongo *s;
	struct sk_op_find *op;
	struct sk_record **all;
	size_t n, raw, cap;
};

static bool
found(void *arg, const bson_t *doc)
{
	struct paging *p = arg;
	struct sk_record *r;
	const char *why;

	p->raw++;
	r = sk_mg_take_record(doc, p->op->thin ? SK_MG_THIN : SK_MG_WHOLE, p->op->op.arena, &why);
	if (r == NULL) {
		if (why[0] != '\0')
			sk_mg_skipped(p->s, doc, SK_COLL_TASKS, why);
		return true;
	}
	if (p->n == p->cap) {
		p->cap = p->cap > 0 ? p->cap * 2 : 64;
		p->all = sk_xreallocarray(p->all, p->cap, sizeof(struct sk_record *));
	}
	p->all[p->n++] = r;
	return p->n <= p->op->limit;
}

static enum sk_code
query(struct sk_mg_conn *c, struct paging *p, const struct sk_cursor *from, size_t limit,
	int64_t max_ms, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER;
	enum sk_code code;

	p->n = p->raw = 0;
	sk_mg_put_filter(&which, &p->op->filter, p->op->order, from);
	sk_mg_put_sort(&opts, p->op->order);
	put_projection(&opts, p->op->thin);
	if (p->op->skip > 0)
		BSON_APPEND_INT64(&opts, "skip", (int64_t)p->op->skip);
	if (limit > 0)
		BSON_APPEND_INT64(&opts, "limit", (int64_t)limit);
	if (max_ms > 0)
		BSON_APPEND_INT64(&opts, "maxTimeMS", max_ms);
	code = sk_mg_find(c, SK_MG_TASKS, &which, &opts, found, p, err);
	bson_destroy(&which);
	bson_destroy(&opts);
	return code;
}

static void
fill_page(struct sk_op_find *op, const struct paging *p)
{
	struct sk_cursor last;

	op->n = p->n < op->limit ? p->n : op->limit;
	op->records = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(struct sk_record *));
	if (op->n > 0)
		memcpy(op->records, p->all, op->n * sizeof(struct sk_record *));
	op->next = NULL;
	if (p->n > op->n) {
		const struct sk_record *r = op->records[op->n - 1];

		last = (struct sk_cursor){ sk_cursor_key(op->order, r), r->seq };
		op->next = sk_cursor_text(op->op.arena, op->order, &last);
	}
}

/* Where too many of a page cannot be read it is read again without a limit. */
enum sk_code
sk_mg_find_op(struct sk_mg_conn *c, struct sk_op_find *op, int64_t max_ms, struct sk_err *err)
{
	struct paging p = { .s = c->s, .op = op };
	size_t limit = op->limit + 1 + SPARE;
	struct sk_cursor from;
	enum sk_code code;
	bool behind;

	if (op->limit < 1 || op->limit > SK_FIND_MAX)
		return sk_fail(err, SK_EINVAL, "a page has 1 to %d tasks", SK_FIND_MAX);
	if (!sk_cursor_start(op, &from, &behind))
		return sk_fail(err, SK_EINVAL, "the cursor is none of this order");
	if (!sk_cursor_may_skip(op))
		return sk_fail(err, SK_EINVAL, SK_CURSOR_NO_SKIP);
	code = sk_mg_tag_foreign(c, err);
	if (code == SK_OK)
		code = query(c, &p, behind ? &from : NULL, limit, max_ms, err);
	if (code == SK_OK && p.n <= op->limit && p.raw == limit)
		code = query(c, &p, behind ? &from : NULL, 0, max_ms, err);
	if (code == SK_OK)
		fill_page(op, &p);
	free(p.all);
	return code;
}
