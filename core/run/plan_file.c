/* plan_file.c - the file's tasks: loaded, reloaded, and found again after the link's death. */
#include "core/run/plan_priv.h"
#include "core/base/mem.h"
#include "core/run/worker.h"
#include <stdlib.h>
#include <string.h>

/* ---- the file ---- */

static struct sk_plan_task *
add_task(struct sk_plan *p, const struct sk_task_spec *spec, struct sk_generation *g)
{
	struct sk_plan_task *t = sk_xcalloc(1, sizeof(*t));

	plan_set_spec(t, spec, g);
	t->key = ++p->next_key;
	t->seen = true;
	if (p->n == p->cap) {
		p->cap = p->cap > 0 ? p->cap * 2 : 16;
		p->tasks = sk_xreallocarray(p->tasks, p->cap, sizeof(struct sk_plan_task *));
	}
	p->tasks[p->n++] = t;
	p->count[SK_P_WAITING]++;
	sk_map_put(&p->by_key, t->key, t);
	if (sk_map_find(&p->by_id, plan_hash_id(spec->id)) == NULL)
		sk_map_put(&p->by_id, plan_hash_id(spec->id), t);
	else
		p->collided = true;
	return t;
}

/* It comes back as the file has it, unless it was removed. */
static void
stop_for_change(struct sk_plan *p, struct sk_plan_task *t)
{
	t->again = !t->removed;
	if (t->state == SK_P_STOPPING)
		return;
	plan_set_state(p, t, SK_P_STOPPING);
	p->ops->stop(p->arg, t, SK_REASON_CANCELLED);
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
	plan_set_spec(t, spec, g);
	if (live)
		p->ops->update(p->arg, t);
	else if (!same_class || !same_att)
		stop_for_change(p, t);
}

/* What does not run waits, until all of the file is known. */
static void
change_task(struct sk_plan *p, struct sk_plan_task *t, const struct sk_task_spec *spec,
	struct sk_generation *g)
{
	bool changed = strcmp(t->spec.class_name, spec->class_name) != 0 ||
		!sk_value_equal(t->spec.attachments, spec->attachments);

	if (plan_is_active(t)) {
		change_active(p, t, spec, g);
		return;
	}
	if (t->state == SK_P_READY) {
		plan_unqueue(p, t);
		plan_set_state(p, t, SK_P_WAITING);
	}
	plan_set_spec(t, spec, g);
	if (changed)
		plan_start_over(p, t);
}

static void
drop_task(struct sk_plan *p, struct sk_plan_task *t)
{
	t->removed = true;
	t->again = false;
	if (!plan_is_active(t)) {
		if (t->state == SK_P_READY)
			plan_unqueue(p, t);
		plan_remove_task(p, t);
	} else
		stop_for_change(p, t);
}

/* File order, so that tables and `next` follow the file; what is being removed goes last. */
static void
reorder(struct sk_plan *p, const struct sk_task_list *list)
{
	struct sk_plan_task **sorted = sk_xreallocarray(NULL, p->n + 1, sizeof(*sorted));
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		sorted[n++] = plan_find_id(p, list->items[i].id);
	for (size_t i = 0; i < p->n; i++)
		if (p->tasks[i]->removed)
			sorted[n++] = p->tasks[i];
	if (n > 0) /* an empty file: p->tasks may be NULL */
		memcpy(p->tasks, sorted, n * sizeof(struct sk_plan_task *));
	free(sorted);
}

/* What does not run now never will. */
void
plan_interrupt_idle(struct sk_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct sk_plan_task *t = p->tasks[i];

		if (plan_is_final(t->state) || plan_is_active(t))
			continue;
		if (t->state == SK_P_READY)
			plan_unqueue(p, t);
		t->report.reason = SK_REASON_INTERRUPTED;
		plan_set_state(p, t, SK_P_INTERRUPTED);
	}
}

void
sk_plan_load(
	struct sk_plan *p, const struct sk_task_list *list, struct sk_arena *arena, int64_t now_ms)
{
	struct sk_generation *g = sk_xcalloc(1, sizeof(*g));

