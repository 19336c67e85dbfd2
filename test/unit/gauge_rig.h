/* gauge_rig.h - a controller that measures and judges, on the store in memory, with clocks that the
 * test turns. It may be ended and started anew on the same store. */
#ifndef SK_TEST_UNIT_GAUGE_RIG_H
#define SK_TEST_UNIT_GAUGE_RIG_H

#include "core/control/alerts.h"
#include "core/control/control_priv.h"
#include "core/control/history.h"

#define GAUGE_WALL 1700000000000 /* a multiple of 10 s */

struct gauge_rig {
	struct sk_loop *loop;
	struct sk_arena *arena;
	struct sk_store *store;
	struct sk_bus *bus;
	struct sk_cache *cache;
	struct sk_control *c;
	struct sk_alert_rules rules; /* n 0 = the built-in ones */
	struct sk_control_service service; /* name NULL: there is none */
	int64_t wall, boot;
	struct sk_str handed; /* what the webhook would get, one a line */
	uint64_t renewals;
};

int gauge_setup(void **state);
int gauge_teardown(void **state);
/* Let the loop run until nothing is left to do at once. */
void gauge_pump(struct gauge_rig *g);
/* It is gone without a word, or stops in good order; another one begins. */
void gauge_restart(struct gauge_rig *g, bool kill);
/* Time passes: measured every 10 s, judged every 2 s. */
void gauge_pass(struct gauge_rig *g, int64_t ms);
/* Renew the row of a skald and let it be read; cpu < 0: no load is told. */
void gauge_skald(struct gauge_rig *g, const char *id, double cpu);
/* A task that is ready, created ago_ms ago. */
void gauge_task(struct gauge_rig *g, const char *id, int64_t ago_ms, const char *spec);
/* An event of a task is on the bus. */
void gauge_event(struct gauge_rig *g, enum sk_event_kind kind, const char *message);
/* Ask the API; the body, in the rig's arena. */
const char *
gauge_ask(struct gauge_rig *g, const char *method, const char *path, const char *query, int status);
/* Rules from text in YAML, for the next start. */
void gauge_rules(struct gauge_rig *g, const char *yaml);

#endif
