/* api_docs_type.c - types, schemas and parameters as JSON Schema. */
#include "core/control/api_docs.h"
#include "core/control/submit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- types ---- */

static const char *put_type(struct sk_str *out, const char *p);

static bool
is_word(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(p, word, n) == 0;
}

/* What a simple word is called in JSON Schema; NULL = no such word. */
static const char *
plain_type(const char *p, size_t n)
{
	static const char *const words[] = { "string", "integer", "number", "boolean" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(p, n, words[i]))
			return words[i];
	return is_word(p, n, "ms") ? "integer" : is_word(p, n, "map") ? "object" : NULL;
}

static void
put_words(struct sk_str *out, const char *p, size_t n)
{
	sk_str_adds(out, "\"type\":\"string\",\"enum\":[");
	for (const char *end = p + n; p < end; p++) {
		size_t len = strcspn(p, "/?|]},");

		sk_json_next(out);
		sk_json_string_n(out, p, len);
		p += len;
	}
	sk_str_addc(out, ']');
}

static void
put_ref(struct sk_str *out, const char *p, size_t n)
{
	sk_str_addf(out, "\"$ref\":\"#/components/schemas/%.*s\"", (int)n, p);
}

/* Null is one more of what `type` lists where there is one, else one of two schemas. */
static void
put_one(struct sk_str *out, const char *p, size_t n, bool or_null)
{
	const char *plain = plain_type(p, n);

	if (plain != NULL && or_null)
		sk_str_addf(out, "\"type\":[\"%s\",\"null\"]", plain);
	else if (plain != NULL)
		sk_str_addf(out, "\"type\":\"%s\"", plain);
	else if (memchr(p, '/', n) != NULL)
		put_words(out, p, n);
	else if (!is_word(p, n, "any"))
		put_ref(out, p, n);
}

/* [T] and {T}; p stands behind the bracket. */
static const char *
put_container(struct sk_str *out, const char *p, bool list)
{
	sk_str_adds(out,
		list ? "\"type\":\"array\",\"items\":{" : "\"type\":\"object\",\"additionalProperties\":{");
	p = put_type(out, p);
	sk_str_addc(out, '}');
	return *p != '\0' ? p + 1 : p;
}

/* Put before in front of what was written since `at`, and after behind it. */
static void
wrap(struct sk_str *out, size_t at, const char *before, const char *after)
{
	char *inner = sk_xstrndup(out->p + at, out->len - at);

	out->len = at;
	sk_str_addf(out, "%s%s%s", before, inner, after);
	free(inner);
}

/* One alternative, without its braces. */
static const char *
put_part(struct sk_str *out, const char *p)
{
	size_t n = strcspn(p, "?|]},"), at = out->len;
	bool plain = plain_type(p, n) != NULL;

	if (*p == '[' || *p == '{') {
		p = put_container(out, p + 1, *p == '[');
	} else {
		put_one(out, p, n, p[n] == '?');
		p += n;
	}
	if (*p != '?')
		return p;
	if (!plain)
		wrap(out, at, "\"anyOf\":[{", "},{\"type\":\"null\"}]");
	return p + 1;
}

/* What stands between the braces of a schema; ends at the end of the type. */
static const char *
put_type(struct sk_str *out, const char *p)
{
	size_t at = out->len;

	p = put_part(out, p);
	if (*p != '|')
		return p;
	wrap(out, at, "\"anyOf\":[{", "}");
	while (*p == '|') {
		sk_str_adds(out, ",{");
		p = put_part(out, p + 1);
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, ']');
	return p;
}

void
sk_doc_type(struct sk_str *out, const char *type)
{
	sk_str_addc(out, '{');
	put_type(out, type);
	sk_str_addc(out, '}');
}

/* ---- schemas ---- */

/* The name without its ?; true when it has none. */
static bool
always_there(const char *name, size_t *n)
{
	*n = strcspn(name, "?");
	return name[*n] == '\0';
}

static void
put_member(struct sk_str *out, const struct sk_doc_member *m)
{
	size_t n;

	(void)always_there(m->name, &n);
	sk_json_next(out);
	sk_json_string_n(out, m->name, n);
	sk_str_adds(out, ":{");
	put_type(out, m->type);
	if (m->text != NULL)
		sk_json_kstr(out, "description", m->text);
	sk_str_addc(out, '}');
}

static void
put_members(struct sk_str *out, const struct sk_doc_member *members)
{
	sk_json_kstr(out, "type", "object");
	sk_json_key(out, "properties");
	sk_str_addc(out, '{');
	for (const struct sk_doc_member *m = members; m->name != NULL; m++)
		put_member(out, m);
	sk_str_addc(out, '}');
	sk_json_key(out, "required");
	sk_str_addc(out, '[');
	for (const struct sk_doc_member *m = members; m->name != NULL; m++) {
		size_t n;

		if (!always_there(m->name, &n))
			continue;
		sk_json_next(out);
		sk_json_string_n(out, m->name, n);
	}
	sk_str_addc(out, ']');
}

static void
put_enum(struct sk_str *out, const char *const *words)
{
	sk_json_kstr(out, "type", "string");
	sk_json_key(out, "enum");
	sk_str_addc(out, '[');
	for (; *words != NULL; words++) {
		sk_json_next(out);
		sk_json_string(out, *words);
	}
	sk_str_addc(out, ']');
}

