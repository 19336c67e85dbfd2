/* store_test.c - the contract of the task store against each adapter. */
#include "adapters/memory/store.h"
#include "adapters/sqlite/store.h"
#include "mongo_rig.h"
#include "store_contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Lists from the columns in memory, which follow each transaction. */
static struct sk_store *
open_columns(const char *dir, struct sk_loop *loop, struct sk_err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/tasks.db", dir);
	return sk_store_sqlite_open(
		&(struct sk_sqlite_config){ .path = path, .by_columns = true }, loop, err);
}

/* ---- MongoDB: a database for each test ---- */

static struct sk_store *
open_mongo(const char *uri, const char *dir, struct sk_loop *loop, struct sk_err *err)
{
	char db[64];

	mongo_db_name(dir, db);
	return sk_store_mongo_open(
		&(struct sk_store_mongo_config){ .uri = uri, .db = db, .foreign_ms = 1, .readers = 4 },
		loop, err);
}

static struct sk_store *
open_first(const char *dir, struct sk_loop *loop, struct sk_err *err)
{
	return open_mongo(mongo_uri(0), dir, loop, err);
}

static struct sk_store *
open_second(const char *dir, struct sk_loop *loop, struct sk_err *err)
{
	return open_mongo(mongo_uri(1), dir, loop, err);
}

static void
drop_first(const char *dir)
{
	mongo_drop(mongo_uri(0), dir);
}

static void
drop_second(const char *dir)
{
	mongo_drop(mongo_uri(1), dir);
}

int
main(void)
{
	static const struct store_kind kinds[] = {
		{ .name = "memory", .open = open_memory },
		{ .name = "sqlite", .open = open_sqlite, .lasts = true, .backs_up = true },
		{ .name = "sqlite_columns", .open = open_columns, .lasts = true, .backs_up = true },
		{ .name = "mongo", .open = open_first, .remove = drop_first, .lasts = true, .slow = true },
		{ .name = "mongo2", .open = open_second, .remove = drop_second, .lasts = true },
	};
	const char *only = getenv("STORE");
	int failed = 0;

	for (int i = 0; i < (int)(sizeof(kinds) / sizeof(kinds[0])); i++)
		if (only != NULL && strcmp(only, kinds[i].name) != 0)
			continue;
		else if (i >= 3 && mongo_uri(i - 3) == NULL)
			printf("# SKIP %s: SKALDS_TEST_MONGO%s is not set\n", kinds[i].name, i == 4 ? "2" : "");
		else
			failed += store_contract_run(&kinds[i]);
	return failed;
}
