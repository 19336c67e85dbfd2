#include "core/run/plan.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/run/worker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRIORITIES 11
#define PREFETCH 32		/* starts handed over ahead of free slots: the supervisor never waits for us */
#define RESTART_FLOOR_MS 1000
#define HEALTHY_MS 10000	/* a run this long starts the back-off of `restart` anew */

/* The arena of one reading of the file, alive as long as a task's spec is in it. */
struct sk_generation {
	struct sk_arena *arena;
	size_t refs;
};

struct sk_plan {
	struct sk_plan_limits limits;
	const struct sk_plan_ops *ops;
	void *arg;
	struct sk_plan_task **tasks;
	size_t n, cap;
	struct sk_map by_key, by_id;	/* by_id: hash of the id */
	uint64_t next_key;
	struct ready { struct sk_plan_task *head, *tail; } ready[PRIORITIES];
	size_t count[SK_P_SKIPPED + 1];
	uint32_t held;			/* attempts handed over and not yet ended */
	int64_t cpus, memory_mb;	/* held by them; cpus in millionths: sums of doubles drift */
	struct sk_plan_task *ended;	/* whose dependants have not been looked at yet */
	bool waking;			/* somebody goes through `ended` already */
	bool look;			/* not all is known yet: dependencies wait for look_at_all */
	bool collided;			/* two tasks have one hash: by_id does not find them all */
	bool draining;
};

const char *
sk_plan_state_name(enum sk_plan_state s)
{
	static const char *const names[] = { "waiting", "ready", "backoff", "starting", "running",
		"stopping", "finished", "failed", "cancelled", "interrupted", "skipped" };

	return names[s];
}

int64_t
sk_backoff_ms(const struct sk_retry *r, uint32_t failures, int64_t floor_ms)
{
	double ms = r->backoff_s * 1000;

	for (uint32_t i = 1; i < failures && i < 64 && ms < r->max_backoff_s * 1000; i++)
		ms *= 2;
	if (ms > r->max_backoff_s * 1000)
		ms = r->max_backoff_s * 1000;
	return (int64_t)ms > floor_ms ? (int64_t)ms : floor_ms;
}

/* ---- small change ---- */

static uint64_t
hash_id(const char *id)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *id != '\0'; id++)
		h = (h ^ (unsigned char)*id) * 0x100000001b3u;
	return h == 0 || h == UINT64_MAX ? 1 : h;
}

static struct sk_plan_task *
find_id(const struct sk_plan *p, const char *id)
{
	struct sk_plan_task *t = sk_map_find(&p->by_id, hash_id(id));

	if (t == NULL ? !p->collided : strcmp(t->spec.id, id) == 0)
		return t;
	for (size_t i = 0; i < p->n; i++) /* rare beyond all patience */
		if (strcmp(p->tasks[i]->spec.id, id) == 0)
			return p->tasks[i];
	return NULL;
}

static bool
is_final(enum sk_plan_state s)
{
	return s >= SK_P_FINISHED;
}

static bool
is_active(const struct sk_plan_task *t)
{
	return t->state == SK_P_STARTING || t->state == SK_P_RUNNING || t->state == SK_P_STOPPING;
}

static void
set_state(struct sk_plan *p, struct sk_plan_task *t, enum sk_plan_state s)
{
	p->count[t->state]--;
	p->count[s]++;
	t->state = s;
}

static int64_t
millionths(double cpus)
{
	return (int64_t)(cpus * 1e6 + 0.5);
}

/* An attempt gives back what it took, also when the file asks for something else by then. */
static void
hold(struct sk_plan *p, struct sk_plan_task *t)
{
	if (t->holds)
		return;
	t->holds = true;
	t->held_cpus = millionths(t->spec.resources.cpus);
	t->held_memory_mb = t->spec.resources.memory_mb;
	p->held++;
	p->cpus += t->held_cpus;
	p->memory_mb += t->held_memory_mb;
}

static void
let_go(struct sk_plan *p, struct sk_plan_task *t)
{
	if (!t->holds)
		return;
	t->holds = false;
	p->held--;
	p->cpus -= t->held_cpus;
	p->memory_mb -= t->held_memory_mb;
}

static void
drop_generation(struct sk_generation *g)
{
	if (g == NULL || --g->refs > 0)
		return;
	sk_arena_free(g->arena);
	free(g);
}

