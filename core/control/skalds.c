/* skalds.c - the skalds: their rows, whether they live, which of them gets a task. */
#include "core/base/log.h"
#include "core/control/parts.h"
#include <stdlib.h>
#include <string.h>

#define MARGIN_MS 2000 /* beyond the lease, before a skald counts as lost; scaled with it */
#define DEFAULT_LEASE_MS 10000
#define MAX_LEASE_MS 86400000 /* a row may say anything; this is the most that --lease takes */
#define NOBODY SIZE_MAX
#define ORIGINAL_SHARE 8

struct sk_skalds {
	struct sk_agent **list; /* by id */
	size_t n, cap;
	struct sk_skald_view *views; /* what sk_skalds_view handed out */
	size_t turn; /* ROUND_ROBIN: who is next */
	bool reading, again;
	uint64_t n_reads; /* that were answered */
	int64_t looked_ms; /* boot clock: the last list */
	int64_t sent_ms, known_ms; /* when the list under way was asked for; the last one */
	void (*fn)(struct sk_control *c, enum sk_code code);
	void (*next_fn)(struct sk_control *c, enum sk_code code); /* of the list after this one */
	struct sk_str announced; /* ids, NUL-terminated one after another */
	struct sk_arena *arena; /* of a read in flight */
	struct sk_op_skald_list op;
};

struct sk_skalds *
sk_skalds_new(struct sk_control *c)
{
	(void)c;
	return sk_xcalloc(1, sizeof(struct sk_skalds));
}

static void
agent_free(struct sk_agent *a)
{
	sk_arena_free(a->arena);
	free(a);
}

void
sk_skalds_free(struct sk_skalds *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		agent_free(s->list[i]);
	free(s->list);
	free(s->views);
	sk_str_release(&s->announced);
	free(s);
}

/* Where it stands in the list, or belongs. */
static size_t
place_of(const struct sk_skalds *s, const char *id, bool *there)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(s->list[mid]->row->id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*there = low < s->n && strcmp(s->list[low]->row->id, id) == 0;
	return low;
}

struct sk_agent *
sk_skalds_find(struct sk_control *c, const char *id)
{
	bool there;
	size_t i = place_of(c->skalds, id, &there);

	return there ? c->skalds->list[i] : NULL;
}

/* ---- rows ---- */

int64_t
sk_skalds_patience_ms(const struct sk_control *c, const struct sk_skald *row)
{
	bool told = row != NULL && row->lease_ms > 0 && row->lease_ms <= MAX_LEASE_MS;
	int64_t lease_ms = told ? row->lease_ms : c->cfg.lease_ms;

	return lease_ms + lease_ms * MARGIN_MS / DEFAULT_LEASE_MS;
}

static void
set_row(struct sk_agent *a, const struct sk_skald *row)
{
	struct sk_arena *before = a->arena;

	a->arena = sk_arena_new();
	a->row = sk_skald_copy(a->arena, row);
	a->view.row = a->row;
	sk_arena_free(before);
}

static struct sk_agent *
add_agent(struct sk_skalds *s, const struct sk_skald *row)
{
	struct sk_agent *a = sk_xcalloc(1, sizeof(*a));
	bool there;
	size_t i = place_of(s, row->id, &there);

	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? s->cap * 2 : 16;
		s->list = sk_xreallocarray(s->list, s->cap, sizeof(struct sk_agent *));
	}
	sk_agent_adapt_anew(a);
	set_row(a, row);
	memmove(&s->list[i + 1], &s->list[i], (s->n - i) * sizeof(struct sk_agent *));
	s->list[i] = a;
	s->n++;
	return a;
}

void
sk_skalds_announced(struct sk_control *c, const char *id)
{
	sk_str_add(&c->skalds->announced, id, strlen(id) + 1);
	sk_skalds_read(c, NULL);
}

static bool
is_announced(const struct sk_skalds *s, const char *id)
{
	const char *end = s->announced.p + s->announced.len;

	for (const char *p = s->announced.p; p != NULL && p < end; p += strlen(p) + 1)
		if (strcmp(p, id) == 0)
			return true;
	return false;
}

/* A row that is seen for the first time may be a dead skald's: only a change, or its own word on
 * the bus, shows life. One that was online stays so until its silence is judged. */
static bool
shows_life(const struct sk_control *c, const struct sk_agent *a, bool fresh, bool moved)
{
	int64_t age_ms = sk_control_wall_ms(c) - a->row->seen_ms;

	if (c->cfg.by_clock && !c->cfg.dispatch)
		return age_ms < sk_skalds_patience_ms(c, a->row) &&
			age_ms > -sk_skalds_patience_ms(c, a->row);
	return (!fresh && (a->view.online || moved)) || is_announced(c->skalds, a->row->id);
}

