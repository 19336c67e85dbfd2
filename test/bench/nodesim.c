/* nodesim.c - many simulated nodes in one process, on the real wire: each renews its row in the
 * store, says what a node says in Redis, hears its assignments from one shared consumer, reads each
 * task by its id and writes it Finished with one compare-and-set, as a node does with short tasks.
 *
 *	nodesim NODES TASKS [LEASE_SECONDS]
 *
 * Prints "ready" when all rows are there, and ends with one line of JSON when TASKS tasks are done,
 * or on SIGTERM. Lag: how long after it was due a renewal was stored. Latency of an assignment:
 * from the moment the controller wrote it (updateDateTime) until it is heard and read here; one
 * machine, one clock. Nodes share connections to the store: one takes the renewals (the queue of a
 * real node holds its own few tasks, not those of a thousand), the others the tasks. Services:
 * KAFKA_HOST, KAFKA_PORT, REDIS_HOST, REDIS_PORT, REDIS_DB, MONGO_HOST, DB_NAME. */
#include "adapters/kafka/bus.h"
#include "adapters/mongo/store.h"
#include "adapters/redis/cache.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/presence.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS 16
#define STORES 4 /* for tasks */
#define LOOK_MS 2000 /* without news for so long: look into the store for what was missed */

static volatile sig_atomic_t stopping;

struct sim {
	struct bench *b;
	int i;
	char id[24];
	uint64_t renewals;
	int64_t due_ms, began_ms;
	bool there;
	struct sk_timer renew;
	struct sk_arena *arena;
	struct sk_op_skald_put put;
	struct sk_skald row;
	struct sk_presence *presence;
};

struct numbers {
	double *v;
	size_t n, cap;
};

struct bench {
	struct sk_loop *loop;
	struct sk_store *rows, *store[STORES];
	struct sk_bus *bus;
	struct sk_cache *cache;
	struct sim *sims;
	int n_sims, n_there;
	int64_t lease_ms;
	uint64_t incarnation;
	struct sk_value *labels;
	struct numbers lag, heard;
	int64_t renewals_lost, done, conflicts, failed, moves_under_way;
	int64_t first_ms, last_ms, news_ms;
	bool looking;
};

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "nodesim: %s: %s\n", what, why);
	exit(1);
}

static const char *
env(const char *name, const char *otherwise)
{
	const char *v = getenv(name);

	return v != NULL && v[0] != '\0' ? v : otherwise;
}

