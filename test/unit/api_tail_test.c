/* The log of a task that runs on another machine: from the state cache, and from the store. */
#include "test/unit/api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/model/names.h"
#include "core/run/tail.h"

/* A node has put the last of `total` bytes. */
static void
put(struct api_rig *r, uint32_t attempt, int64_t total, const char *last, bool ended)
{
	const struct sk_tail t = { .total = total, .ended = ended, .bytes = last, .n = strlen(last) };
	struct sk_str key = SK_STR_INIT, value = SK_STR_INIT;

	sk_str_addf(&key, SK_KEY_OUTPUT, "t", (unsigned)attempt);
	sk_tail_write(&value, &t);
	r->cache->ops->put(r->cache, key.p, value.p, value.len, 3600000);
	sk_str_release(&key);
	sk_str_release(&value);
}

/* gap: "" = the answer tells of none. */
static void
is(struct answer *a, const char *text, const char *offset, const char *ended, const char *gap)
{
	char line[80];

	assert_true(a->done);
	assert_int_equal(a->status, 200);
	assert_string_equal(sk_str_text(&a->body), text);
	snprintf(line, sizeof(line), "Skalds-Offset: %s", offset);
	assert_true(api_header(a, line));
	snprintf(line, sizeof(line), "Skalds-Ended: %s", ended);
	assert_true(api_header(a, line));
	snprintf(line, sizeof(line), "Skalds-Gap: %s", gap);
	assert_true(gap[0] != '\0' ? api_header(a, line)
							   : strstr(sk_str_text(&a->headers), "Skalds-Gap") == NULL);
}

static void
log_is(struct api_rig *r, const char *query, const char *text, const char *offset,
	const char *ended, const char *gap)
{
	char path[200];

	snprintf(path, sizeof(path), "/v1/tasks/t/log?%s", query);
	is(api_ok(r, 200, "GET", path, NULL), text, offset, ended, gap);
}

static void
running(struct api_rig *r)
{
	api_ok(r, 201, "POST", "/v1/tasks", "{\"id\":\"t\",\"className\":\"Noop\"}");
	api_run(r, "t", "n1");
}

static void
a_tail_is_read_in_pieces(void **state)
{
	struct api_rig *r = *state;

	running(r);
	log_is(r, "", "", "0", "false", "");
	put(r, 1, 10, "0123456789", false);
	log_is(r, "", "0123456789", "10", "false", "");
	log_is(r, "offset=3&limit=4", "3456", "7", "false", "");
	log_is(r, "offset=-3", "789", "10", "false", "");
	log_is(r, "offset=10", "", "10", "false", "");
	log_is(r, "offset=12", "", "12", "false", "");
	put(r, 1, 1000, "xyz", false); /* 997 to 999 */
	log_is(r, "", "xyz", "1000", "false", "997");
	log_is(r, "limit=2", "xy", "999", "false", "997");
	log_is(r, "offset=999", "z", "1000", "false", "");
	log_is(r, "offset=10", "xyz", "1000", "false", "987");
	log_is(r, "offset=-3", "xyz", "1000", "false", "");
	log_is(r, "offset=-10", "xyz", "1000", "false", "7");
	put(r, 1, 1003, "xyzend", true);
	api_end(r, "t", SK_LIFE_FINISH);
	log_is(r, "offset=1000", "end", "1003", "true", "");
	log_is(r, "offset=1000&limit=1", "e", "1001", "false", "");
	log_is(r, "offset=1003&wait=60000", "", "1003", "true", ""); /* nothing is waited for */
	log_is(r, "attempt=1&offset=1000", "end", "1003", "true", "");
}

static void
until_done(struct api_rig *r, const struct answer *a)
{
	int64_t end = sk_boot_ms() + 5000;

	while (!a->done && sk_boot_ms() < end)
		sk_loop_once(r->loop, 50);
	assert_true(a->done);
}

static void
a_tail_is_followed(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	running(r);
	put(r, 1, 3, "abc", false);
	a = api_begin(r, "GET", "/v1/tasks/t/log?offset=3&wait=60000", "", NULL);
	api_pump(r);
	assert_false(a->done);
	put(r, 1, 6, "abcdef", false); /* nobody tells of it */
	until_done(r, a);
	is(a, "def", "6", "false", "");
	a = api_begin(r, "GET", "/v1/tasks/t/log?offset=6&wait=60000", "", NULL);
	api_pump(r);
	assert_false(a->done);
	put(r, 1, 9, "abcdefghi", true);
	api_end(r, "t", SK_LIFE_FINISH);
	sk_control_tell(r->c, SK_EVENT_FINISHED, api_stored(r, "t"), NULL);
	api_pump(r);
	is(a, "ghi", "9", "true", "");
}

/* The store may be ahead of the cache. */
static void
the_last_of_it_is_waited_for_a_little(void **state)
{
	struct api_rig *r = *state;
	struct answer *a;

	running(r);
	put(r, 1, 3, "abc", false);
	api_end(r, "t", SK_LIFE_FINISH);
	a = api_begin(r, "GET", "/v1/tasks/t/log?offset=3&wait=60000", "", NULL);
	api_pump(r);
	assert_false(a->done);
	put(r, 1, 6, "abcend", true);
	until_done(r, a);
	is(a, "end", "6", "true", "");
	put(r, 1, 6, "abcend", false); /* its node died: it never comes */
	a = api_begin(r, "GET", "/v1/tasks/t/log?offset=6&wait=60000", "", NULL);
	until_done(r, a);
	is(a, "", "6", "true", "");
}

