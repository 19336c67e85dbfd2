/* view_table.c - the live table of edge on a terminal.
 *
 * The cursor rests on the table's first line: a log line that the supervisor prints in between
 * clears the table, and the next drawing puts it below. What tasks have printed reaches it
 * without control characters, and nothing is wider than the screen but an id that is. */
#include "cmd/view.h"
#include "core/base/clock.h"
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MIN_WIDTH 20
#define MAX_ID 40
#define BAR 10
#define GAP 2
#define MIN_LAST 12

enum column {
	COL_ID,
	COL_STATE,
	COL_PID,
	COL_RUN,
	COL_RESTARTS,
	COL_PROGRESS,
	COL_LAST,
	N_COLUMNS
};

struct screen {
	int width, height;
	int columns[N_COLUMNS]; /* widths, 0 = not shown */
};

/* One line on its way to the screen. */
struct row {
	struct sk_str text;
	int width; /* of the text, in columns */
	int pad; /* blanks that are due before the next cell */
};

/* ---- text ---- */

struct range {
	uint32_t first, last;
};

static bool
in_ranges(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].first && c <= r[i].last)
			return true;
	return false;
}

/* How many columns a terminal gives to a character: 0 for marks that join the one before. */
static int
char_width(uint32_t c)
{
	static const struct range wide[] = { { 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 },
		{ 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd } };
	static const struct range joined[] = { { 0x0300, 0x036f }, { 0x200b, 0x200f },
		{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f } };

	if (in_ranges(c, joined, sizeof(joined) / sizeof(joined[0])))
		return 0;
	return in_ranges(c, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}

/* The character at p and its bytes; a blank for a control character, '?' for what is no UTF-8. */
static size_t
next_char(const char *p, uint32_t *c)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t n = u[0] < 0x80 ? 1 : u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;

	if (strnlen(p, n) < n || sk_utf8_bad(p, n) != n) {
		*c = '?';
		return 1;
	}
	*c = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		*c = *c << 6 | (u[i] & 0x3f);
	if (*c < 0x20 || (*c >= 0x7f && *c < 0xa0))
		*c = ' ';
	return n;
}

/* Append at most max columns of the text (out NULL: only measure). Returns how many it took. */
static int
add_text(struct sk_str *out, const char *text, int max)
{
	int width = 0;

	while (*text != '\0') {
		uint32_t c;
		size_t n = next_char(text, &c);
		int w = char_width(c);

		if (width + w > max)
			break;
		if (out != NULL && n > 1 && c != ' ')
			sk_str_add(out, text, n);
		else if (out != NULL)
			sk_str_addc(out, (char)c);
		width += w;
		text += n;
	}
	return width;
}

static int
text_width(const char *text)
{
	return add_text(NULL, text, INT32_MAX);
}

/* ---- layout ---- */

static void
measure_screen(struct screen *s)
{
	struct winsize ws;

	*s = (struct screen){ .width = 80, .height = 24 };
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= MIN_WIDTH && ws.ws_row >= 4)
		*s = (struct screen){ .width = ws.ws_col, .height = ws.ws_row };
}

/* What does not fit is left out, the least useful first; the last line gets what remains. */
static void
lay_out(struct screen *s, int id_width)
{
	static const struct {
		enum column column;
		int width;
	} wishes[] = { { COL_STATE, 11 }, { COL_RUN, 7 }, { COL_LAST, MIN_LAST },
		{ COL_PROGRESS, BAR + 5 }, { COL_RESTARTS, 8 }, { COL_PID, 7 } };
	int left = s->width - 1 - id_width;

	s->columns[COL_ID] = id_width;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		if (left < wishes[i].width + GAP)
			continue;
		s->columns[wishes[i].column] = wishes[i].width;
		left -= wishes[i].width + GAP;
	}
	if (s->columns[COL_LAST] > 0)
		s->columns[COL_LAST] += left;
}

static void
add_cell(const struct screen *s, struct row *row, enum column column, const char *text,
	const char *color)
{
	int width = s->columns[column], used;

	if (width == 0)
		return;
	for (; row->pad > 0; row->pad--, row->width++)
		sk_str_addc(&row->text, ' ');
	sk_str_adds(&row->text, color);
	used = add_text(&row->text, text, column == COL_ID ? INT32_MAX : width);
	if (color[0] != '\0')
		sk_str_adds(&row->text, "\033[0m");
	row->width += used;
	row->pad = (used < width ? width - used : 0) + GAP;
}

/* Take the row over; returns how many lines of the screen it fills. */
static int
end_row(const struct screen *s, struct row *row, struct sk_str *out)
{
	int lines = row->width > s->width ? (row->width + s->width - 1) / s->width : 1;

	sk_str_add(out, sk_str_text(&row->text), row->text.len);
	sk_str_adds(out, "\r\n");
	sk_str_release(&row->text);
	*row = (struct row){ .width = 0 };
	return lines;
}

