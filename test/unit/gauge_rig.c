#include "gauge_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/memory/store.h"
#include "adapters/yaml.h"
#include "core/control/parts.h"
#include <stdlib.h>
#include <string.h>

static const struct sk_field no_fields[] = { SK_FIELDS_END };
static const struct sk_worker job = { .name = "Job", .doc = "A job.", .fields = no_fields };
static const struct sk_worker *const workers[] = { &job, NULL };

static int64_t
wall(void *arg)
{
	return ((struct gauge_rig *)arg)->wall;
}

static int64_t
boot(void *arg)
{
	return ((struct gauge_rig *)arg)->boot;
}

static size_t
services(void *arg, struct sk_control_service out[SK_CONTROL_SERVICES])
{
	const struct gauge_rig *g = arg;

	out[0] = g->service;
	return g->service.name != NULL;
}

static void
handed(void *arg, const char *json, size_t n)
{
	struct gauge_rig *g = arg;

	sk_str_add(&g->handed, json, n);
	sk_str_addc(&g->handed, '\n');
}

void
gauge_pump(struct gauge_rig *g)
{
	for (int i = 0; i < 40; i++)
		sk_loop_once(g->loop, 0);
}

static void
begin(struct gauge_rig *g)
{
	const struct sk_control_config cfg = { .loop = g->loop,
		.store = g->store,
		.bus = g->bus,
		.cache = g->cache,
		.workers = workers,
		.parse_json = sk_json_parse,
		.name = "c1",
		.dispatch = true,
		.lease_ms = 10000,
		.reconcile_ms = 5000,
		.data_dir = "",
		.seed = 1,
		.services = services,
		.services_arg = g,
		.alerts = g->rules.n > 0 ? &g->rules : NULL,
		.alerted = handed,
		.alerted_arg = g,
		.boot_ms = boot,
		.wall_ms = wall,
		.clock_arg = g };

	g->c = sk_control_new(&cfg);
	sk_control_start(g->c);
	for (int i = 0; i < 1000 && !sk_history_known(g->c); i++)
		sk_loop_once(g->loop, 0);
	gauge_pump(g);
	assert_true(sk_history_known(g->c));
}

int
gauge_setup(void **state)
{
	struct gauge_rig *g = sk_xcalloc(1, sizeof(*g));
	struct sk_err err;

	g->loop = sk_loop_new(&err);
	g->arena = sk_arena_new();
	g->store = sk_store_memory_open(g->loop);
	g->bus = sk_bus_local_open(&(struct sk_bus_local_config){ .loop = g->loop });
	g->cache = sk_cache_local_open(&(struct sk_cache_local_config){ .loop = g->loop });
	g->wall = GAUGE_WALL;
	g->boot = 1000000;
	begin(g);
	*state = g;
	return 0;
}

int
gauge_teardown(void **state)
{
	struct gauge_rig *g = *state;

	sk_store_close(g->store);
	sk_control_free(g->c);
	g->bus->ops->close(g->bus);
	g->cache->ops->close(g->cache);
	sk_loop_free(g->loop);
	sk_str_release(&g->handed);
	sk_arena_free(g->arena);
	free(g);
	return 0;
}

void
gauge_restart(struct gauge_rig *g, bool kill)
{
	gauge_pump(g); /* what is under way comes back: the store lives on */
	if (!kill)
		sk_control_stop(g->c);
	gauge_pump(g);
	sk_control_free(g->c);
	begin(g);
}

void
gauge_pass(struct gauge_rig *g, int64_t ms)
{
	for (; ms > 0; ms -= 2000) {
		g->wall += 2000;
		g->boot += 2000;
		if (g->wall % SK_GAUGES_MS == 0) {
			sk_gauges_tick(g->c);
			gauge_pump(g);
		}
		sk_alerts_tick(g->c);
		gauge_pump(g);
	}
}

void
gauge_skald(struct gauge_rig *g, const char *id, double cpu)
{
	const struct sk_skald row = { .id = id,
		.incarnation = 1,
		.renewals = ++g->renewals,
		.version = "1",
		.host = "h",
		.slots = 2,
		.lease_ms = 10000,
		.start_ms = 1,
		.seen_ms = g->wall,
		.load = { .known = cpu >= 0,
			.cpu_percent = cpu,
			.load1 = -1,
			.memory_used_mb = 25,
			.memory_total_mb = 100,
			.disk_used_mb = -1,
			.disk_total_mb = -1 } };
	struct sk_op_skald_put op = { .op = { .kind = SK_OP_SKALD_PUT, .arena = g->arena },
		.skald = &row };

	assert_int_equal(sk_store_wait(g->store, g->loop, &op.op), SK_OK);
	sk_skalds_read(g->c, NULL);
	gauge_pump(g);
}

void
gauge_task(struct gauge_rig *g, const char *id, int64_t ago_ms, const char *spec)
{
	struct sk_record r;
	const struct sk_record *records[1] = { &r };
	struct sk_op_insert op = {
		.op = { .kind = SK_OP_INSERT, .arena = g->arena }, .records = records, .n = 1
	};
	struct sk_problems p;

	sk_record_init(&r, g->arena);
	sk_problems_init(&p, g->arena, "");
	r.id = id;
	r.class_name = "Job";
	r.create_ms = r.update_ms = r.rank_ms = g->wall - ago_ms;
	r.life.max_attempts = 1;
	if (spec != NULL)
		r.spec = sk_json_parse(spec, strlen(spec), g->arena, &p);
	assert_non_null(r.spec);
	assert_int_equal(sk_store_wait(g->store, g->loop, &op.op), SK_OK);
}

void
gauge_event(struct gauge_rig *g, enum sk_event_kind kind, const char *message)
{
	const struct sk_event e = { .kind = kind,
		.time_ms = g->wall,
		.task = "t",
		.class_name = "Job",
		.attempt = 1,
		.skald = "s",
		.stage = "",
		.message = message };

	assert_int_equal(sk_bus_publish(g->bus, SK_TOPIC_EVENT, &e), SK_OK);
	gauge_pump(g);
}

struct asked {
	struct gauge_rig *g;
	int status;
	const char *body;
};

static void
answered(void *arg, const struct sk_api_response *a)
{
	struct asked *k = arg;

	k->status = a->status;
	k->body = sk_arena_strndup(k->g->arena, a->body, a->len);
}

const char *
gauge_ask(struct gauge_rig *g, const char *method, const char *path, const char *query, int status)
{
	struct asked k = { .g = g };
	const struct sk_api_request req = { .method = method,
		.path = path,
		.query = query,
		.content_type = "",
		.idempotency_key = "",
		.role = SK_ROLE_ADMIN,
		.who = "ann",
		.body = "",
		.respond = answered,
		.arg = &k };

	sk_api_call(g->c, &req);
	for (int i = 0; i < 1000 && k.status == 0; i++)
		sk_loop_once(g->loop, 0);
	if (k.status != status)
		fail_msg("%s %s?%s: %d %s", method, path, query, k.status, k.body);
	gauge_pump(g);
	return k.body;
}

void
gauge_rules(struct gauge_rig *g, const char *yaml)
{
	struct sk_problems p;

	sk_problems_init(&p, g->arena, "rules");
	if (!sk_alert_rules_read(
			sk_yaml_parse(yaml, strlen(yaml), g->arena, &p), g->arena, &g->rules, &p)) {
		struct sk_str text = SK_STR_INIT;

		sk_problems_text(&p, &text);
		fail_msg("%s", text.p);
	}
}
