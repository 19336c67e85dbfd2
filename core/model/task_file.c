/* task_file.c - the whole document: {TaskWorkers: {id: {…}}}. */
#include "core/model/task_priv.h"
#include "core/run/worker.h"
#include <string.h>

#define ROOT "TaskWorkers"

struct file {
	const struct sk_worker *const *workers;
	bool lenient;
	struct sk_arena *arena;
	struct sk_problems *problems;
	struct sk_task_list *tasks;
	const struct sk_value **entries; /* of each task, for the places of its parts */
};

/* "TaskWorkers.T1", or with root NULL one key alone. */
static const char *
path_of(const struct file *f, const char *root, const char *key)
{
	struct sk_str path = SK_STR_INIT;
	const char *text;

	if (root != NULL)
		sk_path_key(f->arena, &path, root);
	sk_path_key(f->arena, &path, key);
	text = sk_arena_strdup(f->arena, sk_str_text(&path));
	sk_str_release(&path);
	return text;
}

static bool
expect_map(const struct file *f, const struct sk_value *v, int line, int column, const char *path,
	const char *of)
{
	if (v->kind == SK_MAP)
		return true;
	if (v->line > 0) {
		line = v->line;
		column = v->column;
	}
	sk_problem(
		f->problems, line, column, path, "expected %s, got %s", of, sk_value_found(f->arena, v));
	return false;
}

static bool
read_task(struct file *f, const struct sk_pair *pair)
{
	const char *path = path_of(f, ROOT, pair->key), *wrong = sk_task_id_problem(pair->key);
	struct sk_task_spec *t = &f->tasks->items[f->tasks->n];

	f->entries[f->tasks->n++] = pair->value;
	t->id = pair->key;
	t->line = pair->line;
	t->column = pair->column;
	if (wrong != NULL)
		sk_problem(f->problems, pair->line, pair->column, path, "%s", wrong);
	if (!expect_map(f, pair->value, pair->line, pair->column, path, "map with className"))
		return false;
	return sk_task_entry(pair->key, pair->value, pair->line, pair->column, path, f->workers,
			   f->lenient, f->arena, t, f->problems) &&
		wrong == NULL;
}

static bool
read_tasks(struct file *f, const struct sk_pair *root)
{
	const struct sk_value *map = root->value;
	bool ok = true;

	if (!expect_map(f, map, root->line, root->column, ROOT, "map of tasks"))
		return false;
	if (map->u.map.n == 0)
		sk_problem_warning(f->problems, root->line, root->column, ROOT, "there is no task");
	f->tasks->items = sk_arena_alloc(f->arena, map->u.map.n * sizeof(*f->tasks->items));
	f->entries = sk_arena_alloc(f->arena, map->u.map.n * sizeof(*f->entries));
	for (size_t i = 0; i < map->u.map.n; i++)
		ok = read_task(f, &map->u.map.pairs[i]) && ok;
	return sk_task_graph_check(f->tasks, f->entries, f->arena, f->problems) && ok;
}

static void
missing_root(const struct file *f, const struct sk_value *doc)
{
	static const char *const names[] = { ROOT, NULL };

	for (size_t i = 0; i < doc->u.map.n; i++)
		if (sk_suggest(doc->u.map.pairs[i].key, names) != NULL) {
			sk_problem(f->problems, doc->u.map.pairs[i].line, doc->u.map.pairs[i].column,
				path_of(f, NULL, doc->u.map.pairs[i].key),
				"unknown key, did you mean \"" ROOT "\"?");
			return;
		}
	sk_problem(f->problems, doc->line, doc->column, "", "missing key \"" ROOT "\"");
}

static bool
read_document(struct file *f, const struct sk_value *doc)
{
	const struct sk_pair *root = NULL;

	if (doc == NULL || !expect_map(f, doc, 1, 1, "", "map with " ROOT))
		return false;
	for (size_t i = 0; i < doc->u.map.n; i++) {
		const struct sk_pair *pair = &doc->u.map.pairs[i];

		if (strcmp(pair->key, ROOT) == 0)
			root = pair;
	}
	if (root == NULL) {
		missing_root(f, doc);
		return false;
	}
	for (size_t i = 0; i < doc->u.map.n; i++)
		if (&doc->u.map.pairs[i] != root)
			sk_problem_warning(f->problems, doc->u.map.pairs[i].line, doc->u.map.pairs[i].column,
				path_of(f, NULL, doc->u.map.pairs[i].key), "unknown top-level key, ignored");
	return read_tasks(f, root);
}

bool
sk_task_file(const struct sk_value *doc, const struct sk_worker *const *workers, bool lenient,
	struct sk_arena *a, struct sk_task_list *out, struct sk_problems *p)
{
	struct file f = {
		.workers = workers, .lenient = lenient, .arena = a, .problems = p, .tasks = out
	};
	bool ok;

	*out = (struct sk_task_list){ 0 };
	ok = read_document(&f, doc) && p->n_errors == 0;
	sk_problems_sort(p);
	return ok;
}
