/* status.c - `skalds status`: how it stands, on one screen. */
#include "cmd/answer.h"
#include "cmd/door.h"
#include "cmd/options.h"
#include "cmd/table.h"
#include "core/base/clock.h"
#include "core/model/lifecycle.h"
#include <inttypes.h>
#include <string.h>

#define COMMAND "status"
#define MAX_ALERTS 5

static void SK_PRINTF(3, 4) line(struct sk_str *out, const char *name, const char *fmt, ...)
{
	va_list ap;

	sk_str_addf(out, "%-9s  ", name);
	va_start(ap, fmt);
	sk_str_vaddf(out, fmt, ap);
	va_end(ap);
	sk_str_addc(out, '\n');
}

/* Who leads a fleet; nothing on one machine, where nobody else can. */
static void
add_leader(struct sk_str *out, const struct sk_door *d, const struct sk_value *v)
{
	const char *name = sk_member_text(v, "leader.name");
	bool fleet = sk_member_int(v, "leader.term", 0) > 0 || sk_door_fleet(d);

	if (fleet && *name != '\0')
		line(out, "leader", "%s, term %" PRId64, name, sk_member_int(v, "leader.term", 0));
	else if (fleet)
		line(out, "leader", "none: start `skalds controller`");
}

static void
add_services(struct sk_str *out, const struct sk_value *v)
{
	size_t n;
	struct sk_value *const *services = sk_member_list(v, "services", &n);

	for (size_t i = 0; i < n; i++) {
		const char *name = sk_member_text(services[i], "name");
		char age[16];

		sk_age_text(sk_wall_ms() - sk_member_int(services[i], "since", 0), age);
		if (sk_member_bool(services[i], "ok"))
			line(out, name, "ok");
		else
			line(out, name, "away for %s: %s", age, sk_member_text(services[i], "detail"));
	}
}

static void
add_head(struct sk_str *out, struct sk_door *d, const struct sk_value *v)
{
	struct sk_str place = SK_STR_INIT;
	char age[16];

	sk_door_place(d, &place);
	sk_age_text(sk_member_int(v, "uptimeMs", 0), age);
	if (sk_door_inside(d))
		line(out, "skalds", "nothing is running: start `skalds up`");
	else if (sk_door_fleet(d))
		line(out, "skalds", "%s, no controller was asked", sk_member_text(v, "version"));
	else
		line(out, "skalds", "%s, for %s", sk_member_text(v, "version"), age);
	line(out, "at", "%s", sk_str_text(&place));
	add_leader(out, d, v);
	sk_str_release(&place);
}

static void
add_counts(struct sk_str *out, const struct sk_value *v)
{
	const char *head[SK_N_PHASE + 2];
	char text[SK_COUNT_LEN];
	struct sk_grid t;
	size_t n = 0;

	for (; n < SK_N_PHASE; n++)
		head[n] = sk_phase_name((enum sk_phase)n);
	head[n++] = "total";
	head[n] = NULL;
	sk_grid_init(&t, head);
	for (size_t i = 0; i < n; i++)
		sk_grid_cell(&t, sk_count_text(sk_member_int(sk_member(v, "tasks"), head[i], 0), text));
	sk_str_addc(out, '\n');
	sk_grid_text(&t, 0, out);
	sk_str_addc(out, '\n');
	sk_grid_release(&t);
}

static void
add_rate(struct sk_str *out, const struct sk_value *v)
{
	int64_t ended = sk_member_int(v, "endedLastMinute", -1);
	int64_t oldest = sk_member_int(v, "oldestWaitingMs", -1);
	char count[SK_COUNT_LEN], age[16];

	if (ended >= 0) /* who only looks has not counted */
		line(out, "rate", "%s ended in the last minute, %.1f/s", sk_count_text(ended, count),
			(double)ended / 60);
	sk_age_text(oldest, age);
	if (oldest >= 0)
		line(out, "waiting", "the oldest for %s", age);
	else
		line(out, "waiting", "none");
}

static void
add_skalds(struct sk_str *out, const struct sk_value *v)
{
	const struct sk_value *s = sk_member(v, "skalds");
	int64_t total = sk_member_int(s, "total", 0), online = sk_member_int(s, "online", 0);
	int64_t draining = sk_member_int(s, "draining", 0);
	struct sk_str rest = SK_STR_INIT;

	if (draining > 0)
		sk_str_addf(&rest, ", %" PRId64 " draining", draining);
	if (total > online)
		sk_str_addf(&rest, ", %" PRId64 " offline", total - online);
	line(out, "skalds", "%" PRId64 " online, %" PRId64 " tasks in %" PRId64 " slots%s", online,
		sk_member_int(s, "tasks", 0), sk_member_int(s, "slots", 0), sk_str_text(&rest));
	sk_str_release(&rest);
}

