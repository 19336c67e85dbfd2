/* maps.c - SQLite keeps the index of its log in a file that it maps. A page of a map that finds no
 * room on the disk is a SIGBUS when it is written. SQLite looks for room before, but by one byte in
 * 4 KiB, and blocks may be smaller; so all of it is taken here, or the map is not made. */
#include "adapters/sqlite/db.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

static int
take_room(int fd, off_t at, size_t n)
{
	int rc;

	do
		rc = fallocate(fd, 0, at, (off_t)n);
	while (rc != 0 && errno == EINTR);
	return rc;
}

/* Stands in for mmap. A file system that knows no fallocate is trusted as before. */
static void *
map(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	if ((flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 &&
		take_room(fd, offset, n) != 0 && (errno == ENOSPC || errno == EDQUOT))
		return MAP_FAILED;
	return mmap(at, n, protection, flags, fd, offset);
}

void
sk_sq_maps(void)
{
	sqlite3_vfs *unix_vfs = sqlite3_vfs_find("unix");
	sqlite3_syscall_ptr ours = (sqlite3_syscall_ptr)map;

	if (unix_vfs != NULL && unix_vfs->xGetSystemCall(unix_vfs, "mmap") != ours)
		(void)unix_vfs->xSetSystemCall(unix_vfs, "mmap", ours); /* without it: as SQLite does */
}
