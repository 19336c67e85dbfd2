/* bus_test.c - the contract of the event bus against each adapter, and what the local one promises
 * beyond it (the one over Kafka: kafka_test.c). */
#include "adapters/local/bus.h"
#include "bus_contract.h"
#include "core/base/clock.h"
#include "kafka_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sk_bus *
open_local(struct sk_loop *loop)
{
	return sk_bus_local_open(&(struct sk_bus_local_config){ .loop = loop });
}

static struct sk_bus *
open_local_small(struct sk_loop *loop)
{
	return sk_bus_local_open(&(struct sk_bus_local_config){ .loop = loop, .max_events = 100 });
}

static void
count(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	(void)topic;
	*(size_t *)arg += strlen(e->message);
}

/* The room is counted in bytes as well; texts larger than a block pass. */
static void
large_texts_pass_within_the_room(void **state)
{
	enum { LEN = 300000 };
	static char text[LEN + 1];
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);
	struct sk_bus *b = sk_bus_local_open(
		&(struct sk_bus_local_config){ .loop = loop, .max_bytes = (size_t)1 << 20 });
	struct sk_event e = { .task = "t", .message = text };
	size_t bytes = 0;

	(void)state;
	memset(text, 'm', LEN);
	assert_int_equal(b->ops->subscribe(b, 1u << SK_TOPIC_EVENT, count, &bytes, &err), SK_OK);
	for (int round = 0; round < 3; round++) {
		bytes = 0;
		for (int i = 0; i < 3; i++)
			assert_int_equal(sk_bus_publish(b, SK_TOPIC_EVENT, &e), SK_OK);
		assert_int_equal(sk_bus_publish(b, SK_TOPIC_EVENT, &e), SK_EAGAIN);
		assert_int_equal(sk_bus_local_dropped(b), round + 1);
		sk_loop_once(loop, 0);
		assert_int_equal(bytes, 3 * LEN);
	}
	b->ops->close(b);
	sk_loop_free(loop);
}

/* Texts that are NULL come as "". */
static void
texts_that_are_not_there_are_empty(void **state)
{
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);
	struct sk_bus *b = open_local(loop);
	struct sk_event e = { .kind = SK_EVENT_CREATED };
	size_t bytes = 0;

	(void)state;
	assert_int_equal(b->ops->subscribe(b, 1u << SK_TOPIC_EVENT, count, &bytes, &err), SK_OK);
	assert_int_equal(sk_bus_publish(b, SK_TOPIC_EVENT, &e), SK_OK);
	sk_loop_once(loop, 0);
	assert_int_equal(bytes, 0);
	b->ops->close(b);
	sk_loop_free(loop);
}

/* Without a sanitizer it is some 100 ns; the bound leaves room for slow machines and finds an
 * allocation or a system call per message. */
static void
a_message_costs_little(void **state)
{
	enum { ROUNDS = 100, N = 1000 };
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);
	struct sk_bus *b = open_local(loop);
	struct sk_event e = { .kind = SK_EVENT_PROGRESS,
		.task = "01j9z3k4m5n6p7q8r9s0t1v2w3",
		.class_name = "MyWorker",
		.skald = "node-1",
		.stage = "loading",
		.message = "" };
	size_t bytes = 0;
	int64_t best = INT64_MAX;

	(void)state;
	assert_int_equal(b->ops->subscribe(b, 1u << SK_TOPIC_EVENT, count, &bytes, &err), SK_OK);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t began = sk_boot_ns();

		for (int i = 0; i < N; i++)
			assert_true(sk_bus_publish(b, SK_TOPIC_EVENT, &e) == SK_OK);
		sk_loop_once(loop, 0);
		began = sk_boot_ns() - began;
		best = began < best ? began : best;
	}
	print_message("# %d ns a message\n", (int)(best / N));
	assert_true(best / N < 5000);
	b->ops->close(b);
	sk_loop_free(loop);
}

static struct sk_bus *
open_kafka(struct sk_loop *loop)
{
	const struct sk_bus_kafka_config cfg = kafka_rig_config(loop);

	return kafka_rig_open(&cfg);
}

static struct sk_bus *
open_kafka_small(struct sk_loop *loop)
{
	struct sk_bus_kafka_config cfg = kafka_rig_config(loop);

	cfg.max_events = 100;
	return kafka_rig_open(&cfg);
}

static int
run_kafka(void)
{
	const struct bus_contract kafka = { .name = "kafka bus",
		.open = open_kafka,
		.open_small = open_kafka_small,
		.ready = kafka_rig_ready,
		.patience_ms = 20000,
		.quiet_ms = 300 };

	if (kafka_rig_servers() != NULL)
		return bus_contract_run(&kafka);
	print_message(
		"1..1\nok 1 - the contract over Kafka # SKIP SKALDS_TEST_KAFKA names no broker\n");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_texts_pass_within_the_room),
		cmocka_unit_test(texts_that_are_not_there_are_empty),
		cmocka_unit_test(a_message_costs_little),
	};
	const struct bus_contract local = {
		.name = "local bus", .open = open_local, .open_small = open_local_small, .patience_ms = 2000
	};

	return bus_contract_run(&local) + run_kafka() + cmocka_run_group_tests(tests, NULL, NULL);
}
