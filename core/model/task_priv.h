/* task_priv.h - what the files of task.h share; nobody else includes it. */
#ifndef SK_CORE_MODEL_TASK_PRIV_H
#define SK_CORE_MODEL_TASK_PRIV_H

#include "core/model/task.h"

/* entries[i] is the map that tasks->items[i] was decoded from, for the places of its parts.
 * Reports unknown dependencies, itself, repeated ones and cycles; false when there was an error. */
bool sk_task_graph_check(const struct sk_task_list *tasks, const struct sk_value *const *entries,
	struct sk_arena *a, struct sk_problems *p);

#endif
