/* run_one.c - `skalds run-one`: one task, its exit code; a container's entry point. */
#include "adapters/json.h"
#include "adapters/yaml.h"
#include "cmd/agent.h"
#include "cmd/liaison.h"
#include "cmd/manifest.h"
#include "cmd/record.h"
#include "cmd/view.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "workers/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_ID "run-one"
#define MAX_WHOLE 9e15 /* beyond it a double holds no fractions */
#define MAX_INPUT ((size_t)1 << 20)

struct run_one {
	const struct sk_args *args;
	struct sk_agent_file file; /* path NULL: the task stands on the command line */
	struct sk_view view;
	struct sk_link_config link;
	struct sk_recorder_config record;
	struct sk_recorder *recorder; /* of the link's process */
	struct sk_liaison_config services;
	struct sk_liaison *liaison; /* of the link's process */
	bool told; /* the liaison knows the task */
	char record_id[SK_ULID_LEN]; /* of a task that has no name of its own; "" = it has */
	struct sk_arena *arena; /* of a task of the command line */
	struct sk_task_list list;
};

/* ---- a task of the command line: the document that a file would hold, checked the same ---- */

static void
set_text(struct sk_arena *a, struct sk_value *map, const char *key, const char *text)
{
	sk_map_set(a, map, key, sk_value_string(a, text, strlen(text)));
}

/* A number flag becomes a number of the document; what is wrong with it is said there. */
static void
set_number(const struct run_one *r, struct sk_value *map, const char *flag, const char *key)
{
	const char *text = sk_arg(r->args, flag);
	struct sk_value *v;
	char *end;

	if (text == NULL)
		return;
	v = sk_value_new(r->arena, SK_FLOAT);
	v->u.f = strtod(text, &end);
	if (text[0] == '\0' || *end != '\0')
		v = sk_value_string(r->arena, text, strlen(text));
	else if (v->u.f >= -MAX_WHOLE && v->u.f <= MAX_WHOLE && v->u.f == (double)(int64_t)v->u.f)
		v = sk_value_int(r->arena, (int64_t)v->u.f);
	sk_map_set(r->arena, map, key, v);
}

static char *
read_input(const char *path, struct sk_arena *a, size_t *n)
{
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	char *buf = sk_arena_alloc(a, MAX_INPUT + 1);
	ssize_t got = 0;

	*n = 0;
	while (fd != -1 && *n < MAX_INPUT && (got = read(fd, buf + *n, MAX_INPUT - *n)) > 0)
		*n += (size_t)got;
	if (fd == -1 || got == -1)
		fprintf(stderr, "skalds run-one: %s: %s\n", path != NULL ? path : "stdin", strerror(errno));
	if (path != NULL && fd != -1)
		close(fd);
	return fd == -1 || got == -1 ? NULL : buf;
}

static struct sk_value *
read_attachments(const char *text, struct sk_arena *a, struct sk_problems *p)
{
	size_t n = strlen(text);
	const char *json = text;

	if (strcmp(text, "-") == 0)
		json = read_input(NULL, a, &n);
	else if (text[0] == '@') {
		p->file = sk_arena_strdup(a, text + 1);
		json = read_input(text + 1, a, &n);
	}
	return json != NULL ? sk_json_parse(json, n, a, p) : NULL;
}

static struct sk_value *
exec_attachments(const struct sk_args *args, struct sk_arena *a)
{
	struct sk_value *att = sk_value_new(a, SK_MAP), *list = sk_value_new(a, SK_LIST);

	for (int i = 0; i < args->n_command; i++)
		sk_list_add(a, list, sk_value_string(a, args->command[i], strlen(args->command[i])));
	sk_map_set(a, att, "command", list);
	return att;
}

static void
print_problems(const struct sk_problems *p)
{
	struct sk_str text = SK_STR_INIT;

	sk_problems_text(p, &text);
	fputs(sk_str_text(&text), stderr);
	sk_str_release(&text);
}

