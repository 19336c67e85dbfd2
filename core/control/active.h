/* active.h - tasks of mode Active: an edge or a run-one executes what its file says and tells us
 * how it stands; nothing is dispatched. Pure.
 *
 * What is told is the state, not the step: words may be lost, come twice or late, and the next one
 * is right again. An attempt is the same when skald, incarnation and start are. */
#ifndef SK_CORE_CONTROL_ACTIVE_H
#define SK_CORE_CONTROL_ACTIVE_H

#include "core/model/record_spec.h"

enum sk_active_state {
	SK_ACTIVE_WAITING, /* it will start: dependencies, a slot, back-off */
	SK_ACTIVE_RUNNING,
	SK_ACTIVE_FINISHED,
	SK_ACTIVE_FAILED,
	SK_ACTIVE_CANCELLED /* stopped, skipped, interrupted: whatever exit says */
};

struct sk_active {
	const char *class_name;
	const struct sk_value *attachments; /* a map or NULL */
	const char *name, *source;
	const char *executor;
	int64_t incarnation; /* of the executor's start; never 0 */
	int state; /* enum sk_active_state */
	int64_t start_ms, finish_ms;
	struct sk_exit exit; /* of one that has ended */
	double progress;
	const char *stage;
};

/* A new task as it is told. Borrows. */
void sk_active_record(struct sk_record *r, const char *id, const struct sk_active *a,
	struct sk_arena *arena, int64_t now_ms);

/* Bring a stored task to what is told; the bits of what changed are added to *set, 0 when nothing
 * did. False and err: it cannot be (its mode is not Active). */
bool sk_active_apply(struct sk_record *r, const struct sk_active *a, struct sk_arena *arena,
	int64_t now_ms, unsigned *set, struct sk_err *err);

/* Why others cannot change it. */
#define SK_ACTIVE_ELSEWHERE \
	"an edge or run-one runs it on its own account: it is started, stopped and changed there"

/* Is it of mode Active? */
bool sk_record_active(const struct sk_record *r);

#endif
