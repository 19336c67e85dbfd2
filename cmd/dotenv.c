#include "cmd/dotenv.h"
#include "core/base/str.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct parser {
	struct sk_dotenv *d;
	struct sk_arena *arena;
	const char *p, *end;
	int line;
	struct sk_str value;
};

static void
problem(struct parser *ps, int line, const char *text)
{
	ps->d->problems[ps->d->n_problems++] = (struct sk_dotenv_problem){ line, text };
}

static bool
is_name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
		(!first && ((c >= '0' && c <= '9') || c == '.' || c == '-'));
}

static void
skip_blanks(struct parser *ps)
{
	while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\r'))
		ps->p++;
}

static void
skip_line(struct parser *ps)
{
	while (ps->p < ps->end && *ps->p != '\n')
		ps->p++;
}

static const char *
name(struct parser *ps)
{
	const char *start = ps->p;

	while (ps->p < ps->end && is_name_char(*ps->p, ps->p == start))
		ps->p++;
	return ps->p > start ? sk_arena_strndup(ps->arena, start, (size_t)(ps->p - start)) : NULL;
}

/* ps->p stands on "${": append the value of ${NAME} or ${NAME:-default} and step behind it. Text
 * that only looks like one is taken as it is. */
static void
reference(struct parser *ps)
{
	const char *start = ps->p, *key, *value;
	const struct sk_dotenv_line *line;
	size_t def = 0;

	ps->p += 2;
	key = name(ps);
	if (key != NULL && ps->end - ps->p >= 2 && ps->p[0] == ':' && ps->p[1] == '-') {
		ps->p += 2;
		while (ps->p + def < ps->end && ps->p[def] != '}' && ps->p[def] != '\n')
			def++;
	}
	if (key == NULL || ps->p + def >= ps->end || ps->p[def] != '}') {
		sk_str_add(&ps->value, start, 2);
		ps->p = start + 2;
		return;
	}
	value = getenv(key);
	if (value == NULL && (line = sk_dotenv_find(ps->d, key)) != NULL)
		value = line->value;
	if (value == NULL || (def > 0 && *value == '\0'))
		sk_str_add(&ps->value, ps->p, def);
	else
		sk_str_adds(&ps->value, value);
	ps->p += def + 1;
}

static void
plain_value(struct parser *ps)
{
	while (ps->p < ps->end && *ps->p != '\n') {
		if (*ps->p == '#' && (ps->p[-1] == ' ' || ps->p[-1] == '\t'))
			skip_line(ps);
		else if (ps->end - ps->p >= 2 && ps->p[0] == '$' && ps->p[1] == '{')
			reference(ps);
		else
			sk_str_addc(&ps->value, *ps->p++);
	}
	while (ps->value.len > 0 && strchr(" \t\r", ps->value.p[ps->value.len - 1]) != NULL)
		ps->value.p[--ps->value.len] = '\0';
}

/* One backslash escape inside double quotes; an unknown one keeps its backslash. */
static void
escaped(struct parser *ps)
{
	static const char from[] = "nrt\"\\$", to[] = "\n\r\t\"\\$";
	const char *at = strchr(from, ps->p[1]);

	if (ps->p[1] != '\0' && at != NULL)
		sk_str_addc(&ps->value, to[at - from]);
	else
		sk_str_add(&ps->value, ps->p, 2);
	ps->p += 2;
}

/* Returns false when the closing quote is missing; then the rest of the first line is skipped. */
static bool
quoted_value(struct parser *ps, char quote)
{
	const char *start = ps->p++;
	int line = ps->line;

	while (ps->p < ps->end && *ps->p != quote) {
		if (*ps->p == '\n')
			ps->line++;
		if (quote == '"' && ps->end - ps->p >= 2 && ps->p[0] == '\\' && ps->p[1] != '\n')
			escaped(ps);
		else if (quote == '"' && ps->end - ps->p >= 2 && ps->p[0] == '$' && ps->p[1] == '{')
			reference(ps);
		else
			sk_str_addc(&ps->value, *ps->p++);
	}
	if (ps->p < ps->end) {
		ps->p++;
		return true;
	}
	ps->p = start;
	ps->line = line;
	return false;
}

