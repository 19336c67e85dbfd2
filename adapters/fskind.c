#include "adapters/fskind.h"
#include "core/base/str.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
/* Of the list of mounts: a host with more of them is asked no further. */
#define MAX_MOUNTINFO ((size_t)1 << 20)

/* Numbers without a name in <linux/magic.h> are of file systems outside the kernel. */
static const struct {
	unsigned magic;
	const char *name;
	enum sk_fs_kind kind;
} file_systems[] = {
	{ EXT4_SUPER_MAGIC, "ext4", SK_FS_LOCAL },
	{ XFS_SUPER_MAGIC, "xfs", SK_FS_LOCAL },
	{ BTRFS_SUPER_MAGIC, "btrfs", SK_FS_LOCAL },
	{ F2FS_SUPER_MAGIC, "f2fs", SK_FS_LOCAL },
	{ 0x2fc12fc1, "zfs", SK_FS_LOCAL },
	{ OVERLAYFS_SUPER_MAGIC, "overlayfs", SK_FS_LOCAL },
	{ TMPFS_MAGIC, "tmpfs", SK_FS_VOLATILE },
	{ RAMFS_MAGIC, "ramfs", SK_FS_VOLATILE },
	{ HUGETLBFS_MAGIC, "hugetlbfs", SK_FS_VOLATILE },
	{ NFS_SUPER_MAGIC, "nfs", SK_FS_NETWORK },
	{ SMB_SUPER_MAGIC, "smb", SK_FS_NETWORK },
	{ CIFS_SUPER_MAGIC, "cifs", SK_FS_NETWORK },
	{ SMB2_SUPER_MAGIC, "smb2", SK_FS_NETWORK },
	{ CEPH_SUPER_MAGIC, "ceph", SK_FS_NETWORK },
	{ AFS_FS_MAGIC, "afs", SK_FS_NETWORK },
	{ AFS_SUPER_MAGIC, "afs", SK_FS_NETWORK },
	{ CODA_SUPER_MAGIC, "coda", SK_FS_NETWORK },
	{ NCP_SUPER_MAGIC, "ncp", SK_FS_NETWORK },
	{ V9FS_MAGIC, "9p", SK_FS_NETWORK },
	{ 0x0bd00bd0, "lustre", SK_FS_NETWORK },
	{ 0x20030528, "orangefs", SK_FS_NETWORK },
	{ 0x47504653, "gpfs", SK_FS_NETWORK },
	{ 0x19830326, "beegfs", SK_FS_NETWORK },
	{ 0x786f4256, "vboxsf", SK_FS_NETWORK },
	{ 0xbacbacbc, "vmhgfs", SK_FS_NETWORK },
};

/* Programs behind FUSE that keep the files elsewhere; the beginning of the name counts. */
static const char *const elsewhere[] = { "sshfs", "rclone", "s3fs", "s3ql", "goofys", "gcsfuse",
	"blobfuse", "glusterfs", "ceph", "juicefs", "seaweedfs", "weed", "mfs", "moosefs", "lizardfs",
	"curlftpfs", "ftpfs", "davfs", "smbnetfs", "afpfs", "nfs", "hdfs", "fuse_dfs", "ipfs",
	"keybase", "google-drive", "onedriver", "mount-s3", "cvmfs", "beegfs", "quobyte", "alluxio",
	"vmhgfs", "prl_fs" };

enum sk_fs_kind
sk_fs_kind_of(long magic, const char *fuse_type, char name[SK_FS_NAME])
{
	const char *program = strncmp(fuse_type, "fuse.", 5) == 0 ? fuse_type + 5 : fuse_type;

	for (size_t i = 0; i < N(file_systems); i++)
		if (file_systems[i].magic == (unsigned)magic) {
			snprintf(name, SK_FS_NAME, "%s", file_systems[i].name);
			return file_systems[i].kind;
		}
	if (magic != FUSE_SUPER_MAGIC) {
		snprintf(name, SK_FS_NAME, "0x%lx", (unsigned long)(unsigned)magic);
		return SK_FS_LOCAL;
	}
	snprintf(name, SK_FS_NAME, "%s", fuse_type[0] != '\0' ? fuse_type : "fuse");
	for (size_t i = 0; i < N(elsewhere); i++)
		if (strncmp(program, elsewhere[i], strlen(elsewhere[i])) == 0)
			return SK_FS_NETWORK;
	return SK_FS_LOCAL;
}

/* "36 35 98:0 /root /mount options … - type source super": the type, when it is the device. */
static bool
mount_line(const char *line, size_t n, unsigned major, unsigned minor, char name[SK_FS_NAME])
{
	unsigned a, b;
	const char *dash = memmem(line, n, " - ", 3);
	size_t len;

	if (dash == NULL || sscanf(line, "%*u %*u %u:%u", &a, &b) != 2 || a != major || b != minor)
		return false;
	dash += 3;
	len = strcspn(dash, " \n");
	snprintf(name, SK_FS_NAME, "%.*s", (int)len, dash);
	return true;
}

void
sk_fs_mount_type(const char *mountinfo, unsigned major, unsigned minor, char name[SK_FS_NAME])
{
	name[0] = '\0';
	while (*mountinfo != '\0') {
		size_t n = strcspn(mountinfo, "\n");

		if (mount_line(mountinfo, n, major, minor, name))
			return;
		mountinfo += n + (mountinfo[n] == '\n');
	}
}

/* Nothing when it cannot be read: then it is not known. */
static void
read_mounts(struct sk_str *text)
{
	char buf[16384];
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return;
	while (text->len < MAX_MOUNTINFO && (n = read(fd, buf, sizeof(buf))) > 0)
		sk_str_add(text, buf, (size_t)n);
	close(fd);
}

static void
fuse_type(dev_t dev, char name[SK_FS_NAME])
{
	struct sk_str text = SK_STR_INIT;

	read_mounts(&text);
	sk_fs_mount_type(sk_str_text(&text), major(dev), minor(dev), name);
	sk_str_release(&text);
}

enum sk_code
sk_fs_kind(int fd, enum sk_fs_kind *kind, char name[SK_FS_NAME], struct sk_err *err)
{
	char type[SK_FS_NAME] = "";
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) != 0 || fstat(fd, &st) != 0)
		return sk_fail_errno(err, "statfs");
	if ((long)fs.f_type == FUSE_SUPER_MAGIC)
		fuse_type(st.st_dev, type);
	*kind = sk_fs_kind_of((long)fs.f_type, type, name);
	return SK_OK;
}
