/* settings.h - every variable of skalds-protocol.md 7.2 and ours, with value and origin.
 * Order: flag > environment > .env in the working directory (or --env-file) > default.
 * A blank text value means off; a blank number, boolean or choice means its default.
 * Booleans: true 1 yes y on / false 0 no n off, any case. Choices are accepted in any case and
 * returned as the table spells them.
 *
 * A wrong value stops only the commands that use the setting: a device with a broken
 * MONITOR_TASK_INTERVAL still runs its edge. There the setting has its default. What was typed as
 * a flag is always checked, and `skalds config` shows every problem. */
#ifndef SK_CMD_SETTINGS_H
#define SK_CMD_SETTINGS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum sk_origin { SK_FROM_DEFAULT, SK_FROM_DOTENV, SK_FROM_ENV, SK_FROM_FLAG };

enum sk_setting_type {
	SK_SET_TEXT,
	SK_SET_INT,
	SK_SET_NUMBER,
	SK_SET_BOOL,
	SK_SET_ENUM,
	SK_SET_PATH,
	SK_SET_DURATION, /* "3 days"; a bare number counts days */
	SK_SET_URI, /* may carry a password, which is masked */
	SK_SET_SECRET
};

/* Who reads a setting, one bit a command. */
enum sk_user {
	SK_BY_EDGE = 1,
	SK_BY_RUN_ONE = 2,
	SK_BY_NODE = 4,
	SK_BY_UP = 8,
	SK_BY_CONTROLLER = 16,
	SK_BY_TASK = 32, /* the commands that speak to a controller, or do its work in its place */
	SK_BY_CHECK = 64,
	SK_BY_OTHERS = 128, /* worker, probe: the settings of every command */
	SK_BY_ALL = 255
};

/* For sk_settings_problems: everything, also what nobody uses. */
#define SK_BY_ANYBODY (~0u)

/* One setting, said once: parsing, `skalds config`, the errors and the help come from it. */
struct sk_setting_row {
	const char *name; /* of the environment variable; NULL ends the table */
	enum sk_setting_type type;
	const char *def; /* "" = blank */
	const char *const *choices; /* SK_SET_ENUM, NULL at the end */
	double min, max; /* SK_SET_INT, SK_SET_NUMBER */
	unsigned users; /* enum sk_user; 0: accepted for the original's sake, used by nobody */
	/* It belongs to a service of the fleet, named by the setting that says where that is. Edge and
	 * run-one use it when that one is set, the commands that speak to a controller when all three
	 * are, node and controller always. */
	const char *service;
	const char *flag; /* how it is given on the command line, or NULL */
	const char *doc;
};

extern const struct sk_setting_row sk_setting_rows[];
const struct sk_setting_row *sk_setting_row(const char *name);
const char *sk_setting_type_name(enum sk_setting_type type);

struct sk_settings; /* owned by main, alive until the end */
struct sk_args;

/* The three that say where the services are, NULL at the end. */
extern const char *const sk_setting_services[];

/* Read everything. Never NULL: what is wrong is kept for sk_settings_problems. */
struct sk_settings *sk_settings_load(const struct sk_args *args);
void sk_settings_free(struct sk_settings *s);
/* Append what is wrong, one line each with its origin, values of secrets left out: with flags and
 * with the settings that the users (enum sk_user, or'ed) read. Returns how many lines. */
size_t sk_settings_problems(const struct sk_settings *s, unsigned users, struct sk_str *out);

/* Append a line for each key of .env, and each variable that begins with SKALD, that is no setting
 * but nearly one: most likely a typo, and no error because it may be somebody else's. */
void sk_settings_hints(const struct sk_settings *s, struct sk_str *out);

/* The text value; "" when blank. The name must be one of the table (asserted). */
const char *sk_setting(const struct sk_settings *s, const char *name);
/* Integer, number, duration and boolean settings were checked when they were read. The number of
 * a duration is in seconds. */
int64_t sk_setting_int(const struct sk_settings *s, const char *name);
double sk_setting_num(const struct sk_settings *s, const char *name);
bool sk_setting_bool(const struct sk_settings *s, const char *name);
enum sk_origin sk_setting_origin(const struct sk_settings *s, const char *name);
/* "default", "environment", ".env:3", "--log-level". */
const char *sk_setting_place(const struct sk_settings *s, const char *name);
/* What is wrong with it, as a sentence, or NULL. */
const char *sk_setting_problem(const struct sk_settings *s, const char *name);

/* The value as it may be shown: secrets are "***", URIs lose what is secret in them. */
void sk_setting_shown(const struct sk_settings *s, const char *name, struct sk_str *out);
/* Copy text to out with every password of a URL-like text replaced: "mongodb://root:***@db/".
 * Rather hides too much than too little. */
void sk_mask_url(struct sk_str *out, const char *text);
/* True for names of environment variables that a task must not see: MONGO_HOST (it carries a
 * password), and everything that contains password, passwd, secret, token, api_key, apikey,
 * private_key, access_key or credential in any case. */
bool sk_setting_is_secret_name(const char *env_name);

/* "3 days", "1h30min", "2 weeks, 12 hours", "7" (days) -> seconds; false when none of these. */
bool sk_parse_duration(const char *text, double *seconds);

#endif
