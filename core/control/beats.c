/* beats.c - tasks that are executed in the original's way: nothing but keys in the cache tells what
 * becomes of them. Each second all of them are looked at; what is found is stored (beats_end.c). */
#include "core/control/beats.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 10000 /* no sign of life: the skald is asked once more; it may take 6 s */
#define AFTER_CANCEL_MS 2500 /* assignments and cancels have no order among each other */
#define CANCEL_MS 3000 /* between two requests to cancel */
#define WARN_MS 2000 /* before it counts as lost */

struct sk_beats {
	struct sk_timer timer;
	bool looking, away;
	int64_t looked_ms; /* boot clock */
};

struct sk_task_beat *
sk_beat_new(const struct sk_life *life)
{
	struct sk_task_beat *b = sk_xcalloc(1, sizeof(*b));

	/* every assignment by one of ours removes the keys; a script's does not, and counts none */
	b->cleared = life->attempt > 0;
	b->running = life->phase == SK_RUNNING;
	b->paused = life->phase == SK_PAUSED;
	b->wanted = life->wanted;
	b->cancelled_ms = b->assign_ms = -1;
	return b;
}

struct sk_live *
sk_beats_find(struct sk_control *c, const char *id, uint32_t attempt)
{
	struct sk_live *l = sk_live_find(c, id);

	return l != NULL && l->beat != NULL && l->attempt == attempt ? l : NULL;
}

void
sk_beats_text(char *to, size_t max, const char *text, size_t n)
{
	size_t len = n < max - 1 ? n : max - 1, bad = 0;

	memcpy(to, text, len);
	while ((bad += sk_utf8_bad(to + bad, len - bad)) < len)
		to[bad] = '?';
	for (size_t i = 0; i < len; i++)
		if (to[i] == '\0')
			to[i] = '?';
	to[len] = '\0';
}

/* ---- what others tell us of them ---- */

void
sk_beats_limits(struct sk_task_beat *b, const struct sk_record *r)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_spec spec;
	struct sk_err err;

	b->spec_known = true;
	if (sk_spec_decode(r->spec, a, &spec, &err)) {
		b->timeout_ms = (int64_t)(spec.timeout_s * 1000);
		b->deadline_ms = spec.deadline_ms;
	}
	sk_arena_free(a);
}

void
sk_beats_see(struct sk_control *c, const struct sk_record *r)
{
	struct sk_live *l = sk_beats_find(c, r->id, r->life.attempt);
	int64_t wall = sk_control_wall_ms(c);
	struct sk_task_beat *b;

	if (l == NULL)
		return;
	b = l->beat;
	b->wanted = r->life.wanted;
	b->paused = r->life.phase == SK_PAUSED;
	b->running = b->running || r->life.phase == SK_RUNNING;
	b->update_ms = r->update_ms;
	if (b->spec_known)
		return;
	sk_beats_limits(b, r);
	b->old = wall - r->update_ms > SK_MIXED_END_TTL_MS;
	if (b->running && b->ran_ms == 0 && r->start_ms > 0 && r->start_ms < wall)
		b->ran_ms = wall - r->start_ms;
}

bool
sk_beats_nudged(struct sk_control *c, enum sk_topic topic, const struct sk_record *r)
{
	struct sk_live *l = sk_beats_find(c, r->id, r->life.attempt);

	if (l == NULL)
		return true;
	if (topic == SK_TOPIC_CANCEL) {
		l->beat->wanted = r->life.wanted;
		l->beat->cancelled_ms = l->beat->age_ms;
	}
	if (topic != SK_TOPIC_ASSIGN)
		return true;
	l->beat->asked_ms = l->beat->age_ms;
	if (!sk_originals_lists(c, l->executor, l->id))
		return true;
	/* its table holds a worker of an earlier attempt, which is dead: it would start none (N4) */
	sk_control_publish(c, SK_TOPIC_CANCEL, l->id, l->attempt, l->executor);
	l->beat->assign_ms = l->beat->age_ms + AFTER_CANCEL_MS;
	return false;
}

