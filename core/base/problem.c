#include "core/base/problem.h"
#include <stdlib.h>
#include <string.h>

#define QUOTE_CHARS 60

void
sk_problems_init(struct sk_problems *p, struct sk_arena *arena, const char *file)
{
	*p = (struct sk_problems){ .file = file, .arena = arena };
}

/* Bytes of a control character at p: C0, DEL, and in UTF-8 C1 (a terminal may take U+009B for an
 * escape sequence), the line separators and the marks that turn the direction of writing. */
static size_t
control_len(const unsigned char *p)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae)
		return 3;
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3;
	return 0;
}

static void
add_printable(struct sk_str *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p != '\0') {
		size_t len = control_len(p);

		if (len == 0)
			sk_str_addc(out, (char)*p++);
		else if (*p == '\n' || *p == '\t')
			sk_str_adds(out, *p++ == '\n' ? "\\n" : "\\t");
		else
			for (; len > 0; len--)
				sk_str_addf(out, "\\x%02x", *p++);
	}
}

static const char *
printable(struct sk_arena *a, const char *text)
{
	struct sk_str s = SK_STR_INIT;
	const char *copy;

	add_printable(&s, text);
	copy = sk_arena_strdup(a, sk_str_text(&s));
	sk_str_release(&s);
	return copy;
}

static void
add(struct sk_problems *p, bool warning, int line, int column, const char *path, const char *fmt,
	va_list ap)
{
	struct sk_str text = SK_STR_INIT;

	if (warning)
		p->n_warnings++;
	else
		p->n_errors++;
	if (p->n == SK_MAX_PROBLEMS)
		return;
	if (p->list == NULL)
		p->list = sk_arena_alloc(p->arena, SK_MAX_PROBLEMS * sizeof(*p->list));
	sk_str_vaddf(&text, fmt, ap);
	p->list[p->n++] = (struct sk_problem){
		.warning = warning,
		.line = line,
		.column = column,
		.path = printable(p->arena, path),
		.text = printable(p->arena, sk_str_text(&text)),
	};
	sk_str_release(&text);
}

void
sk_problem(struct sk_problems *p, int line, int column, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(p, false, line, column, path, fmt, ap);
	va_end(ap);
}

void
sk_problem_warning(
	struct sk_problems *p, int line, int column, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(p, true, line, column, path, fmt, ap);
	va_end(ap);
}

static bool
stands_before(const struct sk_problem *a, const struct sk_problem *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* By insertion: stable, and there are few. */
void
sk_problems_sort(struct sk_problems *p)
{
	for (size_t i = 1; i < p->n; i++) {
		struct sk_problem moved = p->list[i];
		size_t at = i;

		for (; at > 0 && stands_before(&moved, &p->list[at - 1]); at--)
			p->list[at] = p->list[at - 1];
		p->list[at] = moved;
	}
}

static void
add_line(struct sk_str *out, const char *file, const struct sk_problem *problem)
{
	if (file[0] != '\0') {
		add_printable(out, file);
		sk_str_addc(out, ':');
	}
	if (problem->line > 0)
		sk_str_addf(out, "%d:", problem->line);
	if (problem->line > 0 && problem->column > 0)
		sk_str_addf(out, "%d:", problem->column);
	if (file[0] != '\0' || problem->line > 0)
		sk_str_addc(out, ' ');
	if (problem->warning)
		sk_str_adds(out, "warning: ");
	if (problem->path[0] != '\0')
		sk_str_addf(out, "%s: ", problem->path);
	sk_str_addf(out, "%s\n", problem->text);
}

void
sk_problems_text(const struct sk_problems *p, struct sk_str *out)
{
	size_t more = p->n_errors + p->n_warnings - p->n;

	for (size_t i = 0; i < p->n; i++)
		add_line(out, p->file, &p->list[i]);
	if (more == 0)
		return;
	if (p->file[0] != '\0') {
		add_printable(out, p->file);
		sk_str_adds(out, ": ");
	}
	sk_str_addf(out, "%zu more\n", more);
}

void
sk_problems_json_members(const struct sk_problems *p, struct sk_str *out)
{
	sk_json_kstr(out, "file", p->file);
	sk_json_kint(out, "errors", (int64_t)p->n_errors);
	sk_json_kint(out, "warnings", (int64_t)p->n_warnings);
	sk_json_key(out, "problems");
	sk_str_addc(out, '[');
	for (size_t i = 0; i < p->n; i++) {
		const struct sk_problem *problem = &p->list[i];

		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kint(out, "line", problem->line);
		sk_json_kint(out, "column", problem->column);
		sk_json_kstr(out, "path", problem->path);
		sk_json_kstr(out, "severity", problem->warning ? "warning" : "error");
		sk_json_kstr(out, "message", problem->text);
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, ']');
}

void
sk_problems_fail(const struct sk_problems *p, struct sk_err *err)
{
	struct sk_problems one = *p;
	struct sk_str text = SK_STR_INIT;

	while (one.n > 1 && one.list->warning) {
		one.list++;
		one.n--;
	}
	sk_problems_text(&one, &text);
	sk_fail(err, SK_EINVAL, "%.*s", (int)strcspn(sk_str_text(&text), "\n"), sk_str_text(&text));
	sk_str_release(&text);
}

void
sk_problems_json(const struct sk_problems *p, struct sk_str *out)
{
	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_problems_json_members(p, out);
	sk_str_addc(out, '}');
}

const char *
sk_quote(struct sk_arena *a, const char *text)
{
	struct sk_str s = SK_STR_INIT;
	const char *p = text, *quoted;
	size_t chars = 0;

	sk_str_addc(&s, '"');
	for (; *p != '\0'; p++) {
		if (((unsigned char)*p & 0xc0) != 0x80 && chars++ == QUOTE_CHARS)
			break;
		if (*p == '"' || *p == '\\')
			sk_str_addc(&s, '\\');
		sk_str_addc(&s, *p);
	}
	sk_str_adds(&s, *p != '\0' ? "\"…" : "\"");
	quoted = sk_arena_strdup(a, sk_str_text(&s));
	sk_str_release(&s);
	return quoted;
}

void
sk_path_key(struct sk_arena *a, struct sk_str *path, const char *key)
{
	bool plain = key[0] != '\0' && strlen(key) <= 64 && strpbrk(key, " .\"'[]:#\\") == NULL;

	if (path->len > 0)
		sk_str_addc(path, '.');
	sk_str_adds(path, plain ? key : sk_quote(a, key));
}
