/* kafka_event_fuzz.c - any bytes as a record on Kafka; the first byte chooses the topic, from '4' on
 * the rest is a list of servers. What is read has no text that is missing and no id that is none, and
 * written again it reads back the same. */
#include "adapters/kafka/message.h"
#include "adapters/kafka/servers.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct sk_kafka_place at = { "fuzz", 0, 0 };

static bool
is_same(const struct sk_event *a, const struct sk_event *b)
{
	return a->kind == b->kind && a->attempt == b->attempt && strcmp(a->task, b->task) == 0 &&
		strcmp(a->class_name, b->class_name) == 0 && strcmp(a->skald, b->skald) == 0 &&
		strcmp(a->stage, b->stage) == 0;
}

static void
check_event(enum sk_topic topic, const struct sk_event *e, struct sk_arena *a)
{
	struct sk_str text = SK_STR_INIT;
	struct sk_event *back;
	struct sk_err err;
	size_t n;

	if (e->class_name == NULL || e->skald == NULL || e->stage == NULL || e->message == NULL)
		abort();
	if (e->task == NULL || strlen(e->task) > 255 ||
		(e->task[0] == '\0') != (e->kind == SK_EVENT_SKALD))
		abort();
	sk_kafka_encode(&text, topic, e);
	/* an event of a skald tells neither of these */
	if (e->kind != SK_EVENT_SKALD &&
		(sk_kafka_decode(topic, &at, text.p, text.len, a, &back, &n, &err) != SK_OK || n != 1 ||
			!is_same(e, back)))
		abort();
	sk_str_release(&text);
}

static void
try_servers(const char *text)
{
	struct sk_str out = SK_STR_INIT, again = SK_STR_INIT;
	struct sk_err err = { SK_OK, "" };

	if (sk_kafka_servers(text, 9092, &out, &err) == SK_OK) {
		if (sk_kafka_servers(out.p, 1, &again, &err) != SK_OK || strcmp(out.p, again.p) != 0)
			abort();
	} else if (err.msg[0] == '\0') {
		abort();
	}
	sk_str_release(&out);
	sk_str_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_err err = { SK_OK, "" };
	struct sk_event *events;
	size_t n_events;

	if (n > 0 && data[0] >= '4') {
		try_servers(sk_arena_strndup(a, (const char *)data + 1, n - 1));
	} else if (n > 0) {
		const enum sk_topic topic = data[0] % SK_N_TOPIC;
		enum sk_code code =
			sk_kafka_decode(topic, &at, data + 1, n - 1, a, &events, &n_events, &err);

		if ((code == SK_OK) != (err.msg[0] == '\0'))
			abort();
		for (size_t i = 0; i < n_events && i < 20; i++)
			check_event(topic, &events[i], a);
	}
	sk_arena_free(a);
	return 0;
}
