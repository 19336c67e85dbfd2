#include "adapters/redis/redis.h"
#include "core/base/clock.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/un.h>

#define STEP_MS 3000 /* for a name, for all addresses, for TLS and signing in: each */
#define ADDRESS_MIN_MS 500 /* of it for one address, when there are others */
#define SILENCE_MS 5000 /* somebody waits and nothing comes: it is gone */
#define IDLE_MS 3000 /* nobody waits: ask whether it is there */
#define STABLE_MS 3000 /* was there for so long: what follows is another story */
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 3000

#define MAX_UNSENT ((size_t)16 << 20)
#define MAX_WAITS ((size_t)1 << 19)
#define MAX_ANSWER ((size_t)64 << 20)
#define MAX_ELEMENTS (1 << 22)
#define MAX_NESTING 8
#define WRITE_AT ((size_t)64 << 10) /* do not wait for the end of the round with more */
#define WRITE_MAX ((size_t)1 << 20)
#define READ_BYTES 16384 /* a record of TLS */
#define READ_ROUNDS 16

static void start(struct sk_redis_link *k);

static struct sk_redis_lane *
lane_of(struct sk_redis_link *k)
{
	return k->stage == SK_REDIS_READY ? &k->main : &k->hello;
}

static void
set_tick(struct sk_redis_link *k, int64_t after_ms)
{
	sk_timer_set(k->loop, &k->tick, sk_boot_ms() + after_ms);
}

/* ---- the end of an attempt ---- */

/* The lookup goes on: another attempt may want it. */
static void
let_go(struct sk_redis_link *k)
{
	sk_watch_remove(k->lookup_watch);
	k->lookup_watch = NULL;
	sk_watch_remove(k->watch);
	k->watch = NULL;
	sk_redis_io_close(&k->io);
	if (k->reader != NULL)
		redisReaderFree(k->reader);
	k->reader = NULL;
	if (k->addresses != NULL)
		freeaddrinfo(k->addresses);
	k->addresses = k->address = NULL;
	sk_timer_clear(k->loop, &k->tick);
	sk_timer_clear(k->loop, &k->flush);
	k->blocked = k->broken = k->held = false;
	k->attempt++;
}

/* What is asked for within the callbacks is refused: nothing is connected. */
static void
tell_waiters(struct sk_redis_link *k, struct sk_redis_lane *lane)
{
	struct sk_redis_lane old = *lane;
	struct sk_redis_wait w;

	*lane = (struct sk_redis_lane){ .out = SK_STR_INIT };
	while (sk_redis_lane_next(&old, &w)) {
		k->dropped += w.value ? 1 : 0;
		if (w.fn != NULL)
			w.fn(w.arg, NULL);
	}
	sk_redis_lane_release(&old);
}

/* Many clients lose a server in the same moment and must not come back in one. */
static int64_t
retry_ms(const struct sk_redis_link *k)
{
	const int64_t full = k->tries < 5 ? RETRY_MIN_MS << k->tries : RETRY_MAX_MS;
	uint32_t chance;

	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != (ssize_t)sizeof(chance))
		chance = (uint32_t)sk_boot_ns();
	return full / 2 + chance % (full / 2 + 1);
}

/* Once for each time that it goes away, and again when another cause comes to light. */
static void
say_lost(struct sk_redis_link *k, bool was_ready, enum sk_redis_trouble kind, const char *sentence)
{
	char text[400];

	if (was_ready) {
		snprintf(text, sizeof(text), "%s; what is put meanwhile is dropped", sentence);
		k->away_said = k->away_said || k->said_ms[kind] == 0;
		sk_redis_link_say(k, kind, SK_WARNING, text);
		return;
	}
	if (kind == SK_REDIS_REACH && k->said_ms[SK_REDIS_LOST] != 0)
		k->said_ms[kind] = sk_boot_ms(); /* that it is away was said */
	else if (k->said_ms[kind] == 0)
		k->away_said = true;
	sk_redis_link_say(k, kind, SK_WARNING, sentence);
}

