#include "cmd/services.h"
#include "adapters/kafka/bus.h"
#include "adapters/kafka/servers.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/mongo/store.h"
#include "adapters/redis/cache.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/hooks_bus.h"
#include <stdio.h>

#define ASK_MS 2000 /* how often the store is asked */
#define SILENT_MS 8000 /* no answer for so long: it is away */

unsigned
sk_services_set(const struct sk_settings *s)
{
	unsigned set = 0;

	for (unsigned i = 0; sk_setting_services[i] != NULL; i++)
		if (*sk_setting(s, sk_setting_services[i]) != '\0')
			set |= 1u << i;
	return set;
}

enum sk_services_kind
sk_services_kind(const struct sk_settings *s, struct sk_str *missing)
{
	unsigned set = sk_services_set(s), n = 0;

	for (unsigned i = 0; missing != NULL && sk_setting_services[i] != NULL; i++)
		if ((set & 1u << i) == 0)
			sk_str_addf(missing, "%s%s", n++ > 0 ? ", " : "", sk_setting_services[i]);
	if (set == 0)
		return SK_SERVICES_NONE;
	return set == SK_SERVICES_ALL ? SK_SERVICES_FLEET : SK_SERVICES_SOME;
}

/* ---- their configurations ---- */

enum sk_code
sk_services_kafka(const struct sk_settings *s, const char *component, struct sk_str *servers,
	struct sk_bus_kafka_config *cfg, struct sk_err *err)
{
	if (sk_kafka_servers(sk_setting(s, "KAFKA_HOST"), (uint16_t)sk_setting_int(s, "KAFKA_PORT"),
			servers, err) != SK_OK)
		return sk_wrap(err, "KAFKA_HOST");
	*cfg = (struct sk_bus_kafka_config){ .component = component,
		.servers = sk_str_text(servers),
		.security = sk_setting(s, "KAFKA_SECURITY_PROTOCOL"),
		.mechanism = sk_setting(s, "KAFKA_SASL_MECHANISM"),
		.username = sk_setting(s, "KAFKA_USERNAME"),
		.password = sk_setting(s, "KAFKA_PASSWORD"),
		.ca_file = sk_setting(s, "KAFKA_CA_FILE"),
		.cert_file = sk_setting(s, "KAFKA_CERT_FILE"),
		.key_file = sk_setting(s, "KAFKA_KEY_FILE"),
		.partitions = (int)sk_setting_int(s, "KAFKA_TOPIC_PARTITIONS"),
		.replication = (int)sk_setting_int(s, "KAFKA_REPLICATION_FACTOR") };
	return SK_OK;
}

void
sk_services_redis(
	const struct sk_settings *s, const char *component, struct sk_cache_redis_config *cfg)
{
	*cfg = (struct sk_cache_redis_config){ .component = component,
		.host = sk_setting(s, "REDIS_HOST"),
		.port = (int)sk_setting_int(s, "REDIS_PORT"),
		.username = sk_setting(s, "REDIS_USERNAME"),
		.password = sk_setting(s, "REDIS_PASSWORD"),
		.db = (int)sk_setting_int(s, "REDIS_DB"),
		.tls = sk_setting_bool(s, "REDIS_TLS"),
		.ca_file = sk_setting(s, "REDIS_CA_FILE"),
		.cert_file = sk_setting(s, "REDIS_CERT_FILE"),
		.key_file = sk_setting(s, "REDIS_KEY_FILE") };
}

void
sk_services_mongo(
	const struct sk_settings *s, const char *component, struct sk_store_mongo_config *cfg)
{
	*cfg = (struct sk_store_mongo_config){
		.component = component, .uri = sk_setting(s, "MONGO_HOST"), .db = sk_setting(s, "DB_NAME")
	};
}

/* ---- opening ---- */

/* Lists and counts of a controller side by side: a long one holds up a quarter of the others. */
#define READERS 4

static enum sk_code
open_bus(
	const struct sk_settings *s, const char *component, struct sk_services *v, struct sk_err *err)
{
	struct sk_str servers = SK_STR_INIT;
	struct sk_bus_kafka_config cfg;
	enum sk_code code = sk_services_kafka(s, component, &servers, &cfg, err);

	cfg.loop = v->loop;
	if (code == SK_OK && (v->bus = sk_bus_kafka_open(&cfg, err)) == NULL)
		code = err->code;
	sk_hooks_bus(v->bus, v->loop, component);
	v->bus_since_ms = sk_wall_ms();
	sk_str_release(&servers);
	return code;
}

