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

static bool
own_child(const struct sup *s, pid_t pid)
{
	return pid == s->link.pid || sk_map_find(&s->by_pid, (uint64_t)pid) != NULL;
}

/* The attempt that an adopted process is of: by its marks, or by its session. *marked: it has marks
 * of this run, and if nobody is found, then of an attempt that is over. */
static struct sup_task *
owner(struct sup *s, pid_t pid, bool *marked)
{
	struct sup_task *t;
	char task[256];
	pid_t session = getsid(pid);
	unsigned attempt;
	size_t i = 0;

	*marked = sk_tree_marks(pid, s->run.run_id, task, sizeof(task), &attempt);
	while ((t = sk_map_each(&s->by_key, &i)) != NULL)
		if (t->state != SK_T_ENDED && t->session != 0 &&
			(t->session == session ||
				(*marked && t->attempt == attempt && strcmp(t->start.id, task) == 0)))
			return t;
	return NULL;
}

/* ---- of attempts that are being ended ---- */

static bool
spared(pid_t pid, void *arg)
{
	struct sup *s = arg;
	struct sup_task *t;
	bool marked;

	if (own_child(s, pid) || (t = owner(s, pid, &marked)) == NULL || !t->reaped)
		return true;
	t->scan_found = s->scans;
	return sup_in_grace(t);
}

/* Once the first process of a tree is gone, whatever is left of the tree hangs below a process that
 * we adopted. One walk through /proc serves all attempts that are ending; walks take no more than a
 * third of our time. */
bool
sup_strays_left(struct sup_task *t)
{
	struct sup *s = t->sup;
	int64_t now = sk_boot_ns();

	if (t->scan_after_ns < t->reaped_ns)
		t->scan_after_ns = t->reaped_ns;
	if (s->scan_ns <= t->scan_after_ns) {
		if (now < s->scan_end_ns + 2 * (s->scan_end_ns - s->scan_ns))
			return true; /* not known yet: ask again */
		s->scans++;
		s->scan_ns = now;
		sk_tree_strays(spared, s, SIGKILL);
		s->scan_end_ns = sk_boot_ns();
	}
	t->scan_after_ns = s->scan_end_ns;
	return t->scan_found == s->scans;
}

/* ---- of attempts that are over ---- */

static bool
known_child(pid_t pid, void *arg)
{
	struct sup *s = arg;
	bool marked;

	if (own_child(s, pid) || owner(s, pid, &marked) != NULL)
		return true;
	/* without marks it may be anybody's: wait until nobody's it can be */
	return !marked && (s->n_running > 0 || !has_our_score(s, pid));
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
