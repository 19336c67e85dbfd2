/* api_submit_test.c - POST /v1/tasks: one, a list, JSON Lines; all or none; each once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_rig.h"
#include "core/control/batch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES "application/x-ndjson"
#define JSON "application/json"
#define NOOP "{\"className\":\"Noop\"}"

static struct answer *
lines(struct api_rig *r, int status, const char *path, const char *body)
{
	struct answer *a = api_post(r, path, LINES, "", body);

	if (a->status != status)
		fail_msg("%d %s", a->status, a->body.p);
	return a;
}

/* ---- what is right ---- */

static void
one_task(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ok(r, 201, "POST", "/v1/tasks", NOOP);
	const char *id = api_member(a, "items.0.id");
	struct sk_record *rec;

	assert_int_equal(strlen(id), 26);
	api_is(a, "items.0.created", "true");
	rec = api_stored(r, id);
	assert_string_equal(rec->class_name, "Noop");
	assert_int_equal(rec->create_ms, RIG_NOW);
	assert_int_equal(rec->life.max_attempts, 3);
	api_pump(r);
	assert_non_null(strstr(r->heard.p, "created "));
	a = api_post(r, "/v1/tasks", "", "", NOOP);
	assert_int_equal(a->status, 201);
	a = api_post(r, "/v1/tasks", "application/json; charset=utf-8", "", NOOP);
	assert_int_equal(a->status, 201);
	assert_int_equal(api_count(r), 3);
}

static void
a_list_of_tasks(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ok(r, 201, "POST", "/v1/tasks",
		"[{\"id\":\"a\",\"className\":\"Noop\"}," NOOP ",{\"id\":\"c\",\"className\":\"Noop\"}]");

	api_is(a, "items.0.id", "a");
	api_is(a, "items.2.id", "c");
	api_is(a, "items.2.created", "true");
	assert_int_equal(api_count(r), 3);
	api_is(api_ok(r, 201, "POST", "/v1/tasks", "[]"), "items", "[]");
}

static void
json_lines(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = lines(r, 201, "/v1/tasks",
		"{\"id\":\"a\",\"className\":\"Noop\"}\n\n  \r\n{\"id\":\"b\",\"className\":\"Noop\"}\r\n"
		"{\"id\":\"c\",\"className\":\"Noop\"}");

	api_is(a, "ids", "[\"a\",\"b\",\"c\"]");
	api_is(a, "created", "3");
	api_is(a, "existing", "0");
	api_is(lines(r, 201, "/v1/tasks", ""), "ids", "[]");
	api_is(lines(r, 201, "/v1/tasks", "\n\n"), "created", "0");
}

static void
many_lines(void **state)
{
	struct api_rig *r = *state;
	struct sk_str body = SK_STR_INIT;

	for (int i = 0; i < 3000; i++)
		sk_str_adds(&body, NOOP "\n");
	api_is(lines(r, 201, "/v1/tasks", body.p), "created", "3000");
	assert_int_equal(api_count(r), 3000);
	sk_str_release(&body);
}

static void
dependencies_within_and_outside(void **state)
{
	struct api_rig *r = *state;

	api_ok(r, 201, "POST", "/v1/tasks", "{\"id\":\"x\",\"className\":\"Noop\"}");
	lines(r, 201, "/v1/tasks",
		"{\"id\":\"a\",\"className\":\"Noop\",\"dependencies\":[\"b\",\"x\"]}\n"
		"{\"id\":\"b\",\"className\":\"Noop\",\"dependencies\":[\"x\"]}\n");
	assert_int_equal(api_stored(r, "a")->gate, SK_GATE_DEPENDENCY);
}

/* ---- what is wrong ---- */

static void
nothing_is_stored(struct api_rig *r)
{
	assert_int_equal(api_count(r), 0);
}

static void
problems_have_their_place(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ok(r, 422, "POST", "/v1/tasks",
		"{\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"u\",\n\"fixFrame\":\"ten\"}}");

	api_is(a, "error.code", "invalid");
	api_is(a, "error.message", "attachments.fixFrame: expected integer, got \"ten\"");
	api_is(a, "error.problems.0.line", "0");
	api_is(a, "error.problems.0.path", "attachments.fixFrame");
	a = api_ok(r, 422, "POST", "/v1/tasks",
		"[" NOOP ",{\"className\":\"Nop\"},5,{\"className\":\"Noop\",\"priority\":77}]");
	api_is(a, "error.message", "3 problems");
	api_is(a, "error.problems.0.line", "2");
	api_is(a, "error.problems.0.path", "className");
	api_is(a, "error.problems.1.line", "3");
	api_is(a, "error.problems.2.line", "4");
	api_is(a, "error.problems.2.path", "priority");
	a = lines(r, 422, "/v1/tasks", NOOP "\n\n{\"className\":\"Noop\",}\n{\"className\":1}\n");
	api_is(a, "error.problems.0.line", "3");
	api_is(a, "error.problems.0.message", "not valid JSON: string or '}' expected (column 21)");
	api_is(a, "error.problems.1.line", "4");
	nothing_is_stored(r);
}

