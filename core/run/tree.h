/* tree.h - the processes of a task, found through /proc.
 *
 * A process belongs to a task when it is in the task's session, when its environment carries the
 * task's marks, or when an ancestor does. Killing goes through a pidfd opened before the identity
 * is checked again, so a recycled pid is never hit.
 */
#ifndef SK_CORE_RUN_TREE_H
#define SK_CORE_RUN_TREE_H

#include "core/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sk_tree {
	const char *run_id; /* SKALDS_RUN=…; NULL = not looked at */
	const char *task_id; /* SKALDS_TASK_ID=…; NULL = any task of the run */
	unsigned attempt; /* SKALDS_ATTEMPT=…; only with task_id */
	pid_t session; /* 0 = not looked at */
	pid_t spare; /* never counted nor signalled, nor its threads: the caller's link; 0 = none */
};

/* Send sig (0 = only count) to every process of the tree but the caller itself.
 * Returns how many were found alive (zombies do not count). */
size_t sk_tree_signal(const struct sk_tree *t, int sig);

/* SIGSTOP to every process of the tree that is not stopped. Returns how many were not: who forks
 * faster than we look is stopped at last, so repeat until it returns 0. */
size_t sk_tree_halt(const struct sk_tree *t);

/* Children of this process that are in nobody's book: adopted orphans without a readable mark.
 * known(pid) says whether a child is one of ours. Sends sig to each stray and its descendants.
 * Returns how many were found. */
size_t sk_tree_strays(bool (*known)(pid_t pid, void *arg), void *arg, int sig);

/* The task a process says it belongs to, from the marks in its first environment; false when it has
 * none of this run or cannot be read. */
bool sk_tree_marks(pid_t pid, const char *run_id, char *task, size_t n, unsigned *attempt);

/* Its oom_score_adj; false when it cannot be read. */
bool sk_tree_oom_score(pid_t pid, int *score);

/* True when no process has the pid, or one that waits to be reaped. */
bool sk_tree_gone(pid_t pid);

#endif
