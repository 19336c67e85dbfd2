/* controller.c - `skalds controller`: a part of a fleet. Says what it needs; running it is not in
 * this build. */
#include "cmd/cluster.h"

static int
controller_run(const struct sk_args *args, struct sk_settings *settings)
{
	int code = sk_cluster_services("controller", settings);

	(void)args;
	return code != SK_EXIT_OK ? code : sk_not_in_build("controller");
}

const struct sk_cmd sk_cmd_controller = {
	.name = "controller",
	.summary = "Assign tasks to nodes (needs Kafka, Redis, MongoDB)",
	.usage = "",
	.run = controller_run,
};
