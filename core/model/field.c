/* field.c - from a parsed map to a typed struct, with every problem named at its place. */
#include "core/model/field_priv.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where we are: written out only when there is something to report. */
struct place {
	const struct place *up;
	const char *name; /* NULL: item number index of a list */
	size_t index;
};

struct decoder {
	struct sk_arena *arena;
	struct sk_problems *problems;
	const char *root;
	bool lenient;
};

/* ---- messages ---- */

static void
add_place(struct decoder *d, struct sk_str *out, const struct place *at)
{
	if (at == NULL) {
		sk_str_adds(out, d->root);
		return;
	}
	add_place(d, out, at->up);
	if (at->name == NULL) {
		sk_str_addf(out, "[%zu]", at->index);
		return;
	}
	sk_path_key(d->arena, out, at->name);
}

static void SK_PRINTF(6, 7) report(struct decoder *d, bool warning, int line, int column,
	const struct place *at, const char *fmt, ...)
{
	struct sk_str path = SK_STR_INIT, text = SK_STR_INIT;
	va_list ap;

	add_place(d, &path, at);
	va_start(ap, fmt);
	sk_str_vaddf(&text, fmt, ap);
	va_end(ap);
	(warning ? sk_problem_warning : sk_problem)(
		d->problems, line, column, sk_str_text(&path), "%s", sk_str_text(&text));
	sk_str_release(&path);
	sk_str_release(&text);
}

/* Beyond the limit a problem is only counted: a list of a million wrong items costs nothing. */
static bool
only_count(struct decoder *d)
{
	if (d->problems->n < SK_MAX_PROBLEMS)
		return false;
	d->problems->n_errors++;
	return true;
}

const char *
sk_field_type_name(const struct sk_field *f)
{
	static const char *const names[] = {
		[SK_FIELD_BOOL] = "boolean",
		[SK_FIELD_INT] = "integer",
		[SK_FIELD_FLOAT] = "number",
		[SK_FIELD_STRING] = "string",
		[SK_FIELD_ENUM] = "word",
		[SK_FIELD_LIST] = "list",
		[SK_FIELD_OBJECT] = "map",
		[SK_FIELD_ANY] = "value",
	};
	static const char *const lists[] = {
		[SK_FIELD_END] = "list",
		[SK_FIELD_BOOL] = "list of booleans",
		[SK_FIELD_INT] = "list of integers",
		[SK_FIELD_FLOAT] = "list of numbers",
		[SK_FIELD_STRING] = "list of strings",
		[SK_FIELD_ENUM] = "list of words",
		[SK_FIELD_LIST] = "list",
		[SK_FIELD_OBJECT] = "list of maps",
		[SK_FIELD_ANY] = "list",
	};

	return f->kind == SK_FIELD_LIST ? lists[f->item] : names[f->kind];
}

const char *
sk_value_found(struct sk_arena *a, const struct sk_value *v)
{
	struct sk_str s = SK_STR_INIT;
	const char *text;

	switch (v->kind) {
	case SK_LIST:
		return "a list";
	case SK_MAP:
		return "a map";
	case SK_NULL:
		return v->raw != NULL && v->raw[0] == '\0' ? "nothing" : "null";
	case SK_BOOL:
		return v->u.b ? "true" : "false";
	case SK_STRING:
		return sk_quote(a, v->u.str.s);
	case SK_INT:
	case SK_FLOAT:
		break;
	}
	if (v->raw == NULL)
		sk_value_json(&s, v);
	text = v->raw != NULL ? v->raw : sk_str_text(&s);
	text = sk_arena_printf(a, "%.60s%s", text, strlen(text) > 60 ? "…" : "");
	sk_str_release(&s);
	return text;
}

/* The value of a secret never stands in a message. */
static const char *
found(struct decoder *d, const struct sk_field *f, const struct sk_value *v)
{
	if (f->secret && v->kind == SK_STRING)
		return "a string";
	if (f->secret && (v->kind == SK_INT || v->kind == SK_FLOAT))
		return "a number";
	return sk_value_found(d->arena, v);
}

static bool
looks_like_number(const char *s)
{
	char *end;

	strtod(s, &end);
	return end != s && *end == '\0';
}

