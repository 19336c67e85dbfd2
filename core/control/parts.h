/* parts.h - the dispatching half of the controller, inside: skalds, live attempts, the window of
 * ready tasks, what tasks wait for, arrays, the monitor. control_priv.h has what the API sees. */
#ifndef SK_CORE_CONTROL_PARTS_H
#define SK_CORE_CONTROL_PARTS_H

#include "core/control/control_priv.h"
#include "core/control/trail.h"

/* ---- what a task needs of a skald ---- */

struct sk_need {
	const char *class_name;
	bool reusable; /* of a class that runs in warm workers: many share a slot, one after another */
	double cpus;
	int64_t memory_mb, gpus;
	const struct sk_value *labels; /* NULL = none */
	bool prompt; /* only where it can start at once, not ahead of a free slot */
	bool ours; /* it asks for what nodes of the original cannot give */
};

/* ---- skalds.c: who there is and what room they have ---- */

struct sk_agent {
	struct sk_arena *arena; /* of row */
	struct sk_skald *row;
	struct sk_skald_view view;
	struct sk_trail beats; /* its renewals modulo 200, when we read them */
	int64_t changed_ms; /* boot clock: when its renewals were last seen to change */
	int64_t silent_ms; /* for so long it stood still while we looked */
	bool in_store; /* the last list had it */
	/* held by attempts that are assigned to it */
	int64_t n_live, n_whole, n_short; /* all; of ordinary classes; of reusable ones */
	double cpus;
	int64_t memory_mb, gpus;
	int64_t depth; /* how many tasks of reusable classes a slot may have waiting */
	int64_t ahead; /* how many of ordinary classes, while they are short, beyond the slots */
	bool held; /* somebody who cannot wait there waits for a slot of it */
	const void *reserved; /* a lane that waits for all of its room; NULL = none */
	const void *kept; /* which it was in the round before */
	/* row->original: it gets nothing for now; the row of a dead skald of ours that had this id */
	bool unusable;
	uint64_t dead_incarnation, dead_renewals;
};

struct sk_skalds *sk_skalds_new(struct sk_control *c);
void sk_skalds_free(struct sk_skalds *s);
/* Read the rows; what changed wakes the dispatcher, who is lost is told to the monitor. fn is
 * called once with the store's code; may be NULL. */
void sk_skalds_read(struct sk_control *c, void (*fn)(struct sk_control *c, enum sk_code code));
/* How often they were read; a number that was reached since is new. */
uint64_t sk_skalds_reads(const struct sk_control *c);
/* The first reading that begins after now has this number. */
uint64_t sk_skalds_next_read(const struct sk_control *c);
/* Does the store have a row of it that was renewed lately, or that may yet be seen to be? */
bool sk_skalds_has_row(struct sk_control *c, const char *id);
/* A row of it that is over. */
bool sk_skalds_has_dead_row(struct sk_control *c, const char *id);
/* A skald of the original as its keys tell, and whether it may get tasks. A row of the store that
 * lives goes before it. */
void sk_skalds_original(struct sk_control *c, const struct sk_skald *row, bool online, bool usable);
/* There is no trace of it any more; it is forgotten when it has no tasks. False: it has. */
bool sk_skalds_original_gone(struct sk_control *c, const char *id);
/* A new leader: everybody has a full lease from now on. */
void sk_skalds_anew(struct sk_control *c);
/* Whoever waits for a reading waits no more. */
void sk_skalds_answer_nobody(struct sk_control *c);
/* Have the rows been read by an operation that was submitted after this (boot clock)? */
bool sk_skalds_read_since(const struct sk_control *c, int64_t boot_ms);
/* How long a row may stand still before its skald counts as lost: its own lease, which may be
 * longer or shorter than ours, and a margin. Ours where it tells none; row may be NULL. */
int64_t sk_skalds_patience_ms(const struct sk_control *c, const struct sk_skald *row);
/* A skald said on the bus that it lives: its row counts from the next reading on, without waiting
 * for a second renewal. */
void sk_skalds_announced(struct sk_control *c, const char *id);
struct sk_agent *sk_skalds_find(struct sk_control *c, const char *id);
/* The skald that gets the task by the strategy, NULL when none has room. lane: who asks, for
 * reservations. */
