/* store_rest.c - the contract of skalds, the lead, settings, backup; order, races and closing. */
#include "store_contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define RIG(g) \
	struct store_rig rig, *g = &rig; \
	store_rig_open(g, *state)

/* ---- skalds ---- */

static enum sk_code
put_skald(struct store_rig *g, const char *id, uint64_t incarnation, int64_t start_ms, bool take)
{
	struct sk_skald s = { .id = id,
		.incarnation = incarnation,
		.renewals = (uint64_t)start_ms,
		.version = "1",
		.host = "h",
		.start_ms = start_ms };
	struct sk_op_skald_put op = { .skald = &s, .take = take };

	return store_do(g, SK_OP_SKALD_PUT, &op.op);
}

static struct sk_skald *
only_skald(struct store_rig *g)
{
	struct sk_op_skald_list op = { .n = 0 };

	store_must(g, SK_OP_SKALD_LIST, &op.op);
	assert_int_equal(op.n, 1);
	return op.skalds[0];
}

static void
a_skald_comes_back_as_it_was_given(void **state)
{
	RIG(g);
	static const char *const classes[] = { "Exec", "Sleep", NULL };
	const struct sk_value *labels = store_json(g->arena, "{\"gpu\":\"a100\",\"zone\":\"x\"}");
	struct sk_skald s = { "n1", UINT64_MAX, 17, SK_MODE_EDGE, "1.2", "host", 4, 2.5, 1024, 1,
		classes, labels, true, 45000, false, 1000, 2000,
		{ .known = true,
			.cpu_percent = 12.5,
			.load1 = -1,
			.memory_used_mb = 100,
			.memory_total_mb = 2000,
			.disk_used_mb = 0,
			.disk_total_mb = -1 } };
	struct sk_op_skald_put op = { .skald = &s };
	struct sk_skald *r;

	store_must(g, SK_OP_SKALD_PUT, &op.op);
	r = only_skald(g);
	assert_string_equal(r->id, "n1");
	assert_true(r->incarnation == UINT64_MAX && r->renewals == 17);
	assert_int_equal(r->mode, SK_MODE_EDGE);
	assert_string_equal(r->version, "1.2");
	assert_string_equal(r->host, "host");
	assert_true(r->cpus == 2.5);
	assert_int_equal(r->slots, 4);
	assert_int_equal(r->memory_mb, 1024);
	assert_int_equal(r->gpus, 1);
	assert_string_equal(r->classes[0], "Exec");
	assert_string_equal(r->classes[1], "Sleep");
	assert_null(r->classes[2]);
	assert_true(sk_value_equal(r->labels, labels));
	assert_true(r->draining);
	assert_int_equal(r->start_ms, 1000);
	assert_int_equal(r->seen_ms, 2000);
	assert_int_equal(r->lease_ms, 45000);
	assert_true(r->load.known && r->load.cpu_percent == 12.5 && r->load.load1 < 0);
	assert_int_equal(r->load.memory_used_mb, 100);
	assert_int_equal(r->load.memory_total_mb, 2000);
	assert_int_equal(r->load.disk_used_mb, 0);
	assert_int_equal(r->load.disk_total_mb, -1);
	s.load.known = false; /* it has stopped telling */
	store_must(g, SK_OP_SKALD_PUT, &op.op);
	assert_false(only_skald(g)->load.known);
	store_rig_close(g);
}

static void
skalds_are_listed_by_id_and_removed(void **state)
{
	RIG(g);
	struct sk_op_skald_list list = { .n = 9 };
	struct sk_op_skald_remove op = { .id = "b" };

	store_must(g, SK_OP_SKALD_LIST, &list.op);
	assert_int_equal(list.n, 0);
	assert_int_equal(put_skald(g, "b", 1, 1, false), SK_OK);
	assert_int_equal(put_skald(g, "a", 1, 1, false), SK_OK);
	assert_int_equal(put_skald(g, "c", 1, 1, false), SK_OK);
	store_must(g, SK_OP_SKALD_REMOVE, &op.op);
	assert_int_equal(store_do(g, SK_OP_SKALD_REMOVE, &op.op), SK_ENOENT);
	store_must(g, SK_OP_SKALD_LIST, &list.op);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.skalds[0]->id, "a");
	assert_string_equal(list.skalds[1]->id, "c");
	assert_non_null(list.skalds[0]->classes);
	assert_non_null(list.skalds[0]->labels);
	store_rig_close(g);
}

