/* yaml_fuzz.c - any bytes as a file of tasks: no crash, no hang, and what was accepted holds. */
#include "adapters/yaml.h"
#include "core/model/task.h"
#include "workers/registry.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 loses 2 KiB with a single-quoted text of five and more escaped quotes and nothing
 * else. Everything of ours is still looked at. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:fy_atom_iter_grow_chunk\n";
}

/* Deeper or larger than promised? Aliases share nodes: each is counted where it is used. */
static size_t
count(const struct sk_value *v, int depth)
{
	size_t n = 1;

	if (depth > SK_MAX_DEPTH)
		abort();
	if (v->kind == SK_LIST)
		for (size_t i = 0; i < v->u.list.n; i++)
			n += count(v->u.list.items[i], depth + 1);
	if (v->kind == SK_MAP)
		for (size_t i = 0; i < v->u.map.n; i++)
			n += count(v->u.map.pairs[i].value, depth + 1);
	return n;
}

static void
check_tasks(const struct sk_task_list *tasks)
{
	for (size_t i = 0; i < tasks->n; i++)
		if (tasks->items[i].worker == NULL || tasks->items[i].attachments->kind != SK_MAP ||
			sk_task_id_problem(tasks->items[i].id) != NULL)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str text = SK_STR_INIT;
	struct sk_task_list tasks;
	struct sk_problems p;
	struct sk_value *v;

	sk_problems_init(&p, a, "f");
	v = sk_yaml_parse((const char *)data, n, a, &p);
	if (v == NULL && p.n_errors == 0)
		abort();
	if (v != NULL && count(v, 0) > n + SK_YAML_MAX_EXPANDED + 1)
		abort();
	if (sk_task_file(v, sk_workers, n % 2 == 0, a, &tasks, &p))
		check_tasks(&tasks);
	else if (p.n_errors == 0)
		abort();
	sk_problems_text(&p, &text);
	sk_str_release(&text);
	sk_arena_free(a);
	return 0;
}
