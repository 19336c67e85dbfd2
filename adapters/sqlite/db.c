#include "adapters/sqlite/db.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STEPS 5000 /* of the virtual machine between two looks at the budget */

/* ---- what went wrong ---- */

/* Nothing was written: a quota is used up, or the index of the log could not grow. A sync that
 * finds no room is another matter: nobody knows what it has lost. */
static bool
is_no_room(int rc, int system)
{
	if (rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_SHMSIZE || rc == SQLITE_IOERR_SHMMAP)
		return system == ENOSPC || system == EDQUOT;
	return rc == SQLITE_FULL;
}

/* A COMMIT does not hand it on: then it is still what the last call has left. */
static int
system_error(const struct sk_sq_db *db, int rc)
{
	int last = errno, kept = db->h != NULL ? sqlite3_system_errno(db->h) : 0;

	return kept == 0 && (rc & 0xff) == SQLITE_IOERR ? last : kept;
}

enum sk_code
sk_sq_code(struct sk_sq_db *db, int rc, struct sk_err *err)
{
	int system = system_error(db, rc);

	db->last_rc = rc;
	if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
		return SK_OK;
	if (is_no_room(rc, system) || (db->still && rc == SQLITE_READONLY))
		return sk_fail(err, SK_ENOSPC, "no room left on the disk of the task store");
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY)
			return sk_fail(err, SK_ECONFLICT, "it is there already");
		break;
	case SQLITE_INTERRUPT:
		return sk_fail(err, SK_EAGAIN, "interrupted");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return sk_fail(err, SK_EUNAVAIL, "another program has locked the task store");
	default:
		break;
	}
	return sk_fail(err, SK_EIO, "the task store failed: %s%s%s (%d)",
		db->h != NULL ? sqlite3_errmsg(db->h) : sqlite3_errstr(rc), system != 0 ? ": " : "",
		system != 0 ? strerror(system) : "", rc);
}

/* ---- open, close ---- */

static int
tick(void *arg)
{
	struct sk_sq_db *db = arg;

	if (db->stop != NULL && atomic_load_explicit(db->stop, memory_order_relaxed))
		return 1;
	return db->limited && db->budget-- <= 0;
}

static int
committed(void *arg, sqlite3 *h, const char *name, int frames)
{
	struct sk_sq_db *db = arg;

	(void)h;
	(void)name;
	db->frames = frames;
	return SQLITE_OK;
}

static enum sk_code
open_as(struct sk_sq_db *db, const char *name, int how, const char *vfs, struct sk_err *err)
{
	int flags = how | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
	int rc;

	sk_sq_memory();
	sk_sq_maps();
	rc = sqlite3_open_v2(name, &db->h, flags, vfs);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(db->h, SK_SQ_BUSY_MS);
	if (rc != SQLITE_OK)
		return sk_sq_code(db, rc, err);
	sqlite3_progress_handler(db->h, STEPS, tick, db);
	return SK_OK;
}

enum sk_code
sk_sq_db_open(struct sk_sq_db *db, const char *path, struct sk_err *err)
{
	return open_as(db, path, SQLITE_OPEN_READWRITE, NULL, err);
}

/* When in doubt there is one, and SQLite says what is wrong with it. */
static bool
has_log(const char *path)
{
	char *wal = sk_xasprintf("%s-wal", path);
	struct stat st;
	bool has = stat(wal, &st) == 0 ? st.st_size > 0 : errno != ENOENT;

	free(wal);
	return has;
}

static enum sk_code
open_immutable(struct sk_sq_db *db, const char *path, struct sk_err *err)
{
	struct sk_str uri = SK_STR_INIT;
	enum sk_code code;

	sk_str_adds(&uri, "file:");
	sk_str_add_percent(&uri, path, "/-._~");
	sk_str_adds(&uri, "?immutable=1");
	code = open_as(db, uri.p, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL, err);
	sk_str_release(&uri);
	return code;
}

/* Without a log SQLite may take the file for one that never changes, and needs no other. With one
 * it needs an index of it: in exclusive mode from the start it makes that in memory, not in -shm.
 * That mode would lock out our second connection: the owner needs no locks of SQLite's. */
