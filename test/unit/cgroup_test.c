/* cgroup_test.c - control groups of the kernel this runs on: tracking, killing, limits, clearing.
 * Where none can be made, the tests that need one say so. Other hosts are played in a mount
 * namespace without the hierarchies that they do not have. */
#include "core/run/cgroup.h"
#include "test/unit/proc_rig.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char run_id[33];

static int
setup(void **state)
{
	(void)state;
	snprintf(run_id, sizeof(run_id), "%016x%016x", 0xc0ffeeu, (unsigned)getpid());
	proc_scratch();
	return 0;
}

/* A test that failed half-way leaves nobody. */
static void
clear_one(const char *dir)
{
	char path[1400];
	const char *slash = strrchr(dir, '/');

	if (slash == NULL)
		return;
	snprintf(path, sizeof(path), "%.*s/skalds-%s", (int)(slash - dir), dir, run_id);
	assert_int_equal(sk_cgroup_clear(path, run_id), 0);
}

static int
teardown(void **state)
{
	struct sk_cgroups *cgs = sk_cgroups_new("unit", true);

	(void)state;
	clear_one(sk_cgroups_v2_dir(cgs));
	clear_one(sk_cgroups_v1_dir(cgs));
	sk_cgroups_free(cgs);
	proc_scratch_remove();
	proc_no_children();
	return 0;
}

/* The groups of a run, or the test is skipped. */
static struct sk_cgroups *
groups(bool memory)
{
	struct sk_cgroups *cgs = sk_cgroups_new(run_id, true);
	bool usable = memory ? sk_cgroups_memory(cgs) : sk_cgroups_track(cgs);

	if (!usable) {
		print_message("# skipped: %s\n", sk_cgroups_describe(cgs));
		sk_cgroups_free(cgs);
		skip();
	}
	return cgs;
}

/* All directories are gone with the groups. */
static void
groups_gone(struct sk_cgroups *cgs)
{
	char v2[1300], v1[1300];

	snprintf(v2, sizeof(v2), "%s", sk_cgroups_v2_dir(cgs));
	snprintf(v1, sizeof(v1), "%s", sk_cgroups_v1_dir(cgs));
	sk_cgroups_free(cgs);
	assert_false(v2[0] != '\0' && proc_exists(v2));
	assert_false(v1[0] != '\0' && proc_exists(v1));
}

struct member {
	const struct sk_cgroup *cg;
	const char *script;
};

static int
join(void *arg)
{
	const struct member *m = arg;

	proc_must(sk_cgroup_enter(m->cg, false) == 0);
	execl("/bin/sh", "sh", "-c", m->script, (char *)NULL);
	return 127;
}

static pid_t
member(const struct sk_cgroup *cg, const char *script)
{
	struct member m = { cg, script };

	return proc_fork(join, &m);
}

/* A kill is not an end yet: as the supervisor does, until nobody is left. */
static bool
kill_all(struct sk_cgroup *cg)
{
	for (int i = 0; i < 5000 && sk_cgroup_populated(cg); i++) {
		sk_cgroup_kill(cg);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(1000);
	}
	return !sk_cgroup_populated(cg);
}

static struct sk_cgroup *
take(struct sk_cgroups *cgs, int64_t memory_mb)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_cgroup *cg = sk_cgroup_take(cgs, memory_mb, &err);

	if (cg == NULL)
		fail_msg("no group: %s", err.msg);
	return cg;
}

/* ---- tracking ---- */

static void
a_group_is_populated_while_somebody_lives_in_it(void **state)
{
	struct sk_cgroups *cgs = groups(false);
	struct sk_cgroup *cg = take(cgs, 0);
	pid_t pid;

	(void)state;
	assert_false(sk_cgroup_populated(cg));
	pid = member(cg, "read x; exit 3"); /* stdin may be empty: it ends soon, or */
	proc_wait(pid);
	assert_false(sk_cgroup_populated(cg));
	pid = member(cg, "exec sleep 60");
	for (int i = 0; i < 5000 && !sk_cgroup_populated(cg); i++)
		usleep(1000);
	assert_true(sk_cgroup_populated(cg));
	assert_true(proc_alive(pid));
	sk_cgroup_kill(cg);
	assert_int_equal(proc_wait(pid), -SIGKILL);
	assert_true(kill_all(cg));
	sk_cgroup_give(cgs, cg);
	groups_gone(cgs);
}