static void
an_older_incarnation_does_not_replace_a_newer_one(void **state)
{
	RIG(g);

	assert_int_equal(put_skald(g, "n", 11, 100, false), SK_OK);
	assert_int_equal(put_skald(g, "n", 12, 99, false), SK_ECONFLICT);
	assert_int_equal(put_skald(g, "n", 12, 100, false), SK_ECONFLICT);
	assert_int_equal(only_skald(g)->incarnation, 11);
	assert_int_equal(put_skald(g, "n", 11, 100, false), SK_OK); /* a renewal */
	assert_int_equal(put_skald(g, "n", 12, 101, false), SK_OK); /* a later start */
	assert_int_equal(put_skald(g, "n", 11, 100, false), SK_ECONFLICT);
	assert_int_equal(put_skald(g, "n", 11, 100, true), SK_OK);
	assert_int_equal(only_skald(g)->incarnation, 11);
	store_rig_close(g);
}

static void
draining_stays_when_it_is_to_be_kept(void **state)
{
	RIG(g);
	struct sk_skald s = { .id = "n", .incarnation = 1, .draining = true };
	struct sk_op_skald_put op = { .skald = &s };

	op.keep_draining = true; /* there is none to keep */
	store_must(g, SK_OP_SKALD_PUT, &op.op);
	assert_true(only_skald(g)->draining);
	s.draining = false;
	store_must(g, SK_OP_SKALD_PUT, &op.op);
	assert_true(only_skald(g)->draining);
	op.keep_draining = false;
	store_must(g, SK_OP_SKALD_PUT, &op.op);
	assert_false(only_skald(g)->draining);
	store_rig_close(g);
}

/* ---- lead ---- */

static void
lead(struct store_rig *g, const char *who, uint64_t term, bool take, enum sk_code code,
	const char *holder, uint64_t now_term, uint64_t renewals)
{
	/* whoever takes it has seen it as it is after this call, or just before */
	struct sk_op_lead op = { .holder = who,
		.term = term,
		.take = take,
		.renewals = code == SK_OK ? renewals - 1 : renewals };

	assert_int_equal(store_do(g, SK_OP_LEAD, &op.op), code);
	assert_string_equal(op.now_holder, holder);
	assert_int_equal(op.now_term, now_term);
	assert_int_equal(op.now_renewals, renewals);
}

static void
the_lead_is_taken_kept_and_lost(void **state)
{
	RIG(g);

	lead(g, "a", 0, false, SK_ECONFLICT, "", 0, 0); /* there is nothing to keep */
	lead(g, "a", 1, true, SK_ECONFLICT, "", 0, 0);
	lead(g, "a", 0, true, SK_OK, "a", 1, 1);
	lead(g, "b", 0, true, SK_ECONFLICT, "a", 1, 1);
	lead(g, "a", 1, false, SK_OK, "a", 1, 2);
	lead(g, "a", 1, true, SK_OK, "a", 1, 3);
	lead(g, "b", 1, false, SK_ECONFLICT, "a", 1, 3);
	lead(g, "b", 1, true, SK_OK, "b", 2, 4);
	lead(g, "a", 1, false, SK_ECONFLICT, "b", 2, 4);
	lead(g, "a", 3, true, SK_ECONFLICT, "b", 2, 4);
	lead(g, "b", 0, false, SK_ECONFLICT, "b", 2, 4); /* a look */
	if (g->kind->lasts) {
		store_rig_reopen(g);
		lead(g, "b", 2, false, SK_OK, "b", 2, 5);
	}
	store_rig_close(g);
}

static void
a_lead_that_was_renewed_meanwhile_is_not_taken(void **state)
{
	RIG(g);
	struct sk_op_lead op = { .holder = "b", .term = 1, .take = true, .renewals = 1 };

	lead(g, "a", 0, true, SK_OK, "a", 1, 1);
	lead(g, "a", 1, false, SK_OK, "a", 1, 2); /* b has not seen it */
	assert_int_equal(store_do(g, SK_OP_LEAD, &op.op), SK_ECONFLICT);
	assert_string_equal(op.now_holder, "a");
	assert_int_equal(op.now_renewals, 2);
	op.renewals = 2;
	assert_int_equal(store_do(g, SK_OP_LEAD, &op.op), SK_OK);
	assert_string_equal(op.now_holder, "b");
	assert_int_equal(op.now_term, 2);
	store_rig_close(g);
}

