/* remove.c - tasks that are final are removed: their attempts and keys first, a parent behind its
 * elements, so that what a crash leaves is found and removed the next time. */
#include "adapters/mongo/mongo.h"
#include <stdlib.h>
#include <string.h>

struct item {
	const char *id;
	size_t i; /* the first with this id */
	bool there, final, parent;
};

struct removing {
	struct sk_mg_conn *c;
	struct item *items; /* by id, each once */
	size_t n;
};

static int
by_id(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int way = strcmp(x->id, y->id);

	return way != 0 ? way : (x->i > y->i) - (x->i < y->i);
}

static const char *
text_of(const bson_t *doc, const char *member)
{
	bson_iter_t it;

	if (!bson_iter_init_find(&it, doc, member) || bson_iter_type(&it) != BSON_TYPE_UTF8)
		return "";
	return bson_iter_utf8(&it, NULL);
}

static bool
is_final(const bson_t *doc)
{
	const char *phase = text_of(doc, "phase");
	enum sk_phase p;

	if (phase[0] == '\0')
		phase = text_of(doc, "lifecycleStatus");
	return sk_phase_parse(phase, &p) && sk_phase_final(p);
}

static bool
look(void *arg, const bson_t *doc)
{
	struct removing *g = arg;
	struct item key = { .id = text_of(doc, "id") };
	bson_iter_t it;
	int64_t size = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct item *x = &g->items[i];

		if (strcmp(x->id, key.id) != 0)
			continue;
		x->there = strcmp(text_of(doc, "phase"), SK_MG_STAGED) != 0;
		x->final = is_final(doc);
		if (bson_iter_init_find(&it, doc, "arraySize"))
			(void)sk_mg_take_i64(&it, &size);
		x->parent = size > 0;
	}
	return true;
}

static void
put_members(bson_t *opts, const char *const *members)
{
	bson_t child;

	BSON_APPEND_DOCUMENT_BEGIN(opts, "projection", &child);
	for (; *members != NULL; members++)
		BSON_APPEND_INT32(&child, *members, 1);
	bson_append_document_end(opts, &child);
}

static enum sk_code
look_at(struct removing *g, struct sk_err *err)
{
	static const char *const members[] = { "id", "phase", "lifecycleStatus", "arraySize", NULL };
	const char **ids = sk_xreallocarray(NULL, g->n + 1, sizeof(*ids));
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER;
	enum sk_code code;

	for (size_t i = 0; i < g->n; i++)
		ids[i] = g->items[i].id;
	sk_mg_put_in(&which, "id", ids, g->n);
	put_members(&opts, members);
	code = sk_mg_find(g->c, SK_MG_TASKS, &which, &opts, look, g, err);
	bson_destroy(&which);
	bson_destroy(&opts);
	free(ids);
	return code;
}

/* ---- what belongs to them ---- */

static enum sk_code
remove_in(struct sk_mg_conn *c, enum sk_mg_coll coll, const char *member, const char *const *ids,
	size_t n, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;
	int64_t count;

	sk_mg_put_in(&which, member, ids, n);
	count = sk_mg_delete(c, coll, &which, err);
	bson_destroy(&which);
	return count < 0 ? err->code : SK_OK;
}

static enum sk_code
remove_belongings(struct sk_mg_conn *c, const char *const *ids, size_t n, struct sk_err *err)
{
	enum sk_code code = remove_in(c, SK_MG_ATTEMPTS, "task", ids, n, err);

	return code == SK_OK ? remove_in(c, SK_MG_KEYS, "task", ids, n, err) : code;
}

struct page {
	const char *ids[SK_MG_CHUNK];
	size_t n;
};

static bool
add_id(void *arg, const bson_t *doc)
{
	struct page *p = arg;
	const char *id = text_of(doc, "id");

	if (id[0] != '\0' && p->n < SK_MG_CHUNK)
		p->ids[p->n++] = sk_xstrdup(id);
	return true;
}

/* Some of them; *n: how many there were. */
static enum sk_code
remove_elements(struct sk_mg_conn *c, const char *parent, size_t *n, struct sk_err *err)
{
	static const char *const members[] = { "id", NULL };
	struct page *p = sk_xcalloc(1, sizeof(*p));
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_text(&which, "arrayParent", parent);
	put_members(&opts, members);
	BSON_APPEND_INT64(&opts, "limit", SK_MG_CHUNK);
	code = sk_mg_find(c, SK_MG_TASKS, &which, &opts, add_id, p, err);
	if (code == SK_OK && p->n > 0)
		code = remove_belongings(c, p->ids, p->n, err);
	if (code == SK_OK && p->n > 0)
		code = remove_in(c, SK_MG_TASKS, "id", p->ids, p->n, err);
	*n = p->n;
	for (size_t i = 0; i < p->n; i++)
		free((void *)(uintptr_t)p->ids[i]);
	free(p);
	bson_destroy(&which);
	bson_destroy(&opts);
	return code;
}

