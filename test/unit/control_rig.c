#include "test/unit/control_rig.h"
#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/memory/store.h"
#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct sk_field no_fields[] = { SK_FIELDS_END };
static const struct sk_worker job = { .name = "Job", .doc = "A job.", .fields = no_fields };
static const struct sk_worker quick = {
	.name = "Quick", .doc = "A quick job.", .fields = no_fields, .reusable = true
};
static const struct sk_worker special = {
	.name = "Special", .doc = "A rare one.", .fields = no_fields
};
static const struct sk_worker *const workers[] = { &job, &quick, &special, NULL };

/* ---- waiting ---- */

bool
control_rig_until(struct control_rig *g, int64_t ms, bool (*fn)(struct control_rig *g))
{
	int64_t end = sk_boot_ms() + ms;

	while (!fn(g)) {
		if (sk_boot_ms() > end)
			return false;
		sk_loop_once(g->loop, 5);
	}
	return true;
}

void
control_rig_run(struct control_rig *g, int64_t ms)
{
	int64_t end = sk_boot_ms() + ms;

	while (sk_boot_ms() < end)
		sk_loop_once(g->loop, 5);
}

/* ---- attempts of simulated skalds ---- */

struct attempt {
	struct sim *sim;
	size_t truth; /* index */
	uint32_t attempt;
	uint64_t incarnation;
	double cpus;
	struct sk_timer timer;
	bool whole; /* of an ordinary class: it has a slot to itself */
	bool waiting; /* for a slot, as in a supervisor */
	struct attempt *next;
	char id[40];
};

static struct attempt *attempts; /* of all rigs of this program */

static void step_start(struct attempt *a);

static int64_t
slots_used(const struct sim *s)
{
	int64_t n = 0;

	for (const struct attempt *a = attempts; a != NULL; a = a->next)
		n += a->sim == s && a->whole && !a->waiting;
	return n;
}

/* A slot is free: the first that waits, which is the last of the list, starts. */
static void
next_waiting(struct sim *s)
{
	struct attempt *first = NULL;

	if (s->dead || slots_used(s) >= s->slots)
		return;
	for (struct attempt *a = attempts; a != NULL; a = a->next)
		if (a->sim == s && a->waiting)
			first = a;
	if (first == NULL)
		return;
	first->waiting = false;
	step_start(first);
}

static void
unlink_attempt(struct attempt *a)
{
	struct attempt **p = &attempts;
	struct sim *s = a->sim;

	while (*p != NULL && *p != a)
		p = &(*p)->next;
	if (*p == a)
		*p = a->next;
	sk_timer_clear(a->sim->rig->loop, &a->timer);
	free(a);
	next_waiting(s);
}

static void
ended(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	struct attempt *a = arg;

	(void)err;
	if (code == SK_OK && !a->sim->dead)
		sk_control_tell(a->sim->rig->control,
			r->life.phase == SK_FINISHED		? SK_EVENT_FINISHED
				: r->life.phase == SK_FAILED	? SK_EVENT_FAILED
				: r->life.phase == SK_CANCELLED ? SK_EVENT_CANCELLED
												: SK_EVENT_RETRYING,
			/* the event speaks of the attempt that ended */
			&(struct sk_record){
				.id = a->id, .class_name = "Job", .life = { .attempt = a->attempt } },
			NULL);
	unlink_attempt(a);
}

static void
end_attempt(struct attempt *a, enum sk_life_kind kind)
{
	struct control_rig *g = a->sim->rig;
	const struct sk_step step = { .id = a->id,
		.event = { .kind = kind,
			.attempt = a->attempt,
			.executor = a->sim->id,
			.incarnation = a->incarnation },
		.exit = { .known = true,
			.reason = kind == SK_LIFE_GONE ? SK_REASON_CANCELLED : SK_REASON_EXITED,
			.code = kind == SK_LIFE_FAIL },
		.fn = ended,
		.arg = a };

	g->truth[a->truth].end_ms = sk_boot_ms();
	a->sim->running--;
	a->sim->cpus_used -= a->cpus;
	sk_control_step(g->control, &step);
}

static void
work_done(void *arg)
{
	struct attempt *a = arg;

	end_attempt(a, strncmp(a->id, "fail", 4) == 0 ? SK_LIFE_FAIL : SK_LIFE_FINISH);
}

