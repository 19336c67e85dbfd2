/* cgroup_priv.h - shared by cgroup.c and cgroup_dir.c. */
#ifndef SK_CORE_RUN_CGROUP_PRIV_H
#define SK_CORE_RUN_CGROUP_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One hierarchy in use. own is skalds' own group, dir is the run's directory below it. */
struct sk_cg_tree {
	char own[1100];
	char dir[1200]; /* "" = not usable */
};

/* Our own group in the hierarchy of this type ("cgroup2", or "cgroup" with the controller). */
bool sk_cg_find_own(struct sk_cg_tree *t, const char *type, const char *controller);

/* The whole text in one write; false with errno. */
bool sk_cg_write(const char *dir, const char *file, const char *text);
/* As much as fits, terminated; -1 when it cannot be read. dir may be "". */
ssize_t sk_cg_read(const char *dir, const char *file, char *buf, size_t size);

/* sig to whoever is in the group and in those that a task made below it; 0 only counts. */
size_t sk_cg_signal(const char *dir, int sig);
/* Remove the group and those below it; waits a moment for processes that are just going. */
void sk_cg_remove(const char *dir);

#endif
