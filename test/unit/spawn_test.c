/* spawn_test.c - starting programs and workers: what the child is given, and what fails how. */
#include "core/run/spawn.h"
#include "core/run/fds.h"
#include "test/unit/proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct rlimit keep_limit = { 0, 0 };

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

/* A program with its stdout in a pipe. */
struct run {
	const char *argv[8];
	char *env[8];
	struct sk_start start;
	struct sk_spawn spawn;
	struct sk_spawn_failure failure;
	int out[2];
	struct sk_str text;
	char path[4096];
};

static void
run_init(struct run *r, const char *program)
{
	static char search[] = "PATH=/usr/bin:/bin";

	*r = (struct run){ .argv = { program }, .env = { search } };
	r->start = (struct sk_start){ .id = "t1", .class_name = "Exec", .program = true, .argv = r->argv,
		.cwd = "", .input = "", .refusal = "" };
	assert_int_equal(pipe2(r->out, O_CLOEXEC), 0);
	r->spawn = (struct sk_spawn){ .start = &r->start, .attempt = 1, .env = r->env, .path = r->path,
		.in = -1, .out = r->out[1], .err = -1, .channel = -1, .nofile = &keep_limit,
		.oom_score = "" };
	snprintf(r->path, sizeof(r->path), "%s", program);
}

static void
run_sh(struct run *r, const char *script)
{
	run_init(r, "/bin/sh");
	r->argv[1] = "-c";
	r->argv[2] = script;
}

static void
read_out(struct run *r)
{
	char buf[4096];
	ssize_t n;

	close(r->out[1]);
	r->out[1] = -1;
	while ((n = read(r->out[0], buf, sizeof(buf))) > 0)
		sk_str_add(&r->text, buf, (size_t)n);
}

/* Start, read all, reap: the code, or -signal. */
static int
run_to_end(struct run *r)
{
	pid_t pid = sk_spawn_program(&r->spawn, &r->failure);

	assert_int_not_equal(pid, -1);
	read_out(r);
	return proc_wait(pid);
}

static void
run_release(struct run *r)
{
	close(r->out[0]);
	if (r->out[1] != -1)
		close(r->out[1]);
	sk_str_release(&r->text);
}

/* ---- what a program is given ---- */

static void
code_and_signal_are_the_programs_own(void **state)
{
	static const struct { const char *script; int code; } rows[] = {
		{ "exit 0", 0 }, { "exit 7", 7 }, { "exit 255", 255 }, { "kill -SEGV $$", -SIGSEGV },
		{ "kill -KILL $$", -SIGKILL }, { "kill -TERM $$", -SIGTERM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct run r;

		run_sh(&r, rows[i].script);
		assert_int_equal(run_to_end(&r), rows[i].code);
		run_release(&r);
	}
}

static void
arguments_and_environment_are_exactly_what_was_given(void **state)
{
	struct run r;

	(void)state;
	setenv("INHERITED", "must not pass", 1);
	run_init(&r, "/bin/sh");
	r.argv[1] = "-c";
	r.argv[2] = "printf '<%s>' \"$0\" \"$@\"; tr '\\0' '|' </proc/$$/environ";
	r.argv[3] = "zero";
	r.argv[4] = "two words";
	r.argv[5] = "";
	r.argv[6] = "*'\"\\$x\n";
	r.env[1] = (char[]){ "A=1=2" };
	r.env[2] = (char[]){ "SKALDS_TASK_ID=t 1" };
	assert_int_equal(run_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text), "<zero><two words><><*'\"\\$x\n>"
		"PATH=/usr/bin:/bin|A=1=2|SKALDS_TASK_ID=t 1|");
	run_release(&r);
	unsetenv("INHERITED");
}

static void
the_program_leads_a_session_and_group_of_its_own(void **state)
{
	struct run r;
	pid_t pid;
	char expected[64];

	(void)state;
	run_sh(&r, "cut -d' ' -f5,6 /proc/$$/stat");
	pid = sk_spawn_program(&r.spawn, &r.failure);
	read_out(&r);
	assert_int_equal(proc_wait(pid), 0);
	snprintf(expected, sizeof(expected), "%d %d\n", (int)pid, (int)pid);
	assert_string_equal(sk_str_text(&r.text), expected);
	run_release(&r);
}