/* ---- before an assignment ---- */

static void
cleared(struct sk_control *c, struct sk_peeks *p)
{
	struct sk_live *l = sk_live_find(c, p->list[0]->id);

	if (l != NULL && l->beat != NULL && p->code != SK_OK)
		l->beat->cleared = false; /* perhaps they still stand there */
}

void
sk_beats_forget(struct sk_control *c, const char *id)
{
	struct sk_cache *cache = c->cfg.cache;
	struct sk_arena *a = sk_arena_new();

	cache->ops->remove(cache, sk_arena_printf(a, SK_KEY_TASK_HEARTBEAT, id));
	cache->ops->remove(cache, sk_arena_printf(a, SK_KEY_TASK_EXCEPTION, id));
	cache->ops->remove(cache, sk_arena_printf(a, SK_KEY_TASK_ERROR, id));
	cache->ops->remove(cache, sk_arena_printf(a, SK_KEY_ENDED, id));
	sk_arena_free(a);
}

void
sk_beats_clear(struct sk_control *c, const char *id)
{
	struct sk_peeks *p = sk_peeks_new(c, cleared);

	sk_beats_forget(c, id);
	/* answered: then they were removed too */
	sk_peek_value(p, SK_MIXED_KEY(p, SK_KEY_TASK_HEARTBEAT, id), id);
	sk_peeks_go(p);
}

/* ---- judging ---- */

/* An end that stands there may be that of an earlier run (D6, D7). */
static bool
end_counts(const struct sk_task_beat *b)
{
	return b->pulse.seen || b->pulse.changed || b->cleared || b->running || b->old || b->ended;
}

/* A C node tells when that was: by the same comparison it decides not to start it once more. */
static void
end_came(struct sk_control *c, struct sk_peeks *p)
{
	const struct sk_peek *k = p->list[0];
	struct sk_live *l = sk_beats_find(c, k->id, k->attempt);
	int64_t end_ms = 0;

	if (l != NULL && k->found && sk_beat_number(k->value, k->n, &end_ms))
		l->beat->ended = end_ms >= l->beat->update_ms;
}

static void
ask_end(struct sk_control *c, const struct sk_live *l)
{
	struct sk_peeks *p = sk_peeks_new(c, end_came);

	sk_peek_value(p, SK_MIXED_KEY(p, SK_KEY_ENDED, l->id), l->id)->attempt = l->attempt;
	sk_peeks_go(p);
}

static bool
is_lost(struct sk_control *c, const struct sk_live *l)
{
	const struct sk_task_beat *b = l->beat;
	const struct sk_agent *a = sk_skalds_find(c, l->executor);
	bool may_start = a != NULL && a->view.online && b->wanted == SK_WANT_RUN;

	if (b->pulse.seen || b->running)
		return sk_pulse_dead(&b->pulse);
	return b->age_ms > (may_start ? SK_MIXED_START_MS : SK_MIXED_PATIENCE_MS);
}

static void
tell_again(struct sk_control *c, struct sk_live *l, enum sk_topic topic)
{
	struct sk_task_beat *b = l->beat;

	sk_control_publish(c, topic, l->id, l->attempt, l->executor);
	if (topic == SK_TOPIC_CANCEL)
		b->cancelled_ms = b->age_ms;
	else
		b->asked_ms = b->age_ms;
}

/* No sign of life yet: the event was lost, or the skald believes that it has the task (N4). */
static void
ask_again(struct sk_control *c, struct sk_live *l)
{
	struct sk_task_beat *b = l->beat;

	if (b->assign_ms >= 0 && b->age_ms >= b->assign_ms) {
		b->assign_ms = -1;
		tell_again(c, l, SK_TOPIC_ASSIGN);
	}
	if (b->assign_ms >= 0 || b->age_ms - b->asked_ms < AGAIN_MS ||
		!sk_originals_online(c, l->executor))
		return;
	if (sk_originals_lists(c, l->executor, l->id)) {
		tell_again(c, l, SK_TOPIC_CANCEL);
		b->asked_ms = b->age_ms;
		b->assign_ms = b->age_ms + AFTER_CANCEL_MS;
	} else
		tell_again(c, l, SK_TOPIC_ASSIGN);
}

