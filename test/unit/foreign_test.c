/* foreign_test.c - a node and the tasks that programs of the original give it: run once, told by keys
 * in the cache alone, never written to the store (skalds-protocol.md 4.5, 11.3 N2, N5, N6, 13.1). */
#include "core/base/clock.h"
#include "core/model/names.h"
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

/* As the store's adapter decodes a document without a phase. */
static void
foreign(struct sk_record *r)
{
	r->foreign = true;
	r->life = (struct sk_life){ .phase = SK_ASSIGNING, .max_attempts = 3, .executor = "n1" };
}

static void
foreign_running(struct sk_record *r)
{
	foreign(r);
	r->life.phase = SK_RUNNING;
}

static const struct nr_frame *
given(struct nr *r, const char *id)
{
	nr_task_with(r, id, "{\"mode\":\"Passive\",\"attachments\":{\"n\":1}}", foreign);
	nr_original_says(r, SK_TOPIC_ASSIGN, id);
	return nr_await(r, SK_F_START, id);
}

struct value {
	const char *id, *what, *text;
};

static bool
has_value(struct nr *r, const void *arg)
{
	const struct value *v = arg;

	return strcmp(cr_task(&r->cache, v->id, v->what), v->text) == 0;
}

static void
await_value(struct nr *r, const char *id, const char *what, const char *text)
{
	const struct value v = { id, what, text };

	if (!nr_until(r, has_value, &v))
		fail_msg("%s of %s is \"%s\", not \"%s\"", what, id, cr_task(&r->cache, id, what), text);
}

static bool
is_alive(struct nr *r, const char *id)
{
	const char *text = cr_task(&r->cache, id, "heartbeat");

	return text[0] >= '0' && text[0] <= '9' && atoi(text) < 200;
}

static void
phase_now(struct nr *r, const char *id, enum sk_phase phase)
{
	const struct sk_record *rec = nr_get(r, id);

	assert_int_equal(rec->life.phase, phase);
	assert_int_equal(rec->life.attempt, 0);
	assert_true(rec->foreign);
	assert_int_equal(r->st.n_moved, 0);
}

/* 13.1, 2, 3, 4, 8: an event that names nobody, a beat before it runs, no word to the store. */
static void
it_runs_once_and_only_keys_tell_of_it(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	cr_put(&r->cache, "task:t1:exception", "of last time");
	nr_start(r);
	f = given(r, "t1");
	assert_int_equal(f->attempt, 0);
	assert_true(f->start.by_keys);
	assert_true(is_alive(r, "t1"));
	assert_string_equal(cr_task(&r->cache, "t1", "exception"), "");
	nr_started(r, f);
	nr_run(r, 30);
	phase_now(r, "t1", SK_ASSIGNING);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	await_value(r, "t1", "heartbeat", "200");
	assert_true(cr_at(&r->cache, "put task:t1:heartbeat 200 3600000\n") > 0);
	nr_await(r, SK_F_FORGET, "t1");
	/* the store has it as ours until a controller has looked */
	nr_original_says(r, SK_TOPIC_ASSIGN, "t1");
	nr_run(r, 500);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 1);
	assert_string_equal(cr_task(&r->cache, "t1", "heartbeat"), "200");
	phase_now(r, "t1", SK_ASSIGNING);
}

static void
a_failure_says_why_before_it_says_that(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	nr_exited(r, f, SK_REASON_EXITED, 3);
	await_value(r, "t1", "heartbeat", "-1");
	assert_string_equal(cr_task(&r->cache, "t1", "exception"), "exited with code 3");
	assert_true(cr_at(&r->cache, "put task:t1:exception exited") <
		cr_at(&r->cache, "put task:t1:heartbeat -1 "));
	phase_now(r, "t1", SK_ASSIGNING);
}

static void
cancelled(struct sk_record *r)
{
	r->life.phase = SK_CANCELLED;
}

/* 13.1, 5. */
static void
it_is_cancelled_when_the_store_says_so(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	nr_change(r, "t1", SK_SET_LIFE, cancelled);
	nr_original_says(r, SK_TOPIC_CANCEL, "t1");
	assert_int_equal(nr_await(r, SK_F_STOP, "t1")->number, SK_REASON_CANCELLED);
	assert_true(is_alive(r, "t1"));
	nr_exited(r, f, SK_REASON_CANCELLED, 0);
	await_value(r, "t1", "heartbeat", "-2");
	assert_string_equal(cr_task(&r->cache, "t1", "exception"), "");
}

