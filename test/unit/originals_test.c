/* Nodes of the original as agents: who lives, who gets what. Defects of the original that a
 * controller could inherit are named by their numbers in skalds-protocol.md 11. */
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
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mixed_close(&m);
	return 0;
}

static const struct sk_skald_view *
view_of(const char *id)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(m.g.control, &views);

	for (size_t i = 0; i < n; i++)
		if (strcmp(views[i].row->id, id) == 0)
			return &views[i];
	return NULL;
}

static bool
is_online(const char *id)
{
	const struct sk_skald_view *v = view_of(id);

	return v != NULL && v->online;
}

static void
begin(void)
{
	control_rig_start(&m.g);
	mixed_tick(&m, 9);
}

/* ---- who there is ---- */

static void
a_node_is_an_agent_with_what_its_keys_say(void **state)
{
	const struct sk_skald_view *v;
	struct py *p;

	(void)state;
	p = mixed_py(&m);
	p->classes[1] = "Special";
	begin();
	v = view_of("py0");
	assert_non_null(v);
	assert_true(v->online && v->row->original);
	assert_int_equal(v->row->incarnation, 0);
	assert_int_equal(v->row->slots, 1000);
	assert_int_equal(v->row->mode, SK_MODE_NODE);
	assert_string_equal(v->row->classes[0], "Job");
	assert_string_equal(v->row->classes[1], "Special");
	assert_null(v->row->classes[2]);
}

static void
a_task_runs_there_and_ends(void **state)
{
	const struct sk_record *r;
	struct py *p;

	(void)state;
	p = mixed_py(&m);
	p->run_ms = 9000;
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 5, "t", SK_RUNNING));
	r = mixed_get(&m, "t");
	assert_string_equal(r->life.executor, "py0");
	assert_int_equal(r->life.incarnation, 0);
	assert_int_equal(r->life.attempt, 1);
	assert_int_not_equal(r->start_ms, 0);
	assert_true(mixed_until(&m, 12, "t", SK_FINISHED));
	assert_int_equal(p->started, 1);
	assert_int_equal(p->assigned, 1);
	assert_int_equal(p->cancelled, 0);
	r = mixed_get(&m, "t");
	assert_true(r->exit.known && r->exit.reason == SK_REASON_EXITED && r->exit.code == 0);
	mixed_tick(&m, 5);
	assert_int_equal(view_of("py0")->tasks, 0);
}

static void
what_only_ours_can_do_does_not_go_there(void **state)
{
	static const char *const asks[][2] = { { "cpus", "0.5" }, { "gpus", "1" }, { "zone", "a" },
		{ "user", "nobody" }, { "cwd", "/" }, { "stdin", "x" }, { "array", "0-3" },
		{ "mode", "Active" }, { "mode", "PassiveProcess" }, { "className", "Exec" },
		{ "className", "Special" } };
	const size_t n = sizeof(asks) / sizeof(asks[0]);
	char id[16];

	(void)state;
	mixed_py(&m)->classes[1] = "Exec";
	begin();
	for (size_t i = 0; i < n; i++) {
		const char *pairs[] = { asks[i][0], asks[i][1], NULL };

		if (strcmp(asks[i][0], "cpus") == 0)
			pairs[1] = "1";
		snprintf(id, sizeof(id), "t%zu", i);
		mixed_add(&m, id, pairs);
	}
	mixed_add(&m, "plain", NULL);
	assert_true(mixed_until(&m, 10, "plain", SK_RUNNING));
	for (size_t i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "t%zu", i);
		assert_int_equal(control_rig_phase(&m.g, id), SK_CREATED);
	}
}

static void
an_edge_is_shown_and_gets_nothing(void **state)
{
	(void)state;
	mixed_py(&m)->mode = "edge";
	begin();
	assert_true(is_online("py0"));
	assert_int_equal(view_of("py0")->row->mode, SK_MODE_EDGE);
	mixed_add(&m, "t", NULL);
	mixed_tick(&m, 10);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_CREATED);
}

