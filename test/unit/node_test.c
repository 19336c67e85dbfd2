/* node_test.c - assignments become starts, reports become stored ends, wishes become stops: each way
 * through the node, with a supervisor played by the test. */
#include "test/unit/node_rig.h"
#include "core/base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct nr rig;

static int
set_up(void **state)
{
	*state = &rig;
	nr_open(&rig);
	return 0;
}

static int
tear_down(void **state)
{
	nr_close(*state);
	return 0;
}

static bool
has_env(const struct nr_frame *f, const char *entry)
{
	for (const char **e = f->start.env; *e != NULL; e++)
		if (strcmp(*e, entry) == 0)
			return true;
	return false;
}

/* ---- start ---- */

static void
it_registers_with_an_incarnation_made_of_the_run(void **state)
{
	struct nr *r = *state;
	struct sk_op_skald_list list = { .op = { .kind = SK_OP_SKALD_LIST, .arena = r->arena } };

	nr_start(r);
	assert_int_equal(nr_await(r, SK_F_CONFIG, NULL)->number, 4);
	assert_int_equal(sk_store_wait(r->st.inner, r->loop, &list.op), SK_OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.skalds[0]->id, "n1");
	assert_int_equal(list.skalds[0]->incarnation, nr_incarnation(r));
	assert_int_equal(list.skalds[0]->slots, 4);
	assert_string_equal(list.skalds[0]->classes[0], "Job");
	assert_string_equal(list.skalds[0]->classes[1], "Plain");
	assert_null(list.skalds[0]->classes[2]);
	nr_await_event(r, SK_EVENT_SKALD, "");
}

/* The rig has four slots: what is beyond them may be handed back. */
static void
only_what_is_ahead_of_a_slot_is_returnable(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	for (int i = 0; i < 6; i++) {
		char id[4];

		snprintf(id, sizeof(id), "t%d", i);
		f = nr_given(r, id, "{}");
		assert_int_equal(f->start.returnable, i >= 4);
		if (i == 5)
			nr_exited(r, f, SK_REASON_INTERRUPTED, 0);
	}
	nr_await_event(r, SK_EVENT_INTERRUPTED, "t5");
	assert_int_equal(nr_get(r, "t5")->life.phase, SK_CREATED);
	assert_int_equal(nr_get(r, "t5")->life.failures, 0);
}

/* Those that it had before its own death count. */
static void
slots_are_known_again_after_the_hubs_death(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	struct sk_task_report reps[4];
	uint64_t keys[4];
	char ids[4][4];

	nr_start(r);
	for (int i = 0; i < 4; i++) {
		snprintf(ids[i], sizeof(ids[i]), "t%d", i);
		f = nr_given(r, ids[i], "{}");
		assert_false(f->start.returnable);
		keys[i] = f->key;
		nr_started(r, f);
		nr_phase(r, ids[i], SK_RUNNING);
		reps[i] = (struct sk_task_report){ .id = ids[i],
			.class_name = "Job",
			.state = SK_T_RUNNING,
			.spec_hash = f->start.spec_hash,
			.start_ms = sk_wall_ms(),
			.start_boot_ms = sk_boot_ms(),
			.message = "" };
	}
	nr_reborn(r);
	nr_hello(r);
	for (int i = 0; i < 4; i++)
		nr_known(r, keys[i], 1, 2, &reps[i]);
	nr_told(r);
	assert_true(nr_given(r, "t4", "{}")->start.returnable);
}

static void
an_assigned_task_is_started_as_its_record_says(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a",
		"{\"timeoutSeconds\":7,\"graceSeconds\":2.5,\"cwd\":\"/tmp\",\"user\":\"nobody\","
		"\"resources\":{\"memoryMb\":64},\"env\":{\"A\":\"1\",\"B\":\"x y\"},"
		"\"attachments\":{\"n\":1}}");
	assert_int_equal(f->attempt, 1);
	assert_string_equal(f->start.id, "a");
	assert_string_equal(f->start.class_name, "Job");
	assert_int_equal(f->start.timeout_ms, 7000);
	assert_int_equal(f->start.grace_ms, 2500);
	assert_int_equal(f->start.memory_mb, 64);
	assert_string_equal(f->start.cwd, "/tmp");
	assert_string_equal(f->start.user, "nobody");
	assert_false(f->start.reusable);
	assert_true(has_env(f, "A=1") && has_env(f, "B=x y") && has_env(f, "OWN=1"));
	assert_string_equal(f->start.env[2], "OWN=1"); /* the class's own win: they come later */
}

