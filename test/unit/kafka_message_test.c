/* kafka_message_test.c - records on Kafka: the bytes that programs of the original write, ours, what
 * is malformed and where; KAFKA_HOST in all its spellings; partitions as Java chooses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/kafka/message.h"
#include "adapters/kafka/servers.h"
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sk_kafka_place at = { "task.assign", 2, 17 };

struct decoded {
	struct sk_arena *arena;
	struct sk_event *events;
	size_t n;
	enum sk_code code;
	struct sk_err err;
};

static struct decoded
decode_n(enum sk_topic topic, const char *value, size_t n)
{
	struct decoded d = { .arena = sk_arena_new(), .err = { SK_OK, "" } };

	d.code = sk_kafka_decode(topic, &at, value, n, d.arena, &d.events, &d.n, &d.err);
	return d;
}

static struct decoded
decode(enum sk_topic topic, const char *value)
{
	return decode_n(topic, value, strlen(value));
}

/* "task:attempt:skald:time …" */
static void
says(const char *value, const char *expected)
{
	struct decoded d = decode(SK_TOPIC_ASSIGN, value);
	struct sk_str text = SK_STR_INIT;

	assert_string_equal(d.err.msg, "");
	assert_int_equal(d.code, SK_OK);
	for (size_t i = 0; i < d.n; i++)
		sk_str_addf(&text, "%s%s:%" PRIu32 ":%s:%" PRId64, i > 0 ? " " : "", d.events[i].task,
			d.events[i].attempt, d.events[i].skald, d.events[i].time_ms);
	assert_string_equal(sk_str_text(&text), expected);
	sk_str_release(&text);
	sk_arena_free(d.arena);
}

static void
wrong(enum sk_topic topic, const char *value, const char *why)
{
	struct decoded d = decode(topic, value);
	char expected[256];

	snprintf(expected, sizeof(expected), "task.assign, partition 2, offset 17: %s", why);
	assert_int_equal(d.code, SK_EINVAL);
	assert_int_equal(d.err.code, SK_EINVAL);
	assert_string_equal(d.err.msg, expected);
	sk_arena_free(d.arena);
}

/* ---- what the original writes (skalds-protocol.md 2.3, letter by letter) ---- */

static void
a_controller_of_the_original_writes_aliases(void **state)
{
	(void)state;
	says("{\"id\":\"p1\",\"title\":null,\"initiator\":null,\"recipient\":null,"
		 "\"createDateTime\":1795240371551,\"updateDateTime\":1795240371551,\"taskIds\":[\"p1\"]}",
		"p1:0::1795240371551");
}

static void
scripts_write_names_and_several_tasks(void **state)
{
	(void)state;
	says("{\"id\":null,\"title\":null,\"initiator\":null,\"recipient\":null,"
		 "\"create_date_time\":1795240233992,\"update_date_time\":1795240233992,"
		 "\"task_ids\":[\"a\",\"b\"]}",
		"a:0::1795240233992 b:0::1795240233992");
}

static void
an_alias_wins_and_what_may_be_left_out_is(void **state)
{
	(void)state;
	says("{\"task_ids\":[\"a\"],\"taskIds\":[\"b\"],\"create_date_time\":1,\"createDateTime\":2}",
		"b:0::2");
	says("{\"taskIds\":[\"a\"]}", "a:0::0");
	says("{\"taskIds\":[]}", "");
	says(" {\"taskIds\" : [\"a\"], \"more\": {\"x\": [1]}, \"title\": 7}\n", "a:0::0");
	wrong(SK_TOPIC_ASSIGN, "{\"task_ids\":[\"a\"],\"taskIds\":null}",
		"taskIds: expected a list, got null");
}

static void
times_may_be_texts_and_are_never_needed(void **state)
{
	(void)state;
	says("{\"taskIds\":[\"a\"],\"createDateTime\":\"1795240233992\"}", "a:0::1795240233992");
	says("{\"taskIds\":[\"a\"],\"create_date_time\":\"-5\"}", "a:0::-5");
	says("{\"taskIds\":[\"a\"],\"createDateTime\":1.5}", "a:0::0");
	says("{\"taskIds\":[\"a\"],\"createDateTime\":\"soon\"}", "a:0::0");
	says("{\"taskIds\":[\"a\"],\"createDateTime\":\"12345678901234567890123\"}", "a:0::0");
	says("{\"taskIds\":[\"a\"],\"createDateTime\":null}", "a:0::0");
}

