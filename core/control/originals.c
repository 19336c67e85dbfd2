/* originals.c - nodes and edges of the original, as their keys in the cache tell.
 *
 * skalds:hash has a time for each, on a clock that is not ours: only that it changes says
 * something, and a time in the future or in the past says no more (D14). Our own skalds stand
 * there too; those with a row in the store that lives are judged by it alone. Nobody's keys are
 * ever removed. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/mixed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 1000 /* the original has no limit */
#define MAX_SKALDS 10000 /* what stands there beyond is not looked at */
#define ID_LEN sizeof(((struct sk_life *)0)->executor)
#define JUMPS 2

struct original {
	struct original *next; /* same hash */
	char id[ID_LEN];
	int64_t activity; /* the last value */
	bool known; /* there was one */
	bool there; /* in the last look */
	bool moved; /* it changed while no row of ours spoke for it */
	uint64_t rows; /* the reading of rows that must be over before it counts */
	int64_t silent_ms, suspect_ms;
	uint64_t changes;
	int64_t first_ms, seen_ms; /* wall clock */
	bool has_mode;
	enum sk_skald_mode mode;
	int64_t beat; /* of the skald: a counter of ours, or random */
	bool has_beat;
	unsigned jumps;
	struct sk_arena *arena; /* of both */
	const char *const *classes, *const *tasks;
	int64_t classless_ms; /* the list was empty for so long */
};

struct sk_originals {
	struct sk_timer timer;
	struct sk_map by_id;
	size_t n;
	bool looking, away, started;
	int64_t looked_ms; /* boot clock */
};

static const char *const nothing[] = { NULL };

static struct original *
find(const struct sk_originals *o, const char *id)
{
	struct original *x = sk_map_find(&o->by_id, sk_id_hash(id));

	while (x != NULL && strcmp(x->id, id) != 0)
		x = x->next;
	return x;
}

static struct original *
get(struct sk_control *c, const char *id)
{
	struct sk_originals *o = c->originals;
	struct original *x = find(o, id);

	if (x != NULL || strlen(id) >= ID_LEN || id[0] == '\0' || o->n >= MAX_SKALDS)
		return x;
	x = sk_xcalloc(1, sizeof(*x));
	snprintf(x->id, sizeof(x->id), "%s", id);
	x->first_ms = sk_control_wall_ms(c);
	x->classes = x->tasks = nothing;
	x->next = sk_map_find(&o->by_id, sk_id_hash(id));
	sk_map_put(&o->by_id, sk_id_hash(id), x);
	o->n++;
	return x;
}

static void
original_free(struct original *x)
{
	sk_arena_free(x->arena);
	free(x);
}

static bool
is_alive(const struct original *x)
{
	return x->moved && x->silent_ms <= SK_MIXED_PATIENCE_MS;
}

/* ---- who there is ---- */

/* An id begins to look like one of the original: perhaps it is one of ours whose row is new. */
static void
first_move(struct sk_control *c, struct original *x)
{
	x->moved = true;
	x->rows = sk_skalds_next_read(c);
	sk_skalds_read(c, NULL);
}

/* For commands: they do not live to see it change. */
static bool
is_recent(const struct sk_control *c, int64_t activity)
{
	int64_t age = sk_control_wall_ms(c) - activity;

	return c->cfg.by_clock && !c->cfg.dispatch && age < SK_MIXED_PATIENCE_MS &&
		age > -SK_MIXED_PATIENCE_MS;
}

/* One of ours whose row we have not seen to move yet: that takes a third of its lease, which is
 * long for a new leader. Its keys, which move every second, are its word as one on the bus is. */
static void
confirm(struct sk_control *c, const char *id)
{
	const struct sk_agent *a = sk_skalds_find(c, id);

	if (a != NULL && !a->view.online)
		sk_skalds_announced(c, id);
}

