/* task.h - what the verbs of `skalds task` share. One file a verb or a small group of them. */
#ifndef SK_CMD_TASK_H
#define SK_CMD_TASK_H

#include "cmd/answer.h"
#include "cmd/door.h"
#include "cmd/options.h"

extern const struct sk_cmd sk_task_add, sk_task_list, sk_task_get, sk_task_logs, sk_task_cancel,
	sk_task_update, sk_task_pause, sk_task_resume, sk_task_retry, sk_task_wait, sk_task_watch,
	sk_task_delete;

/* ---- which tasks (task_filter.c) ---- */

/* The flags, for a table of options. */
#define SK_TASK_FILTERS \
	{ .name = "state", \
		.letter = 's', \
		.value = "STATE[,STATE]", \
		.doc = "Created, Assigning, Running, Paused, Finished, Failed, Cancelled; or active, " \
			   "ended" }, \
		{ .name = "class", .letter = 'c', .value = "CLASS", .doc = "of this worker class" }, \
		{ .name = "skald", .value = "SKALD", .doc = "that this skald has" }, \
		{ .name = "executor", .value = "SKALD", .doc = "the same as --skald" }, \
		{ .name = "label", .letter = 'l', .value = "KEY[=VALUE]", .doc = "with this label" }, \
		{ .name = "older", .value = "TIME", .doc = "added longer ago than this: 90s, 2h, 3d" }, \
		{ .name = "newer", .value = "TIME", .doc = "added since then" }, \
		{ .name = "parent", .value = "ID", .doc = "elements of this array" }, \
	{ \
		.name = "id", .value = "TEXT", .doc = "with this text in the id" \
	}

struct sk_task_filter {
	char states[80]; /* "Created,Running" as the door takes them; "" = all */
	const char *class_name, *executor, *label, *parent, *id; /* "" = not given */
	double older_s, newer_s; /* < 0 = not given */
	bool any; /* one of them was given */
};

/* Read and check the flags. Returns 0, or an exit code after it was said what is wrong. */
int sk_task_filter(const struct sk_args *args, const char *command, struct sk_task_filter *filter);
/* Append "state=…&class=…". */
void sk_task_filter_query(const struct sk_task_filter *filter, struct sk_str *query);
/* Append the members of a JSON object. */
void sk_task_filter_json(const struct sk_task_filter *filter, struct sk_str *json);
/* "Finished" -> true. In any case of letters. */
bool sk_task_states(const char *text, struct sk_task_filter *filter, struct sk_err *err);

/* ---- tables (task_table.c) ---- */

struct sk_grid;
/* `task list`: the head, and one row a task. width: of the terminal, 0 = none. */
void sk_task_table(
	struct sk_value *const *tasks, size_t n, int64_t now_ms, size_t width, struct sk_str *out);

/* ---- one task ---- */

/* The first `most` arguments (all when there are fewer) must be ids: 1-255 bytes of UTF-8 without
 * control characters. Returns 0, or 2 after it was said. */
int sk_task_ids(const struct sk_args *args, const char *command, int most);

/* GET it into the arena; NULL after it was said why, with the exit code in *code. */
struct sk_value *sk_task_fetch(struct sk_door *d, const char *command, const char *id,
	const char *rest, struct sk_arena *a, int *code);

/* The worst of two exit codes: 0 is the best, then 1, 3, 2, the others by their number. */
int sk_worse(int a, int b);

/* Wait for tasks one after another, say what ended badly; the first code that is not 0. On SIGINT
 * the process says that the tasks go on and ends with 130. */
struct sk_wait {
	const char *command;
	int64_t end_ms; /* boot clock, 0 = for ever */
	bool json, quiet;
};
int sk_task_wait_all(struct sk_door *d, const struct sk_wait *w, const char *const *ids, size_t n);

#endif
