/* log_test.c - log lines: form, escaping, length, levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define T0 1787393472123
#define TIME "2026-08-22T10:11:12.123Z"

static void
line_is(bool json, const char *task, int64_t attempt, const char *msg, size_t n, const char *want)
{
	struct sk_str s = SK_STR_INIT;

	sk_log_format(&s, json, T0, SK_INFO, "edge", task, attempt, msg, n);
	assert_string_equal(sk_str_text(&s), want);
	sk_str_release(&s);
}

static void
text_is(const char *msg, const char *want)
{
	char all[512];

	snprintf(all, sizeof(all), "time=" TIME " level=info component=edge msg=\"%s\"\n", want);
	line_is(false, NULL, 0, msg, strlen(msg), all);
}

static void
a_line_has_its_parts_in_order(void **state)
{
	(void)state;
	line_is(false, "T1", 2, "started", 7,
		"time=" TIME " level=info component=edge task=T1 attempt=2 msg=\"started\"\n");
	line_is(true, "T1", 2, "started", 7,
		"{\"time\":\"" TIME "\",\"level\":\"info\","
		"\"component\":\"edge\",\"task\":\"T1\",\"attempt\":2,\"msg\":\"started\"}\n");
	line_is(false, NULL, 0, "", 0, "time=" TIME " level=info component=edge msg=\"\"\n");
	line_is(true, NULL, 0, "", 0,
		"{\"time\":\"" TIME "\",\"level\":\"info\",\"component\":\"edge\","
		"\"msg\":\"\"}\n");
}

static void
a_task_name_is_quoted_when_it_must_be(void **state)
{
	(void)state;
	line_is(false, "a b", 0, "x", 1,
		"time=" TIME " level=info component=edge task=\"a b\" msg=\"x\"\n");
	line_is(false, "a=\"b\"", 0, "x", 1,
		"time=" TIME " level=info component=edge task=\"a=\\\"b\\\"\" msg=\"x\"\n");
	line_is(false, "", 0, "x", 1, "time=" TIME " level=info component=edge task=\"\" msg=\"x\"\n");
}

static void
nothing_breaks_the_line_or_steers_a_terminal(void **state)
{
	(void)state;
	text_is("a\nb", "a\\nb");
	text_is("\r\t", "\\r\\t");
	text_is("say \"hi\" \\", "say \\\"hi\\\" \\\\");
	text_is("\033[31m\x07\x7f", "\\x1b[31m\\x07\\x7f");
	text_is("gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0 \xf0\x9f\x98\x80",
		"gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0 \xf0\x9f\x98\x80");
	text_is("\xc2\x9b[31m", "\\xc2\\x9b[31m");
	text_is("\xff\xc3", "\\xff\\xc3");
	text_is("\xed\xa0\x80", "\\xed\\xa0\\x80");
	line_is(false, NULL, 0, "a\0b", 3, "time=" TIME " level=info component=edge msg=\"a\\x00b\"\n");
	line_is(true, NULL, 0, "\0\x1f\n\"\xff", 5,
		"{\"time\":\"" TIME "\",\"level\":\"info\","
		"\"component\":\"edge\",\"msg\":\"\\u0000\\u001f\\n\\\"\\ufffd\"}\n");
}

/* Whatever the content, a line fits into one write to a pipe and stays valid. */
static void
a_line_never_exceeds_what_a_pipe_takes_at_once(void **state)
{
	static const char fills[] = { 'x', '"', '\n', 1, (char)0xff };
	static char msg[20000];
	char name[5000];
	struct sk_str s = SK_STR_INIT;

	(void)state;
	memset(name, 1, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < sizeof(fills); i++)
		for (size_t n = 500; n <= sizeof(msg); n += 487)
			for (int json = 0; json < 4; json++) {
				memset(msg, fills[i], n);
				sk_str_clear(&s);
				sk_log_format(&s, (json & 1) != 0, T0, SK_CRITICAL, "edge", json > 1 ? name : NULL,
					INT64_MAX, msg, n);
				assert_true(s.len <= SK_LOG_LINE);
				assert_true(s.p[s.len - 1] == '\n');
				assert_ptr_equal(memchr(s.p, '\n', s.len), s.p + s.len - 1);
			}
	sk_str_release(&s);
}

