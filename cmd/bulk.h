/* bulk.h - `skalds task add --file` on its way: task_check.c checks every line, task_bulk.c has
 * stored what is right, task_piece.c asks for both. */
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
	bool unique; /* it has a unique key */
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
	struct sk_map ids, keys; /* hash of a given id, of a unique key -> the number of its line */
	struct sk_bulk_dep *deps;
	size_t n_deps, cap_deps;
	struct sk_ulid ulid;
	struct sk_door *door; /* opened before the check; asked about dependencies */
	struct sk_progress progress;
	size_t stored, existing, refused;
	struct sk_str out; /* ids to wait for; items of --json */
};

/* Look at every line, and for what is stored that stands in its way, and say what is wrong. 0: what
 * is right may be sent; else the exit code, 130 when it was interrupted. */
int sk_bulk_check(struct sk_bulk *b);
/* Some lines in one request. */
struct sk_bulk_piece {
	struct sk_str text;
	size_t *numbers, n; /* of the lines */
};

struct sk_bulk_send {
	const char *path;
	size_t lines; /* in a piece at most */
	bool known; /* only those that may be stored already, by their id or unique key */
	/* What was answered to a piece. Returns 0 or an exit code. */
	int (*take)(struct sk_bulk *b, const struct sk_bulk_piece *p, const struct sk_value *answer);
};

/* Send what is right in pieces, until something fails. 0 or an exit code, 130 when it was
 * interrupted; what was refused is said by line. */
int sk_bulk_send(struct sk_bulk *b, const struct sk_bulk_send *send);
/* Say the "problems" of an answer by line. */
void sk_bulk_say_problems(
	struct sk_bulk *b, const struct sk_bulk_piece *p, const struct sk_value *answer);
/* SIGINT or SIGTERM is waiting; both are blocked meanwhile. */
bool sk_bulk_interrupted(void);

#endif
