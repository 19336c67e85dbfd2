/* plan_random_test.c - a plan and a model of the supervisor, driven by chance for 100,000 steps and
 * more: frames are delayed, tasks end in any way, files change, links die with what was on its way.
 * After every step: never two live attempts of one task, attempts only grow, limits hold, nothing
 * is forgotten while it runs, dependencies are kept, and the plan agrees with the supervisor once
 * all frames have arrived. SKALDS_SEED repeats a run; SKALDS_STEPS makes it longer. */
#include "test/unit/plan_model.h"
#include "test/unit/plan_rig.h"
#include "core/base/mem.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* ---- the plan's effects ---- */

static void
check_dependencies(const struct world *w, const struct sk_plan_task *t)
{
	const char *const *ids = t->spec.dependencies.items;
	size_t n;
	struct sk_plan_task *const *tasks = sk_plan_tasks(w->plan, &n);

	if (w->again[model_number(t->spec.id)])
		return; /* it once could start: its restarts and retries wait for nobody */
	for (size_t i = 0; i < t->spec.dependencies.n; i++)
		for (size_t k = 0; k < n; k++)
			if (strcmp(tasks[k]->spec.id, ids[i]) == 0 && !tasks[k]->removed &&
				tasks[k]->state != SK_P_FINISHED)
				fail_msg("%s starts before %s has finished (%s)", t->spec.id, ids[i],
					sk_plan_state_name(tasks[k]->state));
}

static struct attempt
as_attempt(const struct sk_plan_task *t)
{
	struct attempt a = { .key = t->key,
		.attempt = t->attempt,
		.failures = t->failures,
		.spec_hash = sk_plan_spec_hash(&t->spec),
		.class_name = t->spec.worker != NULL ? t->spec.worker->name : "",
		.cpus = t->spec.resources.cpus,
		.memory_mb = t->spec.resources.memory_mb };

	snprintf(a.id, sizeof(a.id), "%s", t->spec.id);
	return a;
}

static void
on_start(void *arg, struct sk_plan_task *t)
{
	struct world *w = arg;
	struct attempt a = as_attempt(t);
	int n = model_number(a.id);

	if (w->draining)
		fail_msg("%s starts in a drain", a.id);
	if (!w->loaded[n])
		fail_msg("%s starts and is not in the file", a.id);
	if (w->newest[n] == a.key && a.attempt <= w->highest[n])
		fail_msg("%s: attempt %u after %u", a.id, a.attempt, w->highest[n]);
	check_dependencies(w, t);
	w->newest[n] = a.key;
	w->highest[n] = a.attempt;
	w->starts++;
	model_put(&w->to_sup, START, &a);
}

static void
on_stop(void *arg, struct sk_plan_task *t, enum sk_reason reason)
{
	struct attempt a = as_attempt(t);

	a.stop = reason;
	model_put(&((struct world *)arg)->to_sup, STOP, &a);
}

static void
on_update(void *arg, struct sk_plan_task *t)
{
	const struct attempt a = as_attempt(t);

	assert_int_equal(t->state, SK_P_RUNNING);
	assert_non_null(t->spec.worker->update);
	model_put(&((struct world *)arg)->to_sup, UPDATE, &a);
}

static void
on_forget(void *arg, struct sk_plan_task *t)
{
	struct world *w = arg;
	const struct attempt *a = model_known(w, t->key, false);
	const struct attempt gone = as_attempt(t);

	if (a != NULL && model_live(a))
		fail_msg("%s/%u is forgotten while it runs", a->id, a->attempt);
	for (size_t i = 0; i < w->to_sup.n; i++) {
		const struct message *m = &w->to_sup.list[(w->to_sup.head + i) % MAX_FRAMES];

		if (m->kind == START && m->a.key == t->key)
			fail_msg("%s/%u is forgotten before it was started", t->spec.id, m->a.attempt);
	}
	w->forgets++;
	model_put(&w->to_sup, FORGET, &gone);
}

static void
on_event(void *arg, const struct sk_plan_task *t, const char *name)
{
	(void)t;
	((struct world *)arg)->skips += strcmp(name, "skipped") == 0;
}

static const struct sk_plan_ops ops = {
	.start = on_start,
	.stop = on_stop,
	.update = on_update,
	.forget = on_forget,
	.event = on_event,
};

/* ---- the link: what link.c does with the plan ---- */

