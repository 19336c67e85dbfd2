/* driver.h - the store's threads and what they share. */
#ifndef SK_ADAPTERS_SQLITE_DRIVER_H
#define SK_ADAPTERS_SQLITE_DRIVER_H

#include "adapters/sqlite/sqlite.h"
#include "adapters/sqlite/store.h"
#include "core/store_threads.h"

#define SK_SQ_BATCH_OPS 4096

/* An operation that goes on between the batches. */
struct sk_sq_job {
	struct sk_sq_job *next;
	struct sk_op *op;
	struct sk_sq_backup *backup; /* of SK_OP_BACKUP */
};

enum sk_sq_keeping {
	SK_SQ_KEEP_NONE, /* nothing is written down */
	SK_SQ_KEEP_ANEW, /* everything is written down from now on; they are still to be made */
	SK_SQ_KEPT
};

struct sk_sqlite {
	struct sk_store store;
	struct sk_sqlite_config cfg;
	char *path;
	struct sk_store_threads t;

	/* ---- under its lock ---- */
	struct sk_sq_counts counts; /* for the second thread */
	bool failed; /* everything is answered SK_EIO */
	struct sk_err failure;
	bool checkpoint_wanted, checkpoint_made; /* by the second thread */
	enum sk_sq_keeping keeping; /* the columns */
	struct sk_str changes; /* what they have not followed yet */

	/* ---- the driver's ---- */
	struct sk_sq q;
	struct sk_op *batch[SK_SQ_BATCH_OPS];
	enum sk_sq_route routes[SK_SQ_BATCH_OPS];
	size_t n;
	struct sk_sq_job *jobs;
	bool idle_done; /* the log was emptied and nothing has happened since */
	int64_t no_checkpoint_until_ms; /* boot clock: the last one found no room */

	/* ---- the second thread's ---- */
	struct sk_sq_db reader;
	struct sk_sq_columns columns;
	atomic_bool interrupt; /* what it does shall end */

	bool fatal_told; /* the loop's */
};

/* The threads' main functions. */
void *sk_sq_driver(void *arg);
void *sk_sq_aside(void *arg);
/* Take note of a failure (SK_EIO). Callable from both threads. */
void sk_sq_broken(struct sk_sqlite *s, enum sk_code code, const struct sk_err *err);
/* Write the log back into the file, as far as it goes. mode: SQLITE_CHECKPOINT_…; *whole: all of
 * it was. SK_ENOSPC: not now. */
enum sk_code
sk_sq_checkpoint(struct sk_sq_db *db, int mode, bool *whole, struct sk_err *err) SK_CHECKED;

#endif
