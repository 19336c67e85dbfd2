/* shake.c - a connection to a port that speaks HTTPS, until its TLS handshake is over. */
#include "adapters/http/conn.h"
#include "adapters/http/tls_priv.h"
#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>

#define TLS_HANDSHAKE 0x16 /* what TLS begins with (RFC 8446 5.1) */

/* Looks at the first byte. False: it is no TLS, and was told; or nothing is there yet. */
static bool
begin(struct sk_conn *c)
{
	unsigned char first;
	const ssize_t n = recv(c->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n != 1) {
		sk_conn_drop(c); /* it went away without a word */
		return false;
	}
	if (first != TLS_HANDSHAKE) {
		sk_conn_refuse(c, 400, "this port speaks HTTPS: begin the address with https://");
		return false;
	}
	c->ssl = sk_tls_accept(c->server->cfg.tls, c->fd);
	if (c->ssl == NULL)
		sk_conn_drop(c);
	return c->ssl != NULL;
}

static void
await(struct sk_conn *c, struct event *wanted, struct event *other)
{
	event_del(other);
	if (event_add(wanted, NULL) != 0)
		sk_conn_drop(c);
}

void
sk_conn_shake(struct sk_conn *c)
{
	if (c->ssl == NULL && !begin(c))
		return;
	switch (sk_io_shake(c)) {
	case SK_SHAKE_READ:
		await(c, &c->readable, &c->writable);
		return;
	case SK_SHAKE_WRITE:
		await(c, &c->writable, &c->readable);
		return;
	case SK_SHAKE_FAILED:
		c->server->stats.refused++;
		sk_conn_linger(c); /* OpenSSL has told the client why */
		return;
	case SK_SHAKE_DONE:
		event_del(&c->writable);
		sk_conn_enter(c, SK_CONN_IDLE);
		sk_conn_advance(c);
		return;
	}
}
