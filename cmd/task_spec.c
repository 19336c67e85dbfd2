/* task_spec.c - the flags of `skalds task add` and what they make of one task. */
#include "adapters/json.h"
#include "cmd/task_add.h"
#include "cmd/typed.h"
#include "cmd/when.h"
#include "core/base/clock.h"
#include "workers/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct building {
	const struct sk_args *args;
	struct sk_arena *arena;
	struct sk_problems *problems;
	struct sk_value *task;
	bool bad;
};

static void SK_PRINTF(3, 4) wrong(struct building *b, const char *flag, const char *fmt, ...)
{
	struct sk_str s = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&s, fmt, ap);
	va_end(ap);
	sk_problem(b->problems, 0, 0, flag, "%s", sk_str_text(&s));
	sk_str_release(&s);
	b->bad = true;
}

static const char *
flag_name(struct building *b, const char *flag)
{
	return sk_arena_printf(b->arena, "--%s", flag);
}

static void
set(struct building *b, const char *key, struct sk_value *v)
{
	if (v != NULL)
		sk_map_set(b->arena, b->task, key, v);
}

/* Text from the command line; NULL after a problem. */
static struct sk_value *
text_value(struct building *b, const char *flag, const char *text)
{
	size_t n = strlen(text);

	if (sk_utf8_bad(text, n) == n)
		return sk_value_string(b->arena, text, n);
	wrong(b, flag_name(b, flag), "the value is not valid UTF-8");
	return NULL;
}

static void
take_text(struct building *b, const char *flag, const char *key)
{
	const char *text = sk_arg(b->args, flag);

	if (text != NULL && *text == '\0')
		wrong(b, flag_name(b, flag), "the value is empty");
	else if (text != NULL)
		set(b, key, text_value(b, flag, text));
}

static struct sk_value *
number_value(struct building *b, double d)
{
	struct sk_value *v = sk_value_new(b->arena, SK_FLOAT);

	if (d >= -9e15 && d <= 9e15 && d == (double)(int64_t)d)
		return sk_value_int(b->arena, (int64_t)d);
	v->u.f = d;
	return v;
}