/* P24. A monitor of the original sends one for a task that it takes for lost, too. */
static void
an_event_alone_never_cancels(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	nr_original_says(r, SK_TOPIC_CANCEL, "t1");
	nr_original_says(r, SK_TOPIC_CANCEL, "other");
	nr_run(r, 100);
	assert_int_equal(nr_count(r, SK_F_STOP, NULL), 0);
}

/* Nobody told us: the look at the store finds it. */
static void
a_lost_cancel_event_is_made_good(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_started(r, given(r, "t1"));
	nr_run(r, 20);
	nr_change(r, "t1", SK_SET_LIFE, cancelled);
	assert_int_equal(nr_await(r, SK_F_STOP, "t1")->number, SK_REASON_CANCELLED);
}

static void
someone_elses(struct sk_record *r)
{
	snprintf(r->life.executor, sizeof(r->life.executor), "n2");
}

/* The keys are those of whoever has it now. */
static void
what_somebody_else_got_is_stopped_and_its_keys_are_left(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	nr_run(r, 20);
	nr_change(r, "t1", SK_SET_LIFE, someone_elses);
	nr_await(r, SK_F_STOP, "t1");
	cr_put(&r->cache, "task:t1:heartbeat", "17");
	nr_exited(r, f, SK_REASON_LOST, 0);
	nr_run(r, 1200);
	assert_string_equal(cr_task(&r->cache, "t1", "heartbeat"), "17");
}

static void
other_attachments(struct sk_record *r)
{
	static struct sk_value two = { .kind = SK_INT, .u.i = 2 };
	struct sk_value *spec = sk_value_new(rig.arena, SK_MAP), *att = sk_value_new(rig.arena, SK_MAP);

	sk_map_set(rig.arena, att, "n", &two);
	sk_map_set(rig.arena, spec, "attachments", att);
	r->spec = spec;
}

static void
new_attachments_reach_its_worker_once(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	nr_original_says(r, SK_TOPIC_UPDATE, "t1"); /* they are as they were */
	nr_run(r, 50);
	assert_int_equal(nr_count(r, SK_F_UPDATE, NULL), 0);
	nr_change(r, "t1", SK_SET_ATTACHMENTS, other_attachments);
	nr_original_says(r, SK_TOPIC_UPDATE, "t1");
	nr_await(r, SK_F_UPDATE, "t1");
	nr_run(r, 300);
	assert_int_equal(nr_count(r, SK_F_UPDATE, NULL), 1);
	assert_int_equal(r->st.n_moved, 0);
}

/* N6. */
static void
attachments_that_are_wrong_are_refused_with_the_reason(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_task_with(r, "t1", "{\"attachments\":{\"bad\":1}}", foreign);
	nr_original_says(r, SK_TOPIC_ASSIGN, "t1");
	await_value(r, "t1", "heartbeat", "-1");
	assert_string_equal(cr_task(&r->cache, "t1", "exception"), "attachments.bad: unknown");
	nr_run(r, 300);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	phase_now(r, "t1", SK_ASSIGNING);
}

static void
strange(struct sk_record *r)
{
	foreign(r);
	r->class_name = "Strange";
}
static void
final(struct sk_record *r)
{
	foreign(r);
	r->life.phase = SK_CANCELLED;
}
static void
others(struct sk_record *r)
{
	foreign(r);
	someone_elses(r);
}

/* 4.5, N5. */
static void
what_is_not_for_us_is_left_alone(void **state)
{
	struct nr *r = *state;
	const char *const ids[] = { "class", "active", "process", "final", "other" };

	nr_task_with(r, "class", NULL, strange);
	nr_task_with(r, "active", "{\"mode\":\"Active\"}", foreign_running);
	nr_task_with(r, "process", "{\"mode\":\"PassiveProcess\"}", foreign_running);
	nr_task_with(r, "final", NULL, final);
	nr_task_with(r, "other", NULL, others);
	nr_start(r);
	for (size_t i = 0; i < 5; i++)
		nr_original_says(r, SK_TOPIC_ASSIGN, ids[i]);
	nr_run(r, 300);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(cr_task(&r->cache, ids[i], "heartbeat"), "");
	assert_int_equal(r->st.n_moved, 0);
}

