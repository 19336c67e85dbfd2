#include "cmd/typed.h"
#include "adapters/json.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct typing {
	struct sk_arena *arena;
	struct sk_problems *problems;
	const char *path; /* of the value, for messages */
};

static const struct sk_field any = { .kind = SK_FIELD_ANY, .name = "any" };
static const struct sk_field text_field = { .kind = SK_FIELD_STRING, .name = "text" };

/* ---- one value ---- */

static struct sk_value *
as_text(struct sk_arena *a, const char *text)
{
	return sk_value_string(a, text, strlen(text));
}

static struct sk_value *
as_json(const struct typing *t, const char *text)
{
	struct sk_problems own;
	struct sk_value *v;

	sk_problems_init(&own, t->arena, "");
	v = sk_json_parse(text, strlen(text), t->arena, &own);
	if (v == NULL)
		sk_problem(
			t->problems, 0, 0, t->path, "%s", own.n > 0 ? own.list[0].text : "not valid JSON");
	return v;
}

static struct sk_value *
as_bool(struct sk_arena *a, const char *text)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
	struct sk_value *v;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0) {
			v = sk_value_new(a, SK_BOOL);
			v->u.b = (i & 1) != 0;
			return v;
		}
	return as_text(a, text);
}

static struct sk_value *
as_int(struct sk_arena *a, const char *text)
{
	const char *p = text[0] == '-' || text[0] == '+' ? text + 1 : text;
	size_t n = strspn(p, "0123456789");
	long long i;

	errno = 0;
	i = strtoll(text, NULL, 10);
	return n > 0 && p[n] == '\0' && errno == 0 ? sk_value_int(a, i) : as_text(a, text);
}

/* As JSON and people write numbers: strtod alone also takes hexadecimal, inf and nan. */
static struct sk_value *
as_float(struct sk_arena *a, const char *text)
{
	struct sk_value *v;
	char *end;
	double f = strtod(text, &end);

	if (text[0] == '\0' || *end != '\0' || !isfinite(f) ||
		strspn(text, "+-.0123456789eE") != strlen(text))
		return as_text(a, text);
	v = sk_value_new(a, SK_FLOAT);
	v->u.f = f;
	return v;
}

/* Written as JSON it is meant so; a word, a path or a date is text. */
static struct sk_value *
as_any(const struct typing *t, const char *text)
{
	static const char *const words[] = { "null", "true", "false", NULL };
	struct sk_value *v = as_int(t->arena, text);

	if (text[0] == '{' || text[0] == '[' || text[0] == '"')
		return as_json(t, text);
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0)
			return as_json(t, text);
	return v->kind == SK_INT ? v : as_float(t->arena, text);
}

static struct sk_value *typed(const struct typing *t, const struct sk_field *f, const char *text);

/* a,b,c: nothing at all is an empty list. */
static struct sk_value *
as_list(const struct typing *t, const struct sk_field *f, const char *text)
{
	const struct sk_field item = { .kind = f->item, .name = f->name, .sub = f->sub };
	struct sk_value *list;

	if (text[0] == '[')
		return as_json(t, text);
	list = sk_value_new(t->arena, SK_LIST);
	while (*text != '\0') {
		size_t n = strcspn(text, ",");
		struct sk_value *v = typed(t, &item, sk_arena_strndup(t->arena, text, n));

		if (v == NULL)
			return NULL;
		sk_list_add(t->arena, list, v);
		text += n;
		if (*text == ',' && *++text == '\0') /* "a," has a second, empty item */
			sk_list_add(t->arena, list, as_text(t->arena, ""));
	}
	return list;
}

static struct sk_value *
typed(const struct typing *t, const struct sk_field *f, const char *text)
{
	if (f->nullable && f->kind != SK_FIELD_STRING && strcmp(text, "null") == 0)
		return sk_value_new(t->arena, SK_NULL);
	switch (f->kind) {
	case SK_FIELD_BOOL:
		return as_bool(t->arena, text);
	case SK_FIELD_INT:
		return as_int(t->arena, text);
	case SK_FIELD_FLOAT:
		return as_float(t->arena, text);
	case SK_FIELD_LIST:
		return as_list(t, f, text);
	case SK_FIELD_OBJECT:
		return text[0] == '{' ? as_json(t, text) : as_text(t->arena, text);
	case SK_FIELD_ANY:
		return as_any(t, text);
	case SK_FIELD_STRING:
	case SK_FIELD_ENUM:
	case SK_FIELD_END:
		break;
	}
	return as_text(t->arena, text);
}

struct sk_value *
sk_typed_value(const struct sk_field *field, const char *text, const char *path, struct sk_arena *a,
	struct sk_problems *p)
{
	const struct typing t = { .arena = a, .problems = p, .path = path };
	size_t n = strlen(text);