/* The most likely slip, said in brackets. */
static const char *
hint(const struct sk_field *f, const struct sk_value *v)
{
	bool number = f->kind == SK_FIELD_INT || f->kind == SK_FIELD_FLOAT;

	if (f->kind == SK_FIELD_STRING && v->kind != SK_LIST && v->kind != SK_MAP && v->kind != SK_NULL)
		return " (write it in quotes)";
	if (f->kind == SK_FIELD_BOOL && v->kind == SK_STRING)
		return " (write true or false)";
	if (number && v->kind == SK_STRING && looks_like_number(v->u.str.s))
		return " (write it without quotes)";
	if (f->kind == SK_FIELD_INT && v->kind == SK_FLOAT && v->raw != NULL &&
		strpbrk(v->raw, ".eE") == NULL)
		return " (it does not fit 64 bits)";
	if (f->kind == SK_FIELD_FLOAT && v->kind == SK_FLOAT)
		return " (it must be finite)";
	return "";
}

static bool
wrong_type(
	struct decoder *d, const struct sk_field *f, const struct sk_value *v, const struct place *at)
{
	if (!only_count(d))
		report(d, false, v->line, v->column, at, "expected %s, got %s%s", sk_field_type_name(f),
			found(d, f, v), hint(f, v));
	return false;
}

static bool
out_of_bounds(struct decoder *d, const struct sk_field *f, const struct sk_value *v, double size,
	const struct place *at)
{
	struct sk_str bounds = SK_STR_INIT;

	if (only_count(d))
		return false;
	sk_field_bounds(f, &bounds);
	if (f->kind == SK_FIELD_STRING && size == 0)
		report(d, false, v->line, v->column, at, "must not be empty");
	else if (f->kind == SK_FIELD_STRING)
		report(d, false, v->line, v->column, at, "must be %s bytes long, got %.0f",
			sk_str_text(&bounds), size);
	else if (f->kind == SK_FIELD_LIST)
		report(d, false, v->line, v->column, at, "must have %s items, got %.0f",
			sk_str_text(&bounds), size);
	else
		report(d, false, v->line, v->column, at, "must be %s, got %s", sk_str_text(&bounds),
			found(d, f, v));
	sk_str_release(&bounds);
	return false;
}

static bool
in_bounds(struct decoder *d, const struct sk_field *f, const struct sk_value *v, double size,
	const struct place *at)
{
	if (!f->bounded || (size >= f->min && size <= f->max))
		return true;
	return out_of_bounds(d, f, v, size, at);
}

/* ---- values ---- */

/* Exactly: a double does not tell the largest integers apart. */
static bool
above(int64_t v, double bound)
{
	return (double)v > bound || ((double)v == bound && bound < 0x1p63 && v > (int64_t)bound);
}

static bool
below(int64_t v, double bound)
{
	return (double)v < bound || ((double)v == bound && bound < 0x1p63 && v < (int64_t)bound);
}

static bool
decode_int(struct decoder *d, const struct sk_field *f, const struct sk_value *v, int64_t *out,
	const struct place *at)
{
	if (v->kind != SK_INT)
		return wrong_type(d, f, v, at);
	*out = v->u.i;
	if (!f->bounded || (!above(v->u.i, f->max) && !below(v->u.i, f->min)))
		return true;
	return out_of_bounds(d, f, v, (double)v->u.i, at);
}

static bool
decode_choice(struct decoder *d, const struct sk_field *f, const struct sk_value *v, int *out,
	const struct place *at)
{
	struct sk_str all = SK_STR_INIT;
	const char *near;
	int i = v->kind == SK_STRING ? sk_field_choice(f, v->u.str.s) : -1;

	if (i >= 0) {
		*out = i;
		return true;
	}
	if (only_count(d))
		return false;
	near = v->kind == SK_STRING ? sk_suggest(v->u.str.s, f->choices) : NULL;
	for (i = 0; f->choices[i] != NULL; i++)
		sk_str_addf(&all, "%s%s", i > 0 ? ", " : "", f->choices[i]);
	report(d, false, v->line, v->column, at, "expected one of %s, got %s%s%s%s", sk_str_text(&all),
		found(d, f, v), near != NULL ? " (did you mean \"" : "", near != NULL ? near : "",
		near != NULL ? "\"?)" : "");
	sk_str_release(&all);
	return false;
}

