#include "cmd/cluster.h"
#include "cmd/services.h"
#include <string.h>

int
sk_cluster_services(const char *command, const struct sk_settings *settings)
{
	struct sk_str missing = SK_STR_INIT;
	bool all = sk_services_kind(settings, &missing) == SK_SERVICES_FLEET;

	if (!all)
		sk_complain(command,
			"needs Kafka, Redis and MongoDB: %s %s not set; one machine needs none of them: skalds "
			"up",
			sk_str_text(&missing), strchr(sk_str_text(&missing), ',') == NULL ? "is" : "are");
	sk_str_release(&missing);
	return all ? SK_EXIT_OK : SK_EXIT_USAGE;
}