/* Whatever the original's programs may put there, it names no skald of ours. */
static void
a_recipient_counts_only_beside_an_attempt(void **state)
{
	(void)state;
	says("{\"taskIds\":[\"a\"],\"recipient\":\"n1\"}", "a:0::0");
	says("{\"taskIds\":[\"a\"],\"recipient\":\"n1\",\"attempt\":3}", "a:3:n1:0");
	says("{\"taskIds\":[\"a\"],\"recipient\":null,\"attempt\":3}", "a:3::0");
	says("{\"taskIds\":[\"a\"],\"recipient\":\"n1\",\"attempt\":-1}", "a:0::0");
	says("{\"taskIds\":[\"a\"],\"recipient\":\"n1\",\"attempt\":\"x\"}", "a:0::0");
	says("{\"taskIds\":[\"a\"],\"recipient\":\"n1\",\"attempt\":4294967296}", "a:0::0");
}

/* ---- ours ---- */

static void
ours_have_one_task_its_skald_and_the_attempt(void **state)
{
	const struct sk_event e = { .kind = SK_EVENT_ASSIGNED,
		.time_ms = 1795240371551,
		.task = "T\"1",
		.class_name = "MyWorker",
		.attempt = 4,
		.skald = "node-1" };
	struct sk_str text = SK_STR_INIT;

	(void)state;
	sk_kafka_encode(&text, SK_TOPIC_ASSIGN, &e);
	assert_string_equal(text.p,
		"{\"id\":\"T\\\"1\",\"title\":null,\"initiator\":null,\"recipient\":\"node-1\","
		"\"createDateTime\":1795240371551,\"updateDateTime\":1795240371551,"
		"\"taskIds\":[\"T\\\"1\"],\"attempt\":4}");
	says(text.p, "T\"1:4:node-1:1795240371551");
	sk_str_release(&text);
}

/* Of a task that is executed in the original's way: byte for byte as it writes. */
static void
without_skald_and_attempt_it_is_the_originals(void **state)
{
	const struct sk_event e = { .time_ms = 1795240371551, .task = "p1", .skald = "" };
	struct sk_str text = SK_STR_INIT;

	(void)state;
	sk_kafka_encode(&text, SK_TOPIC_CANCEL, &e);
	assert_string_equal(text.p,
		"{\"id\":\"p1\",\"title\":null,\"initiator\":null,\"recipient\":null,"
		"\"createDateTime\":1795240371551,\"updateDateTime\":1795240371551,\"taskIds\":[\"p1\"]}");
	sk_str_release(&text);
}

static void
keys_are_never_missing(void **state)
{
	(void)state;
	assert_string_equal(sk_kafka_key(&(struct sk_event){ .task = "t", .skald = "s" }), "t");
	assert_string_equal(sk_kafka_key(&(struct sk_event){ .task = "", .skald = "s" }), "s");
	assert_string_equal(sk_kafka_key(&(struct sk_event){ .task = NULL }), "skalds");
}

static void
comes_back_as_it_was(const struct sk_event *e)
{
	struct sk_str text = SK_STR_INIT;
	struct decoded d;

	sk_kafka_encode(&text, SK_TOPIC_EVENT, e);
	d = decode_n(SK_TOPIC_EVENT, text.p, text.len);
	assert_string_equal(d.err.msg, "");
	assert_int_equal(d.n, 1);
	assert_int_equal(d.events[0].kind, e->kind);
	assert_int_equal(d.events[0].time_ms, e->time_ms);
	assert_string_equal(d.events[0].task, e->task);
	assert_string_equal(d.events[0].class_name, e->class_name);
	assert_int_equal(d.events[0].attempt, e->attempt);
	assert_string_equal(d.events[0].skald, e->skald);
	assert_true(d.events[0].progress == e->progress);
	assert_string_equal(d.events[0].stage, e->stage);
	assert_string_equal(d.events[0].message, e->message);
	sk_str_release(&text);
	sk_arena_free(d.arena);
}

