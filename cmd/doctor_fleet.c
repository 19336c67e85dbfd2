/* doctor_fleet.c - Kafka, Redis and MongoDB, each as somebody would meet it who uses it. */
#include "adapters/kafka/probe.h"
#include "adapters/kafka/servers.h"
#include "adapters/mongo/store.h"
#include "adapters/redis/cache.h"
#include "cmd/doctor.h"
#include "cmd/services.h"
#include <inttypes.h>
#include <stdio.h>
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

/* What a probe of Kafka or Redis tells, several sentences. Each begins with "redis HOST:PORT: ",
 * which once is enough. */
struct said {
	struct sk_checkup *c;
	size_t prefix; /* length, 0 = nothing was said yet */
	char text[512]; /* the first sentence */
};

static void
say(void *arg, enum sk_level level, const char *sentence)
{
	struct said *s = arg;
	const char *colon = strstr(sentence, ": ");

	add(s->c,
		level >= SK_ERROR		  ? SK_BROKEN
			: level >= SK_WARNING ? SK_LIMITED
								  : SK_FINE,
		"%s",
		s->prefix > 0 && strncmp(sentence, s->text, s->prefix) == 0 ? sentence + s->prefix
																	: sentence);
	if (s->prefix == 0 && colon != NULL) {
		s->prefix = (size_t)(colon - sentence) + 2;
		snprintf(s->text, sizeof(s->text), "%s", sentence);
	}
}

static void
try_kafka(struct sk_checkup *c, const struct sk_bus_kafka_config *cfg)
{
	struct said said = { .c = c };

	if (!sk_kafka_probe(cfg, PROBE_MS, say, &said))
		worse(c, SK_BROKEN);
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

static void
check_redis(struct sk_checkup *c)
{
	struct said said = { .c = c };
	struct sk_cache_redis_config cfg;

	if (!is_given(c, "REDIS_HOST"))
		return;
	sk_services_redis(c->settings, "doctor", &cfg);
	if (!sk_redis_probe(&cfg, PROBE_MS, say, &said))
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
	if (p->problem[0] != '\0' && c->health == SK_FINE)
		add(c, SK_LIMITED, "%s", p->problem);
	if (!p->replicated)
		add(c, SK_FINE, "a single server: when its disk is lost, so are the tasks");
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
