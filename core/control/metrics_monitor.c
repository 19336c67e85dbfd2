/* metrics_monitor.c - for /metrics: what is measured of the whole, how the machines of the skalds
 * are doing, alerts. */
#include "core/control/alerts.h"
#include "core/control/gauges.h"
#include "core/control/metrics_priv.h"
#include "core/control/parts.h"
#include <math.h>

#define MB 1048576.0

/* Measured every 10 s (gauges.h). */
static void
put_gauges(struct sk_control *c, struct sk_str *out)
{
	static const struct {
		enum sk_series series;
		const char *part;
	} parts[] = { { SK_SERIES_STORE_MS, "store" }, { SK_SERIES_BUS_MS, "bus" },
		{ SK_SERIES_CACHE_MS, "cache" } };
	double age = sk_gauges_value(c, SK_SERIES_QUEUE_AGE);

	if (!isnan(age))
		sk_metric_gauge(out, "skalds_queue_oldest_seconds",
			"Since when the next task that could start has been there; 0 = none.", age);
	sk_metric(out, "skalds_latency_seconds", "gauge",
		"How long the store, the bus and the cache took for the last question.");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		double ms = sk_gauges_value(c, parts[i].series);

		if (!isnan(ms))
			sk_metric_double(out, "skalds_latency_seconds", "part", parts[i].part, ms / 1000);
	}
}

/* ---- machines ---- */

static double
busy(const struct sk_load *l)
{
	return l->cpu_percent >= 0 ? l->cpu_percent / 100 : -1;
}

static double
load1(const struct sk_load *l)
{
	return l->load1;
}

static double
memory_used(const struct sk_load *l)
{
	return (double)l->memory_used_mb * MB;
}

static double
memory_total(const struct sk_load *l)
{
	return (double)l->memory_total_mb * MB;
}

static double
disk_used(const struct sk_load *l)
{
	return (double)l->disk_used_mb * MB;
}

static double
disk_total(const struct sk_load *l)
{
	return (double)l->disk_total_mb * MB;
}

static void
put_machine(struct sk_control *c, struct sk_str *out, const char *name, const char *help,
	double (*value)(const struct sk_load *l))
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(c, &views);

	sk_metric(out, name, "gauge", help);
	for (size_t i = 0; i < n; i++) {
		const struct sk_load *l = &views[i].row->load;

		if (views[i].online && l->known && value(l) >= 0)
			sk_metric_double(out, name, "skald", views[i].row->id, value(l));
	}
}

static void
put_machines(struct sk_control *c, struct sk_str *out)
{
	put_machine(c, out, "skalds_skald_cpu_ratio",
		"How busy the processors of its machine are, 0 to 1.", busy);
	put_machine(c, out, "skalds_skald_load1", "Load of its machine, mean of a minute.", load1);
	put_machine(c, out, "skalds_skald_memory_used_bytes",
		"Memory in use on its machine, or in its control group.", memory_used);
	put_machine(c, out, "skalds_skald_memory_total_bytes", "And how much there is.", memory_total);
	put_machine(c, out, "skalds_skald_disk_used_bytes", "Disk in use where its data directory is.",
		disk_used);
	put_machine(c, out, "skalds_skald_disk_total_bytes", "And how much there is.", disk_total);
}

/* ---- alerts ---- */

/* Told by whoever leads, so that the sum over several controllers is right. */
static void
put_alerts(struct sk_control *c, struct sk_str *out)
{
	static const char *const names[] = { [SK_ALERT_FIRING] = "skalds_alerts_firing",
		[SK_ALERT_ACKNOWLEDGED] = "skalds_alerts_acknowledged" };
	static const char *const helps[] = { [SK_ALERT_FIRING] = "Alerts that nobody has acknowledged.",
		[SK_ALERT_ACKNOWLEDGED] = "Alerts that go on and were acknowledged." };
	int64_t n[2][SK_N_ALERT_STATE];

	if (!sk_alerts_count(c, n))
		return;
	for (int state = SK_ALERT_FIRING; state <= SK_ALERT_ACKNOWLEDGED; state++) {
		sk_metric(out, names[state], "gauge", helps[state]);
		for (int s = SK_ALERT_WARNING; s <= SK_ALERT_CRITICAL; s++)
			sk_metric_int(out, names[state], "severity",
				sk_alert_severity_name((enum sk_alert_severity)s), n[s][state]);
	}
}

void
sk_metrics_monitor(struct sk_control *c, struct sk_str *out)
{
	put_gauges(c, out);
	put_machines(c, out);
	put_alerts(c, out);
}
