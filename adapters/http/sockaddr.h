/* sockaddr.h - a path of any length as the address of a unix socket, which holds 107 bytes only. A
 * longer one is reached through its directory, opened here: /proc/self/fd/N/NAME. */
#ifndef SK_ADAPTERS_HTTP_SOCKADDR_H
#define SK_ADAPTERS_HTTP_SOCKADDR_H

#include "core/base/err.h"
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

#endif