static void
note(struct numbers *s, double v)
{
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? s->cap * 2 : 4096;
		s->v = sk_xreallocarray(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = v;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
percentile(struct numbers *s, double p)
{
	if (s->n == 0)
		return -1;
	qsort(s->v, s->n, sizeof(*s->v), by_value);
	return s->v[(size_t)((double)(s->n - 1) * p)];
}

static void
tell(
	struct bench *b, enum sk_event_kind kind, const char *task, uint32_t attempt, const char *skald)
{
	const struct sk_event e = { .kind = kind,
		.time_ms = sk_wall_ms(),
		.task = task,
		.class_name = "",
		.attempt = attempt,
		.skald = skald,
		.stage = "",
		.message = "" };

	(void)sk_bus_publish(b->bus, SK_TOPIC_EVENT, &e);
}

/* ---- rows ---- */

static const char *const classes[] = { "Exec", "Noop", "Sleep", NULL };

/* Not before: whoever is known in Redis alone is taken for one of the original. */
static void
is_there(struct bench *b, struct sim *s)
{
	s->there = true;
	b->n_there++;
	tell(b, SK_EVENT_SKALD, "", 0, s->id);
	s->presence = sk_presence_open(&(struct sk_presence_config){ .loop = b->loop,
		.cache = b->cache,
		.id = s->id,
		.mode = SK_MODE_NODE,
		.classes = classes });
}

static void
renewed(struct sk_op *op)
{
	struct sim *s = op->arg;
	struct bench *b = s->b;

	if (op->code != SK_OK) {
		b->renewals_lost++;
		fprintf(stderr, "nodesim: %s: %s\n", s->id, op->err.msg);
	} else if (!s->there)
		is_there(b, s);
	else
		note(&b->lag, (double)(sk_boot_ms() - s->due_ms));
	sk_arena_free(s->arena);
	s->arena = NULL;
}

static void
renew(void *arg)
{
	struct sim *s = arg;
	struct bench *b = s->b;

	sk_timer_set(b->loop, &s->renew, s->renew.due_ms + b->lease_ms / 3);
	if (s->arena != NULL) {
		b->renewals_lost++; /* the one before is not stored yet */
		return;
	}
	s->due_ms = s->renew.due_ms - b->lease_ms / 3;
	s->arena = sk_arena_new();
	s->row = (struct sk_skald){ .id = s->id,
		.incarnation = b->incarnation + (uint64_t)s->i,
		.renewals = ++s->renewals,
		.mode = SK_MODE_NODE,
		.version = "bench",
		.host = "bench",
		.slots = SLOTS,
		.cpus = SLOTS,
		.memory_mb = 1024,
		.classes = classes,
		.labels = b->labels,
		.start_ms = s->began_ms,
		.seen_ms = sk_wall_ms() };
	s->put = (struct sk_op_skald_put){
		.op = { .kind = SK_OP_SKALD_PUT, .done = renewed, .arg = s, .arena = s->arena },
		.skald = &s->row,
		.keep_draining = true
	};
	sk_store_submit(b->rows, &s->put.op);
}

/* ---- tasks ---- */

struct work {
	struct bench *b;
	struct sk_store *store; /* the skald's */
	struct sk_arena *arena;
	struct sk_op_get get;
	struct sk_op_move op;
	struct sk_move move;
	struct sk_record to;
	const char *ids[1];
	char id[64], skald[24];
	uint32_t attempt;
};

static void
work_free(struct work *w)
{
	w->b->moves_under_way--;
	sk_arena_free(w->arena);
	free(w);
}

static void
moved(struct sk_op *op)
{
	struct work *w = op->arg;
	struct bench *b = w->b;

	if (op->code != SK_OK)
		b->failed++;
	else if (w->move.code != SK_OK)
		b->conflicts++;
	else {
		b->done++;
		b->last_ms = sk_boot_ms();
		tell(b, SK_EVENT_STARTED, w->id, w->attempt, w->skald);
		tell(b, SK_EVENT_FINISHED, w->id, w->attempt, w->skald);
	}
	work_free(w);
}

static bool
run(struct work *w, const struct sk_record *r, uint64_t incarnation)
{
	const struct sk_life_event start = { .kind = SK_LIFE_START,
		.attempt = r->life.attempt,
		.executor = r->life.executor,
		.incarnation = incarnation };
	struct sk_life_event finish = start;
	struct sk_err err;

	finish.kind = SK_LIFE_FINISH;
	w->to = *r;
	if (sk_life_step(&w->to.life, &start, &err) != SK_OK ||
		sk_life_step(&w->to.life, &finish, &err) != SK_OK)
		return false;
	w->attempt = r->life.attempt;
	w->to.start_ms = w->to.finish_ms = w->to.update_ms = sk_wall_ms();
	w->to.exit = (struct sk_exit){ .known = true, .reason = SK_REASON_EXITED, .message = "" };
	w->move = (struct sk_move){ .id = r->id,
		.seq = r->seq,
		.expect_attempt = r->life.attempt,
		.expect_phase = r->life.phase,
		.expect_wanted = true,
		.wanted = r->life.wanted,
		.set = SK_SET_LIFE | SK_SET_START | SK_SET_EXIT,
		.to = &w->to };
	w->op = (struct sk_op_move){
		.op = { .kind = SK_OP_MOVE, .done = moved, .arg = w, .arena = w->arena },
		.moves = &w->move,
		.n = 1
	};
	sk_store_submit(w->store, &w->op.op);
	return true;
}

static int
sim_of(const struct bench *b, const char *id)
{
	int i = strncmp(id, "sim", 3) == 0 ? atoi(id + 3) : -1;

	return i >= 0 && i < b->n_sims && strcmp(b->sims[i].id, id) == 0 ? i : -1;
}

static void
got(struct sk_op *op)
{
	struct work *w = op->arg;
	struct bench *b = w->b;
	const struct sk_record *r = op->code == SK_OK ? w->get.records[0] : NULL;
	int i = r != NULL ? sim_of(b, r->life.executor) : -1;

	if (op->code != SK_OK)
		b->failed++;
	if (i < 0 || r->life.phase != SK_ASSIGNING ||
		r->life.incarnation != b->incarnation + (uint64_t)i || !run(w, r, r->life.incarnation)) {
		work_free(w);
		return;
	}
	snprintf(w->skald, sizeof(w->skald), "%s", b->sims[i].id);
	note(&b->heard, (double)(b->news_ms > 0 ? sk_wall_ms() - r->update_ms : 0));
}

static void
take(struct bench *b, const char *id, int sim)
{
	struct work *w = sk_xcalloc(1, sizeof(*w));

	w->b = b;
	w->store = b->store[sim % STORES];
	w->arena = sk_arena_new();
	snprintf(w->id, sizeof(w->id), "%s", id);
	w->ids[0] = w->id;
	w->get = (struct sk_op_get){
		.op = { .kind = SK_OP_GET, .done = got, .arg = w, .arena = w->arena }, .ids = w->ids, .n = 1
	};
	b->moves_under_way++;
	sk_store_submit(w->store, &w->get.op);
}

static void
hear(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct bench *b = arg;

	if (topic != SK_TOPIC_ASSIGN || sim_of(b, e->skald) < 0)
		return;
	b->news_ms = sk_boot_ms();
	if (b->first_ms == 0)
		b->first_ms = b->news_ms;
	take(b, e->task, sim_of(b, e->skald));
}

/* ---- what no event told ---- */

struct look {
	struct bench *b;
	struct sk_arena *arena;
	struct sk_op_find op;
};

static void
looked(struct sk_op *op)
{
	struct look *l = op->arg;

	for (size_t i = 0; op->code == SK_OK && i < l->op.n; i++)
		take(l->b, l->op.records[i]->id, (int)i);
	l->b->looking = false;
	sk_arena_free(l->arena);
	free(l);
}

static void
look(struct bench *b)
{
	struct look *l = sk_xcalloc(1, sizeof(*l));

	b->looking = true;
	b->news_ms = sk_boot_ms();
	l->b = b;
	l->arena = sk_arena_new();
	l->op = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = looked, .arg = l, .arena = l->arena },
		.filter = { .phases = 1u << SK_ASSIGNING },
		.order = SK_OLDEST_FIRST,
		.limit = 1000
	};
	sk_store_submit(b->store[0], &l->op.op);
}

