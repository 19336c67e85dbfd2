#include "cmd/completion.h"
#include "cmd/options.h"

/* How the word under the cursor is completed. */
static void
compgen(struct sk_str *out, enum sk_fill fill, const struct sk_str *words)
{
	switch (fill) {
	case SK_FILL_NOTHING:
		sk_str_adds(out, "return ;;\n");
		break;
	case SK_FILL_WORDS:
		sk_str_addf(out, "words='%s' ;;\n", sk_str_text(words));
		break;
	case SK_FILL_FILES:
		sk_str_adds(out,
			"compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); "
			"return ;;\n");
		break;
	case SK_FILL_DIRECTORIES:
		sk_str_adds(out,
			"compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); "
			"return ;;\n");
		break;
	case SK_FILL_ASK:
		sk_str_adds(out,
			"mapfile -t COMPREPLY < <(\"${COMP_WORDS[0]}\" __complete -- "
			"\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null); "
			"[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace; return ;;\n");
		break;
	}
}

static void
value_cases(struct sk_str *out, const char *path, const struct sk_opt *o)
{
	struct sk_str words = SK_STR_INIT;

	for (; o != NULL && o->name != NULL; o++) {
		if (o->value == NULL)
			continue;
		sk_str_clear(&words);
		sk_str_addf(out, "\t'%s --%s'", path, o->name);
		if (o->letter != 0)
			sk_str_addf(out, "|'%s -%c'", path, o->letter);
		sk_str_adds(out, ") ");
		compgen(out, sk_fill_option(o, &words), &words);
	}
	sk_str_release(&words);
}

static void
add_path(struct sk_str *path, const struct sk_cmd *cmd, const struct sk_cmd *verb)
{
	sk_str_addf(path, "%s%s%s", cmd->name, verb != NULL ? " " : "", verb != NULL ? verb->name : "");
}

static void
values_of(struct sk_str *out, const struct sk_cmd *cmd, const struct sk_cmd *verb)
{
	struct sk_str path = SK_STR_INIT;

	add_path(&path, cmd, verb);
	value_cases(out, sk_str_text(&path), (verb != NULL ? verb : cmd)->options);
	sk_str_release(&path);
}

static void
flag_names(struct sk_str *out, const struct sk_opt *o)
{
	for (; o != NULL && o->name != NULL; o++)
		sk_str_addf(out, " --%s", o->name);
}

static void
flags_of(struct sk_str *out, const struct sk_cmd *cmd, const struct sk_cmd *verb)
{
	struct sk_str path = SK_STR_INIT;
	const struct sk_opt *own = (verb != NULL ? verb : cmd)->options;

	add_path(&path, cmd, verb);
	if (own != NULL && own->name != NULL) {
		sk_str_addf(out, "\t\t'%s') words=\"$words", sk_str_text(&path));
		flag_names(out, own);
		sk_str_adds(out, "\" ;;\n");
	}
	sk_str_release(&path);
}

static void
arguments_of(struct sk_str *out, const struct sk_cmd *cmd, const struct sk_cmd *verb)
{
	struct sk_str path = SK_STR_INIT, words = SK_STR_INIT;
	enum sk_fill fill = sk_fill_arguments(verb != NULL ? verb : cmd, &words);

	add_path(&path, cmd, verb);
	for (const struct sk_cmd *const *v = cmd->verbs; verb == NULL && v != NULL && *v != NULL; v++) {
		sk_str_addf(&words, "%s%s", words.len > 0 ? " " : "", (*v)->name);
		fill = SK_FILL_WORDS;
	}
	if (fill != SK_FILL_NOTHING) {
		sk_str_addf(out, "\t'%s') ", sk_str_text(&path));
		compgen(out, fill, &words);
	}
	sk_str_release(&path);
	sk_str_release(&words);
}

/* The flags whose value is the next word, so that it is not taken for the command. */
static void
valued(struct sk_str *out, const struct sk_opt *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		if (o->value == NULL)
			continue;
		sk_str_addf(out, "|--%s", o->name);
		if (o->letter != 0)
			sk_str_addf(out, "|-%c", o->letter);
	}
}

static void
valued_of(struct sk_str *out, const struct sk_cmd *cmd, const struct sk_cmd *verb)
{
	valued(out, (verb != NULL ? verb : cmd)->options);
}

static void
head(struct sk_str *out)
{
	sk_str_adds(out,
		"# bash completion for skalds\n_skalds()\n{\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		"\tlocal path='' words='' i w skip=''\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tw=${COMP_WORDS[i]}\n"
		"\t\tif [[ -n $skip ]]; then skip=''; continue; fi\n"
		"\t\tcase $w in\n\t\t--) return ;;\n\t\t''");
	valued(out, sk_global_options);
	sk_each_cmd(out, valued_of);
	sk_str_adds(out,
		") skip=1 ;;\n\t\t-*) ;;\n\t\t*)\n\t\t\tcase $path in\n"
		"\t\t\t'') path=$w ;;\n");
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++)
		if (c->cmd->verbs != NULL)
			sk_str_addf(out, "\t\t\t%s) path=\"%s $w\" ;;\n", c->name, c->name);
	sk_str_adds(out, "\t\t\tesac ;;\n\t\tesac\n\tdone\n");
}

void
sk_completion_bash(struct sk_str *out)
{
	head(out);
	sk_str_adds(out, "\tCOMPREPLY=()\n\tcase \"$path $prev\" in\n");
	sk_each_cmd(out, values_of);
	sk_str_adds(out, "\tesac\n\tif [[ -z $words ]]; then\n\tcase $prev in\n");
	for (const struct sk_opt *o = sk_global_options; o->name != NULL; o++) {
		struct sk_str words = SK_STR_INIT;

		if (o->value != NULL) {
			sk_str_addf(out, "\t--%s) ", o->name);
			compgen(out, sk_fill_option(o, &words), &words);
		}
		sk_str_release(&words);
	}
	sk_str_adds(out, "\tesac\n\tfi\n\tif [[ -z $words && $cur == -* ]]; then\n\t\twords='");
	flag_names(out, sk_global_options);
	sk_str_adds(out, "'\n\t\tcase $path in\n");
	sk_each_cmd(out, flags_of);
	sk_str_adds(out, "\t\tesac\n\tfi\n\tif [[ -z $words ]]; then\n\tcase $path in\n\t'') words='");
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++)
		sk_str_addf(out, "%s%s", c == sk_commands ? "" : " ", c->name);
	sk_str_adds(out, "' ;;\n");
	sk_each_cmd(out, arguments_of);
	sk_str_adds(out,
		"\tesac\n\tfi\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		"}\ncomplete -F _skalds skalds\n");
}
