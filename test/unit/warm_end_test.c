/* warm_end_test.c - how tasks of warm workers end, and that nobody else suffers for it: crashes,
 * stops, timeouts, left children, deaths of the link. */
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

static int
pid_of(uint64_t key)
{
	return atomic_load(&book->pid[key]);
}

static int
runs_of(uint64_t key)
{
	return atomic_load(&book->ran[key]);
}

/* The class is known to be short from here on: its tasks stand behind each other. */
static void
make_short(struct lk *l)
{
	for (uint64_t k = 100001; k <= 100200; k++)
		act(l, k, "");
	for (uint64_t k = 100001; k <= 100200; k++)
		act_ends(l, k, SK_REASON_EXITED, 0);
}

static bool
soon(struct lk *l, bool (*what)(uint64_t key), uint64_t key)
{
	for (int64_t until = sk_boot_ms() + 5000; !what(key); lk_take(l, 2))
		if (sk_boot_ms() > until)
			return false;
	return true;
}

static bool
has_run(uint64_t key)
{
	return runs_of(key) > 0;
}

/* ---- exact attribution ---- */

#define CROWD 6000

/* Every odd end once in a while, all in the same crowd. */
static const char *
fate(uint64_t k, enum sk_reason *reason, int32_t *code)
{
	*reason = SK_REASON_EXITED;
	*code = 0;
	if (k % 97 == 0) {
		*reason = SK_REASON_SIGNALED;
		*code = 128 + SIGSEGV;
		return "crash";
	}
	if (k % 101 == 0) {
		*code = 7;
		return "exit 7";
	}
	if (k % 103 == 0) {
		*code = 1;
		return "fail because";
	}
	if (k % 107 == 0) {
		*code = 75;
		return "again";
	}
	return k % 211 == 0 ? "exit 0" : "state";
}

static void
check_fate(struct lk *l, const struct lk_frame *f)
{
	const struct sk_task_report *r = &f->rep;
	enum sk_reason reason;
	int32_t code;

	if (f->type != SK_F_EXITED)
		return;
	fate(f->key, &reason, &code);
	if (r->reason != reason || r->code != code)
		fprintf(stderr, "task %llu: %s %d: %s\n", (unsigned long long)f->key,
			sk_reason_name(r->reason), r->code, r->message);
	lk_must(l, r->reason == reason && r->code == code);
	lk_must(l, r->signal == (reason == SK_REASON_SIGNALED ? SIGSEGV : 0));
	lk_must(l, code != 1 || strcmp(r->message, "because") == 0);
	lk_must(l, code != 0 || r->message[0] == '\0');
	lk_must(l, r->start_boot_ms > 0 && r->start_boot_ms <= r->end_boot_ms);
	lk_must(l, r->pid == pid_of(f->key));
	lk_must(l, atomic_fetch_add(&book->ended[f->key], 1) == 0);
	atomic_fetch_add(&book->next, 1);
}

static void
crowd(struct lk *l, void *arg)
{
	enum sk_reason reason;
	int32_t code;

	(void)arg;
	l->on_frame = check_fate;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	for (uint64_t k = 1; k <= CROWD; k++)
		act(l, k, fate(k, &reason, &code));
	while (atomic_load(&book->next) < CROWD && !l->gone)
		lk_take(l, 1000);
	for (uint64_t k = 1; k <= CROWD; k++)
		lk_must(l, runs_of(k) == 1 && atomic_load(&book->ended[k]) == 1);
}

static void
each_end_is_the_tasks_that_had_it_and_no_other_task_is_lost_or_run_twice(void **state)
{
	(void)state;
	warm_holds_twice(crowd);
}

static void
in_the_middle(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	make_short(l);
	for (uint64_t k = 1; k <= 40; k++)
		act(l, k, k == 20 ? "crash" : "");
	act_ends(l, 20, SK_REASON_SIGNALED, 128 + SIGSEGV);
	for (uint64_t k = 1; k <= 40; k++)
		lk_must(l, k == 20 || act_end(l, k)->rep.code == 0);
	for (uint64_t k = 1; k <= 40; k++) /* the last has run: its process is known */
		lk_must(l, runs_of(k) == 1 && pid_of(k) == pid_of(k <= 20 ? 1 : 40));
	lk_must(l, pid_of(1) != pid_of(40));
}

