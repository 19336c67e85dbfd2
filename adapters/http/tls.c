#include "adapters/http/tls.h"
#include "adapters/http/tls_priv.h"
#include "core/base/mem.h"
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

/* For TLS 1.2; those of 1.3 are all good. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

struct sk_http_tls {
	SSL_CTX *ctx;
	char *cert_file, *key_file, *client_ca;
};

const char *
sk_tls_reason(void)
{
	const unsigned long e = ERR_peek_error(); /* the first: what came of it says less */
	const char *text = NULL;

	if (e != 0)
		text = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
	ERR_clear_error();
	return text != NULL ? text : "no reason is given";
}

/* Nobody is there to be asked for a password. */
static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* HTTP/1.1, or no agreement: what else a client wants to speak (h2) it would not understand. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool
set_rules(SSL_CTX *ctx)
{
	static const unsigned char name[] = "skalds";

	SSL_CTX_set_options(ctx,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
			SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets need no memory here */
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 &&
		SSL_CTX_set_session_id_context(ctx, name, sizeof(name) - 1) == 1;
}

static enum sk_code
load_pair(SSL_CTX *ctx, const struct sk_http_tls *tls, struct sk_err *err)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_file) != 1)
		return sk_fail(err, SK_EINVAL, "the certificate cannot be read from %s: %s", tls->cert_file,
			sk_tls_reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, tls->key_file, SSL_FILETYPE_PEM) != 1)
		return sk_fail(err, SK_EINVAL,
			"the key in %s cannot be used with the certificate in %s: %s", tls->key_file,
			tls->cert_file, sk_tls_reason());
	if (SSL_CTX_check_private_key(ctx) != 1)
		return sk_fail(err, SK_EINVAL, "the key in %s is not that of the certificate in %s",
			tls->key_file, tls->cert_file);
	return SK_OK;
}

static enum sk_code
load_authorities(SSL_CTX *ctx, const struct sk_http_tls *tls, struct sk_err *err)
{
	STACK_OF(X509_NAME) * names;

	if (tls->client_ca[0] == '\0')
		return SK_OK;
	names = SSL_load_client_CA_file(tls->client_ca);
	if (names == NULL || SSL_CTX_load_verify_file(ctx, tls->client_ca) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return sk_fail(err, SK_EINVAL,
			"the authorities for certificates of clients cannot be read from %s: %s",
			tls->client_ca, sk_tls_reason());
	}
	SSL_CTX_set_client_CA_list(ctx, names); /* owns them */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return SK_OK;
}

/* From the files as they are now. */
static SSL_CTX *
context_of(const struct sk_http_tls *tls, struct sk_err *err)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL || !set_rules(ctx))
		sk_fail(err, SK_EIO, "OpenSSL refuses: %s", sk_tls_reason());
	else if (load_pair(ctx, tls, err) == SK_OK && load_authorities(ctx, tls, err) == SK_OK)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

struct sk_http_tls *
sk_http_tls_open(const struct sk_http_tls_config *cfg, struct sk_err *err)
{
	struct sk_http_tls *tls = sk_xcalloc(1, sizeof(*tls));

	tls->cert_file = sk_xstrdup(cfg->cert_file != NULL ? cfg->cert_file : "");
	tls->key_file = sk_xstrdup(cfg->key_file != NULL ? cfg->key_file : "");
	tls->client_ca = sk_xstrdup(cfg->client_ca != NULL ? cfg->client_ca : "");
	if (tls->cert_file[0] == '\0' || tls->key_file[0] == '\0')
		sk_fail(err, SK_EINVAL, "HTTPS needs both a certificate and its key");
	else
		tls->ctx = context_of(tls, err);
	if (tls->ctx != NULL)
		return tls;
	sk_http_tls_close(tls);
	return NULL;
}

enum sk_code
sk_http_tls_reload(struct sk_http_tls *tls, struct sk_err *err)
{
	struct sk_err why = { SK_OK, "" };
	SSL_CTX *ctx = context_of(tls, &why);

	if (ctx == NULL)
		return sk_fail(err, why.code, "%s", why.msg);
	SSL_CTX_free(tls->ctx); /* connections hold it as long as they need it */
	tls->ctx = ctx;
	return SK_OK;
}

void
sk_http_tls_close(struct sk_http_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls->cert_file);
	free(tls->key_file);
	free(tls->client_ca);
	free(tls);
}

/* ---- one connection ---- */

SSL *
sk_tls_accept(struct sk_http_tls *tls, int fd)
{
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(tls->ctx);
	if (ssl == NULL)
		return NULL;
	if (SSL_set_fd(ssl, fd) == 1) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_free(ssl);
	return NULL;
}

/* One name, and one that can be shown. */
static void
take_name(X509_NAME *subject, struct sk_str *out)
{
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	int n;

	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return;
	n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	for (int i = 0; i < n; i++)
		if (text[i] < 0x20 || text[i] == 0x7f)
			n = 0;
	if (n > 0)
		sk_str_add(out, text, (size_t)n);
	OPENSSL_free(text);
}

void
sk_tls_peer(SSL *ssl, struct sk_str *name)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);

	sk_str_clear(name);
	if (cert != NULL && SSL_get_verify_result(ssl) == X509_V_OK)
		take_name(X509_get_subject_name(cert), name);
}
