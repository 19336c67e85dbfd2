/* tls_priv.h - what connections need of tls.c. Private to adapters/http. */
#ifndef SK_ADAPTERS_HTTP_TLS_PRIV_H
#define SK_ADAPTERS_HTTP_TLS_PRIV_H

#include "adapters/http/tls.h"
#include "core/base/str.h"
#include <openssl/ssl.h>

/* The server's end of a handshake on fd, which stays the caller's; NULL when OpenSSL refuses. Freed
 * by SSL_free. */
SSL *sk_tls_accept(struct sk_http_tls *tls, int fd);
/* The common name of the client's certificate, which was verified; "" = it has none, or not one. */
void sk_tls_peer(SSL *ssl, struct sk_str *name);
/* OpenSSL's first reason, and an empty queue of errors. Borrowed until the next call. */
const char *sk_tls_reason(void);

#endif
