/* node_fault_test.c - a node whose store fails, whose attempts are given to others, whose hub or
 * supervisor dies, whose lease runs out, that shall stop. */
#include "test/unit/node_rig.h"
#include "core/base/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct nr rig;

static int
set_up(void **state)
{
	*state = &rig;
	nr_open(&rig);
	return 0;
}

static int
tear_down(void **state)
{
	rig.st.fail_writes = rig.st.fail_reads = SK_OK;
	if (rig.node != NULL)
		nr_run(&rig, rig.st.late_ms + 20);
	nr_close(*state);
	return 0;
}

static bool
is_over(struct nr *r, const void *arg)
{
	(void)arg;
	return r->over != -2;
}

static struct sk_task_report
report(const char *id, enum sk_task_state state)
{
	return (struct sk_task_report){ .id = id,
		.class_name = "Job",
		.state = state,
		.start_ms = state == SK_T_QUEUED ? 0 : sk_wall_ms(),
		.start_boot_ms = state == SK_T_QUEUED ? 0 : sk_boot_ms(),
		.end_ms = state == SK_T_ENDED ? sk_wall_ms() : 0,
		.end_boot_ms = state == SK_T_ENDED ? sk_boot_ms() : 0,
		.message = "" };
}

/* ---- a store that fails ---- */

static void
ends_are_kept_while_the_store_is_away(void **state)
{
	static const enum sk_code codes[] = { SK_EUNAVAIL, SK_ENOSPC, SK_EIO };
	struct nr *r = *state;

	nr_start(r);
	for (size_t i = 0; i < 3; i++) {
		const char *id = sk_arena_printf(r->arena, "t%zu", i);
		const struct nr_frame *f = nr_given(r, id, NULL);
		size_t before;

		r->st.fail_writes = codes[i];
		before = r->st.n_moves;
		nr_exited(r, f, SK_REASON_EXITED, 0);
		nr_run(r, 350);
		assert_int_equal(nr_count(r, SK_F_FORGET, id), 0);
		assert_in_range(r->st.n_moves - before, 2, 4); /* it tries again, slower each time */
		r->st.fail_writes = SK_OK;
		nr_phase(r, id, SK_FINISHED);
		nr_await(r, SK_F_FORGET, id);
		nr_run(r, 20);
		assert_int_equal(nr_count_events(r, SK_EVENT_FINISHED, id), 1);
	}
}

static void
a_write_of_unknown_outcome_is_read_again(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	r->st.fail_writes = SK_EUNAVAIL;
	r->st.applied = true; /* it was stored, only nobody said so */
	nr_exited(r, f, SK_REASON_EXITED, 4);
	nr_run(r, 50);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_CREATED);
	assert_int_equal(nr_count(r, SK_F_FORGET, "a"), 0);
	r->st.fail_writes = SK_OK;
	nr_await(r, SK_F_FORGET, "a");
	nr_await_event(r, SK_EVENT_RETRYING, "a");
	assert_int_equal(nr_get(r, "a")->life.failures, 1); /* once */
	assert_int_equal(nr_count_events(r, SK_EVENT_RETRYING, "a"), 1);
}

static void
a_running_of_unknown_outcome_too(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	r->st.fail_writes = SK_EUNAVAIL;
	r->st.applied = true;
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	r->st.fail_writes = SK_OK;
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_phase(r, "a", SK_FINISHED);
	nr_await(r, SK_F_FORGET, "a");
}

static void
assignments_are_read_when_the_store_is_back(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_task(r, "a", NULL);
	r->st.fail_reads = SK_EUNAVAIL;
	nr_assign(r, "a");
	nr_run(r, 300);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	r->st.fail_reads = SK_OK;
	nr_await(r, SK_F_START, "a");
	nr_run(r, 250);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 1);
}

static void
reads_that_work_do_not_hurry_writes_that_fail(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	size_t before;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	r->st.fail_writes = SK_ENOSPC;
	before = r->st.n_moves;
	nr_exited(r, f, SK_REASON_EXITED, 0);
	for (int i = 0; i < 40; i++) {
		nr_assign(r, "nobody"); /* a read */
		nr_run(r, 10);
	}
	assert_in_range(r->st.n_moves - before, 2, 4);
}

/* ---- attempts that are not ours any more ---- */

