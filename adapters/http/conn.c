#include "adapters/http/conn.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MIN_READ ((size_t)4000) /* with the rest of its allocation: 4,096 */
#define MAX_READ ((size_t)256 << 10)
#define KEEP_IN ((size_t)16 << 10) /* what an idle connection may keep of its input */
#define MAX_THROWN ((size_t)16 << 20) /* LINGER */
#define MAX_IN_A_ROW 64 /* pipelined requests, before others have their turn */

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

/* ---- coming and going ---- */

struct sk_conn *
sk_conn_new(struct sk_http_server *s, struct bufferevent *bev)
{
	struct sk_conn *c = sk_xcalloc(1, sizeof(*c));

	c->server = s;
	c->bev = bev;
	c->fd = -1;
	sk_http_filter_init(&c->filter, SK_API_MAX_BODY);
	return c;
}

void
sk_conn_free(struct sk_conn *c)
{
	sk_str_release(&c->in);
	sk_str_release(&c->text);
	sk_str_release(&c->who);
	sk_str_release(&c->origin);
	sk_str_release(&c->peer);
	free(c);
}

void
sk_conn_leave(struct sk_conn *c)
{
	if (--c->busy == 0 && c->gone)
		sk_conn_free(c);
}

/* evhttp ends the connection, whoever wanted it. */
static void
on_evhttp_close(struct evhttp_connection *evcon, void *arg)
{
	struct sk_conn *c = arg;

	(void)evcon;
	event_del(&c->readable);
	event_del(&c->writable);
	c->evcon = NULL;
	sk_io_end(c);
	if (c->req != NULL || c->streaming) {
		c->req = NULL; /* evhttp frees it */
		c->streaming = false;
		c->server->cfg.forget(c->server->cfg.arg, c);
	}
	sk_conn_forget(c);
	if (c->busy == 0)
		sk_conn_free(c);
}

void
sk_conn_drop(struct sk_conn *c)
{
	if (c->evcon != NULL)
		evhttp_connection_free(c->evcon);
}

/* evhttp registers the buffers' events again with each step it takes. */
static void
keep_buffers_still(struct sk_conn *c)
{
	if (bufferevent_disable(c->bev, EV_READ | EV_WRITE) != 0)
		abort(); /* events of ours: only a bug gets here */
}

bool
sk_conn_take_over(struct sk_conn *c)
{
	struct event_base *base = c->server->base;
	void *evcon = NULL;

	bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
	c->evcon = evcon;
	c->fd = bufferevent_getfd(c->bev);
	keep_buffers_still(c);
	evhttp_connection_set_closecb(c->evcon, on_evhttp_close, c);
	if (event_assign(&c->readable, base, c->fd, EV_READ | EV_PERSIST, on_readable, c) != 0 ||
		event_assign(&c->writable, base, c->fd, EV_WRITE | EV_PERSIST, on_writable, c) != 0)
		abort(); /* arguments of ours: only a bug gets here */
	if (event_add(&c->readable, NULL) == 0)
		return true;
	sk_conn_drop(c);
	return false;
}

/* ---- writing ---- */

/* The answer is out. evhttp closes the connection or makes itself ready for the next request. */
static void
answer_done(struct sk_conn *c)
{
	bufferevent_data_cb written;
	void *evcon;

	bufferevent_getcb(c->bev, NULL, &written, NULL, &evcon);
	written(c->bev, evcon);
	if (c->gone)
		return;
	keep_buffers_still(c);
	if (c->server->draining || c->close) {
		sk_conn_drop(c);
		return;
	}
	sk_conn_enter(c, SK_CONN_IDLE);
}

void
sk_conn_linger(struct sk_conn *c)
{
	if (c->eof || !sk_io_shut(c)) {
		sk_conn_drop(c);
		return;
	}
	sk_str_release(&c->in);
	sk_conn_enter(c, SK_CONN_LINGER);
	if (event_add(&c->readable, NULL) != 0)
		sk_conn_drop(c);
}

static void
all_written(struct sk_conn *c)
{
	event_del(&c->writable);
	if (c->state == SK_CONN_ANSWER && c->ours)
		sk_conn_linger(c);
	else if (c->state == SK_CONN_ANSWER)
		answer_done(c);
	else if (c->state == SK_CONN_STREAM || c->state == SK_CONN_BEHIND)
		sk_conn_stream_written(c);
}

/* What evhttp and we have put into the output. -1 and errno. */
static ssize_t
send_some(struct sk_conn *c, struct evbuffer *out)
{
	ssize_t sent = sk_io_write(c, out);

	if (sent > 0 &&
		(evbuffer_unfreeze(out, 1) != 0 || evbuffer_drain(out, (size_t)sent) != 0 ||
			evbuffer_freeze(out, 1) != 0))
		abort(); /* bytes that are there: only a bug gets here */
	return sent;
}

