/* edge.c - `skalds edge`: run the tasks of a YAML file on this machine. */
#include "cmd/agent.h"
#include "cmd/liaison.h"
#include "cmd/record.h"
#include "cmd/view.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/worker.h"
#include "workers/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOLD_MS 2000 /* so long the first tasks wait for what the store has of them */

/* What the store has of a task in place of its file. */
struct stored {
	struct stored *next;
	struct sk_liaison_news *news;
};

struct edge {
	struct sk_agent_file file;
	struct sk_view view;
	struct sk_link_config link;
	struct sk_recorder_config record;
	struct sk_recorder *recorder; /* of the link's process */
	bool recorded; /* that there are these tasks */
	struct sk_liaison_config services;
	struct sk_liaison *liaison; /* of the link's process */
	struct stored *stored;
};

/* ---- what the store has ---- */

static const struct sk_liaison_news *
find_stored(const struct edge *e, const struct sk_task_spec *spec)
{
	char hash[SK_ACTIVE_HASH_LEN] = "";

	for (const struct stored *s = e->stored; s != NULL; s = s->next) {
		if (strcmp(s->news->id, spec->id) != 0)
			continue;
		sk_active_hash(spec->class_name, spec->attachments, hash);
		return strcmp(s->news->hash, hash) == 0 ? s->news : NULL;
	}
	return NULL;
}

static void
keep(struct edge *e, struct sk_liaison_news *news)
{
	struct stored *s = e->stored;

	while (s != NULL && strcmp(s->news->id, news->id) != 0)
		s = s->next;
	if (s == NULL) {
		s = sk_xcalloc(1, sizeof(*s));
		s->next = e->stored;
		e->stored = s;
	} else
		sk_arena_free(s->news->arena);
	s->news = news;
}

static void
edge_amend(void *arg, struct sk_arena *arena, struct sk_task_list *list)
{
	const struct edge *e = arg;

	for (size_t i = 0; e->stored != NULL && i < list->n; i++) {
		const struct sk_liaison_news *news = find_stored(e, &list->items[i]);

		if (news != NULL)
			list->items[i].attachments = sk_value_copy(arena, news->attachments);
	}
}

static const struct sk_plan_task *
find_task(const struct sk_link *link, const char *id)
{
	size_t n;
	struct sk_plan_task *const *tasks = sk_plan_tasks(sk_link_plan(link), &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(tasks[i]->spec.id, id) == 0 && !tasks[i]->removed)
			return tasks[i];
	return NULL;
}

static void
use_stored(struct sk_link *link, const struct sk_liaison_news *news)
{
	bool changed = sk_link_update(link, news->id, news->attachments);
	const struct sk_plan_task *t = find_task(link, news->id);
	bool later = changed && t != NULL && t->spec.worker->update == NULL &&
		(t->state == SK_P_STARTING || t->state == SK_P_RUNNING || t->state == SK_P_STOPPING);

	if (changed || t == NULL) /* NULL: it waits for this */
		sk_log_task(SK_INFO, "edge", news->id, t != NULL ? t->attempt : 0,
			"the attachments of the store are used%s", later ? ", from the next attempt on" : "");
}

static void
edge_heard(void *arg, struct sk_link *link)
{
	struct edge *e = arg;
	struct sk_liaison_news *news;

	while ((news = sk_liaison_next(e->liaison)) != NULL) {
		if (news->id == NULL) {
			sk_link_release(link);
			sk_arena_free(news->arena);
			continue;
		}
		keep(e, news);
		use_stored(link, news);
	}
}

/* ---- callbacks of the link ---- */

static int
edge_load(void *arg, struct sk_arena **arena, struct sk_task_list *list)
{
	const struct edge *e = arg;
	int code = sk_agent_load(&e->file, arena, list);

	if (code == 0)
		sk_liaison_tasks(e->liaison, list);
	return code;
}

static void
edge_taken(void *arg, struct sk_link *link)
{
	const struct edge *e = arg;
	size_t n;
	struct sk_plan_task *const *tasks = sk_plan_tasks(sk_link_plan(link), &n);

	for (size_t i = 0; i < n; i++)
		sk_liaison_say(e->liaison, tasks[i]->spec.id, tasks[i], "");
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
	sk_liaison_say(e->liaison, t->spec.id, t, name);
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

	int64_t until = sk_boot_ms() + SK_LIAISON_LAST_MS, left;

	sk_liaison_close(e->liaison, SK_LIAISON_LAST_MS);
	left = until - sk_boot_ms();
	sk_recorder_close(e->recorder, left > 0 ? left : 0);
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
	e->liaison = sk_liaison_open(&e->services);
	if (e->liaison != NULL) {
		e->link.fd = sk_liaison_fd(e->liaison);
		e->link.heard = edge_heard;
		e->link.amend = edge_amend;
		e->link.taken = edge_taken;
		e->link.hold_ms = sk_liaison_stores(&e->services) ? HOLD_MS : 0;
	}
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
	sk_liaison_prepare(&e.services, settings, &e.record);
	if (sk_liaison_stores(&e.services)) /* one store is told, that of the fleet */
		sk_recorder_config_release(&e.record);
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
	"No service is needed. With MONGO_HOST each task has a document there, and attachments that "
	"were\n"
	"changed in it since the file was last changed are used; the file is never written. With\n"
	"REDIS_HOST controllers see the edge and its tasks, with KAFKA_HOST too updates arrive at "
	"once.\n"
	"A service that is away changes nothing; only for MongoDB the start waits, 2 seconds at most.\n"
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
