/* old_kernel_test.c - a kernel, or a container's filter, that knows none of close_range, clone3 and
 * pidfds: the whole program runs under such a filter. */
#include "core/run/fds.h"
#include "core/run/tree.h"
#include "test/unit/proc_rig.h"
#include "test/unit/prog_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static bool
filter_calls(void)
{
	static const unsigned calls[] = { SYS_close_range, SYS_clone3, SYS_pidfd_open,
		SYS_pidfd_send_signal };
	enum { N = sizeof(calls) / sizeof(calls[0]) };
	struct sock_filter code[N * 2 + 2];
	struct sock_fprog program = { .len = N * 2 + 2, .filter = code };

	code[0] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N; i++) {
		code[1 + 2 * i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		code[2 + 2 * i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	}
	code[1 + 2 * N] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	proc_scratch_remove();
	proc_no_children();
	return 0;
}

static void
the_filter_holds(void **state)
{
	(void)state;
	assert_int_equal(syscall(SYS_close_range, ~0U, ~0U, 0), -1);
	assert_int_equal(errno, ENOSYS);
	assert_int_equal(syscall(SYS_pidfd_open, getpid(), 0), -1);
	assert_int_equal(errno, ENOSYS);
}

static int
close_many(void *arg)
{
	int low = *(const int *)arg, high = fcntl(low, F_DUPFD, 700);

	proc_must(high >= 700);
	proc_must(sk_fds_close_from(low + 1, true));
	proc_must(fcntl(high, F_GETFD) == FD_CLOEXEC && fcntl(low, F_GETFD) == 0);
	proc_must(sk_fds_close_from(low + 1, false));
	proc_must(fcntl(high, F_GETFD) == -1 && fcntl(low, F_GETFD) == 0);
	proc_must(fcntl(2, F_GETFD) != -1);
	return 0;
}

static void
descriptors_are_closed_one_by_one(void **state)
{
	int low = dup(0);

	(void)state;
	assert_true(low > 2);
	assert_int_equal(proc_wait(proc_fork(close_many, &low)), 0);
	close(low);
}

static void
a_program_is_moved_into_its_group(void **state)
{
	char run_id[33];
	struct sk_cgroups *cgs;
	struct sk_cgroup *cg;
	struct prog r;

	(void)state;
	snprintf(run_id, sizeof(run_id), "%016x%016x", 0x01du, (unsigned)getpid());
	cgs = sk_cgroups_new(run_id, true);
	if (!sk_cgroups_track(cgs)) {
		print_message("# skipped: %s\n", sk_cgroups_describe(cgs));
		sk_cgroups_free(cgs);
		skip();
	}
	cg = sk_cgroup_take(cgs, 0, NULL);
	assert_non_null(cg);
	prog_sh(&r, "cat /proc/self/cgroup; exit 4");
	r.spawn.cg = cg;
	assert_int_equal(prog_to_end(&r), 4);
	assert_non_null(strstr(sk_str_text(&r.text), run_id));
	assert_false(sk_cgroup_populated(cg));
	prog_release(&r);
	sk_cgroup_give(cgs, cg);
	sk_cgroups_free(cgs);
}

static void
a_tree_is_signalled_without_pidfds(void **state)
{
	struct sk_tree tree = { .session = 0 };
	struct prog r;
	pid_t pid;

	(void)state;
	prog_sh(&r, "sleep 60 & echo; exec sleep 60");
	pid = sk_spawn_program(&r.spawn, &r.failure);
	assert_int_not_equal(pid, -1);
	tree.session = pid;
	for (int i = 0; i < 5000 && sk_tree_signal(&tree, 0) < 2; i++)
		usleep(1000);
	assert_int_equal(sk_tree_signal(&tree, SIGKILL), 2);
	prog_read(&r); /* the end of the pipe: both are gone */
	assert_int_equal(proc_wait(pid), -SIGKILL);
	prog_release(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_filter_holds),
		T(descriptors_are_closed_one_by_one),
		T(a_program_is_moved_into_its_group),
		T(a_tree_is_signalled_without_pidfds),
	};

	if (!filter_calls()) {
		print_message("1..0 # skipped: no seccomp filters here\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
