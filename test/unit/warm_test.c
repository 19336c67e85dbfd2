/* warm_test.c - warm workers: who runs where, how long a process lives, whose output is whose. */
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

#define MANY 100000

/* ---- 100,000 ---- */

static void
count_ends(struct lk *l, const struct lk_frame *f)
{
	const struct sk_task_report *r = &f->rep;

	if (f->type != SK_F_EXITED)
		return;
	lk_must(l, f->key < BOOK_TASKS && f->attempt == 1 && r->reason == SK_REASON_EXITED);
	lk_must(l, r->code == 0 && r->signal == 0 && r->state == SK_T_ENDED);
	lk_must(l, r->start_boot_ms > 0 && r->start_boot_ms <= r->end_boot_ms);
	lk_must(l, r->end_boot_ms <= sk_boot_ms() && r->start_ms <= r->end_ms);
	lk_must(l, atomic_fetch_add(&book->ended[f->key], 1) == 0);
	atomic_fetch_add(&book->next, 1);
}

static void
many(struct lk *l, void *arg)
{
	uint64_t sent = 0;
	int pids = 0;

	(void)arg;
	l->on_frame = count_ends;
	l->forget = true;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	while (atomic_load(&book->next) < MANY) {
		while (sent < MANY && sent - atomic_load(&book->next) < 3000)
			act(l, ++sent, "");
		lk_take(l, 1000);
		lk_must(l, !l->gone);
	}
	for (uint64_t k = 1; k <= MANY; k++) {
		lk_must(l, atomic_load(&book->ran[k]) == 1 && atomic_load(&book->ended[k]) == 1);
		pids += k == 1 || atomic_load(&book->pid[k]) != atomic_load(&book->pid[k - 1]);
	}
	lk_must(l, atomic_load(&book->most) <= 2);
	fprintf(stderr, "changes of process: %d\n", pids);
}

static void
a_hundred_thousand_tasks_run_once_each(void **state)
{
	(void)state;
	warm_holds(warm_config(true), many);
}

/* ---- who runs where ---- */

static int
pid_of(uint64_t key)
{
	return atomic_load(&book->pid[key]);
}

static void
one_process(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	for (uint64_t k = 1; k <= 50; k++) {
		act(l, k, k % 2 == 0 ? "state" : "");
		act_ends(l, k, SK_REASON_EXITED, 0);
		lk_must(l, pid_of(k) == pid_of(1) && act_end(l, k)->rep.pid == pid_of(1));
	}
	lk_must(l, pid_of(1) != l->supervisor);
}

static void
tasks_one_after_another_share_a_process_and_see_zeroed_memory(void **state)
{
	(void)state;
	warm_holds_twice(one_process);
}

/* Each of these must not run in the process of task 1. */
static void
own_process(struct lk *l, void *arg)
{
	const char *env[] = { "A=b", NULL }, *marks[] = { "SKALDS_TASK_INDEX=3", NULL };

	(void)arg;
	act(l, 1, "");
	act_ends(l, 1, SK_REASON_EXITED, 0);
	act_with(l, 2, 1, "", (struct sk_start){ .class_name = "Fresh" });
	act_with(l, 3, 1, "", (struct sk_start){ .memory_mb = 64 });
	act_with(l, 4, 1, "", (struct sk_start){ .env = env });
	act_with(l, 5, 1, "", (struct sk_start){ .cwd = "/" });
	lk_start(l, 6, 1, &(struct sk_start){ .class_name = "Act" }); /* not said to be reusable */
	act_with(l, 7, 1, "", (struct sk_start){ .env = marks });
	for (uint64_t k = 2; k <= 7; k++) {
		act_ends(l, k, SK_REASON_EXITED, 0);
		lk_must(l, (pid_of(k) == pid_of(1)) == (k == 7));
	}
}

static void
what_asks_for_more_than_a_warm_worker_has_gets_its_own_process(void **state)
{
	(void)state;
	warm_holds_twice(own_process);
}