static void
make_plain(struct sk_record *rec)
{
	rec->class_name = "Plain";
	rec->array_parent = "p";
	rec->array_index = 7;
}

static void
elements_of_arrays_know_their_index(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	nr_task_with(r, "p.7", NULL, make_plain);
	nr_assign(r, "p.7");
	f = nr_await(r, SK_F_START, "p.7");
	assert_true(has_env(f, "SKALDS_TASK_INDEX=7"));
	assert_true(f->start.reusable); /* a class that is */
}

static void
other_executor(struct sk_record *rec)
{
	snprintf(rec->life.executor, sizeof(rec->life.executor), "n2");
}
static void
other_incarnation(struct sk_record *rec)
{
	rec->life.incarnation++;
}
static void
is_created(struct sk_record *rec)
{
	rec->life.phase = SK_CREATED;
}

static void
what_the_store_has_for_others_is_not_started(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_task_with(r, "a", NULL, other_executor);
	nr_task_with(r, "b", NULL, other_incarnation);
	nr_task_with(r, "c", NULL, is_created);
	nr_assign(r, "a");
	nr_assign(r, "b");
	nr_assign(r, "c");
	nr_assign(r, "not there");
	nr_run(r, 300); /* a look at the store too */
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_ASSIGNING);
}

static void
all_assignments_of_a_round_are_read_at_once(void **state)
{
	struct nr *r = *state;
	size_t before;
	char id[8];

	r->cfg.reconcile_ms = 60000;
	nr_start(r);
	nr_run(r, 20);
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		nr_task(r, sk_arena_strdup(r->arena, id), NULL);
	}
	before = r->st.n_gets;
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		nr_assign(r, id);
		nr_assign(r, id); /* doubled on the way */
	}
	nr_run(r, 100);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 100);
	/* one for all; those that came twice are looked at once more */
	assert_in_range(r->st.n_gets - before, 1, 4);
}

static void
what_cannot_be_started_ends_as_start_failed(void **state)
{
	static const char *const ids[] = { "bad", "huge", "odd", "class" };
	struct nr *r = *state;
	const struct sk_record *rec;

	nr_start(r);
	nr_task(r, "bad", "{\"attachments\":{\"bad\":1}}");
	nr_task(r, "huge", "{\"attachments\":{\"huge\":1}}");
	nr_task(r, "odd", "{\"timeoutSeconds\":\"soon\"}");
	nr_task_with(r, "class", NULL, make_plain);
	nr_change(r, "class", 0, is_created); /* no bits: nothing changes */
	for (size_t i = 0; i < 3; i++)
		nr_assign(r, ids[i]);
	rec = nr_phase(r, "bad", SK_CREATED);
	assert_int_equal(rec->exit.reason, SK_REASON_START_FAILED);
	assert_string_equal(rec->exit.message, "attachments.bad: unknown");
	assert_int_equal(rec->life.failures, 1);
	assert_int_equal(rec->gate, SK_GATE_TIME);
	assert_non_null(strstr(nr_phase(r, "huge", SK_CREATED)->exit.message, "too large"));
	assert_non_null(strstr(nr_phase(r, "odd", SK_CREATED)->exit.message, "timeoutSeconds"));
	assert_int_equal(nr_count(r, SK_F_START, "bad"), 0);
	assert_int_equal(nr_count(r, SK_F_FORGET, NULL), 0); /* the supervisor never knew them */
}

static void
no_such_class(struct sk_record *rec)
{
	rec->class_name = "Gone";
}

static void
a_class_that_this_build_lacks_is_named(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_task_with(r, "a", NULL, no_such_class);
	nr_assign(r, "a");
	assert_string_equal(
		nr_phase(r, "a", SK_CREATED)->exit.message, "this build has no worker class Gone");
}

