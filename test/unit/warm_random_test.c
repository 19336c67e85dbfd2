/* warm_random_test.c - everything at once, in random order: tasks of all kinds, stops, pauses,
 * updates, workers and links killed from outside. Every task ends exactly once, as it may, and has
 * run at most once. SKALDS_SEED repeats a run, TASKS sets its length. */
#include "core/base/clock.h"
#include "test/unit/proc_rig.h"
#include "test/unit/warm_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define FLIGHT 300 /* tasks at once */

static uint64_t seed, n_tasks;
static int slots;

/* What was done to a task, over the lives of the link. HELD: it was paused, and this link or one
 * before it has not told it to go on. A link that dies takes with it what it has not sent: who was
 * ever PAUSED is told again by the next one. */
enum { GIVEN = 1, STOPPED = 2, PAUSED = 4, TIMED = 8, HELD = 16 };
static struct shared {
	_Atomic unsigned char done_to[BOOK_TASKS];
	_Atomic uint64_t dice;
} * shared;

static uint32_t
dice(uint32_t n)
{
	uint64_t z = atomic_fetch_add(&shared->dice, 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) >> 33) % n;
}

static const struct {
	const char *what;
	int32_t code;
	uint32_t weight;
} kinds[] = {
	{ "", 0, 400 },
	{ "state", 0, 100 },
	{ "both x", 0, 30 },
	{ "flood 70000", 0, 3 },
	{ "result r", 0, 20 },
	{ "progress", 0, 20 },
	{ "busy 2", 0, 20 },
	{ "busy 12", 0, 5 },
	{ "sleep 0.004", 0, 30 },
	{ "sleep 0.1", 0, 4 },
	{ "crash", 128 + SIGSEGV, 10 },
	{ "exit 7", 7, 10 },
	{ "exit 0", 0, 5 },
	{ "fail so", 1, 10 },
	{ "again", 75, 5 },
	{ "fork", 0, 4 },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* The same for a key in each life. */
static size_t
kind_of(uint64_t key)
{
	uint64_t z = (key + seed) * 0x9e3779b97f4a7c15u;
	uint32_t total = 0, at;

	for (size_t i = 0; i < N_KINDS; i++)
		total += kinds[i].weight;
	at = (uint32_t)(z >> 33) % total;
	for (size_t i = 0; i < N_KINDS; i++) {
		if (at < kinds[i].weight)
			return i;
		at -= kinds[i].weight;
	}
	return 0;
}

static void
give(struct lk *l, uint64_t key)
{
	static const char *const classes[] = { "Act", "Act", "Act", "Other", "Fresh" };
	struct sk_start st = { .class_name = classes[(key * 7 + seed) % 5], .grace_ms = 300 };

	if (key % 41 == 0) {
		st.timeout_ms = 30;
		atomic_fetch_or(&shared->done_to[key], TIMED);
	}
	atomic_fetch_or(&shared->done_to[key], GIVEN);
	act_with(l, key, 1, kinds[kind_of(key)].what, st);
}

static bool
may_end_so(uint64_t key, const struct sk_task_report *r)
{
	unsigned what = atomic_load(&shared->done_to[key]);

	switch (r->reason) {
	case SK_REASON_EXITED:
		return r->code == kinds[kind_of(key)].code;
	case SK_REASON_SIGNALED: /* by itself, or with its worker */
		return r->code == kinds[kind_of(key)].code || r->code == 128 + SIGKILL;
	case SK_REASON_CANCELLED:
		return (what & STOPPED) != 0;
	case SK_REASON_TIMEOUT:
		return (what & TIMED) != 0;
	default:
		return false;
	}
}

static void
note(struct lk *l, const struct lk_frame *f)
{
	const struct sk_task_report *r = &f->rep;

	if (f->type != SK_F_EXITED &&
		(f->type != SK_F_TASK || r->state != SK_T_ENDED || (f->number & 1) != 0))
		return;
	if (!may_end_so(f->key, r))
		fprintf(stderr, "task %llu (%s): %s %d: %s\n", (unsigned long long)f->key,
			kinds[kind_of(f->key)].what, sk_reason_name(r->reason), r->code, r->message);
	lk_must(l, may_end_so(f->key, r) && atomic_load(&book->ran[f->key]) <= 1);
	lk_must(l, r->reason != SK_REASON_EXITED || atomic_load(&book->ran[f->key]) == 1);
	if (atomic_exchange(&book->ended[f->key], 1) == 0)
		atomic_fetch_add(&book->next, 1);
	lk_send(l, SK_F_FORGET, f->key, f->attempt, NULL);
}

/* Of those that were given, one of the latest. */
static uint64_t
pick(uint64_t given)
{
	uint64_t back = dice(FLIGHT);

	return given > back ? given - back : 1;
}

static void
disturb(struct lk *l, uint64_t given)
{
	uint64_t key = pick(given);
	struct sk_start st = { .id = NULL };
	struct sk_str p = SK_STR_INIT;
	int pid;

	switch (dice(40)) {
	case 0:
	case 1:
	case 2:
		atomic_fetch_or(&shared->done_to[key], STOPPED);
		lk_stop(l, key, 1, SK_REASON_CANCELLED, dice(2) == 0 ? 0 : 300);
		break;
	case 3:
		atomic_fetch_or(&shared->done_to[key], PAUSED | HELD);
		lk_send(l, SK_F_PAUSE, key, 1, NULL);
		break;
	case 4:
		lk_attach(l, &st, "do", "");
		sk_put_bytes(&p, st.attachments, st.attachments_len);
		sk_put_u64(&p, 5);
		lk_send(l, SK_F_UPDATE, key, 1, &p);
		sk_str_release(&p);
		break;
	case 5: /* while it may still be the task's; nobody else runs here */
		pid = atomic_load(&book->pid[key]);
		if (atomic_load(&book->ended[key]) == 0 && pid > 1)
			kill(pid, SIGKILL);
		break;
	case 6:
		if (dice(60) == 0 && l->life < 20)
			kill(getpid(), SIGKILL);
		break;
	default:
		break;
	}
}

static void
resume_all(struct lk *l, uint64_t given)
{
	for (uint64_t k = 1; k <= given; k++)
		if (atomic_load(&shared->done_to[k]) & HELD) {
			atomic_fetch_and(&shared->done_to[k], (unsigned char)~HELD);
			lk_send(l, SK_F_RESUME, k, 1, NULL);
		}
}

/* Starts that died in the last link's buffer are given again. */
static uint64_t
catch_up(struct lk *l)
{
	static bool known[BOOK_TASKS];
	uint64_t given = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->log[i].type == SK_F_TASK)
			known[l->log[i].key] = true;
	for (size_t i = 0; i < l->n; i++)
		note(l, &l->log[i]);
	while (given < n_tasks && (atomic_load(&shared->done_to[given + 1]) & GIVEN) != 0) {
		given++;
		if (atomic_load(&shared->done_to[given]) & PAUSED)
			atomic_fetch_or(&shared->done_to[given], HELD);
		if (!known[given] && atomic_load(&book->ended[given]) == 0)
			give(l, given);
	}
	return given;
}