	if (sk_utf8_bad(text, n) != n) {
		sk_problem(p, 0, 0, path, "this is not valid UTF-8");
		return NULL;
	}
	return typed(&t, field, text);
}

/* ---- where it goes ---- */

static const struct sk_field *
field_of(const struct sk_field *f, const char *key)
{
	for (; f->kind != SK_FIELD_END; f++)
		if ((f->key != NULL && strcmp(f->key, key) == 0) || strcmp(f->name, key) == 0)
			return f;
	return NULL;
}

static struct sk_value *
member(struct sk_value *map, const char *key)
{
	for (size_t i = 0; i < map->u.map.n; i++)
		if (strcmp(map->u.map.pairs[i].key, key) == 0)
			return map->u.map.pairs[i].value;
	return NULL;
}

/* The map below key, made when it is not there or something else. */
static struct sk_value *
enter(struct sk_arena *a, struct sk_value *map, const char *key)
{
	struct sk_value *v = member(map, key);

	if (v == NULL || v->kind != SK_MAP) {
		v = sk_value_new(a, SK_MAP);
		sk_map_set(a, map, key, v);
	}
	return v;
}

/* What stands below a field: of a class's own objects it is known, of a value of any kind (env) and
 * below a key that does not exist (it will be refused, with a suggestion) everything is text. */
static const struct sk_field *
child_of(const struct sk_field *f, const char *key)
{
	if (f == &any)
		return f;
	f = f->kind == SK_FIELD_OBJECT ? field_of(f->sub, key) : NULL;
	return f != NULL ? f : &text_field;
}

static bool
may_enter(const struct typing *t, const struct sk_field *f)
{
	if (f == &text_field || f->kind == SK_FIELD_OBJECT || f->kind == SK_FIELD_ANY)
		return true;
	sk_problem(t->problems, 0, 0, t->path,
		f->kind == SK_FIELD_LIST ? "%s is a %s: give it as a,b,c or as JSON"
								 : "%s is a %s and has no members",
		f->key != NULL ? f->key : f->name, sk_field_type_name(f));
	return false;
}

static bool
set(const struct typing *t, const struct sk_field *fields, struct sk_value *map, char *key,
	const char *text)
{
	const struct sk_field root = { .kind = SK_FIELD_OBJECT, .name = "", .sub = fields };
	const struct sk_field *f = fields != NULL ? &root : &any;
	struct sk_value *v;

	for (char *dot; (dot = strchr(key, '.')) != NULL; key = dot + 1) {
		*dot = '\0';
		f = child_of(f, key);
		if (!may_enter(t, f))
			return false;
		map = enter(t->arena, map, key);
	}
	v = sk_typed_value(child_of(f, key), text, t->path, t->arena, t->problems);
	if (v != NULL)
		sk_map_set(t->arena, map, key, v);
	return v != NULL;
}

/* ---- words ---- */

static size_t
key_length(const char *word)
{
	return strcspn(word, "=");
}

static bool
good_key(const struct typing *t, const char *word, size_t n)
{
	size_t steps = 1;

	if (sk_utf8_bad(word, n) != n) {
		sk_problem(t->problems, 0, 0, "", "an argument is not valid UTF-8");
		return false;
	}
	if (word[n] != '=') {
		sk_problem(t->problems, 0, 0, "", "expected key=value, got %s", sk_quote(t->arena, word));
		return false;
	}
	for (size_t i = 0; i < n; i++)
		steps += word[i] == '.';
	if (n == 0 || word[0] == '.' || word[n - 1] == '.' || steps > SK_MAX_DEPTH / 2 ||
		memmem(word, n, "..", 2) != NULL) {
		sk_problem(t->problems, 0, 0, "", "%s names no attachment", sk_quote(t->arena, word));
		return false;
	}
	return true;
}

static bool
given_before(const char *const *words, size_t i)
{
	size_t n = key_length(words[i]);

	for (size_t k = 0; k < i; k++)
		if (key_length(words[k]) == n && strncmp(words[k], words[i], n) == 0)
			return true;
	return false;
}

bool
sk_typed_words(const struct sk_field *fields, struct sk_value *map, const char *const *words,
	size_t n, struct sk_arena *a, struct sk_problems *p)
{
	bool good = true;

	for (size_t i = 0; i < n; i++) {
		struct typing t = { .arena = a, .problems = p };
		size_t len = key_length(words[i]);
		char *key = sk_arena_strndup(a, words[i], len);

		if (!good_key(&t, words[i], len)) {
			good = false;
			continue;
		}
		t.path = sk_arena_printf(a, "attachments.%s", key);
		if (given_before(words, i)) {
			sk_problem(p, 0, 0, t.path, "it is given twice");
			good = false;
		} else if (!set(&t, fields, map, key, words[i] + len + 1))
			good = false;
	}
	return good;
}
