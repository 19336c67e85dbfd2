/* plan_rig.h - a plan with a clock of its own, files written in C, and a record of what it does. */
#ifndef SK_TEST_UNIT_PLAN_RIG_H
#define SK_TEST_UNIT_PLAN_RIG_H

#include "core/run/plan.h"
#include "core/run/worker.h"

/* A file: add tasks, then load it. The plan takes the arena. */
struct plan_file {
	struct sk_arena *arena;
	struct sk_task_list list;
	size_t cap;
};
void file_begin(struct plan_file *f, size_t cap);
/* The next task, as the table's defaults make it; class Plain, attachment n = 1. */
struct sk_task_spec *file_task(struct plan_file *f, const char *id);
/* Names divided by blanks. */
void file_depends(const struct plan_file *f, struct sk_task_spec *t, const char *ids);
/* Attachment n. */
void file_set(const struct plan_file *f, struct sk_task_spec *t, int64_t n);
/* Plain cannot be updated while it runs, Live can. */
extern const struct sk_worker plan_plain, plan_live;
void file_class(struct sk_task_spec *t, const struct sk_worker *worker);

struct plan_rig {
	struct sk_plan *plan;
	int64_t now_ms;
	struct sk_str did, told; /* effects; events */
};
/* No limits when NULL. */
void rig_new(struct plan_rig *r, const struct sk_plan_limits *limits);
void rig_free(struct plan_rig *r);
/* The link died: a plan that knows nothing, at the same time of day. */
void rig_reborn(struct plan_rig *r, const struct sk_plan_limits *limits);
/* Load the file; does not tick. */
void rig_load(struct plan_rig *r, struct plan_file *f);
/* Load as many tasks as there are names, all defaults, and tick. */
void rig_load_ids(struct plan_rig *r, const char *ids);
/* What was done since the last time: "start a/1, stop b/2 cancelled, update c/1, forget d";
 * compares and empties it. */
#define rig_did(r, text) rig_text_is(&(r)->did, text, __FILE__, __LINE__)
/* The events since the last time: "a/1 started, …". */
#define rig_told(r, text) rig_text_is(&(r)->told, text, __FILE__, __LINE__)
void rig_text_is(struct sk_str *log, const char *text, const char *file, int line);
/* Tick at the present time. */
int64_t rig_tick(struct plan_rig *r);
/* Let time pass, then tick. */
int64_t rig_later(struct plan_rig *r, int64_t ms);
/* By id, NULL when there is none; a removed one only when no other has the id. */
struct sk_plan_task *rig_find(const struct plan_rig *r, const char *id);
enum sk_plan_state rig_state(const struct plan_rig *r, const char *id);
#define rig_is(r, id, state) assert_string_equal(sk_plan_state_name(rig_state(r, id)), state)
/* The supervisor reports of the task's present attempt. */
void rig_started(struct plan_rig *r, const char *id);
void rig_ends(struct plan_rig *r, const char *id, enum sk_reason reason, int32_t code);
#define rig_exits(r, id, code) rig_ends(r, id, SK_REASON_EXITED, code)
/* Started, run_ms later ended with the code. No tick. */
void rig_runs(struct plan_rig *r, const char *id, int64_t run_ms, int32_t code);
/* The supervisor knows a task from before. start and end are times of the boot clock. */
struct rig_known {
	uint64_t key;
	const char *id;
	uint32_t attempt;
	enum sk_task_state state;
	enum sk_reason reason;
	int32_t code;
	uint32_t failures;
	int64_t start_ms, end_ms;
	bool settled;
	uint64_t spec_hash; /* 0 = unknown */
	const char *class_name; /* NULL = Plain */
};
void rig_adopt(struct plan_rig *r, const struct rig_known *k);
/* The states count as many tasks as there are, each as many as its count says. */
void rig_counts_hold(const struct plan_rig *r);

#endif
