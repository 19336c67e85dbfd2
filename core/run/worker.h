/* worker.h - what a worker class is, and what it may call. See workers/README.md for an example.
 *
 * A class is one struct literal in its own file, named in workers/registry.c. It runs in a process
 * of its own, forked for each attempt, on one thread (a reusable class: see below). It never
 * touches JSON or YAML: the runtime decodes the attachments into its struct by the field table.
 *
 * Order and outcomes (skalds-protocol.md 6, its defects N13, N18, N24 done right):
 *	before, main, after on the way out of success; release always; then the process exits.
 *	SK_OK -> exit 0; SK_EAGAIN -> exit 75 ("try again"); anything else -> exit 1 with the sentence;
 *	stopped by a signal to skalds and main returned SK_ECANCELED -> exit 128 + signal.
 *	An error of before skips main and after. An error of after fails the task. An error of release
 *	is logged and changes nothing.
 *
 * Reusable classes run in warm workers: one process takes task after task, without a fork for each
 * (some 100,000 a second in place of some thousand). `edge` and `run-one` do not use them. What the
 * class promises, because nobody else can see to it:
 *	a hook leaves the process as it found it: no thread, no descriptor, no changed directory, umask,
 *	signal action, limit, environment or global that the next task could trip over; no memory that
 *	nobody frees. State that is carried over on purpose (a connection, a cache) is fine.
 * What it need not care for:
 *	the memory of sk_run_state and the attachments are new for each task; output, log, progress and
 *	result go to the task that made them (what stands in stdout's buffer is flushed between tasks);
 *	a task that fails, crashes, calls exit, is stopped, timed out, paused or updated, or that left a
 *	child process behind is the last one of its process; so is the 10,000th, and after a minute
 *	without a task the process ends. It ends by SIGKILL: there is no hook for it.
 * What differs: sk_run_task_id and sk_run_attempt are right, but the environment is the one of the
 * process, without SKALDS_RESULT and the like. CPU time is told of tasks of a millisecond and more.
 * A task with a memory limit, a user, a directory or variables of its own gets its own process.
 */
#ifndef SK_CORE_RUN_WORKER_H
#define SK_CORE_RUN_WORKER_H

#include "core/base/err.h"
#include "core/model/field.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_run;

typedef enum sk_code sk_hook_fn(struct sk_run *run, void *att, struct sk_err *err);

enum sk_worker_kind {
	SK_WORKER_COMPILED, /* hooks run in a forked process */
	SK_WORKER_PROGRAM /* the supervisor starts the user's program itself (Exec) */
};

struct sk_worker {
	const char *name; /* the className, as in the original */
	const char *doc; /* one sentence */
	const struct sk_field *fields;
	size_t attachment_size; /* sizeof the struct the fields describe */
	size_t state_size; /* zeroed memory for sk_run_state(); 0 = none */
	enum sk_worker_kind kind;
	bool reusable; /* keeps the promises above: its tasks may share a process, one after another */

	sk_hook_fn *before, *run, *after, *release; /* run is mandatory for compiled workers */

	/* The attachments were replaced while the task runs: now is what holds from here on, old what
	 * held until now. Called on the worker's own thread inside sk_run_sleep or sk_run_poll. On an
	 * error the old attachments stay in force and the sentence is logged. NULL: the class cannot
	 * be updated live and is restarted instead. */
	enum sk_code (*update)(struct sk_run *run, void *now, const void *old, struct sk_err *err);

	/* A check that the table cannot express (mutually exclusive fields); NULL when there is none.
	 * Called wherever attachments are checked, also by `skalds check`. */
	enum sk_code (*check)(const void *att, struct sk_err *err);
};

/* ---- what a hook may call ---- */

const char *sk_run_task_id(const struct sk_run *run);
/* From 1, grows with each start of this task. */
int64_t sk_run_attempt(const struct sk_run *run);
/* The memory of state_size bytes, zeroed before the first hook; never NULL if state_size > 0. */
void *sk_run_state(struct sk_run *run);

/* One line of log, tagged with the task by the supervisor. */
void sk_run_log(struct sk_run *run, const char *fmt, ...) SK_PRINTF(2, 3);
void sk_run_warn(struct sk_run *run, const char *fmt, ...) SK_PRINTF(2, 3);

/* How far the task is: 0..1 and the name of the stage (NULL: the last one). Cheap: coalesced. */
void sk_run_progress(struct sk_run *run, double value, const char *stage);

/* Sleep, interruptibly. Returns false when the task shall end now (cancel, timeout, drain).
 * Hot updates are delivered inside. The attachments pointer that main was given stays valid and
 * shows the new values after an update. */
bool sk_run_sleep(struct sk_run *run, double seconds) SK_CHECKED;
/* The same without sleeping, for busy loops. */
bool sk_run_poll(struct sk_run *run) SK_CHECKED;

/* The result of the task (at most 64 KiB are kept; SK_EINVAL when larger). Replaces the last. */
enum sk_code
sk_run_result(struct sk_run *run, const void *data, size_t n, struct sk_err *err) SK_CHECKED;

#endif