void
sk_redis_link_lost(struct sk_redis_link *k, enum sk_redis_trouble kind, const char *sentence)
{
	const bool was_ready = k->stage == SK_REDIS_READY;

	if (k->stage == SK_REDIS_AWAY)
		return;
	if (was_ready) {
		k->since_ms = sk_wall_ms();
		k->dropped_before = k->dropped;
	}
	if (was_ready && sk_boot_ms() - k->ready_ms >= STABLE_MS) {
		memset(k->said_ms, 0, sizeof(k->said_ms[0]) * SK_REDIS_READONLY);
		k->tries = 0;
	}
	let_go(k);
	k->stage = SK_REDIS_AWAY;
	say_lost(k, was_ready, kind, sentence);
	if (!k->once)
		set_tick(k, retry_ms(k));
	k->tries++;
	tell_waiters(k, &k->hello);
	tell_waiters(k, &k->main);
}

static void
lost_err(
	struct sk_redis_link *k, enum sk_redis_trouble kind, const char *what, const struct sk_err *err)
{
	char sentence[400];

	snprintf(sentence, sizeof(sentence), "%s: %s", what, err->msg);
	sk_redis_link_lost(k, kind, sentence);
}

/* A connection that stood or was about to. */
static void
broke(struct sk_redis_link *k, const char *sentence)
{
	char text[400];

	if (k->stage == SK_REDIS_READY)
		snprintf(text, sizeof(text), "connection lost: %s", sentence);
	else
		snprintf(text, sizeof(text), "it does not answer as a Redis does: %s", sentence);
	sk_redis_link_lost(k, k->stage == SK_REDIS_READY ? SK_REDIS_LOST : SK_REDIS_GREET, text);
}

/* ---- sending ---- */

/* false: the connection has ended, why is in k->why. */
static bool
write_some(struct sk_redis_link *k)
{
	struct sk_redis_lane *lane = lane_of(k);
	size_t left;

	while ((left = sk_redis_lane_unsent(lane)) > 0) {
		const ssize_t n = sk_redis_io_write(
			&k->io, lane->out.p + lane->sent, left < WRITE_MAX ? left : WRITE_MAX, &k->why);

		if (n < 0)
			return false;
		k->blocked = n == 0;
		if (n == 0)
			break;
		k->writes++;
		sk_redis_lane_sent(lane, (size_t)n);
	}
	k->blocked = k->blocked && left > 0;
	sk_watch_set(k->watch, k->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return true;
}

static void
on_flush(void *arg)
{
	struct sk_redis_link *k = arg;

	if (k->broken || !write_some(k))
		broke(k, k->why.msg);
}

bool
sk_redis_link_takes(struct sk_redis_link *k)
{
	if (k->stage != SK_REDIS_READY && !k->held)
		return false;
	if (sk_redis_lane_unsent(&k->main) <= MAX_UNSENT && k->main.n < MAX_WAITS)
		return true;
	sk_redis_link_say(k, SK_REDIS_FULL, SK_WARNING, "too much waits to be sent and is dropped");
	return false;
}

static void
send_on(struct sk_redis_link *k, struct sk_redis_lane *lane, const struct sk_redis_arg *args,
	size_t n, struct sk_redis_wait wait)
{
	if (lane->n == 0)
		k->asked_ms = sk_boot_ms();
	sk_redis_lane_add(lane, args, n, wait);
	k->sent++;
	if (lane != lane_of(k) || k->blocked || k->broken)
		return;
	if (k->flush.pos == 0)
		sk_timer_set(k->loop, &k->flush, 0); /* with all that this round brings */
	if (sk_redis_lane_unsent(lane) >= WRITE_AT)
		k->broken = !write_some(k); /* ends it when the timer comes: not within an operation */
}

void
sk_redis_link_send(
	struct sk_redis_link *k, const struct sk_redis_arg *args, size_t n, struct sk_redis_wait wait)
{
	send_on(k, &k->main, args, n, wait);
}

void
sk_redis_link_hello(
	struct sk_redis_link *k, const struct sk_redis_arg *args, size_t n, struct sk_redis_wait wait)
{
	send_on(k, &k->hello, args, n, wait);
}

/* ---- answers ---- */

static void
look_for_errors(struct sk_redis_link *k, const char *command, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ERROR)
		sk_redis_link_error(k, command, reply->str);
	if (reply->type == REDIS_REPLY_ARRAY)
		for (size_t i = 0; i < reply->elements; i++)
			if (reply->element[i]->type == REDIS_REPLY_ERROR)
				sk_redis_link_error(k, command, reply->element[i]->str);
}

