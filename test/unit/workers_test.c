/* workers_test.c - the classes that are compiled in, each in its own process. */
#include "test/unit/worker_rig.h"
#include "workers/registry.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- MyWorker ---- */

static void
my_worker(struct rig *r, const char *url, int64_t frame, int64_t steps, double interval_s)
{
	rig_init(r, "MyWorker");
	rig_set_text(r, "rtspUrl", url);
	rig_set_int(r, "fixFrame", frame);
	rig_set_int(r, "steps", steps);
	rig_set(r, "intervalSeconds", rig_number(r, interval_s));
}

static void
my_worker_logs_both_values_in_each_step(void **state)
{
	struct rig r;

	(void)state;
	my_worker(&r, "rtsp://192.168.1.1/camera1", 30, 25, 0);
	rig_run(&r);
	assert_int_equal(rig_code(&r), 0);
	assert_int_equal(rig_count(&r, "RTSP URL: rtsp://192.168.1.1/camera1, Fix Frame: 30"), 25);
	assert_true(rig_logged(&r, "step 25 of 25"));
	assert_int_equal(rig_count(&r, "released RTSP URL"), 1);
	assert_true(r.progress == 1.0);
	assert_string_equal(r.failure, "");
	rig_release(&r);
}

static void
my_worker_takes_the_attribute_names_too(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "MyWorker");
	rig_set_text(&r, "rtsp_url", "rtsp://a/b");
	rig_set_int(&r, "fix_frame", 10);
	rig_set_int(&r, "steps", 1);
	rig_set_int(&r, "interval_s", 0);
	rig_run(&r);
	assert_int_equal(rig_code(&r), 0);
	assert_true(rig_logged(&r, "RTSP URL: rtsp://a/b, Fix Frame: 10"));
	rig_release(&r);
}

static void
my_worker_runs_3000_steps_of_a_second_unless_told(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "MyWorker");
	rig_set_text(&r, "rtspUrl", "rtsp://a/b");
	rig_set_int(&r, "fixFrame", 10);
	r.when = "step 1 of 3000";
	r.signal = SIGTERM;
	rig_run(&r);
	assert_int_equal(rig_code(&r), 128 + SIGTERM);
	assert_true(rig_logged(&r, "step 1 of 3000"));
	assert_false(rig_logged(&r, "step 2 of"));
	rig_release(&r);
}

static void
my_worker_stops_in_its_sleep_and_releases(void **state)
{
	struct rig r;

	(void)state;
	my_worker(&r, "rtsp://a/b", 1, 10, 3600);
	r.when = "step 1 of 10";
	r.signal = SIGTERM;
	rig_run(&r);
	assert_int_equal(rig_code(&r), 128 + SIGTERM);
	assert_int_equal(rig_count(&r, "released"), 1);
	assert_string_equal(r.failure, "stopped at step 1 of 10");
	rig_release(&r);
}

static void
my_worker_changes_both_values_live(void **state)
{
	struct rig r, other;

	(void)state;
	my_worker(&other, "rtsp://new/2", 60, 400, 0.001);
	my_worker(&r, "rtsp://old/1", 30, 400, 0.01);
	r.when = "step 3 of";
	r.update = other.attachments;
	rig_run(&r);
	assert_int_equal(rig_code(&r), 0);
	assert_int_equal(r.n_updates, 1);
	assert_string_equal(r.update_error, "");
	assert_true(rig_logged(&r, "RTSP URL: rtsp://old/1 -> rtsp://new/2, Fix Frame: 30 -> 60"));
	assert_true(rig_logged(&r, "step 400 of 400: RTSP URL: rtsp://new/2, Fix Frame: 60"));
	rig_release(&r);
	rig_release(&other);
}

static void
my_worker_keeps_passwords_out_of_the_log(void **state)
{
	struct rig r;

	(void)state;
	my_worker(&r, "rtsp://admin:se/cr@et@10.0.0.7:554/ch1", 1, 2, 0);
	rig_run(&r);
	assert_int_equal(rig_code(&r), 0);
	assert_true(rig_logged(&r, "RTSP URL: rtsp://***@10.0.0.7:554/ch1, Fix Frame: 1"));
	assert_false(rig_logged(&r, "admin"));
	assert_false(rig_logged(&r, "cr@et"));
	rig_release(&r);
}

