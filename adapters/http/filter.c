#include "adapters/http/filter.h"
#include <string.h>
#include <strings.h>

enum state {
	REQUEST_LINE,
	HEADERS,
	BODY,
	CHUNK_SIZE,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_CR,
	CHUNK_LF,
	LAST_CR,
	LAST_LF,
};

#define TLS_HANDSHAKE 0x16 /* what TLS begins with (RFC 8446 5.1) */
#define MAX_METHOD 32
#define MAX_CHUNK_DIGITS 8
#define MAX_LENGTH_DIGITS 18 /* of a Content-Length; fits in 64 bits */

/* The headers that decide something; all but Connection may be given once only. */
enum known {
	CONNECTION,
	CONTENT_LENGTH,
	CONTENT_TYPE,
	EXPECT,
	HOST,
	IDEMPOTENCY_KEY,
	TRANSFER_ENCODING,
	AUTHORIZATION,
	ORIGIN,
	IF_MATCH,
	IF_NONE_MATCH,
	LAST_EVENT_ID,
	N_KNOWN
};

static const struct {
	const char *name, *twice;
} known[N_KNOWN] = {
	[CONNECTION] = { "connection", NULL },
	[CONTENT_LENGTH] = { "content-length", "Content-Length is given twice" },
	[CONTENT_TYPE] = { "content-type", "Content-Type is given twice" },
	[EXPECT] = { "expect", "Expect is given twice" },
	[HOST] = { "host", "Host is given twice" },
	[IDEMPOTENCY_KEY] = { "idempotency-key", "Idempotency-Key is given twice" },
	[TRANSFER_ENCODING] = { "transfer-encoding", "Transfer-Encoding is given twice" },
	[AUTHORIZATION] = { "authorization", "Authorization is given twice" },
	[ORIGIN] = { "origin", "Origin is given twice" },
	[IF_MATCH] = { "if-match", "If-Match is given twice" },
	[IF_NONE_MATCH] = { "if-none-match", "If-None-Match is given twice" },
	[LAST_EVENT_ID] = { "last-event-id", "Last-Event-ID is given twice" },
};

static const char *const methods[SK_N_HTTP_METHOD] = { "GET", "HEAD", "POST", "PUT", "PATCH",
	"DELETE", "OPTIONS" };

/* What a byte may be part of: a token (RFC 9110 5.6.2), a target in origin form (RFC 9112 3.2.1), a
 * host with its port. From 0x80 on: nothing of these. */
enum { TOKEN = 1, TARGET = 2, CONTROL = 4, HEX = 8, HOST_CHAR = 16 };

static const unsigned char classes[256] = {
	/* clang-format off */
	4, 4, 4, 4, 4, 4, 4, 4, 4, 0, 4, 4, 4, 4, 4, 4,
	4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
	0, 19, 0, 1, 19, 19, 19, 19, 18, 18, 19, 19, 18, 19, 19, 2,
	27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 18, 18, 0, 18, 0, 2,
	2, 27, 27, 27, 27, 27, 27, 19, 19, 19, 19, 19, 19, 19, 19, 19,
	19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 16, 0, 16, 1, 19,
	1, 27, 27, 27, 27, 27, 27, 19, 19, 19, 19, 19, 19, 19, 19, 19,
	19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 0, 1, 0, 19, 4,
	/* clang-format on */
};

static bool
is(char c, unsigned class)
{
	return (classes[(unsigned char)c] & class) != 0;
}

static bool
all_are(const char *p, size_t n, unsigned class)
{
	for (size_t i = 0; i < n; i++)
		if (!is(p[i], class))
			return false;
	return true;
}

/* ASCII case ignored. */
static bool
equals(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(p, word, n) == 0;
}

const char *
sk_http_method_name(enum sk_http_method m)
{
	return methods[m];
}

void
sk_http_filter_init(struct sk_http_filter *f, size_t max_body)
{
	*f = (struct sk_http_filter){ .max_body = max_body };
}

static bool
refuse(struct sk_http_filter *f, int status, const char *why)
{
	f->status = status;
	f->why = why;
	return false;
}

/* ---- the request line ---- */