/* Silence is counted from look to look. When we slept ourselves (a suspended machine, a store that
 * did not answer), whoever slept with us had no chance to renew before we look again: a pause
 * counts for no more than the time that lies between two looks otherwise. */
static void
begin_look(struct sk_control *c)
{
	struct sk_skalds *s = c->skalds;
	int64_t now = sk_control_boot_ms(c), passed = now - s->looked_ms, most = c->cfg.lease_ms / 3;

	s->looked_ms = now;
	for (size_t i = 0; i < s->n; i++) {
		s->list[i]->in_store = false;
		s->list[i]->silent_ms += passed < most ? passed : most;
	}
}

/* The row is that of a skald of ours which had the id before one of the original took it. */
static bool
is_of_the_dead(const struct sk_control *c, const struct sk_agent *a, const struct sk_skald *row)
{
	return a->dead_incarnation == row->incarnation && a->dead_renewals == row->renewals &&
		!is_announced(c->skalds, row->id);
}

/* What one row tells. True when the dispatcher should look again. */
static bool
take_row(struct sk_control *c, const struct sk_skald *row)
{
	struct sk_agent *a = sk_skalds_find(c, row->id);
	bool fresh = a == NULL, was_online = !fresh && a->view.online;

	if (!fresh && a->row->original && is_of_the_dead(c, a, row)) {
		a->in_store = true;
		return false;
	}

	bool drained = !fresh && a->row->draining != row->draining;
	uint64_t before = fresh ? 0 : a->row->incarnation;
	bool moved = fresh || before != row->incarnation || a->row->renewals != row->renewals;

	if (fresh)
		a = add_agent(c->skalds, row);
	else
		set_row(a, row);
	a->in_store = true;
	a->unusable = false;
	if (moved)
		sk_trail_add(&a->beats, (int64_t)(row->renewals % 200), sk_control_wall_ms(c));
	/* a store without room takes no renewals: then its own word on the bus counts */
	if (moved || is_announced(c->skalds, row->id)) {
		a->changed_ms = sk_control_boot_ms(c);
		a->silent_ms = 0;
	}
	a->view.online = shows_life(c, a, fresh, moved);
	if (!fresh && before != row->incarnation && before != 0)
		sk_monitor_lost(c, row->id, before);
	return fresh || before != row->incarnation || was_online != a->view.online || drained;
}

/* True when one has gone: the dispatcher should look again. */
static bool
judge_silence(struct sk_control *c)
{
	struct sk_skalds *s = c->skalds;
	bool gone = false;

	for (size_t i = 0; i < s->n; i++) {
		struct sk_agent *a = s->list[i];

		if (a->row->original || (a->in_store && a->silent_ms <= sk_skalds_patience_ms(c, a->row)))
			continue;
		if (a->view.online && a->in_store)
			sk_log(sk_control_leads(c) ? SK_WARNING : SK_INFO, "monitor",
				"skald %s is lost: its lease has run out", a->row->id);
		else if (a->view.online)
			sk_log(SK_INFO, "monitor", "skald %s has left", a->row->id);
		gone = gone || a->view.online;
		a->view.online = false;
		if (a->n_live > 0)
			sk_monitor_lost(c, a->row->id, 0);
	}
	return gone;
}

static void
forget_gone(struct sk_control *c)
{
	struct sk_skalds *s = c->skalds;
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->list[i]->in_store || s->list[i]->n_live > 0 || s->list[i]->row->original)
			s->list[kept++] = s->list[i];
		else
			agent_free(s->list[i]);
	s->n = kept;
}

static void
listed(struct sk_op *op)
{
	struct sk_control *c = op->arg;
	struct sk_skalds *s = c->skalds;
	void (*fn)(struct sk_control *, enum sk_code) = s->fn;
	bool wake = false;

	s->reading = false;
	s->fn = NULL;
	if (op->code == SK_OK) { /* nobody is judged by a store that does not answer */
		s->n_reads++;
		begin_look(c);
		s->known_ms = s->sent_ms;
		for (size_t i = 0; i < s->op.n; i++)
			wake = take_row(c, s->op.skalds[i]) || wake;
		sk_live_rehome(c);
		wake = judge_silence(c) || wake;
		forget_gone(c);
		if (!s->again)
			sk_str_clear(&s->announced);
	}
	sk_arena_free(s->arena);
	s->arena = NULL;
	if (wake)
		sk_dispatch_wake(c);
	if (fn != NULL)
		fn(c, op->code);
	if (s->again) {
		fn = s->next_fn;
		s->again = false;
		s->next_fn = NULL;
		sk_skalds_read(c, fn);
	}
}

