/* metrics_write.c - what is counted, told; names and units by the conventions
 * (https://prometheus.io/docs/practices/naming/). */
#include "core/control/api_stream.h"
#include "core/control/metrics_priv.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- this controller ---- */

static void
put_build(struct sk_control *c, struct sk_str *out)
{
	const char *version = c->cfg.version != NULL ? c->cfg.version : "unknown";

	sk_metric(out, "skalds_build_info", "gauge", "Always 1; the version is a label.");
	sk_metric_int(out, "skalds_build_info", "version", version, 1);
	sk_metric_gauge(out, "skalds_leader", "1 while this controller dispatches.",
		sk_control_leads(c) && !c->cfg.hold);
	sk_metric_gauge(out, "skalds_ready", "1 when the controller serves.", c->ready);
	sk_metric_counter(out, "skalds_reports_refused_total",
		"Reports of skalds that came too late to count.", (double)c->stale);
}

/* ---- tasks ---- */

static void
put_counts(struct sk_control *c, struct sk_str *out)
{
	const struct sk_metrics *m = c->metrics;
	int64_t now = sk_control_wall_ms(c), oldest = m->oldest_waiting_ms;

	if (m->counted_ms == 0)
		return;
	sk_metric_gauge(
		out, "skalds_store_up", "1 when the store answered the last count.", m->counted_well);
	if (!m->counted_well)
		return;
	sk_metric(out, "skalds_tasks", "gauge", "Tasks in the store, by phase; at most 5 s old.");
	for (int i = 0; i < SK_N_PHASE; i++)
		sk_metric_int(
			out, "skalds_tasks", "phase", sk_phase_name((enum sk_phase)i), m->by_phase[i]);
	sk_metric_gauge(out, "skalds_tasks_oldest_seconds",
		"How long the oldest task waits that was accepted and does not run, whatever for; 0 = "
		"none.",
		oldest > 0 && now > oldest ? (double)(now - oldest) / 1000 : 0);
}

static void
put_queue(struct sk_control *c, struct sk_str *out)
{
	struct sk_control_numbers n;

	sk_control_numbers(c, &n);
	sk_metric_gauge(
		out, "skalds_attempts_live", "Attempts that are assigned or run.", (double)n.live);
	sk_metric_gauge(
		out, "skalds_tasks_window", "Ready tasks that are held in memory.", (double)n.window);
	sk_metric(out, "skalds_task_wait_seconds", "histogram",
		"From when a task was accepted until it was first given to a skald, whatever it waited "
		"for.");
	sk_histogram_write(out, "skalds_task_wait_seconds", "", &c->metrics->waited);
	sk_metric(out, "skalds_dispatch_latency_seconds", "histogram",
		"From when a task was given to a skald until it was heard that it runs.");
	sk_histogram_write(out, "skalds_dispatch_latency_seconds", "", &c->metrics->started);
}

static void
put_class_counter(struct sk_control *c, struct sk_str *out, const char *name, const char *help,
	uint64_t (*count)(const struct sk_metrics_class *of))
{
	const struct sk_metrics *m = c->metrics;

	sk_metric(out, name, "counter", help);
	for (size_t i = 0; i < m->n_classes; i++)
		sk_metric_int(out, name, "class", m->classes[i].name, (int64_t)count(&m->classes[i]));
}

static uint64_t
n_created(const struct sk_metrics_class *of)
{
	return of->created;
}

static uint64_t
n_finished(const struct sk_metrics_class *of)
{
	return of->ended[SK_ENDED_FINISHED];
}

static uint64_t
n_failed(const struct sk_metrics_class *of)
{
	return of->ended[SK_ENDED_FAILED];
}

static uint64_t
n_cancelled(const struct sk_metrics_class *of)
{
	return of->ended[SK_ENDED_CANCELLED];
}

static uint64_t
n_retrying(const struct sk_metrics_class *of)
{
	return of->ended[SK_ENDED_RETRYING];
}

static uint64_t
n_interrupted(const struct sk_metrics_class *of)
{
	return of->ended[SK_ENDED_INTERRUPTED];
}

static uint64_t
n_lost(const struct sk_metrics_class *of)
{
	return of->lost;
}

