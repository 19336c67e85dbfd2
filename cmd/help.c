/* help.c - `skalds help`, --help and usage errors; all of it comes from the tables. */
#include "cmd/options.h"
#include <stdarg.h>
#include <string.h>

#define WIDTH 24

static void
print_flag(FILE *to, const struct sk_opt *o)
{
	char left[80], letter[8] = "    ";

	if (o->letter != 0)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
		o->value != NULL ? o->value : "");
	fprintf(to, "  %-*s  %s\n", WIDTH, left, o->doc);
}

static void
print_flags(FILE *to, const char *title, const struct sk_opt *table)
{
	if (table == NULL || table->name == NULL)
		return;
	fprintf(to, "\n%s:\n", title);
	for (; table->name != NULL; table++)
		print_flag(to, table);
}

void
sk_help_overview(FILE *to)
{
	fputs("skalds runs tasks: on one device from a YAML file, as one process of a container, or on "
		  "a fleet.\n\nUsage: skalds COMMAND [flags] [arguments]\n\nCommands:\n",
		to);
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++)
		fprintf(to, "  %-*s  %s\n", WIDTH, c->name, c->cmd->summary);
	print_flags(to, "Flags of every command", sk_global_options);
	fputs("\nWithout a command SKALD_MODE chooses one: edge, node, or single_process (run-one).\n"
		  "A link named skalds-COMMAND is that command. `skalds help COMMAND` tells more; `skalds "
		  "config` shows\nevery setting, its value and where it came from.\n\n"
		  "Exit: 0 done, 1 failed, 2 wrong usage or input (nothing was started), 3 not found,\n"
		  "69 a service is unavailable, 71 system failure, 74 storage failed; run-one gives the "
		  "task's own code.\n",
		to);
}

void
sk_help_command(FILE *to, const char *path, const struct sk_cmd *cmd)
{
	bool verbs = cmd->verbs != NULL;

	fprintf(to, "%s\n\nUsage: skalds %s [flags]%s%s\n", cmd->summary, path,
		verbs || (cmd->usage != NULL && *cmd->usage != '\0') ? " " : "",
		verbs					 ? "VERB"
			: cmd->usage != NULL ? cmd->usage
								 : "");
	if (verbs)
		fputs("\nVerbs:\n", to);
	for (const struct sk_cmd *const *v = cmd->verbs; verbs && *v != NULL; v++)
		fprintf(to, "  %-*s  %s\n", WIDTH, (*v)->name, (*v)->summary);
	if (cmd->help != NULL)
		fprintf(to, "\n%s%s", cmd->help, cmd->help[strlen(cmd->help) - 1] == '\n' ? "" : "\n");
	print_flags(to, "Flags", cmd->options);
	print_flags(to, "Flags of every command", sk_global_options);
}

/* What the user typed stands in the sentence and must not steer the terminal. */
static void
write_line(const char *path, const char *fmt, va_list ap)
{
	struct sk_str s = SK_STR_INIT;

	sk_str_addf(&s, "skalds%s%s: ", *path != '\0' ? " " : "", path);
	sk_str_vaddf(&s, fmt, ap);
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			s.p[i] = '?';
	sk_str_addc(&s, '\n');
	fwrite(s.p, 1, s.len, stderr);
	sk_str_release(&s);
}

void
sk_complain(const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(path, fmt, ap);
	va_end(ap);
}

int
sk_usage_error(const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(path, fmt, ap);
	va_end(ap);
	fprintf(stderr, "Try 'skalds %s%s--help'.\n", path, *path != '\0' ? " " : "");
	return SK_EXIT_USAGE;
}

void
sk_out(const struct sk_str *text)
{
	fwrite(sk_str_text(text), 1, text->len, stdout);
}

/* ---- the command ---- */

static int
help_verb(const struct sk_command *c, const char *verb)
{
	const struct sk_cmd *v = sk_verb_find(c->cmd, verb);
	char path[64];

	if (v == NULL)
		return sk_usage_error("help", "\"%.64s\" is no verb of skalds %s", verb, c->name);
	snprintf(path, sizeof(path), "%s %s", c->name, v->name);
	sk_help_command(stdout, path, v);
	return SK_EXIT_OK;
}

static void
help_json(void)
{
	struct sk_str s = SK_STR_INIT;

	sk_str_adds(&s, "{\"items\":[");
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++) {
		sk_json_next(&s);
		sk_str_addc(&s, '{');
		sk_json_kstr(&s, "name", c->name);
		sk_json_kstr(&s, "summary", c->cmd->summary);
		sk_str_addc(&s, '}');
	}
	sk_str_adds(&s, "],\"next\":null}\n");
	sk_out(&s);
	sk_str_release(&s);
}

static int
help_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_command *c;
	const char *near;

	(void)settings;
	if (args->n_pos == 0) {
		if (args->json)
			help_json();
		else
			sk_help_overview(stdout);
		return SK_EXIT_OK;
	}
	c = sk_command_find(args->pos[0]);
	near = sk_command_suggest(args->pos[0]);
	if (c == NULL && near != NULL)
		return sk_usage_error(
			"help", "unknown command \"%.64s\"; did you mean %s?", args->pos[0], near);
	if (c == NULL)
		return sk_usage_error("help", "unknown command \"%.64s\"", args->pos[0]);
	if (args->n_pos == 2)
		return help_verb(c, args->pos[1]);
	sk_help_command(stdout, c->name, c->cmd);
	return SK_EXIT_OK;
}

const struct sk_cmd sk_cmd_help = {
	.name = "help",
	.summary = "Show the commands, or what one of them does",
	.usage = "[COMMAND [VERB]]",
	.max_args = 2,
	.run = help_run,
};

const char *
sk_storage_advice(enum sk_code code)
{
	if (code == SK_ENOSPC)
		return "; make room on the disk, then do it again";
	return code == SK_EIO ? "; `skalds doctor` looks what is wrong with it" : "";
}
