/* store_model.c - the contract of filters, pages and patches by chance: random operations on the
 * store and on plain records in memory; then every page and count must be the same. */
#include "store_contract.h"
#include "adapters/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TASKS = 300, MOVES = 1500, FILTERS = 400 };

struct model {
	struct store_rig rig;
	struct sk_record *r[TASKS]; /* NULL = removed; in order of acceptance */
	int n;
	int tasks, moves, filters; /* how many; fewer where each takes a tenth of a second */
};

/* ---- random records ---- */

static const char *
one_of(const char *const *list, size_t n)
{
	return list[store_random(n)];
}
#define ONE_OF(list) one_of(list, sizeof(list) / sizeof((list)[0]))

static const char *const classes[] = { "Exec", "Sleep", "MyWorker", "exec" };
static const char *const executors[] = { "", "n1", "n2", "n3" };
static const char *const parents[] = { "", "", "p1", "p2" };
static const char *const specs[] = { "{}", "{\"labels\":{\"k\":\"v\"}}",
	"{\"labels\":{\"k\":\"w\",\"team\":\"red\"}}", "{\"labels\":{\"a=b\":\"c\",\"n\":1,\"\":\"\"}}",
	"{\"dependencies\":[\"x\",\"y\",\"x\"]}",
	"{\"dependencies\":[\"y\",3],\"labels\":{\"k\":\"v\",\"K\":\"v\"}}",
	"{\"labels\":\"none\",\"dependencies\":\"x\"}" };

/* Small numbers, so that many are equal; ranks are never above times of creation. */
static void
random_state(struct store_rig *g, struct sk_record *r)
{
	r->life.phase = (enum sk_phase)store_random(SK_N_PHASE);
	r->life.wanted = (enum sk_wanted)store_random(3);
	r->life.attempt = (uint32_t)store_random(3);
	r->life.failures = (uint32_t)store_random(3);
	strcpy(r->life.executor, ONE_OF(executors));
	r->life.incarnation = store_random(2) * UINT64_MAX;
	r->priority = (int64_t)store_random(11);
	r->rank_ms = (int64_t)store_random(20);
	r->gate = (enum sk_gate)store_random(SK_N_GATE);
	r->due_ms = (int64_t)store_random(10);
	r->create_ms = 100 + (int64_t)store_random(30);
	r->update_ms = (int64_t)store_random(30);
	r->start_ms = (int64_t)store_random(3);
	r->finish_ms = (int64_t)store_random(10);
	r->progress = (double)store_random(100) / 7;
	r->stage = store_random(2) ? "stage" : "";
	r->exit = (struct sk_exit){ .message = "" };
	if (store_random(2))
		r->exit = (struct sk_exit){ true, (enum sk_reason)store_random(9),
			(int32_t)store_random(300), (int32_t)store_random(30), store_random(2) ? "why" : "" };
	r->result = store_random(3) == 0 ? "result" : NULL;
	r->result_len = r->result != NULL ? store_random(6) : 0;
	r->spec = store_json(g->arena, ONE_OF(specs));
}

static struct sk_record *
random_task(struct model *m)
{
	struct store_rig *g = &m->rig;
	struct sk_record *r =
		store_task(g, sk_arena_printf(g->arena, "%s-%d", store_random(2) ? "Task" : "other", m->n));

	random_state(g, r);
	r->class_name = ONE_OF(classes);
	r->array_parent = ONE_OF(parents);
	r->array_index = r->array_parent[0] != '\0' ? (int64_t)store_random(100) : 0;
	r->array_size = store_random(5) == 0 ? 7 : 0;
	r->array = r->array_size > 0 ? "1-7" : NULL;
	return r;
}

/* ---- random operations ---- */

static void
grow(struct model *m)
{
	struct sk_record *r = random_task(m);

	store_put(&m->rig, r);
	m->r[m->n++] = r;
}

static struct sk_record *
living(struct model *m)
{
	struct sk_record *r = NULL;

	while (r == NULL)
		r = m->r[store_random((uint64_t)m->n)];
	return r;
}

