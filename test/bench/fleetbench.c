/* fleetbench.c - what a script of the original does, with a clock: it inserts a document with
 * executor and status Assigning, produces task.assign, and user code tells when its first line ran.
 *
 *	fleetbench latency N EXECUTOR CLASS ATTACHMENTS FILE	one at a time
 *	fleetbench burst N EXECUTOR CLASS ATTACHMENTS FILE		N documents, then N events at once
 *	fleetbench send N EXECUTOR CLASS ATTACHMENTS FILE		the same, without waiting for the tasks
 *
 * Services: KAFKA_HOST, KAFKA_PORT, MONGO_HOST, DB_NAME. FILE gets a line "ID start SECONDS"
 * (CLOCK_REALTIME) of each task in one write: stamp --append, or peer_node.py's OBSERVED. The clock
 * starts when the event is handed to the producer; where user code is, is the executor's matter, so
 * that the same program measures nodes of both kinds. Prints one line of JSON. */
#include "adapters/kafka/bus.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PATIENCE_MS 120000

struct bench {
	struct sk_loop *loop;
	struct sk_bus *bus;
	mongoc_client_t *client;
	mongoc_collection_t *tasks;
	const char *executor, *class_name, *attachments, *file;
	char run[32]; /* what the ids begin with */
	off_t seen; /* bytes of the file that were looked at */
};

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "fleetbench: %s: %s\n", what, why);
	exit(1);
}

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *
env(const char *name, const char *otherwise)
{
	const char *v = getenv(name);

	return v != NULL && v[0] != '\0' ? v : otherwise;
}

/* ---- the services ---- */

static void
open_bus(struct bench *b)
{
	char servers[256];
	struct sk_err err = { SK_OK, "" };

	snprintf(servers, sizeof(servers), "%s:%s", env("KAFKA_HOST", "127.0.0.1"),
		env("KAFKA_PORT", "9092"));
	b->loop = sk_loop_new(&err);
	if (b->loop != NULL)
		b->bus = sk_bus_kafka_open(
			&(struct sk_bus_kafka_config){
				.loop = b->loop, .component = "bench", .servers = servers, .partitions = 3 },
			&err);
	if (b->bus == NULL)
		die("Kafka", err.msg);
}

static void
open_tasks(struct bench *b)
{
	mongoc_init();
	b->client = mongoc_client_new(env("MONGO_HOST", "mongodb://127.0.0.1/"));
	if (b->client == NULL)
		die("MONGO_HOST", "no URI");
	b->tasks = mongoc_client_get_collection(b->client, env("DB_NAME", "skalds"), "tasks");
}

/* ---- tasks ---- */

static bson_t *
document_of(const struct bench *b, int i)
{
	bson_t *doc = bson_new(), attachments;
	bson_error_t e;
	char id[64];
	int64_t now = sk_wall_ms();

	snprintf(id, sizeof(id), "%s-%d", b->run, i);
	if (!bson_init_from_json(&attachments, b->attachments, -1, &e))
		die("ATTACHMENTS", e.message);
	BSON_APPEND_UTF8(doc, "id", id);
	BSON_APPEND_UTF8(doc, "className", b->class_name);
	BSON_APPEND_UTF8(doc, "source", "bench");
	BSON_APPEND_NULL(doc, "name");
	BSON_APPEND_NULL(doc, "description");
	BSON_APPEND_UTF8(doc, "executor", b->executor);
	BSON_APPEND_NULL(doc, "dependencies");
	BSON_APPEND_UTF8(doc, "mode", "Passive");
	BSON_APPEND_BOOL(doc, "isPersistent", true);
	BSON_APPEND_INT64(doc, "createDateTime", now);
	BSON_APPEND_INT64(doc, "updateDateTime", now);
	BSON_APPEND_INT64(doc, "deadlineDateTime", now + INT64_C(7) * 86400000);
	BSON_APPEND_UTF8(doc, "lifecycleStatus", "Assigning");
	BSON_APPEND_INT32(doc, "priority", 0);
	BSON_APPEND_DOCUMENT(doc, "attachments", &attachments);
	bson_destroy(&attachments);
	return doc;
}

static void
insert(struct bench *b, int from, int n)
{
	bson_t **docs = malloc((size_t)n * sizeof(bson_t *));
	const bson_t **list = malloc((size_t)n * sizeof(*list));
	bson_error_t e;

	for (int i = 0; i < n; i++)
		list[i] = docs[i] = document_of(b, from + i);
	if (!mongoc_collection_insert_many(b->tasks, list, (size_t)n, NULL, NULL, &e))
		die("insert", e.message);
	for (int i = 0; i < n; i++)
		bson_destroy(docs[i]);
	free(docs);
	free(list);
}

