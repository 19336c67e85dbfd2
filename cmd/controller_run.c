#include "adapters/datadir.h"
#include "adapters/http/assets.h"
#include "adapters/http/metrics.h"
#include "adapters/http/server.h"
#include "adapters/json.h"
#include "adapters/versions.h"
#include "cmd/alerts.h"
#include "cmd/cmd.h"
#include "cmd/controller.h"
#include "cmd/services.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/probe.h"
#include "core/run/rundir.h"
#include "workers/registry.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define COMPONENT "controller"
#define SECOND_MS 1000
#define PATIENCE_MS 3000 /* then it is said that the services are waited for */
#define LEAVE_MS 2000 /* to give up the lead */

struct controller {
	const struct sk_controller_config *cfg;
	struct sk_loop *loop;
	struct sk_host *host;
	struct sk_host_hook hook;
	struct sk_services services;
	struct sk_control *control;
	struct sk_alerting alerting;
	struct sk_datadir *dir;
	struct sk_str socket;
	struct sk_http_server *server;
	struct sk_listen *listen; /* NULL: nothing listens over the network */
	struct sk_probe *probe;
	struct sk_timer second;
	int signal_fd;
	struct sk_watch *signals;
	int64_t start_ms; /* boot clock */
	bool ready_said, waiting_said, stopping;
	int code;
	char name[256];
};

/* ---- signals ---- */

static void
stop(struct controller *c, int sig)
{
	if (c->stopping)
		return;
	c->stopping = true;
	sk_log(SK_INFO, COMPONENT, "%s: leaving", sig == SIGTERM ? "SIGTERM" : "interrupted");
	sk_notify("STOPPING=1");
	sk_control_stop(c->control);
	sk_host_stop(c->host);
}

/* SIGHUP asks to read the files again, but comes from a terminal that goes away as well. */
static bool
lost_terminal(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		errno = 0;
		if (isatty(fd) == 0 && errno == EIO)
			return true;
	}
	return false;
}

static void
signaled(uint32_t events, void *arg)
{
	struct controller *c = arg;
	struct signalfd_siginfo si;

	(void)events;
	while (read(c->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGHUP && !lost_terminal())
			sk_listen_reload(c->listen);
		else
			stop(c, (int)si.ssi_signo);
	}
}

