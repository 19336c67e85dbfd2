/* client.h - an HTTP client over libcurl: for the CLI, on the unix socket of a data directory or on
 * TCP. Blocking, one connection kept open and used again; deadlines on connect and on the whole
 * call. */
#ifndef SK_ADAPTERS_HTTP_CLIENT_H
#define SK_ADAPTERS_HTTP_CLIENT_H

#include "core/base/err.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct sk_http_client;

struct sk_http_client_config {
	const char *socket; /* path of a unix socket; "" = none, then: */
	const char *url; /* http://host:port or https://… */
	const char *token; /* sent as "Authorization: Bearer …"; "" = none; never printed */
	int64_t connect_ms, call_ms; /* deadlines; 0 = 5 s and 60 s */
	/* For https, PEM; NULL or "" = as said. All are copied. */
	const char *ca_file; /* authorities that are trusted, alone; "" = SSL_CERT_FILE and SSL_CERT_DIR
		of the environment, else those of the system, wherever it keeps them */
	const char *cert_file, *key_file; /* our own certificate; its key, "" = in cert_file too */
	bool insecure; /* whoever answers is believed, whatever certificate it shows */
};

/* NULL and err: SK_EINVAL (the address, a file that cannot be read), SK_EIO (libcurl refuses). */
struct sk_http_client *
sk_http_client_open(const struct sk_http_client_config *cfg, struct sk_err *err);
/* NULL is allowed. */
void sk_http_client_close(struct sk_http_client *c);

struct sk_http_call {
	const char *method, *path; /* path with its query, percent-encoded */
	const char *content_type; /* "" or NULL: application/json when there is a body */
	const char *idempotency_key; /* NULL or "" = none */
	const void *body;
	size_t len;
	int64_t call_ms; /* deadline of this call; 0 = the client's */
};

struct sk_http_answer {
	int status;
	struct sk_str body;
	struct sk_str headers; /* "Name: value\n" each, as they came */
};

/* SK_OK: an answer came, whatever its status. SK_EINVAL: the call makes no sense, or one of both
 * sides does not accept the other's certificate. SK_EUNAVAIL: nobody listens or the connection was
 * cut (the sentence says which; the request may have been carried out when it was cut after
 * sending: *sent tells). SK_EAGAIN: the deadline passed. The caller releases both strings. */
enum sk_code sk_http_call(struct sk_http_client *c, const struct sk_http_call *call,
	struct sk_http_answer *answer, bool *sent, struct sk_err *err) SK_CHECKED;
/* The value of a response header (any case), copied into out; false when absent. */
bool sk_http_header(const struct sk_http_answer *a, const char *name, struct sk_str *out);

#endif
