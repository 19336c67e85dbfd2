/* task.c - the record of one task: its table, its checks, its attachments. */
#include "core/model/task.h"
#include "core/run/worker.h"
#include <math.h>
#include <string.h>

#define TEN_YEARS (3650.0 * 86400)
#define ONE_DAY 86400.0

static const char *const restarts[] = { [SK_RESTART_NEVER] = "never",
	[SK_RESTART_ON_FAILURE] = "on-failure",
	[SK_RESTART_ALWAYS] = "always",
	NULL };

static const struct sk_field retry_fields[] = {
	SK_FIELD(struct sk_retry, max_attempts, .key = "maxAttempts", .def = "1", .bounded = true,
		.min = 1, .max = 1e6, .doc = "how often the task is started at most"),
	SK_FIELD(struct sk_retry, backoff_s, .key = "backoffSeconds", .def = "1", .bounded = true,
		.min = 0, .max = TEN_YEARS, .doc = "pause before the second attempt; doubles each time"),
	SK_FIELD(struct sk_retry, max_backoff_s, .key = "maxBackoffSeconds", .def = "300",
		.bounded = true, .min = 0, .max = TEN_YEARS, .doc = "the pause grows up to this"),
	SK_FIELDS_END
};

static const struct sk_field resource_fields[] = {
	SK_FIELD(struct sk_task_resources, cpus, .def = "0", .bounded = true, .min = 0, .max = 4096,
		.doc = "processors the task needs; 0 = not said"),
	SK_FIELD(struct sk_task_resources, memory_mb, .key = "memoryMb", .def = "0", .bounded = true,
		.min = 0, .max = 16777216, .doc = "memory the task may use; 0 = no limit"),
	SK_FIELDS_END
};

const struct sk_field sk_task_fields[] = {
	SK_FIELD(struct sk_task_spec, class_name, .key = "className", .required = true, .bounded = true,
		.min = 1, .max = 255, .doc = "the worker class that does the work"),
	SK_FIELD(struct sk_task_spec, attachments, .nullable = true,
		.doc = "the parameters of the worker class"),
	SK_FIELD(struct sk_task_spec, is_persistent, .key = "isPersistent", .def = "true",
		.doc = "runs for good (a Deployment) or to its end (a Job)"),
	SK_FIELD(struct sk_task_spec, timeout_s, .key = "timeoutSeconds", .def = "0", .bounded = true,
		.min = 0, .max = TEN_YEARS, .doc = "an attempt is stopped after this long; 0 = never"),
	SK_FIELD(struct sk_task_spec, grace_s, .key = "graceSeconds", .def = "10", .bounded = true,
		.min = 0, .max = ONE_DAY, .doc = "time to end between SIGTERM and SIGKILL"),
	SK_FIELD(struct sk_task_spec, retry, .sub = retry_fields,
		.doc = "what to do after a failure; only with restart: never"),
	SK_FIELD(struct sk_task_spec, restart, .def = "never", .choices = restarts,
		.doc = "start the task again when it has ended"),
	SK_FIELD(struct sk_task_spec, dependencies, .item = SK_FIELD_STRING, .bounded = true, .min = 0,
		.max = 1024, .doc = "tasks that must have finished before this one starts"),
	SK_FIELD(struct sk_task_spec, priority, .def = "0", .bounded = true, .min = 0, .max = 10,
		.doc = "higher ones start first when slots are scarce"),
	SK_FIELD(struct sk_task_spec, resources, .sub = resource_fields,
		.doc = "what the task needs and may use"),
	SK_FIELDS_END
};

