/* node.c - `skalds node`: a part of a fleet. Says what it needs; running it is not in this
 * build. */
#include "cmd/cluster.h"

static int
node_run(const struct sk_args *args, struct sk_settings *settings)
{
	int code = sk_cluster_services("node", settings);

	(void)args;
	return code != SK_EXIT_OK ? code : sk_not_in_build("node");
}

const struct sk_cmd sk_cmd_node = {
	.name = "node",
	.summary = "Run tasks that a controller assigns (needs Kafka, Redis, MongoDB)",
	.usage = "",
	.run = node_run,
};
