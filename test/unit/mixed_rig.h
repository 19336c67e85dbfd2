/* mixed_rig.h - a controller in a mixed fleet on the memory store, the local cache and the local bus,
 * with nodes of the original: they write the keys that skalds-protocol.md 1.2 names, as often and
 * with the lifetimes that it says, and know nothing else. The clock is moved by hand. */
#ifndef SK_TEST_UNIT_MIXED_RIG_H
#define SK_TEST_UNIT_MIXED_RIG_H

#include "test/unit/control_rig.h"

#define PY_MAX 4
#define PY_WORKERS 64

/* What a task of the original does. */
struct py_worker {
	char id[40];
	int64_t start_ms; /* its first beat comes then */
	int64_t end_ms; /* 0 = runs for ever */
	const char *end; /* the value it leaves, NULL = it vanishes */
	bool dead; /* it is in the table of its node and does nothing */
	bool stubborn; /* a request to cancel does not end it */
	bool used;
};

struct py {
	char id[32];
	const char *mode; /* NULL = not written */
	const char *classes[4];
	int64_t skew_ms; /* of its clock */
	bool dead; /* writes nothing, hears nothing; its workers are gone */
	bool deaf; /* hears nothing */
	/* for tasks that it starts */
	int64_t slow_ms, run_ms; /* to the first beat; from there to the end, 0 = for ever */
	const char *end; /* "200" */
	struct py_worker workers[PY_WORKERS];
	int64_t assigned, cancelled, updated; /* events heard of tasks of its own, or unaddressed */
	int64_t started; /* workers ever */
	struct sk_str heard; /* ids to look at */
	struct control_rig *g;
};

struct mixed_rig {
	struct control_rig g;
	struct py py[PY_MAX];
	int n_py;
	int64_t ticks;
	unsigned random;
	bool silent; /* ticks make the controller look at nothing */
};

void mixed_open(struct mixed_rig *m, enum sk_strategy strategy);
void mixed_close(struct mixed_rig *m);
/* A node "py<i>" with class Job; tasks run for ever until told otherwise. */
struct py *mixed_py(struct mixed_rig *m);
struct py_worker *py_worker(struct py *p, const char *id);
/* So many seconds pass. */
void mixed_tick(struct mixed_rig *m, int n);
/* At most n seconds, until the task is in that phase; false when it never was. */
bool mixed_until(struct mixed_rig *m, int n, const char *id, enum sk_phase phase);
/* The cache does not answer from now on, or does again. */
void mixed_cache_away(struct mixed_rig *m, bool away);
void mixed_put(struct mixed_rig *m, const char *key, const char *value, int64_t ttl_ms);
/* What stands under a key, "" when nothing does; valid until the next call. */
const char *mixed_value(struct mixed_rig *m, const char *key);
/* The row of a skald of ours, as it renews it. */
void mixed_row(struct mixed_rig *m, const char *id, uint64_t incarnation, uint64_t renewals);
/* A document of the original: status, executor (""), mode. */
void mixed_foreign(struct mixed_rig *m, const char *id, enum sk_phase status, const char *executor,
	const char *mode);
/* Somebody else writes its lifecycleStatus. */
void mixed_overwrite(struct mixed_rig *m, const char *id, enum sk_phase status);
/* What the store has; the rig's until the next call. */
const struct sk_record *mixed_get(struct mixed_rig *m, const char *id);
/* A stranger's event: no skald, no attempt. */
void mixed_event(struct mixed_rig *m, enum sk_topic topic, const char *id);
/* A task of ours; pairs as control_rig_add has them. */
void mixed_add(struct mixed_rig *m, const char *id, const char *const *pairs);

#endif
