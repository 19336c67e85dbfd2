/* mongo.h - the parts of the store to each other: what runs on its two threads.
 *
 * Codes of the functions here: SK_OK, and what became of the operation stands in op->code (and in
 * its own codes); anything else is about the server, is the operation's code, and *err says why. */
#ifndef SK_ADAPTERS_MONGO_MONGO_H
#define SK_ADAPTERS_MONGO_MONGO_H

#include "adapters/mongo/document.h"
#include "adapters/mongo/store.h"
#include "core/base/map.h"
#include "core/model/names.h"
#include "core/store_threads.h"
#include <mongoc/mongoc.h>

enum sk_mg_coll {
	SK_MG_TASKS,
	SK_MG_ATTEMPTS,
	SK_MG_SKALDS,
	SK_MG_SETTINGS,
	SK_MG_KEYS,
	SK_MG_BATCHES,
	SK_MG_N_COLL
};

struct sk_mongo;

/* A connection; of one thread. */
struct sk_mg_conn {
	struct sk_mongo *s;
	mongoc_client_t *client; /* NULL = not connected */
	mongoc_collection_t *coll[SK_MG_N_COLL];
	bool lost; /* what failed last was the connection: it must be made anew */
	int64_t tagged_ms; /* boot clock: foreign documents were looked for */
	size_t wave; /* moves in one command: as many as are done in a fraction of a second */
};

#define SK_MG_BATCH_OPS 1024
/* Documents in one command at most. */
#define SK_MG_CHUNK 1000
#define SK_MG_WAVE 64 /* moves in the first one */
#define SK_MG_SEEN 1024

struct sk_mongo {
	struct sk_store store;
	struct sk_store_mongo_config cfg; /* its texts are ours */
	char *uri, *db, *component;
	mongoc_uri_t *parsed;
	int64_t writer; /* a random number of this store: whose unfinished batch is it? */
	struct sk_store_threads t;

	/* ---- under its lock ---- */
	bool down; /* known to be away: refused at once */
	struct sk_store_mongo_state state;
	uint64_t last_seq;
	uint64_t seq_bits; /* 10 random bits in their place */
	int64_t tokens; /* the last number of a move or claim */
	uint64_t seen[SK_MG_SEEN]; /* documents that were told of */
	size_t n_seen;

	/* It looks at every document whatever indexes there are, and pays for each of them. */
	_Atomic bool scans;

	/* ---- the driver's ---- */
	struct sk_mg_conn driver;
	struct sk_op *batch[SK_MG_BATCH_OPS];
	size_t n;
	int64_t retry_ms; /* boot clock: when to try again */
	int64_t pause_ms; /* before the try after that */

	/* ---- one each of the threads beside it ---- */
	struct sk_mg_conn readers[SK_STORE_ASIDE_MAX];

	/* ---- the first of these threads' ---- */
	bool indexed, index_told;
	int64_t swept_ms;
};

/* ---- store.c ---- */

/* Hand what is done to the loop. Any thread. */
void sk_mg_deliver(struct sk_mongo *s, struct sk_op_list *done);
/* The next number of a task, or of a move. Any thread. */
uint64_t sk_mg_seq(struct sk_mongo *s);
int64_t sk_mg_token(struct sk_mongo *s);
/* A document could not be read: told once, counted. */
void sk_mg_skipped(struct sk_mongo *s, const bson_t *doc, const char *coll, const char *why);

/* ---- driver.c, aside.c ---- */

void *sk_mg_driver(void *arg);
void *sk_mg_aside(void *arg);

/* ---- conn.c ---- */

/* Once a process: the library, its memory, its log lines. */
void sk_mg_init(void);
/* NULL and err (SK_EINVAL); what the URI leaves open is filled in. */
mongoc_uri_t *sk_mg_uri(const struct sk_store_mongo_config *cfg, struct sk_err *err);
/* With our guarantees of reading and writing; NULL and err. */
mongoc_client_t *sk_mg_client(const mongoc_uri_t *uri, struct sk_err *err);
/* Connect, if it is not, and say hello. */
enum sk_code sk_mg_connect(struct sk_mg_conn *c, struct sk_err *err) SK_CHECKED;
void sk_mg_disconnect(struct sk_mg_conn *c);
/* What the library says in our words; a lost connection is noted. reply may be NULL. */
enum sk_code
sk_mg_code(struct sk_mg_conn *c, const bson_error_t *e, const bson_t *reply, struct sk_err *err);
/* For people, in place: passwords in a URI become "***", jargon becomes words. */
void sk_mg_mask(char *text);

/* How many documents an update has met; -1: err. many: all that match. */
int64_t sk_mg_update(struct sk_mg_conn *c, enum sk_mg_coll coll, const bson_t *which,
	const bson_t *change, bool many, bool upsert, struct sk_err *err) SK_CHECKED;
/* -1: err, SK_ECONFLICT when something with a unique member like it is there. */
enum sk_code sk_mg_insert_one(
	struct sk_mg_conn *c, enum sk_mg_coll coll, const bson_t *doc, struct sk_err *err) SK_CHECKED;
/* How many were removed; -1: err. */
int64_t sk_mg_delete(
	struct sk_mg_conn *c, enum sk_mg_coll coll, const bson_t *which, struct sk_err *err) SK_CHECKED;
/* Each document that matches; fn returns false to end early. opts may be NULL. */
typedef bool sk_mg_doc_fn(void *arg, const bson_t *doc);
enum sk_code sk_mg_find(struct sk_mg_conn *c, enum sk_mg_coll coll, const bson_t *which,
	const bson_t *opts, sk_mg_doc_fn *fn, void *arg, struct sk_err *err) SK_CHECKED;
