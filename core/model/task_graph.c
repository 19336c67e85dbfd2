/* task_graph.c - the dependencies of a file: do they exist, and can they all be kept? */
#include "core/model/task_priv.h"
#include <stdlib.h>
#include <string.h>

/* A cycle is named with at most this many tasks. */
#define MAX_NAMED 12

enum colour { WHITE, GREY, BLACK };

struct graph {
	const struct sk_task_list *tasks;
	const struct sk_value *const *entries;
	const struct sk_task_spec **by_id; /* sorted */
	struct sk_arena *arena;
	struct sk_problems *problems;
	size_t *named_by; /* per task: number + 1 of the last task that named it */
	unsigned char *colour;
	/* The way from where the search began to where it is: task numbers, and which of its
	 * dependencies is being followed. */
	size_t *way, *edge;
	size_t n_way;
	bool ok;
};

static int
by_id(const void *a, const void *b)
{
	return strcmp(
		(*(const struct sk_task_spec *const *)a)->id, (*(const struct sk_task_spec *const *)b)->id);
}

static const struct sk_task_spec *
find(const struct graph *g, const char *id)
{
	const struct sk_task_spec wanted = { .id = id }, *key = &wanted, **found;

	found = bsearch(&key, g->by_id, g->tasks->n, sizeof(*g->by_id), by_id);
	return found != NULL ? *found : NULL;
}

static const char *
dependency(const struct sk_task_spec *t, size_t i)
{
	return ((const char *const *)t->dependencies.items)[i];
}

static void SK_PRINTF(5, 6)
	report(struct graph *g, bool warning, size_t task, size_t i, const char *fmt, ...)
{
	const struct sk_value *list = sk_map_get(g->entries[task], "dependencies");
	const struct sk_value *at = list != NULL && list->kind == SK_LIST && i < list->u.list.n
		? list->u.list.items[i]
		: g->entries[task];
	struct sk_str path = SK_STR_INIT, text = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&text, fmt, ap);
	va_end(ap);
	sk_path_key(g->arena, &path, "TaskWorkers");
	sk_path_key(g->arena, &path, g->tasks->items[task].id);
	sk_str_addf(&path, ".dependencies[%zu]", i);
	(warning ? sk_problem_warning : sk_problem)(
		g->problems, at->line, at->column, sk_str_text(&path), "%s", sk_str_text(&text));
	sk_str_release(&path);
	sk_str_release(&text);
	g->ok = g->ok && warning;
}

static void
unknown(struct graph *g, size_t task, size_t i)
{
	size_t n = g->tasks->n;
	const char **ids = sk_arena_alloc(g->arena, (n + 1) * sizeof(*ids));
	const char *id = dependency(&g->tasks->items[task], i), *near;
	size_t others = 0;

	for (size_t k = 0; k < n; k++)
		if (k != task)
			ids[others++] = g->tasks->items[k].id;
	/* A single letter is near to every other. */
	near = strlen(id) > 1 ? sk_suggest(id, ids) : NULL;
	if (near != NULL)
		report(g, false, task, i, "there is no task %s, did you mean %s?", sk_quote(g->arena, id),
			sk_quote(g->arena, near));
	else
		report(g, false, task, i, "there is no task %s", sk_quote(g->arena, id));
}

static void
check_one(struct graph *g, size_t task, size_t i)
{
	const struct sk_task_spec *t = &g->tasks->items[task];
	const char *id = dependency(t, i);
	const struct sk_task_spec *other = find(g, id);

	if (other != NULL && g->named_by[other - g->tasks->items] == task + 1) {
		report(g, true, task, i, "%s is named twice", sk_quote(g->arena, id));
		return;
	}
	if (other != NULL)
		g->named_by[other - g->tasks->items] = task + 1;
	if (other == t)
		report(g, false, task, i, "the task depends on itself");
	else if (other == NULL && g->problems->n < SK_MAX_PROBLEMS)
		unknown(g, task, i);
	else if (other == NULL)
		report(g, false, task, i, "there is no such task");
	else if (other->restart == SK_RESTART_ALWAYS)
		report(g, true, task, i,
			"%s is restarted always and never finishes, so this task never "
			"starts",
			sk_quote(g->arena, id));
}

