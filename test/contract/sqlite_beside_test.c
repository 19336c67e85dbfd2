/* sqlite_beside_test.c - what takes long holds nobody up: large reads, backups, arrays that are
 * removed, the log that is written back; and large reads find what small ones would. */
#include "adapters/sqlite/sqlite.h"
#include "core/base/clock.h"
#include "sqlite_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- many tasks ---- */

static void
insert(struct store_rig *g, const struct sk_record *const *list, size_t n)
{
	struct sk_op_insert op = { .records = list, .n = n };

	store_must(g, SK_OP_INSERT, &op.op);
}

/* Two of three Finished, the newest Created; every hundredth an element, every tenth labelled. */
static void
fill(struct store_rig *g, int n)
{
	const struct sk_record **list = sk_arena_alloc(g->arena, 1000 * sizeof(*list));
	const struct sk_value *labels = store_json(g->arena, "{\"labels\":{\"k\":\"v\"}}");

	for (int i = 0; i < n; i++) {
		struct sk_record *r = store_task(g, sk_arena_printf(g->arena, "t%06d", i));

		r->life.phase = i < n * 2 / 3 ? SK_FINISHED : SK_CREATED;
		r->update_ms = 1000000 + (int64_t)store_random(1000);
		r->class_name = i % 2 ? "Exec" : "Sleep";
		r->array_parent = i % 100 == 0 ? "p" : "";
		r->spec = i % 10 == 0 ? labels : r->spec;
		list[i % 1000] = r;
		if (i % 1000 == 999 || i == n - 1)
			insert(g, list, (size_t)(i % 1000 + 1));
	}
}

/* ---- both plans ---- */

static const char *
ids_by_plan(struct sk_sq_db *db, const struct sk_sq_counts *counts, bool patient,
	const struct sk_op_find *base, struct sk_arena *a)
{
	const struct sk_sq_help help = { .counts = counts, .patient = patient };
	struct sk_op_find op = *base;
	struct sk_str ids = SK_STR_INIT;
	struct sk_err err;
	const char *text;

	op.op.arena = a;
	assert_int_equal(sk_sq_find(db, &help, &op, &err), SK_OK);
	for (size_t i = 0; i < op.n; i++)
		sk_str_addf(&ids, "%s ", op.records[i]->id);
	sk_str_addf(&ids, "next %s", op.next != NULL ? op.next : "(none)");
	text = sk_arena_strdup(a, sk_str_text(&ids));
	sk_str_release(&ids);
	return text;
}

static struct sk_filter
some_filter(void)
{
	return (struct sk_filter){
		.phases = store_random(3) ? 1u << (store_random(3) ? SK_FINISHED : SK_CREATED) : 0,
		.class_name = store_random(2) ? "Exec" : NULL,
		.no_elements = store_random(2),
		.created_after = (int64_t)store_random(2),
		.id_part = store_random(4) == 0 ? "7" : NULL,
	};
}

static void
every_plan_finds_the_same(void **state)
{
	RIG(g);
	/* What the driver believes of the numbers decides between plans; here it is made up. */
	struct sk_sq_counts few = { { { 0 } } }, many = few;
	struct sk_sq_db db = { 0 };
	struct sk_err err;

	store_seed();
	fill(g, 3000);
	few.n[SK_RUNNING][0] = 1 << 20;
	few.n[SK_FINISHED][0] = few.n[SK_CREATED][0] = 1;
	many.n[SK_FINISHED][0] = many.n[SK_CREATED][0] = 1 << 20;
	assert_int_equal(sk_sq_db_open(&db, sqlite_file(g, ""), &err), SK_OK);
	assert_int_equal(sk_sq_db_setup(&db, SK_SQ_READER, &err), SK_OK);
	for (int i = 0; i < 300; i++) {
		struct sk_op_find op = { .filter = some_filter(),
			.order = store_random(2) ? SK_NEWEST_FIRST : SK_OLDEST_FIRST,
			.limit = 1 + store_random(60),
			.skip = store_random(3) ? 0 : store_random(200),
			.after = store_random(2) ? (store_random(2) ? "n0.3000" : "o0.2000") : NULL };
		struct sk_arena *a = sk_arena_new();
		const char *want;

		if (op.after != NULL)
			op.order = op.after[0] == 'n' ? SK_NEWEST_FIRST : SK_OLDEST_FIRST;
		want = ids_by_plan(&db, &few, false, &op, a);
		assert_string_equal(ids_by_plan(&db, &many, false, &op, a), want);
		assert_string_equal(ids_by_plan(&db, &few, true, &op, a), want);
		assert_string_equal(ids_by_plan(&db, &many, true, &op, a), want);
		sk_arena_free(a);
	}
	sk_sq_db_close(&db);
	store_rig_close(g);
}