static void
signals_are_as_a_program_expects_them_and_ours_are_kept(void **state)
{
	const uint64_t of_glibc = 3ull << 31; /* signals 32 and 33: nobody can set them */
	struct run r;
	sigset_t blocked, before, after;

	(void)state;
	run_sh(&r, "exec sed -n 's/^Sig\\(Blk\\|Ign\\)://p' /proc/self/status");
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	assert_int_equal(run_to_end(&r), 0);
	assert_int_equal(r.text.len, 2 * 18);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(strtoull(r.text.p + 18 * i, NULL, 16) & ~of_glibc, 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, &after), 0);
	assert_true(sigismember(&after, SIGTERM) == 1 && sigismember(&after, SIGUSR1) == 1);
	assert_true(sigismember(&after, SIGCHLD) == 0 && sigismember(&after, SIGINT) == 0);
	assert_true(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
	run_release(&r);
}

static void
descriptors_0_1_and_2_are_the_given_ones_and_there_are_no_others(void **state)
{
	struct run r;
	int in[2];

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "typed\n", 6), 6);
	run_sh(&r, "cat; echo problem >&2; exec ls /proc/self/fd");
	close(in[1]);
	r.spawn.in = in[0];
	r.spawn.err = r.spawn.out;
	assert_int_equal(run_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text), "typed\nproblem\n0\n1\n2\n3\n"); /* 3 is ls' own */
	close(in[0]);
	run_release(&r);
}

static void
the_working_directory_is_the_given_one(void **state)
{
	struct run r;
	char here[4096], after[4096];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	run_sh(&r, "pwd");
	r.start.cwd = "/usr/bin";
	assert_int_equal(run_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text), "/usr/bin\n");
	assert_string_equal(getcwd(after, sizeof(after)), here); /* ours stayed */
	run_release(&r);
}

static void
limits_and_the_score_for_want_of_memory_are_set(void **state)
{
	const struct rlimit limit = { 123, 456 };
	struct run r;

	(void)state;
	run_sh(&r, "ulimit -Sn; ulimit -Hn; cat /proc/$$/oom_score_adj");
	r.spawn.nofile = &limit;
	r.spawn.oom_score = "501";
	assert_int_equal(run_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text), "123\n456\n501\n");
	run_release(&r);
}

static int
start_and_die(void *arg)
{
	struct run *r = arg;

	proc_must(sk_spawn_program(&r->spawn, &r->failure) > 0);
	return 0; /* the program's parent ends */
}

static void
a_program_dies_with_its_supervisor(void **state)
{
	struct run r;
	struct pollfd p;

	(void)state;
	run_sh(&r, "exec sleep 60");
	assert_int_equal(proc_wait(proc_fork(start_and_die, &r)), 0);
	close(r.out[1]);
	r.out[1] = -1;
	p = (struct pollfd){ .fd = r.out[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1); /* nobody has the other end any more */
	assert_int_equal(p.revents, POLLHUP);
	run_release(&r);
}

static void
many_starts_leave_no_descriptor_and_no_zombie(void **state)
{
	size_t fds = proc_open_fds();

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct run r;

		run_init(&r, i % 2 == 0 ? "/bin/true" : "/does/not/exist");
		if (i % 2 == 0)
			assert_int_equal(run_to_end(&r), 0);
		else
			assert_int_equal(sk_spawn_program(&r.spawn, &r.failure), -1);
		run_release(&r);
	}
	assert_int_equal(proc_open_fds(), fds);
	proc_no_children();
}

/* ---- what cannot be started ---- */

