/* backup.c - a copy of the whole file while it is in use, some pages at a time. What is written
 * meanwhile goes into the copy too: it is as the store was when it became complete. */
#include "adapters/sqlite/sqlite.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_PAGES 128 /* half a MB: about a millisecond */

struct sk_sq_backup {
	struct sk_op_backup *op;
	char *tmp;
	sqlite3 *to;
	sqlite3_backup *copy;
};

static enum sk_code
answer_errno(struct sk_sq_backup *b, const char *what, const char *path)
{
	enum sk_code code = sk_fail_errno(&b->op->op.err, "%s %s", what, path);

	b->op->op.code =
		errno == EEXIST ? sk_fail(&b->op->op.err, SK_ECONFLICT, "%s exists already", path) : code;
	return b->op->op.code;
}

static enum sk_code
answer_sqlite(struct sk_sq_backup *b, int rc)
{
	int system = b->to != NULL ? sqlite3_system_errno(b->to) : 0;

	b->op->op.code = sk_fail(&b->op->op.err, rc == SQLITE_FULL ? SK_ENOSPC : SK_EIO,
		"the copy %s failed: %s%s%s", b->tmp, sqlite3_errstr(rc), system != 0 ? ": " : "",
		system != 0 ? strerror(system) : "");
	return b->op->op.code;
}

/* The file is made here: SQLite would make it readable for others. */
static enum sk_code
make_file(struct sk_sq_backup *b)
{
	int fd;

	if (access(b->op->path, F_OK) == 0) {
		errno = EEXIST;
		return answer_errno(b, "open", b->op->path);
	}
	if (unlink(b->tmp) != 0 && errno != ENOENT)
		return answer_errno(b, "remove", b->tmp);
	fd = open(b->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return answer_errno(b, "open", b->tmp);
	return close(fd) == 0 ? SK_OK : answer_errno(b, "close", b->tmp);
}

static enum sk_code
open_copy(struct sk_sq_backup *b, struct sk_sq *q)
{
	int rc = sqlite3_open_v2(b->tmp, &b->to,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
			SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE,
		NULL);

	/* It is synced as a whole at the end; until then it is worth nothing. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(
			b->to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return answer_sqlite(b, rc);
	b->copy = sqlite3_backup_init(b->to, "main", q->db.h, "main");
	return b->copy != NULL ? SK_OK : answer_sqlite(b, sqlite3_extended_errcode(b->to));
}

struct sk_sq_backup *
sk_sq_backup_new(struct sk_sq *q, struct sk_op_backup *op)
{
	struct sk_sq_backup *b = sk_xcalloc(1, sizeof(*b));

	b->op = op;
	b->tmp = sk_xasprintf("%s.tmp", op->path);
	op->op.code = SK_OK;
	if (op->path[0] != '/')
		op->op.code =
			sk_fail(&op->op.err, SK_EINVAL, "the path of a backup begins with /: %s", op->path);
	if (op->op.code != SK_OK || make_file(b) != SK_OK) {
		free(b->tmp);
		free(b);
		return NULL;
	}
	if (open_copy(b, q) != SK_OK) {
		sk_sq_backup_free(b);
		return NULL;
	}
	return b;
}

static enum sk_code
sync_path(struct sk_sq_backup *b, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	enum sk_code code = SK_OK;

	if (fd == -1)
		return answer_errno(b, "open", path);
	if (fsync(fd) != 0)
		code = answer_errno(b, "sync", path);
	if (close(fd) != 0 && code == SK_OK)
		code = answer_errno(b, "close", path);
	return code;
}

static enum sk_code
sync_directory(struct sk_sq_backup *b)
{
	char *dir = sk_xstrdup(b->op->path);
	enum sk_code code;

	strrchr(dir, '/')[1] = '\0';
	code = sync_path(b, dir, O_RDONLY | O_DIRECTORY);
	free(dir);
	return code;
}

/* Under its name, but never in place of a file that somebody made meanwhile. */
static enum sk_code
give_name(struct sk_sq_backup *b)
{
	if (renameat2(AT_FDCWD, b->tmp, AT_FDCWD, b->op->path, RENAME_NOREPLACE) == 0)
		return SK_OK;
	if (errno != EINVAL && errno != ENOSYS)
		return answer_errno(b, "rename", b->op->path);
	if (link(b->tmp, b->op->path) != 0) /* a file system that cannot do the former */
		return answer_errno(b, "link", b->op->path);
	return unlink(b->tmp) == 0 ? SK_OK : answer_errno(b, "remove", b->tmp);
}

static void
finish(struct sk_sq_backup *b)
{
	int rc = sqlite3_backup_finish(b->copy);

	b->copy = NULL;
	if (rc == SQLITE_OK)
		rc = sqlite3_close(b->to);
	if (rc != SQLITE_OK) {
		answer_sqlite(b, rc);
		return;
	}
	b->to = NULL;
	if (sync_path(b, b->tmp, O_RDWR) != SK_OK || give_name(b) != SK_OK)
		return;
	free(b->tmp);
	b->tmp = NULL;
	if (sync_directory(b) == SK_OK)
		b->op->op.code = SK_OK;
}

/* Errors of the copy are answers; those of the store itself end it. */
enum sk_code
sk_sq_backup_step(struct sk_sq_backup *b, struct sk_sq *q, bool *left, struct sk_err *err)
{
	int rc = sqlite3_backup_step(b->copy, STEP_PAGES);

	*left = rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED;
	if (*left)
		return SK_OK;
	if (rc == SQLITE_DONE) {
		finish(b);
		return SK_OK;
	}
	if (sqlite3_extended_errcode(b->to) == SQLITE_OK && rc != SQLITE_FULL)
		return sk_sq_code(&q->db, rc, err);
	answer_sqlite(b, rc);
	return SK_OK;
}

void
sk_sq_backup_free(struct sk_sq_backup *b)
{
	if (b == NULL)
		return;
	if (b->copy != NULL)
		(void)sqlite3_backup_finish(b->copy); /* it was not completed anyway */
	(void)sqlite3_close_v2(b->to);
	if (b->tmp != NULL)
		(void)unlink(b->tmp); /* it is worth nothing; a later backup removes it too */
	free(b->tmp);
	free(b);
}