static void
take_activity(struct sk_control *c, struct original *x, int64_t activity, int64_t passed)
{
	bool changed = x->known ? activity != x->activity : is_recent(c, activity);

	x->activity = activity;
	x->known = true;
	if (sk_skalds_has_row(c, x->id)) {
		if (changed)
			confirm(c, x->id);
		x->moved = false;
		x->silent_ms = 0;
		x->jumps = 0;
		return;
	}
	if (!changed) {
		x->silent_ms += passed;
		return;
	}
	x->silent_ms = 0;
	x->changes++;
	x->seen_ms = sk_control_wall_ms(c);
	if (c->cfg.by_clock && !c->cfg.dispatch)
		x->moved = true; /* the rows that count were read before */
	else if (!x->moved)
		first_move(c, x);
}

static void
take_activities(struct sk_control *c, const struct sk_peek *k, int64_t passed)
{
	for (size_t i = 0; i < k->n_items; i++) {
		struct original *x = get(c, k->items[i]);
		int64_t ms;

		if (x == NULL || !sk_beat_activity(k->values[i], k->sizes[i], &ms))
			continue;
		x->there = true;
		take_activity(c, x, ms, passed);
	}
}

/* Only "node" and "edge" are modes; as long as it has none it gets nothing. */
static void
take_modes(struct sk_control *c, const struct sk_peek *k)
{
	for (size_t i = 0; i < k->n_items; i++) {
		struct original *x = find(c->originals, k->items[i]);

		if (x == NULL)
			continue;
		x->has_mode = strcmp(k->values[i], "node") == 0 || strcmp(k->values[i], "edge") == 0;
		x->mode = strcmp(k->values[i], "edge") == 0 ? SK_MODE_EDGE : SK_MODE_NODE;
	}
}

/* Call fn for each; it may free it by returning true. */
static void
each(struct sk_control *c, bool (*fn)(struct sk_control *c, struct original *x, int64_t arg),
	int64_t arg)
{
	struct sk_map *map = &c->originals->by_id;
	struct original *head;
	size_t at = 0;

	while ((head = sk_map_each(map, &at)) != NULL) {
		uint64_t hash = sk_id_hash(head->id);
		struct original *first = head, **p = &first;

		while (*p != NULL) {
			struct original *x = *p;

			if (!fn(c, x, arg)) {
				p = &x->next;
				continue;
			}
			*p = x->next;
			original_free(x);
			c->originals->n--;
		}
		if (first == NULL)
			sk_map_remove(map, hash);
		else if (first != head)
			sk_map_put(map, hash, first);
	}
}

static bool
begin(struct sk_control *c, struct original *x, int64_t passed)
{
	(void)c;
	x->there = x->has_mode = false;
	x->suspect_ms -= x->suspect_ms > passed ? passed : x->suspect_ms;
	return false;
}

/* One that is not there any more may be back in a moment: a controller of the original removes the
 * keys of nodes whose clocks are not as its own. */
static bool
end(struct sk_control *c, struct original *x, int64_t passed)
{
	if (x->there)
		return false;
	if (x->silent_ms <= SK_MIXED_PATIENCE_MS) {
		x->silent_ms += passed;
		return false;
	}
	return sk_skalds_original_gone(c, x->id);
}

/* ---- what each has ---- */

static bool
is_settled(const struct sk_control *c, const struct original *x)
{
	return is_alive(x) && x->has_mode && sk_skalds_reads(c) >= x->rows;
}

/* Three of each, in this order. */
enum { CLASSES, TASKS, BEAT, N_ASKED };

static void
ask(struct sk_peeks *p, const struct original *x)
{
	sk_peek_list(p, SK_MIXED_KEY(p, SK_KEY_SKALD_CLASSES, x->id), x->id);
	sk_peek_value(p, SK_MIXED_KEY(p, SK_KEY_SKALD_TASKS, x->id), x->id);
	sk_peek_value(p, SK_MIXED_KEY(p, SK_KEY_SKALD_HEARTBEAT, x->id), x->id);
}

static const char *const *
names_of(struct sk_arena *a, const char *const *from, size_t n)
{
	const char **to = sk_arena_alloc(a, (n + 1) * sizeof(*to));

	for (size_t i = 0; i < n; i++)
		to[i] = sk_arena_strdup(a, from[i]);
	to[n] = NULL;
	return (const char *const *)to;
}

