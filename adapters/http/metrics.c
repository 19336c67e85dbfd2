#include "adapters/http/metrics.h"
#include "core/control/metrics.h"

struct door {
	const char *name;
	struct sk_http_server_stats stats;
};

static size_t
open_doors(
	const struct sk_http_server *socket, const struct sk_http_server *network, struct door out[2])
{
	size_t n = 0;

	if (socket != NULL)
		out[n++] = (struct door){ "socket", sk_http_server_stats(socket) };
	if (network != NULL)
		out[n++] = (struct door){ "network", sk_http_server_stats(network) };
	return n;
}

void
sk_http_metrics(
	struct sk_str *out, const struct sk_http_server *socket, const struct sk_http_server *network)
{
	struct door doors[2];
	size_t n = open_doors(socket, network, doors);

	if (n == 0)
		return;
	sk_metric(out, "skalds_http_connections", "gauge", "Connections that are open.");
	for (size_t i = 0; i < n; i++)
		sk_metric_int(out, "skalds_http_connections", "door", doors[i].name,
			(int64_t)doors[i].stats.connections);
	sk_metric(out, "skalds_http_connections_accepted_total", "counter",
		"Connections that were accepted.");
	for (size_t i = 0; i < n; i++)
		sk_metric_int(out, "skalds_http_connections_accepted_total", "door", doors[i].name,
			(int64_t)doors[i].stats.accepted);
	sk_metric(out, "skalds_http_refused_total", "counter",
		"Requests that were refused before they reached the API: malformed, too large, too slow, "
		"too many.");
	for (size_t i = 0; i < n; i++)
		sk_metric_int(out, "skalds_http_refused_total", "door", doors[i].name,
			(int64_t)doors[i].stats.refused);
}
