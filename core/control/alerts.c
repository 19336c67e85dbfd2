#include "core/control/alerts.h"
#include "core/base/log.h"
#include "core/control/alerts_priv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 2000
#define LOOK_MS 60000 /* for acknowledgements whose event was lost */
#define WEEK_MS ((int64_t)7 * 24 * 3600000)

/* Above the threshold since, and still so in that round. */
struct waiting {
	int64_t since_ms;
	uint64_t round;
	uint64_t key;
};

const char *const sk_alert_state_names[] = { [SK_ALERT_FIRING] = "firing",
	[SK_ALERT_ACKNOWLEDGED] = "acknowledged",
	[SK_ALERT_RESOLVED] = "resolved",
	[SK_N_ALERT_STATE] = NULL };

static const struct sk_alert_rules *
rules_of(const struct sk_alerts *a)
{
	return a->c->cfg.alerts != NULL ? a->c->cfg.alerts : &sk_alert_default_rules;
}

static uint64_t
key_of(const char *rule, const char *subject)
{
	char text[SK_ALERT_NAME_MAX + 1 + 256];

	snprintf(text, sizeof(text), "%s\n%s", rule, subject);
	return sk_map_key(text);
}

/* ---- telling ---- */

static void
publish(struct sk_control *c, const struct sk_alert *t)
{
	/* services have no such member: who is meant stands in the message */
	bool of_skald = sk_skalds_find(c, t->subject) != NULL;
	const struct sk_event e = { .kind = SK_EVENT_ALERT,
		.time_ms = sk_control_wall_ms(c),
		.task = t->id,
		.class_name = t->rule,
		.skald = of_skald ? t->subject : "",
		.stage = sk_alert_state_names[t->state],
		.message = t->message };

	if (sk_bus_publish(c->cfg.bus, SK_TOPIC_EVENT, &e) != SK_OK)
		sk_log(SK_DEBUG, "alerts", "the bus is full");
}

static void
hand_on(struct sk_control *c, const struct sk_alert *t)
{
	struct sk_str body = SK_STR_INIT;

	if (c->cfg.alerted == NULL)
		return;
	sk_str_addc(&body, '{');
	sk_json_kstr(&body, "event", sk_alert_state_names[t->state]);
	sk_json_kstr(&body, "controller", c->cfg.name);
	sk_json_key(&body, "alert");
	sk_alert_json(&body, t, false);
	sk_str_addc(&body, '}');
	c->cfg.alerted(c->cfg.alerted_arg, body.p, body.len);
	sk_str_release(&body);
}

static void
say(const struct sk_alert *t)
{
	enum sk_level level = t->state != SK_ALERT_FIRING ? SK_INFO
		: t->severity == SK_ALERT_CRITICAL			  ? SK_ERROR
													  : SK_WARNING;

	sk_log(level, "alerts", "%s: %s%s%s%s: %s", sk_alert_state_names[t->state], t->rule,
		t->state == SK_ALERT_ACKNOWLEDGED && t->by[0] != '\0' ? " by " : "",
		t->state == SK_ALERT_ACKNOWLEDGED ? t->by : "",
		t->severity == SK_ALERT_CRITICAL ? ", critical" : "", t->message);
}

/* It has changed: everybody is told, and it is stored when the round is over. */
static void
changed(struct sk_alerts *a, struct sk_alert *t)
{
	t->updated_ms = sk_control_wall_ms(a->c);
	a->dirty = true;
	say(t);
	publish(a->c, t);
	hand_on(a->c, t);
}

/* ---- the table ---- */

static void
vacate(struct sk_alerts *a, int place)
{
	free(a->table[place]);
	a->table[place] = NULL;
	a->dirty = true;
}

/* A free place, else that of the one that was resolved first; -1: all of them go on. */
static int
find_place(const struct sk_alerts *a)
{
	int oldest = -1;

	for (int i = 0; i < SK_ALERTS_MAX; i++) {
		const struct sk_alert *t = a->table[i];

		if (t == NULL)
			return i;
		if (t->state == SK_ALERT_RESOLVED &&
			(oldest < 0 || t->resolved_ms < a->table[oldest]->resolved_ms))
			oldest = i;
	}
	return oldest;
}

bool
sk_alerts_put(struct sk_alerts *a, const struct sk_alert *t)
{
	if (t->place < 0 || t->place >= SK_ALERTS_MAX || a->table[t->place] != NULL)
		return false;
	a->table[t->place] = sk_xcalloc(1, sizeof(*t));
	*a->table[t->place] = *t;
	if (t->state != SK_ALERT_RESOLVED)
		sk_map_put(&a->active, key_of(t->rule, t->subject), a->table[t->place]);
	return true;
}

