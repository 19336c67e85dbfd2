/* http_filter_test.c - which requests pass, where they end, and what the others are answered. */
#include "adapters/http/filter.h"
#include "core/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_BODY 1000
#define H "Host: x\r\n"

static struct sk_http_filter f;

/* All at once. */
static enum sk_http_feed
feed(const char *text, size_t n)
{
	sk_http_filter_init(&f, MAX_BODY);
	return sk_http_filter_feed(&f, text, n);
}

/* One byte more at each call, at another place each time: what lies behind must not be touched. */
static enum sk_http_feed
feed_slowly(const char *text, size_t n)
{
	enum sk_http_feed r = SK_HTTP_MORE;

	sk_http_filter_init(&f, MAX_BODY);
	for (size_t i = 0; i <= n && r == SK_HTTP_MORE; i++) {
		char *copy = malloc(i + 1);

		assert_non_null(copy);
		memcpy(copy, text, i);
		r = sk_http_filter_feed(&f, copy, i);
		free(copy);
	}
	return r;
}

/* The request passes and ends at its last byte, however it is cut. */
static void
passes_n(const char *text, size_t n)
{
	struct sk_str more = SK_STR_INIT;

	if (feed_slowly(text, n) != SK_HTTP_WHOLE)
		fail_msg("\"%.60s\": %d %s", text, f.status, f.why != NULL ? f.why : "not whole");
	assert_int_equal(f.total, n);
	sk_str_add(&more, text, n);
	sk_str_adds(&more, "GET /next HTTP/1.1\r\n");
	assert_int_equal(feed(more.p, more.len), SK_HTTP_WHOLE);
	assert_int_equal(f.total, n);
	sk_str_release(&more);
}

static void
passes(const char *text)
{
	passes_n(text, strlen(text));
}

static void
is_refused_n(int status, const char *text, size_t n)
{
	if (feed_slowly(text, n) != SK_HTTP_REFUSED || f.status != status)
		fail_msg("\"%.60s\": %d %s", text, f.status, f.why != NULL ? f.why : "not refused");
	assert_non_null(f.why);
	assert_int_equal(feed(text, n), SK_HTTP_REFUSED);
	assert_int_equal(f.status, status);
}

static void
is_refused(int status, const char *text)
{
	is_refused_n(status, text, strlen(text));
}

/* All is well so far. */
static void
is_open(const char *text)
{
	assert_int_equal(feed_slowly(text, strlen(text)), SK_HTTP_MORE);
	assert_int_equal(feed(text, strlen(text)), SK_HTTP_MORE);
}

/* ---- what passes ---- */

static void
ordinary_requests_pass(void **state)
{
	static const char binary[] = "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\n\0\xff\0";

	(void)state;
	passes("GET / HTTP/1.1\r\n" H "\r\n");
	assert_int_equal(f.method, SK_HTTP_GET);
	assert_false(f.close);
	passes("POST /v1/tasks?dry_run=1 HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 5\r\n"
		   "content-type: application/json\r\n\r\n{\"a\"}");
	assert_int_equal(f.method, SK_HTTP_POST);
	assert_int_equal(f.body_len, 5);
	passes("POST /a HTTP/1.1\r\n" H "\r\n");
	passes("PATCH /a HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n");
	passes("DELETE /a HTTP/1.1\r\n" H "Content-Length: 0000000002\r\n\r\nab");
	passes("PUT /a HTTP/1.1\r\n" H "Content-Length:2  \t\r\n\r\n\n\n");
	passes("HEAD /a HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n");
	passes("OPTIONS * HTTP/1.1\r\n" H "\r\n");
	passes("GET / HTTP/1.0\r\n\r\n");
	passes("GET / HTTP/1.1\r\nHost:\r\n\r\n");
	passes("GET / HTTP/1.1\r\nHost: [::1]:80\r\nX: \t\xc3\xa4 \"!\x7e\r\nEmpty:\r\n\r\n");
	passes("GET / HTTP/1.1\r\n" H "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n");
	passes("GET /v1/tasks/a%20b%ff/~-._!$&'()*+,;=:@/x?q=/?%C3%A4 HTTP/1.1\r\n" H "\r\n");
	passes_n(binary, sizeof(binary) - 1);
}

