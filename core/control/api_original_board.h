/* api_original_board.h - what the original's streams have last told of each skald and each task;
 * the files api_original_board_*.c and api_original_stream.c to each other. Whoever reads hears the
 * same, so there is one board for all of them: a newcomer is told all that stands on it. */
#ifndef SK_CORE_CONTROL_API_ORIGINAL_BOARD_H
#define SK_CORE_CONTROL_API_ORIGINAL_BOARD_H

#include "core/base/map.h"
#include "core/control/api_original.h"
#include "core/control/api_stream.h"
#include "core/control/parts.h"

#define SK_BOARD_BEAT_MS 1000 /* of one subject no heartbeat is told sooner after the last */

/* api_original_board_tasks.c's */
struct sk_board_task;
struct sk_board_skald;

struct sk_board {
	struct sk_control *c;
	struct sk_waiter waiter;
	struct sk_timer pause;
	bool due; /* there is something to look at, whether there are events or not */
	int64_t beats_ms; /* boot clock: when heartbeats were looked at */
	struct sk_sse skalds, tasks; /* what is new; sent to those who are there */
	struct sk_sse all; /* what there is; sent to those who have come */

	struct sk_board_skald *skald_list; /* by id */
	size_t n_skalds;

	struct sk_map by_id; /* tasks */
	size_t n_tasks;
	size_t beats_at; /* whose heartbeats are looked at next */
	uint64_t next; /* number of the event that is taken next */
	bool seeded; /* the store has told which tasks live */
	bool reading; /* an operation is under way */
	bool gone; /* nobody reads any more: it is freed when the operation comes back */
	int64_t sync_ms; /* boot clock: when the store is asked again which tasks live */
	uint64_t round; /* of asking; tasks are marked with it */
	struct sk_arena *arena; /* of the operation */
	union {
		struct sk_op_find find;
		struct sk_op_get get;
	} op;
	struct sk_str wanted; /* ids to be read, each with its NUL */
	size_t n_wanted;
};

/* ---- api_original_board_skalds.c ---- */

/* Bring it up to date; what is new is added to board->skalds. beats: tell of heartbeats, too. */
void sk_board_skalds(struct sk_board *b, bool beats);
/* All of them into board->all. */
void sk_board_all_skalds(struct sk_board *b);
void sk_board_skalds_free(struct sk_board *b);

/* ---- api_original_board_tasks.c ---- */

/* Take the events since the last time, and heartbeats; what is new is added to board->tasks. */
void sk_board_tasks(struct sk_board *b, bool beats);
/* What a record tells, the same. */
void sk_board_record(struct sk_board *b, const struct sk_record *r);
void sk_board_all_tasks(struct sk_board *b);
/* The frames of a task that is not on the board. */
void sk_board_one(struct sk_board *b, const struct sk_record *r, struct sk_str *out);
void sk_board_tasks_free(struct sk_board *b);
/* Ask the store, if it is time or something is to be read. */
void sk_board_read(struct sk_board *b);

/* ---- api_original_stream.c ---- */

/* Begin and end one frame; between them the members of its data are written to s->text. key: the
 * name of the member that has the subject's id. */
void sk_board_begin(
	struct sk_board *b, struct sk_sse *s, const char *type, const char *key, const char *id);
void sk_board_end(struct sk_board *b, struct sk_sse *s, const char *id);
/* Look at everything, and send what is new, when the loop goes on. */
void sk_board_soon(struct sk_board *b);

#endif
