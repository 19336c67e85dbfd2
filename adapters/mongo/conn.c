/* conn.c - connections, and what the library says of failures in our words. */
#include "adapters/mongo/mongo.h"
#include "core/base/log.h"
#include <stdlib.h>
#include <string.h>

/* ---- the library ---- */

/* The library's way to say that nobody is there; ours is shorter. */
static void
say_plainly(char *text)
{
	static const char theirs[] = "No suitable servers found (`serverSelectionTryOnce` set): ",
					  ours[] = "no server answers: ";
	char *at = strstr(text, theirs);

	if (at == NULL)
		return;
	memcpy(at, ours, sizeof(ours) - 1);
	at += sizeof(ours) - 1;
	memmove(at, at + sizeof(theirs) - sizeof(ours), strlen(at + sizeof(theirs) - sizeof(ours)) + 1);
}

void
sk_mg_mask(char *text)
{
	char *at, *slashes = text;

	say_plainly(text);
	while ((slashes = strstr(slashes, "://")) != NULL) {
		size_t n = strcspn(slashes + 3, " \t\"'<>");
		char *end = slashes + 3 + n, *colon;

		slashes += 3;
		at = NULL;
		for (char *p = slashes; p < end; p++)
			if (*p == '@')
				at = p;
		colon = memchr(slashes, ':', n);
		for (char *p = colon; at != NULL && p != NULL && p < at; p++)
			if (p > colon)
				*p = '*';
	}
}

static void
log_line(mongoc_log_level_t level, const char *domain, const char *message, void *arg)
{
	char text[1024];

	(void)arg;
	/* Not every server has sessions to end. */
	if (level >= MONGOC_LOG_LEVEL_INFO || strstr(message, "endSessions") != NULL)
		return;
	snprintf(text, sizeof(text), "%s: %s", domain, message);
	sk_mg_mask(text);
	sk_log(level <= MONGOC_LOG_LEVEL_CRITICAL ? SK_ERROR : SK_WARNING, "mongo", "%s", text);
}

/* As sk_xmalloc: when there is none the process ends with 71. */
static void *
take_aligned(size_t alignment, size_t n)
{
	void *p = aligned_alloc(alignment, (n + alignment - 1) / alignment * alignment);

	if (p == NULL)
		p = sk_xmalloc(SIZE_MAX / 2);
	return p;
}

static void
init_once(void)
{
	static const bson_mem_vtable_t memory = { .malloc = sk_xmalloc,
		.calloc = sk_xcalloc,
		.realloc = sk_xrealloc,
		.free = free,
		.aligned_alloc = take_aligned };

	bson_mem_set_vtable(&memory);
	mongoc_log_set_handler(log_line, NULL);
	mongoc_init();
}

void
sk_mg_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_once);
}

/* ---- opening ---- */

static void
fill_in(mongoc_uri_t *uri, const char *option, int64_t given, int64_t otherwise)
{
	int64_t v = given > 0 ? given : otherwise;

	if (!mongoc_uri_has_option(uri, option))
		(void)mongoc_uri_set_option_as_int32(uri, option, (int32_t)v);
}

/* The library does not send a write again by itself: that its outcome is not known is told, and
 * whoever asked looks. A URI that wants it otherwise is right as well, on servers that know writes
 * apart. */
mongoc_uri_t *
sk_mg_uri(const struct sk_store_mongo_config *cfg, struct sk_err *err)
{
	bson_error_t e = { 0 };
	mongoc_uri_t *uri;

	sk_mg_init();
	uri = mongoc_uri_new_with_error(cfg->uri, &e);
	if (uri == NULL) {
		sk_mg_mask(e.message);
		sk_fail(err, SK_EINVAL, "the URI of MongoDB: %s", e.message);
		return NULL;
	}
	fill_in(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, cfg->select_ms, 3000);
	fill_in(uri, MONGOC_URI_CONNECTTIMEOUTMS, cfg->connect_ms, 3000);
	fill_in(uri, MONGOC_URI_SOCKETTIMEOUTMS, cfg->socket_ms, 10000);
	fill_in(uri, MONGOC_URI_HEARTBEATFREQUENCYMS, 0, 10000);
	if (!mongoc_uri_has_option(uri, MONGOC_URI_RETRYWRITES))
		(void)mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false);
	if (mongoc_uri_get_appname(uri) == NULL)
		(void)mongoc_uri_set_appname(uri, "skalds");
	return uri;
}

/* Told means on the disks of a majority. What is read is what a majority has: a node never starts
 * what a new primary would not know of. */
