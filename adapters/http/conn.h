/* conn.h - one connection of the server. Private to adapters/http.
 *
 * The connection reads and writes its socket itself; evhttp's bufferevent is only the pair of
 * buffers through which evhttp gets whole requests and gives answers; its events are never
 * registered.
 *
 *	SHAKE	the TLS handshake is under way
 *	IDLE	between requests; nothing of the next one is there
 *	HEAD	a request has begun
 *	BODY	its head is whole
 *	CALLED	evhttp has handed it to us, the answer is awaited
 *	ANSWER	the answer (or a refusal) is being written
 *	STREAM	an answer goes on; all that came of it is written
 *	BEHIND	likewise, and some of it is not written yet
 *	LINGER	the last answer is out; what the client still sends is thrown away, so that it reads why
 */
#ifndef SK_ADAPTERS_HTTP_CONN_H
#define SK_ADAPTERS_HTTP_CONN_H

#include "adapters/http/filter.h"
#include "adapters/http/server.h"
#include "adapters/http/sockaddr.h"
#include "core/base/str.h"
#include <event2/event_struct.h>
#include <sys/queue.h>

enum sk_conn_state {
	SK_CONN_SHAKE,
	SK_CONN_IDLE,
	SK_CONN_HEAD,
	SK_CONN_BODY,
	SK_CONN_CALLED,
	SK_CONN_ANSWER,
	SK_CONN_STREAM,
	SK_CONN_BEHIND,
	SK_CONN_LINGER,
	SK_N_CONN_STATE
};

struct sk_conn {
	TAILQ_ENTRY(sk_conn) all, queue; /* queue: of those in the same state, or of the born */
	struct sk_http_server *server;
	struct bufferevent *bev;
	struct evhttp_connection *evcon; /* NULL: not taken over yet, or gone */
	struct event readable, writable;
	int fd;
	struct ssl_st *ssl; /* OpenSSL's; NULL = plain, or TLS has not begun */
	bool broken; /* nothing can be said through TLS any more */
	struct sk_str peer; /* of the client's certificate */
	enum sk_conn_state state;
	int64_t since_ms; /* in this state */
	struct sk_http_filter filter;
	struct sk_str in; /* what was read */
	size_t in_at; /* where the request that is being read begins */
	size_t thrown; /* LINGER: bytes */
	bool ours; /* ANSWER: evhttp knows nothing of it, and the connection ends */
	bool close; /* after the answer */
	bool http10; /* of the request that is answered */
	bool eof; /* the client sends nothing more */
	bool told_continue, answered;
	/* Of the request that is read or answered, once its head was judged. */
	bool judged;
	enum sk_role role;
	struct sk_str who;
	struct sk_str origin; /* of a page that may read the answer */
	bool inside; /* evhttp has it: answers are written when it is done */
	int busy; /* functions that still need it */
	bool gone; /* freed when nobody is busy with it */
	struct evhttp_request *req; /* CALLED */
	struct sk_api_request api; /* CALLED */
	struct sk_str text; /* path and query of api */
	/* STREAM and BEHIND. */
	bool streaming; /* more may come, or forget is due */
	bool unwanted; /* ... forget is due */
	bool chunked;
	size_t allowed; /* unwritten bytes */
	bool touched; /* in the server's list */
	TAILQ_ENTRY(sk_conn) touch;
};

TAILQ_HEAD(sk_conn_list, sk_conn);

struct sk_http_server {
	struct sk_http_server_config cfg;
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener; /* evhttp's */
	struct sk_sockaddr addr;
	dev_t dev;
	ino_t ino; /* of the socket's file */
	int port; /* of TCP */
	bool loopback; /* ... which this machine alone can reach */
	char *origins; /* cfg's, "" = none */
	struct sk_conn_list all, born, queues[SK_N_CONN_STATE]; /* born: not taken over yet */
	int64_t limits_ms[SK_N_CONN_STATE]; /* how long in a state; 0 = as long as it likes */
	size_t n;
	struct sk_conn_list touched; /* streams that are looked at when the round ends */
	size_t n_streams, max_streams;
	struct event touching;
	struct event newborn; /* connections that evhttp has just made are taken over */
	struct event deadline;
	int64_t deadline_ms; /* what `deadline` is set for; 0 = not set */
	struct event resume; /* accepting goes on; always pending, see server.c */
	bool paused, draining;
	int64_t warned_ms; /* of accept's failures */
	struct sk_conn *current; /* whose request evhttp is looking at */
	struct evbuffer *out;
	char date[40];
	int64_t date_s;
	struct sk_http_server_stats stats;
};

/* ---- server.c ---- */

/* Into a state, from now on; the deadline counts from here. */
void sk_conn_enter(struct sk_conn *c, enum sk_conn_state state);
/* It is gone: out of all lists. The caller frees it when nobody is busy with it. */
void sk_conn_forget(struct sk_conn *c);