/* setsid, double fork, no environment, ignored signals: a group holds them all. */
static void
nobody_escapes_a_group(void **state)
{
	struct sk_cgroups *cgs = groups(false);
	struct sk_cgroup *cg = take(cgs, 0);
	char script[512];
	pid_t pid, daemon;

	(void)state;
	snprintf(script, sizeof(script),
		"trap '' TERM HUP INT; for i in $(seq 30); do env -i setsid "
		"sh -c 'sleep 60 & sleep 60' & done; setsid sh -c '(sleep 60 & echo $! >%s) &'; exit 0",
		proc_path("daemon"));
	pid = member(cg, script);
	daemon = proc_pid_from(proc_path("daemon"));
	assert_int_equal(proc_wait(pid), 0);
	assert_true(proc_alive(daemon));
	assert_true(sk_cgroup_populated(cg));
	sk_cgroup_signal(cg, SIGTERM); /* who ignores it stays */
	assert_true(kill_all(cg));
	assert_true(proc_gone(daemon));
	sk_cgroup_give(cgs, cg);
	groups_gone(cgs);
}

static void
a_signal_reaches_everybody_in_the_group_and_nobody_else(void **state)
{
	struct sk_cgroups *cgs = groups(false);
	struct sk_cgroup *mine = take(cgs, 0), *other = take(cgs, 0);
	pid_t a = member(mine, "exec sleep 60"), b = member(mine, "exec sleep 60");
	pid_t c = member(other, "exec sleep 60");

	(void)state;
	while (!sk_cgroup_populated(mine) || !sk_cgroup_populated(other))
		usleep(1000);
	usleep(50000); /* both are in */
	sk_cgroup_signal(mine, SIGTERM);
	assert_int_equal(proc_wait(a), -SIGTERM);
	assert_int_equal(proc_wait(b), -SIGTERM);
	assert_true(proc_alive(c));
	sk_cgroup_kill(other);
	assert_int_equal(proc_wait(c), -SIGKILL);
	assert_true(kill_all(other));
	sk_cgroup_give(cgs, mine);
	sk_cgroup_give(cgs, other);
	groups_gone(cgs);
}

static void
groups_are_used_again_unless_they_were_killed_or_limited(void **state)
{
	struct sk_cgroups *cgs = groups(false);
	struct sk_cgroup *a = take(cgs, 0), *b = take(cgs, 0);
	size_t fds = proc_open_fds();
	const char *dir =
		sk_cgroups_v2_dir(cgs)[0] != '\0' ? sk_cgroups_v2_dir(cgs) : sk_cgroups_v1_dir(cgs);
	size_t entries = proc_entries(dir);

	(void)state;
	assert_ptr_not_equal(a, b);
	sk_cgroup_give(cgs, a);
	assert_ptr_equal(take(cgs, 0), a);
	for (int i = 0; i < 100; i++) {
		sk_cgroup_give(cgs, a);
		a = take(cgs, 0);
		proc_wait(member(a, "exit 0"));
	}
	assert_int_equal(proc_open_fds(), fds);
	assert_int_equal(proc_entries(dir), entries);
	sk_cgroup_kill(a);
	sk_cgroup_give(cgs, a);
	assert_int_equal(proc_entries(dir), entries - 1);
	sk_cgroup_give(cgs, b);
	sk_cgroup_give(cgs, NULL);
	groups_gone(cgs);
}

