/* sqlite_durable_test.c - what is durable, and what happens on a disk that is full or fails. */
#include "sqlite_rig.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- durable ---- */

static int told;

static void
done_after_sync(struct sk_op *op)
{
	assert_int_equal(op->code, SK_OK);
	*(int *)op->arg = atomic_load(&sqlite_faults()->syncs_wal);
	told++;
}

static void
nobody_is_told_before_the_log_is_synced(void **state)
{
	RIG(g);
	int at_done = 0, before = atomic_load(&sqlite_faults()->syncs_wal);
	struct sk_op_setting op = { .op = { .kind = SK_OP_SETTING_PUT,
									.done = done_after_sync,
									.arg = &at_done,
									.arena = g->arena },
		.name = "n",
		.value = "v" };

	for (int i = 1; i <= 5; i++) {
		told = 0;
		sk_store_submit(g->store, &op.op);
		while (told == 0)
			sk_loop_once(g->loop, -1);
		assert_true(at_done >= before + i);
	}
	store_rig_close(g);
}

static void
a_relaxed_store_does_not_sync(void **state)
{
	RIG(g);
	int before;

	sqlite_reopen(g, true, 0);
	store_put(g, store_task(g, "a")); /* the first page of a log is synced in any case */
	before = atomic_load(&sqlite_faults()->syncs_wal);
	for (int i = 0; i < 5; i++)
		store_put(g, store_task(g, sk_arena_printf(g->arena, "b%d", i)));
	assert_int_equal(atomic_load(&sqlite_faults()->syncs_wal), before);
	store_rig_close(g);
}

static void
count_down(struct sk_op *op)
{
	int *left = op->arg;

	assert_int_equal(op->code, SK_OK);
	--*left;
}

static void
what_has_queued_up_is_one_commit(void **state)
{
	enum { N = 2000 };
	static struct sk_op_setting ops[N];
	RIG(g);
	int left = N, before = atomic_load(&sqlite_faults()->syncs_wal);

	for (int i = 0; i < N; i++) {
		ops[i] = (struct sk_op_setting){ .op = { .kind = SK_OP_SETTING_PUT,
											 .done = count_down,
											 .arg = &left,
											 .arena = g->arena },
			.name = sk_arena_printf(g->arena, "n%d", i % 100),
			.value = "v" };
		sk_store_submit(g->store, &ops[i].op);
	}
	while (left > 0)
		sk_loop_once(g->loop, -1);
	assert_in_range(atomic_load(&sqlite_faults()->syncs_wal) - before, 1, 50);
	store_rig_close(g);
}

/* ---- kill -9 ---- */

struct child {
	struct store_rig *g;
	struct sk_op_insert insert;
	struct sk_op_move move;
	struct sk_move one;
	struct sk_record r, to;
	const struct sk_record *list[1];
	int fd, number, of;
};

static void child_insert(struct child *c);

static void
child_moved(struct sk_op *op)
{
	struct child *c = op->arg;

	if (op->code != SK_OK || c->one.code != SK_OK)
		_exit(3);
	if (write(c->fd, &c->number, sizeof(c->number)) != sizeof(c->number))
		_exit(4);
	sk_arena_free(c->insert.op.arena);
	c->number += c->of;
	child_insert(c);
}

static void
child_inserted(struct sk_op *op)
{
	struct child *c = op->arg;

	if (op->code != SK_OK)
		_exit(5);
	c->to = c->r;
	c->to.life.phase = SK_FINISHED;
	c->to.life.attempt = 1;
	c->one = (struct sk_move){
		.id = c->r.id, .seq = c->insert.seqs[0], .set = SK_SET_LIFE, .to = &c->to
	};
	c->move = (struct sk_op_move){
		.op = { .kind = SK_OP_MOVE, .done = child_moved, .arg = c, .arena = op->arena },
		.moves = &c->one,
		.n = 1
	};
	sk_store_submit(c->g->store, &c->move.op);
}

