#include "cmd/settings.h"
#include "cmd/dotenv.h"
#include "cmd/options.h"
#include "core/base/clock.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#define MAX_ROWS 96
#define MAX_TOKEN 4096
#define MAX_VALUE 4096

struct item {
	const char *value; /* what holds */
	const char *given; /* what was read, right or wrong */
	const char *place, *problem;
	double num;
	enum sk_origin origin;
};

struct sk_settings {
	struct sk_arena *arena;
	struct item items[MAX_ROWS];
	struct sk_dotenv dotenv;
	const char *dotenv_path;
	bool dotenv_named; /* by --env-file: then it has to be right for every command */
	const char *dotenv_problem, *token_problem;
};

static size_t
row_index(const struct sk_setting_row *row)
{
	return (size_t)(row - sk_setting_rows);
}

static struct item *
item_of(struct sk_settings *s, const struct sk_setting_row *row)
{
	return &s->items[row_index(row)];
}

static const struct item *
find(const struct sk_settings *s, const char *name)
{
	const struct sk_setting_row *row = sk_setting_row(name);

	assert(row != NULL && "a setting that is not in the table");
	return &s->items[row_index(row)];
}

/* ---- values ---- */

static const char *
wrong(
	struct sk_settings *s, const struct sk_setting_row *row, const char *expected, const char *text)
{
	struct sk_str shown = SK_STR_INIT;
	const char *problem;

	if (row->type == SK_SET_SECRET || row->type == SK_SET_URI)
		return sk_arena_printf(s->arena, "expected %s", expected);
	sk_mask_url(&shown, text);
	problem =
		sk_arena_printf(s->arena, "expected %s, got \"%.80s\"", expected, sk_str_text(&shown));
	sk_str_release(&shown);
	return problem;
}

static const char *
check_enum(struct sk_settings *s, const struct sk_setting_row *row, struct item *it)
{
	struct sk_str all = SK_STR_INIT;
	const char *problem;

	for (const char *const *c = row->choices; *c != NULL; c++) {
		if (strcasecmp(*c, it->given) == 0) {
			it->value = *c;
			sk_str_release(&all);
			return NULL;
		}
		sk_str_addf(&all, "%s%s", all.len > 0 ? ", " : "one of ", *c);
	}
	problem = wrong(s, row, sk_str_text(&all), it->given);
	sk_str_release(&all);
	return problem;
}

static const char *
check_number(struct sk_settings *s, const struct sk_setting_row *row, struct item *it)
{
	bool whole = row->type == SK_SET_INT;
	const char *p = it->given, *kind = whole ? "an integer" : "a number";
	size_t digits = strspn(p, whole ? "+-0123456789" : "+-.0123456789eE");
	char *end = NULL, bounds[80];

	errno = 0;
	it->num = strtod(p, &end);
	if (end == p || *end != '\0' || digits != strlen(p))
		return wrong(s, row, kind, p);
	if (errno == 0 && it->num >= row->min && it->num <= row->max)
		return NULL;
	snprintf(bounds, sizeof(bounds), "%s from %.10g to %.10g", kind, row->min, row->max);
	return wrong(s, row, bounds, p);
}

static const char *
check_bool(struct sk_settings *s, const struct sk_setting_row *row, struct item *it)
{
	static const char *const words[] = { "false", "true", "0", "1", "no", "yes", "n", "y", "off",
		"on", NULL };

	for (size_t i = 0; words[i] != NULL; i++)
		if (strcasecmp(words[i], it->given) == 0) {
			it->num = (double)(i & 1);
			it->value = words[i & 1];
			return NULL;
		}
	return wrong(s, row, "true or false", it->given);
}

static const char *
check_uri(struct sk_settings *s, const struct sk_setting_row *row, const struct item *it)
{
	const char *scheme = strstr(it->given, "://");
	size_t n = scheme != NULL ? (size_t)(scheme - it->given) : 0;
	bool mongo = strcmp(row->name, "MONGO_HOST") == 0;

	if (mongo && strchr(it->given, '@') != strrchr(it->given, '@'))
		return wrong(s, row, "@ in a user name or a password as %40", it->given);
	if (mongo &&
		(scheme == NULL || (n == 7 && strncmp(it->given, "mongodb", n) == 0) ||
			(n == 11 && strncmp(it->given, "mongodb+srv", n) == 0)))
		return NULL; /* a bare host name is what the original's client also takes */
	if (!mongo &&
		((n == 4 && strncmp(it->given, "http", n) == 0) ||
			(n == 5 && strncmp(it->given, "https", n) == 0)))
		return NULL;
	return wrong(s, row,
		mongo ? "a URI that begins with mongodb:// or mongodb+srv://"
			  : "a URL that begins with http:// or https://",
		it->given);
}