static void
change(struct model *m)
{
	struct store_rig *g = &m->rig;
	struct sk_record *r = living(m), *to = sk_arena_alloc(g->arena, sizeof(*to));
	bool right = store_random(4) != 0;
	struct sk_move move = { .id = r->id,
		.seq = store_random(2) ? r->seq : 0,
		.expect_attempt = r->life.attempt + !right,
		.expect_phase = r->life.phase,
		.expect_wanted = store_random(2),
		.wanted = r->life.wanted,
		.set = (unsigned)store_random(SK_SET_CREATED * 2),
		.to = to };
	struct sk_op_move op = { .moves = &move, .n = 1 };

	sk_record_init(to, g->arena);
	random_state(g, to);
	to->array = store_random(2) ? "3-4" : NULL;
	store_must(g, SK_OP_MOVE, &op.op);
	assert_int_equal(move.code, right ? SK_OK : SK_ECONFLICT);
	if (right)
		sk_patch_apply(r, move.set, to);
	store_same(store_get(g, r->id), r);
}

static void
drop(struct model *m)
{
	struct sk_record *r = living(m);
	bool final = sk_phase_final(r->life.phase);

	assert_int_equal(store_remove(&m->rig, r->id), final ? SK_OK : SK_ECONFLICT);
	for (int i = 0; i < m->n && final; i++)
		if (m->r[i] == r ||
			(m->r[i] != NULL && r->array_size > 0 && strcmp(m->r[i]->array_parent, r->id) == 0))
			m->r[i] = NULL;
}

/* ---- random filters ---- */

static const char *const labels[] = { "k=v", "k", "team=red", "K", "none", "k=none", "a=b=c", "n",
	"n=1", "=", "a=b" };
static const char *const parts[] = { "task", "OTHER-1", "k-2", "%", "_", "worker", "E" };

static struct sk_filter
random_filter(void)
{
	struct sk_filter f = { 0 };
	uint64_t which = store_random(1u << 20);
	bool few = store_random(3) != 0; /* else nothing would ever pass */

	f.phases = which & 1 ? (unsigned)store_random(1u << SK_N_PHASE) : 0;
	f.gates = which & 2 && (which & 4) ? (unsigned)store_random(1u << SK_N_GATE) : 0;
	f.wanted_run = (which & 24) == 0;
	f.no_elements = (which & 96) == 0;
	if (few && which & 128)
		return f;
	f.class_name = (which & 0x700) == 0 ? ONE_OF(classes) : NULL;
	f.executor = (which & 0x3000) == 0 ? ONE_OF(executors) : NULL;
	f.label = (which & 0xc000) == 0 ? ONE_OF(labels) : NULL;
	f.id_part = (which & 0x30000) == 0 ? ONE_OF(parts) : NULL;
	f.class_part = store_random(8) == 0 ? ONE_OF(parts) : NULL;
	f.parent = store_random(5) == 0 ? ONE_OF(parents) : NULL;
	f.depends_on = store_random(5) == 0 ? (store_random(2) ? "x" : "y") : NULL;
	f.arrays = store_random(8) == 0;
	f.created_after = store_random(5) == 0 ? 100 + (int64_t)store_random(30) : 0;
	f.created_before = store_random(5) == 0 ? 100 + (int64_t)store_random(30) : 0;
	f.updated_after = store_random(5) == 0 ? (int64_t)store_random(30) : 0;
	f.due_before = store_random(5) == 0 ? (int64_t)store_random(10) : 0;
	f.finished_before = store_random(5) == 0 ? (int64_t)store_random(10) : 0;
	return f;
}

static struct sk_cursor
place(const struct sk_record *r, enum sk_order order)
{
	return (struct sk_cursor){ sk_cursor_key(order, r), r->seq };
}

/* The records that pass, in order: slowly and plainly. */
static int
expected(const struct model *m, const struct sk_filter *f, enum sk_order order,
	const struct sk_record *out[TASKS])
{
	int n = 0;

	for (int i = 0; i < m->n; i++) {
		const struct sk_record *r = m->r[i];
		int k = n;
		struct sk_cursor at, before;

		if (r == NULL || !sk_filter_match(f, r))
			continue;
		at = place(r, order);
		for (; k > 0; k--) {
			before = place(out[k - 1], order);
			if (sk_cursor_compare(order, &before, &at) < 0)
				break;
			out[k] = out[k - 1];
		}
		out[k] = r;
		n++;
	}
	return n;
}

