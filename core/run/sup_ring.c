/* sup_ring.c - the supervisor's half of a warm worker's ring (warm.h): tasks go in, are taken back,
 * are found ended, or become ordinary attempts. */
#include "core/base/clock.h"
#include "core/run/sup_warm.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define MEAN_WEIGHT 0.125 /* of the latest task */
#define ALIGN ((size_t)8)

static struct sk_warm_slot *
slot_of(const struct sup_warm *w, uint64_t ticket)
{
	return &w->ring->slots[ticket % SK_WARM_SLOTS];
}

static struct sup_task **
task_at(struct sup_warm *w, uint64_t ticket)
{
	return &w->entry[ticket % SK_WARM_SLOTS].t;
}

static bool
change(struct sk_warm_slot *slot, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong(&slot->state, &from, to);
}

/* Its process wrote where it must not: nothing that it says counts any more, and it must go. */
static void
lose_trust(struct sup_warm *w)
{
	if (w->insane)
		return;
	w->insane = true;
	sk_sink_log(w->host->sup->sink, SK_ERROR, w->host->start.id, 0,
		"a warm worker has destroyed the memory that it shares with skalds: killing it");
	if (!w->gone)
		kill(w->host->pid, SIGKILL);
}

/* ---- in ---- */

static size_t
room_for(const struct sup_task *t)
{
	size_t n = strlen(t->start.id) + 1 + t->start.attachments_len;

	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* The texts lie one behind the other and begin anew at 0, up to the oldest that is still there. */
static bool
place(const struct sup_warm *w, size_t need, size_t *at)
{
	size_t oldest = w->entry[w->first % SK_WARM_SLOTS].at;

	*at = w->next_at;
	if (w->first == w->tail) {
		*at = 0;
		return need <= SK_WARM_DATA;
	}
	if (w->next_at < oldest)
		return w->next_at + need < oldest;
	if (w->next_at + need <= SK_WARM_RING)
		return true;
	*at = 0;
	return need < oldest;
}

/* What was taken back is nobody's any more; the worker reads nothing of it. */
static void
pass_taken_back(struct sup_warm *w)
{
	while (w->first < w->tail && *task_at(w, w->first) == NULL)
		w->first++;
}

bool
sup_ring_fits(struct sup_warm *w, const struct sup_task *t, size_t *at)
{
	uint64_t head = atomic_load(&w->ring->head);

	if (head < w->head_seen || head > w->tail)
		lose_trust(w);
	if (w->insane)
		return false;
	w->head_seen = head;
	pass_taken_back(w);
	return w->tail - head < SK_WARM_SLOTS && w->tail - w->first < SK_WARM_SLOTS &&
		place(w, room_for(t), at);
}

void
sup_ring_push(struct sup_warm *w, struct sup_task *t, size_t at)
{
	struct sk_warm_slot *slot = slot_of(w, w->tail);
	size_t id_len = strlen(t->start.id) + 1;

	sup_dequeue(t);
	memcpy(w->ring->data + at, t->start.id, id_len);
	if (t->start.attachments_len > 0)
		memcpy(w->ring->data + at + id_len, t->start.attachments, t->start.attachments_len);
	slot->key = t->key;
	slot->attempt = t->attempt;
	slot->id = (uint32_t)at;
	slot->att = (uint32_t)(at + id_len);
	slot->att_len = (uint32_t)t->start.attachments_len;
	w->next_at = at + room_for(t);
	w->entry[w->tail % SK_WARM_SLOTS].at = at;
	*task_at(w, w->tail) = t;
	t->warm = w;
	t->ticket = w->tail++;
	w->n++;
	w->pushed++;
	w->wants_wake = true;
	atomic_store(&slot->state, SK_WARM_QUEUED);
	atomic_store(&w->ring->tail, w->tail);
}

/* ---- out ---- */

static void
take_off(struct sup_warm *w, struct sup_task *t)
{
	*task_at(w, t->ticket) = NULL;
	t->warm = NULL;
	w->n--;
}

/* Not begun: to the front of the queue. */
static bool
take_back(struct sup_warm *w, struct sup_task *t)
{
	if (!change(slot_of(w, t->ticket), SK_WARM_QUEUED, SK_WARM_BACK))
		return false;
	take_off(w, t);
	w->pushed--;
	sup_queue_again(t);
	return true;
}

/* Its slot was overwritten: whether it has run nobody can say, so it is not run again by us. */
static void
lose(struct sup_warm *w, struct sup_task *t)
{
	take_off(w, t);
	t->report.reason = SK_REASON_LOST;
	snprintf(t->message, sizeof(t->message),
		"a task in the same warm worker has destroyed what tells whether this one has run");
	sup_note_end(t);
	sup_tell_end(t);
}

void
sup_ring_take_back(struct sup_warm *w, bool dead)
{
	for (uint64_t k = w->tail; k > w->first; k--) {
		struct sup_task *t = *task_at(w, k - 1);

		if (t == NULL || take_back(w, t))
			continue;
		if (!dead)
			return; /* begun, and so is everything before it */
		lose(w, t);
	}
}

/* What the worker says, as far as it can be. */
static void
take_times(struct sup_task *t, const struct sk_warm_slot *slot, bool ended)
{
	int64_t now = sk_boot_ns(), start = slot->start_ns, end = ended ? slot->end_ns : now;
	int64_t wall = sk_wall_ms() - now / 1000000;

	end = end > 0 && end < now ? end : now;
	start = start > 0 && start < end ? start : end;
	t->report.start_boot_ms = start / 1000000;
	t->report.start_ms = wall + start / 1000000;
	if (!ended)
		return;
	t->report.end_boot_ms = end / 1000000;
	t->report.end_ms = wall + end / 1000000;
	t->report.cpu_ms = slot->cpu_ms;
	t->report.max_rss_kb = slot->rss_kb;
}

static void
learn(struct sup_warm *w, const struct sk_warm_slot *slot)
{
	int64_t ns = slot->end_ns - slot->start_ns;
	struct sup_class *c = w->class;

	if (ns < 0 || slot->end_ns > sk_boot_ns())
		return;
	c->mean_ns = c->mean_ns > 0 ? c->mean_ns + ((double)ns - c->mean_ns) * MEAN_WEIGHT : (double)ns;
	w->cpu_ns += slot->cpu_ms > 0 ? (int64_t)slot->cpu_ms * 1000000 : ns;
}

/* The worker has done it and goes on, unless it waits for us to read what it wrote. */
static void
end_well(struct sup_warm *w, struct sup_task *t, struct sk_warm_slot *slot)
{
	struct sup *s = t->sup;
	uint32_t flags = slot->flags;

	if (flags & SK_WARM_SPOKE)
		sup_read_worker(w->host);
	if (flags & SK_WARM_WROTE)
		sup_read_rest(w->host);
	take_times(t, slot, true);
	learn(w, slot);
	t->report.pid = w->host->pid;
	sk_timer_clear(s->loop, &t->timer);
	take_off(w, t);
	if (flags & SK_WARM_WROTE) {
		atomic_store(&w->ring->open, t->ticket + 1);
		w->wants_wake = s->pool.wake = true;
	}
	sk_out_end(s->sink, &t->out, false);
	sup_tell_end(t);
}

void
sup_warm_look(struct sup_warm *w)
{
	bool busy = w->n > 0;

	atomic_store(&w->ring->told, 0);
	for (; w->first < w->tail; w->first++) {
		struct sup_task *t = *task_at(w, w->first);
		struct sk_warm_slot *slot = slot_of(w, w->first);
		uint32_t state;

		if (t == NULL)
			continue;
		state = atomic_load(&slot->state);
		if (state != SK_WARM_DONE) {
			if (state != SK_WARM_QUEUED && state != SK_WARM_TAKEN)
				lose_trust(w);
			break;
		}
		end_well(w, t, slot);
	}
	if (busy && w->n == 0)
		sup_warm_idle(w);
}

/* ---- the one that runs ---- */

static struct sup_task *
running(const struct sup_warm *w)
{
	for (uint64_t k = w->first; k < w->tail; k++) {
		uint32_t state = atomic_load(&slot_of(w, k)->state);

		if (w->entry[k % SK_WARM_SLOTS].t != NULL && state != SK_WARM_DONE)
			return state == SK_WARM_TAKEN ? w->entry[k % SK_WARM_SLOTS].t : NULL;
	}
	return NULL;
}

int64_t
sup_ring_running_ns(const struct sup_warm *w)
{
	const struct sup_task *t = running(w);
	int64_t ns = t != NULL ? sk_boot_ns() - slot_of(w, t->ticket)->start_ns : -1;

	return ns < -1 ? 0 : ns;
}

static void
tell_running(struct sup_warm *w, struct sup_task *t)
{
	if (t->start_told)
		return;
	take_times(t, slot_of(w, t->ticket), false);
	t->report.pid = w->host->pid;
	sup_tell_started(t);
}

void
sup_ring_tell_running(struct sup_warm *w)
{
	struct sup_task *t = running(w);

	if (t != NULL)
		tell_running(w, t);
}

/* The process is the attempt's alone from now on, with all that belongs to it. */
static void
adopt(struct sup_warm *w, struct sup_task *t)
{
	struct sup_task *host = w->host;
	struct sup *s = t->sup;

	take_off(w, t);
	sup_ring_take_back(w, true);
	t->pid = host->pid;
	t->session = host->session;
	t->cg = host->cg;
	t->cpu_before_ms = w->cpu_ns / 1000000;
	t->state = SK_T_RUNNING;
	t->report.pid = t->pid;
	sup_take_over(t, host);
	sk_map_put(&s->by_pid, (uint64_t)t->pid, t);
	host->pid = 0;
	host->cg = NULL;
	sup_warm_drop(w);
}

bool
sup_warm_claim(struct sup_task *t)
{
	struct sup_warm *w = t->warm;

	sup_warm_look(w);
	if (t->state == SK_T_ENDED)
		return false;
	if (take_back(w, t)) {
		if (w->n == 0)
			sup_warm_idle(w);
		return true;
	}
	if (change(slot_of(w, t->ticket), SK_WARM_TAKEN, SK_WARM_OWN)) {
		sup_read_worker(w->host); /* what earlier tasks have said */
		tell_running(w, t);
		adopt(w, t);
		return true;
	}
	sup_warm_look(w); /* it was faster */
	if (t->state == SK_T_ENDED)
		return false;
	lose_trust(w);
	tell_running(w, t);
	adopt(w, t);
	return true;
}

/* ---- its end ---- */

static struct sup_task *
first_left(struct sup_warm *w)
{
	pass_taken_back(w);
	return w->first < w->tail ? *task_at(w, w->first) : NULL;
}

/* Who is told that the process has ended: the task that ran, or the one that it was started for. */
struct sup_task *
sup_warm_died(struct sup_task *host)
{
	struct sup_warm *w = host->warm;
	struct sup_task *t;

	w->gone = true;
	sup_read_worker(host);
	sup_warm_look(w);
	t = first_left(w);
	if (t == NULL)
		return host;
	if (atomic_load(&slot_of(w, t->ticket)->state) != SK_WARM_QUEUED)
		take_times(t, slot_of(w, t->ticket), false);
	else if (w->unstarted_step != 0)
		sup_start_failure(t, w->unstarted_step, w->unstarted_err);
	else { /* killed between two tasks: the next one shall not wait for such a death again */
		t->class = NULL;
		sup_ring_take_back(w, true);
		sup_warm_idle(w);
		return host;
	}
	adopt(w, t);
	return t;
}

void
sup_warm_bury(struct sup_task *host)
{
	sup_warm_drop(host->warm);
}

/* ---- what it says and writes ---- */

void
sup_warm_frame(struct sup_warm *w, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);
	struct sup_task *t;

	if (f->type == SK_F_UNSTARTED && f->key == 0) {
		w->unstarted_step = (int)sk_get_u32(&r);
		w->unstarted_err = (int)sk_get_u32(&r);
		return;
	}
	t = sk_map_find(&w->host->sup->by_key, f->key);
	if (t != NULL && t->warm == w && t->attempt == f->attempt)
		sup_worker_frame(t, f);
	if (t != NULL && t->progress_dirty)
		sup_notes_soon(t->sup);
}

void
sup_warm_reading(struct sup_warm *w)
{
	atomic_fetch_add(&w->ring->read_turn, 1);
}

/* Asked after the read: whoever wrote the bytes still runs, or waits for us. */
struct sup_task *
sup_warm_read(struct sup_warm *w, ssize_t n)
{
	if (n > 0)
		atomic_fetch_add(&w->ring->read_bytes, (uint64_t)n);
	atomic_fetch_add(&w->ring->read_turn, 1);
	for (uint64_t k = w->first; n > 0 && k < w->tail; k++) {
		const struct sk_warm_slot *slot = slot_of(w, k);
		uint32_t state = atomic_load(&slot->state);

		if (*task_at(w, k) != NULL &&
			(state == SK_WARM_TAKEN || (state == SK_WARM_DONE && (slot->flags & SK_WARM_WROTE))))
			return *task_at(w, k);
	}
	return NULL;
}
