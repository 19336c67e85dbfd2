/* api.c - requests under way: begun, answered once, or forgotten. */
#include "core/control/api_stream.h"
#include <stdlib.h>
#include <string.h>

struct sk_api *
sk_api_new(struct sk_control *c)
{
	struct sk_api *api = sk_xcalloc(1, sizeof(*api));

	api->streams = sk_streams_new(c);
	return api;
}

/* ---- the life of a call ---- */

void
sk_call_release(struct sk_call *call)
{
	sk_call_fn *release = call->release;

	call->release = NULL;
	if (release != NULL)
		release(call);
}

static void
call_free(struct sk_call *call)
{
	struct sk_api *api = call->c->api;

	sk_call_release(call);
	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		api->calls = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	sk_str_release(&call->out);
	sk_arena_free(call->look);
	sk_arena_free(call->arena);
	free(call);
}

static const char *
text_of(struct sk_arena *a, const char *text)
{
	return text != NULL ? sk_arena_strdup(a, text) : "";
}

static struct sk_call *
call_new(struct sk_control *c, const struct sk_api_request *req)
{
	struct sk_call *call = sk_xcalloc(1, sizeof(*call));
	struct sk_arena *a = sk_arena_new();

	call->c = c;
	call->begun_ns = sk_boot_ns();
	call->arena = a;
	call->respond = req->respond;
	call->more = req->more;
	call->arg = req->arg;
	call->role = req->role;
	call->who = text_of(a, req->who);
	call->if_match = text_of(a, req->if_match);
	call->if_none_match = text_of(a, req->if_none_match);
	call->last_event_id = text_of(a, req->last_event_id);
	call->path = sk_arena_strdup(a, req->path);
	call->original = strncmp(req->path, "/api", 4) == 0 || strcmp(req->path, "/") == 0;
	call->key = text_of(a, req->idempotency_key);
	call->content_type = text_of(a, req->content_type);
	call->body = req->body;
	call->len = req->len;
	call->next = c->api->calls;
	if (call->next != NULL)
		call->next->prev = call;
	c->api->calls = call;
	return call;
}

/* The other answer of a route that is spelled with a slash at its end, or without. */
static bool
redirect(struct sk_call *call, const struct sk_api_request *req)
{
	size_t n = strlen(req->path);
	bool slashed = n > 1 && req->path[n - 1] == '/';
	const char *other = slashed ? sk_arena_strndup(call->arena, req->path, n - 1)
								: sk_arena_printf(call->arena, "%s/", req->path);
	const char *id, *allow = NULL;

	if (strncmp(req->path, "/api/", 5) != 0 ||
		(sk_route_find(req->method, other, call->arena, &id, &allow) == NULL && allow == NULL))
		return false;
	sk_call_header(call, "Location",
		req->query != NULL && req->query[0] != '\0'
			? sk_arena_printf(call->arena, "%s?%s", other, req->query)
			: other);
	sk_call_answer(call, 307, "text/plain");
	return true;
}

static void
no_route(struct sk_call *call, const struct sk_api_request *req, const char *allow)
{
	if (allow != NULL) {
		sk_call_header(call, "Allow", allow);
		sk_call_error(call, 405, "%s is not for this, but %s", req->method, allow);
	} else if (!redirect(call, req)) {
		sk_call_error(call, 404, "there is no %s", req->path);
	}
}

const char *
sk_role_name(enum sk_role role)
{
	static const char *const names[] = { "none", "read", "write", "admin" };

	return names[role];
}

void
sk_api_call(struct sk_control *c, const struct sk_api_request *req)
{
	struct sk_call *call = call_new(c, req);
	const char *allow = NULL;
	struct sk_err err;

	call->route = sk_route_find(req->method, req->path, call->arena, &call->id, &allow);
	if (call->route == NULL)
		no_route(call, req, allow);
	else if (req->role < call->route->role)
		sk_call_error(
			call, 403, "this needs a token with the role %s", sk_role_name(call->route->role));
	else if (!sk_query_parse(call, req->query != NULL ? req->query : "", &err))
		sk_call_error(call, 400, "%s", err.msg);
	else if (!c->ready && !call->route->always)
		sk_call_error(call, 503, "starting: try again in a moment");
	else
		call->route->handler(call);
}

static void
drop(struct sk_call *call)
{
	call->respond = NULL;
	call->streaming = false;
	if (call->idle)
		call_free(call); /* else the store has it: freed when that comes back */
}

void
sk_api_forget(struct sk_control *c, void *arg)
{
	struct sk_call *call = c->api->calls;

	while (call != NULL && ((call->respond == NULL && !call->streaming) || call->arg != arg))
		call = call->next;
	if (call != NULL)
		drop(call);
}

/* The store was closed: only who waits for a time or an event is left. */
void
sk_api_free(struct sk_api *api)
{
	if (api == NULL)
		return;
	sk_streams_end(api->streams);
	while (api->calls != NULL) {
		struct sk_call *call = api->calls;

		sk_str_clear(&call->out);
		sk_call_error(call, 503, "the server is shutting down");
	}
	sk_streams_free(api->streams);
	free(api);
}

/* ---- answers ---- */

void
sk_call_answer(struct sk_call *call, int status, const char *content_type)
{
	void (*respond)(void *arg, const struct sk_api_response *answer) = call->respond;
	struct sk_api_response answer = { .status = status,
		.content_type = content_type,
		.body = sk_str_text(&call->out),
		.len = call->out.len };

	memcpy(answer.headers, call->headers, sizeof(answer.headers)); /* the last one stays NULL */
	sk_metrics_answered(call->c, call->route, status, sk_boot_ns() - call->begun_ns);
	call->respond = NULL; /* whoever is answered may ask again or go away at once */
	if (respond != NULL)
		respond(call->arg, &answer);
	call_free(call);
}

