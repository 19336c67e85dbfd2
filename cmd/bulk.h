/* bulk.h - `skalds task add --file` on its way: task_check.c checks every line, task_bulk.c sends
 * what is right. */
#ifndef SK_CMD_BULK_H
#define SK_CMD_BULK_H

#include "cmd/progress.h"
#include "cmd/task_add.h"
#include "core/base/map.h"
#include "core/model/record.h"

enum sk_bulk_id { SK_ID_GIVEN, SK_ID_ABSENT, SK_ID_NULL };

struct sk_bulk_line {
	size_t at, number; /* where it begins; from 1 */
	uint32_t len;
	enum sk_bulk_id id;
	bool wrong; /* found out after it was kept */
};

/* A dependency on a task that no line before has. */
struct sk_bulk_dep {
	size_t line; /* its number */
	char *id;
};

struct sk_bulk {
	const struct sk_args *args;
	const char *file; /* as the user calls it */
	const char *key; /* --idempotency-key or NULL */
	struct sk_str text;
	struct sk_bulk_line *lines; /* those that are right */
	size_t n, cap, bad, seen; /* right, wrong, not blank */
	struct sk_map ids; /* hash of a given id -> the number of its line */
	struct sk_bulk_dep *deps;
	size_t n_deps, cap_deps;
	struct sk_ulid ulid;
	struct sk_door *door; /* opened before the check; asked about dependencies */
	struct sk_progress progress;
	size_t stored, existing, refused;
	struct sk_str out; /* ids to wait for; items of --json */
};

/* Look at every line and say what is wrong. 0: what is right may be sent; else the exit code, 130
 * when it was interrupted. */
int sk_bulk_check(struct sk_bulk *b);
/* SIGINT or SIGTERM is waiting; both are blocked meanwhile. */
bool sk_bulk_interrupted(void);

#endif