static void
assignment(struct parser *ps, const char *key)
{
	int line = ps->line;

	ps->p++;
	skip_blanks(ps);
	sk_str_clear(&ps->value);
	if (ps->p < ps->end && (*ps->p == '"' || *ps->p == '\'')) {
		if (!quoted_value(ps, *ps->p)) {
			problem(ps, line, "the closing quote is missing");
			return;
		}
		skip_blanks(ps);
		if (ps->p < ps->end && *ps->p != '\n' && *ps->p != '#') {
			problem(ps, ps->line, "unexpected text behind the closing quote");
			return;
		}
	} else
		plain_value(ps);
	if (strlen(sk_str_text(&ps->value)) != ps->value.len) {
		problem(ps, line, "the value contains a NUL byte");
		return;
	}
	ps->d->lines[ps->d->n++] =
		(struct sk_dotenv_line){ key, sk_arena_strdup(ps->arena, sk_str_text(&ps->value)), line };
}

static void
one_line(struct parser *ps)
{
	const char *key;

	skip_blanks(ps);
	if (ps->p == ps->end || *ps->p == '\n' || *ps->p == '#')
		return;
	if (ps->end - ps->p > 7 && strncmp(ps->p, "export", 6) == 0 &&
		(ps->p[6] == ' ' || ps->p[6] == '\t')) {
		ps->p += 6;
		skip_blanks(ps);
	}
	key = name(ps);
	skip_blanks(ps);
	if (key != NULL && ps->p < ps->end && *ps->p == '=')
		assignment(ps, key);
	else if (key == NULL || (ps->p < ps->end && *ps->p != '\n' && *ps->p != '#'))
		problem(ps, ps->line, "expected KEY=VALUE");
}

void
sk_dotenv_parse(struct sk_dotenv *d, const char *text, size_t n, struct sk_arena *a)
{
	struct parser ps = { .d = d, .arena = a, .p = text, .end = text + n, .line = 1 };
	size_t max = 1;

	for (size_t i = 0; i < n; i++)
		max += text[i] == '\n' ? 1 : 0;
	*d = (struct sk_dotenv){ 0 };
	d->lines = sk_arena_alloc(a, max * sizeof(*d->lines));
	d->problems = sk_arena_alloc(a, max * sizeof(*d->problems));
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		ps.p += 3;
	while (ps.p < ps.end) {
		one_line(&ps);
		skip_line(&ps);
		if (ps.p < ps.end)
			ps.p++;
		ps.line++;
	}
	sk_str_release(&ps.value);
}

const struct sk_dotenv_line *
sk_dotenv_find(const struct sk_dotenv *d, const char *key)
{
	for (size_t i = d->n; i > 0; i--)
		if (strcmp(d->lines[i - 1].key, key) == 0)
			return &d->lines[i - 1];
	return NULL;
}

static enum sk_code
read_fd(
	int fd, const char *path, struct sk_arena *a, const char **text, size_t *n, struct sk_err *err)
{
	char *buf = sk_arena_alloc(a, SK_DOTENV_MAX + 2);
	size_t len = 0;

	while (len <= SK_DOTENV_MAX) {
		ssize_t got = read(fd, buf + len, SK_DOTENV_MAX + 1 - len);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return sk_fail_errno(err, "cannot read %s", path);
		if (got == 0)
			break;
		len += (size_t)got;
	}
	if (len > SK_DOTENV_MAX)
		return sk_fail(err, SK_EINVAL, "%s is larger than %d bytes", path, SK_DOTENV_MAX);
	*text = buf;
	*n = len;
	return SK_OK;
}

enum sk_code
sk_dotenv_read(
	const char *path, struct sk_arena *a, const char **text, size_t *n, struct sk_err *err)
{
	/* Not blocking: a FIFO without a writer must not stop every command of this directory. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum sk_code code;

	if (fd == -1 && errno == ENOENT)
		return sk_fail(err, SK_ENOENT, "cannot read %s: there is no such file", path);
	if (fd == -1)
		return sk_fail_errno(err, "cannot read %s", path);
	code = read_fd(fd, path, a, text, n, err);
	close(fd);
	return code;
}
