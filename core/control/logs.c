/* logs.c - the output of tasks that are gone is removed (declared in changes.h). */
#include "core/control/changes.h"
#include "core/base/log.h"
#include "core/run/output.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The directory of a task: what stands before the name of the attempt's file. */
static void
dir_of(struct sk_str *path, const char *data_dir, const char *id)
{
	char *slash;

	sk_out_path(path, data_dir, id, 1);
	slash = strrchr(path->p, '/');
	path->len = (size_t)(slash - path->p);
	*slash = '\0';
}

static void
complain(const char *path)
{
	sk_log(SK_WARNING, "retention", "cannot remove %s: %s", path, strerror(errno));
}

/* Only files of ours are in it: attempts. Anything else stays, and its directory with it. */
static void
remove_dir(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;

	if (d == NULL) {
		if (errno != ENOENT)
			complain(path);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);

		if (n > 4 && strcmp(e->d_name + n - 4, ".log") == 0 &&
			unlinkat(dirfd(d), e->d_name, 0) != 0 && errno != ENOENT)
			complain(e->d_name);
	}
	closedir(d);
	if (rmdir(path) != 0 && errno != ENOENT)
		complain(path);
}

static bool
is_element(const char *name, const char *parent, size_t n)
{
	return strncmp(name, parent, n) == 0 && name[n] == '.' && name[n + 1] != '\0' &&
		strspn(name + n + 1, "0123456789") == strlen(name + n + 1);
}

static void
remove_elements(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char *logs = sk_xstrndup(path, (size_t)(name - path - 1));
	DIR *d = opendir(logs);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_element(e->d_name, name, strlen(name))) {
			char *element = sk_xasprintf("%s/%s", logs, e->d_name);

			remove_dir(element);
			free(element);
		}
	if (d != NULL)
		closedir(d);
	free(logs);
}

void
sk_logs_remove(const char *data_dir, const char *id, bool array)
{
	struct sk_str path = SK_STR_INIT;

	if (data_dir == NULL || data_dir[0] == '\0')
		return;
	dir_of(&path, data_dir, id);
	remove_dir(path.p);
	if (array)
		remove_elements(path.p);
	sk_str_release(&path);
}