static double
cpus_of(const struct sk_record *r)
{
	struct sk_spec_resources res;

	sk_spec_resources(r->spec, &res);
	return res.cpus;
}

static size_t
add_truth(struct control_rig *g, const struct attempt *a)
{
	if (g->n_truth == g->cap_truth) {
		g->cap_truth = g->cap_truth > 0 ? g->cap_truth * 2 : 256;
		g->truth = sk_xreallocarray(g->truth, g->cap_truth, sizeof(*g->truth));
	}
	g->truth[g->n_truth] = (struct truth){
		.attempt = a->attempt, .sim = (int)(a->sim - g->sims), .start_ms = sk_boot_ms()
	};
	snprintf(g->truth[g->n_truth].id, sizeof(g->truth[0].id), "%s", a->id);
	return g->n_truth++;
}

static void
running(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	struct attempt *a = arg;
	struct sim *s = a->sim;

	(void)err;
	if (code != SK_OK || s->dead) {
		unlink_attempt(a);
		return;
	}
	a->truth = add_truth(s->rig, a);
	a->cpus = cpus_of(r);
	s->started++;
	if (++s->running > s->most)
		s->most = s->running;
	s->cpus_used += a->cpus;
	if (s->cpus_used > s->cpus_most)
		s->cpus_most = s->cpus_used;
	a->timer = (struct sk_timer){ .fn = work_done, .arg = a };
	sk_timer_set(s->rig->loop, &a->timer, sk_boot_ms() + s->rig->run_ms);
	if (r->life.wanted == SK_WANT_CANCEL)
		end_attempt(a, SK_LIFE_GONE);
}

static void
step_start(struct attempt *a)
{
	const struct sk_step step = { .id = a->id,
		.event = { .kind = SK_LIFE_START,
			.attempt = a->attempt,
			.executor = a->sim->id,
			.incarnation = a->incarnation },
		.fn = running,
		.arg = a };

	sk_control_step(a->sim->rig->control, &step);
}

static struct attempt *
find_attempt(const struct sim *s, const char *id)
{
	for (struct attempt *a = attempts; a != NULL; a = a->next)
		if (a->sim == s && strcmp(a->id, id) == 0)
			return a;
	return NULL;
}

static void
begin(struct sim *s, const char *id, const char *class_name, uint32_t attempt)
{
	struct attempt *a;

	if (find_attempt(s, id) != NULL)
		return; /* said twice */
	a = sk_xcalloc(1, sizeof(*a));
	a->sim = s;
	a->attempt = attempt;
	a->incarnation = s->incarnation;
	a->next = attempts;
	attempts = a;
	snprintf(a->id, sizeof(a->id), "%s", id);
	a->waiting = true;
	a->whole = strcmp(class_name, "Quick") != 0;
	if (!a->whole) {
		a->waiting = false;
		step_start(a);
	} else
		next_waiting(s);
}

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct sim *s = arg;
	struct attempt *a;

	if (s->dead || s->deaf || strcmp(e->skald, s->id) != 0)
		return;
	if (topic == SK_TOPIC_ASSIGN) {
		begin(s, e->task, e->class_name, e->attempt);
		return;
	}
	a = find_attempt(s, e->task);
	if (a != NULL && topic == SK_TOPIC_CANCEL && a->timer.fn != NULL && a->timer.pos != 0) {
		sk_timer_clear(s->rig->loop, &a->timer);
		end_attempt(a, SK_LIFE_GONE);
	}
}

/* ---- looking into the store, as a node does when messages are lost ---- */

struct look {
	struct sk_arena *arena;
	struct sk_op_find op;
	struct sim *s;
};

static void
looked(struct sk_op *op)
{
	struct look *l = op->arg;

	for (size_t i = 0; op->code == SK_OK && i < l->op.n && !l->s->dead; i++)
		if (l->op.records[i]->life.phase == SK_ASSIGNING &&
			l->op.records[i]->life.incarnation == l->s->incarnation)
			begin(l->s, l->op.records[i]->id, l->op.records[i]->class_name,
				l->op.records[i]->life.attempt);
	sk_arena_free(l->arena);
	free(l);
}

