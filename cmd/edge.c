/* edge.c - `skalds edge`: run the tasks of a YAML file on this machine. */
#include "cmd/agent.h"
#include "cmd/record.h"
#include "cmd/view.h"
#include "workers/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct edge {
	struct sk_agent_file file;
	struct sk_view view;
	struct sk_link_config link;
	struct sk_recorder_config record;
	struct sk_recorder *recorder; /* of the link's process */
	bool recorded; /* that there are these tasks */
};

static int
edge_load(void *arg, struct sk_arena **arena, struct sk_task_list *list)
{
	const struct edge *e = arg;

	return sk_agent_load(&e->file, arena, list);
}

static void
edge_event(void *arg, struct sk_link *link, const struct sk_plan_task *t, const char *name)
{
	struct edge *e = arg;
	struct sk_plan_task *const *tasks;
	size_t n;

	sk_view_event(&e->view, link, t, name);
	tasks = sk_plan_tasks(sk_link_plan(link), &n);
	for (size_t i = 0; !e->recorded && i < n; i++)
		sk_recorder_event(e->recorder, tasks[i]->spec.id, tasks[i], "");
	e->recorded = true;
	sk_recorder_event(e->recorder, t->spec.id, t, name);
}

static void
edge_draw(void *arg, struct sk_link *link, bool last)
{
	const struct edge *e = arg;

	sk_view_draw(&e->view, link, last);
}

/* Told to stop: that went well. --once: did all of them finish? */
static int
edge_exit_code(void *arg, const struct sk_plan *plan, int signal)
{
	struct edge *e = arg;

	sk_recorder_close(e->recorder, SK_RECORD_LAST_MS);
	e->recorder = NULL;
	if (e->link.once && !(signal != 0 && sk_plan_count(plan, SK_P_FAILED) == 0))
		return sk_plan_all_finished(plan) ? SK_EXIT_OK : SK_EXIT_FAILED;
	return SK_EXIT_OK;
}

static int
edge_link(int channel, void *arg)
{
	struct edge *e = arg;

	e->recorder = sk_recorder_open(&e->record);
	return sk_link_run(channel, &e->link);
}

static bool
wants_table(const struct sk_args *args)
{
	const char *term = getenv("TERM");

	return !args->json && !args->quiet && !sk_arg_set(args, "plain") &&
		isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1 && term != NULL &&
		term[0] != '\0' && strcmp(term, "dumb") != 0;
}

/* A number flag that is not the override of a setting. */
static bool
number_flag(const struct sk_args *args, const char *name, double min, double max, double *out)
{
	const char *text = sk_arg(args, name);
	char *end;

	*out = 0;
	if (text == NULL)
		return true;
	*out = strtod(text, &end);
	if (text[0] != '\0' && *end == '\0' && *out >= min && *out <= max)
		return true;
	fprintf(stderr, "skalds edge: --%s: expected a number from %g to %g, got \"%s\"\n", name, min,
		max, text);
	return false;
}

static bool
set_limits(const struct sk_args *args, struct sk_plan_limits *limits, int64_t *lease_ms)
{
	double slots, cpus, memory, lease;

	if (!number_flag(args, "slots", 1, 100000, &slots) ||
		!number_flag(args, "cpus", 0.001, 100000, &cpus) ||
		!number_flag(args, "memory", 1, 1e9, &memory) ||
		!number_flag(args, "lease", 1, 1e6, &lease))
		return false;
	*lease_ms = (int64_t)(lease * 1000);
	if (cpus <= 0)
		cpus = (double)sysconf(_SC_NPROCESSORS_ONLN);
	if (memory <= 0)
		memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1048576;
	*limits = (struct sk_plan_limits){ (uint32_t)slots, cpus, (int64_t)memory };
	return true;
}

