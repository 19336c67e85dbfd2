/* What programs and scripts of the original write into the store, and say on the bus. Defects of the
 * original that a controller could inherit are named by their numbers in skalds-protocol.md 11. */
#include "core/base/clock.h"
#include "core/control/changes.h"
#include "core/control/mixed.h"
#include "test/unit/mixed_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct mixed_rig m;

static int
setup(void **state)
{
	(void)state;
	mixed_open(&m, SK_LEAST_TASKS);
	mixed_py(&m);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mixed_close(&m);
	return 0;
}

static void
begin(void)
{
	control_rig_start(&m.g);
	mixed_tick(&m, 9);
}

static void
expect(const char *id, enum sk_phase phase)
{
	assert_string_equal(sk_phase_name(control_rig_phase(&m.g, id)), sk_phase_name(phase));
}

/* ---- adoption ---- */

static void
what_is_ready_is_adopted_and_runs(void **state)
{
	(void)state;
	begin();
	m.py[0].run_ms = 6000;
	mixed_foreign(&m, "f", SK_CREATED, "", "Passive");
	assert_true(mixed_until(&m, 12, "f", SK_RUNNING));
	assert_false(mixed_get(&m, "f")->foreign);
	assert_int_equal(mixed_get(&m, "f")->life.attempt, 1);
	assert_true(mixed_until(&m, 15, "f", SK_FINISHED));
	assert_int_equal(m.py[0].started, 1);
}

static void
it_is_adopted_for_a_skald_of_ours_too(void **state)
{
	(void)state;
	m.py[0].dead = true;
	control_rig_skald(&m.g, 4);
	begin();
	mixed_foreign(&m, "f", SK_CREATED, "", "Passive");
	assert_true(mixed_until(&m, 12, "f", SK_FINISHED));
	assert_int_equal(m.g.sims[0].started, 1);
}

/* A script gives it to a node and says so: 13.3, the examples. */
static void
a_scripts_task_runs_where_the_script_put_it(void **state)
{
	(void)state;
	begin();
	m.py[0].run_ms = 6000;
	mixed_foreign(&m, "f", SK_ASSIGNING, "py0", "Passive");
	mixed_event(&m, SK_TOPIC_ASSIGN, "f");
	assert_true(mixed_until(&m, 6, "f", SK_RUNNING));
	assert_int_equal(mixed_get(&m, "f")->life.attempt, 0);
	assert_string_equal(mixed_get(&m, "f")->life.executor, "py0");
	assert_true(mixed_until(&m, 15, "f", SK_FINISHED));
	assert_int_equal(m.py[0].started, 1);
	assert_int_equal(m.py[0].assigned, 1);
}

/* It is over before a second has passed: that its key changed since the event says enough. */
static void
a_quick_one_runs_once(void **state)
{
	(void)state;
	begin();
	m.py[0].slow_ms = 0;
	m.py[0].run_ms = 1;
	mixed_foreign(&m, "f", SK_ASSIGNING, "py0", "Passive");
	mixed_event(&m, SK_TOPIC_ASSIGN, "f");
	control_rig_run(&m.g, 700); /* the event is heard, the key is looked at */
	assert_true(mixed_until(&m, 6, "f", SK_FINISHED));
	mixed_tick(&m, 40);
	assert_int_equal(m.py[0].started, 1);
}

/* It began and ended between our hearing of it and the next look. */
static void
what_stands_there_when_we_hear_of_it_is_the_past(void **state)
{
	(void)state;
	begin();
	m.py[0].deaf = true;
	mixed_foreign(&m, "f", SK_ASSIGNING, "py0", "Passive");
	mixed_event(&m, SK_TOPIC_ASSIGN, "f");
	control_rig_run(&m.g, 60);
	mixed_put(&m, "task:f:heartbeat", "200", 3600000);
	mixed_tick(&m, 1);
	expect("f", SK_FINISHED);
}

static void
end_at(const char *id, int64_t ms)
{
	char number[24], key[64];

	snprintf(number, sizeof(number), "%lld", (long long)ms);
	snprintf(key, sizeof(key), "skalds.ended:%s", id);
	mixed_put(&m, key, number, 3600000);
	snprintf(key, sizeof(key), "task:%s:heartbeat", id);
	mixed_put(&m, key, "200", 3600000);
}

/* Nobody looked while it ran. A skald of ours tells when it ended. */
static void
an_end_that_is_newer_than_the_document_counts(void **state)
{
	(void)state;
	mixed_foreign(&m, "f", SK_ASSIGNING, "c0", "Passive");
	mixed_foreign(&m, "old", SK_ASSIGNING, "c0", "Passive");
	end_at("f", m.g.now_ms);
	end_at("old", m.g.now_ms - 1);
	begin();
	assert_true(mixed_until(&m, 5, "f", SK_FINISHED));
	expect("old", SK_ASSIGNING);
}

