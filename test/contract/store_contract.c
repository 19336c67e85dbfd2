/* store_contract.c - tasks one by one: inserted, read, moved. */
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

/* ---- insert, get ---- */

static struct sk_record *
full_task(struct store_rig *g, const char *id)
{
	struct sk_record *r = store_task(g, id);
	char *result = sk_arena_alloc(g->arena, SK_RESULT_MAX);

	r->class_name = "MyWorker";
	r->life = (struct sk_life){ .phase = SK_PAUSED,
		.wanted = SK_WANT_PAUSE,
		.attempt = UINT32_MAX,
		.failures = 7,
		.max_attempts = 9,
		.executor = "a-node-with-a-name-of-63-bytes-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		.incarnation = UINT64_MAX };
	r->priority = 10;
	r->rank_ms = -5;
	r->gate = SK_GATE_TIME;
	r->due_ms = INT64_MAX;
	r->create_ms = 1;
	r->update_ms = INT64_C(253402300799999);
	r->start_ms = 3;
	r->finish_ms = 4;
	r->progress = 1.0 / 3;
	r->stage = "d\xc3\xb6ing";
	r->exit = (struct sk_exit){ true, SK_REASON_SKIPPED, INT32_MIN, INT32_MAX, "line\nnext" };
	for (size_t i = 0; i < SK_RESULT_MAX; i++)
		result[i] = (char)(i * 7);
	r->result = result;
	r->result_len = SK_RESULT_MAX;
	r->unique_key = "key";
	r->array = "5-9,12";
	r->array_size = INT64_C(10000000);
	r->spec = store_json(g->arena,
		"{\"name\":\"n\",\"attachments\":{\"b\":[1,2.5,null,true,{\"x\":\"\\u00e4\"}],\"a\":\"\"},"
		"\"labels\":{\"k\":\"v\"},\"dependencies\":[\"x\",\"y\"]}");
	return r;
}

static void
a_task_comes_back_as_it_was_given(void **state)
{
	RIG(g);
	struct sk_record *full = full_task(g, "a \xe2\x82\xac task"), *plain = store_task(g, "plain");

	store_put(g, full);
	store_put(g, plain);
	store_same(store_get(g, full->id), full);
	store_same(store_get(g, "plain"), plain);
	assert_int_equal(store_get(g, "plain")->seq, plain->seq);
	assert_true(plain->seq > full->seq);
	store_rig_close(g);
}

static void
a_parent_without_indices_to_start_is_still_an_array(void **state)
{
	RIG(g);
	struct sk_record *r = store_task(g, "p");

	r->array = "";
	r->array_size = 3;
	store_put(g, r);
	assert_non_null(store_get(g, "p")->array);
	assert_string_equal(store_get(g, "p")->array, "");
	r = store_task(g, "q");
	store_put(g, r);
	assert_null(store_get(g, "q")->array);
	store_rig_close(g);
}

static void
an_empty_result_is_not_none(void **state)
{
	RIG(g);
	struct sk_record *r = store_task(g, "a");

	r->result = "";
	store_put(g, r);
	assert_non_null(store_get(g, "a")->result);
	assert_int_equal(store_get(g, "a")->result_len, 0);
	store_rig_close(g);
}

static const struct sk_value *
large_spec(struct store_rig *g, size_t n)
{
	struct sk_value *spec = sk_value_new(g->arena, SK_MAP);
	char *text = sk_arena_alloc(g->arena, n + 1);

	memset(text, 'x', n);
	sk_map_set(g->arena, spec, "stdin", sk_value_string(g->arena, text, n));
	return spec;
}

static void
specs_of_every_size_are_kept(void **state)
{
	static const size_t sizes[] = { 900, 989, 990, 991, 1000, 1001, 4000, 200000 };
	RIG(g);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sk_record *r = store_task(g, sk_arena_printf(g->arena, "t%zu", sizes[i])), to;

		r->spec = large_spec(g, sizes[i]);
		store_put(g, r);
		store_same(store_get(g, r->id), r);
		to = *r;
		to.spec = large_spec(g, sizes[(i + 3) % 8]);
		assert_int_equal(store_move(g, r, SK_SET_ATTACHMENTS, &to), SK_OK);
		store_same(store_get(g, r->id), &to);
	}
	store_rig_close(g);
}