static void
look(struct sim *s)
{
	struct look *l = sk_xcalloc(1, sizeof(*l));

	l->s = s;
	l->arena = sk_arena_new();
	l->op = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = looked, .arg = l, .arena = l->arena },
		.filter = { .executor = s->id, .phases = 1u << SK_ASSIGNING },
		.order = SK_OLDEST_FIRST,
		.limit = 1000
	};
	sk_store_submit(s->rig->store, &l->op.op);
}

/* ---- skalds ---- */

struct put {
	struct sk_arena *arena;
	struct sk_op_skald_put op;
	struct sk_skald row;
	struct sim *s;
	bool first;
};

static void
put_done(struct sk_op *op)
{
	struct put *p = op->arg;

	assert_int_equal(op->code, SK_OK);
	if (p->first) {
		const struct sk_event e = { .kind = SK_EVENT_SKALD,
			.task = "",
			.class_name = "",
			.skald = p->s->id,
			.stage = "",
			.message = "" };

		assert_int_equal(sk_bus_publish(p->s->rig->bus, SK_TOPIC_EVENT, &e), SK_OK);
	}
	sk_arena_free(p->arena);
	free(p);
}

static void
put_row(struct sim *s, bool first)
{
	struct put *p = sk_xcalloc(1, sizeof(*p));
	struct sk_value *labels;
	const char *eq = s->label != NULL ? strchr(s->label, '=') : NULL;

	p->s = s;
	p->first = first;
	p->arena = sk_arena_new();
	labels = sk_value_new(p->arena, SK_MAP);
	if (eq != NULL)
		sk_map_set(p->arena, labels, sk_arena_strndup(p->arena, s->label, (size_t)(eq - s->label)),
			sk_value_string(p->arena, eq + 1, strlen(eq + 1)));
	p->row = (struct sk_skald){ .id = s->id,
		.incarnation = s->incarnation,
		.renewals = ++s->renewals,
		.mode = SK_MODE_NODE,
		.version = "test",
		.host = "here",
		.slots = s->slots,
		.cpus = s->cpus,
		.memory_mb = s->memory_mb,
		.gpus = s->gpus,
		.classes = s->classes,
		.labels = labels,
		.lease_ms = s->lease_ms };
	p->op = (struct sk_op_skald_put){
		.op = { .kind = SK_OP_SKALD_PUT, .done = put_done, .arg = p, .arena = p->arena },
		.skald = &p->row,
		.take = true,
		.keep_draining = true
	};
	sk_store_submit(s->rig->store, &p->op.op);
}

static struct sk_timer renewal; /* of the rig that is open */

static void
renew(void *arg)
{
	struct control_rig *g = arg;

	for (int i = 0; i < g->n_sims; i++) {
		if (g->sims[i].dead)
			continue;
		put_row(&g->sims[i], false);
		if (g->sims[i].deaf)
			look(&g->sims[i]);
	}
	sk_timer_set(g->loop, &renewal, sk_boot_ms() + g->control->cfg.lease_ms / 3);
}

struct sim *
control_rig_skald(struct control_rig *g, int64_t slots)
{
	struct sim *s = &g->sims[g->n_sims];
	struct sk_err err;

	assert_true(g->n_sims < SIM_MAX);
	*s = (struct sim){ .rig = g,
		.incarnation = 1,
		.slots = slots,
		.cpus = 8,
		.memory_mb = 8192,
		.classes = { "Job", "Quick", NULL } };
	snprintf(s->id, sizeof(s->id), "s%02d", g->n_sims++);
	assert_int_equal(g->bus->ops->subscribe(
						 g->bus, 1u << SK_TOPIC_ASSIGN | 1u << SK_TOPIC_CANCEL, heard, s, &err),
		SK_OK);
	put_row(s, true);
	return s;
}

void
sim_dies(struct sim *s)
{
	s->dead = true;
	for (struct attempt *a = attempts, *next; a != NULL; a = next) {
		next = a->next;
		if (a->sim != s || (a->timer.pos == 0 && !a->waiting))
			continue;
		if (a->waiting) {
			unlink_attempt(a);
			continue;
		}
		s->rig->truth[a->truth].end_ms = sk_boot_ms();
		s->rig->truth[a->truth].gone = true;
		unlink_attempt(a);
	}
	s->running = 0;
	s->cpus_used = 0;
}

