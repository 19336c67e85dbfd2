/* frames.h - what travels between our own processes over stream socketpairs:
 * link <-> supervisor <-> compiled-in worker.
 *
 * A frame is a header of 32 bytes, little endian
 *	u32 length	of the payload, at most SK_FRAME_MAX
 *	u16 type	enum sk_frame_type
 *	u16 version	SK_FRAME_VERSION; another one ends the connection
 *	u64 sequence	per sender, from 1
 *	u64 key		the task's number, chosen by the link; 0 = none
 *	u32 attempt
 *	u32 zero
 * and a payload of numbers (little endian) and byte strings (u32 length in front).
 * Output of tasks never travels here. Malformed input ends the connection, never more.
 *
 * A warm worker gets its tasks through memory that it shares with the supervisor (warm.h); its
 * frames carry the key and the attempt of the task they are of. A short task of such a worker has
 * often ended before the supervisor looks: then its EXITED comes without a STARTED and says in
 * start_ms and start_boot_ms when it began. Receivers take it for both. (An EXITED of an attempt
 * that never began has 0 there; one whose start failed has the reason SK_REASON_START_FAILED.)
 */
#ifndef SK_CORE_RUN_FRAMES_H
#define SK_CORE_RUN_FRAMES_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_FRAME_VERSION 2
#define SK_FRAME_HEAD 32
#define SK_FRAME_MAX ((size_t)256 << 10)

enum sk_frame_type {
	/* link -> supervisor */
	SK_F_CONFIG = 1, /* u32 slots (0 = no limit) */
	SK_F_START, /* struct sk_start */
	SK_F_STOP, /* u32 enum sk_reason, u64 grace_ms (SK_OWN_GRACE: the task's own) */
	SK_F_UPDATE, /* bytes: encoded attachments, u64 spec hash; supervisor -> worker as well */
	SK_F_ACK, /* the EXITED of (key, attempt) is settled: keep its outcome only */
	SK_F_FORGET, /* forget the outcome of key as well, acknowledged or not: the task is gone */
	SK_F_READY, /* u32 0/1: what `probe ready` answers */
	SK_F_QUIT, /* u32 exit code: stop all tasks, then exit with it */
	SK_F_PING, /* answered at once by PONG */
	SK_F_PRINT, /* u32 stream 1 or 2 (+ SK_PRINT_MORE), bytes: whole lines for the console */
	SK_F_SEEN, /* the STARTED of (key, attempt) was taken note of */
	SK_F_PAUSE, /* freeze the whole tree; answered by PAUSED once nothing of it runs */
	SK_F_RESUME, /* let it go on; answered by RESUMED */
	/* supervisor -> link */
	SK_F_HELLO = 32, /* u32 pid, bytes run id, u32 restarts of the link */
	SK_F_TASK, /* one task that is known: u32 1 settled + 2 seen, struct sk_task_report */
	SK_F_TASKS_END,
	SK_F_STARTED, /* struct sk_task_report */
	SK_F_EXITED, /* struct sk_task_report; without a STARTED before it: it was over so soon */
	SK_F_PROGRESS, /* f64 value, bytes stage; worker -> supervisor as well */
	SK_F_LINE, /* bytes: the last line a task printed, cut to 200 bytes */
	SK_F_UPDATED, /* u32 0/1, bytes message; worker -> supervisor as well */
	SK_F_SIGNAL, /* u32 signal number that skalds got */
	SK_F_PONG,
	SK_F_PAUSED, /* u32 0/1, bytes message: why it cannot be paused (it is being stopped) */
	SK_F_RESUMED, /* likewise */
	/* worker -> supervisor */
	SK_F_FAILURE = 64, /* bytes: why the worker ends with an error */
	SK_F_RESULT, /* bytes, at most 64 KiB; of an isolated program: u32 wait status */
	SK_F_UNSTARTED, /* u32 enum sk_spawn_step, u32 errno: it did not become the task */
	SK_F_DONE, /* of a warm worker: look at its ring (warm.h) */
	/* supervisor -> warm worker */
	SK_F_WAKE = 96 /* there is something new in the ring */
};

/* The text goes on in the next such frame; nothing else is printed between the two. */
#define SK_PRINT_MORE 0x100u

#define SK_OWN_GRACE UINT64_MAX

/* Why an attempt ended (cli.md). */
enum sk_reason {
	SK_REASON_EXITED,
	SK_REASON_SIGNALED,
	SK_REASON_OOM,
	SK_REASON_TIMEOUT,
	SK_REASON_CANCELLED,
	SK_REASON_LOST,
	SK_REASON_START_FAILED,
	SK_REASON_INTERRUPTED,
	SK_REASON_SKIPPED
};
/* "exited", …, as in exit.reason. */
const char *sk_reason_name(enum sk_reason r);
/* The same for people: "exited with code 3", "killed by signal 9", "timed out", … */
void sk_reason_text(struct sk_str *out, enum sk_reason r, int code, int signal);

struct sk_frame {
	uint16_t type;
	uint64_t sequence, key;
	uint32_t attempt;
	const unsigned char *data; /* borrowed from the channel until the next receive */
	size_t len;
};

/* ---- payloads ---- */

