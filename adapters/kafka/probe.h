/* probe.h - for `skalds doctor`: what a Kafka says of itself and of what we may do there. */
#ifndef SK_ADAPTERS_KAFKA_PROBE_H
#define SK_ADAPTERS_KAFKA_PROBE_H

#include "adapters/kafka/bus.h"
#include "core/base/log.h"

typedef void sk_kafka_report_fn(void *arg, enum sk_level level, const char *sentence);

/* Tells each finding as a sentence: SK_INFO what is well, SK_WARNING what is weaker, SK_ERROR what
 * does not work: does it answer, how many brokers of which version, which of our topics are there,
 * may we read and write them, may we make those that are missing (asked, not done). Sends no event
 * and changes nothing. Blocks for about timeout_ms at most; cfg->loop is not used.
 * true: events can be sent and read there. */
bool sk_kafka_probe(const struct sk_bus_kafka_config *cfg, int64_t timeout_ms,
	sk_kafka_report_fn *report, void *arg);

#endif
