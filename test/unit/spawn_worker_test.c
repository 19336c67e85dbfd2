/* spawn_worker_test.c - starting workers and isolated programs, into control groups, on old kernels. */
#include "core/run/fds.h"
#include "core/run/tree.h"
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
#include <sys/socket.h>
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
static const struct sk_worker show = { .name = "Show",
	.doc = "Shows itself.",
	.fields = no_fields,
	.attachment_size = 1,
	.run = show_run };

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
worker_init(struct prog *r, struct sk_str *attachments, struct sk_arena *a, int channel[2])
{
	static char mark[] = "MARK=marked";

	prog_init(r, "");
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
	struct prog r;
	int channel[2], leak = dup(0); /* without close-on-exec */
	pid_t pid;

	(void)state;
	worker_init(&r, &attachments, a, channel);
	pid = sk_spawn_worker(&r.spawn, &r.failure);
	assert_int_not_equal(pid, -1);
	close(channel[1]);
	result = listen_to(channel[0], SK_F_RESULT);
	prog_read(&r);
	assert_int_equal(proc_wait(pid), 0);
	assert_int_equal(result.len, 4 + 6);
	assert_memory_equal(result.p + 4, "t1 5 1", 6);
	assert_non_null(strstr(sk_str_text(&r.text), "0 1 2 3 502\nmarked\n"));
	close(leak);
	sk_str_release(&result);
	sk_str_release(&attachments);
	prog_release(&r);
	sk_arena_free(a);
}

static enum sk_code
wait_run(struct sk_run *run, void *att, struct sk_err *err)
{
	(void)att;
	sk_run_progress(run, 0.5, NULL); /* it is a worker now */
	while (sk_run_sleep(run, 60))
		;
	return sk_fail(err, SK_ECANCELED, "stopped");
}

static const struct sk_worker waits = {
	.name = "Wait", .doc = "Waits.", .fields = no_fields, .attachment_size = 1, .run = wait_run
};

static bool
file_is(pid_t pid, const char *name, const char *text, size_t n)
{
	char path[64];
	struct sk_str found;
	bool same;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	found = proc_read(path);
	same = found.len >= n && memcmp(found.p, text, n) == 0;
	sk_str_release(&found);
	return same;
}

/* A worker is forked: /proc must show its marks and its name, not what skalds was started with. */
static void
a_worker_shows_its_own_marks_and_name(void **state)
{
	static char marks[3][64];
	struct sk_str attachments = SK_STR_INIT, result;
	struct sk_arena *a = sk_arena_new();
	struct sk_title title;
	struct prog r;
	struct pollfd p;
	char id[256], run_id[33];
	unsigned attempt = 0;
	int channel[2];
	pid_t pid;

	(void)state;
	snprintf(run_id, sizeof(run_id), "%016x%016x", 0x5a5au, (unsigned)getpid());
	snprintf(marks[0], sizeof(marks[0]), "SKALDS_RUN=%s", run_id);
	snprintf(marks[1], sizeof(marks[1]), "SKALDS_TASK_ID=t1");
	snprintf(marks[2], sizeof(marks[2]), "SKALDS_ATTEMPT=5");
	worker_init(&r, &attachments, a, channel);
	for (size_t i = 0; i < 3; i++)
		r.env[2 + i] = marks[i];
	sk_title_find(&title);
	assert_non_null(title.env);
	if (title.env_end - title.env < 200) {
		print_message("# skipped: too little room in the environment\n");
		skip();
	}
	r.spawn.worker = &waits;
	r.spawn.title = &title;
	pid = sk_spawn_worker(&r.spawn, &r.failure);
	close(channel[1]);
	p = (struct pollfd){ .fd = channel[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(sk_tree_marks(pid, run_id, id, sizeof(id), &attempt));
	assert_string_equal(id, "t1");
	assert_int_equal(attempt, 5);
	assert_true(file_is(pid, "cmdline", "skalds: worker t1", 18));
	assert_false(sk_tree_marks(getpid(), run_id, id, sizeof(id), &attempt));
	assert_false(file_is(getpid(), "cmdline", "skalds: worker", 14));
	assert_int_equal(kill(pid, SIGTERM), 0);
	result = listen_to(channel[0], SK_F_RESULT);
	prog_read(&r);
	assert_int_equal(proc_wait(pid), 128 + SIGTERM);
	sk_str_release(&result);
	sk_str_release(&attachments);
	prog_release(&r);
	sk_arena_free(a);
}

/* ---- control groups ---- */

static void
a_program_lives_in_its_group_from_its_first_moment(void **state)
{
	char run_id[33];
	struct sk_cgroups *cgs;
	struct sk_cgroup *cg;
	struct prog r;
	size_t fds;

	(void)state;
	snprintf(run_id, sizeof(run_id), "%016x%016x", 0x5bau, (unsigned)getpid());
	cgs = sk_cgroups_new(run_id, true);
	if (!sk_cgroups_track(cgs)) {
		print_message("# skipped: %s\n", sk_cgroups_describe(cgs));
		sk_cgroups_free(cgs);
		skip();
	}
	cg = sk_cgroup_take(cgs, 64, NULL);
	assert_non_null(cg);
	fds = proc_open_fds();
	for (int i = 0; i < 20; i++) {
		prog_sh(&r, "cat /proc/self/cgroup; setsid sleep 60 >/dev/null & exit 4");
		r.spawn.cg = cg;
		assert_int_equal(prog_to_end(&r), 4);
		assert_non_null(strstr(sk_str_text(&r.text), run_id));
		if (sk_cgroups_v2_dir(cgs)[0] != '\0')
			assert_non_null(strstr(strstr(sk_str_text(&r.text), "0::"), run_id));
		assert_true(sk_cgroup_populated(cg)); /* with what it left */
		for (int k = 0; k < 5000 && sk_cgroup_populated(cg); k++) {
			sk_cgroup_kill(cg);
			usleep(1000);
		}
		assert_false(sk_cgroup_populated(cg));
		prog_release(&r);
		/* killed groups are not used again */
		sk_cgroup_give(cgs, cg);
		cg = sk_cgroup_take(cgs, 64, NULL);
		assert_non_null(cg);
		prog_init(&r, "/does/not/exist");
		r.spawn.cg = cg;
		assert_int_equal(sk_spawn_program(&r.spawn, &r.failure), -1);
		assert_int_equal(r.failure.step, SK_SPAWN_EXEC);
		assert_int_equal(r.failure.err, ENOENT);
		assert_false(sk_cgroup_populated(cg));
		prog_release(&r);
	}
	assert_int_equal(proc_open_fds(), fds);
	sk_cgroup_give(cgs, cg);
	sk_cgroups_free(cgs);
}

/* ---- isolated programs ---- */

/* As sk_spawn_isolated reports them; -1 with step and errno when it could not start. */
static int
run_isolated(struct prog *r, int *step, int *err)
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
	prog_read(r);
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
	struct prog r;
	int step = 0, err = 0, status;

	(void)state;
	PROC_ROOT_ONLY();
	prog_sh(&r, "echo $$ $PPID; echo /proc/[0-9]*; ls /proc/self/fd; exit 9");
	status = run_isolated(&r, &step, &err);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 9);
	assert_string_equal(
		sk_str_text(&r.text), "2 1\n/proc/1 /proc/2\n0\n1\n2\n3\n"); /* 3 is ls' own */
	prog_release(&r);
}

