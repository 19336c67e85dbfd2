/* map.h - a hash table from a 64-bit number to a pointer. Keys 0 and UINT64_MAX are reserved. */
#ifndef SK_CORE_BASE_MAP_H
#define SK_CORE_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct sk_map {
	struct sk_map_slot {
		uint64_t key;
		void *value;
	} * slots;
	size_t n, used, cap; /* live, live + deleted, power of two */
};
#define SK_MAP_INIT \
	{ \
		NULL, 0, 0, 0 \
	}

/* A key for a text: FNV-1a, never a reserved one. Two texts may have the same. */
uint64_t sk_map_key(const char *text);

void sk_map_release(struct sk_map *m);
/* The value, or NULL. */
void *sk_map_find(const struct sk_map *m, uint64_t key);
/* Replaces an existing value. */
void sk_map_put(struct sk_map *m, uint64_t key, void *value);
void sk_map_remove(struct sk_map *m, uint64_t key);
/* Walk: start with *i = 0; NULL at the end. Removing the current entry is allowed. */
void *sk_map_each(const struct sk_map *m, size_t *i);

#endif