static void
both_kinds_share_the_work(void **state)
{
	int there = 0;

	(void)state;
	mixed_py(&m);
	mixed_py(&m);
	m.g.run_ms = 600000;
	control_rig_skald(&m.g, 8);
	begin();
	control_rig_add_many(&m.g, "t", 9);
	mixed_tick(&m, 8);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(m.py[i].started, 3);
		there += (int)m.py[i].started;
	}
	assert_int_equal(m.g.sims[0].started, 9 - there);
}

/* ---- D14: modes and clocks ---- */

static void
d14_without_a_mode_it_is_not_used(void **state)
{
	struct py *p;

	(void)state;
	p = mixed_py(&m);
	p->mode = NULL;
	begin();
	mixed_add(&m, "t", NULL);
	mixed_tick(&m, 10);
	assert_int_equal(p->assigned, 0);
	p->mode = "node";
	assert_true(mixed_until(&m, 12, "t", SK_RUNNING));
}

static void
d14_a_changed_mode_is_seen(void **state)
{
	struct py *p;

	(void)state;
	p = mixed_py(&m);
	begin();
	assert_int_equal(view_of("py0")->row->mode, SK_MODE_NODE);
	p->mode = "edge";
	mixed_tick(&m, 5);
	assert_int_equal(view_of("py0")->row->mode, SK_MODE_EDGE);
	mixed_add(&m, "t", NULL);
	mixed_tick(&m, 5);
	assert_int_equal(p->assigned, 0);
	p->mode = NULL; /* neither is one that is gone remembered */
	m.g.cache->ops->put_field(m.g.cache, SK_KEY_MODES, "py0", "node", 4, 1000);
	mixed_tick(&m, 5);
	assert_int_equal(p->assigned, 0);
}

static void
d14_clocks_that_differ_do_not_matter(void **state)
{
	(void)state;
	mixed_py(&m)->skew_ms = -86400000;
	mixed_py(&m)->skew_ms = 86400000;
	begin();
	assert_true(is_online("py0") && is_online("py1"));
	m.py[1].dead = true; /* a time in the future does not keep it alive */
	mixed_tick(&m, 16);
	assert_true(is_online("py0"));
	assert_false(is_online("py1"));
}

static void
d14_a_controller_of_the_original_may_remove_its_keys(void **state)
{
	struct sk_cache *cache = m.g.cache;

	(void)state;
	mixed_py(&m);
	begin();
	for (int i = 0; i < 5; i++) {
		cache->ops->remove_field(cache, SK_KEY_SKALDS, "py0");
		cache->ops->remove(cache, "skalds:py0:all-task");
		cache->ops->remove(cache, "skalds:py0:allow-task-class-name");
		mixed_tick(&m, 1);
		assert_true(is_online("py0"));
		assert_non_null(view_of("py0")->row->classes[0]);
		mixed_tick(&m, 3);
	}
}

static void
nobodys_keys_are_removed(void **state)
{
	(void)state;
	mixed_py(&m);
	begin();
	m.py[0].dead = true;
	mixed_tick(&m, 60);
	assert_false(is_online("py0"));
	assert_string_not_equal(mixed_value(&m, "skalds:py0:all-task"), "");
}

static void
an_old_time_is_no_sign_of_life(void **state)
{
	(void)state;
	m.g.cache->ops->put_field(m.g.cache, SK_KEY_SKALDS, "gone", "1795240371551", 13, 3600000);
	m.g.cache->ops->put_field(m.g.cache, SK_KEY_MODES, "gone", "node", 4, 3600000);
	begin();
	assert_null(view_of("gone")); /* nobody knows what it was */
}

/* ---- D15, D11: the cache is away ---- */

static void
d15_nobody_is_judged_while_the_cache_is_away(void **state)
{
	(void)state;
	mixed_py(&m);
	begin();
	mixed_cache_away(&m, true);
	mixed_tick(&m, 120);
	assert_true(is_online("py0"));
	mixed_add(&m, "t", NULL); /* nothing could be known of it there */
	mixed_tick(&m, 5);
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_CREATED);
	mixed_cache_away(&m, false);
	assert_true(mixed_until(&m, 8, "t", SK_RUNNING));
}