static bool
check_method(struct sk_http_filter *f, const char *p, size_t n)
{
	if (n == 0 || n > MAX_METHOD || !all_are(p, n, TOKEN))
		return refuse(f, 400, "the request line begins with no method");
	for (int i = 0; i < SK_N_HTTP_METHOD; i++)
		if (strlen(methods[i]) == n && memcmp(methods[i], p, n) == 0) {
			f->method = (enum sk_http_method)i;
			return true;
		}
	return refuse(f, 501, "this method is not served");
}

static bool
check_percent(struct sk_http_filter *f, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '%')
			continue;
		if (n - i < 3 || !is(p[i + 1], HEX) || !is(p[i + 2], HEX))
			return refuse(f, 400, "a % in the target is not followed by two hexadecimal digits");
		if (p[i + 1] == '0' && p[i + 2] == '0')
			return refuse(f, 400, "the target has a NUL in it");
	}
	return true;
}

static bool
check_target(struct sk_http_filter *f, const char *p, size_t n)
{
	if (n == 1 && p[0] == '*')
		return f->method == SK_HTTP_OPTIONS || refuse(f, 400, "the target * is for OPTIONS");
	if (n == 0 || p[0] != '/' || (n > 1 && p[1] == '/'))
		return refuse(f, 400, "the target is not a path");
	if (!all_are(p, n, TARGET))
		return refuse(f, 400, "the target has characters that must be percent-encoded");
	return check_percent(f, p, n);
}

static bool
check_version(struct sk_http_filter *f, const char *p, size_t n)
{
	if (n != 8 || memcmp(p, "HTTP/", 5) != 0 || p[5] < '0' || p[5] > '9' || p[6] != '.' ||
		p[7] < '0' || p[7] > '9')
		return refuse(f, 400, "the request line does not end with a version of HTTP");
	if (p[5] != '1' || p[7] > '1')
		return refuse(f, 505, "only HTTP/1.1 and HTTP/1.0 are served");
	f->http10 = p[7] == '0';
	f->close = f->http10;
	return true;
}

/* METHOD SP TARGET SP VERSION, with exactly these two blanks. */
static bool
request_line(struct sk_http_filter *f, const char *p, size_t start, size_t n)
{
	const char *line = p + start, *sp1 = memchr(line, ' ', n), *sp2;
	size_t left;

	if (sp1 == NULL)
		return refuse(f, 400, "the request line is not METHOD TARGET VERSION");
	left = n - (size_t)(sp1 + 1 - line);
	sp2 = memchr(sp1 + 1, ' ', left);
	if (sp2 == NULL)
		return refuse(f, 400, "the request line is not METHOD TARGET VERSION");
	f->target = start + (size_t)(sp1 + 1 - line);
	f->target_len = (size_t)(sp2 - sp1 - 1);
	f->state = HEADERS;
	return check_version(f, sp2 + 1, left - f->target_len - 1) &&
		check_method(f, line, (size_t)(sp1 - line)) && check_target(f, sp1 + 1, f->target_len);
}

/* ---- headers ---- */

static bool
take_length(struct sk_http_filter *f, const char *p, size_t n)
{
	uint64_t len = 0;

	if (n == 0)
		return refuse(f, 400, "Content-Length is not a number");
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return refuse(f, 400, "Content-Length is not a number");
		if (i < MAX_LENGTH_DIGITS)
			len = len * 10 + (unsigned)(p[i] - '0');
	}
	if (n > MAX_LENGTH_DIGITS || len > f->max_body)
		return refuse(f, 413, "the body is too large");
	f->body_len = (size_t)len;
	return true;
}

static bool
take_coding(struct sk_http_filter *f, const char *p, size_t n)
{
	if (!equals(p, n, "chunked"))
		return refuse(f, 501, "only the transfer coding \"chunked\" is served");
	f->chunked = true;
	return true;
}

static bool
take_expect(struct sk_http_filter *f, const char *p, size_t n)
{
	if (!equals(p, n, "100-continue"))
		return refuse(f, 417, "only the expectation \"100-continue\" can be met");
	f->wants_continue = true;
	return true;
}