static void
who_is_not_there_is_null(void **state)
{
	RIG(g);
	const char *ids[] = { "b", "none", "a", "b", "A" };
	struct sk_op_get op = { .ids = ids, .n = 5 };
	struct sk_op_get none = { .ids = NULL, .n = 0 };

	store_put(g, store_task(g, "a"));
	store_put(g, store_task(g, "b"));
	store_must(g, SK_OP_GET, &op.op);
	assert_string_equal(op.records[0]->id, "b");
	assert_null(op.records[1]);
	assert_string_equal(op.records[2]->id, "a");
	assert_string_equal(op.records[3]->id, "b");
	assert_null(op.records[4]);
	store_must(g, SK_OP_GET, &none.op);
	store_rig_close(g);
}

/* ---- conflicts ---- */

static struct sk_op_insert
insert_ids(struct store_rig *g, const char *ids, bool each)
{
	const struct sk_record **list = sk_arena_alloc(g->arena, 64 * sizeof(*list));
	char *copy = sk_arena_strdup(g->arena, ids), *rest = copy, *id;
	struct sk_op_insert op = { .records = list, .each = each };

	while ((id = strtok_r(rest, " ", &rest)) != NULL)
		list[op.n++] = store_task(g, id);
	op.op.code = store_do(g, SK_OP_INSERT, &op.op);
	return op;
}

static void
one_that_is_there_keeps_all_out(void **state)
{
	RIG(g);
	struct sk_op_insert op;

	store_put(g, store_task(g, "c"));
	store_put(g, store_task(g, "e"));
	op = insert_ids(g, "a b c d e", false);
	assert_int_equal(op.op.code, SK_ECONFLICT);
	assert_non_null(strstr(op.op.err.msg, "c"));
	assert_int_equal(op.codes[0], SK_ECANCELED);
	assert_int_equal(op.codes[1], SK_ECANCELED);
	assert_int_equal(op.codes[2], SK_ECONFLICT);
	assert_int_equal(op.codes[3], SK_ECANCELED);
	assert_int_equal(op.codes[4], SK_ECONFLICT);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(op.seqs[i], 0);
	assert_string_equal(op.found[2]->id, "c");
	assert_string_equal(op.found[4]->id, "e");
	assert_null(op.found[0]);
	assert_null(op.found[3]);
	assert_string_equal(store_ids(g, &(struct sk_filter){ 0 }, SK_OLDEST_FIRST), "c e");
	op = insert_ids(g, "a b d", false);
	assert_int_equal(op.op.code, SK_OK);
	assert_string_equal(store_ids(g, &(struct sk_filter){ 0 }, SK_OLDEST_FIRST), "c e a b d");
	store_rig_close(g);
}

static void
each_goes_in_on_its_own(void **state)
{
	RIG(g);
	struct sk_op_insert op;

	store_put(g, store_task(g, "b"));
	op = insert_ids(g, "a b c a", true);
	assert_int_equal(op.op.code, SK_OK);
	assert_int_equal(op.codes[0], SK_OK);
	assert_int_equal(op.codes[1], SK_ECONFLICT);
	assert_int_equal(op.codes[2], SK_OK);
	assert_int_equal(op.codes[3], SK_ECONFLICT);
	assert_int_equal(op.seqs[1], 0);
	assert_true(op.seqs[0] != 0 && op.seqs[2] > op.seqs[0]);
	assert_string_equal(op.found[1]->id, "b");
	assert_int_equal(op.found[3]->seq, op.seqs[0]);
	assert_string_equal(store_ids(g, &(struct sk_filter){ 0 }, SK_OLDEST_FIRST), "b a c");
	store_rig_close(g);
}

