/* sup_warm.c - warm workers: which one gets a task, when one is made, when one is ended.
 *
 * A worker with a task counts as one slot, whatever stands behind that task in its ring. Idle ones
 * count as nothing, but with what runs they are never more than there are slots: who needs room
 * ends the one that is idle for longest.
 *
 * Tasks stand behind another only while they are short: as many as the class does in DEPTH_NS, by
 * the mean of what it has done. When the first of them takes SLOW_NS, the others go elsewhere. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/run/sup_warm.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH_NS 2e6 /* work that may wait in one ring */
#define FORK_NS 200000.0 /* what waits for less than this is not worth a process */
#define SLOW_NS 4000000
#define TOLD_NS 1000000 /* a task that runs for this long is told of as started */
#define LOOK_MS 2
#define MAX_TASKS 10000 /* of one process */
#define IDLE_MS 60000

/* ---- classes ---- */

/* What a process that was started for others cannot give it. */
static bool
wants_more(const struct sk_start *st)
{
	if (st->memory_mb > 0 || st->user[0] != '\0' || st->cwd[0] != '\0' || st->input[0] != '\0')
		return true;
	for (size_t i = 0; st->env[i] != NULL; i++)
		if (strncmp(st->env[i], "SKALDS_", 7) != 0)
			return true;
	return false;
}

struct sup_class *
sup_warm_class(const struct sup_task *t)
{
	const struct sk_start *st = &t->start;

	if (!st->reusable || st->program || st->refusal[0] != '\0' || wants_more(st))
		return NULL;
	for (struct sup_class *c = t->sup->pool.classes; c->worker != NULL; c++)
		if (strcmp(c->worker->name, st->class_name) == 0)
			return c->worker->reusable ? c : NULL;
	return NULL;
}

static void
leave_class(struct sup_warm *w)
{
	struct sup_class *c = w->class;

	for (size_t i = 0; i < c->n; i++)
		if (c->list[i] == w)
			c->list[i--] = c->list[--c->n];
}

static void
join_class(struct sup_warm *w)
{
	struct sup_class *c = w->class;

	if (c->n == c->cap) {
		c->cap = c->cap > 0 ? c->cap * 2 : 4;
		c->list = sk_xreallocarray(c->list, c->cap, sizeof(*c->list));
	}
	c->list[c->n++] = w;
}

/* ---- ends ---- */

/* No more tasks for it; it is killed as soon as it has none. */
static void
retire(struct sup_warm *w)
{
	if (!w->retired)
		leave_class(w);
	w->retired = true;
	if (w->n > 0 || w->gone)
		return;
	if (w->host->cg != NULL)
		sk_cgroup_signal(w->host->cg, SIGKILL);
	kill(-w->host->session, SIGKILL);
	kill(w->host->pid, SIGKILL); /* forked this moment, it has no group of its own yet */
}

static void
set_idle(struct sup_warm *w, bool idle)
{
	struct sup_pool *p = &w->host->sup->pool;

	if (w->idle == idle)
		return;
	w->idle = idle;
	if (idle)
		p->n_idle++;
	else
		p->n_idle--;
}

void
sup_warm_idle(struct sup_warm *w)
{
	struct sup *s = w->host->sup;
	uint32_t most = s->cfg->warm_tasks > 0 ? s->cfg->warm_tasks : MAX_TASKS;

	s->n_running--;
	w->idle_ns = sk_boot_ns();
	set_idle(w, true);
	if (w->retired || w->gone || w->insane || w->pushed >= most || s->draining)
		retire(w);
	sup_check_done(s);
}

void
sup_warm_drop(struct sup_warm *w)
{
	struct sup_pool *p = &w->host->sup->pool;
	struct sup_warm **at = &p->all;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (!w->retired)
		leave_class(w);
	set_idle(w, false);
	munmap(w->ring, sizeof(*w->ring));
	sup_task_free(w->host);
	free(w);
}

void
sup_warm_end_idle(struct sup *s)
{
	for (struct sup_warm *w = s->pool.all; w != NULL; w = w->next)
		if (w->idle && !w->retired)
			retire(w);
}

