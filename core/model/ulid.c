/* ulid.c - ids that sort by the time of their making (declared in record.h). */
#include "core/model/record.h"
#include "core/base/clock.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Kernels and sandboxes without getrandom(2): unlike others on this machine is the best left. */
static void
poor_random(unsigned char *p, size_t n)
{
	uint64_t x = (uint64_t)sk_boot_ns() * 0x9e3779b97f4a7c15u ^ (uint64_t)getpid() << 32 ^
		(uint64_t)sk_wall_ms();

	for (size_t i = 0; i < n; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		p[i] = (unsigned char)(x >> 56);
	}
}

static void
fresh_random(unsigned char *p, size_t n)
{
	ssize_t got;

	do
		got = getrandom(p, n, 0);
	while (got == -1 && errno == EINTR);
	if (got != (ssize_t)n)
		poor_random(p, n);
}

/* The next number; false when it does not fit any more. */
static bool
count_up(unsigned char *p, size_t n)
{
	while (n-- > 0)
		if (++p[n] != 0)
			return true;
	return false;
}

/* Crockford's letters: no i, l, o, u. */
static void
write_text(const unsigned char bytes[16], char out[SK_ULID_LEN])
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

	for (unsigned i = 0; i < SK_ULID_LEN - 1; i++) {
		unsigned value = 0;

		for (unsigned k = 0; k < 5; k++) { /* 130 bits, the first two are zero */
			unsigned bit = i * 5 + k;

			value <<= 1;
			if (bit >= 2)
				value |= (unsigned)bytes[(bit - 2) / 8] >> (7 - (bit - 2) % 8) & 1u;
		}
		out[i] = letters[value];
	}
	out[SK_ULID_LEN - 1] = '\0';
}

void
sk_ulid_make(struct sk_ulid *state, int64_t wall_ms, char out[SK_ULID_LEN])
{
	unsigned char bytes[16];

	/* A clock that goes back does not change the order; the first one is random in any case. */
	if (wall_ms > state->last_ms || state->last_ms == 0 ||
		!count_up(state->random, sizeof(state->random))) {
		state->last_ms = wall_ms > state->last_ms ? wall_ms : state->last_ms + 1;
		fresh_random(state->random, sizeof(state->random));
	}
	for (unsigned i = 0; i < 6; i++)
		bytes[i] = (unsigned char)((uint64_t)state->last_ms >> (40 - 8 * i));
	memcpy(bytes + 6, state->random, sizeof(state->random));
	write_text(bytes, out);
}
