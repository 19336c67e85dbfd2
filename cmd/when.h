/* when.h - times of the command line: how long, and when. */
#ifndef SK_CMD_WHEN_H
#define SK_CMD_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* "90", "90s", "0.5", "500ms", "1h30min", "3 days" -> seconds; a bare number counts seconds. False
 * when it is none of these, negative, or longer than 1,000 years. */
bool sk_seconds_parse(const char *text, double *seconds);

/* A moment as milliseconds since the epoch:
 *	2026-08-22, 2026-08-22T10:11, "2026-08-22 10:11:12.5"	local time; with Z or +02:00: that zone
 *	10:11, 10:11:12						the next time that the clock shows it
 *	+90m, +3d						from now
 *	@1787393472						seconds since the epoch
 *	1787393472000						milliseconds since the epoch, as in JSON
 * False when it is none of these or no day of the calendar. */
bool sk_moment_parse(const char *text, int64_t now_ms, int64_t *ms);

#endif