static void
in_turns(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	act(l, 1, "");
	act_ends(l, 1, SK_REASON_EXITED, 0);
	act_with(l, 2, 1, "", (struct sk_start){ .class_name = "Other" });
	act_ends(l, 2, SK_REASON_EXITED, 0);
	lk_must(l, kill(pid_of(1), 0) == 0); /* two idle ones have room */
	act_with(l, 3, 1, "", (struct sk_start){ .class_name = "Fresh" });
	act_ends(l, 3, SK_REASON_EXITED, 0); /* the one that is idle for longest went */
	act_with(l, 4, 1, "", (struct sk_start){ .class_name = "Other" });
	act_ends(l, 4, SK_REASON_EXITED, 0);
	act(l, 5, "");
	act_ends(l, 5, SK_REASON_EXITED, 0);
	lk_must(l, pid_of(4) == pid_of(2) && pid_of(5) != pid_of(1));
}

static void
idle_workers_make_room_for_others(void **state)
{
	(void)state;
	warm_holds_twice(in_turns);
}

/* Warm and ordinary ones at once: never more than there are slots. */
static void
slots(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 3);
	for (uint64_t k = 1; k <= 300; k++)
		act_with(l, k, 1,
			k % 7 == 0		 ? "busy 3"
				: k % 5 == 0 ? "sleep 0.002"
							 : "",
			(struct sk_start){ .class_name = k % 3 == 0 ? "Other"
					: k % 4 == 0						? "Fresh"
														: "Act" });
	for (uint64_t k = 1; k <= 300; k++) {
		act_ends(l, k, SK_REASON_EXITED, 0);
		lk_must(l, atomic_load(&book->ran[k]) == 1);
	}
	lk_must(l, atomic_load(&book->most) <= 3 && atomic_load(&book->most) >= 2);
}

static void
a_busy_warm_worker_is_one_slot(void **state)
{
	(void)state;
	warm_holds_twice(slots);
}

/* ---- a process's life ---- */

static void
ten_each(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	for (uint64_t k = 1; k <= 1000; k++)
		act(l, k, "");
	for (uint64_t k = 1; k <= 1000; k++) {
		act_ends(l, k, SK_REASON_EXITED, 0);
		lk_must(l, atomic_load(&book->ran[k]) == 1);
		lk_must(l, pid_of(k) == pid_of((k - 1) / 10 * 10 + 1));
		lk_must(l, k <= 10 || pid_of(k) != pid_of(k - 10));
	}
}

static void
a_process_is_replaced_after_its_share_of_tasks(void **state)
{
	struct sk_supervisor_config cfg = warm_config(true);

	(void)state;
	cfg.warm_tasks = 10;
	warm_holds(cfg, ten_each);
}

static void
idle(struct lk *l, void *arg)
{
	int64_t until;

	(void)arg;
	act(l, 1, "");
	act_ends(l, 1, SK_REASON_EXITED, 0);
	lk_must(l, kill(pid_of(1), 0) == 0);
	for (until = sk_boot_ms() + 5000; kill(pid_of(1), 0) == 0 && sk_boot_ms() < until;)
		lk_take(l, 10);
	lk_must(l, kill(pid_of(1), 0) != 0);
	act(l, 2, "");
	act_ends(l, 2, SK_REASON_EXITED, 0);
}

static void
an_idle_process_is_ended(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sk_supervisor_config cfg = warm_config(i == 0);

		cfg.warm_idle_ms = 200;
		warm_holds(cfg, idle);
	}
}

/* ---- output ---- */

static void
check_file(struct lk *l, uint64_t key, const char *expected)
{
	struct sk_str text = proc_read(proc_path("data/logs/t%llu/1.log", (unsigned long long)key));

	if (strcmp(sk_str_text(&text), expected) != 0) {
		fprintf(stderr, "task %llu wrote %.200s, expected %s\n", (unsigned long long)key,
			sk_str_text(&text), expected);
		lk_must(l, false);
	}
	sk_str_release(&text);
}

