/* history.h - the measurements of the last day (gauges.h), every 10 s, in memory and in the store.
 *
 * Bounded: a day is 8,640 points. Fifteen series of the whole take 1 MiB of memory, the two of each
 * skald 17 KiB (a percentage in steps of a half is a byte); at most SK_HISTORY_SKALDS have them, so
 * all is less than 18 MiB. Who has told nothing for a day is forgotten.
 *
 * In the store a block of ten minutes is one setting, "history.0" to "history.144": the newest
 * replaces what is a day old, nothing has to be removed. The leader writes the block that goes on
 * once a minute and when it stops: one write a minute, of some 4 KiB and 270 bytes more for each
 * skald (140 KiB with 500). A crash loses less than a minute. Every controller measures for itself
 * and reads the blocks at its start, and once more when it becomes the leader: what it has not seen
 * itself it takes from them. */
#ifndef SK_CORE_CONTROL_HISTORY_H
#define SK_CORE_CONTROL_HISTORY_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/control/gauges.h"

#define SK_HISTORY_POINTS 8640
#define SK_HISTORY_BLOCK 60 /* points of a block in the store */
#define SK_HISTORY_BLOCKS 145 /* a day, and the one that goes on */
#define SK_HISTORY_SKALDS 1000
#define SK_HISTORY_MAX 20000 /* points of one answer */

struct sk_history;

struct sk_history *sk_history_new(struct sk_control *c);
/* NULL is allowed. Operations of the store that are under way speak of it. */
void sk_history_free(struct sk_history *h);

/* A measurement, and what the skalds' rows tell at this moment. The leader stores it in a while. */
void sk_history_add(struct sk_control *c, int64_t number, const double values[SK_N_SERIES]);
/* Store what is not stored yet, when we lead. */
void sk_history_flush(struct sk_control *c);
/* Read the store's blocks: what is not known here is taken from them. Nothing happens while that is
 * done already. */
void sk_history_read(struct sk_control *c);
/* That was done to its end at least once. */
bool sk_history_known(const struct sk_control *c);
/* fn is called when that is so, or could not be done (its code), perhaps at once; for one at a time
 * is enough: whoever waited before is told SK_ECANCELED. */
void
sk_history_when_known(struct sk_control *c, void (*fn)(void *arg, enum sk_code code), void *arg);
/* fn with this arg is not called any more. */
void sk_history_forget(struct sk_control *c, const void *arg);

/* A part of it as JSON: {"step":ms,"start":ms,"series":{name:[n or null,…],…}}. */
struct sk_history_query {
	const char *names; /* with commas between; "" = all of the whole, none of skalds */
	int64_t since_ms, step_ms; /* wall clock; a multiple of SK_GAUGES_MS */
};
/* SK_EINVAL: a name that is none, too many points; nothing is appended then. */
enum sk_code sk_history_json(struct sk_control *c, const struct sk_history_query *q,
	struct sk_str *out, struct sk_err *err) SK_CHECKED;

#endif
