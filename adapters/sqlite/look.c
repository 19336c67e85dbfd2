/* look.c - a look at a file that nobody uses: is it ours, is it sound? */
#include "adapters/sqlite/sqlite.h"
#include "adapters/sqlite/store.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Without a log nothing but the file is needed: SQLite may take it for one that never changes and
 * makes no files beside it. With one its pages count as well, and are left where they are. */
static bool
has_log(const char *path)
{
	char *wal = sk_xasprintf("%s-wal", path);
	struct stat st;
	bool has = stat(wal, &st) == 0 && st.st_size > 0;

	free(wal);
	return has;
}

static char *
uri_of(const char *path)
{
	struct sk_str s = SK_STR_INIT;

	sk_str_adds(&s, "file:");
	sk_str_add_percent(&s, path, "/-._~");
	sk_str_adds(&s, "?immutable=1");
	return s.p;
}

static enum sk_code
open_still(struct sk_sq_db *db, const char *path, struct sk_err *err)
{
	char *uri = uri_of(path);
	int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
		SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
	int rc;

	sk_sq_memory();
	rc = sqlite3_open_v2(uri, &db->h, flags, NULL);
	free(uri);
	return rc == SQLITE_OK ? SK_OK : sk_sq_code(db, rc, err);
}

static enum sk_code
open_with_log(struct sk_sq_db *db, const char *path, struct sk_err *err)
{
	if (sk_sq_db_open(db, path, err) != SK_OK)
		return err->code;
	(void)sqlite3_db_config(db->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return SK_OK;
}

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
	code = has_log(path) ? open_with_log(&db, path, err) : open_still(&db, path, err);
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