/* N2. */
static void
what_is_ours_at_the_start_is_run(void **state)
{
	struct nr *r = *state;

	nr_task_with(r, "t1", NULL, foreign_running);
	nr_task_with(r, "t2", NULL, foreign);
	nr_start(r);
	nr_await(r, SK_F_START, "t1");
	nr_await(r, SK_F_START, "t2");
	assert_true(is_alive(r, "t1") && is_alive(r, "t2"));
}

static void
what_ended_before_we_were_started_does_not_run_again(void **state)
{
	struct nr *r = *state;

	nr_task_with(r, "good", NULL, foreign_running);
	nr_task_with(r, "bad", NULL, foreign_running);
	nr_task_with(r, "gone", NULL, foreign);
	cr_put(&r->cache, "task:good:heartbeat", "200");
	cr_put(&r->cache, "task:bad:heartbeat", "-1");
	cr_put(&r->cache, "task:gone:heartbeat", "-2");
	nr_start(r);
	nr_run(r, 600);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	assert_string_equal(cr_task(&r->cache, "good", "heartbeat"), "200");
}

/* What is left of a process that was killed. */
static void
a_beat_that_stands_still_is_nobodys(void **state)
{
	struct nr *r = *state;

	nr_task_with(r, "t1", NULL, foreign_running);
	cr_put(&r->cache, "task:t1:heartbeat", "57");
	nr_start(r);
	nr_run(r, 1500);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	nr_await(r, SK_F_START, "t1");
}

static void
what_beats_elsewhere_is_not_started(void **state)
{
	struct nr *r = *state;
	char beat[8];

	nr_task_with(r, "t1", NULL, foreign_running);
	cr_put(&r->cache, "task:t1:heartbeat", "1");
	nr_start(r);
	for (int i = 2; i < 7; i++) {
		nr_run(r, 900);
		snprintf(beat, sizeof(beat), "%d", i);
		cr_put(&r->cache, "task:t1:heartbeat", beat);
	}
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
}

static void
while_the_cache_is_away_nothing_is_started(void **state)
{
	struct nr *r = *state;

	nr_task_with(r, "t1", NULL, foreign_running);
	nr_task_with(r, "t2", NULL, foreign_running);
	cr_put(&r->cache, "task:t2:heartbeat", "200");
	r->cache.away = true;
	nr_start(r);
	nr_original_says(r, SK_TOPIC_ASSIGN, "t1");
	nr_run(r, 1500);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	r->cache.away = false;
	nr_await(r, SK_F_START, "t1");
	nr_run(r, 1100);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 1);
}

static void
it_runs_on_while_the_cache_is_away_and_its_end_is_told_then(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	r->cache.away = true;
	nr_run(r, 300);
	assert_int_equal(nr_count(r, SK_F_STOP, NULL), 0);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_run(r, 300);
	r->cache.away = false;
	await_value(r, "t1", "heartbeat", "200");
	nr_run(r, 300);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 1);
}

static void
assigning(struct sk_record *r)
{
	r->life.phase = SK_ASSIGNING;
}
static void
finished(struct sk_record *r)
{
	r->life.phase = SK_FINISHED;
}

static void
ends(struct nr *r, const struct nr_frame *f)
{
	nr_started(r, f);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	await_value(r, "t1", "heartbeat", "200");
	nr_await(r, SK_F_FORGET, "t1");
}

/* Somebody wants it again: the document changed after the end, and an event says so. */
static void
it_runs_again_when_it_was_assigned_again(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	ends(r, given(r, "t1"));
	nr_run(r, 20);
	nr_change(r, "t1", SK_SET_LIFE, assigning);
	nr_original_says(r, SK_TOPIC_ASSIGN, "t1");
	nr_await(r, SK_F_START, "t1");
	assert_true(is_alive(r, "t1"));
}

/* The same after a controller has noted its end, when we remember nothing any more. */
static void
it_runs_again_from_a_final_state(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	ends(r, given(r, "t1"));
	nr_change(r, "t1", SK_SET_LIFE, finished);
	nr_run(r, 500);
	nr_change(r, "t1", SK_SET_LIFE, assigning);
	nr_original_says(r, SK_TOPIC_ASSIGN, "t1");
	nr_await(r, SK_F_START, "t1");
}

/* A controller of the original that has just started writes Assigning over Running (4.4). */
static void
a_monitor_that_wavers_does_not_start_it_again(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	ends(r, given(r, "t1"));
	nr_run(r, 20);
	nr_change(r, "t1", SK_SET_LIFE, assigning); /* changed after the end, and no event */
	nr_run(r, 700);
	nr_change(r, "t1", SK_SET_LIFE, finished);
	nr_run(r, 500);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 1);
}

