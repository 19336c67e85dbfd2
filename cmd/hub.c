#include "cmd/hub.h"
#include "adapters/datadir.h"
#include "adapters/http/assets.h"
#include "adapters/http/metrics.h"
#include "adapters/http/server.h"
#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/outputs.h"
#include "adapters/sqlite/store.h"
#include "adapters/versions.h"
#include "cmd/agent.h"
#include "cmd/alerts.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/node.h"
#include "workers/registry.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMPONENT "hub"
#define LOCK_SLICE_MS 200 /* how soon a death of the supervisor is noticed meanwhile */
#define LOCK_MS 10000 /* a hub that clears up behind a dead supervisor needs some seconds */
#define RECONCILE_MS 5000
#define IDLE_MS 20 /* after the last end: is there nothing left to do? */
#define LOOK_MS 1000 /* and now and then, whatever happens */
/* The tasks of the largest request at once: what the bus drops is found again seconds later
 * only. */
#define BUS_EVENTS ((size_t)1 << 18)
#define BUS_BYTES ((size_t)64 << 20)

struct hub {
	const struct sk_hub_config *cfg;
	struct sk_loop *loop;
	struct sk_host *host;
	struct sk_host_hook hook;
	struct sk_datadir *dir;
	struct sk_store *store;
	struct sk_bus *bus;
	struct sk_cache *cache;
	struct sk_control *control;
	struct sk_node *node;
	struct sk_http_server *server;
	struct sk_listen *listen; /* NULL: nothing listens over the network (yet) */
	struct sk_outputs *outputs;
	struct sk_alerting alerting;
	char id[SK_HUB_ID], name[256];
	char *socket;
	bool node_ready, ready_said;
	bool stopping; /* the node drains: its end is the hub's */
	int code; /* of `up`; < 0: there is no supervisor any more */
	/* --once */
	struct sk_timer idle;
	bool asking;
	struct sk_arena *arena;
	struct sk_op_count count;
};

/* ---- the end ---- */

static void
node_over(void *arg, int code)
{
	struct hub *h = arg;

	h->code = code;
	sk_host_stop(h->host);
}

/* Nothing may be assigned any more: the tasks are being handed back. */
static void
signaled(void *arg, int sig)
{
	struct hub *h = arg;

	if (sig == SIGHUP)
		sk_listen_reload(h->listen);
	if (sig != 0 && sig != SIGTERM && sig != SIGINT && sig != SIGQUIT)
		return;
	h->stopping = true;
	sk_control_stop(h->control);
}

/* The disk failed: nothing that is said from now on would be true. */
static void
store_failed(void *arg, const char *sentence)
{
	struct hub *h = arg;

	sk_log(SK_CRITICAL, COMPONENT, "%s%s", sentence, sk_storage_advice(SK_EIO));
	h->code = SK_EXIT_STORAGE;
	if (h->host != NULL)
		sk_host_stop(h->host);
}

/* ---- --once ---- */

static void
look_later(struct hub *h, int64_t ms)
{
	sk_timer_set(h->loop, &h->idle, sk_boot_ms() + ms);
}

static void
counted(struct sk_op *op)
{
	struct hub *h = op->arg;
	const int64_t *n = h->count.by_phase;
	bool good = n[SK_FAILED] + n[SK_CANCELLED] == 0;

	h->asking = false;
	if (op->code != SK_OK)
		look_later(h, LOOK_MS);
	else {
		signaled(h, 0);
		sk_node_drain(h->node, good ? SK_EXIT_OK : SK_EXIT_FAILED);
	}
	sk_arena_free(h->arena);
	h->arena = NULL;
}

/* What has ended since `up` was started, also under hubs before this one. */
static void
told_idle(void *arg, bool idle)
{
	struct hub *h = arg;

	if (!idle || h->stopping) {
		h->asking = false;
		look_later(h, LOOK_MS);
		return;
	}
	h->arena = sk_arena_new();
	h->count = (struct sk_op_count){
		.op = { .kind = SK_OP_COUNT, .done = counted, .arg = h, .arena = h->arena },
		.filter = { .phases = 1u << SK_FAILED | 1u << SK_CANCELLED,
			.updated_after = h->cfg->began_ms },
	};
	sk_store_submit(h->store, &h->count.op);
}

static void
look_whether_idle(void *arg)
{
	struct hub *h = arg;

	if (h->asking || h->stopping)
		return;
	if (!h->ready_said) {
		look_later(h, IDLE_MS);
		return;
	}
	h->asking = true;
	sk_control_idle(h->control, told_idle, h);
}

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct hub *h = arg;

	(void)topic;
	if (e->kind == SK_EVENT_FINISHED || e->kind == SK_EVENT_FAILED || e->kind == SK_EVENT_CANCELLED)
		look_later(h, IDLE_MS);
}

