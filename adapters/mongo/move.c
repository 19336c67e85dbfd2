/* move.c - tasks change, each if it still is as expected: one update each, many in one command.
 *
 * A command tells only how many of its updates met their document. When that is all of them, all
 * are done. Otherwise the documents are read again: each update leaves a number of its own in them
 * (`move`). Where it stands the move was done. Where it does not, it was not, if as many were found
 * as the command had counted; else somebody has moved one of them on in between and nobody can tell
 * which: those are answered SK_EUNAVAIL, never as a conflict that would make their owner give up
 * what it holds.
 *
 * An attempt that has ended is written into the task by the same update (`ended`), so that it is
 * there exactly when the move is, and then taken over to its own collection; a crash in between
 * leaves it where it is read as well.
 */
#include "adapters/mongo/move.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <stdlib.h>
#include <string.h>

/* ---- one statement ---- */

static bool
revives(const struct sk_move *v)
{
	return sk_phase_final(v->expect_phase) && (v->set & SK_SET_LIFE) != 0 &&
		!sk_phase_final(v->to->life.phase);
}

static void
put_no_cancel(bson_t *b)
{
	bson_t ne;

	BSON_APPEND_DOCUMENT_BEGIN(b, "lifecycleStatus", &ne);
	sk_mg_put_text(&ne, "$ne", sk_phase_name(SK_CANCELLED));
	bson_append_document_end(b, &ne);
}

static void
put_expected(bson_t *b, const struct sk_mg_stmt *m)
{
	const struct sk_move *v = m->v;
	bson_t all = BSON_INITIALIZER;
	struct sk_mg_list more = { .b = &all };

	sk_mg_put_text(b, "id", v->id);
	if (v->seq != 0)
		sk_mg_put_u64(b, "seq", v->seq);
	if (m->kind == SK_MG_FOREIGN) {
		sk_mg_put_null(b, "phase");
		sk_mg_put_foreign_phases(&more, 1u << v->expect_phase);
		BSON_APPEND_ARRAY(b, "$and", &all);
	} else {
		sk_mg_put_text(b, "phase", sk_phase_name(v->expect_phase));
		sk_mg_put_i64(b, "attempt", v->expect_attempt);
		if (v->expect_wanted)
			sk_mg_put_text(b, "wanted", sk_wanted_name(v->wanted));
		if (revives(v) && m->kind == SK_MG_NATIVE)
			sk_mg_put_null(b, "uniqueKey");
		if (sk_move_runs(v))
			put_no_cancel(b);
	}
	bson_destroy(&all);
}

static void
put_ended(bson_t *set, const struct sk_attempt *a)
{
	char key[32];
	bson_t child;

	snprintf(key, sizeof(key), "ended.%u", (unsigned)a->attempt);
	BSON_APPEND_DOCUMENT_BEGIN(set, key, &child);
	sk_mg_put_attempt(&child, a);
	bson_append_document_end(set, &child);
}

static void
put_change(bson_t *b, const struct sk_mg_stmt *m)
{
	const struct sk_move *v = m->v;
	bson_t set = BSON_INITIALIZER, unset = BSON_INITIALIZER;

	sk_mg_put_patch(&set, &unset, v->set, v->to);
	sk_mg_put_i64(&set, "move", m->token);
	if (m->kind == SK_MG_FOREIGN && !(v->set & SK_SET_STATUS))
		sk_mg_put_adoption(&set, v->set, v->expect_phase);
	if (m->kind == SK_MG_KEYED)
		sk_mg_put_i64(&set, "keyClaim", m->claim);
	if (v->ended != NULL)
		put_ended(&set, v->ended);
	BSON_APPEND_DOCUMENT(b, "$set", &set);
	if (!bson_empty(&unset))
		BSON_APPEND_DOCUMENT(b, "$unset", &unset);
	bson_destroy(&set);
	bson_destroy(&unset);
}

/* ---- sending ---- */

static void
add_to(mongoc_bulk_operation_t *bulk, const struct sk_mg_stmt *m)
{
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER, opts = BSON_INITIALIZER;
	bson_error_t e;

	put_expected(&which, m);
	put_change(&change, m);
	BSON_APPEND_BOOL(&opts, "validate", false);
	if (!mongoc_bulk_operation_update_one_with_opts(bulk, &which, &change, &opts, &e))
		sk_log(SK_ERROR, "store", "a move of %s: %s", m->v->id, e.message);
	bson_destroy(&which);
	bson_destroy(&change);
	bson_destroy(&opts);
}

