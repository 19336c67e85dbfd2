/* record.h - tells the owner of the data directory what an edge or a run-one executes, so that
 * `task list` shows it (PUT /v1/active, core/control/README.md).
 *
 * Best effort: a thread of its own speaks to the socket; nobody waits for it but sk_recorder_close,
 * for at most a second, and nothing that goes wrong here changes what runs. What could not be told
 * is told when the owner is back, ends included, while the process lives. */
#ifndef SK_CMD_RECORD_H
#define SK_CMD_RECORD_H

#include "core/ports.h"
#include "core/run/plan.h"

/* What the end of a process is held up by at most. */
#define SK_RECORD_LAST_MS 1000

struct sk_recorder;
struct sk_settings;

struct sk_recorder_config {
	char *socket; /* of the data directory; NULL = nobody is told */
	char skald_id[64];
	enum sk_skald_mode mode;
	uint64_t incarnation; /* of this start; links come and go */
	int64_t slots, started_ms;
	const char *source; /* "edge", "run-one" */
};

/* Is there somebody to tell? Fills cfg, before the link is made; only looks for the socket. */
void sk_recorder_prepare(struct sk_recorder_config *cfg, const struct sk_settings *settings,
	enum sk_skald_mode mode, int64_t slots);
void sk_recorder_config_release(struct sk_recorder_config *cfg);

/* In the link's process. NULL when nobody listens. Borrows cfg. */
struct sk_recorder *sk_recorder_open(const struct sk_recorder_config *cfg);
/* Something happened to a task (sk_plan_ops.event). id: as which it is recorded. r NULL: nothing
 * happens. */
void sk_recorder_event(
	struct sk_recorder *r, const char *id, const struct sk_plan_task *t, const char *event);
/* Tell what is left, for at most wait_ms, and that the skald has ended. NULL is allowed. */
void sk_recorder_close(struct sk_recorder *r, int64_t wait_ms);

#endif
