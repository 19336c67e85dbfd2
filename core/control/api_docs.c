/* api_docs.c - GET /api/openapi.json: OpenAPI 3.1 of the routes that serve, made when it is asked
 * for. https://spec.openapis.org/oas/v3.1.0 */
#include "core/control/api_docs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METHODS 8 /* of one path */

static const struct {
	int status;
	const char *name, *text;
} errors[] = {
	{ 400, "BadRequest", "The request is not as it should be: the query, a parameter, a header." },
	{ 401, "Unauthorized", "There is no token, or not one that is known here." },
	{ 403, "Forbidden", "The token's role does not suffice." },
	{ 404, "NotFound", "There is no such thing." },
	{ 406, "NotAcceptable", "A stream was asked for where there can be none." },
	{ 409, "Conflict", "The state does not allow it, or an id or a unique key is taken." },
	{ 412, "PreconditionFailed", "It has changed since: If-Match does not fit." },
	{ 413, "TooLarge", "The body has more than 4 MiB, or more than 100,000 tasks." },
	{ 422, "Invalid", "A value in the body is wrong. Nothing was stored." },
	{ 500, "Failed", "The store failed." },
	{ 503, "Unavailable", "Starting, or the store does not answer: try again." },
	{ 507, "NoSpace", "The disk is full. Nothing was stored." },
};
#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

static bool
is_original(const struct sk_route *r)
{
	return strncmp(r->pattern, "/api", 4) == 0 || strcmp(r->pattern, "/") == 0;
}

static const struct sk_doc *
find_doc(const struct sk_doc *d, const struct sk_route *r)
{
	for (; d->method != NULL; d++)
		if (strcmp(d->method, r->method) == 0 && strcmp(d->pattern, r->pattern) == 0)
			return d;
	return NULL;
}

const struct sk_doc *
sk_doc_of(const struct sk_route *r)
{
	const struct sk_doc *d = find_doc(sk_docs_ours, r);

	return d != NULL ? d : find_doc(sk_docs_original, r);
}

/* ---- answers ---- */

static bool
named(const struct sk_doc *d, int status)
{
	char word[8];

	snprintf(word, sizeof(word), "%d", status);
	return d->errors != NULL && strstr(d->errors, word) != NULL;
}

static bool
has_numbers(const struct sk_route *r)
{
	for (const struct sk_field *f = r->params; f != NULL && f->kind != SK_FIELD_END; f++)
		if (f->kind == SK_FIELD_INT)
			return true;
	return false;
}

/* Can the route answer so? Most of it follows from what it is. */
static bool
can_fail(const struct sk_route *r, const struct sk_doc *d, int status)
{
	switch (status) {
	case 400:
		return true;
	case 401:
	case 403:
		return r->role > SK_ROLE_NONE;
	case 404:
		return strstr(r->pattern, "{}") != NULL || named(d, status);
	case 413:
		return d->body != NULL;
	case 422:
		return d->body != NULL || (is_original(r) && has_numbers(r)) || named(d, status);
	case 500:
	case 503:
		return !r->always || named(d, status);
	case 507:
		return !r->always && strcmp(r->method, "GET") != 0;
	}
	return named(d, status);
}

/* "Task|[Task], text/plain" as the member content. */
static void
put_content(struct sk_str *out, const char *types, const char *example)
{
	char type[256];

	sk_json_key(out, "content");
	sk_str_addc(out, '{');
	while (*types != '\0') {
		size_t n = strcspn(types, ",");
		const char *slash = memchr(types, '/', n);
		bool json = slash == NULL || memchr(types, ' ', n) != NULL;

		snprintf(type, sizeof(type), "%.*s", (int)n, types);
		sk_json_key(out, json ? "application/json" : type);
		sk_str_adds(out, "{\"schema\":");
		sk_doc_type(out, json ? type : "string");
		if (json && example != NULL)
			sk_str_addf(out, ",\"example\":%s", example);
		sk_str_addc(out, '}');
		types += n + strspn(types + n, ", ");
	}
	sk_str_addc(out, '}');
}

