/* doctor.h - what each check of `skalds doctor` reports. */
#ifndef SK_CMD_DOCTOR_H
#define SK_CMD_DOCTOR_H

#include "cmd/settings.h"
#include "core/base/str.h"

enum sk_health {
	SK_FINE,
	SK_LIMITED, /* works with a weaker guarantee, which the text names */
	SK_BROKEN /* tasks cannot run as they should */
};

struct sk_checkup {
	const struct sk_settings *settings;
	enum sk_health health;
	struct sk_str text; /* one sentence */
};

/* One check: sets health and text. It leaves nothing behind and changes nothing. */
struct sk_check {
	const char *name;
	void (*run)(struct sk_checkup *c);
};

/* doctor_system.c, doctor_files.c, doctor_store.c, doctor_fleet.c and doctor_url.c; a NULL name
 * ends each. */
extern const struct sk_check sk_system_checks[], sk_file_checks[], sk_store_checks[],
	sk_fleet_checks[], sk_url_checks[];

/* Set both. */
void sk_checkup(struct sk_checkup *c, enum sk_health health, const char *fmt, ...) SK_PRINTF(3, 4);

/* doctor_watch.c: until Ctrl-C. Returns the exit code. */
int sk_doctor_watch(const struct sk_settings *settings, bool json);

#endif
