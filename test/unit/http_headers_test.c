/* http_headers_test.c - what the server says to browsers: other sites, and what may be done with an
 * answer. */
#include "http_rig.h"
#include "proc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define H "Host: x\r\n"
#define A "https://a.example"
#define B "http://b.example:8080"

static struct web w;

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
	if (w.server != NULL)
		web_close(&w);
	w.server = NULL;
	proc_scratch_remove();
	return 0;
}

static int
refuse_all(void *arg, const struct sk_http_head *head, struct sk_http_who *who)
{
	(void)arg;
	(void)head;
	who->why = "no";
	return 401;
}

static void
ask(const char *text, int status, struct reply *r)
{
	int fd = web_connect(&w);

	web_says(&w, fd, text);
	web_reply(&w, fd, r, strncmp(text, "HEAD", 4) == 0);
	assert_int_equal(r->status, status);
	close(fd);
}

static void
has(const struct reply *r, const char *name, const char *value)
{
	char buf[300];

	assert_string_equal(reply_header(r, name, buf, sizeof(buf)), value);
}

static void
browsers_are_told_to_be_careful(void **state)
{
	static const char *const requests[] = { "GET /echo HTTP/1.1\r\n" H "\r\n",
		"HEAD /echo HTTP/1.1\r\n" H "\r\n", "GET /stream HTTP/1.1\r\n" H "\r\n",
		"GET /echo HTTP/1.1\r\n\r\n" };
	static const int statuses[] = { 200, 200, 200, 400 };
	struct reply r;

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .address = "127.0.0.1:0" });
	for (size_t i = 0; i < 4; i++) {
		ask(requests[i], statuses[i], &r);
		has(&r, "X-Content-Type-Options", "nosniff");
		has(&r, "X-Frame-Options", "DENY");
		has(&r, "Referrer-Policy", "no-referrer");
		has(&r, "Cache-Control", "no-store");
		has(&r, "Strict-Transport-Security", "");
		has(&r, "Vary", "");
		has(&r, "Access-Control-Allow-Origin", "");
		reply_release(&r);
	}
}

static void
an_answers_own_headers_win(void **state)
{
	struct reply r;

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .address = "127.0.0.1:0" });
	ask("GET /cached HTTP/1.1\r\n" H "\r\n", 200, &r);
	has(&r, "Cache-Control", "max-age=60");
	assert_null(strstr(r.head.p, "no-store"));
	has(&r, "X-Frame-Options", "DENY");
	reply_release(&r);
}

static void
a_unix_socket_says_nothing_of_it(void **state)
{
	struct reply r;

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .cors_origin = A });
	ask("GET /echo HTTP/1.1\r\n" H "Origin: " A "\r\n\r\n", 200, &r);
	has(&r, "X-Frame-Options", "");
	has(&r, "Access-Control-Allow-Origin", "");
	reply_release(&r);
}

static void
without_cors_no_site_is_named(void **state)
{
	struct reply r;

	(void)state;
	web_open(&w, (struct sk_http_server_config){ .address = "127.0.0.1:0" });
	ask("GET /echo HTTP/1.1\r\n" H "Origin: " A "\r\n\r\n", 200, &r);
	assert_null(strstr(r.head.p, "Access-Control"));
	reply_release(&r);
	ask("OPTIONS /echo HTTP/1.1\r\n" H "Origin: " A
		"\r\nAccess-Control-Request-Method: POST\r\n\r\n",
		204, &r);
	assert_null(strstr(r.head.p, "Access-Control"));
	reply_release(&r);
}

static void
only_the_sites_that_are_named_may_read(void **state)
{
	static const char *const others[] = { "https://a.example.evil", "https://A.example",
		"http://a.example", "https://a.exampl", "null", "*", A ", " B, B "/" };
	struct sk_str s = SK_STR_INIT;
	struct reply r;

	(void)state;
	web_open(
		&w, (struct sk_http_server_config){ .address = "127.0.0.1:0", .cors_origin = A ", " B });
	ask("GET /echo HTTP/1.1\r\n" H "Origin: " A "\r\n\r\n", 200, &r);
	has(&r, "Access-Control-Allow-Origin", A);
	has(&r, "Vary", "Origin");
	assert_non_null(strstr(r.head.p, "Access-Control-Expose-Headers: ETag, "));
	reply_release(&r);
	ask("GET /stream HTTP/1.1\r\n" H "Origin: " B "\r\n\r\n", 200, &r);
	has(&r, "Access-Control-Allow-Origin", B);
	reply_release(&r);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		sk_str_clear(&s);
		sk_str_addf(&s, "GET /echo HTTP/1.1\r\n" H "Origin: %s\r\n\r\n", others[i]);
		ask(s.p, 200, &r);
		assert_null(strstr(r.head.p, "Access-Control"));
		has(&r, "Vary", "Origin"); /* so that no cache gives it to the others */
		reply_release(&r);
	}
	sk_str_release(&s);
}

static void
browsers_may_ask_before(void **state)
{
	struct reply r;

	(void)state;
	web_open(&w,
		(struct sk_http_server_config){
			.address = "127.0.0.1:0", .cors_origin = A, .authorize = refuse_all });
	ask("OPTIONS /echo HTTP/1.1\r\n" H "Origin: " A
		"\r\nAccess-Control-Request-Method: POST\r\n\r\n",
		204, &r);
	has(&r, "Access-Control-Allow-Origin", A);
	has(&r, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	has(&r, "Access-Control-Allow-Headers",
		"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID");
	reply_release(&r);
	/* ... and may read why they were refused */
	ask("GET /echo HTTP/1.1\r\n" H "Origin: " A "\r\n\r\n", 401, &r);
	has(&r, "Access-Control-Allow-Origin", A);
	has(&r, "WWW-Authenticate", "Bearer");
	reply_release(&r);
}

static void
origins_that_are_none_are_told(void **state)
{
	static const char *const bad[] = { "*", "a.example", "https://a.example/", "https://",
		"https://A.example", "null", A ", x", "https://*.example", "ftp://a.example" };
	struct sk_http_server_config cfg = { .address = "127.0.0.1:0" };
	struct sk_err err;

	(void)state;
	web_open(&w, cfg);
	cfg.host = w.host;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cfg.cors_origin = bad[i];
		assert_null(sk_http_server_open(&cfg, &err));
		assert_int_equal(err.code, SK_EINVAL);
		assert_non_null(strstr(err.msg, "is not an origin"));
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(browsers_are_told_to_be_careful),
		T(an_answers_own_headers_win),
		T(a_unix_socket_says_nothing_of_it),
		T(without_cors_no_site_is_named),
		T(only_the_sites_that_are_named_may_read),
		T(browsers_may_ask_before),
		T(origins_that_are_none_are_told),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