static void
where_the_target_stands_is_told(void **state)
{
	const char *text = "DELETE /v1/tasks/a?b=c HTTP/1.1\r\n" H "\r\n";

	(void)state;
	passes(text);
	assert_int_equal(f.target_len, strlen("/v1/tasks/a?b=c"));
	assert_memory_equal(text + f.target, "/v1/tasks/a?b=c", f.target_len);
	assert_int_equal(f.head_len, strlen(text));
	assert_string_equal(sk_http_method_name(f.method), "DELETE");
}

static void
stands_at(const char *text, struct sk_http_span v, const char *value)
{
	assert_int_equal(v.len, strlen(value));
	assert_memory_equal(text + v.at, value, v.len);
}

static void
where_values_stand_is_told(void **state)
{
	const char *text = "GET / HTTP/1.1\r\nOrigin:http://o\r\nHOST:   h:1 \t\r\n"
					   "authorization: Bearer a b \r\n\r\n";

	(void)state;
	passes(text);
	stands_at(text, f.host, "h:1");
	stands_at(text, f.origin, "http://o");
	stands_at(text, f.authorization, "Bearer a b");
	text = "GET / HTTP/1.1\r\n" H "Authorization:\r\nX-Origin: y\r\n\r\n";
	passes(text);
	stands_at(text, f.authorization, "");
	stands_at(text, f.origin, "");
}

/* ... before anything else of it is there. */
static void
tls_is_known_by_its_first_byte(void **state)
{
	(void)state;
	is_refused(400, "\x16");
	assert_string_equal(f.why, "this port speaks HTTP, not HTTPS");
	is_refused(400, "GET \x16");
	assert_string_equal(f.why, "there is a control character in the head");
}

static void
the_head_is_known_before_the_body_is_there(void **state)
{
	(void)state;
	is_open("POST / HTTP/1.1\r\n" H "Content-Length: 1000\r\nExpect: 100-continue\r\n\r");
	assert_int_equal(f.head_len, 0);
	is_open("POST / HTTP/1.1\r\n" H "Content-Length: 1000\r\nExpect: 100-Continue\r\n\r\nabc");
	assert_int_not_equal(f.head_len, 0);
	assert_true(f.wants_continue);
	assert_int_equal(f.body_len, 1000);
	/* nobody waits for leave to send nothing */
	passes("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n");
	assert_false(f.wants_continue);
	passes("POST / HTTP/1.0\r\n" H "Content-Length: 1\r\nExpect: 100-continue\r\n\r\nx");
	assert_false(f.wants_continue);
}

static void
who_ends_the_connection_is_told(void **state)
{
	(void)state;
	passes("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(f.close);
	passes("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
	assert_true(f.close);
	passes("GET / HTTP/1.1\r\n" H "Connection: x, \tCLOSE\t , y\r\n\r\n");
	assert_true(f.close);
	passes("GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: ,,close\r\n\r\n");
	assert_true(f.close);
	passes("GET / HTTP/1.1\r\n" H "Connection: keep-alive, closed, clos, ,\r\n\r\n");
	assert_false(f.close);
}

/* ---- request lines ---- */

static void
malformed_request_lines_are_refused(void **state)
{
	static const char *const lines[] = { "", " ", "GET", "GET /", "GET  / HTTP/1.1",
		"GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET / HTTP/1.1 x",
		"GET\t/\tHTTP/1.1", "GET /\tHTTP/1.1", "G\xc3\xa4T / HTTP/1.1", "G(T / HTTP/1.1",
		" / HTTP/1.1", "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/11", "GET / HTTP/1.10",
		"GET / HTTP/1,1", "GET / HTTP/x.1", "GET / FTP/1.1", "GET / ",
		"METHODMETHODMETHODMETHODMETHODMET / HTTP/1.1" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "%s\r\n" H "\r\n", lines[i]);
		is_refused(400, text);
	}
}

static void
targets_that_are_no_path_are_refused(void **state)
{
	static const char *const targets[] = { "http://x/", "https://x/", "x", "x:80", "?a", "*",
		"//x/y", "//", "/a#b", "/a\"b", "/a<b", "/a\\b", "/a^b", "/a`b", "/a{b", "/a|b", "/a}b",
		"/\xc3\xa4", "/a%", "/a%2", "/a%2g", "/a%g2", "/%%41", "/a%00b", "/a?b=%", "/a?b=%00",
		"/a[b]" };

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" H "\r\n", targets[i]);
		is_refused(400, text);
	}
	is_refused(400, "POST * HTTP/1.1\r\n" H "\r\n");
}