/* ---- large reads ---- */

struct turn {
	struct sk_op *op;
	int *next, mine;
};

static void
take_turn(struct sk_op *op)
{
	struct turn *t = op->arg;

	assert_int_equal(op->code, SK_OK);
	t->mine = ++*t->next;
}

/* Keeps the driver busy for a while, so that what is submitted behind it waits together. */
static struct sk_op_insert *
plug(struct store_rig *g, struct turn *t)
{
	enum { N = 4000 };
	const struct sk_record **list = sk_arena_alloc(g->arena, N * sizeof(*list));
	struct sk_op_insert *op = sk_arena_alloc(g->arena, sizeof(*op));

	for (int i = 0; i < N; i++)
		list[i] = store_task(g, sk_arena_printf(g->arena, "plug%d", i));
	*op = (struct sk_op_insert){
		.op = { .kind = SK_OP_INSERT, .done = take_turn, .arg = t, .arena = g->arena },
		.records = list,
		.n = N
	};
	return op;
}

static void
a_large_read_holds_nobody_up(void **state)
{
	enum { N = 60000 };
	RIG(g);
	int next = 0;
	struct turn large = { .next = &next }, small = large, after = large, first = large;
	const struct sk_record *r = store_task(g, "new");
	struct sk_op_count count = { .filter = { .class_name = "Exec" } };
	struct sk_op_find find = { .filter = { .class_name = "none" }, .limit = 1 };
	struct sk_op_insert one = { .records = &r, .n = 1 };

	fill(g, N);
	count.op =
		(struct sk_op){ .kind = SK_OP_COUNT, .done = take_turn, .arg = &large, .arena = g->arena };
	find.op =
		(struct sk_op){ .kind = SK_OP_FIND, .done = take_turn, .arg = &after, .arena = g->arena };
	one.op =
		(struct sk_op){ .kind = SK_OP_INSERT, .done = take_turn, .arg = &small, .arena = g->arena };
	sk_store_submit(g->store, &plug(g, &first)->op);
	sk_store_submit(g->store, &count.op);
	sk_store_submit(g->store, &find.op);
	sk_store_submit(g->store, &one.op);
	while (next < 4)
		sk_loop_once(g->loop, -1);
	assert_int_equal(first.mine, 1);
	assert_int_equal(small.mine, 2);
	assert_int_equal(large.mine, 3);
	assert_int_equal(after.mine, 4);
	/* What was written before; it may have seen the new one too. */
	assert_in_range(
		count.by_phase[SK_FINISHED] + count.by_phase[SK_CREATED], N / 2 + 4000, N / 2 + 4001);
	assert_int_equal(find.n, 0);
	store_rig_close(g);
}