static void
dispatch(struct sk_redis_link *k, const redisReply *reply)
{
	const bool ready = k->stage == SK_REDIS_READY;
	struct sk_redis_wait w;

	if (!sk_redis_lane_next(lane_of(k), &w)) {
		broke(k, reply->type == REDIS_REPLY_ERROR ? reply->str : "it says what nobody asked for");
		return;
	}
	k->answered++;
	if (w.fn != NULL)
		w.fn(w.arg, reply);
	else
		look_for_errors(k, w.command, reply);
	if (ready && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0)
		sk_redis_link_lost(k, SK_REDIS_AUTH, reply->str);
}

/* false: there is no connection any more. */
static bool
take_answers(struct sk_redis_link *k)
{
	const uint64_t attempt = k->attempt;
	void *reply;

	for (;;) {
		if (redisReaderGetReply(k->reader, &reply) != REDIS_OK) {
			broke(k, k->reader->errstr);
			return false;
		}
		if (reply == NULL)
			break;
		dispatch(k, reply);
		freeReplyObject(reply);
		if (k->attempt != attempt)
			return false;
	}
	if (k->reader->len - k->reader->pos > MAX_ANSWER || k->reader->ridx >= MAX_NESTING) {
		broke(k, "an answer is larger or deeper than any that was asked for");
		return false;
	}
	return true;
}

static void
read_some(struct sk_redis_link *k)
{
	char buf[READ_BYTES];

	for (int i = 0; i < READ_ROUNDS; i++) {
		struct sk_err err;
		const ssize_t n = sk_redis_io_read(&k->io, buf, sizeof(buf), &err);

		if (n < 0)
			broke(k, err.msg);
		if (n <= 0)
			return;
		k->heard_ms = sk_boot_ms();
		if (redisReaderFeed(k->reader, buf, (size_t)n) != REDIS_OK) {
			broke(k, "no memory for its answer");
			return;
		}
		if (!take_answers(k) || ((size_t)n < sizeof(buf) && k->io.ssl == NULL))
			return;
	}
}

/* ---- the way to a connection ---- */

static void
begin_greeting(struct sk_redis_link *k)
{
	k->stage = SK_REDIS_GREETING;
	k->reader = redisReaderCreate();
	if (k->reader == NULL) {
		broke(k, "no memory");
		return;
	}
	k->reader->maxelements = MAX_ELEMENTS;
	set_tick(k, STEP_MS);
	sk_watch_set(k->watch, EPOLLIN);
	sk_redis_greet(k);
}

static void
go_on_securing(struct sk_redis_link *k)
{
	struct sk_err err;
	uint32_t events;
	const int rc = sk_redis_io_handshake(&k->io, &events, &err);

	if (rc < 0)
		lost_err(k, SK_REDIS_TLS, "TLS fails", &err);
	else if (rc > 0)
		begin_greeting(k);
	else
		sk_watch_set(k->watch, events);
}

static void
on_connected(struct sk_redis_link *k)
{
	struct sk_err err;

	set_tick(k, STEP_MS);
	if (k->tls == NULL) {
		begin_greeting(k);
		return;
	}
	k->stage = SK_REDIS_SECURING;
	if (sk_redis_io_secure(&k->io, k->tls, k->host, &err))
		go_on_securing(k);
	else
		lost_err(k, SK_REDIS_TLS, "TLS fails", &err);
}

static void try_address(struct sk_redis_link *k);

static void
next_address(struct sk_redis_link *k)
{
	sk_watch_remove(k->watch);
	k->watch = NULL;
	sk_redis_io_close(&k->io);
	if (k->address != NULL)
		k->address = k->address->ai_next;
	if (k->address != NULL)
		try_address(k);
	else
		lost_err(k, SK_REDIS_REACH, "it cannot be reached", &k->why);
}