static void
every_kind_of_event_comes_back_as_it_was(void **state)
{
	(void)state;
	for (unsigned k = 0; k < SK_N_EVENT; k++) {
		const bool no_task = k == SK_EVENT_SKALD || k == SK_EVENT_PING;
		struct sk_event e = { .kind = k,
			.time_ms = 1795240371551 + k,
			.task = no_task ? "" : "t\xc3\xa4\"\n1",
			.class_name = no_task ? "" : "MyWorker",
			.attempt = no_task || k == SK_EVENT_ALERT ? 0 : UINT32_MAX - k,
			.skald = k % 2 ? "s\\1" : "",
			.progress = k % 3 ? 0.25 : 0,
			.stage = k % 3 ? "packing" : "",
			.message = k % 2 ? "went \x01 well" : "" };

		comes_back_as_it_was(&e);
	}
	/* who accepted a task is kept for controllers, out of people's sight */
	comes_back_as_it_was(&(struct sk_event){ .kind = SK_EVENT_CREATED,
		.task = "t",
		.class_name = "",
		.skald = "controller-1",
		.stage = "",
		.message = "" });
}

static void
what_json_cannot_say_is_said_as_well_as_it_can(void **state)
{
	char *longest = malloc(300001);
	struct sk_event e = { .kind = SK_EVENT_PROGRESS, .task = "t", .progress = 0.0 };
	struct sk_str text = SK_STR_INIT;
	struct decoded d;

	(void)state;
	memset(longest, 0, 300001);
	for (int i = 0; i < 300000; i += 2)
		memcpy(longest + i, "\xc3\xa4", 2); /* whole characters are left */
	e.message = longest + 1; /* and one that is none */
	e.progress /= e.progress; /* not a number */
	sk_kafka_encode(&text, SK_TOPIC_EVENT, &e);
	assert_true(text.len < 1000000);
	d = decode_n(SK_TOPIC_EVENT, text.p, text.len);
	assert_string_equal(d.err.msg, "");
	assert_true(d.events[0].progress == 0);
	assert_in_range(strlen(d.events[0].message), SK_KAFKA_TEXT_MAX - 3, SK_KAFKA_TEXT_MAX + 3);
	sk_str_release(&text);
	sk_arena_free(d.arena);
	free(longest);
}

/* ---- what is malformed ---- */

static void
malformed_records_are_named_with_their_place(void **state)
{
	struct decoded d = decode_n(SK_TOPIC_ASSIGN, NULL, 0);

	(void)state;
	assert_int_equal(d.code, SK_EINVAL);
	assert_string_equal(d.err.msg, "task.assign, partition 2, offset 17: there is no value");
	sk_arena_free(d.arena);
	wrong(SK_TOPIC_ASSIGN, "", "there is nothing in it");
	wrong(SK_TOPIC_ASSIGN, "hello", "not valid JSON: invalid token");
	wrong(
		SK_TOPIC_ASSIGN, "{\"taskIds\":[\"\xff\"]}", "not valid JSON: unable to decode byte 0xff");
	wrong(
		SK_TOPIC_ASSIGN, "{\"taskIds\":[\"a\\u0000b\"]}", "not valid JSON: \\u0000 is not allowed");
	wrong(SK_TOPIC_ASSIGN, "[\"a\"]", "expected an object, got list");
	wrong(SK_TOPIC_ASSIGN, "{}", "taskIds is missing");
	wrong(SK_TOPIC_ASSIGN, "{\"taskIds\":\"a\"}", "taskIds: expected a list, got string");
	wrong(SK_TOPIC_ASSIGN, "{\"taskIds\":[\"a\",7]}",
		"taskIds: number 2 is no id of 1 to 255 bytes but integer");
	wrong(SK_TOPIC_ASSIGN, "{\"taskIds\":[\"\"]}",
		"taskIds: number 1 is no id of 1 to 255 bytes but a text of another length");
	wrong(SK_TOPIC_EVENT, "{\"time\":1,\"event\":\"exploded\",\"taskId\":\"t\"}",
		"event: no name that this version knows");
	wrong(SK_TOPIC_EVENT, "{\"time\":1,\"event\":\"started\"}", "taskId: no id of 1 to 255 bytes");
	wrong(SK_TOPIC_EVENT, "{\"event\":\"started\",\"taskId\":\"t\",\"attempt\":-1}",
		"attempt: no number of an attempt");
	wrong(SK_TOPIC_EVENT, "{\"event\":\"started\",\"taskId\":\"t\",\"skald\":1}",
		"className, skald or message: expected a string");
	wrong(SK_TOPIC_EVENT,
		"{\"event\":\"progress\",\"taskId\":\"t\",\"progress\":{\"value\":\"x\"}}",
		"progress: expected a value and its stage");
	wrong(SK_TOPIC_EVENT, "{\"event\":\"progress\",\"taskId\":\"t\",\"progress\":7}",
		"progress: expected a value and its stage");
}

