/* title.h - what ps shows of our forked processes, and the marks that /proc shows of them.
 *
 * A program gets its marks (SKALDS_RUN, …) by exec. A forked worker still shows the environment
 * that skalds was started with, so the marks are written over it, in the memory the kernel reads
 * /proc/<pid>/environ from.
 */
#ifndef SK_CORE_RUN_TITLE_H
#define SK_CORE_RUN_TITLE_H

#include <stdbool.h>

struct sk_title {
	char *arg, *arg_end; /* the command line's memory; NULL = not known */
	char *env, *env_end; /* the first environment's */
};

/* Where they are (proc(5), /proc/self/stat). Without /proc: nowhere, and the rest does nothing. */
void sk_title_find(struct sk_title *t);
/* Replace the command line, cut to its room. */
void sk_title_set(const struct sk_title *t, const char *text);
/* Replace the environment that others see. environ must no longer point into it. False when the
 * entries (NULL-terminated) do not fit: then it is left as it is. */
bool sk_title_marks(const struct sk_title *t, const char *const *entries);

#endif
