/* controller.c - `skalds controller`: assigns the tasks of a fleet to its nodes and looks after
 * them. */
#include "cmd/controller.h"
#include "adapters/datadir.h"
#include "cmd/alerts.h"
#include "cmd/cluster.h"
#include "cmd/flags.h"
#include <string.h>

#define COMMAND "controller"
#define DEFAULT_LEASE_S 30

static int
read_flags(struct sk_controller_config *c, const struct sk_args *args)
{
	double lease = DEFAULT_LEASE_S;
	int code = sk_flag_number(COMMAND, args, "lease", 1, 86400, &lease);

	if (code == SK_EXIT_OK)
		code = sk_flag_keep(COMMAND, args, &c->keep_ms, &c->keep_tasks);
	c->lease_ms = (int64_t)(lease * 1000);
	c->group = sk_arg(args, "socket-group");
	c->json = args->json;
	return code;
}

/* As the original, which listens where these two say; but not where nobody has said so. */
static void
set_address(struct sk_str *out, const struct sk_settings *s)
{
	const char *host = sk_setting(s, "SYSTEM_CONTROLLER_HOST");

	if (sk_setting_origin(s, "SYSTEM_CONTROLLER_HOST") == SK_FROM_DEFAULT &&
		sk_setting_origin(s, "SYSTEM_CONTROLLER_PORT") == SK_FROM_DEFAULT)
		return;
	if (*host != '\0')
		sk_str_addf(out, strchr(host, ':') != NULL && *host != '[' ? "[%s]:%d" : "%s:%d", host,
			(int)sk_setting_int(s, "SYSTEM_CONTROLLER_PORT"));
}

static int
controller_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct sk_controller_config c = { .settings = settings,
		.mode = sk_setting(settings, "SYSTEM_CONTROLLER_MODE"),
		.data_dir = "",
		.strategy = sk_setting_strategy(settings),
		.reconcile_ms = sk_setting_int(settings, "DISPATCHER_INTERVAL") * 1000 };
	const char *given = sk_setting(settings, "SKALDS_DATA");
	struct sk_str dir = SK_STR_INIT, address = SK_STR_INIT;
	struct sk_err err;
	int code = sk_cluster_services(COMMAND, settings);

	if (code == SK_EXIT_OK)
		code = read_flags(&c, args);
	if (code == SK_EXIT_OK)
		code = sk_alerts_check(COMMAND, settings);
	if (code == SK_EXIT_OK && *given != '\0' && sk_datadir_locate(given, &dir, &err) != SK_OK)
		code = sk_usage_error(COMMAND, "%s", err.msg);
	c.data_dir = sk_str_text(&dir);
	set_address(&address, settings);
	if (code == SK_EXIT_OK)
		code = sk_listen_read(COMMAND, settings, sk_str_text(&address), c.data_dir, &c.listen);
	if (code == SK_EXIT_OK)
		code = sk_controller_run(&c);
	sk_listen_config_release(&c.listen);
	sk_str_release(&address);
	sk_str_release(&dir);
	return code;
}

static const struct sk_opt options[] = {
	SK_ALERTS_OPTION,
	{ .name = "lease",
		.value = "SECONDS",
		.doc = "a leader that is silent for longer is replaced, and a skald that tells no lease of "
			   "its "
			   "own is lost; the same for all controllers (30)" },
	{ .name = "strategy",
		.value = "NAME",
		.setting = "DISPATCHER_STRATEGY",
		.choices = sk_strategies,
		.doc = "which node gets the next task" },
	{ .name = "keep",
		.value = "TIME|N",
		.doc = "remove ended tasks after TIME (\"30 days\"), and beyond N of them (never)" },
	SK_LISTEN_OPTIONS,
	{ .name = "socket-group", .value = "GROUP", .doc = "members may use the socket in --data" },
	{ .name = NULL },
};

static const char help[] =
	"A fleet is nodes (skalds node) and at least one controller on the same Kafka (KAFKA_HOST),\n"
	"Redis (REDIS_HOST) and MongoDB (MONGO_HOST). Of several controllers one leads: it assigns\n"
	"tasks and looks after the nodes; when it is gone another one takes over. A service that does\n"
	"not answer, also at the start, is waited for.\n"
	"\n"
	"SYSTEM_CONTROLLER_MODE chooses the parts: DISPATCHER (the default) is everything, MONITOR\n"
	"assigns nothing, CONTROLLER only answers requests and never leads. All that lead should have\n"
	"the same.\n"
	"\n"
	"With --data DIR it answers `skalds task --data DIR` and the others over DIR/skalds.sock.\n"
	"Where the three variables are set, `skalds task` goes to the services itself.\n"
	"\n" SK_LISTEN_HELP
	"Without it SYSTEM_CONTROLLER_HOST and SYSTEM_CONTROLLER_PORT say where, if they are set.\n"
	"\n"
	"SIGTERM and SIGINT give up the lead and end it; tasks go on. `skalds probe ready` asks it.\n"
	"\n"
	"Exit: 0 stopped; 1 the directory or the port is in use; 2 wrong usage, setting or file; 74\n"
	"the directory cannot be used.\n"
	"\n"
	"Example:\n"
	"  KAFKA_HOST=k1,k2 REDIS_HOST=cache MONGO_HOST=mongodb://db/ skalds controller --listen "
	"127.0.0.1:8000";

const struct sk_cmd sk_cmd_controller = {
	.name = COMMAND,
	.summary = "Assign tasks to nodes (needs Kafka, Redis, MongoDB)",
	.usage = "",
	.help = help,
	.options = options,
	.run = controller_run,
};
