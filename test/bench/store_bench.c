/* store_bench.c - what the task store does in a second, beside what the disk does.
 *
 *	store_bench DIR [TASKS [throughput]]
 *
 * Prints one line a figure: throughput of insert, assign and finish at several sizes of a batch; 64
 * makers with one task each; then lists and counts over the tasks that are there. */
#include "adapters/sqlite/store.h"
#include "core/base/clock.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
	struct sk_loop *loop;
	struct sk_store *store;
	char path[4096];
	int open_ops;
};

static double
now_s(void)
{
	return (double)sk_boot_ns() / 1e9;
}

static double
cpu_of(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Of the store's own threads: what a machine that does other work cannot distort. */
static double
cpu_s(void)
{
	return cpu_of(RUSAGE_SELF) - cpu_of(RUSAGE_THREAD);
}

static void
fatal(void *arg, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "store_bench: %s\n", sentence);
	exit(74);
}

static void
open_store(struct bench *b)
{
	struct sk_sqlite_config cfg = { .path = b->path, .fatal = fatal };
	struct sk_err err;
	double start = now_s();

	b->store = sk_store_sqlite_open(&cfg, b->loop, &err);
	if (b->store == NULL)
		fatal(NULL, err.msg);
	printf("open: %.3f s\n", now_s() - start);
}

/* ---- the disk ---- */

