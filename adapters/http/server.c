#include "adapters/http/server.h"
#include "adapters/http/conn.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_CONNECTIONS ((size_t)2048)
#define STREAMS_OF(n) ((n) - (n) / 8) /* the rest is for people who ask something */
#define KEEP_FREE_FDS 64 /* descriptors that connections leave to the rest of the process */
#define EXTRA ((size_t)64) /* beyond the limit, while they are told that it is reached */
#define LINGER_MS 2000
#define PAUSE_MS 100 /* without descriptors */
#define WARN_MS 60000
#define LONG_MS ((int64_t)24 * 3600 * 1000)

static struct timeval
in_ms(int64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

static void
arm(struct event *ev, int64_t ms)
{
	struct timeval tv = in_ms(ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : ms);

	if (event_add(ev, &tv) != 0)
		abort(); /* a timer of ours: only a bug gets here */
}

/* ---- deadlines: all in one state have the same time, so the first in its queue is due first */

static int64_t
due_of(const struct sk_http_server *s, const struct sk_conn *c)
{
	return c->since_ms + s->limits_ms[c->state];
}

static void
arm_deadline(struct sk_http_server *s, const struct sk_conn *c)
{
	if (s->limits_ms[c->state] == 0 || (s->deadline_ms != 0 && s->deadline_ms <= due_of(s, c)))
		return;
	s->deadline_ms = due_of(s, c);
	arm(&s->deadline, s->deadline_ms - sk_boot_ms());
}

static void
end_overdue(struct sk_http_server *s, enum sk_conn_state state)
{
	const int64_t now = sk_boot_ms();
	struct sk_conn *c;

	while (s->limits_ms[state] != 0 && (c = TAILQ_FIRST(&s->queues[state])) != NULL &&
		due_of(s, c) <= now)
		sk_conn_timeout(c); /* into another state, or gone */
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct sk_http_server *s = arg;

	(void)fd;
	(void)what;
	s->deadline_ms = 0;
	for (int i = 0; i < SK_N_CONN_STATE; i++)
		end_overdue(s, (enum sk_conn_state)i);
	for (int i = 0; i < SK_N_CONN_STATE; i++)
		if (!TAILQ_EMPTY(&s->queues[i]))
			arm_deadline(s, TAILQ_FIRST(&s->queues[i]));
}

static bool
is_stream(enum sk_conn_state state)
{
	return state == SK_CONN_STREAM || state == SK_CONN_BEHIND;
}

static void
leave_queue(struct sk_conn *c)
{
	TAILQ_REMOVE(&c->server->queues[c->state], c, queue);
	c->server->n_streams -= is_stream(c->state);
}

static void
join_queue(struct sk_conn *c, enum sk_conn_state state)
{
	struct sk_http_server *s = c->server;

	s->n_streams += is_stream(state);
	c->state = state;
	c->since_ms = sk_boot_ms();
	TAILQ_INSERT_TAIL(&s->queues[state], c, queue);
	if (TAILQ_FIRST(&s->queues[state]) == c)
		arm_deadline(s, c);
}

void
sk_conn_enter(struct sk_conn *c, enum sk_conn_state state)
{
	leave_queue(c);
	join_queue(c, state);
}

/* ---- accepting ---- */

static void
pause_accepting(struct sk_http_server *s)
{
	if (!s->paused && evconnlistener_disable(s->listener) == 0)
		s->paused = true;
}

static void
resume_accepting(struct sk_http_server *s)
{
	if (s->paused && !s->draining && evconnlistener_enable(s->listener) == 0)
		s->paused = false;
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct sk_http_server *s = arg;

	(void)fd;
	(void)what;
	resume_accepting(s);
	arm(&s->resume, LONG_MS);
}

void
sk_conn_forget(struct sk_conn *c)
{
	struct sk_http_server *s = c->server;

	leave_queue(c);
	TAILQ_REMOVE(&s->all, c, all);
	s->n--;
	if (c->touched)
		TAILQ_REMOVE(&s->touched, c, touch);
	c->touched = false;
	c->gone = true;
	if (s->paused && s->n < s->cfg.max_connections)
		arm(&s->resume, 0);
}

/* The one that has been idle longest makes room. */
static bool
end_idlest(struct sk_http_server *s)
{
	struct sk_conn *c = TAILQ_FIRST(&s->queues[SK_CONN_IDLE]);

	if (c == NULL)
		return false;
	sk_conn_drop(c);
	return true;
}

struct search {
	const struct evconnlistener *listener;
	struct sk_http_server *found;
};

static int
is_server_of(const struct event_base *base, const struct event *ev, void *arg)
{
	struct search *search = arg;
	struct sk_http_server *s;

	(void)base;
	if (event_get_callback(ev) != on_resume)
		return 0;
	s = event_get_callback_arg(ev);
	if (s->listener != search->listener)
		return 0;
	search->found = s;
	return 1;
}

/* accept() failed: mostly no descriptor is left, and the listener would be called again and again.
 * What libevent hands us here is evhttp's, so the server is looked up by its pending timer. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct search search = { .listener = listener };
	const int why = errno;

	(void)arg;
	event_base_foreach_event(evconnlistener_get_base(listener), is_server_of, &search);
	if (search.found == NULL)
		return;
	pause_accepting(search.found);
	arm(&search.found->resume, PAUSE_MS);
	end_idlest(search.found);
	if (search.found->warned_ms == 0 || sk_boot_ms() - search.found->warned_ms >= WARN_MS) {
		search.found->warned_ms = sk_boot_ms();
		sk_log(SK_WARNING, "http", "no connection can be accepted: %s", strerror(why));
	}
}

/* evhttp asks for the buffers of a connection that it has accepted. */
static struct bufferevent *
on_new_bev(struct event_base *base, void *arg)
{
	struct sk_http_server *s = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	struct sk_conn *c;

	if (bev == NULL)
		abort(); /* evhttp would use one without a filter; out of memory ends the process before */
	c = sk_conn_new(s, bev);
	TAILQ_INSERT_TAIL(&s->all, c, all);
	TAILQ_INSERT_TAIL(&s->born, c, queue);
	s->stats.accepted++;
	if (++s->n >= s->cfg.max_connections + EXTRA)
		pause_accepting(s);
	event_active(&s->newborn, EV_TIMEOUT, 0);
	return bev;
}

static void
take_over(struct sk_http_server *s, struct sk_conn *c)
{
	bool crowded;

	TAILQ_REMOVE(&s->born, c, queue);
	crowded = s->n > s->cfg.max_connections && !end_idlest(s);
	join_queue(c, s->cfg.tls != NULL ? SK_CONN_SHAKE : SK_CONN_IDLE);
	c->busy++;
	if (sk_conn_take_over(c) && crowded && s->cfg.tls == NULL) {
		sk_conn_refuse(c, 503, "there are too many connections");
	} else if (!c->gone && crowded) {
		s->stats.refused++; /* nothing can be told without a handshake */
		sk_conn_drop(c);
	}
	sk_conn_leave(c);
}

/* In the round in which it was accepted, before anything of it was read. */
static void
on_newborn(evutil_socket_t fd, short what, void *arg)
{
	struct sk_http_server *s = arg;
	struct sk_conn *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&s->born)) != NULL)
		take_over(s, c);
}

