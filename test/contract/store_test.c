/* store_test.c - the contract of the task store against each adapter. */
#include "adapters/memory/store.h"
#include "adapters/sqlite/store.h"
#include "store_contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct sk_store *
open_memory(const char *dir, struct sk_loop *loop, struct sk_err *err)
{
	(void)dir;
	(void)err;
	return sk_store_memory_open(loop);
}

static struct sk_store *
open_sqlite(const char *dir, struct sk_loop *loop, struct sk_err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/tasks.db", dir);
	return sk_store_sqlite_open(&(struct sk_sqlite_config){ .path = path }, loop, err);
}

int
main(void)
{
	static const struct store_kind kinds[] = {
		{ .name = "memory", .open = open_memory },
		{ .name = "sqlite", .open = open_sqlite, .lasts = true, .backs_up = true },
	};
	int failed = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		failed += store_contract_run(&kinds[i]);
	return failed;
}