/* ---- ComplexWorker ---- */

static struct sk_value *
stage(struct rig *r, const char *name, double duration, double fail_chance)
{
	struct sk_value *map = sk_value_new(r->arena, SK_MAP);

	sk_map_set(r->arena, map, "name", sk_value_string(r->arena, name, strlen(name)));
	sk_map_set(r->arena, map, "duration", rig_number(r, duration));
	sk_map_set(r->arena, map, "fail_chance", rig_number(r, fail_chance));
	return map;
}

/* Two stages; the second one fails by the chance given. */
static void
complex_worker(struct rig *r, int64_t retries, double fail_chance, int64_t seed)
{
	struct sk_value *stages;

	rig_init(r, "ComplexWorker");
	stages = sk_value_new(r->arena, SK_LIST);
	sk_list_add(r->arena, stages, stage(r, "Download Data", 0.001, 0));
	sk_list_add(r->arena, stages, stage(r, "Process Data", 0.001, fail_chance));
	rig_set_text(r, "jobId", "job-12345");
	rig_set_int(r, "retries", retries);
	rig_set(r, "enable_feature_x", rig_bool(r, true));
	rig_set(r, "sub_tasks", stages);
	rig_set_int(r, "seed", seed);
}

static void
complex_worker_runs_its_stages_in_order(void **state)
{
	struct rig r;

	(void)state;
	complex_worker(&r, 2, 0, 0);
	rig_run(&r);
	assert_int_equal(rig_code(&r), 0);
	assert_true(rig_logged(&r, "feature X is on"));
	const char *first = strstr(r.log.p, "stage Download Data: done");
	const char *second = strstr(r.log.p, "stage Process Data: try 1 of 3");
	assert_true(first != NULL && second != NULL && first < second);
	assert_true(rig_logged(&r, "job job-12345: all 2 stages done"));
	assert_true(r.progress == 1.0);
	assert_string_equal(r.stage, "Process Data");
	rig_release(&r);
}

static void
complex_worker_fails_with_the_name_of_the_stage(void **state)
{
	struct rig r;

	(void)state;
	complex_worker(&r, 3, 1, 0);
	rig_run(&r);
	assert_int_equal(rig_code(&r), 1);
	assert_int_equal(rig_count(&r, "stage Process Data: try"), 4);
	assert_string_equal(r.failure, "stage Process Data failed 4 times");
	assert_false(rig_logged(&r, "all 2 stages done"));
	rig_release(&r);
}

static void
complex_worker_refuses_an_empty_job_before_it_starts(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "ComplexWorker");
	rig_set_text(&r, "jobId", "j");
	rig_run(&r);
	assert_int_equal(rig_code(&r), 1);
	assert_string_equal(r.failure, "no sub-tasks configured");
	rig_release(&r);
}

static void
complex_worker_repeats_its_chance_by_the_seed(void **state)
{
	int spread = 0;
	size_t last = 0;

	(void)state;
	for (int64_t seed = 1; seed <= 12; seed++) {
		size_t tries[2];
		for (int again = 0; again < 2; again++) {
			struct rig r;
			complex_worker(&r, 20, 0.5, seed);
			rig_run(&r);
			tries[again] = rig_count(&r, "stage Process Data: try");
			rig_release(&r);
		}
		assert_int_equal(tries[0], tries[1]);
		spread += tries[0] != last;
		last = tries[0];
	}
	assert_true(spread > 2);
}

static void
complex_worker_has_other_luck_in_another_attempt(void **state)
{
	size_t seen[8], different = 0;

	(void)state;
	for (uint32_t attempt = 1; attempt <= 8; attempt++) {
		struct rig r;
		complex_worker(&r, 30, 0.7, 7);
		r.attempt = attempt;
		rig_run(&r);
		seen[attempt - 1] = rig_count(&r, "stage Process Data: try");
		different += seen[attempt - 1] != seen[0];
		rig_release(&r);
	}
	assert_true(different > 0);
}

