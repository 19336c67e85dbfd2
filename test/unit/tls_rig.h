/* tls_rig.h - certificates made for a test, and web clients (http_rig.h) that speak TLS. */
#ifndef SK_TEST_UNIT_TLS_RIG_H
#define SK_TEST_UNIT_TLS_RIG_H

#include "http_rig.h"
#include <openssl/ssl.h>

struct tls_id {
	X509 *cert;
	EVP_PKEY *key;
};

/* A certificate for localhost and 127.0.0.1 (and whatever else asks nobody), of this common name
 * ("" = none), signed by `by`; NULL: by itself, and it may sign others. */
struct tls_id tls_issue(const struct tls_id *by, const char *cn);
void tls_id_free(struct tls_id *id);
/* PEM; key_path may be NULL. */
void tls_id_write(const struct tls_id *id, const char *cert_path, const char *key_path);

/* A context for clients that trust `ca` alone, and show `own` (NULL = nothing). */
SSL_CTX *tls_client(const struct tls_id *ca, const struct tls_id *own);

/* A connection whose handshake is done, for web_says, web_reply and the others; -1 when it failed.
 * Closed by tls_hang_up. */
int tls_connect(struct web *w, SSL_CTX *ctx);
/* The same in two steps: the handshake of fd, with what the caller has set. */
int tls_connect_with(struct web *w, int fd, SSL *ssl);
SSL *tls_of(int fd);
/* Without a goodbye. */
void tls_hang_up(int fd);
/* The server has ended it, and has said so in TLS. */
void tls_ends(struct web *w, int fd);

#endif
