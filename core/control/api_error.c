/* api_error.c - what went wrong, as JSON: one shape for our routes, the original's for its own.
 * Both have "detail", the sentence (of its validation errors: a list, as FastAPI has it). */
#include "core/control/api_priv.h"
#include <string.h>

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
	case 406:
		return "not-acceptable";
	case 409:
		return "conflict";
	case 412:
		return "precondition-failed";
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

/* ---- where it is wrong ---- */

/* A word of a path between quotes, as sk_quote writes it; behind it. */
static const char *
quoted_word(struct sk_str *word, const char *p)
{
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		sk_str_addc(word, *p);
	}
	return *p == '"' ? p + 1 : p;
}

/* A step of a JSON pointer: ~ and / are escaped (RFC 6901). */
static void
add_step(struct sk_str *pointer, const char *word)
{
	sk_str_addc(pointer, '/');
	for (; *word != '\0'; word++)
		if (*word == '~' || *word == '/')
			sk_str_adds(pointer, *word == '~' ? "~0" : "~1");
		else
			sk_str_addc(pointer, *word);
}

/* "a.b[3].\"c d\"" -> /a/b/3/c d. */
static void
add_pointer(struct sk_str *pointer, const char *path)
{
	struct sk_str word = SK_STR_INIT;

	while (*path != '\0') {
		size_t n = *path == '"' ? 0 : strcspn(path, ".[]");

		sk_str_clear(&word);
		if (n > 0)
			sk_str_add(&word, path, n);
		path = *path == '"' ? quoted_word(&word, path) : path + n;
		if (word.len > 0)
			add_step(pointer, sk_str_text(&word));
		path += strspn(path, ".[]");
	}
	sk_str_release(&word);
}

static void
put_pointer(struct sk_str *out, const struct sk_problem *p, bool listed)
{
	struct sk_str pointer = SK_STR_INIT;

	if (listed && p->line > 0)
		sk_str_addf(&pointer, "/%d", p->line - 1);
	add_pointer(&pointer, p->path);
	sk_json_kstr(out, "pointer", sk_str_text(&pointer));
	sk_str_release(&pointer);
}

void
sk_problem_list(struct sk_str *out, const struct sk_problems *p, bool listed)
{
	sk_str_addc(out, '[');
	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].warning)
			continue;
		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kint(out, "line", p->list[i].line);
		sk_json_kstr(out, "path", p->list[i].path);
		put_pointer(out, &p->list[i], listed);
		sk_json_kstr(out, "message", p->list[i].text);
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, ']');
}

/* ---- bodies ---- */

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
		sk_problem_list(out, problems, call->listed);
	else
		sk_str_adds(out, "[]");
	sk_str_addc(out, '}');
	sk_json_kstr(out, "detail", message);
	sk_str_addc(out, '}');
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
		sk_json_kstr(out, "detail", message);
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