/* It will count as lost in a moment and run elsewhere: should there be a worker, it shall end. */
static void
warn(struct sk_control *c, struct sk_live *l)
{
	struct sk_pulse later = l->beat->pulse;

	later.silent_ms += WARN_MS;
	if (l->beat->warned || !sk_pulse_dead(&later) || !sk_originals_lists(c, l->executor, l->id))
		return;
	l->beat->warned = true;
	tell_again(c, l, SK_TOPIC_CANCEL);
}

static void
remind(struct sk_control *c, struct sk_live *l)
{
	struct sk_task_beat *b = l->beat;

	if (b->wanted == SK_WANT_CANCEL || b->timed_out) {
		if (b->cancelled_ms < 0 || b->age_ms - b->cancelled_ms >= CANCEL_MS)
			tell_again(c, l, SK_TOPIC_CANCEL);
	} else if (b->pulse.seen || b->running)
		warn(c, l);
	else
		ask_again(c, l);
}

static bool
has_no_time(const struct sk_control *c, const struct sk_task_beat *b)
{
	return (b->timeout_ms > 0 && b->ran_ms > b->timeout_ms) ||
		(b->deadline_ms > 0 && sk_control_wall_ms(c) > b->deadline_ms);
}

static void
decide(struct sk_control *c, struct sk_live *l, bool life)
{
	static const enum sk_beat_found ends[] = { [SK_BEAT_IS_FINISHED] = SK_BEAT_ENDED,
		[SK_BEAT_IS_FAILED] = SK_BEAT_BROKEN,
		[SK_BEAT_IS_CANCELLED] = SK_BEAT_STOPPED };
	struct sk_task_beat *b = l->beat;

	b->timed_out = b->timed_out || (b->running && has_no_time(c, b));
	if (b->pulse.kind >= SK_BEAT_IS_FINISHED && b->spec_known && !end_counts(b))
		ask_end(c, l);
	if (b->pulse.kind >= SK_BEAT_IS_FINISHED && end_counts(b))
		sk_beats_act(c, l, ends[b->pulse.kind]);
	else if (is_lost(c, l))
		sk_beats_act(c, l, SK_BEAT_LOST);
	else if (life && !b->running)
		sk_beats_act(c, l, SK_BEAT_STARTED);
	else
		remind(c, l);
}

/* ---- looking ---- */

/* Two of each, in this order. */
enum { VALUE, ERROR, N_ASKED };

static void
ask(struct sk_peeks *p, const struct sk_live *l)
{
	sk_peek_value(p, SK_MIXED_KEY(p, SK_KEY_TASK_HEARTBEAT, l->id), l->id)->attempt = l->attempt;
	sk_peek_value(p, SK_MIXED_KEY(p, SK_KEY_TASK_ERROR, l->id), l->id)->attempt = l->attempt;
}

static void
take_error(const struct sk_live *l, const struct sk_peek *k)
{
	char text[SK_BEAT_ERROR_MAX] = "";

	if (k->found)
		sk_beats_text(text, sizeof(text), k->value, k->n);
	if (text[0] != '\0' && strcmp(text, l->beat->error) != 0)
		sk_log_task(SK_WARNING, "monitor", l->id, l->attempt, "its program says: %s", text);
	memcpy(l->beat->error, text, sizeof(text));
}

static void
take(struct sk_control *c, struct sk_live *l, struct sk_peek *const *k)
{
	struct sk_task_beat *b = l->beat;
	int64_t value = 0, passed = k[VALUE]->of->passed_ms;
	enum sk_beat kind = SK_BEAT_IS_NONE;
	bool life;

	if (b->stepping || b->paused)
		return;
	if (k[VALUE]->found)
		kind = sk_beat_read(k[VALUE]->value, k[VALUE]->n, &value);
	b->age_ms += passed;
	b->ran_ms += b->running ? passed : 0;
	take_error(l, k[ERROR]);
	if (kind != SK_BEAT_IS_NONE && (!b->pulse.sampled || value != b->pulse.value))
		sk_trail_add(&b->beats, value, sk_control_wall_ms(c));
	life = sk_pulse_take(&b->pulse, kind, value, passed, b->cleared);
	b->warned = b->warned && !life;
	decide(c, l, life);
}

