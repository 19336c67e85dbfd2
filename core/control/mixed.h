/* mixed.h - the controller in a fleet with nodes and controllers of the original
 * (architecture.md 5, "Mixed fleets"; skalds-protocol.md 13.2 and 13.3). Nothing of it runs in
 * `up`.
 *
 * The original's nodes write nothing but keys in the cache: who lives (originals.c), what
 * becomes of a task (beats.c). Its programs and scripts write tasks into the store
 * (strangers.c).
 *
 * Time is measured from look to look on our boot clock, and a look that the cache did not
 * answer, or that came late because we slept, makes nobody older. */
#ifndef SK_CORE_CONTROL_MIXED_H
#define SK_CORE_CONTROL_MIXED_H

#include "core/control/parts.h"
#include "core/model/beat.h"

#define SK_MIXED_PERIOD_MS 1000 /* between two looks at the cache */
#define SK_MIXED_MOST_MS 3000 /* no look makes anything older than this */
/* The original writes every 3 s, values that live for 8 s (4.3). What stands still or is missing
 * for longer is dead. */
#define SK_MIXED_PATIENCE_MS 12000
/* A value that is there and does not change: it lives for 8 s, so somebody writes it, and the same
 * number may come by chance (1 in 200), but not seven times in a row. */
#define SK_MIXED_STILL_MS 20000
#define SK_MIXED_START_MS 30000 /* from an assignment to the first beat; usually some 6 s */
/* An end stands in the cache for an hour: what was assigned before that has no other's there. */
#define SK_MIXED_END_TTL_MS ((int64_t)3600000 + 60000)

/* ---- peeks.c: values of the cache, read together ---- */

struct sk_peek {
	struct sk_peeks *of;
	const char *id; /* the asker's: which task or skald */
	uint32_t attempt; /* the asker's */
	bool found;
	const char *value; /* with a NUL behind it, which n does not count */
	size_t n;
	const char **items; /* of a list; names of the fields of a hash */
	const char **values; /* of the fields */
	size_t *sizes;
	size_t n_items, cap;
};

struct sk_peeks {
	struct sk_control *c; /* NULL = gone: nobody wants the answer */
	struct sk_peeks *next, *prev;
	struct sk_arena *arena;
	enum sk_code code; /* of the first that was not answered */
	size_t open;
	struct sk_peek **list; /* in the order of asking */
	size_t n, cap;
	void (*fn)(struct sk_control *c, struct sk_peeks *p);
	int64_t passed_ms; /* the asker's */
};

struct sk_peeks *
sk_peeks_new(struct sk_control *c, void (*fn)(struct sk_control *, struct sk_peeks *));
/* The id is copied. */
struct sk_peek *sk_peek_value(struct sk_peeks *p, const char *key, const char *id);
struct sk_peek *sk_peek_list(struct sk_peeks *p, const char *key, const char *id);
struct sk_peek *sk_peek_fields(struct sk_peeks *p, const char *key);
/* That was all: fn is called once when all have come, at once when nothing was asked; then it is
 * freed. */
void sk_peeks_go(struct sk_peeks *p);
/* The controller ends: no fn is called any more. */
void sk_peeks_forget(struct sk_control *c);
/* A key of names.h for an id. */
#define SK_MIXED_KEY(p, pattern, id) sk_arena_printf((p)->arena, pattern, id)

/* ---- pulse.c: what a series of values under one key says; pure ---- */

struct sk_pulse {
	bool sampled; /* there was a value before, even if it was none */
	enum sk_beat kind;
	int64_t value;
	bool changed; /* ever, while we looked */
	bool seen; /* a live value that was written while we looked */
	int64_t silent_ms; /* since the last one, or since we began */
};

/* One more value, passed_ms after the last. cleared: the key was removed by us before anybody could
 * write it, so whatever is there is new. True when it shows life. */
bool sk_pulse_take(
	struct sk_pulse *p, enum sk_beat kind, int64_t value, int64_t passed_ms, bool cleared);
/* It was silent for too long. */
bool sk_pulse_dead(const struct sk_pulse *p);

/* ---- originals.c: nodes and edges of the original ---- */

struct sk_originals *sk_originals_new(struct sk_control *c);
void sk_originals_free(struct sk_originals *o);
void sk_originals_start(struct sk_control *c);
void sk_originals_stop(struct sk_control *c);
/* Read the keys; the timer does that every second. When it was answered, or could not be,
 * sk_control_surveyed is called. */
void sk_originals_look(struct sk_control *c);
/* Does this one say that it has the task? False for skalds that are none of them. */
bool sk_originals_lists(struct sk_control *c, const char *skald, const char *id);
/* It stopped a task that nobody wanted stopped: it is probably ending, and gets nothing for a
 * while. */
void sk_originals_suspect(struct sk_control *c, const char *skald);
/* Is it one of them, and does it live? */
bool sk_originals_online(struct sk_control *c, const char *skald);

/* ---- beats.c: tasks of incarnation 0 ---- */

struct sk_beats *sk_beats_new(struct sk_control *c);
void sk_beats_free(struct sk_beats *b);
void sk_beats_start(struct sk_control *c);
void sk_beats_stop(struct sk_control *c);
void sk_beats_look(struct sk_control *c);
/* It will be given to one of the original: what is left of earlier runs is removed. To be called
 * before that is submitted to the store. */
void sk_beats_clear(struct sk_control *c, const char *id);
/* It is to run again, sooner or later: nobody shall take how it ended for how it ends. A controller
 * of the original does so whenever it starts (D7). */
void sk_beats_forget(struct sk_control *c, const char *id);
/* What the store has of a live one, which sk_live_add has heard of. */
void sk_beats_see(struct sk_control *c, const struct sk_record *r);
/* Look at its key at once: what stands there before its worker begins is old. */
void sk_beats_sample(struct sk_control *c, const char *id);
/* A skald of the original is asked to look at its task. False: not yet, it is asked later. */
bool sk_beats_nudged(struct sk_control *c, enum sk_topic topic, const struct sk_record *r);
/* live.c: of a new attempt, of one that is over. */
struct sk_task_beat *sk_beat_new(const struct sk_life *life);

/* ---- strangers.c: what others wrote into the store ---- */

struct sk_strangers *sk_strangers_new(struct sk_control *c);
void sk_strangers_free(struct sk_strangers *s);
void sk_strangers_start(struct sk_control *c);
void sk_strangers_stop(struct sk_control *c);
/* Foreign tasks that are ready, disputed ones, those of the original's edges: once a round of the
 * monitor. */
void sk_strangers_look(struct sk_control *c);
/* The monitor saw it live: true when others execute it on their own and it is not judged as ours
 * are. */
bool sk_strangers_own(const struct sk_record *r);

/* ---- edges.c: documents of mode Active that are not adopted ---- */

struct sk_edges *sk_edges_new(struct sk_control *c);
void sk_edges_free(struct sk_edges *e);
/* Forget them all. */
void sk_edges_reset(struct sk_control *c);
/* A round: all there are, page by page; then those that were not among them are forgotten. */
void sk_edges_begin(struct sk_control *c);
void sk_edges_see(struct sk_control *c, const struct sk_record *r);
void sk_edges_end(struct sk_control *c);
/* Read their keys. */
void sk_edges_look(struct sk_control *c, int64_t passed_ms);

#endif