static void
given_to_another(struct sk_record *rec)
{
	rec->life.attempt = 2;
	snprintf(rec->life.executor, sizeof(rec->life.executor), "n2");
}
static void
given_to_us_again(struct sk_record *rec)
{
	rec->life.attempt = 2;
	rec->life.phase = SK_ASSIGNING;
}

static void
a_fenced_attempt_is_killed_and_stores_nothing(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f, *stop;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	nr_change(r, "a", SK_SET_LIFE, given_to_another);
	stop = nr_await(r, SK_F_STOP, "a");
	assert_int_equal(stop->number, SK_REASON_LOST);
	assert_int_equal(stop->grace_ms, 0); /* another copy may run */
	nr_exited(r, f, SK_REASON_LOST, 137);
	nr_await(r, SK_F_FORGET, "a");
	nr_run(r, 100);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_RUNNING); /* of the other one */
	assert_int_equal(nr_count_events(r, SK_EVENT_LOST, "a"), 0);
}

static void
an_end_of_a_fenced_attempt_is_refused(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	struct sk_node_numbers num;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_change(r, "a", SK_SET_LIFE, given_to_another);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_await(r, SK_F_FORGET, "a");
	nr_run(r, 50);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_ASSIGNING);
	assert_int_equal(nr_get(r, "a")->life.attempt, 2);
	assert_int_equal(nr_count_events(r, SK_EVENT_FINISHED, "a"), 0);
	sk_node_numbers(r->node, &num);
	assert_int_equal(num.stale, 1);
	assert_int_equal(num.tasks, 0);
}

static void
the_next_attempt_starts_when_the_last_one_is_gone(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_run(r, 50);
	nr_change(r, "a", SK_SET_LIFE, given_to_us_again);
	nr_assign(r, "a");
	nr_await(r, SK_F_STOP, "a");
	nr_run(r, 250);
	assert_int_equal(nr_count(r, SK_F_START, "a"), 1); /* the old one still runs */
	nr_exited(r, f, SK_REASON_LOST, 137);
	nr_await(r, SK_F_FORGET, "a");
	f = nr_await(r, SK_F_START, "a");
	assert_int_equal(f->attempt, 2);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_phase(r, "a", SK_FINISHED);
}

static void
a_retry_on_the_same_node_is_a_new_attempt(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	for (uint32_t attempt = 1; attempt <= 3; attempt++) {
		if (attempt == 1)
			f = nr_given(r, "a", NULL);
		else {
			f = nr_await(r, SK_F_START, "a");
			assert_int_equal(f->attempt, attempt);
		}
		nr_exited(r, f, SK_REASON_EXITED, 1);
		nr_await(r, SK_F_FORGET, "a");
		if (attempt == 3)
			break;
		nr_want(r, "a", SK_LIFE_ASSIGN); /* the dispatcher's, here */
		nr_assign(r, "a");
	}
	assert_int_equal(nr_phase(r, "a", SK_FAILED)->life.failures, 3);
	assert_int_equal(nr_attempts(r, "a")->n, 3);
}

static void
a_task_that_vanished_is_stopped(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	nr_remove(r, "a");
	assert_int_equal(nr_await(r, SK_F_STOP, "a")->number, SK_REASON_LOST);
	nr_exited(r, f, SK_REASON_LOST, 137);
	nr_await(r, SK_F_FORGET, "a");
}

/* ---- events that are lost, doubled, late ---- */

static void
an_assignment_without_an_event_is_found_in_the_store(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_task(r, "a", NULL);
	nr_await(r, SK_F_START, "a");
	nr_run(r, 450);
	assert_int_equal(nr_count(r, SK_F_START, "a"), 1);
}

static void
a_late_event_starts_nothing_twice(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_assign(r, "a");
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_assign(r, "a");
	nr_phase(r, "a", SK_FINISHED);
	nr_assign(r, "a");
	nr_run(r, 50);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 1);
}

/* The store answers in any order: what was read before the end comes behind it. */
static void
a_late_answer_starts_nothing_twice(void **state)
{
	struct nr *r = *state;

	r->cfg.reconcile_ms = 20;
	nr_start(r);
	for (int i = 0; i < 40; i++) {
		const char *id = sk_arena_printf(r->arena, "t%d", i);
		const struct nr_frame *f = nr_given(r, id, NULL);

		r->st.late_ms = 60;
		for (int k = 0; k < 5; k++) {
			nr_assign(r, id);
			nr_run(r, 2);
		}
		r->st.late_ms = 0;
		nr_exited(r, f, SK_REASON_EXITED, 0);
		nr_await(r, SK_F_FORGET, id);
		nr_run(r, 60);
		assert_int_equal(nr_count(r, SK_F_START, id), 1);
	}
}