/* A comma list; "close" anywhere in it counts. */
static bool
take_connection(struct sk_http_filter *f, const char *p, size_t n)
{
	while (n > 0) {
		const char *comma = memchr(p, ',', n);
		size_t len = comma != NULL ? (size_t)(comma - p) : n, word = len;

		while (word > 0 && (p[word - 1] == ' ' || p[word - 1] == '\t'))
			word--;
		f->close |= equals(p, word, "close");
		if (comma == NULL)
			break;
		n -= len + 1;
		p = comma + 1;
		while (n > 0 && (*p == ' ' || *p == '\t')) {
			p++;
			n--;
		}
	}
	return true;
}

static bool
take_host(struct sk_http_filter *f, const char *p, size_t n)
{
	return all_are(p, n, HOST_CHAR) || refuse(f, 400, "Host is not the name of a host");
}

static bool
take_known(struct sk_http_filter *f, enum known k, const char *p, struct sk_http_span v)
{
	const size_t n = v.len;

	p += v.at;
	if ((f->seen & 1u << k) != 0 && known[k].twice != NULL)
		return refuse(f, 400, known[k].twice);
	f->seen |= 1u << k;
	switch (k) {
	case CONNECTION:
		return take_connection(f, p, n);
	case CONTENT_LENGTH:
		return take_length(f, p, n);
	case EXPECT:
		return take_expect(f, p, n);
	case HOST:
		f->host = v;
		return take_host(f, p, n);
	case TRANSFER_ENCODING:
		return take_coding(f, p, n);
	case AUTHORIZATION:
		f->authorization = v;
		break;
	case ORIGIN:
		f->origin = v;
		break;
	case CONTENT_TYPE:
	case IDEMPOTENCY_KEY:
	case IF_MATCH:
	case IF_NONE_MATCH:
	case LAST_EVENT_ID:
	case N_KNOWN:
		break;
	}
	return true;
}

/* NAME ":" blanks VALUE blanks. evhttp takes a tab before the value for a part of it: refused where
 * the value decides something. */
