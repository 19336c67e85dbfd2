/* options.h - the command line, parsed by the tables of cmd.h.
 *
 * Flags may stand anywhere before "--", as --name VALUE, --name=VALUE, -n VALUE or -nVALUE;
 * one-letter switches may be joined (-qh). Global flags (cli.md): --data --url --token-file
 * --ca-file --cert --key --json --quiet --color --log-level --log-format --env-file --help
 * --version. A flag that is unknown gets a suggestion. Behind "--" stands the user's command where
 * there is one, else only arguments. */
#ifndef SK_CMD_OPTIONS_H
#define SK_CMD_OPTIONS_H

#include "cmd/cmd.h"
#include <stddef.h>

struct sk_args {
	const struct sk_cmd *cmd;
	const char *const *pos; /* positional arguments, NULL-terminated */
	int n_pos;
	const char *const *command; /* what stood behind "--", NULL-terminated; NULL without "--" */
	int n_command;
	bool json, quiet, help;
	/* private */
	struct sk_given {
		const struct sk_opt *opt;
		const char *value;
	} * given;
	size_t n_given;
};

extern const struct sk_opt sk_global_options[];

/* Parse the words (NULL-terminated, without the command's own names) by the flags of cmd and the
 * global ones. The sentence of an error is ready for the user. *args borrows from words and is to
 * be released also after an error. With --help the number of arguments is not looked at. */
enum sk_code sk_args_parse(struct sk_args *args, const struct sk_cmd *cmd, const char *const *words,
	struct sk_err *err) SK_CHECKED;
void sk_args_release(struct sk_args *args);

/* The value of a flag: its last occurrence, "" for a switch that was given, NULL when not. */
const char *sk_arg(const struct sk_args *args, const char *name);
/* True when the flag was given. */
bool sk_arg_set(const struct sk_args *args, const char *name);
/* The i-th occurrence of a flag that may be repeated, NULL past the last. */
const char *sk_arg_nth(const struct sk_args *args, const char *name, size_t i);

/* The index of the first word that is no flag and no flag's value, -1 when there is none before
 * "--". The tables (NULL-terminated) say which flags have a value. */
int sk_args_first_word(const char *const *words, const struct sk_opt *const *tables);

/* The value of a global flag in words that belong to no command yet, NULL when it is not there. */
const char *sk_args_peek(const char *const *words, const char *name);

#endif
