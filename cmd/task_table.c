/* task_table.c - tasks as the rows of a table. */
#include "cmd/table.h"
#include "cmd/task.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIN_PROGRESS 10

enum column { ID, CLASS, STATE, SKALD, ATTEMPT, AGE, RUN, PROGRESS };

static void
add_time(struct sk_grid *t, int64_t from_ms, int64_t to_ms)
{
	char text[16] = "";

	if (from_ms > 0)
		sk_age_text(to_ms > from_ms ? to_ms - from_ms : 0, text);
	sk_grid_cell(t, text);
}

/* How long the last attempt ran, or runs. */
static void
add_run(struct sk_grid *t, const struct sk_value *task, int64_t now_ms)
{
	int64_t start = sk_member_int(task, "startDateTime", 0);
	int64_t finish = sk_member_int(task, "finishDateTime", 0);

	add_time(t, start, finish >= start && finish > 0 ? finish : now_ms);
}

/* Of an array: how many of its elements are through. */
static bool
counts_text(const struct sk_value *task, struct sk_str *out)
{
	const struct sk_value *counts = sk_member(task, "counts");
	int64_t sum = 0, done = 0;
	char a[SK_COUNT_LEN], b[SK_COUNT_LEN];

	if (counts == NULL || counts->kind != SK_MAP)
		return false;
	for (size_t i = 0; i < counts->u.map.n; i++) {
		const char *key = counts->u.map.pairs[i].key;
		int64_t n = sk_member_int(counts, key, 0);

		sum += n;
		if (strcmp(key, "Finished") == 0 || strcmp(key, "Failed") == 0 ||
			strcmp(key, "Cancelled") == 0)
			done += n;
	}
	sk_str_addf(out, "%s of %s", sk_count_text(done, a), sk_count_text(sum, b));
	if (sk_member_int(counts, "Failed", 0) > 0)
		sk_str_addf(out, ", %s failed", sk_count_text(sk_member_int(counts, "Failed", 0), a));
	return true;
}

static void
waits_text(const struct sk_value *task, int64_t now_ms, struct sk_str *out)
{
	int64_t retry = sk_member_int(task, "nextRetry", 0);
	int64_t later = sk_member_int(task, "notBefore", 0);
	char text[16];

	if (retry > now_ms) {
		sk_age_text(retry - now_ms, text);
		sk_str_addf(out, "next try in %s", text);
	} else if (later > now_ms) {
		sk_age_text(later - now_ms, text);
		sk_str_addf(out, "starts in %s", text);
	}
}

/* The last cell: how far it is, what it waits for, or how it ended. */
static void
add_progress(struct sk_grid *t, const struct sk_value *task, int64_t now_ms)
{
	struct sk_str s = SK_STR_INIT;
	double value = sk_member_num(task, "progress.value");
	const char *stage = sk_member_text(task, "progress.stage");

	if (counts_text(task, &s))
		;
	else if (sk_task_final(task)) {
		if (strcmp(sk_task_state(task), "Finished") != 0)
			sk_task_ending(sk_member(task, "exit"), &s);
	} else if (strcmp(sk_member_text(task, "phase"), "Created") == 0)
		waits_text(task, now_ms, &s);
	else if (value > 0 || *stage != '\0')
		sk_str_addf(&s, "%.0f %%%s%s", value * 100, *stage != '\0' ? " " : "", stage);
	sk_grid_cell(t, sk_str_text(&s));
	sk_str_release(&s);
}

static void
add_row(struct sk_grid *t, const struct sk_value *task, int64_t now_ms)
{
	int64_t attempt = sk_member_int(task, "attempt", 0);
	char number[24] = "";

	if (attempt > 0)
		snprintf(number, sizeof(number), "%" PRId64, attempt);
	sk_grid_cell(t, sk_member_text(task, "id"));
	sk_grid_cell(t, sk_member_text(task, "className"));
	sk_grid_cell(t, sk_task_state(task));
	sk_grid_cell(t, sk_member_text(task, "executor"));
	sk_grid_cell(t, number);
	add_time(t, sk_member_int(task, "createDateTime", 0), now_ms);
	add_run(t, task, now_ms);
	add_progress(t, task, now_ms);
}

void
sk_task_table(
	struct sk_value *const *tasks, size_t n, int64_t now_ms, size_t width, struct sk_str *out)
{
	static const char *const head[] = { "ID", "CLASS", "STATE", "SKALD", "ATTEMPT", "AGE", "RUN",
		"PROGRESS", NULL };
	/* what a person misses least goes first; an id never does */
	static const int order[] = { ATTEMPT, SKALD, RUN, AGE, CLASS, -1 };
	struct sk_grid t;

	sk_grid_init(&t, head);
	for (size_t i = 0; i < n; i++)
		add_row(&t, tasks[i], now_ms);
	sk_grid_fit(&t, width, MIN_PROGRESS, order);
	sk_grid_text(&t, width, out);
	sk_grid_release(&t);
}
