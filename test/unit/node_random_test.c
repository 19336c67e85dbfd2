/* node_random_test.c - hundreds of tasks through a node whose store fails in every way, whose events
 * get lost and come twice, that dies again and again, while people cancel tasks: whatever happens,
 * no attempt runs twice, no two attempts of a task at once, and every end is the one that was. */
#include "test/unit/node_rig.h"
#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TASKS 1000
#define SLOTS 40 /* given at once */
#define KEPT 64 /* attempts of one task */

enum there { NOT_THERE, QUEUED, RUNS, ENDED };

/* The supervisor's side of a task, and the truth about it. */
struct sim {
	char id[16];
	enum there there;
	struct nr_frame start; /* of the attempt that is there */
	int64_t begins_ms, ends_ms; /* boot clock */
	struct sk_task_report rep;
	uint32_t ran[KEPT]; /* how often each attempt was started */
	int code[KEPT]; /* how it ended by itself; -1 = it was stopped */
	bool cancelled; /* somebody asked for it */
};

static struct sim sims[TASKS];
static struct nr rig;
static size_t seen; /* frames */
static unsigned n_deaths, n_spoiled, n_cancels;
static unsigned dice;

static unsigned
roll(unsigned sides)
{
	dice = dice * 1103515245u + 12345u;
	return (dice >> 8) % sides;
}

static struct sim *
sim_of_key(uint64_t key)
{
	for (size_t i = 0; i < TASKS; i++)
		if (sims[i].there != NOT_THERE && sims[i].start.key == key)
			return &sims[i];
	return NULL;
}

/* ---- the supervisor ---- */

static void
tell(struct nr *r, struct sim *s, enum sk_frame_type type)
{
	nr_report(r, type, s->start.key, s->start.attempt, &s->rep);
}

static void
end(struct nr *r, struct sim *s, enum sk_reason reason, int code)
{
	if (s->there == QUEUED)
		s->rep.start_boot_ms = s->rep.start_ms = 0;
	s->there = ENDED;
	s->rep.state = SK_T_ENDED;
	s->rep.reason = reason;
	s->rep.code = code;
	s->rep.end_ms = sk_wall_ms();
	s->rep.end_boot_ms = sk_boot_ms();
	s->code[s->start.attempt] = reason == SK_REASON_EXITED ? code : -1;
	tell(r, s, SK_F_EXITED);
}

static void
on_start(struct nr_frame *f)
{
	struct sim *s = &sims[atoi(f->start.id + 1)];

	assert_string_equal(s->id, f->start.id);
	assert_int_equal(s->there, NOT_THERE); /* never two at once */
	assert_true(f->attempt < KEPT);
	assert_int_equal(s->ran[f->attempt], 0); /* none twice */
	s->ran[f->attempt]++;
	s->start = *f;
	s->there = QUEUED;
	s->begins_ms = sk_boot_ms() + roll(8);
	s->ends_ms = s->begins_ms + (roll(3) == 0 ? 0 : roll(40));
	s->rep = (struct sk_task_report){ .id = s->id,
		.class_name = "Job",
		.state = SK_T_QUEUED,
		.spec_hash = f->start.spec_hash,
		.message = "" };
}

static void
take_frames(struct nr *r)
{
	for (; seen < r->n_frames; seen++) {
		struct nr_frame *f = &r->frames[seen];
		struct sim *s = f->type == SK_F_START ? NULL : sim_of_key(f->key);

		if (f->type == SK_F_START)
			on_start(f);
		else if (s == NULL || s->start.attempt != f->attempt)
			continue;
		else if (f->type == SK_F_STOP && s->there != ENDED)
			end(r, s, (enum sk_reason)f->number, 143);
		else if (f->type == SK_F_FORGET && s->there == ENDED)
			s->there = NOT_THERE;
	}
}

static void
run_tasks(struct nr *r)
{
	int64_t now = sk_boot_ms();

	for (size_t i = 0; i < TASKS; i++) {
		struct sim *s = &sims[i];

		if (s->there == QUEUED && now >= s->begins_ms) {
			s->there = RUNS;
			s->rep.state = SK_T_RUNNING;
			s->rep.start_ms = sk_wall_ms();
			s->rep.start_boot_ms = now;
			if (s->ends_ms > s->begins_ms) /* a warm worker may tell of both at once */
				tell(r, s, SK_F_STARTED);
		}
		if (s->there == RUNS && now >= s->ends_ms)
			end(r, s, SK_REASON_EXITED, roll(4) == 0 ? 1 : 0);
	}
}

/* ---- the dispatcher, and people ---- */

static void
say(struct nr *r, const char *id)
{
	for (unsigned i = roll(10); i < 9; i = roll(10) < 2 ? 0 : 9) /* lost, or twice */
		nr_assign(r, id);
}

static void
dispatch(struct nr *r)
{
	struct sk_op_find find = { .op = { .kind = SK_OP_FIND, .arena = sk_arena_new() },
		.filter = { .phases = 1u << SK_CREATED },
		.limit = SLOTS };
	size_t busy = 0;

	for (size_t i = 0; i < TASKS; i++)
		busy += sims[i].there != NOT_THERE;
	find.limit = busy < SLOTS ? SLOTS - busy : 1;
	assert_int_equal(sk_store_wait(r->st.inner, r->loop, &find.op), SK_OK);
	for (size_t i = 0; i < find.n; i++) {
		struct sk_record *rec = find.records[i];
		const struct sk_life_event ev = {
			.kind = SK_LIFE_ASSIGN, .executor = "n1", .incarnation = nr_incarnation(r)
		};
		struct sk_move m = { .id = rec->id,
			.seq = rec->seq,
			.expect_attempt = rec->life.attempt,
			.expect_phase = SK_CREATED,
			.set = SK_SET_LIFE,
			.to = rec };
		struct sk_op_move op = {
			.op = { .kind = SK_OP_MOVE, .arena = find.op.arena }, .moves = &m, .n = 1
		};
		struct sk_err err;

		assert_int_equal(sk_life_step(&rec->life, &ev, &err), SK_OK);
		assert_int_equal(sk_store_wait(r->st.inner, r->loop, &op.op), SK_OK);
		if (m.code == SK_OK)
			say(r, rec->id);
	}
	sk_arena_free(find.op.arena);
}

