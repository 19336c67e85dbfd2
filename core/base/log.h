/* log.h - one line per event, logfmt or JSON, to stderr.
 *
 *	time=2026-08-22T10:11:12.123Z level=info component=edge task=T1 attempt=1 msg="started"
 *
 * Values are escaped so that one line stays one line. Secrets are never passed in here.
 */
#ifndef SK_CORE_BASE_LOG_H
#define SK_CORE_BASE_LOG_H

#include "core/base/str.h"
#include <stdbool.h>
#include <stdint.h>

/* The original's levels and severities (skalds-protocol.md 10). */
enum sk_level {
	SK_TRACE = 5,
	SK_DEBUG = 10,
	SK_INFO = 20,
	SK_SUCCESS = 25,
	SK_WARNING = 30,
	SK_ERROR = 40,
	SK_CRITICAL = 50
};

struct sk_log_config {
	enum sk_level level;
	bool json;
};

/* The process's logger settings; set once by main before anything is logged. */
void sk_log_setup(const struct sk_log_config *config);
const struct sk_log_config *sk_log_settings(void);

/* "info" -> SK_INFO in any case; false when unknown. */
bool sk_level_parse(const char *text, enum sk_level *level);
/* Lower case. */
const char *sk_level_name(enum sk_level level);

/* component: what part speaks ("supervisor", "edge", …). task may be NULL, attempt 0: left out. */
void sk_log_task(enum sk_level level, const char *component, const char *task, int64_t attempt,
	const char *fmt, ...) SK_PRINTF(5, 6);
#define sk_log(level, component, ...) sk_log_task(level, component, NULL, 0, __VA_ARGS__)

/* The line itself, with its newline, appended to out: for whoever writes elsewhere than stderr.
 * msg is len bytes, any content. */
void sk_log_format(struct sk_str *out, bool json, int64_t wall_ms, enum sk_level level,
	const char *component, const char *task, int64_t attempt, const char *msg, size_t len);

#endif
