/* api.c - requests under way: begun, answered once, or forgotten. */
#include "core/control/api_priv.h"
#include <stdlib.h>
#include <string.h>

struct sk_api *
sk_api_new(struct sk_control *c)
{
	(void)c;
	return sk_xcalloc(1, sizeof(struct sk_api));
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

static const char *
role_name(enum sk_role role)
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
			call, 403, "this needs a token with the role %s", role_name(call->route->role));
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
	if (call->idle)
		call_free(call); /* else the store has it: freed when that comes back */
}

void
sk_api_forget(struct sk_control *c, void *arg)
{
	struct sk_call *call = c->api->calls;

	while (call != NULL && (call->respond == NULL || call->arg != arg))
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
	while (api->calls != NULL) {
		struct sk_call *call = api->calls;

		sk_str_clear(&call->out);
		sk_call_error(call, 503, "the server is shutting down");
	}
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
	call->respond = NULL; /* whoever is answered may ask again or go away at once */
	if (respond != NULL)
		respond(call->arg, &answer);
	call_free(call);
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

/* ---- errors ---- */

static const char *
code_word(int status)
{
	switch (status) {
	case 400:
		return "bad-request";
	case 403:
		return "forbidden";
	case 404:
		return "not-found";
	case 405:
		return "method";
	case 409:
		return "conflict";
	case 413:
		return "too-large";
	case 422:
		return "invalid";
	case 503:
		return "unavailable";
	case 507:
		return "no-space";
	}
	return "failed";
}

void
sk_problem_list(struct sk_str *out, const struct sk_problems *p)
{
	sk_str_addc(out, '[');
	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].warning)
			continue;
		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kint(out, "line", p->list[i].line);
		sk_json_kstr(out, "path", p->list[i].path);
		sk_json_kstr(out, "message", p->list[i].text);
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, ']');
}

static void
error_body(
	struct sk_call *call, int status, const char *message, const struct sk_problems *problems)
{
	struct sk_str *out = &call->out;

	sk_str_clear(out);
	sk_str_adds(out, "{\"error\":{");
	sk_json_kstr(out, "code", code_word(status));
	sk_json_kstr(out, "message", message);
	sk_json_key(out, "problems");
	if (problems != NULL)
		sk_problem_list(out, problems);
	else
		sk_str_adds(out, "[]");
	sk_str_adds(out, "}}");
}

/* skalds-protocol.md 8.1; the specific text of a 404 is kept beside the original's (A3). */
static void
original_body(struct sk_call *call, int status, const char *message)
{
	struct sk_str *out = &call->out;

	sk_str_clear(out);
	sk_str_addc(out, '{');
	if (status == 404) {
		sk_json_kstr(out, "error", "Not Found");
		sk_json_kstr(out, "message",
			sk_arena_printf(call->arena, "The requested resource '%s' was not found", call->path));
		sk_json_kstr(out, "suggestion", "Check the API documentation at /api/docs");
		sk_json_kstr(out, "detail", message);
	} else if (status == 405) {
		sk_json_kstr(out, "detail", "Method Not Allowed");
	} else {
		sk_json_kstr(out, "error", message);
		sk_json_kint(out, "status_code", status);
		sk_json_kstr(out, "path", call->path);
	}
	sk_str_addc(out, '}');
}

void
sk_call_error(struct sk_call *call, int status, const char *fmt, ...)
{
	struct sk_str text = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&text, fmt, ap);
	va_end(ap);
	if (call->original)
		original_body(call, status, sk_str_text(&text));
	else
		error_body(call, status, sk_str_text(&text), NULL);
	sk_str_release(&text);
	if (status == 503)
		sk_call_header(call, "Retry-After", "1");
	sk_call_json(call, status);
}

