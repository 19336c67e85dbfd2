/* sqlite.h - the parts of the store to each other: what runs on the driver's thread.
 *
 * Codes of the functions here are about the transaction: SK_OK, and what became of the operation
 * stands in op->code; anything else (SK_ENOSPC, SK_EUNAVAIL, SK_EIO) breaks the transaction, and
 * the caller rolls it back. */
#ifndef SK_ADAPTERS_SQLITE_SQLITE_H
#define SK_ADAPTERS_SQLITE_SQLITE_H

#include "adapters/cursor.h"
#include "adapters/sqlite/columns.h"
#include "adapters/sqlite/schema.h"
#include "core/ports.h"

/* How many tasks there are: [phase][element of an array]. */
struct sk_sq_counts {
	int64_t n[SK_N_PHASE][2];
};

/* Who finishes an operation. */
enum sk_sq_route {
	SK_SQ_DONE, /* it is answered after the commit */
	SK_SQ_ASIDE, /* it takes long: the second thread does it, after the commit */
	SK_SQ_BY_COLUMNS, /* the same; the file's indexes are no good for it, the columns are */
	SK_SQ_STEPS /* it takes long and changes something: in steps, between the others */
};

struct sk_sq {
	struct sk_sq_db db;
	struct sk_sq_counts total; /* committed */
	struct sk_sq_counts delta; /* of the open transaction */
	uint64_t accepted; /* how many tasks ever were */
	struct sk_sq_changes changes; /* for the columns */
	bool by_columns; /* everything that they know, for tests */
	bool in_tx;
	/* False: the table is empty and need not be looked at. */
	bool has_keys, has_results, has_specs;
	struct sk_str spec; /* scratch */
};

/* The code of an operation on its way to the second thread as SK_SQ_BY_COLUMNS. */
#define SK_SQ_WANTS_COLUMNS SK_EAGAIN

/* ---- apply.c: one operation, transactions ---- */

/* Read what is kept in memory. */
enum sk_code sk_sq_load(struct sk_sq *q, struct sk_err *err) SK_CHECKED;
void sk_sq_release(struct sk_sq *q);
/* Do it within the transaction, which is begun when the first thing is written. */
enum sk_code sk_sq_apply(
	struct sk_sq *q, struct sk_op *op, enum sk_sq_route *route, struct sk_err *err) SK_CHECKED;
/* The same for what was put aside, on a connection of its own. columns: NULL = without them. */
enum sk_code sk_sq_apply_aside(struct sk_sq_db *db, const struct sk_sq_counts *counts,
	const struct sk_sq_columns *columns, struct sk_op *op, struct sk_err *err) SK_CHECKED;
enum sk_code sk_sq_begin(struct sk_sq *q, struct sk_err *err) SK_CHECKED;
/* For several reads: each on its own would lock and unlock the file. What is written then makes it
 * an ordinary one. */
enum sk_code sk_sq_begin_reading(struct sk_sq *q, struct sk_err *err) SK_CHECKED;
/* Nothing happens outside of a transaction. */
enum sk_code sk_sq_commit(struct sk_sq *q, struct sk_err *err) SK_CHECKED;
void sk_sq_rollback(struct sk_sq *q);

/* ---- rows.c: a record as a row ---- */

static inline int64_t
sk_sq_seq(uint64_t seq)
{
	return (int64_t)seq;
}
static inline bool
sk_sq_is_element(uint64_t seq)
{
	return (seq & 1) != 0;
}
int64_t sk_sq_place(enum sk_phase phase, enum sk_gate gate, enum sk_wanted wanted, bool element);
/* The key of live tasks. */
int64_t sk_sq_executor_key(const char *executor);

/* What a row is read for. */
enum sk_sq_width { SK_SQ_WHOLE, SK_SQ_THIN };
/* The row with this id or seq; *r is NULL when there is none. A row that cannot be read (somebody
 * else wrote it) is logged and *r is NULL as well. */
enum sk_code sk_sq_read_id(struct sk_sq_db *db, const char *id, struct sk_arena *a,
	struct sk_record **r, struct sk_err *err) SK_CHECKED;
enum sk_code sk_sq_read_seq(struct sk_sq_db *db, uint64_t seq, enum sk_sq_width width,
	struct sk_arena *a, struct sk_record **r, struct sk_err *err) SK_CHECKED;
/* 0 = there is none. */
enum sk_code
sk_sq_find_id(struct sk_sq_db *db, const char *id, uint64_t *seq, struct sk_err *err) SK_CHECKED;
/* Insert the row and what belongs to it. SK_ECONFLICT in *clash: the id is there. */
enum sk_code sk_sq_write_row(struct sk_sq *q, uint64_t seq, const struct sk_record *r,
	enum sk_code *clash, struct sk_err *err) SK_CHECKED;

/* ---- parts.c: what stands in tables of its own ---- */

