/* told.h - how a task of a plan stands, in the words of core/control/active.h: for those that are
 * told of what an edge or a run-one executes (record.h, liaison.h). */
#ifndef SK_CMD_TOLD_H
#define SK_CMD_TOLD_H

#include "core/control/active.h"
#include "core/run/plan.h"

/* event: what happened (sk_plan_ops.event), "" = nothing. Who executes it is left out. Borrows from
 * the task. */
void sk_told(const struct sk_plan_task *t, const char *event, struct sk_active *a);

#endif