void
sup_warm_make_room(struct sup *s)
{
	struct sup_warm *oldest = NULL;

	if (s->pool.n_idle == 0 || s->n_slots == 0 || s->n_running + s->pool.n_idle <= s->n_slots)
		return;
	for (struct sup_warm *w = s->pool.all; w != NULL; w = w->next)
		if (w->idle && !w->retired && (oldest == NULL || w->idle_ns < oldest->idle_ns))
			oldest = w;
	if (oldest != NULL)
		retire(oldest);
}

void
sup_warm_tick(struct sup *s)
{
	int64_t idle_ms = s->cfg->warm_idle_ms > 0 ? s->cfg->warm_idle_ms : IDLE_MS;
	int64_t now = sk_boot_ms();

	for (struct sup_warm *w = s->pool.all; w != NULL; w = w->next) {
		if (w->idle && !w->retired && now - w->idle_ns / 1000000 >= idle_ms)
			retire(w);
		if (w->n > 0) /* the hint to look may have been overwritten by user code */
			sup_warm_look(w);
	}
}

/* ---- looks ---- */

/* Of those who have something to do: what has ended, what has begun, what waits too long. True when
 * this one must be looked at again. */
static bool
look_at(struct sup_warm *w)
{
	int64_t ns;

	sup_warm_look(w);
	ns = sup_ring_running_ns(w);
	if (ns >= TOLD_NS)
		sup_ring_tell_running(w);
	if (ns >= SLOW_NS && w->n > 1) {
		if (w->class->mean_ns < (double)ns)
			w->class->mean_ns = (double)ns;
		sup_ring_take_back(w, false);
	}
	return w->n > 1 || (w->n == 1 && ns < TOLD_NS);
}

static void
look_again(void *arg)
{
	struct sup *s = arg;
	struct sup_warm *next;
	bool again = false;

	for (struct sup_warm *w = s->pool.all; w != NULL; w = next) {
		next = w->next;
		if (w->n > 0 && look_at(w))
			again = true;
	}
	if (again)
		sk_timer_set(s->loop, &s->pool.look, sk_boot_ms() + LOOK_MS);
}

/* ---- starts ---- */

static struct sup_task *
new_host(struct sup *s, const struct sup_class *c)
{
	struct sup_task *host = sup_task_blank(s);

	host->hosting = true;
	host->state = SK_T_RUNNING;
	host->start.id = sk_arena_printf(host->arena, "%s (warm)", c->worker->name);
	host->start.class_name = c->worker->name;
	return host;
}

