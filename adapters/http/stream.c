/* stream.c - answers that go on: what comes is gathered until the round ends and written by one
 * call; who does not keep up is cut off. */
#include "adapters/http/conn.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>

/* How far a reader may be behind, in bytes, beyond what the kernel holds for it. */
#define BEHIND ((size_t)256 << 10)

static size_t
unwritten(const struct sk_conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* To be looked at when the round ends. */
static void
touch(struct sk_conn *c)
{
	struct sk_http_server *s = c->server;

	if (c->touched)
		return;
	c->touched = true;
	TAILQ_INSERT_TAIL(&s->touched, c, touch);
	event_active(&s->touching, EV_TIMEOUT, 0);
}

static void
add_piece(struct sk_conn *c, const char *bytes, size_t n)
{
	char size[24];

	if (c->chunked)
		sk_conn_put(c, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", n));
	sk_conn_put(c, bytes, n);
	if (c->chunked)
		sk_conn_put(c, "\r\n", 2);
}

/* Nothing more comes. What is there is written, then the connection ends. */
static void
finish(struct sk_conn *c)
{
	c->streaming = false;
	if (c->chunked)
		sk_conn_put(c, "0\r\n\r\n", 5);
	sk_conn_enter(c, SK_CONN_ANSWER);
	touch(c);
}

void
sk_conn_stream_begin(struct sk_conn *c, const struct sk_api_response *a)
{
	const bool head = evhttp_request_get_command(c->req) == EVHTTP_REQ_HEAD;
	const bool full = !head && c->server->n_streams >= c->server->max_streams;
	struct sk_str text = SK_STR_INIT;

	c->req = NULL; /* evhttp's until the connection ends; nothing is written through it */
	c->ours = c->close = true; /* no request follows a stream */
	c->streaming = true;
	c->unwanted = head || full || c->server->draining;
	c->chunked = !head && !full && !c->http10;
	c->server->stats.refused += full;
	if (full)
		sk_exchange_refusal(c, &text, 503, "there are too many streams: try again later");
	else
		sk_exchange_head(c, &text, a);
	sk_conn_put(c, text.p, text.len);
	sk_str_release(&text);
	if (!head && !full && a->len > 0)
		add_piece(c, a->body, a->len);
	c->allowed = BEHIND + unwritten(c);
	sk_conn_enter(c, SK_CONN_STREAM);
	touch(c);
}

/* It falls behind: what the kernel takes at once does not count. False: it is gone. */
static bool
keeps_up(struct sk_conn *c)
{
	bool so;

	c->busy++;
	c->streaming = false; /* whoever asked is told by what this returns */
	sk_conn_flush(c);
	so = !c->gone && unwritten(c) <= c->allowed;
	if (so)
		c->streaming = true;
	else if (!c->gone)
		sk_conn_drop(c);
	sk_conn_leave(c);
	return so;
}

bool
sk_conn_stream_more(void *arg, const char *bytes, size_t n)
{
	struct sk_conn *c = arg;

	if (c->unwanted || n == 0) {
		const bool wanted = !c->unwanted;

		finish(c);
		return wanted;
	}
	if (unwritten(c) > c->allowed && !keeps_up(c))
		return false;
	add_piece(c, bytes, n);
	touch(c);
	return true;
}

void
sk_conn_stream_written(struct sk_conn *c)
{
	c->allowed = BEHIND;
	if (c->state == SK_CONN_BEHIND)
		sk_conn_enter(c, SK_CONN_STREAM);
}

void
sk_conn_stream_end(struct sk_conn *c)
{
	c->unwanted = true;
	touch(c);
}

static void
settle(struct sk_conn *c)
{
	sk_str_release(&c->in);
	c->in_at = 0;
	if (c->streaming && c->unwanted) {
		finish(c);
		c->server->cfg.forget(c->server->cfg.arg, c);
	}
	if (!c->gone)
		sk_conn_flush(c);
}

void
sk_conn_stream_settle(struct sk_http_server *s)
{
	struct sk_conn *c;

	while ((c = TAILQ_FIRST(&s->touched)) != NULL) {
		TAILQ_REMOVE(&s->touched, c, touch);
		c->touched = false;
		c->busy++;
		settle(c);
		sk_conn_leave(c);
	}
}
