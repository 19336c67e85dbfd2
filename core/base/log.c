#include "core/base/log.h"
#include "core/base/clock.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Room kept behind the message for the mark of a cut one, the closing quote and the newline. */
#define TAIL 64
/* A task id or component longer than this is cut: the message must have its share of the line. */
#define MAX_NAME 1200

static struct sk_log_config settings = { .level = SK_INFO };

static const struct {
	enum sk_level level;
	const char *name, *color;
} levels[] = {
	{ SK_TRACE, "trace", "2" },
	{ SK_DEBUG, "debug", "2" },
	{ SK_INFO, "info", "36" },
	{ SK_SUCCESS, "success", "32" },
	{ SK_WARNING, "warning", "33" },
	{ SK_ERROR, "error", "31" },
	{ SK_CRITICAL, "critical", "1;31" },
};
#define N_LEVELS (sizeof(levels) / sizeof(levels[0]))

void
sk_log_setup(const struct sk_log_config *config)
{
	settings = *config;
}

const struct sk_log_config *
sk_log_settings(void)
{
	return &settings;
}

bool
sk_level_parse(const char *text, enum sk_level *level)
{
	for (size_t i = 0; i < N_LEVELS; i++)
		if (strcasecmp(text, levels[i].name) == 0) {
			*level = levels[i].level;
			return true;
		}
	return false;
}

/* The row of a level; of the nearest lower one for a number in between. */
static size_t
level_row(enum sk_level level)
{
	size_t i = N_LEVELS - 1;

	while (i > 0 && level < levels[i].level)
		i--;
	return i;
}

const char *
sk_level_name(enum sk_level level)
{
	return levels[level_row(level)].name;
}

/* ---- escaping ---- */

/* How many bytes at p form one printable character of more than one byte; 0: none do. C1 controls
 * (U+0080-U+009F) count as not printable: terminals obey them. */
static size_t
wide_char(const char *p, size_t n)
{
	size_t len = (unsigned char)p[0] >= 0xf0 ? 4 : (unsigned char)p[0] >= 0xe0 ? 3 : 2;

	if ((unsigned char)p[0] < 0x80 || len > n || sk_utf8_bad(p, len) != len)
		return 0;
	if ((unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0)
		return 0;
	return len;
}

static bool
is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* The escape of the byte c that stands for itself nowhere, in one of the two notations. */
static size_t
escape(char buf[8], unsigned char c, bool json)
{
	static const char short_from[] = "\"\\\n\r\t", short_to[] = "\"\\nrt";
	const char *at = c != 0 ? strchr(short_from, c) : NULL;

	if (at != NULL)
		return (size_t)snprintf(buf, 8, "\\%c", short_to[at - short_from]);
	if (json && c >= 0x80) /* not UTF-8: JSON has no way to carry the byte */
		return (size_t)snprintf(buf, 8, "\\ufffd");
	return (size_t)snprintf(buf, 8, json ? "\\u%04x" : "\\x%02x", c);
}

/* Append at most room bytes of the escaped text; returns how many bytes of it were taken. */
static size_t
add_escaped(struct sk_str *out, bool json, const char *p, size_t n, size_t room)
{
	size_t i = 0;

	while (i < n) {
		size_t take = 0, len;
		char buf[8];

		while (i + take < n && take < room && is_plain(p[i + take]))
			take++;
		if (take > 0) {
			sk_str_add(out, p + i, take);
			i += take;
			room -= take;
			continue;
		}
		take = is_plain(p[i]) ? 1 : wide_char(p + i, n - i);
		len = take > 0 ? take : escape(buf, (unsigned char)p[i], json);
		if (len > room)
			break;
		sk_str_add(out, take > 0 ? p + i : buf, len);
		room -= len;
		i += take > 0 ? take : 1;
	}
	return i;
}

/* logfmt writes a value bare when no reader could stumble over it. */
static bool
needs_quotes(const char *p, size_t n)
{
	if (n == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (!is_plain(p[i]) || p[i] == ' ' || p[i] == '=')
			return true;
	return false;
}

/* ---- the line ---- */

static void
add_name(struct sk_str *out, bool json, const char *key, const char *value)
{
	size_t n = strlen(value);
	bool quotes = json || needs_quotes(value, n);

	sk_str_addf(out, json ? ",\"%s\":" : " %s=", key);
	if (quotes)
		sk_str_addc(out, '"');
	add_escaped(out, json, value, n, MAX_NAME);
	if (quotes)
		sk_str_addc(out, '"');
}

static void
add_message(struct sk_str *out, size_t start, bool json, const char *msg, size_t len)
{
	size_t used = out->len - start,
		   room = used + TAIL < SK_LOG_LINE ? SK_LOG_LINE - used - TAIL : 0;
	size_t done = add_escaped(out, json, msg, len, room);

	if (done < len)
		sk_str_addf(out, "... [%zu bytes cut]", len - done);
}

static void
format(struct sk_str *out, const struct sk_log_config *how, int64_t wall_ms, enum sk_level level,
	const char *component, const char *task, int64_t attempt, const char *msg, size_t len)
{
	size_t start = out->len, row = level_row(level);
	bool json = how->json, color = how->color && !json;
	char when[SK_TIME_LEN];

	sk_time_text(wall_ms, when);
	if (json)
		sk_str_addf(out, "{\"time\":\"%s\",\"level\":\"%s\"", when, levels[row].name);
	else if (color)
		sk_str_addf(out, "\033[2mtime=%s\033[0m \033[%smlevel=%s\033[0m", when, levels[row].color,
			levels[row].name);
	else
		sk_str_addf(out, "time=%s level=%s", when, levels[row].name);
	if (component != NULL)
		add_name(out, json, "component", component);
	if (task != NULL)
		add_name(out, json, "task", task);
	if (attempt > 0)
		sk_str_addf(out, json ? ",\"attempt\":%lld" : " attempt=%lld", (long long)attempt);
	sk_str_adds(out, json ? ",\"msg\":\"" : " msg=\"");
	add_message(out, start, json, msg, len);
	sk_str_adds(out, json ? "\"}\n" : "\"\n");
}

void
sk_log_format(struct sk_str *out, bool json, int64_t wall_ms, enum sk_level level,
	const char *component, const char *task, int64_t attempt, const char *msg, size_t len)
{
	const struct sk_log_config how = { .json = json };

	format(out, &how, wall_ms, level, component, task, attempt, msg, len);
}

/* A log that cannot be written must not stop the work: full disk and closed pipe are ignored. */
static void
emit(const struct sk_str *line)
{
	ssize_t n;

	do
		n = write(STDERR_FILENO, line->p, line->len);
	while (n == -1 && errno == EINTR);
}

void
sk_log_task(enum sk_level level, const char *component, const char *task, int64_t attempt,
	const char *fmt, ...)
{
	struct sk_str msg = SK_STR_INIT, line = SK_STR_INIT;
	int saved = errno;
	va_list ap;

	if (level < settings.level)
		return;
	va_start(ap, fmt);
	sk_str_vaddf(&msg, fmt, ap);
	va_end(ap);
	format(&line, &settings, sk_wall_ms(), level, component, task, attempt, sk_str_text(&msg),
		msg.len);
	emit(&line);
	sk_str_release(&msg);
	sk_str_release(&line);
	errno = saved;
}