/* At the moment when the end is told, the file is whole. */
static void
check_end(struct lk *l, const struct lk_frame *f)
{
	char expected[256];
	int n = (int)f->key;

	if (f->type != SK_F_EXITED)
		return;
	lk_must(l, f->rep.reason == SK_REASON_EXITED && f->rep.code == 0);
	snprintf(expected, sizeof(expected), "%s",
		f->key % 5 == 1		  ? ""
			: f->key % 5 == 2 ? "said %d\n"
			: f->key % 5 == 3 ? "written %d\n"
			: f->key % 5 == 4 ? "logged %d\n"
							  : "logged %d\nwritten %d\nsaid %d\n");
	{
		char text[256];

		snprintf(text, sizeof(text), expected, n, n, n);
		check_file(l, f->key, text);
	}
	lk_must(l,
		f->key % 5 != 1 || !proc_exists(proc_path("data/logs/t%llu", (unsigned long long)f->key)));
	atomic_fetch_add(&book->next, 1);
}

static void
lines(struct lk *l, void *arg)
{
	static const char *const ways[] = { "both", "", "say", "write", "log" };

	(void)arg;
	l->on_frame = check_end;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	for (uint64_t k = 1; k <= 1500; k++) {
		char what[64];

		snprintf(what, sizeof(what), "%s %llu", ways[k % 5], (unsigned long long)k);
		act(l, k, k % 5 == 1 ? "" : what);
	}
	while (atomic_load(&book->next) < 1500 && !l->gone)
		lk_take(l, 1000);
}

static void
output_goes_to_the_task_that_wrote_it_and_is_whole_before_its_end_is_told(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sk_supervisor_config cfg = warm_config(i == 0);

		cfg.sink.data_dir = warm_data_dir();
		warm_holds(cfg, lines);
	}
}

static void
floods(struct lk *l, void *arg)
{
	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	for (uint64_t k = 1; k <= 16; k++)
		act(l, k, k % 2 == 0 ? "flood 300000" : "say short");
	for (uint64_t k = 1; k <= 16; k++) {
		struct sk_str text;

		act_ends(l, k, SK_REASON_EXITED, 0);
		text = proc_read(proc_path("data/logs/t%llu/1.log", (unsigned long long)k));
		lk_must(l, text.len == (k % 2 == 0 ? 300000 : 11));
		lk_must(l, memchr(text.p, k % 2 == 0 ? 's' : 'x', text.len) == NULL);
		sk_str_release(&text);
	}
}

static void
more_output_than_a_pipe_holds_is_whole(void **state)
{
	struct sk_supervisor_config cfg = warm_config(true);

	(void)state;
	cfg.sink.data_dir = warm_data_dir();
	warm_holds(cfg, floods);
}

/* Of a program as well: the file is whole when its end is told. */
static void
check_program(struct lk *l, const struct lk_frame *f)
{
	struct sk_str text;

	if (f->type != SK_F_EXITED)
		return;
	text = proc_read(proc_path("data/logs/t%llu/1.log", (unsigned long long)f->key));
	lk_must(l, f->rep.code == 3 && text.p != NULL && text.len > 100000);
	lk_must(l, f->key % 2 == 0 || strcmp(text.p + text.len - 13, "20000\nthe end") == 0);
	lk_must(l, strstr(text.p, "the end") != NULL);
	sk_str_release(&text);
	atomic_fetch_add(&book->next, 1);
}

static void
programs(struct lk *l, void *arg)
{
	const char *script[] = { "seq 20000; printf 'the end' >&2; exit 3",
		"(seq 20000; printf 'the end') & wait; exit 3" };

	(void)arg;
	l->on_frame = check_program;
	lk_number(l, SK_F_CONFIG, 0, 0, 2);
	for (uint64_t k = 1; k <= 30; k++) {
		const char *argv[] = { "/bin/sh", "-c", script[k % 2], NULL };

		lk_start(
			l, k, 1, &(struct sk_start){ .class_name = "Exec", .program = true, .argv = argv });
	}
	while (atomic_load(&book->next) < 30 && !l->gone)
		lk_take(l, 1000);
}