static void
adopted(struct sk_record *r)
{
	r->foreign = false;
	r->life.phase = SK_RUNNING;
}
static void
native(struct sk_record *r)
{
	r->foreign = false;
	r->life.phase = SK_ASSIGNING;
	r->life.attempt = 1;
	r->life.incarnation = nr_incarnation(&rig);
}

/* A controller of ours gives it a phase: nothing else changes. */
static void
a_task_that_was_adopted_goes_on_by_keys(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	nr_run(r, 20);
	nr_change(r, "t1", SK_SET_LIFE, adopted);
	nr_run(r, 500);
	assert_int_equal(nr_count(r, SK_F_STOP, NULL), 0);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	await_value(r, "t1", "heartbeat", "200");
	assert_int_equal(nr_get(r, "t1")->life.phase, SK_RUNNING);
	assert_int_equal(r->st.n_moved, 0);
}

static void
a_native_attempt_takes_its_place(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	ends(r, given(r, "t1"));
	nr_change(r, "t1", SK_SET_LIFE, native);
	nr_assign(r, "t1");
	f = nr_await(r, SK_F_START, "t1");
	assert_int_equal(f->attempt, 1);
	assert_false(f->start.by_keys);
	nr_started(r, f);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_phase(r, "t1", SK_FINISHED);
}

static void
known_again(struct nr *r, const struct nr_frame *f, enum sk_task_state state)
{
	const struct sk_task_report rep = { .id = "t1",
		.class_name = "Job",
		.state = state,
		.by_keys = true,
		.spec_hash = f->start.spec_hash,
		.start_ms = sk_wall_ms(),
		.start_boot_ms = sk_boot_ms(),
		.end_ms = state == SK_T_ENDED ? sk_wall_ms() : 0,
		.end_boot_ms = state == SK_T_ENDED ? sk_boot_ms() : 0,
		.message = "" };

	nr_reborn(r);
	nr_hello(r);
	nr_known(r, f->key, 0, 2, &rep);
	nr_told(r);
	nr_run(r, 300);
}

static void
a_link_that_was_replaced_knows_it_again(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	nr_run(r, 20);
	known_again(r, f, SK_T_RUNNING);
	assert_int_equal(nr_count(r, SK_F_START, NULL) + nr_count(r, SK_F_STOP, NULL), 0);
	assert_true(is_alive(r, "t1"));
	nr_exited(r, f, SK_REASON_EXITED, 0);
	await_value(r, "t1", "heartbeat", "200");
	phase_now(r, "t1", SK_ASSIGNING);
}

static void
an_end_that_the_last_link_did_not_tell_is_told(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	nr_run(r, 20);
	known_again(r, f, SK_T_ENDED);
	await_value(r, "t1", "heartbeat", "200");
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	phase_now(r, "t1", SK_ASSIGNING);
}

/* Whoever can write to the bus can make us read, not run. */
static void
forged_events_cost_some_reads_and_no_process(void **state)
{
	struct nr *r = *state;
	char id[16];

	nr_start(r);
	nr_run(r, 20);
	r->st.n_gets = 0;
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "f%d", i % 2500); /* each twice: read once */
		nr_original_says(r, SK_TOPIC_ASSIGN, id);
		nr_original_says(r, SK_TOPIC_CANCEL, id);
	}
	nr_run(r, 500);
	assert_in_range(r->st.n_gets, 3, 40);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	assert_int_equal(r->cache.n_gets, 0);
}

/* Whoever judges it does not know of leases. */
static void
a_lost_lease_does_not_stop_it(void **state)
{
	struct nr *r = *state;

	r->cfg.lease_ms = 600;
	nr_start(r);
	nr_started(r, given(r, "t1"));
	r->st.fail_writes = SK_EUNAVAIL;
	nr_run(r, 1200);
	assert_int_equal(nr_count(r, SK_F_STOP, NULL), 0);
	assert_true(is_alive(r, "t1"));
	r->st.fail_writes = SK_OK;
}

/* D16: our going is no cancel; it will run again. */
static void
a_node_that_stops_hands_it_back(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = given(r, "t1");
	nr_started(r, f);
	nr_run(r, 20);
	sk_node_drain(r->node, 0);
	assert_int_equal(nr_await(r, SK_F_STOP, "t1")->number, SK_REASON_INTERRUPTED);
	nr_exited(r, f, SK_REASON_INTERRUPTED, 0);
	nr_run(r, 300);
	assert_int_equal(r->over, 0);
	assert_string_equal(cr_task(&r->cache, "t1", "heartbeat"), "");
	assert_string_equal(cr_get(&r->cache, "skalds:n1:heartbeat"), "");
	phase_now(r, "t1", SK_ASSIGNING);
}

