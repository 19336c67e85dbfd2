/* submit_check.c - what the table of a submission cannot say. */
#include "core/control/submit_priv.h"
#include "core/model/task.h"
#include <stdlib.h>
#include <string.h>

#define MAX_LABELS 64
#define MAX_LABEL_BYTES 255
#define MAX_VARIABLES 1024
#define MAX_VARIABLE_BYTES ((size_t)128 << 10)

/* The supervisor knows its tasks' processes by these: whoever changes them hides from it. */
static const char *const reserved[] = { "SKALDS_TASK_ID", "SKALDS_ATTEMPT", "SKALDS_TASK_INDEX",
	"SKALDS_RESULT", "SKALDS_RUN", NULL };

static bool SK_PRINTF(4, 5)
	wrong(struct sk_submit *s, const struct sk_value *at, const char *path, const char *fmt, ...)
{
	struct sk_str text = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&text, fmt, ap);
	va_end(ap);
	if (at == NULL)
		at = s->map;
	sk_problem(s->problems, at->line, at->column, path, "%s", sk_str_text(&text));
	sk_str_release(&text);
	return false;
}

static const char *
path_of(struct sk_submit *s, const char *map, const char *key)
{
	struct sk_str path = SK_STR_INIT;
	const char *text;

	sk_str_adds(&path, map);
	sk_path_key(s->arena, &path, key);
	text = sk_arena_strdup(s->arena, sk_str_text(&path));
	sk_str_release(&path);
	return text;
}

static bool
has_control(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			return true;
	return false;
}

/* ---- maps of strings ---- */

static const char *
label_problem(const struct sk_pair *pair)
{
	size_t n = strlen(pair->key);

	if (n == 0 || n > MAX_LABEL_BYTES)
		return "a label's name has 1 to 255 bytes";
	if (strpbrk(pair->key, "=,") != NULL)
		return "a label's name cannot contain = or ,";
	if (has_control(pair->key) || has_control(pair->value->u.str.s))
		return "a label cannot contain control characters";
	return pair->value->u.str.len > MAX_LABEL_BYTES ? "a label's value has at most 255 bytes"
													: NULL;
}

static const char *
variable_problem(const struct sk_pair *pair)
{
	if (pair->key[0] == '\0' || strchr(pair->key, '=') != NULL)
		return "this cannot name a variable";
	for (size_t i = 0; reserved[i] != NULL; i++)
		if (strcmp(pair->key, reserved[i]) == 0)
			return "this variable is set by skalds";
	return strlen(pair->key) + pair->value->u.str.len + 2 > MAX_VARIABLE_BYTES
		? "a variable with its name has less than 128 KiB"
		: NULL;
}

static bool
check_map(struct sk_submit *s, const char *path, const struct sk_value *v, size_t max,
	const char *(*problem)(const struct sk_pair *pair))
{
	bool ok = true;

	if (v == NULL || v->kind == SK_NULL)
		return true;
	if (v->kind != SK_MAP)
		return wrong(s, v, path, "expected map of strings, got %s", sk_value_found(s->arena, v));
	if (v->u.map.n > max)
		return wrong(s, v, path, "has at most %zu members, got %zu", max, v->u.map.n);
	for (size_t i = 0; i < v->u.map.n; i++) {
		const struct sk_pair *pair = &v->u.map.pairs[i];
		const char *sentence;

		if (pair->value->kind != SK_STRING) {
			ok = wrong(s, pair->value, path_of(s, path, pair->key),
				"expected string, got %s: put it in quotes", sk_kind_name(pair->value->kind));
			continue;
		}
		sentence = problem(pair);
		if (sentence != NULL)
			ok = wrong(s, pair->value, path_of(s, path, pair->key), "%s", sentence);
	}
	return ok;
}

static bool
check_maps(struct sk_submit *s)
{
	const struct sk_spec *spec = &s->in.spec;
	bool ok = check_map(s, "labels", spec->labels, MAX_LABELS, label_problem);

	ok = check_map(s, "env", spec->env, MAX_VARIABLES, variable_problem) && ok;
	return check_map(s, "resources.labels", spec->resources.labels, MAX_LABELS, label_problem) &&
		ok;
}

/* ---- ids ---- */

