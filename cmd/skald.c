/* skald.c - `skalds skald list|get|drain|undrain`: the agents that run tasks. */
#include "cmd/answer.h"
#include "cmd/door.h"
#include "cmd/options.h"
#include "cmd/skald.h"
#include "cmd/table.h"
#include "core/base/clock.h"
#include <inttypes.h>
#include <string.h>

/* ---- list ---- */

/* How busy its processors are, of how many; only how many when it does not tell. */
static void
add_cpu(struct sk_grid *t, const struct sk_value *skald)
{
	const struct sk_value *busy = sk_member(skald, "load.cpuPercent");
	double cpus = sk_member_num(skald, "cpus");
	char text[48] = "";

	if (busy != NULL && busy->kind != SK_NULL)
		snprintf(
			text, sizeof(text), "%.0f%% of %.10g", sk_member_num(skald, "load.cpuPercent"), cpus);
	else if (cpus > 0)
		snprintf(text, sizeof(text), "%.10g", cpus);
	sk_grid_cell(t, text);
}

/* Of what is there, or what it offers to tasks when it does not tell. */
static void
add_memory(struct sk_grid *t, const struct sk_value *skald)
{
	int64_t total = sk_member_int(skald, "load.memoryTotalMb", 0);
	int64_t used = sk_member_int(skald, "load.memoryUsedMb", 0);
	double offered = sk_member_num(skald, "memoryMb");
	char text[48] = "";

	if (total > 0)
		snprintf(text, sizeof(text), "%.0f%% of %" PRId64 " MB", (double)used * 100 / (double)total,
			total);
	else if (offered > 0)
		snprintf(text, sizeof(text), "%.0f MB", offered);
	sk_grid_cell(t, text);
}

static void
add_count(struct sk_grid *t, int64_t n)
{
	char text[SK_COUNT_LEN];

	sk_grid_cell(t, sk_count_text(n, text));
}

static void
add_classes(struct sk_grid *t, const struct sk_value *skald)
{
	struct sk_str s = SK_STR_INIT;
	struct sk_value *const *classes;
	size_t n;

	classes = sk_member_list(skald, "classes", &n);
	for (size_t i = 0; i < n; i++)
		if (classes[i]->kind == SK_STRING)
			sk_str_addf(&s, "%s%s", i > 0 ? "," : "", classes[i]->u.str.s);
	sk_grid_cell(t, sk_str_text(&s));
	sk_str_release(&s);
}

static void
add_row(struct sk_grid *t, const struct sk_value *skald, int64_t now_ms)
{
	int64_t seen = sk_member_int(skald, "seen", 0);
	char age[16];

	sk_age_text(seen > 0 ? (now_ms > seen ? now_ms - seen : 0) : -1, age);
	sk_grid_cell(t, sk_member_text(skald, "id"));
	sk_grid_cell(t, sk_member_text(skald, "mode"));
	sk_grid_cell(t, sk_member_text(skald, "state"));
	add_count(t, sk_member_int(skald, "tasks", 0));
	add_count(t, sk_member_int(skald, "slots", 0));
	add_cpu(t, skald);
	add_memory(t, skald);
	sk_grid_cell(t, age);
	add_classes(t, skald);
}

static void
print_table(struct sk_value *const *items, size_t n)
{
	static const char *const head[] = { "ID", "MODE", "STATE", "TASKS", "SLOTS", "CPU", "MEM",
		"SEEN", "CLASSES", NULL };
	static const int order[] = { 6, 5, 1, 7, -1 };
	struct sk_grid t;

	sk_grid_init(&t, head);
	for (size_t i = 0; i < n; i++)
		add_row(&t, items[i], sk_wall_ms());
	sk_grid_print(&t, 12, order);
}

static void
print_line(struct sk_str *body)
{
	while (body->len > 0 && body->p[body->len - 1] == '\n')
		body->len--;
	sk_str_addc(body, '\n');
	sk_out(body);
}

static int
list_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config cfg = { .command = "skald list" };
	struct sk_door *d = sk_door_open(settings, &cfg);
	struct sk_arena *a = sk_arena_new();
	struct sk_http_answer answer;
	int code = sk_door_call(d, "GET", "/v1/skalds", NULL, &answer);

	if (code == 0) {
		struct sk_value *v = sk_answer_parse(cfg.command, &answer.body, a);
		struct sk_value *const *items;
		size_t n;

		items = sk_member_list(v, "items", &n);
		if (v == NULL)
			code = SK_EXIT_SKALDS;
		else if (args->json)
			print_line(&answer.body);
		else
			print_table(items, n);
		sk_door_release(&answer);
	}
	sk_arena_free(a);
	sk_door_close(d);
	return code;
}

/* ---- drain ---- */

static int
drain(const struct sk_args *args, struct sk_settings *settings, const char *command,
	const char *route)
{
	const struct sk_door_config cfg = { .command = command };
	struct sk_door *d;
	struct sk_http_answer answer;
	struct sk_str path = SK_STR_INIT;
	int code;

	if (args->pos[0][0] == '\0')
		return sk_usage_error(command, "the id is empty");
	d = sk_door_open(settings, &cfg);
	sk_str_adds(&path, "/v1/skalds/");
	sk_url_add(&path, args->pos[0]);
	sk_str_addf(&path, "/%s", route);
	code = sk_door_call(d, "POST", path.p, NULL, &answer);
	if (code == 0) {
		if (args->json)
			print_line(&answer.body);
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	sk_door_close(d);
	return code;
}

static int
drain_run(const struct sk_args *args, struct sk_settings *settings)
{
	return drain(args, settings, "skald drain", "drain");
}

static int
undrain_run(const struct sk_args *args, struct sk_settings *settings)
{
	return drain(args, settings, "skald undrain", "undrain");
}

/* ---- the commands ---- */

static const struct sk_cmd list = {
	.name = "list",
	.summary = "List the skalds and what they have to do",
	.help = "STATE is online, offline or draining; CPU how busy its processors are, of how many; "
			"MEM how\n"
			"much of its memory is in use; SEEN how long ago it gave a sign of life. What a skald "
			"does\n"
			"not tell is left out: then CPU and MEM are what it has for tasks.",
	.run = list_run,
};

static const struct sk_cmd drain_cmd = {
	.name = "drain",
	.summary = "Give a skald no more tasks; what it has goes on",
	.usage = "SKALD",
	.help = "Example:\n"
			"  skalds skald drain SKALD && skalds skald list",
	.min_args = 1,
	.max_args = 1,
	.run = drain_run,
};

static const struct sk_cmd undrain_cmd = {
	.name = "undrain",
	.summary = "Give a skald tasks again",
	.usage = "SKALD",
	.min_args = 1,
	.max_args = 1,
	.run = undrain_run,
};

static const struct sk_cmd *const verbs[] = { &list, &sk_skald_get, &drain_cmd, &undrain_cmd,
	NULL };

const struct sk_cmd sk_cmd_skald = {
	.name = "skald",
	.summary = "Show the skalds that run tasks, drain them",
	.verbs = verbs,
};
