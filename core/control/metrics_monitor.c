/* metrics_monitor.c - for /metrics: what is measured of the whole, how the machines of the skalds
 * are doing, alerts. */
#include "core/control/alerts.h"
#include "core/control/gauges.h"
#include "core/control/metrics_priv.h"
#include "core/control/parts.h"
#include <math.h>

#define MB 1048576.0

static void
put_gauges(struct sk_control *c, struct sk_str *out)
{
	static const struct {
		enum sk_series series;
		double scale;
		const char *name, *help;
	} rows[] = {
		{ SK_SERIES_QUEUE_AGE, 1, "skalds_queue_ready_seconds",
			"How long the next ready task has waited." },
		{ SK_SERIES_STORE_MS, 0.001, "skalds_store_ping_seconds",
			"How long the store took to answer last." },
		{ SK_SERIES_BUS_MS, 0.001, "skalds_bus_ping_seconds",
			"How long an event took from here to here last." },
		{ SK_SERIES_CACHE_MS, 0.001, "skalds_cache_ping_seconds",
			"How long the state cache took to answer last." },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double v = sk_gauges_value(c, rows[i].series);

		if (!isnan(v))
			sk_metric_gauge(out, rows[i].name, rows[i].help, v * rows[i].scale);
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
