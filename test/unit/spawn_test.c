/* spawn_test.c - starting programs: what the child is given, and what fails how. Workers, isolated
 * programs and old kernels are in spawn_worker_test.c. */
#include "core/run/fds.h"
#include "test/unit/proc_rig.h"
#include "test/unit/prog_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
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
	proc_no_children();
	return 0;
}

/* ---- what a program is given ---- */

static void
code_and_signal_are_the_programs_own(void **state)
{
	static const struct {
		const char *script;
		int code;
	} rows[] = {
		{ "exit 0", 0 },
		{ "exit 7", 7 },
		{ "exit 255", 255 },
		{ "kill -SEGV $$", -SIGSEGV },
		{ "kill -KILL $$", -SIGKILL },
		{ "kill -TERM $$", -SIGTERM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct prog r;

		prog_sh(&r, rows[i].script);
		assert_int_equal(prog_to_end(&r), rows[i].code);
		prog_release(&r);
	}
}

static void
arguments_and_environment_are_exactly_what_was_given(void **state)
{
	struct prog r;

	(void)state;
	setenv("INHERITED", "must not pass", 1);
	prog_init(&r, "/bin/sh");
	r.argv[1] = "-c";
	r.argv[2] = "printf '<%s>' \"$0\" \"$@\"; tr '\\0' '|' </proc/$$/environ";
	r.argv[3] = "zero";
	r.argv[4] = "two words";
	r.argv[5] = "";
	r.argv[6] = "*'\"\\$x\n";
	r.env[1] = (char[]){ "A=1=2" };
	r.env[2] = (char[]){ "SKALDS_TASK_ID=t 1" };
	assert_int_equal(prog_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text),
		"<zero><two words><><*'\"\\$x\n>"
		"PATH=/usr/bin:/bin|A=1=2|SKALDS_TASK_ID=t 1|");
	prog_release(&r);
	unsetenv("INHERITED");
}

static void
the_program_leads_a_session_and_group_of_its_own(void **state)
{
	struct prog r;
	pid_t pid;
	char expected[64];

	(void)state;
	prog_sh(&r, "cut -d' ' -f5,6 /proc/$$/stat");
	pid = sk_spawn_program(&r.spawn, &r.failure);
	prog_read(&r);
	assert_int_equal(proc_wait(pid), 0);
	snprintf(expected, sizeof(expected), "%d %d\n", (int)pid, (int)pid);
	assert_string_equal(sk_str_text(&r.text), expected);
	prog_release(&r);
}

static void
signals_are_as_a_program_expects_them_and_ours_are_kept(void **state)
{
	const uint64_t of_glibc = 3ull << 31; /* signals 32 and 33: nobody can set them */
	struct prog r;
	sigset_t blocked, before, after;

	(void)state;
	prog_sh(&r, "exec sed -n 's/^Sig\\(Blk\\|Ign\\)://p' /proc/self/status");
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	assert_int_equal(prog_to_end(&r), 0);
	assert_int_equal(r.text.len, 2 * 18);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(strtoull(r.text.p + 18 * i, NULL, 16) & ~of_glibc, 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, &after), 0);
	assert_true(sigismember(&after, SIGTERM) == 1 && sigismember(&after, SIGUSR1) == 1);
	assert_true(sigismember(&after, SIGCHLD) == 0 && sigismember(&after, SIGINT) == 0);
	assert_true(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
	prog_release(&r);
}

static void
descriptors_0_1_and_2_are_the_given_ones_and_there_are_no_others(void **state)
{
	struct prog r;
	int in[2];

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "typed\n", 6), 6);
	prog_sh(&r, "cat; echo problem >&2; exec ls /proc/self/fd");
	close(in[1]);
	r.spawn.in = in[0];
	r.spawn.err = r.spawn.out;
	assert_int_equal(prog_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text), "typed\nproblem\n0\n1\n2\n3\n"); /* 3 is ls' own */
	close(in[0]);
	prog_release(&r);
}

static void
the_working_directory_is_the_given_one(void **state)
{
	struct prog r;
	char here[4096], after[4096];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	prog_sh(&r, "pwd");
	r.start.cwd = "/usr/bin";
	assert_int_equal(prog_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text), "/usr/bin\n");
	assert_string_equal(getcwd(after, sizeof(after)), here); /* ours stayed */
	prog_release(&r);
}

