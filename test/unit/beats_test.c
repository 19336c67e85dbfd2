/* Tasks at nodes of the original, judged by their keys. Defects of the original that a controller
 * could inherit are named by their numbers in skalds-protocol.md 11. */
#include "core/control/beats.h"
#include "core/control/changes.h"
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

/* A task that runs at py0 for ever. */
static void
begin_running(const char *const *pairs)
{
	begin();
	mixed_add(&m, "t", pairs);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
}

static void
expect_attempt(uint32_t attempt, uint32_t failures)
{
	assert_int_equal(mixed_get(&m, "t")->life.attempt, attempt);
	assert_int_equal(mixed_get(&m, "t")->life.failures, failures);
}

/* ---- pulses ---- */

static void
a_pulse_is_change(void **state)
{
	struct sk_pulse p = { .sampled = false };

	(void)state;
	assert_false(sk_pulse_take(&p, SK_BEAT_IS_LIVE, 5, 0, false)); /* may be old */
	assert_false(sk_pulse_take(&p, SK_BEAT_IS_LIVE, 5, 1000, false));
	assert_int_equal(p.silent_ms, 1000);
	assert_false(p.seen);
	assert_true(sk_pulse_take(&p, SK_BEAT_IS_LIVE, 0, 1000, false)); /* 0 is alive */
	assert_true(p.seen);
	assert_int_equal(p.silent_ms, 0);
	assert_false(sk_pulse_take(&p, SK_BEAT_IS_NONE, 0, 12000, false));
	assert_false(sk_pulse_dead(&p));
	assert_false(sk_pulse_take(&p, SK_BEAT_IS_NONE, 0, 1, false));
	assert_true(sk_pulse_dead(&p));
	assert_true(sk_pulse_take(&p, SK_BEAT_IS_LIVE, 0, 1, false)); /* it is back */
	assert_false(sk_pulse_take(&p, SK_BEAT_IS_LIVE, 0, 20000, false));
	assert_false(sk_pulse_dead(&p));
	assert_false(sk_pulse_take(&p, SK_BEAT_IS_LIVE, 0, 1, false));
	assert_true(sk_pulse_dead(&p)); /* nobody is so lucky: nobody writes it */
}

static void
what_is_there_after_a_removal_is_new(void **state)
{
	struct sk_pulse p = { .sampled = false };

	(void)state;
	assert_true(sk_pulse_take(&p, SK_BEAT_IS_LIVE, 5, 0, true));
	assert_false(sk_pulse_take(&p, SK_BEAT_IS_LIVE, 5, 1000, true));
	assert_false(sk_pulse_take(&p, SK_BEAT_IS_FINISHED, 200, 1000, true));
	assert_true(p.changed);
}

static void
texts_of_others_become_utf8(void **state)
{
	char to[8];

	(void)state;
	sk_beats_text(to, sizeof(to), "a\xff\0b", 4);
	assert_string_equal(to, "a??b");
	sk_beats_text(to, sizeof(to), "1234567890", 10);
	assert_string_equal(to, "1234567");
	sk_beats_text(to, sizeof(to), "123456\xc3\xa4", 8); /* cut in two */
	assert_string_equal(to, "123456?");
	sk_beats_text(to, sizeof(to), "", 0);
	assert_string_equal(to, "");
}

/* ---- D6: what is left of earlier runs ---- */

static void
d6_an_old_end_is_removed_before_the_assignment(void **state)
{
	(void)state;
	begin();
	mixed_put(&m, "task:t:heartbeat", "-1", 3600000);
	mixed_put(&m, "task:t:exception", "old", 0);
	m.py[0].slow_ms = 6000;
	mixed_add(&m, "t", NULL);
	mixed_tick(&m, 3);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_ASSIGNING);
	assert_string_equal(mixed_value(&m, "task:t:exception"), "");
	assert_true(mixed_until(&m, 10, "t", SK_RUNNING));
	expect_attempt(1, 0);
}

