/* document.h - a stored task as a document of the collection "tasks", and back. Without a server.
 *
 *	of the original (skalds-protocol.md 3.3), with its types: id className source name description
 *		executor dependencies mode isPersistent createDateTime updateDateTime deadlineDateTime
 *		lifecycleStatus priority attachments
 *	of cli.md: phase wanted attempt failures maxAttempts executorIncarnation startDateTime
 *		finishDateTime progress {value, stage} result exit {reason, code, signal, message}
 *		uniqueKey arrayParent arrayIndex, and the members of the spec by their names
 *	ours alone: seq rank gate due array arraySize adopted
 *		specMembers	the names of the spec's members, in their order; what else stands there of
 *				the original's is filled in for its readers
 *		odd		members of the spec that cannot stand there as they are (a key with a dot, a
 *				type that the original refuses), as sk_value_encode
 *		labelIndex needs	labels ("k", "k=v") and dependencies, to be found by
 *		move		the last move, by the number that its writer made up for it
 *		ended {attempt: …}	attempts on their way to skalds.attempts
 *		keyClaim	the number of the claim on the unique key
 *		batch batchPart stagedPhase stagedAt	only while phase is "Staged": an insert of
 *				all or none that is not decided yet. lifecycleStatus is Cancelled then: of the
 *				original's words the one that nobody acts on, and that claims nothing was done
 *
 * No phase: the original made it, and nobody has adopted it (record.h: foreign).
 */
#ifndef SK_ADAPTERS_MONGO_DOCUMENT_H
#define SK_ADAPTERS_MONGO_DOCUMENT_H

#include "adapters/mongo/bson.h"
#include "core/ports.h"

#define SK_MG_STAGED "Staged"
#define SK_MG_STAGED_STATUS "Cancelled"
/* Larger documents are not read. */
#define SK_MG_DOCUMENT_MAX ((size_t)12 << 20)

struct sk_mg_stamp {
	uint64_t seq;
	int64_t claim; /* on the unique key; 0 = none */
	const char *batch; /* NULL: it is there at once */
	int64_t part; /* of the batch */
	int64_t now_ms;
};
/* The document of a new task, appended to b. */
void sk_mg_put_record(bson_t *b, const struct sk_record *r, const struct sk_mg_stamp *stamp);

/* What an update writes ($set) for the bits, and what it removes ($unset). */
void sk_mg_put_patch(bson_t *set, bson_t *unset, unsigned bits, const struct sk_record *to);
/* What makes a document of the original ours, beside the patch. */
void sk_mg_put_adoption(bson_t *set, unsigned bits, enum sk_phase phase);

void sk_mg_put_attempt(bson_t *b, const struct sk_attempt *a);
/* NULL when it is none. */
struct sk_attempt *sk_mg_take_attempt(const bson_t *doc, struct sk_arena *a);

/* ---- reading ---- */

enum sk_mg_width { SK_MG_WHOLE, SK_MG_THIN };

/* NULL: *why names the member and what is wrong with it (in the arena), "" when the task is not
 * there yet (staged). Foreign members are ignored; any bytes are. */
struct sk_record *
sk_mg_take_record(const bson_t *doc, enum sk_mg_width width, struct sk_arena *a, const char **why);

/* The names of members of a spec that are known, NULL at the end. */
extern const char *const sk_mg_spec_names[];
/* Not for specs. */
bool sk_mg_reserved(const char *name);

#endif
