/* node_link.h - the process beside the supervisor of `skalds node` that speaks with the
 * services: one loop with Kafka, Redis, MongoDB and core/run/node. It can be killed at any time:
 * the supervisor starts another one, which finds the tasks that run. */
#ifndef SK_CMD_NODE_LINK_H
#define SK_CMD_NODE_LINK_H

#include "cmd/capacity.h"
#include "cmd/settings.h"

struct sk_node_link_config {
	const struct sk_settings *settings;
	struct sk_capacity capacity;
	const char *skald_id; /* at most 63 bytes */
	const char *data_dir; /* absolute: where the supervisor keeps output */
	int64_t lease_ms;
	int64_t keep_output; /* bytes of output of all tasks; 0 = no limit */
	bool json; /* one line on standard output when it is ready */
};

/* Runs until the supervisor goes or is told to; waits for services as long as it takes. arg: struct
 * sk_node_link_config. Returns the exit code of this process; that of `node` goes through the
 * channel. */
int sk_node_link_run(int channel, void *arg);

#endif
