/* warm.h - what the supervisor and one warm worker share: a ring of tasks in anonymous memory,
 * mapped before the fork, and the frames DONE and WAKE for whoever sleeps in the kernel.
 *
 * Tasks have tickets, from 0. The supervisor fills the slot of ticket `tail` and raises tail; the
 * worker goes through the tickets in order. The state of a slot decides who has the task, always by
 * compare-and-exchange:
 *
 *	QUEUED -> TAKEN	worker: it begins		TAKEN -> DONE	worker: it ended well
 *	QUEUED -> BACK	supervisor: taken back		TAKEN -> OWN	supervisor: the process is this
 *								attempt's alone, it ends with it
 *
 * So when a worker dies, the one slot that is TAKEN is the attempt that died with it; those before
 * it are DONE and those behind it were not touched. Everything but success (an error, exit, a
 * crash, a child left behind) ends the process in the state TAKEN: exactly as an attempt with a
 * process of its own ends.
 *
 * Output: a task that wrote something (the bytes in the pipe and those that the supervisor has read
 * tell) marks its slot WROTE, and the worker waits until the supervisor has read everything and
 * raised `open` beyond its ticket: bytes in the pipe are always those of one task.
 *
 * The worker's half is written by user code's process. The supervisor believes none of it beyond
 * the state, the flags and the times, and takes no address from it.
 */
#ifndef SK_CORE_RUN_WARM_H
#define SK_CORE_RUN_WARM_H

#include "core/run/frames.h"
#include "core/run/worker.h"
#include <stdatomic.h>
#include <stdint.h>

#define SK_WARM_SLOTS 256u /* a power of two */
#define SK_WARM_RING ((size_t)64 << 10) /* bytes for the texts of many small tasks */
#define SK_WARM_DATA (SK_FRAME_MAX + 512) /* one large task alone fits as well */

enum sk_warm_state {
	SK_WARM_FREE,
	SK_WARM_QUEUED,
	SK_WARM_BACK,
	SK_WARM_TAKEN,
	SK_WARM_DONE,
	SK_WARM_OWN
};

enum sk_warm_flags {
	SK_WARM_WROTE = 1, /* there is output of it in the pipe, or may be */
	SK_WARM_SPOKE = 2 /* there are frames of it in the channel */
};

struct sk_warm_slot {
	_Atomic uint32_t state;
	/* the supervisor's, as long as it is not QUEUED */
	uint32_t attempt;
	uint64_t key;
	uint32_t id; /* where in data its id begins, terminated */
	uint32_t att, att_len; /* the encoded attachments */
	/* the worker's, while it is TAKEN */
	uint32_t flags;
	int64_t start_ns, end_ns; /* boot clock; start is set before it is TAKEN */
	uint32_t cpu_ms, rss_kb; /* 0 = not measured */
};

struct sk_warm {
	/* written by the supervisor */
	_Alignas(64) _Atomic uint64_t tail; /* tickets below exist */
	_Atomic uint64_t open; /* tickets below may be followed, though they wrote */
	_Atomic uint64_t read_bytes; /* from the pipe, so far */
	_Atomic uint32_t read_turn; /* odd while read_bytes does not tell */
	/* written by the worker */
	_Alignas(64) _Atomic uint64_t head; /* it has gone past the tickets below */
	_Atomic uint32_t waiting; /* 1: it sleeps until a WAKE comes; who sends it makes it 0 */
	_Atomic uint32_t told; /* 1: a DONE is on its way; the supervisor makes it 0 and looks */
	_Alignas(64) struct sk_warm_slot slots[SK_WARM_SLOTS];
	unsigned char data[SK_WARM_DATA];
};

/* The process of a warm worker: takes tasks until one is its last. Called in the forked child. */
_Noreturn void
sk_warm_main(const struct sk_worker *w, struct sk_warm *warm, char **env, int channel);

#endif
