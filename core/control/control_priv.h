/* control_priv.h - the parts of the controller to each other.
 *
 * Only the store's answer makes a thing true. Whoever changed a task tells the bus (an event); the
 * dispatcher, the waits and the watchers hear it there, as they would from another machine. */
#ifndef SK_CORE_CONTROL_CONTROL_PRIV_H
#define SK_CORE_CONTROL_CONTROL_PRIV_H

#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/control/control.h"
#include "core/control/leader.h"
#include "core/model/record_spec.h"

struct sk_dispatch; /* dispatch.c */
struct sk_skalds; /* skalds.c */
struct sk_waits; /* waits.c */
struct sk_arrays; /* arrays.c */
struct sk_monitor; /* monitor.c */
struct sk_alerts; /* alerts.c */
struct sk_gauges; /* gauges.c */
struct sk_history; /* history.c */
struct sk_watchers; /* watch.c */
struct sk_api; /* api.c: pending requests */
struct sk_metrics; /* metrics.c */
struct sk_route;
struct sk_peeks; /* mixed.h: these five */
struct sk_originals;
struct sk_beats;
struct sk_strangers;
struct sk_edges;

struct sk_control {
	struct sk_control_config cfg;
	bool started, ready, stopped;
	struct sk_leader *leader; /* NULL: no election */
	bool rebuilt; /* since we lead, what there is was read from the store */
	const char *self; /* we, among controllers: cfg.name, or as the leader's row has it */
	struct sk_skalds *skalds;
	struct sk_dispatch *dispatch;
	struct sk_reads *reads;
	struct sk_waits *waits;
	struct sk_arrays *arrays;
	struct sk_monitor *monitor;
	struct sk_gauges *gauges;
	struct sk_history *history;
	struct sk_alerts *alerts;
	struct sk_watchers *watchers;
	struct sk_api *api;
	struct sk_metrics *metrics;
	/* in a mixed fleet; else NULL */
	struct sk_peeks *peeks; /* answers of the cache that are awaited */
	struct sk_originals *originals;
	struct sk_beats *beats;
	struct sk_strangers *strangers;
	struct sk_edges *edges;
	struct sk_ulid ulid;
	uint64_t random; /* state of sk_control_random */
	int64_t start_ms; /* wall clock */
	struct sk_timer retry; /* of the start */
	enum sk_code start_code; /* what the store last answered to it */
	struct sk_steady clock; /* for retention */
	struct {
		int64_t second, n;
	} ended[64]; /* attempts that ended, by second of the boot clock */
	uint64_t stale; /* reports and moves that were refused, for status */
};

int64_t sk_control_boot_ms(const struct sk_control *c);
int64_t sk_control_wall_ms(const struct sk_control *c);
/* 0 <= x < 1; seeded: for jitter and RANDOM, not for secrets. */
double sk_control_random(struct sk_control *c);

/* We are to dispatch, to judge, to remove, at this very moment. What follows from it goes to the
 * store with sk_control_lead_submit: what has not begun when our time is over is not done
 * (SK_ECANCELED). Everything else, the API above all, works on every controller. */
bool sk_control_leads(const struct sk_control *c);
void sk_control_lead_submit(struct sk_control *c, struct sk_op *op);
/* leader.c's: the lead has become ours; it is not any more. */
void sk_control_gained(struct sk_control *c);
void sk_control_lost(struct sk_control *c);
/* originals.c's: it was seen who there is. */
void sk_control_surveyed(struct sk_control *c);

/* Like sk_store_submit of an insert, with the dispatcher in between: a task that can start at once
 * is stored already assigned (its record's life is changed before), room is taken and given back
 * when it could not be stored; once it is stored, assignments and events are published, then the
 * op's own done is called. The records must stay as they are until then. */
void sk_control_insert(struct sk_control *c, struct sk_op_insert *op);

/* Tell everybody that something happened to a task. message may be NULL. */
void sk_control_tell(
	struct sk_control *c, enum sk_event_kind kind, const struct sk_record *r, const char *message);
/* Tell everybody of a skald: "" = it lives, else its row has changed. false: the bus is full. */
bool sk_control_tell_skald(struct sk_control *c, const char *id, const char *message);
/* Ask the skald that has the task to look at it: SK_TOPIC_CANCEL (also for pause and resume) or
 * SK_TOPIC_UPDATE. */
void sk_control_nudge(struct sk_control *c, enum sk_topic topic, const struct sk_record *r);

/* The same, whatever is known of the task: to those of the original (mixed.h). */
void sk_control_publish(
	struct sk_control *c, enum sk_topic topic, const char *id, uint32_t attempt, const char *skald);

/* watch.c and api.c; both accept NULL to free. */
struct sk_watchers *sk_watchers_new(struct sk_control *c);
void sk_watchers_free(struct sk_watchers *w);
struct sk_api *sk_api_new(struct sk_control *c);
void sk_api_free(struct sk_api *a);
/* The intent of an array's parent changed: its elements follow. Nothing happens for others. */
void sk_arrays_changed(struct sk_control *c, const struct sk_record *parent);

/* ---- skalds, as the API shows them ---- */
struct sk_skald_view {
	const struct sk_skald *row;
	bool online; /* its row was seen to change within L + 2 s */
	int64_t tasks; /* that it has now */
};
/* In the order of ids; borrowed until the loop goes on. Returns how many. */
size_t sk_skalds_view(struct sk_control *c, const struct sk_skald_view **views);
/* Store that a skald drains, or no longer; fn is called once with SK_OK, SK_ENOENT or a store's
 * code. */
void sk_skalds_drain(struct sk_control *c, const char *id, bool drain,
	void (*fn)(void *arg, enum sk_code code, const struct sk_err *err), void *arg);

/* ---- mixed fleets: what keys of the original tell; NULL or false where there are none ---- */

/* The ids that one of the original says it runs, NULL-terminated; borrowed until the loop goes
 * on. */
const char *const *sk_originals_tasks(struct sk_control *c, const char *skald);
/* The number under the heartbeat of a task of incarnation 0, and what its program wrote beside it
 * as an error (NULL = nothing). */
bool sk_beats_shown(struct sk_control *c, const char *id, int64_t *beat, const char **error);

/* The last numbers under the heartbeat of such a task; NULL of others. */
struct sk_trail;
const struct sk_trail *sk_beats_trail(struct sk_control *c, const char *id);

/* ---- metrics.c: counting, for GET /metrics ---- */

struct sk_metrics *sk_metrics_new(void);
void sk_metrics_free(struct sk_metrics *m); /* NULL is allowed */
/* We tell others of a task; we hear of one, and what is known of it is as it was before. */
void sk_metrics_told(struct sk_control *c, enum sk_event_kind kind, const struct sk_record *r);
void sk_metrics_heard(struct sk_control *c, const struct sk_event *e);
/* A request was answered (route NULL: it is none); an operation of one came back. */
void sk_metrics_answered(
	struct sk_control *c, const struct sk_route *route, int status, int64_t took_ns);
void sk_metrics_stored(struct sk_control *c, enum sk_op_kind kind, int64_t took_ns);

/* ---- for status ---- */
const char *sk_control_mode(const struct sk_control *c); /* the original's names (9.1) */
struct sk_control_numbers {
	int64_t ended_1m; /* attempts that ended in the last minute */
	int64_t window; /* ready tasks held in memory */
	int64_t live; /* attempts that are assigned or run */
};
void sk_control_numbers(const struct sk_control *c, struct sk_control_numbers *n);

#endif
