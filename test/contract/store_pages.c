/* store_pages.c - the contract of lists: orders, pages, cursors, counts. */
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

static const struct sk_filter everything;

/* id, then what the orders go by; seq is the order of these calls. */
static void
put_sorted(struct store_rig *g, const char *id, enum sk_phase phase, int64_t rank, int64_t update,
	int64_t due)
{
	struct sk_record *r = store_task(g, id);

	r->life.phase = phase;
	r->rank_ms = rank;
	r->update_ms = update;
	r->due_ms = due;
	r->gate = due > 0 ? SK_GATE_TIME : SK_GATE_OPEN;
	store_put(g, r);
}

static void
orders_are_by_their_key_and_then_by_acceptance(void **state)
{
	RIG(g);

	put_sorted(g, "a", SK_CREATED, 30, 5, 0);
	put_sorted(g, "b", SK_CREATED, 10, 9, 0);
	put_sorted(g, "c", SK_FINISHED, 20, 7, 0);
	put_sorted(g, "d", SK_CREATED, 10, 9, 40);
	put_sorted(g, "e", SK_RUNNING, -5, 7, 0);
	put_sorted(g, "f", SK_FAILED, 20, 5, 0);
	put_sorted(g, "g", SK_CREATED, 30, 1, 20);
	assert_string_equal(store_ids(g, &everything, SK_OLDEST_FIRST), "a b c d e f g");
	assert_string_equal(store_ids(g, &everything, SK_NEWEST_FIRST), "g f e d c b a");
	assert_string_equal(store_ids(g, &everything, SK_BY_RANK), "e b d c f a g");
	assert_string_equal(store_ids(g, &everything, SK_BY_UPDATE), "d b e c f a g");
	assert_string_equal(store_ids(g, &everything, SK_BY_DUE), "a b c e f g d");
	store_rig_close(g);
}

static void
what_is_ready_comes_by_rank_and_what_is_timed_by_time(void **state)
{
	RIG(g);
	struct sk_filter ready = {
		.phases = 1u << SK_CREATED, .gates = 1u << SK_GATE_OPEN, .wanted_run = true
	};
	struct sk_filter timed = { .phases = 1u << SK_CREATED, .gates = 1u << SK_GATE_TIME };
	struct sk_record *r;

	put_sorted(g, "a", SK_CREATED, 30, 1, 0);
	put_sorted(g, "b", SK_CREATED, 10, 1, 0);
	put_sorted(g, "c", SK_CREATED, 20, 1, 70);
	put_sorted(g, "d", SK_CREATED, 20, 1, 50);
	put_sorted(g, "e", SK_RUNNING, 5, 1, 0);
	r = store_task(g, "paused");
	r->life.wanted = SK_WANT_PAUSE;
	store_put(g, r);
	r = store_task(g, "waits");
	r->gate = SK_GATE_DEPENDENCY;
	store_put(g, r);
	r = store_task(g, "element");
	r->array_parent = "p";
	r->rank_ms = 15;
	store_put(g, r);
	assert_string_equal(store_ids(g, &ready, SK_BY_RANK), "b element a");
	assert_string_equal(store_ids(g, &timed, SK_BY_DUE), "d c");
	store_rig_close(g);
}

/* ---- pages ---- */

static size_t
page(struct store_rig *g, struct sk_op_find *op, struct sk_str *ids)
{
	store_must(g, SK_OP_FIND, &op->op);
	for (size_t i = 0; i < op->n; i++)
		sk_str_addf(ids, "%s ", op->records[i]->id);
	op->after = op->next;
	return op->n;
}

static void
pages_have_no_gap_and_nothing_twice_while_tasks_come_and_go(void **state)
{
	RIG(g);
	struct sk_op_find op = { .order = SK_NEWEST_FIRST, .limit = 2 };
	struct sk_str seen = SK_STR_INIT;

	for (char id[] = "a"; id[0] <= 'h'; id[0]++)
		store_put_phase(g, id, SK_FINISHED);
	page(g, &op, &seen); /* h g */
	store_put(g, store_task(g, "new"));
	assert_int_equal(store_remove(g, "g"), SK_OK); /* where the cursor stands */
	assert_int_equal(store_remove(g, "e"), SK_OK);
	page(g, &op, &seen);
	assert_int_equal(store_remove(g, "d"), SK_OK);
	store_put(g, store_task(g, "newer"));
	while (op.after != NULL)
		page(g, &op, &seen);
	assert_string_equal(sk_str_text(&seen), "h g f d c b a ");
	sk_str_release(&seen);
	store_rig_close(g);
}

