/* doctor_files.c - directories, space, name resolution, settings. */
#include "cmd/doctor.h"
#include "adapters/datadir.h"
#include "core/run/rundir.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MIN_FREE_MB 64
#define MAX_CONF 16384

/* What is said of a file system: whether a power cut loses it, whether its locks hold. */
static const struct {
	long magic;
	const char *name, *warning;
} file_systems[] = {
	{ EXT4_SUPER_MAGIC, "ext4", NULL },
	{ XFS_SUPER_MAGIC, "xfs", NULL },
	{ BTRFS_SUPER_MAGIC, "btrfs", NULL },
	{ F2FS_SUPER_MAGIC, "f2fs", NULL },
	{ 0x2fc12fc1, "zfs", NULL },
	{ TMPFS_MAGIC, "tmpfs", "everything in it is lost with the next start of the host" },
	{ RAMFS_MAGIC, "ramfs", "everything in it is lost with the next start of the host" },
	{ OVERLAYFS_SUPER_MAGIC, "overlayfs", "everything in it is lost with the container" },
	{ NFS_SUPER_MAGIC, "nfs", "its locks are not to be trusted" },
	{ CIFS_SUPER_MAGIC, "cifs", "its locks are not to be trusted" },
	{ SMB2_SUPER_MAGIC, "smb", "its locks are not to be trusted" },
	{ MSDOS_SUPER_MAGIC, "fat", "it knows no owners and survives no power cut" },
	{ FUSE_SUPER_MAGIC, "fuse", "what its locks and its sync are worth depends on its program" },
	{ V9FS_MAGIC, "9p", "what its locks and its sync are worth depends on the host" },
};

static void
describe_file_system(struct sk_checkup *c, const char *dir)
{
	struct statfs fs;
	const size_t n = sizeof(file_systems) / sizeof(file_systems[0]);

	if (statfs(dir, &fs) == -1) {
		sk_checkup(c, SK_BROKEN, "%s: %s", dir, strerror(errno));
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (file_systems[i].magic == (long)fs.f_type && file_systems[i].warning != NULL) {
			sk_checkup(c, SK_LIMITED, "%s is writable, on %s: %s", dir, file_systems[i].name,
				file_systems[i].warning);
			return;
		} else if (file_systems[i].magic == (long)fs.f_type) {
			sk_checkup(c, SK_FINE, "%s is writable, on %s", dir, file_systems[i].name);
			return;
		}
	sk_checkup(c, SK_FINE, "%s is writable, on a file system of type 0x%lx", dir,
		(unsigned long)fs.f_type);
}

/* access() alone would be wrong for root on a read-only mount and for overlay's whims. */
static bool
can_write(const char *dir)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/.skalds-doctor-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd == -1)
		return false;
	close(fd);
	return unlink(path) == 0;
}

static void
check_rundir(struct sk_checkup *c)
{
	char dir[256];

	if (*sk_rundir(dir, sizeof(dir)) == '\0')
		sk_checkup(c, SK_LIMITED,
			"none can be written: no probes, and what a killed supervisor "
			"left is not found by the next start; set SKALDS_RUN_DIR");
	else if (!can_write(dir))
		sk_checkup(c, SK_LIMITED, "%s: %s: no probes", dir, strerror(errno));
	else
		sk_checkup(c, SK_FINE, "%s is writable", dir);
}

/* The nearest directory above that is there: what is missing is made below it. */
static void
cut_to_existing(char *path)
{
	struct stat st;

	while (stat(path, &st) == -1 && errno == ENOENT && *path != '\0') {
		char *slash = strrchr(path, '/');

		if (slash == NULL) /* a relative one, of which nothing is there */
			*path = '\0';
		else
			slash[slash == path ? 1 : 0] = '\0';
	}
}

static void
check_missing_dir(struct sk_checkup *c, const char *dir)
{
	char *above = sk_xstrdup(dir);

	cut_to_existing(above);
	if (can_write(*above != '\0' ? above : "."))
		sk_checkup(c, SK_FINE, "%s is not there yet; it is made when it is needed", dir);
	else
		sk_checkup(c, SK_BROKEN, "%s cannot be made: %s: %s", dir, *above != '\0' ? above : ".",
			strerror(errno));
	free(above);
}

/* It may still have to be made. */
static void
check_dir(struct sk_checkup *c, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) == -1 && errno == ENOENT)
		check_missing_dir(c, dir);
	else if (!can_write(dir))
		sk_checkup(c, SK_BROKEN, "%s cannot be written: %s", dir, strerror(errno));
	else
		describe_file_system(c, dir);
}