/* ... also when the next run begins on the same node. */
static void
d6_a_retry_does_not_take_the_failure_before_it(void **state)
{
	const char *pairs[] = { "backoffSeconds", "1", NULL };
	struct py *p = &m.py[0];

	(void)state;
	p->run_ms = 3000;
	p->end = "-1";
	begin();
	mixed_add(&m, "t", pairs);
	while (p->started < 1)
		mixed_tick(&m, 1);
	p->run_ms = 0;
	for (int i = 0; i < 20 && p->started < 2; i++)
		mixed_tick(&m, 1);
	assert_int_equal(p->started, 2);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
	mixed_tick(&m, 20);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	expect_attempt(2, 1);
}

/* A controller of the original that starts takes what stands there for how it ends (D7). */
static void
d7_what_runs_again_has_no_end_left(void **state)
{
	const char *pairs[] = { "backoffSeconds", "60", NULL };

	(void)state;
	m.py[0].run_ms = 3000;
	m.py[0].end = "-1";
	begin();
	mixed_add(&m, "t", pairs);
	assert_true(mixed_until(&m, 12, "t", SK_RUNNING));
	assert_true(mixed_until(&m, 12, "t", SK_CREATED));
	assert_string_equal(mixed_value(&m, "task:t:heartbeat"), "");
	assert_string_equal(mixed_value(&m, "task:t:exception"), "");
}

static void
d7_what_others_want_run_again_has_none_either(void **state)
{
	(void)state;
	begin_running(NULL);
	mixed_overwrite(&m, "t", SK_CANCELLED);
	assert_true(mixed_until(&m, 12, "t", SK_CANCELLED));
	m.py[0].dead = true;
	mixed_tick(&m, 20);
	assert_string_equal(mixed_value(&m, "task:t:heartbeat"), "-2");
	mixed_overwrite(&m, "t", SK_CREATED);
	assert_true(mixed_until(&m, 12, "t", SK_CREATED));
	assert_string_equal(mixed_value(&m, "task:t:heartbeat"), "");
}

/* ---- ends ---- */

static void
a_failure_has_its_exception_and_a_budget(void **state)
{
	const char *pairs[] = { "backoffSeconds", "1", NULL };
	const struct sk_record *r;

	(void)state;
	m.py[0].run_ms = 3000;
	m.py[0].end = "-1";
	begin();
	mixed_add(&m, "t", pairs);
	assert_true(mixed_until(&m, 60, "t", SK_FAILED));
	r = mixed_get(&m, "t");
	expect_attempt(3, 3);
	assert_int_equal(m.py[0].started, 3);
	assert_int_equal(r->exit.reason, SK_REASON_EXITED);
	assert_int_equal(r->exit.code, 1);
	assert_string_equal(r->exit.message, "Traceback\nValueError: no");
	assert_int_equal(m.py[0].cancelled, 0); /* the worker is gone already (D12) */
}

static void
note_finished(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	char *where = arg;

	(void)topic;
	if (e->kind == SK_EVENT_FINISHED)
		snprintf(where, 32, "%s", e->skald);
}

static void
an_end_tells_where_it_was(void **state)
{
	char where[32] = "";
	struct sk_err err;

	(void)state;
	assert_int_equal(
		m.g.bus->ops->subscribe(m.g.bus, 1u << SK_TOPIC_EVENT, note_finished, where, &err), SK_OK);
	begin_running(NULL);
	py_worker(&m.py[0], "t")->end_ms = m.g.boot_ms + 1;
	assert_true(mixed_until(&m, 3, "t", SK_FINISHED));
	mixed_tick(&m, 1);
	m.g.bus->ops->unsubscribe(m.g.bus, note_finished, where);
	assert_string_equal(where, "py0");
}

/* Its last beat came after its -1, and expires. */
static void
n9_an_end_that_a_beat_wrote_over_is_the_failure_it_was(void **state)
{
	const char *pairs[] = { "maxAttempts", "1", NULL };
	struct py *p = &m.py[0];

	(void)state;
	p->run_ms = 3000;
	p->end = "-1";
	begin();
	mixed_add(&m, "t", pairs);
	while (p->started < 1)
		mixed_tick(&m, 1);
	py_worker(p, "t")->end = NULL;
	mixed_tick(&m, 4);
	mixed_put(&m, "task:t:exception", "Traceback\nValueError: no", 0);
	assert_true(mixed_until(&m, 30, "t", SK_FAILED));
	assert_int_equal(mixed_get(&m, "t")->exit.reason, SK_REASON_EXITED);
	assert_string_equal(mixed_get(&m, "t")->exit.message, "Traceback\nValueError: no");
}

