#include "fault_vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

struct fault_file {
	sqlite3_file base;
	int is_wal, is_main;
	sqlite3_file *real; /* behind this struct */
};

static struct fault_vfs faults;
static sqlite3_vfs *real_vfs;

static sqlite3_file *
real_of(sqlite3_file *f)
{
	return ((struct fault_file *)f)->real;
}

static int
f_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int
f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	if (((struct fault_file *)f)->is_main && atomic_load(&faults.fail_read))
		return SQLITE_IOERR_READ;
	return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int
f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	const struct fault_file *file = (struct fault_file *)f;

	if (atomic_load(&faults.quota)) {
		errno = EDQUOT;
		return SQLITE_IOERR_WRITE;
	}
	if (atomic_load(&faults.full) || (file->is_main && atomic_load(&faults.full_main)))
		return SQLITE_FULL;
	return real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}

static int
f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return real_of(f)->pMethods->xTruncate(real_of(f), n);
}

static int
f_sync(sqlite3_file *f, int flags)
{
	const struct fault_file *file = (struct fault_file *)f;

	if (file->is_wal)
		atomic_fetch_add(&faults.syncs_wal, 1);
	if (file->is_main)
		atomic_fetch_add(&faults.syncs_main, 1);
	if (atomic_load(&faults.fail_sync) > 0 ||
		(file->is_main && atomic_load(&faults.fail_sync_main) > 0)) {
		atomic_fetch_sub(file->is_main && atomic_load(&faults.fail_sync_main) > 0
				? &faults.fail_sync_main
				: &faults.fail_sync,
			1);
		errno = EIO;
		return SQLITE_IOERR_FSYNC;
	}
	return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int
f_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), n);
}

static int
f_lock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xLock(real_of(f), how);
}

static int
f_unlock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), how);
}

static int
f_check_lock(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int
f_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int
f_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int
f_kind(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int
f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	if (extend && atomic_load(&faults.no_index)) {
		errno = ENOSPC;
		return SQLITE_IOERR_SHMSIZE;
	}
	return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int
f_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void
f_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int
f_shm_unmap(sqlite3_file *f, int remove)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods methods = { 2, f_close, f_read, f_write, f_truncate, f_sync, f_size,
	f_lock, f_unlock, f_check_lock, f_control, f_sector, f_kind, f_shm_map, f_shm_lock,
	f_shm_barrier, f_shm_unmap, NULL, NULL };

static int
v_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct fault_file *file = (struct fault_file *)f;
	int rc;

	(void)v;
	memset(file, 0, sizeof(*file));
	file->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
	file->is_main = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	file->real = (sqlite3_file *)(file + 1);
	rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out);
	if (file->real->pMethods != NULL)
		file->base.pMethods = &methods;
	return rc;
}

struct fault_vfs *
fault_vfs_install(void)
{
	static sqlite3_vfs vfs;

	if (real_vfs != NULL)
		return &faults;
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "fault";
	vfs.szOsFile += (int)sizeof(struct fault_file);
	vfs.xOpen = v_open;
	vfs.pNext = NULL;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		return NULL;
	return &faults;
}