/* Before the libraries have threads: those inherit the mask. */
static enum sk_code
open_signals(struct controller *c, struct sk_err *err)
{
	struct sigaction hup;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
		(c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		return sk_fail_errno(err, "signalfd");
	c->signals = sk_watch_add(c->loop, c->signal_fd, EPOLLIN, signaled, c, err);
	return c->signals != NULL ? SK_OK : err->code;
}

/* ---- what probes are told ---- */

static void
probe_line(void *arg, struct sk_str *out)
{
	struct controller *c = arg;
	struct sk_service_health health[SK_N_SERVICE];
	size_t n = sk_services_health(&c->services, health);

	sk_str_addc(out, '{');
	sk_json_kbool(out, "live", true); /* that this is answered shows it */
	sk_json_kbool(out, "ready",
		sk_control_ready(c->control) && sk_services_well(&c->services, SK_SERVICE_STORE) &&
			!c->stopping);
	sk_json_kstr(out, "mode", COMPONENT);
	sk_json_kint(out, "pid", getpid());
	sk_json_kbool(out, "draining", c->stopping);
	sk_json_key(out, "services");
	sk_str_addc(out, '{');
	for (size_t i = 0; i < n; i++)
		sk_json_kbool(out, health[i].name, health[i].ok);
	sk_str_adds(out, "}}\n");
}

static void
open_probe(struct controller *c)
{
	char dir[256];
	const struct sk_probe_config cfg = {
		.loop = c->loop, .dir = sk_rundir(dir, sizeof(dir)), .line = probe_line, .arg = c
	};
	struct sk_err err;

	if (dir[0] == '\0')
		return;
	c->probe = sk_probe_open(&cfg, &err);
	if (c->probe == NULL)
		sk_log(SK_WARNING, COMPONENT, "no probes: %s", err.msg);
}

/* ---- once a second ---- */

static void
each_second(void *arg)
{
	struct controller *c = arg;
	struct sk_service_health health[SK_N_SERVICE];
	int64_t now = sk_boot_ms();

	sk_notify("WATCHDOG=1");
	sk_probe_tick(c->probe);
	sk_services_tick(&c->services);
	sk_services_health(&c->services, health); /* so that it is known since when */
	if (!c->ready_said && !c->waiting_said && now - c->start_ms > PATIENCE_MS) {
		c->waiting_said = true;
		sk_services_say_waiting(&c->services, COMPONENT);
	}
	sk_timer_set(c->loop, &c->second, now + SECOND_MS);
}

/* ---- the server ---- */

static void
call(void *arg, const struct sk_api_request *req)
{
	const struct controller *c = arg;

	/* as the original does, one that only answers requests shows no dashboard */
	if (strcmp(c->cfg->mode, "CONTROLLER") == 0 || !sk_assets_answer(req))
		sk_api_call(c->control, req);
}

static void
forget(void *arg, void *req_arg)
{
	const struct controller *c = arg;

	sk_api_forget(c->control, req_arg);
}

/* It listens also while the store is away: who asks is told so. */
static enum sk_code
open_listen(struct controller *c, struct sk_err *err)
{
	const struct sk_http_server_config cfg = {
		.host = c->host, .call = call, .forget = forget, .arg = c
	};

	if (*c->cfg->listen.address == '\0')
		return SK_OK;
	c->listen = sk_listen_open(&c->cfg->listen, &cfg, false, err);
	return c->listen != NULL ? SK_OK : err->code;
}

static enum sk_code
open_socket(struct controller *c, struct sk_err *err)
{
	const struct sk_datadir_config dir = {
		.path = c->cfg->data_dir, .create = true, .group = c->cfg->group, .allow_volatile = true
	};
	struct sk_http_server_config cfg = {
		.host = c->host, .replace = true, .call = call, .forget = forget, .arg = c
	};

	if (*c->cfg->data_dir == '\0')
		return SK_OK;
	c->dir = sk_datadir_open(&dir, err);
	if (c->dir == NULL)
		return err->code;
	if (sk_datadir_up_alive(c->dir))
		return sk_fail(err, SK_ECONFLICT, "`skalds up` uses %s", c->cfg->data_dir);
	if (sk_datadir_lock(c->dir, 0, err) != SK_OK)
		return err->code;
	sk_datadir_socket(c->cfg->data_dir, &c->socket);
	cfg.path = c->socket.p;
	cfg.group = sk_datadir_group(c->dir);
	c->server = sk_http_server_open(&cfg, err);
	return c->server != NULL ? SK_OK : err->code;
}

/* ---- the whole ---- */

static void
put_metrics(void *arg, struct sk_str *out)
{
	const struct controller *c = arg;

	sk_http_metrics(out, c->server, sk_listen_server(c->listen));
}

static void
start_control(struct controller *c)
{
	struct sk_control_config cfg = { .loop = c->loop,
		.store = c->services.store,
		.cache = c->services.cache,
		.bus = c->services.bus,
		.workers = sk_workers,
		.parse_json = sk_json_parse,
		.name = c->name,
		.version = sk_version(),
		.dispatch = true,
		.lead = true,
		.mixed = true,
		.abstain = strcmp(c->cfg->mode, "CONTROLLER") == 0,
		.hold = strcmp(c->cfg->mode, "MONITOR") == 0,
		.dashboard = strcmp(c->cfg->mode, "CONTROLLER") != 0,
		.strategy = c->cfg->strategy,
		.lease_ms = c->cfg->lease_ms,
		.reconcile_ms = c->cfg->reconcile_ms,
		.keep_ms = c->cfg->keep_ms,
		.keep_tasks = c->cfg->keep_tasks,
		.data_dir = "",
		.services = sk_services_tell,
		.services_arg = &c->services,
		.metrics = put_metrics,
		.metrics_arg = c,
		.seed = (uint64_t)sk_boot_ns() };

	(void)sk_alerting_open(&c->alerting, c->cfg->settings, COMPONENT); /* it was checked before */
	sk_alerting_use(&c->alerting, &cfg);
	c->control = sk_control_new(&cfg);
	sk_control_start(c->control);
}

static void
say_ready(struct controller *c)
{
	const char *url = c->listen != NULL ? sk_listen_url(c->listen) : NULL;
	struct sk_str line = SK_STR_INIT;

	c->ready_said = true;
	sk_log(SK_INFO, COMPONENT, "ready: %s, mode %s%s%s%s%s", c->name, c->cfg->mode,
		c->server != NULL ? ", answers at " : "", c->server != NULL ? c->socket.p : "",
		url != NULL ? ", answers at " : "", url != NULL ? url : "");
	if (!c->cfg->json)
		return;
	sk_str_addc(&line, '{');
	sk_json_kint(&line, "time", sk_wall_ms());
	sk_json_kstr(&line, "event", "ready");
	sk_json_kstr(&line, "name", c->name);
	sk_json_kstr(&line, "mode", c->cfg->mode);
	sk_json_kstr(&line, "socket", c->server != NULL ? c->socket.p : NULL);
	sk_json_kstr(&line, "url", url);
	sk_str_adds(&line, "}\n");
	sk_out(&line);
	fflush(stdout);
	sk_str_release(&line);
}

/* After each round of the loop. */
static void
round_over(void *arg)
{
	struct controller *c = arg;

	if (!c->ready_said && sk_control_ready(c->control))
		say_ready(c);
}

/* Readers of streams stay: take what the hard limit gives. The server goes by what it is then. */
static void
raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		sk_log(SK_WARNING, COMPONENT, "no more descriptors than before: %s", strerror(errno));
}

