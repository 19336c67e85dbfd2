/* node.c - `skalds node`: runs what a controller assigns, on one machine of a fleet. */
#include "adapters/datadir.h"
#include "cmd/agent.h"
#include "cmd/cluster.h"
#include "cmd/flags.h"
#include "cmd/node_link.h"
#include "workers/registry.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "node"
#define DEFAULT_LEASE_S 30
#define DEFAULT_KEEP_OUTPUT_MIB 1024
#define DRAIN_MS 20000 /* what is told to stop has at most this long: 25 s in all */
#define RESERVE ((int64_t)64 << 20)
#define ID_FILE "skald.id"
#define ID_MAX 63

struct node {
	struct sk_node_link_config link;
	struct sk_arena *arena; /* of the labels */
	struct sk_str data;
	char id[ID_MAX + 1];
	int lock_fd;
};

static int
read_flags(struct node *n, const struct sk_args *args, const struct sk_settings *settings)
{
	double lease = DEFAULT_LEASE_S, output = DEFAULT_KEEP_OUTPUT_MIB;
	int code = sk_capacity_read(COMMAND, args, n->arena, &n->link.capacity);

	if (code == SK_EXIT_OK)
		code = sk_flag_number(COMMAND, args, "lease", 1, 86400, &lease);
	if (code == SK_EXIT_OK)
		code = sk_flag_number(COMMAND, args, "keep-output", 0, 1e9, &output);
	n->link.lease_ms = (int64_t)(lease * 1000);
	n->link.keep_output = (int64_t)(output * (1 << 20));
	n->link.json = args->json;
	if (code == SK_EXIT_OK && strlen(sk_setting(settings, "SKALD_ID")) > ID_MAX)
		return sk_usage_error(COMMAND, "SKALD_ID: at most %d bytes", ID_MAX);
	return code;
}

/* ---- the directory: output, and who we are ---- */

static int
complain(const struct sk_err *err, int code)
{
	sk_complain(COMMAND, "%s", err->msg);
	return code;
}

static int
code_of(enum sk_code code)
{
	if (code == SK_ECONFLICT)
		return SK_EXIT_FAILED;
	return code == SK_EINVAL || code == SK_ENOENT ? SK_EXIT_USAGE : SK_EXIT_STORAGE;
}

