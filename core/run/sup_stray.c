/* sup_stray.c - processes that outlive their attempts: what left the tree and no cgroup holds. */
#include "core/base/clock.h"
#include "core/run/sup.h"
#include "core/run/tree.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS 1000000L
#define ROUNDS 400

/* Without marks (somebody emptied its environment) a process still has the OOM score that our tasks
 * are started with. Others become our children too, and are left alone: those of a shell that
 * started them before it executed us, those of `docker exec` where we are PID 1. */
static bool
has_our_score(const struct sup *s, pid_t pid)
{
	int score;

	return s->oom_score[0] != '\0' && sk_tree_oom_score(pid, &score) && score == atoi(s->oom_score);
}

/* Ours: the link, first processes of attempts, and whatever a living attempt has sent off. */
static bool
known_child(pid_t pid, void *arg)
{
	struct sup *s = arg;
	struct sup_task *t;
	char task[256];
	unsigned attempt;
	size_t i = 0;
	bool marked;

	if (pid == s->link.pid || sk_map_find(&s->by_pid, (uint64_t)pid) != NULL)
		return true;
	marked = sk_tree_marks(pid, s->run.run_id, task, sizeof(task), &attempt);
	if (!marked) /* whose it is cannot be told: wait until nobody's it can be */
		return s->n_running > 0 || !has_our_score(s, pid);
	while ((t = sk_map_each(&s->by_key, &i)) != NULL)
		if (t->state != SK_T_ENDED && t->attempt == attempt && strcmp(t->start.id, task) == 0)
			return true;
	return false;
}

void
sup_sweep(void *arg)
{
	struct sup *s = arg;

	if (sk_tree_strays(known_child, s, SIGKILL) > 0)
		sk_timer_set(s->loop, &s->sweep, sk_boot_ms() + SUP_SWEEP_MS);
}

static bool
stranger(pid_t pid, void *arg)
{
	const struct sup *s = arg;
	char task[256];
	unsigned attempt;

	return !sk_tree_marks(pid, s->run.run_id, task, sizeof(task), &attempt) &&
		!has_our_score(s, pid);
}

void
sup_clear_strays(struct sup *s)
{
	const struct timespec pause = { 0, PAUSE_NS };

	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid == -1)
			return; /* no children at all, the usual case */
		if (sk_tree_strays(stranger, s, SIGKILL) == 0)
			return;
		nanosleep(&pause, NULL);
	}
}
