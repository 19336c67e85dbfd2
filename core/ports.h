/* ports.h - what core needs from the outside: a task store, a state cache, an event bus.
 *
 * Core owns these headers, adapters fill the tables in; no client library's idea passes through.
 * One contract test file per port (test/contract/) runs against every adapter: memory, embedded,
 * cluster. A port is done when all pass the same file.
 *
 * The store is the only truth. Bus and cache are accelerators: everything on them may be lost,
 * doubled, late or reordered, and the cache may come back empty.
 *
 * Threads: a port belongs to one loop thread (core/base/loop.h). Every function here is called on
 * it, and every completion is called on it.
 */
#ifndef SK_CORE_PORTS_H
#define SK_CORE_PORTS_H

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/loop.h"
#include "core/base/mem.h"
#include "core/model/event.h"
#include "core/model/load.h"
#include "core/model/record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ==== task store ==== */

/* One operation. The maker fills in the inputs, submits, and gets it back in done(), on the loop,
 * never from within submit. Until then it and everything it points to stays as it is; afterwards it
 * is the maker's again. Results live in op.arena, which the maker gives and frees.
 *
 * Codes of every operation: SK_OK; SK_EUNAVAIL: the store does not answer, nothing is known of the
 * outcome of a write (read again by id and attempt); SK_ENOSPC: no room, nothing was written;
 * SK_EIO: the store failed. Others are named with the operation.
 *
 * Operations that were submitted before another are applied before it; a read that takes long sees
 * them too, but perhaps also what came after it, and may be answered later. Those that wait
 * together are one batch: one commit. A write is answered when it is durable. */
enum sk_op_kind {
	SK_OP_INSERT,
	SK_OP_GET,
	SK_OP_FIND,
	SK_OP_COUNT,
	SK_OP_MOVE,
	SK_OP_REMOVE,
	SK_OP_ATTEMPTS,
	SK_OP_CLASSES,
	SK_OP_SKALD_PUT,
	SK_OP_SKALD_LIST,
	SK_OP_SKALD_REMOVE,
	SK_OP_LEAD,
	SK_OP_SETTING_GET,
	SK_OP_SETTING_PUT,
	SK_OP_BACKUP,
	SK_OP_CHECK
};

struct sk_op {
	enum sk_op_kind kind;
	void (*done)(struct sk_op *op);
	void *arg; /* the maker's */
	struct sk_arena *arena; /* for results; the maker's; not used by others until done */
	enum sk_code code; /* result */
	struct sk_err err; /* result: the sentence when code != SK_OK */
	/* sk_boot_ms, 0 = none: what has not begun by then is not done. The code is SK_ECANCELED then,
	 * nothing was read or written. For writes of whoever may have lost the right to write while
	 * they waited; to be looked at as late as the store can. */
	int64_t until_ms;
	struct sk_op *next; /* the store's while it is submitted */
};

/* For adapters: its time is over. */
static inline bool
sk_op_late(const struct sk_op *op)
{
	return op->until_ms != 0 && sk_boot_ms() >= op->until_ms;
}

/* For adapters: operations one after another, linked by `next`. Zeroed is empty. */
struct sk_op_list {
	struct sk_op *head, *tail;
};
void sk_op_push(struct sk_op_list *l, struct sk_op *op);
/* NULL when it is empty. */
struct sk_op *sk_op_pop(struct sk_op_list *l);
/* All of b behind a; b is empty then. */
void sk_op_append(struct sk_op_list *a, struct sk_op_list *b);
/* It failed as a whole: its code, and why. */
void sk_op_answer(struct sk_op *op, enum sk_code code, const struct sk_err *err);

/* Store new tasks. All of them or none: the first record that cannot be inserted decides the code;
 * with `each`, every record on its own. SK_ECONFLICT: a task with that id, or one that is not final
 * with that unique key, is there already. */
