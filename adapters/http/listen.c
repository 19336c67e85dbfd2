/* listen.c - the listening socket of a server: a file or a TCP address. */
#include "adapters/http/conn.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 4096
/* A client that is gone without a word is noticed after 100 s when nothing is sent to it, and after
 * 60 s of silence when something is. */
#define KEEP_IDLE_S 60
#define KEEP_EVERY_S 10
#define KEEP_PROBES 4
#define USER_TIMEOUT_MS 60000
/* What the kernel takes beyond what is on its way: readers of streams that are slow cost memory. */
#define UNSENT (128 << 10)

/* ---- unix ---- */

/* Its mode is right from the beginning: the socket's own mode is what bind gives to the file. */
static enum sk_code
bind_at(struct sk_http_server *s, int fd, struct sk_err *err)
{
	const char *path = s->addr.un.sun_path;
	struct stat st;

	if (s->cfg.replace && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path); /* bind says when it is still there */
	if (fchmod(fd, 0600) != 0)
		return sk_fail_errno(err, "%s", s->cfg.path);
	if (bind(fd, (const struct sockaddr *)&s->addr.un, s->addr.len) != 0) {
		if (errno == EADDRINUSE)
			return sk_fail(err, SK_ECONFLICT, "%s is there already", s->cfg.path);
		return sk_fail_errno(err, "bind %s", s->cfg.path);
	}
	if (lstat(path, &st) != 0)
		return sk_fail_errno(err, "%s", s->cfg.path);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (s->cfg.group != (gid_t)-1 &&
		(lchown(path, (uid_t)-1, s->cfg.group) != 0 || chmod(path, 0660) != 0))
		return sk_fail_errno(err, "%s cannot be given to its group", s->cfg.path);
	return SK_OK;
}

static int
open_unix(struct sk_http_server *s, struct sk_err *err)
{
	int fd;

	if (sk_sockaddr(s->cfg.path, &s->addr, err) != SK_OK)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1) {
		sk_fail_errno(err, "socket");
		return -1;
	}
	if (bind_at(s, fd, err) == SK_OK)
		return fd;
	close(fd);
	return -1;
}

/* ---- TCP ---- */

/* Connections inherit them from the socket that listens (Linux clones it). */
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
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT },
	};

	/* Without one of them it is slower or notices later, and works. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(
			fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
}

/* The port of what was bound. */
static int
port_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return 0;
	memcpy(&in6, &ss, sizeof(in6));
	memcpy(&in, &ss, sizeof(in));
	return ntohs(ss.ss_family == AF_INET ? in.sin_port : in6.sin6_port);
}

static enum sk_code
bind_tcp(struct sk_http_server *s, int fd, const struct sk_tcpaddr *a, struct sk_err *err)
{
	const int on = 1, off = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return sk_fail_errno(err, "%s: SO_REUSEADDR", s->cfg.address);
	/* "every address" means those of IPv4 too, whatever the system's setting is */
	if (a->ss.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	set_tcp(fd);
	if (bind(fd, (const struct sockaddr *)&a->ss, a->len) == 0) {
		s->port = port_of(fd);
		s->loopback = sk_tcpaddr_is_loopback(a);
		return SK_OK;
	}
	if (errno == EADDRINUSE)
		return sk_fail(err, SK_ECONFLICT, "another program listens at %s already", s->cfg.address);
	if (errno == EADDRNOTAVAIL)
		return sk_fail(err, SK_EINVAL, "%s is not an address of this machine", s->cfg.address);
	if (errno == EACCES)
		return sk_fail(err, SK_EINVAL,
			"%s needs a privilege (CAP_NET_BIND_SERVICE): choose a port of 1024 or above",
			s->cfg.address);
	return sk_fail_errno(err, "listen at %s", s->cfg.address);
}

/* A kernel without IPv6 still has every address of IPv4. */
static int
tcp_socket(struct sk_tcpaddr *a)
{
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (fd != -1 || errno != EAFNOSUPPORT || a->ss.ss_family != AF_INET6)
		return fd;
	memcpy(&in6, &a->ss, sizeof(in6));
	errno = EAFNOSUPPORT;
	if (!IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr))
		return -1;
	in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = in6.sin6_port };
	memcpy(&a->ss, &in, sizeof(in));
	a->len = sizeof(in);
	return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int
open_tcp(struct sk_http_server *s, struct sk_err *err)
{
	struct sk_tcpaddr a;
	int fd;

	if (sk_tcpaddr(s->cfg.address, &a, err) != SK_OK)
		return -1;
	fd = tcp_socket(&a);
	if (fd == -1) {
		sk_fail_errno(err, "listen at %s", s->cfg.address);
		return -1;
	}
	if (bind_tcp(s, fd, &a, err) == SK_OK)
		return fd;
	close(fd);
	return -1;
}

/* ---- both ---- */

bool
sk_is_tcp(const struct sk_http_server *s)
{
	return s->cfg.address != NULL && s->cfg.address[0] != '\0';
}

int
sk_listen(struct sk_http_server *s, struct sk_err *err)
{
	const char *where = sk_is_tcp(s) ? s->cfg.address : s->cfg.path;
	int fd = sk_is_tcp(s) ? open_tcp(s, err) : open_unix(s, err);

	if (fd == -1 || listen(fd, BACKLOG) == 0)
		return fd;
	if (errno == EADDRINUSE) /* both had bound it, the other was first to listen */
		sk_fail(err, SK_ECONFLICT, "another program listens at %s already", where);
	else
		sk_fail_errno(err, "listen at %s", where);
	close(fd);
	return -1;
}

void
sk_listen_end(struct sk_http_server *s)
{
	struct stat st;

	if (s->ino != 0 && lstat(s->addr.un.sun_path, &st) == 0 && st.st_dev == s->dev &&
		st.st_ino == s->ino)
		unlink(s->addr.un.sun_path);
	sk_sockaddr_release(&s->addr);
}
