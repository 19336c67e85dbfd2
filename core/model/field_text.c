/* field_text.c - a field table as JSON Schema and as a table for people. */
#include "core/model/field_priv.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- JSON Schema ---- */

static void schema_body(const struct sk_field *fields, struct sk_str *out);

static const char *
schema_type(enum sk_field_kind kind)
{
	switch (kind) {
	case SK_FIELD_BOOL:
		return "boolean";
	case SK_FIELD_INT:
		return "integer";
	case SK_FIELD_FLOAT:
		return "number";
	case SK_FIELD_STRING:
		return "string";
	case SK_FIELD_LIST:
		return "array";
	case SK_FIELD_OBJECT:
		return "object";
	case SK_FIELD_ENUM:
		return "string";
	case SK_FIELD_ANY:
	case SK_FIELD_END:
		break;
	}
	return NULL;
}

static void
schema_choices(const struct sk_field *f, struct sk_str *out)
{
	sk_json_key(out, "enum");
	sk_str_addc(out, '[');
	for (size_t i = 0; f->choices[i] != NULL; i++) {
		sk_json_next(out);
		sk_json_string(out, f->choices[i]);
	}
	if (f->nullable)
		sk_str_adds(out, ",null");
	sk_str_addc(out, ']');
}

/* Integers as integers: "maximum":10 and not 10.0. */
static void
schema_bound(struct sk_str *out, const char *key, double v)
{
	if (isinf(v))
		return;
	sk_json_key(out, key);
	if (fabs(v) < 1e15 && v == trunc(v))
		sk_json_int(out, (int64_t)v);
	else
		sk_json_double(out, v);
}

/* A string's bounds count bytes, the schema's count characters. A text within our upper bound has
 * never more characters than that; of the lower one only "not empty" means the same. */
static void
schema_bounds(const struct sk_field *f, struct sk_str *out)
{
	if (!f->bounded)
		return;
	if (f->kind == SK_FIELD_INT || f->kind == SK_FIELD_FLOAT) {
		schema_bound(out, "minimum", f->min);
		schema_bound(out, "maximum", f->max);
	} else if (f->kind == SK_FIELD_LIST) {
		schema_bound(out, "minItems", fmax(f->min, 0));
		schema_bound(out, "maxItems", f->max);
	} else if (f->kind == SK_FIELD_STRING) {
		if (f->min >= 1)
			schema_bound(out, "minLength", 1);
		schema_bound(out, "maxLength", f->max);
	}
}

/* A number that nobody may give stands for one that is not given. */
static bool
default_is_told(const struct sk_field *f)
{
	double v;

	if (f->def == NULL || f->secret)
		return false;
	if (!f->bounded || (f->kind != SK_FIELD_INT && f->kind != SK_FIELD_FLOAT))
		return true;
	v = strtod(f->def, NULL);
	return v >= f->min && v <= f->max;
}

static void
schema_default(const struct sk_field *f, struct sk_str *out)
{
	if (!default_is_told(f))
		return;
	sk_json_key(out, "default");
	if (f->kind == SK_FIELD_STRING || f->kind == SK_FIELD_ENUM)
		sk_json_string(out, f->def);
	else if (f->kind == SK_FIELD_FLOAT)
		sk_json_double(out, strtod(f->def, NULL));
	else
		sk_str_adds(out, f->def);
}

static void
schema_members(const struct sk_field *f, struct sk_str *out)
{
	bool map = f->kind == SK_FIELD_ANY && f->item != SK_FIELD_END;
	const char *type = map ? "object" : schema_type(f->kind);

	if (type != NULL && f->nullable) {
		sk_json_key(out, "type");
		sk_str_addf(out, "[\"%s\",\"null\"]", type);
	} else if (type != NULL) {
		sk_json_kstr(out, "type", type);
	}
	if (f->doc != NULL)
		sk_json_kstr(out, "description", f->doc);
	schema_bounds(f, out);
	if (f->pattern != NULL)
		sk_json_kstr(out, "pattern", f->pattern);
	schema_default(f, out);
	if (f->kind == SK_FIELD_ENUM)
		schema_choices(f, out);
	if (f->secret)
		sk_json_kbool(out, "writeOnly", true);
}

void
sk_field_schema(const struct sk_field *f, struct sk_str *out)
{
	sk_json_next(out);
	sk_str_addc(out, '{');
	schema_members(f, out);
	if (f->kind == SK_FIELD_OBJECT)
		schema_body(f->sub, out);
	if (f->kind == SK_FIELD_LIST) {
		struct sk_field item = { .kind = f->item, .choices = f->choices, .sub = f->sub };

		sk_json_key(out, "items");
		sk_field_schema(&item, out);
	}
	if (f->kind == SK_FIELD_ANY && f->item != SK_FIELD_END && f->item != SK_FIELD_ANY) {
		struct sk_field item = { .kind = f->item };

		sk_json_key(out, "additionalProperties");
		sk_field_schema(&item, out);
	}
	sk_str_addc(out, '}');
}

