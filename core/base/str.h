/* str.h - a growing byte string, and the text helpers every part needs. */
#ifndef SK_CORE_BASE_STR_H
#define SK_CORE_BASE_STR_H

#include "core/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* p is NUL-terminated whenever it is not NULL; len does not count the NUL. */
struct sk_str {
	char *p;
	size_t len, cap;
};
#define SK_STR_INIT \
	{ \
		NULL, 0, 0 \
	}

void sk_str_release(struct sk_str *s);
/* Empty it, keep the memory. */
void sk_str_clear(struct sk_str *s);
/* Room for so many bytes more (and the NUL) behind p + len, for whoever writes there himself. */
void sk_str_reserve(struct sk_str *s, size_t more);
void sk_str_add(struct sk_str *s, const void *data, size_t n);
void sk_str_adds(struct sk_str *s, const char *text);
void sk_str_addc(struct sk_str *s, char c);
/* Percent-encoded, but for ASCII letters and digits and what `plain` lists. */
void sk_str_add_percent(struct sk_str *s, const char *text, const char *plain);
void sk_str_addf(struct sk_str *s, const char *fmt, ...) SK_PRINTF(2, 3);
void sk_str_vaddf(struct sk_str *s, const char *fmt, va_list ap);
/* Drop the first n bytes. */
void sk_str_consume(struct sk_str *s, size_t n);
/* The text, "" when nothing was ever added; borrowed until the next change. */
const char *sk_str_text(const struct sk_str *s);

/* JSON writing. Values are appended as they stand; the writer of an object calls
 * sk_json_key(s, "name") before each member: it adds the comma when one is needed. */
void sk_json_string(struct sk_str *s, const char *text);
/* Bytes that are not valid UTF-8 are written as U+FFFD. */
void sk_json_string_n(struct sk_str *s, const char *text, size_t n);
void sk_json_key(struct sk_str *s, const char *key);
/* A comma unless the container was just opened or a key stands there. */
void sk_json_next(struct sk_str *s);
void sk_json_int(struct sk_str *s, int64_t v);
/* The shortest form that reads back as the same double; a whole number keeps its ".0". */
void sk_json_double(struct sk_str *s, double v);
void sk_json_bool(struct sk_str *s, bool v);
/* key + value in one call. A NULL text writes null. */
void sk_json_kstr(struct sk_str *s, const char *key, const char *text);
void sk_json_kint(struct sk_str *s, const char *key, int64_t v);
void sk_json_kbool(struct sk_str *s, const char *key, bool v);

/* The offset of the first byte that is not part of valid UTF-8 (RFC 3629: no surrogates, nothing
 * overlong, nothing above U+10FFFF), or n when all is well. */
size_t sk_utf8_bad(const char *p, size_t n);
/* How many of the n bytes can be shown without cutting the last character in two. */
size_t sk_utf8_whole(const char *p, size_t n);

/* The candidate that a person most likely meant: Damerau-Levenshtein distance at most a third of
 * the word's length (at least 1), upper and lower case alike. NULL when nothing is near.
 * The list ends with NULL; the result is borrowed from it. */
const char *sk_suggest(const char *word, const char *const *candidates);

#endif