static void
two_ids_with_one_hash_have_keys_of_their_own(void **state)
{
	static const char *const ids[] = { "8yn0iYCKYHlIj4-BwPqk", "GReLUrM4wMqfg9yzV3KQ" };
	struct nr *r = *state;
	const struct nr_frame *f[2];

	nr_start(r);
	f[0] = nr_given(r, ids[0], NULL);
	f[1] = nr_given(r, ids[1], NULL);
	assert_int_equal(f[0]->key + 1, f[1]->key); /* the hash is the same indeed */
	nr_exited(r, f[0], SK_REASON_EXITED, 0);
	nr_phase(r, ids[0], SK_FINISHED);
	nr_want(r, ids[1], SK_LIFE_CANCEL);
	assert_int_equal(nr_await(r, SK_F_STOP, ids[1])->key, f[1]->key);
	nr_exited(r, f[1], SK_REASON_CANCELLED, 143);
	nr_phase(r, ids[1], SK_CANCELLED);
	nr_await(r, SK_F_FORGET, ids[0]);
	nr_await(r, SK_F_FORGET, ids[1]);
}

/* ---- gpus ---- */

static void
gpus_are_given_by_number_and_waited_for(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *a, *b;

	nr_start(r);
	a = nr_given(r, "a", "{\"resources\":{\"gpus\":1}}");
	assert_true(has_env(a, "CUDA_VISIBLE_DEVICES=0"));
	nr_task(r, "b", "{\"resources\":{\"gpus\":2}}");
	nr_assign(r, "b");
	nr_task(r, "c", "{\"resources\":{\"gpus\":3}}");
	nr_assign(r, "c");
	assert_non_null(strstr(nr_phase(r, "c", SK_CREATED)->exit.message, "gpus"));
	nr_run(r, 250);
	assert_int_equal(nr_count(r, SK_F_START, "b"), 0); /* one is taken */
	nr_started(r, a);
	nr_exited(r, a, SK_REASON_EXITED, 0);
	b = nr_await(r, SK_F_START, "b");
	assert_true(has_env(b, "CUDA_VISIBLE_DEVICES=0,1"));
	nr_exited(r, b, SK_REASON_EXITED, 0);
	nr_phase(r, "b", SK_FINISHED);
}

static void
a_task_that_waits_for_gpus_can_be_cancelled(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_given(r, "a", "{\"resources\":{\"gpus\":2}}");
	nr_task(r, "b", "{\"resources\":{\"gpus\":1}}");
	nr_assign(r, "b");
	nr_run(r, 50);
	nr_want(r, "b", SK_LIFE_CANCEL);
	nr_phase(r, "b", SK_CANCELLED);
	assert_int_equal(nr_count(r, SK_F_START, "b"), 0);
}

static void
cards_are_known_again_after_the_hubs_death(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *a;
	struct sk_task_report rep;

	nr_start(r);
	a = nr_given(r, "a", "{\"resources\":{\"gpus\":1}}");
	nr_started(r, a);
	nr_phase(r, "a", SK_RUNNING);
	rep = (struct sk_task_report){ .id = "a",
		.class_name = "Job",
		.state = SK_T_RUNNING,
		.failures = a->start.failures,
		.spec_hash = a->start.spec_hash,
		.start_ms = sk_wall_ms(),
		.start_boot_ms = sk_boot_ms(),
		.message = "" };
	nr_reborn(r);
	nr_hello(r);
	nr_known(r, a->key, 1, 2, &rep);
	nr_told(r);
	assert_true(
		has_env(nr_given(r, "b", "{\"resources\":{\"gpus\":1}}"), "CUDA_VISIBLE_DEVICES=1"));
}

/* ---- ends ---- */

static void
running_is_stored_when_it_runs_on(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_ASSIGNING);
	nr_started(r, f);
	assert_true(nr_phase(r, "a", SK_RUNNING)->start_ms > 0);
	nr_await_event(r, SK_EVENT_STARTED, "a");
	nr_exited(r, f, SK_REASON_EXITED, 0);
	assert_true(nr_phase(r, "a", SK_FINISHED)->finish_ms > 0);
	nr_await_event(r, SK_EVENT_FINISHED, "a");
	assert_int_equal(nr_attempts(r, "a")->n, 0); /* nothing to tell */
}

