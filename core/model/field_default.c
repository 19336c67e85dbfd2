/* field_default.c - defaults, bounds and the check of a table itself. */
#include "core/model/field_priv.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int
sk_field_choice(const struct sk_field *f, const char *name)
{
	for (int i = 0; f->choices[i] != NULL; i++)
		if (strcmp(f->choices[i], name) == 0)
			return i;
	return -1;
}

static bool
default_number(const struct sk_field *f, void *at)
{
	char *end;

	errno = 0;
	if (f->kind == SK_FIELD_INT)
		*(int64_t *)at = strtoimax(f->def, &end, 10);
	else
		*(double *)at = strtod(f->def, &end);
	return errno == 0 && end != f->def && *end == '\0';
}

static bool
default_record(const struct sk_field *f, void *record)
{
	bool ok = true;

	for (; f->kind != SK_FIELD_END; f++)
		ok = sk_field_default(f, record) && ok;
	return ok;
}

bool
sk_field_default(const struct sk_field *f, void *record)
{
	void *at = (char *)record + f->offset;
	int choice;

	switch (f->kind) {
	case SK_FIELD_STRING:
		*(const char **)at = f->def != NULL ? f->def : "";
		return true;
	case SK_FIELD_OBJECT:
		return default_record(f->sub, at) && f->def == NULL;
	case SK_FIELD_BOOL:
		*(bool *)at = f->def != NULL && strcmp(f->def, "true") == 0;
		return f->def == NULL || *(bool *)at || strcmp(f->def, "false") == 0;
	case SK_FIELD_INT:
	case SK_FIELD_FLOAT:
		return f->def == NULL || default_number(f, at);
	case SK_FIELD_ENUM:
		choice = f->def != NULL ? sk_field_choice(f, f->def) : 0;
		*(int *)at = choice > 0 ? choice : 0;
		return choice >= 0;
	case SK_FIELD_LIST:
	case SK_FIELD_ANY:
	case SK_FIELD_END:
		return f->def == NULL;
	}
	return false;
}

static void
add_number(struct sk_str *out, double v)
{
	sk_str_addf(out, fabs(v) < 1e15 && v == trunc(v) ? "%.0f" : "%g", v);
}

void
sk_field_bounds(const struct sk_field *f, struct sk_str *out)
{
	bool counted = f->kind == SK_FIELD_STRING || f->kind == SK_FIELD_LIST;
	bool low = f->bounded && !isinf(f->min) && !(counted && f->min <= 0);
	bool high = f->bounded && !isinf(f->max);

	if (low && !high)
		sk_str_adds(out, "at least ");
	if (high && !low)
		sk_str_adds(out, "at most ");
	if (low)
		add_number(out, f->min);
	if (low && high)
		sk_str_adds(out, " to ");
	if (high)
		add_number(out, f->max);
}

/* ---- the check of a table ---- */

/* A default that stands in the table must keep the table's own bounds. */
static bool
default_in_bounds(const struct sk_field *f)
{
	double v;

	if (!f->bounded || f->def == NULL)
		return true;
	if (f->kind == SK_FIELD_STRING)
		v = (double)strlen(f->def);
	else if (f->kind == SK_FIELD_INT || f->kind == SK_FIELD_FLOAT)
		v = strtod(f->def, NULL);
	else
		return true;
	return v >= f->min && v <= f->max;
}

static bool
same_key(const struct sk_field *a, const struct sk_field *b)
{
	return strcmp(sk_field_key(a), sk_field_key(b)) == 0 || strcmp(a->name, b->name) == 0 ||
		strcmp(sk_field_key(a), b->name) == 0 || strcmp(a->name, sk_field_key(b)) == 0;
}

static const char *
shape_problem(const struct sk_field *f)
{
	bool records =
		f->kind == SK_FIELD_OBJECT || (f->kind == SK_FIELD_LIST && f->item == SK_FIELD_OBJECT);

	if (f->doc == NULL || f->doc[0] == '\0')
		return "has no doc";
	if (records != (f->sub != NULL))
		return "needs .sub exactly when it holds records";
	if (f->kind == SK_FIELD_LIST && records && f->sub_size == 0)
		return "needs .sub_size";
	if (f->kind == SK_FIELD_LIST && (f->item == SK_FIELD_END || f->item == SK_FIELD_LIST))
		return "needs an .item that is no list";
	if ((f->kind == SK_FIELD_ENUM || f->item == SK_FIELD_ENUM) &&
		(f->choices == NULL || f->choices[0] == NULL))
		return "needs .choices";
	if (f->bounded && !(f->min <= f->max))
		return "has .min above .max";
	return f->required && f->def != NULL ? "is required and has a default" : NULL;
}

static const char *
default_problem(const struct sk_field *f)
{
	struct sk_field moved = *f;
	union {
		int64_t i;
		double f;
		bool b;
		const char *s;
		struct sk_list l;
	} at;

	if (!default_in_bounds(f))
		return "has a default outside its bounds";
	if (f->kind == SK_FIELD_OBJECT)
		return f->def != NULL ? "is an object and has a default" : NULL;
	moved.offset = 0;
	return sk_field_default(&moved, &at) ? NULL : "has a default that does not fit its type";
}

enum sk_code
sk_fields_check(const struct sk_field *fields, struct sk_err *err)
{
	for (const struct sk_field *f = fields; f->kind != SK_FIELD_END; f++) {
		const char *wrong = shape_problem(f);

		if (wrong == NULL)
			wrong = default_problem(f);
		for (const struct sk_field *g = fields; wrong == NULL && g < f; g++)
			if (same_key(f, g))
				wrong = "has the key of another field";
		if (wrong != NULL)
			return sk_fail(err, SK_EINVAL, "field %s %s", f->name, wrong);
		if (f->sub != NULL && sk_fields_check(f->sub, err) != SK_OK)
			return sk_wrap(err, f->name);
	}
	return SK_OK;
}