static struct sk_task_report
report_of(const struct attempt *a)
{
	return (struct sk_task_report){
		.id = a->id,
		.class_name = a->settled ? "" : a->class_name,
		.state = a->state,
		.failures = a->failures,
		.pid = 99,
		.spec_hash = a->spec_hash,
		.start_boot_ms = a->start_ms,
		.end_boot_ms = a->end_ms,
		.reason = a->reason,
		.code = a->code,
	};
}

static void
link_take(struct world *w, const struct message *m)
{
	const struct sk_task_report rep = report_of(&m->a);

	if (m->kind == STARTED) {
		sk_plan_started(w->plan, m->a.key, m->a.attempt, &rep);
		return;
	}
	sk_plan_exited(w->plan, m->a.key, m->a.attempt, &rep, w->now_ms);
	model_put(&w->to_sup, ACK, &m->a);
}

static void
link_load(struct world *w)
{
	struct plan_file f;
	char id[16], deps[64];
	size_t from = model_dice(w, N_IDS); /* the order changes, too */

	file_begin(&f, N_IDS);
	for (size_t k = 0; k < N_IDS; k++) {
		size_t i = (from + k) % N_IDS;
		struct sk_task_spec *t;

		w->loaded[i] = w->file[i].in;
		if (!w->file[i].in)
			continue;
		snprintf(id, sizeof(id), "t%zu", i);
		t = file_task(&f, id);
		file_class(t, w->file[i].live ? &plan_live : &plan_plain);
		file_set(&f, t, w->file[i].version);
		t->restart = w->file[i].restart;
		t->retry.max_attempts = w->file[i].attempts;
		t->priority = w->file[i].priority;
		t->resources = (struct sk_task_resources){ w->file[i].cpus, w->file[i].mb };
		deps[0] = '\0';
		for (int d = 0; d < 2; d++)
			if (w->file[i].dep[d] >= 0 && w->file[w->file[i].dep[d]].in)
				snprintf(
					deps + strlen(deps), sizeof(deps) - strlen(deps), "t%d ", w->file[i].dep[d]);
		file_depends(&f, t, deps);
	}
	sk_plan_load(w->plan, &f.list, f.arena, w->now_ms);
}

/* kill -9 of the link: what it had said and not sent is lost, what was sent to it too. */
static void
link_dies(struct world *w)
{
	static const struct sk_plan_limits limits = { SLOTS, CPUS, MEMORY_MB };
	size_t n = w->n_known, arrived = w->to_sup.n > 0 ? model_dice(w, w->to_sup.n + 1) : 0;
	size_t from = n > 0 ? model_dice(w, n) : 0;
	struct message m;

	for (size_t i = 0; i < arrived && model_take(&w->to_sup, &m); i++)
		model_deliver(w, &m);
	w->to_sup.n = w->to_plan.n = 0;
	sk_plan_free(w->plan);
	w->plan = sk_plan_new(&limits, &ops, w);
	w->deaths++;
	for (size_t i = 0; i < N_IDS; i++) { /* what never reached the supervisor never was */
		w->highest[i] = 0;
		w->newest[i] = 0;
	}
	link_load(w);
	n = w->n_known;
	from = n > 0 ? from % n : 0;
	for (size_t k = 0; k < n; k++) { /* any order: a hash table's */
		struct attempt a = w->known[(from + k) % n];
		const struct sk_task_report rep = report_of(&a);
		int i = model_number(a.id);

		if (a.key >= w->newest[i]) {
			w->newest[i] = a.key;
			w->highest[i] = a.attempt;
		}
		sk_plan_adopt(w->plan, a.key, a.attempt, &rep, a.settled, w->now_ms);
	}
	for (size_t k = 0; k < n; k++)
		if (w->known[k].state == SK_T_ENDED && !w->known[k].settled)
			model_put(&w->to_sup, ACK, &w->known[k]);
	if (w->draining)
		sk_plan_drain(w->plan);
}

/* ---- invariants ---- */

static void
check_limits(const struct world *w)
{
	size_t n, held = 0, with_cpus = 0, with_memory = 0;
	struct sk_plan_task *const *tasks = sk_plan_tasks(w->plan, &n);
	int64_t cpus = 0, memory_mb = 0;

	for (size_t i = 0; i < n; i++) {
		const struct sk_plan_task *t = tasks[i];
		bool active =
			t->state == SK_P_STARTING || t->state == SK_P_RUNNING || t->state == SK_P_STOPPING;

		assert_int_equal(t->holds, active);
		if (!active)
			continue;
		held++;
		cpus += t->held_cpus;
		memory_mb += t->held_memory_mb;
		with_cpus += t->held_cpus > 0;
		with_memory += t->held_memory_mb > 0;
	}
	/* a link that was reborn finds what it finds; its file may ask for more than the one before */
	if (w->deaths > 0)
		return;
	assert_true(held <= SLOTS + PREFETCH);
	assert_true(cpus <= CPUS * 1000000 || with_cpus == 1);
	assert_true(memory_mb <= MEMORY_MB || with_memory == 1);
}