static void
set_spec(struct sk_plan_task *t, const struct sk_task_spec *spec, struct sk_generation *g)
{
	struct sk_generation *old = t->gen;

	g->refs++;
	t->spec = *spec;
	t->gen = g;
	t->report.id = t->spec.id; /* the old texts may go now */
	t->report.class_name = t->spec.class_name;
	drop_generation(old);
}

static void
free_task(struct sk_plan_task *t)
{
	drop_generation(t->gen);
	free(t);
}

struct sk_plan *
sk_plan_new(const struct sk_plan_limits *limits, const struct sk_plan_ops *ops, void *arg)
{
	struct sk_plan *p = sk_xcalloc(1, sizeof(*p));

	p->limits = *limits;
	p->ops = ops;
	p->arg = arg;
	return p;
}

void
sk_plan_free(struct sk_plan *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		free_task(p->tasks[i]);
	free(p->tasks);
	sk_map_release(&p->by_key);
	sk_map_release(&p->by_id);
	free(p);
}

/* ---- the queue of what is ready ---- */

static struct ready *
queue_of(struct sk_plan *p, const struct sk_plan_task *t)
{
	int64_t priority = t->spec.priority;

	return &p->ready[priority < 0 ? 0 : priority >= PRIORITIES ? PRIORITIES - 1 : priority];
}

static void
make_ready(struct sk_plan *p, struct sk_plan_task *t)
{
	struct ready *q = queue_of(p, t);

	set_state(p, t, SK_P_READY);
	t->queue_next = NULL;
	if (q->tail != NULL)
		q->tail->queue_next = t;
	else
		q->head = t;
	q->tail = t;
}

/* Out of whichever queue it stands in: its priority may have changed since. */
static void
unqueue(struct sk_plan *p, struct sk_plan_task *t)
{
	for (size_t i = 0; i < PRIORITIES; i++) {
		struct sk_plan_task *before = NULL;

		for (struct sk_plan_task *at = p->ready[i].head; at != NULL; before = at, at = at->queue_next) {
			if (at != t)
				continue;
			if (before != NULL)
				before->queue_next = t->queue_next;
			else
				p->ready[i].head = t->queue_next;
			if (p->ready[i].tail == t)
				p->ready[i].tail = before;
			t->queue_next = NULL;
			return;
		}
	}
}

/* ---- dependencies ---- */

enum deps { DEPS_MET, DEPS_OPEN, DEPS_BROKEN };

static enum deps
dependencies(const struct sk_plan *p, const struct sk_plan_task *t)
{
	const char *const *ids = t->spec.dependencies.items;
	enum deps result = DEPS_MET;

	for (size_t i = 0; i < t->spec.dependencies.n; i++) {
		const struct sk_plan_task *d = find_id(p, ids[i]);

		if (d == NULL || (is_final(d->state) && d->state != SK_P_FINISHED))
			return DEPS_BROKEN;
		if (d->state != SK_P_FINISHED)
			result = DEPS_OPEN;
	}
	return result;
}

static void end_task(struct sk_plan *p, struct sk_plan_task *t, enum sk_plan_state s,
	const char *event);

static void
skip(struct sk_plan *p, struct sk_plan_task *t)
{
	t->report.reason = SK_REASON_SKIPPED;
	snprintf(t->message, sizeof(t->message), "a task it depends on did not finish");
	t->report.message = t->message;
	end_task(p, t, SK_P_SKIPPED, "skipped");
}

static void
look_at_dependencies(struct sk_plan *p, struct sk_plan_task *t)
{
	if (p->look)
		return;
	switch (dependencies(p, t)) {
	case DEPS_MET:
		make_ready(p, t);
		break;
	case DEPS_BROKEN:
		skip(p, t);
		break;
	case DEPS_OPEN:
		break;
	}
}

/* After the file or what became of its tasks was learned: what was skipped for a task that will
 * run again waits for it again, and so does what was skipped for that. */
static void
look_at_all(struct sk_plan *p)
{
	bool more = p->count[SK_P_SKIPPED] > 0;

	p->look = false;
	while (more) {
		more = false;
		for (size_t i = 0; i < p->n; i++) {
			struct sk_plan_task *t = p->tasks[i];

			if (t->state != SK_P_SKIPPED || dependencies(p, t) == DEPS_BROKEN)
				continue;
			set_state(p, t, SK_P_WAITING);
			more = true;
		}
	}
	for (size_t i = 0; i < p->n; i++)
		if (p->tasks[i]->state == SK_P_WAITING)
			look_at_dependencies(p, p->tasks[i]);
}

