/* clock.h - what time it is. Durations and leases use the boot clock; wall time is only shown. */
#ifndef SK_CORE_BASE_CLOCK_H
#define SK_CORE_BASE_CLOCK_H

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

#endif
