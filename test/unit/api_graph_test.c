/* api_graph_test.c - what a task waits for, as a graph; classes that can be run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_rig.h"
#include <stdio.h>
#include <string.h>

static void
add(struct api_rig *r, const char *id, const char *dependencies)
{
	const char *body = sk_arena_printf(r->arena,
		"{\"id\":\"%s\",\"className\":\"Noop\",\"name\":\"the %s\",\"dependencies\":[%s]}", id, id,
		dependencies);

	api_ok(r, 201, "POST", "/v1/tasks", body);
}

static size_t
times(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)) != NULL; text += strlen(part))
		n++;
	return n;
}

static void
both_directions(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "a", "");
	add(r, "b", "");
	add(r, "c", "\"a\",\"b\"");
	add(r, "d", "\"c\",\"a\"");
	add(r, "e", "\"d\"");
	add(r, "aside", "\"b\"");
	a = api_ok(r, 200, "GET", "/v1/tasks/c/graph", NULL);
	assert_string_equal(a->body.p,
		"{\"nodes\":["
		"{\"id\":\"c\",\"className\":\"Noop\",\"phase\":\"Created\",\"name\":\"the c\"},"
		"{\"id\":\"a\",\"className\":\"Noop\",\"phase\":\"Created\",\"name\":\"the a\"},"
		"{\"id\":\"b\",\"className\":\"Noop\",\"phase\":\"Created\",\"name\":\"the b\"},"
		"{\"id\":\"d\",\"className\":\"Noop\",\"phase\":\"Created\",\"name\":\"the d\"},"
		"{\"id\":\"e\",\"className\":\"Noop\",\"phase\":\"Created\",\"name\":\"the e\"}],"
		"\"edges\":[{\"from\":\"a\",\"to\":\"c\"},{\"from\":\"b\",\"to\":\"c\"},"
		"{\"from\":\"c\",\"to\":\"d\"},{\"from\":\"a\",\"to\":\"d\"},{\"from\":\"d\",\"to\":\"e\"}]"
		","
		"\"truncated\":false}");
	a = api_ok(r, 200, "GET", "/v1/tasks/a/graph?depth=1", NULL);
	api_is(a, "truncated", "true");
	assert_int_equal(times(a->body.p, "\"id\":"), 3);
	a = api_ok(r, 200, "GET", "/v1/tasks/e/graph?depth=2", NULL);
	api_is(a, "truncated", "true");
	assert_int_equal(times(a->body.p, "\"id\":"), 4);
	api_wrong(r, 404, "GET", "/v1/tasks/none/graph", NULL, "there is no task");
	api_wrong(r, 400, "GET", "/v1/tasks/a/graph?depth=11", NULL, "at most 10");
}

static void
what_is_gone_is_a_node_without_a_phase(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	add(r, "a", "");
	add(r, "b", "\"a\"");
	api_ok(r, 200, "POST", "/v1/tasks/a/cancel", NULL);
	api_ok(r, 200, "DELETE", "/v1/tasks/a", NULL);
	a = api_ok(r, 200, "GET", "/v1/tasks/b/graph", NULL);
	api_is(a, "nodes.1.id", "a");
	api_is(a, "nodes.1.phase", "null");
	api_is(a, "edges.0.from", "a");
	api_is(a, "truncated", "false");
}

static void
it_is_bounded(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;
	char id[16], on[20];

	add(r, "root", "");
	for (int i = 0; i < 250; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		add(r, id, "\"root\"");
	}
	a = api_ok(r, 200, "GET", "/v1/tasks/root/graph", NULL);
	assert_int_equal(times(a->body.p, "\"id\":"), 200);
	api_is(a, "truncated", "true");
	a = api_ok(r, 200, "GET", "/v1/tasks/t7/graph", NULL);
	api_is(a, "truncated", "false");
	assert_int_equal(times(a->body.p, "\"id\":"), 2);
	for (int i = 0; i < 15; i++) {
		snprintf(id, sizeof(id), "l%d", i);
		snprintf(on, sizeof(on), "\"l%d\"", i - 1);
		add(r, id, i > 0 ? on : "");
	}
	a = api_ok(r, 200, "GET", "/v1/tasks/l14/graph", NULL);
	assert_int_equal(times(a->body.p, "\"id\":"), 11);
	api_is(a, "truncated", "true");
	a = api_ok(r, 200, "GET", "/v1/tasks/l0/graph", NULL);
	assert_int_equal(times(a->body.p, "\"id\":"), 11);
	api_is(a, "truncated", "true");
}

static void
a_store_that_fails_is_told(void **state)
{
	struct api_rig *r = *state;

	add(r, "a", "");
	r->failing.only = SK_OP_FIND;
	r->failing.code = SK_EUNAVAIL;
	api_ok(r, 503, "GET", "/v1/tasks/a/graph", NULL);
	r->failing.code = SK_OK;
}

/* ---- classes ---- */

static void
classes_have_a_schema(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ok(r, 200, "GET", "/v1/classes/Camera", NULL);

	api_is(a, "className", "Camera");
	api_is(a, "kind", "compiled");
	api_is(a, "reusable", "false");
	api_is(a, "nodes", "[]");
	api_is(a, "schema.$schema", "https://json-schema.org/draft/2020-12/schema");
	api_is(a, "schema.properties.fixFrame.maximum", "100");
	api_is(a, "schema.properties.password.writeOnly", "true");
	api_is(a, "schema.required", "[\"rtspUrl\"]");
	api_wrong(r, 404, "GET", "/v1/classes/Nothing", NULL, "there is no class \\\"Nothing\\\"");
}

static void
classes_of_nodes_are_known_by_name(void **state)
{
	static const char *const theirs[] = { "PythonWorker", "Camera", NULL };
	struct api_rig *r = *state;
	struct answer *a;
	struct sk_skald row = {
		.id = "py", .incarnation = 1, .renewals = 1, .version = "", .host = "", .classes = theirs
	};
	struct sk_op_skald_put op = { .skald = &row,
		.op = { .arena = r->arena, .kind = SK_OP_SKALD_PUT } };

	api_skald(r, "n1", SK_MODE_NODE, 4);
	assert_int_equal(sk_store_wait(r->failing.real, r->loop, &op.op), SK_OK);
	api_skald(r, "n1", SK_MODE_NODE, 4);
	a = api_ok(r, 200, "GET", "/v1/classes", NULL);
	api_is(a, "items.0.className", "Camera");
	api_is(a, "items.0.nodes", "[\"n1\",\"py\"]");
	api_is(a, "items.1.className", "Noop");
	api_is(a, "items.1.nodes", "[\"n1\"]");
	api_is(a, "items.2.className", "PythonWorker");
	api_is(a, "items.2.schema", "null");
	api_is(a, "items.2.nodes", "[\"py\"]");
	api_is(a, "items.3", "");
	api_is(a, "next", "null");
	api_is(api_ok(r, 200, "GET", "/v1/classes/PythonWorker", NULL), "nodes", "[\"py\"]");
}

int
main(void)
{
#define RIGGED(t) cmocka_unit_test_setup_teardown(t, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
		RIGGED(both_directions),
		RIGGED(what_is_gone_is_a_node_without_a_phase),
		RIGGED(it_is_bounded),
		RIGGED(a_store_that_fails_is_told),
		RIGGED(classes_have_a_schema),
		RIGGED(classes_of_nodes_are_known_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
