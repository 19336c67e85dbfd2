/* freeze_test.c - pause and resume: whole trees stand still, with and without cgroups, and obey
 * when they are stopped. */
#include "test/unit/warm_rig.h"
#include "core/base/clock.h"
#include "test/unit/proc_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void
program(struct lk *l, uint64_t key, const char *script, struct sk_start st)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };

	st.class_name = "Exec";
	st.program = true;
	st.argv = argv;
	lk_start(l, key, 1, &st);
}

static long long
size_of(const char *name)
{
	struct stat st;

	return stat(proc_path("%s", name), &st) == 0 ? (long long)st.st_size : 0;
}

/* Wait without looking at frames. */
static void
rest_ms(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static bool
grows(const char *name, int ms)
{
	long long before = size_of(name);

	for (int64_t until = sk_boot_ms() + ms; sk_boot_ms() < until; rest_ms(5))
		if (size_of(name) != before)
			return true;
	return false;
}

static void
pause_task(struct lk *l, uint64_t key)
{
	lk_send(l, SK_F_PAUSE, key, 1, NULL);
	lk_must(l, lk_await(l, SK_F_PAUSED, key, 1)->number == 1);
}

static void
resume_task(struct lk *l, uint64_t key)
{
	lk_send(l, SK_F_RESUME, key, 1, NULL);
	lk_must(l, lk_await(l, SK_F_RESUMED, key, 1)->number == 1);
}

/* ---- trees ---- */

/* A shell, a child, one in a session of its own, one that forks without end: all write. */
#define TREE \
	"w() { while :; do echo $1 >>%s; sleep 0.01; done; }; w a & setsid sh -c 'while :; do echo b " \
	">>%s; sleep 0.01; done' & while :; do sh -c 'echo c >>%s'; done"

static void
tree(struct lk *l, void *arg)
{
	char script[2048];
	const char *a = proc_path("a"), *b = proc_path("b"), *c = proc_path("c");

	(void)arg;
	unlink(a);
	unlink(b);
	unlink(c);
	snprintf(script, sizeof(script), TREE, a, b, c);
	program(l, 1, script, (struct sk_start){ .grace_ms = 100 });
	lk_await(l, SK_F_STARTED, 1, 1);
	for (int i = 0; i < 3; i++) {
		lk_must(l, grows("a", 5000) && grows("b", 5000) && grows("c", 5000));
		pause_task(l, 1);
		lk_must(l, !grows("a", 150) && !grows("b", 50) && !grows("c", 50));
		resume_task(l, 1);
		lk_clear(l);
	}
	lk_must(l, grows("a", 5000) && grows("b", 5000) && grows("c", 5000));
	pause_task(l, 1);
	lk_stop(l, 1, 1, SK_REASON_CANCELLED, 100);
	lk_must(l, act_end(l, 1)->rep.reason == SK_REASON_CANCELLED);
	lk_must(l, !grows("a", 100) && !grows("b", 50) && !grows("c", 50));
}

static void
nothing_of_a_paused_tree_runs_and_all_of_it_goes_on(void **state)
{
	(void)state;
	warm_holds_twice(tree);
}

/* ---- stops of what is paused ---- */

static void
obeys(struct lk *l, void *arg)
{
	int64_t from;

	(void)arg;
	program(l, 1, "trap 'echo bye; exit 7' TERM; while :; do sleep 0.02; done",
		(struct sk_start){ .id = NULL });
	program(l, 2, "trap '' TERM; while :; do sleep 0.02; done", (struct sk_start){ .id = NULL });
	lk_await(l, SK_F_STARTED, 1, 1);
	lk_await(l, SK_F_STARTED, 2, 1);
	rest_ms(100);
	pause_task(l, 1);
	pause_task(l, 2);
	from = sk_boot_ms();
	lk_stop(l, 1, 1, SK_REASON_CANCELLED, 5000);
	act_ends(l, 1, SK_REASON_CANCELLED, 7); /* it ran again, and cleaned up */
	lk_must(l, sk_boot_ms() - from < 2000);
	from = sk_boot_ms();
	lk_stop(l, 2, 1, SK_REASON_CANCELLED, 200);
	act_ends(l, 2, SK_REASON_CANCELLED, 128 + SIGKILL);
	lk_must(l, sk_boot_ms() - from >= 195 && sk_boot_ms() - from < 2000);
}

static void
a_paused_task_that_is_stopped_runs_so_that_it_can_obey(void **state)
{
	(void)state;
	warm_holds_twice(obeys);
}

static void
shot(struct lk *l, void *arg)
{
	const struct sk_task_report *r;

	(void)arg;
	program(l, 1, "sleep 1000 & sleep 1000", (struct sk_start){ .id = NULL });
	program(l, 2, "sleep 1000", (struct sk_start){ .id = NULL });
	lk_await(l, SK_F_STARTED, 2, 1);
	pause_task(l, 1);
	pause_task(l, 2);
	kill((pid_t)lk_find(l, SK_F_STARTED, 1, 1)->rep.pid, SIGKILL); /* by somebody else */
	r = &act_end(l, 1)->rep;
	lk_must(l, r->reason == SK_REASON_SIGNALED && r->signal == SIGKILL);
	kill(l->supervisor, SIGTERM);
	kill(l->supervisor, SIGTERM); /* the second kills at once */
	lk_must(l, act_end(l, 2)->rep.reason == SK_REASON_INTERRUPTED);
}

static void
sigkill_reaches_who_stands_still(void **state)
{
	(void)state;
	warm_holds_twice(shot);
}

/* The next task in the same group must not be born frozen. */
static void
groups(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	for (uint64_t k = 1; k <= 20; k++) {
		program(l, k, k % 2 == 0 ? "exit 3" : "sleep 1000", (struct sk_start){ .id = NULL });
		if (k % 2 == 1) {
			lk_await(l, SK_F_STARTED, k, 1);
			pause_task(l, k);
			kill((pid_t)lk_find(l, SK_F_STARTED, k, 1)->rep.pid, SIGKILL);
		}
		act_ends(l, k, k % 2 == 0 ? SK_REASON_EXITED : SK_REASON_SIGNALED, k % 2 == 0 ? 3 : 137);
	}
}

static void
a_group_that_was_frozen_is_no_trap_for_the_next_task(void **state)
{
	(void)state;
	warm_holds_twice(groups);
}

/* ---- time ---- */

static void
clock_stands(struct lk *l, void *arg)
{
	const struct sk_task_report *r;

	(void)arg;
	program(l, 1, "sleep 1000", (struct sk_start){ .timeout_ms = 400 });
	lk_await(l, SK_F_STARTED, 1, 1);
	rest_ms(200);
	pause_task(l, 1);
	rest_ms(600); /* beyond the timeout, by the clock on the wall */
	lk_take(l, 0);
	lk_must(l, lk_find(l, SK_F_EXITED, 1, 1) == NULL);
	resume_task(l, 1);
	act_ends(l, 1, SK_REASON_TIMEOUT, 128 + SIGTERM);
	r = &act_end(l, 1)->rep;
	lk_must(l, r->end_boot_ms - r->start_boot_ms >= 990);
	lk_must(l, r->end_boot_ms - r->start_boot_ms < 1800);
}

static void
the_timeout_does_not_run_while_the_task_does_not(void **state)
{
	(void)state;
	warm_holds_twice(clock_stands);
}

/* ---- odd moments ---- */

static void
odd(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	program(l, 1, "sleep 0.3", (struct sk_start){ .id = NULL });
	program(l, 2, "exit 4", (struct sk_start){ .id = NULL });
	program(l, 3, "exit 5", (struct sk_start){ .id = NULL });
	program(l, 4, "exit 6", (struct sk_start){ .id = NULL });
	pause_task(l, 2); /* it waits for the slot */
	pause_task(l, 3);
	pause_task(l, 3); /* twice is once */
	act_ends(l, 1, SK_REASON_EXITED, 0);
	act_ends(l, 4, SK_REASON_EXITED, 6);
	rest_ms(50);
	lk_take(l, 0);
	lk_must(l, lk_find(l, SK_F_EXITED, 2, 1) == NULL && lk_find(l, SK_F_STARTED, 2, 1) == NULL);
	resume_task(l, 2);
	act_ends(l, 2, SK_REASON_EXITED, 4);
	lk_stop(l, 3, 1, SK_REASON_CANCELLED, 100);
	lk_must(l, act_end(l, 3)->rep.reason == SK_REASON_CANCELLED);
	lk_must(l, act_end(l, 3)->rep.start_boot_ms == 0);

	program(l, 5, "trap '' TERM; sleep 1000", (struct sk_start){ .grace_ms = 300 });
	lk_await(l, SK_F_STARTED, 5, 1);
	resume_task(l, 5); /* it is not paused: fine */
	lk_stop(l, 5, 1, SK_REASON_CANCELLED, 300);
	lk_send(l, SK_F_PAUSE, 5, 1, NULL);
	lk_must(l, lk_await(l, SK_F_PAUSED, 5, 1)->number == 0); /* too late */
	lk_must(l, act_end(l, 5)->rep.reason == SK_REASON_CANCELLED);
}

static void
a_task_can_be_paused_before_it_starts_and_not_while_it_is_stopped(void **state)
{
	(void)state;
	warm_holds_twice(odd);
}

static void
reborn(struct lk *l, void *arg)
{
	const struct lk_frame *f;
	const char *a = proc_path("a");
	char script[256];

	(void)arg;
	if (l->life == 0) {
		unlink(a);
		snprintf(script, sizeof(script), "while :; do echo x >>%s; sleep 0.01; done", a);
		program(l, 1, script, (struct sk_start){ .id = NULL });
		program(l, 2, "exit 4", (struct sk_start){ .id = NULL });
		lk_number(l, SK_F_CONFIG, 0, 0, 1);
		lk_await(l, SK_F_STARTED, 1, 1);
		lk_must(l, grows("a", 5000));
		pause_task(l, 1);
		pause_task(l, 2);
		kill(getpid(), SIGKILL);
	}
	f = lk_find(l, SK_F_TASK, 1, 1);
	lk_must(l, f != NULL && f->rep.state == SK_T_PAUSED && f->rep.start_boot_ms > 0);
	f = lk_find(l, SK_F_TASK, 2, 1);
	lk_must(l, f != NULL && f->rep.state == SK_T_PAUSED && f->rep.start_boot_ms == 0);
	lk_must(l, !grows("a", 100));
	resume_task(l, 1);
	lk_must(l, grows("a", 5000));
	resume_task(l, 2);
	lk_stop(l, 1, 1, SK_REASON_CANCELLED, 1000);
	act_ends(l, 2, SK_REASON_EXITED, 4);
}

static void
a_paused_task_outlives_the_link(void **state)
{
	(void)state;
	warm_holds_twice(reborn);
}

/* ---- warm workers ---- */

static void
warm(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	for (uint64_t k = 101; k <= 200; k++)
		act(l, k, "");
	act_ends(l, 200, SK_REASON_EXITED, 0);
	act(l, 1, "sleep 0.3");
	for (uint64_t k = 2; k <= 50; k++)
		act(l, k, "");
	lk_await(l, SK_F_STARTED, 1, 1);
	pause_task(l, 1);
	for (uint64_t k = 2; k <= 50; k++) /* they were not caught behind it */
		act_ends(l, k, SK_REASON_EXITED, 0);
	rest_ms(500);
	lk_take(l, 0);
	lk_must(l, lk_find(l, SK_F_EXITED, 1, 1) == NULL);
	resume_task(l, 1);
	act_ends(l, 1, SK_REASON_EXITED, 0);
	act(l, 60, "sleep 100");
	lk_await(l, SK_F_STARTED, 60, 1);
	pause_task(l, 60);
	lk_stop(l, 60, 1, SK_REASON_CANCELLED, 5000);
	act_ends(l, 60, SK_REASON_CANCELLED, 128 + SIGTERM);
}

static void
a_warm_task_is_paused_alone(void **state)
{
	(void)state;
	warm_holds_twice(warm);
}

static void
isolated(struct lk *l, void *arg)
{
	const char *a = proc_path("a");
	char script[256];

	(void)arg;
	unlink(a);
	snprintf(script, sizeof(script), "while :; do echo x >>%s; sleep 0.01; done", a);
	program(l, 1, script, (struct sk_start){ .isolate = true });
	lk_await(l, SK_F_STARTED, 1, 1);
	for (int i = 0; i < 2; i++) {
		lk_must(l, grows("a", 5000));
		pause_task(l, 1);
		lk_must(l, !grows("a", 100));
		resume_task(l, 1);
		lk_clear(l);
	}
	lk_stop(l, 1, 1, SK_REASON_CANCELLED, 2000);
	lk_must(l, act_end(l, 1)->rep.reason == SK_REASON_CANCELLED);
}

static void
a_program_in_a_namespace_of_its_own_is_paused_as_well(void **state)
{
	(void)state;
	PROC_ROOT_ONLY();
	warm_holds_twice(isolated);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_of_a_paused_tree_runs_and_all_of_it_goes_on),
		cmocka_unit_test(a_paused_task_that_is_stopped_runs_so_that_it_can_obey),
		cmocka_unit_test(sigkill_reaches_who_stands_still),
		cmocka_unit_test(a_group_that_was_frozen_is_no_trap_for_the_next_task),
		cmocka_unit_test(the_timeout_does_not_run_while_the_task_does_not),
		cmocka_unit_test(a_task_can_be_paused_before_it_starts_and_not_while_it_is_stopped),
		cmocka_unit_test(a_paused_task_outlives_the_link),
		cmocka_unit_test(a_warm_task_is_paused_alone),
		cmocka_unit_test(a_program_in_a_namespace_of_its_own_is_paused_as_well),
	};

	return cmocka_run_group_tests(tests, warm_set_up, warm_tear_down);
}
