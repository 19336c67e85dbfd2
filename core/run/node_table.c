/* node_table.c - the tasks of a node: found by key and id, marked, settled, buried; their gpus. */
#include "core/run/node_priv.h"
#include <stdlib.h>
#include <string.h>

struct node_task *
node_find(const struct sk_node *n, const char *id)
{
	struct node_task *t = sk_map_find(&n->tasks, sk_map_key(id));
	size_t i = 0;

	if (t == NULL ? n->n_odd == 0 : strcmp(t->id, id) == 0)
		return t;
	while (n->n_odd > 0 && (t = sk_map_each(&n->tasks, &i)) != NULL) /* rare beyond all patience */
		if (strcmp(t->id, id) == 0)
			return t;
	return NULL;
}

/* The hash of the id, or what is free behind it. */
static uint64_t
free_key(const struct sk_node *n, const char *id)
{
	uint64_t key = sk_map_key(id);

	while (sk_map_find(&n->tasks, key) != NULL)
		key = key + 1 >= UINT64_MAX ? 1 : key + 1;
	return key;
}

struct node_task *
node_add(struct sk_node *n, uint64_t key, const char *id, const char *class_name, uint32_t attempt)
{
	size_t id_len = strlen(id) + 1, class_len = strlen(class_name) + 1;
	struct node_task *t = sk_xcalloc(1, sizeof(*t) + id_len + class_len);

	memcpy(t->id, id, id_len);
	memcpy(t->id + id_len, class_name, class_len);
	t->class_name = t->id + id_len;
	t->key = key != 0 ? key : free_key(n, id);
	t->attempt = attempt;
	t->changed = n->reads;
	if (t->key != sk_map_key(id))
		n->n_odd++;
	sk_map_put(&n->tasks, t->key, t);
	n->n_tasks++;
	return t;
}

/* ---- lists ---- */

static void
list_add(struct node_list *l, struct node_task *t)
{
	t->prev = l->last;
	t->next = NULL;
	*(l->last != NULL ? &l->last->next : &l->first) = t;
	l->last = t;
}

static void
list_remove(struct node_list *l, struct node_task *t)
{
	*(t->prev != NULL ? &t->prev->next : &l->first) = t->next;
	*(t->next != NULL ? &t->next->prev : &l->last) = t->prev;
	t->prev = t->next = NULL;
}

void
node_mark(struct sk_node *n, struct node_task *t)
{
	if (t->dirty || t->gone || t->foreign) /* of those the store is never told */
		return;
	t->dirty = true;
	list_add(&n->dirty, t);
}

void
node_unmark(struct sk_node *n, struct node_task *t)
{
	if (!t->dirty)
		return;
	t->dirty = false;
	list_remove(&n->dirty, t);
}

/* ---- gpus ---- */

bool
node_gpus_take(struct sk_node *n, struct node_task *t, int64_t wanted)
{
	uint32_t mask = 0, left = n->gpus_free;

	for (; wanted > 0 && left != 0; wanted--) {
		mask |= left & -left; /* the lowest */
		left &= left - 1;
	}
	if (wanted > 0)
		return false;
	n->gpus_free &= ~mask;
	t->gpus = mask;
	return true;
}

static void
give_gpus(struct sk_node *n, struct node_task *t)
{
	uint32_t mask = t->gpus;

	n->gpus_free |= mask;
	t->gpus = 0;
	if (mask != 0 && n->n_waiting > 0)
		node_start_waiting(n);
}

/* ---- ends ---- */

static uint64_t
oldest_read(const struct sk_node *n)
{
	return n->first_read != NULL ? n->first_read->number : UINT64_MAX;
}

static void
leave(struct sk_node *n, struct node_task *t)
{
	node_unmark(n, t);
	if (t->waiting)
		n->n_waiting--;
	t->waiting = false;
	give_gpus(n, t);
	n->n_whole -= t->whole;
	t->whole = false;
	n->n_tasks--;
}

void
node_settle(struct sk_node *n, struct node_task *t)
{
	if (t->given)
		node_tell(n, SK_F_FORGET, t, NULL);
	leave(n, t);
	t->gone = true;
	t->changed = n->reads;
	t->ask_ms = 0;
	node_foreign_gone(t);
	if (t->kept)
		return;
	list_add(&n->gone, t);
	if (oldest_read(n) > t->changed)
		node_drop(n, t);
}

static void
task_free(struct node_task *t)
{
	free(t->message);
	free(t->result);
	free(t->stage);
	free(t);
}

void
node_drop(struct sk_node *n, struct node_task *t)
{
	node_foreign_gone(t);
	if (!t->gone)
		leave(n, t);
	else if (!t->kept)
		list_remove(&n->gone, t);
	if (t->key != sk_map_key(t->id))
		n->n_odd--;
	sk_map_remove(&n->tasks, t->key);
	task_free(t);
}

void
node_bury(struct sk_node *n)
{
	while (n->gone.first != NULL && oldest_read(n) > n->gone.first->changed)
		node_drop(n, n->gone.first);
}

void
node_table_free(struct sk_node *n)
{
	struct node_task *t;
	size_t i = 0;

	while ((t = sk_map_each(&n->tasks, &i)) != NULL)
		task_free(t);
	sk_map_release(&n->tasks);
}
