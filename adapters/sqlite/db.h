/* db.h - one connection to the file: statements that stay prepared, and SQLite's answers in our
 * words. A connection belongs to one thread. */
#ifndef SK_ADAPTERS_SQLITE_DB_H
#define SK_ADAPTERS_SQLITE_DB_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SK_SQ_CACHE 64
#define SK_SQ_PAGE 4096
#define SK_SQ_BUSY_MS 2000 /* how long another program's lock is waited for */

struct sk_sq_prepared {
	uint64_t key, used;
	char *sql; /* where the key is a hash of it, to be sure; else NULL */
	sqlite3_stmt *st;
};

struct sk_sq_db {
	sqlite3 *h;
	struct sk_sq_prepared cache[SK_SQ_CACHE]; /* the least used one makes room */
	uint64_t clock;
	int frames; /* pages in the log after the last commit of this connection */
	int last_rc; /* what sk_sq_code was last asked about */
	bool still; /* nothing may be written, not even beside the file */
	/* A query may be told how much it may do: */
	bool limited;
	int budget; /* in some thousand steps of the virtual machine */
	atomic_bool *stop; /* NULL or: set by another thread, everything that runs shall end */
};

enum sk_sq_mode {
	SK_SQ_WRITER, /* the one connection that writes */
	SK_SQ_RELAXED, /* the same, commits are not synced */
	SK_SQ_READER
};

/* Before the first use of the library; later it changes nothing. */
void sk_sq_memory(void);
/* After that: from now on the library maps no file beyond the room that the disk has for it. */
void sk_sq_maps(void);
/* Open the file, change nothing. *db is the caller's, zeroed. */
enum sk_code sk_sq_db_open(struct sk_sq_db *db, const char *path, struct sk_err *err) SK_CHECKED;
/* The same for reading alone, on a disk without room for a byte: what a log that was left behind
 * holds is seen and stays there, no file is made. Only for the owner of the file: nothing keeps
 * others from writing meanwhile. Whatever writes is SK_ENOSPC. */
enum sk_code
sk_sq_db_open_still(struct sk_sq_db *db, const char *path, struct sk_err *err) SK_CHECKED;
/* Set it up for its work; a writer turns the file to WAL. */
enum sk_code
sk_sq_db_setup(struct sk_sq_db *db, enum sk_sq_mode mode, struct sk_err *err) SK_CHECKED;
/* A zeroed one is allowed. */
void sk_sq_db_close(struct sk_sq_db *db);

/* What SQLite's result code means: SK_ECONFLICT: a key is there already; SK_EAGAIN: interrupted by
 * its budget or by stop; SK_EUNAVAIL: somebody else locks the file; SK_ENOSPC; SK_EIO: everything
 * after which nothing may be written any more. */
enum sk_code sk_sq_code(struct sk_sq_db *db, int rc, struct sk_err *err);

/* Several statements without results. */
enum sk_code sk_sq_script(struct sk_sq_db *db, const char *sql, struct sk_err *err) SK_CHECKED;

/* The use of one statement: prepare (or find it prepared), bind in order, run. The first error of
 * these is kept and is what the run returns. */
struct sk_sq_use {
	struct sk_sq_db *db;
	sqlite3_stmt *st;
	int n, rc;
};
/* A literal: the statement is known by where it stands in memory. */
struct sk_sq_use sk_sq_fixed(struct sk_sq_db *db, const char *literal);
/* A text that was made up. */
struct sk_sq_use sk_sq_sql(struct sk_sq_db *db, const char *sql);
/* A text that is made up from a small number (below 1 << 20): found by it without the text. False:
 * it is not prepared yet; sk_sq_keep does that. */
bool sk_sq_kept(struct sk_sq_db *db, uint64_t number, struct sk_sq_use *u);
struct sk_sq_use sk_sq_keep(struct sk_sq_db *db, uint64_t number, const char *sql);
void sk_sq_int(struct sk_sq_use *u, int64_t v);
void sk_sq_real(struct sk_sq_use *u, double v);
/* Borrowed until it has run. NULL binds NULL. */
void sk_sq_text(struct sk_sq_use *u, const char *text);
/* "" binds NULL. */
void sk_sq_text_or_null(struct sk_sq_use *u, const char *text);
void sk_sq_blob(struct sk_sq_use *u, const void *data, size_t n);
void sk_sq_null(struct sk_sq_use *u);
/* Run to the end, whatever rows there are. */
enum sk_code sk_sq_run(struct sk_sq_use *u, struct sk_err *err) SK_CHECKED;
/* The next row; at the end *row is false. */
enum sk_code sk_sq_row(struct sk_sq_use *u, bool *row, struct sk_err *err) SK_CHECKED;
/* No more rows are wanted. Harmless after the end or an error. */
void sk_sq_done(struct sk_sq_use *u);

/* Columns of the current row, copied. NULL becomes "". */
const char *sk_sq_column_text(struct sk_sq_use *u, int i, struct sk_arena *a);
/* With a NUL behind; NULL is NULL, *n 0. */
const char *sk_sq_column_blob(struct sk_sq_use *u, int i, struct sk_arena *a, size_t *n);

#endif
