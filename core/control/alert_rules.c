#include "core/control/alert_rules.h"
#include "core/model/field.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400

static const char *const metrics[] = {
	[SK_ALERT_QUEUE_AGE] = "queue.ageSeconds",
	[SK_ALERT_FAILURE_RATE] = "failure.rate",
	[SK_ALERT_SKALDS_LOST] = "skalds.lost",
	[SK_ALERT_TASK_OVERDUE] = "task.overdue",
	[SK_ALERT_SKALD_CPU] = "skald.cpu",
	[SK_ALERT_SKALD_MEMORY] = "skald.memory",
	[SK_ALERT_SKALD_DISK] = "skald.disk",
	[SK_ALERT_SERVICE_DOWN] = "service.down",
	[SK_ALERT_STORE_LATENCY] = "store.latency",
	[SK_ALERT_BUS_LATENCY] = "bus.latency",
	[SK_ALERT_CACHE_LATENCY] = "cache.latency",
	[SK_N_ALERT_METRIC] = NULL,
};
static const char *const severities[] = { "warning", "critical", NULL };

const char *
sk_alert_metric_name(enum sk_alert_metric m)
{
	return metrics[m];
}

const char *
sk_alert_severity_name(enum sk_alert_severity s)
{
	return severities[s];
}

/* ---- those that hold where nobody gave others ---- */

#define MINUTE_MS INT64_C(60000)

static const struct sk_alert_rule defaults[] = {
	{ "service-down", SK_ALERT_SERVICE_DOWN, SK_ALERT_CRITICAL, 0, 0, 30000, 0, "" },
	{ "skald-lost", SK_ALERT_SKALDS_LOST, SK_ALERT_CRITICAL, 0, 0, 0, 0, "" },
	{ "queue-age", SK_ALERT_QUEUE_AGE, SK_ALERT_WARNING, 600, 300, MINUTE_MS, 0, "" },
	{ "failure-rate", SK_ALERT_FAILURE_RATE, SK_ALERT_WARNING, 50, 25, MINUTE_MS, 20, "" },
	{ "task-overdue", SK_ALERT_TASK_OVERDUE, SK_ALERT_WARNING, 0, 0, 0, 0, "" },
	{ "skald-disk", SK_ALERT_SKALD_DISK, SK_ALERT_WARNING, 90, 85, MINUTE_MS, 0, "" },
	{ "skald-disk-full", SK_ALERT_SKALD_DISK, SK_ALERT_CRITICAL, 97, 95, MINUTE_MS, 0, "" },
	{ "skald-memory", SK_ALERT_SKALD_MEMORY, SK_ALERT_WARNING, 95, 90, 5 * MINUTE_MS, 0, "" },
	{ "store-latency", SK_ALERT_STORE_LATENCY, SK_ALERT_WARNING, 1000, 500, MINUTE_MS, 0, "" },
};

const struct sk_alert_rules sk_alert_default_rules = { defaults,
	sizeof(defaults) / sizeof(defaults[0]) };

/* ---- as people write them ---- */

struct row {
	const char *name;
	int metric;
	double threshold;
	const struct sk_value *clear;
	const char *hold; /* `for` is a word of C */
	int severity;
	int64_t min_count;
	const char *subject;
};
struct file {
	struct sk_list alerts;
};

static const struct sk_field row_fields[] = {
	SK_FIELD(struct row, name, .required = true, .bounded = true, .min = 1,
		.max = SK_ALERT_NAME_MAX, .doc = "what the alert is called"),
	SK_FIELD(struct row, metric, .required = true, .choices = metrics, .doc = "what is watched"),
	SK_FIELD(struct row, threshold, .def = "0", .bounded = true, .min = 0, .max = 1e12,
		.doc = "it fires above this"),
	SK_FIELD(struct row, clear, .doc = "it is over at this or below; as threshold when absent"),
	SK_FIELD(struct row, hold, .key = "for", .def = "0s",
		.doc = "after it has been above for so long: 30s, 5m, 1h"),
	SK_FIELD(struct row, severity, .def = "warning", .choices = severities, .doc = "how bad it is"),
	SK_FIELD(struct row, min_count, .key = "minCount", .def = "20", .bounded = true, .min = 1,
		.max = 1e9, .doc = "failure.rate: not before so many tasks have ended in five minutes"),
	SK_FIELD(struct row, subject, .bounded = true, .min = 0, .max = 255,
		.doc = "only skalds or services whose name fits this pattern (* and ?)"),
	SK_FIELDS_END
};
static const struct sk_field file_fields[] = {
	SK_FIELD(struct file, alerts, .required = true, .item = SK_FIELD_OBJECT, .sub = row_fields,
		.sub_size = sizeof(struct row), .doc = "the rules"),
	SK_FIELDS_END
};

struct reading {
	struct sk_arena *a;
	struct sk_problems *p;
	const struct sk_value *item; /* of the rule that is read */
	const char *path;
	bool ok;
};