void
sim_returns(struct sim *s)
{
	s->dead = false;
	s->incarnation++;
	s->renewals = 0;
	put_row(s, true);
}

/* ---- the whole ---- */

static int64_t
wall(void *arg)
{
	const struct control_rig *g = arg;

	return g->now_ms != 0 ? g->now_ms : sk_wall_ms();
}

static int64_t
boot(void *arg)
{
	const struct control_rig *g = arg;

	return g->boot_ms != 0 ? g->boot_ms : sk_boot_ms();
}

static enum sk_code
publish_muted(struct sk_bus *b, enum sk_topic topic, const struct sk_event *e)
{
	(void)b;
	(void)topic;
	(void)e;
	return SK_OK;
}

/* A bus on which everything is lost. */
static const struct sk_bus_ops *
muted(const struct sk_bus_ops *ops)
{
	static struct sk_bus_ops lossy;

	lossy = *ops;
	lossy.publish = publish_muted;
	return &lossy;
}

static void
new_control(struct control_rig *g, enum sk_strategy strategy, int64_t lease_ms)
{
	const struct sk_control_config cfg = { .loop = g->loop,
		.store = g->store,
		.cache = g->cache,
		.bus = g->bus,
		.workers = workers,
		.name = "control",
		.dispatch = true,
		.strategy = strategy,
		.lease_ms = lease_ms,
		.reconcile_ms = 200,
		.data_dir = "",
		.seed = 7,
		.mixed = g->mixed,
		.parse_json = sk_json_parse,
		.boot_ms = boot,
		.wall_ms = wall,
		.clock_arg = g };

	g->control = sk_control_new(&cfg);
}

static void
open_rig(struct control_rig *g, enum sk_strategy strategy, int64_t lease_ms)
{
	struct sk_err err;

	g->run_ms = 5;
	g->loop = sk_loop_new(&err);
	assert_non_null(g->loop);
	g->store = sk_store_memory_open(g->loop);
	g->bus = sk_bus_local_open(&(struct sk_bus_local_config){ .loop = g->loop });
	g->cache = sk_cache_local_open(
		&(struct sk_cache_local_config){ .loop = g->loop, .boot_ms = boot, .clock_arg = g });
	assert_non_null(g->store);
	assert_non_null(g->bus);
	new_control(g, strategy, lease_ms);
	renewal = (struct sk_timer){ .fn = renew, .arg = g };
	renew(g);
}

void
control_rig_open(struct control_rig *g, enum sk_strategy strategy, int64_t lease_ms)
{
	memset(g, 0, sizeof(*g));
	open_rig(g, strategy, lease_ms);
}

void
control_rig_open_mixed(struct control_rig *g, enum sk_strategy strategy, int64_t lease_ms)
{
	memset(g, 0, sizeof(*g));
	g->mixed = true;
	g->boot_ms = 1000000;
	g->now_ms = sk_wall_ms();
	open_rig(g, strategy, lease_ms);
}

static bool
is_ready(struct control_rig *g)
{
	return sk_control_ready(g->control);
}

void
control_rig_start(struct control_rig *g)
{
	if (g->mute)
		g->bus->ops = muted(g->bus->ops);
	sk_control_start(g->control);
	assert_true(control_rig_until(g, 5000, is_ready));
	control_rig_run(g, 20); /* the skalds are known */
}

static void
no_op(struct control_rig *g)
{
	control_rig_run(g, 100); /* operations under way come back */
}

void
control_rig_restart(struct control_rig *g, enum sk_strategy strategy, int64_t lease_ms)
{
	sk_control_stop(g->control);
	no_op(g);
	sk_control_free(g->control);
	new_control(g, strategy, lease_ms);
	control_rig_start(g);
}

void
control_rig_close(struct control_rig *g)
{
	sk_timer_clear(g->loop, &renewal);
	for (int i = 0; i < g->n_sims; i++)
		sim_dies(&g->sims[i]);
	sk_control_stop(g->control);
	no_op(g);
	while (attempts != NULL)
		unlink_attempt(attempts);
	sk_store_close(g->store);
	sk_control_free(g->control);
	g->bus->ops->close(g->bus);
	g->cache->ops->close(g->cache);
	sk_loop_free(g->loop);
	free(g->truth);
}

/* ---- tasks ---- */

struct waiting {
	bool done;
	enum sk_code code;
};

