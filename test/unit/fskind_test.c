/* fskind_test.c - file systems by their numbers and names. */
#include "adapters/fskind.h"

#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
file_systems_are_told_apart(void **state)
{
	static const struct {
		long magic;
		const char *fuse, *name;
		enum sk_fs_kind kind;
	} cases[] = {
		{ EXT4_SUPER_MAGIC, "", "ext4", SK_FS_LOCAL },
		{ XFS_SUPER_MAGIC, "", "xfs", SK_FS_LOCAL },
		{ OVERLAYFS_SUPER_MAGIC, "", "overlayfs", SK_FS_LOCAL },
		{ NFS_SUPER_MAGIC, "", "nfs", SK_FS_NETWORK },
		{ (long)0xff534d42u, "", "cifs", SK_FS_NETWORK },
		{ (int)0xff534d42u, "", "cifs", SK_FS_NETWORK }, /* where a long has 32 bits */
		{ (long)0xfe534d42u, "", "smb2", SK_FS_NETWORK },
		{ V9FS_MAGIC, "", "9p", SK_FS_NETWORK },
		{ TMPFS_MAGIC, "", "tmpfs", SK_FS_VOLATILE },
		{ RAMFS_MAGIC, "", "ramfs", SK_FS_VOLATILE },
		{ 0x12345678, "", "0x12345678", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "", "fuse", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "fuseblk", "fuseblk", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "virtiofs", "virtiofs", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "fuse.fuse-overlayfs", "fuse.fuse-overlayfs", SK_FS_LOCAL },
		{ FUSE_SUPER_MAGIC, "fuse.sshfs", "fuse.sshfs", SK_FS_NETWORK },
		{ FUSE_SUPER_MAGIC, "fuse.rclone", "fuse.rclone", SK_FS_NETWORK },
		{ FUSE_SUPER_MAGIC, "fuse.blobfuse2", "fuse.blobfuse2", SK_FS_NETWORK },
		{ FUSE_SUPER_MAGIC, "glusterfs", "glusterfs", SK_FS_NETWORK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[SK_FS_NAME];

		assert_int_equal(sk_fs_kind_of(cases[i].magic, cases[i].fuse, name), cases[i].kind);
		assert_string_equal(name, cases[i].name);
	}
}

static void
the_type_of_a_mount_is_found_by_its_device(void **state)
{
	static const char mounts[] =
		"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
		"40 22 0:35 / /mnt/with\\040space rw shared:9 master:2 - fuse.sshfs me@host:/ rw\n"
		"41 22 0:36 / /x rw - cgroup2 cgroup2 rw\n"
		"garbage\n"
		"42 22 0:37 / /y rw - fuse.cut";
	char name[SK_FS_NAME];

	(void)state;
	sk_fs_mount_type(mounts, 0, 35, name);
	assert_string_equal(name, "fuse.sshfs");
	sk_fs_mount_type(mounts, 254, 0, name);
	assert_string_equal(name, "ext4");
	sk_fs_mount_type(mounts, 0, 37, name);
	assert_string_equal(name, "fuse.cut");
	sk_fs_mount_type(mounts, 0, 99, name);
	assert_string_equal(name, "");
	sk_fs_mount_type("", 0, 0, name);
	assert_string_equal(name, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_systems_are_told_apart),
		cmocka_unit_test(the_type_of_a_mount_is_found_by_its_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