static void
those_behind_a_crash_run_in_a_new_process(void **state)
{
	(void)state;
	warm_holds_twice(in_the_middle);
}

static void
killed_idle(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	for (uint64_t k = 1; k <= 30; k++) {
		act(l, k, "");
		if (k % 3 == 0) /* it may be given the next one when it is dead already */
			kill(pid_of(k - 1), SIGKILL);
		lk_must(l, act_end(l, k)->rep.reason == SK_REASON_EXITED || pid_of(k) == pid_of(k - 1));
		lk_must(l, runs_of(k) <= 1);
	}
}

static void
a_worker_that_somebody_kills_takes_no_task_with_it_but_the_one_that_runs(void **state)
{
	(void)state;
	warm_holds_twice(killed_idle);
}

/* ---- left behind ---- */

static bool
child_is_gone(uint64_t key)
{
	(void)key;
	return proc_gone(atomic_load(&book->child));
}

static void
leavers(struct lk *l, void *arg)
{
	static const char *const ways[] = { "fork", "daemon" };

	(void)arg;
	for (uint64_t k = 0; k < 2; k++) {
		/* without cgroups a daemon is found when its worker is, and it may be much later */
		if (k == 1 && !warm_cgroups)
			continue;
		atomic_store(&book->child, 0);
		act(l, 10 * k + 1, "");
		act_ends(l, 10 * k + 1, SK_REASON_EXITED, 0);
		act(l, 10 * k + 2, ways[k]);
		act_ends(l, 10 * k + 2, SK_REASON_EXITED, 0);
		lk_must(l, pid_of(10 * k + 2) == pid_of(10 * k + 1));
		if (k == 0)
			lk_must(l, soon(l, child_is_gone, 0));
		act(l, 10 * k + 3, "exit 3");
		act_ends(l, 10 * k + 3, SK_REASON_EXITED, 3);
		lk_must(l, soon(l, child_is_gone, 0));
		lk_must(l, k == 1 || pid_of(3) != pid_of(1));
	}
}

static void
a_child_that_a_task_left_behind_ends_with_its_process(void **state)
{
	(void)state;
	warm_holds_twice(leavers);
}

/* What it has destroyed tells also of those before it that had just ended: they may be called lost,
 * but never run again. */
static void
wild(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	make_short(l);
	for (uint64_t k = 1; k <= 20; k++)
		act(l, k, k == 5 ? "wild" : "");
	for (uint64_t k = 1; k <= 20; k++) {
		const struct sk_task_report *r = &act_end(l, k)->rep;

		lk_must(l, runs_of(k) == 1 || r->reason == SK_REASON_LOST);
		lk_must(l, runs_of(k) <= 1 && (k != 5 || r->reason == SK_REASON_LOST || r->code != 0));
	}
	act(l, 21, "");
	act_ends(l, 21, SK_REASON_EXITED, 0);
}

static void
destroyed_shared_memory_makes_no_task_run_twice(void **state)
{
	(void)state;
	warm_holds_twice(wild);
	assert_non_null(strstr(lk_stderr(), "has destroyed the memory"));
}

/* ---- stops ---- */

