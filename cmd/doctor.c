/* doctor.c - `skalds doctor`: what works on this host and which guarantee holds. */
#include "cmd/doctor.h"
#include "cmd/options.h"
#include "cmd/services.h"
#include "cmd/table.h"
#include <string.h>

void
sk_checkup(struct sk_checkup *c, enum sk_health health, const char *fmt, ...)
{
	va_list ap;

	c->health = health;
	sk_str_clear(&c->text);
	va_start(ap, fmt);
	sk_str_vaddf(&c->text, fmt, ap);
	va_end(ap);
}

static const char *
health_name(enum sk_health health)
{
	switch (health) {
	case SK_FINE:
		return "ok";
	case SK_LIMITED:
		return "limited";
	case SK_BROKEN:
		return "broken";
	}
	return "unknown";
}

struct report {
	struct sk_str json;
	struct sk_grid table;
	size_t n_broken;
};

static void
run_checks(struct report *r, const struct sk_check *checks, const struct sk_settings *settings)
{
	struct sk_checkup c = { .settings = settings, .text = SK_STR_INIT };

	for (; checks->name != NULL; checks++) {
		sk_checkup(&c, SK_FINE, "%s", "");
		checks->run(&c);
		r->n_broken += c.health == SK_BROKEN ? 1 : 0;
		sk_grid_cell(&r->table, checks->name);
		sk_grid_cell(&r->table, health_name(c.health));
		sk_grid_cell(&r->table, sk_str_text(&c.text));
		sk_json_next(&r->json);
		sk_str_addc(&r->json, '{');
		sk_json_kstr(&r->json, "name", checks->name);
		sk_json_kstr(&r->json, "status", health_name(c.health));
		sk_json_kstr(&r->json, "detail", sk_str_text(&c.text));
		sk_str_addc(&r->json, '}');
	}
	sk_str_release(&c.text);
}

static int
doctor_run(const struct sk_args *args, struct sk_settings *settings)
{
	static const char *const head[] = { "CHECK", "STATUS", "DETAIL", NULL };
	struct report r = { .json = SK_STR_INIT };
	struct sk_str text = SK_STR_INIT;

	if (sk_arg_set(args, "watch"))
		return sk_doctor_watch(settings, args->json);
	sk_grid_init(&r.table, head);
	sk_str_adds(&r.json, "{\"items\":[");
	run_checks(&r, sk_system_checks, settings);
	run_checks(&r, sk_file_checks, settings);
	run_checks(&r, sk_store_checks, settings);
	if (sk_services_set(settings) != 0)
		run_checks(&r, sk_fleet_checks, settings);
	if (*sk_setting(settings, "SKALDS_URL") != '\0')
		run_checks(&r, sk_url_checks, settings);
	sk_str_adds(&r.json, "],\"next\":null}\n");
	sk_grid_text(&r.table, 0, &text);
	sk_out(args->json ? &r.json : &text);
	sk_grid_release(&r.table);
	sk_str_release(&r.json);
	sk_str_release(&text);
	return r.n_broken == 0 ? SK_EXIT_OK : SK_EXIT_FAILED;
}

static const struct sk_opt options[] = {
	{ .name = "watch",
		.doc = "look at Kafka, Redis and MongoDB until Ctrl-C, and tell when one goes or comes" },
	{ .name = NULL },
};

const struct sk_cmd sk_cmd_doctor = {
	.name = "doctor",
	.summary = "Show what works on this host and which guarantee holds",
	.help =
		"ok: as it should be; limited: works with the weaker guarantee that is named; broken:\n"
		"tasks cannot run as they should. Exit 1 when something is broken. The task store is read\n"
		"from end to end, unless it is in use: some seconds for a million tasks. Of KAFKA_HOST,\n"
		"REDIS_HOST and MONGO_HOST each that is set is tried: address, user, rights, version, "
		"clock,\n"
		"topics, indexes, and whether updates are atomic; what is made for that is removed. "
		"SKALDS_URL\n"
		"is asked with its token: reach, certificate, version, clock.\n"
		"\n"
		"--watch only looks at these, as a node does, and prints a line when one goes away or is\n"
		"back (within 15 seconds); with --json one object a line.",
	.options = options,
	.run = doctor_run,
};