static bool
whole_number(const char *text, int64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static void
take_count(struct building *b, const char *flag, const char *key, int64_t plus)
{
	const char *text = sk_arg(b->args, flag);
	int64_t n;

	if (text == NULL)
		return;
	if (whole_number(text, &n) && n <= 1000000)
		set(b, key, sk_value_int(b->arena, n + plus));
	else
		wrong(b, flag_name(b, flag), "expected a whole number, got %s", sk_quote(b->arena, text));
}

static void
take_seconds(struct building *b, const char *flag, const char *key)
{
	const char *text = sk_arg(b->args, flag);
	double s;

	if (text == NULL)
		return;
	if (sk_seconds_parse(text, &s))
		set(b, key, number_value(b, s));
	else
		wrong(b, flag_name(b, flag), "expected a duration such as 90s, 5m or 2h, got %s",
			sk_quote(b->arena, text));
}

static void
take_deadline(struct building *b)
{
	const char *text = sk_arg(b->args, "deadline");
	int64_t ms;

	if (text == NULL)
		return;
	if (!sk_moment_parse(text, sk_wall_ms(), &ms))
		wrong(b, "--deadline", "expected a time such as 2026-08-22T18:00, 18:00 or +90m, got %s",
			sk_quote(b->arena, text));
	else if (ms <= sk_wall_ms())
		wrong(b, "--deadline", "%s has passed already", sk_quote(b->arena, text));
	else
		set(b, "deadlineDateTime", sk_value_int(b->arena, ms));
}

/* ---- lists and maps ---- */

static void
add_ids(struct building *b, const char *flag, struct sk_value *list)
{
	const char *text;

	for (size_t i = 0; (text = sk_arg_nth(b->args, flag, i)) != NULL; i++)
		for (;; text++) {
			size_t n = strcspn(text, ",");

			if (n == 0)
				wrong(b, flag_name(b, flag), "an id is empty");
			else if (sk_utf8_bad(text, n) != n)
				wrong(b, flag_name(b, flag), "the value is not valid UTF-8");
			else
				sk_list_add(b->arena, list, sk_value_string(b->arena, text, n));
			text += n;
			if (*text == '\0')
				break;
		}
}

static void
take_dependencies(struct building *b)
{
	bool any = sk_arg_set(b->args, "after-any");
	struct sk_value *list = sk_value_new(b->arena, SK_LIST);

	if (any && sk_arg_set(b->args, "after"))
		wrong(b, "--after-any", "--after and --after-any exclude each other");
	add_ids(b, any ? "after-any" : "after", list);
	if (list->u.list.n > 0)
		set(b, "dependencies", list);
	if (any)
		set(b, "dependencyPolicy", sk_value_string(b->arena, "run", 3));
}

/* One NAME=VALUE of a flag that may be repeated, into a map of strings. */
static void
add_pair(struct building *b, struct sk_value *map, const char *flag, const char *text)
{
	size_t n = strcspn(text, "=");
	const char *name = sk_arena_strndup(b->arena, text, n);
	struct sk_value *v;

	if (text[n] == '\0' || n == 0) {
		wrong(b, flag_name(b, flag), "expected NAME=VALUE, got %s", sk_quote(b->arena, text));
		return;
	}
	if (sk_utf8_bad(name, n) != n) {
		wrong(b, flag_name(b, flag), "a name is not valid UTF-8");
		return;
	}
	v = text_value(b, flag, text + n + 1);
	if (v == NULL)
		return;
	if (sk_map_get(map, name) != NULL)
		wrong(b, flag_name(b, flag), "%s is given twice", sk_quote(b->arena, name));
	sk_map_set(b->arena, map, name, v);
}

static struct sk_value *
take_pairs(struct building *b, const char *flag, struct sk_value *map)
{
	const char *text;

	for (size_t i = 0; (text = sk_arg_nth(b->args, flag, i)) != NULL; i++)
		add_pair(b, map, flag, text);
	return map;
}

static void
pass_variable(struct building *b, struct sk_value *map, const char *name)
{
	const char *value = getenv(name);
	struct sk_value *v;

	if (value == NULL) {
		wrong(b, "--pass-env", "%s is not set", sk_quote(b->arena, name));
		return;
	}
	v = text_value(b, "pass-env", value);
	if (v != NULL && sk_map_get(map, name) == NULL) /* --env goes before it */
		sk_map_set(b->arena, map, name, v);
}

static void
take_env(struct building *b)
{
	struct sk_value *map = take_pairs(b, "env", sk_value_new(b->arena, SK_MAP));
	const char *text;

	for (size_t i = 0; (text = sk_arg_nth(b->args, "pass-env", i)) != NULL; i++)
		while (*text != '\0') {
			size_t n = strcspn(text, ",");

			pass_variable(b, map, sk_arena_strndup(b->arena, text, n));
			text += n + (text[n] == ',' ? 1 : 0);
		}
	if (map->u.map.n > 0)
		set(b, "env", map);
}

static void
add_resource(struct building *b, struct sk_value *map, const char *text, size_t n)
{
	static const struct {
		const char *name;
		bool whole;
	} rows[] = { { "cpus", false }, { "memoryMb", true }, { "gpus", true } };
	static const char *const names[] = { "cpus", "memoryMb", "gpus", NULL };
	size_t eq = strcspn(text, "="), k = 0;
	const char *key = sk_arena_strndup(b->arena, text, eq < n ? eq : n), *near;
	const char *value = eq < n ? sk_arena_strndup(b->arena, text + eq + 1, n - eq - 1) : "";
	const struct sk_field f = { .kind = SK_FIELD_FLOAT, .name = "n" };
	struct sk_value *v;

	while (k < 3 && strcmp(rows[k].name, key) != 0)
		k++;
	if (k == 3) {
		near = sk_suggest(key, names);
		wrong(b, "--resources", "no resource %s; %s%s%s", sk_quote(b->arena, key),
			near != NULL ? "did you mean " : "there are cpus, memoryMb and gpus",
			near != NULL ? near : "", near != NULL ? "?" : "");
		return;
	}
	v = sk_typed_value(&f, value, "--resources", b->arena, b->problems);
	if (v == NULL || v->kind != SK_FLOAT || v->u.f < 0 || v->u.f > 1e9 ||
		(rows[k].whole && v->u.f != (double)(int64_t)v->u.f))
		wrong(b, "--resources", "%s: expected %s, got %s", key,
			rows[k].whole ? "a whole number" : "a number", sk_quote(b->arena, value));
	else
		sk_map_set(b->arena, map, key, number_value(b, v->u.f));
}

static void
take_resources(struct building *b)
{
	struct sk_value *map = sk_value_new(b->arena, SK_MAP);
	struct sk_value *labels = take_pairs(b, "require", sk_value_new(b->arena, SK_MAP));
	const char *text;

	for (size_t i = 0; (text = sk_arg_nth(b->args, "resources", i)) != NULL; i++)
		for (;; text++) {
			size_t n = strcspn(text, ",");

			add_resource(b, map, text, n);
			text += n;
			if (*text == '\0')
				break;
		}
	if (labels->u.map.n > 0)
		sk_map_set(b->arena, map, "labels", labels);
	if (map->u.map.n > 0)
		set(b, "resources", map);
}

/* ---- attachments ---- */

#define MAX_INPUT SK_JSON_MAX_BYTES

/* All of a file or of standard input; NULL after a problem. */
static char *
read_input(struct building *b, const char *path, size_t *len)
{
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
	struct sk_str s = SK_STR_INIT;
	ssize_t got = -1;
	char buf[16384], *text;

	while (fd != -1 && s.len <= MAX_INPUT) {
		got = read(fd, buf, sizeof(buf));
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		sk_str_add(&s, buf, (size_t)got);
	}
	if (fd == -1 || got == -1)
		wrong(
			b, "--attachments", "%s: %s", path != NULL ? path : "standard input", strerror(errno));
	if (path != NULL && fd != -1)
		close(fd);
	*len = s.len;
	text = got != -1 ? sk_arena_strndup(b->arena, sk_str_text(&s), s.len) : NULL;
	sk_str_release(&s);
	return text;
}

/* --attachments JSON, @FILE or -: a map, NULL after a problem. */
static struct sk_value *
given_attachments(struct building *b)
{
	const char *text = sk_arg(b->args, "attachments"), *json = text;
	struct sk_problems own;
	struct sk_value *v;
	size_t n;

	if (text == NULL)
		return sk_value_new(b->arena, SK_MAP);
	n = strlen(text);
	if (strcmp(text, "-") == 0)
		json = read_input(b, NULL, &n);
	else if (text[0] == '@')
		json = read_input(b, text + 1, &n);
	if (json == NULL)
		return NULL;
	sk_problems_init(&own, b->arena, "");
	v = sk_json_parse(json, n, b->arena, &own);
	if (v == NULL)
		wrong(b, "--attachments", "%s (line %d, column %d)", own.list[0].text, own.list[0].line,
			own.list[0].column);
	else if (v->kind != SK_MAP)
		wrong(b, "--attachments", "expected a JSON object, got %s", sk_value_found(b->arena, v));
	return v != NULL && v->kind == SK_MAP ? v : NULL;
}

static void
command_attachments(struct building *b)
{
	struct sk_value *att = sk_value_new(b->arena, SK_MAP), *list = sk_value_new(b->arena, SK_LIST);

	for (int i = 0; i < b->args->n_command; i++) {
		const char *word = b->args->command[i];

		if (sk_utf8_bad(word, strlen(word)) != strlen(word))
			wrong(b, "", "word %d of the command is not valid UTF-8", i + 1);
		else
			sk_list_add(b->arena, list, sk_value_string(b->arena, word, strlen(word)));
	}
	sk_map_set(b->arena, att, "command", list);
	set(b, "attachments", att);
}

static void
class_attachments(struct building *b)
{
	const char *class_name = b->args->pos[0];
	const struct sk_worker *worker = sk_worker_find(class_name);
	struct sk_value *att = given_attachments(b);

	if (att != NULL &&
		!sk_typed_words(worker != NULL ? worker->fields : NULL, att, b->args->pos + 1,
			(size_t)b->args->n_pos - 1, b->arena, b->problems))
		b->bad = true;
	set(b, "attachments", att);
}

/* Which class, and its attachments. */
static void
take_work(struct building *b)
{
	const struct sk_args *args = b->args;

	if (args->command != NULL) {
		set(b, "className", sk_value_string(b->arena, "Exec", 4));
		command_attachments(b);
		return;
	}
	set(b, "className", text_value(b, "class", args->pos[0]));
	class_attachments(b);
}

/* A relative directory is the caller's. */
static void
take_cwd(struct building *b, bool local)
{
	const char *given = sk_arg(b->args, "cwd");
	char *cwd = NULL;

	if (given == NULL && (b->args->command == NULL || !local))
		return;
	if (given != NULL && given[0] == '\0') {
		wrong(b, "--cwd", "the directory is empty");
		return;
	}
	if (given != NULL && given[0] == '/') {
		set(b, "cwd", text_value(b, "cwd", given));
		return;
	}
	cwd = getcwd(NULL, 0);
	if (cwd == NULL)
		wrong(b, "--cwd", "the working directory: %s", strerror(errno));
	else if (given == NULL || strcmp(given, ".") == 0)
		set(b, "cwd", text_value(b, "cwd", cwd));
	else
		set(b, "cwd", text_value(b, "cwd", sk_arena_printf(b->arena, "%s/%s", cwd, given)));
	free(cwd);
}

static void
take_labels(struct building *b)
{
	struct sk_value *map = take_pairs(b, "label", sk_value_new(b->arena, SK_MAP));

	if (map->u.map.n > 0)
		set(b, "labels", map);
}

struct sk_value *
sk_add_build(const struct sk_args *args, bool local, struct sk_arena *a, struct sk_problems *p)
{
	struct building b = {
		.args = args, .arena = a, .problems = p, .task = sk_value_new(a, SK_MAP)
	};

	take_text(&b, "id", "id");
	take_work(&b);
	take_text(&b, "name", "name");
	take_text(&b, "description", "description");
	take_count(&b, "priority", "priority", 0);
	take_dependencies(&b);
	take_labels(&b);
	take_seconds(&b, "timeout", "timeoutSeconds");
	take_seconds(&b, "grace", "graceSeconds");
	take_count(&b, "retries", "maxAttempts", 1);
	take_seconds(&b, "backoff", "backoffSeconds");
	take_seconds(&b, "max-backoff", "maxBackoffSeconds");
	take_text(&b, "array", "array");
	take_text(&b, "unique", "uniqueKey");
	take_seconds(&b, "delay", "delaySeconds");
	take_deadline(&b);
	take_resources(&b);
	take_text(&b, "on-disconnect", "onDisconnect");
	take_text(&b, "user", "user");
	take_cwd(&b, local);
	take_env(&b);
	set(&b, "source", sk_value_string(a, "CLI", 3));
	return b.bad ? NULL : b.task;
}
