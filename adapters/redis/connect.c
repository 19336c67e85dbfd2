/* connect.c - from a name to a connection that can sign in. */
#include "adapters/redis/redis.h"
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>

#define STEP_MS SK_REDIS_STEP_MS
#define ADDRESS_MIN_MS 500 /* for one address, when there are others */
#define MAX_ELEMENTS (1 << 22)

static void
lost_err(
	struct sk_redis_link *k, enum sk_redis_trouble kind, const char *what, const struct sk_err *err)
{
	char sentence[400];

	snprintf(sentence, sizeof(sentence), "%s: %s", what, err->msg);
	sk_redis_link_lost(k, kind, sentence);
}

static void
begin_greeting(struct sk_redis_link *k)
{
	k->stage = SK_REDIS_GREETING;
	k->reader = redisReaderCreate();
	if (k->reader == NULL) {
		sk_redis_broke(k, "no memory");
		return;
	}
	k->reader->maxelements = MAX_ELEMENTS;
	sk_redis_set_tick(k, STEP_MS);
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

	sk_redis_set_tick(k, STEP_MS);
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

void
sk_redis_next_address(struct sk_redis_link *k)
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

	if (k->stage == SK_REDIS_SECURING)
		go_on_securing(k);
	else if (k->stage != SK_REDIS_CONNECTING)
		sk_redis_on_traffic(k, events);
	else if (sk_redis_io_connected(&k->io, &k->why))
		on_connected(k);
	else
		sk_redis_next_address(k);
}

static void
connect_to(struct sk_redis_link *k, const struct sockaddr *to, socklen_t n, int64_t patience_ms)
{
	const int rc = sk_redis_io_connect(&k->io, to, n, &k->why);

	if (rc >= 0)
		k->watch = sk_watch_add(k->loop, k->io.fd, EPOLLOUT, on_socket, k, &k->why);
	if (rc < 0 || k->watch == NULL) {
		sk_redis_next_address(k);
		return;
	}
	sk_redis_set_tick(k, patience_ms);
	if (rc > 0)
		on_connected(k);
}

/* Its share of the time, while there are others. */
static int64_t
patience_ms(const struct sk_redis_link *k)
{
	int64_t n = 1;

	if (k->address->ai_next == NULL)
		return STEP_MS;
	for (const struct addrinfo *a = k->addresses->ai_next; a != NULL; a = a->ai_next)
		n++;
	return STEP_MS / n > ADDRESS_MIN_MS ? STEP_MS / n : ADDRESS_MIN_MS;
}

static void
try_address(struct sk_redis_link *k)
{
	connect_to(k, k->address->ai_addr, k->address->ai_addrlen, patience_ms(k));
}

static void
try_addresses(struct sk_redis_link *k)
{
	k->stage = SK_REDIS_CONNECTING;
	k->address = k->addresses;
	sk_fail(&k->why, SK_EUNAVAIL, "its name has no address");
	if (k->address != NULL)
		try_address(k);
	else
		sk_redis_next_address(k);
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
		sk_redis_set_tick(k, STEP_MS);
}

void
sk_redis_start(struct sk_redis_link *k)
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