struct sk_op_insert {
	struct sk_op op;
	const struct sk_record *const *records;
	size_t n;
	bool each;
	/* Store nothing, only look what is in the way of each; the codes are as with each. */
	bool dry;
	/* Result, n of them, in op.arena: SK_OK, SK_ECONFLICT, or SK_ECANCELED: nothing is in its way,
	 * but all were meant to go in and another could not. */
	enum sk_code *codes;
	struct sk_record **found; /* result: what stands in the way of each, or NULL; in op.arena */
	uint64_t *seqs; /* result: of the new rows, 0 where none was made; in op.arena */
};

/* Read tasks by id. */
struct sk_op_get {
	struct sk_op op;
	const char *const *ids;
	size_t n;
	struct sk_record **records; /* result, n of them: NULL where there is no such task */
};

/* Which tasks. A member that is zero, NULL or "" does not restrict. All conditions hold
 * together. */
struct sk_filter {
	unsigned phases; /* bits 1u << enum sk_phase */
	unsigned gates; /* bits 1u << enum sk_gate */
	bool wanted_run; /* only tasks whose intent is to run */
	const char *class_name; /* exact */
	const char *executor; /* exact */
	const char *label; /* "key=value": has it; "key": has any value */
	const char *id_part; /* substring of the id, ASCII case ignored */
	const char *class_part; /* likewise of the class */
	const char *parent; /* elements of this array */
	const char *depends_on; /* tasks that name this id among their dependencies */
	bool no_elements; /* leave elements of arrays out */
	bool arrays; /* only parents of arrays */
	/* Mixed fleets; a store that only we write has none of these. */
	bool foreign; /* made by the original and not adopted */
	bool foreign_active; /* of these, those of mode Active */
	bool disputed; /* somebody else wrote their status */
	int64_t created_after, created_before; /* create_ms > … and < … */
	int64_t updated_after; /* update_ms >= …: what may have changed since */
	int64_t due_before; /* due_ms <= … */
	int64_t finished_before; /* finish_ms < … and not 0 */
};

enum sk_order {
	SK_OLDEST_FIRST, /* in order of acceptance */
	SK_NEWEST_FIRST,
	SK_BY_RANK, /* rank_ms, then acceptance */
	SK_BY_UPDATE, /* latest update first */
	SK_BY_DUE /* due_ms, then acceptance */
};

#define SK_FIND_MAX 10000

/* A page of tasks. Keyset paging: `after` is the `next` of the page before, NULL for the first; it
 * is opaque text, valid for the same order. Nothing is shown twice or left out because of tasks
 * that are added meanwhile. Instead of it `behind` may be given: the page begins behind the place
 * where this record stands in the order, if it is there or not; only its seq and what the order
 * goes by count. SK_EINVAL: a cursor that this store did not make, a limit that is none, a skip in
 * another order than that of acceptance. */
struct sk_op_find {
	struct sk_op op;
	struct sk_filter filter;
	enum sk_order order;
	size_t limit; /* 1..SK_FIND_MAX */
	const char *after;
	const struct sk_record *behind;
	size_t skip; /* in order of acceptance: pass so many over first; costs by how many they are */
	bool thin; /* spec, result and message are not needed */
	struct sk_record **records; /* result */
	size_t n;
	const char *next; /* result: NULL when this was the last page */
};

/* How many tasks, by phase. */
struct sk_op_count {
	struct sk_op op;
	struct sk_filter filter;
	bool numbers_only; /* oldest_waiting_ms is not needed, and may be left 0 */
	int64_t by_phase[SK_N_PHASE]; /* result */
	int64_t oldest_waiting_ms; /* result: create_ms of the oldest task that is Created; 0 = none */
};

