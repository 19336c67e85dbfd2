/* leader_rig.h - up to three controllers over one memory store and one bus, on a clock that the test
 * turns. Between each of them and the store and the bus lies a line that the test may hold up, cut
 * or make lossy; each has a loop of its own, so that one can stand still while the others go on.
 *
 * Every change of the world is followed by a look: never do two lead at once by their own clocks,
 * nor is a write that only a leader may make applied when its maker leads no more. */
#ifndef SK_TEST_UNIT_LEADER_RIG_H
#define SK_TEST_UNIT_LEADER_RIG_H

#include "core/control/control_priv.h"
#include "core/control/parts.h"

#define PEERS 3
#define LEASE_MS 10000

/* An operation on its way, or a message. */
struct line_item {
	struct line_item *next;
	struct sk_op *op;
	void (*done)(struct sk_op *op);
	void *arg;
	struct peer *from;
	struct sk_arena *arena; /* of event */
	enum sk_topic topic;
	struct sk_event event;
};
struct line {
	struct line_item *first, **last;
	size_t n;
};

struct line_sub {
	struct line_sub *next;
	unsigned topics;
	sk_bus_fn *fn;
	void *arg;
};

struct peer {
	struct sk_store store; /* the line to the real one */
	struct sk_bus bus; /* likewise */
	struct leader_rig *g;
	struct sk_loop *loop;
	struct sk_control *c;
	struct line out, back, heard; /* to the store, from it, from the bus */
	struct line_sub *subs;
	char name[4];
	bool still; /* stopped as by SIGSTOP */
	bool cut; /* its operations fail and are not done */
	bool mute; /* what it says on the bus is lost, */
	bool deaf; /* and what it would hear */
	bool slow; /* lead_turn leaves its operations where they are */
	bool lies; /* the next answer of the store is lost: nobody knows whether it was done */
	size_t assigned; /* tasks that it has assigned */
	size_t canceled; /* operations that came too late */
	bool led; /* when it was looked at last */
	uint64_t term;
	bool closed;
};

/* A skald of the test's: what it was given and runs. */
struct leader_sim {
	char id[4];
	uint64_t incarnation, renewals;
	int64_t sent_ms; /* of the last renewal */
	bool still;
};

struct leader_rig {
	struct sk_loop *loop;
	struct sk_store *real;
	struct sk_cache *cache;
	struct peer peers[PEERS];
	int n;
	int64_t now; /* boot clock of all */
	uint64_t term; /* the highest that was led, */
	int holder; /* and by whom */
	int64_t taken_ms; /* when the lead was gained last */
	int64_t renewed_ms; /* when a renewal, or the lead, was stored last */
	struct sk_arena *arena;
};

void lead_open(struct leader_rig *g, int n);
void lead_close(struct leader_rig *g);
/* Everybody who does not stand still does all there is to do now. */
void lead_turn(struct leader_rig *g);
/* The same while the clock goes on, in steps of 10 ms or until fn says true. */
bool lead_until(struct leader_rig *g, int64_t ms, bool (*fn)(struct leader_rig *g));
void lead_run(struct leader_rig *g, int64_t ms);
void lead_check(struct leader_rig *g);

/* Parts of a turn: one operation to the store; what it has answered; what was said; its timers. */
void peer_send(struct peer *p, bool fail);
void peer_hear(struct peer *p);
void peer_loop(struct peer *p);
void peer_tick(struct peer *p);
/* What its timers would do in time. */
void peer_look(struct peer *p);

/* Who leads: an index, -1 = nobody. */
int lead_leader(const struct leader_rig *g);

/* A skald's row, renewed; announced on the bus. */
void lead_skald(struct leader_rig *g, struct leader_sim *s, bool announce);
/* A task is on its way to be stored, by one of the controllers; spec may be NULL. */
struct lead_adding {
	struct sk_op_insert op;
	struct sk_record r;
	const struct sk_record *records[1];
	bool done;
};
struct lead_adding *
lead_add_begin(struct leader_rig *g, int peer, const char *id, const struct sk_value *spec);
/* The same until it is stored. False: it is not. */
bool lead_add(struct leader_rig *g, int peer, const char *id, const struct sk_value *spec);
struct sk_record *lead_get(struct leader_rig *g, const char *id);
enum sk_phase lead_phase(struct leader_rig *g, const char *id);
/* Behind the backs of all: change it as its skald does. */
bool lead_step(struct leader_rig *g, const char *id, enum sk_life_kind kind);
/* Say on the bus what happened to a task. */
void lead_say(struct leader_rig *g, enum sk_event_kind kind, const char *id, uint32_t attempt,
	const char *skald);
void lead_wait(struct leader_rig *g, struct sk_op *op, enum sk_op_kind kind);

#endif
