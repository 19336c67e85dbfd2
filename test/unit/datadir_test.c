/* datadir_test.c - where the data directory is, what is refused, who owns it. */
#include "adapters/datadir.h"
#include "adapters/fskind.h"
#include "core/base/clock.h"
#include "proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void
refused(const struct sk_datadir_config *cfg, enum sk_code code, const char *words)
{
	struct sk_err err = { SK_OK, "" };

	assert_null(sk_datadir_open(cfg, &err));
	if (err.code != code || strstr(err.msg, words) == NULL)
		print_message("# %d %s\n", (int)err.code, err.msg);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.msg, words));
}

static unsigned
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* ---- where ---- */

static void
located(const char *given, const char *expect)
{
	struct sk_str path = SK_STR_INIT;
	struct sk_err err;

	assert_int_equal(sk_datadir_locate(given, &path, &err), SK_OK);
	assert_string_equal(path.p, expect);
	sk_str_release(&path);
}

static void
a_given_directory_is_made_absolute(void **state)
{
	char cwd[4096], expect[4200];

	(void)state;
	located("/a/b", "/a/b");
	located("/a/b///", "/a/b");
	located("/", "/");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(expect, sizeof(expect), "%s/x/y", cwd);
	located("x/y", expect);
}

/* As another user; the result is the exit code. */
static int
locate_as_nobody(void *arg)
{
	struct sk_str path = SK_STR_INIT;
	struct sk_err err;

	(void)arg;
	proc_must(setgid(65534) == 0 && setuid(65534) == 0);
	proc_must(setenv("HOME", "/home/n", 1) == 0 && setenv("XDG_STATE_HOME", "/state", 1) == 0);
	proc_must(sk_datadir_locate("", &path, &err) == SK_OK);
	proc_must(strcmp(path.p, "/state/skalds") == 0);
	proc_must(setenv("XDG_STATE_HOME", "relative", 1) == 0);
	proc_must(sk_datadir_locate(NULL, &path, &err) == SK_OK);
	proc_must(strcmp(path.p, "/home/n/.local/state/skalds") == 0);
	proc_must(unsetenv("XDG_STATE_HOME") == 0 && unsetenv("HOME") == 0);
	proc_must(sk_datadir_locate(NULL, &path, &err) == SK_EINVAL);
	proc_must(strstr(err.msg, "--data") != NULL);
	sk_str_release(&path);
	return 0;
}

static void
the_default_depends_on_who_asks(void **state)
{
	(void)state;
	PROC_ROOT_ONLY();
	located(NULL, "/var/lib/skalds");
	located("", "/var/lib/skalds");
	assert_int_equal(proc_wait(proc_fork(locate_as_nobody, NULL)), 0);
}

static void
the_socket_lies_in_it(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	sk_datadir_socket("/d", &s);
	assert_string_equal(s.p, "/d/skalds.sock");
	sk_str_clear(&s);
	sk_datadir_socket("/", &s);
	assert_string_equal(s.p, "/skalds.sock");
	sk_str_release(&s);
}

/* ---- making and refusing ---- */

static void
it_is_made_for_its_owner_alone(void **state)
{
	const char *path = proc_path("a/b/data");
	mode_t mask = umask(0);
	struct sk_datadir *d = must_open(path);

	(void)state;
	umask(mask);
	assert_int_equal(mode_of(path), 0700);
	assert_int_equal(mode_of(proc_path("a/b")), 0755);
	assert_string_equal(sk_datadir_path(d), path);
	assert_int_equal(sk_datadir_group(d), (gid_t)-1);
	assert_int_equal(faccessat(sk_datadir_fd(d), ".", W_OK, 0), 0);
	sk_datadir_close(d);
	d = must_open(path); /* again */
	sk_datadir_close(d);
	sk_datadir_close(NULL);
}

static void
what_is_not_there_is_only_made_when_wanted(void **state)
{
	const char *path = proc_path("nothing");

	(void)state;
	refused(&(struct sk_datadir_config){ .path = path, .allow_volatile = true }, SK_ENOENT, path);
	assert_false(proc_exists(path));
}

static void
a_file_is_no_directory(void **state)
{
	struct sk_datadir_config cfg = { .create = true, .allow_volatile = true };

	(void)state;
	cfg.path = proc_path("file");
	proc_write(cfg.path, "x");
	refused(&cfg, SK_EINVAL, "is not a directory");
	cfg.path = proc_path("file/below");
	refused(&cfg, SK_EINVAL, "is not a directory");
}