/* The error's exit code, or 0. */
static int
build_task(struct run_one *r)
{
	const struct sk_args *args = r->args;
	const char *class_name = args->command != NULL ? "Exec" : sk_arg(args, "class");
	const char *given = sk_arg(args, "attachments"), *id = sk_arg(args, "id");
	struct sk_arena *a = r->arena = sk_arena_new();
	struct sk_value *doc, *tasks, *task, *att;
	struct sk_problems problems;
	bool ok;

	sk_problems_init(&problems, a, "");
	att = args->command != NULL ? exec_attachments(args, a)
		: given != NULL			? read_attachments(given, a, &problems)
								: sk_value_new(a, SK_MAP);
	if (att == NULL) {
		print_problems(&problems);
		return SK_EXIT_USAGE;
	}
	doc = sk_value_new(a, SK_MAP);
	tasks = sk_value_new(a, SK_MAP);
	task = sk_value_new(a, SK_MAP);
	sk_map_set(a, doc, "TaskWorkers", tasks);
	sk_map_set(a, tasks, id != NULL ? id : DEFAULT_ID, task);
	set_text(a, task, "className", class_name);
	sk_map_set(a, task, "attachments", att);
	set_number(r, task, "timeout", "timeoutSeconds");
	set_number(r, task, "grace", "graceSeconds");
	if (sk_arg_set(args, "memory")) {
		struct sk_value *resources = sk_value_new(a, SK_MAP);

		set_number(r, resources, "memory", "memoryMb");
		sk_map_set(a, task, "resources", resources);
	}
	ok = sk_task_file(doc, sk_workers, sk_arg_set(args, "lenient"), a, &r->list, &problems);
	print_problems(&problems);
	return ok ? 0 : SK_EXIT_USAGE;
}

/* ---- a task of a file ---- */

/* Leave only the wanted task: the named one, or the first as the original does. */
static int
choose_task(const struct run_one *r, struct sk_task_list *list)
{
	const char *wanted = r->args->n_pos > 0 ? r->args->pos[0] : NULL;
	const char **ids;

	for (size_t i = 0; i < list->n; i++) {
		if (wanted != NULL && strcmp(list->items[i].id, wanted) != 0)
			continue;
		list->items[0] = list->items[i];
		list->n = 1;
		list->items[0].dependencies.n = 0; /* the others are somebody else's */
		list->items[0].restart = SK_RESTART_NEVER;
		return 0;
	}
	if (wanted == NULL) {
		fprintf(stderr, "skalds run-one: %s holds no task\n", r->file.path);
		return SK_EXIT_USAGE;
	}
	ids = sk_xcalloc(list->n + 1, sizeof(*ids));
	for (size_t i = 0; i < list->n; i++)
		ids[i] = list->items[i].id;
	fprintf(stderr, "skalds run-one: no task \"%s\" in %s", wanted, r->file.path);
	if (sk_suggest(wanted, ids) != NULL)
		fprintf(stderr, "; did you mean %s?", sk_suggest(wanted, ids));
	fputc('\n', stderr);
	free(ids);
	return SK_EXIT_NOT_FOUND;
}

static int
run_one_load(void *arg, struct sk_arena **arena, struct sk_task_list *list)
{
	struct run_one *r = arg;
	int code;

	if (r->file.path == NULL) { /* parsed before the fork; the plan takes it over */
		*arena = r->arena;
		*list = r->list;
		r->arena = NULL;
		return *arena != NULL ? 0 : SK_EXIT_USAGE;
	}
	code = sk_agent_load(&r->file, arena, list);
	if (code == 0 && (code = choose_task(r, list)) != 0)
		sk_arena_free(*arena);
	fflush(stderr);
	return code;
}

/* ---- callbacks of the link ---- */

static const char *
known_id(const struct run_one *r, const struct sk_plan_task *t)
{
	return r->record_id[0] != '\0' ? r->record_id : t->spec.id;
}

/* Not before something happened: the start waits for no library. */
static void
tell_liaison(struct run_one *r, const struct sk_plan_task *t, const char *event)
{
	struct sk_task_spec known = t->spec;
	const struct sk_task_list list = { .items = &known, .n = 1 };

	if (r->liaison == NULL || t->spec.worker == NULL)
		return;
	known.id = known_id(r, t);
	if (!r->told)
		sk_liaison_tasks(r->liaison, &list);
	r->told = true;
	sk_liaison_say(r->liaison, known.id, t, event);
}

static void
run_one_event(void *arg, struct sk_link *link, const struct sk_plan_task *t, const char *name)
{
	struct run_one *r = arg;

	sk_view_event(&r->view, link, t, name);
	sk_recorder_event(r->recorder, known_id(r, t), t, name);
	tell_liaison(r, t, name);
}

/* A task that went on without a link is told of at once. */
static void
run_one_taken(void *arg, struct sk_link *link)
{
	size_t n;
	struct sk_plan_task *const *tasks = sk_plan_tasks(sk_link_plan(link), &n);

	for (size_t i = 0; i < n; i++)
		if (tasks[i]->inherited && tasks[i]->state == SK_P_RUNNING)
			tell_liaison(arg, tasks[i], "");
}

