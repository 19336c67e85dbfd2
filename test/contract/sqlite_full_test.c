/* sqlite_full_test.c - a disk or a quota without room: what is refused, and how. */
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
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quota_is_a_full_disk),
		cmocka_unit_test(no_map_is_made_beyond_the_room_of_the_disk),
	};

	return cmocka_run_group_tests_name("sqlite on a full disk", tests, NULL, NULL);
}
