/* log.h - one line per event, logfmt or JSON, to stderr.
 *
 *	time=2026-08-22T10:11:12.123Z level=info component=edge task=T1 attempt=1 msg="started"
 *
 * Values are escaped so that one line stays one line, and no byte reaches a terminal that could
 * steer it. A line is at most SK_LOG_LINE bytes and leaves in one write(), so that lines of several
 * processes never mix on a pipe; a message that does not fit is cut and says how much is missing.
 * Secrets are never passed in here.
 */
#ifndef SK_CORE_BASE_LOG_H
#define SK_CORE_BASE_LOG_H

#include "core/base/str.h"
#include <stdbool.h>
#include <stdint.h>

/* PIPE_BUF of Linux: what one write() puts into a pipe as a whole. */
#define SK_LOG_LINE 4096

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
	bool color; /* text lines on a terminal; never in JSON */
};

/* The process's logger settings; set once by main before anything is logged. Until then: info,
 * text, no colour. */
void sk_log_setup(const struct sk_log_config *config);
const struct sk_log_config *sk_log_settings(void);

/* "info" -> SK_INFO in any case; false when unknown. */
bool sk_level_parse(const char *text, enum sk_level *level);
/* Lower case. */
const char *sk_level_name(enum sk_level level);

/* Never blocks longer than stderr does, never fails, keeps errno.
 * component: what part speaks ("supervisor", "edge", …). task may be NULL, attempt 0: left out. */
void sk_log_task(enum sk_level level, const char *component, const char *task, int64_t attempt,
	const char *fmt, ...) SK_PRINTF(5, 6);
#define sk_log(level, component, ...) sk_log_task(level, component, NULL, 0, __VA_ARGS__)

/* The line itself, with its newline, appended to out without colour: for whoever writes elsewhere
 * than stderr. msg is len bytes, any content; component and task may be NULL. */
void sk_log_format(struct sk_str *out, bool json, int64_t wall_ms, enum sk_level level,
	const char *component, const char *task, int64_t attempt, const char *msg, size_t len);

#endif
