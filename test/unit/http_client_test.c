/* http_client_test.c - the client against the real server; what it refuses to send. */
#include "http_client_rig.h"
#include "http_rig.h"
#include "proc_rig.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- with the real server ---- */

static void
a_call_goes_there_and_back(void **state)
{
	struct sk_http_client *c = client_of(start_real(), 0);
	struct sk_str value = SK_STR_INIT;
	struct sk_http_answer a;
	char expect[200];

	(void)state;
	calls(c,
		&(struct sk_http_call){ .method = "POST",
			.path = "/echo/a%20b/../c?x=y&z=%C3%A4",
			.content_type = "application/x-ndjson",
			.idempotency_key = "key-1",
			.body = "a\0b",
			.len = 3 },
		&a);
	snprintf(expect, sizeof(expect),
		"POST /echo/a%%20b/../c|x=y&z=%%C3%%A4|application/x-ndjson|key-1|3|%016" PRIx64 "\n",
		web_hash("a\0b", 3));
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body.p, expect);
	assert_true(sk_http_header(&a, "x-TWO", &value));
	assert_string_equal(value.p, "2");
	assert_true(sk_http_header(&a, "Content-Type", &value));
	assert_string_equal(value.p, "text/plain");
	assert_false(sk_http_header(&a, "X-Tw", &value));
	assert_false(sk_http_header(&a, "X-Two2", &value));
	assert_non_null(strstr(a.headers.p, "X-One: 1\n"));
	answer_release(&a);
	sk_str_release(&value);
	sk_http_client_close(c);
}

static void
all_methods_go_with_and_without_a_body(void **state)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
	struct sk_http_client *c = client_of(start_real(), 0);
	struct sk_http_answer a;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(methods) / sizeof(methods[0]); i++) {
		char expect[100];
		bool body = i % 2 == 1;

		calls(c,
			&(struct sk_http_call){ .method = methods[i / 2],
				.path = "/echo",
				.body = body ? "{}" : NULL,
				.len = body ? 2 : 0 },
			&a);
		snprintf(expect, sizeof(expect), "%s /echo||%s||%d|", methods[i / 2],
			body ? "application/json" : "", body ? 2 : 0);
		assert_true(strncmp(a.body.p, expect, strlen(expect)) == 0);
		answer_release(&a);
	}
	calls(c, &(struct sk_http_call){ .method = "HEAD", .path = "/size/100" }, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, 0);
	answer_release(&a);
	calls(c, &(struct sk_http_call){ .method = "GET", .path = "/nothing" }, &a);
	assert_int_equal(a.status, 404);
	assert_string_equal(a.body.p, "nothing");
	answer_release(&a);
	calls(c, &(struct sk_http_call){ .method = "GET", .path = "/code/204" }, &a);
	assert_int_equal(a.status, 204);
	answer_release(&a);
	sk_http_client_close(c);
}

static void
large_bodies_go_both_ways(void **state)
{
	struct sk_http_client *c = client_of(start_real(), 0);
	const size_t n = SK_API_MAX_BODY;
	char *body = malloc(n + 1), expect[64];
	struct sk_http_answer a;

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i <= n; i++)
		body[i] = (char)(i * 7);
	calls(
		c, &(struct sk_http_call){ .method = "POST", .path = "/echo", .body = body, .len = n }, &a);
	snprintf(expect, sizeof(expect), "|%zu|%016" PRIx64 "\n", n, web_hash(body, n));
	assert_non_null(strstr(a.body.p, expect));
	answer_release(&a);
	calls(c, &(struct sk_http_call){ .method = "GET", .path = "/size/20000000" }, &a);
	assert_int_equal(a.body.len, 20000000);
	answer_release(&a);
	free(body);
	sk_http_client_close(c);
}

static void
a_path_may_be_long(void **state)
{
	struct sk_str dir = SK_STR_INIT;
	struct sk_http_client *c;

	(void)state;
	sk_str_adds(&dir, proc_path("d"));
	while (dir.len < 200) {
		assert_int_equal(mkdir(dir.p, 0700), 0);
		sk_str_adds(&dir, "/a-directory-with-a-long-name");
	}
	assert_int_equal(mkdir(dir.p, 0700), 0);
	sk_str_adds(&dir, "/skalds.sock");
	start_real_at(dir.p);
	c = client_of(dir.p, 0);
	for (int i = 0; i < 3; i++)
		is_answered(c, "POST", "{}");
	sk_http_client_close(c);
	sk_str_release(&dir);
}

/* ---- wrong input ---- */

static void
wrong_calls_are_refused_before_anything_is_sent(void **state)
{
	static const struct sk_http_call wrong[] = {
		{ .method = "GET", .path = "" },
		{ .method = "GET", .path = "echo" },
		{ .method = "GET", .path = "/a b" },
		{ .method = "GET", .path = "/a#b" },
		{ .method = "GET", .path = "/a\r\nX: y" },
		{ .method = "", .path = "/" },
		{ .method = "GET / HTTP/1.1\r\nX:", .path = "/" },
		{ .method = "POST", .path = "/", .idempotency_key = "a\r\nX: y" },
		{ .method = "POST", .path = "/", .content_type = "a\nb", .body = "x", .len = 1 },
	};
	struct sk_http_client *c = client_of(start_real(), 0);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		fails(c, &wrong[i], SK_EINVAL, false, "");
	is_answered(c, "POST", "{}");
	sk_http_client_close(c);
}

static void
wrong_urls_are_refused(void **state)
{
	static const char *const urls[] = { "", "host:80", "ftp://host/", "file:///etc/passwd",
		"/path" };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct sk_err err = { SK_OK, "" };

		assert_null(sk_http_client_open(&(struct sk_http_client_config){ .url = urls[i] }, &err));
		assert_int_equal(err.code, SK_EINVAL);
	}
	sk_http_client_close(NULL);
}

/* The environment names a proxy: it is not asked. */
static void
no_proxy_is_asked(void **state)
{
	struct sk_http_client *c;

	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "socks5://127.0.0.1:1", 1), 0);
	c = client_of(start_real(), 0);
	is_answered(c, "POST", "{}");
	sk_http_client_close(c);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void
nothing_stays_open(void **state)
{
	const char *path = start_real();
	size_t before;

	(void)state;
	sk_http_client_close(client_of(path, 0)); /* what libraries keep for ever */
	before = proc_open_fds();
	for (int i = 0; i < 20; i++) {
		struct sk_http_client *c = client_of(path, 0);

		is_answered(c, "POST", "{}");
		sk_http_client_close(c);
	}
	assert_int_equal(proc_open_fds(), before);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, client_rig_setup, client_rig_teardown)
	const struct CMUnitTest tests[] = {
		T(a_call_goes_there_and_back),
		T(all_methods_go_with_and_without_a_body),
		T(large_bodies_go_both_ways),
		T(a_path_may_be_long),
		T(wrong_calls_are_refused_before_anything_is_sent),
		T(wrong_urls_are_refused),
		T(no_proxy_is_asked),
		T(nothing_stays_open),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
