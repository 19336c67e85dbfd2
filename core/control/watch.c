#include "core/control/watch.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/parts.h"
#include <stdlib.h>
#include <string.h>

#define SLOTS ((uint64_t)1 << 15)
#define TEXT ((uint64_t)4 << 20)
#define MAX_TEXT 1023 /* of one word of an event: ids are shorter, messages are cut */
#define BUCKETS 256

enum { T_TASK, T_CLASS, T_SKALD, T_STAGE, T_MESSAGE, N_TEXTS };

/* An event; its words stand one behind the other in the ring of text, each with its NUL. */
struct slot {
	int64_t time_ms;
	uint64_t at; /* bytes ever written before it */
	double progress;
	uint32_t attempt;
	uint16_t len[N_TEXTS];
	uint8_t kind;
};

struct sk_watchers {
	struct sk_control *c;
	bool listening;
	struct slot *slots; /* SLOTS of them, by number */
	char *text; /* TEXT bytes */
	uint64_t start; /* the number before the first event of all */
	uint64_t first, last; /* numbers of the oldest and of the latest event; last < first: none */
	uint64_t written; /* bytes of text ever */
	struct sk_waiter *any; /* wait for any event */
	struct sk_waiter *of_task[BUCKETS]; /* by hash of the id */
	size_t n_of_task, n_all; /* how many those are; how many of them want every event */
	struct sk_waiter *ready; /* something happened: to be called */
	struct sk_timer call;
};

/* ---- the ring ---- */

static void
put_word(struct sk_watchers *w, struct slot *s, int which, const char *word, uint64_t *at)
{
	size_t n = s->len[which];
	char *to = w->text + *at % TEXT;

	memcpy(to, word, n);
	to[n] = '\0';
	*at += n + 1;
}

/* Words of one event do not wrap around: the rest of the ring is left out. */
static uint64_t
room_for(const struct sk_watchers *w, uint64_t need)
{
	uint64_t left = TEXT - w->written % TEXT;

	return left < need ? w->written + left : w->written;
}

static void
forget_overwritten(struct sk_watchers *w)
{
	while (w->first <= w->last &&
		(w->last - w->first >= SLOTS || w->slots[w->first % SLOTS].at + TEXT < w->written))
		w->first++;
}

static void
remember(struct sk_watchers *w, const struct sk_event *e)
{
	const char *words[N_TEXTS] = { e->task, e->class_name, e->skald, e->stage, e->message };
	struct slot *s = &w->slots[++w->last % SLOTS];
	uint64_t need = N_TEXTS, at;

	s->time_ms = e->time_ms;
	s->progress = e->progress;
	s->attempt = e->attempt;
	s->kind = (uint8_t)e->kind;
	for (int i = 0; i < N_TEXTS; i++) {
		size_t n = words[i] != NULL ? strnlen(words[i], MAX_TEXT) : 0;

		s->len[i] = (uint16_t)n;
		need += n;
	}
	s->at = at = room_for(w, need);
	for (int i = 0; i < N_TEXTS; i++)
		put_word(w, s, i, words[i] != NULL ? words[i] : "", &at);
	w->written = at;
	forget_overwritten(w);
}

struct sk_event_ring
sk_events_ring(const struct sk_control *c)
{
	const struct sk_watchers *w = c->watchers;

	return (struct sk_event_ring){ w->start, w->first, w->last };
}

struct sk_event
sk_events_at(const struct sk_control *c, uint64_t number)
{
	const struct sk_watchers *w = c->watchers;
	const struct slot *s = &w->slots[number % SLOTS];
	const char *words[N_TEXTS], *p = w->text + s->at % TEXT;

	for (int i = 0; i < N_TEXTS; i++) {
		words[i] = p;
		p += s->len[i] + 1;
	}
	return (struct sk_event){ .kind = (enum sk_event_kind)s->kind,
		.time_ms = s->time_ms,
		.task = words[T_TASK],
		.class_name = words[T_CLASS],
		.attempt = s->attempt,
		.skald = words[T_SKALD],
		.progress = s->progress,
		.stage = words[T_STAGE],
		.message = words[T_MESSAGE] };
}

/* A text that was cut in the midst of a character is written with U+FFFD: still JSON. */
static void
write_event(const struct sk_watchers *w, uint64_t number, struct sk_str *out)
{
	const struct sk_event e = sk_events_at(w->c, number);

	sk_event_json(out, &e, number);
	sk_str_addc(out, '\n');
}

static void
write_gap(const struct sk_watchers *w, struct sk_str *out)
{
	sk_str_addc(out, '{');
	sk_json_kint(out, "seq", (int64_t)w->first - 1);
	sk_json_kint(out, "time", sk_control_wall_ms(w->c));
	sk_json_kstr(out, "event", "gap");
	sk_str_adds(out, "}\n");
}