static enum sk_code
open_cache(
	const struct sk_settings *s, const char *component, struct sk_services *v, struct sk_err *err)
{
	struct sk_cache_redis_config cfg;

	sk_services_redis(s, component, &cfg);
	cfg.loop = v->loop;
	v->cache = sk_cache_redis_open(&cfg, err);
	return v->cache != NULL ? SK_OK : err->code;
}

static enum sk_code
open_store(
	const struct sk_settings *s, const char *component, struct sk_services *v, struct sk_err *err)
{
	struct sk_store_mongo_config cfg;

	sk_services_mongo(s, component, &cfg);
	cfg.readers = (v->which & SK_SERVICES_FOR_MANY) != 0 ? READERS : 1;
	v->store = sk_store_mongo_open(&cfg, v->loop, err);
	return v->store != NULL ? SK_OK : err->code;
}

static void
open_local(struct sk_services *v)
{
	struct sk_bus_local_config bus = { .loop = v->loop };
	struct sk_cache_local_config cache = { .loop = v->loop };

	if (v->bus == NULL)
		v->bus = sk_bus_local_open(&bus);
	if (v->cache == NULL)
		v->cache = sk_cache_local_open(&cache);
}

enum sk_code
sk_services_open(const struct sk_settings *s, struct sk_loop *loop, const char *component,
	unsigned which, struct sk_services *out, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	*out = (struct sk_services){ .loop = loop,
		.which = which & (sk_services_set(s) | SK_SERVICES_FOR_MANY) };
	if ((out->which & SK_SERVICE_BUS) != 0)
		code = open_bus(s, component, out, err);
	if (code == SK_OK && (out->which & SK_SERVICE_CACHE) != 0)
		code = open_cache(s, component, out, err);
	if (code == SK_OK && (out->which & SK_SERVICE_STORE) != 0)
		code = open_store(s, component, out, err);
	if (code == SK_OK)
		open_local(out);
	else
		sk_services_close(out);
	return code;
}

void
sk_services_close_store(struct sk_services *v)
{
	sk_store_close(v->store);
	v->store = NULL;
}

void
sk_services_close(struct sk_services *v)
{
	sk_services_close_store(v);
	if (v->cache != NULL)
		v->cache->ops->close(v->cache);
	if (v->bus != NULL)
		v->bus->ops->close(v->bus);
	v->cache = NULL;
	v->bus = NULL;
}

/* ---- how they are ---- */

bool
sk_services_flush(struct sk_services *v, int64_t ms)
{
	int64_t end = sk_boot_ms() + ms;
	struct sk_bus_kafka_state k;

	if ((v->which & SK_SERVICE_BUS) == 0)
		return true;
	for (;;) {
		k = sk_bus_kafka_state(v->bus);
		if (k.delivered + k.failed >= k.published)
			return k.failed == 0;
		if (sk_boot_ms() >= end)
			return false;
		sk_loop_once(v->loop, end - sk_boot_ms());
	}
}

static int64_t
wall_of(int64_t boot_ms)
{
	return sk_wall_ms() - sk_boot_ms() + boot_ms;
}

static void
look_at_bus(struct sk_services *v, struct sk_service_health *h)
{
	struct sk_bus_kafka_state k = sk_bus_kafka_state(v->bus);

	if (k.connected != v->bus_ok)
		v->bus_since_ms = k.connected || k.heard_ms == 0 ? sk_wall_ms() : wall_of(k.heard_ms);
	v->bus_ok = k.connected;
	*h = (struct sk_service_health){
		.service = SK_SERVICE_BUS, .name = "kafka", .ok = k.connected, .since_ms = v->bus_since_ms
	};
	if (!h->ok)
		snprintf(h->text, sizeof(h->text), "%s",
			k.problem[0] != '\0' ? k.problem : "Kafka does not answer");
}

