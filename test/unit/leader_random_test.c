/* Controllers, skalds and the lines between them in 10,000 random schedules: whatever stands still,
 * is cut off, comes late, is lost or is left, at most one leads at any moment, terms grow, no task
 * runs twice at once, and in the end all have run. SKALDS_SEED runs one, ROUNDS so many, FULL=1 10,000. */
#include "core/base/log.h"
#include "test/unit/leader_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 3000
#define FULL_ROUNDS 10000
#define STEPS 220
#define TASKS 8
#define SIMS 2

/* What really runs. */
struct truth {
	bool runs;
	int sim;
	uint32_t attempt;
};

struct world {
	struct leader_rig g;
	struct leader_sim sims[SIMS];
	struct lead_adding *adding[TASKS];
	struct truth truth[TASKS];
	int n_tasks;
	bool left; /* one has left the lead and is no candidate any more */
	uint64_t random;
};

static uint64_t
below(struct world *w, uint64_t n)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (w->random * 2685821657736338717u >> 33) % n;
}

/* ---- skalds ---- */

static bool
is_trusted(const struct world *w, const struct leader_sim *s)
{
	return w->g.now < s->sent_ms + LEASE_MS - LEASE_MS / 10;
}

static int
task_number(const char *id)
{
	return atoi(id + 1);
}

/* Whoever could not renew has stopped what he runs. */
static void
stop_untrusted(struct world *w)
{
	for (int i = 0; i < w->n_tasks; i++)
		if (w->truth[i].runs && !is_trusted(w, &w->sims[w->truth[i].sim]))
			w->truth[i].runs = false;
}

static void
renew(struct world *w, struct leader_sim *s)
{
	lead_skald(&w->g, s, below(w, 8) == 0);
}

/* It is another process now. */
static void
start_anew(struct world *w, int k)
{
	for (int i = 0; i < w->n_tasks; i++)
		w->truth[i].runs = w->truth[i].runs && w->truth[i].sim != k;
	w->sims[k].incarnation++;
	lead_skald(&w->g, &w->sims[k], true);
}

static struct sk_record *
mine(struct world *w, int k, const char *id)
{
	struct sk_record *r = lead_get(&w->g, id);

	return sk_phase_live(r->life.phase) && strcmp(r->life.executor, w->sims[k].id) == 0 &&
			r->life.incarnation == w->sims[k].incarnation
		? r
		: NULL;
}

static void
start_given(struct world *w, int k)
{
	struct sk_op_find find = {
		.filter = { .phases = 1u << SK_ASSIGNING, .executor = w->sims[k].id }, .limit = 100
	};

	lead_wait(&w->g, &find.op, SK_OP_FIND);
	for (size_t i = 0; i < find.n; i++) {
		const struct sk_record *r = find.records[i];
		struct truth *t = &w->truth[task_number(r->id)];

		if (r->life.incarnation != w->sims[k].incarnation ||
			!lead_step(&w->g, r->id, SK_LIFE_START))
			continue;
		assert_false(t->runs); /* never twice at once */
		*t = (struct truth){ true, k, r->life.attempt };
		lead_say(&w->g, SK_EVENT_STARTED, r->id, r->life.attempt, w->sims[k].id);
	}
}

/* It has ended, one way or the other; what is not ours any more is only stopped. */
static void
end_one(struct world *w, int k, int i, enum sk_life_kind kind)
{
	const struct sk_record *r;
	char id[8];

	snprintf(id, sizeof(id), "t%d", i);
	r = w->truth[i].runs && w->truth[i].sim == k ? mine(w, k, id) : NULL;
	if (w->truth[i].sim == k)
		w->truth[i].runs = false;
	if (r == NULL || r->life.phase != SK_RUNNING || !lead_step(&w->g, id, kind))
		return;
	lead_say(&w->g, kind == SK_LIFE_FINISH ? SK_EVENT_FINISHED : SK_EVENT_INTERRUPTED, id,
		r->life.attempt, w->sims[k].id);
}

/* What was cut off is handed back once the store is there again. */
static void
hand_back(struct world *w, int k)
{
	for (int i = 0; i < w->n_tasks; i++) {
		const struct sk_record *r;
		char id[8];

		snprintf(id, sizeof(id), "t%d", i);
		if (w->adding[i] == NULL || !w->adding[i]->done || lead_get(&w->g, id) == NULL)
			continue;
		r = mine(w, k, id);
		if (r != NULL && r->life.phase == SK_RUNNING && !w->truth[i].runs &&
			lead_step(&w->g, id, SK_LIFE_INTERRUPT))
			lead_say(&w->g, SK_EVENT_INTERRUPTED, id, r->life.attempt, w->sims[k].id);
	}
}

