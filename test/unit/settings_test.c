/* settings_test.c - values, origins, .env, masks, durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/dotenv.h"
#include "cmd/options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/skalds-settings-XXXXXX";

/* Nothing of the caller's environment counts. */
static int
set_up(void **state)
{
	(void)state;
	for (const struct sk_setting_row *r = sk_setting_rows; r->name != NULL; r++)
		unsetenv(r->name);
	unlink(".env");
	return 0;
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL && chdir(dir) == 0 ? 0 : -1;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(".env");
	return chdir("/") == 0 ? rmdir(dir) : -1;
}

static void
write_env(const char *text)
{
	FILE *f = fopen(".env", "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
the_table_is_sound(void **state)
{
	struct sk_settings *s = sk_settings_load(NULL);
	struct sk_str problems = SK_STR_INIT;

	(void)state;
	for (const struct sk_setting_row *r = sk_setting_rows; r->name != NULL; r++) {
		assert_non_null(r->doc);
		assert_non_null(r->def);
		assert_ptr_equal(sk_setting_row(r->name), r);
		assert_int_equal(r->type == SK_SET_ENUM, r->choices != NULL);
		assert_true(r->min <= r->max);
		assert_int_equal(sk_setting_origin(s, r->name), SK_FROM_DEFAULT);
	}
	assert_int_equal(sk_settings_problems(s, SK_BY_ANYBODY, &problems), 0);
	assert_int_equal(sk_setting_int(s, "REDIS_PORT"), 6379);
	assert_true(sk_setting_num(s, "LOG_RETENTION") == 3 * 86400.0);
	assert_false(sk_setting_bool(s, "LOG_SPLIT_WITH_WORKER_ID"));
	sk_str_release(&problems);
	sk_settings_free(s);
}

static void
flag_environment_file_default(void **state)
{
	const struct sk_opt opt = { .name = "log-level", .value = "L", .setting = "LOG_LEVEL" };
	struct sk_given given = { &opt, "trace" };
	struct sk_args args = { .given = &given, .n_given = 1 };
	struct sk_settings *s;

	(void)state;
	write_env("X=1\nLOG_LEVEL=error\nDB_NAME=file\n");
	setenv("LOG_LEVEL", "debug", 1);
	s = sk_settings_load(&args);
	assert_string_equal(sk_setting(s, "LOG_LEVEL"), "TRACE");
	assert_int_equal(sk_setting_origin(s, "LOG_LEVEL"), SK_FROM_FLAG);
	assert_string_equal(sk_setting_place(s, "LOG_LEVEL"), "--log-level");
	assert_string_equal(sk_setting_place(s, "DB_NAME"), ".env:3");
	sk_settings_free(s);
	s = sk_settings_load(NULL);
	assert_string_equal(sk_setting(s, "LOG_LEVEL"), "DEBUG");
	sk_settings_free(s);
	unsetenv("LOG_LEVEL");
	s = sk_settings_load(NULL);
	assert_string_equal(sk_setting(s, "LOG_LEVEL"), "ERROR");
	sk_settings_free(s);
}

static void
a_wrong_value_leaves_the_default_and_stops_its_users(void **state)
{
	struct sk_str out = SK_STR_INIT;
	struct sk_settings *s;

	(void)state;
	setenv("MONITOR_TASK_INTERVAL", "often", 1);
	setenv("WEB_CONCURRENCY", "x", 1);
	s = sk_settings_load(NULL);
	assert_int_equal(sk_setting_int(s, "MONITOR_TASK_INTERVAL"), 3);
	assert_non_null(sk_setting_problem(s, "MONITOR_TASK_INTERVAL"));
	assert_int_equal(sk_settings_problems(s, SK_BY_EDGE, &out), 0);
	assert_int_equal(sk_settings_problems(s, SK_BY_CONTROLLER, &out), 1);
	assert_string_equal(sk_str_text(&out),
		"MONITOR_TASK_INTERVAL: expected an integer, got \"often\" (environment)\n");
	assert_int_equal(sk_settings_problems(s, SK_BY_ANYBODY, &out), 2);
	sk_str_release(&out);
	sk_settings_free(s);
}

/* Settings of a service count for those who use it as things are. */
static void
a_service_that_is_not_set_needs_no_port(void **state)
{
	struct sk_str out = SK_STR_INIT;
	struct sk_settings *s;

	(void)state;
	setenv("REDIS_PORT", "tcp://10.0.0.7:6379", 1);
	s = sk_settings_load(NULL);
	assert_int_equal(sk_settings_problems(s, SK_BY_EDGE | SK_BY_RUN_ONE | SK_BY_TASK, &out), 0);
	assert_int_equal(sk_settings_problems(s, SK_BY_NODE, &out), 1);
	assert_int_equal(sk_settings_problems(s, SK_BY_CONTROLLER, &out), 1);
	sk_settings_free(s);
	setenv("REDIS_HOST", "cache", 1);
	s = sk_settings_load(NULL);
	assert_int_equal(sk_settings_problems(s, SK_BY_EDGE, &out), 1);
	assert_int_equal(sk_settings_problems(s, SK_BY_TASK, &out), 0);
	sk_settings_free(s);
	setenv("KAFKA_HOST", "broker", 1);
	setenv("MONGO_HOST", "mongodb://db/", 1);
	s = sk_settings_load(NULL);
	assert_int_equal(sk_settings_problems(s, SK_BY_TASK, &out), 1);
	sk_settings_free(s);
	sk_str_release(&out);
}

static void
durations(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} right[] = { { "3", 259200 }, { "3 days", 259200 }, { "1 day", 86400 }, { "90s", 90 },
		{ "1h30min", 5400 }, { "1.5 h", 5400 }, { "2 weeks, 12 hours", 1252800 },
		{ "1 MONTH", 2635200 }, { "1 year", 31557600 }, { " 5 m ", 300 }, { "0", 0 },
		{ "10 secs", 10 } };
	static const char *const wrong[] = { "", " ", "d", "3 dayz", "-1", "3 days 4", "nan", "inf",
		"1e999 s", "0x10", ".", "3,", "9999999 years", "1 ss", NULL };
	double seconds;

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		if (!sk_parse_duration(right[i].text, &seconds) || seconds != right[i].seconds)
			fail_msg("\"%s\"", right[i].text);
	}
	for (size_t i = 0; wrong[i] != NULL; i++)
		if (sk_parse_duration(wrong[i], &seconds))
			fail_msg("\"%s\" was taken for %g s", wrong[i], seconds);
}

