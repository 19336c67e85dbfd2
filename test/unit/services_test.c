/* services_test.c - which services the settings name, and what is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/kafka/bus.h"
#include "adapters/mongo/store.h"
#include "adapters/redis/cache.h"
#include "cmd/services.h"
#include <stdlib.h>
#include <string.h>

/* Nothing of the caller's environment counts. */
static int
set_up(void **state)
{
	(void)state;
	for (const struct sk_setting_row *r = sk_setting_rows; r->name != NULL; r++)
		unsetenv(r->name);
	return 0;
}

static struct sk_settings *
settings(const char *kafka, const char *redis, const char *mongo)
{
	setenv("KAFKA_HOST", kafka, 1);
	setenv("REDIS_HOST", redis, 1);
	setenv("MONGO_HOST", mongo, 1);
	return sk_settings_load(NULL);
}

static void
none_some_all(void **state)
{
	static const struct {
		const char *kafka, *redis, *mongo;
		enum sk_services_kind kind;
		unsigned set;
		const char *missing;
	} cases[] = {
		{ "", "", "", SK_SERVICES_NONE, 0, "KAFKA_HOST, REDIS_HOST, MONGO_HOST" },
		{ "k", "", "", SK_SERVICES_SOME, SK_SERVICE_BUS, "REDIS_HOST, MONGO_HOST" },
		{ "", "r", "", SK_SERVICES_SOME, SK_SERVICE_CACHE, "KAFKA_HOST, MONGO_HOST" },
		{ "k", "r", "", SK_SERVICES_SOME, SK_SERVICE_BUS | SK_SERVICE_CACHE, "MONGO_HOST" },
		{ "", "", "m", SK_SERVICES_SOME, SK_SERVICE_STORE, "KAFKA_HOST, REDIS_HOST" },
		{ "k", "r", "m", SK_SERVICES_FLEET, SK_SERVICES_ALL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sk_settings *s = settings(cases[i].kafka, cases[i].redis, cases[i].mongo);
		struct sk_str missing = SK_STR_INIT;

		assert_int_equal(sk_services_kind(s, &missing), cases[i].kind);
		assert_int_equal(sk_services_set(s), cases[i].set);
		assert_string_equal(sk_str_text(&missing), cases[i].missing);
		sk_str_release(&missing);
		sk_settings_free(s);
	}
}

static void
kafka_takes_lists(void **state)
{
	struct sk_settings *s = settings("k1, k2:9093", "", "");
	struct sk_bus_kafka_config cfg;
	struct sk_str servers = SK_STR_INIT;
	struct sk_err err;

	(void)state;
	assert_int_equal(sk_services_kafka(s, "test", &servers, &cfg, &err), SK_OK);
	assert_string_equal(cfg.servers, "k1:9092,k2:9093");
	assert_string_equal(cfg.security, "");
	assert_string_equal(cfg.mechanism, "PLAIN");
	assert_int_equal(cfg.partitions, 6);
	assert_int_equal(cfg.replication, 3);
	sk_str_clear(&servers);
	sk_settings_free(s);
	s = settings("k1,,k2", "", "");
	assert_int_equal(sk_services_kafka(s, "test", &servers, &cfg, &err), SK_EINVAL);
	assert_ptr_equal(strstr(err.msg, "KAFKA_HOST"), err.msg);
	sk_str_release(&servers);
	sk_settings_free(s);
}

static void
redis_and_mongo_get_what_was_set(void **state)
{
	struct sk_settings *s;
	struct sk_cache_redis_config redis;
	struct sk_store_mongo_config mongo;

	(void)state;
	setenv("REDIS_DB", "7", 1);
	setenv("REDIS_TLS", "yes", 1);
	setenv("REDIS_USERNAME", "skalds", 1);
	setenv("DB_NAME", "fleet", 1);
	s = settings("", "/run/redis.sock", "mongodb://db/");
	sk_services_redis(s, "test", &redis);
	assert_string_equal(redis.host, "/run/redis.sock");
	assert_int_equal(redis.port, 6379);
	assert_int_equal(redis.db, 7);
	assert_true(redis.tls);
	assert_string_equal(redis.username, "skalds");
	sk_services_mongo(s, "test", &mongo);
	assert_string_equal(mongo.uri, "mongodb://db/");
	assert_string_equal(mongo.db, "fleet");
	sk_settings_free(s);
}

/* Edge and run-one take any subset: in place of the others stand the ones of this process. */
static void
what_is_not_set_is_local(void **state)
{
	struct sk_settings *s = settings("", "", "");
	struct sk_service_health health[SK_N_SERVICE];
	struct sk_services v;
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);

	(void)state;
	assert_int_equal(sk_services_open(s, loop, "test", SK_SERVICES_ALL, &v, &err), SK_OK);
	assert_null(v.store);
	assert_string_equal(v.cache->ops->name, "local");
	assert_string_equal(v.bus->ops->name, "local");
	assert_int_equal(sk_services_health(&v, health), 0);
	assert_true(sk_services_flush(&v, 0));
	sk_services_close(&v);
	sk_services_close(&v); /* again: nothing */
	sk_settings_free(s);
	sk_loop_free(loop);
}

/* A certificate that is not there is a wrong setting, a server that is not there is none. */
static void
only_wrong_settings_are_refused(void **state)
{
	struct sk_settings *s;
	struct sk_service_health health[SK_N_SERVICE];
	struct sk_services v;
	struct sk_err err;
	struct sk_loop *loop;

	(void)state;
#ifdef __SANITIZE_THREAD__
	skip(); /* libtsan itself crashes in the threads that librdkafka starts */
#endif
	loop = sk_loop_new(&err);
	setenv("KAFKA_PORT", "1", 1);
	setenv("REDIS_PORT", "1", 1);
	s = settings("127.0.0.1", "127.0.0.1", "mongodb://127.0.0.1:1/");
	assert_int_equal(sk_services_open(s, loop, "test", SK_SERVICES_ALL, &v, &err), SK_OK);
	assert_int_equal(sk_services_health(&v, health), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_false(health[i].ok);
		assert_true(health[i].text[0] != '\0');
		assert_true(health[i].since_ms > 0);
	}
	sk_services_close_store(&v);
	sk_services_close(&v);
	sk_settings_free(s);
	setenv("REDIS_TLS", "yes", 1);
	setenv("REDIS_CA_FILE", "/nowhere/ca.pem", 1);
	s = settings("127.0.0.1", "127.0.0.1", "mongodb://127.0.0.1:1/");
	assert_int_equal(sk_services_open(s, loop, "test", SK_SERVICES_ALL, &v, &err), SK_EINVAL);
	assert_non_null(strstr(err.msg, "/nowhere/ca.pem"));
	assert_null(v.bus);
	assert_null(v.store);
	sk_settings_free(s);
	sk_loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(none_some_all, set_up),
		cmocka_unit_test_setup(kafka_takes_lists, set_up),
		cmocka_unit_test_setup(redis_and_mongo_get_what_was_set, set_up),
		cmocka_unit_test_setup(what_is_not_set_is_local, set_up),
		cmocka_unit_test_setup(only_wrong_settings_are_refused, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