/* A script may give its task to a skald of ours, which tells of it by keys alone. When its row is
 * over, they still count. */
static void
at_a_silent_skald_of_ours_the_keys_count(void **state)
{
	char number[8];

	(void)state;
	mixed_row(&m, "c0", 7, 1);
	control_rig_start(&m.g);
	mixed_row(&m, "c0", 7, 2);
	mixed_tick(&m, 10);
	mixed_foreign(&m, "f", SK_ASSIGNING, "c0", "Passive");
	for (int i = 0; i < 80; i++) {
		snprintf(number, sizeof(number), "%d", i);
		mixed_put(&m, "task:f:heartbeat", number, 8000);
		mixed_tick(&m, 1);
	}
	assert_false(sk_skalds_has_row(m.g.control, "c0"));
	expect("f", SK_RUNNING);
	assert_int_equal(mixed_get(&m, "f")->life.failures, 0);
}

static void
one_whose_executor_is_gone_goes_elsewhere(void **state)
{
	int ticks = 0;

	(void)state;
	begin();
	mixed_foreign(&m, "f", SK_ASSIGNING, "nobody", "Passive");
	while (mixed_get(&m, "f")->life.failures == 0 && ticks++ < 40)
		mixed_tick(&m, 1);
	assert_in_range(ticks, 12, 20);
	assert_true(mixed_until(&m, 10, "f", SK_RUNNING));
	assert_string_equal(mixed_get(&m, "f")->life.executor, "py0");
	assert_int_equal(mixed_get(&m, "f")->life.attempt, 1);
	/* a late word of the attempt that no one counted does not end this one */
	sk_control_tell(m.g.control, SK_EVENT_RETRYING,
		&(struct sk_record){ .id = "f", .class_name = "Job" }, NULL);
	control_rig_run(&m.g, 10);
	assert_true(sk_live_known(m.g.control, "f", 1));
}

/* The executor is not known to us, but its worker beats. */
static void
one_that_beats_is_left_where_it_is(void **state)
{
	char number[8];

	(void)state;
	begin();
	mixed_foreign(&m, "f", SK_ASSIGNING, "nobody", "Passive");
	for (int i = 0; i < 40; i++) {
		snprintf(number, sizeof(number), "%d", i);
		mixed_put(&m, "task:f:heartbeat", number, 8000);
		mixed_tick(&m, 1);
	}
	expect("f", SK_RUNNING);
	assert_string_equal(mixed_get(&m, "f")->life.executor, "nobody");
	assert_int_equal(mixed_get(&m, "f")->life.failures, 0);
}

/* ---- D7: ends that stand there from before ---- */

static void
d7_an_old_end_is_not_taken_for_a_new_one(void **state)
{
	(void)state;
	mixed_put(&m, "task:f:heartbeat", "200", 3600000);
	mixed_put(&m, "task:new:heartbeat", "200", 3600000);
	mixed_put(&m, "task:done:heartbeat", "-1", 3600000);
	m.py[0].slow_ms = 4000;
	mixed_foreign(&m, "f", SK_ASSIGNING, "py0", "Passive");
	mixed_foreign(&m, "new", SK_CREATED, "", "Passive");
	mixed_foreign(&m, "done", SK_CANCELLED, "", "Passive");
	mixed_foreign(&m, "process", SK_RUNNING, "py0", "PassiveProcess");
	mixed_put(&m, "task:process:heartbeat", "200", 3600000);
	begin();
	assert_int_not_equal(control_rig_phase(&m.g, "f"), SK_FINISHED);
	assert_int_not_equal(control_rig_phase(&m.g, "new"), SK_FINISHED);
	mixed_event(&m, SK_TOPIC_ASSIGN, "f");
	assert_true(mixed_until(&m, 12, "f", SK_RUNNING));
	assert_true(mixed_until(&m, 12, "new", SK_RUNNING));
	expect("done", SK_CANCELLED);
	expect("process", SK_RUNNING);
	assert_true(mixed_get(&m, "process")->foreign);
}

/* Assigned so long ago that no earlier end can still stand there. */
static void
d7_an_end_of_a_task_assigned_long_ago_counts(void **state)
{
	(void)state;
	mixed_foreign(&m, "f", SK_ASSIGNING, "py0", "Passive");
	m.g.now_ms += 3 * 3600000;
	mixed_put(&m, "task:f:heartbeat", "200", 3600000);
	control_rig_start(&m.g);
	assert_true(mixed_until(&m, 3, "f", SK_FINISHED));
	assert_int_equal(m.py[0].started, 0);
}

