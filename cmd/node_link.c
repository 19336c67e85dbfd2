#include "cmd/node_link.h"
#include "adapters/outputs.h"
#include "adapters/versions.h"
#include "cmd/agent.h"
#include "cmd/services.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "workers/registry.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMPONENT "node"
#define RECONCILE_MS 5000
#define SECOND_MS 1000
#define PATIENCE_MS 3000 /* then it is said that the services are waited for */
#define RED_MS 15000 /* so long without the store, and it is not ready any more */
#define DRAIN_MS 24000 /* the supervisor's 20 s, and a store that may take some */
#define AWAY_MS 2000 /* nothing runs, and the store does not answer */

struct link {
	const struct sk_node_link_config *cfg;
	struct sk_loop *loop;
	struct sk_services services;
	struct sk_node *node;
	struct sk_outputs *outputs;
	struct sk_timer second;
	int64_t start_ms, stop_ms; /* boot clock; stop: when it was told to stop */
	bool leased, ready_told, ready_said, waiting_said, over;
	int code; /* of `node`; < 0: there is no supervisor any more */
	char name[256];
};

/* ---- the end ---- */

static void
node_over(void *arg, int code)
{
	struct link *l = arg;

	l->code = code;
	l->over = true;
}

static void
signaled(void *arg, int sig)
{
	struct link *l = arg;

	if (l->stop_ms == 0 && (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT))
		l->stop_ms = sk_boot_ms();
}

/* Has the store taken our renewals? At the end of a lease at the latest it is seen. */
static bool
store_is_away(const struct link *l, const struct sk_node_numbers *n)
{
	int64_t two_thirds = l->cfg->lease_ms * 2 / 3;

	return n->renewed_ms == 0 ||
		sk_boot_ms() - n->renewed_ms >= (two_thirds > RED_MS ? two_thirds : RED_MS);
}

static void
watch_the_end(struct link *l, const struct sk_node_numbers *n)
{
	int64_t since = l->stop_ms > 0 ? sk_boot_ms() - l->stop_ms : 0;

	if (since >= DRAIN_MS || (since >= AWAY_MS && n->running == 0 && store_is_away(l, n)))
		sk_node_give_up(l->node);
}

/* ---- once a second ---- */

static void
say_ready(struct link *l, const struct sk_node_numbers *n)
{
	struct sk_str line = SK_STR_INIT;

	l->ready_said = true;
	if (n->restarts > 0) { /* said before */
		sk_log(SK_INFO, COMPONENT, "ready again, %zu task(s) went on", n->tasks);
		return;
	}
	sk_log(SK_INFO, COMPONENT, "ready: skald %s, %u slot(s), output in %s", l->cfg->skald_id,
		l->cfg->capacity.slots, l->cfg->data_dir);
	if (!l->cfg->json)
		return;
	sk_str_addc(&line, '{');
	sk_json_kint(&line, "time", sk_wall_ms());
	sk_json_kstr(&line, "event", "ready");
	sk_json_kstr(&line, "skald", l->cfg->skald_id);
	sk_json_kstr(&line, "data", l->cfg->data_dir);
	sk_json_kint(&line, "slots", l->cfg->capacity.slots);
	sk_str_adds(&line, "}\n");
	sk_node_print(l->node, line.p);
	sk_str_release(&line);
}

/* Probes see whether the store answers and has a row of us that is not old: what it is asked every
 * two seconds tells sooner than renewals, of which there is one every third of a lease. */
static void
tell_ready(struct link *l)
{
	struct sk_node_numbers n;
	bool ready;

	sk_node_numbers(l->node, &n);
	ready = l->leased && !store_is_away(l, &n) && sk_services_well(&l->services, SK_SERVICE_STORE);
	if (ready != l->ready_told)
		sk_node_tell_ready(l->node, ready);
	if (l->ready_told && !ready)
		sk_log(SK_WARNING, COMPONENT, "not ready: the store does not answer");
	if (l->ready_said && ready && !l->ready_told)
		sk_log(SK_INFO, COMPONENT, "ready again");
	l->ready_told = ready;
	if (ready && !l->ready_said)
		say_ready(l, &n);
	watch_the_end(l, &n);
}

