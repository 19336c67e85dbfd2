/* redis.h - the parts of the Redis adapter among themselves.
 *
 * Of hiredis its reader of replies is used and not its connections: those resolve names inside
 * connect, which blocks the loop; know no limit of what waits to be sent; take memory for every
 * command; check no host name under TLS; open descriptors that children inherit; write without
 * MSG_NOSIGNAL; and end the process when a server says what they do not expect.
 */
#ifndef SK_ADAPTERS_REDIS_REDIS_H
#define SK_ADAPTERS_REDIS_REDIS_H

#include "adapters/redis/cache.h"
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <sys/types.h>

/* ---- lookup.c: a name becomes addresses, in a thread of its own ---- */

/* getaddrinfo blocks for as long as the name server is silent (5 s times its retries) and cannot be
 * called off. So a thread does it, which owns its memory when nobody waits for it any more. */
struct sk_redis_lookup;
/* NULL and err when no thread can be had. */
struct sk_redis_lookup *sk_redis_lookup_start(const char *host, int port, struct sk_err *err);
/* Readable when it is done. */
int sk_redis_lookup_fd(const struct sk_redis_lookup *l);
/* When it is done: 0 and the addresses, which are the caller's (freeaddrinfo), or the error of
 * getaddrinfo. The lookup is gone afterwards. */
int sk_redis_lookup_take(struct sk_redis_lookup *l, struct addrinfo **list);
/* Nobody wants it any more; never waits. NULL is allowed. */
void sk_redis_lookup_drop(struct sk_redis_lookup *l);
/* Addresses and unix paths need no name server. false: it is a name. */
bool sk_redis_numeric(const char *host, int port, struct addrinfo **list);

/* ---- io.c: bytes over a socket, with and without TLS ---- */

struct sk_redis_io {
	int fd; /* -1 = none */
	SSL *ssl; /* NULL = plain */
};

/* NULL and err: a file that cannot be used. */
SSL_CTX *sk_redis_tls_new(const struct sk_cache_redis_config *cfg, struct sk_err *err);
/* A socket that is on its way (1: connected already). -1 and err. */
int sk_redis_io_connect(
	struct sk_redis_io *io, const struct sockaddr *to, socklen_t n, struct sk_err *err);
/* What became of the connect, once the socket is writable: false and err. */
bool sk_redis_io_connected(struct sk_redis_io *io, struct sk_err *err);
/* Begin TLS. host: whose certificate must be shown. */
bool sk_redis_io_secure(struct sk_redis_io *io, SSL_CTX *tls, char *host, struct sk_err *err);
/* 1: TLS stands; 0: go on when *events (EPOLLIN, EPOLLOUT) come; -1 and err. */
int sk_redis_io_handshake(struct sk_redis_io *io, uint32_t *events, struct sk_err *err);
/* Bytes, 0 = not now, -1 and err: the connection has ended. */
ssize_t sk_redis_io_read(struct sk_redis_io *io, void *buf, size_t n, struct sk_err *err);
ssize_t sk_redis_io_write(struct sk_redis_io *io, const void *p, size_t n, struct sk_err *err);
void sk_redis_io_close(struct sk_redis_io *io);

/* ---- lane.c: commands on their way, and who waits for their answers ---- */

/* The answer, borrowed; NULL: none will come. */
typedef void sk_redis_answer_fn(void *arg, const redisReply *reply);

struct sk_redis_wait {
	sk_redis_answer_fn *fn; /* NULL: only errors matter */
	void *arg;
	const char *command; /* its name, a literal */
	bool value; /* with it a put or remove is done: counted when it gets lost */
};

struct sk_redis_lane {
	struct sk_str out; /* commands; the first `sent` bytes are with the kernel */
	size_t sent;
	struct sk_redis_wait *waits; /* a ring */
	size_t first, n, cap;
};

struct sk_redis_arg {
	const void *p;
	size_t n;
};
#define SK_REDIS_TEXT(s) \
	{ \
		(s), strlen(s) \
	}

/* Append a command; the first argument is its name. */
void sk_redis_lane_add(struct sk_redis_lane *lane, const struct sk_redis_arg *args, size_t n,
	struct sk_redis_wait wait);
/* The oldest that waits; false: nobody does. */
bool sk_redis_lane_next(struct sk_redis_lane *lane, struct sk_redis_wait *wait);
/* So many bytes more were sent. */
void sk_redis_lane_sent(struct sk_redis_lane *lane, size_t n);
void sk_redis_lane_release(struct sk_redis_lane *lane);
static inline size_t
sk_redis_lane_unsent(const struct sk_redis_lane *lane)
{
	return lane->out.len - lane->sent;
}

/* ---- trouble.c: what is said, once per kind ---- */

enum sk_redis_trouble {
	/* on the way to a connection */
	SK_REDIS_LOST, /* it was there and went away */
	SK_REDIS_REACH, /* cannot be reached */
	SK_REDIS_TLS, /* the certificate, the handshake */
	SK_REDIS_AUTH, /* password or user is refused */
	SK_REDIS_GREET, /* it does not answer as a Redis does */
	/* answers to commands */
	SK_REDIS_READONLY,
	SK_REDIS_LOADING,
	SK_REDIS_OOM,
	SK_REDIS_MISCONF,
	SK_REDIS_NOPERM,
	SK_REDIS_WRONGTYPE,
	SK_REDIS_CLUSTER,
	SK_REDIS_HEXPIRE, /* it has none, or we may not */
	SK_REDIS_FULL, /* more is put than it takes */
	SK_REDIS_OTHER,
	SK_N_REDIS_TROUBLE
};

