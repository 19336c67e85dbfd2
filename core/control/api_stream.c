/* api_stream.c - answers without an end: begun, kept alive, given up. */
#include "core/control/api_stream.h"
#include "core/base/clock.h"
#include <inttypes.h>
#include <stdlib.h>

#define PING_MS 15000 /* proxies close what is silent for longer, usually after 30 or 60 s */

/* ---- alive ---- */

static void
put_ping(struct sk_control *c, const struct sk_stream *s, struct sk_str *out)
{
	sk_str_clear(out);
	sk_str_adds(out, ": ping\n");
	if (s->at != 0) {
		/* whoever sees few of the events shall not come back with a number that is forgotten; an
		 * id without data is kept by clients and tells them nothing */
		sk_stream_id(c, out, s->at - 1);
	}
	sk_str_addc(out, '\n');
}

static void
ping_one(struct sk_control *c, struct sk_stream *s, void *arg)
{
	struct sk_str *out = arg;
	bool there;

	put_ping(c, s, out);
	there = sk_stream_send(s, out->p, out->len);
	(void)there;
}

static void
plan_ping(struct sk_streams *s)
{
	int64_t ms = s->c->cfg.ping_ms > 0 ? s->c->cfg.ping_ms : PING_MS;

	sk_timer_set(s->c->cfg.loop, &s->ping, sk_boot_ms() + ms);
}

static void
ping_all(void *arg)
{
	struct sk_streams *s = arg;

	sk_readers_each(&s->events, ping_one, &s->scratch);
	sk_readers_each(&s->skalds, ping_one, &s->scratch);
	sk_readers_each(&s->tasks, ping_one, &s->scratch);
	sk_readers_each(&s->tests, ping_one, &s->scratch);
	if (sk_streams_count(s) > 0)
		plan_ping(s);
}

/* ---- readers ---- */

static void
leave(struct sk_call *call)
{
	struct sk_stream *s = call->state;
	struct sk_readers *of = s->of;

	sk_timer_clear(call->c->cfg.loop, &s->timer);
	if (of->next == s)
		of->next = s->next;
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		of->first = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	of->n--;
}

bool
sk_stream_begin(struct sk_stream *s, struct sk_readers *of)
{
	struct sk_call *call = s->call;
	struct sk_streams *all = call->c->api->streams;

	if (!sk_call_stream(call))
		return false;
	s->of = of;
	s->next = of->first;
	if (s->next != NULL)
		s->next->prev = s;
	of->first = s;
	of->n++;
	call->state = s;
	call->release = leave;
	if (all->ping.pos == 0)
		plan_ping(all);
	return true;
}

bool
sk_stream_send(struct sk_stream *s, const char *bytes, size_t n)
{
	return n == 0 || sk_call_more(s->call, bytes, n);
}

void
sk_readers_each(struct sk_readers *r,
	void (*fn)(struct sk_control *c, struct sk_stream *s, void *arg), void *arg)
{
	for (struct sk_stream *s = r->first; s != NULL; s = r->next) {
		r->next = s->next;
		fn(s->call->c, s, arg);
	}
}

/* ---- the whole ---- */

struct sk_streams *
sk_streams_new(struct sk_control *c)
{
	struct sk_streams *s = sk_xcalloc(1, sizeof(*s));

	s->c = c;
	s->ping.fn = ping_all;
	s->ping.arg = s;
	return s;
}

static void
end_all(struct sk_readers *r)
{
	while (r->first != NULL)
		sk_call_end(r->first->call);
}

void
sk_streams_end(struct sk_streams *s)
{
	end_all(&s->events);
	end_all(&s->skalds);
	end_all(&s->tasks);
	end_all(&s->tests);
}

void
sk_streams_free(struct sk_streams *s)
{
	if (s == NULL)
		return;
	sk_timer_clear(s->c->cfg.loop, &s->ping);
	sk_feed_free(s->feed);
	sk_board_free(s->board);
	sk_str_release(&s->scratch);
	free(s);
}

size_t
sk_streams_count(const struct sk_streams *s)
{
	return s->events.n + s->skalds.n + s->tasks.n + s->tests.n;
}

void
sk_stream_id(struct sk_control *c, struct sk_str *out, uint64_t number)
{
	uint64_t start = sk_events_ring(c).start;

	sk_str_addf(out, "id: %" PRIu64 "-%" PRIu64 "\n", start, number - start);
}
