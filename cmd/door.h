/* door.h - the one way from a command to the operations of the controller, whoever answers (cli.md,
 * The doors; core/control/README.md has the routes):
 *	--url, or SKALDS_URL without --data	HTTP(S) over TCP with the token
 *	Kafka, Redis and MongoDB are set,	the same operations run in process on them
 *	and no --data
 *	the data directory has an owner		HTTP over its socket
 *	nobody is alive				the owner's lock is taken, the same operations run in process
 *
 * A call that was cut, or met an owner that is just being restarted, is repeated for some seconds:
 * what is sent has ids or keys of our own making, so that sending twice does nothing twice. */
#ifndef SK_CMD_DOOR_H
#define SK_CMD_DOOR_H

#include "adapters/http/client.h"
#include "cmd/settings.h"

struct sk_door;

struct sk_door_config {
	const char *command; /* as it is called, for what is said to standard error: "task add" */
	bool silent; /* say nothing and give up soon: for completions */
	bool create; /* in this process: make the data directory when it is not there */
};

/* Nothing is opened before the first call. Never NULL. Borrows the settings. */
struct sk_door *sk_door_open(const struct sk_settings *s, const struct sk_door_config *cfg);
/* NULL is allowed. */
void sk_door_close(struct sk_door *d);

/* Ask, whatever the answer is. 0: *answer is filled in and is the caller's to release. Otherwise
 * the exit code (2, 69, 74); it was said why. */
int sk_door_ask(struct sk_door *d, const struct sk_http_call *call, struct sk_http_answer *answer);
/* The same, and an answer that is no success is said as a sentence and becomes its exit code; the
 * answer is then empty. body NULL = none, JSON else. */
int sk_door_call(struct sk_door *d, const char *method, const char *path, const char *body,
	struct sk_http_answer *answer);
/* Say an answer that is no success, one line a problem; returns the exit code (door.c has the
 * table). lines: numbers that stand in place of those of the answer's problems (line 1 of what was
 * sent is lines[0]), file: what the user calls the place; both may be NULL. */
int sk_door_refused(const struct sk_door *d, const struct sk_http_answer *answer, const char *file,
	const size_t *lines, size_t n_lines);
void sk_door_release(struct sk_http_answer *answer);

/* Of the last call: it was answered in this process, because nothing is running. */
bool sk_door_inside(const struct sk_door *d);
/* Of the last call: it was sent more than once, and the first time may have had its effect. */
bool sk_door_resent(const struct sk_door *d);
/* Append where it leads, for people: the URL without what is secret in it, or the data directory.
 * A call must have been made. */
void sk_door_place(const struct sk_door *d, struct sk_str *out);
/* It leads to other machines: what is relative here means nothing there. */
bool sk_door_remote(const struct sk_door *d);
/* It leads to Kafka, Redis and MongoDB, without asking anybody. */
bool sk_door_fleet(const struct sk_door *d);
/* Give up the lock when it was taken, so that `skalds up` may start; the next call looks anew. */
void sk_door_rest(struct sk_door *d);
/* For calls that wait: how long the other side may (ms); 0 where nothing is running, and nothing
 * happens while we wait: sk_door_pause then rests for a moment. A call must have been made. */
int64_t sk_door_patience(const struct sk_door *d, int64_t ms);
void sk_door_pause(struct sk_door *d);

/* From now on it is waited for what happens there, by calls that only look: once a URL has
 * answered, they are repeated for minutes, so that its controller may be started anew meanwhile. */
void sk_door_follow(struct sk_door *d);

/* How long a cut call is repeated, and by whoever follows. That it is, is said after a while. */
#define SK_DOOR_REPEAT_MS 10000
#define SK_DOOR_FOLLOW_MS 300000

#endif
