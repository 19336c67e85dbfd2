#include "cmd/options.h"
#include "core/base/mem.h"
#include <stdlib.h>
#include <string.h>

static const char *const colors[] = { "auto", "always", "never", NULL };
static const char *const formats[] = { "text", "json", NULL };

const struct sk_opt sk_global_options[] = {
	{ .name = "data", .value = "DIR", .setting = "SKALDS_DATA", .doc = "data directory" },
	{ .name = "url", .value = "URL", .setting = "SKALDS_URL", .doc = "controller to speak to" },
	{ .name = "token-file", .value = "FILE", .doc = "file with the token for --url" },
	{ .name = "ca-file",
		.value = "FILE",
		.setting = "SKALDS_CA_FILE",
		.doc = "certificates that the one of an https --url is checked by (the system's)" },
	{ .name = "cert",
		.value = "FILE",
		.setting = "SKALDS_CERT_FILE",
		.doc = "certificate to show to it" },
	{ .name = "key",
		.value = "FILE",
		.setting = "SKALDS_KEY_FILE",
		.doc = "private key of --cert" },
	{ .name = "json", .doc = "print JSON" },
	{ .name = "quiet", .letter = 'q', .doc = "on standard error only warnings and errors" },
	{ .name = "color", .value = "WHEN", .choices = colors, .doc = "auto, always or never" },
	{ .name = "log-level",
		.value = "LEVEL",
		.setting = "LOG_LEVEL",
		.doc = "trace, debug, info, success, warning, error or critical" },
	{ .name = "log-format",
		.value = "FORMAT",
		.setting = "LOG_FORMAT",
		.choices = formats,
		.doc = "text or json" },
	{ .name = "env-file", .value = "FILE", .doc = "read this instead of .env; it must exist" },
	{ .name = "help", .letter = 'h', .doc = "show what the command does" },
	{ .name = "version", .letter = 'V', .doc = "print the version" },
	{ .name = NULL },
};

/* ---- finding flags ---- */

static const struct sk_opt *
by_name(const struct sk_opt *table, const char *name, size_t n)
{
	for (; table != NULL && table->name != NULL; table++)
		if (strncmp(table->name, name, n) == 0 && table->name[n] == '\0')
			return table;
	return NULL;
}

