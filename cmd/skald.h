/* skald.h - verbs of `skalds skald` that have a file of their own. */
#ifndef SK_CMD_SKALD_H
#define SK_CMD_SKALD_H

#include "cmd/cmd.h"

extern const struct sk_cmd sk_skald_get;

#endif