static void
on_touched(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sk_conn_stream_settle(arg);
}

/* ---- opening and closing ---- */

/* Fewer connections where the process may not have so many descriptors. */
static size_t
connection_limit(size_t wanted)
{
	struct rlimit r;

	if (wanted == 0)
		wanted = MAX_CONNECTIONS;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == RLIM_INFINITY ||
		r.rlim_cur >= wanted + EXTRA + KEEP_FREE_FDS)
		return wanted;
	return r.rlim_cur > EXTRA + KEEP_FREE_FDS + 1 ? (size_t)r.rlim_cur - EXTRA - KEEP_FREE_FDS : 1;
}

static struct sk_http_server *
server_new(const struct sk_http_server_config *cfg)
{
	struct sk_http_server *s = sk_xcalloc(1, sizeof(*s));

	s->cfg = *cfg;
	s->cfg.max_connections = connection_limit(cfg->max_connections);
	s->max_streams = STREAMS_OF(s->cfg.max_connections);
	s->origins = sk_xstrdup(cfg->cors_origin != NULL ? cfg->cors_origin : "");
	s->base = sk_host_base(cfg->host);
	s->addr.dir_fd = -1;
	s->limits_ms[SK_CONN_HEAD] = cfg->header_ms > 0 ? cfg->header_ms : 10000;
	s->limits_ms[SK_CONN_SHAKE] = s->limits_ms[SK_CONN_HEAD];
	s->limits_ms[SK_CONN_BODY] = cfg->body_ms > 0 ? cfg->body_ms : 60000;
	s->limits_ms[SK_CONN_IDLE] = cfg->idle_ms > 0 ? cfg->idle_ms : 300000;
	s->limits_ms[SK_CONN_ANSWER] = cfg->write_ms > 0 ? cfg->write_ms : 60000;
	s->limits_ms[SK_CONN_BEHIND] = s->limits_ms[SK_CONN_ANSWER];
	s->limits_ms[SK_CONN_LINGER] = LINGER_MS;
	TAILQ_INIT(&s->all);
	TAILQ_INIT(&s->born);
	TAILQ_INIT(&s->touched);
	for (int i = 0; i < SK_N_CONN_STATE; i++)
		TAILQ_INIT(&s->queues[i]);
	if (event_assign(&s->newborn, s->base, -1, 0, on_newborn, s) != 0 ||
		event_assign(&s->touching, s->base, -1, 0, on_touched, s) != 0 ||
		event_assign(&s->deadline, s->base, -1, 0, on_deadline, s) != 0 ||
		event_assign(&s->resume, s->base, -1, 0, on_resume, s) != 0)
		abort(); /* arguments of ours: only a bug gets here */
	return s;
}

