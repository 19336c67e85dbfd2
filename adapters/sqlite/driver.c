/* driver.c - the thread that owns the file: what has queued up becomes one transaction.
 *
 *	take what is there, up to some thousand rows
 *	do each operation; commit; only now tell
 *	one step of what takes long (a backup, the removal of an array)
 *	write the log back when it has grown
 *
 * When the disk is full the transaction is rolled back and each operation tried alone: small ones
 * may still find room, reads are answered in any case. */
#include "adapters/sqlite/driver.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <stdlib.h>

#define IDLE_MS 1000
#define PAUSE_MS 1000 /* after a checkpoint that found no room */
#define CHANGES_MAX ((size_t)64 << 20) /* with more to follow it is better to make them anew */

/* ---- a batch ---- */

static int64_t
rows_of(const struct sk_op *op)
{
	switch (op->kind) {
	case SK_OP_INSERT:
		return (int64_t)((const struct sk_op_insert *)op)->n;
	case SK_OP_GET:
		return (int64_t)((const struct sk_op_get *)op)->n;
	case SK_OP_MOVE:
		return (int64_t)((const struct sk_op_move *)op)->n;
	case SK_OP_REMOVE:
		return (int64_t)((const struct sk_op_remove *)op)->n * 2;
	case SK_OP_FIND:
		return (int64_t)((const struct sk_op_find *)op)->limit;
	default:
		return 1;
	}
}

/* With the lock held. */
static void
take(struct sk_sqlite *s)
{
	int64_t rows = 0;

	s->n = 0;
	while (s->n < SK_SQ_BATCH_OPS && rows < s->cfg.batch_rows && s->t.queue.head != NULL) {
		struct sk_op *op = sk_op_pop(&s->t.queue);

		rows += rows_of(op);
		s->batch[s->n++] = op;
	}
}

/* The time is up: what is left comes first the next time. */
static void
put_back(struct sk_sqlite *s, size_t from)
{
	struct sk_op_list rest = { NULL, NULL };

	for (size_t i = from; i < s->n; i++)
		sk_op_push(&rest, s->batch[i]);
	s->n = from;
	pthread_mutex_lock(&s->t.lock);
	sk_op_append(&rest, &s->t.queue);
	s->t.queue = rest;
	pthread_mutex_unlock(&s->t.lock);
}

static enum sk_code
do_together(struct sk_sqlite *s, struct sk_err *err)
{
	int64_t until_ms = sk_boot_ms() + s->cfg.batch_ms;
	enum sk_code code = SK_OK;

	if (s->n > 1 || rows_of(s->batch[0]) > 1)
		code = sk_sq_begin_reading(&s->q, err);
	for (size_t i = 0; i < s->n && code == SK_OK; i++) {
		code = sk_sq_apply(&s->q, s->batch[i], &s->routes[i], err);
		if (code == SK_OK && i + 1 < s->n && sk_boot_ms() >= until_ms)
			put_back(s, i + 1);
	}
	if (code == SK_OK)
		code = sk_sq_commit(&s->q, err);
	if (code != SK_OK)
		sk_sq_rollback(&s->q);
	return code;
}

static enum sk_code
do_alone(struct sk_sqlite *s, size_t i, struct sk_err *err)
{
	enum sk_code code = sk_sq_apply(&s->q, s->batch[i], &s->routes[i], err);

	if (code == SK_OK)
		code = sk_sq_commit(&s->q, err);
	if (code != SK_OK)
		sk_sq_rollback(&s->q);
	return code;
}

static void
answer_from(struct sk_sqlite *s, size_t i, enum sk_code code, const struct sk_err *err)
{
	for (; i < s->n; i++) {
		sk_op_answer(s->batch[i], code, err);
		s->routes[i] = SK_SQ_DONE;
	}
}

static void
do_singly(struct sk_sqlite *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct sk_err err = { SK_OK, "" };
		enum sk_code code = do_alone(s, i, &err);

		if (code == SK_OK)
			continue;
		if (code != SK_ENOSPC) {
			sk_sq_broken(s, code, &err);
			answer_from(s, i, code, &err);
			return;
		}
		sk_wrap(&err, s->path);
		sk_op_answer(s->batch[i], code, &err);
		s->routes[i] = SK_SQ_DONE;
	}
}

/* ---- what takes long ---- */

static void
add_job(struct sk_sqlite *s, struct sk_op *op, struct sk_sq_backup *backup)
{
	struct sk_sq_job *job = sk_xcalloc(1, sizeof(*job)), **p = &s->jobs;

	job->op = op;
	job->backup = backup;
	while (*p != NULL)
		p = &(*p)->next;
	*p = job;
}