static void
fails(struct run *r, enum sk_spawn_step step, int err, int code, const char *message)
{
	char msg[512];

	assert_int_equal(sk_spawn_program(&r->spawn, &r->failure), -1);
	assert_int_equal(r->failure.step, step);
	assert_int_equal(r->failure.err, err);
	assert_int_equal(sk_spawn_message(&r->spawn, &r->failure, msg, sizeof(msg)), code);
	assert_string_equal(msg, message);
	proc_no_children(); /* reaped */
	run_release(r);
}

static void
a_failed_exec_has_its_errno_its_path_and_the_code_of_shells(void **state)
{
	struct run r;
	char message[600];
	const char *path;

	(void)state;
	run_init(&r, "/does/not/exist");
	fails(&r, SK_SPAWN_EXEC, ENOENT, 127, "exec /does/not/exist: No such file or directory");
	run_init(&r, "/tmp");
	fails(&r, SK_SPAWN_EXEC, EACCES, 126, "exec /tmp: Permission denied");
	run_init(&r, "/bin/sh/x");
	fails(&r, SK_SPAWN_EXEC, ENOTDIR, 126, "exec /bin/sh/x: Not a directory");

	proc_write(path = proc_path("plain"), "echo hello\n");
	run_init(&r, path);
	snprintf(message, sizeof(message), "exec %s: Permission denied", path);
	fails(&r, SK_SPAWN_EXEC, EACCES, 126, message);
	assert_int_equal(chmod(path, 0755), 0);
	run_init(&r, path);
	snprintf(message, sizeof(message), "exec %s: Exec format error", path);
	fails(&r, SK_SPAWN_EXEC, ENOEXEC, 126, message);

	proc_write(path = proc_path("script"), "#!/no/such/interpreter\n");
	assert_int_equal(chmod(path, 0755), 0);
	run_init(&r, path);
	snprintf(message, sizeof(message), "exec %s: its interpreter does not exist", path);
	fails(&r, SK_SPAWN_EXEC, ENOENT, 126, message);
}

static void
a_relative_path_counts_from_the_tasks_directory(void **state)
{
	struct run r;

	(void)state;
	proc_write(proc_path("run"), "#!/bin/sh\necho here\n");
	proc_write(proc_path("broken"), "#!/no/such/interpreter\n");
	assert_int_equal(chmod(proc_path("run"), 0755), 0);
	assert_int_equal(chmod(proc_path("broken"), 0755), 0);
	run_init(&r, "./run");
	r.start.cwd = proc_path("%s", "");
	assert_int_equal(run_to_end(&r), 0);
	assert_string_equal(sk_str_text(&r.text), "here\n");
	run_release(&r);
	run_init(&r, "./broken");
	r.start.cwd = proc_path("%s", "");
	fails(&r, SK_SPAWN_EXEC, ENOENT, 126, "exec ./broken: its interpreter does not exist");
	run_init(&r, "./missing");
	r.start.cwd = proc_path("%s", "");
	fails(&r, SK_SPAWN_EXEC, ENOENT, 127, "exec ./missing: No such file or directory");
}

static void
a_missing_directory_is_told_apart_from_a_missing_program(void **state)
{
	struct run r;

	(void)state;
	run_init(&r, "/bin/true");
	r.start.cwd = "/does/not/exist";
	fails(&r, SK_SPAWN_CWD, ENOENT, 126, "chdir /does/not/exist: No such file or directory");
}

static void
a_descriptor_that_is_none_is_no_crash(void **state)
{
	struct run r;

	(void)state;
	run_init(&r, "/bin/true");
	r.spawn.in = 987654;
	fails(&r, SK_SPAWN_FDS, EBADF, 126, "standard input, output and error: Bad file descriptor");
}

static void
a_limit_that_may_not_be_set_is_told(void **state)
{
	const struct rlimit above = { 10, 5 };
	struct run r;

	(void)state;
	run_init(&r, "/bin/true");
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
	assert_true(sk_find_program("sh", none, path, sizeof(path))); /* without PATH: the usual places */
	assert_false(sk_find_program("/long/name", vars, small, sizeof(small)));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_false(sk_find_program("sh", (char *[]){ (char[]){ "PATH=" }, NULL }, path, sizeof(path)));
	assert_false(sk_find_program("sh", (char *[]){ (char[]){ "PATHS=/bin" }, (char[]){ "PATH=/no" },
		NULL }, path, sizeof(path)));
}