static void
a_short_task_is_one_write(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	size_t before;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	before = r->st.n_moved;
	nr_started(r, f);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_phase(r, "a", SK_FINISHED);
	assert_int_equal(r->st.n_moved - before, 1);
	assert_true(nr_get(r, "a")->start_ms > 0);
	nr_await_event(r, SK_EVENT_FINISHED, "a");
	assert_int_equal(nr_count_events(r, SK_EVENT_STARTED, "a"), 1);
}

static void
an_end_without_a_start_before_it_is_both(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_exited(r, f, SK_REASON_EXITED, 0); /* says when it began */
	assert_true(nr_phase(r, "a", SK_FINISHED)->start_ms > 0);
	nr_await_event(r, SK_EVENT_STARTED, "a");
}

static void
many_reports_are_one_operation(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f[200];
	size_t ops, moved;
	char id[8];

	r->cfg.reconcile_ms = 60000;
	nr_start(r);
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		f[i] = nr_given(r, sk_arena_strdup(r->arena, id), NULL);
	}
	nr_run(r, 30);
	ops = r->st.n_moves;
	moved = r->st.n_moved;
	for (int i = 0; i < 200; i++)
		nr_exited(r, f[i], SK_REASON_EXITED, 0);
	nr_phase(r, "t199", SK_FINISHED);
	nr_run(r, 20);
	assert_int_equal(r->st.n_moved - moved, 200);
	assert_in_range(r->st.n_moves - ops, 1, 3); /* as the frames came in */
}

static void
nothing_is_settled_before_the_commit(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	r->st.hold_moves = true;
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_run(r, 100);
	assert_int_equal(nr_count(r, SK_F_FORGET, NULL), 0);
	assert_int_equal(nr_count_events(r, SK_EVENT_FINISHED, "a"), 0);
	nr_let_go(r);
	nr_await(r, SK_F_FORGET, "a");
	nr_await_event(r, SK_EVENT_FINISHED, "a");
	nr_run(r, 250);
	assert_int_equal(nr_count(r, SK_F_FORGET, NULL), 1);
	assert_int_equal(nr_count_events(r, SK_EVENT_FINISHED, "a"), 1);
}

static const struct ending {
	enum sk_reason reason;
	int code;
	enum sk_phase phase;
	uint32_t failures;
	enum sk_event_kind event;
	const char *told; /* with the event */
} endings[] = {
	{ SK_REASON_EXITED, 0, SK_FINISHED, 0, SK_EVENT_FINISHED, "" },
	{ SK_REASON_EXITED, 1, SK_CREATED, 1, SK_EVENT_RETRYING, "exited with code 1" },
	{ SK_REASON_EXITED, 75, SK_CREATED, 1, SK_EVENT_RETRYING, "exited with code 75" },
	{ SK_REASON_SIGNALED, 139, SK_CREATED, 1, SK_EVENT_RETRYING, "killed by signal 11" },
	{ SK_REASON_OOM, 137, SK_CREATED, 1, SK_EVENT_RETRYING, "out of memory" },
	{ SK_REASON_TIMEOUT, 143, SK_CREATED, 1, SK_EVENT_RETRYING, "timed out" },
	{ SK_REASON_START_FAILED, 127, SK_CREATED, 1, SK_EVENT_RETRYING, "" },
	{ SK_REASON_INTERRUPTED, 143, SK_CREATED, 0, SK_EVENT_INTERRUPTED, "" },
};

static void
every_end_is_what_it_was(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		const struct ending *e = &endings[i];
		const char *id = sk_arena_printf(r->arena, "t%zu", i);
		const struct nr_frame *f = nr_given(r, id, "{\"backoffSeconds\":100}");
		const struct sk_record *rec;
		int64_t now = sk_wall_ms();

		nr_exited(r, f, e->reason, e->code);
		rec = nr_phase(r, id, e->phase);
		assert_int_equal(rec->life.failures, e->failures);
		assert_int_equal(rec->exit.reason, e->reason);
		assert_int_equal(rec->exit.code, e->code);
		assert_string_equal(rec->life.executor, sk_phase_final(e->phase) ? "n1" : "");
		assert_int_equal(rec->gate, e->failures > 0 ? SK_GATE_TIME : SK_GATE_OPEN);
		if (e->failures > 0)
			assert_in_range(rec->due_ms, now + 75000, now + 126000);
		nr_await_event(r, e->event, id);
		assert_string_equal(r->events[r->n_events - 1].message, e->told);
		nr_await(r, SK_F_FORGET, id);
		assert_int_equal(nr_attempts(r, id)->n, e->phase == SK_FINISHED ? 0 : 1);
	}
}

