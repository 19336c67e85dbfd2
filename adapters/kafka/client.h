/* client.h - what every handle of librdkafka here has in common: how it is configured, that it is
 * put away without holding anybody up, and what its errors mean. */
#ifndef SK_ADAPTERS_KAFKA_CLIENT_H
#define SK_ADAPTERS_KAFKA_CLIENT_H

#include "adapters/kafka/bus.h"
#include <librdkafka/rdkafka.h>

#define SK_KAFKA_SOCKET_MS 10000 /* a request, a connection: no answer for so long = dead */
/* Topics that are made, unless the configuration says otherwise: the original's defaults. */
#define SK_KAFKA_PARTITIONS 6
#define SK_KAFKA_REPLICATION 3

/* A handle with its main queue. */
struct sk_kafka_client {
	rd_kafka_t *rk; /* NULL: none */
	rd_kafka_queue_t *events; /* its main queue; logs come here too */
};

/* Options beyond those that all have; a NULL name ends them. */
struct sk_kafka_option {
	const char *name, *value;
};

/* false and err: the configuration is wrong or the system refuses. wake_fd: an eventfd that is
 * written when something comes into the queue, -1 = none. */
bool sk_kafka_client_open(struct sk_kafka_client *c, rd_kafka_type_t type,
	const struct sk_bus_kafka_config *cfg, const struct sk_kafka_option *options, int wake_fd,
	struct sk_err *err);

/* Have fd written when something comes into a queue that was empty. -1: not any more. */
void sk_kafka_wake(rd_kafka_queue_t *q, int fd);

/* What must be ended with a handle; ending it may wait for connections, even for the name service,
 * so a thread of its own does it. */
struct sk_kafka_part {
	rd_kafka_topic_t *topic;
	int32_t n;
	bool *started; /* n of them: which partitions are being read; taken */
};
struct sk_kafka_remains {
	struct sk_kafka_client client;
	rd_kafka_queue_t *queue; /* another one, or NULL */
	struct sk_kafka_part parts[SK_N_TOPIC];
};
/* Takes all of it. wait_ms: how long to wait for the end, in whole seconds; it comes by
 * itself if not. */
void sk_kafka_client_end(const struct sk_kafka_remains *remains, int64_t wait_ms);

/* Does the error mean that the broker cannot be reached or does not let us in? */
bool sk_kafka_is_away(rd_kafka_resp_err_t code);

#endif