static void
put_classes(struct sk_control *c, struct sk_str *out)
{
	const struct sk_metrics *m = c->metrics;

	put_class_counter(c, out, "skalds_tasks_created_total",
		"Tasks that this controller accepted; an array counts once.", n_created);
	put_class_counter(
		c, out, "skalds_tasks_finished_total", "Tasks that finished well.", n_finished);
	put_class_counter(c, out, "skalds_tasks_failed_total", "Tasks that failed for good.", n_failed);
	put_class_counter(
		c, out, "skalds_tasks_cancelled_total", "Tasks that were cancelled.", n_cancelled);
	put_class_counter(c, out, "skalds_task_retries_total",
		"Attempts that failed and are followed by another.", n_retrying);
	put_class_counter(c, out, "skalds_task_interruptions_total",
		"Attempts that were handed back without a failure of theirs.", n_interrupted);
	put_class_counter(
		c, out, "skalds_task_attempts_lost_total", "Attempts whose skald was lost.", n_lost);
	sk_metric(out, "skalds_task_duration_seconds", "histogram",
		"How long attempts ran, of those whose start and end were heard here.");
	for (size_t i = 0; i < m->n_classes; i++) {
		struct sk_str labels = SK_STR_INIT;

		sk_metric_label(&labels, "class", m->classes[i].name);
		sk_histogram_write(
			out, "skalds_task_duration_seconds", sk_str_text(&labels), &m->classes[i].took);
		sk_str_release(&labels);
	}
}

/* ---- skalds ---- */

static void
put_skald_states(const struct sk_skald_view *views, size_t n, struct sk_str *out)
{
	int64_t online = 0, draining = 0;

	for (size_t i = 0; i < n; i++) {
		online += views[i].online && !views[i].row->draining;
		draining += views[i].online && views[i].row->draining;
	}
	sk_metric(out, "skalds_skalds", "gauge", "Skalds, by state.");
	sk_metric_int(out, "skalds_skalds", "state", "online", online);
	sk_metric_int(out, "skalds_skalds", "state", "draining", draining);
	sk_metric_int(out, "skalds_skalds", "state", "offline", (int64_t)n - online - draining);
}

static void
put_skalds(struct sk_control *c, struct sk_str *out)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(c, &views);

	put_skald_states(views, n, out);
	sk_metric(out, "skalds_skald_up", "gauge", "1 while a skald is online.");
	for (size_t i = 0; i < n; i++)
		sk_metric_int(out, "skalds_skald_up", "skald", views[i].row->id, views[i].online);
	sk_metric(out, "skalds_skald_slots", "gauge", "How many tasks a skald runs at once.");
	for (size_t i = 0; i < n; i++)
		sk_metric_int(out, "skalds_skald_slots", "skald", views[i].row->id, views[i].row->slots);
	sk_metric(out, "skalds_skald_tasks", "gauge", "Tasks that a skald has.");
	for (size_t i = 0; i < n; i++)
		sk_metric_int(out, "skalds_skald_tasks", "skald", views[i].row->id, views[i].tasks);
}

/* ---- store, services, requests ---- */

const char *
sk_metrics_op_name(enum sk_op_kind kind)
{
	static const char *const names[SK_METRICS_OPS] = {
		[SK_OP_INSERT] = "insert",
		[SK_OP_GET] = "get",
		[SK_OP_FIND] = "find",
		[SK_OP_COUNT] = "count",
		[SK_OP_MOVE] = "move",
		[SK_OP_REMOVE] = "remove",
		[SK_OP_ATTEMPTS] = "attempts",
		[SK_OP_CLASSES] = "classes",
		[SK_OP_SKALD_PUT] = "skald_put",
		[SK_OP_SKALD_LIST] = "skald_list",
		[SK_OP_SKALD_REMOVE] = "skald_remove",
		[SK_OP_LEAD] = "lead",
		[SK_OP_SETTING_GET] = "setting_get",
		[SK_OP_SETTING_PUT] = "setting_put",
		[SK_OP_BACKUP] = "backup",
		[SK_OP_CHECK] = "check",
	};

	return names[kind];
}

static void
put_store(struct sk_control *c, struct sk_str *out)
{
	sk_metric(out, "skalds_store_operation_seconds", "histogram",
		"Operations of the store for requests, from submitted to durable or read.");
	for (int i = 0; i < SK_METRICS_OPS; i++) {
		struct sk_str labels = SK_STR_INIT;

		sk_metric_label(&labels, "operation", sk_metrics_op_name((enum sk_op_kind)i));
		sk_histogram_write(
			out, "skalds_store_operation_seconds", sk_str_text(&labels), &c->metrics->store[i]);
		sk_str_release(&labels);
	}
}

static void
put_services(struct sk_control *c, struct sk_str *out)
{
	struct sk_control_service services[SK_CONTROL_SERVICES];
	size_t n = c->cfg.services != NULL ? c->cfg.services(c->cfg.services_arg, services) : 0;

	if (n == 0)
		return;
	sk_metric(out, "skalds_service_up", "gauge", "1 while a service of the fleet answers.");
	for (size_t i = 0; i < n; i++)
		sk_metric_int(out, "skalds_service_up", "service", services[i].name, services[i].ok);
}