static void
a_look_at_what_is_in_the_way_stores_nothing(void **state)
{
	RIG(g);
	const struct sk_record *list[] = { store_task(g, "a"), store_task(g, "b"),
		store_keyed(g, "c", "k"), store_keyed(g, "e", "free"), store_keyed(g, "d", "k") };
	struct sk_op_insert op = { .records = list, .n = 5, .dry = true };

	store_put(g, store_task(g, "b"));
	store_put(g, store_keyed(g, "d", "k"));
	store_must(g, SK_OP_INSERT, &op.op);
	assert_int_equal(op.codes[0], SK_OK);
	assert_int_equal(op.codes[1], SK_ECONFLICT);
	assert_int_equal(op.codes[2], SK_ECONFLICT);
	assert_int_equal(op.codes[3], SK_OK);
	assert_int_equal(op.codes[4], SK_ECONFLICT);
	assert_null(op.found[0]);
	assert_string_equal(op.found[1]->id, "b");
	assert_string_equal(op.found[2]->id, "d");
	assert_string_equal(op.found[2]->unique_key, "k");
	assert_null(op.found[3]);
	assert_string_equal(op.found[4]->id, "d");
	assert_int_equal(op.seqs[0], 0);
	assert_string_equal(store_ids(g, &(struct sk_filter){ 0 }, SK_OLDEST_FIRST), "b d");
	store_put(g, store_keyed(g, "e", "free"));
	store_rig_close(g);
}

static void
a_batch_with_one_id_twice_is_refused(void **state)
{
	RIG(g);
	struct sk_op_insert op = insert_ids(g, "a b a", false);

	assert_int_equal(op.op.code, SK_ECONFLICT);
	assert_int_equal(op.codes[2], SK_ECONFLICT);
	assert_string_equal(op.found[2]->id, "a");
	assert_string_equal(store_ids(g, &(struct sk_filter){ 0 }, SK_OLDEST_FIRST), "");
	op = insert_ids(g, "", false);
	assert_int_equal(op.op.code, SK_OK);
	store_rig_close(g);
}

static enum sk_code
try_put(struct store_rig *g, const struct sk_record *r, const char *in_the_way)
{
	struct sk_op_insert op = { .records = &r, .n = 1 };
	enum sk_code code = store_do(g, SK_OP_INSERT, &op.op);

	if (code == SK_ECONFLICT)
		assert_string_equal(op.found[0]->id, in_the_way);
	return code;
}

static void
a_unique_key_is_one_living_tasks(void **state)
{
	RIG(g);
	struct sk_record *a = store_keyed(g, "a", "k"), *b = store_keyed(g, "b", "k"), to;

	store_put(g, a);
	assert_int_equal(try_put(g, b, "a"), SK_ECONFLICT);
	assert_null(store_get(g, "b"));
	/* Its own id counts first. */
	store_put(g, store_task(g, "c"));
	assert_int_equal(try_put(g, store_keyed(g, "c", "k"), "c"), SK_ECONFLICT);
	store_put(g, store_keyed(g, "d", "other"));
	to = *a;
	to.life.phase = SK_FAILED;
	assert_int_equal(store_move(g, a, SK_SET_LIFE, &to), SK_OK);
	store_put(g, b);
	/* The first cannot come back to life now, but when the second has ended. */
	assert_int_equal(store_move(g, &to, SK_SET_LIFE, a), SK_ECONFLICT);
	assert_int_equal(store_get(g, "a")->life.phase, SK_FAILED);
	assert_int_equal(store_move(g, b, SK_SET_LIFE, &to), SK_OK);
	assert_int_equal(store_move(g, &to, SK_SET_LIFE, a), SK_OK);
	assert_int_equal(try_put(g, store_keyed(g, "e", "k"), "a"), SK_ECONFLICT);
	store_rig_close(g);
}

static void
a_task_that_is_final_takes_no_key(void **state)
{
	RIG(g);
	struct sk_record *ended = store_keyed(g, "ended", "k"), *a = store_keyed(g, "a", "k");

	ended->life.phase = SK_FINISHED;
	store_put(g, ended);
	store_put(g, a);
	ended = store_keyed(g, "ended2", "k");
	ended->life.phase = SK_CANCELLED;
	store_put(g, ended);
	assert_int_equal(try_put(g, store_keyed(g, "b", "k"), "a"), SK_ECONFLICT);
	assert_int_equal(store_remove(g, "ended"), SK_OK);
	assert_int_equal(try_put(g, store_keyed(g, "b", "k"), "a"), SK_ECONFLICT);
	store_rig_close(g);
}