enum sk_code
sk_sq_db_open_still(struct sk_sq_db *db, const char *path, struct sk_err *err)
{
	db->still = true;
	if (!has_log(path))
		return open_immutable(db, path, err);
	if (open_as(db, path, SQLITE_OPEN_READONLY, "unix-none", err) != SK_OK)
		return err->code;
	return sk_sq_script(db, "PRAGMA locking_mode=EXCLUSIVE", err);
}

static enum sk_code
turn_to_wal(struct sk_sq_db *db, struct sk_err *err)
{
	struct sk_sq_use u = sk_sq_sql(db, "PRAGMA journal_mode=WAL");
	bool row, wal = false;
	enum sk_code code = sk_sq_row(&u, &row, err);

	if (code == SK_OK && row)
		wal = strcmp((const char *)sqlite3_column_text(u.st, 0), "wal") == 0;
	sk_sq_done(&u);
	if (code == SK_OK && !wal)
		return sk_fail(err, SK_EIO, "its file system has no shared memory maps (WAL)");
	return code;
}

enum sk_code
sk_sq_db_setup(struct sk_sq_db *db, enum sk_sq_mode mode, struct sk_err *err)
{
	static const char both[] = "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
							   "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;";
	static const char reads[] = "PRAGMA query_only=ON; PRAGMA cache_size=-4096;"
								"PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=FULL";
	/* Checkpoints are ours to make: the automatic ones keep errors to themselves. Each commit looks
	 * at the whole hash table of the cache: a larger one makes small commits slower. */
	static const char writes[] = "PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=0;"
								 "PRAGMA synchronous=FULL";

	if (sk_sq_script(db, both, err) != SK_OK)
		return err->code;
	if (mode == SK_SQ_READER)
		return sk_sq_script(db, reads, err);
	if (turn_to_wal(db, err) != SK_OK || sk_sq_script(db, writes, err) != SK_OK)
		return err->code;
	if (mode == SK_SQ_RELAXED && sk_sq_script(db, "PRAGMA synchronous=NORMAL", err) != SK_OK)
		return err->code;
	(void)sqlite3_wal_hook(db->h, committed, db);
	return SK_OK;
}

static void
drop(struct sk_sq_prepared *p)
{
	(void)sqlite3_finalize(p->st); /* repeats the error of its last run */
	free(p->sql);
	*p = (struct sk_sq_prepared){ 0, 0, NULL, NULL };
}

void
sk_sq_db_close(struct sk_sq_db *db)
{
	for (unsigned i = 0; i < SK_SQ_CACHE; i++)
		drop(&db->cache[i]);
	(void)sqlite3_close_v2(db->h); /* all is committed: there is nothing left to lose */
	db->h = NULL;
}

/* ---- statements ---- */

/* Never the address of a literal, never a small number. */
static uint64_t
hash(const char *sql)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *sql != '\0'; sql++)
		h = (h ^ (unsigned char)*sql) * UINT64_C(1099511628211);
	return h | UINT64_C(1) << 63;
}

static struct sk_sq_prepared *
least_used(struct sk_sq_db *db)
{
	struct sk_sq_prepared *p = &db->cache[0];

	for (unsigned i = 1; i < SK_SQ_CACHE; i++)
		if (db->cache[i].used < p->used)
			p = &db->cache[i];
	return p;
}

static struct sk_sq_use
prepare(struct sk_sq_db *db, uint64_t key, const char *sql, bool copy)
{
	struct sk_sq_prepared *p = least_used(db);
	struct sk_sq_use u = { db, NULL, 0, SQLITE_OK };

	drop(p);
	u.rc = sqlite3_prepare_v3(db->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &u.st, NULL);
	if (u.rc == SQLITE_OK)
		*p = (struct sk_sq_prepared){ key, ++db->clock, copy ? sk_xstrdup(sql) : NULL, u.st };
	return u;
}

static bool
find(struct sk_sq_db *db, uint64_t key, const char *sql, struct sk_sq_use *u)
{
	for (unsigned i = 0; i < SK_SQ_CACHE; i++) {
		struct sk_sq_prepared *p = &db->cache[i];

		if (p->key != key || (sql != NULL && strcmp(p->sql, sql) != 0))
			continue;
		p->used = ++db->clock;
		*u = (struct sk_sq_use){ db, p->st, 0, SQLITE_OK };
		return true;
	}
	return false;
}

