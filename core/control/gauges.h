/* gauges.h - what is measured of the whole, every 10 s: how many tasks there are, how old the queue
 * is, how much ends, how quick store, cache and bus are. History and alerts are made of it.
 *
 * Every controller that dispatches or could measures for itself. It costs three reads of the store
 * a time (a setting, whose answer is timed; the numbers of tasks; the first ready task); a store
 * that takes long for them is asked less often, so that it works for them at most a tenth of the
 * time. */
#ifndef SK_CORE_CONTROL_GAUGES_H
#define SK_CORE_CONTROL_GAUGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_control;
struct sk_event;
struct sk_record;
struct sk_gauges;

#define SK_GAUGES_MS 10000 /* between two measurements; they are at multiples of it, wall clock */

enum sk_series {
	SK_SERIES_CREATED, /* these seven: tasks by phase, each task in one of them */
	SK_SERIES_WAITING, /* given to a skald, not started yet */
	SK_SERIES_RUNNING,
	SK_SERIES_PAUSED,
	SK_SERIES_FINISHED,
	SK_SERIES_FAILED,
	SK_SERIES_CANCELLED,
	SK_SERIES_RATE_FINISHED, /* tasks that ended in the last interval, a minute */
	SK_SERIES_RATE_FAILED,
	SK_SERIES_QUEUE_AGE, /* s: since when the next one that could start has been there; 0 = none */
	SK_SERIES_ONLINE,
	SK_SERIES_SKALDS,
	SK_SERIES_STORE_MS,
	SK_SERIES_BUS_MS,
	SK_SERIES_CACHE_MS,
	SK_N_SERIES
};
/* "tasks.running"; as the API has it. */
const char *sk_series_name(enum sk_series s);

struct sk_gauges *sk_gauges_new(struct sk_control *c);
/* Operations of the store that are under way speak of it: close that before, the cache may be
 * closed after. NULL is allowed. */
void sk_gauges_free(struct sk_gauges *g);
/* Begin to measure; nothing happens when that was begun before. */
void sk_gauges_start(struct sk_control *c);
void sk_gauges_stop(struct sk_control *c);
/* What the timer does: the measurement that was begun ends, another begins. For tests, whose clock
 * is not the loop's. */
void sk_gauges_tick(struct sk_control *c);
/* What was heard on the bus. */
void sk_gauges_hear(struct sk_control *c, const struct sk_event *e);

/* As last measured; NAN: not known. */
double sk_gauges_value(const struct sk_control *c, enum sk_series s);
/* Tasks that ended within the last five minutes: finished, and failed for good. */
void sk_gauges_ended(const struct sk_control *c, int64_t *finished, int64_t *failed);

/* ---- tasks whose deadline has passed ---- */

/* Who looks at them now and then, each at others. */
enum sk_late { SK_LATE_LIVE, SK_LATE_WAITING, SK_N_LATE };
/* One of them is seen. */
void sk_late_see(struct sk_control *c, enum sk_late who, const struct sk_record *r);
/* The look is over: what was seen since the last call of this counts when it was all there is. */
void sk_late_done(struct sk_control *c, enum sk_late who, bool all);
/* How many are not final and past their deadline, those included that failed by it in the last five
 * minutes. */
int64_t sk_gauges_late(struct sk_control *c);

#endif