static void
complex_worker_stops_inside_a_stage(void **state)
{
	struct rig r;
	struct sk_value *stages;

	(void)state;
	rig_init(&r, "ComplexWorker");
	stages = sk_value_new(r.arena, SK_LIST);
	sk_list_add(r.arena, stages, stage(&r, "Long", 3600, 0));
	rig_set_text(&r, "jobId", "j");
	rig_set(&r, "sub_tasks", stages);
	r.when = "stage Long: try 1";
	r.signal = SIGINT;
	rig_run(&r);
	assert_int_equal(rig_code(&r), 128 + SIGINT);
	assert_string_equal(r.failure, "stopped in stage Long");
	rig_release(&r);
}

/* ---- Sleep ---- */

static void
sleep_sleeps_and_finishes(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "Sleep");
	rig_set(&r, "seconds", rig_number(&r, 0.05));
	rig_run(&r);
	assert_int_equal(rig_code(&r), 0);
	assert_true(r.progress == 1.0);
	rig_release(&r);
}

/* ---- Fail ---- */

static void
fail_with(struct rig *r, const char *key, const char *text)
{
	rig_init(r, "Fail");
	rig_set_text(r, key, text);
}

static void
fail_fails_with_its_message(void **state)
{
	struct rig r;

	(void)state;
	fail_with(&r, "message", "disk on fire");
	rig_run(&r);
	assert_int_equal(rig_code(&r), 1);
	assert_string_equal(r.failure, "disk on fire");
	rig_release(&r);
}

static void
fail_says_try_again(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, "Fail");
	rig_set(&r, "tryAgain", rig_bool(&r, true));
	rig_run(&r);
	assert_int_equal(rig_code(&r), 75);
	rig_release(&r);
}

static void
fail_succeeds_after_so_many_attempts(void **state)
{
	(void)state;
	for (uint32_t attempt = 1; attempt <= 4; attempt++) {
		struct rig r;
		rig_init(&r, "Fail");
		rig_set_int(&r, "times", 2);
		r.attempt = attempt;
		rig_run(&r);
		assert_int_equal(rig_code(&r), attempt <= 2 ? 1 : 0);
		rig_release(&r);
	}
}

