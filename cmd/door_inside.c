#include "cmd/door_inside.h"
#include "adapters/json.h"
#include "adapters/versions.h"
#include "core/base/clock.h"
#include "core/control/control.h"
#include "workers/registry.h"
#include <stdlib.h>
#include <string.h>

#define RECONCILE_MS 5000
#define CALL_MS 60000
#define N_HEADERS (sizeof(((struct sk_api_response *)NULL)->headers) / sizeof(char *))

struct sk_inside {
	struct sk_inside_ground *ground;
	struct sk_control *control;
};

/* ---- opening ---- */

/* Nobody repairs the store while a command waits for it: what is wrong with it is said at once. */
static enum sk_code
wait_until_ready(struct sk_inside *in, struct sk_err *err)
{
	struct sk_inside_ground *g = in->ground;
	int64_t end = sk_boot_ms() + g->ready_ms;

	while (!sk_control_ready(in->control)) {
		bool late = sk_boot_ms() >= end;
		enum sk_code code = g->trouble(g, sk_control_trouble(in->control), late, err);

		if (code != SK_OK)
			return code;
		sk_loop_once(g->loop, end - sk_boot_ms());
	}
	return SK_OK;
}

static enum sk_code
start_control(struct sk_inside *in, struct sk_err *err)
{
	const struct sk_inside_ground *g = in->ground;
	const struct sk_control_config cfg = { .loop = g->loop,
		.store = g->store,
		.cache = g->cache,
		.bus = g->bus,
		.workers = sk_workers,
		.parse_json = sk_json_parse,
		.name = "cli",
		.version = sk_version(),
		.by_clock = g->by_clock,
		.mixed = g->by_clock,
		.survey = g->survey,
		.lease_ms = g->lease_ms,
		.reconcile_ms = RECONCILE_MS,
		.data_dir = g->data_dir,
		.services = g->services,
		.services_arg = g->services_arg,
		.seed = (uint64_t)sk_boot_ns() };

	in->control = sk_control_new(&cfg);
	sk_control_start(in->control);
	return wait_until_ready(in, err);
}

enum sk_code
sk_inside_open(struct sk_inside_ground *ground, struct sk_inside **inside, struct sk_err *err)
{
	struct sk_inside *in = sk_xcalloc(1, sizeof(*in));
	enum sk_code code;

	in->ground = ground;
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
	sk_store_close(in->ground->store);
	sk_control_free(in->control);
	in->ground->close(in->ground);
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
		.role = SK_ROLE_ADMIN,
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
	if (in->ground->calling != NULL)
		in->ground->calling(in->ground, call);
	sk_api_call(in->control, &req);
	while (!w.done && sk_boot_ms() < end)
		sk_loop_once(in->ground->loop, end - sk_boot_ms());
	if (!w.done)
		sk_api_forget(in->control, &w);
	else if (in->ground->called != NULL)
		in->ground->called(in->ground, strcmp(call->method, "GET") != 0);
	free(path);
	return w.done ? SK_OK : sk_fail(err, SK_EAGAIN, "the store did not answer in time");
}
