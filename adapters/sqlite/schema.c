/* schema.c - the tables.
 *
 * To change what is stored:
 *	1. Append one script to migrations[]: what turns the last version's tables into the new ones. A
 *	   script that was released is never edited.
 *	2. Bring rows.c (and record.h, record_json.c) up to date, and sk_sq_check.
 *	3. test/contract/store_test.c opens a file of each older version: add the one before.
 * The number of scripts is the version; it stands in the file as PRAGMA user_version. A file with a
 * higher one is refused: what a newer version wrote is not understood here.
 *
 * What to know before another index is added: a task is inserted once and moved about three times,
 * each index costs 0.4 to 1 us of each of these, and a partial index pays for its condition even
 * where it does not apply (IN (1, 2, 3) costs 3 us, a range does not). Hence one index, task_place,
 * whose columns are kept by our own code, and rows in tables of their own for what few tasks have.
 */
#include "adapters/sqlite/schema.h"

static const char *const migrations[] = {
	/* 1 */
	/* seq: 2n in order of acceptance, 2n + 1 for elements of arrays. spec: NULL when it is long and
	 * stands in table spec. exit_reason: NULL = not known. */
	"CREATE TABLE task("
	" seq INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL,"
	" class TEXT NOT NULL,"
	" place INTEGER NOT NULL,"
	" key INTEGER NOT NULL,"
	" phase INTEGER NOT NULL,"
	" wanted INTEGER NOT NULL,"
	" gate INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL,"
	" failures INTEGER NOT NULL,"
	" max_attempts INTEGER NOT NULL,"
	" executor TEXT NOT NULL,"
	" incarnation INTEGER NOT NULL,"
	" priority INTEGER NOT NULL,"
	" rank_ms INTEGER NOT NULL,"
	" due_ms INTEGER NOT NULL,"
	" create_ms INTEGER NOT NULL,"
	" update_ms INTEGER NOT NULL,"
	" start_ms INTEGER NOT NULL,"
	" finish_ms INTEGER NOT NULL,"
	" exit_reason INTEGER,"
	" exit_code INTEGER NOT NULL,"
	" exit_signal INTEGER NOT NULL,"
	" exit_message TEXT,"
	" progress REAL NOT NULL,"
	" stage TEXT,"
	" has_result INTEGER NOT NULL,"
	" unique_key TEXT,"
	" array TEXT,"
	" array_size INTEGER NOT NULL,"
	" parent TEXT,"
	" array_index INTEGER NOT NULL,"
	" spec BLOB);"
	"CREATE UNIQUE INDEX task_id ON task(id);"
	"CREATE INDEX task_place ON task(place, key);"
	"CREATE INDEX task_parent ON task(parent, phase) WHERE parent IS NOT NULL;"
	"CREATE TABLE spec(seq INTEGER PRIMARY KEY, data BLOB NOT NULL);"
	"CREATE TABLE result(seq INTEGER PRIMARY KEY, data BLOB NOT NULL);"
	"CREATE TABLE attempt("
	" seq INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL,"
	" executor TEXT NOT NULL,"
	" start_ms INTEGER NOT NULL,"
	" finish_ms INTEGER NOT NULL,"
	" exit_reason INTEGER,"
	" exit_code INTEGER NOT NULL,"
	" exit_signal INTEGER NOT NULL,"
	" exit_message TEXT NOT NULL,"
	" max_rss_kb INTEGER NOT NULL,"
	" cpu_ms INTEGER NOT NULL,"
	" tail BLOB,"
	" PRIMARY KEY(seq, attempt));"
	/* Whom it waits for, by their ids. */
	"CREATE TABLE dependency(depends_on TEXT NOT NULL, seq INTEGER NOT NULL,"
	" PRIMARY KEY(depends_on, seq)) WITHOUT ROWID;"
	/* Each label twice: "name" and "name=value". */
	"CREATE TABLE label(label TEXT NOT NULL, seq INTEGER NOT NULL,"
	" PRIMARY KEY(label, seq)) WITHOUT ROWID;"
	/* Of tasks that are not final. */
	"CREATE TABLE unique_key(key TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE skald("
	" id TEXT PRIMARY KEY,"
	" incarnation INTEGER NOT NULL,"
	" renewals INTEGER NOT NULL,"
	" mode INTEGER NOT NULL,"
	" version TEXT NOT NULL,"
	" host TEXT NOT NULL,"
	" slots INTEGER NOT NULL,"
	" cpus REAL NOT NULL,"
	" memory_mb INTEGER NOT NULL,"
	" gpus INTEGER NOT NULL,"
	" classes BLOB NOT NULL,"
	" labels BLOB NOT NULL,"
	" draining INTEGER NOT NULL,"
	" start_ms INTEGER NOT NULL,"
	" seen_ms INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE lead(one INTEGER PRIMARY KEY CHECK(one = 1), holder TEXT NOT NULL,"
	" term INTEGER NOT NULL, renewals INTEGER NOT NULL);"
	"CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	/* accepted: how many tasks ever were, so that no seq comes twice. */
	"CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO counter VALUES('accepted', 0);",
	/* 2 */
	"ALTER TABLE skald ADD COLUMN lease_ms INTEGER NOT NULL DEFAULT 0;",
	/* 3: how its machine is doing; empty = it does not tell */
	"ALTER TABLE skald ADD COLUMN load BLOB NOT NULL DEFAULT x'';",
};
#define NEWEST ((int)(sizeof(migrations) / sizeof(migrations[0])))

