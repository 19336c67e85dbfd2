/* api_bench.c - what the API's own work costs, on a store that does nothing: submissions as JSON
 * Lines and one by one, and events that nobody looks at, that somebody waits for, that are read.
 *	make build/release/test/bench/api_bench && build/release/test/bench/api_bench */
#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "core/base/clock.h"
#include "core/control/api.h"
#include "core/control/control_priv.h"
#include "core/control/watch.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nothing {
	char none;
};
static const struct sk_field no_fields[] = { SK_FIELDS_END };
static const struct sk_worker noop = {
	.name = "Noop", .fields = no_fields, .attachment_size = sizeof(struct nothing)
};
static const struct sk_worker *const classes[] = { &noop, NULL };

/* ---- a store that says yes ---- */

struct yes {
	struct sk_store store;
	struct sk_loop *loop;
	struct sk_op *head, **tail;
	struct sk_timer timer;
	uint64_t seq;
	size_t in_use; /* bytes of the heap while an insert waits */
};

static void
say_yes(void *arg)
{
	struct yes *y = arg;
	struct sk_op *op = y->head, *next;

	y->head = NULL;
	y->tail = &y->head;
	for (; op != NULL; op = next) {
		next = op->next;
		op->code = SK_OK;
		if (op->kind == SK_OP_INSERT) {
			struct sk_op_insert *in = (struct sk_op_insert *)op;

			in->seqs = sk_arena_alloc(op->arena, in->n * sizeof(*in->seqs));
			for (size_t i = 0; i < in->n; i++)
				in->seqs[i] = ++y->seq;
			y->in_use = mallinfo2().uordblks + mallinfo2().hblkhd;
		}
		op->done(op);
	}
}

static void
yes_submit(struct sk_store *s, struct sk_op *op)
{
	struct yes *y = (struct yes *)s;

	op->next = NULL;
	*y->tail = op;
	y->tail = &op->next;
	sk_timer_set(y->loop, &y->timer, sk_boot_ms());
}

static void
yes_close(struct sk_store *s)
{
	say_yes(s);
}

static const struct sk_store_ops yes_ops = { "yes", yes_submit, yes_close };

/* ---- asking ---- */

static int answers;

static void
answered(void *arg, const struct sk_api_response *a)
{
	(void)arg;
	if (a->status != 201) {
		fprintf(stderr, "%d %.*s\n", a->status, (int)a->len, a->body);
		exit(1);
	}
	answers++;
}

static void
post(struct sk_control *c, const char *type, const char *body, size_t n)
{
	const struct sk_api_request req = { .method = "POST",
		.role = SK_ROLE_ADMIN,
		.path = "/v1/tasks",
		.query = "",
		.content_type = type,
		.idempotency_key = "",
		.body = body,
		.len = n,
		.respond = answered };

	sk_api_call(c, &req);
}

static double
per_second(size_t n, int64_t start_ns)
{
	return (double)n * 1e9 / (double)(sk_boot_ns() - start_ns);
}

static void
bulk(struct sk_control *c, struct yes *y, size_t per_body, size_t bodies)
{
	struct sk_str body = SK_STR_INIT;
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	int64_t start;

	for (size_t i = 0; i < per_body; i++)
		sk_str_adds(&body, "{\"className\":\"Noop\"}\n");
	start = sk_boot_ns();
	for (size_t i = 0; i < bodies; i++) {
		answers = 0;
		post(c, "application/x-ndjson", body.p, body.len);
		while (answers == 0)
			sk_loop_once(c->cfg.loop, -1);
	}
	printf("lines, %zu a body: %.0f tasks/s, %zu bytes a task\n", per_body,
		per_second(per_body * bodies, start), (y->in_use - before - body.len) / per_body);
	sk_str_release(&body);
}

static void
one_by_one(struct sk_control *c, size_t n, size_t at_once)
{
	const char *body = "{\"className\":\"Noop\"}";
	int64_t start = sk_boot_ns();

	for (size_t done = 0; done < n; done += at_once) {
		answers = 0;
		for (size_t i = 0; i < at_once; i++)
			post(c, "application/json", body, strlen(body));
		while ((size_t)answers < at_once)
			sk_loop_once(c->cfg.loop, -1);
	}
	printf("one by one, %zu at once: %.0f requests/s\n", at_once, per_second(n, start));
}

