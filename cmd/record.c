#include "cmd/record.h"
#include "adapters/datadir.h"
#include "adapters/http/client.h"
#include "adapters/http/sockaddr.h"
#include "adapters/versions.h"
#include "cmd/answer.h"
#include "cmd/settings.h"
#include "cmd/told.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CALL_MS 1000 /* an owner that takes longer is asked again */
#define PAUSE_MS 500 /* between two tries */
#define RENEW_MS 3000 /* until the owner says how often */
#define PROGRESS_MS 2000
#define MAX_WORDS 10000 /* waiting to be told; beyond it they are lost */

/* What is to be said of one task. */
struct word {
	struct word *next;
	bool end; /* of an attempt: no later word stands for it */
	char *id, *body;
};

struct sk_recorder {
	const struct sk_recorder_config *cfg;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed, finished;
	/* under the lock: */
	struct word *first, **last;
	size_t n;
	bool closing, done;
	/* the thread's: */
	struct sk_http_client *client;
	int64_t renew_ms, renewed_ms; /* boot clock of the last one */
	bool said; /* that somebody was refused */
	/* the loop's: */
	struct sk_map told; /* key of a task -> when its progress was told, boot clock */
};

/* ---- time ---- */

/* The condition's clock is CLOCK_MONOTONIC: pauses, not leases. */
static struct timespec
in_ms(int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* ---- calls ---- */

/* True when the owner has answered, whatever it said. */
static bool
call(struct sk_recorder *r, const char *method, const char *path, const char *body)
{
	const struct sk_http_call c = {
		.method = method, .path = path, .body = body, .len = strlen(body), .call_ms = CALL_MS
	};
	struct sk_http_answer answer = { .status = 0 };
	struct sk_err err = { SK_OK, "" };
	bool sent, good = sk_http_call(r->client, &c, &answer, &sent, &err) == SK_OK;
	const char *renew = good ? strstr(sk_str_text(&answer.body), "\"renewMs\":") : NULL;

	if (renew != NULL && strtoll(renew + 10, NULL, 10) > 0)
		r->renew_ms = strtoll(renew + 10, NULL, 10);
	if (good && answer.status >= 400 && answer.status < 500 && !r->said) {
		r->said = true;
		sk_log(SK_WARNING, r->cfg->source, "%s is not recorded: %.300s", path,
			sk_str_text(&answer.body));
	}
	sk_str_release(&answer.body);
	sk_str_release(&answer.headers);
	return good && answer.status < 500; /* starting, or no room: again */
}

static bool
speak(
	struct sk_recorder *r, const char *method, const char *route, const char *id, const char *body)
{
	struct sk_str path = SK_STR_INIT;
	bool good;

	sk_str_adds(&path, route);
	sk_url_add(&path, id);
	good = call(r, method, path.p, body);
	sk_str_release(&path);
	return good;
}

static bool
renew(struct sk_recorder *r)
{
	struct sk_str body = SK_STR_INIT;
	char host[256] = "";
	bool good;

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	sk_str_addc(&body, '{');
	sk_json_kstr(&body, "mode", r->cfg->mode == SK_MODE_EDGE ? "edge" : "single_process");
	sk_json_kint(&body, "incarnation", (int64_t)r->cfg->incarnation);
	sk_json_kstr(&body, "version", sk_version());
	sk_json_kstr(&body, "host", host);
	sk_json_kint(&body, "slots", r->cfg->slots);
	sk_json_kint(&body, "started", r->cfg->started_ms);
	sk_str_addc(&body, '}');
	good = speak(r, "PUT", "/v1/skalds/", r->cfg->skald_id, body.p);
	sk_str_release(&body);
	return good;
}

/* ---- the thread ---- */

static void
word_free(struct word *w)
{
	free(w->id);
	free(w->body);
	free(w);
}

/* With the lock held. */
static void
pause_ms(struct sk_recorder *r, int64_t ms)
{
	struct timespec t = in_ms(ms);

	(void)pthread_cond_timedwait(&r->changed, &r->lock, &t);
}

static bool
is_due(const struct sk_recorder *r)
{
	return r->renewed_ms == 0 || sk_boot_ms() - r->renewed_ms >= r->renew_ms;
}

/* One call, without the lock. False: the owner does not answer. */
static bool
tell_one(struct sk_recorder *r, const struct word *w)
{
	if (is_due(r)) { /* first: whose tasks are these? */
		if (!renew(r))
			return false;
		r->renewed_ms = sk_boot_ms();
	}
	return w == NULL || speak(r, "PUT", "/v1/active/", w->id, w->body);
}

static void
put_back(struct sk_recorder *r, struct word *w)
{
	w->next = r->first;
	if (r->first == NULL)
		r->last = &w->next;
	r->first = w;
	r->n++;
}

static struct word *
take(struct sk_recorder *r)
{
	struct word *w = r->first;

	if (w == NULL)
		return NULL;
	r->first = w->next;
	if (r->first == NULL)
		r->last = &r->first;
	r->n--;
	return w;
}

static void *
record(void *arg)
{
	struct sk_recorder *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!r->closing || r->first != NULL) {
		struct word *w = take(r);
		bool good = true;

		if (w != NULL || is_due(r)) {
			pthread_mutex_unlock(&r->lock);
			good = tell_one(r, w);
			pthread_mutex_lock(&r->lock);
		}
		if (w != NULL && good)
			word_free(w);
		else if (w != NULL)
			put_back(r, w);
		if (!good)
			pause_ms(r, PAUSE_MS);
		else if (r->first == NULL && !r->closing)
			pause_ms(r, r->renew_ms - (sk_boot_ms() - r->renewed_ms));
	}
	pthread_mutex_unlock(&r->lock);
	(void)speak(r, "DELETE", "/v1/skalds/", r->cfg->skald_id, "");
	pthread_mutex_lock(&r->lock);
	r->done = true;
	pthread_cond_signal(&r->finished);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* ---- what is said ---- */

static void
add_end(struct sk_str *out, const struct sk_active *a)
{
	sk_json_kint(out, "finishDateTime", a->finish_ms);
	sk_json_key(out, "exit");
	sk_str_addc(out, '{');
	sk_json_kstr(out, "reason", sk_reason_name(a->exit.reason));
	sk_json_kint(out, "code", a->exit.code);
	sk_json_kint(out, "signal", a->exit.signal);
	sk_json_kstr(out, "message", a->exit.message);
	sk_str_addc(out, '}');
}

static void
make_body(const struct sk_recorder *r, const struct sk_active *a, struct sk_str *out)
{
	static const char *const states[] = { [SK_ACTIVE_WAITING] = "waiting",
		[SK_ACTIVE_RUNNING] = "running",
		[SK_ACTIVE_FINISHED] = "finished",
		[SK_ACTIVE_FAILED] = "failed",
		[SK_ACTIVE_CANCELLED] = "cancelled" };

	sk_str_addc(out, '{');
	sk_json_kstr(out, "className", a->class_name);
	sk_json_key(out, "attachments");
	sk_value_json(out, a->attachments);
	sk_json_kstr(out, "source", r->cfg->source);
	sk_json_kstr(out, "executor", r->cfg->skald_id);
	sk_json_kint(out, "incarnation", (int64_t)r->cfg->incarnation);
	sk_json_kstr(out, "state", states[a->state]);
	if (a->start_ms != 0)
		sk_json_kint(out, "startDateTime", a->start_ms);
	if (a->state > SK_ACTIVE_RUNNING)
		add_end(out, a);
	sk_json_key(out, "progress");
	sk_json_double(out, a->progress);
	sk_json_kstr(out, "stage", a->stage);
	sk_str_addc(out, '}');
}

/* With the lock held: the word that still waits and that a newer one may stand for. */
static struct word *
replaceable(struct sk_recorder *r, const char *id)
{
	struct word *last = NULL;

	for (struct word *w = r->first; w != NULL; w = w->next)
		if (strcmp(w->id, id) == 0)
			last = w;
	return last != NULL && !last->end ? last : NULL;
}

static void
say(struct sk_recorder *r, const char *id, char *body, bool end)
{
	struct word *w = replaceable(r, id);

	if (w == NULL && r->n >= MAX_WORDS) {
		free(body);
		return;
	}
	if (w == NULL) {
		w = sk_xcalloc(1, sizeof(*w));
		w->id = sk_xstrdup(id);
		*r->last = w;
		r->last = &w->next;
		r->n++;
	}
	free(w->body);
	w->body = body;
	w->end = end;
	pthread_cond_signal(&r->changed);
}

/* Progress is told now and then. */
static bool
too_soon(struct sk_recorder *r, const struct sk_plan_task *t)
{
	int64_t now = sk_boot_ms();

	if (now - (int64_t)(uintptr_t)sk_map_find(&r->told, t->key) < PROGRESS_MS)
		return true;
	sk_map_put(&r->told, t->key, (void *)(uintptr_t)now);
	return false;
}

void
sk_recorder_event(
	struct sk_recorder *r, const char *id, const struct sk_plan_task *t, const char *event)
{
	struct sk_active a;
	struct sk_str body = SK_STR_INIT;

	if (r == NULL || t->spec.worker == NULL) /* one that its file does not know any more */
		return;
	if (strcmp(event, "progress") == 0 && too_soon(r, t))
		return;
	sk_told(t, event, &a);
	make_body(r, &a, &body);
	pthread_mutex_lock(&r->lock);
	say(r, id, body.p, a.state > SK_ACTIVE_RUNNING);
	pthread_mutex_unlock(&r->lock);
}

/* ---- opening and closing ---- */

void
sk_recorder_prepare(struct sk_recorder_config *cfg, const struct sk_settings *settings,
	enum sk_skald_mode mode, int64_t slots)
{
	struct sk_str dir = SK_STR_INIT, path = SK_STR_INIT;
	struct sk_err err;

	*cfg = (struct sk_recorder_config){ .mode = mode,
		.slots = slots,
		.started_ms = sk_wall_ms(),
		.source = mode == SK_MODE_EDGE ? "edge" : "run-one" };
	snprintf(cfg->skald_id, sizeof(cfg->skald_id), "%.63s", sk_setting(settings, "SKALD_ID"));
	if (getrandom(&cfg->incarnation, sizeof(cfg->incarnation), GRND_NONBLOCK) !=
		(ssize_t)sizeof(cfg->incarnation))
		cfg->incarnation = (uint64_t)sk_boot_ns();
	cfg->incarnation = (cfg->incarnation >> 2) | 1; /* below 2^62, never 0 */
	if (sk_datadir_locate(sk_setting(settings, "SKALDS_DATA"), &dir, &err) == SK_OK) {
		sk_datadir_socket(dir.p, &path);
		if (access(path.p, F_OK) == 0)
			cfg->socket = sk_xstrdup(path.p);
	}
	sk_str_release(&dir);
	sk_str_release(&path);
}

void
sk_recorder_config_release(struct sk_recorder_config *cfg)
{
	free(cfg->socket);
	cfg->socket = NULL;
}

/* A socket whose owner is dead is only a file. */
static bool
somebody_listens(const char *path)
{
	struct sk_sockaddr addr;
	struct sk_err err;
	int fd;
	bool good;

	if (sk_sockaddr(path, &addr, &err) != SK_OK)
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	good = fd != -1 &&
		(connect(fd, (const struct sockaddr *)&addr.un, addr.len) == 0 || errno == EAGAIN);
	if (fd != -1)
		close(fd);
	sk_sockaddr_release(&addr);
	return good;
}

static struct sk_recorder *
recorder_new(const struct sk_recorder_config *cfg)
{
	struct sk_recorder *r = sk_xcalloc(1, sizeof(*r));
	pthread_condattr_t attr;

	r->cfg = cfg;
	r->last = &r->first;
	r->renew_ms = RENEW_MS;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_cond_init(&r->finished, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

static void
recorder_free(struct sk_recorder *r)
{
	struct word *w;

	while ((w = take(r)) != NULL)
		word_free(w);
	sk_http_client_close(r->client);
	sk_map_release(&r->told);
	pthread_cond_destroy(&r->changed);
	pthread_cond_destroy(&r->finished);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

struct sk_recorder *
sk_recorder_open(const struct sk_recorder_config *cfg)
{
	const struct sk_http_client_config http = {
		.socket = cfg->socket, .connect_ms = CALL_MS, .call_ms = CALL_MS
	};
	struct sk_recorder *r;
	struct sk_err err = { SK_OK, "" };

	if (cfg->socket == NULL || !somebody_listens(cfg->socket))
		return NULL;
	r = recorder_new(cfg);
	r->client = sk_http_client_open(&http, &err);
	if (r->client != NULL && (errno = pthread_create(&r->thread, NULL, record, r)) == 0)
		return r;
	sk_log(SK_WARNING, cfg->source, "tasks are not recorded: %s",
		r->client == NULL ? err.msg : strerror(errno));
	recorder_free(r);
	return NULL;
}

void
sk_recorder_close(struct sk_recorder *r, int64_t wait_ms)
{
	struct timespec until = in_ms(wait_ms);
	bool done;

	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_cond_signal(&r->changed);
	while (!r->done && pthread_cond_timedwait(&r->finished, &r->lock, &until) == 0)
		;
	done = r->done;
	pthread_mutex_unlock(&r->lock);
	if (!done) { /* the process ends anyway; the thread must find what it uses */
		pthread_detach(r->thread);
		return;
	}
	pthread_join(r->thread, NULL);
	recorder_free(r);
}
