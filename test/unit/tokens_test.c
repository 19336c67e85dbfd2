/* tokens_test.c - tokens, their file, and the lines that are refused. */
#include "adapters/http/tokenfile.h"
#include "core/base/clock.h"
#include "proc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* sha256 of "secret-of-the-test" */
#define HEX "sha256:fbe2bba7aea842d4a0b6e45d3b7f7db89d3d51f6b73c07dfbbbcf2d3a4ee4ee5"

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	proc_scratch_remove();
	return 0;
}

static enum sk_code
parse(struct sk_tokens *t, const char *text, struct sk_err *err)
{
	*t = (struct sk_tokens){ NULL, 0 };
	*err = (struct sk_err){ SK_OK, "" };
	return sk_tokens_parse(t, text, strlen(text), err);
}

static void
a_line_is_a_token_or_a_certificate(void **state)
{
	struct sk_tokens t;
	struct sk_err err;

	(void)state;
	assert_int_equal(parse(&t,
						 "# who may\n\n  ci\twrite " HEX "\r\n"
						 "ops admin " HEX " expires=2031-01-02T03:04:05Z\n"
						 "day read " HEX " expires=2031-01-02\n"
						 "cert:build host 7 read\ncert:ops  admin",
						 &err),
		SK_OK);
	assert_int_equal(t.n, 5);
	assert_string_equal(t.items[0].name, "ci");
	assert_int_equal(t.items[0].role, SK_ROLE_WRITE);
	assert_int_equal(t.items[0].expires_ms, 0);
	assert_int_equal(t.items[0].hash[0], 0xfb);
	assert_int_equal(t.items[0].hash[31], 0xe5);
	assert_int_equal(t.items[1].expires_ms, 1925089445000);
	assert_int_equal(t.items[2].expires_ms, 1925078400000);
	assert_true(t.items[3].certificate);
	assert_string_equal(t.items[3].name, "build host 7");
	assert_int_equal(t.items[3].role, SK_ROLE_READ);
	assert_string_equal(t.items[4].name, "ops");
	assert_int_equal(sk_tokens_certificates(&t), 2);
	assert_ptr_equal(sk_tokens_certificate(&t, "ops"), &t.items[4]);
	assert_null(sk_tokens_certificate(&t, "ci"));
	sk_tokens_release(&t);
}

