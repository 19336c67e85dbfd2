/* plan_model.h - a model of the supervisor for the random runs of the plan: what it remembers of
 * attempts, and the frames on their way between it and the link. */
#ifndef SK_TEST_UNIT_PLAN_MODEL_H
#define SK_TEST_UNIT_PLAN_MODEL_H

#include "core/run/plan.h"

#define PREFETCH 32
#define N_IDS 24
#define MAX_FRAMES 4096
#define MAX_TASKS 512
#define SLOTS 3
#define CPUS 4
#define MEMORY_MB 1000

/* One attempt, or the outcome that stays of it. */
struct attempt {
	uint64_t key;
	char id[16];
	uint32_t attempt, failures;
	enum sk_task_state state;
	enum sk_reason reason, stop; /* stop: why it was told to stop, EXITED = it was not */
	int32_t code;
	int64_t start_ms, end_ms;
	double cpus;
	int64_t memory_mb;
	uint64_t spec_hash; /* of what it was given */
	const char *class_name;
	bool settled;
};

enum kind { START, STOP, UPDATE, ACK, FORGET, STARTED, EXITED };

struct message {
	enum kind kind;
	struct attempt a;
};

struct queue {
	struct message list[MAX_FRAMES];
	size_t head, n;
};

struct world {
	uint64_t chance;
	struct sk_plan *plan;
	int64_t now_ms;
	struct attempt known[MAX_TASKS]; /* the supervisor's memory, start order */
	size_t n_known;
	struct queue to_sup, to_plan;
	/* the file as it is now */
	struct {
		bool in;
		int version, restart;
		int64_t attempts, priority;
		double cpus;
		int64_t mb;
		bool live;
		int dep[2];
	} file[N_IDS];
	bool loaded[N_IDS]; /* stood in it when it was read */
	bool again[N_IDS]; /* it backed off since it last waited */
	bool mortal; /* its links die */
	bool draining;
	uint32_t highest[N_IDS]; /* attempt that was started, since the id was new */
	uint64_t newest[N_IDS]; /* key of it */
	size_t starts, deaths, ends, forgets, skips; /* did anything happen at all? */
};

/* 0 to sides - 1. */
uint64_t model_dice(struct world *w, uint64_t sides);
/* Frames on their way. */
void model_put(struct queue *q, enum kind kind, const struct attempt *a);
bool model_take(struct queue *q, struct message *m);
/* Of "t7": 7. */
int model_number(const char *id);
/* What it knows of the key: a present attempt, or a settled outcome. NULL = nothing. */
struct attempt *model_known(struct world *w, uint64_t key, bool settled);
bool model_live(const struct attempt *a);
/* A present attempt shall end for that reason. */
void model_stop(struct world *w, struct attempt *a, enum sk_reason reason);
/* A frame arrives at the supervisor. Fails the test when two attempts of one task live at once. */
void model_deliver(struct world *w, const struct message *m);
/* It starts what its slots allow. */
void model_run(struct world *w);
/* Something may happen to one of its attempts. */
void model_chance(struct world *w);

#endif
