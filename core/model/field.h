/* field.h - the typed parameters of a worker class (and every other record that people write),
 * declared once: type, alias, required, default, bounds and doc in one row. Parsing, checking,
 * `worker describe`, the JSON Schema and the error messages all come from the same table.
 *
 *	struct countdown { int64_t from; double step_s; const char *label; };
 *
 *	static const struct sk_field fields[] = {
 *		SK_FIELD(struct countdown, from, .required = true, .bounded = true, .min = 1, .max = 1e6,
 *			.doc = "first number"),
 *		SK_FIELD(struct countdown, step_s, .key = "stepSeconds", .def = "1",
 *			.doc = "pause between numbers"),
 *		SK_FIELD(struct countdown, label, .def = "tick", .doc = "word before each number"),
 *		SK_FIELDS_END
 *	};
 *
 * The C type is written once, in the struct; SK_FIELD takes the kind from it.
 */
#ifndef SK_CORE_MODEL_FIELD_H
#define SK_CORE_MODEL_FIELD_H

#include "core/base/problem.h"
#include "core/base/value.h"
#include <stddef.h>

enum sk_field_kind {
	SK_FIELD_END = 0,
	SK_FIELD_BOOL, /* bool */
	SK_FIELD_INT, /* int64_t */
	SK_FIELD_FLOAT, /* double; an integer in the input is accepted, .inf and .nan are not */
	SK_FIELD_STRING, /* const char * */
	SK_FIELD_ENUM, /* int: index into .choices */
	SK_FIELD_LIST, /* struct sk_list of .item kind (scalars) or of .sub records */
	SK_FIELD_OBJECT, /* an embedded struct described by .sub */
	SK_FIELD_ANY /* const struct sk_value *: taken as it is */
};

/* A decoded list: items is an array of int64_t, double, bool, const char *, int (a choice),
 * const struct sk_value * or .sub structs. */
struct sk_list {
	void *items;
	size_t n;
};

struct sk_field {
	enum sk_field_kind kind;
	const char *name; /* the member's name; always accepted as a key */
	const char *key; /* the alias: how it is written by default; NULL = name */
	size_t offset;
	bool required;
	bool nullable; /* null is accepted and means the default */
	bool bounded; /* min and max apply: to the number, the string's bytes, the list's length */
	double min, max; /* -INFINITY and INFINITY: open on that side */
	const char *def; /* default as text ("1", "true", "a word"); NULL = zero, "" or empty */
	const char *doc; /* one sentence; mandatory, a test asserts it */
	const char *const *choices; /* SK_FIELD_ENUM: names, NULL at the end */
	/* SK_FIELD_LIST: kind of the items; SK_FIELD_OBJECT with .sub. SK_FIELD_ANY: a map of such
	 * (SK_FIELD_ANY: of anything); only told by the schema, whoever takes it must check it. */
	enum sk_field_kind item;
	const struct sk_field *sub; /* SK_FIELD_OBJECT, or a list of them */
	size_t sub_size; /* sizeof one .sub struct */
	/* SK_FIELD_STRING: a regular expression (ECMA-262) that it fits; only told by the schema,
	 * whoever takes it must check it. NULL = none. */
	const char *pattern;
	bool secret; /* masked wherever it is printed */
};

#define SK_FIELD_KIND_OF(x) \
	_Generic((x), \
	bool: SK_FIELD_BOOL, int64_t: SK_FIELD_INT, double: SK_FIELD_FLOAT, \
	const char *: SK_FIELD_STRING, int: SK_FIELD_ENUM, struct sk_list: SK_FIELD_LIST, \
	const struct sk_value *: SK_FIELD_ANY, default: SK_FIELD_OBJECT)
#define SK_FIELD(type, member, ...) \
	{ \
		.kind = SK_FIELD_KIND_OF(((type *)NULL)->member), .name = #member, \
		.offset = offsetof(type, member), __VA_ARGS__ \
	}
#define SK_FIELDS_END \
	{ \
		.kind = SK_FIELD_END \
	}

/* Fill *out (zeroed here, out_size bytes) from a map. Every problem is reported at its place, path
 * in front; returns false when there was an error. v == NULL or null counts as an empty map.
 * Strings and lists live in the arena. Keys are the alias or the name; unknown keys are errors
 * with a suggestion, or warnings when lenient; both spellings of one field is an error.
 * An optional object that is absent gets the defaults of its own table. */
bool sk_fields_decode(const struct sk_field *fields, const struct sk_value *v, void *out,
	size_t out_size, struct sk_arena *a, const char *path, bool lenient, struct sk_problems *p);

/* The member of a map that a field is read from, by alias or name; NULL when it is absent. */
const struct sk_value *sk_field_get(const struct sk_field *f, const struct sk_value *map);

/* Is the table itself right: docs, defaults that parse and keep the bounds, no key twice? For the
 * tests that go through every table. */
enum sk_code sk_fields_check(const struct sk_field *fields, struct sk_err *err) SK_CHECKED;

/* The JSON Schema (draft 2020-12) of a table as one JSON object. */
void sk_fields_schema(const struct sk_field *fields, struct sk_str *out);

/* The same of one row. */
void sk_field_schema(const struct sk_field *f, struct sk_str *out);

/* A table for people: KEY TYPE REQUIRED DEFAULT BOUNDS DOC, nested fields indented as "a.b". */
void sk_fields_describe(const struct sk_field *fields, struct sk_str *out);

/* What v is, as a message says it behind "got": 10, "ten", a list, nothing. In the arena. */
const char *sk_value_found(struct sk_arena *a, const struct sk_value *v);

/* How the type is called in messages: "integer", "list of strings", … In static memory. */
const char *sk_field_type_name(const struct sk_field *f);

#endif
