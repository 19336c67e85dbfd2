/* yaml_guard.c - what must not reach the library.
 *
 * libfyaml 0.7 loops for ever on '%' followed by a byte that is no UTF-8; it needs time that grows
 * with the square of long directives, of blank lines in a row and of blanks behind "? " (1 MiB of
 * them: hours); and it holds tokens in memory, 200 bytes each, as long as they may turn out to be
 * a key ("[a, b]: value"). A value behind "key: " cannot, and is read as it comes; only the others
 * are counted here.
 */
#include "adapters/yaml_walk.h"
#include <stdio.h>
#include <string.h>

#define MAX_BLANKS 1024
#define MAX_BLANK_LINES 512
#define MAX_FLOW_MARKS 16384
#define MAX_ROW 1024

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
		return complain(p, 1, 1,
			"the file has a NUL byte at its start (is it UTF-16?); "
			"save it as UTF-8");
	bad = sk_utf8_bad(text, n);
	if (nul != NULL && (size_t)(nul - text) < bad)
		return complain_at(p, text, (size_t)(nul - text), "a NUL byte is not allowed");
	if (bad < n)
		return complain_at(p, text, bad, "the file is not valid UTF-8 from here on");
	return true;
}

/* At p, in a text of n bytes: is this the end of a line? */
static bool
ends_line(const char *p, size_t n)
{
	return *p == '\n' || (*p == '\r' && (n == 1 || p[1] != '\n'));
}

/* "%YAML 1.2" and a comment; %TAG names tags, and there are none of one's own. No other line can
 * start with % in a document that is a map. */
static bool
directives_are_good(const char *text, size_t n, struct sk_problems *p)
{
	bool starts = true;
	int line = 1;

	for (size_t i = 0; i < n; i++) {
		size_t len = 0;

		while (starts && text[i] == '%' && i + len < n && !ends_line(text + i + len, n - i - len))
			len++;
		if (len > 0 && (len > 80 || len < 9 || memcmp(text + i, "%YAML 1.", 8) != 0))
			return complain(p, line, 1, "a line cannot start with % (but for %YAML 1.2)");
		if (ends_line(text + i, n - i))
			line++;
		/* A byte order mark may stand before any document. */
		starts = ends_line(text + i, n - i) || (starts && strchr("\xef\xbb\xbf", text[i]) != NULL);
	}
	return true;
}

static bool
is_control(unsigned char c)
{
	return c < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

static bool
characters_are_good(const char *text, size_t n, struct sk_problems *p)
{
	for (size_t i = 0; i < n; i++)
		if (is_control((unsigned char)text[i])) {
			char sentence[64];

			snprintf(sentence, sizeof(sentence), "the control character 0x%02x is not allowed",
				(unsigned char)text[i]);
			return complain_at(p, text, i, sentence);
		}
	return true;
}

static bool
blanks_are_few(const char *text, size_t n, struct sk_problems *p)
{
	size_t blanks = 0, lines = 0;
	int line = 1;

	for (size_t i = 0; i < n; i++) {
		if (ends_line(text + i, n - i)) {
			line++;
			lines++;
			blanks = 0;
		} else if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r') {
			blanks++;
		} else {
			blanks = 0;
			lines = 0;
		}
		if (blanks > MAX_BLANKS)
			return complain(p, line, 1, "more than 1024 blanks in a row");
		if (lines > MAX_BLANK_LINES + 1) /* the first one ends a line with text */
			return complain(p, line, 1, "more than 512 blank lines in a row");
	}
	return true;
}

/* Does the library have to hold too many tokens at once? Values side by side are a syntax error
 * anyway, but it would be found too late. */
static bool
tokens_are_few(const char *text, size_t n, struct sk_problems *p)
{
	struct sk_yaml_walk w = sk_yaml_walk_start(text, n);

	while (sk_yaml_walk_step(&w))
		if (w.held > MAX_FLOW_MARKS || w.row > MAX_ROW)
			return complain(p, w.line, 0,
				w.depth > SK_MAX_DEPTH ? "nested deeper than 64 levels"
					: w.row > MAX_ROW
					? "too many values side by side; is a comma or a line break missing?"
					: "too long a list or map in brackets; write it one item a line");
	return true;
}

bool
sk_yaml_guard(const char *text, size_t n, struct sk_problems *p)
{
	if (n > SK_YAML_MAX_BYTES) {
		sk_problem(p, 0, 0, "", "larger than 1 MiB");
		return false;
	}
	return encoding_is_good(text, n, p) && characters_are_good(text, n, p) &&
		directives_are_good(text, n, p) && blanks_are_few(text, n, p) && tokens_are_few(text, n, p);
}
