/* task_add.c - `skalds task add`: one task by flags; task_bulk.c has the many of a file. */
#include "cmd/task_add.h"
#include "core/base/clock.h"
#include "core/control/submit.h"
#include "workers/registry.h"
#include <stdlib.h>
#include <string.h>

#define COMMAND SK_ADD_COMMAND

/* Flags that also mean something for a file of tasks. */
static const char *const file_flags[] = { "file", "skip-invalid", "idempotency-key", "dry-run",
	"wait", NULL };

static void
say_problems(const struct sk_problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		sk_complain(COMMAND, "%s%s%s", p->list[i].path, *p->list[i].path != '\0' ? ": " : "",
			p->list[i].text);
	if (p->n_errors > p->n)
		sk_complain(COMMAND, "and %zu more", p->n_errors - p->n);
}

/* ---- ids of our own making, so that sending twice makes one task ---- */

static uint64_t
mix(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211u;
	h ^= h >> 30;
	h *= 0xbf58476d1ce4e5b9u;
	h ^= h >> 27;
	h *= 0x94d049bb133111ebu;
	return h ^ h >> 31;
}

void
sk_add_derived_id(const char *key, uint64_t n, char out[SK_ADD_ID_LEN])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t h[2];

	for (int half = 0; half < 2; half++) {
		h[half] =
			mix(14695981039346656037u + (uint64_t)half * 0x9e3779b97f4a7c15u, key, strlen(key) + 1);
		h[half] = mix(h[half], &n, sizeof(n));
	}
	for (int i = SK_ADD_ID_LEN - 2; i >= 0; i--) {
		out[i] = digits[h[1] & 31];
		h[1] = h[1] >> 5 | h[0] << 59;
		h[0] >>= 5;
	}
	out[SK_ADD_ID_LEN - 1] = '\0';
}

static void
give_id(const struct sk_args *args, struct sk_value *task, struct sk_arena *a)
{
	const char *key = sk_arg(args, "idempotency-key");
	struct sk_ulid state = { .last_ms = 0 };
	char id[SK_ULID_LEN];

	if (sk_map_get(task, "id") != NULL)
		return;
	if (key != NULL)
		sk_add_derived_id(key, 0, id);
	else
		sk_ulid_make(&state, sk_wall_ms(), id);
	sk_map_set(a, task, "id", sk_value_string(a, id, strlen(id)));
}

/* ---- one task ---- */

/* What the door would refuse is refused here, before anybody is asked. */
static bool
is_right(const struct sk_value *task, struct sk_arena *a, struct sk_problems *p)
{
	const struct sk_submit_context ctx = { .workers = sk_workers, .now_ms = sk_wall_ms() };
	struct sk_record record;

	return sk_submit_record(&ctx, task, a, &record, p);
}

static int
send(struct sk_door *d, const struct sk_args *args, const struct sk_value *task, struct sk_arena *a,
	const char **id)
{
	struct sk_http_answer answer;
	struct sk_str body = SK_STR_INIT;
	const struct sk_value *v;
	struct sk_value *const *items;
	size_t n;
	int code;

	sk_value_json(&body, task);
	code = sk_door_call(d, "POST", "/v1/tasks", body.p, &answer);
	sk_str_release(&body);
	if (code != 0)
		return code;
	v = sk_answer_parse(COMMAND, &answer.body, a);
	sk_door_release(&answer);
	items = sk_member_list(v, "items", &n);
	if (n == 0)
		return SK_EXIT_SKALDS;
	*id = sk_member_text(items[0], "id");
	if (!sk_member_bool(items[0], "created") && !sk_door_resent(d) && !args->quiet)
		sk_complain(COMMAND, "%s was there already", *id);
	return 0;
}

static void
print_added(const struct sk_args *args, const char *id)
{
	struct sk_str out = SK_STR_INIT;

	if (args->json) {
		sk_str_addc(&out, '{');
		sk_json_kstr(&out, "id", id);
		sk_str_adds(&out, "}\n");
	} else
		sk_str_addf(&out, "%s\n", id);
	sk_out(&out);
	sk_str_release(&out);
}

static int
add_task(
	struct sk_door *d, const struct sk_args *args, const struct sk_value *task, struct sk_arena *a)
{
	struct sk_wait wait = { .command = COMMAND, .json = args->json, .quiet = args->quiet };
	const char *id = "";
	int code = send(d, args, task, a, &id);

