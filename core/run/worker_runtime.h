/* worker_runtime.h - the process of one compiled-in worker, from the fork to its exit. */
#ifndef SK_CORE_RUN_WORKER_RUNTIME_H
#define SK_CORE_RUN_WORKER_RUNTIME_H

#include "core/run/frames.h"
#include "core/run/worker.h"

/* Decode the attachments, run the hooks in their order (worker.h), exit with the outcome.
 * channel: to the supervisor; env becomes the environment. Called in the forked child. */
_Noreturn void sk_worker_main(const struct sk_worker *w, const struct sk_start *start,
	uint32_t attempt, char **env, int channel);

#endif
