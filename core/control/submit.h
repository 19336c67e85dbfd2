/* submit.h - a task as people give it, checked, completed and made a record. Pure. */
#ifndef SK_CORE_CONTROL_SUBMIT_H
#define SK_CORE_CONTROL_SUBMIT_H

#include "core/base/problem.h"
#include "core/model/record_spec.h"
#include "core/run/worker.h"

/* The table of a submission: every member that `POST /v1/tasks` takes. */
extern const struct sk_field sk_submit_fields[];

struct sk_submit_context {
	const struct sk_worker *const *workers; /* NULL at the end */
	int64_t now_ms; /* wall clock */
	struct sk_ulid *ulid; /* for tasks without an id; NULL: their id is "", the caller finds one */
	const char *source; /* "CLI", "API", … where the task does not say */
};

/* What a skald is sent of a task (frames.h) must fit one frame. */
#define SK_SUBMIT_MAX_BYTES ((size_t)192 << 10)
/* Of the id of an array: its elements are called id.index. */
#define SK_ARRAY_ID_MAX 238

/* Check a submission (a map) and fill *out, whose parts live in the arena or are borrowed from v.
 * All problems are reported with their place and path; returns false when there was an error.
 * The record is Created; its gate is by its dependencies and its notBefore; it has an id. With
 * both, the gate is SK_GATE_DEPENDENCY and due_ms is the notBefore that counts afterwards. */
bool sk_submit_record(const struct sk_submit_context *ctx, const struct sk_value *v,
	struct sk_arena *a, struct sk_record *out, struct sk_problems *p);

/* Attachments as they are stored: checked by the class, each name as the class documents it. NULL
 * after problems; v == NULL or null counts as an empty map. Parts are borrowed from v. */
const struct sk_value *sk_submit_attachments(const struct sk_worker *worker,
	const struct sk_value *v, const char *path, struct sk_arena *a, struct sk_problems *p);

/* The map with the names that the table documents in place of members' names. */
const struct sk_value *
sk_submit_documented(const struct sk_field *fields, const struct sk_value *v, struct sk_arena *a);
/* Bytes that attachments take when they are sent, no less; 0 for NULL. */
size_t sk_submit_size(const struct sk_value *v);

/* Is what is stored the same task as what is submitted, times left out? Then the submission was
 * sent twice. */
bool sk_submit_same(const struct sk_record *stored, const struct sk_record *submitted);

/* "0-99,120": indices and ranges, ascending, at most 10,000,000 elements, each at most 2^53. The
 * number of elements; -1 and a sentence when it is malformed. */
int64_t sk_array_count(const char *text, struct sk_err *err);
/* Take up to max indices off the front: fills idx, writes what is left to rest ("" = nothing).
 * Returns how many. The text must be well-formed. */
size_t sk_array_take(const char *text, size_t max, int64_t *idx, struct sk_str *rest);
/* Are all indices of part among those of whole? Both well-formed or "". */
bool sk_array_within(const char *part, const char *whole);

#endif
