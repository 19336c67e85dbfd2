/* alert_rules.h - when somebody has to be told: what is watched, from where on, for how long. */
#ifndef SK_CORE_CONTROL_ALERT_RULES_H
#define SK_CORE_CONTROL_ALERT_RULES_H

#include "core/base/problem.h"
#include "core/base/value.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sk_alert_metric {
	SK_ALERT_QUEUE_AGE, /* s: how long the next ready task has waited */
	SK_ALERT_FAILURE_RATE, /* %: of the tasks that ended in five minutes */
	SK_ALERT_SKALDS_LOST, /* s: since when a skald that did not say good-bye is silent */
	SK_ALERT_TASK_OVERDUE, /* tasks past their deadline (sk_gauges_late) */
	SK_ALERT_SKALD_CPU, /* % */
	SK_ALERT_SKALD_MEMORY, /* % */
	SK_ALERT_SKALD_DISK, /* % */
	SK_ALERT_SERVICE_DOWN, /* s: since when a service of the fleet does not answer */
	SK_ALERT_STORE_LATENCY, /* ms */
	SK_ALERT_BUS_LATENCY, /* ms */
	SK_ALERT_CACHE_LATENCY, /* ms */
	SK_N_ALERT_METRIC
};

enum sk_alert_severity { SK_ALERT_WARNING, SK_ALERT_CRITICAL };

#define SK_ALERT_NAME_MAX 63

struct sk_alert_rule {
	const char *name; /* at most SK_ALERT_NAME_MAX bytes, of this rule alone */
	enum sk_alert_metric metric;
	enum sk_alert_severity severity;
	double threshold; /* it fires above this ... */
	double clear; /* ... and is over at this or below; at most the threshold */
	int64_t for_ms; /* after it has been above for so long without a break */
	int64_t min_count; /* failure.rate: not before so many tasks have ended */
	const char *subject; /* only of skalds or services whose name fits (glob); "" = of all */
};

struct sk_alert_rules {
	const struct sk_alert_rule *list;
	size_t n;
};

/* Those that hold where nobody gave others. */
extern const struct sk_alert_rules sk_alert_default_rules;

/* "queue.ageSeconds" */
const char *sk_alert_metric_name(enum sk_alert_metric m);
/* "warning", "critical" */
const char *sk_alert_severity_name(enum sk_alert_severity s);

/* The document {alerts: [{name, metric, threshold, clear, for, severity, minCount, subject}, …]}:
 * rules in the arena. False: p says what is wrong and where. doc NULL: nothing could be read, which
 * is a problem of p already. */
bool sk_alert_rules_read(const struct sk_value *doc, struct sk_arena *a,
	struct sk_alert_rules *rules, struct sk_problems *p);

#endif
