/* mongo_bench.c - what the store over MongoDB does in a second, beside its server: `mongo_bench URI`.
 *
 * single: 64 operations of one task are under way at any time; bulk: 1,000 tasks in one operation. */
#include "adapters/mongo/store.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 64, BULK = 1000 };

static struct sk_loop *loop;
static struct sk_store *store;
static int left;

static void
answered(struct sk_op *op)
{
	if (op->code != SK_OK) {
		fprintf(stderr, "mongo_bench: %s\n", op->err.msg);
		exit(1);
	}
	left--;
}

static void
wait_for(int n)
{
	while (left > n)
		sk_loop_once(loop, -1);
}

static void
submit(struct sk_op *op, enum sk_op_kind kind, struct sk_arena *a)
{
	op->kind = kind;
	op->done = answered;
	op->arena = a;
	left++;
	sk_store_submit(store, op);
}

static void
tell(const char *what, int n, int64_t began)
{
	int64_t ms = sk_boot_ms() - began;

	printf("%-14s %6d in %6lld ms: %7lld/s\n", what, n, (long long)ms,
		(long long)n * 1000 / (ms > 0 ? ms : 1));
}

static void
round_of(struct sk_arena *a, int n, bool bulk, const char *prefix)
{
	struct sk_record *all = sk_arena_alloc(a, (size_t)n * sizeof(*all));
	const struct sk_record **list = sk_arena_alloc(a, (size_t)n * sizeof(*list));
	struct sk_op_insert *inserts = sk_arena_alloc(a, (size_t)n * sizeof(*inserts));
	struct sk_move *moves = sk_arena_alloc(a, (size_t)n * sizeof(*moves));
	struct sk_op_move *ops = sk_arena_alloc(a, (size_t)n * sizeof(*ops));
	struct sk_record *to = sk_arena_alloc(a, (size_t)n * sizeof(*to));
	int step = bulk ? BULK : 1;
	int64_t began = sk_boot_ms();

	for (int i = 0; i < n; i++) {
		sk_record_init(&all[i], a);
		all[i].id = sk_arena_printf(a, "%s%d", prefix, i);
		all[i].class_name = "Noop";
		all[i].create_ms = all[i].rank_ms = sk_wall_ms();
		list[i] = &all[i];
	}
	for (int i = 0; i < n; i += step) {
		inserts[i] = (struct sk_op_insert){ .records = &list[i], .n = (size_t)step };
		submit(&inserts[i].op, SK_OP_INSERT, a);
		wait_for(bulk ? 0 : WINDOW - 1);
	}
	wait_for(0);
	tell(bulk ? "insert bulk" : "insert single", n, began);
	began = sk_boot_ms();
	for (int i = 0; i < n; i++) {
		to[i] = all[i];
		to[i].life.phase = SK_ASSIGNING;
		to[i].life.attempt = 1;
		memcpy(to[i].life.executor, "n1", 3);
		moves[i] = (struct sk_move){ .id = all[i].id, .set = SK_SET_LIFE, .to = &to[i] };
	}
	for (int i = 0; i < n; i += step) {
		ops[i] = (struct sk_op_move){ .moves = &moves[i], .n = (size_t)step };
		submit(&ops[i].op, SK_OP_MOVE, a);
		wait_for(bulk ? 0 : WINDOW - 1);
	}
	wait_for(0);
	tell(bulk ? "move bulk" : "move single", n, began);
}

int
main(int argc, char **argv)
{
	char db[64];
	struct sk_err err = { SK_OK, "" };
	struct sk_arena *a = sk_arena_new();
	int n = argc > 2 ? atoi(argv[2]) : 4000;

	if (argc < 2 || n < BULK) {
		fprintf(stderr, "usage: mongo_bench URI [TASKS, at least %d]\n", BULK);
		return 2;
	}
	sk_log_setup(&(struct sk_log_config){ .level = SK_WARNING });
	snprintf(db, sizeof(db), "skt_bench_%lld", (long long)sk_wall_ms());
	loop = sk_loop_new(&err);
	store = loop != NULL
		? sk_store_mongo_open(
			  &(struct sk_store_mongo_config){ .uri = argv[1], .db = db }, loop, &err)
		: NULL;
	if (store == NULL) {
		fprintf(stderr, "mongo_bench: %s\n", err.msg);
		return 1;
	}
	round_of(a, n, false, "s");
	round_of(a, n - n % BULK, true, "b");
	sk_store_close(store);
	sk_loop_free(loop);
	sk_arena_free(a);
	printf("the database %s stays\n", db);
	return 0;
}