/* "Skalds-Next:integer Skalds-Gap?:string" */
static void
put_answer_headers(struct sk_str *out, const char *gives)
{
	char type[64];

	sk_json_key(out, "headers");
	sk_str_addc(out, '{');
	while (*gives != '\0') {
		size_t n = strcspn(gives, ":"), len = strcspn(gives + n + 1, " ");
		bool maybe = gives[n - 1] == '?';

		sk_json_next(out);
		sk_json_string_n(out, gives, n - maybe);
		snprintf(type, sizeof(type), "%.*s", (int)len, gives + n + 1);
		sk_str_addf(out, ":{\"required\":%s,\"schema\":", maybe ? "false" : "true");
		sk_doc_type(out, type);
		sk_str_addc(out, '}');
		gives += n + 1 + len;
		gives += *gives == ' ';
	}
	sk_str_addc(out, '}');
}

/* One of "201 Added|AddedLines, 200 DryRun"; returns how long it is. */
static size_t
put_good(struct sk_str *out, const struct sk_doc *d, const char *p)
{
	char status[4], types[256];
	size_t n = 4; /* the status, a space, then to the comma that a status follows */

	snprintf(status, sizeof(status), "%.3s", p);
	while (p[n] != '\0' && !(p[n] == ',' && p[n + 1] == ' ' && p[n + 2] >= '1' && p[n + 2] <= '5'))
		n++;
	snprintf(types, sizeof(types), "%.*s", (int)n - 4, p + 4);
	sk_json_key(out, status);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "description",
		status[0] == '2'	   ? "Done."
			: status[0] == '3' ? "It is elsewhere."
							   : "Not well.");
	put_content(out, types, NULL);
	if (d->gives != NULL && status[0] == '2')
		put_answer_headers(out, d->gives);
	sk_str_addc(out, '}');
	return n + strspn(p + n, ", ");
}

static void
put_answers(struct sk_str *out, const struct sk_route *r, const struct sk_doc *d)
{
	char status[8];

	sk_json_key(out, "responses");
	sk_str_addc(out, '{');
	for (const char *p = d->answer; *p != '\0';)
		p += put_good(out, d, p);
	for (size_t i = 0; i < N_ERRORS; i++) {
		if (!can_fail(r, d, errors[i].status))
			continue;
		snprintf(status, sizeof(status), "%d", errors[i].status);
		sk_json_key(out, status);
		sk_str_addf(out, "{\"$ref\":\"#/components/responses/%s%s\"}",
			is_original(r) ? "Original" : "", errors[i].name);
	}
	sk_str_addc(out, '}');
}

/* ---- an operation ---- */

/* "get_v1_tasks_id_log" */
static void
put_operation_id(struct sk_str *out, const struct sk_route *r)
{
	sk_json_key(out, "operationId");
	sk_str_addc(out, '"');
	for (const char *p = r->method; *p != '\0'; p++)
		sk_str_addc(out, (char)(*p + ('a' - 'A')));
	for (const char *p = r->pattern; *p != '\0'; p++)
		if (*p == '{')
			sk_str_adds(out, "id");
		else if (*p == '/' || *p == '-' || *p == '.')
			sk_str_addc(out, '_');
		else if (*p != '}')
			sk_str_addc(out, *p);
	sk_str_addc(out, '"');
}

/* "/v1/tasks/…": tasks; what the original has stands apart; the rest is the system. */
static void
put_tag(struct sk_str *out, const struct sk_route *r)
{
	const char *p = strncmp(r->pattern, "/v1/", 4) == 0 ? r->pattern + 4 : "system";

	sk_json_key(out, "tags");
	sk_str_addc(out, '[');
	if (is_original(r))
		sk_json_string(out, "original");
	else
		sk_json_string_n(out, p, strcspn(p, "/"));
	sk_str_addc(out, ']');
}

static void
put_operation(struct sk_str *out, const struct sk_route *r, const struct sk_doc *d)
{
	sk_str_addc(out, '{');
	put_operation_id(out, r);
	put_tag(out, r);
	sk_json_kstr(out, "summary", d->summary);
	sk_json_key(out, "parameters");
	sk_doc_parameters(out, r, d);
	if (d->body != NULL) {
		sk_str_adds(out, ",\"requestBody\":{\"required\":true");
		put_content(out, d->body, d->example);
		sk_str_addc(out, '}');
	}
	put_answers(out, r, d);
	sk_str_adds(
		out, r->role > SK_ROLE_NONE ? ",\"security\":[{\"bearer\":[]}]" : ",\"security\":[]");
	sk_json_kstr(out, "x-skalds-role", sk_role_name(r->role));
	sk_str_addc(out, '}');
}

