/* options_test.c - the command line by its tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/options.h"
#include <stdlib.h>
#include <string.h>

static const char *const colors[] = { "red", "blue", NULL };
static const struct sk_opt own[] = {
	{ .name = "file", .letter = 'f', .value = "FILE", .setting = "YAML_FILE", .doc = "file" },
	{ .name = "once", .letter = '1', .doc = "once" },
	{ .name = "paint", .value = "COLOR", .choices = colors, .doc = "color" },
	{ .name = NULL },
};
static const struct sk_cmd plain = {
	.name = "t", .usage = "A [B]", .options = own, .min_args = 1, .max_args = 2
};
static const struct sk_cmd program = { .name = "p", .options = own, .takes_command = true };

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
parse(struct sk_args *args, const struct sk_cmd *cmd, const char *const *words)
{
	struct sk_err err = { SK_OK, "" };

	if (sk_args_parse(args, cmd, words, &err) != SK_OK)
		fail_msg("%s", err.msg);
}

static void
refused(const struct sk_cmd *cmd, const char *const *words, const char *why)
{
	struct sk_args args;
	struct sk_err err = { SK_OK, "" };

	assert_int_equal(sk_args_parse(&args, cmd, words, &err), SK_EINVAL);
	assert_string_equal(err.msg, why);
	sk_args_release(&args);
}

static void
all_forms_of_a_value_are_the_same(void **state)
{
	static const char *const forms[][3] = { { "--file", "x", NULL }, { "--file=x", NULL, NULL },
		{ "-f", "x", NULL }, { "-fx", NULL, NULL }, { "-1fx", NULL, NULL }, { "-1f", "x", NULL } };
	struct sk_args args;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		parse(&args, &program, forms[i]);
		assert_string_equal(sk_arg(&args, "file"), "x");
		assert_int_equal(sk_arg_set(&args, "once"), i >= 4);
		assert_int_equal(args.n_pos, 0);
		sk_args_release(&args);
	}
}

static void
flags_stand_anywhere_and_the_last_wins(void **state)
{
	struct sk_args args;

	(void)state;
	parse(&args, &plain, WORDS("-f", "1", "a", "--json", "--file=2", "b", "-q"));
	assert_int_equal(args.n_pos, 2);
	assert_string_equal(args.pos[0], "a");
	assert_string_equal(args.pos[1], "b");
	assert_null(args.pos[2]);
	assert_string_equal(sk_arg(&args, "file"), "2");
	assert_string_equal(sk_arg_nth(&args, "file", 0), "1");
	assert_string_equal(sk_arg_nth(&args, "file", 1), "2");
	assert_null(sk_arg_nth(&args, "file", 2));
	assert_true(args.json);
	assert_true(args.quiet);
	assert_false(args.help);
	assert_null(sk_arg(&args, "once"));
	sk_args_release(&args);
}

static void
the_users_command_stays_untouched(void **state)
{
	struct sk_args args;

	(void)state;
	parse(&args, &program, WORDS("--once", "--", "sh", "-c", "--json", "--", "-f"));
	assert_int_equal(args.n_command, 5);
	assert_string_equal(args.command[0], "sh");
	assert_string_equal(args.command[3], "--");
	assert_null(args.command[5]);
	assert_false(args.json);
	sk_args_release(&args);
	parse(&args, &program, WORDS("--once"));
	assert_null(args.command);
	sk_args_release(&args);
	parse(&args, &program, WORDS("--"));
	assert_non_null(args.command);
	assert_int_equal(args.n_command, 0);
	sk_args_release(&args);
	parse(&args, &plain, WORDS("--", "--json"));
	assert_null(args.command);
	assert_string_equal(args.pos[0], "--json");
	sk_args_release(&args);
}

static void
a_lone_dash_is_an_argument(void **state)
{
	struct sk_args args;

	(void)state;
	parse(&args, &plain, WORDS("-"));
	assert_string_equal(args.pos[0], "-");
	sk_args_release(&args);
	parse(&args, &plain, WORDS("-f", "-", "x"));
	assert_string_equal(sk_arg(&args, "file"), "-");
	sk_args_release(&args);
}

static void
what_is_wrong_is_said(void **state)
{
	(void)state;
	refused(&plain, WORDS("a", "--fiel"), "unknown flag --fiel; did you mean --file?");
	refused(&plain, WORDS("a", "--xxxxxxxx=1"), "unknown flag --xxxxxxxx");
	refused(&plain, WORDS("a", "-x"), "unknown flag -x");
	refused(&plain, WORDS("a", "-1x"), "unknown flag -x");
	refused(&plain, WORDS("a", "--file"), "--file needs a value (FILE)");
	refused(&plain, WORDS("a", "-f"), "--file needs a value (FILE)");
	refused(&plain, WORDS("a", "-f", "--", "b"), "--file needs a value (FILE)");
	refused(&plain, WORDS("a", "--once=1"), "--once takes no value");
	refused(&plain, WORDS("a", "--paint", "green"),
		"--paint: expected one of red, blue, got \"green\"");
	refused(&plain, WORDS("--once"), "an argument is missing: A [B]");
	refused(&plain, WORDS("a", "b", "c"), "too many arguments, the first one too many is \"c\"");
	refused(&program, WORDS("a"), "takes no arguments, got \"a\"");
}

static void
help_looks_at_no_arguments(void **state)
{
	struct sk_args args;

	(void)state;
	parse(&args, &plain, WORDS("--help"));
	assert_true(args.help);
	sk_args_release(&args);
	parse(&args, &program, WORDS("a", "b", "-h"));
	assert_true(args.help);
	sk_args_release(&args);
}

static void
the_first_word_is_found_behind_flags(void **state)
{
	const struct sk_opt *tables[] = { sk_global_options, own, NULL };

	(void)state;
	assert_int_equal(sk_args_first_word(WORDS("x"), tables), 0);
	assert_int_equal(sk_args_first_word(WORDS("--json", "x"), tables), 1);
	assert_int_equal(sk_args_first_word(WORDS("--data", "d", "x"), tables), 2);
	assert_int_equal(sk_args_first_word(WORDS("--data=d", "x"), tables), 1);
	assert_int_equal(sk_args_first_word(WORDS("-f", "d", "x"), tables), 2);
	assert_int_equal(sk_args_first_word(WORDS("-fd", "x"), tables), 1);
	assert_int_equal(sk_args_first_word(WORDS("--unknown", "x"), tables), 1);
	assert_int_equal(sk_args_first_word(WORDS("--", "x"), tables), -1);
	assert_int_equal(sk_args_first_word(WORDS("--data"), tables), -1);
	assert_string_equal(sk_args_peek(WORDS("--env-file", "e", "x"), "env-file"), "e");
	assert_string_equal(sk_args_peek(WORDS("x", "--env-file=e"), "env-file"), "e");
	assert_null(sk_args_peek(WORDS("--env-fil", "e"), "env-file"));
	assert_null(sk_args_peek(WORDS("--", "--env-file", "e"), "env-file"));
}

/* A command that hides a global flag or doubles a letter of its own is a mistake in a table. */
static void
check_table(const struct sk_cmd *cmd)
{
	for (const struct sk_opt *o = cmd->options; o != NULL && o->name != NULL; o++) {
		assert_non_null(o->doc);
		assert_true(o->setting == NULL || sk_setting_row(o->setting) != NULL);
		for (const struct sk_opt *p = cmd->options; p != o; p++) {
			assert_string_not_equal(p->name, o->name);
			assert_true(p->letter == 0 || p->letter != o->letter);
		}
		for (const struct sk_opt *g = sk_global_options; g->name != NULL; g++) {
			assert_string_not_equal(g->name, o->name);
			assert_true(g->letter == 0 || g->letter != o->letter);
		}
	}
}

static void
the_tables_of_all_commands_are_sound(void **state)
{
	(void)state;
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++) {
		for (const struct sk_command *d = sk_commands; d != c; d++)
			assert_string_not_equal(c->name, d->name);
		if (c->cmd == NULL)
			continue;
		assert_string_equal(c->name, c->cmd->name);
		assert_non_null(c->cmd->summary);
		assert_true((c->cmd->run != NULL) != (c->cmd->verbs != NULL));
		check_table(c->cmd);
		for (const struct sk_cmd *const *v = c->cmd->verbs; v != NULL && *v != NULL; v++) {
			assert_non_null((*v)->run);
			assert_non_null((*v)->summary);
			check_table(*v);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms_of_a_value_are_the_same),
		cmocka_unit_test(flags_stand_anywhere_and_the_last_wins),
		cmocka_unit_test(the_users_command_stays_untouched),
		cmocka_unit_test(a_lone_dash_is_an_argument),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(help_looks_at_no_arguments),
		cmocka_unit_test(the_first_word_is_found_behind_flags),
		cmocka_unit_test(the_tables_of_all_commands_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
