/* clone.h - a child that is born into a cgroup and shares our memory until it execs. */
#ifndef SK_CORE_RUN_CLONE_H
#define SK_CORE_RUN_CLONE_H

#include <stddef.h>
#include <sys/types.h>

/* Run fn(arg), which must not return, in a child with CLONE_VM and CLONE_VFORK on its own stack
 * (16-aligned, n bytes), in the cgroup of this descriptor. Returns its pid, or -1 with errno:
 * ENOSYS where there is no assembly for the machine or no clone3. */
pid_t sk_clone_into(int cgroup_fd, void *stack, size_t n, int (*fn)(void *arg), void *arg);

#endif
