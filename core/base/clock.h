/* clock.h - what time it is. Durations and leases use the boot clock; wall time is only shown. */
#ifndef SK_CORE_BASE_CLOCK_H
#define SK_CORE_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_BOOTTIME in milliseconds / nanoseconds: goes on during suspend, never jumps. */
int64_t sk_boot_ms(void);
int64_t sk_boot_ns(void);
/* Milliseconds since the epoch. */
int64_t sk_wall_ms(void);
/* "2026-08-22T10:11:12.123Z"; buf must hold 25 bytes. */
#define SK_TIME_LEN 25
char *sk_time_text(int64_t wall_ms, char buf[SK_TIME_LEN]);

/* Whether the wall clock can be believed by those who remove what is old: when it has jumped
 * against the boot clock by more than an hour, not before the new time has stood for an hour. */
struct sk_steady {
	int64_t offset_ms; /* wall minus boot clock, as it is believed */
	int64_t other_ms, since_ms; /* doubt: as it is now, and since when on the boot clock */
	bool doubt;
};
void sk_steady_begin(struct sk_steady *s, int64_t offset_ms);
/* To be asked now and then, once a minute or so. Doubt does not end between two questions. */
bool sk_steady_look(struct sk_steady *s, int64_t wall_ms, int64_t boot_ms);

#endif