/* At the member, or at the rule when it has none. */
static void
wrong(struct reading *r, const char *key, const char *sentence)
{
	const struct sk_value *v = sk_map_get(r->item, key);
	const struct sk_value *at = v != NULL && v->line > 0 ? v : r->item;

	sk_problem(
		r->p, at->line, at->column, sk_arena_printf(r->a, "%s.%s", r->path, key), "%s", sentence);
	r->ok = false;
}

/* "30s", "5m", "1h", "2d": of at most a week. */
static bool
parse_time(const char *text, int64_t *ms)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = { 1, 60, 3600, DAY_S };
	size_t digits = strspn(text, "0123456789");
	const char *unit =
		digits > 0 && digits < 8 && text[digits] != '\0' ? strchr(units, text[digits]) : NULL;

	if (unit == NULL || text[digits + 1] != '\0')
		return false;
	*ms = strtoll(text, NULL, 10) * seconds[unit - units] * 1000;
	return *ms <= (int64_t)7 * DAY_S * 1000;
}

static bool
is_number(const struct sk_value *v, double *n)
{
	if (v->kind == SK_INT)
		*n = (double)v->u.i;
	else if (v->kind == SK_FLOAT)
		*n = v->u.f;
	return (v->kind == SK_INT || v->kind == SK_FLOAT) && *n >= 0;
}

static bool
has_natural_zero(enum sk_alert_metric m)
{
	return m == SK_ALERT_SKALDS_LOST || m == SK_ALERT_SERVICE_DOWN || m == SK_ALERT_TASK_OVERDUE;
}

static bool
is_share(enum sk_alert_metric m)
{
	return m == SK_ALERT_FAILURE_RATE || m == SK_ALERT_SKALD_CPU || m == SK_ALERT_SKALD_MEMORY ||
		m == SK_ALERT_SKALD_DISK;
}

static bool
has_subjects(enum sk_alert_metric m)
{
	return m == SK_ALERT_SKALDS_LOST || m == SK_ALERT_SERVICE_DOWN || m == SK_ALERT_SKALD_CPU ||
		m == SK_ALERT_SKALD_MEMORY || m == SK_ALERT_SKALD_DISK;
}

static void
check_rule(struct reading *r, const struct row *row, struct sk_alert_rule *rule)
{
	*rule = (struct sk_alert_rule){ .name = row->name,
		.metric = (enum sk_alert_metric)row->metric,
		.severity = (enum sk_alert_severity)row->severity,
		.threshold = row->threshold,
		.clear = row->threshold,
		.min_count = row->min_count,
		.subject = row->subject };
	if (sk_map_get(r->item, "threshold") == NULL && !has_natural_zero(rule->metric))
		wrong(r, "threshold", "is missing: this metric has none of its own");
	else if (is_share(rule->metric) && rule->threshold >= 100)
		wrong(r, "threshold", "is a percentage: nothing is above 100");
	if (row->clear != NULL && !is_number(row->clear, &rule->clear))
		wrong(r, "clear", "expected a number that is not negative");
	else if (rule->clear > rule->threshold)
		wrong(r, "clear", "must not be above threshold: it would be over while it fires");
	if (!parse_time(row->hold, &rule->for_ms))
		wrong(r, "for", "expected a time such as 30s, 5m, 1h or 2d, of at most 7d");
	if (rule->subject[0] != '\0' && !has_subjects(rule->metric))
		wrong(r, "subject", "this metric is of the whole, not of one skald or service");
	if (sk_map_get(r->item, "minCount") != NULL && rule->metric != SK_ALERT_FAILURE_RATE)
		wrong(r, "minCount", "only failure.rate has it");
}

static void
check_name(struct reading *r, const struct sk_alert_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rules[i].name, rules[n].name) == 0) {
			wrong(r, "name", "another rule has this name");
			return;
		}
	for (const char *p = rules[n].name; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f) {
			wrong(r, "name", "must have no blanks and no control characters");
			return;
		}
}

bool
sk_alert_rules_read(const struct sk_value *doc, struct sk_arena *a, struct sk_alert_rules *rules,
	struct sk_problems *p)
{
	struct reading r = { .a = a, .p = p, .ok = true };
	const struct sk_value *items;
	struct sk_alert_rule *list;
	const struct row *rows;
	struct file f;

	*rules = (struct sk_alert_rules){ NULL, 0 };
	if (doc == NULL || !sk_fields_decode(file_fields, doc, &f, sizeof(f), a, "", false, p)) {
		if (doc == NULL && p->n_errors == 0)
			sk_problem(p, 1, 1, "", "expected {alerts: [...]}, got nothing");
		sk_problems_sort(p);
		return false;
	}
	items = sk_map_get(doc, "alerts");
	rows = f.alerts.items;
	list = sk_arena_alloc(a, (f.alerts.n + 1) * sizeof(*list));
	for (size_t i = 0; i < f.alerts.n; i++) {
		r.item = items->u.list.items[i];
		r.path = sk_arena_printf(a, "alerts[%zu]", i);
		check_rule(&r, &rows[i], &list[i]);
		check_name(&r, list, i);
	}
	*rules = (struct sk_alert_rules){ list, f.alerts.n };
	sk_problems_sort(p);
	return r.ok && p->n_errors == 0;
}