static void
a_body_that_is_none(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_wrong(r, 422, "POST", "/v1/tasks", "", "there is nothing in it (line 1, column 1)");
	api_wrong(r, 422, "POST", "/v1/tasks", "{\"className\":", "not valid JSON");
	api_wrong(r, 422, "POST", "/v1/tasks", "5", "expected a task (a map), got 5");
	a = api_post(r, "/v1/tasks", "text/plain", "", NOOP);
	assert_int_equal(a->status, 400);
	api_is(a, "error.message", "Content-Type must be application/json");
	api_wrong(r, 400, "POST", "/v1/tasks?dry_run=maybe", NOOP, "dry_run: expected 1 or 0");
	nothing_is_stored(r);
}

static void
too_much_at_once(void **state)
{
	struct api_rig *r = *state;
	size_t n = SK_API_MAX_BODY + 1;
	char *body = sk_xmalloc(n + 1);
	struct answer *a;

	memset(body, ' ', n);
	body[n] = '\0';
	api_wrong(r, 413, "POST", "/v1/tasks", body, "more than 4 MiB");
	a = api_post(r, "/v1/tasks", LINES, "", body);
	assert_int_equal(a->status, 413);
	memset(body, '\n', n - 1);
	body[n - 1] = '\0';
	a = api_post(r, "/v1/tasks", LINES, "", body);
	assert_int_equal(a->status, 413);
	api_has(a, "more than 100000 tasks");
	free(body);
	nothing_is_stored(r);
}

static void
what_is_given_twice_in_one_body(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	a = lines(r, 422, "/v1/tasks",
		"{\"id\":\"a\",\"className\":\"Noop\"}\n" NOOP "\n{\"id\":\"a\",\"className\":\"Noop\"}\n");
	api_is(a, "error.problems.0.line", "3");
	api_is(a, "error.problems.0.message", "\"a\" is given in line 1 too");
	a = lines(r, 422, "/v1/tasks",
		"{\"uniqueKey\":\"k\",\"className\":\"Noop\"}\n{\"uniqueKey\":\"k\",\"className\":\"Noop\"}"
		"\n");
	api_is(a, "error.problems.0.line", "2");
	api_is(a, "error.problems.0.path", "uniqueKey");
	nothing_is_stored(r);
}

static void
circles_are_named(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	a = lines(r, 422, "/v1/tasks",
		"{\"id\":\"a\",\"className\":\"Noop\",\"dependencies\":[\"b\"]}\n"
		"{\"id\":\"b\",\"className\":\"Noop\",\"dependencies\":[\"c\"]}\n"
		"{\"id\":\"c\",\"className\":\"Noop\",\"dependencies\":[\"b\"]}\n");
	api_is(a, "error.problems.0.message", "in a circle: b -> c -> b");
	api_is(a, "error.problems.0.line", "3");
	api_is(a, "error.problems.1.line", "");
	nothing_is_stored(r);
}

static void
unknown_dependencies(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	a = lines(r, 422, "/v1/tasks",
		"{\"className\":\"Noop\",\"dependencies\":[\"nix\"]}\n" NOOP
		"\n{\"className\":\"Noop\",\"dependencies\":[\"nada\",\"nix\"]}\n");
	api_is(a, "error.message", "3 problems");
	api_is(a, "error.problems.0.message", "there is no task \"nix\"");
	api_is(a, "error.problems.0.line", "1");
	api_is(a, "error.problems.1.line", "3");
	api_is(a, "error.problems.2.line", "3");
	nothing_is_stored(r);
}

