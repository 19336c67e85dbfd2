/* trail.c - the last values of a heartbeat. */
#include "core/control/trail.h"

void
sk_trail_add(struct sk_trail *h, int64_t value, int64_t wall_ms)
{
	size_t at = h->n++ % SK_TRAIL;

	h->values[at] = value;
	h->times[at] = wall_ms;
}

size_t
sk_trail_since(const struct sk_trail *h, int64_t from, int64_t out[SK_TRAIL])
{
	size_t n = 0;

	for (size_t i = h->n > SK_TRAIL ? h->n - SK_TRAIL : 0; i < h->n; i++)
		if (h->times[i % SK_TRAIL] > from)
			out[n++] = h->values[i % SK_TRAIL];
	return n;
}
