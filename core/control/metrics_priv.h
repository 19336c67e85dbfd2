/* metrics_priv.h - what is counted. Between metrics.c, which counts, and metrics_write.c, which
 * tells. */
#ifndef SK_CORE_CONTROL_METRICS_PRIV_H
#define SK_CORE_CONTROL_METRICS_PRIV_H

#include "core/control/api_priv.h"
#include "core/control/metrics.h"

#define SK_METRICS_CLASSES 64
#define SK_METRICS_CODES 16 /* statuses of one route */
#define SK_METRICS_OPS (SK_OP_CHECK + 1)

enum sk_metrics_end {
	SK_ENDED_FINISHED,
	SK_ENDED_FAILED,
	SK_ENDED_CANCELLED,
	SK_ENDED_RETRYING,
	SK_ENDED_INTERRUPTED,
	SK_N_ENDED
};

struct sk_metrics_class {
	char *name; /* "other": all beyond the first */
	uint64_t created, lost, ended[SK_N_ENDED];
	struct sk_histogram took; /* attempts */
};

struct sk_metrics_route {
	struct {
		int status;
		uint64_t n;
	} codes[SK_METRICS_CODES];
	struct sk_histogram took;
};

struct sk_metrics {
	struct sk_metrics_class classes[SK_METRICS_CLASSES + 1];
	size_t n_classes;
	struct sk_metrics_route *routes; /* in the order of sk_routes; one more for what is no route */
	size_t n_routes;
	struct sk_histogram waited, started; /* until assigned; from there until it runs */
	struct sk_histogram store[SK_METRICS_OPS]; /* operations of requests */
	/* the last count of the tasks */
	int64_t counted_ms; /* boot clock; 0 = never */
	int64_t by_phase[SK_N_PHASE], oldest_waiting_ms;
	bool counted_well;
};

/* "insert", "get", … */
const char *sk_metrics_op_name(enum sk_op_kind kind);

/* metrics_monitor.c: machines of skalds, latencies, alerts. */
void sk_metrics_monitor(struct sk_control *c, struct sk_str *out);
/* The whole text, with tasks as they were counted last. */
void sk_metrics_write(struct sk_control *c, struct sk_str *out);

#endif
