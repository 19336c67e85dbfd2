#include "core/run/fds.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST 65536 /* without /proc: beyond it nobody has descriptors */

static void
drop(int fd, bool only_on_exec)
{
	/* EBADF: the descriptor was not open */
	if (only_on_exec)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	else
		close(fd);
}

static bool
drop_listed(int first, bool only_on_exec)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;

	if (d == NULL)
		return false;
	while ((e = readdir(d)) != NULL) {
		char *end;
		long fd = strtol(e->d_name, &end, 10);

		if (end != e->d_name && *end == '\0' && fd >= first && fd != dirfd(d))
			drop((int)fd, only_on_exec);
	}
	closedir(d);
	return true;
}

bool
sk_fds_close_from(int first, bool only_on_exec)
{
	long most = sysconf(_SC_OPEN_MAX);

	if (close_range((unsigned)first, ~0U, only_on_exec ? (int)CLOSE_RANGE_CLOEXEC : 0) == 0 ||
		drop_listed(first, only_on_exec))
		return true;
	if (most <= 0)
		return false;
	for (int fd = first; fd < most && fd < MOST; fd++)
		drop(fd, only_on_exec);
	return true;
}
