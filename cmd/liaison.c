#include "cmd/liaison.h"
#include "adapters/versions.h"
#include "cmd/services.h"
#include "cmd/told.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "workers/registry.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define LEASE_MS 30000 /* as nodes and controllers */
#define LOOK_MS 5000
#define FLUSH_MS 300 /* of Kafka at the end */
#define MAX_NOTES 100000 /* that wait for the thread; beyond it they are lost */

/* What the link tells the thread. */
struct note {
	struct note *next;
	struct sk_arena *arena;
	const struct sk_edge_task *tasks; /* NULL: a word */
	size_t n;
	const char *id;
	struct sk_active active;
	enum sk_edge_note what;
	const char *why;
};

struct sk_liaison {
	const struct sk_liaison_config *cfg;
	int in, out; /* eventfds */
	bool started, broken; /* the link's */
	pthread_mutex_t lock;
	pthread_cond_t finished;
	/* under the lock: */
	struct note *first, **last;
	size_t n;
	struct sk_liaison_news *news, **news_last;
	bool closing, done;
	/* the thread's: */
	struct sk_loop *loop;
	struct sk_services services;
	struct sk_edge *edge; /* NULL: the services cannot be used */
	bool over; /* told that this is the end */
	const char *classes[64];
};

static void
ring(int fd)
{
	uint64_t one = 1;

	/* it is full when nobody has looked for very long: then it is readable anyway */
	if (write(fd, &one, sizeof(one)) == -1 && errno != EAGAIN)
		sk_log(SK_ERROR, "edge", "eventfd: %s", strerror(errno));
}

static void
silence(int fd)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) == -1 && errno != EAGAIN)
		sk_log(SK_ERROR, "edge", "eventfd: %s", strerror(errno));
}

/* ---- the thread: what it tells the link ---- */

static void
add_news(struct sk_liaison *l, struct sk_arena *a, const char *id, const char *hash,
	const struct sk_value *attachments)
{
	struct sk_liaison_news *n = sk_arena_alloc(a, sizeof(*n));

	*n = (struct sk_liaison_news){ .arena = a, .attachments = attachments };
	n->id = id != NULL ? sk_arena_strdup(a, id) : NULL;
	n->hash = hash != NULL ? sk_arena_strdup(a, hash) : NULL;
	pthread_mutex_lock(&l->lock);
	*l->news_last = n;
	l->news_last = &n->next;
	pthread_mutex_unlock(&l->lock);
	ring(l->out);
}

static void
attachments(void *arg, const char *id, const char *hash, const struct sk_value *v)
{
	struct sk_arena *a = sk_arena_new();

	add_news(arg, a, id, hash, sk_value_copy(a, v));
}

static void
answered(void *arg)
{
	add_news(arg, sk_arena_new(), NULL, NULL, NULL);
}

/* ---- the thread: what it is told ---- */

static struct note *
take(struct sk_liaison *l, bool *closing)
{
	struct note *n;

	pthread_mutex_lock(&l->lock);
	n = l->first;
	if (n != NULL && (l->first = n->next) == NULL)
		l->last = &l->first;
	if (n != NULL)
		l->n--;
	*closing = l->closing;
	pthread_mutex_unlock(&l->lock);
	return n;
}

static void
told(uint32_t events, void *arg)
{
	struct sk_liaison *l = arg;
	struct note *n;
	bool closing;

	(void)events;
	silence(l->in);
	while ((n = take(l, &closing)) != NULL) {
		if (l->edge != NULL && n->tasks != NULL)
			sk_edge_tasks(l->edge, n->tasks, n->n);
		else if (l->edge != NULL)
			sk_edge_say(l->edge, n->id, &n->active, n->what, n->why);
		sk_arena_free(n->arena);
	}
	if (closing && l->edge != NULL)
		sk_edge_leave(l->edge);
	l->over = closing;
}

/* ---- the thread ---- */

static void
open_edge(struct sk_liaison *l)
{
	const struct sk_liaison_config *c = l->cfg;
	const struct sk_services *v = &l->services;
	struct sk_edge_config cfg = { .loop = l->loop,
		.store = v->store,
		.cache = v->cache,
		.present = (v->which & SK_SERVICE_CACHE) != 0,
		.bus = (v->which & SK_SERVICE_BUS) != 0 ? v->bus : NULL,
		.component = c->who->source,
		.id = c->skald_id,
		.version = sk_version(),
		.host = c->host,
		.mode = c->who->mode,
		.incarnation = c->who->incarnation,
		.slots = c->who->slots,
		.start_ms = c->who->started_ms,
		.lease_ms = LEASE_MS,
		.look_ms = LOOK_MS,
		.key_ttl_ms = sk_setting_int(c->settings, "REDIS_KEY_TTL") * 1000,
		.workers = sk_workers,
		.classes = l->classes,
		.attachments = attachments,
		.answered = answered,
		.arg = l };

	for (size_t i = 0; sk_workers[i] != NULL && i + 1 < sizeof(l->classes) / sizeof(*l->classes);
		 i++)
		l->classes[i] = sk_workers[i]->name;
	l->edge = sk_edge_open(&cfg);
}