static void
wake_dependants(struct sk_plan *p, const char *id)
{
	if (p->count[SK_P_WAITING] == 0)
		return;
	for (size_t i = 0; i < p->n; i++) {
		struct sk_plan_task *t = p->tasks[i];
		const char *const *ids = t->spec.dependencies.items;

		for (size_t k = 0; t->state == SK_P_WAITING && k < t->spec.dependencies.n; k++)
			if (strcmp(ids[k], id) == 0)
				look_at_dependencies(p, t);
	}
}

/* ---- ends ---- */

/* Whoever waits for it looks again. A chain of skipped tasks may be as long as the file: a list,
 * no recursion. */
static void
end_task(struct sk_plan *p, struct sk_plan_task *t, enum sk_plan_state s, const char *event)
{
	set_state(p, t, s);
	if (event != NULL)
		p->ops->event(p->arg, t, event);
	if (p->look)
		return;
	t->queue_next = p->ended;
	p->ended = t;
	if (p->waking)
		return;
	p->waking = true;
	while (p->ended != NULL) {
		struct sk_plan_task *first = p->ended;

		p->ended = first->queue_next;
		first->queue_next = NULL;
		wake_dependants(p, first->spec.id);
	}
	p->waking = false;
}

static void
back_off(struct sk_plan *p, struct sk_plan_task *t, int64_t delay_ms)
{
	t->next_ms = t->end_boot_ms + delay_ms;
	set_state(p, t, SK_P_BACKOFF);
}

static void
start_over(struct sk_plan *p, struct sk_plan_task *t)
{
	t->again = false;
	t->failures = 0;
	t->progress = 0;
	set_state(p, t, SK_P_WAITING);
	look_at_dependencies(p, t);
}

/* restart: the task is a service; maxAttempts does not count, the back-off is never below 1 s. */
static bool
restart(struct sk_plan *p, struct sk_plan_task *t, bool good)
{
	/* what never started has no run time: its start_boot_ms is 0 */
	bool healthy = t->start_boot_ms > 0 && t->end_boot_ms - t->start_boot_ms >= HEALTHY_MS;

	if (t->spec.restart != SK_RESTART_ALWAYS && (t->spec.restart != SK_RESTART_ON_FAILURE || good))
		return false;
	if (!good && healthy)
		t->failures = 1;
	back_off(p, t, sk_backoff_ms(&t->spec.retry, t->failures > 0 ? t->failures : 1,
		RESTART_FLOOR_MS));
	return true;
}

static bool
retry(struct sk_plan *p, struct sk_plan_task *t, bool good)
{
	if (good || t->spec.restart != SK_RESTART_NEVER ||
	    t->failures >= (uint32_t)t->spec.retry.max_attempts)
		return false;
	back_off(p, t, sk_backoff_ms(&t->spec.retry, t->failures, 0));
	return true;
}

/* An end for good. */
static void
finish(struct sk_plan *p, struct sk_plan_task *t, bool loud)
{
	enum sk_reason reason = t->report.reason;
	enum sk_plan_state s = SK_P_FAILED;

	if (reason == SK_REASON_EXITED && t->report.code == 0)
		s = SK_P_FINISHED;
	else if (reason == SK_REASON_INTERRUPTED || (reason == SK_REASON_CANCELLED && t->again))
		s = SK_P_INTERRUPTED; /* it would have run again */
	else if (reason == SK_REASON_CANCELLED)
		s = SK_P_CANCELLED;
	end_task(p, t, s, loud ? sk_plan_state_name(s) : NULL);
}

/* loud: tell of it; a settled end was told by the link before us. */
static void
settle(struct sk_plan *p, struct sk_plan_task *t, bool loud)
{
	enum sk_reason reason = t->report.reason;
	bool good = reason == SK_REASON_EXITED && t->report.code == 0;

	if (t->inherited && reason == SK_REASON_CANCELLED)
		t->again = true; /* the link before us stopped it because it had changed */
	t->pid = 0;
	t->failures = good ? 0 : t->failures + 1;
	if (t->removed || p->draining || reason == SK_REASON_INTERRUPTED)
		finish(p, t, loud);
	else if (t->again) {
		if (loud)
			p->ops->event(p->arg, t, "restarting");
		start_over(p, t);
	} else if (reason == SK_REASON_CANCELLED)
		finish(p, t, loud);
	else if (restart(p, t, good) || retry(p, t, good)) {
		if (loud)
			p->ops->event(p->arg, t, good ? "restarting" : "retrying");
	} else
		finish(p, t, loud);
}

