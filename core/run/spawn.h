/* spawn.h - starting one attempt: a program by exec, or a compiled-in worker by fork.
 *
 * For the single-threaded supervisor only. The child gets its own session and process group, its
 * cgroup, an empty signal mask, default signal actions, a higher oom_score_adj than skalds, the
 * signal SIGKILL when the supervisor dies, the descriptor limit that skalds was given, and no
 * descriptors but 0, 1, 2 (and its channel).
 */
#ifndef SK_CORE_RUN_SPAWN_H
#define SK_CORE_RUN_SPAWN_H

#include "core/run/cgroup.h"
#include "core/run/frames.h"
#include "core/run/title.h"
#include "core/run/user.h"
#include "core/run/warm.h"
#include "core/run/worker.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

struct sk_spawn {
	const struct sk_start *start;
	const struct sk_worker *worker; /* compiled-in workers; NULL for programs */
	struct sk_warm *warm; /* it becomes a warm worker of the class; NULL = executes start */
	uint32_t attempt;
	char **env; /* the whole environment, NULL-terminated */
	const char *path; /* programs: what is executed */
	int in, out, err; /* become 0, 1, 2; -1 = inherited */
	int channel; /* the child's end: workers and isolated programs; else -1 */
	const struct sk_cgroup *cg; /* NULL = none */
	const struct rlimit *nofile; /* the limit that skalds itself was given; as it is now when 0 */
	const struct sk_user *user; /* whom the child becomes; NULL = as skalds */
	const char *oom_score; /* for oom_score_adj; "" = as it is */
	const sigset_t *changed; /* signals whose action is not the default one here; NULL = any */
	const struct sk_title *title; /* workers: where ps and /proc look; NULL = leave it */
};

/* Where a start failed. */
enum sk_spawn_step {
	SK_SPAWN_FORK = 1,
	SK_SPAWN_SESSION,
	SK_SPAWN_CGROUP,
	SK_SPAWN_NAMESPACE,
	SK_SPAWN_FDS,
	SK_SPAWN_USER,
	SK_SPAWN_CWD,
	SK_SPAWN_EXEC
};
struct sk_spawn_failure {
	enum sk_spawn_step step;
	int err; /* errno */
};

/* The pid, or -1 and *failure. Blocks until the program runs or failed to (microseconds). */
pid_t sk_spawn_program(const struct sk_spawn *s, struct sk_spawn_failure *failure);
/* The pid, or -1 and *failure. What fails later in the child comes as SK_F_UNSTARTED. */
pid_t sk_spawn_worker(const struct sk_spawn *s, struct sk_spawn_failure *failure);
/* A program in a PID namespace of its own, behind a small init of ours that reports through the
 * channel: SK_F_UNSTARTED or SK_F_RESULT (u32 wait status). */
pid_t sk_spawn_isolated(const struct sk_spawn *s, struct sk_spawn_failure *failure);

/* "exec /x: Permission denied" and the exit code for it: 127 not found, 126 everything else. */
int
sk_spawn_message(const struct sk_spawn *s, const struct sk_spawn_failure *f, char *msg, size_t n);

/* The file that argv0 means: itself with a slash in it, else searched in PATH of env. False with
 * errno (ENOENT, or EACCES when only files that cannot be executed were found). */
bool sk_find_program(const char *argv0, char *const *env, char *path, size_t n);

#endif
