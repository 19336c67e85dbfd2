/* authorize.c - who asks, and may they? Looked at when the head of a request is whole, before
 * anything of its body is kept. */
#include "adapters/http/conn.h"
#include <string.h>

/* A page of a site that may read the answers. */
static void
note_origin(struct sk_conn *c)
{
	const struct sk_http_span v = c->filter.origin;

	sk_str_clear(&c->origin);
	if (v.len == 0 || c->server->origins[0] == '\0')
		return;
	sk_str_add(&c->origin, c->in.p + c->in_at + v.at, v.len);
	if (!sk_cors_allows(c->server, c->origin.p))
		sk_str_clear(&c->origin);
}

/* The value of a header as a text in *at, which moves on behind it. */
static const char *
text_of(const char *request, struct sk_http_span v, char **at)
{
	char *text = *at;

	memcpy(text, request + v.at, v.len);
	text[v.len] = '\0';
	*at += v.len + 1;
	return text;
}

static const char *
path_of(const struct sk_http_filter *f, const char *request, char **at)
{
	const char *target = request + f->target, *query = memchr(target, '?', f->target_len);
	const size_t n = query != NULL ? (size_t)(query - target) : f->target_len;

	return text_of(request, (struct sk_http_span){ .at = f->target, .len = n }, at);
}

static int
ask(struct sk_conn *c, struct sk_http_who *who)
{
	const struct sk_http_server_config *cfg = &c->server->cfg;
	const struct sk_http_filter *f = &c->filter;
	const char *request = c->in.p + c->in_at;
	char text[SK_HTTP_MAX_HEAD + 8], *at = text; /* the parts of a head and their NULs */
	const struct sk_http_head head = {
		.method = sk_http_method_name(f->method),
		.path = path_of(f, request, &at),
		.authorization = text_of(request, f->authorization, &at),
		.origin = text_of(request, f->origin, &at),
		.host = text_of(request, f->host, &at),
		.peer = sk_str_text(&c->peer),
	};

	return cfg->authorize(cfg->arg, &head, who);
}

/* A browser asks it before it sends what is secret. */
static bool
is_open_to_all(const struct sk_http_filter *f)
{
	return f->method == SK_HTTP_OPTIONS && !f->chunked && f->body_len == 0;
}

bool
sk_conn_authorize(struct sk_conn *c)
{
	struct sk_http_who who = { .role = SK_ROLE_ADMIN };
	int status = 0;

	if (c->judged)
		return true;
	c->judged = true;
	note_origin(c);
	if (c->server->cfg.authorize != NULL) {
		who.role = SK_ROLE_NONE;
		if (!is_open_to_all(&c->filter))
			status = ask(c, &who);
	}
	c->role = who.role;
	sk_str_clear(&c->who);
	if (who.name != NULL)
		sk_str_adds(&c->who, who.name);
	if (status == 0)
		return true;
	sk_conn_refuse(c, status, who.why != NULL ? who.why : "this is not allowed");
	return false;
}