static void
put_schema(struct sk_str *out, const struct sk_doc_schema *s)
{
	const struct sk_field whole = { .kind = SK_FIELD_OBJECT, .sub = s->fields, .doc = s->text };

	sk_json_key(out, s->name);
	if (s->fields != NULL) {
		sk_field_schema(&whole, out);
		return;
	}
	sk_str_addc(out, '{');
	if (s->members != NULL)
		put_members(out, s->members);
	else if (s->words != NULL)
		put_enum(out, s->words);
	else if (s->type != NULL)
		put_type(out, s->type);
	if (s->closed)
		sk_json_kbool(out, "additionalProperties", false);
	if (s->text != NULL)
		sk_json_kstr(out, "description", s->text);
	sk_str_addc(out, '}');
}

static size_t
count_fields(const struct sk_field *f)
{
	size_t n = 0;

	while (f[n].kind != SK_FIELD_END)
		n++;
	return n;
}

/* A task as it is submitted: the table, and of the class what there is. */
static void
put_task_input(struct sk_str *out, const struct sk_worker *const *workers, struct sk_arena *a)
{
	size_t n = count_fields(sk_submit_fields), classes = 0;
	struct sk_field *fields = sk_arena_alloc(a, (n + 1) * sizeof(*fields));
	struct sk_doc_schema s = { .name = "TaskInput",
		.text = "A task that is to be done. The attachments of each class: Attachments.CLASS.",
		.fields = fields };
	const char **names;

	while (workers != NULL && workers[classes] != NULL)
		classes++;
	names = sk_arena_alloc(a, (classes + 1) * sizeof(*names));
	for (size_t i = 0; i < classes; i++)
		names[i] = workers[i]->name;
	names[classes] = NULL;
	memcpy(fields, sk_submit_fields, (n + 1) * sizeof(*fields));
	for (size_t i = 0; i < n && classes > 0; i++)
		if (fields[i].key != NULL && strcmp(fields[i].key, "className") == 0) {
			fields[i].kind = SK_FIELD_ENUM;
			fields[i].choices = names;
		}
	put_schema(out, &s);
}

static void
put_attachments(struct sk_str *out, const struct sk_worker *const *workers, struct sk_arena *a)
{
	for (; workers != NULL && *workers != NULL; workers++) {
		const struct sk_doc_schema s = { .name =
											 sk_arena_printf(a, "Attachments.%s", (*workers)->name),
			.text = (*workers)->doc,
			.fields = (*workers)->fields };

		put_schema(out, &s);
	}
}

void
sk_doc_schemas(struct sk_str *out, const struct sk_worker *const *workers, struct sk_arena *a)
{
	put_task_input(out, workers, a);
	put_attachments(out, workers, a);
	for (const struct sk_doc_schema *s = sk_schemas_ours; s->name != NULL; s++)
		put_schema(out, s);
	for (const struct sk_doc_schema *s = sk_schemas_original; s->name != NULL; s++)
		put_schema(out, s);
}

/* ---- parameters ---- */

static void
begin_parameter(struct sk_str *out, const char *name, const char *in, const char *text)
{
	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "name", name);
	sk_json_kstr(out, "in", in);
	sk_json_kbool(out, "required", strcmp(in, "path") == 0);
	sk_json_kstr(out, "description", text);
}

static void
put_query(struct sk_str *out, const struct sk_field *f)
{
	struct sk_field bare = *f;

	bare.doc = NULL; /* the parameter has it */
	begin_parameter(out, f->name, "query", f->doc);
	if (f->kind == SK_FIELD_LIST)
		sk_json_kbool(out, "explode", false); /* one value with commas */
	sk_json_key(out, "schema");
	sk_field_schema(&bare, out);
	sk_str_addc(out, '}');
}

static const char *
text_of_header(const char *name, size_t n)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "Idempotency-Key",
			"another one for each request; the same request sent again with the same key stores "
			"nothing twice" },
		{ "Last-Event-ID", "the id of the last event that was read; what came since follows" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_word(name, n, rows[i].name))
			return rows[i].text;
	return "";
}

static void
put_headers(struct sk_str *out, const char *names)
{
	char name[64];

	while (names != NULL && *names != '\0') {
		size_t n = strcspn(names, " ");

		snprintf(name, sizeof(name), "%.*s", (int)n, names);
		begin_parameter(out, name, "header", text_of_header(names, n));
		sk_str_adds(out, ",\"schema\":{\"type\":\"string\"}}");
		names += n + (names[n] == ' ');
	}
}

void
sk_doc_parameters(struct sk_str *out, const struct sk_route *r, const struct sk_doc *doc)
{
	sk_str_addc(out, '[');
	if (strstr(r->pattern, "{}") != NULL) {
		begin_parameter(out, "id", "path",
			strstr(r->pattern, "/skalds/") != NULL ? "of the skald" : "of the task");
		sk_str_adds(out, ",\"schema\":{\"type\":\"string\",\"minLength\":1}}");
	}
	for (const struct sk_field *f = r->params; f != NULL && f->kind != SK_FIELD_END; f++)
		put_query(out, f);
	put_headers(out, doc->takes);
	sk_str_addc(out, ']');
}
