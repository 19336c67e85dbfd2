/* metrics.h - the numbers of HTTP servers for GET /metrics. */
#ifndef SK_ADAPTERS_HTTP_METRICS_H
#define SK_ADAPTERS_HTTP_METRICS_H

#include "adapters/http/server.h"
#include "core/base/str.h"

/* Append connections, accepted and refused ones, by door: the socket of this machine, the network.
 * NULL = there is no such door. */
void sk_http_metrics(
	struct sk_str *out, const struct sk_http_server *socket, const struct sk_http_server *network);

#endif