/* Kafka and Redis: people write URLs there, with passwords that would reach names and sentences. */
static const char *
check_host(struct sk_settings *s, const struct sk_setting_row *row, const struct item *it)
{
	if (row->service == NULL || strcmp(row->service, row->name) != 0 ||
		(strchr(it->given, '@') == NULL && strstr(it->given, "://") == NULL))
		return NULL;
	return wrong(
		s, row, "a host, no URL: the port, the user and the password have settings", it->given);
}

/* What every text must be: it reaches file names, headers and log lines. */
static const char *
check_text(const struct sk_setting_row *row, const char *p)
{
	size_t n = strlen(p);

	if (n > MAX_VALUE)
		return "the value is longer than 4096 bytes";
	if (strcmp(row->name, "SKALD_ID") == 0 && n > 255)
		return "the value is longer than 255 bytes";
	if (sk_utf8_bad(p, n) != n)
		return "the value is not valid UTF-8";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return "the value contains a control character";
	return NULL;
}

/* Fill value and num from given; returns what is wrong or NULL. */
static const char *
check(struct sk_settings *s, const struct sk_setting_row *row, struct item *it)
{
	const char *problem = check_text(row, it->given);

	it->value = it->given;
	if (problem != NULL || *it->given == '\0')
		return problem;
	switch (row->type) {
	case SK_SET_INT:
	case SK_SET_NUMBER:
		return check_number(s, row, it);
	case SK_SET_BOOL:
		return check_bool(s, row, it);
	case SK_SET_ENUM:
		return check_enum(s, row, it);
	case SK_SET_URI:
		return check_uri(s, row, it);
	case SK_SET_DURATION:
		return sk_parse_duration(it->given, &it->num)
			? NULL
			: wrong(s, row, "a duration such as \"3 days\" or \"12 hours\"", it->given);
	case SK_SET_TEXT:
		return check_host(s, row, it);
	case SK_SET_PATH:
	case SK_SET_SECRET:
		return NULL;
	}
	return NULL;
}

/* Blank means off for texts; numbers, booleans and choices have no "off" and fall back. */
static bool
blank_is_default(enum sk_setting_type type)
{
	return type == SK_SET_INT || type == SK_SET_NUMBER || type == SK_SET_BOOL ||
		type == SK_SET_ENUM || type == SK_SET_DURATION;
}

static void
use_default(struct sk_settings *s, const struct sk_setting_row *row, struct item *it)
{
	const char *given = it->given;

	it->given = row->def;
	check(s, row, it);
	it->given = given;
}

static void
take(struct sk_settings *s, const struct sk_setting_row *row, enum sk_origin origin,
	const char *place, const char *given)
{
	struct item *it = item_of(s, row);

	it->given = given;
	it->origin = origin;
	it->place = place;
	it->problem = check(s, row, it);
	if (it->problem != NULL || (*given == '\0' && blank_is_default(row->type)))
		use_default(s, row, it);
}

/* ---- origins ---- */

static void
read_dotenv(struct sk_settings *s, const struct sk_args *args)
{
	const char *named = args != NULL ? sk_arg(args, "env-file") : NULL, *text;
	struct sk_err err;
	size_t n;

	s->dotenv_named = named != NULL;
	s->dotenv_path = named != NULL ? named : ".env";
	switch (sk_dotenv_read(s->dotenv_path, s->arena, &text, &n, &err)) {
	case SK_OK:
		sk_dotenv_parse(&s->dotenv, text, n, s->arena);
		break;
	case SK_ENOENT:
		if (named == NULL)
			break;
		/* fall through */
	default:
		s->dotenv_problem = sk_arena_strdup(s->arena, err.msg);
	}
}

