/* kafka_test.c - what the bus over Kafka promises beyond the contract: other programs' records, bad
 * records, partitions, TLS, SASL, brokers that are not there. Needs the services of kafka_rig.h. */
#include "adapters/kafka/message.h"
#include "adapters/kafka/probe.h"
#include "core/base/clock.h"
#include "kafka_rig.h"
#include "core/model/names.h"
#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ALL ((1u << SK_N_TOPIC) - 1)
#define PATIENCE_MS 20000

struct ear {
	char prefix[40]; /* of the tasks that are heard */
	char heard[4096]; /* "task/attempt/skald " of each, without the prefix */
	size_t n;
};

struct rig {
	struct sk_loop *loop;
	struct sk_bus *bus;
	struct ear ear;
};

static void
hear(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct ear *ear = arg;
	const size_t n = strlen(ear->heard), len = strlen(ear->prefix);

	(void)topic;
	if (strncmp(e->task, ear->prefix, len) != 0)
		return;
	snprintf(
		ear->heard + n, sizeof(ear->heard) - n, "%s/%u/%s ", e->task + len, e->attempt, e->skald);
	ear->n++;
}

static void
open_with(struct rig *r, struct sk_bus_kafka_config cfg)
{
	static unsigned number;
	struct sk_err err;

	memset(r, 0, sizeof(*r));
	r->loop = sk_loop_new(&err);
	assert_non_null(r->loop);
	cfg.loop = r->loop;
	snprintf(r->ear.prefix, sizeof(r->ear.prefix), "%d-%lld-%u-", (int)getpid(),
		(long long)sk_wall_ms(), number++);
	r->bus = kafka_rig_open(&cfg);
	assert_int_equal(r->bus->ops->subscribe(r->bus, ALL, hear, &r->ear, &err), SK_OK);
}

static void
open_rig(struct rig *r)
{
	open_with(r, kafka_rig_config(NULL));
	assert_true(kafka_rig_wait(r->loop, r->bus, PATIENCE_MS));
}

static void
close_rig(struct rig *r)
{
	const int64_t began = sk_boot_ms();

	r->bus->ops->close(r->bus);
	assert_in_range(sk_boot_ms() - began, 0, 6000);
	sk_loop_free(r->loop);
}

static void
wait_for(struct rig *r, size_t n)
{
	const int64_t end = sk_boot_ms() + PATIENCE_MS;

	while (r->ear.n < n && sk_boot_ms() < end)
		sk_loop_once(r->loop, 10);
	assert_int_equal(r->ear.n, n);
}

static enum sk_code
publish(struct rig *r, enum sk_topic topic, const char *name, uint32_t attempt)
{
	char task[64];
	struct sk_event e = {
		.kind = SK_EVENT_STARTED, .task = task, .attempt = attempt, .skald = "n1"
	};

	snprintf(task, sizeof(task), "%s%s", r->ear.prefix, name);
	return sk_bus_publish(r->bus, topic, &e);
}

/* ---- other programs: the library alone ---- */

static rd_kafka_t *
raw_handle(rd_kafka_type_t type)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256] = "";
	rd_kafka_t *rk;

	assert_int_equal(
		rd_kafka_conf_set(conf, "bootstrap.servers", kafka_rig_servers(), text, sizeof(text)),
		RD_KAFKA_CONF_OK);
	rk = rd_kafka_new(type, conf, text, sizeof(text));
	if (rk == NULL)
		fail_msg("%s", text);
	return rk;
}

