/* outputs.h - the output of ended attempts, DIR/logs/<task>/<attempt>.log, is kept to a size in
 * all.
 *
 * Supervisors write the files, also those of edge and run-one in the same directory; removed tasks
 * take theirs with them; here the oldest ones go earlier when there is too much. What may still be
 * written does not count and does not go. Looking at a million files takes
 * seconds, so a thread of its own does it, seldom enough to take a fiftieth of one cpu at most.
 */
#ifndef SK_ADAPTERS_OUTPUTS_H
#define SK_ADAPTERS_OUTPUTS_H

#include "core/base/err.h"
#include "core/base/loop.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Attempts that may still write: these files, and later ones of the task, stay. */
struct sk_outputs_live;
void sk_outputs_add_live(struct sk_outputs_live *l, const char *id, uint32_t attempt);

struct sk_outputs_config {
	struct sk_loop *loop;
	const char *data_dir;
	int64_t limit; /* bytes, each file in whole blocks of 4 KiB */
	int64_t pause_ms; /* between two looks, at least; 0 = a minute */
	/* Add all that live. False: they are not known yet, ask again. */
	bool (*live)(void *arg, struct sk_outputs_live *l);
	void *arg;
};

struct sk_outputs;
/* The first look is soon. Never NULL. */
struct sk_outputs *sk_outputs_open(const struct sk_outputs_config *cfg);
/* Ends a look that goes on. NULL is allowed. */
void sk_outputs_close(struct sk_outputs *o);

/* ---- one look, on any thread; for the above and for tests ---- */

struct sk_outputs_live *sk_outputs_live_new(const char *data_dir);
void sk_outputs_live_free(struct sk_outputs_live *l);

struct sk_outputs_result {
	int64_t before; /* bytes of ended attempts that were there */
	int64_t files, bytes; /* removed */
};
/* Down to nine tenths of the limit when it is more. A file that was written within the last minute,
 * or that a supervisor has open, stays in any case. *stop may be set by another thread. */
void sk_outputs_trim(const char *data_dir, int64_t limit, struct sk_outputs_live *live,
	const atomic_bool *stop, struct sk_outputs_result *result);

#endif