static void
check_counts(struct world *w)
{
	size_t n, count[SK_P_SKIPPED + 1] = { 0 }, sum = 0;
	struct sk_plan_task *const *tasks = sk_plan_tasks(w->plan, &n);

	for (size_t i = 0; i < n; i++) {
		count[tasks[i]->state]++;
		if (tasks[i]->state == SK_P_BACKOFF)
			w->again[model_number(tasks[i]->spec.id)] = true;
		else if (tasks[i]->state != SK_P_READY)
			w->again[model_number(tasks[i]->spec.id)] = false;
		if (sk_plan_find(w->plan, tasks[i]->key) != tasks[i])
			fail_msg("%s cannot be found by its key", tasks[i]->spec.id);
	}
	for (enum sk_plan_state s = SK_P_WAITING; s <= SK_P_SKIPPED; s++) {
		assert_int_equal(sk_plan_count(w->plan, s), count[s]);
		sum += count[s];
	}
	assert_int_equal(sum, n);
}

/* All frames have arrived: both sides must tell the same story. */
static void
check_agreement(struct world *w)
{
	size_t n;
	struct sk_plan_task *const *tasks = sk_plan_tasks(w->plan, &n);

	for (size_t i = 0; i < n; i++) {
		const struct sk_plan_task *t = tasks[i];
		const struct attempt *a = model_known(w, t->key, false);
		bool active =
			t->state == SK_P_STARTING || t->state == SK_P_RUNNING || t->state == SK_P_STOPPING;

		if (active && (a == NULL || a->attempt != t->attempt || !model_live(a)))
			fail_msg("%s/%u is %s and the supervisor knows nothing of it", t->spec.id, t->attempt,
				sk_plan_state_name(t->state));
		if (t->state == SK_P_RUNNING && a->state == SK_T_RUNNING &&
			a->spec_hash != sk_plan_spec_hash(&t->spec))
			fail_msg("%s/%u runs with what the file said once", t->spec.id, t->attempt);
		if (!active && a != NULL)
			fail_msg("%s/%u is %s and the supervisor says something else", t->spec.id, t->attempt,
				sk_plan_state_name(t->state));
	}
	for (size_t i = 0; i < w->n_known; i++) {
		const struct attempt *a = &w->known[i];

		if (model_live(a) && sk_plan_find(w->plan, a->key) == NULL)
			fail_msg("%s/%u runs and the plan does not know it", a->id, a->attempt);
	}
}

/* ---- steps ---- */

static void
change_file(struct world *w)
{
	size_t i = model_dice(w, N_IDS);

	switch (model_dice(w, 6)) {
	case 0:
	case 1:
		w->file[i].in = !w->file[i].in;
		break;
	case 2:
		w->file[i].version = (int)model_dice(w, 3);
		break;
	case 3:
		w->file[i].live = !w->file[i].live;
		break;
	case 4: /* only on those before it: no cycle */
		w->file[i].dep[model_dice(w, 2)] =
			i > 0 && model_dice(w, 4) > 0 ? (int)model_dice(w, i) : -1;
		break;
	default:
		w->file[i].restart = (int)model_dice(w, 3);
		w->file[i].attempts = 1 + (int64_t)model_dice(w, 3);
		w->file[i].priority = (int64_t)model_dice(w, 11);
		w->file[i].cpus = (double)model_dice(w, 30) / 10;
		w->file[i].mb = (int64_t)model_dice(w, 700);
	}
	if (model_dice(w, 3) == 0)
		link_load(w);
}

static void
deliver_all(struct world *w)
{
	struct message m;

	while (w->to_sup.n + w->to_plan.n > 0) {
		while (model_take(&w->to_sup, &m))
			model_deliver(w, &m);
		while (model_take(&w->to_plan, &m))
			link_take(w, &m);
	}
}