/* A new leader need not wait for the next renewal. */
static void
a_row_is_believed_when_its_keys_move(void **state)
{
	(void)state;
	mixed_row(&m, "py0", 7, 1);
	mixed_py(&m);
	control_rig_start(&m.g);
	mixed_tick(&m, 8);
	assert_true(is_online("py0"));
	assert_false(view_of("py0")->row->original);
	mixed_tick(&m, 60); /* the keys alone are no lease */
	assert_true(!is_online("py0") || view_of("py0")->row->original);
}

static void
a_controller_that_slept_makes_nobody_older(void **state)
{
	(void)state;
	mixed_py(&m);
	begin();
	m.g.boot_ms += 3600000;
	m.g.now_ms += 3600000;
	mixed_tick(&m, 4);
	assert_true(is_online("py0"));
}

/* ---- ours and theirs ---- */

static void
a_row_of_the_store_goes_before_the_keys(void **state)
{
	(void)state;
	mixed_row(&m, "py0", 7, 1);
	mixed_py(&m);
	control_rig_start(&m.g);
	for (uint64_t i = 2; i < 8; i++) {
		mixed_row(&m, "py0", 7, i);
		mixed_tick(&m, 5);
	}
	assert_true(is_online("py0"));
	assert_false(view_of("py0")->row->original);
	assert_int_equal(view_of("py0")->row->slots, 4);
}

static void
a_row_takes_over_and_what_ran_ends_by_its_keys(void **state)
{
	struct py *p;

	(void)state;
	p = mixed_py(&m);
	p->run_ms = 40000;
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
	for (uint64_t i = 1; i < 4; i++) {
		mixed_row(&m, "py0", 7, i);
		mixed_tick(&m, 5);
	}
	assert_false(view_of("py0")->row->original);
	assert_true(is_online("py0"));
	assert_int_equal(control_rig_phase(&m.g, "t"), SK_RUNNING);
	assert_true(mixed_until(&m, 40, "t", SK_FINISHED));
	assert_int_equal(p->started, 1);
	assert_int_equal(mixed_get(&m, "t")->life.attempt, 1);
}

static void
the_id_of_a_dead_one_of_ours_may_be_taken(void **state)
{
	(void)state;
	mixed_row(&m, "py0", 7, 1);
	control_rig_start(&m.g);
	mixed_tick(&m, 60); /* its lease is long over */
	mixed_py(&m);
	mixed_tick(&m, 20);
	assert_true(is_online("py0"));
	assert_true(view_of("py0")->row->original);
	mixed_tick(&m, 20); /* its row is still there */
	assert_true(view_of("py0")->row->original);
	mixed_row(&m, "py0", 8, 1);
	mixed_tick(&m, 5);
	assert_false(view_of("py0")->row->original);
}

/* Its keys count up, one a second: it has lost the store, and is none of the original. */
static void
one_of_ours_without_a_store_is_not_taken_for_theirs(void **state)
{
	char number[32];

	(void)state;
	mixed_row(&m, "c0", 7, 1);
	control_rig_start(&m.g);
	for (int i = 0; i < 90; i++) {
		snprintf(number, sizeof(number), "%lld", (long long)m.g.now_ms);
		m.g.cache->ops->put_field(m.g.cache, SK_KEY_SKALDS, "c0", number, strlen(number), 3600000);
		m.g.cache->ops->put_field(m.g.cache, SK_KEY_MODES, "c0", "node", 4, 3600000);
		snprintf(number, sizeof(number), "%d", i % 200);
		mixed_put(&m, "skalds:c0:heartbeat", number, 8000);
		mixed_tick(&m, 1);
	}
	assert_false(is_online("c0"));
	assert_false(view_of("c0")->row->original);
}

static void
drained(void *arg, enum sk_code code, const struct sk_err *err)
{
	*(enum sk_code *)arg = code;
	assert_non_null(strstr(err->msg, "cannot be drained"));
}

static void
it_cannot_be_drained(void **state)
{
	enum sk_code code = SK_OK;

	(void)state;
	mixed_py(&m);
	begin();
	sk_skalds_drain(m.g.control, "py0", true, drained, &code);
	assert_int_equal(code, SK_ECONFLICT);
}

/* ---- the API ---- */

struct answer {
	bool done;
	int status;
	char body[4096];
};

