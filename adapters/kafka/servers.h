/* servers.h - KAFKA_HOST as people write it, and what follows from it. Pure. */
#ifndef SK_ADAPTERS_KAFKA_SERVERS_H
#define SK_ADAPTERS_KAFKA_SERVERS_H

#include "core/base/err.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stdint.h>

/* "host", "host:port", "[::1]:port", "::1", or several of them with commas between, blanks around
 * them allowed -> "host:port,host:port" appended to out. default_port takes a port's place where
 * none is given. SK_EINVAL: err says which entry is wrong. Blank text is an error too. */
enum sk_code
sk_kafka_servers(const char *text, uint16_t default_port, struct sk_str *out, struct sk_err *err);

/* The rule of the original (skalds-protocol.md 2.5): SASL_SSL with PLAIN for these servers when no
 * protocol is given. */
bool sk_kafka_is_confluent(const char *servers);

#endif
