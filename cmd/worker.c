/* worker.c - `skalds worker list|describe`: the classes that are compiled in. */
#include "cmd/options.h"
#include "cmd/table.h"
#include "core/run/worker_json.h"
#include "workers/registry.h"
#include <string.h>

static void
list_json(struct sk_str *s)
{
	sk_str_adds(s, "{\"items\":[");
	for (const struct sk_worker *const *w = sk_workers; *w != NULL; w++) {
		sk_json_next(s);
		sk_str_addc(s, '{');
		sk_worker_json(s, *w);
		sk_str_addc(s, '}');
	}
	sk_str_adds(s, "],\"next\":null}\n");
}

static void
list_text(struct sk_str *s)
{
	static const char *const head[] = { "CLASS", "KIND", "LIVE-UPDATE", "ABOUT", NULL };
	struct sk_grid t;

	sk_grid_init(&t, head);
	for (const struct sk_worker *const *w = sk_workers; *w != NULL; w++) {
		sk_grid_cell(&t, (*w)->name);
		sk_grid_cell(&t, sk_worker_kind_name(*w));
		sk_grid_cell(&t, (*w)->update != NULL ? "yes" : "no");
		sk_grid_cell(&t, (*w)->doc);
	}
	sk_grid_text(&t, sk_terminal_width(), s);
	sk_grid_release(&t);
}

static int
list_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct sk_str s = SK_STR_INIT;

	(void)settings;
	if (args->json)
		list_json(&s);
	else
		list_text(&s);
	sk_out(&s);
	sk_str_release(&s);
	return SK_EXIT_OK;
}

/* The schema itself, so that it can be handed to a validator as it is; what else there is to say
 * stands in annotations. */
static void
describe_json(struct sk_str *s, const struct sk_worker *w)
{
	struct sk_str schema = SK_STR_INIT;

	sk_fields_schema(w->fields, &schema);
	sk_str_addc(s, '{');
	sk_json_kstr(s, "title", w->name);
	sk_json_kstr(s, "description", w->doc);
	sk_worker_json_traits(s, w);
	if (schema.len > 2) {
		sk_json_next(s);
		sk_str_adds(s, schema.p + 1);
	} else
		sk_str_addc(s, '}');
	sk_str_addc(s, '\n');
	sk_str_release(&schema);
}

static void
describe_text(struct sk_str *s, const struct sk_worker *w)
{
	sk_str_addf(s, "%s: %s\n%s\n\n", w->name, w->doc,
		w->kind == SK_WORKER_PROGRAM ? "Starts a program of yours."
			: w->update != NULL		 ? "Compiled in; changed attachments reach it while it runs."
									 : "Compiled in; it is restarted when its attachments change.");
	sk_fields_describe(w->fields, s);
}

static int
unknown_class(const char *name)
{
	const char *names[256], *near;
	size_t n = 0;

	for (const struct sk_worker *const *w = sk_workers; *w != NULL && n < 255; w++)
		names[n++] = (*w)->name;
	names[n] = NULL;
	near = sk_suggest(name, names);
	sk_complain("worker describe", "there is no class \"%.64s\"%s%s%s", name,
		near != NULL ? "; did you mean " : "", near != NULL ? near : "", near != NULL ? "?" : "");
	return SK_EXIT_NOT_FOUND;
}

static int
describe_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_worker *w = sk_worker_find(args->pos[0]);
	struct sk_str s = SK_STR_INIT;

	(void)settings;
	if (w == NULL)
		return unknown_class(args->pos[0]);
	if (args->json)
		describe_json(&s, w);
	else
		describe_text(&s, w);
	sk_out(&s);
	sk_str_release(&s);
	return SK_EXIT_OK;
}

static const struct sk_cmd list = {
	.name = "list",
	.summary = "List the worker classes",
	.run = list_run,
};

static const struct sk_cmd describe = {
	.name = "describe",
	.summary = "Show the attachments of a worker class",
	.usage = "CLASS",
	.help = "With --json the JSON Schema of its attachments.",
	.min_args = 1,
	.max_args = 1,
	.run = describe_run,
};

static const struct sk_cmd *const verbs[] = { &list, &describe, NULL };

const struct sk_cmd sk_cmd_worker = {
	.name = "worker",
	.summary = "Show the worker classes and their attachments",
	.verbs = verbs,
};
