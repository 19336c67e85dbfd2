/* node_foreign.c - tasks that are executed in the original's way: the store has them as ours, but
 * their life is told by keys in the cache alone; nothing of them is ever written to the store, and
 * neither lease nor attempt fences them (record.h, skalds-protocol.md 13.1).
 *
 * A task that ended still stands in the store as Assigning or Running until a controller has looked
 * at the keys. So that it runs once:
 * - we remember it (`kept`) as long as the store has it as ours;
 * - one that we do not know (we were started anew, or it was final meanwhile) is asked for in the
 *   cache before it is started: a value that is final says that it ended, beats that go on say that
 *   it runs elsewhere. While the cache is away nobody can tell: then it waits.
 * It runs again when the document changed after that end and is Assigning, and either an assign
 * event made us look or it stays so: a controller that takes an end for a moment of silence writes
 * Assigning too, and corrects itself seconds later. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/model/beat.h"
#include "core/run/node_priv.h"
#include "core/run/presence.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AWAY_MS 1000 /* until the cache is asked again */
#define STALE_MS 2000 /* a beat that does not change for so long is nobody's */
#define STAYS_MS 10000
#define STRANGE_MAX 100 /* names of unknown classes that are told of */

/* A question to the cache that is under way. */
struct node_ask {
	struct node_ask *prev, *next;
	struct sk_node *n;
	struct node_task *t; /* NULL: it is gone */
};

bool
node_by_keys(const struct sk_node *n, const struct sk_record *r)
{
	return n->presence != NULL && r != NULL && sk_record_by_original(r) &&
		(r->life.phase == SK_ASSIGNING || r->life.phase == SK_RUNNING) &&
		strcmp(r->life.executor, n->cfg.id) == 0;
}

static bool
is_passive(const struct sk_record *r)
{
	const struct sk_value *mode = sk_map_get(r->spec, "mode");

	return mode == NULL || mode->kind == SK_NULL ||
		(mode->kind == SK_STRING && strcmp(mode->u.str.s, "Passive") == 0);
}

/* Once for each class: the document stays as it is, another skald may have it. */
static bool
knows_class(struct sk_node *n, const struct sk_record *r)
{
	uint64_t key = sk_map_key(r->class_name);

	for (const char **name = n->classes; *name != NULL; name++)
		if (strcmp(*name, r->class_name) == 0)
			return true;
	if (sk_map_find(&n->strange, key) == NULL && n->strange.n < STRANGE_MAX) {
		sk_map_put(&n->strange, key, n);
		sk_log_task(SK_WARNING, n->cfg.component, r->id, r->life.attempt,
			"is left alone: this build has no worker class %s", r->class_name);
	}
	return false;
}

/* ---- questions ---- */

static void
ask_later(struct sk_node *n, struct node_task *t, int64_t ms)
{
	t->ask_ms = sk_boot_ms() + ms;
	if (n->ask.pos == 0)
		sk_timer_set(n->cfg.loop, &n->ask, t->ask_ms);
}

/* The task of an answer, NULL when nobody wants it any more. */
static struct node_task *
take_answer(struct node_ask *a, enum sk_code code)
{
	struct sk_node *n = a->n;
	struct node_task *t = a->t;

	*(a->prev != NULL ? &a->prev->next : &n->asks) = a->next;
	if (a->next != NULL)
		a->next->prev = a->prev;
	free(a);
	if (t == NULL)
		return NULL;
	t->asked = NULL;
	if (code == SK_OK) {
		if (n->cache_away)
			sk_log(SK_INFO, n->cfg.component, "the cache answers again");
		n->cache_away = false;
		return t;
	}
	if (!n->cache_away)
		sk_log(SK_WARNING, n->cfg.component,
			"the cache is away: tasks of the original's making wait, because it alone knows which "
			"of "
			"them have ended");
	n->cache_away = true;
	ask_later(n, t, AWAY_MS);
	return NULL;
}

static void
ask(struct sk_node *n, struct node_task *t, const char *format,
	void (*fn)(void *arg, enum sk_code code, bool found, const void *value, size_t n))
{
	struct sk_str key = SK_STR_INIT;
	struct node_ask *a = sk_xcalloc(1, sizeof(*a));

	*a = (struct node_ask){ .n = n, .t = t, .next = n->asks };
	if (a->next != NULL)
		a->next->prev = a;
	n->asks = a;
	t->asked = a;
	t->ask_ms = 0;
	sk_key_of(&key, format, t->id);
	n->cfg.cache->ops->get(n->cfg.cache, key.p, fn, a);
	sk_str_release(&key);
}

/* It ended before: remembered like an end of our own. */
static void
keep_ended(struct sk_node *n, struct node_task *t, int64_t end_ms)
{
	sk_log_task(SK_DEBUG, n->cfg.component, t->id, t->attempt,
		"has ended already, the cache says: not started again");
	t->end_ms = end_ms;
	t->kept = true;
	node_settle(n, t);
}

static void
may_start(struct sk_node *n, struct node_task *t)
{
	t->clear = true;
	node_read(n, t->id);
}

static bool
again(enum sk_phase phase, int64_t update_ms, int64_t end_ms, bool assigned)
{
	return phase == SK_ASSIGNING && update_ms > end_ms &&
		(assigned || sk_wall_ms() - update_ms >= STAYS_MS);
}

