/* sup_warm.h - warm workers in the supervisor: shared by sup_warm.c (which one gets a task, when
 * one is made and ended) and sup_ring.c (what has become of the tasks that it got). */
#ifndef SK_CORE_RUN_SUP_WARM_H
#define SK_CORE_RUN_SUP_WARM_H

#include "core/run/sup.h"
#include "core/run/warm.h"

struct sup_class {
	const struct sk_worker *worker;
	struct sup_warm **list; /* its workers, those that are being ended left out */
	size_t n, cap;
	double mean_ns; /* how long its tasks take, the latest count most; 0 = not known */
};

struct sup_warm {
	struct sup_warm *next; /* pool.all */
	struct sup_task *host; /* its process */
	struct sup_class *class;
	struct sk_warm *ring;
	uint64_t first, tail; /* tickets that are not settled: first <= ticket < tail */
	uint64_t head_seen; /* what the worker has said of its progress */
	unsigned n; /* tasks in the ring; a worker with none is idle */
	size_t next_at; /* in data: behind the last task's texts */
	int64_t idle_ns; /* boot clock: since when */
	int64_t cpu_ns; /* that its tasks have taken, at most */
	uint32_t pushed; /* tasks so far, those that were taken back left out */
	bool wants_wake;
	bool idle; /* counted as such: n is 0 */
	bool retired; /* gets no more tasks, and SIGKILL when it is idle */
	bool gone; /* its process was reaped */
	bool insane; /* what it says cannot be */
	int unstarted_step, unstarted_err; /* it did not become a worker; 0 = it did */
	struct {
		struct sup_task *t; /* NULL = taken back */
		size_t at; /* its texts in data */
	} entry[SK_WARM_SLOTS];
};

/* sup_ring.c */
/* Is there place for the task? It then has not to be asked for. */
bool sup_ring_fits(struct sup_warm *w, const struct sup_task *t, size_t *at);
/* Out of the queue, into the ring. */
void sup_ring_push(struct sup_warm *w, struct sup_task *t, size_t at);
/* Whatever it has not begun goes back to the front of the queue, in order. dead: it runs nothing
 * any more; where a state then says anything but "not begun", the task is lost. */
void sup_ring_take_back(struct sup_warm *w, bool dead);
/* How long its first task runs by now; -1 = none does. */
int64_t sup_ring_running_ns(const struct sup_warm *w);
/* Tell that its first task runs, when nobody has told yet. */
void sup_ring_tell_running(struct sup_warm *w);

/* sup_warm.c */
/* Its last task is off the ring. */
void sup_warm_idle(struct sup_warm *w);
/* Free it with its host: its process is an attempt's, or gone. */
void sup_warm_drop(struct sup_warm *w);

#endif