static void
d9_success_counts_at_once_also_when_it_was_quick(void **state)
{
	struct py *p = &m.py[0];

	(void)state;
	p->slow_ms = 0;
	p->run_ms = 1; /* between two looks: no live value is ever seen */
	begin();
	mixed_add(&m, "t", NULL);
	mixed_tick(&m, 3);
	if (control_rig_phase(&m.g, "t") != SK_FINISHED)
		mixed_tick(&m, 1);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_FINISHED);
	assert_int_equal(p->started, 1);
}

static void
d9_a_new_controller_leaves_what_runs(void **state)
{
	(void)state;
	begin_running(NULL);
	control_rig_restart(&m.g, SK_LEAST_TASKS, 30000);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
		mixed_tick(&m, 1);
	}
	expect_attempt(1, 0);
	assert_int_equal(m.py[0].assigned, 1);
	assert_int_equal(m.py[0].cancelled, 0);
}

static void
a_new_controller_has_full_patience(void **state)
{
	int ticks = 0;

	(void)state;
	begin_running(NULL);
	py_worker(&m.py[0], "t")->dead = true;
	mixed_tick(&m, 9);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	control_rig_restart(&m.g, SK_LEAST_TASKS, 30000);
	while (mixed_get(&m, "t")->life.failures == 0 && ticks++ < 40)
		mixed_tick(&m, 1);
	assert_in_range(ticks, 12, 15);
}

static void
an_end_while_no_controller_ran_is_taken(void **state)
{
	(void)state;
	begin_running(NULL);
	py_worker(&m.py[0], "t")->end_ms = m.g.boot_ms + 1;
	m.silent = true;
	mixed_tick(&m, 30);
	m.silent = false;
	control_rig_restart(&m.g, SK_LEAST_TASKS, 30000);
	assert_true(mixed_until(&m, 3, "t", SK_FINISHED));
	expect_attempt(1, 0);
}

/* ---- D8: alive or not ---- */

static void
d8_a_healthy_task_is_never_lost(void **state)
{
	(void)state;
	begin_running(NULL);
	mixed_tick(&m, 400);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	expect_attempt(1, 0);
}

static void
d8_zero_is_alive_and_equal_values_are_no_death(void **state)
{
	(void)state;
	begin_running(NULL);
	py_worker(&m.py[0], "t")->dead = true; /* written here instead */
	for (int i = 0; i < 10; i++) {
		mixed_put(&m, "task:t:heartbeat", "0", 8000);
		mixed_tick(&m, 9);
		mixed_put(&m, "task:t:heartbeat", "1", 8000);
		mixed_tick(&m, 9);
	}
	expect_attempt(1, 0);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
}

static void
d8_a_slow_start_is_none(void **state)
{
	(void)state;
	m.py[0].slow_ms = 9000;
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 15, "t", SK_RUNNING));
	expect_attempt(1, 0);
	assert_int_equal(m.py[0].started, 1);
}

static void
a_worker_that_vanishes_is_lost_and_runs_again(void **state)
{
	const char *pairs[] = { "backoffSeconds", "1", NULL };
	int ticks = 0;

	(void)state;
	begin_running(pairs);
	py_worker(&m.py[0], "t")->used = false;
	while (mixed_get(&m, "t")->life.failures == 0 && ticks++ < 40)
		mixed_tick(&m, 1);
	assert_in_range(ticks, 9, 15); /* more than 10 s, not much more */
	assert_int_equal(mixed_get(&m, "t")->exit.reason, SK_REASON_LOST);
	assert_true(mixed_until(&m, 10, "t", SK_RUNNING));
	expect_attempt(2, 1);
	assert_int_equal(m.py[0].started, 2);
}

static void
a_value_that_never_expires_is_no_life(void **state)
{
	(void)state;
	begin_running(NULL);
	py_worker(&m.py[0], "t")->used = false;
	mixed_put(&m, "task:t:heartbeat", "77", 0);
	for (int i = 0; i < 30 && mixed_get(&m, "t")->life.failures == 0; i++)
		mixed_tick(&m, 1);
	expect_attempt(1, 1);
}