static void
a_lead_that_was_left_is_nobodys(void **state)
{
	RIG(g);

	lead(g, "a", 0, true, SK_OK, "a", 1, 1);
	lead(g, "", 1, true, SK_OK, "", 2, 2);
	lead(g, "a", 1, false, SK_ECONFLICT, "", 2, 2); /* the term is over for its holder too */
	lead(g, "a", 2, false, SK_ECONFLICT, "", 2, 2);
	lead(g, "b", 0, false, SK_ECONFLICT, "", 2, 2);
	lead(g, "b", 2, true, SK_OK, "b", 3, 3);
	store_rig_close(g);
}

/* ---- operations with a time ---- */

static void
what_comes_too_late_is_not_done(void **state)
{
	RIG(g);
	struct sk_op_setting put = { .op = { .until_ms = 1 }, .name = "late", .value = "x" };
	struct sk_op_setting get = { .name = "late" };
	struct sk_op_lead take = { .op = { .until_ms = sk_boot_ms() }, .holder = "a", .take = true };

	assert_int_equal(store_do(g, SK_OP_SETTING_PUT, &put.op), SK_ECANCELED);
	assert_true(put.op.err.msg[0] != '\0');
	assert_int_equal(store_do(g, SK_OP_LEAD, &take.op), SK_ECANCELED);
	store_must(g, SK_OP_SETTING_GET, &get.op);
	assert_string_equal(get.value, "");
	lead(g, "a", 0, false, SK_ECONFLICT, "", 0, 0);
	put.op.until_ms = sk_boot_ms() + 60000;
	store_must(g, SK_OP_SETTING_PUT, &put.op);
	store_must(g, SK_OP_SETTING_GET, &get.op);
	assert_string_equal(get.value, "x");
	store_rig_close(g);
}

/* ---- settings ---- */

static void
settings_are_kept_by_name(void **state)
{
	RIG(g);
	struct sk_op_setting get = { .name = "a" };
	struct sk_op_setting put = { .name = "a", .value = "one" };

	store_must(g, SK_OP_SETTING_GET, &get.op);
	assert_string_equal(get.value, "");
	store_must(g, SK_OP_SETTING_PUT, &put.op);
	put = (struct sk_op_setting){ .name = "b", .value = "other" };
	store_must(g, SK_OP_SETTING_PUT, &put.op);
	put = (struct sk_op_setting){ .name = "a", .value = "tw\xc3\xb6" };
	store_must(g, SK_OP_SETTING_PUT, &put.op);
	store_must(g, SK_OP_SETTING_GET, &get.op);
	assert_string_equal(get.value, "tw\xc3\xb6");
	get.name = "b";
	store_must(g, SK_OP_SETTING_GET, &get.op);
	assert_string_equal(get.value, "other");
	store_rig_close(g);
}

/* ---- order, races ---- */

static void
finished(struct sk_op *op)
{
	int *left = op->arg;

	--*left;
}

#define OP(k) \
	{ \
		.kind = k, .done = finished, .arg = &left, .arena = g->arena \
	}