static void
is_running(struct sk_record *rec)
{
	rec->life.phase = SK_RUNNING;
}

static void
a_running_task_that_nobody_has_was_lost(void **state)
{
	struct nr *r = *state;
	const struct sk_record *rec;

	nr_start(r);
	nr_task_with(r, "a", NULL, is_running);
	rec = nr_phase(r, "a", SK_CREATED);
	assert_int_equal(rec->life.failures, 1);
	assert_int_equal(rec->exit.reason, SK_REASON_LOST);
	nr_await_event(r, SK_EVENT_LOST, "a");
	nr_await_event(r, SK_EVENT_RETRYING, "a");
}

/* ---- the hub dies ---- */

static void
a_new_hub_finds_what_runs(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	struct sk_task_report rep = report("a", SK_T_RUNNING);

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	nr_reborn(r);
	nr_hello(r);
	nr_known(r, f->key, 1, 0, &rep);
	nr_told(r);
	nr_run(r, 250);
	assert_int_equal(nr_count(r, SK_F_START, NULL) + nr_count(r, SK_F_STOP, NULL), 0);
	nr_exited(r, f, SK_REASON_EXITED, 9);
	assert_int_equal(nr_phase(r, "a", SK_CREATED)->exit.code, 9);
	nr_await(r, SK_F_FORGET, NULL);
}

static void
a_start_and_an_end_that_the_old_hub_did_not_store_are_stored(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f, *g;
	struct sk_task_report a = report("a", SK_T_RUNNING), b = report("b", SK_T_ENDED);

	nr_start(r);
	f = nr_given(r, "a", NULL);
	g = nr_given(r, "b", NULL);
	b.code = 3;
	nr_reborn(r);
	nr_hello(r);
	nr_known(r, f->key, 1, 0, &a);
	nr_known(r, g->key, 1, 0, &b);
	nr_told(r);
	nr_phase(r, "a", SK_RUNNING);
	assert_int_equal(nr_phase(r, "b", SK_CREATED)->exit.code, 3);
	nr_await(r, SK_F_FORGET, NULL);
	nr_run(r, 20);
	assert_int_equal(nr_count(r, SK_F_FORGET, NULL), 1);
}

static void
an_end_that_the_old_hub_did_store_is_only_forgotten(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	struct sk_task_report rep;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_exited(r, f, SK_REASON_EXITED, 1);
	nr_phase(r, "a", SK_CREATED);
	rep = report("a", SK_T_ENDED);
	rep.code = 1;
	nr_reborn(r); /* between the commit and its word to the supervisor */
	nr_hello(r);
	nr_known(r, f->key, 1, 0, &rep);
	nr_told(r);
	nr_await(r, SK_F_FORGET, NULL);
	nr_run(r, 50);
	assert_int_equal(nr_get(r, "a")->life.failures, 1);
	assert_int_equal(nr_attempts(r, "a")->n, 1);
}

static void
outcomes_that_were_settled_are_forgotten(void **state)
{
	struct nr *r = *state;
	struct sk_task_report rep = report("old", SK_T_ENDED);

	nr_hello(r);
	nr_known(r, 4711, 1, 1 | 2, &rep);
	nr_told(r);
	assert_int_equal(nr_await(r, SK_F_FORGET, NULL)->key, 4711);
}

static void
what_the_supervisor_has_and_the_store_not_is_stopped(void **state)
{
	struct nr *r = *state;
	struct sk_task_report rep = report("stranger", SK_T_RUNNING);

	nr_hello(r);
	nr_known(r, 4711, 1, 0, &rep);
	nr_told(r);
	assert_int_equal(nr_await(r, SK_F_STOP, NULL)->number, SK_REASON_LOST);
	rep = report("stranger", SK_T_ENDED);
	rep.reason = SK_REASON_LOST;
	nr_report(r, SK_F_EXITED, 4711, 1, &rep);
	assert_int_equal(nr_await(r, SK_F_FORGET, NULL)->key, 4711);
}

