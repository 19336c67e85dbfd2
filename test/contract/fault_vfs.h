/* fault_vfs.h - a file system between SQLite and the disk that counts syncs and fails on demand. */
#ifndef SK_TEST_CONTRACT_FAULT_VFS_H
#define SK_TEST_CONTRACT_FAULT_VFS_H

#include <stdatomic.h>

struct fault_vfs {
	atomic_int syncs_wal, syncs_main; /* that were asked for */
	atomic_int fail_sync; /* the next so many syncs fail with an I/O error */
	atomic_int fail_sync_main; /* the same for the main file */
	atomic_int fail_read; /* every read of the main file fails */
	atomic_int full; /* nothing more fits: writes fail */
	atomic_int quota; /* the same for a used up quota */
	atomic_int no_index; /* no room for the index of a log */
	atomic_int full_main; /* the same for the main file alone, not for the log */
};

/* From now on SQLite uses it by default; the only one of the process. */
struct fault_vfs *fault_vfs_install(void);

#endif
