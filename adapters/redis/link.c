#include "adapters/redis/redis.h"
#include "core/base/clock.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/un.h>

#define SILENCE_MS 5000 /* somebody waits and nothing comes: it is gone */
#define IDLE_MS 3000 /* nobody waits: ask whether it is there */
#define STABLE_MS 3000 /* was there for so long: what follows is another story */
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 3000

void
sk_redis_set_tick(struct sk_redis_link *k, int64_t after_ms)
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
		sk_redis_set_tick(k, retry_ms(k));
	k->tries++;
	tell_waiters(k, &k->hello);
	tell_waiters(k, &k->main);
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
	sk_redis_set_tick(k, IDLE_MS);
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
		sk_redis_set_tick(k, IDLE_MS - quiet);
		return;
	}
	if (now - k->asked_ms < quiet)
		quiet = now - k->asked_ms;
	if (quiet >= SILENCE_MS)
		sk_redis_broke(k, "no answer for 5 s");
	else
		sk_redis_set_tick(k, SILENCE_MS - quiet < IDLE_MS ? SILENCE_MS - quiet : IDLE_MS);
}

static void
on_tick(void *arg)
{
	struct sk_redis_link *k = arg;

	switch (k->stage) {
	case SK_REDIS_AWAY:
		sk_redis_start(k);
		break;
	case SK_REDIS_RESOLVING:
		sk_redis_link_lost(k, SK_REDIS_REACH, "its name could not be looked up within 3 s");
		break;
	case SK_REDIS_CONNECTING:
		sk_fail(&k->why, SK_EUNAVAIL, "no answer within 3 s");
		sk_redis_next_address(k);
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
	k->flush = (struct sk_timer){ .fn = sk_redis_on_flush, .arg = k };
	k->held = true;
	k->since_ms = sk_wall_ms();
	sk_redis_set_tick(k, 0); /* nothing is done before the loop runs */
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
