/* GET /metrics: the text format of Prometheus, and what is counted of requests. */
#include "api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/control/metrics_priv.h"
#include <stdio.h>
#include <string.h>

/* ---- text ---- */

static void
text_is(struct sk_str *out, const char *want)
{
	assert_string_equal(sk_str_text(out), want);
	sk_str_release(out);
}

static void
a_family_has_help_type_and_samples(void **state)
{
	struct sk_str out = SK_STR_INIT;

	(void)state;
	sk_metric(&out, "a_total", "counter", "One line\nwith \\.");
	sk_metric_int(&out, "a_total", NULL, NULL, -3);
	sk_metric_double(&out, "a_total", "x", "y", 0.25);
	text_is(&out,
		"# HELP a_total One line\\nwith \\\\.\n# TYPE a_total counter\na_total -3\n"
		"a_total{x=\"y\"} 0.25\n");
}

static void
values_of_labels_are_escaped(void **state)
{
	struct sk_str out = SK_STR_INIT;

	(void)state;
	sk_metric_int(&out, "a", "x", "q\"b\\n\nü", 1);
	text_is(&out, "a{x=\"q\\\"b\\\\n\\nü\"} 1\n");
}

static void
a_histogram_adds_up(void **state)
{
	struct sk_histogram h = { .bounds = NULL };
	struct sk_str out = SK_STR_INIT;
	static const double bounds[] = { 0.5, 2, 0 };

	(void)state;
	sk_histogram_write(&out, "h", "", &h);
	assert_int_equal(out.len, 0);
	sk_histogram_add(&h, bounds, 0.5); /* le: a bound belongs to what is below */
	sk_histogram_add(&h, bounds, 1);
	sk_histogram_add(&h, bounds, 7.5);
	sk_histogram_write(&out, "h", "a=\"b\"", &h);
	text_is(&out,
		"h_bucket{a=\"b\",le=\"0.5\"} 1\nh_bucket{a=\"b\",le=\"2\"} 2\n"
		"h_bucket{a=\"b\",le=\"+Inf\"} 3\nh_sum{a=\"b\"} 9\nh_count{a=\"b\"} 3\n");
}

static void
bounds_fit_a_histogram_and_ascend(void **state)
{
	const double *const all[] = { sk_bounds_short, sk_bounds_long };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		size_t n = 0;

		for (; all[k][n] > 0; n++)
			assert_true(n == 0 || all[k][n] > all[k][n - 1]);
		assert_true(n <= SK_HISTOGRAM_MAX);
	}
}

static void
every_operation_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < SK_METRICS_OPS; i++)
		assert_non_null(sk_metrics_op_name((enum sk_op_kind)i));
}

/* ---- the answer ---- */

static void
has_line(const struct answer *a, const char *line)
{
	for (const char *at = a->body.p; (at = strstr(at, line)) != NULL; at++)
		if ((at == a->body.p || at[-1] == '\n') && at[strlen(line)] == '\n')
			return;
	fail_msg("no line %s in\n%s", line, a->body.p);
}

static void
it_tells_tasks_skalds_and_requests(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_skald(r, "n1", SK_MODE_NODE, 3);
	api_ok(r, 201, "POST", "/v1/tasks", "{\"className\":\"Noop\",\"id\":\"t\"}");
	api_ok(r, 404, "GET", "/v1/tasks/none", NULL);
	api_ok(r, 404, "GET", "/nowhere", NULL);
	r->wall += 4500;
	a = api_ok(r, 200, "GET", "/metrics", NULL);
	has_line(a, "skalds_build_info{version=\"1.2.3\"} 1");
	has_line(a, "skalds_store_up 1");
	has_line(a, "skalds_tasks{phase=\"Created\"} 1");
	has_line(a, "skalds_tasks_oldest_seconds 4.5");
	has_line(a, "skalds_tasks_created_total{class=\"Noop\"} 1");
	has_line(a, "skalds_skalds{state=\"online\"} 1");
	has_line(a, "skalds_skald_slots{skald=\"n1\"} 3");
	has_line(a, "skalds_http_requests_total{method=\"POST\",route=\"/v1/tasks\",code=\"201\"} 1");
	has_line(
		a, "skalds_http_requests_total{method=\"GET\",route=\"/v1/tasks/{id}\",code=\"404\"} 1");
	has_line(a, "skalds_http_requests_total{method=\"any\",route=\"none\",code=\"404\"} 1");
	has_line(a, "skalds_store_operation_seconds_count{operation=\"insert\"} 1");
	has_line(a, "skalds_store_operation_seconds_count{operation=\"get\"} 1");
}