static void
large_reads_see_what_was_written_before(void **state)
{
	enum { N = 40000 };
	RIG(g);
	struct sk_op_find newest = { .filter = { .phases = 1u << SK_FINISHED }, .limit = 3 };
	struct sk_op_count count = { .filter = { .created_after = 1 } };
	struct sk_op_classes classes = { .n = 0 };
	struct sk_op_find all = { .limit = SK_FIND_MAX };
	struct sk_op_get get;
	const char **ids;

	fill(g, N);
	newest.order = SK_NEWEST_FIRST; /* behind 13,000 that are Created */
	store_must(g, SK_OP_FIND, &newest.op);
	assert_string_equal(newest.records[0]->id, sk_arena_printf(g->arena, "t%06d", N * 2 / 3 - 1));
	store_must(g, SK_OP_COUNT, &count.op);
	assert_int_equal(count.by_phase[SK_FINISHED] + count.by_phase[SK_CREATED], N);
	assert_int_equal(count.oldest_waiting_ms, 1000000);
	store_must(g, SK_OP_CLASSES, &classes.op);
	assert_int_equal(classes.n, 2);
	all.order = SK_OLDEST_FIRST;
	store_must(g, SK_OP_FIND, &all.op);
	assert_int_equal(all.n, SK_FIND_MAX);
	ids = sk_arena_alloc(g->arena, all.n * sizeof(*ids));
	for (size_t i = 0; i < all.n; i++)
		ids[i] = all.records[i]->id;
	get = (struct sk_op_get){ .ids = ids, .n = all.n };
	store_must(g, SK_OP_GET, &get.op);
	for (size_t i = 0; i < all.n; i++)
		assert_string_equal(get.records[i]->id, sk_arena_printf(g->arena, "t%06zu", i));
	store_rig_close(g);
}

static void
any_end(struct sk_op *op)
{
	enum sk_code *code = op->arg;

	*code = op->code;
}

static void
closing_ends_what_takes_long(void **state)
{
	RIG(g);
	enum sk_code codes[2] = { SK_EAGAIN, SK_EAGAIN };
	struct sk_op_check check = {
		.op = { .kind = SK_OP_CHECK, .done = any_end, .arg = &codes[0], .arena = g->arena }
	};
	struct sk_op_backup backup = {
		.op = { .kind = SK_OP_BACKUP, .done = any_end, .arg = &codes[1], .arena = g->arena },
		.path = sk_arena_printf(g->arena, "%s/backup", g->dir)
	};

	fill(g, 20000);
	sk_store_submit(g->store, &check.op);
	sk_store_submit(g->store, &backup.op);
	sk_store_close(g->store);
	assert_true(codes[0] == SK_OK || codes[0] == SK_EUNAVAIL);
	assert_true(codes[1] == SK_OK || codes[1] == SK_EUNAVAIL);
	assert_int_equal(access(sk_arena_printf(g->arena, "%s.tmp", backup.path), F_OK), -1);
	assert_int_equal(access(backup.path, F_OK), codes[1] == SK_OK ? 0 : -1);
	store_rig_start(g);
	store_rig_close(g);
}

/* ---- backup ---- */