static void
raw_send(rd_kafka_t *rk, const char *topic, const void *value, size_t n, const void *key, size_t k)
{
	rd_kafka_resp_err_t err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
		RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_VALUE((void *)(uintptr_t)value, n), RD_KAFKA_V_KEY(key, k), RD_KAFKA_V_END);

	assert_int_equal(err, RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void
raw_text(rd_kafka_t *rk, const char *topic, const char *text)
{
	raw_send(rk, topic, text, strlen(text), "k", 1);
}

static void
raw_close(rd_kafka_t *rk)
{
	assert_int_equal(rd_kafka_flush(rk, PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_destroy(rk);
}

/* ---- tests ---- */

static void
events_of_the_originals_programs_are_read(void **state)
{
	struct rig r;
	rd_kafka_t *rk = raw_handle(RD_KAFKA_PRODUCER);
	char text[512];

	(void)state;
	open_rig(&r);
	snprintf(text, sizeof(text),
		"{\"id\":\"p1\",\"title\":null,\"initiator\":null,\"recipient\":null,"
		"\"createDateTime\":1795240371551,\"updateDateTime\":1795240371551,\"taskIds\":[\"%sp1\"]}",
		r.ear.prefix);
	raw_text(rk, SK_NAME_CANCEL, text);
	raw_close(rk);
	wait_for(&r, 1);
	rk = raw_handle(RD_KAFKA_PRODUCER);
	snprintf(text, sizeof(text),
		"{\"id\":null,\"title\":null,\"initiator\":null,\"recipient\":null,"
		"\"create_date_time\":1795240233992,\"update_date_time\":1795240233992,"
		"\"task_ids\":[\"%sa\",\"%sb\"]}",
		r.ear.prefix, r.ear.prefix);
	raw_send(rk, SK_NAME_ASSIGN, text, strlen(text), NULL, 0); /* a key is nothing to us */
	raw_close(rk);
	wait_for(&r, 3);
	assert_string_equal(r.ear.heard, "p1/0/ a/0/ b/0/ ");
	close_rig(&r);
}

static void
bad_records_are_counted_and_the_next_good_one_arrives(void **state)
{
	static char huge[900000];
	static const char *const bad[] = { "", "hello", "{\"taskIds\":7}", "{\"task_ids\":[\"\xff\"]}",
		"{\"taskIds\":[\"a\\u0000\"]}", "null", "[[[[[[[", "{\"taskIds\":[\"x\"}" };
	const size_t n_bad = sizeof(bad) / sizeof(bad[0]);
	struct rig r;
	rd_kafka_t *rk = raw_handle(RD_KAFKA_PRODUCER);
	char text[128];
	uint64_t before;

	(void)state;
	open_rig(&r);
	before = sk_bus_kafka_state(r.bus).malformed;
	for (size_t i = 0; i < n_bad; i++)
		raw_text(rk, SK_NAME_ASSIGN, bad[i]);
	raw_send(rk, SK_NAME_ASSIGN, NULL, 0, "k", 1);
	raw_send(rk, SK_NAME_ASSIGN, NULL, 0, NULL, 0);
	memset(huge, '[', sizeof(huge));
	raw_send(rk, SK_NAME_ASSIGN, huge, sizeof(huge), "k", 1);
	srandom(4711);
	for (size_t i = 0; i < 1000; i++)
		huge[i] = (char)random();
	for (size_t i = 0; i < 10; i++)
		raw_send(rk, SK_NAME_EVENT, huge + i, 100 * i + 1, huge, 7);
	snprintf(text, sizeof(text), "{\"taskIds\":[\"%sgood\"]}", r.ear.prefix);
	raw_text(rk, SK_NAME_ASSIGN, text);
	raw_close(rk);
	wait_for(&r, 1);
	assert_string_equal(r.ear.heard, "good/0/ ");
	while (sk_bus_kafka_state(r.bus).malformed - before < n_bad + 3 + 10)
		sk_loop_once(r.loop, 100);
	assert_true(sk_bus_kafka_state(r.bus).connected);
	close_rig(&r);
}

/* Where the broker has put a task's event is where Java and Python would. */
static void
a_task_is_in_the_partition_that_others_choose(void **state)
{
	static const struct {
		const char *key;
		int32_t hash; /* of Java's Utils.murmur2 */
	} known[] = { { "21", -973932308 }, { "foobar", -790332482 }, { "abc", 479470107 } };
	const struct rd_kafka_metadata *meta;
	struct rig r;
	rd_kafka_t *rk = raw_handle(RD_KAFKA_CONSUMER);
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, SK_NAME_UPDATE, NULL);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	const int64_t end = sk_boot_ms() + PATIENCE_MS;
	char stamp[40];
	int32_t n;
	size_t found = 0;

	(void)state;
	open_rig(&r);
	assert_int_equal(rd_kafka_metadata(rk, 0, rkt, &meta, PATIENCE_MS), 0);
	n = meta->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(meta);
	assert_true(n > 0);
	for (int32_t p = 0; p < n; p++)
		assert_int_equal(rd_kafka_consume_start_queue(rkt, p, RD_KAFKA_OFFSET_TAIL(100), q), 0);
	snprintf(stamp, sizeof(stamp), "stamp-%s", r.ear.prefix);
	for (size_t i = 0; i < 3; i++) {
		struct sk_event e = { .task = known[i].key, .attempt = 1, .skald = stamp };

		assert_int_equal(sk_bus_publish(r.bus, SK_TOPIC_UPDATE, &e), SK_OK);
	}
	assert_true(kafka_rig_wait(r.loop, r.bus, PATIENCE_MS));
	while (found < 3 && sk_boot_ms() < end) {
		rd_kafka_message_t *m = rd_kafka_consume_queue(q, 1000);

		for (size_t i = 0; m != NULL && m->err == 0 && m->len > 0 && i < 3; i++)
			if (memmem(m->payload, m->len, stamp, strlen(stamp)) != NULL &&
				m->key_len == strlen(known[i].key) &&
				memcmp(m->key, known[i].key, m->key_len) == 0) {
				assert_int_equal(m->partition, (known[i].hash & 0x7fffffff) % n);
				found++;
			}
		if (m != NULL)
			rd_kafka_message_destroy(m);
	}
	assert_int_equal(found, 3);
	for (int32_t p = 0; p < n; p++)
		rd_kafka_consume_stop(rkt, p);
	rd_kafka_queue_destroy(q);
	rd_kafka_topic_destroy(rkt);
	rd_kafka_destroy(rk);
	close_rig(&r);
}

/* ---- who may come in ---- */

static void
gets_through(struct sk_bus_kafka_config cfg)
{
	struct rig r;

	open_with(&r, cfg);
	if (!kafka_rig_wait(r.loop, r.bus, PATIENCE_MS))
		fail_msg("%s", sk_bus_kafka_state(r.bus).problem);
	assert_int_equal(publish(&r, SK_TOPIC_ASSIGN, "t", 1), SK_OK);
	wait_for(&r, 1);
	assert_string_equal(r.ear.heard, "t/1/n1 ");
	assert_string_equal(sk_bus_kafka_state(r.bus).problem, "");
	close_rig(&r);
}

/* Within some seconds the state says so, with this word; nothing hangs, nothing is taken for sent. */
static void
is_refused(struct sk_bus_kafka_config cfg, const char *word)
{
	const int64_t end = sk_boot_ms() + 8000;
	struct sk_bus_kafka_state s;
	struct rig r;

	open_with(&r, cfg);
	do {
		int64_t began = sk_boot_ms();

		publish(&r, SK_TOPIC_ASSIGN, "t", 1);
		sk_loop_once(r.loop, 50);
		assert_in_range(sk_boot_ms() - began, 0, 1000);
		s = sk_bus_kafka_state(r.bus);
	} while (strstr(s.problem, word) == NULL && sk_boot_ms() < end);
	if (strstr(s.problem, word) == NULL)
		fail_msg("\"%s\" does not say %s", s.problem, word);
	assert_null(strstr(s.problem, "hunter2"));
	assert_false(s.connected);
	assert_false(s.assigned);
	assert_int_equal(s.delivered, 0);
	assert_int_equal(r.ear.n, 0);
	close_rig(&r);
}

static bool
listener(const char *port_variable, struct sk_bus_kafka_config *cfg, char servers[64])
{
	*cfg = kafka_rig_config(NULL);
	cfg->servers = kafka_rig_listener(port_variable, servers);
	cfg->username = getenv("SKALDS_TEST_KAFKA_USER");
	cfg->password = getenv("SKALDS_TEST_KAFKA_PASSWORD");
	cfg->ca_file = getenv("SKALDS_TEST_CA");
	return cfg->servers != NULL && cfg->username != NULL && cfg->password != NULL &&
		cfg->ca_file != NULL;
}

static void
over_tls(void **state)
{
	struct sk_bus_kafka_config cfg;
	char servers[64];

	(void)state;
	if (!listener("KAFKA_SSL_PORT", &cfg, servers))
		skip();
	cfg.security = "SSL";
	gets_through(cfg);
	cfg.cert_file = getenv("SKALDS_TEST_CLIENT_CERT");
	cfg.key_file = getenv("SKALDS_TEST_CLIENT_KEY");
	gets_through(cfg);
	cfg.ca_file = getenv("SKALDS_TEST_OTHER_CA");
	is_refused(cfg, "certificate verify failed");
}

static void
with_passwords(void **state)
{
	static const char *const mechanisms[] = { "PLAIN", "scram-sha-256", "SCRAM-SHA-512" };
	struct sk_bus_kafka_config cfg;
	char servers[64];

	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		if (!listener(tls ? "KAFKA_SASL_SSL_PORT" : "KAFKA_SASL_PORT", &cfg, servers))
			skip();
		cfg.security = tls ? "SASL_SSL" : "SASL_PLAINTEXT";
		for (size_t i = 0; i < 3; i++) {
			cfg.mechanism = mechanisms[i];
			gets_through(cfg);
		}
	}
	cfg.password = "hunter2";
	is_refused(cfg, "uthentication failed");
	cfg.mechanism = "PLAIN";
	is_refused(cfg, "uthentication failed");
}

/* Plain text to a listener that wants a password: the broker hangs up. */
static void
with_the_wrong_protocol(void **state)
{
	struct sk_bus_kafka_config cfg;
	char servers[64];

	(void)state;
	if (!listener("KAFKA_SASL_PORT", &cfg, servers))
		skip();
	is_refused(cfg, "does not answer");
	listener("KAFKA_SSL_PORT", &cfg, servers);
	is_refused(cfg, "does not answer");
}

static void
cannot_open(struct sk_bus_kafka_config cfg, const char *sentence)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_loop *loop = sk_loop_new(&err);

	cfg.loop = loop;
	assert_null(sk_bus_kafka_open(&cfg, &err));
	assert_int_equal(err.code, SK_EINVAL);
	if (strstr(err.msg, sentence) == NULL)
		fail_msg("\"%s\" is not \"%s\"", err.msg, sentence);
	assert_null(strstr(err.msg, "hunter2"));
	sk_loop_free(loop);
}

