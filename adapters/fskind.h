/* fskind.h - what kind of file system something is on: are locks and sync worth anything there? */
#ifndef SK_ADAPTERS_FSKIND_H
#define SK_ADAPTERS_FSKIND_H

#include "core/base/err.h"
#include <stddef.h>

enum sk_fs_kind {
	SK_FS_LOCAL, /* and whatever is not known to be otherwise */
	SK_FS_NETWORK, /* locks and shared memory do not hold between hosts, or not at all */
	SK_FS_VOLATILE /* in memory: gone with the next start */
};

#define SK_FS_NAME 32

/* The kind of what fd is on; name gets its type ("ext4", "nfs", "fuse.sshfs"; a number when it has
 * no name here). SK_EIO and err when the system does not say. */
enum sk_code
sk_fs_kind(int fd, enum sk_fs_kind *kind, char name[SK_FS_NAME], struct sk_err *err) SK_CHECKED;

/* The same by the number that statfs gives and, for FUSE, the type in the list of mounts ("" = not
 * known). A FUSE file system is local unless its program is one that is known to keep files
 * elsewhere (sshfs, rclone, s3fs, glusterfs, …). */
enum sk_fs_kind sk_fs_kind_of(long magic, const char *fuse_type, char name[SK_FS_NAME]);

/* The type of the mount with this device number in the text of /proc/self/mountinfo; "" when there
 * is none. */
void sk_fs_mount_type(const char *mountinfo, unsigned major, unsigned minor, char name[SK_FS_NAME]);

#endif