/* What is no list of tasks counts as an empty one. */
static const char *const *
tasks_of(const struct sk_control *c, struct sk_arena *a, const struct sk_peek *k)
{
	struct sk_problems problems;
	const struct sk_beat_task *tasks;
	const struct sk_value *v = NULL;
	const char **ids;
	size_t n;

	sk_problems_init(&problems, k->of->arena, "");
	if (k->found)
		v = c->cfg.parse_json(k->value, k->n, k->of->arena, &problems);
	n = sk_beat_tasks_read(k->of->arena, v, &tasks);
	ids = sk_arena_alloc(k->of->arena, (n + 1) * sizeof(*ids));
	for (size_t i = 0; i < n; i++)
		ids[i] = tasks[i].id;
	return names_of(a, ids, n);
}

static size_t
count(const char *const *names)
{
	size_t n = 0;

	while (names[n] != NULL)
		n++;
	return n;
}

/* The list of classes is written in two steps: for a moment it is empty. */
static const char *const *
classes_of(struct original *x, struct sk_arena *a, const struct sk_peek *k)
{
	if (k->n_items > 0) {
		x->classless_ms = 0;
		return names_of(a, k->items, k->n_items);
	}
	x->classless_ms += k->of->passed_ms;
	return x->classless_ms > SK_MIXED_PATIENCE_MS ? names_of(a, nothing, 0)
												  : names_of(a, x->classes, count(x->classes));
}

/* Ours count up, one a second; the original's is random. */
static void
take_beat(struct original *x, const struct sk_peek *k)
{
	int64_t beat, step;

	if (!k->found || !sk_beat_number(k->value, k->n, &beat) || beat < 0 || beat > 199)
		return;
	step = (beat - x->beat + 200) % 200;
	if (x->has_beat && step > SK_MIXED_MOST_MS / SK_BEAT_PERIOD_MS + 2)
		x->jumps++;
	x->has_beat = true;
	x->beat = beat;
}

static void
show(struct sk_control *c, const struct original *x)
{
	const struct sk_skald row = { .id = x->id,
		.renewals = x->has_beat ? (uint64_t)x->beat : x->changes,
		.mode = x->mode,
		.version = "",
		.host = "",
		.slots = SLOTS,
		.classes = x->classes,
		.original = true,
		.start_ms = x->first_ms,
		.seen_ms = x->seen_ms };

	sk_skalds_original(
		c, &row, is_alive(x), x->has_mode && x->suspect_ms == 0 && !c->originals->away);
}

/* The id of one of ours that is dead: is this another one, or ours that has lost the store? */
static bool
is_ours(struct sk_control *c, const struct original *x)
{
	return sk_skalds_has_row(c, x->id) || (sk_skalds_has_dead_row(c, x->id) && x->jumps < JUMPS);
}

static void
take_lists(struct sk_control *c, struct original *x, struct sk_peek *const *k)
{
	struct sk_arena *a = sk_arena_new();

	x->classes = classes_of(x, a, k[CLASSES]);
	x->tasks = tasks_of(c, a, k[TASKS]);
	sk_arena_free(x->arena);
	x->arena = a;
	take_beat(x, k[BEAT]);
}

/* Those that were seen alive once are shown for as long as their keys stand. */
static bool
show_known(struct sk_control *c, struct original *x, int64_t arg)
{
	const struct sk_agent *a = sk_skalds_find(c, x->id);

	(void)arg;
	if (is_settled(c, x) ? !is_ours(c, x) : (a != NULL && a->row->original))
		show(c, x);
	return false;
}

static void
lists_came(struct sk_control *c, struct sk_peeks *p)
{
	c->originals->looking = false;
	c->originals->away = p->code != SK_OK;
	for (size_t i = 0; p->code == SK_OK && i + N_ASKED <= p->n; i += N_ASKED) {
		struct original *x = find(c->originals, p->list[i]->id);

		if (x != NULL)
			take_lists(c, x, &p->list[i]);
	}
	each(c, show_known, 0);
	sk_control_surveyed(c);
}

