/* cmd.h - one row per subcommand. Each file in cmd/ exports one struct sk_cmd, main.c has them. */
#ifndef SK_CMD_CMD_H
#define SK_CMD_CMD_H

#include "cmd/settings.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stdio.h>

/* Exit codes (cli.md, Everywhere). */
enum sk_exit_code {
	SK_EXIT_OK = 0,
	SK_EXIT_FAILED = 1,
	SK_EXIT_USAGE = 2,
	SK_EXIT_NOT_FOUND = 3,
	SK_EXIT_UNAVAILABLE = 69,
	SK_EXIT_SYSTEM = 71,
	SK_EXIT_STORAGE = 74,
	SK_EXIT_TRY_AGAIN = 75,
	SK_EXIT_TIMEOUT = 124,
	SK_EXIT_SKALDS = 125,
	SK_EXIT_CANNOT_RUN = 126,
	SK_EXIT_NO_PROGRAM = 127
};

/* One flag. Parsing, --help and the completions come from the same row. */
struct sk_opt {
	const char *name; /* "slots" for --slots; NULL ends the table */
	char letter; /* 'f' for -f, 0 = none */
	const char *value; /* "N", "FILE": what is shown in the help; NULL = a switch */
	const char *setting; /* the variable of settings.h it overrides ("YAML_FILE"), or NULL */
	const char *const *choices; /* allowed values, NULL-terminated; NULL = free */
	const char *doc;
};

struct sk_args; /* the parsed command line, see options.h */

struct sk_cmd {
	const char *name; /* "edge"; "worker list" is name "worker" with verbs */
	const char *summary; /* one line for `skalds help` */
	const char *usage; /* what follows "skalds edge " */
	const char *help; /* paragraphs, examples; NULL = none */
	const struct sk_opt *options; /* own flags; the global ones are added */
	const struct sk_cmd *const *verbs; /* sub-subcommands, NULL-terminated, or NULL */
	int min_args, max_args; /* positional; max -1 = any */
	bool takes_command; /* "-- cmd args…" is allowed and handed over untouched */
	/* Returns the exit code. Result to stdout, everything else to stderr. */
	int (*run)(const struct sk_args *args, struct sk_settings *settings);
};

/* ---- the table of commands (commands.c) ---- */

struct sk_command {
	const char *name;
	const struct sk_cmd *cmd;
	unsigned users; /* enum sk_user: whose settings must be right; 0: none */
};

/* In the order of the help; ends with a NULL name. */
extern const struct sk_command sk_commands[];
const struct sk_command *sk_command_find(const char *name);
/* The command that "skalds NAME" most likely meant, or NULL. */
const char *sk_command_suggest(const char *name);
/* The same among the verbs of a command. */
const struct sk_cmd *sk_verb_find(const struct sk_cmd *cmd, const char *name);
const char *sk_verb_suggest(const struct sk_cmd *cmd, const char *name);

/* ---- for everybody (help.c) ---- */

/* The overview, and the help of one command; path is how it is called ("worker list"). */
void sk_help_overview(FILE *to);
void sk_help_command(FILE *to, const char *path, const struct sk_cmd *cmd);
/* "skalds PATH: sentence" to standard error, in one line whatever the sentence quotes. */
void sk_complain(const char *path, const char *fmt, ...) SK_PRINTF(2, 3);
/* The same and where the help is; returns SK_EXIT_USAGE. */
int sk_usage_error(const char *path, const char *fmt, ...) SK_PRINTF(2, 3);
/* What to do when the store of a data directory answered so, to be put behind the sentence that
 * says it; "" when there is nothing to say. */
const char *sk_storage_advice(enum sk_code code);
/* Write to standard output; whether it arrived is checked once, by main, after the command. */
void sk_out(const struct sk_str *text);

#endif
