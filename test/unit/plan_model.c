#include "test/unit/plan_model.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint64_t
model_dice(struct world *w, uint64_t sides)
{
	w->chance ^= w->chance << 13; /* xorshift64 */
	w->chance ^= w->chance >> 7;
	w->chance ^= w->chance << 17;
	return (w->chance >> 11) % sides;
}

void
model_put(struct queue *q, enum kind kind, const struct attempt *a)
{
	assert_true(q->n < MAX_FRAMES);
	q->list[(q->head + q->n++) % MAX_FRAMES] = (struct message){ kind, *a };
}

bool
model_take(struct queue *q, struct message *m)
{
	if (q->n == 0)
		return false;
	*m = q->list[q->head];
	q->head = (q->head + 1) % MAX_FRAMES;
	q->n--;
	return true;
}

int
model_number(const char *id)
{
	return atoi(id + 1);
}

struct attempt *
model_known(struct world *w, uint64_t key, bool settled)
{
	for (size_t i = 0; i < w->n_known; i++)
		if (w->known[i].key == key && w->known[i].settled == settled)
			return &w->known[i];
	return NULL;
}

static void
drop_known(struct world *w, struct attempt *a)
{
	size_t i = (size_t)(a - w->known);

	memmove(a, a + 1, (w->n_known - i - 1) * sizeof(*a));
	w->n_known--;
}

bool
model_live(const struct attempt *a)
{
	return a->state != SK_T_ENDED;
}

static void
sup_end(struct world *w, struct attempt *a, enum sk_reason reason, int32_t code)
{
	a->state = SK_T_ENDED;
	a->reason = reason;
	a->code = code;
	a->end_ms = w->now_ms;
	w->ends++;
	model_put(&w->to_plan, EXITED, a);
}

void
model_stop(struct world *w, struct attempt *a, enum sk_reason reason)
{
	if (a->state == SK_T_ENDED || a->state == SK_T_STOPPING)
		return;
	a->stop = reason;
	if (a->state == SK_T_QUEUED)
		sup_end(w, a, reason, 0);
	else
		a->state = SK_T_STOPPING;
}

static void
sup_start(struct world *w, const struct attempt *start)
{
	struct attempt *old = model_known(w, start->key, true);

	if (model_known(w, start->key, false) != NULL)
		fail_msg(
			"%s/%u: the supervisor still has key %" PRIu64, start->id, start->attempt, start->key);
	if (old != NULL)
		drop_known(w, old);
	for (size_t i = 0; i < w->n_known; i++)
		if (strcmp(w->known[i].id, start->id) == 0 && model_live(&w->known[i]))
			fail_msg("%s: attempts %u and %u live at once", start->id, w->known[i].attempt,
				start->attempt);
	assert_true(w->n_known < MAX_TASKS);
	w->known[w->n_known++] = *start;
	if (w->draining)
		model_stop(w, &w->known[w->n_known - 1], SK_REASON_INTERRUPTED);
}

void
model_deliver(struct world *w, const struct message *m)
{
	struct attempt *a = model_known(w, m->a.key, false);

	switch (m->kind) {
	case START:
		sup_start(w, &m->a);
		return;
	case FORGET:
		if (a == NULL || model_live(a))
			a = model_known(w, m->a.key, true);
		if (a != NULL)
			drop_known(w, a);
		return;
	case UPDATE: /* too late, it is refused */
		if (a != NULL && a->attempt == m->a.attempt && a->state == SK_T_RUNNING)
			a->spec_hash = m->a.spec_hash;
		return;
	case STOP:
		if (a != NULL && a->attempt == m->a.attempt)
			model_stop(w, a, m->a.stop);
		return;
	default: /* ACK */
		if (a != NULL && a->attempt == m->a.attempt && a->state == SK_T_ENDED)
			a->settled = true;
	}
}

/* Slots are the supervisor's own business: it runs what it may, in the order it was told. */
void
model_run(struct world *w)
{
	size_t running = 0;

	for (size_t i = 0; i < w->n_known; i++)
		running += w->known[i].state == SK_T_RUNNING || w->known[i].state == SK_T_STOPPING;
	for (size_t i = 0; i < w->n_known && running < SLOTS; i++) {
		struct attempt *a = &w->known[i];

		if (a->state != SK_T_QUEUED)
			continue;
		if (model_dice(w, 12) == 0) {
			sup_end(w, a, SK_REASON_START_FAILED, 127);
			continue;
		}
		a->state = SK_T_RUNNING;
		a->start_ms = w->now_ms;
		model_put(&w->to_plan, STARTED, a);
		running++;
	}
}

void
model_chance(struct world *w)
{
	struct attempt *a = w->n_known > 0 ? &w->known[model_dice(w, w->n_known)] : NULL;

	if (a == NULL || (a->state != SK_T_RUNNING && a->state != SK_T_STOPPING))
		return;
	switch (model_dice(w, 6)) {
	case 0:
		sup_end(w, a, SK_REASON_SIGNALED, 137);
		break;
	case 1:
		sup_end(w, a, SK_REASON_EXITED, 3);
		break;
	case 2:
		sup_end(w, a, a->state == SK_T_STOPPING ? a->stop : SK_REASON_TIMEOUT, 143);
		break;
	default: /* a program that is stopped may still say 0; its reason is why it was stopped */
		sup_end(w, a, a->state == SK_T_STOPPING ? a->stop : SK_REASON_EXITED, 0);
	}
}