static void
spent(struct sk_record *rec)
{
	rec->life.failures = 2;
	rec->life.attempt = 5;
}

static void
a_spent_budget_is_the_end(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	nr_task_with(r, "a", NULL, spent);
	nr_assign(r, "a");
	f = nr_await(r, SK_F_START, "a");
	assert_int_equal(f->attempt, 5);
	nr_exited(r, f, SK_REASON_EXITED, 3);
	assert_int_equal(nr_phase(r, "a", SK_FAILED)->life.failures, 3);
	nr_await_event(r, SK_EVENT_FAILED, "a");
	assert_int_equal(nr_attempts(r, "a")->attempts[0].attempt, 5);
	assert_int_equal(nr_attempts(r, "a")->attempts[0].max_rss_kb, 1234);
	assert_int_equal(nr_attempts(r, "a")->attempts[0].cpu_ms, 56);
}

static void
a_deadline_limits_the_time_and_is_the_end(void **state)
{
	struct nr *r = *state;
	int64_t deadline = sk_wall_ms() + 150;
	const char *spec = sk_arena_printf(
		r->arena, "{\"timeoutSeconds\":60,\"deadlineDateTime\":%lld}", (long long)deadline);
	const struct nr_frame *f;
	const struct sk_record *rec;

	nr_start(r);
	f = nr_given(r, "a", spec);
	assert_in_range(f->start.timeout_ms, 1, 150);
	nr_started(r, f);
	nr_run(r, 170);
	nr_exited(r, f, SK_REASON_TIMEOUT, 143);
	rec = nr_phase(r, "a", SK_FAILED); /* no other try: it would be too late */
	assert_int_equal(rec->exit.reason, SK_REASON_TIMEOUT);
	assert_string_equal(rec->exit.message, "its deadline passed while it ran");
	/* one that comes too late is not started at all */
	nr_task(r, "b", spec);
	nr_assign(r, "b");
	rec = nr_phase(r, "b", SK_FAILED);
	assert_string_equal(rec->exit.message, "its deadline passed before it could start");
	assert_int_equal(nr_count(r, SK_F_START, "b"), 0);
	/* and a timeout that comes first stays one */
	f = nr_given(r, "c",
		sk_arena_printf(r->arena, "{\"timeoutSeconds\":1,\"deadlineDateTime\":%lld}",
			(long long)(sk_wall_ms() + 60000)));
	assert_int_equal(f->start.timeout_ms, 1000);
	nr_exited(r, f, SK_REASON_TIMEOUT, 143);
	assert_string_equal(nr_phase(r, "c", SK_CREATED)->exit.message, "");
}

static void
results_and_messages_are_kept(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	const struct sk_record *rec;
	struct sk_task_report rep = { .id = "a",
		.class_name = "Job",
		.state = SK_T_ENDED,
		.start_ms = 1,
		.start_boot_ms = 1,
		.end_ms = 2,
		.end_boot_ms = 2,
		.message = "so it was",
		.result = "a\0b",
		.result_len = 3 };

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_report(r, SK_F_EXITED, f->key, f->attempt, &rep);
	rec = nr_phase(r, "a", SK_FINISHED);
	assert_int_equal(rec->result_len, 3);
	assert_memory_equal(rec->result, "a\0b", 3);
	assert_string_equal(rec->exit.message, "so it was");
	assert_int_equal(rec->start_ms, 1);
	assert_int_equal(rec->finish_ms, 2);
	assert_int_equal(nr_attempts(r, "a")->n, 1); /* its result would be overwritten by a retry */
}

static void
reports_of_others_change_nothing(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;
	struct nr_frame old;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	old = *f;
	old.attempt = 9;
	nr_started(r, &old);
	assert_int_equal(nr_await(r, SK_F_STOP, NULL)->number, SK_REASON_LOST);
	nr_exited(r, &old, SK_REASON_EXITED, 0);
	assert_int_equal(nr_await(r, SK_F_FORGET, NULL)->attempt, 9);
	nr_run(r, 50);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_ASSIGNING);
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_exited(r, f, SK_REASON_EXITED, 1); /* told again: it was settled */
	nr_phase(r, "a", SK_FINISHED);
	nr_run(r, 50);
	assert_int_equal(nr_get(r, "a")->exit.code, 0);
}

