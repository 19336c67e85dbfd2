/* sink.h - the inside of the sink, shared by sink.c (consoles), logfile.c and output.c. */
#ifndef SK_CORE_RUN_SINK_H
#define SK_CORE_RUN_SINK_H

#include "core/base/clock.h"
#include "core/run/output.h"

struct sk_logfile {
	int fd; /* -1 = not open */
	int64_t size;
	char path[1024];
};

struct sk_sink {
	struct sk_sink_config cfg;
	struct sk_loop *loop;
	void (*on_drain)(void *arg);
	void *arg;
	struct console {
		struct sk_str pending;
		struct sk_watch *watch; /* while it does not take more */
		int fd; /* 1 or 2, or the same file opened anew, without blocking */
		enum console_kind { CONSOLE_FILE, CONSOLE_PIPE, CONSOLE_SOCKET, CONSOLE_TTY } kind;
		bool gone; /* nobody reads any more */
		bool lost_said; /* that what is printed does not get where it should */
		bool blocked;
		int64_t dropped; /* log lines that found no room */
	} console[2];
	struct sk_logfile file;
	struct split {
		struct split *next;
		const struct sk_out *out;
		struct sk_logfile file;
	} * splits;
	int64_t began_ms; /* wall clock */
	struct sk_steady clock; /* for who removes what is old */
	int64_t written; /* bytes put into files by this run that are still there */
	int64_t file_lost; /* bytes that did not get there */
	int64_t retry_ms,
		clean_ms; /* boot clock: next try of a failed file, next removal of old ones */
	bool total_said;
	bool full; /* less than the reserve is free */
};

/* Queue for the console only. */
void sk_sink_console(struct sk_sink *s, int stream, const char *p, size_t n);
/* Into the shared log file, or into the task's own when split (o != NULL). */
void sk_sink_file(struct sk_sink *s, const struct sk_out *o, const char *p, size_t n);
void sk_sink_split_end(struct sk_sink *s, const struct sk_out *o);
/* Append to an open file, counted against the total. False with errno when not all was written. */
bool sk_file_write(struct sk_sink *s, int fd, const char *p, size_t n);

/* logfile.c */
void sk_logfile_write(
	struct sk_sink *s, struct sk_logfile *f, const char *name, const char *p, size_t n);
void sk_logfile_close(struct sk_logfile *f);
/* Remove our own log files below LOG_PATH that are older than the retention and not in use. */
void sk_logfile_clean(struct sk_sink *s);

#endif
