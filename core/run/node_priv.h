/* node_priv.h - the inside of the node, shared by node.c and node_*.c.
 *
 * A task here is one attempt. What the store has of it is believed (`life`) and compared with each
 * write; what the supervisor says of it is noted (started, ended, paused) and makes it dirty: the
 * next flush stores it. A task that is settled stays as a tombstone until every read of the store
 * that began before has come back: a late answer must not start it again. */
#ifndef SK_CORE_RUN_NODE_PRIV_H
#define SK_CORE_RUN_NODE_PRIV_H

#include "core/base/map.h"
#include "core/model/record_spec.h"
#include "core/run/load.h"
#include "core/run/node.h"
#include "core/run/peer.h"

#define NODE_BATCH 1000 /* tasks of one operation */
#define NODE_IN_FLIGHT 4 /* operations of a kind */

struct sk_presence;
struct node_ask;

struct node_list {
	struct node_task *first, *last;
};

struct node_task {
	struct node_task *prev, *next; /* in the list of dirty or of gone ones */
	uint64_t key, seq;
	uint32_t attempt;
	struct sk_life life; /* as the store has it, for all we know */
	uint64_t changed; /* reads up to this number began before the last change here */
	uint64_t seen; /* mark of the last look that had it */
	const struct sk_worker *worker; /* NULL: not in this build */
	const char *class_name; /* behind id */
	bool whole; /* it has a slot to itself: of an ordinary class */
	bool loaded; /* life and the rest of the record were read */
	bool given; /* the supervisor has it */
	bool waiting; /* for gpus */
	bool started, ended;
	bool paused, pausing; /* it is; it was told to */
	bool stopped; /* it was told to stop */
	bool fenced; /* not ours any more: nothing of it is stored */
	bool dirty, moving;
	bool unsure; /* a write of unknown outcome had its end */
	bool look_again; /* something was wanted before it ran */
	bool reread; /* to be read when its move has come back */
	bool gone;
	/* executed in the original's way (node_foreign.c) */
	bool foreign;
	bool kept; /* it ended, and the store may still have it as live: it must not run again */
	bool assigned; /* an assign event made us look */
	bool clear; /* the cache does not speak against its start */
	bool beat_known, elsewhere;
	int64_t beat; /* somebody else's, in the cache */
	int64_t ask_ms; /* boot clock: when the cache is asked again; 0 = not */
	struct node_ask *asked;
	int64_t update_ms; /* of the document */
	uint32_t gpus; /* bits: which it has */
	uint64_t att_hash; /* of the attachments that it was sent last */
	double backoff_s, max_backoff_s;
	int64_t deadline_ms; /* 0 = none */
	bool keep; /* onDisconnect: continue */
	int64_t start_ms, end_ms; /* wall clock */
	/* how it ended */
	enum sk_reason reason;
	int32_t code, signal;
	int64_t max_rss_kb, cpu_ms;
	char *message; /* NULL = none */
	char *result;
	size_t result_len;
	/* how far it is */
	double progress;
	char *stage; /* NULL = none */
	bool progress_dirty;
	int64_t progress_ms; /* boot clock: when it was stored last */
	/* its output in the cache */
	int64_t tail_size, tail_ms; /* as it was put last; when, 0 = never */
	bool tail_over; /* as it was at its end */
	char id[];
};

/* A read of the store that is under way. */
struct node_read {
	struct node_read *prev, *next;
	struct sk_node *n;
	struct sk_arena *arena;
	uint64_t number;
	const bool *assigned; /* of each id: an assign event named it */
	union {
		struct sk_op op;
		struct sk_op_get get;
		struct sk_op_find find;
	} u;
};

