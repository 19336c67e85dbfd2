#include "core/base/str.h"
#include "core/base/mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE ((size_t)256) /* most lines and frames fit */

void
sk_str_reserve(struct sk_str *s, size_t more)
{
	size_t need = s->len + more + 1, cap = s->cap > 0 ? s->cap : FIRST_SIZE;

	if (need <= s->cap)
		return;
	while (cap < need)
		cap *= 2;
	s->p = sk_xrealloc(s->p, cap);
	s->cap = cap;
}

void
sk_str_release(struct sk_str *s)
{
	free(s->p);
	*s = (struct sk_str)SK_STR_INIT;
}

void
sk_str_clear(struct sk_str *s)
{
	s->len = 0;
	if (s->p != NULL)
		s->p[0] = '\0';
}

void
sk_str_add(struct sk_str *s, const void *data, size_t n)
{
	sk_str_reserve(s, n);
	if (n > 0)
		memcpy(s->p + s->len, data, n);
	s->len += n;
	s->p[s->len] = '\0';
}

void
sk_str_adds(struct sk_str *s, const char *text)
{
	sk_str_add(s, text, strlen(text));
}

void
sk_str_addc(struct sk_str *s, char c)
{
	if (s->len + 1 >= s->cap)
		sk_str_reserve(s, 1);
	s->p[s->len++] = c;
	s->p[s->len] = '\0';
}

void
sk_str_vaddf(struct sk_str *s, const char *fmt, va_list ap)
{
	size_t room = s->cap - s->len;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(room > 0 ? s->p + s->len : NULL, room, fmt, ap);
	if (n > 0 && (size_t)n >= room) { /* it did not fit */
		sk_str_reserve(s, (size_t)n);
		vsnprintf(s->p + s->len, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	if (n > 0)
		s->len += (size_t)n;
	if (s->p != NULL)
		s->p[s->len] = '\0';
}

void
sk_str_add_percent(struct sk_str *s, const char *text, const char *plain)
{
	for (; *text != '\0'; text++) {
		bool as_is = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			(*text >= '0' && *text <= '9') || strchr(plain, *text) != NULL;

		if (as_is)
			sk_str_addc(s, *text);
		else
			sk_str_addf(s, "%%%02X", (unsigned)(unsigned char)*text);
	}
}

void
sk_str_addf(struct sk_str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(s, fmt, ap);
	va_end(ap);
}

void
sk_str_consume(struct sk_str *s, size_t n)
{
	if (n >= s->len) {
		sk_str_clear(s);
		return;
	}
	memmove(s->p, s->p + n, s->len - n + 1);
	s->len -= n;
}

const char *
sk_str_text(const struct sk_str *s)
{
	return s->p != NULL ? s->p : "";
}

/* The length of the valid UTF-8 sequence at p, or 0. */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char lo, hi, second_lo, second_hi;
		size_t len;
	} rows[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (p[0] < rows[i].lo || p[0] > rows[i].hi)
			continue;
		if (rows[i].len > n)
			return 0;
		if (rows[i].len > 1 && (p[1] < rows[i].second_lo || p[1] > rows[i].second_hi))
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if (p[k] < 0x80 || p[k] > 0xbf)
				return 0;
		return rows[i].len;
	}
	return 0;
}

size_t
sk_utf8_bad(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t len = utf8_len((const unsigned char *)p + i, n - i);

		if (len == 0)
			return i;
		i += len;
	}
	return n;
}

size_t
sk_utf8_whole(const char *p, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)p[n - back];
		size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

		if (c < 0x80)
			break;
		if (c >= 0xc0)
			return need > back ? n - back : n;
	}
	return n;
}

static void
json_escape(struct sk_str *s, unsigned char c)
{
	switch (c) {
	case '"':
		sk_str_adds(s, "\\\"");
		break;
	case '\\':
		sk_str_adds(s, "\\\\");
		break;
	case '\n':
		sk_str_adds(s, "\\n");
		break;
	case '\r':
		sk_str_adds(s, "\\r");
		break;
	case '\t':
		sk_str_adds(s, "\\t");
		break;
	default:
		sk_str_addf(s, "\\u%04x", c);
		break;
	}
}

void
sk_json_string_n(struct sk_str *s, const char *text, size_t n)
{
	size_t i = 0;

	sk_str_reserve(s, n + 3); /* its quotes and what comes behind it: grows once */
	sk_str_addc(s, '"');
	while (i < n) {
		const unsigned char *p = (const unsigned char *)text + i;
		size_t run = 0;

		while (i + run < n && p[run] >= 0x20 && p[run] < 0x7f && p[run] != '"' && p[run] != '\\')
			run++;
		sk_str_add(s, p, run);
		i += run;
		if (i >= n)
			break;
		p += run;
		if (p[0] < 0x80) {
			json_escape(s, p[0]);
			i++;
		} else {
			size_t len = utf8_len(p, n - i);

			sk_str_add(s, len > 0 ? (const char *)p : "\xef\xbf\xbd", len > 0 ? len : 3);
			i += len > 0 ? len : 1;
		}
	}
	sk_str_addc(s, '"');
}

void
sk_json_string(struct sk_str *s, const char *text)
{
	sk_json_string_n(s, text, strlen(text));
}

void
sk_json_next(struct sk_str *s)
{
	char last = s->len > 0 ? s->p[s->len - 1] : '{';

	if (last != '{' && last != '[' && last != ':')
		sk_str_addc(s, ',');
}

void
sk_json_key(struct sk_str *s, const char *key)
{
	sk_json_next(s);
	sk_json_string(s, key);
	sk_str_addc(s, ':');
}

void
sk_json_int(struct sk_str *s, int64_t v)
{
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	char buf[24], *p = buf + sizeof(buf);

	do
		*--p = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (v < 0)
		*--p = '-';
	sk_str_add(s, p, (size_t)(buf + sizeof(buf) - p));
}

void
sk_json_double(struct sk_str *s, double v)
{
	char buf[32];

	if (!isfinite(v)) { /* JSON has no word for these */
		sk_str_adds(s, "null");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	sk_str_adds(s, buf);
	if (strpbrk(buf, ".e") == NULL)
		sk_str_adds(s, ".0");
}

void
sk_json_bool(struct sk_str *s, bool v)
{
	sk_str_adds(s, v ? "true" : "false");
}

void
sk_json_kstr(struct sk_str *s, const char *key, const char *text)
{
	sk_json_key(s, key);
	if (text == NULL)
		sk_str_adds(s, "null");
	else
		sk_json_string(s, text);
}

void
sk_json_kint(struct sk_str *s, const char *key, int64_t v)
{
	sk_json_key(s, key);
	sk_json_int(s, v);
}

void
sk_json_kbool(struct sk_str *s, const char *key, bool v)
{
	sk_json_key(s, key);
	sk_json_bool(s, v);
}