static void
insert_done(struct sk_op *op)
{
	struct waiting *w = op->arg;

	w->done = true;
	w->code = op->code;
}

static void
wait_for(struct control_rig *g, const struct waiting *w)
{
	while (!w->done)
		sk_loop_once(g->loop, 100);
}

enum sk_code
control_rig_add_record(struct control_rig *g, struct sk_record *r)
{
	struct waiting w = { false, SK_OK };
	const struct sk_record *records[1] = { r };
	struct sk_op_insert op = {
		.op = { .kind = SK_OP_INSERT, .done = insert_done, .arg = &w }, .records = records, .n = 1
	};

	op.op.arena = sk_arena_new();
	sk_control_insert(g->control, &op);
	wait_for(g, &w);
	sk_arena_free(op.op.arena);
	return w.code;
}

static void
fill_record(struct control_rig *g, struct sk_arena *a, struct sk_record *r, const char *id,
	int64_t priority)
{
	sk_record_init(r, a);
	r->id = sk_arena_strdup(a, id);
	r->class_name = "Job";
	r->priority = priority;
	r->life.max_attempts = 3;
	r->create_ms = r->update_ms = wall(g);
	r->rank_ms = r->create_ms - priority * SK_PRIORITY_MS;
}

/* "resources" "{…}"-like values are given as key, kind, value: "cpus:3" sets resources.cpus. */
static void
add_pair(struct sk_arena *a, struct sk_record *r, struct sk_value *spec, const char *key,
	const char *text)
{
	struct sk_value *v;
	const struct sk_value *old;

	if (strcmp(key, "className") == 0) {
		r->class_name = sk_arena_strdup(a, text);
	} else if (strcmp(key, "dependencies") == 0) {
		char *copy = sk_arena_strdup(a, text), *save = NULL;

		v = sk_value_new(a, SK_LIST);
		for (char *t = strtok_r(copy, " ", &save); t != NULL; t = strtok_r(NULL, " ", &save))
			sk_list_add(a, v, sk_value_string(a, t, strlen(t)));
		sk_map_set(a, spec, key, v);
		r->gate = SK_GATE_DEPENDENCY;
	} else if (strcmp(key, "cpus") == 0 || strcmp(key, "gpus") == 0) {
		old = sk_map_get(spec, "resources");
		v = old != NULL ? (struct sk_value *)(uintptr_t)old : sk_value_new(a, SK_MAP);
		sk_map_set(a, v, key, sk_value_int(a, atoll(text)));
		sk_map_set(a, spec, "resources", v);
	} else if (strcmp(key, "zone") == 0) {
		struct sk_value *labels = sk_value_new(a, SK_MAP);

		v = sk_value_new(a, SK_MAP);
		sk_map_set(a, labels, "zone", sk_value_string(a, text, strlen(text)));
		sk_map_set(a, v, "labels", labels);
		sk_map_set(a, spec, "resources", v);
	} else if (strcmp(key, "array") == 0) {
		struct sk_err err;

		r->array = sk_arena_strdup(a, text);
		r->array_size = atoll(strchr(text, '-') + 1) + 1;
		(void)err;
	} else if (strcmp(key, "backoffSeconds") == 0 || strcmp(key, "deadlineDateTime") == 0)
		sk_map_set(a, spec, key, sk_value_int(a, atoll(text)));
	else if (strcmp(key, "maxAttempts") == 0)
		r->life.max_attempts = (uint32_t)atoi(text);
	else if (strcmp(key, "notBefore") == 0) {
		r->due_ms = atoll(text);
		r->gate = SK_GATE_TIME;
	} else
		sk_map_set(a, spec, key, sk_value_string(a, text, strlen(text)));
}

enum sk_code
control_rig_add(struct control_rig *g, const char *id, int64_t priority, const char *const *pairs)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *spec = sk_value_new(a, SK_MAP);
	struct sk_record r;
	enum sk_code code;

	fill_record(g, a, &r, id, priority);
	for (; pairs != NULL && pairs[0] != NULL; pairs += 2)
		add_pair(a, &r, spec, pairs[0], pairs[1]);
	r.spec = spec;
	code = control_rig_add_record(g, &r);
	sk_arena_free(a);
	return code;
}

void
control_rig_add_many(struct control_rig *g, const char *prefix, int n)
{
	control_rig_add_class(g, prefix, n, "Job");
}