static void
what_a_program_wrote_is_in_its_file_before_its_end_is_told(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sk_supervisor_config cfg = warm_config(i == 0);

		cfg.sink.data_dir = warm_data_dir();
		warm_holds(cfg, programs);
	}
}

/* ---- the channel ---- */

static void
channel(struct lk *l, void *arg)
{
	const struct lk_frame *f;
	char what[32];

	(void)arg;
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	for (uint64_t k = 1; k <= 200; k++) {
		snprintf(what, sizeof(what), "result %llu", (unsigned long long)k);
		act(l, k, k % 3 == 0 ? what : k % 3 == 1 ? "progress" : "");
	}
	for (uint64_t k = 1; k <= 200; k++) {
		act_ends(l, k, SK_REASON_EXITED, 0);
		f = act_end(l, k);
		snprintf(what, sizeof(what), "%llu", (unsigned long long)k);
		lk_must(l, f->rep.result_len == (k % 3 == 0 ? strlen(what) : 0));
		lk_must(l, f->rep.result_len == 0 || memcmp(f->rep.result, what, strlen(what)) == 0);
		f = lk_find(l, SK_F_PROGRESS, k, 1);
		lk_must(l, (f != NULL) == (k % 3 == 1));
		lk_must(l, f == NULL || (f->progress > 0.74 && strcmp(f->text, "second") == 0));
		lk_must(l, f == NULL || f < lk_find(l, SK_F_EXITED, k, 1));
	}
	lk_must(l, pid_of(200) == pid_of(1));
}

static void
results_and_progress_are_the_tasks_own_and_come_before_its_end(void **state)
{
	(void)state;
	warm_holds_twice(channel);
}

/* A start that is large, and many that fill the ring. */
static void
sizes(struct lk *l, void *arg)
{
	char *text = malloc(250001);

	(void)arg;
	lk_must(l, text != NULL);
	lk_number(l, SK_F_CONFIG, 0, 0, 1);
	for (uint64_t k = 1; k <= 400; k++) {
		size_t n = k % 50 == 0 ? 250000 : k * 37 % 3000;

		memset(text, 'a', n);
		text[n] = '\0';
		act(l, k, text);
		lk_take(l, 0);
	}
	for (uint64_t k = 1; k <= 400; k++) {
		act_ends(l, k, SK_REASON_EXITED, 0);
		lk_must(l, pid_of(k) == pid_of(1) && atomic_load(&book->ran[k]) == 1);
	}
	free(text);
}

static void
attachments_of_any_size_fit(void **state)
{
	(void)state;
	warm_holds_twice(sizes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_thousand_tasks_run_once_each),
		cmocka_unit_test(tasks_one_after_another_share_a_process_and_see_zeroed_memory),
		cmocka_unit_test(what_asks_for_more_than_a_warm_worker_has_gets_its_own_process),
		cmocka_unit_test(idle_workers_make_room_for_others),
		cmocka_unit_test(a_busy_warm_worker_is_one_slot),
		cmocka_unit_test(a_process_is_replaced_after_its_share_of_tasks),
		cmocka_unit_test(an_idle_process_is_ended),
		cmocka_unit_test(output_goes_to_the_task_that_wrote_it_and_is_whole_before_its_end_is_told),
		cmocka_unit_test(more_output_than_a_pipe_holds_is_whole),
		cmocka_unit_test(what_a_program_wrote_is_in_its_file_before_its_end_is_told),
		cmocka_unit_test(results_and_progress_are_the_tasks_own_and_come_before_its_end),
		cmocka_unit_test(attachments_of_any_size_fit),
	};

	return cmocka_run_group_tests(tests, warm_set_up, warm_tear_down);
}