static void
what_is_wrong_is_named_with_its_line(void **state)
{
	static const char *const cases[][2] = {
		{ "ci", "line 1: the role" },
		{ "\n\nci root " HEX, "line 3: the role must be read, write or admin" },
		{ "ci Read " HEX, "line 1: the role" },
		{ "a/b read " HEX, "line 1: the name" },
		{ "ci read", "line 1: expected sha256:" },
		{ "ci read secret-of-the-test", "line 1: expected sha256:" },
		{ "ci read " HEX "0", "line 1: expected sha256:" },
		{ "ci read sha256:zbe2bba7aea842d4a0b6e45d3b7f7db89d3d51f6b73c07dfbbbcf2d3a4ee4ee5",
			"line 1: expected sha256:" },
		{ "ci read " HEX " 2030-01-01", "line 1: expected expires=" },
		{ "ci read " HEX " expires=2030-02-30", "line 1: expected expires=" },
		{ "ci read " HEX " expires=2030-1-1", "line 1: expected expires=" },
		{ "ci read " HEX " expires=2030-01-01T00:00:00+01:00", "line 1: expected expires=" },
		{ "ci read " HEX " expires=", "line 1: expected expires=" },
		{ "ci read " HEX " expires=2030-01-01 more", "line 1: there is more" },
		{ "ci read " HEX "\nci write " HEX, "line 2: a token of this name is there already" },
		{ "cert:ops", "line 1: expected cert:NAME ROLE" },
		{ "cert: admin", "line 1: expected cert:NAME ROLE" },
		{ "cert:ops root", "line 1: the role" },
		{ "cert:ops read\ncert:ops admin", "line 2: the certificate stands there twice" },
		{ "ci read \xff", "line 1: it is not text" },
		{ "# \xff", "line 1: it is not text" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sk_tokens t;
		struct sk_err err;

		assert_int_equal(parse(&t, cases[i][0], &err), SK_EINVAL);
		if (strncmp(err.msg, cases[i][1], strlen(cases[i][1])) != 0)
			fail_msg("%s: %s", cases[i][0], err.msg);
		assert_null(strstr(err.msg, "secret-of-the-test"));
		sk_tokens_release(&t);
	}
}

static void
a_token_is_found_by_its_hash_alone(void **state)
{
	struct sk_tokens t = { NULL, 0 };
	struct sk_str lines = SK_STR_INIT;
	char one[SK_TOKEN_TEXT], two[SK_TOKEN_TEXT];
	struct sk_err err;

	(void)state;
	assert_true(sk_token_new(one) && sk_token_new(two));
	assert_int_equal(strlen(one), 47);
	assert_int_equal(strncmp(one, "skt_", 4), 0);
	assert_int_equal(
		strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 47);
	assert_string_not_equal(one, two);
	sk_token_line(&lines, "one", SK_ROLE_READ, one, 0);
	sk_token_line(&lines, "two", SK_ROLE_ADMIN, two, 1925089445000);
	assert_null(strstr(lines.p, one));
	assert_int_equal(sk_tokens_parse(&t, lines.p, lines.len, &err), SK_OK);
	assert_ptr_equal(sk_tokens_find(&t, one), &t.items[0]);
	assert_ptr_equal(sk_tokens_find(&t, two), &t.items[1]);
	assert_int_equal(t.items[1].expires_ms, 1925089445000);
	one[46] ^= 1;
	assert_null(sk_tokens_find(&t, one));
	two[46] = '\0';
	assert_null(sk_tokens_find(&t, two));
	assert_null(sk_tokens_find(&t, ""));
	sk_str_release(&lines);
	sk_tokens_release(&t);
}

static void
a_known_hash_is_that_of_the_standard(void **state)
{
	struct sk_str line = SK_STR_INIT;

	(void)state;
	sk_token_line(&line, "abc", SK_ROLE_WRITE, "abc", 0); /* FIPS 180-2, appendix B.1 */
	assert_string_equal(line.p,
		"abc write sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
	sk_str_release(&line);
}

static void
the_variable_has_secrets_that_are_found_when_sealed(void **state)
{
	struct sk_tokens t = { NULL, 0 };
	struct sk_err err;

	(void)state;
	assert_int_equal(
		sk_tokens_parse_env(&t, "a:read:0123456789abcdef,,b:admin:with:colons:012345,", &err),
		SK_OK);
	assert_int_equal(t.n, 2);
	assert_null(sk_tokens_find(&t, "0123456789abcdef"));
	sk_tokens_seal(&t);
	assert_null(t.items[0].secret);
	assert_ptr_equal(sk_tokens_find(&t, "0123456789abcdef"), &t.items[0]);
	assert_ptr_equal(sk_tokens_find(&t, "with:colons:012345"), &t.items[1]);
	assert_null(sk_tokens_find(&t, "0123456789abcde"));
	sk_tokens_release(&t);
}

static void
a_wrong_variable_is_told_without_its_secrets(void **state)
{
	static const char *const cases[] = { "a", "a:read", "a:root:hidden-hidden-hidden",
		"a:read:hidden", "a:read:hidden hidden hidden",
		"a:read:hidden-hidden-hidden,a:read:hidden-hidden-hidden", "a b:read:hidden-hidden-hidden",
		":read:hidden-hidden-hidden" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sk_tokens t = { NULL, 0 };
		struct sk_err err;

		assert_int_equal(sk_tokens_parse_env(&t, cases[i], &err), SK_EINVAL);
		assert_null(strstr(err.msg, "hidden"));
		sk_tokens_release(&t);
	}
}

/* ---- the file ---- */

static void
refused(const char *path, enum sk_code code, const char *words)
{
	struct sk_tokens t = { NULL, 0 };
	struct sk_err err = { SK_OK, "" };

	assert_int_equal(sk_tokenfile_read(path, &t, &err), code);
	if (strstr(err.msg, words) == NULL)
		fail_msg("%s", err.msg);
	sk_tokens_release(&t);
}

static void
a_file_that_others_can_use_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} modes[] = { { 0600, true }, { 0400, true }, { 0640, true }, { 0440, true }, { 0660, false },
		{ 0644, false }, { 0604, false }, { 0602, false }, { 0610, false }, { 0700, false } };
	const char *path = proc_path("tokens");

	(void)state;
	proc_write(path, "ci read " HEX "\n");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct sk_tokens t = { NULL, 0 };
		struct sk_err err = { SK_OK, "" };

		assert_int_equal(chmod(path, modes[i].mode), 0);
		assert_int_equal(sk_tokenfile_read(path, &t, &err), modes[i].good ? SK_OK : SK_EINVAL);
		if (!modes[i].good)
			assert_non_null(strstr(err.msg, "chmod 600 "));
		sk_tokens_release(&t);
	}
	if (geteuid() == 0) {
		assert_int_equal(chmod(path, 0600) + chown(path, 1, 1), 0);
		refused(path, SK_EINVAL, "chown 0 ");
	}
	refused(proc_path("none"), SK_ENOENT, "is not there");
	assert_int_equal(mkdir(proc_path("dir"), 0700), 0);
	refused(proc_path("dir"), SK_EINVAL, "is not a file");
	assert_int_equal(mkfifo(proc_path("fifo"), 0600), 0);
	refused(proc_path("fifo"), SK_EINVAL, "is not a file");
}