static void
fire(struct sk_alerts *a, const struct sk_alert_rule *rule, const struct sk_reading *r)
{
	struct sk_alert t = { .severity = rule->severity,
		.value = r->value,
		.threshold = rule->threshold,
		.since_ms = sk_control_wall_ms(a->c),
		.place = find_place(a) };

	if (t.place < 0) {
		if (!a->full)
			sk_log(SK_ERROR, "alerts", "%d alerts go on: more are not kept, the first of them %s",
				SK_ALERTS_MAX, rule->name);
		a->full = true;
		return;
	}
	a->full = false;
	if (a->table[t.place] != NULL)
		vacate(a, t.place);
	sk_ulid_make(&a->c->ulid, t.since_ms, t.id);
	snprintf(t.rule, sizeof(t.rule), "%s", rule->name);
	snprintf(t.subject, sizeof(t.subject), "%s", r->subject);
	snprintf(t.message, sizeof(t.message), "%s", r->message);
	(void)sk_alerts_put(a, &t);
	a->seen[t.place] = true;
	changed(a, a->table[t.place]);
}

static void
resolve(struct sk_alerts *a, struct sk_alert *t, const char *message)
{
	sk_map_remove(&a->active, key_of(t->rule, t->subject));
	t->state = SK_ALERT_RESOLVED;
	t->resolved_ms = sk_control_wall_ms(a->c);
	snprintf(t->message, sizeof(t->message), "%s", message);
	changed(a, t);
}

/* ---- a round ---- */

/* Has it been above for long enough? */
static bool
waited(struct sk_alerts *a, const struct sk_alert_rule *rule, const struct sk_reading *r)
{
	uint64_t key = key_of(rule->name, r->subject);
	struct waiting *w = sk_map_find(&a->waiting, key);
	int64_t now = sk_control_boot_ms(a->c);

	if (w == NULL) {
		w = sk_xcalloc(1, sizeof(*w));
		*w = (struct waiting){ .since_ms = now, .key = key };
		sk_map_put(&a->waiting, key, w);
	}
	w->round = a->round;
	return now - w->since_ms >= rule->for_ms;
}

static void
keep_waiting(struct sk_alerts *a, const struct sk_alert_rule *rule, const struct sk_reading *r)
{
	struct waiting *w = sk_map_find(&a->waiting, key_of(rule->name, r->subject));

	if (w != NULL)
		w->round = a->round;
}

static void
judge(void *arg, const struct sk_alert_rule *rule, const struct sk_reading *r)
{
	struct sk_alerts *a = arg;
	struct sk_alert *t = sk_map_find(&a->active, key_of(rule->name, r->subject));

	if (t != NULL)
		a->seen[t->place] = true;
	if (isnan(r->value)) {
		keep_waiting(a, rule, r);
		return;
	}
	if (t == NULL) {
		if (r->value > rule->threshold && waited(a, rule, r))
			fire(a, rule, r);
		return;
	}
	t->value = r->value;
	t->threshold = rule->threshold;
	t->severity = rule->severity;
	if (r->value <= rule->clear)
		resolve(a, t, r->message);
	else
		snprintf(t->message, sizeof(t->message), "%s", r->message);
}

/* Who waits no more, or has fired. */
static void
forget_waiting(struct sk_alerts *a, bool all)
{
	struct waiting *w;
	size_t i = 0;

	while ((w = sk_map_each(&a->waiting, &i)) != NULL)
		if (all || w->round != a->round || sk_map_find(&a->active, w->key) != NULL) {
			sk_map_remove(&a->waiting, w->key);
			free(w);
		}
}

/* A skald that was removed, a rule that is no more; and what was over long ago. */
static void
close_round(struct sk_alerts *a)
{
	int64_t now = sk_control_wall_ms(a->c);

	for (int i = 0; i < SK_ALERTS_MAX; i++) {
		struct sk_alert *t = a->table[i];

		if (t == NULL)
			continue;
		if (t->state != SK_ALERT_RESOLVED && !a->seen[i])
			resolve(a, t, "what it is about is gone, or nobody watches it any more");
		else if (t->state == SK_ALERT_RESOLVED && now - t->resolved_ms > WEEK_MS)
			vacate(a, i);
	}
	forget_waiting(a, false);
}

static void
look_for_others(struct sk_alerts *a)
{
	int64_t now = sk_control_boot_ms(a->c);

	if (a->c->leader == NULL || now - a->looked_ms < LOOK_MS)
		return;
	a->looked_ms = now;
	for (int i = 0; i < SK_ALERTS_MAX; i++)
		if (a->table[i] != NULL && a->table[i]->state == SK_ALERT_FIRING)
			sk_alerts_look(a, i);
}