static void
an_isolated_program_leaves_nobody_behind(void **state)
{
	struct prog r;
	char script[256];
	int step = 0, err = 0, status;

	(void)state;
	PROC_ROOT_ONLY();
	/* in the namespace its pid is another one: found by its argument, which nobody else has */
	snprintf(script, sizeof(script), "setsid sh -c 'sleep 987.%d; :' >/dev/null & kill -KILL $$",
		(int)getpid());
	prog_sh(&r, script);
	status = run_isolated(&r, &step, &err);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	snprintf(script, sizeof(script),
		"! grep -las 'sleep.987\\.%d' /proc/[0-9]*/cmdline | "
		"grep -v \"^/proc/$$/\" | grep -q .",
		(int)getpid());
	assert_int_equal(proc_wait(proc_sh(script, NULL)), 0);
	prog_release(&r);
}

static void
an_isolated_program_obeys_signals_to_its_init(void **state)
{
	struct prog r;
	int channel[2];
	struct sk_str result;
	struct pollfd p;
	char c;
	pid_t pid;

	(void)state;
	PROC_ROOT_ONLY();
	prog_sh(&r, "exec 2>/dev/null; trap 'exit 5' TERM; echo x; while :; do sleep 0.01; done");
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
	prog_release(&r);
}

static void
what_an_isolated_program_could_not_be_is_told(void **state)
{
	struct prog r;
	int step = 1, err = 0;

	(void)state;
	PROC_ROOT_ONLY();
	prog_init(&r, "/does/not/exist");
	run_isolated(&r, &step, &err);
	assert_int_equal(step, SK_SPAWN_EXEC);
	assert_int_equal(err, ENOENT);
	prog_release(&r);
	prog_init(&r, "/bin/true");
	r.start.cwd = "/does/not/exist";
	run_isolated(&r, &step, &err);
	assert_int_equal(step, SK_SPAWN_CWD);
	assert_int_equal(err, ENOENT);
	prog_release(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_worker_has_its_session_its_channel_and_nothing_else_of_ours),
		T(a_worker_shows_its_own_marks_and_name),
		T(a_program_lives_in_its_group_from_its_first_moment),
		T(an_isolated_program_sees_only_its_own_processes),
		T(an_isolated_program_leaves_nobody_behind),
		T(an_isolated_program_obeys_signals_to_its_init),
		T(what_an_isolated_program_could_not_be_is_told),
	};

	if (!sk_fds_close_from(
			3, true)) /* what we inherited is not the tasks': as the supervisor does */
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