static void
where_it_is_wrong_is_a_pointer(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ok(r, 422, "POST", "/v1/tasks",
		"{\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"u\",\"fixFrame\":\"ten\"}}");

	api_is(a, "error.problems.0.path", "attachments.fixFrame");
	api_is(a, "error.problems.0.pointer", "/attachments/fixFrame");
	api_is(a, "detail", api_member(a, "error.message"));
	api_has(a, "attachments.fixFrame: expected integer, got \\\"ten\\\"\"}");
	/* of a list with the place in it, of lines each is a document of its own */
	a = api_ok(r, 422, "POST", "/v1/tasks", "[" NOOP ",{\"className\":\"Nop\"}]");
	api_is(a, "error.problems.0.pointer", "/1/className");
	a = lines(r, 422, "/v1/tasks", NOOP "\n{\"className\":\"Nop\"}\n");
	api_is(a, "error.problems.0.pointer", "/className");
	a = api_ok(
		r, 422, "POST", "/v1/tasks", "{\"className\":\"Noop\",\"attachments\":{\"a/b ~.\\\"\":1}}");
	api_is(a, "error.problems.0.pointer", "/attachments/a~1b ~0.\"");
	a = api_ok(r, 422, "POST", "/v1/tasks/cancel", "{\"ids\":[\"a\",\"b\",5]}");
	api_is(a, "error.problems.0.pointer", "/ids/2");
	a = api_ok(r, 422, "POST", "/v1/tasks", "7");
	api_is(a, "error.problems.0.pointer", "");
	a = api_ok(r, 404, "GET", "/v1/tasks/none", NULL);
	api_is(a, "detail", "there is no task \"none\"");
	nothing_is_stored(r);
}

/* ---- good ones alone, and none ---- */

static void
skipping_what_is_wrong(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = lines(r, 201, "/v1/tasks?skip_invalid=1",
		"{\"id\":\"a\",\"className\":\"Noop\"}\n{\"className\":\"Nop\"}\nx\n"
		"{\"id\":\"b\",\"className\":\"Noop\",\"dependencies\":[\"c\"]}\n"
		"{\"id\":\"c\",\"className\":\"Noop\",\"dependencies\":[\"nix\"]}\n"
		"{\"id\":\"d\",\"className\":\"Noop\",\"dependencies\":[\"a\"]}\n");

	api_is(a, "ids", "[\"a\",\"d\"]");
	api_is(a, "created", "2");
	api_is(a, "problems.0.line", "2");
	api_is(a, "problems.1.line", "3");
	api_is(a, "problems.2.line", "4");
	api_is(a, "problems.2.message", "\"c\" in line 5 is wrong");
	api_is(a, "problems.3.line", "5");
	assert_int_equal(api_count(r), 2);
	a = api_ok(r, 201, "POST", "/v1/tasks?skip_invalid=1", "[" NOOP ",5]");
	api_is(a, "items.0.created", "true");
	api_is(a, "items.1", "");
	api_is(a, "problems.0.line", "2");
	a = lines(r, 201, "/v1/tasks?skip_invalid=1", "x\n");
	api_is(a, "ids", "[]");
	a = lines(r, 201, "/v1/tasks?skip_invalid=1", NOOP "\n");
	api_is(a, "problems", "[]");
}

static void
skipping_what_is_there_with_other_content(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_ok(r, 201, "POST", "/v1/tasks",
		"{\"id\":\"a\",\"className\":\"Noop\",\"uniqueKey\":\"k\",\"priority\":1}");
	a = lines(r, 201, "/v1/tasks?skip_invalid=1",
		"{\"id\":\"a\",\"className\":\"Noop\"}\n{\"id\":\"b\",\"className\":\"Noop\"}\n"
		"{\"id\":\"c\",\"className\":\"Noop\",\"uniqueKey\":\"k\"}\n");
	api_is(a, "ids", "[\"b\"]");
	api_is(a, "problems.0.line", "1");
	api_is(a, "problems.0.message", "there is a task \"a\" with other content");
	api_is(a, "problems.1.line", "3");
	api_is(a, "problems.1.message", "\"k\" is in use by task a");
}

static void
a_dry_run_stores_nothing(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = lines(r, 200, "/v1/tasks?dry_run=1", NOOP "\n" NOOP "\n");

	api_is(a, "dryRun", "true");
	api_is(a, "valid", "2");
	api_ok(r, 422, "POST", "/v1/tasks?dry_run=1", "{\"className\":\"Nop\"}");
	a = lines(r, 200, "/v1/tasks?dry_run=1&skip_invalid=1", NOOP "\nx\n");
	api_is(a, "valid", "1");
	api_is(a, "problems.0.line", "2");
	lines(r, 422, "/v1/tasks?dry_run=1", "{\"className\":\"Noop\",\"dependencies\":[\"x\"]}\n");
	nothing_is_stored(r);
}