/* ---- starting: the lock, the store, who we are ---- */

/* The supervisor at the other end is gone. */
static bool
is_orphan(int channel)
{
	struct pollfd p = { .fd = channel };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

/* Whoever waited without a supervisor gets the directory too late: another up may have lived with
 * it, and its attempts go on. There is another one only after our supervisor died: what is seen
 * once the lock is ours is certain. */
static enum sk_code
wait_for_lock(struct hub *h, int channel, struct sk_err *err)
{
	const int64_t end = sk_boot_ms() + LOCK_MS;
	enum sk_code code;

	do {
		code = sk_datadir_lock(h->dir, LOCK_SLICE_MS, err);
		if (is_orphan(channel))
			return sk_fail(err, SK_ECANCELED, "the supervisor died before its hub had started");
	} while (code == SK_ECONFLICT && sk_boot_ms() < end);
	return code;
}

static enum sk_code
take_directory(struct hub *h, int channel, struct sk_err *err)
{
	const struct sk_datadir_config cfg = { .path = h->cfg->data_dir,
		.create = true,
		.group = h->cfg->group,
		.allow_volatile = h->cfg->allow_volatile };

	h->dir = sk_datadir_open(&cfg, err);
	if (h->dir == NULL)
		return err->code;
	return wait_for_lock(h, channel, err);
}

static enum sk_code
open_store(struct hub *h, struct sk_err *err)
{
	struct sk_str path = SK_STR_INIT;
	const struct sk_sqlite_config cfg = {
		.path = "", .relaxed = h->cfg->relaxed, .fatal = store_failed, .arg = h
	};
	struct sk_sqlite_config with_path = cfg;

	sk_str_addf(&path, "%s/%s", h->cfg->data_dir, SK_DATADIR_STORE);
	with_path.path = path.p;
	h->store = sk_store_sqlite_open(&with_path, h->loop, err);
	sk_str_release(&path);
	if (h->store != NULL && h->cfg->relaxed)
		sk_log(SK_WARNING, COMPONENT,
			"SKALDS_DURABILITY=relaxed: a power cut loses what was accepted last");
	return h->store != NULL ? SK_OK : err->code;
}

static enum sk_code
open_ports(struct hub *h, int channel, struct sk_err *err)
{
	struct sk_bus_local_config bus = {
		.loop = h->loop, .max_events = BUS_EVENTS, .max_bytes = BUS_BYTES
	};
	struct sk_cache_local_config cache = { .loop = h->loop };
	enum sk_code code = take_directory(h, channel, err);

	if (code == SK_OK)
		code = open_store(h, err);
	if (code == SK_OK)
		code = sk_hub_id(h->cfg, h->store, h->loop, h->id, err);
	if (code != SK_OK)
		return code;
	h->bus = sk_bus_local_open(&bus);
	h->cache = sk_cache_local_open(&cache);
	return SK_OK;
}

/* ---- controller, node, server ---- */

static void
put_metrics(void *arg, struct sk_str *out)
{
	const struct hub *h = arg;

	sk_http_metrics(out, h->server, sk_listen_server(h->listen));
}

static void
start_control(struct hub *h)
{
	struct sk_control_config cfg = { .loop = h->loop,
		.store = h->store,
		.cache = h->cache,
		.bus = h->bus,
		.workers = sk_workers,
		.parse_json = sk_json_parse,
		.name = h->name,
		.version = sk_version(),
		.dispatch = true,
		.strategy = h->cfg->strategy,
		.lease_ms = h->cfg->lease_ms,
		.reconcile_ms = RECONCILE_MS,
		.keep_ms = h->cfg->keep_ms,
		.keep_tasks = h->cfg->keep_tasks,
		.clock_ms = h->cfg->clock_ms,
		.data_dir = h->cfg->data_dir,
		.dashboard = true,
		.metrics = put_metrics,
		.metrics_arg = h,
		.seed = (uint64_t)sk_boot_ns() };

	/* what is wrong was said before `up` began: here only when it has changed since */
	(void)sk_alerting_open(&h->alerting, h->cfg->settings, COMPONENT);
	sk_alerting_use(&h->alerting, &cfg);
	h->control = sk_control_new(&cfg);
	sk_control_start(h->control);
}

static void
add_live(void *arg, const char *id, uint32_t attempt)
{
	sk_outputs_add_live(arg, id, attempt);
}

static bool
tell_live(void *arg, struct sk_outputs_live *l)
{
	const struct hub *h = arg;

	if (!sk_control_ready(h->control))
		return false;
	sk_control_each_live(h->control, add_live, l);
	return true;
}

static void
start_outputs(struct hub *h)
{
	const struct sk_outputs_config cfg = { .loop = h->loop,
		.data_dir = h->cfg->data_dir,
		.limit = h->cfg->keep_output,
		.live = tell_live,
		.arg = h };

	if (h->cfg->keep_output > 0)
		h->outputs = sk_outputs_open(&cfg);
}

static void
node_is_ready(void *arg)
{
	struct hub *h = arg;

	h->node_ready = true;
}

static void
start_node(struct hub *h, int channel)
{
	const struct sk_node_config cfg = { .loop = h->loop,
		.store = h->store,
		.cache = h->cache,
		.bus = h->bus,
		.channel = channel,
		.component = COMPONENT,
		.id = h->id,
		.version = sk_version(),
		.host = h->name,
		.mode = SK_MODE_NODE,
		.slots = h->cfg->slots,
		.cpus = h->cfg->cpus,
		.memory_mb = h->cfg->memory_mb,
		.gpus = h->cfg->gpus,
		.labels = h->cfg->labels,
		.workers = sk_workers,
		.lease_ms = h->cfg->lease_ms,
		.reconcile_ms = RECONCILE_MS,
		.sole = true,
		.data_dir = h->cfg->data_dir,
		.describe = sk_agent_describe_record,
		.signaled = signaled,
		.over = node_over,
		.ready = node_is_ready,
		.arg = h };

	h->node = sk_node_new(&cfg);
}

static void
call(void *arg, const struct sk_api_request *req)
{
	struct hub *h = arg;

	if (!sk_assets_answer(req))
		sk_api_call(h->control, req);
}

static void
forget(void *arg, void *req_arg)
{
	struct hub *h = arg;

	sk_api_forget(h->control, req_arg);
}

/* One hub of several has it from the one before, who may not be gone from it. */
static bool
start_listening(struct hub *h)
{
	const struct sk_http_server_config cfg = {
		.host = h->host, .call = call, .forget = forget, .arg = h
	};
	struct sk_node_numbers n;
	struct sk_err err;

	if (h->listen != NULL || *h->cfg->listen->address == '\0')
		return true;
	sk_node_numbers(h->node, &n);
	h->listen = sk_listen_open(h->cfg->listen, &cfg, n.restarts > 0, &err);
	if (h->listen != NULL)
		return true;
	sk_log(SK_CRITICAL, COMPONENT, "--listen %s: %s", h->cfg->listen->address, err.msg);
	h->code = sk_listen_exit_code(err.code);
	sk_host_stop(h->host);
	return false;
}

static enum sk_code
start_server(struct hub *h, struct sk_err *err)
{
	struct sk_str path = SK_STR_INIT;
	struct sk_http_server_config cfg = { .host = h->host,
		.replace = true,
		.group = sk_datadir_group(h->dir),
		.call = call,
		.forget = forget,
		.arg = h };

	sk_datadir_socket(h->cfg->data_dir, &path);
	h->socket = path.p;
	cfg.path = h->socket;
	h->server = sk_http_server_open(&cfg, err);
	return h->server != NULL ? SK_OK : err->code;
}

/* ---- running ---- */

static void
say_ready(struct hub *h)
{
	const char *url = h->listen != NULL ? sk_listen_url(h->listen) : NULL;
	struct sk_node_numbers n;
	struct sk_str line = SK_STR_INIT;

	h->ready_said = true;
	sk_node_tell_ready(h->node, true);
	sk_node_numbers(h->node, &n);
	if (n.restarts > 0) { /* said before */
		sk_log(SK_INFO, COMPONENT, "ready again, %zu task(s) went on", n.tasks);
		return;
	}
	if (!h->cfg->hint)
		sk_log(SK_INFO, COMPONENT, "ready: skald %s, %u slot(s), data in %s%s%s", h->id,
			h->cfg->slots, h->cfg->data_dir, url != NULL ? ", answers at " : "",
			url != NULL ? url : "");
	else
		fprintf(stderr,
			"skalds up: ready, %u slot%s, data in %s%s%s; add a task: skalds task add Sleep "
			"seconds=5\n",
			h->cfg->slots, h->cfg->slots == 1 ? "" : "s", h->cfg->data_dir,
			url != NULL ? ", answers at " : "", url != NULL ? url : "");
	if (h->cfg->json) {
		sk_str_addc(&line, '{');
		sk_json_kint(&line, "time", sk_wall_ms());
		sk_json_kstr(&line, "event", "ready");
		sk_json_kstr(&line, "skald", h->id);
		sk_json_kstr(&line, "data", h->cfg->data_dir);
		sk_json_kstr(&line, "socket", h->socket);
		sk_json_kstr(&line, "url", url);
		sk_json_kint(&line, "slots", h->cfg->slots);
		sk_str_adds(&line, "}\n");
		sk_node_print(h->node, line.p);
		sk_str_release(&line);
	}
}

/* After each round of the loop. */
static void
round_over(void *arg)
{
	struct hub *h = arg;
	struct sk_err err;

	if (h->server == NULL && sk_control_ready(h->control) && start_server(h, &err) != SK_OK) {
		sk_log(SK_CRITICAL, COMPONENT, "%s", err.msg);
		h->code = err.code == SK_ECONFLICT ? SK_EXIT_FAILED : SK_EXIT_STORAGE;
		sk_host_stop(h->host);
		return;
	}
	if (h->server != NULL && h->node_ready && !h->ready_said && start_listening(h))
		say_ready(h);
	sk_node_flush(h->node);
}

static void
run(struct hub *h, int channel)
{
	struct sk_err err;

	h->idle = (struct sk_timer){ .fn = look_whether_idle, .arg = h };
	if (h->cfg->once &&
		h->bus->ops->subscribe(h->bus, 1u << SK_TOPIC_EVENT, heard, h, &err) == SK_OK)
		look_later(h, IDLE_MS);
	start_control(h);
	start_outputs(h);
	start_node(h, channel);
	h->hook = (struct sk_host_hook){ .fn = round_over, .arg = h };
	sk_host_hook_add(h->host, &h->hook);
	sk_host_run(h->host);
	sk_host_hook_remove(h->host, &h->hook);
}

/* The store first brings back what is under way; then nobody speaks of the others any more. The
 * supervisor is told last: it does not wait for us. */
static void
close_all(struct hub *h)
{
	sk_listen_close(h->listen);
	sk_http_server_close(h->server);
	sk_outputs_close(h->outputs);
	sk_store_close(h->store);
	sk_timer_clear(h->loop, &h->idle);
	if (h->bus != NULL && h->cfg->once)
		h->bus->ops->unsubscribe(h->bus, heard, h);
	sk_control_free(h->control);
	sk_alerting_close(&h->alerting);
	if (h->node != NULL && h->code >= 0)
		sk_node_quit(h->node, h->code);
	sk_node_free(h->node);
	if (h->cache != NULL)
		h->cache->ops->close(h->cache);
	if (h->bus != NULL)
		h->bus->ops->close(h->bus);
	sk_host_close(h->host);
	sk_loop_free(h->loop);
	sk_datadir_close(h->dir);
	free(h->socket);
}

/* ---- when it does not even start ---- */

static int
exit_code_of(enum sk_code code)
{
	switch (code) {
	case SK_ECONFLICT:
		return SK_EXIT_FAILED;
	case SK_EINVAL:
	case SK_ENOENT:
	case SK_ENOSPC:
	case SK_EIO:
		return SK_EXIT_STORAGE;
	case SK_OK:
	case SK_EAGAIN:
	case SK_ECANCELED:
	case SK_EUNAVAIL:
		break;
	}
	return SK_EXIT_SYSTEM;
}

int
sk_hub_run(int channel, void *arg)
{
	struct hub h = { .cfg = arg, .code = -1 };
	struct sk_err err = { SK_OK, "" };
	enum sk_code code;

	if (gethostname(h.name, sizeof(h.name) - 1) != 0)
		snprintf(h.name, sizeof(h.name), "localhost");
	h.loop = sk_loop_new(&err);
	if (h.loop != NULL)
		h.host = sk_host_open(h.loop, &err);
	code = h.host == NULL ? SK_EIO : open_ports(&h, channel, &err);
	if (code == SK_OK) {
		run(&h, channel);
	} else if (code == SK_ECANCELED) {
		sk_log(SK_INFO, COMPONENT, "%s", err.msg);
	} else {
		h.code = h.host == NULL ? SK_EXIT_SYSTEM : exit_code_of(code);
		sk_log(SK_CRITICAL, COMPONENT, "%s%s", err.msg,
			h.code == SK_EXIT_STORAGE ? sk_storage_advice(err.code) : "");
		if (code != SK_EAGAIN) /* a shortage, that may be over soon: the supervisor tries again */
			sk_agent_quit(channel, COMPONENT, h.code);
	}
	close_all(&h);
	return h.code >= 0 ? h.code : SK_EXIT_SKALDS;
}
