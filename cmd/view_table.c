/* view_table.c - the live table of edge on a terminal.
 *
 * The cursor rests on the table's first line: a log line that the supervisor prints in between
 * clears the table, and the next drawing puts it below. */
#include "cmd/view.h"
#include "core/base/clock.h"
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MIN_WIDTH 40
#define MAX_ID 40
#define BAR 10

struct screen {
	int width, height;
};

static struct screen
screen_size(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0 || ws.ws_col < MIN_WIDTH || ws.ws_row < 4)
		return (struct screen){ 80, 24 };
	return (struct screen){ ws.ws_col, ws.ws_row };
}

/* Columns, not bytes: continuation bytes of UTF-8 take no room (wide letters may take two). */
static int
columns(const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void
add_cell(struct sk_str *out, const char *text, int width)
{
	int n = columns(text);

	sk_str_adds(out, text);
	for (; n < width + 2; n++)
		sk_str_addc(out, ' ');
}

/* At most width columns of text. */
static void
add_cut(struct sk_str *out, const char *text, int width)
{
	for (int n = 0; *text != '\0'; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80 && n++ >= width)
			break;
		sk_str_addc(out, *text);
	}
}

static const char *
color_of(enum sk_plan_state s)
{
	switch (s) {
	case SK_P_RUNNING: return "\033[32m";
	case SK_P_FINISHED: return "\033[36m";
	case SK_P_FAILED: return "\033[31m";
	case SK_P_BACKOFF:
	case SK_P_STOPPING:
	case SK_P_CANCELLED:
	case SK_P_INTERRUPTED:
	case SK_P_SKIPPED: return "\033[33m";
	case SK_P_WAITING:
	case SK_P_READY:
	case SK_P_STARTING: return "\033[2m";
	}
	return "";
}

static void
progress_text(const struct sk_plan_task *t, char out[64])
{
	int full = (int)(t->progress * BAR + 0.5);

	if (t->progress <= 0) {
		out[0] = '\0';
		return;
	}
	snprintf(out, 64, "%.*s%.*s %3.0f%%", full, "##########", BAR - full, "..........",
		t->progress * 100);
}

static void
run_text(const struct sk_plan_task *t, char out[16])
{
	int64_t now = sk_boot_ms();

	if (t->state == SK_P_BACKOFF)
		sk_view_duration(t->next_ms - now, out);
	else if (t->state == SK_P_RUNNING || t->state == SK_P_STOPPING)
		sk_view_duration(now - t->start_boot_ms, out);
	else if (t->start_boot_ms > 0 && t->end_boot_ms > 0)
		sk_view_duration(t->end_boot_ms - t->start_boot_ms, out);
	else
		snprintf(out, 16, "-");
}

/* The last line it printed, or why it ended. */
static void
last_text(const struct sk_plan_task *t, struct sk_str *out)
{
	if (t->state == SK_P_FAILED || t->state == SK_P_BACKOFF || t->state == SK_P_SKIPPED)
		sk_view_exit_text(&t->report, out);
	else if (t->line[0] != '\0')
		sk_str_adds(out, t->line);
	else
		sk_str_adds(out, t->stage);
}

static void
add_row(const struct sk_view *v, const struct sk_plan_task *t, int id_width, int width,
	struct sk_str *out)
{
	struct sk_str row = SK_STR_INIT, last = SK_STR_INIT;
	char pid[16], run[16], restarts[16], progress[64];
	int used;

	snprintf(pid, sizeof(pid), t->pid > 0 ? "%d" : "-", (int)t->pid);
	run_text(t, run);
	snprintf(restarts, sizeof(restarts), "%u", t->attempt > 0 ? t->attempt - 1 : 0);
	progress_text(t, progress);
	last_text(t, &last);
	add_cell(&row, t->spec.id, id_width);
	if (v->color)
		sk_str_adds(&row, color_of(t->state));
	add_cell(&row, sk_plan_state_name(t->state), 11);
	if (v->color)
		sk_str_adds(&row, "\033[0m");
	add_cell(&row, pid, 7);
	add_cell(&row, run, 7);
	add_cell(&row, restarts, 8);
	add_cell(&row, progress, BAR + 5);
	used = (columns(t->spec.id) > id_width ? columns(t->spec.id) : id_width) + 11 + 7 + 7 + 8 +
		BAR + 5 + 12;
	if (used < width)
		add_cut(&row, sk_str_text(&last), width - used);
	sk_str_add(out, row.p, row.len);
	sk_str_release(&row);
	sk_str_release(&last);
}

static void
add_summary(const struct sk_plan *plan, struct sk_str *out)
{
	static const enum sk_plan_state order[] = { SK_P_RUNNING, SK_P_STARTING, SK_P_READY,
		SK_P_WAITING, SK_P_BACKOFF, SK_P_STOPPING, SK_P_FINISHED, SK_P_FAILED, SK_P_CANCELLED,
		SK_P_INTERRUPTED, SK_P_SKIPPED };
	size_t n;

	sk_plan_tasks(plan, &n);
	sk_str_addf(out, "%zu task%s:", n, n == 1 ? "" : "s");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if ((n = sk_plan_count(plan, order[i])) > 0)
			sk_str_addf(out, " %zu %s", n, sk_plan_state_name(order[i]));
}

void
sk_view_draw(const struct sk_view *v, struct sk_link *link, bool last)
{
	struct screen screen = screen_size();
	const struct sk_plan *plan = sk_link_plan(link);
	struct sk_str out = SK_STR_INIT;
	struct sk_plan_task *const *tasks;
	size_t n, shown;
	int id_width = 4;

	if (v->mode != SK_VIEW_TABLE)
		return;
	tasks = sk_plan_tasks(plan, &n);
	/* at the end there is no need to fit: what is shown stays in the scroll-back */
	shown = last || n <= (size_t)screen.height - 3 ? n : (size_t)screen.height - 3;
	for (size_t i = 0; i < shown; i++)
		if (columns(tasks[i]->spec.id) > id_width && columns(tasks[i]->spec.id) <= MAX_ID)
			id_width = columns(tasks[i]->spec.id);
	sk_str_adds(&out, "\r\033[J");
	add_cell(&out, "TASK", id_width);
	sk_str_addf(&out, "%-11s  %-7s  %-7s  %-8s  %-*s  %s", "STATE", "PID", "RUN", "RESTARTS", BAR + 5,
		"PROGRESS", "LAST LINE");
	for (size_t i = 0; i < shown; i++) {
		sk_str_adds(&out, "\r\n");
		add_row(v, tasks[i], id_width, screen.width - 1, &out);
	}
	sk_str_adds(&out, "\r\n");
	add_summary(plan, &out);
	if (last)
		sk_str_adds(&out, "\r\n");
	else
		sk_str_addf(&out, "\033[%zuA\r", shown + 1);
	sk_link_print(link, 1, out.p, out.len);
	sk_str_release(&out);
}
