#include "adapters/yaml_walk.h"
#include <string.h>

struct sk_yaml_walk
sk_yaml_walk_start(const char *text, size_t n)
{
	struct sk_yaml_walk w = {
		.p = text, .end = text + n, .line_start = text, .line = 1, .blank = true, .start = true
	};

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		w.p += 3;
		w.line_start = w.p;
	}
	return w;
}

static bool
is_break(char c)
{
	return c == '\n' || c == '\r';
}

/* Is the character behind p blank, a line break or the end? */
static bool
blank_follows(const struct sk_yaml_walk *w)
{
	return w->p + 1 == w->end || strchr(" \t\r\n", w->p[1]) != NULL;
}

static struct sk_yaml_spot
here(const struct sk_yaml_walk *w)
{
	return (struct sk_yaml_spot){ .at = w->p, .line_start = w->line_start, .line = w->line };
}

static void
skip_line(struct sk_yaml_walk *w)
{
	while (w->p < w->end && !is_break(*w->p))
		w->p++;
}

/* p stands on a line break. */
static void
next_line(struct sk_yaml_walk *w)
{
	if (*w->p == '\r' && w->p + 1 < w->end && w->p[1] == '\n')
		w->p++;
	w->p++;
	w->line++;
	w->line_start = w->p;
	w->blank = true;
	w->start = true;
	if (w->depth > 0)
		return;
	w->value_next = false;
	if (!w->loose && !w->quoted)
		w->row = 0;
}

static size_t
indent_of(const char *line, const char *end)
{
	size_t n = 0;

	while (line + n < end && line[n] == ' ')
		n++;
	return n;
}

/* Behind "key: |" every line that is blank or indented deeper than its own line is content. */
static void
skip_block(struct sk_yaml_walk *w)
{
	size_t indent = indent_of(w->line_start, w->end);

	skip_line(w);
	while (w->p < w->end) {
		size_t deep;

		next_line(w);
		deep = indent_of(w->p, w->end);
		if (w->p + deep < w->end && !is_break(w->p[deep]) && deep <= indent)
			return;
		skip_line(w);
	}
}

static void
skip_quoted(struct sk_yaml_walk *w)
{
	struct sk_yaml_spot opening = here(w);
	char quote = *w->p++;

	w->row++;
	while (w->p < w->end) {
		if (is_break(*w->p)) {
			next_line(w);
		} else if (*w->p != quote) {
			w->p +=
				quote == '"' && *w->p == '\\' && w->p + 1 < w->end && !is_break(w->p[1]) ? 2 : 1;
		} else if (quote == '\'' && w->p + 1 < w->end && w->p[1] == '\'') {
			w->p += 2;
		} else {
			w->p++;
			w->quoted = true;
			return;
		}
	}
	w->quote = opening;
}

/* May the bracket at p turn out to be a key? Not the value of a pair, unless that pair stands in a
 * list: [a: [b]]. */
static bool
may_be_key(const struct sk_yaml_walk *w)
{
	if (!w->value_next)
		return true;
	return w->depth > 0 && (w->depth > SK_MAX_DEPTH || *w->open[w->depth - 1].at == '[');
}

static void
open_bracket(struct sk_yaml_walk *w)
{
	bool held = may_be_key(w);

	if (w->depth < SK_MAX_DEPTH)
		w->open[w->depth] = here(w);
	w->depth++;
	if (w->held_at == 0 && held)
		w->held_at = w->depth;
}

static void
close_bracket(struct sk_yaml_walk *w)
{
	if (w->depth == w->held_at) {
		w->held_at = 0;
		w->held = 0;
	}
	w->depth--;
}

static void
take_mark(struct sk_yaml_walk *w)
{
	char c = *w->p;

	w->row = c == ',' ? 0 : w->row + 1;
	if (c == '[' || c == '{')
		open_bracket(w);
	if (w->held_at > 0)
		w->held++;
	if (c == ']' || c == '}')
		close_bracket(w);
	w->loose = c == ']' || c == '}';
	w->value_next = false;
	w->start = true;
	w->p++;
}