/* evhttp, listening on fd, which it closes from then on. */
static bool
attach_evhttp(struct sk_http_server *s, int fd)
{
	s->out = evbuffer_new();
	s->http = evhttp_new(s->base);
	if (s->out == NULL || s->http == NULL)
		return false;
	evhttp_set_allowed_methods(s->http,
		EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
			EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS);
	evhttp_set_default_content_type(s->http, NULL);
	evhttp_set_max_headers_size(s->http, (ev_ssize_t)SK_HTTP_MAX_HEAD);
	evhttp_set_max_body_size(s->http, (ev_ssize_t)SK_API_MAX_BODY);
	evhttp_set_bevcb(s->http, on_new_bev, s);
	evhttp_set_gencb(s->http, sk_exchange_request, s);
	s->listener = evconnlistener_new(
		s->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (s->listener == NULL || evhttp_bind_listener(s->http, s->listener) == NULL)
		return false;
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	arm(&s->resume, LONG_MS);
	return true;
}

struct sk_http_server *
sk_http_server_open(const struct sk_http_server_config *cfg, struct sk_err *err)
{
	struct sk_http_server *s = server_new(cfg);
	int fd = -1;

	if (sk_cors_check(s->origins, err) == SK_OK)
		fd = sk_listen(s, err);
	if (fd != -1 && !attach_evhttp(s, fd)) {
		sk_fail(err, SK_EIO, "libevent does not listen");
		if (s->listener == NULL)
			close(fd);
		fd = -1;
	}
	if (fd != -1)
		return s;
	sk_http_server_close(s);
	return NULL;
}

static void
end_streams(struct sk_http_server *s)
{
	struct sk_conn *c;

	TAILQ_FOREACH(c, &s->all, all)
	if (is_stream(c->state))
		sk_conn_stream_end(c);
}

void
sk_http_server_drain(struct sk_http_server *s)
{
	struct sk_conn *c;

	pause_accepting(s);
	s->draining = true;
	while ((c = TAILQ_FIRST(&s->queues[SK_CONN_IDLE])) != NULL)
		sk_conn_drop(c);
	while ((c = TAILQ_FIRST(&s->queues[SK_CONN_SHAKE])) != NULL)
		sk_conn_drop(c);
	TAILQ_FOREACH(c, &s->all, all)
	if (is_stream(c->state))
		sk_conn_stream_end(c);
}

static void
free_newborn(struct sk_http_server *s)
{
	struct sk_conn *c;

	while ((c = TAILQ_FIRST(&s->born)) != NULL) {
		TAILQ_REMOVE(&s->born, c, queue);
		sk_conn_free(c);
	}
}

void
sk_http_server_close(struct sk_http_server *s)
{
	if (s == NULL)
		return;
	s->draining = true; /* nothing is accepted again */
	end_streams(s);
	/* what the sockets take at once: so that readers see an end, not a cut */
	sk_conn_stream_settle(s);
	sk_listen_end(s);
	if (s->http != NULL)
		evhttp_free(s->http); /* with the listener and all connections */
	free_newborn(s);
	event_del(&s->newborn);
	event_del(&s->touching);
	event_del(&s->deadline);
	event_del(&s->resume);
	if (s->out != NULL)
		evbuffer_free(s->out);
	free(s->origins);
	free(s);
}

int
sk_http_server_port(const struct sk_http_server *s)
{
	return s->port;
}

struct sk_http_server_stats
sk_http_server_stats(const struct sk_http_server *s)
{
	struct sk_http_server_stats stats = s->stats;

	stats.connections = s->n;
	stats.streams = s->n_streams;
	return stats;
}
