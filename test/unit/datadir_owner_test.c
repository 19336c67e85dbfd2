/* datadir_owner_test.c - one owner at a time, who it is, and what is left when it dies. */
#include "adapters/datadir.h"
#include "core/base/clock.h"
#include "proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	proc_scratch_remove();
	return 0;
}

static struct sk_datadir *
open_at(const char *path, struct sk_err *err)
{
	return sk_datadir_open(
		&(struct sk_datadir_config){ .path = path, .create = true, .allow_volatile = true }, err);
}

static struct sk_datadir *
must_open(const char *path)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_datadir *d = open_at(path, &err);

	if (d == NULL)
		print_message("# %s\n", err.msg);
	assert_non_null(d);
	return d;
}

static unsigned
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
one_owner_at_a_time(void **state)
{
	struct sk_datadir *a = must_open(proc_path("d")), *b = must_open(proc_path("d"));
	struct sk_err err = { SK_OK, "" };
	char words[64];

	(void)state;
	assert_int_equal(sk_datadir_owner(a), 0);
	assert_int_equal(sk_datadir_lock(a, 0, &err), SK_OK);
	assert_int_equal(sk_datadir_lock(a, 0, &err), SK_OK); /* it is ours already */
	assert_int_equal(sk_datadir_owner(a), getpid());
	assert_int_equal(sk_datadir_owner(b), getpid());
	assert_int_equal(sk_datadir_lock(b, 0, &err), SK_ECONFLICT);
	snprintf(words, sizeof(words), "process %d", (int)getpid());
	assert_non_null(strstr(err.msg, words));
	sk_datadir_unlock(a);
	sk_datadir_unlock(a);
	assert_int_equal(sk_datadir_owner(b), 0);
	assert_int_equal(sk_datadir_lock(b, 0, &err), SK_OK);
	assert_int_equal(mode_of(proc_path("d/owner.lock")), 0600);
	sk_datadir_close(b);
	assert_int_equal(sk_datadir_owner(a), 0);
	sk_datadir_close(a);
}

/* Own it, say so, hold it. */
static int
own(void *arg)
{
	struct sk_datadir *d = must_open(arg);
	struct sk_err err;
	char path[300];

	proc_must(sk_datadir_lock(d, 0, &err) == SK_OK);
	snprintf(path, sizeof(path), "%s/ready", (const char *)arg);
	proc_write(path, "1\n");
	while (pause() == -1) {}
	return 0;
}

static void
a_killed_owner_is_none(void **state)
{
	char path[256];
	struct sk_datadir *d;
	struct sk_err err;
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s", proc_path("d"));
	d = must_open(path);
	pid = proc_fork(own, path);
	proc_pid_from(proc_path("d/ready"));
	assert_int_equal(sk_datadir_owner(d), pid);
	assert_int_equal(sk_datadir_lock(d, 0, &err), SK_ECONFLICT);
	proc_end(pid);
	assert_int_equal(sk_datadir_owner(d), 0);
	assert_int_equal(sk_datadir_lock(d, 0, &err), SK_OK);
	sk_datadir_close(d);
}

/* A child that was forked does not keep the lock of its parent when it has dropped it. */
static int
drop(void *arg)
{
	sk_datadir_abandon(arg);
	while (pause() == -1) {}
	return 0;
}

static void
a_forked_child_can_drop_its_share(void **state)
{
	struct sk_datadir *a = must_open(proc_path("d")), *b = must_open(proc_path("d"));
	struct sk_err err;
	pid_t pid;

	(void)state;
	assert_int_equal(sk_datadir_lock(a, 0, &err), SK_OK);
	pid = proc_fork(drop, a);
	assert_int_equal(sk_datadir_owner(b), getpid());
	sk_datadir_close(a);
	assert_int_equal(sk_datadir_lock(b, 2000, &err), SK_OK);
	sk_datadir_close(b);
	proc_end(pid);
}