static void
remove_task(struct sk_plan *p, struct sk_plan_task *t)
{
	size_t i = 0;

	p->ops->forget(p->arg, t);
	sk_map_remove(&p->by_key, t->key);
	if (sk_map_find(&p->by_id, hash_id(t->spec.id)) == t)
		sk_map_remove(&p->by_id, hash_id(t->spec.id));
	p->count[t->state]--;
	while (i < p->n && p->tasks[i] != t)
		i++;
	memmove(&p->tasks[i], &p->tasks[i + 1], (p->n - i - 1) * sizeof(*p->tasks));
	p->n--;
	free_task(t);
}

static void
copy_report(struct sk_plan_task *t, const struct sk_task_report *rep)
{
	t->report = *rep;
	snprintf(t->message, sizeof(t->message), "%s", rep->message != NULL ? rep->message : "");
	t->report.message = t->message;
	t->report.id = t->spec.id;
	t->report.class_name = t->spec.class_name;
	t->pid = rep->pid;
	t->start_boot_ms = rep->start_boot_ms;
	t->end_boot_ms = rep->end_boot_ms;
}

void
sk_plan_started(struct sk_plan *p, uint64_t key, uint32_t attempt, const struct sk_task_report *rep)
{
	struct sk_plan_task *t = sk_plan_find(p, key);

	if (t == NULL || t->attempt != attempt || (t->state != SK_P_STARTING && t->state != SK_P_STOPPING))
		return;
	copy_report(t, rep);
	if (t->state == SK_P_STARTING)
		set_state(p, t, SK_P_RUNNING);
	p->ops->event(p->arg, t, "started");
}

void
sk_plan_exited(struct sk_plan *p, uint64_t key, uint32_t attempt, const struct sk_task_report *rep,
	int64_t now_ms)
{
	struct sk_plan_task *t = sk_plan_find(p, key);

	(void)now_ms;
	if (t == NULL || t->attempt != attempt || !is_active(t))
		return; /* fenced */
	copy_report(t, rep);
	let_go(p, t);
	settle(p, t, true);
	t->report.result = NULL; /* the caller's, gone when we return */
	t->report.result_len = 0;
	if (t->removed)
		remove_task(p, t);
}

/* ---- the file ---- */

static struct sk_plan_task *
add_task(struct sk_plan *p, const struct sk_task_spec *spec, struct sk_generation *g)
{
	struct sk_plan_task *t = sk_xcalloc(1, sizeof(*t));

	set_spec(t, spec, g);
	t->key = ++p->next_key;
	t->seen = true;
	if (p->n == p->cap) {
		p->cap = p->cap > 0 ? p->cap * 2 : 16;
		p->tasks = sk_xreallocarray(p->tasks, p->cap, sizeof(struct sk_plan_task *));
	}
	p->tasks[p->n++] = t;
	p->count[SK_P_WAITING]++;
	sk_map_put(&p->by_key, t->key, t);
	if (sk_map_find(&p->by_id, hash_id(spec->id)) == NULL)
		sk_map_put(&p->by_id, hash_id(spec->id), t);
	else
		p->collided = true;
	return t;
}

/* An attempt in flight keeps its resources as they were counted. */
static void
change_active(struct sk_plan *p, struct sk_plan_task *t, const struct sk_task_spec *spec,
	struct sk_generation *g)
{
	bool same_class = strcmp(t->spec.class_name, spec->class_name) == 0;
	bool same_att = sk_value_equal(t->spec.attachments, spec->attachments);
	bool live = same_class && !same_att && t->state == SK_P_RUNNING && spec->worker->update != NULL;

	if (t->removed)
		t->again = true; /* it is being stopped for that: it shall come back */
	t->removed = false;
	set_spec(t, spec, g);
	if (live)
		p->ops->update(p->arg, t);
	else if (!same_class || !same_att) {
		t->again = true;
		if (t->state != SK_P_STOPPING) {
			set_state(p, t, SK_P_STOPPING);
			p->ops->stop(p->arg, t, SK_REASON_CANCELLED);
		}
	}
}

/* What does not run waits, until all of the file is known. */
static void
change_task(struct sk_plan *p, struct sk_plan_task *t, const struct sk_task_spec *spec,
	struct sk_generation *g)
{
	bool changed = strcmp(t->spec.class_name, spec->class_name) != 0 ||
		!sk_value_equal(t->spec.attachments, spec->attachments);

