/* api_request_fuzz.c - any requests in a row to a controller on the store in memory. A request is
 *	METHOD PATH[?QUERY] LF CONTENT-TYPE LF IDEMPOTENCY-KEY LF BODY
 * and ends with a byte 1. Each is answered once or waits; JSON is JSON; nothing is "failed". */
#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/memory/store.h"
#include "core/control/api.h"
#include "core/control/control.h"
#include "workers/registry.h"
#include <stdlib.h>
#include <string.h>

#define MAX_REQUESTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct asked {
	bool forgotten;
	int answers;
};

static bool
is_known(int status)
{
	static const int all[] = { 200, 201, 307, 400, 404, 405, 409, 413, 422, 503 };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] == status)
			return true;
	return false;
}

static void
answered(void *arg, const struct sk_api_response *answer)
{
	struct asked *a = arg;
	struct sk_arena *arena = sk_arena_new();
	struct sk_problems p;

	sk_problems_init(&p, arena, "");
	if (a->forgotten || ++a->answers > 1 || !is_known(answer->status))
		abort();
	if (strlen(answer->body) != answer->len && strcmp(answer->content_type, "text/plain") != 0)
		abort();
	if (strcmp(answer->content_type, "application/json") == 0 &&
		sk_json_parse(answer->body, answer->len, arena, &p) == NULL &&
		answer->len < SK_JSON_MAX_BYTES)
		abort();
	sk_arena_free(arena);
}

/* The next word of the input, up to the byte, as text of its own; NULs end it. */
static char *
word(const char **p, const char *end, char stop)
{
	const char *at = *p, *to = memchr(at, stop, (size_t)(end - at));

	*p = to != NULL ? to + 1 : end;
	return sk_xstrndup(at, (size_t)((to != NULL ? to : end) - at));
}

static void
ask(struct sk_control *c, const char *p, const char *end, struct asked *a)
{
	char *method = word(&p, end, ' '), *path = word(&p, end, '\n');
	char *type = word(&p, end, '\n'), *key = word(&p, end, '\n');
	char *query = strchr(path, '?'), *body = sk_xmalloc((size_t)(end - p));
	struct sk_api_request req = { .method = method,
		.role = SK_ROLE_ADMIN,
		.path = path,
		.query = "",
		.content_type = type,
		.idempotency_key = key,
		.body = body,
		.len = (size_t)(end - p),
		.respond = answered,
		.arg = a };

	memcpy(body, p, req.len);
	if (query != NULL) {
		*query = '\0';
		req.query = query + 1;
	}
	sk_api_call(c, &req);
	free(method);
	free(path);
	free(type);
	free(key);
	free(body);
}

static void
pump(struct sk_loop *loop)
{
	for (int i = 0; i < 20; i++)
		sk_loop_once(loop, 0);
}

static void
ask_all(struct sk_control *c, struct sk_loop *loop, const char *p, const char *end)
{
	struct asked asked[MAX_REQUESTS] = { 0 };

	for (int i = 0; i < MAX_REQUESTS && p < end; i++) {
		const char *stop = memchr(p, 1, (size_t)(end - p));

		ask(c, p, stop != NULL ? stop : end, &asked[i]);
		p = stop != NULL ? stop + 1 : end;
		pump(loop);
	}
	for (int i = 0; i < MAX_REQUESTS; i++) {
		sk_api_forget(c, &asked[i]);
		asked[i].forgotten = true;
	}
	pump(loop);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);
	struct sk_control_config cfg = { .loop = loop,
		.workers = sk_workers,
		.parse_json = sk_json_parse,
		.name = "fuzz",
		.lease_ms = 10000,
		.reconcile_ms = 5000,
		.data_dir = "",
		.seed = 1 };
	struct sk_control *c;

	if (loop == NULL)
		abort();
	cfg.store = sk_store_memory_open(loop);
	cfg.bus = sk_bus_local_open(&(struct sk_bus_local_config){ .loop = loop });
	cfg.cache = sk_cache_local_open(&(struct sk_cache_local_config){ .loop = loop });
	c = sk_control_new(&cfg);
	sk_control_start(c);
	pump(loop);
	ask_all(c, loop, (const char *)data, (const char *)data + n);
	sk_store_close(cfg.store);
	sk_control_free(c);
	cfg.bus->ops->close(cfg.bus);
	cfg.cache->ops->close(cfg.cache);
	sk_loop_free(loop);
	return 0;
}