static void
processes_of_their_own_are_left_alone(void **state)
{
	(void)state;
	mixed_foreign(&m, "p", SK_RUNNING, "x", "PassiveProcess");
	mixed_foreign(&m, "q", SK_CREATED, "", "PassiveProcess");
	begin();
	mixed_tick(&m, 60);
	expect("p", SK_RUNNING);
	expect("q", SK_CREATED);
	assert_true(mixed_get(&m, "p")->foreign && mixed_get(&m, "q")->foreign);
}

/* ---- D13: tasks of their edges ---- */

static void
beat(const char *id, int from, int n)
{
	char key[64], number[8];

	snprintf(key, sizeof(key), "task:%s:heartbeat", id);
	for (int i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "%d", from + i);
		mixed_put(&m, key, number, 8000);
		mixed_tick(&m, 1);
	}
}

static void
an_edges_task_has_the_status_that_its_keys_tell(void **state)
{
	(void)state;
	begin();
	mixed_foreign(&m, "e", SK_CREATED, "edge", "Active");
	mixed_tick(&m, 6);
	beat("e", 1, 4);
	expect("e", SK_RUNNING);
	mixed_put(&m, "task:e:heartbeat", "200", 3600000);
	mixed_tick(&m, 2);
	expect("e", SK_FINISHED);
	mixed_tick(&m, 30);
	expect("e", SK_FINISHED);
	beat("e", 10, 3); /* its edge started it again */
	expect("e", SK_RUNNING);
	mixed_put(&m, "task:e:heartbeat", "-1", 3600000);
	mixed_tick(&m, 2);
	expect("e", SK_FAILED);
	assert_true(mixed_get(&m, "e")->foreign); /* nobody adopted it */
	assert_int_equal(mixed_get(&m, "e")->life.attempt, 0);
	assert_int_equal(m.py[0].assigned, 0);
}

static void
d13_a_dead_one_fails_once_and_does_not_flap(void **state)
{
	enum sk_phase last = SK_RUNNING;
	int changes = 0, ticks = 0;

	(void)state;
	mixed_foreign(&m, "e", SK_RUNNING, "edge", "Active");
	mixed_foreign(&m, "f", SK_FAILED, "edge", "Active");
	control_rig_start(&m.g);
	for (int i = 0; i < 40; i++) {
		enum sk_phase now;

		mixed_tick(&m, 1);
		now = control_rig_phase(&m.g, "e");
		changes += now != last;
		ticks += now == SK_RUNNING;
		last = now;
		expect("f", SK_FAILED);
	}
	assert_int_equal(changes, 1);
	assert_int_equal(last, SK_FAILED);
	assert_in_range(ticks, 11, 20);
}

static void
d13_a_cancelled_one_stays_when_its_key_is_gone(void **state)
{
	(void)state;
	begin();
	mixed_foreign(&m, "e", SK_RUNNING, "edge", "Active");
	mixed_tick(&m, 6);
	beat("e", 1, 4);
	mixed_put(&m, "task:e:heartbeat", "-2", 3600000);
	mixed_tick(&m, 2);
	expect("e", SK_CANCELLED);
	m.g.cache->ops->remove(m.g.cache, "task:e:heartbeat");
	mixed_tick(&m, 40);
	expect("e", SK_CANCELLED);
}

static void
d13_without_the_cache_an_edges_task_stays_as_it_is(void **state)
{
	(void)state;
	mixed_foreign(&m, "e", SK_RUNNING, "edge", "Active");
	begin();
	mixed_cache_away(&m, true);
	mixed_tick(&m, 100);
	expect("e", SK_RUNNING);
}

struct answer {
	bool done;
	enum sk_code code;
};

static void
answer_page(void *arg, const struct sk_changed *results, size_t n, size_t n_ok)
{
	(void)n, (void)n_ok;
	((struct answer *)arg)->code = results[0].code;
}

static void
answer_done(void *arg, enum sk_code code, const struct sk_err *err)
{
	(void)code, (void)err;
	((struct answer *)arg)->done = true;
}

static enum sk_code
change(const char *id, enum sk_change kind)
{
	const char *ids[] = { id };
	struct answer a = { .done = false };
	const struct sk_changes in = {
		.kind = kind, .ids = ids, .n = 1, .page = answer_page, .done = answer_done, .arg = &a
	};

	sk_changes_run(m.g.control, &in);
	while (!a.done)
		sk_loop_once(m.g.loop, 10);
	return a.code;
}