static void
a_wrong_line_is_told_with_the_file(void **state)
{
	const char *path = proc_path("tokens");

	(void)state;
	proc_write(path, "ci read " HEX "\nci2 read\n");
	assert_int_equal(chmod(path, 0600), 0);
	refused(path, SK_EINVAL, "tokens: line 2: expected sha256:");
}

static void
text_is(const char *path, const char *want)
{
	struct sk_str text = proc_read(path);

	assert_string_equal(sk_str_text(&text), want);
	sk_str_release(&text);
}

static void
lines_are_added_and_removed_and_the_rest_stays(void **state)
{
	const char *path = proc_path("tokens");
	struct sk_err err;
	struct stat st;

	(void)state;
	assert_int_equal(sk_tokenfile_add(path, "a", "a read " HEX "\n", &err), SK_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	proc_write(path, "# kept\na read " HEX "\n\ncert:x y admin"); /* without the last newline */
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(sk_tokenfile_add(path, "b", "b write " HEX "\n", &err), SK_OK);
	text_is(path, "# kept\na read " HEX "\n\ncert:x y admin\nb write " HEX "\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(sk_tokenfile_add(path, "a", "a read " HEX "\n", &err), SK_ECONFLICT);
	assert_int_equal(sk_tokenfile_remove(path, "x y", &err), SK_ENOENT);
	assert_int_equal(sk_tokenfile_remove(path, "cert:x y", &err), SK_OK);
	assert_int_equal(sk_tokenfile_remove(path, "a", &err), SK_OK);
	text_is(path, "# kept\n\nb write " HEX "\n");
	assert_int_equal(sk_tokenfile_remove(path, "a", &err), SK_ENOENT);
	assert_int_equal(sk_tokenfile_remove(path, "b", &err), SK_OK);
	text_is(path, "# kept\n\n");
	assert_int_equal(proc_entries(proc_path(".")), 1);
}

static void
a_link_stays_a_link_and_a_wrong_file_is_not_touched(void **state)
{
	const char *path = proc_path("real"), *link = proc_path("link");
	struct sk_err err;
	struct stat st;

	(void)state;
	proc_write(path, "");
	assert_int_equal(chmod(path, 0600) + symlink(path, link), 0);
	assert_int_equal(sk_tokenfile_add(link, "a", "a read " HEX "\n", &err), SK_OK);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	text_is(path, "a read " HEX "\n");
	proc_write(path, "broken\n");
	assert_int_equal(sk_tokenfile_add(link, "b", "b read " HEX "\n", &err), SK_EINVAL);
	text_is(path, "broken\n");
}

static void
what_root_makes_is_the_directorys_owners(void **state)
{
	const char *dir = proc_path("service"), *path = proc_path("service/tokens");
	struct sk_err err;
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(dir, 0700) + chown(dir, 12, 34), 0);
	assert_int_equal(sk_tokenfile_add(path, "a", "a read " HEX "\n", &err), SK_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static int
adds_twenty(void *arg)
{
	const int who = *(const int *)arg;
	struct sk_err err;

	for (int i = 0; i < 20; i++) {
		char name[32], line[160];

		snprintf(name, sizeof(name), "t%d-%d", who, i);
		snprintf(line, sizeof(line), "%s read " HEX "\n", name);
		if (sk_tokenfile_add(proc_path("tokens"), name, line, &err) != SK_OK)
			return 1;
	}
	return 0;
}

static void
several_add_at_once_and_nothing_is_lost(void **state)
{
	struct sk_tokens t = { NULL, 0 };
	struct sk_err err;
	pid_t pids[4];
	int who[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		who[i] = i;
		pids[i] = proc_fork(adds_twenty, &who[i]);
	}
	for (int i = 0; i < 4; i++)
		assert_true(proc_gone(pids[i]));
	assert_int_equal(sk_tokenfile_read(proc_path("tokens"), &t, &err), SK_OK);
	assert_int_equal(t.n, 80);
	sk_tokens_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_token_or_a_certificate),
		cmocka_unit_test(what_is_wrong_is_named_with_its_line),
		cmocka_unit_test(a_token_is_found_by_its_hash_alone),
		cmocka_unit_test(a_known_hash_is_that_of_the_standard),
		cmocka_unit_test(the_variable_has_secrets_that_are_found_when_sealed),
		cmocka_unit_test(a_wrong_variable_is_told_without_its_secrets),
		cmocka_unit_test_setup_teardown(a_file_that_others_can_use_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_line_is_told_with_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(
			lines_are_added_and_removed_and_the_rest_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_link_stays_a_link_and_a_wrong_file_is_not_touched, setup, teardown),
		cmocka_unit_test_setup_teardown(what_root_makes_is_the_directorys_owners, setup, teardown),
		cmocka_unit_test_setup_teardown(several_add_at_once_and_nothing_is_lost, setup, teardown),
	};

	return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
