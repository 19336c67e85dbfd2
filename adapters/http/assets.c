#include "adapters/http/assets.h"
#include "adapters/http/assets_data.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define ROOT "/dashboard"
#define FILES "/assets/"
#define PAGE "index.html"

#define POLICY \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " \
	"connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; " \
	"frame-ancestors 'none'"

/* "/dashboard" or below. */
static bool
is_ours(const char *path)
{
	const size_t n = strlen(ROOT);

	return strncmp(path, ROOT, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* ---- errors, in the shape of the API's ---- */

static void
answer_error(
	const struct sk_api_request *req, int status, const char *code, const char *why, bool allow)
{
	struct sk_str body = SK_STR_INIT;
	struct sk_api_response a = { .status = status, .content_type = "application/json" };

	sk_str_adds(&body, "{\"error\":{");
	sk_json_kstr(&body, "code", code);
	sk_json_kstr(&body, "message", why);
	sk_str_adds(&body, ",\"problems\":[]}");
	sk_json_kstr(&body, "detail", why);
	sk_str_addc(&body, '}');
	a.body = body.p;
	a.len = body.len;
	if (allow) {
		a.headers[0] = "Allow";
		a.headers[1] = "GET, HEAD";
	}
	req->respond(req->arg, &a);
	sk_str_release(&body);
}

/* ---- which file ---- */

static const struct sk_web_file *
file_named(const char *name)
{
	for (const struct sk_web_file *f = sk_web_files; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* "VERSION/FILE" of this build. */
static const struct sk_web_file *
versioned_file(const char *path)
{
	const size_t n = strlen(sk_web_version);

	if (strncmp(path, sk_web_version, n) != 0 || path[n] != '/')
		return NULL;
	return file_named(path + n + 1);
}

/* ---- what the client takes (RFC 9110, 12.5.3) ---- */

/* The weight of an element, "gzip;q=0.5": is it more than zero? */
static bool
wanted(const char *params, size_t n)
{
	const char *q = memchr(params, '=', n);

	if (q == NULL)
		return true;
	return strspn(q + 1, "0.") < strcspn(q + 1, ", \t;");
}

static bool
takes_gzip(const char *list)
{
	while (list != NULL && *list != '\0') {
		const size_t n = strcspn(list, ","), blank = strspn(list, " \t");
		const char *name = list + (blank < n ? blank : n);
		const size_t left = n - (size_t)(name - list), len = strcspn(name, ",; \t");

		if (len == 4 && strncasecmp(name, "gzip", 4) == 0)
			return wanted(name + len, left - len);
		list += n + (list[n] == ',');
	}
	return false;
}

/* Does the list of If-None-Match name this tag? Weak ones compare as strong ones do (13.1.2). */
static bool
known_tag(const char *list, const char *tag)
{
	return list != NULL && (strcmp(list, "*") == 0 || strstr(list, tag) != NULL);
}

/* ---- the answer ---- */

/* The content as it was before gzip: for the few who do not take that. */
static char *
inflated(const struct sk_web_file *f)
{
	char *out = sk_xmalloc(f->len + 1);
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)f->gz,
		.avail_in = (uInt)f->gz_len,
		.next_out = (unsigned char *)out,
		.avail_out = (uInt)f->len };

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK || inflate(&z, Z_FINISH) != Z_STREAM_END ||
		inflateEnd(&z) != Z_OK)
		abort(); /* bytes of our own binary: only a bug gets here */
	return out;
}

static void
put_header(struct sk_api_response *a, const char *name, const char *value)
{
	size_t n = 0;

	while (a->headers[n] != NULL)
		n += 2;
	a->headers[n] = name;
	a->headers[n + 1] = value;
}

static void
put_headers(struct sk_api_response *a, const char *tag, bool gzip, bool page)
{
	put_header(a, "ETag", tag);
	put_header(a, "Cache-Control", page ? "no-cache" : "public, max-age=31536000, immutable");
	put_header(a, "Vary", "Accept-Encoding");
	put_header(a, "X-Content-Type-Options", "nosniff");
	if (gzip && a->status == 200)
		put_header(a, "Content-Encoding", "gzip");
	if (page) {
		put_header(a, "Content-Security-Policy", POLICY);
		put_header(a, "Referrer-Policy", "no-referrer");
	}
}

static void
answer_file(const struct sk_api_request *req, const struct sk_web_file *f, bool page)
{
	const bool gzip = takes_gzip(req->accept_encoding);
	struct sk_api_response a = { .status = 200, .content_type = f->type };
	char tag[40];
	char *plain = NULL;

	snprintf(tag, sizeof(tag), "\"%s%s\"", f->hash, gzip ? "-gz" : "");
	if (known_tag(req->if_none_match, tag)) {
		a.status = 304;
	} else if (gzip) {
		a.body = f->gz;
		a.len = f->gz_len;
	} else {
		a.body = plain = inflated(f);
		a.len = f->len;
	}
	put_headers(&a, tag, gzip, page);
	req->respond(req->arg, &a);
	free(plain);
}

bool
sk_assets_answer(const struct sk_api_request *req)
{
	const struct sk_web_file *f;
	const char *rest;

	if (!is_ours(req->path))
		return false;
	rest = req->path + strlen(ROOT);
	if (sk_web_version[0] == '\0') {
		answer_error(req, 503, "unavailable",
			"the dashboard is not in this binary: it was built with WEB=0", false);
	} else if (strcmp(req->method, "GET") != 0) {
		answer_error(req, 405, "method", "the dashboard's files can only be read (GET)", true);
	} else if (strncmp(rest, FILES, strlen(FILES)) != 0) {
		answer_file(req, file_named(PAGE), true);
	} else if ((f = versioned_file(rest + strlen(FILES))) != NULL) {
		answer_file(req, f, false);
	} else {
		answer_error(req, 404, "not-found",
			"there is no such file of the dashboard: it may be of another version, load the page "
			"again",
			false);
	}
	return true;
}