/* ---- progress ---- */

static void
say_progress(struct nr *r, const struct nr_frame *f, double value, const char *stage)
{
	struct sk_str p = SK_STR_INIT;

	sk_put_f64(&p, value);
	sk_put_text(&p, stage);
	nr_say(r, SK_F_PROGRESS, f->key, f->attempt, &p);
	sk_str_release(&p);
}

static bool
is_half(struct nr *r, const void *arg)
{
	const struct sk_record *rec = nr_get(r, arg);

	return rec->progress > 0.49 && rec->progress < 0.51;
}

static void
progress_is_told_at_once_and_stored_now_and_then(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	say_progress(r, f, 0.25, "load");
	nr_await_event(r, SK_EVENT_PROGRESS, "a");
	assert_true(nr_get(r, "a")->progress < 0.01); /* not yet */
	say_progress(r, f, 0.5, "work");
	assert_true(nr_until(r, is_half, "a"));
	assert_string_equal(nr_get(r, "a")->stage, "work");
	say_progress(r, f, 0.75, "work");
	nr_run(r, 600);
	assert_true(is_half(r, "a")); /* two seconds have not passed */
	nr_exited(r, f, SK_REASON_EXITED, 0);
	assert_true(nr_phase(r, "a", SK_FINISHED)->progress > 0.7); /* the end has the last */
}

/* ---- wishes ---- */

static void
a_cancelled_task_is_stopped_and_cancelled_when_it_is_gone(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f, *stop;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	nr_want(r, "a", SK_LIFE_CANCEL);
	stop = nr_await(r, SK_F_STOP, "a");
	assert_int_equal(stop->number, SK_REASON_CANCELLED);
	assert_int_equal(stop->grace_ms, SK_OWN_GRACE);
	nr_run(r, 450); /* it is asked once, whatever the looks at the store see */
	assert_int_equal(nr_count(r, SK_F_STOP, "a"), 1);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_RUNNING);
	nr_exited(r, f, SK_REASON_CANCELLED, 143);
	assert_int_equal(nr_phase(r, "a", SK_CANCELLED)->exit.reason, SK_REASON_CANCELLED);
	nr_await_event(r, SK_EVENT_CANCELLED, "a");
}

static void
a_cancel_without_an_event_is_found_in_the_store(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	r->deaf = true;
	nr_want(r, "a", SK_LIFE_CANCEL);
	assert_int_equal(nr_await(r, SK_F_STOP, "a")->number, SK_REASON_CANCELLED);
}

static void
a_cancel_before_the_start_needs_no_process(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_task(r, "a", NULL);
	nr_want(r, "a", SK_LIFE_CANCEL);
	nr_assign(r, "a");
	nr_phase(r, "a", SK_CANCELLED);
	assert_int_equal(nr_count(r, SK_F_START, NULL), 0);
}

static void
a_cancel_that_crosses_the_end_is_not_lost(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	r->st.hold_moves = true;
	nr_exited(r, f, SK_REASON_EXITED, 1);
	nr_run(r, 30);
	nr_want(r, "a", SK_LIFE_CANCEL); /* after the node made up its mind, before it is stored */
	nr_let_go(r);
	/* not tried again: somebody wants it gone */
	assert_int_equal(nr_phase(r, "a", SK_CANCELLED)->exit.code, 1);
	nr_await(r, SK_F_FORGET, "a");
}

static void
a_cancel_while_running_is_stored_is_not_lost(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	r->cfg.reconcile_ms = 60000;
	nr_start(r);
	f = nr_given(r, "a", NULL);
	r->st.hold_moves = true;
	nr_started(r, f);
	nr_run(r, 50);
	nr_want(r, "a", SK_LIFE_CANCEL);
	nr_run(r, 50); /* the node has read the wish while its own write is on the way */
	nr_let_go(r);
	assert_int_equal(nr_await(r, SK_F_STOP, "a")->number, SK_REASON_CANCELLED);
}