static void
on_socket(uint32_t events, void *arg)
{
	struct sk_redis_link *k = arg;
	const uint64_t attempt = k->attempt;

	if (k->stage == SK_REDIS_CONNECTING) {
		if (sk_redis_io_connected(&k->io, &k->why))
			on_connected(k);
		else
			next_address(k);
		return;
	}
	if (k->stage == SK_REDIS_SECURING) {
		go_on_securing(k);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_some(k);
	if (k->attempt == attempt && events & EPOLLOUT && !write_some(k))
		broke(k, k->why.msg);
}

static void
connect_to(struct sk_redis_link *k, const struct sockaddr *to, socklen_t n, int64_t patience_ms)
{
	const int rc = sk_redis_io_connect(&k->io, to, n, &k->why);

	if (rc >= 0)
		k->watch = sk_watch_add(k->loop, k->io.fd, EPOLLOUT, on_socket, k, &k->why);
	if (rc < 0 || k->watch == NULL) {
		next_address(k);
		return;
	}
	set_tick(k, patience_ms);
	if (rc > 0)
		on_connected(k);
}

static void
try_address(struct sk_redis_link *k)
{
	int64_t left = 0, all = 0;

	for (const struct addrinfo *a = k->addresses; a != NULL; a = a->ai_next)
		all++;
	for (const struct addrinfo *a = k->address; a != NULL; a = a->ai_next)
		left++;
	connect_to(k, k->address->ai_addr, k->address->ai_addrlen,
		left > 1 && STEP_MS / all > ADDRESS_MIN_MS ? STEP_MS / all
			: left > 1							   ? ADDRESS_MIN_MS
												   : STEP_MS);
}

static void
try_addresses(struct sk_redis_link *k)
{
	k->stage = SK_REDIS_CONNECTING;
	k->address = k->addresses;
	try_address(k);
}

static void
on_lookup(uint32_t events, void *arg)
{
	struct sk_redis_link *k = arg;
	struct sk_redis_lookup *l = k->lookup;
	char sentence[400];
	int rc;

	(void)events;
	sk_watch_remove(k->lookup_watch);
	k->lookup_watch = NULL;
	k->lookup = NULL;
	rc = sk_redis_lookup_take(l, &k->addresses);
	if (rc == 0 && k->addresses != NULL) {
		try_addresses(k);
		return;
	}
	snprintf(sentence, sizeof(sentence), "its name %s cannot be looked up: %s", k->host,
		gai_strerror(rc));
	sk_redis_link_lost(k, SK_REDIS_REACH, sentence);
}

static void
look_up(struct sk_redis_link *k)
{
	struct sk_err err;

	k->stage = SK_REDIS_RESOLVING;
	if (sk_redis_numeric(k->host, k->port, &k->addresses)) {
		try_addresses(k);
		return;
	}
	if (k->lookup == NULL)
		k->lookup = sk_redis_lookup_start(k->host, k->port, &err);
	if (k->lookup != NULL)
		k->lookup_watch =
			sk_watch_add(k->loop, sk_redis_lookup_fd(k->lookup), EPOLLIN, on_lookup, k, &err);
	if (k->lookup_watch == NULL)
		lost_err(k, SK_REDIS_REACH, "its name cannot be looked up", &err);
	else
		set_tick(k, STEP_MS);
}

static void
start(struct sk_redis_link *k)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	k->attempt++;
	if (k->host[0] != '/') {
		look_up(k);
		return;
	}
	k->stage = SK_REDIS_CONNECTING;
	memcpy(un.sun_path, k->host, strlen(k->host) + 1); /* that it fits was checked */
	connect_to(k, (const struct sockaddr *)&un, sizeof(un), STEP_MS);
}

void
sk_redis_link_ready(struct sk_redis_link *k)
{
	const int64_t wall = sk_wall_ms();

	k->stage = SK_REDIS_READY;
	k->held = false;
	k->ready_ms = k->heard_ms = k->asked_ms = sk_boot_ms();
	if (k->connects++ == 0)
		sk_log(k->once ? SK_TRACE : SK_INFO, k->component, "redis %s: connected%s%s", k->where,
			k->version[0] != '\0' ? ", version " : "", k->version);
	else if (k->away_said)
		sk_log(SK_INFO, k->component, "redis %s: back after %.1f s; %llu values were dropped",
			k->where, (double)(wall - k->since_ms) / 1000,
			(unsigned long long)(k->dropped - k->dropped_before));
	k->away_said = false;
	k->since_ms = wall;
	set_tick(k, IDLE_MS);
	if (k->main.n > 0)
		sk_timer_set(k->loop, &k->flush, 0);
}