void
sk_conn_flush(struct sk_conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	bool some = c->state == SK_CONN_STREAM;

	while (evbuffer_get_length(out) > 0) {
		if (send_some(c, out) >= 0) {
			some = true;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || event_add(&c->writable, NULL) != 0)
			sk_conn_drop(c);
		else if (some && (c->state == SK_CONN_STREAM || c->state == SK_CONN_BEHIND))
			sk_conn_enter(c, SK_CONN_BEHIND); /* its deadline counts from what it took */
		return;
	}
	all_written(c);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct sk_conn *c = arg;

	(void)fd;
	(void)what;
	c->busy++;
	if (c->state == SK_CONN_SHAKE)
		sk_conn_shake(c);
	else
		sk_conn_flush(c);
	if (!c->gone)
		sk_conn_advance(c);
	sk_conn_leave(c);
}

/* ---- refusing ---- */

void
sk_conn_put(struct sk_conn *c, const void *p, size_t n)
{
	if (evbuffer_add(bufferevent_get_output(c->bev), p, n) != 0)
		abort(); /* out of memory ends the process before */
}

void
sk_conn_refuse(struct sk_conn *c, int status, const char *why)
{
	struct sk_str text = SK_STR_INIT;

	c->server->stats.refused++;
	event_del(&c->readable); /* until it lingers */
	c->ours = true;
	sk_conn_enter(c, SK_CONN_ANSWER);
	sk_exchange_refusal(c, &text, status, why);
	sk_conn_put(c, text.p, text.len);
	sk_str_release(&text);
	sk_conn_flush(c);
}

void
sk_conn_timeout(struct sk_conn *c)
{
	c->busy++;
	if (c->state == SK_CONN_HEAD)
		sk_conn_refuse(c, 408, "the headers did not come in time");
	else if (c->state == SK_CONN_BODY)
		sk_conn_refuse(c, 408, "the body did not come in time");
	else
		sk_conn_drop(c);
	sk_conn_leave(c);
}

/* ---- requests ---- */

static void
give_to_evhttp(struct sk_conn *c, const char *p, size_t n)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (evbuffer_unfreeze(in, 0) != 0 || evbuffer_add(in, p, n) != 0 || evbuffer_freeze(in, 0) != 0)
		abort(); /* out of memory ends the process before */
}

/* The filter and evhttp must agree about every byte of it. */
static bool
evhttp_agrees(const struct sk_conn *c)
{
	return evbuffer_get_length(bufferevent_get_input(c->bev)) == 0 &&
		(c->state == SK_CONN_CALLED || c->answered);
}

/* A whole request, valid to its last byte: evhttp calls sk_exchange_request. */
static void
dispatch(struct sk_conn *c)
{
	const char *p = c->in.p + c->in_at;
	bufferevent_data_cb parse;
	void *evcon;

	c->close = c->filter.close;
	c->http10 = c->filter.http10;
	c->answered = c->ours = c->told_continue = false;
	give_to_evhttp(c, p, c->filter.total);
	bufferevent_getcb(c->bev, &parse, NULL, NULL, &evcon);
	c->server->current = c;
	c->judged = false; /* the next one is not */
	c->inside = true;
	parse(c->bev, evcon);
	c->server->current = NULL;
	if (c->gone)
		return;
	c->inside = false;
	keep_buffers_still(c);
	if (!evhttp_agrees(c)) {
		c->server->stats.disputed++;
		sk_log(SK_ERROR, "http", "a request was read in two ways; its connection is closed");
		sk_conn_drop(c);
		return;
	}
	c->in_at += c->filter.total;
	sk_http_filter_init(&c->filter, SK_API_MAX_BODY);
	if (c->answered)
		sk_conn_flush(c);
}

static void
tell_continue(struct sk_conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	c->told_continue = true;
	sk_conn_put(c, text, sizeof(text) - 1);
	sk_conn_flush(c);
}

/* Something of a request is there, but not all. */
static void
await_more(struct sk_conn *c, size_t n)
{
	if (c->eof) {
		sk_conn_drop(c); /* it went away in the middle */
		return;
	}
	if (c->state == SK_CONN_IDLE)
		sk_conn_enter(c, SK_CONN_HEAD);
	if (c->filter.head_len == 0)
		return;
	if (c->state == SK_CONN_HEAD)
		sk_conn_enter(c, SK_CONN_BODY);
	if (!sk_conn_authorize(c))
		return;
	if (c->filter.wants_continue && !c->told_continue && n == c->filter.head_len)
		tell_continue(c);
}

