/* io.c - the bytes of a connection: through TLS, or as they are. */
#include "adapters/http/conn.h"
#include "adapters/http/tls_priv.h"
#include "core/base/log.h"
#include <errno.h>
#include <event2/buffer.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define MAX_PIECES 32
#define RECORD ((size_t)16384) /* of TLS: what one write can encrypt */

/* What SSL_read, SSL_peek or SSL_write said, as recv and send would: -1 and errno. Neither waits
 * for the other's direction for long: there is no renegotiation. */
static ssize_t
tls_result(struct sk_conn *c, int rc)
{
	const int kind = rc > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, rc);
	const int why = errno;

	if (kind == SSL_ERROR_NONE)
		return rc;
	if (kind == SSL_ERROR_ZERO_RETURN)
		return 0;
	ERR_clear_error();
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return -1;
	}
	c->broken = true;
	errno = kind == SSL_ERROR_SYSCALL && why != 0 && why != EAGAIN && why != EINTR ? why : EPROTO;
	return -1;
}

ssize_t
sk_io_read(struct sk_conn *c, void *buf, size_t n)
{
	if (c->ssl == NULL)
		return recv(c->fd, buf, n, MSG_DONTWAIT);
	ERR_clear_error();
	errno = 0;
	return tls_result(c, SSL_read(c->ssl, buf, n > RECORD ? (int)RECORD : (int)n));
}

ssize_t
sk_io_peek(struct sk_conn *c)
{
	char byte;

	if (c->ssl == NULL)
		return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	ERR_clear_error();
	errno = 0;
	return tls_result(c, SSL_peek(c->ssl, &byte, 1));
}

/* A record at a time. OpenSSL wants to see the same bytes again after it could not write: they are
 * still the first, and never fewer. */
static ssize_t
tls_write(struct sk_conn *c, struct evbuffer *out)
{
	const size_t len = evbuffer_get_length(out), n = len < RECORD ? len : RECORD;
	unsigned char *p = evbuffer_pullup(out, (ev_ssize_t)n);

	if (p == NULL)
		abort(); /* bytes that are there: only a bug gets here */
	ERR_clear_error();
	errno = 0;
	return tls_result(c, SSL_write(c->ssl, p, (int)n));
}

ssize_t
sk_io_write(struct sk_conn *c, struct evbuffer *out)
{
	struct evbuffer_iovec pieces[MAX_PIECES];
	struct msghdr m = { .msg_iov = pieces };
	int n;

	if (c->ssl != NULL)
		return tls_write(c, out);
	n = evbuffer_peek(out, -1, NULL, pieces, MAX_PIECES);
	m.msg_iovlen = n < MAX_PIECES ? (size_t)n : MAX_PIECES;
	return sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool
sk_io_waiting(const struct sk_conn *c)
{
	return c->ssl != NULL && SSL_has_pending(c->ssl) == 1;
}

/* So that the client can tell an end from a cut. */
static void
say_goodbye(struct sk_conn *c)
{
	if (c->ssl == NULL || c->broken || SSL_is_init_finished(c->ssl) != 1)
		return;
	ERR_clear_error();
	if (SSL_shutdown(c->ssl) < 0)
		ERR_clear_error(); /* the socket is full: then it is a cut */
	c->broken = true; /* once */
}

bool
sk_io_shut(struct sk_conn *c)
{
	say_goodbye(c);
	return shutdown(c->fd, SHUT_WR) == 0;
}

void
sk_io_end(struct sk_conn *c)
{
	say_goodbye(c);
	SSL_free(c->ssl);
	c->ssl = NULL;
}

/* ---- handshake ---- */

enum sk_shake
sk_io_shake(struct sk_conn *c)
{
	int rc, kind;

	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(c->ssl);
	if (rc == 1) {
		sk_tls_peer(c->ssl, &c->peer);
		return SK_SHAKE_DONE;
	}
	kind = SSL_get_error(c->ssl, rc);
	if (kind == SSL_ERROR_WANT_READ) {
		ERR_clear_error();
		return SK_SHAKE_READ;
	}
	if (kind == SSL_ERROR_WANT_WRITE) {
		ERR_clear_error();
		return SK_SHAKE_WRITE;
	}
	c->broken = true;
	sk_log(SK_DEBUG, "http", "a TLS handshake failed: %s", sk_tls_reason());
	return SK_SHAKE_FAILED;
}