mongoc_client_t *
sk_mg_client(const mongoc_uri_t *uri, struct sk_err *err)
{
	bson_error_t e = { 0 };
	mongoc_client_t *client = mongoc_client_new_from_uri_with_error(uri, &e);
	mongoc_write_concern_t *writes;
	mongoc_read_concern_t *reads;
	mongoc_read_prefs_t *prefs;

	if (client == NULL) {
		sk_mg_mask(e.message);
		sk_fail(err, SK_EUNAVAIL, "MongoDB: %s", e.message);
		return NULL;
	}
	writes = mongoc_write_concern_new();
	mongoc_write_concern_set_wmajority(
		writes, mongoc_uri_get_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, 10000) * 4 / 5);
	mongoc_write_concern_set_journal(writes, true);
	mongoc_client_set_write_concern(client, writes);
	mongoc_write_concern_destroy(writes);
	reads = mongoc_read_concern_new();
	(void)mongoc_read_concern_set_level(reads, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
	mongoc_client_set_read_concern(client, reads);
	mongoc_read_concern_destroy(reads);
	prefs = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	mongoc_client_set_read_prefs(client, prefs);
	mongoc_read_prefs_destroy(prefs);
	(void)mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
	return client;
}

void
sk_mg_disconnect(struct sk_mg_conn *c)
{
	for (size_t i = 0; i < SK_MG_N_COLL; i++) {
		if (c->coll[i] != NULL)
			mongoc_collection_destroy(c->coll[i]);
		c->coll[i] = NULL;
	}
	if (c->client != NULL)
		mongoc_client_destroy(c->client);
	c->client = NULL;
	c->lost = false;
}

static void
open_collections(struct sk_mg_conn *c)
{
	static const char *const names[SK_MG_N_COLL] = { SK_COLL_TASKS, SK_COLL_ATTEMPTS,
		SK_COLL_SKALDS, SK_COLL_SETTINGS, SK_COLL_KEYS, SK_COLL_BATCHES };

	for (size_t i = 0; i < SK_MG_N_COLL; i++)
		c->coll[i] = mongoc_client_get_collection(c->client, c->s->db, names[i]);
}

static bool
text_begins(const bson_t *doc, const char *member, const char *text)
{
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, member) && bson_iter_type(&it) == BSON_TYPE_UTF8 &&
		strncmp(bson_iter_utf8(&it, NULL), text, strlen(text)) == 0;
}

/* FerretDB before its second version. */
static void
look_what_it_is(struct sk_mg_conn *c)
{
	bson_t cmd = BSON_INITIALIZER, reply;

	BSON_APPEND_INT32(&cmd, "buildInfo", 1);
	if (mongoc_client_command_simple(c->client, "admin", &cmd, NULL, &reply, NULL))
		c->s->scans = text_begins(&reply, "ferretdbVersion", "v1.");
	bson_destroy(&reply);
	bson_destroy(&cmd);
}

/* A new client each time: the library would not look again at a server that failed for some
 * seconds. */
enum sk_code
sk_mg_connect(struct sk_mg_conn *c, struct sk_err *err)
{
	bson_t ping = BSON_INITIALIZER;
	bson_error_t e = { 0 };
	enum sk_code code = SK_OK;

	if (c->client != NULL)
		return SK_OK;
	c->client = sk_mg_client(c->s->parsed, err);
	if (c->client == NULL) {
		bson_destroy(&ping);
		return err->code;
	}
	open_collections(c);
	BSON_APPEND_INT32(&ping, "ping", 1);
	if (!mongoc_client_command_simple(c->client, c->s->db, &ping, NULL, NULL, &e))
		code = sk_mg_code(c, &e, NULL, err);
	bson_destroy(&ping);
	if (code == SK_OK)
		look_what_it_is(c);
	else
		sk_mg_disconnect(c);
	return code;
}

/* ---- failures ---- */