static bool
is_mark(const struct sk_yaml_walk *w)
{
	if (w->depth > 0)
		return strchr("[]{},", *w->p) != NULL;
	return w->start && (*w->p == '[' || *w->p == '{');
}

static bool
ends_key(const struct sk_yaml_walk *w, bool quoted)
{
	return *w->p == ':' && (quoted || blank_follows(w) || strchr(",[]{}", w->p[1]) != NULL);
}

static bool
is_indicator(const struct sk_yaml_walk *w)
{
	return w->start && (*w->p == '-' || *w->p == '?') && blank_follows(w);
}

/* In brackets only a comma and the bracket end something. */
static void
end_row(struct sk_yaml_walk *w)
{
	w->row = w->depth > 0 ? w->row + 1 : 0;
}

static void
take_colon(struct sk_yaml_walk *w)
{
	end_row(w);
	w->value_next = true;
	w->start = true;
	w->p++;
}

/* "&name" and "!tag" stand before a value and do not change what it is; "*name" is one. */
static void
skip_property(struct sk_yaml_walk *w)
{
	w->loose = true;
	w->row++;
	while (w->p < w->end && strchr(" \t\r\n,[]{}", *w->p) == NULL)
		w->p++;
}

bool
sk_yaml_walk_step(struct sk_yaml_walk *w)
{
	bool blank = w->blank, quoted = w->quoted;
	char c;

	if (w->p >= w->end)
		return false;
	c = *w->p;
	w->blank = c == ' ' || c == '\t';
	if (!w->blank && !is_break(c)) {
		w->quoted = false;
		w->loose = false;
	}
	if (is_break(c)) {
		next_line(w);
	} else if (w->blank) {
		w->p++;
	} else if (c == '#' && blank) {
		skip_line(w);
	} else if (ends_key(w, quoted)) {
		take_colon(w);
	} else if (is_mark(w)) {
		take_mark(w);
	} else if (w->start && (c == '"' || c == '\'')) {
		skip_quoted(w);
	} else if (w->start && w->depth == 0 && (c == '|' || c == '>')) {
		skip_block(w);
	} else if (w->start && (c == '&' || c == '!' || c == '*')) {
		skip_property(w);
	} else {
		w->start = is_indicator(w);
		if (w->start)
			end_row(w);
		w->value_next = false;
		w->p++;
	}
	return true;
}

static bool
tell(const struct sk_yaml_spot *spot, struct sk_yaml_open *open)
{
	*open = (struct sk_yaml_open){ .line = spot->line, .column = 1, .mark = *spot->at };
	for (const char *p = spot->line_start; p < spot->at; p++)
		open->column += ((unsigned char)*p & 0xc0) != 0x80;
	return true;
}

/* The innermost bracket, if its depth was kept. */
static const struct sk_yaml_spot *
innermost(const struct sk_yaml_walk *w)
{
	return w->depth > 0 && w->depth <= SK_MAX_DEPTH ? &w->open[w->depth - 1] : NULL;
}

bool
sk_yaml_unclosed(const char *text, size_t n, struct sk_yaml_open *open)
{
	struct sk_yaml_walk w = sk_yaml_walk_start(text, n);

	while (sk_yaml_walk_step(&w))
		;
	if (w.quote.at != NULL)
		return tell(&w.quote, open);
	return innermost(&w) != NULL && tell(innermost(&w), open);
}

bool
sk_yaml_open_before(const char *text, size_t n, int line, struct sk_yaml_open *open)
{
	struct sk_yaml_walk w = sk_yaml_walk_start(text, n);
	const struct sk_yaml_spot *spot;

	while (w.line < line && sk_yaml_walk_step(&w))
		;
	spot = innermost(&w);
	if (w.line != line || w.p != w.line_start || spot == NULL)
		return false;
	return indent_of(w.p, w.end) <= indent_of(spot->line_start, w.end) && tell(spot, open);
}
