/* control_rig.h - a controller on the memory store with up to 50 simulated skalds: they take
 * assignments from the bus (and, when told, by looking into the store), run tasks for a time and
 * store how they ended, as a real node does. What really ran is kept beside: the truth. */
#ifndef SK_TEST_UNIT_CONTROL_RIG_H
#define SK_TEST_UNIT_CONTROL_RIG_H

#include "core/control/control_priv.h"
#include "core/control/parts.h"

#define SIM_MAX 50

struct sim {
	struct control_rig *rig;
	char id[32];
	uint64_t incarnation;
	uint64_t renewals;
	int64_t slots;
	double cpus;
	int64_t memory_mb, gpus;
	const char *label; /* "zone=a" or NULL */
	const char *classes[4];
	int64_t lease_ms; /* that its row tells from the next renewal on; 0 = none */
	bool dead; /* does not renew, hears nothing, ends nothing */
	bool deaf; /* hears nothing on the bus, looks into the store */
	int64_t running, most; /* attempts now; the most at once */
	double cpus_used, cpus_most;
	int64_t started;
};

/* One attempt that really ran. */
struct truth {
	char id[40];
	uint32_t attempt;
	int sim;
	int64_t start_ms, end_ms; /* boot clock; end 0 = runs */
	bool gone; /* its skald died with it */
};

struct control_rig {
	struct sk_loop *loop;
	struct sk_store *store;
	struct sk_bus *bus;
	struct sk_cache *cache;
	struct sk_control *control;
	struct sim sims[SIM_MAX];
	int n_sims;
	int64_t run_ms; /* how long a task takes */
	bool mute; /* the controller's messages are lost */
	struct truth *truth;
	size_t n_truth, cap_truth;
	int64_t now_ms; /* 0 = the real clocks; else the wall clock */
	int64_t boot_ms; /* likewise the boot clock of controller and cache, in a mixed fleet */
	bool mixed;
	uint64_t random;
};

/* A controller with a lease of lease_ms, not started. */
void control_rig_open(struct control_rig *g, enum sk_strategy strategy, int64_t lease_ms);
/* The same in a mixed fleet, with clocks that stand still until boot_ms and now_ms are moved. */
void control_rig_open_mixed(struct control_rig *g, enum sk_strategy strategy, int64_t lease_ms);
void control_rig_close(struct control_rig *g);
/* Start it (again: a new controller over the same store). */
void control_rig_start(struct control_rig *g);
void control_rig_restart(struct control_rig *g, enum sk_strategy strategy, int64_t lease_ms);
/* A skald "s<i>" with that many slots, 8 cpus, 8192 MB, class Job; registers at once. */
struct sim *control_rig_skald(struct control_rig *g, int64_t slots);
/* It dies: what it runs is gone. It comes back as a new incarnation. */
void sim_dies(struct sim *s);
void sim_returns(struct sim *s);
/* Run the loop until fn says true; false after ms. */
bool control_rig_until(struct control_rig *g, int64_t ms, bool (*fn)(struct control_rig *g));
void control_rig_run(struct control_rig *g, int64_t ms);

/* A task as the API would make it: spec_json may be NULL. Returns the insert's code. */
enum sk_code control_rig_add(
	struct control_rig *g, const char *id, int64_t priority, const char *const *spec_pairs);
/* n tasks "<prefix><i>". */
void control_rig_add_many(struct control_rig *g, const char *prefix, int n);
void
control_rig_add_class(struct control_rig *g, const char *prefix, int n, const char *class_name);
enum sk_code control_rig_add_record(struct control_rig *g, struct sk_record *r);
/* What the store has; the arena is the caller's. NULL when there is none. */
struct sk_record *control_rig_get(struct control_rig *g, struct sk_arena *a, const char *id);
enum sk_phase control_rig_phase(struct control_rig *g, const char *id);
void control_rig_count(struct control_rig *g, int64_t by_phase[SK_N_PHASE]);
/* Nothing is left that is not final. */
bool control_rig_all_ended(struct control_rig *g);
/* Two attempts of one task at the same time, in truth. */
size_t control_rig_overlaps(const struct control_rig *g);
/* How often a task really ran. */
size_t control_rig_runs(const struct control_rig *g, const char *id);
/* The user's event on a task (cancel, …), stored and told as the API does. */
enum sk_code control_rig_change(struct control_rig *g, const char *id, enum sk_life_kind kind);

#endif
