/* api_etag_test.c - versions of a task: If-None-Match, If-Match; who asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_rig.h"
#include <stdio.h>
#include <string.h>

#define CAMERA \
	"{\"id\":\"c\",\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"u\",\"password\":" \
	"\"secret\"}}"

/* The tag of the task as it is now. */
static const char *
tag_of(struct api_rig *r, const char *path)
{
	const struct answer *a = api_ok(r, 200, "GET", path, NULL);
	const char *at = strstr(sk_str_text(&a->headers), "ETag: ");

	assert_non_null(at);
	return sk_arena_strndup(r->arena, at + 6, strcspn(at + 6, "\n"));
}

static struct answer *
matching(struct api_rig *r, const char *tag, const char *method, const char *path, const char *body)
{
	return api_ask_with(r, &(struct api_extra){ .if_match = tag }, method, path, body);
}

static int
unmodified(struct api_rig *r, const char *tags, const char *path)
{
	struct answer *a =
		api_ask_with(r, &(struct api_extra){ .if_none_match = tags }, "GET", path, NULL);

	if (a->status == 304)
		assert_int_equal(a->body.len, 0);
	return a->status;
}

static int
rig_with_camera(void **state)
{
	api_setup(state);
	api_ok(*state, 201, "POST", "/v1/tasks", CAMERA);
	return 0;
}

static void
what_has_not_changed_is_not_sent_again(void **state)
{
	struct api_rig *r = *state;
	const char *tag = tag_of(r, "/v1/tasks/c"), *other;

	assert_int_equal(strlen(tag), 18);
	assert_string_equal(tag_of(r, "/v1/tasks/c"), tag);
	assert_int_equal(unmodified(r, tag, "/v1/tasks/c"), 304);
	assert_int_equal(unmodified(r, "*", "/v1/tasks/c"), 304);
	assert_int_equal(
		unmodified(r, sk_arena_printf(r->arena, "\"x\", W/%s", tag), "/v1/tasks/c"), 304);
	assert_int_equal(unmodified(r, "\"x\"", "/v1/tasks/c"), 200);
	assert_int_equal(unmodified(r, "rubbish", "/v1/tasks/c"), 200);
	assert_int_equal(unmodified(r, "\"", "/v1/tasks/c"), 200);
	r->wall++;
	api_run(r, "c", "n1");
	other = tag_of(r, "/v1/tasks/c");
	assert_string_not_equal(other, tag);
	assert_int_equal(unmodified(r, tag, "/v1/tasks/c"), 200);
	/* a secret is not shown, but that it is another one is */
	r->wall++;
	api_ok(r, 200, "PATCH", "/v1/tasks/c", "{\"attachments\":{\"password\":\"new\"}}");
	assert_string_not_equal(tag_of(r, "/v1/tasks/c"), other);
	/* an answer that waits is no page to be kept */
	assert_int_equal(unmodified(r, "*", "/v1/tasks/c/wait?ms=0"), 200);
}

static void
a_change_is_made_of_what_was_seen_or_not_at_all(void **state)
{
	struct api_rig *r = *state;
	const char *tag = tag_of(r, "/v1/tasks/c"), *body = "{\"attachments\":{\"fixFrame\":7}}";
	struct answer *a;

	r->wall++;
	a = matching(r, "\"0123456789abcdef\"", "PATCH", "/v1/tasks/c", body);
	assert_int_equal(a->status, 412);
	api_is(a, "error.code", "precondition-failed");
	api_is(a, "detail",
		"the task \"c\" has changed since it was read: read it again, then decide again");
	a = matching(r, tag, "PATCH", "/v1/tasks/c", body);
	assert_int_equal(a->status, 200);
	assert_true(api_header(a, sk_arena_printf(r->arena, "ETag: %s", tag_of(r, "/v1/tasks/c"))));
	/* the second with the same tag is too late */
	assert_int_equal(matching(r, tag, "PATCH", "/v1/tasks/c", body)->status, 412);
	assert_int_equal(matching(r, tag, "POST", "/v1/tasks/c/cancel", NULL)->status, 412);
	assert_int_equal(matching(r, tag, "POST", "/v1/tasks/c/pause", NULL)->status, 412);
	assert_int_equal(api_stored(r, "c")->life.phase, SK_CREATED);
	tag = tag_of(r, "/v1/tasks/c");
	/* a weak one says nothing of the bytes */
	assert_int_equal(
		matching(r, sk_arena_printf(r->arena, "W/%s", tag), "POST", "/v1/tasks/c/cancel", NULL)
			->status,
		412);
	a = matching(
		r, sk_arena_printf(r->arena, "\"x\", %s", tag), "POST", "/v1/tasks/c/cancel", NULL);
	assert_int_equal(a->status, 200);
	assert_int_equal(matching(r, tag, "POST", "/v1/tasks/c/retry", NULL)->status, 412);
	assert_int_equal(matching(r, tag, "DELETE", "/v1/tasks/c", NULL)->status, 412);
	assert_int_equal(matching(r, "*", "DELETE", "/v1/tasks/c", NULL)->status, 200);
	assert_int_equal(matching(r, "*", "DELETE", "/v1/tasks/c", NULL)->status, 404);
}

