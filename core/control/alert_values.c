/* alert_values.c - the values that rules look at, and how they are told to people. */
#include "core/control/alerts_priv.h"
#include "core/control/gauges.h"
#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define FORGOTTEN_MS ((int64_t)24 * 3600000) /* who is gone for longer will not come back */

struct ask {
	struct sk_control *c;
	const struct sk_alert_rule *rule;
	sk_reading_fn *fn;
	void *arg;
	int64_t watched_ms;
};

static void SK_PRINTF(4, 5)
	tell(const struct ask *k, const char *subject, double value, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	k->fn(k->arg, k->rule, &(struct sk_reading){ subject, value, text });
}

static bool
is_meant(const struct ask *k, const char *subject)
{
	return k->rule->subject[0] == '\0' || fnmatch(k->rule->subject, subject, 0) == 0;
}

/* ---- of the whole ---- */

static void
read_latency(const struct ask *k, enum sk_series s, const char *what)
{
	double ms = sk_gauges_value(k->c, s);

	tell(k, "", ms, "%s takes %.0f ms to answer", what, ms);
}

static void
read_failures(const struct ask *k)
{
	int64_t finished, failed, all;
	double share;

	sk_gauges_ended(k->c, &finished, &failed);
	all = finished + failed;
	share = all >= k->rule->min_count && all > 0 ? (double)failed * 100 / (double)all : 0;
	tell(k, "", share, "%" PRId64 " of %" PRId64 " tasks that ended in five minutes have failed",
		failed, all);
}

static void
read_whole(const struct ask *k)
{
	double value;

	switch (k->rule->metric) {
	case SK_ALERT_QUEUE_AGE:
		value = sk_gauges_value(k->c, SK_SERIES_QUEUE_AGE);
		tell(k, "", value, "the next ready task has waited for %.0f s", value);
		break;
	case SK_ALERT_FAILURE_RATE:
		read_failures(k);
		break;
	case SK_ALERT_TASK_OVERDUE:
		value = (double)sk_gauges_late(k->c);
		tell(k, "", value, "%.0f task%s past the deadline", value, value == 1 ? " is" : "s are");
		break;
	case SK_ALERT_BUS_LATENCY:
		read_latency(k, SK_SERIES_BUS_MS, "the event bus");
		break;
	case SK_ALERT_CACHE_LATENCY:
		read_latency(k, SK_SERIES_CACHE_MS, "the state cache");
		break;
	case SK_ALERT_STORE_LATENCY:
		read_latency(k, SK_SERIES_STORE_MS, "the task store");
		break;
	case SK_ALERT_SKALDS_LOST:
	case SK_ALERT_SKALD_CPU:
	case SK_ALERT_SKALD_MEMORY:
	case SK_ALERT_SKALD_DISK:
	case SK_ALERT_SERVICE_DOWN:
	case SK_N_ALERT_METRIC:
		break;
	}
}

/* ---- of skalds ---- */

/* Who stops in good order leaves a row without slots. One that we have not seen alive yet may have
 * had no time: who leads anew gives everybody a full lease. */
static void
read_lost(const struct ask *k, const struct sk_skald_view *v)
{
	const struct sk_skald *row = v->row;
	int64_t gone_ms = sk_control_wall_ms(k->c) - row->seen_ms;
	int64_t patience = sk_skalds_patience_ms(k->c, row) + k->c->cfg.lease_ms;
	double value = (double)(gone_ms > 1000 ? gone_ms : 1000) / 1000;

	if (row->original || row->slots == 0 || gone_ms > FORGOTTEN_MS)
		return;
	if (v->online)
		tell(k, row->id, 0, "skald %s is back", row->id);
	else
		tell(k, row->id, k->watched_ms > patience ? value : NAN,
			"skald %s has been silent for %.0f s", row->id, value);
}

static double
share(int64_t used, int64_t total)
{
	return used >= 0 && total > 0 ? (double)used * 100 / (double)total : NAN;
}

/* One that is away tells nothing: that it is away is told by skalds.lost. */
static void
read_load(const struct ask *k, const struct sk_skald_view *v)
{
	const struct sk_load *load = &v->row->load;
	const char *id = v->row->id;
	double value;

	if (!v->online || !load->known)
		return;
	if (k->rule->metric == SK_ALERT_SKALD_CPU) {
		value = load->cpu_percent >= 0 ? load->cpu_percent : NAN;
		tell(k, id, value, "the processors of skald %s are busy for %.0f%%", id, value);
	} else if (k->rule->metric == SK_ALERT_SKALD_MEMORY) {
		value = share(load->memory_used_mb, load->memory_total_mb);
		tell(k, id, value, "%.0f%% of the memory of skald %s is in use", value, id);
	} else {
		value = share(load->disk_used_mb, load->disk_total_mb);
		tell(k, id, value, "%.0f%% of the disk of skald %s is in use", value, id);
	}
}

static void
read_skalds(const struct ask *k)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(k->c, &views);

	for (size_t i = 0; i < n; i++)
		if (is_meant(k, views[i].row->id)) {
			if (k->rule->metric == SK_ALERT_SKALDS_LOST)
				read_lost(k, &views[i]);
			else
				read_load(k, &views[i]);
		}
}

/* ---- of services ---- */

static void
read_services(const struct ask *k)
{
	const struct sk_control_config *cfg = &k->c->cfg;
	struct sk_control_service list[SK_CONTROL_SERVICES];
	size_t n = cfg->services != NULL ? cfg->services(cfg->services_arg, list) : 0;
	int64_t now = sk_control_wall_ms(k->c);

	for (size_t i = 0; i < n; i++) {
		double s = (double)(now > list[i].since_ms ? now - list[i].since_ms : 0) / 1000;

		if (!is_meant(k, list[i].name))
			continue;
		if (list[i].ok)
			tell(k, list[i].name, 0, "%s answers", list[i].name);
		else
			tell(k, list[i].name, s > 0.001 ? s : 0.001, "%s does not answer: %.180s", list[i].name,
				list[i].text);
	}
}

void
sk_alert_read(struct sk_control *c, const struct sk_alert_rule *rule, int64_t watched_ms,
	sk_reading_fn *fn, void *arg)
{
	const struct ask k = { c, rule, fn, arg, watched_ms };

	switch (rule->metric) {
	case SK_ALERT_SKALDS_LOST:
	case SK_ALERT_SKALD_CPU:
	case SK_ALERT_SKALD_MEMORY:
	case SK_ALERT_SKALD_DISK:
		read_skalds(&k);
		break;
	case SK_ALERT_SERVICE_DOWN:
		read_services(&k);
		break;
	case SK_ALERT_QUEUE_AGE:
	case SK_ALERT_FAILURE_RATE:
	case SK_ALERT_TASK_OVERDUE:
	case SK_ALERT_STORE_LATENCY:
	case SK_ALERT_BUS_LATENCY:
	case SK_ALERT_CACHE_LATENCY:
	case SK_N_ALERT_METRIC:
		read_whole(&k);
		break;
	}
}