static void
schema_body(const struct sk_field *fields, struct sk_str *out)
{
	sk_json_key(out, "properties");
	sk_str_addc(out, '{');
	for (const struct sk_field *f = fields; f->kind != SK_FIELD_END; f++) {
		sk_json_key(out, sk_field_key(f));
		sk_field_schema(f, out);
	}
	sk_str_addc(out, '}');
	sk_json_key(out, "required");
	sk_str_addc(out, '[');
	for (const struct sk_field *f = fields; f->kind != SK_FIELD_END; f++)
		if (f->required) {
			sk_json_next(out);
			sk_json_string(out, sk_field_key(f));
		}
	sk_str_addc(out, ']');
	sk_json_kbool(out, "additionalProperties", false);
}

void
sk_fields_schema(const struct sk_field *fields, struct sk_str *out)
{
	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "$schema", "https://json-schema.org/draft/2020-12/schema");
	sk_json_kstr(out, "type", "object");
	schema_body(fields, out);
	sk_str_addc(out, '}');
}

/* ---- for people ---- */

enum { COLUMNS = 6 };

/* One line of the table; its cells live in the arena. */
struct row {
	const char *cells[COLUMNS];
};

struct table {
	struct sk_arena *arena;
	struct row *rows;
	size_t n, cap;
};

static void
add_row(struct table *t, const struct row *row)
{
	if (t->n == t->cap) {
		t->cap = t->cap > 0 ? t->cap * 2 : 16;
		t->rows = sk_xreallocarray(t->rows, t->cap, sizeof(*t->rows));
	}
	t->rows[t->n++] = *row;
}

static const char *
take(struct sk_arena *a, struct sk_str *s)
{
	const char *text = sk_arena_strdup(a, sk_str_text(s));

	sk_str_release(s);
	return text;
}

static const char *
bounds_cell(struct sk_arena *a, const struct sk_field *f)
{
	struct sk_str s = SK_STR_INIT;

	if (f->kind == SK_FIELD_ENUM) {
		for (size_t i = 0; f->choices[i] != NULL; i++)
			sk_str_addf(&s, "%s%s", i > 0 ? "|" : "", f->choices[i]);
		return take(a, &s);
	}
	sk_field_bounds(f, &s);
	if (s.len > 0 && f->kind == SK_FIELD_STRING)
		sk_str_adds(&s, " bytes");
	if (s.len > 0 && f->kind == SK_FIELD_LIST)
		sk_str_adds(&s, " items");
	return take(a, &s);
}

static const char *
default_cell(const struct sk_field *f)
{
	if (f->def == NULL)
		return f->kind == SK_FIELD_ENUM && !f->required ? f->choices[0] : "";
	if (f->secret)
		return "***";
	return f->def[0] != '\0' ? f->def : "\"\"";
}

static void
add_rows(struct table *t, const struct sk_field *fields, int level, const char *prefix)
{
	for (const struct sk_field *f = fields; f->kind != SK_FIELD_END; f++) {
		const char *key = sk_arena_printf(t->arena, "%s%s", prefix, sk_field_key(f));
		struct row row = { {
			sk_arena_printf(t->arena, "%*s%s", 2 * level, "", key),
			sk_field_type_name(f),
			f->required ? "yes" : "no",
			default_cell(f),
			bounds_cell(t->arena, f),
			f->doc,
		} };

		add_row(t, &row);
		if (f->sub != NULL)
			add_rows(t, f->sub, level + 1,
				sk_arena_printf(t->arena, "%s%s.", key, f->kind == SK_FIELD_LIST ? "[]" : ""));
	}
}

static void
print_rows(const struct table *t, struct sk_str *out)
{
	size_t width[COLUMNS] = { 0 };

	for (size_t i = 0; i < t->n; i++)
		for (size_t c = 0; c < COLUMNS; c++)
			if (strlen(t->rows[i].cells[c]) > width[c])
				width[c] = strlen(t->rows[i].cells[c]);
	for (size_t i = 0; i < t->n; i++) {
		for (size_t c = 0; c + 1 < COLUMNS; c++)
			sk_str_addf(out, "%-*s  ", (int)width[c], t->rows[i].cells[c]);
		sk_str_addf(out, "%s\n", t->rows[i].cells[COLUMNS - 1]);
	}
}

void
sk_fields_describe(const struct sk_field *fields, struct sk_str *out)
{
	static const struct row head = { { "KEY", "TYPE", "REQUIRED", "DEFAULT", "BOUNDS", "DOC" } };
	struct table t = { .arena = sk_arena_new() };

	add_row(&t, &head);
	add_rows(&t, fields, 0, "");
	print_rows(&t, out);
	free(t.rows);
	sk_arena_free(t.arena);
}
