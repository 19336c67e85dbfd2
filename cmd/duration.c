/* duration.c - "3 days", "1h30min", "2 weeks, 12 hours" (declared in settings.h). */
#include "cmd/settings.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DAY 86400.0

/* The units of the original's log library, with their short forms. */
static const struct {
	const char *name;
	double seconds;
} units[] = {
	{ "s", 1 },
	{ "sec", 1 },
	{ "second", 1 },
	{ "m", 60 },
	{ "min", 60 },
	{ "minute", 60 },
	{ "h", 3600 },
	{ "hour", 3600 },
	{ "d", DAY },
	{ "day", DAY },
	{ "w", 7 * DAY },
	{ "week", 7 * DAY },
	{ "month", 30.5 * DAY },
	{ "y", 365.25 * DAY },
	{ "year", 365.25 * DAY },
};

static double
unit_seconds(const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (strncasecmp(units[i].name, word, len) == 0 &&
			(n == len || (len > 1 && n == len + 1 && (word[len] == 's' || word[len] == 'S'))))
			return units[i].seconds;
	}
	return 0;
}

static const char *
skip(const char *p, const char *set)
{
	return p + strspn(p, set);
}

/* One "number unit" at *p; a number all alone counts days. */
static bool
part(const char **p, bool first, double *seconds)
{
	char *end;
	double number, unit;
	size_t n;

	n = strspn(*p, "0123456789."); /* strtod would also take "inf", "-1", "0x10" and "1e3" */
	number = strtod(*p, &end);
	if (n == 0 || end != *p + n)
		return false;
	*p = skip(end, " \t");
	for (n = 0; ((*p)[n] | 0x20) >= 'a' && ((*p)[n] | 0x20) <= 'z'; n++)
		continue;
	unit = n > 0 ? unit_seconds(*p, n) : first && **p == '\0' ? DAY : 0;
	if (unit == 0)
		return false;
	*p = skip(*p + n, " \t,");
	*seconds += number * unit;
	return true;
}

bool
sk_parse_duration(const char *text, double *seconds)
{
	const char *p = skip(text, " \t");
	bool first = true;
	double sum = 0;

	do {
		if (!part(&p, first, &sum))
			return false;
		first = false;
	} while (*p != '\0');
	if (!isfinite(sum) || sum > 1000 * 365.25 * DAY)
		return false;
	*seconds = sum;
	return true;
}