static void
wrong_settings_are_said_at_once(void **state)
{
	struct sk_bus_kafka_config cfg = { .servers = "localhost:1" };

	(void)state;
	cfg.security = "TLS";
	cannot_open(
		cfg, "the Kafka security protocol must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
	cfg.security = "SASL_SSL";
	cannot_open(cfg, "Kafka with SASL needs a user name and a password");
	cfg.username = "u";
	cfg.password = "hunter2";
	cfg.mechanism = "GSSAPI";
	cannot_open(cfg, "the Kafka mechanism must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
	cfg.mechanism = NULL;
	cfg.ca_file = "/nowhere/ca.pem";
	cannot_open(
		cfg, "the CA file for Kafka, /nowhere/ca.pem, cannot be read: No such file or directory");
	cfg.ca_file = "/etc/hostname";
	cannot_open(cfg, "the Kafka client cannot be set up: ssl.ca.location failed");
	cfg.ca_file = NULL;
	cfg.cert_file = "/etc/hostname";
	cannot_open(cfg, "a certificate for Kafka needs its key, and the key it");
	cfg.servers = "";
	cannot_open(cfg, "no Kafka server is given");
	/* the rule of the original: a password is wanted */
	cannot_open((struct sk_bus_kafka_config){ .servers = "pkc-1.confluent.cloud:9092" },
		"Kafka with SASL needs a user name and a password");
}

/* ---- who is not there ---- */

static void
a_broker_that_is_not_there_stops_nobody(void **state)
{
	struct sk_bus_kafka_config cfg = kafka_rig_config(NULL);
	struct sk_bus_kafka_state s;
	struct rig r;
	size_t taken = 0, refused = 0;
	int64_t end = sk_boot_ms() + 18000, began, longest = 0;

	(void)state;
	cfg.servers = "127.0.0.1:1,127.0.0.1:2";
	cfg.max_events = 1000;
	open_with(&r, cfg);
	while (sk_boot_ms() < end) {
		began = sk_boot_ms();
		for (int i = 0; i < 10; i++)
			if (publish(&r, SK_TOPIC_EVENT, "t", 1) == SK_OK)
				taken++;
			else
				refused++;
		sk_loop_once(r.loop, 10);
		began = sk_boot_ms() - began;
		longest = began > longest ? began : longest;
	}
	s = sk_bus_kafka_state(r.bus);
	assert_in_range(longest, 0, 500);
	assert_false(s.connected);
	if (strstr(s.problem, "Connection refused") == NULL)
		fail_msg("%s", s.problem);
	assert_true(taken > 1000); /* what was too old made room */
	assert_int_equal(s.published, taken);
	assert_int_equal(s.dropped, refused);
	assert_true(refused > 0 && s.failed > 0);
	assert_int_equal(s.delivered, 0);
	close_rig(&r);
}

/* Somebody who accepts and says nothing, as a machine whose cable was pulled. */
static void
a_broker_that_says_nothing_is_noticed(void **state)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char servers[32];
	struct sk_bus_kafka_config cfg = kafka_rig_config(NULL);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 100), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(servers, sizeof(servers), "127.0.0.1:%u", ntohs(addr.sin_port));
	cfg.servers = servers;
	is_refused(cfg, "does not answer");
	close(fd);
}

