/* completion.c - `skalds completion bash|zsh|fish`, from the tables of the commands. */
#include "cmd/completion.h"
#include "cmd/options.h"
#include "core/model/lifecycle.h"
#include "workers/registry.h"
#include <string.h>

static const char *const shells[] = { "bash", "zsh", "fish", NULL };

static void
add_word(struct sk_str *words, const char *word)
{
	sk_str_addf(words, "%s%s", words->len > 0 ? " " : "", word);
}

static enum sk_fill
classes(struct sk_str *words)
{
	for (const struct sk_worker *const *w = sk_workers; *w != NULL; w++)
		add_word(words, (*w)->name);
	return SK_FILL_WORDS;
}

static enum sk_fill
choices(struct sk_str *words, const char *const *list)
{
	for (; *list != NULL; list++)
		add_word(words, *list);
	return SK_FILL_WORDS;
}

static enum sk_fill
states(struct sk_str *words)
{
	for (unsigned p = 0; p < SK_N_PHASE; p++)
		add_word(words, sk_phase_name((enum sk_phase)p));
	add_word(words, "active");
	add_word(words, "ended");
	return SK_FILL_WORDS;
}

/* By what the help calls it. */
static enum sk_fill
by_kind(const char *kind, struct sk_str *words)
{
	if (strstr(kind, "STATE") != NULL)
		return states(words);
	if (strstr(kind, "KEY=VALUE") == NULL && strstr(kind, "SKALD") != NULL)
		return SK_FILL_ASK;
	if (strncmp(kind, "ID", 2) == 0 || strncmp(kind, "[ID]", 4) == 0 ||
		strncmp(kind, "CLASS [KEY", 10) == 0)
		return SK_FILL_ASK;
	if (strstr(kind, "CLASS") != NULL)
		return classes(words);
	if (strstr(kind, "DIR") != NULL)
		return SK_FILL_DIRECTORIES;
	if (strstr(kind, "FILE") != NULL || strstr(kind, "PATH") != NULL)
		return SK_FILL_FILES;
	return SK_FILL_NOTHING;
}

enum sk_fill
sk_fill_option(const struct sk_opt *o, struct sk_str *words)
{
	const struct sk_setting_row *row = o->setting != NULL ? sk_setting_row(o->setting) : NULL;

	if (o->choices != NULL)
		return choices(words, o->choices);
	if (row != NULL && row->choices != NULL)
		return choices(words, row->choices);
	return by_kind(o->value, words);
}

enum sk_fill
sk_fill_arguments(const struct sk_cmd *cmd, struct sk_str *words)
{
	if (cmd->max_args == 0 || cmd->usage == NULL)
		return SK_FILL_NOTHING;
	if (strstr(cmd->usage, "SHELL") != NULL)
		return choices(words, shells);
	if (strstr(cmd->usage, "SETTING") != NULL) {
		for (const struct sk_setting_row *r = sk_setting_rows; r->name != NULL; r++)
			add_word(words, r->name);
		return SK_FILL_WORDS;
	}
	if (strncmp(cmd->usage, "[COMMAND", 8) == 0) {
		for (const struct sk_command *c = sk_commands; c->name != NULL; c++)
			add_word(words, c->name);
		return SK_FILL_WORDS;
	}
	return by_kind(cmd->usage, words);
}

void
sk_each_cmd(struct sk_str *out, sk_each_cmd_fn *fn)
{
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++) {
		fn(out, c->cmd, NULL);
		for (const struct sk_cmd *const *v = c->cmd->verbs; v != NULL && *v != NULL; v++)
			fn(out, c->cmd, *v);
	}
}

static int
completion_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct sk_str s = SK_STR_INIT;
	const char *shell = args->pos[0], *near = sk_suggest(shell, shells);

	(void)settings;
	if (strcmp(shell, "bash") == 0)
		sk_completion_bash(&s);
	else if (strcmp(shell, "zsh") == 0)
		sk_completion_zsh(&s);
	else if (strcmp(shell, "fish") == 0)
		sk_completion_fish(&s);
	else
		return sk_usage_error("completion", "unknown shell \"%.40s\"; %s%s%s", shell,
			near != NULL ? "did you mean " : "there are bash, zsh and fish",
			near != NULL ? near : "", near != NULL ? "?" : "");
	sk_out(&s);
	sk_str_release(&s);
	return SK_EXIT_OK;
}

const struct sk_cmd sk_cmd_completion = {
	.name = "completion",
	.summary = "Print the completion script of a shell",
	.usage = "SHELL",
	.help = "SHELL is bash, zsh or fish:\n"
			"  bash  source <(skalds completion bash)\n"
			"  zsh   skalds completion zsh > \"${fpath[1]}/_skalds\"\n"
			"  fish  skalds completion fish > ~/.config/fish/completions/skalds.fish",
	.min_args = 1,
	.max_args = 1,
	.run = completion_run,
};