/* ---- a task ---- */

static const char *
color_of(enum sk_plan_state s)
{
	switch (s) {
	case SK_P_RUNNING:
		return "\033[32m";
	case SK_P_FINISHED:
		return "\033[36m";
	case SK_P_FAILED:
		return "\033[31m";
	case SK_P_BACKOFF:
	case SK_P_STOPPING:
	case SK_P_CANCELLED:
	case SK_P_INTERRUPTED:
	case SK_P_SKIPPED:
		return "\033[33m";
	case SK_P_WAITING:
	case SK_P_READY:
	case SK_P_STARTING:
		return "\033[2m";
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

static int
add_task(const struct sk_view *v, const struct screen *s, const struct sk_plan_task *t,
	struct sk_str *out)
{
	struct row row = { .width = 0 };
	struct sk_str last = SK_STR_INIT;
	char pid[16], run[16], restarts[16], progress[64];

	snprintf(pid, sizeof(pid), t->pid > 0 ? "%d" : "-", (int)t->pid);
	run_text(t, run);
	snprintf(restarts, sizeof(restarts), "%u", t->attempt > 0 ? t->attempt - 1 : 0);
	progress_text(t, progress);
	last_text(t, &last);
	add_cell(s, &row, COL_ID, t->spec.id, "");
	add_cell(s, &row, COL_STATE, sk_plan_state_name(t->state), v->color ? color_of(t->state) : "");
	add_cell(s, &row, COL_PID, pid, "");
	add_cell(s, &row, COL_RUN, run, "");
	add_cell(s, &row, COL_RESTARTS, restarts, "");
	add_cell(s, &row, COL_PROGRESS, progress, "");
	add_cell(s, &row, COL_LAST, sk_str_text(&last), "");
	sk_str_release(&last);
	return end_row(s, &row, out);
}

/* ---- the table ---- */

static void
add_head(const struct screen *s, struct sk_str *out)
{
	static const char *const names[N_COLUMNS] = { "TASK", "STATE", "PID", "RUN", "RESTARTS",
		"PROGRESS", "LAST LINE" };
	struct row row = { .width = 0 };

	for (enum column c = COL_ID; c < N_COLUMNS; c++)
		add_cell(s, &row, c, names[c], "");
	end_row(s, &row, out);
}

static void
add_summary(const struct screen *s, const struct sk_plan *plan, struct sk_str *out)
{
	static const enum sk_plan_state order[] = { SK_P_RUNNING, SK_P_STARTING, SK_P_READY,
		SK_P_WAITING, SK_P_BACKOFF, SK_P_STOPPING, SK_P_FINISHED, SK_P_FAILED, SK_P_CANCELLED,
		SK_P_INTERRUPTED, SK_P_SKIPPED };
	struct sk_str text = SK_STR_INIT;
	size_t n;

	sk_plan_tasks(plan, &n);
	sk_str_addf(&text, "%zu task%s:", n, n == 1 ? "" : "s");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if ((n = sk_plan_count(plan, order[i])) > 0)
			sk_str_addf(&text, " %zu %s", n, sk_plan_state_name(order[i]));
	add_text(out, text.p, s->width - 1);
	sk_str_release(&text);
}

static int
widest_id(struct sk_plan_task *const *tasks, size_t n, int most)
{
	int width = 4;

	for (size_t i = 0; i < n; i++) {
		int w = text_width(tasks[i]->spec.id);

		if (w > width && w <= most)
			width = w;
	}
	return width;
}

void
sk_view_draw(const struct sk_view *v, struct sk_link *link, bool last)
{
	const struct sk_plan *plan = sk_link_plan(link);
	struct sk_str out = SK_STR_INIT;
	struct sk_plan_task *const *tasks;
	struct screen s;
	size_t n, shown;
	int lines = 1;

	if (v->mode != SK_VIEW_TABLE)
		return;
	measure_screen(&s);
	tasks = sk_plan_tasks(plan, &n);
	/* at the end there is no need to fit: what is shown stays in the scroll-back */
	shown = last || n <= (size_t)s.height - 3 ? n : (size_t)s.height - 3;
	lay_out(&s, widest_id(tasks, shown, s.width < 2 * MAX_ID ? s.width / 2 : MAX_ID));
	sk_str_adds(&out, "\r\033[J");
	add_head(&s, &out);
	for (size_t i = 0; i < shown && (last || lines < s.height - 2); i++)
		lines += add_task(v, &s, tasks[i], &out);
	add_summary(&s, plan, &out);
	if (last)
		sk_str_adds(&out, "\r\n");
	else
		sk_str_addf(&out, "\033[%dA\r", lines);
	sk_link_print(link, 1, out.p, out.len);
	sk_str_release(&out);
}
