/* lifecycle_test.c - the table pinned cell by cell, and a million random interleavings (P5). */
#include "core/model/lifecycle.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define STEPS 1000000
#define SKALDS 3
#define LEASE 20 /* model time units */
#define MARGIN 2

/* Rows: phases. Columns in the order of enum sk_life_kind; '-' = refused, else the next phase's
 * first letter (C reated, A, R, P, F inished, f ailed, c ancelled). */
static void
the_table_is_what_is_written_here(void **state)
{
	static const char *const expected[SK_N_PHASE] = {
		/*          asgn strt pausd resd fin fail int exp gone refu canc paus resu retr */
		[SK_CREATED] = "A--------fcCC-",
		[SK_ASSIGNING] = "-R--FfCfc-AAA-",
		[SK_RUNNING] = "--P-FfCfc-RRR-",
		[SK_PAUSED] = "---RFfCfc-PPP-",
		[SK_FINISHED] = "-------------C",
		[SK_FAILED] = "-------------C",
		[SK_CANCELLED] = "----------c--C",
	};
	static const char letters[SK_N_PHASE + 1] = "CARPFfc-";

	(void)state;
	for (unsigned p = 0; p < SK_N_PHASE; p++)
		for (unsigned k = 0; k < SK_N_LIFE; k++) {
			char got = letters[sk_life_next((enum sk_phase)p, (enum sk_life_kind)k)];

			if (got != expected[p][k])
				fail_msg("%s + %s: got %c, want %c", sk_phase_name((enum sk_phase)p),
					sk_life_kind_name((enum sk_life_kind)k), got, expected[p][k]);
		}
}

static void
names_read_back(void **state)
{
	enum sk_phase p;

	(void)state;
	for (unsigned i = 0; i < SK_N_PHASE; i++) {
		assert_true(sk_phase_parse(sk_phase_name((enum sk_phase)i), &p));
		assert_int_equal(p, i);
	}
	assert_false(sk_phase_parse("running", &p));
	assert_false(sk_phase_parse("", &p));
}

static enum sk_code
step(struct sk_life *t, enum sk_life_kind kind, uint32_t attempt, const char *executor)
{
	struct sk_life_event ev = {
		.kind = kind, .attempt = attempt, .executor = executor, .incarnation = 7
	};

	return sk_life_step(t, &ev, NULL);
}

static void
a_failing_task_is_tried_as_often_as_it_may(void **state)
{
	struct sk_life t = { .max_attempts = 3 };

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n1"), SK_OK);
		assert_int_equal(t.attempt, i);
		assert_int_equal(step(&t, SK_LIFE_START, i, "n1"), SK_OK);
		assert_int_equal(step(&t, SK_LIFE_FAIL, i, "n1"), SK_OK);
		assert_int_equal(t.backing_off, i < 3);
	}
	assert_int_equal(t.phase, SK_FAILED);
	assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n1"), SK_EINVAL);
	assert_int_equal(step(&t, SK_LIFE_RETRY, 0, NULL), SK_OK);
	assert_int_equal(t.failures, 0);
	assert_int_equal(t.attempt, 3);
}

static void
a_task_that_kills_its_skald_ends(void **state)
{
	struct sk_life t = { .max_attempts = 3 };

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n1"), SK_OK);
		assert_int_equal(step(&t, SK_LIFE_EXPIRE, i, NULL), SK_OK);
	}
	assert_int_equal(t.phase, SK_FAILED);
}

static void
an_interruption_costs_nothing(void **state)
{
	struct sk_life t = { .max_attempts = 1 };

	(void)state;
	for (uint32_t i = 1; i <= 10; i++) {
		assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n1"), SK_OK);
		assert_int_equal(step(&t, SK_LIFE_INTERRUPT, i, "n1"), SK_OK);
		assert_int_equal(t.phase, SK_CREATED);
		assert_false(t.backing_off);
	}
	assert_int_equal(t.failures, 0);
}

static void
a_stale_report_changes_nothing(void **state)
{
	static const enum sk_life_kind reports[] = { SK_LIFE_START, SK_LIFE_PAUSED, SK_LIFE_RESUMED,
		SK_LIFE_FINISH, SK_LIFE_FAIL, SK_LIFE_INTERRUPT, SK_LIFE_EXPIRE, SK_LIFE_GONE };
	struct sk_life t = { .max_attempts = 9 }, before;

	(void)state;
	assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n1"), SK_OK);
	assert_int_equal(step(&t, SK_LIFE_EXPIRE, 1, NULL), SK_OK);
	assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n2"), SK_OK);
	before = t;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		assert_int_equal(step(&t, reports[i], 1, "n1"), SK_ECONFLICT);
		if (reports[i] != SK_LIFE_EXPIRE) /* the monitor speaks of the attempt alone */
			assert_int_equal(step(&t, reports[i], 2, "n1"), SK_ECONFLICT);
		assert_memory_equal(&t, &before, sizeof(t));
	}
}

