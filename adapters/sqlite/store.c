/* store.c - the port's side: opening, submitting, telling, closing. Runs on the loop's thread. */
#include "adapters/sqlite/store.h"
#include "adapters/sqlite/driver.h"
#include "core/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a failure ---- */

void
sk_sq_broken(struct sk_sqlite *s, enum sk_code code, const struct sk_err *err)
{
	if (code != SK_EIO)
		return;
	pthread_mutex_lock(&s->t.lock);
	if (!s->failed) {
		s->failed = true;
		s->failure = *err;
		s->failure.code = SK_EIO;
	}
	pthread_cond_signal(&s->t.work); /* what waits is refused */
	pthread_mutex_unlock(&s->t.lock);
	sk_store_threads_wake(&s->t);
}

/* Before the answers: the owner may end with it before anybody acts on them. */
static void
tell_failure(void *store)
{
	struct sk_sqlite *s = store;
	struct sk_err failure;
	bool failed;

	pthread_mutex_lock(&s->t.lock);
	failed = s->failed;
	failure = s->failure;
	pthread_mutex_unlock(&s->t.lock);
	if (!failed || s->fatal_told)
		return;
	s->fatal_told = true;
	if (s->cfg.fatal != NULL)
		s->cfg.fatal(s->cfg.arg, failure.msg);
}

/* ---- the port ---- */

static void
sqlite_submit(struct sk_store *store, struct sk_op *op)
{
	sk_store_threads_submit(&((struct sk_sqlite *)store)->t, op);
}

static void
free_all(struct sk_sqlite *s)
{
	sk_sq_db_close(&s->reader);
	sk_sq_release(&s->q);
	sk_sq_columns_release(&s->columns);
	sk_str_release(&s->changes);
	sk_store_threads_release(&s->t);
	free(s->path);
	free(s);
}

/* Leave one file without a log. Where that fails the log stays and nothing is lost; SQLite must not
 * try it once more when it closes the file. */