static void
the_good_ids_of_a_list_with_bad_ones_are_told(void **state)
{
	struct decoded d = decode(SK_TOPIC_ASSIGN, "{\"taskIds\":[\"a\",null,\"b\",{}]}");

	(void)state;
	assert_int_equal(d.code, SK_EINVAL);
	assert_int_equal(d.n, 2);
	assert_string_equal(d.events[0].task, "a");
	assert_string_equal(d.events[1].task, "b");
	sk_arena_free(d.arena);
}

static void
there_are_limits(void **state)
{
	struct sk_str text = SK_STR_INIT;
	char id[300];
	struct decoded d;

	(void)state;
	memset(id, 'x', sizeof(id));
	for (int len = 255; len <= 256; len++) {
		sk_str_clear(&text);
		sk_str_addf(&text, "{\"taskIds\":[\"%.*s\"]}", len, id);
		d = decode_n(SK_TOPIC_ASSIGN, text.p, text.len);
		assert_int_equal(d.n, len == 255 ? 1 : 0);
		sk_arena_free(d.arena);
	}
	for (size_t n = SK_KAFKA_IDS_MAX; n <= SK_KAFKA_IDS_MAX + 1; n++) {
		sk_str_clear(&text);
		sk_str_adds(&text, "{\"taskIds\":[\"a\"");
		for (size_t i = 1; i < n; i++)
			sk_str_adds(&text, ",\"a\"");
		sk_str_adds(&text, "]}");
		d = decode_n(SK_TOPIC_ASSIGN, text.p, text.len);
		assert_int_equal(d.n, n == SK_KAFKA_IDS_MAX ? n : 0);
		sk_arena_free(d.arena);
	}
	sk_str_clear(&text);
	sk_str_adds(&text, "{\"taskIds\":[\"a\"]}");
	while (text.len <= SK_KAFKA_VALUE_MAX) {
		d = decode_n(SK_TOPIC_ASSIGN, text.p, text.len);
		assert_int_equal(d.n, 1);
		sk_arena_free(d.arena);
		for (size_t more = text.len; more > 0 && text.len <= SK_KAFKA_VALUE_MAX; more--)
			sk_str_addc(&text, ' ');
	}
	d = decode_n(SK_TOPIC_ASSIGN, text.p, text.len);
	assert_int_equal(d.code, SK_EINVAL);
	assert_non_null(strstr(d.err.msg, "larger than 1 MiB"));
	sk_arena_free(d.arena);
	sk_str_release(&text);
}

/* ---- KAFKA_HOST ---- */

static void
servers_are(const char *text, const char *expected)
{
	struct sk_str out = SK_STR_INIT;
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = sk_kafka_servers(text, 9092, &out, &err);

	assert_string_equal(err.msg, "");
	assert_int_equal(code, SK_OK);
	assert_string_equal(sk_str_text(&out), expected);
	sk_str_release(&out);
}

static void
no_servers(const char *text, const char *why)
{
	struct sk_str out = SK_STR_INIT;
	struct sk_err err = { SK_OK, "" };

	assert_int_equal(sk_kafka_servers(text, 9092, &out, &err), SK_EINVAL);
	assert_string_equal(err.msg, why);
	sk_str_release(&out);
}

