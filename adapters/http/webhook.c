#include "adapters/http/webhook.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <curl/curl.h>
#include <inttypes.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define COMPONENT "webhook"
#define TRY_MS 5000
#define FIRST_MS 1000
#define LONGEST_MS 300000
#define KEEP_MS ((int64_t)6 * 3600000)

struct item {
	struct item *next;
	int64_t since_ms; /* boot clock */
	size_t len;
	char body[];
};

struct sk_webhook {
	char *url, *host, *secret, *ca_file, *agent;
	int64_t keep_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* with the lock held */
	struct item *first, **last;
	size_t n;
	uint64_t dropped;
	bool closing;
	/* the thread's */
	CURL *curl;
	unsigned failures; /* of the one that is sent now */
	bool failing; /* said */
	char why[CURL_ERROR_SIZE];
	unsigned seed;
};

void
sk_webhook_sign(
	const char *secret, int64_t seconds, const char *body, size_t n, char out[SK_WEBHOOK_SIGNATURE])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	char *text = sk_xmalloc(n + 32);
	unsigned size = 0;
	int at = snprintf(text, 32, "%" PRId64 ".", seconds);

	memcpy(text + at, body, n);
	if (HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, (size_t)at + n,
			sum, &size) == NULL)
		abort(); /* there is always memory, and nothing else can fail */
	at = snprintf(out, SK_WEBHOOK_SIGNATURE, "t=%" PRId64 ",v1=", seconds);
	for (unsigned i = 0; i < size; i++)
		at += snprintf(out + at, SK_WEBHOOK_SIGNATURE - (size_t)at, "%02x", sum[i]);
	free(text);
}

/* ---- one try ---- */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return size * n; /* nobody reads what it answers */
}

static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct sk_webhook *w = arg;
	bool closing;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	pthread_mutex_lock(&w->lock);
	closing = w->closing;
	pthread_mutex_unlock(&w->lock);
	return closing; /* ends the transfer */
}

static struct curl_slist *
add_header(struct curl_slist *list, const char *line)
{
	struct curl_slist *more = curl_slist_append(list, line);

	if (more == NULL)
		abort(); /* out of memory ends the process before */
	return more;
}

static struct curl_slist *
make_headers(const struct sk_webhook *w, const struct item *it)
{
	struct curl_slist *list = add_header(NULL, "Expect:");
	char line[SK_WEBHOOK_SIGNATURE + 32], signature[SK_WEBHOOK_SIGNATURE];

	list = add_header(list, "Content-Type: application/json");
	if (w->secret[0] == '\0')
		return list;
	sk_webhook_sign(w->secret, sk_wall_ms() / 1000, it->body, it->len, signature);
	snprintf(line, sizeof(line), "Skalds-Signature: %s", signature);
	return add_header(list, line);
}

#define SET(option, value) (ok = ok && curl_easy_setopt(w->curl, option, value) == CURLE_OK)

static bool
set_options(struct sk_webhook *w, const struct item *it, struct curl_slist *headers)
{
	const char *body = it->body;
	bool ok = true;

	curl_easy_reset(w->curl);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_TIMEOUT_MS, (long)TRY_MS);
	SET(CURLOPT_URL, w->url);
	SET(CURLOPT_USERAGENT, w->agent);
	if (w->ca_file[0] != '\0')
		SET(CURLOPT_CAINFO, w->ca_file);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDS, body);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)it->len);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, w);
	SET(CURLOPT_ERRORBUFFER, w->why);
	return ok;
}

/* Taken. Else `why` is a sentence; what libcurl says there may name the host, never the path. */
static bool
try_once(struct sk_webhook *w, const struct item *it, char why[256])
{
	struct curl_slist *headers = make_headers(w, it);
	CURLcode code = CURLE_FAILED_INIT;
	long status = 0;

	w->why[0] = '\0';
	if (set_options(w, it, headers))
		code = curl_easy_perform(w->curl);
	if (code == CURLE_OK)
		curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		snprintf(why, 256, "%s", w->why[0] != '\0' ? w->why : curl_easy_strerror(code));
	else
		snprintf(why, 256, "it answers %ld", status);
	curl_slist_free_all(headers);
	return code == CURLE_OK && status >= 200 && status < 300;
}

/* ---- the thread ---- */

static int64_t
pause_ms(struct sk_webhook *w)
{
	int64_t ms = FIRST_MS;

	for (unsigned i = 1; i < w->failures && ms < LONGEST_MS; i++)
		ms *= 2;
	ms = ms < LONGEST_MS ? ms : LONGEST_MS;
	return ms - ms / 10 + rand_r(&w->seed) % (ms / 5);
}

/* With the lock held: until it is closed or the time is over. */
static void
rest(struct sk_webhook *w, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!w->closing && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
		continue;
}

static void
taken(struct sk_webhook *w)
{
	if (w->failing)
		sk_log(SK_INFO, COMPONENT, "%s takes alerts again", w->host);
	w->failing = false;
	w->failures = 0;
}