/* What a move changes. */
enum sk_patch_bits {
	SK_SET_LIFE = 1u << 0, /* phase, wanted, attempt, failures, executor, incarnation */
	SK_SET_GATE = 1u << 1, /* gate, due_ms */
	SK_SET_START = 1u << 2, /* start_ms; progress and stage are cleared */
	SK_SET_EXIT = 1u << 3, /* exit, finish_ms */
	SK_SET_RESULT = 1u << 4,
	SK_SET_PROGRESS = 1u << 5, /* progress, stage */
	SK_SET_ATTACHMENTS = 1u << 6, /* the spec is replaced */
	SK_SET_ARRAY = 1u << 7, /* array: the indices still to start */
	SK_SET_RANK = 1u << 8, /* priority, rank_ms */
	SK_SET_CREATED = 1u << 9, /* create_ms: a retry begins anew */
	/* Alone, and of a foreign document alone (SK_ECONFLICT else): lifecycleStatus becomes `status`
	 * of `to`, and it stays foreign. Stores that no program of the original sees ignore it. */
	SK_SET_STATUS = 1u << 10
};

/* One attempt that has ended, kept when there is something to tell that its successor would
 * overwrite: every attempt that did not finish well, and every result. */
struct sk_attempt {
	uint32_t attempt;
	const char *executor; /* "" = none */
	int64_t start_ms, finish_ms;
	struct sk_exit exit;
	int64_t max_rss_kb, cpu_ms;
	const char *tail; /* the end of its output, NULL = none */
	size_t tail_len;
};

/* Change one task, if it still is as expected (compare-and-set). */
struct sk_move {
	const char *id;
	uint64_t seq; /* of the record it was read from; 0 = not known */
	uint32_t expect_attempt;
	enum sk_phase expect_phase;
	bool expect_wanted; /* also compare wanted, with: */
	enum sk_wanted wanted;
	unsigned set; /* enum sk_patch_bits */
	const struct sk_record *to; /* the new values of what is set; update_ms is always set from it */
	const struct sk_attempt *ended; /* also keep this attempt, in place of one with its number */
	/* Result: SK_OK, SK_ENOENT, SK_ECONFLICT: it is otherwise, it would come back to life while
	 * another task has its unique key, or it would become Running while a stranger's Cancelled
	 * stands over its phase: that is a wish, which nobody must write over before it was heard. */
	enum sk_code code;
};
/* It makes an attempt that was given, or frozen, one that runs. */
static inline bool
sk_move_runs(const struct sk_move *v)
{
	return (v->set & SK_SET_LIFE) != 0 && v->to->life.phase == SK_RUNNING &&
		(v->expect_phase == SK_ASSIGNING || v->expect_phase == SK_PAUSED);
}

/* Each move stands for itself; op.code is SK_OK when all were tried. */
struct sk_op_move {
	struct sk_op op;
	struct sk_move *moves;
	size_t n;
};

/* Remove tasks that are final, with their attempts; others are left (SK_ECONFLICT in codes). An
 * array's parent takes its elements with it. */
struct sk_op_remove {
	struct sk_op op;
	const char *const *ids;
	size_t n;
	enum sk_code *codes; /* result: SK_OK, SK_ENOENT, SK_ECONFLICT; in op.arena */
};

/* The attempts kept of a task, oldest first. SK_ENOENT: no such task. */
struct sk_op_attempts {
	struct sk_op op;
	const char *id;
	struct sk_attempt *attempts; /* result */
	size_t n;
};

/* The class names in use, sorted. */
struct sk_op_classes {
	struct sk_op op;
	const char **names; /* result */
	size_t n;
};

/* ---- skalds ---- */

enum sk_skald_mode { SK_MODE_NODE, SK_MODE_EDGE, SK_MODE_SINGLE };