static void
a_group_in_use_again_forgets_nobody(void **state)
{
	struct sk_cgroups *cgs = groups(false);

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct sk_cgroup *cg = take(cgs, 0);

		proc_wait(member(cg, "exit 0"));
		assert_false(sk_cgroup_populated(cg));
		sk_cgroup_give(cgs, cg);
		cg = take(cgs, 0);
		proc_wait(member(cg, "sleep 60 & exit 0")); /* right after: leaves somebody */
		assert_true(sk_cgroup_populated(cg));
		assert_true(kill_all(cg));
		sk_cgroup_give(cgs, cg);
	}
	groups_gone(cgs);
}

/* ---- memory ---- */

static void
the_limit_holds_and_its_victims_are_counted(void **state)
{
	struct sk_cgroups *cgs = groups(true);
	struct sk_cgroup *cg = take(cgs, 16), *other = take(cgs, 16);
	int64_t own = sk_cgroups_own_oom_kills(cgs);
	pid_t pid;

	(void)state;
	assert_int_equal(sk_cgroup_oom_kills(cg), 0);
	pid = member(cg, "exec dd if=/dev/zero of=/dev/null bs=1M count=1 2>/dev/null");
	assert_int_equal(proc_wait(pid), 0);
	assert_int_equal(sk_cgroup_oom_kills(cg), 0);
	pid = member(cg, "exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null");
	assert_int_equal(proc_wait(pid), -SIGKILL);
	assert_int_equal(sk_cgroup_oom_kills(cg), 1);
	assert_int_equal(sk_cgroup_oom_kills(other), 0);
	if (sk_cgroups_v1_dir(cgs)[0] != '\0') /* v2 counts what is below, too */
		assert_int_equal(sk_cgroups_own_oom_kills(cgs), own);
	sk_cgroup_give(cgs, cg);
	cg = take(cgs, 16); /* a new count */
	assert_int_equal(sk_cgroup_oom_kills(cg), 0);
	sk_cgroup_give(cgs, cg);
	sk_cgroup_give(cgs, other);
	groups_gone(cgs);
}

static void
a_kill_of_ours_is_no_want_of_memory(void **state)
{
	struct sk_cgroups *cgs = groups(true);
	struct sk_cgroup *cg = take(cgs, 16);
	pid_t pid = member(cg, "exec sleep 60");

	(void)state;
	while (!sk_cgroup_populated(cg))
		usleep(1000);
	sk_cgroup_kill(cg);
	kill(pid, SIGKILL);
	assert_int_equal(proc_wait(pid), -SIGKILL);
	assert_int_equal(sk_cgroup_oom_kills(cg), 0);
	sk_cgroup_give(cgs, cg);
	groups_gone(cgs);
}

/* ---- off ---- */

static void
switched_off_there_are_no_groups_but_our_own_counter(void **state)
{
	struct sk_cgroups *cgs = sk_cgroups_new(run_id, false), *on = sk_cgroups_new(run_id, true);
	struct sk_err err = { SK_OK, "" };

	(void)state;
	assert_false(sk_cgroups_track(cgs));
	assert_false(sk_cgroups_memory(cgs));
	assert_string_equal(sk_cgroups_v2_dir(cgs), "");
	assert_string_equal(sk_cgroups_v1_dir(cgs), "");
	assert_null(sk_cgroup_take(cgs, 0, &err));
	assert_null(sk_cgroup_take(cgs, 10, &err));
	assert_non_null(strstr(sk_cgroups_describe(cgs), "none"));
	assert_int_equal(sk_cgroups_own_oom_kills(cgs), sk_cgroups_own_oom_kills(on));
	sk_cgroup_give(cgs, NULL);
	sk_cgroups_free(cgs);
	sk_cgroups_free(on);
	sk_cgroups_free(NULL);
}

/* ---- what a dead run left ---- */