static void
step(struct world *w)
{
	struct message m;
	uint64_t what = model_dice(w, 100);

	if (what < 20) {
		if (model_take(&w->to_sup, &m))
			model_deliver(w, &m);
	} else if (what < 40) {
		if (model_take(&w->to_plan, &m))
			link_take(w, &m);
	} else if (what < 55)
		model_chance(w);
	else if (what < 75)
		model_run(w);
	else if (what < 90) {
		int64_t next = sk_plan_tick(w->plan, w->now_ms);

		assert_true(next == -1 || next > w->now_ms);
	} else if (what < 95)
		w->now_ms += (int64_t)model_dice(w, 3000);
	else if (what < 98)
		change_file(w);
	else if (what < 99) {
		deliver_all(w);
		check_agreement(w);
	} else if (w->mortal && model_dice(w, 4) == 0)
		link_dies(w);
}

static void
sup_drain(struct world *w)
{
	w->draining = true;
	sk_plan_drain(w->plan);
	for (size_t i = 0; i < w->n_known; i++)
		model_stop(w, &w->known[i], SK_REASON_INTERRUPTED);
}

static void
world_new(struct world *w, uint64_t chance)
{
	static const struct sk_plan_limits limits = { SLOTS, CPUS, MEMORY_MB };

	memset(w, 0, sizeof(*w));
	w->chance = chance;
	w->now_ms = 1000000;
	for (size_t i = 0; i < N_IDS; i++) {
		w->file[i].dep[0] = w->file[i].dep[1] = -1;
		w->file[i].attempts = 1;
		w->file[i].in = model_dice(w, 2) == 0;
	}
	w->plan = sk_plan_new(&limits, &ops, w);
	link_load(w);
}

/* SIGTERM at any moment, with everything on its way: all must come to an end. */
static void
everything_ends(struct world *w)
{
	sup_drain(w);
	for (int i = 0; i < 20000 && (w->to_sup.n + w->to_plan.n > 0 || !sk_plan_over(w->plan)); i++) {
		step(w);
		check_counts(w);
	}
	deliver_all(w);
	for (size_t i = 0; i < w->n_known; i++)
		if (model_live(&w->known[i]))
			fail_msg("%s/%u still lives after the drain", w->known[i].id, w->known[i].attempt);
	check_agreement(w);
	if (!sk_plan_over(w->plan))
		fail_msg("the plan never ends");
}

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- no endless waiting ---- */

/* With tasks that all end for good, and no more changes: everything comes to a final state. */
static void
everything_comes_to_an_end(struct world *w)
{
	for (size_t i = 0; i < N_IDS; i++)
		w->file[i].restart = SK_RESTART_NEVER;
	deliver_all(w);
	link_load(w);
	for (int i = 0; i < 100000 && !sk_plan_over(w->plan); i++) {
		deliver_all(w);
		check_counts(w);
		sk_plan_tick(w->plan, w->now_ms);
		model_run(w);
		model_chance(w);
		w->now_ms += 100;
	}
	if (!sk_plan_over(w->plan))
		for (size_t i = 0, n = 0; i < (sk_plan_tasks(w->plan, &n), n); i++)
			print_error("%s is %s\n", sk_plan_tasks(w->plan, &n)[i]->spec.id,
				sk_plan_state_name(sk_plan_tasks(w->plan, &n)[i]->state));
	assert_true(sk_plan_over(w->plan));
	check_counts(w);
}

static void
chance_breaks_no_rule(void **state)
{
	uint64_t seed = number_from("SKALDS_SEED", (uint64_t)time(NULL));
	uint64_t steps = number_from("SKALDS_STEPS", 150000), done = 0;
	static struct world w; /* large */
	size_t starts = 0, deaths = 0, forgets = 0, skips = 0;

	(void)state;
	print_message("# SKALDS_SEED=%" PRIu64 "\n", seed);
	for (uint64_t life = 0; done < steps; life++) {
		uint64_t length;

		world_new(&w, (seed + 1) * 0x9e3779b97f4a7c15u + life * 0xbf58476d1ce4e5b9u + 1);
		w.mortal = life % 2 == 0; /* where they never die, limits are checked to the end */
		length = 500 + model_dice(&w, 5000);
		for (uint64_t i = 0; i < length; i++, done++) {
			step(&w);
			check_counts(&w);
			check_limits(&w);
		}
		if (life % 4 < 2)
			everything_comes_to_an_end(&w);
		everything_ends(&w);
		starts += w.starts;
		deaths += w.deaths;
		forgets += w.forgets;
		skips += w.skips;
		sk_plan_free(w.plan);
	}
	print_message("# %" PRIu64
				  " steps, %zu starts, %zu deaths of the link, %zu forgotten, %zu skipped\n",
		done, starts, deaths, forgets, skips);
	assert_true(starts > steps / 100 && deaths > 10 && forgets > 100 && skips > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(chance_breaks_no_rule) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
