/* skald_get.c - `skalds skald get SKALD`: all that is known of one, for reading or as JSON. */
#include "cmd/answer.h"
#include "cmd/door.h"
#include "cmd/options.h"
#include "cmd/skald.h"
#include "core/base/clock.h"
#include <inttypes.h>
#include <string.h>

#define COMMAND "skald get"

static void SK_PRINTF(3, 4) line(struct sk_str *out, const char *name, const char *fmt, ...)
{
	size_t from;
	va_list ap;

	sk_str_addf(out, "%-10s", name);
	from = out->len;
	va_start(ap, fmt);
	sk_str_vaddf(out, fmt, ap);
	va_end(ap);
	/* what skalds say must neither break the line nor steer the terminal */
	for (size_t i = from; i < out->len; i++)
		if ((unsigned char)out->p[i] < 0x20 || out->p[i] == 0x7f)
			out->p[i] = ' ';
	sk_str_addc(out, '\n');
}

static void
line_time(struct sk_str *out, const char *name, int64_t ms)
{
	int64_t ago = sk_wall_ms() - ms;
	char when[SK_LOCAL_LEN], age[16];

	if (ms <= 0)
		return;
	sk_local_text(ms, when);
	sk_age_text(ago > 0 ? ago : 0, age);
	line(out, name, "%s (%s ago)", when, age);
}

/* "name  used of total MB (share)" */
static void
line_share(struct sk_str *out, const char *name, int64_t used, int64_t total)
{
	if (used >= 0 && total > 0)
		line(out, name, "%" PRId64 " of %" PRId64 " MB (%.0f%%)", used, total,
			(double)used * 100 / (double)total);
}

static void
add_load(struct sk_str *out, const struct sk_value *v)
{
	const struct sk_value *busy = sk_member(v, "load.cpuPercent");

	if (busy != NULL && busy->kind != SK_NULL)
		line(out, "cpu", "%.1f%%, load %.2f", sk_member_num(v, "load.cpuPercent"),
			sk_member_num(v, "load.load1"));
	line_share(out, "memory", sk_member_int(v, "load.memoryUsedMb", -1),
		sk_member_int(v, "load.memoryTotalMb", -1));
	line_share(out, "disk", sk_member_int(v, "load.diskUsedMb", -1),
		sk_member_int(v, "load.diskTotalMb", -1));
}

static void
add_json(struct sk_str *out, const char *name, const struct sk_value *v)
{
	struct sk_str text = SK_STR_INIT;

	if (v == NULL || (v->kind == SK_MAP && v->u.map.n == 0))
		return;
	sk_value_json(&text, v);
	line(out, name, "%s", text.p);
	sk_str_release(&text);
}

static void
add_text(struct sk_str *out, const char *name, const char *text)
{
	if (*text != '\0')
		line(out, name, "%s", text);
}

static void
print_skald(const struct sk_value *v)
{
	struct sk_str out = SK_STR_INIT;

	add_text(&out, "id", sk_member_text(v, "id"));
	add_text(&out, "mode", sk_member_text(v, "mode"));
	add_text(&out, "state", sk_member_text(v, "state"));
	line(&out, "tasks", "%" PRId64 " in %" PRId64 " slots", sk_member_int(v, "tasks", 0),
		sk_member_int(v, "slots", 0));
	line(&out, "offers", "%.10g cpus, %" PRId64 " MB, %" PRId64 " gpus", sk_member_num(v, "cpus"),
		sk_member_int(v, "memoryMb", 0), sk_member_int(v, "gpus", 0));
	add_load(&out, v);
	add_json(&out, "classes", sk_member(v, "classes"));
	add_json(&out, "labels", sk_member(v, "labels"));
	line_time(&out, "started", sk_member_int(v, "started", 0));
	line_time(&out, "seen", sk_member_int(v, "seen", 0));
	add_text(&out, "host", sk_member_text(v, "host"));
	add_text(&out, "version", sk_member_text(v, "version"));
	sk_out(&out);
	sk_str_release(&out);
}

static int
get_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config cfg = { .command = COMMAND };
	struct sk_door *d;
	struct sk_arena *a;
	struct sk_str path = SK_STR_INIT;
	struct sk_http_answer answer;
	int code;

	if (args->pos[0][0] == '\0')
		return sk_usage_error(COMMAND, "the id is empty");
	d = sk_door_open(settings, &cfg);
	a = sk_arena_new();
	sk_str_adds(&path, "/v1/skalds/");
	sk_url_add(&path, args->pos[0]);
	code = sk_door_call(d, "GET", path.p, NULL, &answer);
	if (code == 0) {
		const struct sk_value *v = sk_answer_parse(COMMAND, &answer.body, a);

		if (v == NULL) {
			code = SK_EXIT_SKALDS;
		} else if (args->json) {
			sk_str_addc(&answer.body, '\n');
			sk_out(&answer.body);
		} else {
			print_skald(v);
		}
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	sk_arena_free(a);
	sk_door_close(d);
	return code;
}

const struct sk_cmd sk_skald_get = {
	.name = "get",
	.summary = "Show one skald: what it offers, how its machine is doing",
	.usage = "SKALD",
	.min_args = 1,
	.max_args = 1,
	.run = get_run,
};
