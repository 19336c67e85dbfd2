/* api_classes.c - GET /v1/classes: what can be run. Classes that are compiled in have a schema;
 * those that only nodes announce (the original's) are known by name. */
#include "core/control/api_priv.h"
#include "core/run/worker_json.h"
#include <stdlib.h>
#include <string.h>

static const struct sk_worker *
worker_of(const struct sk_call *call, const char *name)
{
	const struct sk_worker *const *w = call->c->cfg.workers;

	while (*w != NULL && strcmp((*w)->name, name) != 0)
		w++;
	return *w;
}

static bool
announces(const struct sk_skald_view *v, const char *name)
{
	const char *const *of = v->row->classes;

	while (of != NULL && *of != NULL && strcmp(*of, name) != 0)
		of++;
	return of != NULL && *of != NULL;
}

/* Who runs it. Returns how many. */
static size_t
put_nodes(struct sk_call *call, const char *name)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(call->c, &views), found = 0;

	sk_json_key(&call->out, "nodes");
	sk_str_addc(&call->out, '[');
	for (size_t i = 0; i < n; i++) {
		if (!announces(&views[i], name))
			continue;
		sk_json_next(&call->out);
		sk_json_string(&call->out, views[i].row->id);
		found++;
	}
	sk_str_addc(&call->out, ']');
	return found;
}

static bool
put_class(struct sk_call *call, const char *name)
{
	const struct sk_worker *w = worker_of(call, name);
	struct sk_str *out = &call->out;
	size_t nodes;

	sk_json_next(out);
	sk_str_addc(out, '{');
	if (w != NULL) {
		sk_worker_json(out, w);
	} else {
		sk_json_kstr(out, "className", name);
		sk_json_kstr(out, "description", NULL);
		sk_json_kstr(out, "kind", NULL);
		sk_json_kbool(out, "liveUpdate", false);
		sk_json_kbool(out, "reusable", false);
		sk_json_kstr(out, "schema", NULL);
	}
	nodes = put_nodes(call, name);
	sk_str_addc(out, '}');
	return w != NULL || nodes > 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All names, sorted; some may be there more than once. */
static const char **
names_of(struct sk_call *call, size_t *n)
{
	const struct sk_skald_view *views;
	size_t n_views = sk_skalds_view(call->c, &views), most = 1;
	const char **names;

	for (const struct sk_worker *const *w = call->c->cfg.workers; *w != NULL; w++)
		most++;
	for (size_t i = 0; i < n_views; i++)
		for (const char *const *of = views[i].row->classes; of != NULL && *of != NULL; of++)
			most++;
	names = sk_arena_alloc(call->arena, most * sizeof(*names));
	*n = 0;
	for (const struct sk_worker *const *w = call->c->cfg.workers; *w != NULL; w++)
		names[(*n)++] = (*w)->name;
	for (size_t i = 0; i < n_views; i++)
		for (const char *const *of = views[i].row->classes; of != NULL && *of != NULL; of++)
			names[(*n)++] = *of;
	qsort(names, *n, sizeof(*names), by_name);
	return names;
}

void
sk_api_classes(struct sk_call *call)
{
	size_t n;
	const char **names = names_of(call, &n);

	sk_str_adds(&call->out, "{\"items\":[");
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			put_class(call, names[i]);
	sk_str_adds(&call->out, "],\"next\":null}");
	sk_call_json(call, 200);
}

void
sk_api_class(struct sk_call *call)
{
	if (put_class(call, call->id))
		sk_call_json(call, 200);
	else
		sk_call_error(call, 404, "there is no class %s", sk_quote(call->arena, call->id));
}