void
sk_skalds_read(struct sk_control *c, void (*fn)(struct sk_control *c, enum sk_code code))
{
	struct sk_skalds *s = c->skalds;

	if (s->reading) {
		s->again = true;
		s->next_fn = fn != NULL ? fn : s->next_fn;
		return;
	}
	s->reading = true;
	s->sent_ms = sk_control_boot_ms(c);
	s->fn = fn;
	s->arena = sk_arena_new();
	s->op = (struct sk_op_skald_list){
		.op = { .kind = SK_OP_SKALD_LIST, .done = listed, .arg = c, .arena = s->arena }
	};
	sk_store_submit(c->cfg.store, &s->op.op);
}

void
sk_skalds_anew(struct sk_control *c)
{
	for (size_t i = 0; i < c->skalds->n; i++)
		c->skalds->list[i]->silent_ms = 0;
	c->skalds->looked_ms = sk_control_boot_ms(c);
}

void
sk_skalds_answer_nobody(struct sk_control *c)
{
	c->skalds->fn = c->skalds->next_fn = NULL;
}

bool
sk_skalds_read_since(const struct sk_control *c, int64_t boot_ms)
{
	return c->skalds->known_ms > boot_ms;
}

/* ---- those of the original ---- */

uint64_t
sk_skalds_reads(const struct sk_control *c)
{
	return c->skalds->n_reads;
}

uint64_t
sk_skalds_next_read(const struct sk_control *c)
{
	return c->skalds->n_reads + (c->skalds->reading ? 2 : 1);
}

static bool
has_row(struct sk_control *c, const char *id, bool dead)
{
	const struct sk_agent *a = sk_skalds_find(c, id);

	return a != NULL && !a->row->original && a->in_store &&
		(a->silent_ms > sk_skalds_patience_ms(c, a->row)) == dead;
}

bool
sk_skalds_has_row(struct sk_control *c, const char *id)
{
	return has_row(c, id, false);
}

bool
sk_skalds_has_dead_row(struct sk_control *c, const char *id)
{
	return has_row(c, id, true);
}

void
sk_skalds_original(struct sk_control *c, const struct sk_skald *row, bool online, bool usable)
{
	struct sk_agent *a = sk_skalds_find(c, row->id);
	bool fresh = a == NULL, before;

	if (sk_skalds_has_row(c, row->id))
		return;
	if (fresh)
		a = add_agent(c->skalds, row);
	before = !fresh && a->view.online && a->row->original && !a->unusable;
	if (!fresh && !a->row->original) {
		a->dead_incarnation = a->row->incarnation;
		a->dead_renewals = a->row->renewals;
	}
	if (!fresh)
		set_row(a, row);
	if (online != a->view.online)
		sk_log(online ? SK_INFO : SK_WARNING, "monitor", "skald %s of the original is %s", row->id,
			online ? "there" : "silent");
	a->view.online = online;
	a->unusable = !usable;
	if (fresh)
		sk_live_rehome(c);
	if (!before && online && usable)
		sk_dispatch_wake(c);
}

bool
sk_skalds_original_gone(struct sk_control *c, const char *id)
{
	struct sk_skalds *s = c->skalds;
	bool there;
	size_t i = place_of(s, id, &there);
	struct sk_agent *a = there ? s->list[i] : NULL;

	if (a == NULL || !a->row->original)
		return true;
	if (a->n_live > 0)
		return false;
	memmove(&s->list[i], &s->list[i + 1], (s->n - i - 1) * sizeof(struct sk_agent *));
	s->n--;
	agent_free(a);
	return true;
}

/* ---- the choice ---- */

/* What the slots of one are when its share of them is compared. One of the original has no limit:
 * it is taken for a machine like others. */
static double
slots_to_share(const struct sk_agent *a)
{
	if (a->row->original)
		return ORIGINAL_SHARE;
	return a->row->slots > 0 ? (double)a->row->slots : 1;
}

/* What would be left: less is a better fit. */
static double
left_over(const struct sk_agent *a, const struct sk_need *need)
{
	const struct sk_skald *r = a->row;
	double slots = (double)(r->slots - a->n_whole) / (double)(r->slots > 0 ? r->slots : 1);
	double cpus = r->cpus > 0 ? (r->cpus - a->cpus - need->cpus) / r->cpus : 0;
	double memory = r->memory_mb > 0
		? (double)(r->memory_mb - a->memory_mb - need->memory_mb) / (double)r->memory_mb
		: 0;
	double gpus = r->gpus > 0 ? (double)(r->gpus - a->gpus - need->gpus) / (double)r->gpus : 0;

	return slots + cpus + memory + 4 * gpus; /* cards are dear: keep them together */
}

static bool
better(const struct sk_control *c, const struct sk_agent *a, const struct sk_agent *best,
	const struct sk_need *need)
{
	double mine, other;

	if (c->cfg.strategy == SK_BEST_FIT)
		return left_over(a, need) < left_over(best, need);
	mine = (double)a->n_live / slots_to_share(a);
	other = (double)best->n_live / slots_to_share(best);
	return mine < other; /* the share of its slots: skalds of different size fill up evenly */
}