int
sk_sq_schema_newest(void)
{
	return NEWEST;
}

static enum sk_code
read_number(struct sk_sq_db *db, const char *sql, int64_t *n, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_sql(db, sql);
	bool row;
	enum sk_code code = sk_sq_row(&u, &row, err);

	if (code == SK_OK && row)
		*n = sqlite3_column_int64(u.st, 0);
	sk_sq_done(&u);
	return code;
}

enum sk_code
sk_sq_schema_check(struct sk_sq_db *db, int *version, struct sk_err *err)
{
	int64_t application = 0, stands = 0, tables = 0;

	if (read_number(db, "PRAGMA application_id", &application, err) != SK_OK ||
		read_number(db, "PRAGMA user_version", &stands, err) != SK_OK ||
		read_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err) != SK_OK)
		return err->code;
	if (application != SK_SQ_APPLICATION && (application != 0 || stands != 0 || tables != 0))
		return sk_fail(err, SK_EINVAL, "this is a database of another program");
	if (stands > NEWEST)
		return sk_fail(err, SK_EINVAL,
			"it was written by a newer version of skalds (schema %lld, this one knows %d)",
			(long long)stands, NEWEST);
	*version = (int)stands;
	return SK_OK;
}

static enum sk_code
run_scripts(struct sk_sq_db *db, int version, struct sk_err *err)
{
	char stamp[96];

	for (; version < NEWEST; version++)
		if (sk_sq_script(db, migrations[version], err) != SK_OK)
			return err->code;
	snprintf(stamp, sizeof(stamp), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
		SK_SQ_APPLICATION, NEWEST);
	return sk_sq_script(db, stamp, err);
}

enum sk_code
sk_sq_schema_migrate(struct sk_sq_db *db, int version, struct sk_err *err)
{
	if (version == NEWEST)
		return SK_OK;
	if (sk_sq_script(db, "BEGIN IMMEDIATE", err) != SK_OK)
		return err->code;
	if (run_scripts(db, version, err) != SK_OK || sk_sq_script(db, "COMMIT", err) != SK_OK) {
		struct sk_err ignored;

		if (!sqlite3_get_autocommit(db->h) && sk_sq_script(db, "ROLLBACK", &ignored) != SK_OK)
			return err->code; /* the first reason counts */
		return err->code;
	}
	return SK_OK;
}