	if (code != 0)
		return code;
	if (!(args->json && sk_arg_set(args, "wait")))
		print_added(args, id);
	if (sk_door_inside(d) && !args->quiet && !sk_arg_set(args, "wait"))
		sk_complain(COMMAND, "the task is stored, but nothing is running: start `skalds up`");
	return sk_arg_set(args, "wait") ? sk_task_wait_all(d, &wait, &id, 1) : 0;
}

static int
add_one(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config cfg = { .command = COMMAND, .create = true };
	struct sk_door *d = sk_door_open(settings, &cfg);
	struct sk_arena *a = sk_arena_new();
	struct sk_problems problems;
	struct sk_value *task;
	int code = SK_EXIT_USAGE;

	sk_problems_init(&problems, a, "");
	task = sk_add_build(args, !sk_door_remote(d), a, &problems);
	if (task == NULL || !is_right(task, a, &problems))
		say_problems(&problems);
	else if (sk_arg_set(args, "dry-run"))
		code = SK_EXIT_OK;
	else {
		give_id(args, task, a);
		code = add_task(d, args, task, a);
	}
	sk_arena_free(a);
	sk_door_close(d);
	return code;
}

/* ---- the command ---- */

static bool
goes_with_file(const char *name)
{
	for (const struct sk_opt *o = sk_global_options; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return true;
	for (size_t i = 0; file_flags[i] != NULL; i++)
		if (strcmp(file_flags[i], name) == 0)
			return true;
	return false;
}

static int
check_file_flags(const struct sk_args *args)
{
	if (args->n_pos > 0 || args->command != NULL)
		return sk_usage_error(COMMAND, "--file and a task of the command line exclude each other");
	for (size_t i = 0; i < args->n_given; i++)
		if (!goes_with_file(args->given[i].opt->name))
			return sk_usage_error(COMMAND, "--%s does not go with --file: say it in its lines",
				args->given[i].opt->name);
	return 0;
}

static int
check_flags(const struct sk_args *args)
{
	const char *key = sk_arg(args, "idempotency-key");

	if (key != NULL && *key == '\0')
		return sk_usage_error(COMMAND, "--idempotency-key: the key is empty");
	if (sk_arg_set(args, "file"))
		return check_file_flags(args);
	if (sk_arg_set(args, "skip-invalid"))
		return sk_usage_error(COMMAND, "--skip-invalid needs --file");
	if (args->command != NULL && args->n_pos > 0)
		return sk_usage_error(COMMAND, "a class and a command behind -- exclude each other");
	if (args->command != NULL && args->n_command == 0)
		return sk_usage_error(COMMAND, "a command is missing behind --");
	if (args->command != NULL && sk_arg_set(args, "attachments"))
		return sk_usage_error(COMMAND, "--attachments and a command exclude each other");
	if (args->command == NULL && args->n_pos == 0)
		return sk_usage_error(
			COMMAND, "what shall run? Give CLASS [KEY=VALUE...], -- COMMAND, or --file FILE");
	if (key != NULL && sk_arg_set(args, "id"))
		return sk_usage_error(COMMAND, "--id and --idempotency-key exclude each other");
	return 0;
}

static int
add_run(const struct sk_args *args, struct sk_settings *settings)
{
	int code = check_flags(args);

	if (code != 0)
		return code;
	return sk_arg_set(args, "file") ? sk_add_bulk(args, settings) : add_one(args, settings);
}

static const char *const disconnects[] = { "stop", "continue", NULL };

static const struct sk_opt options[] = {
	{ .name = "attachments",
		.value = "JSON",
		.doc = "parameters of the class: JSON, @FILE, or - for stdin; KEY=VALUE goes before them" },
	{ .name = "file",
		.letter = 'f',
		.value = "FILE",
		.doc = "many tasks, one JSON object a line; - for stdin" },
	{ .name = "skip-invalid", .doc = "with --file: store the lines that are right" },
	{ .name = "id", .value = "ID", .doc = "an id of your own; added twice it is one task" },
	{ .name = "idempotency-key",
		.value = "KEY",
		.doc = "make the ids from this, so that the same command twice adds once" },
	{ .name = "name", .value = "TEXT", .doc = "a name for people" },
	{ .name = "description", .value = "TEXT", .doc = "more for people" },
	{ .name = "priority", .value = "N", .doc = "0 (default) to 10; higher ones start first" },
	{ .name = "after",
		.value = "ID[,ID]",
		.doc = "start when these have finished; cancelled when one did not" },
	{ .name = "after-any", .value = "ID[,ID]", .doc = "start when these have ended, however" },
	{ .name = "delay", .value = "TIME", .doc = "start in 5m, 2h, 3d at the earliest" },
	{ .name = "deadline",
		.value = "WHEN",
		.doc = "not started and not running after this: 18:00, 2026-08-22T18:00, +90m" },
	{ .name = "label", .letter = 'l', .value = "KEY=VALUE", .doc = "may be repeated" },
	{ .name = "array",
		.value = "RANGES",
		.doc = "one task for each index: 1-100, 0-9,20; it is in SKALDS_TASK_INDEX" },
	{ .name = "unique", .value = "KEY", .doc = "refused while a task with this key has not ended" },
	{ .name = "timeout", .value = "TIME", .doc = "end an attempt after this: 90s, 2h" },
	{ .name = "grace", .value = "TIME", .doc = "from the polite signal to SIGKILL (10s)" },
	{ .name = "retries", .value = "N", .doc = "so many more tries after a failure (2)" },
	{ .name = "backoff", .value = "TIME", .doc = "pause before the first retry; it doubles" },
	{ .name = "max-backoff", .value = "TIME", .doc = "the longest pause before a retry" },
	{ .name = "env", .letter = 'e', .value = "NAME=VALUE", .doc = "a variable; may be repeated" },
	{ .name = "pass-env", .value = "NAME", .doc = "a variable as it is here; may be repeated" },
	{ .name = "cwd", .value = "DIR", .doc = "where it starts; with -- COMMAND: here" },
	{ .name = "user", .value = "USER", .doc = "as whom it runs, where skalds is root" },
	{ .name = "resources",
		.value = "NAME=N[,...]",
		.doc = "what it needs: cpus=2,memoryMb=512,gpus=1" },
	{ .name = "require",
		.value = "KEY=VALUE",
		.doc = "only on a skald with this label; may be repeated" },
	{ .name = "on-disconnect",
		.value = "WHAT",
		.choices = disconnects,
		.doc = "when its skald loses the store: stop (default) or continue" },
	{ .name = "wait", .letter = 'w', .doc = "wait for its end and exit with its code" },
	{ .name = "dry-run",
		.letter = 'n',
		.doc = "check the task or the file, ask nobody, store nothing" },
	{ .name = NULL },
};

static const char help[] =
	"Prints the id of the task, alone, once it is stored for good. CLASS is a worker class "
	"(`skalds worker\nlist`), KEY=VALUE its attachments, typed by the class: numbers, true/false, "
	"lists as a,b,c or JSON,\nmembers as a.b=VALUE. Behind -- stands any program: it is run by the "
	"class Exec, without a shell,\nin the directory you are in.\n"
	"\n"
	"--file adds many: every line is checked first, and when one is wrong all mistakes are listed "
	"by\nline and nothing is stored (--skip-invalid: the others are). A line has the members of "
	"the "
	"API:\nclassName, attachments, id, priority, dependencies, labels, timeoutSeconds …\n"
	"\n"
	"Examples:\n"
	"  skalds task add Sleep seconds=2\n"
	"  skalds task add MyWorker rtspUrl=rtsp://cam/1 fixFrame=30 --priority 5 --label site=a\n"
	"  skalds task add --timeout 10m --retries 3 -- rsync -a src/ backup:/dst\n"
	"  skalds task add --wait --env N=3 -- sh -c 'exit $N'\n"
	"  skalds task add --array 1-100 --after ID -- sh -c './frame.sh $SKALDS_TASK_INDEX'\n"
	"  skalds task add --file tasks.jsonl --idempotency-key nightly-2026-08-22";

const struct sk_cmd sk_task_add = {
	.name = "add",
	.summary = "Add a task, or many from a file",
	.usage = "CLASS [KEY=VALUE...] | -- COMMAND [ARG...] | --file FILE",
	.help = help,
	.options = options,
	.max_args = -1,
	.takes_command = true,
	.run = add_run,
};