static void
a_cut_message_says_how_much_is_missing(void **state)
{
	static char msg[10000];
	struct sk_str s = SK_STR_INIT;
	const char *mark;
	size_t kept;

	(void)state;
	memset(msg, 'x', sizeof(msg));
	sk_log_format(&s, false, T0, SK_INFO, "edge", NULL, 0, msg, sizeof(msg));
	mark = strstr(s.p, "... [");
	assert_non_null(mark);
	kept = strspn(strchr(s.p, '"') + 1, "x");
	assert_int_equal(strtoul(mark + 5, NULL, 10), sizeof(msg) - kept);
	assert_non_null(strstr(mark, " bytes cut]\"\n"));
	/* A character of several bytes is never cut in two. */
	for (size_t i = 0; i + 3 <= sizeof(msg); i += 3)
		memcpy(msg + i, "\xe4\xbd\xa0", 3);
	for (size_t shift = 0; shift < 3; shift++) {
		sk_str_clear(&s);
		sk_log_format(&s, true, T0, SK_INFO, &"abc"[shift], NULL, 0, msg, 9999);
		assert_int_equal(sk_utf8_bad(s.p, s.len), s.len);
		assert_null(strstr(s.p, "\\ufffd"));
	}
	sk_str_release(&s);
}

static void
levels_have_the_originals_names_and_numbers(void **state)
{
	static const struct {
		const char *name;
		int value;
	} all[] = { { "TRACE", 5 }, { "debug", 10 }, { "Info", 20 }, { "success", 25 },
		{ "WARNING", 30 }, { "error", 40 }, { "critical", 50 } };
	enum sk_level level;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_true(sk_level_parse(all[i].name, &level));
		assert_int_equal(level, all[i].value);
		assert_int_equal(strcasecmp(sk_level_name(level), all[i].name), 0);
	}
	assert_false(sk_level_parse("warn", &level));
	assert_false(sk_level_parse("", &level));
}

/* What the function writes to standard error, with its settings. */
static size_t
logged(const struct sk_log_config *config, enum sk_level level, char *buf, size_t size)
{
	int fds[2], old = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	sk_log_setup(config);
	errno = ERANGE;
	sk_log(level, "test", "n=%d", 7);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(dup2(old, STDERR_FILENO), STDERR_FILENO);
	close(old);
	n = read(fds[0], buf, size - 1);
	close(fds[0]);
	assert_true(n >= 0);
	buf[n] = '\0';
	return (size_t)n;
}

static void
the_level_and_the_form_are_obeyed(void **state)
{
	struct sk_log_config config = { .level = SK_WARNING };
	char buf[512];

	(void)state;
	assert_int_equal(logged(&config, SK_SUCCESS, buf, sizeof(buf)), 0);
	assert_true(logged(&config, SK_WARNING, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, " level=warning component=test msg=\"n=7\"\n"));
	config.color = true;
	logged(&config, SK_ERROR, buf, sizeof(buf));
	assert_non_null(strstr(buf, "\033[31mlevel=error\033[0m component=test"));
	config.json = true;
	logged(&config, SK_ERROR, buf, sizeof(buf));
	assert_null(strchr(buf, '\033'));
	assert_memory_equal(buf, "{\"time\":\"", 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_its_parts_in_order),
		cmocka_unit_test(a_task_name_is_quoted_when_it_must_be),
		cmocka_unit_test(nothing_breaks_the_line_or_steers_a_terminal),
		cmocka_unit_test(a_line_never_exceeds_what_a_pipe_takes_at_once),
		cmocka_unit_test(a_cut_message_says_how_much_is_missing),
		cmocka_unit_test(levels_have_the_originals_names_and_numbers),
		cmocka_unit_test(the_level_and_the_form_are_obeyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