static void
cancels(struct lk *l, void *arg)
{
	const struct sk_task_report *r;
	int64_t from;

	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	make_short(l);
	act(l, 1, "sleep 100");
	for (uint64_t k = 2; k <= 20; k++)
		act(l, k, ""); /* they go into its ring before anybody knows that it sleeps */
	lk_must(l, soon(l, has_run, 1));
	lk_stop(l, 3, 1, SK_REASON_CANCELLED, 1000);
	r = &act_end(l, 3)->rep;
	lk_must(l, r->reason == SK_REASON_CANCELLED && r->start_boot_ms == 0 && runs_of(3) == 0);
	lk_await(l, SK_F_STARTED, 1, 1); /* told while it runs */
	lk_stop(l, 4, 1, SK_REASON_CANCELLED, 1000);
	lk_must(l, act_end(l, 4)->rep.reason == SK_REASON_CANCELLED && runs_of(4) == 0);
	from = sk_boot_ms();
	lk_stop(l, 1, 1, SK_REASON_CANCELLED, 5000);
	act_ends(l, 1, SK_REASON_CANCELLED, 128 + SIGTERM);
	lk_must(l, sk_boot_ms() - from < 1000 && strcmp(act_end(l, 1)->rep.message, "stopped") == 0);
	for (uint64_t k = 2; k <= 20; k++)
		if (k != 3 && k != 4) {
			act_ends(l, k, SK_REASON_EXITED, 0);
			lk_must(l, runs_of(k) == 1 && pid_of(k) != pid_of(1));
		}
}

static void
a_cancel_hits_its_task_wherever_it_is(void **state)
{
	(void)state;
	warm_holds_twice(cancels);
}

/* Texts of which two do not fit into one ring. */
#define BIG 60000

/* All idle workers sleep, each gets a large task that is taken back before it awakes: their rings are
 * empty then, and the next large task finds place at once. */
static void
cancels_of_large_ones(struct lk *l, void *arg)
{
	static char text[BIG + 1];
	uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), n = cpus < 64 ? cpus : 64;

	(void)arg;
	lk_must(l, l->life == 0); /* a link that waits in vain is killed and comes again */
	memset(text, 'a', BIG);
	for (uint64_t k = 1; k <= n; k++)
		act(l, k, "sleep 0.2"); /* at once: each has a process of its own */
	for (uint64_t k = 1; k <= n; k++)
		act_ends(l, k, SK_REASON_EXITED, 0);
	for (uint64_t k = 101; k <= 200; k++) { /* known to be short, and still no more of them */
		act(l, k, "");
		act_ends(l, k, SK_REASON_EXITED, 0);
	}
	for (uint64_t k = 1; k <= n; k++)
		kill(pid_of(k), SIGSTOP);
	for (uint64_t k = 1001; k <= 1000 + n; k++)
		act(l, k, text);
	lk_take(l, 200); /* on their way */
	for (uint64_t k = 1001; k <= 1000 + n; k++)
		lk_stop(l, k, 1, SK_REASON_CANCELLED, 1000);
	for (uint64_t k = 1001; k <= 1000 + n; k++)
		lk_must(l, act_end(l, k)->rep.reason == SK_REASON_CANCELLED && runs_of(k) == 0);
	for (uint64_t k = 1; k <= n; k++)
		kill(pid_of(k), SIGCONT);
	act(l, 2001, text);
	act_ends(l, 2001, SK_REASON_EXITED, 0);
}

static void
a_large_task_that_was_taken_back_leaves_no_gap(void **state)
{
	(void)state;
	warm_holds_twice(cancels_of_large_ones);
}

#define STORM 20000

/* A cancel for every third one, right behind its start. */
static void
check_storm(struct lk *l, const struct lk_frame *f)
{
	const struct sk_task_report *r = &f->rep;

	if (f->type != SK_F_EXITED)
		return;
	if (r->reason == SK_REASON_CANCELLED) {
		lk_must(l, f->key % 3 == 0);
		lk_must(l, runs_of(f->key) == (r->start_boot_ms > 0 ? 1 : 0));
	} else
		lk_must(l, r->reason == SK_REASON_EXITED && r->code == 0 && runs_of(f->key) == 1);
	lk_must(l, atomic_fetch_add(&book->ended[f->key], 1) == 0);
	atomic_fetch_add(&book->next, 1);
}

static void
storm(struct lk *l, void *arg)
{
	(void)arg;
	l->on_frame = check_storm;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	for (uint64_t k = 1; k <= STORM; k++) {
		act(l, k, "");
		if (k % 3 == 0)
			lk_stop(l, k - k % 2 * 3, 1, SK_REASON_CANCELLED, 1000);
	}
	while (atomic_load(&book->next) < STORM && !l->gone)
		lk_take(l, 1000);
	for (uint64_t k = 1; k <= STORM; k++)
		lk_must(l, atomic_load(&book->ended[k]) == 1);
}