static void
same_page(const struct sk_op_find *op, const struct sk_record *const *want)
{
	struct sk_str x = SK_STR_INIT, y = SK_STR_INIT;

	for (size_t i = 0; i < op->n; i++) {
		store_text(op->records[i], op->thin, &x);
		store_text(want[i], op->thin, &y);
		if (strcmp(x.p, y.p) != 0)
			fail_msg("order %d, place %zu:\n%s\n%s", (int)op->order, i, x.p, y.p);
	}
	sk_str_release(&x);
	sk_str_release(&y);
}

static void
compare_find(struct model *m, const struct sk_filter *f)
{
	const struct sk_record *want[TASKS];
	struct sk_op_find op = { .filter = *f, .thin = store_random(2) };
	int n, at = 0;

	op.order = (enum sk_order)store_random(SK_BY_DUE + 1);
	op.limit = 1 + store_random(store_random(2) ? 5 : TASKS);
	n = expected(m, f, op.order, want);
	do {
		store_must(&m->rig, SK_OP_FIND, &op.op);
		assert_true(op.n <= op.limit && at + (int)op.n <= n);
		assert_true(op.next == NULL || op.n == op.limit);
		same_page(&op, want + at);
		at += (int)op.n;
		op.after = store_random(2) ? op.next : NULL;
		op.behind = op.after == NULL && op.n > 0 ? op.records[op.n - 1] : NULL;
	} while (op.next != NULL);
	assert_int_equal(at, n);
}

static void
compare_count(struct model *m, const struct sk_filter *f)
{
	struct sk_op_count op = { .filter = *f };
	int64_t by_phase[SK_N_PHASE] = { 0 }, oldest = 0;

	for (int i = 0; i < m->n; i++) {
		const struct sk_record *r = m->r[i];

		if (r == NULL || !sk_filter_match(f, r))
			continue;
		by_phase[r->life.phase]++;
		if (r->life.phase == SK_CREATED && (oldest == 0 || r->create_ms < oldest))
			oldest = r->create_ms;
	}
	store_must(&m->rig, SK_OP_COUNT, &op.op);
	assert_memory_equal(op.by_phase, by_phase, sizeof(by_phase));
	assert_int_equal(op.oldest_waiting_ms, oldest);
}

static void
compare(struct model *m, int filters)
{
	for (int i = 0; i < filters; i++) {
		struct sk_filter f = random_filter();

		compare_find(m, &f);
		compare_count(m, &f);
	}
}

static void
the_store_does_what_plain_records_do(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct sk_op_check check = { .problems = NULL };

	assert_non_null(m);
	store_seed();
	store_rig_open(&m->rig, *state);
	m->tasks = m->rig.kind->slow ? TASKS / 4 : TASKS;
	m->moves = m->rig.kind->slow ? MOVES / 10 : MOVES;
	m->filters = m->rig.kind->slow ? FILTERS / 5 : FILTERS;
	while (m->n < m->tasks / 2)
		grow(m);
	compare(m, m->filters / 4);
	for (int i = 0; i < m->moves; i++) {
		if (m->n < m->tasks && store_random(10) == 0)
			grow(m);
		else if (store_random(40) == 0)
			drop(m);
		else
			change(m);
		if (i % 100 == 0)
			compare(m, 5);
	}
	compare(m, m->filters);
	store_must(&m->rig, SK_OP_CHECK, &check.op);
	assert_string_equal(check.problems, "");
	if (m->rig.kind->lasts) {
		store_rig_reopen(&m->rig);
		compare(m, m->filters / 4);
	}
	store_rig_close(&m->rig);
	free(m);
}

int
store_contract_model(const struct store_kind *kind)
{
	struct store_kind k = *kind;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(the_store_does_what_plain_records_do, &k),
	};

	return cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
}
