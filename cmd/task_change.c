/* task_change.c - `skalds task cancel|pause|resume|retry|delete`: the tasks named, or all that a
 * filter finds. */
#include "cmd/task.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define COUNT_LIMIT 1000
#define ALL_MS 600000 /* a million tasks take a while */

struct change {
	const char *command; /* "task cancel" */
	const char *route; /* "cancel" */
	const char *states; /* that --all means when no state is given */
	const char *done; /* "cancelled" */
	bool quiet, json;
	bool force;
	struct sk_door *door;
	struct sk_str items; /* of --json */
	size_t n_done, n_failed;
};

/* ---- tasks by their ids ---- */

static void
add_item(struct change *c, const char *id, const char *problem)
{
	if (!c->json)
		return;
	sk_json_next(&c->items);
	sk_str_addc(&c->items, '{');
	sk_json_kstr(&c->items, "id", id);
	sk_json_kbool(&c->items, "ok", problem == NULL);
	sk_json_kstr(&c->items, "error", problem);
	sk_str_addc(&c->items, '}');
}

/* The call was cut and repeated: the first one may have done what the second was refused for. */
static bool
done_before(struct change *c, const struct sk_http_answer *answer, const char *id)
{
	struct sk_arena *a;
	struct sk_value *task;
	const char *state;
	bool done;
	int code;

	if (!sk_door_resent(c->door))
		return false;
	if (strcmp(c->route, "delete") == 0)
		return answer->status == 404;
	if (answer->status != 409)
		return false;
	a = sk_arena_new();
	task = sk_task_fetch(c->door, c->command, id, "", a, &code);
	state = task != NULL ? sk_task_state(task) : "";
	done = strcmp(c->route, "retry") == 0 ? task != NULL && !sk_task_final(task)
		: strcmp(c->route, "cancel") == 0 ? strncmp(state, "Cancel", 6) == 0
										  : false; /* pause and resume may be asked for twice */
	sk_arena_free(a);
	return done;
}

static void
change_path(const struct change *c, const char *id, struct sk_str *path)
{
	sk_url_task(path, id, "");
	if (strcmp(c->route, "delete") != 0)
		sk_str_addf(path, "/%s%s", c->route, c->force ? "?force=1" : "");
}

static char *
refusal(const struct sk_http_answer *answer)
{
	struct sk_arena *a = sk_arena_new();
	const struct sk_value *v = sk_answer_parse(NULL, &answer->body, a);
	const char *message = sk_member_text(v, "error.message");
	char *copy =
		*message != '\0' ? sk_xstrdup(message) : sk_xasprintf("HTTP status %d", answer->status);

	sk_arena_free(a);
	return copy;
}

/* The object that the door answers with, for --json of a single task. */
static void
keep_answer(struct change *c, const struct sk_http_answer *answer)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *v = sk_answer_parse(NULL, &answer->body, a);

	if (v != NULL)
		sk_value_json(&c->items, v);
	sk_arena_free(a);
}

static int
change_one(struct change *c, const char *id, bool alone)
{
	struct sk_http_call call = { .method = strcmp(c->route, "delete") == 0 ? "DELETE" : "POST" };
	struct sk_http_answer answer;
	struct sk_str path = SK_STR_INIT;
	int code;

	change_path(c, id, &path);
	call.path = path.p;
	code = sk_door_ask(c->door, &call, &answer);
	sk_str_release(&path);
	if (code != 0)
		return code;
	if (answer.status / 100 == 2 || done_before(c, &answer, id)) {
		c->n_done++;
		if (alone && c->json && answer.status / 100 == 2)
			keep_answer(c, &answer);
		else
			add_item(c, id, NULL);
	} else {
		char *problem = refusal(&answer);

		c->n_failed++;
		code = sk_door_refused(c->door, &answer, NULL, NULL, 0);
		add_item(c, id, problem);
		free(problem);
	}
	sk_door_release(&answer);
	return code;
}

static int
change_ids(struct change *c, const char *const *ids, size_t n)
{
	int code = 0;

	for (size_t i = 0; i < n; i++) {
		int one = change_one(c, ids[i], n == 1);

		code = sk_worse(code, one);
		if (one >= SK_EXIT_UNAVAILABLE) /* nobody is there for the others either */
			break;
	}
	if (c->json && c->items.len > 0 && (n > 1 || c->n_failed > 0))
		fprintf(stdout, "{\"items\":[%s],\"next\":null}\n", c->items.p);
	else if (c->json && c->items.len > 0)
		fprintf(stdout, "%s\n", c->items.p);
	return code;
}

/* ---- all that a filter finds ---- */

