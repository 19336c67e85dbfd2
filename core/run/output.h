/* output.h - where lines go: the console and the log files. The supervisor is the only writer.
 *
 * Nothing here blocks and nothing here ends a task: a console that does not take more makes the
 * reading from the tasks pause; a file that cannot be written is one warning, then counted.
 * Log files: skalds-protocol.md 10 (names, rotation, retention, split per worker); only files that
 * skalds made are ever removed (the original's cleaner removes every file below LOG_PATH).
 */
#ifndef SK_CORE_RUN_OUTPUT_H
#define SK_CORE_RUN_OUTPUT_H

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sk_console {
	SK_CONSOLE_TAGGED, /* lines of tasks become log lines on stderr */
	SK_CONSOLE_EVENTS, /* lines of tasks become JSON "log" events on stdout */
	SK_CONSOLE_RAW, /* output of programs goes to stdout and stderr as it is */
	SK_CONSOLE_TABLE, /* a live table has stdout; only warnings and errors break into it */
	SK_CONSOLE_QUIET /* lines of tasks are in files only */
};

#define SK_OUTPUT_LIMIT ((int64_t)10 << 20) /* kept of one attempt */
#define SK_OUTPUT_TOTAL ((int64_t)1 << 30) /* all files of a directory */

struct sk_sink_config {
	enum sk_console console;
	const char *skald_id; /* names the log files */
	const char *log_path; /* directory; "" = no log files */
	int64_t rotation_bytes; /* 0 = never */
	int64_t retention_s; /* 0 = keep for ever */
	bool split; /* a log file per task */
	const char *data_dir; /* "" = none; else <data_dir>/logs/<id>/<attempt>.log */
	int64_t total_limit; /* bytes of all files written by this run; 0 = SK_OUTPUT_TOTAL */
	/* What data_dir's file system keeps free for others than output, at most a sixteenth of it:
	 * with less no output is kept until there is more again. 0 = nothing. */
	int64_t reserve;
};

struct sk_sink;

/* Never fails: a log directory that cannot be made is one warning. on_drain(arg) is called when a
 * stalled console takes data again. */
struct sk_sink *sk_sink_new(
	const struct sk_sink_config *cfg, struct sk_loop *loop, void (*on_drain)(void *arg), void *arg);
/* Tries for at most wait_ms to get rid of what is queued. NULL is allowed. */
void sk_sink_free(struct sk_sink *s, int64_t wait_ms);

/* Whole lines for stdout (stream 1) or stderr (2), queued; and into the log file for stream 2. */
void sk_sink_print(struct sk_sink *s, int stream, const char *text, size_t n);
/* A log line of the supervisor itself. */
void sk_sink_log(struct sk_sink *s, enum sk_level level, const char *task, int64_t attempt,
	const char *fmt, ...) SK_PRINTF(5, 6);
/* Hand what is queued to the system; call once per round of the loop. */
void sk_sink_flush(struct sk_sink *s);
/* The same in the midst of a round, when much has gathered: memory stays bounded. */
void sk_sink_flush_early(struct sk_sink *s);
/* True while a console holds back more than it should: stop reading what feeds it. */
bool sk_sink_stalled(const struct sk_sink *s);
/* Seconds pass: retry files that failed, remove old ones. Call about once a second. */
void sk_sink_tick(struct sk_sink *s);

/* The output of one attempt. */
struct sk_out {
	const char *id; /* borrowed */
	uint32_t attempt;
	int64_t limit; /* bytes kept */
	int64_t bytes; /* seen */
	int64_t dropped; /* beyond a limit */
	struct sk_str line[2]; /* unfinished lines of stdout and stderr */
	char last[201]; /* the last line, cut, printable */
	int fd; /* split log or attempt file; -1 = not open */
	bool failed; /* the file could not be written; said once */
	/* A compiled-in worker: "<6>" at the head of its lines is the level that its runtime gave
	 * them, and is not kept. A program's bytes are its own. */
	bool levels;
	struct {
		unsigned n; /* bytes of the mark so far; SK_MARK_NONE = the line has none */
		char text[2];
	} mark[2];
};
#define SK_MARK_NONE 3
void sk_out_init(struct sk_out *o, const char *id, uint32_t attempt, int64_t limit);
/* Bytes that the task wrote to stream 1 or 2. raw: they pass to our own stream unchanged. */
void
sk_out_feed(struct sk_sink *s, struct sk_out *o, int stream, const char *p, size_t n, bool raw);
/* The attempt has ended: finish the last lines, say what was dropped, close the file. */
void sk_out_end(struct sk_sink *s, struct sk_out *o, bool raw);

/* A line of output as JSON Lines: {"time":…,"event":"log","taskId","attempt","line"} and a newline.
 * time_ms 0: it is not known, there is no "time". */
void sk_out_event(
	struct sk_str *out, int64_t time_ms, const char *id, int64_t attempt, const char *p, size_t n);

/* <dir>/logs/<percent-encoded id>/<attempt>.log; for those who read it. */
void sk_out_path(struct sk_str *path, const char *data_dir, const char *id, uint32_t attempt);

#endif
