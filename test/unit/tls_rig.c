#include "tls_rig.h"
#include "core/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

#define MAX_FD 4096
#define PATIENCE_MS 20000

static SSL *sessions[MAX_FD]; /* by descriptor */

/* ---- certificates ---- */

static void
extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

struct tls_id
tls_issue(const struct tls_id *by, const char *cn)
{
	static long serial = 1; /* of the test program */
	struct tls_id id = { X509_new(), EVP_EC_gen("P-256") };
	X509_NAME *name;

	assert_non_null(id.cert);
	assert_non_null(id.key);
	name = X509_get_subject_name(id.cert);
	if (cn[0] != '\0')
		assert_int_equal(X509_NAME_add_entry_by_txt(
							 name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0),
			1);
	assert_int_equal(X509_set_version(id.cert, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial++), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(id.cert), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(id.cert), 3600));
	assert_int_equal(
		X509_set_issuer_name(id.cert, by != NULL ? X509_get_subject_name(by->cert) : name), 1);
	assert_int_equal(X509_set_pubkey(id.cert, id.key), 1);
	extend(id.cert, NID_basic_constraints, by == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
	extend(id.cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	assert_true(X509_sign(id.cert, by != NULL ? by->key : id.key, EVP_sha256()) > 0);
	return id;
}

void
tls_id_free(struct tls_id *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
	*id = (struct tls_id){ NULL, NULL };
}

void
tls_id_write(const struct tls_id *id, const char *cert_path, const char *key_path)
{
	FILE *f = fopen(cert_path, "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, id->cert), 1);
	assert_int_equal(fclose(f), 0);
	if (key_path == NULL)
		return;
	f = fopen(key_path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
}

SSL_CTX *
tls_client(const struct tls_id *ca, const struct tls_id *own)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	assert_non_null(ctx);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca->cert), 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (own != NULL) {
		assert_int_equal(SSL_CTX_use_certificate(ctx, own->cert), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(ctx, own->key), 1);
	}
	return ctx;
}

/* ---- connections ---- */

/* As recv and send: -1 and errno. */
static ssize_t
result(SSL *ssl, int rc)
{
	const int kind = SSL_get_error(ssl, rc);

	ERR_clear_error();
	if (rc > 0)
		return rc;
	if (kind == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return -1;
}

static ssize_t
receive(int fd, void *p, size_t n)
{
	return result(sessions[fd], SSL_read(sessions[fd], p, (int)n));
}

static ssize_t
transmit(int fd, const void *p, size_t n)
{
	return result(sessions[fd], SSL_write(sessions[fd], p, (int)n));
}

int
tls_connect_with(struct web *w, int fd, SSL *ssl)
{
	const int64_t end = sk_boot_ms() + PATIENCE_MS;
	int rc;

	assert_true(fd < MAX_FD);
	assert_int_equal(SSL_set_fd(ssl, fd), 1);
	sessions[fd] = ssl;
	w->receive = receive;
	w->transmit = transmit;
	while ((rc = SSL_connect(ssl)) != 1) {
		if (result(ssl, rc) == 0 || errno != EAGAIN || sk_boot_ms() > end) {
			tls_hang_up(fd);
			return -1;
		}
		sk_host_once(w->host, 1);
	}
	return fd;
}

int
tls_connect(struct web *w, SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	assert_non_null(ssl);
	return tls_connect_with(w, web_connect(w), ssl);
}

SSL *
tls_of(int fd)
{
	return sessions[fd];
}

void
tls_hang_up(int fd)
{
	SSL_free(sessions[fd]);
	sessions[fd] = NULL;
	close(fd);
}

void
tls_ends(struct web *w, int fd)
{
	const int64_t end = sk_boot_ms() + PATIENCE_MS;
	char c;
	ssize_t n;

	while ((n = receive(fd, &c, 1)) == -1 && errno == EAGAIN && sk_boot_ms() < end)
		sk_host_once(w->host, 1);
	assert_int_equal(n, 0);
	assert_int_equal(SSL_get_shutdown(sessions[fd]) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}