static void
child_insert(struct child *c)
{
	struct sk_arena *a = sk_arena_new();

	sk_record_init(&c->r, a);
	c->r.id = sk_arena_printf(a, "t%d", c->number);
	c->r.class_name = "Exec";
	c->list[0] = &c->r;
	c->insert = (struct sk_op_insert){
		.op = { .kind = SK_OP_INSERT, .done = child_inserted, .arg = c, .arena = a },
		.records = c->list,
		.n = 1
	};
	sk_store_submit(c->g->store, &c->insert.op);
}

/* Some makers at once; each number that is written to the pipe was told to be stored. */
static void
child_main(const char *dir, int first, int fd)
{
	enum { MAKERS = 16 };
	static struct child makers[MAKERS];
	struct store_rig g = { .kind = &sqlite_kind };
	struct sk_err err;

	g.loop = sk_loop_new(&err);
	g.store = sqlite_kind.open(dir, g.loop, &err);
	if (g.store == NULL)
		_exit(2);
	for (int i = 0; i < MAKERS; i++) {
		makers[i] = (struct child){ .g = &g, .fd = fd, .number = first + i, .of = MAKERS };
		child_insert(&makers[i]);
	}
	for (;;)
		sk_loop_once(g.loop, -1);
}

static int
kill_a_writer(struct store_rig *g, int first, int numbers[100000])
{
	int fds[2], n = 0, status;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child_main(g->dir, first, fds[1]);
	}
	close(fds[1]);
	usleep((useconds_t)(100000 + store_random(300000)));
	kill(pid, SIGKILL);
	while (n < 100000 && (got = read(fds[0], &numbers[n], sizeof(int))) == sizeof(int))
		n++;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return n;
}

static void
what_was_told_survives_kill_9(void **state)
{
	static int numbers[100000];
	RIG(g);
	int rounds = getenv("FULL") != NULL ? 100 : 6, all = 0;

	store_seed();
	sk_store_close(g->store);
	for (int i = 0; i < rounds; i++) {
		int n = kill_a_writer(g, i * 1000000, numbers);

		store_rig_start(g);
		for (int k = 0; k < n; k++) {
			const struct sk_record *r = store_get(g, sk_arena_printf(g->arena, "t%d", numbers[k]));

			if (r == NULL || r->life.phase != SK_FINISHED)
				fail_msg("t%d is %s", numbers[k], r == NULL ? "lost" : "not finished");
		}
		assert_string_equal(sqlite_problems(g), "");
		sk_store_close(g->store);
		all += n;
	}
	print_message("# %d tasks were told of in %d rounds\n", all, rounds);
	assert_true(all > rounds);
	store_rig_start(g);
	store_rig_close(g);
}

/* ---- a full disk ---- */

static void
a_full_disk_refuses_writes_and_heals(void **state)
{
	RIG(g);
	struct sk_op_count count = { .filter = { 0 } };

	store_put(g, store_task(g, "a"));
	atomic_store(&sqlite_faults()->full, 1);
	assert_int_equal(sqlite_try(g, "b"), SK_ENOSPC);
	assert_non_null(store_get(g, "a"));
	assert_null(store_get(g, "b"));
	assert_int_equal(sqlite_try(g, "b"), SK_ENOSPC);
	store_must(g, SK_OP_COUNT, &count.op);
	assert_int_equal(count.by_phase[SK_CREATED], 1);
	atomic_store(&sqlite_faults()->full, 0);
	assert_int_equal(sqlite_try(g, "b"), SK_OK);
	store_must(g, SK_OP_COUNT, &count.op);
	assert_int_equal(count.by_phase[SK_CREATED], 2);
	assert_string_equal(sqlite_problems(g), "");
	assert_int_equal(sqlite_fatal()->calls, 0);
	store_rig_close(g);
}

static void
note(struct sk_op *op)
{
	int *left = op->arg;

	--*left;
}

