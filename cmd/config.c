/* config.c - `skalds config`: every setting, its value, where it came from, what is wrong. */
#include "cmd/options.h"
#include "cmd/table.h"
#include "core/base/mem.h"
#include <stdlib.h>
#include <string.h>

static const char *
origin_name(enum sk_origin origin)
{
	switch (origin) {
	case SK_FROM_DEFAULT:
		return "default";
	case SK_FROM_DOTENV:
		return "env-file";
	case SK_FROM_ENV:
		return "environment";
	case SK_FROM_FLAG:
		return "flag";
	}
	return "unknown";
}

static void
json_choices(struct sk_str *s, const struct sk_setting_row *row)
{
	sk_json_key(s, "choices");
	sk_str_addc(s, '[');
	for (const char *const *c = row->choices; *c != NULL; c++) {
		sk_json_next(s);
		sk_json_string(s, *c);
	}
	sk_str_addc(s, ']');
}

static void
json_row(struct sk_str *s, const struct sk_settings *settings, const struct sk_setting_row *row)
{
	struct sk_str shown = SK_STR_INIT;

	sk_setting_shown(settings, row->name, &shown);
	sk_str_addc(s, '{');
	sk_json_kstr(s, "name", row->name);
	sk_json_kstr(s, "value", sk_str_text(&shown));
	sk_json_kstr(s, "origin", origin_name(sk_setting_origin(settings, row->name)));
	sk_json_kstr(s, "place", sk_setting_place(settings, row->name));
	sk_json_kstr(s, "problem", sk_setting_problem(settings, row->name));
	sk_json_kstr(s, "type", sk_setting_type_name(row->type));
	sk_json_kstr(s, "default", row->def);
	if (row->choices != NULL)
		json_choices(s, row);
	sk_json_kstr(s, "description", row->doc);
	sk_str_addc(s, '}');
	sk_str_release(&shown);
}

static void
all_json(struct sk_str *s, const struct sk_settings *settings)
{
	sk_str_adds(s, "{\"items\":[");
	for (const struct sk_setting_row *row = sk_setting_rows; row->name != NULL; row++) {
		sk_json_next(s);
		json_row(s, settings, row);
	}
	sk_str_adds(s, "],\"next\":null}\n");
}

static void
all_text(struct sk_str *s, const struct sk_settings *settings, bool with_docs)
{
	static const char *const head[] = { "NAME", "VALUE", "ORIGIN", "ABOUT", NULL };
	struct sk_str shown = SK_STR_INIT;
	struct sk_grid t;

	sk_grid_init(&t, with_docs ? head : (const char *const[]){ "NAME", "VALUE", "ORIGIN", NULL });
	for (const struct sk_setting_row *row = sk_setting_rows; row->name != NULL; row++) {
		sk_str_clear(&shown);
		sk_setting_shown(settings, row->name, &shown);
		sk_grid_cell(&t, row->name);
		sk_grid_cell(&t, sk_str_text(&shown));
		sk_grid_cell(&t, sk_setting_place(settings, row->name));
		if (with_docs)
			sk_grid_cell(&t, row->doc);
	}
	sk_grid_text(&t, with_docs ? 0 : sk_terminal_width(), s);
	sk_grid_release(&t);
	sk_str_release(&shown);
}

static int
unknown_name(const char *name)
{
	const char *names[128], *near;
	size_t n = 0;

	for (const struct sk_setting_row *r = sk_setting_rows; r->name != NULL && n < 127; r++)
		names[n++] = r->name;
	names[n] = NULL;
	near = sk_suggest(name, names);
	sk_complain("config", "there is no setting \"%.64s\"%s%s%s", name,
		near != NULL ? "; did you mean " : "", near != NULL ? near : "", near != NULL ? "?" : "");
	return SK_EXIT_NOT_FOUND;
}

static int
one(struct sk_str *s, const struct sk_args *args, const struct sk_settings *settings)
{
	const struct sk_setting_row *row = sk_setting_row(args->pos[0]);

	if (row == NULL)
		return unknown_name(args->pos[0]);
	if (args->json)
		json_row(s, settings, row);
	else
		sk_setting_shown(settings, row->name, s);
	sk_str_addc(s, '\n');
	if (sk_setting_problem(settings, row->name) == NULL)
		return SK_EXIT_OK;
	fprintf(stderr, "%s: %s (%s)\n", row->name, sk_setting_problem(settings, row->name),
		sk_setting_place(settings, row->name));
	return SK_EXIT_USAGE;
}

static int
all(struct sk_str *s, const struct sk_args *args, const struct sk_settings *settings)
{
	struct sk_str problems = SK_STR_INIT;
	size_t n = sk_settings_problems(settings, SK_BY_ANYBODY, &problems);

	if (args->json)
		all_json(s, settings);
	else
		all_text(s, settings, sk_arg_set(args, "describe"));
	sk_settings_hints(settings, &problems);
	fputs(sk_str_text(&problems), stderr);
	sk_str_release(&problems);
	return n == 0 ? SK_EXIT_OK : SK_EXIT_USAGE;
}

static int
config_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct sk_str s = SK_STR_INIT;
	int code = args->n_pos == 1 ? one(&s, args, settings) : all(&s, args, settings);

	sk_out(&s);
	sk_str_release(&s);
	return code;
}

static const struct sk_opt options[] = {
	{ .name = "describe", .doc = "say what each setting is for" },
	{ .name = NULL },
};

const struct sk_cmd sk_cmd_config = {
	.name = "config",
	.summary = "Show every setting, its value and where it came from",
	.usage = "[SETTING]",
	.help = "A flag goes before the environment, that before .env in the working directory (or\n"
			"--env-file), that before the default. A blank text means off. Secrets are masked.\n"
			"Exit 2 when a value is wrong; other commands stop only for settings that they use.",
	.options = options,
	.max_args = 1,
	.run = config_run,
};