static void
an_end_during_the_start_of_the_new_hub_is_not_lost(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	struct sk_task_report rep = report("a", SK_T_RUNNING);

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	nr_reborn(r);
	r->st.fail_reads = SK_EUNAVAIL; /* and the store is not there yet */
	nr_hello(r);
	nr_known(r, f->key, 1, 0, &rep);
	nr_told(r);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_run(r, 100);
	r->st.fail_reads = SK_OK;
	nr_phase(r, "a", SK_FINISHED);
	nr_await(r, SK_F_FORGET, NULL);
}

static void
paused(struct sk_record *rec)
{
	rec->life.phase = SK_PAUSED;
	rec->life.wanted = SK_WANT_PAUSE;
}

static void
a_paused_task_stays_paused_across_the_hubs_death(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	struct sk_task_report rep = report("a", SK_T_PAUSED);

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	nr_reborn(r);
	nr_change(r, "a", SK_SET_LIFE, paused);
	nr_hello(r);
	nr_known(r, f->key, 1, 2, &rep);
	nr_told(r);
	nr_run(r, 250);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_PAUSED);
	assert_int_equal(nr_count(r, SK_F_PAUSE, NULL) + nr_count(r, SK_F_RESUME, NULL), 0);
}

/* ---- the end ---- */

static void
say_signal(struct nr *r, int sig)
{
	struct sk_str p = SK_STR_INIT;

	sk_put_u32(&p, (uint32_t)sig);
	nr_say(r, SK_F_SIGNAL, 0, 0, &p);
	sk_str_release(&p);
}

static void
a_signal_drains_everything_is_handed_back(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	say_signal(r, SIGTERM);
	nr_run(r, 50);
	assert_int_equal(r->signaled, SIGTERM);
	nr_task(r, "late", NULL); /* given on the way */
	nr_assign(r, "late");
	assert_int_equal(nr_phase(r, "late", SK_CREATED)->life.failures, 0);
	assert_int_equal(r->over, -2);
	nr_exited(r, f, SK_REASON_INTERRUPTED, 143);
	assert_true(nr_until(r, is_over, NULL));
	assert_int_equal(r->over, 0);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_CREATED);
	assert_int_equal(nr_get(r, "a")->life.failures, 0);
	assert_int_equal(nr_get(r, "a")->exit.reason, SK_REASON_INTERRUPTED);
	assert_int_equal(nr_count(r, SK_F_START, "late"), 0);
}

static void
an_assignment_that_nobody_announced_is_handed_back_too(void **state)
{
	struct nr *r = *state;

	r->cfg.reconcile_ms = 60000;
	nr_start(r);
	nr_run(r, 20);
	nr_task(r, "a", NULL);
	say_signal(r, SIGINT);
	assert_true(nr_until(r, is_over, NULL));
	assert_int_equal(nr_get(r, "a")->life.phase, SK_CREATED);
	assert_int_equal(nr_get(r, "a")->life.attempt, 1);
}

static void
asked_to_drain_it_stops_what_runs(void **state)
{
	struct nr *r = *state;
	struct sk_op_skald_list list = { .op = { .kind = SK_OP_SKALD_LIST, .arena = r->arena } };
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	sk_node_drain(r->node, 7);
	assert_int_equal(nr_await(r, SK_F_STOP, "a")->number, SK_REASON_INTERRUPTED);
	assert_int_equal(sk_store_wait(r->st.inner, r->loop, &list.op), SK_OK);
	assert_int_equal(list.skalds[0]->slots, 0); /* no room for anybody */
	assert_false(list.skalds[0]->draining); /* that is what people say */
	nr_exited(r, f, SK_REASON_INTERRUPTED, 143);
	assert_true(nr_until(r, is_over, NULL));
	assert_int_equal(r->over, 7);
	sk_node_quit(r->node, 7);
	assert_int_equal(nr_await(r, SK_F_QUIT, NULL)->number, 7);
}

static void
other_signals_are_only_told(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	say_signal(r, SIGHUP);
	nr_run(r, 100);
	assert_int_equal(r->signaled, SIGHUP);
	assert_int_equal(r->over, -2);
}

