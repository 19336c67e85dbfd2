/* api_stream_events.c - GET /v1/stream: every event of the ring as it happens, or from where
 * somebody left off.
 *
 * An event becomes text once, whoever reads it: the feed mirrors the ring as frames, in chunks, as
 * far back as anybody has asked for. Each reader has a place in it and gets at most one chunk a
 * time, with pauses, so that one who comes back after long does not fill the door's buffer. */
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/control/api_stream.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_EVENTS 1024
#define CHUNK_BYTES ((size_t)128 << 10)
#define TICK_MS 5 /* what happens within it goes out together */
#define MUCH ((size_t)32 << 10)
#define PACE_MS 25 /* behind so much of what is over: what a reader on a good line can take */
#define REST_MS 60000 /* without an event; then whoever read may have gone: it is looked */

struct chunk {
	struct chunk *next;
	uint64_t first; /* number of its first event */
	struct sk_sse sse;
};

struct sk_feed {
	struct sk_control *c;
	struct chunk *head, *tail; /* NULL: nothing is mirrored yet */
	uint64_t next; /* the number that is mirrored next */
	struct sk_waiter waiter;
	struct sk_timer tick;
	bool behind; /* somebody has more to get */
};

/* ---- the mirror ---- */

static void
chunk_free(struct chunk *k)
{
	sk_sse_release(&k->sse);
	free(k);
}

static struct chunk *
chunk_new(uint64_t first)
{
	struct chunk *k = sk_xcalloc(1, sizeof(*k));

	k->first = first;
	return k;
}

static bool
is_full(const struct chunk *k)
{
	return k->sse.n >= CHUNK_EVENTS || k->sse.text.len >= CHUNK_BYTES;
}

/* The number behind its last event. */
static uint64_t
end_of(const struct chunk *k)
{
	return k->first + k->sse.n;
}

static void
add_event(struct sk_control *c, struct chunk *k, uint64_t number)
{
	const struct sk_event e = sk_events_at(c, number);
	struct sk_str *out = &k->sse.text;

	sk_stream_id(c, out, number);
	sk_str_addf(out, "event: %s\ndata: ", sk_event_name(e.kind));
	sk_event_json(out, &e, number);
	sk_str_adds(out, "\n\n");
	sk_sse_frame(&k->sse, e.task, e.kind);
}

/* Mirror events from `from` on, before `end`; the chunks are linked behind *last. */
static struct chunk *
mirror(struct sk_control *c, struct chunk *last, uint64_t from, uint64_t end)
{
	for (uint64_t number = from; number < end; number++) {
		if (is_full(last)) {
			last->next = chunk_new(number);
			last = last->next;
		}
		add_event(c, last, number);
	}
	return last;
}

static void
forget_all(struct sk_feed *f)
{
	while (f->head != NULL) {
		struct chunk *k = f->head;

		f->head = k->next;
		chunk_free(k);
	}
	f->tail = NULL;
}

/* Bring it up to date with the ring. What the ring has lost goes, chunk by chunk. */
static void
follow_ring(struct sk_feed *f)
{
	struct sk_event_ring ring = sk_events_ring(f->c);

	if (f->next < ring.first) { /* it has turned all around since */
		forget_all(f);
		f->next = ring.first;
	}
	while (f->head != NULL && f->head != f->tail && end_of(f->head) <= ring.first) {
		struct chunk *k = f->head;

		f->head = k->next;
		chunk_free(k);
	}
	if (f->head == NULL)
		f->head = f->tail = chunk_new(f->next);
	f->tail = mirror(f->c, f->tail, f->next, ring.last + 1);
	f->next = ring.last + 1;
}

/* Somebody comes back to an event that is not mirrored: all that the ring has goes before. */
static void
reach_back(struct sk_feed *f, uint64_t number)
{
	struct sk_event_ring ring = sk_events_ring(f->c);
	struct chunk *first;

	if (number >= f->head->first || number < ring.first)
		return;
	first = chunk_new(ring.first);
	mirror(f->c, first, ring.first, f->head->first)->next = f->head;
	f->head = first;
}

static struct chunk *
chunk_of(struct sk_feed *f, uint64_t number)
{
	struct chunk *k = number >= f->tail->first ? f->tail : f->head;

	while (k->next != NULL && number >= end_of(k))
		k = k->next;
	return k;
}

/* ---- readers ---- */

/* What he missed he cannot know from us: he has to look anew, and goes on from now. */
static void
put_reset(struct sk_control *c, struct sk_str *out, const char *reason)
{
	sk_stream_id(c, out, sk_events_ring(c).last);
	sk_str_adds(out, "event: reset\ndata: {");
	sk_json_kstr(out, "reason", reason);
	sk_str_adds(out, "}\n\n");
}

static void
overtaken(struct sk_control *c, struct sk_stream *s)
{
	struct sk_str text = SK_STR_INIT;
	bool there;

	put_reset(c, &text, "more happened at once than is remembered");
	s->at = sk_events_ring(c).last + 1;
	there = sk_stream_send(s, text.p, text.len);
	(void)there;
	sk_str_release(&text);
}

/* His next part. */
static void
advance(struct sk_control *c, struct sk_stream *s, void *arg)
{
	struct sk_feed *f = arg;
	struct chunk *k;
	const char *bytes;
	bool there;
	size_t n;

	if (s->at >= f->next)
		return;
	if (sk_boot_ms() < s->pace_ms) {
		f->behind = true;
		return;
	}
	if (s->at < f->head->first) {
		overtaken(c, s);
		return;
	}
	k = chunk_of(f, s->at);
	bytes =
		sk_sse_pick(&k->sse, (size_t)(s->at - k->first), &s->filter, &c->api->streams->scratch, &n);
	s->at = end_of(k);
	if (s->at < f->next) {
		f->behind = true;
		s->pace_ms = n >= MUCH ? sk_boot_ms() + PACE_MS : 0;
	}
	there = sk_stream_send(s, bytes, n);
	(void)there;
}

