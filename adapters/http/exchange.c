/* exchange.c - from evhttp's request to the API's, and from its answer to evhttp's. */
#include "adapters/http/conn.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} rows[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 302, "Found" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 428, "Precondition Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].phrase;
	return status < 400 ? "OK" : status < 500 ? "Client Error" : "Server Error";
}

/* Made anew once a second. */
static const char *
date(struct sk_http_server *s)
{
	int64_t now_s = sk_wall_ms() / 1000;

	if (now_s != s->date_s) {
		evutil_date_rfc1123(s->date, sizeof(s->date), NULL);
		s->date_s = now_s;
	}
	return s->date;
}

static const char *
code_of(int status)
{
	switch (status) {
	case 401:
		return "unauthorized";
	case 403:
		return "forbidden";
	case 408:
		return "timeout";
	case 413:
	case 414:
	case 431:
		return "too-large";
	case 501:
		return "method";
	case 503:
		return "unavailable";
	}
	return "bad-request";
}

/* The beginning of an answer that evhttp does not format. */
static void
start_head(struct sk_conn *c, struct sk_str *out, int status)
{
	sk_str_addf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\n", status, phrase(status),
		date(c->server));
}

static void
put_header(struct sk_str *out, const char *name, const char *value)
{
	sk_str_addf(out, "%s: %s\r\n", name, value);
}

static void
put_extra(struct sk_conn *c, struct sk_str *out, int status, const char *const *own)
{
	struct sk_header extra[SK_MAX_EXTRA];
	const size_t n = sk_extra_headers(c, status, own, extra);

	for (size_t i = 0; i < n; i++)
		put_header(out, extra[i].name, extra[i].value);
}

void
sk_exchange_refusal(struct sk_conn *c, struct sk_str *out, int status, const char *why)
{
	static const char *const none[SK_API_HEADERS];
	struct sk_str body = SK_STR_INIT;

	sk_str_adds(&body, "{\"error\":{");
	sk_json_kstr(&body, "code", code_of(status));
	sk_json_kstr(&body, "message", why);
	sk_str_adds(&body, ",\"problems\":[]}");
	sk_json_kstr(&body, "detail", why);
	sk_str_addc(&body, '}');
	start_head(c, out, status);
	put_header(out, "Content-Type", "application/json");
	put_extra(c, out, status, none);
	sk_str_addf(out, "Content-Length: %zu\r\n\r\n", body.len);
	if (c->filter.method != SK_HTTP_HEAD || c->filter.head_len == 0)
		sk_str_add(out, body.p, body.len);
	sk_str_release(&body);
}

/* ---- the answer ---- */

static void
add_header(struct evhttp_request *req, const char *name, const char *value)
{
	if (evhttp_add_header(evhttp_request_get_output_headers(req), name, value) != 0)
		sk_log(SK_ERROR, "http", "the header %s of an answer is left out: it is malformed", name);
}

/* The value cannot end the header early. */
static bool
is_clean(const char *value)
{
	return value[strcspn(value, "\r\n")] == '\0';
}

void
sk_exchange_head(struct sk_conn *c, struct sk_str *out, const struct sk_api_response *a)
{
	start_head(c, out, a->status);
	put_header(out, "Content-Type", a->content_type);
	for (size_t i = 0; i + 1 < SK_API_HEADERS && a->headers[i] != NULL; i += 2)
		if (is_clean(a->headers[i + 1]))
			put_header(out, a->headers[i], a->headers[i + 1]);
	put_extra(c, out, a->status, a->headers);
	if (!c->http10)
		put_header(out, "Transfer-Encoding", "chunked");
	sk_str_adds(out, "\r\n");
}

static bool
has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

static void
add_headers(struct sk_conn *c, struct evhttp_request *req, const struct sk_api_response *a)
{
	struct sk_header extra[SK_MAX_EXTRA];
	const size_t n = sk_extra_headers(c, a->status, a->headers, extra);
	char length[24];

	add_header(req, "Date", date(c->server));
	if (has_body(a->status)) {
		snprintf(length, sizeof(length), "%zu", a->len);
		add_header(req, "Content-Type",
			a->content_type != NULL && a->content_type[0] != '\0' ? a->content_type
																  : "application/json");
		add_header(req, "Content-Length", length);
	}
	for (size_t i = 0; i + 1 < SK_API_HEADERS && a->headers[i] != NULL && a->headers[i + 1] != NULL;
		 i += 2)
		add_header(req, a->headers[i], a->headers[i + 1]);
	for (size_t i = 0; i < n; i++)
		add_header(req, extra[i].name, extra[i].value);
	if (c->close || c->server->draining)
		add_header(req, "Connection", "close");
}