static void
sim_step(struct world *w, int k)
{
	struct leader_sim *s = &w->sims[k];

	if (below(w, 40) == 0)
		s->still = !s->still;
	if (s->still)
		return;
	if (below(w, 60) == 0)
		start_anew(w, k);
	if (!is_trusted(w, s) || below(w, 2) == 0)
		renew(w, s);
	hand_back(w, k);
	start_given(w, k);
	if (w->n_tasks > 0 && below(w, 3) == 0)
		end_one(w, k, (int)below(w, (uint64_t)w->n_tasks),
			below(w, 6) == 0 ? SK_LIFE_INTERRUPT : SK_LIFE_FINISH);
}

/* ---- controllers ---- */

static void
break_line(struct world *w, struct peer *p)
{
	switch (below(w, 6)) {
	case 0:
		p->cut = !p->cut;
		break;
	case 1:
		p->mute = !p->mute;
		break;
	case 2:
		p->deaf = !p->deaf;
		break;
	case 3:
		p->lies = true;
		break;
	case 4:
		if (!w->left && below(w, 10) == 0) {
			w->left = true;
			sk_control_stop(p->c);
		}
		break;
	default:
		p->cut = p->mute = p->deaf = p->lies = false;
	}
}

static void
add_task(struct world *w, int k)
{
	char id[8];

	if (w->n_tasks == TASKS)
		return;
	snprintf(id, sizeof(id), "t%d", w->n_tasks);
	w->adding[w->n_tasks++] = lead_add_begin(&w->g, k, id, NULL);
}

static void
peer_step(struct world *w, int k)
{
	struct peer *p = &w->g.peers[k];

	if (below(w, 30) == 0)
		p->still = !p->still;
	if (p->still)
		return;
	switch (below(w, 8)) {
	case 0:
		peer_loop(p);
		break;
	case 1:
		peer_tick(p);
		break;
	case 2:
		peer_hear(p);
		break;
	case 3:
		peer_look(p);
		break;
	case 4:
		break_line(w, p);
		break;
	case 5:
		add_task(w, k);
		break;
	default:
		peer_send(p, below(w, 30) == 0);
	}
}

/* All of it at once, as a process does that is not in trouble. */
static void
peer_turn(struct peer *p)
{
	for (int i = 0; i < 6 && !p->still; i++) {
		peer_loop(p);
		peer_tick(p);
		while (p->out.n > 0)
			peer_send(p, false);
		peer_hear(p);
		lead_check(p->g);
	}
}

static void
random_step(struct world *w)
{
	static const int64_t longest[] = { 1, 40, 400, 5000 };
	int k = (int)below(w, (uint64_t)w->g.n);

	w->g.now += 1 + (int64_t)below(w, (uint64_t)longest[below(w, 4)]);
	stop_untrusted(w);
	if (below(w, 3) == 0)
		sim_step(w, (int)below(w, SIMS));
	else if (below(w, 3) == 0)
		peer_turn(&w->g.peers[k]);
	else
		peer_step(w, k);
	lead_check(&w->g);
}

/* ---- the end ---- */

/* Waiting times pass by another clock than ours. */
static void
open_gates(struct world *w)
{
	struct sk_op_find find = {
		.filter = { .phases = 1u << SK_CREATED, .gates = 1u << SK_GATE_TIME }, .limit = 100
	};

	lead_wait(&w->g, &find.op, SK_OP_FIND);
	for (size_t i = 0; i < find.n; i++) {
		struct sk_record *r = find.records[i];
		struct sk_move move = { .id = r->id,
			.expect_attempt = r->life.attempt,
			.expect_phase = SK_CREATED,
			.set = SK_SET_GATE,
			.to = r };
		struct sk_op_move op = { .moves = &move, .n = 1 };

		r->gate = SK_GATE_OPEN;
		lead_wait(&w->g, &op.op, SK_OP_MOVE);
	}
}

static bool
is_waiting(const struct world *w)
{
	for (int i = 0; i < w->n_tasks; i++)
		if (!w->adding[i]->done)
			return true;
	return false;
}

