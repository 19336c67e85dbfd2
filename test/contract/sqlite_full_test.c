/* sqlite_full_test.c - a disk so full that the file cannot be opened for writing: it is read all the same. */
#include "sqlite_rig.h"
#include "adapters/sqlite/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct sk_store *
open_for_reading(struct store_rig *g, struct sk_err *err)
{
	return sk_store_sqlite_open(
		&(struct sk_sqlite_config){ .path = sqlite_file(g, ""), .read_when_full = true }, g->loop,
		err);
}

static void
must_open(struct store_rig *g)
{
	struct sk_err err = { SK_OK, "" };

	g->store = open_for_reading(g, &err);
	if (g->store == NULL)
		fail_msg("%s", err.msg);
}

/* Close it, with n tasks t0, t1, … in the file or in a log that a killed owner has left. */
static void
leave(struct store_rig *g, int n, bool log)
{
	int status;
	pid_t pid;

	sk_store_close(g->store);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct sk_err err;

		g->loop = sk_loop_new(&err);
		g->store = sqlite_kind.open(g->dir, g->loop, &err);
		for (int i = 0; i < n; i++)
			if (sqlite_try(g, sk_arena_printf(g->arena, "t%d", i)) != SK_OK)
				_exit(1);
		if (!log)
			sk_store_close(g->store);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(access(sqlite_file(g, "-wal"), F_OK), log ? 0 : -1);
}

/* The file and its log. */
static struct sk_str
bytes_of(struct store_rig *g)
{
	static const char *const suffixes[] = { "", "-wal" };
	struct sk_str s = SK_STR_INIT;
	char buf[4096];

	for (int i = 0; i < 2; i++) {
		int fd = open(sqlite_file(g, suffixes[i]), O_RDONLY | O_CLOEXEC);
		ssize_t n;

		while (fd != -1 && (n = read(fd, buf, sizeof(buf))) > 0)
			sk_str_add(&s, buf, (size_t)n);
		if (fd != -1)
			close(fd);
	}
	return s;
}

static void
reads_work(struct store_rig *g, int n)
{
	const char **ids = sk_arena_alloc(g->arena, (size_t)n * sizeof(*ids));
	struct sk_op_get get = { .ids = ids, .n = (size_t)n };
	struct sk_op_count count = { .filter = { 0 } };
	struct sk_op_classes classes = { .op = { .code = SK_OK } };
	struct sk_op_skald_list skalds = { .n = 7 };
	struct sk_op_attempts attempts = { .id = "t0" };
	struct sk_op_setting setting = { .name = "n" };

	for (int i = 0; i < n; i++)
		ids[i] = sk_arena_printf(g->arena, "t%d", i);
	store_must(g, SK_OP_GET, &get.op); /* more than 1,000 are for the second thread */
	for (int i = 0; i < n; i++)
		assert_non_null(get.records[i]);
	assert_string_equal(store_get(g, "t1")->class_name, "Exec");
	assert_null(store_get(g, "nobody"));
	store_must(g, SK_OP_COUNT, &count.op);
	assert_int_equal(count.by_phase[SK_CREATED], n);
	assert_true(strlen(store_ids(
					g, &(struct sk_filter){ .phases = 1u << SK_CREATED }, SK_NEWEST_FIRST)) > 0);
	store_must(g, SK_OP_CLASSES, &classes.op);
	store_must(g, SK_OP_SKALD_LIST, &skalds.op);
	assert_int_equal(skalds.n, 0);
	store_must(g, SK_OP_ATTEMPTS, &attempts.op);
	store_must(g, SK_OP_SETTING_GET, &setting.op);
	assert_string_equal(sqlite_problems(g), "");
}

static void
refused(struct store_rig *g, enum sk_op_kind kind, struct sk_op *op)
{
	assert_int_equal(store_do(g, kind, op), SK_ENOSPC);
	if (strstr(op->err.msg, sqlite_file(g, "")) == NULL ||
		strstr(op->err.msg, "no room left on the disk") == NULL)
		fail_msg("operation %d: %s", (int)kind, op->err.msg);
}

