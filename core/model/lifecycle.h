/* lifecycle.h - the states of a stored task and the only ways between them.
 *
 * Pure: no clock, no I/O. A store applies the outcome by compare-and-set on (id, attempt, phase);
 * code outside this table changes no phase. Names of the phases are the original's
 * (skalds-protocol.md 4.1); what it lacks is ours (architecture.md 5):
 *	phase		where the task stands; lifecycleStatus is its projection
 *	wanted		the stored intent; phase follows when it is true
 *	attempt		grows by one with each assignment; fences everything an execution reports
 *	failures	spent retry budget; maxAttempts compares with it; interrupted and lost by a drain
 *			do not add to it
 */
#ifndef SK_CORE_MODEL_LIFECYCLE_H
#define SK_CORE_MODEL_LIFECYCLE_H

#include "core/base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum sk_phase {
	SK_CREATED, /* waits: for a dispatcher, a time, a dependency, its next try */
	SK_ASSIGNING, /* given to a skald, not known to run */
	SK_RUNNING,
	SK_PAUSED, /* its tree is frozen; it keeps its skald */
	SK_FINISHED, /* the rest is final */
	SK_FAILED,
	SK_CANCELLED,
	SK_N_PHASE
};

enum sk_wanted { SK_WANT_RUN, SK_WANT_PAUSE, SK_WANT_CANCEL };

enum sk_life_kind {
	SK_LIFE_ASSIGN, /* dispatcher: to executor, incarnation; the attempt is counted here */
	SK_LIFE_START, /* skald: the process runs */
	SK_LIFE_PAUSED, /* skald: the tree is frozen */
	SK_LIFE_RESUMED, /* skald: the tree runs again */
	SK_LIFE_FINISH, /* skald: ended well */
	SK_LIFE_FAIL, /* skald: ended badly; a retry if the budget allows one */
	SK_LIFE_INTERRUPT, /* skald: stopped for skalds' own reasons (drain, lease): not its failure */
	SK_LIFE_EXPIRE, /* monitor: the skald is lost; counts as a failure (poison tasks end) */
	SK_LIFE_GONE, /* skald: stopped on request, the tree is empty */
	SK_LIFE_REFUSE, /* dispatcher: it can never run (deadline, dependency): final failure */
	SK_LIFE_CANCEL, /* user */
	SK_LIFE_PAUSE, /* user */
	SK_LIFE_RESUME, /* user */
	SK_LIFE_RETRY, /* user: again from a final phase, with a fresh budget */
	SK_N_LIFE
};

/* The part of a task that the life cycle owns. */
struct sk_life {
	enum sk_phase phase;
	enum sk_wanted wanted;
	uint32_t attempt; /* 0 = never assigned */
	uint32_t failures;
	uint32_t max_attempts; /* at least 1 */
	char executor[64]; /* who has it; when it is final: who had its last attempt; "" = nobody */
	uint64_t incarnation; /* of the executor */
	bool backing_off; /* the last step was a failure with a retry: the caller sets nextRetry */
};

struct sk_life_event {
	enum sk_life_kind kind;
	uint32_t attempt; /* reports of skalds and the monitor: of which attempt */
	const char *executor; /* ASSIGN; reports of skalds: who reports */
	uint64_t incarnation;
};

/* Apply the event. SK_OK: *t is the new state. SK_ECONFLICT: a stale report (another attempt,
 * executor or incarnation): nothing changed, count it. SK_EINVAL: not possible in this phase,
 * nothing changed; the sentence is for the user. */
enum sk_code
sk_life_step(struct sk_life *t, const struct sk_life_event *ev, struct sk_err *err) SK_CHECKED;

/* The next phase by the table alone, SK_N_PHASE when refused: for tests and documents. */
enum sk_phase sk_life_next(enum sk_phase phase, enum sk_life_kind kind);

/* "Created", "Assigning", …: as stored. */
/* By number, NULL at the end. */
extern const char *const sk_phase_names[];
const char *sk_phase_name(enum sk_phase p);
/* False when it is none of them. Case counts, as in the original. */
bool sk_phase_parse(const char *text, enum sk_phase *p) SK_CHECKED;
const char *sk_wanted_name(enum sk_wanted w);
const char *sk_life_kind_name(enum sk_life_kind k);
/* Finished, Failed, Cancelled. */
bool sk_phase_final(enum sk_phase p);
/* Assigning, Running, Paused: an attempt may be executing. */
bool sk_phase_live(enum sk_phase p);

#endif