/* What an earlier start has left; "" = nothing that could be an id. */
static void
read_id(const struct sk_datadir *dir, char id[ID_MAX + 1])
{
	int fd = openat(sk_datadir_fd(dir), ID_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd != -1 ? read(fd, id, ID_MAX) : -1;

	if (fd != -1)
		close(fd);
	id[n > 0 ? n : 0] = '\0';
	id[strcspn(id, "\n")] = '\0';
	for (const char *p = id; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 127)
			id[0] = '\0';
}

/* As a whole or not at all. A directory without room must not keep us from working. */
static void
keep_id(const struct sk_datadir *dir, const char *id)
{
	int at = sk_datadir_fd(dir);
	int fd =
		openat(at, ID_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd != -1 && dprintf(fd, "%s\n", id) == (int)strlen(id) + 1 && fsync(fd) == 0;

	if (fd != -1)
		close(fd);
	if (!good || renameat(at, ID_FILE ".new", at, ID_FILE) != 0)
		sk_complain(COMMAND, "%s/%s cannot be written: the next start invents another id",
			sk_datadir_path(dir), ID_FILE);
}

static void
choose_id(struct node *n, const struct sk_datadir *dir, const struct sk_settings *settings)
{
	bool invented = sk_setting_origin(settings, "SKALD_ID") == SK_FROM_DEFAULT;

	if (invented)
		read_id(dir, n->id);
	if (n->id[0] == '\0') {
		snprintf(n->id, sizeof(n->id), "%s", sk_setting(settings, "SKALD_ID"));
		if (invented)
			keep_id(dir, n->id);
	}
	n->link.skald_id = n->id;
}

static int
take_directory(struct node *n, const struct sk_settings *settings)
{
	/* nothing but output and the id is in it: a container's may be volatile */
	struct sk_datadir_config cfg = { .create = true, .allow_volatile = true };
	struct sk_datadir *dir;
	struct sk_err err = { SK_OK, "" };

	if (sk_datadir_locate(sk_setting(settings, "SKALDS_DATA"), &n->data, &err) != SK_OK)
		return complain(&err, SK_EXIT_USAGE);
	cfg.path = n->link.data_dir = n->data.p;
	dir = sk_datadir_open(&cfg, &err);
	if (dir == NULL)
		return complain(&err, code_of(err.code));
	n->lock_fd = sk_datadir_node_lock(dir, &err);
	if (n->lock_fd != -1)
		choose_id(n, dir, settings);
	sk_datadir_close(dir);
	return n->lock_fd != -1 ? SK_EXIT_OK : complain(&err, code_of(err.code));
}

/* ---- the command ---- */

static int
supervise(struct node *n, const struct sk_args *args, const struct sk_settings *settings)
{
	struct sk_supervisor_config sup = { .mode = COMMAND,
		.link = sk_node_link_run,
		.link_arg = &n->link,
		.workers = sk_workers,
		.clean_env = true,
		.patient = true,
		.cgroups = !sk_arg_set(args, "no-cgroup"),
		.drain_ms = DRAIN_MS };

	sk_agent_sink(settings, SK_CONSOLE_QUIET, &sup.sink);
	sup.sink.data_dir = n->link.data_dir;
	sup.sink.total_limit = INT64_MAX; /* --keep-output removes the oldest; the reserve is kept */
	sup.sink.reserve = RESERVE;
	return sk_agent_supervise(&sup);
}

static int
node_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct node n = { .arena = sk_arena_new(),
		.data = SK_STR_INIT,
		.lock_fd = -1,
		.link = { .settings = settings } };
	int code = sk_cluster_services(COMMAND, settings);

	if (code == SK_EXIT_OK)
		code = read_flags(&n, args, settings);
	if (code == SK_EXIT_OK)
		code = take_directory(&n, settings);
	if (code == SK_EXIT_OK)
		code = supervise(&n, args, settings);
	if (n.lock_fd != -1)
		close(n.lock_fd);
	sk_str_release(&n.data);
	sk_arena_free(n.arena);
	return code;
}

static const struct sk_opt options[] = {
	SK_CAPACITY_OPTIONS,
	{ .name = "lease",
		.value = "SECONDS",
		.doc = "without the store for so long, it stops what others may run, and counts as lost "
			   "(30)" },
	{ .name = "keep-output",
		.value = "MIB",
		.doc = "remove the oldest output of ended attempts beyond MIB in all (1024); 0 = never" },
	{ .name = "no-cgroup", .doc = "do not use control groups" },
	{ .name = NULL },
};

static const char help[] =
	"Runs the tasks that a controller (skalds controller, or the original's) assigns to it. Needs\n"
	"Kafka (KAFKA_HOST), Redis (REDIS_HOST) and MongoDB (MONGO_HOST); waits for those that do not\n"
	"answer, also at the start. It is SKALD_ID, or the name that it once invented and keeps in "
	"the\n"
	"data directory (--data; /var/lib/skalds for root, else $XDG_STATE_HOME/skalds), where output\n"
	"of tasks is, too. One `node` a directory.\n"
	"\n"
	"The first SIGTERM or SIGINT takes no more tasks and gives those that run their graceSeconds,\n"
	"at most 20; what is not done by then is handed back for others. The second kills them.\n"
	"`skalds probe ready` is true while MongoDB takes its lease.\n"
	"\n"
	"Exit: 0 stopped; 1 the directory is in use, or another skald with this id was started later;\n"
	"2 wrong usage, setting or certificate; 74 the directory cannot be used.\n"
	"\n"
	"Example:\n"
	"  KAFKA_HOST=k1,k2 REDIS_HOST=cache MONGO_HOST=mongodb://db/ skalds node --labels zone=a";

const struct sk_cmd sk_cmd_node = {
	.name = COMMAND,
	.summary = "Run tasks that a controller assigns (needs Kafka, Redis, MongoDB)",
	.usage = "",
	.help = help,
	.options = options,
	.run = node_run,
};