static void
start_job(struct sk_sqlite *s, struct sk_op *op, struct sk_op_list *done)
{
	struct sk_sq_backup *backup = NULL;

	if (op->kind == SK_OP_BACKUP)
		backup = sk_sq_backup_new(&s->q, (struct sk_op_backup *)op);
	if (op->kind == SK_OP_BACKUP && backup == NULL)
		sk_op_push(done, op);
	else
		add_job(s, op, backup);
}

static enum sk_code
step(struct sk_sqlite *s, struct sk_sq_job *job, bool *left, struct sk_err *err)
{
	enum sk_code code;

	if (job->backup != NULL)
		return sk_sq_backup_step(job->backup, &s->q, left, err);
	code = sk_sq_remove(&s->q, (struct sk_op_remove *)job->op, SK_SQ_REMOVE_ROWS, left, err);
	if (code == SK_OK)
		code = sk_sq_commit(&s->q, err);
	if (code != SK_OK)
		sk_sq_rollback(&s->q);
	return code;
}

static void
end_job(struct sk_sqlite *s, struct sk_op_list *done)
{
	struct sk_sq_job *job = s->jobs;

	s->jobs = job->next;
	sk_op_push(done, job->op);
	sk_sq_backup_free(job->backup);
	free(job);
}

static void
step_job(struct sk_sqlite *s, struct sk_op_list *done)
{
	struct sk_err err = { SK_OK, "" };
	bool left = false;
	enum sk_code code;

	if (s->jobs == NULL)
		return;
	code = step(s, s->jobs, &left, &err);
	if (code != SK_OK) {
		sk_sq_broken(s, code, &err);
		if (code == SK_ENOSPC)
			sk_wrap(&err, s->path);
		sk_op_answer(s->jobs->op, code, &err);
		left = false;
	}
	if (!left)
		end_job(s, done);
}

/* ---- the log ---- */

enum sk_code
sk_sq_checkpoint(struct sk_sq_db *db, int mode, bool *whole, struct sk_err *err)
{
	int log = 0, back = 0, rc;

	(void)sqlite3_busy_timeout(db->h, 0); /* nobody is waited for; it cannot fail */
	rc = sqlite3_wal_checkpoint_v2(db->h, "main", mode, &log, &back);
	(void)sqlite3_busy_timeout(db->h, SK_SQ_BUSY_MS);

	*whole = rc == SQLITE_OK && log == back;
	if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
		return SK_OK; /* a reader is still at it; the next one goes further */
	return sk_sq_code(db, rc, err);
}

static void
checkpoint(struct sk_sqlite *s, int mode)
{
	struct sk_err err = { SK_OK, "" };
	bool whole;
	enum sk_code code = sk_sq_checkpoint(&s->q.db, mode, &whole, &err);

	if (whole)
		s->q.db.frames = 0; /* the next commit begins it anew */
	if (code == SK_ENOSPC)
		s->no_checkpoint_until_ms = sk_boot_ms() + PAUSE_MS;
	else if (code != SK_OK)
		sk_sq_broken(s, code, &err);
}

/* A file that lies there at rest is one without a log. */
static void
tidy(struct sk_sqlite *s)
{
	if (!s->idle_done && s->q.db.frames > 1000)
		checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE);
	s->idle_done = true;
}

/* The second thread does most of it while commits go on. What was committed meanwhile is left: the
 * log begins anew only when nothing is, so the rest is written back here, in the pause between two
 * batches. */
static void
look_after_log(struct sk_sqlite *s)
{
	int limit = (int)(s->cfg.wal_bytes / SK_SQ_PAGE), frames = s->q.db.frames;
	bool made, ask;

	pthread_mutex_lock(&s->t.lock);
	made = s->checkpoint_made;
	s->checkpoint_made = false;
	ask = frames >= limit / 4 && !made && !s->checkpoint_wanted;
	if (ask) {
		s->checkpoint_wanted = true;
		pthread_cond_signal(&s->t.aside_work);
	}
	pthread_mutex_unlock(&s->t.lock);
	if ((made || frames >= limit) && sk_boot_ms() >= s->no_checkpoint_until_ms)
		checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
}

/* ---- the columns; no transaction is open ---- */

/* Nobody has asked for a long time, or they would have followed. */
static void
forget_columns(struct sk_sqlite *s)
{
	if (!s->q.changes.on || s->q.changes.bytes.len < CHANGES_MAX)
		return;
	s->q.changes.on = false;
	s->q.changes.committed = 0;
	sk_str_release(&s->q.changes.bytes);
	pthread_mutex_lock(&s->t.lock);
	sk_str_release(&s->changes);
	s->keeping = SK_SQ_KEEP_NONE;
	pthread_cond_signal(&s->t.aside_work); /* to free them */
	pthread_mutex_unlock(&s->t.lock);
}

static int64_t
all_tasks(const struct sk_sq_counts *counts)
{
	int64_t n = 0;

	for (unsigned phase = 0; phase < SK_N_PHASE; phase++)
		n += counts->n[phase][0] + counts->n[phase][1];
	return n;
}

