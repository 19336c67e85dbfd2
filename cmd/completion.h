/* completion.h - what the three shells' completions share: which words fit where. */
#ifndef SK_CMD_COMPLETION_H
#define SK_CMD_COMPLETION_H

#include "cmd/cmd.h"
#include "core/base/str.h"

enum sk_fill {
	SK_FILL_NOTHING,
	SK_FILL_WORDS, /* one of a list */
	SK_FILL_FILES,
	SK_FILL_DIRECTORIES,
	SK_FILL_ASK /* `skalds __complete -- WORD…` knows (complete.c) */
};

/* What the value of a flag may be; words get the list, separated by blanks. */
enum sk_fill sk_fill_option(const struct sk_opt *o, struct sk_str *words);
/* The same for the arguments of a command, told by its usage line. */
enum sk_fill sk_fill_arguments(const struct sk_cmd *cmd, struct sk_str *words);

/* Calls fn for every command and verb of this build; verb is NULL for a command. */
typedef void
sk_each_cmd_fn(struct sk_str *out, const struct sk_cmd *cmd, const struct sk_cmd *verb);
void sk_each_cmd(struct sk_str *out, sk_each_cmd_fn *fn);

void sk_completion_bash(struct sk_str *out);
void sk_completion_zsh(struct sk_str *out);
void sk_completion_fish(struct sk_str *out);

#endif