static void
writes_are_refused(struct store_rig *g)
{
	const struct sk_record *new[] = { store_task(g, "new"), store_keyed(g, "other", "k") };
	struct sk_op_insert insert = { .records = new, .n = 2 };
	struct sk_record *from = store_get(g, "t0"), to = *from;
	struct sk_move move = { .id = "t0", .seq = from->seq, .set = SK_SET_LIFE, .to = &to };
	struct sk_op_move moves = { .moves = &move, .n = 1 };
	struct sk_op_remove remove = { .ids = &(const char *){ "t0" }, .n = 1 };
	struct sk_op_setting setting = { .name = "n", .value = "v" };

	to.life.phase = SK_CANCELLED;
	for (int i = 0; i < 2; i++) { /* it goes on as it was */
		refused(g, SK_OP_INSERT, &insert.op);
		refused(g, SK_OP_MOVE, &moves.op);
		refused(g, SK_OP_SETTING_PUT, &setting.op);
	}
	refused(g, SK_OP_REMOVE, &remove.op);
	assert_null(store_get(g, "new"));
	assert_int_equal(store_get(g, "t0")->life.phase, SK_CREATED);
}

static void
copies(struct store_rig *g, int n)
{
	struct sk_op_backup backup = { .path = sqlite_file(g, ".copy") };
	struct sk_sqlite_look look;
	struct sk_err err;

	store_must(g, SK_OP_BACKUP, &backup.op);
	assert_int_equal(sk_store_sqlite_look(backup.path, g->arena, &look, &err), SK_OK);
	assert_string_equal(look.problems, "");
	assert_int_equal(look.tasks, n);
}

/* Without a byte, a file or a sync. */
static void
read_on_a_full_disk(int n, bool log, bool index)
{
	struct store_rig rig, *g = &rig;
	struct sk_str before, after;
	int syncs;

	store_rig_open(g, &sqlite_kind);
	leave(g, n, log);
	if (!index)
		unlink(sqlite_file(g, "-shm"));
	before = bytes_of(g);
	syncs = atomic_load(&sqlite_faults()->syncs_main);
	atomic_store(&sqlite_faults()->no_index, 1);
	atomic_store(&sqlite_faults()->full, 1);
	must_open(g);
	reads_work(g, n);
	writes_are_refused(g);
	reads_work(g, n);
	atomic_store(&sqlite_faults()->full, 0); /* of another disk */
	copies(g, n);
	sk_store_close(g->store);
	after = bytes_of(g);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.p, before.p, before.len);
	assert_int_equal(atomic_load(&sqlite_faults()->syncs_main), syncs);
	atomic_store(&sqlite_faults()->no_index, 0);
	must_open(g);
	assert_int_equal(sqlite_try(g, "new"), SK_OK); /* with room it is one as always */
	assert_non_null(store_get(g, "t0"));
	assert_string_equal(sqlite_problems(g), "");
	sk_str_release(&before);
	sk_str_release(&after);
	store_rig_close(g);
}

static void
a_file_at_rest_is_read_on_a_full_disk(void **state)
{
	(void)state;
	read_on_a_full_disk(1500, false, false);
}

static void
a_log_that_was_left_is_read_on_a_full_disk(void **state)
{
	(void)state;
	read_on_a_full_disk(1500, true, true);
	read_on_a_full_disk(20, true, false);
}

static void
who_must_write_does_not_open_it(void **state)
{
	RIG(g);
	struct sk_err err = { SK_OK, "" };

	leave(g, 1, false);
	atomic_store(&sqlite_faults()->no_index, 1);
	assert_null(sqlite_kind.open(g->dir, g->loop, &err));
	atomic_store(&sqlite_faults()->no_index, 0);
	assert_int_equal(err.code, SK_ENOSPC);
	assert_non_null(strstr(err.msg, "tasks.db: no room left on the disk"));
	store_rig_start(g);
	store_rig_close(g);
}

/* There is nothing to read, or it would have to be written anew. */
static void
a_file_without_our_tables_is_not_read(void **state)
{
	RIG(g);
	struct sk_err err = { SK_OK, "" };

	leave(g, 1, false);
	sqlite_sql(sqlite_file(g, ""), "PRAGMA user_version=0; PRAGMA wal_checkpoint(TRUNCATE)");
	atomic_store(&sqlite_faults()->no_index, 1);
	assert_null(open_for_reading(g, &err));
	assert_int_equal(err.code, SK_ENOSPC);
	assert_non_null(strstr(err.msg, "tasks.db: no room left on the disk"));
	assert_int_equal(truncate(sqlite_file(g, ""), 0), 0);
	assert_null(open_for_reading(g, &err));
	assert_int_equal(err.code, SK_ENOSPC);
	atomic_store(&sqlite_faults()->no_index, 0);
	store_rig_start(g);
	store_rig_close(g);
}