/* ---- start ---- */

static struct sk_store *
open_store(struct bench *b)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_store *s = sk_store_mongo_open(
		&(struct sk_store_mongo_config){
			.uri = env("MONGO_HOST", "mongodb://127.0.0.1/"), .db = env("DB_NAME", "skalds") },
		b->loop, &err);

	if (s == NULL)
		die("MongoDB", err.msg);
	return s;
}

static void
open_services(struct bench *b)
{
	char servers[256];
	struct sk_err err = { SK_OK, "" };

	snprintf(servers, sizeof(servers), "%s:%s", env("KAFKA_HOST", "127.0.0.1"),
		env("KAFKA_PORT", "9092"));
	b->loop = sk_loop_new(&err);
	if (b->loop == NULL)
		die("loop", err.msg);
	b->rows = open_store(b);
	for (int i = 0; i < STORES; i++)
		b->store[i] = open_store(b);
	b->cache = sk_cache_redis_open(&(struct sk_cache_redis_config){ .loop = b->loop,
									   .component = "nodesim",
									   .host = env("REDIS_HOST", "127.0.0.1"),
									   .port = atoi(env("REDIS_PORT", "6379")),
									   .db = atoi(env("REDIS_DB", "0")) },
		&err);
	if (b->cache == NULL)
		die("Redis", err.msg);
	b->bus = sk_bus_kafka_open(
		&(struct sk_bus_kafka_config){
			.loop = b->loop, .component = "nodesim", .servers = servers, .partitions = 3 },
		&err);
	if (b->bus == NULL ||
		b->bus->ops->subscribe(b->bus, 1u << SK_TOPIC_ASSIGN, hear, b, &err) != SK_OK)
		die("Kafka", err.msg);
	while (!sk_bus_kafka_state(b->bus).assigned)
		sk_loop_once(b->loop, 10);
}