void
sk_events_read(struct sk_control *c, struct sk_event_read *r, struct sk_str *out)
{
	const struct sk_watchers *w = c->watchers;
	uint64_t number = r->after < 0 ? w->last : (uint64_t)r->after;

	r->n = 0;
	/* A number from the future is one of before the clock was set back. */
	if (number + 1 < w->first || number > w->last) {
		if (r->after > 0) {
			write_gap(w, out);
			r->n++;
		}
		number = w->first - 1;
	}
	while (number < w->last && r->n < r->max) {
		const struct slot *s = &w->slots[++number % SLOTS];

		if (r->task[0] != '\0' && strcmp(r->task, w->text + s->at % TEXT) != 0)
			continue;
		write_event(w, number, out);
		r->n++;
	}
	r->next = (int64_t)number;
}

/* ---- waiters ---- */

static void
link_to(struct sk_waiter **list, struct sk_waiter *w)
{
	w->list = list;
	w->prev = NULL;
	w->next = *list;
	if (w->next != NULL)
		w->next->prev = w;
	*list = w;
}

static void
unlink_from(struct sk_waiter *w)
{
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		*w->list = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	if (w->list != &w->c->watchers->any && w->list != &w->c->watchers->ready) {
		w->c->watchers->n_of_task--;
		w->c->watchers->n_all -= w->all;
	}
	w->list = NULL;
}

void
sk_waiter_stop(struct sk_waiter *w)
{
	if (w->list == NULL)
		return;
	unlink_from(w);
	sk_timer_clear(w->c->cfg.loop, &w->timer);
}

static void
deadline_passed(void *arg)
{
	struct sk_waiter *w = arg;

	sk_waiter_stop(w);
	w->fn(w->arg);
}

void
sk_waiter_start(struct sk_control *c, struct sk_waiter *w)
{
	struct sk_watchers *all = c->watchers;

	w->c = c;
	w->timer = (struct sk_timer){ .fn = deadline_passed, .arg = w };
	if (w->task == NULL)
		link_to(&all->any, w);
	else {
		link_to(&all->of_task[sk_id_hash(w->task) % BUCKETS], w);
		all->n_of_task++;
		all->n_all += w->all;
	}
	sk_timer_set(c->cfg.loop, &w->timer, w->deadline_ms);
}

/* What a waiter does may free others: one is taken out at a time. */
static void
call_ready(void *arg)
{
	struct sk_watchers *all = arg;

	while (all->ready != NULL) {
		struct sk_waiter *w = all->ready;

		sk_waiter_stop(w);
		w->fn(w->arg);
	}
}

static void
make_ready(struct sk_watchers *all, struct sk_waiter *w)
{
	unlink_from(w);
	link_to(&all->ready, w);
	if (all->call.pos == 0)
		sk_timer_set(all->c->cfg.loop, &all->call, sk_boot_ms());
}

static bool
ends_an_attempt(enum sk_event_kind k)
{
	return k == SK_EVENT_FINISHED || k == SK_EVENT_FAILED || k == SK_EVENT_CANCELLED ||
		k == SK_EVENT_RETRYING || k == SK_EVENT_INTERRUPTED;
}

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct sk_watchers *all = arg;
	bool ends = ends_an_attempt(e->kind);
	struct sk_waiter *w, *next;

	(void)topic;
	if (e->kind == SK_EVENT_PING)
		return; /* nobody's business */
	remember(all, e);
	while (all->any != NULL)
		make_ready(all, all->any);
	if (ends ? all->n_of_task == 0 : all->n_all == 0)
		return;
	for (w = all->of_task[sk_id_hash(e->task) % BUCKETS]; w != NULL; w = next) {
		next = w->next;
		if ((ends || w->all) && strcmp(w->task, e->task) == 0)
			make_ready(all, w);
	}
}

/* ---- the whole ---- */

struct sk_watchers *
sk_watchers_new(struct sk_control *c)
{
	struct sk_watchers *all = sk_xcalloc(1, sizeof(*all));
	struct sk_err err;

	all->c = c;
	all->slots = sk_xcalloc(SLOTS, sizeof(*all->slots));
	all->text = sk_xcalloc(TEXT, 1);
	all->last = (uint64_t)sk_control_wall_ms(c) * 1000;
	all->start = all->last;
	all->first = all->last + 1;
	all->call = (struct sk_timer){ .fn = call_ready, .arg = all };
	all->listening =
		c->cfg.bus->ops->subscribe(c->cfg.bus, 1u << SK_TOPIC_EVENT, heard, all, &err) == SK_OK;
	if (!all->listening)
		sk_log(SK_ERROR, "api", "no events: %s", err.msg);
	return all;
}

/* Whoever still waits was taken back before by sk_api_free. */
void
sk_watchers_free(struct sk_watchers *all)
{
	if (all == NULL)
		return;
	if (all->listening)
		all->c->cfg.bus->ops->unsubscribe(all->c->cfg.bus, heard, all);
	sk_timer_clear(all->c->cfg.loop, &all->call);
	free(all->slots);
	free(all->text);
	free(all);
}
