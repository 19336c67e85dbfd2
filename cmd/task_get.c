/* task_get.c - `skalds task get ID…`: all that is known of tasks, for reading or as JSON. */
#include "cmd/table.h"
#include "cmd/task.h"
#include "core/base/clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COMMAND "task get"

/* ---- lines "name  value" ---- */

static void
line(struct sk_str *out, const char *name, const char *text)
{
	if (*text == '\0')
		return;
	sk_str_addf(out, "%-14s", name);
	/* what tasks say must neither break the line nor steer the terminal */
	for (; *text != '\0'; text++)
		sk_str_addc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
	sk_str_addc(out, '\n');
}

static void SK_PRINTF(3, 4) linef(struct sk_str *out, const char *name, const char *fmt, ...)
{
	struct sk_str s = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&s, fmt, ap);
	va_end(ap);
	line(out, name, sk_str_text(&s));
	sk_str_release(&s);
}

static void
line_time(struct sk_str *out, const char *name, int64_t ms)
{
	char when[SK_LOCAL_LEN], age[16];
	int64_t ago = sk_wall_ms() - ms;

	sk_local_text(ms, when);
	sk_age_text(ago < 0 ? -ago : ago, age);
	if (ms > 0)
		linef(out, name, ago >= 0 ? "%s (%s ago)" : "%s (in %s)", when, age);
}

/* Nothing for null and for what is empty. */
static void
line_json(struct sk_str *out, const char *name, const struct sk_value *v)
{
	struct sk_str s = SK_STR_INIT;

	if (v == NULL || v->kind == SK_NULL || (v->kind == SK_MAP && v->u.map.n == 0) ||
		(v->kind == SK_LIST && v->u.list.n == 0))
		return;
	sk_value_json(&s, v);
	line(out, name, sk_str_text(&s));
	sk_str_release(&s);
}

static void
line_seconds(struct sk_str *out, const char *name, double seconds)
{
	if (seconds > 0)
		linef(out, name, "%.10g s", seconds);
}

/* ---- the parts ---- */

static void
add_attempt(struct sk_str *out, const struct sk_value *task)
{
	int64_t attempt = sk_member_int(task, "attempt", 0);
	const char *executor = sk_member_text(task, "executor");
	struct sk_str ending = SK_STR_INIT;

	if (attempt > 0)
		linef(out, "attempt", "%" PRId64 " of %" PRId64 ", %" PRId64 " failed%s%s", attempt,
			sk_member_int(task, "maxAttempts", 0), sk_member_int(task, "failures", 0),
			*executor != '\0' ? ", on " : "", executor);
	line_time(out, "started", sk_member_int(task, "startDateTime", 0));
	line_time(out, "ended", sk_member_int(task, "finishDateTime", 0));
	sk_task_ending(sk_member(task, "exit"), &ending);
	line(out, "exit", sk_str_text(&ending));
	sk_str_release(&ending);
}

static void
add_progress(struct sk_str *out, const struct sk_value *task)
{
	double value = sk_member_num(task, "progress.value");
	const char *stage = sk_member_text(task, "progress.stage");

	if (value > 0 || *stage != '\0')
		linef(out, "progress", "%.0f %%%s%s", value * 100, *stage != '\0' ? " " : "", stage);
}

static void
add_times(struct sk_str *out, const struct sk_value *task)
{
	line_time(out, "added", sk_member_int(task, "createDateTime", 0));
	line_time(out, "not before", sk_member_int(task, "notBefore", 0));
	line_time(out, "next try", sk_member_int(task, "nextRetry", 0));
	line_time(out, "deadline", sk_member_int(task, "deadlineDateTime", 0));
}

static void
add_rules(struct sk_str *out, const struct sk_value *task)
{
	int64_t priority = sk_member_int(task, "priority", 0);

	if (priority != 0)
		linef(out, "priority", "%" PRId64, priority);
	line_json(out, "after", sk_member(task, "dependencies"));
	line_seconds(out, "timeout", sk_member_num(task, "timeoutSeconds"));
	line_json(out, "labels", sk_member(task, "labels"));
	line_json(out, "resources", sk_member(task, "resources"));
	line(out, "unique", sk_member_text(task, "uniqueKey"));
	line(out, "user", sk_member_text(task, "user"));
	line(out, "cwd", sk_member_text(task, "cwd"));
}

static void
add_result(struct sk_str *out, const struct sk_value *task)
{
	const struct sk_value *result = sk_member(task, "result");

	if (result != NULL && result->kind == SK_STRING)
		line(out, "result", result->u.str.s);
	else
		line_json(out, "result", result);
}

static void
add_block(struct sk_str *out, const struct sk_value *task)
{
	line(out, "id", sk_member_text(task, "id"));
	line(out, "class", sk_member_text(task, "className"));
	line(out, "name", sk_member_text(task, "name"));
	line(out, "description", sk_member_text(task, "description"));
	line(out, "state", sk_task_state(task));
	line_json(out, "elements", sk_member(task, "counts"));
	line(out, "array", sk_member_text(task, "arrayParent"));
	add_attempt(out, task);
	add_progress(out, task);
	add_times(out, task);
	add_rules(out, task);
	line_json(out, "attachments", sk_member(task, "attachments"));
	add_result(out, task);
}