static void
fsyncs(const char *dir)
{
	char path[4200], block[4096];
	double start = now_s();
	int fd, n = 0;

	memset(block, 'x', sizeof(block));
	snprintf(path, sizeof(path), "%s/fsyncs", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (now_s() - start < 1) {
		if (write(fd, block, sizeof(block)) != sizeof(block) || fdatasync(fd) != 0)
			fatal(NULL, "the disk cannot be written");
		n++;
	}
	close(fd);
	unlink(path);
	printf("disk: %d appended and synced pages/s\n", n);
}

/* ---- the tasks ---- */

static void
make(struct sk_record *r, struct sk_arena *a, const char *prefix, int i)
{
	struct sk_value *att = sk_value_new(a, SK_MAP), *spec = sk_value_new(a, SK_MAP);
	int64_t now = sk_wall_ms();

	sk_record_init(r, a);
	r->id = sk_arena_printf(a, "%s%08d0000000000000", prefix, i);
	r->class_name = "Noop";
	r->life.max_attempts = 3;
	r->create_ms = r->update_ms = r->rank_ms = now;
	sk_map_set(a, att, "seconds", sk_value_int(a, 5));
	sk_map_set(a, spec, "source", sk_value_string(a, "CLI", 3));
	sk_map_set(a, spec, "attachments", att);
	r->spec = spec;
}

static void
assigned(struct sk_record *r)
{
	r->life.phase = SK_ASSIGNING;
	r->life.attempt = 1;
	r->life.incarnation = 1234567890123;
	memcpy(r->life.executor, "node-1", 7);
}

static void
finished(struct sk_record *r)
{
	r->life.phase = SK_FINISHED;
	r->life.executor[0] = '\0';
	r->life.incarnation = 0;
	r->start_ms = r->finish_ms = r->update_ms = r->update_ms + 5;
	r->exit = (struct sk_exit){ .known = true, .reason = SK_REASON_EXITED, .message = "" };
}

static void
must(enum sk_code code, const struct sk_op *op)
{
	if (code != SK_OK)
		fatal(NULL, op->err.msg);
}

struct chunk {
	struct sk_arena *arena;
	struct sk_record *records;
	const struct sk_record **list;
	struct sk_op_insert insert;
	struct sk_move *moves;
	struct sk_op_move move;
	int n;
};

static void
chunk_init(struct chunk *c, const char *prefix, int first, int n)
{
	*c = (struct chunk){ .arena = sk_arena_new(), .n = n };
	c->records = sk_xcalloc((size_t)n, sizeof(*c->records));
	c->list = sk_xcalloc((size_t)n, sizeof(struct sk_record *));
	c->moves = sk_xcalloc((size_t)n, sizeof(*c->moves));
	for (int i = 0; i < n; i++) {
		make(&c->records[i], c->arena, prefix, first + i);
		c->list[i] = &c->records[i];
	}
}

static void
chunk_free(struct chunk *c)
{
	sk_arena_free(c->arena);
	free(c->records);
	free(c->list);
	free(c->moves);
}

static void
chunk_insert(struct bench *b, struct chunk *c)
{
	c->insert = (struct sk_op_insert){
		.op = { .kind = SK_OP_INSERT, .arena = c->arena }, .records = c->list, .n = (size_t)c->n
	};
	must(sk_store_wait(b->store, b->loop, &c->insert.op), &c->insert.op);
	for (int i = 0; i < c->n; i++)
		c->records[i].seq = c->insert.seqs[i];
}

static void
chunk_move(struct bench *b, struct chunk *c, unsigned set, void (*change)(struct sk_record *r))
{
	for (int i = 0; i < c->n; i++) {
		struct sk_record *r = &c->records[i];

		c->moves[i] = (struct sk_move){ .id = r->id,
			.seq = r->seq,
			.expect_attempt = r->life.attempt,
			.expect_phase = r->life.phase,
			.set = set,
			.to = r };
		change(r);
	}
	c->move = (struct sk_op_move){
		.op = { .kind = SK_OP_MOVE, .arena = c->arena }, .moves = c->moves, .n = (size_t)c->n
	};
	must(sk_store_wait(b->store, b->loop, &c->move.op), &c->move.op);
	for (int i = 0; i < c->n; i++)
		if (c->moves[i].code != SK_OK)
			fatal(NULL, "a move did not succeed");
}

static void
throughput(struct bench *b, const char *prefix, int tasks, int batch)
{
	double start, cpu, t[3] = { 0, 0, 0 };

	tasks -= tasks % batch;
	start = now_s();
	cpu = cpu_s();
	for (int i = 0; i < tasks; i += batch) {
		struct chunk c;
		double at[4];

		chunk_init(&c, prefix, i, batch);
		at[0] = now_s();
		chunk_insert(b, &c);
		at[1] = now_s();
		chunk_move(b, &c, SK_SET_LIFE, assigned);
		at[2] = now_s();
		chunk_move(b, &c, SK_SET_LIFE | SK_SET_START | SK_SET_EXIT, finished);
		at[3] = now_s();
		for (int k = 0; k < 3; k++)
			t[k] += at[k + 1] - at[k];
		chunk_free(&c);
	}
	printf("batch %d: %.0f tasks/s through insert, assign, finish (%.2f + %.2f + %.2f us, "
		   "%.2f us of the store's cpu)\n",
		batch, tasks / (now_s() - start), t[0] / tasks * 1e6, t[1] / tasks * 1e6,
		t[2] / tasks * 1e6, (cpu_s() - cpu) / tasks * 1e6);
}

static void
insert_only(struct bench *b, const char *prefix, int tasks, int batch)
{
	double start = now_s();

	for (int i = 0; i < tasks; i += batch) {
		struct chunk c;

		chunk_init(&c, prefix, i, batch);
		chunk_insert(b, &c);
		chunk_free(&c);
	}
	printf("insert %d in batches of %d: %.0f tasks/s\n", tasks, batch, tasks / (now_s() - start));
}

/* ---- 64 makers, one task each at a time ---- */

#define MAKERS 64

struct maker {
	struct bench *b;
	struct sk_arena *arena;
	struct sk_record r;
	const struct sk_record *list[1];
	struct sk_op_insert op;
	int number, left;
	double since;
};

static double waits[2000000];
static int n_waits;

static void maker_go(struct maker *m);

static void
maker_done(struct sk_op *op)
{
	struct maker *m = op->arg;

	must(op->code, op);
	waits[n_waits++] = now_s() - m->since;
	sk_arena_free(m->arena);
	if (--m->left > 0)
		maker_go(m);
	else
		m->b->open_ops--;
}

static void
maker_go(struct maker *m)
{
	m->arena = sk_arena_new();
	make(&m->r, m->arena, m->number < 0 ? "x" : "m", m->number * 1000000 + m->left);
	m->list[0] = &m->r;
	m->op = (struct sk_op_insert){
		.op = { .kind = SK_OP_INSERT, .done = maker_done, .arg = m, .arena = m->arena },
		.records = m->list,
		.n = 1
	};
	m->since = now_s();
	sk_store_submit(m->b->store, &m->op.op);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
makers(struct bench *b, int n, int each)
{
	static struct maker m[MAKERS];
	double start = now_s();

	n_waits = 0;
	for (int i = 0; i < n; i++) {
		m[i] = (struct maker){ .b = b, .number = n > 1 ? i : 99, .left = each };
		b->open_ops++;
		maker_go(&m[i]);
	}
	while (b->open_ops > 0)
		sk_loop_once(b->loop, -1);
	qsort(waits, (size_t)n_waits, sizeof(*waits), by_size);
	printf("%d makers, one task at a time: %.0f commits/s acknowledged, p50 %.2f ms, p99 %.2f ms, "
		   "max %.1f ms\n",
		n, n_waits / (now_s() - start), waits[n_waits / 2] * 1e3, waits[n_waits * 99 / 100] * 1e3,
		waits[n_waits - 1] * 1e3);
}

/* ---- reading ---- */

static void
list(struct bench *b, const char *what, struct sk_filter f, enum sk_order order, size_t limit)
{
	double best = 1e9, first = 0;
	size_t n = 0;

	for (int i = 0; i < 5; i++) {
		struct sk_arena *a = sk_arena_new();
		struct sk_op_find op = {
			.op = { .kind = SK_OP_FIND, .arena = a }, .filter = f, .order = order, .limit = limit
		};
		double start = now_s();

		must(sk_store_wait(b->store, b->loop, &op.op), &op.op);
		best = now_s() - start < best ? now_s() - start : best;
		first = i == 0 ? now_s() - start : first;
		n = op.n;
		sk_arena_free(a);
	}
	printf("find %s: %zu in %.2f ms (first time %.2f)\n", what, n, best * 1e3, first * 1e3);
}

static void
count(struct bench *b, const char *what, struct sk_filter f)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_op_count op = { .op = { .kind = SK_OP_COUNT, .arena = a }, .filter = f };
	double start = now_s();
	int64_t sum = 0;

	must(sk_store_wait(b->store, b->loop, &op.op), &op.op);
	for (int i = 0; i < SK_N_PHASE; i++)
		sum += op.by_phase[i];
	printf("count %s: %lld in %.2f ms\n", what, (long long)sum, (now_s() - start) * 1e3);
	sk_arena_free(a);
}

static void
reading(struct bench *b)
{
	list(b, "newest 50", (struct sk_filter){ 0 }, SK_NEWEST_FIRST, 50);
	list(b, "newest 50 without elements", (struct sk_filter){ .no_elements = true },
		SK_NEWEST_FIRST, 50);
	list(b, "newest 50 Finished", (struct sk_filter){ .phases = 1u << SK_FINISHED },
		SK_NEWEST_FIRST, 50);
	list(b, "newest 50 Created", (struct sk_filter){ .phases = 1u << SK_CREATED }, SK_NEWEST_FIRST,
		50);
	list(b, "newest 50 Failed (there are none)", (struct sk_filter){ .phases = 1u << SK_FAILED },
		SK_NEWEST_FIRST, 50);
	list(b, "newest 50 of a class that nobody has", (struct sk_filter){ .class_name = "None" },
		SK_NEWEST_FIRST, 50);
	list(b, "latest update 50", (struct sk_filter){ 0 }, SK_BY_UPDATE, 50);
	list(b, "ready by rank 1000",
		(struct sk_filter){
			.phases = 1u << SK_CREATED, .gates = 1u << SK_GATE_OPEN, .wanted_run = true },
		SK_BY_RANK, 1000);
	list(b, "depends on", (struct sk_filter){ .depends_on = "a" }, SK_OLDEST_FIRST, 1000);
	list(b, "due", (struct sk_filter){ .phases = 1u << SK_CREATED, .gates = 1u << SK_GATE_TIME },
		SK_BY_DUE, 1000);
	count(b, "all", (struct sk_filter){ 0 });
	count(b, "updated since", (struct sk_filter){ .updated_after = sk_wall_ms() - 1000 });
	count(b, "of a class", (struct sk_filter){ .class_name = "Noop" });
}

static void
get(struct bench *b, int tasks)
{
	enum { EACH = 1000, TIMES = 50 };
	double start = now_s(), cpu = cpu_s();

	for (int i = 0; i < TIMES; i++) {
		struct sk_arena *a = sk_arena_new();
		const char *ids[EACH];
		struct sk_op_get op = { .op = { .kind = SK_OP_GET, .arena = a }, .ids = ids, .n = EACH };

		for (int k = 0; k < EACH; k++)
			ids[k] = sk_arena_printf(a, "a%08d0000000000000", (i * EACH + k) % tasks);
		must(sk_store_wait(b->store, b->loop, &op.op), &op.op);
		if (op.records[EACH - 1] == NULL)
			fatal(NULL, "a task is missing");
		sk_arena_free(a);
	}
	printf("get by id: %.2f us, %.2f us of the store's cpu\n",
		(now_s() - start) * 1e6 / EACH / TIMES, (cpu_s() - cpu) * 1e6 / EACH / TIMES);
}

static void
sizes(const struct bench *b)
{
	struct stat st;
	struct rusage u;
	char path[4200];

	snprintf(path, sizeof(path), "%s-wal", b->path);
	getrusage(RUSAGE_SELF, &u);
	printf("file %lld MB, ", stat(b->path, &st) == 0 ? (long long)st.st_size >> 20 : -1);
	printf("log %lld MB, peak memory %ld MB\n",
		stat(path, &st) == 0 ? (long long)st.st_size >> 20 : -1, u.ru_maxrss >> 10);
}

int
main(int argc, char **argv)
{
	struct bench b = { NULL };
	struct sk_err err;
	int tasks = argc > 2 ? atoi(argv[2]) : 200000;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(b.path, sizeof(b.path), "%s/bench.db", argv[1]);
	unlink(b.path);
	fsyncs(argv[1]);
	b.loop = sk_loop_new(&err);
	open_store(&b);
	throughput(&b, "a", tasks, 1000);
	get(&b, tasks);
	if (argc > 3)
		return 0;
	throughput(&b, "b", tasks / 10, 100);
	throughput(&b, "c", tasks / 4, 10000);
	throughput(&b, "d", 100, 1);
	insert_only(&b, "e", tasks, 10000);
	makers(&b, 1, 100);
	makers(&b, MAKERS, 1000);
	sizes(&b);
	reading(&b);
	sizes(&b);
	sk_store_close(b.store);
	open_store(&b);
	reading(&b);
	sk_store_close(b.store);
	sk_loop_free(b.loop);
	unlink(b.path);
	return 0;
}