static void
what_the_cache_has_forgotten_comes_from_the_store(void **state)
{
	struct api_rig *r = *state;
	char *whole = sk_arena_alloc(r->arena, SK_TAIL_MAX + 1);
	struct sk_attempt ended = { .attempt = 1,
		.executor = "n1",
		.tail = "the end\n",
		.tail_len = 8,
		.exit = { .known = true, .reason = SK_REASON_EXITED, .code = 1, .message = "" } };
	struct sk_record *rec;

	running(r);
	rec = api_stored(r, "t");
	rec->life.phase = SK_FAILED;
	rec->life.executor[0] = '\0';
	api_store(r, rec, SK_SET_LIFE, &ended);
	log_is(r, "", "the end\n", "8", "true", "");
	put(r, 1, 100, "all the end\n", true);
	log_is(r, "offset=92", "the end\n", "100", "true", "");
	memset(whole, 'x', SK_TAIL_MAX);
	whole[SK_TAIL_MAX] = '\0';
	ended.tail = whole;
	ended.tail_len = SK_TAIL_MAX;
	ended.attempt = 2;
	rec->life.attempt = 1;
	api_store(r, rec, SK_SET_PROGRESS, &ended);
	rec->life.attempt = 3;
	api_store(r, rec, SK_SET_LIFE, NULL);
	log_is(r, "attempt=2", whole, "65536", "true", "unknown");
	log_is(r, "attempt=2&offset=-2", "xx", "65536", "true", "");
}

static void
what_is_no_tail_is_none(void **state)
{
	static const char *const bad[] = { "", "\n", "skalds-output 1 5 open",
		"skalds-output 2 1 open\nx", "skalds-output 1 -1 open\n", "skalds-output 1 1 open\nxx",
		"skalds-output 1 1 shut\nx", "skalds-output 1 99999999999999999999 open\nx",
		"skalds-output 1  1 open\nx" };
	struct api_rig *r = *state;
	struct sk_tail t;

	running(r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(sk_tail_read(bad[i], strlen(bad[i]), &t));
		r->cache->ops->put(r->cache, "skalds.output:t:1", bad[i], strlen(bad[i]), 1000);
		log_is(r, "", "", "0", "false", "");
	}
	assert_true(sk_tail_read("skalds-output 1 7 open\nab", 25, &t));
	assert_int_equal(t.total, 7);
	assert_int_equal(t.n, 2);
	assert_false(t.ended);
}

/* ---- a cache that is away, and questions that nobody waits for any more ---- */

struct away {
	struct sk_cache cache;
	void (*fn)(void *arg, enum sk_code code, bool found, const void *value, size_t n);
	void *arg;
};

static void
keep_question(struct sk_cache *c, const char *key,
	void (*fn)(void *arg, enum sk_code code, bool found, const void *value, size_t n), void *arg)
{
	struct away *w = (struct away *)c;

	(void)key;
	w->fn = fn;
	w->arg = arg;
}
static const struct sk_cache_ops away_ops = { .name = "away", .get = keep_question };

static void
a_cache_that_is_away_is_said_so(void **state)
{
	struct api_rig *r = *state;
	struct away w = { .cache = { &away_ops } };
	struct answer *a;

	running(r);
	r->c->cfg.cache = &w.cache;
	a = api_begin(r, "GET", "/v1/tasks/t/log", "", NULL);
	api_pump(r);
	assert_false(a->done);
	w.fn(w.arg, SK_EUNAVAIL, false, NULL, 0);
	assert_int_equal(a->status, 503);
	api_has(a, "on another machine");
	/* who follows waits for it to come back */
	a = api_begin(r, "GET", "/v1/tasks/t/log?wait=60000", "", NULL);
	api_pump(r);
	w.fn(w.arg, SK_EUNAVAIL, false, NULL, 0);
	api_pump(r);
	assert_false(a->done);
	r->c->cfg.cache = r->cache;
	put(r, 1, 3, "abc", false);
	until_done(r, a);
	is(a, "abc", "3", "false", "");
}

static void
an_answer_that_nobody_waits_for_is_dropped(void **state)
{
	struct api_rig *r = *state;
	struct away w = { .cache = { &away_ops } };
	struct answer *a;

	running(r);
	r->c->cfg.cache = &w.cache;
	a = api_begin(r, "GET", "/v1/tasks/t/log?wait=60000", "", NULL);
	api_pump(r);
	sk_api_forget(r->c, a);
	w.fn(w.arg, SK_OK, true, "skalds-output 1 1 open\nx", 24);
	assert_int_equal(a->calls, 0);
	r->c->cfg.cache = r->cache;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)
		TEST(a_tail_is_read_in_pieces),
		TEST(a_tail_is_followed),
		TEST(the_last_of_it_is_waited_for_a_little),
		TEST(what_the_cache_has_forgotten_comes_from_the_store),
		TEST(what_is_no_tail_is_none),
		TEST(a_cache_that_is_away_is_said_so),
		TEST(an_answer_that_nobody_waits_for_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