/* ---- is it there? ---- */

static void
look_alive(struct sk_redis_link *k)
{
	static const struct sk_redis_arg ping = { "PING", 4 };
	const int64_t now = sk_boot_ms();
	int64_t quiet = now - k->heard_ms;

	if (k->main.n == 0 && quiet >= IDLE_MS)
		sk_redis_link_send(k, &ping, 1, (struct sk_redis_wait){ .command = "PING" });
	if (k->main.n == 0) {
		set_tick(k, IDLE_MS - quiet);
		return;
	}
	if (now - k->asked_ms < quiet)
		quiet = now - k->asked_ms;
	if (quiet >= SILENCE_MS)
		broke(k, "no answer for 5 s");
	else
		set_tick(k, SILENCE_MS - quiet < IDLE_MS ? SILENCE_MS - quiet : IDLE_MS);
}

static void
on_tick(void *arg)
{
	struct sk_redis_link *k = arg;

	switch (k->stage) {
	case SK_REDIS_AWAY:
		start(k);
		break;
	case SK_REDIS_RESOLVING:
		sk_redis_link_lost(k, SK_REDIS_REACH, "its name could not be looked up within 3 s");
		break;
	case SK_REDIS_CONNECTING:
		sk_fail(&k->why, SK_EUNAVAIL, "no answer within 3 s");
		next_address(k);
		break;
	case SK_REDIS_SECURING:
		sk_redis_link_lost(k, SK_REDIS_TLS, "TLS fails: no answer within 3 s");
		break;
	case SK_REDIS_GREETING:
		sk_redis_link_lost(k, SK_REDIS_GREET, "it does not answer within 3 s");
		break;
	case SK_REDIS_READY:
		look_alive(k);
		break;
	}
}

/* ---- begin and end ---- */

static char *
copy(const char *text)
{
	return sk_xstrdup(text != NULL ? text : "");
}

bool
sk_redis_link_init(
	struct sk_redis_link *k, const struct sk_cache_redis_config *cfg, struct sk_err *err)
{
	const char *host = cfg->host != NULL && *cfg->host != '\0' ? cfg->host : "localhost";
	const int port = cfg->port > 0 ? cfg->port : 6379;

	*k = (struct sk_redis_link){ .loop = cfg->loop, .port = port, .db = cfg->db, .io.fd = -1 };
	if (*host == '/' && strlen(host) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		sk_fail(err, SK_EINVAL, "the path of the Redis socket is longer than 107 bytes: %s", host);
		return false;
	}
	if (*host == '/' && cfg->tls) {
		sk_fail(err, SK_EINVAL, "TLS is not spoken over a unix socket: %s", host);
		return false;
	}
	if (port > 65535 || cfg->db < 0) {
		sk_fail(err, SK_EINVAL, "Redis: no such %s: %d", port > 65535 ? "port" : "database",
			port > 65535 ? port : cfg->db);
		return false;
	}
	if (cfg->tls && (k->tls = sk_redis_tls_new(cfg, err)) == NULL)
		return false;
	k->component = sk_xstrdup(cfg->component != NULL ? cfg->component : "redis");
	k->host = sk_xstrdup(host);
	k->username = copy(cfg->username);
	k->password = copy(cfg->password);
	k->where = *host == '/'
		? sk_xstrdup(host)
		: sk_xasprintf(strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port);
	k->tick = (struct sk_timer){ .fn = on_tick, .arg = k };
	k->flush = (struct sk_timer){ .fn = on_flush, .arg = k };
	k->held = true;
	k->since_ms = sk_wall_ms();
	set_tick(k, 0); /* nothing is done before the loop runs */
	return true;
}

void
sk_redis_link_release(struct sk_redis_link *k)
{
	k->closing = true;
	let_go(k);
	k->stage = SK_REDIS_AWAY;
	tell_waiters(k, &k->hello);
	tell_waiters(k, &k->main);
	sk_redis_lookup_drop(k->lookup);
	SSL_CTX_free(k->tls);
	explicit_bzero(k->password, strlen(k->password));
	free(k->password);
	free(k->username);
	free(k->component);
	free(k->host);
	free(k->where);
}