static void
fail_dies_in_every_way(void **state)
{
	static const struct {
		const char *crash;
		int code;
	} ways[] = {
		{ "abort", -SIGABRT },
		{ "segv", -SIGSEGV },
		{ "kill", -SIGKILL },
		{ "exit", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct rig r;
		fail_with(&r, "crash", ways[i].crash);
		rig_run(&r);
		assert_int_equal(rig_code(&r), ways[i].code);
		rig_release(&r);
	}
}

static void
fail_gives_up_eating_memory_at_its_limit(void **state)
{
	struct rig r;

	(void)state;
	fail_with(&r, "crash", "oom");
	rig_set_int(&r, "memoryMb", 8);
	rig_run(&r);
	assert_int_equal(rig_code(&r), 1);
	assert_string_equal(r.failure, "nobody objected to 8 MiB");
	rig_release(&r);
}

static void
fail_hangs_until_it_is_killed(void **state)
{
	struct rig r;

	(void)state;
	fail_with(&r, "crash", "hang");
	r.when = "hanging";
	r.signal = SIGTERM;
	r.limit_ms = 500;
	rig_run(&r);
	assert_int_equal(rig_code(&r), -SIGKILL);
	assert_true(rig_logged(&r, "asked to stop, going on"));
	rig_release(&r);
}

static void
fail_can_fail_in_each_hook(void **state)
{
	static const struct {
		const char *in;
		int code;
	} hooks[] = { { "before", 1 }, { "main", 1 }, { "after", 1 }, { "release", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
		struct rig r;
		fail_with(&r, "in", hooks[i].in);
		rig_run(&r);
		assert_int_equal(rig_code(&r), hooks[i].code);
		rig_release(&r);
	}
}

/* ---- Exec ---- */

static void
words(struct rig *r, const char *first, const char *second)
{
	struct sk_value *list;

	rig_init(r, "Exec");
	list = sk_value_new(r->arena, SK_LIST);
	if (first != NULL)
		sk_list_add(r->arena, list, sk_value_string(r->arena, first, strlen(first)));
	if (second != NULL)
		sk_list_add(r->arena, list, sk_value_string(r->arena, second, strlen(second)));
	rig_set(r, "command", list);
}

static void
exec_takes_a_command_or_a_script(void **state)
{
	struct rig r;

	(void)state;
	words(&r, "/bin/echo", "hello");
	assert_string_equal(rig_problem(&r), "");
	rig_set_text(&r, "script", "echo hello");
	assert_string_equal(rig_problem(&r), "command and script exclude each other");
	rig_release(&r);

	rig_init(&r, "Exec");
	assert_string_equal(rig_problem(&r), "one of command and script is needed");
	rig_set_text(&r, "script", "echo hello");
	assert_string_equal(rig_problem(&r), "");
	rig_release(&r);
}

static void
exec_needs_a_program_to_start(void **state)
{
	struct rig r;

	(void)state;
	words(&r, "", "x");
	assert_non_null(strstr(rig_problem(&r), "names the program"));
	rig_release(&r);
	words(&r, NULL, NULL);
	assert_non_null(strstr(rig_problem(&r), "is needed"));
	rig_release(&r);
}

static void
exec_with_variable(struct rig *r, const char *name, struct sk_value *value)
{
	struct sk_value *env;

	env = sk_value_new(r->arena, SK_MAP);
	sk_map_set(r->arena, env, name, value);
	rig_set(r, "env", env);
}

static void
exec_takes_a_map_of_strings_as_environment(void **state)
{
	struct rig r;

	(void)state;
	words(&r, "/bin/true", NULL);
	exec_with_variable(&r, "PORT", sk_value_string(r.arena, "8080", 4));
	assert_string_equal(rig_problem(&r), "");
	exec_with_variable(&r, "PORT", sk_value_int(r.arena, 8080));
	assert_non_null(strstr(rig_problem(&r), "env.PORT: expected string, got integer"));
	exec_with_variable(&r, "A=B", sk_value_string(r.arena, "c", 1));
	assert_non_null(strstr(rig_problem(&r), "cannot name a variable"));
	exec_with_variable(&r, "", sk_value_string(r.arena, "c", 1));
	assert_non_null(strstr(rig_problem(&r), "cannot name a variable"));
	exec_with_variable(&r, "SKALDS_ATTEMPT", sk_value_string(r.arena, "9", 1));
	assert_non_null(strstr(rig_problem(&r), "SKALDS_ATTEMPT is set by skalds"));
	rig_set_text(&r, "env", "PORT=8080");
	assert_non_null(strstr(rig_problem(&r), "expected map of strings"));
	rig_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(my_worker_logs_both_values_in_each_step),
		cmocka_unit_test(my_worker_takes_the_attribute_names_too),
		cmocka_unit_test(my_worker_runs_3000_steps_of_a_second_unless_told),
		cmocka_unit_test(my_worker_stops_in_its_sleep_and_releases),
		cmocka_unit_test(my_worker_changes_both_values_live),
		cmocka_unit_test(my_worker_keeps_passwords_out_of_the_log),
		cmocka_unit_test(complex_worker_runs_its_stages_in_order),
		cmocka_unit_test(complex_worker_fails_with_the_name_of_the_stage),
		cmocka_unit_test(complex_worker_refuses_an_empty_job_before_it_starts),
		cmocka_unit_test(complex_worker_repeats_its_chance_by_the_seed),
		cmocka_unit_test(complex_worker_has_other_luck_in_another_attempt),
		cmocka_unit_test(complex_worker_stops_inside_a_stage),
		cmocka_unit_test(sleep_sleeps_and_finishes),
		cmocka_unit_test(fail_fails_with_its_message),
		cmocka_unit_test(fail_says_try_again),
		cmocka_unit_test(fail_succeeds_after_so_many_attempts),
		cmocka_unit_test(fail_dies_in_every_way),
		cmocka_unit_test(fail_gives_up_eating_memory_at_its_limit),
		cmocka_unit_test(fail_hangs_until_it_is_killed),
		cmocka_unit_test(fail_can_fail_in_each_hook),
		cmocka_unit_test(exec_takes_a_command_or_a_script),
		cmocka_unit_test(exec_needs_a_program_to_start),
		cmocka_unit_test(exec_takes_a_map_of_strings_as_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
