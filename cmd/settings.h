/* settings.h - every variable of skalds-protocol.md 7.2 and ours, with value and origin.
 * Order: flag > environment > .env in the working directory (or --env-file) > default.
 * A blank text value means off. Booleans: true 1 yes y on / false 0 no n off, any case. */
#ifndef SK_CMD_SETTINGS_H
#define SK_CMD_SETTINGS_H

#include "core/base/err.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum sk_origin { SK_FROM_DEFAULT, SK_FROM_DOTENV, SK_FROM_ENV, SK_FROM_FLAG };

struct sk_settings;	/* owned by main, alive until the end */

/* The text value; "" when blank. The name must be one of the table (asserted). */
const char *sk_setting(const struct sk_settings *s, const char *name);
/* Integer, number and boolean settings were checked when they were read. */
int64_t sk_setting_int(const struct sk_settings *s, const char *name);
double sk_setting_num(const struct sk_settings *s, const char *name);
bool sk_setting_bool(const struct sk_settings *s, const char *name);
enum sk_origin sk_setting_origin(const struct sk_settings *s, const char *name);

#endif