static void
went_away(struct sk_control *c)
{
	c->originals->looking = false;
	c->originals->away = true;
	each(c, show_known, 0);
	sk_control_surveyed(c);
}

static void
hashes_came(struct sk_control *c, struct sk_peeks *p)
{
	struct sk_peeks *lists;
	struct original *x;
	size_t at = 0;

	if (p->code != SK_OK) { /* nothing is known, so nobody is judged */
		went_away(c);
		return;
	}
	each(c, begin, p->passed_ms);
	take_activities(c, p->list[0], p->passed_ms);
	take_modes(c, p->list[1]);
	each(c, end, p->passed_ms);
	lists = sk_peeks_new(c, lists_came);
	lists->passed_ms = p->passed_ms;
	while ((x = sk_map_each(&c->originals->by_id, &at)) != NULL)
		for (; x != NULL; x = x->next)
			if (is_settled(c, x) && !sk_skalds_has_row(c, x->id))
				ask(lists, x);
	sk_peeks_go(lists);
}

void
sk_originals_look(struct sk_control *c)
{
	struct sk_originals *o = c->originals;
	int64_t now = sk_control_boot_ms(c), passed = now - o->looked_ms;
	struct sk_peeks *p;

	if (o->looking)
		return;
	o->looking = true;
	o->looked_ms = now;
	p = sk_peeks_new(c, hashes_came);
	p->passed_ms = o->away ? 0 : passed < SK_MIXED_MOST_MS ? passed : SK_MIXED_MOST_MS;
	sk_peek_fields(p, SK_KEY_SKALDS);
	sk_peek_fields(p, SK_KEY_MODES);
	sk_peeks_go(p);
}

/* ---- questions ---- */

const char *const *
sk_originals_tasks(struct sk_control *c, const char *skald)
{
	const struct sk_agent *a = c->originals != NULL ? sk_skalds_find(c, skald) : NULL;
	const struct original *x = a != NULL && a->row->original ? find(c->originals, skald) : NULL;

	return x != NULL ? x->tasks : NULL;
}

bool
sk_originals_lists(struct sk_control *c, const char *skald, const char *id)
{
	const char *const *tasks = sk_originals_tasks(c, skald);

	for (; tasks != NULL && *tasks != NULL; tasks++)
		if (strcmp(*tasks, id) == 0)
			return true;
	return false;
}

bool
sk_originals_online(struct sk_control *c, const char *skald)
{
	const struct sk_agent *a = sk_skalds_find(c, skald);

	return a != NULL && a->row->original && a->view.online;
}

void
sk_originals_suspect(struct sk_control *c, const char *skald)
{
	struct original *x = find(c->originals, skald);
	struct sk_agent *a = sk_skalds_find(c, skald);

	if (x == NULL || a == NULL || !a->row->original)
		return;
	x->suspect_ms = SK_MIXED_PATIENCE_MS;
	a->unusable = true;
}

/* ---- the whole ---- */

static void
tick(void *arg)
{
	struct sk_control *c = arg;

	sk_originals_look(c);
	sk_timer_set(c->cfg.loop, &c->originals->timer, sk_boot_ms() + SK_MIXED_PERIOD_MS);
}

void
sk_originals_start(struct sk_control *c)
{
	c->originals->looked_ms = sk_control_boot_ms(c);
	tick(c);
}

void
sk_originals_stop(struct sk_control *c)
{
	sk_timer_clear(c->cfg.loop, &c->originals->timer);
}

struct sk_originals *
sk_originals_new(struct sk_control *c)
{
	struct sk_originals *o = sk_xcalloc(1, sizeof(*o));

	o->timer = (struct sk_timer){ .fn = tick, .arg = c };
	return o;
}

void
sk_originals_free(struct sk_originals *o)
{
	struct original *x, *next;
	size_t at = 0;

	if (o == NULL)
		return;
	while ((x = sk_map_each(&o->by_id, &at)) != NULL)
		for (; x != NULL; x = next) {
			next = x->next;
			original_free(x);
		}
	sk_map_release(&o->by_id);
	free(o);
}