/* Reads that waited in the same batch are answered, and do not see what was rolled back. */
static void
reads_of_a_batch_that_found_no_room_are_answered(void **state)
{
	RIG(g);
	int left = 3;
	const char *ids[] = { "a", "b" };
	const struct sk_record *r = store_task(g, "b");
	struct sk_op base = { .done = note, .arg = &left, .arena = g->arena };
	struct sk_op_insert insert = { .op = base, .records = &r, .n = 1 };
	struct sk_op_get get = { .op = base, .ids = ids, .n = 2 };
	struct sk_op_find find = { .op = base, .limit = 10 };

	insert.op.kind = SK_OP_INSERT;
	get.op.kind = SK_OP_GET;
	find.op.kind = SK_OP_FIND;
	store_put(g, store_task(g, "a"));
	atomic_store(&sqlite_faults()->full, 1);
	sk_store_submit(g->store, &insert.op);
	sk_store_submit(g->store, &get.op);
	sk_store_submit(g->store, &find.op);
	while (left > 0)
		sk_loop_once(g->loop, -1);
	atomic_store(&sqlite_faults()->full, 0);
	assert_int_equal(insert.op.code, SK_ENOSPC);
	assert_true(insert.op.err.msg[0] != '\0');
	assert_int_equal(get.op.code, SK_OK);
	assert_non_null(get.records[0]);
	assert_null(get.records[1]);
	assert_int_equal(find.op.code, SK_OK);
	assert_int_equal(find.n, 1);
	store_rig_close(g);
}

/* The log fits, the file does not: it waits in the log. */
static void
a_log_that_cannot_be_written_back_is_kept(void **state)
{
	RIG(g);

	sqlite_reopen(g, false, 200000);
	atomic_store(&sqlite_faults()->full_main, 1);
	for (int i = 0; i < 200; i++)
		store_put(g, store_task(g, sk_arena_printf(g->arena, "t%d", i)));
	assert_int_equal(sqlite_fatal()->calls, 0);
	store_rig_reopen(g);
	assert_non_null(store_get(g, "t199"));
	atomic_store(&sqlite_faults()->full_main, 0);
	for (int i = 200; i < 300; i++)
		store_put(g, store_task(g, sk_arena_printf(g->arena, "t%d", i)));
	assert_string_equal(sqlite_problems(g), "");
	store_rig_close(g);
}

/* A tmpfs of 3 MiB in a mount namespace of its own. Exits with 9 when it is not to be had. */
static void
on_a_small_disk(const char *dir)
{
	struct store_rig g = { .kind = &sqlite_kind, .arena = sk_arena_new() };
	struct sk_err err;
	int n = 0, code, filler;
	static char block[65536];

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("none", dir, "tmpfs", 0, "size=3m,mode=700") != 0)
		_exit(9);
	snprintf(g.dir, sizeof(g.dir), "%s", dir);
	g.loop = sk_loop_new(&err);
	g.store = sqlite_kind.open(dir, g.loop, &err);
	if (g.store == NULL)
		_exit(1);
	store_put(&g, store_task(&g, "first"));
	filler = open(sk_arena_printf(g.arena, "%s/filler", dir), O_CREAT | O_WRONLY, 0600);
	while (write(filler, block, sizeof(block)) == sizeof(block))
		;
	while ((code = sqlite_try(&g, sk_arena_printf(g.arena, "t%d", n))) == SK_OK)
		n++;
	if (code != SK_ENOSPC || store_get(&g, "first") == NULL || ftruncate(filler, 0) != 0)
		_exit(2);
	for (int i = 0; i < 50; i++)
		if (sqlite_try(&g, sk_arena_printf(g.arena, "u%d", i)) != SK_OK)
			_exit(3);
	for (int i = 0; i < n; i++)
		if (store_get(&g, sk_arena_printf(g.arena, "t%d", i)) == NULL)
			_exit(4);
	if (sqlite_problems(&g)[0] != '\0' || sqlite_fatal()->calls != 0)
		_exit(5);
	sk_store_close(g.store);
	_exit(0);
}

static void
a_small_disk_fills_up_and_heals(void **state)
{
	RIG(g);
	char dir[64];
	int status;
	pid_t pid;

	sk_store_close(g->store); /* a child of one thread */
	store_dir_make(dir);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		on_a_small_disk(dir);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 9)
		print_message("# not tried: no right to mount here\n");
	else
		assert_int_equal(status, 0);
	store_dir_remove(dir);
	store_rig_start(g);
	store_rig_close(g);
}

