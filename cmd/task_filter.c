/* task_filter.c - the flags that say which tasks are meant. */
#include "cmd/task.h"
#include "cmd/when.h"
#include "core/model/lifecycle.h"
#include <string.h>
#include <strings.h>

/* What people say for several states at once. */
static const struct {
	const char *name;
	const char *states;
} groups[] = {
	{ "active", "Created,Assigning,Running,Paused" },
	{ "ended", "Finished,Failed,Cancelled" },
};
#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

static const char *
state_named(const char *word, size_t n)
{
	for (unsigned p = 0; p < SK_N_PHASE; p++) {
		const char *name = sk_phase_name((enum sk_phase)p);

		if (strlen(name) == n && strncasecmp(name, word, n) == 0)
			return name;
	}
	for (size_t i = 0; i < N_GROUPS; i++)
		if (strlen(groups[i].name) == n && strncasecmp(groups[i].name, word, n) == 0)
			return groups[i].states;
	return NULL;
}

static enum sk_code
unknown_state(const char *word, size_t n, struct sk_err *err)
{
	const char *names[SK_N_PHASE + N_GROUPS + 1], *near;
	size_t k = 0;
	char copy[40];

	for (; k < SK_N_PHASE; k++)
		names[k] = sk_phase_name((enum sk_phase)k);
	for (size_t i = 0; i < N_GROUPS; i++)
		names[k++] = groups[i].name;
	names[k] = NULL;
	snprintf(copy, sizeof(copy), "%.*s", n < 39 ? (int)n : 39, word);
	near = sk_suggest(copy, names);
	if (near != NULL)
		return sk_fail(err, SK_EINVAL, "no state \"%s\"; did you mean %s?", copy, near);
	return sk_fail(err, SK_EINVAL,
		"no state \"%s\"; there are Created, Assigning, Running, Paused, Finished, Failed, "
		"Cancelled, active and ended",
		copy);
}

bool
sk_task_states(const char *text, struct sk_task_filter *filter, struct sk_err *err)
{
	filter->states[0] = '\0';
	for (;; text++) {
		size_t n = strcspn(text, ","), used = strlen(filter->states);
		const char *name = state_named(text, n);

		if (name == NULL) {
			unknown_state(text, n, err);
			return false;
		}
		/* given twice it is still the same state */
		if (strstr(filter->states, name) == NULL &&
			used + strlen(name) + 2 <= sizeof(filter->states))
			snprintf(filter->states + used, sizeof(filter->states) - used, "%s%s",
				used > 0 ? "," : "", name);
		text += n;
		if (*text == '\0')
			return true;
	}
}

int
sk_task_ids(const struct sk_args *args, const char *command, int most)
{
	for (int i = 0; i < args->n_pos && i < most; i++) {
		const char *id = args->pos[i], *p = id;
		size_t n = strlen(id);

		while ((unsigned char)*p >= 0x20 && *p != 0x7f)
			p++;
		if (n == 0)
			return sk_usage_error(command, "an id is empty");
		if (n > 255 || *p != '\0' || sk_utf8_bad(id, n) != n)
			return sk_usage_error(command, "\"%.64s\" is no id: %s", id,
				n > 255			 ? "it has more than 255 bytes"
					: *p != '\0' ? "it has a control character"
								 : "it is not valid UTF-8");
	}
	return 0;
}

static bool
duration(const struct sk_args *args, const char *name, double *seconds, struct sk_err *err)
{
	const char *text = sk_arg(args, name);

	*seconds = -1;
	if (text == NULL || sk_seconds_parse(text, seconds))
		return true;
	sk_fail(err, SK_EINVAL, "--%s: expected a duration such as 90s, 2h or 3d, got \"%.64s\"", name,
		text);
	return false;
}

/* A flag that takes one text: given twice, with nothing or with bytes that are no text is wrong. */
static bool
one_text(const struct sk_args *args, const char *name, const char **out, struct sk_err *err)
{
	const char *text = sk_arg(args, name);

	*out = text != NULL ? text : "";
	if (text == NULL)
		return true;
	if (sk_arg_nth(args, name, 1) != NULL)
		sk_fail(err, SK_EINVAL, "--%s is given twice", name);
	else if (*text == '\0')
		sk_fail(err, SK_EINVAL, "--%s: the value is empty", name);
	else if (sk_utf8_bad(text, strlen(text)) != strlen(text))
		sk_fail(err, SK_EINVAL, "--%s: the value is not valid UTF-8", name);
	else
		return true;
	return false;
}

static bool
read_flags(const struct sk_args *args, struct sk_task_filter *f, struct sk_err *err)
{
	const char *states, *skald;

	if (!one_text(args, "state", &states, err) || !one_text(args, "class", &f->class_name, err) ||
		!one_text(args, "skald", &skald, err) || !one_text(args, "executor", &f->executor, err) ||
		!one_text(args, "label", &f->label, err) || !one_text(args, "parent", &f->parent, err) ||
		!one_text(args, "id", &f->id, err) || !duration(args, "older", &f->older_s, err) ||
		!duration(args, "newer", &f->newer_s, err))
		return false;
	if (*skald != '\0')
		f->executor = skald;
	f->any = *states != '\0' || *f->class_name != '\0' || *f->executor != '\0' ||
		*f->label != '\0' || *f->parent != '\0' || *f->id != '\0' || f->older_s >= 0 ||
		f->newer_s >= 0;
	return *states == '\0' || sk_task_states(states, f, err);
}

int
sk_task_filter(const struct sk_args *args, const char *command, struct sk_task_filter *filter)
{
	struct sk_err err = { SK_OK, "" };

	*filter = (struct sk_task_filter){ .any = false };
	if (read_flags(args, filter, &err))
		return 0;
	return sk_usage_error(command, "%s", err.msg);
}

static void
add_query(struct sk_str *query, const char *name, const char *value)
{
	if (*value == '\0')
		return;
	sk_str_addf(query, "%s%s=", query->len > 0 ? "&" : "", name);
	sk_url_add(query, value);
}

static void
add_seconds(struct sk_str *query, const char *name, double seconds)
{
	if (seconds >= 0)
		sk_str_addf(query, "%s%s=%.3f", query->len > 0 ? "&" : "", name, seconds);
}

void
sk_task_filter_query(const struct sk_task_filter *filter, struct sk_str *query)
{
	add_query(query, "state", filter->states);
	add_query(query, "class", filter->class_name);
	add_query(query, "executor", filter->executor);
	add_query(query, "label", filter->label);
	add_query(query, "parent", filter->parent);
	add_query(query, "id", filter->id);
	add_seconds(query, "older", filter->older_s);
	add_seconds(query, "newer", filter->newer_s);
}

static void
add_member(struct sk_str *json, const char *name, const char *value)
{
	if (*value != '\0')
		sk_json_kstr(json, name, value);
}

void
sk_task_filter_json(const struct sk_task_filter *filter, struct sk_str *json)
{
	add_member(json, "state", filter->states);
	add_member(json, "class", filter->class_name);
	add_member(json, "executor", filter->executor);
	add_member(json, "label", filter->label);
	add_member(json, "parent", filter->parent);
	add_member(json, "id", filter->id);
	if (filter->older_s >= 0) {
		sk_json_key(json, "older");
		sk_json_double(json, filter->older_s);
	}
	if (filter->newer_s >= 0) {
		sk_json_key(json, "newer");
		sk_json_double(json, filter->newer_s);
	}
}
