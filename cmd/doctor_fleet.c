/* doctor_fleet.c - Kafka, Redis and MongoDB, each as somebody would meet it who uses it. */
#include "adapters/kafka/bus.h"
#include "adapters/kafka/servers.h"
#include "adapters/mongo/store.h"
#include "adapters/redis/cache.h"
#include "cmd/doctor.h"
#include "cmd/services.h"
#include "core/base/clock.h"
#include <inttypes.h>
#include <string.h>

#define PROBE_MS 8000
#define MAX_SKEW_MS 2000

/* Is there anything to try? It is said when not. */
static bool
is_given(struct sk_checkup *c, const char *service)
{
	for (const struct sk_setting_row *row = sk_setting_rows; row->name != NULL; row++) {
		const char *problem = sk_setting_problem(c->settings, row->name);

		if (row->service == NULL || strcmp(row->service, service) != 0 || problem == NULL)
			continue;
		sk_checkup(c, SK_BROKEN, "%s: %s (%s)", row->name, problem,
			sk_setting_place(c->settings, row->name));
		return false;
	}
	if (*sk_setting(c->settings, service) != '\0')
		return true;
	sk_checkup(c, SK_LIMITED, "%s is not set: edge can do without it, node and controller cannot",
		service);
	return false;
}

static void
worse(struct sk_checkup *c, enum sk_health health)
{
	if (health > c->health)
		c->health = health;
}

/* One more sentence behind the others. */
static void SK_PRINTF(3, 4) add(struct sk_checkup *c, enum sk_health health, const char *fmt, ...)
{
	va_list ap;

	worse(c, health);
	if (c->text.len > 0)
		sk_str_adds(&c->text, "; ");
	va_start(ap, fmt);
	sk_str_vaddf(&c->text, fmt, ap);
	va_end(ap);
}

/* ---- Kafka ---- */

static void
ignore(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	(void)arg;
	(void)topic;
	(void)e;
}

/* All that a node does: connect, find or make the topics, read them from their end. */
static void
use_bus(struct sk_checkup *c, struct sk_loop *loop, struct sk_bus *bus, const char *servers)
{
	int64_t start = sk_boot_ms(), end = start + PROBE_MS;
	struct sk_bus_kafka_state state = sk_bus_kafka_state(bus);
	struct sk_err err;

	if (bus->ops->subscribe(bus, (1u << SK_N_TOPIC) - 1, ignore, NULL, &err) != SK_OK) {
		sk_checkup(c, SK_BROKEN, "%s: %s", servers, err.msg);
		return;
	}
	while (!(state.connected && state.assigned) && sk_boot_ms() < end) {
		sk_loop_once(loop, end - sk_boot_ms() < 100 ? end - sk_boot_ms() : 100);
		state = sk_bus_kafka_state(bus);
	}
	if (state.connected && state.assigned)
		sk_checkup(c, SK_FINE, "%s answers, its topics are there (%" PRId64 " ms)", servers,
			sk_boot_ms() - start);
	else if (state.connected)
		sk_checkup(c, SK_BROKEN, "%s answers, but its topics cannot be read%s%s", servers,
			state.problem[0] != '\0' ? ": " : "", state.problem);
	else
		sk_checkup(c, SK_BROKEN, "%s: %s", servers,
			state.problem[0] != '\0'
				? state.problem
				: "does not answer; see to KAFKA_HOST, KAFKA_PORT and the broker");
	bus->ops->unsubscribe(bus, ignore, NULL);
}

