/* consumer.c - reading. The library's simple consumer, without a group: it asks for no coordinator
 * and needs no right on a group, each partition is started at an offset of our own. */
#include "adapters/kafka/bus_priv.h"
#include "core/base/log.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 128
#define ROUND 1024 /* records; then others have their turn */

static const struct sk_kafka_option options[] = {
	{ "enable.auto.commit", "false" },
	{ "auto.commit.enable", "false" },
	{ "enable.auto.offset.store", "false" },
	{ "auto.offset.reset", "latest" }, /* a broker that came back empty */
	{ "isolation.level", "read_uncommitted" }, /* nobody's open transaction holds us up */
	{ "fetch.min.bytes", "1" },
	/* An answer comes with the first byte; how long the broker waits matters only for partitions
	 * that join while it does. */
	{ "fetch.wait.max.ms", "100" },
	{ "fetch.error.backoff.ms", "100" },
	/* Little is fetched ahead, and after a pause because of that it goes on soon. */
	{ "queued.min.messages", "2000" },
	{ "queued.max.messages.kbytes", "1024" },
	{ "fetch.queue.backoff.ms", "10" },
	{ "fetch.message.max.bytes", "262144" },
	{ "fetch.max.bytes", "2097152" },
	{ NULL, NULL },
};

bool
kafka_consumer_open(struct kafka_bus *b, struct sk_err *err)
{
	if (!sk_kafka_client_open(&b->consumer, RD_KAFKA_CONSUMER, &b->cfg, options, b->wake, err))
		return false;
	b->records = rd_kafka_queue_new(b->consumer.rk);
	sk_kafka_wake(b->records, b->wake);
	return true;
}

void
kafka_consumer_end(struct kafka_bus *b, int64_t wait_ms)
{
	struct sk_kafka_remains r = { .client = b->consumer, .queue = b->records };

	if (b->consumer.rk == NULL)
		return;
	for (unsigned i = 0; i < SK_N_TOPIC; i++) {
		struct kafka_topic *t = &b->topics[i];

		r.parts[i] = (struct sk_kafka_part){ t->in, t->n_parts, t->started };
		t->in = NULL;
		t->started = t->n_parts > 0 ? sk_xcalloc((size_t)t->n_parts, sizeof(bool)) : NULL;
	}
	b->consumer = (struct sk_kafka_client){ NULL, NULL };
	b->records = NULL;
	sk_kafka_client_end(&r, wait_ms);
}

/* ---- starting ---- */

static bool
open_topic(struct kafka_bus *b, struct kafka_topic *t)
{
	rd_kafka_topic_conf_t *conf;

	if (t->in != NULL)
		return true;
	conf = rd_kafka_default_topic_conf_dup(b->consumer.rk);
	rd_kafka_topic_conf_set_opaque(conf, t);
	t->in = rd_kafka_topic_new(b->consumer.rk, sk_kafka_topic(t->topic), conf);
	return t->in != NULL;
}

void
kafka_consumer_start(struct kafka_bus *b)
{
	for (unsigned i = 0; i < SK_N_TOPIC && b->consumer.rk != NULL; i++) {
		struct kafka_topic *t = &b->topics[i];

		if (!t->wanted)
			continue;
		for (int32_t p = 0; p < t->n_parts; p++) {
			if (t->started[p] || t->next[p] < 0 || !open_topic(b, t))
				continue;
			t->started[p] = rd_kafka_consume_start_queue(t->in, p, t->next[p], b->records) == 0;
			if (!t->started[p])
				sk_log(SK_WARNING, b->cfg.component,
					"partition %" PRId32 " of %s cannot be read: %s", p, sk_kafka_topic(t->topic),
					rd_kafka_err2str(rd_kafka_last_error()));
		}
	}
}

/* ---- records ---- */

static void
malformed(struct kafka_bus *b, const struct sk_err *err)
{
	b->state.malformed++;
	kafka_say(b, &b->say_malformed, SK_WARNING, "%s", err->msg);
}

static void
record(struct kafka_bus *b, struct kafka_topic *t, const rd_kafka_message_t *m)
{
	const struct sk_kafka_place at = { sk_kafka_topic(t->topic), m->partition, m->offset };
	struct sk_event *events;
	struct sk_err err;
	size_t n;

	b->state.received++;
	if (m->partition < t->n_parts)
		t->next[m->partition] = m->offset + 1;
	if (sk_kafka_decode(t->topic, &at, m->payload, m->len, b->arena, &events, &n, &err) != SK_OK)
		malformed(b, &err);
	for (size_t i = 0; i < n; i++)
		kafka_hand_out(b, t->topic, &events[i]);
	sk_arena_reset(b->arena);
}

static void
failed(struct kafka_bus *b, const rd_kafka_message_t *m)
{
	if (sk_kafka_is_away(m->err)) {
		kafka_trouble(b, m->err, rd_kafka_message_errstr(m));
		return;
	}
	kafka_look_soon(b);
	kafka_say(b, &b->say_error, SK_WARNING, "%s, partition %" PRId32 ": %s",
		m->rkt != NULL ? rd_kafka_topic_name(m->rkt) : "Kafka", m->partition,
		rd_kafka_message_errstr(m));
}

static size_t
take_records(struct kafka_bus *b)
{
	rd_kafka_message_t *list[BATCH];
	const ssize_t n = rd_kafka_consume_batch_queue(b->records, 0, list, BATCH);
	const uint64_t before = b->state.received;

	if (n <= 0)
		return 0;
	for (ssize_t i = 0; i < n; i++) {
		struct kafka_topic *t = list[i]->rkt != NULL ? rd_kafka_topic_opaque(list[i]->rkt) : NULL;

		if (list[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			failed(b, list[i]);
		else if (t != NULL)
			record(b, t, list[i]);
		rd_kafka_message_destroy(list[i]);
	}
	if (b->state.received != before)
		kafka_heard(b);
	return (size_t)n;
}

static bool
serve_events(struct kafka_bus *b)
{
	for (int i = 0; i < 16; i++) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(b->consumer.events, 0);

		if (ev == NULL)
			return false;
		if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_ERROR)
			kafka_error(b, ev);
		else if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_LOG)
			kafka_log(b, ev);
		rd_kafka_event_destroy(ev);
	}
	return true;
}

bool
kafka_consumer_serve(struct kafka_bus *b)
{
	size_t n = 0, got = 1;
	bool more;

	if (b->consumer.rk == NULL)
		return false;
	more = serve_events(b);
	while (n < ROUND && got > 0) {
		got = take_records(b);
		n += got;
	}
	return more || got > 0;
}
