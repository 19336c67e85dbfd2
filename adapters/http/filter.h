/* filter.h - is this a request that may be handed on? Looks at the bytes of HTTP/1.1 requests as
 * they come, without a socket and without a library, and finds where each request ends.
 *
 * It is stricter than RFC 9112 has to be: whatever two parsers might read in two ways is refused.
 *
 *	400	anything malformed: bare CR or LF, control characters, folded headers, blanks before the
 *		colon, no Host or two, Content-Length that is no number or given twice or together with
 *		Transfer-Encoding, targets that are no path (absolute ones, "//x", %zz, %00), chunk
 *		extensions, trailers, a HEAD with a body, TLS
 *	413	the body is larger than it may be, or cut into very small chunks
 *	414, 431	a request line, a head beyond 16 KiB; more than 100 headers
 *	417	an expectation that is not "100-continue"
 *	501	a method or a transfer coding that is not served
 *	505	neither HTTP/1.1 nor HTTP/1.0
 */
#ifndef SK_ADAPTERS_HTTP_FILTER_H
#define SK_ADAPTERS_HTTP_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_HTTP_MAX_HEAD ((size_t)16 << 10)
#define SK_HTTP_MAX_HEADERS 100
/* What chunks may add to a body. */
#define SK_HTTP_MAX_FRAMING ((size_t)256 << 10)

enum sk_http_method {
	SK_HTTP_GET,
	SK_HTTP_HEAD,
	SK_HTTP_POST,
	SK_HTTP_PUT,
	SK_HTTP_PATCH,
	SK_HTTP_DELETE,
	SK_HTTP_OPTIONS,
	SK_N_HTTP_METHOD
};

enum sk_http_feed {
	SK_HTTP_MORE, /* all is well so far; more must come */
	SK_HTTP_WHOLE, /* a request ends at `total`; what follows is the next one's */
	SK_HTTP_REFUSED /* answer `status` and close: nobody knows where the next one would begin */
};

/* Where a header's value stands; len = 0: it is empty or not given. */
struct sk_http_span {
	size_t at, len;
};

struct sk_http_filter {
	/* Known when head_len is not 0. */
	size_t head_len; /* request line, headers and the empty line */
	size_t target, target_len; /* where the target stands */
	enum sk_http_method method;
	struct sk_http_span host, authorization, origin;
	bool close; /* asked for, or HTTP/1.0: no request follows */
	bool http10; /* it knows no chunks */
	bool wants_continue; /* waits for "100 Continue" before it sends the body */
	bool chunked;
	size_t body_len; /* without framing; of chunks: so far */
	/* Known when it is whole. */
	size_t total;
	/* Known when it is refused: the status and a sentence. */
	int status;
	const char *why;
	/* Its own. */
	size_t max_body, pos, line, chunk_left;
	unsigned seen, n_headers, n_digits, state;
};

/* Before each request. */
void sk_http_filter_init(struct sk_http_filter *f, size_t max_body);

/* p: the request from its first byte on, n: how much of it is there, never less than at the last
 * call (the bytes may have moved). What was looked at is not looked at again. Called again only
 * after SK_HTTP_MORE. */
enum sk_http_feed sk_http_filter_feed(struct sk_http_filter *f, const char *p, size_t n);

/* "GET", … */
const char *sk_http_method_name(enum sk_http_method m);

#endif