static void
chaos(struct lk *l, void *arg)
{
	uint64_t given = catch_up(l);
	int64_t resumed = sk_boot_ms(), heard = resumed, now;

	(void)arg;
	l->ack = false;
	l->on_frame = note;
	lk_number(l, SK_F_CONFIG, 0, 0, (uint32_t)slots);
	while (atomic_load(&book->next) < n_tasks) {
		uint64_t ended = atomic_load(&book->next);

		for (int i = 0; i < 10 && given < n_tasks && given - ended < FLIGHT; i++)
			give(l, ++given);
		disturb(l, given);
		lk_take(l, given < n_tasks ? 1 : 20);
		lk_must(l, !l->gone);
		now = sk_boot_ms();
		if (atomic_load(&book->next) != ended)
			heard = now;
		if (now - resumed > 30) {
			resume_all(l, given);
			resumed = now;
		}
		if (now - heard > 60000)
			for (uint64_t k = 1; k <= given; k++)
				if (atomic_load(&book->ended[k]) == 0)
					fprintf(stderr, "task %llu (%s) does not end: %d\n", (unsigned long long)k,
						kinds[kind_of(k)].what, atomic_load(&shared->done_to[k]));
		lk_must(l, now - heard <= 60000);
	}
}

static void
all_ends_well(void **state)
{
	static const int n_slots[] = { 1, 2, 4, 0 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(n_slots) / sizeof(n_slots[0]); i++) {
		slots = n_slots[i / 2];
		for (size_t k = 0; k < BOOK_TASKS; k++)
			atomic_store(&shared->done_to[k], 0);
		atomic_store(&shared->dice, seed + i);
		warm_holds(warm_config(i % 2 == 0), chaos);
		for (uint64_t k = 1; k <= n_tasks; k++)
			if (book->pid[k] > 1)
				assert_true(proc_gone(book->pid[k]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_ends_well) };
	const char *given = getenv("SKALDS_SEED"), *length = getenv("TASKS");

	seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)sk_boot_ns() % 1000000;
	n_tasks = length != NULL ? strtoull(length, NULL, 10) : 800;
	printf(
		"# SKALDS_SEED=%llu TASKS=%llu\n", (unsigned long long)seed, (unsigned long long)n_tasks);
	fflush(stdout);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || n_tasks >= BOOK_TASKS)
		return 99;
	return cmocka_run_group_tests(tests, warm_set_up, warm_tear_down);
}
