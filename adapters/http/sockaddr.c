#include "adapters/http/sockaddr.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
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