/* Nobody listens in between: what is published meanwhile is not heard later. */
static void
a_new_start_begins_at_the_end(void **state)
{
	struct rig r, late;

	(void)state;
	open_rig(&r);
	assert_int_equal(publish(&r, SK_TOPIC_ASSIGN, "before", 1), SK_OK);
	wait_for(&r, 1);
	open_rig(&late);
	memcpy(late.ear.prefix, r.ear.prefix, sizeof(late.ear.prefix));
	assert_int_equal(publish(&r, SK_TOPIC_ASSIGN, "after", 2), SK_OK);
	wait_for(&late, 1);
	assert_string_equal(late.ear.heard, "after/2/n1 ");
	close_rig(&late);
	close_rig(&r);
}

/* Each of two processes hears everything: no group divides it. */
static void
everybody_hears_everything(void **state)
{
	struct rig a, b;

	(void)state;
	open_rig(&a);
	open_rig(&b);
	memcpy(b.ear.prefix, a.ear.prefix, sizeof(b.ear.prefix));
	for (uint32_t i = 1; i <= 20; i++) {
		char name[8];

		snprintf(name, sizeof(name), "t%u", i);
		assert_int_equal(publish(i % 2 ? &a : &b, SK_TOPIC_ASSIGN, name, i), SK_OK);
	}
	wait_for(&a, 20);
	wait_for(&b, 20);
	close_rig(&b);
	close_rig(&a);
}

