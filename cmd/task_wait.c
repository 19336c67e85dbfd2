/* task_wait.c - `skalds task wait`, and waiting for the others. */
#include "cmd/task.h"
#include "cmd/when.h"
#include "core/base/clock.h"
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "task wait"
#define WAIT_MS 30000

/* ---- one task ---- */

struct sk_value *
sk_task_fetch(struct sk_door *d, const char *command, const char *id, const char *rest,
	struct sk_arena *a, int *code)
{
	struct sk_http_answer answer;
	struct sk_str path = SK_STR_INIT;
	struct sk_value *v = NULL;

	sk_url_task(&path, id, rest);
	*code = sk_door_call(d, "GET", path.p, NULL, &answer);
	if (*code == 0) {
		v = sk_answer_parse(command, &answer.body, a);
		*code = v != NULL ? 0 : SK_EXIT_SKALDS;
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	return v;
}

static int64_t
time_left(int64_t end_ms)
{
	int64_t left = end_ms - sk_boot_ms();

	if (end_ms == 0 || left > WAIT_MS)
		return WAIT_MS;
	return left > 0 ? left : 0;
}

/* Wait until it is final and give it; NULL with *code 0 when the time is over. The first look is
 * without waiting: then it is known whether anybody is there to wait for. */
static struct sk_value *
await(struct sk_door *d, const struct sk_wait *w, const char *id, struct sk_arena *a, int *code)
{
	int64_t wait = 0;

	for (bool first = true;; first = false) {
		struct sk_arena *one = sk_arena_new();
		char rest[40];
		struct sk_value *task;
		bool final;

		snprintf(rest, sizeof(rest), "/wait?ms=%" PRId64, wait);
		task = sk_task_fetch(d, w->command, id, rest, one, code);
		final = task != NULL && sk_task_final(task);
		sk_arena_free(one);
		if (final)
			return sk_task_fetch(d, w->command, id, "", a, code);
		if (task == NULL || time_left(w->end_ms) == 0)
			return NULL;
		if (first && sk_door_inside(d) && !w->quiet)
			sk_complain(w->command, "nothing is running; waiting for `skalds up`");
		sk_door_pause(d);
		wait = sk_door_patience(d, time_left(w->end_ms));
	}
}

/* ---- several ---- */

int
sk_worse(int a, int b)
{
	static const int order[] = { SK_EXIT_OK, SK_EXIT_FAILED, SK_EXIT_NOT_FOUND, SK_EXIT_USAGE };
	size_t n = sizeof(order) / sizeof(order[0]), ia = n, ib = n;

	for (size_t i = 0; i < n; i++) {
		ia = order[i] == a ? i : ia;
		ib = order[i] == b ? i : ib;
	}
	if (ia == n && ib == n)
		return a > b ? a : b;
	return ia >= ib ? a : b;
}

/* Nothing but what a signal handler may do: the tasks are not ours to stop. */
static void
interrupted(int signal)
{
	static const char text[] = "\nskalds: not waiting any more; the tasks go on\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)n;
	_exit(128 + signal);
}

static void
say_ending(const struct sk_wait *w, const struct sk_value *task)
{
	struct sk_str s = SK_STR_INIT;

	sk_task_ending(sk_member(task, "exit"), &s);
	sk_complain(w->command, "%s: %s%s%s", sk_member_text(task, "id"), sk_task_state(task),
		s.len > 0 ? ": " : "", sk_str_text(&s));
	sk_str_release(&s);
}

static int
wait_one(struct sk_door *d, const struct sk_wait *w, const char *id, struct sk_str *json)
{
	struct sk_arena *a = sk_arena_new();
	int code = 0;
	struct sk_value *task = await(d, w, id, a, &code);

	if (task != NULL) {
		code = sk_task_code(task);
		if (json != NULL) {
			sk_json_next(json);
			sk_value_json(json, task);
		}
		if (code != 0)
			say_ending(w, task);
	} else if (code == 0) {
		sk_complain(w->command, "%s has not ended in time", id);
		code = SK_EXIT_TIMEOUT;
	}
	sk_arena_free(a);
	return code;
}

int
sk_task_wait_all(struct sk_door *d, const struct sk_wait *w, const char *const *ids, size_t n)
{
	struct sigaction act = { .sa_handler = interrupted }, before;
	struct sk_str json = SK_STR_INIT;
	int first = 0;

	sk_door_follow(d);
	fflush(stdout);
	sigemptyset(&act.sa_mask);
	sigaction(SIGINT, &act, &before);
	if (w->json && n > 1)
		sk_str_adds(&json, "{\"items\":[");
	for (size_t i = 0; i < n; i++) {
		int code = wait_one(d, w, ids[i], w->json ? &json : NULL);

		first = first != 0 ? first : code;
	}
	if (w->json && n > 1)
		sk_str_adds(&json, "],\"next\":null}");
	if (json.len > 0) {
		sk_str_addc(&json, '\n');
		sk_out(&json);
	}
	sk_str_release(&json);
	sigaction(SIGINT, &before, NULL);
	return first;
}

/* ---- the command ---- */

static int
wait_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config door = { .command = COMMAND };
	struct sk_wait w = { .command = COMMAND, .json = args->json, .quiet = args->quiet };
	const char *timeout = sk_arg(args, "timeout");
	struct sk_door *d;
	double seconds;
	int code = sk_task_ids(args, COMMAND, args->n_pos);

	if (code != 0)
		return code;
	if (timeout != NULL && !sk_seconds_parse(timeout, &seconds))
		return sk_usage_error(
			COMMAND, "--timeout: expected a duration such as 90s or 2h, got \"%.64s\"", timeout);
	if (timeout != NULL)
		w.end_ms = sk_boot_ms() + (int64_t)(seconds * 1000);
	d = sk_door_open(settings, &door);
	code = sk_task_wait_all(d, &w, args->pos, (size_t)args->n_pos);
	sk_door_close(d);
	return code;
}

static const struct sk_opt options[] = {
	{ .name = "timeout",
		.letter = 't',
		.value = "TIME",
		.doc = "give up after this long, with 124: 90s, 5m, 2h" },
	{ .name = NULL },
};

const struct sk_cmd sk_task_wait = {
	.name = "wait",
	.summary = "Wait until tasks have ended and exit with their code",
	.usage = "ID...",
	.help =
		"The exit code is the task's own: a program's code as it is, 128+n when a signal ended "
		"it, 126 or\n127 when it could not be started, 124 when it timed out, 125 when it was "
		"cancelled or skalds\nfailed; a worker class: 0, 1 for an error, 75 for \"try again\". "
		"Of several tasks (and of an\narray) all are waited for and the first code that is not 0 "
		"counts. Ctrl-C ends the waiting,\nnot the tasks.\n"
		"\n"
		"Example:\n"
		"  skalds task wait \"$(skalds task add -- make test)\" && echo good",
	.options = options,
	.min_args = 1,
	.max_args = -1,
	.run = wait_run,
};