static void
the_last_page_has_no_next(void **state)
{
	RIG(g);
	struct sk_op_find op = { .order = SK_OLDEST_FIRST, .limit = 2 };
	struct sk_str seen = SK_STR_INIT;

	assert_int_equal(page(g, &op, &seen), 0);
	assert_null(op.next);
	for (char id[] = "a"; id[0] <= 'd'; id[0]++)
		store_put(g, store_task(g, id));
	assert_int_equal(page(g, &op, &seen), 2);
	assert_non_null(op.next);
	assert_int_equal(page(g, &op, &seen), 2);
	assert_null(op.next);
	op = (struct sk_op_find){ .order = SK_OLDEST_FIRST, .limit = 4 };
	assert_int_equal(page(g, &op, &seen), 4);
	assert_null(op.next);
	sk_str_release(&seen);
	store_rig_close(g);
}

static void
a_cursor_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = { "", "x", "o", "o1", "o1.", "o.1", "o1.2 ", "o1.-2", "n1.2",
		"o99999999999999999999.1", "o1.99999999999999999999", "o1.2.3", "' OR 1" };
	RIG(g);
	struct sk_op_find op = { .order = SK_NEWEST_FIRST, .limit = 1 };
	struct sk_str ids = SK_STR_INIT;

	store_put(g, store_task(g, "a"));
	store_put(g, store_task(g, "b"));
	page(g, &op, &ids);
	op.order = SK_OLDEST_FIRST;
	assert_int_equal(store_do(g, SK_OP_FIND, &op.op), SK_EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		op.after = bad[i];
		if (store_do(g, SK_OP_FIND, &op.op) != SK_EINVAL)
			fail_msg("cursor \"%s\" was taken", bad[i]);
		assert_true(op.op.err.msg[0] != '\0');
	}
	sk_str_release(&ids);
	store_rig_close(g);
}

static void
tasks_may_be_passed_over_in_order_of_acceptance(void **state)
{
	RIG(g);
	struct sk_op_find op = { .order = SK_NEWEST_FIRST, .limit = 2, .skip = 3 };
	struct sk_str ids = SK_STR_INIT;

	for (char id[] = "a"; id[0] <= 'h'; id[0]++)
		store_put_phase(g, id, id[0] % 2 ? SK_FINISHED : SK_CREATED);
	page(g, &op, &ids); /* of h g f e d c b a */
	op.after = NULL;
	op.skip = 7;
	page(g, &op, &ids);
	assert_null(op.next);
	op.skip = 8;
	page(g, &op, &ids);
	op.skip = 1000;
	page(g, &op, &ids);
	assert_null(op.next);
	op = (struct sk_op_find){ .order = SK_OLDEST_FIRST, .limit = 1, .skip = 2 };
	op.filter.phases = 1u << SK_FINISHED; /* a c e g */
	page(g, &op, &ids);
	assert_string_equal(sk_str_text(&ids), "e d a e ");
	page(g, &op, &ids); /* behind the cursor two more */
	assert_string_equal(sk_str_text(&ids), "e d a e ");
	for (enum sk_order order = SK_BY_RANK; order <= SK_BY_DUE; order++) {
		op = (struct sk_op_find){ .order = order, .limit = 1, .skip = 1 };
		assert_int_equal(store_do(g, SK_OP_FIND, &op.op), SK_EINVAL);
	}
	sk_str_release(&ids);
	store_rig_close(g);
}

static void
a_limit_that_is_none_is_refused(void **state)
{
	RIG(g);
	struct sk_op_find op = { .limit = 0 };

	assert_int_equal(store_do(g, SK_OP_FIND, &op.op), SK_EINVAL);
	op.limit = SK_FIND_MAX + 1;
	assert_int_equal(store_do(g, SK_OP_FIND, &op.op), SK_EINVAL);
	op.limit = SK_FIND_MAX;
	store_must(g, SK_OP_FIND, &op.op);
	store_rig_close(g);
}

static void
a_thin_page_leaves_out_what_is_wide(void **state)
{
	RIG(g);
	struct sk_op_find op = { .limit = 1, .thin = true };
	struct sk_record *r = store_task(g, "a");
	struct sk_str x = SK_STR_INIT, y = SK_STR_INIT;

	r->spec = store_json(g->arena, "{\"labels\":{\"k\":\"v\"},\"name\":\"n\"}");
	r->result = "r";
	r->result_len = 1;
	r->exit = (struct sk_exit){ true, SK_REASON_EXITED, 4, 0, "message" };
	r->stage = "s";
	store_put(g, r);
	op.filter.label = "k=v"; /* filters look at the whole task all the same */
	store_must(g, SK_OP_FIND, &op.op);
	assert_int_equal(op.n, 1);
	store_text(op.records[0], true, &x);
	store_text(r, true, &y);
	assert_string_equal(x.p, y.p);
	assert_int_equal(op.records[0]->seq, r->seq);
	assert_int_equal(op.records[0]->spec->u.map.n, 0);
	assert_null(op.records[0]->result);
	assert_string_equal(op.records[0]->exit.message, "");
	sk_str_release(&x);
	sk_str_release(&y);
	store_rig_close(g);
}