static bool
decode_float(struct decoder *d, const struct sk_field *f, const struct sk_value *v, double *out,
	const struct place *at)
{
	if (v->kind == SK_INT)
		*out = (double)v->u.i;
	else if (v->kind == SK_FLOAT && isfinite(v->u.f))
		*out = v->u.f;
	else
		return wrong_type(d, f, v, at);
	return in_bounds(d, f, v, *out, at);
}

static bool decode_record(struct decoder *d, const struct sk_field *fields,
	const struct sk_value *v, void *out, const struct place *at);
static bool decode_value(struct decoder *d, const struct sk_field *f, const struct sk_value *v,
	void *out, const struct place *at);

static size_t
item_size(const struct sk_field *f)
{
	switch (f->item) {
	case SK_FIELD_BOOL:
		return sizeof(bool);
	case SK_FIELD_INT:
		return sizeof(int64_t);
	case SK_FIELD_FLOAT:
		return sizeof(double);
	case SK_FIELD_STRING:
		return sizeof(const char *);
	case SK_FIELD_ENUM:
		return sizeof(int);
	case SK_FIELD_ANY:
		return sizeof(const struct sk_value *);
	case SK_FIELD_OBJECT:
		return f->sub_size;
	case SK_FIELD_LIST:
	case SK_FIELD_END:
		break;
	}
	abort(); /* sk_fields_check refuses such a table */
}

static bool
decode_list(struct decoder *d, const struct sk_field *f, const struct sk_value *v,
	struct sk_list *out, const struct place *at)
{
	struct sk_field item = {
		.kind = f->item, .name = f->name, .choices = f->choices, .sub = f->sub, .secret = f->secret
	};
	size_t size = item_size(f), n;
	bool ok;

	if (v->kind != SK_LIST)
		return wrong_type(d, f, v, at);
	n = v->u.list.n;
	ok = in_bounds(d, f, v, (double)n, at);
	out->items = n > 0 ? sk_arena_alloc(d->arena, n * size) : NULL;
	out->n = n;
	for (size_t i = 0; i < n; i++) {
		struct place here = { .up = at, .index = i };

		ok = decode_value(d, &item, v->u.list.items[i], (char *)out->items + i * size, &here) && ok;
	}
	return ok;
}

static bool
decode_value(struct decoder *d, const struct sk_field *f, const struct sk_value *v, void *out,
	const struct place *at)
{
	switch (f->kind) {
	case SK_FIELD_BOOL:
		if (v->kind != SK_BOOL)
			return wrong_type(d, f, v, at);
		*(bool *)out = v->u.b;
		return true;
	case SK_FIELD_INT:
		return decode_int(d, f, v, out, at);
	case SK_FIELD_FLOAT:
		return decode_float(d, f, v, out, at);
	case SK_FIELD_STRING:
		if (v->kind != SK_STRING)
			return wrong_type(d, f, v, at);
		*(const char **)out = v->u.str.s;
		return in_bounds(d, f, v, (double)v->u.str.len, at);
	case SK_FIELD_ENUM:
		return decode_choice(d, f, v, out, at);
	case SK_FIELD_LIST:
		return decode_list(d, f, v, out, at);
	case SK_FIELD_OBJECT:
		return decode_record(d, f->sub, v, out, at);
	case SK_FIELD_ANY:
		*(const struct sk_value **)out = v;
		return true;
	case SK_FIELD_END:
		break;
	}
	return false;
}

/* ---- records ---- */

static const struct sk_field *
find_field(const struct sk_field *f, const char *key)
{
	for (; f->kind != SK_FIELD_END; f++)
		if (strcmp(sk_field_key(f), key) == 0 || strcmp(f->name, key) == 0)
			return f;
	return NULL;
}

static size_t
count_fields(const struct sk_field *f)
{
	size_t n = 0;

	while (f[n].kind != SK_FIELD_END)
		n++;
	return n;
}

/* The field that was most likely meant; a near miss of the second spelling counts too. */
static const char *
suggest_key(struct decoder *d, const struct sk_field *fields, const char *key)
{
	size_t n = count_fields(fields);
	const char **names = sk_arena_alloc(d->arena, (2 * n + 1) * sizeof(*names));

	for (size_t i = 0; i < n; i++) {
		names[i] = sk_field_key(&fields[i]);
		names[n + i] = fields[i].name;
	}
	return sk_suggest(key, names);
}

