/* rundir_test.c - the runtime directory: which one, who runs, what dead runs leave. */
#include "core/run/rundir.h"
#include "core/run/tree.h"
#include "test/unit/proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int
setup(void **state)
{
	(void)state;
	setenv("SKALDS_RUN_DIR", proc_scratch(), 1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unsetenv("SKALDS_RUN_DIR");
	unsetenv("XDG_RUNTIME_DIR");
	proc_scratch_remove();
	proc_no_children();
	return 0;
}

static const char *
run_path(pid_t pid)
{
	return proc_path("%d.run", (int)pid);
}

static void
open_run(struct sk_run_file *rf)
{
	struct sk_err err = { SK_OK, "" };

	if (sk_run_file_open(rf, &err) != SK_OK)
		fail_msg("%s", err.msg);
	assert_int_not_equal(rf->fd, -1);
}

/* ---- which directory ---- */

static void
the_given_directory_is_made_and_used(void **state)
{
	char dir[300];
	struct stat st;

	(void)state;
	setenv("SKALDS_RUN_DIR", proc_path("new"), 1);
	assert_string_equal(sk_rundir(dir, sizeof(dir)), proc_path("new"));
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_string_equal(sk_rundir(dir, sizeof(dir)), proc_path("new"));
}

static void
a_given_directory_that_cannot_be_used_is_none(void **state)
{
	char dir[300], long_path[300];

	(void)state;
	proc_write(proc_path("file"), "");
	setenv("SKALDS_RUN_DIR", proc_path("file"), 1);
	assert_string_equal(sk_rundir(dir, sizeof(dir)), "");
	setenv("SKALDS_RUN_DIR", proc_path("missing/below"), 1);
	assert_string_equal(sk_rundir(dir, sizeof(dir)), "");
	assert_int_equal(symlink("/tmp", proc_path("link")), 0);
	setenv("SKALDS_RUN_DIR", proc_path("link"), 1);
	assert_string_equal(sk_rundir(dir, sizeof(dir)), "");
	/* cut, it would be another directory */
	assert_int_equal(mkdir(proc_path("d"), 0700), 0);
	snprintf(long_path, sizeof(long_path), "%s/", proc_path("d"));
	while (strlen(long_path) < 250)
		strcat(long_path, "/");
	setenv("SKALDS_RUN_DIR", long_path, 1);
	assert_string_equal(sk_rundir(dir, 100), "");
}

struct identity {
	uid_t uid;
	int expected; /* 1 = usable */
};

static int
look_as(void *arg)
{
	const struct identity *who = arg;
	char dir[300];

	proc_must(setresgid(who->uid, who->uid, who->uid) == 0 &&
		setresuid(who->uid, who->uid, who->uid) == 0);
	sk_rundir(dir, sizeof(dir));
	proc_must((dir[0] != '\0') == (who->expected != 0));
	return 0;
}

/* Ours, or root's when we may write there; another user's never. */
static void
a_directory_of_another_user_is_not_trusted(void **state)
{
	static const struct {
		uid_t owner, we;
		mode_t mode;
		int usable;
	} rows[] = {
		{ 65534, 65534, 0700, 1 },
		{ 0, 65534, 0777, 1 },
		{ 0, 65534, 0755, 0 },
		{ 65533, 65534, 0777, 0 },
	};

	(void)state;
	PROC_ROOT_ONLY();
	assert_int_equal(chmod(proc_path("%s", ""), 0755), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *dir = proc_path("d%zu", i);
		struct identity who = { rows[i].we, rows[i].usable };

		assert_int_equal(mkdir(dir, 0700), 0);
		assert_int_equal(chmod(dir, rows[i].mode), 0);
		assert_int_equal(chown(dir, rows[i].owner, (gid_t)rows[i].owner), 0);
		setenv("SKALDS_RUN_DIR", dir, 1);
		if (proc_wait(proc_fork(look_as, &who)) != 0)
			fail_msg("row %zu", i);
	}
}

static void
without_a_directory_there_is_a_run_id_all_the_same(void **state)
{
	struct sk_run_file rf;
	struct sk_err err = { SK_OK, "" };
	char note[100] = "x";

	(void)state;
	setenv("SKALDS_RUN_DIR", proc_path("missing/below"), 1);
	assert_int_equal(sk_run_file_open(&rf, &err), SK_OK);
	assert_int_equal(rf.fd, -1);
	assert_string_equal(rf.dir, "");
	assert_int_equal(strlen(rf.run_id), 32);
	assert_int_equal(sk_run_file_note(&rf, "/a", "/b", &err), SK_OK);
	assert_int_equal(sk_rundir_clear(rf.dir, note, sizeof(note)), 0);
	assert_string_equal(note, "");
	sk_run_file_abandon(&rf);
	sk_run_file_close(&rf);
}

/* ---- the run file ---- */

static void
a_run_has_an_id_of_its_own_in_a_locked_file(void **state)
{
	struct sk_run_file a;
	struct sk_err err;
	struct sk_str text;
	struct stat st;
	char expected[200];
	int fd;

	(void)state;
	open_run(&a);
	assert_int_equal(strspn(a.run_id, "0123456789abcdef"), 32);
	assert_int_equal(stat(run_path(getpid()), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	fd = open(run_path(getpid()), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(fcntl(a.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(sk_run_file_note(&a, "/sys/fs/cgroup/a", NULL, &err), SK_OK);
	text = proc_read(run_path(getpid()));
	snprintf(expected, sizeof(expected), "%s\n/sys/fs/cgroup/a\n\n", a.run_id);
	assert_string_equal(text.p, expected);
	sk_str_release(&text);
	assert_int_equal(sk_run_file_note(&a, NULL, NULL, &err), SK_OK); /* shorter */
	text = proc_read(run_path(getpid()));
	snprintf(expected, sizeof(expected), "%s\n\n\n", a.run_id);
	assert_string_equal(text.p, expected);
	sk_str_release(&text);
	sk_run_file_close(&a);
	assert_false(proc_exists(run_path(getpid())));
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	sk_run_file_close(&a);
}

static void
run_ids_differ(void **state)
{
	struct sk_run_file a, b;

	(void)state;
	open_run(&a);
	sk_run_file_close(&a);
	open_run(&b);
	sk_run_file_close(&b);
	assert_string_not_equal(a.run_id, b.run_id);
}

static int
hold_and_wait(void *arg)
{
	struct sk_run_file *rf = arg;

	sk_run_file_abandon(rf);
	pause();
	return 0;
}

/* flock belongs to the open file, which forked children share. */
static void
a_child_that_abandons_the_file_does_not_hold_the_lock(void **state)
{
	struct sk_run_file rf;
	pid_t child;
	int fd;

	(void)state;
	open_run(&rf);
	child = proc_fork(hold_and_wait, &rf);
	usleep(20000);
	close(rf.fd); /* as if killed: the file stays */
	fd = open(run_path(getpid()), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	proc_end(child);
}

/* Containers that share the directory may have the same pid. */
static void
the_file_of_a_living_run_with_our_pid_is_left_alone(void **state)
{
	struct sk_run_file rf;
	struct sk_err err = { SK_OK, "" };
	struct sk_str text;
	size_t fds;
	int fd;

	(void)state;
	proc_write(run_path(getpid()), "somebody else's\n");
	fd = open(run_path(getpid()), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	fds = proc_open_fds();
	assert_int_not_equal(sk_run_file_open(&rf, &err), SK_OK);
	assert_int_not_equal(err.code, SK_OK);
	assert_int_equal(rf.fd, -1);
	assert_int_equal(proc_open_fds(), fds);
	text = proc_read(run_path(getpid()));
	assert_string_equal(text.p, "somebody else's\n");
	sk_str_release(&text);
	close(fd);
}

static void
the_file_of_a_dead_run_with_our_pid_is_taken_over(void **state)
{
	struct sk_run_file rf;
	struct sk_str text;

	(void)state;
	proc_write(run_path(getpid()),
		"something much longer than what will stand there: "
		"0123456789012345678901234567890123456789\n/a\n/b\n");
	open_run(&rf);
	text = proc_read(run_path(getpid()));
	assert_int_equal(text.len, 32 + 3);
	sk_str_release(&text);
	sk_run_file_close(&rf);
}

static void
a_symbolic_link_in_its_place_is_not_followed(void **state)
{
	struct sk_run_file rf;
	struct sk_err err = { SK_OK, "" };
	struct sk_str text;

	(void)state;
	proc_write(proc_path("victim"), "keep");
	assert_int_equal(symlink(proc_path("victim"), run_path(getpid())), 0);
	assert_int_not_equal(sk_run_file_open(&rf, &err), SK_OK);
	text = proc_read(proc_path("victim"));
	assert_string_equal(text.p, "keep");
	sk_str_release(&text);
	assert_int_equal(unlink(run_path(getpid())), 0);
}

static void
a_full_disk_is_told_and_the_lock_is_held_all_the_same(void **state)
{
	struct sk_run_file rf;
	struct sk_err err = { SK_OK, "" };
	size_t fds = proc_open_fds();
	char block[4096];
	int fd;

	(void)state;
	PROC_ROOT_ONLY();
	assert_int_equal(mkdir(proc_path("small"), 0700), 0);
	if (mount("tmpfs", proc_path("small"), "tmpfs", 0, "size=4096") != 0) {
		print_message("# skipped: mount: %s\n", strerror(errno));
		skip();
	}
	setenv("SKALDS_RUN_DIR", proc_path("small"), 1);
	fd = open(proc_path("small/filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	memset(block, 'x', sizeof(block));
	assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	close(fd);
	assert_int_equal(sk_run_file_open(&rf, &err), SK_ENOSPC);
	fd = open(proc_path("small/%d.run", (int)getpid()), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1); /* nobody takes us for dead */
	close(fd);
	sk_run_file_close(&rf);
	assert_int_equal(proc_open_fds(), fds);
	assert_false(proc_exists(proc_path("small/%d.run", (int)getpid())));
	assert_int_equal(umount(proc_path("small")), 0);
}

/* ---- clearing ---- */

static int
run_and_die(void *arg)
{
	struct sk_run_file rf;
	struct sk_err err;

	proc_must(sk_run_file_open(&rf, &err) == SK_OK);
	proc_write(arg, rf.run_id);
	return 0; /* without sk_run_file_close: killed */
}

/* A run that died; its id in the buffer. */
static pid_t
dead_run(char id[SK_RUN_ID_LEN])
{
	struct sk_str text;
	pid_t pid = proc_fork(run_and_die, (void *)(uintptr_t)proc_path("id"));

	assert_int_equal(proc_wait(pid), 0);
	text = proc_read(proc_path("id"));
	assert_int_equal(text.len, 32);
	snprintf(id, SK_RUN_ID_LEN, "%s", text.p);
	sk_str_release(&text);
	assert_true(proc_exists(run_path(pid)));
	return pid;
}

/* Of two processes; the second stays when the first is killed. */
static pid_t
task_of(const char *id, const char *task, bool two)
{
	char run[64], name[64];
	const char *const env[] = { run, name, "SKALDS_ATTEMPT=1", NULL };

	snprintf(run, sizeof(run), "SKALDS_RUN=%s", id);
	snprintf(name, sizeof(name), "SKALDS_TASK_ID=%s", task);
	return proc_sh(two ? "trap '' TERM; sleep 60 & exec sleep 60" : "exec sleep 60", env);
}

static void
all_there(const char *id, size_t n)
{
	const struct sk_tree run = { .run_id = id };

	for (int i = 0; i < 5000 && sk_tree_signal(&run, 0) < n; i++)
		usleep(1000);
	assert_int_equal(sk_tree_signal(&run, 0), n);
}

static void
what_a_dead_run_left_is_killed_and_its_files_removed(void **state)
{
	char id[SK_RUN_ID_LEN], note[200];
	pid_t dead = dead_run(id), a = task_of(id, "a", true), b = task_of(id, "b", true);
	pid_t stranger;

	(void)state;
	snprintf(note, sizeof(note), "%.31s%c", id, id[31] == '0' ? '1' : '0');
	stranger = task_of(note, "a", false);
	proc_write(proc_path("%d.sock", (int)dead), "");
	proc_write(proc_path("other.txt"), "");
	all_there(id, 4);
	assert_int_equal(sk_rundir_clear(proc_path("%s", ""), note, sizeof(note)), 4);
	assert_string_equal(note, "cleared what 1 dead run(s) left: 4 process(es) killed");
	assert_int_equal(proc_wait(a), -SIGKILL);
	assert_int_equal(proc_wait(b), -SIGKILL);
	assert_true(proc_alive(stranger));
	assert_false(proc_exists(run_path(dead)));
	assert_false(proc_exists(proc_path("%d.sock", (int)dead)));
	assert_true(proc_exists(proc_path("other.txt")));
	assert_int_equal(sk_rundir_clear(proc_path("%s", ""), note, sizeof(note)), 0);
	assert_string_equal(note, "");
	proc_end(stranger);
}

static int
run_and_wait(void *arg)
{
	struct sk_run_file rf;
	struct sk_err err;

	proc_must(sk_run_file_open(&rf, &err) == SK_OK);
	proc_write(arg, rf.run_id);
	pause();
	return 0;
}

static void
a_living_run_and_our_own_are_not_touched(void **state)
{
	struct sk_run_file own;
	char id[SK_RUN_ID_LEN] = "", note[200];
	pid_t other = proc_fork(run_and_wait, (void *)(uintptr_t)proc_path("id")), task, mine;

	(void)state;
	for (int i = 0; i < 5000 && id[0] == '\0'; i++) {
		struct sk_str text = proc_read(proc_path("id"));

		if (text.len == 32)
			snprintf(id, sizeof(id), "%s", text.p);
		sk_str_release(&text);
		usleep(1000);
	}
	open_run(&own);
	task = task_of(id, "a", true);
	mine = task_of(own.run_id, "a", false);
	all_there(id, 2);
	all_there(own.run_id, 1);
	assert_int_equal(sk_rundir_clear(proc_path("%s", ""), note, sizeof(note)), 0);
	assert_true(proc_alive(task) && proc_alive(mine) && proc_alive(other));
	assert_true(proc_exists(run_path(other)) && proc_exists(run_path(getpid())));
	proc_end(mine);
	sk_run_file_close(&own);
	proc_end(other);
	assert_int_equal(sk_rundir_clear(proc_path("%s", ""), NULL, 0), 2); /* now it is dead */
	assert_int_equal(proc_wait(task), -SIGKILL);
	assert_false(proc_exists(run_path(other)));
}

static void
rubbish_in_the_directory_does_no_harm(void **state)
{
	static const char *const rubbish[] = { "", "\n", "short\n/\n/\n", "\n\n\n\n\n", "%s",
		"%s\n/sys/fs/cgroup\n/\n", "%s\n/skalds-%s\n\xff\xfe" };
	char large[5000], id[SK_RUN_ID_LEN], text[200];

	(void)state;
	snprintf(id, sizeof(id), "%016x%016x", 0xbadu, (unsigned)getpid());
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		snprintf(text, sizeof(text), rubbish[i], id, id);
		proc_write(proc_path("%zu.run", i), text);
	}
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	proc_write(proc_path("large.run"), large);
	proc_write(proc_path("norun"), "");
	assert_int_equal(mkdir(proc_path("dir.run"), 0700), 0);
	proc_write(proc_path("victim"), "keep");
	assert_int_equal(symlink(proc_path("victim"), proc_path("link.run")), 0);
	assert_int_equal(mkfifo(proc_path("fifo.run"), 0600), 0);
	assert_int_equal(sk_rundir_clear(proc_path("%s", ""), NULL, 0), 0);
	assert_true(proc_exists(proc_path("victim")) && proc_exists(proc_path("norun")));
	assert_false(proc_exists(proc_path("0.run")) || proc_exists(proc_path("large.run")));
	assert_int_equal(sk_rundir_clear("/does/not/exist", NULL, 0), 0);
	assert_int_equal(sk_rundir_clear("", NULL, 0), 0);
}

/* ---- many at once ---- */

static int
start_many_times(void *arg)
{
	(void)arg;
	for (int i = 0; i < 150; i++) {
		struct sk_run_file rf;
		struct sk_err err = { SK_OK, "" };
		struct stat by_name, by_fd;
		char path[512];

		if (sk_run_file_open(&rf, &err) != SK_OK)
			fprintf(stderr, "# %s\n", err.msg);
		proc_must(err.code == SK_OK && rf.fd != -1);
		sk_rundir_clear(rf.dir, NULL, 0); /* as every start does */
		snprintf(path, sizeof(path), "%s/%d.run", rf.dir, (int)getpid());
		proc_must(stat(path, &by_name) == 0); /* nobody took it for a dead one's */
		proc_must(fstat(rf.fd, &by_fd) == 0 && by_fd.st_ino == by_name.st_ino);
		proc_must(by_fd.st_size == 35);
		sk_run_file_close(&rf);
	}
	return 0;
}

static void
many_that_start_at_once_do_not_clear_each_other(void **state)
{
	pid_t pids[6];
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		pids[i] = proc_fork(start_many_times, NULL);
	for (size_t i = 0; i < 6; i++)
		bad += proc_wait(pids[i]) != 0;
	assert_int_equal(bad, 0);
	assert_int_equal(proc_entries(proc_path("%s", "")), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_given_directory_is_made_and_used),
		T(a_given_directory_that_cannot_be_used_is_none),
		T(a_directory_of_another_user_is_not_trusted),
		T(without_a_directory_there_is_a_run_id_all_the_same),
		T(a_run_has_an_id_of_its_own_in_a_locked_file),
		T(run_ids_differ),
		T(a_child_that_abandons_the_file_does_not_hold_the_lock),
		T(the_file_of_a_living_run_with_our_pid_is_left_alone),
		T(the_file_of_a_dead_run_with_our_pid_is_taken_over),
		T(a_symbolic_link_in_its_place_is_not_followed),
		T(a_full_disk_is_told_and_the_lock_is_held_all_the_same),
		T(what_a_dead_run_left_is_killed_and_its_files_removed),
		T(a_living_run_and_our_own_are_not_touched),
		T(rubbish_in_the_directory_does_no_harm),
		T(many_that_start_at_once_do_not_clear_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