/* The kind of an error's text ("WRONGTYPE Operation against …"). */
enum sk_redis_trouble sk_redis_trouble_of(const char *text);
/* What to do about it; "" when nothing can be advised. */
const char *sk_redis_advice(enum sk_redis_trouble kind);

/* ---- the connection ---- */

enum sk_redis_stage {
	SK_REDIS_AWAY, /* waits for its next attempt */
	SK_REDIS_RESOLVING,
	SK_REDIS_CONNECTING,
	SK_REDIS_SECURING,
	SK_REDIS_GREETING, /* signs in, asks for the version */
	SK_REDIS_READY
};

struct sk_redis_link {
	struct sk_loop *loop;
	char *component, *host, *username, *password, *where;
	int port, db;
	SSL_CTX *tls; /* NULL = plain */
	bool once; /* for a probe: one attempt, and silent */

	enum sk_redis_stage stage;
	uint64_t attempt; /* its number: callbacks see by it that all has changed */
	bool held; /* commands wait for the first attempt to end */
	bool closing;
	struct sk_timer tick, flush;
	struct sk_watch *watch;
	struct sk_redis_io io;
	bool blocked; /* the kernel takes no more now */
	bool broken; /* writing failed within an operation; why is said in `why` */
	struct sk_err why;
	redisReader *reader;

	struct sk_redis_lookup *lookup; /* may outlast the attempt that it was begun for */
	struct sk_watch *lookup_watch;
	struct addrinfo *addresses, *address; /* address: the one that is tried */

	struct sk_redis_lane hello, main;
	int64_t heard_ms, asked_ms; /* boot clock: something came; somebody began to wait */
	int64_t ready_ms;
	unsigned tries; /* since it was last there for a while */

	char version[32];
	bool no_hexpire;
	bool no_password; /* we have one, the server knows none: said */
	int64_t said_ms[SK_N_REDIS_TROUBLE]; /* boot clock: last seen; 0 = never */
	bool away_said; /* so its return will be */
	char last_error[512];
	int64_t last_error_ms, since_ms; /* wall clock */
	uint64_t connects, sent, answered, writes, dropped, refused, errors;
	uint64_t dropped_before; /* `dropped` when it went away */
};

/* ---- link.c: its life ---- */

bool sk_redis_link_init(
	struct sk_redis_link *k, const struct sk_cache_redis_config *cfg, struct sk_err *err);
/* Everybody who waits is told NULL; `closing` is set. */
void sk_redis_link_release(struct sk_redis_link *k);
/* The attempt or the connection has failed: say so, begin anew later. Not within an operation. */
void sk_redis_link_lost(struct sk_redis_link *k, enum sk_redis_trouble kind, const char *sentence);
/* Signed in: what was held is sent. */
void sk_redis_link_ready(struct sk_redis_link *k);
void sk_redis_set_tick(struct sk_redis_link *k, int64_t after_ms);

/* ---- connect.c, greet.c: the way there ---- */

#define SK_REDIS_STEP_MS 3000 /* for a name, for all addresses, for TLS, for signing in: each */

void sk_redis_start(struct sk_redis_link *k);
/* This one failed, why is in k->why. */
void sk_redis_next_address(struct sk_redis_link *k);
/* Connected, and secured: sign in. */
void sk_redis_greet(struct sk_redis_link *k);

/* ---- traffic.c: commands and answers ---- */

/* Whether a command may be sent now. false: nothing is connected, or too much waits. */
bool sk_redis_link_takes(struct sk_redis_link *k);
/* Only when it takes. */
void sk_redis_link_send(
	struct sk_redis_link *k, const struct sk_redis_arg *args, size_t n, struct sk_redis_wait wait);
/* The same ahead of all others, while it is GREETING. */
void sk_redis_link_hello(
	struct sk_redis_link *k, const struct sk_redis_arg *args, size_t n, struct sk_redis_wait wait);
/* The socket is ready for these. */
void sk_redis_on_traffic(struct sk_redis_link *k, uint32_t events);
/* What waits is written; a timer's. */
void sk_redis_on_flush(void *link);
/* The stream of bytes has ended, or makes no sense. */
void sk_redis_broke(struct sk_redis_link *k, const char *sentence);

/* ---- trouble.c again ---- */

/* Count an answer that is an error, say it once per kind. subject: the command, or more. */
void sk_redis_link_error(struct sk_redis_link *k, const char *subject, const char *text);
/* Keep it as the last error, and log it when it was not seen for a while. */
void sk_redis_link_say(
	struct sk_redis_link *k, enum sk_redis_trouble kind, enum sk_level level, const char *sentence);

/* The value behind "name:" in an INFO, in the buffer; "" when it is not there. */
const char *sk_redis_info(const char *info, const char *name, char *buf, size_t size);
/* 7.4 -> 704; 0 when it is no version. */
int sk_redis_version(const char *text);

#endif