/* How many have met their document; -1: err. */
static int64_t
send_many(struct sk_mg_conn *c, struct sk_mg_stmt *const *list, size_t n, struct sk_err *err)
{
	bson_t opts = BSON_INITIALIZER, reply;
	mongoc_bulk_operation_t *bulk;
	bson_error_t e = { 0 };
	bson_iter_t it;
	int64_t matched = -1;

	BSON_APPEND_BOOL(&opts, "ordered", false);
	bulk = mongoc_collection_create_bulk_operation_with_opts(c->coll[SK_MG_TASKS], &opts);
	for (size_t i = 0; i < n; i++)
		add_to(bulk, list[i]);
	if (mongoc_bulk_operation_execute(bulk, &reply, &e) == 0)
		(void)sk_mg_code(c, &e, &reply, err);
	else if (!bson_iter_init_find(&it, &reply, "nMatched") || !sk_mg_take_i64(&it, &matched))
		sk_fail(err, SK_EUNAVAIL, "MongoDB: its answer has no nMatched");
	bson_destroy(&reply);
	mongoc_bulk_operation_destroy(bulk);
	bson_destroy(&opts);
	return matched;
}

static int64_t
send_one(struct sk_mg_conn *c, const struct sk_mg_stmt *m, struct sk_err *err)
{
	bson_t which = BSON_INITIALIZER, change = BSON_INITIALIZER;
	int64_t n;

	put_expected(&which, m);
	put_change(&change, m);
	n = sk_mg_update(c, SK_MG_TASKS, &which, &change, false, false, err);
	bson_destroy(&which);
	bson_destroy(&change);
	return n;
}

/* ---- reading again ---- */

struct again {
	struct sk_mg_stmt **list; /* by id */
	size_t n;
};

static int
by_id(const void *a, const void *b)
{
	struct sk_mg_stmt *const *x = a, *const *y = b;

	return strcmp((*x)->v->id, (*y)->v->id);
}

static bool
text_is(const bson_t *doc, const char *member, const char *text)
{
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, member) && bson_iter_type(&it) == BSON_TYPE_UTF8 &&
		strcmp(bson_iter_utf8(&it, NULL), text) == 0;
}

static bool
has_value(const bson_t *doc, const char *member)
{
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, member) && !sk_mg_is_null(&it);
}

static void
look_at(struct sk_mg_stmt *m, const bson_t *doc)
{
	bson_iter_t it;
	int64_t token = 0;

	if (text_is(doc, "phase", SK_MG_STAGED))
		return;
	m->there = true;
	m->foreign_doc = !has_value(doc, "phase");
	m->keyed_doc = has_value(doc, "uniqueKey");
	m->done =
		bson_iter_init_find(&it, doc, "move") && sk_mg_take_i64(&it, &token) && token == m->token;
}

