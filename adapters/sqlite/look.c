/* look.c - a look at a file that nobody uses: is it ours, is it sound? */
#include "adapters/sqlite/sqlite.h"
#include "adapters/sqlite/store.h"
#include <errno.h>
#include <sys/stat.h>

static enum sk_code
count_tasks(struct sk_sq_db *db, int64_t *n, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_fixed(db, "SELECT count(*) FROM task");
	bool row = false;
	enum sk_code code = sk_sq_row(&u, &row, err);

	*n = code == SK_OK && row ? sqlite3_column_int64(u.st, 0) : 0;
	sk_sq_done(&u);
	return code;
}

static enum sk_code
look_into(struct sk_sq_db *db, struct sk_arena *a, struct sk_sqlite_look *look, struct sk_err *err)
{
	struct sk_op_check op = { .op = { .kind = SK_OP_CHECK, .arena = a }, .problems = "" };
	int version = 0;
	enum sk_code code = sk_sq_schema_check(db, &version, err);

	if (code != SK_OK)
		return code;
	look->older = version > 0 && version < sk_sq_schema_newest();
	if (look->older || version == 0)
		return SK_OK;
	if (sk_sq_db_setup(db, SK_SQ_READER, err) != SK_OK)
		return err->code;
	code = sk_sq_check(db, &op, err);
	if (code == SK_OK && op.problems[0] == '\0')
		code = count_tasks(db, &look->tasks, err);
	look->problems = op.problems;
	return code;
}

enum sk_code
sk_store_sqlite_look(
	const char *path, struct sk_arena *a, struct sk_sqlite_look *look, struct sk_err *err)
{
	struct sk_sq_db db = { .h = NULL };
	struct stat st;
	enum sk_code code;

	*look = (struct sk_sqlite_look){ .problems = "" };
	if (stat(path, &st) != 0)
		return errno == ENOENT ? sk_fail(err, SK_ENOENT, "%s is not there", path)
							   : sk_fail_errno(err, "%s", path);
	code = sk_sq_db_open_still(&db, path, err);
	if (code == SK_OK)
		code = look_into(&db, a, look, err);
	/* a head that cannot be read is damage as well */
	if (code == SK_EIO && ((db.last_rc & 0xff) == SQLITE_CORRUPT || db.last_rc == SQLITE_NOTADB)) {
		look->problems = sk_arena_strdup(a, err->msg);
		code = SK_OK;
	}
	sk_sq_db_close(&db);
	return code == SK_OK ? code : sk_wrap(err, path);
}
