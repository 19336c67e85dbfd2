/* memory_bench.c - the burst without services: controller, node and supervisor as in a fleet, over a
 * store in memory and a bus and cache within the process. What it is faster than the fleet is what
 * statements and messages cost.
 *
 *	memory_bench TASKS SLOTS		prints "CLASS RATE": Noop (warm workers), Exec (/bin/true each) */
#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/memory/store.h"
#include "cmd/agent.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/control.h"
#include "core/control/control_priv.h"
#include "core/run/node.h"
#include "workers/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
	int tasks;
	uint32_t slots;
	struct sk_loop *loop;
	struct sk_store *store;
	struct sk_bus *bus;
	struct sk_cache *cache;
	struct sk_control *control;
	struct sk_node *node;
	int64_t began_ns;
	int ended, failed, code;
	bool ready, over, inserting;
	const char *const *class_name; /* of those that are left */
	struct sk_arena *arena;
	struct sk_op_insert insert;
};

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct bench *b = arg;

	(void)topic;
	b->ended += e->kind == SK_EVENT_FINISHED;
	b->failed += e->kind == SK_EVENT_FAILED;
}

static void
node_over(void *arg, int code)
{
	struct bench *b = arg;

	b->code = code;
	b->over = true;
}

static void
node_ready(void *arg)
{
	struct bench *b = arg;

	b->ready = true;
}

static void
inserted(struct sk_op *op)
{
	struct bench *b = op->arg;

	if (op->code != SK_OK)
		fprintf(stderr, "memory_bench: %s\n", op->err.msg);
	b->inserting = false;
}

static struct sk_value *
spec_of(struct sk_arena *a, const char *class_name)
{
	struct sk_value *spec = sk_value_new(a, SK_MAP), *attachments = sk_value_new(a, SK_MAP),
					*command = sk_value_new(a, SK_LIST);

	sk_list_add(a, command, sk_value_string(a, "/bin/true", 9));
	if (strcmp(class_name, "Exec") == 0)
		sk_map_set(a, attachments, "command", command);
	sk_map_set(a, spec, "attachments", attachments);
	return spec;
}

static void
submit(struct bench *b)
{
	struct sk_record *all;
	const struct sk_record **list;

	b->arena = sk_arena_new();
	all = sk_arena_alloc(b->arena, (size_t)b->tasks * sizeof(*all));
	list = sk_arena_alloc(b->arena, (size_t)b->tasks * sizeof(*list));
	for (int i = 0; i < b->tasks; i++) {
		sk_record_init(&all[i], b->arena);
		all[i].id = sk_arena_printf(b->arena, "%s-%d", *b->class_name, i);
		all[i].class_name = *b->class_name;
		all[i].life.max_attempts = 1;
		all[i].create_ms = all[i].update_ms = all[i].rank_ms = sk_wall_ms();
		all[i].spec = spec_of(b->arena, *b->class_name);
		list[i] = &all[i];
	}
	b->ended = b->failed = 0;
	b->inserting = true;
	b->insert = (struct sk_op_insert){
		.op = { .kind = SK_OP_INSERT, .done = inserted, .arg = b, .arena = b->arena },
		.records = list,
		.n = (size_t)b->tasks
	};
	b->began_ns = sk_boot_ns();
	sk_control_insert(b->control, &b->insert);
}

/* True when the burst of this class is over. */
static bool
is_done(struct bench *b)
{
	if (b->arena == NULL || b->inserting || b->ended + b->failed < b->tasks)
		return false;
	printf(
		"%s %.0f\n", *b->class_name, (double)b->tasks * 1e9 / (double)(sk_boot_ns() - b->began_ns));
	fflush(stdout);
	if (b->failed > 0)
		fprintf(stderr, "memory_bench: %d failed\n", b->failed);
	sk_arena_free(b->arena);
	b->arena = NULL;
	return true;
}

static void
open_all(struct bench *b, int channel)
{
	struct sk_err err;

	b->loop = sk_loop_new(&err);
	b->store = sk_store_memory_open(b->loop);
	b->bus = sk_bus_local_open(&(struct sk_bus_local_config){
		.loop = b->loop, .max_events = (size_t)1 << 18, .max_bytes = (size_t)64 << 20 });
	b->cache = sk_cache_local_open(&(struct sk_cache_local_config){ .loop = b->loop });
	if (b->bus->ops->subscribe(b->bus, 1u << SK_TOPIC_EVENT, heard, b, &err) != SK_OK)
		exit(1);
	b->control = sk_control_new(&(struct sk_control_config){ .loop = b->loop,
		.store = b->store,
		.cache = b->cache,
		.bus = b->bus,
		.workers = sk_workers,
		.parse_json = sk_json_parse,
		.name = "bench",
		.dispatch = true,
		.mixed = true,
		.lease_ms = 30000,
		.reconcile_ms = 5000,
		.data_dir = "" });
	sk_control_start(b->control);
	b->node = sk_node_new(&(struct sk_node_config){ .loop = b->loop,
		.store = b->store,
		.cache = b->cache,
		.bus = b->bus,
		.channel = channel,
		.component = "bench",
		.id = "bench",
		.version = "",
		.host = "",
		.mode = SK_MODE_NODE,
		.slots = b->slots,
		.cpus = b->slots,
		.memory_mb = 1024,
		.workers = sk_workers,
		.lease_ms = 30000,
		.reconcile_ms = 5000,
		.present = true,
		.data_dir = "",
		.describe = sk_agent_describe_record,
		.over = node_over,
		.ready = node_ready,
		.arg = b });
}

static int
link_main(int channel, void *arg)
{
	static const char *const classes[] = { "Noop", "Exec", NULL };
	struct bench *b = arg;

	b->class_name = classes;
	open_all(b, channel);
	while (!b->over) {
		sk_node_flush(b->node);
		sk_loop_once(b->loop, 100);
		if (is_done(b) && *++b->class_name == NULL)
			sk_node_drain(b->node, 0);
		if (b->ready && b->arena == NULL && *b->class_name != NULL && sk_control_ready(b->control))
			submit(b);
	}
	if (b->code >= 0)
		sk_node_quit(b->node, b->code);
	_Exit(0);
}

int
main(int argc, char **argv)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
	struct bench b = { .tasks = argc > 1 ? atoi(argv[1]) : 1000,
		.slots = argc > 2 ? (uint32_t)atoi(argv[2]) : 2 };
	struct sk_supervisor_config cfg = { .mode = "node",
		.link = link_main,
		.link_arg = &b,
		.workers = sk_workers,
		.env = env,
		.cgroups = true,
		.patient = true,
		.drain_ms = 5000,
		.sink = { .skald_id = "bench", .log_path = "", .data_dir = "" } };

	sk_log_setup(&(struct sk_log_config){ .level = SK_WARNING });
	return sk_supervise(&cfg);
}
