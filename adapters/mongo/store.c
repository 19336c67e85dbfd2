/* store.c - the port's side: opening, submitting, telling, closing. Runs on the loop's thread. */
#include "adapters/mongo/store.h"
#include "adapters/mongo/mongo.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

/* ---- numbers ---- */

#define SEQ_COUNTER UINT64_C(0xfff)

/* Milliseconds, 10 bits of chance, 12 of a counter. It only grows, whatever the clock does. */
uint64_t
sk_mg_seq(struct sk_mongo *s)
{
	uint64_t seq = (uint64_t)sk_wall_ms() << 22 | s->seq_bits;

	pthread_mutex_lock(&s->lock);
	if (seq <= s->last_seq) {
		seq = s->last_seq + 1;
		if ((seq & SEQ_COUNTER) == 0)
			seq = ((s->last_seq >> 22) + 1) << 22 | s->seq_bits;
	}
	s->last_seq = seq;
	pthread_mutex_unlock(&s->lock);
	return seq;
}

int64_t
sk_mg_token(struct sk_mongo *s)
{
	int64_t token;

	pthread_mutex_lock(&s->lock);
	s->tokens = s->tokens < INT64_MAX ? s->tokens + 1 : 1;
	token = s->tokens;
	pthread_mutex_unlock(&s->lock);
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

	pthread_mutex_lock(&s->lock);
	s->state.skipped++;
	for (size_t i = 0; i < s->n_seen && news; i++)
		news = s->seen[i] != h;
	if (news && s->n_seen < SK_MG_SEEN)
		s->seen[s->n_seen++] = h;
	else
		news = false;
	pthread_mutex_unlock(&s->lock);
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
	const uint64_t one = 1;
	bool tell;

	pthread_mutex_lock(&s->lock);
	for (const struct sk_op *op = done->head; op != NULL; op = op->next) {
		s->state.done++;
		s->state.unavailable += op->code == SK_EUNAVAIL;
	}
	sk_op_append(&s->done, done);
	tell = !s->told && s->done.head != NULL;
	s->told = s->told || tell;
	pthread_mutex_unlock(&s->lock);
	/* The counter cannot be full: it is read before it is written again. */
	if (tell && write(s->fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		sk_log(SK_CRITICAL, s->component, "the loop cannot be told: %s", strerror(errno));
}

static void
call_back(struct sk_mongo *s)
{
	struct sk_op_list done;
	struct sk_op *op;

	pthread_mutex_lock(&s->lock);
	done = s->done;
	s->done = (struct sk_op_list){ NULL, NULL };
	s->told = false;
	pthread_mutex_unlock(&s->lock);
	while ((op = sk_op_pop(&done)) != NULL)
		op->done(op);
}

static void
told(uint32_t events, void *arg)
{
	struct sk_mongo *s = arg;
	uint64_t n;

	(void)events;
	if (read(s->fd, &n, sizeof(n)) == -1 && errno != EAGAIN && errno != EINTR)
		sk_log(SK_CRITICAL, s->component, "eventfd: %s", strerror(errno));
	call_back(s);
}

/* ---- the port ---- */

static void
mongo_submit(struct sk_store *store, struct sk_op *op)
{
	struct sk_mongo *s = (struct sk_mongo *)store;
	struct sk_op_list refused = { NULL, NULL };

	op->code = SK_OK;
	op->err = (struct sk_err){ SK_OK, "" };
	pthread_mutex_lock(&s->lock);
	if (s->down && s->queue.head == NULL) {
		op->code = sk_fail(&op->err, SK_EUNAVAIL, "%s", s->state.error);
		sk_op_push(&refused, op);
	} else {
		if (s->queue.head == NULL)
			pthread_cond_signal(&s->work);
		sk_op_push(&s->queue, op);
	}
	pthread_mutex_unlock(&s->lock);
	if (refused.head != NULL)
		sk_mg_deliver(s, &refused);
}

static void
stop_driver(struct sk_mongo *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->driver_thread, NULL);
}

static void
stop_aside(struct sk_mongo *s)
{
	pthread_mutex_lock(&s->lock);
	s->aside_stop = true;
	pthread_cond_signal(&s->aside_work);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->aside_thread, NULL);
}

