/* The document of the API says of each route what the routes say, and nothing of what is none. */
#include "api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/control/api_docs.h"
#include <stdio.h>
#include <string.h>

static const struct sk_doc *const tables[] = { sk_docs_ours, sk_docs_original };

static void
every_route_is_described(void **state)
{
	(void)state;
	for (const struct sk_route *r = sk_routes; r->method != NULL; r++) {
		const struct sk_doc *d = sk_doc_of(r);

		if (d == NULL)
			fail_msg("%s %s has no row in api_docs_ours.c or api_docs_original.c", r->method,
				r->pattern);
		if (d->summary == NULL || d->answer == NULL)
			fail_msg("%s %s: its row lacks a summary or an answer", r->method, r->pattern);
	}
}

static bool
is_route(const struct sk_doc *d)
{
	for (const struct sk_route *r = sk_routes; r->method != NULL; r++)
		if (strcmp(r->method, d->method) == 0 && strcmp(r->pattern, d->pattern) == 0)
			return true;
	return false;
}

static size_t
times_described(const struct sk_doc *d)
{
	size_t n = 0;

	for (size_t i = 0; i < 2; i++)
		for (const struct sk_doc *e = tables[i]; e->method != NULL; e++)
			n += strcmp(e->method, d->method) == 0 && strcmp(e->pattern, d->pattern) == 0;
	return n;
}

static void
every_description_has_its_route(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (const struct sk_doc *d = tables[i]; d->method != NULL; d++) {
			if (!is_route(d))
				fail_msg("%s %s is described and is no route", d->method, d->pattern);
			if (times_described(d) != 1)
				fail_msg("%s %s is described twice", d->method, d->pattern);
		}
}

static void
every_parameter_is_right(void **state)
{
	struct sk_err err;

	(void)state;
	for (const struct sk_route *r = sk_routes; r->method != NULL; r++)
		if (r->params != NULL && sk_fields_check(r->params, &err) != SK_OK)
			fail_msg("%s %s: %s", r->method, r->pattern, err.msg);
}

/* Every "$ref" of the document, looked up in it. */
static void
check_refs(const struct sk_value *doc, const struct sk_value *v)
{
	if (v->kind == SK_LIST)
		for (size_t i = 0; i < v->u.list.n; i++)
			check_refs(doc, v->u.list.items[i]);
	for (size_t i = 0; v->kind == SK_MAP && i < v->u.map.n; i++) {
		const struct sk_pair *p = &v->u.map.pairs[i];
		const struct sk_value *to = sk_map_get(doc, "components");
		char kind[32], name[64];

		check_refs(doc, p->value);
		if (strcmp(p->key, "$ref") != 0)
			continue;
		if (sscanf(p->value->u.str.s, "#/components/%31[^/]/%63s", kind, name) != 2 ||
			sk_map_get(sk_map_get(to, kind), name) == NULL)
			fail_msg("%s is not in the document", p->value->u.str.s);
	}
}

static void
the_document_is_whole(void **state)
{
	struct answer *a = api_ok(*state, 200, "GET", "/api/openapi.json", NULL);
	size_t operations = 0, routes = 0;
	const struct sk_value *paths = sk_map_get(a->json, "paths");

	api_is(a, "openapi", "3.1.0");
	api_is(a, "info.version", "1.2.3");
	check_refs(a->json, a->json);
	for (size_t i = 0; i < paths->u.map.n; i++)
		operations += paths->u.map.pairs[i].value->u.map.n;
	for (const struct sk_route *r = sk_routes; r->method != NULL; r++)
		routes++;
	assert_int_equal(operations, routes);
}

static const struct sk_value *
operation(const struct answer *a, const char *path, const char *method)
{
	return sk_map_get(sk_map_get(sk_map_get(a->json, "paths"), path), method);
}

static void
text_is(const struct sk_value *v, const char *want)
{
	struct sk_str text = SK_STR_INIT;

	assert_non_null(v);
	sk_value_json(&text, v);
	assert_string_equal(sk_str_text(&text), want);
	sk_str_release(&text);
}

static void
a_parameter_is_told_as_it_is_parsed(void **state)
{
	struct answer *a = api_ok(*state, 200, "GET", "/api/openapi.json", NULL);
	const struct sk_value *list = sk_map_get(operation(a, "/v1/tasks", "get"), "parameters");

	for (size_t i = 0; i < list->u.list.n; i++) {
		const struct sk_value *p = list->u.list.items[i];
		const char *name = sk_map_get(p, "name")->u.str.s;

		if (strcmp(name, "limit") == 0)
			text_is(sk_map_get(p, "schema"),
				"{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":50}");
		if (strcmp(name, "sort") == 0)
			text_is(sk_map_get(p, "schema"),
				"{\"type\":\"string\",\"default\":\"-created\",\"enum\":[\"created\",\"-created\","
				"\"updated\",\"rank\"]}");
	}
	api_ok(*state, 200, "GET", "/v1/tasks?limit=1000&sort=rank", NULL);
	api_wrong(*state, 400, "GET", "/v1/tasks?limit=1001", NULL, "at most 1000");
	api_wrong(*state, 400, "GET", "/v1/tasks?sort=x", NULL, "created, -created, updated, rank");
}

