/* store.c - the port's side: opening, submitting, telling, closing. Runs on the loop's thread. */
#include "adapters/mongo/store.h"
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* ---- numbers ---- */

#define SEQ_COUNTER UINT64_C(0xfff)

/* Milliseconds, 10 bits of chance, 12 of a counter. It only grows, whatever the clock does. */
uint64_t
sk_mg_seq(struct sk_mongo *s)
{
	uint64_t seq = (uint64_t)sk_wall_ms() << 22 | s->seq_bits;

	pthread_mutex_lock(&s->t.lock);
	if (seq <= s->last_seq) {
		seq = s->last_seq + 1;
		if ((seq & SEQ_COUNTER) == 0)
			seq = ((s->last_seq >> 22) + 1) << 22 | s->seq_bits;
	}
	s->last_seq = seq;
	pthread_mutex_unlock(&s->t.lock);
	return seq;
}

int64_t
sk_mg_token(struct sk_mongo *s)
{
	int64_t token;

	pthread_mutex_lock(&s->t.lock);
	s->tokens = s->tokens < INT64_MAX ? s->tokens + 1 : 1;
	token = s->tokens;
	pthread_mutex_unlock(&s->t.lock);
	return token;
}

/* ---- what cannot be read ---- */

/* FNV-1a. */
static uint64_t
hash(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}

static bool
is_news(struct sk_mongo *s, uint64_t h)
{
	bool news = true;

	pthread_mutex_lock(&s->t.lock);
	s->state.skipped++;
	for (size_t i = 0; i < s->n_seen && news; i++)
		news = s->seen[i] != h;
	if (news && s->n_seen < SK_MG_SEEN)
		s->seen[s->n_seen++] = h;
	else
		news = false;
	pthread_mutex_unlock(&s->t.lock);
	return news;
}

void
sk_mg_skipped(struct sk_mongo *s, const bson_t *doc, const char *coll, const char *why)
{
	bson_iter_t it;
	bson_t id = BSON_INITIALIZER;
	char *text;

	if (bson_iter_init_find(&it, doc, "_id"))
		(void)bson_append_iter(&id, NULL, 0, &it);
	if (is_news(s, hash(bson_get_data(&id), id.len))) {
		text = bson_as_relaxed_extended_json(&id, NULL);
		sk_log(SK_WARNING, s->component,
			"%s: a document cannot be read and is left out: %.200s: %s", coll,
			text != NULL ? text : "", why);
		bson_free(text);
	}
	bson_destroy(&id);
}

/* ---- from the threads to the loop ---- */

void
sk_mg_deliver(struct sk_mongo *s, struct sk_op_list *done)
{
	pthread_mutex_lock(&s->t.lock);
	for (const struct sk_op *op = done->head; op != NULL; op = op->next) {
		s->state.done++;
		s->state.unavailable += op->code == SK_EUNAVAIL;
	}
	pthread_mutex_unlock(&s->t.lock);
	sk_store_threads_deliver(&s->t, done);
}

/* ---- the port ---- */

/* Refused at once while the server is known to be away. */
static void
mongo_submit(struct sk_store *store, struct sk_op *op)
{
	struct sk_mongo *s = (struct sk_mongo *)store;
	struct sk_op_list refused = { NULL, NULL };
	bool down;

	op->code = SK_OK;
	op->err = (struct sk_err){ SK_OK, "" };
	pthread_mutex_lock(&s->t.lock);
	down = s->down && s->t.queue.head == NULL;
	if (down)
		op->code = sk_fail(&op->err, SK_EUNAVAIL, "%s", s->state.error);
	pthread_mutex_unlock(&s->t.lock);
	if (!down) {
		sk_store_threads_submit(&s->t, op);
		return;
	}
	sk_op_push(&refused, op);
	sk_mg_deliver(s, &refused);
}

static void
free_all(struct sk_mongo *s)
{
	sk_mg_disconnect(&s->driver);
	for (unsigned i = 0; i < s->cfg.readers; i++)
		sk_mg_disconnect(&s->readers[i]);
	if (s->parsed != NULL)
		mongoc_uri_destroy(s->parsed);
	sk_store_threads_release(&s->t);
	explicit_bzero(s->uri, strlen(s->uri));
	free(s->uri);
	free(s->db);
	free(s->component);
	free(s);
}

static void
mongo_close(struct sk_store *store)
{
	struct sk_mongo *s = (struct sk_mongo *)store;

	sk_store_threads_stop_driver(&s->t);
	sk_store_threads_stop_aside(&s->t);
	s->down = false; /* what is submitted now goes into the queue, and is refused there */
	sk_store_threads_refuse_rest(&s->t);
	free_all(s);
}

void
sk_store_mongo_state(struct sk_store *store, struct sk_store_mongo_state *out)
{
	struct sk_mongo *s = (struct sk_mongo *)store;

	pthread_mutex_lock(&s->t.lock);
	*out = s->state;
	pthread_mutex_unlock(&s->t.lock);
}

/* ---- opening ---- */

static enum sk_code
make_random(struct sk_mongo *s, struct sk_err *err)
{
	uint64_t r[3];

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return sk_fail_errno(err, "getrandom");
	s->seq_bits = (r[0] & 0x3ff) << 12;
	s->tokens = (int64_t)(r[1] >> 1);
	s->writer = (int64_t)(r[2] >> 1);
	return SK_OK;
}

static void
init_conn(struct sk_mg_conn *c, struct sk_mongo *s)
{
	c->s = s;
	c->wave = SK_MG_WAVE;
	c->tagged_ms = INT64_MIN;
}

static struct sk_mongo *
new_store(const struct sk_store_mongo_config *cfg, struct sk_loop *loop)
{
	static const struct sk_store_ops ops = {
		.name = "mongo", .submit = mongo_submit, .close = mongo_close
	};
	struct sk_mongo *s = sk_xcalloc(1, sizeof(*s));

	s->store.ops = &ops;
	s->cfg = *cfg;
	s->cfg.uri = s->uri = sk_xstrdup(cfg->uri);
	s->cfg.db = s->db = sk_xstrdup(cfg->db != NULL && cfg->db[0] != '\0' ? cfg->db : "skalds");
	s->cfg.component = s->component = sk_xstrdup(cfg->component != NULL ? cfg->component : "store");
	s->cfg.foreign_ms = cfg->foreign_ms > 0 ? cfg->foreign_ms : 1000;
	s->cfg.stale_ms = cfg->stale_ms > 0 ? cfg->stale_ms : 30000;
	s->cfg.readers = cfg->readers > 0 ? cfg->readers : 1;
	init_conn(&s->driver, s);
	for (unsigned i = 0; i < s->cfg.readers; i++)
		init_conn(&s->readers[i], s);
	s->swept_ms = INT64_MIN;
	s->state.since_ms = sk_boot_ms();
	sk_store_threads_init(&s->t, loop, s->component, NULL, s);
	return s;
}

struct sk_store *
sk_store_mongo_open(
	const struct sk_store_mongo_config *cfg, struct sk_loop *loop, struct sk_err *err)
{
	struct sk_mongo *s = new_store(cfg, loop);

	s->parsed = sk_mg_uri(cfg, err);
	if (s->parsed != NULL && make_random(s, err) == SK_OK &&
		sk_store_threads_start(&s->t, sk_mg_driver, sk_mg_aside, s->cfg.readers, err) == SK_OK)
		return &s->store;
	free_all(s);
	return NULL;
}
