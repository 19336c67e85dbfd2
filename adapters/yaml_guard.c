/* yaml_guard.c - what must not reach the library.
 *
 * libfyaml 0.7 loops for ever on '%' followed by a byte that is no UTF-8, takes seconds for many
 * %TAG lines, and keeps every token of a flow collection that may still turn out to be a key
 * ("[a, b]: value") in memory: 400 bytes for each '['. A collection behind "key: " cannot, and is
 * read as it comes; only the others are counted here (yaml_walk.h).
 */
#include "adapters/yaml_walk.h"
#include <string.h>

#define MAX_DIRECTIVES 16
#define MAX_FLOW_MARKS 16384

static bool
complain(struct sk_problems *p, int line, int column, const char *text)
{
	sk_problem(p, line, column, "", "%s", text);
	return false;
}

/* The place of an offset, columns in characters. */
static bool
complain_at(struct sk_problems *p, const char *text, size_t at, const char *sentence)
{
	int line = 1, column = 1;

	for (size_t i = 0; i < at; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n' || (c == '\r' && text[i + 1] != '\n')) {
			line++;
			column = 1;
		} else if ((c & 0xc0) != 0x80 && c != '\r') {
			column++;
		}
	}
	return complain(p, line, column, sentence);
}

static bool
encoding_is_good(const char *text, size_t n, struct sk_problems *p)
{
	const char *nul = memchr(text, '\0', n);
	size_t bad;

	if (n >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		return complain(p, 1, 1, "the file is UTF-16; save it as UTF-8");
	if (n >= 4 && nul != NULL && (nul == text || nul == text + 1))
		return complain(p, 1, 1, "the file has a NUL byte at its start (is it UTF-16?); "
			"save it as UTF-8");
	bad = sk_utf8_bad(text, n);
	if (nul != NULL && (size_t)(nul - text) < bad)
		return complain_at(p, text, (size_t)(nul - text), "a NUL byte is not allowed");
	if (bad < n)
		return complain_at(p, text, bad, "the file is not valid UTF-8 from here on");
	return true;
}

static bool
directives_are_few(const char *text, size_t n, struct sk_problems *p)
{
	size_t found = 0;
	int line = 1;

	for (size_t i = 0; i < n; i++) {
		bool starts = i == 0 || text[i - 1] == '\n' || text[i - 1] == '\r';

		if (starts && text[i] == '%' && ++found > MAX_DIRECTIVES)
			return complain(p, line, 1, "too many directives (lines that start with %)");
		if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == n || text[i + 1] != '\n')))
			line++;
	}
	return true;
}

/* Does the library have to hold too many tokens at once? */
static bool
flow_is_short(const char *text, size_t n, struct sk_problems *p)
{
	struct sk_yaml_walk w = sk_yaml_walk_start(text, n);

	while (sk_yaml_walk_step(&w))
		if (w.held > MAX_FLOW_MARKS)
			return complain(p, w.line, 0, "too long a list or map in brackets; "
				"write it one item a line");
	return true;
}

bool
sk_yaml_guard(const char *text, size_t n, struct sk_problems *p)
{
	if (n > SK_YAML_MAX_BYTES) {
		sk_problem(p, 0, 0, "", "larger than 1 MiB");
		return false;
	}
	return encoding_is_good(text, n, p) && directives_are_few(text, n, p) &&
		flow_is_short(text, n, p);
}
