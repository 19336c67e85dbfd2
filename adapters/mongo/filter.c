/* filter.c - a filter as a query.
 *
 * Documents of the original have no phase, gate or wanted: as soon as one of those counts the query
 * has two branches, each with everything in it, so that each is served by an index. */
#include "adapters/mongo/filter.h"
#include "adapters/mongo/document.h"
#include <string.h>

static bool
given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* ---- conditions ---- */

static void
put_op(bson_t *b, const char *member, const char *op, int64_t v)
{
	bson_t child;

	BSON_APPEND_DOCUMENT_BEGIN(b, member, &child);
	sk_mg_put_i64(&child, op, v);
	bson_append_document_end(b, &child);
}

/* One name as it is, several as $in, all of them as anything that is no draft. */
static void
put_names(bson_t *b, const char *member, unsigned bits, int n, const char *(*name)(int))
{
	bson_t child, list;
	struct sk_mg_list l = { .b = &list };
	const char *only = NULL;
	int count = 0;

	for (int i = 0; i < n; i++)
		if (bits >> i & 1u) {
			only = name(i);
			count++;
		}
	if (count == 1) {
		sk_mg_put_text(b, member, only);
		return;
	}
	BSON_APPEND_DOCUMENT_BEGIN(b, member, &child);
	BSON_APPEND_ARRAY_BEGIN(&child, "$in", &list);
	for (int i = 0; i < n; i++)
		if (bits >> i & 1u)
			sk_mg_put_text(&list, sk_mg_next_key(&l), name(i));
	bson_append_array_end(&child, &list);
	bson_append_document_end(b, &child);
}

static const char *
phase_name(int i)
{
	return sk_phase_name((enum sk_phase)i);
}

static const char *
gate_name(int i)
{
	return sk_gate_name((enum sk_gate)i);
}

static void
put_not(bson_t *b, const char *member, const char *text)
{
	bson_t child;

	BSON_APPEND_DOCUMENT_BEGIN(b, member, &child);
	sk_mg_put_text(&child, "$ne", text);
	bson_append_document_end(b, &child);
}

/* A part of a text, ASCII case ignored whatever a server takes for a letter. */
static void
put_part(bson_t *b, const char *member, const char *part)
{
	struct sk_str re = SK_STR_INIT;
	bson_t child;

	for (const char *p = part; *p != '\0'; p++) {
		char c = *p, low = (char)(c | 0x20);

		if (low >= 'a' && low <= 'z' && (c & 0x80) == 0)
			sk_str_addf(&re, "[%c%c]", low & ~0x20, low);
		else if ((c & 0x80) != 0 || (c >= '0' && c <= '9') || c == ' ' || c == '_')
			sk_str_addc(&re, c);
		else
			sk_str_addf(&re, "\\%c", c);
	}
	BSON_APPEND_DOCUMENT_BEGIN(b, member, &child);
	sk_mg_put_text(&child, "$regex", sk_str_text(&re));
	bson_append_document_end(b, &child);
	sk_str_release(&re);
}

static void
put_between(bson_t *b, const char *member, int64_t above, int64_t below)
{
	bson_t child;

	if (above == 0 && below == 0)
		return;
	BSON_APPEND_DOCUMENT_BEGIN(b, member, &child);
	if (above != 0)
		sk_mg_put_i64(&child, "$gt", above);
	if (below != 0)
		sk_mg_put_i64(&child, "$lt", below);
	bson_append_document_end(b, &child);
}

/* What may be both exact and a part: a member twice in one query would be one too many. */
static void
put_text_or_part(
	bson_t *b, struct sk_mg_list *more, const char *member, const char *exact, const char *part)
{
	bson_t child;

	if (given(exact))
		sk_mg_put_text(b, member, exact);
	if (!given(part))
		return;
	if (!given(exact)) {
		put_part(b, member, part);
		return;
	}
	bson_append_document_begin(more->b, sk_mg_next_key(more), -1, &child);
	put_part(&child, member, part);
	bson_append_document_end(more->b, &child);
}

/* What both kinds of documents have. */
static void
put_common(bson_t *b, struct sk_mg_list *more, const struct sk_filter *f)
{
	if (given(f->executor))
		sk_mg_put_text(b, "executor", f->executor);
	put_text_or_part(b, more, "className", f->class_name, f->class_part);
	if (given(f->id_part))
		put_part(b, "id", f->id_part);
	put_between(b, "createDateTime", f->created_after, f->created_before);
	if (f->updated_after != 0)
		put_op(b, "updateDateTime", "$gte", f->updated_after);
	if (f->due_before != 0)
		put_op(b, "due", "$lte", f->due_before);
	if (f->finished_before != 0)
		put_op(b, "finishDateTime", "$lt", f->finished_before);
}