/* ---- counts ---- */

static void
counts_are_by_phase(void **state)
{
	RIG(g);
	struct sk_op_count op = { .filter = { 0 } };
	struct sk_record *r;

	store_must(g, SK_OP_COUNT, &op.op);
	assert_int_equal(op.oldest_waiting_ms, 0);
	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		for (unsigned i = 0; i <= phase; i++)
			store_put_phase(g, sk_arena_printf(g->arena, "%u.%u", phase, i), (enum sk_phase)phase);
	r = store_task(g, "e");
	r->array_parent = "p";
	r->create_ms = 1500000;
	store_put(g, r);
	store_must(g, SK_OP_COUNT, &op.op);
	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		assert_int_equal(op.by_phase[phase], phase + 1 + (phase == SK_CREATED));
	assert_int_equal(op.oldest_waiting_ms, 1000000);
	op.filter = (struct sk_filter){ .no_elements = true, .phases = 1u << SK_FAILED | 1u };
	store_must(g, SK_OP_COUNT, &op.op);
	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		assert_int_equal(
			op.by_phase[phase], phase == SK_FAILED ? SK_FAILED + 1 : phase == SK_CREATED);
	op.filter = (struct sk_filter){ .parent = "p" };
	store_must(g, SK_OP_COUNT, &op.op);
	assert_int_equal(op.by_phase[SK_CREATED], 1);
	assert_int_equal(op.oldest_waiting_ms, 1500000);
	store_rig_close(g);
}

static void
put_waiting(
	struct store_rig *g, const char *id, int64_t create_ms, int64_t priority, enum sk_gate gate)
{
	struct sk_record *r = store_task(g, id);

	r->create_ms = create_ms;
	r->priority = priority;
	r->rank_ms = create_ms - priority * SK_PRIORITY_MS;
	r->gate = gate;
	r->due_ms = gate == SK_GATE_TIME ? create_ms + 5 : 0;
	store_put(g, r);
}

static void
the_oldest_task_that_waits_is_found_whatever_it_waits_for(void **state)
{
	RIG(g);
	struct sk_op_count op = { .filter = { 0 } };

	put_waiting(g, "a", 90000000, 10, SK_GATE_OPEN);
	store_must(g, SK_OP_COUNT, &op.op);
	assert_int_equal(op.oldest_waiting_ms, 90000000);
	put_waiting(g, "b", 89000000, 0, SK_GATE_OPEN); /* behind a by its rank */
	store_must(g, SK_OP_COUNT, &op.op);
	assert_int_equal(op.oldest_waiting_ms, 89000000);
	put_waiting(g, "c", 88000000, 5, SK_GATE_TIME);
	store_must(g, SK_OP_COUNT, &op.op);
	assert_int_equal(op.oldest_waiting_ms, 88000000);
	put_waiting(g, "d", 87000000, 5, SK_GATE_DEPENDENCY);
	store_must(g, SK_OP_COUNT, &op.op);
	assert_int_equal(op.oldest_waiting_ms, 87000000);
	op.filter.phases = 1u << SK_RUNNING;
	store_must(g, SK_OP_COUNT, &op.op);
	assert_int_equal(op.oldest_waiting_ms, 0);
	store_rig_close(g);
}

static void
classes_in_use_are_sorted(void **state)
{
	static const char *const classes[] = { "Sleep", "Exec", "exec", "Sleep", "My\xc3\xa4" };
	RIG(g);
	struct sk_op_classes op = { .n = 9 };

	store_must(g, SK_OP_CLASSES, &op.op);
	assert_int_equal(op.n, 0);
	for (size_t i = 0; i < 5; i++) {
		struct sk_record *r = store_task(g, sk_arena_printf(g->arena, "%zu", i));

		r->class_name = classes[i];
		r->life.phase = SK_FINISHED;
		store_put(g, r);
	}
	store_must(g, SK_OP_CLASSES, &op.op);
	assert_int_equal(op.n, 4);
	assert_string_equal(op.names[0], "Exec");
	assert_string_equal(op.names[1], "My\xc3\xa4");
	assert_string_equal(op.names[2], "Sleep");
	assert_string_equal(op.names[3], "exec");
	assert_int_equal(store_remove(g, "2"), SK_OK);
	store_must(g, SK_OP_CLASSES, &op.op);
	assert_int_equal(op.n, 3);
	store_rig_close(g);
}