/* ---- the tasks ---- */

/* {id in these, and still final}: of the original lifecycleStatus counts. */
static void
put_final(bson_t *b, const char *const *ids, size_t n)
{
	static const char *const names[] = { "Finished", "Failed", "Cancelled" };
	bson_t either, one;

	sk_mg_put_in(b, "id", ids, n);
	BSON_APPEND_ARRAY_BEGIN(b, "$or", &either);
	BSON_APPEND_DOCUMENT_BEGIN(&either, "0", &one);
	sk_mg_put_in(&one, "phase", names, 3);
	bson_append_document_end(&either, &one);
	BSON_APPEND_DOCUMENT_BEGIN(&either, "1", &one);
	sk_mg_put_null(&one, "phase");
	sk_mg_put_in(&one, "lifecycleStatus", names, 3);
	bson_append_document_end(&either, &one);
	bson_append_array_end(b, &either);
}

static enum sk_code
remove_tasks(struct removing *g, const char *const *ids, size_t n, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;
	enum sk_code code = remove_belongings(g->c, ids, n, err);
	int64_t count = 0;

	put_final(&which, ids, n);
	if (code == SK_OK) {
		count = sk_mg_delete(g->c, SK_MG_TASKS, &which, err);
		code = count < 0 ? err->code : SK_OK;
	}
	bson_destroy(&which);
	if (code != SK_OK || (size_t)count == n)
		return code;
	/* Somebody else was at it as well: what is there now came back to life. */
	for (size_t i = 0; i < g->n; i++)
		g->items[i].there = g->items[i].there && !g->items[i].final;
	struct removing now = { g->c, sk_xcalloc(g->n, sizeof(*now.items)), g->n };
	for (size_t i = 0; i < g->n; i++)
		now.items[i].id = g->items[i].id;
	code = look_at(&now, err);
	for (size_t i = 0; i < g->n; i++)
		if (now.items[i].there)
			g->items[i].final = false;
	free(now.items);
	return code;
}

static enum sk_code
remove_finals(struct removing *g, struct sk_err *err)
{
	const char **ids = sk_xreallocarray(NULL, g->n + 1, sizeof(*ids));
	enum sk_code code = SK_OK;
	size_t n = 0;

	for (size_t i = 0; i < g->n && code == SK_OK; i++) {
		size_t some = 1;

		if (!g->items[i].there || !g->items[i].final)
			continue;
		while (g->items[i].parent && some > 0 && code == SK_OK)
			code = remove_elements(g->c, g->items[i].id, &some, err);
		ids[n++] = g->items[i].id;
	}
	if (code == SK_OK && n > 0)
		code = remove_tasks(g, ids, n, err);
	free(ids);
	return code;
}

static void
set_codes(const struct removing *g, struct sk_op_remove *op, const struct item *before)
{
	for (size_t i = 0; i < g->n; i++)
		op->codes[g->items[i].i] = !before[i].there ? SK_ENOENT
			: !g->items[i].final					? SK_ECONFLICT
													: SK_OK;
}

static size_t
unique(struct item *items, size_t n)
{
	size_t k = 0;

	qsort(items, n, sizeof(*items), by_id);
	for (size_t i = 0; i < n; i++)
		if (k == 0 || strcmp(items[k - 1].id, items[i].id) != 0)
			items[k++] = items[i];
	return k;
}

/* One that is named twice is not there the second time. */
enum sk_code
sk_mg_remove(struct sk_mg_conn *c, struct sk_op_remove *op, struct sk_err *err)
{
	struct removing g = { .c = c, .items = sk_xcalloc(op->n + 1, sizeof(*g.items)) };
	struct item *before;
	enum sk_code code;

	op->codes = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->codes));
	for (size_t i = 0; i < op->n; i++) {
		g.items[i] = (struct item){ .id = op->ids[i], .i = i };
		op->codes[i] = SK_ENOENT;
	}
	g.n = unique(g.items, op->n);
	code = look_at(&g, err);
	before = sk_xcalloc(g.n + 1, sizeof(*before));
	memcpy(before, g.items, g.n * sizeof(*before));
	if (code == SK_OK)
		code = remove_finals(&g, err);
	set_codes(&g, op, before);
	free(before);
	free(g.items);
	return code;
}