static void
last_checkpoint(struct sk_sqlite *s)
{
	struct sk_err err = { SK_EIO, "" };
	bool whole = false;

	sk_sq_db_close(&s->reader);
	if (s->q.db.still)
		return;
	if (!s->failed && sk_sq_checkpoint(&s->q.db, SQLITE_CHECKPOINT_TRUNCATE, &whole, &err) != SK_OK)
		sk_log(SK_WARNING, "store", "%s: at the end: %s", s->path, err.msg);
	if (!whole)
		(void)sqlite3_db_config(s->q.db.h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

static void
sqlite_close(struct sk_store *store)
{
	struct sk_sqlite *s = (struct sk_sqlite *)store;

	sk_store_threads_stop_driver(&s->t);
	atomic_store(&s->interrupt, true);
	sk_store_threads_stop_aside(&s->t);
	sk_store_threads_refuse_rest(&s->t);
	last_checkpoint(s);
	free_all(s);
}

/* ---- opening ---- */

/* Readable for nobody else from the start; the log gets the same rights. */
static enum sk_code
make_file(const char *path, struct sk_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	enum sk_code code = SK_OK;

	if (fd == -1)
		return sk_fail_errno(err, "cannot be opened");
	if (fstat(fd, &st) != 0)
		code = sk_fail_errno(err, "fstat");
	else if (!S_ISREG(st.st_mode))
		code = sk_fail(err, SK_EINVAL, "this is no regular file");
	else if (st.st_size == 0 && fsync(fd) != 0)
		code = sk_fail_errno(err, "fsync");
	if (close(fd) != 0 && code == SK_OK)
		code = sk_fail_errno(err, "close");
	return code;
}

/* The name of a new file lasts when its directory is synced. */
static enum sk_code
sync_directory(const char *path, struct sk_err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? sk_xstrdup(".") : sk_xstrndup(path, (size_t)(slash - path) + 1);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum sk_code code = SK_OK;

	if (fd == -1 || fsync(fd) != 0)
		code = sk_fail_errno(err, "the directory cannot be synced");
	if (fd != -1 && close(fd) != 0 && code == SK_OK)
		code = sk_fail_errno(err, "close");
	free(dir);
	return code;
}

static enum sk_code
open_to_write(struct sk_sqlite *s, struct sk_err *err)
{
	enum sk_sq_mode mode = s->cfg.relaxed ? SK_SQ_RELAXED : SK_SQ_WRITER;
	int version = 0;

	if (make_file(s->path, err) != SK_OK || sk_sq_db_open(&s->q.db, s->path, err) != SK_OK ||
		sk_sq_schema_check(&s->q.db, &version, err) != SK_OK ||
		sk_sq_db_setup(&s->q.db, mode, err) != SK_OK ||
		sk_sq_schema_migrate(&s->q.db, version, err) != SK_OK ||
		sync_directory(s->path, err) != SK_OK || sk_sq_load(&s->q, err) != SK_OK)
		return err->code;
	if (sk_sq_db_open(&s->reader, s->path, err) != SK_OK)
		return err->code;
	return sk_sq_db_setup(&s->reader, SK_SQ_READER, err);
}

/* An older schema would have to be written anew first. */
static enum sk_code
open_to_read(struct sk_sqlite *s, struct sk_err *err)
{
	int version = 0;

	if (sk_sq_db_open_still(&s->q.db, s->path, err) != SK_OK ||
		sk_sq_schema_check(&s->q.db, &version, err) != SK_OK)
		return err->code;
	if (version < sk_sq_schema_newest())
		return sk_fail(err, SK_ENOSPC, "no room left on the disk to bring it up to date");
	if (sk_sq_db_setup(&s->q.db, SK_SQ_READER, err) != SK_OK || sk_sq_load(&s->q, err) != SK_OK ||
		sk_sq_db_open_still(&s->reader, s->path, err) != SK_OK)
		return err->code;
	return sk_sq_db_setup(&s->reader, SK_SQ_READER, err);
}

/* Of a file beside this one that cannot be made SQLite only says that it is not there: the disk is
 * asked again. */
static bool
takes_no_file(const char *path)
{
	char *name = sk_xasprintf("%s-room", path);
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool full = fd == -1 && (errno == ENOSPC || errno == EDQUOT);

	if (fd != -1) {
		(void)unlink(name); /* it is empty, and in nobody's way */
		close(fd);
	}
	free(name);
	return full;
}

static enum sk_code
open_files(struct sk_sqlite *s, struct sk_err *err)
{
	s->reader.stop = &s->interrupt;
	if (open_to_write(s, err) == SK_OK)
		return SK_OK;
	if ((s->q.db.last_rc & 0xff) == SQLITE_CANTOPEN && takes_no_file(s->path))
		sk_fail(err, SK_ENOSPC, "no room left on the disk for another file");
	if (err->code != SK_ENOSPC || !s->cfg.read_when_full)
		return err->code;
	sk_sq_db_close(&s->reader);
	sk_sq_release(&s->q);
	return open_to_read(s, err);
}

static struct sk_sqlite *
new_store(const struct sk_sqlite_config *cfg, struct sk_loop *loop)
{
	static const struct sk_store_ops ops = {
		.name = "sqlite", .submit = sqlite_submit, .close = sqlite_close
	};
	struct sk_sqlite *s = sk_xcalloc(1, sizeof(*s));

	s->store.ops = &ops;
	s->cfg = *cfg;
	s->cfg.path = s->path = sk_xstrdup(cfg->path);
	s->cfg.batch_rows = cfg->batch_rows > 0 ? cfg->batch_rows : 4096;
	s->cfg.batch_ms = cfg->batch_ms > 0 ? cfg->batch_ms : 20;
	s->q.by_columns = cfg->by_columns;
	s->cfg.wal_bytes = cfg->wal_bytes > 0 ? cfg->wal_bytes : (int64_t)32 << 20;
	atomic_init(&s->interrupt, false);
	sk_store_threads_init(&s->t, loop, "store", tell_failure, s);
	return s;
}

struct sk_store *
sk_store_sqlite_open(const struct sk_sqlite_config *cfg, struct sk_loop *loop, struct sk_err *err)
{
	struct sk_sqlite *s = new_store(cfg, loop);

	if (open_files(s, err) == SK_OK &&
		sk_store_threads_start(&s->t, sk_sq_driver, sk_sq_aside, 1, err) == SK_OK)
		return &s->store;
	if (err->code == SK_EUNAVAIL)
		err->code = SK_EIO;
	sk_wrap(err, cfg->path);
	free_all(s);
	return NULL;
}