static bool
seen_again(void *arg, const bson_t *doc)
{
	struct again *g = arg;
	bson_iter_t it;
	const char *id;
	size_t low = 0, high = g->n;

	if (!bson_iter_init_find(&it, doc, "id") || bson_iter_type(&it) != BSON_TYPE_UTF8)
		return true;
	id = bson_iter_utf8(&it, NULL);
	while (low < high) {
		size_t mid = (low + high) / 2;
		int way = strcmp(g->list[mid]->v->id, id);

		if (way == 0) {
			look_at(g->list[mid], doc);
			break;
		}
		if (way < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return true;
}

static enum sk_code
read_again(struct sk_mg_conn *c, struct sk_mg_stmt **list, size_t n, struct sk_err *err)
{
	static const char *const members[] = { "id", "move", "phase", "uniqueKey" };
	struct again g = { sk_xreallocarray(NULL, n, sizeof(struct sk_mg_stmt *)), n };
	const char **ids = sk_xreallocarray(NULL, n, sizeof(*ids));
	bson_t which = BSON_INITIALIZER, opts = BSON_INITIALIZER, child;
	enum sk_code code;

	memcpy(g.list, list, n * sizeof(struct sk_mg_stmt *));
	qsort(g.list, n, sizeof(struct sk_mg_stmt *), by_id);
	for (size_t i = 0; i < n; i++)
		ids[i] = list[i]->v->id;
	sk_mg_put_in(&which, "id", ids, n);
	BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &child);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		BSON_APPEND_INT32(&child, members[i], 1);
	bson_append_document_end(&opts, &child);
	code = sk_mg_find(c, SK_MG_TASKS, &which, &opts, seen_again, &g, err);
	bson_destroy(&which);
	bson_destroy(&opts);
	free(ids);
	free(g.list);
	return code;
}

/* ---- what became of each ---- */

static void
fail_all(struct sk_mg_stmt **list, size_t n, enum sk_code code, const struct sk_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (list[i]->op->op.code == SK_OK)
			sk_op_answer(&list[i]->op->op, code, err);
}

/* What was told of an operation that failed as a whole is not looked at. */
static void
settle(struct sk_mg_stmt *m)
{
	if (m->done)
		m->v->code = SK_OK;
	else
		m->v->code = m->there ? SK_ECONFLICT : SK_ENOENT;
}

/* Which of the rest were done and then overwritten by somebody else is not known. */
static void
judge(struct sk_mg_stmt **list, size_t n, int64_t matched)
{
	struct sk_err err;
	int64_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += list[i]->done;
	sk_fail(&err, SK_EUNAVAIL, "it is not known which of the changes were made");
	for (size_t i = 0; i < n; i++)
		if (!list[i]->done && found < matched && list[i]->op->op.code == SK_OK)
			sk_op_answer(&list[i]->op->op, SK_EUNAVAIL, &err);
		else
			settle(list[i]);
}

/* sent: it may have been done before. */
static void
do_alone(struct sk_mg_conn *c, struct sk_mg_stmt *m, bool sent)
{
	struct sk_err err = { SK_OK, "" };
	int64_t matched = -1;

	if (!c->lost)
		matched = send_one(c, m, &err);
	else
		sk_fail(&err, SK_EUNAVAIL, "MongoDB: the connection was lost");
	m->done = matched > 0;
	m->there = m->done;
	if (matched == 0 && read_again(c, &m, 1, &err) != SK_OK)
		matched = -1;
	if (matched < 0)
		fail_all(&m, 1, err.code, &err);
	else
		judge(&m, 1, sent);
}

/* One that the server refuses must not spoil those beside it: each on its own. What was done the
 * first time is known by its number. */
static void
do_together(struct sk_mg_conn *c, struct sk_mg_stmt **list, size_t n)
{
	struct sk_err err = { SK_OK, "" };
	int64_t matched;

	if (n == 1) {
		do_alone(c, list[0], false);
		return;
	}
	matched = send_many(c, list, n, &err);
	if (matched < 0 && err.code != SK_EUNAVAIL) {
		for (size_t i = 0; i < n; i++)
			do_alone(c, list[i], true);
		return;
	}
	if (matched == (int64_t)n) {
		for (size_t i = 0; i < n; i++) {
			list[i]->done = list[i]->there = true;
			settle(list[i]);
		}
		return;
	}
	if (matched < 0 || read_again(c, list, n, &err) != SK_OK)
		fail_all(list, n, err.code, &err);
	else
		judge(list, n, matched);
}

/* ---- the second try: documents of the original, tasks with a unique key ---- */

/* It comes back to life: its key must be its own first. */
static void
revive(struct sk_mg_conn *c, struct sk_mg_stmt *m)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_arena *a = sk_arena_new();
	struct sk_record *r = NULL, *owner = NULL;
	enum sk_mg_claim how = SK_MG_CLAIMED;
	enum sk_code code = sk_mg_read_id(c, m->v->id, a, &r, &err);

	m->kind = SK_MG_KEYED;
	if (code == SK_OK && r != NULL && r->life.phase == m->v->expect_phase &&
		r->life.attempt == m->v->expect_attempt) {
		m->claim = sk_mg_token(c->s);
		code = sk_mg_claim_key(c, r->unique_key, r->id, m->claim, a, &how, &owner, &err);
		if (code == SK_OK && how == SK_MG_CLAIMED) {
			do_alone(c, m, false);
			if (m->op->op.code == SK_OK && !m->done)
				(void)sk_mg_release_key(c, r->unique_key, m->claim, &err);
		}
	}
	if (code != SK_OK)
		fail_all(&m, 1, code, &err);
	sk_arena_free(a);
}