static int
edge_run(const struct sk_args *args, struct sk_settings *settings)
{
	const char *path = sk_setting(settings, "YAML_FILE");
	struct edge e = { .link = { .watch = NULL } };
	struct sk_supervisor_config sup = { .mode = "edge",
		.link = edge_link,
		.link_arg = &e,
		.workers = sk_workers,
		.cgroups = !sk_arg_set(args, "no-cgroup") };
	bool table = wants_table(args);
	int code;

	if (path[0] == '\0') {
		fputs("skalds edge: no file given; use -f FILE or set YAML_FILE\n", stderr);
		return SK_EXIT_USAGE;
	}
	if (!set_limits(args, &e.link.limits, &e.link.lease_ms) ||
		sk_agent_file_open(&e.file, path, sk_arg_set(args, "lenient")) != 0)
		return SK_EXIT_USAGE;
	e.view = (struct sk_view){ .component = "edge",
		.color = sk_log_settings()->color,
		.mode = args->json ? SK_VIEW_JSON
			: table		   ? SK_VIEW_TABLE
						   : SK_VIEW_LINES };
	e.link.component = "edge";
	e.link.arg = &e;
	e.link.load = edge_load;
	e.link.describe = sk_agent_describe;
	e.link.event = edge_event;
	e.link.draw = table ? edge_draw : NULL;
	e.link.once = sk_arg_set(args, "once");
	e.link.watch = sk_arg_set(args, "watch") && !e.file.held ? path : NULL;
	e.link.exit_code = edge_exit_code;
	sup.lines = table;
	sk_agent_sink(settings,
		args->json	? SK_CONSOLE_EVENTS
			: table ? SK_CONSOLE_TABLE
					: SK_CONSOLE_TAGGED,
		&sup.sink);
	sk_recorder_prepare(&e.record, settings, SK_MODE_EDGE, e.link.limits.slots);
	code = sk_agent_supervise(&sup);
	sk_recorder_config_release(&e.record);
	sk_agent_file_close(&e.file);
	return code;
}

static const struct sk_opt options[] = {
	{ .name = "file",
		.letter = 'f',
		.value = "FILE",
		.setting = "YAML_FILE",
		.doc = "the YAML file of tasks; - is standard input" },
	{ .name = "once", .doc = "exit when all tasks have ended: 0 when all finished, else 1" },
	{ .name = "watch", .doc = "re-read the file when it changes (SIGHUP does it at any time)" },
	{ .name = "slots", .value = "N", .doc = "run at most N tasks at once" },
	{ .name = "cpus",
		.value = "N",
		.doc = "cpus for tasks that ask for some (default: all of this machine)" },
	{ .name = "memory",
		.value = "MB",
		.doc = "memory for tasks that ask for some (default: all of this machine)" },
	{ .name = "lease",
		.value = "SECONDS",
		.doc = "end everything when the supervisor hangs for longer (default: never)" },
	{ .name = "lenient", .doc = "unknown attachments are warnings" },
	{ .name = "no-cgroup", .doc = "do not use control groups" },
	{ .name = "plain", .doc = "log lines instead of the table, also on a terminal" },
	{ .name = NULL },
};

static const char help[] =
	"All tasks start at once; dependencies, --slots and resources hold them back. A task that has\n"
	"ended stays ended unless it says restart: always or on-failure, or retry. SIGHUP reads the\n"
	"file again: new tasks start, removed ones stop, changed attachments go to the update hook\n"
	"of their class or restart the task; a broken file changes nothing.\n"
	"\n"
	"The first SIGTERM or SIGINT stops all tasks (graceSeconds each), the second kills them.\n"
	"No service is needed.\n"
	"\n"
	"Examples:\n"
	"  skalds edge -f all_workers.yml\n"
	"  skalds edge -f jobs.yml --once --slots 2 --json";

const struct sk_cmd sk_cmd_edge = {
	.name = "edge",
	.summary = "Run the tasks of a YAML file on this machine",
	.usage = "-f FILE",
	.help = help,
	.options = options,
	.run = edge_run,
};