static void
run_one_heard(void *arg, struct sk_link *link)
{
	struct run_one *r = arg;
	struct sk_liaison_news *news;

	while ((news = sk_liaison_next(r->liaison)) != NULL) {
		if (news->id != NULL &&
			sk_link_update(
				link, r->record_id[0] != '\0' ? DEFAULT_ID : news->id, news->attachments))
			sk_log_task(SK_INFO, "run-one", news->id, 0, "the attachments of the store are used");
		sk_arena_free(news->arena);
	}
}

static int
run_one_exit_code(void *arg, const struct sk_plan *plan, int signal)
{
	struct run_one *r = arg;
	int64_t until = sk_boot_ms() + SK_LIAISON_LAST_MS, left;
	struct sk_plan_task *const *tasks;
	size_t n;

	sk_liaison_close(r->liaison, SK_LIAISON_LAST_MS);
	left = until - sk_boot_ms();
	sk_recorder_close(r->recorder, left > 0 ? left : 0);
	r->recorder = NULL;
	tasks = sk_plan_tasks(plan, &n);
	return n > 0 ? sk_agent_exit_code(tasks[0], signal) : SK_EXIT_SKALDS;
}

static int
run_one_link(int channel, void *arg)
{
	struct run_one *r = arg;

	r->recorder = sk_recorder_open(&r->record);
	r->liaison = sk_liaison_open(&r->services);
	r->link.fd = sk_liaison_fd(r->liaison);
	r->link.heard = r->liaison != NULL ? run_one_heard : NULL;
	r->link.taken = run_one_taken;
	return sk_link_run(channel, &r->link);
}

/* All that run `run-one -- command` would be one task otherwise. */
static void
prepare_record(struct run_one *r, const struct sk_settings *settings)
{
	struct sk_ulid ulid = { .last_ms = 0 };

	sk_recorder_prepare(&r->record, settings, SK_MODE_SINGLE, 1);
	if (r->file.path == NULL && sk_arg(r->args, "id") == NULL)
		sk_ulid_make(&ulid, sk_wall_ms(), r->record_id);
	sk_liaison_prepare(&r->services, settings, &r->record);
}

/* ---- the command ---- */

static int
print_manifest(struct run_one *r)
{
	enum sk_manifest_kind kind = SK_MANIFEST_AUTO;
	struct sk_arena *arena = NULL;
	struct sk_task_list list;
	struct sk_str out = SK_STR_INIT;
	struct sk_err err = { SK_OK, "" };
	const char *text;
	size_t n;
	int code;

	if (!sk_manifest_kind_parse(sk_arg(r->args, "print-manifest"), &kind))
		return sk_usage_error("run-one", "--print-manifest: one of deployment, job, cronjob, auto");
	if (r->file.path == NULL || r->file.held)
		return sk_usage_error("run-one", "--print-manifest needs a file: -f FILE");
	if ((code = run_one_load(r, &arena, &list)) != 0)
		return code;
	text = read_input(r->file.path, arena, &n);
	code = SK_EXIT_SYSTEM;
	if (text != NULL &&
		sk_manifest(kind, &list.items[0], text, sk_arg(r->args, "image"), &out, &err) == SK_OK) {
		sk_out(&out);
		code = SK_EXIT_OK;
	} else if (text != NULL) {
		fprintf(stderr, "skalds run-one: %s\n", err.msg);
		code = SK_EXIT_USAGE;
	}
	sk_str_release(&out);
	sk_arena_free(arena);
	return code;
}