static void
other_methods_and_versions_are_refused(void **state)
{
	static const char *const others[] = { "TRACE", "CONNECT", "get", "Get", "GETS", "PROPFIND",
		"M" };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n" H "\r\n", others[i]);
		is_refused(501, text);
	}
	is_refused(505, "GET / HTTP/2.0\r\n" H "\r\n");
	is_refused(505, "GET / HTTP/1.2\r\n" H "\r\n");
	is_refused(505, "GET / HTTP/0.9\r\n" H "\r\n");
	is_refused(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

/* ---- headers ---- */

static void
malformed_headers_are_refused(void **state)
{
	static const char *const headers[] = { "X", "X Y", ": v", "X : v", "X\t: v", " X: v", "\tX: v",
		"X(: v", "X\xc3\xa4: v", "X: a\r\n b", "X: a\r\n\tb", "Host: y", "Host: a b", "Host: a/b",
		"Host: \xc3\xa4", "Content-Type: a\r\ncontent-TYPE: b",
		"Idempotency-Key: a\r\nIdempotency-Key: a", "Expect: 100-continue\r\nExpect: 100-continue",
		"Authorization: a\r\nAuthorization: a", "Origin: a\r\nOrigin: a",
		"If-Match: a\r\nIf-Match: b", "If-None-Match: a\r\nIf-None-Match: b",
		"Last-Event-ID: a\r\nLast-Event-ID: a" };

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H "%s\r\n\r\n", headers[i]);
		is_refused(400, text);
	}
}

static void
a_host_is_needed(void **state)
{
	(void)state;
	is_refused(400, "GET / HTTP/1.1\r\n\r\n");
	is_refused(400, "GET / HTTP/1.1\r\nHosts: x\r\n\r\n");
	is_refused(400, "GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n");
}

static void
line_ends_are_cr_lf(void **state)
{
	(void)state;
	is_refused(400, "GET / HTTP/1.1\n" H "\r\n");
	is_refused(400, "GET / HTTP/1.1\r\nHost: x\n\r\n");
	is_refused(400, "GET / HTTP/1.1\r\n" H "\n");
	is_refused(400, "GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n");
	is_refused(400, "GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n");
	is_refused(400, "GET / HTTP/1.1\r" H "\r\n");
	is_refused(400, "\r\nGET / HTTP/1.1\r\n" H "\r\n");
	is_refused(400, "\nGET / HTTP/1.1\r\n" H "\r\n");
}

/* Every control character, at once and not only when the line ends. */
static void
control_characters_are_refused_at_once(void **state)
{
	(void)state;
	for (int c = 0; c < 0x20; c++) {
		char text[] = "GET / HTTP/1.1\r\nX: a?";

		if (c == '\t' || c == '\r')
			continue;
		text[sizeof(text) - 2] = (char)c;
		is_refused_n(400, text, sizeof(text) - 1);
		is_refused_n(400, text + sizeof(text) - 2, 1);
	}
	is_refused(400, "GET / HTTP/1.1\r\nX: a\x7f");
	is_refused_n(400, "\x16\x03\x01\x02\x00", 5); /* TLS */
	passes("GET / HTTP/1.1\r\n" H "X: a\tb\r\n\r\n");
}

static void
the_head_has_limits(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	sk_str_adds(&s, "GET / HTTP/1.1\r\n" H);
	for (int i = 1; i < SK_HTTP_MAX_HEADERS; i++)
		sk_str_addf(&s, "X%d: v\r\n", i);
	sk_str_adds(&s, "\r\n");
	passes(s.p);
	s.len -= 2;
	sk_str_adds(&s, "One-more: v\r\n\r\n");
	is_refused(431, s.p);

	sk_str_clear(&s);
	sk_str_adds(&s, "GET / HTTP/1.1\r\n" H "X: ");
	while (s.len < SK_HTTP_MAX_HEAD - 4)
		sk_str_addc(&s, 'x');
	sk_str_adds(&s, "\r\n\r\n");
	assert_int_equal(feed(s.p, s.len), SK_HTTP_WHOLE);
	s.len -= 4;
	sk_str_adds(&s, "x\r\n\r\n");
	assert_int_equal(feed(s.p, s.len), SK_HTTP_REFUSED);
	assert_int_equal(f.status, 431);

	sk_str_clear(&s);
	sk_str_adds(&s, "GET /");
	while (s.len < SK_HTTP_MAX_HEAD)
		sk_str_addc(&s, 'x');
	assert_int_equal(feed(s.p, s.len), SK_HTTP_MORE);
	sk_str_addc(&s, 'x');
	assert_int_equal(feed(s.p, s.len), SK_HTTP_REFUSED);
	assert_int_equal(f.status, 414);
	sk_str_release(&s);
}

