/* bus.c - the port's side of the Kafka bus: subscribers, the loop, opening and closing. */
#include "adapters/kafka/bus.h"
#include "adapters/kafka/bus_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FIRST_MS 3000 /* so long a broker may take to answer at first before it is said */
#define FLUSH_MS 1000
#define CLOSE_MS 2000
#define REOPEN_MS 5000

static struct kafka_bus *
upcast(struct sk_bus *b)
{
	return (struct kafka_bus *)b;
}

/* ---- the loop ---- */

static void
pump(struct kafka_bus *b)
{
	bool more = kafka_producer_serve(b);

	more |= kafka_consumer_serve(b);
	if (more)
		sk_timer_set(b->cfg.loop, &b->again, 0);
}

static void
again(void *bus)
{
	pump(bus);
}

static void
woken(uint32_t events, void *bus)
{
	struct kafka_bus *b = bus;
	uint64_t n;

	(void)events;
	if (read(b->wake, &n, sizeof(n)) != (ssize_t)sizeof(n) && errno != EAGAIN)
		sk_log(SK_ERROR, b->cfg.component, "the wake-up of the Kafka bus: %s", strerror(errno));
	pump(b);
}

static void
renew(void *bus)
{
	struct kafka_bus *b = bus;
	struct sk_err err;

	kafka_producer_end(b, 0);
	if (kafka_producer_open(b, &err)) {
		kafka_look(b);
		return;
	}
	sk_log(SK_ERROR, b->cfg.component, "nothing is sent to Kafka: %s", err.msg);
	sk_timer_set(b->cfg.loop, &b->renew, sk_boot_ms() + REOPEN_MS);
}

/* ---- subscribers ---- */

static void
forget_gone(struct kafka_bus *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_subs; i++)
		if (b->subs[i].fn != NULL)
			b->subs[n++] = b->subs[i];
	b->n_subs = n;
	b->someone_left = false;
}

/* They may come and go in callbacks: the array may move, places stay until the end; who comes gets
 * the next event. */
void
kafka_hand_out(struct kafka_bus *b, enum sk_topic topic, const struct sk_event *e)
{
	const size_t n = b->n_subs;

	b->delivering = true;
	for (size_t i = 0; i < n; i++) {
		struct kafka_subscriber s = b->subs[i];

		if (s.fn != NULL && (s.topics & 1u << topic) != 0)
			s.fn(s.arg, topic, e);
	}
	b->delivering = false;
	if (b->someone_left)
		forget_gone(b);
}

static enum sk_code
bus_publish(struct sk_bus *bus, enum sk_topic topic, const struct sk_event *e)
{
	return kafka_producer_send(upcast(bus), topic, e);
}

static enum sk_code
bus_subscribe(struct sk_bus *bus, unsigned topics, sk_bus_fn *fn, void *arg, struct sk_err *err)
{
	struct kafka_bus *b = upcast(bus);
	bool news = false;

	if (topics != 0 && b->consumer.rk == NULL && !kafka_consumer_open(b, err))
		return SK_EIO;
	if (b->n_subs == b->cap_subs) {
		b->cap_subs = b->cap_subs > 0 ? 2 * b->cap_subs : 8;
		b->subs = sk_xreallocarray(b->subs, b->cap_subs, sizeof(*b->subs));
	}
	b->subs[b->n_subs++] = (struct kafka_subscriber){ .fn = fn, .arg = arg, .topics = topics };
	for (unsigned t = 0; t < SK_N_TOPIC; t++) {
		if ((topics & 1u << t) == 0 || b->topics[t].wanted)
			continue;
		b->topics[t].wanted = true;
		news = true;
	}
	if (news)
		kafka_look(b);
	return SK_OK;
}

/* What nobody wants any more is read on: who has left may come back, and hints are few. */
static void
bus_unsubscribe(struct sk_bus *bus, sk_bus_fn *fn, void *arg)
{
	struct kafka_bus *b = upcast(bus);

	for (size_t i = 0; i < b->n_subs; i++)
		if (b->subs[i].fn == fn && b->subs[i].arg == arg)
			b->subs[i].fn = NULL;
	b->someone_left = true;
	if (!b->delivering)
		forget_gone(b);
}

/* ---- opening and closing ---- */

