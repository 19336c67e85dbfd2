/* api_input.c - what a request brings: the query, parameters, the body. */
#include "core/control/api_priv.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *
sk_percent_decode(struct sk_arena *a, const char *text, size_t n, bool plus)
{
	char *out = sk_arena_alloc(a, n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i] == '+' && plus ? ' ' : text[i];

		if (c == '%') {
			if (n - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
				return NULL;
			c = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return NULL;
		out[len++] = c;
	}
	return sk_utf8_bad(out, len) < len ? NULL : out;
}

/* ---- the query ---- */

const struct sk_field *
sk_route_param(const struct sk_route *r, const char *name)
{
	for (const struct sk_field *f = r->params; f != NULL && f->kind != SK_FIELD_END; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* The parameter of the route that was meant, or NULL. */
static const char *
nearest(const struct sk_call *call, const char *name)
{
	const struct sk_field *f = call->route->params;
	const char **names;
	size_t n = 0;

	while (f != NULL && f[n].kind != SK_FIELD_END)
		n++;
	names = sk_arena_alloc(call->arena, (n + 1) * sizeof(*names));
	for (size_t i = 0; i < n; i++)
		names[i] = f[i].name;
	names[n] = NULL;
	return sk_suggest(name, names);
}

/* Ours take only what they know, each once; the original ignores what it does not know. */
static bool
accept(struct sk_call *call, const char *name, const char *value, struct sk_err *err)
{
	const char *near;

	if (sk_route_param(call->route, name) == NULL) {
		if (call->original)
			return true;
		near = nearest(call, name);
		sk_fail(err, SK_EINVAL, "unknown parameter %s%s%s%s", sk_quote(call->arena, name),
			near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
			near != NULL ? "\"?" : "");
		return false;
	}
	if (sk_call_has(call, name) && !call->original) {
		sk_fail(err, SK_EINVAL, "parameter %s is given twice", name);
		return false;
	}
	call->params[call->n_params++] = (struct sk_param){ name, value };
	return true;
}

static bool
accept_pair(struct sk_call *call, const char *p, size_t n, struct sk_err *err)
{
	const char *eq = memchr(p, '=', n);
	size_t len = eq != NULL ? (size_t)(eq - p) : n;
	const char *name = sk_percent_decode(call->arena, p, len, true);
	const char *value = eq != NULL ? sk_percent_decode(call->arena, eq + 1, n - len - 1, true) : "";

	if (name == NULL || value == NULL) {
		sk_fail(err, SK_EINVAL, "the query is not percent-encoded UTF-8");
		return false;
	}
	return accept(call, name, value, err);
}

bool
sk_query_parse(struct sk_call *call, const char *query, struct sk_err *err)
{
	size_t pairs = 1;

	if (query[0] == '\0')
		return true;
	for (const char *p = query; *p != '\0'; p++)
		pairs += *p == '&';
	call->params = sk_arena_alloc(call->arena, pairs * sizeof(*call->params));
	while (*query != '\0') {
		size_t n = strcspn(query, "&");

		if (n > 0 && !accept_pair(call, query, n, err))
			return false;
		query += n;
		query += *query == '&';
	}
	return true;
}

/* The last one counts, as in the original. */
static const struct sk_param *
find_param(const struct sk_call *call, const char *name)
{
	for (size_t i = call->n_params; i > 0; i--)
		if (strcmp(call->params[i - 1].name, name) == 0)
			return &call->params[i - 1];
	return NULL;
}

bool
sk_call_has(const struct sk_call *call, const char *name)
{
	return find_param(call, name) != NULL;
}

const char *
sk_call_param(const struct sk_call *call, const char *name)
{
	const struct sk_param *p = find_param(call, name);

	return p != NULL ? p->value : "";
}

/* 422 as FastAPI tells it: {"detail":[{"type","loc":["query",name],"msg","input","ctx"}]}. */
static bool
original_wrong(
	struct sk_call *call, const char *name, const char *type, const char *msg, const char *ctx)
{
	struct sk_str *out = &call->out;

	sk_str_adds(out, "{\"detail\":[{");
	sk_json_kstr(out, "type", type);
	sk_json_key(out, "loc");
	sk_str_adds(out, "[\"query\",");
	sk_json_string(out, name);
	sk_str_addc(out, ']');
	sk_json_kstr(out, "msg", msg);
	sk_json_kstr(out, "input", sk_call_param(call, name));
	if (ctx != NULL) {
		sk_json_key(out, "ctx");
		sk_str_adds(out, ctx);
	}
	sk_str_adds(out, "}]}");
	sk_call_json(call, 422);
	return false;
}

static bool
no_integer(struct sk_call *call, const char *name)
{
	if (call->original)
		return original_wrong(call, name, "int_parsing",
			"Input should be a valid integer, unable to parse string as an integer", NULL);
	sk_call_error(call, 400, "parameter %s: expected integer, got %s", name,
		sk_quote(call->arena, sk_call_param(call, name)));
	return false;
}

static bool
out_of_range(struct sk_call *call, const char *name, int64_t v, int64_t min, int64_t max)
{
	bool low = v < min;
	int64_t bound = low ? min : max;

	if (call->original)
		return original_wrong(call, name, low ? "greater_than_equal" : "less_than_equal",
			sk_arena_printf(call->arena, "Input should be %s than or equal to %" PRId64,
				low ? "greater" : "less", bound),
			sk_arena_printf(call->arena, "{\"%s\":%" PRId64 "}", low ? "ge" : "le", bound));
	sk_call_error(call, 400, "parameter %s: must be %s %" PRId64 ", got %" PRId64, name,
		low ? "at least" : "at most", bound, v);
	return false;
}

bool
sk_call_int(
	struct sk_call *call, const char *name, int64_t min, int64_t max, int64_t def, int64_t *out)
{
	const struct sk_param *p = find_param(call, name);
	char *end;

	*out = def;
	if (p == NULL)
		return true;
	errno = 0;
	*out = strtoimax(p->value, &end, 10);
	if (end == p->value || *end != '\0' || p->value[0] == ' ' || p->value[0] == '+')
		return no_integer(call, name);
	if (errno == ERANGE || *out < min || *out > max)
		return out_of_range(call, name, *out, min, max);
	return true;
}

/* A handler asks for what its own row does not have: only a bug gets here. */
static const struct sk_field *
row_of(const struct sk_call *call, const char *name)
{
	const struct sk_field *f = sk_route_param(call->route, name);

	if (f == NULL)
		abort();
	return f;
}

bool
sk_call_number(struct sk_call *call, const char *name, int64_t *out)
{
	const struct sk_field *f = row_of(call, name);

	return sk_call_int(call, name, (int64_t)f->min, (int64_t)f->max,
		f->def != NULL ? strtoimax(f->def, NULL, 10) : 0, out);
}

bool
sk_call_choice(struct sk_call *call, const char *name, int *out)
{
	const struct sk_field *f = row_of(call, name);
	const char *text = sk_call_param(call, name);
	struct sk_str all = SK_STR_INIT;

	if (text[0] == '\0')
		text = f->def != NULL ? f->def : f->choices[0];
	for (*out = 0; f->choices[*out] != NULL; ++*out)
		if (strcmp(f->choices[*out], text) == 0)
			return true;
	for (int i = 0; f->choices[i] != NULL; i++)
		sk_str_addf(&all, "%s%s", i > 0 ? ", " : "", f->choices[i]);
	sk_call_error(call, 400, "parameter %s: expected one of %s, got %s", name, sk_str_text(&all),
		sk_quote(call->arena, text));
	sk_str_release(&all);
	return false;
}

bool
sk_call_seconds(struct sk_call *call, const char *name, double *out)
{
	const struct sk_field *f = row_of(call, name);
	const char *text = sk_call_param(call, name);
	char *end;

	*out = -1;
	if (!sk_call_has(call, name))
		return true;
	*out = strtod(text, &end);
	if (end != text && *end == '\0' && isfinite(*out) && *out >= f->min && *out <= f->max &&
		text[0] >= '0' && text[0] <= '9')
		return true;
	sk_call_error(
		call, 400, "parameter %s: expected seconds, got %s", name, sk_quote(call->arena, text));
	return false;
}

bool
sk_call_bool(struct sk_call *call, const char *name, bool *out)
{
	const char *v = sk_call_param(call, name);

	*out = strcmp(v, "1") == 0 || strcmp(v, "true") == 0;
	if (*out || !sk_call_has(call, name) || strcmp(v, "0") == 0 || strcmp(v, "false") == 0)
		return true;
	sk_call_error(
		call, 400, "parameter %s: expected 1 or 0, got %s", name, sk_quote(call->arena, v));
	return false;
}

/* ---- the body ---- */

static bool
is_json(const char *type)
{
	size_t n = strcspn(type, "; ");

	return n == 0 || (n == 16 && strncasecmp(type, "application/json", n) == 0);
}

const struct sk_value *
sk_call_body(struct sk_call *call)
{
	struct sk_problems *p = sk_arena_alloc(call->arena, sizeof(*p));
	const struct sk_value *v;

	if (!is_json(call->content_type)) {
		sk_call_error(call, 400, "Content-Type must be application/json");
		return NULL;
	}
	if (call->len > SK_API_MAX_BODY) {
		sk_call_error(call, 413, "the body has more than 4 MiB");
		return NULL;
	}
	sk_problems_init(p, call->arena, "");
	v = call->c->cfg.parse_json(call->body, call->len, call->arena, p);
	if (v == NULL && call->original) {
		sk_org_invalid(call, "json_invalid", NULL, p->list[0].text);
	} else if (v == NULL) {
		p->list[0].text = sk_arena_printf(call->arena, "%s (line %d, column %d)", p->list[0].text,
			p->list[0].line, p->list[0].column);
		p->list[0].line = 0;
		sk_call_invalid(call, p);
	}
	return v;
}

bool
sk_call_decode(struct sk_call *call, const struct sk_field *fields, void *out, size_t out_size)
{
	const struct sk_value *v = sk_call_body(call);
	struct sk_problems p;

	if (v == NULL)
		return false;
	sk_problems_init(&p, call->arena, "");
	if (sk_fields_decode(fields, v, out, out_size, call->arena, "", call->original, &p))
		return true;
	for (size_t i = 0; i < p.n; i++)
		p.list[i].line = 0;
	sk_call_invalid(call, &p);
	return false;
}