static void
assign(struct bench *b, int i)
{
	char id[64];
	const struct sk_event event = { .kind = SK_EVENT_ASSIGNED,
		.time_ms = sk_wall_ms(),
		.task = id,
		.class_name = b->class_name,
		.skald = b->executor,
		.stage = "",
		.message = "" };

	snprintf(id, sizeof(id), "%s-%d", b->run, i);
	if (sk_bus_publish(b->bus, SK_TOPIC_ASSIGN, &event) != SK_OK)
		die("publish", "the bus is full");
}

/* ---- what user code has told ---- */

/* When each task of this run began, by its number; 0 where nothing is known. Returns how many. */
static int
read_starts(const struct bench *b, double *start, int n)
{
	FILE *f = fopen(b->file, "r");
	char line[256], format[64];
	int count = 0;

	memset(start, 0, (size_t)n * sizeof(*start));
	snprintf(format, sizeof(format), "%s-%%d start %%lf", b->run);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		double at;
		int i;

		if (sscanf(line, format, &i, &at) == 2 && i >= 0 && i < n && start[i] == 0) {
			if (at < 1e9)
				die("a start without its time", line);
			start[i] = at;
			count++;
		}
	}
	if (f != NULL)
		fclose(f);
	return count;
}

static bool
grew(struct bench *b)
{
	struct stat st;

	if (stat(b->file, &st) != 0 || st.st_size == b->seen)
		return false;
	b->seen = st.st_size;
	return true;
}

/* Until so many have begun. */
static void
wait_for(struct bench *b, double *start, int n, int64_t step_ms)
{
	int64_t end = sk_boot_ms() + PATIENCE_MS;
	int count = 0;

	while (count < n && sk_boot_ms() < end) {
		int64_t next = sk_boot_ms() + step_ms;

		do
			sk_loop_once(b->loop, step_ms);
		while (sk_boot_ms() < next);
		if (grew(b))
			count = read_starts(b, start, n);
	}
	if (count < n) {
		fprintf(stderr, "fleetbench: %d of %d tasks have begun\n", count, n);
		exit(1);
	}
}

/* ---- the two measurements ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
latency(struct bench *b, int n)
{
	double *start = calloc((size_t)n, sizeof(*start)), *took = calloc((size_t)n, sizeof(*took));

	for (int i = 0; i < n; i++) {
		double began;

		insert(b, i, 1);
		began = now_s();
		assign(b, i);
		wait_for(b, start, i + 1, 1);
		took[i] = (start[i] - began) * 1e3;
	}
	qsort(took, (size_t)n, sizeof(*took), by_value);
	printf("{\"mode\":\"latency\",\"tasks\":%d,\"min_ms\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
		   "\"max_ms\":%.3f}\n",
		n, took[0], took[(n - 1) / 2], took[(n - 1) * 99 / 100], took[n - 1]);
	free(start);
	free(took);
}

/* Returns when the first event was handed over. */
static double
send_all(struct bench *b, int n)
{
	double began;

	for (int i = 0; i < n; i += 100)
		insert(b, i, n - i < 100 ? n - i : 100);
	began = now_s();
	for (int i = 0; i < n; i++)
		assign(b, i);
	return began;
}

static void
burst(struct bench *b, int n)
{
	double *start = calloc((size_t)n, sizeof(*start)), began = send_all(b, n), s;

	wait_for(b, start, n, 20);
	qsort(start, (size_t)n, sizeof(*start), by_value);
	s = start[n - 1] - began;
	printf("{\"mode\":\"burst\",\"tasks\":%d,\"seconds\":%.3f,\"first_ms\":%.1f,\"per_second\":%."
		   "1f}\n",
		n, s, (start[0] - began) * 1e3, n / s);
	free(start);
}

int
main(int argc, char **argv)
{
	struct bench b = { .seen = -1 };
	int n = argc == 7 ? atoi(argv[2]) : 0;

	if (n < 1 || strchr("lbs", argv[1][0]) == NULL) {
		fprintf(stderr, "usage: fleetbench latency|burst|send N EXECUTOR CLASS ATTACHMENTS FILE\n");
		return 2;
	}
	b.executor = argv[3];
	b.class_name = argv[4];
	b.attachments = argv[5];
	b.file = argv[6];
	snprintf(b.run, sizeof(b.run), "b%llx", (unsigned long long)sk_wall_ms());
	sk_log_setup(&(struct sk_log_config){ .level = SK_WARNING });
	open_bus(&b);
	open_tasks(&b);
	/* what is not measured: finding the broker */
	for (int64_t end = sk_boot_ms() + 10000;
		 !sk_bus_kafka_state(b.bus).connected && sk_boot_ms() < end;)
		sk_loop_once(b.loop, 10);
	if (argv[1][0] == 'l')
		latency(&b, n);
	else if (argv[1][0] == 'b')
		burst(&b, n);
	else
		(void)send_all(&b, n); /* closing the bus sends what waits */
	b.bus->ops->close(b.bus);
	mongoc_collection_destroy(b.tasks);
	mongoc_client_destroy(b.client);
	sk_loop_free(b.loop);
	return 0;
}
