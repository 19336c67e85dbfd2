#include "cmd/door_inside.h"
#include "adapters/datadir.h"
#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/versions.h"
#include "adapters/sqlite/store.h"
#include "core/base/clock.h"
#include "core/control/control.h"
#include "workers/registry.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEASE_MS 10000
#define RECONCILE_MS 5000
#define READY_MS 30000
#define CALL_MS 60000
#define N_HEADERS (sizeof(((struct sk_api_response *)NULL)->headers) / sizeof(char *))

struct sk_inside {
	struct sk_datadir *dir;
	char *file; /* of the store */
	struct sk_loop *loop;
	struct sk_store *store;
	struct sk_bus *bus;
	struct sk_cache *cache;
	struct sk_control *control;
	struct sk_err failure; /* of the store, for good; SK_OK = it works */
};

/* ---- opening ---- */

/* What is there already was put there on purpose, on a volatile file system too. */
static enum sk_code
open_directory(struct sk_inside *in, const char *dir, bool create, struct sk_err *err)
{
	struct sk_datadir_config cfg = { .path = dir, .create = create };

	in->file = sk_xasprintf("%s/%s", dir, SK_DATADIR_STORE);
	cfg.allow_volatile = access(in->file, F_OK) == 0;
	in->dir = sk_datadir_open(&cfg, err);
	if (in->dir == NULL)
		return err->code;
	if (sk_datadir_up_alive(in->dir)) /* between two of its hubs, or before the first */
		return sk_fail(err, SK_ECONFLICT, "the `skalds up` of %s does not answer", dir);
	if (sk_datadir_lock(in->dir, 0, err) != SK_OK)
		return err->code;
	if (!create && faccessat(sk_datadir_fd(in->dir), SK_DATADIR_STORE, F_OK, 0) != 0 &&
		errno == ENOENT)
		return sk_fail(err, SK_ENOENT, "there are no tasks in %s", dir);
	return SK_OK;
}

static void
store_failed(void *arg, const char *sentence)
{
	struct sk_inside *in = arg;

	sk_fail(&in->failure, SK_EIO, "%s: %s", in->file, sentence);
}

static enum sk_code
open_ports(struct sk_inside *in, struct sk_err *err)
{
	const struct sk_sqlite_config file = {
		.path = in->file, .read_when_full = true, .fatal = store_failed, .arg = in
	};
	struct sk_bus_local_config bus = { .max_events = 0 };
	struct sk_cache_local_config cache = { .max_bytes = 0 };

	in->loop = sk_loop_new(err);
	if (in->loop == NULL)
		return err->code;
	bus.loop = cache.loop = in->loop;
	in->store = sk_store_sqlite_open(&file, in->loop, err);
	if (in->store == NULL)
		return err->code;
	in->bus = sk_bus_local_open(&bus);
	in->cache = sk_cache_local_open(&cache);
	return SK_OK;
}

/* Nobody repairs the store while a command waits for it: what is not a lock is said at once. */
static enum sk_code
wait_until_ready(struct sk_inside *in, struct sk_err *err)
{
	int64_t end = sk_boot_ms() + READY_MS;

	while (!sk_control_ready(in->control)) {
		if (in->failure.code != SK_OK) {
			*err = in->failure;
			return err->code;
		}
		if (sk_control_trouble(in->control) == SK_ENOSPC)
			return sk_fail(err, SK_ENOSPC, "%s: no room left on the disk", in->file);
		if (sk_boot_ms() > end)
			return sk_fail(
				err, SK_EIO, "the store in %s does not answer", sk_datadir_path(in->dir));
		sk_loop_once(in->loop, end - sk_boot_ms());
	}
	return SK_OK;
}

static enum sk_code
start_control(struct sk_inside *in, struct sk_err *err)
{
	const struct sk_control_config cfg = { .loop = in->loop,
		.store = in->store,
		.cache = in->cache,
		.bus = in->bus,
		.workers = sk_workers,
		.parse_json = sk_json_parse,
		.name = "cli",
		.version = sk_version(),
		.lease_ms = LEASE_MS,
		.reconcile_ms = RECONCILE_MS,
		.data_dir = sk_datadir_path(in->dir),
		.seed = (uint64_t)sk_boot_ns() };

	in->control = sk_control_new(&cfg);
	sk_control_start(in->control);
	return wait_until_ready(in, err);
}

enum sk_code
sk_inside_open(const char *dir, bool create, struct sk_inside **inside, struct sk_err *err)
{
	struct sk_inside *in = sk_xcalloc(1, sizeof(*in));
	enum sk_code code = open_directory(in, dir, create, err);

	if (code == SK_OK)
		code = open_ports(in, err);
	if (code == SK_OK)
		code = start_control(in, err);
	if (code == SK_OK)
		*inside = in;
	else
		sk_inside_close(in);
	return code;
}

/* The order of control.h: the store first brings back what is under way. */
void
sk_inside_close(struct sk_inside *in)
{
	if (in == NULL)
		return;
	sk_store_close(in->store);
	sk_control_free(in->control);
	if (in->cache != NULL)
		in->cache->ops->close(in->cache);
	if (in->bus != NULL)
		in->bus->ops->close(in->bus);
	sk_loop_free(in->loop);
	sk_datadir_close(in->dir);
	free(in->file);
	free(in);
}

/* ---- a call ---- */

struct waiting {
	struct sk_http_answer *answer;
	bool done;
};

/* As a server would send it. */
static void
respond(void *arg, const struct sk_api_response *r)
{
	struct waiting *w = arg;

	w->done = true;
	w->answer->status = r->status;
	sk_str_add(&w->answer->body, r->body, r->len);
	for (size_t i = 0; i + 1 < N_HEADERS && r->headers[i] != NULL; i += 2)
		sk_str_addf(&w->answer->headers, "%s: %s\n", r->headers[i], r->headers[i + 1]);
}

static const char *
or_empty(const char *text)
{
	return text != NULL ? text : "";
}

enum sk_code
sk_inside_call(struct sk_inside *in, const struct sk_http_call *call, struct sk_http_answer *answer,
	struct sk_err *err)
{
	int64_t end = sk_boot_ms() + (call->call_ms > 0 ? call->call_ms : CALL_MS);
	struct waiting w = { .answer = answer };
	char *path = sk_xstrdup(call->path), *query = strchr(path, '?');
	const struct sk_api_request req = { .method = call->method,
		.path = path,
		.query = query != NULL ? query + 1 : "",
		.content_type = or_empty(call->content_type),
		.idempotency_key = or_empty(call->idempotency_key),
		.body = call->body != NULL ? call->body : "",
		.len = call->len,
		.respond = respond,
		.arg = &w };

	if (query != NULL)
		*query = '\0';
	sk_api_call(in->control, &req);
	while (!w.done && sk_boot_ms() < end)
		sk_loop_once(in->loop, end - sk_boot_ms());
	if (!w.done)
		sk_api_forget(in->control, &w);
	free(path);
	return w.done ? SK_OK : sk_fail(err, SK_EAGAIN, "the store did not answer in time");
}
