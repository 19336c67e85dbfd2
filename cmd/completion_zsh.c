#include "cmd/completion.h"
#include "cmd/options.h"
#include <string.h>

/* Text inside '…' of an _arguments specification, where [ ] and : have a meaning. */
static void
add_doc(struct sk_str *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			sk_str_adds(out, "'\\''");
			continue;
		}
		if (strchr("[]:\\", *text) != NULL)
			sk_str_addc(out, '\\');
		sk_str_addc(out, *text);
	}
}

static void
action(struct sk_str *out, enum sk_fill fill, const struct sk_str *words)
{
	switch (fill) {
	case SK_FILL_NOTHING:
		sk_str_adds(out, " ");
		break;
	case SK_FILL_WORDS:
		sk_str_addf(out, "(%s)", sk_str_text(words));
		break;
	case SK_FILL_FILES:
		sk_str_adds(out, "_files");
		break;
	case SK_FILL_DIRECTORIES:
		sk_str_adds(out, "_files -/");
		break;
	case SK_FILL_ASK:
		sk_str_adds(out, "_skalds_ask");
		break;
	}
}

static void
flag(struct sk_str *out, const struct sk_opt *o, const char *lead)
{
	struct sk_str words = SK_STR_INIT;

	sk_str_addf(out, " \\\n\t\t'*%s", lead);
	if (o->value != NULL && lead[1] == '-')
		sk_str_addc(out, '=');
	sk_str_addc(out, '[');
	add_doc(out, o->doc);
	sk_str_addc(out, ']');
	if (o->value != NULL) {
		sk_str_addf(out, ":%s:", o->value);
		action(out, sk_fill_option(o, &words), &words);
	}
	sk_str_addc(out, '\'');
	sk_str_release(&words);
}

static void
flags(struct sk_str *out, const struct sk_opt *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		char lead[64];

		snprintf(lead, sizeof(lead), "--%s", o->name);
		flag(out, o, lead);
		snprintf(lead, sizeof(lead), "-%c", o->letter);
		if (o->letter != 0)
			flag(out, o, lead);
	}
}

static void
leaf(struct sk_str *out, const struct sk_cmd *cmd)
{
	struct sk_str words = SK_STR_INIT;
	enum sk_fill fill = sk_fill_arguments(cmd, &words);

	sk_str_adds(out, "_arguments");
	flags(out, sk_global_options);
	flags(out, cmd->options);
	if (cmd->takes_command && fill != SK_FILL_ASK)
		sk_str_adds(out, " \\\n\t\t'*::command: _normal'");
	else if (cmd->max_args != 0) {
		sk_str_adds(out, " \\\n\t\t'*: :");
		action(out, fill, &words);
		sk_str_addc(out, '\'');
	}
	sk_str_adds(out, " ;;\n");
	sk_str_release(&words);
}

static void
row(struct sk_str *out, const struct sk_cmd *cmd)
{
	sk_str_addf(out, "\t\t'%s:", cmd->name);
	add_doc(out, cmd->summary);
	sk_str_adds(out, "'\n");
}

static void
leaf_of(struct sk_str *out, const struct sk_cmd *cmd, const struct sk_cmd *verb)
{
	if (verb != NULL) {
		sk_str_addf(out, "\t'%s %s') ", cmd->name, verb->name);
		leaf(out, verb);
	} else if (cmd->verbs == NULL) {
		sk_str_addf(out, "\t'%s') ", cmd->name);
		leaf(out, cmd);
	}
}

/* A function that chooses among rows and hands the rest of the line to "_skalds_leaf PATH". */
static void
chooser(struct sk_str *out, const char *what, const char *prefix)
{
	sk_str_adds(out, "\t)\n\t_arguments -C");
	flags(out, sk_global_options);
	sk_str_addf(out,
		" \\\n\t\t'1: :->what' '*:: :->rest'\n\tcase $state in\n"
		"\twhat) _describe %s rows ;;\n\trest) _skalds_leaf \"%s$words[1]\" ;;\n\tesac\n}\n\n",
		what, prefix);
}

static void
begin(struct sk_str *out, const char *function, const char *first)
{
	sk_str_addf(out,
		"%s() {\n%s\tlocal state line\n\ttypeset -A opt_args\n\tlocal -a rows\n\trows=(\n",
		function, first);
}

void
sk_completion_zsh(struct sk_str *out)
{
	sk_str_adds(out,
		"#compdef skalds\n\n"
		"_skalds_ask() {\n"
		"\tlocal -a found\n"
		"\tfound=(${(f)\"$(skalds __complete -- \"${(@)_skalds_line}\" 2>/dev/null)\"})\n"
		"\tcompadd -- ${found:#*=}\n"
		"\tcompadd -S '' -- ${(M)found:#*=}\n"
		"}\n\n_skalds_leaf() {\n\tcase $1 in\n");
	sk_each_cmd(out, leaf_of);
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++)
		if (c->cmd->verbs != NULL)
			sk_str_addf(out, "\t'%s') _skalds_%s ;;\n", c->name, c->name);
	sk_str_adds(out, "\tesac\n}\n\n");
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++) {
		char name[64], prefix[64];

		if (c->cmd->verbs == NULL)
			continue;
		snprintf(name, sizeof(name), "_skalds_%s", c->name);
		snprintf(prefix, sizeof(prefix), "%s ", c->name);
		begin(out, name, "");
		for (const struct sk_cmd *const *v = c->cmd->verbs; *v != NULL; v++)
			row(out, *v);
		chooser(out, "verb", prefix);
	}
	/* functions below see the whole line by it: their own words are what is left of it */
	begin(out, "_skalds", "\tlocal -a _skalds_line=(\"${(@)words[2,CURRENT]}\")\n");
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++)
		row(out, c->cmd);
	chooser(out, "command", "");
	sk_str_adds(out,
		"if [ \"$funcstack[1]\" = _skalds ]; then\n\t_skalds \"$@\"\nelse\n"
		"\tcompdef _skalds skalds\nfi\n");
}