/* What a file says of its task is not said again on the command line. Returns 0 or an exit code. */
static int
refuse_task_flags(const struct sk_args *args)
{
	static const char *const flags[] = { "id", "timeout", "grace", "memory" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (sk_arg_set(args, flags[i]))
			return sk_usage_error("run-one",
				"--%s needs --class or a command behind --: a file's task has it in the file",
				flags[i]);
	return 0;
}

/* One of three: a file, a class, a command. Returns 0 or an exit code. */
static int
choose_source(struct run_one *r, const struct sk_settings *settings)
{
	const struct sk_args *args = r->args;
	bool class_given = sk_arg_set(args, "class"), command = args->command != NULL;
	const char *path;
	int code;

	if (class_given && command)
		return sk_usage_error("run-one", "--class and a command behind -- exclude each other");
	if ((class_given || command) && (sk_arg_set(args, "file") || args->n_pos > 0))
		return sk_usage_error("run-one",
			"a file's task and a task of the command line exclude "
			"each other");
	if (command && args->n_command == 0)
		return sk_usage_error("run-one", "a command is missing behind --");
	if (sk_arg_set(args, "attachments") && !class_given)
		return sk_usage_error("run-one", "--attachments needs --class");
	if (class_given || command)
		return build_task(r);
	path = sk_setting(settings, "YAML_FILE");
	if (path[0] == '\0')
		return sk_usage_error("run-one",
			"what shall run? Give -f FILE (or set YAML_FILE), "
			"--class CLASS, or -- COMMAND");
	if ((code = refuse_task_flags(args)) != 0)
		return code;
	return sk_agent_file_open(&r->file, path, sk_arg_set(args, "lenient"));
}

static int
run_one_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct run_one r = { .args = args };
	struct sk_supervisor_config sup = { .mode = "run-one",
		.link = run_one_link,
		.link_arg = &r,
		.workers = sk_workers,
		.cgroups = !sk_arg_set(args, "no-cgroup"),
		.inherit = !args->json,
		.forward = true };
	int code = choose_source(&r, settings);

	if (code == 0 && sk_arg_set(args, "print-manifest"))
		code = print_manifest(&r);
	else if (code == 0) {
		r.view = (struct sk_view){ .component = "run-one",
			.color = sk_log_settings()->color,
			.mode = args->json ? SK_VIEW_JSON : SK_VIEW_LINES,
			.calm = args->command != NULL };
		r.link = (struct sk_link_config){ .component = "run-one",
			.arg = &r,
			.load = run_one_load,
			.describe = sk_agent_describe,
			.event = run_one_event,
			.once = true,
			.exit_code = run_one_exit_code };
		sk_agent_sink(settings, args->json ? SK_CONSOLE_EVENTS : SK_CONSOLE_RAW, &sup.sink);
		prepare_record(&r, settings);
		code = sk_agent_supervise(&sup);
		sk_recorder_config_release(&r.record);
	}
	sk_arena_free(r.arena);
	sk_agent_file_close(&r.file);
	return code;
}

static const char *const manifest_choices[] = { "auto", "deployment", "job", "cronjob", NULL };

static const struct sk_opt options[] = {
	{ .name = "file",
		.letter = 'f',
		.value = "FILE",
		.setting = "YAML_FILE",
		.doc = "the YAML file; TASK names one of its tasks, else the first is run" },
	{ .name = "class", .value = "CLASS", .doc = "run this worker class instead of a file's task" },
	{ .name = "attachments",
		.value = "JSON",
		.doc = "its parameters: JSON text, @FILE, or - for stdin" },
	{ .name = "id",
		.value = "ID",
		.doc = "the task's id with --class or a command (default run-one)" },
	{ .name = "timeout",
		.value = "SECONDS",
		.doc = "with --class or a command: end it after this time" },
	{ .name = "grace",
		.value = "SECONDS",
		.doc = "with --class or a command: from the polite signal to SIGKILL (default 10)" },
	{ .name = "memory", .value = "MB", .doc = "with --class or a command: its memory limit" },
	{ .name = "lenient", .doc = "unknown attachments are warnings" },
	{ .name = "no-cgroup", .doc = "do not use control groups" },
	{ .name = "print-manifest",
		.value = "KIND",
		.choices = manifest_choices,
		.doc = "print Kubernetes objects for the task; auto: by isPersistent" },
	{ .name = "image", .value = "IMAGE", .doc = "the image for --print-manifest" },
	{ .name = NULL },
};

static const char help[] =
	"Runs one task in the foreground and exits with its code: a program's code as it is, 128+n "
	"when\n"
	"a signal ended it, 126 or 127 when it could not be started, 124 when it timed out, 125 when\n"
	"skalds itself failed; a compiled-in worker: 0, 1 for an error, 75 for \"try again\". Fit to "
	"be\n"
	"PID 1: signals are handed on, orphans reaped. No service is needed or waited for. With "
	"REDIS_HOST\n"
	"signs of life of the task and its end (200, -1, -2) stand there; with KAFKA_HOST and "
	"MONGO_HOST\n"
	"a task.update.attachment gives it the attachments of its document. Nothing is stored.\n"
	"\n"
	"Examples:\n"
	"  skalds run-one -f all_workers.yml TaskWorker1\n"
	"  skalds run-one --class Sleep --attachments '{\"seconds\": 2}'\n"
	"  skalds run-one -- make -C /src test\n"
	"  skalds run-one -f job.yml --print-manifest job --image registry/skalds:1 | kubectl apply -f "
	"-";

const struct sk_cmd sk_cmd_run_one = {
	.name = "run-one",
	.summary = "Run one task and exit with its code",
	.usage = "[-f FILE] [TASK] | --class CLASS [--attachments JSON] | -- COMMAND [ARG...]",
	.help = help,
	.options = options,
	.max_args = 1,
	.takes_command = true,
	.run = run_one_run,
};
