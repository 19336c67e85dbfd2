#include "cmd/view.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
sk_view_duration(int64_t ms, char out[16])
{
	int64_t s = ms / 1000;

	if (ms < 0)
		snprintf(out, 16, "-");
	else if (s < 60)
		snprintf(out, 16, "%d.%d s", (int)s, (int)(ms % 1000 / 100));
	else if (s < 3600)
		snprintf(out, 16, "%dm%02ds", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(out, 16, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(out, 16, "%dd%02dh", (int)(s / 86400 % 100000), (int)(s / 3600 % 24));
}

void
sk_view_exit_text(const struct sk_task_report *r, struct sk_str *out)
{
	const char *message = r->message != NULL ? r->message : "";

	sk_reason_text(out, r->reason, r->code, r->signal);
	if (message[0] != '\0')
		sk_str_addf(out, ": %s", message);
}

/* ---- log lines ---- */

static enum sk_level
level_of(const char *name)
{
	static const struct {
		const char *name;
		enum sk_level level;
	} rows[] = {
		{ "finished", SK_SUCCESS },
		{ "failed", SK_ERROR },
		{ "retrying", SK_WARNING },
		{ "skipped", SK_WARNING },
		{ "interrupted", SK_WARNING },
		{ "cancelled", SK_WARNING },
		{ "progress", SK_DEBUG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].level;
	return SK_INFO;
}

static void
line_text(const struct sk_plan_task *t, const char *name, struct sk_str *out)
{
	const struct sk_task_report *r = &t->report;
	char ran[16], wait[16];

	sk_view_duration(r->end_boot_ms - r->start_boot_ms, ran);
	sk_view_duration(t->next_ms - t->end_boot_ms, wait);
	sk_str_adds(out, name);
	if (strcmp(name, "started") == 0)
		sk_str_addf(out, ", pid %" PRId64, r->pid);
	else if (strcmp(name, "finished") == 0)
		sk_str_addf(out, " after %s", ran);
	else if (strcmp(name, "progress") == 0)
		sk_str_addf(out, " %.0f %% %s", t->progress * 100, t->stage);
	else if (strcmp(name, "updated") == 0)
		sk_str_adds(out, ": new attachments are in force");
	else if (strcmp(name, "retrying") == 0) {
		sk_str_addf(out, " in %s, failure %u: ", wait, t->failures);
		sk_view_exit_text(r, out);
	} else {
		if (r->start_boot_ms > 0)
			sk_str_addf(out, " after %s", ran);
		if (strcmp(name, sk_reason_name(r->reason)) != 0) {
			sk_str_adds(out, ": ");
			sk_view_exit_text(r, out);
		} else if (r->message != NULL && r->message[0] != '\0')
			sk_str_addf(out, ": %s", r->message);
	}
}

static void
lines_event(const struct sk_view *v, const struct sk_plan_task *t, const char *name)
{
	struct sk_str text = SK_STR_INIT;
	enum sk_level level = level_of(name);

	if (v->calm && level < SK_WARNING)
		level = SK_DEBUG;
	if (level < sk_log_settings()->level)
		return;
	line_text(t, name, &text);
	sk_log_task(level, v->component, t->spec.id, t->attempt, "%s", text.p);
	sk_str_release(&text);
}

/* ---- JSON Lines (cli.md, An event) ---- */

static void
add_exit(const struct sk_task_report *r, struct sk_str *out)
{
	sk_json_key(out, "exit");
	sk_str_addc(out, '{');
	sk_json_kstr(out, "reason", sk_reason_name(r->reason));
	sk_json_kint(out, "code", r->code);
	sk_json_kint(out, "signal", r->signal);
	sk_json_kstr(out, "message", r->message != NULL ? r->message : "");
	sk_str_addc(out, '}');
	if (r->start_boot_ms > 0) {
		sk_json_kint(out, "runMs", r->end_boot_ms - r->start_boot_ms);
		sk_json_kint(out, "cpuMs", r->cpu_ms);
		sk_json_kint(out, "maxRssKb", r->max_rss_kb);
	}
	if (r->result_len > 0) {
		sk_json_key(out, "result");
		sk_json_string_n(out, r->result, r->result_len);
	}
}

static void
json_event(struct sk_link *link, const struct sk_plan_task *t, const char *name)
{
	struct sk_str line = SK_STR_INIT;

	sk_str_addc(&line, '{');
	sk_json_kint(&line, "time", sk_wall_ms());
	sk_json_kstr(&line, "event", name);
	sk_json_kstr(&line, "taskId", t->spec.id);
	sk_json_kint(&line, "attempt", t->attempt);
	if (strcmp(name, "started") == 0)
		sk_json_kint(&line, "pid", t->report.pid);
	else if (strcmp(name, "progress") == 0) {
		sk_json_key(&line, "progress");
		sk_str_adds(&line, "{");
		sk_json_key(&line, "value");
		sk_json_double(&line, t->progress);
		sk_json_kstr(&line, "stage", t->stage);
		sk_str_addc(&line, '}');
	} else if (strcmp(name, "updated") != 0)
		add_exit(&t->report, &line);
	if (strcmp(name, "retrying") == 0) {
		sk_json_kint(&line, "failures", t->failures);
		sk_json_kint(&line, "delayMs", t->next_ms - t->end_boot_ms);
	}
	sk_str_adds(&line, "}\n");
	sk_link_print(link, 1, line.p, line.len);
	sk_str_release(&line);
}

void
sk_view_event(
	const struct sk_view *v, struct sk_link *link, const struct sk_plan_task *t, const char *name)
{
	if (v->mode == SK_VIEW_JSON)
		json_event(link, t, name);
	else
		lines_event(v, t, name);
}