/* What a skald says of itself: one row, renewed by its lease. */
struct sk_skald {
	const char *id;
	uint64_t incarnation; /* of this start; never 0 */
	uint64_t renewals; /* grows with each renewal: a reader sees life by its change alone */
	enum sk_skald_mode mode;
	const char *version, *host; /* for people */
	int64_t slots;
	double cpus;
	int64_t memory_mb, gpus;
	const char *const *classes; /* NULL-terminated */
	const struct sk_value *labels; /* a map of strings */
	bool draining;
	int64_t lease_ms; /* it trusts itself for so long after a renewal; 0 = not told */
	/* No row in the store: a node of the original, known by its keys in the cache alone; its
	 * incarnation is 0. Stores neither keep nor return it. */
	bool original;
	int64_t start_ms, seen_ms; /* wall clock, for people only */
	struct sk_load load; /* of its machine, some seconds old; rows of older versions tell none */
};

/* A deep copy in the arena; labels are a map then, texts are not NULL. */
struct sk_skald *sk_skald_copy(struct sk_arena *a, const struct sk_skald *s);

/* Insert or renew. SK_ECONFLICT: the row belongs to another incarnation whose start is not older
 * than ours and `take` is false; the row is left. */
struct sk_op_skald_put {
	struct sk_op op;
	const struct sk_skald *skald;
	bool take; /* replace whatever incarnation is there */
	bool keep_draining; /* `draining` of the stored row stays (set by people) */
};
struct sk_op_skald_list {
	struct sk_op op;
	struct sk_skald **skalds; /* result, by id */
	size_t n;
};
/* SK_ENOENT. */
struct sk_op_skald_remove {
	struct sk_op op;
	const char *id;
};

/* The leader's row: {"", 0, 0} while there is none. One compare-and-set on it:
 *
 *	keep   {us, term}                   stored: us, that term -> renewals + 1
 *	take   {us, term, take, renewals}   stored: another or "", that term and just so many renewals
 *	                                    (they have stood still) -> {us, term + 1, renewals + 1};
 *	                                    stored: us, that term -> the same as keep
 *	leave  {"", term, take, renewals}   a take by nobody: the next one need not wait
 *	look   {us, 0}                      changes nothing: there is no term 0 to be kept
 *
 * Holders are told apart by their text alone: it must be another one for each start of a program.
 * SK_ECONFLICT: the row is otherwise, nothing was changed (the answer to a look, always). The row
 * as it then stands is in the results. */
struct sk_op_lead {
	struct sk_op op;
	const char *holder;
	uint64_t term; /* the term we believe in */
	uint64_t renewals; /* take: as they were last seen */
	bool take; /* we want to become the holder of this term's successor */
	const char *now_holder; /* results */
	uint64_t now_term, now_renewals;
};

/* A named value of the whole store ("" when never set); value is replaced. */
struct sk_op_setting {
	struct sk_op op;
	const char *name;
	const char *value; /* input of PUT, result of GET */
};

/* A consistent copy of the whole store in a new file, while it is in use. SK_ECONFLICT: the file
 * exists; SK_EINVAL: this store cannot. */
struct sk_op_backup {
	struct sk_op op;
	const char *path;
};

/* Is the store sound? problems is "" when it is. */
struct sk_op_check {
	struct sk_op op;
	const char *problems; /* result, one a line */
};

struct sk_store;
struct sk_store_ops {
	const char *name; /* "memory", "sqlite", "mongo" */
	/* Queue an operation. Never blocks, never completes at once. */
	void (*submit)(struct sk_store *s, struct sk_op *op);
	/* Complete what is queued (each op is called back), then free. */
	void (*close)(struct sk_store *s);
};
/* Embedded as the first member of an adapter's own struct. */
struct sk_store {
	const struct sk_store_ops *ops;
};

static inline void
sk_store_submit(struct sk_store *s, struct sk_op *op)
{
	s->ops->submit(s, op);
}
static inline void
sk_store_close(struct sk_store *s)
{
	if (s != NULL)
		s->ops->close(s);
}

/* Submit and run the loop until it is done: for start-up and for commands without a server. The
 * maker's done is not called. */
enum sk_code sk_store_wait(struct sk_store *s, struct sk_loop *loop, struct sk_op *op);

