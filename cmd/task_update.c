/* task_update.c - `skalds task update ID key=value…`: new attachments, for a running task too. */
#include "cmd/task.h"
#include "cmd/typed.h"
#include "workers/registry.h"
#include <string.h>

#define COMMAND "task update"

/* The words as {"attachments":{…}} by the table of the task's class. */
static int
build_patch(const struct sk_args *args, const struct sk_value *task, struct sk_arena *a,
	struct sk_str *body)
{
	const struct sk_worker *worker = sk_worker_find(sk_member_text(task, "className"));
	struct sk_value *map = sk_value_new(a, SK_MAP);
	struct sk_problems problems;

	sk_problems_init(&problems, a, "skalds " COMMAND);
	if (!sk_typed_words(worker != NULL ? worker->fields : NULL, map, args->pos + 1,
			(size_t)args->n_pos - 1, a, &problems)) {
		struct sk_str text = SK_STR_INIT;

		sk_problems_text(&problems, &text);
		fputs(sk_str_text(&text), stderr);
		sk_str_release(&text);
		return SK_EXIT_USAGE;
	}
	sk_str_adds(body, "{\"attachments\":");
	sk_value_json(body, map);
	sk_str_addc(body, '}');
	return 0;
}

static int
update_task(struct sk_door *d, const struct sk_args *args)
{
	struct sk_http_answer answer;
	struct sk_arena *a = sk_arena_new();
	struct sk_str path = SK_STR_INIT, body = SK_STR_INIT;
	int code;
	struct sk_value *task = sk_task_fetch(d, COMMAND, args->pos[0], "", a, &code);

	if (task != NULL)
		code = build_patch(args, task, a, &body);
	if (code == 0) {
		sk_url_task(&path, args->pos[0], "");
		code = sk_door_call(d, "PATCH", path.p, body.p, &answer);
	}
	if (code == 0) {
		if (args->json) {
			sk_str_addc(&answer.body, '\n');
			sk_out(&answer.body);
		}
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	sk_str_release(&body);
	sk_arena_free(a);
	return code;
}

static int
update_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config door = { .command = COMMAND };
	struct sk_door *d;
	int code = sk_task_ids(args, COMMAND, 1);

	if (code != 0)
		return code;
	d = sk_door_open(settings, &door);
	code = update_task(d, args);
	sk_door_close(d);
	return code;
}

const struct sk_cmd sk_task_update = {
	.name = "update",
	.summary = "Change attachments of a task, also while it runs",
	.usage = "ID KEY=VALUE...",
	.help = "The values are checked as those of `task add`; the other attachments stay. A class "
			"that takes\nchanges (`skalds worker list`: LIVE-UPDATE) gets them while it runs, "
			"another one with its next\nattempt.\n"
			"\n"
			"Example:\n"
			"  skalds task update ID fixFrame=30",
	.min_args = 2,
	.max_args = -1,
	.run = update_run,
};