/* ---- a disk that fails ---- */

static int
syncs(void)
{
	return atomic_load(&sqlite_faults()->syncs_wal) + atomic_load(&sqlite_faults()->syncs_main);
}

/* Everything is refused, nothing tried again, up to the end. */
static void
dead(struct store_rig *g)
{
	int before = syncs();
	struct sk_op_get get = { .ids = &(const char *){ "a" }, .n = 1 };
	struct sk_op_count count = { .filter = { 0 } };

	assert_int_equal(sqlite_try(g, "c"), SK_EIO);
	assert_int_equal(store_do(g, SK_OP_GET, &get.op), SK_EIO);
	assert_int_equal(store_do(g, SK_OP_COUNT, &count.op), SK_EIO);
	assert_true(count.op.err.msg[0] != '\0');
	assert_int_equal(sqlite_fatal()->calls, 1);
	sk_store_close(g->store);
	assert_int_equal(syncs(), before);
	sqlite_fatal()->calls = 0;
}

static void
a_sync_that_failed_is_the_end(void **state)
{
	RIG(g);

	store_put(g, store_task(g, "a"));
	atomic_store(&sqlite_faults()->fail_sync, 1);
	assert_int_equal(sqlite_try(g, "b"), SK_EIO);
	assert_int_equal(sqlite_fatal()->calls, 1);
	assert_true(sqlite_fatal()->sentence[0] != '\0');
	dead(g);
	store_rig_start(g);
	assert_non_null(store_get(g, "a"));
	assert_int_equal(sqlite_fatal()->calls, 0);
	store_rig_close(g);
}

/* Also one of those that nobody waits for: when the log is written back. */
static void
a_sync_that_failed_behind_the_scenes_is_the_end(void **state)
{
	RIG(g);
	int i = 0;

	sqlite_reopen(g, false, 200000);
	store_put(g, store_task(g, "a"));
	atomic_store(&sqlite_faults()->fail_sync_main, 1);
	while (sqlite_fatal()->calls == 0 && i++ < 2000)
		(void)sqlite_try(g, sk_arena_printf(g->arena, "t%d", i));
	assert_int_equal(sqlite_fatal()->calls, 1);
	dead(g);
	atomic_store(&sqlite_faults()->fail_sync_main, 0);
	store_rig_start(g);
	for (int k = 1; k < i; k++)
		assert_non_null(store_get(g, sk_arena_printf(g->arena, "t%d", k)));
	store_rig_close(g);
}

static void
a_read_that_failed_is_the_end(void **state)
{
	RIG(g);
	struct sk_op_check check = { .problems = NULL };

	store_put(g, store_task(g, "a"));
	store_rig_reopen(g); /* nothing is in memory */
	atomic_store(&sqlite_faults()->fail_read, 1);
	assert_int_equal(store_do(g, SK_OP_CHECK, &check.op), SK_EIO);
	assert_int_equal(sqlite_fatal()->calls, 1);
	atomic_store(&sqlite_faults()->fail_read, 0);
	dead(g);
	store_rig_start(g);
	store_rig_close(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_told_before_the_log_is_synced),
		cmocka_unit_test(a_relaxed_store_does_not_sync),
		cmocka_unit_test(what_has_queued_up_is_one_commit),
		cmocka_unit_test(what_was_told_survives_kill_9),
		cmocka_unit_test(a_full_disk_refuses_writes_and_heals),
		cmocka_unit_test(reads_of_a_batch_that_found_no_room_are_answered),
		cmocka_unit_test(a_log_that_cannot_be_written_back_is_kept),
		cmocka_unit_test(a_small_disk_fills_up_and_heals),
		cmocka_unit_test(a_sync_that_failed_is_the_end),
		cmocka_unit_test(a_sync_that_failed_behind_the_scenes_is_the_end),
		cmocka_unit_test(a_read_that_failed_is_the_end),
	};

	return cmocka_run_group_tests_name("sqlite on the disk", tests, NULL, NULL);
}