/* ---- workers ---- */

static enum sk_code
show_run(struct sk_run *run, void *att, struct sk_err *err)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%s %lld %d", sk_run_task_id(run),
		(long long)sk_run_attempt(run), getsid(0) == getpid());

	(void)att;
	if (system("ls /proc/$PPID/fd | tr '\\n' ' '; cat /proc/$PPID/oom_score_adj; echo $MARK") != 0)
		return sk_fail(err, SK_EIO, "ls failed");
	return sk_run_result(run, text, (size_t)n, err);
}

static const struct sk_field no_fields[] = { SK_FIELDS_END };
static const struct sk_worker show = { .name = "Show", .doc = "Shows itself.", .fields = no_fields,
	.attachment_size = 1, .run = show_run };

/* What the child says on its channel until it ends; the last result. */
static struct sk_str
listen_to(int fd, uint16_t type)
{
	struct sk_str result = SK_STR_INIT;
	struct sk_chan c;
	struct sk_frame f;
	struct sk_err err;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	enum sk_code code;

	sk_str_add(&result, "", 0);
	sk_chan_init(&c, fd);
	do {
		assert_int_not_equal(poll(&p, 1, 10000), 0);
		code = sk_chan_fill(&c, &err);
		while (sk_chan_next(&c, &f, &err) == SK_OK)
			if (f.type == type) {
				sk_str_clear(&result);
				sk_str_add(&result, f.data, f.len);
			}
	} while (code == SK_OK || code == SK_EAGAIN);
	sk_chan_release(&c);
	return result;
}

static void
worker_init(struct run *r, struct sk_str *attachments, struct sk_arena *a, int channel[2])
{
	static char mark[] = "MARK=marked";

	run_init(r, "");
	sk_value_encode(attachments, sk_value_new(a, SK_MAP));
	r->start.program = false;
	r->start.class_name = "Show";
	r->start.attachments = attachments->p;
	r->start.attachments_len = attachments->len;
	r->env[1] = mark;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
	r->spawn.worker = &show;
	r->spawn.attempt = 5;
	r->spawn.channel = channel[1];
	r->spawn.oom_score = "502";
}

static void
a_worker_has_its_session_its_channel_and_nothing_else_of_ours(void **state)
{
	struct sk_str attachments = SK_STR_INIT, result;
	struct sk_arena *a = sk_arena_new();
	struct run r;
	int channel[2], leak = dup(0); /* without close-on-exec */
	pid_t pid;

	(void)state;
	worker_init(&r, &attachments, a, channel);
	pid = sk_spawn_worker(&r.spawn, &r.failure);
	assert_int_not_equal(pid, -1);
	close(channel[1]);
	result = listen_to(channel[0], SK_F_RESULT);
	read_out(&r);
	assert_int_equal(proc_wait(pid), 0);
	assert_int_equal(result.len, 4 + 6);
	assert_memory_equal(result.p + 4, "t1 5 1", 6);
	assert_non_null(strstr(sk_str_text(&r.text), "0 1 2 3 502\nmarked\n"));
	close(leak);
	sk_str_release(&result);
	sk_str_release(&attachments);
	run_release(&r);
	sk_arena_free(a);
}

/* ---- isolated programs ---- */

