/* sqlite_columns_test.c - lists at size: which of them the file's indexes serve and which the
 * columns, that both find the same, and that the columns follow. No time is measured here. */
#include "adapters/sqlite/sqlite.h"
#include "adapters/sqlite/store.h"
#include "sqlite_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 100000

static const enum sk_order orders[] = { SK_NEWEST_FIRST, SK_OLDEST_FIRST, SK_BY_UPDATE,
	SK_BY_RANK };
#define N_ORDERS (sizeof(orders) / sizeof(orders[0]))

/* ---- many tasks, as a queue has them: the old ones have ended, the new ones wait ---- */

static void
insert(struct store_rig *g, const struct sk_record *const *list, size_t n)
{
	struct sk_op_insert op = { .records = list, .n = n };

	store_must(g, SK_OP_INSERT, &op.op);
}

static struct sk_record *
make(struct store_rig *g, struct sk_arena *a, int i, int n)
{
	struct sk_record *r = store_task(g, sk_arena_printf(a, "T%07d", i * 7 % n));

	r->life.phase = i >= n / 2 ? SK_CREATED : i % 50 == 0 ? SK_FAILED : SK_FINISHED;
	r->class_name = i % 1000 == 999 ? "Rare" : i % 2 ? "Exec" : "Sleep";
	r->create_ms = 1000000 + i;
	r->update_ms = 1000000 + (int64_t)store_random((uint64_t)n);
	r->rank_ms = 1000000 + i - (int64_t)store_random(10) * 600000;
	r->array_parent = i % 100 == 7 ? "p" : "";
	if (i % 300 == 1)
		memcpy(r->life.executor, "node-1", 7);
	r->spec = store_json(a,
		i % 2000 == 0 ? "{\"labels\":{\"k\":\"rare\",\"n\":\"v\"}}"
			: i % 2	  ? "{\"labels\":{\"k\":\"v\"}}"
					  : "{}");
	return r;
}

static void
fill(struct store_rig *g, int n)
{
	struct sk_arena *own = g->arena;

	for (int i = 0; i < n;) {
		const struct sk_record *list[1000];
		size_t k = 0;

		g->arena = sk_arena_new();
		for (; k < 1000 && i < n; i++)
			list[k++] = make(g, g->arena, i, n);
		insert(g, list, k);
		sk_arena_free(g->arena);
		g->arena = own;
	}
}

/* Every documented filter, and some together. */
static const struct {
	const char *name;
	struct sk_filter f;
} filters[] = {
	{ "nothing", { .no_elements = true } },
	{ "with elements", { .phases = 0 } },
	{ "state=Created", { .phases = 1u << SK_CREATED, .no_elements = true } },
	{ "state=Finished", { .phases = 1u << SK_FINISHED, .no_elements = true } },
	{ "state=Failed", { .phases = 1u << SK_FAILED, .no_elements = true } },
	{ "state=Running", { .phases = 1u << SK_RUNNING, .no_elements = true } },
	{ "class", { .class_name = "Sleep", .no_elements = true } },
	{ "class, rare", { .class_name = "Rare", .no_elements = true } },
	{ "class, nobody's", { .class_name = "None", .no_elements = true } },
	{ "executor", { .executor = "node-1", .no_elements = true } },
	{ "executor, nobody", { .executor = "nobody", .no_elements = true } },
	{ "label", { .label = "k=v", .no_elements = true } },
	{ "label, rare", { .label = "k=rare", .no_elements = true } },
	{ "label, any value", { .label = "k", .no_elements = true } },
	{ "label, nobody's", { .label = "none", .no_elements = true } },
	{ "id", { .id_part = "t000", .no_elements = true } },
	{ "id, one", { .id_part = "0054321", .no_elements = true } },
	{ "id, none", { .id_part = "zz", .no_elements = true } },
	{ "older", { .created_before = 1000000 + 10, .no_elements = true } },
	{ "older, most", { .created_before = 1000000 + MANY - 10, .no_elements = true } },
	{ "newer", { .created_after = 1000000 + MANY - 10, .no_elements = true } },
	{ "newer, most", { .created_after = 1000000 + 10, .no_elements = true } },
	{ "parent", { .parent = "p" } },
	{ "updated since", { .updated_after = 1000000 + MANY / 2 } },
	{ "class, part", { .class_part = "ARE" } },
	{ "state and class", { .phases = 1u << SK_FAILED, .class_name = "Rare", .no_elements = true } },
	{ "label and state", { .phases = 1u << SK_CREATED, .label = "k=v", .no_elements = true } },
	{ "label and id", { .id_part = "9", .label = "n", .no_elements = true } },
	{ "parent and state", { .phases = 1u << SK_CREATED, .parent = "p" } },
};
#define N_FILTERS (sizeof(filters) / sizeof(filters[0]))