static void
masks(void **state)
{
	static const char *const pairs[][2] = { { "plain", "plain" }, { "", "" },
		{ "mongodb://h:1/", "mongodb://h:1/" }, { "mongodb://u:p@h/", "mongodb://u:***@h/" },
		{ "mongodb://p@h", "mongodb://***@h" }, { "u:p@h", "u:***@h" },
		{ "a://u:p/q?r@h/", "a://u:***@h/" }, { "a://u%3ap%40h", "a://u%3a***%40h" },
		{ "a://h/?password=x&b=c", "a://h/?password=***&b=c" },
		{ "a://h/?b=c;api_key=x", "a://h/?b=c;api_key=***" }, { "a://h/?token", "a://h/?token" } };
	struct sk_str s = SK_STR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		sk_str_clear(&s);
		sk_mask_url(&s, pairs[i][0]);
		assert_string_equal(sk_str_text(&s), pairs[i][1]);
	}
	sk_str_release(&s);
}

static void
secret_names(void **state)
{
	static const char *const secret[] = { "MONGO_HOST", "REDIS_PASSWORD", "KAFKA_PASSWORD",
		"SKALDS_TOKEN", "SKALDS_URL", "my_password", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN",
		"X_API_KEY", "apikey", "GOOGLE_APPLICATION_CREDENTIALS", NULL };
	static const char *const open[] = { "PATH", "HOME", "REDIS_HOST", "KEYBOARD", "PASS", "",
		NULL };

	(void)state;
	for (size_t i = 0; secret[i] != NULL; i++)
		if (!sk_setting_is_secret_name(secret[i]))
			fail_msg("%s is secret", secret[i]);
	for (size_t i = 0; open[i] != NULL; i++)
		if (sk_setting_is_secret_name(open[i]))
			fail_msg("%s is not secret", open[i]);
}

