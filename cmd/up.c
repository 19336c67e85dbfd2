/* up.c - `skalds up`: scheduler, store, API and workers of one machine. */
#include "adapters/datadir.h"
#include "cmd/agent.h"
#include "cmd/alerts.h"
#include "cmd/capacity.h"
#include "cmd/flags.h"
#include "cmd/hub.h"
#include "cmd/listen.h"
#include "core/base/clock.h"
#include "workers/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_LEASE_S 10
#define DEFAULT_KEEP_MS ((int64_t)30 * 86400 * 1000)
#define DEFAULT_KEEP_TASKS 1000000
#define DEFAULT_KEEP_OUTPUT_MIB 1024
#define DRAIN_MS 20000 /* what is told to stop has at most this long: 25 s in all */
#define RESERVE ((int64_t)64 << 20)

struct up {
	struct sk_hub_config hub;
	struct sk_listen_config listen;
	struct sk_arena *arena; /* of the labels */
	struct sk_str data;
	int lock_fd;
};

/* ---- flags ---- */

static int
read_flags(struct up *u, const struct sk_args *args, const struct sk_settings *settings)
{
	double lease = DEFAULT_LEASE_S, output = DEFAULT_KEEP_OUTPUT_MIB;
	struct sk_capacity c;
	int code = sk_capacity_read("up", args, u->arena, &c);

	if (code == SK_EXIT_OK)
		code = sk_flag_number("up", args, "lease", 1, 86400, &lease);
	if (code == SK_EXIT_OK)
		code = sk_flag_number("up", args, "keep-output", 0, 1e9, &output);
	if (code == SK_EXIT_OK)
		code = sk_flag_keep("up", args, &u->hub.keep_ms, &u->hub.keep_tasks);
	u->hub.slots = c.slots;
	u->hub.cpus = c.cpus;
	u->hub.memory_mb = c.memory_mb;
	u->hub.gpus = c.gpus;
	u->hub.labels = c.labels;
	u->hub.lease_ms = (int64_t)(lease * 1000);
	u->hub.keep_output = (int64_t)(output * (1 << 20));
	u->hub.group = sk_arg(args, "socket-group");
	u->hub.allow_volatile = sk_arg_set(args, "allow-volatile");
	u->hub.once = sk_arg_set(args, "once");
	u->hub.json = args->json;
	u->hub.hint = !args->json && !args->quiet && isatty(STDERR_FILENO) == 1;
	u->hub.strategy = sk_setting_strategy(settings);
	u->hub.skald_id = sk_setting(settings, "SKALD_ID");
	u->hub.id_invented = sk_setting_origin(settings, "SKALD_ID") == SK_FROM_DEFAULT;
	if (code == SK_EXIT_OK && strlen(u->hub.skald_id) > 63)
		return sk_usage_error("up", "SKALD_ID: at most 63 bytes");
	return code;
}

/* For the group of the power-cut test that must lose. */
static bool
is_relaxed(void)
{
	const char *text = getenv("SKALDS_DURABILITY");

	return text != NULL && strcmp(text, "relaxed") == 0;
}

/* ---- the directory ---- */

static int
complain(const struct sk_err *err, int code)
{
	sk_complain("up", "%s", err->msg);
	return code;
}

static int
code_of(enum sk_code code)
{
	return code == SK_EINVAL || code == SK_ENOENT ? SK_EXIT_USAGE : SK_EXIT_STORAGE;
}

static int
locate_directory(struct up *u, const char *given)
{
	struct sk_err err = { SK_OK, "" };

	if (sk_datadir_locate(given, &u->data, &err) != SK_OK)
		return complain(&err, SK_EXIT_USAGE);
	u->hub.data_dir = u->data.p;
	return SK_EXIT_OK;
}

static int
take_directory(struct up *u)
{
	const struct sk_datadir_config cfg = { .path = u->hub.data_dir,
		.create = true,
		.group = u->hub.group,
		.allow_volatile = u->hub.allow_volatile };
	struct sk_datadir *dir;
	struct sk_err err = { SK_OK, "" };

	dir = sk_datadir_open(&cfg, &err);
	if (dir == NULL)
		return complain(&err, code_of(err.code));
	/* hubs come and go, each with the owner's lock: this one says that there will be another */
	u->lock_fd = sk_datadir_up_lock(dir, &err);
	sk_datadir_close(dir);
	if (u->lock_fd != -1)
		return SK_EXIT_OK;
	return complain(&err, err.code == SK_ECONFLICT ? SK_EXIT_FAILED : SK_EXIT_STORAGE);
}

/* ---- the command ---- */

