/* alerts.h - rules (alert_rules.h) against what is measured (gauges.h), every two seconds: an alert
 * fires, may be acknowledged, and is resolved.
 *
 *	value > threshold for `for`  -> firing
 *	a person takes note           -> acknowledged
 *	value <= clear                -> resolved; what it is about is gone: resolved as well
 *
 * Only the leader judges. The table of alerts, at most SK_ALERTS_MAX (resolved ones make room, and
 * are forgotten after a week), is one setting of the store, "alerts", written when something
 * changed: so it survives a restart, and the next leader goes on with it. Each place of the table
 * has a setting besides for who has acknowledged what stands there, "alert.ack.N": every controller
 * may write it at any time, and none overwrites what another one changes. What `for` has waited
 * already is not stored: after a restart it begins anew.
 *
 * Every change is told: a line in the log, an event on the bus (SK_EVENT_ALERT), and to
 * sk_control_config.alerted, for the webhook. */
#ifndef SK_CORE_CONTROL_ALERTS_H
#define SK_CORE_CONTROL_ALERTS_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/control/alert_rules.h"
#include "core/model/record.h"

#define SK_ALERTS_MAX 500

struct sk_control;
struct sk_event;
struct sk_alerts;

enum sk_alert_state { SK_ALERT_FIRING, SK_ALERT_ACKNOWLEDGED, SK_ALERT_RESOLVED, SK_N_ALERT_STATE };

struct sk_alert {
	char id[SK_ULID_LEN];
	char rule[SK_ALERT_NAME_MAX + 1];
	char subject[256]; /* a skald or service; "" = the whole */
	char message[256]; /* as it was when it changed last */
	enum sk_alert_severity severity;
	enum sk_alert_state state;
	double value, threshold; /* value: as last measured while it goes on */
	int64_t since_ms, updated_ms, resolved_ms; /* wall clock; resolved: 0 = not yet */
	char by[128]; /* who acknowledged it; "" = nobody, or nobody's name */
	int64_t acknowledged_ms; /* 0 = not */
	int place; /* in the table */
};

/* "firing", "acknowledged", "resolved"; NULL at the end */
extern const char *const sk_alert_state_names[];

struct sk_alerts *sk_alerts_new(struct sk_control *c);
/* Operations of the store that are under way speak of it. NULL is allowed. */
void sk_alerts_free(struct sk_alerts *a);
void sk_alerts_start(struct sk_control *c);
void sk_alerts_stop(struct sk_control *c);
/* What the timer does, for tests whose clock is not the loop's. */
void sk_alerts_tick(struct sk_control *c);
/* We lead no more: what is known here is not true for long. */
void sk_alerts_drop(struct sk_control *c);
void sk_alerts_hear(struct sk_control *c, const struct sk_event *e);

/* The table is known here: we lead, and have read it. */
bool sk_alerts_known(const struct sk_control *c);
/* The alert at a place, NULL = none; while the table is known. */
const struct sk_alert *sk_alerts_at(const struct sk_control *c, int place);
/* How many there are, by severity and state; false: the table is not known here. For /metrics. */
bool sk_alerts_count(const struct sk_control *c, int64_t n[2][SK_N_ALERT_STATE]);

/* One as JSON, an object; place: with its place, for the store. */
void sk_alert_json(struct sk_str *out, const struct sk_alert *t, bool place);
/* And back; false: it is none. */
bool sk_alert_take(struct sk_alert *t, const struct sk_value *v);

/* Acknowledged, as the store has it now: true here as well from now on, and told to everybody. by
 * may be "". */
void sk_alerts_acknowledged(
	struct sk_control *c, const struct sk_alert *t, const char *by, int64_t wall_ms);

#define SK_ALERTS_SETTING "alerts"
/* "alert.ack.N" in the arena, and its value. */
const char *sk_alert_ack_name(struct sk_arena *a, int place);
const char *sk_alert_ack_text(struct sk_arena *a, const char *id, const char *by, int64_t wall_ms);

#endif