static void
a_count_serves_for_five_seconds(void **state)
{
	struct api_rig *r = *state;
	size_t before;

	api_ok(r, 200, "GET", "/metrics", NULL);
	before = r->failing.submitted;
	r->boot += 4999;
	has_line(api_ok(r, 200, "GET", "/metrics", NULL), "skalds_tasks{phase=\"Created\"} 0");
	assert_int_equal(r->failing.submitted, before);
	api_ok(r, 201, "POST", "/v1/tasks", "{\"className\":\"Noop\"}");
	r->boot++;
	has_line(api_ok(r, 200, "GET", "/metrics", NULL), "skalds_tasks{phase=\"Created\"} 1");
}

static void
without_the_store_the_rest_is_told(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	r->failing.code = SK_EUNAVAIL;
	r->failing.only = -1;
	a = api_ok(r, 200, "GET", "/metrics", NULL);
	has_line(a, "skalds_store_up 0");
	has_line(a, "skalds_ready 1");
	assert_null(strstr(a->body.p, "\nskalds_tasks{"));
	r->failing.code = SK_OK;
	a = api_ok(r, 200, "GET", "/metrics", NULL); /* a failure does not serve for a while */
	has_line(a, "skalds_store_up 1");
}

static void
it_answers_before_the_controller_is_ready(void **state)
{
	has_line(api_ok(*state, 200, "GET", "/metrics", NULL), "skalds_ready 0");
}

static void
more_classes_than_have_room_are_one(void **state)
{
	struct api_rig *r = *state;
	char name[16];
	struct answer *a;

	for (int i = 0; i < SK_METRICS_CLASSES + 10; i++) {
		struct sk_record rec = { .class_name = name };

		snprintf(name, sizeof(name), "Class%d", i);
		sk_metrics_told(r->c, SK_EVENT_CREATED, &rec);
	}
	a = api_ok(r, 200, "GET", "/metrics", NULL);
	has_line(a, "skalds_tasks_created_total{class=\"Class63\"} 1");
	has_line(a, "skalds_tasks_created_total{class=\"other\"} 10");
}

static void
more_lines(void *arg, struct sk_str *out)
{
	sk_metric_gauge(out, "more", "Of the process around it.", *(const int *)arg);
}

static void
the_process_around_it_adds_lines(void **state)
{
	struct api_rig *r = *state;
	int n = 42;

	r->c->cfg.metrics = more_lines;
	r->c->cfg.metrics_arg = &n;
	has_line(api_ok(r, 200, "GET", "/metrics", NULL), "more 42");
}

/* Each family once, and no line twice. */
static void
nothing_is_told_twice(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;
	const char *lines[4096];
	size_t n = 0;
	char *save = NULL;

	api_skald(r, "n1", SK_MODE_NODE, 3);
	api_skald(r, "n2", SK_MODE_NODE, 3);
	api_ok(r, 201, "POST", "/v1/tasks", "{\"className\":\"Noop\"}");
	a = api_ok(r, 200, "GET", "/metrics", NULL);
	for (char *l = strtok_r(a->body.p, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save)) {
		if (l[0] != '#')
			*strrchr(l, ' ') = '\0'; /* without its value */
		for (size_t i = 0; i < n; i++)
			if (strcmp(lines[i], l) == 0)
				fail_msg("%s is told twice", l);
		assert_true(n < sizeof(lines) / sizeof(lines[0]));
		lines[n++] = l;
	}
	assert_true(n > 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_has_help_type_and_samples),
		cmocka_unit_test(values_of_labels_are_escaped),
		cmocka_unit_test(a_histogram_adds_up),
		cmocka_unit_test(bounds_fit_a_histogram_and_ascend),
		cmocka_unit_test(every_operation_has_a_name),
		cmocka_unit_test_setup_teardown(
			it_tells_tasks_skalds_and_requests, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(a_count_serves_for_five_seconds, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(
			without_the_store_the_rest_is_told, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(
			it_answers_before_the_controller_is_ready, api_setup_cold, api_teardown),
		cmocka_unit_test_setup_teardown(
			more_classes_than_have_room_are_one, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(the_process_around_it_adds_lines, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(nothing_is_told_twice, api_setup, api_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