static int
supervise(struct up *u, const struct sk_args *args, const struct sk_settings *settings)
{
	struct sk_supervisor_config sup = { .mode = "up",
		.link = sk_hub_run,
		.link_arg = &u->hub,
		.workers = sk_workers,
		.clean_env = true,
		.cgroups = !sk_arg_set(args, "no-cgroup"),
		.drain_ms = DRAIN_MS };

	sk_agent_sink(settings, SK_CONSOLE_QUIET, &sup.sink);
	sup.sink.data_dir = u->hub.data_dir;
	sup.sink.total_limit = INT64_MAX; /* ended tasks take theirs with them; the reserve is kept */
	sup.sink.reserve = RESERVE;
	return sk_agent_supervise(&sup);
}

static int
up_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct up u = { .arena = sk_arena_new(),
		.data = SK_STR_INIT,
		.lock_fd = -1,
		.hub = { .keep_ms = DEFAULT_KEEP_MS,
			.keep_tasks = DEFAULT_KEEP_TASKS,
			.relaxed = is_relaxed(),
			.began_ms = sk_wall_ms(),
			.clock_ms = sk_wall_ms() - sk_boot_ms() } };
	int code = read_flags(&u, args, settings);

	u.hub.settings = settings;
	if (code == SK_EXIT_OK)
		code = sk_alerts_check("up", settings);
	if (code == SK_EXIT_OK)
		code = locate_directory(&u, sk_setting(settings, "SKALDS_DATA"));
	if (code == SK_EXIT_OK)
		code = sk_listen_read("up", settings, "", u.data.p, &u.listen);
	if (code == SK_EXIT_OK)
		sk_listen_choose_port(&u.listen);
	u.hub.listen = &u.listen;
	if (code == SK_EXIT_OK)
		code = take_directory(&u);
	if (code == SK_EXIT_OK)
		code = supervise(&u, args, settings);
	if (u.lock_fd != -1)
		close(u.lock_fd);
	sk_listen_config_release(&u.listen);
	sk_str_release(&u.data);
	sk_arena_free(u.arena);
	return code;
}

static const struct sk_opt options[] = {
	SK_CAPACITY_OPTIONS,
	SK_ALERTS_OPTION,
	{ .name = "lease",
		.value = "SECONDS",
		.doc = "a half of skalds that hangs for longer is ended with its tasks (10)" },
	{ .name = "once", .doc = "exit when nothing is left to do: 0 when all finished, else 1" },
	{ .name = "keep",
		.value = "TIME|N",
		.doc = "remove ended tasks after TIME (\"30 days\"), and beyond N of them (1000000)" },
	{ .name = "keep-output",
		.value = "MIB",
		.doc = "remove the oldest output of ended attempts beyond MIB in all (1024); 0 = never" },
	{ .name = "strategy",
		.value = "NAME",
		.setting = "DISPATCHER_STRATEGY",
		.choices = sk_strategies,
		.doc = "which skald gets the next task" },
	SK_LISTEN_OPTIONS,
	{ .name = "socket-group",
		.value = "GROUP",
		.doc = "members may use the socket, and so run programs as the user of `up`" },
	{ .name = "allow-volatile",
		.doc = "take a data directory that the next start of the host empties" },
	{ .name = "no-cgroup", .doc = "do not use control groups" },
	{ .name = NULL },
};

static const char help[] =
	"Keeps tasks in the data directory (--data; /var/lib/skalds for root, else\n"
	"$XDG_STATE_HOME/skalds), runs them, and answers `skalds task` and the others over the socket\n"
	"in it. What was accepted is on the disk: it survives the loss of power. Output of tasks is "
	"in\n"
	"DIR/logs. One `up` a directory.\n"
	"\n"
	"The first SIGTERM or SIGINT takes no more tasks and gives those that run their graceSeconds,\n"
	"at most 20; what is not done by then runs again at the next start. The second kills them.\n"
	"Killed itself, it leaves no process behind; the next start goes on.\n"
	"\n" SK_LISTEN_HELP "\n"
	"Exit: 0 stopped; 1 the directory or the port is in use, or --once and not all finished; 2 "
	"wrong\n"
	"usage, directory or file; 74 the disk failed.\n"
	"\n"
	"Examples:\n"
	"  skalds up\n"
	"  skalds up --data /srv/queue --slots 8 --labels zone=a,disk=ssd\n"
	"  skalds up --listen 127.0.0.1:8000\n"
	"  skalds up --once --json";

const struct sk_cmd sk_cmd_up = {
	.name = "up",
	.summary = "Run a scheduler with its own store on this machine",
	.usage = "",
	.help = help,
	.options = options,
	.run = up_run,
};
