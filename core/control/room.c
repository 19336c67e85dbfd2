/* room.c - what room a skald has, and how many tasks may wait there. */
#include "core/control/parts.h"
#include <string.h>

#define MIN_DEPTH 4
#define MAX_DEPTH 2048 /* a round of assign, start, end and both commits takes some 20 ms */
#define MAX_AHEAD ((int64_t)16) /* for each slot */
#define QUICK_MS ((int64_t)25) /* tasks that end sooner may wait deeper */
#define FLEET_QUICK_MS ((int64_t)200) /* two commits and two events between machines are in it */

static bool
has_class(const struct sk_agent *a, const char *name)
{
	for (const char *const *k = a->row->classes; *k != NULL; k++)
		if (strcmp(*k, name) == 0)
			return true;
	return false;
}

static bool
has_labels(const struct sk_agent *a, const struct sk_value *want)
{
	if (want == NULL || want->kind != SK_MAP)
		return true;
	for (size_t i = 0; i < want->u.map.n; i++) {
		const struct sk_value *has = sk_map_get(a->row->labels, want->u.map.pairs[i].key);

		if (has == NULL || !sk_value_equal(has, want->u.map.pairs[i].value))
			return false;
	}
	return true;
}

bool
sk_agent_suits(const struct sk_agent *a, const struct sk_need *need)
{
	return a->row->mode == SK_MODE_NODE && !(a->row->original && need->ours) &&
		need->cpus <= a->row->cpus && need->memory_mb <= a->row->memory_mb &&
		need->gpus <= a->row->gpus && has_class(a, need->class_name) && has_labels(a, need->labels);
}

/* Tasks of reusable classes share a slot, `depth` of them. Short ones of ordinary classes are given
 * ahead of a free slot, so that it need not wait for a commit; should the next ones be long, the
 * supervisor hands back what waits too long. That it can only while all slots are theirs: what
 * waits behind reusable ones would wait without limit. */
static bool
has_slot(const struct sk_agent *a, const struct sk_need *need)
{
	int64_t shared = (a->n_short + a->depth - 1) / a->depth, slots = a->row->slots;

	bool now = need->prompt || a->held || slots == 0 || a->n_short > 0;

	if (!need->reusable)
		return a->n_whole + shared < slots + (now ? 0 : a->ahead);
	return a->n_whole < slots && a->n_short < (slots - a->n_whole) * a->depth;
}

static bool
has_resources(const struct sk_agent *a, const struct sk_need *need)
{
	return a->view.online && !a->row->draining && !a->unusable &&
		(need->cpus <= 0 || a->cpus + need->cpus <= a->row->cpus + 1e-9) &&
		(need->memory_mb == 0 || a->memory_mb + need->memory_mb <= a->row->memory_mb) &&
		(need->gpus == 0 || a->gpus + need->gpus <= a->row->gpus);
}

bool
sk_agent_has_room(const struct sk_agent *a, const struct sk_need *need)
{
	return has_slot(a, need) && has_resources(a, need);
}

bool
sk_agent_lacks_slot(const struct sk_agent *a, const struct sk_need *need)
{
	return !has_slot(a, need) && has_resources(a, need);
}

void
sk_agent_take(struct sk_agent *a, const struct sk_need *need)
{
	a->n_live++;
	*(need->reusable ? &a->n_short : &a->n_whole) += 1;
	a->cpus += need->cpus;
	a->memory_mb += need->memory_mb;
	a->gpus += need->gpus;
	a->view.tasks = a->n_live;
}

void
sk_agent_give(struct sk_agent *a, const struct sk_need *need)
{
	a->n_live--;
	*(need->reusable ? &a->n_short : &a->n_whole) -= 1;
	a->cpus -= need->cpus;
	a->memory_mb -= need->memory_mb;
	a->gpus -= need->gpus;
	if (a->n_live == 0)
		a->cpus = 0; /* no drift of sums of fractions */
	a->view.tasks = a->n_live;
}

void
sk_agent_adapt_anew(struct sk_agent *a)
{
	a->depth = MIN_DEPTH;
	a->ahead = 0;
}

static void
adapt_ahead(struct sk_agent *a, int64_t ms, int64_t quick_ms)
{
	if (ms > 4 * quick_ms)
		a->ahead = 0;
	else if (ms <= quick_ms && a->ahead < MAX_AHEAD * a->row->slots)
		a->ahead++;
}

void
sk_agent_adapt(struct sk_agent *a, bool reusable, int64_t ms, bool fleet)
{
	int64_t quick_ms = fleet ? FLEET_QUICK_MS : QUICK_MS;

	if (!reusable) {
		adapt_ahead(a, ms, quick_ms);
		return;
	}
	if (ms <= quick_ms && a->depth < MAX_DEPTH)
		a->depth++;
	else if (ms > 4 * quick_ms && a->depth > MIN_DEPTH)
		a->depth -= a->depth / 8 + 1;
	if (a->depth < MIN_DEPTH)
		a->depth = MIN_DEPTH;
}