/* ---- the probe ---- */

struct findings {
	struct sk_str text;
	int worst;
};

static void
finds(void *arg, enum sk_level level, const char *sentence)
{
	struct findings *f = arg;

	sk_str_addf(&f->text, "%s: %s\n", sk_level_name(level), sentence);
	f->worst = (int)level > f->worst ? (int)level : f->worst;
}

static void
says(const struct findings *f, const char *part)
{
	if (strstr(sk_str_text(&f->text), part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, sk_str_text(&f->text));
}

static void
the_probe_tells_what_is_there(void **state)
{
	const struct sk_bus_kafka_config cfg = kafka_rig_config(NULL);
	struct findings f = { .text = SK_STR_INIT };
	struct rig r;

	(void)state;
	open_rig(&r); /* makes the topics */
	close_rig(&r);
	assert_true(sk_kafka_probe(&cfg, 5000, finds, &f));
	assert_int_equal(f.worst, SK_INFO);
	says(&f, "info: Kafka answers after ");
	says(&f, " broker");
	says(&f, ", version ");
	for (unsigned t = 0; t < SK_N_TOPIC; t++)
		says(&f, sk_kafka_topic(t));
	sk_str_release(&f.text);
}

static void
the_probe_tells_what_is_wrong(void **state)
{
	struct sk_bus_kafka_config cfg = { .servers = "127.0.0.1:1" };
	struct findings f = { .text = SK_STR_INIT };
	int64_t began = sk_boot_ms();
	char servers[64];

	(void)state;
	assert_false(sk_kafka_probe(&cfg, 1000, finds, &f));
	assert_in_range(sk_boot_ms() - began, 0, 3000);
	says(&f, "error: Kafka (127.0.0.1:1) does not answer: ");
	says(&f, "Connection refused");
	cfg.security = "SASL_SSL";
	assert_false(sk_kafka_probe(&cfg, 1000, finds, &f));
	says(&f, "error: Kafka with SASL needs a user name and a password");
	if (listener("KAFKA_SASL_PORT", &cfg, servers)) {
		cfg.security = "SASL_PLAINTEXT";
		cfg.mechanism = "SCRAM-SHA-256";
		assert_true(sk_kafka_probe(&cfg, 5000, finds, &f));
		cfg.password = "hunter2";
		assert_false(sk_kafka_probe(&cfg, 3000, finds, &f));
		says(&f, "uthentication failed");
		assert_null(strstr(sk_str_text(&f.text), "hunter2"));
	}
	sk_str_release(&f.text);
}

int
main(void)
{
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(wrong_settings_are_said_at_once),
		cmocka_unit_test(a_broker_that_is_not_there_stops_nobody),
		cmocka_unit_test(a_broker_that_says_nothing_is_noticed),
		cmocka_unit_test(the_probe_tells_what_is_wrong),
	};
	const struct CMUnitTest with_broker[] = {
		cmocka_unit_test(events_of_the_originals_programs_are_read),
		cmocka_unit_test(bad_records_are_counted_and_the_next_good_one_arrives),
		cmocka_unit_test(a_task_is_in_the_partition_that_others_choose),
		cmocka_unit_test(over_tls),
		cmocka_unit_test(with_passwords),
		cmocka_unit_test(with_the_wrong_protocol),
		cmocka_unit_test(a_new_start_begins_at_the_end),
		cmocka_unit_test(everybody_hears_everything),
		cmocka_unit_test(the_probe_tells_what_is_there),
	};
	int failed = cmocka_run_group_tests(alone, NULL, NULL);

	if (kafka_rig_servers() != NULL)
		return failed + cmocka_run_group_tests(with_broker, NULL, NULL);
	print_message("1..1\nok 1 - with a broker # SKIP SKALDS_TEST_KAFKA names no broker\n");
	return failed;
}