/* When it ended; nothing there: on another skald, or on one that was no C node. */
static void
answer_ended(void *arg, enum sk_code code, bool found, const void *value, size_t size)
{
	struct node_ask *a = arg;
	struct sk_node *n = a->n;
	struct node_task *t = take_answer(a, code);
	int64_t end_ms = 0;

	if (t == NULL)
		return;
	if (!found || !sk_beat_number(value, size, &end_ms))
		end_ms = t->assigned ? t->update_ms - 1 : t->update_ms;
	if (again(t->life.phase, t->update_ms, end_ms, t->assigned))
		may_start(n, t);
	else
		keep_ended(n, t, end_ms);
}

/* A beat that stands still is of a process that is gone. */
static void
answer_live(struct sk_node *n, struct node_task *t, int64_t beat)
{
	bool still = t->beat_known && t->beat == beat;

	if (t->beat_known && !still && !t->elsewhere) {
		t->elsewhere = true;
		sk_log_task(SK_WARNING, n->cfg.component, t->id, t->attempt,
			"runs elsewhere under our id, the cache says: not started as long as its beats change");
	}
	t->beat_known = true;
	t->beat = beat;
	if (still)
		may_start(n, t);
	else
		ask_later(n, t, STALE_MS);
}

static void
answer_beat(void *arg, enum sk_code code, bool found, const void *value, size_t size)
{
	struct node_ask *a = arg;
	struct sk_node *n = a->n;
	struct node_task *t = take_answer(a, code);
	int64_t beat = 0;

	if (t == NULL)
		return;
	switch (found ? sk_beat_read(value, size, &beat) : SK_BEAT_IS_NONE) {
	case SK_BEAT_IS_NONE:
		may_start(n, t);
		break;
	case SK_BEAT_IS_LIVE:
		answer_live(n, t, beat);
		break;
	case SK_BEAT_IS_FINISHED:
	case SK_BEAT_IS_FAILED:
	case SK_BEAT_IS_CANCELLED:
		ask(n, t, SK_KEY_ENDED, answer_ended);
		break;
	}
}

void
node_ask_due(void *arg)
{
	struct sk_node *n = arg;
	struct node_task *t;
	int64_t now = sk_boot_ms(), next = INT64_MAX;
	size_t i = 0;

	while ((t = sk_map_each(&n->tasks, &i)) != NULL) {
		if (t->ask_ms == 0)
			continue;
		if (t->ask_ms <= now)
			ask(n, t, SK_KEY_TASK_HEARTBEAT, answer_beat);
		else if (t->ask_ms < next)
			next = t->ask_ms;
	}
	if (next != INT64_MAX)
		sk_timer_set(n->cfg.loop, &n->ask, next);
}

void
node_foreign_gone(struct node_task *t)
{
	if (t->asked != NULL)
		t->asked->t = NULL;
	t->asked = NULL;
}

void
node_foreign_free(struct sk_node *n)
{
	while (n->asks != NULL) {
		struct node_ask *a = n->asks;

		n->asks = a->next;
		free(a);
	}
	sk_map_release(&n->strange);
}

/* ---- from the store ---- */

void
node_foreign_begin(struct sk_node *n, const struct sk_record *r, bool assigned)
{
	struct node_task *t;

	if (n->draining || n->peer_gone || !is_passive(r) || !knows_class(n, r))
		return;
	t = node_add(n, 0, r->id, r->class_name, r->life.attempt);
	t->foreign = true;
	t->life = r->life;
	t->update_ms = r->update_ms;
	t->assigned = assigned;
	ask(n, t, SK_KEY_TASK_HEARTBEAT, answer_beat);
}

bool
node_foreign_kept(struct sk_node *n, struct node_task *t, const struct sk_record *r,
	uint64_t read_number, bool assigned)
{
	if (read_number <= t->changed)
		return true; /* it was running when that was read */
	t->seen = n->look_mark;
	return node_by_keys(n, r) && r->life.attempt == t->attempt &&
		!again(r->life.phase, r->update_ms, t->end_ms, assigned);
}

/* It does not run yet. */
static void
agree_waiting(struct sk_node *n, struct node_task *t, const struct sk_record *r, bool assigned,
	struct sk_arena *a)
{
	if (!node_by_keys(n, r)) {
		node_presence_fence(n, t, r);
		if (r != NULL)
			node_read(n, t->id); /* perhaps it is ours in another way */
		node_drop(n, t);
		return;
	}
	t->life = r->life;
	t->update_ms = r->update_ms;
	t->assigned = t->assigned || assigned;
	if (t->clear)
		node_try_again(n, t, r, a);
}

/* An event alone never stops it: the store must say so. */
static bool
is_cancelled(const struct sk_record *r)
{
	return r == NULL || r->life.phase == SK_CANCELLED || r->life.phase == SK_FAILED ||
		(r->disputed && r->status == SK_CANCELLED);
}

void
node_foreign_agree(struct sk_node *n, struct node_task *t, const struct sk_record *r, bool assigned,
	struct sk_arena *a)
{
	bool ours = r != NULL && sk_record_by_original(r) && strcmp(r->life.executor, n->cfg.id) == 0;

	if (!t->given) {
		agree_waiting(n, t, r, assigned, a);
		return;
	}
	if (is_cancelled(r) || (ours && r->life.wanted == SK_WANT_CANCEL)) {
		node_stop(n, t, SK_REASON_CANCELLED, SK_OWN_GRACE);
		return;
	}
	if (!ours) {
		node_fence(n, t, r);
		return;
	}
	t->life = r->life;
	node_wish_attachments(n, t, sk_map_get(r->spec, "attachments"));
}

void
node_foreign_over(struct sk_node *n, struct node_task *t)
{
	t->kept = node_presence_over(n, t);
	node_settle(n, t);
}