/* {member: {$in: [ids]}} appended. */
void sk_mg_put_in(bson_t *b, const char *member, const char *const *ids, size_t n);

/* ---- the operations ---- */

enum sk_code
sk_mg_insert(struct sk_mg_conn *c, struct sk_op_insert *op, struct sk_err *err) SK_CHECKED;
/* Several of one record each; what became of each stands in it. Never fails as a whole. */
void sk_mg_insert_run(struct sk_mg_conn *c, struct sk_op **ops, size_t n);
/* One record, with everything that its unique key needs; *code, *found as the port says. */
enum sk_code sk_mg_insert_alone(struct sk_mg_conn *c, const struct sk_record *r, struct sk_arena *a,
	enum sk_code *code, struct sk_record **found, uint64_t *seq, struct sk_err *err) SK_CHECKED;
/* All or none, n > 1. *clash: something was in the way, all is as before. */
enum sk_code sk_mg_insert_staged(
	struct sk_mg_conn *c, struct sk_op_insert *op, bool *clash, struct sk_err *err) SK_CHECKED;
/* What stands in the way of the record, by its id and by its key; NULL = nothing. */
enum sk_code sk_mg_obstacle(struct sk_mg_conn *c, const struct sk_record *r, struct sk_arena *a,
	struct sk_record **found, struct sk_err *err) SK_CHECKED;

/* By id; NULL when it is not there or cannot be read. */
enum sk_code sk_mg_read_id(struct sk_mg_conn *c, const char *id, struct sk_arena *a,
	struct sk_record **r, struct sk_err *err) SK_CHECKED;

/* stage.c: what writers left unfinished. Done with what is older than stale_ms, or ours. */
enum sk_code sk_mg_sweep(struct sk_mg_conn *c, struct sk_err *err) SK_CHECKED;
/* The same for the batch of the document with this id, if there is one. *busy: its writer lives. */
enum sk_code
sk_mg_clear_way(struct sk_mg_conn *c, const char *id, bool *busy, struct sk_err *err) SK_CHECKED;

/* keys.c: claims on unique keys. */
enum sk_mg_claim {
	SK_MG_CLAIMED,
	SK_MG_TAKEN, /* by the task in *found */
	SK_MG_BUSY /* by one that is being stored */
};
enum sk_code sk_mg_claim_key(struct sk_mg_conn *c, const char *key, const char *task, int64_t token,
	struct sk_arena *a, enum sk_mg_claim *how, struct sk_record **found,
	struct sk_err *err) SK_CHECKED;
/* Nothing came of it. */
enum sk_code
sk_mg_release_key(struct sk_mg_conn *c, const char *key, int64_t token, struct sk_err *err);
/* Whose it is, of tasks that are not final. */
enum sk_code sk_mg_key_owner(struct sk_mg_conn *c, const char *key, struct sk_arena *a,
	struct sk_record **owner, struct sk_err *err) SK_CHECKED;

/* Several moves and gets together; each is answered. */
void sk_mg_move_run(struct sk_mg_conn *c, struct sk_op **ops, size_t n);
void sk_mg_get_run(struct sk_mg_conn *c, struct sk_op **ops, size_t n);
/* SK_EAGAIN: it took longer than max_ms (0 = no limit). */
enum sk_code sk_mg_find_op(
	struct sk_mg_conn *c, struct sk_op_find *op, int64_t max_ms, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_mg_count(struct sk_mg_conn *c, struct sk_op_count *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_mg_classes(struct sk_mg_conn *c, struct sk_op_classes *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_mg_remove(struct sk_mg_conn *c, struct sk_op_remove *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_mg_attempts(struct sk_mg_conn *c, struct sk_op_attempts *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_mg_skald_put(struct sk_mg_conn *c, struct sk_op_skald_put *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_mg_skald_list(struct sk_mg_conn *c, struct sk_op_skald_list *op, struct sk_err *err) SK_CHECKED;
enum sk_code sk_mg_skald_remove(
	struct sk_mg_conn *c, struct sk_op_skald_remove *op, struct sk_err *err) SK_CHECKED;
enum sk_code sk_mg_lead(struct sk_mg_conn *c, struct sk_op_lead *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_mg_setting(struct sk_mg_conn *c, struct sk_op_setting *op, struct sk_err *err) SK_CHECKED;
enum sk_code
sk_mg_check(struct sk_mg_conn *c, struct sk_op_check *op, struct sk_err *err) SK_CHECKED;

/* ---- indexes.c ---- */

/* The one that everybody needs (and the original makes); all the others. */
enum sk_code sk_mg_index_ids(struct sk_mg_conn *c, struct sk_err *err) SK_CHECKED;
enum sk_code sk_mg_index_rest(struct sk_mg_conn *c, struct sk_err *err) SK_CHECKED;
/* A line for each that is missing. */
enum sk_code
sk_mg_index_check(struct sk_mg_conn *c, struct sk_str *problems, struct sk_err *err) SK_CHECKED;

/* ---- foreign.c ---- */

/* Give documents of the original their place among ours, unless that was done just now. */
enum sk_code sk_mg_tag_foreign(struct sk_mg_conn *c, struct sk_err *err) SK_CHECKED;

/* ---- probe.c ---- */

/* Do several connections that change one document each win once? Collection "skalds.probe". */
enum sk_code sk_mg_race(const mongoc_uri_t *uri, const char *db, int writers, int64_t until_ms,
	bool *atomic, struct sk_err *err) SK_CHECKED;

#endif