/* What only ours have. */
static void
put_ours(bson_t *b, const struct sk_filter *f)
{
	if (given(f->label))
		sk_mg_put_text(b, "labelIndex", f->label);
	if (given(f->depends_on))
		sk_mg_put_text(b, "needs", f->depends_on);
	if (given(f->parent) && f->no_elements)
		sk_mg_put_null(b, "_id"); /* there is none */
	else if (given(f->parent))
		sk_mg_put_text(b, "arrayParent", f->parent);
	else if (f->no_elements)
		sk_mg_put_null(b, "arrayParent");
	if (f->arrays)
		put_op(b, "arraySize", "$gt", 0);
}

static bool
only_ours(const struct sk_filter *f)
{
	return given(f->label) || given(f->depends_on) || given(f->parent) || f->arrays ||
		f->finished_before != 0 || f->due_before < 0 ||
		(f->gates != 0 && !(f->gates >> SK_GATE_OPEN & 1u));
}

static unsigned
phases_of(const struct sk_filter *f)
{
	unsigned phases = f->phases & SK_MG_ALL_PHASES;

	return f->phases == 0 ? SK_MG_ALL_PHASES : phases;
}

static bool
any_state(const struct sk_filter *f)
{
	return phases_of(f) == SK_MG_ALL_PHASES && f->gates == 0 && !f->wanted_run;
}

/* ---- where a page begins ---- */

static const char *
key_of(enum sk_order order)
{
	switch (order) {
	case SK_BY_RANK:
		return "rank";
	case SK_BY_UPDATE:
		return "updateDateTime";
	case SK_BY_DUE:
		return "due";
	case SK_OLDEST_FIRST:
	case SK_NEWEST_FIRST:
		break;
	}
	return NULL;
}

static bool
descends(enum sk_order order)
{
	return order == SK_NEWEST_FIRST || order == SK_BY_UPDATE;
}

void
sk_mg_put_sort(bson_t *b, enum sk_order order)
{
	int32_t way = descends(order) ? -1 : 1;
	bson_t child;

	BSON_APPEND_DOCUMENT_BEGIN(b, "sort", &child);
	if (key_of(order) != NULL)
		BSON_APPEND_INT32(&child, key_of(order), way);
	BSON_APPEND_INT32(&child, "seq", way);
	bson_append_document_end(b, &child);
}

/* {$or: [{key beyond}, {key, seq beyond}]} */
static void
put_beyond(struct sk_mg_list *more, enum sk_order order, const struct sk_cursor *from)
{
	const char *way = descends(order) ? "$lt" : "$gt", *key = key_of(order);
	bson_t condition, list, one;

	bson_append_document_begin(more->b, sk_mg_next_key(more), -1, &condition);
	if (key == NULL) {
		put_op(&condition, "seq", way, (int64_t)from->seq);
		bson_append_document_end(more->b, &condition);
		return;
	}
	BSON_APPEND_ARRAY_BEGIN(&condition, "$or", &list);
	BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &one);
	put_op(&one, key, way, from->key);
	bson_append_document_end(&list, &one);
	BSON_APPEND_DOCUMENT_BEGIN(&list, "1", &one);
	sk_mg_put_i64(&one, key, from->key);
	put_op(&one, "seq", way, (int64_t)from->seq);
	bson_append_document_end(&list, &one);
	bson_append_array_end(&condition, &list);
	bson_append_document_end(more->b, &condition);
}

/* ---- documents of the original ---- */

/* lifecycleStatus is among these; none means Created. */
static void
put_statuses(bson_t *b, unsigned phases)
{
	bson_t child, list;
	struct sk_mg_list l = { .b = &list };

	BSON_APPEND_DOCUMENT_BEGIN(b, "lifecycleStatus", &child);
	BSON_APPEND_ARRAY_BEGIN(&child, "$in", &list);
	for (int i = 0; i < SK_N_PHASE; i++)
		if (phases >> i & 1u)
			sk_mg_put_text(&list, sk_mg_next_key(&l), phase_name(i));
	if (phases >> SK_CREATED & 1u)
		sk_mg_put_null(&list, sk_mg_next_key(&l));
	bson_append_array_end(&child, &list);
	bson_append_document_end(b, &child);
}

/* {member: {op: [text, null]}} */
static void
put_or_null(bson_t *b, const char *member, const char *op, const char *text)
{
	bson_t child, list;

	BSON_APPEND_DOCUMENT_BEGIN(b, member, &child);
	BSON_APPEND_ARRAY_BEGIN(&child, op, &list);
	sk_mg_put_text(&list, "0", text);
	sk_mg_put_null(&list, "1");
	bson_append_array_end(&child, &list);
	bson_append_document_end(b, &child);
}