static void
what_a_route_needs_and_answers_is_told(void **state)
{
	struct answer *a = api_ok(*state, 200, "GET", "/api/openapi.json", NULL);
	const struct sk_value *cancel = operation(a, "/v1/tasks/{id}/cancel", "post");
	const struct sk_value *answers = sk_map_get(cancel, "responses");
	static const char *const statuses[] = { "200", "400", "401", "403", "404", "409", "500", "503",
		"507" };

	text_is(sk_map_get(cancel, "x-skalds-role"), "\"write\"");
	text_is(sk_map_get(cancel, "security"), "[{\"bearer\":[]}]");
	text_is(sk_map_get(operation(a, "/livez", "get"), "security"), "[]");
	assert_int_equal(answers->u.map.n, sizeof(statuses) / sizeof(statuses[0]));
	for (size_t i = 0; i < answers->u.map.n; i++)
		assert_non_null(sk_map_get(answers, statuses[i]));
}

static void
the_classes_there_are_can_be_submitted(void **state)
{
	struct answer *a = api_ok(*state, 200, "GET", "/api/openapi.json", NULL);
	const struct sk_value *schemas = sk_map_get(sk_map_get(a->json, "components"), "schemas");
	const struct sk_value *members = sk_map_get(sk_map_get(schemas, "TaskInput"), "properties");

	text_is(sk_map_get(sk_map_get(members, "className"), "enum"), "[\"Camera\",\"Noop\"]");
	assert_non_null(sk_map_get(schemas, "Attachments.Camera"));
	text_is(
		sk_map_get(sk_map_get(members, "labels"), "additionalProperties"), "{\"type\":\"string\"}");
}

static void
the_page_for_people_has_every_route(void **state)
{
	struct answer *a = api_ok(*state, 200, "GET", "/api/docs", NULL);

	for (const struct sk_route *r = sk_routes; r->method != NULL; r++)
		api_has(a, sk_doc_of(r)->summary);
	api_has(a, "<code>/v1/tasks/{id}/wait?ms</code>");
	assert_true(api_header(a, "Content-Security-Policy: default-src 'none'"));
}

static void
a_type_is(const char *type, const char *want)
{
	struct sk_str out = SK_STR_INIT;

	sk_doc_type(&out, type);
	assert_string_equal(sk_str_text(&out), want);
	sk_str_release(&out);
}

static void
types_are_written_as_schemas(void **state)
{
	(void)state;
	a_type_is("string", "{\"type\":\"string\"}");
	a_type_is("ms", "{\"type\":\"integer\"}");
	a_type_is("any", "{}");
	a_type_is("string?", "{\"type\":[\"string\",\"null\"]}");
	a_type_is("a/b", "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}");
	a_type_is("Task", "{\"$ref\":\"#/components/schemas/Task\"}");
	a_type_is(
		"Task?", "{\"anyOf\":[{\"$ref\":\"#/components/schemas/Task\"},{\"type\":\"null\"}]}");
	a_type_is("[string]?",
		"{\"anyOf\":[{\"type\":\"array\",\"items\":{\"type\":\"string\"}},{\"type\":\"null\"}]}");
	a_type_is("{[integer]}",
		"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\",\"items\":"
		"{\"type\":\"integer\"}}}");
	a_type_is("A|[A]",
		"{\"anyOf\":[{\"$ref\":\"#/components/schemas/A\"},{\"type\":\"array\",\"items\":"
		"{\"$ref\":\"#/components/schemas/A\"}}]}");
}

/* The words of tables are those that are written. */
static void
words_are_those_of_the_code(void **state)
{
	static const char *const names[] = { "Wanted", "Reason" };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (const struct sk_doc_schema *s = sk_schemas_ours; s->name != NULL; s++) {
			size_t n = 0;

			if (strcmp(s->name, names[i]) != 0)
				continue;
			for (; s->words[n] != NULL; n++)
				assert_string_equal(s->words[n],
					i == 0 ? sk_wanted_name((enum sk_wanted)n) : sk_reason_name((enum sk_reason)n));
			assert_int_equal(n, i == 0 ? SK_WANT_CANCEL + 1 : SK_REASON_SKIPPED + 1);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_described),
		cmocka_unit_test(every_description_has_its_route),
		cmocka_unit_test(every_parameter_is_right),
		cmocka_unit_test_setup_teardown(the_document_is_whole, api_setup_cold, api_teardown),
		cmocka_unit_test_setup_teardown(
			a_parameter_is_told_as_it_is_parsed, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(
			what_a_route_needs_and_answers_is_told, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(
			the_classes_there_are_can_be_submitted, api_setup, api_teardown),
		cmocka_unit_test_setup_teardown(
			the_page_for_people_has_every_route, api_setup_cold, api_teardown),
		cmocka_unit_test(types_are_written_as_schemas),
		cmocka_unit_test(words_are_those_of_the_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
