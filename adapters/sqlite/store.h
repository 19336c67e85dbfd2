/* store.h - the task store in one SQLite file: durable to power loss, no service needed.
 *
 * The file has one owner: whoever opens it holds the lock of the data directory. Everything runs on
 * a thread of its own; what has queued up there becomes one transaction, and nobody is answered
 * before its commit has reached the disk. Reads that look at much of the file run beside it on a
 * second thread; they see at least what was submitted before them, perhaps more.
 */
#ifndef SK_ADAPTERS_SQLITE_STORE_H
#define SK_ADAPTERS_SQLITE_STORE_H

#include "core/ports.h"

struct sk_sqlite_config {
	const char *path; /* of the file; made, 0600, when there is none */
	/* Commits are not synced (synchronous=NORMAL): they may be lost by a power cut. For the group
	 * of a test that must lose. */
	bool relaxed;
	int64_t batch_rows; /* a transaction has about this many rows at most; 0 = 4096 */
	int64_t batch_ms; /* and is committed after this long at the latest; 0 = 20 */
	int64_t wal_bytes; /* the log is written back before it is larger; 0 = 32 MiB */
	/* When the disk is so full that the file cannot be opened for writing, open it for reading
	 * alone: whatever writes is answered SK_ENOSPC. For who is there for a moment: room that comes
	 * back is not noticed. */
	bool read_when_full;
	/* Whatever lists can be made from the columns in memory is, however few tasks there are: for
	 * tests. Else only what is too much for the indexes of the file. */
	bool by_columns;
	/* The disk failed (a sync that failed is never tried again) or the file is damaged: every
	 * operation is answered SK_EIO from now on and the owner must end the process with 74. Called
	 * once, on the loop. NULL = only the answers tell. */
	void (*fatal)(void *arg, const char *sentence);
	void *arg;
};

/* Open or create, bring an older schema up to date. NULL and err: SK_EINVAL: the file is none of
 * ours, or was written by a newer version; SK_ENOSPC; SK_EIO: it cannot be opened, is damaged. The
 * sentence names the file. */
struct sk_store *
sk_store_sqlite_open(const struct sk_sqlite_config *cfg, struct sk_loop *loop, struct sk_err *err);

/* What is there, for people. */
struct sk_sqlite_look {
	const char *problems; /* one a line; "" = sound */
	int64_t tasks;
	bool older; /* it is of an older version: its rows were not looked at */
};

/* Look whether the file is sound and change nothing, not even a log that was left behind. The
 * caller owns the file. Blocks, some seconds for a million tasks. Codes as for opening it; problems
 * are an answer, not an error. */
enum sk_code sk_store_sqlite_look(const char *path, struct sk_arena *a, struct sk_sqlite_look *look,
	struct sk_err *err) SK_CHECKED;

#endif