static void
free_bus(struct kafka_bus *b)
{
	sk_watch_remove(b->watch);
	if (b->wake >= 0)
		close(b->wake);
	for (unsigned t = 0; t < SK_N_TOPIC; t++) {
		free(b->topics[t].next);
		free(b->topics[t].started);
	}
	sk_str_release(&b->value);
	sk_arena_free(b->arena);
	sk_arena_free(b->texts);
	free(b->subs);
	free(b);
}

static void
bus_close(struct sk_bus *bus)
{
	struct kafka_bus *b = upcast(bus);

	if (b->producer.rk != NULL && !b->away)
		kafka_producer_flush(b, FLUSH_MS);
	kafka_consumer_end(b, CLOSE_MS);
	kafka_producer_end(b, CLOSE_MS);
	sk_timer_clear(b->cfg.loop, &b->again);
	sk_timer_clear(b->cfg.loop, &b->renew);
	sk_timer_clear(b->cfg.loop, &b->look);
	sk_timer_clear(b->cfg.loop, &b->suspect);
	free_bus(b);
}

static const struct sk_bus_ops ops = {
	.name = "kafka",
	.publish = bus_publish,
	.subscribe = bus_subscribe,
	.unsubscribe = bus_unsubscribe,
	.close = bus_close,
};

static void
copy_texts(struct kafka_bus *b)
{
	const char **texts[] = { &b->cfg.component, &b->cfg.servers, &b->cfg.security,
		&b->cfg.mechanism, &b->cfg.username, &b->cfg.password, &b->cfg.ca_file, &b->cfg.cert_file,
		&b->cfg.key_file };

	b->texts = sk_arena_new();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = sk_arena_strdup(b->texts, *texts[i] != NULL ? *texts[i] : "");
}

static struct kafka_bus *
new_bus(const struct sk_bus_kafka_config *cfg)
{
	struct kafka_bus *b = sk_xcalloc(1, sizeof(*b));

	b->bus.ops = &ops;
	b->cfg = *cfg;
	copy_texts(b);
	b->arena = sk_arena_new();
	b->wake = -1;
	b->random = (uint32_t)sk_boot_ns() ^ (uint32_t)getpid() << 16;
	b->again = (struct sk_timer){ .fn = again, .arg = b };
	b->renew = (struct sk_timer){ .fn = renew, .arg = b };
	b->look = (struct sk_timer){ .fn = kafka_look_due, .arg = b };
	b->suspect = (struct sk_timer){ .fn = kafka_suspect_due, .arg = b };
	for (unsigned t = 0; t < SK_N_TOPIC; t++) {
		b->topics[t].topic = t;
		b->topics[t].seen = -1;
	}
	return b;
}

struct sk_bus *
sk_bus_kafka_open(const struct sk_bus_kafka_config *cfg, struct sk_err *err)
{
	struct kafka_bus *b = new_bus(cfg);

	b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->wake < 0)
		sk_fail_errno(err, "an eventfd for the Kafka bus");
	else
		b->watch = sk_watch_add(cfg->loop, b->wake, EPOLLIN, woken, b, err);
	if (b->watch == NULL || !kafka_producer_open(b, err)) {
		free_bus(b);
		return NULL;
	}
	sk_timer_set(cfg->loop, &b->suspect, sk_boot_ms() + FIRST_MS);
	kafka_look(b);
	return &b->bus;
}

static bool
is_assigned(const struct kafka_bus *b)
{
	for (unsigned i = 0; i < SK_N_TOPIC; i++) {
		const struct kafka_topic *t = &b->topics[i];

		if (!t->wanted)
			continue;
		if (t->seen <= 0)
			return false;
		for (int32_t p = 0; p < t->n_parts; p++)
			if (!t->started[p])
				return false;
	}
	return true;
}

struct sk_bus_kafka_state
sk_bus_kafka_state(const struct sk_bus *bus)
{
	const struct kafka_bus *b = (const struct kafka_bus *)bus;
	struct sk_bus_kafka_state s = b->state;

	s.assigned = is_assigned(b);
	if (b->denied[0] != '\0' && s.connected)
		snprintf(s.problem, sizeof(s.problem), "Kafka: %s", b->denied);
	else if (!s.connected)
		snprintf(s.problem, sizeof(s.problem), "Kafka (%.80s) %s%s%s", b->cfg.servers,
			b->away ? "does not answer" : "has not answered yet", b->trouble[0] != '\0' ? ": " : "",
			b->trouble);
	return s;
}
