/* check.c - `skalds check`: is a YAML file of tasks right? Nothing is started. */
#include "adapters/yaml.h"
#include "cmd/options.h"
#include "core/model/task.h"
#include "workers/registry.h"
#include <stdio.h>
#include <string.h>

struct check {
	bool lenient, json, quiet;
	bool wrong; /* some file was */
	struct sk_str out; /* what goes to stdout */
};

static void
add_json(struct check *c, const struct sk_problems *p, bool ok, size_t tasks)
{
	sk_json_next(&c->out);
	sk_str_addc(&c->out, '{');
	sk_problems_json_members(p, &c->out);
	sk_json_kbool(&c->out, "ok", ok);
	sk_json_kint(&c->out, "tasks", ok ? (int64_t)tasks : 0);
	sk_str_addc(&c->out, '}');
}

static void
add_text(struct check *c, const struct sk_problems *p, bool ok, size_t tasks)
{
	struct sk_str text = SK_STR_INIT;

	sk_problems_text(p, &text);
	fputs(sk_str_text(&text), stderr);
	sk_str_release(&text);
	if (ok && !c->quiet)
		sk_str_addf(&c->out, "%s: %zu task%s ok\n", p->file, tasks, tasks == 1 ? "" : "s");
}

static void
check_file(struct check *c, const char *file)
{
	struct sk_arena *arena = sk_arena_new();
	struct sk_task_list tasks;
	struct sk_problems p;
	bool ok;

	sk_problems_init(&p, arena, strcmp(file, "-") == 0 ? "stdin" : file);
	ok = sk_task_file(sk_yaml_file(file, arena, &p), sk_workers, c->lenient, arena, &tasks, &p);
	c->wrong = c->wrong || !ok;
	if (c->json)
		add_json(c, &p, ok, tasks.n);
	else
		add_text(c, &p, ok, tasks.n);
	sk_arena_free(arena);
}

static int
check_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct check c = {
		.lenient = sk_arg_set(args, "lenient"), .json = args->json, .quiet = args->quiet
	};
	const char *file;
	size_t n = 0;
	bool several;

	while (sk_arg_nth(args, "file", n) != NULL)
		n++;
	several = n + (size_t)args->n_pos > 1;
	if (several && c.json)
		sk_str_adds(&c.out, "{\"items\":[");
	for (size_t i = 0; (file = sk_arg_nth(args, "file", i)) != NULL; i++)
		check_file(&c, file);
	for (int i = 0; i < args->n_pos; i++)
		check_file(&c, args->pos[i]);
	file = sk_setting(settings, "YAML_FILE");
	if (n == 0 && args->n_pos == 0 && file[0] == '\0') {
		fputs("skalds check: no file given; use -f FILE or set YAML_FILE\n", stderr);
		return SK_EXIT_USAGE;
	}
	if (n == 0 && args->n_pos == 0)
		check_file(&c, file);
	if (c.json)
		sk_str_adds(&c.out, several ? "],\"next\":null}\n" : "\n");
	sk_out(&c.out);
	sk_str_release(&c.out);
	return c.wrong ? SK_EXIT_USAGE : SK_EXIT_OK;
}

static const struct sk_opt options[] = {
	{ .name = "file",
		.letter = 'f',
		.value = "FILE",
		.setting = "YAML_FILE",
		.doc = "the file of tasks; - is standard input; may be given several times" },
	{ .name = "lenient", .doc = "unknown attachments are warnings" },
	{ .name = NULL },
};

static const char help[] =
	"Prints every problem as FILE:LINE:COLUMN: PATH: SENTENCE and exits with 2 when a file is\n"
	"wrong. Nothing is started.";

const struct sk_cmd sk_cmd_check = {
	.name = "check",
	.summary = "Check a YAML file of tasks without starting anything",
	.usage = "[-f FILE] [FILE...]",
	.help = help,
	.options = options,
	.max_args = -1,
	.run = check_run,
};