void
sk_alerts_tick(struct sk_control *c)
{
	struct sk_alerts *a = c->alerts;
	const struct sk_alert_rules *rules = rules_of(a);

	if (!c->rebuilt || !sk_control_leads(c))
		return;
	if (!a->known) {
		sk_alerts_load(a);
		return;
	}
	a->round++;
	memset(a->seen, 0, sizeof(a->seen));
	for (size_t i = 0; i < rules->n; i++)
		sk_alert_read(c, &rules->list[i], sk_control_boot_ms(c) - a->known_ms, judge, a);
	close_round(a);
	look_for_others(a);
	sk_alerts_save(a);
}

/* ---- acknowledged ---- */

static struct sk_alert *
find(const struct sk_alerts *a, const char *id)
{
	for (int i = 0; i < SK_ALERTS_MAX; i++)
		if (a->table[i] != NULL && strcmp(a->table[i]->id, id) == 0)
			return a->table[i];
	return NULL;
}

void
sk_alerts_acknowledged(
	struct sk_control *c, const struct sk_alert *t, const char *by, int64_t wall_ms)
{
	struct sk_alerts *a = c->alerts;
	struct sk_alert copy = *t, *mine = a->known ? find(a, t->id) : &copy;

	if (mine == NULL || mine->state != SK_ALERT_FIRING)
		return;
	mine->state = SK_ALERT_ACKNOWLEDGED;
	mine->acknowledged_ms = wall_ms;
	snprintf(mine->by, sizeof(mine->by), "%s", by);
	if (!a->known) {
		publish(c, mine); /* the leader hears of it */
		return;
	}
	changed(a, mine);
	sk_alerts_save(a);
}

/* Ours is acknowledged already when we hear of it. */
void
sk_alerts_hear(struct sk_control *c, const struct sk_event *e)
{
	struct sk_alerts *a = c->alerts;
	const struct sk_alert *t = a->known ? find(a, e->task) : NULL;

	if (t != NULL && t->state == SK_ALERT_FIRING &&
		strcmp(e->stage, sk_alert_state_names[SK_ALERT_ACKNOWLEDGED]) == 0)
		sk_alerts_look(a, t->place);
}

/* ---- for others ---- */

bool
sk_alerts_known(const struct sk_control *c)
{
	return c->alerts->known;
}

const struct sk_alert *
sk_alerts_at(const struct sk_control *c, int place)
{
	return c->alerts->table[place];
}

bool
sk_alerts_count(const struct sk_control *c, int64_t n[2][SK_N_ALERT_STATE])
{
	memset(n, 0, 2 * sizeof(n[0]));
	for (int i = 0; i < SK_ALERTS_MAX; i++)
		if (c->alerts->table[i] != NULL)
			n[c->alerts->table[i]->severity][c->alerts->table[i]->state]++;
	return c->alerts->known;
}

/* ---- the whole ---- */

static void
tick(void *arg)
{
	struct sk_alerts *a = arg;

	sk_alerts_tick(a->c);
	sk_timer_set(a->c->cfg.loop, &a->timer, sk_boot_ms() + TICK_MS);
}

void
sk_alerts_start(struct sk_control *c)
{
	if (c->alerts->started)
		return;
	c->alerts->started = true;
	sk_timer_set(c->cfg.loop, &c->alerts->timer, sk_boot_ms() + TICK_MS);
}

void
sk_alerts_stop(struct sk_control *c)
{
	c->alerts->started = false;
	sk_timer_clear(c->cfg.loop, &c->alerts->timer);
}

void
sk_alerts_drop(struct sk_control *c)
{
	struct sk_alerts *a = c->alerts;

	for (int i = 0; i < SK_ALERTS_MAX; i++) {
		free(a->table[i]);
		a->table[i] = NULL;
	}
	forget_waiting(a, true);
	sk_map_release(&a->active);
	a->active = (struct sk_map)SK_MAP_INIT;
	a->era++;
	a->known = a->loading = a->saving = a->dirty = false;
}

struct sk_alerts *
sk_alerts_new(struct sk_control *c)
{
	struct sk_alerts *a = sk_xcalloc(1, sizeof(*a));

	a->c = c;
	a->timer = (struct sk_timer){ .fn = tick, .arg = a };
	return a;
}

void
sk_alerts_free(struct sk_alerts *a)
{
	if (a == NULL)
		return;
	sk_alerts_drop(a->c);
	sk_map_release(&a->waiting);
	free(a);
}
