/* task_list.c - `skalds task list`: pages of tasks as a table or as JSON, once or every second. */
#include "adapters/json.h"
#include "cmd/table.h"
#include "cmd/task.h"
#include "core/base/clock.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define COMMAND "task list"
#define LIMIT 50
#define MAX_LIMIT 1000
#define PAGE 200

struct listing {
	struct sk_door *door;
	struct sk_str query; /* the filter and the order */
	int64_t limit; /* of one page */
	bool all, json;
	char *cursor; /* of the next page, NULL = the first */
	size_t shown;
};

/* ---- pages ---- */

static int
ask_page(struct listing *l, struct sk_http_answer *answer)
{
	struct sk_str path = SK_STR_INIT;
	int code;

	sk_str_addf(&path, "/v1/tasks?limit=%" PRId64 "%s%s", l->limit, l->query.len > 0 ? "&" : "",
		sk_str_text(&l->query));
	if (l->cursor != NULL) {
		sk_str_adds(&path, "&cursor=");
		sk_url_add(&path, l->cursor);
	}
	code = sk_door_call(l->door, "GET", path.p, NULL, answer);
	sk_str_release(&path);
	return code;
}

/* One page as a tree. Tasks with large attachments may make a page that is larger than what is read
 * as JSON in one go: then fewer of them at once. */
static int
read_page(struct listing *l, struct sk_arena *a, struct sk_value **page)
{
	struct sk_http_answer answer;
	int code;

	for (;;) {
		code = ask_page(l, &answer);
		if (code != 0)
			return code;
		if (answer.body.len <= SK_JSON_MAX_BYTES || l->limit == 1)
			break;
		sk_door_release(&answer);
		l->limit /= 2;
	}
	*page = sk_answer_parse(COMMAND, &answer.body, a);
	sk_door_release(&answer);
	return *page != NULL ? 0 : SK_EXIT_SKALDS;
}

static void
keep_cursor(struct listing *l, const struct sk_value *page)
{
	const char *next = sk_member_text(page, "next");

	free(l->cursor);
	l->cursor = *next != '\0' ? sk_xstrdup(next) : NULL;
}

/* ---- printing ---- */

static void
print_json(struct listing *l, struct sk_value *const *items, size_t n, struct sk_str *out)
{
	for (size_t i = 0; i < n; i++) {
		if (l->shown++ > 0)
			sk_str_addc(out, ',');
		sk_value_json(out, items[i]);
	}
}

static void
print_page(struct listing *l, const struct sk_value *page)
{
	struct sk_str out = SK_STR_INIT;
	struct sk_value *const *items;
	size_t n;

	items = sk_member_list(page, "items", &n);
	if (l->json)
		print_json(l, items, n, &out);
	else if (n > 0 || l->shown == 0) {
		sk_task_table(items, n, sk_wall_ms(), sk_terminal_width(), &out);
		l->shown += n;
	}
	sk_out(&out);
	sk_str_release(&out);
}

static void
print_end(struct listing *l, bool quiet)
{
	struct sk_str out = SK_STR_INIT;

	if (l->json) {
		sk_str_adds(&out, "],\"next\":");
		if (l->cursor != NULL)
			sk_json_string(&out, l->cursor);
		else
			sk_str_adds(&out, "null");
		sk_str_adds(&out, "}\n");
		sk_out(&out);
	} else if (l->cursor != NULL && !quiet) {
		fflush(stdout);
		fprintf(stderr, "there are more: --all, or --cursor %s\n", l->cursor);
	}
	sk_str_release(&out);
}

static int
list_once(struct listing *l, bool quiet)
{
	int code;

	do {
		struct sk_arena *a = sk_arena_new();
		struct sk_value *page;

		code = read_page(l, a, &page);
		if (code == 0) {
			if (l->json && l->shown == 0)
				fputs("{\"items\":[", stdout);
			keep_cursor(l, page);
			print_page(l, page);
		}
		sk_arena_free(a);
	} while (code == 0 && l->all && l->cursor != NULL);
	if (code == 0)
		print_end(l, quiet);
	return code;
}

/* ---- every second ---- */

static int64_t
screen_height(void)
{
	struct winsize ws;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 4 ? ws.ws_row : 24;
}

/* The table with each line cleared to its end, and what was below it. */
static void
draw(const struct sk_str *table)
{
	struct sk_str out = SK_STR_INIT;
	char now[SK_LOCAL_LEN];

	sk_local_text(sk_wall_ms(), now);
	sk_str_addf(&out, "\033[Hskalds task list, %s (Ctrl-C ends)\033[K\r\n", now);
	for (size_t i = 0; i < table->len; i++)
		if (table->p[i] == '\n')
			sk_str_adds(&out, "\033[K\r\n");
		else
			sk_str_addc(&out, table->p[i]);
	sk_str_adds(&out, "\033[J");
	sk_out(&out);
	fflush(stdout);
	sk_str_release(&out);
}