static int
own_for_a_while(void *arg)
{
	struct sk_datadir *d = must_open(arg);
	struct sk_err err;

	proc_must(sk_datadir_lock(d, 0, &err) == SK_OK);
	proc_write(proc_path("d/ready"), "1\n");
	usleep(200000);
	sk_datadir_close(d);
	return 0;
}

static void
who_waits_gets_it_when_it_is_free(void **state)
{
	char path[256];
	struct sk_datadir *d;
	struct sk_err err;
	int64_t began;
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s", proc_path("d"));
	d = must_open(path);
	pid = proc_fork(own_for_a_while, path);
	proc_pid_from(proc_path("d/ready"));
	began = sk_boot_ms();
	assert_int_equal(sk_datadir_lock(d, 100, &err), SK_ECONFLICT);
	assert_true(sk_boot_ms() - began >= 100);
	assert_int_equal(sk_datadir_lock(d, 10000, &err), SK_OK);
	assert_true(sk_boot_ms() - began < 5000);
	sk_datadir_close(d);
	assert_int_equal(proc_wait(pid), 0);
}

/* Looking who owns it must not keep anybody from owning it. */
static int
look_all_the_time(void *arg)
{
	struct sk_datadir *d = must_open(arg);

	proc_write(proc_path("d/ready"), "1\n");
	while (sk_datadir_owner(d) != -2) {}
	return 0;
}

static void
looks_do_not_keep_an_owner_away(void **state)
{
	char path[256];
	struct sk_datadir *d;
	struct sk_err err;
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s", proc_path("d"));
	d = must_open(path);
	pid = proc_fork(look_all_the_time, path);
	proc_pid_from(proc_path("d/ready"));
	for (int i = 0; i < 200; i++) {
		assert_int_equal(sk_datadir_lock(d, 1000, &err), SK_OK);
		sk_datadir_unlock(d);
	}
	sk_datadir_close(d);
	proc_end(pid);
}

/* Many at once: never two inside. */
static int
enter_and_leave(void *arg)
{
	struct sk_datadir *d = must_open(arg);
	struct sk_err err;

	for (int i = 0; i < 30; i++) {
		int fd;

		proc_must(sk_datadir_lock(d, 20000, &err) == SK_OK);
		fd = openat(sk_datadir_fd(d), "inside", O_CREAT | O_EXCL | O_CLOEXEC | O_RDWR, 0600);
		proc_must(fd != -1);
		proc_must(unlinkat(sk_datadir_fd(d), "inside", 0) == 0);
		close(fd);
		sk_datadir_unlock(d);
	}
	sk_datadir_close(d);
	return 0;
}

static void
there_are_never_two_owners(void **state)
{
	enum { N = 4 };
	char path[256];
	pid_t pids[N];

	(void)state;
	snprintf(path, sizeof(path), "%s", proc_path("d"));
	for (int i = 0; i < N; i++)
		pids[i] = proc_fork(enter_and_leave, path);
	for (int i = 0; i < N; i++)
		assert_int_equal(proc_wait(pids[i]), 0);
}

static void
a_lock_file_that_is_a_link_is_not_followed(void **state)
{
	struct sk_datadir *d = must_open(proc_path("d"));
	struct sk_err err = { SK_OK, "" };

	(void)state;
	proc_write(proc_path("precious"), "keep me\n");
	assert_int_equal(symlink(proc_path("precious"), proc_path("d/owner.lock")), 0);
	assert_int_equal(sk_datadir_lock(d, 0, &err), SK_EIO);
	assert_non_null(strstr(err.msg, "owner.lock"));
	assert_int_equal(sk_datadir_owner(d), -1);
	sk_datadir_close(d);
}