static void
limits_and_the_score_for_want_of_memory_are_set(void **state)
{
	const struct rlimit limit = { 123, 456 };
	struct prog r;

	(void)state;
	prog_sh(&r, "ulimit -Sn; ulimit -Hn; cat /proc/$$/oom_score_adj");
	r.spawn.nofile = &limit;
	r.spawn.oom_score = "501";
	assert_int_equal(prog_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text), "123\n456\n501\n");
	prog_release(&r);
}

static int
start_and_die(void *arg)
{
	struct prog *r = arg;

	proc_must(sk_spawn_program(&r->spawn, &r->failure) > 0);
	return 0; /* the program's parent ends */
}

static void
a_program_dies_with_its_supervisor(void **state)
{
	struct prog r;
	struct pollfd p;

	(void)state;
	prog_sh(&r, "exec sleep 60");
	assert_int_equal(proc_wait(proc_fork(start_and_die, &r)), 0);
	close(r.out[1]);
	r.out[1] = -1;
	p = (struct pollfd){ .fd = r.out[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1); /* nobody has the other end any more */
	assert_int_equal(p.revents, POLLHUP);
	prog_release(&r);
}

static void
many_starts_leave_no_descriptor_and_no_zombie(void **state)
{
	size_t fds = proc_open_fds();

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct prog r;

		prog_init(&r, i % 2 == 0 ? "/bin/true" : "/does/not/exist");
		if (i % 2 == 0)
			assert_int_equal(prog_to_end(&r), 0);
		else
			assert_int_equal(sk_spawn_program(&r.spawn, &r.failure), -1);
		prog_release(&r);
	}
	assert_int_equal(proc_open_fds(), fds);
	proc_no_children();
}

/* ---- what cannot be started ---- */

static void
fails(struct prog *r, enum sk_spawn_step step, int err, int code, const char *message)
{
	char msg[512];

	assert_int_equal(sk_spawn_program(&r->spawn, &r->failure), -1);
	assert_int_equal(r->failure.step, step);
	assert_int_equal(r->failure.err, err);
	assert_int_equal(sk_spawn_message(&r->spawn, &r->failure, msg, sizeof(msg)), code);
	assert_string_equal(msg, message);
	proc_no_children(); /* reaped */
	prog_release(r);
}

static void
a_failed_exec_has_its_errno_its_path_and_the_code_of_shells(void **state)
{
	struct prog r;
	char message[600];
	const char *path;

	(void)state;
	prog_init(&r, "/does/not/exist");
	fails(&r, SK_SPAWN_EXEC, ENOENT, 127, "exec /does/not/exist: No such file or directory");
	prog_init(&r, "/tmp");
	fails(&r, SK_SPAWN_EXEC, EACCES, 126, "exec /tmp: Permission denied");
	prog_init(&r, "/bin/sh/x");
	fails(&r, SK_SPAWN_EXEC, ENOTDIR, 126, "exec /bin/sh/x: Not a directory");

	proc_write(path = proc_path("plain"), "echo hello\n");
	prog_init(&r, path);
	snprintf(message, sizeof(message), "exec %s: Permission denied", path);
	fails(&r, SK_SPAWN_EXEC, EACCES, 126, message);
	assert_int_equal(chmod(path, 0755), 0);
	prog_init(&r, path);
	snprintf(message, sizeof(message), "exec %s: Exec format error", path);
	fails(&r, SK_SPAWN_EXEC, ENOEXEC, 126, message);

	proc_write(path = proc_path("script"), "#!/no/such/interpreter\n");
	assert_int_equal(chmod(path, 0755), 0);
	prog_init(&r, path);
	snprintf(message, sizeof(message), "exec %s: its interpreter does not exist", path);
	fails(&r, SK_SPAWN_EXEC, ENOENT, 126, message);
}

static void
a_relative_path_counts_from_the_tasks_directory(void **state)
{
	struct prog r;

	(void)state;
	proc_write(proc_path("run"), "#!/bin/sh\necho here\n");
	proc_write(proc_path("broken"), "#!/no/such/interpreter\n");
	assert_int_equal(chmod(proc_path("run"), 0755), 0);
	assert_int_equal(chmod(proc_path("broken"), 0755), 0);
	prog_init(&r, "./run");
	r.start.cwd = proc_path("%s", "");
	assert_int_equal(prog_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text), "here\n");
	prog_release(&r);
	prog_init(&r, "./broken");
	r.start.cwd = proc_path("%s", "");
	fails(&r, SK_SPAWN_EXEC, ENOENT, 126, "exec ./broken: its interpreter does not exist");
	prog_init(&r, "./missing");
	r.start.cwd = proc_path("%s", "");
	fails(&r, SK_SPAWN_EXEC, ENOENT, 127, "exec ./missing: No such file or directory");
}