static void
a_dry_run_sees_what_is_stored(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;
	static const char body[] =
		"{\"id\":\"a\",\"className\":\"Noop\"}\n{\"id\":\"b\",\"className\":\"Noop\"}\n"
		"{\"id\":\"c\",\"className\":\"Noop\",\"uniqueKey\":\"k\"}\n"
		"{\"id\":\"d\",\"className\":\"Noop\",\"dependencies\":[\"later\"]}\n"
		"{\"id\":\"a\",\"className\":\"Noop\"}\n";

	api_ok(r, 201, "POST", "/v1/tasks",
		"[{\"id\":\"a\",\"className\":\"Noop\",\"uniqueKey\":\"k\",\"priority\":1},"
		"{\"id\":\"b\",\"className\":\"Noop\"}]");
	a = lines(r, 200, "/v1/tasks?dry_run=1&skip_invalid=1&part=1", body);
	api_is(a, "valid", "2"); /* b is there as it is, d */
	api_is(a, "problems.0.line", "1");
	api_is(a, "problems.0.path", "id");
	api_is(a, "problems.0.message", "there is a task \"a\" with other content");
	api_is(a, "problems.1.line", "3");
	api_is(a, "problems.1.message", "\"k\" is in use by task a");
	api_is(a, "problems.2.line", "5");
	api_is(a, "problems.3", "");
	a = lines(r, 200, "/v1/tasks?dry_run=1&skip_invalid=1", body);
	api_is(a, "valid", "1");
	api_is(a, "problems.2.path", "dependencies");
	a = lines(r, 409, "/v1/tasks?dry_run=1", "{\"id\":\"a\",\"className\":\"Noop\"}\n");
	api_is(a, "error.problems.0.line", "1");
	api_ok(r, 200, "POST", "/v1/tasks?dry_run=1", "{\"id\":\"b\",\"className\":\"Noop\"}");
	assert_int_equal(api_count(r), 2);
	r->failing.code = SK_EIO;
	api_ok(r, 500, "POST", "/v1/tasks?dry_run=1", NOOP);
	r->failing.code = SK_OK;
	api_wrong(r, 400, "POST", "/v1/tasks?part=1", NOOP, "part: only with dry_run");
}

/* ---- sent twice ---- */

static void
the_same_id_with_the_same_content_is_one_task(void **state)
{
	struct api_rig *r = *state;
	const char *body = "{\"id\":\"a\",\"className\":\"Noop\",\"delaySeconds\":5}";
	struct answer *a;

	api_is(api_ok(r, 201, "POST", "/v1/tasks", body), "items.0.created", "true");
	r->wall += 777;
	a = api_ok(r, 201, "POST", "/v1/tasks", body);
	api_is(a, "items.0.created", "false");
	api_is(a, "items.0.id", "a");
	assert_int_equal(api_stored(r, "a")->due_ms, RIG_NOW + 5000);
	a = lines(r, 201, "/v1/tasks",
		"{\"id\":\"a\",\"className\":\"Noop\"}\n{\"id\":\"b\",\"className\":\"Noop\"}\n");
	api_is(a, "created", "1");
	api_is(a, "existing", "1");
	assert_int_equal(api_count(r), 2);
}

static void
the_same_id_with_other_content_is_a_conflict(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	api_ok(r, 201, "POST", "/v1/tasks", "{\"id\":\"a\",\"className\":\"Noop\"}");
	a = api_ok(r, 409, "POST", "/v1/tasks", "{\"id\":\"a\",\"className\":\"Noop\",\"priority\":1}");
	api_is(a, "error.code", "conflict");
	api_is(a, "error.message", "id: there is a task \"a\" with other content");
	a = lines(r, 409, "/v1/tasks",
		"{\"id\":\"b\",\"className\":\"Noop\"}\n{\"id\":\"a\",\"className\":\"Noop\",\"name\":"
		"\"x\"}\n");
	api_is(a, "error.problems.0.line", "2");
	assert_null(api_stored(r, "b"));
	assert_int_equal(api_count(r), 1);
}

static void
an_idempotency_key_makes_one_of_two(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_post(r, "/v1/tasks", JSON, "key1", NOOP), *b;
	const char *id = api_member(a, "items.0.id");

	assert_int_equal(a->status, 201);
	assert_int_equal(strlen(id), 26);
	assert_true(id[0] >= '0' && id[0] <= '7');
	r->wall += 5000;
	b = api_post(r, "/v1/tasks", JSON, "key1", NOOP);
	api_is(b, "items.0.id", id);
	api_is(b, "items.0.created", "false");
	b = api_post(r, "/v1/tasks", JSON, "key2", NOOP);
	api_is(b, "items.0.created", "true");
	b = api_post(r, "/v1/tasks", JSON, "key1", "{\"className\":\"Noop\",\"priority\":2}");
	assert_int_equal(b->status, 422);
	api_is(b, "error.message", "this Idempotency-Key was used for another task");
	assert_int_equal(api_count(r), 2);
}

