/* door_fleet.c - the door into a fleet: the operations in this process, on Kafka, Redis and MongoDB
 * (door_inside.h). The store alone is needed; the others make it quick. */
#include "cmd/cmd.h"
#include "cmd/door_inside.h"
#include "cmd/services.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <stdlib.h>
#include <string.h>

#define LEASE_MS 30000
#define READY_MS 10000
#define SILENT_READY_MS 1000
#define FLUSH_MS 1000
#define STEP_MS 50
#define SETTLE_MS 1500
#define CONNECT_MS 3000 /* who has not connected by then is away */

struct fleet_ground {
	struct sk_inside_ground g;
	struct sk_services services;
	const char *command;
	bool silent;
	unsigned told; /* enum sk_service: it was said that it is away */
	int64_t open_ms; /* boot clock */
};

static void
warn(struct fleet_ground *f, const struct sk_service_health *h)
{
	if (f->silent || (f->told & h->service) != 0)
		return;
	f->told |= h->service;
	sk_complain(f->command, "%s%s", h->text,
		h->service == SK_SERVICE_BUS ? ": what is told over it is found some seconds later" : "");
}

/* Say what is away of those that are not needed. */
static void
warn_of(struct fleet_ground *f, unsigned services)
{
	struct sk_service_health health[SK_N_SERVICE];
	size_t n = sk_services_health(&f->services, health);

	for (size_t i = 0; i < n; i++)
		if (!health[i].ok && (health[i].service & services) != 0)
			warn(f, &health[i]);
}

static bool
all_are_well(struct fleet_ground *f)
{
	struct sk_service_health health[SK_N_SERVICE];
	size_t n = sk_services_health(&f->services, health), well = 0;

	for (size_t i = 0; i < n; i++)
		well += health[i].ok;
	return well == n;
}

/* Whoever asks how the services are wants to know it of those too that have only just been called
 * upon. */
static void
calling(void *ground, const struct sk_http_call *call)
{
	struct fleet_ground *f = ground;
	int64_t end = f->open_ms + SETTLE_MS;

	if (strcmp(call->path, "/v1/status") != 0)
		return;
	while (!all_are_well(f) && sk_boot_ms() < end)
		sk_loop_once(f->g.loop, end - sk_boot_ms() < STEP_MS ? end - sk_boot_ms() : STEP_MS);
}

/* A task that was just stored starts at once only when the leader hears of it. */
static void
called(void *ground, bool changed)
{
	struct fleet_ground *f = ground;

	if (changed && (f->told & SK_SERVICE_BUS) == 0 && !sk_services_flush(&f->services, FLUSH_MS))
		warn_of(f, SK_SERVICE_BUS);
	if (sk_boot_ms() - f->open_ms > CONNECT_MS)
		warn_of(f, SK_SERVICE_BUS | SK_SERVICE_CACHE);
}

static enum sk_code
trouble(void *ground, enum sk_code code, bool late, struct sk_err *err)
{
	struct fleet_ground *f = ground;
	struct sk_service_health health[SK_N_SERVICE];
	size_t n;

	if (code == SK_ENOSPC)
		return sk_fail(err, SK_ENOSPC, "MongoDB has no room left");
	if (!late)
		return SK_OK;
	n = sk_services_health(&f->services, health);
	for (size_t i = 0; i < n; i++)
		if (health[i].service == SK_SERVICE_STORE && health[i].text[0] != '\0')
			return sk_fail(err, SK_EUNAVAIL,
				"%s; see to MONGO_HOST, or to the server: `skalds doctor` tells more",
				health[i].text);
	return sk_fail(err, SK_EUNAVAIL,
		"MongoDB does not answer; see to MONGO_HOST, or to the server: `skalds doctor` tells more");
}

static void
close_ground(void *ground)
{
	struct fleet_ground *f = ground;

	f->services.store = NULL; /* the inside has closed it */
	sk_services_close(&f->services);
	sk_loop_free(f->g.loop);
	free(f);
}

/* What matters is said by the command; what the adapters log is for whoever asks for logs. */
static void
be_quiet(const struct sk_settings *s)
{
	struct sk_log_config log = *sk_log_settings();

	log.level = SK_CRITICAL;
	if (sk_setting_origin(s, "LOG_LEVEL") == SK_FROM_DEFAULT)
		sk_log_setup(&log);
}

enum sk_code
sk_inside_open_fleet(const struct sk_settings *s, const char *command, bool silent,
	struct sk_inside **inside, struct sk_err *err)
{
	struct fleet_ground *f = sk_xcalloc(1, sizeof(*f));
	enum sk_code code = SK_OK;

	*f = (struct fleet_ground){ .command = command, .silent = silent, .open_ms = sk_boot_ms() };
	f->g = (struct sk_inside_ground){ .loop = sk_loop_new(err),
		.data_dir = "",
		.lease_ms = LEASE_MS,
		.by_clock = true,
		.survey = strncmp(command, "skald", 5) == 0 || strcmp(command, "status") == 0,
		.services = sk_services_tell,
		.services_arg = &f->services,
		.ready_ms = silent ? SILENT_READY_MS : READY_MS,
		.trouble = trouble,
		.calling = calling,
		.called = called,
		.close = close_ground };
	be_quiet(s);
	if (f->g.loop == NULL)
		code = err->code;
	if (code == SK_OK)
		code = sk_services_open(s, f->g.loop, "cli", SK_SERVICES_ALL, &f->services, err);
	if (code != SK_OK) {
		close_ground(f);
		return code;
	}
	f->g.store = f->services.store;
	f->g.cache = f->services.cache;
	f->g.bus = f->services.bus;
	return sk_inside_open(&f->g, inside, err);
}
