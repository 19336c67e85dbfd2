/* rows.c - the tasks in memory, one by one. */
#include "adapters/memory/memory.h"
#include <stdlib.h>
#include <string.h>

struct sk_memory_row *
sk_memory_row(struct sk_memory *m, const char *id)
{
	struct sk_memory_row *w = sk_map_find(&m->by_id, sk_map_key(id));

	while (w != NULL && strcmp(w->r->id, id) != 0)
		w = w->next;
	return w;
}

struct sk_memory_row *
sk_memory_key(struct sk_memory *m, const char *unique_key)
{
	for (size_t i = 0; unique_key[0] != '\0' && i < m->n; i++)
		if (m->rows[i]->r != NULL && !sk_phase_final(m->rows[i]->r->life.phase) &&
			strcmp(m->rows[i]->r->unique_key, unique_key) == 0)
			return m->rows[i];
	return NULL;
}

struct sk_memory_row *
sk_memory_add(struct sk_memory *m, const struct sk_record *r)
{
	struct sk_memory_row *w = sk_xcalloc(1, sizeof(*w));

	w->arena = sk_arena_new();
	w->r = sk_record_copy(w->arena, r);
	w->r->life.backing_off = false;
	if (m->n == m->cap) {
		m->cap = m->cap > 0 ? m->cap * 2 : 64;
		m->rows = sk_xreallocarray(m->rows, m->cap, sizeof(struct sk_memory_row *));
	}
	m->rows[m->n++] = w;
	w->r->seq = m->n;
	w->next = sk_map_find(&m->by_id, sk_map_key(r->id));
	sk_map_put(&m->by_id, sk_map_key(r->id), w);
	return w;
}

void
sk_memory_drop(struct sk_memory *m, struct sk_memory_row *w)
{
	struct sk_memory_row *head = sk_map_find(&m->by_id, sk_map_key(w->r->id)), **p = &head;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	if (head == NULL)
		sk_map_remove(&m->by_id, sk_map_key(w->r->id));
	else
		sk_map_put(&m->by_id, sk_map_key(w->r->id), head);
	sk_arena_free(w->arena);
	w->arena = NULL;
	w->r = NULL;
	w->attempts = NULL;
}

static const char *
own_text(struct sk_arena *a, const char *text)
{
	return sk_arena_strdup(a, text != NULL ? text : "");
}

/* In order of the attempts; the same attempt again replaces the one before. */
static void
keep(struct sk_memory_row *w, const struct sk_attempt *a)
{
	struct sk_memory_attempt *k = sk_arena_alloc(w->arena, sizeof(*k)), **p = &w->attempts;

	k->a = *a;
	k->a.executor = own_text(w->arena, a->executor);
	k->a.exit.message = own_text(w->arena, a->exit.message);
	if (a->tail != NULL) {
		char *tail = sk_arena_alloc(w->arena, a->tail_len + 1);

		memcpy(tail, a->tail, a->tail_len);
		k->a.tail = tail;
	}
	while (*p != NULL && (*p)->a.attempt < a->attempt)
		p = &(*p)->next;
	k->next = *p != NULL && (*p)->a.attempt == a->attempt ? (*p)->next : *p;
	*p = k;
}

void
sk_memory_settle(struct sk_memory_row *w, const struct sk_attempt *ended)
{
	struct sk_memory_row fresh = { .arena = sk_arena_new() };

	fresh.r = sk_record_copy(fresh.arena, w->r);
	for (struct sk_memory_attempt *k = w->attempts; k != NULL; k = k->next)
		keep(&fresh, &k->a);
	if (ended != NULL)
		keep(&fresh, ended);
	sk_arena_free(w->arena);
	w->arena = fresh.arena;
	w->r = fresh.r;
	w->attempts = fresh.attempts;
}

void
sk_memory_release_rows(struct sk_memory *m)
{
	for (size_t i = 0; i < m->n; i++) {
		sk_arena_free(m->rows[i]->arena);
		free(m->rows[i]);
	}
	free(m->rows);
	sk_map_release(&m->by_id);
}
