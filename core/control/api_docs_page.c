/* api_docs_page.c - GET /api/docs: the routes for people, one page without a script. */
#include "core/control/api_docs.h"
#include <string.h>

static void
put_text(struct sk_str *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '<')
			sk_str_adds(out, "&lt;");
		else if (*text == '&')
			sk_str_adds(out, "&amp;");
		else
			sk_str_addc(out, *text);
}

/* "/v1/tasks/{id}?limit&sort" */
static void
put_target(struct sk_str *out, const struct sk_route *r)
{
	const char *sign = "?";

	for (const char *p = r->pattern; *p != '\0'; p++) {
		sk_str_addc(out, *p);
		if (*p == '{')
			sk_str_adds(out, "id");
	}
	for (const struct sk_field *f = r->params; f != NULL && f->kind != SK_FIELD_END; f++) {
		sk_str_addf(out, "%s%s", sign, f->name);
		sign = "&amp;";
	}
}

static void
put_route(struct sk_str *out, const struct sk_route *r)
{
	const struct sk_doc *d = sk_doc_of(r);

	sk_str_addf(out, "<tr><td>%s<td><code>", r->method);
	put_target(out, r);
	sk_str_addf(out, "</code><td>%s<td>", sk_role_name(r->role));
	put_text(out, d != NULL ? d->summary : "");
	sk_str_addc(out, '\n');
}

void
sk_api_docs_page(struct sk_call *call)
{
	struct sk_str *out = &call->out;

	sk_str_adds(out,
		"<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
		"<meta name=\"color-scheme\" content=\"light dark\"><title>Skalds: API</title>\n"
		"<h1>The API of Skalds</h1>\n"
		"<p>All of it, for programs: <a href=\"/api/openapi.json\">/api/openapi.json</a> "
		"(OpenAPI 3.1).\n<table><thead><tr><th>Method<th>Path<th>Role<th>What it is "
		"for\n<tbody>\n");
	for (const struct sk_route *r = sk_routes; r->method != NULL; r++)
		put_route(out, r);
	sk_str_adds(out, "</table>\n");
	sk_call_header(call, "Content-Security-Policy", "default-src 'none'");
	sk_call_answer(call, 200, "text/html; charset=utf-8");
}
