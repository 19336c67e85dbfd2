/* active.h - tasks of mode Active: an edge or a run-one executes what its file says and tells us
 * how it stands; nothing is dispatched. Pure.
 *
 * What is told is the state, not the step: words may be lost, come twice or late, and the next one
 * is right again. An attempt is the same when skald, incarnation and start are. */
#ifndef SK_CORE_CONTROL_ACTIVE_H
#define SK_CORE_CONTROL_ACTIVE_H

#include "core/model/record_spec.h"
#include "core/ports.h"

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
	bool keep; /* what is stored of the attachments stays; a new task has those above */
	const char *name, *source, *description;
	const char *yaml_hash; /* of the file's entry (sk_active_hash); NULL = not told */
	bool once; /* isPersistent is false, as the original's edges say of all theirs */
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

/* An attempt that ended badly is kept, as a node keeps it: what of the record, which has just been
 * brought to what is told with these bits. False: there is nothing to keep. */
bool sk_active_ended(
	const struct sk_record *r, const struct sk_active *a, unsigned set, struct sk_attempt *out);

/* What those who listen are to be told of the step from before (NULL: it is new) to r. Returns how
 * many. */
#define SK_ACTIVE_NEWS 3
size_t sk_active_news(const struct sk_life *before, const struct sk_record *r,
	const struct sk_active *a, enum sk_event_kind out[SK_ACTIVE_NEWS]);

/* The yamlHash of a file's entry: class and attachments, whatever the order of members. */
#define SK_ACTIVE_HASH_LEN 17
void sk_active_hash(
	const char *class_name, const struct sk_value *attachments, char out[SK_ACTIVE_HASH_LEN]);

/* May others change its attachments? An edge that works with a store looks at them: it has left its
 * yamlHash there. */
bool sk_record_updatable(const struct sk_record *r);

/* Why others cannot change it. */
#define SK_ACTIVE_ELSEWHERE \
	"an edge or run-one runs it on its own account: it is started, stopped and changed there"

/* Is it of mode Active? */
bool sk_record_active(const struct sk_record *r);

#endif
