/* cgroup.h - control groups for tasks, where the host lets us.
 *
 * Tracking and killing: the v2 hierarchy (cgroup.kill, cgroup.events), or any writable v1 one.
 * Memory limits and the out-of-memory counter: v2's memory controller or v1's memory hierarchy.
 * Directories are pooled: a group that is empty again is handed out again.
 * Layout: <own group>/skalds-<run id>/<n>.
 */
#ifndef SK_CORE_RUN_CGROUP_H
#define SK_CORE_RUN_CGROUP_H

#include "core/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_cgroups; /* what the host gives this run */
struct sk_cgroup; /* the group(s) of one task */

/* Find out what works and make the run's directories. enable = false: everything is off but the
 * reading of our own out-of-memory counter. Never fails: what does not work is left out. */
struct sk_cgroups *sk_cgroups_new(const char *run_id, bool enable);
/* Remove the directories (tasks must be gone) and free. NULL is allowed. */
void sk_cgroups_free(struct sk_cgroups *cgs);
/* The run's directories, "" when there are none: for the run file. */
const char *sk_cgroups_v2_dir(const struct sk_cgroups *cgs);
const char *sk_cgroups_v1_dir(const struct sk_cgroups *cgs);
/* True when the tree of a task can be tracked and killed by cgroup. */
bool sk_cgroups_track(const struct sk_cgroups *cgs);
/* True when memoryMb can be enforced. */
bool sk_cgroups_memory(const struct sk_cgroups *cgs);
/* One line for people: "v2 (cgroup.kill), memory by v1" / "none: marks in the environment". */
const char *sk_cgroups_describe(const struct sk_cgroups *cgs);

/* A group for one task, with a memory limit when memory_mb > 0; NULL when groups are off or the
 * system refuses (then err says why, and the task runs without). */
struct sk_cgroup *sk_cgroup_take(struct sk_cgroups *cgs, int64_t memory_mb, struct sk_err *err);
/* Give it back; it must be empty. NULL is allowed. */
void sk_cgroup_give(struct sk_cgroups *cgs, struct sk_cgroup *cg);
/* The v2 directory's descriptor for clone3(CLONE_INTO_CGROUP), -1 = none. A child born into its
 * group costs nothing; moving one in costs milliseconds on an idle host (the kernel waits). */
int sk_cgroup_fd(const struct sk_cgroup *cg);
/* Put the calling process in: for the child between fork and exec (async-signal-safe).
 * born: it is in the v2 group already. Returns 0 or an errno. */
int sk_cgroup_enter(const struct sk_cgroup *cg, bool born);
bool sk_cgroup_populated(const struct sk_cgroup *cg);
/* SIGKILL to every process in it. Repeat until it is no longer populated. */
void sk_cgroup_kill(struct sk_cgroup *cg);
/* sig to every process in it. */
void sk_cgroup_signal(const struct sk_cgroup *cg, int sig);
/* Let nothing in it run, or let it run again. The kernel takes a moment: ask sk_cgroup_frozen. Only
 * in v2: SIGKILL reaches who is frozen there, and nobody whom the v1 freezer holds, so that a dead
 * supervisor's tasks would stay for ever. False: it cannot be done. */
bool sk_cgroup_freeze(struct sk_cgroup *cg, bool freeze);
/* Does everything in it stand still? */
bool sk_cgroup_frozen(const struct sk_cgroup *cg);
/* Processes the kernel's out-of-memory killer took from this group since it was taken, whoever's
 * limit it was; -1 when nobody counts them for this group. */
int64_t sk_cgroup_oom_kills(const struct sk_cgroup *cg);

/* Out-of-memory kills in the group skalds itself runs in (a container's limit). -1 = unknown. */
int64_t sk_cgroups_own_oom_kills(const struct sk_cgroups *cgs);

/* Clear the directory of a dead run: kill what is in it, remove it. The path must end in
 * "/skalds-<run_id>"; "" is allowed. Returns the number of processes killed. */
size_t sk_cgroup_clear(const char *dir, const char *run_id);

#endif