static void
a_key_for_many(void **state)
{
	struct api_rig *r = *state;
	const char *body = NOOP "\n{\"id\":\"own\",\"className\":\"Noop\"}\n" NOOP "\n";
	struct answer *a = api_post(r, "/v1/tasks", LINES, "k", body), *b;

	api_is(a, "created", "3");
	b = api_post(r, "/v1/tasks", LINES, "k", body);
	api_is(b, "created", "0");
	api_is(b, "existing", "3");
	assert_string_equal(api_member(a, "ids"), api_member(b, "ids"));
	assert_int_equal(api_count(r), 3);
}

static void
ids_of_keys_differ(void **state)
{
	struct sk_arena *a = sk_arena_new();
	const char *id = sk_batch_id(a, "k", 0);

	(void)state;
	assert_string_equal(id, sk_batch_id(a, "k", 0));
	assert_string_not_equal(id, sk_batch_id(a, "k", 1));
	assert_string_not_equal(id, sk_batch_id(a, "l", 0));
	assert_string_not_equal(id, sk_batch_id(a, "", 0));
	for (int i = 0; i < 26; i++)
		assert_non_null(strchr("0123456789abcdefghjkmnpqrstvwxyz", id[i]));
	sk_arena_free(a);
}

static void
a_unique_key_in_use_is_a_conflict(void **state)
{
	struct api_rig *r = *state;
	const char *body = "{\"className\":\"Noop\",\"uniqueKey\":\"k\"}";
	struct answer *a;

	api_ok(
		r, 201, "POST", "/v1/tasks", "{\"id\":\"a\",\"className\":\"Noop\",\"uniqueKey\":\"k\"}");
	a = api_ok(r, 409, "POST", "/v1/tasks", body);
	api_is(a, "error.problems.0.path", "uniqueKey");
	api_is(a, "error.problems.0.message", "\"k\" is in use by task a");
	a = api_ok(
		r, 201, "POST", "/v1/tasks", "{\"id\":\"a\",\"className\":\"Noop\",\"uniqueKey\":\"k\"}");
	api_is(a, "items.0.created", "false");
	api_ok(r, 200, "POST", "/v1/tasks/a/cancel", NULL);
	api_ok(r, 201, "POST", "/v1/tasks", body);
	/* a stored one in the midst of others, the rest is not stored */
	a = lines(r, 409, "/v1/tasks", NOOP "\n{\"className\":\"Noop\",\"uniqueKey\":\"k\"}\n");
	api_is(a, "error.problems.0.line", "2");
	assert_int_equal(api_count(r), 2);
}

/* ---- the store fails in the midst ---- */

static void
a_store_that_fails_in_the_midst(void **state)
{
	struct api_rig *r = *state;

	api_ok(r, 201, "POST", "/v1/tasks", "{\"id\":\"a\",\"className\":\"Noop\"}");
	r->failing.only = SK_OP_GET;
	r->failing.code = SK_EUNAVAIL;
	api_ok(r, 503, "POST", "/v1/tasks", "{\"id\":\"a\",\"className\":\"Noop\"}");
	r->failing.only = SK_OP_INSERT;
	r->failing.code = SK_ENOSPC;
	api_ok(r, 507, "POST", "/v1/tasks", NOOP);
	/* it names nothing that is in the way, again and again */
	r->failing.code = SK_ECONFLICT;
	api_wrong(r, 409, "POST", "/v1/tasks", NOOP, "all the time");
	assert_int_equal(api_count(r), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_task),
		TEST(a_list_of_tasks),
		TEST(json_lines),
		TEST(many_lines),
		TEST(dependencies_within_and_outside),
		TEST(problems_have_their_place),
		TEST(a_body_that_is_none),
		TEST(too_much_at_once),
		TEST(what_is_given_twice_in_one_body),
		TEST(circles_are_named),
		TEST(unknown_dependencies),
		TEST(where_it_is_wrong_is_a_pointer),
		TEST(skipping_what_is_wrong),
		TEST(skipping_what_is_there_with_other_content),
		TEST(a_dry_run_stores_nothing),
		TEST(a_dry_run_sees_what_is_stored),
		TEST(the_same_id_with_the_same_content_is_one_task),
		TEST(the_same_id_with_other_content_is_a_conflict),
		TEST(an_idempotency_key_makes_one_of_two),
		TEST(a_key_for_many),
		cmocka_unit_test(ids_of_keys_differ),
		TEST(a_unique_key_in_use_is_a_conflict),
		TEST(a_store_that_fails_in_the_midst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