static void
a_directory_others_may_write_is_refused(void **state)
{
	struct sk_datadir_config cfg = { .path = proc_path("open"), .allow_volatile = true };

	(void)state;
	assert_int_equal(mkdir(cfg.path, 0700), 0);
	assert_int_equal(chmod(cfg.path, 0720), 0);
	refused(&cfg, SK_EINVAL, "may be written by others (mode 0720)");
	assert_int_equal(chmod(cfg.path, 01777), 0);
	refused(&cfg, SK_EINVAL, "may be written by others");
	assert_int_equal(chmod(cfg.path, 0755), 0);
	sk_datadir_close(must_open(cfg.path));
	assert_int_equal(mode_of(cfg.path), 0755); /* left as it was */
}

static void
somebody_elses_directory_is_refused(void **state)
{
	struct sk_datadir_config cfg = { .path = proc_path("theirs"), .allow_volatile = true };

	(void)state;
	PROC_ROOT_ONLY();
	assert_int_equal(mkdir(cfg.path, 0700), 0);
	assert_int_equal(chown(cfg.path, 65534, 65534), 0);
	refused(&cfg, SK_EINVAL, "belongs to user 65534, not to user 0");
}

static int
open_as_nobody(void *arg)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_datadir_config cfg = { .path = arg, .create = true, .allow_volatile = true };

	proc_must(setgid(65534) == 0 && setuid(65534) == 0);
	proc_must(sk_datadir_open(&cfg, &err) == NULL);
	proc_must(err.code == SK_EINVAL && strstr(err.msg, "somebody else") != NULL);
	return 0;
}

static void
a_directory_that_cannot_be_read_is_somebody_elses(void **state)
{
	char path[256];

	(void)state;
	PROC_ROOT_ONLY();
	assert_int_equal(chmod(proc_path("."), 0755), 0);
	snprintf(path, sizeof(path), "%s", proc_path("private"));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(proc_wait(proc_fork(open_as_nobody, path)), 0);
}