/* ---- bodies ---- */

static void
bodies_have_a_limit(void **state)
{
	static const char *const large[] = { "1001", "4294967296", "4294967297", "18446744073709551616",
		"99999999999999999999999999", "0000000000000000000001" };

	(void)state;
	is_open("POST / HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\n");
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		char text[200];

		snprintf(
			text, sizeof(text), "POST / HTTP/1.1\r\n" H "Content-Length: %s\r\n\r\n", large[i]);
		is_refused(413, text);
	}
}

static void
lengths_that_are_none_are_refused(void **state)
{
	static const char *const lengths[] = { "", "-1", "+5", "5x", "0x5", "5 5", "5,5", "5, 5",
		"\"5\"", "5.0", "\xef\xbc\x95", "\t5", "5\r\nContent-Length: 5", "5\r\nContent-Length: 6" };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\n" H "Content-Length: %s\r\n\r\nhello",
			lengths[i]);
		is_refused(400, text);
	}
	is_refused(400, "HEAD / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx");
}

#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"

static void
chunks_are_followed_to_their_end(void **state)
{
	(void)state;
	passes(CHUNKED "\r\n0\r\n\r\n");
	assert_int_equal(f.body_len, 0);
	passes(CHUNKED "\r\n5\r\nhello\r\n00A\r\n0123456789\r\n0000\r\n\r\n");
	assert_int_equal(f.body_len, 15);
	passes("POST / HTTP/1.1\r\n" H "transfer-encoding:  CHUNKED \t\r\n\r\n5\r\n0\r\n\r\n\r\n01\r\n"
		   "\n\r\n0\r\n\r\n");
	assert_int_equal(f.body_len, 6);
	assert_true(f.chunked);
	is_open(CHUNKED "\r\n5\r\nhello");
	is_open(CHUNKED "\r\n5\r\nhello\r\n");
	is_open(CHUNKED "\r\n0\r\n");
	is_open(CHUNKED "Expect: 100-continue\r\n\r\n");
	assert_true(f.wants_continue);
}

static void
malformed_chunks_are_refused(void **state)
{
	static const char *const bodies[] = { "\r\n", "x\r\n", " 5\r\nhello\r\n", "5 \r\nhello\r\n",
		"-5\r\n", "+5\r\n", "0x5\r\n", "5;a=b\r\nhello\r\n", "5\nhello\r\n", "5\r\nhello\n",
		"5\r\nhello5\r\n", "5\r\nhelloworld", "5\rhello\r\n", "0\r\nX: y\r\n\r\n", "0\r\n0\r\n\r\n",
		"5\r\nhello\r\n\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		char text[300];

		snprintf(text, sizeof(text), CHUNKED "\r\n%s", bodies[i]);
		is_refused(400, text);
	}
}

static void
chunked_bodies_have_a_limit(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	is_open(CHUNKED "\r\n3e8\r\n");
	is_refused(413, CHUNKED "\r\n3e9\r\n");
	is_refused(413, CHUNKED "\r\nffffffff\r\n");
	is_refused(413, CHUNKED "\r\n000000001\r\n");
	is_refused(413, CHUNKED "\r\nfffffffffffffffff\r\n");
	sk_str_adds(&s, CHUNKED "\r\n3e8\r\n");
	for (int i = 0; i < 1000; i++)
		sk_str_addc(&s, 'x');
	sk_str_adds(&s, "\r\n1\r\n");
	is_refused(413, s.p);
	sk_str_release(&s);
}

static void
very_small_chunks_are_refused_before_they_fill_the_memory(void **state)
{
	struct sk_str s = SK_STR_INIT;

	(void)state;
	sk_str_adds(&s, CHUNKED "\r\n");
	for (int i = 0; i < 100000; i++)
		sk_str_adds(&s, "1\r\nx\r\n");
	sk_http_filter_init(&f, (size_t)4 << 20);
	assert_int_equal(sk_http_filter_feed(&f, s.p, s.len), SK_HTTP_REFUSED);
	assert_int_equal(f.status, 413);
	assert_true(f.pos < 2 * SK_HTTP_MAX_FRAMING);
	sk_str_release(&s);
}

