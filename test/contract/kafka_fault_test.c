/* kafka_fault_test.c - a broker that is killed, stands still, comes back empty, and topics that are
 * removed, made again and grow, while somebody publishes and listens.
 *
 * SKALDS_TEST_SERVICES names the script that may do this to the services (scripts/services.sh). */
#include "core/base/clock.h"
#include "core/model/names.h"
#include "kafka_rig.h"
#include <librdkafka/rdkafka.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ALL ((1u << SK_N_TOPIC) - 1)
#define TASKS 8

extern char **environ;

struct rig {
	struct sk_loop *loop;
	struct sk_bus *bus;
	char skald[48];
	uint32_t sent, highest; /* numbers of events */
	uint32_t last[TASKS]; /* of each task */
	uint64_t heard, disorder;
	int64_t longest_ms; /* of one turn */
	int64_t next_ms;
};

static void
hear(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct rig *r = arg;
	unsigned task = (unsigned)atoi(e->task);

	(void)topic;
	if (strcmp(e->skald, r->skald) != 0 || task >= TASKS)
		return;
	r->heard++;
	/* the same once more is allowed, an older one is not */
	r->disorder += e->attempt < r->last[task] ? 1 : 0;
	r->last[task] = e->attempt;
	r->highest = e->attempt > r->highest ? e->attempt : r->highest;
}

static void
open_rig(struct rig *r, int64_t look_ms)
{
	struct sk_bus_kafka_config cfg;
	struct sk_err err;

	memset(r, 0, sizeof(*r));
	r->loop = sk_loop_new(&err);
	cfg = kafka_rig_config(r->loop);
	cfg.look_ms = look_ms;
	snprintf(r->skald, sizeof(r->skald), "f-%d-%lld", (int)getpid(), (long long)sk_wall_ms());
	r->bus = kafka_rig_open(&cfg);
	assert_int_equal(r->bus->ops->subscribe(r->bus, ALL, hear, r, &err), SK_OK);
	assert_true(kafka_rig_wait(r->loop, r->bus, 20000));
}

static void
close_rig(struct rig *r)
{
	r->bus->ops->close(r->bus);
	sk_loop_free(r->loop);
	assert_int_equal(r->disorder, 0);
	assert_in_range(r->longest_ms, 0, 500);
}

/* One turn of a node's life: every 5 ms something is published, the loop goes round. */
static void
turn(struct rig *r)
{
	int64_t began = sk_boot_ms();

	if (began >= r->next_ms) {
		char task[8];
		struct sk_event e = {
			.kind = SK_EVENT_STARTED, .task = task, .attempt = ++r->sent, .skald = r->skald
		};

		snprintf(task, sizeof(task), "%u", r->sent % TASKS);
		sk_bus_publish(r->bus, r->sent % 2 ? SK_TOPIC_EVENT : SK_TOPIC_ASSIGN, &e);
		r->next_ms = began + 5;
	}
	sk_loop_once(r->loop, 2);
	began = sk_boot_ms() - began;
	r->longest_ms = began > r->longest_ms ? began : r->longest_ms;
}

static void
turns(struct rig *r, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;

	while (sk_boot_ms() < end)
		turn(r);
}

/* The services do it while we go on; ms it took. */
static int64_t
service(struct rig *r, const char *what)
{
	const char *script = getenv("SKALDS_TEST_SERVICES");
	char word[16];
	char *argv[] = { (char *)(uintptr_t)script, word, (char *)(uintptr_t) "kafka", NULL };
	const int64_t began = sk_boot_ms();
	int status = 0;
	pid_t pid;

	snprintf(word, sizeof(word), "%s", what);
	assert_int_equal(posix_spawn(&pid, script, NULL, NULL, argv, environ), 0);
	while (waitpid(pid, &status, WNOHANG) == 0)
		turn(r);
	assert_int_equal(status, 0);
	return sk_boot_ms() - began;
}

static int64_t
until_connected(struct rig *r, bool connected, int64_t ms)
{
	const int64_t began = sk_boot_ms();

	while (sk_bus_kafka_state(r->bus).connected != connected && sk_boot_ms() < began + ms)
		turn(r);
	assert_true(sk_bus_kafka_state(r->bus).connected == connected);
	return sk_boot_ms() - began;
}

/* What is published from now on is heard, on every task. */
static int64_t
until_heard(struct rig *r, int64_t ms)
{
	const int64_t began = sk_boot_ms();
	const uint32_t now = r->sent;
	bool all = false;

	while (!all && sk_boot_ms() < began + ms) {
		turn(r);
		all = true;
		for (size_t i = 0; i < TASKS; i++)
			all = all && r->last[i] > now;
	}
	if (!all)
		fail_msg("not heard after %lld ms: %s", (long long)ms, sk_bus_kafka_state(r->bus).problem);
	return sk_boot_ms() - began;
}

static int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- tests ---- */

static void
a_broker_is_killed_and_started(void **state)
{
	struct rig r;
	struct sk_bus_kafka_state s;
	int64_t noticed, heard, cpu;

	(void)state;
	open_rig(&r, 0);
	turns(&r, 1000);
	for (int round = 0; round < 2; round++) {
		const int64_t ms =
			round == 0 ? 3000 : 20000; /* the second time longer than events are kept */

		service(&r, "kill");
		noticed = until_connected(&r, false, 15000);
		cpu = cpu_ms();
		turns(&r, ms);
		cpu = cpu_ms() - cpu;
		print_message("# %lld ms of cpu in %lld ms without it\n", (long long)cpu, (long long)ms);
		/* our own turns take a twentieth; librdkafka 2.8.0 tried as often as it could */
		assert_in_range(cpu, 0, ms / 4);
		service(&r, "up");
		until_connected(&r, true, 15000);
		heard = until_heard(&r, 15000);
		print_message("# killed: noticed after %lld ms, heard again %lld ms after it was up\n",
			(long long)noticed, (long long)heard);
	}
	turns(&r, 1000);
	assert_true(kafka_rig_wait(r.loop, r.bus, 20000));
	s = sk_bus_kafka_state(r.bus);
	assert_true(s.failed > 0);
	assert_int_equal(s.published, s.delivered + s.failed);
	print_message("# of %llu published %llu were lost, %llu heard\n",
		(unsigned long long)s.published, (unsigned long long)s.failed, (unsigned long long)r.heard);
	close_rig(&r);
}

