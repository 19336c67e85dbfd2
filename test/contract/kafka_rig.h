/* kafka_rig.h - the broker that tests use, named by the environment: SKALDS_TEST_KAFKA=host:port, or
 * what scripts/services.sh wrote into its file `env`. */
#ifndef SK_TEST_CONTRACT_KAFKA_RIG_H
#define SK_TEST_CONTRACT_KAFKA_RIG_H

#include "adapters/kafka/bus.h"

/* NULL: no broker is named. */
const char *kafka_rig_servers(void);
/* Of another listener (KAFKA_SSL_PORT, …), or NULL. */
const char *kafka_rig_listener(const char *port_variable, char out[64]);
/* Plain text, topics with three partitions and as many copies as there are brokers. */
struct sk_bus_kafka_config kafka_rig_config(struct sk_loop *loop);
/* Fails the test when it cannot be opened. */
struct sk_bus *kafka_rig_open(const struct sk_bus_kafka_config *cfg);
/* All that was published is confirmed, all partitions are read. */
bool kafka_rig_ready(struct sk_bus *b);
/* Runs the loop until it is; false after so long. */
bool kafka_rig_wait(struct sk_loop *loop, struct sk_bus *b, int64_t ms);

#endif