struct sk_agent *sk_skalds_pick(struct sk_control *c, const struct sk_need *need, const void *lane);
/* A round begins: nothing is held or reserved. A round goes by the order of tasks, so whatever it
 * holds or reserves keeps those out only that stand behind. */
void sk_skalds_begin_round(struct sk_control *c);
/* Where a slot is all that it waits for, none is given ahead of free slots: they would never be
 * seen free. */
void sk_skalds_hold(struct sk_control *c, const struct sk_need *need);
/* Keep a skald for the lane, so that small tasks do not starve a large one: the same as in the
 * round before, else the one with the fewest tasks. */
void sk_skalds_reserve(struct sk_control *c, const struct sk_need *need, const void *lane);
/* There is no such lane any more. */
void sk_skalds_unreserve(struct sk_control *c, const void *lane);
/* Call fn for every skald that is online, until it returns false. */
void sk_skalds_each(struct sk_control *c, bool (*fn)(void *arg, struct sk_agent *a), void *arg);

/* ---- room.c: what room one has ---- */

/* Could this skald ever run it? Has it room for it now? Is a slot all that is missing? */
bool sk_agent_suits(const struct sk_agent *a, const struct sk_need *need);
bool sk_agent_has_room(const struct sk_agent *a, const struct sk_need *need);
bool sk_agent_lacks_slot(const struct sk_agent *a, const struct sk_need *need);
void sk_agent_take(struct sk_agent *a, const struct sk_need *need);
void sk_agent_give(struct sk_agent *a, const struct sk_need *need);
/* An attempt ran to its end, so long after it was assigned: how many may wait there is adapted.
 * fleet: store and events are on other machines. */
void sk_agent_adapt(struct sk_agent *a, bool reusable, int64_t ms, bool fleet);
/* As if none had ended there yet. */
void sk_agent_adapt_anew(struct sk_agent *a);

/* ---- live.c: attempts that are assigned or run, and the room they hold ---- */

struct sk_live {
	struct sk_live *next; /* same hash */
	struct sk_agent *agent; /* whose room it holds; NULL = a skald that is not known */
	struct sk_need need; /* of numbers only: class_name and labels are NULL */
	struct sk_task_beat *beat; /* of incarnation 0 in a mixed fleet; else NULL */
	uint32_t attempt;
	uint64_t incarnation;
	int64_t since_ms; /* boot clock */
	int64_t started_ms; /* boot clock: when it was heard that it runs; 0 = not heard */
	uint64_t seen; /* mark of the last full look */
	char executor[64];
	char id[];
};

/* Add it, or bring it up to date; room is taken from the skald. */
void sk_live_add(
	struct sk_control *c, const char *id, const struct sk_life *life, const struct sk_need *need);
/* The skald has it no more (attempt 0 = whichever): give the room back. True when it was known. */
bool sk_live_end(struct sk_control *c, const char *id, uint32_t attempt);
/* The same; it was there until its end, and how long that took counts for how many may wait. */
bool sk_live_over(struct sk_control *c, const char *id, uint32_t attempt);
struct sk_live *sk_live_find(struct sk_control *c, const char *id);
bool sk_live_known(struct sk_control *c, const char *id, uint32_t attempt);
size_t sk_live_count(const struct sk_control *c);
/* The rows of the skalds changed: attempts hold room of those that are known now. */
void sk_live_rehome(struct sk_control *c);
/* Forget them all. */
void sk_live_reset(struct sk_control *c);

/* ---- window.c: ready tasks, the first of each kind ---- */

#define SK_LANE_MAX 8192

/* Where a ready task stands in the order in which they start. */
struct sk_place {
	int64_t rank_ms;
	uint64_t seq;
};

struct sk_cand {
	struct sk_life life;
	struct sk_place place;
	int64_t create_ms, deadline_ms;
	struct sk_lane *lane;
	int64_t array_size; /* > 0: a parent; its elements are what starts */
	struct sk_cand *next; /* same hash */
	char id[];
};

