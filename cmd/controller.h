/* controller.h - the process of `skalds controller`: one loop with the services, core/control, and
 * HTTP servers: on the socket of a data directory where there is one, and over the network. */
#ifndef SK_CMD_CONTROLLER_H
#define SK_CMD_CONTROLLER_H

#include "cmd/listen.h"
#include "core/control/control.h"

struct sk_controller_config {
	const struct sk_settings *settings;
	const char *mode; /* SYSTEM_CONTROLLER_MODE */
	const char *data_dir; /* absolute; "" = none, and no socket */
	const char *group; /* who may connect to it; "" or NULL = the own user alone */
	struct sk_listen_config listen; /* over the network */
	enum sk_strategy strategy;
	int64_t lease_ms, reconcile_ms;
	int64_t keep_ms, keep_tasks; /* as in control.h; 0 = keep all */
	bool json; /* one line on standard output when it is ready */
};

/* Runs until SIGTERM or SIGINT, whatever the services do. Returns the exit code. */
int sk_controller_run(const struct sk_controller_config *cfg);

#endif
