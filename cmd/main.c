/* main.c - which command is meant, its settings, its exit code.
 *
 * Nothing of a client library is initialised here, and little memory is taken: this process
 * becomes the supervisor from which workers are forked. */
#include "cmd/options.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MAX_TABLES 64

struct call {
	const struct sk_command *command;
	const struct sk_cmd *cmd; /* the command or its verb */
	char path[64]; /* "worker list" */
	const char **words; /* flags and arguments; what named the command is taken out */
};

/* A file that is opened later must not become somebody's standard output. */
static void
open_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
			open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) == -1)
			_exit(SK_EXIT_SYSTEM);
}

static void
remove_word(const char **words, int i)
{
	for (; words[i] != NULL; i++)
		words[i] = words[i + 1];
}

/* ---- which command ---- */

/* skalds-edge -> edge. A name that is no command (skalds-1.2-amd64) is plain skalds. */
static const struct sk_command *
by_own_name(const char *argv0)
{
	const char *base = argv0 != NULL ? strrchr(argv0, '/') : NULL;

	base = base != NULL ? base + 1 : argv0 != NULL ? argv0 : "";
	return strncmp(base, "skalds-", 7) == 0 ? sk_command_find(base + 7) : NULL;
}

/* Flags may stand in front of the command, whose flags they are is then not known yet. */
static int
find_command_word(const char *const *words)
{
	const struct sk_opt *tables[MAX_TABLES] = { sk_global_options };
	size_t n = 1;

	for (const struct sk_command *c = sk_commands; c->name != NULL; c++) {
		const struct sk_cmd *const *v = c->cmd->verbs;

		if (c->cmd->options != NULL && n < MAX_TABLES - 1)
			tables[n++] = c->cmd->options;
		for (; v != NULL && *v != NULL; v++)
			if ((*v)->options != NULL && n < MAX_TABLES - 1)
				tables[n++] = (*v)->options;
	}
	tables[n] = NULL;
	return sk_args_first_word(words, tables);
}

static int
unknown_command(const char *word)
{
	const char *near = sk_command_suggest(word);

	if (near != NULL)
		return sk_usage_error("", "unknown command \"%.64s\"; did you mean %s?", word, near);
	return sk_usage_error("", "unknown command \"%.64s\"", word);
}

static int
run_named(const char *name, const char *const *words)
{
	const struct sk_cmd *cmd = sk_command_find(name)->cmd;
	struct sk_args args;
	struct sk_err err;
	int code;

	if (sk_args_parse(&args, cmd, words, &err) != SK_OK)
		code = sk_usage_error("", "%s", err.msg);
	else
		code = cmd->run(&args, NULL);
	sk_args_release(&args);
	return code;
}

/* No command was given: SKALD_MODE chooses, as images for containers set it. Fills call->command
 * or returns an exit code in *code. */
static void
by_mode(struct call *call, int *code)
{
	static const char *const commands[][2] = { { "single_process", "run-one" }, { "edge", "edge" },
		{ "node", "node" } };
	const char *env_file = sk_args_peek(call->words, "env-file");
	struct sk_given given = { .value = env_file };
	struct sk_args args = { .given = &given };
	struct sk_settings *s;
	const char *problem;

	for (const struct sk_opt *o = sk_global_options; o->name != NULL; o++)
		if (strcmp(o->name, "env-file") == 0)
			given.opt = o;
	args.n_given = env_file != NULL ? 1 : 0;
	s = sk_settings_load(&args);
	problem = sk_setting_problem(s, "SKALD_MODE");
	if (problem != NULL)
		*code =
			sk_usage_error("", "SKALD_MODE: %s (%s)", problem, sk_setting_place(s, "SKALD_MODE"));
	for (size_t i = 0; problem == NULL && i < 3; i++)
		if (strcmp(sk_setting(s, "SKALD_MODE"), commands[i][0]) == 0)
			call->command = sk_command_find(commands[i][1]);
	sk_settings_free(s);
}

static bool
has_switch(const char *const *words, const char *name, const char *letter)
{
	for (; *words != NULL && strcmp(*words, "--") != 0; words++)
		if (strcmp(*words, name) == 0 || strcmp(*words, letter) == 0)
			return true;
	return false;
}

/* Neither a command nor a mode. */
static int
without_command(const char *const *words)
{
	if (has_switch(words, "--version", "-V"))
		return run_named("version", words);
	if (has_switch(words, "--help", "-h"))
		return run_named("help", words);
	if (*words != NULL)
		return sk_usage_error("", "a command is missing");
	sk_help_overview(stderr);
	return SK_EXIT_USAGE;
}

