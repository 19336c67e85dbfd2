/* record.h - one task as it is stored, whatever the store: the columns that decide, and the rest.
 *
 * What a dispatcher, a monitor or a list needs without opening the task has a member of its own
 * (narrow columns, indexes). Everything that is only handed on is in `spec`, a map with the names
 * of cli.md ("A task as JSON"): name description source mode isPersistent dependencies
 * deadlineDateTime attachments backoffSeconds maxBackoffSeconds timeoutSeconds graceSeconds labels
 * resources onDisconnect dependencyPolicy user cwd env stdin yamlHash. A member that is absent has
 * its default (record_spec.h). A spec never changes but by an update of its attachments.
 *
 * Changing what is stored: add the member here, in record_json.c, in each store's row code, raise
 * the store's schema version and write the migration (adapters/sqlite/schema.c says how).
 */
#ifndef SK_CORE_MODEL_RECORD_H
#define SK_CORE_MODEL_RECORD_H

#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/base/value.h"
#include "core/model/lifecycle.h"
#include "core/run/frames.h"
#include <stdbool.h>
#include <stdint.h>

/* Why a task that is Created cannot be assigned yet. */
enum sk_gate {
	SK_GATE_OPEN, /* ready: only a skald with room is missing */
	SK_GATE_TIME, /* until due_ms: notBefore, or the next try after a failure */
	SK_GATE_DEPENDENCY, /* a dependency has not ended */
	SK_N_GATE
};

/* One level of priority is worth this much waiting: a task of priority p overtakes what was
 * accepted up to p times as long before it, and nothing starves. */
#define SK_PRIORITY_MS 600000

#define SK_RESULT_MAX ((size_t)64 << 10)
#define SK_TAIL_MAX ((size_t)64 << 10)

/* How the last attempt ended (cli.md: exit). */
struct sk_exit {
	bool known;
	enum sk_reason reason;
	int32_t code, signal;
	const char *message; /* "" = none */
};

struct sk_record {
	uint64_t seq; /* order of acceptance in this store, from 1; 0 = not stored; opaque to core */
	const char *id;
	const char *class_name;
	struct sk_life life; /* phase, wanted, attempt, failures, maxAttempts, executor, incarnation */
	int64_t priority; /* 0..10 */
	int64_t
		rank_ms; /* ready tasks start in this order: createDateTime - priority * SK_PRIORITY_MS */
	enum sk_gate gate; /* while Created */
	int64_t due_ms; /* wall clock, while SK_GATE_TIME; nextRetry or notBefore */
	int64_t create_ms, update_ms; /* wall clock */
	int64_t start_ms, finish_ms; /* of the last attempt; 0 = not yet */
	double progress; /* 0..1, of the last attempt */
	const char *stage; /* "" = none */
	struct sk_exit exit; /* of the last attempt that ended */
	const char *result; /* bytes, NULL = none */
	size_t result_len;
	const char *unique_key; /* "" = none; only one task that is not final may have it */
	/* Arrays (cli.md): a parent has `array`, the indices still to start ("5-9,12"), "" when all
	 * have rows, NULL when it is no array. An element has its parent's id and its index. */
	const char *array;
	int64_t array_size; /* of a parent: how many elements in all; 0 = no array */
	const char *array_parent; /* "" = no element */
	int64_t array_index;
	/* Mixed fleets (architecture.md 5). Made by the original and not adopted: the store has no
	 * phase of it. life is what its lifecycleStatus and executor tell, attempt 0, incarnation 0;
	 * the first move of a controller adopts it. Only controllers write it. */
	bool foreign;
	/* Somebody else wrote lifecycleStatus: it is `status` and not the phase. */
	bool disputed;
	enum sk_phase status; /* valid while disputed */
	const struct sk_value *spec; /* never NULL */
};

/* It is executed in the original's way: nothing but keys in the cache tells what becomes of it, and
 * a controller writes that down. Of a task that is live. */
static inline bool
sk_record_by_original(const struct sk_record *r)
{
	return r->life.incarnation == 0;
}

/* "open", "time", "dependency". */
const char *sk_gate_name(enum sk_gate g);

/* All members zero or "", an empty spec in the arena. */
void sk_record_init(struct sk_record *r, struct sk_arena *a);
/* A deep copy in the arena. */
struct sk_record *sk_record_copy(struct sk_arena *a, const struct sk_record *r);

/* The task as JSON, one object, the names of cli.md; members that are unknown are null, as the
 * original does. Secrets among the attachments (fields of the class's table marked so; workers may
 * be NULL) are "***". */
struct sk_worker;
void sk_record_json(
	struct sk_str *out, const struct sk_record *r, const struct sk_worker *const *workers);

/* Its attachments alone, as a map. */
void sk_record_attachments_json(
	struct sk_str *out, const struct sk_record *r, const struct sk_worker *const *workers);

/* A new ULID, lower case, 26 characters and a NUL: sortable by the time of its making; two made by
 * one process in the same millisecond keep their order. Random bits come from getrandom(2). */
#define SK_ULID_LEN 27
struct sk_ulid {
	int64_t last_ms;
	unsigned char random[10];
};
void sk_ulid_make(struct sk_ulid *state, int64_t wall_ms, char out[SK_ULID_LEN]);

#endif