static bool
open_all(struct sk_liaison *l, struct sk_err *err)
{
	l->loop = sk_loop_new(err);
	if (l->loop == NULL || sk_watch_add(l->loop, l->in, EPOLLIN, told, l, err) == NULL)
		return false;
	if (sk_services_open(l->cfg->settings, l->loop, l->cfg->who->source, l->cfg->which,
			&l->services, err) == SK_OK)
		open_edge(l);
	else { /* what was given is wrong; tasks run all the same */
		sk_log(SK_ERROR, l->cfg->who->source, "the services are not used: %s", err->msg);
		answered(l);
	}
	return true;
}

static bool
is_over(const struct sk_liaison *l)
{
	return l->edge != NULL ? sk_edge_gone(l->edge) : l->over;
}

static void *
liaise(void *arg)
{
	struct sk_liaison *l = arg;
	struct sk_err err = { SK_OK, "" };

	if (open_all(l, &err)) {
		while (!is_over(l))
			sk_loop_once(l->loop, -1);
		if (l->edge != NULL)
			(void)sk_services_flush(&l->services, FLUSH_MS);
	} else
		sk_log(SK_ERROR, l->cfg->who->source, "the services are not used: %s", err.msg);
	pthread_mutex_lock(&l->lock);
	l->done = true;
	pthread_cond_signal(&l->finished);
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* Signals are the link's. */
static bool
start_thread(struct sk_liaison *l)
{
	sigset_t all, old;
	pthread_t thread;
	int code;

	l->started = true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	code = pthread_create(&thread, NULL, liaise, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (code == 0)
		pthread_detach(thread);
	else
		sk_log(SK_ERROR, l->cfg->who->source, "the services are not used: %s", strerror(code));
	l->broken = code != 0;
	return code == 0;
}

/* ---- the link ---- */

static void
tell(struct sk_liaison *l, struct note *n)
{
	bool full;

	pthread_mutex_lock(&l->lock);
	full = l->n >= MAX_NOTES;
	if (!full) {
		*l->last = n;
		l->last = &n->next;
		l->n++;
	}
	pthread_mutex_unlock(&l->lock);
	if (full || l->broken || (!l->started && !start_thread(l))) {
		if (full)
			sk_arena_free(n->arena);
		return;
	}
	ring(l->in);
}

void
sk_liaison_tasks(struct sk_liaison *l, const struct sk_task_list *list)
{
	struct sk_arena *a;
	struct sk_edge_task *tasks;
	struct note *n;

	if (l == NULL)
		return;
	a = sk_arena_new();
	n = sk_arena_alloc(a, sizeof(*n));
	tasks = sk_arena_alloc(a, (list->n + 1) * sizeof(*tasks));
	for (size_t i = 0; i < list->n; i++)
		tasks[i] = (struct sk_edge_task){ .id = sk_arena_strdup(a, list->items[i].id),
			.class_name = sk_arena_strdup(a, list->items[i].class_name),
			.attachments = sk_value_copy(a, list->items[i].attachments) };
	*n = (struct note){ .arena = a, .tasks = tasks, .n = list->n };
	tell(l, n);
}

static enum sk_edge_note
note_of(const struct sk_plan_task *t, const struct sk_active *a, const char *event)
{
	if (a->state == SK_ACTIVE_WAITING)
		return SK_EDGE_WAITS;
	if (a->state == SK_ACTIVE_RUNNING)
		return t->inherited && strcmp(event, "started") != 0 ? SK_EDGE_FOUND : SK_EDGE_BEGUN;
	if (event[0] == '\0') /* told by the link before us, and too long ago to say it again */
		return SK_EDGE_WAITS;
	return strcmp(event, "retrying") == 0 || strcmp(event, "restarting") == 0 ? SK_EDGE_AGAIN
																			  : SK_EDGE_OVER;
}

/* As nodes say it (node_failure_text). */
static const char *
why_of(const struct sk_active *a, struct sk_arena *arena)
{
	const struct sk_exit *x = &a->exit;
	struct sk_str out = SK_STR_INIT;
	const char *text;

	if (a->state != SK_ACTIVE_FAILED)
		return "";
	if (x->reason == SK_REASON_EXITED || x->reason == SK_REASON_SIGNALED ||
		x->reason == SK_REASON_OOM || x->reason == SK_REASON_TIMEOUT)
		sk_reason_text(&out, x->reason, x->code, x->signal);
	if (x->message[0] != '\0')
		sk_str_addf(&out, "%s%s", out.len > 0 ? ": " : "", x->message);
	text = sk_arena_strdup(arena, sk_str_text(&out));
	sk_str_release(&out);
	return text;
}

void
sk_liaison_say(
	struct sk_liaison *l, const char *id, const struct sk_plan_task *t, const char *event)
{
	struct sk_arena *a;
	struct note *n;

	if (l == NULL || t->spec.worker == NULL) /* one that its file does not know any more */
		return;
	a = sk_arena_new();
	n = sk_arena_alloc(a, sizeof(*n));
	n->arena = a;
	sk_told(t, event, &n->active);
	n->what = note_of(t, &n->active, event);
	n->why = why_of(&n->active, a);
	n->id = sk_arena_strdup(a, id);
	n->active.class_name = sk_arena_strdup(a, n->active.class_name);
	n->active.attachments = NULL;
	n->active.stage = sk_arena_strdup(a, n->active.stage);
	if (n->active.exit.message != NULL)
		n->active.exit.message = sk_arena_strdup(a, n->active.exit.message);
	tell(l, n);
}

int
sk_liaison_fd(const struct sk_liaison *l)
{
	return l != NULL ? l->out : -1;
}

struct sk_liaison_news *
sk_liaison_next(struct sk_liaison *l)
{
	struct sk_liaison_news *n;

	if (l == NULL)
		return NULL;
	silence(l->out);
	pthread_mutex_lock(&l->lock);
	n = l->news;
	if (n != NULL && (l->news = n->next) == NULL)
		l->news_last = &l->news;
	pthread_mutex_unlock(&l->lock);
	return n;
}

/* ---- opening and closing ---- */

/* Kafka is of use only beside a store: events name tasks, what became of them stands there. */
void
sk_liaison_prepare(struct sk_liaison_config *cfg, const struct sk_settings *settings,
	const struct sk_recorder_config *who)
{
	bool single = who->mode == SK_MODE_SINGLE;

	*cfg = (struct sk_liaison_config){
		.settings = settings, .who = who, .which = sk_services_set(settings)
	};
	if ((cfg->which & SK_SERVICE_STORE) == 0)
		cfg->which &= ~(unsigned)SK_SERVICE_BUS;
	if (single && (cfg->which & SK_SERVICE_BUS) == 0)
		cfg->which &= ~(unsigned)SK_SERVICE_STORE; /* it stores nothing */
	snprintf(cfg->skald_id, sizeof(cfg->skald_id), "%s%.59s", single ? "[SP]" : "", who->skald_id);
	if (gethostname(cfg->host, sizeof(cfg->host) - 1) != 0)
		cfg->host[0] = '\0';
}

bool
sk_liaison_stores(const struct sk_liaison_config *cfg)
{
	return (cfg->which & SK_SERVICE_STORE) != 0 && cfg->who->mode == SK_MODE_EDGE;
}

struct sk_liaison *
sk_liaison_open(const struct sk_liaison_config *cfg)
{
	struct sk_liaison *l;
	pthread_condattr_t attr;

	if (cfg->which == 0)
		return NULL;
	l = sk_xcalloc(1, sizeof(*l));
	l->cfg = cfg;
	l->last = &l->first;
	l->news_last = &l->news;
	l->in = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->out = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->in == -1 || l->out == -1) {
		sk_log(
			SK_ERROR, cfg->who->source, "the services are not used: eventfd: %s", strerror(errno));
		free(l);
		return NULL;
	}
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->finished, &attr);
	pthread_condattr_destroy(&attr);
	return l;
}

void
sk_liaison_close(struct sk_liaison *l, int64_t wait_ms)
{
	struct timespec until;

	if (l == NULL || !l->started || l->broken)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += wait_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&l->lock);
	l->closing = true;
	ring(l->in);
	while (!l->done && pthread_cond_timedwait(&l->finished, &l->lock, &until) == 0)
		;
	pthread_mutex_unlock(&l->lock);
}
