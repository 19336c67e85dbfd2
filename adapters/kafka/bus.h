/* bus.h - the event bus over Kafka (core/ports.h), for a fleet of machines and of programs of the
 * original (skalds-protocol.md 2).
 *
 * Nothing here blocks, and a broker that is away is no error: publishing goes on into a bounded
 * queue whose messages are lost after 15 s, which the store's reconciling makes good; that it is
 * away is said once in the log, then counted, and it is tried again for ever. Connections that are
 * half open are noticed within 15 s.
 *
 * What is received are the partitions of the topics from their end on: no group is joined, nothing
 * is ever committed, so every process hears everything and a start begins with what is new. After
 * `subscribe` it takes until `assigned` before every message is heard. New topics and partitions
 * are looked for every 30 s; those that came into being meanwhile are read from their beginning.
 * Missing topics are made.
 */
#ifndef SK_ADAPTERS_KAFKA_BUS_H
#define SK_ADAPTERS_KAFKA_BUS_H

#include "core/ports.h"

/* Texts may be NULL for "" and are copied. */
struct sk_bus_kafka_config {
	struct sk_loop *loop;
	const char *component; /* who speaks in the log */
	const char *servers; /* "host:port,host:port" (servers.h) */
	/* PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL; "": PLAINTEXT, or the original's rule for servers
	 * of confluent.cloud: SASL_SSL. */
	const char *security;
	const char *mechanism; /* PLAIN (""), SCRAM-SHA-256, SCRAM-SHA-512; only with SASL */
	const char *username, *password;
	const char *ca_file; /* PEM; "": the system's */
	const char *cert_file, *key_file; /* PEM; "": no certificate of ours */
	int partitions, replication; /* of topics that are made; 0 = 6 and 3 */
	size_t max_events; /* waiting to be sent at once; 0 = 65,536 */
	size_t max_bytes; /* likewise, with their keys and values; 0 = 16 MiB */
	int64_t look_ms; /* how often topics and partitions are looked for; 0 = 30,000 */
};

/* NULL and err when the configuration is wrong (SK_EINVAL) or the system refuses; never because of
 * a broker. The sentence never has the password in it. Closing sends what waits for up to a second
 * when the broker answers, and is not allowed from within a callback of a subscriber. */
struct sk_bus *sk_bus_kafka_open(const struct sk_bus_kafka_config *cfg, struct sk_err *err);

struct sk_bus_kafka_state {
	bool connected; /* the broker answers */
	bool assigned; /* all partitions of all topics somebody has subscribed to are read */
	int64_t heard_ms; /* sk_boot_ms() of the last thing heard of a broker; 0 = never */
	uint64_t published; /* taken by publish */
	uint64_t delivered; /* of them: confirmed by the broker */
	uint64_t failed; /* of them: lost */
	uint64_t dropped; /* refused by publish: the queue was full */
	uint64_t received; /* records */
	uint64_t malformed; /* of them: with something that could not be read */
	char problem[256]; /* what is wrong now, one sentence; "" = nothing */
};
struct sk_bus_kafka_state sk_bus_kafka_state(const struct sk_bus *b);

#endif
