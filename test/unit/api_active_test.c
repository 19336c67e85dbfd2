/* api_active_test.c - what edges tell: recorded as it is, said twice the same, never dispatched. */
#include "core/control/active.h"
#include "test/unit/api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WHO "\"executor\":\"e1\",\"incarnation\":7"
#define JOB "{\"className\":\"Sleep\",\"attachments\":{\"seconds\":1}," WHO ",\"source\":\"edge\","

static const struct sk_record *
tell(struct api_rig *r, int status, const char *body)
{
	api_ok(r, status, "PUT", "/v1/active/t1", body);
	return api_stored(r, "t1");
}

static void
a_task_goes_the_way_it_is_told(void **state)
{
	struct api_rig *r = *state;
	const struct sk_record *rec = tell(r, 200, JOB "\"state\":\"waiting\"}");

	assert_int_equal(rec->life.phase, SK_ASSIGNING);
	assert_string_equal(rec->life.executor, "e1");
	assert_int_equal(rec->life.incarnation, 7);
	assert_true(sk_record_active(rec));
	rec = tell(r, 200, JOB "\"state\":\"running\",\"startDateTime\":1000,\"progress\":0.5}");
	assert_int_equal(rec->life.phase, SK_RUNNING);
	assert_int_equal(rec->start_ms, 1000);
	assert_true(rec->progress > 0.4);
	rec =
		tell(r, 200, JOB "\"state\":\"finished\",\"startDateTime\":1000,\"finishDateTime\":2000}");
	assert_int_equal(rec->life.phase, SK_FINISHED);
	assert_int_equal(rec->life.attempt, 1);
	assert_int_equal(rec->finish_ms, 2000);
	assert_non_null(strstr(sk_str_text(&r->heard), "created t1"));
	assert_non_null(strstr(sk_str_text(&r->heard), "started t1"));
	assert_non_null(strstr(sk_str_text(&r->heard), "finished t1"));
}

static void
an_end_alone_is_a_whole_life(void **state)
{
	struct api_rig *r = *state;
	const struct sk_record *rec = tell(r, 200,
		JOB "\"state\":\"failed\",\"startDateTime\":1,\"finishDateTime\":2,"
			"\"exit\":{\"reason\":\"exited\",\"code\":3}}");

	assert_int_equal(rec->life.phase, SK_FAILED);
	assert_int_equal(rec->life.attempt, 1);
	assert_int_equal(rec->exit.code, 3);
}

static void
what_is_said_twice_changes_nothing(void **state)
{
	struct api_rig *r = *state;
	static const char *const bodies[] = { JOB "\"state\":\"waiting\"}",
		JOB "\"state\":\"running\",\"startDateTime\":1000}",
		JOB "\"state\":\"failed\",\"startDateTime\":1000,\"finishDateTime\":2000}",
		JOB "\"state\":\"cancelled\",\"exit\":{\"reason\":\"skipped\"}}" };

	for (size_t i = 0; i < 4; i++) {
		struct sk_life before = tell(r, 200, bodies[i])->life;
		const struct sk_record *rec;

		r->wall += 1000;
		sk_str_clear(&r->heard);
		rec = tell(r, 200, bodies[i]);
		assert_memory_equal(&rec->life, &before, sizeof(before));
		assert_true(rec->update_ms < r->wall);
		assert_string_equal(sk_str_text(&r->heard), "");
	}
}

static void
each_run_is_an_attempt(void **state)
{
	struct api_rig *r = *state;
	const struct sk_record *rec;

	tell(r, 200, JOB "\"state\":\"failed\",\"startDateTime\":1000,\"finishDateTime\":2000}");
	rec = tell(r, 200, JOB "\"state\":\"running\",\"startDateTime\":3000}");
	assert_int_equal(rec->life.phase, SK_RUNNING);
	assert_int_equal(rec->life.attempt, 2);
	/* the end of the second was never told */
	rec = tell(r, 200, JOB "\"state\":\"running\",\"startDateTime\":5000}");
	assert_int_equal(rec->life.attempt, 3);
	assert_int_equal(rec->start_ms, 5000);
	rec =
		tell(r, 200, JOB "\"state\":\"finished\",\"startDateTime\":7000,\"finishDateTime\":8000}");
	assert_int_equal(rec->life.attempt, 4);
	assert_int_equal(rec->life.phase, SK_FINISHED);
}

static void
a_task_that_never_ran_is_cancelled(void **state)
{
	struct api_rig *r = *state;
	const struct sk_record *rec;

	tell(r, 200, JOB "\"state\":\"waiting\"}");
	rec = tell(r, 200, JOB "\"state\":\"cancelled\",\"exit\":{\"reason\":\"interrupted\"}}");
	assert_int_equal(rec->life.phase, SK_CANCELLED);
	assert_int_equal(rec->exit.reason, SK_REASON_INTERRUPTED);
	assert_int_equal(rec->start_ms, 0);
	rec = tell(r, 200, JOB "\"state\":\"waiting\"}");
	assert_int_equal(rec->life.phase, SK_ASSIGNING); /* the file is run again */
	assert_int_equal(rec->life.wanted, SK_WANT_RUN);
}

