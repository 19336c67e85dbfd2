/* skalds.c - rows of skalds, the leader's row, settings: each change one compare-and-set. */
#include "adapters/mongo/mongo.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const modes[] = {
	[SK_MODE_NODE] = "node", [SK_MODE_EDGE] = "edge", [SK_MODE_SINGLE] = "single_process"
};
#define N_MODES ((int)(sizeof(modes) / sizeof(modes[0])))

/* ---- a row ---- */

/* Keys of labels may be anything: they are values here. */
static void
put_labels(bson_t *b, const struct sk_value *labels)
{
	bson_t list, one;
	struct sk_mg_list l = { .b = &list };

	BSON_APPEND_ARRAY_BEGIN(b, "labels", &list);
	for (size_t i = 0; labels != NULL && labels->kind == SK_MAP && i < labels->u.map.n; i++) {
		bson_append_document_begin(&list, sk_mg_next_key(&l), -1, &one);
		sk_mg_put_text(&one, "key", labels->u.map.pairs[i].key);
		sk_mg_put_value(&one, "value", labels->u.map.pairs[i].value);
		bson_append_document_end(&list, &one);
	}
	bson_append_array_end(b, &list);
}

static void
put_classes(bson_t *b, const char *const *classes)
{
	bson_t list;
	struct sk_mg_list l = { .b = &list };

	BSON_APPEND_ARRAY_BEGIN(b, "classes", &list);
	for (; classes != NULL && *classes != NULL; classes++)
		sk_mg_put_text(&list, sk_mg_next_key(&l), *classes);
	bson_append_array_end(b, &list);
}

static void
put_load(bson_t *b, const struct sk_load *load)
{
	struct sk_arena *a = sk_arena_new();
	const struct sk_value *v = sk_load_value(a, load);

	sk_mg_put_value(b, "load", v != NULL ? v : sk_value_new(a, SK_NULL));
	sk_arena_free(a);
}

static void
put_row(bson_t *b, const struct sk_skald *s)
{
	sk_mg_put_u64(b, "incarnation", s->incarnation);
	sk_mg_put_u64(b, "renewals", s->renewals);
	sk_mg_put_text(b, "mode", modes[s->mode]);
	sk_mg_put_text(b, "version", s->version);
	sk_mg_put_text(b, "host", s->host);
	sk_mg_put_i64(b, "slots", s->slots);
	sk_mg_put_double(b, "cpus", s->cpus);
	sk_mg_put_i64(b, "memoryMb", s->memory_mb);
	sk_mg_put_i64(b, "gpus", s->gpus);
	put_classes(b, s->classes);
	put_labels(b, s->labels);
	sk_mg_put_i64(b, "leaseMs", s->lease_ms);
	sk_mg_put_i64(b, "started", s->start_ms);
	sk_mg_put_i64(b, "seen", s->seen_ms);
	put_load(b, &s->load);
}

/* ---- put ---- */

/* How many rows were met; -1: err. */
static int64_t
update_row(struct sk_mg_conn *c, const struct sk_op_skald_put *op, const bson_t *which, bool upsert,
	struct sk_err *err)
{
	bson_t change = BSON_INITIALIZER, child;
	int64_t n;

	BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &child);
	put_row(&child, op->skald);
	if (!op->keep_draining)
		sk_mg_put_bool(&child, "draining", op->skald->draining);
	bson_append_document_end(&change, &child);
	if (upsert && op->keep_draining) {
		BSON_APPEND_DOCUMENT_BEGIN(&change, "$setOnInsert", &child);
		sk_mg_put_bool(&child, "draining", op->skald->draining);
		bson_append_document_end(&change, &child);
	}
	n = sk_mg_update(c, SK_MG_SKALDS, which, &change, false, upsert, err);
	bson_destroy(&change);
	return n;
}

/* The row of this very incarnation. */
static int64_t
renew(struct sk_mg_conn *c, const struct sk_op_skald_put *op, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;
	int64_t n;

	sk_mg_put_text(&which, "_id", op->skald->id);
	if (!op->take)
		sk_mg_put_u64(&which, "incarnation", op->skald->incarnation);
	n = update_row(c, op, &which, op->take, err);
	bson_destroy(&which);
	return n;
}

