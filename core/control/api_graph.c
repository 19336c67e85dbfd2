/* api_graph.c - GET /v1/tasks/ID/graph: what a task waits for, and who waits for it.
 *
 * First upward, level by level: what it depends on stands in each task. Then downward, task by
 * task: the store has an index of who names whom. Never more than MAX_NODES tasks are read. */
#include "core/base/map.h"
#include "core/control/api_priv.h"
#include <string.h>

#define MAX_NODES 200
#define MAX_DEPTH 10

struct node {
	const char *id;
	const struct sk_record *r; /* NULL: not read yet, or there is no such task any more */
	int64_t level; /* steps from the task that was asked for */
};

struct graph {
	struct node nodes[MAX_NODES];
	size_t n;
	size_t read; /* upward: nodes before this one have been read */
	size_t at; /* downward: whose dependents are looked for */
	size_t n_up; /* nodes [1..n_up) stand above the task */
	int64_t depth;
	bool truncated;
	struct sk_map places; /* of ids, by hash: a node that may be it */
	struct sk_op_get get;
	struct sk_op_find find;
};

static struct node *
node_of(struct graph *g, const char *id)
{
	struct node *node = sk_map_find(&g->places, sk_map_key(id));

	if (node != NULL && strcmp(node->id, id) == 0)
		return node;
	if (node == NULL)
		return NULL;
	for (size_t i = 0; i < g->n; i++) /* two ids with one hash */
		if (strcmp(g->nodes[i].id, id) == 0)
			return &g->nodes[i];
	return NULL;
}

/* Nothing happens when it is there already, or there is no room. */
static void
add_node(struct graph *g, const char *id, const struct sk_record *r, int64_t level)
{
	struct node *node;

	if (node_of(g, id) != NULL)
		return;
	if (g->n == MAX_NODES || level > g->depth) {
		g->truncated = true;
		return;
	}
	node = &g->nodes[g->n++];
	*node = (struct node){ .id = id, .r = r, .level = level };
	sk_map_put(&g->places, sk_map_key(id), node);
}

/* The ids that a task depends on, one after another; NULL at the end. */
static const char *
dependency(const struct sk_record *r, size_t i)
{
	const struct sk_value *list = sk_map_get(r->spec, "dependencies");

	return list != NULL && list->kind == SK_LIST && i < list->u.list.n &&
			list->u.list.items[i]->kind == SK_STRING
		? list->u.list.items[i]->u.str.s
		: NULL;
}

/* ---- the answer ---- */

static void
put_node(struct sk_str *out, const struct node *node)
{
	const struct sk_value *name = node->r != NULL ? sk_map_get(node->r->spec, "name") : NULL;

	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "id", node->id);
	sk_json_kstr(out, "className", node->r != NULL ? node->r->class_name : NULL);
	sk_json_kstr(out, "phase", node->r != NULL ? sk_phase_name(node->r->life.phase) : NULL);
	sk_json_kstr(out, "name", name != NULL && name->kind == SK_STRING ? name->u.str.s : NULL);
	sk_str_addc(out, '}');
}

static void
put_edges(struct sk_str *out, struct graph *g, const struct sk_record *r)
{
	const char *id;

	for (size_t i = 0; r != NULL && (id = dependency(r, i)) != NULL; i++) {
		if (node_of(g, id) == NULL)
			continue;
		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kstr(out, "from", id);
		sk_json_kstr(out, "to", r->id);
		sk_str_addc(out, '}');
	}
}

static void
answer(struct sk_call *call)
{
	struct graph *g = call->state;
	struct sk_str *out = &call->out;

	sk_str_adds(out, "{\"nodes\":[");
	for (size_t i = 0; i < g->n; i++)
		put_node(out, &g->nodes[i]);
	sk_str_adds(out, "],\"edges\":[");
	for (size_t i = 0; i < g->n; i++)
		put_edges(out, g, g->nodes[i].r);
	sk_str_addc(out, ']');
	sk_json_kbool(out, "truncated", g->truncated);
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}

/* ---- downward ---- */

static void look_down(struct sk_call *call);

static void
found(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct graph *g = call->state;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	for (size_t i = 0; i < g->find.n; i++)
		add_node(g, g->find.records[i]->id, g->find.records[i], g->nodes[g->at].level + 1);
	g->truncated = g->truncated || g->find.next != NULL;
	g->at = g->at == 0 ? g->n_up : g->at + 1;
	look_down(call);
}

/* From the task itself, then from those that were found so. */
static void
look_down(struct sk_call *call)
{
	struct graph *g = call->state;

	if (g->at >= g->n || g->n == MAX_NODES) {
		g->truncated = g->truncated || g->at < g->n;
		answer(call);
		return;
	}
	g->find = (struct sk_op_find){
		.filter = { .depends_on = g->nodes[g->at].id }, .order = SK_OLDEST_FIRST, .limit = MAX_NODES
	};
	sk_call_submit(call, &g->find.op, SK_OP_FIND, found);
}

/* ---- upward ---- */

static void read_level(struct sk_call *call);

static void
got(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct graph *g = call->state;
	size_t end = g->n;
	const char *id;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	if (g->read == 0 && g->get.records[0] == NULL) {
		sk_call_error(call, 404, "there is no task %s", sk_quote(call->arena, call->id));
		return;
	}
	for (size_t k = 0; g->read < end; g->read++, k++) {
		struct node *node = &g->nodes[g->read];

		node->r = g->get.records[k];
		for (size_t i = 0; node->r != NULL && (id = dependency(node->r, i)) != NULL; i++)
			add_node(g, id, NULL, node->level + 1);
	}
	read_level(call);
}

static void
read_level(struct sk_call *call)
{
	struct graph *g = call->state;
	const char **ids = sk_arena_alloc(call->arena, (g->n + 1) * sizeof(*ids));

	if (g->read == g->n) {
		g->n_up = g->n;
		look_down(call);
		return;
	}
	for (size_t i = g->read; i < g->n; i++)
		ids[i - g->read] = g->nodes[i].id;
	g->get = (struct sk_op_get){ .ids = ids, .n = g->n - g->read };
	sk_call_submit(call, &g->get.op, SK_OP_GET, got);
}

static void
free_places(struct sk_call *call)
{
	struct graph *g = call->state;

	sk_map_release(&g->places);
}

void
sk_api_graph(struct sk_call *call)
{
	struct graph *g = sk_arena_alloc(call->arena, sizeof(*g));

	if (!sk_call_int(call, "depth", 1, MAX_DEPTH, MAX_DEPTH, &g->depth))
		return;
	call->state = g;
	call->release = free_places;
	add_node(g, call->id, NULL, 0);
	read_level(call);
}
