/* store_ends.c - the contract of how tasks end: attempts that are kept, tasks that are removed. */
#include "store_contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RIG(g) \
	struct store_rig rig, *g = &rig; \
	store_rig_open(g, *state)

/* ---- attempts ---- */

static void
attempts_are_kept_in_their_order(void **state)
{
	RIG(g);
	struct sk_record *a = store_task(g, "a");
	static const char tail[] = "out\0put\xff";
	struct sk_attempt kept[] = {
		{ 2, "n2", 5, 6, { true, SK_REASON_OOM, 0, 9, "out of memory" }, 1 << 30, 7, tail, 8 },
		{ 1, "n1", 1, 2, { true, SK_REASON_EXITED, 3, 0, "" }, 10, 20, NULL, 0 },
		{ 3, "", 0, 0, { false, SK_REASON_EXITED, 0, 0, "" }, 0, 0, "", 0 },
		{ 2, "n3", 8, 9, { true, SK_REASON_LOST, 0, 0, "lost" }, 0, 0, NULL, 0 },
	};
	struct sk_op_attempts op = { .id = "a" }, none = { .id = "none" };

	store_put(g, a);
	store_must(g, SK_OP_ATTEMPTS, &op.op);
	assert_int_equal(op.n, 0);
	for (size_t i = 0; i < 3; i++) {
		struct sk_move move = { .id = "a", .to = a, .ended = &kept[i] };
		struct sk_op_move moved = { .moves = &move, .n = 1 };

		store_must(g, SK_OP_MOVE, &moved.op);
		assert_int_equal(move.code, SK_OK);
	}
	store_must(g, SK_OP_ATTEMPTS, &op.op);
	assert_int_equal(op.n, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(op.attempts[i].attempt, i + 1);
	assert_string_equal(op.attempts[0].executor, "n1");
	assert_int_equal(op.attempts[0].exit.code, 3);
	assert_null(op.attempts[0].tail);
	assert_string_equal(op.attempts[1].exit.message, "out of memory");
	assert_int_equal(op.attempts[1].exit.reason, SK_REASON_OOM);
	assert_int_equal(op.attempts[1].exit.signal, 9);
	assert_int_equal(op.attempts[1].max_rss_kb, 1 << 30);
	assert_int_equal(op.attempts[1].cpu_ms, 7);
	assert_int_equal(op.attempts[1].start_ms, 5);
	assert_int_equal(op.attempts[1].finish_ms, 6);
	assert_int_equal(op.attempts[1].tail_len, 8);
	assert_memory_equal(op.attempts[1].tail, tail, 8);
	assert_false(op.attempts[2].exit.known);
	assert_int_equal(op.attempts[2].tail_len, 0);
	assert_int_equal(store_do(g, SK_OP_ATTEMPTS, &none.op), SK_ENOENT);
	store_rig_close(g);
}

static void
an_attempt_that_is_told_twice_is_one(void **state)
{
	RIG(g);
	struct sk_record *a = store_task(g, "a");
	struct sk_attempt first = { .attempt = 1, .executor = "x", .exit = { .message = "first" } };
	struct sk_attempt again = { .attempt = 1, .executor = "x", .exit = { .message = "again" } };
	struct sk_move moves[] = { { .id = "a", .to = a, .ended = &first },
		{ .id = "a", .to = a, .ended = &again },
		{ .id = "a", .to = a, .expect_attempt = 9, .ended = &first } };
	struct sk_op_move moved = { .moves = moves, .n = 3 };
	struct sk_op_attempts op = { .id = "a" };

	store_put(g, a);
	store_must(g, SK_OP_MOVE, &moved.op);
	assert_int_equal(moves[2].code, SK_ECONFLICT); /* and keeps nothing */
	store_must(g, SK_OP_ATTEMPTS, &op.op);
	assert_int_equal(op.n, 1);
	assert_string_equal(op.attempts[0].exit.message, "again");
	store_rig_close(g);
}

/* ---- remove ---- */

static void
only_what_is_final_is_removed(void **state)
{
	RIG(g);
	const char *ids[] = { "done", "waits", "none", "done", "runs" };
	struct sk_op_remove op = { .ids = ids, .n = 5 };
	struct sk_op_attempts kept = { .id = "done" };
	struct sk_record *done = store_task(g, "done"), to;
	struct sk_attempt attempt = { .attempt = 1, .executor = "", .exit = { .message = "" } };
	struct sk_move move = { .id = "done", .set = SK_SET_LIFE | SK_SET_RESULT, .to = &to };
	struct sk_op_move moved = { .moves = &move, .n = 1 };
	uint64_t seq;

	done->spec = store_json(g->arena, "{\"labels\":{\"k\":\"v\"},\"dependencies\":[\"waits\"]}");
	store_put(g, done);
	to = *done;
	to.life.phase = SK_FINISHED;
	to.result = "r";
	to.result_len = 1;
	move.ended = &attempt;
	store_must(g, SK_OP_MOVE, &moved.op);
	store_put(g, store_task(g, "waits"));
	store_put_phase(g, "runs", SK_RUNNING);
	store_must(g, SK_OP_REMOVE, &op.op);
	assert_int_equal(op.codes[0], SK_OK);
	assert_int_equal(op.codes[1], SK_ECONFLICT);
	assert_int_equal(op.codes[2], SK_ENOENT);
	assert_int_equal(op.codes[3], SK_ENOENT);
	assert_int_equal(op.codes[4], SK_ECONFLICT);
	assert_null(store_get(g, "done"));
	assert_int_equal(store_do(g, SK_OP_ATTEMPTS, &kept.op), SK_ENOENT);
	/* The id is free, and nothing is left of the one before. */
	seq = done->seq;
	done = store_task(g, "done");
	store_put(g, done);
	assert_true(done->seq > seq);
	store_same(store_get(g, "done"), done);
	store_must(g, SK_OP_ATTEMPTS, &kept.op);
	assert_int_equal(kept.n, 0);
	assert_string_equal(store_ids(g, &(struct sk_filter){ .label = "k" }, SK_OLDEST_FIRST), "");
	assert_string_equal(
		store_ids(g, &(struct sk_filter){ .depends_on = "waits" }, SK_OLDEST_FIRST), "");
	/* A move that still has the old seq is about another task. */
	move.seq = seq;
	move.ended = NULL;
	store_must(g, SK_OP_MOVE, &moved.op);
	assert_int_equal(move.code, SK_ECONFLICT);
	store_rig_close(g);
}

static void
a_parent_takes_its_elements_with_it(void **state)
{
	enum { N = 2500 };
	RIG(g);
	struct sk_record *parent = store_task(g, "p"), to;
	const struct sk_record *list[N];
	struct sk_op_insert insert = { .records = list, .n = N };
	struct sk_op_count count = { .filter = { 0 } };

	parent->array = "";
	parent->array_size = N;
	store_put(g, parent);
	for (int i = 0; i < N; i++) {
		struct sk_record *r = store_task(g, sk_arena_printf(g->arena, "p.%d", i));

		r->array_parent = "p";
		r->array_index = i;
		r->life.phase = i % 7 == 0 ? SK_FAILED : SK_FINISHED;
		if (i == 8) {
			r->life.phase = SK_CREATED;
			r->unique_key = "k";
		}
		list[i] = r;
	}
	store_must(g, SK_OP_INSERT, &insert.op);
	store_put(g, store_task(g, "p.x")); /* only called like one */
	assert_int_equal(store_remove(g, "p"), SK_ECONFLICT);
	to = *parent;
	to.life.phase = SK_FINISHED;
	assert_int_equal(store_move(g, parent, SK_SET_LIFE, &to), SK_OK);
	assert_int_equal(store_remove(g, "p"), SK_OK);
	assert_string_equal(store_ids(g, &(struct sk_filter){ 0 }, SK_OLDEST_FIRST), "p.x");
	store_must(g, SK_OP_COUNT, &count.op);
	for (unsigned i = 0; i < SK_N_PHASE; i++)
		assert_int_equal(count.by_phase[i], i == SK_CREATED ? 1 : 0);
	store_put(g, store_keyed(g, "new", "k"));
	store_rig_close(g);
}

int
store_contract_ends(const struct store_kind *kind)
{
	struct store_kind k = *kind;
#define T(f) cmocka_unit_test_prestate(f, &k)
	const struct CMUnitTest tests[] = {
		T(attempts_are_kept_in_their_order),
		T(an_attempt_that_is_told_twice_is_one),
		T(only_what_is_final_is_removed),
		T(a_parent_takes_its_elements_with_it),
	};
#undef T

	return cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
}