static bool
check_id(struct sk_submit *s)
{
	const struct sk_value *v = sk_submit_given(s, "id");
	const char *sentence;

	if (v == NULL || v->kind != SK_STRING)
		return true;
	sentence = sk_task_id_problem(v->u.str.s);
	return sentence == NULL || wrong(s, v, "id", "%s", sentence);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ids of others may be foreign ones: only their length is known. */
static bool
check_dependencies(struct sk_submit *s)
{
	const struct sk_list *list = &s->in.spec.dependencies;
	const struct sk_value *v = sk_submit_given(s, "dependencies");
	const char **ids;

	if (list->n == 0)
		return true;
	ids = sk_arena_alloc(s->arena, list->n * sizeof(*ids));
	for (size_t i = 0; i < list->n; i++) {
		const char *id = ((const char *const *)list->items)[i];
		const char *path = "dependencies";

		if (id == NULL) /* it was no string and is reported */
			return false;
		if (id[0] == '\0' || strlen(id) > 255)
			return wrong(s, v->u.list.items[i], path, "an id has 1 to 255 bytes");
		if (strcmp(id, s->in.id) == 0)
			return wrong(s, v->u.list.items[i], path, "the task cannot depend on itself");
		ids[i] = id;
	}
	qsort(ids, list->n, sizeof(*ids), by_text);
	for (size_t i = 1; i < list->n; i++)
		if (strcmp(ids[i - 1], ids[i]) == 0)
			return wrong(s, v, "dependencies", "%s is named twice", sk_quote(s->arena, ids[i]));
	return true;
}

static bool
check_array(struct sk_submit *s, int64_t *size)
{
	const struct sk_value *v = s->in.array[0] != '\0' ? sk_submit_given(s, "array") : NULL;
	struct sk_err err;

	*size = 0;
	if (v == NULL)
		return true;
	if (strlen(s->in.id) > SK_ARRAY_ID_MAX)
		return wrong(s, sk_submit_given(s, "id"), "id", "the id of an array has at most %d bytes",
			SK_ARRAY_ID_MAX);
	*size = sk_array_count(s->in.array, &err);
	return *size >= 0 || wrong(s, v, "array", "%s", err.msg);
}

/* ---- times ---- */

static bool
check_start(struct sk_submit *s)
{
	if (s->in.delay_s <= 0 || s->in.not_before_ms == 0)
		return true;
	return wrong(s, sk_submit_given(s, "delaySeconds"), "delaySeconds",
		"notBefore and delaySeconds exclude each other");
}

static bool
check_deadline(struct sk_submit *s)
{
	int64_t deadline = s->in.spec.deadline_ms, now = s->ctx->now_ms;
	const struct sk_value *v = deadline > 0 ? sk_submit_given(s, "deadlineDateTime") : NULL;

	if (v == NULL)
		return true;
	if (deadline <= now)
		return wrong(s, v, "deadlineDateTime", "is in the past");
	if (deadline <= s->in.not_before_ms || (double)(deadline - now) <= s->in.delay_s * 1000)
		return wrong(s, v, "deadlineDateTime", "is before the task may start");
	return true;
}

static bool
check_backoff(struct sk_submit *s)
{
	const struct sk_spec *spec = &s->in.spec;
	const struct sk_value *v;

	if (spec->backoff_s <= spec->max_backoff_s)
		return true;
	v = sk_submit_given(s, "backoffSeconds");
	return wrong(s, v, v != NULL ? "backoffSeconds" : "maxBackoffSeconds",
		"backoffSeconds (%g) is larger than maxBackoffSeconds (%g)", spec->backoff_s,
		spec->max_backoff_s);
}

/* ---- sizes ---- */

/* As sk_value_encode writes it, no less. */
size_t
sk_submit_size(const struct sk_value *v)
{
	size_t n = 16;

	if (v == NULL)
		return 0;
	if (v->kind == SK_STRING)
		n += v->u.str.len;
	if (v->kind == SK_LIST)
		for (size_t i = 0; i < v->u.list.n; i++)
			n += sk_submit_size(v->u.list.items[i]);
	if (v->kind == SK_MAP)
		for (size_t i = 0; i < v->u.map.n; i++)
			n += 8 + strlen(v->u.map.pairs[i].key) + sk_submit_size(v->u.map.pairs[i].value);
	return n;
}

static bool
check_size(struct sk_submit *s)
{
	const struct sk_value *att = s->in.spec.attachments;
	size_t n = sk_submit_size(att) + sk_submit_size(s->in.spec.env);

	return n <= SK_SUBMIT_MAX_BYTES ||
		wrong(s, att, "attachments", "%zu bytes with the environment, at most %zu are possible", n,
			SK_SUBMIT_MAX_BYTES);
}

static bool
check_cwd(struct sk_submit *s)
{
	return s->in.spec.cwd[0] == '\0' || s->in.spec.cwd[0] == '/' ||
		wrong(s, sk_submit_given(s, "cwd"), "cwd", "must be an absolute path");
}

bool
sk_submit_check(struct sk_submit *s, int64_t *array_size)
{
	bool ok = check_id(s);

	ok = check_dependencies(s) && ok;
	ok = check_array(s, array_size) && ok;
	ok = check_maps(s) && ok;
	ok = check_start(s) && ok;
	ok = check_deadline(s) && ok;
	ok = check_backoff(s) && ok;
	ok = check_cwd(s) && ok;
	return check_size(s) && ok;
}