static void
what_is_no_number_is_no_life(void **state)
{
	(void)state;
	begin_running(NULL);
	py_worker(&m.py[0], "t")->used = false;
	for (int i = 0; i < 20 && mixed_get(&m, "t")->life.failures == 0; i++) {
		mixed_put(&m, "task:t:heartbeat", i % 2 == 0 ? "1.5" : "x", 8000);
		mixed_tick(&m, 1);
	}
	expect_attempt(1, 1);
}

/* ---- D11: the cache is away ---- */

static void
d11_without_the_cache_nobody_dies(void **state)
{
	(void)state;
	begin_running(NULL);
	mixed_cache_away(&m, true);
	mixed_tick(&m, 300);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	mixed_cache_away(&m, false);
	mixed_tick(&m, 8);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	expect_attempt(1, 0);
}

static void
a_controller_that_slept_loses_nothing(void **state)
{
	(void)state;
	begin_running(NULL);
	m.silent = true;
	mixed_tick(&m, 600);
	m.silent = false;
	mixed_tick(&m, 5);
	m.g.boot_ms += 600000; /* the whole machine: no key has outlived that */
	mixed_tick(&m, 12);
	expect_attempt(1, 0);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
}

/* ---- several controllers ---- */

static void
who_does_not_lead_judges_nothing(void **state)
{
	(void)state;
	begin_running(NULL);
	m.g.control->cfg.dispatch = false;
	py_worker(&m.py[0], "t")->used = false;
	mixed_foreign(&m, "f", SK_CREATED, "", "Passive");
	mixed_foreign(&m, "e", SK_RUNNING, "edge", "Active");
	mixed_tick(&m, 60);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	assert_int_equal(control_rig_phase(&m.g, "f"), SK_CREATED);
	assert_int_equal(control_rig_phase(&m.g, "e"), SK_RUNNING);
	assert_true(sk_originals_online(m.g.control, "py0")); /* but it shows them */
	m.g.control->cfg.dispatch = true;
	mixed_tick(&m, 9); /* full patience from here on */
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	mixed_tick(&m, 9);
	expect_attempt(2, 1);
}

/* ---- events that are lost, tables that are wrong ---- */

static void
a_lost_event_is_sent_again(void **state)
{
	struct py *p = &m.py[0];

	(void)state;
	begin();
	p->deaf = true;
	mixed_add(&m, "t", NULL);
	mixed_tick(&m, 3);
	p->deaf = false;
	assert_true(mixed_until(&m, 15, "t", SK_RUNNING));
	expect_attempt(1, 0);
	assert_int_equal(p->assigned, 1);
	assert_int_equal(p->cancelled, 0);
}

static void
one_that_never_starts_is_lost_after_the_grace(void **state)
{
	int ticks = 0;

	(void)state;
	begin();
	m.py[0].deaf = true;
	mixed_add(&m, "t", NULL);
	while (mixed_get(&m, "t")->life.failures == 0 && ticks++ < 60)
		mixed_tick(&m, 1);
	assert_in_range(ticks, 28, 33);
}

static void
n4_a_dead_worker_in_its_table_is_cleared_first(void **state)
{
	struct py *p = &m.py[0];

	(void)state;
	p->workers[0] = (struct py_worker){ .id = "t", .used = true, .dead = true };
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 12, "t", SK_RUNNING));
	mixed_tick(&m, 30);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	assert_int_equal(p->cancelled, 1);
	assert_int_equal(p->started, 1);
	expect_attempt(1, 0);
}

/* It died so early that no beat was seen. */
static void
n4_a_worker_that_died_at_its_start_is_cleared(void **state)
{
	struct py *p = &m.py[0];

	(void)state;
	p->slow_ms = 3000;
	begin();
	mixed_add(&m, "t", NULL);
	while (p->started == 0)
		mixed_tick(&m, 1);
	py_worker(p, "t")->dead = true;
	assert_true(mixed_until(&m, 25, "t", SK_RUNNING));
	expect_attempt(1, 0);
	assert_int_equal(p->cancelled, 1);
	assert_int_equal(p->started, 2);
}

/* ---- D16, D12: -2 ---- */