static int
choose_verb(struct call *call)
{
	const struct sk_cmd *cmd = call->command->cmd;
	const struct sk_opt *tables[MAX_TABLES] = { sk_global_options };
	const char *near;
	size_t n = 1;
	int i;

	call->cmd = cmd;
	snprintf(call->path, sizeof(call->path), "%s", call->command->name);
	if (cmd->verbs == NULL)
		return 0;
	for (const struct sk_cmd *const *v = cmd->verbs; *v != NULL && n < MAX_TABLES - 1; v++)
		if ((*v)->options != NULL)
			tables[n++] = (*v)->options;
	i = sk_args_first_word((const char *const *)call->words, tables);
	if (i == -1)
		return has_switch((const char *const *)call->words, "--help", "-h")
			? 0
			: sk_usage_error(call->path, "a verb is missing");
	call->cmd = sk_verb_find(cmd, call->words[i]);
	near = sk_verb_suggest(cmd, call->words[i]);
	if (call->cmd == NULL && near != NULL)
		return sk_usage_error(
			call->path, "unknown verb \"%.64s\"; did you mean %s?", call->words[i], near);
	if (call->cmd == NULL)
		return sk_usage_error(call->path, "unknown verb \"%.64s\"", call->words[i]);
	remove_word(call->words, i);
	snprintf(call->path, sizeof(call->path), "%s %s", call->command->name, call->cmd->name);
	return 0;
}

/* Fill call; returns 0, or the exit code when that was all. */
static int
choose(struct call *call, const char *argv0, bool *done)
{
	int i, code = 0;

	*done = true;
	call->command = by_own_name(argv0);
	if (call->command == NULL) {
		i = find_command_word((const char *const *)call->words);
		if (i >= 0) {
			call->command = sk_command_find(call->words[i]);
			if (call->command == NULL)
				return unknown_command(call->words[i]);
			remove_word(call->words, i);
		} else
			by_mode(call, &code);
	}
	if (code != 0)
		return code;
	if (call->command == NULL)
		return without_command((const char *const *)call->words);
	code = choose_verb(call);
	*done = code != 0;
	return code;
}

/* ---- running it ---- */

static bool
wants_color(const struct sk_args *args, const struct sk_settings *s, int fd)
{
	const char *when = sk_arg(args, "color"), *term = getenv("TERM");

	if (when != NULL && strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	return *sk_setting(s, "NO_COLOR") == '\0' && isatty(fd) == 1 &&
		(term == NULL || strcmp(term, "dumb") != 0);
}

static void
set_up_log(const struct sk_args *args, const struct sk_settings *s)
{
	struct sk_log_config config = { .level = SK_INFO };

	if (!sk_level_parse(sk_setting(s, "LOG_LEVEL"), &config.level))
		config.level = SK_INFO;
	if (args->quiet && config.level < SK_WARNING)
		config.level = SK_WARNING;
	config.json = strcmp(sk_setting(s, "LOG_FORMAT"), "json") == 0;
	config.color = wants_color(args, s, STDERR_FILENO);
	sk_log_setup(&config);
}

static int
with_settings(const struct call *call, const struct sk_args *args)
{
	struct sk_settings *s = sk_settings_load(args);
	struct sk_str problems = SK_STR_INIT;
	int code = SK_EXIT_USAGE;

	if (sk_settings_problems(s, call->command->users, &problems) > 0)
		fputs(sk_str_text(&problems), stderr);
	else {
		set_up_log(args, s);
		code = call->cmd->run(args, s);
	}
	sk_str_release(&problems);
	sk_settings_free(s);
	return code;
}

static int
run(const struct call *call)
{
	struct sk_args args;
	struct sk_err err;
	int code = SK_EXIT_OK;

	if (sk_args_parse(&args, call->cmd, (const char *const *)call->words, &err) != SK_OK)
		code = sk_usage_error(call->path, "%s", err.msg);
	else if (args.help)
		sk_help_command(stdout, call->path, call->cmd);
	else if (sk_arg_set(&args, "version"))
		code = without_command((const char *const[]){ "--version", NULL });
	else
		code = with_settings(call, &args);
	sk_args_release(&args);
	return code;
}

/* A result that did not arrive is a failure, unless the reader went away on purpose. The code of a
 * command that failed already stays. */
static int
finish(int code)
{
	struct pollfd out = { .fd = STDOUT_FILENO };
	bool failed;

	errno = 0;
	failed = ferror(stdout) != 0;
	if (fflush(stdout) == 0 && !failed)
		return code;
	/* The errno of a write in the middle is lost; a pipe without a reader shows all the same. */
	if (errno == EPIPE || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0))
		return code;
	if (errno != 0)
		fprintf(stderr, "skalds: cannot write to standard output: %s\n", strerror(errno));
	else
		fputs("skalds: cannot write to standard output\n", stderr);
	return code == SK_EXIT_OK ? SK_EXIT_STORAGE : code;
}

int
main(int argc, char **argv)
{
	struct call call = { .command = NULL };
	bool done;
	int code;

	open_standard_files();
	/* A reader that goes away is an error of that write and ends no supervisor; what is started
	 * gets the default back. */
	signal(SIGPIPE, SIG_IGN);
	call.words = sk_xcalloc((size_t)(argc > 0 ? argc : 1) + 1, sizeof(*call.words));
	for (int i = 1; i < argc; i++)
		call.words[i - 1] = argv[i];
	code = choose(&call, argc > 0 ? argv[0] : NULL, &done);
	if (!done)
		code = run(&call);
	free(call.words);
	return finish(code);
}