static void
who_ended_well_before_the_cancel_has_finished(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_want(r, "a", SK_LIFE_CANCEL);
	nr_await(r, SK_F_STOP, "a");
	nr_exited(r, f, SK_REASON_EXITED, 0);
	nr_phase(r, "a", SK_FINISHED);
}

static void
say_paused(struct nr *r, const struct nr_frame *f, enum sk_frame_type type, bool good)
{
	struct sk_str p = SK_STR_INIT;

	sk_put_u32(&p, good);
	sk_put_text(&p, good ? "" : "it is being stopped");
	nr_say(r, type, f->key, f->attempt, &p);
	sk_str_release(&p);
}

static void
a_task_is_paused_when_it_is_frozen(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	nr_want(r, "a", SK_LIFE_PAUSE);
	nr_await(r, SK_F_PAUSE, "a");
	nr_run(r, 250);
	assert_int_equal(nr_get(r, "a")->life.phase, SK_RUNNING);
	say_paused(r, f, SK_F_PAUSED, true);
	nr_phase(r, "a", SK_PAUSED);
	nr_await_event(r, SK_EVENT_PAUSED, "a");
	nr_want(r, "a", SK_LIFE_RESUME);
	nr_await(r, SK_F_RESUME, "a");
	say_paused(r, f, SK_F_RESUMED, true);
	nr_phase(r, "a", SK_RUNNING);
	nr_await_event(r, SK_EVENT_RESUMED, "a");
	assert_int_equal(nr_count(r, SK_F_PAUSE, "a"), 1);
	assert_int_equal(nr_count(r, SK_F_RESUME, "a"), 1);
}

static void
a_pause_waits_for_the_start(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_want(r, "a", SK_LIFE_PAUSE);
	nr_run(r, 50);
	assert_int_equal(nr_count(r, SK_F_PAUSE, "a"), 0);
	nr_started(r, f);
	nr_await(r, SK_F_PAUSE, "a");
	say_paused(r, f, SK_F_PAUSED, true);
	nr_phase(r, "a", SK_PAUSED);
}

static void
a_pause_before_the_assignment_arrives_hands_it_back(void **state)
{
	struct nr *r = *state;

	nr_start(r);
	nr_task(r, "a", NULL);
	r->deaf = true;
	nr_want(r, "a", SK_LIFE_PAUSE);
	r->deaf = false;
	nr_assign(r, "a");
	assert_int_equal(nr_phase(r, "a", SK_CREATED)->life.wanted, SK_WANT_PAUSE);
	assert_int_equal(nr_get(r, "a")->life.failures, 0);
}

static void
a_paused_task_can_be_cancelled(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", NULL);
	nr_started(r, f);
	nr_want(r, "a", SK_LIFE_PAUSE);
	nr_await(r, SK_F_PAUSE, "a");
	say_paused(r, f, SK_F_PAUSED, true);
	nr_phase(r, "a", SK_PAUSED);
	nr_want(r, "a", SK_LIFE_CANCEL);
	nr_await(r, SK_F_STOP, "a");
	nr_exited(r, f, SK_REASON_CANCELLED, 137);
	nr_phase(r, "a", SK_CANCELLED);
}

static void
new_attachments(struct sk_record *rec)
{
	struct sk_value *spec = sk_value_new(rig.arena, SK_MAP), *att = sk_value_new(rig.arena, SK_MAP);

	sk_map_set(rig.arena, att, "n", sk_value_int(rig.arena, 2));
	sk_map_set(rig.arena, spec, "attachments", att);
	rec->spec = spec;
}

static void
say_updated(struct nr *r, const struct nr_frame *f, bool good)
{
	struct sk_str p = SK_STR_INIT;

	sk_put_u32(&p, good);
	sk_put_text(&p, good ? "" : "n: too small");
	nr_say(r, SK_F_UPDATED, f->key, f->attempt, &p);
	sk_str_release(&p);
}