static void
send_answer(struct sk_conn *c, struct evhttp_request *req, const struct sk_api_response *a)
{
	struct evbuffer *out = c->server->out;

	add_headers(c, req, a);
	if (has_body(a->status) && a->len > 0 && evhttp_request_get_command(req) != EVHTTP_REQ_HEAD &&
		evbuffer_add(out, a->body, a->len) != 0)
		abort(); /* out of memory ends the process before */
	evhttp_send_reply(req, a->status, phrase(a->status), out);
	/* evhttp has registered the buffers' events again */
	if (bufferevent_disable(c->bev, EV_READ | EV_WRITE) != 0)
		abort(); /* events of ours: only a bug gets here */
}

static void
respond(void *arg, const struct sk_api_response *answer)
{
	struct sk_conn *c = arg;
	struct evhttp_request *req = c->req;

	if (req == NULL)
		abort(); /* answered twice, or after it was forgotten */
	c->answered = true;
	if (answer->stream) {
		sk_conn_stream_begin(c, answer);
		return;
	}
	c->busy++;
	c->req = NULL;
	sk_conn_enter(c, SK_CONN_ANSWER);
	send_answer(c, req, answer);
	if (!c->inside) {
		sk_conn_flush(c);
		if (!c->gone)
			sk_conn_advance(c);
	}
	sk_conn_leave(c);
}

static void
answer_options(struct sk_conn *c)
{
	const struct sk_api_response a = { .status = 204,
		.headers = { "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" } };

	respond(c, &a);
}

/* ---- the request ---- */

static const char *
header_of(struct evhttp_request *req, const char *name)
{
	const char *value = evhttp_find_header(evhttp_request_get_input_headers(req), name);

	return value != NULL ? value : "";
}

/* "/path?query" into two texts. */
static void
set_target(struct sk_conn *c, const char *uri)
{
	const size_t path = strcspn(uri, "?");

	sk_str_clear(&c->text);
	sk_str_adds(&c->text, uri);
	c->text.p[path] = '\0';
	c->api.path = c->text.p;
	c->api.query = uri[path] == '?' ? c->text.p + path + 1 : "";
}

static void
set_body(struct sk_conn *c, struct evbuffer *in)
{
	c->api.len = evbuffer_get_length(in);
	c->api.body = "";
	if (c->api.len == 0)
		return;
	c->api.body = (const char *)evbuffer_pullup(in, -1);
	if (c->api.body == NULL)
		abort(); /* out of memory ends the process before */
}

void
sk_exchange_request(struct evhttp_request *req, void *arg)
{
	struct sk_http_server *s = arg;
	struct sk_conn *c = s->current;
	const char *uri = evhttp_request_get_uri(req);

	if (c == NULL || c->state == SK_CONN_CALLED || c->answered || uri == NULL)
		abort(); /* evhttp gets one whole request at a time, and only from the connection */
	s->stats.requests++;
	c->req = req;
	sk_conn_enter(c, SK_CONN_CALLED);
	if (c->filter.method == SK_HTTP_OPTIONS) {
		answer_options(c);
		return;
	}
	c->api = (struct sk_api_request){
		.method =
			sk_http_method_name(c->filter.method == SK_HTTP_HEAD ? SK_HTTP_GET : c->filter.method),
		.content_type = header_of(req, "Content-Type"),
		.idempotency_key = header_of(req, "Idempotency-Key"),
		.if_match = header_of(req, "If-Match"),
		.if_none_match = header_of(req, "If-None-Match"),
		.last_event_id = header_of(req, "Last-Event-ID"),
		.role = c->role,
		.who = sk_str_text(&c->who),
		.accept_encoding = header_of(req, "Accept-Encoding"),
		.respond = respond,
		.more = sk_conn_stream_more,
		.arg = c,
	};
	set_target(c, uri);
	set_body(c, evhttp_request_get_input_buffer(req));
	s->cfg.call(s->cfg.arg, &c->api);
}