/* Tasks that were there before are in it; it is sound although others are written meanwhile. */
static void
a_backup_is_a_store(void **state)
{
	enum { N = 20000 };
	RIG(g);
	struct store_rig copy = { .kind = &sqlite_kind, .loop = g->loop, .arena = g->arena };
	int next = 0, during = 0;
	struct turn large = { .next = &next }, small = large, first = large;
	char dir[64];
	struct stat st;
	struct sk_op_backup op = {
		.op = { .kind = SK_OP_BACKUP, .done = take_turn, .arg = &large, .arena = g->arena }
	};
	struct sk_op_setting other = {
		.op = { .kind = SK_OP_SETTING_PUT, .done = take_turn, .arg = &small, .arena = g->arena },
		.name = "n",
		.value = "v"
	};

	store_dir_make(dir);
	snprintf(copy.dir, sizeof(copy.dir), "%s", dir);
	op.path = sqlite_file(&copy, "");
	fclose(fopen(sqlite_file(&copy, ".tmp"), "w")); /* of one that was killed */
	fill(g, N);
	sk_store_submit(g->store, &plug(g, &first)->op);
	sk_store_submit(g->store, &op.op);
	sk_store_submit(g->store, &other.op);
	while (next < 3)
		store_put(g, store_task(g, sk_arena_printf(g->arena, "during%d", during++)));
	store_put(g, store_task(g, "afterwards"));
	assert_int_equal(small.mine, 2); /* it holds nobody up */
	assert_int_equal(stat(op.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(access(sqlite_file(&copy, ".tmp"), F_OK), -1);
	store_rig_start(&copy);
	assert_string_equal(sqlite_problems(&copy), "");
	for (int i = 0; i < N; i += 97)
		assert_non_null(store_get(&copy, sk_arena_printf(g->arena, "t%06d", i)));
	assert_null(store_get(&copy, "afterwards"));
	sk_store_close(copy.store);
	store_dir_remove(dir);
	store_rig_close(g);
}

/* ---- an array that leaves ---- */

static void
the_removal_of_a_large_array_holds_nobody_up(void **state)
{
	enum { N = 20000 };
	RIG(g);
	struct sk_record *parent = store_task(g, "p");
	const struct sk_record **list = sk_arena_alloc(g->arena, N * sizeof(*list));
	const char *id = "p";
	int next = 0;
	struct turn large = { .next = &next }, small = large, first = large;
	struct sk_op_remove op = {
		.op = { .kind = SK_OP_REMOVE, .done = take_turn, .arg = &large, .arena = g->arena },
		.ids = &id,
		.n = 1
	};
	struct sk_op_setting other = {
		.op = { .kind = SK_OP_SETTING_PUT, .done = take_turn, .arg = &small, .arena = g->arena },
		.name = "n",
		.value = "v"
	};

	parent->array = "";
	parent->array_size = N;
	parent->life.phase = SK_FINISHED;
	store_put(g, parent);
	for (int i = 0; i < N; i++) {
		struct sk_record *r = store_task(g, sk_arena_printf(g->arena, "p.%d", i));

		r->array_parent = "p";
		r->life.phase = SK_FINISHED;
		list[i] = r;
	}
	insert(g, list, N);
	sk_store_submit(g->store, &plug(g, &first)->op);
	sk_store_submit(g->store, &op.op);
	sk_store_submit(g->store, &other.op);
	while (next < 3)
		sk_loop_once(g->loop, -1);
	assert_int_equal(op.codes[0], SK_OK);
	assert_int_equal(small.mine, 2);
	assert_string_equal(store_ids(g, &(struct sk_filter){ .parent = "p" }, SK_OLDEST_FIRST), "");
	assert_null(store_get(g, "p"));
	assert_string_equal(sqlite_problems(g), "");
	store_rig_close(g);
}

/* ---- the log ---- */

static int64_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

static void
the_log_stays_small(void **state)
{
	enum { LIMIT = 2 << 20 };
	RIG(g);
	const char *log = sqlite_file(g, "-wal");
	int64_t largest = 0;

	sqlite_reopen(g, false, LIMIT);
	for (int i = 0; i < 60; i++) {
		const struct sk_record *list[500];

		for (int k = 0; k < 500; k++)
			list[k] = store_task(g, sk_arena_printf(g->arena, "t%d.%d", i, k));
		insert(g, list, 500);
		largest = size_of(log) > largest ? size_of(log) : largest;
	}
	assert_in_range(largest, 1, LIMIT * 2);
	assert_true(size_of(sqlite_file(g, "")) > LIMIT);
	store_rig_close(g);
}

/* After a second without work. */
static void
a_large_log_is_emptied_at_rest(void **state)
{
	RIG(g);
	const char *log = sqlite_file(g, "-wal");
	int64_t until_ms;

	sqlite_reopen(g, false, 64 << 20);
	fill(g, 30000);
	assert_true(size_of(log) > 4 << 20);
	until_ms = sk_boot_ms() + 10000;
	while (size_of(log) > 0 && sk_boot_ms() < until_ms)
		usleep(20000);
	assert_int_equal(size_of(log), 0);
	assert_non_null(store_get(g, "t000000"));
	store_rig_close(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_plan_finds_the_same),
		cmocka_unit_test(a_large_read_holds_nobody_up),
		cmocka_unit_test(large_reads_see_what_was_written_before),
		cmocka_unit_test(closing_ends_what_takes_long),
		cmocka_unit_test(a_backup_is_a_store),
		cmocka_unit_test(the_removal_of_a_large_array_holds_nobody_up),
		cmocka_unit_test(the_log_stays_small),
		cmocka_unit_test(a_large_log_is_emptied_at_rest),
	};

	return cmocka_run_group_tests_name("sqlite beside", tests, NULL, NULL);
}