/* With the lock held. What is asked for by columns needs them from now on: what is committed until
 * they are made stands in the table, what is committed later is written down. */
static void
tell_changes(struct sk_sqlite *s)
{
	struct sk_sq_changes *c = &s->q.changes;

	if (!c->on && all_tasks(&s->q.total) <= SK_SQ_COLUMNS_MAX) {
		c->on = true;
		s->keeping = SK_SQ_KEEP_ANEW;
	}
	sk_str_add(&s->changes, sk_str_text(&c->bytes), c->bytes.len);
	sk_str_clear(&c->bytes);
	c->committed = 0;
}

/* ---- the thread ---- */

static void
put_aside(struct sk_sqlite *s, struct sk_op_list *aside, bool by_columns)
{
	pthread_mutex_lock(&s->t.lock);
	s->counts = s->q.total;
	if (by_columns)
		tell_changes(s);
	pthread_mutex_unlock(&s->t.lock);
	sk_store_threads_put_aside(&s->t, aside);
}

static void
route(struct sk_sqlite *s, struct sk_op_list *done)
{
	struct sk_op_list aside = { NULL, NULL };
	bool by_columns = false;

	for (size_t i = 0; i < s->n; i++)
		switch (s->routes[i]) {
		case SK_SQ_DONE:
			sk_op_push(done, s->batch[i]);
			break;
		case SK_SQ_BY_COLUMNS:
			by_columns = true;
			s->batch[i]->code = SK_SQ_WANTS_COLUMNS;
			sk_op_push(&aside, s->batch[i]);
			break;
		case SK_SQ_ASIDE:
			sk_op_push(&aside, s->batch[i]);
			break;
		case SK_SQ_STEPS:
			start_job(s, s->batch[i], done);
			break;
		}
	if (aside.head != NULL)
		put_aside(s, &aside, by_columns);
}

static void
run_batch(struct sk_sqlite *s, struct sk_op_list *done)
{
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = do_together(s, &err);

	if (code == SK_ENOSPC)
		do_singly(s);
	else if (code != SK_OK) {
		sk_sq_broken(s, code, &err);
		answer_from(s, 0, code, &err);
	}
	route(s, done);
}

/* With the lock held; false when nothing came for a while. */
static bool
wait_for_work(struct sk_sqlite *s)
{
	int64_t until_ms = sk_boot_ms() + IDLE_MS, left = IDLE_MS;

	while (s->t.queue.head == NULL && !s->t.stop && left > 0) {
		sk_store_threads_wait(&s->t, &s->t.work, s->idle_done ? -1 : left);
		if (!s->idle_done)
			left = until_ms - sk_boot_ms();
	}
	return s->t.queue.head != NULL || s->t.stop;
}

/* After a failure nothing touches the file again. */
static void
refuse_all(struct sk_sqlite *s, struct sk_op_list *done)
{
	struct sk_op *op;

	pthread_mutex_lock(&s->t.lock);
	while ((op = sk_op_pop(&s->t.queue)) != NULL) {
		sk_op_answer(op, SK_EIO, &s->failure);
		sk_op_push(done, op);
	}
	pthread_mutex_unlock(&s->t.lock);
	while (s->jobs != NULL) {
		sk_op_answer(s->jobs->op, SK_EIO, &s->failure);
		end_job(s, done);
	}
}

static void
end_jobs(struct sk_sqlite *s, struct sk_op_list *done)
{
	struct sk_err err;

	sk_fail(&err, SK_EUNAVAIL, "the store is closed");
	while (s->jobs != NULL) {
		sk_op_answer(s->jobs->op, SK_EUNAVAIL, &err);
		end_job(s, done);
	}
}

static void
work(struct sk_sqlite *s, struct sk_op_list *done)
{
	s->idle_done = false;
	if (s->n > 0)
		run_batch(s, done);
	sk_store_threads_deliver(&s->t, done);
	step_job(s, done);
	forget_columns(s);
	look_after_log(s);
}

void *
sk_sq_driver(void *arg)
{
	struct sk_sqlite *s = arg;
	struct sk_op_list done = { NULL, NULL };
	bool stop = false, failed, awake;

	while (!stop) {
		pthread_mutex_lock(&s->t.lock);
		awake = s->jobs != NULL || wait_for_work(s);
		failed = s->failed;
		s->n = 0;
		if (!failed)
			take(s);
		stop = s->t.stop && s->t.queue.head == NULL && s->n == 0;
		pthread_mutex_unlock(&s->t.lock);
		if (failed)
			refuse_all(s, &done);
		else if (!awake)
			tidy(s);
		else if (!stop)
			work(s, &done);
		sk_store_threads_deliver(&s->t, &done);
	}
	end_jobs(s, &done);
	sk_store_threads_deliver(&s->t, &done);
	return NULL;
}