static void
d16_a_node_that_is_stopped_ends_nothing(void **state)
{
	struct py *p = &m.py[0];

	(void)state;
	begin_running(NULL);
	mixed_py(&m);
	mixed_tick(&m, 9);
	py_worker(p, "t")->end = "-2";
	py_worker(p, "t")->end_ms = m.g.boot_ms + 1;
	p->deaf = true; /* it is on its way out */
	mixed_tick(&m, 6);
	p->dead = true;
	assert_true(mixed_until(&m, 10, "t", SK_RUNNING));
	assert_string_equal(mixed_get(&m, "t")->life.executor, "py1"); /* not there again */
	expect_attempt(2, 0); /* it is not its failure */
	assert_int_equal(p->cancelled, 0);
}

/* Should it live on, it gets tasks again: but not at once, it is probably ending. */
static void
d16_such_a_node_gets_nothing_for_a_while(void **state)
{
	struct py *p = &m.py[0];

	(void)state;
	begin_running(NULL);
	py_worker(p, "t")->end = "-2";
	py_worker(p, "t")->end_ms = m.g.boot_ms + 1;
	assert_true(mixed_until(&m, 3, "t", SK_CREATED));
	mixed_tick(&m, 9);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_CREATED);
	assert_true(mixed_until(&m, 9, "t", SK_RUNNING));
	expect_attempt(2, 0);
}

static void
a_cancel_through_a_controller_of_the_original_is_one(void **state)
{
	struct py *p = &m.py[0];

	(void)state;
	begin_running(NULL);
	mixed_overwrite(&m, "t", SK_CANCELLED);
	mixed_event(&m, SK_TOPIC_CANCEL, "t");
	assert_true(mixed_until(&m, 8, "t", SK_CANCELLED));
	mixed_tick(&m, 10);
	assert_int_equal(p->started, 1);
	assert_false(mixed_get(&m, "t")->disputed);
}

/* ---- cancel, pause, update, timeout ---- */

static void
a_cancel_is_repeated_until_it_is_true(void **state)
{
	struct py *p = &m.py[0];

	(void)state;
	begin_running(NULL);
	py_worker(p, "t")->stubborn = true;
	assert_int_equal(control_rig_change(&m.g, "t", SK_LIFE_CANCEL), SK_OK);
	mixed_tick(&m, 20);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING); /* it may take for ever (N3) */
	assert_int_equal(mixed_get(&m, "t")->life.wanted, SK_WANT_CANCEL);
	assert_in_range(p->cancelled, 5, 9);
	py_worker(p, "t")->stubborn = false;
	assert_true(mixed_until(&m, 6, "t", SK_CANCELLED));
	assert_int_equal(mixed_get(&m, "t")->exit.reason, SK_REASON_CANCELLED);
	expect_attempt(1, 0);
}

static void
a_cancel_is_true_when_the_key_is_gone(void **state)
{
	(void)state;
	begin_running(NULL);
	m.py[0].dead = true;
	assert_int_equal(control_rig_change(&m.g, "t", SK_LIFE_CANCEL), SK_OK);
	mixed_tick(&m, 5);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	assert_true(mixed_until(&m, 15, "t", SK_CANCELLED));
	assert_int_equal(mixed_get(&m, "t")->exit.reason, SK_REASON_CANCELLED);
}

struct refusal {
	bool done;
	enum sk_code code;
	char error[128];
};

static void
refused_page(void *arg, const struct sk_changed *results, size_t n, size_t n_ok)
{
	struct refusal *f = arg;

	(void)n_ok;
	assert_int_equal(n, 1);
	f->code = results[0].code;
	snprintf(f->error, sizeof(f->error), "%s", results[0].error);
}

static void
refused_done(void *arg, enum sk_code code, const struct sk_err *err)
{
	(void)err;
	assert_int_equal(code, SK_OK);
	((struct refusal *)arg)->done = true;
}

static void
a_pause_is_refused_with_a_sentence(void **state)
{
	const char *ids[] = { "t" };
	struct refusal f = { .done = false };
	const struct sk_changes pause = { .kind = SK_CHANGE_PAUSE,
		.ids = ids,
		.n = 1,
		.page = refused_page,
		.done = refused_done,
		.arg = &f };

	(void)state;
	begin_running(NULL);
	sk_changes_run(m.g.control, &pause);
	while (!f.done)
		sk_loop_once(m.g.loop, 10);
	assert_int_equal(f.code, SK_ECONFLICT);
	assert_non_null(strstr(f.error, "cannot pause"));
	assert_int_equal(mixed_get(&m, "t")->life.wanted, SK_WANT_RUN);
}