static void
when_the_supervisor_dies_its_tasks_are_lost(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f, *g;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	g = nr_given(r, "b", NULL);
	nr_exited(r, g, SK_REASON_EXITED, 0); /* its last word */
	assert_int_equal(sk_chan_flush(&r->chan, NULL), SK_OK);
	nr_task(r, "c", NULL);
	close(r->chan.fd);
	r->chan.fd = -1;
	assert_true(nr_until(r, is_over, NULL));
	assert_true(r->over < 0);
	assert_int_equal(r->signaled, 0); /* nobody shall assign any more */
	assert_int_equal(nr_get(r, "a")->exit.reason, SK_REASON_LOST);
	assert_int_equal(nr_get(r, "a")->life.failures, 1);
	assert_int_equal(nr_get(r, "b")->life.phase, SK_FINISHED);
	assert_int_equal(nr_get(r, "c")->life.phase, SK_CREATED);
	assert_int_equal(nr_get(r, "c")->life.failures, 0); /* it never began */
}

static void
a_dead_supervisor_and_a_dead_store_do_not_hold_it_for_ever(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	int64_t began;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_run(r, 50);
	r->st.fail_writes = r->st.fail_reads = SK_EIO;
	began = sk_boot_ms();
	close(r->chan.fd);
	r->chan.fd = -1;
	while (r->over == -2 && sk_boot_ms() - began < 8000)
		nr_run(r, 50);
	assert_true(r->over < 0 && r->over != -2);
	assert_in_range(sk_boot_ms() - began, 4500, 6500);
}

/* ---- leases ---- */

static void
a_lease_that_runs_out_stops_what_others_may_run(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	struct sk_node_numbers num;
	int64_t began;

	r->cfg.lease_ms = 600;
	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_started(r, nr_given(r, "b", "{\"onDisconnect\":\"continue\"}"));
	nr_phase(r, "a", SK_RUNNING);
	nr_phase(r, "b", SK_RUNNING);
	nr_run(r, 900); /* longer than a lease: it is renewed */
	assert_int_equal(nr_count(r, SK_F_STOP, NULL), 0);
	r->st.fail_writes = SK_EUNAVAIL;
	began = sk_boot_ms();
	nr_await(r, SK_F_STOP, "a");
	assert_in_range(sk_boot_ms() - began, 300, 600); /* before L after the last renewal */
	sk_node_numbers(r->node, &num);
	assert_true(num.cut_off);
	assert_int_equal(nr_count(r, SK_F_STOP, "b"), 0);
	nr_exited(r, f, SK_REASON_INTERRUPTED, 143);
	r->st.fail_writes = SK_OK;
	assert_int_equal(nr_phase(r, "a", SK_CREATED)->life.failures, 0); /* not its failure */
	nr_run(r, 300);
	sk_node_numbers(r->node, &num);
	assert_false(num.cut_off);
	nr_given(r, "c", NULL); /* and it goes on */
}

static void
a_renewal_whose_answer_is_late_counts_from_its_sending(void **state)
{
	struct nr *r = *state;
	int64_t began;

	r->cfg.lease_ms = 600;
	nr_start(r);
	nr_started(r, nr_given(r, "a", NULL));
	r->st.fail_writes = SK_EUNAVAIL;
	r->st.applied = true; /* renewed, but nobody can know */
	began = sk_boot_ms();
	nr_await(r, SK_F_STOP, "a");
	assert_in_range(sk_boot_ms() - began, 100, 600);
}

static void
the_only_one_there_can_be_goes_on(void **state)
{
	struct nr *r = *state;

	r->cfg.lease_ms = 600;
	r->cfg.sole = true;
	nr_start(r);
	nr_started(r, nr_given(r, "a", NULL));
	r->st.fail_writes = SK_ENOSPC;
	nr_run(r, 50);
	r->n_events = 0;
	nr_run(r, 1200);
	assert_int_equal(nr_count(r, SK_F_STOP, NULL), 0);
	/* and says that it lives, which its row cannot say now */
	assert_in_range(nr_count_events(r, SK_EVENT_SKALD, ""), 3, 20);
}

static void
put_row(struct nr *r, uint64_t incarnation, int64_t start_ms)
{
	const struct sk_skald row = {
		.id = "n1", .incarnation = incarnation, .renewals = 1, .start_ms = start_ms
	};
	struct sk_op_skald_put put = {
		.op = { .kind = SK_OP_SKALD_PUT, .arena = r->arena }, .skald = &row, .take = true
	};

	assert_int_equal(sk_store_wait(r->st.inner, r->loop, &put.op), SK_OK);
}