static void
open_beside(struct store_rig *g, struct sk_sq_db *db)
{
	struct sk_err err;

	memset(db, 0, sizeof(*db));
	assert_int_equal(sk_sq_db_open(db, sqlite_file(g, ""), &err), SK_OK);
	assert_int_equal(sk_sq_db_setup(db, SK_SQ_READER, &err), SK_OK);
}

/* As the store keeps them. */
static struct sk_sq_counts
counts_of(struct store_rig *g)
{
	struct sk_sq_counts counts = { { { 0 } } };
	struct sk_op_count all = { .filter = { .phases = 0 } },
					   parents = { .filter = { .no_elements = true } };

	store_must(g, SK_OP_COUNT, &all.op);
	store_must(g, SK_OP_COUNT, &parents.op);
	for (int phase = 0; phase < SK_N_PHASE; phase++) {
		counts.n[phase][0] = parents.by_phase[phase];
		counts.n[phase][1] = all.by_phase[phase] - parents.by_phase[phase];
	}
	return counts;
}

/* What the columns are not better at must be within the budget of the thread that commits: no plan
 * of it may look at the whole table, or sort much of it. */
static void
no_list_of_many_tasks_scans_the_table(void **state)
{
	RIG(g);
	struct sk_sq_counts counts;
	struct sk_sq_db db;
	int by_file = 0;

	store_seed();
	fill(g, MANY);
	counts = counts_of(g);
	open_beside(g, &db);
	for (size_t i = 0; i < N_FILTERS; i++)
		for (size_t k = 0; k < N_ORDERS; k++) {
			const struct sk_sq_help help = { .counts = &counts };
			struct sk_op_find op = { .filter = filters[i].f, .order = orders[k], .limit = 50 };
			struct sk_err err;

			if (sk_sq_columns_better(&op.filter, op.order))
				continue;
			by_file++;
			op.op.arena = sk_arena_new();
			db.limited = true;
			db.budget = SK_SQ_BUDGET;
			if (sk_sq_find(&db, &help, &op, &err) != SK_OK)
				fail_msg("%s, order %d: %s", filters[i].name, (int)orders[k], err.msg);
			assert_true(SK_SQ_BUDGET - db.budget <= 1); /* 10,000 steps for 50 rows */
			sk_arena_free(op.op.arena);
		}
	assert_true(by_file >= 10);
	sk_sq_db_close(&db);
	store_rig_close(g);
}

/* ---- file and columns find the same ---- */

static const char *
ids_of(struct sk_sq_db *db, const struct sk_sq_help *help, const struct sk_op_find *base,
	struct sk_arena *a)
{
	struct sk_op_find op = *base;
	struct sk_str ids = SK_STR_INIT;
	struct sk_err err;
	const char *text;

	op.op.arena = a;
	assert_int_equal(sk_sq_find(db, help, &op, &err), SK_OK);
	for (size_t i = 0; i < op.n; i++)
		sk_str_addf(&ids, "%s ", op.records[i]->id);
	sk_str_addf(&ids, "next %s", op.next != NULL ? op.next : "(none)");
	text = sk_arena_strdup(a, sk_str_text(&ids));
	sk_str_release(&ids);
	return text;
}

static const char *
count_of(struct sk_sq_db *db, const struct sk_sq_help *help, const struct sk_filter *f,
	struct sk_arena *a)
{
	struct sk_op_count op = { .filter = *f };
	struct sk_str out = SK_STR_INIT;
	struct sk_err err;
	const char *text;

	op.op.arena = a;
	assert_int_equal(sk_sq_count(db, help, &op, &err), SK_OK);
	for (int phase = 0; phase < SK_N_PHASE; phase++)
		sk_str_addf(&out, "%lld ", (long long)op.by_phase[phase]);
	sk_str_addf(&out, "oldest %lld", (long long)op.oldest_waiting_ms);
	text = sk_arena_strdup(a, sk_str_text(&out));
	sk_str_release(&out);
	return text;
}

/* Some pages of each list, and how many there are, both ways. */
static void
compare(struct sk_sq_db *db, const struct sk_sq_help *file, const struct sk_sq_help *columns)
{
	for (size_t i = 0; i < N_FILTERS; i++) {
		struct sk_arena *a = sk_arena_new();

		assert_string_equal(
			count_of(db, columns, &filters[i].f, a), count_of(db, file, &filters[i].f, a));
		for (size_t k = 0; k < N_ORDERS; k++) {
			struct sk_op_find op = { .filter = filters[i].f, .order = orders[k] };

			for (int page = 0; page < 3 && (page == 0 || op.after != NULL); page++) {
				const char *want;

				op.limit = 1 + store_random(60);
				op.skip = k < 2 && store_random(3) == 0 ? store_random(500) : 0;
				want = ids_of(db, file, &op, a);
				assert_string_equal(ids_of(db, columns, &op, a), want);
				op.after = strstr(want, "next ") + 5;
				if (strcmp(op.after, "(none)") == 0)
					op.after = NULL;
			}
		}
		sk_arena_free(a);
	}
}

