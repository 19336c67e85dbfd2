/* kafka_bench.c - what the bus over Kafka takes: time until it hears, time of a message, messages a
 * second, memory and processor when nothing happens. Needs SKALDS_TEST_KAFKA (see kafka_rig.h). */
#include "core/base/clock.h"
#include "test/contract/kafka_rig.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SINGLES 1000
#define MANY 100000

struct ear {
	char skald[48];
	uint64_t n;
};

static void
hear(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct ear *ear = arg;

	(void)topic;
	if (strcmp(e->skald, ear->skald) == 0)
		ear->n++;
}

static long
kilobytes(const char *file, const char *field)
{
	FILE *f = fopen(file, "r");
	char line[128];
	long kb = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			kb = strtol(line + strlen(field), NULL, 10);
	if (f != NULL)
		fclose(f);
	return kb;
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static struct sk_event
event_of(const struct ear *ear, const char *task)
{
	return (struct sk_event){ .kind = SK_EVENT_ASSIGNED,
		.time_ms = sk_wall_ms(),
		.task = task,
		.class_name = "MyWorker",
		.attempt = 1,
		.skald = ear->skald,
		.stage = "",
		.message = "" };
}

static void
singles(struct sk_loop *loop, struct sk_bus *b, struct ear *ear)
{
	static double took[SINGLES];
	const struct sk_event e = event_of(ear, "01j9z3k4m5n6p7q8r9s0t1v2w3");

	for (int i = 0; i < SINGLES; i++) {
		const uint64_t before = ear->n;
		const int64_t began = sk_boot_ns();

		if (sk_bus_publish(b, SK_TOPIC_ASSIGN, &e) != SK_OK)
			exit(1);
		while (ear->n == before)
			sk_loop_once(loop, 1000);
		took[i] = (double)(sk_boot_ns() - began) / 1e6;
	}
	qsort(took, SINGLES, sizeof(took[0]), by_size);
	printf("publish -> subscriber: p50 %.2f ms, p99 %.2f ms, max %.2f ms (%d single messages)\n",
		took[SINGLES / 2], took[SINGLES * 99 / 100], took[SINGLES - 1], SINGLES);
}

static void
many(struct sk_loop *loop, struct sk_bus *b, struct ear *ear)
{
	const uint64_t before = ear->n;
	const int64_t began = sk_boot_ns();
	const double cpu = cpu_ms();
	int sent = 0;

	while (ear->n - before < MANY) {
		while (sent < MANY) {
			char task[32];
			struct sk_event e = event_of(ear, task);

			snprintf(task, sizeof(task), "task-%d", sent % 1000);
			if (sk_bus_publish(b, SK_TOPIC_EVENT, &e) != SK_OK)
				break;
			sent++;
		}
		sk_loop_once(loop, 1000);
	}
	printf("%d messages there and back: %.0f a second, %.1f us of processor each\n", MANY,
		MANY / ((double)(sk_boot_ns() - began) / 1e9), (cpu_ms() - cpu) * 1e3 / MANY);
}

static void
idle(struct sk_loop *loop, const char *when, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;
	const double cpu = cpu_ms();

	while (sk_boot_ms() < end)
		sk_loop_once(loop, 100);
	printf("idle %s: PSS %ld KiB, private %ld KiB, %ld threads, processor %.2f %%\n", when,
		kilobytes("/proc/self/smaps_rollup", "Pss:"),
		kilobytes("/proc/self/smaps_rollup", "Private_Dirty:"),
		kilobytes("/proc/self/status", "Threads:"), (cpu_ms() - cpu) * 100 / (double)ms);
}

int
main(void)
{
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);
	struct sk_bus_kafka_config cfg = kafka_rig_config(loop);
	struct ear ear = { .n = 0 };
	struct sk_bus *b;
	int64_t began;

	if (cfg.servers == NULL) {
		printf("SKALDS_TEST_KAFKA names no broker\n");
		return 0;
	}
	snprintf(ear.skald, sizeof(ear.skald), "bench-%d", (int)getpid());
	idle(loop, "without a bus", 100);
	began = sk_boot_ns();
	b = sk_bus_kafka_open(&cfg, &err);
	if (b == NULL || b->ops->subscribe(b, (1u << SK_N_TOPIC) - 1, hear, &ear, &err) != SK_OK) {
		printf("%s\n", err.msg);
		return 1;
	}
	printf("opening took %.1f ms", (double)(sk_boot_ns() - began) / 1e6);
	if (!kafka_rig_wait(loop, b, 20000))
		return 1;
	printf(", until it hears %.1f ms\n", (double)(sk_boot_ns() - began) / 1e6);
	idle(loop, "after the start", 5000);
	singles(loop, b, &ear);
	many(loop, b, &ear);
	idle(loop, "after all that", 5000);
	began = sk_boot_ns();
	b->ops->close(b);
	printf("closing took %.1f ms\n", (double)(sk_boot_ns() - began) / 1e6);
	sk_loop_free(loop);
	return 0;
}
