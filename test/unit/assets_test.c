/* assets_test.c - the dashboard's files as they are answered. The binary of the tests has them, or
 * (WEB=0) none: then only that is checked. */
#include "adapters/http/assets.h"
#include "adapters/http/assets_data.h"
#include "core/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static struct {
	int answers, status;
	struct sk_str body, headers, type;
} got;

static void
respond(void *arg, const struct sk_api_response *a)
{
	(void)arg;
	got.answers++;
	got.status = a->status;
	sk_str_clear(&got.body);
	sk_str_clear(&got.headers);
	sk_str_clear(&got.type);
	sk_str_add(&got.body, a->body != NULL ? a->body : "", a->len);
	sk_str_adds(&got.type, a->content_type != NULL ? a->content_type : "");
	for (size_t i = 0; a->headers[i] != NULL; i += 2)
		sk_str_addf(&got.headers, "%s: %s\n", a->headers[i], a->headers[i + 1]);
}

static bool
ask(const char *method, const char *path, const char *encoding, const char *tag)
{
	const struct sk_api_request req = { .method = method,
		.path = path,
		.query = "",
		.accept_encoding = encoding,
		.if_none_match = tag,
		.respond = respond };

	got.answers = 0;
	return sk_assets_answer(&req);
}

static void
is(const char *method, const char *path, const char *encoding, const char *tag, int status)
{
	assert_true(ask(method, path, encoding, tag));
	assert_int_equal(got.answers, 1);
	assert_int_equal(got.status, status);
}

static bool
has_header(const char *line)
{
	return strstr(sk_str_text(&got.headers), line) != NULL;
}

static const char *
versioned(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "/dashboard/assets/%s/%s", sk_web_version, file);
	return path;
}

static void
need_files(void)
{
	if (sk_web_version[0] == '\0')
		skip();
}

static void
other_paths_are_left_to_others(void **state)
{
	static const char *const paths[] = { "/", "/dashboards", "/dash", "/v1/status", "/api/tasks/",
		"/v1/dashboard", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_false(ask("GET", paths[i], NULL, NULL));
		assert_int_equal(got.answers, 0);
	}
}

static void
without_files_it_says_so(void **state)
{
	(void)state;
	if (sk_web_version[0] != '\0')
		skip();
	is("GET", "/dashboard", NULL, NULL, 503);
	assert_non_null(strstr(sk_str_text(&got.body), "\"detail\":\"the dashboard is not in this"));
	is("GET", "/dashboard/assets/x/app.js", NULL, NULL, 503);
}

static void
every_path_below_is_the_page(void **state)
{
	static const char *const paths[] = { "/dashboard", "/dashboard/", "/dashboard/tasks/a%2Fb",
		"/dashboard/assets", "/dashboard/x.js" };

	(void)state;
	need_files();
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		is("GET", paths[i], NULL, NULL, 200);
		assert_string_equal(sk_str_text(&got.type), "text/html; charset=utf-8");
		assert_non_null(strstr(sk_str_text(&got.body), "<div id=\"app\">"));
		assert_true(has_header("Cache-Control: no-cache\n"));
		assert_true(has_header("Content-Security-Policy: default-src 'none'; script-src 'self';"));
	}
}

static void
the_page_holds_no_script_and_no_style_of_its_own(void **state)
{
	const char *p;

	(void)state;
	need_files();
	is("GET", "/dashboard", NULL, NULL, 200);
	p = sk_str_text(&got.body);
	assert_null(strstr(p, "<style"));
	assert_null(strstr(p, "style="));
	assert_null(strstr(p, "http://"));
	assert_null(strstr(p, "https://"));
	assert_null(strstr(p, "@")); /* every mark of scripts/web.sh is filled in */
	while ((p = strstr(p, "<script")) != NULL) {
		assert_int_equal(strncmp(p, "<script type=\"module\" src=\"/dashboard/assets/", 45), 0);
		assert_non_null(strstr(p, "\"></script>"));
		p++;
	}
}

static void
files_have_types_and_may_be_kept(void **state)
{
	(void)state;
	need_files();
	is("GET", versioned("app.js"), NULL, NULL, 200);
	assert_string_equal(sk_str_text(&got.type), "text/javascript; charset=utf-8");
	assert_true(has_header("Cache-Control: public, max-age=31536000, immutable\n"));
	assert_true(has_header("X-Content-Type-Options: nosniff\n"));
	assert_true(has_header("Vary: Accept-Encoding\n"));
	is("GET", versioned("theme.css"), NULL, NULL, 200);
	assert_string_equal(sk_str_text(&got.type), "text/css; charset=utf-8");
	is("GET", versioned("icon.svg"), NULL, NULL, 200);
	assert_string_equal(sk_str_text(&got.type), "image/svg+xml");
}

