/* edge.h - what an edge or a single process has to do with the services, besides running its tasks:
 * their documents in the store, its presence in the cache, updates over the bus
 * (skalds-protocol.md 5.3, 6.5, defects N8-N11). Any of the three may be missing or away; nothing
 * here decides what runs.
 *
 * Of an edge's task the document is made when there is none; one of mode Active and of the same
 * class is brought to what is told (core/control/active.h). One of another class, or one that is
 * dispatched (Passive), belongs to somebody else: said once, the task runs from the file alone, and
 * nothing is written of it, in the cache neither. The same when a later start of another skald
 * takes it over.
 *
 * Attachments, by the yamlHash beside them:
 *	no document, or the file differs from it	the file's are written
 *	equal, or none (the original made it)		the stored ones are used, if the class takes them
 *
 * The store is looked at every look_ms, and at once after a task.update.attachment, whoever sent
 * it. A single process stores nothing and looks only after such an event.
 *
 * What was stored is told over the bus, as controllers tell theirs. One loop, no threads. */
#ifndef SK_CORE_RUN_EDGE_H
#define SK_CORE_RUN_EDGE_H

#include "core/control/active.h"
#include "core/ports.h"
#include "core/run/worker.h"

struct sk_edge;

struct sk_edge_config {
	struct sk_loop *loop;
	struct sk_store *store; /* NULL = none */
	struct sk_cache *cache;
	bool present; /* tell the cache of us */
	struct sk_bus *bus; /* NULL = none */
	const char *component; /* for the log */
	const char *id; /* of the skald */
	const char *version, *host;
	enum sk_skald_mode mode; /* SK_MODE_EDGE or SK_MODE_SINGLE */
	uint64_t incarnation;
	int64_t slots, start_ms;
	int64_t lease_ms; /* of the row: renewed three times in it */
	int64_t look_ms, key_ttl_ms;
	const struct sk_worker *const *workers; /* NULL at the end */
	const char *const *classes; /* their names, NULL at the end */
	/* This task shall have these attachments from now on; hash: of the file's entry that they
	 * belong to. Borrowed during the call. */
	void (*attachments)(
		void *arg, const char *id, const char *hash, const struct sk_value *attachments);
	/* The store has answered for all tasks that were there at the first sk_edge_tasks; once. */
	void (*answered)(void *arg);
	void *arg;
};

/* Never NULL. What the configuration points to stays the caller's. */
struct sk_edge *sk_edge_open(const struct sk_edge_config *cfg);
/* The store is closed (its operations have come back), the cache too. NULL is allowed. */
void sk_edge_close(struct sk_edge *e);

struct sk_edge_task {
	const char *id, *class_name;
	const struct sk_value *attachments; /* as the file has them: checked */
};
/* The tasks of the file, at the start and whenever it was read again. Copied. */
void sk_edge_tasks(struct sk_edge *e, const struct sk_edge_task *tasks, size_t n);

/* What becomes of the task's keys in the cache. */
enum sk_edge_note {
	SK_EDGE_WAITS, /* nothing is said of it */
	SK_EDGE_BEGUN, /* it runs */
	SK_EDGE_FOUND, /* it went on while we were replaced */
	SK_EDGE_AGAIN, /* the attempt is over, another follows */
	SK_EDGE_OVER /* by the state: 200, -1 with why, -2 */
};
/* How a task of the file stands. Of a: class_name, attachments, state, times, exit, progress and
 * stage are read, the rest is known. Copied. */
void sk_edge_say(struct sk_edge *e, const char *id, const struct sk_active *a,
	enum sk_edge_note note, const char *why);

/* Tell what is left, then that the skald is gone. */
void sk_edge_leave(struct sk_edge *e);
/* All is told, or whoever should hear it is away. */
bool sk_edge_gone(const struct sk_edge *e);

#endif