/* The primary is another one, or none, or it stops: not the fault of what was asked. */
static bool
is_moved(uint32_t code)
{
	static const uint32_t codes[] = { 6, 7, 89, 91, 133, 189, 262, 9001, 10058, 10107, 11600, 11602,
		13435, 13436 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return false;
}

static enum sk_code
server_code(struct sk_mg_conn *c, uint32_t code)
{
	if (is_moved(code)) {
		c->lost = true;
		return SK_EUNAVAIL;
	}
	switch (code) {
	case 50: /* MaxTimeMSExpired */
		return SK_EAGAIN;
	case 11000:
	case 11001: /* a unique index */
		return SK_ECONFLICT;
	case 13: /* Unauthorized */
	case 18: /* AuthenticationFailed */
	case 64: /* WriteConcernFailed */
	case 100: /* UnsatisfiableWriteConcern */
		return SK_EUNAVAIL;
	case 14031: /* OutOfDiskSpace */
		return SK_ENOSPC;
	default:
		return SK_EIO;
	}
}

enum sk_code
sk_mg_code(struct sk_mg_conn *c, const bson_error_t *e, const bson_t *reply, struct sk_err *err)
{
	char text[400];
	enum sk_code code = SK_EUNAVAIL;

	snprintf(text, sizeof(text), "%s", e->message);
	sk_mg_mask(text);
	switch (e->domain) {
	case MONGOC_ERROR_SERVER:
		code = server_code(c, e->code);
		break;
	case MONGOC_ERROR_WRITE_CONCERN:
		break;
	case MONGOC_ERROR_BSON:
	case MONGOC_ERROR_COMMAND:
		code = SK_EIO; /* what we wanted to send: nothing was sent */
		break;
	default:
		c->lost = true;
	}
	if (reply != NULL && mongoc_error_has_label(reply, "RetryableWriteError")) {
		c->lost = true;
		code = SK_EUNAVAIL;
	}
	return sk_fail(err, code, "MongoDB: %s", text);
}

/* ---- short ways ---- */

/* The keys of documents are looked at by ourselves. */
static void
put_unchecked(bson_t *opts)
{
	BSON_APPEND_BOOL(opts, "validate", false);
}

static int64_t
number_of(const bson_t *reply, const char *member)
{
	bson_iter_t it;
	int64_t n = 0;

	if (bson_iter_init_find(&it, reply, member))
		(void)sk_mg_take_i64(&it, &n);
	return n;
}

int64_t
sk_mg_update(struct sk_mg_conn *c, enum sk_mg_coll coll, const bson_t *which, const bson_t *change,
	bool many, bool upsert, struct sk_err *err)
{
	bson_t opts = BSON_INITIALIZER, reply;
	bson_error_t e = { 0 };
	int64_t n;
	bool done;

	put_unchecked(&opts);
	if (upsert)
		BSON_APPEND_BOOL(&opts, "upsert", true);
	done = many ? mongoc_collection_update_many(c->coll[coll], which, change, &opts, &reply, &e)
				: mongoc_collection_update_one(c->coll[coll], which, change, &opts, &reply, &e);
	if (done)
		n = number_of(&reply, "matchedCount") + number_of(&reply, "upsertedCount");
	else {
		(void)sk_mg_code(c, &e, &reply, err);
		n = -1;
	}
	bson_destroy(&reply);
	bson_destroy(&opts);
	return n;
}

enum sk_code
sk_mg_insert_one(struct sk_mg_conn *c, enum sk_mg_coll coll, const bson_t *doc, struct sk_err *err)
{
	bson_t opts = BSON_INITIALIZER, reply;
	bson_error_t e = { 0 };
	enum sk_code code = SK_OK;

	put_unchecked(&opts);
	if (!mongoc_collection_insert_one(c->coll[coll], doc, &opts, &reply, &e))
		code = sk_mg_code(c, &e, &reply, err);
	bson_destroy(&reply);
	bson_destroy(&opts);
	return code;
}

int64_t
sk_mg_delete(struct sk_mg_conn *c, enum sk_mg_coll coll, const bson_t *which, struct sk_err *err)
{
	bson_error_t e = { 0 };
	bson_t reply;
	int64_t n;

	if (mongoc_collection_delete_many(c->coll[coll], which, NULL, &reply, &e))
		n = number_of(&reply, "deletedCount");
	else {
		(void)sk_mg_code(c, &e, &reply, err);
		n = -1;
	}
	bson_destroy(&reply);
	return n;
}

enum sk_code
sk_mg_find(struct sk_mg_conn *c, enum sk_mg_coll coll, const bson_t *which, const bson_t *opts,
	sk_mg_doc_fn *fn, void *arg, struct sk_err *err)
{
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c->coll[coll], which, opts, NULL);
	enum sk_code code = SK_OK;
	const bson_t *doc, *reply;
	bson_error_t e = { 0 };
	bool more = true;

	while (more && mongoc_cursor_next(cursor, &doc))
		more = fn(arg, doc);
	if (more && mongoc_cursor_error_document(cursor, &e, &reply))
		code = sk_mg_code(c, &e, reply, err);
	mongoc_cursor_destroy(cursor);
	return code;
}

void
sk_mg_put_in(bson_t *b, const char *member, const char *const *ids, size_t n)
{
	bson_t in, list;
	struct sk_mg_list l = { .b = &list };

	BSON_APPEND_DOCUMENT_BEGIN(b, member, &in);
	BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
	for (size_t i = 0; i < n; i++)
		sk_mg_put_text(&list, sk_mg_next_key(&l), ids[i]);
	bson_append_array_end(&in, &list);
	bson_append_document_end(b, &in);
}