/* True: it is tried no more. */
static bool
refused(struct sk_webhook *w, const struct item *it, const char *why)
{
	w->failures++;
	if (!w->failing)
		sk_log(SK_WARNING, COMPONENT,
			"%s does not take an alert: %s; trying again for %" PRId64 " min", w->host, why,
			w->keep_ms / 60000);
	w->failing = true;
	if (sk_boot_ms() - it->since_ms < w->keep_ms)
		return false;
	sk_log(SK_ERROR, COMPONENT, "an alert was given up after %u tries: %s: %s", w->failures,
		w->host, why);
	w->failures = 0;
	return true;
}

/* Out of the queue, with the lock held; it may be the oldest that was dropped meanwhile. */
static struct item *
take_first(struct sk_webhook *w)
{
	struct item *it = w->first;

	w->first = it->next;
	if (w->first == NULL)
		w->last = &w->first;
	w->n--;
	return it;
}

static void *
work(void *arg)
{
	struct sk_webhook *w = arg;
	char why[256];

	pthread_mutex_lock(&w->lock);
	while (!w->closing) {
		struct item *it;
		bool over;

		if (w->first == NULL) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		it = take_first(w);
		do {
			pthread_mutex_unlock(&w->lock);
			over = try_once(w, it, why);
			if (over)
				taken(w);
			pthread_mutex_lock(&w->lock);
			over = over || w->closing || refused(w, it, why);
			if (!over)
				rest(w, pause_ms(w));
		} while (!over && !w->closing);
		free(it);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- the loop's side ---- */

void
sk_webhook_send(struct sk_webhook *w, const char *json, size_t n)
{
	struct item *it = sk_xmalloc(sizeof(*it) + n + 1), *old = NULL;
	uint64_t dropped = 0;

	it->next = NULL;
	it->since_ms = sk_boot_ms();
	it->len = n;
	memcpy(it->body, json, n);
	it->body[n] = '\0';
	pthread_mutex_lock(&w->lock);
	if (w->n == SK_WEBHOOK_MAX) {
		old = take_first(w);
		dropped = ++w->dropped;
	}
	*w->last = it;
	w->last = &it->next;
	w->n++;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	free(old);
	if (dropped == 1)
		sk_log(SK_ERROR, COMPONENT, "more than %d alerts wait for %s: the oldest are dropped",
			SK_WEBHOOK_MAX, w->host);
}

/* "https://user:secret@host:1/path" -> "https://host:1". NULL: it is none. */
static char *
host_of(const char *url)
{
	const char *host = strstr(url, "://"), *end, *at;

	if (host == NULL ||
		(strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0))
		return NULL;
	host += 3;
	end = host + strcspn(host, "/?#");
	at = end;
	while (at > host && at[-1] != '@')
		at--;
	return at < end ? sk_xasprintf("%.*s%.*s", (int)(host - url), url, (int)(end - at), at) : NULL;
}

static enum sk_code
start(struct sk_webhook *w, struct sk_err *err)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int code;

	if (curl_global_init_mem(
			CURL_GLOBAL_DEFAULT, sk_xmalloc, free, sk_xrealloc, sk_xstrdup, sk_xcalloc) != CURLE_OK)
		return sk_fail(err, SK_EIO, "libcurl does not start");
	w->curl = curl_easy_init();
	if (w->curl == NULL) {
		curl_global_cleanup();
		return sk_fail(err, SK_EIO, "libcurl does not start");
	}
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all); /* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	code = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (code == 0)
		return SK_OK;
	curl_easy_cleanup(w->curl);
	curl_global_cleanup();
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	return sk_fail(err, SK_EIO, "no thread for the webhook: %s", strerror(code));
}

static void
release(struct sk_webhook *w)
{
	free(w->url);
	free(w->host);
	if (w->secret != NULL)
		explicit_bzero(w->secret, strlen(w->secret));
	free(w->secret);
	free(w->ca_file);
	free(w->agent);
	free(w);
}

struct sk_webhook *
sk_webhook_open(const struct sk_webhook_config *cfg, struct sk_err *err)
{
	struct sk_webhook *w = sk_xcalloc(1, sizeof(*w));
	enum sk_code code;

	w->host = host_of(cfg->url);
	w->url = sk_xstrdup(cfg->url);
	w->secret = sk_xstrdup(cfg->secret);
	w->ca_file = sk_xstrdup(cfg->ca_file);
	w->agent = sk_xstrdup(cfg->agent);
	w->keep_ms = cfg->keep_ms > 0 ? cfg->keep_ms : KEEP_MS;
	w->last = &w->first;
	w->seed = (unsigned)sk_boot_ns();
	code = w->host != NULL
		? start(w, err)
		: sk_fail(err, SK_EINVAL, "the address of the webhook must be http://… or https://…");
	if (code == SK_OK)
		return w;
	release(w);
	return NULL;
}

void
sk_webhook_close(struct sk_webhook *w)
{
	size_t left;

	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	left = w->n;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	if (left > 0)
		sk_log(SK_WARNING, COMPONENT, "%zu alerts were not told to %s", left, w->host);
	while (w->first != NULL)
		free(take_first(w));
	curl_easy_cleanup(w->curl);
	curl_global_cleanup();
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	release(w);
}