/* ---- paths ---- */

static bool
seen_before(const struct sk_route *r)
{
	for (const struct sk_route *q = sk_routes; q < r; q++)
		if (strcmp(q->pattern, r->pattern) == 0)
			return true;
	return false;
}

static void
put_method(struct sk_str *out, const struct sk_route *r)
{
	const struct sk_doc *d = sk_doc_of(r);
	char lower[METHODS + 1];
	size_t n = strlen(r->method);

	if (d == NULL)
		return; /* a test finds it */
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)(r->method[i] != '\0' ? r->method[i] + ('a' - 'A') : '\0');
	sk_json_key(out, lower);
	put_operation(out, r, d);
}

static void
put_paths(struct sk_str *out, struct sk_arena *a)
{
	sk_json_key(out, "paths");
	sk_str_addc(out, '{');
	for (const struct sk_route *r = sk_routes; r->method != NULL; r++) {
		const char *hole = strstr(r->pattern, "{}");

		if (seen_before(r))
			continue;
		sk_json_key(out,
			hole != NULL
				? sk_arena_printf(a, "%.*s{id}%s", (int)(hole - r->pattern), r->pattern, hole + 2)
				: r->pattern);
		sk_str_addc(out, '{');
		for (const struct sk_route *q = r; q->method != NULL; q++)
			if (strcmp(q->pattern, r->pattern) == 0)
				put_method(out, q);
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, '}');
}

/* ---- the rest ---- */

/* What a door refuses before the API sees it has our shape, whatever the route. */
static const char *
error_type(int status, bool original)
{
	if (!original || status == 401)
		return "Error";
	return status == 404 ? "OriginalNotFound"
		: status == 422	 ? "OriginalInvalid"
						 : "OriginalError|Error";
}

static void
put_errors(struct sk_str *out, bool original)
{
	for (size_t i = 0; i < N_ERRORS; i++) {
		sk_json_next(out);
		sk_str_addf(out, "\"%s%s\":{", original ? "Original" : "", errors[i].name);
		sk_json_kstr(out, "description", errors[i].text);
		put_content(out, error_type(errors[i].status, original), NULL);
		sk_str_addc(out, '}');
	}
}

static void
put_components(struct sk_str *out, const struct sk_worker *const *workers, struct sk_arena *a)
{
	sk_str_adds(out, ",\"components\":{\"securitySchemes\":{\"bearer\":{");
	sk_json_kstr(out, "type", "http");
	sk_json_kstr(out, "scheme", "bearer");
	sk_json_kstr(out, "description",
		"A token with a role: read, write (includes read), admin (includes both). x-skalds-role is "
		"what an operation needs. On the machine itself there is a socket that needs none.");
	sk_str_adds(out, "}},\"responses\":{");
	put_errors(out, false);
	put_errors(out, true);
	sk_str_adds(out, "},\"schemas\":{");
	sk_doc_schemas(out, workers, a);
	sk_str_adds(out, "}}");
}

void
sk_doc_write(struct sk_str *out, const char *version, const struct sk_worker *const *workers,
	struct sk_arena *a)
{
	sk_str_adds(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Skalds\"");
	sk_json_kstr(out, "version", version != NULL ? version : "unknown");
	sk_json_kstr(out, "description",
		"Schedules and runs tasks. Texts are UTF-8 without NUL; an id in a path is "
		"percent-encoded; integers have no fraction, not even .0; times are milliseconds since "
		"1970. Routes below /v1 refuse parameters "
		"that they do not know; those below /api are those of the original, field by field.");
	sk_str_addc(out, '}');
	put_paths(out, a);
	put_components(out, workers, a);
	sk_str_addc(out, '}');
}

void
sk_api_openapi(struct sk_call *call)
{
	const struct sk_control_config *cfg = &call->c->cfg;

	sk_doc_write(&call->out, cfg->version, cfg->workers, call->arena);
	sk_call_json(call, 200);
}