/* Spread over the time that one renewal is for, as nodes that were started by themselves are. */
static void
start_sims(struct bench *b)
{
	int64_t now = sk_boot_ms();

	b->sims = sk_xcalloc((size_t)b->n_sims, sizeof(*b->sims));
	for (int i = 0; i < b->n_sims; i++) {
		struct sim *s = &b->sims[i];

		s->b = b;
		s->i = i;
		snprintf(s->id, sizeof(s->id), "sim%04d", i);
		s->began_ms = sk_wall_ms();
		s->renewals = (uint64_t)now;
		s->renew = (struct sk_timer){ .fn = renew, .arg = s };
		sk_timer_set(b->loop, &s->renew, now + b->lease_ms / 3 * i / b->n_sims);
	}
}

static void
on_term(int sig)
{
	(void)sig;
	stopping = 1;
}

static void
report(struct bench *b)
{
	const struct sk_cache_redis_state redis = sk_cache_redis_state(b->cache);
	double s = (double)(b->last_ms - b->first_ms) / 1e3;

	printf("{\"nodes\":%d,\"tasks\":%lld,\"seconds\":%.3f,\"per_second\":%.1f,\"lag_p50_ms\":%.1f,"
		   "\"lag_p99_ms\":%.1f,\"lag_max_ms\":%.1f,\"renewals\":%zu,\"renewals_lost\":%lld,"
		   "\"assign_p50_ms\":%.1f,\"assign_p99_ms\":%.1f,\"conflicts\":%lld,\"failed\":%lld,"
		   "\"redis_commands\":%llu,\"redis_dropped\":%llu}\n",
		b->n_sims, (long long)b->done, s, s > 0 ? (double)b->done / s : 0, percentile(&b->lag, 0.5),
		percentile(&b->lag, 0.99), percentile(&b->lag, 1), b->lag.n, (long long)b->renewals_lost,
		percentile(&b->heard, 0.5), percentile(&b->heard, 0.99), (long long)b->conflicts,
		(long long)b->failed, (unsigned long long)redis.answered,
		(unsigned long long)redis.dropped);
}

int
main(int argc, char **argv)
{
	struct bench b = { .n_sims = argc > 1 ? atoi(argv[1]) : 0 };
	long tasks = argc > 2 ? atol(argv[2]) : -1;
	bool said = false;

	if (b.n_sims < 1 || b.n_sims > 9999 || tasks < 0) {
		fprintf(stderr, "usage: nodesim NODES TASKS [LEASE_SECONDS]\n");
		return 2;
	}
	b.lease_ms = (argc > 3 ? atol(argv[3]) : 30) * 1000;
	b.incarnation = (uint64_t)sk_wall_ms() << 16;
	sk_log_setup(&(struct sk_log_config){ .level = SK_WARNING });
	signal(SIGTERM, on_term);
	open_services(&b);
	start_sims(&b);
	while (!stopping && (b.done < tasks || tasks == 0)) {
		sk_loop_once(b.loop, 100);
		if (!said && b.n_there == b.n_sims) {
			said = true;
			printf("ready\n");
			fflush(stdout);
		}
		if (b.first_ms != 0 && !b.looking && b.moves_under_way == 0 &&
			sk_boot_ms() - b.news_ms > LOOK_MS)
			look(&b);
	}
	report(&b);
	fflush(stdout);
	_exit(0); /* the rows stay: the run's database goes as a whole */
}
