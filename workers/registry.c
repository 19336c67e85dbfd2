/* registry.c - the list of worker classes: one word for each, sorted by the class's name. */
#include "workers/registry.h"

#include <string.h>

#define WORKERS(W) \
	W(complex_worker) \
	W(exec) \
	W(fail) \
	W(my_worker) \
	W(noop) \
	W(sleep)

#define DECLARE(name) extern const struct sk_worker sk_worker_##name;
#define ADDRESS(name) &sk_worker_##name,

WORKERS(DECLARE)

const struct sk_worker *const sk_workers[] = { WORKERS(ADDRESS) NULL };

const struct sk_worker *
sk_worker_find(const char *name)
{
	for (size_t i = 0; sk_workers[i] != NULL; i++)
		if (strcmp(sk_workers[i]->name, name) == 0)
			return sk_workers[i];
	return NULL;
}
