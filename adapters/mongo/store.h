/* store.h - the task store in a MongoDB: for a fleet, beside programs of the original.
 *
 * Everything runs on threads of its own: one for what decides (leases, moves, inserts, small
 * reads), one or several for what takes long, each with a connection. What has queued up for the
 * first becomes one command. Nobody is answered before a majority of the servers has it on disk.
 *
 * A server that is away: every operation is answered SK_EUNAVAIL, at once while that is known,
 * after some seconds the first time. Nothing is known of the outcome of a write then.
 *
 * Documents are those of skalds-protocol.md 3.3 with our members beside (document.h). What somebody
 * else wrote and cannot be read is left out, told once and counted.
 */
#ifndef SK_ADAPTERS_MONGO_STORE_H
#define SK_ADAPTERS_MONGO_STORE_H

#include "core/ports.h"

struct sk_store_mongo_config {
	const char *uri; /* mongodb://… or mongodb+srv://…, with credentials, TLS, replica set */
	const char *db; /* NULL or "" = skalds */
	const char *component; /* of log lines; NULL = "store" */
	/* Milliseconds; 0 = 3000, 3000 and 10000. What the URI says counts before them. */
	int64_t select_ms, connect_ms, socket_ms;
	int64_t foreign_ms; /* how often to look for new documents of the original; 0 = 1000 */
	/* How many reads that take long are done side by side, SK_STORE_ASIDE_MAX at most; 0 = 1. More
	 * for who answers many people: one that waits for a long list must not hold up the others. */
	unsigned readers;
	int64_t stale_ms; /* what a writer left unfinished for this long is cleared; 0 = 30000 */
};

/* Never waits for a server. NULL and err: SK_EINVAL: the URI is none; SK_EIO, SK_EAGAIN: no thread
 * or descriptor. The sentence has no password. */
struct sk_store *sk_store_mongo_open(
	const struct sk_store_mongo_config *cfg, struct sk_loop *loop, struct sk_err *err);

struct sk_store_mongo_state {
	bool connected;
	int64_t since_ms; /* boot clock: connected, or away, since then */
	char error[256]; /* the last failure of the connection, "" = none ever */
	uint64_t done; /* operations answered, and of them: */
	uint64_t unavailable;
	uint64_t connects; /* how often a connection was made */
	uint64_t skipped; /* documents that could not be read, each time one was met */
	uint64_t foreign; /* documents of the original that were given their place among ours */
};
/* Any thread. The store must be of this adapter. */
void sk_store_mongo_state(struct sk_store *store, struct sk_store_mongo_state *out);

/* What a look at a server tells a person. */
struct sk_mongo_probe {
	bool reached, allowed; /* allowed: read, write, createIndexes on a collection of its own */
	bool indexed; /* the unique index of task ids is there, or there is no collection yet */
	bool atomic; /* updates are: a race had as many winners as changes */
	char version[32]; /* what the server says it is */
	int wire_version;
	bool replicated; /* member of a replica set or behind mongos */
	int64_t skew_ms; /* its clock minus ours */
	int64_t round_trip_ms;
	char problem[256]; /* the first that was found, "" = none */
};
/* Blocks, for about timeout_ms at the longest. The code tells if it could be done (SK_EUNAVAIL: not
 * reached; SK_EINVAL: the URI); what was found stands in out. Makes and removes a collection
 * "skalds.probe". */
enum sk_code sk_mongo_probe(const struct sk_store_mongo_config *cfg, int64_t timeout_ms,
	struct sk_mongo_probe *out, struct sk_err *err) SK_CHECKED;

#endif