struct sk_sq_use
sk_sq_fixed(struct sk_sq_db *db, const char *literal)
{
	struct sk_sq_use u;

	if (find(db, (uintptr_t)literal, NULL, &u))
		return u;
	return prepare(db, (uintptr_t)literal, literal, false);
}

struct sk_sq_use
sk_sq_sql(struct sk_sq_db *db, const char *sql)
{
	struct sk_sq_use u;

	if (find(db, hash(sql), sql, &u))
		return u;
	return prepare(db, hash(sql), sql, true);
}

bool
sk_sq_kept(struct sk_sq_db *db, uint64_t number, struct sk_sq_use *u)
{
	return find(db, number, NULL, u);
}

struct sk_sq_use
sk_sq_keep(struct sk_sq_db *db, uint64_t number, const char *sql)
{
	return prepare(db, number, sql, false);
}

void
sk_sq_int(struct sk_sq_use *u, int64_t v)
{
	if (u->rc == SQLITE_OK)
		u->rc = sqlite3_bind_int64(u->st, ++u->n, v);
}

void
sk_sq_real(struct sk_sq_use *u, double v)
{
	if (u->rc == SQLITE_OK)
		u->rc = sqlite3_bind_double(u->st, ++u->n, v);
}

void
sk_sq_null(struct sk_sq_use *u)
{
	if (u->rc == SQLITE_OK)
		u->rc = sqlite3_bind_null(u->st, ++u->n);
}

void
sk_sq_text(struct sk_sq_use *u, const char *text)
{
	if (text == NULL)
		sk_sq_null(u);
	else if (u->rc == SQLITE_OK)
		u->rc = sqlite3_bind_text64(u->st, ++u->n, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8);
}

void
sk_sq_text_or_null(struct sk_sq_use *u, const char *text)
{
	sk_sq_text(u, text != NULL && text[0] != '\0' ? text : NULL);
}

/* No bytes are not NULL. */
void
sk_sq_blob(struct sk_sq_use *u, const void *data, size_t n)
{
	if (u->rc == SQLITE_OK)
		u->rc = n > 0 ? sqlite3_bind_blob64(u->st, ++u->n, data, n, SQLITE_STATIC)
					  : sqlite3_bind_zeroblob(u->st, ++u->n, 0);
}

enum sk_code
sk_sq_row(struct sk_sq_use *u, bool *row, struct sk_err *err)
{
	int rc = u->rc == SQLITE_OK ? sqlite3_step(u->st) : u->rc;

	*row = rc == SQLITE_ROW;
	if (*row)
		return SK_OK;
	if (rc != SQLITE_DONE) {
		enum sk_code code = sk_sq_code(u->db, rc, err);

		sk_sq_done(u);
		return code;
	}
	sk_sq_done(u);
	return SK_OK;
}

enum sk_code
sk_sq_run(struct sk_sq_use *u, struct sk_err *err)
{
	bool row = true;
	enum sk_code code = SK_OK;

	while (row && code == SK_OK)
		code = sk_sq_row(u, &row, err);
	return code;
}

void
sk_sq_done(struct sk_sq_use *u)
{
	if (u->st != NULL)
		(void)sqlite3_reset(u->st); /* repeats the error of the step */
}

enum sk_code
sk_sq_script(struct sk_sq_db *db, const char *sql, struct sk_err *err)
{
	return sk_sq_code(db, sqlite3_exec(db->h, sql, NULL, NULL, NULL), err);
}

/* ---- columns ---- */

const char *
sk_sq_column_text(struct sk_sq_use *u, int i, struct sk_arena *a)
{
	const unsigned char *text = sqlite3_column_text(u->st, i);

	return text != NULL ? sk_arena_strdup(a, (const char *)text) : "";
}

const char *
sk_sq_column_blob(struct sk_sq_use *u, int i, struct sk_arena *a, size_t *n)
{
	const void *data = sqlite3_column_blob(u->st, i);
	char *copy;

	*n = (size_t)sqlite3_column_bytes(u->st, i);
	if (sqlite3_column_type(u->st, i) == SQLITE_NULL)
		return NULL;
	copy = sk_arena_alloc(a, *n + 1);
	if (*n > 0)
		memcpy(copy, data, *n);
	return copy;
}