static const struct sk_opt *
by_letter(const struct sk_opt *table, char letter)
{
	for (; table != NULL && table->name != NULL; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

/* The command's own flag goes before a global one of the same name. */
static const struct sk_opt *
find_name(const struct sk_cmd *cmd, const char *name, size_t n)
{
	const struct sk_opt *o = by_name(cmd->options, name, n);

	return o != NULL ? o : by_name(sk_global_options, name, n);
}

static const struct sk_opt *
find_letter(const struct sk_cmd *cmd, char letter)
{
	const struct sk_opt *o = by_letter(cmd->options, letter);

	return o != NULL ? o : by_letter(sk_global_options, letter);
}

static bool
is_flag(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

/* ---- the words in front of the command ---- */

/* True when the flag takes the next word as its value. */
static bool
eats_next(const char *word, const struct sk_opt *const *tables)
{
	bool is_long = word[1] == '-';
	size_t n = strlen(word);

	if (is_long ? strchr(word, '=') != NULL : n > 2)
		return false;
	for (; *tables != NULL; tables++) {
		const struct sk_opt *o =
			is_long ? by_name(*tables, word + 2, n - 2) : by_letter(*tables, word[1]);

		if (o != NULL)
			return o->value != NULL;
	}
	return false;
}

int
sk_args_first_word(const char *const *words, const struct sk_opt *const *tables)
{
	for (int i = 0; words[i] != NULL && strcmp(words[i], "--") != 0; i++) {
		if (!is_flag(words[i]))
			return i;
		if (eats_next(words[i], tables) && words[i + 1] != NULL)
			i++;
	}
	return -1;
}

const char *
sk_args_peek(const char *const *words, const char *name)
{
	size_t n = strlen(name);

	for (; *words != NULL && strcmp(*words, "--") != 0; words++) {
		if (strncmp(*words, "--", 2) != 0 || strncmp(*words + 2, name, n) != 0)
			continue;
		if ((*words)[2 + n] == '=')
			return *words + 2 + n + 1;
		if ((*words)[2 + n] == '\0')
			return words[1] != NULL ? words[1] : "";
	}
	return NULL;
}

/* ---- parsing ---- */

struct parser {
	struct sk_args *args;
	const char **pos;
	const char *const *next; /* the word after the current one */
	struct sk_err *err;
};

static enum sk_code
unknown(const struct parser *ps, const char *word)
{
	const struct sk_cmd *cmd = ps->args->cmd;
	const char *names[128], *near;
	size_t n = 0, len = strcspn(word, "=");
	char name[64];

	for (const struct sk_opt *o = cmd->options; o != NULL && o->name != NULL && n < 100; o++)
		names[n++] = o->name;
	for (const struct sk_opt *o = sk_global_options; o->name != NULL; o++)
		names[n++] = o->name;
	names[n] = NULL;
	if (word[1] != '-' || len - 2 >= sizeof(name))
		return sk_fail(ps->err, SK_EINVAL, "unknown flag %.*s", word[1] != '-' ? 2 : 64, word);
	memcpy(name, word + 2, len - 2);
	name[len - 2] = '\0';
	near = sk_suggest(name, names);
	if (near == NULL)
		return sk_fail(ps->err, SK_EINVAL, "unknown flag --%s", name);
	return sk_fail(ps->err, SK_EINVAL, "unknown flag --%s; did you mean --%s?", name, near);
}

static enum sk_code
check_choice(const struct parser *ps, const struct sk_opt *o, const char *value)
{
	struct sk_str all = SK_STR_INIT;

	for (const char *const *c = o->choices; *c != NULL; c++)
		if (strcmp(*c, value) == 0)
			return SK_OK;
	for (const char *const *c = o->choices; *c != NULL; c++)
		sk_str_addf(&all, "%s%s", all.len > 0 ? ", " : "", *c);
	sk_fail(ps->err, SK_EINVAL, "--%s: expected one of %s, got \"%.64s\"", o->name,
		sk_str_text(&all), value);
	sk_str_release(&all);
	return SK_EINVAL;
}

static enum sk_code
give(struct parser *ps, const struct sk_opt *o, const char *value)
{
	struct sk_args *args = ps->args;

	/* The choices of a setting are checked with the setting, in any case of letters. */
	if (o->choices != NULL && o->setting == NULL && value != NULL &&
		check_choice(ps, o, value) != SK_OK)
		return SK_EINVAL;
	args->given[args->n_given++] = (struct sk_given){ o, value != NULL ? value : "" };
	args->json = args->json || strcmp(o->name, "json") == 0;
	args->quiet = args->quiet || strcmp(o->name, "quiet") == 0;
	args->help = args->help || strcmp(o->name, "help") == 0;
	return SK_OK;
}

/* value is what stood behind "=" or the letter, NULL when nothing did. */
static enum sk_code
with_value(struct parser *ps, const struct sk_opt *o, const char *value)
{
	if (value == NULL) {
		value = *ps->next;
		if (value == NULL || strcmp(value, "--") == 0)
			return sk_fail(ps->err, SK_EINVAL, "--%s needs a value (%s)", o->name, o->value);
		ps->next++;
	}
	return give(ps, o, value);
}

static enum sk_code
long_flag(struct parser *ps, const char *word)
{
	size_t n = strcspn(word, "=") - 2;
	const char *value = word[2 + n] == '=' ? word + 2 + n + 1 : NULL;
	const struct sk_opt *o = find_name(ps->args->cmd, word + 2, n);

	if (o == NULL)
		return unknown(ps, word);
	if (o->value != NULL)
		return with_value(ps, o, value);
	if (value != NULL)
		return sk_fail(ps->err, SK_EINVAL, "--%s takes no value", o->name);
	return give(ps, o, NULL);
}

static enum sk_code
short_flags(struct parser *ps, const char *word)
{
	for (const char *p = word + 1; *p != '\0'; p++) {
		const struct sk_opt *o = find_letter(ps->args->cmd, *p);
		const char one[3] = { '-', *p, '\0' };

		if (o == NULL)
			return unknown(ps, one);
		if (o->value != NULL)
			return with_value(ps, o, p[1] != '\0' ? p + 1 : NULL);
		if (give(ps, o, NULL) != SK_OK)
			return SK_EINVAL;
	}
	return SK_OK;
}

static enum sk_code
check_counts(const struct sk_args *args, struct sk_err *err)
{
	const struct sk_cmd *cmd = args->cmd;

	if (args->help || sk_arg_set(args, "version"))
		return SK_OK;
	if (args->n_pos < cmd->min_args)
		return sk_fail(err, SK_EINVAL, "an argument is missing: %s",
			cmd->usage != NULL ? cmd->usage : cmd->name);
	if (cmd->max_args < 0 || args->n_pos <= cmd->max_args)
		return SK_OK;
	if (cmd->max_args == 0)
		return sk_fail(err, SK_EINVAL, "takes no arguments, got \"%.64s\"", args->pos[0]);
	return sk_fail(err, SK_EINVAL, "too many arguments, the first one too many is \"%.64s\"",
		args->pos[cmd->max_args]);
}

static void
behind_dashes(struct parser *ps)
{
	struct sk_args *args = ps->args;

	if (args->cmd->takes_command)
		args->command = ps->next;
	for (; *ps->next != NULL; ps->next++)
		if (args->cmd->takes_command)
			args->n_command++;
		else
			ps->pos[args->n_pos++] = *ps->next;
}

enum sk_code
sk_args_parse(
	struct sk_args *args, const struct sk_cmd *cmd, const char *const *words, struct sk_err *err)
{
	struct parser ps = { .args = args, .next = words, .err = err };
	size_t n_flags = 0, n = 0;

	/* Each letter of -abc may be a switch; the user's own command is not ours to count. */
	for (; words[n] != NULL && strcmp(words[n], "--") != 0; n++)
		n_flags += !is_flag(words[n]) ? 0 : words[n][1] == '-' ? 1 : strlen(words[n]);
	while (words[n] != NULL)
		n++;
	*args = (struct sk_args){ .cmd = cmd };
	args->given = sk_xcalloc(n_flags + 1, sizeof(*args->given));
	ps.pos = sk_xcalloc(n + 1, sizeof(*ps.pos));
	args->pos = ps.pos;
	while (*ps.next != NULL) {
		const char *word = *ps.next++;
		enum sk_code code = SK_OK;

		if (strcmp(word, "--") == 0) {
			behind_dashes(&ps);
			break;
		}
		if (!is_flag(word))
			ps.pos[args->n_pos++] = word;
		else
			code = word[1] == '-' ? long_flag(&ps, word) : short_flags(&ps, word);
		if (code != SK_OK)
			return code;
	}
	return check_counts(args, err);
}

void
sk_args_release(struct sk_args *args)
{
	union {
		const char *const *borrowed;
		void *own;
	} pos = { .borrowed = args->pos };

	free(pos.own);
	free(args->given);
	*args = (struct sk_args){ 0 };
}

const char *
sk_arg(const struct sk_args *args, const char *name)
{
	for (size_t i = args->n_given; i > 0; i--)
		if (strcmp(args->given[i - 1].opt->name, name) == 0)
			return args->given[i - 1].value;
	return NULL;
}

bool
sk_arg_set(const struct sk_args *args, const char *name)
{
	return sk_arg(args, name) != NULL;
}

const char *
sk_arg_nth(const struct sk_args *args, const char *name, size_t i)
{
	for (size_t k = 0; k < args->n_given; k++)
		if (strcmp(args->given[k].opt->name, name) == 0 && i-- == 0)
			return args->given[k].value;
	return NULL;
}