static void
each_second(void *arg)
{
	struct link *l = arg;
	int64_t now = sk_boot_ms();

	sk_services_tick(&l->services);
	tell_ready(l);
	if (!l->leased && !l->waiting_said && now - l->start_ms > PATIENCE_MS) {
		l->waiting_said = true;
		sk_services_say_waiting(&l->services, COMPONENT);
	}
	sk_timer_set(l->loop, &l->second, now + SECOND_MS);
}

static void
node_is_ready(void *arg)
{
	struct link *l = arg;

	l->leased = true;
	sk_timer_set(l->loop, &l->second, 0);
}

/* ---- parts ---- */

static void
add_live(void *arg, const char *id, uint32_t attempt)
{
	sk_outputs_add_live(arg, id, attempt);
}

static bool
tell_live(void *arg, struct sk_outputs_live *live)
{
	const struct link *l = arg;

	return sk_node_each(l->node, add_live, live);
}

static void
start_outputs(struct link *l)
{
	const struct sk_outputs_config cfg = { .loop = l->loop,
		.data_dir = l->cfg->data_dir,
		.limit = l->cfg->keep_output,
		.live = tell_live,
		.arg = l };

	if (l->cfg->keep_output > 0)
		l->outputs = sk_outputs_open(&cfg);
}

static void
start_node(struct link *l, int channel)
{
	const struct sk_capacity *c = &l->cfg->capacity;
	const struct sk_node_config cfg = { .loop = l->loop,
		.store = l->services.store,
		.cache = l->services.cache,
		.bus = l->services.bus,
		.channel = channel,
		.component = COMPONENT,
		.id = l->cfg->skald_id,
		.version = sk_version(),
		.host = l->name,
		.mode = SK_MODE_NODE,
		.slots = c->slots,
		.cpus = c->cpus,
		.memory_mb = c->memory_mb,
		.gpus = c->gpus,
		.labels = c->labels,
		.workers = sk_workers,
		.lease_ms = l->cfg->lease_ms,
		.reconcile_ms = RECONCILE_MS,
		.present = true,
		.share = true,
		.key_ttl_ms = sk_setting_int(l->cfg->settings, "REDIS_KEY_TTL") * 1000,
		.data_dir = l->cfg->data_dir,
		.describe = sk_agent_describe_record,
		.signaled = signaled,
		.over = node_over,
		.ready = node_is_ready,
		.arg = l };

	l->node = sk_node_new(&cfg);
}

static void
run(struct link *l, int channel)
{
	start_node(l, channel);
	start_outputs(l);
	l->start_ms = sk_boot_ms();
	l->second = (struct sk_timer){ .fn = each_second, .arg = l };
	sk_timer_set(l->loop, &l->second, l->start_ms + SECOND_MS);
	while (!l->over) {
		sk_node_flush(l->node);
		if (!l->over)
			sk_loop_once(l->loop, -1);
	}
}

/* The store first brings back what is under way, the cache forgets what was asked of it; then
 * nobody speaks of the node any more. The supervisor is told last: it does not wait for us. */
static void
close_all(struct link *l)
{
	sk_outputs_close(l->outputs);
	if (l->loop != NULL)
		sk_timer_clear(l->loop, &l->second);
	sk_services_close_store(&l->services);
	if (l->services.cache != NULL)
		l->services.cache->ops->close(l->services.cache);
	l->services.cache = NULL;
	if (l->node != NULL && l->code >= 0)
		sk_node_quit(l->node, l->code);
	sk_node_free(l->node);
	sk_services_close(&l->services);
	sk_loop_free(l->loop);
}

int
sk_node_link_run(int channel, void *arg)
{
	struct link l = { .cfg = arg, .code = -1 };
	struct sk_err err = { SK_OK, "" };
	enum sk_code code;

	if (gethostname(l.name, sizeof(l.name) - 1) != 0)
		snprintf(l.name, sizeof(l.name), "localhost");
	l.loop = sk_loop_new(&err);
	code = l.loop == NULL
		? SK_EIO
		: sk_services_open(l.cfg->settings, l.loop, COMPONENT, SK_SERVICES_ALL, &l.services, &err);
	if (code == SK_OK)
		run(&l, channel);
	else {
		l.code = code == SK_EINVAL || code == SK_ENOENT ? SK_EXIT_USAGE : SK_EXIT_SYSTEM;
		sk_log(SK_CRITICAL, COMPONENT, "%s", err.msg);
		sk_agent_quit(channel, COMPONENT, l.code);
	}
	close_all(&l);
	return l.code >= 0 ? l.code : SK_EXIT_SKALDS;
}