static void
what_is_not_there_is_404(void **state)
{
	(void)state;
	need_files();
	is("GET", versioned("nothing.js"), NULL, NULL, 404);
	is("GET", versioned("../assets.c"), NULL, NULL, 404);
	is("GET", versioned(""), NULL, NULL, 404);
	is("GET", "/dashboard/assets/", NULL, NULL, 404);
	is("GET", "/dashboard/assets/0123456789abcdef/app.js", NULL, NULL, 404);
	assert_non_null(strstr(sk_str_text(&got.body), "\"code\":\"not-found\""));
	assert_non_null(strstr(sk_str_text(&got.body), "\"detail\":\"there is no such file"));
}

static void
only_reading_is_allowed(void **state)
{
	(void)state;
	need_files();
	is("POST", "/dashboard", NULL, NULL, 405);
	assert_true(has_header("Allow: GET, HEAD\n"));
	is("DELETE", versioned("app.js"), NULL, NULL, 405);
}

/* ---- gzip ---- */

static void
inflates_to(const struct sk_web_file *f)
{
	static unsigned char out[1 << 20];
	z_stream z = { .next_in = (unsigned char *)got.body.p,
		.avail_in = (uInt)got.body.len,
		.next_out = out,
		.avail_out = sizeof(out) };

	assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(inflateEnd(&z), Z_OK);
	assert_int_equal(z.total_out, f->len);
	is("GET", versioned(f->name), "identity", NULL, 200);
	assert_int_equal(got.body.len, f->len);
	assert_memory_equal(got.body.p, out, f->len);
}

static void
every_file_is_the_same_with_and_without_gzip(void **state)
{
	(void)state;
	need_files();
	for (const struct sk_web_file *f = sk_web_files; f->name != NULL; f++) {
		is("GET", versioned(f->name), "gzip", NULL, 200);
		assert_true(has_header("Content-Encoding: gzip\n"));
		inflates_to(f);
		assert_false(has_header("Content-Encoding"));
	}
}

static void
gzip_is_sent_to_those_who_take_it(void **state)
{
	static const struct {
		const char *accept;
		bool gzip;
	} rows[] = { { NULL, false }, { "", false }, { "gzip", true }, { "GZIP", true },
		{ "gzip, deflate, br, zstd", true }, { "br , gzip", true }, { "br;q=1,gzip;q=0.5", true },
		{ "br;q=1.0, gzip ; q=0.001", true }, { "gzip;q=0", false }, { "gzip; q=0.000", false },
		{ "identity", false }, { "x-gzip2", false }, { "gzipped", false }, { ",,gzip", true },
		{ "br,", false }, { "deflate;q=1, identity", false } };

	(void)state;
	need_files();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is("GET", "/dashboard", rows[i].accept, NULL, 200);
		assert_int_equal(has_header("Content-Encoding: gzip\n"), rows[i].gzip);
	}
}

static void
all_together_is_small(void **state)
{
	size_t sum = 0;

	(void)state;
	need_files();
	for (const struct sk_web_file *f = sk_web_files; f->name != NULL; f++)
		sum += f->gz_len;
	assert_in_range(sum, 1, 150 * 1000 - 1);
}

/* ---- ETags ---- */

static void
tag_of(const char *encoding, char *tag, size_t n)
{
	const char *p;

	is("GET", versioned("app.js"), encoding, NULL, 200);
	p = strstr(sk_str_text(&got.headers), "ETag: ");
	assert_non_null(p);
	snprintf(tag, n, "%.*s", (int)strcspn(p + 6, "\n"), p + 6);
}

static void
what_is_known_is_not_sent_again(void **state)
{
	char plain[64], gzip[64], list[200];

	(void)state;
	need_files();
	tag_of(NULL, plain, sizeof(plain));
	tag_of("gzip", gzip, sizeof(gzip));
	assert_string_not_equal(plain, gzip);
	is("GET", versioned("app.js"), "gzip", gzip, 304);
	assert_int_equal(got.body.len, 0);
	assert_true(has_header("ETag: "));
	assert_true(has_header("Vary: "));
	assert_false(has_header("Content-Encoding"));
	is("GET", versioned("app.js"), "gzip", plain, 200); /* the other form of it */
	is("GET", versioned("app.js"), NULL, plain, 304);
	is("GET", versioned("app.js"), NULL, "*", 304);
	is("GET", versioned("app.js"), NULL, "\"0\"", 200);
	snprintf(list, sizeof(list), "\"0\", W/%s", gzip);
	is("GET", versioned("app.js"), "gzip", list, 304);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_paths_are_left_to_others),
		cmocka_unit_test(without_files_it_says_so),
		cmocka_unit_test(every_path_below_is_the_page),
		cmocka_unit_test(the_page_holds_no_script_and_no_style_of_its_own),
		cmocka_unit_test(files_have_types_and_may_be_kept),
		cmocka_unit_test(what_is_not_there_is_404),
		cmocka_unit_test(only_reading_is_allowed),
		cmocka_unit_test(every_file_is_the_same_with_and_without_gzip),
		cmocka_unit_test(gzip_is_sent_to_those_who_take_it),
		cmocka_unit_test(all_together_is_small),
		cmocka_unit_test(what_is_known_is_not_sent_again),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	sk_str_release(&got.body);
	sk_str_release(&got.headers);
	sk_str_release(&got.type);
	return failed;
}