/* ---- io.c ---- */

/* Like recv and send: bytes, 0 = the client's end, -1 and errno (EAGAIN: later). */
ssize_t sk_io_read(struct sk_conn *c, void *buf, size_t n);
/* Is something there to be read? It stays there. */
ssize_t sk_io_peek(struct sk_conn *c);
/* Some of out, which is not empty and keeps it. */
ssize_t sk_io_write(struct sk_conn *c, struct evbuffer *out);
/* Something to be read has come out of the socket already. */
bool sk_io_waiting(const struct sk_conn *c);
/* Ends the sending half; false when that fails. */
bool sk_io_shut(struct sk_conn *c);
/* Ends TLS, before the socket is closed. */
void sk_io_end(struct sk_conn *c);
/* A step of the handshake: it waits for the socket to be readable or writable, or is over. */
enum sk_shake { SK_SHAKE_READ, SK_SHAKE_WRITE, SK_SHAKE_DONE, SK_SHAKE_FAILED };
enum sk_shake sk_io_shake(struct sk_conn *c);

/* ---- shake.c ---- */

/* SHAKE: the socket is ready. */
void sk_conn_shake(struct sk_conn *c);

/* ---- listen.c ---- */

bool sk_is_tcp(const struct sk_http_server *s);
/* The listening socket, bound as cfg says; -1 and err. */
int sk_listen(struct sk_http_server *s, struct sk_err *err);
/* The socket's file is removed if it is still ours. */
void sk_listen_end(struct sk_http_server *s);

/* ---- authorize.c ---- */

/* The head is whole: who asks, and may they? Asked once for each request. False: refused. */
bool sk_conn_authorize(struct sk_conn *c);

/* ---- conn.c ---- */

/* While one of these runs the connection may end. Whoever needs it afterwards holds it by busy++
 * and sk_conn_leave, and looks at `gone`. */

struct sk_conn *sk_conn_new(struct sk_http_server *s, struct bufferevent *bev);
/* evhttp has made its connection: read. False when it could not be registered; then it is gone. */
bool sk_conn_take_over(struct sk_conn *c);
/* Answer by ourselves and close. */
void sk_conn_refuse(struct sk_conn *c, int status, const char *why);
/* Close at once; who was asked is told. */
void sk_conn_drop(struct sk_conn *c);
/* Its time in the state is over. */
void sk_conn_timeout(struct sk_conn *c);
/* Something was put into the output: write it, and go on when all is written. */
void sk_conn_flush(struct sk_conn *c);
/* Into the output, to be flushed. */
void sk_conn_put(struct sk_conn *c, const void *p, size_t n);
/* What the client still sends is thrown away for a moment: so that it reads why, not that the
 * connection was reset under its sending. */
void sk_conn_linger(struct sk_conn *c);
/* Go on with what was read. */
void sk_conn_advance(struct sk_conn *c);
void sk_conn_free(struct sk_conn *c);
/* Ends what began with busy++: it is freed when it is gone and nobody else needs it. */
void sk_conn_leave(struct sk_conn *c);

/* ---- exchange.c ---- */

/* evhttp's callback for requests; arg is the server. */
void sk_exchange_request(struct evhttp_request *req, void *arg);
/* The text of an answer that is not the API's: status line, headers, JSON. */
void sk_exchange_refusal(struct sk_conn *c, struct sk_str *out, int status, const char *why);
/* Status line and headers up to the empty line, "Connection: close" among them. */
void sk_exchange_head(struct sk_conn *c, struct sk_str *out, const struct sk_api_response *a);

/* ---- headers.c ---- */

struct sk_header {
	const char *name, *value;
};

#define SK_MAX_EXTRA 16

/* What the server itself says with an answer of this connection (own: that answer's headers, which
 * win), into out; how many. Borrowed from the server. */
size_t sk_extra_headers(
	const struct sk_conn *c, int status, const char *const *own, struct sk_header *out);
/* Checks the list of origins in cfg, and that of this request. */
enum sk_code sk_cors_check(const char *origins, struct sk_err *err) SK_CHECKED;
bool sk_cors_allows(const struct sk_http_server *s, const char *origin);

/* ---- stream.c ---- */

/* The answer's beginning is written; more of it follows through sk_conn_stream_more. */
void sk_conn_stream_begin(struct sk_conn *c, const struct sk_api_response *a);
/* api.h's `more`; arg is the connection. */
bool sk_conn_stream_more(void *arg, const char *bytes, size_t n);
/* All of it that came is written. */
void sk_conn_stream_written(struct sk_conn *c);
/* Who feeds it is told that it is over, then it ends. */
void sk_conn_stream_end(struct sk_conn *c);
/* At the end of a round: the streams that were touched. */
void sk_conn_stream_settle(struct sk_http_server *s);

#endif
