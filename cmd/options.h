/* options.h - the command line, parsed by the tables of cmd.h.
 *
 * Flags may stand anywhere before "--", as --name VALUE, --name=VALUE, -n VALUE or -nVALUE.
 * Global flags (cli.md): --data --url --token-file --json --quiet --color --log-level
 * --log-format --env-file --help --version. A flag that is unknown gets a suggestion.
 */
#ifndef SK_CMD_OPTIONS_H
#define SK_CMD_OPTIONS_H

#include "cmd/cmd.h"

struct sk_args {
	const struct sk_cmd *cmd;
	const char *const *pos;		/* positional arguments, NULL-terminated */
	int n_pos;
	const char *const *command;	/* what stood behind "--", NULL-terminated; NULL without "--" */
	int n_command;
	bool json, quiet, help;
	/* private */
	struct sk_given { const struct sk_opt *opt; const char *value; } *given;
	size_t n_given;
};

extern const struct sk_opt sk_global_options[];

/* The value of a flag: its last occurrence, "" for a switch that was given, NULL when it was not. */
const char *sk_arg(const struct sk_args *args, const char *name);
/* True when the flag was given. */
bool sk_arg_set(const struct sk_args *args, const char *name);
/* The i-th occurrence of a flag that may be repeated, NULL past the last. */
const char *sk_arg_nth(const struct sk_args *args, const char *name, size_t i);

#endif
