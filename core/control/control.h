/* control.h - the controller: dispatcher, monitor, reconcile loop and the API's operations.
 *
 * One loop thread, no I/O of its own: it sees the world through the three ports and does not know
 * whether there is one skald or fifty, nor where the store is. All its state can be thrown away and
 * is rebuilt from the store. */
#ifndef SK_CORE_CONTROL_CONTROL_H
#define SK_CORE_CONTROL_CONTROL_H

#include "core/control/alert_rules.h"
#include "core/control/api.h"
#include "core/ports.h"
#include "core/run/worker.h"

enum sk_strategy { SK_LEAST_TASKS, SK_ROUND_ROBIN, SK_RANDOM, SK_BEST_FIT };

/* How one of the services that we stand on is. */
struct sk_control_service {
	const char *name; /* "kafka"; a literal */
	bool ok;
	int64_t since_ms; /* wall clock: since when it is so */
	char text[320]; /* what is wrong; "" when it is ok */
};
#define SK_CONTROL_SERVICES 8

struct sk_control_config {
	struct sk_loop *loop;
	struct sk_store *store;
	struct sk_cache *cache;
	struct sk_bus *bus;
	const struct sk_worker *const *workers; /* NULL at the end */
	sk_api_parse_fn *parse_json;
	const char *name; /* who we are, for the leader's row and the log */
	const char *version; /* of the program, for status; NULL = not known */
	bool dispatch; /* false: the API alone (a command without a server) */
	/* There may be nodes, controllers and scripts of the original in the fleet. */
	bool mixed;
	/* Others may share the store: dispatch, judge and remove only while the lead is ours
	 * (leader.h). False: nobody else can be there (`up`: the lock of the data directory). */
	bool lead;
	int64_t lead_ms; /* lease of the lead; 0 = lease_ms */
	bool abstain; /* with lead: see who leads, never do it: the API alone, but for long */
	bool hold; /* with dispatch: look after all tasks, but give none to a skald */
	/* Without dispatch, in a fleet: a skald is online when its row was written a short time ago by
	 * the wall clock. For commands, which live too short to see that it changes; nothing is decided
	 * by it. Status reads who leads. */
	bool by_clock;
	/* Without dispatch: before it is ready, count what each skald has, and with `mixed` see who
	 * there is of the original. */
	bool survey;
	enum sk_strategy strategy;
	/* L: a skald whose row stands still for L + 2 s (scaled in tests) is lost; time in which we did
	 * not run, or the store did not answer, does not count. */
	int64_t lease_ms;
	int64_t reconcile_ms; /* between two full looks at the store; 5000 */
	int64_t keep_ms; /* ended tasks are removed after this long; 0 = never */
	int64_t keep_tasks; /* and beyond so many; 0 = no limit */
	/* Wall minus boot clock when it was known to be right, so that a jump is one also when it came
	 * before us; 0 = as it is now. */
	int64_t clock_ms;
	const char *data_dir; /* where the logs of tasks are; "" = nowhere here */
	/* Fill in how the services are, for status; returns how many. NULL = there are none. */
	size_t (*services)(void *arg, struct sk_control_service out[SK_CONTROL_SERVICES]);
	void *services_arg;
	/* Append what the process around us has to tell to GET /metrics (metrics.h). NULL = nothing. */
	void (*metrics)(void *arg, struct sk_str *out);
	void *metrics_arg;
	const struct sk_alert_rules *alerts; /* NULL = the built-in ones */
	/* An alert of ours as the leader has changed: {"event":"firing","controller":…,"alert":{…}};
	 * borrowed during the call. NULL = nobody is told. */
	void (*alerted)(void *arg, const char *json, size_t n);
	void *alerted_arg;
	uint64_t seed; /* of jitter and SK_RANDOM */
	bool dashboard; /* is served beside the API: `/` leads there */
	int64_t ping_ms; /* between two signs of life on a stream of events; 0 = 15 s */
	/* Clocks, for tests; NULL = the real ones. */
	int64_t (*boot_ms)(void *arg);
	int64_t (*wall_ms)(void *arg);
	void *clock_arg;
};

/* Never NULL. Nothing is read before sk_control_start. */
struct sk_control *sk_control_new(const struct sk_control_config *cfg);
/* Rebuild from the store and begin to dispatch. Requests are answered 503 until it is ready. */
void sk_control_start(struct sk_control *c);
bool sk_control_ready(const struct sk_control *c);
/* While it is not ready: SK_OK, or why the store could not be read (it is tried again). */
enum sk_code sk_control_trouble(const struct sk_control *c);
/* Every attempt that is assigned or runs. */
void sk_control_each_live(
	const struct sk_control *c, void (*fn)(void *arg, const char *id, uint32_t attempt), void *arg);
/* No task that is not final, nothing waits for a time: `up --once` may end. Calls back once. */
void sk_control_idle(struct sk_control *c, void (*fn)(void *arg, bool idle), void *arg);
/* Stop dispatching (drain) and leave the lead; requests are still answered. */
void sk_control_stop(struct sk_control *c);
/* After sk_control_stop: the lead was left, or could not be. Let the loop run for a moment until
 * then, else the next leader waits for a lease. */
bool sk_control_left(const struct sk_control *c);
/* NULL is allowed. Operations that are under way speak of it: close the store before (that brings
 * them back), the bus and the cache after. */
void sk_control_free(struct sk_control *c);

const char *sk_strategy_name(enum sk_strategy s);

#endif