void
control_rig_add_class(struct control_rig *g, const char *prefix, int n, const char *class_name)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record *all = sk_arena_alloc(a, (size_t)n * sizeof(*all));
	const struct sk_record **records = sk_arena_alloc(a, (size_t)n * sizeof(*records));
	struct waiting w = { false, SK_OK };
	struct sk_op_insert op = { .op = { .kind = SK_OP_INSERT, .done = insert_done, .arg = &w },
		.records = records,
		.n = (size_t)n };

	for (int i = 0; i < n; i++) {
		char id[40];

		snprintf(id, sizeof(id), "%s%d", prefix, i);
		fill_record(g, a, &all[i], id, 0);
		all[i].class_name = class_name;
		records[i] = &all[i];
	}
	op.op.arena = sk_arena_new();
	sk_control_insert(g->control, &op);
	wait_for(g, &w);
	assert_int_equal(w.code, SK_OK);
	sk_arena_free(op.op.arena);
	sk_arena_free(a);
}

struct sk_record *
control_rig_get(struct control_rig *g, struct sk_arena *a, const char *id)
{
	const char *ids[1] = { id };
	struct sk_op_get op = { .op = { .kind = SK_OP_GET, .arena = a }, .ids = ids, .n = 1 };

	assert_int_equal(sk_store_wait(g->store, g->loop, &op.op), SK_OK);
	return op.records[0];
}

enum sk_phase
control_rig_phase(struct control_rig *g, const char *id)
{
	struct sk_arena *a = sk_arena_new();
	const struct sk_record *r = control_rig_get(g, a, id);
	enum sk_phase p = r != NULL ? r->life.phase : SK_N_PHASE;

	sk_arena_free(a);
	return p;
}

void
control_rig_count(struct control_rig *g, int64_t by_phase[SK_N_PHASE])
{
	struct sk_op_count op = { .op = { .kind = SK_OP_COUNT, .arena = sk_arena_new() } };

	assert_int_equal(sk_store_wait(g->store, g->loop, &op.op), SK_OK);
	memcpy(by_phase, op.by_phase, sizeof(op.by_phase));
	sk_arena_free(op.op.arena);
}

bool
control_rig_all_ended(struct control_rig *g)
{
	int64_t n[SK_N_PHASE];

	control_rig_count(g, n);
	return n[SK_CREATED] + n[SK_ASSIGNING] + n[SK_RUNNING] + n[SK_PAUSED] == 0;
}

size_t
control_rig_overlaps(const struct control_rig *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_truth; i++)
		for (size_t k = i + 1; k < g->n_truth; k++) {
			const struct truth *a = &g->truth[i], *b = &g->truth[k];

			if (strcmp(a->id, b->id) == 0 && (a->end_ms == 0 || b->start_ms < a->end_ms) &&
				(b->end_ms == 0 || a->start_ms < b->end_ms))
				n++;
		}
	return n;
}

size_t
control_rig_runs(const struct control_rig *g, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_truth; i++)
		n += strcmp(g->truth[i].id, id) == 0;
	return n;
}

struct changing {
	struct waiting w;
	struct control_rig *g;
	enum sk_life_kind kind;
};

static void
changed(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	struct changing *ch = arg;
	struct sk_control *c = ch->g->control;

	(void)err;
	ch->w.done = true;
	ch->w.code = code;
	if (code != SK_OK)
		return;
	if (sk_phase_live(r->life.phase) && r->array_size == 0)
		sk_control_nudge(c, SK_TOPIC_CANCEL, r);
	else
		sk_control_tell(c,
			r->life.phase == SK_CANCELLED	? SK_EVENT_CANCELLED
				: ch->kind == SK_LIFE_PAUSE ? SK_EVENT_PAUSED
											: SK_EVENT_RESUMED,
			r, NULL);
	sk_arrays_changed(c, r);
}

enum sk_code
control_rig_change(struct control_rig *g, const char *id, enum sk_life_kind kind)
{
	struct changing ch = { .g = g, .kind = kind };
	const struct sk_step step = { .id = id, .event = { .kind = kind }, .fn = changed, .arg = &ch };

	sk_control_step(g->control, &step);
	wait_for(g, &ch.w);
	return ch.w.code;
}