static void
operations_are_applied_in_the_order_they_came(void **state)
{
	RIG(g);
	int left = 6;
	const char *id = "a";
	const struct sk_record *r = store_task(g, id);
	struct sk_record to = *r;
	struct sk_move move = { .id = id, .set = SK_SET_LIFE, .to = &to };
	struct sk_op_get before = { .op = OP(SK_OP_GET), .ids = &id, .n = 1 };
	struct sk_op_insert insert = { .op = OP(SK_OP_INSERT), .records = &r, .n = 1 };
	struct sk_op_move moved = { .op = OP(SK_OP_MOVE), .moves = &move, .n = 1 };
	/* In an order that no store takes long for: such reads may see what comes later, too. */
	struct sk_op_find found = { .op = OP(SK_OP_FIND), .order = SK_BY_DUE, .limit = 9 };
	struct sk_op_remove removed = { .op = OP(SK_OP_REMOVE), .ids = &id, .n = 1 };
	struct sk_op_get after = before;

	to.life.phase = SK_FINISHED;
	sk_store_submit(g->store, &before.op);
	sk_store_submit(g->store, &insert.op);
	sk_store_submit(g->store, &moved.op);
	sk_store_submit(g->store, &found.op);
	sk_store_submit(g->store, &removed.op);
	sk_store_submit(g->store, &after.op);
	assert_int_equal(left, 6); /* nothing is done from within submit */
	while (left > 0)
		sk_loop_once(g->loop, -1);
	assert_null(before.records[0]);
	assert_int_equal(insert.codes[0], SK_OK);
	assert_int_equal(move.code, SK_OK);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.records[0]->life.phase, SK_FINISHED);
	assert_int_equal(removed.codes[0], SK_OK);
	assert_null(after.records[0]);
	store_rig_close(g);
}

/* A writer that has read the task moves its attempt on; who was quicker wins. */
struct writer {
	struct store_rig *g;
	struct sk_arena *arena;
	const char *id;
	struct sk_op_get get;
	struct sk_record to;
	struct sk_move move;
	struct sk_op_move op;
	int rounds, won, lost;
	int *left;
};

static void writer_moved(struct sk_op *op);

static void
writer_read(struct sk_op *op)
{
	struct writer *w = op->arg;
	const struct sk_record *r = w->get.records[0];

	assert_int_equal(op->code, SK_OK);
	w->to = *r;
	w->to.life.attempt++;
	w->move = (struct sk_move){ .id = w->id,
		.seq = w->rounds % 2 ? r->seq : 0,
		.expect_attempt = r->life.attempt,
		.expect_phase = r->life.phase,
		.set = SK_SET_LIFE,
		.to = &w->to };
	w->op = (struct sk_op_move){
		.op = { .kind = SK_OP_MOVE, .done = writer_moved, .arg = w, .arena = w->arena },
		.moves = &w->move,
		.n = 1
	};
	sk_store_submit(w->g->store, &w->op.op);
}

static void
writer_go(struct writer *w)
{
	w->arena = sk_arena_new();
	w->get = (struct sk_op_get){
		.op = { .kind = SK_OP_GET, .done = writer_read, .arg = w, .arena = w->arena },
		.ids = &w->id,
		.n = 1
	};
	sk_store_submit(w->g->store, &w->get.op);
}

static void
writer_moved(struct sk_op *op)
{
	struct writer *w = op->arg;

	assert_int_equal(op->code, SK_OK);
	w->won += w->move.code == SK_OK;
	w->lost += w->move.code == SK_ECONFLICT;
	sk_arena_free(w->arena);
	if (--w->rounds > 0)
		writer_go(w);
	else
		--*w->left;
}

static void
of_eight_writers_one_wins_each_time(void **state)
{
	enum { WRITERS = 8, ROUNDS = 300 };
	RIG(g);
	struct writer w[WRITERS];
	int left = WRITERS, won = 0, lost = 0;

	store_put(g, store_task(g, "a"));
	for (int i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){ .g = g, .id = "a", .rounds = ROUNDS, .left = &left };
		writer_go(&w[i]);
	}
	while (left > 0)
		sk_loop_once(g->loop, -1);
	for (int i = 0; i < WRITERS; i++) {
		won += w[i].won;
		lost += w[i].lost;
	}
	assert_int_equal(won + lost, WRITERS * ROUNDS);
	assert_int_equal(store_get(g, "a")->life.attempt, won);
	assert_true(won >= ROUNDS && lost > 0);
	store_rig_close(g);
}

/* ---- closing ---- */

struct again {
	struct store_rig *g;
	struct sk_op_setting op, second;
	int calls;
	enum sk_code code;
};

static void
called_second(struct sk_op *op)
{
	struct again *a = op->arg;

	a->calls++;
	a->code = op->code;
}

static void
called_first(struct sk_op *op)
{
	struct again *a = op->arg;

	a->calls++;
	assert_int_equal(op->code, SK_OK);
	sk_store_submit(a->g->store, &a->second.op);
	assert_int_equal(a->calls, 1);
}