static void
another_start_of_the_edge_takes_over(void **state)
{
	struct api_rig *r = *state;
	const struct sk_record *rec;

	tell(r, 200, JOB "\"state\":\"running\",\"startDateTime\":1000}");
	rec = tell(r, 200,
		"{\"className\":\"Sleep\",\"attachments\":{\"seconds\":1},\"executor\":\"e1\","
		"\"incarnation\":8,\"state\":\"running\",\"startDateTime\":4000}");
	assert_int_equal(rec->life.incarnation, 8);
	assert_int_equal(rec->life.attempt, 2);
}

static void
of_two_edges_only_one_has_the_task(void **state)
{
	struct api_rig *r = *state;
	const char *other = "{\"className\":\"Sleep\",\"executor\":\"e2\",\"incarnation\":9,"
						"\"state\":\"running\",\"startDateTime\":4000}";

	tell(r, 200, JOB "\"state\":\"running\",\"startDateTime\":1000}");
	api_skald(r, "e1", SK_MODE_EDGE, 0);
	api_wrong(r, 409, "PUT", "/v1/active/t1", other, "skald e1 executes it");
	assert_string_equal(api_stored(r, "t1")->life.executor, "e1");
	tell(r, 200, JOB "\"state\":\"finished\",\"startDateTime\":1000,\"finishDateTime\":2000}");
	api_ok(r, 200, "PUT", "/v1/active/t1", other);
	assert_string_equal(api_stored(r, "t1")->life.executor, "e2");
}

static void
a_task_that_is_dispatched_is_left_alone(void **state)
{
	struct api_rig *r = *state;

	api_ok(r, 201, "POST", "/v1/tasks", "{\"id\":\"t1\",\"className\":\"Noop\"}");
	api_wrong(r, 409, "PUT", "/v1/active/t1", JOB "\"state\":\"waiting\"}", "dispatches");
	assert_int_equal(api_stored(r, "t1")->life.phase, SK_CREATED);
}

/* Accepted, a cancel would be wanted for ever, and what is to be tried again would wait for ever. */
static void
others_cannot_change_what_an_edge_runs(void **state)
{
	struct api_rig *r = *state;
	static const char *const live[] = { "cancel", "pause", "resume" };
	char path[40];

	tell(r, 200, JOB "\"state\":\"running\",\"startDateTime\":1000}");
	for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++) {
		snprintf(path, sizeof(path), "/v1/tasks/t1/%s", live[i]);
		api_wrong(r, 409, "POST", path, "{}", "runs it on its own account");
	}
	api_wrong(r, 409, "PATCH", "/v1/tasks/t1", "{\"attachments\":{\"seconds\":9}}", "own account");
	assert_int_equal(api_stored(r, "t1")->life.wanted, SK_WANT_RUN);
	tell(r, 200, JOB "\"state\":\"failed\",\"startDateTime\":1000,\"finishDateTime\":2000}");
	api_wrong(r, 409, "POST", "/v1/tasks/t1/retry", "{}", "runs it on its own account");
	assert_int_equal(api_stored(r, "t1")->life.phase, SK_FAILED);
	api_ok(r, 200, "DELETE", "/v1/tasks/t1", NULL);
}

static void
changed_attachments_are_stored(void **state)
{
	struct api_rig *r = *state;
	const struct sk_record *rec;

	tell(r, 200, JOB "\"state\":\"running\",\"startDateTime\":1000}");
	rec = tell(r, 200,
		"{\"className\":\"Sleep\",\"attachments\":{\"seconds\":5}," WHO
		",\"state\":\"running\",\"startDateTime\":1000}");
	assert_int_equal(sk_map_get(sk_map_get(rec->spec, "attachments"), "seconds")->u.i, 5);
	assert_int_equal(rec->life.attempt, 1);
	assert_true(sk_record_active(rec));
}

static void
what_is_wrong_is_said_and_nothing_stored(void **state)
{
	static const char *const bodies[] = { "{}", "[]", "nonsense",
		"{\"className\":\"Sleep\"," WHO "}", JOB "\"state\":\"asleep\"}",
		JOB "\"state\":\"running\"}", JOB "\"state\":\"waiting\",\"odd\":1}",
		"{\"className\":\"Sleep\",\"executor\":\"\",\"incarnation\":7,\"state\":\"waiting\"}",
		"{\"className\":\"Sleep\",\"executor\":\"e\",\"incarnation\":0,\"state\":\"waiting\"}",
		"{\"className\":\"Sleep\",\"attachments\":[1]," WHO ",\"state\":\"waiting\"}",
		JOB "\"state\":\"failed\",\"exit\":{\"reason\":\"bored\"}}" };
	struct api_rig *r = *state;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		api_wrong(r, 422, "PUT", "/v1/active/t1", bodies[i], "");
	api_wrong(r, 422, "PUT", "/v1/active/a*b", JOB "\"state\":\"waiting\"}", "");
	assert_int_equal(api_count(r), 0);
}

