/* tls.h - certificate, key and rules of a server that speaks HTTPS (OpenSSL): TLS 1.2 and 1.3 with
 * forward secrecy alone, HTTP/1.1 by ALPN. The program ignores SIGPIPE: OpenSSL cannot be told to
 * write without it. */
#ifndef SK_ADAPTERS_HTTP_TLS_H
#define SK_ADAPTERS_HTTP_TLS_H

#include "core/base/err.h"

struct sk_http_tls;

struct sk_http_tls_config {
	const char *cert_file; /* PEM: the server's certificate, then those that vouch for it */
	const char *key_file; /* PEM, without a password */
	/* PEM: authorities for certificates of clients, which every client must have then. NULL or "":
	 * clients need none. */
	const char *client_ca;
};

/* Reads the files; the names are copied. NULL and err (SK_EINVAL: what is wrong with which). */
struct sk_http_tls *sk_http_tls_open(const struct sk_http_tls_config *cfg, struct sk_err *err);
/* Reads the files again: handshakes from now on use what they hold; connections that are there go
 * on. When something is wrong with them all stays as it is. */
enum sk_code sk_http_tls_reload(struct sk_http_tls *tls, struct sk_err *err) SK_CHECKED;
/* After the servers that use it were closed. NULL is allowed. */
void sk_http_tls_close(struct sk_http_tls *tls);

#endif
