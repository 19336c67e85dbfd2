#include "core/base/clock.h"
#include "core/base/hooks.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JUMP_MS 3600000 /* more is a jump */
#define STEADY_MS 3600000 /* and what came of it must have stood for so long */

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

void
sk_steady_begin(struct sk_steady *s, int64_t offset_ms)
{
	*s = (struct sk_steady){ .offset_ms = offset_ms };
}

static bool
is_near(int64_t a, int64_t b)
{
	return llabs(a - b) <= JUMP_MS;
}

bool
sk_steady_look(struct sk_steady *s, int64_t wall_ms, int64_t boot_ms)
{
	int64_t offset = wall_ms - boot_ms;

	if (!is_near(offset, s->offset_ms)) {
		if (!s->doubt || !is_near(offset, s->other_ms)) {
			s->other_ms = offset;
			s->since_ms = boot_ms;
		}
		s->doubt = boot_ms - s->since_ms < STEADY_MS;
		if (s->doubt)
			return false;
	}
	sk_steady_begin(s, offset); /* a clock that is set by seconds, again and again, is followed */
	return true;
}