static void
keys_are_taken_back_with_their_batch(void **state)
{
	RIG(g);
	const struct sk_record *list[] = { store_keyed(g, "a", "k"), store_keyed(g, "b", "m"),
		store_keyed(g, "c", "k") };
	struct sk_op_insert op = { .records = list, .n = 3 };

	assert_int_equal(store_do(g, SK_OP_INSERT, &op.op), SK_ECONFLICT);
	assert_string_equal(op.found[2]->id, "a");
	assert_int_equal(try_put(g, store_keyed(g, "d", "k"), ""), SK_OK);
	assert_int_equal(try_put(g, store_keyed(g, "e", "m"), ""), SK_OK);
	store_rig_close(g);
}

/* ---- move ---- */

static void
a_move_needs_what_it_expects(void **state)
{
	RIG(g);
	struct sk_record *a = store_task(g, "a"), *b = store_task(g, "b"), to;
	struct sk_move moves[] = {
		{ .id = "a",
			.expect_attempt = 1,
			.expect_phase = SK_CREATED,
			.set = SK_SET_LIFE,
			.to = &to },
		{ .id = "a", .expect_phase = SK_RUNNING, .set = SK_SET_LIFE, .to = &to },
		{ .id = "a",
			.expect_wanted = true,
			.wanted = SK_WANT_CANCEL,
			.set = SK_SET_LIFE,
			.to = &to },
		{ .id = "none", .set = SK_SET_LIFE, .to = &to },
		{ .id = "none", .seq = 1, .set = SK_SET_LIFE, .to = &to },
		{ .id = "a", .set = SK_SET_LIFE, .to = &to },
		{ .id = "a", .expect_wanted = true, .set = SK_SET_LIFE, .to = &to },
	};
	struct sk_op_move op = { .moves = moves, .n = 7 };

	store_put(g, a);
	store_put(g, b);
	moves[5].seq = b->seq; /* another task's */
	to = *a;
	to.life.phase = SK_ASSIGNING;
	to.life.attempt = 1;
	store_must(g, SK_OP_MOVE, &op.op);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(moves[i].code, i == 3 || i == 4 ? SK_ENOENT : SK_ECONFLICT);
	assert_int_equal(moves[6].code, SK_OK);
	store_same(store_get(g, "a"), &to);
	store_same(store_get(g, "b"), b);
	store_rig_close(g);
}

static void
moves_of_one_task_follow_each_other(void **state)
{
	RIG(g);
	struct sk_record *a = store_task(g, "a"), one, two, three;
	struct sk_move moves[3];
	struct sk_op_move op = { .moves = moves, .n = 3 };

	store_put(g, a);
	one = two = *a;
	one.life.phase = SK_ASSIGNING;
	two.life.phase = SK_RUNNING;
	three = two;
	three.life.phase = SK_FINISHED;
	moves[0] = (struct sk_move){ .id = "a", .set = SK_SET_LIFE, .to = &one };
	moves[1] =
		(struct sk_move){ .id = "a", .expect_phase = SK_ASSIGNING, .set = SK_SET_LIFE, .to = &two };
	moves[2] =
		(struct sk_move){ .id = "a", .expect_phase = SK_RUNNING, .set = SK_SET_LIFE, .to = &three };
	store_must(g, SK_OP_MOVE, &op.op);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(moves[i].code, SK_OK);
	store_same(store_get(g, "a"), &three);
	store_rig_close(g);
}

int
store_contract_tasks(const struct store_kind *kind)
{
	struct store_kind k = *kind;
#define T(f) cmocka_unit_test_prestate(f, &k)
	const struct CMUnitTest tests[] = {
		T(a_task_comes_back_as_it_was_given),
		T(a_parent_without_indices_to_start_is_still_an_array),
		T(an_empty_result_is_not_none),
		T(specs_of_every_size_are_kept),
		T(who_is_not_there_is_null),
		T(one_that_is_there_keeps_all_out),
		T(each_goes_in_on_its_own),
		T(a_look_at_what_is_in_the_way_stores_nothing),
		T(a_batch_with_one_id_twice_is_refused),
		T(a_unique_key_is_one_living_tasks),
		T(a_task_that_is_final_takes_no_key),
		T(keys_are_taken_back_with_their_batch),
		T(a_move_needs_what_it_expects),
		T(moves_of_one_task_follow_each_other),
	};
#undef T

	return cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
}

int
store_contract_run(const struct store_kind *kind)
{
	return store_contract_tasks(kind) + store_contract_ends(kind) + store_contract_pages(kind) +
		store_contract_model(kind) + store_contract_rest(kind);
}
