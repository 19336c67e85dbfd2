#include "adapters/datadir.h"
#include "adapters/fskind.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A look at the lock holds it for a moment: who wants it tries at least so long. */
#define MIN_WAIT_MS 50
#define FIRST_PAUSE_MS 1
#define MAX_PAUSE_MS 16

struct sk_datadir {
	char *path;
	int fd, lock_fd; /* lock_fd -1 = we are not the owner */
	gid_t group;
};

/* ---- where it is ---- */

static enum sk_code
make_absolute(const char *given, struct sk_str *path, struct sk_err *err)
{
	char *cwd;

	if (given[0] != '/') {
		cwd = getcwd(NULL, 0);
		if (cwd == NULL)
			return sk_fail_errno(err, "the working directory");
		sk_str_adds(path, cwd);
		sk_str_addc(path, '/');
		free(cwd);
	}
	sk_str_adds(path, given);
	while (path->len > 1 && path->p[path->len - 1] == '/')
		path->p[--path->len] = '\0';
	return SK_OK;
}

enum sk_code
sk_datadir_locate(const char *given, struct sk_str *path, struct sk_err *err)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	sk_str_clear(path);
	if (given != NULL && given[0] != '\0')
		return make_absolute(given, path, err);
	if (geteuid() == 0)
		sk_str_adds(path, "/var/lib/skalds");
	else if (xdg != NULL && xdg[0] == '/') /* a relative one is to be ignored, says XDG */
		sk_str_addf(path, "%s/skalds", xdg);
	else if (home != NULL && home[0] == '/')
		sk_str_addf(path, "%s/.local/state/skalds", home);
	else
		return sk_fail(err, SK_EINVAL,
			"neither XDG_STATE_HOME nor HOME says where the data is: name a directory with --data");
	return SK_OK;
}

void
sk_datadir_socket(const char *path, struct sk_str *out)
{
	sk_str_addf(out, "%s%s%s", path, strcmp(path, "/") == 0 ? "" : "/", SK_DATADIR_SOCKET);
}

/* ---- making it ---- */

static enum sk_code
make_dir(const char *path, mode_t mode, struct sk_err *err)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return SK_OK;
	return sk_fail_errno(err, "cannot make %s", path);
}

static enum sk_code
make_parents(const char *path, struct sk_err *err)
{
	char *dir = sk_xstrdup(path);
	enum sk_code code = SK_OK;

	for (char *p = strchr(dir + 1, '/'); p != NULL && code == SK_OK; p = strchr(p + 1, '/')) {
		*p = '\0';
		code = make_dir(dir, 0755, err);
		*p = '/';
	}
	free(dir);
	return code;
}

/* Opens it, makes it first when it is wanted; *made when it was not there. */
static int
open_dir(const struct sk_datadir_config *cfg, bool *made, struct sk_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = open(cfg->path, flags);

	*made = false;
	if (fd == -1 && errno == ENOENT && cfg->create) {
		if (make_parents(cfg->path, err) != SK_OK)
			return -1;
		*made = mkdir(cfg->path, 0700) == 0;
		if (!*made && errno != EEXIST) {
			sk_fail_errno(err, "cannot make %s", cfg->path);
			return -1;
		}
		fd = open(cfg->path, flags);
	}
	if (fd != -1)
		return fd;
	if (errno == ENOENT)
		sk_fail(err, SK_ENOENT, "%s: there is no data directory", cfg->path);
	else if (errno == ENOTDIR)
		sk_fail(err, SK_EINVAL, "%s is not a directory", cfg->path);
	else if (errno == EACCES)
		sk_fail(err, SK_EINVAL, "%s: %s: it belongs to somebody else", cfg->path, strerror(errno));
	else
		sk_fail_errno(err, "%s", cfg->path);
	return -1;
}

/* ---- what is refused ---- */

/* Whoever could put files there, or change the directory, could make us take them for ours. */
static enum sk_code
check_owner(const char *path, int fd, struct sk_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return sk_fail_errno(err, "%s", path);
	if (st.st_uid != geteuid())
		return sk_fail(err, SK_EINVAL,
			"%s belongs to user %u, not to user %u: name another directory, or one below it", path,
			(unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 022) != 0)
		return sk_fail(err, SK_EINVAL,
			"%s may be written by others (mode %04o): chmod go-w it, or name one below it", path,
			(unsigned)st.st_mode & 07777);
	return SK_OK;
}