struct sk_node {
	struct sk_node_config cfg;
	struct sk_chan chan;
	struct sk_watch *watch;
	struct sk_peer peer;
	uint64_t incarnation; /* 0 until HELLO */
	const char **classes;
	struct sk_spec plain; /* of a task that says nothing */
	uint64_t random;
	bool told; /* the supervisor has told of all it has */
	bool looked; /* the store was looked through since */
	bool ready_said;
	/* tasks, by key */
	struct sk_map tasks;
	size_t n_tasks; /* without those that are gone */
	size_t n_odd; /* whose key is not the hash of their id */
	size_t n_waiting;
	size_t n_whole; /* more than slots: given ahead of free ones */
	struct node_list dirty, gone;
	uint32_t gpus_free;
	uint64_t stale;
	/* reads */
	uint64_t reads;
	struct node_read *first_read, *last_read;
	unsigned n_gets;
	struct sk_str ids; /* to be read, NUL-terminated one after another */
	size_t n_ids;
	struct sk_map queued; /* hashes of those ids, to &queued_once or &queued_assigned */
	bool looking, look_again;
	uint64_t look_mark, look_began; /* began: the number of its first read */
	uint64_t looked_at; /* the began of the last look that was complete */
	/* writes */
	unsigned n_moves;
	struct sk_timer hold, progress, look, retry, ping, renew, trust;
	bool held; /* the store failed: nothing is sent until `retry` */
	bool write_failed;
	int64_t backoff_ms;
	/* the original's world; presence NULL: we have nothing to do with it */
	struct sk_presence *presence;
	struct sk_timer ask;
	struct node_ask *asks;
	struct sk_map strange; /* hashes of classes that are not ours and were told of */
	bool cache_away;
	int64_t leave_ms; /* boot clock: until when the cache may take note that we go; 0 = we do not */
	/* lease */
	bool renewing, cut_off, replaced;
	uint64_t renewals;
	int64_t sent_ms, trusted_ms, renewed_ms; /* boot clock; renewed: the last one that was stored */
	int64_t began_ms; /* wall clock */
	struct sk_skald row;
	struct sk_load_sampler sampler;
	struct sk_load load; /* as it was last looked at, */
	int64_t load_ms; /* and when (boot clock); 0 = never */
	struct sk_op_skald_put put;
	struct sk_arena *put_arena;
	/* output */
	struct {
		struct sk_timer timer;
		struct sk_str text;
		size_t at; /* in the table of tasks */
		unsigned ends; /* in this second, of tasks that were never put */
		bool failing; /* said */
	} tail;
	/* the end */
	bool draining, given_up, peer_gone, over;
	int over_code;
	uint64_t drain_number; /* a look that began later has found all that was given to us */
	int64_t give_up_ms; /* boot clock; peer_gone: nothing is waited for beyond it */
};

/* node.c */
void node_tell(struct sk_node *n, enum sk_frame_type type, const struct node_task *t,
	const struct sk_str *payload);
/* Ask the supervisor to stop it. Nothing happens when it was asked before or has ended. */
void node_stop(struct sk_node *n, struct node_task *t, enum sk_reason reason, uint64_t grace_ms);
/* An event about the task as it stands. message may be NULL. */
void node_publish(
	struct sk_node *n, enum sk_event_kind kind, const struct node_task *t, const char *message);
double node_random(struct sk_node *n);
/* The store failed: log it, send nothing for a while. */
void node_hold(struct sk_node *n, const struct sk_op *op, const char *what);
/* The store has done the operation. A store that can be read is not one that can be written. */
void node_unhold(struct sk_node *n, const struct sk_op *op);

/* node_table.c */
struct node_task *node_find(const struct sk_node *n, const char *id);
/* A new task; key 0: choose one. A tombstone with this id must have been dropped. */
struct node_task *
node_add(struct sk_node *n, uint64_t key, const char *id, const char *class_name, uint32_t attempt);
/* It is settled: the supervisor may forget it, its gpus are free, it becomes a tombstone. */
void node_settle(struct sk_node *n, struct node_task *t);
/* Free it, whatever it is. */
void node_drop(struct sk_node *n, struct node_task *t);
/* There is something to store of it. */
void node_mark(struct sk_node *n, struct node_task *t);
void node_unmark(struct sk_node *n, struct node_task *t);
void node_table_free(struct sk_node *n);
/* Free tombstones that no read can bring back. */
void node_bury(struct sk_node *n);
/* Take so many gpus for it; false: not now. */
bool node_gpus_take(struct sk_node *n, struct node_task *t, int64_t wanted);

/* node_read.c: what the store has */
void node_read(struct sk_node *n, const char *id); /* soon */
/* The same because an event says that it was assigned. */
void node_read_assigned(struct sk_node *n, const char *id);
void node_read_flush(struct sk_node *n);
/* Look through all that the store has for us. */
void node_look(struct sk_node *n);

