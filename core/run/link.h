/* link.h - the process beside the supervisor that decides what runs: for edge and run-one.
 *
 * One thread. It reads the task file, drives the plan (plan.h), tells the supervisor what to start
 * and stop, and reports events. It can die at any moment: its successor is told by the supervisor
 * what exists. When the supervisor dies it kills what that left behind.
 */
#ifndef SK_CORE_RUN_LINK_H
#define SK_CORE_RUN_LINK_H

#include "core/run/plan.h"

struct sk_link;

struct sk_link_config {
	const char *component; /* for the log: "edge", "run-one" */
	void *arg; /* of all callbacks */
	/* Read the tasks. On success *arena and *list are filled, the arena is taken. On failure the
	 * problems have been printed and the exit code for a first load is returned; 0 = good. */
	int (*load)(void *arg, struct sk_arena **arena, struct sk_task_list *list);
	/* After each load, before the tasks are taken: what is known of them from elsewhere. NULL =
	 * nothing. hold_ms: so long the first tasks wait for sk_link_release before they are taken; for
	 * one who has to be asked what is known. 0 = not at all. */
	void (*amend)(void *arg, struct sk_arena *arena, struct sk_task_list *list);
	int64_t hold_ms;
	/* The tasks of a load were taken, those from before this link were found again. NULL = nobody
	 * listens. */
	void (*taken)(void *arg, struct sk_link *link);
	/* Called when `fd` is readable; it is not the link's. NULL = there is none. */
	void (*heard)(void *arg, struct sk_link *link);
	int fd;
	/* What the supervisor needs to start a task. False and err when it cannot be started. */
	bool (*describe)(void *arg, const struct sk_plan_task *t, struct sk_arena *a,
		struct sk_start *st, struct sk_err *err);
	/* Something happened (see sk_plan_ops.event); NULL = nobody listens. */
	void (*event)(void *arg, struct sk_link *link, const struct sk_plan_task *t, const char *name);
	/* About every 100 ms while something changes, and at the end (last = true): a live table. */
	void (*draw)(void *arg, struct sk_link *link, bool last);
	struct sk_plan_limits limits;
	bool once; /* quit when all tasks have ended */
	int64_t lease_ms; /* a supervisor silent for longer is killed with its tasks; 0 = never */
	const char *watch; /* re-read when this file changes; NULL = only on SIGHUP */
	/* The exit code when all have ended or everything was stopped by a signal (0 = no signal). */
	int (*exit_code)(void *arg, const struct sk_plan *plan, int signal);
};

/* Runs until the supervisor goes. Returns the process's exit code. */
int sk_link_run(int channel, const struct sk_link_config *cfg);

/* What the first tasks waited for is there. */
void sk_link_release(struct sk_link *link);
/* sk_plan_update; the table is drawn anew. */
bool sk_link_update(struct sk_link *link, const char *id, const struct sk_value *attachments);

/* For callbacks: the plan; whole lines to stdout (1) or stderr (2) of skalds. */
const struct sk_plan *sk_link_plan(const struct sk_link *link);
void sk_link_print(struct sk_link *link, int stream, const char *text, size_t n);

#endif