/* As sk_spawn_isolated reports them; -1 with step and errno when it could not start. */
static int
run_isolated(struct run *r, int *step, int *err)
{
	struct sk_str result;
	struct sk_frame f;
	struct sk_reader reader;
	int channel[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
	r->spawn.channel = channel[1];
	pid = sk_spawn_isolated(&r->spawn, &r->failure);
	assert_int_not_equal(pid, -1);
	close(channel[1]);
	result = listen_to(channel[0], *step != 0 ? SK_F_UNSTARTED : SK_F_RESULT);
	read_out(r);
	status = proc_wait(pid);
	f = (struct sk_frame){ .data = (const unsigned char *)result.p, .len = result.len };
	reader = sk_reader_of(&f);
	if (*step != 0) {
		*step = (int)sk_get_u32(&reader);
		*err = (int)sk_get_u32(&reader);
		assert_int_not_equal(status, 0);
	} else {
		assert_int_equal(status, 0);
		status = (int)sk_get_u32(&reader);
	}
	assert_false(reader.bad);
	sk_str_release(&result);
	return status;
}

static void
an_isolated_program_sees_only_its_own_processes(void **state)
{
	struct run r;
	int step = 0, err = 0, status;

	(void)state;
	PROC_ROOT_ONLY();
	run_sh(&r, "echo $$ $PPID; echo /proc/[0-9]*; ls /proc/self/fd; exit 9");
	status = run_isolated(&r, &step, &err);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 9);
	assert_string_equal(sk_str_text(&r.text), "2 1\n/proc/1 /proc/2\n0\n1\n2\n3\n"); /* 3 is ls' own */
	run_release(&r);
}

static void
an_isolated_program_leaves_nobody_behind(void **state)
{
	struct run r;
	char script[256];
	int step = 0, err = 0, status;

	(void)state;
	PROC_ROOT_ONLY();
	/* in the namespace its pid is another one: found by its argument, which nobody else has */
	snprintf(script, sizeof(script), "setsid sh -c 'sleep 987.125; :' >/dev/null & kill -KILL $$");
	run_sh(&r, script);
	status = run_isolated(&r, &step, &err);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(proc_wait(proc_sh("! grep -las 'sleep.987\\.125' /proc/[0-9]*/cmdline | "
		"grep -v \"^/proc/$$/\" | grep -q .", NULL)), 0);
	run_release(&r);
}

static void
an_isolated_program_obeys_signals_to_its_init(void **state)
{
	struct run r;
	int channel[2];
	struct sk_str result;
	struct pollfd p;
	char c;
	pid_t pid;

	(void)state;
	PROC_ROOT_ONLY();
	run_sh(&r, "exec 2>/dev/null; trap 'exit 5' TERM; echo x; while :; do sleep 0.01; done");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
	r.spawn.channel = channel[1];
	pid = sk_spawn_isolated(&r.spawn, &r.failure);
	assert_int_not_equal(pid, -1);
	close(channel[1]);
	p = (struct pollfd){ .fd = r.out[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(read(r.out[0], &c, 1), 1);
	assert_int_equal(kill(-pid, SIGTERM), 0); /* as the supervisor stops a task */
	result = listen_to(channel[0], SK_F_RESULT);
	assert_int_equal(result.len, 4);
	assert_int_equal(result.p[1], 5); /* wait status of exit 5 */
	assert_int_equal(proc_wait(pid), 0);
	sk_str_release(&result);
	run_release(&r);
}

static void
what_an_isolated_program_could_not_be_is_told(void **state)
{
	struct run r;
	int step = 1, err = 0;

	(void)state;
	PROC_ROOT_ONLY();
	run_init(&r, "/does/not/exist");
	run_isolated(&r, &step, &err);
	assert_int_equal(step, SK_SPAWN_EXEC);
	assert_int_equal(err, ENOENT);
	run_release(&r);
	run_init(&r, "/bin/true");
	r.start.cwd = "/does/not/exist";
	run_isolated(&r, &step, &err);
	assert_int_equal(step, SK_SPAWN_CWD);
	assert_int_equal(err, ENOENT);
	run_release(&r);
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
		T(a_worker_has_its_session_its_channel_and_nothing_else_of_ours),
		T(an_isolated_program_sees_only_its_own_processes),
		T(an_isolated_program_leaves_nobody_behind),
		T(an_isolated_program_obeys_signals_to_its_init),
		T(what_an_isolated_program_could_not_be_is_told),
	};

	if (!sk_fds_close_from(3, true)) /* what we inherited is not the tasks': as the supervisor does */
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
