/* task_add.h - the parts of `skalds task add`: one task by flags, many from a file. */
#ifndef SK_CMD_TASK_ADD_H
#define SK_CMD_TASK_ADD_H

#include "cmd/task.h"
#include "core/base/problem.h"
#include "core/model/record.h"

#define SK_ADD_COMMAND "task add"

/* What the flags and arguments say, as the door takes it (a map with the members of
 * core/control/README.md). NULL after problems. local: the working directory means something to
 * whoever runs the task. */
struct sk_value *
sk_add_build(const struct sk_args *args, bool local, struct sk_arena *a, struct sk_problems *p);

/* `add --file`: check every line, then store what is good. Returns the exit code. */
int sk_add_bulk(const struct sk_args *args, struct sk_settings *settings);

/* An id for the n-th task of an --idempotency-key: the same for the same key and number. */
#define SK_ADD_ID_LEN SK_ULID_LEN /* it looks like one */
void sk_add_derived_id(const char *key, uint64_t n, char out[SK_ADD_ID_LEN]);

#endif