/* How many there are, up to COUNT_LIMIT + 1. */
static int
count(struct change *c, const struct sk_task_filter *filter, int64_t *n)
{
	struct sk_http_answer answer;
	struct sk_arena *a = sk_arena_new();
	struct sk_str path = SK_STR_INIT, query = SK_STR_INIT;
	struct sk_value *page;
	size_t items;
	int code;

	sk_task_filter_query(filter, &query);
	sk_str_addf(&path, "/v1/tasks?limit=%d&%s", COUNT_LIMIT, sk_str_text(&query));
	code = sk_door_call(c->door, "GET", path.p, NULL, &answer);
	if (code == 0) {
		page = sk_answer_parse(c->command, &answer.body, a);
		code = page != NULL ? 0 : SK_EXIT_SKALDS;
		sk_member_list(page, "items", &items);
		*n = (int64_t)items + (*sk_member_text(page, "next") != '\0' ? 1 : 0);
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	sk_str_release(&query);
	sk_arena_free(a);
	return code;
}

static bool
says_yes(const struct change *c, int64_t n)
{
	char line[16] = "", shown[SK_COUNT_LEN];

	fprintf(stderr, "%s%s tasks will be %s. Go on? [y/N] ", n > COUNT_LIMIT ? "More than " : "",
		sk_count_text(n > COUNT_LIMIT ? COUNT_LIMIT : n, shown), c->done);
	fflush(stderr);
	if (fgets(line, sizeof(line), stdin) == NULL)
		fputc('\n', stderr);
	return strncasecmp(line, "y\n", 2) == 0 || strncasecmp(line, "yes\n", 4) == 0;
}

/* 0: go on; -1: the answer was no. */
static int
confirm(struct change *c, const struct sk_task_filter *filter, bool yes)
{
	int64_t n = 0;
	int code;

	if (yes)
		return 0;
	if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
		return sk_usage_error(c->command, "--all needs --yes where nobody can be asked");
	code = count(c, filter, &n);
	if (code != 0 || n <= 1 || says_yes(c, n))
		return code;
	sk_complain(c->command, "nothing was changed");
	return -1;
}

static void
say_failures(struct change *c, struct sk_value *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *message = sk_member_text(items[i], "error");

		if (*message == '\0')
			message = sk_member_text(items[i], "error.message");
		if (!sk_member_bool(items[i], "ok"))
			sk_complain(c->command, "%s: %s", sk_member_text(items[i], "id"), message);
	}
}

/* One request does it all, however many there are. */
static int
change_found(struct change *c, const struct sk_str *body)
{
	struct sk_http_call call = {
		.method = "POST", .body = body->p, .len = body->len, .call_ms = ALL_MS
	};
	struct sk_http_answer answer;
	struct sk_arena *a;
	struct sk_str path = SK_STR_INIT;
	struct sk_value *v, *const *items;
	size_t n;
	int code;

	sk_str_addf(&path, "/v1/tasks/%s%s", c->route, c->force ? "?force=1" : "");
	call.path = path.p;
	code = sk_door_ask(c->door, &call, &answer);
	sk_str_release(&path);
	if (code != 0)
		return code;
	a = sk_arena_new();
	if (answer.status / 100 != 2)
		code = sk_door_refused(c->door, &answer, NULL, NULL, 0);
	else if ((v = sk_answer_parse(c->command, &answer.body, a)) == NULL)
		code = SK_EXIT_SKALDS;
	else {
		items = sk_member_list(v, "items", &n);
		say_failures(c, items, n);
		for (size_t i = 0; c->json && i < n; i++) {
			sk_json_next(&c->items);
			sk_value_json(&c->items, items[i]);
		}
		c->n_done += (size_t)sk_member_int(v, "done", 0);
		c->n_failed += (size_t)sk_member_int(v, "failed", 0);
	}
	sk_door_release(&answer);
	sk_arena_free(a);
	return code;
}

static void
say_sum(const struct change *c)
{
	char shown[SK_COUNT_LEN];

	if (c->json)
		fprintf(stdout, "{\"items\":[%s],\"next\":null,\"done\":%zu,\"failed\":%zu}\n",
			sk_str_text(&c->items), c->n_done, c->n_failed);
	else if (!c->quiet)
		fprintf(stderr, "%s task%s %s\n", sk_count_text((int64_t)c->n_done, shown),
			c->n_done == 1 ? "" : "s", c->done);
}

static int
change_all(struct change *c, struct sk_task_filter *filter, bool yes)
{
	struct sk_str body = SK_STR_INIT;
	int code;

	if (filter->states[0] == '\0' && c->states != NULL)
		snprintf(filter->states, sizeof(filter->states), "%s", c->states);
	code = confirm(c, filter, yes);
	if (code != 0)
		return code < 0 ? SK_EXIT_FAILED : code;
	sk_str_adds(&body, "{\"filter\":{");
	sk_task_filter_json(filter, &body);
	sk_str_adds(&body, "}}");
	code = change_found(c, &body);
	if (code == 0)
		say_sum(c);
	sk_str_release(&body);
	return code == 0 && c->n_failed > 0 ? SK_EXIT_FAILED : code;
}

/* ---- the commands ---- */