static void rest(struct sk_feed *f);

static void
tick(void *arg)
{
	struct sk_feed *f = arg;
	struct sk_streams *all = f->c->api->streams;

	if (all->events.n == 0) {
		all->feed = NULL;
		sk_feed_free(f);
		return;
	}
	if (!f->behind && sk_events_ring(f->c).last < f->next) {
		rest(f);
		return;
	}
	f->behind = false;
	follow_ring(f);
	sk_readers_each(&all->events, advance, f);
	sk_timer_set(f->c->cfg.loop, &f->tick, sk_boot_ms() + TICK_MS);
}

/* Until the next event. */
static void
rest(struct sk_feed *f)
{
	f->waiter.deadline_ms = sk_boot_ms() + REST_MS;
	sk_waiter_start(f->c, &f->waiter);
}

static struct sk_feed *
feed_of(struct sk_control *c)
{
	struct sk_streams *all = c->api->streams;
	struct sk_feed *f = all->feed;

	if (f != NULL)
		return f;
	f = all->feed = sk_xcalloc(1, sizeof(*f));
	f->c = c;
	f->next = sk_events_ring(c).last + 1;
	f->tick = (struct sk_timer){ .fn = tick, .arg = f };
	f->waiter.fn = tick;
	f->waiter.arg = f;
	follow_ring(f);
	rest(f);
	return f;
}

void
sk_feed_free(struct sk_feed *f)
{
	if (f == NULL)
		return;
	sk_waiter_stop(&f->waiter);
	sk_timer_clear(f->c->cfg.loop, &f->tick);
	forget_all(f);
	free(f);
}

/* ---- the request ---- */

static bool
digits(const char **p, uint64_t *v)
{
	const char *begin = *p;

	for (*v = 0; **p >= '0' && **p <= '9'; (*p)++) {
		if (*v > (UINT64_MAX - 9) / 10)
			return false;
		*v = *v * 10 + (uint64_t)(**p - '0');
	}
	return *p > begin;
}

/* "<incarnation>-<n>" */
static bool
parse_id(const char *text, uint64_t *incarnation, uint64_t *n)
{
	return digits(&text, incarnation) && *text++ == '-' && digits(&text, n) && *text == '\0';
}

/* Where he goes on. NULL, or why he cannot. */
static const char *
resume(struct sk_control *c, const char *id, uint64_t *at)
{
	struct sk_event_ring ring = sk_events_ring(c);
	uint64_t incarnation, n;

	*at = ring.last + 1;
	if (!parse_id(id, &incarnation, &n) || incarnation != ring.start)
		return "the events are counted anew: this is another start of the server";
	if (n > ring.last - ring.start)
		return "there was no such event yet";
	if (ring.start + n + 1 < ring.first)
		return "what happened since is no longer remembered";
	*at = ring.start + n + 1;
	return NULL;
}

static bool
read_kinds(struct sk_call *call, unsigned *kinds)
{
	const char *list = sk_call_param(call, "kinds"), *near;

	while (*list != '\0') {
		size_t n = strcspn(list, ",");
		const char *word = sk_arena_strndup(call->arena, list, n);
		int i = 0;

		while (i < SK_N_EVENT && strcmp(sk_event_names[i], word) != 0)
			i++;
		if (i == SK_N_EVENT) {
			near = sk_suggest(word, sk_event_names);
			sk_call_error(call, 400, "parameter kinds: there is no event %s%s%s%s",
				sk_quote(call->arena, word), near != NULL ? ", did you mean \"" : "",
				near != NULL ? near : "", near != NULL ? "\"?" : "");
			return false;
		}
		*kinds |= 1u << i;
		list += n + (list[n] == ',');
	}
	return true;
}

static void
put_beginning(struct sk_call *call, struct sk_stream *s, const char *id)
{
	struct sk_str *out = &call->out;
	const char *reason = id[0] != '\0' ? resume(call->c, id, &s->at) : NULL;

	sk_str_adds(out, "retry: 1000\n");
	if (id[0] == '\0') {
		/* from here on nothing is missed, also by who is cut off before the first event */
		s->at = sk_events_ring(call->c).last + 1;
		sk_stream_id(call->c, out, s->at - 1);
	}
	sk_str_addc(out, '\n');
	if (reason != NULL)
		put_reset(call->c, out, reason);
}

void
sk_api_stream(struct sk_call *call)
{
	struct sk_stream *s = sk_arena_alloc(call->arena, sizeof(*s));
	const char *after = sk_call_param(call, "after");
	struct sk_feed *f;
	uint64_t a, b;

	s->call = call;
	s->filter.name = sk_call_param(call, "task");
	s->filter.key = sk_map_key(s->filter.name);
	if (!read_kinds(call, &s->filter.kinds))
		return;
	if (after[0] != '\0' && !parse_id(after, &a, &b)) {
		sk_call_error(call, 400, "parameter after: expected the id of an event, got %s",
			sk_quote(call->arena, after));
		return;
	}
	f = feed_of(call->c);
	/* whoever comes back does so with the address that he began with */
	put_beginning(call, s, call->last_event_id[0] != '\0' ? call->last_event_id : after);
	reach_back(f, s->at);
	if (!sk_stream_begin(s, &call->c->api->streams->events) || s->at >= f->next)
		return;
	f->behind = true;
	sk_waiter_stop(&f->waiter);
	sk_timer_set(call->c->cfg.loop, &f->tick, sk_boot_ms());
}