static void
people_cannot_adopt_an_edges_task_either(void **state)
{
	(void)state;
	begin();
	mixed_foreign(&m, "e", SK_CREATED, "edge", "Active");
	mixed_foreign(&m, "f", SK_RUNNING, "edge", "Active");
	for (enum sk_change k = SK_CHANGE_CANCEL; k <= SK_CHANGE_RETRY; k++) {
		assert_int_equal(change("e", k), SK_ECONFLICT);
		assert_int_equal(change("f", k), SK_ECONFLICT);
	}
	assert_true(mixed_get(&m, "e")->foreign && mixed_get(&m, "f")->foreign);
}

static void
a_scripts_task_can_be_cancelled(void **state)
{
	(void)state;
	begin();
	mixed_foreign(&m, "f", SK_ASSIGNING, "py0", "Passive");
	mixed_event(&m, SK_TOPIC_ASSIGN, "f");
	assert_true(mixed_until(&m, 8, "f", SK_RUNNING));
	assert_int_equal(change("f", SK_CHANGE_CANCEL), SK_OK);
	assert_true(mixed_until(&m, 5, "f", SK_CANCELLED));
	assert_int_equal(m.py[0].started, 1);
}

/* ---- disputes ---- */

/* A task of ours that has finished at py0. */
static void
begin_finished(void)
{
	m.py[0].run_ms = 3000;
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 12, "t", SK_FINISHED));
}

static void
created_over_an_end_is_a_request_to_run_again(void **state)
{
	(void)state;
	begin_finished();
	mixed_overwrite(&m, "t", SK_CREATED);
	mixed_tick(&m, 8);
	assert_true(mixed_until(&m, 15, "t", SK_FINISHED));
	assert_int_equal(m.py[0].started, 2);
	assert_int_equal(mixed_get(&m, "t")->life.attempt, 2);
	assert_false(mixed_get(&m, "t")->disputed);
}

static void
d18_created_over_a_task_that_runs_starts_no_second_one(void **state)
{
	(void)state;
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
	mixed_overwrite(&m, "t", SK_CREATED);
	mixed_tick(&m, 30);
	expect("t", SK_RUNNING);
	assert_false(mixed_get(&m, "t")->disputed); /* written again */
	assert_int_equal(m.py[0].started, 1);
	assert_int_equal(mixed_get(&m, "t")->life.attempt, 1);
}

static void
cancelled_over_what_has_not_begun_cancels_it(void **state)
{
	const char *rare[] = { "className", "Special", NULL };

	(void)state;
	begin();
	mixed_add(&m, "t", rare);
	mixed_tick(&m, 2);
	mixed_overwrite(&m, "t", SK_CANCELLED);
	assert_true(mixed_until(&m, 6, "t", SK_CANCELLED));
	assert_false(mixed_get(&m, "t")->disputed);
}

static void
cancelled_over_a_task_at_a_skald_of_ours_stops_it(void **state)
{
	(void)state;
	m.py[0].dead = true;
	m.g.run_ms = 600000;
	control_rig_skald(&m.g, 4);
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
	mixed_overwrite(&m, "t", SK_CANCELLED);
	assert_true(mixed_until(&m, 6, "t", SK_CANCELLED));
}

/* A controller of the original that someone repaired writes by its own rules (4.4, 13.3). */
static void
what_others_write_is_written_again(void **state)
{
	static const enum sk_phase over_running[] = { SK_ASSIGNING, SK_FAILED, SK_FINISHED, SK_PAUSED };

	(void)state;
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
	for (size_t i = 0; i < 4; i++) {
		mixed_overwrite(&m, "t", over_running[i]);
		mixed_tick(&m, 6);
		expect("t", SK_RUNNING);
		assert_false(mixed_get(&m, "t")->disputed);
	}
	assert_int_equal(mixed_get(&m, "t")->life.attempt, 1);
	assert_int_equal(m.py[0].assigned, 1);
	assert_int_equal(m.py[0].cancelled, 0);
}

static void
finished_overwritten_by_running_is_still_finished(void **state)
{
	(void)state;
	begin_finished();
	for (int i = 0; i < 3; i++) {
		mixed_overwrite(&m, "t", SK_RUNNING);
		mixed_tick(&m, 6);
		expect("t", SK_FINISHED);
		assert_false(mixed_get(&m, "t")->disputed);
	}
	assert_int_equal(m.py[0].started, 1);
}

/* ---- D10, forged events ---- */