static void
a_storm_of_cancels_leaves_every_task_with_one_end(void **state)
{
	(void)state;
	warm_holds_twice(storm);
}

static void
timeouts(struct lk *l, void *arg)
{
	const struct sk_start quick = { .timeout_ms = 300 },
						  deaf = { .timeout_ms = 300, .grace_ms = 200 };
	const struct sk_task_report *r;

	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	make_short(l);
	act_with(l, 1, 1, "sleep 100", quick);
	act_with(l, 2, 1, "deaf", deaf);
	for (uint64_t k = 3; k <= 50; k++)
		act_with(l, k, 1, "busy 1", quick); /* none of them for long, all together for longer */
	act_ends(l, 1, SK_REASON_TIMEOUT, 128 + SIGTERM);
	r = &act_end(l, 1)->rep;
	lk_must(l, r->end_boot_ms - r->start_boot_ms >= 295 && r->end_boot_ms - r->start_boot_ms < 800);
	act_ends(l, 2, SK_REASON_TIMEOUT, 128 + SIGKILL);
	r = &act_end(l, 2)->rep;
	lk_must(l, r->end_boot_ms - r->start_boot_ms >= 495);
	for (uint64_t k = 3; k <= 50; k++)
		act_ends(l, k, SK_REASON_EXITED, 0);
}

static void
a_timeout_counts_from_the_tasks_own_start(void **state)
{
	(void)state;
	warm_holds_twice(timeouts);
}

static void
slow_head(struct lk *l, void *arg)
{
	int64_t from;

	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	make_short(l);
	from = sk_boot_ms();
	for (uint64_t k = 1; k <= 100; k++)
		act(l, k, k == 1 ? "sleep 2" : "");
	for (uint64_t k = 2; k <= 100; k++)
		act_ends(l, k, SK_REASON_EXITED, 0);
	lk_must(l, sk_boot_ms() - from < 1500); /* another worker took them */
	lk_must(l, lk_find(l, SK_F_EXITED, 1, 1) == NULL);
	act_ends(l, 1, SK_REASON_EXITED, 0);
	lk_must(l, act_end(l, 1)->rep.end_boot_ms - act_end(l, 1)->rep.start_boot_ms >= 1990);
}

static void
tasks_behind_a_slow_one_go_to_another_worker(void **state)
{
	(void)state;
	warm_holds_twice(slow_head);
}

static void
updates(struct lk *l, void *arg)
{
	struct sk_start st = { .id = NULL };
	struct sk_str p = SK_STR_INIT;

	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	act(l, 1, "update");
	act(l, 2, "");
	lk_must(l, soon(l, has_run, 1));
	for (int i = 0; i < 2; i++) {
		lk_attach(l, &st, "do", i == 0 ? "refuse" : "go");
		sk_str_clear(&p);
		sk_put_bytes(&p, st.attachments, st.attachments_len);
		sk_put_u64(&p, 5);
		lk_send(l, SK_F_UPDATE, 1, 1, &p);
	}
	lk_send(l, SK_F_UPDATE, 2, 1, &p);
	act_ends(l, 1, SK_REASON_EXITED, 0);
	lk_must(l, lk_count(l, SK_F_UPDATED, 1) == 2 && lk_find(l, SK_F_UPDATED, 1, 1)->number == 0);
	lk_must(l, strcmp(lk_find(l, SK_F_UPDATED, 1, 1)->text, "no") == 0);
	lk_must(l, lk_find(l, SK_F_UPDATED, 1, 1)[1].number == 1);
	lk_must(l, lk_find(l, SK_F_UPDATED, 2, 1)->number == 0); /* not running */
	act_ends(l, 2, SK_REASON_EXITED, 0);
	lk_must(l, pid_of(2) != pid_of(1));
}

static void
an_update_reaches_the_task_that_runs_and_ends_its_process(void **state)
{
	(void)state;
	warm_holds_twice(updates);
}