/* The lock counts, not the pid that stands in it. */
static void
an_owner_on_a_full_disk_has_no_name(void **state)
{
	struct sk_datadir *a, *b;
	struct sk_err err = { SK_OK, "" };
	char block[4096] = "";
	int fd;

	(void)state;
	PROC_ROOT_ONLY();
	assert_int_equal(mkdir(proc_path("small"), 0700), 0);
	if (mount("tmpfs", proc_path("small"), "tmpfs", 0, "size=4096,mode=700") != 0) {
		print_message("# skipped: mount: %s\n", strerror(errno));
		skip();
	}
	a = must_open(proc_path("small"));
	b = must_open(proc_path("small"));
	fd = open(proc_path("small/filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	close(fd);
	assert_int_equal(sk_datadir_lock(a, 0, &err), SK_OK);
	assert_int_equal(sk_datadir_owner(b), -1);
	assert_int_equal(sk_datadir_lock(b, 0, &err), SK_ECONFLICT);
	assert_non_null(strstr(err.msg, "in use by another skalds"));
	sk_datadir_close(a);
	assert_int_equal(sk_datadir_lock(b, 0, &err), SK_OK);
	sk_datadir_close(b);
	assert_int_equal(umount(proc_path("small")), 0);
}

/* ---- the one `up` ---- */

static void
one_up_at_a_time(void **state)
{
	struct sk_datadir *a = must_open(proc_path("d")), *b = must_open(proc_path("d"));
	struct sk_err err = { SK_OK, "" };
	char words[64];
	int fd;

	(void)state;
	assert_false(sk_datadir_up_alive(a)); /* no file yet */
	fd = sk_datadir_up_lock(a, &err);
	assert_true(fd >= 0);
	assert_true(sk_datadir_up_alive(b));
	assert_int_equal(sk_datadir_up_lock(b, &err), -1);
	assert_int_equal(err.code, SK_ECONFLICT);
	snprintf(words, sizeof(words), "(pid %d)", (int)getpid());
	assert_non_null(strstr(err.msg, words));
	/* the owner is somebody else's matter */
	assert_int_equal(sk_datadir_owner(b), 0);
	assert_int_equal(sk_datadir_lock(b, 0, &err), SK_OK);
	close(fd);
	assert_false(sk_datadir_up_alive(a));
	fd = sk_datadir_up_lock(b, &err);
	assert_true(fd >= 0);
	close(fd);
	sk_datadir_close(a);
	sk_datadir_close(b);
}

static int
look_at_up(void *arg)
{
	struct sk_datadir *d = must_open(arg);

	for (int i = 0; i < 20000; i++)
		(void)sk_datadir_up_alive(d);
	sk_datadir_close(d);
	return 0;
}

static void
looks_do_not_keep_an_up_away(void **state)
{
	struct sk_datadir *d = must_open(proc_path("d"));
	struct sk_err err;
	char path[256];
	pid_t pid;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s", proc_path("d"));
	fd = sk_datadir_up_lock(d, &err);
	assert_true(fd >= 0);
	close(fd);
	pid = proc_fork(look_at_up, path);
	for (int i = 0; i < 200; i++) {
		fd = sk_datadir_up_lock(d, &err);
		assert_true(fd >= 0);
		close(fd);
	}
	assert_int_equal(proc_wait(pid), 0);
	sk_datadir_close(d);
}

static void
nothing_stays_open(void **state)
{
	size_t before = proc_open_fds();
	struct sk_err err;
	struct sk_datadir *d = must_open(proc_path("d"));

	(void)state;
	assert_int_equal(sk_datadir_lock(d, 0, &err), SK_OK);
	close(sk_datadir_up_lock(d, &err));
	assert_false(sk_datadir_up_alive(d));
	assert_null(open_at("/proc/self/status", &err));
	sk_datadir_close(d);
	assert_int_equal(proc_open_fds(), before);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_owner_at_a_time),
		T(a_killed_owner_is_none),
		T(a_forked_child_can_drop_its_share),
		T(who_waits_gets_it_when_it_is_free),
		T(looks_do_not_keep_an_owner_away),
		T(there_are_never_two_owners),
		T(a_lock_file_that_is_a_link_is_not_followed),
		T(an_owner_on_a_full_disk_has_no_name),
		T(one_up_at_a_time),
		T(looks_do_not_keep_an_up_away),
		T(nothing_stays_open),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
