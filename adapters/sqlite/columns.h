/* columns.h - what lists are chosen by, of every task, in memory.
 *
 * A page of any filter in any order, and how many pass, out of a million tasks takes milliseconds,
 * and no task pays for indexes in the file that only lists need (schema.c tells what one costs).
 *
 * The second thread makes it from the table when a query was too much for the file's indexes. From
 * then on each transaction writes down what it changes, and the second thread follows before it
 * looks. It takes some 80 bytes a task. It only chooses: the rows are read from the table, and what
 * does not pass any more is left out. */
#ifndef SK_ADAPTERS_SQLITE_COLUMNS_H
#define SK_ADAPTERS_SQLITE_COLUMNS_H

#include "adapters/cursor.h"
#include "adapters/sqlite/db.h"
#include "core/base/map.h"
#include "core/ports.h"

/* ---- what transactions have changed: the writer's side ---- */

struct sk_sq_changes {
	bool on; /* somebody wants to know */
	struct sk_str bytes; /* of what is committed, and of the open transaction behind it */
	size_t committed;
};

void sk_sq_changes_insert(struct sk_sq_changes *c, uint64_t seq, const struct sk_record *r);
void sk_sq_changes_move(struct sk_sq_changes *c, uint64_t seq, const struct sk_move *v);
void sk_sq_changes_remove(struct sk_sq_changes *c, uint64_t seq);
/* What was written down behind this length (of bytes) did not happen. */
void sk_sq_changes_take_back(struct sk_sq_changes *c, size_t len);

/* ---- the columns: the second thread's ---- */

/* Texts that come again and again, by number. */
struct sk_sq_names {
	char **texts;
	size_t n, cap;
	struct sk_map by_text; /* of number + 1 */
};

struct sk_sq_columns {
	bool made;
	size_t n, cap, gone; /* rows, with those of tasks that are gone */
	/* One row a task, by seq. */
	uint64_t *seq;
	uint8_t *state; /* phase, gate and intent; 0 = the task is gone */
	uint8_t *kind; /* element, parent of an array */
	uint32_t *class_name, *executor, *parent; /* numbers of names */
	int64_t *create_ms, *update_ms, *rank_ms;
	uint32_t *id_at; /* where its id stands in ids */
	struct sk_str ids; /* in lower case, each with a newline behind it */
	size_t letters[256]; /* how often each byte stands there */
	struct sk_sq_names classes, executors, parents;
};

/* More tasks than this are not kept in memory. */
#define SK_SQ_COLUMNS_MAX 4000000

/* Make it anew from the table. SK_EAGAIN: interrupted. */
enum sk_code
sk_sq_columns_make(struct sk_sq_columns *c, struct sk_sq_db *db, struct sk_err *err) SK_CHECKED;
/* Follow what was written down, in that order; what it has already is harmless. */
void sk_sq_columns_follow(struct sk_sq_columns *c, const char *bytes, size_t n);
/* Too many rows of tasks that are gone: it is better made anew. */
bool sk_sq_columns_worn(const struct sk_sq_columns *c);
/* A zeroed one is allowed; it is zeroed afterwards. */
void sk_sq_columns_release(struct sk_sq_columns *c);

/* ---- choosing ---- */

/* Does it know what this filter and order go by? */
bool sk_sq_columns_know(const struct sk_filter *f, enum sk_order order);
/* Is the file's index no good for it once there are many tasks? */
bool sk_sq_columns_better(const struct sk_filter *f, enum sk_order order);
/* The first `max` that pass, behind *from unless it is NULL, op->skip of them passed over. *out is
 * the caller's to free. db: where labels stand. */
enum sk_code sk_sq_columns_find(const struct sk_sq_columns *c, struct sk_sq_db *db,
	const struct sk_op_find *op, const struct sk_cursor *from, size_t max, struct sk_cursor **out,
	size_t *n, struct sk_err *err) SK_CHECKED;
enum sk_code sk_sq_columns_count(const struct sk_sq_columns *c, struct sk_sq_db *db,
	struct sk_op_count *op, struct sk_err *err) SK_CHECKED;
/* Class names of tasks that are there, sorted. */
void sk_sq_columns_classes(const struct sk_sq_columns *c, struct sk_op_classes *op);

/* ---- between columns.c and columns_find.c ---- */

enum { SK_SQ_ELEMENT = 1, SK_SQ_ARRAY = 2 }; /* bits of kind */

/* Never 0, below 128. */
static inline uint8_t
sk_sq_state(unsigned phase, unsigned gate, unsigned wanted)
{
	return (uint8_t)(1 + phase + SK_N_PHASE * (gate + SK_N_GATE * wanted));
}
/* The row of the first seq that is not smaller; n when there is none. */
size_t sk_sq_columns_row(const struct sk_sq_columns *c, uint64_t seq);
/* The number of a text; SIZE_MAX: it never came. */
size_t sk_sq_names_find(const struct sk_sq_names *names, const char *text);

#endif
