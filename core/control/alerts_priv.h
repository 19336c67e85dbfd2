/* alerts_priv.h - the files alert*.c to each other. */
#ifndef SK_CORE_CONTROL_ALERTS_PRIV_H
#define SK_CORE_CONTROL_ALERTS_PRIV_H

#include "core/control/alerts.h"
#include "core/control/parts.h"

/* One value that a rule looks at. */
struct sk_reading {
	const char *subject; /* "" = the whole */
	double value; /* NAN: not known now */
	const char *message; /* a sentence; borrowed */
};
typedef void
sk_reading_fn(void *arg, const struct sk_alert_rule *rule, const struct sk_reading *reading);
/* Everything that the rule is about, one after another. watched_ms: for so long we have led. */
void sk_alert_read(struct sk_control *c, const struct sk_alert_rule *rule, int64_t watched_ms,
	sk_reading_fn *fn, void *arg);

struct sk_alerts {
	struct sk_control *c;
	struct sk_timer timer;
	bool started;
	struct sk_alert *table[SK_ALERTS_MAX];
	bool seen[SK_ALERTS_MAX]; /* in this round: what it is about is still there */
	struct sk_map active; /* by rule and subject: those that are not resolved */
	struct sk_map waiting; /* likewise: above the threshold, not yet for long enough */
	uint64_t round;
	bool full; /* said that there is no room */
	/* the store */
	bool known, loading, saving, dirty;
	uint64_t era; /* grows when everything is dropped: answers of before do not count */
	int64_t known_ms; /* boot clock: since when */
	int64_t looked_ms; /* when acknowledgements of others were looked for */
};

/* alert_store.c: read the table and what was acknowledged; write it when it is dirty. */
void sk_alerts_load(struct sk_alerts *a);
void sk_alerts_save(struct sk_alerts *a);
/* Has somebody else acknowledged this one? */
void sk_alerts_look(struct sk_alerts *a, int place);
/* alerts.c: put one in that was stored; false: its place is taken or none. */
bool sk_alerts_put(struct sk_alerts *a, const struct sk_alert *t);

#endif
