/* api_stream_test.c - GET /v1/stream: framing, resuming, filters, slow readers, many of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_rig.h"
#include "core/base/clock.h"
#include "core/control/api_stream.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START "1700000000000000" /* RIG_NOW in microseconds */

static void
tell(struct api_rig *r, enum sk_event_kind kind, const char *task, const char *message)
{
	const struct sk_event e = { .kind = kind,
		.time_ms = RIG_NOW,
		.task = task,
		.class_name = "Noop",
		.attempt = 1,
		.skald = "n1",
		.stage = "",
		.message = message };

	assert_int_equal(sk_bus_publish(r->bus, SK_TOPIC_EVENT, &e), SK_OK);
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
an_event_is_told_as_it_happens(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_stream(r, "/v1/stream", NULL);

	assert_string_equal(a->body.p, "retry: 1000\nid: " START "-0\n\n");
	tell(r, SK_EVENT_STARTED, "a", "line\nbreak");
	api_streamed(a, "line");
	assert_string_equal(a->stream.p,
		"id: " START "-1\nevent: started\ndata: {\"seq\":1700000000000001,"
		"\"time\":1700000000000,\"event\":\"started\",\"taskId\":\"a\",\"className\":\"Noop\","
		"\"attempt\":1,\"skald\":\"n1\",\"message\":\"line\\nbreak\"}\n\n");
	tell(r, SK_EVENT_FINISHED, "a", "");
	api_streamed(a, START "-2\nevent: finished\n");
	api_has(api_ok(r, 200, "GET", "/api/events/status", NULL), "\"connectedClients\":1");
	api_forget(a);
	api_has(api_ok(r, 200, "GET", "/api/events/status", NULL), "\"connectedClients\":0");
	tell(r, SK_EVENT_CREATED, "b", "");
	api_run_ms(r, 20);
	assert_null(strstr(a->stream.p, "created"));
}

static void
what_happens_together_comes_together(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_stream(r, "/v1/stream", NULL);

	for (int i = 0; i < 100; i++)
		tell(r, SK_EVENT_STARTED, "a", "");
	api_streamed(a, START "-100\n");
	assert_int_equal(a->parts, 1);
}

static void
who_comes_back_misses_nothing(void **state)
{
	struct api_rig *r = *state;
	struct answer *a, *b, *c;

	for (int i = 0; i < 5; i++)
		tell(r, SK_EVENT_STARTED, "a", "");
	api_pump(r);
	a = api_stream(r, "/v1/stream", START "-3");
	assert_string_equal(a->body.p, "retry: 1000\n\n");
	api_streamed(a, START "-5\n");
	assert_int_equal(times(a->stream.p, "\nevent: "), 2);
	/* the header of a client that comes back goes before what its address says */
	b = api_stream(r, "/v1/stream?after=" START "-1", START "-4");
	api_streamed(b, START "-5\n");
	assert_int_equal(times(b->stream.p, "\nevent: "), 1);
	c = api_stream(r, "/v1/stream?after=" START "-0", NULL);
	api_streamed(c, START "-5\n");
	assert_int_equal(times(c->stream.p, "\nevent: "), 5);
	tell(r, SK_EVENT_STARTED, "b", "");
	api_streamed(a, START "-6\n");
	api_streamed(b, START "-6\n");
	api_streamed(c, START "-6\n");
	assert_int_equal(times(a->stream.p, "\nevent: "), 3);
	assert_int_equal(times(c->stream.p, "\nevent: "), 6);
}

static void
resets(struct api_rig *r, const char *id, const char *why)
{
	struct answer *a = api_stream(r, "/v1/stream", id);
	const char *at = strstr(a->body.p, "event: reset\ndata: {\"reason\":\"");

	assert_non_null(at);
	assert_non_null(strstr(at, why));
	api_forget(a);
}

static void
what_is_not_remembered_is_a_reset(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	resets(r, "1600000000000000-3", "another start");
	resets(r, START "-7", "no such event yet");
	resets(r, "rubbish", "another start");
	resets(r, "99999999999999999999999-1", "another start");
	for (int k = 0; k < 40; k++) {
		for (int i = 0; i < 1000; i++)
			tell(r, SK_EVENT_STARTED, "a", "");
		api_pump(r);
	}
	resets(r, START "-7", "no longer remembered");
	a = api_stream(r, "/v1/stream", START "-7");
	assert_non_null(strstr(a->body.p, "id: " START "-40000\nevent: reset\n"));
	tell(r, SK_EVENT_FINISHED, "a", "");
	api_streamed(a, START "-40001\nevent: finished");
	assert_int_equal(times(a->stream.p, "\nevent: "), 1);
	/* as far back as the ring goes, in parts that a door can take */
	a = api_stream(r, "/v1/stream", START "-10000");
	api_streamed(a, START "-40001\nevent: finished");
	assert_int_equal(times(a->stream.p, "\nevent: "), 30001);
	assert_true(a->parts > 20);
	assert_true(a->stream.len / a->parts < 256 << 10);
}

static void
some_want_only_some(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_stream(r, "/v1/stream?task=a", NULL),
				  *ends = api_stream(r, "/v1/stream?kinds=finished,failed", NULL),
				  *both = api_stream(r, "/v1/stream?task=b&kinds=started", NULL);

	tell(r, SK_EVENT_STARTED, "a", "");
	tell(r, SK_EVENT_STARTED, "b", "");
	tell(r, SK_EVENT_FINISHED, "b", "");
	tell(r, SK_EVENT_FAILED, "a", "");
	api_streamed(ends, "-4\n");
	assert_int_equal(times(a->stream.p, "\"taskId\":\"a\""), 2);
	assert_int_equal(times(a->stream.p, "\nevent: "), 2);
	assert_int_equal(times(ends->stream.p, "\nevent: "), 2);
	assert_int_equal(times(both->stream.p, "\nevent: started"), 1);
	assert_int_equal(times(both->stream.p, "\nevent: "), 1);
	api_wrong(r, 400, "GET", "/v1/stream?kinds=finishd", NULL, "did you mean \\\"finished\\\"?");
	api_wrong(r, 400, "GET", "/v1/stream?after=7", NULL, "expected the id of an event");
	api_wrong(r, 400, "GET", "/v1/stream?tasks=7", NULL, "unknown parameter");
}

static void
nobody_is_told_by_a_door_without_streams(void **state)
{
	struct api_rig *r = *state;
	struct answer *a =
		api_ask_with(r, &(struct api_extra){ .no_streams = true }, "GET", "/v1/stream", NULL);

	assert_int_equal(a->status, 406);
	api_is(a, "error.code", "not-acceptable");
	api_has(a, "/v1/events");
}

static void
a_stream_shows_that_it_lives(void **state)
{
	struct api_rig *r = *state;
	struct answer *a, *b;

	r->c->cfg.ping_ms = 10;
	a = api_stream(r, "/v1/stream?task=rare", NULL);
	b = api_stream(r, "/api/events/skalds", NULL);
	tell(r, SK_EVENT_STARTED, "other", "");
	/* with its place, though none of the events was for it */
	api_streamed(a, ": ping\nid: " START "-1\n\n: ping\n");
	api_streamed(b, ": ping\n\n: ping\n\n");
}

static void
who_is_too_slow_is_forgotten(void **state)
{
	struct api_rig *r = *state;
	struct answer *a = api_stream(r, "/v1/stream", NULL), *b = api_stream(r, "/v1/stream", NULL),
				  *c = api_stream(r, "/v1/stream", NULL);

	b->slow = true;
	tell(r, SK_EVENT_STARTED, "a", "");
	api_streamed(a, "-1\n");
	api_streamed(c, "-1\n");
	assert_false(b->streams);
	assert_int_equal(sk_streams_count(r->c->api->streams), 2);
	tell(r, SK_EVENT_STARTED, "a", "");
	api_streamed(a, "-2\n");
	a->slow = c->slow = true;
	tell(r, SK_EVENT_STARTED, "a", "");
	api_run_ms(r, 30);
	assert_int_equal(sk_streams_count(r->c->api->streams), 0);
	assert_null(r->c->api->streams->feed);
	/* and it begins anew */
	a = api_stream(r, "/v1/stream", NULL);
	tell(r, SK_EVENT_STARTED, "a", "");
	api_streamed(a, "-4\n");
}

/* What is told at the end of the rig: a stream that is read is ended. */
static void
the_end_of_the_server_ends_a_stream(void **state)
{
	struct api_rig *r = *state;

	api_stream(r, "/v1/stream", NULL);
	api_stream(r, "/api/events/tasks", NULL);
	api_stream(r, "/api/events/skalds", NULL);
	api_stream(r, "/api/events/test", NULL);
}

#define READERS 1000
#define EVENTS 10000

/* A reader who counts and keeps nothing. */
struct counter {
	size_t events, bytes, parts;
};

static void
began(void *arg, const struct sk_api_response *answer)
{
	(void)arg;
	assert_int_equal(answer->status, 200);
}

static bool
counted(void *arg, const char *bytes, size_t n)
{
	struct counter *k = arg;

	for (const char *p = bytes; (p = memchr(p, '\n', n - (size_t)(p - bytes))) != NULL; p++)
		k->events += p[1] == 'e' && p[2] == 'v';
	k->bytes += n;
	k->parts++;
	return true;
}

static size_t
due(int reader)
{
	return reader % 10 == 9 ? EVENTS / 100 : EVENTS;
}

/* Readers have their turn one after the other. */
static bool
all_have_read(const struct counter *readers)
{
	for (int i = 0; i < READERS; i++)
		if (readers[i].events < due(i))
			return false;
	return true;
}

static void
many_read_much(void **state)
{
	struct api_rig *r = *state;
	struct counter *readers = sk_xcalloc(READERS, sizeof(*readers));
	int64_t begin = sk_boot_ms(), end = begin + 60000;
	size_t before, after;

	for (int i = 0; i < READERS; i++) {
		const struct sk_api_request req = { .method = "GET",
			.role = SK_ROLE_READ,
			.path = "/v1/stream",
			.query = i % 10 == 9 ? "task=task-7" : "",
			.body = "",
			.respond = began,
			.more = counted,
			.arg = &readers[i] };

		sk_api_call(r->c, &req);
	}
	before = mallinfo2().uordblks;
	for (int i = 0; i < EVENTS; i++) {
		char id[32];

		snprintf(id, sizeof(id), "task-%d", i % 100);
		tell(r, SK_EVENT_STARTED, id, "");
		if (i % 100 == 99)
			sk_loop_once(r->loop, 0);
	}
	while (!all_have_read(readers) && sk_boot_ms() < end)
		sk_loop_once(r->loop, 1);
	after = mallinfo2().uordblks;
	print_message("# %d readers, %d events: %lld ms, %zu parts each, %zu KiB of memory\n", READERS,
		EVENTS, (long long)(sk_boot_ms() - begin), readers[0].parts, (after - before) >> 10);
	for (int i = 0; i < READERS; i++) {
		assert_int_equal(readers[i].events, due(i));
		sk_api_forget(r->c, &readers[i]);
	}
	/* the events once, not once for each reader */
	assert_true(after - before < (size_t)16 << 20);
	free(readers);
}

int
main(void)
{
#define RIGGED(t) cmocka_unit_test_setup_teardown(t, api_setup, api_teardown)
	const struct CMUnitTest tests[] = {
		RIGGED(an_event_is_told_as_it_happens),
		RIGGED(what_happens_together_comes_together),
		RIGGED(who_comes_back_misses_nothing),
		RIGGED(what_is_not_remembered_is_a_reset),
		RIGGED(some_want_only_some),
		RIGGED(nobody_is_told_by_a_door_without_streams),
		RIGGED(a_stream_shows_that_it_lives),
		RIGGED(who_is_too_slow_is_forgotten),
		RIGGED(the_end_of_the_server_ends_a_stream),
		RIGGED(many_read_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