static bool
all_ended(struct world *w)
{
	struct sk_op_count count = { .filter = { .phases = 0 } };

	lead_wait(&w->g, &count.op, SK_OP_COUNT);
	return count.by_phase[SK_CREATED] + count.by_phase[SK_ASSIGNING] + count.by_phase[SK_RUNNING] ==
		0;
}

static void
heal(struct world *w)
{
	for (int k = 0; k < w->g.n; k++) {
		struct peer *p = &w->g.peers[k];

		p->still = p->cut = p->mute = p->deaf = p->lies = false;
	}
	for (int k = 0; k < SIMS; k++)
		w->sims[k].still = false;
	w->g.now += 2 * LEASE_MS; /* whoever leads from now on begins anew */
	stop_untrusted(w);
}

static void
settle(struct world *w)
{
	int64_t end = w->g.now + 12 * LEASE_MS;

	heal(w);
	while (!all_ended(w) || is_waiting(w)) {
		assert_true(w->g.now < end);
		w->g.now += 250;
		stop_untrusted(w);
		open_gates(w);
		for (int k = 0; k < SIMS; k++) {
			if (w->g.now % 1000 < 250)
				renew(w, &w->sims[k]);
			hand_back(w, k);
			start_given(w, k);
			for (int i = 0; i < w->n_tasks; i++)
				end_one(w, k, i, SK_LIFE_FINISH);
		}
		for (int k = 0; k < w->g.n; k++) {
			if (w->g.now % 1500 < 250)
				peer_look(&w->g.peers[k]);
			peer_turn(&w->g.peers[k]);
		}
	}
}

static uint64_t current;
static struct {
	unsigned long long terms, assigned, canceled, tasks;
} seen; /* that something happened at all */

static void
note(struct world *w)
{
	seen.terms += w->g.term;
	for (int k = 0; k < w->g.n; k++) {
		seen.assigned += w->g.peers[k].assigned;
		seen.canceled += w->g.peers[k].canceled;
	}
	seen.tasks += (unsigned long long)w->n_tasks;
}

static void
one_schedule(uint64_t seed)
{
	struct world *w = sk_xcalloc(1, sizeof(*w));
	struct sk_op_count count = { .filter = { .phases = 0 } };
	int64_t stored = 0;

	w->random = seed * 2654435761u + 88172645463325252u;
	lead_open(&w->g, 2 + (int)below(w, 2));
	for (int k = 0; k < SIMS; k++) {
		w->sims[k] = (struct leader_sim){ .incarnation = 1 };
		snprintf(w->sims[k].id, sizeof(w->sims[k].id), "s%d", k);
		renew(w, &w->sims[k]);
	}
	lead_turn(&w->g); /* all are up: their start is tried again by another clock than ours */
	for (int i = 0; i < STEPS; i++)
		random_step(w);
	settle(w);
	for (int i = 0; i < w->n_tasks; i++) {
		assert_true(w->adding[i]->done);
		stored += w->adding[i]->op.op.code == SK_OK;
	}
	lead_wait(&w->g, &count.op, SK_OP_COUNT);
	assert_true(count.by_phase[SK_FINISHED] >= stored); /* and those nobody knew to be stored */
	assert_int_equal(count.by_phase[SK_FAILED], 0);
	note(w);
	lead_close(&w->g);
	free(w);
}

static void
one_leads_whatever_happens(void **state)
{
	const char *seed = getenv("SKALDS_SEED"), *rounds = getenv("ROUNDS"), *full = getenv("FULL");
	uint64_t n = full != NULL && strcmp(full, "1") == 0 ? FULL_ROUNDS : ROUNDS;

	(void)state;
	if (rounds != NULL)
		n = strtoull(rounds, NULL, 10);
	if (seed != NULL) {
		one_schedule(strtoull(seed, NULL, 10));
		return;
	}
	for (current = 1; current <= n; current++)
		one_schedule(current);
	current = 0;
	print_message("# %llu terms, %llu tasks, %llu assignments, %llu writes that came too late\n",
		seen.terms, seen.tasks, seen.assigned, seen.canceled);
	assert_true(seen.terms > n * 5 / 4 && seen.canceled > n / 100);
}

/* Which one it was. */
static int
tell_seed(void **state)
{
	(void)state;
	if (current != 0)
		print_message("# SKALDS_SEED=%llu\n", (unsigned long long)current);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(
		one_leads_whatever_happens, tell_seed) };

	sk_log_setup(&(struct sk_log_config){ .level = SK_CRITICAL });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