static int
change_run(const struct sk_args *args, struct sk_settings *settings, struct change *c)
{
	const struct sk_door_config door = { .command = c->command };
	struct sk_task_filter filter;
	bool all = sk_arg_set(args, "all");
	int code = sk_task_filter(args, c->command, &filter);

	if (code == 0)
		code = sk_task_ids(args, c->command, args->n_pos);
	if (code != 0)
		return code;
	if (all && args->n_pos > 0)
		return sk_usage_error(c->command, "ids and --all exclude each other");
	if (!all && args->n_pos == 0)
		return sk_usage_error(c->command,
			filter.any ? "a filter needs --all" : "which task? Give ids, or --all with filters");
	if (!all && filter.any)
		return sk_usage_error(c->command, "ids and filters exclude each other");
	c->quiet = args->quiet;
	c->json = args->json;
	c->force = sk_arg_set(args, "force");
	c->door = sk_door_open(settings, &door);
	code = all ? change_all(c, &filter, sk_arg_set(args, "yes"))
			   : change_ids(c, args->pos, (size_t)args->n_pos);
	sk_door_close(c->door);
	sk_str_release(&c->items);
	return code;
}

static int
cancel_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct change c = { .command = "task cancel",
		.route = "cancel",
		.states = "Created,Assigning,Running,Paused",
		.done = "cancelled" };

	return change_run(args, settings, &c);
}

static int
pause_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct change c = { .command = "task pause",
		.route = "pause",
		.states = "Created,Assigning,Running",
		.done = "paused" };

	return change_run(args, settings, &c);
}

static int
resume_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct change c = { .command = "task resume",
		.route = "resume",
		.states = "Created,Assigning,Running,Paused",
		.done = "resumed" };

	return change_run(args, settings, &c);
}

static int
retry_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct change c = {
		.command = "task retry", .route = "retry", .states = "Failed", .done = "retried"
	};

	return change_run(args, settings, &c);
}

static int
delete_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct change c = { .command = "task delete",
		.route = "delete",
		.states = "Finished,Failed,Cancelled",
		.done = "deleted" };

	return change_run(args, settings, &c);
}

#define ALL_FLAGS \
	{ .name = "all", .letter = 'a', .doc = "all tasks that the filters find" }, \
		{ .name = "yes", .letter = 'y', .doc = "do not ask" }, SK_TASK_FILTERS

static const struct sk_opt options[] = { ALL_FLAGS, { .name = NULL } };
static const struct sk_opt retry_options[] = { { .name = "force",
												   .doc = "also a task that a lost skald may "
														  "still have" },
	ALL_FLAGS, { .name = NULL } };

#define USAGE "ID... | --all [FILTERS]"

const struct sk_cmd sk_task_cancel = {
	.name = "cancel",
	.summary = "Stop tasks, or keep them from starting",
	.usage = USAGE,
	.help = "A running task gets SIGTERM, and SIGKILL when its grace is over; it is Cancelled when "
			"nothing\nof it is left. --all without --state means every task that has not ended. "
			"Of several ids all\nare tried; the exit code is the worst.\n"
			"\n"
			"Examples:\n"
			"  skalds task cancel ID\n"
			"  skalds task cancel --all --state Created --label project=x --yes",
	.options = options,
	.max_args = -1,
	.run = cancel_run,
};

const struct sk_cmd sk_task_pause = {
	.name = "pause",
	.summary = "Freeze running tasks, hold back waiting ones",
	.usage = USAGE,
	.help = "The processes of a running task are stopped where they are and keep their slot.\n"
			"\n"
			"Example:\n"
			"  skalds task pause ID && skalds task resume ID",
	.options = options,
	.max_args = -1,
	.run = pause_run,
};

const struct sk_cmd sk_task_resume = {
	.name = "resume",
	.summary = "Let paused tasks go on",
	.usage = USAGE,
	.help = "Example:\n"
			"  skalds task resume --all --yes",
	.options = options,
	.max_args = -1,
	.run = resume_run,
};

const struct sk_cmd sk_task_retry = {
	.name = "retry",
	.summary = "Run tasks again that have ended",
	.usage = USAGE,
	.help = "With a new attempt and the whole budget of retries, now: what it had to wait for "
			"(--after, --delay)\nholds it back no more. --all without --state means the failed "
			"ones.\n"
			"\n"
			"Examples:\n"
			"  skalds task retry ID\n"
			"  skalds task retry --all --class Exec --newer 1d --yes",
	.options = retry_options,
	.max_args = -1,
	.run = retry_run,
};

const struct sk_cmd sk_task_delete = {
	.name = "delete",
	.summary = "Remove tasks that have ended, with their logs",
	.usage = USAGE,
	.help = "A task that has not ended must be cancelled first.\n"
			"\n"
			"Example:\n"
			"  skalds task delete --all --state Finished --older 7d --yes",
	.options = options,
	.max_args = -1,
	.run = delete_run,
};