/* ---- attempts ---- */

/* Nothing for what is not known. */
static void
add_number(struct sk_grid *t, const char *fmt, double value)
{
	char text[32] = "";

	if (value > 0)
		snprintf(text, sizeof(text), fmt, value);
	sk_grid_cell(t, text);
}

static void
attempt_row(struct sk_grid *t, const struct sk_value *at)
{
	int64_t start = sk_member_int(at, "startDateTime", 0);
	int64_t finish = sk_member_int(at, "finishDateTime", 0);
	int64_t rss = sk_member_int(at, "maxRssKb", 0), cpu = sk_member_int(at, "cpuMs", 0);
	struct sk_str ending = SK_STR_INIT;
	char text[SK_LOCAL_LEN];

	snprintf(text, sizeof(text), "%" PRId64, sk_member_int(at, "attempt", 0));
	sk_grid_cell(t, text);
	sk_grid_cell(t, sk_member_text(at, "executor"));
	sk_local_text(start, text);
	sk_grid_cell(t, text);
	sk_age_text(start > 0 && finish >= start ? finish - start : -1, text);
	sk_grid_cell(t, text);
	add_number(t, "%.2f s", (double)cpu / 1000);
	add_number(t, "%.1f MB", (double)rss / 1024);
	sk_task_ending(sk_member(at, "exit"), &ending);
	sk_grid_cell(t, sk_str_text(&ending));
	sk_str_release(&ending);
}

static void
add_attempts(struct sk_str *out, const struct sk_value *attempts)
{
	static const char *const head[] = { "ATTEMPT", "SKALD", "STARTED", "RAN", "CPU", "MEMORY",
		"END", NULL };
	struct sk_value *const *items;
	struct sk_grid t;
	size_t n;

	items = sk_member_list(attempts, "items", &n);
	if (n == 0)
		return;
	sk_grid_init(&t, head);
	for (size_t i = 0; i < n; i++)
		attempt_row(&t, items[i]);
	sk_str_addc(out, '\n');
	sk_grid_text(&t, sk_terminal_width(), out);
	sk_grid_release(&t);
}

/* ---- the command ---- */

static int
get_text(struct sk_door *d, const char *id, struct sk_str *out)
{
	struct sk_arena *a = sk_arena_new();
	int code;
	struct sk_value *task = sk_task_fetch(d, COMMAND, id, "", a, &code), *attempts = NULL;

	if (task != NULL && sk_member_int(task, "attempt", 0) > 0)
		attempts = sk_task_fetch(d, COMMAND, id, "/attempts", a, &code);
	if (task != NULL) {
		if (out->len > 0)
			sk_str_addc(out, '\n');
		add_block(out, task);
		add_attempts(out, attempts);
	}
	sk_arena_free(a);
	return code;
}

/* As it comes: nothing is left out that a newer skalds may tell. */
static int
get_json(struct sk_door *d, const char *id, struct sk_str *out)
{
	struct sk_http_answer answer;
	struct sk_str path = SK_STR_INIT;
	int code;

	sk_url_task(&path, id, "");
	code = sk_door_call(d, "GET", path.p, NULL, &answer);
	if (code == 0) {
		sk_json_next(out);
		while (answer.body.len > 0 && answer.body.p[answer.body.len - 1] == '\n')
			answer.body.len--;
		sk_str_add(out, sk_str_text(&answer.body), answer.body.len);
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	return code;
}

static int
get_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config door = { .command = COMMAND };
	struct sk_str out = SK_STR_INIT;
	bool list = args->json && args->n_pos > 1;
	int code = sk_task_ids(args, COMMAND, args->n_pos);
	struct sk_door *d;

	if (code != 0)
		return code;
	d = sk_door_open(settings, &door);
	if (list)
		sk_str_adds(&out, "{\"items\":[");
	for (int i = 0; i < args->n_pos; i++)
		code = sk_worse(
			code, args->json ? get_json(d, args->pos[i], &out) : get_text(d, args->pos[i], &out));
	if (list)
		sk_str_adds(&out, "],\"next\":null}");
	if (args->json && out.len > 0)
		sk_str_addc(&out, '\n');
	sk_out(&out);
	sk_str_release(&out);
	sk_door_close(d);
	return code;
}

const struct sk_cmd sk_task_get = {
	.name = "get",
	.summary = "Show all about a task, its attempts included",
	.usage = "ID...",
	.help = "With --json the task as it is stored; of several tasks {\"items\":[…]}.\n"
			"\n"
			"Example:\n"
			"  skalds task get --json ID | jq .exit.code",
	.min_args = 1,
	.max_args = -1,
	.run = get_run,
};