	(void)now_ms;
	*g = (struct sk_generation){ .arena = arena, .refs = 1 };
	p->look = true;
	for (size_t i = 0; i < p->n; i++)
		p->tasks[i]->seen = false;
	for (size_t i = 0; i < list->n; i++) {
		struct sk_plan_task *t = plan_find_id(p, list->items[i].id);

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
		plan_interrupt_idle(p);
	plan_look_at_all(p);
	plan_drop_generation(g);
}

/* ---- from elsewhere ---- */

/* The texts of a spec are its reading's; this one lives for itself. */
static void
copy_spec(struct sk_arena *a, const struct sk_task_spec *from, struct sk_task_spec *to)
{
	const char **ids = sk_arena_alloc(a, (from->dependencies.n + 1) * sizeof(*ids));
	const char *const *old = from->dependencies.items;

	*to = *from;
	to->id = sk_arena_strdup(a, from->id);
	to->class_name = sk_arena_strdup(a, from->class_name);
	for (size_t i = 0; i < from->dependencies.n; i++)
		ids[i] = sk_arena_strdup(a, old[i]);
	to->dependencies.items = ids;
}

bool
sk_plan_update(struct sk_plan *p, const char *id, const struct sk_value *attachments)
{
	struct sk_plan_task *t = plan_find_id(p, id);
	struct sk_generation *g;
	struct sk_task_spec spec;

	if (t == NULL || t->removed || sk_value_equal(t->spec.attachments, attachments))
		return false;
	g = sk_xcalloc(1, sizeof(*g));
	*g = (struct sk_generation){ .arena = sk_arena_new(), .refs = 1 };
	copy_spec(g->arena, &t->spec, &spec);
	spec.attachments = sk_value_copy(g->arena, attachments);
	plan_set_spec(t, &spec, g);
	plan_drop_generation(g);
	t->late = t->state == SK_P_STARTING;
	if (t->state == SK_P_RUNNING && spec.worker->update != NULL)
		p->ops->update(p->arg, t);
	return true;
}

/* Not in the file any more, or a stale outcome of an id in use again: the same as removed. */
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

/* The supervisor's keys are from another life of ours: who has this one gets a new one. */
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

/* The file changed while no link looked: what a reload would have done is done now. */
static void
catch_up(struct sk_plan *p, struct sk_plan_task *t, const struct sk_task_report *rep)
{
	if (t->removed || rep->spec_hash == 0 || rep->spec_hash == sk_plan_spec_hash(&t->spec))
		return;
	if (!plan_is_active(t))
		plan_start_over(p, t);
	else if (t->state == SK_P_RUNNING && t->spec.worker->update != NULL &&
		strcmp(rep->class_name, t->spec.class_name) == 0)
		p->ops->update(p->arg, t);
	else
		stop_for_change(p, t);
}

void
sk_plan_adopt(struct sk_plan *p, uint64_t key, uint32_t attempt, const struct sk_task_report *rep,
	bool settled, int64_t now_ms)
{
	struct sk_plan_task *t = plan_find_id(p, rep->id);

	(void)now_ms;
	p->look = true; /* what the others are is told next: the tick looks */
	/* two of one id: removed and added again; the outcome of the first was not forgotten in time */
	if (t == NULL || (t->inherited && (plan_is_active(t) || key < t->key)))
		t = add_stranger(p, rep->id);
	else if (t->inherited)
		p->ops->forget(p->arg, t);
	else if (t->state == SK_P_READY)
		plan_unqueue(p, t);
	set_key(p, t, key);
	t->inherited = true;
	t->attempt = attempt;
	t->failures = rep->failures;
	plan_copy_report(t, rep);
	if (rep->unseen)
		p->ops->event(p->arg, t, "started");
	if (rep->state == SK_T_ENDED) {
		plan_set_state(p, t, SK_P_RUNNING);
		plan_settle(p, t, !settled);
		t->report.result = NULL; /* the caller's, gone when we return */
		t->report.result_len = 0;
		if (t->removed)
			plan_remove_task(p, t);
		else
			catch_up(p, t, rep);
		return;
	}
	plan_set_state(p, t,
		rep->state == SK_T_QUEUED		  ? SK_P_STARTING
			: rep->state == SK_T_STOPPING ? SK_P_STOPPING
										  : SK_P_RUNNING);
	plan_hold(p, t);
	if (t->removed)
		stop_for_change(p, t);
	else
		catch_up(p, t, rep);
}
