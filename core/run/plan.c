#include "core/run/plan_priv.h"
#include "core/base/mem.h"
#include <stdlib.h>
#include <string.h>

#define PREFETCH 32 /* starts handed over ahead of free slots: the supervisor never waits for us */

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

#define FNV_START 0xcbf29ce484222325u

static uint64_t
fnv1a(uint64_t h, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
	return h;
}

uint64_t
plan_hash_id(const char *id)
{
	uint64_t h = fnv1a(FNV_START, id, strlen(id));

	return h == 0 || h == UINT64_MAX ? 1 : h;
}

uint64_t
sk_plan_spec_hash(const struct sk_task_spec *spec)
{
	struct sk_str att = SK_STR_INIT;
	uint64_t h = fnv1a(FNV_START, spec->class_name, strlen(spec->class_name) + 1);

	sk_value_encode(&att, spec->attachments);
	h = fnv1a(h, sk_str_text(&att), att.len);
	sk_str_release(&att);
	return h == 0 ? 1 : h;
}

struct sk_plan_task *
plan_find_id(const struct sk_plan *p, const char *id)
{
	struct sk_plan_task *t = sk_map_find(&p->by_id, plan_hash_id(id));

	if (t == NULL ? !p->collided : strcmp(t->spec.id, id) == 0)
		return t;
	for (size_t i = 0; i < p->n; i++) /* rare beyond all patience */
		if (strcmp(p->tasks[i]->spec.id, id) == 0)
			return p->tasks[i];
	return NULL;
}

bool
plan_is_final(enum sk_plan_state s)
{
	return s >= SK_P_FINISHED;
}

bool
plan_is_active(const struct sk_plan_task *t)
{
	return t->state == SK_P_STARTING || t->state == SK_P_RUNNING || t->state == SK_P_STOPPING;
}

void
plan_set_state(struct sk_plan *p, struct sk_plan_task *t, enum sk_plan_state s)
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
void
plan_hold(struct sk_plan *p, struct sk_plan_task *t)
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

void
plan_let_go(struct sk_plan *p, struct sk_plan_task *t)
{
	if (!t->holds)
		return;
	t->holds = false;
	p->held--;
	p->cpus -= t->held_cpus;
	p->memory_mb -= t->held_memory_mb;
}

void
plan_drop_generation(struct sk_generation *g)
{
	if (g == NULL || --g->refs > 0)
		return;
	sk_arena_free(g->arena);
	free(g);
}

void
plan_set_spec(struct sk_plan_task *t, const struct sk_task_spec *spec, struct sk_generation *g)
{
	struct sk_generation *old = t->gen;

	g->refs++;
	t->spec = *spec;
	t->gen = g;
	t->report.id = t->spec.id; /* the old texts may go now */
	t->report.class_name = t->spec.class_name;
	plan_drop_generation(old);
}

void
plan_free_task(struct sk_plan_task *t)
{
	plan_drop_generation(t->gen);
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
		plan_free_task(p->tasks[i]);
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

	return &p->ready[priority < 0		  ? 0
			: priority >= PLAN_PRIORITIES ? PLAN_PRIORITIES - 1
										  : priority];
}

void
plan_make_ready(struct sk_plan *p, struct sk_plan_task *t)
{
	struct ready *q = queue_of(p, t);

	plan_set_state(p, t, SK_P_READY);
	t->queue_next = NULL;
	if (q->tail != NULL)
		q->tail->queue_next = t;
	else
		q->head = t;
	q->tail = t;
}

/* Out of whichever queue it stands in: its priority may have changed since. */
void
plan_unqueue(struct sk_plan *p, struct sk_plan_task *t)
{
	for (size_t i = 0; i < PLAN_PRIORITIES; i++) {
		struct sk_plan_task *before = NULL;

		for (struct sk_plan_task *at = p->ready[i].head; at != NULL;
			 before = at, at = at->queue_next) {
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
	t->late = false;
	t->progress = 0;
	t->stage[0] = t->message[0] = '\0';
	t->inherited = false;
	plan_set_state(p, t, SK_P_STARTING);
	plan_hold(p, t);
	p->ops->start(p->arg, t);
}

/* In order of priority, then of arrival. What does not fit is passed by; a queue that is full
 * (slots) ends the round. */
static void
start_ready(struct sk_plan *p)
{
	for (size_t i = PLAN_PRIORITIES; i > 0; i--) {
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
		plan_look_at_all(p);
	for (size_t i = 0; i < p->n && p->count[SK_P_BACKOFF] > 0; i++) {
		struct sk_plan_task *t = p->tasks[i];

		if (t->state != SK_P_BACKOFF)
			continue;
		if (t->next_ms <= now_ms)
			plan_make_ready(p, t);
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
	plan_interrupt_idle(p);
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