/* Tasks that need the same: they start in order, and when the first finds no room none does. */
struct sk_lane {
	struct sk_lane *next;
	char *key;
	char *class_name;
	struct sk_arena *arena; /* of need.labels */
	struct sk_need need;
	struct sk_cand **heap; /* by place */
	size_t n, cap;
	bool more; /* the store may have ready tasks of this kind that are not here */
	struct sk_place from; /* while more: they all stand behind this place */
	bool missed; /* during a read one was left to the store: the first of these stands at */
	struct sk_place missed_at;
	bool loose; /* during a read some behind `from` were let in: the read may not know them */
	uint64_t read; /* number of the last read for it */
	bool blocked; /* in this round */
};

struct sk_window;
struct sk_window *sk_window_new(struct sk_control *c);
void sk_window_free(struct sk_window *w);
/* Nothing is known of the store's ready tasks any more, nor is a read under way. */
void sk_window_reset(struct sk_control *c);
/* The lane of what a record needs, made when there is none. */
struct sk_lane *sk_window_lane(struct sk_control *c, const struct sk_record *r);
/* Put a ready task in. False when it is left to the store (the lane is full), or there already. */
bool sk_window_add(struct sk_control *c, struct sk_lane *lane, const struct sk_record *r);
struct sk_cand *sk_window_find(struct sk_control *c, const char *id);
/* Take it out; the caller frees it with free(). */
struct sk_cand *sk_window_pop(struct sk_control *c, struct sk_lane *lane);
void sk_window_drop(struct sk_control *c, const char *id);
struct sk_lane *sk_window_lanes(struct sk_control *c);
size_t sk_window_count(const struct sk_control *c);
int64_t sk_record_deadline(const struct sk_record *r); /* 0 = none */
bool sk_place_before(const struct sk_place *a, const struct sk_place *b);

/* A read of ready tasks in order begins behind `from`: of one lane, or of all of them (NULL). Until
 * it ends it is noted who leaves the window (what the read tells of these is old) and who comes. */
void sk_window_read_begins(struct sk_control *c, struct sk_lane *lane, const struct sk_place *from);
/* Its page is there and goes to `end`, NULL = to the end of the store: put in what it has after
 * this call. */
void sk_window_read_reached(struct sk_control *c, const struct sk_place *end);
bool sk_window_left(struct sk_control *c, const char *id);
/* All of it is in, or it failed. */
void sk_window_read_ends(struct sk_control *c);
/* Every lane that the store has ready tasks of is known by now. */
bool sk_window_all_known(const struct sk_control *c);

/* ---- reads.c: ready tasks come from the store into the window ---- */

struct sk_reads *sk_reads_new(struct sk_control *c);
void sk_reads_free(struct sk_reads *d);
/* What is wanted is forgotten, what is on its way not taken. */
void sk_reads_reset(struct sk_control *c);
/* Read what a lane needs. */
void sk_reads_look(struct sk_control *c);
/* Something failed: look through the whole store in a while. */
void sk_reads_again(struct sk_control *c);
/* Read this task and put it into the window if it is ready. */
void sk_reads_fetch(struct sk_control *c, const char *id);
/* Look through all ready tasks of the store, from the front. */
void sk_reads_refill(struct sk_control *c);
/* The same now and then, if that is not under way: what was forgotten, what others stored. */
void sk_reads_sweep(struct sk_control *c);
/* Put those that are ready and not known yet into the window; NULLs are left out. How many. */
size_t sk_reads_take(struct sk_control *c, struct sk_record *const *records, size_t n);

/* ---- dispatch.c ---- */

struct sk_dispatch *sk_dispatch_new(struct sk_control *c);
void sk_dispatch_free(struct sk_dispatch *d);
/* Forget all ready tasks and all live attempts. */
void sk_dispatch_reset(struct sk_control *c);
/* Soon: a round over the window. Cheap, may be called for every event. */
void sk_dispatch_wake(struct sk_control *c);
/* Is a record ready for a dispatcher? */
bool sk_record_ready(const struct sk_record *r);
/* What a task of the lane needs now. */
struct sk_need sk_dispatch_need(const struct sk_lane *l, int64_t deadline_ms);
struct sk_window *sk_dispatch_window(struct sk_control *c);
/* Hash of id -> struct sk_live, chained; live.c and whoever walks over all of them. */
struct sk_map *sk_dispatch_live(struct sk_control *c);

