/* http_filter_fuzz.c - any bytes as a row of requests: the answer does not depend on how they are
 * cut, and what passes is what a slow and simple reading of the same bytes says. */
#include "adapters/http/filter.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_BODY 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* In pieces whose sizes come from the input, each in an allocation of its own size. */
static enum sk_http_feed
feed_in_pieces(struct sk_http_filter *f, const char *p, size_t n)
{
	enum sk_http_feed r = SK_HTTP_MORE;

	sk_http_filter_init(f, MAX_BODY);
	for (size_t at = 0; at < n && r == SK_HTTP_MORE;) {
		char *copy;

		at += (unsigned char)p[at] % 23 + 1;
		at = at < n ? at : n;
		copy = malloc(at);
		must(copy != NULL);
		memcpy(copy, p, at);
		r = sk_http_filter_feed(f, copy, at);
		free(copy);
	}
	return r;
}

/* How many headers have this name; *value the last one's. */
static int
count(const char *head, size_t n, const char *name, char value[64])
{
	const size_t len = strlen(name);
	int found = 0;

	for (const char *p = memchr(head, '\n', n); p != NULL;
		 p = memchr(p, '\n', (size_t)(head + n - p))) {
		p++;
		if ((size_t)(head + n - p) > len && strncasecmp(p, name, len) == 0 && p[len] == ':') {
			size_t at = 0;

			found++;
			for (const char *q = p + len + 1; *q != '\r' && at < 63; q++)
				if (*q != ' ' && *q != '\t')
					value[at++] = *q;
			value[at] = '\0';
		}
	}
	return found;
}

/* The length of chunks, framing included, by a reading of its own; SIZE_MAX when they are none. */
static size_t
chunks(const char *p, size_t n, size_t *body)
{
	size_t at = 0;

	for (*body = 0;;) {
		size_t size = 0, digits = 0;

		for (; at < n && strchr("0123456789abcdefABCDEF", p[at]) != NULL && p[at] != '\0'; at++) {
			size = size * 16 + (size_t)strtol((char[]){ p[at], '\0' }, NULL, 16);
			digits++;
		}
		if (digits == 0 || n - at < 4 || memcmp(p + at, "\r\n", 2) != 0)
			return SIZE_MAX;
		at += 2;
		*body += size;
		if (size > n - at || n - at - size < 2 || memcmp(p + at + size, "\r\n", 2) != 0)
			return SIZE_MAX;
		at += size + 2;
		if (size == 0)
			return at;
	}
}

static void
check_whole(const struct sk_http_filter *f, const char *p)
{
	char value[64], coding[64];
	const int hosts = count(p, f->head_len, "host", value);
	const int codings = count(p, f->head_len, "transfer-encoding", coding);
	const int lengths = count(p, f->head_len, "content-length", value);
	const bool old = memcmp(p + f->target + f->target_len, " HTTP/1.0\r\n", 11) == 0;
	size_t body = 0;

	must(f->head_len >= 18 && f->head_len <= SK_HTTP_MAX_HEAD);
	must(memcmp(p + f->head_len - 4, "\r\n\r\n", 4) == 0);
	must(memmem(p, f->head_len - 1, "\r\n\r\n", 4) == NULL); /* it ends at the first empty line */
	must(memchr(p, '\0', f->head_len) == NULL);
	must(hosts == 1 || (hosts == 0 && old));
	must(codings + lengths <= 1);
	must(f->chunked == (codings == 1) && f->body_len <= MAX_BODY);
	must(p[f->target] == '/' || (p[f->target] == '*' && f->method == SK_HTTP_OPTIONS));
	must(memchr(p + f->target, ' ', f->target_len) == NULL && p[f->target + f->target_len] == ' ');
	must(memcmp(p, sk_http_method_name(f->method), f->target - 1) == 0);
	if (f->chunked) {
		must(strcasecmp(coding, "chunked") == 0 && !old);
		must(chunks(p + f->head_len, f->total - f->head_len, &body) == f->total - f->head_len);
		must(body == f->body_len);
	} else {
		must(f->body_len == (lengths == 1 ? strtoul(value, NULL, 10) : 0));
		must(f->total == f->head_len + f->body_len);
	}
}

/* One request; how long it is, 0 when the row ends here. */
static size_t
one(const char *p, size_t n)
{
	struct sk_http_filter f, g;
	enum sk_http_feed whole, pieces;

	sk_http_filter_init(&f, MAX_BODY);
	whole = sk_http_filter_feed(&f, p, n);
	pieces = feed_in_pieces(&g, p, n);
	must(whole == pieces && f.status == g.status && f.why == g.why && f.head_len == g.head_len);
	if (whole == SK_HTTP_REFUSED)
		must(f.status >= 400 && f.status <= 505 && f.why != NULL);
	if (whole != SK_HTTP_WHOLE)
		return 0;
	must(f.total == g.total && f.total <= n);
	check_whole(&f, p);
	sk_http_filter_init(&g, MAX_BODY); /* what follows plays no part */
	must(sk_http_filter_feed(&g, p, f.total) == SK_HTTP_WHOLE && g.total == f.total);
	return f.total;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	size_t len;

	while (n > 0 && (len = one(p, n)) > 0) {
		p += len;
		n -= len;
	}
	return 0;
}
