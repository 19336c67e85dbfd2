/* proc_rig.h - real processes and scratch directories for unit tests; nothing of them is left. */
#ifndef SK_TEST_UNIT_PROC_RIG_H
#define SK_TEST_UNIT_PROC_RIG_H

#include "core/base/str.h"
#include <stdbool.h>
#include <sys/types.h>

/* A new empty directory; the path lives until the next call. */
const char *proc_scratch(void);
/* Remove it with all that is in it. */
void proc_scratch_remove(void);
/* A path in it; several live at once, up to 16. */
const char *proc_path(const char *fmt, ...) SK_PRINTF(1, 2);
void proc_write(const char *path, const char *text);
/* The text of a file, "" when there is none; the caller releases. */
struct sk_str proc_read(const char *path);
bool proc_exists(const char *path);
/* Number of entries of a directory. */
size_t proc_entries(const char *dir);
size_t proc_open_fds(void);

/* /bin/sh -c script with these additional variables ("A=1", NULL-terminated or NULL). */
pid_t proc_sh(const char *script, const char *const *env);
/* Fork; the child runs fn and exits with what it returns. */
pid_t proc_fork(int (*fn)(void *arg), void *arg);
/* Alive and no zombie. */
bool proc_alive(pid_t pid);
/* Wait until it is gone; false after five seconds. */
bool proc_gone(pid_t pid);
/* Wait until there is such a file with a whole line in it, and read its number. */
pid_t proc_pid_from(const char *path);
/* Reap it: exit code, or -signal. Kills it and fails the test after ten seconds. */
int proc_wait(pid_t pid);
/* SIGKILL and reap. */
void proc_end(pid_t pid);
/* Wait until all children have ended, reap them, count them. */
size_t proc_reap_all(void);
/* No child is left, neither alive nor unreaped. */
void proc_no_children(void);

/* In a forked child: assertions that cmocka cannot see. Says what and where, then exits with 1. */
#define proc_must(ok) proc_must_at((ok), #ok, __FILE__, __LINE__)
void proc_must_at(bool ok, const char *what, const char *file, int line);
/* Only root may; else the test says why and is skipped. */
#define PROC_ROOT_ONLY() \
	do \
		if (geteuid() != 0) { \
			print_message("# skipped: needs root\n"); \
			skip(); \
		} \
	while (0)

#endif