static enum sk_code
check_fs(const struct sk_datadir_config *cfg, int fd, struct sk_err *err)
{
	char name[SK_FS_NAME];
	enum sk_fs_kind kind;

	if (sk_fs_kind(fd, &kind, name, err) != SK_OK)
		return sk_wrap(err, cfg->path);
	if (kind == SK_FS_NETWORK)
		return sk_fail(err, SK_EINVAL,
			"%s is on a network file system (%s), whose locks and sync cannot be trusted: name a "
			"directory on a local disk",
			cfg->path, name);
	if (kind == SK_FS_VOLATILE && !cfg->allow_volatile)
		return sk_fail(err, SK_EINVAL,
			"%s is in memory (%s): all tasks would be lost with the next start of the host; name a "
			"directory on a disk, or allow it (`skalds up --allow-volatile`)",
			cfg->path, name);
	return SK_OK;
}

/* ---- the socket's group ---- */

/* /etc/group alone: a static program asks no other source. */
static bool
find_group(const char *name, gid_t *gid)
{
	FILE *f = fopen("/etc/group", "re");
	const struct group *g;
	bool found = false;

	if (f == NULL)
		return false;
	while (!found && (g = fgetgrent(f)) != NULL)
		if (strcmp(g->gr_name, name) == 0) {
			*gid = g->gr_gid;
			found = true;
		}
	fclose(f);
	return found;
}

static enum sk_code
parse_group(const char *name, gid_t *gid, struct sk_err *err)
{
	char *end;
	unsigned long n;

	*gid = (gid_t)-1;
	if (name == NULL || name[0] == '\0' || find_group(name, gid))
		return SK_OK;
	errno = 0;
	n = strtoul(name, &end, 10);
	if (name[0] < '0' || name[0] > '9' || *end != '\0' || errno != 0 || n >= UINT_MAX)
		return sk_fail(err, SK_EINVAL, "there is no group \"%.64s\" in /etc/group", name);
	*gid = (gid_t)n;
	return SK_OK;
}

static enum sk_code
give_to_group(const char *path, int fd, gid_t gid, struct sk_err *err)
{
	if (gid == (gid_t)-1)
		return SK_OK;
	if (fchown(fd, (uid_t)-1, gid) != 0) {
		if (errno == EPERM)
			return sk_fail(err, SK_EINVAL, "%s cannot be given to group %u: we are no member of it",
				path, (unsigned)gid);
		return sk_fail_errno(err, "chown %s", path);
	}
	if (fchmod(fd, 0710) != 0)
		return sk_fail_errno(err, "chmod %s", path);
	return SK_OK;
}

/* ---- opening ---- */

struct sk_datadir *
sk_datadir_open(const struct sk_datadir_config *cfg, struct sk_err *err)
{
	struct sk_datadir *d;
	bool made;
	gid_t gid;
	int fd;

	if (parse_group(cfg->group, &gid, err) != SK_OK)
		return NULL;
	fd = open_dir(cfg, &made, err);
	if (fd == -1)
		return NULL;
	if (check_fs(cfg, fd, err) != SK_OK || check_owner(cfg->path, fd, err) != SK_OK ||
		give_to_group(cfg->path, fd, gid, err) != SK_OK) {
		close(fd);
		if (made)
			rmdir(cfg->path); /* refused: as if we had not been here */
		return NULL;
	}
	d = sk_xcalloc(1, sizeof(*d));
	*d =
		(struct sk_datadir){ .path = sk_xstrdup(cfg->path), .fd = fd, .lock_fd = -1, .group = gid };
	return d;
}

void
sk_datadir_close(struct sk_datadir *d)
{
	if (d == NULL)
		return;
	sk_datadir_unlock(d);
	close(d->fd);
	free(d->path);
	free(d);
}

void
sk_datadir_abandon(struct sk_datadir *d)
{
	close(d->fd);
	if (d->lock_fd != -1)
		close(d->lock_fd);
	d->fd = d->lock_fd = -1;
}

const char *
sk_datadir_path(const struct sk_datadir *d)
{
	return d->path;
}

int
sk_datadir_fd(const struct sk_datadir *d)
{
	return d->fd;
}

gid_t
sk_datadir_group(const struct sk_datadir *d)
{
	return d->group;
}

/* ---- the owner ---- */

static pid_t
read_pid(int fd)
{
	char buf[32];
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
	long pid;

	if (n <= 0)
		return -1;
	buf[n] = '\0';
	pid = strtol(buf, NULL, 10);
	return pid > 0 && pid <= INT_MAX ? (pid_t)pid : -1;
}