/* Each is one line: what it must give, or NULL when it is wrong. */
static void
lines_of_a_dotenv(void **state)
{
	static const char *const lines[][2] = { { "K=v", "v" }, { " K = v ", "v" },
		{ "export K=v", "v" }, { "export\tK=v", "v" }, { "K=", "" }, { "K=''", "" },
		{ "K=\"\"", "" }, { "K=v # c", "v" }, { "K=v#c", "v#c" }, { "K=#c", "#c" },
		{ "K='v' # c", "v" }, { "K='a\"b'", "a\"b" }, { "K=\"a\\\"b\\n\\x\"", "a\"b\n\\x" },
		{ "K=\"a\nb\"", "a\nb" }, { "K=a=b", "a=b" }, { "K=a b", "a b" }, { "K=${NO}", "" },
		{ "K=${NO:-d}", "d" }, { "K='${NO}'", "${NO}" }, { "K=$NO", "$NO" }, { "K=${NO", "${NO" },
		{ "K=${}", "${}" }, { "K=\"\\${NO}\"", "${NO}" }, { "K=a\rb", "a\rb" }, { "K=v\r", "v" },
		{ "K", NULL }, { "=v", NULL }, { "K v", NULL }, { "K='v", NULL }, { "K=\"v\\\"", NULL },
		{ "K='v'x", NULL }, { "1K=v", NULL } };
	struct sk_arena *a = sk_arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const struct sk_dotenv_line *found;
		struct sk_dotenv d;

		sk_dotenv_parse(&d, lines[i][0], strlen(lines[i][0]), a);
		found = sk_dotenv_find(&d, "K");
		if (lines[i][1] == NULL ? found != NULL
								: found == NULL || strcmp(found->value, lines[i][1]) != 0)
			fail_msg("%s gives %s", lines[i][0], found != NULL ? found->value : "nothing");
	}
	sk_arena_free(a);
}

/* Every prefix, every byte changed: nothing is read past the end (the sanitizers look). */
static void
a_broken_dotenv_does_no_harm(void **state)
{
	static const char text[] = "export A='x\ny' # c\nB=\"${A:-\\n}\\\"\"\nC=${B} #\nD=${A:-}\n";
	struct sk_arena *a = sk_arena_new();
	struct sk_dotenv d;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++)
		for (int c = 0; c < 256; c += n % 4 == 0 ? 1 : 51) {
			char *copy = malloc(n > 0 ? n : 1);

			assert_non_null(copy);
			memcpy(copy, text, n);
			if (n > 0)
				copy[n % 3 == 0 ? n - 1 : n / 2] = (char)c;
			sk_dotenv_parse(&d, copy, n, a);
			free(copy);
		}
	sk_arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_table_is_sound, set_up),
		cmocka_unit_test_setup(flag_environment_file_default, set_up),
		cmocka_unit_test_setup(a_wrong_value_leaves_the_default_and_stops_its_users, set_up),
		cmocka_unit_test_setup(a_service_that_is_not_set_needs_no_port, set_up),
		cmocka_unit_test(durations),
		cmocka_unit_test(masks),
		cmocka_unit_test(secret_names),
		cmocka_unit_test_setup(lines_of_a_dotenv, set_up),
		cmocka_unit_test_setup(a_broken_dotenv_does_no_harm, set_up),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