const char *
sk_task_id_problem(const char *id)
{
	size_t n = strlen(id);

	if (n == 0)
		return "an id cannot be empty";
	if (n > 255)
		return "an id has at most 255 bytes";
	if (sk_utf8_bad(id, n) < n)
		return "an id must be valid UTF-8";
	if (id[0] == '-')
		return "an id cannot start with -";
	for (const unsigned char *p = (const unsigned char *)id; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
			return "an id cannot contain control characters";
	if (strpbrk(id, "*?[]:/") != NULL)
		return "an id cannot contain any of * ? [ ] : /";
	return strcmp(id, ".") == 0 || strcmp(id, "..") == 0 ? "an id cannot be . or .." : NULL;
}

/* ---- the class and its attachments ---- */

static const char *
suggest_class(const char *name, const struct sk_worker *const *workers, struct sk_arena *a,
	struct sk_str *all)
{
	size_t n = 0;
	const char **names;

	while (workers[n] != NULL)
		n++;
	names = sk_arena_alloc(a, (n + 1) * sizeof(*names));
	for (size_t i = 0; i < n; i++) {
		names[i] = workers[i]->name;
		sk_str_addf(all, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	return sk_suggest(name, names);
}

const struct sk_worker *
sk_task_class(const char *name, const struct sk_worker *const *workers, int line, int column,
	const char *path, struct sk_arena *a, struct sk_problems *p)
{
	struct sk_str all = SK_STR_INIT;
	const char *near;

	for (size_t i = 0; workers[i] != NULL; i++)
		if (strcmp(workers[i]->name, name) == 0)
			return workers[i];
	near = suggest_class(name, workers, a, &all);
	if (near != NULL)
		sk_problem(p, line, column, path, "unknown class %s, did you mean \"%s\"?",
			sk_quote(a, name), near);
	else
		sk_problem(p, line, column, path, "unknown class %s, known are: %s", sk_quote(a, name),
			all.len > 0 ? sk_str_text(&all) : "none");
	sk_str_release(&all);
	return NULL;
}

bool
sk_task_attachments(const struct sk_worker *worker, const struct sk_value *attachments,
	const char *path, bool lenient, struct sk_arena *a, struct sk_problems *p)
{
	void *record = sk_arena_alloc(a, worker->attachment_size);
	struct sk_err err = { .code = SK_OK };

	if (!sk_fields_decode(
			worker->fields, attachments, record, worker->attachment_size, a, path, lenient, p))
		return false;
	if (worker->check == NULL || worker->check(record, &err) == SK_OK)
		return true;
	sk_problem(p, attachments->line, attachments->column, path, "%s", err.msg);
	return false;
}

static const struct sk_value *
no_attachments(struct sk_arena *a, int line, int column)
{
	struct sk_value *v = sk_value_new(a, SK_MAP);

	v->line = line;
	v->column = column;
	return v;
}

/* ---- one entry ---- */

struct entry {
	const struct sk_value *map;
	const char *path;
	int line, column;
	struct sk_arena *arena;
	struct sk_problems *problems;
};

static const char *
path_of(const struct entry *e, const char *key)
{
	struct sk_str path = SK_STR_INIT;
	const char *text;

	sk_str_adds(&path, e->path);
	sk_path_key(e->arena, &path, key);
	text = sk_arena_strdup(e->arena, sk_str_text(&path));
	sk_str_release(&path);
	return text;
}

/* The value under the alias or the member's name, NULL when it is absent. */
static const struct sk_value *
part(const struct entry *e, const char *key)
{
	for (const struct sk_field *f = sk_task_fields; f->kind != SK_FIELD_END; f++)
		if (strcmp(f->key != NULL ? f->key : f->name, key) == 0)
			return sk_field_get(f, e->map);
	return NULL;
}

static bool
check_retry(const struct entry *e, const struct sk_task_spec *t)
{
	const struct sk_value *retry = part(e, "retry");

	if (retry == NULL)
		return true;
	if (t->restart != SK_RESTART_NEVER) {
		sk_problem(e->problems, retry->line, retry->column, path_of(e, "retry"),
			"applies only with restart: never, but restart is %s", restarts[t->restart]);
		return false;
	}
	if (t->retry.backoff_s <= t->retry.max_backoff_s)
		return true;
	sk_problem(e->problems, retry->line, retry->column, path_of(e, "retry"),
		"backoffSeconds (%g) is larger than maxBackoffSeconds (%g)", t->retry.backoff_s,
		t->retry.max_backoff_s);
	return false;
}

/* The class can be looked up although other parts of the entry are wrong, and should be: all the
 * problems of a file are reported in one go. */
static bool
check_class(const struct entry *e, struct sk_task_spec *t, const struct sk_worker *const *workers,
	bool lenient)
{
	const struct sk_value *name = part(e, "className");

	if (name == NULL || name->kind != SK_STRING || name->u.str.len == 0)
		return false;
	t->worker = sk_task_class(name->u.str.s, workers, name->line, name->column,
		path_of(e, "className"), e->arena, e->problems);
	if (t->worker == NULL || t->attachments->kind != SK_MAP)
		return false;
	return sk_task_attachments(
		t->worker, t->attachments, path_of(e, "attachments"), lenient, e->arena, e->problems);
}

static bool
check_attachments_kind(const struct entry *e, const struct sk_value *v)
{
	if (v->kind == SK_MAP)
		return true;
	sk_problem(e->problems, v->line, v->column, path_of(e, "attachments"), "expected map, got %s",
		sk_value_found(e->arena, v));
	return false;
}

bool
sk_task_entry(const char *id, const struct sk_value *entry, int line, int column, const char *path,
	const struct sk_worker *const *workers, bool lenient, struct sk_arena *a,
	struct sk_task_spec *out, struct sk_problems *p)
{
	struct entry e = {
		.map = entry, .path = path, .line = line, .column = column, .arena = a, .problems = p
	};
	bool ok = sk_fields_decode(sk_task_fields, entry, out, sizeof(*out), a, path, false, p);

	out->id = id;
	out->line = line;
	out->column = column;
	if (out->attachments == NULL || out->attachments->kind == SK_NULL)
		out->attachments = no_attachments(a, line, column);
	if (entry == NULL || entry->kind != SK_MAP)
		return false;
	ok = check_attachments_kind(&e, out->attachments) && ok;
	ok = check_retry(&e, out) && ok;
	return check_class(&e, out, workers, lenient) && ok;
}