static void
responded(void *arg, const struct sk_api_response *r)
{
	struct answer *a = arg;

	a->done = true;
	a->status = r->status;
	snprintf(a->body, sizeof(a->body), "%.*s", (int)r->len, r->body);
}

static const char *
ask(const char *path)
{
	static struct answer a;
	const struct sk_api_request req = { .method = "GET",
		.role = SK_ROLE_ADMIN,
		.path = path,
		.query = "",
		.content_type = "",
		.idempotency_key = "",
		.body = "",
		.respond = responded,
		.arg = &a };

	a = (struct answer){ .done = false };
	sk_api_call(m.g.control, &req);
	while (!a.done)
		sk_loop_once(m.g.loop, 10);
	assert_int_equal(a.status, 200);
	return a.body;
}

static void
the_api_shows_them(void **state)
{
	const char *all;

	(void)state;
	mixed_py(&m)->workers[0] = (struct py_worker){ .id = "theirs", .used = true, .dead = true };
	mixed_py(&m)->mode = "edge";
	begin();
	all = ask("/api/skalds/");
	assert_non_null(strstr(all, "\"id\":\"py0\",\"type\":\"node\",\"status\":\"online\""));
	assert_non_null(strstr(all, "\"supportedTasks\":[\"Job\"],\"currentTasks\":[\"theirs\"]"));
	assert_non_null(strstr(all, "\"taskCount\":1"));
	assert_non_null(strstr(all, "\"id\":\"py1\",\"type\":\"edge\""));
	all = ask("/v1/skalds");
	assert_non_null(strstr(all, "\"id\":\"py0\",\"mode\":\"node\",\"state\":\"online\""));
	assert_non_null(strstr(all, "\"original\":true"));
	m.py[0].dead = m.py[1].dead = true;
	mixed_tick(&m, 20);
	all = ask("/api/skalds/");
	assert_non_null(strstr(all, "\"id\":\"py0\",\"type\":\"node\",\"status\":\"offline\""));
}

static void
the_api_shows_what_its_task_writes(void **state)
{
	char key[32];

	(void)state;
	mixed_py(&m);
	begin();
	mixed_add(&m, "t", NULL);
	assert_true(mixed_until(&m, 6, "t", SK_RUNNING));
	mixed_put(&m, "task:t:has-error", "camera lost", 0);
	mixed_tick(&m, 1);
	snprintf(key, sizeof(key), "\"heartbeat\":%s,", mixed_value(&m, "task:t:heartbeat"));
	assert_non_null(strstr(ask("/api/tasks/t"), key));
	assert_non_null(strstr(ask("/api/tasks/t"), "\"error\":\"camera lost\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_node_is_an_agent_with_what_its_keys_say, setup, teardown),
		cmocka_unit_test_setup_teardown(a_task_runs_there_and_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(what_only_ours_can_do_does_not_go_there, setup, teardown),
		cmocka_unit_test_setup_teardown(an_edge_is_shown_and_gets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(both_kinds_share_the_work, setup, teardown),
		cmocka_unit_test_setup_teardown(d14_without_a_mode_it_is_not_used, setup, teardown),
		cmocka_unit_test_setup_teardown(d14_a_changed_mode_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(d14_clocks_that_differ_do_not_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(
			d14_a_controller_of_the_original_may_remove_its_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(nobodys_keys_are_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_time_is_no_sign_of_life, setup, teardown),
		cmocka_unit_test_setup_teardown(
			d15_nobody_is_judged_while_the_cache_is_away, setup, teardown),
		cmocka_unit_test_setup_teardown(a_row_is_believed_when_its_keys_move, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_controller_that_slept_makes_nobody_older, setup, teardown),
		cmocka_unit_test_setup_teardown(a_row_of_the_store_goes_before_the_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_row_takes_over_and_what_ran_ends_by_its_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(the_id_of_a_dead_one_of_ours_may_be_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_of_ours_without_a_store_is_not_taken_for_theirs, setup, teardown),
		cmocka_unit_test_setup_teardown(it_cannot_be_drained, setup, teardown),
		cmocka_unit_test_setup_teardown(the_api_shows_them, setup, teardown),
		cmocka_unit_test_setup_teardown(the_api_shows_what_its_task_writes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