void sk_put_u32(struct sk_str *s, uint32_t v);
void sk_put_u64(struct sk_str *s, uint64_t v);
void sk_put_f64(struct sk_str *s, double v);
void sk_put_bytes(struct sk_str *s, const void *p, size_t n);
void sk_put_text(struct sk_str *s, const char *text);

/* Reading past the end sets bad and yields zeros. */
struct sk_reader {
	const unsigned char *p;
	size_t left;
	bool bad;
};
struct sk_reader sk_reader_of(const struct sk_frame *f);
uint32_t sk_get_u32(struct sk_reader *r);
uint64_t sk_get_u64(struct sk_reader *r);
double sk_get_f64(struct sk_reader *r);
/* Borrowed, not terminated. */
const void *sk_get_bytes(struct sk_reader *r, size_t *n);
/* Copied into the arena, terminated; a NUL inside is malformed. */
const char *sk_get_text(struct sk_reader *r, struct sk_arena *a);

/* What the supervisor needs to know to run one attempt. */
struct sk_start {
	const char *id, *class_name;
	bool program; /* else a compiled-in worker */
	int64_t timeout_ms, grace_ms; /* 0 = no timeout */
	int64_t memory_mb; /* 0 = no limit */
	int64_t output_limit; /* bytes kept of one attempt; 0 = the default */
	uint32_t failures; /* kept for the link, handed back in reports; likewise: */
	uint64_t spec_hash; /* of class and attachments; 0 = unknown */
	bool by_keys; /* executed in the original's way: keys in the cache alone tell of it */
	const void *attachments; /* encoded sk_value, for workers */
	size_t attachments_len;
	const char **argv; /* programs; NULL-terminated */
	const char **env; /* "NAME=value" added to the environment; NULL-terminated */
	const char *cwd; /* "" = as skalds */
	const char *input; /* programs: stdin; "" = /dev/null */
	bool isolate; /* programs */
	/* It may run in a warm worker, if its class is reusable. It does all the same in a process of
	 * its own when it has a memory limit, a user, a directory, an input, or variables in env other
	 * than SKALDS_…: a warm worker has the environment of its start. */
	bool reusable;
	/* Assigned ahead of a free slot: when none comes free in time it ends as interrupted, so that
	 * somebody else may run it. */
	bool returnable;
	const char *user; /* "" = as skalds; a name or a number in /etc/passwd: skalds must be root */
	const char *refusal; /* "" or why it cannot be started: it ends as start-failed */
};
void sk_put_start(struct sk_str *s, const struct sk_start *st);
/* Everything is copied into the arena. False when malformed. */
bool sk_get_start(struct sk_reader *r, struct sk_arena *a, struct sk_start *st) SK_CHECKED;

enum sk_task_state {
	SK_T_QUEUED,
	SK_T_RUNNING,
	SK_T_PAUSED, /* its tree is frozen; start_boot_ms 0: it was paused before it was started */
	SK_T_STOPPING,
	SK_T_ENDED
};

/* What is known of an attempt: sent as TASK, STARTED, EXITED. */
struct sk_task_report {
	const char *id, *class_name;
	enum sk_task_state state;
	uint32_t failures;
	uint64_t spec_hash;
	bool by_keys;
	int64_t pid;
	int64_t start_ms, end_ms; /* wall clock */
	int64_t start_boot_ms, end_boot_ms; /* 0 = it was not started, it has not ended */
	enum sk_reason reason;
	int32_t code, signal; /* exit code; terminating signal, 0 = none */
	int64_t max_rss_kb, cpu_ms;
	const char *message;
	const void *result;
	size_t result_len;
	bool unseen; /* its start was never taken note of; not part of the frame */
};
void sk_put_report(struct sk_str *s, const struct sk_task_report *rep);
bool sk_get_report(struct sk_reader *r, struct sk_arena *a, struct sk_task_report *rep) SK_CHECKED;

/* ---- channels ---- */

/* One end of a socketpair, with what is not yet sent and not yet parsed. */
struct sk_chan {
	int fd; /* -1 = closed */
	uint64_t sequence;
	struct sk_str out, in;
	size_t in_used; /* parsed bytes at the front of in */
};
void sk_chan_init(struct sk_chan *c, int fd);
/* Closes the descriptor. */
void sk_chan_release(struct sk_chan *c);
/* Queue a frame. payload may be NULL. Never blocks, never fails; sk_chan_flush sends. */
void sk_chan_queue(struct sk_chan *c, enum sk_frame_type type, uint64_t key, uint32_t attempt,
	const struct sk_str *payload);
/* Send what is queued without blocking. SK_EAGAIN: the rest waits for EPOLLOUT. */
enum sk_code sk_chan_flush(struct sk_chan *c, struct sk_err *err) SK_CHECKED;
/* Read what has arrived. SK_EAGAIN: nothing for now; SK_ENOENT: the peer is gone. */
enum sk_code sk_chan_fill(struct sk_chan *c, struct sk_err *err) SK_CHECKED;
/* The next whole frame: SK_OK, SK_EAGAIN when none is complete, SK_EINVAL when malformed. */
enum sk_code sk_chan_next(struct sk_chan *c, struct sk_frame *f, struct sk_err *err) SK_CHECKED;

#endif