static void
clearing_kills_what_a_dead_run_left_and_removes_its_groups(void **state)
{
	struct sk_cgroups *cgs = groups(true);
	struct sk_cgroup *a = take(cgs, 0), *b = take(cgs, 50);
	char v2[1300], v1[1300];
	size_t killed;
	pid_t pids[3];

	(void)state;
	pids[0] = member(a, "exec sleep 60");
	pids[1] = member(a, "trap '' TERM; exec sleep 60");
	pids[2] = member(b, "exec sleep 60");
	while (!sk_cgroup_populated(a) || !sk_cgroup_populated(b))
		usleep(1000);
	usleep(50000);
	snprintf(v2, sizeof(v2), "%s", sk_cgroups_v2_dir(cgs));
	snprintf(v1, sizeof(v1), "%s", sk_cgroups_v1_dir(cgs));
	assert_int_equal(sk_cgroup_clear(v2, "another run"), 0);
	assert_int_equal(sk_cgroup_clear(v1, "another run"), 0);
	for (size_t i = 0; i < 3; i++)
		assert_true(proc_alive(pids[i]));
	killed = sk_cgroup_clear(v1, run_id) + sk_cgroup_clear(v2, run_id);
	assert_int_equal(killed, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(proc_wait(pids[i]), -SIGKILL);
	assert_int_equal(sk_cgroup_clear(v2, run_id) + sk_cgroup_clear(v1, run_id), 0);
	assert_false(v2[0] != '\0' && proc_exists(v2));
	assert_false(v1[0] != '\0' && proc_exists(v1));
	sk_cgroup_give(cgs, a);
	sk_cgroup_give(cgs, b);
	sk_cgroups_free(cgs); /* its directories are gone: no harm */
}

/* A run file may have been written by anybody. */
static void
clearing_touches_nothing_but_control_groups_of_that_run(void **state)
{
	char dir[600], list[1300], text[32];
	pid_t pid = proc_sh("exec sleep 60", NULL);

	(void)state;
	snprintf(dir, sizeof(dir), "%s", proc_path("skalds-%s", run_id));
	assert_int_equal(mkdir(dir, 0755), 0);
	snprintf(list, sizeof(list), "%s/0", dir);
	assert_int_equal(mkdir(list, 0755), 0);
	snprintf(text, sizeof(text), "%d\n", (int)pid);
	snprintf(list, sizeof(list), "%s/0/cgroup.procs", dir);
	proc_write(list, text);
	assert_int_equal(sk_cgroup_clear(dir, run_id), 0);
	assert_int_equal(sk_cgroup_clear("", run_id), 0);
	assert_int_equal(sk_cgroup_clear("/", run_id), 0);
	assert_int_equal(sk_cgroup_clear("/sys/fs/cgroup", run_id), 0);
	assert_int_equal(sk_cgroup_clear(proc_path("missing/skalds-%s", run_id), run_id), 0);
	assert_true(proc_alive(pid));
	assert_true(proc_exists(list));
	proc_end(pid);
}

/* ---- other hosts ---- */

/* Hierarchies of this type go, or cannot be written, for this process and its children. */
static void
change_all(const char *type, bool unmount)
{
	char line[4096], points[64][256];
	size_t n = 0;
	FILE *f;

	proc_must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	f = fopen("/proc/self/mountinfo", "re");
	proc_must(f != NULL);
	while (n < 64 && fgets(line, sizeof(line), f) != NULL) {
		char want[32];

		snprintf(want, sizeof(want), " - %s ", type);
		if (strstr(line, want) != NULL && sscanf(line, "%*s %*s %*s %*s %255s", points[n]) == 1)
			n++;
	}
	fclose(f);
	while (n-- > 0)
		proc_must(
			(unmount ? umount2(points[n], MNT_DETACH)
					 : mount(NULL, points[n], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL)) == 0);
}

/* cgroup.procs of v1 is cached by the kernel for a second where a descriptor stays open. */
static int
live_with_v1_only(void *arg)
{
	struct sk_cgroups *cgs;

	(void)arg;
	if (unshare(CLONE_NEWNS) != 0)
		return 77;
	change_all("cgroup2", true);
	cgs = sk_cgroups_new(run_id, true);
	proc_must(sk_cgroups_v2_dir(cgs)[0] == '\0');
	if (!sk_cgroups_track(cgs))
		return 77;
	proc_must(strstr(sk_cgroups_describe(cgs), "v1 (kill by list)") != NULL);
	proc_must(sk_cgroups_memory(cgs));
	for (int i = 0; i < 3; i++) {
		struct sk_cgroup *cg = sk_cgroup_take(cgs, 0, NULL);
		struct member m = { cg, "exit 0" };

		proc_must(cg != NULL && sk_cgroup_fd(cg) == -1);
		waitpid(proc_fork(join, &m), NULL, 0);
		proc_must(!sk_cgroup_populated(cg));
		sk_cgroup_give(cgs, cg);
		cg = sk_cgroup_take(cgs, 0, NULL);
		m = (struct member){ cg, "setsid sleep 60 & setsid sleep 60 & exit 0" };
		waitpid(proc_fork(join, &m), NULL, 0);
		proc_must(sk_cgroup_populated(cg)); /* not what was read a moment ago */
		proc_must(kill_all(cg));
		sk_cgroup_give(cgs, cg);
	}
	sk_cgroups_free(cgs);
	return 0;
}

static int
live_without_any(void *arg)
{
	struct sk_cgroups *cgs;

	(void)arg;
	if (unshare(CLONE_NEWNS) != 0)
		return 77;
	change_all("cgroup2", true);
	change_all("cgroup", true);
	cgs = sk_cgroups_new(run_id, true);
	proc_must(!sk_cgroups_track(cgs) && !sk_cgroups_memory(cgs));
	proc_must(
		strcmp(sk_cgroups_describe(cgs), "none: process groups and marks, no memory limits") == 0);
	proc_must(sk_cgroup_take(cgs, 5, NULL) == NULL);
	proc_must(sk_cgroups_own_oom_kills(cgs) == -1);
	sk_cgroups_free(cgs);
	return 0;
}

/* All are there and none may be written. */
static int
live_read_only(void *arg)
{
	struct sk_cgroups *cgs;

	(void)arg;
	if (unshare(CLONE_NEWNS) != 0)
		return 77;
	change_all("cgroup2", false);
	change_all("cgroup", false);
	cgs = sk_cgroups_new(run_id, true);
	proc_must(!sk_cgroups_track(cgs));
	sk_cgroups_free(cgs);
	return 0;
}

static void
in_another_world(int (*fn)(void *arg))
{
	int code;

	PROC_ROOT_ONLY();
	code = proc_wait(proc_fork(fn, NULL));
	if (code == 77) {
		print_message("# skipped: no mount namespaces here, or nothing to make groups in\n");
		skip();
	}
	assert_int_equal(code, 0);
}

static void
a_host_with_v1_alone_tracks_too_and_never_believes_an_old_list(void **state)
{
	(void)state;
	in_another_world(live_with_v1_only);
}

static void
a_host_without_control_groups_says_so(void **state)
{
	(void)state;
	in_another_world(live_without_any);
}

static void
a_host_that_lets_nobody_write_says_so(void **state)
{
	(void)state;
	in_another_world(live_read_only);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_group_is_populated_while_somebody_lives_in_it),
		T(nobody_escapes_a_group),
		T(a_signal_reaches_everybody_in_the_group_and_nobody_else),
		T(groups_are_used_again_unless_they_were_killed_or_limited),
		T(a_group_in_use_again_forgets_nobody),
		T(the_limit_holds_and_its_victims_are_counted),
		T(a_kill_of_ours_is_no_want_of_memory),
		T(switched_off_there_are_no_groups_but_our_own_counter),
		T(clearing_kills_what_a_dead_run_left_and_removes_its_groups),
		T(clearing_touches_nothing_but_control_groups_of_that_run),
		T(a_host_with_v1_alone_tracks_too_and_never_believes_an_old_list),
		T(a_host_without_control_groups_says_so),
		T(a_host_that_lets_nobody_write_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
