#include "cmd/completion.h"
#include "cmd/options.h"

static void
add_quoted(struct sk_str *out, const char *text)
{
	sk_str_addc(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			sk_str_addc(out, '\\');
		sk_str_addc(out, *text);
	}
	sk_str_addc(out, '\'');
}

/* The condition under which a command's or verb's own words fit. */
static void
condition(struct sk_str *out, const struct sk_cmd *cmd, const struct sk_cmd *verb)
{
	sk_str_addf(out, "complete -c skalds -n '__fish_seen_subcommand_from %s", cmd->name);
	if (verb != NULL)
		sk_str_addf(out, "; and __fish_seen_subcommand_from %s", verb->name);
	for (const struct sk_cmd *const *v = cmd->verbs; verb == NULL && v != NULL && *v != NULL; v++)
		sk_str_addf(out, "%s%s", v == cmd->verbs ? "; and not __fish_seen_subcommand_from " : " ",
			(*v)->name);
	sk_str_addc(out, '\'');
}

static void
fill_in(struct sk_str *out, enum sk_fill fill, const struct sk_str *words)
{
	switch (fill) {
	case SK_FILL_NOTHING:
		break;
	case SK_FILL_WORDS:
		sk_str_addf(out, " -a '%s'", sk_str_text(words));
		break;
	case SK_FILL_FILES:
		sk_str_adds(out, " -F");
		break;
	case SK_FILL_DIRECTORIES:
		sk_str_adds(out, " -a '(__fish_complete_directories)'");
		break;
	case SK_FILL_ASK:
		sk_str_adds(out,
			" -a '(skalds __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'");
		break;
	}
}

static void
flag(struct sk_str *out, const struct sk_opt *o)
{
	struct sk_str words = SK_STR_INIT;

	sk_str_addf(out, " -l %s", o->name);
	if (o->letter != 0)
		sk_str_addf(out, " -s %c", o->letter);
	sk_str_adds(out, " -d ");
	add_quoted(out, o->doc);
	if (o->value != NULL) {
		enum sk_fill fill = sk_fill_option(o, &words);

		/* -r alone would offer files as well. */
		sk_str_adds(out, fill == SK_FILL_FILES ? " -r" : " -x");
		fill_in(out, fill, &words);
	}
	sk_str_addc(out, '\n');
	sk_str_release(&words);
}

static void
lines_of(struct sk_str *out, const struct sk_cmd *cmd, const struct sk_cmd *verb)
{
	const struct sk_cmd *it = verb != NULL ? verb : cmd;
	struct sk_str words = SK_STR_INIT;
	enum sk_fill fill = sk_fill_arguments(it, &words);

	for (const struct sk_cmd *const *v = it->verbs; v != NULL && *v != NULL; v++) {
		condition(out, cmd, NULL);
		sk_str_addf(out, " -a %s -d ", (*v)->name);
		add_quoted(out, (*v)->summary);
		sk_str_addc(out, '\n');
	}
	if (fill != SK_FILL_NOTHING) {
		condition(out, cmd, verb);
		fill_in(out, fill, &words);
		sk_str_addc(out, '\n');
	}
	for (const struct sk_opt *o = it->options; o != NULL && o->name != NULL; o++) {
		condition(out, cmd, verb);
		flag(out, o);
	}
	sk_str_release(&words);
}

void
sk_completion_fish(struct sk_str *out)
{
	sk_str_adds(out, "# fish completion for skalds\ncomplete -c skalds -f\n");
	for (const struct sk_opt *o = sk_global_options; o->name != NULL; o++) {
		sk_str_adds(out, "complete -c skalds");
		flag(out, o);
	}
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++) {
		sk_str_addf(out, "complete -c skalds -n __fish_use_subcommand -a %s -d ", c->name);
		add_quoted(out, c->cmd->summary);
		sk_str_addc(out, '\n');
	}
	sk_each_cmd(out, lines_of);
}