static void
an_update_is_told_after_it_is_stored(void **state)
{
	(void)state;
	begin_running(NULL);
	sk_control_nudge(m.g.control, SK_TOPIC_UPDATE, mixed_get(&m, "t"));
	mixed_tick(&m, 1);
	assert_int_equal(m.py[0].updated, 1);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
}

static void
a_timeout_stops_it(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *spec = sk_value_new(a, SK_MAP);
	struct sk_record r;

	(void)state;
	begin();
	sk_record_init(&r, a);
	r.id = "t";
	r.class_name = "Job";
	r.life.max_attempts = 1;
	r.create_ms = r.update_ms = r.rank_ms = m.g.now_ms;
	sk_map_set(a, spec, "timeoutSeconds", sk_value_int(a, 8));
	r.spec = spec;
	assert_int_equal(control_rig_add_record(&m.g, &r), SK_OK);
	sk_arena_free(a);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
	mixed_tick(&m, 6);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	assert_true(mixed_until(&m, 8, "t", SK_FAILED));
	assert_int_equal(mixed_get(&m, "t")->exit.reason, SK_REASON_TIMEOUT);
	assert_in_range(m.py[0].cancelled, 1, 2);
}

/* ---- what its program says ---- */

static void
an_error_beside_the_heartbeat_is_shown(void **state)
{
	const char *error = NULL;
	int64_t beat = -1;

	(void)state;
	begin_running(NULL);
	mixed_put(&m, "task:t:has-error", "camera lost", 0);
	mixed_tick(&m, 2);
	assert_true(sk_beats_shown(m.g.control, "t", &beat, &error));
	assert_string_equal(error, "camera lost");
	assert_in_range(beat, 0, 199);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING); /* it is not fatal */
	assert_false(sk_beats_shown(m.g.control, "other", &beat, &error));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_pulse_is_change),
		cmocka_unit_test(what_is_there_after_a_removal_is_new),
		cmocka_unit_test(texts_of_others_become_utf8), T(an_end_tells_where_it_was),
		T(d6_an_old_end_is_removed_before_the_assignment),
		T(d6_a_retry_does_not_take_the_failure_before_it),
		T(a_failure_has_its_exception_and_a_budget), T(d7_what_runs_again_has_no_end_left),
		T(d7_what_others_want_run_again_has_none_either),
		T(n9_an_end_that_a_beat_wrote_over_is_the_failure_it_was),
		T(d9_success_counts_at_once_also_when_it_was_quick),
		T(d9_a_new_controller_leaves_what_runs), T(a_new_controller_has_full_patience),
		T(an_end_while_no_controller_ran_is_taken), T(d8_a_healthy_task_is_never_lost),
		T(d8_zero_is_alive_and_equal_values_are_no_death), T(d8_a_slow_start_is_none),
		T(a_worker_that_vanishes_is_lost_and_runs_again), T(a_value_that_never_expires_is_no_life),
		T(what_is_no_number_is_no_life), T(d11_without_the_cache_nobody_dies),
		T(a_controller_that_slept_loses_nothing), T(who_does_not_lead_judges_nothing),
		T(a_lost_event_is_sent_again), T(one_that_never_starts_is_lost_after_the_grace),
		T(n4_a_dead_worker_in_its_table_is_cleared_first),
		T(n4_a_worker_that_died_at_its_start_is_cleared),
		T(d16_a_node_that_is_stopped_ends_nothing), T(d16_such_a_node_gets_nothing_for_a_while),
		T(a_cancel_through_a_controller_of_the_original_is_one),
		T(a_cancel_is_repeated_until_it_is_true), T(a_cancel_is_true_when_the_key_is_gone),
		T(a_pause_is_refused_with_a_sentence), T(an_update_is_told_after_it_is_stored),
		T(a_timeout_stops_it), T(an_error_beside_the_heartbeat_is_shown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