/* ---- events ---- */

static void
nobody(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	(void)arg;
	(void)topic;
	(void)e;
}

static void
woken(void *arg)
{
	(void)arg;
}

static double
events(struct sk_bus *bus, struct sk_loop *loop, size_t n)
{
	struct sk_event e = { .kind = SK_EVENT_FINISHED,
		.task = "01jd3k5m7n9p0q2r4s6t8v0w1x",
		.class_name = "Noop",
		.attempt = 1,
		.skald = "n1",
		.stage = "",
		.message = "" };
	int64_t start = sk_boot_ns();

	for (size_t i = 0; i < n; i++) {
		e.time_ms = (int64_t)i;
		if (sk_bus_publish(bus, SK_TOPIC_EVENT, &e) != SK_OK)
			exit(1);
		if (i % 1000 == 999)
			while (sk_loop_next_ms(loop) >= 0 && sk_loop_next_ms(loop) <= sk_boot_ms())
				sk_loop_once(loop, 0);
	}
	return (double)(sk_boot_ns() - start) / (double)n;
}

static void
watching(struct sk_control *c, struct sk_loop *loop)
{
	struct sk_bus *bare = sk_bus_local_open(&(struct sk_bus_local_config){ .loop = loop });
	struct sk_waiter waiters[64] = { 0 };
	struct sk_event_read read = { .after = 0, .task = "", .max = 1000 };
	struct sk_str out = SK_STR_INIT;
	const size_t n = 2000000;
	struct sk_err err;
	double base, ring;
	int64_t start;

	if (bare->ops->subscribe(bare, 1u << SK_TOPIC_EVENT, nobody, NULL, &err) != SK_OK)
		exit(1);
	base = events(bare, loop, n);
	ring = events(c->cfg.bus, loop, n);
	printf("an event on the bus: %.0f ns; with the ring: %.0f ns\n", base, ring);
	for (size_t i = 0; i < 64; i++) {
		waiters[i].fn = woken;
		waiters[i].task = i % 2 == 0 ? "some-task" : "another-task";
		waiters[i].deadline_ms = sk_boot_ms() + 600000;
		sk_waiter_start(c, &waiters[i]);
	}
	printf("with 64 who wait for other tasks: %.0f ns\n", events(c->cfg.bus, loop, n));
	for (size_t i = 0; i < 64; i++)
		sk_waiter_stop(&waiters[i]);
	start = sk_boot_ns();
	for (int i = 0; i < 30; i++) {
		sk_str_clear(&out);
		sk_events_read(c, &read, &out);
		read.after = read.next;
	}
	printf("an event read as JSON: %.0f ns\n", (double)(sk_boot_ns() - start) / 30000);
	sk_str_release(&out);
	bare->ops->unsubscribe(bare, nobody, NULL);
	bare->ops->close(bare);
}

int
main(void)
{
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);
	struct yes y = { .store = { &yes_ops }, .loop = loop, .tail = &y.head };
	struct sk_control_config cfg = { .loop = loop,
		.store = &y.store,
		.workers = classes,
		.parse_json = sk_json_parse,
		.name = "bench",
		.lease_ms = 10000,
		.reconcile_ms = 5000,
		.data_dir = "" };
	struct sk_control *c;

	y.timer = (struct sk_timer){ .fn = say_yes, .arg = &y };
	cfg.bus =
		sk_bus_local_open(&(struct sk_bus_local_config){ .loop = loop, .max_events = 1 << 20 });
	cfg.cache = sk_cache_local_open(&(struct sk_cache_local_config){ .loop = loop });
	c = sk_control_new(&cfg);
	c->ready = true;
	bulk(c, &y, 1000, 100);
	bulk(c, &y, 100000, 5);
	one_by_one(c, 200000, 1);
	one_by_one(c, 200000, 64);
	watching(c, loop);
	sk_control_free(c);
	cfg.bus->ops->close(cfg.bus);
	cfg.cache->ops->close(cfg.cache);
	sk_loop_free(loop);
	return 0;
}