/* ---- waits.c ---- */

struct sk_waits *sk_waits_new(struct sk_control *c);
void sk_waits_free(struct sk_waits *w);
void sk_waits_reset(struct sk_control *c);
/* Look in the store for times that have come, soon. */
void sk_waits_look(struct sk_control *c);
/* A task was stored that waits for others. */
void sk_waits_added(struct sk_control *c, const struct sk_record *r);
/* A task has ended for good: who waits for it? */
void sk_waits_ended(struct sk_control *c, const char *id);
/* Judge every task that waits for others anew: at start and now and then. */
void sk_waits_all(struct sk_control *c);

/* ---- arrays.c ---- */

struct sk_arrays *sk_arrays_new(struct sk_control *c);
void sk_arrays_free(struct sk_arrays *a);
/* Forget the parents, but for those whose operations are under way. */
void sk_arrays_reset(struct sk_control *c);
/* Another controller has changed what is wanted of this task: if it is a parent, read it again. */
void sk_arrays_told(struct sk_control *c, const char *id);
/* Start elements of a parent as far as there is room. True when the parent has none left to start
 * or is busy, and leaves the window. */
bool sk_arrays_start(struct sk_control *c, struct sk_cand *parent);
/* Something happened to a parent or to an element: look whether the parent is done, soon. */
void sk_arrays_event(struct sk_control *c, const char *id);
/* Every parent that is not final: at start and now and then. */
void sk_arrays_all(struct sk_control *c);

/* ---- monitor.c ---- */

struct sk_monitor *sk_monitor_new(struct sk_control *c);
void sk_monitor_free(struct sk_monitor *m);
/* Look at all live tasks in the store; fn is called when that is done. */
void sk_monitor_look(struct sk_control *c, void (*fn)(struct sk_control *c, enum sk_code code));
/* Whoever waits for a look waits no more. */
void sk_monitor_answer_nobody(struct sk_control *c);
/* A skald is lost, or one of its incarnations: its attempts end as lost. incarnation 0: all. */
void sk_monitor_lost(struct sk_control *c, const char *skald, uint64_t incarnation);
void sk_monitor_start(struct sk_control *c);
void sk_monitor_stop(struct sk_control *c);

/* ---- retention.c ---- */
void sk_retention_look(struct sk_control *c);

/* ---- steps.c: one task, one event of its life, stored ---- */

/* Read the task, apply the event, store it by compare-and-set; on a conflict read again, a bounded
 * number of times. fn gets the outcome: SK_OK and the record as it is now; SK_EINVAL: not possible
 * in this phase; SK_ECONFLICT: stale; SK_ENOENT; or the store's code. The record lives during the
 * call. before(arg, r, set) may be NULL: called before each try with the record after the step, to
 * change more of it (bits go to *set); false = leave it. */
struct sk_step {
	const char *id;
	struct sk_life_event event;
	struct sk_exit exit; /* known: stored as the end of the attempt */
	bool lead; /* only a leader may do it: SK_ECANCELED when we are it no more */
	/* May be NULL: called before each try with the record as it is, to choose another event or end,
	 * or to note an intent in the record; texts must live as long as the record. */
	void (*choose)(
		void *arg, struct sk_record *r, struct sk_life_event *event, struct sk_exit *exit);
	bool (*before)(void *arg, struct sk_record *r, unsigned *set);
	void (*fn)(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err);
	void *arg;
};
/* The step is copied, its texts too. */
void sk_control_step(struct sk_control *c, const struct sk_step *step);

/* A task will never start: SK_LIFE_REFUSE (it failed) or SK_LIFE_CANCEL, stored and told. */
void sk_control_skip(struct sk_control *c, const char *id, enum sk_life_kind kind, const char *why);

/* A hash of an id for the maps of this process; never 0 or UINT64_MAX. */
uint64_t sk_id_hash(const char *id);

#endif
