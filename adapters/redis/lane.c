#include "adapters/redis/redis.h"
#include <stdlib.h>
#include <string.h>

/* What a burst left behind is given back when nothing waits. */
#define KEEP_BYTES ((size_t)64 << 10)
#define KEEP_WAITS 1024

static void
add_waiter(struct sk_redis_lane *lane, struct sk_redis_wait wait)
{
	if (lane->n == lane->cap) {
		const size_t cap = lane->cap > 0 ? lane->cap * 2 : 64;
		struct sk_redis_wait *ring = sk_xreallocarray(NULL, cap, sizeof(*ring));

		for (size_t i = 0; i < lane->n; i++)
			ring[i] = lane->waits[(lane->first + i) % lane->cap];
		free(lane->waits);
		lane->waits = ring;
		lane->first = 0;
		lane->cap = cap;
	}
	lane->waits[(lane->first + lane->n++) % lane->cap] = wait;
}

static void
add_head(struct sk_str *out, char kind, size_t n)
{
	sk_str_addc(out, kind);
	sk_json_int(out, (int64_t)n);
	sk_str_add(out, "\r\n", 2);
}

void
sk_redis_lane_add(struct sk_redis_lane *lane, const struct sk_redis_arg *args, size_t n,
	struct sk_redis_wait wait)
{
	add_head(&lane->out, '*', n);
	for (size_t i = 0; i < n; i++) {
		add_head(&lane->out, '$', args[i].n);
		sk_str_add(&lane->out, args[i].p, args[i].n);
		sk_str_add(&lane->out, "\r\n", 2);
	}
	add_waiter(lane, wait);
}

bool
sk_redis_lane_next(struct sk_redis_lane *lane, struct sk_redis_wait *wait)
{
	if (lane->n == 0)
		return false;
	*wait = lane->waits[lane->first];
	lane->first = (lane->first + 1) % lane->cap;
	if (--lane->n == 0 && lane->cap > KEEP_WAITS) {
		free(lane->waits);
		lane->waits = NULL;
		lane->first = lane->cap = 0;
	}
	return true;
}

void
sk_redis_lane_sent(struct sk_redis_lane *lane, size_t n)
{
	lane->sent += n;
	if (lane->sent == lane->out.len) {
		if (lane->out.cap > KEEP_BYTES)
			sk_str_release(&lane->out);
		sk_str_clear(&lane->out);
		lane->sent = 0;
	} else if (lane->sent > KEEP_BYTES && lane->sent > lane->out.len / 2) {
		sk_str_consume(&lane->out, lane->sent);
		lane->sent = 0;
	}
}

void
sk_redis_lane_release(struct sk_redis_lane *lane)
{
	sk_str_release(&lane->out);
	free(lane->waits);
	*lane = (struct sk_redis_lane){ .out = SK_STR_INIT };
}