static void
look_at_cache(const struct sk_services *v, struct sk_service_health *h)
{
	struct sk_cache_redis_state r = sk_cache_redis_state(v->cache);

	*h = (struct sk_service_health){
		.service = SK_SERVICE_CACHE, .name = "redis", .ok = r.connected, .since_ms = r.since_ms
	};
	if (!h->ok && *r.last_error != '\0')
		snprintf(h->text, sizeof(h->text), "Redis at %s: %s", r.where, r.last_error);
	else if (!h->ok)
		snprintf(h->text, sizeof(h->text), "Redis at %s does not answer", r.where);
}

static void
answered(struct sk_op *op)
{
	struct sk_services *v = op->arg;

	v->asking = false;
	if (op->code == SK_OK) /* an answer that it does not answer is none */
		v->store_silent = false;
	sk_arena_free(op->arena);
}

void
sk_services_tick(struct sk_services *v)
{
	int64_t now = sk_boot_ms();

	if (v->store == NULL)
		return;
	if (v->asking && !v->store_silent && now - v->asked_ms > SILENT_MS) {
		v->store_silent = true;
		v->silent_since_ms = wall_of(v->asked_ms);
	}
	if (v->asking || now - v->asked_ms < ASK_MS)
		return;
	v->asking = true;
	v->asked_ms = now;
	v->ask = (struct sk_op_setting){
		.op = { .kind = SK_OP_SETTING_GET, .done = answered, .arg = v, .arena = sk_arena_new() },
		.name = "health"
	};
	sk_store_submit(v->store, &v->ask.op);
}

static void
look_at_store(const struct sk_services *v, struct sk_service_health *h)
{
	struct sk_store_mongo_state m;

	sk_store_mongo_state(v->store, &m);
	*h = (struct sk_service_health){ .service = SK_SERVICE_STORE,
		.name = "mongodb",
		.ok = m.connected,
		.since_ms = wall_of(m.since_ms) };
	if (h->ok && v->store_silent) {
		h->ok = false;
		h->since_ms = v->silent_since_ms;
		snprintf(h->text, sizeof(h->text), "MongoDB has not answered for %.0f s",
			(double)(sk_wall_ms() - v->silent_since_ms) / 1000);
	} else if (!h->ok)
		snprintf(h->text, sizeof(h->text), "%s",
			m.error[0] != '\0' ? m.error : "MongoDB does not answer");
}

size_t
sk_services_health(struct sk_services *v, struct sk_service_health out[SK_N_SERVICE])
{
	size_t n = 0;

	if ((v->which & SK_SERVICE_BUS) != 0 && v->bus != NULL)
		look_at_bus(v, &out[n++]);
	if ((v->which & SK_SERVICE_CACHE) != 0 && v->cache != NULL)
		look_at_cache(v, &out[n++]);
	if ((v->which & SK_SERVICE_STORE) != 0 && v->store != NULL)
		look_at_store(v, &out[n++]);
	return n;
}

bool
sk_services_well(struct sk_services *v, enum sk_service which)
{
	struct sk_service_health health[SK_N_SERVICE];
	size_t n = sk_services_health(v, health);

	for (size_t i = 0; i < n; i++)
		if (health[i].service == which)
			return health[i].ok;
	return false;
}

void
sk_services_say_waiting(struct sk_services *v, const char *component)
{
	struct sk_service_health health[SK_N_SERVICE];
	struct sk_str names = SK_STR_INIT;
	size_t n = sk_services_health(v, health), away = 0;

	for (size_t i = 0; i < n; i++)
		if (!health[i].ok)
			sk_str_addf(&names, "%s%s", away++ > 0 ? ", " : "", health[i].name);
	/* none is away any more: it has not answered what it was asked */
	sk_log(SK_WARNING, component, "waiting for %s", away > 0 ? names.p : "the store");
	sk_str_release(&names);
}

size_t
sk_services_tell(void *arg, struct sk_control_service out[SK_CONTROL_SERVICES])
{
	struct sk_service_health health[SK_N_SERVICE];
	size_t n = sk_services_health(arg, health);

	for (size_t i = 0; i < n; i++) {
		out[i] = (struct sk_control_service){
			.name = health[i].name, .ok = health[i].ok, .since_ms = health[i].since_ms
		};
		snprintf(out[i].text, sizeof(out[i].text), "%s", health[i].text);
	}
	return n;
}