static void
cancelled_is_said_only_when_it_is_true(void **state)
{
	struct sk_life t = { .max_attempts = 3 };

	(void)state;
	assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n1"), SK_OK);
	assert_int_equal(step(&t, SK_LIFE_START, 1, "n1"), SK_OK);
	assert_int_equal(step(&t, SK_LIFE_GONE, 1, "n1"), SK_EINVAL); /* nobody asked for it */
	assert_int_equal(step(&t, SK_LIFE_CANCEL, 0, NULL), SK_OK);
	assert_int_equal(t.phase, SK_RUNNING);
	assert_int_equal(step(&t, SK_LIFE_RESUME, 0, NULL), SK_OK); /* cannot be taken back */
	assert_int_equal(t.wanted, SK_WANT_CANCEL);
	assert_int_equal(step(&t, SK_LIFE_GONE, 1, "n1"), SK_OK);
	assert_int_equal(t.phase, SK_CANCELLED);
	assert_int_equal(step(&t, SK_LIFE_CANCEL, 0, NULL), SK_OK); /* said twice */
}

static void
a_lost_task_that_shall_end_is_not_given_away_again(void **state)
{
	struct sk_life t = { .max_attempts = 3 };

	(void)state;
	assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n1"), SK_OK);
	assert_int_equal(step(&t, SK_LIFE_CANCEL, 0, NULL), SK_OK);
	assert_int_equal(step(&t, SK_LIFE_EXPIRE, 1, NULL), SK_OK);
	assert_int_equal(t.phase, SK_CANCELLED);
}

static void
a_paused_task_waits_for_its_user(void **state)
{
	struct sk_life t = { .max_attempts = 3 };

	(void)state;
	assert_int_equal(step(&t, SK_LIFE_PAUSE, 0, NULL), SK_OK);
	assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n1"), SK_EINVAL);
	assert_int_equal(step(&t, SK_LIFE_RESUME, 0, NULL), SK_OK);
	assert_int_equal(step(&t, SK_LIFE_ASSIGN, 0, "n1"), SK_OK);
}

/* ---- a million interleavings ----
 * The model: skalds that hold a lease and stop their own attempt when they could not renew it for
 * LEASE; a monitor that gives a task away LEASE + MARGIN after the last renewal that arrived;
 * messages that arrive late, twice or never. What executes is the model's truth. */

struct message {
	bool used;
	struct sk_life_event ev;
	char executor[8];
};

struct run {
	bool on;
	uint32_t attempt;
	uint64_t incarnation;
	int64_t trusted_until;
};

struct world {
	struct sk_life task;
	struct run run[SKALDS];
	uint64_t incarnation[SKALDS];
	int64_t now, renewed_at;
	struct message mail[16];
	unsigned long applied, stale, refused;
	uint64_t random;
};

static unsigned
dice(struct world *w, unsigned n)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(w->random >> 33) % n;
}

/* No report of a stale attempt changes anything; attempts grow by one, by assignment alone. */
static void
apply(struct world *w, const struct sk_life_event *ev)
{
	struct sk_life before = w->task;
	enum sk_code code = sk_life_step(&w->task, ev, NULL);
	bool report = ev->kind >= SK_LIFE_START && ev->kind <= SK_LIFE_GONE;

	w->applied += code == SK_OK;
	w->stale += code == SK_ECONFLICT;
	w->refused += code == SK_EINVAL;
	if (code != SK_OK)
		assert_memory_equal(&before, &w->task, sizeof(before));
	if (report && ev->attempt != before.attempt)
		assert_int_equal(code, SK_ECONFLICT);
	assert_int_equal(
		w->task.attempt, before.attempt + (code == SK_OK && ev->kind == SK_LIFE_ASSIGN ? 1 : 0));
	if (sk_phase_final(before.phase) && ev->kind != SK_LIFE_RETRY)
		assert_int_equal(w->task.phase, before.phase);
	assert_true(w->task.failures <= w->task.max_attempts);
	if (sk_phase_live(w->task.phase))
		assert_string_not_equal(w->task.executor, "");
	else if (w->task.phase == SK_CREATED)
		assert_string_equal(w->task.executor, "");
	else if (sk_phase_live(before.phase)) /* where it has ended stays known */
		assert_string_equal(w->task.executor, before.executor);
	if (!sk_phase_live(w->task.phase))
		assert_int_equal(w->task.incarnation, 0);
}

static void
post(struct world *w, enum sk_life_kind kind, unsigned skald)
{
	struct message *m = &w->mail[dice(w, 16)]; /* what lay there is lost */

	m->used = true;
	snprintf(m->executor, sizeof(m->executor), "n%u", skald);
	m->ev = (struct sk_life_event){
		.kind = kind, .attempt = w->run[skald].attempt, .incarnation = w->run[skald].incarnation
	};
}

