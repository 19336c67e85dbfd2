/* node_rig.h - a node between a store in memory, whose answers a test can hold back or spoil, and a
 * supervisor that the test plays itself, frame by frame. */
#ifndef SK_TEST_UNIT_NODE_RIG_H
#define SK_TEST_UNIT_NODE_RIG_H

#include "core/run/node.h"
#include "test/unit/cache_rig.h"

/* A frame that came from the node. */
struct nr_frame {
	uint16_t type;
	uint64_t key;
	uint32_t attempt;
	struct sk_start start; /* START */
	uint32_t number; /* STOP: reason; CONFIG, READY, QUIT */
	uint64_t grace_ms; /* STOP */
	bool taken;
};

struct nr_event {
	enum sk_event_kind kind;
	char task[64], message[160];
	uint32_t attempt;
};

/* What the store in front of the real one does with operations of a kind. */
struct nr_store {
	struct sk_store store;
	struct sk_store *inner;
	struct sk_loop *loop;
	enum sk_code fail_writes, fail_reads; /* SK_OK = do not */
	bool applied; /* a write that "fails" was done all the same: its outcome is unknown */
	unsigned late_ms; /* answers come up to so much later, in any order */
	unsigned dice;
	bool hold_moves; /* moves wait until let go */
	struct sk_op *held, **held_end;
	size_t n_moves, n_gets, n_moved; /* operations; moved tasks */
};

struct nr {
	struct sk_loop *loop;
	struct nr_store st;
	struct sk_bus *bus;
	struct cr cache;
	struct sk_node *node;
	struct sk_node_config cfg;
	struct sk_chan chan; /* the supervisor's end */
	int fds[2];
	struct sk_arena *arena;
	struct nr_frame *frames;
	size_t n_frames, cap_frames;
	struct nr_event *events;
	size_t n_events, cap_events;
	bool ready, deaf; /* deaf: nothing that is published reaches the node */
	int signaled; /* the last signal it told of; -1 = none */
	int over; /* -2 = not yet */
	char run_id[40];
	char run_dir[300];
};

/* A node that has nothing yet; cfg may be changed before nr_hello. */
void nr_open(struct nr *r);
void nr_close(struct nr *r);
/* The hub dies and another one comes: a new node and channel, the same store and supervisor. */
void nr_reborn(struct nr *r);
/* Make the node and say HELLO; then TASK frames may follow, then nr_told. */
void nr_hello(struct nr *r);
void nr_told(struct nr *r);
/* Both, and wait until it is ready. */
void nr_start(struct nr *r);

/* Run everybody for ms, or until fn says true; false when it did not. */
void nr_run(struct nr *r, int64_t ms);
bool nr_until(struct nr *r, bool (*fn)(struct nr *r, const void *arg), const void *arg);
/* Wait for a frame of the type about the task; fails the test after 3 s. */
const struct nr_frame *nr_await(struct nr *r, enum sk_frame_type type, const char *id);
/* How many there were. id NULL: of any task. */
size_t nr_count(struct nr *r, enum sk_frame_type type, const char *id);
/* Wait for an event; fails the test after 3 s. */
void nr_await_event(struct nr *r, enum sk_event_kind kind, const char *id);
size_t nr_count_events(struct nr *r, enum sk_event_kind kind, const char *id);

/* Store a task of class Job, Assigning for this node, attempt 1. spec: "key", value text as JSON. */
void nr_task(struct nr *r, const char *id, const char *spec_json);
/* The same, changed before it is stored. */
void nr_task_with(
	struct nr *r, const char *id, const char *spec_json, void (*change)(struct sk_record *rec));
/* Say on the bus that it was assigned. */
void nr_assign(struct nr *r, const char *id);
/* The words of the original's programs: they name the task alone. */
void nr_original_says(struct nr *r, enum sk_topic topic, const char *id);
/* Say that its attachments changed. */
void nr_announce_update(struct nr *r, const char *id);
/* nr_task, nr_assign and wait for the START. */
const struct nr_frame *nr_given(struct nr *r, const char *id, const char *spec_json);
uint64_t nr_incarnation(const struct nr *r);
/* As the store has it; lives until nr_close. */
const struct sk_record *nr_get(struct nr *r, const char *id);
/* Wait for the phase; fails the test after 3 s. */
const struct sk_record *nr_phase(struct nr *r, const char *id, enum sk_phase phase);
/* Change it behind the node's back, and not told. */
void nr_change(struct nr *r, const char *id, unsigned set, void (*change)(struct sk_record *rec));
/* A user's wish, stored and told as the API does. */
void nr_want(struct nr *r, const char *id, enum sk_life_kind kind);
/* Remove it behind the node's back. */
void nr_remove(struct nr *r, const char *id);
/* The attempts that the store keeps. */
const struct sk_op_attempts *nr_attempts(struct nr *r, const char *id);

/* The supervisor's words about the task of a START. */
void nr_started(struct nr *r, const struct nr_frame *f);
void nr_exited(struct nr *r, const struct nr_frame *f, enum sk_reason reason, int code);
void nr_report(struct nr *r, enum sk_frame_type type, uint64_t key, uint32_t attempt,
	const struct sk_task_report *rep);
/* TASK: flags 1 settled, 2 seen. */
void nr_known(
	struct nr *r, uint64_t key, uint32_t attempt, uint32_t flags, const struct sk_task_report *rep);
void nr_say(struct nr *r, enum sk_frame_type type, uint64_t key, uint32_t attempt,
	const struct sk_str *payload);
/* Moves that were held back are done. */
void nr_let_go(struct nr *r);

#endif
