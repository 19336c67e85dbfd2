#include "core/base/map.h"
#include "core/base/mem.h"
#include <stdlib.h>

#define FREE 0
#define DELETED UINT64_MAX

static size_t
start_of(const struct sk_map *m, uint64_t key)
{
	key *= 0x9e3779b97f4a7c15u; /* Fibonacci hashing: neighbours spread */
	return (size_t)(key ^ (key >> 32)) & (m->cap - 1);
}

uint64_t
sk_map_key(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return h == 0 || h == UINT64_MAX ? 1 : h;
}

void
sk_map_release(struct sk_map *m)
{
	free(m->slots);
	*m = (struct sk_map)SK_MAP_INIT;
}

static struct sk_map_slot *
find(const struct sk_map *m, uint64_t key)
{
	size_t i;

	if (m->cap == 0 || key == FREE || key == DELETED)
		return NULL;
	for (i = start_of(m, key); m->slots[i].key != FREE; i = (i + 1) & (m->cap - 1))
		if (m->slots[i].key == key)
			return &m->slots[i];
	return NULL;
}

void *
sk_map_find(const struct sk_map *m, uint64_t key)
{
	struct sk_map_slot *s = find(m, key);

	return s != NULL ? s->value : NULL;
}

static void
rebuild(struct sk_map *m)
{
	struct sk_map old = *m;
	size_t cap = 16;

	while (cap < old.n * 4)
		cap *= 2;
	m->slots = sk_xcalloc(cap, sizeof(*m->slots));
	m->cap = cap;
	m->n = m->used = 0;
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].key != FREE && old.slots[i].key != DELETED)
			sk_map_put(m, old.slots[i].key, old.slots[i].value);
	free(old.slots);
}

void
sk_map_put(struct sk_map *m, uint64_t key, void *value)
{
	struct sk_map_slot *s = find(m, key);
	size_t i;

	if (s != NULL) {
		s->value = value;
		return;
	}
	if ((m->used + 1) * 4 > m->cap * 3)
		rebuild(m);
	i = start_of(m, key);
	while (m->slots[i].key != FREE)
		i = (i + 1) & (m->cap - 1);
	m->slots[i] = (struct sk_map_slot){ key, value };
	m->n++;
	m->used++;
}

void
sk_map_remove(struct sk_map *m, uint64_t key)
{
	struct sk_map_slot *s = find(m, key);

	if (s == NULL)
		return;
	s->key = DELETED;
	s->value = NULL;
	m->n--;
}

void *
sk_map_each(const struct sk_map *m, size_t *i)
{
	while (*i < m->cap) {
		const struct sk_map_slot *s = &m->slots[(*i)++];

		if (s->key != FREE && s->key != DELETED)
			return s->value;
	}
	return NULL;
}