static void
one_that_waits_for_the_cache_does_not_keep_a_node_that_stops(void **state)
{
	struct nr *r = *state;

	nr_task_with(r, "t1", NULL, foreign_running);
	cr_put(&r->cache, "task:t1:heartbeat", "57");
	nr_start(r);
	nr_run(r, 50);
	sk_node_drain(r->node, 0);
	nr_run(r, 300);
	assert_int_equal(r->over, 0);
	assert_string_equal(cr_task(&r->cache, "t1", "heartbeat"), "57");
}

/* Nobody else could be given it. */
static void
it_is_never_handed_back_for_want_of_a_slot(void **state)
{
	struct nr *r = *state;
	char id[8];

	nr_start(r);
	for (int i = 0; i < 6; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		assert_false(given(r, id)->start.returnable);
	}
}

/* `up`: its store has none, its cache is nobody's. */
static void
a_node_that_is_not_present_has_nothing_to_do_with_it(void **state)
{
	struct nr *r = *state;

	r->cfg.present = false;
	nr_task_with(r, "t1", NULL, foreign);
	nr_start(r);
	nr_original_says(r, SK_TOPIC_ASSIGN, "t1");
	nr_run(r, 300);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	assert_string_equal(sk_str_text(&r->cache.log), "");
}

static void
cancelled_by_a_stranger(struct sk_record *rec)
{
	rec->disputed = true;
	rec->status = SK_CANCELLED;
}

/* A program of the original writes Cancelled while the task is on its way to us: the start must not
 * write over it before a controller has made a wish of it. */
static void
a_cancel_of_a_stranger_is_not_written_over_by_the_start(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	nr_task_with(r, "t", NULL, cancelled_by_a_stranger);
	nr_assign(r, "t");
	f = nr_await(r, SK_F_START, "t");
	nr_started(r, f);
	nr_run(r, 200);
	assert_int_equal(nr_get(r, "t")->life.phase, SK_ASSIGNING);
	assert_true(nr_get(r, "t")->disputed);
	assert_true(r->st.n_moves <= 3); /* it does not try all the time */
	nr_want(r, "t", SK_LIFE_CANCEL);
	nr_await(r, SK_F_STOP, "t");
	nr_exited(r, f, SK_REASON_CANCELLED, 0);
	nr_phase(r, "t", SK_CANCELLED);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(it_runs_once_and_only_keys_tell_of_it),
		T(a_failure_says_why_before_it_says_that),
		T(it_is_cancelled_when_the_store_says_so),
		T(an_event_alone_never_cancels),
		T(a_lost_cancel_event_is_made_good),
		T(what_somebody_else_got_is_stopped_and_its_keys_are_left),
		T(new_attachments_reach_its_worker_once),
		T(attachments_that_are_wrong_are_refused_with_the_reason),
		T(what_is_not_for_us_is_left_alone),
		T(what_is_ours_at_the_start_is_run),
		T(what_ended_before_we_were_started_does_not_run_again),
		T(a_beat_that_stands_still_is_nobodys),
		T(what_beats_elsewhere_is_not_started),
		T(while_the_cache_is_away_nothing_is_started),
		T(it_runs_on_while_the_cache_is_away_and_its_end_is_told_then),
		T(it_runs_again_when_it_was_assigned_again),
		T(it_runs_again_from_a_final_state),
		T(a_monitor_that_wavers_does_not_start_it_again),
		T(a_task_that_was_adopted_goes_on_by_keys),
		T(a_native_attempt_takes_its_place),
		T(a_link_that_was_replaced_knows_it_again),
		T(an_end_that_the_last_link_did_not_tell_is_told),
		T(forged_events_cost_some_reads_and_no_process),
		T(a_lost_lease_does_not_stop_it),
		T(a_node_that_stops_hands_it_back),
		T(one_that_waits_for_the_cache_does_not_keep_a_node_that_stops),
		T(it_is_never_handed_back_for_want_of_a_slot),
		T(a_node_that_is_not_present_has_nothing_to_do_with_it),
		T(a_cancel_of_a_stranger_is_not_written_over_by_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
