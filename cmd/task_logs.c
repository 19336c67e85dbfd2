/* task_logs.c - `skalds task logs ID`: the output of an attempt, as the bytes it was or, with
 * --json, line by line. */
#include "cmd/task.h"
#include "core/run/output.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COMMAND "task logs"
#define WAIT_MS 30000
#define MAX_LINE ((size_t)65536) /* a longer one comes in pieces */

struct logs {
	struct sk_door *door;
	const char *id;
	int64_t attempt; /* 0 = the last one, until an answer says which that is */
	int64_t offset;
	bool follow, ended, empty;
	bool json;
	struct sk_str line; /* json: the beginning of one that has not ended */
};

static int64_t
header_number(const struct sk_http_answer *answer, const char *name, int64_t none)
{
	struct sk_str s = SK_STR_INIT;
	int64_t n = sk_http_header(answer, name, &s) ? strtoll(sk_str_text(&s), NULL, 10) : none;

	sk_str_release(&s);
	return n;
}

static bool
header_true(const struct sk_http_answer *answer, const char *name)
{
	struct sk_str s = SK_STR_INIT;
	bool yes = sk_http_header(answer, name, &s) && strcasecmp(sk_str_text(&s), "true") == 0;

	sk_str_release(&s);
	return yes;
}

/* Of what runs on another machine only the end can be seen. */
static void
tell_gap(const struct logs *l, const struct sk_http_answer *answer)
{
	struct sk_str s = SK_STR_INIT;

	if (!sk_http_header(answer, "Skalds-Gap", &s))
		return;
	if (header_number(answer, "Skalds-Gap", 0) > 0)
		sk_complain(COMMAND, "%s bytes of the output of attempt %" PRId64 " are missing here",
			sk_str_text(&s), l->attempt);
	else
		sk_complain(COMMAND, "the first bytes of the output of attempt %" PRId64 " are missing",
			l->attempt);
	sk_str_release(&s);
}

/* ---- JSON Lines: an event for each line, without a time: the output does not tell it ---- */

static void
print_event(const struct logs *l, const char *p, size_t n)
{
	struct sk_str out = SK_STR_INIT;

	if (n > 0 && p[n - 1] == '\r')
		n--;
	sk_out_event(&out, 0, l->id, l->attempt, p, n);
	fwrite(out.p, 1, out.len, stdout);
	sk_str_release(&out);
}

static void
print_lines(struct logs *l, const struct sk_str *piece)
{
	const char *p = sk_str_text(piece), *end = p + piece->len, *nl;

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		sk_str_add(&l->line, p, (size_t)((nl != NULL ? nl : end) - p));
		while (l->line.len > MAX_LINE) {
			size_t n = sk_utf8_whole(l->line.p, MAX_LINE);

			print_event(l, l->line.p, n);
			sk_str_consume(&l->line, n);
		}
		if (nl == NULL)
			return;
		print_event(l, sk_str_text(&l->line), l->line.len);
		sk_str_clear(&l->line);
	}
}

/* The end of an attempt ends its last line. */
static void
end_line(struct logs *l)
{
	if (l->line.len > 0)
		print_event(l, l->line.p, l->line.len);
	sk_str_clear(&l->line);
}

/* ---- as it is ---- */

static int
flush(void)
{
	return fflush(stdout) == 0 ? 0 : errno == EPIPE ? -1 : SK_EXIT_STORAGE;
}

/* One piece to standard output, at once: whoever follows wants to see it. */
static int
print_piece(struct logs *l, int64_t wait)
{
	struct sk_http_answer answer;
	struct sk_str path = SK_STR_INIT;
	int code;

	sk_url_task(&path, l->id, "/log");
	sk_str_addf(&path, "?attempt=%" PRId64 "&offset=%" PRId64 "&wait=%" PRId64, l->attempt,
		l->offset, wait);
	code = sk_door_call(l->door, "GET", path.p, NULL, &answer);
	sk_str_release(&path);
	if (code != 0)
		return code;
	l->attempt = header_number(&answer, "Skalds-Attempt", l->attempt);
	tell_gap(l, &answer);
	if (l->json)
		print_lines(l, &answer.body);
	else
		fwrite(sk_str_text(&answer.body), 1, answer.body.len, stdout);
	code = flush();
	l->empty = answer.body.len == 0;
	l->offset = header_number(&answer, "Skalds-Offset", l->offset + (int64_t)answer.body.len);
	l->ended = header_true(&answer, "Skalds-Ended");
	sk_door_release(&answer);
	return code;
}