/* Pairs that make two servers disagree about where a request ends. */
static void
what_smuggles_requests_is_refused(void **state)
{
	static const char with_nul[] = "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\0\r\n\r\n";

	(void)state;
	is_refused(400, CHUNKED "Content-Length: 5\r\n\r\n0\r\n\r\n");
	is_refused(
		400, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
	is_refused(400, CHUNKED "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	is_refused(501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n");
	is_refused(501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n");
	is_refused(501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n");
	is_refused(501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n");
	is_refused(400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\tchunked\r\n\r\n");
	is_refused(400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \tchunked\r\n\r\n");
	is_refused(400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n");
	is_refused(400, "POST / HTTP/1.1\r\n" H "X: y\nTransfer-Encoding: chunked\r\n\r\n");
	is_refused(400, "POST / HTTP/1.1\r\n" H "X: y\rTransfer-Encoding: chunked\r\n\r\n");
	is_refused(400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	is_refused_n(400, with_nul, sizeof(with_nul) - 1);
	is_refused(417, "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nExpect: 200-ok\r\n\r\nx");
}

/* Chance: whatever comes, the answer does not depend on how it is cut, and is one of ours. */
static void
garbage_is_taken_alike_however_it_is_cut(void **state)
{
	static const char *const parts[] = { "GET ", "POST ", "/", "/a?b ", " ", "HTTP/1.1", "\r\n",
		"\r", "\n", "Host: x\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
		"\r\n\r\n", "abc", "3\r\n", "0\r\n\r\n", ":", "\t", "X: y\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\n" };
	const size_t n_parts = sizeof(parts) / sizeof(parts[0]);
	struct sk_str s = SK_STR_INIT;
	int whole = 0, refused = 0;

	(void)state;
	srand(5);
	for (int i = 0; i < 20000; i++) {
		enum sk_http_feed at_once;
		struct sk_http_filter first;

		sk_str_clear(&s);
		if (rand() % 2 == 0)
			sk_str_adds(&s, parts[n_parts - 1]);
		for (int k = rand() % 8; k >= 0; k--)
			sk_str_adds(&s, parts[(size_t)rand() % n_parts]);
		at_once = feed(s.p, s.len);
		first = f;
		assert_int_equal(feed_slowly(s.p, s.len), at_once);
		assert_int_equal(f.status, first.status);
		if (at_once == SK_HTTP_WHOLE)
			assert_int_equal(f.total, first.total);
		whole += at_once == SK_HTTP_WHOLE;
		refused += at_once == SK_HTTP_REFUSED;
	}
	assert_true(whole > 100 && refused > 100); /* it was worth it */
	sk_str_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_requests_pass),
		cmocka_unit_test(where_the_target_stands_is_told),
		cmocka_unit_test(where_values_stand_is_told),
		cmocka_unit_test(tls_is_known_by_its_first_byte),
		cmocka_unit_test(the_head_is_known_before_the_body_is_there),
		cmocka_unit_test(who_ends_the_connection_is_told),
		cmocka_unit_test(malformed_request_lines_are_refused),
		cmocka_unit_test(targets_that_are_no_path_are_refused),
		cmocka_unit_test(other_methods_and_versions_are_refused),
		cmocka_unit_test(malformed_headers_are_refused),
		cmocka_unit_test(a_host_is_needed),
		cmocka_unit_test(line_ends_are_cr_lf),
		cmocka_unit_test(control_characters_are_refused_at_once),
		cmocka_unit_test(the_head_has_limits),
		cmocka_unit_test(bodies_have_a_limit),
		cmocka_unit_test(lengths_that_are_none_are_refused),
		cmocka_unit_test(chunks_are_followed_to_their_end),
		cmocka_unit_test(malformed_chunks_are_refused),
		cmocka_unit_test(chunked_bodies_have_a_limit),
		cmocka_unit_test(very_small_chunks_are_refused_before_they_fill_the_memory),
		cmocka_unit_test(what_smuggles_requests_is_refused),
		cmocka_unit_test(garbage_is_taken_alike_however_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
