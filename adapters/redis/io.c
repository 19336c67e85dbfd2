#include "adapters/redis/redis.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The other end may be gone without a word. Pings notice it after 8 s; the kernel's own means are
 * for what is unanswered in its queue, and for a process that does not come to its loop. */
#define KEEP_IDLE_S 10
#define KEEP_EVERY_S 3
#define KEEP_PROBES 3
#define USER_TIMEOUT_MS 15000

/* ---- TLS: what is the same for every connection ---- */

/* The latest reason that OpenSSL has, and an empty queue. */
static const char *
tls_reason(void)
{
	const unsigned long e = ERR_peek_last_error();
	const char *text = e != 0 ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return text != NULL ? text : "no reason is given";
}

static enum sk_code
load_files(SSL_CTX *ctx, const struct sk_cache_redis_config *cfg, struct sk_err *err)
{
	const bool cert = cfg->cert_file != NULL && *cfg->cert_file != '\0';
	const bool key = cfg->key_file != NULL && *cfg->key_file != '\0';

	if (cfg->ca_file != NULL && *cfg->ca_file != '\0') {
		if (SSL_CTX_load_verify_locations(ctx, cfg->ca_file, NULL) != 1)
			return sk_fail(err, SK_EINVAL, "the authorities for Redis cannot be read from %s: %s",
				cfg->ca_file, tls_reason());
	} else if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
		return sk_fail(err, SK_EINVAL, "the system's authorities cannot be read: %s", tls_reason());
	}
	if (cert != key)
		return sk_fail(err, SK_EINVAL,
			"a certificate for Redis needs its key, and a key its "
			"certificate: give both files or none");
	if (!cert)
		return SK_OK;
	if (SSL_CTX_use_certificate_chain_file(ctx, cfg->cert_file) != 1)
		return sk_fail(err, SK_EINVAL, "the certificate for Redis cannot be read from %s: %s",
			cfg->cert_file, tls_reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, cfg->key_file, SSL_FILETYPE_PEM) != 1)
		return sk_fail(err, SK_EINVAL,
			"the key in %s cannot be used with the certificate in %s: %s", cfg->key_file,
			cfg->cert_file, tls_reason());
	return SK_OK;
}

SSL_CTX *
sk_redis_tls_new(const struct sk_cache_redis_config *cfg, struct sk_err *err)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL) {
		sk_fail(err, SK_EIO, "OpenSSL refuses: %s", tls_reason());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (load_files(ctx, cfg, err) == SK_OK)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- connecting ---- */

static void
set_tcp(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
	};

	/* Without one of them it is slower or notices later, and works. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(
			fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
}

int
sk_redis_io_connect(
	struct sk_redis_io *io, const struct sockaddr *to, socklen_t n, struct sk_err *err)
{
	io->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (io->fd == -1) {
		sk_fail_errno(err, "socket");
		return -1;
	}
	if (to->sa_family != AF_UNIX)
		set_tcp(io->fd);
	if (connect(io->fd, to, n) == 0)
		return 1;
	if (errno == EINPROGRESS || errno == EINTR)
		return 0;
	sk_fail_errno(err, "connect");
	return -1;
}

bool
sk_redis_io_connected(struct sk_redis_io *io, struct sk_err *err)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error == 0)
		return true;
	errno = error;
	sk_fail_errno(err, "connect");
	return false;
}

/* ---- TLS on one connection ---- */

static bool
expect_host(SSL *ssl, char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

bool
sk_redis_io_secure(struct sk_redis_io *io, SSL_CTX *tls, char *host, struct sk_err *err)
{
	ERR_clear_error();
	io->ssl = SSL_new(tls);
	if (io->ssl != NULL && expect_host(io->ssl, host) && SSL_set_fd(io->ssl, io->fd) == 1) {
		SSL_set_connect_state(io->ssl);
		return true;
	}
	sk_fail(err, SK_EIO, "TLS cannot begin: %s", tls_reason());
	return false;
}

/* A peer that closes with something of ours unread resets the connection: the same to people. */
static void
system_failed(const char *what, struct sk_err *err)
{
	if (errno == 0 || errno == ECONNRESET || errno == EPIPE)
		sk_fail(err, SK_EUNAVAIL, "the server has closed the connection");
	else
		sk_fail_errno(err, "%s", what);
}

/* Why OpenSSL ended a connection. */
static void
tls_failed(struct sk_redis_io *io, int kind, const char *what, struct sk_err *err)
{
	const long verdict = SSL_get_verify_result(io->ssl);
	const bool silent = kind == SSL_ERROR_SYSCALL && ERR_peek_last_error() == 0;

	if (kind == SSL_ERROR_ZERO_RETURN)
		sk_fail(err, SK_EUNAVAIL, "the server has closed the connection");
	else if (silent)
		system_failed(what, err);
	else if (verdict != X509_V_OK)
		sk_fail(err, SK_EINVAL, "the server's certificate is not accepted: %s",
			X509_verify_cert_error_string(verdict));
	else
		sk_fail(err, SK_EIO, "%s: %s", what, tls_reason());
	ERR_clear_error();
}

int
sk_redis_io_handshake(struct sk_redis_io *io, uint32_t *events, struct sk_err *err)
{
	int rc, kind;

	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(io->ssl);
	if (rc == 1)
		return 1;
	kind = SSL_get_error(io->ssl, rc);
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
		*events = kind == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT;
		return 0;
	}
	tls_failed(io, kind, "TLS handshake", err);
	return -1;
}

/* What SSL_read or SSL_write said. Neither waits for the other's direction for long: there is no
 * renegotiation, and pings follow. */
static ssize_t
tls_result(struct sk_redis_io *io, int rc, const char *what, struct sk_err *err)
{
	int kind;

	if (rc > 0)
		return rc;
	kind = SSL_get_error(io->ssl, rc);
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return 0;
	tls_failed(io, kind, what, err);
	return -1;
}

/* ---- bytes ---- */

ssize_t
sk_redis_io_read(struct sk_redis_io *io, void *buf, size_t n, struct sk_err *err)
{
	ssize_t got;

	if (io->ssl != NULL) {
		ERR_clear_error();
		errno = 0;
		return tls_result(io, SSL_read(io->ssl, buf, (int)n), "read", err);
	}
	got = recv(io->fd, buf, n, 0);
	if (got > 0)
		return got;
	if (got == 0)
		errno = 0;
	else if (errno == EAGAIN || errno == EINTR)
		return 0;
	system_failed("read", err);
	return -1;
}

ssize_t
sk_redis_io_write(struct sk_redis_io *io, const void *p, size_t n, struct sk_err *err)
{
	ssize_t put;

	if (io->ssl != NULL) { /* the program ignores SIGPIPE: OpenSSL cannot ask for silence */
		ERR_clear_error();
		errno = 0;
		return tls_result(io, SSL_write(io->ssl, p, (int)n), "write", err);
	}
	put = send(io->fd, p, n, MSG_NOSIGNAL);
	if (put >= 0)
		return put;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	system_failed("write", err);
	return -1;
}

void
sk_redis_io_close(struct sk_redis_io *io)
{
	if (io->ssl != NULL)
		SSL_free(io->ssl);
	if (io->fd != -1)
		close(io->fd);
	*io = (struct sk_redis_io){ .fd = -1 };
}
