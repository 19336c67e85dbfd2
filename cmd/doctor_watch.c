/* doctor_watch.c - `skalds doctor --watch`: the services as a node sees them, for as long as it
 * runs; a line whenever one goes away or is back. */
#include "cmd/doctor.h"
#include "cmd/options.h"
#include "cmd/services.h"
#include "core/base/clock.h"
#include <errno.h>
#include <string.h>
#include <time.h>

#define COMMAND "doctor"
#define LOOK_MS 500
#define PATIENCE_MS 5000 /* who has not answered by then is said to be away */

struct watching {
	struct sk_services services;
	bool json, known[SK_N_SERVICE], ok[SK_N_SERVICE];
	int64_t start_ms; /* boot clock */
};

static void
print_change(const struct watching *w, const struct sk_service_health *h)
{
	char when[SK_TIME_LEN];
	struct sk_str line = SK_STR_INIT;
	int64_t now = sk_wall_ms();

	if (w->json) {
		sk_str_addc(&line, '{');
		sk_json_kint(&line, "time", now);
		sk_json_kstr(&line, "service", h->name);
		sk_json_kstr(&line, "status", h->ok ? "ok" : "broken");
		sk_json_kint(&line, "since", h->since_ms);
		sk_json_kstr(&line, "detail", h->text);
		sk_str_adds(&line, "}\n");
	} else
		sk_str_addf(&line, "%s  %-8s %s%s%s\n", sk_time_text(now, when), h->name,
			h->ok ? "ok" : "broken", h->ok ? "" : ": ", h->text);
	sk_out(&line);
	fflush(stdout);
	sk_str_release(&line);
}

static void
look(struct watching *w)
{
	struct sk_service_health health[SK_N_SERVICE];
	size_t n = sk_services_health(&w->services, health);

	for (size_t i = 0; i < n; i++) {
		if (w->known[i] ? health[i].ok == w->ok[i]
						: !health[i].ok && sk_boot_ms() - w->start_ms < PATIENCE_MS)
			continue;
		w->known[i] = true;
		w->ok[i] = health[i].ok;
		print_change(w, &health[i]);
	}
}

/* Who hears nothing does not notice that nobody speaks. */
static void
ignore(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	(void)arg;
	(void)topic;
	(void)e;
}

/* Until Ctrl-C ends the process, or the reader goes away. */
static void
watch(struct watching *w, struct sk_loop *loop)
{
	struct sk_bus *bus = w->services.bus;
	struct sk_err err;
	int64_t next = 0;

	if (bus->ops->subscribe(bus, 1u << SK_TOPIC_EVENT, ignore, w, &err) != SK_OK)
		sk_complain(COMMAND, "%s", err.msg);

	while (ferror(stdout) == 0) {
		if (sk_boot_ms() >= next) {
			next = sk_boot_ms() + LOOK_MS;
			sk_services_tick(&w->services);
			look(w);
		}
		sk_loop_once(loop, next - sk_boot_ms());
	}
}

int
sk_doctor_watch(const struct sk_settings *settings, bool json)
{
	struct watching w = { .json = json, .start_ms = sk_boot_ms() };
	struct sk_err err = { SK_OK, "" };
	struct sk_loop *loop;

	if (sk_services_set(settings) == 0)
		return sk_usage_error(COMMAND,
			"--watch looks at services: none of KAFKA_HOST, REDIS_HOST, MONGO_HOST is set");
	loop = sk_loop_new(&err);
	if (loop != NULL &&
		sk_services_open(settings, loop, COMMAND, SK_SERVICES_ALL, &w.services, &err) == SK_OK)
		watch(&w, loop);
	else
		sk_complain(COMMAND, "%s", err.msg);
	sk_services_close(&w.services);
	sk_loop_free(loop);
	return err.code == SK_OK ? SK_EXIT_OK : err.code == SK_EINVAL ? SK_EXIT_USAGE : SK_EXIT_SYSTEM;
}