static void
closing_completes_what_is_queued_and_refuses_what_comes_then(void **state)
{
	RIG(g);
	struct again a = { .g = g };
	struct sk_err err;

	a.op = (struct sk_op_setting){
		.op = { .kind = SK_OP_SETTING_PUT, .done = called_first, .arg = &a, .arena = g->arena },
		.name = "n",
		.value = "v"
	};
	a.second = a.op;
	a.second.op.done = called_second;
	sk_store_submit(g->store, &a.op.op);
	sk_store_close(g->store);
	assert_int_equal(a.calls, 2);
	assert_int_equal(a.code, SK_EUNAVAIL);
	g->store = g->kind->open(g->dir, g->loop, &err);
	assert_non_null(g->store);
	if (g->kind->lasts) {
		struct sk_op_setting get = { .name = "n" };

		store_must(g, SK_OP_SETTING_GET, &get.op);
		assert_string_equal(get.value, "v");
	}
	store_rig_close(g);
}

static void
what_was_stored_is_there_when_it_is_opened_again(void **state)
{
	RIG(g);
	struct sk_record *r = store_task(g, "a"), *last;
	uint64_t seq;

	r->unique_key = "k";
	r->result = "r";
	r->result_len = 1;
	store_put(g, r);
	last = store_put_phase(g, "last", SK_FINISHED);
	seq = last->seq;
	assert_int_equal(store_remove(g, "last"), SK_OK);
	store_rig_reopen(g);
	store_same(store_get(g, "a"), r);
	assert_null(store_get(g, "last"));
	r = store_task(g, "b");
	store_put(g, r);
	assert_true(r->seq > seq); /* a number that was given once does not come again */
	store_rig_close(g);
}

/* ---- backup, check ---- */

static void
a_store_is_sound(void **state)
{
	RIG(g);
	struct sk_op_check op = { .problems = NULL };

	store_put(g, store_task(g, "a"));
	store_must(g, SK_OP_CHECK, &op.op);
	assert_string_equal(op.problems, "");
	store_rig_close(g);
}

static void
a_backup_is_refused_where_it_cannot_be(void **state)
{
	RIG(g);
	struct sk_op_backup op = { .path = "relative/path" };

	assert_int_equal(store_do(g, SK_OP_BACKUP, &op.op), SK_EINVAL);
	if (g->kind->backs_up) {
		op.path = sk_arena_printf(g->arena, "%s/none/backup", g->dir);
		assert_int_equal(store_do(g, SK_OP_BACKUP, &op.op), SK_EIO);
		assert_non_null(strstr(op.op.err.msg, op.path));
		op.path = sk_arena_printf(g->arena, "%s/there", g->dir);
		fclose(fopen(op.path, "w"));
		assert_int_equal(store_do(g, SK_OP_BACKUP, &op.op), SK_ECONFLICT);
	}
	store_rig_close(g);
}

int
store_contract_rest(const struct store_kind *kind)
{
	struct store_kind k = *kind;
#define T(f) cmocka_unit_test_prestate(f, &k)
	const struct CMUnitTest tests[] = {
		T(a_skald_comes_back_as_it_was_given),
		T(skalds_are_listed_by_id_and_removed),
		T(an_older_incarnation_does_not_replace_a_newer_one),
		T(draining_stays_when_it_is_to_be_kept),
		T(the_lead_is_taken_kept_and_lost),
		T(a_lead_that_was_renewed_meanwhile_is_not_taken),
		T(a_lead_that_was_left_is_nobodys),
		T(what_comes_too_late_is_not_done),
		T(settings_are_kept_by_name),
		T(operations_are_applied_in_the_order_they_came),
		T(of_eight_writers_one_wins_each_time),
		T(closing_completes_what_is_queued_and_refuses_what_comes_then),
		T(a_store_is_sound),
		T(a_backup_is_refused_where_it_cannot_be),
	};
	const struct CMUnitTest lasting[] = {
		T(what_was_stored_is_there_when_it_is_opened_again),
	};
#undef T
	int failed = cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);

	if (kind->lasts)
		failed += cmocka_run_group_tests_name(kind->name, lasting, NULL, NULL);
	return failed;
}