pid_t
sk_datadir_owner(const struct sk_datadir *d)
{
	int fd;
	pid_t pid = 0;

	if (d->lock_fd != -1)
		return getpid();
	fd = openat(d->fd, SK_DATADIR_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
		pid = read_pid(fd);
	close(fd);
	return pid;
}

/* The lock counts, its pid only names us: on a full disk the owner stays nameless. */
static enum sk_code
write_pid(int fd, const char *path, struct sk_err *err)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n)
		return SK_OK;
	if (sk_fail_errno(err, "cannot write %s/%s", path, SK_DATADIR_LOCK) != SK_ENOSPC)
		return err->code;
	sk_log(SK_DEBUG, "store", "%s", err->msg);
	return SK_OK;
}

static enum sk_code
say_owner(const struct sk_datadir *d, int fd, struct sk_err *err)
{
	pid_t pid = read_pid(fd);

	if (pid == -1)
		return sk_fail(err, SK_ECONFLICT, "%s is in use by another skalds", d->path);
	return sk_fail(
		err, SK_ECONFLICT, "%s is in use by another skalds, process %d", d->path, (int)pid);
}

static void
pause_ms(int64_t ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL); /* woken early: one look more */
}

/* True when it is ours; false when the time is over or the lock fails (errno). */
static bool
take_lock(int fd, int64_t wait_ms)
{
	const int64_t end = sk_boot_ms() + (wait_ms > MIN_WAIT_MS ? wait_ms : MIN_WAIT_MS);
	int64_t wait = FIRST_PAUSE_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || sk_boot_ms() >= end)
			return false;
		pause_ms(wait);
		wait = wait < MAX_PAUSE_MS ? 2 * wait : MAX_PAUSE_MS;
	}
	return true;
}

enum sk_code
sk_datadir_lock(struct sk_datadir *d, int64_t wait_ms, struct sk_err *err)
{
	enum sk_code code;
	int fd;

	if (d->lock_fd != -1)
		return SK_OK;
	fd = openat(d->fd, SK_DATADIR_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return sk_fail_errno(err, "%s/%s", d->path, SK_DATADIR_LOCK);
	if (!take_lock(fd, wait_ms))
		code = errno == EWOULDBLOCK ? say_owner(d, fd, err)
									: sk_fail_errno(err, "lock %s/%s", d->path, SK_DATADIR_LOCK);
	else
		code = write_pid(fd, d->path, err);
	if (code != SK_OK)
		close(fd);
	else
		d->lock_fd = fd;
	return code;
}

/* The file stays: whoever waits for it has it open. */
void
sk_datadir_unlock(struct sk_datadir *d)
{
	if (d->lock_fd == -1)
		return;
	if (ftruncate(d->lock_fd, 0) != 0 || flock(d->lock_fd, LOCK_UN) != 0) {
		/* the pid of a past owner stays: it is read only while somebody holds the lock */
	}
	close(d->lock_fd);
	d->lock_fd = -1;
}

/* ---- the one `up`, the one `node` ---- */

static int
be_the_one(const struct sk_datadir *d, const char *name, const char *command, struct sk_err *err)
{
	int fd = openat(d->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[32];
	pid_t pid;
	int n;

	if (fd == -1) {
		sk_fail_errno(err, "%s/%s", d->path, name);
		return -1;
	}
	if (!take_lock(fd, 0)) {
		pid = read_pid(fd);
		if (pid > 0)
			sk_fail(err, SK_ECONFLICT, "%s is in use by another skalds %s (pid %d)", d->path,
				command, (int)pid);
		else
			sk_fail(err, SK_ECONFLICT, "%s is in use by another skalds %s", d->path, command);
		close(fd);
		return -1;
	}
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
		sk_log(SK_DEBUG, command, "%s: %s", name, strerror(errno)); /* names nobody */
	return fd;
}

int
sk_datadir_up_lock(const struct sk_datadir *d, struct sk_err *err)
{
	return be_the_one(d, SK_DATADIR_UP_LOCK, "up", err);
}

int
sk_datadir_node_lock(const struct sk_datadir *d, struct sk_err *err)
{
	return be_the_one(d, SK_DATADIR_NODE_LOCK, "node", err);
}

bool
sk_datadir_up_alive(const struct sk_datadir *d)
{
	int fd = openat(d->fd, SK_DATADIR_UP_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool alive;

	if (fd == -1)
		return false;
	alive = flock(fd, LOCK_SH | LOCK_NB) != 0;
	close(fd);
	return alive;
}
