/* presence.h - what a skald says of itself and of its tasks in the state cache: the keys that
 * nodes and controllers of the original write and read (skalds-protocol.md 1.2-1.6, 13.1).
 *
 * Every SK_BEAT_PERIOD_MS: its mode, then its activity (a controller that sees the activity asks
 * for the mode), its heartbeat, the list of its tasks and of its classes; and a beat of each
 * task, those of many tasks spread over the period. Values have lifetimes: whoever dies is soon
 * gone from them. It is written for others: nothing here decides anything, and nothing fails
 * when the cache is away.
 *
 * For every process that runs tasks: a task here is a key of the caller's, an id and a class. A
 * task that is not there (ended, dropped, never begun) may be named in all of these, and p may
 * be NULL: then nothing happens. */
#ifndef SK_CORE_RUN_PRESENCE_H
#define SK_CORE_RUN_PRESENCE_H

#include "core/model/names.h"
#include "core/ports.h"

struct sk_presence;

/* A key of names.h with one %s, filled in; out is replaced. */
void sk_key_of(struct sk_str *out, const char *format, const char *id);

struct sk_presence_config {
	struct sk_loop *loop;
	struct sk_cache *cache;
	const char *id; /* of the skald */
	/* "node" or "edge"; a single process has no mode, activity or heartbeat, only its lists */
	enum sk_skald_mode mode;
	const char *const *classes; /* that are compiled in; NULL at the end */
	int64_t key_ttl_ms; /* of all that is no beat; 0 = an hour */
};

/* Never NULL. Says so at once. What the configuration points to stays the caller's. */
struct sk_presence *sk_presence_open(const struct sk_presence_config *cfg);
/* Free it; all keys are left as they are: another process may go on with them. What was asked of
 * the cache speaks of it: close the cache before. NULL is allowed. */
void sk_presence_close(struct sk_presence *p);
/* The skald goes: its own keys are removed and not written again. */
void sk_presence_leave(struct sk_presence *p);
/* It has left, and the cache has had all that was to be written before. */
bool sk_presence_gone(const struct sk_presence *p);

/* It has left, and the cache has answered once since: if it has not all of it, it is away. */
bool sk_presence_answered(const struct sk_presence *p);

/* It is accepted: its exception is cleared, its first beat is written. Nothing when it is there. */
void sk_presence_begin(struct sk_presence *p, uint64_t key, const char *id, const char *class_name);
/* It went on while we were replaced: beats, and nothing is cleared. */
void sk_presence_adopt(struct sk_presence *p, uint64_t key, const char *id, const char *class_name);
/* It ended. beat: SK_BEAT_FINISHED, SK_BEAT_FAILED (text: why, written before it), or
 * SK_BEAT_CANCELLED. end_ms, wall clock: nothing but these keys tells of its end; they are written
 * until the cache has them, and the time too. 0: the store knows. */
void sk_presence_end(struct sk_presence *p, uint64_t key, const char *id, int beat,
	const char *text, int64_t end_ms);
/* Handed back, lost: as if it had not been here; its keys are removed. */
void sk_presence_drop(struct sk_presence *p, uint64_t key);
/* Somebody else has it: its keys are theirs. */
void sk_presence_forget(struct sk_presence *p, uint64_t key);

#endif
