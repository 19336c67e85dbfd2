/* flags.h - values of flags that several commands have in common. What is wrong is said; the
 * functions return SK_EXIT_OK or SK_EXIT_USAGE. */
#ifndef SK_CMD_FLAGS_H
#define SK_CMD_FLAGS_H

#include "cmd/options.h"
#include "core/control/control.h"

/* "--flag: expected …, got …"; returns SK_EXIT_USAGE. */
int sk_flag_wrong(const char *command, const char *flag, const char *expected, const char *got);
/* The whole text is a number within the bounds. */
bool sk_flag_parse_number(const char *text, double min, double max, double *out);
/* *out stays when the flag was not given. */
int sk_flag_number(const char *command, const struct sk_args *args, const char *flag, double min,
	double max, double *out);
/* --keep, which may be given twice: "30 days", or a number of tasks. */
int sk_flag_keep(
	const char *command, const struct sk_args *args, int64_t *keep_ms, int64_t *keep_tasks);
/* DISPATCHER_STRATEGY. */
enum sk_strategy sk_setting_strategy(const struct sk_settings *settings);
/* Their names, for the flag; NULL at the end. */
extern const char *const sk_strategies[];

#endif
