#include "adapters/http/sockaddr.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
set_path(struct sk_sockaddr *a, const char *path)
{
	size_t n = strlen(path);

	memcpy(a->un.sun_path, path, n + 1);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
}

/* The directory of a path: "a/b/c" -> "a/b", "/c" -> "/". */
static int
open_dir_of(const char *path, const char *name, struct sk_err *err)
{
	char *dir = sk_xstrndup(path, name - path > 1 ? (size_t)(name - path - 1) : 1);
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 && errno == ENOENT)
		sk_fail(err, SK_ENOENT, "%s: no such directory", dir);
	else if (fd == -1)
		sk_fail_errno(err, "%s", dir);
	free(dir);
	return fd;
}

static enum sk_code
set_long_path(struct sk_sockaddr *a, const char *path, struct sk_err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	char text[64 + sizeof(a->un.sun_path)];

	if (slash == NULL ||
		strlen(name) > sizeof(a->un.sun_path) - sizeof("/proc/self/fd/2147483647/"))
		return sk_fail(err, SK_EINVAL, "%s: too long for a socket", path);
	a->dir_fd = open_dir_of(path, name, err);
	if (a->dir_fd == -1)
		return err != NULL ? err->code : SK_EIO;
	if (access("/proc/self/fd", X_OK) != 0) {
		sk_sockaddr_release(a);
		return sk_fail(err, SK_EINVAL,
			"%s: longer than %zu bytes, which needs /proc: mount it or choose a shorter directory",
			path, sizeof(a->un.sun_path) - 1);
	}
	snprintf(text, sizeof(text), "/proc/self/fd/%d/%s", a->dir_fd, name);
	set_path(a, text);
	return SK_OK;
}

enum sk_code
sk_sockaddr(const char *path, struct sk_sockaddr *a, struct sk_err *err)
{
	*a = (struct sk_sockaddr){ .un.sun_family = AF_UNIX, .dir_fd = -1 };
	if (path[0] == '\0')
		return sk_fail(err, SK_EINVAL, "a socket needs a path");
	if (strlen(path) >= sizeof(a->un.sun_path))
		return set_long_path(a, path, err);
	set_path(a, path);
	return SK_OK;
}

void
sk_sockaddr_release(struct sk_sockaddr *a)
{
	if (a->dir_fd != -1)
		close(a->dir_fd);
	a->dir_fd = -1;
}

/* ---- TCP ---- */

#define MAX_HOST 253

/* The parts of "HOST:PORT" and "[HOST]:PORT"; host has room for MAX_HOST bytes. */
static bool
split(const char *text, char *host, const char **port)
{
	const bool bracket = text[0] == '[';
	const char *end = bracket ? strchr(text, ']') : strrchr(text, ':');
	const char *from = bracket ? text + 1 : text;
	size_t n;

	if (end == NULL || (bracket && end[1] != ':'))
		return false;
	n = (size_t)(end - from);
	if (n > MAX_HOST || (!bracket && memchr(from, ':', n) != NULL) || (bracket && n == 0))
		return false;
	memcpy(host, from, n);
	host[n] = '\0';
	*port = end + (bracket ? 2 : 1);
	n = strspn(*port, "0123456789");
	return n > 0 && n <= 5 && (*port)[n] == '\0' && atoi(*port) <= 65535;
}

static void
set_any(struct sk_tcpaddr *a, int port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

	memcpy(&a->ss, &in6, sizeof(in6)); /* all zeros is every address, of IPv4 too */
	a->len = sizeof(in6);
}

static const struct addrinfo *
preferred(const struct addrinfo *list)
{
	for (const struct addrinfo *i = list; i != NULL; i = i->ai_next)
		if (i->ai_family == AF_INET)
			return i;
	return list;
}

enum sk_code
sk_tcpaddr(const char *text, struct sk_tcpaddr *a, struct sk_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char host[MAX_HOST + 1];
	const char *port;
	int rc;

	*a = (struct sk_tcpaddr){ 0 };
	if (!split(text, host, &port))
		return sk_fail(err, SK_EINVAL,
			"\"%.300s\" is not an address: expected HOST:PORT, as in 127.0.0.1:8000, [::1]:8000 or "
			"*:8000",
			text);
	if (host[0] == '\0' || strcmp(host, "*") == 0) {
		set_any(a, atoi(port));
		return SK_OK;
	}
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		return sk_fail(err, SK_ENOENT, "%s has no address: %s", host,
			rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	a->len = preferred(list)->ai_addrlen;
	memcpy(&a->ss, preferred(list)->ai_addr, a->len);
	freeaddrinfo(list);
	return SK_OK;
}

bool
sk_tcpaddr_is_loopback(const struct sk_tcpaddr *a)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (a->ss.ss_family == AF_INET) {
		memcpy(&in, &a->ss, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	memcpy(&in6, &a->ss, sizeof(in6));
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ||
		(IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) && in6.sin6_addr.s6_addr[12] == 127);
}
