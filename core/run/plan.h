/* plan.h - what shall run, and when: the policy of edge and run-one, without any I/O.
 *
 * Pure: the clock is an argument, effects are callbacks. It knows a file's tasks and what became of
 * their attempts; it decides starts (dependencies, slots, resources, priority), restarts, retries,
 * stops of removed tasks and updates of changed ones.
 */
#ifndef SK_CORE_RUN_PLAN_H
#define SK_CORE_RUN_PLAN_H

#include "core/model/task.h"
#include "core/run/frames.h"
#include <stdbool.h>
#include <stdint.h>

enum sk_plan_state {
	SK_P_WAITING, /* for dependencies */
	SK_P_READY, /* for a slot or resources */
	SK_P_BACKOFF, /* until next_ms */
	SK_P_STARTING, /* handed to the supervisor */
	SK_P_RUNNING,
	SK_P_STOPPING,
	SK_P_FINISHED, /* the rest is final */
	SK_P_FAILED,
	SK_P_CANCELLED,
	SK_P_INTERRUPTED, /* skalds was told to stop */
	SK_P_SKIPPED /* a dependency did not finish */
};

/* "waiting", "running", …: for tables and JSON. */
const char *sk_plan_state_name(enum sk_plan_state s);

struct sk_plan_task {
	struct sk_task_spec spec; /* owned by gen */
	struct sk_generation *gen;
	uint64_t key;
	enum sk_plan_state state;
	uint32_t attempt; /* of the current or last one; 0 = never started */
	uint32_t failures; /* in a row; decides back-off and retry */
	int64_t next_ms; /* boot clock, while in BACKOFF */
	struct sk_task_report report; /* of the last start or end; texts below */
	char message[512]; /* report.message points here */
	int64_t pid;
	int64_t start_boot_ms, end_boot_ms;
	double progress;
	char stage[128];
	char line[201]; /* the last line it printed */
	bool removed; /* forget it once it has ended */
	bool again; /* changed while it ran: start anew once it has ended */
	bool holds; /* counted in slots and resources, these: */
	int64_t held_cpus, held_memory_mb;
	bool inherited; /* this attempt was begun by the link before us */
	struct sk_plan_task *queue_next; /* READY; for a moment, just ended */
	bool seen; /* mark of a reload */
	bool late; /* updated while it was starting: it hears of it once it runs */
};

/* Effects. None may call back into the plan. */
struct sk_plan_ops {
	void (*start)(void *arg, struct sk_plan_task *t);
	void (*stop)(void *arg, struct sk_plan_task *t, enum sk_reason reason);
	void (*update)(void *arg, struct sk_plan_task *t);
	void (*forget)(void *arg, struct sk_plan_task *t);
	/* name as in cli.md: "started", "finished", "retrying", … */
	void (*event)(void *arg, const struct sk_plan_task *t, const char *name);
};

struct sk_plan_limits {
	uint32_t slots; /* 0 = no limit */
	double cpus; /* shared by tasks that ask for cpus; 0 = no limit */
	int64_t memory_mb; /* likewise */
};

struct sk_plan;
struct sk_plan *
sk_plan_new(const struct sk_plan_limits *limits, const struct sk_plan_ops *ops, void *arg);
void sk_plan_free(struct sk_plan *p);

/* Take a file's tasks: the first time, or as a reload. The plan takes the arena that the list
 * lives in and frees it when no task needs it any more. */
void sk_plan_load(
	struct sk_plan *p, const struct sk_task_list *list, struct sk_arena *arena, int64_t now_ms);
/* A task that the supervisor knows from before this link: running, or ended (settled: told).
 * Call after the first load. Unknown ids are stopped and forgotten. */
void sk_plan_adopt(struct sk_plan *p, uint64_t key, uint32_t attempt,
	const struct sk_task_report *rep, bool settled, int64_t now_ms);
/* Other attachments for a task, from elsewhere than the file; copied. A running one hears of them
 * when its class has an update hook, any other keeps what it has until its next attempt. Returns
 * false when there is no such task, or it has them already. */
bool sk_plan_update(struct sk_plan *p, const char *id, const struct sk_value *attachments);
/* Reports of the supervisor. A wrong attempt is ignored. An end without a start before it, of an
 * attempt that began, is both. */
void sk_plan_started(
	struct sk_plan *p, uint64_t key, uint32_t attempt, const struct sk_task_report *rep);
void sk_plan_exited(struct sk_plan *p, uint64_t key, uint32_t attempt,
	const struct sk_task_report *rep, int64_t now_ms);
/* The task by its key, NULL when there is none. */
struct sk_plan_task *sk_plan_find(const struct sk_plan *p, uint64_t key);

/* From now on nothing starts. */
void sk_plan_drain(struct sk_plan *p);
/* Start what may start. Returns when to call again (boot ms), -1 = only after the next event. */
int64_t sk_plan_tick(struct sk_plan *p, int64_t now_ms);

/* Nothing runs and nothing will: all tasks have ended for good. */
bool sk_plan_over(const struct sk_plan *p);
/* True when every task has finished. */
bool sk_plan_all_finished(const struct sk_plan *p);
/* The tasks in file order; removed ones that still run stand at the end. */
struct sk_plan_task *const *sk_plan_tasks(const struct sk_plan *p, size_t *n);
/* How many are in a state. */
size_t sk_plan_count(const struct sk_plan *p, enum sk_plan_state s);

/* What a running task was given: class and attachments. Never 0. */
uint64_t sk_plan_spec_hash(const struct sk_task_spec *spec);

/* Milliseconds until the next start after `failures` failures in a row: base * 2^(failures-1), at
 * most the cap, at least floor_ms. */
int64_t sk_backoff_ms(const struct sk_retry *r, uint32_t failures, int64_t floor_ms);

#endif