/* ---- many at once ---- */

static void
counted_down(struct sk_op *op)
{
	--*(int *)op->arg;
}

/* Who asks the same may get the answer of another one; who asks something else must not. */
static void
each_of_many_counts_at_once_is_of_its_own_filter(void **state)
{
	enum { N = 40 };
	RIG(g);
	struct sk_op_count *ops = sk_arena_alloc(g->arena, N * sizeof(*ops));
	struct sk_record *r;
	int left = N;

	for (char id[] = "a"; id[0] <= 'f'; id[0]++)
		store_put_phase(g, id, id[0] < 'd' ? SK_FINISHED : SK_CREATED);
	r = store_task(g, "sleeps");
	r->class_name = "Sleep";
	store_put(g, r);
	for (int i = 0; i < N; i++) {
		static const struct sk_filter filters[] = { { .phases = 0 }, { .class_name = "Sleep" },
			{ .phases = 1u << SK_FINISHED }, { .class_name = "" } };

		ops[i] = (struct sk_op_count){
			.op = { .kind = SK_OP_COUNT, .done = counted_down, .arg = &left, .arena = g->arena },
			.filter = filters[i % 4],
			.numbers_only = i % 3 == 0
		};
		sk_store_submit(g->store, &ops[i].op);
	}
	while (left > 0)
		sk_loop_once(g->loop, -1);
	for (int i = 0; i < N; i++) {
		static const int64_t created[] = { 4, 1, 0, 4 }, finished[] = { 3, 0, 3, 3 };

		assert_int_equal(ops[i].op.code, SK_OK);
		assert_int_equal(ops[i].by_phase[SK_CREATED], created[i % 4]);
		assert_int_equal(ops[i].by_phase[SK_FINISHED], finished[i % 4]);
		if (!ops[i].numbers_only && i % 4 != 2)
			assert_int_equal(ops[i].oldest_waiting_ms, 1000000);
	}
	store_rig_close(g);
}

/* Long enough to be put aside. */
static void
each_of_many_lists_at_once_is_its_own(void **state)
{
	enum { N = 24 };
	RIG(g);
	struct sk_op_find *ops = sk_arena_alloc(g->arena, N * sizeof(*ops));
	struct sk_arena *own[N];
	int left = N;

	for (char id[] = "a"; id[0] <= 'f'; id[0]++)
		store_put_phase(g, id, id[0] < 'd' ? SK_FINISHED : SK_CREATED);
	for (int i = 0; i < N; i++) {
		own[i] = sk_arena_new();
		ops[i] = (struct sk_op_find){
			.op = { .kind = SK_OP_FIND, .done = counted_down, .arg = &left, .arena = own[i] },
			.filter = { .phases = i % 3 == 2 ? 1u << SK_CREATED : 0 },
			.order = i % 2 ? SK_NEWEST_FIRST : SK_OLDEST_FIRST,
			.limit = 5000
		};
		sk_store_submit(g->store, &ops[i].op);
	}
	while (left > 0)
		sk_loop_once(g->loop, -1);
	for (int i = 0; i < N; i++) { /* each one's arena holds all of it */
		assert_int_equal(ops[i].op.code, SK_OK);
		assert_int_equal(ops[i].n, i % 3 == 2 ? 3 : 6);
		assert_string_equal(ops[i].records[0]->id, i % 2 ? "f" : i % 3 == 2 ? "d" : "a");
		assert_null(ops[i].next);
		sk_arena_free(own[i]);
	}
	store_rig_close(g);
}

int
store_contract_pages(const struct store_kind *kind)
{
	struct store_kind k = *kind;
#define T(f) cmocka_unit_test_prestate(f, &k)
	const struct CMUnitTest tests[] = {
		T(orders_are_by_their_key_and_then_by_acceptance),
		T(what_is_ready_comes_by_rank_and_what_is_timed_by_time),
		T(pages_have_no_gap_and_nothing_twice_while_tasks_come_and_go),
		T(the_last_page_has_no_next),
		T(a_cursor_that_is_none_is_refused),
		T(tasks_may_be_passed_over_in_order_of_acceptance),
		T(a_limit_that_is_none_is_refused),
		T(a_thin_page_leaves_out_what_is_wide),
		T(counts_are_by_phase),
		T(each_of_many_counts_at_once_is_of_its_own_filter),
		T(each_of_many_lists_at_once_is_its_own),
		T(the_oldest_task_that_waits_is_found_whatever_it_waits_for),
		T(classes_in_use_are_sorted),
	};
#undef T

	return cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
}