/* `method="GET",route="/v1/tasks/{id}"` */
static void
route_labels(const struct sk_metrics *m, size_t i, struct sk_str *labels)
{
	struct sk_str path = SK_STR_INIT;

	sk_str_clear(labels);
	for (const char *p = i < m->n_routes ? sk_routes[i].pattern : "none"; *p != '\0'; p++) {
		sk_str_addc(&path, *p);
		if (*p == '{')
			sk_str_adds(&path, "id");
	}
	sk_metric_label(labels, "method", i < m->n_routes ? sk_routes[i].method : "any");
	sk_metric_label(labels, "route", sk_str_text(&path));
	sk_str_release(&path);
}

static void
put_requests(struct sk_control *c, struct sk_str *out)
{
	const struct sk_metrics *m = c->metrics;
	struct sk_str labels = SK_STR_INIT;

	sk_metric(out, "skalds_http_requests_total", "counter", "Requests that were answered.");
	for (size_t i = 0; i <= m->n_routes; i++) {
		route_labels(m, i, &labels);
		for (size_t k = 0; k < SK_METRICS_CODES && m->routes[i].codes[k].n > 0; k++)
			sk_str_addf(out, "skalds_http_requests_total{%s,code=\"%d\"} %" PRIu64 "\n",
				sk_str_text(&labels), m->routes[i].codes[k].status, m->routes[i].codes[k].n);
	}
	sk_metric(out, "skalds_http_request_duration_seconds", "histogram",
		"From a whole request to its answer; some routes wait as long as they are asked to.");
	for (size_t i = 0; i <= m->n_routes; i++) {
		route_labels(m, i, &labels);
		sk_histogram_write(
			out, "skalds_http_request_duration_seconds", sk_str_text(&labels), &m->routes[i].took);
	}
	sk_str_release(&labels);
	sk_metric_gauge(out, "skalds_http_streams", "Readers of endless answers.",
		(double)sk_streams_count(c->api->streams));
}

/* ---- the process: names of the client libraries ---- */

static double
seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Without the one that looks. */
static int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	if (d == NULL)
		return -1;
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n - 1;
}

/* proc(5): resident is the second number of statm, in pages. */
static void
put_memory(struct sk_str *out)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long size, resident;
	long page = sysconf(_SC_PAGESIZE);

	if (f == NULL)
		return;
	if (fscanf(f, "%llu %llu", &size, &resident) == 2 && page > 0)
		sk_metric_gauge(out, "process_resident_memory_bytes", "Memory in use.",
			(double)resident * (double)page);
	fclose(f);
}

/* proc(5): field 22 of stat is the start in ticks since boot; counted behind the name. */
static void
put_start(struct sk_str *out)
{
	FILE *f = fopen("/proc/self/stat", "re");
	char text[1024], *p;
	long ticks = sysconf(_SC_CLK_TCK);
	unsigned long long start;

	if (f == NULL)
		return;
	p = fgets(text, sizeof(text), f) != NULL ? strrchr(text, ')') : NULL;
	fclose(f);
	for (int field = 2; p != NULL && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p == NULL || ticks <= 0 || sscanf(p, "%llu", &start) != 1)
		return;
	sk_metric_gauge(out, "process_start_time_seconds",
		"When the process was started, in seconds since 1970.",
		(double)(sk_wall_ms() - sk_boot_ms()) / 1000 + (double)start / (double)ticks);
}

static void
put_process(struct sk_control *c, struct sk_str *out)
{
	struct rusage used;
	struct rlimit limit;
	int fds = open_fds();

	(void)c;
	if (getrusage(RUSAGE_SELF, &used) == 0)
		sk_metric_counter(out, "process_cpu_seconds_total", "Processor time of this process.",
			seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
	put_memory(out);
	if (fds >= 0)
		sk_metric_gauge(out, "process_open_fds", "Open file descriptors.", fds);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		sk_metric_gauge(out, "process_max_fds", "How many there may be.", (double)limit.rlim_cur);
	put_start(out);
}

/* ---- all of it ---- */

static void (*const parts[])(struct sk_control *c, struct sk_str *out) = {
	put_build,
	put_counts,
	put_queue,
	put_classes,
	put_skalds,
	put_store,
	put_services,
	put_requests,
	sk_metrics_monitor,
	put_process,
};

void
sk_metrics_write(struct sk_control *c, struct sk_str *out)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		parts[i](c, out);
	if (c->cfg.metrics != NULL)
		c->cfg.metrics(c->cfg.metrics_arg, out);
}
