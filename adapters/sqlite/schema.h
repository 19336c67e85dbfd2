/* schema.h - the tables, and how an older file becomes a newer one. */
#ifndef SK_ADAPTERS_SQLITE_SCHEMA_H
#define SK_ADAPTERS_SQLITE_SCHEMA_H

#include "adapters/sqlite/db.h"

/* In the header of the file: "SKLD". */
#define SK_SQ_APPLICATION 0x534b4c44

/* Where a task stands: the first column of the index that everything ordered comes from. Elements
 * of arrays have places of their own, SK_SQ_N_PLACE further on, so that lists without them and the
 * parents among a million elements are found at once. The second column (key) is: */
enum sk_sq_place {
	SK_SQ_READY, /* Created, gate open, wanted run: rank_ms */
	SK_SQ_TIMED, /* Created, gate time: due_ms */
	SK_SQ_HELD, /* Created, anything else: create_ms */
	SK_SQ_ASSIGNING, /* live ones: a hash of the executor */
	SK_SQ_RUNNING,
	SK_SQ_PAUSED,
	SK_SQ_FINISHED, /* final ones: update_ms */
	SK_SQ_FAILED,
	SK_SQ_CANCELLED,
	SK_SQ_N_PLACE
};
/* From phase Assigning on the place is the phase + this. */
#define SK_SQ_PHASE_PLACE 2

/* Is the file ours, or empty? Nothing is changed. SK_EINVAL: it is not; it is newer. */
enum sk_code sk_sq_schema_check(struct sk_sq_db *db, int *version, struct sk_err *err) SK_CHECKED;
/* The version that this program writes; 0 is a file without tables. */
int sk_sq_schema_newest(void);
/* Make the tables, or bring them from this version to the newest. */
enum sk_code sk_sq_schema_migrate(struct sk_sq_db *db, int version, struct sk_err *err) SK_CHECKED;

#endif