static void
a_missing_directory_is_told_apart_from_a_missing_program(void **state)
{
	struct prog r;

	(void)state;
	prog_init(&r, "/bin/true");
	r.start.cwd = "/does/not/exist";
	fails(&r, SK_SPAWN_CWD, ENOENT, 126, "chdir /does/not/exist: No such file or directory");
}

static void
a_descriptor_that_is_none_is_no_crash(void **state)
{
	struct prog r;

	(void)state;
	prog_init(&r, "/bin/true");
	r.spawn.in = 987654;
	fails(&r, SK_SPAWN_FDS, EBADF, 126, "standard input, output and error: Bad file descriptor");
}

static void
a_limit_that_may_not_be_set_is_told(void **state)
{
	const struct rlimit above = { 10, 5 };
	struct prog r;

	(void)state;
	prog_init(&r, "/bin/true");
	r.spawn.nofile = &above;
	fails(&r, SK_SPAWN_SESSION, EINVAL, 126, "new session: Invalid argument");
}

/* ---- where a program is ---- */

static void
programs_are_searched_as_shells_do(void **state)
{
	char path[4096], env[1200], small[8];
	char *vars[3] = { env, NULL, NULL }, *none[1] = { NULL };

	(void)state;
	assert_int_equal(mkdir(proc_path("a"), 0755), 0);
	assert_int_equal(mkdir(proc_path("b"), 0755), 0);
	assert_int_equal(mkdir(proc_path("a/tool"), 0755), 0); /* a directory is no program */
	proc_write(proc_path("b/tool"), "");
	proc_write(proc_path("b/text"), "");
	assert_int_equal(chmod(proc_path("b/tool"), 0755), 0);
	snprintf(env, sizeof(env), "PATH=%s:/nowhere:%s", proc_path("a"), proc_path("b"));

	assert_true(sk_find_program("tool", vars, path, sizeof(path)));
	assert_string_equal(path, proc_path("b/tool"));
	assert_false(sk_find_program("text", vars, path, sizeof(path)));
	assert_int_equal(errno, EACCES);
	assert_string_equal(path, "text");
	assert_false(sk_find_program("missing", vars, path, sizeof(path)));
	assert_int_equal(errno, ENOENT);
	assert_false(sk_find_program("", vars, path, sizeof(path)));
	assert_int_equal(errno, ENOENT);
	assert_true(sk_find_program("/any/thing", vars, path, sizeof(path))); /* exec will tell */
	assert_string_equal(path, "/any/thing");
	assert_true(sk_find_program("./x", vars, path, sizeof(path)));
	assert_string_equal(path, "./x");
	assert_true(
		sk_find_program("sh", none, path, sizeof(path))); /* without PATH: the usual places */
	assert_false(sk_find_program("/long/name", vars, small, sizeof(small)));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_false(
		sk_find_program("sh", (char *[]){ (char[]){ "PATH=" }, NULL }, path, sizeof(path)));
	assert_false(sk_find_program("sh",
		(char *[]){ (char[]){ "PATHS=/bin" }, (char[]){ "PATH=/no" }, NULL }, path, sizeof(path)));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(code_and_signal_are_the_programs_own),
		T(arguments_and_environment_are_exactly_what_was_given),
		T(the_program_leads_a_session_and_group_of_its_own),
		T(signals_are_as_a_program_expects_them_and_ours_are_kept),
		T(descriptors_0_1_and_2_are_the_given_ones_and_there_are_no_others),
		T(the_working_directory_is_the_given_one),
		T(limits_and_the_score_for_want_of_memory_are_set),
		T(a_program_dies_with_its_supervisor),
		T(many_starts_leave_no_descriptor_and_no_zombie),
		T(a_failed_exec_has_its_errno_its_path_and_the_code_of_shells),
		T(a_relative_path_counts_from_the_tasks_directory),
		T(a_missing_directory_is_told_apart_from_a_missing_program),
		T(a_descriptor_that_is_none_is_no_crash),
		T(a_limit_that_may_not_be_set_is_told),
		T(programs_are_searched_as_shells_do),
	};

	if (!sk_fds_close_from(
			3, true)) /* what we inherited is not the tasks': as the supervisor does */
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