static void
servers_in_all_their_spellings(void **state)
{
	(void)state;
	servers_are("localhost", "localhost:9092");
	servers_are("kafka.example.com:19092", "kafka.example.com:19092");
	servers_are(" a:1, b ,c_d-e:3 ", "a:1,b:9092,c_d-e:3");
	servers_are("10.0.0.1", "10.0.0.1:9092");
	servers_are("::1", "[::1]:9092");
	servers_are("[::1]", "[::1]:9092");
	servers_are("[fe80::1]:1,[2001:db8::2],x", "[fe80::1]:1,[2001:db8::2]:9092,x:9092");
	assert_true(sk_kafka_is_confluent("pkc-1.eu-central-1.aws.confluent.cloud:9092"));
	assert_false(sk_kafka_is_confluent("kafka:9092"));
}

static void
servers_that_are_none(void **state)
{
	(void)state;
	no_servers("", "a Kafka server is missing");
	no_servers("a,,b", "a Kafka server is missing between two commas or at an end of the list");
	no_servers("a,", "a Kafka server is missing between two commas or at an end of the list");
	no_servers("a:0", "\"a:0\" is no Kafka server: a port is a number from 1 to 65535");
	no_servers("a:65536", "\"a:65536\" is no Kafka server: a port is a number from 1 to 65535");
	no_servers("a:12x", "\"a:12x\" is no Kafka server: a port is a number from 1 to 65535");
	no_servers("a:", "\"a:\" is no Kafka server: a port is a number from 1 to 65535");
	no_servers("x,SSL://a:1",
		"\"SSL://a:1\" is no Kafka server: give host:port alone, the protocol is a setting of its "
		"own");
	no_servers("a b",
		"\"a b\" is no Kafka server: a host has letters, digits, '.', '-', '_'; IPv6 "
		"addresses stand in brackets");
	no_servers("[::1", "\"[::1\" is no Kafka server: between brackets belongs an IPv6 address");
	no_servers("[a]:1", "\"[a]:1\" is no Kafka server: between brackets belongs an IPv6 address");
	no_servers("[::1]x", "\"[::1]x\" is no Kafka server: a port is a number from 1 to 65535");
}

/* ---- partitions ---- */

/* Hashes of org.apache.kafka.common.utils.Utils.murmur2, as its own tests have them. */
static void
partitions_are_those_of_java(void **state)
{
	static const struct {
		const char *key;
		int32_t hash;
	} known[] = { { "21", -973932308 }, { "foobar", -790332482 },
		{ "a-little-bit-long-string", -985981536 }, { "a-little-bit-longer-string", -1486304829 },
		{ "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 }, { "abc", 479470107 } };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		for (int32_t n = 1; n < 20; n++)
			assert_int_equal(rd_kafka_msg_partitioner_murmur2_random(
								 NULL, known[i].key, strlen(known[i].key), n, NULL, NULL),
				(known[i].hash & 0x7fffffff) % n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_controller_of_the_original_writes_aliases),
		cmocka_unit_test(scripts_write_names_and_several_tasks),
		cmocka_unit_test(an_alias_wins_and_what_may_be_left_out_is),
		cmocka_unit_test(times_may_be_texts_and_are_never_needed),
		cmocka_unit_test(a_recipient_counts_only_beside_an_attempt),
		cmocka_unit_test(ours_have_one_task_its_skald_and_the_attempt),
		cmocka_unit_test(without_skald_and_attempt_it_is_the_originals),
		cmocka_unit_test(keys_are_never_missing),
		cmocka_unit_test(every_kind_of_event_comes_back_as_it_was),
		cmocka_unit_test(what_json_cannot_say_is_said_as_well_as_it_can),
		cmocka_unit_test(malformed_records_are_named_with_their_place),
		cmocka_unit_test(the_good_ids_of_a_list_with_bad_ones_are_told),
		cmocka_unit_test(there_are_limits),
		cmocka_unit_test(servers_in_all_their_spellings),
		cmocka_unit_test(servers_that_are_none),
		cmocka_unit_test(partitions_are_those_of_java),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
