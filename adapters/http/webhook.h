/* webhook.h - hands JSON to one receiver over HTTP(S), in order, again and again until it takes it.
 *
 * A thread of its own sends: whoever hands over never waits, however dead the receiver is. Each
 * try has 5 s; what is no 2xx is tried again after 1 s, 2 s, 4 s ... 5 minutes (with jitter), and
 * given up after keep_ms. The queue holds SK_WEBHOOK_MAX; then the oldest is dropped. What has not
 * been taken when this is closed is lost.
 *
 *	POST <url>
 *	Content-Type: application/json
 *	Skalds-Signature: t=<seconds since the epoch>,v1=<hex HMAC-SHA256 of "<t>.<body>" by the secret>
 *
 * The receiver compares in constant time, and refuses a t that is some minutes old: what was
 * recorded cannot be played again. The same body may come twice (an answer that was lost). */
#ifndef SK_ADAPTERS_HTTP_WEBHOOK_H
#define SK_ADAPTERS_HTTP_WEBHOOK_H

#include "core/base/err.h"
#include <stddef.h>
#include <stdint.h>

#define SK_WEBHOOK_MAX 1000

struct sk_webhook;

struct sk_webhook_config {
	const char *url; /* http:// or https://; nothing of it but scheme and host is ever told */
	const char *secret; /* "" = nothing is signed */
	const char *ca_file; /* PEM; "" = the system's */
	const char *agent; /* User-Agent */
	int64_t keep_ms; /* 0 = 6 hours */
};

/* SK_EINVAL: a URL that is none. SK_EIO: no thread. Everything is copied. */
struct sk_webhook *sk_webhook_open(const struct sk_webhook_config *cfg, struct sk_err *err);
/* Copied and queued; never blocks for longer than a copy takes. */
void sk_webhook_send(struct sk_webhook *w, const char *json, size_t n);
/* What is under way is cut off (within a second). NULL is allowed. */
void sk_webhook_close(struct sk_webhook *w);

/* "t=…,v1=…" for a body. */
#define SK_WEBHOOK_SIGNATURE 128
void sk_webhook_sign(const char *secret, int64_t seconds, const char *body, size_t n,
	char out[SK_WEBHOOK_SIGNATURE]);

#endif