static enum sk_code
open_all(struct controller *c, struct sk_err *err)
{
	enum sk_code code;

	raise_descriptors();
	if (gethostname(c->name, sizeof(c->name) - 1) != 0)
		memcpy(c->name, "localhost", sizeof("localhost"));
	c->loop = sk_loop_new(err);
	if (c->loop == NULL || (c->host = sk_host_open(c->loop, err)) == NULL)
		return err->code;
	code = open_signals(c, err);
	if (code == SK_OK)
		code = open_socket(c, err);
	if (code == SK_OK)
		code = open_listen(c, err);
	if (code == SK_OK)
		code = sk_services_open(c->cfg->settings, c->loop, COMPONENT,
			SK_SERVICES_ALL | SK_SERVICES_FOR_MANY, &c->services, err);
	return code;
}

/* The next leader need not wait for the lease to run out. */
static void
leave(struct controller *c)
{
	int64_t end = sk_boot_ms() + LEAVE_MS;

	while (!sk_control_left(c->control) && sk_boot_ms() < end)
		sk_loop_once(c->loop, end - sk_boot_ms());
}

static void
run(struct controller *c)
{
	start_control(c);
	open_probe(c);
	c->start_ms = sk_boot_ms();
	c->second = (struct sk_timer){ .fn = each_second, .arg = c };
	each_second(c);
	c->hook = (struct sk_host_hook){ .fn = round_over, .arg = c };
	sk_host_hook_add(c->host, &c->hook);
	/* it runs, whether the services do or not: whoever started it need not wait for them */
	sk_notify("READY=1");
	sk_host_run(c->host);
	sk_host_hook_remove(c->host, &c->hook);
	leave(c);
}

/* The store first brings back what is under way. */
static void
close_all(struct controller *c)
{
	sk_probe_close(c->probe);
	sk_listen_close(c->listen);
	sk_http_server_close(c->server);
	sk_services_close_store(&c->services);
	sk_control_free(c->control);
	sk_alerting_close(&c->alerting);
	sk_services_close(&c->services);
	if (c->loop != NULL)
		sk_timer_clear(c->loop, &c->second);
	sk_watch_remove(c->signals);
	if (c->signal_fd != -1)
		close(c->signal_fd);
	sk_host_close(c->host);
	sk_loop_free(c->loop);
	sk_datadir_close(c->dir);
	sk_str_release(&c->socket);
}

static int
exit_code_of(enum sk_code code, bool storage)
{
	if (code == SK_ECONFLICT)
		return SK_EXIT_FAILED;
	if (code == SK_EINVAL || code == SK_ENOENT)
		return SK_EXIT_USAGE;
	return storage ? SK_EXIT_STORAGE : SK_EXIT_SYSTEM;
}

int
sk_controller_run(const struct sk_controller_config *cfg)
{
	struct controller c = { .cfg = cfg, .signal_fd = -1, .socket = SK_STR_INIT };
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = open_all(&c, &err);

	if (code == SK_OK)
		run(&c);
	else {
		sk_complain(COMPONENT, "%s", err.msg);
		c.code = exit_code_of(code, *cfg->data_dir != '\0' && c.server == NULL);
	}
	close_all(&c);
	return c.code;
}