	if (is_active(t)) {
		change_active(p, t, spec, g);
		return;
	}
	if (t->state == SK_P_READY) {
		unqueue(p, t);
		set_state(p, t, SK_P_WAITING);
	}
	set_spec(t, spec, g);
	if (changed)
		start_over(p, t);
}

static void
drop_task(struct sk_plan *p, struct sk_plan_task *t)
{
	t->removed = true;
	t->again = false;
	if (!is_active(t)) {
		if (t->state == SK_P_READY)
			unqueue(p, t);
		remove_task(p, t);
	} else if (t->state != SK_P_STOPPING) {
		set_state(p, t, SK_P_STOPPING);
		p->ops->stop(p->arg, t, SK_REASON_CANCELLED);
	}
}

/* File order, so that tables and `next` follow the file; what is being removed goes last. */
static void
reorder(struct sk_plan *p, const struct sk_task_list *list)
{
	struct sk_plan_task **sorted = sk_xreallocarray(NULL, p->n + 1, sizeof(*sorted));
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		sorted[n++] = find_id(p, list->items[i].id);
	for (size_t i = 0; i < p->n; i++)
		if (p->tasks[i]->removed)
			sorted[n++] = p->tasks[i];
	memcpy(p->tasks, sorted, n * sizeof(struct sk_plan_task *));
	free(sorted);
}

/* What does not run now never will. */
static void
interrupt_idle(struct sk_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct sk_plan_task *t = p->tasks[i];

		if (is_final(t->state) || is_active(t))
			continue;
		if (t->state == SK_P_READY)
			unqueue(p, t);
		t->report.reason = SK_REASON_INTERRUPTED;
		set_state(p, t, SK_P_INTERRUPTED);
	}
}

void
sk_plan_load(struct sk_plan *p, const struct sk_task_list *list, struct sk_arena *arena, int64_t now_ms)
{
	struct sk_generation *g = sk_xcalloc(1, sizeof(*g));

	(void)now_ms;
	*g = (struct sk_generation){ .arena = arena, .refs = 1 };
	p->look = true;
	for (size_t i = 0; i < p->n; i++)
		p->tasks[i]->seen = false;
	for (size_t i = 0; i < list->n; i++) {
		struct sk_plan_task *t = find_id(p, list->items[i].id);

		if (t == NULL) {
			add_task(p, &list->items[i], g);
			continue;
		}
		t->seen = true;
		change_task(p, t, &list->items[i], g);
	}
	for (size_t i = p->n; i > 0; i--)
		if (!p->tasks[i - 1]->seen)
			drop_task(p, p->tasks[i - 1]);
	reorder(p, list);
	if (p->draining)
		interrupt_idle(p);
	look_at_all(p);
	drop_generation(g);
}

/* Not in the file any more, or a stale outcome of an id that is in use again: the same as removed. */
static struct sk_plan_task *
add_stranger(struct sk_plan *p, const char *id)
{
	static const struct sk_task_spec nothing = { .class_name = "" };
	struct sk_generation *g = sk_xcalloc(1, sizeof(*g));
	struct sk_task_spec spec = nothing;
	struct sk_plan_task *t;

	g->arena = sk_arena_new();
	spec.id = sk_arena_strdup(g->arena, id);
	spec.attachments = sk_value_new(g->arena, SK_MAP);
	t = add_task(p, &spec, g);
	t->removed = true;
	return t;
}

/* The supervisor's keys are from another life of ours: who has this one by chance gets a new one. */
static void
set_key(struct sk_plan *p, struct sk_plan_task *t, uint64_t key)
{
	struct sk_plan_task *other = sk_map_find(&p->by_key, key);

	if (key > p->next_key)
		p->next_key = key;
	if (other != NULL && other != t) {
		other->key = ++p->next_key;
		sk_map_put(&p->by_key, other->key, other);
	}
	sk_map_remove(&p->by_key, t->key);
	t->key = key;
	sk_map_put(&p->by_key, key, t);
}

