/* alert.c - `skalds alert list|ack|check`. */
#include "cmd/alerts.h"
#include "cmd/answer.h"
#include "cmd/door.h"
#include "cmd/options.h"
#include "cmd/table.h"
#include "core/base/clock.h"
#include <string.h>

static void
print_line(struct sk_str *body)
{
	while (body->len > 0 && body->p[body->len - 1] == '\n')
		body->len--;
	sk_str_addc(body, '\n');
	sk_out(body);
}

/* ---- list ---- */

static void
add_row(struct sk_grid *t, const struct sk_value *alert, int64_t now_ms)
{
	const char *by = sk_member_text(alert, "acknowledgedBy");
	struct sk_str state = SK_STR_INIT;
	char age[16];

	sk_str_adds(&state, sk_member_text(alert, "state"));
	if (by[0] != '\0' && strcmp(state.p, "acknowledged") == 0)
		sk_str_addf(&state, " by %s", by);
	sk_age_text(now_ms - sk_member_int(alert, "since", now_ms), age);
	sk_grid_cell(t, sk_member_text(alert, "id"));
	sk_grid_cell(t, sk_member_text(alert, "severity"));
	sk_grid_cell(t, sk_str_text(&state));
	sk_grid_cell(t, sk_member_text(alert, "rule"));
	sk_grid_cell(t, age);
	sk_grid_cell(t, sk_member_text(alert, "message"));
	sk_str_release(&state);
}

static void
print_table(struct sk_value *const *items, size_t n)
{
	static const char *const head[] = { "ID", "SEVERITY", "STATE", "RULE", "SINCE", "MESSAGE",
		NULL };
	static const int order[] = { 3, -1 };
	struct sk_grid t;

	sk_grid_init(&t, head);
	for (size_t i = 0; i < n; i++)
		add_row(&t, items[i], sk_wall_ms());
	sk_grid_print(&t, 12, order);
}

static int
list_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config cfg = { .command = "alert list" };
	const char *state = sk_arg(args, "state");
	struct sk_door *d = sk_door_open(settings, &cfg);
	struct sk_arena *a = sk_arena_new();
	struct sk_str path = SK_STR_INIT;
	struct sk_http_answer answer;
	int code;

	sk_str_adds(&path, "/v1/alerts");
	if (state != NULL || !sk_arg_set(args, "all")) {
		sk_str_adds(&path, "?state=");
		sk_url_add(&path, state != NULL ? state : "firing,acknowledged");
	}
	code = sk_door_call(d, "GET", path.p, NULL, &answer);
	if (code == 0) {
		struct sk_value *v = sk_answer_parse(cfg.command, &answer.body, a);
		size_t n;
		struct sk_value *const *items = sk_member_list(v, "items", &n);

		if (v == NULL)
			code = SK_EXIT_SKALDS;
		else if (args->json)
			print_line(&answer.body);
		else
			print_table(items, n);
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	sk_arena_free(a);
	sk_door_close(d);
	return code;
}

/* ---- ack ---- */

static int
ack_one(struct sk_door *d, const char *id, bool json)
{
	struct sk_str path = SK_STR_INIT;
	struct sk_http_answer answer;
	int code;

	sk_str_adds(&path, "/v1/alerts/");
	sk_url_add(&path, id);
	sk_str_adds(&path, "/acknowledge");
	code = sk_door_call(d, "POST", path.p, NULL, &answer);
	if (code == 0) {
		if (json)
			print_line(&answer.body);
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	return code;
}

static int
ack_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config cfg = { .command = "alert ack" };
	struct sk_door *d = sk_door_open(settings, &cfg);
	int code = SK_EXIT_OK;

	for (int i = 0; i < args->n_pos; i++) {
		int one = args->pos[i][0] != '\0' ? ack_one(d, args->pos[i], args->json)
										  : sk_usage_error(cfg.command, "the id is empty");

		code = code != SK_EXIT_OK ? code : one;
	}
	sk_door_close(d);
	return code;
}

/* ---- check ---- */

static int
check_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str problems = SK_STR_INIT, out = SK_STR_INIT;
	struct sk_alert_rules rules;
	bool ok = sk_alerts_file(args->pos[0], a, &rules, &problems);

	(void)settings;
	fputs(sk_str_text(&problems), stderr);
	if (ok && !args->quiet)
		sk_str_addf(&out, "%s: %zu rule%s ok\n",
			strcmp(args->pos[0], "-") == 0 ? "stdin" : args->pos[0], rules.n,
			rules.n == 1 ? "" : "s");
	sk_out(&out);
	sk_str_release(&out);
	sk_str_release(&problems);
	sk_arena_free(a);
	return ok ? SK_EXIT_OK : SK_EXIT_USAGE;
}

/* ---- the commands ---- */

static const struct sk_opt list_options[] = {
	{ .name = "state", .value = "STATES", .doc = "of firing, acknowledged, resolved; with commas" },
	{ .name = "all", .doc = "those that are over, too" },
	{ .name = NULL },
};

static const struct sk_cmd list = {
	.name = "list",
	.summary = "List the alerts that go on",
	.options = list_options,
	.help = "Exit: 0, whether there are any or not.",
	.run = list_run,
};

static const struct sk_cmd ack = {
	.name = "ack",
	.summary = "Acknowledge alerts: somebody takes care",
	.usage = "ID...",
	.help = "It goes on until its reason is over; then it is resolved by itself.\n"
			"\n"
			"Exit: 0 acknowledged; 1 one is over already; 3 there is none of this id.",
	.min_args = 1,
	.max_args = -1,
	.run = ack_run,
};

static const char check_help[] =
	"Prints every problem as FILE:LINE:COLUMN: PATH: SENTENCE and exits with 2 when the file is\n"
	"wrong. Nothing is started.\n"
	"\n"
	"A rule: name, metric, threshold (fires above), clear (is over at this or below), for (30s, "
	"5m),\n"
	"severity (warning, critical), subject (a pattern of skalds or services), minCount.\n"
	"Metrics: queue.ageSeconds failure.rate skalds.lost task.overdue skald.cpu skald.memory\n"
	"skald.disk service.down store.latency bus.latency cache.latency.\n"
	"\n"
	"Example:\n"
	"  alerts:\n"
	"    - {name: queue, metric: queue.ageSeconds, threshold: 600, clear: 300, for: 1m}";

static const struct sk_cmd check_cmd = {
	.name = "check",
	.summary = "Check a file of rules",
	.usage = "FILE",
	.help = check_help,
	.min_args = 1,
	.max_args = 1,
	.run = check_run,
};

static const struct sk_cmd *const verbs[] = { &list, &ack, &check_cmd, NULL };

const struct sk_cmd sk_cmd_alert = {
	.name = "alert",
	.summary = "Show and acknowledge alerts, check rules",
	.verbs = verbs,
};