static void
who_was_started_later_is_the_one_that_counts(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	r->cfg.lease_ms = 600;
	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	put_row(r, 4711, sk_wall_ms() + 1000);
	assert_int_equal(nr_await(r, SK_F_STOP, "a")->number, SK_REASON_INTERRUPTED);
	nr_exited(r, f, SK_REASON_INTERRUPTED, 143);
	assert_true(nr_until(r, is_over, NULL));
	assert_int_equal(r->over, 1);
}

static void
an_older_incarnation_is_replaced(void **state)
{
	struct nr *r = *state;

	put_row(r, 4711, sk_wall_ms() - 100000);
	nr_start(r);
	nr_given(r, "a", NULL);
}

static void
the_holder_of_the_lock_replaces_even_a_younger_one(void **state)
{
	struct nr *r = *state;

	r->cfg.sole = true;
	put_row(r, 4711, sk_wall_ms() + 100000); /* the clock was set back since */
	nr_start(r);
	nr_given(r, "a", NULL);
}

/* ---- output ---- */

static void
a_bad_end_keeps_the_last_of_its_output(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	const struct sk_op_attempts *kept;
	char dir[] = "/tmp/skalds-node-XXXXXX", path[200];
	FILE *log;

	assert_non_null(mkdtemp(dir));
	r->cfg.data_dir = dir;
	nr_start(r);
	f = nr_given(r, "a", NULL);
	snprintf(path, sizeof(path), "%s/logs", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/logs/a", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/logs/a/1.log", dir);
	log = fopen(path, "w");
	assert_non_null(log);
	for (int i = 0; i < 20000; i++)
		fprintf(log, "line %06d\n", i);
	assert_int_equal(fclose(log), 0);
	nr_exited(r, f, SK_REASON_EXITED, 1);
	nr_phase(r, "a", SK_CREATED);
	kept = nr_attempts(r, "a");
	assert_int_equal(kept->n, 1);
	assert_int_equal(kept->attempts[0].tail_len, SK_TAIL_MAX);
	assert_memory_equal(kept->attempts[0].tail + SK_TAIL_MAX - 12, "line 019999\n", 12);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/logs/a", dir);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/logs", dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(ends_are_kept_while_the_store_is_away),
		T(a_write_of_unknown_outcome_is_read_again),
		T(a_running_of_unknown_outcome_too),
		T(assignments_are_read_when_the_store_is_back),
		T(reads_that_work_do_not_hurry_writes_that_fail),
		T(a_fenced_attempt_is_killed_and_stores_nothing),
		T(an_end_of_a_fenced_attempt_is_refused),
		T(the_next_attempt_starts_when_the_last_one_is_gone),
		T(a_retry_on_the_same_node_is_a_new_attempt),
		T(a_task_that_vanished_is_stopped),
		T(an_assignment_without_an_event_is_found_in_the_store),
		T(a_late_event_starts_nothing_twice),
		T(a_late_answer_starts_nothing_twice),
		T(a_running_task_that_nobody_has_was_lost),
		T(a_new_hub_finds_what_runs),
		T(a_start_and_an_end_that_the_old_hub_did_not_store_are_stored),
		T(an_end_that_the_old_hub_did_store_is_only_forgotten),
		T(outcomes_that_were_settled_are_forgotten),
		T(what_the_supervisor_has_and_the_store_not_is_stopped),
		T(an_end_during_the_start_of_the_new_hub_is_not_lost),
		T(a_paused_task_stays_paused_across_the_hubs_death),
		T(a_signal_drains_everything_is_handed_back),
		T(an_assignment_that_nobody_announced_is_handed_back_too),
		T(asked_to_drain_it_stops_what_runs),
		T(other_signals_are_only_told),
		T(when_the_supervisor_dies_its_tasks_are_lost),
		T(a_dead_supervisor_and_a_dead_store_do_not_hold_it_for_ever),
		T(a_lease_that_runs_out_stops_what_others_may_run),
		T(a_renewal_whose_answer_is_late_counts_from_its_sending),
		T(the_only_one_there_can_be_goes_on),
		T(who_was_started_later_is_the_one_that_counts),
		T(an_older_incarnation_is_replaced),
		T(the_holder_of_the_lock_replaces_even_a_younger_one),
		T(a_bad_end_keeps_the_last_of_its_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