/* The flag that overrides the setting, as it was typed last. */
static const struct sk_given *
flag_of(const struct sk_args *args, const char *setting)
{
	for (size_t i = args != NULL ? args->n_given : 0; i > 0; i--) {
		const struct sk_given *g = &args->given[i - 1];

		if (g->opt->setting != NULL && strcmp(g->opt->setting, setting) == 0)
			return g;
	}
	return NULL;
}

static void
read_one(struct sk_settings *s, const struct sk_setting_row *row, const struct sk_args *args)
{
	const struct sk_given *flag = flag_of(args, row->name);
	const struct sk_dotenv_line *line = sk_dotenv_find(&s->dotenv, row->name);
	const char *env = getenv(row->name);

	if (flag != NULL)
		take(s, row, SK_FROM_FLAG, sk_arena_printf(s->arena, "--%s", flag->opt->name), flag->value);
	else if (env != NULL)
		take(s, row, SK_FROM_ENV, "environment", env);
	else if (line != NULL)
		take(s, row, SK_FROM_DOTENV, sk_arena_printf(s->arena, "%s:%d", s->dotenv_path, line->line),
			line->value);
	else
		take(s, row, SK_FROM_DEFAULT, "default", row->def);
}

static void
read_token(struct sk_settings *s, const struct sk_args *args)
{
	const char *path = args != NULL ? sk_arg(args, "token-file") : NULL, *text;
	const struct sk_setting_row *row = sk_setting_row("SKALDS_TOKEN");
	struct sk_err err;
	char *token;
	size_t n;

	if (path == NULL)
		return;
	if (sk_dotenv_read(path, s->arena, &text, &n, &err) != SK_OK) {
		s->token_problem = sk_arena_strdup(s->arena, err.msg);
		return;
	}
	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
		n--;
	token = sk_arena_strndup(s->arena, text, n);
	if (n == 0 || n > MAX_TOKEN || strlen(token) != n)
		s->token_problem = sk_arena_printf(s->arena, "--token-file: %s is not a token: %s", path,
			n == 0 ? "it is empty" : "it is too long or contains a NUL byte");
	else
		take(s, row, SK_FROM_FLAG, "--token-file", token);
}

/* As the original: skalds- and five hex digits. */
static void
invent_id(struct sk_settings *s)
{
	const struct sk_setting_row *row = sk_setting_row("SKALD_ID");
	unsigned n = 0;

	if (*item_of(s, row)->value != '\0' || item_of(s, row)->problem != NULL)
		return;
	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != (ssize_t)sizeof(n))
		n = (unsigned)(sk_boot_ns() ^ getpid());
	item_of(s, row)->value = sk_arena_printf(s->arena, "skalds-%05x", n & 0xfffff);
	item_of(s, row)->origin = SK_FROM_DEFAULT; /* a blank was no choice */
}

struct sk_settings *
sk_settings_load(const struct sk_args *args)
{
	struct sk_settings *s = sk_xcalloc(1, sizeof(*s));

	s->arena = sk_arena_new();
	read_dotenv(s, args);
	for (const struct sk_setting_row *row = sk_setting_rows; row->name != NULL; row++) {
		assert(row_index(row) < MAX_ROWS);
		read_one(s, row, args);
	}
	read_token(s, args);
	invent_id(s);
	return s;
}

void
sk_settings_free(struct sk_settings *s)
{
	if (s == NULL)
		return;
	sk_arena_free(s->arena);
	free(s);
}

/* ---- problems ---- */

static size_t
file_problems(const struct sk_settings *s, struct sk_str *out)
{
	if (s->dotenv_problem != NULL)
		sk_str_addf(out, "%s\n", s->dotenv_problem);
	for (size_t i = 0; i < s->dotenv.n_problems; i++)
		sk_str_addf(out, "%s:%d: %s\n", s->dotenv_path, s->dotenv.problems[i].line,
			s->dotenv.problems[i].text);
	return s->dotenv.n_problems + (s->dotenv_problem != NULL ? 1 : 0);
}

/* Those of the users who use the setting as things are. What was given counts, right or wrong. */
static unsigned
users_of(const struct sk_settings *s, const struct sk_setting_row *row)
{
	unsigned users = row->users;

	if (row->service == NULL)
		return users;
	if (*find(s, row->service)->given == '\0')
		users &= ~(unsigned)(SK_BY_EDGE | SK_BY_RUN_ONE);
	for (const char *const *name = sk_setting_services; *name != NULL; name++)
		if (*find(s, *name)->given == '\0')
			users &= ~(unsigned)SK_BY_TASK;
	return users;
}