static void
memory_is_refused_unless_asked_for(void **state)
{
	char path[64];
	struct sk_datadir_config cfg = { .path = path, .create = true };
	struct sk_datadir *d;
	struct sk_err err;
	enum sk_fs_kind kind;
	char name[SK_FS_NAME];
	int fd = open("/dev/shm", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	if (fd == -1 || sk_fs_kind(fd, &kind, name, &err) != SK_OK || kind != SK_FS_VOLATILE) {
		print_message("# skipped: /dev/shm is not in memory\n");
		skip();
	}
	close(fd);
	assert_string_equal(name, "tmpfs");
	snprintf(path, sizeof(path), "/dev/shm/sk-datadir-%d", (int)getpid());
	refused(&cfg, SK_EINVAL, "is in memory (tmpfs)");
	assert_false(proc_exists(path)); /* it was taken away again */
	cfg.allow_volatile = true;
	d = sk_datadir_open(&cfg, &err);
	assert_non_null(d);
	sk_datadir_close(d);
	assert_int_equal(rmdir(path), 0);
}

static void
file_systems_are_told_apart(void **state)
{
	static const struct {
		long magic;
		const char *fuse, *name;
		enum sk_fs_kind kind;
	} cases[] = {
		{ EXT4_SUPER_MAGIC, "", "ext4", SK_FS_LOCAL },
		{ XFS_SUPER_MAGIC, "", "xfs", SK_FS_LOCAL },
		{ OVERLAYFS_SUPER_MAGIC, "", "overlayfs", SK_FS_LOCAL },
		{ NFS_SUPER_MAGIC, "", "nfs", SK_FS_NETWORK },
		{ (long)0xff534d42u, "", "cifs", SK_FS_NETWORK },
		{ (int)0xff534d42u, "", "cifs", SK_FS_NETWORK }, /* where a long has 32 bits */
		{ (long)0xfe534d42u, "", "smb2", SK_FS_NETWORK },
		{ V9FS_MAGIC, "", "9p", SK_FS_NETWORK },
		{ TMPFS_MAGIC, "", "tmpfs", SK_FS_VOLATILE },
		{ RAMFS_MAGIC, "", "ramfs", SK_FS_VOLATILE },
		{ 0x12345678, "", "0x12345678", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "", "fuse", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "fuseblk", "fuseblk", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "virtiofs", "virtiofs", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "fuse.fuse-overlayfs", "fuse.fuse-overlayfs", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "fuse.sshfs", "fuse.sshfs", SK_FS_NETWORK },
		{ FUSE_SUPER_MAGIC, "fuse.rclone", "fuse.rclone", SK_FS_NETWORK },
		{ FUSE_SUPER_MAGIC, "fuse.blobfuse2", "fuse.blobfuse2", SK_FS_NETWORK },
		{ FUSE_SUPER_MAGIC, "glusterfs", "glusterfs", SK_FS_NETWORK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[SK_FS_NAME];

		assert_int_equal(sk_fs_kind_of(cases[i].magic, cases[i].fuse, name), cases[i].kind);
		assert_string_equal(name, cases[i].name);
	}
}

static void
the_type_of_a_mount_is_found_by_its_device(void **state)
{
	static const char mounts[] =
		"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
		"40 22 0:35 / /mnt/with\\040space rw shared:9 master:2 - fuse.sshfs me@host:/ rw\n"
		"41 22 0:36 / /x rw - cgroup2 cgroup2 rw\n"
		"garbage\n"
		"42 22 0:37 / /y rw - fuse.cut";
	char name[SK_FS_NAME];

	(void)state;
	sk_fs_mount_type(mounts, 0, 35, name);
	assert_string_equal(name, "fuse.sshfs");
	sk_fs_mount_type(mounts, 254, 0, name);
	assert_string_equal(name, "ext4");
	sk_fs_mount_type(mounts, 0, 37, name);
	assert_string_equal(name, "fuse.cut");
	sk_fs_mount_type(mounts, 0, 99, name);
	assert_string_equal(name, "");
	sk_fs_mount_type("", 0, 0, name);
	assert_string_equal(name, "");
}

/* ---- the socket's group ---- */

static void
a_group_may_pass_and_see_nothing(void **state)
{
	struct sk_datadir_config cfg = {
		.path = proc_path("grouped"), .create = true, .allow_volatile = true, .group = "4242"
	};
	struct sk_datadir *d;
	struct sk_err err;
	struct stat st;

	(void)state;
	PROC_ROOT_ONLY();
	d = sk_datadir_open(&cfg, &err);
	assert_non_null(d);
	assert_int_equal(sk_datadir_group(d), 4242);
	assert_int_equal(mode_of(cfg.path), 0710);
	assert_int_equal(stat(cfg.path, &st), 0);
	assert_int_equal(st.st_gid, 4242);
	sk_datadir_close(d);
	cfg.group = "daemon"; /* by name; every Debian has it */
	d = sk_datadir_open(&cfg, &err);
	assert_non_null(d);
	assert_int_equal(sk_datadir_group(d), 1);
	sk_datadir_close(d);
}

static int
give_as_nobody(void *arg)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_datadir_config cfg = {
		.path = arg, .create = true, .allow_volatile = true, .group = "4242"
	};

	proc_must(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
	proc_must(sk_datadir_open(&cfg, &err) == NULL);
	proc_must(err.code == SK_EINVAL && strstr(err.msg, "no member") != NULL);
	return 0;
}

static void
a_group_that_is_none_or_not_ours_is_refused(void **state)
{
	static const char *const wrong[] = { "no-such-group", "12x", "-1", "4294967295",
		"99999999999999999999" };
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused(&(struct sk_datadir_config){ .path = proc_path("g"), .group = wrong[i] }, SK_EINVAL,
			"there is no group");
	PROC_ROOT_ONLY();
	assert_int_equal(chmod(proc_path("."), 0777), 0);
	snprintf(path, sizeof(path), "%s", proc_path("as-nobody"));
	assert_int_equal(proc_wait(proc_fork(give_as_nobody, path)), 0);
	assert_false(proc_exists(path));
}

/* ---- the owner ---- */

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
	while (pause() == -1) {
	}
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
	while (pause() == -1) {
	}
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
	while (sk_datadir_owner(d) != -2) {
	}
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

static void
nothing_stays_open(void **state)
{
	size_t before = proc_open_fds();
	struct sk_err err;
	struct sk_datadir *d = must_open(proc_path("d"));

	(void)state;
	assert_int_equal(sk_datadir_lock(d, 0, &err), SK_OK);
	assert_null(open_at("/proc/self/status", &err));
	sk_datadir_close(d);
	assert_int_equal(proc_open_fds(), before);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_given_directory_is_made_absolute),
		cmocka_unit_test(the_default_depends_on_who_asks),
		cmocka_unit_test(the_socket_lies_in_it),
		T(it_is_made_for_its_owner_alone),
		T(what_is_not_there_is_only_made_when_wanted),
		T(a_file_is_no_directory),
		T(a_directory_others_may_write_is_refused),
		T(somebody_elses_directory_is_refused),
		T(a_directory_that_cannot_be_read_is_somebody_elses),
		T(memory_is_refused_unless_asked_for),
		cmocka_unit_test(file_systems_are_told_apart),
		cmocka_unit_test(the_type_of_a_mount_is_found_by_its_device),
		T(a_group_may_pass_and_see_nothing),
		T(a_group_that_is_none_or_not_ours_is_refused),
		T(one_owner_at_a_time),
		T(a_killed_owner_is_none),
		T(a_forked_child_can_drop_its_share),
		T(who_waits_gets_it_when_it_is_free),
		T(looks_do_not_keep_an_owner_away),
		T(there_are_never_two_owners),
		T(a_lock_file_that_is_a_link_is_not_followed),
		T(nothing_stays_open),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