static void
deliver(struct world *w)
{
	struct message *m = &w->mail[dice(w, 16)];

	if (!m->used)
		return;
	m->ev.executor = m->executor;
	apply(w, &m->ev);
	m->used = dice(w, 4) == 0; /* some arrive twice */
}

static void
end_run(struct world *w, unsigned i, enum sk_life_kind kind)
{
	if (!w->run[i].on)
		return;
	w->run[i].on = false;
	post(w, kind, i);
}

static void
dispatch(struct world *w)
{
	char name[8];
	unsigned i = dice(w, SKALDS);
	struct sk_life_event ev = {
		.kind = SK_LIFE_ASSIGN, .executor = name, .incarnation = w->incarnation[i]
	};
	uint32_t before = w->task.attempt;

	snprintf(name, sizeof(name), "n%u", i);
	apply(w, &ev);
	if (w->task.attempt == before)
		return;
	w->renewed_at = w->now;
	for (unsigned k = 0; k < SKALDS; k++) /* P4: nobody else still runs it */
		assert_false(w->run[k].on);
	w->run[i] = (struct run){ true, w->task.attempt, w->incarnation[i], w->now + LEASE };
	post(w, SK_LIFE_START, i);
}

static void
pass_time(struct world *w)
{
	w->now += 1 + dice(w, 3);
	for (unsigned i = 0; i < SKALDS; i++)
		if (w->run[i].on && w->now >= w->run[i].trusted_until)
			end_run(w, i, SK_LIFE_INTERRUPT);
	if (sk_phase_live(w->task.phase) && w->now - w->renewed_at >= LEASE + MARGIN) {
		struct sk_life_event ev = { .kind = SK_LIFE_EXPIRE, .attempt = w->task.attempt };

		apply(w, &ev);
	}
}

static void
renew(struct world *w, unsigned i)
{
	if (!w->run[i].on || w->run[i].attempt != w->task.attempt)
		return;
	if (dice(w, 3) != 0)
		w->renewed_at = w->now; /* the store has it … */
	if (dice(w, 3) != 0 && w->renewed_at == w->now)
		w->run[i].trusted_until = w->now + LEASE; /* … and the skald knows */
}

static void
ask(struct world *w, enum sk_life_kind kind)
{
	struct sk_life_event ev = { .kind = kind };

	apply(w, &ev);
}

static void
one_step(struct world *w)
{
	unsigned i = dice(w, SKALDS);

	switch (dice(w, 16)) {
	case 0:
	case 1:
		dispatch(w);
		break;
	case 2:
	case 3:
	case 4:
		deliver(w);
		break;
	case 5:
	case 6:
		pass_time(w);
		break;
	case 7:
	case 8:
		renew(w, i);
		break;
	case 9:
		end_run(w, i, SK_LIFE_FINISH);
		break;
	case 10:
		end_run(w, i, SK_LIFE_FAIL);
		break;
	case 11: /* kill -9: no report at all */
		w->run[i].on = false;
		w->incarnation[i]++;
		break;
	case 12:
		if (dice(w, 8) == 0)
			ask(w, SK_LIFE_CANCEL);
		if (w->run[i].on && w->task.wanted == SK_WANT_CANCEL)
			end_run(w, i, SK_LIFE_GONE);
		break;
	case 13:
		ask(w, dice(w, 2) == 0 ? SK_LIFE_PAUSE : SK_LIFE_RESUME);
		break;
	case 14:
		if (w->run[i].on)
			post(w, dice(w, 2) == 0 ? SK_LIFE_PAUSED : SK_LIFE_RESUMED, i);
		break;
	default:
		ask(w, SK_LIFE_RETRY);
		break;
	}
}

static void
a_million_interleavings_keep_the_rules(void **state)
{
	const char *text = getenv("SKALDS_SEED");
	struct world w = { .task = { .max_attempts = 3 } };

	(void)state;
	w.random = text != NULL ? strtoull(text, NULL, 10) : 20260822;
	print_message("# seed %llu\n", (unsigned long long)w.random);
	for (long n = 0; n < STEPS; n++)
		one_step(&w);
	print_message("# %lu applied, %lu stale, %lu refused, %u attempts\n", w.applied, w.stale,
		w.refused, w.task.attempt);
	/* a model that does nothing proves nothing */
	assert_true(w.applied > STEPS / 20);
	assert_true(w.stale > STEPS / 100);
	assert_true(w.task.attempt > STEPS / 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_what_is_written_here),
		cmocka_unit_test(names_read_back),
		cmocka_unit_test(a_failing_task_is_tried_as_often_as_it_may),
		cmocka_unit_test(a_task_that_kills_its_skald_ends),
		cmocka_unit_test(an_interruption_costs_nothing),
		cmocka_unit_test(a_stale_report_changes_nothing),
		cmocka_unit_test(cancelled_is_said_only_when_it_is_true),
		cmocka_unit_test(a_lost_task_that_shall_end_is_not_given_away_again),
		cmocka_unit_test(a_paused_task_waits_for_its_user),
		cmocka_unit_test(a_million_interleavings_keep_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
