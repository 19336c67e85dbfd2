/* history_priv.h - history.c and history_store.c to each other. */
#ifndef SK_CORE_CONTROL_HISTORY_PRIV_H
#define SK_CORE_CONTROL_HISTORY_PRIV_H

#include "core/control/history.h"
#include "core/control/parts.h"

#define HISTORY_NONE 255 /* a share that is not known */
#define HISTORY_PARTS 2 /* of a skald: processors, memory */

/* What one skald has told, in half percents. */
struct sk_history_line {
	char *id;
	int64_t last; /* number of the latest point that tells something */
	uint8_t share[HISTORY_PARTS][SK_HISTORY_POINTS];
};

/* A ring by number: a point stands at number % SK_HISTORY_POINTS. */
struct sk_history {
	struct sk_control *c;
	int64_t at[SK_HISTORY_POINTS]; /* which point stands there; 0 = none */
	double (*values)[SK_N_SERIES];
	struct sk_history_line **lines; /* by id */
	size_t n_lines, cap_lines;
	int64_t latest; /* number of the last point that was measured here */
	int unsaved; /* points of its block since that was stored */
	/* the store */
	bool saving, known;
	struct sk_arena *save_arena;
	struct sk_op_setting save;
	bool reading;
	int64_t block; /* that is read */
	struct sk_arena *read_arena;
	struct sk_op_setting read;
	void (*fn)(void *arg, enum sk_code code); /* NULL: nobody waits */
	void *arg;
};

/* The line of a skald; made when there is none and there is room, else NULL. */
struct sk_history_line *sk_history_line(struct sk_history *h, const char *id, bool make);
/* Begin a point: nothing is known of it. */
void sk_history_point(struct sk_history *h, int64_t number);
static inline bool
sk_history_has(const struct sk_history *h, int64_t number)
{
	return number > 0 && h->at[number % SK_HISTORY_POINTS] == number;
}

#endif