static void
take_all(struct sk_control *c, const struct sk_peeks *p)
{
	for (size_t i = 0; i + N_ASKED <= p->n; i += N_ASKED) {
		struct sk_live *l = sk_beats_find(c, p->list[i]->id, p->list[i]->attempt);

		if (l != NULL)
			take(c, l, &p->list[i]);
	}
}

static void
looked(struct sk_control *c, struct sk_peeks *p)
{
	c->beats->looking = false;
	c->beats->away = p->code != SK_OK;
	if (p->code != SK_OK || !sk_control_leads(c)) /* what is not known is not judged */
		return;
	take_all(c, p);
	sk_edges_look(c, p->passed_ms);
}

void
sk_beats_look(struct sk_control *c)
{
	struct sk_beats *b = c->beats;
	int64_t now = sk_control_boot_ms(c), passed = now - b->looked_ms;
	struct sk_live *l;
	struct sk_peeks *p;
	size_t i = 0;

	if (b->looking || !sk_control_leads(c))
		return;
	b->looking = true;
	b->looked_ms = now;
	p = sk_peeks_new(c, looked);
	p->passed_ms = b->away ? 0 : passed < SK_MIXED_MOST_MS ? passed : SK_MIXED_MOST_MS;
	while ((l = sk_map_each(sk_dispatch_live(c), &i)) != NULL)
		for (; l != NULL; l = l->next)
			if (l->beat != NULL && !l->beat->stepping)
				ask(p, l);
	sk_peeks_go(p);
}

static void
sampled(struct sk_control *c, struct sk_peeks *p)
{
	if (p->code == SK_OK && sk_control_leads(c))
		take_all(c, p);
}

void
sk_beats_sample(struct sk_control *c, const char *id)
{
	const struct sk_live *l = sk_live_find(c, id);
	struct sk_peeks *p;

	if (l == NULL || l->beat == NULL)
		return;
	p = sk_peeks_new(c, sampled);
	ask(p, l);
	sk_peeks_go(p);
}

bool
sk_beats_shown(struct sk_control *c, const char *id, int64_t *beat, const char **error)
{
	const struct sk_live *l = c->beats != NULL ? sk_live_find(c, id) : NULL;

	if (l == NULL || l->beat == NULL || !l->beat->pulse.sampled)
		return false;
	*beat = l->beat->pulse.value;
	*error = l->beat->error[0] != '\0' ? l->beat->error : NULL;
	return true;
}

const struct sk_trail *
sk_beats_trail(struct sk_control *c, const char *id)
{
	const struct sk_live *l = c->beats != NULL ? sk_live_find(c, id) : NULL;

	return l != NULL && l->beat != NULL ? &l->beat->beats : NULL;
}

/* ---- the whole ---- */

static void
tick(void *arg)
{
	struct sk_control *c = arg;

	sk_beats_look(c);
	sk_timer_set(c->cfg.loop, &c->beats->timer, sk_boot_ms() + SK_MIXED_PERIOD_MS);
}

void
sk_beats_start(struct sk_control *c)
{
	c->beats->looked_ms = sk_control_boot_ms(c);
	tick(c);
}

void
sk_beats_stop(struct sk_control *c)
{
	sk_timer_clear(c->cfg.loop, &c->beats->timer);
}

struct sk_beats *
sk_beats_new(struct sk_control *c)
{
	struct sk_beats *b = sk_xcalloc(1, sizeof(*b));

	b->timer = (struct sk_timer){ .fn = tick, .arg = c };
	return b;
}

void
sk_beats_free(struct sk_beats *b)
{
	free(b);
}
