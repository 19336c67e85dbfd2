/* headers.c - what the server itself says with every answer at a TCP address: to browsers, about
 * other sites (CORS) and about what may be done with an answer. */
#include "adapters/http/conn.h"
#include <string.h>
#include <strings.h>

/* The API's own, which a page of another site sees only when they are named. */
#define EXPOSED \
	"ETag, Retry-After, Skalds-Attempt, Skalds-Ended, Skalds-Gap, Skalds-Next, Skalds-Offset"
#define ASKED "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID"

/* ---- which sites ---- */

/* The next of a comma list, without blanks; *list moves on. NULL at the end. */
static const char *
next_origin(const char **list, size_t *n)
{
	const char *from = *list + strspn(*list, ", ");

	*n = strcspn(from, ", ");
	*list = from + *n;
	return *n > 0 ? from : NULL;
}

/* SCHEME://HOST[:PORT], as browsers write it (RFC 6454 6.2). */
static bool
is_origin(const char *p, size_t n)
{
	const size_t scheme = strncmp(p, "http://", 7) == 0 ? 7
		: strncmp(p, "https://", 8) == 0				? 8
														: 0;

	if (scheme == 0 || n <= scheme)
		return false;
	for (size_t i = scheme; i < n; i++)
		if (p[i] <= ' ' || p[i] >= 0x7f || (p[i] >= 'A' && p[i] <= 'Z') ||
			strchr("/*?#@\\\"", p[i]) != NULL)
			return false;
	return true;
}

enum sk_code
sk_cors_check(const char *origins, struct sk_err *err)
{
	const char *one;
	size_t n;

	while ((one = next_origin(&origins, &n)) != NULL)
		if (!is_origin(one, n))
			return sk_fail(err, SK_EINVAL,
				"\"%.*s\" is not an origin: expected https://HOST or http://HOST:PORT, in small "
				"letters and without a path",
				(int)(n < 200 ? n : 200), one);
	return SK_OK;
}

bool
sk_cors_allows(const struct sk_http_server *s, const char *origin)
{
	const char *list = s->origins, *one;
	size_t n;

	while ((one = next_origin(&list, &n)) != NULL)
		if (strlen(origin) == n && memcmp(one, origin, n) == 0)
			return true;
	return false;
}

/* ---- what is said ---- */

static bool
names(const char *const *own, const char *name)
{
	for (size_t i = 0; i + 1 < SK_API_HEADERS && own[i] != NULL; i += 2)
		if (strcasecmp(own[i], name) == 0)
			return true;
	return false;
}

static size_t
add_cors(const struct sk_conn *c, struct sk_header *out)
{
	size_t n = 0;

	if (c->server->origins[0] == '\0')
		return 0;
	out[n++] = (struct sk_header){ "Vary", "Origin" };
	if (c->origin.len == 0)
		return n;
	out[n++] = (struct sk_header){ "Access-Control-Allow-Origin", c->origin.p };
	if (c->filter.method != SK_HTTP_OPTIONS) {
		out[n++] = (struct sk_header){ "Access-Control-Expose-Headers", EXPOSED };
		return n;
	}
	out[n++] = (struct sk_header){ "Access-Control-Allow-Methods",
		"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" };
	out[n++] = (struct sk_header){ "Access-Control-Allow-Headers", ASKED };
	out[n++] = (struct sk_header){ "Access-Control-Max-Age", "600" };
	return n;
}

size_t
sk_extra_headers(const struct sk_conn *c, int status, const char *const *own, struct sk_header *out)
{
	static const struct sk_header always[] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cache-Control", "no-store" },
	};
	size_t n = 0;

	if (status == 401 && !names(own, "WWW-Authenticate"))
		out[n++] = (struct sk_header){ "WWW-Authenticate", "Bearer" };
	if (!sk_is_tcp(c->server))
		return n;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (!names(own, always[i].name))
			out[n++] = always[i];
	/* a browser would hold it against whatever else this machine serves at "localhost" */
	if (c->ssl != NULL && !c->server->loopback)
		out[n++] = (struct sk_header){ "Strict-Transport-Security", "max-age=31536000" };
	return n + add_cors(c, out + n);
}
