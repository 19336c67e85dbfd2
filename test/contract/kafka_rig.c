#include "kafka_rig.h"
#include "core/base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

const char *
kafka_rig_servers(void)
{
	static char by_port[64];
	const char *named = getenv("SKALDS_TEST_KAFKA");

	return named != NULL && named[0] != '\0' ? named : kafka_rig_listener("KAFKA_PORT", by_port);
}

/* KAFKA_HOST alone may be anybody's broker; the user is written by our own services alone. */
const char *
kafka_rig_listener(const char *port_variable, char out[64])
{
	const char *host = getenv("KAFKA_HOST"), *port = getenv(port_variable);

	if (getenv("SKALDS_TEST_KAFKA_USER") == NULL || host == NULL || port == NULL)
		return NULL;
	snprintf(out, 64, "%s:%s", host, port);
	return out;
}

struct sk_bus_kafka_config
kafka_rig_config(struct sk_loop *loop)
{
	return (struct sk_bus_kafka_config){
		.loop = loop, .component = "test", .servers = kafka_rig_servers(), .partitions = 3
	};
}

struct sk_bus *
kafka_rig_open(const struct sk_bus_kafka_config *cfg)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_bus *b = sk_bus_kafka_open(cfg, &err);

	if (b == NULL)
		fail_msg("%s", err.msg);
	return b;
}

bool
kafka_rig_ready(struct sk_bus *b)
{
	const struct sk_bus_kafka_state s = sk_bus_kafka_state(b);

	return s.assigned && s.published == s.delivered + s.failed;
}

bool
kafka_rig_wait(struct sk_loop *loop, struct sk_bus *b, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;

	while (!kafka_rig_ready(b) && sk_boot_ms() < end)
		sk_loop_once(loop, 10);
	return kafka_rig_ready(b);
}