static void
try_kafka(struct sk_checkup *c, struct sk_bus_kafka_config *cfg)
{
	struct sk_bus *bus = NULL;
	struct sk_err err;

	cfg->loop = sk_loop_new(&err);
	if (cfg->loop != NULL)
		bus = sk_bus_kafka_open(cfg, &err);
	if (bus != NULL) {
		use_bus(c, cfg->loop, bus, cfg->servers);
		bus->ops->close(bus);
	} else
		sk_checkup(c, SK_BROKEN, "%s", err.msg);
	sk_loop_free(cfg->loop);
	if (*cfg->username != '\0' && *cfg->security == '\0' && !sk_kafka_is_confluent(cfg->servers))
		add(c, SK_LIMITED,
			"KAFKA_USERNAME is not used: set KAFKA_SECURITY_PROTOCOL to SASL_SSL or "
			"SASL_PLAINTEXT");
}

static void
check_kafka(struct sk_checkup *c)
{
	struct sk_str servers = SK_STR_INIT;
	struct sk_bus_kafka_config cfg;
	struct sk_err err;

	if (!is_given(c, "KAFKA_HOST"))
		return;
	if (sk_services_kafka(c->settings, "doctor", &servers, &cfg, &err) == SK_OK)
		try_kafka(c, &cfg);
	else
		sk_checkup(c, SK_BROKEN, "%s", err.msg);
	sk_str_release(&servers);
}

/* ---- Redis ---- */

static void
redis_says(void *arg, enum sk_level level, const char *sentence)
{
	struct sk_checkup *c = arg;

	add(c,
		level >= SK_ERROR		  ? SK_BROKEN
			: level >= SK_WARNING ? SK_LIMITED
								  : SK_FINE,
		"%s", sentence);
}

static void
check_redis(struct sk_checkup *c)
{
	struct sk_cache_redis_config cfg;

	if (!is_given(c, "REDIS_HOST"))
		return;
	sk_services_redis(c->settings, "doctor", &cfg);
	if (!sk_redis_probe(&cfg, PROBE_MS, redis_says, c))
		worse(c, SK_BROKEN);
}

/* ---- MongoDB ---- */

static void
tell_mongo(struct sk_checkup *c, const struct sk_mongo_probe *p)
{
	add(c, SK_FINE, "version %s, %" PRId64 " ms away%s", p->version, p->round_trip_ms,
		p->replicated ? ", replicated" : "");
	if (!p->allowed)
		add(c, SK_BROKEN,
			"its user may not read, write and make indexes: give it the role readWrite on DB_NAME");
	else if (!p->indexed)
		add(c, SK_LIMITED,
			"the unique index of task ids is missing: the next node or controller makes it, unless "
			"ids are there twice");
	if (p->allowed && !p->atomic)
		add(c, SK_BROKEN,
			"its updates are not atomic: tasks would run twice; use MongoDB itself, or one client "
			"at a time");
	if (p->skew_ms > MAX_SKEW_MS || p->skew_ms < -MAX_SKEW_MS)
		add(c, SK_LIMITED, "its clock is %.1f s %s ours: set both by NTP",
			(double)(p->skew_ms < 0 ? -p->skew_ms : p->skew_ms) / 1000,
			p->skew_ms > 0 ? "ahead of" : "behind");
	if (!p->replicated)
		add(c, SK_FINE, "a single server: when its disk is lost, so are the tasks");
	if (p->problem[0] != '\0' && c->health != SK_FINE)
		add(c, SK_FINE, "%s", p->problem);
}

static void
check_mongo(struct sk_checkup *c)
{
	struct sk_store_mongo_config cfg;
	struct sk_mongo_probe probe = { .reached = false };
	struct sk_err err;

	if (!is_given(c, "MONGO_HOST"))
		return;
	sk_services_mongo(c->settings, "doctor", &cfg);
	if (sk_mongo_probe(&cfg, PROBE_MS, &probe, &err) == SK_OK)
		tell_mongo(c, &probe);
	else
		sk_checkup(c, SK_BROKEN, "%s; see to MONGO_HOST and the server", err.msg);
}

const struct sk_check sk_fleet_checks[] = {
	{ "kafka", check_kafka },
	{ "redis", check_redis },
	{ "mongodb", check_mongo },
	{ NULL, NULL },
};