/* node_assign.c: assignments */
/* A record that is ours and that we do not have. */
void node_begin(struct sk_node *n, const struct sk_record *r);
/* What its class tells of it: who runs it, whether it has a slot to itself. */
void node_know_class(struct sk_node *n, struct node_task *t, const char *class_name);
/* Fill in what is kept of a record. */
bool node_load(struct sk_node *n, struct node_task *t, const struct sk_record *r,
	struct sk_arena *a, struct sk_spec *spec, struct sk_err *err);
/* It waited for gpus; the record is fresh. */
void node_try_again(
	struct sk_node *n, struct node_task *t, const struct sk_record *r, struct sk_arena *a);
/* Gpus became free. */
void node_start_waiting(struct sk_node *n);
/* It ends without the supervisor's help. */
void
node_end_here(struct sk_node *n, struct node_task *t, enum sk_reason reason, const char *message);
uint64_t node_att_hash(const struct sk_value *attachments);

/* node_report.c: what the supervisor says of tasks; writing it down */
void node_on_task(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a);
void node_on_started(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a);
void node_on_exited(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a);
void node_on_progress(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a);
/* Timers: starts that were held back; progress to store. */
void node_hold_over(void *arg);
void node_progress_due(void *arg);

/* node_move.c: the writes */
void node_move_flush(struct sk_node *n);
/* The events of an end that was stored: life is as it is now. */
void node_say_end(struct sk_node *n, const struct node_task *t);
/* Why it failed, a sentence. */
void node_failure_text(const struct node_task *t, struct sk_str *out);

/* node_wish.c: what is wanted of a task that we have */
/* The record is newer than what we know, and its attempt is ours. */
void
node_agree(struct sk_node *n, struct node_task *t, const struct sk_record *r, struct sk_arena *a);
/* It is not ours any more. r: as it is now, NULL when it is not there. */
void node_fence(struct sk_node *n, struct node_task *t, const struct sk_record *r);
/* Send them to its worker, if they are others than it has. */
void
node_wish_attachments(struct sk_node *n, struct node_task *t, const struct sk_value *attachments);
void node_on_paused(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a);
void node_on_updated(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a);

/* node_presence.c: its tasks in the cache */
void node_presence_open(struct sk_node *n);
void node_presence_begin(struct sk_node *n, const struct node_task *t);
void node_presence_adopt(struct sk_node *n, const struct node_task *t);
/* The store has its end. */
void node_presence_stored(struct sk_node *n, const struct node_task *t);
/* Its end is only told here. False: it was no end, nothing is there any more. */
bool node_presence_over(struct sk_node *n, const struct node_task *t);
/* It will be given to somebody, perhaps to us again. */
void node_presence_handed_back(struct sk_node *n, const struct node_task *t);
/* It is not ours any more. r: as it is now, NULL when it is not there. */
void node_presence_fence(struct sk_node *n, const struct node_task *t, const struct sk_record *r);

/* node_foreign.c: tasks that are executed in the original's way */
/* Is it one that the store has as ours? */
bool node_by_keys(const struct sk_node *n, const struct sk_record *r);
/* One that we do not have: it will be started if the cache does not say that it ended. */
void node_foreign_begin(struct sk_node *n, const struct sk_record *r, bool assigned);
/* It ended here. True: it stays so; false: what was remembered of it is of no use any more. */
bool node_foreign_kept(struct sk_node *n, struct node_task *t, const struct sk_record *r,
	uint64_t read_number, bool assigned);
/* The record is newer than what we know. r: NULL when it is not there. */
void node_foreign_agree(struct sk_node *n, struct node_task *t, const struct sk_record *r,
	bool assigned, struct sk_arena *a);
/* It has ended. */
void node_foreign_over(struct sk_node *n, struct node_task *t);
/* It will be freed. */
void node_foreign_gone(struct node_task *t);
void node_foreign_free(struct sk_node *n);
void node_ask_due(void *arg);
/* node_tail.c: what tasks print, in the cache */
void node_tail_begin(struct sk_node *n);
void node_tail_started(struct sk_node *n, const struct node_task *t);
/* Before its end is stored; again does nothing. */
void node_tail_end(struct sk_node *n, struct node_task *t);
void node_tail_free(struct sk_node *n);

/* node_lease.c */
void node_lease_begin(struct sk_node *n);
/* Say that there is no room here any more. */
void node_lease_drain(struct sk_node *n);
void node_lease_free(struct sk_node *n);

#endif