/* The row of one that was started before. */
static int64_t
replace(struct sk_mg_conn *c, const struct sk_op_skald_put *op, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, child;
	int64_t n;

	sk_mg_put_text(&which, "_id", op->skald->id);
	BSON_APPEND_DOCUMENT_BEGIN(&which, "started", &child);
	sk_mg_put_i64(&child, "$lt", op->skald->start_ms);
	bson_append_document_end(&which, &child);
	n = update_row(c, op, &which, false, err);
	bson_destroy(&which);
	return n;
}

static enum sk_code
make(struct sk_mg_conn *c, const struct sk_op_skald_put *op, struct sk_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_text(&doc, "_id", op->skald->id);
	put_row(&doc, op->skald);
	sk_mg_put_bool(&doc, "draining", op->skald->draining);
	code = sk_mg_insert_one(c, SK_MG_SKALDS, &doc, err);
	bson_destroy(&doc);
	return code;
}

enum sk_code
sk_mg_skald_put(struct sk_mg_conn *c, struct sk_op_skald_put *op, struct sk_err *err)
{
	enum sk_code code = SK_ECONFLICT;

	/* twice: a row may go between the updates and the insert */
	for (int i = 0; i < 2 && code == SK_ECONFLICT; i++) {
		int64_t n = renew(c, op, err);

		if (n == 0)
			n = replace(c, op, err);
		if (n != 0)
			return n < 0 ? err->code : SK_OK;
		code = make(c, op, err);
	}
	if (code == SK_ECONFLICT)
		op->op.code =
			sk_fail(&op->op.err, SK_ECONFLICT, "another skald %s is running", op->skald->id);
	return code == SK_ECONFLICT ? SK_OK : code;
}

/* ---- list ---- */

struct listing {
	struct sk_mongo *s;
	struct sk_arena *a;
	struct sk_skald **all;
	size_t n, cap;
};

static const char *const *
take_classes(const bson_iter_t *it, struct sk_arena *a)
{
	bson_iter_t child;
	const char **names;
	size_t n = 0;

	if (bson_iter_type(it) != BSON_TYPE_ARRAY || !bson_iter_recurse(it, &child))
		return NULL;
	while (bson_iter_next(&child))
		n++;
	names = sk_arena_alloc(a, (n + 1) * sizeof(*names));
	(void)bson_iter_recurse(it, &child);
	for (n = 0; bson_iter_next(&child);)
		n += sk_mg_take_text(&child, a, &names[n]);
	return (const char *const *)names;
}

static void
take_label(bson_iter_t *one, struct sk_arena *a, struct sk_value *map)
{
	const char *key = NULL;
	struct sk_value *value = NULL;

	while (bson_iter_next(one))
		if (strcmp(bson_iter_key(one), "key") == 0)
			(void)sk_mg_take_text(one, a, &key);
		else if (strcmp(bson_iter_key(one), "value") == 0)
			value = sk_mg_take_value(one, a);
	if (key != NULL && value != NULL)
		sk_map_set(a, map, key, value);
}

static const struct sk_value *
take_labels(const bson_iter_t *it, struct sk_arena *a)
{
	struct sk_value *map = sk_value_new(a, SK_MAP);
	bson_iter_t child, one;

	if (bson_iter_type(it) == BSON_TYPE_ARRAY && bson_iter_recurse(it, &child))
		while (bson_iter_next(&child))
			if (bson_iter_type(&child) == BSON_TYPE_DOCUMENT && bson_iter_recurse(&child, &one))
				take_label(&one, a, map);
	return map;
}

static void
take_numbers(struct sk_skald *s, const bson_iter_t *it, const char *key)
{
	int64_t v = 0;

	if (strcmp(key, "cpus") == 0)
		(void)sk_mg_take_double(it, &s->cpus);
	if (!sk_mg_take_i64(it, &v))
		return;
	if (strcmp(key, "incarnation") == 0)
		s->incarnation = (uint64_t)v;
	else if (strcmp(key, "renewals") == 0)
		s->renewals = (uint64_t)v;
	else if (strcmp(key, "slots") == 0)
		s->slots = v;
	else if (strcmp(key, "memoryMb") == 0)
		s->memory_mb = v;
	else if (strcmp(key, "gpus") == 0)
		s->gpus = v;
	else if (strcmp(key, "leaseMs") == 0)
		s->lease_ms = v;
	else if (strcmp(key, "started") == 0)
		s->start_ms = v;
	else if (strcmp(key, "seen") == 0)
		s->seen_ms = v;
}

static void
take_mode(struct sk_skald *s, const bson_iter_t *it, struct sk_arena *a)
{
	const char *text = "";

	(void)sk_mg_take_text(it, a, &text);
	for (int i = 0; i < N_MODES; i++)
		if (strcmp(modes[i], text) == 0)
			s->mode = (enum sk_skald_mode)i;
}