/* Does a record pass? By the record alone; what `thin` leaves out counts as absent. For adapters
 * without a query language, and to test the others against. */
bool sk_filter_match(const struct sk_filter *f, const struct sk_record *r);
/* Do both let pass the same? By what they say; false may be wrong, true never is. */
bool sk_filter_same(const struct sk_filter *a, const struct sk_filter *b);
/* Apply a patch to a record: what a move does, for adapters without one. Borrows from `to`. */
void sk_patch_apply(struct sk_record *r, unsigned set, const struct sk_record *to);

/* ==== state cache ==== */

/* Volatile values with a lifetime: presence, output tails. Values are bytes. ttl_ms 0 = for
 * ever. */
struct sk_cache;
struct sk_cache_ops {
	const char *name;
	/* Copy and queue; never blocks; what cannot be delivered is dropped and counted. */
	void (*put)(struct sk_cache *c, const char *key, const void *value, size_t n, int64_t ttl_ms);
	/* One field of a hash, with a lifetime of its own. */
	void (*put_field)(struct sk_cache *c, const char *key, const char *field, const void *value,
		size_t n, int64_t ttl_ms);
	/* Replace a list as a whole. */
	void (*put_list)(
		struct sk_cache *c, const char *key, const char *const *items, size_t n, int64_t ttl_ms);
	void (*remove)(struct sk_cache *c, const char *key);
	void (*remove_field)(struct sk_cache *c, const char *key, const char *field);
	/* fn is called once, on the loop, never from within; found false: absent, or the cache is away
	 * (code SK_EUNAVAIL). The value is borrowed during the call. */
	void (*get)(struct sk_cache *c, const char *key,
		void (*fn)(void *arg, enum sk_code code, bool found, const void *value, size_t n),
		void *arg);
	/* fn is called for each field, then once with field NULL. */
	void (*get_fields)(struct sk_cache *c, const char *key,
		void (*fn)(void *arg, enum sk_code code, const char *field, const void *value, size_t n),
		void *arg);
	void (*get_list)(struct sk_cache *c, const char *key,
		void (*fn)(void *arg, enum sk_code code, const char *const *items, size_t n), void *arg);
	void (*close)(struct sk_cache *c);
};
struct sk_cache {
	const struct sk_cache_ops *ops;
};

/* ==== event bus ==== */

enum sk_topic {
	SK_TOPIC_ASSIGN, /* to nodes: look at the task */
	SK_TOPIC_CANCEL,
	SK_TOPIC_UPDATE, /* its attachments changed */
	SK_TOPIC_EVENT, /* ours: what happened */
	SK_N_TOPIC
};

/* At least once is hoped for, nothing is promised; in order per task. A message carries ids and
 * numbers, never a command: assign, cancel and update fill task, attempt and skald only, and those
 * of the original's programs the task alone (attempt 0, skald ""). */
struct sk_bus;
typedef void sk_bus_fn(void *arg, enum sk_topic topic, const struct sk_event *e);
struct sk_bus_ops {
	const char *name;
	/* Copy and queue; never blocks. SK_EAGAIN: the queue is full, the message is dropped. */
	enum sk_code (*publish)(struct sk_bus *b, enum sk_topic topic, const struct sk_event *e);
	/* From now on fn gets what is published on the topics (bits 1u << enum sk_topic), on the loop,
	 * never from within publish; the event is borrowed during the call. Several may subscribe. */
	enum sk_code (*subscribe)(
		struct sk_bus *b, unsigned topics, sk_bus_fn *fn, void *arg, struct sk_err *err);
	void (*unsubscribe)(struct sk_bus *b, sk_bus_fn *fn, void *arg);
	void (*close)(struct sk_bus *b);
};
struct sk_bus {
	const struct sk_bus_ops *ops;
};

static inline enum sk_code
sk_bus_publish(struct sk_bus *b, enum sk_topic topic, const struct sk_event *e)
{
	return b->ops->publish(b, topic, e);
}

#endif
