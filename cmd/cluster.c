#include "cmd/cluster.h"

int
sk_cluster_services(const char *command, const struct sk_settings *settings)
{
	static const char *const names[] = { "KAFKA_HOST", "REDIS_HOST", "MONGO_HOST" };
	struct sk_str missing = SK_STR_INIT;
	size_t n = 0;

	for (size_t i = 0; i < 3; i++)
		if (sk_setting(settings, names[i])[0] == '\0')
			sk_str_addf(&missing, "%s%s", n++ > 0 ? ", " : "", names[i]);
	if (n > 0)
		sk_complain(command,
			"needs Kafka, Redis and MongoDB: %s %s not set; one machine needs none of them: skalds "
			"up",
			sk_str_text(&missing), n == 1 ? "is" : "are");
	sk_str_release(&missing);
	return n == 0 ? SK_EXIT_OK : SK_EXIT_USAGE;
}