static void
cancel_somebody(struct nr *r)
{
	struct sim *s = &sims[roll(TASKS)];
	const struct sk_record *rec = nr_get(r, s->id);

	if (sk_phase_final(rec->life.phase) || s->cancelled)
		return;
	s->cancelled = true;
	n_cancels++;
	nr_want(r, s->id, SK_LIFE_CANCEL);
}

/* ---- what goes wrong ---- */

static void
spoil_the_store(struct nr *r)
{
	static const enum sk_code codes[] = { SK_OK, SK_OK, SK_EUNAVAIL, SK_EUNAVAIL, SK_ENOSPC };

	r->st.fail_writes = codes[roll(5)];
	r->st.fail_reads = roll(6) == 0 ? SK_EUNAVAIL : SK_OK;
	r->st.late_ms = roll(3) == 0 ? 60 : roll(3);
	n_spoiled += r->st.fail_writes != SK_OK || r->st.fail_reads != SK_OK;
	r->st.applied = r->st.fail_writes == SK_EUNAVAIL && roll(2) == 0;
}

static bool
is_ready(struct nr *r, const void *arg)
{
	(void)arg;
	return r->ready;
}

static void
kill_the_hub(struct nr *r)
{
	r->st.fail_writes = r->st.fail_reads = SK_OK;
	n_deaths++;
	r->st.late_ms = 0;
	nr_run(r, 100); /* the answers that are on their way are the old one's */
	take_frames(r);
	nr_reborn(r);
	seen = 0;
	nr_hello(r);
	for (size_t i = 0; i < TASKS; i++)
		if (sims[i].there != NOT_THERE)
			nr_known(r, sims[i].start.key, sims[i].start.attempt, 0, &sims[i].rep);
	nr_told(r);
	if (roll(2) == 0)
		assert_true(nr_until(r, is_ready, NULL));
}

static void
go_on(struct nr *r, int64_t ms, bool trouble)
{
	int64_t until = sk_boot_ms() + ms;

	for (unsigned round = 0; sk_boot_ms() < until; round++) {
		nr_run(r, 1);
		take_frames(r);
		run_tasks(r);
		if (round % 4 == 0)
			dispatch(r);
		if (trouble && round % 16 == 0)
			spoil_the_store(r);
		if (trouble && roll(12) == 0)
			cancel_somebody(r);
		if (trouble && roll(150) == 0)
			kill_the_hub(r);
	}
}

/* ---- was it right? ---- */

static size_t
count_unfinished(struct nr *r)
{
	size_t n = 0;

	for (size_t i = 0; i < TASKS; i++)
		n += !sk_phase_final(nr_get(r, sims[i].id)->life.phase);
	return n;
}

static void
check(struct nr *r, const struct sim *s)
{
	const struct sk_record *rec = nr_get(r, s->id);
	uint32_t last = rec->life.attempt, bad = 0;

	assert_true(sk_phase_final(rec->life.phase));
	assert_int_equal(s->there, NOT_THERE); /* the supervisor may forget it */
	for (uint32_t a = 1; a <= last; a++)
		bad += s->ran[a] == 1 && s->code[a] == 1;
	for (uint32_t a = last + 1; a < KEPT; a++)
		assert_int_equal(s->ran[a], 0);
	if (rec->life.phase == SK_FINISHED)
		assert_true(s->ran[last] == 1 && s->code[last] == 0);
	else if (rec->life.phase == SK_FAILED)
		assert_int_equal(rec->life.failures, rec->life.max_attempts);
	else
		assert_true(s->cancelled);
	assert_int_equal(rec->life.failures, bad); /* each bad end counted once */
}

static void
not_assigned(struct sk_record *rec)
{
	rec->life.phase = SK_CREATED;
	rec->life.attempt = 0;
	rec->life.executor[0] = '\0';
	rec->life.incarnation = 0;
}

static void
whatever_happens_every_task_ends_once(void **state)
{
	const char *seed = getenv("SKALDS_SEED");
	char head[] = "{\"backoffSeconds\":0}";
	struct nr *r = &rig;

	(void)state;
	dice = seed != NULL ? (unsigned)atoi(seed) : 20u;
	print_message("# seed=%u\n", dice);
	nr_open(r);
	r->cfg.reconcile_ms = 100;
	r->cfg.sole = true;
	memset(sims, 0, sizeof(sims));
	for (size_t i = 0; i < TASKS; i++) {
		snprintf(sims[i].id, sizeof(sims[i].id), "t%zu", i);
		nr_task_with(r, sims[i].id, head, not_assigned);
	}
	seen = 0;
	nr_start(r);
	go_on(r, 6000, true);
	r->st.fail_writes = r->st.fail_reads = SK_OK;
	r->st.late_ms = 0;
	for (int i = 0; i < 80 && count_unfinished(r) > 0; i++)
		go_on(r, 250, false);
	print_message("# %u deaths, %u spoiled times, %u cancels\n", n_deaths, n_spoiled, n_cancels);
	go_on(r, 150, false); /* the last words to the supervisor */
	for (size_t i = 0; i < TASKS; i++)
		check(r, &sims[i]);
	nr_run(r, 50);
	nr_close(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_happens_every_task_ends_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