void
sk_plan_adopt(struct sk_plan *p, uint64_t key, uint32_t attempt, const struct sk_task_report *rep,
	bool settled, int64_t now_ms)
{
	struct sk_plan_task *t = find_id(p, rep->id);

	(void)now_ms;
	p->look = true; /* what the others are is told next: the tick looks */
	/* two of one id: removed and added again; the outcome of the first was not forgotten in time */
	if (t == NULL || (t->inherited && (is_active(t) || key < t->key)))
		t = add_stranger(p, rep->id);
	else if (t->inherited)
		p->ops->forget(p->arg, t);
	else if (t->state == SK_P_READY)
		unqueue(p, t);
	set_key(p, t, key);
	t->inherited = true;
	t->attempt = attempt;
	t->failures = rep->failures;
	copy_report(t, rep);
	if (rep->unseen)
		p->ops->event(p->arg, t, "started");
	if (rep->state == SK_T_ENDED) {
		set_state(p, t, SK_P_RUNNING);
		settle(p, t, !settled);
		if (t->removed)
			remove_task(p, t);
		return;
	}
	set_state(p, t, rep->state == SK_T_QUEUED ? SK_P_STARTING
		: rep->state == SK_T_STOPPING ? SK_P_STOPPING : SK_P_RUNNING);
	hold(p, t);
	if (t->removed && t->state != SK_P_STOPPING) {
		set_state(p, t, SK_P_STOPPING);
		p->ops->stop(p->arg, t, SK_REASON_CANCELLED);
	}
}

/* ---- starting ---- */

static bool
fits(const struct sk_plan *p, const struct sk_plan_task *t)
{
	const struct sk_plan_limits *l = &p->limits;
	const struct sk_task_resources *r = &t->spec.resources;

	if (l->slots > 0 && p->held >= l->slots + PREFETCH)
		return false;
	/* what asks for more than there is runs alone rather than never */
	if (l->cpus > 0 && r->cpus > 0 && p->cpus > 0 &&
	    p->cpus + millionths(r->cpus) > millionths(l->cpus))
		return false;
	return !(l->memory_mb > 0 && r->memory_mb > 0 && p->memory_mb > 0 &&
		p->memory_mb + r->memory_mb > l->memory_mb);
}

static void
start_one(struct sk_plan *p, struct sk_plan_task *t)
{
	t->attempt++;
	t->progress = 0;
	t->stage[0] = t->message[0] = '\0';
	t->inherited = false;
	set_state(p, t, SK_P_STARTING);
	hold(p, t);
	p->ops->start(p->arg, t);
}

/* In order of priority, then of arrival. What does not fit is passed by; a queue that is full
 * (slots) ends the round. */
static void
start_ready(struct sk_plan *p)
{
	for (size_t i = PRIORITIES; i > 0; i--) {
		struct ready *q = &p->ready[i - 1];
		struct sk_plan_task *before = NULL, *t = q->head;

		while (t != NULL) {
			struct sk_plan_task *next = t->queue_next;

			if (p->limits.slots > 0 && p->held >= p->limits.slots + PREFETCH)
				return;
			if (!fits(p, t)) {
				before = t;
				t = next;
				continue;
			}
			if (before != NULL)
				before->queue_next = next;
			else
				q->head = next;
			if (q->tail == t)
				q->tail = before;
			t->queue_next = NULL;
			start_one(p, t);
			t = next;
		}
	}
}

int64_t
sk_plan_tick(struct sk_plan *p, int64_t now_ms)
{
	int64_t next = -1;

	if (p->draining)
		return -1;
	if (p->look)
		look_at_all(p);
	for (size_t i = 0; i < p->n && p->count[SK_P_BACKOFF] > 0; i++) {
		struct sk_plan_task *t = p->tasks[i];

		if (t->state != SK_P_BACKOFF)
			continue;
		if (t->next_ms <= now_ms)
			make_ready(p, t);
		else if (next == -1 || t->next_ms < next)
			next = t->next_ms;
	}
	start_ready(p);
	return next;
}

void
sk_plan_drain(struct sk_plan *p)
{
	if (p->draining)
		return;
	p->draining = true;
	interrupt_idle(p);
}

bool
sk_plan_over(const struct sk_plan *p)
{
	for (enum sk_plan_state s = SK_P_WAITING; s < SK_P_FINISHED; s++)
		if (p->count[s] > 0)
			return false;
	return true;
}

bool
sk_plan_all_finished(const struct sk_plan *p)
{
	return p->count[SK_P_FINISHED] == p->n;
}

struct sk_plan_task *
sk_plan_find(const struct sk_plan *p, uint64_t key)
{
	return key == 0 || key == UINT64_MAX ? NULL : sk_map_find(&p->by_key, key);
}

struct sk_plan_task *const *
sk_plan_tasks(const struct sk_plan *p, size_t *n)
{
	*n = p->n;
	return p->tasks;
}

size_t
sk_plan_count(const struct sk_plan *p, enum sk_plan_state s)
{
	return p->count[s];
}
