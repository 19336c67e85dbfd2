/* memory.c - SQLite takes its memory where everybody does: when there is none the process ends
 * with 71, and the file is as after a kill -9. An error in its place would have to be told from
 * that of a disk, and a text that could not be read from an empty one. */
#include "adapters/sqlite/db.h"
#include <malloc.h>
#include <stdlib.h>

static void *
take(int n)
{
	return sk_xmalloc((size_t)n);
}

static void *
resize(void *p, int n)
{
	return sk_xrealloc(p, (size_t)n);
}

static int
size_of(void *p)
{
	return (int)malloc_usable_size(p);
}

static int
round_up(int n)
{
	return (n + 7) & ~7;
}

static int
begin(void *arg)
{
	(void)arg;
	return SQLITE_OK;
}

static void
end(void *arg)
{
	(void)arg;
}

void
sk_sq_memory(void)
{
	static const sqlite3_mem_methods ours = { take, free, resize, size_of, round_up, begin, end,
		NULL };

	/* Counting costs a lock for each allocation. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	(void)sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
}