/* ---- what was given ahead of a free slot ---- */

static void
sleeper(struct lk *l, uint64_t key, const char *seconds, bool returnable)
{
	const char *argv[] = { "/bin/sleep", seconds, NULL };

	lk_start(l, key, 1,
		&(struct sk_start){
			.class_name = "Exec", .program = true, .argv = argv, .returnable = returnable });
}

static void
given_ahead(struct lk *l, void *arg)
{
	int64_t from;
	const struct lk_frame *f;

	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	sleeper(l, 1, "1000", true); /* it has its slot at once: nobody takes it back */
	lk_await(l, SK_F_STARTED, 1, 1);
	from = sk_boot_ms();
	sleeper(l, 2, "0", true);
	sleeper(l, 3, "0", false);
	f = act_end(l, 2);
	lk_must(l, f->rep.reason == SK_REASON_INTERRUPTED && f->rep.start_boot_ms == 0);
	lk_must(l, f->at_ms - from >= 990);
	while (sk_boot_ms() - from < 2500)
		lk_take(l, 100);
	lk_must(l, lk_find(l, SK_F_EXITED, 1, 1) == NULL && lk_find(l, SK_F_EXITED, 3, 1) == NULL);
	lk_stop(l, 1, 1, SK_REASON_CANCELLED, 1000);
	act_ends(l, 3, SK_REASON_EXITED, 0);
	sleeper(l, 4, "1.5", true); /* longer than it would have waited */
	act_ends(l, 4, SK_REASON_EXITED, 0);
}

/* It waits anew from when it may go on. */
static void
paused_ahead(struct lk *l, void *arg)
{
	int64_t from;

	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	sleeper(l, 1, "1000", false);
	lk_await(l, SK_F_STARTED, 1, 1);
	sleeper(l, 2, "0", true);
	lk_send(l, SK_F_PAUSE, 2, 1, NULL);
	lk_await(l, SK_F_PAUSED, 2, 1);
	from = sk_boot_ms();
	while (sk_boot_ms() - from < 1500)
		lk_take(l, 100);
	lk_must(l, lk_find(l, SK_F_EXITED, 2, 1) == NULL);
	lk_send(l, SK_F_RESUME, 2, 1, NULL);
	act_ends(l, 2, SK_REASON_INTERRUPTED, 0);
	lk_must(l, sk_boot_ms() - from >= 2490);
	lk_stop(l, 1, 1, SK_REASON_CANCELLED, 1000);
}

static void
what_was_paused_ahead_of_a_slot_is_handed_back_as_well(void **state)
{
	(void)state;
	warm_holds_twice(paused_ahead);
}

static void
what_was_given_ahead_of_a_slot_is_handed_back_after_a_second(void **state)
{
	(void)state;
	warm_holds_twice(given_ahead);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_is_the_tasks_that_had_it_and_no_other_task_is_lost_or_run_twice),
		cmocka_unit_test(those_behind_a_crash_run_in_a_new_process),
		cmocka_unit_test(a_worker_that_somebody_kills_takes_no_task_with_it_but_the_one_that_runs),
		cmocka_unit_test(a_child_that_a_task_left_behind_ends_with_its_process),
		cmocka_unit_test(destroyed_shared_memory_makes_no_task_run_twice),
		cmocka_unit_test(a_cancel_hits_its_task_wherever_it_is),
		cmocka_unit_test(a_large_task_that_was_taken_back_leaves_no_gap),
		cmocka_unit_test(a_storm_of_cancels_leaves_every_task_with_one_end),
		cmocka_unit_test(a_timeout_counts_from_the_tasks_own_start),
		cmocka_unit_test(tasks_behind_a_slow_one_go_to_another_worker),
		cmocka_unit_test(an_update_reaches_the_task_that_runs_and_ends_its_process),
		cmocka_unit_test(what_was_given_ahead_of_a_slot_is_handed_back_after_a_second),
		cmocka_unit_test(what_was_paused_ahead_of_a_slot_is_handed_back_as_well),
	};

	return cmocka_run_group_tests(tests, warm_set_up, warm_tear_down);
}