/* Created, Passive and with an executor: somebody has given it to that one (not). */
static void
put_given(bson_t *list, const char *key, bool is_given)
{
	bson_t one, either, half;

	BSON_APPEND_DOCUMENT_BEGIN(list, key, &one);
	put_statuses(&one, 1u << SK_CREATED);
	if (is_given) {
		put_or_null(&one, "executor", "$nin", "");
		put_or_null(&one, "mode", "$in", "Passive");
	} else {
		BSON_APPEND_ARRAY_BEGIN(&one, "$or", &either);
		BSON_APPEND_DOCUMENT_BEGIN(&either, "0", &half);
		put_or_null(&half, "executor", "$in", "");
		bson_append_document_end(&either, &half);
		BSON_APPEND_DOCUMENT_BEGIN(&either, "1", &half);
		put_or_null(&half, "mode", "$nin", "Passive");
		bson_append_document_end(&either, &half);
		bson_append_array_end(&one, &either);
	}
	bson_append_document_end(list, &one);
}

void
sk_mg_put_foreign_phases(struct sk_mg_list *conditions, unsigned phases)
{
	const unsigned both = 1u << SK_CREATED | 1u << SK_ASSIGNING;
	bool split = (phases & both) != 0 && (phases & both) != both;
	bson_t condition, list, one;

	bson_append_document_begin(conditions->b, sk_mg_next_key(conditions), -1, &condition);
	if (!split)
		put_statuses(&condition, phases);
	else {
		BSON_APPEND_ARRAY_BEGIN(&condition, "$or", &list);
		BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &one);
		put_statuses(&one, phases & ~(1u << SK_CREATED));
		bson_append_document_end(&list, &one);
		put_given(&list, "1", (phases & 1u << SK_ASSIGNING) != 0);
		bson_append_array_end(&condition, &list);
	}
	bson_append_document_end(conditions->b, &condition);
}

/* ---- branches ---- */

enum branch { ANY, NATIVE, FOREIGN };

static void
put_state(bson_t *b, struct sk_mg_list *more, const struct sk_filter *f, enum branch branch)
{
	switch (branch) {
	case ANY:
		put_not(b, "phase", SK_MG_STAGED);
		put_ours(b, f);
		break;
	case NATIVE:
		put_names(b, "phase", phases_of(f), SK_N_PHASE, phase_name);
		if (f->gates != 0)
			put_names(b, "gate", f->gates, SK_N_GATE, gate_name);
		if (f->wanted_run)
			sk_mg_put_text(b, "wanted", sk_wanted_name(SK_WANT_RUN));
		put_ours(b, f);
		break;
	case FOREIGN:
		sk_mg_put_null(b, "phase");
		sk_mg_put_null(b, "gate");
		sk_mg_put_null(b, "wanted");
		sk_mg_put_foreign_phases(more, phases_of(f));
		break;
	}
}

static void
put_branch(bson_t *b, const struct sk_filter *f, enum branch branch, enum sk_order order,
	const struct sk_cursor *from)
{
	bson_t all = BSON_INITIALIZER;
	struct sk_mg_list more = { .b = &all };

	put_state(b, &more, f, branch);
	put_common(b, &more, f);
	if (from != NULL)
		put_beyond(&more, order, from);
	if (more.n > 0)
		BSON_APPEND_ARRAY(b, "$and", &all);
	bson_destroy(&all);
}

void
sk_mg_put_filter(
	bson_t *b, const struct sk_filter *f, enum sk_order order, const struct sk_cursor *from)
{
	bson_t list, one;

	if (any_state(f)) {
		put_branch(b, f, ANY, order, from);
		return;
	}
	if (only_ours(f)) {
		put_branch(b, f, NATIVE, order, from);
		return;
	}
	BSON_APPEND_ARRAY_BEGIN(b, "$or", &list);
	BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &one);
	put_branch(&one, f, NATIVE, order, from);
	bson_append_document_end(&list, &one);
	BSON_APPEND_DOCUMENT_BEGIN(&list, "1", &one);
	put_branch(&one, f, FOREIGN, order, from);
	bson_append_document_end(&list, &one);
	bson_append_array_end(b, &list);
}

void
sk_mg_put_native_filter(bson_t *b, const struct sk_filter *f)
{
	put_branch(b, f, NATIVE, SK_OLDEST_FIRST, NULL);
}

bool
sk_mg_put_foreign_filter(bson_t *b, const struct sk_filter *f, enum sk_phase phase)
{
	struct sk_filter one = *f;

	if (only_ours(f) || !(phases_of(f) >> phase & 1u))
		return false;
	one.phases = 1u << phase;
	put_branch(b, &one, FOREIGN, SK_OLDEST_FIRST, NULL);
	return true;
}