/* Longer specs stand beside the row, which is written anew with each move. */
#define SK_SQ_SPEC_INLINE 1000
enum sk_code sk_sq_put_result(
	struct sk_sq *q, uint64_t seq, const void *data, size_t n, struct sk_err *err) SK_CHECKED;
enum sk_code sk_sq_put_spec(struct sk_sq *q, uint64_t seq, struct sk_err *err) SK_CHECKED;
/* Rows of labels and dependencies of a spec. */
enum sk_code sk_sq_put_links(
	struct sk_sq *q, uint64_t seq, const struct sk_value *spec, struct sk_err *err) SK_CHECKED;
enum sk_code sk_sq_drop_links(
	struct sk_sq *q, uint64_t seq, const struct sk_value *spec, struct sk_err *err) SK_CHECKED;
enum sk_code sk_sq_put_attempt(
	struct sk_sq *q, uint64_t seq, const struct sk_attempt *a, struct sk_err *err) SK_CHECKED;
/* Whose unique key it is; 0 = nobody's. */
enum sk_code
sk_sq_find_key(struct sk_sq *q, const char *key, uint64_t *seq, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_sq_put_key(struct sk_sq *q, uint64_t seq, const char *key, struct sk_err *err) SK_CHECKED;
/* The task has become final. */
enum sk_code sk_sq_drop_key(struct sk_sq *q, uint64_t seq, struct sk_err *err) SK_CHECKED;
/* The bytes of the spec or the result of a task. */
enum sk_code sk_sq_read_blob(struct sk_sq_db *db, const char *literal, uint64_t seq,
	struct sk_arena *a, const char **data, size_t *n, struct sk_err *err) SK_CHECKED;

/* ---- the operations ---- */

enum sk_code sk_sq_insert(struct sk_sq *q, struct sk_op_insert *op, struct sk_err *err) SK_CHECKED;
enum sk_code sk_sq_move(struct sk_sq *q, struct sk_op_move *op, struct sk_err *err) SK_CHECKED;
/* Rows that one operation removes before others get their turn. */
#define SK_SQ_REMOVE_ROWS 1000
/* At most about max rows are removed in one call; *left: there is more to do, call again. Codes
 * that are set stay; sk_sq_remove_init before the first call. */
void sk_sq_remove_init(struct sk_op_remove *op);
enum sk_code sk_sq_remove(struct sk_sq *q, struct sk_op_remove *op, size_t max, bool *left,
	struct sk_err *err) SK_CHECKED;

enum sk_code sk_sq_get(struct sk_sq_db *db, struct sk_op_get *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_sq_attempts(struct sk_sq_db *db, struct sk_op_attempts *op, struct sk_err *err) SK_CHECKED;
/* Reading more rows than this is for the second thread: each takes 3 us. */
#define SK_SQ_MANY 1000
/* What a query may do on the driver's thread, in STEPS of db.c: some milliseconds. */
#define SK_SQ_BUDGET 20
/* What a query may go by. */
struct sk_sq_help {
	const struct sk_sq_counts *counts;
	const struct sk_sq_columns *columns; /* NULL = there are none */
	bool patient; /* no budget: the plan that is the better one then */
};
/* SK_EAGAIN: it takes more than the connection's budget. */
enum sk_code sk_sq_find(struct sk_sq_db *db, const struct sk_sq_help *help, struct sk_op_find *op,
	struct sk_err *err) SK_CHECKED;
enum sk_code sk_sq_count(struct sk_sq_db *db, const struct sk_sq_help *help, struct sk_op_count *op,
	struct sk_err *err) SK_CHECKED;
/* Do the counts that are kept answer it? */
bool sk_sq_counts_know(const struct sk_filter *f);
enum sk_code sk_sq_classes(struct sk_sq_db *db, const struct sk_sq_help *help,
	struct sk_op_classes *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_sq_check(struct sk_sq_db *db, struct sk_op_check *op, struct sk_err *err) SK_CHECKED;

enum sk_code
sk_sq_skald_put(struct sk_sq *q, struct sk_op_skald_put *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_sq_skald_list(struct sk_sq_db *db, struct sk_op_skald_list *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_sq_skald_remove(struct sk_sq *q, struct sk_op_skald_remove *op, struct sk_err *err) SK_CHECKED;
enum sk_code sk_sq_lead(struct sk_sq *q, struct sk_op_lead *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_sq_setting(struct sk_sq *q, struct sk_op_setting *op, struct sk_err *err) SK_CHECKED;

/* ---- backup.c: a copy in steps ---- */

struct sk_sq_backup;
/* NULL: op->code and op->err say why. */
struct sk_sq_backup *sk_sq_backup_new(struct sk_sq *q, struct sk_op_backup *op);
/* Copy some more, outside of a transaction; *left: there is more. At its end op->code is set. */
enum sk_code sk_sq_backup_step(
	struct sk_sq_backup *b, struct sk_sq *q, bool *left, struct sk_err *err) SK_CHECKED;
/* Whatever was left unfinished is removed. NULL is allowed. */
void sk_sq_backup_free(struct sk_sq_backup *b);

#endif
