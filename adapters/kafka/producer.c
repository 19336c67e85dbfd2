/* producer.c - publishing: confirmed by all replicas, without doubles, in order per task. */
#include "adapters/kafka/bus_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EVENTS ((size_t)65536)
#define MAX_BYTES ((size_t)16 << 20)
#define VALUE_MAX ((size_t)990000) /* with key and headers within message.max.bytes, 1,000,000 */
#define ROUND 64 /* events of the queue; one can tell of thousands of messages */
#define RENEW_MS 1000

static bool
open_topics(struct kafka_bus *b, struct sk_err *err)
{
	for (unsigned t = 0; t < SK_N_TOPIC; t++) {
		b->topics[t].out = rd_kafka_topic_new(b->producer.rk, sk_kafka_topic(t), NULL);
		if (b->topics[t].out == NULL) {
			sk_fail(err, SK_EINVAL, "the Kafka client takes no topic %s: %s", sk_kafka_topic(t),
				rd_kafka_err2str(rd_kafka_last_error()));
			return false;
		}
	}
	return true;
}

bool
kafka_producer_open(struct kafka_bus *b, struct sk_err *err)
{
	char events[24], kbytes[24];
	const struct sk_kafka_option options[] = {
		{ "acks", "all" },
		{ "enable.idempotence", b->plain ? "false" : "true" },
		{ "max.in.flight", b->plain ? "1" : "5" }, /* order */
		{ "partitioner", "murmur2_random" }, /* as Java and Python choose (2.2) */
		{ "linger.ms", "0" }, /* one goes at once; what comes meanwhile is a batch */
		{ "message.timeout.ms", "15000" },
		{ "request.timeout.ms", "10000" },
		{ "queue.buffering.max.messages", events },
		{ "queue.buffering.max.kbytes", kbytes },
		{ NULL, NULL },
	};

	snprintf(events, sizeof(events), "%zu", b->cfg.max_events > 0 ? b->cfg.max_events : MAX_EVENTS);
	snprintf(kbytes, sizeof(kbytes), "%zu",
		(b->cfg.max_bytes > 0 ? b->cfg.max_bytes : MAX_BYTES) / 1024);
	if (!sk_kafka_client_open(&b->producer, RD_KAFKA_PRODUCER, &b->cfg, options, b->wake, err))
		return false;
	if (open_topics(b, err))
		return true;
	kafka_producer_end(b, 0);
	return false;
}

/* What is still on its way is lost, as far as anybody knows. */
void
kafka_producer_end(struct kafka_bus *b, int64_t wait_ms)
{
	struct sk_kafka_remains r = { .client = b->producer };

	if (b->producer.rk == NULL)
		return;
	for (unsigned t = 0; t < SK_N_TOPIC; t++) {
		r.parts[t].topic = b->topics[t].out;
		b->topics[t].out = NULL;
	}
	b->state.failed = b->state.published - b->state.delivered;
	rd_kafka_purge(b->producer.rk,
		RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	b->producer = (struct sk_kafka_client){ NULL, NULL };
	kafka_look_forget(b);
	sk_kafka_client_end(&r, wait_ms);
}

enum sk_code
kafka_producer_send(struct kafka_bus *b, enum sk_topic topic, const struct sk_event *e)
{
	const char *key = sk_kafka_key(e);
	struct sk_event now = *e;

	if (now.time_ms == 0)
		now.time_ms = sk_wall_ms();
	sk_str_clear(&b->value);
	sk_kafka_encode(&b->value, topic, &now);
	if (b->producer.rk == NULL || b->value.len > VALUE_MAX ||
		rd_kafka_produce(b->topics[topic].out, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
			b->value.p, b->value.len, key, strlen(key), NULL) != 0) {
		b->state.dropped++;
		if (b->producer.rk != NULL && rd_kafka_last_error() == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
			kafka_look_soon(b);
		return SK_EAGAIN;
	}
	b->state.published++;
	return SK_OK;
}

/* ---- what has become of it ---- */

static void
lost(struct kafka_bus *b, const rd_kafka_message_t *m)
{
	b->state.failed++;
	if (m->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
		m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		kafka_look_soon(b);
	if (!b->away)
		kafka_say(b, &b->say_lost, SK_WARNING, "an event of %s for %.*s was lost: %s",
			rd_kafka_topic_name(m->rkt), (int)m->key_len, (const char *)m->key,
			rd_kafka_err2str(m->err));
}

static void
reports(struct kafka_bus *b, rd_kafka_event_t *ev)
{
	const rd_kafka_message_t *m;
	const uint64_t before = b->state.delivered;

	while ((m = rd_kafka_event_message_next(ev)) != NULL) {
		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			b->state.delivered++;
		else
			lost(b, m);
	}
	if (b->state.delivered != before)
		kafka_heard(b);
}

/* The library gives a handle up when it cannot keep its promise of order and no doubles. */
static void
fatal(struct kafka_bus *b)
{
	char text[256];
	const rd_kafka_resp_err_t code = rd_kafka_fatal_error(b->producer.rk, text, sizeof(text));

	if (b->renew.pos != 0)
		return;
	if (code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
		code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
		b->plain = true;
	sk_log(SK_WARNING, b->cfg.component, "the Kafka producer begins anew%s: %s",
		b->plain ? ", without protection from doubles" : "", text);
	sk_timer_set(b->cfg.loop, &b->renew, sk_boot_ms() + RENEW_MS);
}

static void
serve(struct kafka_bus *b, rd_kafka_event_t *ev)
{
	switch (rd_kafka_event_type(ev)) {
	case RD_KAFKA_EVENT_DR:
		reports(b, ev);
		break;
	case RD_KAFKA_EVENT_ERROR:
		if (rd_kafka_event_error_is_fatal(ev))
			fatal(b);
		else
			kafka_error(b, ev);
		break;
	case RD_KAFKA_EVENT_LOG:
		kafka_log(b, ev);
		break;
	default:
		kafka_look_answer(b, ev);
	}
	rd_kafka_event_destroy(ev);
}

bool
kafka_producer_serve(struct kafka_bus *b)
{
	for (int i = 0; i < ROUND && b->producer.rk != NULL; i++) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(b->producer.events, 0);

		if (ev == NULL)
			return false;
		serve(b, ev);
	}
	return b->producer.rk != NULL;
}

void
kafka_producer_flush(struct kafka_bus *b, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;

	while (rd_kafka_outq_len(b->producer.rk) > 0 && sk_boot_ms() < end) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(b->producer.events, 20);

		if (ev != NULL && rd_kafka_event_type(ev) == RD_KAFKA_EVENT_DR)
			reports(b, ev);
		if (ev != NULL)
			rd_kafka_event_destroy(ev);
	}
}
