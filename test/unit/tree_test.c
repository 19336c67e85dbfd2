/* tree_test.c - the processes of a task, found by session, mark and descent, and nobody else. */
#include "core/run/tree.h"
#include "test/unit/proc_rig.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Of this test alone: others may run at the same time. */
static char run_mark[64], *const run_id = run_mark + sizeof("SKALDS_RUN=") - 1;

#define PATIENCE 15000 /* turns of 2 ms */

#define ID_MARK "SKALDS_TASK_ID=t 1"
#define ATTEMPT_MARK "SKALDS_ATTEMPT=3"

static const char *const marks[] = { run_mark, ID_MARK, ATTEMPT_MARK, NULL };

static const struct sk_tree task = {
	.run_id = run_mark + sizeof("SKALDS_RUN=") - 1, .task_id = "t 1", .attempt = 3
};

static int
setup(void **state)
{
	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what is orphaned comes to us */
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

/* A shell that writes its pid, then sleeps. */
static pid_t
sleeper(const char *name, const char *const *env)
{
	char script[256];
	pid_t pid;

	snprintf(script, sizeof(script), "echo $$ >%s; exec sleep 60", proc_path("%s", name));
	pid = proc_sh(script, env);
	assert_int_equal(proc_pid_from(proc_path("%s", name)), pid);
	return pid;
}

/* ---- whose it is ---- */

static void
a_marked_process_is_found_and_killed_and_no_other(void **state)
{
	static char longer[80];
	static const char *const other_attempt[] = { run_mark, ID_MARK, "SKALDS_ATTEMPT=4", NULL };
	static const char *const other_task[] = { run_mark, "SKALDS_TASK_ID=t 10", ATTEMPT_MARK, NULL };
	static const char *const other_run[] = { longer, ID_MARK, ATTEMPT_MARK, NULL };
	static const char *const no_run[] = { ID_MARK, ATTEMPT_MARK, NULL };
	pid_t mine = sleeper("mine", marks), strangers[5];

	(void)state;
	snprintf(longer, sizeof(longer), "%s0", run_mark);
	strangers[0] = sleeper("a", other_attempt);
	strangers[1] = sleeper("b", other_task);
	strangers[2] = sleeper("c", other_run);
	strangers[3] = sleeper("d", no_run);
	strangers[4] = sleeper("e", NULL);
	assert_int_equal(sk_tree_signal(&task, 0), 1);
	assert_true(proc_alive(mine));
	assert_int_equal(sk_tree_signal(&task, SIGKILL), 1);
	assert_int_equal(proc_wait(mine), -SIGKILL);
	assert_int_equal(sk_tree_signal(&task, SIGKILL), 0);
	for (size_t i = 0; i < 5; i++) {
		assert_true(proc_alive(strangers[i]));
		proc_end(strangers[i]);
	}
}

static void
the_marks_of_a_process_can_be_read(void **state)
{
	static const char *const half[] = { run_mark, ID_MARK, NULL };
	pid_t pid = sleeper("a", marks), incomplete = sleeper("b", half);
	char id[256];
	unsigned attempt = 0;

	(void)state;
	assert_true(sk_tree_marks(pid, run_id, id, sizeof(id), &attempt));
	assert_string_equal(id, "t 1");
	assert_int_equal(attempt, 3);
	assert_false(sk_tree_marks(pid, "0", id, sizeof(id), &attempt));
	assert_false(sk_tree_marks(incomplete, run_id, id, sizeof(id), &attempt));
	assert_false(sk_tree_marks(getpid(), run_id, id, sizeof(id), &attempt));
	proc_end(incomplete);
	kill(pid, SIGKILL);
	assert_true(proc_gone(pid));
	assert_false(sk_tree_marks(pid, run_id, id, sizeof(id), &attempt)); /* a zombie */
	proc_end(pid);
	assert_false(sk_tree_marks(pid, run_id, id, sizeof(id), &attempt));
}

static void
all_tasks_of_a_run_are_found_without_a_task_id(void **state)
{
	static const char *const other_task[] = { run_mark, "SKALDS_TASK_ID=u", "SKALDS_ATTEMPT=1",
		NULL };
	const struct sk_tree run = { .run_id = run_id };
	pid_t a = sleeper("a", marks), b = sleeper("b", other_task), c = sleeper("c", NULL);

	(void)state;
	assert_int_equal(sk_tree_signal(&run, SIGKILL), 2);
	assert_int_equal(proc_wait(a), -SIGKILL);
	assert_int_equal(proc_wait(b), -SIGKILL);
	assert_true(proc_alive(c));
	proc_end(c);
}

static void
descendants_without_marks_or_session_belong_to_it(void **state)
{
	const char *deep = proc_path("deep");
	char script[512];
	pid_t pid, child;

	(void)state;
	snprintf(script, sizeof(script),
		"env -i /bin/sh -c 'setsid /bin/sh -c \"echo \\$\\$ >%s; exec sleep 60\"' & exec sleep 60",
		deep);
	pid = proc_sh(script, marks);
	child = proc_pid_from(deep);
	assert_true(sk_tree_signal(&task, SIGKILL) >= 2);
	assert_true(proc_gone(child));
	assert_int_equal(proc_wait(pid), -SIGKILL);
	proc_reap_all(); /* adopted */
}

static void
a_daemon_that_kept_its_environment_is_found_after_its_parents_went(void **state)
{
	const char *path = proc_path("daemon");
	char script[512];
	pid_t pid, daemon;

	(void)state;
	snprintf(script, sizeof(script), "setsid /bin/sh -c 'sleep 60 & echo $! >%s' & wait $!", path);
	pid = proc_sh(script, marks);
	assert_int_equal(proc_wait(pid), 0);
	daemon = proc_pid_from(path);
	assert_true(proc_alive(daemon));
	assert_int_equal(sk_tree_signal(&task, SIGKILL), 1);
	assert_int_equal(proc_wait(daemon), -SIGKILL); /* adopted */
	proc_reap_all(); /* whom setsid forked */
}

/* One exec after the other: its old environment is gone before the new one is there. */
static int
exec_for_ever(void *arg)
{
	(void)arg;
	for (int i = 0; marks[i] != NULL; i++)
		putenv((char *)(uintptr_t)marks[i]);
	execl("/bin/sh", "sh", "-c", "exec /bin/sh -c \"$0\" \"$0\"", "exec /bin/sh -c \"$0\" \"$0\"",
		(char *)NULL);
	return 127;
}

static void
who_is_in_the_midst_of_an_exec_is_found(void **state)
{
	pid_t pid = proc_fork(exec_for_ever, NULL);
	size_t found = 0;

	(void)state;
	for (int i = 0; i < PATIENCE && sk_tree_signal(&task, 0) == 0; i++)
		usleep(2000); /* not there yet */
	for (int i = 0; i < 1000; i++)
		found += sk_tree_signal(&task, 0);
	print_message("# found %zu times of 1000\n", found);
	assert_true(found >= 900); /* one that waits for its turn there for long is not waited for */
	proc_end(pid);
}

static void
the_session_tells_whose_it_is_where_no_mark_does(void **state)
{
	struct sk_tree tree = { .run_id = run_id, .task_id = "t 1", .attempt = 3 };
	char script[512];
	pid_t pid, member, leader;

	(void)state;
	snprintf(script, sizeof(script),
		"setsid /bin/sh -c 'echo $$ >%s; env -i sleep 60 & echo $! >%s; "
		"exit' & wait $!",
		proc_path("leader"), proc_path("member"));
	pid = proc_sh(script, NULL);
	tree.session = proc_pid_from(proc_path("leader"));
	member = proc_pid_from(proc_path("member"));
	assert_int_equal(proc_wait(pid), 0);
	assert_int_equal(sk_tree_signal(&tree, 0), 1);
	leader = tree.session;
	tree.session = 0x7fffffff; /* nobody's */
	assert_int_equal(sk_tree_signal(&tree, SIGKILL), 0);
	assert_true(proc_alive(member));
	tree.session = leader;
	assert_int_equal(sk_tree_signal(&tree, SIGKILL), 1);
	assert_int_equal(proc_wait(member), -SIGKILL);
}

static void
a_stopped_tree_of_fifty_that_ignores_sigterm_is_killed(void **state)
{
	pid_t pid;

	(void)state;
	pid =
		proc_sh("trap '' TERM; for i in $(seq 50); do sleep 60 & done; kill -STOP $$; wait", marks);
	for (int i = 0; i < PATIENCE && sk_tree_signal(&task, 0) < 51; i++)
		usleep(1000);
	assert_int_equal(sk_tree_signal(&task, SIGTERM), 51);
	assert_int_equal(sk_tree_signal(&task, SIGKILL), 51);
	assert_int_equal(proc_wait(pid), -SIGKILL);
	assert_int_equal(proc_reap_all(), 50);
	assert_int_equal(sk_tree_signal(&task, 0), 0);
}

static void
a_name_full_of_parentheses_misleads_nobody(void **state)
{
	const char *path = proc_path("a) R 1 (");
	char script[512];
	pid_t pid;

	(void)state;
	snprintf(script, sizeof(script), "cp /bin/sleep '%s' && exec '%s' 60", path, path);
	pid = proc_sh(script, marks);
	for (int i = 0; i < PATIENCE; i++) {
		char comm[64];
		struct sk_str text;
		bool there;

		snprintf(comm, sizeof(comm), "/proc/%d/comm", (int)pid);
		text = proc_read(comm);
		there = strncmp(text.p, "a) R 1 (", 8) == 0;
		sk_str_release(&text);
		if (there)
			break;
		usleep(1000);
	}
	assert_int_equal(sk_tree_signal(&task, SIGKILL), 1);
	assert_int_equal(proc_wait(pid), -SIGKILL);
}

static void
the_dead_are_not_counted(void **state)
{
	pid_t pid = sleeper("a", marks);

	(void)state;
	kill(pid, SIGKILL);
	assert_true(proc_gone(pid)); /* a zombie: nobody has reaped it */
	assert_int_equal(sk_tree_signal(&task, SIGKILL), 0);
	proc_end(pid);
}

/* The caller's link descends from a marked process when skalds itself runs in a task. */
static void
the_spared_process_and_what_hangs_below_it_stay(void **state)
{
	struct sk_tree tree = { .run_id = run_id, .task_id = "t 1", .attempt = 3 };
	char script[512];
	pid_t pid, below;

	(void)state;
	snprintf(script, sizeof(script), "env -i sleep 60 & echo $! >%s; wait", proc_path("below"));
	pid = proc_sh(script, marks);
	below = proc_pid_from(proc_path("below"));
	usleep(20000); /* env -i has become sleep */
	tree.spare = pid;
	assert_int_equal(sk_tree_signal(&tree, SIGKILL), 0);
	assert_true(proc_alive(pid) && proc_alive(below));
	tree.spare = 0;
	assert_int_equal(sk_tree_signal(&tree, SIGKILL), 2);
	assert_int_equal(proc_wait(pid), -SIGKILL);
	assert_int_equal(proc_wait(below), -SIGKILL);
}

static int
kill_own_session(void *arg)
{
	struct sk_tree own = { .session = setsid() };
	pid_t child = fork();

	(void)arg;
	if (child == 0) {
		pause();
		_exit(0);
	}
	proc_must(sk_tree_signal(&own, SIGKILL) == 1);
	proc_must(waitpid(child, NULL, 0) == child);
	return 7;
}

static void
the_caller_is_never_counted_nor_killed(void **state)
{
	(void)state;
	assert_int_equal(proc_wait(proc_fork(kill_own_session, NULL)), 7);
}

/* ---- strays ---- */

struct book {
	pid_t known[4];
	size_t n;
};

static bool
known(pid_t pid, void *arg)
{
	const struct book *b = arg;

	for (size_t i = 0; i < b->n; i++)
		if (b->known[i] == pid)
			return true;
	return false;
}

static void
strays_are_adopted_orphans_and_what_is_below_them(void **state)
{
	struct book book = { { 0 }, 1 };
	char script[512];
	pid_t ours = sleeper("ours", NULL), pid, orphan, below;

	(void)state;
	book.known[0] = ours;
	assert_int_equal(sk_tree_strays(known, &book, SIGKILL), 0);
	snprintf(script, sizeof(script),
		"env -i /bin/sh -c 'sleep 60 & echo $! >%s; echo $$ >%s; wait' & exit 0",
		proc_path("below"), proc_path("orphan"));
	pid = proc_sh(script, marks);
	assert_int_equal(proc_wait(pid), 0);
	orphan = proc_pid_from(proc_path("orphan"));
	below = proc_pid_from(proc_path("below"));
	assert_int_equal(sk_tree_strays(known, &book, 0), 2);
	assert_true(proc_alive(orphan) && proc_alive(below));
	assert_int_equal(sk_tree_strays(known, &book, SIGKILL), 2);
	assert_int_equal(proc_wait(orphan), -SIGKILL);
	assert_int_equal(proc_wait(below), -SIGKILL);
	assert_true(proc_alive(ours));
	proc_end(ours);
}

/* ---- standing still ---- */

static char
state_of(pid_t pid)
{
	char path[64];
	struct sk_str text;
	const char *at;
	char state;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	text = proc_read(path);
	at = strrchr(sk_str_text(&text), ')');
	state = at != NULL ? at[2] : '?';
	sk_str_release(&text);
	return state;
}

static bool
halts(const struct sk_tree *t)
{
	for (int i = 0; i < PATIENCE; i++, usleep(2000))
		if (sk_tree_halt(t) == 0)
			return true;
	return false;
}

static void
reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void
a_tree_that_is_halted_stands_still_until_it_is_told_to_go_on(void **state)
{
	pid_t pid = proc_sh("while :; do sleep 0.001; done", marks), bystander;

	(void)state;
	bystander = sleeper("bystander", NULL);
	for (int i = 0; i < PATIENCE && sk_tree_signal(&task, 0) == 0; i++)
		usleep(2000); /* its exec gives it the marks */
	assert_int_not_equal(sk_tree_halt(&task), 0); /* it did not stand still before */
	assert_true(halts(&task));
	assert_true(strchr("TD", state_of(pid)) != NULL);
	assert_int_equal(sk_tree_halt(&task), 0);
	assert_int_not_equal(state_of(bystander), 'T');
	assert_int_not_equal(sk_tree_signal(&task, SIGCONT), 0);
	for (int i = 0; i < PATIENCE && state_of(pid) == 'T'; i++)
		usleep(2000);
	assert_int_not_equal(state_of(pid), 'T');
	proc_end(bystander);
	assert_true(halts(&task)); /* it cannot fork any more */
	assert_int_not_equal(sk_tree_signal(&task, SIGKILL), 0);
	reap_all();
}

/* Its child does not come to its exec. By the kernel's own call: a sanitizer makes a fork of vfork,
 * for which nobody waits. */
static int
wait_in_vfork(void *arg)
{
	(void)arg;
	setsid();
	if (syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0) == 0)
		for (;;)
			pause();
	return 5;
}

