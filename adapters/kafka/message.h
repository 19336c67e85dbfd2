/* message.h - what stands in a record on Kafka: events as bytes and back. Pure, no sockets.
 *
 * task.assign, task.cancel and task.update.attachment carry the original's TaskEvent
 * (skalds-protocol.md 2.3): both spellings are read, an alias wins over the other one, optional
 * members may be null, unknown ones are ignored, one record may name several tasks. Ours are
 * written with aliases, name one task, its skald in `recipient` and the attempt in `attempt`, which
 * the original ignores. Its own programs fill in neither: what stands in `recipient` counts only
 * beside an `attempt`.
 * skalds.event carries one of our events as JSON (core/model/event.h).
 */
#ifndef SK_ADAPTERS_KAFKA_MESSAGE_H
#define SK_ADAPTERS_KAFKA_MESSAGE_H

#include "core/ports.h"

#define SK_KAFKA_VALUE_MAX ((size_t)1 << 20)
#define SK_KAFKA_IDS_MAX ((size_t)10000)
#define SK_KAFKA_TEXT_MAX ((size_t)128 << 10) /* of an event's message; what is longer is cut */

/* Where a record stands, for sentences. */
struct sk_kafka_place {
	const char *topic;
	int32_t partition;
	int64_t offset;
};

/* The topic's name on the wire. */
const char *sk_kafka_topic(enum sk_topic topic);

/* The key: events of one task have the same, those of a skald its id. Never NULL. */
const char *sk_kafka_key(const struct sk_event *e);

/* The value, appended to out. e->time_ms is the time of the event. */
void sk_kafka_encode(struct sk_str *out, enum sk_topic topic, const struct sk_event *e);

/* The events of one record, in its order, in the arena; no text in them is NULL. value may be NULL.
 * SK_EINVAL: something in it is malformed, err tells place and cause; what could be read of it all
 * the same (the good ids of a list with bad ones) is in the results, otherwise *n_events is 0. */
enum sk_code
sk_kafka_decode(enum sk_topic topic, const struct sk_kafka_place *at, const void *value, size_t n,
	struct sk_arena *a, struct sk_event **events, size_t *n_events, struct sk_err *err);

#endif
