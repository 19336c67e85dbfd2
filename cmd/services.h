/* services.h - Kafka, Redis and MongoDB as the settings name them, behind the three ports.
 *
 * Selection (architecture.md 4): none of KAFKA_HOST, REDIS_HOST and MONGO_HOST set is one machine
 * by itself, all three are a fleet, some are an error for node and controller; edge and run-one
 * take any. Everything lives on one loop. Nothing here blocks or fails because a service is away.
 *
 * Not in a supervisor, nor before one is split off: client libraries have threads. */
#ifndef SK_CMD_SERVICES_H
#define SK_CMD_SERVICES_H

#include "cmd/settings.h"
#include "core/control/control.h"

/* Bits, in the order of sk_setting_services. */
enum sk_service {
	SK_SERVICE_BUS = 1, /* Kafka */
	SK_SERVICE_CACHE = 2, /* Redis */
	SK_SERVICE_STORE = 4, /* MongoDB */
	SK_SERVICES_ALL = 7,
	SK_SERVICES_FOR_MANY = 8 /* who opens them answers many people: reads side by side */
};
#define SK_N_SERVICE 3

enum sk_services_kind {
	SK_SERVICES_NONE, /* embedded */
	SK_SERVICES_SOME,
	SK_SERVICES_FLEET
};

/* The bits of those that are set. */
unsigned sk_services_set(const struct sk_settings *s);
/* missing (NULL is allowed) gets the names of those that are not: "KAFKA_HOST, REDIS_HOST". */
enum sk_services_kind sk_services_kind(const struct sk_settings *s, struct sk_str *missing);

struct sk_services {
	struct sk_loop *loop;
	unsigned which; /* of these the ports are the fleet's */
	struct sk_store *store; /* NULL without SK_SERVICE_STORE */
	struct sk_cache *cache; /* never NULL: without SK_SERVICE_CACHE one in this process */
	struct sk_bus *bus; /* likewise */
	/* private: Kafka, which remembers no times, as it was last seen; the question to the store */
	bool bus_ok;
	int64_t bus_since_ms;
	bool asking, store_silent;
	int64_t asked_ms, silent_since_ms; /* boot clock; wall clock */
	struct sk_op_setting ask;
};

/* Open those of `which` (bits) that are set. component names us in logs and to the services. What
 * is given (a certificate that cannot be read, a list of brokers that is none) may be wrong: the
 * sentence says what, and nothing is open. Borrows the settings until sk_services_close. */
enum sk_code sk_services_open(const struct sk_settings *s, struct sk_loop *loop,
	const char *component, unsigned which, struct sk_services *out, struct sk_err *err) SK_CHECKED;

/* First, before what used the ports is freed: operations that are under way come back. */
void sk_services_close_store(struct sk_services *v);
/* Then the rest. Nothing happens when they were never opened (zeroed). */
void sk_services_close(struct sk_services *v);

/* Wait until what was published has arrived, for at most ms; runs the loop. False: some has not. */
bool sk_services_flush(struct sk_services *v, int64_t ms);

/* About once a second, by whoever runs for long: a store that hangs is noticed only by what it is
 * asked, and its own deadlines are longer than health may take. */
void sk_services_tick(struct sk_services *v);

struct sk_service_health {
	enum sk_service service;
	const char *name; /* "kafka", "redis", "mongodb" */
	bool ok;
	int64_t
		since_ms; /* wall clock: since when it is so; for one that never answered, its opening */
	char text[320]; /* what is wrong, one sentence; "" when it is ok */
};
/* Of each that was opened; never blocks. Returns how many. Since when Kafka is there is known as
 * exactly as one asks often. */
size_t sk_services_health(struct sk_services *v, struct sk_service_health out[SK_N_SERVICE]);
/* One of them: it was opened and is there. */
bool sk_services_well(struct sk_services *v, enum sk_service which);
/* Log what a start waits for: those that are away, in one sentence. */
void sk_services_say_waiting(struct sk_services *v, const char *component);
/* The same as sk_control_config wants it; arg: struct sk_services. */
size_t sk_services_tell(void *arg, struct sk_control_service out[SK_CONTROL_SERVICES]);

/* Their configurations as the settings have them, without a loop; for those who look at one alone
 * (doctor). Borrow from the settings and from servers. SK_EINVAL: KAFKA_HOST is no list. */
struct sk_bus_kafka_config;
struct sk_cache_redis_config;
struct sk_store_mongo_config;
enum sk_code sk_services_kafka(const struct sk_settings *s, const char *component,
	struct sk_str *servers, struct sk_bus_kafka_config *cfg, struct sk_err *err) SK_CHECKED;
void sk_services_redis(
	const struct sk_settings *s, const char *component, struct sk_cache_redis_config *cfg);
void sk_services_mongo(
	const struct sk_settings *s, const char *component, struct sk_store_mongo_config *cfg);

#endif
