#include "sqlite_rig.h"
#include "adapters/sqlite/store.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct fault_vfs *faults;
static struct sqlite_fatal end;

struct fault_vfs *
sqlite_faults(void)
{
	return faults;
}

struct sqlite_fatal *
sqlite_fatal(void)
{
	return &end;
}

static void
fatal(void *arg, const char *sentence)
{
	assert_ptr_equal(arg, &end);
	end.calls++;
	snprintf(end.sentence, sizeof(end.sentence), "%s", sentence);
}

struct sk_store *
sqlite_open(
	const char *path, bool relaxed, int64_t wal_bytes, struct sk_loop *loop, struct sk_err *err)
{
	faults = fault_vfs_install();
	assert_non_null(faults);
	return sk_store_sqlite_open(
		&(struct sk_sqlite_config){
			.path = path, .relaxed = relaxed, .wal_bytes = wal_bytes, .fatal = fatal, .arg = &end },
		loop, err);
}

static struct sk_store *
open_dir(const char *dir, struct sk_loop *loop, struct sk_err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/tasks.db", dir);
	return sqlite_open(path, false, 0, loop, err);
}

const struct store_kind sqlite_kind = {
	.name = "sqlite", .open = open_dir, .lasts = true, .backs_up = true
};

const char *
sqlite_file(struct store_rig *g, const char *suffix)
{
	return sk_arena_printf(g->arena, "%s/tasks.db%s", g->dir, suffix);
}

void
sqlite_reopen(struct store_rig *g, bool relaxed, int64_t wal_bytes)
{
	struct sk_err err = { SK_OK, "" };

	sk_store_close(g->store);
	g->store = sqlite_open(sqlite_file(g, ""), relaxed, wal_bytes, g->loop, &err);
	if (g->store == NULL)
		fail_msg("%s", err.msg);
}

void
sqlite_sql(const char *path, const char *text)
{
	sqlite3 *h;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
	if (sqlite3_exec(h, text, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", text, message);
	assert_int_equal(sqlite3_close(h), SQLITE_OK);
}

const char *
sqlite_problems(struct store_rig *g)
{
	struct sk_op_check op = { .problems = NULL };

	store_must(g, SK_OP_CHECK, &op.op);
	return op.problems;
}

enum sk_code
sqlite_try(struct store_rig *g, const char *id)
{
	const struct sk_record *r = store_task(g, id);
	struct sk_op_insert op = { .records = &r, .n = 1 };

	return store_do(g, SK_OP_INSERT, &op.op);
}
