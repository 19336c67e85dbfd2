#include "cmd/when.h"
#include "cmd/settings.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONGEST (1000 * 365.25 * 86400)
#define LAST_SECOND 253402300799.0 /* of the year 9999, the last that can be written down */
#define DIGITS "0123456789"

/* Digits with at most one point; strtod alone takes much more. */
static bool
plain_number(const char *p, size_t n, double *value)
{
	size_t whole = strspn(p, DIGITS), part = 0, point = p[whole] == '.' ? 1 : 0;

	if (point > 0)
		part = strspn(p + whole + 1, DIGITS);
	if (whole + part == 0 || whole + point + part != n || n > 32)
		return false;
	*value = strtod(p, NULL);
	return true;
}

bool
sk_seconds_parse(const char *text, double *seconds)
{
	size_t n = strlen(text);
	double value;

	if (plain_number(text, n, &value))
		*seconds = value;
	else if (n > 2 && strcmp(text + n - 2, "ms") == 0 && plain_number(text, n - 2, &value))
		*seconds = value / 1000;
	else if (!sk_parse_duration(text, seconds))
		return false;
	return *seconds <= LONGEST;
}

/* ---- moments ---- */

/* Exactly n digits at *p. */
static bool
digits(const char **p, int n, int *value)
{
	*value = 0;
	for (int i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*value = *value * 10 + (**p - '0');
	}
	return true;
}

static bool
skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* ".5", ".123456": what is finer than a millisecond is dropped. */
static bool
fraction(const char **p, int *ms)
{
	int scale = 100;

	if (!skip(p, '.'))
		return true;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
		*ms += (**p - '0') * scale;
	return true;
}

/* HH:MM, HH:MM:SS or HH:MM:SS.fff */
static bool
clock_time(const char **p, struct tm *tm, int *ms)
{
	*ms = 0;
	if (!digits(p, 2, &tm->tm_hour) || !skip(p, ':') || !digits(p, 2, &tm->tm_min))
		return false;
	if (skip(p, ':') && (!digits(p, 2, &tm->tm_sec) || !fraction(p, ms)))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

/* Z, +02:00 or +0200; what is left of the text is nothing else. */
static bool
zone(const char *p, bool *given, int *offset_s)
{
	int sign = *p == '-' ? -1 : 1, hours, minutes;

	*given = *p != '\0';
	*offset_s = 0;
	if (*p == '\0' || strcmp(p, "Z") == 0)
		return true;
	if (*p != '+' && *p != '-')
		return false;
	p++;
	if (!digits(&p, 2, &hours))
		return false;
	skip(&p, ':');
	if (!digits(&p, 2, &minutes) || *p != '\0' || hours > 14 || minutes > 59)
		return false;
	*offset_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* mktime takes the 30th of February for the 2nd of March: a person does not. */
static bool
to_epoch(struct tm tm, bool utc, int64_t *s)
{
	struct tm back = tm;
	time_t t = utc ? timegm(&back) : mktime(&back);

	*s = (int64_t)t;
	return back.tm_year == tm.tm_year && back.tm_mon == tm.tm_mon && back.tm_mday == tm.tm_mday;
}

static bool
calendar(const char *p, int64_t *ms)
{
	struct tm tm = { .tm_isdst = -1 };
	int64_t s;
	int year, month, part = 0, offset = 0;
	bool given = false;

	if (!digits(&p, 4, &year) || !skip(&p, '-') || !digits(&p, 2, &month) || !skip(&p, '-') ||
		!digits(&p, 2, &tm.tm_mday))
		return false;
	if ((*p == 'T' || *p == ' ') && (p++, !clock_time(&p, &tm, &part)))
		return false;
	if (!zone(p, &given, &offset))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	if (month < 1 || month > 12 || !to_epoch(tm, given, &s))
		return false;
	*ms = (s - offset) * 1000 + part;
	return true;
}

static bool
next_clock(const char *p, int64_t now_ms, int64_t *ms)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm tm, wanted = { .tm_sec = 0 };
	int part;

	if (!clock_time(&p, &wanted, &part) || *p != '\0' || localtime_r(&now, &tm) == NULL)
		return false;
	for (int day = 0; day < 3; day++) {
		struct tm t = tm;

		t.tm_mday += day;
		t.tm_hour = wanted.tm_hour;
		t.tm_min = wanted.tm_min;
		t.tm_sec = wanted.tm_sec;
		t.tm_isdst = -1;
		*ms = (int64_t)mktime(&t) * 1000 + part;
		if (*ms > now_ms)
			return true;
	}
	return false;
}

bool
sk_moment_parse(const char *text, int64_t now_ms, int64_t *ms)
{
	size_t n = strspn(text, DIGITS);
	double seconds;

	if (text[0] == '+') {
		if (!sk_seconds_parse(text + 1, &seconds))
			return false;
		*ms = now_ms + (int64_t)(seconds * 1000);
		return true;
	}
	if (text[0] == '@') {
		if (!plain_number(text + 1, strlen(text + 1), &seconds) || seconds > LAST_SECOND)
			return false;
		*ms = (int64_t)llround(seconds * 1000);
		return true;
	}
	if (text[n] == '\0' && n >= 12 && n <= 15) {
		*ms = strtoll(text, NULL, 10);
		return true;
	}
	return calendar(text, ms) || next_clock(text, now_ms, ms);
}