static void
take_member(struct sk_skald *s, const bson_iter_t *it, struct sk_arena *a)
{
	const char *key = bson_iter_key(it);

	if (strcmp(key, "_id") == 0)
		(void)sk_mg_take_text(it, a, &s->id);
	else if (strcmp(key, "mode") == 0)
		take_mode(s, it, a);
	else if (strcmp(key, "version") == 0)
		(void)sk_mg_take_text(it, a, &s->version);
	else if (strcmp(key, "host") == 0)
		(void)sk_mg_take_text(it, a, &s->host);
	else if (strcmp(key, "classes") == 0)
		s->classes = take_classes(it, a);
	else if (strcmp(key, "labels") == 0)
		s->labels = take_labels(it, a);
	else if (strcmp(key, "load") == 0)
		sk_load_take(&s->load, sk_mg_take_value(it, a));
	else if (strcmp(key, "draining") == 0)
		s->draining = bson_iter_type(it) == BSON_TYPE_BOOL && bson_iter_bool(it);
	else
		take_numbers(s, it, key);
}

static bool
take_skald(void *arg, const bson_t *doc)
{
	struct listing *g = arg;
	struct sk_skald s = { .id = "", .version = "", .host = "" };
	bson_iter_t it;

	if (bson_iter_init(&it, doc))
		while (bson_iter_next(&it))
			take_member(&s, &it, g->a);
	if (s.id[0] == '\0' || s.incarnation == 0) {
		sk_mg_skipped(g->s, doc, SK_COLL_SKALDS, "not a skald of ours");
		return true;
	}
	if (g->n == g->cap) {
		g->cap = g->cap > 0 ? g->cap * 2 : 16;
		g->all = sk_xreallocarray(g->all, g->cap, sizeof(struct sk_skald *));
	}
	g->all[g->n++] = sk_skald_copy(g->a, &s);
	return true;
}

static int
by_skald(const void *a, const void *b)
{
	struct sk_skald *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

enum sk_code
sk_mg_skald_list(struct sk_mg_conn *c, struct sk_op_skald_list *op, struct sk_err *err)
{
	struct listing g = { .s = c->s, .a = op->op.arena };
	bson_t which = BSON_INITIALIZER;
	enum sk_code code = sk_mg_find(c, SK_MG_SKALDS, &which, NULL, take_skald, &g, err);

	op->n = code == SK_OK ? g.n : 0;
	op->skalds = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(struct sk_skald *));
	if (op->n > 0) {
		memcpy(op->skalds, g.all, op->n * sizeof(struct sk_skald *));
		qsort(op->skalds, op->n, sizeof(struct sk_skald *), by_skald);
	}
	free(g.all);
	bson_destroy(&which);
	return code;
}

enum sk_code
sk_mg_skald_remove(struct sk_mg_conn *c, struct sk_op_skald_remove *op, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER;
	int64_t n;

	sk_mg_put_text(&which, "_id", op->id);
	n = sk_mg_delete(c, SK_MG_SKALDS, &which, err);
	bson_destroy(&which);
	if (n == 0)
		op->op.code = sk_fail(&op->op.err, SK_ENOENT, "there is no skald %s", op->id);
	return n < 0 ? err->code : SK_OK;
}

/* ---- the leader ---- */

/* Names of settings have a prefix: none is this. */
#define LEADER "leader"
#define SETTING "setting."

struct lead {
	struct sk_arena *a;
	const char *holder;
	int64_t term, renewals;
};

static bool
take_lead(void *arg, const bson_t *doc)
{
	struct lead *l = arg;
	bson_iter_t it;

	if (!bson_iter_init(&it, doc))
		return false;
	while (bson_iter_next(&it))
		if (strcmp(bson_iter_key(&it), "holder") == 0)
			(void)sk_mg_take_text(&it, l->a, &l->holder);
		else if (strcmp(bson_iter_key(&it), "term") == 0)
			(void)sk_mg_take_i64(&it, &l->term);
		else if (strcmp(bson_iter_key(&it), "renewals") == 0)
			(void)sk_mg_take_i64(&it, &l->renewals);
	return false;
}