static void
a_broker_stands_still(void **state)
{
	struct rig r;
	int64_t noticed, heard;

	(void)state;
	open_rig(&r, 0);
	turns(&r, 500);
	service(&r, "freeze");
	noticed = until_connected(&r, false, 15000);
	service(&r, "thaw");
	until_connected(&r, true, 15000);
	heard = until_heard(&r, 15000);
	print_message("# frozen: noticed after %lld ms, heard again after %lld ms\n",
		(long long)noticed, (long long)heard);
	close_rig(&r);
}

static void
a_broker_comes_back_empty(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r, 0);
	turns(&r, 1000);
	service(&r, "wipe");
	until_connected(&r, true, 20000);
	print_message("# emptied: heard again after %lld ms\n", (long long)until_heard(&r, 40000));
	/* and once more, when there is less in it than before */
	turns(&r, 5000);
	service(&r, "wipe");
	until_connected(&r, true, 20000);
	print_message("# emptied: heard again after %lld ms\n", (long long)until_heard(&r, 40000));
	close_rig(&r);
}

static rd_kafka_t *
raw_handle(void)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256] = "";
	rd_kafka_t *rk;

	assert_int_equal(
		rd_kafka_conf_set(conf, "bootstrap.servers", kafka_rig_servers(), text, sizeof(text)), 0);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	assert_non_null(rk);
	return rk;
}

static void
remove_topic(const char *name)
{
	rd_kafka_t *rk = raw_handle();
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *d = rd_kafka_DeleteTopic_new(name);
	rd_kafka_event_t *ev;

	rd_kafka_DeleteTopics(rk, &d, 1, NULL, q);
	ev = rd_kafka_queue_poll(q, 20000);
	assert_non_null(ev);
	assert_int_equal(rd_kafka_event_error(ev), 0);
	rd_kafka_event_destroy(ev);
	rd_kafka_DeleteTopic_destroy(d);
	rd_kafka_queue_destroy(q);
	rd_kafka_destroy(rk);
}

static void
grow_topic(const char *name, size_t partitions)
{
	rd_kafka_t *rk = raw_handle();
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	char text[256] = "";
	rd_kafka_NewPartitions_t *p = rd_kafka_NewPartitions_new(name, partitions, text, sizeof(text));
	rd_kafka_event_t *ev;

	rd_kafka_CreatePartitions(rk, &p, 1, NULL, q);
	ev = rd_kafka_queue_poll(q, 20000);
	assert_non_null(ev);
	assert_int_equal(rd_kafka_event_error(ev), 0);
	rd_kafka_event_destroy(ev);
	rd_kafka_NewPartitions_destroy(p);
	rd_kafka_queue_destroy(q);
	rd_kafka_destroy(rk);
}

static void
a_topic_is_removed_and_made_again(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r, 0);
	turns(&r, 2000);
	remove_topic(SK_NAME_EVENT);
	turns(&r, 500);
	print_message("# topic made again: heard after %lld ms\n", (long long)until_heard(&r, 60000));
	close_rig(&r);
}

/* Each time it has another id: librdkafka 2.8.0 kept what was known of the old one in a tree after it was freed
 * (scripts/deps.sh mends that), and ended the process soon. */
static void
topics_are_made_again_and_again(void **state)
{
	static const char *const names[] = { SK_NAME_EVENT, SK_NAME_ASSIGN };
	struct rig r;

	(void)state;
	open_rig(&r, 200);
	for (int round = 0; round < 30; round++) {
		remove_topic(names[round % 2]);
		turns(&r, 400);
	}
	print_message("# topics made again: heard after %lld ms\n", (long long)until_heard(&r, 60000));
	close_rig(&r);
}

/* Partitions that somebody adds are read from their beginning: nothing of them is missed. */
static void
a_topic_grows(void **state)
{
	struct rig r;
	uint64_t before;

	(void)state;
	open_rig(&r, 3000);
	turns(&r, 1000);
	grow_topic(SK_NAME_EVENT, 7);
	before = r.sent;
	turns(&r, 8000); /* both sides have looked by then */
	r.next_ms = INT64_MAX; /* silence */
	turns(&r, 1000);
	assert_true(kafka_rig_wait(r.loop, r.bus, 20000));
	print_message(
		"# %llu published, %llu heard\n", (unsigned long long)r.sent, (unsigned long long)r.heard);
	assert_true(r.sent > before);
	assert_int_equal(r.heard, r.sent);
	close_rig(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broker_is_killed_and_started),
		cmocka_unit_test(a_broker_stands_still),
		cmocka_unit_test(a_broker_comes_back_empty),
		cmocka_unit_test(a_topic_is_removed_and_made_again),
		cmocka_unit_test(topics_are_made_again_and_again),
		cmocka_unit_test(a_topic_grows),
	};

	if (kafka_rig_servers() != NULL && getenv("SKALDS_TEST_SERVICES") != NULL)
		return cmocka_run_group_tests(tests, NULL, NULL);
	print_message(
		"1..1\nok 1 - a broker that breaks # SKIP SKALDS_TEST_SERVICES names no script that "
		"may break it\n");
	return 0;
}
