/* cluster.h - what `node` and `controller` need before they do anything: the three services. */
#ifndef SK_CMD_CLUSTER_H
#define SK_CMD_CLUSTER_H

#include "cmd/options.h"

/* Are KAFKA_HOST, REDIS_HOST and MONGO_HOST all set? Otherwise says which are missing and what
 * works without them, and returns SK_EXIT_USAGE. */
int sk_cluster_services(const char *command, const struct sk_settings *settings);

#endif