/* From within respond and more the door may forget the call: it is not idle then, so it stays. */
bool
sk_call_stream(struct sk_call *call)
{
	void (*respond)(void *arg, const struct sk_api_response *answer) = call->respond;
	struct sk_api_response answer = { .status = 200,
		.content_type = "text/event-stream; charset=utf-8",
		.body = sk_str_text(&call->out),
		.len = call->out.len,
		.stream = true };

	if (call->more == NULL) {
		sk_call_error(call, 406, "an endless answer cannot be had here: use /v1/events");
		return false;
	}
	sk_call_header(call, "Cache-Control", "no-cache");
	sk_call_header(call, "X-Accel-Buffering", "no"); /* a proxy shall pass on each event at once */
	memcpy(answer.headers, call->headers, sizeof(answer.headers));
	sk_metrics_answered(call->c, call->route, answer.status, sk_boot_ns() - call->begun_ns);
	call->respond = NULL;
	call->streaming = respond != NULL;
	call->idle = false;
	if (respond != NULL)
		respond(call->arg, &answer);
	if (!call->streaming) {
		call_free(call);
		return false;
	}
	sk_str_release(&call->out);
	call->idle = true;
	return true;
}

void
sk_call_end(struct sk_call *call)
{
	bool wanted;

	call->idle = false;
	wanted = call->more(call->arg, "", 0);
	(void)wanted;
	call_free(call);
}

bool
sk_call_more(struct sk_call *call, const char *bytes, size_t n)
{
	call->idle = false;
	if (!call->more(call->arg, bytes, n) || !call->streaming) {
		call_free(call);
		return false;
	}
	call->idle = true;
	return true;
}

void
sk_call_json(struct sk_call *call, int status)
{
	sk_call_answer(call, status, "application/json");
}

void
sk_call_header(struct sk_call *call, const char *name, const char *value)
{
	if (call->n_headers + 2 > sizeof(call->headers) / sizeof(call->headers[0]) - 1)
		return;
	call->headers[call->n_headers++] = name;
	call->headers[call->n_headers++] = value;
}

/* ---- the store ---- */

static void
came_back(struct sk_op *op)
{
	struct sk_call *call = op->arg;

	sk_metrics_stored(call->c, op->kind, sk_boot_ns() - call->op_ns);
	call->op_done(op);
}

void
sk_call_op(
	struct sk_call *call, struct sk_op *op, enum sk_op_kind kind, void (*done)(struct sk_op *op))
{
	op->kind = kind;
	op->done = came_back;
	op->arg = call;
	op->arena = call->arena;
	call->op_ns = sk_boot_ns();
	call->op_done = done;
	call->idle = false;
}

void
sk_call_submit(
	struct sk_call *call, struct sk_op *op, enum sk_op_kind kind, void (*done)(struct sk_op *op))
{
	sk_call_op(call, op, kind, done);
	sk_store_submit(call->c->cfg.store, op);
}

struct getting {
	struct sk_op_get op;
	void (*fn)(struct sk_call *call, struct sk_record *r);
	const char *ids[1];
};

static void
got(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct getting *g = (struct getting *)op;

	if (op->code != SK_OK)
		sk_call_failed(call, op->code, &op->err);
	else if (g->op.records[0] == NULL)
		sk_call_error(call, 404, "there is no task %s", sk_quote(call->arena, call->id));
	else
		g->fn(call, g->op.records[0]);
}

void
sk_call_get(struct sk_call *call, void (*fn)(struct sk_call *call, struct sk_record *r))
{
	struct getting *g;

	sk_arena_free(call->look);
	call->look = sk_arena_new();
	g = sk_arena_alloc(call->look, sizeof(*g));
	g->fn = fn;
	g->ids[0] = call->id;
	g->op.ids = g->ids;
	g->op.n = 1;
	sk_call_op(call, &g->op.op, SK_OP_GET, got);
	g->op.op.arena = call->look;
	sk_store_submit(call->c->cfg.store, &g->op.op);
}

struct counting {
	struct sk_op_count op;
	void (*fn)(struct sk_call *call, const struct sk_op_count *counted);
};

static void
counted(struct sk_op *op)
{
	struct counting *n = (struct counting *)op;

	if (op->code != SK_OK)
		sk_call_failed(op->arg, op->code, &op->err);
	else
		n->fn(op->arg, &n->op);
}

static void
count(struct sk_call *call, const struct sk_filter *filter, bool numbers_only,
	void (*fn)(struct sk_call *call, const struct sk_op_count *counted))
{
	struct counting *n = sk_arena_alloc(call->arena, sizeof(*n));

	n->fn = fn;
	n->op.filter = *filter;
	n->op.numbers_only = numbers_only;
	sk_call_submit(call, &n->op.op, SK_OP_COUNT, counted);
}

void
sk_call_count(struct sk_call *call, const struct sk_filter *filter,
	void (*fn)(struct sk_call *call, const struct sk_op_count *counted))
{
	count(call, filter, true, fn);
}

void
sk_call_count_oldest(struct sk_call *call, const struct sk_filter *filter,
	void (*fn)(struct sk_call *call, const struct sk_op_count *counted))
{
	count(call, filter, false, fn);
}