static bool
unknown_key(struct decoder *d, const struct sk_field *fields, const struct sk_pair *pair,
	const struct place *up)
{
	struct place at = { .up = up, .name = pair->key };
	struct sk_str all = SK_STR_INIT;
	const char *near;

	if (!d->lenient && only_count(d))
		return false;
	near = suggest_key(d, fields, pair->key);
	for (size_t i = 0; near == NULL && fields[i].kind != SK_FIELD_END; i++)
		sk_str_addf(&all, "%s%s", i > 0 ? ", " : "", sk_field_key(&fields[i]));
	if (near != NULL)
		report(d, d->lenient, pair->line, pair->column, &at, "unknown key%s, did you mean \"%s\"?",
			d->lenient ? ", ignored" : "", near);
	else
		report(d, d->lenient, pair->line, pair->column, &at, "unknown key%s, known are: %s",
			d->lenient ? ", ignored" : "", all.len > 0 ? sk_str_text(&all) : "none");
	sk_str_release(&all);
	return d->lenient;
}

/* One pair of the map; taken[] remembers which pair gave each field its value. */
static bool
decode_pair(struct decoder *d, const struct sk_field *fields, const struct sk_pair *pair, void *out,
	const struct sk_pair **taken, const struct place *up)
{
	const struct sk_field *f = find_field(fields, pair->key);
	struct place at = { .up = up, .name = pair->key };
	const struct sk_pair **first;

	if (f == NULL)
		return unknown_key(d, fields, pair, up);
	first = &taken[f - fields];
	if (*first != NULL) {
		report(d, false, pair->line, pair->column, &at,
			"given twice: \"%s\" in line %d is the same", (*first)->key, (*first)->line);
		return false;
	}
	*first = pair;
	if (pair->value->kind == SK_NULL && f->nullable)
		return true;
	return decode_value(d, f, pair->value, (char *)out + f->offset, &at);
}

static bool
decode_record(struct decoder *d, const struct sk_field *fields, const struct sk_value *v, void *out,
	const struct place *at)
{
	static const struct sk_field map = { .kind = SK_FIELD_OBJECT };
	const struct sk_pair *few[48] = { NULL }, **taken = few;
	bool ok = true;

	if (count_fields(fields) > sizeof(few) / sizeof(few[0]))
		taken = sk_arena_alloc(d->arena, count_fields(fields) * sizeof(*taken));
	for (const struct sk_field *f = fields; f->kind != SK_FIELD_END; f++)
		if (!sk_field_default(f, out))
			abort(); /* sk_fields_check refuses such a table */
	if (v->kind != SK_MAP)
		return wrong_type(d, &map, v, at);
	for (size_t i = 0; i < v->u.map.n; i++)
		ok = decode_pair(d, fields, &v->u.map.pairs[i], out, taken, at) && ok;
	for (const struct sk_field *f = fields; f->kind != SK_FIELD_END; f++)
		if (f->required && taken[f - fields] == NULL) {
			ok = false;
			if (!only_count(d))
				report(d, false, v->line, v->column, at, "missing key \"%s\" (%s)", sk_field_key(f),
					sk_field_type_name(f));
		}
	return ok;
}

bool
sk_fields_decode(const struct sk_field *fields, const struct sk_value *v, void *out,
	size_t out_size, struct sk_arena *a, const char *path, bool lenient, struct sk_problems *p)
{
	struct decoder d = { .arena = a, .problems = p, .root = path, .lenient = lenient };
	struct sk_value empty = { .kind = SK_MAP };

	memset(out, 0, out_size);
	if (v == NULL || v->kind == SK_NULL) {
		empty.line = v != NULL ? v->line : 0;
		empty.column = v != NULL ? v->column : 0;
		v = &empty;
	}
	return decode_record(&d, fields, v, out, NULL);
}

const struct sk_value *
sk_field_get(const struct sk_field *f, const struct sk_value *map)
{
	const struct sk_value *v = sk_map_get(map, sk_field_key(f));

	return v != NULL ? v : sk_map_get(map, f->name);
}