static void
a_store_that_fails_is_told(void **state)
{
	struct api_rig *r = *state;

	r->failing.only = -1;
	r->failing.code = SK_ENOSPC;
	api_ok(r, 507, "PUT", "/v1/active/t1", JOB "\"state\":\"waiting\"}");
	r->failing.code = SK_EUNAVAIL;
	api_ok(r, 503, "PUT", "/v1/active/t1", JOB "\"state\":\"waiting\"}");
	r->failing.code = SK_OK;
	tell(r, 200, JOB "\"state\":\"waiting\"}");
}

/* ---- skalds ---- */

static void
an_edge_comes_and_goes(void **state)
{
	struct api_rig *r = *state;
	const char *body = "{\"mode\":\"edge\",\"incarnation\":7,\"version\":\"1\",\"host\":\"h\","
					   "\"slots\":3,\"started\":100}";

	api_ok(r, 200, "PUT", "/v1/skalds/e1", body);
	api_pump(r);
	api_is(api_ok(r, 200, "GET", "/v1/skalds/e1", NULL), "mode", "edge");
	api_is(api_ok(r, 200, "GET", "/v1/skalds/e1", NULL), "state", "online");
	api_wrong(r, 409, "PUT", "/v1/skalds/e1",
		"{\"mode\":\"edge\",\"incarnation\":6,\"started\":50}", "started later");
	api_ok(r, 200, "DELETE", "/v1/skalds/e1", NULL);
	api_pump(r);
	api_ok(r, 404, "GET", "/v1/skalds/e1", NULL);
}

static void
nobody_speaks_for_a_node(void **state)
{
	struct api_rig *r = *state;

	api_skald(r, "n1", SK_MODE_NODE, 4);
	api_wrong(r, 409, "PUT", "/v1/skalds/n1", "{\"mode\":\"edge\",\"incarnation\":7}", "is a node");
	api_wrong(r, 409, "DELETE", "/v1/skalds/n1", NULL, "is a node");
	api_wrong(r, 422, "PUT", "/v1/skalds/n2", "{\"mode\":\"node\",\"incarnation\":7}", "");
	api_ok(r, 200, "GET", "/v1/skalds/n1", NULL);
}

/* ---- whatever is told, in whatever order ---- */

static unsigned dice = 20;

static unsigned
roll(unsigned sides)
{
	dice = dice * 1103515245u + 12345u;
	return (dice >> 8) % sides;
}

static struct sk_active
anything(void)
{
	static const char *const names[] = { "e1", "e2" };
	struct sk_active a = { .class_name = "Sleep",
		.executor = names[roll(2)],
		.incarnation = 1 + roll(3),
		.state = (int)roll(5),
		.start_ms = roll(4),
		.finish_ms = 10 + roll(3),
		.exit = { .message = "" },
		.stage = "" };

	if (a.state == SK_ACTIVE_RUNNING && a.start_ms == 0)
		a.start_ms = 1;
	a.exit.known = a.state > SK_ACTIVE_RUNNING;
	a.exit.reason = a.start_ms == 0 ? SK_REASON_SKIPPED : SK_REASON_EXITED;
	return a;
}

static void
the_last_word_counts_and_once(void **state)
{
	static const enum sk_phase phases[] = { SK_ASSIGNING, SK_RUNNING, SK_FINISHED, SK_FAILED,
		SK_CANCELLED };
	struct sk_arena *arena = sk_arena_new();
	struct sk_record rec;
	struct sk_active first = anything();
	struct sk_err err;

	(void)state;
	sk_active_record(&rec, "t", &first, arena, 1000);
	for (int i = 0; i < 100000; i++) {
		struct sk_active a = anything();
		struct sk_life before = rec.life;
		unsigned set, again;

		assert_true(sk_active_apply(&rec, &a, arena, 1000 + i, &set, &err));
		assert_true(rec.life.attempt >= before.attempt && rec.life.attempt <= before.attempt + 1);
		if (set != 0 || a.state <= SK_ACTIVE_RUNNING)
			assert_int_equal(rec.life.phase, phases[a.state]);
		if (a.state <= SK_ACTIVE_RUNNING) {
			assert_string_equal(rec.life.executor, a.executor);
			assert_int_equal(rec.life.incarnation, a.incarnation);
		}
		assert_true(sk_active_apply(&rec, &a, arena, 1000 + i, &again, &err));
		assert_int_equal(again, 0);
	}
	sk_arena_free(arena);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
		T(a_task_goes_the_way_it_is_told),
		T(an_end_alone_is_a_whole_life),
		T(what_is_said_twice_changes_nothing),
		T(each_run_is_an_attempt),
		T(a_task_that_never_ran_is_cancelled),
		T(another_start_of_the_edge_takes_over),
		T(of_two_edges_only_one_has_the_task),
		T(a_task_that_is_dispatched_is_left_alone),
		T(others_cannot_change_what_an_edge_runs),
		T(changed_attachments_are_stored),
		T(what_is_wrong_is_said_and_nothing_stored),
		T(a_store_that_fails_is_told),
		T(an_edge_comes_and_goes),
		T(nobody_speaks_for_a_node),
		cmocka_unit_test(the_last_word_counts_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