static void
do_again(struct sk_mg_conn *c, struct sk_mg_stmt **list, size_t n)
{
	struct sk_mg_stmt **foreign = sk_xreallocarray(NULL, n, sizeof(struct sk_mg_stmt *));
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		struct sk_mg_stmt *m = list[i];

		if (m->op->op.code != SK_OK || m->done || !m->there || m->kind != SK_MG_NATIVE)
			continue;
		if (m->foreign_doc && m->v->expect_attempt == 0 &&
			(!m->v->expect_wanted || m->v->wanted == SK_WANT_RUN)) {
			m->kind = SK_MG_FOREIGN;
			foreign[count++] = m;
		} else if (!m->foreign_doc && m->keyed_doc && revives(m->v))
			revive(c, m);
	}
	if (count > 0)
		do_together(c, foreign, count);
	free(foreign);
}

/* ---- waves: no task twice in one command ---- */

#define QUICK_MS 100 /* a command; then the next one has more moves */
#define SLOW_MS 400

/* A server that is slow must not be asked for more than it can answer in time: what is not answered
 * counts as unknown, and would be asked again for ever. Nor for so much that renewals of leases,
 * our own and those of others, wait long behind one command. */
static void
adapt(struct sk_mg_conn *c, size_t n, int64_t took_ms)
{
	if (took_ms > SLOW_MS && c->wave > 4)
		c->wave /= 2;
	else if (took_ms < QUICK_MS && n == c->wave && c->wave < SK_MG_CHUNK)
		c->wave = c->wave * 2 < SK_MG_CHUNK ? c->wave * 2 : SK_MG_CHUNK;
}

static void
do_wave(struct sk_mg_conn *c, struct sk_mg_stmt **list, size_t n)
{
	int64_t began = sk_boot_ms();

	do_together(c, list, n);
	adapt(c, n, sk_boot_ms() - began);
	do_again(c, list, n);
	sk_mg_keep_attempts(c, list, n);
}

static bool
is_for_the_original(const struct sk_move *v)
{
	return v->expect_attempt == 0 && (v->to->foreign || (v->set & SK_SET_STATUS) != 0);
}

static size_t
collect(struct sk_mg_conn *c, struct sk_op **ops, size_t n, struct sk_mg_stmt **all)
{
	size_t total = 0, count = 0;

	for (size_t i = 0; i < n; i++)
		total += ((struct sk_op_move *)ops[i])->n;
	*all = sk_xcalloc(total + 1, sizeof(**all));
	for (size_t i = 0; i < n; i++) {
		struct sk_op_move *op = (struct sk_op_move *)ops[i];

		for (size_t k = 0; k < op->n; k++) {
			struct sk_mg_stmt *m = &(*all)[count++];

			*m = (struct sk_mg_stmt){ .op = op, .v = &op->moves[k], .token = sk_mg_token(c->s) };
			if (is_for_the_original(m->v))
				m->kind = SK_MG_FOREIGN;
		}
	}
	return total;
}

static void
refuse(struct sk_mg_stmt *m)
{
	struct sk_err err;
	struct sk_mg_stmt *list[] = { m };

	sk_fail(&err, SK_EUNAVAIL, "MongoDB: the connection was lost");
	fail_all(list, 1, SK_EUNAVAIL, &err);
}

/* Each wave takes what comes next, up to a task that is in it already. */
void
sk_mg_move_run(struct sk_mg_conn *c, struct sk_op **ops, size_t n)
{
	struct sk_mg_stmt *all, *wave[SK_MG_CHUNK];
	size_t total = collect(c, ops, n, &all), at = 0;

	while (at < total) {
		struct sk_map ids = SK_MAP_INIT;
		size_t count = 0;

		while (
			at < total && count < c->wave && sk_map_find(&ids, sk_map_key(all[at].v->id)) == NULL) {
			sk_map_put(&ids, sk_map_key(all[at].v->id), &all[at]);
			wave[count++] = &all[at++];
		}
		sk_map_release(&ids);
		if (!c->lost)
			do_wave(c, wave, count);
		for (size_t i = 0; i < count && c->lost; i++)
			if (wave[i]->op->op.code == SK_OK && !wave[i]->done)
				refuse(wave[i]);
	}
	free(all);
}