void
sk_call_failed(struct sk_call *call, enum sk_code code, const struct sk_err *err)
{
	static const int statuses[] = {
		[SK_OK] = 500,
		[SK_EINVAL] = 400,
		[SK_ENOENT] = 404,
		[SK_ECONFLICT] = 409,
		[SK_EAGAIN] = 503,
		[SK_ECANCELED] = 503,
		[SK_EUNAVAIL] = 503,
		[SK_ENOSPC] = 507,
		[SK_EIO] = 500,
	};

	sk_call_error(call, statuses[code], "%s", err->msg[0] != '\0' ? err->msg : sk_code_name(code));
}

void
sk_org_invalid(struct sk_call *call, const char *type, const char *field, const char *msg)
{
	struct sk_str *out = &call->out;

	sk_str_clear(out);
	sk_str_adds(out, "{\"detail\":[{");
	sk_json_kstr(out, "type", type);
	sk_json_key(out, "loc");
	sk_str_adds(out, "[\"body\"");
	if (field != NULL) {
		sk_json_next(out);
		sk_json_string(out, field);
	}
	sk_str_addc(out, ']');
	sk_json_kstr(out, "msg", msg);
	sk_str_adds(out, "}]}");
	sk_call_json(call, 422);
}

/* As FastAPI tells it: one detail for each problem, the place as a list. */
static void
original_invalid(struct sk_call *call, const struct sk_problems *p)
{
	struct sk_str *out = &call->out;

	sk_str_clear(out);
	sk_str_adds(out, "{\"detail\":[");
	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].warning)
			continue;
		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kstr(out, "type", "value_error");
		sk_json_key(out, "loc");
		sk_str_adds(out, "[\"body\"");
		if (p->list[i].path[0] != '\0') {
			sk_json_next(out);
			sk_json_string(out, p->list[i].path);
		}
		sk_str_addc(out, ']');
		sk_json_kstr(out, "msg", p->list[i].text);
		sk_str_addc(out, '}');
	}
	sk_str_adds(out, "]}");
	sk_call_json(call, 422);
}

static void
problems_body(struct sk_call *call, int status, const struct sk_problems *p)
{
	const char *path = p->n > 0 ? p->list[0].path : "", *message;

	if (p->n_errors == 1 && p->n > 0)
		message = sk_arena_printf(
			call->arena, "%s%s%s", path, path[0] != '\0' ? ": " : "", p->list[0].text);
	else
		message = sk_arena_printf(call->arena, "%zu problems", p->n_errors);
	if (call->original) {
		sk_call_error(call, status, "%s", message);
		return;
	}
	error_body(call, status, message, p);
	sk_call_json(call, status);
}

void
sk_call_invalid(struct sk_call *call, const struct sk_problems *p)
{
	if (call->original)
		original_invalid(call, p);
	else
		problems_body(call, 422, p);
}

void
sk_call_conflict(struct sk_call *call, const struct sk_problems *p)
{
	problems_body(call, 409, p);
}

void
sk_call_wrong(struct sk_call *call, const char *path, const char *sentence)
{
	struct sk_problems p;

	sk_problems_init(&p, call->arena, "");
	sk_problem(&p, 0, 0, path, "%s", sentence);
	sk_call_invalid(call, &p);
}

/* ---- the store ---- */

void
sk_call_submit(
	struct sk_call *call, struct sk_op *op, enum sk_op_kind kind, void (*done)(struct sk_op *op))
{
	op->kind = kind;
	op->done = done;
	op->arg = call;
	op->arena = call->arena;
	call->idle = false;
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
	g->op.op = (struct sk_op){ .kind = SK_OP_GET, .done = got, .arg = call, .arena = call->look };
	call->idle = false;
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

void
sk_call_count(struct sk_call *call, const struct sk_filter *filter,
	void (*fn)(struct sk_call *call, const struct sk_op_count *counted))
{
	struct counting *n = sk_arena_alloc(call->arena, sizeof(*n));

	n->fn = fn;
	n->op.filter = *filter;
	sk_call_submit(call, &n->op.op, SK_OP_COUNT, counted);
}
