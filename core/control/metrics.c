/* metrics.c - counting; and GET /metrics, with a count of the tasks that is not too old. */
#include "core/control/metrics_priv.h"
#include "core/control/parts.h"
#include <stdlib.h>
#include <string.h>

#define COUNT_AGAIN_MS 5000 /* a count of a large store is not free */

struct sk_metrics *
sk_metrics_new(void)
{
	struct sk_metrics *m = sk_xcalloc(1, sizeof(*m));

	while (sk_routes[m->n_routes].method != NULL)
		m->n_routes++;
	m->routes = sk_xcalloc(m->n_routes + 1, sizeof(*m->routes));
	return m;
}

void
sk_metrics_free(struct sk_metrics *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_classes; i++)
		free(m->classes[i].name);
	free(m->routes);
	free(m);
}

/* ---- tasks ---- */

static struct sk_metrics_class *
class_of(struct sk_metrics *m, const char *name)
{
	bool full = m->n_classes >= SK_METRICS_CLASSES;

	for (size_t i = 0; i < m->n_classes; i++)
		if (strcmp(m->classes[i].name, name) == 0)
			return &m->classes[i];
	if (m->n_classes > SK_METRICS_CLASSES)
		return &m->classes[SK_METRICS_CLASSES];
	m->classes[m->n_classes].name = sk_xstrdup(full ? "other" : name);
	return &m->classes[m->n_classes++];
}

void
sk_metrics_told(struct sk_control *c, enum sk_event_kind kind, const struct sk_record *r)
{
	if (kind == SK_EVENT_CREATED)
		class_of(c->metrics, r->class_name)->created++;
	else if (kind == SK_EVENT_ASSIGNED && r->life.attempt == 1 && r->create_ms > 0)
		sk_histogram_add(&c->metrics->waited, sk_bounds_long,
			(double)(sk_control_wall_ms(c) - r->create_ms) / 1000);
}

/* SK_N_ENDED: nothing ends. */
static enum sk_metrics_end
end_of(enum sk_event_kind kind)
{
	switch (kind) {
	case SK_EVENT_FINISHED:
		return SK_ENDED_FINISHED;
	case SK_EVENT_FAILED:
		return SK_ENDED_FAILED;
	case SK_EVENT_CANCELLED:
		return SK_ENDED_CANCELLED;
	case SK_EVENT_RETRYING:
		return SK_ENDED_RETRYING;
	case SK_EVENT_INTERRUPTED:
		return SK_ENDED_INTERRUPTED;
	case SK_EVENT_CREATED:
	case SK_EVENT_ASSIGNED:
	case SK_EVENT_STARTED:
	case SK_EVENT_PROGRESS:
	case SK_EVENT_PAUSED:
	case SK_EVENT_RESUMED:
	case SK_EVENT_UPDATED:
	case SK_EVENT_LOST:
	case SK_EVENT_SKALD:
	case SK_EVENT_ALERT:
	case SK_EVENT_PING:
	case SK_N_EVENT:
		break;
	}
	return SK_N_ENDED;
}

/* An attempt ends once, however often that is heard: it is live before, and not after. What was
 * never given to a skald ends by a cancel, or because it could not start. */
static void
count_end(struct sk_control *c, const struct sk_event *e, const struct sk_live *l)
{
	enum sk_metrics_end end = end_of(e->kind);
	struct sk_metrics_class *class = class_of(c->metrics, e->class_name);

	if (l == NULL && e->kind != SK_EVENT_CANCELLED && e->attempt > 0)
		return;
	class->ended[end]++;
	if (l != NULL && l->started_ms > 0)
		sk_histogram_add(
			&class->took, sk_bounds_long, (double)(sk_control_boot_ms(c) - l->started_ms) / 1000);
}

void
sk_metrics_heard(struct sk_control *c, const struct sk_event *e)
{
	int64_t now = sk_control_boot_ms(c);
	struct sk_live *l;

	if (!sk_control_leads(c) || e->task[0] == '\0')
		return;
	l = sk_live_find(c, e->task);
	if (l != NULL && e->attempt > 0 && l->attempt != e->attempt)
		l = NULL;
	if (e->kind == SK_EVENT_STARTED && l != NULL && l->started_ms == 0) {
		l->started_ms = now;
		sk_histogram_add(&c->metrics->started, sk_bounds_short, (double)(now - l->since_ms) / 1000);
	} else if (e->kind == SK_EVENT_LOST) {
		class_of(c->metrics, e->class_name)->lost++;
	} else if (end_of(e->kind) != SK_N_ENDED) {
		count_end(c, e, l);
	}
}

/* ---- requests ---- */

void
sk_metrics_answered(struct sk_control *c, const struct sk_route *r, int status, int64_t took_ns)
{
	struct sk_metrics *m = c->metrics;
	struct sk_metrics_route *of = &m->routes[r != NULL ? (size_t)(r - sk_routes) : m->n_routes];
	size_t i = 0;

	while (i < SK_METRICS_CODES - 1 && of->codes[i].n > 0 && of->codes[i].status != status)
		i++;
	of->codes[i].status = status;
	of->codes[i].n++;
	sk_histogram_add(&of->took, sk_bounds_short, (double)took_ns / 1e9);
}

void
sk_metrics_stored(struct sk_control *c, enum sk_op_kind kind, int64_t took_ns)
{
	sk_histogram_add(&c->metrics->store[kind], sk_bounds_short, (double)took_ns / 1e9);
}

/* ---- GET /metrics ---- */

static void
answer(struct sk_call *call)
{
	sk_metrics_write(call->c, &call->out);
	sk_call_answer(call, 200, "text/plain; version=0.0.4; charset=utf-8");
}

/* Without the store there is still much to tell. */
static void
counted(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	const struct sk_op_count *n = (const struct sk_op_count *)op;
	struct sk_metrics *m = call->c->metrics;

	m->counted_ms = sk_control_boot_ms(call->c);
	m->counted_well = op->code == SK_OK;
	memcpy(m->by_phase, n->by_phase, sizeof(m->by_phase));
	m->oldest_waiting_ms = n->oldest_waiting_ms;
	answer(call);
}

void
sk_api_metrics(struct sk_call *call)
{
	struct sk_op_count *n = sk_arena_alloc(call->arena, sizeof(*n));
	const struct sk_metrics *m = call->c->metrics;
	int64_t age = sk_control_boot_ms(call->c) - m->counted_ms;

	if (!call->c->ready || (m->counted_ms > 0 && m->counted_well && age < COUNT_AGAIN_MS))
		answer(call);
	else
		sk_call_submit(call, &n->op, SK_OP_COUNT, counted);
}
