/* redis_value_fuzz.c - any bytes as what others left in the cache: numbers are read as written and
 * never past their end, lists of tasks lose nothing when they are written again. */
#include "adapters/json.h"
#include "core/model/beat.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is accepted has digits, and says the same when it is written plainly. */
static void
check_number(const uint8_t *data, size_t n)
{
	char text[SK_BEAT_LEN];
	int64_t v = 4711, again, beat, ms = -1;
	const bool is = sk_beat_number(data, n, &v);
	const enum sk_beat kind = sk_beat_read(data, n, &beat);
	bool digit = false;

	for (size_t i = 0; i < n; i++) {
		digit = digit || (data[i] >= '0' && data[i] <= '9');
		if (is && (data[i] == '\0' || strchr("0123456789_+- \t\n\v\f\r", data[i]) == NULL))
			abort();
	}
	if ((is && !digit) || (!is && v != 4711))
		abort();
	if (is != (kind != SK_BEAT_IS_NONE) || beat != (is ? v : 0))
		abort();
	if (sk_beat_activity(data, n, &ms) != (is && v >= 0) || (ms != -1 && ms != v))
		abort();
	if (is && (!sk_beat_number(text, sk_beat_text(text, v), &again) || again != v))
		abort();
}

static const struct sk_value *
parse(const char *text, size_t n, struct sk_arena *a)
{
	struct sk_problems p;

	sk_problems_init(&p, a, "");
	return sk_json_parse(text, n, a, &p);
}

static void
check_tasks(const uint8_t *data, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str text = SK_STR_INIT;
	const struct sk_beat_task *tasks, *again;
	const size_t count = sk_beat_tasks_read(a, parse((const char *)data, n, a), &tasks);

	for (size_t i = 0; i < count; i++)
		if (*tasks[i].id == '\0' || *tasks[i].class_name == '\0')
			abort();
	sk_beat_tasks_json(&text, tasks, count, 1795240643673);
	if (sk_beat_tasks_read(a, parse(text.p, text.len, a), &again) != count)
		abort();
	for (size_t i = 0; i < count; i++)
		if (strcmp(tasks[i].id, again[i].id) != 0 ||
			strcmp(tasks[i].class_name, again[i].class_name) != 0)
			abort();
	sk_str_release(&text);
	sk_arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	check_number(data, n);
	check_tasks(data, n);
	return 0;
}