/* How many alerts go on; a line for each of the first. alerts: NULL = nobody could tell. */
static void
add_alerts(struct sk_str *out, const struct sk_value *alerts)
{
	size_t n, firing = 0;
	struct sk_value *const *items = sk_member_list(alerts, "items", &n);

	if (alerts == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		firing += strcmp(sk_member_text(items[i], "state"), "firing") == 0;
	if (n == 0)
		line(out, "alerts", "none");
	else
		line(out, "alerts", "%zu firing, %zu acknowledged", firing, n - firing);
	for (size_t i = 0; i < n && i < MAX_ALERTS; i++)
		line(out, "", "%s: %s", sk_member_text(items[i], "severity"),
			sk_member_text(items[i], "message"));
	if (n > MAX_ALERTS)
		line(out, "", "and %zu more: skalds alert list", n - MAX_ALERTS);
}

static void
print_text(struct sk_door *d, const struct sk_value *v, const struct sk_value *alerts)
{
	struct sk_str out = SK_STR_INIT;

	add_head(&out, d, v);
	add_counts(&out, v);
	add_rate(&out, v);
	add_skalds(&out, v);
	add_services(&out, v);
	add_alerts(&out, alerts);
	line(&out, "store", "%s", sk_member_text(v, "store.name"));
	sk_out(&out);
	sk_str_release(&out);
}

/* What was answered, and what only this side knows. */
static void
print_json(struct sk_door *d, const struct sk_value *v, const struct sk_value *alerts)
{
	struct sk_str out = SK_STR_INIT, place = SK_STR_INIT;

	sk_door_place(d, &place);
	sk_value_json(&out, v);
	out.len--;
	sk_json_kbool(&out, "running",
		sk_door_fleet(d) ? *sk_member_text(v, "leader.name") != '\0' : !sk_door_inside(d));
	sk_json_kstr(&out, "at", sk_str_text(&place));
	sk_json_key(&out, "alerts");
	if (sk_member(alerts, "items") != NULL)
		sk_value_json(&out, sk_member(alerts, "items"));
	else
		sk_str_adds(&out, "null");
	sk_str_adds(&out, "}\n");
	sk_out(&out);
	sk_str_release(&out);
	sk_str_release(&place);
}

/* NULL: whoever answers knows of none (an older version). */
static const struct sk_value *
ask_alerts(struct sk_door *d, struct sk_arena *a)
{
	const struct sk_http_call call = { .method = "GET",
		.path = "/v1/alerts?state=firing,acknowledged" };
	struct sk_http_answer answer;
	const struct sk_value *v = NULL;

	if (sk_door_ask(d, &call, &answer) != 0)
		return NULL;
	if (answer.status == 200)
		v = sk_answer_parse(COMMAND, &answer.body, a);
	sk_door_release(&answer);
	return v;
}

static int
status_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config cfg = { .command = COMMAND };
	struct sk_door *d = sk_door_open(settings, &cfg);
	struct sk_arena *a = sk_arena_new();
	struct sk_http_answer answer;
	const struct sk_value *v = NULL, *alerts;
	int code = sk_door_call(d, "GET", "/v1/status", NULL, &answer);

	if (code == 0) {
		v = sk_answer_parse(COMMAND, &answer.body, a);
		sk_door_release(&answer);
		code = v != NULL && v->kind == SK_MAP ? 0 : SK_EXIT_SKALDS;
	}
	alerts = code == 0 ? ask_alerts(d, a) : NULL;
	if (code == 0 && args->json)
		print_json(d, v, alerts);
	else if (code == 0)
		print_text(d, v, alerts);
	sk_arena_free(a);
	sk_door_close(d);
	return code;
}

const struct sk_cmd sk_cmd_status = {
	.name = "status",
	.summary = "Show how it stands: tasks by state, rate, skalds",
	.help = "The rate counts attempts that ended in the last minute. With --json also what a "
			"monitoring system\nwants: oldestWaitingMs, window, refusedReports. Of a fleet also "
			"who leads it, "
			"and how\nits services are.\n"
			"\n"
			"Example:\n"
			"  skalds status --json | jq .tasks.Created",
	.run = status_run,
};
