/* node_presence_test.c - native tasks as programs of the original see them: signs of life from the
 * acceptance on, a final value when the store has the end, nothing of an attempt that another one
 * follows. */
#include "core/base/clock.h"
#include "test/unit/node_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct nr rig;

static int
set_up(void **state)
{
	*state = &rig;
	nr_open(&rig);
	rig.cfg.present = true;
	return 0;
}

static int
tear_down(void **state)
{
	nr_run(*state, 5);
	nr_close(*state);
	return 0;
}

static const char *
beat(struct nr *r, const char *id)
{
	return cr_task(&r->cache, id, "heartbeat");
}

static bool
is_alive(struct nr *r, const char *id)
{
	const char *text = beat(r, id);

	return text[0] >= '0' && text[0] <= '9' && atoi(text) < 200;
}

static void
last_try(struct sk_record *r)
{
	r->life.max_attempts = 1;
}

static const struct nr_frame *
begun(struct nr *r, const char *id, void (*change)(struct sk_record *rec))
{
	const struct nr_frame *f;

	nr_task_with(r, id, NULL, change);
	nr_assign(r, id);
	f = nr_await(r, SK_F_START, id);
	assert_true(is_alive(r, id)); /* before it was started */
	nr_started(r, f);
	nr_phase(r, id, SK_RUNNING);
	return f;
}

static void
a_node_is_in_the_cache_as_one(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	assert_true(cr_at(&r->cache, "field skalds:mode:hash n1 node 3600000\n") == 0);
	assert_true(cr_at(&r->cache, "list skalds:n1:allow-task-class-name Job,Plain 3600000\n") > 0);
	begun(r, "a", NULL);
	nr_run(r, 1200);
	assert_non_null(strstr(cr_get(&r->cache, "skalds:n1:all-task"),
		"{\"tasks\":[{\"id\":\"a\",\"class_name\":\"Job\"}],\"existed_task_ids\":[\"a\"],"));
}

static void
a_lifetime_is_what_the_configuration_says(void **state)
{
	struct nr *r = *state;

	r->cfg.key_ttl_ms = 120000;
	nr_start(r);
	assert_true(cr_at(&r->cache, "field skalds:mode:hash n1 node 120000\n") == 0);
}

static void
a_final_value_comes_after_the_store_has_the_end(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = begun(r, "a", NULL);
	r->st.hold_moves = true;
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_run(r, 100);
	assert_true(is_alive(r, "a"));
	nr_let_go(r);
	nr_phase(r, "a", SK_FINISHED);
	nr_await(r, SK_F_FORGET, "a");
	assert_string_equal(beat(r, "a"), "200");
	assert_true(cr_at(&r->cache, "put task:a:heartbeat 200 3600000\n") > 0);
	assert_string_equal(cr_get(&r->cache, "skalds.ended:a"), ""); /* the store knows */
}

static void
a_last_failure_is_told_with_its_reason(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_exited(r, begun(r, "a", last_try), SK_REASON_SIGNALED, 139);
	nr_phase(r, "a", SK_FAILED);
	nr_await(r, SK_F_FORGET, "a");
	assert_string_equal(beat(r, "a"), "-1");
	assert_string_equal(cr_task(&r->cache, "a", "exception"), "killed by signal 11");
}

/* -1 would make a monitor of the original call it Failed while it waits for its next try. */
static void
a_failure_with_another_try_leaves_nothing(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_exited(r, begun(r, "a", NULL), SK_REASON_EXITED, 3);
	nr_phase(r, "a", SK_CREATED);
	nr_await(r, SK_F_FORGET, "a");
	assert_string_equal(beat(r, "a"), "");
	assert_int_equal(cr_at(&r->cache, "put task:a:heartbeat -"), -1);
	assert_int_equal(cr_at(&r->cache, "put task:a:exception"), -1);
}

static void
a_cancelled_task_says_so(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = begun(r, "a", NULL);
	nr_want(r, "a", SK_LIFE_CANCEL);
	nr_await(r, SK_F_STOP, "a");
	nr_exited(r, f, SK_REASON_CANCELLED, 0);
	nr_phase(r, "a", SK_CANCELLED);
	nr_await(r, SK_F_FORGET, "a");
	assert_string_equal(beat(r, "a"), "-2");
}

