/* datadir_test.c - where the data directory is, how it is made, what is refused. */
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
		T(a_group_may_pass_and_see_nothing),
		T(a_group_that_is_none_or_not_ours_is_refused),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
