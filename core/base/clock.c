#include "core/base/clock.h"
#include "core/base/hooks.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t
read_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) != 0)
		return 0; /* cannot happen for the clocks used here */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
sk_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

int64_t
sk_boot_ms(void)
{
	return read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t
sk_wall_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000 + sk_hooks_clock_ms();
}

/* Times may come from elsewhere: what does not fit becomes the first or last moment that does. */
char *
sk_time_text(int64_t wall_ms, char buf[SK_TIME_LEN])
{
	const int64_t last = 253402300799999; /* of the year 9999 */
	int64_t ms = wall_ms < 0 ? 0 : wall_ms > last ? last : wall_ms;
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char ymd[21];

	if (gmtime_r(&s, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	strftime(ymd, sizeof(ymd), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, SK_TIME_LEN, "%.19s.%03uZ", ymd, (unsigned)(ms % 1000) % 1000u);
	return buf;
}