static bool
header(struct sk_http_filter *f, const char *request, size_t start, size_t n)
{
	const char *p = request + start;
	const char *colon = memchr(p, ':', n);
	size_t name = colon != NULL ? (size_t)(colon - p) : 0, at = name + 1;

	if (++f->n_headers > SK_HTTP_MAX_HEADERS)
		return refuse(f, 431, "there are too many headers");
	if (p[0] == ' ' || p[0] == '\t')
		return refuse(f, 400, "a header is folded");
	if (name == 0 || !all_are(p, name, TOKEN))
		return refuse(f, 400, "a header is not NAME: VALUE");
	while (at < n && p[at] == ' ')
		at++;
	while (n > at && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	for (int k = 0; k < N_KNOWN; k++)
		if (equals(p, name, known[k].name)) {
			if (at < n && p[at] == '\t')
				return refuse(f, 400, "a header begins with a tab");
			return take_known(f, (enum known)k, request,
				(struct sk_http_span){ .at = start + at, .len = n > at ? n - at : 0 });
		}
	return true;
}

static bool
has(const struct sk_http_filter *f, enum known k)
{
	return (f->seen & 1u << k) != 0;
}

/* The empty line: do the headers agree? */
static bool
end_of_head(struct sk_http_filter *f, size_t end)
{
	const bool framed = has(f, TRANSFER_ENCODING);

	if (!has(f, HOST) && !f->http10)
		return refuse(f, 400, "there is no Host");
	if (framed && has(f, CONTENT_LENGTH))
		return refuse(f, 400, "both Content-Length and Transfer-Encoding are given");
	if (framed && f->http10)
		return refuse(f, 400, "HTTP/1.0 knows no Transfer-Encoding");
	if (f->method == SK_HTTP_HEAD && (framed || f->body_len > 0))
		return refuse(f, 400, "a HEAD has no body");
	f->wants_continue = f->wants_continue && !f->http10 && (framed || f->body_len > 0);
	f->head_len = end;
	f->state = framed ? CHUNK_SIZE : BODY;
	return true;
}

/* A line from f->line to its LF at `lf`. */
static bool
take_line(struct sk_http_filter *f, const char *p, size_t lf)
{
	const size_t start = f->line, n = lf - 1 - start;

	f->line = lf + 1;
	if (f->state == REQUEST_LINE)
		return request_line(f, p, start, n);
	return n == 0 ? end_of_head(f, lf + 1) : header(f, p, start, n);
}

static bool
look_at_head(struct sk_http_filter *f, const char *p, size_t n)
{
	if (f->pos == 0 && n > 0 && p[0] == TLS_HANDSHAKE)
		return refuse(f, 400, "this port speaks HTTP, not HTTPS");
	while (f->pos < n && f->head_len == 0) {
		const size_t i = f->pos++;
		const bool after_cr = i > f->line && p[i - 1] == '\r';

		if (i >= SK_HTTP_MAX_HEAD)
			return f->state == REQUEST_LINE ? refuse(f, 414, "the request line is too long")
											: refuse(f, 431, "the headers are too large");
		if (after_cr != (p[i] == '\n'))
			return refuse(f, 400, "a line does not end with CR LF");
		if (p[i] == '\n') {
			if (!take_line(f, p, i))
				return false;
		} else if (is(p[i], CONTROL) && p[i] != '\r') {
			return refuse(f, 400, "there is a control character in the head");
		}
	}
	return true;
}

/* ---- chunks ---- */

static bool
take_digit(struct sk_http_filter *f, char c)
{
	unsigned digit = (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);

	if (++f->n_digits > MAX_CHUNK_DIGITS)
		return refuse(f, 413, "a chunk is too large");
	f->chunk_left = f->chunk_left * 16 + digit;
	return true;
}

static bool
begin_chunk(struct sk_http_filter *f)
{
	f->n_digits = 0;
	if (f->chunk_left > f->max_body - f->body_len)
		return refuse(f, 413, "the body is too large");
	if (f->pos - f->head_len - f->body_len > SK_HTTP_MAX_FRAMING)
		return refuse(f, 413, "the body is cut into very small chunks");
	f->body_len += f->chunk_left;
	f->state = f->chunk_left > 0 ? CHUNK_DATA : LAST_CR;
	return true;
}

static bool
expect(struct sk_http_filter *f, char c, char want, enum state next)
{
	if (c != want)
		return refuse(f, 400, "the chunks are not as they should be");
	f->state = next;
	return true;
}

static bool
chunk_byte(struct sk_http_filter *f, char c)
{
	switch ((enum state)f->state) {
	case CHUNK_SIZE:
		if (is(c, HEX))
			return take_digit(f, c);
		return f->n_digits > 0 ? expect(f, c, '\r', CHUNK_SIZE_LF)
							   : refuse(f, 400, "a chunk has no size");
	case CHUNK_SIZE_LF:
		return expect(f, c, '\n', CHUNK_DATA) && begin_chunk(f);
	case CHUNK_CR:
		return expect(f, c, '\r', CHUNK_LF);
	case CHUNK_LF:
		return expect(f, c, '\n', CHUNK_SIZE);
	case LAST_CR:
		return expect(f, c, '\r', LAST_LF);
	default:
		return expect(f, c, '\n', BODY);
	}
}

/* After the last byte the state is BODY and nothing of it is left. */
static bool
look_at_chunks(struct sk_http_filter *f, const char *p, size_t n)
{
	while (f->pos < n && f->state != BODY) {
		if (f->state == CHUNK_DATA) {
			size_t take = n - f->pos < f->chunk_left ? n - f->pos : f->chunk_left;

			f->pos += take;
			f->chunk_left -= take;
			if (f->chunk_left == 0)
				f->state = CHUNK_CR;
		} else if (!chunk_byte(f, p[f->pos++])) {
			return false;
		}
	}
	return true;
}

enum sk_http_feed
sk_http_filter_feed(struct sk_http_filter *f, const char *p, size_t n)
{
	if (f->head_len == 0 && !look_at_head(f, p, n))
		return SK_HTTP_REFUSED;
	if (f->head_len == 0)
		return SK_HTTP_MORE;
	if (!f->chunked) {
		f->total = f->head_len + f->body_len;
		return n >= f->total ? SK_HTTP_WHOLE : SK_HTTP_MORE;
	}
	if (!look_at_chunks(f, p, n))
		return SK_HTTP_REFUSED;
	f->total = f->pos;
	return f->state == BODY ? SK_HTTP_WHOLE : SK_HTTP_MORE;
}
