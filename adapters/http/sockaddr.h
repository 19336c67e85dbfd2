/* sockaddr.h - where a server listens: a path of any length as the address of a unix socket, which
 * holds 107 bytes only (a longer one is reached through its directory, opened here:
 * /proc/self/fd/N/NAME), or HOST:PORT as an address of TCP. */
#ifndef SK_ADAPTERS_HTTP_SOCKADDR_H
#define SK_ADAPTERS_HTTP_SOCKADDR_H

#include "core/base/err.h"
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct sk_sockaddr {
	struct sockaddr_un un; /* un.sun_path is NUL-terminated */
	socklen_t len;
	int dir_fd; /* -1 = none is needed; else open until released */
};

/* The address is good until it is released. SK_ENOENT: the directory is not there; SK_EINVAL: the
 * last part alone is too long, or it is needed and /proc is not there. Nothing is to be released
 * then. */
enum sk_code sk_sockaddr(const char *path, struct sk_sockaddr *a, struct sk_err *err) SK_CHECKED;
void sk_sockaddr_release(struct sk_sockaddr *a);

struct sk_tcpaddr {
	struct sockaddr_storage ss;
	socklen_t len;
};

/* "HOST:PORT" with a name or an IPv4 address, "[ADDRESS]:PORT" with an IPv6 one; ":PORT" and
 * "*:PORT" are every address of the machine. Port 0: any that is free. Of the addresses of a name
 * the first of IPv4 is taken, else the first: one server listens at one address. Names are looked
 * up here and now. SK_EINVAL: it is no such text; SK_ENOENT: the name has no address. */
enum sk_code sk_tcpaddr(const char *text, struct sk_tcpaddr *a, struct sk_err *err) SK_CHECKED;
/* Only this machine itself can reach it: 127.0.0.0/8, ::1, also as an IPv4 address within IPv6. */
bool sk_tcpaddr_is_loopback(const struct sk_tcpaddr *a);

#endif
