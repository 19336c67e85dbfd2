#include "cmd/flags.h"
#include <stdlib.h>
#include <string.h>

const char *const sk_strategies[] = { "LEAST_TASKS", "ROUND_ROBIN", "RANDOM", "BEST_FIT", NULL };

int
sk_flag_wrong(const char *command, const char *flag, const char *expected, const char *got)
{
	return sk_usage_error(command, "--%s: expected %s, got \"%.64s\"", flag, expected, got);
}

bool
sk_flag_parse_number(const char *text, double min, double max, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return text[0] != '\0' && *end == '\0' && *out >= min && *out <= max;
}

int
sk_flag_number(const char *command, const struct sk_args *args, const char *flag, double min,
	double max, double *out)
{
	const char *text = sk_arg(args, flag);
	char expected[80];

	snprintf(expected, sizeof(expected), "a number from %g to %g", min, max);
	return text == NULL || sk_flag_parse_number(text, min, max, out)
		? SK_EXIT_OK
		: sk_flag_wrong(command, flag, expected, text);
}

static int
keep_one(const char *command, const char *text, int64_t *keep_ms, int64_t *keep_tasks)
{
	double v;

	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0') {
		if (!sk_flag_parse_number(text, 1, 1e12, &v))
			return sk_flag_wrong(command, "keep", "a number of tasks from 1", text);
		*keep_tasks = (int64_t)v;
	} else if (sk_parse_duration(text, &v) && v >= 1)
		*keep_ms = (int64_t)(v * 1000);
	else
		return sk_flag_wrong(command, "keep", "a time like \"30 days\" or a number of tasks", text);
	return SK_EXIT_OK;
}

int
sk_flag_keep(const char *command, const struct sk_args *args, int64_t *keep_ms, int64_t *keep_tasks)
{
	const char *keep;
	int code = SK_EXIT_OK;

	for (size_t i = 0; code == SK_EXIT_OK && (keep = sk_arg_nth(args, "keep", i)) != NULL; i++)
		code = keep_one(command, keep, keep_ms, keep_tasks);
	return code;
}

enum sk_strategy
sk_setting_strategy(const struct sk_settings *settings)
{
	const char *name = sk_setting(settings, "DISPATCHER_STRATEGY");

	for (int s = SK_LEAST_TASKS; s <= SK_BEST_FIT; s++)
		if (strcmp(name, sk_strategy_name((enum sk_strategy)s)) == 0)
			return (enum sk_strategy)s;
	return SK_LEAST_TASKS; /* the table of settings knows no others */
}
