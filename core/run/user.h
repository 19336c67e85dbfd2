/* user.h - who a task runs as: /etc/passwd and /etc/group, and nothing else.
 *
 * A static binary cannot load the modules that nsswitch.conf may name (LDAP and the like), so the
 * files are read here. Users that only a directory service knows are given as UID:GID. */
#ifndef SK_CORE_RUN_USER_H
#define SK_CORE_RUN_USER_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include <sys/types.h>

struct sk_user {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* all, gid is the first */
	size_t n_groups;
	const char *name, *home; /* "" = not known */
};

/* who: a name, a number that /etc/passwd has, or UID:GID, which needs no entry anywhere (its only
 * group is GID, unless the entry of the number says more). etc: "/etc" but in tests. Everything is
 * in the arena. SK_ENOENT: there is no such user; SK_EIO: the file cannot be read. */
enum sk_code sk_user_find(const char *who, const char *etc, struct sk_arena *a, struct sk_user *u,
	struct sk_err *err) SK_CHECKED;

#endif