static void
who_waits_in_vfork_for_a_stopped_child_stands_still(void **state)
{
	pid_t pid = proc_fork(wait_in_vfork, NULL);
	struct sk_tree t = { .session = pid };

	(void)state;
	for (int i = 0; i < PATIENCE && state_of(pid) != 'D'; i++)
		usleep(2000);
	assert_int_equal(state_of(pid), 'D');
	assert_int_equal(sk_tree_halt(&t), 2);
	assert_true(halts(&t));
	assert_int_equal(state_of(pid), 'D');
	assert_int_equal(sk_tree_signal(&t, SIGKILL), 2);
	reap_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_marked_process_is_found_and_killed_and_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(the_marks_of_a_process_can_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
			all_tasks_of_a_run_are_found_without_a_task_id, setup, teardown),
		cmocka_unit_test_setup_teardown(
			descendants_without_marks_or_session_belong_to_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_daemon_that_kept_its_environment_is_found_after_its_parents_went, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_in_the_midst_of_an_exec_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_session_tells_whose_it_is_where_no_mark_does, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_stopped_tree_of_fifty_that_ignores_sigterm_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_name_full_of_parentheses_misleads_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(the_dead_are_not_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_spared_process_and_what_hangs_below_it_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(the_caller_is_never_counted_nor_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			strays_are_adopted_orphans_and_what_is_below_them, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_tree_that_is_halted_stands_still_until_it_is_told_to_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(
			who_waits_in_vfork_for_a_stopped_child_stands_still, setup, teardown),
	};

	snprintf(run_mark, sizeof(run_mark), "SKALDS_RUN=%016x%016x", 0x7ee7e57u, (unsigned)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