static void
a_quota_is_a_full_disk(void **state)
{
	RIG(g);

	store_put(g, store_task(g, "a"));
	atomic_store(&sqlite_faults()->quota, 1);
	assert_int_equal(sqlite_try(g, "b"), SK_ENOSPC);
	assert_non_null(store_get(g, "a"));
	atomic_store(&sqlite_faults()->quota, 0);
	assert_int_equal(sqlite_try(g, "b"), SK_OK);
	assert_int_equal(sqlite_fatal()->calls, 0);
	store_rig_close(g);
}

/* ---- real ones ---- */

/* A small tmpfs, full; exits with 9 when it is not to be had. */
static void
mount_small(const char *dir, const char *options)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("none", dir, "tmpfs", 0, options) != 0)
		_exit(9);
}

static void
in_a_child(void (*fn)(const char *dir))
{
	char dir[64];
	int status;
	pid_t pid;

	store_dir_make(dir);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		fn(dir);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	store_dir_remove(dir);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 9)
		print_message("# not tried: no right to mount here\n");
	else
		assert_int_equal(status, 0);
}

/* SQLite's map of a part of a file that has no room. */
static void
map_a_hole(const char *dir)
{
	char path[96];
	struct sk_err err;
	struct sk_store *store;
	struct sk_loop *loop = sk_loop_new(&err);
	sqlite3_vfs *vfs;
	void *(*map)(void *, size_t, int, int, int, off_t);
	int fd;

	mount_small(dir, "size=1m,mode=700");
	snprintf(path, sizeof(path), "%s/tasks.db", dir);
	store = sk_store_sqlite_open(&(struct sk_sqlite_config){ .path = path }, loop, &err);
	vfs = sqlite3_vfs_find("unix");
	map = (void *(*)(void *, size_t, int, int, int, off_t))vfs->xGetSystemCall(vfs, "mmap");
	snprintf(path, sizeof(path), "%s/hole", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store == NULL || fd == -1 || ftruncate(fd, 4 << 20) != 0)
		_exit(1);
	if (map(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED ||
		errno != ENOSPC)
		_exit(2);
	if (map(NULL, 32768, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		_exit(3);
	_exit(0);
}

static void
no_map_is_made_beyond_the_room_of_the_disk(void **state)
{
	(void)state;
	in_a_child(map_a_hole);
}

/* No byte is missing, but no file can be made. */
static void
read_without_files(const char *dir)
{
	struct store_rig g = { .kind = &sqlite_kind, .arena = sk_arena_new() };
	struct sk_err err = { SK_OK, "" };
	int n = 0;

	mount_small(dir, "size=4m,nr_inodes=20,mode=700");
	snprintf(g.dir, sizeof(g.dir), "%s", dir);
	g.loop = sk_loop_new(&err);
	g.store = sqlite_kind.open(dir, g.loop, &err);
	if (g.store == NULL || sqlite_try(&g, "t0") != SK_OK)
		_exit(1);
	sk_store_close(g.store);
	while (open(sk_arena_printf(g.arena, "%s/f%d", dir, n++), O_CREAT | O_WRONLY | O_CLOEXEC,
			   0600) != -1) {}
	if (sqlite_kind.open(dir, g.loop, &err) != NULL || err.code != SK_ENOSPC)
		_exit(2);
	g.store = open_for_reading(&g, &err);
	if (g.store == NULL || store_get(&g, "t0") == NULL || sqlite_try(&g, "t1") != SK_ENOSPC)
		_exit(3);
	sk_store_close(g.store);
	_exit(0);
}

static void
a_disk_that_takes_no_more_files_is_full(void **state)
{
	(void)state;
	in_a_child(read_without_files);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_at_rest_is_read_on_a_full_disk),
		cmocka_unit_test(a_log_that_was_left_is_read_on_a_full_disk),
		cmocka_unit_test(who_must_write_does_not_open_it),
		cmocka_unit_test(a_file_without_our_tables_is_not_read),
		cmocka_unit_test(a_quota_is_a_full_disk),
		cmocka_unit_test(no_map_is_made_beyond_the_room_of_the_disk),
		cmocka_unit_test(a_disk_that_takes_no_more_files_is_full),
	};

	return cmocka_run_group_tests_name("sqlite on a full disk", tests, NULL, NULL);
}
