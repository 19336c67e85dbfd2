/* metrics_text.c - families, samples and histograms as text. */
#include "core/control/metrics.h"
#include <inttypes.h>
#include <math.h>

const double sk_bounds_short[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
	5, 10, 0 };
const double sk_bounds_long[] = { 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 14400,
	86400, 0 };

void
sk_metric(struct sk_str *out, const char *name, const char *type, const char *help)
{
	sk_str_addf(out, "# HELP %s ", name);
	for (; *help != '\0'; help++)
		if (*help == '\\')
			sk_str_adds(out, "\\\\");
		else if (*help == '\n')
			sk_str_adds(out, "\\n");
		else
			sk_str_addc(out, *help);
	sk_str_addf(out, "\n# TYPE %s %s\n", name, type);
}

void
sk_metric_label(struct sk_str *out, const char *name, const char *value)
{
	sk_str_addf(out, "%s%s=\"", out->len > 0 ? "," : "", name);
	for (; *value != '\0'; value++)
		if (*value == '\\' || *value == '"')
			sk_str_addf(out, "\\%c", *value);
		else if (*value == '\n')
			sk_str_adds(out, "\\n");
		else
			sk_str_addc(out, *value);
	sk_str_addc(out, '"');
}

static void
put_name(struct sk_str *out, const char *name, const char *label, const char *value)
{
	struct sk_str labels = SK_STR_INIT;

	sk_str_adds(out, name);
	if (label == NULL)
		return;
	sk_metric_label(&labels, label, value);
	sk_str_addf(out, "{%s}", sk_str_text(&labels));
	sk_str_release(&labels);
}

static void
put_double(struct sk_str *out, double n)
{
	if (isnan(n))
		sk_str_adds(out, "NaN");
	else if (isinf(n))
		sk_str_adds(out, n > 0 ? "+Inf" : "-Inf");
	else if (n == trunc(n) && fabs(n) < 1e15)
		sk_str_addf(out, "%.0f", n);
	else
		sk_json_double(out, n);
}

void
sk_metric_int(struct sk_str *out, const char *name, const char *label, const char *value, int64_t n)
{
	put_name(out, name, label, value);
	sk_str_addf(out, " %" PRId64 "\n", n);
}

void
sk_metric_double(
	struct sk_str *out, const char *name, const char *label, const char *value, double n)
{
	put_name(out, name, label, value);
	sk_str_addc(out, ' ');
	put_double(out, n);
	sk_str_addc(out, '\n');
}

void
sk_metric_gauge(struct sk_str *out, const char *name, const char *help, double n)
{
	sk_metric(out, name, "gauge", help);
	sk_metric_double(out, name, NULL, NULL, n);
}

void
sk_metric_counter(struct sk_str *out, const char *name, const char *help, double n)
{
	sk_metric(out, name, "counter", help);
	sk_metric_double(out, name, NULL, NULL, n);
}

void
sk_histogram_add(struct sk_histogram *h, const double *bounds, double seconds)
{
	size_t i = 0;

	h->bounds = bounds;
	while (bounds[i] > 0 && seconds > bounds[i])
		i++;
	h->n[i]++;
	h->sum += seconds > 0 ? seconds : 0;
}

static void
put_bucket(struct sk_str *out, const char *name, const char *labels, const char *bound, uint64_t n)
{
	sk_str_addf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels,
		labels[0] != '\0' ? "," : "", bound, n);
}

void
sk_histogram_write(
	struct sk_str *out, const char *name, const char *labels, const struct sk_histogram *h)
{
	const char *open = labels[0] != '\0' ? "{" : "", *close = labels[0] != '\0' ? "}" : "";
	struct sk_str bound = SK_STR_INIT;
	uint64_t n = 0;
	size_t i = 0;

	if (h->bounds == NULL)
		return;
	for (; h->bounds[i] > 0; i++) {
		n += h->n[i];
		sk_str_clear(&bound);
		put_double(&bound, h->bounds[i]);
		put_bucket(out, name, labels, sk_str_text(&bound), n);
	}
	n += h->n[i];
	put_bucket(out, name, labels, "+Inf", n);
	sk_str_release(&bound);
	sk_str_addf(out, "%s_sum%s%s%s ", name, open, labels, close);
	put_double(out, h->sum);
	sk_str_addf(out, "\n%s_count%s%s%s %" PRIu64 "\n", name, open, labels, close, n);
}
