#include "core/model/beat.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define BEATS 200 /* 0..199 */

/* ---- numbers ---- */

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
sk_beat_number(const void *text, size_t n, int64_t *v)
{
	const char *p = text, *end = p + n;
	bool negative = false, digit = false;
	int64_t sum = 0; /* not above 0, because there is one more number below it */

	while (p < end && is_blank(*p))
		p++;
	while (p < end && is_blank(end[-1]))
		end--;
	if (p < end && (*p == '+' || *p == '-'))
		negative = *p++ == '-';
	for (; p < end; p++) {
		if (*p == '_' && digit) {
			digit = false; /* another one must follow */
			continue;
		}
		if (!is_digit(*p))
			return false;
		digit = true;
		if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, *p - '0', &sum))
			sum = INT64_MIN;
	}
	if (!digit)
		return false;
	*v = negative ? sum : sum == INT64_MIN ? INT64_MAX : -sum;
	return true;
}

enum sk_beat
sk_beat_read(const void *text, size_t n, int64_t *v)
{
	int64_t number = 0;
	bool is = sk_beat_number(text, n, &number);

	if (v != NULL)
		*v = number;
	if (!is)
		return SK_BEAT_IS_NONE;
	switch (number) {
	case SK_BEAT_FINISHED:
		return SK_BEAT_IS_FINISHED;
	case SK_BEAT_FAILED:
		return SK_BEAT_IS_FAILED;
	case SK_BEAT_CANCELLED:
		return SK_BEAT_IS_CANCELLED;
	default:
		return SK_BEAT_IS_LIVE;
	}
}

bool
sk_beat_activity(const void *text, size_t n, int64_t *ms)
{
	int64_t v;

	if (!sk_beat_number(text, n, &v) || v < 0)
		return false;
	*ms = v;
	return true;
}

int
sk_beat_next(int beat)
{
	return beat < 0 || beat >= BEATS - 1 ? 0 : beat + 1;
}

size_t
sk_beat_text(char buf[SK_BEAT_LEN], int64_t v)
{
	return (size_t)snprintf(buf, SK_BEAT_LEN, "%lld", (long long)v);
}

/* ---- what a skald runs ---- */

void
sk_beat_tasks_json(struct sk_str *out, const struct sk_beat_task *tasks, size_t n, int64_t wall_ms)
{
	sk_str_adds(out, "{\"tasks\":[");
	for (size_t i = 0; i < n; i++) {
		sk_str_adds(out, i > 0 ? ",{" : "{");
		sk_json_kstr(out, "id", tasks[i].id);
		sk_json_kstr(out, "class_name", tasks[i].class_name);
		sk_str_addc(out, '}');
	}
	sk_str_adds(out, "],\"existed_task_ids\":[");
	for (size_t i = 0; i < n; i++) {
		sk_json_next(out);
		sk_json_string(out, tasks[i].id);
	}
	sk_str_addc(out, ']');
	sk_json_kint(out, "timestamp", wall_ms);
	sk_str_addc(out, '}');
}

/* The text of a member, NULL when it has none or an empty one. */
static const char *
text_of(const struct sk_value *v, const char *key)
{
	const struct sk_value *m = sk_map_get(v, key);

	return m != NULL && m->kind == SK_STRING && m->u.str.len > 0 ? m->u.str.s : NULL;
}

size_t
sk_beat_tasks_read(struct sk_arena *a, const struct sk_value *v, const struct sk_beat_task **tasks)
{
	const struct sk_value *list = sk_map_get(v, "tasks");
	struct sk_beat_task *found;
	size_t n = 0;

	*tasks = NULL;
	if (list == NULL || list->kind != SK_LIST || list->u.list.n == 0)
		return 0;
	found = sk_arena_alloc(a, list->u.list.n * sizeof(*found));
	for (size_t i = 0; i < list->u.list.n; i++) {
		const struct sk_value *e = list->u.list.items[i];
		const char *id = text_of(e, "id"), *class_name = text_of(e, "class_name");

		if (class_name == NULL)
			class_name = text_of(e, "className");
		if (id != NULL && class_name != NULL)
			found[n++] = (struct sk_beat_task){ id, class_name };
	}
	*tasks = found;
	return n;
}
