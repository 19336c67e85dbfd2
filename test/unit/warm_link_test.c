/* warm_link_test.c - warm workers while the link dies and while everything is stopped; what the
 * state of the store may rest on: every task ends once, whoever listens. */
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
#include <unistd.h>

#include <cmocka.h>

#define CROWD 30000
#define DEATHS 6

static const char *
fate(uint64_t k)
{
	return k % 499 == 0 ? "crash" : k % 997 == 0 ? "sleep 0.05" : "";
}

/* An end is taken note of first and acknowledged then, as a store does it: a life that dies in
 * between leaves it to the next one. */
static void
note(struct lk *l, const struct lk_frame *f)
{
	bool ended = f->type == SK_F_EXITED ||
		(f->type == SK_F_TASK && f->rep.state == SK_T_ENDED && (f->number & 1) == 0);

	if (!ended)
		return;
	lk_must(l, f->rep.reason == (f->key % 499 == 0 ? SK_REASON_SIGNALED : SK_REASON_EXITED));
	if (atomic_exchange(&book->ended[f->key], 1) == 0)
		atomic_fetch_add(&book->next, 1);
	lk_send(l, SK_F_FORGET, f->key, f->attempt, NULL);
}

/* Every life but the last dies in the midst of it. What the supervisor knew when a life began is in
 * the log of that life; the rest was lost with the link and is sent again. */
static void
mortal(struct lk *l, void *arg)
{
	uint64_t sent = 0, until = (l->life + 1) * CROWD / (DEATHS + 1);
	static bool known[CROWD + 1];

	(void)arg;
	for (size_t i = 0; i < l->n; i++)
		if (l->log[i].type == SK_F_TASK)
			known[l->log[i].key] = true;
	for (size_t i = 0; i < l->n; i++)
		note(l, &l->log[i]);
	l->ack = false;
	l->on_frame = note;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	while (sent < CROWD || atomic_load(&book->next) < CROWD) {
		for (int n = 0; sent < CROWD && n < 200; n++) {
			sent++;
			if (!known[sent] && atomic_load(&book->ended[sent]) == 0)
				act(l, sent, fate(sent));
		}
		if (l->life < DEATHS && atomic_load(&book->next) >= until)
			kill(getpid(), SIGKILL);
		lk_take(l, sent < CROWD ? 0 : 1000);
		lk_must(l, !l->gone);
	}
	for (uint64_t k = 1; k <= CROWD; k++)
		lk_must(l, atomic_load(&book->ran[k]) == 1 && atomic_load(&book->ended[k]) == 1);
	lk_must(l, l->life == DEATHS);
}

static void
every_task_ends_once_though_the_link_dies_again_and_again(void **state)
{
	(void)state;
	warm_holds_twice(mortal);
}

/* ---- what a new link is told ---- */

static void
told(struct lk *l, void *arg)
{
	const struct lk_frame *f;

	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	if (l->life == 0) {
		l->ack = false;
		act(l, 1, "");
		lk_await(l, SK_F_EXITED, 1, 1);
		lk_must(l, lk_find(l, SK_F_STARTED, 1, 1) == NULL); /* it was over so soon */
		act(l, 2, "sleep 0.7");
		lk_await(l, SK_F_STARTED, 2, 1);
		act(l, 3, "");
		lk_take(l, 20);
		kill(getpid(), SIGKILL);
	}
	f = lk_find(l, SK_F_TASK, 1, 1); /* neither its start nor its end was taken note of */
	lk_must(l, f != NULL && f->number == 0 && f->rep.state == SK_T_ENDED);
	lk_must(l, f->rep.start_boot_ms > 0 && f->rep.end_boot_ms >= f->rep.start_boot_ms);
	f = lk_find(l, SK_F_TASK, 2, 1);
	lk_must(l, f != NULL && f->rep.state == SK_T_RUNNING);
	lk_must(l, f->rep.pid == atomic_load(&book->pid[2]) && f->rep.start_boot_ms > 0);
	f = lk_find(l, SK_F_TASK, 3, 1);
	lk_must(l, f != NULL && f->rep.state == SK_T_QUEUED && f->rep.start_boot_ms == 0);
	act_ends(l, 2, SK_REASON_EXITED, 0);
	act_ends(l, 3, SK_REASON_EXITED, 0);
}

static void
a_new_link_is_told_what_ended_what_runs_and_what_waits(void **state)
{
	(void)state;
	warm_holds_twice(told);
}

/* ---- everything is stopped ---- */

static void
drained(struct lk *l, void *arg)
{
	int ended = 0;

	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	for (uint64_t k = 1; k <= 3000; k++)
		act(l, k, k == 50 || k == 51 ? "sleep 100" : k == 60 ? "busy 200" : "");
	lk_await(l, SK_F_EXITED, 40, 1);
	kill(l->supervisor, SIGTERM);
	for (uint64_t k = 1; k <= 3000; k++) {
		const struct sk_task_report *r = &act_end(l, k)->rep;

		if (r->reason == SK_REASON_EXITED)
			lk_must(l, r->code == 0 && atomic_load(&book->ran[k]) == 1);
		else
			lk_must(l,
				r->reason == SK_REASON_INTERRUPTED &&
					atomic_load(&book->ran[k]) == (r->start_boot_ms > 0));
		ended += lk_count(l, SK_F_EXITED, k) == 1;
	}
	lk_must(l, ended == 3000 && lk_find(l, SK_F_SIGNAL, 0, 0)->number == SIGTERM);
}

static void
a_signal_to_stop_ends_what_runs_and_interrupts_what_waits(void **state)
{
	(void)state;
	warm_holds_twice(drained);
}

/* The script ends here, and with it the run: nobody of it may stay. */
static void
leave(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	act(l, 1, "");
	act_ends(l, 1, SK_REASON_EXITED, 0);
	act_with(l, 2, 1, "sleep 100", (struct sk_start){ .class_name = "Other" });
	lk_await(l, SK_F_STARTED, 2, 1);
}

static void
nobody_survives_the_supervisor(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		warm_holds(warm_config(i == 0), leave);
		assert_true(proc_gone(atomic_load(&book->pid[1])));
		assert_true(proc_gone(atomic_load(&book->pid[2])));
	}
}

static void
shoot(struct lk *l, void *arg)
{
	leave(l, arg);
	kill(l->supervisor, SIGKILL);
	while (!l->gone)
		lk_take(l, 100);
}

static void
a_supervisor_that_is_killed_takes_its_warm_workers_along(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sk_supervisor_config cfg = warm_config(i == 0);

		book->next = 0;
		assert_int_equal(lk_run(&cfg, shoot, NULL), -SIGKILL);
		assert_true(proc_gone(atomic_load(&book->pid[1])));
		assert_true(proc_gone(atomic_load(&book->pid[2])));
		warm_holds(warm_config(false), leave); /* clears what the dead one left in the directory */
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_task_ends_once_though_the_link_dies_again_and_again),
		cmocka_unit_test(a_new_link_is_told_what_ended_what_runs_and_what_waits),
		cmocka_unit_test(a_signal_to_stop_ends_what_runs_and_interrupts_what_waits),
		cmocka_unit_test(nobody_survives_the_supervisor),
		cmocka_unit_test(a_supervisor_that_is_killed_takes_its_warm_workers_along),
	};

	return cmocka_run_group_tests(tests, warm_set_up, warm_tear_down);
}