static void
file_and_columns_find_the_same(void **state)
{
	RIG(g);
	struct sk_sq_columns columns = { .made = false };
	struct sk_sq_counts counts;
	struct sk_sq_help file = { .counts = &counts, .patient = true }, both;
	struct sk_sq_db db;
	struct sk_err err;

	store_seed();
	fill(g, 16000); /* more than 5,000 of a label: another way to find them */
	counts = counts_of(g);
	open_beside(g, &db);
	assert_int_equal(sk_sq_columns_make(&columns, &db, &err), SK_OK);
	both = file;
	both.columns = &columns;
	compare(&db, &file, &both);
	sk_sq_columns_release(&columns);
	sk_sq_db_close(&db);
	store_rig_close(g);
}

/* ---- following, in the store itself ---- */

static struct sk_store *
open_columns(const char *dir, struct sk_loop *loop, struct sk_err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/tasks.db", dir);
	return sk_store_sqlite_open(
		&(struct sk_sqlite_config){ .path = path, .by_columns = true }, loop, err);
}

static const struct store_kind columns_kind = {
	.name = "sqlite_columns", .open = open_columns, .lasts = true
};

static int64_t
how_many(struct store_rig *g, const struct sk_filter *f)
{
	struct sk_op_count op = { .filter = *f };
	int64_t n = 0;

	store_must(g, SK_OP_COUNT, &op.op);
	for (int phase = 0; phase < SK_N_PHASE; phase++)
		n += op.by_phase[phase];
	return n;
}

static void
an_insert_that_was_taken_back_is_not_seen(void **state)
{
	struct store_rig rig, *g = &rig;
	const struct sk_filter exec = { .class_name = "Exec" };
	const struct sk_record *list[3];
	struct sk_op_insert op = { .records = list, .n = 3 };

	(void)state;
	store_rig_open(g, &columns_kind);
	store_put(g, store_task(g, "a"));
	assert_string_equal(store_ids(g, &exec, SK_NEWEST_FIRST), "a"); /* from here on they follow */
	list[0] = store_task(g, "b");
	list[1] = store_task(g, "c");
	list[2] = store_task(g, "a");
	assert_int_equal(store_do(g, SK_OP_INSERT, &op.op), SK_ECONFLICT);
	assert_string_equal(store_ids(g, &exec, SK_NEWEST_FIRST), "a");
	assert_int_equal(how_many(g, &exec), 1);
	op.each = true;
	store_must(g, SK_OP_INSERT, &op.op);
	assert_string_equal(store_ids(g, &exec, SK_NEWEST_FIRST), "c b a");
	assert_int_equal(how_many(g, &exec), 3);
	store_rig_close(g);
}

/* Tasks that are gone leave rows; when most are gone the columns are made anew. */
static void
what_is_gone_is_not_seen_and_gives_its_memory_back(void **state)
{
	struct store_rig rig, *g = &rig;
	const struct sk_filter sleep = { .class_name = "Sleep" };
	const char **ids;
	struct sk_op_remove op;
	const char *left;

	(void)state;
	store_seed();
	store_rig_open(g, &columns_kind);
	fill(g, 40000);
	ids = sk_arena_alloc(g->arena, 20000 * sizeof(*ids));
	assert_int_equal(how_many(g, &sleep), 20000);
	for (int i = 0; i < 20000; i++)
		ids[i] = sk_arena_printf(g->arena, "T%07d", i * 7 % 40000); /* the older half has ended */
	op = (struct sk_op_remove){ .ids = ids, .n = 20000 };
	store_must(g, SK_OP_REMOVE, &op.op);
	assert_int_equal(op.codes[0], SK_OK);
	assert_int_equal(op.codes[19999], SK_OK);
	assert_int_equal(how_many(g, &sleep), 10000);
	left = store_ids(g, &(struct sk_filter){ .class_name = "Rare" }, SK_OLDEST_FIRST);
	store_put(g, store_task(g, "last"));
	for (int i = 0; i < 3; i++)
		assert_string_equal(
			store_ids(g, &(struct sk_filter){ .class_name = "Rare" }, SK_OLDEST_FIRST), left);
	assert_string_equal(
		store_ids(g, &(struct sk_filter){ .id_part = "LAST" }, SK_BY_UPDATE), "last");
	store_rig_close(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_list_of_many_tasks_scans_the_table),
		cmocka_unit_test(file_and_columns_find_the_same),
		cmocka_unit_test(an_insert_that_was_taken_back_is_not_seen),
		cmocka_unit_test(what_is_gone_is_not_seen_and_gives_its_memory_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