size_t
sk_settings_problems(const struct sk_settings *s, unsigned users, struct sk_str *out)
{
	size_t n = 0;

	if (users != 0 || s->dotenv_named)
		n += file_problems(s, out);
	if (s->token_problem != NULL) {
		sk_str_addf(out, "%s\n", s->token_problem);
		n++;
	}
	for (const struct sk_setting_row *row = sk_setting_rows; row->name != NULL; row++) {
		const struct item *it = &s->items[row_index(row)];

		if (it->problem == NULL ||
			((users_of(s, row) & users) == 0 && users != SK_BY_ANYBODY &&
				it->origin != SK_FROM_FLAG))
			continue;
		if (it->origin == SK_FROM_FLAG)
			sk_str_addf(out, "%s: %s\n", it->place, it->problem);
		else
			sk_str_addf(out, "%s: %s (%s)\n", row->name, it->problem, it->place);
		n++;
	}
	return n;
}

static void
hint(struct sk_str *out, const char *name, const char *place)
{
	const char *names[MAX_ROWS + 1], *near;
	size_t n = 0;

	if (sk_setting_row(name) != NULL)
		return;
	for (const struct sk_setting_row *row = sk_setting_rows; row->name != NULL; row++)
		names[n++] = row->name;
	names[n] = NULL;
	near = sk_suggest(name, names);
	if (near != NULL)
		sk_str_addf(out, "%s: no setting; did you mean %s? (%s)\n", name, near, place);
}

/* What runs tasks and what tasks see; they belong here and are no settings. */
static bool
is_ours(const char *name)
{
	static const char *const ours[] = { "SKALDS_RUN_DIR", "SKALDS_RUN", "SKALDS_TASK_ID",
		"SKALDS_ATTEMPT", "SKALDS_RESULT", "SKALDS_TASK_INDEX", NULL };

	for (size_t i = 0; ours[i] != NULL; i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return false;
}

void
sk_settings_hints(const struct sk_settings *s, struct sk_str *out)
{
	char place[320];

	for (size_t i = 0; i < s->dotenv.n; i++) {
		snprintf(place, sizeof(place), "%s:%d", s->dotenv_path, s->dotenv.lines[i].line);
		hint(out, s->dotenv.lines[i].key, place);
	}
	for (char *const *e = environ; *e != NULL; e++) {
		char name[64];
		size_t n = strcspn(*e, "=");

		if (n >= sizeof(name) || strncmp(*e, "SKALD", 5) != 0)
			continue;
		memcpy(name, *e, n);
		name[n] = '\0';
		if (!is_ours(name))
			hint(out, name, "environment");
	}
}

/* ---- what the commands read ---- */

const char *
sk_setting(const struct sk_settings *s, const char *name)
{
	return find(s, name)->value;
}

int64_t
sk_setting_int(const struct sk_settings *s, const char *name)
{
	assert(sk_setting_row(name) != NULL && sk_setting_row(name)->type == SK_SET_INT);
	return (int64_t)find(s, name)->num;
}

double
sk_setting_num(const struct sk_settings *s, const char *name)
{
	assert(sk_setting_row(name) != NULL);
	return find(s, name)->num;
}

bool
sk_setting_bool(const struct sk_settings *s, const char *name)
{
	assert(sk_setting_row(name) != NULL && sk_setting_row(name)->type == SK_SET_BOOL);
	return find(s, name)->num != 0;
}

enum sk_origin
sk_setting_origin(const struct sk_settings *s, const char *name)
{
	return find(s, name)->origin;
}

const char *
sk_setting_place(const struct sk_settings *s, const char *name)
{
	return find(s, name)->place;
}

const char *
sk_setting_problem(const struct sk_settings *s, const char *name)
{
	return find(s, name)->problem;
}

void
sk_setting_shown(const struct sk_settings *s, const char *name, struct sk_str *out)
{
	const struct item *it = find(s, name);
	const char *text = it->problem != NULL ? it->given : it->value;

	if (sk_setting_row(name)->type != SK_SET_SECRET)
		sk_mask_url(out, text);
	else if (*text != '\0')
		sk_str_adds(out, "***");
}