static int
draw_page(struct listing *l)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str table = SK_STR_INIT;
	struct sk_value *page;
	struct sk_value *const *items;
	int code = read_page(l, a, &page);
	size_t n;

	if (code == 0) {
		items = sk_member_list(page, "items", &n);
		sk_task_table(items, n, sk_wall_ms(), sk_terminal_width(), &table);
		draw(&table);
	}
	sk_str_release(&table);
	sk_arena_free(a);
	return code;
}

/* Until Ctrl-C ends the process. */
static int
list_watch(struct listing *l, int64_t limit)
{
	const struct timespec second = { .tv_sec = 1 };
	int code = 0;

	fputs("\033[2J", stdout);
	while (code == 0 && ferror(stdout) == 0) {
		int64_t room = screen_height() - 3;

		l->limit = room < limit ? room : limit;
		code = draw_page(l);
		sk_door_rest(l->door);
		nanosleep(&second, NULL);
	}
	return code;
}

/* ---- the command ---- */

static int
read_limit(const struct sk_args *args, int64_t *limit)
{
	const char *text = sk_arg(args, "limit");
	char *end;

	*limit = LIMIT;
	if (text == NULL)
		return 0;
	*limit = strtol(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && *limit >= 1 && *limit <= MAX_LIMIT)
		return 0;
	return sk_usage_error(
		COMMAND, "--limit: expected a number from 1 to %d, got \"%.64s\"", MAX_LIMIT, text);
}

static int
read_flags(const struct sk_args *args, struct listing *l, int64_t *limit)
{
	struct sk_task_filter filter;
	const char *sort = sk_arg(args, "sort"), *cursor = sk_arg(args, "cursor");
	int code = sk_task_filter(args, COMMAND, &filter);

	if (code == 0)
		code = read_limit(args, limit);
	if (code != 0)
		return code;
	if (sk_arg_set(args, "watch") &&
		(args->json || l->all || cursor != NULL || isatty(STDOUT_FILENO) != 1))
		return sk_usage_error(COMMAND,
			"--watch draws on a terminal; elsewhere, and as JSON, there is `skalds task watch`");
	sk_task_filter_query(&filter, &l->query);
	if (sort != NULL)
		sk_str_addf(&l->query, "%ssort=%s", l->query.len > 0 ? "&" : "", sort);
	if (sk_arg_set(args, "elements"))
		sk_str_addf(&l->query, "%selements=1", l->query.len > 0 ? "&" : "");
	if (cursor != NULL)
		l->cursor = sk_xstrdup(cursor);
	return 0;
}

static int
list_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config door = { .command = COMMAND };
	struct listing l = { .all = sk_arg_set(args, "all"), .json = args->json };
	int64_t limit;
	int code = read_flags(args, &l, &limit);

	if (code == 0) {
		l.door = sk_door_open(settings, &door);
		if (sk_arg_set(args, "watch"))
			sk_door_follow(l.door);
		l.limit = l.all && !sk_arg_set(args, "limit") ? PAGE : limit;
		code = sk_arg_set(args, "watch") ? list_watch(&l, limit) : list_once(&l, args->quiet);
		sk_door_close(l.door);
	}
	free(l.cursor);
	sk_str_release(&l.query);
	return code;
}

static const char *const orders[] = { "created", "-created", "updated", "rank", NULL };

static const struct sk_opt options[] = {
	SK_TASK_FILTERS,
	{ .name = "elements", .doc = "the elements of arrays too" },
	{ .name = "sort",
		.value = "ORDER",
		.choices = orders,
		.doc = "created (oldest first), -created, updated, rank (as they start)" },
	{ .name = "limit", .value = "N", .doc = "at most so many (50; 1 to 1000)" },
	{ .name = "cursor", .value = "CURSOR", .doc = "go on behind the page that gave this" },
	{ .name = "all", .letter = 'a', .doc = "all pages" },
	{ .name = "watch", .letter = 'w', .doc = "on a terminal: draw it again every second" },
	{ .name = NULL },
};

const struct sk_cmd sk_task_list = {
	.name = "list",
	.summary = "List tasks, the newest first",
	.usage = "",
	.help =
		"STATE shows what a task is about to become where that was asked for: Cancelling, "
		"Pausing,\nResuming; Held is a paused task that has not started. On a narrow terminal "
		"columns are left\nout, ids never. With --json {\"items\":[…],\"next\":cursor or null}.\n"
		"\n"
		"Examples:\n"
		"  skalds task list --state Running,Paused --sort created\n"
		"  skalds task list --state Failed --newer 1d --class Exec\n"
		"  skalds task list --label project=x --all --json",
	.options = options,
	.run = list_run,
};