/* D16. */
static void
what_a_stopping_node_hands_back_leaves_nothing(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = begun(r, "a", NULL);
	sk_node_drain(r->node, 0);
	nr_exited(r, f, SK_REASON_INTERRUPTED, 0);
	nr_phase(r, "a", SK_CREATED);
	nr_run(r, 200);
	assert_int_equal(r->over, 0);
	assert_string_equal(beat(r, "a"), "");
	assert_int_equal(cr_at(&r->cache, "put task:a:heartbeat -"), -1);
	assert_true(cr_at(&r->cache, "unfield skalds:hash n1") > 0);
	assert_true(cr_at(&r->cache, "unfield skalds:mode:hash n1") > 0);
	assert_string_equal(cr_get(&r->cache, "skalds:n1:all-task"), "");
}

/* The keys go before the store hears of it: whoever gets it next writes the same ones. */
static void
keys_go_before_it_can_be_given_to_somebody(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = begun(r, "a", NULL);
	r->st.hold_moves = true;
	nr_exited(r, f, SK_REASON_EXITED, 3);
	nr_run(r, 50);
	assert_string_equal(beat(r, "a"), "");
	cr_put(&r->cache, "task:a:heartbeat", "200"); /* it had it, and was quick */
	nr_let_go(r);
	nr_phase(r, "a", SK_CREATED);
	nr_run(r, 1200);
	assert_string_equal(beat(r, "a"), "200");
}

static void
next_one(struct sk_record *r)
{
	r->life.attempt++;
	snprintf(r->life.executor, sizeof(r->life.executor), "n2");
}
static void
lost(struct sk_record *r)
{
	r->life.phase = SK_FAILED;
	r->life.executor[0] = '\0';
}

static void
what_is_not_ours_any_more_does_not_beat(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	begun(r, "a", NULL);
	begun(r, "b", NULL);
	nr_change(r, "a", SK_SET_LIFE, next_one);
	nr_change(r, "b", SK_SET_LIFE, lost);
	nr_await(r, SK_F_STOP, "a");
	nr_await(r, SK_F_STOP, "b");
	cr_put(&r->cache, "task:a:heartbeat", "199"); /* its next executor */
	nr_run(r, 1200);
	assert_string_equal(beat(r, "a"), "199");
	assert_string_equal(beat(r, "b"), "");
}

static void
a_hub_that_is_replaced_lets_them_beat_on(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	struct sk_task_report rep = { .id = "a",
		.class_name = "Job",
		.state = SK_T_RUNNING,
		.start_ms = sk_wall_ms(),
		.start_boot_ms = sk_boot_ms(),
		.message = "" };

	nr_start(r);
	f = begun(r, "a", NULL);
	rep.spec_hash = f->start.spec_hash;
	nr_reborn(r);
	assert_true(is_alive(r, "a"));
	assert_true(cr_get(&r->cache, "skalds:n1:heartbeat")[0] != '\0');
	sk_str_clear(&r->cache.log);
	nr_hello(r);
	nr_known(r, f->key, 1, 2, &rep);
	nr_told(r);
	nr_run(r, 100);
	assert_true(cr_at(&r->cache, "put task:a:heartbeat ") >= 0);
	assert_int_equal(cr_at(&r->cache, "remove task:a:"), -1);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_phase(r, "a", SK_FINISHED);
	nr_run(r, 20);
	assert_string_equal(beat(r, "a"), "200");
}

/* Nobody sees us then, and nobody needs to. */
static void
a_cache_that_is_away_disturbs_nothing(void **state)
{
	struct nr *r = *state;

	r->cache.away = true;
	nr_start(r);
	nr_task(r, "a", NULL);
	nr_assign(r, "a");
	nr_exited(r, nr_await(r, SK_F_START, "a"), SK_REASON_EXITED, 0);
	nr_phase(r, "a", SK_FINISHED);
	sk_node_drain(r->node, 0);
	nr_run(r, 1500);
	assert_int_equal(r->over, 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_node_is_in_the_cache_as_one),
		T(a_lifetime_is_what_the_configuration_says),
		T(a_final_value_comes_after_the_store_has_the_end),
		T(a_last_failure_is_told_with_its_reason),
		T(a_failure_with_another_try_leaves_nothing),
		T(a_cancelled_task_says_so),
		T(what_a_stopping_node_hands_back_leaves_nothing),
		T(keys_go_before_it_can_be_given_to_somebody),
		T(what_is_not_ours_any_more_does_not_beat),
		T(a_hub_that_is_replaced_lets_them_beat_on),
		T(a_cache_that_is_away_disturbs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