/* All of one attempt: to its end, or as far as it is now. */
static int
print_attempt(struct logs *l)
{
	int64_t wait = 0;
	int code;

	for (;;) {
		code = print_piece(l, wait);
		if (code == 0 && l->empty && (l->ended || !l->follow)) {
			end_line(l);
			return flush();
		}
		if (code != 0)
			return code;
		if (l->empty && wait == 0)
			sk_door_pause(l->door);
		wait = l->follow ? sk_door_patience(l->door, WAIT_MS) : 0;
	}
}

/* Another attempt may follow the one that has ended: wait until there is one, or there is none. */
static int
next_attempt(struct logs *l, bool *more)
{
	char rest[40];
	int code;

	*more = false;
	for (;;) {
		struct sk_arena *a = sk_arena_new();
		struct sk_value *task;
		bool final, newer;

		task = sk_task_fetch(l->door, COMMAND, l->id, "", a, &code);
		final = task == NULL || sk_task_final(task);
		newer = sk_member_int(task, "attempt", 0) > l->attempt;
		sk_arena_free(a);
		*more = code == 0 && newer;
		if (code != 0 || final || newer)
			return code;
		/* it also returns when the task becomes final */
		snprintf(rest, sizeof(rest), "/wait?ms=%d", sk_door_inside(l->door) ? 0 : 1000);
		a = sk_arena_new();
		sk_task_fetch(l->door, COMMAND, l->id, rest, a, &code);
		sk_arena_free(a);
		sk_door_pause(l->door);
	}
}

static int
follow(struct logs *l)
{
	bool more = true;
	int code = 0;

	while (code == 0 && more) {
		code = print_attempt(l);
		if (code == 0)
			code = next_attempt(l, &more);
		if (more) {
			l->attempt++;
			l->offset = 0;
		}
	}
	return code;
}

/* ---- the command ---- */

static bool
number(const struct sk_args *args, const char *name, int64_t *value)
{
	const char *text = sk_arg(args, name);
	char *end;

	if (text == NULL)
		return true;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static int
logs_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config door = { .command = COMMAND };
	struct logs l = {
		.id = args->pos[0], .follow = sk_arg_set(args, "follow"), .json = args->json
	};
	int64_t tail = 0;
	int code = sk_task_ids(args, COMMAND, 1);

	if (code != 0)
		return code;
	if (!number(args, "attempt", &l.attempt) || (sk_arg_set(args, "attempt") && l.attempt == 0))
		return sk_usage_error(
			COMMAND, "--attempt: expected a number from 1, got \"%.64s\"", sk_arg(args, "attempt"));
	if (!number(args, "tail", &tail) || (sk_arg_set(args, "tail") && tail == 0))
		return sk_usage_error(
			COMMAND, "--tail: expected a number of bytes, got \"%.64s\"", sk_arg(args, "tail"));
	l.offset = -tail;
	l.door = sk_door_open(settings, &door);
	if (l.follow)
		sk_door_follow(l.door);
	code = l.follow && l.attempt == 0 ? follow(&l) : print_attempt(&l);
	sk_door_close(l.door);
	sk_str_release(&l.line);
	return code < 0 ? 0 : code; /* the reader went away */
}

static const struct sk_opt options[] = {
	{ .name = "follow", .letter = 'f', .doc = "go on until the task has ended" },
	{ .name = "attempt", .letter = 'n', .value = "N", .doc = "this attempt, not the last one" },
	{ .name = "tail", .value = "BYTES", .doc = "only the last so many bytes of what is there" },
	{ .name = NULL },
};

const struct sk_cmd sk_task_logs = {
	.name = "logs",
	.summary = "Print the output of a task",
	.usage = "ID",
	.help = "Standard output and standard error of its last attempt, byte by byte as they came. "
			"With -f also\nwhat is still to come, of later attempts too, until the task has ended. "
			"With --json one JSON\nobject a line; bytes that are no UTF-8 are escaped in it.\n"
			"\n"
			"Examples:\n"
			"  skalds task logs -f ID\n"
			"  skalds task logs --attempt 1 --tail 2000 ID",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = logs_run,
};