static void
new_attachments_reach_a_running_task_once(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f, *u;
	struct sk_frame frame;
	struct sk_reader rd;
	size_t n;
	const void *bytes;
	struct sk_err err;
	const struct sk_value *v;

	nr_start(r);
	f = nr_given(r, "a", "{\"attachments\":{\"n\":1}}");
	nr_started(r, f);
	nr_phase(r, "a", SK_RUNNING);
	nr_change(r, "a", SK_SET_ATTACHMENTS, new_attachments);
	u = nr_await(r, SK_F_UPDATE, "a"); /* found by looking */
	frame = (struct sk_frame){ .data = u->start.attachments, .len = u->start.attachments_len };
	rd = sk_reader_of(&frame);
	bytes = sk_get_bytes(&rd, &n);
	v = sk_value_decode(r->arena, bytes, n, &err);
	assert_int_equal(sk_map_get(v, "n")->u.i, 2);
	nr_run(r, 450);
	assert_int_equal(nr_count(r, SK_F_UPDATE, "a"), 1);
	say_updated(r, f, true);
	nr_await_event(r, SK_EVENT_UPDATED, "a");
	assert_int_equal(nr_count_events(r, SK_EVENT_UPDATED, "a"), 1);
}

static void
an_update_while_running_is_stored_is_not_lost(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	r->cfg.reconcile_ms = 60000;
	nr_start(r);
	f = nr_given(r, "a", "{\"attachments\":{\"n\":1}}");
	r->st.hold_moves = true;
	nr_started(r, f);
	nr_run(r, 50);
	nr_change(r, "a", SK_SET_ATTACHMENTS, new_attachments);
	nr_announce_update(r, "a");
	nr_run(r, 50); /* it is read while the node's own write is on the way */
	nr_let_go(r);
	nr_await(r, SK_F_UPDATE, "a");
}

static void
an_update_before_the_start_is_sent_behind_it(void **state)
{
	struct nr *r = *state;
	const struct nr_frame *f;

	nr_start(r);
	f = nr_given(r, "a", "{\"attachments\":{\"n\":1}}");
	nr_change(r, "a", SK_SET_ATTACHMENTS, new_attachments);
	nr_run(r, 250);
	assert_int_equal(nr_count(r, SK_F_UPDATE, "a"), 0);
	nr_started(r, f);
	nr_await(r, SK_F_UPDATE, "a");
	say_updated(r, f, false); /* refused: nobody is told that it was updated */
	nr_run(r, 250);
	assert_int_equal(nr_count_events(r, SK_EVENT_UPDATED, "a"), 0);
	assert_int_equal(nr_count(r, SK_F_UPDATE, "a"), 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(it_registers_with_an_incarnation_made_of_the_run),
		T(only_what_is_ahead_of_a_slot_is_returnable),
		T(slots_are_known_again_after_the_hubs_death),
		T(an_assigned_task_is_started_as_its_record_says),
		T(elements_of_arrays_know_their_index),
		T(what_the_store_has_for_others_is_not_started),
		T(all_assignments_of_a_round_are_read_at_once),
		T(what_cannot_be_started_ends_as_start_failed),
		T(a_class_that_this_build_lacks_is_named),
		T(two_ids_with_one_hash_have_keys_of_their_own),
		T(gpus_are_given_by_number_and_waited_for),
		T(a_task_that_waits_for_gpus_can_be_cancelled),
		T(cards_are_known_again_after_the_hubs_death),
		T(running_is_stored_when_it_runs_on),
		T(a_short_task_is_one_write),
		T(an_end_without_a_start_before_it_is_both),
		T(many_reports_are_one_operation),
		T(nothing_is_settled_before_the_commit),
		T(every_end_is_what_it_was),
		T(a_spent_budget_is_the_end),
		T(a_deadline_limits_the_time_and_is_the_end),
		T(results_and_messages_are_kept),
		T(reports_of_others_change_nothing),
		T(progress_is_told_at_once_and_stored_now_and_then),
		T(a_cancelled_task_is_stopped_and_cancelled_when_it_is_gone),
		T(a_cancel_without_an_event_is_found_in_the_store),
		T(a_cancel_before_the_start_needs_no_process),
		T(a_cancel_that_crosses_the_end_is_not_lost),
		T(a_cancel_while_running_is_stored_is_not_lost),
		T(who_ended_well_before_the_cancel_has_finished),
		T(a_task_is_paused_when_it_is_frozen),
		T(a_pause_waits_for_the_start),
		T(a_pause_before_the_assignment_arrives_hands_it_back),
		T(a_paused_task_can_be_cancelled),
		T(new_attachments_reach_a_running_task_once),
		T(an_update_while_running_is_stored_is_not_lost),
		T(an_update_before_the_start_is_sent_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