/* Two who have seen the same ask at once: one of them is refused. */
static void
of_two_at_once_one_is_made(void **state)
{
	struct api_rig *r = *state;
	const char *tag = tag_of(r, "/v1/tasks/c");
	struct answer *a, *b;

	r->wall++;
	r->failing.hold = true; /* the first has read, and the other comes */
	a = api_begin_with(r, &(struct api_extra){ .if_match = tag }, "PATCH", "/v1/tasks/c",
		"{\"attachments\":{\"fixFrame\":7}}");
	b = api_begin_with(r, &(struct api_extra){ .if_match = tag }, "PATCH", "/v1/tasks/c",
		"{\"attachments\":{\"fixFrame\":8}}");
	api_pump(r);
	api_release(r);
	api_pump(r);
	assert_int_equal(a->status, 200);
	assert_int_equal(b->status, 412);
	api_is(api_ok(r, 200, "GET", "/v1/tasks/c", NULL), "attachments.fixFrame", "7");
}

/* It starts between reading and writing: compared anew. */
static void
what_changes_meanwhile_counts(void **state)
{
	struct api_rig *r = *state;
	const char *tag = tag_of(r, "/v1/tasks/c");
	struct answer *a;

	r->wall++;
	r->failing.hold = true;
	a = api_begin_with(
		r, &(struct api_extra){ .if_match = tag }, "POST", "/v1/tasks/c/cancel", NULL);
	api_pump(r);
	api_run(r, "c", "n1");
	api_release(r);
	api_pump(r);
	assert_int_equal(a->status, 412);
	assert_int_equal(api_stored(r, "c")->life.wanted, SK_WANT_RUN);
}

static void
an_array_has_its_elements_counted(void **state)
{
	struct api_rig *r = *state;
	const char *tag;
	struct sk_record *rec;

	api_ok(r, 201, "POST", "/v1/tasks", "{\"id\":\"p\",\"className\":\"Noop\",\"array\":\"0-9\"}");
	tag = tag_of(r, "/v1/tasks/p");
	assert_int_equal(strlen(tag), 35);
	assert_int_equal(unmodified(r, tag, "/v1/tasks/p"), 304);
	rec = api_stored(r, "p");
	rec->array = "1-9";
	api_store(r, rec, SK_SET_ARRAY, NULL);
	assert_int_equal(unmodified(r, tag, "/v1/tasks/p"), 200);
	tag = tag_of(r, "/v1/tasks/p");
	assert_int_equal(matching(r, tag, "POST", "/v1/tasks/p/cancel", NULL)->status, 200);
	assert_int_equal(matching(r, tag, "POST", "/v1/tasks/p/cancel", NULL)->status, 412);
}

static void
who_asks_is_told_who_he_is(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_ask_with(
		r, &(struct api_extra){ .who = "ops \"1\"", .role = SK_ROLE_READ }, "GET", "/v1/me", NULL);

	assert_string_equal(a->body.p, "{\"name\":\"ops \\\"1\\\"\",\"role\":\"read\"}");
	assert_string_equal(
		api_ok(r, 200, "GET", "/v1/me", NULL)->body.p, "{\"name\":null,\"role\":\"admin\"}");
	a = api_ask_with(r, &(struct api_extra){ .role = SK_ROLE_READ }, "DELETE", "/v1/tasks/c", NULL);
	assert_int_equal(a->status, 403);
	api_is(a, "detail", "this needs a token with the role write");
}

int
main(void)
{
#define RIGGED(t) cmocka_unit_test_setup_teardown(t, rig_with_camera, api_teardown)
	const struct CMUnitTest tests[] = {
		RIGGED(what_has_not_changed_is_not_sent_again),
		RIGGED(a_change_is_made_of_what_was_seen_or_not_at_all),
		RIGGED(of_two_at_once_one_is_made),
		RIGGED(what_changes_meanwhile_counts),
		RIGGED(an_array_has_its_elements_counted),
		RIGGED(who_asks_is_told_who_he_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