/* Without one that is given, edge and run-one need none: only `up` is in trouble. */
static void
check_data(struct sk_checkup *c)
{
	const char *given = sk_setting(c->settings, "SKALDS_DATA");
	struct sk_str dir = SK_STR_INIT;
	struct sk_err err;

	if (sk_datadir_locate(given, &dir, &err) != SK_OK)
		sk_checkup(c, SK_LIMITED, "%s", err.msg);
	else
		check_dir(c, dir.p);
	if (c->health == SK_BROKEN && *given == '\0')
		c->health = SK_LIMITED;
	sk_str_release(&dir);
}

static void
check_log_path(struct sk_checkup *c)
{
	const char *dir = sk_setting(c->settings, "LOG_PATH");

	if (*dir == '\0')
		sk_checkup(c, SK_FINE, "blank: logs go to standard error");
	else
		check_dir(c, dir);
	if (c->health == SK_BROKEN) /* never an exit, says the contract: one warning */
		c->health = SK_LIMITED;
}

static void
check_space(struct sk_checkup *c)
{
	const char *data = sk_setting(c->settings, "SKALDS_DATA");
	const char *logs = sk_setting(c->settings, "LOG_PATH");
	const char *tmp = access("/tmp", F_OK) == 0 ? "/tmp" : "/";
	const char *dir = *data != '\0' ? data : *logs != '\0' ? logs : tmp;
	struct statvfs v;
	unsigned long long free_mb, total_mb;

	if (statvfs(dir, &v) == -1) {
		sk_checkup(c, SK_LIMITED, "%s: %s", dir, strerror(errno));
		return;
	}
	free_mb = (unsigned long long)v.f_bavail * v.f_frsize / 1000000;
	total_mb = (unsigned long long)v.f_blocks * v.f_frsize / 1000000;
	sk_checkup(c, free_mb < MIN_FREE_MB || v.f_favail == 0 ? SK_LIMITED : SK_FINE,
		"%s: %llu of %llu MB free%s", dir, free_mb, total_mb,
		v.f_favail == 0 && v.f_files != 0 ? ", but no inodes" : "");
	if (v.f_files == 0 && free_mb >= MIN_FREE_MB) /* file systems without a number of inodes */
		c->health = SK_FINE;
}

static bool
read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd == -1)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return false;
	buf[n] = '\0';
	return true;
}

/* The words behind "hosts:" that make a static program load a module of another libc. */
static const char *
foreign_module(char *conf)
{
	char *save = NULL, *word, *hosts = strstr(conf, "hosts:");

	if (hosts == NULL)
		return NULL;
	hosts[strcspn(hosts, "#\n")] = '\0';
	for (word = strtok_r(hosts + 6, " \t", &save); word != NULL;
		 word = strtok_r(NULL, " \t", &save))
		if (word[0] != '[' && strcmp(word, "files") != 0 && strcmp(word, "dns") != 0)
			return word;
	return NULL;
}

static void
check_dns(struct sk_checkup *c)
{
	char resolv[MAX_CONF], nsswitch[MAX_CONF];
	const char *module;

	if (!read_text("/etc/resolv.conf", resolv, sizeof(resolv))) {
		sk_checkup(c, SK_LIMITED, "/etc/resolv.conf: %s: names are asked of 127.0.0.1 only",
			strerror(errno));
		return;
	}
	if (strstr(resolv, "nameserver") == NULL) {
		sk_checkup(c, SK_LIMITED, "/etc/resolv.conf names no nameserver");
		return;
	}
	module = read_text("/etc/nsswitch.conf", nsswitch, sizeof(nsswitch)) ? foreign_module(nsswitch)
																		 : NULL;
	if (module != NULL)
		sk_checkup(c, SK_LIMITED,
			"/etc/nsswitch.conf asks for \"%.40s\" for hosts, a module of "
			"this host's libc; \"hosts: files dns\" is safe",
			module);
	else
		sk_checkup(c, SK_FINE, "/etc/resolv.conf and /etc/nsswitch.conf are usable");
}

static void
check_settings(struct sk_checkup *c)
{
	struct sk_str problems = SK_STR_INIT;
	size_t n = sk_settings_problems(c->settings, SK_BY_ANYBODY, &problems);

	if (n == 0)
		sk_checkup(c, SK_FINE, "all values are right");
	else
		sk_checkup(c, SK_BROKEN, "%zu wrong, the first: %.*s", n,
			(int)strcspn(sk_str_text(&problems), "\n"), sk_str_text(&problems));
	sk_str_release(&problems);
}

const struct sk_check sk_file_checks[] = {
	{ "runtime directory", check_rundir },
	{ "data directory", check_data },
	{ "log directory", check_log_path },
	{ "disk space", check_space },
	{ "name resolution", check_dns },
	{ "settings", check_settings },
	{ NULL, NULL },
};
