/* task_watch.c - `skalds task watch [ID]`: what happens, as it happens. */
#include "cmd/task.h"
#include "core/base/clock.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COMMAND "task watch"
#define WAIT_MS 30000

struct watching {
	struct sk_door *door;
	const char *id; /* NULL = everything */
	bool json;
	int64_t after; /* the number of the last event seen; -1 = only what is new */
	bool over, gap; /* gap: the end of the task may be among what was missed */
};

/* ---- one event ---- */

static void
add_when(struct sk_str *out, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	char text[16] = "";

	if (localtime_r(&t, &tm) == NULL || strftime(text, sizeof(text), "%H:%M:%S", &tm) == 0)
		text[0] = '\0';
	sk_str_addf(out, "%s.%03d", text, (int)(ms % 1000));
}

/* One line whatever the event quotes. */
static void
add_clean(struct sk_str *out, const char *text)
{
	for (; *text != '\0'; text++)
		sk_str_addc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void
add_details(struct sk_str *out, const struct sk_value *e)
{
	const char *skald = sk_member_text(e, "skald"), *message = sk_member_text(e, "message");
	double value = sk_member_num(e, "progress.value");
	const char *stage = sk_member_text(e, "progress.stage");

	if (*sk_member_text(e, "className") != '\0')
		sk_str_addf(out, "  %s", sk_member_text(e, "className"));
	if (sk_member_int(e, "attempt", 0) > 0)
		sk_str_addf(out, "  attempt %" PRId64, sk_member_int(e, "attempt", 0));
	if (*skald != '\0')
		sk_str_addf(out, " on %s", skald);
	if (sk_member(e, "progress") != NULL)
		sk_str_addf(out, "  %.0f %% %s", value * 100, stage);
	if (*message != '\0')
		sk_str_addf(out, ": %s", message);
}

static void
print_text(const struct sk_value *e)
{
	struct sk_str line = SK_STR_INIT, details = SK_STR_INIT;

	add_when(&line, sk_member_int(e, "time", 0));
	sk_str_addf(&line, "  %-11s  ", sk_member_text(e, "event"));
	add_details(&details, e);
	add_clean(&line, sk_member_text(e, "taskId"));
	add_clean(&line, sk_str_text(&details));
	sk_str_addc(&line, '\n');
	sk_out(&line);
	sk_str_release(&line);
	sk_str_release(&details);
}

static bool
ends(const struct sk_value *e)
{
	static const char *const last[] = { "finished", "failed", "cancelled", NULL };

	for (size_t i = 0; last[i] != NULL; i++)
		if (strcmp(sk_member_text(e, "event"), last[i]) == 0)
			return true;
	return false;
}

/* ---- the stream ---- */

static int
print_line(struct watching *w, const char *line, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	const struct sk_str text = { .p = sk_arena_strndup(a, line, n), .len = n };
	const struct sk_value *e = sk_answer_parse(COMMAND, &text, a);

	if (e != NULL && w->json)
		fprintf(stdout, "%s\n", text.p);
	else if (e != NULL)
		print_text(e);
	w->over = w->over || (w->id != NULL && ends(e));
	w->gap = w->gap || strcmp(sk_member_text(e, "event"), "gap") == 0;
	sk_arena_free(a);
	return e != NULL ? 0 : SK_EXIT_SKALDS;
}

static int
print_lines(struct watching *w, const struct sk_str *body)
{
	const char *p = sk_str_text(body), *end = p + body->len;
	int code = 0;

	while (code == 0 && p < end && !w->over) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl != NULL ? (size_t)(nl - p) : (size_t)(end - p);

		if (n > 0)
			code = print_line(w, p, n);
		p += n + 1;
	}
	if (fflush(stdout) != 0 && code == 0)
		code = errno == EPIPE ? -1 : SK_EXIT_STORAGE;
	return code;
}

static int
next_events(struct watching *w, int64_t wait)
{
	struct sk_http_answer answer;
	struct sk_str path = SK_STR_INIT, next = SK_STR_INIT;
	int code;

	sk_str_addf(&path, "/v1/events?after=%" PRId64 "&wait=%" PRId64, w->after, wait);
	if (w->id != NULL) {
		sk_str_adds(&path, "&task=");
		sk_url_add(&path, w->id);
	}
	code = sk_door_call(w->door, "GET", path.p, NULL, &answer);
	if (code == 0) {
		if (sk_http_header(&answer, "Skalds-Next", &next))
			w->after = strtoll(sk_str_text(&next), NULL, 10);
		code = print_lines(w, &answer.body);
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	sk_str_release(&next);
	return code;
}

/* A task that has ended makes no more events: say how it stands. The number of the next event is
 * known by then, so that nothing is missed in between. */
static int
look(struct watching *w)
{
	struct sk_arena *a = sk_arena_new();
	int code;
	struct sk_value *task = sk_task_fetch(w->door, COMMAND, w->id, "", a, &code);

	if (task != NULL && sk_task_final(task)) {
		struct sk_str ending = SK_STR_INIT;

		sk_task_ending(sk_member(task, "exit"), &ending);
		sk_complain(COMMAND, "%s has ended already: %s%s%s", w->id, sk_task_state(task),
			ending.len > 0 ? ", " : "", sk_str_text(&ending));
		sk_str_release(&ending);
		w->over = true;
	}
	sk_arena_free(a);
	return code;
}

static int
watch_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config door = { .command = COMMAND };
	struct watching w = {
		.id = args->n_pos > 0 ? args->pos[0] : NULL, .json = args->json, .after = -1
	};
	int code = sk_task_ids(args, COMMAND, 1);

	if (code != 0)
		return code;
	w.door = sk_door_open(settings, &door);
	sk_door_follow(w.door);
	code = next_events(&w, 0);
	if (code == 0 && sk_door_inside(w.door) && !args->quiet)
		sk_complain(COMMAND, "nothing is running; waiting for `skalds up`");
	if (code == 0 && w.id != NULL)
		code = look(&w);
	while (code == 0 && !w.over) {
		sk_door_pause(w.door);
		w.gap = false;
		code = next_events(&w, sk_door_patience(w.door, WAIT_MS));
		if (code == 0 && w.gap && w.id != NULL && !w.over)
			code = look(&w);
	}
	sk_door_close(w.door);
	return code < 0 ? 0 : code; /* the reader went away */
}

const struct sk_cmd sk_task_watch = {
	.name = "watch",
	.summary = "Print what happens to tasks as it happens",
	.usage = "[ID]",
	.help = "One line an event, until Ctrl-C; of one task until it has ended. With --json one JSON "
			"object a\nline. An event \"gap\" tells that some were missed;\n"
			"\"updated\" comes twice for a task that runs: stored, and taken by its worker.\n"
			"\n"
			"Example:\n"
			"  skalds task watch --json | jq -r 'select(.event == \"failed\") | .taskId'",
	.max_args = 1,
	.run = watch_run,
};