static bool
may_get(const struct sk_agent *a, const struct sk_need *need, const void *lane)
{
	return (a->reserved == NULL || a->reserved == lane) && sk_agent_has_room(a, need) &&
		sk_agent_suits(a, need);
}

/* Each of these tells a place in the list, or NOBODY. */

static size_t
pick_turn(struct sk_control *c, const struct sk_need *need, const void *lane)
{
	struct sk_skalds *s = c->skalds;

	for (size_t k = 0; k < s->n; k++) {
		size_t i = (s->turn + k) % s->n;

		if (may_get(s->list[i], need, lane)) {
			s->turn = (i + 1) % s->n;
			return i;
		}
	}
	return NOBODY;
}

static size_t
pick_random(struct sk_control *c, const struct sk_need *need, const void *lane)
{
	size_t chosen = NOBODY;
	double n = 0;

	for (size_t i = 0; i < c->skalds->n; i++)
		if (may_get(c->skalds->list[i], need, lane) && sk_control_random(c) < 1 / ++n)
			chosen = i;
	return chosen;
}

static size_t
pick_best(struct sk_control *c, const struct sk_need *need, const void *lane)
{
	struct sk_agent *const *list = c->skalds->list;
	size_t best = NOBODY;

	for (size_t i = 0; i < c->skalds->n; i++)
		if (may_get(list[i], need, lane) &&
			(best == NOBODY || better(c, list[i], list[best], need)))
			best = i;
	return best;
}

void
sk_skalds_hold(struct sk_control *c, const struct sk_need *need)
{
	for (size_t i = 0; i < c->skalds->n; i++) {
		struct sk_agent *a = c->skalds->list[i];

		a->held = a->held || (sk_agent_lacks_slot(a, need) && sk_agent_suits(a, need));
	}
}

void
sk_skalds_begin_round(struct sk_control *c)
{
	for (size_t i = 0; i < c->skalds->n; i++) {
		struct sk_agent *a = c->skalds->list[i];

		a->held = false;
		a->kept = a->reserved;
		a->reserved = NULL;
	}
}

static size_t
choose(struct sk_control *c, const struct sk_need *need, const void *lane)
{
	if (c->cfg.strategy == SK_ROUND_ROBIN)
		return pick_turn(c, need, lane);
	if (c->cfg.strategy == SK_RANDOM)
		return pick_random(c, need, lane);
	return pick_best(c, need, lane);
}

/* A free slot anywhere goes before a place ahead of one. */
struct sk_agent *
sk_skalds_pick(struct sk_control *c, const struct sk_need *need, const void *lane)
{
	struct sk_need now = *need;
	size_t i;

	now.prompt = true;
	i = choose(c, &now, lane);
	if (i == NOBODY && !need->prompt && !need->reusable)
		i = choose(c, need, lane);
	return i != NOBODY ? c->skalds->list[i] : NULL;
}

/* The one that was reserved for it in the round before has had time to become empty. */
static bool
empties_sooner(const struct sk_agent *a, const struct sk_agent *best, const void *lane)
{
	return best == NULL || (best->kept != lane && (a->kept == lane || a->n_live < best->n_live));
}

void
sk_skalds_reserve(struct sk_control *c, const struct sk_need *need, const void *lane)
{
	struct sk_agent *best = NULL;

	for (size_t i = 0; i < c->skalds->n; i++) {
		struct sk_agent *a = c->skalds->list[i];

		if (a->reserved == NULL && a->view.online && !a->row->draining && sk_agent_suits(a, need) &&
			empties_sooner(a, best, lane))
			best = a;
	}
	if (best != NULL)
		best->reserved = lane;
}

void
sk_skalds_unreserve(struct sk_control *c, const void *lane)
{
	for (size_t i = 0; i < c->skalds->n; i++) {
		struct sk_agent *a = c->skalds->list[i];

		a->reserved = a->reserved == lane ? NULL : a->reserved;
		a->kept = a->kept == lane ? NULL : a->kept;
	}
}

void
sk_skalds_each(struct sk_control *c, bool (*fn)(void *arg, struct sk_agent *a), void *arg)
{
	for (size_t i = 0; i < c->skalds->n; i++)
		if (c->skalds->list[i]->view.online && !fn(arg, c->skalds->list[i]))
			return;
}

/* ---- for the API ---- */

size_t
sk_skalds_view(struct sk_control *c, const struct sk_skald_view **views)
{
	struct sk_skalds *s = c->skalds;

	*views = s->views = sk_xreallocarray(s->views, s->n + 1, sizeof(*s->views));
	for (size_t i = 0; i < s->n; i++)
		s->views[i] = s->list[i]->view;
	return s->n;
}
