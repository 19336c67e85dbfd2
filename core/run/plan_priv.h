/* plan_priv.h - the inside of the plan, shared by plan.c (queue, limits, starts), plan_end.c (ends,
 * what follows from them) and plan_file.c (the file, reloads, adoption). */
#ifndef SK_CORE_RUN_PLAN_PRIV_H
#define SK_CORE_RUN_PLAN_PRIV_H

#include "core/base/map.h"
#include "core/run/plan.h"

#define PLAN_PRIORITIES 11

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
	struct sk_map by_key, by_id; /* by_id: hash of the id */
	uint64_t next_key;
	struct ready {
		struct sk_plan_task *head, *tail;
	} ready[PLAN_PRIORITIES];
	size_t count[SK_P_SKIPPED + 1];
	uint32_t held; /* attempts handed over and not yet ended */
	int64_t cpus, memory_mb; /* held by them; cpus in millionths: sums of doubles drift */
	struct sk_plan_task *ended; /* whose dependants have not been looked at yet */
	bool waking; /* somebody goes through `ended` already */
	bool look; /* not all is known yet: dependencies wait for look_at_all */
	bool collided; /* two tasks have one hash: by_id does not find them all */
	bool draining;
};

/* plan.c */
/* Never 0 nor UINT64_MAX. */
uint64_t plan_hash_id(const char *id);
struct sk_plan_task *plan_find_id(const struct sk_plan *p, const char *id);
bool plan_is_final(enum sk_plan_state s);
bool plan_is_active(const struct sk_plan_task *t);
void plan_set_state(struct sk_plan *p, struct sk_plan_task *t, enum sk_plan_state s);
/* Count it in slots and resources. */
void plan_hold(struct sk_plan *p, struct sk_plan_task *t);
/* Count it no longer. */
void plan_let_go(struct sk_plan *p, struct sk_plan_task *t);
void plan_drop_generation(struct sk_generation *g);
/* Takes a reference of the generation. */
void
plan_set_spec(struct sk_plan_task *t, const struct sk_task_spec *spec, struct sk_generation *g);
void plan_free_task(struct sk_plan_task *t);
void plan_make_ready(struct sk_plan *p, struct sk_plan_task *t);
/* Out of whichever queue it stands in. */
void plan_unqueue(struct sk_plan *p, struct sk_plan_task *t);

/* plan_end.c */
/* All tasks are known now: look at their dependencies. */
void plan_look_at_all(struct sk_plan *p);
/* As if it had never run, but for the number of its attempt. */
void plan_start_over(struct sk_plan *p, struct sk_plan_task *t);
/* The attempt is over: finished, failed, again, …; loud: tell of it. */
void plan_settle(struct sk_plan *p, struct sk_plan_task *t, bool loud);
/* Frees it. */
void plan_remove_task(struct sk_plan *p, struct sk_plan_task *t);
void plan_copy_report(struct sk_plan_task *t, const struct sk_task_report *rep);

/* plan_file.c */
/* Draining: what does not run will not. */
void plan_interrupt_idle(struct sk_plan *p);

#endif