/* What those that are called back submit now is refused. */
static void
refuse_the_rest(struct sk_mongo *s)
{
	struct sk_op *op;

	pthread_mutex_lock(&s->lock);
	s->down = false; /* into the queue */
	pthread_mutex_unlock(&s->lock);
	while (call_back(s), (op = sk_op_pop(&s->queue)) != NULL || s->done.head != NULL)
		if (op != NULL) {
			op->code = sk_fail(&op->err, SK_EUNAVAIL, "the store is closed");
			op->done(op);
		}
}

static void
free_all(struct sk_mongo *s)
{
	sk_mg_disconnect(&s->driver);
	sk_mg_disconnect(&s->reader);
	sk_watch_remove(s->watch);
	if (s->fd != -1)
		close(s->fd);
	if (s->parsed != NULL)
		mongoc_uri_destroy(s->parsed);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->aside_work);
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

	stop_driver(s);
	stop_aside(s);
	refuse_the_rest(s);
	free_all(s);
}

void
sk_store_mongo_state(struct sk_store *store, struct sk_store_mongo_state *out)
{
	struct sk_mongo *s = (struct sk_mongo *)store;

	pthread_mutex_lock(&s->lock);
	*out = s->state;
	pthread_mutex_unlock(&s->lock);
}

/* ---- opening ---- */

/* Signals are the loop's. */
static enum sk_code
start_threads(struct sk_mongo *s, struct sk_err *err)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->driver_thread, NULL, sk_mg_driver, s);
	if (rc == 0) {
		rc = pthread_create(&s->aside_thread, NULL, sk_mg_aside, s);
		if (rc != 0)
			stop_driver(s);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return sk_fail(err, rc == EAGAIN ? SK_EAGAIN : SK_EIO,
			"the threads of the store cannot be started: %s", strerror(rc));
	return SK_OK;
}

static enum sk_code
watch(struct sk_mongo *s, struct sk_err *err)
{
	s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->fd == -1)
		return sk_fail_errno(err, "eventfd");
	s->watch = sk_watch_add(s->loop, s->fd, EPOLLIN, told, s, err);
	return s->watch != NULL ? SK_OK : err->code;
}

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

static struct sk_mongo *
new_store(const struct sk_store_mongo_config *cfg, struct sk_loop *loop)
{
	static const struct sk_store_ops ops = {
		.name = "mongo", .submit = mongo_submit, .close = mongo_close
	};
	struct sk_mongo *s = sk_xcalloc(1, sizeof(*s));
	pthread_condattr_t attr;

	s->store.ops = &ops;
	s->cfg = *cfg;
	s->cfg.uri = s->uri = sk_xstrdup(cfg->uri);
	s->cfg.db = s->db = sk_xstrdup(cfg->db != NULL && cfg->db[0] != '\0' ? cfg->db : "skalds");
	s->cfg.component = s->component = sk_xstrdup(cfg->component != NULL ? cfg->component : "store");
	s->cfg.foreign_ms = cfg->foreign_ms > 0 ? cfg->foreign_ms : 1000;
	s->cfg.stale_ms = cfg->stale_ms > 0 ? cfg->stale_ms : 30000;
	s->driver.s = s->reader.s = s;
	s->driver.wave = s->reader.wave = SK_MG_WAVE;
	s->driver.tagged_ms = s->reader.tagged_ms = INT64_MIN;
	s->swept_ms = INT64_MIN;
	s->state.since_ms = sk_boot_ms();
	s->loop = loop;
	s->fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->work, &attr);
	pthread_cond_init(&s->aside_work, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

struct sk_store *
sk_store_mongo_open(
	const struct sk_store_mongo_config *cfg, struct sk_loop *loop, struct sk_err *err)
{
	struct sk_mongo *s = new_store(cfg, loop);

	s->parsed = sk_mg_uri(cfg, err);
	if (s->parsed != NULL && make_random(s, err) == SK_OK && watch(s, err) == SK_OK &&
		start_threads(s, err) == SK_OK)
		return &s->store;
	free_all(s);
	return NULL;
}