/* ---- cycles: a search in depth, without recursion: a chain may have 10,000 tasks ---- */

/* The last edge of the way leads back to the task at way[from]. */
static void
report_cycle(struct graph *g, size_t from)
{
	size_t n = g->n_way - from, last = g->way[g->n_way - 1];
	struct sk_str names = SK_STR_INIT;

	for (size_t i = 0; i < n; i++) {
		const char *id = g->tasks->items[g->way[from + i]].id;

		if (i == MAX_NAMED - 1 && n > MAX_NAMED)
			sk_str_addf(&names, "(%zu more) -> ", n - MAX_NAMED);
		if (i < MAX_NAMED - 1 || i + 1 == n)
			sk_str_addf(&names, "%.100s -> ", id);
	}
	sk_str_addf(&names, "%.100s", g->tasks->items[g->way[from]].id);
	report(g, false, last, g->edge[g->n_way - 1] - 1, "the dependencies form a cycle: %s",
		sk_str_text(&names));
	sk_str_release(&names);
}

static void
enter(struct graph *g, size_t task)
{
	g->colour[task] = GREY;
	g->way[g->n_way] = task;
	g->edge[g->n_way++] = 0;
}

static void
follow(struct graph *g, size_t to)
{
	size_t from = g->n_way - 1;

	if (g->colour[to] == WHITE) {
		enter(g, to);
	} else if (g->colour[to] == GREY && g->way[from] != to) {
		while (g->way[from] != to)
			from--;
		report_cycle(g, from);
	}
}

static void
search_from(struct graph *g, size_t start)
{
	enter(g, start);
	while (g->n_way > 0) {
		size_t at = g->n_way - 1;
		const struct sk_task_spec *t = &g->tasks->items[g->way[at]], *other;

		if (g->edge[at] == t->dependencies.n) {
			g->colour[g->way[at]] = BLACK;
			g->n_way--;
			continue;
		}
		other = find(g, dependency(t, g->edge[at]++));
		if (other != NULL)
			follow(g, (size_t)(other - g->tasks->items));
	}
}

/* A list that did not decode holds items without a text: nothing of it is used. */
static bool
usable(const struct sk_task_spec *t)
{
	for (size_t i = 0; i < t->dependencies.n; i++)
		if (dependency(t, i) == NULL)
			return false;
	return true;
}

bool
sk_task_graph_check(const struct sk_task_list *tasks, const struct sk_value *const *entries,
	struct sk_arena *a, struct sk_problems *p)
{
	size_t n = tasks->n;
	struct graph g = { .tasks = tasks, .entries = entries, .arena = a, .problems = p, .ok = true };

	g.by_id = sk_arena_alloc(a, n * sizeof(*g.by_id));
	g.named_by = sk_arena_alloc(a, n * sizeof(*g.named_by));
	g.colour = sk_arena_alloc(a, n);
	g.way = sk_arena_alloc(a, n * sizeof(*g.way));
	g.edge = sk_arena_alloc(a, n * sizeof(*g.edge));
	for (size_t i = 0; i < n; i++) {
		g.by_id[i] = &tasks->items[i];
		if (!usable(&tasks->items[i]))
			tasks->items[i].dependencies.n = 0;
	}
	if (n > 1)
		qsort(g.by_id, n, sizeof(*g.by_id), by_id);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < tasks->items[i].dependencies.n; k++)
			check_one(&g, i, k);
	for (size_t i = 0; i < n; i++)
		if (g.colour[i] == WHITE)
			search_from(&g, i);
	return g.ok;
}