static enum sk_code
read_lead(struct sk_mg_conn *c, struct sk_op_lead *op, struct sk_err *err)
{
	struct lead l = { .a = op->op.arena, .holder = "" };
	bson_t which = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_text(&which, "_id", LEADER);
	code = sk_mg_find(c, SK_MG_SETTINGS, &which, NULL, take_lead, &l, err);
	bson_destroy(&which);
	op->now_holder = l.holder;
	op->now_term = (uint64_t)l.term;
	op->now_renewals = (uint64_t)l.renewals;
	return code;
}

/* From how it was read; 0: it is otherwise now. */
static int64_t
change_lead(struct sk_mg_conn *c, const struct sk_op_lead *op, bool mine, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, set;
	int64_t n;

	sk_mg_put_text(&which, "_id", LEADER);
	sk_mg_put_text(&which, "holder", op->now_holder);
	sk_mg_put_u64(&which, "term", op->now_term);
	sk_mg_put_u64(&which, "renewals", op->now_renewals);
	BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &set);
	sk_mg_put_text(&set, "holder", op->holder);
	sk_mg_put_u64(&set, "term", op->now_term + !mine);
	sk_mg_put_u64(&set, "renewals", op->now_renewals + 1);
	bson_append_document_end(&change, &set);
	n = sk_mg_update(c, SK_MG_SETTINGS, &which, &change, false, false, err);
	bson_destroy(&which);
	bson_destroy(&change);
	return n;
}

static int64_t
first_lead(struct sk_mg_conn *c, const struct sk_op_lead *op, struct sk_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	enum sk_code code;

	sk_mg_put_text(&doc, "_id", LEADER);
	sk_mg_put_text(&doc, "holder", op->holder);
	sk_mg_put_u64(&doc, "term", 1);
	sk_mg_put_u64(&doc, "renewals", 1);
	code = sk_mg_insert_one(c, SK_MG_SETTINGS, &doc, err);
	bson_destroy(&doc);
	return code == SK_OK ? 1 : code == SK_ECONFLICT ? 0 : -1;
}

/* Renewals are compared as well: of two with one name only one is told that it leads. */
enum sk_code
sk_mg_lead(struct sk_mg_conn *c, struct sk_op_lead *op, struct sk_err *err)
{
	int64_t n = 0;

	for (int i = 0; i < 4 && n == 0; i++) {
		enum sk_code code = read_lead(c, op, err);
		bool there = op->now_term > 0;
		bool mine = there && strcmp(op->now_holder, op->holder) == 0;
		bool still = op->take && op->renewals == op->now_renewals;

		if (code != SK_OK)
			return code;
		if (op->term != op->now_term || (!mine && !still)) {
			op->op.code = sk_fail(&op->op.err, SK_ECONFLICT, "the leader is %s, term %" PRIu64,
				there ? op->now_holder : "nobody", op->now_term);
			return SK_OK;
		}
		n = there ? change_lead(c, op, mine, err) : first_lead(c, op, err);
		if (n > 0) {
			op->now_term += mine ? 0 : 1;
			op->now_renewals++;
			op->now_holder = sk_arena_strdup(op->op.arena, op->holder);
		}
	}
	if (n == 0)
		return sk_fail(err, SK_EUNAVAIL, "the leader's row changes all the time");
	return n < 0 ? err->code : SK_OK;
}

/* ---- settings ---- */

struct setting {
	struct sk_arena *a;
	const char *value;
};

static bool
take_setting(void *arg, const bson_t *doc)
{
	struct setting *s = arg;
	bson_iter_t it;

	if (bson_iter_init_find(&it, doc, "value"))
		(void)sk_mg_take_text(&it, s->a, &s->value);
	return false;
}

enum sk_code
sk_mg_setting(struct sk_mg_conn *c, struct sk_op_setting *op, struct sk_err *err)
{
	struct setting s = { op->op.arena, "" };
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, set;
	enum sk_code code = SK_OK;

	sk_mg_put_text(&which, "_id", sk_arena_printf(op->op.arena, SETTING "%s", op->name));
	if (op->op.kind == SK_OP_SETTING_GET) {
		code = sk_mg_find(c, SK_MG_SETTINGS, &which, NULL, take_setting, &s, err);
		op->value = s.value;
	} else {
		BSON_APPEND_DOCUMENT_BEGIN(&change, "$set", &set);
		sk_mg_put_text(&set, "value", op->value);
		bson_append_document_end(&change, &set);
		if (sk_mg_update(c, SK_MG_SETTINGS, &which, &change, false, true, err) < 0)
			code = err->code;
	}
	bson_destroy(&which);
	bson_destroy(&change);
	return code;
}
