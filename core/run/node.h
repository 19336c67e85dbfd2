/* node.h - the part of a node's link that carries out assignments: the store says what is ours, the
 * supervisor runs it, the store is told what became of it. Knows the three ports, no library.
 *
 *	bus: assign  -> read the task from the store, check executor, incarnation, attempt and phase
 *	             -> START to the supervisor
 *	STARTED      -> Running is stored (together with the end when it was short)
 *	EXITED       -> the end is stored by compare-and-set; only after the commit it is settled with
 *	                the supervisor (FORGET) and told on the bus
 *	bus: cancel, update, and every reconcile_ms the store: wanted, attachments -> STOP, PAUSE,
 * UPDATE Leases (architecture.md 5): the skald's row is renewed every L/3; what was not renewed
 * until send time + L - 1 s stops its own attempts (onDisconnect: stop) before anybody else may
 * run them.
 *
 * It can be killed at any time: its successor is told by the supervisor what exists, reads what the
 * store has for this skald and incarnation, and settles the difference. The incarnation is made of
 * the supervisor's run id: a link that is replaced keeps it. */
#ifndef SK_CORE_RUN_NODE_H
#define SK_CORE_RUN_NODE_H

#include "core/ports.h"
#include "core/run/frames.h"
#include "core/run/worker.h"

struct sk_node;

/* Cards that a node can tell apart: it remembers who has which across its own death. */
#define SK_NODE_GPUS 32

struct sk_node_config {
	struct sk_loop *loop;
	struct sk_store *store;
	struct sk_cache *cache;
	struct sk_bus *bus;
	int channel; /* to the supervisor; stays the caller's */
	const char *component; /* for the log */
	const char *id; /* of the skald, at most 63 bytes */
	const char *version, *host;
	enum sk_skald_mode mode;
	uint32_t slots;
	double cpus;
	int64_t memory_mb, gpus; /* gpus: at most SK_NODE_GPUS */
	const struct sk_value *labels; /* a map of strings or NULL */
	const struct sk_worker *const *workers; /* NULL at the end */
	int64_t lease_ms, reconcile_ms;
	/* Nobody else can be this skald, and whoever judges it shares our store and our fate (`up`: the
	 * lock of the data directory): the row of another incarnation is replaced whatever it says, and
	 * a store that takes no renewal (a full disk) stops no task. */
	bool sole;
	/* Be seen by programs of the original, through keys in the cache (presence.h), and run what
	 * they give to this id, reporting by those keys (node_foreign.c). False: none of it. */
	bool present;
	int64_t key_ttl_ms; /* of what stands there and is no sign of life; 0 = an hour */
	const char *data_dir; /* where the supervisor keeps output; "" = nowhere */
	/* Put the end of what tasks print into the cache: who asks for it is on another machine. */
	bool share;
	/* What the supervisor needs to start an attempt: attachments, argv, environment. False and err
	 * when it cannot be started: it ends as start-failed. */
	bool (*describe)(void *arg, const struct sk_record *r, struct sk_arena *a, struct sk_start *st,
		struct sk_err *err);
	/* skalds got a signal. SIGTERM, SIGINT, SIGQUIT: the supervisor stops all tasks, the node hands
	 * them back and then calls over(0); others mean what the caller likes. NULL = nobody
	 * listens. */
	void (*signaled)(void *arg, int sig);
	/* The supervisor was told to stop by a signal and everything has ended and is stored (code 0);
	 * or what sk_node_drain asked for is done; or the supervisor is gone (code < 0): everything of
	 * it was killed and stored as lost where possible. Called once, from sk_node_flush. */
	void (*over)(void *arg, int code);
	/* The first renewal was stored: tasks may come. */
	void (*ready)(void *arg);
	void *arg;
};

/* Never NULL; nothing happens until frames arrive. */
struct sk_node *sk_node_new(const struct sk_node_config *cfg);
/* Send what this round has gathered; call once per round of the loop. */
void sk_node_flush(struct sk_node *n);
/* Take no more tasks: hand back what runs (interrupted) and then call over(code). */
void sk_node_drain(struct sk_node *n, int code);
/* Draining takes too long: what is not stored by now is left to others, who find it lost. */
void sk_node_give_up(struct sk_node *n);
/* What `probe ready` and systemd are told. */
void sk_node_tell_ready(struct sk_node *n, bool ready);
/* Whole lines, at most some KiB, to the standard output of skalds. */
void sk_node_print(struct sk_node *n, const char *text);
/* The supervisor stops whatever runs and then exits with the code. Sent at once. */
void sk_node_quit(struct sk_node *n, int code);
/* Free everything; the tasks go on (a hub that is replaced). Operations that are under way speak of
 * it: close the store before, and where it is present, the cache too. NULL is allowed. */
void sk_node_free(struct sk_node *n);

struct sk_node_numbers {
	size_t tasks; /* that it has */
	uint64_t stale; /* attempts that somebody else had settled */
	bool cut_off; /* no renewal was stored within the lease */
	uint32_t restarts; /* how many nodes this supervisor had before */
	int64_t renewed_ms; /* boot clock: when the last renewal that was stored was sent; 0 = never */
	size_t running; /* tasks whose end the supervisor has not told yet */
};
void sk_node_numbers(const struct sk_node *n, struct sk_node_numbers *out);
/* Call fn for each attempt that may still write. False: they are not known yet. */
bool sk_node_each(
	const struct sk_node *n, void (*fn)(void *arg, const char *id, uint32_t attempt), void *arg);

#endif