static struct sup_warm *
new_worker(struct sup *s, struct sup_class *c)
{
	struct sup_warm *w = sk_xcalloc(1, sizeof(*w));
	pid_t pid = -1;

	*w = (struct sup_warm){ .next = s->pool.all, .host = new_host(s, c), .class = c };
	w->ring =
		mmap(NULL, sizeof(*w->ring), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s->pool.all = w;
	w->host->warm = w;
	join_class(w);
	if (w->ring != MAP_FAILED)
		pid = sup_launch(w->host, w->ring);
	if (pid == -1) {
		sup_let_go(w->host);
		sup_warm_drop(w);
		return NULL;
	}
	madvise(w->ring, sizeof(*w->ring), MADV_DONTFORK); /* no business of those who come later */
	w->host->pid = w->host->session = pid;
	sk_map_put(&s->by_pid, (uint64_t)pid, w->host);
	s->n_running++;
	return w;
}

static void
give(struct sup_warm *w, struct sup_task *t, size_t at)
{
	struct sup *s = t->sup;

	if (w->idle)
		s->n_running++;
	set_idle(w, false);
	sup_ring_push(w, t, at);
	s->pool.wake = true;
	if (s->pool.look.pos == 0)
		sk_timer_set(s->loop, &s->pool.look, sk_boot_ms() + LOOK_MS);
}

/* How many tasks of the class may be in one ring. */
static unsigned
depth(const struct sup_class *c)
{
	double n = c->mean_ns > 0 ? DEPTH_NS / c->mean_ns : 1;

	return n < 1 ? 1 : n > SK_WARM_SLOTS ? SK_WARM_SLOTS : (unsigned)n;
}

/* An idle worker, or the one that has the least to do and takes one more. */
static struct sup_warm *
choose(const struct sup_class *c, const struct sup_task *t, size_t *at)
{
	uint32_t most = t->sup->cfg->warm_tasks > 0 ? t->sup->cfg->warm_tasks : MAX_TASKS;
	struct sup_warm *best = NULL;
	unsigned most_n = depth(c);
	size_t place;

	for (size_t i = 0; i < c->n; i++) {
		struct sup_warm *w = c->list[i];

		if (w->n >= most_n || w->pushed >= most || (best != NULL && w->n >= best->n) ||
			!sup_ring_fits(w, t, &place))
			continue;
		best = w;
		*at = place;
		if (w->n == 0)
			break;
	}
	return best;
}

/* Is one more process better than to wait behind others (best; NULL = their rings are full)? */
static bool
worth_a_process(const struct sup *s, const struct sup_class *c, const struct sup_warm *best)
{
	if (s->n_slots == 0 && depth(c) > 1 && c->n >= s->pool.cpus)
		return false;
	return best == NULL || (double)best->n * c->mean_ns >= FORK_NS;
}

enum sup_chance
sup_warm_start(struct sup_task *t, bool room)
{
	struct sup *s = t->sup;
	struct sup_class *c = t->class;
	struct sup_warm *w;
	size_t at = 0;

	if (c == NULL)
		return SUP_ORDINARY;
	w = choose(c, t, &at);
	if (w != NULL && (w->n == 0 ? room : !room || !worth_a_process(s, c, w))) {
		give(w, t, at);
		return SUP_STARTED;
	}
	if (!room || !worth_a_process(s, c, w))
		return SUP_WAITS;
	w = new_worker(s, c);
	if (w == NULL) { /* no process, no memory: the task's own try says what is wrong */
		sup_warm_end_idle(s);
		t->class = NULL;
		return SUP_ORDINARY;
	}
	sup_warm_make_room(s);
	give(w, t, 0);
	return SUP_STARTED;
}

/* ---- waking, and all the rest ---- */

static void
wake(struct sup_warm *w)
{
	struct sup_task *host = w->host;

	w->wants_wake = false;
	if (atomic_exchange(&w->ring->waiting, 0) == 0)
		return;
	sk_chan_queue(&host->chan, SK_F_WAKE, 0, 0, NULL);
	if (sk_chan_flush(&host->chan, NULL) == SK_EAGAIN)
		sk_watch_set(host->chan_watch, EPOLLIN | EPOLLOUT);
}

void
sup_warm_wake(struct sup *s)
{
	if (!s->pool.wake)
		return;
	s->pool.wake = false;
	for (struct sup_warm *w = s->pool.all; w != NULL; w = w->next)
		if (w->wants_wake)
			wake(w);
}

void
sup_warm_pause_reading(struct sup *s, bool pause)
{
	for (struct sup_warm *w = s->pool.all; w != NULL; w = w->next)
		if (w->host->slot != NULL)
			sup_slot_pause(w->host->slot, pause);
}

void
sup_warm_open(struct sup *s)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = 0;

	while (s->cfg->workers[n] != NULL)
		n++;
	s->pool.classes = sk_xcalloc(n + 1, sizeof(*s->pool.classes));
	for (size_t i = 0; i < n; i++)
		s->pool.classes[i].worker = s->cfg->workers[i];
	s->pool.cpus = cpus > 0 ? (size_t)cpus : 1;
	s->pool.look = (struct sk_timer){ .fn = look_again, .arg = s };
}

void
sup_warm_free(struct sup *s)
{
	struct sup_warm *next;

	for (struct sup_warm *w = s->pool.all; w != NULL; w = next) {
		struct sup_task *host = w->host;

		next = w->next;
		sup_ring_take_back(w, true);
		retire(w);
		if (host->pid > 0)
			waitpid(host->pid, NULL, 0);
		if (host->cg != NULL && sk_cgroup_populated(host->cg))
			sk_cgroup_kill(host->cg);
		sup_let_go(host);
		sup_warm_drop(w);
	}
	sk_timer_clear(s->loop, &s->pool.look);
	for (struct sup_class *c = s->pool.classes; c != NULL && c->worker != NULL; c++)
		free(c->list);
	free(s->pool.classes);
}