/* Nothing of a request is there. */
static void
await_first(struct sk_conn *c)
{
	sk_str_clear(&c->in);
	c->in_at = 0;
	if (c->in.cap > KEEP_IN)
		sk_str_release(&c->in);
	if (c->eof)
		sk_conn_drop(c);
}

static bool
is_reading(const struct sk_conn *c)
{
	return c->state == SK_CONN_IDLE || c->state == SK_CONN_HEAD || c->state == SK_CONN_BODY;
}

static void
one_step(struct sk_conn *c)
{
	const size_t n = c->in.len - c->in_at;

	if (n == 0) {
		await_first(c);
		return;
	}
	switch (sk_http_filter_feed(&c->filter, c->in.p + c->in_at, n)) {
	case SK_HTTP_MORE:
		await_more(c, n);
		return;
	case SK_HTTP_REFUSED:
		sk_conn_refuse(c, c->filter.status, c->filter.why);
		return;
	case SK_HTTP_WHOLE:
		if (sk_conn_authorize(c))
			dispatch(c);
		return;
	}
}

/* Reads on, or not: what a client sends while it is being answered stays in the kernel. */
static void
watch_input(struct sk_conn *c)
{
	if (!is_reading(c) || c->eof)
		return;
	if (event_add(&c->readable, NULL) != 0)
		sk_conn_drop(c);
	else if (sk_io_waiting(c))
		event_active(&c->readable, EV_READ, 0); /* the socket does not tell of it again */
}

void
sk_conn_advance(struct sk_conn *c)
{
	const struct sk_str *in = &c->in;

	for (int i = 0; !c->gone && is_reading(c); i++) {
		const size_t at = c->in_at;

		if (i == MAX_IN_A_ROW) {
			event_active(&c->readable, EV_READ, 0);
			break;
		}
		one_step(c);
		if (c->gone || in->len == 0 || c->in_at == at)
			break;
	}
	if (!c->gone)
		watch_input(c);
}

/* ---- reading ---- */

/* Room for what is expected, not more than is worth one call. */
static size_t
make_room(struct sk_conn *c)
{
	size_t want = MIN_READ;

	if (c->in_at > 0) {
		sk_str_consume(&c->in, c->in_at);
		c->in_at = 0;
	}
	if (c->filter.head_len != 0 && !c->filter.chunked && c->filter.total > c->in.len)
		want = c->filter.total - c->in.len;
	sk_str_reserve(&c->in, want < MIN_READ ? MIN_READ : want > MAX_READ ? MAX_READ : want);
	return c->in.cap - c->in.len - 1 < MAX_READ ? c->in.cap - c->in.len - 1 : MAX_READ;
}

/* Everything is closed, not only its sending half. */
static bool
hung_up(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void
on_eof(struct sk_conn *c)
{
	c->eof = true;
	event_del(&c->readable);
	/* who reads a stream has no reason to close its sending half alone */
	if (c->state == SK_CONN_STREAM || c->state == SK_CONN_BEHIND || hung_up(c->fd))
		sk_conn_drop(c);
}

static void
read_request(struct sk_conn *c)
{
	size_t room = make_room(c);
	ssize_t n = sk_io_read(c, c->in.p + c->in.len, room);

	if (n > 0) {
		c->in.len += (size_t)n;
		c->in.p[c->in.len] = '\0';
	} else if (n == 0) {
		on_eof(c);
	} else if (errno != EAGAIN && errno != EINTR) {
		sk_conn_drop(c);
	}
	if (!c->gone)
		sk_conn_advance(c);
}

/* While it waits for its answer: has it gone? Its next request may wait. */
static void
look_for_end(struct sk_conn *c)
{
	ssize_t n = sk_io_peek(c);

	if (n > 0)
		event_del(&c->readable);
	else if (n == 0)
		on_eof(c);
	else if (errno != EAGAIN && errno != EINTR)
		sk_conn_drop(c);
}

/* As it comes: what is encrypted stays so. */
static void
throw_away(struct sk_conn *c)
{
	char buf[16384];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		c->thrown += (size_t)n;
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR) || c->thrown > MAX_THROWN)
		sk_conn_drop(c);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct sk_conn *c = arg;

	(void)fd;
	(void)what;
	c->busy++;
	if (c->state == SK_CONN_SHAKE)
		sk_conn_shake(c);
	else if (is_reading(c))
		read_request(c);
	else if (c->state == SK_CONN_LINGER)
		throw_away(c);
	else
		look_for_end(c);
	sk_conn_leave(c);
}
