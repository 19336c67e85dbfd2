/* metrics.h - numbers for GET /metrics, in the text format of Prometheus, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * Counters count what this process has seen since it was started; what concerns tasks is counted by
 * whoever leads, so that the sum over several controllers is right. Labels are bounded: routes,
 * states, skalds, and the first 64 classes; never ids of tasks. Nothing here blocks or looks into
 * the store but for one count of the tasks, at most every 5 s.
 *
 * More lines: a function in the table of metrics_write.c for what core knows, `metrics` of
 * sk_control_config for what the process around it knows. */
#ifndef SK_CORE_CONTROL_METRICS_H
#define SK_CORE_CONTROL_METRICS_H

#include "core/base/str.h"
#include <stddef.h>
#include <stdint.h>

/* ---- writing ---- */

/* Begin a family: type is "gauge", "counter" or "histogram"; help is one sentence. Each name once;
 * its samples follow at once. */
void sk_metric(struct sk_str *out, const char *name, const char *type, const char *help);
/* One sample. label and value: NULL = none. Values of labels are escaped. */
void sk_metric_int(
	struct sk_str *out, const char *name, const char *label, const char *value, int64_t n);
void sk_metric_double(
	struct sk_str *out, const char *name, const char *label, const char *value, double n);
/* A family of one sample without labels. */
void sk_metric_gauge(struct sk_str *out, const char *name, const char *help, double n);
void sk_metric_counter(struct sk_str *out, const char *name, const char *help, double n);

/* How long things took. Zeroed is empty. */
#define SK_HISTOGRAM_MAX 16
struct sk_histogram {
	const double
		*bounds; /* upper ones in seconds, ascending, 0 at the end; set by the first look */
	uint64_t n[SK_HISTOGRAM_MAX + 1]; /* between two bounds; the last: above all */
	double sum;
};
/* From a millisecond to ten seconds; from ten milliseconds to a day. */
extern const double sk_bounds_short[], sk_bounds_long[];
void sk_histogram_add(struct sk_histogram *h, const double *bounds, double seconds);
/* Its samples, when it has any. labels: `a="b",c="d"`, escaped; "" = none. */
void sk_histogram_write(
	struct sk_str *out, const char *name, const char *labels, const struct sk_histogram *h);
/* `name="value"`, behind a comma unless out is empty. */
void sk_metric_label(struct sk_str *out, const char *name, const char *value);

#endif
