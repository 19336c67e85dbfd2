#include "core/run/user.h"
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_GROUPS ((size_t)NGROUPS_MAX)

/* Cut a line at its colons. The number of fields, at most max. */
static size_t
split(char *line, char **field, size_t max)
{
	size_t n = 0;

	line[strcspn(line, "\n")] = '\0';
	while (line != NULL && n < max)
		field[n++] = strsep(&line, ":");
	return n;
}

/* Digits and nothing else; the number -1 means "leave it" to the kernel. */
static bool
number(const char *text, unsigned *v)
{
	unsigned long long n;

	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
		return false;
	n = strtoull(text, NULL, 10);
	*v = (unsigned)n;
	return n < UINT_MAX;
}

static FILE *
open_in(const char *etc, const char *file, struct sk_err *err)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", etc, file);
	f = fopen(path, "re");
	if (f == NULL)
		sk_fail_errno(err, "%s", path);
	return f;
}

/* The line of the name, or of the number when name is NULL. */
static bool
find_line(FILE *f, const char *name, uid_t uid, struct sk_arena *a, struct sk_user *u)
{
	char *line = NULL, *field[7];
	size_t cap = 0;
	bool found = false;

	while (!found && getline(&line, &cap, f) != -1) {
		unsigned line_uid, line_gid;

		if (split(line, field, 7) < 6 || !number(field[2], &line_uid) ||
			!number(field[3], &line_gid) || field[0][0] == '\0' ||
			(name != NULL ? strcmp(field[0], name) != 0 : line_uid != uid))
			continue;
		u->uid = line_uid;
		u->gid = line_gid;
		u->name = sk_arena_strdup(a, field[0]);
		u->home = sk_arena_strdup(a, field[5]);
		found = true;
	}
	free(line);
	return found;
}

static bool
in_list(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		if (n == len && strncmp(list, name, n) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

static void
add_group(gid_t *groups, size_t *n, gid_t gid)
{
	for (size_t i = 0; i < *n; i++)
		if (groups[i] == gid)
			return;
	if (*n < MAX_GROUPS)
		groups[(*n)++] = gid;
}

/* Without the file, or without a name to look for, the first group is all. */
static void
find_groups(const char *etc, struct sk_arena *a, struct sk_user *u)
{
	gid_t *groups = sk_xcalloc(MAX_GROUPS, sizeof(*groups)), *kept;
	FILE *f = u->name[0] != '\0' ? open_in(etc, "group", NULL) : NULL;
	char *line = NULL, *field[4];
	size_t cap = 0, n = 0;
	unsigned gid;

	add_group(groups, &n, u->gid);
	while (f != NULL && getline(&line, &cap, f) != -1)
		if (split(line, field, 4) == 4 && number(field[2], &gid) && in_list(field[3], u->name))
			add_group(groups, &n, gid);
	free(line);
	if (f != NULL)
		fclose(f);
	kept = sk_arena_alloc(a, n * sizeof(*kept));
	memcpy(kept, groups, n * sizeof(*kept));
	free(groups);
	u->groups = kept;
	u->n_groups = n;
}

/* UID:GID */
static bool
pair(const char *who, unsigned *uid, unsigned *gid)
{
	char text[24];
	char *colon;

	if (strlen(who) >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%s", who);
	colon = strchr(text, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	return number(text, uid) && number(colon + 1, gid);
}

enum sk_code
sk_user_find(
	const char *who, const char *etc, struct sk_arena *a, struct sk_user *u, struct sk_err *err)
{
	struct sk_err why = { SK_OK, "" };
	unsigned uid = 0, gid = 0;
	bool two = pair(who, &uid, &gid), one = !two && number(who, &uid), found;
	FILE *f = open_in(etc, "passwd", &why);

	*u = (struct sk_user){ .name = "", .home = "" };
	found = f != NULL && find_line(f, one || two ? NULL : who, uid, a, u);
	/* a name may consist of digits */
	if (f != NULL && !found && one) {
		rewind(f);
		found = find_line(f, who, 0, a, u);
	}
	if (f != NULL)
		fclose(f);
	if (two) {
		u->uid = uid;
		u->gid = gid;
	} else if (!found)
		return f == NULL
			? sk_fail(err, SK_EIO, "user %s: %s", who, why.msg)
			: sk_fail(err, SK_ENOENT, "there is no user \"%s\" in %s/passwd", who, etc);
	find_groups(etc, a, u);
	return SK_OK;
}