static const struct sk_store_ops *real;
static size_t gets, gotten;
static bool store_away;

static void
counting_submit(struct sk_store *s, struct sk_op *op)
{
	gets += op->kind == SK_OP_GET;
	if (op->kind == SK_OP_GET)
		gotten += ((struct sk_op_get *)op)->n;
	real->submit(s, op);
}

static void
count_reads(bool on)
{
	static struct sk_store_ops ops;

	if (!on) {
		m.g.store->ops = real;
		return;
	}
	real = m.g.store->ops;
	ops = *real;
	ops.submit = counting_submit;
	m.g.store->ops = &ops;
	gets = gotten = 0;
}

static void
five_thousand_forged_events_cost_few_reads(void **state)
{
	int64_t began;
	char id[32];

	(void)state;
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
	m.py[0].deaf = true;
	control_rig_run(&m.g, 600);
	count_reads(true);
	began = sk_boot_ms();
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "forged%d", i);
		mixed_event(&m, (enum sk_topic)(i % 3), i % 10 == 0 ? "t" : id);
		if (i % 250 == 0)
			control_rig_run(&m.g, 40);
	}
	control_rig_run(&m.g, 600);
	count_reads(false);
	assert_in_range(gets, 1, 2 + (sk_boot_ms() - began) / 500);
	assert_true(gotten <= gets * 256);
	m.py[0].deaf = false;
	mixed_tick(&m, 5);
	expect("t", SK_RUNNING);
	assert_int_equal(mixed_get(&m, "t")->life.attempt, 1);
}

/* What the store could not be asked about is not gone. */
static void
failing_submit(struct sk_store *s, struct sk_op *op)
{
	if (store_away && op->kind == SK_OP_FIND)
		((struct sk_op_find *)op)->limit = 0; /* refused: no page has none */
	real->submit(s, op);
}

static void
d10_a_store_that_fails_ends_nothing(void **state)
{
	static struct sk_store_ops ops;

	(void)state;
	mixed_foreign(&m, "e", SK_RUNNING, "edge", "Active");
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
	real = m.g.store->ops;
	ops = *real;
	ops.submit = failing_submit;
	m.g.store->ops = &ops;
	store_away = true;
	for (int i = 0; i < 20; i++)
		beat("e", i * 2, 1);
	store_away = false;
	m.g.store->ops = real;
	expect("t", SK_RUNNING);
	expect("e", SK_RUNNING);
	assert_true(sk_live_known(m.g.control, "t", 1));
	assert_int_equal(m.py[0].cancelled, 0);
}

/* ---- deadlines, dependencies ---- */

/* They are no part of what is read of a foreign or adopted document; nothing else looks for them. */
static void
a_week_later_it_still_runs(void **state)
{
	(void)state;
	mixed_foreign(&m, "f", SK_CREATED, "", "Passive");
	m.g.now_ms += (int64_t)8 * 86400000;
	begin();
	assert_true(mixed_until(&m, 12, "f", SK_RUNNING));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { T(what_is_ready_is_adopted_and_runs),
		T(it_is_adopted_for_a_skald_of_ours_too), T(a_scripts_task_runs_where_the_script_put_it),
		T(a_quick_one_runs_once), T(an_end_that_is_newer_than_the_document_counts),
		T(what_stands_there_when_we_hear_of_it_is_the_past),
		T(at_a_silent_skald_of_ours_the_keys_count), T(one_whose_executor_is_gone_goes_elsewhere),
		T(one_that_beats_is_left_where_it_is), T(d7_an_old_end_is_not_taken_for_a_new_one),
		T(d7_an_end_of_a_task_assigned_long_ago_counts), T(processes_of_their_own_are_left_alone),
		T(an_edges_task_has_the_status_that_its_keys_tell),
		T(d13_a_dead_one_fails_once_and_does_not_flap),
		T(d13_a_cancelled_one_stays_when_its_key_is_gone),
		T(d13_without_the_cache_an_edges_task_stays_as_it_is),
		T(people_cannot_adopt_an_edges_task_either), T(a_scripts_task_can_be_cancelled),
		T(created_over_an_end_is_a_request_to_run_again),
		T(d18_created_over_a_task_that_runs_starts_no_second_one),
		T(cancelled_over_what_has_not_begun_cancels_it),
		T(cancelled_over_a_task_at_a_skald_of_ours_stops_it), T(what_others_write_is_written_again),
		T(finished_overwritten_by_running_is_still_finished),
		T(five_thousand_forged_events_cost_few_reads), T(d10_a_store_that_fails_ends_nothing),
		T(a_week_later_it_still_runs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
